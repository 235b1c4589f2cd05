"""Workflow commands of GitHub Actions: findings become annotations beside the lines of a change.

GitHub shows ten annotations of a kind for a step and drops the others without a word; so the tenth says how many
there are, and the others stand in a group of the log. A line of text there begins with neither ``::`` nor blanks before
it and holds no ``##[``: GitHub takes both for commands, and the text may be anybody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.errors import escaped, inert
from pvcheck.report.machine.entries import Entry, entries
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pvcheck.domain.canonical import JSON

COMMANDS: Final[Mapping[str, str]] = {"error": "error", "warning": "warning", "note": "notice"}
"""What GitHub calls our severities."""
SHOWN: Final = 10
MAX_MESSAGE: Final = 4000
"""Characters of one annotation; GitHub cuts longer ones at a place of its own."""
MAX_LINE: Final = 1000
MAX_GROUPED: Final = 10_000
"""Lines of one group: who has more of them looks at a report."""


def text(document: JSON) -> str:
    """Return a document as workflow commands, the verdict last."""
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(document: JSON) -> Iterator[str]:
    """Yield the annotations of each kind, what is left of it, and the verdict."""
    found = entries(document)
    for level in COMMANDS:
        yield from _kind(level, [each for each in found if each.level == level])
    if document["verdict"]:
        yield _plain(document["verdict"])


def _kind(level: str, found: Sequence[Entry]) -> Iterator[str]:
    """Yield the annotations of one kind, and in a group those that GitHub would not show."""
    shown = found if len(found) <= SHOWN else found[: SHOWN - 1]
    yield from map(annotation, shown)
    rest = found[len(shown) :]
    if not rest:
        return
    told = f"{len(rest)} more {count(len(rest), COMMANDS[level]).partition(' ')[2]}"
    yield f"::{COMMANDS[level]} title=pv::{_data(f'{told}: the log of this step has them')}"
    yield f"::group::{_data(told)}"
    yield from (_plain(_line(each)) for each in rest[:MAX_GROUPED])
    if len(rest) > MAX_GROUPED:
        yield _plain(f"{len(rest) - MAX_GROUPED} are left out")
    yield "::endgroup::"


def annotation(entry: Entry) -> str:
    """Return the workflow command that shows an entry beside its line."""
    place = {"file": escaped(entry.path, MAX_MESSAGE), "line": entry.line, "col": entry.column, "title": entry.rule}
    told = ",".join(f"{key}={_property(str(each))}" for key, each in place.items() if each)
    hint = f"\nhint: {entry.hint}" if entry.hint else ""
    return f"::{COMMANDS[entry.level]} {told}::{_data(_cut(entry.text + hint, MAX_MESSAGE))}"


def _line(entry: Entry) -> str:
    """Return an entry as a line of the log."""
    place = f"{entry.path}:{entry.line}:{entry.column}: " if entry.line else f"{entry.path}: " if entry.path else ""
    return f"{place}{entry.rule} {entry.text}"


def _plain(line: str) -> str:
    """Return a line of the log that is no command, whoever wrote what stands in it."""
    return inert(escaped(line, MAX_LINE))


def _data(value: str) -> str:
    """Return the message of a command: what would end the line is escaped as GitHub reads it."""
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    """Return a property of a command: here, what would end the property is escaped as well."""
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def _cut(value: str, limit: int) -> str:
    """Return a text that is not too long."""
    return value if len(value) <= limit else value[: limit - 1] + "…"
