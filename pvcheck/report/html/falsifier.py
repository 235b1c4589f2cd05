"""One falsifier: its claim, how it stands and why, its bounds with numbers and margins, guards, plots, evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.domain.status import Outcome
from pvcheck.pipeline.gathering import Stand
from pvcheck.report.html import evidence, findings, series, words
from pvcheck.report.html.escape import told
from pvcheck.report.tally import count
from pvcheck.rules.earned import shown_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.pipeline.gathering import Case, Evidence, Judged
    from pvcheck.report.html.detail import Detail
    from pvcheck.report.html.evidence import Setups

PROSE: Final = ("rule", "claim", "description", "prediction", "if_fails", "recorded", "test", "threshold")
"""What falsifiers say of themselves, in the order in which it is told. Other keys are for other programs."""
LONG: Final = 300
"""Characters of a parameter."""
SAID: Final = 4
"""Sentences of one guard; a chain of a thousand layers may have as many."""


def section(case: Case, anchor: str, setups: Setups, detail: Detail, limit: float) -> str:
    """Return the part of one falsifier.

    :param limit: condition numbers above this mark a number.
    """
    name = told(case.falsifier.id or "without an id")
    parts = [
        f"<article id={anchor}><h3><bdi>{name}</bdi> {words.standing(case)}</h3>",
        _prose(case, detail),
        findings.items(case.reasons),
        _verdict(case),
        _bounds(case),
        _guards(case, 1 if detail.brief else SAID),
    ]
    if detail.plots:
        parts.append(series.figures(case, limit))
    if detail.tables:
        parts += [series.table(case, limit), evidence.numbers(case)]
    parts += [evidence.section(case, setups, detail), "</article>"]
    return "".join(parts)


def _prose(case: Case, detail: Detail) -> str:
    """Return what the falsifier says of itself, and how its evaluator is asked."""
    if detail.brief:
        first = next((case.prose[key] for key in PROSE if case.prose.get(key)), "")
        return f"<p>{told(first, detail.prose)}" if first else ""
    rows = [
        f"<dt>{key.replace('_', ' ')}<dd>{told(case.prose[key], detail.prose)}" for key in PROSE if case.prose.get(key)
    ]
    if case.falsifier.evaluator is not None:
        rows.append(f"<dt>evaluator<dd><code>{told(case.falsifier.evaluator)}</code>")
    if case.parameters:
        named = ", ".join(f"{name}: {shown_parameter(each, LONG)}" for name, each in case.parameters.items())
        rows.append(f"<dt>with<dd><code>{told(named, detail.prose)}</code>")
    return f"<dl>{''.join(rows)}</dl>" if rows else ""


def _verdict(case: Case) -> str:
    """Return what keeps the numbers from being a verdict, where something does."""
    if case.stand is Stand.CLAIMED:
        return "<p class=o>Claimed: the file has no metadata.schema, and nothing was measured."
    found = case.evidence
    if found is None:
        return ""
    if found.verdict is None:
        return "<p class=o>What the record says of its measurement cannot be read, so no guard can look at it."
    if found.verdict.outcome in {Outcome.INVALID, Outcome.NOT_MEASURED}:
        reason = told(found.verdict.reason, 1000)
        return f"<p class=o>These numbers support no verdict. {reason}"
    if case.stand is Stand.STALE:
        return "<p class=o>The numbers below are recorded ones, and do not support the status of today."
    return ""


def _bounds(case: Case) -> str:
    """Return each bound with the number that it is put on and the margin."""
    expected = case.falsifier.expectations
    if not expected:
        return "" if not case.falsifier.is_bound else "<p>No bound: nothing could be refuted."
    head = "<th>metric<th>bound"
    if case.evidence is None:
        pairs = zip(expected, case.spelled, strict=True)
        rows = "".join(f"<tr><th>{_metric(each.metric, case)}<td>{told(text, 200)}" for each, text in pairs)
    else:
        head += "<th>measured<th>margin<th>today"
        pairs_of = zip(case.evidence.judged, case.spelled, strict=True)
        rows = "".join(_row(each, text, case) for each, text in pairs_of)
    return f"<table class=u><tr>{head}{rows}</table>{_recorded(case)}"


def _row(each: Judged, spelled: str, case: Case) -> str:
    """Return one bound on one recorded number."""
    name = _metric(each.expectation.metric, case)
    margin = words.margin(each.margin)
    return f"<tr><th>{name}<td>{told(spelled, 200)}<td>{words.looked_at(each)}<td>{margin}<td{_mark(each, case)}"


def _metric(name: str, case: Case) -> str:
    """Return a metric with its unit."""
    unit = words.unit(name, case.specs)
    return f"{told(name)} <span class=w>{unit}</span>" if unit else told(name)


def _mark(each: Judged, case: Case) -> str:
    """Return the end of a cell: whether a bound holds; where guards leave no verdict, that is said in its place."""
    verdict = case.evidence.verdict if case.evidence else None
    if verdict is None or verdict.outcome in {Outcome.INVALID, Outcome.NOT_MEASURED}:
        return " class=st>no verdict"
    if not each.held:
        return " class=f>refuted"
    if any(one.expectation == each.expectation for one in verdict.leaning):
        return " class=st>held, leaning on marked numbers"
    return " class=st>held, stale" if case.stand is Stand.STALE else " class=d>held"


def _recorded(case: Case) -> str:
    """Return the bounds that the record was judged under, where they are others."""
    if case.evidence is None:
        return ""
    then = sorted((each.metric, each.bound) for each in case.evidence.record.judged)
    now = sorted((each.metric, each.bound.text) for each in case.falsifier.expectations)
    gone = [f"{told(metric)} {told(bound, 200)}" for metric, bound in then if (metric, bound) not in now]
    came = any(each not in then for each in now)
    if not gone:
        return "<p class=w>A bound of today was not there when the record was made." if came else ""
    return f"<p class=w>Judged under other bounds when it was made: {'; '.join(gone)}."


def _guards(case: Case, most: int) -> str:
    """Return what guards say today, in their words, and which of it the contract accepts with which reason."""
    accepted = dict(case.falsifier.accept)
    rows = [*_said(case.evidence, accepted, most)] if case.evidence is not None else []
    rows += [f"<li>{told(guard)} is accepted: “{told(reason, 500)}”" for guard, reason in accepted.items()]
    return f"<h4>Guards</h4><ul>{''.join(rows)}</ul>" if rows else ""


def _said(found: Evidence, accepted: dict[str, str], most: int) -> Iterator[str]:
    """Yield what each guard says; a reason that accepts it stands behind its last sentence."""
    verdict = found.verdict
    by_guard: dict[str, list[str]] = {}
    for each in verdict.guarded if verdict is not None else ():
        by_guard.setdefault(each.guard, []).append(f"{each.code} {each.message}")
    for leaning in verdict.leaning if verdict is not None else ():
        by_guard.setdefault("conditioning", []).append(leaning.message)
    for guard, messages in by_guard.items():
        more = f"<br>and {count(len(messages) - most, 'more sentence')}" if len(messages) > most else ""
        shown = "<br>".join(told(each, 1000) for each in messages[:most])
        reason = accepted.pop(guard, None)
        end = f"<br>accepted: “{told(reason, 500)}”" if reason is not None else ""
        yield f"<li><b>{told(guard)}</b> {shown}{more}{end}"
