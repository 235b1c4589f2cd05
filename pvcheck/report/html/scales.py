"""Scales of plots: where a number stands on an axis, and which ticks the axis has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TICKS: Final = 6
"""Ticks that an axis has at most."""
LEAST: Final = 1e-300
"""The smallest span that can be divided into steps; a smaller one is shown as zero."""
LARGEST: Final = 1e300
"""Numbers beyond it have no place on a linear axis: the distance of two of them may be none."""
_STEPS: Final = (1, 2, 5, 10)


class Scale(NamedTuple):
    """From numbers to a place on an axis that grows from ``start`` to ``end``."""

    least: float
    most: float
    start: float
    end: float
    is_log: bool

    def at(self, value: float) -> float:
        """Return where a number stands; one beyond the axis, zero on a log axis included, stands at its end."""
        if math.isnan(value):
            return self.start
        if self.is_log:
            value = math.log10(value) if value > 0 else -math.inf
        return self._along(min(max(value, self.least), self.most))

    def shows(self, value: float) -> bool:
        """Say whether a number has a place of its own on the axis."""
        return math.isfinite(value) and value > 0 if self.is_log else abs(value) < LARGEST

    def ticks(self) -> list[tuple[float, str]]:
        """Return where ticks stand and how they are written: decades on a log axis, round numbers on another."""
        if self.is_log:
            powers = range(round(self.least), round(self.most) + 1)
            return [(self._along(each), decade(each)) for each in powers[:: max(1, math.ceil(len(powers) / TICKS))]]
        step = _round_step((self.most - self.least) / TICKS)
        first, last = math.ceil(self.least / step - 1e-9), math.floor(self.most / step + 1e-9)
        return [(self._along(step * number), f"{step * number:.6g}") for number in range(first, last + 1)]

    def _along(self, power: float) -> float:
        """Return where a number stands, or a power of ten on a log axis, that is on the axis."""
        return self.start + (power - self.least) / (self.most - self.least) * (self.end - self.start)


def decade(power: int) -> str:
    """Return a power of ten as people write it: plain where it is short."""
    return f"{10.0**power:g}" if -4 < power < 4 else f"1e{power:+d}"


def log(values: Iterable[float], start: float, end: float) -> Scale | None:
    """Return a log scale over whole decades, or None where there is no positive finite number."""
    powers = [math.log10(each) for each in values if math.isfinite(each) and each > 0]
    if not powers:
        return None
    least, most = math.floor(min(powers)), math.ceil(max(powers))
    return Scale(least, max(most, least + 1), start, end, is_log=True)


def linear(values: Iterable[float], start: float, end: float) -> Scale | None:
    """Return a scale from zero, or from below it, to the largest number, or None where nothing is finite."""
    finite = [each for each in values if abs(each) < LARGEST]
    if not finite:
        return None
    least, most = min(0.0, *finite), max(0.0, *finite)
    span = most - least
    if span < LEAST:
        return Scale(-1.0, 1.0, start, end, is_log=False)
    step = _round_step(span / TICKS)
    return Scale(math.floor(least / step) * step, math.ceil(most / step) * step, start, end, is_log=False)


def thinned(count: int, room: int) -> Sequence[int]:
    """Return positions that get a tick, the first always: so many that each has its place."""
    step = next(each * 10**power for power in range(10) for each in _STEPS if count <= room * each * 10**power)
    return range(0, count, step)


def _round_step(rough: float) -> float:
    """Return the round number at or above a rough distance between ticks."""
    unit = 10.0 ** math.floor(math.log10(rough))
    return next((each * unit for each in _STEPS if each * unit >= rough * (1 - 1e-9)), 10 * unit)
