"""Rules of earned statuses: no DISCHARGED without a record that is sound, about this claim, and still convincing.

Nothing is run. Records are re-judged under today's bounds, never believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck import files
from pvcheck.domain import bounds, digest
from pvcheck.domain.claim import claim, inputs_of
from pvcheck.domain.status import EARNED, Outcome, Status, contract_status, stage_status
from pvcheck.errors import MAX_SHOWN, Finding, escaped, quoted
from pvcheck.evidence import store
from pvcheck.evidence.record import DECIDED, RecordError, contradictions, judge
from pvcheck.guards import ILL_CONDITIONED
from pvcheck.rules import guarded
from pvcheck.text import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract, Falsifier, Input
    from pvcheck.evidence.record import Record
    from pvcheck.text import Document

MAX_HASHED = 16 << 20
"""Bytes of the largest input that validation reads to compare its digest."""

_EARNED_BY = {Status.DISCHARGED: Outcome.HELD, Status.FALSIFIED: Outcome.REFUTED}
RERUN = "pv run --write measures it again"
BACK = "set the status back to PENDING and remove its evidence line, or run pv run --write"


class Case(NamedTuple):
    """One falsifier of one contract, and where its file lies."""

    falsifier: Falsifier
    contract: Contract
    document: Document
    path: Path
    root: Path
    conditioning: float = ILL_CONDITIONED
    disk: files.Disk = files.DISK

    def finding(self, code: str, message: str, *route: str | int, hint: str = RERUN, exit_code: int = 1) -> Finding:
        """Return a finding inside the falsifier; at its status where no route is given."""
        place = (*self.falsifier.route, *(route or ("status",)))
        is_block = not isinstance(self.document.get(place), Scalar)
        return self.document.finding(code, message, place, hint=hint, exit_code=exit_code, at_key=is_block)


def check(  # noqa: PLR0913, PLR0917 - one contract, where it lies, and what is asked about it
    contract: Contract,
    document: Document,
    path: Path,
    root: Path,
    conditioning: float = ILL_CONDITIONED,
    disk: files.Disk = files.DISK,
) -> Iterator[tuple[str | None, Finding]]:
    """Yield every status that its evidence does not support, with the falsifier it is about.

    Findings about stages and the contract, which follow from the falsifiers, are about None. Condition numbers above
    ``conditioning`` mark a number.
    """
    for falsifier in contract.falsifiers:
        for finding in falsifier_status(Case(falsifier, contract, document, path, root, conditioning, disk)):
            yield falsifier.id, finding
    for finding in above(contract, document):
        yield None, finding


def falsifier_status(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the status of one falsifier."""
    falsifier = case.falsifier
    if falsifier.status not in EARNED:
        if falsifier.evidence is not None:
            message = f"a falsifier that is {falsifier.status or 'without a status'} has no evidence"
            yield case.finding("PV413", message, "evidence", hint="remove the evidence line")
        return
    if falsifier.evaluator is None:
        message = f"{falsifier.status} is typed: the falsifier is unbound, so nothing measured it"
        yield case.finding(
            "PV401", message, hint="set it to PENDING, or bind it to an evaluator and run pv run --write"
        )
    elif falsifier.evidence is None:
        message = f"{falsifier.status} is typed: there is no evidence directly after the status"
        yield case.finding("PV401", message, hint="set it to PENDING; pv run --write earns the status and writes both")
    else:
        record, problem = _loaded(case, falsifier.evidence)
        if problem is not None:
            yield problem
        if record is not None:
            yield from record_supports(case, record)


def _loaded(case: Case, reference: str) -> tuple[Record | None, Finding | None]:
    """Return the record of a falsifier, or the finding that says why it cannot be believed."""
    try:
        record = store.load(case.path, reference, case.disk)
    except store.MissingError as error:
        message = f"the record {error} {error.told(_folder(case))}"
        return None, case.finding("PV402", message, "evidence", hint=f"{error.hint}, or {BACK}", exit_code=5)
    except store.ForgedError as error:
        message = f"the record {error} does not have the bytes that its name promises"
        return None, case.finding("PV403", message, "evidence", hint=f"bring it back from git, or {BACK}", exit_code=5)
    except RecordError as error:
        return None, case.finding("PV404", f"not a record: {error}", "evidence", hint=BACK, exit_code=5)
    for code, told in _faults(case, record):
        return None, case.finding(code, f"the record {told}", "evidence", hint=BACK, exit_code=5)
    return record, None


def _faults(case: Case, record: Record) -> Iterator[tuple[str, str]]:
    """Yield why a record is not what stands behind this falsifier: a code, and what goes on after "the record"."""
    if record.falsifier != case.falsifier.id:
        yield "PV408", f"is about {quoted(record.falsifier)}"
    if record.contract != (case.contract.id or ""):
        yield "PV408", f"is about a falsifier of {quoted(record.contract)}"
    yield from (("PV405", told) for told in contradictions(record))


def _folder(case: Case) -> str:
    """Return the folder of the records as the contract's reader would write it."""
    return f"evidence/{case.path.stem}/"


def record_supports(case: Case, record: Record) -> Iterator[Finding]:
    """Yield why a sound record does not support today's status: another claim, bounds, inputs or outcome."""
    typed = f"{case.falsifier.status} is typed: its evidence says {record.outcome}"
    if record.outcome not in DECIDED:
        yield case.finding("PV409", typed, hint=BACK)
        return
    changed = list(claim_differs(case, record))
    yield from changed
    yield from bound_changes(case, record)
    if changed:
        return
    yield from inputs_unchanged(case, record)
    needed = _EARNED_BY[Status(case.falsifier.status or "")]
    refused, outcome = today_of(case.falsifier, record)
    if outcome == needed:
        yield from guarded.check(case, record, case.conditioning)
    elif record.outcome != needed:
        yield case.finding("PV409", typed, hint=BACK)
    else:
        yield case.finding("PV409", f"{record.outcome} then, {outcome} today{refused}")


def today_of(falsifier: Falsifier, record: Record) -> tuple[str, Outcome]:
    """Judge a record under today's bounds: those that refuse it, as words after a verdict, and the outcome."""
    judged, outcome = judge(record.metrics, [(each.metric, each.bound) for each in falsifier.expectations])
    refused = ", ".join(f"{each.metric} {each.bound}" for each in judged if not each.held)
    return f": {refused}" if refused else "", outcome


def claim_differs(case: Case, record: Record) -> Iterator[Finding]:
    """Yield each part of the claim that is not what was measured."""
    for what, route in claim_changes(record.claim, claim(case.falsifier, case.contract)):
        yield case.finding("PV406", f"{what} since the evidence was made", *route)


def claim_changes(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield what changed between two claims, in words, and where in the falsifier it stands."""
    if before["evaluator"] != after["evaluator"]:
        yield f"evaluator changed from {_word(before['evaluator'])} to {_word(after['evaluator'])}", ("evaluator",)
    old, new = before["with"], after["with"]
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) or (key in old) != (key in new):
            route = ("with", key) if key in new else ("with",) if new else ("evaluator",)
            told = (shown_parameter(each[key]) if key in each else "nothing" for each in (old, new))
            yield f"parameter {_word(key)} changed from {' to '.join(told)}", route
    old, new = before["inputs"], after["inputs"]
    for name in sorted(old.keys() | new.keys()):
        if name not in new or name not in old:
            yield f"input {_word(name)} was {'removed' if name in old else 'added'}", ("evidence",)
        elif old[name] != new[name]:
            told = (_digits(each[name]) for each in (old, new))
            yield f"the declared digest of input {_word(name)} changed from {' to '.join(told)}", ("evidence",)


def _word(text: JSON) -> str:
    """Return a name from a record, which may be anything, for a message."""
    return escaped(str(text), 60)


def _digits(text: JSON) -> str:
    """Return the beginning of a declared digest."""
    return "none" if text is None else escaped(str(text), 60)[:12]


def shown_parameter(value: JSON, limit: int = 60) -> str:
    """Return a recorded parameter as a person writes it, numbers as decimals; a forged one is shown as it is."""
    text = _plain(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _plain(value: JSON) -> str:
    """Return a recorded parameter in full."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_word(key)}: {_plain(each)}' for key, each in value.items())}}}"
    if isinstance(value, list) and value[:1] == ["list"]:
        return f"[{', '.join(map(_plain, value[1:]))}]"
    if isinstance(value, list) and value[:1] == ["number"]:
        try:
            return _decimal(str(value[-1]))
        except (ValueError, OverflowError):
            return quoted(str(value[-1]), MAX_SHOWN)
    return quoted(value if isinstance(value, str) else str(value), MAX_SHOWN)


def _decimal(text: str) -> str:
    """Return the shortest decimal of a hex float; an integer that binary64 cannot hold stands for itself."""
    number = float.fromhex(text) if "0x" in text else int(text)
    return repr(number).removesuffix(".0")


def bound_changes(case: Case, record: Record) -> Iterator[Finding]:
    """Yield each metric whose bounds differ from the recorded ones, unless an amendment lists the change."""
    before, after = by_metric((each.metric, each.bound) for each in record.judged), today(case.falsifier)
    amended = {
        (change.id, change.metric, normal(change.after)) for each in case.contract.amendments for change in each.bounds
    }
    for metric in sorted(before.keys() | after.keys()):
        old, new = before.get(metric, ()), after.get(metric, ())
        if old == new or (case.falsifier.id, metric, new) in amended:
            continue
        message = f"the bound of {metric} changed from {_listed(old)} to {_listed(new)} since the evidence was made"
        yield case.finding("PV407", message, *(("expect", metric) if new else ("expect",)))


def today(falsifier: Falsifier) -> dict[str, tuple[str, ...]]:
    """Return the bounds of a falsifier in normal form, by metric."""
    return by_metric((each.metric, each.bound.text) for each in falsifier.expectations)


def by_metric(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the bounds of each metric, sorted: their order means nothing."""
    table: dict[str, tuple[str, ...]] = {}
    for metric, bound in pairs:
        table[metric] = tuple(sorted({*table.get(metric, ()), bound}))
    return table


def normal(texts: Iterable[str]) -> tuple[str, ...]:
    """Return bounds as an amendment spells them in the form that is compared."""
    return tuple(sorted({bounds.parse(text).text for text in texts}))


def _listed(texts: tuple[str, ...]) -> str:
    """Return bounds for a message."""
    return " and ".join(texts) or "none"


def inputs_unchanged(case: Case, record: Record) -> Iterator[Finding]:
    """Yield each input whose bytes are not those that were measured, where the file is small and inside."""
    for name in inputs_of(case.falsifier, case.contract):
        declared = case.contract.inputs[name]
        data = bytes_inside(declared, case)
        if data is None:
            continue
        recorded = record.inputs.get(name, {})
        if "sha256" in recorded:
            same = digest.sha256(data) == recorded["sha256"]
        else:
            ranges = [(int(offset), int(size)) for offset, size in recorded.get("ranges", ())]
            same = digest.of_ranges(memoryview(data), ranges) == recorded.get("read_sha256")
        if not same:
            message = f"the file of input {name} ({quoted(declared.path)}) changed since the evidence was made"
            yield case.finding("PV410", message, "evidence", hint=f"bring the file back, or {RERUN}")


def bytes_inside(declared: Input, case: Case) -> bytes | None:
    """Return the bytes of an input that lies inside the repository and is small; otherwise None."""
    place = case.disk.inside(case.path.parent / declared.path, case.root)
    if place is None:
        return None
    try:
        data = case.disk.read(place, MAX_HASHED)
    except files.UnreadableError:
        return None  # a file that is not here cannot contradict its record
    return data if len(data) <= MAX_HASHED else None


def paths_inside(
    contract: Contract, document: Document, path: Path, root: Path, disk: files.Disk = files.DISK
) -> Iterator[Finding]:
    """Refuse inputs that lead out of the repository, also through a link."""
    for each in contract.inputs.values():
        if disk.inside(path.parent / each.path, root) is None:
            message = f"the path of input {each.name} leads out of {quoted(root.name)}: {quoted(each.path)}"
            hint = "keep it inside, and give --input or pv.toml the place where it is"
            yield document.finding("PV304", message, (*each.route, "path"), hint=hint)


def above(contract: Contract, document: Document) -> Iterator[Finding]:
    """Refuse stages that are ahead of their falsifiers, and a contract that is ahead of its stages."""
    words = {each.id: each.status for each in contract.falsifiers}
    for stage in contract.stages:
        due = stage_status(stage.status, [words.get(name) for name in stage.accepts])
        if stage.status in EARNED and due != stage.status:
            message = f"the stage is {stage.status}, but its falsifiers make it {due}"
            hint = f"set it to {due}; pv run --write promotes it with its falsifiers"
            yield document.finding("PV411", message, (*stage.route, "status"), hint=hint)
    due = contract_status(contract.status, [stage.status for stage in contract.stages])
    if contract.status in EARNED and due != contract.status:
        message = f"the contract is {contract.status}, but its stages make it {due}"
        yield document.finding("PV412", message, ("metadata", "status"), hint=f"set it to {due}")
