"""Fixtures of all tests. ``project`` is a folder to run ``pv`` in, without a process of its own."""

from pvcheck.testing import project

__all__ = ["project"]
