"""What a sweep reports of its layers, whole or in part: sums of squares that add up, and what they come to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Self, cast

import numpy as np

from pvcheck.plugin import Comparison, Condition, Measurement, Population
from pvcheck_q4k.chain_results import Reading, Seen, spoilt
from pvcheck_q4k.compounding import quotient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from pvcheck.plugin import Skip
    from pvcheck_q4k.chain_products import Answered

    F32s = npt.NDArray[np.float32]
    F64s = npt.NDArray[np.float64]
    Metrics = dict[str, bool | int | float | tuple[bool | int | float, ...]]

LEAST: Final = 1e-9
LARGEST: Final = "rel_diff_largest"


class Squares(NamedTuple):
    """Sums of squares over rows: of a - b, of a, of the sums of |x w|, and of the sums of x w."""

    difference: float
    a: float
    magnitudes: float
    sums: float


@dataclass(frozen=True, slots=True)
class Swept:
    """What was measured of one layer: ``rows`` of ``width`` weights in ``parts``; ``largest`` is the worst row's.

    ``spoilt`` counts results of both paths that are not finite.
    """

    number: int
    parts: int
    rows: int
    width: int
    squares: Squares
    largest: Reading
    a: Seen
    b: Seen
    spoilt: int

    @property
    def reading(self) -> Reading:
        """The relative difference of all rows together, and how it is conditioned."""
        difference, a, magnitudes, sums = map(math.sqrt, self.squares)
        return Reading(quotient(difference, a), _condition(magnitudes, sums), quotient(difference, magnitudes))


class Report(NamedTuple):
    """What stands beside the layers in a measurement."""

    selection: str
    skipped: tuple[Skip, ...]


class Backend(NamedTuple):
    """The name of the kernels and the versions of their libraries."""

    name: str
    libraries: Mapping[str, str]

    @classmethod
    def of(cls, parts: Sequence[Measurement]) -> Self:
        """Return those of all parts: machines that are not alike have several."""
        names = sorted({name for each in parts for name in each.libraries})
        libraries = {name: _all(each.libraries[name] for each in parts if name in each.libraries) for name in names}
        return cls(_all(each.backend for each in parts), libraries)


def _all(texts: Iterable[str]) -> str:
    """Return each text once."""
    return ", ".join(sorted(set(texts)))


def _condition(magnitude: float, total: float) -> float:
    """Return a condition number; 1 where all is 0, as nothing cancels."""
    return quotient(magnitude, total) if magnitude else 1.0


def swept(number: int, width: int, answered: Answered) -> Swept:
    """Return what is reported of some rows of a layer, from the products of both paths."""
    a, b = (product.values.astype(np.float64) for product in (answered.a, answered.b))
    with np.errstate(all="ignore"):
        away = a - b
    return Swept(
        number=number,
        parts=1,
        rows=a.size,
        width=width,
        squares=Squares(*map(squared, (away, a, answered.magnitudes, answered.totals))),
        largest=_largest(away, a, answered),
        a=Seen(*answered.a[1:]),
        b=Seen(*answered.b[1:]),
        spoilt=spoilt(answered.a.values, answered.b.values),
    )


def squared(values: F64s) -> float:
    """Return the sum of the squares, rounded once; NaN where a number is not finite."""
    if not np.isfinite(values).all():
        return math.nan
    return math.fsum((values * values).tolist())


def _largest(away: F64s, a: F64s, answered: Answered) -> Reading:
    """Return the largest relative difference of a row, the first of equals, a NaN before any number."""
    with np.errstate(all="ignore"):
        relative = abs(away) / np.maximum(abs(a), LEAST)
    at = int(relative.argmax())  # NumPy takes a NaN for the largest
    magnitude, total = float(answered.magnitudes[at]), abs(float(answered.totals[at]))
    return Reading(float(relative[at]), _condition(magnitude, total), quotient(abs(float(away[at])), magnitude))


def added(parts: Sequence[Swept]) -> Swept:
    """Return the parts of one layer as one."""
    first = parts[0]
    return Swept(
        number=first.number,
        parts=sum(each.parts for each in parts),
        rows=sum(each.rows for each in parts),
        width=first.width,
        squares=Squares(*(math.fsum(column) for column in zip(*(each.squares for each in parts), strict=True))),
        largest=max((each.largest for each in parts), key=lambda reading: _rank(reading.value)),
        a=_seen(each.a for each in parts),
        b=_seen(each.b for each in parts),
        spoilt=sum(each.spoilt for each in parts),
    )


def _seen(parts: Iterable[Seen]) -> Seen:
    """Return what a path saw in all parts."""
    elements, non_finite = zip(*parts, strict=True)
    return Seen(sum(elements), sum(non_finite))


def _rank(value: float) -> tuple[bool, float]:
    """Return what to compare by; NaN is the largest."""
    return (True, 0.0) if math.isnan(value) else (False, value)


def read_back(number: int, part: Measurement) -> Swept:
    """Return what a part reported of its one layer."""
    series = cast("Mapping[str, tuple[float, ...]]", part.metrics)
    counts = cast("Mapping[str, int]", part.metrics)
    left, right = part.comparisons[0].left, part.comparisons[0].right
    largest = next(each for each in part.conditions if each.metric == LARGEST)
    return Swept(
        number=number,
        parts=counts["parts"],
        rows=counts["rows"],
        width=left.shape[-1],
        squares=Squares(*(series[f"squares_{name}"][0] for name in Squares._fields)),
        largest=Reading(series[LARGEST][0], largest.number, largest.backward_error),
        a=Seen(left.count, left.non_finite),
        b=Seen(right.count, right.non_finite),
        spoilt=counts["non_finite"] - left.non_finite - right.non_finite,
    )


def measurement(layers: Sequence[Swept], report: Report, backend: Backend) -> Measurement:
    """Return the measurement: metrics, populations and conditioning."""
    readings = [each.reading for each in layers]
    metrics: Metrics = {
        "rel_l2": tuple(each.value for each in readings),
        "condition": tuple(each.condition for each in readings),
        "backward_error": tuple(each.backward_error for each in readings),
        LARGEST: tuple(each.largest.value for each in layers),
    }
    for name, column in zip(Squares._fields, zip(*(each.squares for each in layers), strict=True), strict=True):
        metrics[f"squares_{name}"] = column
    return Measurement(
        metrics=metrics | _statistics(layers, readings) | _counts(layers, report),
        backend=backend.name,
        labels=tuple(f"layer {each.number}" for each in layers),
        comparisons=(_comparison(layers, report.selection),),
        conditions=_conditions(layers, readings),
        skipped=report.skipped,
        libraries=dict(backend.libraries),
    )


def _statistics(layers: Sequence[Swept], readings: Sequence[Reading]) -> Metrics:
    """Return the largest difference of a layer, and the first layer that has it."""
    worst = max(range(len(readings)), key=lambda position: _rank(readings[position].value))
    value = readings[worst].value
    metrics: Metrics = {"rel_l2_max": value}
    if not math.isnan(value):
        metrics["max_layer"] = layers[worst].number
    return metrics


def _counts(layers: Sequence[Swept], report: Report) -> Metrics:
    """Return what was measured of how much."""
    return {
        "layers_measured": len(layers),
        "layers_skipped": len(report.skipped),
        "parts": sum(each.parts for each in layers),
        "rows": sum(each.rows for each in layers),
        "elements": sum(each.a.elements for each in layers),
        "non_finite": sum(each.a.non_finite + each.b.non_finite + each.spoilt for each in layers),
    }


def _comparison(layers: Sequence[Swept], selection: str) -> Comparison:
    """Return the populations of the two paths, as the kernels saw them."""
    shapes = {(each.rows, each.width) for each in layers}
    shape = (len(layers), *shapes.pop()) if len(shapes) == 1 else (sum(each.rows * each.width for each in layers),)
    left, right = (
        Population(
            count=sum(each.elements for each in side),
            shape=shape,
            selection=selection,
            non_finite=sum(each.non_finite for each in side),
        )
        for side in zip(*((each.a, each.b) for each in layers), strict=True)
    )
    compared = ("rel_l2", "backward_error", LARGEST, "squares_difference", "rel_l2_max")
    return Comparison(metrics=compared, left=left, right=right)


def _conditions(layers: Sequence[Swept], readings: Sequence[Reading]) -> tuple[Condition, ...]:
    """Return the conditioning of each relative difference: of its layer, of its row, or of the worst layer."""
    places = [("rel_l2", position, each) for position, each in enumerate(readings)]
    places += [(LARGEST, position, each.largest) for position, each in enumerate(layers)]
    worst = max(readings, key=lambda reading: _rank(reading.condition))
    return tuple(
        Condition(metric=metric, position=position, number=each.condition, backward_error=each.backward_error)
        for metric, position, each in (*places, ("rel_l2_max", None, worst))
    )
