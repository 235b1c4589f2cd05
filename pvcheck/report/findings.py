"""Findings as text: one line that names place, code and fault, and in full form the way out below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.errors import Finding


def lines(findings: Iterable[Finding], *, full: bool = True) -> Iterator[str]:
    """Yield the lines of findings."""
    for each in findings:
        mark = "" if each.severity is Severity.ERROR else f" [{each.severity}]"
        yield f"{each}{mark}"
        if full and each.hint:
            yield f"  hint: {each.hint}"
