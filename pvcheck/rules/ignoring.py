"""Findings that the settings ignore, with a reason and perhaps until a day: left out, counted, never forgotten.

Nothing here reads a clock: the day is an argument.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.errors import Finding, Severity, escaped, quoted
from pvcheck.rules.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from pvcheck.config import Ignore
    from pvcheck.rules.outline import Span
    from pvcheck.text import Document


class Sifted(NamedTuple):
    """The findings of one file: those that count, those that are ignored, and what ignored or would have."""

    kept: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    used: frozenset[Ignore]


def sift(
    findings: Iterable[Finding],
    place: str,
    ignores: Sequence[Ignore],
    today: date,
    document: Document | Outline | None = None,
) -> Sifted:
    """Return the findings of one file without those that are ignored.

    A finding whose ignore has ended comes back, with a note that says when it ended.

    :param place: the file relative to the root, with slashes.
    """
    kept: list[Finding] = []
    ignored: list[Finding] = []
    used: set[Ignore] = set()
    asked = document is not None and any(each.id is not None for each in ignores)
    blocks = spans(document) if asked and document is not None else ()
    for finding in findings:
        names = {name for name, first, last in blocks if first <= finding.line <= last}
        fitting = [each for each in ignores if _fits(each, finding.code, place, names)]
        used |= set(fitting)
        if any(each.until is None or today <= each.until for each in fitting):
            ignored.append(finding)
            continue
        kept.append(finding)
        kept += [_ended(finding, each) for each in fitting]
    return Sifted(tuple(kept), tuple(ignored), frozenset(used))


def unused(ignores: Iterable[Ignore], used: frozenset[Ignore]) -> Iterator[Finding]:
    """Yield a warning for each ignore that ignored nothing, where every file it could be about was checked."""
    for each in ignores:
        if each not in used:
            where = f" in {', '.join(quoted(path) for path in each.paths)}" if each.paths else ""
            who = f" for {quoted(each.id)}" if each.id is not None else ""
            message = f"nothing has the finding {each.code}{where}{who} any more, and it is ignored"
            hint = "remove this [[ignore]], so that the finding counts when it comes back"
            yield Finding("PV718", message, escaped(each.source), hint=hint, severity=Severity.WARNING)


def _fits(ignore: Ignore, code: str, place: str, names: set[str]) -> bool:
    """Say whether a finding is one that an ignore is about."""
    return (
        ignore.code == code
        and (not ignore.paths or any(fnmatchcase(place, each) for each in ignore.paths))
        and (ignore.id is None or ignore.id in names)
    )


def _ended(finding: Finding, ignore: Ignore) -> Finding:
    """Return the note that an ignore is over."""
    message = f"{ignore.code} was ignored until {ignore.until} ({escaped(ignore.reason)})"
    hint = "mend it now, or give the [[ignore]] a new day and a new reason"
    return finding._replace(code="PV719", message=message, hint=hint, severity=Severity.NOTE)


def spans(document: Document | Outline) -> Sequence[Span]:
    """Return the first and the last line of every block that has an id."""
    if isinstance(document, Outline):
        return document.spans
    from pvcheck.text import Mapping, Scalar  # noqa: PLC0415 - it loads the YAML parser, which an outline does without

    found = []
    for _, node in document.nodes():
        name = node.values.get("id") if isinstance(node, Mapping) else None
        if isinstance(name, Scalar):
            first = document.text.count("\n", 0, node.start) + 1
            found.append((name.text, first, first + document.text.count("\n", node.start, node.end)))
    return found
