"""Leaning: whether the verdict of a bound would be another one if numbers that nobody can trust were others.

A bound leans on the marked numbers of a metric if some finite numbers in their place change its verdict. So ``max < 5``
leans on a marked number as long as the others stay below 5, and not when one of them is above it already;
``count(< 10%) >= 27`` does not lean on one mark among 28 numbers that are below. NaN is no number to think of here:
where one was measured, there is no verdict anyway.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from pvcheck.domain.bounds import Bits, Bound, Flag
from pvcheck.domain.metric import MetricType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pvcheck.domain.bounds import Test
    from pvcheck.domain.metric import Number, Value

LARGEST = {
    MetricType.F32: struct.unpack("<f", bytes.fromhex("ffff7f7f"))[0],
    MetricType.F64: struct.unpack("<d", bytes.fromhex("ffffffffffffef7f"))[0],
    MetricType.INT: 10**18 - 1,
}
"""The largest finite number of each type. What lies beyond cannot be measured, so no verdict leans on it."""


def leans(bound: Bound, value: Value, kind: MetricType, marked: Collection[int]) -> bool:
    """Say whether finite numbers at the marked positions exist that change the verdict of a bound.

    :param marked: positions in a series; 0 for a metric that is one number.
    """
    series = value if isinstance(value, tuple) else (value,)
    places = {position for position in marked if position < len(series)}
    if not places:
        return False
    if bound.over == "count" and bound.counted is not None:
        return _count_leans(bound, bound.counted, series, kind, places)
    # For every other form it is enough to put one number at all marked positions: the most and the least that "max"
    # and "min" can become are reached so, and "all" and "any" ask only whether one of them passes.
    verdicts = {
        bound.accepts(tuple(number if at in places else each for at, each in enumerate(series)), kind)
        for number in _landmarks(bound.test, kind)
    }
    return len(verdicts) > 1


def _count_leans(bound: Bound, counted: Test, series: tuple[Number, ...], kind: MetricType, places: set[int]) -> bool:
    """Say whether the numbers that pass can be so many or so few that the verdict on their count changes."""
    one = Bound("", counted)
    if len({one.accepts(number, kind) for number in _landmarks(counted, kind)}) == 1:
        return False  # a number of this type always passes, or never does
    fixed = sum(one.accepts(each, kind) for at, each in enumerate(series) if at not in places)
    total = Bound("", bound.test)
    return len({total.accepts(fixed + free, MetricType.INT) for free in range(len(places) + 1)}) > 1


def _landmarks(test: Test, kind: MetricType) -> tuple[Number, ...]:
    """Return numbers of a type among which each verdict that a test can give is given once.

    A test accepts a half-line, a closed interval, or all but one number. So it gives each verdict at an end of it or
    as far away as the type goes.
    """
    if kind is MetricType.BOOL:
        return (False, True)
    most = LARGEST[kind]
    return tuple(each for each in (-most, *_around(test, kind), most) if -most <= each <= most)


def _around(test: Test, kind: MetricType) -> Iterator[Number]:
    """Yield the ends of a test."""
    if isinstance(test, Flag):
        return
    if isinstance(test, Bits):
        letter = "f" if test.kind is MetricType.F32 else "d"
        (only,) = struct.unpack(f">{letter}", bytes.fromhex(test.pattern.removeprefix("0x")))
        yield only
        return
    for end in (test.low, test.high):
        if not math.isinf(end):
            # An interval that holds a whole number holds the one below its upper end.
            yield math.floor(end) if kind is MetricType.INT else end
