"""Measurements that are made several times: they come to one result, and all metrics must have the same bits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pvcheck.domain.status import Outcome
from pvcheck.domain.teeth import same
from pvcheck.errors import Finding, quoted
from pvcheck.text import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.pipeline.results import FileResult, Result

HINT = "the evaluator draws numbers, races, or reads what changes: mend that, or measure with other parameters"


def combined(results: Sequence[Result]) -> Result:
    """Return what several measurements of one falsifier come to: held if all are, and all have the same bits."""
    first = results[0]
    if len(results) == 1:
        return first
    tries, took = max(each.tries for each in results), sum(each.took for each in results)
    for place, each in enumerate(results, 1):
        if each.measurement is None:
            reason = f"measurement {place} of {len(results)}: {each.reason}"
            return replace(each, reason=reason, tries=tries, took=took, repeated=len(results))
    unlike = next(_unlike(first, results[1:]), "")
    worst = next((each for each in results if each.outcome is not Outcome.HELD), first)
    if unlike:
        reason = f"measured {len(results)} times, and {unlike}"
        worst = replace(worst, outcome=Outcome.INVALID, reason=reason, exit_code=1)
    return replace(worst, tries=tries, took=took, repeated=len(results), unlike=unlike)


def _unlike(first: Result, others: Sequence[Result]) -> Iterator[str]:
    """Yield each metric that is not the same to the bit in all measurements, in words."""
    for place, each in enumerate(others, 2):
        before = {} if first.record is None else first.record.metrics
        after = {} if each.record is None else each.record.metrics
        for name in sorted(before.keys() | after.keys()):
            one, other = before.get(name), after.get(name)
            if one is None or other is None:
                yield f"{quoted(name)} is not in each of them"
            elif not same(one.value, other.value, one.type):
                yield f"{quoted(name)} differs: {_shown(one.value, other.value)} in measurement 1 and {place}"


def _shown(one: object, other: object) -> str:
    """Return two values, of series the first numbers that differ."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        if len(one) != len(other):
            return f"{len(one)} and {len(other)} numbers"
        at = next(index for index, (a, b) in enumerate(zip(one, other, strict=True)) if repr(a) != repr(b))
        return f"[{at}] {one[at]!r} and {other[at]!r}"
    return f"{one!r} and {other!r}"


def with_findings(file: FileResult) -> FileResult:
    """Return a result with a finding at each falsifier whose measurements are not the same to the bit."""
    document = file.checked.document
    unlike = [each for each in file.results if each.unlike]
    if document is None or not unlike:
        return file
    if file.written:
        document = Document.parse(file.after.encode(), document.path)
    found: list[Finding] = []
    for each in unlike:
        message = f"{quoted(each.falsifier.id or '')} was measured {each.repeated} times, and {each.unlike}"
        found.append(document.finding("PV417", message, (*each.falsifier.route, "id"), hint=HINT))
    return replace(file, findings=(*file.findings, *found))
