"""Applying records that were made elsewhere: believed in nothing, judged again, and then promoted as a run would.

What is wrong with a file ends the command before anything is written. What keeps one record from promoting
keeps its whole contract as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pvcheck import files, guards, writeback
from pvcheck.domain.claim import inputs_of
from pvcheck.domain.metric import MetricSpec
from pvcheck.errors import EmptyError, EvidenceError, Finding, PvError, Severity, escaped, quoted, worst
from pvcheck.evidence import lines
from pvcheck.evidence.record import DECIDED, contradictions, judge
from pvcheck.pipeline import checking
from pvcheck.pipeline.options import Mode
from pvcheck.pipeline.results import exit_of
from pvcheck.pipeline.standing import sound
from pvcheck.plugin import wire
from pvcheck.rules import earned
from pvcheck.rules.earned import Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.checking import Checked
    from pvcheck.plugin import Measurement
    from pvcheck.writeback import Update

MEASURE = "measure it again where the evaluator is: pv run --results FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One record of a file, the place where it stands, and when it was made."""

    place: tuple[str, int]
    record: Record
    made: datetime
    measurement: Measurement

    def finding(self, code: str, message: str, hint: str, exit_code: int = 1) -> Finding:
        """Return a finding at the record."""
        path, line = self.place
        return Finding(code, message, path, line, 1 if line else 0, hint, exit_code=exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one record. ``reason`` says why it changes nothing; ``record`` is as judged today."""

    offered: Offered
    falsifier: Falsifier
    record: Record
    reason: str = ""

    @property
    def exit_code(self) -> int:
        """What the outcome asks for."""
        return 0 if self.reason else exit_of(self.record.outcome, self.falsifier.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedFile:
    """What records did to one contract. ``after`` is its text after the update, written or not."""

    checked: Checked
    taken: tuple[Taken, ...] = ()
    update: Update | None = None
    before: str = ""
    after: str = ""
    written: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying came to: the contracts that records are about, and findings about records of no contract."""

    records: int
    files: tuple[AppliedFile, ...]
    findings: tuple[Finding, ...]
    exit_code: int


def apply(sources: Sequence[Path], paths: Sequence[Path], mode: Mode) -> Applied:
    """Take records from files, and write what they earn unless the mode is to show it.

    :raises EvidenceError: if something in the files is no sound record. Nothing is written then.
    :raises EmptyError: if there is no record in them.
    """
    offered = read(sources)
    checked = checking.check_all(paths)
    by_file: dict[int, list[Offered]] = {}
    unknown = [each for file in checked if file.contract is None for each in file.findings]
    loose: list[Finding] = []
    for each in offered:
        homes = [index for index, file in enumerate(checked) if _is_about(each.record, file)]
        if len(homes) == 1:
            by_file.setdefault(homes[0], []).append(each)
        else:
            loose.append(_homeless(each, len(homes), unknown))
    loose += unknown if loose else []
    done = tuple(_file(checked[index], records, mode) for index, records in sorted(by_file.items()))
    found = [*loose, *(each for file in done for each in file.findings)]
    codes = [each.exit_code for each in found if each.severity is Severity.ERROR]
    codes += [each.exit_code for file in done for each in file.taken]
    return Applied(records=len(offered), files=done, findings=tuple(loose), exit_code=worst(codes))


def read(sources: Sequence[Path]) -> tuple[Offered, ...]:
    """Return the records of files, each once.

    :raises EvidenceError: if something in them is no sound record, with the first fault of each file.
    :raises EmptyError: if there is none.
    """
    found: dict[bytes, Offered] = {}
    refused: list[Finding] = []
    for source in sources:
        shown = escaped(str(source))
        try:
            for line, record in lines.loads(files.read(source, lines.MAX_FILE)):
                found.setdefault(record.data(), _understood(record, shown, line))
        except lines.LinesError as error:
            hint = "nothing was taken; write the file again with pv run --results or pv evidence export"
            refused.append(Finding("PV466", str(error), shown, error.line, 1 if error.line else 0, hint, exit_code=5))
    if refused:
        raise EvidenceError(refused)
    if not found:
        names = ", ".join(escaped(str(source)) for source in sources)
        raise EmptyError(Finding("PV461", "there is no record in the file", names, hint=MEASURE, exit_code=4))
    return tuple(found.values())


def _understood(record: Record, source: str, line: int) -> Offered:
    """Return a record as the host that made it saw it: its measurement and its time.

    :raises LinesError: if it is none that an evaluator can have caused.
    """
    metrics = record.metrics.items()
    specs = [MetricSpec(name, each.type, "", series=isinstance(each.value, tuple)) for name, each in metrics]
    try:
        told = record.statement()["predicate"]["metrics"]
        parts = {"metrics": told, "backend": record.made_by["backend"], "libraries": {}}
        measurement = wire.from_json({"claims": [], **record.details, **parts})
        wire.check(measurement, specs)
    except (wire.BadResult, KeyError, TypeError) as error:
        why = str(error) if isinstance(error, wire.BadResult) else "something is missing"
        raise lines.LinesError(line, f"no evaluator reports this: {why}") from None
    made = _time(record)
    if made is None:
        raise lines.LinesError(line, "the record does not say when it was made")
    return Offered(place=(source, line), record=record, made=made, measurement=measurement)


def _is_about(record: Record, checked: Checked) -> bool:
    """Say whether a record is about a contract."""
    return checked.contract is not None and checked.contract.is_strict and checked.contract.id == record.contract


def _homeless(offered: Offered, homes: int, unknown: Sequence[Finding]) -> Finding:
    """Return the finding about a record whose contract is not clear.

    :param unknown: what was found about files of which nobody knows what they hold: it may be in one of them.
    """
    name = quoted(offered.record.contract)
    if homes:
        return offered.finding("PV467", f"{homes} contracts here have the id {name}", "name the file that is meant")
    message = f"no contract with metadata.schema here has the id {name}"
    code = 3 if any(each.exit_code == 3 for each in unknown) else 1
    return offered.finding("PV467", message, "name the file or folder where it lies", code)


def _file(checked: Checked, records: Sequence[Offered], mode: Mode) -> AppliedFile:
    """Judge the records of one contract again, and write what they earn."""
    contract, document = checked.contract, checked.document
    if contract is None or document is None or not checked.can_run:
        return AppliedFile(checked=checked, findings=checked.findings)
    refused = [finding for each in records for finding in _refusals(each, contract, checked)]
    if refused:
        return AppliedFile(checked=checked, findings=(*checked.findings, *refused))
    taken = tuple(_taken(each, records, contract, checked.path) for each in records)
    chosen = [each for each in taken if not each.reason]
    update = writeback.decide(contract, checked.path, [each.record for each in chosen])
    same = AppliedFile(checked=checked, taken=taken, update=update, findings=checked.findings)
    if update.is_empty:
        return same
    try:
        day = datetime.now(UTC).date().isoformat()
        after = writeback.edited(document, contract, update, day, summary=_summary(chosen))
        if mode is Mode.WRITE:
            writeback.write(checked.path, document, after, update)
    except PvError as error:
        return replace(same, findings=(*checked.findings, *error.findings))
    result = replace(same, before=document.text, after=after.text)
    if mode is not Mode.WRITE:
        return result
    return replace(result, written=True, findings=checking.check(checked.path, {}).findings)


def _refusals(offered: Offered, contract: Contract, checked: Checked) -> Iterator[Finding]:
    """Yield why a record can promote nothing in a contract: another claim, other inputs, or no verdict at all."""
    record, document = offered.record, checked.document
    falsifier = contract.falsifier(record.falsifier)
    if falsifier is None or document is None:
        message = f"{quoted(contract.id or '')} has no falsifier {quoted(record.falsifier)}"
        yield offered.finding("PV467", message, "apply it where the falsifier is, or leave the record out")
        return
    case = Case(falsifier, contract, document, checked.path, checked.config.root)
    for each in earned.claim_differs(case, record):
        yield offered.finding("PV468", f"{quoted(record.falsifier)}: {each.message}", MEASURE)
    yield from list(_declared(offered, case)) or _lying_here(offered, case)
    verdict = guards.judge(offered.measurement, record.metrics, falsifier, checked.config.conditioning)
    if record.outcome not in DECIDED or verdict.outcome not in DECIDED:
        why = verdict.reason or f"the outcome is {record.outcome}"
        message = f"the record of {quoted(record.falsifier)} promotes nothing: {why}"
        yield offered.finding("PV470", message, "mend what was measured, and measure again", exit_code=3)


def _declared(offered: Offered, case: Case) -> Iterator[Finding]:
    """Yield each input that is not the declared file."""
    name = quoted(offered.record.falsifier)
    for each in inputs_of(case.falsifier, case.contract):
        declared = case.contract.inputs[each].sha256
        found = offered.record.inputs.get(each, {}).get("sha256")
        if declared is not None and found != declared:
            what = "was not hashed as a whole" if found is None else f"has the sha256 {found[:12]}"
            message = f"{name} was measured on another input {escaped(each)} than the declared one: it {escaped(what)}"
            yield offered.finding("PV469", message, MEASURE)


def _lying_here(offered: Offered, case: Case) -> Iterator[Finding]:
    """Yield each input that lies here with other bytes."""
    for finding in earned.inputs_unchanged(case, offered.record):
        yield offered.finding("PV469", f"{quoted(offered.record.falsifier)}: {finding.message}", MEASURE)


def _taken(offered: Offered, records: Sequence[Offered], contract: Contract, path: Path) -> Taken:
    """Judge a record under today's bounds, and see whether it is news."""
    falsifier = contract.falsifier(offered.record.falsifier)
    assert falsifier is not None  # noqa: S101 - a record without one was refused
    record = _judged(offered.record, falsifier)
    taken = Taken(offered=offered, falsifier=falsifier, record=record)
    rivals = [each for each in records if each.record.falsifier == offered.record.falsifier]
    if offered is not max(rivals, key=lambda each: each.made):
        return replace(taken, reason="the file holds a newer one")
    old = sound(falsifier, path)
    if old is None or old.claim != record.claim or any(contradictions(old)):
        return taken  # what is in place supports nothing today
    if old.essence() == record.essence():
        return replace(taken, reason="the evidence in place says the same")
    since = _time(old)
    if since is not None and offered.made <= since:
        return replace(taken, reason=f"the evidence in place is newer, of {since.isoformat(timespec='seconds')}")
    return taken


def _time(record: Record) -> datetime | None:
    """Return when a record was made, if it says so."""
    try:
        return datetime.fromisoformat(record.made_at["started"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _judged(record: Record, falsifier: Falsifier) -> Record:
    """Return a record as today's bounds judge it: the same bytes, unless a verdict differs.

    One that was judged under other bounds names the record that it was made of.
    """
    judged, outcome = judge(record.metrics, [(each.metric, each.bound) for each in falsifier.expectations])
    if judged == record.judged:
        return record
    made_at = record.made_at | {"judged_again": record.reference}
    return record._replace(judged=judged, outcome=outcome, made_at=made_at)


def _summary(taken: Sequence[Taken]) -> str:
    """Return what an amendment says of where the records were made."""
    hosts = dict.fromkeys(str(each.offered.record.made_at.get("host") or "an unnamed host") for each in taken)
    return f"measured on {', '.join(escaped(host, 60) for host in hosts)}; applied here"
