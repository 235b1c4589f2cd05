"""Which files a command works on: named files as they are, folders by their YAML files."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pvcheck import config, files
from pvcheck.errors import ConfigError, EmptyError, Finding, escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.config import Config

SUFFIXES = (".yaml", ".yml")
MAX_CONTRACT = 1 << 20
_ID = rb"^[ \t]*(?:-[ \t]+)?(?:\{[ \t]*)?id:[ \t]*['\"]?([A-Za-z0-9][A-Za-z0-9._-]{0,127})"
"""An id as contracts spell it. Whoever lists ids does not parse a thousand files for it."""


def contracts(
    paths: Iterable[str], here: Path, places: files.Places | None = None, *, lenient: bool = False
) -> list[Path]:
    """Return the contract files that the paths name, each once, in the order of the paths.

    Without paths: what the settings of ``here`` name. A path that is not there is one of them beside others, and its
    absence is told when it is read: what was not looked at was not right.

    :param places: takes where each file arrives, for whoever asks next.
    :param lenient: whether a path that is not there, and looks like a folder, is left out.
    :raises EmptyError: if there is none. A typo in a path must not look like success.
    """
    named = [Path(each) for each in paths]
    lenient = lenient or not named
    wanted = named or [_near(each, here) for each in settled(config.of_folder(here))]
    found: dict[str, Path] = {}
    places = places or files.Places()
    for path in wanted:
        for each in _files(path, places):
            found.setdefault(places.real(each), Path(each))
        if not lenient and _is_unknown(path):
            found.setdefault(places.real(str(path)), path)
    if all(map(_is_unknown, found.values())):
        names = ", ".join(escaped(str(path)) for path in wanted)
        raise EmptyError(
            Finding(
                "PV707", "there is no contract here", names, hint="name a file or a folder with *.yaml", exit_code=4
            )
        )
    return list(found.values())


def settled(settings: Config) -> list[Path]:
    """Return where settings look for contracts.

    :raises ConfigError: if one of them leads out of the repository, which is not theirs to show.
    """
    top = os.path.realpath(config.top(settings.root))
    for each in settings.contracts:
        if not Path(os.path.realpath(settings.root / each)).is_relative_to(top):
            message = f'the setting "contracts" leads out of the repository: {quoted(each)}'
            hint = "name that folder on the command line, if it is to be checked here"
            raise ConfigError(Finding("PV701", message, escaped(str(settings.root)), hint=hint, exit_code=2))
    return [settings.root / each for each in settings.contracts]


def texts(here: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the contracts that the settings of ``here`` name, unparsed; one that cannot be read is left out."""
    try:
        paths = contracts((), here)
    except EmptyError:
        return
    for path in paths:
        with suppress(files.UnreadableError):
            yield path, config.read(path, MAX_CONTRACT)


def ids(here: Path) -> set[str]:
    """Return every id that those contracts spell: their own, and those of falsifiers, stages and the rest."""
    return {name.decode() for _, data in texts(here) for name in re.findall(_ID, data, re.MULTILINE)}


def _files(path: Path, places: files.Places) -> Iterator[str]:
    """Yield the contracts of one path. A path that is no folder is taken at its word and read later."""
    if not os.path.isdir(path):  # noqa: PTH112 - the method raises for a name that is too long
        if not _is_unknown(path):
            yield str(path)
        return
    waiting = [str(path)]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                found = [each for each in entries if not each.name.startswith(".")]
        except OSError:
            continue  # what cannot be listed holds nothing that could be read
        named = sorted((each.name, *_kind(each)) for each in found if each.name.endswith(SUFFIXES))
        for name, is_folder, is_link in named:
            if not is_folder:
                yield os.path.join(place, name) if is_link else places.plain(place, name)  # noqa: PTH118 - a text
        folders = sorted((each.name for each in found if _is_below(each)), reverse=True)
        waiting += [os.path.join(place, name) for name in folders]  # noqa: PTH118 - as above


def _is_unknown(path: Path) -> bool:
    """Say whether nothing has this path, and it does not look like that of a contract."""
    return path.suffix not in SUFFIXES and not os.path.lexists(path)


def _is_below(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a folder that is no link."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _kind(entry: os.DirEntry[str]) -> tuple[bool, bool]:
    """Say whether an entry is a folder, and whether it is a link, which is not followed into one."""
    try:
        return entry.is_dir(), entry.is_symlink()
    except OSError:
        return False, False


def _near(path: Path, here: Path) -> Path:
    """Return a path as a person standing in ``here`` would write it."""
    return Path(os.path.relpath(path, here))
