"""Which contract of a base is which of ours, and what happened to it on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.errors import Finding, Severity, escaped
from pvcheck.evidence import store
from pvcheck.evidence.record import RecordError
from pvcheck.rules import moves
from pvcheck.rules.moves import Move, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.snapshots import Snapshot


class Ours(NamedTuple):
    """One contract as it is now: where it lies in the repository, its bytes, and what was found so far."""

    path: str
    data: bytes | None
    checked: Checked

    @classmethod
    def of(cls, path: str, checked: Checked) -> Ours:
        """Return a checked file as one of ours."""
        return cls(path, None if checked.document is None else checked.document.data, checked)

    @property
    def id(self) -> str | None:
        """The id of the contract, if it has one that can be read."""
        return None if self.checked.contract is None else self.checked.contract.id

    @property
    def side(self) -> Side | None:
        """The contract as one side of a move, or None where it cannot be understood."""
        document, contract = self.checked.document, self.checked.contract
        return None if document is None or contract is None else Side(document, contract, self.checked.instance)


class Pair(NamedTuple):
    """A contract that is not as it was, and where it lay at the base; ``before`` is None for one that is new."""

    ours: Ours
    before: str | None


class Pairs(NamedTuple):
    """Every contract that is not as it was: changed or new, and the paths of those that are gone."""

    changed: tuple[Pair, ...]
    gone: tuple[str, ...]


def pairs(ours: Sequence[Ours], before: Snapshot) -> Pairs:
    """Return what changed: first by the same id, then by the same path."""
    rest = [each for each in ours if each.data is None or before.data.get(each.path) != each.data]
    same = {each.path for each in ours} - {each.path for each in rest}
    left = [path for path in before.data if path not in same]
    found: dict[str, str] = {}
    for each in rest:  # an id that stayed where it was goes before one that moved
        if each.id is not None and before.named(each.id, [each.path] if each.path in left else []):
            found[each.path] = each.path
    for each in rest:
        free = [path for path in left if path not in found.values()]
        if each.path not in found and (old := before.named(each.id, free) or _same_bytes(each, before, free)):
            found[each.path] = old
    for each in rest:
        if each.path not in found and each.path in left and each.path not in found.values():
            found[each.path] = each.path
    for each in rest:
        if each.path not in found and (old := before.elsewhere(each.id)):
            found[each.path] = old
    gone = tuple(path for path in left if path not in found.values())
    return Pairs(tuple(Pair(each, found.get(each.path)) for each in rest), gone)


def _same_bytes(ours: Ours, before: Snapshot, paths: Sequence[str]) -> str | None:
    """Return the first of some paths that had the bytes of a contract: one without an id that was moved."""
    return next((path for path in paths if before.data[path] == ours.data), None)


def findings(pair: Pair, before: Snapshot, theirs: Snapshot, name: str) -> list[Finding]:
    """Return what is wrong with a change of one contract.

    :param theirs: the tip of the branch that the change wants to join; where it is the base, ``before``.
    :param name: how a reader calls that branch.
    """
    ours, path = pair.ours, pair.before
    if path is None or ours.checked.document is None:
        return []
    after, old = ours.side, before.side(path)
    if after is None:
        return [] if old is None else list(moves.schema_dropped(old, ours.checked.document))
    tip = _path_in(theirs, pair, before)
    if tip is not None and theirs.data[tip] == ours.data:
        return []  # it came from there, by a merge or a copy of the whole file
    if old is None:
        return [unreadable(ours.checked.document.path, name)]
    move = _with_records(Move(old, after, name), ours.checked, before, path)
    if tip is None or theirs.data[tip] == before.data[path]:
        return list(moves.check(move))
    return _of_both(move, tip, theirs, ours)


def _of_both(move: Move, tip: str, theirs: Snapshot, ours: Ours) -> list[Finding]:
    """Return what is wrong with a change of a contract that the branch changed as well."""
    other = theirs.side(tip)
    if other is None:
        return [unreadable(move.after.document.path, move.base), *moves.check(move)]
    if moves.stands_on(move.after, other, move.before):
        return list(moves.check(_with_records(move._replace(before=other), ours.checked, theirs, tip)))
    overtaken = moves.overtaken(move, other, move.base)
    return [*([overtaken] if overtaken else []), *moves.check(move)]


def unreadable(path: str, name: str) -> Finding:
    """Return the warning that a contract could not be compared."""
    message = f"the contract of {escaped(name)} cannot be read, so this one was not compared with it"
    hint = "look at the change by hand; from the next one on it is compared"
    return Finding("PV435", message, escaped(path), hint=hint, severity=Severity.WARNING)


def _path_in(theirs: Snapshot, pair: Pair, before: Snapshot) -> str | None:
    """Return where a contract lies at the tip of the branch, or None where the branch dropped it."""
    for path in (pair.before, pair.ours.path):
        if path in theirs.data:
            return path
    changed = [path for path, data in theirs.data.items() if before.data.get(path) != data]
    return theirs.named(pair.ours.id, changed)


def _with_records(move: Move, checked: Checked, snapshot: Snapshot, path: str) -> Move:
    """Return a move with the records, on both sides, of the falsifiers whose evidence was exchanged."""
    was = {each.id: each.evidence for each in move.before.contract.falsifiers}
    now = {each.id: each.evidence for each in move.after.contract.falsifiers}
    exchanged = {
        name: (was[name] or "", reference)
        for name, reference in now.items()
        if name is not None and reference is not None and was.get(name) not in {None, reference}
    }
    old = snapshot.records(path, {name: before for name, (before, _) in exchanged.items()})
    new = {name: found for name, (_, after) in exchanged.items() if (found := _record(checked, after))}
    return move._replace(before=move.before._replace(records=old), after=move.after._replace(records=new))


def _record(checked: Checked, reference: str) -> Record | None:
    """Return a record of ours, or None where there is no sound one: that is told already."""
    try:
        return store.load(checked.path, reference)
    except (store.MissingError, store.ForgedError, RecordError):
        return None
