"""What differs between two JSON trees, such as two versions of a contract, and the way from one to the other.

A list whose items are told apart by a name (their ``id``, for amendments their ``version``) is compared item by
item: an edit is an edit of that item wherever it stands now, and another order is a difference of its own. The
names stand in the routes: ``("falsification_tests", "F-1", "expect", "growth")``. Other lists of mappings are
compared by position, and lists of anything else as a whole.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.domain.route import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route


class _Absence(Enum):
    """The one value that no JSON holds."""

    ABSENT = "nothing"


ABSENT: Final = _Absence.ABSENT
"""Stands on the side of a difference on which there is nothing. A null is something."""

NAMES: Final = (("id",), ("version",), ("name",), ("type", "property"))
"""What tells the items of a list apart, the first that does."""

_IS = "="
"""Joins the keys and the name in the step of an item that has no ``id``: ``version=1.12.0``."""


class Order(NamedTuple):
    """The names of the items that a list had before and has still, as they follow each other."""

    names: tuple[str, ...]


class Difference(NamedTuple):
    """One value that is another one now; ``ABSENT`` on one side says that it came or went.

    Where the items of a list were moved, both sides are an ``Order``. ``at`` is the position of an item that was
    added to a list.
    """

    route: Route
    before: JSON
    after: JSON
    at: int = -1


def compare(before: JSON, after: JSON) -> tuple[Difference, ...]:
    """Return what differs; nothing where the trees are the same."""
    return tuple(_compared((), before, after))


def apply(tree: JSON, differences: Iterable[Difference]) -> JSON:
    """Return the tree that differences lead to; the one they start from stays as it is.

    >>> apply([{"id": "a"}], compare([{"id": "a"}], [{"id": "b"}, {"id": "a"}]))
    [{'id': 'b'}, {'id': 'a'}]
    """
    for each in differences:
        tree = _applied(tree, each.route, each)
    return tree


def same(one: JSON, other: JSON) -> bool:
    """Say whether two trees are the same: true is not 1, but 1 is 1.0, and NaN is itself.

    Numbers are told apart as claims tell them: by their value, and zeros by their sign.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float | int) and isinstance(other, float | int) and not (one and other):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - only NaN is not itself


def names(items: JSON, others: JSON = ()) -> list[str] | None:
    """Return the name of each item of a list, or None where nothing tells the items apart.

    What does must do so in the other list too: the names of two lists are then of one kind.
    """
    for keys in NAMES:
        mine, theirs = ([_name(item, keys) for item in each] for each in (items, others))
        if None not in {*mine, *theirs} and len(set(mine)) == len(mine) and len(set(theirs)) == len(theirs):
            return [str(name) for name in mine]
    return None


def located(tree: JSON, route: Route) -> Route:
    """Return a route as far as it leads in a tree, with positions where it has the names of items."""
    found: list[str | int] = []
    for step in route:
        if isinstance(tree, dict) and step in tree:
            place: str | int | None = step
        elif isinstance(tree, list):
            place = _position(tree, step)
        else:
            place = None
        if place is None:
            break
        found.append(place)
        tree = tree[place]
    return tuple(found)


def readable(route: Route) -> str:
    """Return a route as a reader writes it, with the names of items as the file has them.

    >>> readable(("amendments", "version=1.12.0", "date"))
    'amendments.1.12.0.date'
    """
    marks = tuple(",".join(keys) + _IS for keys in NAMES)
    steps = (step.partition(_IS)[2] if isinstance(step, str) and step.startswith(marks) else step for step in route)
    return shown(tuple(steps))


def _compared(route: Route, before: JSON, after: JSON) -> Iterator[Difference]:
    """Yield the differences of two trees at a route."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in (*before, *(key for key in after if key not in before)):
            yield from _compared((*route, key), before.get(key, ABSENT), after.get(key, ABSENT))
    elif isinstance(before, list) and isinstance(after, list) and _is_of_mappings([*before, *after]):
        named, named_after = names(before, after), names(after, before)
        if named is not None and named_after is not None:
            yield from _named(route, dict(zip(named, before, strict=True)), dict(zip(named_after, after, strict=True)))
        else:
            yield from _numbered(route, before, after)
    elif not same(before, after):
        yield Difference(route, before, after)


def _is_of_mappings(items: list[JSON]) -> bool:
    """Say whether there are items, and all of them are mappings."""
    return bool(items) and all(isinstance(item, dict) for item in items)


def _named(route: Route, before: dict[str, JSON], after: dict[str, JSON]) -> Iterator[Difference]:
    """Yield the differences of two lists by name: what went, another order, edits, and what came."""
    for name, item in before.items():
        if name not in after:
            yield Difference((*route, name), item, ABSENT)
    stayed, now = (tuple(name for name in one if name in other) for one, other in ((before, after), (after, before)))
    if stayed != now:
        yield Difference(route, Order(stayed), Order(now))
    for name in now:
        yield from _compared((*route, name), before[name], after[name])
    for position, (name, item) in enumerate(after.items()):
        if name not in before:
            yield Difference((*route, name), ABSENT, item, position)


def _numbered(route: Route, before: list[JSON], after: list[JSON]) -> Iterator[Difference]:
    """Yield the differences of two lists by position; what went is told from the end."""
    for index in range(len(before) - 1, len(after) - 1, -1):
        yield Difference((*route, index), before[index], ABSENT)
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        yield from _compared((*route, index), old, new)
    for index in range(len(before), len(after)):
        yield Difference((*route, index), ABSENT, after[index], index)


def _name(item: JSON, keys: tuple[str, ...]) -> str | None:
    """Return the name of an item by these keys as a step of a route, or None where it has none.

    The step says by itself which keys it is made of, so the way back never depends on the rest of the list.
    """
    parts = [part for key in keys if isinstance(item, dict) and isinstance(part := item.get(key), str) and part]
    if len(parts) < len(keys):
        return None
    if keys == ("id",):
        return None if _IS in parts[0] else parts[0]
    if any(":" in part for part in parts[:-1]):
        return None  # the parts could not be told apart
    return ",".join(keys) + _IS + ":".join(parts)


def _position(items: list[JSON], step: str | int) -> int | None:
    """Return where the item of a step stands in a list."""
    if isinstance(step, int):
        return step if 0 <= step < len(items) else None
    made, is_made, _ = step.partition(_IS)
    keys = tuple(made.split(",")) if is_made else ("id",)
    return next((index for index, item in enumerate(items) if _name(item, keys) == step), None)


def _applied(tree: JSON, route: Route, difference: Difference) -> JSON:
    """Return a tree with one difference made at a route."""
    if not route:
        return _ordered(tree, difference.after) if isinstance(difference.after, Order) else difference.after
    step, rest = route[0], route[1:]
    if isinstance(tree, dict):
        new = {**tree, step: _applied(tree.get(str(step)), rest, difference)}
        return {key: item for key, item in new.items() if item is not ABSENT}
    place = _position(tree, step)
    if place is None:
        return [*tree[: difference.at], difference.after, *tree[difference.at :]]
    item = _applied(tree[place], rest, difference)
    return [*tree[:place], *(() if item is ABSENT else (item,)), *tree[place + 1 :]]


def _ordered(items: list[JSON], order: Order) -> list[JSON]:
    """Return the items of a list in another order."""
    return [items[place] for name in order.names if (place := _position(items, name)) is not None]
