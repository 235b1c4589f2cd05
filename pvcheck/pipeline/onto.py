"""``pv bump --onto REF``: what this side changed since the two parted, re-done on top of the contract of REF.

What people wrote is merged by lines. What the tool wrote is made anew: statuses by falsifier, version and one
amendment from the difference to theirs.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from pvcheck import config, history
from pvcheck.domain.status import EARNED
from pvcheck.errors import ContractError, Finding, escaped, quoted
from pvcheck.evidence import store
from pvcheck.loading import contract as loading
from pvcheck.pipeline import amending, bumping, checking, merging, settling, sides
from pvcheck.pipeline.archive import Archive
from pvcheck.pipeline.bumping import Bumped
from pvcheck.pipeline.settling import Task
from pvcheck.pipeline.sides import Case, Stages, unix
from pvcheck.text import SetScalar, splice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pvcheck.pipeline.amending import Key, State
    from pvcheck.pipeline.bumping import Wish
    from pvcheck.pipeline.settling import Settled, Sound
    from pvcheck.pipeline.sides import Sides
    from pvcheck.text import Document

COMMITS = ("HEAD", "MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD")
"""Where records may lie that git has not put beside the contract."""


def rebuilt(path: Path, wish: Wish) -> Bumped:
    """Re-do one contract on top of that of another branch."""
    name = wish.onto or ""
    repository, place = bumping.located(path)
    commit = repository.commit(name)
    if commit is None:
        raise history.absent(name)
    case = Case(path, repository, place, commit, name, config.read(path, checking.MAX_CONTRACT))
    stages = Stages(*(repository.staged(place, stage) for stage in (1, 2, 3)))
    found = sides.apart(case) if stages.ours is None and stages.theirs is None else sides.stopped(case, stages)
    return Bumped(path, name, note=found) if isinstance(found, str) else _redone(case, found, wish)


def _redone(case: Case, found: Sides, wish: Wish) -> Bumped:
    """Merge the sides, settle what they came to against theirs, and write it."""
    base, ours, theirs = (_read(case, data) for data in (found.base, found.ours, found.theirs))
    name = ours.contract.id or ""
    if not ours.contract.is_strict:
        return Bumped(case.path, case.name, name, note="has no metadata.schema: pv bumps its own contracts only")
    if not theirs.contract.is_strict:
        hint = "put schema: 1 back there first, or merge by hand"
        raise case.refusal("PV453", f"metadata.schema stands here and is gone in {quoted(case.name)}", hint)
    refusals = tuple(settling.refusals(base, ours, "where the two sides parted"))
    if refusals:
        return Bumped(case.path, case.name, name, findings=refusals)
    archive = Archive(case.path, case.repository, (case.commit, *COMMITS), theirs.contract.id)
    merged = _merged(case, base, ours, theirs, found.decided)
    now = _with_statuses(case, merged, (base, ours, theirs), archive, is_decided=found.decided is not None)
    written = zip(settling.newer(ours, base), ours.amendments, strict=False)
    said = amending.told(tuple(each for each, value in written if value not in theirs.amendments))

    def settled(day: str) -> Settled:
        return settling.settle(theirs, now, (), said, Task(day, wish.summary, archive.find))

    def data(done: Settled) -> bytes:
        return codecs.BOM_UTF8 * done.document.bom + _ends_as(done.document.text, found.disk).encode()

    day = _day(found.disk, case.path)
    if day and data(settled(day)) == found.disk:
        note = f"is on top of {escaped(case.name)} already: nothing to re-do"
        return Bumped(case.path, case.name, name, note=note)
    done = settled(wish.day)
    result = bumping.told(case.path, case.name, now, done)._replace(
        before=found.disk.decode(errors="replace"), after=done.document.text, note="", hint=found.hint
    )
    records = archive.missing(_read(case, done.document.data).contract)
    if records:
        result = result._replace(hint=f"git add {escaped(str(store.folder(case.path)))} with it; {found.hint}")
    return bumping.concluded(result, found.disk, data(done), records, wish)


def _read(case: Case, data: bytes) -> Sound:
    """Return one text of the contract; line ends are brought to one form, so that they are no difference."""
    return settling.sound(loading.load(unix(data), str(case.path)))


def _ends_as(text: str, disk: bytes) -> str:
    """Return a text with the line ends that the file on disk has."""
    return text.replace("\n", "\r\n") if b"\r\n" in disk else text


def _day(disk: bytes, path: Path) -> str:
    """Return the day of the newest amendment of the file, if it can be read: a second run keeps it."""
    try:
        contract = loading.load(disk, str(path)).contract
    except ContractError:
        return ""
    return contract.amendments[0].date if contract is not None and contract.amendments else ""


def _merged(case: Case, base: Sound, ours: Sound, theirs: Sound, decided: bytes | None) -> Sound:
    """Return what both sides wrote, with version, statuses and amendments as theirs has them.

    In a text that was decided by hand, statuses stay as they were decided.

    :raises ContractError: where both sides changed the same lines, or the result is no contract.
    """
    if decided is not None:
        return settling.sound(settling.again(_levelled(_read(case, decided), theirs, {})))
    wanted = amending.states(theirs.contract)
    ours_text, base_text = (_levelled(each, theirs, wanted).text for each in (ours, base))
    result = merging.merge(ours_text, base_text, theirs.document.text)
    if result.hunks:
        raise ContractError(_undecided(case, result.hunks))
    try:
        data = codecs.BOM_UTF8 * theirs.document.bom + result.text.encode()
        return settling.sound(loading.load(data, str(case.path)))
    except ContractError as error:
        message = f"the two sides do not fit together: {error.findings[0].message}"
        raise case.refusal("PV455", message, _by_hand(case)) from None


def _levelled(each: Sound, theirs: Sound, wanted: dict[Key, State]) -> Document:
    """Return a text with everything that the tool writes as theirs has it."""
    document = amending.with_amendments_of(amending.dressed(each.loaded, wanted), theirs.document)
    version = str(theirs.loaded.instance["metadata"]["version"])
    return splice(document, [SetScalar(("metadata", "version"), version)])


def _by_hand(case: Case) -> str:
    """Return how to go on where a person must decide."""
    again = f"then run pv bump --onto {escaped(case.name)} again"
    if case.repository.state():
        return f"decide it in the file and take the conflict markers out, {again}"
    return f"git merge {escaped(case.name)}, decide it in the file and take the conflict markers out, {again}"


def _undecided(case: Case, hunks: tuple[merging.Hunk, ...]) -> Iterator[Finding]:
    """Yield each place that both sides changed, with the first line of each side that differs."""
    lines = case.disk.decode(errors="replace").splitlines()
    for hunk in hunks:
        here, there = (_first(side, other) for side, other in ((hunk.ours, hunk.theirs), (hunk.theirs, hunk.ours)))
        message = f"both sides changed the same lines: {here} here, {there} in {quoted(case.name)}"
        yield _at(case, lines, hunk.ours[:1], Finding("PV455", message, hint=_by_hand(case)))


def _first(side: tuple[str, ...], other: tuple[str, ...]) -> str:
    """Return the first line of a side that the other has not, or that there is none."""
    return next((quoted(line.strip()) for line in side if line not in other and line.strip()), "nothing")


def _at(case: Case, lines: list[str], wanted: tuple[str, ...], finding: Finding) -> Finding:
    """Return a finding at the line of the file that reads like that, if there is one."""
    line = next((number for number, text in enumerate(lines, 1) if text in wanted), 0)
    return finding._replace(path=escaped(str(case.path)), line=line, column=1 if line else 0)


def _with_statuses(
    case: Case, merged: Sound, three: tuple[Sound, Sound, Sound], archive: Archive, *, is_decided: bool
) -> Sound:
    """Return the merged contract with the statuses that both sides came to.

    :raises ContractError: where both moved one status, each to another word.
    """
    base, ours, theirs = (amending.states(each.contract) for each in three)
    wanted: dict[Key, State] = {}
    found: list[Finding] = []
    for key, _, state in amending.places(merged.contract):
        was, here, there = base.get(key), ours.get(key), theirs.get(key)
        if there is None:
            continue  # it is of this side alone, and came with the text
        if here is None or here == was:
            wanted[key] = there
        elif there == was:
            wanted[key] = here
        elif here.word == there.word:
            wanted[key] = _better(merged, key, (there, here), archive)
        elif key[0] != "falsifier":
            wanted[key] = there  # it follows from the falsifiers
        elif is_decided and (state in {here, there} or state.word not in EARNED):
            wanted[key] = state
        else:
            found.append(_torn(case, key[1], here, there))
    if found:
        raise ContractError(found)
    return settling.sound(settling.again(amending.dressed(merged.loaded, wanted)))


def _torn(case: Case, name: str, here: State, there: State) -> Finding:
    """Return the refusal of a status that both sides moved, each to another word."""
    words = f"{here.word or 'without a status'} here and {there.word or 'without a status'} in {quoted(case.name)}"
    lines = case.disk.decode(errors="replace").splitlines()
    wanted = tuple(line for line in lines if line.strip(" -") in {f"id: {name}", f"id: '{name}'", f'id: "{name}"'})
    message = f"both sides measured {quoted(name)}: it is {words}"
    return _at(case, lines, wanted, Finding("PV456", message, hint=_by_hand(case)))


def _better(merged: Sound, key: Key, states: tuple[State, State], archive: Archive) -> State:
    """Return theirs of two states that differ in their evidence only, unless only ours supports the merged claim."""
    for falsifier in (each for each in merged.contract.falsifiers if each.id == key[1]):
        for state in states:
            each = falsifier._replace(status=state.word, evidence=state.evidence)
            if not settling.unsupported(each, merged.contract, archive.find(each)):
                return state
    return states[0]
