"""Running contracts: plan, measure, guard, judge, and decide what the results change."""

from __future__ import annotations

import platform
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pvcheck import __version__, guards, writeback
from pvcheck.domain.claim import claim
from pvcheck.domain.status import Outcome
from pvcheck.errors import Finding, PvError, escaped, quoted
from pvcheck.evidence.record import Metric, Record
from pvcheck.host import Failed, Limits, Measured, Pool, Request, TimedOut, Unmeasured, discover, machine
from pvcheck.pipeline import checking, guarding
from pvcheck.pipeline.digests import Digests
from pvcheck.pipeline.options import Mode
from pvcheck.pipeline.results import FileResult, Result, exit_of
from pvcheck.pipeline.standing import sound
from pvcheck.plan import Blocked, Ground, Job, plan
from pvcheck.plugin import API_VERSION, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pvcheck.config import Config
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.host import OfferedEvaluator, PluginSet, Read, Reply
    from pvcheck.host.devices import Choice
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.options import Options
    from pvcheck.plugin import Evaluator, Measurement
    from pvcheck.writeback import Update

    Watch = Callable[[str], AbstractContextManager[Callable[[int, int], None] | None]]
    """Opened around each evaluation with the id of the falsifier; gives what is told the progress, if anything is."""


class Runner:
    """The resources of one run: plugins by settings, one pool of workers, digests of inputs."""

    def __init__(self, options: Options, watch: Watch | None = None) -> None:
        self.options = options
        self.watch: Watch = watch or (lambda _: nullcontext())
        self.digests = Digests()
        self.plugins: dict[object, PluginSet] = {}
        self.pool = Pool(Limits())

    @property
    def finds_inputs(self) -> bool:
        """Whether whoever measures finds an input by its digest."""
        return False

    def close(self) -> None:
        """Stop the workers."""
        self.pool.close()
        self.digests.close()

    def seconds(self, checked: Checked) -> float:
        """Return the time limit of an evaluation: as the command line says, else the settings."""
        return checked.config.timeout if self.options.timeout is None else self.options.timeout

    def plans(self, checked: Checked, falsifiers: Sequence[Falsifier]) -> tuple[Job | Blocked, ...]:
        """Return what to do about the chosen falsifiers of one contract."""
        contract = checked.contract
        if contract is None or not falsifiers:
            return ()
        ground = Ground(checked.config, self._plugins(checked.config), self.options.inputs, self.finds_inputs)
        return tuple(plan(each, contract, checked.path, ground) for each in falsifiers)

    def start_digests(self, plans: Iterable[Job | Blocked]) -> None:
        """Start hashing the inputs of jobs."""
        for job in plans:
            if isinstance(job, Job):
                for name in job.inputs:
                    self._digest(job, name)

    def _digest(self, job: Job, name: str) -> Future[str] | None:
        """Return the digest of a whole input to come, or None where nobody needs it."""
        return self.digests.start(job.inputs[name], declared=job.declared[name].sha256 is not None)

    def _plugins(self, settings: Config) -> PluginSet:
        """Return the plugins that settings leave, found once."""
        key = (settings.disabled, tuple(sorted(settings.chosen.items())))
        if key not in self.plugins:
            self.plugins[key] = discover(disabled=settings.disabled, choose=settings.chosen)
        return self.plugins[key]

    def _result(self, job: Job | Blocked, contract: Contract, checked: Checked) -> Result:
        """Make one evaluation and judge it."""
        if isinstance(job, Blocked):
            return Result(falsifier=job.falsifier, outcome=job.outcome, reason=job.reason, exit_code=job.exit_code)
        begun = datetime.now(UTC)
        request = self._request(job, str(checked.config.root))
        with self.watch(job.falsifier.id or "") as on_progress:
            reply = self.pool.evaluate(request, seconds=self.seconds(checked), on_progress=on_progress)
        return self._replied(job, contract, checked, reply, begun)

    def _replied(self, job: Job, contract: Contract, checked: Checked, reply: Reply, begun: datetime) -> Result:
        """Return what a reply comes to."""
        if isinstance(reply, Measured):
            return replace(self._judged(job, contract, reply, begun), since=_since(job, checked.path))
        outcome, reason, exit_code = without_numbers(reply)
        if isinstance(reply, Unmeasured) and reply.missing and job.declared[reply.missing].optional:
            exit_code = 0  # as where an optional input is missing here
        return Result(falsifier=job.falsifier, outcome=outcome, reason=reason, exit_code=exit_code)

    def _request(self, job: Job, root: str) -> Request:
        """Return what to ask of a worker."""
        return Request(
            offered=job.offered,
            parameters=dict(job.falsifier.parameters),
            inputs={name: str(place.resolve()) for name, place in job.inputs.items()},
            formats={name: each.format for name, each in job.declared.items()},
            device=self.options.device,
            seed=self.options.seed,
            threads=self.options.threads,
            root=root,
        )

    def _judged(self, job: Job, contract: Contract, reply: Measured, begun: datetime) -> Result:
        """Guard and judge a measurement, and make its record."""
        falsifier, measurement = job.falsifier, reply.measurement
        specs = {spec.name: spec for spec in job.offered.evaluator.metrics}
        metrics = {name: Metric(specs[name].type, value) for name, value in measurement.metrics.items()}
        verdict = guards.judge(measurement, metrics, falsifier, job.conditioning)
        inputs = {name: self._input(job, name, read) for name, read in reply.reads.items()}
        record = Record(
            contract=contract.id or "",
            falsifier=falsifier.id or "",
            claim=claim(falsifier, contract),
            outcome=verdict.outcome,
            metrics=metrics,
            judged=verdict.judged,
            details=details(measurement, job.offered.evaluator),
            guards=[each.json() for each in verdict.guarded],
            inputs=inputs,
            made_by=made_by(job.offered, measurement, self.options, reply.choice) | _processor(reply),
            made_at={
                "started": begun.isoformat(timespec="seconds"),
                "seconds": round(reply.seconds, 3),
                "host": reply.where.get("host", platform.node()),
            },
        )
        return Result(
            falsifier=falsifier,
            outcome=verdict.outcome,
            reason=verdict.reason,
            exit_code=exit_of(verdict.outcome, falsifier.status),
            seconds=reply.seconds,
            measurement=measurement,
            specs=specs,
            guarded=verdict.guarded,
            leaning=verdict.leaning,
            judged=verdict.judged,
            record=record,
            choice=reply.choice,
            withheld=_withheld(contract, inputs),
        )

    def _input(self, job: Job, name: str, read: Read) -> dict[str, JSON]:
        """Return what a record keeps of an input: digests, size, and the ranges that were read."""
        whole = None if read.sha256 else self._digest(job, name)
        sha256 = read.sha256 if whole is None else whole.result()
        return {
            **({} if sha256 is None else {"sha256": sha256}),
            "read_sha256": read.read_sha256,
            "ranges": [list(each) for each in read.ranges],
            "size": read.size,
        }


def without_numbers(reply: Unmeasured | Failed | TimedOut) -> tuple[Outcome, str, int]:
    """Return outcome, reason and exit status of a reply that holds no measurement."""
    if isinstance(reply, Unmeasured):
        return Outcome.NOT_MEASURED, reply.reason, 3
    if isinstance(reply, TimedOut):
        return Outcome.TIMEOUT, f"no answer within {reply.seconds:g} s", 3
    return Outcome.ERROR, reply.reason, 3


def _since(job: Job, contract: Path) -> str:
    """Return what is another evaluator than the one that made the evidence in place, or nothing."""
    old, evaluator = sound(job.falsifier, contract), job.offered.evaluator
    then = "" if old is None else str(old.made_by.get("evaluator_version", ""))
    if old is None or old.claim["evaluator"] != evaluator.name or then in {"", evaluator.version}:
        return ""
    return f"the evidence was made by {evaluator.name} {escaped(then)}; this is {escaped(evaluator.version)}"


def _withheld(contract: Contract, inputs: Mapping[str, dict[str, JSON]]) -> str:
    """Return why a verdict over these inputs may promote nothing, or nothing."""
    for name, found in inputs.items():
        declared = contract.inputs[name].sha256
        if declared is not None and found["sha256"] != declared:
            return f"input {name} is not the declared file: its sha256 is {found['sha256']}"
    return ""


def details(measurement: Measurement, evaluator: Evaluator) -> JSON:
    """Return what a record keeps of a measurement beside its metrics."""
    told = wire.to_json(measurement, evaluator.metrics)
    beside = {key: value for key, value in told.items() if key not in {"metrics", "libraries", "backend"}}
    return {key: value for key, value in beside.items() if key != "claims" or value}  # older records have no claims


def made_by(offered: OfferedEvaluator, measurement: Measurement, options: Options, choice: Choice) -> dict[str, JSON]:
    """Return who measured: evaluator, versions, processor, device. It is in no comparison."""
    return {
        "evaluator": offered.evaluator.name,
        "evaluator_version": offered.evaluator.version,
        "plugin": offered.plugin,
        "distribution": offered.distribution,
        "distribution_version": offered.version,
        "api": ".".join(map(str, API_VERSION)),
        "backend": measurement.backend,
        "device": choice.told or choice.device,
        "seed": options.seed,
        "processor": machine.processor(),
        "libraries": {"pvcheck": __version__, "python": platform.python_version(), **measurement.libraries},
    }


def _processor(reply: Measured) -> dict[str, JSON]:
    """Return the processor of another machine, if that is where it was measured."""
    return {"processor": reply.where["processor"]} if reply.where else {}


def concluded(checked: Checked, results: tuple[Result, ...], mode: Mode) -> FileResult:
    """Decide what results change in a contract, write it where that was asked for, and tell what the guards say."""
    return guarding.with_findings(_concluded(checked, results, mode))


def _concluded(checked: Checked, results: tuple[Result, ...], mode: Mode) -> FileResult:
    """Decide what results change in a contract, and write it where that was asked for."""
    contract, document = checked.contract, checked.document
    if contract is None or document is None:
        return FileResult(checked=checked, results=results, findings=checked.findings)
    records = [each.promoting for each in results if each.promoting is not None]
    update = writeback.decide(contract, checked.path, records)
    same = FileResult(checked=checked, results=results, update=update, findings=checked.findings)
    if update.is_empty or mode is Mode.REPORT:
        return same
    try:
        after = writeback.edited(document, contract, update, datetime.now(UTC).date().isoformat())
        if mode is Mode.WRITE:
            writeback.write(checked.path, document, after, update)
    except PvError as error:
        return replace(same, findings=(*checked.findings, *error.findings))
    result = replace(same, before=document.text, after=after.text)
    if mode is Mode.CHECK:
        return replace(result, findings=(*checked.findings, *_would_change(checked, update)))
    if mode is Mode.WRITE:
        again = checking.check(checked.path, {}).for_run()
        return replace(result, written=True, findings=again.findings)
    return result


def _would_change(checked: Checked, update: Update) -> Iterator[Finding]:
    """Yield a finding for each thing that a write would change."""
    for each in (*update.moves, *update.renewals):
        if checked.document is not None:
            message = (
                f"{quoted(each.id)} would move from {each.before} to {each.after}"
                if each in update.moves
                else f"{quoted(each.id)} was measured again and differs from its evidence"
            )
            yield checked.document.finding("PV415", message, each.route, hint="pv run --write records it")
