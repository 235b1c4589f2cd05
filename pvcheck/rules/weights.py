"""What each change of a contract weighs: which part of its version must rise.

Major is what takes a claim back or makes it easier to hold, minor what adds to it, a patch what nobody measures.
Where the text does not say whether a claim holds more often, it weighs as if it did.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.difference import ABSENT, Order, located
from pvcheck.domain.route import shown
from pvcheck.domain.version import Change
from pvcheck.errors import escaped
from pvcheck.rules import formal, measured, telling
from pvcheck.rules.sides import FALSIFIERS, NOUNS, Sides, Told, at, is_named, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pvcheck.domain.difference import Difference
    from pvcheck.domain.route import Route
    from pvcheck.domain.version import Version
    from pvcheck.loading.contract import Loaded


class Weighed(NamedTuple):
    """One change: its weight and kind, whom it is about, a sentence, and where the new file has it."""

    change: Change
    kind: str
    subject: str
    message: str
    route: Route


def differences(before: Loaded, after: Loaded) -> tuple[Weighed, ...]:
    """Return every change between two versions of a contract, in the order of the new file.

    What was removed stands at the nearest part around it that is still there.
    """
    sides = Sides(before.instance, after.instance)
    found: list[tuple[int, Weighed]] = []
    for each in sides.differences():
        route = located(after.instance, each.route)
        subject = _subject(each.route, sides) or PurePath(after.document.path).stem
        start = after.document.node(route).start
        found += [(start, Weighed(*told[:2], subject, told.message, route)) for told in weigh(each, sides)]
    return tuple(weighed for _, weighed in sorted(found, key=lambda placed: placed[0]))


def needed(weighed: Iterable[Weighed]) -> Change:
    """Return how far the version must rise: as far as the heaviest change asks for."""
    return max((each.change for each in weighed), default=Change.NONE)


def due(before: Version, weighed: Iterable[Weighed]) -> Version:
    """Return the lowest version that a contract may have after these changes."""
    return before.after(needed(weighed))


def weigh(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield what one difference weighs: one thing at least, so that nothing vanishes."""
    found = list(_by_rule(difference, sides))
    yield from found or [sides.prose(difference)]


def _by_rule(difference: Difference, sides: Sides) -> Iterator[Told]:
    """Yield what the rules say of a difference."""
    route = difference.route
    of_falsifier = route[2:3] if route[0] == FALSIFIERS else ()
    if route[0] == "amendments" and (sides.were_strict or sides.are_strict):
        yield _amendment(difference)
    elif isinstance(difference.after, Order) and of_falsifier != ("with",):
        yield Told(Change.PATCH, "order", f"the items of {place(route)} are in another order")
    elif formal.is_tolerance(route) and of_falsifier not in {("with",), ("expect",)}:
        yield formal.tolerance(difference, sides)
    elif route[0] in _SECTIONS:
        yield from _SECTIONS[route[0]](difference, sides)


_SECTIONS: dict[str | int, Callable[[Difference, Sides], Iterator[Told]]] = {
    FALSIFIERS: measured.falsifier,
    "implementation_stages": measured.stage,
    "inputs": measured.input_,
    "metadata": measured.metadata,
    "challenge": measured.challenge,
    **dict.fromkeys(NOUNS, formal.items),
}


def _subject(route: Route, sides: Sides) -> str:
    """Return the id of the falsifier, stage or input that a route is in, or the contract's."""
    if is_named(route):
        return str(shown(route[:2]) if isinstance(route[1], int) else route[1])
    names = (at(tree, ("metadata", "id")) for tree in (sides.after, sides.before))
    return next((name for name in names if isinstance(name, str)), "")


def _amendment(difference: Difference) -> Told:
    """Return what is told of the history of a contract, which weighs nothing by itself."""
    route, before, after, _ = difference
    if len(route) == 1:
        return Told(Change.NONE, "amendments", f"the list of amendments {telling.change(before, after)}")
    name = f"amendment {str(route[1]).rpartition('=')[2]}"
    told = "was edited" if len(route) > 2 else "was added" if before is ABSENT else "was removed"
    return Told(Change.NONE, "amendments", escaped(f"{name} {told}"))
