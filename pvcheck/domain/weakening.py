"""Whether bounds accept what others refused: bounds of one metric compared as sets of values.

A list of bounds accepts what each of them accepts. What the new list says of the numbers of a series is gathered
first (of all of them, of the largest, of single items, of how many there are), then each old bound must follow from
it. What cannot be shown to follow counts as weaker, so a mistake here asks for too large a version and never
for one that is too small.
"""

from __future__ import annotations

import math
import struct
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import intervals
from pvcheck.domain.bounds import Bits, Flag, Span
from pvcheck.domain.metric import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.domain.bounds import Bound, Test
    from pvcheck.domain.intervals import Numbers


class Known(NamedTuple):
    """What is known of one number: where it lies, and the patterns and truth values that it is."""

    numbers: Numbers = intervals.ALL
    exact: frozenset[Bits | Flag] = frozenset()

    def and_(self, other: Known) -> Known:
        """Return what is known if both are."""
        return Known(intervals.common(self.numbers, other.numbers), self.exact | other.exact)

    def means(self, test: Test) -> bool:
        """Say whether such a number passes a test."""
        if isinstance(test, Span):
            return intervals.contains(intervals.of_span(test), self.numbers)
        return not self.numbers or test in self.exact


class Facts(NamedTuple):
    """What a list of bounds says of a series that it accepts, which has one number at least.

    ``each`` is known of every number, the others of the largest, of the smallest, of items by position, of some
    number or other, and of how many pass a test. ``no_nan`` says that there is no NaN among them: otherwise ``each``
    is everything, and nobody can say which is the largest.
    """

    no_nan: bool
    each: Known
    most: Known
    least: Known
    items: dict[int, Known]
    some: tuple[Known, ...]
    counted: dict[Test, Numbers]

    def contradict(self) -> bool:
        """Say whether no series is like that."""
        known = (self.each, self.most, self.least, *self.items.values(), *self.some)
        return not all(each.numbers for each in known) or not all(self.how_many(test) for test in self.counted)

    def how_many(self, test: Test) -> Numbers:
        """Return how many numbers can pass a test; a test that is easier to pass is passed no less often."""
        found = self.counted.get(test, _ANY_COUNT)
        if not self.narrowed(test).numbers:
            found = intervals.common(found, ((0, 0),))
        if any(each.means(test) for each in self.all_known()):
            found = intervals.common(found, ((1, math.inf),))
        for other, count in self.counted.items():
            if self.narrowed(other).means(test):
                found = intervals.common(found, intervals.from_(count))
            if self.narrowed(test).means(other):
                found = intervals.common(found, intervals.up_to(count))
        return found

    def narrowed(self, test: Test) -> Known:
        """Return what is known of a number that passes a test."""
        return known(test).and_(self.each)

    def all_known(self) -> Iterator[Known]:
        """Yield what is known of some number or other."""
        if self.no_nan:
            yield from (self.each, self.most, self.least)
        yield from self.items.values()
        yield from self.some
        yield from (
            self.narrowed(test) for test, count in self.counted.items() if intervals.contains(((1, math.inf),), count)
        )

    def mean(self, bound: Bound) -> bool:
        """Say whether every such series is accepted by a bound."""
        test = bound.test
        if bound.over == "all":
            return self.each.means(test)
        if bound.over == "max":
            return self.no_nan and self.most.means(test)
        if bound.over == "min":
            return self.no_nan and self.least.means(test)
        if bound.over == "item":
            return self.item(bound.item).means(test)
        if bound.over == "count" and bound.counted is not None and isinstance(test, Span):
            return intervals.contains(intervals.counts(intervals.of_span(test)), self.how_many(bound.counted))
        return any(each.means(test) for each in self.all_known())

    def item(self, position: int) -> Known:
        """Return what is known of the number at a position; of one that may be missing, nothing."""
        if position in self.items:
            return self.items[position]
        is_there = position == 0 or any(other > position for other in self.items)
        return self.each if self.no_nan and is_there else _UNKNOWN


_UNKNOWN = Known()
_ANY_COUNT = intervals.counts(intervals.ALL)
_FORMS = {MetricType.F32: ("I", "f"), MetricType.F64: ("Q", "d")}


def is_weaker(before: Iterable[Bound], after: Iterable[Bound]) -> bool:
    """Say whether some value is accepted by the new bounds and was refused by the old ones."""
    facts = gathered(tuple(after))
    old = tuple(before)
    if facts is None:
        return bool(old)
    return not facts.contradict() and not all(map(facts.mean, old))


def gathered(bounds: tuple[Bound, ...]) -> Facts | None:
    """Return what bounds say together, or None where there are none: then even an empty series is accepted."""
    if not bounds:
        return None
    largest, smallest = _of(bounds, "max", ""), _of(bounds, "min")
    each = _of(bounds, "all")
    top, bottom = largest.and_(each), smallest.and_(each)
    each = each.and_(Known(intervals.up_to(top.numbers))).and_(Known(intervals.from_(bottom.numbers)))
    positions = {bound.item for bound in bounds if bound.over == "item"}
    items = {item: reduce(Known.and_, _items(bounds, item), each) for item in positions}
    some = tuple(known(bound.test).and_(each) for bound in bounds if bound.over == "any")
    found = (*items.values(), *some)
    return Facts(
        no_nan=any(bound.over in {"all", "max", "min", ""} for bound in bounds),
        each=each,
        most=reduce(Known.and_, (Known(intervals.from_(one.numbers)) for one in (*found, each)), top.and_(each)),
        least=reduce(Known.and_, (Known(intervals.up_to(one.numbers)) for one in (*found, each)), bottom.and_(each)),
        items=items,
        some=some,
        counted=_counted(bounds),
    )


def known(test: Test) -> Known:
    """Return what is known of a number that passes a test."""
    if isinstance(test, Span):
        return Known(intervals.of_span(test))
    if isinstance(test, Flag):
        return Known(((int(test.wanted), int(test.wanted)),), frozenset({test}))
    whole, real = _FORMS[test.kind]
    number = struct.unpack(f"<{real}", struct.pack(f"<{whole}", int(test.pattern, 16)))[0]
    return Known(intervals.NONE if math.isnan(number) else ((number, number),), frozenset({test}))


def _of(bounds: Iterable[Bound], *over: str) -> Known:
    """Return what the bounds over these numbers say together."""
    return reduce(Known.and_, (known(bound.test) for bound in bounds if bound.over in over), _UNKNOWN)


def _items(bounds: Iterable[Bound], item: int) -> Iterator[Known]:
    """Yield what each bound on an item says."""
    return (known(bound.test) for bound in bounds if bound.over == "item" and bound.item == item)


def _counted(bounds: Iterable[Bound]) -> dict[Test, Numbers]:
    """Return how many numbers pass each test that is counted."""
    found: dict[Test, Numbers] = {}
    for bound in bounds:
        if bound.over == "count" and bound.counted is not None and isinstance(bound.test, Span):
            counts = intervals.counts(intervals.of_span(bound.test))
            found[bound.counted] = intervals.common(found.get(bound.counted, _ANY_COUNT), counts)
    return found
