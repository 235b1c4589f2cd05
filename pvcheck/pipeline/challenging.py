"""Challenging contracts: measure clean, plant each fault that the evaluator declares, and see what the bounds say.

Faults are planted in the measuring code, in the workers of a run; files are never touched.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pvcheck import writeback
from pvcheck.domain.status import Outcome
from pvcheck.domain.teeth import State, Trial, same, total
from pvcheck.errors import Finding, NotMeasuredError, PvError, Severity, quoted, worst
from pvcheck.evidence import challenge
from pvcheck.evidence.challenge import ChallengeRecord, Entry
from pvcheck.host import Failed, Measured, Unmeasured, codes
from pvcheck.pipeline import checking, rehearsing
from pvcheck.pipeline.options import Mode
from pvcheck.pipeline.running import Runner, without_numbers
from pvcheck.pipeline.selecting import refuse_typos, selected
from pvcheck.plan import Blocked, Job
from pvcheck.rules import challenged as rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.domain.teeth import Challenged
    from pvcheck.evidence.record import Metric
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.options import Options
    from pvcheck.pipeline.results import Result
    from pvcheck.pipeline.running import Watch
    from pvcheck.pipeline.selecting import Chosen
    from pvcheck.text import Document

NO_VERDICT = frozenset(
    {
        codes.BROKEN_PLUGIN,
        codes.CHANGED,
        codes.FAULT,
        codes.NO_IMPLEMENTATION,
        codes.PARAMETERS,
    }
)
"""Failures before the evaluator measures, or of a file that somebody changed: the fault did not cause them."""

NO_FAULTS = "without faults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """One falsifier: challenged with ``trials``, or not, and then ``word`` and ``reason`` say why."""

    falsifier: Falsifier
    entry: Entry | None = None
    challenged: Challenged | None = None
    word: str = ""
    reason: str = ""
    exit_code: int = 0
    withheld: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChallenge:
    """What a challenge found in one contract. ``after`` is its text with the reference to the record."""

    checked: Checked
    bouts: tuple[Bout, ...] = ()
    findings: tuple[Finding, ...] = ()
    before: str = ""
    after: str = ""

    @property
    def challenged(self) -> tuple[Challenged, ...]:
        """The falsifiers that were challenged."""
        return tuple(each.challenged for each in self.bouts if each.challenged is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeResult:
    """What a challenge came to."""

    files: tuple[FileChallenge, ...]
    exit_code: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """What one write keeps."""

    records: tuple[ChallengeRecord, ...]


def challenge_all(
    paths: Sequence[Path],
    options: Options,
    watch: Watch | None = None,
    expect: Callable[[int], object] | None = None,
) -> ChallengeResult:
    """Challenge the bound falsifiers of contracts, and keep or compare the results as the options say.

    :param watch: shows which fault is being planted.
    :param expect: is told how many measurements there will be.
    :raises EmptyError: if the selection is empty.
    :raises ConfigError: if an input is overridden that no contract declares.
    """
    checked = checking.check_all(paths)
    chosen: Chosen = {each.path: selected(each, options) for each in checked}
    refuse_typos(checked, chosen, options)
    checked, chosen = rehearsing.rehearsed(checked, chosen, options.mode)
    runner = Challenger(options, watch)
    try:
        if any(chosen.values()):
            runner.pool.prestart()
        if expect is not None:
            expect(sum(runner.measurements(each, chosen[each.path]) for each in checked))
        files = tuple(runner.contract(each, chosen[each.path]) for each in checked)
    except KeyboardInterrupt:
        runner.pool.kill()  # close would give each worker a moment, and the user wants to stop
        raise
    finally:
        runner.close()
    return ChallengeResult(files=files, exit_code=_exit_of(files))


def _exit_of(files: Iterable[FileChallenge]) -> int:
    """Return the exit status: the worst part, or 4 where nothing was challenged at all."""
    files = tuple(files)
    found = [each for file in files for each in file.findings if each.severity is Severity.ERROR]
    bouts = [each.exit_code for file in files for each in file.bouts]
    empty = [] if any(file.challenged for file in files) else [4]
    return worst([*(each.exit_code for each in found), *bouts, *empty])


class Challenger(Runner):
    """A runner that plants faults. Planning, limits, guards and judging are those of a run."""

    def measurements(self, checked: Checked, falsifiers: Sequence[Falsifier]) -> int:
        """Return how many measurements a contract needs at most: two clean ones, and one a fault."""
        jobs = [each for each in self.plans(checked, falsifiers) if isinstance(each, Job)] if checked.can_run else []
        faults = (len(each.offered.evaluator.all_faults) for each in jobs)
        return sum(number + 2 for number in faults if number)

    def contract(self, checked: Checked, falsifiers: Sequence[Falsifier]) -> FileChallenge:
        """Challenge the chosen falsifiers of one contract."""
        contract, document = checked.contract, checked.document
        if contract is None or document is None or not checked.can_run:
            return FileChallenge(checked=checked, findings=checked.findings)
        if not falsifiers:
            return FileChallenge(checked=checked)
        begun, clock = datetime.now(UTC), time.monotonic()
        plans = self.plans(checked, falsifiers)
        self.start_digests(plans)
        bouts = tuple(self._bout(each, contract, document, checked) for each in plans)
        made_at = {
            "started": begun.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 3),
            "host": platform.node(),
        }
        return concluded(checked, bouts, self.options, made_at)

    def _bout(self, job: Job | Blocked, contract: Contract, document: Document, checked: Checked) -> Bout:
        """Challenge one falsifier: measure clean twice, then once with each fault."""
        if isinstance(job, Blocked):
            return _left_out(self._result(job, contract, checked))
        if not job.offered.evaluator.all_faults:
            reason = f"{job.offered.evaluator.name} declares no faults"
            return Bout(falsifier=job.falsifier, word=NO_FAULTS, reason=reason)
        clean = self._result(job, contract, checked)
        if clean.record is None or clean.outcome is not Outcome.HELD:
            return _left_out(clean)
        again = self._result(job, contract, checked)
        if again.record is None or clean.record.essence() != again.record.essence():
            reason = again.reason or "measured twice, it gives two answers, so nobody can say what a fault moves"
            return Bout(falsifier=job.falsifier, word="error", reason=reason, exit_code=3)
        try:
            trials = tuple(self._trials(job, contract, checked, clean.record.metrics))
        except _NoVerdictError as error:
            return Bout(falsifier=job.falsifier, word="error", reason=str(error), exit_code=3)
        entry = Entry(
            falsifier=job.falsifier.id or "",
            claim=clean.record.claim,
            clean={each.metric: clean.record.metrics[each.metric] for each in job.falsifier.expectations},
            trials=trials,
            inputs={name: _digests(each) for name, each in clean.record.inputs.items()},
            made_by=clean.record.made_by,
        )
        judged = rules.under(job.falsifier, entry, document)
        return Bout(falsifier=job.falsifier, entry=entry, challenged=judged, withheld=clean.withheld)

    def _trials(self, job: Job, contract: Contract, checked: Checked, clean: Mapping[str, Metric]) -> Iterator[Trial]:
        """Plant every fault, one after the other, each under the time limit of the settings."""
        request = self._request(job, str(checked.config.root))
        for fault in job.offered.evaluator.all_faults:
            with self.watch(f"{job.falsifier.id or ''} {fault.name}") as on_progress:
                reply = self.pool.evaluate(
                    replace(request, fault=fault.name), seconds=checked.config.timeout, on_progress=on_progress
                )
            if isinstance(reply, Measured):
                yield self._moved(job, contract, fault.name, reply, clean)
            elif isinstance(reply, Unmeasured):
                yield Trial(fault.name, State.NOT_PLANTED, reason=reply.reason)
            elif isinstance(reply, Failed) and reply.code in NO_VERDICT:
                raise _NoVerdictError(reply.reason)
            else:
                yield Trial(fault.name, State.ERROR, reason=without_numbers(reply)[1])

    def _moved(self, job: Job, contract: Contract, fault: str, reply: Measured, clean: Mapping[str, Metric]) -> Trial:
        """Return what a fault that was planted did: nothing, or to which numbers and to which guard it led."""
        found, now = self._judged(job, contract, reply, datetime.now(UTC)), reply.measurement.metrics
        guard = found.reason.partition(":")[0] if found.outcome is Outcome.INVALID else ""
        still = now.keys() == clean.keys() and all(
            same(each.value, now[name], each.type) for name, each in clean.items()
        )
        if still and not guard:
            return Trial(fault, State.UNMOVED)
        bounded = {each.metric for each in job.falsifier.expectations}
        metrics = {name: value for name, value in now.items() if name in bounded}
        return Trial(fault, State.MOVED, metrics, guard, found.reason if guard else "")


class _NoVerdictError(Exception):
    """A fault could not be planted for a reason that has nothing to do with it."""


def _left_out(clean: Result) -> Bout:
    """Return why a falsifier is not challenged: what holds no verdict or is refuted already has nothing to lose."""
    word = str(clean.outcome).replace("_", " ")
    refused = ", ".join(f"{each.metric} {each.bound}" for each in clean.judged if not each.held)
    reason = clean.reason or f"refuted without any fault: {refused}"
    return Bout(falsifier=clean.falsifier, word=word, reason=reason, exit_code=clean.exit_code)


def _digests(recorded: Mapping[str, JSON]) -> JSON:
    """Return what identifies the bytes of an input."""
    return {key: recorded[key] for key in ("sha256", "read_sha256") if key in recorded}


def concluded(checked: Checked, bouts: tuple[Bout, ...], options: Options, made_at: dict[str, JSON]) -> FileChallenge:
    """Judge the score of a contract, and keep or compare the record where that was asked for."""
    contract, document = checked.contract, checked.document
    result = FileChallenge(checked=checked, bouts=bouts)
    if contract is None or document is None:
        return result
    case = rules.Case(contract, document, checked.path, checked.config.challenge)
    findings = [] if options.select else list(rules.shortfall(case, result.challenged))
    record = ChallengeRecord(
        contract=contract.id or "",
        entries=tuple(each.entry for each in bouts if each.entry is not None),
        left_out={each.falsifier.id or "": each.reason for each in bouts if each.entry is None},
        made_at=made_at,
    )
    if options.mode is Mode.CHECK:
        findings += differences(case, record)
    elif options.mode is Mode.WRITE and record.entries:
        try:
            return replace(_written(case, bouts, record, result), findings=tuple(findings))
        except PvError as error:
            findings += error.findings
    return replace(result, findings=tuple(findings))


def differences(case: rules.Case, record: ChallengeRecord) -> Iterator[Finding]:
    """Yield what a challenge found otherwise than the record that the contract names."""
    reference = case.contract.challenge.evidence if case.contract.challenge else None
    if reference is None:
        hint = "pv challenge --write keeps one"
        message = "there is no record of a challenge to compare with"
        yield case.document.finding("PV628", message, case.place, hint=hint, at_key=True)
        return
    known, problem = rules.loaded(case, reference)
    if problem is not None:
        yield problem
    for each in record.entries if known is not None else ():
        old = known.entry(each.falsifier) if known is not None else None
        if what := _difference(old, each):
            falsifier = case.contract.falsifier(each.falsifier)
            message = f"{quoted(each.falsifier)} was challenged again and differs from its record: {what}"
            route = (*falsifier.route, "id") if falsifier is not None else case.place
            yield case.document.finding("PV627", message, route, hint=rules.AGAIN)


def _difference(old: Entry | None, new: Entry) -> str:
    """Return the first thing in which two entries differ, or nothing."""
    if old is None:
        return "it is not in it"
    before, after = old.essence(), new.essence()
    for key, name in (("claim", "the claim"), ("clean", "the numbers without a fault")):
        if before[key] != after[key]:
            return f"{name} changed"
    trials = [{each["fault"]: each for each in part["trials"]} for part in (before, after)]
    names = [name for name in trials[0].keys() | trials[1].keys() if trials[0].get(name) != trials[1].get(name)]
    return f"under {rules.some(sorted(names))}" if names else ""


def _written(case: rules.Case, bouts: Iterable[Bout], record: ChallengeRecord, result: FileChallenge) -> FileChallenge:
    """Keep a record and refer to it, unless the contract names one with the same result."""
    known = _known(case)
    if known is not None and known.essence() == record.essence():
        return result
    _refuse_less(case, bouts, known)
    kept = challenge.adopted(case.path, record)
    score = total(each.score for each in result.challenged)
    summary = f"{score.caught} of {score.moved} planted faults that moved a measurement were caught"
    day = datetime.now(UTC).date().isoformat()
    after = writeback.challenged(case.document, case.contract, kept.reference, summary, day)
    writeback.write(case.path, case.document, after, _Kept((kept,)))
    return replace(result, before=case.document.text, after=after.text)


def _known(case: rules.Case) -> ChallengeRecord | None:
    """Return the sound record that a contract names, if there is one."""
    reference = case.contract.challenge.evidence if case.contract.challenge else None
    return rules.loaded(case, reference)[0] if reference is not None else None


def _refuse_less(case: rules.Case, bouts: Iterable[Bout], known: ChallengeRecord | None) -> None:
    """Refuse to keep a record that says less than this machine, or the one before, should be able to say."""
    for each in bouts:
        lost = known is not None and each.entry is None and known.entry(each.falsifier.id) is not None
        if each.withheld or each.exit_code or lost:
            why = each.withheld or each.reason
            message = f"nothing is written, since {quoted(each.falsifier.id or '')} could not be challenged: {why}"
            hint = "mend that, or challenge where it can be measured"
            route = (*each.falsifier.route, "id")
            raise NotMeasuredError(case.document.finding("PV629", message, route, hint=hint, exit_code=3))
