"""Baselines: which pairs of numbers of a series have a ratio that was claimed, and which bounds claim one."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.bounds import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.domain.bounds import Test

NARROW = 0.01
"""Reach of a claim, relative to it: a wider interval is a limit and tells nobody's ratio."""
WINDOW = 2.0
"""How far around a claim other ratios are counted, as a factor, to tell what chance would give."""
ROUNDED = 0.001
"""The most that a number without a tolerance is taken to be rounded by, relative to it."""


class Claim(NamedTuple):
    """A ratio that somebody says was found: its number in the middle, and the interval that counts as equal."""

    number: float
    low: float
    high: float

    def fits(self, ratio: float) -> bool:
        """Say whether a ratio is the claimed one. NaN is not."""
        return self.low <= ratio <= self.high

    def __str__(self) -> str:
        reach = (self.high - self.low) / 2 / abs(self.number)
        return f"{self.number:.6g} (within {reach * 100:.2g} %)"


class Pair(NamedTuple):
    """Two positions of a series and the ratio of their numbers."""

    top: int
    bottom: int
    ratio: float


class Fits(NamedTuple):
    """The pairs that have a claimed ratio, of how many there are, and how many would have it by chance.

    By chance: if the ratios around the claim lay where they lie for no reason, as many on each part of a logarithmic
    scale, from half of the claim to twice the claim.
    """

    pairs: tuple[Pair, ...]
    total: int
    by_chance: float


def of_bound(test: Test) -> Claim | None:
    """Return the ratio that a bound claims: a number, a number with a tolerance, a narrow interval; else None.

    >>> str(of_bound(Span(1.8081, True, 1.8081, True)))
    '1.8081 (within 0.0028 %)'
    """
    if not isinstance(test, Span) or test.inverted or math.isinf(test.low) or math.isinf(test.high):
        return None
    number = test.low + (test.high - test.low) / 2
    if number == 0:
        return None
    if test.low == test.high:
        reach = min(_half_digit(number), ROUNDED * abs(number))
        return Claim(number, number - reach, number + reach)
    if (test.high - test.low) / 2 > NARROW * abs(number) * (1 + 1e-9):  # 1.8 +- 1% is narrow, rounded or not
        return None
    return Claim(number, test.low, test.high)


def _half_digit(number: float) -> float:
    """Return half a unit of the last digit that a number is written with."""
    digits, _, exponent = repr(number).partition("e")
    _, _, decimals = digits.partition(".")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(decimals))


def pairs(series: Sequence[float], claim: Claim) -> Fits:
    """Return the pairs of positions whose ratio is the claimed one.

    A pair has two positions, finite numbers and a divisor that is not zero. Time grows with the length of the series
    and with what is found, not with the number of pairs.
    """
    finite = [(number, at) for at, number in enumerate(series) if math.isfinite(number)]
    bottoms = [(number, at) for number, at in finite if number != 0]
    order = sorted(finite)
    numbers = [number for number, _ in order]
    found, near = [], 0
    for bottom, at in bottoms:
        # One part in 2**50 further on both sides: products round, and the ratio itself decides below.
        first, last = _between(numbers, claim.low * bottom, claim.high * bottom, 2.0**-50)
        found += [
            Pair(top_at, at, top / bottom)
            for top, top_at in order[first:last]
            if top_at != at and claim.fits(top / bottom)
        ]
        first, last = _between(numbers, claim.number / WINDOW * bottom, claim.number * WINDOW * bottom, 0.0)
        near += last - first - (1 / WINDOW <= claim.number <= WINDOW)  # a number over itself is no pair
    return Fits(tuple(sorted(found)), len(bottoms) * (len(finite) - 1), near * _share(claim))


def _between(numbers: Sequence[float], one: float, other: float, slack: float) -> tuple[int, int]:
    """Return where the sorted numbers between two ends, given in any order, start and stop."""
    low, high = min(one, other), max(one, other)
    more = slack * max(abs(low), abs(high))
    return bisect_left(numbers, low - more), bisect_right(numbers, high + more)


def _share(claim: Claim) -> float:
    """Return which part of its surroundings, on a logarithmic scale, a claim takes up: all where it holds zero."""
    if claim.low * claim.high <= 0:
        return 1.0
    return abs(math.log(claim.high / claim.low)) / (2 * math.log(WINDOW))
