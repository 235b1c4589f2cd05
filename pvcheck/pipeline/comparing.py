"""Checking what a change does to contracts: each beside the one that stood at the base, wherever its file lay.

A contract is followed by its id, then by its path. One that is as it was at the base is not looked at further: what
the branch did meanwhile is no fault of the change. So what is remembered of it is all that is asked of it; one that was
remembered and is not as it was is read again, to be compared.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, discovery, files, history
from pvcheck.config import Config
from pvcheck.domain.digest import sha256
from pvcheck.errors import ContractError, EmptyError
from pvcheck.loading import contract
from pvcheck.pipeline import bases, checking, fleets, loosening, pairing, staging, vouching
from pvcheck.pipeline.checking import Checked
from pvcheck.pipeline.pairing import Ours
from pvcheck.pipeline.snapshots import Snapshot, is_within, named_in
from pvcheck.rules import moves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pvcheck.errors import Finding
    from pvcheck.history import Repository
    from pvcheck.pipeline.bases import Base


MAX_TEXTS = 50
"""Files whose text is kept to show what is wrong in it; nobody reads more."""


class Compared(NamedTuple):
    """Files that were checked and compared, and a few words on what they were compared with.

    ``texts`` has, by their paths, files with findings that lie nowhere any more, and whose documents nobody has.
    """

    files: tuple[Checked, ...]
    told: str
    texts: Mapping[str, str] = MappingProxyType({})


class Scope(NamedTuple):
    """What is looked at in one repository: places relative to its top.

    ``watched`` are those where the settings look for contracts, whatever was named; ``shown`` spells a path for a
    reader, ``others`` gives the bytes of contracts of the change that lie elsewhere, ``left_out`` the files that are
    part of the change and were not checked out.
    """

    places: Sequence[str]
    watched: Sequence[str]
    shown: Callable[[str], str]
    others: Callable[[], Iterator[tuple[str, bytes]]]
    left_out: Callable[[], frozenset[str]] = frozenset


class Around(NamedTuple):
    """Where one stands, the variables of the environment, and whether what is remembered may stand for a check."""

    here: Path
    variables: Mapping[str, str]
    remembers: bool = True

    def checked(
        self, select: Callable[[], Sequence[Path]], home: Callable[[Path], Path] | None = None
    ) -> tuple[list[Checked], EmptyError | None]:
        """Return selected contracts, checked; none is an answer only where the base had none either.

        :param home: where they are copies, returns the root that one of theirs stands for.
        """
        try:
            found = select()
        except EmptyError as error:
            return [], error
        return fleets.check_all(found, self.variables, home=home) if self.remembers else checking.check_all(found), None


class _MovedError(Exception):
    """A contract is not the file any more that was checked: somebody writes it right now."""


def check(
    paths: Sequence[str], here: Path, reference: str | None, variables: Mapping[str, str], *, staged: bool
) -> Compared:
    """Check contracts of the index, of a commit that is pushed, or of the work tree, beside those of a base.

    :param reference: the branch or commit, ``auto``, or None for what the next commit stands on.
    :param variables: of the environment.
    :raises ConfigError: if there is no git, no repository or no base.
    :raises EmptyError: if there is no contract, neither now nor at the base.
    """
    around = Around(Path(os.path.realpath(here)), variables)
    try:
        return _compared(paths, reference, around, staged=staged)
    except _MovedError:  # then each file is read once, and what is told of it is what was compared
        return _compared(paths, reference, around._replace(remembers=False), staged=staged)


def _compared(paths: Sequence[str], reference: str | None, around: Around, *, staged: bool) -> Compared:
    """Check contracts of the index, of a commit that is pushed, or of the work tree."""
    if staged or reference is None:
        return _index(paths, reference, around)
    if reference == bases.AUTO and around.variables.get(bases.PUSHED):
        repository = history.at(around.here)
        name = bases.pushed(repository, around.variables)
        if name is not None:
            return _commit(paths, repository, name, around)
    return _work_tree(paths, reference, around)


def _work_tree(paths: Sequence[str], reference: str, around: Around) -> Compared:
    """Check the contracts of the work tree, and what became of those of a base."""
    here, variables, _ = around
    checked, nothing = around.checked(lambda: discovery.contracts(paths, here))
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


def _index(paths: Sequence[str], reference: str | None, around: Around) -> Compared:
    """Check the contracts that would be committed, and what became of those of a base: by default, of ``HEAD``."""
    return _mirrored(paths, history.at(around.here), None, reference, around)


def _commit(paths: Sequence[str], repository: Repository, name: str, around: Around) -> Compared:
    """Check the contracts of a commit that is pushed, and what became of those of the base that is found for it."""
    found = _mirrored(paths, repository, name, bases.AUTO, around)
    return found._replace(told=f"commit {name[:9]} {found.told}")


def _mirrored(
    paths: Sequence[str], repository: Repository, name: str | None, reference: str | None, around: Around
) -> Compared:
    """Check contracts of the index or of a commit in a folder that holds nothing else."""
    here = around.here
    with staging.mirrored(repository, here, name) as mirror:
        places = staging.scope(mirror, paths)
        setting = config.of_folder(mirror.place(_relative(here, mirror.repository.top))).base
        if reference is None:
            base = bases.of_head(repository)
        else:
            base = bases.of(repository, reference, around.variables, setting, name or "HEAD")
        checked, nothing = around.checked(lambda: staging.contracts(mirror, places), mirror.home)
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
        real = tuple(mirror.real(each) for each in compared.files)
        return compared._replace(files=real, texts=dict(_texts(compared.files, real)))


def _texts(copies: Sequence[Checked], real: Sequence[Checked]) -> Iterator[tuple[str, str]]:
    """Yield the texts of copies with findings, under their real paths, where no document holds them."""
    pairs = [pair for pair in zip(copies, real, strict=True) if pair[1].findings and pair[1].document is None]
    for copy, each in pairs[:MAX_TEXTS]:
        with suppress(files.UnreadableError):
            yield str(each.path), config.read(copy.path, checking.MAX_CONTRACT).decode("utf-8-sig", "replace")


def compare(repository: Repository, base: Base, scope: Scope, ours: Sequence[Ours]) -> Compared:
    """Return our contracts with what is wrong between them and those of the base, and those that are gone."""
    if base.base is None or base.tip is None:
        return Compared(tuple(each.checked for each in ours), str(base))
    before = Snapshot(repository, base.base, scope.places)
    theirs = before if base.tip == base.base else Snapshot(repository, base.tip, scope.places)
    pairs = pairing.pairs([_whole(each, before) for each in ours], before)
    found = {each.ours.path: pairing.findings(each, before, theirs, base.name) for each in pairs.changed}
    unsigned = vouching.by_base(repository, base, ours)
    looser = loosening.by_base(repository, base, ours)
    more = {
        each.path: [part for table in (found, unsigned, looser) for part in table.get(each.path, [])] for each in ours
    }
    settled = [_with(each.checked, more[each.path]) for each in ours]
    left_out = scope.left_out() if pairs.gone else frozenset()
    lost = [path for path in pairs.gone if path not in left_out]
    missed = [(path, each) for path in lost for each in _gone(path, before, base, scope, ours)]
    gone = [_alone(Path(scope.shown(path)), repository.top, each) for path, each in missed]
    new = sum(each.before is None for each in pairs.changed)
    counts = [(len(pairs.changed) - new, "changed"), (new, "new"), (len(lost), "gone")]
    counts.append((len(pairs.gone) - len(lost), "not checked out"))
    told = ", ".join(f"{number} {word}" for number, word in counts if number) or "nothing changed"
    return Compared((*settled, *gone), f"{base}: {told}")


def _whole(ours: Ours, before: Snapshot) -> Ours:
    """Return a contract with what a comparison asks of it: its bytes, and all of it where they are not as they were."""
    checked, outline = ours.checked, ours.checked.outline
    if checked.document is not None:
        return ours
    then = before.data.get(ours.path)
    if outline is not None and then is not None and sha256(then).encode() == outline.data:
        return ours._replace(data=then)
    try:
        loaded = contract.load(config.read(checked.path, checking.MAX_CONTRACT), str(checked.path))
    except (ContractError, files.UnreadableError):
        loaded = None
    seen = b"" if loaded is None or loaded.contract is None else sha256(loaded.document.data).encode()
    if seen != (b"" if outline is None else outline.data):
        raise _MovedError
    if loaded is None:
        return ours
    whole = checked._replace(document=loaded.document, contract=loaded.contract, instance=loaded.instance)
    return Ours.of(ours.path, whole)


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
                yield entry.path, config.read(top / entry.path, checking.MAX_CONTRACT)

    return Scope(places, watched, lambda path: os.path.relpath(top / path, here), others, repository.left_out)


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
