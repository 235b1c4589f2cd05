"""Keys that nobody knows: near misses of known ones are findings, the rest is listed as not understood.

A misspelt key is the quietest way to lose a check: the block vanishes and the verdict stays green.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.route import shown
from pvcheck.errors import Finding, Severity, quoted
from pvcheck.text import Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.domain.route import Route
    from pvcheck.loading.instance import Schema, Shape
    from pvcheck.text import Document, Node

ALIASES: dict[str, str] = {
    "obligations": "proof_obligations",
    "falsification": "falsification_tests",
    "falsification_conditions": "falsification_tests",
    "falsifiers": "falsification_tests",
    "tests": "falsification_tests",
    "stages": "implementation_stages",
    "milestones": "implementation_stages",
    "amendment_history": "amendments",
    "falsification_test": "test",
    "command": "test",
    "expected": "prediction",
    "statement": "property",
    "verification": "formal",
    "fails_if": "if_fails",
    "if_test_passes": "if_fails",
    "params": "with",
    "parameters": "with",
    "expectations": "expect",
}
"""Names under which people have written these blocks, so that every tool dropped them."""

SHORT = 4
"""Keys of at most this many letters are near another only at distance 1: 'id' is not a misspelt 'rule'."""


class Unknown(NamedTuple):
    """A key that the schema does not name."""

    route: Route
    known: frozenset[str]
    present: frozenset[str]
    in_closed_block: bool

    @property
    def key(self) -> str:
        """Return the key itself."""
        return str(self.route[-1])

    def meant(self) -> str | None:
        """Return the known key it was probably meant to be."""
        alias = ALIASES.get(self.key)
        if alias in self.known and alias not in self.present:
            return alias
        return nearest(self.key, self.known)


def unknown_keys(document: Document, shape: Shape) -> Iterator[Unknown]:
    """Yield every key that stands where the schema names the keys and does not name this one."""
    return _walked(document.root, shape, shape.root, ())


def _walked(node: Node, shape: Shape, schema: Schema, route: Route) -> Iterator[Unknown]:
    """Yield the unknown keys below a node. Where the schema asks nothing, it asks nothing further down either."""
    if isinstance(node, Scalar) or not schema:
        return
    if isinstance(node, Sequence):
        of_item = shape.of_item(schema)
        for index, item in enumerate(node.items):
            if not isinstance(item, Scalar):
                yield from _walked(item, shape, of_item, (*route, index))
        return
    known = shape.known_keys(schema)
    present = frozenset(node.values)
    for key, value in node.values.items():
        if known and key not in known:
            yield Unknown((*route, key), known, present, shape.is_closed(schema))
        elif not isinstance(value, Scalar):
            yield from _walked(value, shape, shape.of_key(schema, key), (*route, key))


def findings(document: Document, unknown: Iterable[Unknown], severity: Severity) -> tuple[list[Finding], list[str]]:
    """Return a finding for each near miss, and the routes of the keys that are not understood."""
    found: list[Finding] = []
    not_understood: list[str] = []
    for each in unknown:
        meant = each.meant()
        if meant is not None:
            message = f"the key {quoted(each.key)} is not known here and is near {quoted(meant)}"
            hint = f"write {meant}, or choose a name that cannot be taken for it"
            found.append(document.finding("PV207", message, each.route, hint=hint, severity=severity, at_key=True))
        elif each.in_closed_block:
            message = f"the key {quoted(each.key)} is not known here"
            hint = f"use one of {', '.join(sorted(each.known))}"
            found.append(document.finding("PV208", message, each.route, hint=hint, at_key=True))
        else:
            not_understood.append(shown(each.route))
    return found, not_understood


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that a key misses narrowly, or None.

    Narrowly: equal but for case, ``_``, ``-`` and a final s, or within an edit distance of 2 (of 1 for
    short keys).
    """
    plain, letters = _plain(key), frozenset(key)
    best: tuple[int, str] | None = None
    for each, theirs, those in _seen(frozenset(known)):
        if theirs == plain:
            return each
        allowed = 1 if min(len(key), len(each)) <= SHORT else 2
        if abs(len(key) - len(each)) > allowed or len(letters - those) > allowed or len(those - letters) > allowed:
            continue  # each change brings at most one letter: a file may have forty thousand keys
        distance = edit_distance(key, each, allowed)
        if distance <= allowed and (best is None or distance < best[0]):
            best = (distance, each)
    return best[1] if best else None


@lru_cache(maxsize=64)
def _seen(known: frozenset[str]) -> list[tuple[str, str, frozenset[str]]]:
    """Return known keys, sorted, each without what people vary, and with its letters."""
    return [(each, _plain(each), frozenset(each)) for each in sorted(known)]


def _plain(key: str) -> str:
    """Return a key without what people vary: case, separators, a final s."""
    return key.casefold().replace("_", "").replace("-", "").removesuffix("s")


def edit_distance(one: str, other: str, most: int) -> int:
    """Return the Levenshtein distance, or ``most + 1`` when it is larger than ``most``."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return min(row[-1], most + 1)
