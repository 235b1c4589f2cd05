"""What did not hold when it was last run, on this machine: so that ``--failed`` finds it again.

One small file a project in the user's cache folder: contracts by their place, in them outcomes by the id of the
falsifier, where that was not ``held``. It picks what to measure and touches no verdict; one that is missing, broken,
of somebody else or writable by others says nothing.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pvcheck import cache, files
from pvcheck.domain.digest import sha256
from pvcheck.domain.status import Outcome, Status
from pvcheck.errors import PvError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pvcheck.domain.contract import Falsifier
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.results import FileResult

FOLDER: Final = ("pvcheck", "runs")
LIMIT: Final = 4 << 20

Known = dict[str, dict[str, str]]


def place(root: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the file of a project, or None where there is no cache folder, or none is wanted."""
    start = cache.root(environment)
    if start is None or environment.get(cache.VARIABLE) == "off":
        return None
    return start.joinpath(*FOLDER, f"{sha256(os.fsencode(os.path.realpath(root)))[:32]}.json")


def known(path: Path | None) -> Known:
    """Return what a file tells; nothing where it tells anything else, or is not ours alone."""
    if path is None or not _is_ours(path.parent):
        return {}
    try:
        told = json.loads(files.read(path, LIMIT))
    except (PvError, ValueError, RecursionError):
        return {}
    words = {str(each) for each in Outcome}
    found: Known = {}
    for contract, outcomes in told.items() if isinstance(told, dict) else ():
        if isinstance(outcomes, dict):
            found[contract] = {name: word for name, word in outcomes.items() if isinstance(word, str) and word in words}
    return found


def _is_ours(folder: Path) -> bool:
    """Say whether a folder is there, is ours, and nobody else may write to it."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


class Failures:
    """What did not hold lately, project by project."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._known: dict[Path, Known] = {}

    def has(self, checked: Checked, falsifier: Falsifier) -> bool:
        """Say whether a falsifier is FALSIFIED, or did not hold when it was last run."""
        root = checked.config.root
        if root not in self._known:
            self._known[root] = known(place(root, self._environment))
        return falsifier.status == Status.FALSIFIED or falsifier.id in self._known[root].get(_name(checked), {})


def remember(results: Iterable[FileResult], environment: Mapping[str, str]) -> None:
    """Note what did not hold, and forget what did. A disk that refuses costs nobody a verdict."""
    by_root: dict[Path, list[FileResult]] = {}
    for each in results:
        if each.results:
            by_root.setdefault(each.checked.config.root, []).append(each)
    for root, several in by_root.items():
        path = place(root, environment)
        before = known(path)
        after = {name: outcomes for name, outcomes in before.items() if os.path.exists(name)}  # noqa: PTH110 - text
        for each in several:
            outcomes = dict(after.pop(_name(each.checked), {}))
            for result in each.results:
                outcomes.pop(result.falsifier.id or "", None)
                if result.outcome is not Outcome.HELD:
                    outcomes[result.falsifier.id or ""] = str(result.outcome)
            if outcomes:
                after[_name(each.checked)] = outcomes
        if path is not None and after != before:
            _keep(path, after)


def _keep(path: Path, told: Known) -> None:
    """Write a file, if its folder can be made and is ours."""
    with suppress(OSError, PvError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_ours(path.parent):
            files.put(path, json.dumps(told, sort_keys=True).encode())


def _name(checked: Checked) -> str:
    """Return the name of a contract in the file: its place, links followed."""
    return os.path.realpath(checked.path)
