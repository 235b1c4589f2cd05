"""Checking many contracts: what is known already, the rest on all cores, and the rules between them on top.

The answers are those of ``checking.check_all``, whatever is remembered and however many processes take part.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pvcheck import cache, config, discovery, files
from pvcheck.errors import PvError
from pvcheck.pipeline import checking, sifting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from pvcheck.loading.catalogue import Entry
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.remembering import Memory

MANY = 16
"""Contracts from which on something is remembered: a hook on a few files reads them sooner than a cache."""


def validated(
    words: Sequence[str],
    here: Path,
    variables: Mapping[str, str],
    *,
    remember: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Checked]:
    """Check the contracts that words name, or those of the settings.

    :param on_progress: is told how many of the contracts that are not known yet are checked, and of how many.
    :raises EmptyError: if there is none.
    :raises ConfigError: as ``check_all``.
    """
    places = files.Places()
    paths = discovery.contracts(words, here, places)
    named = {} if words else {config.of_folder(here).root: paths}
    return check_all(paths, variables, remember=remember, named=named, places=places, on_progress=on_progress)


def check_all(  # noqa: PLR0913 - what is checked, what is known of it, and who wants to know
    paths: Sequence[Path],
    variables: Mapping[str, str],
    *,
    remember: bool = True,
    today: date | None = None,
    named: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
    home: Callable[[Path], Path] | None = None,
    places: files.Places | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Checked]:
    """Check files, in their order.

    :param home: where the files are copies, returns the root that one of theirs stands for: what is remembered of
        that project holds for them too, since it holds by the bytes.
    :param named: every contract that settings name, by their root, where that is known already.
    :param places: where the files arrive, as far as that is known already.
    :param variables: of the environment, which says where the cache is.
    :param remember: whether to use it.
    :param on_progress: as for ``validated``.
    :raises ConfigError: if settings or a catalogue cannot be understood.
    """
    if len(paths) < MANY:
        return checking.check_all(paths, today) if today else checking.check_all(paths)
    day = today or datetime.now(UTC).date()
    try:
        fleet = Fleet(paths, cache.wanted(variables) if remember else None, day, home, places)
    except PvError:  # told in the order of the files, by who reads them in that order
        return checking.check_all(paths, day)
    return sifting.between(fleet.checked(on_progress), day, named, fleet.places)


class Fleet:
    """Contracts of one run, and what is remembered of each project that they belong to."""

    def __init__(
        self,
        paths: Sequence[Path],
        folder: Path | None,
        day: date,
        home: Callable[[Path], Path] | None = None,
        places: files.Places | None = None,
    ) -> None:
        from pvcheck.pipeline import remembering  # noqa: PLC0415 - a hook on a few files remembers nothing

        code = remembering.code_of() if folder is not None else None
        self.context = partial(remembering.context, code=code or b"", today=day)
        self.paths = paths
        self.day = day
        self.places = places or files.Places()
        self.catalogues: dict[Path, Mapping[str, Entry]] = {}
        self.memories: list[Memory] = []
        self.projects: dict[Path, Memory] = {}
        parents: dict[str, Memory] = {}
        for path in paths:
            parent = os.path.dirname(path)  # noqa: PTH120 - a thousand texts, not paths
            if parent not in parents:
                settings = config.of_folder(Path(os.path.realpath(parent)))
                if settings.root not in self.projects:
                    place = folder if code else None
                    stands_for = None if home is None else home(settings.root)
                    memory = remembering.Memory(
                        settings, self.context(settings), place, code or b"", stands_for, self.places
                    )
                    self.projects[settings.root] = memory
                parents[parent] = self.projects[settings.root]
            self.memories.append(parents[parent])

    def checked(self, on_progress: Callable[[int, int], None] | None = None) -> list[Checked]:
        """Return each contract as one that stands alone."""
        known = [memory.known(path) for path, memory in zip(self.paths, self.memories, strict=True)]
        missing = [index for index, each in enumerate(known) if each is None]
        learnt = self._learnt(missing, on_progress)
        for index in missing:
            path, memory = self.paths[index], self.memories[index]
            if index in learnt:
                known[index] = memory.taught(path, learnt[index])
            else:
                checked = checking.check(path, self.catalogues, self.day)
                known[index] = memory.outlined(checked)
        for memory in self.projects.values():
            self._save(memory)
        return [each for each in known if each is not None]

    def _save(self, memory: Memory) -> None:
        """Keep what is new, unless the catalogue changed meanwhile: then nobody can say which one was read."""
        with suppress(PvError):
            if memory.changed and self.context(memory.settings) == memory.context:
                memory.save()

    def _learnt(self, missing: Sequence[int], on_progress: Callable[[int, int], None] | None) -> dict[int, bytes]:
        """Check what is not known, on several cores where that pays; return what each check found, as it is kept."""
        if not missing:
            return {}
        from pvcheck.pipeline import spreading  # noqa: PLC0415 - not where everything is known

        return spreading.spread(missing, self._answer, spreading.processes(len(missing)), on_progress)

    def _answer(self, index: int) -> bytes | None:
        """Check one contract."""
        return self.memories[index].learnt(self.paths[index], self._check)

    def _check(self, path: Path, disk: files.Disk) -> Checked:
        """Check one contract on a disk that remembers what was asked."""
        return checking.check(path, self.catalogues, self.day, disk)
