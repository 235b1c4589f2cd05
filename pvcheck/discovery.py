"""Which files a command works on: named files as they are, folders by their YAML files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pvcheck import config
from pvcheck.errors import EmptyError, Finding, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES = (".yaml", ".yml")


def contracts(paths: Iterable[str], here: Path) -> list[Path]:
    """Return the contract files that the paths name, each once, in the order of the paths.

    Without paths: what the settings of ``here`` name.

    :raises EmptyError: if there is none. A typo in a path must not look like success.
    """
    settings = config.of_folder(here)
    wanted = [Path(each) for each in paths] or [_near(settings.root / each, here) for each in settings.contracts]
    found: dict[str, Path] = {}
    for path in wanted:
        for each in _files(path):
            found.setdefault(os.path.realpath(each), each)
    if not found:
        names = ", ".join(escaped(str(path)) for path in wanted)
        raise EmptyError(
            Finding(
                "PV707", "there is no contract here", names, hint="name a file or a folder with *.yaml", exit_code=4
            )
        )
    return list(found.values())


def _files(path: Path) -> Iterator[Path]:
    """Yield the contracts of one path. A path that is no folder is taken at its word and read later."""
    if not os.path.isdir(path):  # noqa: PTH112 - the method raises for a name that is too long
        if os.path.lexists(path) or path.suffix in SUFFIXES:
            yield path
        return
    for place, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(place) / name


def _near(path: Path, here: Path) -> Path:
    """Return a path as a person standing in ``here`` would write it."""
    return Path(os.path.relpath(path, here))
