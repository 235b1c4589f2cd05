"""How much a page tells: of a fleet so large that the page would grow beyond its limit, it tells less, and says so."""

from __future__ import annotations

from typing import Final, NamedTuple

LIMIT: Final = 1_000_000
"""Bytes that a page should have at most: it opens at once, and a mail or a CI artifact takes it."""


class Detail(NamedTuple):
    """What a page tells of each falsifier. ``left_out`` says in words what it does not."""

    prose: int = 2000
    plots: bool = True
    tables: bool = True
    """The numbers of each plot and of each metric that no bound is put on."""
    brief: bool = False
    """Whether digests of inputs, parameters, stages and most of the prose are left to a smaller page."""
    left_out: str = ""


_BRIEF: Final = Detail(
    160,
    plots=False,
    tables=False,
    brief=True,
    left_out="plots, tables of numbers, stages, inputs, parameters, and prose but for the claim",
)
STEPS: Final = (
    Detail(),
    Detail(600, tables=False, left_out="tables of numbers that no bound is put on"),
    Detail(400, plots=False, tables=False, left_out="plots and tables of numbers"),
    Detail(
        160, False, False, True, "plots, tables of numbers, stages, inputs, parameters, and prose but for the claim"
    ),
    Detail(60, False, False, True, "plots, tables of numbers, stages, inputs, parameters, and nearly all prose"),
)
"""From everything to the least. The first one whose page is within the limit is taken, or the last."""
