"""The contracts of one commit, found by their path or by their id, and the records they name."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pvcheck import discovery, history
from pvcheck.domain.digest import PREFIX, sha256
from pvcheck.errors import ContractError, quoted
from pvcheck.evidence import record
from pvcheck.evidence.record import RecordError
from pvcheck.loading import contract
from pvcheck.rules.moves import Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pvcheck.evidence.record import Record
    from pvcheck.history import Repository


class Snapshot:
    """The contracts of a commit that lie in a scope: folders and files, relative to the top of the repository."""

    def __init__(self, repository: Repository, commit: str, scope: Sequence[str]) -> None:
        self.repository = repository
        self.commit = commit
        paths = {path for each in scope for path in _contracts(repository, commit, each)}
        self.data = self.read(sorted(paths))
        self._sides: dict[str, Side | None] = {}

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the bytes of files of the commit, links followed; one that leads nowhere is left out.

        :raises ConfigError: if the commit has a file and this clone does not have its bytes.
        """
        found = self.repository.blobs(self.commit, paths)
        for path, data in found.items():
            if data is None and self.repository.lacks(self.commit, path):
                message = (
                    f"this clone does not hold {quoted(path)} of the commit {self.commit[:9]}: it is a partial one"
                )
                raise history.refused("PV721", message, f"git cat-file -p {self.commit[:9]}:{path} fetches it")
        return {path: data for path, data in found.items() if data is not None}

    def side(self, path: str) -> Side | None:
        """Return a contract of the commit, or None where it cannot be understood."""
        if path not in self._sides:
            try:
                self._sides[path] = Side.of(contract.load(self.data[path], path))
            except ContractError:
                self._sides[path] = None
        return self._sides[path]

    def named(self, name: str | None, among: Iterable[str]) -> str | None:
        """Return the first of some paths that holds the contract with an id."""
        for path in among if name is not None else ():
            side = self.side(path)
            if side is not None and side.contract.id == name:
                return path
        return None

    def elsewhere(self, name: str | None) -> str | None:
        """Return where outside of the scope the contract with an id lies; None where it is nowhere."""
        if name is None:
            return None
        others = [path for path in self.repository.files(self.commit) if path.endswith(discovery.SUFFIXES)]
        found = self.read(path for path in others if path not in self.data)
        place = named_in(name, found.items())
        if place is not None:
            self.data[place] = found[place]
        return place

    def records(self, path: str, references: Mapping[str, str]) -> dict[str, Record]:
        """Return the sound ones of the records that falsifiers of a contract name."""
        folder = posixpath.join(posixpath.dirname(path), "evidence", posixpath.splitext(posixpath.basename(path))[0])
        places = {name: f"{folder}/{reference.removeprefix(PREFIX)}.json" for name, reference in references.items()}
        data = self.repository.blobs(self.commit, places.values())
        found = {name: _record(data[place], references[name]) for name, place in places.items()}
        return {name: each for name, each in found.items() if each is not None}


def named_in(name: str | None, files: Iterable[tuple[str, bytes]]) -> str | None:
    """Return the first of some files that holds the contract with an id, reading those that spell it."""
    for path, data in files if name is not None else ():
        if (name or "").encode() in data:
            try:
                found = contract.load(data, path).contract
            except ContractError:
                continue
            if found is not None and found.id == name:
                return path
    return None


def is_within(path: str, places: Sequence[str]) -> bool:
    """Say whether a path is one of some places, or lies below one."""
    return any(each in {".", path} or path.startswith(f"{each}/") for each in places)


def _contracts(repository: Repository, commit: str, place: str) -> Iterable[str]:
    """Return the contracts that a place of a commit stands for, as a folder of the work tree would be searched."""
    if place.endswith(discovery.SUFFIXES):
        return [place]
    start = 0 if place == "." else len(place) + 1
    return [
        path
        for path in repository.files(commit, place)
        if path.endswith(discovery.SUFFIXES) and not any(step.startswith(".") for step in path[start:].split("/"))
    ]


def _record(data: bytes | None, reference: str) -> Record | None:
    """Return the record of some bytes, or None where there is no sound one."""
    if data is None or PREFIX + sha256(data.replace(b"\r\n", b"\n")) != reference:
        return None
    try:
        return record.parse(data.replace(b"\r\n", b"\n"))
    except RecordError:
        return None
