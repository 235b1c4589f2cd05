"""Two versions of contracts and what changed between them: two files, or the work tree and a commit.

Renamed files are found by the id of their contract. Bytes of commits come from git's objects.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, discovery, files, history
from pvcheck.errors import ConfigError, ContractError, Finding, Severity, escaped, quoted, worst
from pvcheck.history import Repository
from pvcheck.loading import contract
from pvcheck.pipeline import bases
from pvcheck.pipeline.bumping import find
from pvcheck.pipeline.checking import MAX_CONTRACT
from pvcheck.rules import weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.domain.version import Version
    from pvcheck.loading.contract import Loaded
    from pvcheck.rules.weights import Weighed


class Side(NamedTuple):
    """One version of a contract: how a person calls it, and its text. No bytes: it is not there."""

    name: str
    data: bytes | None

    def loaded(self) -> Loaded | None:
        """Return the contract, or None where there is none.

        :raises ContractError: if nobody can tell what the text claims.
        """
        if self.data is None:
            return None
        found = contract.load(self.data, self.name)
        errors = [each for each in found.findings if each.severity is Severity.ERROR]
        if found.contract is None:
            raise ContractError(errors)
        return found


class Pair(NamedTuple):
    """Two versions of one contract and what changed. ``problems`` say why that cannot be told."""

    old: Side
    new: Side
    before: Loaded | None = None
    after: Loaded | None = None
    weighed: tuple[Weighed, ...] = ()
    problems: tuple[Finding, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing changed."""
        return self.old.data is not None and self.new.data is not None and not self.weighed and not self.problems

    @property
    def versions(self) -> tuple[Version | None, Version | None]:
        """The versions before and after, where they are semantic ones."""
        return _version(self.before), _version(self.after)

    @property
    def due(self) -> Version | None:
        """The lowest version that the changes allow, where that can be told."""
        before, _ = self.versions
        return None if before is None else weights.due(before, self.weighed)

    @property
    def fits(self) -> bool:
        """Whether the new version is as high as the changes need, or nobody can tell."""
        _, after = self.versions
        return self.due is None or after is None or after >= self.due

    @property
    def exit_code(self) -> int:
        """The exit status that the problems ask for."""
        return worst(each.exit_code for each in self.problems)


def of_words(words: Sequence[str], against: str | None, here: Path) -> list[Pair]:
    """Return what the words of a command line compare: ``OLD NEW``, ``REF PATHS`` or ``PATHS``.

    :raises ConfigError: if a commit or a file of one is not there, or nothing says what to compare.
    :raises EmptyError: if the paths name no contract.
    """
    if against is not None:
        repository = history.at(here)
        base = bases.of(repository, against, os.environ, config.of_folder(here).base)
        return with_commit(repository, base.base, base.name, words, here)
    if words and not _is_side(words[0]):
        found = Repository.of(here)
        commit = found.commit(words[0]) if found is not None else None
        if found is not None and commit is not None:
            return with_commit(found, commit, words[0], words[1:], here)
    if len(words) == 2:
        return [compared(*(side(word, here) for word in words))]
    if len(words) > 2:
        message = f"two files can be compared, got {len(words)}"
        hint = "pv diff OLD NEW compares two; pv diff REF PATHS compares many with a commit"
        raise ConfigError(Finding("PV726", message, hint=hint, exit_code=2))
    repository = history.at(here)
    return with_commit(repository, repository.commit("HEAD"), "HEAD", words, here)


def side(word: str, here: Path) -> Side:
    """Return what a word names: a file, ``REF:PATH`` for a file of a commit, ``:PATH`` for one of the index.

    :raises ConfigError: if the commit or its file is not there.
    """
    reference, has_reference, path = word.partition(":")
    if os.path.lexists(word) or not has_reference:
        return Side(word, files.read(Path(word), MAX_CONTRACT))
    repository = history.at(here)
    commit = repository.commit(reference) if reference else ""
    if commit is None:
        raise history.absent(reference)
    near = "/".join(part for part in (_inside(repository, here), path.removeprefix("./")) if part not in {"", "."})
    for place in [near] if path.startswith("./") else [path, near]:
        data = repository.blob(commit, place) if commit else repository.staged(place)
        if data is not None:
            return Side(word, data)
    where = f"the commit {quoted(reference)}" if reference else "the index"
    hint = f"git ls-tree -r --name-only {escaped(reference)} names its files" if reference else "git add it first"
    raise ConfigError(Finding("PV725", f"there is no file {quoted(path)} in {where}", hint=hint, exit_code=2))


def with_commit(repository: Repository, commit: str | None, name: str, words: Sequence[str], here: Path) -> list[Pair]:
    """Return the contracts of the work tree that paths name beside those of a commit, and those that are gone.

    Where there is no commit yet, everything is new.
    """
    found: list[Pair] = []
    seen: set[str] = set()
    for path in discovery.contracts(words, here, lenient=True):
        place = _inside(repository, path)
        new = Side(str(path), config.read(path, MAX_CONTRACT) if os.path.lexists(path) else None)
        old = Side(f"{name}:{place}", None)
        if commit is not None:
            there = find(repository, commit, place, _id(new))
            if there is None and repository.lacks(commit, place):
                message = f"this clone does not hold {quoted(place)} of {quoted(name)}: it is a partial one"
                raise history.refused("PV721", message, f"git cat-file -p {escaped(name)}:{escaped(place)} fetches it")
            if there is not None:
                seen.add(there.path)
                old = Side(f"{name}:{there.path}", there.data)
        if new.data is None and old.data is None:
            config.read(path, MAX_CONTRACT)  # says why there is nothing
        found.append(compared(old, new))
    gone = [] if commit is None else _gone(repository, commit, words, here)
    return found + [
        compared(Side(f"{name}:{place}", repository.blob(commit or "", place)), Side(place, None))
        for place in gone
        if place not in seen
    ]


def compared(old: Side, new: Side) -> Pair:
    """Return what changed between two versions, or why nobody can tell."""
    if old.data == new.data:
        new_loaded, problems = _tried(new)
        return Pair(old, new, new_loaded, new_loaded, problems=problems)
    before, faults = _tried(old)
    after, others = _tried(new)
    weighed = () if before is None or after is None else weights.differences(before, after)
    return Pair(old, new, before, after, weighed, (*faults, *others))


def _tried(one: Side) -> tuple[Loaded | None, tuple[Finding, ...]]:
    """Return a version, or what is wrong with it."""
    try:
        return one.loaded(), ()
    except ContractError as error:
        return None, error.findings


def _gone(repository: Repository, commit: str, words: Sequence[str], here: Path) -> Iterator[str]:
    """Yield what a search of the folders that are compared would find in a commit, and finds no more."""
    settings = config.of_folder(here)
    folders = [Path(word) for word in words] or discovery.settled(settings)
    for folder in folders:
        if not folder.is_dir():
            continue
        top = _inside(repository, folder)
        for place in repository.files(commit, top):
            below = Path(place).relative_to(top).parts
            is_hidden = any(part.startswith(".") for part in below)
            # What is still there was compared, or is a second name of a file that was.
            if place.endswith(discovery.SUFFIXES) and not is_hidden and not os.path.lexists(repository.top / place):
                yield place


def _id(one: Side) -> str | None:
    """Return the id of a contract that can be read."""
    loaded, _ = _tried(one)
    return None if loaded is None or loaded.contract is None else loaded.contract.id


def _inside(repository: Repository, path: Path) -> str:
    """Return a path as the repository calls it; the top is nothing."""
    absolute = Path(os.path.realpath(path.parent)) / path.name if path.name else Path(os.path.realpath(path))
    place = os.path.relpath(absolute, os.path.realpath(repository.top))
    return "" if place == "." else Path(place).as_posix()


def _is_side(word: str) -> bool:
    """Say whether a word names a version of a file, and not a commit."""
    return ":" in word or os.path.lexists(word)


def _version(loaded: Loaded | None) -> Version | None:
    return None if loaded is None or loaded.contract is None else loaded.contract.version
