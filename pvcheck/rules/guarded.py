"""Rules about guards: where in a contract a finding of theirs stands, what may be accepted, what records still show.

Nothing is run. What a record keeps of its measurement is looked at again, under today's bounds and today's ``accept``;
the findings that it lists are not believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck import guards
from pvcheck.domain.status import Outcome
from pvcheck.errors import Finding, Severity, quoted
from pvcheck.evidence import details
from pvcheck.evidence.record import RecordError
from pvcheck.text import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.domain.route import Route
    from pvcheck.evidence.record import Record
    from pvcheck.guards import Verdict
    from pvcheck.rules.earned import Case
    from pvcheck.text import Document

LEAST_WORDS = 3
"""Words of a reason. Fewer have always been "ok", "known" or "see above"."""

WAYS_OUT = {
    "finite": "look there for an overflow or a division by zero; a metric that has no meaning is to be left out",
    "population": "compute both sides over the same elements in the same order",
    "conditioning": "put the bound on the backward error, or write 'accept: {conditioning: why}' into this falsifier",
    "carry": "bound each step by itself, or write 'accept: {carry: why}' into this falsifier",
    "baseline": "claim the ratio of the ends that are meant, or write 'accept: {baseline: why}' into this falsifier",
    "vacuity": "give it something to measure and a bound on what it finds",
}
"""What to do about what each guard says."""

BACK = "or set the status back to PENDING and remove its evidence line"


def reasons(contract: Contract, document: Document) -> Iterator[Finding]:
    """Refuse to accept a guard without a reason that another person can judge."""
    for falsifier in contract.falsifiers:
        for guard, reason in falsifier.accept.items():
            if len(reason.split()) < LEAST_WORDS:
                message = f"a reason to accept {guard} must have at least {LEAST_WORDS} words, got {quoted(reason)}"
                hint = "say why the verdict can be trusted although the guard speaks"
                yield document.finding("PV611", message, (*falsifier.route, "accept", guard), hint=hint)


def of_run(falsifier: Falsifier, verdict: Verdict, document: Document) -> Iterator[Finding]:
    """Yield what the guards say of a measurement that was just made, at the bound it is about.

    What is accepted, and marks that no bound leans on, stand beside the falsifier only.
    """
    for each in verdict.guarded:
        if each.guard in falsifier.accept or each.guard == "conditioning":
            continue
        names = [name for name in each.metric.split(", ") if name]
        severity = Severity.ERROR if each.invalid else Severity.WARNING
        yield _finding(document, each.code, each.message, bound_on(falsifier, names), each.guard, severity)
    if "conditioning" not in falsifier.accept:
        # Where another bound refutes the claim, what leans changes nothing, and is worth knowing.
        severity = Severity.ERROR if verdict.outcome is Outcome.INVALID else Severity.WARNING
        for lean in verdict.leaning:
            yield _finding(document, "PV603", lean.message, lean.expectation.route, "conditioning", severity)
    yield from idle(falsifier, verdict, document)


def _finding(  # noqa: PLR0913, PLR0917 - it has the parts of a finding
    document: Document, code: str, message: str, route: Route, guard: str, severity: Severity
) -> Finding:
    """Return a finding about a bound; where nothing is measured, a status that stands keeps standing."""
    at_key = not isinstance(document.get(route), Scalar)
    hint = WAYS_OUT[guard]
    return document.finding(code, message, route, hint=hint, severity=severity, at_key=at_key, exit_code=3)


def bound_on(falsifier: Falsifier, names: Iterable[str]) -> Route:
    """Return the place of the first bound on one of some metrics, or of the evaluator where there is none."""
    wanted = set(names)
    found = next((each.route for each in falsifier.expectations if each.metric in wanted), None)
    return (*falsifier.route, "evaluator") if found is None else found


def check(case: Case, record: Record, limit: float) -> Iterator[Finding]:
    """Yield why the numbers of a record do not support a status today, although its bounds hold or refuse.

    A record whose details cannot be read supports nothing.
    """
    try:
        told = details.reported(record)
    except RecordError as error:
        hint = "set the status back to PENDING and remove its evidence line, or run pv run --write"
        yield case.finding("PV404", f"not a record: {error}", "evidence", hint=hint, exit_code=5)
        return
    falsifier = case.falsifier
    verdict = guards.judge(told, record.metrics, falsifier, limit)
    if verdict.outcome in {Outcome.INVALID, Outcome.NOT_MEASURED}:
        guard = verdict.reason.partition(":")[0]
        places = [lean.expectation.route for lean in verdict.leaning] if guard == "conditioning" else []
        names = [name for each in verdict.guarded if each.guard == guard for name in each.metric.split(", ")]
        route = [*places, bound_on(falsifier, names)][0]
        message = f"{falsifier.status}, but the record is no verdict under today's guards: {verdict.reason}"
        hint = f"{WAYS_OUT[guard]}; {BACK}"
        yield case.finding("PV610", message, *route[len(falsifier.route) :], hint=hint)
    yield from idle(falsifier, verdict, case.document)


def idle(falsifier: Falsifier, verdict: Verdict, document: Document) -> Iterator[Finding]:
    """Warn of each guard that is accepted although it says nothing: the reason is of another day, or a precaution."""
    speaking = {each.guard for each in verdict.guarded if each.guard != "conditioning"}
    speaking |= {"conditioning"} if verdict.leaning else set()
    for guard in falsifier.accept:
        if guard not in speaking:
            what = "no bound leans on a marked number" if guard == "conditioning" else f"the guard {guard} says nothing"
            message = f"accept: {guard} accepts what nobody found: {what}"
            hint = "remove it: what it would hide tomorrow has to be told first"
            route = (*falsifier.route, "accept", guard)
            yield document.finding("PV612", message, route, hint=hint, severity=Severity.WARNING, at_key=True)
