"""The faults that the general evaluators can plant in themselves, and what is said where one changes nothing. Light."""

from __future__ import annotations

import struct
from typing import Final

from pvcheck.plugin import Fault, NotMeasured

SIGNS_LOST: Final = "signs-lost"
LAST_ROW: Final = "last-row"
OVER_RIGHT: Final = "relative-to-right"
SINGLE_SUMS: Final = "single-precision-sums"

LAST_TOKEN: Final = "last-token"  # noqa: S105 - a token of a text
SAMPLE: Final = "sample-std"
UNCENTRED: Final = "mean-not-subtracted"

OTHER_UNIT: Final = "other-unit"
LOST_FIRST: Final = "first-number-lost"
NEIGHBOUR_GROWTH: Final = "growth-over-neighbour"
SINGLE: Final = "single-precision"

OTHER_CASE: Final = "other-case"
LOST_LINE: Final = "last-line-lost"
ONE_A_LINE: Final = "one-match-a-line"

LOST_FACTOR: Final = "last-factor-lost"
INVERTED: Final = "inverted-quotient"
WHOLE_EXPONENT: Final = "whole-exponent"

ARRAY_FAULTS: Final = (
    Fault(name=SIGNS_LOST, doc="the numbers of both sides are compared without their signs"),
    Fault(name=LAST_ROW, doc="the last row alone is compared, and told as the whole"),
    Fault(name=OVER_RIGHT, doc="relative_l2 is relative to the right side"),
    Fault(name=SINGLE_SUMS, doc="the squares are added from left to right in float32"),
)
TRACE_FAULTS: Final = (
    Fault(name=LAST_TOKEN, doc="the std of the right trace is that of its last row, and told as that of all rows"),
    Fault(name=SAMPLE, doc="the std of the right trace is that of a sample: over n - 1"),
    Fault(name=UNCENTRED, doc="the std of the right trace is its root mean square: the mean is not subtracted"),
)
SERIES_FAULTS: Final = (
    Fault(name=OTHER_UNIT, doc="percent is taken for factors, and factors for percent"),
    Fault(name=LOST_FIRST, doc="the first number is not read, as if it were a header"),
    Fault(name=NEIGHBOUR_GROWTH, doc="the growth is that of the last number over the one before it"),
    Fault(name=SINGLE, doc="the numbers are rounded to float32"),
)
TEXT_FAULTS: Final = (
    Fault(name=OTHER_CASE, doc="capital and small letters are alike where they should not be, and the other way round"),
    Fault(name=LOST_LINE, doc="the last line is not read"),
    Fault(name=ONE_A_LINE, doc="at most one match of a line is counted"),
)
ARITHMETIC_FAULTS: Final = (
    Fault(name=LOST_FACTOR, doc="the last factor of the product is left out"),
    Fault(name=INVERTED, doc="the product is divided by the number under against"),
    Fault(name=WHOLE_EXPONENT, doc="the exponent is cut off to a whole number, as an integer division does"),
    Fault(name=SINGLE, doc="the numbers are rounded to float32"),
)


def single(number: float) -> float:
    """Return a number rounded to float32; one that is too large for it stays."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return number


def refuse_same(fault: str | None, *, is_same: bool) -> None:
    """Refuse a measurement that a planted fault leaves as it is.

    :raises NotMeasured: if it does; nobody should take it for one that the fault has passed through.
    """
    if fault is not None and is_same:
        raise NotMeasured(f"not planted: {fault} changes nothing here")
