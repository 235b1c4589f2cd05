"""Sets of the numbers that a metric can have, as closed intervals: what bounds mean when they are compared.

The numbers are those of binary64 and the integers of at most 18 digits, so that there is a next number to each:
``< 3`` ends at the float before 3, and nothing lies between ``<= 2`` and ``>= 3`` where only integers count.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pvcheck.domain.numbers import MAX_INT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pvcheck.domain.bounds import Span

End = int | float
Interval = tuple[End, End]
Numbers = tuple[Interval, ...]
"""Intervals in rising order with a number between each two of them, both ends of each in it."""

ALL: Final[Numbers] = ((-math.inf, math.inf),)
NONE: Final[Numbers] = ()


def of_span(span: Span) -> Numbers:
    """Return the numbers that a span accepts."""
    if span.inverted:
        below = (-math.inf, before(span.low) if span.low_in else span.low)
        above = (after(span.high) if span.high_in else span.high, math.inf)
        return joined((below, above), after)
    low = span.low if span.low_in else after(span.low)
    high = span.high if span.high_in else before(span.high)
    return ((low, high),) if low <= high else NONE


def after(number: End) -> End:
    """Return the next number above one, be it a float or an integer; infinity is its own.

    >>> after(2.0), after(2.0**53)
    (2.0000000000000004, 9007199254740993)
    """
    near = float(number)
    near = near if near > number else math.nextafter(near, math.inf)
    if math.isinf(number):
        return near
    whole = math.floor(number) + 1
    return whole if whole < near and abs(whole) < MAX_INT else near


def before(number: End) -> End:
    """Return the next number below one; minus infinity is its own."""
    return -after(-number)


def joined(parts: Iterable[Interval], following: Callable[[End], End]) -> Numbers:
    """Return the union of intervals that stand in rising order; neighbours become one."""
    found: list[Interval] = []
    for low, high in parts:
        if low > high:
            continue
        if found and low <= following(found[-1][1]):
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def common(one: Numbers, other: Numbers) -> Numbers:
    """Return the numbers that are in both."""
    found = [(max(low, least), min(high, most)) for low, high in one for least, most in other]
    return tuple((low, high) for low, high in found if low <= high)


def contains(whole: Numbers, part: Numbers) -> bool:
    """Say whether every number of the second is in the first."""
    return all(any(least <= low and high <= most for least, most in whole) for low, high in part)


def up_to(numbers: Numbers) -> Numbers:
    """Return everything that is not above all of them."""
    return ((-math.inf, numbers[-1][1]),) if numbers else NONE


def from_(numbers: Numbers) -> Numbers:
    """Return everything that is not below all of them."""
    return ((numbers[0][0], math.inf),) if numbers else NONE


def counts(numbers: Numbers) -> Numbers:
    """Return the whole numbers from 0 among them; the ends are then whole or infinite."""
    whole = [(_rounded(low, math.ceil), _rounded(high, math.floor)) for low, high in common(numbers, ((0, math.inf),))]
    return joined(whole, lambda number: number + 1)


def _rounded(end: End, how: Callable[[End], int]) -> End:
    """Return an end as a whole number, or infinity as it is."""
    return end if math.isinf(end) else how(end)
