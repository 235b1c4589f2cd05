"""The evaluator ``trace-std``: the spread of one tensor in two traces, and over which rows it was taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from pvcheck.plugin import Comparison, Measurement, NotMeasured, Population, Ratio
from pvcheck_general import planting
from pvcheck_general.arrays import Array, last_row, not_finite, ratio, received, scale_of, scaled, total
from pvcheck_general.foreign import source_of
from pvcheck_general.opening import array_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck.plugin import Context
    from pvcheck_general.parameters import Rows, TraceStdParameters


class Spread(NamedTuple):
    """The population standard deviation of one side, and what it was taken over."""

    std: float
    population: Population
    notes: tuple[str, ...] = ()


def measure(parameters: TraceStdParameters, context: Context) -> Measurement:
    """Compare the standard deviations of two traces.

    :raises InputError: if a trace cannot be read.
    :raises NotMeasured: if one is empty.
    """
    left = array_of(source_of(context, parameters.left), parameters.left_name, "left")
    right = array_of(source_of(context, parameters.right), parameters.right_name, "right")
    right, left = (received(context, each, side) for each, side in ((right, "right"), (left, "left")))
    for side, array in (("left", left), ("right", right)):
        if array.count == 0:
            raise NotMeasured(f"the {side} trace is empty")
    one = spread(left, parameters.left_rows, "left")
    other = spread(right, parameters.right_rows, "right")
    if context.fault in PLANTS:
        wrong = PLANTS[context.fault](right, parameters.right_rows)
        planting.refuse_same(context.fault, is_same=wrong == other.std)
        other = other._replace(std=wrong)
    return Measurement(
        metrics={
            "std_left": one.std,
            "std_right": other.std,
            "ratio_left_over_right": ratio(one.std, other.std),
            "count_left": one.population.count,
            "count_right": other.population.count,
            "non_finite_left": one.population.non_finite,
            "non_finite_right": other.population.non_finite,
        },
        backend="numpy",
        comparisons=(
            Comparison(
                metrics=("std_left", "std_right", "ratio_left_over_right"),
                left=one.population,
                right=other.population,
            ),
        ),
        ratios=(
            Ratio(
                metric="ratio_left_over_right",
                numerator=f"std of left, {one.population.selection}",
                denominator=f"std of right, {other.population.selection}",
                numerator_value=one.std,
                denominator_value=other.std,
            ),
        ),
        notes=one.notes + other.notes,
        libraries={"numpy": np.__version__},
    )


def spread(array: Array, rows: Rows, name: str = "") -> Spread:
    """Return the standard deviation of all rows of an array, or of its last one; notes call it by a name.

    The last axis holds the features of a row; an array without axes is one row of one feature.
    """
    features = array.shape[-1] if array.shape else 1
    start = array.count - features if rows == "last" else 0
    parts = [array.values(part) for part in array.chunks(start)]
    count = array.count - start
    non_finite, notes = not_finite(array, start, name)
    population = Population(
        count=count,
        shape=(count // features, features),
        selection="all rows" if rows == "all" else "the last row",
        non_finite=non_finite,
    )
    if non_finite:
        return Spread(math.nan, population, notes)
    exponent = scale_of(parts)
    parts = [scaled(part, exponent) for part in parts]
    mean = total(parts) / count
    variance = total((part - mean) ** 2 for part in parts) / count
    return Spread(ratio(math.sqrt(variance), 1, exponent), population)


def _of_last_token(array: Array, rows: Rows) -> float:
    """Return the standard deviation of the last row, whatever rows were asked for."""
    del rows
    return spread(array, "last").std


def _of_sample(array: Array, rows: Rows) -> float:
    """Return the standard deviation over n - 1."""
    right = spread(array, rows)
    count = right.population.count
    return ratio(right.std * math.sqrt(count), math.sqrt(count - 1))


def _uncentred(array: Array, rows: Rows) -> float:
    """Return the root mean square."""
    chosen = last_row(array) if rows == "last" else array
    parts = [chosen.values(part) for part in chosen.chunks()]
    exponent = scale_of(parts)
    return ratio(math.sqrt(total(scaled(part, exponent) ** 2 for part in parts) / chosen.count), 1, exponent)


PLANTS: Final[dict[str | None, Callable[[Array, Rows], float]]] = {
    planting.LAST_TOKEN: _of_last_token,
    planting.SAMPLE: _of_sample,
    planting.UNCENTRED: _uncentred,
}
"""What the right side's standard deviation is with a fault."""
