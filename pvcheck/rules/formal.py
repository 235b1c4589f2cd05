"""What changes of equations, obligations, harnesses and tolerances weigh: claims that are proved, not measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pvcheck.domain.difference import ABSENT
from pvcheck.domain.version import Change
from pvcheck.rules import telling
from pvcheck.rules.sides import NOUNS, Sides, Told, at, is_named, part, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.difference import Difference
    from pvcheck.domain.route import Route

_PROMISES = frozenset({"formula", "formal", "codomain", "invariants", "postconditions", "guarantees"})
"""What is claimed: more of it is a minor change, less or other a major one."""

_CONDITIONS = frozenset(
    {"domain", "preconditions", "assumes", "requires", "type", "applies_to", "applies_to_phase", "parent_contract"}
)
"""Where it is claimed: nobody can tell from the text whether another condition holds more or less often."""

_MEANS = frozenset({"strategy", "obligation"})
"""How and for what a harness checks."""


def items(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change in an equation, an obligation or a harness."""
    route, before, after, _ = difference
    if len(route) == 2 and before is ABSENT:
        yield Told(Change.MINOR, "added", f"{sides.what(route)} was added")
    elif len(route) == 2 and after is ABSENT:
        yield Told(Change.MAJOR, "removed", f"{sides.what(route)} was removed")
    elif len(route) == 2:  # an equation that is a text, not a mapping
        yield Told(Change.MAJOR, "formal", f"{sides.what(route)} {telling.change(before, after)}")
    elif len(route) > 2:
        yield from _field(difference, sides)


def _field(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change in one field of an item, if it has one of its own."""
    route, before, after, _ = difference
    noun, field = NOUNS[str(route[0])], str(route[2])
    if field == "bound" and noun == "harness":
        change = Change.MINOR if _is_more(before, after) else Change.MAJOR
    elif field == "status" or route[2:] == ("lean", "status"):
        yield Told(Change.MINOR, "status", f"{part(route)} of {sides.what(route)} {telling.change(before, after)}")
        return
    elif field in _PROMISES:
        change = Change.MINOR if before is ABSENT or _is_longer(before, after) else Change.MAJOR
    elif field == "applies_to" and after == "all":
        change = Change.MINOR
    elif field in (_MEANS if noun == "harness" else _CONDITIONS) or (
        field == "property" and noun == "obligation" and _is_all_that_is_said(route, sides)
    ):
        change = Change.MAJOR
    else:
        return
    yield Told(change, "formal", f"{part(route)} of {sides.what(route)} {telling.change(before, after)}")


def _is_all_that_is_said(route: Route, sides: Sides) -> bool:
    """Say whether no formula stands beside the sentence that was changed."""
    return at(sides.before, (*route[:2], "formal")) is ABSENT


def _is_longer(before: JSON, after: JSON) -> bool:
    """Say whether one list has all that the other had, and more."""
    return isinstance(before, list) and isinstance(after, list) and all(each in after for each in before)


def _is_more(before: JSON, after: JSON) -> bool:
    """Say whether a bound is there for the first time, or reaches further."""
    old, new = number(before), number(after)
    return before is ABSENT or (old is not None and new is not None and new >= old)


def is_tolerance(route: Route) -> bool:
    """Say whether a route leads to a tolerance, or into one that has parts."""
    steps = route[2:] if route[0] in NOUNS or is_named(route) else route
    return any(
        isinstance(step, str) and (step in {"tolerance", "tolerances"} or step.endswith("_tolerance")) for step in steps
    )


def tolerance(difference: Difference, sides: Sides) -> Told:
    """Return the weight of a change of a tolerance: a larger one, one of another form, or none is looser."""
    route, before, after, _ = difference
    if route[0] in NOUNS:
        name = f"{part(route)} of {sides.what(route)}"
    else:
        name = part(route) if is_named(route) else f"{place(route[-1:])} of {place(route[:-1])}"
    old, new = number(before), number(after)
    if before is ABSENT:
        return Told(Change.MINOR, "added", f"{name} was added: {_shown(after)}")
    if after is ABSENT:
        return Told(Change.MAJOR, "tolerance-loosened", f"{name} was removed: {_shown(before)}")
    told = f"from {_shown(before)} to {_shown(after)}"
    if old is None or new is None:
        return Told(Change.MAJOR, "tolerance-loosened", f"{name} changed {told}, which cannot be compared")
    if new == old:
        return Told(Change.PATCH, "prose", f"{name} is spelt anew: {_shown(after)}")
    if new < old:
        return Told(Change.MINOR, "tolerance-tightened", f"{name} tightened {told}")
    return Told(Change.MAJOR, "tolerance-loosened", f"{name} loosened {told}")


def _shown(value: JSON) -> str:
    """Return a tolerance as a message shows it."""
    size = number(value)
    return telling.value(value) if size is None or isinstance(value, str) else telling.number(size)


def number(value: JSON) -> float | None:
    """Return the finite number that a value is or spells, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        size = float(value)
    except (ValueError, OverflowError):
        return None
    return size if math.isfinite(size) else None
