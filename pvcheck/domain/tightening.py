"""From a bound that lets faults pass to the nearest one that does not.

The new bound has the old form where that is possible, else two ends around the clean value. It never accepts
what the old one refused. Each new end stands about the geometric middle between the clean value and the nearest
fault, in as few digits as keep it strictly between: as tight as the known faults ask for, and no tighter.
"""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import bounds
from pvcheck.domain.bounds import Bound, Span
from pvcheck.domain.metric import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.domain.metric import Number, Value
    from pvcheck.domain.teeth import Expected

_MOST_DIGITS = 17
"""Decimal digits that tell any two binary64 numbers apart."""


class Tighter(NamedTuple):
    """A bound that may replace one, as it is written, and the faults it refuses that the old one accepts.

    ``margin`` is what is left between it and the clean value.
    """

    text: str
    bound: Bound
    refuses: tuple[str, ...]
    margin: float


class _Ends(NamedTuple):
    """What a bound compares with its lower and with its upper end."""

    low: float
    high: float


def tighter(expected: Expected, clean: Value, faults: Mapping[str, Value], room: float = 0.0) -> Tighter | None:
    """Return the bound that refuses most of the faults which ``expected`` accepts, or None if no simple one does.

    :param faults: the values of the metric under each fault that moves it.
    :param room: faults that lie nearer to the clean value than this part of it are let pass, so that a bound has
        room for another machine.
    """
    old, kind = expected.bound, expected.kind
    about = _ends(old, clean, kind)
    if not isinstance(old.test, Span) or not old.accepts(clean, kind):
        return None  # bit patterns and truth values are as tight as can be, and what is refuted needs no tighter bound
    if about is None or not all(map(math.isfinite, about)):
        return None
    missed = {name: value for name, value in faults.items() if old.accepts(value, kind)}
    ended = _ended(old, missed, kind, room)
    percent = "%" in expected.spelled and "+-" not in expected.spelled and not ended.whole
    best: Tighter | None = None
    for text in _candidates(old, old.test, about, ended, percent=percent):
        new = bounds.parse(text)
        refused = tuple(name for name, value in missed.items() if not new.accepts(value, kind))
        if len(refused) > (len(best.refuses) if best else 0):
            best = Tighter(text, new, refused, new.margin(clean, kind) or 0.0)
    return best


def _ended(old: Bound, missed: Mapping[str, Value], kind: MetricType, room: float) -> _Faults:
    """Return the ends of the faults that a bound accepts."""
    found = [ends for value in missed.values() if (ends := _ends(old, value, kind)) is not None]
    return _Faults(tuple(each.low for each in found), tuple(each.high for each in found), _is_whole(old, kind), room)


class _Faults(NamedTuple):
    """Where the faults lie that are accepted, whether only whole numbers occur, and how near is too near."""

    lows: tuple[float, ...]
    highs: tuple[float, ...]
    whole: bool
    room: float

    def below(self, clean: float) -> float | None:
        """Return the nearest fault below the clean value, perhaps minus infinity, or None where there is none."""
        limit = clean - abs(clean) * self.room
        return max((each for each in self.lows if each < limit), default=None)

    def above(self, clean: float) -> float | None:
        """Return the nearest fault above the clean value, perhaps infinity, or None where there is none."""
        limit = clean + abs(clean) * self.room
        return min((each for each in self.highs if each > limit), default=None)


def _is_whole(bound: Bound, kind: MetricType) -> bool:
    return bound.over == "count" or kind is MetricType.INT


def _ends(bound: Bound, value: Value, kind: MetricType) -> _Ends | None:
    """Return the numbers that decide a bound on a value, or None where no number does: it is refused anyhow."""
    series = value if isinstance(value, tuple) else (value,)
    if bound.over == "item":
        series = series[bound.item : bound.item + 1]
    if bound.over == "count" and bound.counted is not None:
        one = Bound("", bound.counted)
        return _alike(sum(one.accepts(each, kind) for each in series)) if series else None
    known = [float(each) for each in series if not math.isnan(each)]
    if not known:
        return None
    if bound.over == "all":
        return _Ends(min(known), max(known))
    if bound.over == "any":
        return _Ends(max(known), min(known))
    return _alike(min(known) if bound.over == "min" else max(known))


def _alike(number: Number) -> _Ends:
    return _Ends(float(number), float(number))


def _candidates(old: Bound, span: Span, about: _Ends, faults: _Faults, *, percent: bool) -> Iterator[str]:
    """Yield the texts of bounds to try: of the old form first, then with two ends."""
    prefix = _prefix(old)
    spans = [_same_form(span, about, faults)]
    if old.over != "any":
        spans.append(_around(span, about, faults))
    elif math.isfinite(span.low) and math.isfinite(span.high):
        return  # one item may stand between two ends while another lies outside: no end decides
    for each in spans:
        if each is not None:
            yield f"{prefix}{_written(each, percent=percent)}"


def _prefix(bound: Bound) -> str:
    """Return what a bound writes before its test."""
    if bound.over == "count":
        return bound.text.partition(")")[0] + ") "
    return f"[{bound.item}] " if bound.over == "item" else f"{bound.over} " if bound.over else ""


def _same_form(span: Span, about: _Ends, faults: _Faults) -> Span | None:
    """Return the span with the ends that it has moved towards the clean value."""
    if span.inverted:
        return None
    low, high = span.low, span.high
    below, above = faults.below(about.low), faults.above(about.high)
    if math.isfinite(low) and below is not None:
        low = _between(about.low, below, closed=span.low_in, whole=faults.whole)
    if math.isfinite(high) and above is not None:
        high = _between(about.high, above, closed=span.high_in, whole=faults.whole)
    return span._replace(low=low, high=high)


def _pieces(span: Span) -> tuple[tuple[float, bool, float, bool], ...]:
    """Return the set as intervals without inversion, each with whether its ends belong to it."""
    if not span.inverted:
        return ((span.low, span.low_in, span.high, span.high_in),)
    return ((-math.inf, True, span.low, not span.low_in), (span.high, not span.high_in, math.inf, True))


def _around(span: Span, about: _Ends, faults: _Faults) -> Span | None:
    """Return a closed span around the clean value and inside the old one, as far as it has to be closed."""
    pieces = [each for each in _pieces(span) if each[0] <= about.low and about.high <= each[2]]
    if not pieces:
        return None  # a series that lies on both sides of what != leaves out
    low, low_in, high, high_in = pieces[0]
    new_low, new_high = low, high
    below, above = faults.below(about.low), faults.above(about.high)
    if below is not None or (math.isfinite(low) and not low_in):
        new_low = _between(about.low, low if below is None else max(low, below), closed=True, whole=faults.whole)
    if above is not None or (math.isfinite(high) and not high_in):
        new_high = _between(about.high, high if above is None else min(high, above), closed=True, whole=faults.whole)
    return Span(new_low, True, new_high, True)


def _between(clean: float, fault: float, *, closed: bool, whole: bool) -> float:
    """Return an end between the two, in few digits and not near either; where none fits, the clean value if closed."""
    middle = _middle(clean, fault)
    low, high = sorted((clean, fault))
    least, most = (low, high) if whole else (low / 2 + middle / 2, middle / 2 + high / 2)
    last = clean if closed else fault
    tried = [float(math.floor(middle)), float(math.ceil(middle))] if whole else _shortened(middle)
    return next((each for each in tried if low < each < high and least <= each <= most), last)


def _middle(clean: float, fault: float) -> float:
    """Return the geometric middle of two numbers of one sign, else the arithmetic one; ten times towards infinity."""
    if math.isinf(fault):
        far = clean + math.copysign(9 * (abs(clean) or 1.0), fault)
        return max(-sys.float_info.max, min(sys.float_info.max, far))
    if (clean > 0) == (fault > 0) and clean and fault:
        return math.copysign(math.sqrt(abs(clean)) * math.sqrt(abs(fault)), clean)
    return clean / 2 + fault / 2


def _shortened(number: float) -> list[float]:
    """Return a number rounded to one digit, to two, and so on."""
    return [float(f"{number:.{digits}e}") for digits in range(_MOST_DIGITS)]


def _written(span: Span, *, percent: bool) -> str:
    """Return a span as a contract writes it: one with two ends is closed, and one has an end."""
    if math.isfinite(span.low) and math.isfinite(span.high):
        return f"in [{_decimal(span.low, percent=percent)}, {_decimal(span.high, percent=percent)}]"
    if math.isfinite(span.high):
        return f"{'<=' if span.high_in else '<'} {_decimal(span.high, percent=percent)}"
    return f"{'>=' if span.low_in else '>'} {_decimal(span.low, percent=percent)}"


def _decimal(number: float, *, percent: bool) -> str:
    """Return the shortest decimal of a number, perhaps in percent, which reads back as the same number."""
    exact = Decimal(repr(number)).normalize()
    if percent:
        exact = exact.scaleb(2)
    plain = -5 <= exact.adjusted() <= 8 or not exact
    return f"{exact:f}{'%' * percent}" if plain else f"{exact:e}{'%' * percent}"
