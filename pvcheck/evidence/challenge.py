"""The record of a challenge: an in-toto Statement about every falsifier of one contract that was challenged.

It holds numbers and no verdict: what bounds make of them is judged when the record is read. Times and the host are
in it and in no comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import canonical, numbers
from pvcheck.domain.claim import claim_hash
from pvcheck.domain.digest import PREFIX, sha256
from pvcheck.domain.metric import MetricType
from pvcheck.domain.teeth import State, Trial
from pvcheck.errors import escaped
from pvcheck.evidence import store
from pvcheck.evidence.record import STATEMENT, Metric, RecordError, claim_of, table
from pvcheck.files import DISK, Disk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pvcheck.domain.canonical import JSON

PREDICATE = "urn:pvcheck:challenge:v1"


class Entry(NamedTuple):
    """One falsifier: its claim, the bounded metrics without a fault, and the trials.

    ``inputs`` and ``made_by`` say of which files and by what; they are in no comparison.
    """

    falsifier: str
    claim: dict[str, JSON]
    clean: Mapping[str, Metric]
    trials: tuple[Trial, ...]
    inputs: dict[str, JSON]
    made_by: dict[str, JSON]

    def json(self) -> dict[str, JSON]:
        """Return the form that the record keeps."""
        return {**self.essence(), "trials": [*map(self._trial, self.trials)]} | {
            "inputs": self.inputs,
            "made_by": self.made_by,
        }

    def essence(self) -> dict[str, JSON]:
        """Return what two challenges must share to be the same: all but reasons, files and versions.

        The reason of a failure may name an address in memory.
        """
        return {
            "falsifier": self.falsifier,
            "claim": self.claim,
            "clean": {
                name: {"type": str(each.type), "value": numbers.encode(each.value, each.type)}
                for name, each in self.clean.items()
            },
            "trials": [self._trial(each._replace(reason="")) for each in self.trials],
        }

    def _trial(self, trial: Trial) -> dict[str, JSON]:
        """Return one trial; what it does not have is left out."""
        values = {name: numbers.encode(value, self.clean[name].type) for name, value in trial.metrics.items()}
        parts = {"metrics": values, "guard": trial.guard, "reason": trial.reason}
        return {"fault": trial.fault, "state": str(trial.state)} | {key: part for key, part in parts.items() if part}


class ChallengeRecord(NamedTuple):
    """One challenge of one contract. ``left_out`` has the falsifiers that were not challenged, with the reason."""

    contract: str
    entries: tuple[Entry, ...]
    left_out: Mapping[str, str]
    made_at: dict[str, JSON]

    def entry(self, name: str | None) -> Entry | None:
        """Return the entry of a falsifier."""
        return next((each for each in self.entries if each.falsifier == name), None)

    def statement(self) -> dict[str, JSON]:
        """Return the in-toto Statement."""
        return {
            "_type": STATEMENT,
            "subject": [_subject(each) for each in self.entries],
            "predicateType": PREDICATE,
            "predicate": {
                "contract": self.contract,
                "falsifiers": [each.json() for each in self.entries],
                "left_out": dict(self.left_out),
                "made_at": self.made_at,
            },
        }

    def data(self) -> bytes:
        """Return the bytes of the record, which its digest is taken over."""
        return canonical.dumps(self.statement())

    @property
    def reference(self) -> str:
        """Return what a contract writes after ``challenge: evidence``."""
        return PREFIX + sha256(self.data())

    def essence(self) -> bytes:
        """Return what two records must share to be the same result."""
        return canonical.dumps([[each.essence() for each in self.entries], sorted(self.left_out)])


def _subject(entry: Entry) -> dict[str, JSON]:
    """Return what an entry is about."""
    return {"name": f"claim:{entry.falsifier}", "digest": {"sha256": claim_hash(entry.claim)}}


def is_one(data: bytes) -> bool:
    """Say whether bytes hold a record of a challenge rather than of an evaluation, sound or not."""
    try:
        statement = canonical.loads(data)
    except canonical.NotCanonical:
        return False
    return isinstance(statement, dict) and statement.get("predicateType") == PREDICATE


def load(contract: Path, reference: str, disk: Disk = DISK) -> ChallengeRecord:
    """Return a record by its reference.

    :raises MissingError: if there is none.
    :raises ForgedError: if its bytes have another digest.
    :raises RecordError: if it is no record of a challenge.
    """
    return parse(store.read(contract, reference, disk))


def adopted(contract: Path, new: ChallengeRecord) -> ChallengeRecord:
    """Return a record with the same result that is there already, the first by name, else the new one.

    The one that is there may be of a challenge that was killed before it could change the contract.
    """
    essence, place = new.essence(), store.folder(contract)
    for path in sorted(place.glob("*.json")) if place.is_dir() else ():
        try:
            known = load(contract, PREFIX + path.stem)
        except (store.MissingError, store.ForgedError, RecordError):
            continue
        if known.contract == new.contract and known.essence() == essence:
            return known
    return new


def parse(data: bytes) -> ChallengeRecord:
    """Return the record that bytes hold.

    :raises RecordError: if they are no canonical JSON, or no record of a challenge.
    """
    try:
        statement = canonical.loads(data)
        if statement["predicateType"] != PREDICATE:
            raise RecordError(f"the record is of another kind ({escaped(str(statement['predicateType']), 60)})")
        record = _record(statement["predicate"])
        if statement["subject"] != [_subject(each) for each in record.entries]:
            raise RecordError("the subjects are not the claims that the record holds")
    except canonical.NotCanonical as error:
        raise RecordError(str(error)) from None
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RecordError(f"the record lacks something or has it in another form: {error!r:.80}") from None
    return record


def _record(predicate: dict[str, JSON]) -> ChallengeRecord:
    """Return a record from its predicate; no falsifier stands in it twice."""
    entries = tuple(_entry(each) for each in predicate["falsifiers"])
    left_out = {str(name): str(reason) for name, reason in predicate["left_out"].items()}
    names = [*left_out, *(each.falsifier for each in entries)]
    if len(set(names)) < len(names):
        raise RecordError("a falsifier stands twice in the record")
    return ChallengeRecord(str(predicate["contract"]), entries, left_out, table(predicate["made_at"]))


def _entry(value: JSON) -> Entry:
    """Return one falsifier of a record."""
    clean = {
        name: Metric(kind := MetricType(each["type"]), numbers.decode(each["value"], kind))
        for name, each in value["clean"].items()
    }
    trials = tuple(_trial(each, clean) for each in value["trials"])
    if len({each.fault for each in trials}) < len(trials):
        raise RecordError("a fault stands twice in the record")
    return Entry(
        str(value["falsifier"]),
        claim_of(value["claim"]),
        clean,
        trials,
        table(value["inputs"]),
        table(value["made_by"]),
    )


def _trial(value: JSON, clean: Mapping[str, Metric]) -> Trial:
    """Return one trial: with the metrics of the clean measurement if it moved, else with none."""
    state, told = State(value["state"]), value.get("metrics", {})
    if not told.keys() <= (clean.keys() if state is State.MOVED else set()):
        raise RecordError("a trial must hold metrics of the clean measurement only, and none unless it moved")
    metrics = {name: numbers.decode(each, clean[name].type) for name, each in told.items()}
    return Trial(str(value["fault"]), state, metrics, str(value.get("guard", "")), str(value.get("reason", "")))
