"""From a contract and the version it came from to one that tells what changed: statuses, version, one amendment.

Nothing is promoted here. A status that its evidence no longer supports goes back to PENDING, stages and the
contract follow, the version becomes what the changes need, and one amendment since the base says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck import writeback
from pvcheck.domain.claim import claim
from pvcheck.domain.status import EARNED, Outcome, Status
from pvcheck.domain.version import Version
from pvcheck.errors import ContractError, Severity, quoted
from pvcheck.evidence.record import judge
from pvcheck.loading import contract as loading
from pvcheck.pipeline import amending
from pvcheck.pipeline.amending import State
from pvcheck.rules import earned, moves, structure, weights
from pvcheck.rules.moves import Move, Side
from pvcheck.text import SetScalar, splice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Amendment, Contract, Falsifier
    from pvcheck.errors import Finding
    from pvcheck.evidence.record import Record
    from pvcheck.loading.contract import Loaded
    from pvcheck.pipeline.amending import Due, Find, Told
    from pvcheck.rules.weights import Weighed
    from pvcheck.text import Document

IN_THE_WAY = frozenset({"PV302", "PV313"})
"""What makes it unclear which part of a contract is meant: an id or an amendment that stands twice."""
SILENT = frozenset({"version", "amendments"})
"""Kinds of changes that a version is the consequence of, not the reason for."""
_EARNED_BY = {Status.DISCHARGED: Outcome.HELD, Status.FALSIFIED: Outcome.REFUTED}


class Sound(NamedTuple):
    """A contract of ours without a fault of shape or structure; ``amendments`` are its amendments as JSON."""

    loaded: Loaded
    contract: Contract
    version: Version
    amendments: list[JSON]

    @property
    def document(self) -> Document:
        """The text."""
        return self.loaded.document


class Task(NamedTuple):
    """How to settle: the day, the summary that was asked for, where records are found."""

    day: str
    summary: str
    find: Find


class Settled(NamedTuple):
    """A contract that tells its changes. ``weighed`` is what changed, ``back`` what went back to PENDING and why."""

    document: Document
    version: Version
    weighed: tuple[Weighed, ...] = ()
    back: tuple[str, ...] = ()


def sound(loaded: Loaded) -> Sound:
    """Return a contract that can be settled, or be settled against.

    :raises ContractError: if its parts cannot be told apart, with everything that is in the way.
    """
    contract = loaded.contract
    if contract is None:
        raise ContractError(each for each in loaded.findings if each.severity is Severity.ERROR)
    found = [each for each in structure.check(contract, loaded.document) if each.code in IN_THE_WAY]
    if found:
        raise ContractError(found)
    version = contract.version or Version(0, 0, 0)  # upstream's other forms come before every version of ours
    amendments = loaded.instance.get("amendments") if contract.is_strict else None
    return Sound(loaded, contract, version, list(amendments or ()))


def again(document: Document) -> Loaded:
    """Return a document of ours, read as the file it will be."""
    return loading.load(document.data, document.path)


def newer(now: Sound, base: Sound) -> tuple[Amendment, ...]:
    """Return the amendments that a contract has in front of those of its base, which must all be there."""
    return now.contract.amendments[: len(now.amendments) - len(base.amendments)]


def refusals(base: Sound, now: Sound, name: str) -> Iterator[Finding]:
    """Yield every status, reference and amendment of the base that was changed as nobody may change it."""
    before, after = (Side(each.document, each.contract, each.loaded.instance) for each in (base, now))
    move = Move(before, after, name)
    measured = {each.id for each in now.contract.falsifiers}  # stages and the contract follow from these
    typed = {each: finding for each, finding in moves.typed_statuses(move) if each in measured}
    yield from typed.values()
    yield from moves.illegal_moves(move)
    yield from dict(moves.exchanged_evidence(move, typed.keys())).values()
    yield from moves.rewritten(move)


def settle(base: Sound, now: Sound, since: tuple[Amendment, ...], said: Told, task: Task) -> Settled:
    """Return a contract with the statuses, the version and the amendment that its changes since the base need.

    :param since: the amendments in it that are newer than the base; one new amendment takes their place.
    :param said: what they, or those of another branch, say.
    """
    stood, back = stood_down(now, task.find)
    stood = caught_up(stood)
    settled = sound(again(stood))
    weighed = tuple(each for each in weights.differences(base.loaded, settled.loaded) if each.kind not in SILENT)
    due = amending.due(base.contract, settled.contract, said, task.find)
    version = max(now.version, base.version.after(max(weights.needed(weighed), due.weight)))
    summary = _summary(said, weighed, due, task)
    newest = since[0] if since else None
    is_told = version == now.version and (newest.version == version if newest else version == base.version)
    has_words = newest is None or newest.summary == summary or not (task.summary or amending.sentence(weighed, ()))
    if stood is now.document and is_told and has_words and amending.explains(said, due, settled.contract):
        return Settled(now.document, version)
    if version == base.version and not since:
        return Settled(splice(stood, [_version(version)]), version, weighed, back)
    if since:
        stood = amending.with_amendments_of(stood, base.document)
    entry = amending.entry(due, str(version), task.day, summary)
    return Settled(splice(stood, [_version(version), writeback.amending(stood, entry)]), version, weighed, back)


def _version(version: Version) -> SetScalar:
    """Return the edit that sets the version."""
    return SetScalar(("metadata", "version"), str(version))


def _summary(said: Told, weighed: tuple[Weighed, ...], due: Due, task: Task) -> str:
    """Return the summary that was asked for, or that people wrote, or one made of the changes."""
    if task.summary:
        return task.summary
    written = [each for each in said.summaries if not amending.is_made(each)]
    return "; ".join(written) or amending.sentence(weighed, due.bounds)


def stood_down(now: Sound, find: Find) -> tuple[Document, tuple[str, ...]]:
    """Return the document in which no status outlives its evidence, and a sentence about each that fell."""
    wanted: dict[tuple[str, str], State] = {}
    told: list[str] = []
    for each in now.contract.falsifiers:
        key = ("falsifier", each.id or "")
        if each.status not in EARNED and each.evidence is not None:
            wanted[key] = State(each.status or Status.PENDING)
        elif each.status in EARNED and (why := unsupported(each, now.contract, find(each))):
            wanted[key] = State(Status.PENDING)
            told.append(f"{quoted(each.id or '')} goes from {each.status} back to PENDING: {why}")
    return amending.dressed(now.loaded, wanted), tuple(told)


def unsupported(falsifier: Falsifier, contract: Contract, record: Record | None) -> str:
    """Return why a record does not support the status of today's falsifier, or nothing.

    A record that is not there says nothing: checking tells that it is missing.
    """
    if record is None:
        return ""
    today = claim(falsifier, contract)
    if record.claim != today:
        return next((what for what, _ in earned.claim_changes(record.claim, today)), "the claim changed")
    _, outcome = judge(record.metrics, [(each.metric, each.bound) for each in falsifier.expectations])
    if outcome == _EARNED_BY[Status(falsifier.status or "")]:
        return ""
    return f"the recorded metrics are {outcome} under today's bounds"


def caught_up(document: Document) -> Document:
    """Return the document in which stages and the contract follow from the falsifiers."""
    contract = sound(again(document)).contract
    for move in writeback.above(contract, {each.id: each.status for each in contract.falsifiers}):
        document = splice(document, [writeback.setting(document, move.route, "status", move.after, None)])
    return document
