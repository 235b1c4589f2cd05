"""Inputs on a worker: found by the digest of their bytes, wherever they lie. A path alone is never believed."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDERS: Final = "PVCHECK_INPUTS"
"""The variable of a worker that names folders with inputs, with ``:`` between them."""

Identity = tuple[int, int, int, int, int]


class Found(NamedTuple):
    """A file whose bytes have the digest, and what tells whether it is that file still."""

    path: str
    sha256: str
    identity: Identity

    def is_same(self) -> bool:
        """Say whether the file is the one that was hashed."""
        return identity_of(self.path) == self.identity


class Finder:
    """Digests of the files of one machine, kept as long as a file keeps its place, size and times."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._digests: dict[Identity, str] = {}
        self._places: dict[str, str] = {}

    def find(self, path: str, sha256: str, size: int | None, environment: Mapping[str, str]) -> Found | None:
        """Return the file with a digest: the one at the path, or one in the folders of the environment.

        Where the size is known, a file in a folder may have any name. Where it is not, its name must be that of the
        path, or the digest, as in the caches of model hubs: hashing all that is there could take hours.
        """
        with self._lock:  # two tasks of one run want the same files: the second finds what the first hashed
            folders = [Path(each).absolute() for each in environment.get(FOLDERS, "").split(os.pathsep) if each]
            known = self._places.get(sha256)
            for each in [path] if known is None else [path, known]:
                if found := self._looked(each, sha256, size):
                    return found
            for each in _candidates(folders, Path(path).name, sha256, is_sized=size is not None):
                if found := self._looked(each, sha256, size):
                    self._places[sha256] = each
                    return found
        return None

    def _looked(self, path: str, sha256: str, size: int | None) -> Found | None:
        """Return a file if it has the digest."""
        identity = identity_of(path)
        if identity is None or size not in {None, identity[2]}:
            return None
        try:
            if identity not in self._digests:
                with Path(path).open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                if identity_of(path) != identity:
                    return None
                self._digests[identity] = digest
        except OSError:  # nobody may read it, or it went away
            return None
        return Found(path, sha256, identity) if self._digests[identity] == sha256 else None


def identity_of(path: str) -> Identity | None:
    """Return what tells one state of a file from another; None where there is no regular file."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _candidates(folders: list[Path], name: str, sha256: str, *, is_sized: bool) -> Iterator[str]:
    """Yield files that may be an input: first those whose name speaks for it."""
    names = {name, sha256, f"sha256-{sha256}"}
    files = [Path(folder, each) for top in folders for folder, _, several in os.walk(top) for each in sorted(several)]
    yield from (str(each) for each in files if each.name in names)
    if is_sized:
        yield from (str(each) for each in files if each.name not in names)
