"""Two versions of a contract side by side, and the parts of them that a difference is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.claim import names_in
from pvcheck.domain.difference import ABSENT, Difference, compare, located, readable
from pvcheck.domain.version import Change
from pvcheck.errors import escaped
from pvcheck.rules import telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route

FALSIFIERS = "falsification_tests"
NOUNS = {"proof_obligations": "obligation", "equations": "equation", "kani_harnesses": "harness"}
"""Sections whose items are named in messages; what is said of falsifiers, stages and inputs is said under their ids."""

_BLOCKS = {"with", "expect", "accept"}
"""Parts of a falsifier that are told one by one when all of them came or went."""


class Told(NamedTuple):
    """How much one change weighs, of which kind it is, and the sentence that tells it."""

    change: Change
    kind: str
    message: str


class Sides(NamedTuple):
    """The whole files before and after, each as one JSON value."""

    before: JSON
    after: JSON

    @property
    def were_strict(self) -> bool:
        """Whether the old file was a contract of ours."""
        return _is_strict(self.before)

    @property
    def are_strict(self) -> bool:
        """Whether the new file is a contract of ours."""
        return _is_strict(self.after)

    def was_bound(self, route: Route) -> bool:
        """Say whether the falsifier of a route had an evaluator that a contract of ours runs."""
        return self.were_strict and isinstance(at(self.before, (*route[:2], "evaluator")), str)

    def is_bound(self, route: Route) -> bool:
        """Say whether the falsifier of a route has an evaluator that a contract of ours runs."""
        return self.are_strict and isinstance(at(self.after, (*route[:2], "evaluator")), str)

    def was_measured(self, name: str | int) -> bool:
        """Say whether a bound falsifier of the old file took an input of that name."""
        items = at(self.before, (FALSIFIERS,))
        tests = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        bound = [item for item in tests if isinstance(item.get("evaluator"), str)]
        return self.were_strict and any(name in set(names_in(item.get("with"))) for item in bound)

    def differences(self) -> Iterator[Difference]:
        """Yield what differs; where a section came or went, each of its parts."""
        for each in compare(self.before, self.after):
            yield from _parts(each)

    def what(self, route: Route) -> str:
        """Return what a route is about in words: ``the obligation "norm is one"``."""
        noun = NOUNS[str(route[0])]
        item = at(self.after, route[:2])
        item = at(self.before, route[:2]) if item is ABSENT else item
        names = [item.get(key) for key in ("property", "id")] if isinstance(item, dict) and noun != "equation" else []
        name = next((each for each in names if isinstance(each, str)), None)
        return f"the {noun} {telling.value(str(route[1]) if name is None else name)}"

    def prose(self, difference: Difference) -> Told:
        """Return the weight of what no rule knows: a patch, with its place, so that nothing vanishes."""
        route = difference.route
        told = telling.change(difference.before, difference.after)
        if route[0] in NOUNS and len(route) > 1:
            name = f"{part(route)} of {self.what(route)}" if len(route) > 2 else self.what(route)
        else:
            name = part(route) if is_named(route) and len(route) > 2 else place(route)
        return Told(Change.PATCH, "prose", f"{name} {told}")


def at(tree: JSON, route: Route) -> JSON:
    """Return the value of a route that has the names of items, or ABSENT."""
    found = located(tree, route)
    if len(found) < len(route):
        return ABSENT
    for step in found:
        tree = tree[step]
    return tree


def part(route: Route) -> str:
    """Return what of an item a route is about, such as ``with.layers``."""
    return place(route[2:])


def place(route: Route) -> str:
    """Return a route as a message shows it."""
    return escaped(readable(route), 80)


def is_named(route: Route) -> bool:
    """Say whether a route leads to a part of the file that messages are told under: a falsifier, stage or input."""
    return len(route) > 1 and route[0] in {FALSIFIERS, "implementation_stages", "inputs"}


def _is_strict(tree: JSON) -> bool:
    return at(tree, ("metadata", "schema")) is not ABSENT


def _parts(difference: Difference) -> Iterator[Difference]:
    """Yield the parts of a section that came, went or has another form now, or the difference itself."""
    route, before, after, _ = difference
    can_be_split = len(route) == 1 or (len(route) == 3 and route[0] == FALSIFIERS and route[2] in _BLOCKS)
    found = [*_against_nothing(before, went=True), *_against_nothing(after, went=False)] if can_be_split else []
    if not found:
        yield difference
    for each in found:
        yield each._replace(route=(*route, *each.route))


def _against_nothing(value: JSON, *, went: bool) -> tuple[Difference, ...]:
    """Return the parts of a collection as differences from an empty one."""
    if not isinstance(value, dict | list):
        return ()
    empty = type(value)()
    found = compare(value, empty) if went else compare(empty, value)
    return tuple(each for each in found if each.route)
