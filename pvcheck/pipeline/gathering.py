"""Gathering what a page tells of contracts: how each falsifier stands, its record judged again, its challenge.

Nothing is measured and no plugin is loaded: labels are those of records, units those of the catalogue.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import guards
from pvcheck.domain.claim import claim
from pvcheck.domain.status import EARNED, Status
from pvcheck.errors import Severity
from pvcheck.evidence import details
from pvcheck.evidence.record import RecordError
from pvcheck.loading import catalogue
from pvcheck.pipeline import checking
from pvcheck.pipeline.standing import Teller, sound
from pvcheck.rules import challenged as challenges
from pvcheck.rules import earned
from pvcheck.text import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract, Expectation, Falsifier
    from pvcheck.domain.metric import MetricSpec
    from pvcheck.domain.teeth import Challenged
    from pvcheck.errors import Finding
    from pvcheck.evidence.challenge import ChallengeRecord
    from pvcheck.evidence.details import Reported
    from pvcheck.evidence.record import Metric, Record
    from pvcheck.guards import Verdict
    from pvcheck.loading.catalogue import Entry
    from pvcheck.pipeline.checking import Checked
    from pvcheck.text import Document

NO_SPECS: Mapping[str, MetricSpec] = MappingProxyType({})


class Stand(StrEnum):
    """How a falsifier stands today. The first two were earned, and their evidence supports them."""

    DISCHARGED = "discharged"
    FALSIFIED = "falsified"
    STALE = "stale"
    PENDING = "pending"
    UNBOUND = "unbound"
    CLAIMED = "claimed"


class Judged(NamedTuple):
    """One bound of today on the recorded number."""

    expectation: Expectation
    metric: Metric | None
    held: bool
    margin: float | None


class Evidence(NamedTuple):
    """The record behind a status. ``reported`` is None where its details cannot be read, ``verdict`` then too."""

    record: Record
    reported: Reported | None
    verdict: Verdict | None
    """What bounds, guards and settings of today say of it."""
    judged: tuple[Judged, ...]


class Case(NamedTuple):
    """One falsifier: what it says, how it stands and why, and what it rests on."""

    falsifier: Falsifier
    stand: Stand
    prose: Mapping[str, str]
    parameters: Mapping[str, JSON]
    """As the claim holds them, numbers as binary64."""
    spelled: tuple[str, ...]
    """Each bound as the contract writes it."""
    reasons: tuple[Finding, ...] = ()
    evidence: Evidence | None = None
    specs: Mapping[str, MetricSpec] = NO_SPECS


class Challenge(NamedTuple):
    """What the record of a challenge says under today's bounds, or why it says nothing of them."""

    record: ChallengeRecord
    challenged: tuple[Challenged, ...]
    outdated: tuple[Finding, ...]


class Gathered(NamedTuple):
    """One contract with everything that a page tells of it."""

    checked: Checked
    cases: tuple[Case, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What is wrong and about no falsifier."""
    challenge: Challenge | None = None

    @property
    def contract(self) -> Contract | None:
        """The contract, where it can be read."""
        return self.checked.contract

    @property
    def is_sound(self) -> bool:
        """Whether the words of the contract about itself may look earned: strict, no error, nothing stale."""
        contract = self.contract
        is_strict = contract is not None and contract.is_strict
        return is_strict and not self.checked.errors and not any(each.stand is Stand.STALE for each in self.cases)


def gather(paths: Iterable[Path]) -> tuple[Gathered, ...]:
    """Return everything about contracts, by path; one that cannot be read is there with its findings.

    :raises ConfigError: if settings or a catalogue cannot be understood.
    """
    gatherer = _Gatherer()
    checked = sorted(checking.check_all(paths), key=lambda each: str(each.path))
    return tuple(map(gatherer.gathered, checked))


class _Gatherer:
    """Reads the catalogue of a repository once."""

    def __init__(self) -> None:
        self._teller = Teller()
        self._catalogues: dict[Path, Mapping[str, Entry]] = {}

    def gathered(self, checked: Checked) -> Gathered:
        """Return one contract with what belongs to it."""
        contract, document = checked.contract, checked.document
        if contract is None or document is None:
            return Gathered(checked, findings=checked.findings)
        unsupported = _unsupported(checked, contract, document)
        checked = checked._replace(stale=checked.stale | unsupported.keys())
        told = self._teller.standings(checked)
        entries = self._entries(checked) if contract.is_strict else {}
        cases = []
        for each in told.falsifiers:
            reasons = tuple(dict.fromkeys((*each.reasons, *unsupported.get(each.falsifier.id, ()))))
            entry = entries.get(each.falsifier.evaluator or "")
            cases.append(
                Case(
                    each.falsifier,
                    _stand(each.falsifier, contract, checked),
                    _prose(checked.instance, each.falsifier),
                    claim(each.falsifier, contract)["with"] if each.falsifier.is_bound else {},
                    tuple(_spelled(document, one) for one in each.falsifier.expectations),
                    reasons,
                    _evidence(each.falsifier, checked) if contract.is_strict else None,
                    entry.metrics if entry is not None else NO_SPECS,
                )
            )
        return Gathered(checked, tuple(cases), told.rest, _challenge(checked, contract, document))

    def _entries(self, checked: Checked) -> Mapping[str, Entry]:
        """Return the evaluators that the repository of a contract knows."""
        root = checked.config.root
        if root not in self._catalogues:
            self._catalogues[root] = catalogue.load(root)
        return self._catalogues[root]


def _stand(falsifier: Falsifier, contract: Contract, checked: Checked) -> Stand:
    """Return how a falsifier stands. A word that nothing measured is a claim, whatever it says."""
    if not contract.is_strict:
        return Stand.CLAIMED
    if not falsifier.is_bound:
        return Stand.UNBOUND
    if falsifier.status not in EARNED:
        return Stand.PENDING
    if falsifier.id in checked.stale:
        return Stand.STALE
    return Stand.DISCHARGED if falsifier.status == Status.DISCHARGED else Stand.FALSIFIED


def _unsupported(checked: Checked, contract: Contract, document: Document) -> dict[str | None, list[Finding]]:
    """Return why statuses are not supported, by falsifier, in a contract whose other errors kept anybody from asking.

    Validation asks the evidence of contracts that are sound otherwise. A page shows each status, so none may look
    earned because of an error elsewhere.
    """
    found: dict[str | None, list[Finding]] = {}
    if not contract.is_strict or all(each.code in checking.MENDED for each in checked.errors):
        return found
    settings = checked.config
    for falsifier in contract.falsifiers:
        case = earned.Case(falsifier, contract, document, checked.path, settings.root, settings.conditioning)
        for each in earned.falsifier_status(case):
            if each.severity is Severity.ERROR:
                found.setdefault(falsifier.id, []).append(each)
    return found


def _prose(instance: JSON, falsifier: Falsifier) -> Mapping[str, str]:
    """Return every text that a falsifier says of itself, by key, in the order of the file."""
    place = instance
    for step in falsifier.route:
        place = place[step]
    return {str(key): value for key, value in place.items() if isinstance(value, str)}


def _spelled(document: Document, expectation: Expectation) -> str:
    """Return a bound as its contract writes it."""
    node = document.get(expectation.route)
    return node.text if isinstance(node, Scalar) else expectation.bound.text


def _evidence(falsifier: Falsifier, checked: Checked) -> Evidence | None:
    """Return the record that a falsifier names, judged under bounds and guards of today."""
    if falsifier.status not in EARNED or (record := sound(falsifier, checked.path)) is None:
        return None
    judged = tuple(_judged(each, record.metrics.get(each.metric)) for each in falsifier.expectations)
    try:
        reported = details.reported(record)
    except RecordError:
        return Evidence(record, None, None, judged)
    verdict = guards.judge(reported, record.metrics, falsifier, checked.config.conditioning)
    return Evidence(record, reported, verdict, judged)


def _judged(expectation: Expectation, metric: Metric | None) -> Judged:
    """Judge one recorded number under one bound of today; one that was not reported is not accepted."""
    if metric is None:
        return Judged(expectation, None, held=False, margin=None)
    bound = expectation.bound
    return Judged(
        expectation, metric, bound.accepts(metric.value, metric.type), bound.margin(metric.value, metric.type)
    )


def _challenge(checked: Checked, contract: Contract, document: Document) -> Challenge | None:
    """Return the challenge that a contract names, where its record is sound; a finding tells where it is not."""
    if contract.challenge is None or contract.challenge.evidence is None:
        return None
    case = challenges.Case(contract, document, checked.path, checked.config.challenge)
    record, _ = challenges.loaded(case, contract.challenge.evidence)
    if record is None:
        return None
    outdated = tuple(challenges.changed(case, record))
    return Challenge(record, tuple(_fought(contract.falsifiers, record, document)), outdated)


def _fought(falsifiers: Sequence[Falsifier], record: ChallengeRecord, document: Document) -> Iterable[Challenged]:
    """Yield the falsifiers that a challenge has numbers of for every bound of today."""
    for each in falsifiers:
        entry = record.entry(each.id)
        if entry is not None and all(one.metric in entry.clean for one in each.expectations):
            yield challenges.under(each, entry, document)
