"""A contract that was checked before, as the rules between contracts see it: places, and no text.

It stands where a ``Document`` would stand, and weighs a hundredth of it: a thousand contracts are compared with each
other without reading one again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.errors import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.domain.route import Route

Span = tuple[str, int, int]
"""A block that has an id: the id, its first and its last line."""


class Outline(NamedTuple):
    """The places that such rules point at, the blocks with ids where they are asked for, and a digest of the text."""

    path: str
    data: bytes
    places: Sequence[tuple[Sequence[str | int], int, int]]
    """Route, line and column of each, as they are kept: few are ever asked for."""
    spans: tuple[Span, ...] = ()

    def finding(
        self, code: str, message: str, route: Route, hint: str = "", severity: Severity = Severity.ERROR
    ) -> Finding:
        """Return a finding at a route; it must be one of ``places``."""
        line, column = next((line, column) for each, line, column in self.places if tuple(each) == route)
        return Finding(code, message, self.path, line, column, hint, severity)
