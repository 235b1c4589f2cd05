"""What changes of falsifiers, inputs, stages and metadata weigh: claims that are measured, and what names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain import bounds
from pvcheck.domain.difference import ABSENT, Order
from pvcheck.domain.digest import PATTERN
from pvcheck.domain.version import Change
from pvcheck.errors import escaped
from pvcheck.rules import telling
from pvcheck.rules.sides import Sides, Told, at, part, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.bounds import Bound
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.difference import Difference


def falsifier(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change in a falsifier."""
    route, before, after, _ = difference
    if len(route) == 2 and after is ABSENT:
        yield Told(Change.MAJOR, "falsifier-removed", f"the falsifier was removed{_claim(before)}")
    elif len(route) == 2 and before is ABSENT:
        yield Told(Change.MINOR, "falsifier-added", f"the falsifier was added{_claim(after)}")
    elif route[2:] == ("evaluator",):
        yield from _evaluator(difference, sides)
    elif route[2:3] == ("with",):
        yield from _parameter(difference, sides)
    elif route[2:3] == ("expect",) and len(route) > 3:
        yield from _bound(difference, sides)
    elif route[2:3] == ("accept",) and len(route) > 3:
        yield from _accepted(difference)
    else:
        yield from _status(difference)


def _claim(item: JSON) -> str:
    """Return what a falsifier claims, as the end of a sentence."""
    rule = item.get("rule") if isinstance(item, dict) else None
    return f": {telling.value(rule)}" if isinstance(rule, str) else ""


def _evaluator(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change of what measures a falsifier."""
    route, before, after, _ = difference
    was, now = sides.was_bound(route), sides.is_bound(route)
    if was and after is ABSENT:
        yield Told(
            Change.MAJOR, "unbound", f"the evaluator {telling.value(before)} was removed, so nothing measures it"
        )
    elif was:
        yield Told(Change.MAJOR, "evaluator", f"evaluator {telling.change(before, after)}")
    elif now:
        yield Told(Change.MINOR, "bound-to-evaluator", f"bound to the evaluator {telling.value(after)}")


def _parameter(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change of what is measured."""
    route, before, after, _ = difference
    name = f"parameter {part(route[:2] + route[3:])}" if len(route) > 3 else "with"
    told = f"{name} {telling.change(before, after)}"
    if isinstance(after, Order):
        told = f"the items of {name} are in another order"
    if sides.was_bound(route):
        yield Told(Change.MAJOR, "parameter", told)
    elif sides.is_bound(route):
        yield Told(Change.MINOR, "parameter", told)


def _bound(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change of the bounds on a metric, compared as sets of numbers."""
    route, metric = difference.route, escaped(str(difference.route[3]), telling.WIDTH)
    was, now = sides.was_bound(route), sides.is_bound(route)
    old = _texts(at(sides.before, route[:4])) if was else ()
    new = _texts(at(sides.after, route[:4])) if now or was else ()
    before, after = telling.bounds(old), telling.bounds(new)
    relation = _relation(old, new)
    if relation == "weaker" and not new:
        yield Told(Change.MAJOR, "bound-weakened", f"the bound of {metric} was removed: {before}")
    elif relation == "weaker":
        yield Told(Change.MAJOR, "bound-weakened", f"the bound of {metric} weakened from {before} to {after}")
    elif relation == "tighter" and not old:
        yield Told(Change.MINOR, "bound-tightened", f"{metric} is bounded: {after}")
    elif relation == "tighter":
        yield Told(Change.MINOR, "bound-tightened", f"the bound of {metric} tightened from {before} to {after}")
    elif old:
        yield Told(Change.PATCH, "prose", f"the bound of {metric} is spelt anew: {after} in place of {before}")


def _accepted(difference: Difference) -> Iterator[Told]:
    """Yield the weight of what a falsifier accepts of the guards: only conditioning keeps a bound from a verdict."""
    route, before, after, _ = difference
    guard = escaped(str(route[3]), telling.WIDTH)
    if before is ABSENT:
        weight = Change.MAJOR if guard == "conditioning" else Change.MINOR
        yield Told(weight, "accepted", f"what the guard {guard} says is accepted: {telling.value(after)}")
    elif after is ABSENT:
        yield Told(Change.MINOR, "accepted", f"what the guard {guard} says is accepted no longer")


def challenge(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change of what planted faults must show, and of the record of a challenge."""
    if not sides.are_strict:
        return
    route, before, after, _ = difference
    if route[1:] == ("evidence",):
        yield Told(
            Change.PATCH, "evidence", f"the record of the challenge {telling.change(_short(before), _short(after))}"
        )
    elif route[1:] == ("min",):
        was, now = (float(each) if isinstance(each, int | float) else 0.0 for each in (before, after))
        told = f"the score that planted faults must reach {telling.change(before, after)}"
        yield Told(Change.MAJOR, "bound-weakened", told) if now < was else Told(Change.MINOR, "bound-tightened", told)


def _relation(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    """Return what became of bounds; what cannot be read accepts anything."""
    try:
        before, after = _parsed(old), _parsed(new)
    except bounds.BoundError:
        return "weaker"
    return bounds.relation(before, after)


def _parsed(texts: tuple[str, ...]) -> list[Bound]:
    """Return the bounds that texts spell."""
    return [bounds.parse(text) for text in texts]


def _texts(written: JSON) -> tuple[str, ...]:
    """Return the bounds of a metric as they are written."""
    if written is ABSENT:
        return ()
    return tuple(map(str, written)) if isinstance(written, list) else (str(written),)


def _status(difference: Difference) -> Iterator[Told]:
    """Yield the weight of a change of a status or of its evidence."""
    route, before, after, _ = difference
    if route[2:] == ("status",):
        told = f"moved {telling.pair(before, after)}" if ABSENT not in (before, after) else _said(before, after)
        yield Told(Change.MINOR, "status", f"status {told}")
    elif route[2:] == ("evidence",) and any(
        isinstance(each, str) and PATTERN.fullmatch(each) for each in (before, after)
    ):
        yield Told(Change.PATCH, "evidence", f"evidence {telling.change(_short(before), _short(after))}")


def _said(before: JSON, after: JSON) -> str:
    """Return what became of a status that was not there, or is there no more."""
    return f"{telling.value(after)} was added" if before is ABSENT else f"{telling.value(before)} was removed"


def _short(reference: JSON) -> JSON:
    """Return as much of a reference as tells records apart."""
    return f"{reference[:15]}…" if isinstance(reference, str) and PATTERN.fullmatch(reference) else reference


def stage(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change in a stage."""
    del sides
    route, before, after, _ = difference
    if len(route) == 2 and after is ABSENT:
        yield Told(Change.MAJOR, "stage-removed", "the stage was removed")
    elif len(route) == 2 and before is ABSENT:
        yield Told(Change.MINOR, "stage-added", "the stage was added")
    elif route[2:] == ("expected_acceptance",):
        yield from _members(difference, "acceptance", "acceptance", Change.MAJOR)
    elif route[2:] == ("status",):
        yield from _status(difference)


def _members(difference: Difference, gained: str, lost: str, lighter: Change) -> Iterator[Told]:
    """Yield what a list of names gained and lost; ``lighter`` is the weight of a shorter list."""
    route, *sides, _ = difference
    old, new = ([] if each is ABSENT else each for each in sides)
    if not isinstance(old, list) or not isinstance(new, list):
        return
    name = escaped(str(route[-1]), telling.WIDTH)
    if gone := [each for each in old if each not in new]:
        yield Told(lighter, lost, f"{name} lost {telling.listed(gone)}")
    if come := [each for each in new if each not in old]:
        yield Told(Change.MINOR, gained, f"{name} gained {telling.listed(come)}")
    if not gone and not come:
        yield Told(Change.PATCH, "order", f"{name} is in another order")


def input_(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change in a declared input; one that no bound falsifier takes weighs little."""
    route, before, after, _ = difference
    if not (sides.were_strict or sides.are_strict) or len(route) < 2:
        return
    weight = Change.MAJOR if sides.was_measured(route[1]) else Change.PATCH
    if len(route) == 2 and before is ABSENT:
        yield Told(Change.MINOR, "input", "the input was added")
    elif len(route) == 2 and after is ABSENT:
        yield Told(max(weight, Change.MINOR), "input", "the input was removed")
    elif route[2:] == ("optional",):
        yield _presence(difference)
    else:
        if route[2:] == ("sha256",) and before is ABSENT:
            weight = Change.MINOR  # fewer files than before are the right one
        elif route[2:] == ("path",) and _is_pinned(difference, sides):
            weight = Change.PATCH  # the same bytes in another place
        name = f"{part(route)} of the input" if len(route) > 2 else "the input"
        yield Told(weight, "input", f"{name} {telling.change(before, after)}")


def _presence(difference: Difference) -> Told:
    """Return the weight of a change of whether an input may be absent."""
    was, is_ = (each is True for each in (difference.before, difference.after))
    if is_ and not was:
        return Told(Change.MAJOR, "input", "the input may be absent now")
    if was and not is_:
        return Told(Change.MINOR, "input", "the input must be there now")
    return Told(Change.PATCH, "input", f"optional {telling.change(difference.before, difference.after)}")


def _is_pinned(difference: Difference, sides: Sides) -> bool:
    """Say whether a digest says that an input is the same file as before."""
    place = (*difference.route[:2], "sha256")
    old, new = at(sides.before, place), at(sides.after, place)
    return isinstance(old, str) and old == new


def metadata(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield the weight of a change in what a contract says of itself."""
    del sides
    route, before, after, _ = difference
    key = route[1:2]
    if key == ("version",):
        yield Told(Change.NONE, "version", f"version {telling.change(before, after)}")
    elif key == ("id",):
        change = Change.MINOR if before is ABSENT else Change.MAJOR
        yield Told(change, "id", f"the id of the contract {telling.change(before, after)}")
    elif key == ("schema",) and before is ABSENT:
        yield Told(Change.MINOR, "schema-added", "metadata.schema was added: strict rules hold now")
    elif key == ("schema",):
        told = "was dropped: no strict rule holds any more" if after is ABSENT else telling.change(before, after)
        yield Told(Change.MAJOR, "schema-dropped", f"metadata.schema {told}")
    elif key == ("status",):
        yield from _status(difference._replace(route=("metadata", *route)))
    elif route[1:] == ("depends_on",):
        yield from _members(difference, "added", "removed", Change.MINOR)
    elif key == ("depends_on",):
        yield Told(
            Change.MINOR,
            "removed" if after is ABSENT else "added",
            f"{place(route[1:])} {telling.change(before, after)}",
        )
