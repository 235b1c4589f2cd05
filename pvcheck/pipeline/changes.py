"""What differs from a commit: contracts, the records they name, and the inputs that a repository holds.

Only objects of git are compared: the name of a file's bytes as git would give it with the name in the commit. No filter
runs, and nothing is fetched.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pvcheck import config, files, history
from pvcheck.domain.claim import inputs_of
from pvcheck.errors import ConfigError
from pvcheck.evidence import store
from pvcheck.host import PluginSet
from pvcheck.pipeline import bases
from pvcheck.plan import Ground, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.history import Entry, Repository
    from pvcheck.pipeline.checking import Checked

CHUNK: Final = 1 << 20
MAX_POINTER: Final = 1024
POINTER: Final = b"version https://git-lfs.github.com/spec/"
_NOTHING: Final = PluginSet((), (), {})


class _Base:
    """The commit that a repository's files are compared with."""

    def __init__(self, repository: Repository, commit: str | None) -> None:
        self.repository = repository
        self.top = os.path.realpath(repository.top)
        self.tree = {} if commit is None else {each.path: each for each in repository.tree(commit)}
        self._tracked: frozenset[str] | None = None
        self._known: dict[str, bool] = {}

    def differs(self, place: Path, *, is_text: bool) -> bool:
        """Say whether a file is not what the commit has; one that git does not know cannot be."""
        path = os.path.realpath(place)
        if path not in self._known:
            self._known[path] = self._differs(path, is_text=is_text)
        return self._known[path]

    def _differs(self, path: str, *, is_text: bool) -> bool:
        name = os.path.relpath(path, self.top).replace(os.sep, "/")
        entry = self.tree.get(name)
        if entry is None:
            return is_text or name in self._index()
        if not os.path.isfile(path):  # noqa: PTH113 - text is enough; a pipe would be waited for
            return True
        try:
            return entry.object not in _names(path, entry, is_text=is_text) and not self._points_to(entry, path)
        except (OSError, files.UnreadableError):
            return True

    def _index(self) -> frozenset[str]:
        """Return the files that git tracks now."""
        if self._tracked is None:
            self._tracked = frozenset(each.path for each in self.repository.index())
        return self._tracked

    def _points_to(self, entry: Entry, path: str) -> bool:
        """Say whether the commit has a pointer of git-lfs to the bytes of a file."""
        if not 0 < self.repository.sizes([entry])[0] <= MAX_POINTER:
            return False
        pointer = self.repository.contents([entry])[0] or b""
        if not pointer.startswith(POINTER):
            return False
        with open(path, "rb") as file:  # noqa: PTH123 - text is enough
            return f"oid sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode() in pointer


def _names(path: str, entry: Entry, *, is_text: bool) -> set[str]:
    """Return the names that git would give the bytes of a file: as they are, and of a text also without its CRs."""
    kind = "sha1" if len(entry.object) == 40 else "sha256"
    if is_text:
        data = files.read(Path(path), store.MAX_RECORD)
        return {_name(kind, each) for each in (data, data.replace(b"\r\n", b"\n"))}
    digest = hashlib.new(kind, f"blob {os.stat(path).st_size}\0".encode(), usedforsecurity=False)  # noqa: PTH116 - text
    with open(path, "rb") as file:  # noqa: PTH123 - text is enough
        while piece := file.read(CHUNK):
            digest.update(piece)
    return {digest.hexdigest()}


def _name(kind: str, data: bytes) -> str:
    """Return the name of bytes."""
    return hashlib.new(kind, f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


class Changes:
    """What differs from a base, which is found in each repository as ``pv validate --against`` finds it."""

    def __init__(self, reference: str, overrides: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self._reference = reference
        self._overrides = overrides
        self._variables = variables
        self._bases: dict[Path, _Base] = {}
        self._tops: dict[Path, _Base] = {}

    def touch(self, checked: Checked, falsifier: Falsifier) -> bool:
        """Say whether a contract, the record that a falsifier names, or one of its inputs differs.

        :raises ConfigError: if the contract is in no repository, or there is no base.
        """
        if checked.contract is None:
            return False
        base = self._base(Path(os.path.realpath(checked.path)).parent)
        return (
            base.differs(checked.path, is_text=True)
            or (
                falsifier.evidence is not None
                and falsifier.status is not None
                and base.differs(store.path_of(checked.path, falsifier.evidence), is_text=True)
            )
            or any(base.differs(place, is_text=False) for place in self._inputs(checked, checked.contract, falsifier))
        )

    def _inputs(self, checked: Checked, contract: Contract, falsifier: Falsifier) -> list[Path]:
        """Return where the inputs of a falsifier are."""
        ground = Ground(checked.config, _NOTHING, self._overrides)
        return [place_of(contract.inputs[name], checked.path, ground) for name in inputs_of(falsifier, contract)]

    def _base(self, folder: Path) -> _Base:
        """Return what the files of a folder are compared with."""
        if folder not in self._bases:
            repository = history.at(folder)
            if repository.top not in self._tops:
                setting = config.of_folder(folder).base
                self._tops[repository.top] = _Base(repository, self._found(repository, setting))
            self._bases[folder] = self._tops[repository.top]
        return self._bases[folder]

    def _found(self, repository: Repository, setting: str | None) -> str | None:
        """Return the commit to compare with; None where there is no commit yet.

        :raises ConfigError: if there is none of that name, or none is found; it speaks of this option.
        """
        try:
            return bases.of(repository, self._reference, self._variables, setting).base
        except ConfigError as error:
            here = ("--against", "--changed")
            raise ConfigError(
                each._replace(message=each.message.replace(*here), hint=each.hint.replace(*here))
                for each in error.findings
            ) from None
