"""The lines of a source around a finding, with the word at fault marked.

A source is hostile until shown harmless: what is not printable is escaped before its width is counted, and of a long
line only the surroundings of the place are shown.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.errors import PvError, Severity, escaped
from pvcheck.report.styled import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pvcheck.errors import Finding
    from pvcheck.pipeline.checking import Checked
    from pvcheck.report.styled import Piece

BEFORE: Final = 2
"""Lines shown before the one at fault."""
WIDTH: Final = 100
"""Columns of a source that are shown of one line, where no terminal says how many fit."""
LEAST: Final = 20
TAB: Final = 4
"""Columns that a tab takes; at least a blank, up to the next multiple."""
MOST_MARKED: Final = 60
MAX_SOURCE: Final = 1 << 20
AROUND: Final = 4
"""Characters of a line that are looked at before a place, for each column that may be shown of them."""
FAR: Final = 4096
"""Characters after a place in which the end of its word is looked for: a line may be as long as a file."""
_GUTTER: Final = 8
_DELIMITERS: Final = re.compile(r":(?=[ \t]|$)|[ \t]#|,(?=[ \t]|$)|[][{}]")
"""What ends a word of YAML that is not quoted."""
_QUOTED: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_NAME: Final = re.compile(r"[\w./:-]*")
_NEAR: Final = re.compile(r'(?: is near |\(did you mean )("[^"]{1,80}"|[a-zA-Z0-9_.-]{1,80})')
"""The nearest name in a message: the names that stand there are ours."""


class Sources:
    """The texts that findings point into: those that were checked, else files, each read once and only if asked for.

    :param texts: by the path that a finding names.
    :param since: when the command began, in nanoseconds; a file that was written later is another text than the one
        that was checked, and none is shown. None reads no file at all.
    """

    def __init__(self, texts: Mapping[str, str] | None = None, since: int | None = None) -> None:
        self._texts = texts or {}
        self._lines: dict[str, list[str]] = {}
        self._since = since

    @classmethod
    def of(
        cls, checked: Iterable[Checked], since: int | None = None, texts: Mapping[str, str] | None = None
    ) -> Sources:
        """Return the sources of files that were checked: their texts, where they were not known before.

        :param texts: of other files.
        """
        known = {str(each.path): each.document.text for each in checked if each.findings and each.document is not None}
        return cls({**(texts or {}), **known}, since)

    def lines(self, path: str) -> Sequence[str]:
        """Return the lines of a source, or nothing where it is gone or has changed."""
        if path not in self._lines:
            self._lines[path] = self._read(path)
        return self._lines[path]

    def _read(self, path: str) -> list[str]:
        """Return the lines of a text that is known, else of the file."""
        if path in self._texts:
            return self._texts[path].split("\n")
        return [] if self._since is None else _read(path, self._since)


def _read(path: str, since: int) -> list[str]:
    """Return the lines of a file as it was when the command began; a byte order mark is no character of it."""
    from pathlib import Path  # noqa: PLC0415 - only where something is wrong

    from pvcheck import config  # noqa: PLC0415 - as above

    try:
        data = config.read(Path(path), MAX_SOURCE)
        is_same = os.stat(path).st_mtime_ns <= since  # noqa: PTH116 - of the file a finding names
    except (PvError, OSError, ValueError):
        return []
    if not is_same or len(data) > MAX_SOURCE:
        return []
    return data.decode("utf-8-sig", "replace").split("\n")


def excerpt(finding: Finding, sources: Sources, width: int | None = None) -> Iterator[Line]:
    """Yield the line at fault, the lines before it, and a mark under the word; nothing where there is no such place.

    :param width: of the terminal.
    """
    lines = sources.lines(finding.path) if finding.line else ()
    at = finding.line - 1
    if at >= len(lines) or not 0 < finding.column <= len(lines[at].rstrip("\r")) + 1:
        return
    room = max(LEAST, (width or WIDTH + _GUTTER) - _GUTTER)
    line = lines[at].rstrip("\r")
    start = finding.column - 1
    window = _Window.around(line, start, _end(line, start), room)
    first = max(0, at - BEFORE)
    for number, text in enumerate(lines[first:at], first + 1):
        if (cut := _cut(text.rstrip("\r"), window, room)) or not window.first:
            yield _numbered(number, (cut, "dim"))
    yield _numbered(finding.line, window.text)
    near = _NEAR.search(finding.message)
    told = f" did you mean {near[1]}?" if near else ""
    mark = f"{'^' * window.marked}{told}"
    yield Line(
        (f"{'':5} | ", "dim"), " " * window.before, (mark, "mark" if finding.severity is Severity.ERROR else "warning")
    )


def _numbered(number: int, text: str | Piece) -> Line:
    """Return a line of a source behind its number."""
    return (
        Line((f"{number:>5} |", "dim"), " ", text) if text not in {"", ("", "dim")} else Line((f"{number:>5} |", "dim"))
    )


class _Window(NamedTuple):
    """The part of a line that is shown: its first character, how it looks, and where the mark stands below it."""

    first: int
    text: str
    before: int
    marked: int

    @classmethod
    def around(cls, line: str, start: int, end: int, room: int) -> _Window:
        """Return the surroundings of a word that fit, the word's beginning always among them."""
        first, end = 0, min(end, start + room)
        if start > AROUND * room or (
            _cells(_shown(line[: start + room], 0)) > room and _cells(_shown(line[:start], 0)) > room // 2
        ):
            first = _first(line, start, room // 2)
        lead = "…" if first else ""
        before = lead + _shown(line[first:start], len(lead))
        word = _shown(line[start:end], _cells(before))
        rest = _shown(line[end : end + room], _cells(before + word))
        text = _fitting(before + word + rest, room, is_more=len(line) > end + room)
        marked = min(_cells(word), MOST_MARKED, max(1, room - _cells(before)))
        return cls(first, text, _cells(before), max(1, marked))


def _first(line: str, start: int, room: int) -> int:
    """Return the first character to show, so that so many columns of the line come before a place."""
    first, least = start, max(0, start - AROUND * room)  # some characters take no column
    while first > least and _cells(_shown(line[first - 1 : start], 0)) < room:
        first -= 1
    return first


def _cut(line: str, window: _Window, room: int) -> str:
    """Return another line in the same window."""
    lead = "…" if window.first and len(line) > window.first else ""
    text = line[window.first : window.first + room]
    return _fitting(lead + _shown(text, len(lead)), room, is_more=len(line) > window.first + room)


def _end(line: str, start: int) -> int:
    """Return where the word that begins at a place ends."""
    if start >= len(line):
        return start + 1
    if (quoted := _QUOTED.match(line, start, start + FAR)) is not None:
        return quoted.end()
    if line[start] in "[]{},:#&*!|>@`%":
        named = _NAME.match(line, start + 1) if line[start] in "&*!" else None
        return start + 1 if named is None else named.end()
    if line.startswith("- ", start):
        return start + 1
    stop = _DELIMITERS.search(line, start + 1, start + FAR)
    end = min(len(line), start + FAR) if stop is None else stop.start()
    return start + max(1, len(line[start:end].rstrip()))


def _shown(text: str, column: int) -> str:
    """Return a text as it is shown from a column on: tabs become blanks, what is not printable escapes."""
    if text.isprintable():
        return text
    parts: list[str] = []
    for char in text:
        part = " " * (TAB - column % TAB) if char == "\t" else escaped(char)
        parts.append(part)
        column += _cells(part)
    return "".join(parts)


def _cells(text: str) -> int:
    """Return how many columns a printable text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - only for a source with such characters

    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.category(char) in {"Mn", "Me"} for char in text)


def _fitting(text: str, room: int, *, is_more: bool) -> str:
    """Return as much of a text as fits, with an ellipsis where it goes on."""
    if _cells(text) <= room and not is_more:
        return text
    kept: list[str] = []
    left = room - 1
    for char in text:
        if (left := left - _cells(char)) < 0:
            break
        kept.append(char)
    return f"{''.join(kept)}…"
