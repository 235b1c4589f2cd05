"""Words and numbers of the page: how a standing, a status, a metric and a margin are written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pvcheck.domain import numbers
from pvcheck.domain.bounds import Bits
from pvcheck.domain.metric import MetricType, bits
from pvcheck.pipeline.gathering import Stand
from pvcheck.report.html.escape import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.metric import MetricSpec, Number, Value
    from pvcheck.pipeline.gathering import Case, Gathered, Judged

MEANINGS: Final[Mapping[str, str]] = {
    "discharged": "earned: the evidence held, and supports the claim of today",
    "falsified": "earned: the evidence refutes the claim",
    "stale": "the status is not supported by its evidence today",
    "pending": "not measured yet, or not decided",
    "unbound": "no evaluator is named, so nothing can measure it",
    "claimed": "the file has no metadata.schema: it says so, and nothing measured it",
}
SHORT: Final = 6
"""Numbers of a series that a cell shows."""


def chip(kind: str, word: str = "") -> str:
    """Return a standing as a word; the sheet puts a sign before it, so that none is told by its colour alone."""
    return f'<b class="k {kind[0]}">{word or kind}</b>'


def standing(case: Case) -> str:
    """Return how a falsifier stands; a word that is not earned is quoted, and says why beside it."""
    word = told(case.falsifier.status or "", 40)
    if case.stand in {Stand.STALE, Stand.CLAIMED}:
        said = f"{case.stand}: “{word}”" if word else str(case.stand)
        return chip(case.stand, said)
    if case.stand is Stand.UNBOUND and word:
        return chip(case.stand, f"unbound, {word.lower()}")
    if case.stand is Stand.PENDING and word:
        return chip(case.stand, word.lower())
    return chip(case.stand)


def status(gathered: Gathered) -> str:
    """Return the word of a contract about itself: DISCHARGED looks earned only where nothing speaks against it."""
    contract = gathered.contract
    if contract is None:
        return chip("stale", "cannot be read")
    word = told(contract.status or "", 40)
    if not contract.is_strict:
        return chip("claimed", f"claimed: “{word}”" if word else "claimed")
    if word in {"DISCHARGED", "FALSIFIED"}:
        return chip(word.lower()) if gathered.is_sound else chip("stale", f"not supported: “{word}”")
    return f"<span class=w>{word.lower() or '-'}</span>"


def number(value: Number, kind: MetricType) -> str:
    """Return a number at six digits; what is not finite is said in words."""
    if isinstance(value, bool):
        return str(value).lower()
    if kind is MetricType.INT:
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    return f"{value:.6g}"


def exact(value: Number, kind: MetricType) -> str:
    """Return the shortest decimal that reads back as the number, and its bits where it has a pattern."""
    if kind not in numbers.FLOATS or isinstance(value, bool) or not math.isfinite(value):
        return number(value, kind)
    return f"{numbers.decimal(float(value), kind)} ({bits(value, kind)})"


def measured(value: Value, kind: MetricType) -> str:
    """Return the value of a metric for one cell: a series by its first numbers and its length."""
    if not isinstance(value, tuple):
        return number(value, kind)
    first = ", ".join(number(each, kind) for each in value[:SHORT])
    return f"{first}, … ({len(value)})" if len(value) > SHORT else f"{first} ({len(value)})"


def looked_at(judged: Judged) -> str:
    """Return the part of a measured value that a bound is about: one item, a range, a pattern of bits."""
    metric, bound = judged.metric, judged.expectation.bound
    if metric is None:
        return "not reported"
    value, kind = metric.value, metric.type
    if bound.over == "item" and isinstance(value, tuple):
        value = value[bound.item] if bound.item < len(value) else ()
    if isinstance(value, tuple):
        return _range(value, kind)
    return exact(value, kind) if isinstance(bound.test, Bits) else number(value, kind)


def _range(series: tuple[Number, ...], kind: MetricType) -> str:
    """Return the ends of a series, how many numbers it has, and how many of them are not finite."""
    finite = [each for each in series if math.isfinite(each)]
    odd = f", {len(series) - len(finite)} not finite" if len(finite) < len(series) else ""
    ends = f"{number(min(finite), kind)} to {number(max(finite), kind)} " if finite else ""
    return f"{ends}({len(series)}{odd})"


def margin(value: float | None) -> str:
    """Return what is left to a bound, with its sign; a dash where a bound has no size."""
    return "-" if value is None or math.isnan(value) else number(value, MetricType.F64)


def unit(name: str, specs: Mapping[str, MetricSpec]) -> str:
    """Return the unit of a metric, or nothing where it is a plain ratio or unknown."""
    spec = specs.get(name)
    return "" if spec is None or spec.unit == "1" else told(spec.unit, 40)


def axis(name: str, specs: Mapping[str, MetricSpec]) -> str:
    """Return the title of an axis: the metric and its unit, 1 for a plain ratio."""
    return f"{told(name, 40)} [{unit(name, specs) or '1'}]"
