"""Falsifiable claims about numerical code: measured, judged, and never typed by hand."""

__version__ = "0.1.0"
