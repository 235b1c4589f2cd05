"""Rules for files that a contract names in words: a test or a piece of evidence that is not there shows nothing.

Only files inside the repository are looked for, and none is opened.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pvcheck.errors import quoted
from pvcheck.files import DISK, Disk
from pvcheck.rules.subject import Subject, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.text import Document

_TEST = (
    r"(?:(?:pytest|python3?|bash|sh|pv validate)\s+(?:-[\w=-]+\s+){0,8})?"
    r"(?P<path>[\w.-]+(?:/[\w.-]+)+\.[a-z]{1,5})(?:::[\w:\[\]-]+)?"
)
_PATH = r"(?<![\w/.~:<$@*-])(?:[\w.-]+/)+[\w.-]*\w\.[a-z][a-z0-9]{0,7}(?![\w/*-])"
"""Patterns are compiled where they are needed first: a hook on a contract without such sections compiles none."""
_OWN_FOLDERS = frozenset({"contracts", "crates", "docs", "evidence", "scripts", "src", "tests"})
"""Folders of this repository: a path that starts elsewhere may be one of another machine or another project."""

EVIDENCE = ("evidence", "functional_evidence", "algorithm_evidence", "evidence_path", "evidence_paths")
MAX_LOOKED_FOR = 1000
"""Files that are looked for on behalf of one contract."""


def check(  # noqa: PLR0913, PLR0917 - one contract, where it lies, and what is asked about it
    contract: Contract,
    document: Document,
    instance: dict[str, JSON],
    path: Path,
    root: Path,
    disk: Disk = DISK,
) -> Iterator[Finding]:
    """Yield the tests and the evidence that the file names and nobody can open."""
    subject = Subject(contract, document, instance)
    named = [*_tests(subject), *_evidence(subject)][:MAX_LOOKED_FOR]
    look = seeker(path, root)
    for code, name, route in named:
        if ".." not in name.split("/") and not disk.finds(name, look):
            what = "test" if code == "PV319" else "evidence"
            message = f"there is no file {quoted(name)}, which the {what} names"
            hint = "mend the path, relative to the repository, or take it out until the file is there"
            yield subject.finding(code, message, route, hint)


def seeker(path: Path, root: Path) -> Callable[[str], bool]:
    """Return what says of a name in a contract whether the file may be there."""
    folders: list[str] = []

    def look(name: str) -> bool:
        folders[:] = folders or _folders(path, root)
        return any(_exists(folder, name, root) for folder in folders)

    return look


def _tests(subject: Subject) -> Iterator[tuple[str, str, Route]]:
    """Yield the tests that are files."""
    for item, route in subject.items("falsification_tests"):
        for key in ("test", "test_harness"):
            text = word(item.get(key))
            if "/" in text and (match := re.fullmatch(_TEST, text, re.ASCII)):
                yield "PV319", match["path"], (*route, key)


def _evidence(subject: Subject) -> Iterator[tuple[str, str, Route]]:
    """Yield the files that stand in the prose of evidence."""
    for part in ("falsification_tests", "implementation_stages"):
        for item, route in subject.items(part):
            for key in EVIDENCE:
                for text, place in _texts(item.get(key), (*route, key)):
                    for match in re.finditer(_PATH, text, re.ASCII) if "/" in text else ():
                        yield "PV320", match[0], place


def _texts(value: JSON, route: Route) -> Iterator[tuple[str, Route]]:
    """Yield every text under a value."""
    if isinstance(value, str):
        yield value, route
    elif isinstance(value, dict | list):
        for step, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(each, (*route, step))


def _folders(path: Path, root: Path) -> list[str]:
    """Return the folders that a path may start from: the contract's, and those above it up to the root."""
    top = os.path.realpath(root)
    place = os.path.realpath(path.parent)
    found = [place]
    while place != top and place.startswith(top + os.sep):
        place = os.path.dirname(place)  # noqa: PTH120 - texts, as realpath gives them
        found.append(place)
    return found if top in found else [*found, top]


def _exists(folder: str, name: str, root: Path) -> bool:
    """Say whether a file may be there: where the path is another project's or leads out, nobody here can tell."""
    first = name.split("/", 1)[0]
    if first not in _OWN_FOLDERS and not any(os.path.isdir(os.path.join(each, first)) for each in (folder, root)):  # noqa: PTH112, PTH118 - a name may be too long, which the methods raise for
        return True
    place = os.path.realpath(os.path.join(folder, name))  # noqa: PTH118 - as above
    return not place.startswith(os.path.realpath(root) + os.sep) or os.path.lexists(place)
