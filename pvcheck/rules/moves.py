"""Rules between two versions of one contract: what a change may do, and how large a version it then needs.

Nothing here knows git. The contract as it was at the base stands beside the contract as it is, with the records
that each of them names. Deleting a line silences nothing: what went is seen from the base.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import bounds, canonical, difference, weakening
from pvcheck.domain.status import EARNED, Status
from pvcheck.domain.version import Change
from pvcheck.errors import Finding, Severity, escaped, quoted
from pvcheck.loading.contract import Loaded
from pvcheck.rules import weights

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Amendment, BoundChange, Contract, Falsifier, Stage
    from pvcheck.domain.route import Route
    from pvcheck.domain.version import Version
    from pvcheck.evidence.record import Record
    from pvcheck.rules.weights import Weighed
    from pvcheck.text import Document

NOTHING: Mapping[str, Record] = {}
NAMES = {Change.PATCH: "patch", Change.MINOR: "minor", Change.MAJOR: "major"}
VERSION: Route = ("metadata", "version")
BUMP = "pv bump gives the version that the changes need, and writes the amendment"
EARN = "set it back to PENDING; pv run --write earns the status and writes the amendment that lists it"
RESTORE = "bring the line back from git; a new measurement, pv run --write, writes evidence and amendment together"
DROPPED = "metadata.schema was dropped, so nothing in this file has to be earned any more"
PUT_BACK = "bring 'schema: 1' back"
HISTORY = "bring the amendments of the base back from git, and leave them as they are below the new ones"
RUN = ("started", "host", "seconds")
"""What tells one run from every other, of when and where a record was made."""
MEASURED = ("claim", "metrics", "details", "guards")
"""What of a record a run has measured; bounds can be judged again later."""


class Side(NamedTuple):
    """One version of a contract: its text and what it claims, and the sound records it names, by falsifier."""

    document: Document
    contract: Contract
    instance: JSON
    records: Mapping[str, Record] = NOTHING

    @classmethod
    def of(cls, loaded: Loaded, records: Mapping[str, Record] = NOTHING) -> Side | None:
        """Return a file that was read as a side, or None where it could not be understood."""
        return None if loaded.contract is None else cls(loaded.document, loaded.contract, loaded.instance, records)


class Move(NamedTuple):
    """A contract at its base and now. ``base`` is how a reader calls the base, such as ``origin/main``."""

    before: Side
    after: Side
    base: str

    @property
    def is_strict(self) -> bool:
        """Whether our rules hold for the contract, or held until now."""
        return self.before.contract.is_strict or self.after.contract.is_strict

    def finding(  # noqa: PLR0913 - it has the fields of a finding
        self, code: str, message: str, route: Route, hint: str, *, at_key: bool = False, exit_code: int = 1
    ) -> Finding:
        """Return a finding in the contract as it is now: an error where our rules hold."""
        weight = Severity.ERROR if self.is_strict else Severity.WARNING
        return self.after.document.finding(code, message, route, hint, weight, at_key=at_key, exit_code=exit_code)


def check(move: Move) -> Iterator[Finding]:
    """Yield what a change does that it may not do, and what its version does not own up to."""
    typed = dict(typed_statuses(move))
    yield from typed.values()
    yield from illegal_moves(move)
    exchanged = dict(exchanged_evidence(move, typed.keys()))
    yield from exchanged.values()
    yield from edited_records(move)
    yield from versions(move, typed.keys() | exchanged.keys())
    if move.before.contract.is_strict and move.after.contract.is_strict:
        yield from rewritten(move)
    yield from unexplained(move)
    yield from small_steps(move)


def schema_dropped(before: Side, after: Document) -> Iterator[Finding]:
    """Refuse to lose ``metadata.schema`` in a file that is, without it, not even a contract of the other kind."""
    if before.contract.is_strict and after.get(("metadata", "schema")) is None:
        yield after.finding("PV427", DROPPED, ("metadata",), hint=PUT_BACK)


def overtaken(move: Move, theirs: Side, tip: str) -> Finding | None:
    """Return the refusal of a version that was given to another change meanwhile.

    ``theirs`` is the contract at the tip of the branch that the change wants to join, and differs from the base.
    """
    base, ours, other = (each.contract.version for each in (move.before, move.after, theirs))
    if base is None or ours is None or other is None or ours == base:
        return None
    here = {each["version"]: each for each in _listed(move.after.instance)}
    new = [each for each in _listed(theirs.instance) if each not in _listed(move.before.instance)]
    taken = [each["version"] for each in new if each["version"] in here and here[each["version"]] != each]
    if taken or ours == other:
        version = taken[0] if taken else other
        message = f"the version {version} is on {escaped(tip)} already, made by another amendment"
    elif ours < other:
        message = f"the version {ours} is below {other}, which {escaped(tip)} has meanwhile"
    elif missing := [each["version"] for each in new if each["version"] not in here]:
        message = f"{escaped(tip)} has the version {missing[0]} meanwhile, and no amendment here has it"
    else:
        return None
    path = escaped(move.after.document.path)
    hint = f"pv bump --onto {escaped(tip)} {path} puts these changes on top of the others"
    return move.finding("PV422", message, VERSION, hint)


def stands_on(after: Side, theirs: Side, base: Side) -> bool:
    """Say whether a contract holds what was amended since the base elsewhere: then it is to be compared with that."""
    new = {each.version for each in theirs.contract.amendments} - {each.version for each in base.contract.amendments}
    return bool(new) and amendments_kept(after.instance, theirs.instance)


def versions(move: Move, told: Collection[str] = ()) -> Iterator[Finding]:
    """Refuse a version that fell, that stayed, or that is too small for what changed.

    :param told: the ids whose status or evidence is refused already.
    """
    before, after = move.before.contract.version, move.after.contract.version
    if before is None or after is None:
        return
    if after < before:
        yield move.finding("PV420", f"the version fell from {before} to {after}", VERSION, BUMP)
        return
    short = [
        each
        for each in _weighed(move)
        if after < before.after(each.change) and not (each.kind in {"status", "evidence"} and each.subject in told)
    ]
    large = [each for each in short if each.change > Change.PATCH or after > before]
    yield from (_too_small(move, each, before, after) for each in large)
    if short and not large:
        more = f" (and {len(short) - 1} more)" if len(short) > 1 else ""
        message = f"the contract changed, but its version is still {after}: {short[0].message}{more}"
        yield move.finding("PV423", message, VERSION, BUMP)


def _weighed(move: Move) -> tuple[Weighed, ...]:
    """Return every change between the two versions with its weight."""
    sides = (Loaded(each.document, each.contract, (), each.instance) for each in (move.before, move.after))
    return weights.differences(*sides)


def _too_small(move: Move, change: Weighed, before: Version, after: Version) -> Finding:
    """Return the refusal of a version that is too small for one change."""
    needed = f"needs a {NAMES[change.change]} version, {before.after(change.change)} or above, got {after}"
    name = quoted(change.subject)
    if change.kind == "unbound":
        message = f"the evaluator line of {name} was deleted, so nothing measures it any more: that {needed}"
        return move.finding("PV426", message, change.route, f"bring the line back, or own up to it: {BUMP}")
    if change.kind == "schema-dropped":
        hint = f"{PUT_BACK}, or set that version by hand: nothing here is earned from then on"
        return move.finding("PV427", f"{DROPPED}: that {needed}", ("metadata",), hint)
    if change.kind == "falsifier-removed":
        message = f"the falsifier {name} was removed: that {needed}"
        return move.finding("PV433", message, change.route, f"bring it back, or own up to it: {BUMP}")
    return move.finding("PV421", f"{change.message} {needed}", change.route, BUMP, at_key=False)


def typed_statuses(move: Move) -> Iterator[tuple[str, Finding]]:
    """Yield, by id, each status that only evidence can give and that no amendment since the base lists."""
    listed = {(each.id, each.after) for amendment in _newer(move) for each in amendment.transitions}
    earlier = {name: status for name, status, _ in _statuses(move.before.contract)}
    for name, status, route in _statuses(move.after.contract):
        old = earlier.get(name)
        if status in EARNED and status != old and (name, status) not in listed:
            message = (
                f"the status of {quoted(name)} went from {_told(old)} to {status}, "
                f"and no amendment since {escaped(move.base)} lists that"
            )
            yield name, move.finding("PV424", message, (*route, "status"), EARN)


def illegal_moves(move: Move) -> Iterator[Finding]:
    """Refuse moves of a falsifier that no outcome causes; back to PENDING is for anyone."""
    if not move.after.contract.is_strict:
        return
    earlier = {each.id: each.status for each in move.before.contract.falsifiers}
    for each in move.after.contract.falsifiers:
        old, new = earlier.get(each.id), each.status
        if new != old and old in Status.__members__ and new not in {*EARNED, Status.PENDING, None}:
            message = f"no outcome moves a status from {old} to {_told(new)}"
            hint = "set it to PENDING, which anyone may, or leave it as it was"
            yield move.finding("PV425", message, (*each.route, "status"), hint)


def exchanged_evidence(move: Move, typed: Collection[str] = ()) -> Iterator[tuple[str, Finding]]:
    """Yield, by id, each reference to evidence that is another one, and that no amendment since the base lists.

    :param typed: the ids whose status is refused already.
    """
    listed = {(each.id, each.evidence) for amendment in _newer(move) for each in amendment.transitions}
    listed |= {(each.id, each.evidence) for amendment in _newer(move) for each in amendment.renewals}
    earlier = {each.id: each.evidence for each in move.before.contract.falsifiers}
    for each in move.after.contract.falsifiers:
        name, old = each.id or "", earlier.get(each.id)
        if each.evidence in {None, old} or name in typed or (name, each.evidence) in listed:
            continue
        what = "came" if old is None else f"was exchanged for {_digest(each.evidence or '')}"
        message = f"the evidence of {quoted(name)} {what}, and no amendment since {escaped(move.base)} lists that"
        yield name, move.finding("PV428", message, (*each.route, "evidence"), RESTORE)


def edited_records(move: Move) -> Iterator[Finding]:
    """Refuse a record that says it is of the same run as the one of the base, and to have measured something else."""
    for each in move.after.contract.falsifiers:
        old, new = move.before.records.get(each.id or ""), move.after.records.get(each.id or "")
        if old is None or new is None or not _is_one_run(old, new):
            continue
        metrics = sorted(
            name for name in old.metrics.keys() | new.metrics.keys() if old.metrics.get(name) != new.metrics.get(name)
        )
        if metrics or _measured(old) != _measured(new):
            what = f"in {', '.join(metrics)}" if metrics else "in what was measured"
            message = (
                f"the record of {quoted(each.id or '')} is of the same run as the one of {escaped(move.base)} "
                f"({escaped(str(new.made_at['started']))}), but differs {what}: it was edited"
            )
            yield move.finding("PV429", message, (*each.route, "evidence"), RESTORE, exit_code=5)


def rewritten(move: Move) -> Iterator[Finding]:
    """Refuse amendments of the base that are gone, changed, or no longer the end of the list."""
    if amendments_kept(move.after.instance, move.before.instance):
        return
    base = escaped(move.base)
    mine: dict[str, tuple[int, JSON]] = {
        each["version"]: (index, each) for index, each in enumerate(_listed(move.after.instance))
    }
    fine = True
    for old in _listed(move.before.instance):
        index, new = mine.get(old["version"], (-1, None))
        if difference.same(old, new):
            continue
        fine = False
        what = "is gone" if new is None else "was rewritten"
        route: Route = ("amendments",) if new is None else ("amendments", index)
        message = f"the amendment {old['version']} of {base} {what}"
        yield move.finding("PV430", message, route, HISTORY, at_key=new is None)
    if fine:
        message = f"the amendments of {base} no longer stand together, oldest last"
        yield move.finding("PV430", message, ("amendments",), HISTORY, at_key=True)


def amendments_kept(after: JSON, before: JSON) -> bool:
    """Say whether the amendments of one version are the end of the list of another."""
    old, new = _listed(before), _listed(after)
    return not old or difference.same(new[-len(old) :], old)


def unexplained(move: Move) -> Iterator[Finding]:
    """Refuse a new version without any amendment; one beside the wrong amendment is refused without a base."""
    before, after = move.before.contract.version, move.after.contract
    if after.is_strict and not after.amendments and before is not None and after.version not in {None, before}:
        message = f"the version went from {before} to {after.version}, and no amendment says why"
        yield move.finding("PV434", message, VERSION, f"set it back to {before}; {BUMP}")


def small_steps(move: Move) -> Iterator[Finding]:
    """Refuse an amendment whose version is too small a step for what it lists itself."""
    entries = move.after.contract.amendments
    below = [*(each.version for each in entries[1:]), move.before.contract.version]
    new = set(_newer(move))
    for each, older in zip(entries, below, strict=False):
        if each not in new or each.version is None or older is None:
            continue
        change, what = _listed_change(each)
        if older <= each.version < older.after(change):
            message = (
                f"the amendment {each.version} lists {what}, "
                f"which needs a {NAMES[change]} version, {older.after(change)} or above"
            )
            yield move.finding("PV431", message, (*each.route, "version"), BUMP)


def _listed_change(amendment: Amendment) -> tuple[Change, str]:
    """Return the largest change that an amendment lists, and its name."""
    weaker = next((each for each in amendment.bounds if _is_weaker(each)), None)
    if weaker is not None:
        return Change.MAJOR, f"a weaker bound of {escaped(weaker.metric)}"
    if amendment.bounds:
        return Change.MINOR, "another bound"
    if amendment.transitions:
        return Change.MINOR, f"a move of {quoted(amendment.transitions[0].id)}"
    return Change.PATCH, "a change"


def _is_weaker(change: BoundChange) -> bool:
    """Say whether a bound that an amendment lists accepts a number that the one before refused."""
    return weakening.is_weaker(map(bounds.parse, change.before), map(bounds.parse, change.after))


def deleted(before: Side, path: str, base: str, moved_to: str = "") -> Finding | None:
    """Return the refusal of a contract that is gone, unless there was nothing in it that could be refuted.

    :param moved_to: where it lies now, if that is a place where nobody looks at it.
    """
    contract = before.contract
    if not contract.falsifiers:
        return None
    name = f"the contract {quoted(contract.id)}" if contract.id else "the contract"
    number = f"{len(contract.falsifiers)} falsifier{'' if len(contract.falsifiers) == 1 else 's'}"
    if moved_to == path:
        message = f"{name} lies where the settings no longer look for contracts"
        hint = "name its folder under contracts in pv.toml again"
    elif moved_to:
        message = f"{name} moved to {quoted(moved_to)}, where the settings do not look for contracts"
        hint = "move it back, or name its folder under contracts in pv.toml"
    else:
        message = f"{name} of {escaped(base)} was deleted, with {number}"
        hint = "bring it back from git; to retire it, remove its falsifiers in a major version first, then the file"
    weight = Severity.ERROR if contract.is_strict else Severity.WARNING
    return Finding("PV432", message, escaped(path), hint=hint, severity=weight)


def _newer(move: Move) -> tuple[Amendment, ...]:
    """Return the amendments that the base does not have."""
    known = {each.version for each in move.before.contract.amendments}
    return tuple(each for each in move.after.contract.amendments if each.version not in known)


def _statuses(contract: Contract) -> Iterator[tuple[str, str | None, Route]]:
    """Yield id, status and route of everything in a contract that has a status."""
    parts: list[Falsifier | Stage] = [*contract.falsifiers, *contract.stages]
    for each in parts:
        if each.id is not None:
            yield each.id, each.status, each.route
    yield contract.id or "", contract.status, ("metadata",)


def _listed(instance: JSON) -> list[dict[str, JSON]]:
    """Return the amendments of a contract as values."""
    return list(instance.get("amendments", []))


def _is_one_run(one: Record, other: Record) -> bool:
    """Say whether two records were made at the same time on the same host."""
    return all(key in one.made_at and one.made_at[key] == other.made_at.get(key) for key in RUN)


def _measured(record: Record) -> bytes:
    """Return what a record says was measured, in one form."""
    predicate = record.statement()["predicate"]
    return canonical.dumps({key: predicate[key] for key in MEASURED})


def _told(status: str | None) -> str:
    """Return a status for a message."""
    return "none" if status is None else escaped(status, 40)


def _digest(reference: str) -> str:
    """Return a reference as short as people write it."""
    return f"{reference[:15]}…"
