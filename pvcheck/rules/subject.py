"""What rules look at: the claims of one file, its text, and everything in it as one JSON value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from pvcheck.errors import Severity, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.text import Document


class Subject(NamedTuple):
    """One file under the rules. A fault is an error in a strict contract, and a warning in any other."""

    contract: Contract
    document: Document
    instance: dict[str, JSON]

    def finding(  # noqa: PLR0913 - it has the fields of a finding
        self,
        code: str,
        message: str,
        route: Route,
        hint: str,
        *,
        at_key: bool = False,
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding at a route, of the weight that the kind of file asks for."""
        weight = severity or (Severity.ERROR if self.contract.is_strict else Severity.WARNING)
        return self.document.finding(code, message, route, hint=hint, severity=weight, at_key=at_key)

    def items(self, key: str) -> Iterator[tuple[dict[str, JSON], Route]]:
        """Yield every block of a top-level list, with its route."""
        written = self.instance.get(key)
        for index, item in enumerate(written if isinstance(written, list) else ()):
            if isinstance(item, dict):
                yield item, (key, index)

    def block(self, key: str) -> dict[str, JSON]:
        """Return a top-level block; an empty one where there is none."""
        written = self.instance.get(key)
        return written if isinstance(written, dict) else {}

    def equations(self) -> Iterator[tuple[str, dict[str, JSON], Route]]:
        """Yield every equation with its name, from a map of them or a list."""
        for name, item in self.block("equations").items():
            yield name, item if isinstance(item, dict) else {}, ("equations", name)
        for item, route in self.items("equations"):
            yield word(item.get("id")), item, route

    def named(self, key: str) -> dict[str, Route]:
        """Return the ids of a top-level list, each with the route of the first block that has it."""
        found: dict[str, Route] = {}
        for item, route in self.items(key):
            if name := word(item.get("id")):
                found.setdefault(name, route)
        return found


def word(value: JSON) -> str:
    """Return a text without the space around it; nothing for what is no text."""
    return value.strip() if isinstance(value, str) else ""


def is_count(value: JSON) -> TypeGuard[int]:
    """Say whether a value is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun: "1 harness", "2 harnesses"."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or f'{noun}s'}"


def called(item: dict[str, JSON], noun: str) -> str:
    """Return a part as a reader finds it: its noun, and its id where it has one."""
    name = word(item.get("id"))
    return f"the {noun} {quoted(name)}" if name else f"this {noun}"
