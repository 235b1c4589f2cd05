"""Where records lie: ``evidence/<contract stem>/<sha256>.json`` beside the contract, each named by its digest.

A signature of a record lies beside it, as ``<sha256>.sig.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pvcheck import files
from pvcheck.domain.digest import PATTERN, PREFIX, sha256
from pvcheck.evidence import record
from pvcheck.evidence.record import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pvcheck.evidence.record import Record

SIGNED = ".sig.json"
"""What stands for ``.json`` in the name of the signature of a record."""
MAX_RECORD = 4 << 20
"""Bytes of the largest record that is read: a thousand layers need half a megabyte."""


class MissingError(LookupError):
    """There is no record of that name, or why it cannot be read."""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(name)
        self.why = why
        self.hint = "see to it that it can be read" if why else "bring it back from git"

    def told(self, place: str) -> str:
        """Return what is wrong with the record, which should lie in a folder."""
        return f"cannot be read from {place}: {self.why}" if self.why else f"is missing from {place}"


class ForgedError(ValueError):
    """The bytes of a record are not those that its name promises."""


def folder(contract: Path) -> Path:
    """Return the folder of a contract's records."""
    return contract.parent / "evidence" / contract.stem


def path_of(contract: Path, reference: str) -> Path:
    """Return the file of a record; the reference has been checked to be a digest, so it is no path."""
    return contract.parent.joinpath("evidence", contract.stem, f"{reference.removeprefix(PREFIX)}.json")


def name_of(reference: str) -> str:
    """Return the name of the file of a record."""
    return f"{reference.removeprefix(PREFIX)}.json"


def signature_of(contract: Path, reference: str) -> Path:
    """Return the file of a record's signature."""
    return contract.parent.joinpath("evidence", contract.stem, f"{reference.removeprefix(PREFIX)}{SIGNED}")


class Kept(Protocol):
    """Something that is stored under the digest of its bytes."""

    def data(self) -> bytes:
        """Return the bytes."""

    @property
    def reference(self) -> str:
        """The digest of the bytes, as a contract writes it."""


def load(contract: Path, reference: str, disk: files.Disk = files.DISK) -> Record:
    """Return the record of an evaluation by its reference.

    :raises MissingError: if there is none.
    :raises ForgedError: if its bytes have another digest.
    :raises RecordError: if it is no record.
    """
    return record.parse(read(contract, reference, disk))


def read(contract: Path, reference: str, disk: files.Disk = files.DISK) -> bytes:
    """Return the bytes of a record by its reference, with LF at the ends of its lines.

    :raises MissingError: if there is none.
    :raises ForgedError: if they have another digest.
    """
    path = path_of(contract, reference)
    try:
        data = disk.read(path, MAX_RECORD)
    except files.GoneError:
        raise MissingError(path.name) from None
    except files.UnreadableError as error:
        raise MissingError(path.name, error.findings[0].message.removeprefix("cannot read: ")) from None
    data = data.replace(b"\r\n", b"\n")
    if PREFIX + sha256(data) != reference:
        raise ForgedError(path.name)
    return data


def references(contract: Path) -> tuple[str, ...]:
    """Return the references of the records that lie beside a contract, by the names of their files, sorted."""
    names = (PREFIX + path.stem for path in _files(folder(contract)) if path.suffix == ".json")
    return tuple(sorted(name for name in names if PATTERN.fullmatch(name)))


def signatures(contract: Path) -> tuple[str, ...]:
    """Return the references of the records whose signatures lie beside a contract, by the names of files, sorted."""
    names = (path.name for path in _files(folder(contract)))
    found = (PREFIX + name.removesuffix(SIGNED) for name in names if name.endswith(SIGNED))
    return tuple(sorted(each for each in found if PATTERN.fullmatch(each)))


def others(contract: Path) -> tuple[str, ...]:
    """Return the names in a folder of records that neither a record nor a signature can have, sorted.

    Hidden files may lie there.
    """
    known = {path_of(contract, each).name for each in references(contract)}
    known |= {signature_of(contract, each).name for each in signatures(contract)}
    names = {path.name for path in _files(folder(contract))}
    return tuple(sorted(name for name in names - known if not name.startswith(".")))


def _files(place: Path) -> Iterable[Path]:
    """Return what lies in a folder, or nothing where there is none."""
    return place.iterdir() if place.is_dir() else ()


def save(contract: Path, new: Kept) -> None:
    """Write a record, unless it is there already."""
    path = path_of(contract, new.reference)
    if not path.is_file() or files.read(path, MAX_RECORD) != new.data():
        files.make_folder(folder(contract))
        files.put(path, new.data())


def adopted(contract: Path, new: Record) -> Record:
    """Return a record with the same result that is there already, the first by name, else the new one.

    The one that is there may be of a run that was killed before it could change the contract.
    """
    essence = new.essence()
    for reference in references(contract):
        try:
            known = load(contract, reference)
        except (MissingError, ForgedError, RecordError):
            continue
        if known.falsifier == new.falsifier and known.essence() == essence:
            return known
    return new
