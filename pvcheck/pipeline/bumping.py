"""``pv bump``: contracts that were edited by hand get the version and the amendment that their changes need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import files, history, writeback
from pvcheck.discovery import SUFFIXES
from pvcheck.domain.version import Change
from pvcheck.errors import ContractError, Finding, PvError, Severity, escaped, quoted, worst
from pvcheck.loading import contract as loading
from pvcheck.pipeline import amending, checking, settling
from pvcheck.pipeline.options import Mode
from pvcheck.pipeline.settling import Sound, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pvcheck.domain.version import Version
    from pvcheck.history import Repository
    from pvcheck.pipeline.settling import Settled
    from pvcheck.rules.weights import Weighed

MENDED = checking.STALE | checking.SIGNATURES | {"PV312", "PV335", "PV413"}
"""Findings that keep nobody from bumping: a bump mends them, or the check after it tells them again."""


class Wish(NamedTuple):
    """What a bump was asked for: ``against`` and ``onto`` name commits, ``day`` is today."""

    day: str
    mode: Mode = Mode.WRITE
    against: str | None = None
    onto: str | None = None
    summary: str = ""


class Bumped(NamedTuple):
    """What a bump came to in one file. ``note`` says why there was nothing to do; ``after`` is the new text."""

    path: Path
    base: str = ""
    id: str = ""
    version: tuple[Version, Version] | None = None
    weighed: tuple[Weighed, ...] = ()
    back: tuple[str, ...] = ()
    note: str = ""
    before: str = ""
    after: str = ""
    hint: str = ""
    findings: tuple[Finding, ...] = ()


class Found(NamedTuple):
    """A contract in a commit: its path there, and its bytes."""

    path: str
    data: bytes


def bump(paths: Iterable[Path], wish: Wish) -> list[Bumped]:
    """Bump contracts, in their order; one that cannot be bumped costs the others nothing.

    :raises ConfigError: if there is nothing to compare with: no git, no such commit.
    """
    from pvcheck.pipeline import onto  # noqa: PLC0415 - it builds on this module

    done = []
    for path in paths:
        try:
            done.append(onto.rebuilt(path, wish) if wish.onto is not None else bumped(path, wish))
        except (ContractError, files.UnreadableError) as error:
            done.append(Bumped(path, findings=error.findings))
    return done


def bumped(path: Path, wish: Wish) -> Bumped:
    """Bump one contract."""
    reference = wish.against or "HEAD"
    repository, place = located(path)
    commit = repository.commit(reference)
    if commit is None and wish.against is not None:
        raise history.absent(wish.against)
    checked = checking.check(path, {})
    if checked.document is None:
        return Bumped(path, findings=tuple(map(_with_way_out, checked.errors)))
    blocking = tuple(each for each in checked.errors if each.code not in MENDED)
    if blocking:
        return Bumped(path, findings=blocking)
    loaded = loading.load(checked.document.data, str(path))
    now = settling.sound(loaded)
    found = None if commit is None else find(repository, commit, place, now.contract.id)
    if found is None:
        return Bumped(path, reference, now.contract.id or "", note=f"is not in {escaped(reference)}: nothing to bump")
    base = read_base(found, reference, path)
    if not now.contract.is_strict:
        return Bumped(path, reference, now.contract.id or "", note=_upstream(base, now, reference))
    refusals = tuple(settling.refusals(base, now, reference))
    if refusals:
        return Bumped(path, reference, now.contract.id or "", findings=refusals)
    since = settling.newer(now, base)
    said = amending.told(since)
    task = Task(wish.day, wish.summary, lambda each: writeback.recorded(path, each))
    settled = settling.settle(base, now, since, said, task)
    result = told(path, reference, now, settled)
    return concluded(result, now.document.data, settled.document.data, {}, wish)


def located(path: Path) -> tuple[Repository, str]:
    """Return the repository that a file lies in, and its path there.

    :raises ConfigError: if it lies in none: then nobody knows what changed.
    """
    real = Path(os.path.realpath(path))
    repository = history.Repository.of(real.parent)
    if repository is None:
        message = f"{quoted(str(path))} is in no git repository, so there is nothing to compare it with"
        hint = "git init and commit the file as it was, or compare two files with pv diff OLD NEW and set the version"
        raise history.refused("PV450", message, hint)
    return repository, real.relative_to(os.path.realpath(repository.top)).as_posix()


def find(repository: Repository, commit: str, place: str, name: str | None) -> Found | None:
    """Return a contract of a commit: the file at a path, or the one that has the id."""
    data = repository.blob(commit, place)
    if data is not None:
        return Found(place, data)
    if not name:
        return None
    places = [each for each in repository.files(commit) if each.endswith(SUFFIXES)]
    for other, data in repository.blobs(commit, places).items():
        if data is not None and name.encode() in data and _id_of(data, other) == name:
            return Found(other, data)
    return None


def _id_of(data: bytes, path: str) -> str | None:
    """Return the id of the contract that bytes hold, if they hold one."""
    try:
        contract = loading.load(data, path).contract
    except ContractError:
        return None
    return contract.id if contract is not None else None


def read_base(found: Found, reference: str, path: Path) -> Sound:
    """Return the contract of a commit.

    :raises ContractError: if it cannot be compared with.
    """
    try:
        return settling.sound(loading.load(found.data, str(path)))
    except ContractError as error:
        first = error.findings[0]
        message = f"the contract of {quoted(reference)} cannot be compared with: line {first.line}: {first.message}"
        hint = "name an earlier commit with --against, or mend it there first"
        raise ContractError(Finding("PV452", message, escaped(str(path)), hint=hint)) from None


def _upstream(base: Sound, now: Sound, reference: str) -> str:
    """Return why a file without ``metadata.schema`` is not bumped.

    :raises ContractError: if the base had it.
    """
    if base.contract.is_strict:
        message = f"metadata.schema stands in {quoted(reference)} and is gone here"
        version = base.version.after(Change.MAJOR)
        hint = f"put schema: 1 back, or set the version to {version} by hand: nothing here is earned from then on"
        raise ContractError(now.document.finding("PV453", message, ("metadata",), hint=hint, at_key=True))
    return "has no metadata.schema: pv bumps its own contracts only"


def _with_way_out(finding: Finding) -> Finding:
    """Return a finding whose way out is a bump, where it is about a conflict."""
    if finding.code != "PV108":
        return finding
    return finding._replace(hint="pv bump --onto REF re-does this side on top of the branch REF that is merged")


def told(path: Path, reference: str, now: Sound, settled: Settled) -> Bumped:
    """Return what became of a contract."""
    is_same = settled.document is now.document
    return Bumped(
        path,
        reference,
        now.contract.id or "",
        (now.version, settled.version),
        settled.weighed,
        settled.back,
        note=f"nothing to bump since {escaped(reference)}" if is_same else "",
        before=now.document.text,
        after="" if is_same else settled.document.text,
    )


def concluded(result: Bumped, read: bytes, after: bytes, records: Mapping[Path, bytes], wish: Wish) -> Bumped:
    """Write what was asked to be written, and tell what the check of the result finds."""
    if not result.after:
        return result
    if wish.mode is Mode.CHECK:
        version = "" if result.version is None else f" {result.version[1]}"
        message = f"the contract changed since {quoted(result.base)}: it needs version{version} and an amendment"
        finding = Finding("PV416", message, escaped(str(result.path)), hint="pv bump writes both")
        return result._replace(findings=(finding,))
    if wish.mode is not Mode.WRITE:
        return result
    try:
        writeback.replace(result.path, read, after, records)
    except PvError as error:
        return result._replace(after="", note="nothing was written", findings=error.findings)
    return result._replace(findings=checking.check(result.path, {}).findings)


def exit_code(done: Sequence[Bumped]) -> int:
    """Return the exit status that a bump asks for."""
    return worst(each.exit_code for file in done for each in file.findings if each.severity is Severity.ERROR)
