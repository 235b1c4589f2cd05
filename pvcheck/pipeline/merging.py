"""Merging three texts by lines, as git does; items that both sides add to one list both stay."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import history

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 60
"""Letters of a marker: no contract has a line of so many."""
_OURS, _BASE, _MIDDLE, _THEIRS = ("<" * WIDTH, "|" * WIDTH, "=" * WIDTH, ">" * WIDTH)


class Hunk(NamedTuple):
    """Lines that both sides changed, each in its own way."""

    ours: tuple[str, ...]
    base: tuple[str, ...]
    theirs: tuple[str, ...]


class Merged(NamedTuple):
    """The text of a merge, and what of it must be decided by hand; then the text is of no use."""

    text: str
    hunks: tuple[Hunk, ...]


def merge(ours: str, base: str, theirs: str) -> Merged:
    """Return what both sides made of a text. Line ends must be line feeds.

    :raises ConfigError: if there is no git.
    """
    with tempfile.TemporaryDirectory(prefix="pv-") as name:
        folder = Path(name)
        for side, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            (folder / side).write_bytes(text.encode())
        words = ("merge-file", "-p", "--diff3", f"--marker-size={WIDTH}", "ours", "base", "theirs")
        done = history.call(folder, *words)
    if done.returncode > 127:  # more conflicts are told as 127
        hint = "see that git works here: git merge-file -h"
        raise history.refused("PV722", "git could not merge the texts", hint)
    parts = list(_parts(done.stdout.decode().split("\n")))
    lines: list[str] = []
    hunks: list[Hunk] = []
    for index, part in enumerate(parts):
        if isinstance(part, str):
            lines.append(part)
        elif _both_add_items(part, parts[index + 1 :]):
            lines += _both(part)
        else:
            hunks.append(part)
    return Merged("\n".join(lines), tuple(hunks))


def _parts(lines: list[str]) -> Iterator[str | Hunk]:
    """Yield the lines of a merge, and its conflicts as one part each."""
    sides: dict[str, list[str]] = {}
    side = ""
    for line in lines:
        mark = line[:WIDTH]
        if mark == _OURS:
            side, sides = "ours", {"ours": [], "base": [], "theirs": []}
        elif mark == _BASE and side:
            side = "base"
        elif mark == _MIDDLE and side:
            side = "theirs"
        elif mark == _THEIRS and side:
            side = ""
            yield Hunk(tuple(sides["ours"]), tuple(sides["base"]), tuple(sides["theirs"]))
        elif side:
            sides[side].append(line)
        else:
            yield line


def _both_add_items(hunk: Hunk, below: list[str | Hunk]) -> bool:
    """Say whether both sides add whole items at one place of a list: then theirs go first, and ours follow.

    What stands below must not go on with an item, or it would change hands.
    """
    if any(map(str.strip, hunk.base)) or not hunk.ours or not hunk.theirs:
        return False
    at = _column(hunk.ours[0])
    following = next((each for each in below if isinstance(each, Hunk) or _counts(each)), "")
    if isinstance(following, Hunk) or not _is_free(following, at):
        return False
    return all(
        side[0][at : at + 2] == "- " and _column(side[0]) == at and all(_belongs(line, at) for line in side)
        for side in (hunk.ours, hunk.theirs)
    )


def _both(hunk: Hunk) -> list[str]:
    """Return the items that both sides add, theirs first; one that both have, as after an earlier merge, once."""
    theirs = _items(hunk.theirs)
    known = {"\n".join(each).rstrip() for each in theirs}
    ours = [each for each in _items(hunk.ours) if "\n".join(each).rstrip() not in known]
    return [line for each in [*theirs, *ours] for line in each]


def _items(lines: tuple[str, ...]) -> list[list[str]]:
    """Return the lines of whole items, item by item."""
    found: list[list[str]] = []
    for line in lines:
        if not found or line[_column(lines[0]) :].startswith("- "):
            found.append([])
        found[-1].append(line)
    return found


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _counts(line: str) -> bool:
    """Say whether a line is more than a blank or a comment."""
    return line.strip() != "" and not line.lstrip().startswith("#")


def _belongs(line: str, at: int) -> bool:
    """Say whether a line stands in a list at a column, or begins an item of it."""
    return not _counts(line) or _column(line) > at or (line[at : at + 2] == "- " and _column(line) == at)


def _is_free(line: str, at: int) -> bool:
    """Say whether a line begins something new beside or above a list at a column."""
    return line == "" or _column(line) <= at
