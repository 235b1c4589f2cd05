"""Bounds: what a contract expects of a metric. Parsed once, judged without mercy for NaN, compared as sets.

    < 18      <= 1%      == 0xc69384e3      1.8103 +- 0.1%      in [0, 1]      is true
    all < 10%     any > 0     max < 5     min > 0     count(< 10%) >= 27     [3] == 0x3f800000

A number may end in ``%``, which divides by 100; after ``+-`` it is relative to the number before.
Hex has 8 digits for f32 and 16 for f64. A series takes a quantifier, a scalar takes none.
"""

from __future__ import annotations

import math
import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from pvcheck.domain.metric import MetricType, bits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pvcheck.domain.metric import Number, Value

MAX_LENGTH = 200
_NUMBER = r"[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,4})?"
_COMPARE = re.compile(rf"(<=|>=|==|!=|<|>)\s*({_NUMBER})(%?)", re.ASCII)
_BITS = re.compile(r"==\s*0x([0-9a-fA-F]{8}|[0-9a-fA-F]{16})", re.ASCII)
_AROUND = re.compile(rf"({_NUMBER})\s*\+-\s*({_NUMBER})(%?)", re.ASCII)
_WITHIN = re.compile(rf"in\s*\[\s*({_NUMBER})(%?)\s*,\s*({_NUMBER})(%?)\s*\]", re.ASCII)
_FLAG = re.compile(r"is\s+(true|false)", re.ASCII)
_EACH = re.compile(r"(all|any|max|min)\s+(.+)", re.ASCII)
_COUNT = re.compile(r"count\(([^()]+)\)\s*(.+)", re.ASCII)
_ITEM = re.compile(r"\[([0-9]{1,6})\]\s*(.+)", re.ASCII)


class BoundError(ValueError):
    """The text is no bound; ``hint`` is the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Span(NamedTuple):
    """The numbers between two ends, each end in or out; ``inverted`` is everything but them."""

    low: float
    low_in: bool
    high: float
    high_in: bool
    inverted: bool = False

    def accepts(self, number: Number) -> bool:
        """Say whether a number lies inside. NaN never does, in either form."""
        if math.isnan(number):
            return False
        above = number >= self.low if self.low_in else number > self.low
        below = number <= self.high if self.high_in else number < self.high
        return (above and below) != self.inverted

    def margin(self, number: Number) -> float:
        """Return the distance to the nearest end: positive inside, negative outside, NaN for NaN."""
        depth = min(number - self.low, self.high - number)
        return -depth if self.inverted else depth


class Bits(NamedTuple):
    """Exactly one bit pattern of one float type."""

    pattern: str
    kind: MetricType


class Flag(NamedTuple):
    """A truth value."""

    wanted: bool


Test = Span | Bits | Flag


class Bound(NamedTuple):
    """A test, and over which numbers of a series it is made.

    ``over`` is "" for a scalar, "all", "any", "max", "min", "count" or "item". ``text`` is the normal
    form, in which two spellings of one bound are equal.
    """

    text: str
    test: Test
    over: str = ""
    counted: Test | None = None
    item: int = 0

    def misfit(self, kind: MetricType, *, series: bool) -> str:
        """Return why the bound cannot be put on a metric of that type, or nothing."""
        if series and not self.over:
            return "a series needs one of all, any, max, min, count(...) or [i] before the bound"
        if self.over and not series:
            return "a single number takes no all, any, max, min, count(...) or [i]"
        measured = self.counted if self.over == "count" else self.test
        if isinstance(measured, Bits) and measured.kind is not kind:
            return f"a bit pattern of {len(measured.pattern) - 2} digits is {measured.kind}, the metric is {kind}"
        if isinstance(measured, Flag) != (kind is MetricType.BOOL):
            return f"the metric is {kind}: " + (
                "write 'is true' or 'is false'" if kind is MetricType.BOOL else "it is neither true nor false"
            )
        return ""

    def accepts(self, value: Value, kind: MetricType) -> bool:
        """Judge a value of a metric of that type. NaN, an empty series and a missing item satisfy nothing."""
        series = value if isinstance(value, tuple) else (value,)
        if not series:
            return False
        if self.over == "all":
            return all(_passes(self.test, each, kind) for each in series)
        if self.over == "any":
            return any(_passes(self.test, each, kind) for each in series)
        if self.over == "count" and self.counted is not None:
            return _passes(self.test, sum(_passes(self.counted, each, kind) for each in series), MetricType.INT)
        if self.over == "item":
            return self.item < len(series) and _passes(self.test, series[self.item], kind)
        return _passes(self.test, self._extreme(series), kind)

    def margin(self, value: Value, kind: MetricType) -> float | None:
        """Return how far the value stays inside the bound (negative: outside), or None where that has no size."""
        series = value if isinstance(value, tuple) else (value,)
        if not isinstance(self.test, Span) or not series or (self.over == "item" and self.item >= len(series)):
            return None
        if self.over == "count" and self.counted is not None:
            return self.test.margin(sum(_passes(self.counted, each, kind) for each in series))
        if self.over == "item":
            return self.test.margin(series[self.item])
        if self.over == "any":
            return max((self.test.margin(each) for each in series if not math.isnan(each)), default=math.nan)
        judged = (self._extreme(series),) if self.over in {"max", "min"} else series
        margins = [self.test.margin(each) for each in judged]
        return math.nan if any(map(math.isnan, margins)) else min(margins)

    def _extreme(self, series: tuple[Number, ...]) -> Number:
        """Return the number that "max", "min" or a scalar bound looks at; NaN if any is NaN."""
        if any(map(math.isnan, series)):
            return math.nan
        return min(series) if self.over == "min" else max(series)


def parse(text: str) -> Bound:
    """Return the bound that a text spells.

    :raises BoundError: if it spells none, with a hint.
    """
    stripped = text.strip()
    if len(stripped) > MAX_LENGTH:
        raise BoundError(f"a bound must have at most {MAX_LENGTH} characters", "split it into a list of bounds")
    return _parsed(stripped)


@lru_cache(maxsize=4096)  # a record spells the bounds of its contract again, and a fleet has few different ones
def _parsed(stripped: str) -> Bound:
    """Return the bound that a text without space around it spells."""
    if match := _EACH.fullmatch(stripped):
        test = _test(match[2])
        return Bound(f"{match[1]} {_shown(test)}", test, match[1])
    if match := _COUNT.fullmatch(stripped):
        counted, test = _test(match[1]), _test(match[2])
        if not isinstance(test, Span):
            raise BoundError("a count must be compared with a number", "write one such as count(< 10%) >= 27")
        return Bound(f"count({_shown(counted)}) {_shown(test)}", test, "count", counted)
    if match := _ITEM.fullmatch(stripped):
        test = _test(match[2])
        return Bound(f"[{int(match[1])}] {_shown(test)}", test, "item", None, int(match[1]))
    test = _test(stripped)
    return Bound(_shown(test), test)


def weaker(before: Iterable[Bound], after: Iterable[Bound]) -> bool:
    """Say whether bounds on a metric accept something that the ones before refused.

    Each list means all of its bounds. Where it cannot be shown that nothing more is accepted, the answer is yes.
    """
    from pvcheck.domain.weakening import is_weaker  # noqa: PLC0415 - a hook that compares nothing loads less

    return is_weaker(before, after)


def relation(before: Iterable[Bound], after: Iterable[Bound]) -> Literal["same", "weaker", "tighter"]:
    """Return what became of the bounds on a metric: bounds that accept other things, not fewer, are weaker."""
    old, new = tuple(before), tuple(after)
    if weaker(old, new):
        return "weaker"
    return "tighter" if weaker(new, old) else "same"


def _test(text: str) -> Test:
    """Return the test that a text without quantifier spells."""
    text = text.strip()
    if match := _BITS.fullmatch(text):
        return Bits(f"0x{match[1].lower()}", MetricType.F32 if len(match[1]) == 8 else MetricType.F64)
    if match := _COMPARE.fullmatch(text):
        return _compared(match[1], _number(match[2], match[3]))
    if match := _AROUND.fullmatch(text):
        centre = _number(match[1], "")
        reach = _number(match[2], match[3]) * (abs(centre) if match[3] else 1)
        if reach < 0:
            raise BoundError("the number after +- must be 0 or more", "give the distance that is allowed, such as 0.1%")
        return Span(_finite(centre - reach), True, _finite(centre + reach), True)
    if match := _WITHIN.fullmatch(text):
        low, high = _number(match[1], match[2]), _number(match[3], match[4])
        if low > high:
            raise BoundError("the first end must not be above the second", f"write in [{high!r}, {low!r}]")
        return Span(low, True, high, True)
    if match := _FLAG.fullmatch(text):
        return Flag(match[1] == "true")
    raise BoundError("not a bound", _hint(text))


def _compared(sign: str, limit: float) -> Span:
    """Return the numbers that stand in that relation to the limit."""
    below = {"<": False, "<=": True}
    if sign in below:
        return Span(-math.inf, True, limit, below[sign])
    above = {">": False, ">=": True}
    if sign in above:
        return Span(limit, above[sign], math.inf, True)
    return Span(limit, True, limit, True, inverted=sign == "!=")


def _number(text: str, percent: str) -> float:
    """Return the nearest binary64; a percent sign shifts the decimal exponent, so nothing rounds twice."""
    if percent:
        digits, _, exponent = text.lower().partition("e")
        text = f"{digits}e{int(exponent or '0') - 2}"
    number = _finite(float(text))
    if number == 0 and text.lower().partition("e")[0].strip("+-0."):
        raise BoundError("a limit must not round to zero", "give a number above 5e-324")
    return number + 0.0  # minus zero is zero, so that both have one normal form


def _finite(number: float) -> float:
    """Return a limit, unless it is too large for binary64."""
    if math.isinf(number):
        raise BoundError("a limit must be finite", "give a number below 1.8e308")
    return number


def _passes(test: Test, number: Number, kind: MetricType) -> bool:
    """Judge one number."""
    if isinstance(test, Bits):
        return not math.isnan(number) and test.kind is kind and bits(number, kind) == test.pattern
    if isinstance(test, Flag):
        return number is test.wanted
    return test.accepts(number)


def _shown(test: Test) -> str:
    """Return the normal form of a test, which parses to the same test."""
    if isinstance(test, Bits):
        return f"== {test.pattern}"
    if isinstance(test, Flag):
        return f"is {str(test.wanted).lower()}"
    if test.low == test.high:
        return f"{'!=' if test.inverted else '=='} {test.low!r}"
    if test.low == -math.inf:
        return f"{'<=' if test.high_in else '<'} {test.high!r}"
    if test.high == math.inf:
        return f"{'>=' if test.low_in else '>'} {test.low!r}"
    return f"in [{test.low!r}, {test.high!r}]"


_ADVICE: tuple[tuple[Callable[[str, str], bool], str, str], ...] = (
    (operator.eq, "true", "write 'is true'"),
    (operator.eq, "false", "write 'is false'"),
    (str.startswith, "=<", "write <="),
    (str.startswith, "=>", "write >="),
    (str.startswith, "= ", "write =="),
    (operator.contains, "±", "write +- in place of the sign"),
    (operator.contains, "0x", "give 8 hex digits for f32 or 16 for f64, as in == 0xc69384e3"),
)


def _hint(text: str) -> str:
    """Return the advice for a text that is no bound."""
    for applies, part, advice in _ADVICE:
        if applies(text, part):
            return advice
    if re.fullmatch(_NUMBER + "%?", text, re.ASCII):
        return f"write == {text}"
    return "write one of < 18, <= 1%, == 3, 1.81 +- 0.1%, in [0, 1], is true; for a series put all, any, max, min first"
