"""Lines with roles: what a piece of text is, never how it looks.

A ``Line`` is a ``str``: who does not care about roles prints, compares and joins it as before. Colours are for the
command line to give (``cli/output.py``); every meaning stands in the words too, so that nothing is lost without them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Role = Literal[
        "", "added", "bad", "code", "dim", "doubt", "good", "head", "hint", "mark", "place", "removed", "warning"
    ]
    """What a piece is. ``good`` held, ``bad`` is refuted or an error, ``doubt`` could not be told; ``head`` names what
    follows, ``place`` is where to click, ``mark`` points into a source, ``dim`` can be skipped."""
    Piece = tuple[str, Role]


MARGIN = 4
"""Columns by which the rest of a line that was folded stands deeper."""
_WORD = re.compile(r"\S+")


class Line(str):
    """One line of text that knows which of its pieces has which role; the text itself is all the pieces joined."""

    __slots__ = ("pieces",)

    pieces: tuple[Piece, ...]

    def __new__(cls, *parts: str | Piece) -> Self:
        """Join parts: a pair of text and role, another line, or plain text."""
        pieces: list[Piece] = []
        for part in parts:
            pieces += (part,) if isinstance(part, tuple) else pieces_of(part)
        line = super().__new__(cls, "".join([text for text, _ in pieces]))
        line.pieces = tuple(pieces)
        return line


def pieces_of(line: str) -> tuple[Piece, ...]:
    """Return the pieces of a line; a plain text is one piece without a role."""
    return line.pieces if isinstance(line, Line) else ((line, ""),)


def indented(lines: Iterable[str], by: str = "  ") -> Iterator[str]:
    """Yield lines behind a margin, with their roles."""
    for line in lines:
        yield Line(by, line) if isinstance(line, Line) else f"{by}{line}"


def padded(text: str, role: Role, width: int, *, right: bool = False) -> Line:
    """Return a cell: text with a role, and blanks without one up to a width."""
    blanks = " " * (width - len(text))
    return Line(blanks, (text, role)) if right else Line((text, role), blanks)


def folded(line: str, width: int) -> Iterator[str]:
    """Yield a line in parts that fit a width: broken between words, the rest behind a deeper margin.

    A word that is wider than all of it stays whole: it may be a number or a path.
    """
    if len(line) <= width:
        yield line
        return
    margin = " " * min(len(line) - len(line.lstrip()) + MARGIN, width // 2)
    first, start = 0, 0
    for match in _WORD.finditer(line):
        room = width - (len(margin) if first else 0)
        if match.end() - first > room and start > first:
            part = _part(line, first, start)
            yield Line(margin, part) if first else part
            first = match.start()
        start = match.end()
    part = _part(line, first, start)
    yield Line(margin, part) if first else part


def _part(line: str, first: int, end: int) -> Line:
    """Return the characters of a line from one place to another, with their roles."""
    pieces: list[Piece] = []
    at = 0
    for text, role in pieces_of(line):
        cut = text[max(0, first - at) : max(0, end - at)]
        pieces += [(cut, role)] if cut else []
        at += len(text)
    return Line(*pieces)


def diff(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a unified diff, each with the role that its first character says."""
    for line in lines:
        if line.startswith(("+++", "---", "@@")):
            yield Line((line, "head"))
        elif line.startswith(("+", "-")):
            yield Line((line, "added" if line[0] == "+" else "removed"))
        else:
            yield line
