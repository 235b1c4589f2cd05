"""From outcomes to edits: statuses that move, evidence that is renewed, the amendment and the version.

One function decides, one writes. Evidence is written first and the contract last, so that a run that is
killed between the two leaves a contract that is valid and a record that the next run finds again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pvcheck import config, files
from pvcheck.domain import bounds, weakening
from pvcheck.domain.status import EARNED, contract_status, moved, stage_status
from pvcheck.domain.version import Change, Version
from pvcheck.errors import ContractError, Finding, NotMeasuredError, escaped, quoted
from pvcheck.evidence import store
from pvcheck.evidence.record import RecordError
from pvcheck.rules.earned import by_metric, today
from pvcheck.text import Document, InsertItem, InsertKey, SetScalar, splice
from pvcheck.text import Mapping as Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.domain.route import Route
    from pvcheck.evidence.record import Record
    from pvcheck.evidence.store import Kept
    from pvcheck.text import Edit, Value

MAX_CONTRACT = 1 << 20


@dataclass(frozen=True, slots=True)
class Move:
    """One status that moves; ``record`` is what earned it, for a falsifier."""

    id: str
    route: Route
    before: str | None
    after: str
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Everything one write changes in one contract. ``is_empty`` says that nothing does."""

    moves: tuple[Move, ...]
    renewals: tuple[Move, ...]
    bounds: tuple[dict[str, Value], ...]
    change: Change

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.moves and not self.renewals

    @property
    def records(self) -> tuple[Record, ...]:
        """The records that are new."""
        return tuple(each.record for each in (*self.moves, *self.renewals) if each.record is not None)


def decide(contract: Contract, path: Path, records: Iterable[Record]) -> Update:
    """Return what the records of a run change in a contract: held and refuted ones, at most one a falsifier."""
    new: dict[str | None, Record] = {each.falsifier: each for each in records}
    moves: list[Move] = []
    renewals: list[Move] = []
    changes: list[dict[str, Value]] = []
    weight = Change.NONE
    words: dict[str | None, str | None] = {}
    for each in contract.falsifiers:
        record = store.adopted(path, new[each.id]) if each.id in new else None
        words[each.id] = each.status if record is None else moved(each.status, record.outcome)
        if record is None:
            continue
        place, after = Move(each.id or "", each.route, each.status, words[each.id] or "", record), words[each.id]
        old = recorded(path, each)
        if after != each.status:
            moves.append(place)
        elif old is None or old.essence() != record.essence():
            renewals.append(place)
        else:
            continue
        if old is not None and old.claim != record.claim:
            weight = Change.MAJOR  # the falsifier measures something else than it did
        for change in _bound_changes(each, old):
            changes.append(change.entry())
            weight = max(weight, change.weight)
    moves += above(contract, words)
    if moves:
        weight = max(weight, Change.MINOR)
    elif renewals:
        weight = max(weight, Change.PATCH)
    return Update(tuple(moves), tuple(renewals), tuple(changes), weight)


def recorded(path: Path, falsifier: Falsifier) -> Record | None:
    """Return the sound record that a falsifier names, if there is one."""
    if falsifier.evidence is None or falsifier.status not in EARNED:
        return None
    try:
        record = store.load(path, falsifier.evidence)
    except (store.MissingError, store.ForgedError, RecordError):
        return None
    return record if record.falsifier == falsifier.id else None


class Rebound(NamedTuple):
    """The bounds of one metric, in normal form, that are others than they were."""

    id: str
    metric: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def is_weaker(self) -> bool:
        """Whether a number is accepted that was refused."""
        return weakening.is_weaker(map(bounds.parse, self.before), map(bounds.parse, self.after))

    @property
    def weight(self) -> Change:
        """How far the change reaches."""
        return Change.MAJOR if self.is_weaker else Change.MINOR

    def entry(self) -> dict[str, Value]:
        """Return what an amendment says of it."""
        sides: dict[str, Value] = {"from": list(self.before), "to": list(self.after)}
        return {"id": self.id, "metric": self.metric, **{key: side for key, side in sides.items() if side}}


def rebound(
    name: str, before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> Iterator[Rebound]:
    """Yield each metric of a falsifier whose bounds differ, by the name of the metric."""
    for metric in sorted(before.keys() | after.keys()):
        was, now = before.get(metric, ()), after.get(metric, ())
        if was != now:
            yield Rebound(name, metric, was, now)


def _bound_changes(falsifier: Falsifier, old: Record | None) -> Iterator[Rebound]:
    """Yield each metric whose bounds differ from the recorded ones."""
    if old is not None:
        judged = by_metric((each.metric, each.bound) for each in old.judged)
        yield from rebound(falsifier.id or "", judged, today(falsifier))


def above(contract: Contract, words: dict[str | None, str | None]) -> list[Move]:
    """Return the moves of stages and of the contract that follow from the falsifiers' words."""
    found: list[Move] = []
    stage_words: list[str | None] = []
    for stage in contract.stages:
        after = stage_status(stage.status, [words.get(name) for name in stage.accepts])
        stage_words.append(after)
        if after is not None and after != stage.status:
            found.append(Move(stage.id or "", stage.route, stage.status, after))
    due = contract_status(contract.status, stage_words)
    if due != contract.status and (found or contract.status in EARNED):
        found.append(Move(contract.id or "", ("metadata",), contract.status, due))
    return found


def edited(document: Document, contract: Contract, update: Update, day: str, summary: str = "") -> Document:
    """Return the document after an update; only the named words and the new amendment differ.

    :param summary: a sentence for the amendment.

    :raises ContractError: if a value cannot be written safely, with the edit to make by hand.
    """
    if update.is_empty or contract.version is None:
        return document
    version = contract.version.after(update.change)
    for each in update.moves:
        document = splice(document, [setting(document, each.route, "status", each.after, None)])
    for each in (*update.moves, *update.renewals):
        if each.record is not None:
            document = splice(document, [citing(document, each.route, each.record.reference)])
    return splice(
        document,
        [SetScalar(("metadata", "version"), str(version)), amending(document, _told(update, version, day, summary))],
    )


def setting(document: Document, route: Route, key: str, word: str, after: str | None) -> Edit:
    """Return the edit that gives a key a word, whether the key is there or not."""
    if document.get((*route, key)) is not None:
        return SetScalar((*route, key), word)
    node = document.node(route)
    last = list(node.values)[-1] if isinstance(node, Block) else ""
    return InsertKey(route, after or last, key, word)


def citing(document: Document, route: Route, reference: str) -> Edit:
    """Return the edit that puts a reference directly after the status."""
    node = document.node(route)
    order = list(node.values) if isinstance(node, Block) else []
    after = order[order.index("status") + 1 :][:1]
    if after != ["evidence"] and "evidence" in order:
        message = "prose under 'evidence' stands where the tool's own reference must"
        hint = "rename that key, such as to 'recorded', and run again"
        raise ContractError(document.finding("PV414", message, (*route, "evidence"), hint=hint, at_key=True))
    return setting(document, route, "evidence", reference, "status")


def amending(document: Document, entry: Value) -> Edit:
    """Return the edit that puts an amendment in front of the others."""
    if document.get(("amendments",)) is not None:
        return InsertItem(("amendments",), entry)
    return InsertKey((), list(document.root.values)[-1], "amendments", [entry])


def challenged(document: Document, contract: Contract, reference: str, summary: str, day: str) -> Document:
    """Return the document with a reference to the record of a challenge, and with the amendment about it.

    :raises ContractError: if a value cannot be written safely, with the edit to make by hand.
    """
    if contract.version is None:
        return document
    version = str(contract.version.after(Change.PATCH))
    block = document.get(("challenge",))
    if not isinstance(block, Block):
        keys = list(document.root.values)
        after = keys[keys.index("amendments") - 1] if "amendments" in keys[1:] else keys[-1]
        edit: Edit = InsertKey((), after, "challenge", {"evidence": reference})
    elif "evidence" in block.values:
        edit = SetScalar(("challenge", "evidence"), reference)
    else:  # an empty block has no "min" either: the refusal says what to write by hand
        edit = InsertKey(("challenge",), next(iter(block.values), "min"), "evidence", reference)
    document = splice(document, [edit, SetScalar(("metadata", "version"), version)])
    return splice(document, [amending(document, {"version": version, "date": day, "summary": summary})])


def _told(update: Update, version: Version, day: str, summary: str) -> Value:
    """Return the amendment of an update."""
    entry: dict[str, Value] = {"version": str(version), "date": day}
    if summary:
        entry["summary"] = summary
    if update.moves:
        entry["transitions"] = [_transition(each) for each in update.moves]
    if update.bounds:
        entry["bounds"] = list(update.bounds)
    if update.renewals:
        entry["renewed"] = [
            {"id": each.id, "evidence": each.record.reference} for each in update.renewals if each.record is not None
        ]
    return entry


def _transition(move: Move) -> Value:
    """Return one transition of an amendment."""
    entry: dict[str, Value] = {"id": move.id}
    if move.before is not None:
        entry["from"] = move.before
    entry["to"] = move.after
    if move.record is not None:
        entry["evidence"] = move.record.reference
    return entry


class Records(Protocol):
    """What has records to keep."""

    @property
    def records(self) -> Sequence[Kept]:
        """The records, which are written before the contract that names them."""


def write(path: Path, read: Document, after: Document, update: Records) -> None:
    """Write the records, then the contract, under the lock of the contract's folder.

    :raises NotMeasuredError: if the file is not the one that was read, another pv is writing, or the disk
        refuses; the contract is then as it was.
    """
    with files.locked(path.resolve().parent):
        if config.read(path, MAX_CONTRACT) == after.data:
            return  # another pv has written the very same, and the records before it
        _refuse_unfit(path, read.data)
        for record in update.records:
            store.save(path, record)
        files.write(path, after.data, partial(_refuse_another, path, read.data))


def replace(path: Path, read: bytes, after: bytes, records: Mapping[Path, bytes]) -> None:
    """Write a contract whose statuses rest on records that are made already: those first, then the contract.

    :param records: the records that are not beside the contract yet, by where they belong.
    :raises NotMeasuredError: as ``write`` does.
    """
    with files.locked(path.resolve().parent):
        _refuse_unfit(path, read)
        for place, data in records.items():
            files.make_folder(place.parent)
            files.put(place, data)
        files.write(path, after, partial(_refuse_another, path, read))


def rehearse(path: Path, read: Document) -> None:
    """Try, before anything is measured, whether a contract and its records could be written.

    :raises NotMeasuredError: as ``write`` does. Nothing was changed.
    """
    with files.locked(path.resolve().parent):
        _refuse_unfit(path, read.data)
        files.rehearse(path, len(read.data))
        if (records := store.folder(path)).exists():
            with files.locked(records):
                files.rehearse(records / "record.json", len(read.data))


def _refuse_unfit(path: Path, read: bytes) -> None:
    """Refuse to write a contract that is another now, or stands where it could not be replaced."""
    _refuse_another(path, read)
    _refuse_outside(path)
    _refuse_second_name(path)


def _refuse_outside(path: Path) -> None:
    """Refuse to write records through a link that leads out of the project, or back: a change may bring one."""
    folder, root = store.folder(path), config.of_folder(path.parent.resolve()).root
    place, home = folder.resolve(), path.resolve().parent
    if place == home or not place.is_relative_to(root):
        where = "back to that of the contract" if place == home else f"out of {quoted(root.name)}"
        message = f"the folder of the records leads {where}, so nothing was written"
        hint = "put a folder in the place of the link"
        raise NotMeasuredError(Finding("PV711", message, escaped(str(folder)), hint=hint, exit_code=3))


def _refuse_second_name(path: Path) -> None:
    """Refuse a contract with a hard link: what replaces the file under one name leaves the old one under the other."""
    if path.stat().st_nlink > 1:
        message = "the contract has a second name, a hard link that would keep the old text, so nothing was written"
        hint = "make it a file of its own: cp FILE NEW && mv NEW FILE"
        raise NotMeasuredError(Finding("PV711", message, escaped(str(path)), hint=hint, exit_code=3))


def _refuse_another(path: Path, read: bytes) -> None:
    """Refuse to write over a file that is not the one that was read.

    An editor knows nothing of our lock, so this is asked first, and again when all that is left to do is to rename.
    """
    if config.read(path, MAX_CONTRACT) != read:
        finding = Finding(
            "PV710",
            "the contract changed in the meantime, so nothing was written",
            escaped(str(path)),
            hint="run again: what was to be written was made for another text",
            exit_code=3,
        )
        raise NotMeasuredError(finding)
