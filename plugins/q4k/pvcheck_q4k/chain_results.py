"""What the chains that carry report of their layers: series, statistics, and what the guards need to know of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pvcheck.plugin import ChainLink, Comparison, Condition, Measurement, Population, Ratio, Skip
from pvcheck_q4k.compounding import l2, quotient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pvcheck_q4k.chain_products import Desk

    F32s = npt.NDArray[np.float32]
    F64s = npt.NDArray[np.float64]
    Metrics = dict[str, bool | int | float | tuple[bool | int | float, ...]]

UNCHAINED = "rel_l2_unchained"


class Reading(NamedTuple):
    """A relative L2 difference, the condition number of what it divides by, and the backward error."""

    value: float
    condition: float
    backward_error: float


class Seen(NamedTuple):
    """The elements that a path saw in one layer, and those of them that were not finite."""

    elements: int
    non_finite: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One measured layer: its readings by metric, what it takes over from the one before, and what each path saw.

    ``shape`` is that of its weights; ``spoilt`` counts results of both paths that are not finite.
    """

    number: int
    readings: Mapping[str, Reading]
    carry: float | None
    rows: int
    shape: tuple[int, ...]
    a: Seen
    b: Seen
    alone: Seen
    spoilt: int


class Report(NamedTuple):
    """What stands beside the layers in a measurement.

    ``beside`` names, for a relative difference, the metrics of its condition number and its backward error; the
    growth is taken over position ``growth_over``.
    """

    selection: str
    skipped: tuple[Skip, ...]
    beside: Mapping[str, tuple[str, str]]
    growth_over: int = 0
    notes: tuple[str, ...] = ()


def difference(a: F32s, b: F32s) -> float:
    """Return L2(a - b), in float64."""
    with np.errstate(all="ignore"):
        return l2(a.astype(np.float64) - b)


def condition(added: float, totals: F64s) -> float:
    """Return the L2 norm of what was added up over that of the sums; 1 where all is 0, as nothing cancels."""
    return quotient(added, l2(totals)) if added else 1.0


def spoilt(*results: F32s) -> int:
    """Return how many numbers are not finite."""
    return sum(each.size - int(np.isfinite(each).sum()) for each in results)


def measurement(layers: Sequence[Layer], report: Report, desk: Desk) -> Measurement:
    """Return the measurement: metrics, populations, conditioning, links and ends of ratios."""
    statistics, ratios = _statistics(layers, report.growth_over)
    metrics: Metrics = {name: tuple(each.readings[name].value for each in layers) for name in layers[0].readings}
    for name, (number, error) in report.beside.items():
        metrics[number] = tuple(each.readings[name].condition for each in layers)
        metrics[error] = tuple(each.readings[name].backward_error for each in layers)
    carries = [each.carry for each in layers if each.carry is not None]
    if carries:
        metrics["carry"] = tuple(carries)
    metrics |= statistics
    metrics |= {
        "layers_measured": len(layers),
        "layers_skipped": len(report.skipped),
        "rows": sum(each.rows for each in layers),
        "elements": sum(each.a.elements for each in layers),
        "non_finite": sum(each.a.non_finite + each.b.non_finite + each.spoilt for each in layers),
    }
    return Measurement(
        metrics=metrics,
        backend=desk.backend,
        labels=tuple(f"layer {each.number}" for each in layers),
        comparisons=_comparisons(layers, report, tuple(statistics)),
        conditions=_conditions(layers, statistics),
        links=tuple(
            ChainLink(position=position, label=f"layer {before.number} to layer {after.number}", carry=value)
            for position, ((before, after), value) in enumerate(zip(pairwise(layers), carries, strict=True))
        ),
        ratios=ratios,
        skipped=report.skipped,
        notes=report.notes,
        libraries=desk.libraries,
    )


def _statistics(layers: Sequence[Layer], growth_over: int) -> tuple[Metrics, tuple[Ratio, ...]]:
    """Return the statistics of rel_l2, and both ends of the one that is a ratio."""
    series = [each.readings["rel_l2"].value for each in layers]
    metrics: Metrics = {"rel_l2_first": series[0], "rel_l2_last": series[-1]}
    if any(map(math.isnan, series)):
        metrics["rel_l2_max"] = math.nan
    else:
        metrics["rel_l2_max"] = max(series)
        metrics["max_layer"] = layers[series.index(max(series))].number
    metrics["falling_steps"] = sum(after < before for before, after in pairwise(series))
    base = range(len(series))[growth_over]
    if len(series) == 1 or not series[base] > 0:
        return metrics, ()
    metrics["growth_last_over_first"] = series[-1] / series[base]
    ratio = Ratio(
        metric="growth_last_over_first",
        numerator=f"rel_l2 of layer {layers[-1].number}",
        denominator=f"rel_l2 of layer {layers[base].number}",
        numerator_value=series[-1],
        denominator_value=series[base],
    )
    return metrics, (ratio,)


def _comparisons(layers: Sequence[Layer], report: Report, statistics: tuple[str, ...]) -> tuple[Comparison, Comparison]:
    """Return the populations of the two paths, and of path A and path B without the chain, as the kernels saw them."""
    shapes = {each.shape for each in layers}
    shape = (len(layers), *shapes.pop()) if len(shapes) == 1 else (sum(math.prod(each.shape) for each in layers),)
    a, b, alone = (
        Population(
            count=sum(each.elements for each in side),
            shape=shape,
            selection=report.selection,
            non_finite=sum(each.non_finite for each in side),
        )
        for side in zip(*((each.a, each.b, each.alone) for each in layers), strict=True)
    )
    errors = tuple(error for _, error in report.beside.values())
    compared = tuple(name for name in statistics if name not in {"max_layer", "falling_steps"})
    return (
        Comparison(metrics=(*report.beside, *errors, *compared), left=a, right=b),
        Comparison(metrics=(UNCHAINED,), left=a, right=alone),
    )


def _conditions(layers: Sequence[Layer], statistics: Metrics) -> tuple[Condition, ...]:
    """Return the conditioning of each relative difference: of its layer, or of the worst that it leans on.

    What stands after several layers leans on each of them.
    """
    found = [
        Condition(metric=metric, position=position, number=reading.condition, backward_error=reading.backward_error)
        for metric in layers[0].readings
        for position, reading in enumerate(each.readings[metric] for each in layers)
    ]
    whole = [each.readings["rel_l2"] for each in layers]
    worst = max(whole, key=_badness)
    for metric in ("rel_l2_first", "rel_l2_last", "rel_l2_max", "growth_last_over_first"):
        if metric in statistics:
            leans_on = whole[0] if metric == "rel_l2_first" else worst
            found.append(
                Condition(
                    metric=metric, position=None, number=leans_on.condition, backward_error=leans_on.backward_error
                )
            )
    return tuple(found)


def _badness(reading: Reading) -> float:
    """Return the condition number to compare by; NaN is the worst."""
    return math.inf if math.isnan(reading.condition) else reading.condition
