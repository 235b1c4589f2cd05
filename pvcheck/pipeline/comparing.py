"""Checking what a change does to contracts: each beside the one that stood at the base, wherever its file lay.

A contract is followed by its id, then by its path. One that is as it was at the base is not looked at further: what
the branch did meanwhile is no fault of the change.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, discovery, files, history
from pvcheck.config import Config
from pvcheck.errors import EmptyError
from pvcheck.pipeline import bases, checking, pairing, staging
from pvcheck.pipeline.checking import Checked
from pvcheck.pipeline.pairing import Ours
from pvcheck.pipeline.snapshots import Snapshot, is_within, named_in
from pvcheck.rules import moves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pvcheck.errors import Finding
    from pvcheck.history import Repository
    from pvcheck.pipeline.bases import Base


class Compared(NamedTuple):
    """Files that were checked and compared, and a few words on what they were compared with."""

    files: tuple[Checked, ...]
    told: str


class Scope(NamedTuple):
    """What is looked at in one repository: places relative to its top.

    ``watched`` are those where the settings look for contracts, whatever was named; ``shown`` spells a path for a
    reader, ``others`` gives the bytes of contracts of the change that lie elsewhere.
    """

    places: Sequence[str]
    watched: Sequence[str]
    shown: Callable[[str], str]
    others: Callable[[], Iterator[tuple[str, bytes]]]


def check(
    paths: Sequence[str], here: Path, reference: str | None, variables: Mapping[str, str], *, staged: bool
) -> Compared:
    """Check contracts of the index, of a commit that is pushed, or of the work tree, beside those of a base.

    :param reference: the branch or commit, ``auto``, or None for what the next commit stands on.
    :param variables: of the environment.
    :raises ConfigError: if there is no git, no repository or no base.
    :raises EmptyError: if there is no contract, neither now nor at the base.
    """
    if staged or reference is None:
        return index(paths, here, reference, variables)
    if reference == bases.AUTO and variables.get(bases.PUSHED):
        repository = history.at(Path(os.path.realpath(here)))
        name = bases.pushed(repository, variables)
        if name is not None:
            return commit(paths, here, repository, name, variables)
    return work_tree(paths, here, reference, variables)


def work_tree(paths: Sequence[str], here: Path, reference: str, variables: Mapping[str, str]) -> Compared:
    """Check the contracts of the work tree, and what became of those of a base.

    :param reference: the branch or commit, or ``auto``.
    :param variables: of the environment.
    :raises ConfigError: if there is no git, no repository or no base.
    :raises EmptyError: if there is no contract, neither now nor at the base.
    """
    here = Path(os.path.realpath(here))
    checked, nothing = _checked(lambda: discovery.contracts(paths, here))
    found: list[Checked] = []
    told: list[str] = []
    for repository, members in _by_repository(checked, here):
        base = bases.of(repository, reference, variables, config.of_folder(here).base)
        ours = [Ours.of(_relative(each.path, repository.top), each) for each in members]
        compared = compare(repository, base, _scope(paths, here, repository, base), ours)
        found += compared.files
        told.append(compared.told)
    if nothing is not None and not found:
        raise nothing
    return Compared(tuple(found), "; ".join(told))


def index(paths: Sequence[str], here: Path, reference: str | None, variables: Mapping[str, str]) -> Compared:
    """Check the contracts that would be committed, and what became of those of a base: by default, of ``HEAD``.

    :raises ConfigError: if there is no git, no repository, no base, or a file that was named is not in the index.
    :raises EmptyError: if there is no contract, neither in the index nor at the base.
    """
    here = Path(os.path.realpath(here))
    return _mirrored(paths, here, history.at(here), None, reference, variables)


def commit(
    paths: Sequence[str], here: Path, repository: Repository, name: str, variables: Mapping[str, str]
) -> Compared:
    """Check the contracts of a commit that is pushed, and what became of those of the base that is found for it.

    :raises ConfigError: if there is no base, or a file that was named is not in the commit.
    :raises EmptyError: if there is no contract, neither in the commit nor at the base.
    """
    found = _mirrored(paths, Path(os.path.realpath(here)), repository, name, bases.AUTO, variables)
    return found._replace(told=f"commit {name[:9]} {found.told}")


def _mirrored(  # noqa: PLR0913, PLR0917 - what is checked, where one stands, and what it is compared with
    paths: Sequence[str],
    here: Path,
    repository: Repository,
    name: str | None,
    reference: str | None,
    variables: Mapping[str, str],
) -> Compared:
    """Check contracts of the index or of a commit in a folder that holds nothing else."""
    with staging.mirrored(repository, here, name) as mirror:
        places = staging.scope(mirror, paths)
        setting = config.of_folder(mirror.place(_relative(here, mirror.repository.top))).base
        if reference is None:
            base = bases.of_head(repository)
        else:
            base = bases.of(repository, reference, variables, setting, name or "HEAD")
        checked, nothing = _checked(lambda: staging.contracts(mirror, places))
        ours = [Ours.of(mirror.relative(each.path), each) for each in checked]
        ours += [
            Ours.of(path, _alone(mirror.place(path), mirror.folder, each))
            for path, each in staging.torn(mirror, places)
        ]
        then = [] if paths else _then(mirror.repository, base, here)
        scope = Scope([*places, *then], staging.settled(mirror), mirror.shown, mirror.contents)
        compared = compare(mirror.repository, base, scope, ours)
        if nothing is not None and not compared.files:
            raise nothing
        return compared._replace(files=tuple(mirror.real(each) for each in compared.files))


def _checked(select: Callable[[], Sequence[Path]]) -> tuple[list[Checked], EmptyError | None]:
    """Return selected contracts, checked; none is an answer only where the base had none either."""
    try:
        return checking.check_all(select()), None
    except EmptyError as error:
        return [], error


def compare(repository: Repository, base: Base, scope: Scope, ours: Sequence[Ours]) -> Compared:
    """Return our contracts with what is wrong between them and those of the base, and those that are gone."""
    if base.base is None or base.tip is None:
        return Compared(tuple(each.checked for each in ours), str(base))
    before = Snapshot(repository, base.base, scope.places)
    theirs = before if base.tip == base.base else Snapshot(repository, base.tip, scope.places)
    pairs = pairing.pairs(ours, before)
    found = {each.ours.path: pairing.findings(each, before, theirs, base.name) for each in pairs.changed}
    settled = [_with(each.checked, found.get(each.path, [])) for each in ours]
    missed = [(path, each) for path in pairs.gone for each in _gone(path, before, base, scope, ours)]
    gone = [_alone(Path(scope.shown(path)), repository.top, each) for path, each in missed]
    new = sum(each.before is None for each in pairs.changed)
    counts = [(len(pairs.changed) - new, "changed"), (new, "new"), (len(pairs.gone), "gone")]
    told = ", ".join(f"{number} {word}" for number, word in counts if number) or "nothing changed"
    return Compared((*settled, *gone), f"{base}: {told}")


def _gone(path: str, before: Snapshot, base: Base, scope: Scope, ours: Sequence[Ours]) -> Iterator[Finding]:
    """Yield what is wrong about a contract that is nowhere any more, or where the settings do not look."""
    side, shown = before.side(path), scope.shown(path)
    if side is None:
        yield pairing.unreadable(shown, base.name)
        return
    known = {each.path for each in ours}
    elsewhere = named_in(side.contract.id, ((name, data) for name, data in scope.others() if name not in known))
    if elsewhere is None or not is_within(elsewhere, scope.watched):
        refusal = moves.deleted(side, shown, base.name, scope.shown(elsewhere) if elsewhere else "")
        yield from [refusal] if refusal else []


def _with(checked: Checked, more: Sequence[Finding]) -> Checked:
    """Return a checked file with further findings, in the order of the file."""
    return checked._replace(
        findings=tuple(sorted((*checked.findings, *more), key=lambda each: (each.line, each.column)))
    )


def _alone(path: Path, root: Path, finding: Finding) -> Checked:
    """Return a file of which there is nothing but a finding."""
    return Checked(path, Config(root=root), findings=(finding,))


def _by_repository(checked: Sequence[Checked], here: Path) -> Iterator[tuple[Repository, list[Checked]]]:
    """Yield each repository with the contracts that lie in it; without any, the one of the folder we stand in."""
    known: dict[Path, Repository] = {}
    members: dict[Path, list[Checked]] = {}
    folders = [Path(os.path.realpath(each.path.parent)) for each in checked]
    for index, folder in enumerate(folders or [here]):
        marked = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)
        if marked not in known:
            known[marked] = history.at(folder)
        members.setdefault(marked, []).extend(checked[index : index + 1])
    for marked, repository in known.items():
        yield repository, members[marked]


def _scope(paths: Sequence[str], here: Path, repository: Repository, base: Base) -> Scope:
    """Return what is looked at in a repository: the paths that were named, or what the settings name, then and now."""
    top = Path(os.path.realpath(repository.top))
    watched = _places(_settled(config.of_folder(here)), top)
    places = (
        _places([_real(here / path) for path in paths], top) if paths else [*watched, *_then(repository, base, here)]
    )

    def others() -> Iterator[tuple[str, bytes]]:
        for entry in repository.index():
            if entry.path.endswith(discovery.SUFFIXES) and (top / entry.path).is_file():
                yield entry.path, files.read(top / entry.path, checking.MAX_CONTRACT)

    return Scope(places, watched, lambda path: os.path.relpath(top / path, here), others)


def _settled(settings: Config) -> list[Path]:
    """Return where settings look for contracts."""
    return [_real(settings.root / each) for each in settings.contracts]


def _then(repository: Repository, base: Base, here: Path) -> list[str]:
    """Return where the settings of the base looked for contracts: a change of settings must not lose one."""
    top = Path(os.path.realpath(repository.top))
    if base.base is None or not here.is_relative_to(top):
        return []
    return _places(_settled(history.settings_at(repository, base.base, here)), top)


def _places(paths: Sequence[Path], top: Path) -> list[str]:
    """Return paths relative to the top of a repository; one that lies around it stands for all of it."""
    inside = [_relative(each, top) for each in paths if each.is_relative_to(top)]
    return list(dict.fromkeys(inside + ["." for each in paths if top.is_relative_to(each) and each != top]))


def _real(path: Path) -> Path:
    """Return a path without links around it; a file that is a link is the link."""
    return Path(os.path.realpath(path)) if path.is_dir() else Path(os.path.realpath(path.parent)) / path.name


def _relative(path: Path, top: Path) -> str:
    """Return a path relative to the top of its repository, with slashes."""
    return _real(path).relative_to(top).as_posix()
