"""Guards: what a measurement may not hide. The evaluator reports, the guards look, nobody has to ask.

| guard        | looks for                                                     | effect                           |
| ------------ | ------------------------------------------------------------- | -------------------------------- |
| finite       | a NaN or an infinity in a metric                              | invalid                          |
| population   | two sides that differ in count, shape or selection            | invalid                          |
| conditioning | a relative error whose denominator cancels                    | a mark; leaning on it is invalid |
| carry        | a chain in which a change at one step does not reach the next | warning                          |
| baseline     | a claimed ratio that only other ends of the series have       | warning                          |
| vacuity      | nothing measured, everything skipped, nothing expected        | not measured                     |

A measurement that was just made and one that a record keeps are looked at by the same code.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import baselines
from pvcheck.domain.baselines import Claim
from pvcheck.domain.leaning import leans
from pvcheck.domain.status import Outcome
from pvcheck.errors import escaped
from pvcheck.evidence import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Expectation, Falsifier
    from pvcheck.evidence.details import Reported
    from pvcheck.evidence.record import Judged, Metric
    from pvcheck.plugin import Measurement

    Told = Measurement | Reported

ILL_CONDITIONED = 1000.0
"""Condition numbers above this cost three of the seven digits that an f32 has; ``pv.toml`` may say otherwise."""

CARRIED = 0.1
"""A step that takes over less than a tenth of a relative change starts anew: two steps on, a hundredth is left of it.

In f32 less could not be told from rounding. A change of 2**-10 that goes through a sum with a condition number of 1000
comes out with an error of 2**-24 * 1000 / 2**-10, which is 0.06 of it.
"""

COINCIDENCE = 0.5
"""Fitting pairs that chance would give. Where it is more, a pair that fits is more likely than not nobody's ratio."""

MAX_MESSAGE = 1500
"""Characters of what one guard says."""

SHOWN = 4
"""Places, pairs and transitions that one message names."""


class Guarded(NamedTuple):
    """What one guard says of one metric, or of several. ``invalid`` ends the evaluation without a verdict.

    ``metric`` has the names of several with ", " between them; ``positions`` are those of a series that are marked.
    """

    code: str
    guard: str
    metric: str
    message: str
    invalid: bool
    positions: tuple[int, ...] = ()

    def json(self) -> JSON:
        """Return the form that evidence keeps. What leans on it and who accepts it is for each day to say."""
        return {"code": self.code, "guard": self.guard, "metric": self.metric, "message": self.message}


class Leaning(NamedTuple):
    """One bound whose verdict would be another one if marked numbers were others."""

    expectation: Expectation
    message: str


class Verdict(NamedTuple):
    """What a measurement comes to under bounds and guards."""

    outcome: Outcome
    reason: str
    judged: tuple[Judged, ...]
    guarded: tuple[Guarded, ...]
    leaning: tuple[Leaning, ...]


def judge(told: Told, metrics: Mapping[str, Metric], falsifier: Falsifier, limit: float = ILL_CONDITIONED) -> Verdict:
    """Judge a measurement under the bounds and the accepted guards of a falsifier.

    A bound that leans on marked numbers decides nothing; one that does not and refuses, refutes all the same.

    :param limit: condition numbers above this mark a number.
    """
    expected = falsifier.expectations
    guarded = examine(told, limit, expected)
    judged, outcome = record.judge(metrics, [(each.metric, each.bound) for each in expected])
    leaning = tuple(_leaning(told, metrics, expected, limit))
    stop = next((each for each in guarded if each.invalid), None)
    empty = next((each for each in guarded if each.guard == "vacuity"), None)
    if empty is not None and not (stop is not None and stop.guard == "population"):
        return Verdict(Outcome.NOT_MEASURED, f"{empty.guard}: {empty.message}", (), guarded, leaning)
    if stop is not None:
        return Verdict(Outcome.INVALID, f"{stop.guard}: {stop.message}", (), guarded, leaning)
    undecided = {each.expectation for each in leaning}
    if undecided and "conditioning" not in falsifier.accept:
        told_no = any(not each.held for each, of in zip(judged, expected, strict=True) if of not in undecided)
        if not told_no:
            reason = f"conditioning: {leaning[0].message}"
            return Verdict(Outcome.INVALID, reason, (), guarded, leaning)
    return Verdict(outcome, "", judged, guarded, leaning)


def examine(
    told: Told, limit: float = ILL_CONDITIONED, expected: Sequence[Expectation] | None = None
) -> tuple[Guarded, ...]:
    """Return what the guards say of a measurement.

    :param limit: condition numbers above this mark a number.
    :param expected: the bounds it will be judged under; None where nobody judges it.
    """
    found = (
        *_finite(told),
        *_population(told),
        *_conditioning(told, limit),
        *_carry(told),
        *_baseline(told, expected or ()),
        *_vacuity(told, expected),
    )
    # A record of strangers may call a metric anything.
    return tuple(each._replace(message=escaped(each.message, MAX_MESSAGE)) for each in found)


def _finite(told: Told) -> Iterator[Guarded]:
    """Refuse metrics that are not finite, and name the first place."""
    for name, value in told.metrics.items():
        series = value if isinstance(value, tuple) else (value,)
        bad = [index for index, each in enumerate(series) if not math.isfinite(each)]
        if bad:
            where = f", first at {_label(told, bad[0])}" if isinstance(value, tuple) else ""
            message = f"{name} has {len(bad)} of {len(series)} numbers that are not finite{where}"
            yield Guarded("PV601", "finite", name, message, invalid=True)


def _population(told: Told) -> Iterator[Guarded]:
    """Refuse comparisons of unlike populations."""
    for each in told.comparisons:
        left, right = each.left, each.right
        differences = [
            f"{what}: {escaped(str(one))} against {escaped(str(other))}"
            for what, one, other in (
                ("count", left.count, right.count),
                ("shape", left.shape, right.shape),
                ("selection", left.selection, right.selection),
            )
            if one != other
        ]
        if left.non_finite != right.non_finite and _looks_finite(told, each.metrics):
            differences.append(
                f"what was left out of finite numbers: {left.non_finite} against {right.non_finite} not finite"
            )
        for what in differences:
            message = f"the two sides differ in {what}"
            yield Guarded("PV602", "population", ", ".join(each.metrics), message, invalid=True)


def _looks_finite(told: Told, names: Sequence[str]) -> bool:
    """Say whether a comparison gives floats, all finite: then elements that are not cannot be in them.

    Counts and truth values are defined for such elements too, so a NaN on one side may well refute them.
    """
    values = [told.metrics.get(name, ()) for name in names]
    numbers = [each for value in values for each in (value if isinstance(value, tuple) else (value,))]
    floats = [each for each in numbers if isinstance(each, float)]
    return bool(floats) and all(map(math.isfinite, floats))


def _conditioning(told: Told, limit: float) -> Iterator[Guarded]:
    """Mark relative errors that divide by a sum that cancels; metrics of one sum are told together."""
    marked: dict[tuple[int | None, float, float], list[str]] = {}
    for each in told.conditions:
        if not each.number <= limit:
            marked.setdefault((each.position, each.number, each.backward_error), []).append(each.metric)
    for (position, number, backward_error), metrics in marked.items():
        where = "" if position is None else f" at {_label(told, position)}"
        verb = "divides" if len(metrics) == 1 else "divide"
        message = f"{', '.join(metrics)}{where} {verb} by a sum that cancels: {_condition(number, backward_error)}"
        positions = () if position is None else (position,)
        yield Guarded("PV603", "conditioning", ", ".join(metrics), message, invalid=False, positions=positions)


def _leaning(
    told: Told, metrics: Mapping[str, Metric], expected: Sequence[Expectation], limit: float
) -> Iterator[Leaning]:
    """Yield each bound that leans on marked numbers."""
    for each in expected:
        own = [mark for mark in told.conditions if mark.metric == each.metric]
        marks = {mark.position or 0: mark for mark in own if not mark.number <= limit}
        metric = metrics.get(each.metric)
        if metric is None or not leans(each.bound, metric.value, metric.type, marks):
            continue
        places = [
            ("a sum that cancels" if mark.position is None else _label(told, mark.position))
            + f" ({_condition(mark.number, mark.backward_error)})"
            for mark in marks.values()
        ]
        yield Leaning(each, f"the bound {each.bound.text} of {each.metric} leans on {_some(places)}")


def _condition(number: float, backward_error: float) -> str:
    """Return how a sum is conditioned, and the error that the cancellation does not inflate."""
    return f"condition number {number:.4g}, backward error {backward_error:.2g}"


def _carry(told: Told) -> Iterator[Guarded]:
    """Tell of a chain whose steps start anew: what is called growth along it then adds nothing up."""
    broken = [each for each in told.links if not abs(each.carry) >= CARRIED]
    if not broken:
        return
    kept = [each for each in told.links if abs(each.carry) >= CARRIED]
    few = kept if len(kept) < len(broken) else broken
    named = _some([escaped(each.label) for each in few])
    where = "" if not few else f" ({'all but ' if few is kept else ''}{named})"
    grown = [each.metric for each in told.ratios]
    so = f", so {_some(grown)} {'is' if len(grown) == 1 else 'are'} not cumulative" if grown else ""
    count = f"{len(broken)} of {len(told.links)} transitions"
    message = f"less than {CARRIED * 100:g} % of a change at one step reaches the next at {count}{where}{so}"
    yield Guarded("PV604", "carry", ", ".join(grown), message, invalid=False)


def _baseline(told: Told, expected: Sequence[Expectation]) -> Iterator[Guarded]:
    """Tell of a claimed ratio that the ends of its metric do not give, and other ends of the series do."""
    ends = {each.metric: each for each in told.ratios}
    for name, claim in _claims(told, expected):
        ratio, measured = ends.get(name), told.metrics.get(name)
        if ratio is None or not isinstance(measured, float) or claim.fits(measured):
            continue
        series = _series_with(told, ratio.numerator_value, ratio.denominator_value)
        fits = baselines.pairs(series, claim)
        if fits.pairs and fits.by_chance < COINCIDENCE:
            pairs = [
                f"{_label(told, top)} over {_label(told, bottom)} ({value:.6g})" for top, bottom, value in fits.pairs
            ]
            own = f"{escaped(ratio.numerator)} over {escaped(ratio.denominator)} ({measured:.6g})"
            odds = f"{len(pairs)} of {fits.total} pairs, where chance would give {fits.by_chance:.2g}"
            message = f"the claimed {claim} fits {_some(pairs)}, and not {name}, which is {own}: {odds}"
            yield Guarded("PV605", "baseline", name, message, invalid=False)


def _claims(told: Told, expected: Sequence[Expectation]) -> Iterator[tuple[str, Claim]]:
    """Yield the ratios that are claimed, with the metric each is claimed for: by the evaluator, and by bounds."""
    seen = set()
    for each in told.claims:
        reach = abs(each.tolerance * each.value)
        seen.add((each.metric, each.value))
        yield each.metric, Claim(each.value, each.value - reach, each.value + reach)
    for bounded in expected:
        claim = baselines.of_bound(bounded.bound.test)
        if claim is not None and (bounded.metric, claim.number) not in seen:
            yield bounded.metric, claim


def _series_with(told: Told, *ends: float) -> tuple[float, ...]:
    """Return the first labelled series that has both ends of a ratio among its numbers, or nothing."""
    for value in told.metrics.values():
        if isinstance(value, tuple) and len(value) == len(told.labels) and all(end in value for end in ends):
            return value
    return ()


def _vacuity(told: Told, expected: Sequence[Expectation] | None) -> Iterator[Guarded]:
    """Refuse to call anything held where there is nothing that could have been refuted."""
    values = [value if isinstance(value, tuple) else (value,) for value in told.metrics.values()]
    empty = [each for each in told.comparisons if each.left.count == each.right.count == 0]
    if not told.metrics:
        what = "no metric was measured"
    elif told.skipped and not any(map(any, values)):
        what = f"all is zero or empty; left out: {_some([escaped(each.what) for each in told.skipped])}"
    elif empty:
        what = f"the comparison of {', '.join(empty[0].metrics)} has no element on either side"
    elif told.metrics.get("elements") == 0:
        what = "elements is 0"
    elif expected is not None and not expected:
        what = "nothing is expected, so nothing could be refuted"
    else:
        return
    yield Guarded("PV606", "vacuity", ", ".join(empty[0].metrics) if empty else "", what, invalid=False)


def _label(told: Told, position: int) -> str:
    """Return the name of a position of a series."""
    known = position < len(told.labels)
    return escaped(told.labels[position]) if known else f"position {position}"


def _some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
