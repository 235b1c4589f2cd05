"""What a run found: one result a falsifier, and the exit status they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pvcheck.domain.status import Outcome, Status
from pvcheck.errors import worst
from pvcheck.evidence.record import DECIDED
from pvcheck.guards import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pvcheck.domain.contract import Falsifier
    from pvcheck.domain.metric import MetricSpec
    from pvcheck.errors import Finding
    from pvcheck.evidence.record import Judged, Record
    from pvcheck.guards import Guarded, Leaning
    from pvcheck.host.devices import Choice
    from pvcheck.pipeline.checking import Checked
    from pvcheck.plugin import Measurement
    from pvcheck.writeback import Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one evaluation came to. ``withheld`` says why a verdict promotes nothing."""

    falsifier: Falsifier
    outcome: Outcome
    reason: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    measurement: Measurement | None = None
    specs: Mapping[str, MetricSpec] | None = None
    guarded: tuple[Guarded, ...] = ()
    leaning: tuple[Leaning, ...] = ()
    judged: tuple[Judged, ...] = ()
    record: Record | None = None
    choice: Choice | None = None
    """The device that was measured on, and why on that one."""
    withheld: str = ""
    since: str = ""
    """What is another evaluator than the one that made the evidence in place, in words."""
    tries: int = 1
    """At which try it came to this."""
    repeated: int = 1
    """How often it was measured, to the same bits unless ``unlike`` names a metric."""
    unlike: str = ""
    took: float = 0.0
    """Seconds from the beginning of the evaluation to its end, on whatever machine."""

    @property
    def promoting(self) -> Record | None:
        """The record, if it can move a status."""
        return self.record if self.outcome in DECIDED and not self.withheld else None

    @property
    def verdict(self) -> Verdict:
        """What bounds and guards said of the measurement."""
        return Verdict(self.outcome, self.reason, self.judged, self.guarded, self.leaning)

    @property
    def is_regression(self) -> bool:
        """Whether a claim that was discharged is refuted."""
        return self.outcome is Outcome.REFUTED and self.falsifier.status == Status.DISCHARGED


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What a run did to one contract. ``after`` is its text after the update, written or not."""

    checked: Checked
    results: tuple[Result, ...] = ()
    update: Update | None = None
    before: str = ""
    after: str = ""
    written: bool = False
    findings: tuple[Finding, ...] = ()
    not_run: int = 0
    """How many falsifiers were selected and left out, since another ended the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run came to."""

    files: tuple[FileResult, ...]
    exit_code: int

    @property
    def records(self) -> tuple[Record, ...]:
        """The records that can move a status, in the order of the files."""
        found = (each.promoting for file in self.files for each in file.results)
        return tuple(record for record in found if record is not None)


class Interrupted(KeyboardInterrupt):
    """The user ended a run.

    ``files`` has what was found until then: contracts that were concluded, then those that were not, with the results
    that they have. ``total`` is how many falsifiers were to be measured.
    """

    def __init__(self, files: tuple[FileResult, ...], total: int) -> None:
        super().__init__()
        self.files = files
        self.total = total


def exit_of(outcome: Outcome, status: str | None) -> int:
    """Return what an outcome asks for: a refutation that the contract already admits asks for nothing."""
    if outcome is Outcome.REFUTED:
        return 0 if status == Status.FALSIFIED else 1
    return 0 if outcome in {Outcome.HELD, Outcome.NOT_MEASURED} else 3


def exit_of_run(files: Sequence[FileResult], *, allow_unmeasured: bool) -> int:
    """Return the exit status of a run: its worst part, or 4 where nothing was measured at all."""
    codes = [each.exit_code for file in files for each in file.findings if each.severity == "error"]
    results = [each for file in files for each in file.results]
    codes += [each.exit_code for each in results]
    if all(each.outcome is Outcome.NOT_MEASURED for each in results) and not allow_unmeasured:
        codes.append(4)
    return worst(codes)
