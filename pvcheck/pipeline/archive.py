"""The records that statuses rest on: beside the contract, or in the commits that are brought together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck import files
from pvcheck.domain.digest import PREFIX, sha256
from pvcheck.domain.status import EARNED
from pvcheck.evidence import record, store
from pvcheck.evidence.record import RecordError
from pvcheck.pipeline import bumping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.evidence.record import Record
    from pvcheck.history import Repository


class Archive:
    """The records of one contract; those that do not lie beside it are looked up in some commits."""

    def __init__(self, path: Path, repository: Repository, commits: tuple[str, ...], name: str | None) -> None:
        self.path = path
        self.repository = repository
        self.commits = commits
        self.name = name
        """The id of the contract, which may lie elsewhere in a commit."""

    def find(self, falsifier: Falsifier) -> Record | None:
        """Return the sound record that a falsifier names."""
        if falsifier.evidence is None or falsifier.status not in EARNED:
            return None
        data = self._data(falsifier.evidence)
        try:
            found = None if data is None else record.parse(data)
        except RecordError:
            return None
        return found if found is not None and found.falsifier == falsifier.id else None

    def missing(self, contract: Contract) -> dict[Path, bytes]:
        """Return the records that a contract names, that are not beside it and that a commit has, with signatures."""
        found: dict[Path, bytes] = {}
        for each in contract.falsifiers:
            place = None if each.evidence is None else store.path_of(self.path, each.evidence)
            if place is not None and each.evidence is not None and not place.is_file():
                data = self._data(each.evidence)
                found |= {} if data is None else {place: data} | self._signature(each.evidence)
        return found

    def _signature(self, reference: str) -> dict[Path, bytes]:
        """Return the signature file of a record that a commit has; whether it is good is for validation to say."""
        place = store.signature_of(self.path, reference)
        data = next(self._committed(place.name), None)
        return {} if data is None or place.is_file() else {place: data}

    def _data(self, reference: str) -> bytes | None:
        """Return the bytes of a record that has the digest of its name."""
        for data in self._candidates(reference):
            if PREFIX + sha256(data) == reference:
                return data
        return None

    def _candidates(self, reference: str) -> Iterator[bytes]:
        """Yield what lies under the name of a record, here and in the commits."""
        place = store.path_of(self.path, reference)
        if place.is_file():
            yield files.read(place, store.MAX_RECORD).replace(b"\r\n", b"\n")
        yield from self._committed(place.name)

    def _committed(self, record: str) -> Iterator[bytes]:
        """Yield what lies under a name among the records of the contract in the commits."""
        for commit in filter(None, map(self.repository.commit, self.commits)):
            found = bumping.find(self.repository, commit, bumping.located(self.path)[1], self.name)
            if found is not None:
                folder, _, name = found.path.rpartition("/")
                inside = f"evidence/{name.rpartition('.')[0]}/{record}"
                data = self.repository.blob(commit, f"{folder}/{inside}" if folder else inside)
                yield from () if data is None else (data,)
