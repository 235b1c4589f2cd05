"""A first bound from one measurement, where somebody asked for it: what was measured, with a margin around it.

Nothing is known yet of the claim, so the bound is on both sides and says no more than "as today". It is told with the
number that it came from, here and in the contract, and is meant to be replaced by what the claim demands.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.errors import ConfigError, Finding, NotMeasuredError, quoted
from pvcheck.host import Failed, Measured, TimedOut
from pvcheck.loading import keys
from pvcheck.pipeline.measuring import Order, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pvcheck.domain.metric import MetricSpec, Number, Value
    from pvcheck.pipeline.claiming import Claim
    from pvcheck.pipeline.measuring import Taken

MARGIN = 0.1
"""How far a float may be from the measured one, relative to it; numbers that count and truth values may not at all."""


class Proposed(NamedTuple):
    """A bound on one metric, and the numbers it came from in words."""

    metric: str
    bound: str
    measured: str


def proposed(claim: Claim, metrics: Iterable[str], inputs: Mapping[str, Path], folder: Path) -> list[Proposed]:
    """Measure a claim once and return a bound for each of some metrics.

    :raises ConfigError: if no plugin offers the evaluator, or it has no such metric.
    :raises NotMeasuredError: if there are no numbers, a guard leaves no verdict, or a number cannot be bounded.
    """
    words = tuple(f"{key}={_word(value)}" for key, value in claim.parameters.items())
    named = {name for name in claim.parameters.values() if isinstance(name, str) and name in inputs}
    order = Order(evaluator=claim.evaluator, words=words, inputs={name: str(inputs[name]) for name in named})
    taken = measure(order, folder)
    values = _values(taken)
    specs = {spec.name: spec for spec in taken.offered.evaluator.metrics}
    return [_proposed(name, values, specs) for name in metrics]


def _word(value: object) -> str:
    """Return a parameter as a word of `pv measure`."""
    return json.dumps(value)


def _values(taken: Taken) -> Mapping[str, Value]:
    """Return what was measured, if it could be judged."""
    reply = taken.reply
    why = next((each.message for each in taken.guarded if each.invalid), "")
    if isinstance(reply, Measured) and not why:
        return reply.measurement.metrics
    if isinstance(reply, TimedOut):
        why = f"no answer within {reply.seconds:g} s"
    elif not isinstance(reply, Measured):
        why = f"{reply.code} {reply.reason}" if isinstance(reply, Failed) else reply.reason
    raise _without(f"no bound can be proposed: {why}")


def _without(message: str) -> NotMeasuredError:
    hint = "look at it with pv measure, and give the bound with --expect METRIC=BOUND"
    return NotMeasuredError(Finding("PV736", message, hint=hint, exit_code=3))


def _proposed(name: str, values: Mapping[str, Value], specs: Mapping[str, MetricSpec]) -> Proposed:
    """Return the bound on one metric."""
    if name not in specs:
        near = keys.nearest(name, specs)
        message = f"there is no metric {quoted(name)}" + (f" (did you mean {quoted(near)}?)" if near else "")
        raise ConfigError(Finding("PV307", message, hint=f"use one of {', '.join(sorted(specs))}", exit_code=2))
    if name not in values:
        raise _without(f"no bound can be proposed: {name} was left out of the measurement")
    value, kind = values[name], specs[name].type
    series = value if isinstance(value, tuple) else (value,)
    if not series or not all(map(math.isfinite, series)):
        raise _without(f"no bound can be proposed: {name} is not finite, or has no numbers")
    bound = _bound(series, kind)
    text = f"all {bound}" if isinstance(value, tuple) else bound
    if not bounds.parse(text).accepts(value, kind):
        raise _without(f"no bound can be proposed: {text} would not accept the measured {name}")
    return Proposed(name, text, _told(series, kind))


def _bound(series: tuple[Number, ...], kind: MetricType) -> str:
    """Return the bound that all numbers satisfy, without its quantifier."""
    low, high = min(series), max(series)
    if kind is MetricType.BOOL:
        return f"is {str(bool(low)).lower()}"
    if kind is MetricType.INT:
        return f"== {low}" if low == high else f"in [{low}, {high}]"
    if low == high:
        return "== 0" if low == 0 else f"{low:.6g} +- {MARGIN * 100:g}%"
    reach = MARGIN * max(abs(low), abs(high))
    return f"in [{low - reach:.6g}, {high + reach:.6g}]"


def _told(series: tuple[Number, ...], kind: MetricType) -> str:
    """Return the measured numbers in words."""
    low, high = min(series), max(series)
    if kind in {MetricType.INT, MetricType.BOOL}:
        one, other = str(low).lower(), str(high).lower()
    else:
        one, other = f"{low:.6g}", f"{high:.6g}"
    return one if one == other else f"{one} to {other}"


def bounded(claim: Claim, several: Sequence[Proposed]) -> Claim:
    """Return a claim with bounds that were proposed, and with the words that say so."""
    told = ", ".join(f"{each.metric} {each.measured}" for each in several)
    note = f"first bounds from one measurement, with a margin of {MARGIN:.0%} on floats: {told}"
    more = {each.metric: (*claim.expect.get(each.metric, ()), each.bound) for each in several}
    return claim._replace(expect={**claim.expect, **more}, words={**claim.words, "recorded": note})
