"""The evaluator ``recorded-series``: the statistics of numbers that were recorded elsewhere.

What the record concludes from its numbers can be computed again from the numbers alone. So a growth that is not the
last number over the first, and an agreement that rounding made, become visible.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from decimal import Context as DecimalContext
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.plugin import ClaimedRatio, Comparison, InputError, Measurement, NotMeasured, Population
from pvcheck_general import planting
from pvcheck_general.foreign import JSON, at_pointer, decimal_of, json_of, names_shown, path_of, source_of, text_of
from pvcheck_general.planting import single
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.statistics import BASE_LEAST, Summary, summarise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pvcheck.plugin import Context, Ratio, Source
    from pvcheck_general.parameters import RecordedSeriesParameters

Value = bool | int | float | tuple[int, ...] | tuple[float, ...]

SERIES_BYTES: Final = 1 << 20
POSITIONS_MAX: Final = 1000  # so that all its pairs can be looked at
PAIRS_MAX: Final = 1000
DECIMAL: Final = DecimalContext(prec=100, traps=[])  # exact for numbers of 40 characters of like size

# A statistic of the chain evaluator, and the name it has for any recorded series.
NAMES: Final = {
    "rel_diff_first": "first",
    "rel_diff_last": "last",
    "rel_diff_min": "min",
    "min_layer": "min_position",
    "rel_diff_max": "max",
    "max_layer": "max_position",
    "rel_diff_mean": "mean",
    "growth_last_over_first": "growth_last_over_first",
    "transitions": "transitions",
    "saturation_events": "saturation_events",
    "steady_transitions": "steady_transitions",
    "typical_layers": "typical",
    "outlier_layers": "outliers",
    "largest_jump": "largest_jump",
    "largest_jump_layer": "largest_jump_position",
    "recovery_after_jump": "recovery_after_jump",
    "layers_measured": "positions",
}


class Series(NamedTuple):
    """A recorded series: its numbers as they are written, in factors, and a label for each."""

    numbers: tuple[Decimal, ...]
    labels: tuple[str, ...]


def measure(parameters: RecordedSeriesParameters, context: Context) -> Measurement:
    """Compute the statistics of a recorded series.

    :raises InputError: if a file is not what the parameters say.
    :raises NotMeasured: if the series is empty.
    """
    series = _planted(_read(source_of(context, parameters.series), parameters), parameters.unit, context)
    values = tuple(map(float, series.numbers))
    summary = _summary(values, context.fault)
    metrics: dict[str, Value] = {NAMES[name]: value for name, value in summary.metrics.items()}
    metrics |= {"values": values, "non_finite": sum(not math.isfinite(value) for value in values)}
    notes = [f"recorded elsewhere: {escaped(parameters.host)}, {parameters.date}"]
    if parameters.claimed_ratio is not None:
        metrics |= _claimed(parameters, values, summary, series.labels, notes)
    comparisons: tuple[Comparison, ...] = ()
    if parameters.reference is not None:
        reference = _read(source_of(context, parameters.reference), parameters)
        compared, comparison = _compared(series.numbers, reference.numbers)
        metrics |= compared
        comparisons = (comparison,)
    return Measurement(
        metrics=metrics,
        backend="python",
        labels=series.labels,
        comparisons=comparisons,
        ratios=_ratios(summary, series.labels),
        claims=_claims(parameters, metrics),
        notes=tuple(notes),
    )


def _planted(series: Series, unit: str, context: Context) -> Series:
    """Return a series as a reader with the fault of the context has it.

    :raises NotMeasured: if the fault changes nothing.
    """
    numbers, labels = series
    if context.fault == planting.OTHER_UNIT:
        numbers = tuple(DECIMAL.scaleb(each, 2 if unit == "percent" else -2) for each in numbers)
    elif context.fault == planting.LOST_FIRST:
        if len(numbers) == 1:
            raise NotMeasured(f"not planted: {context.fault} leaves no number")
        numbers, labels = numbers[1:], labels[1:]
    elif context.fault == planting.SINGLE:
        numbers = tuple(Decimal(repr(single(float(each)))) for each in numbers)
        planting.refuse_same(context.fault, is_same=_same(numbers, series.numbers))
    values = [float(each) for each in numbers]
    changed = context.received(values, "the series")
    if changed is not values:
        numbers = tuple(Decimal(repr(each)) for each in changed)
    return Series(numbers, labels)


def _same(numbers: Sequence[Decimal], others: Sequence[Decimal]) -> bool:
    """Say whether two series are alike once they are floats."""
    return [repr(float(each)) for each in numbers] == [repr(float(each)) for each in others]


def _summary(values: Sequence[float], fault: str | None) -> Summary:
    """Return the statistics; a planted fault takes the growth over another number.

    :raises NotMeasured: if that is the number it is taken over without a fault.
    """
    right = summarise(values, range(len(values)))
    if fault != planting.NEIGHBOUR_GROWTH:
        return right
    planting.refuse_same(fault, is_same=len(values) < 3)
    wrong = summarise(values, range(len(values)), growth_over=-2)
    name = "growth_last_over_first"
    planting.refuse_same(fault, is_same=wrong.metrics.get(name) == right.metrics.get(name))
    return wrong


def _ratios(summary: Summary, labels: Sequence[str]) -> tuple[Ratio, ...]:
    """Return the ratios of the statistics with both ends named as the record names them."""
    told = []
    for each in summary.ratios:
        top, bottom = summary.leans_on[each.metric]
        told.append(replace(each, metric=NAMES[each.metric], numerator=labels[top], denominator=labels[bottom]))
    return tuple(told)


def _claimed(
    parameters: RecordedSeriesParameters,
    values: Sequence[float],
    summary: Summary,
    labels: Sequence[str],
    notes: list[str],
) -> dict[str, Value]:
    """Return which pairs of positions have the claimed ratio, and add a note for each."""
    claimed = float(parameters.claimed_ratio or 0)

    def is_near(ratio: float) -> bool:
        return abs(ratio - claimed) <= parameters.tolerance * claimed

    places = range(len(values))
    pairs = [
        (top, bottom)
        for top, bottom in product(places, places)
        if top != bottom and values[bottom] > BASE_LEAST and is_near(values[top] / values[bottom])
    ]
    growth = summary.metrics.get("growth_last_over_first")
    metrics: dict[str, Value] = {
        "claimed_ratio": claimed,
        "reproducing_pairs": len(pairs),
        "reproduced_by_last_over_first": growth is not None and is_near(growth),
    }
    if len(pairs) <= PAIRS_MAX:
        metrics["reproducing_numerators"] = tuple(top for top, _ in pairs)
        metrics["reproducing_denominators"] = tuple(bottom for _, bottom in pairs)
    for top, bottom in pairs[:PAIRS_MAX]:
        ratio = values[top] / values[bottom]
        notes.append(f"{claimed:g} is reproduced by {labels[top]} over {labels[bottom]}: {ratio:.6g}")
    if len(pairs) > PAIRS_MAX:
        notes.append(f"and by {len(pairs) - PAIRS_MAX} more pairs")
    return metrics


def _claims(parameters: RecordedSeriesParameters, metrics: Mapping[str, Value]) -> tuple[ClaimedRatio, ...]:
    """Return the claimed ratio as a claim about the growth, which is what such a number is taken for."""
    if parameters.claimed_ratio is None or "growth_last_over_first" not in metrics:
        return ()
    value, tolerance = float(parameters.claimed_ratio), float(parameters.tolerance)
    return (ClaimedRatio(metric="growth_last_over_first", value=value, tolerance=tolerance),)


def _compared(numbers: Sequence[Decimal], reference: Sequence[Decimal]) -> tuple[dict[str, Value], Comparison]:
    """Return how far the first numbers are from the reference, and what was compared with what."""
    pairs = list(zip(numbers, reference, strict=False))
    metrics: dict[str, Value] = {"reference_positions": len(reference)}
    if len(pairs) == len(reference):
        differences = [float(DECIMAL.abs(DECIMAL.subtract(one, other))) for one, other in pairs]
        metrics["reference_max_abs_diff"] = math.nan if any(map(math.isnan, differences)) else max(differences)
    left, right = (
        Population(
            count=len(side),
            shape=(len(side),),
            selection="the first positions",
            non_finite=sum(not each.is_finite() for each in side),
        )
        for side in (numbers[: len(reference)], reference)
    )
    return metrics, Comparison(metrics=tuple(metrics), left=left, right=right)


def _read(source: Source, parameters: RecordedSeriesParameters) -> Series:
    """Read one series.

    :raises InputError: if the file is not what the parameters say.
    :raises NotMeasured: if it holds no number.
    """
    text, where = text_of(source, SERIES_BYTES), path_of(source)
    if parameters.column is not None:
        cells, names = _of_csv(text, where, parameters.column, parameters.labels)
    else:
        cells, names = _of_json(text, where, parameters.pointer or "", parameters.labels)
    if not cells:
        raise NotMeasured(f"{where}: the series is empty")
    if len(cells) > POSITIONS_MAX:
        raise InputError(f"{where}: a series must have at most {POSITIONS_MAX} numbers, got {len(cells)}")
    shift = -2 if parameters.unit == "percent" else 0
    numbers = [decimal_of(cell, f"{where}: {name}") for cell, name in zip(cells, names, strict=True)]
    return Series(tuple(DECIMAL.scaleb(each, shift) if each.is_finite() else each for each in numbers), tuple(names))


def _of_csv(text: str, where: str, column: str, labels: str | None) -> tuple[list[JSON], list[str]]:
    """Return the cells of a column, and a label for each: the name of the label column and what it says."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if rows and len(row) != len(rows[0]):
                raise InputError(f"{where}:{reader.line_num}: a row must have {len(rows[0])} cells, got {len(row)}")
            rows.append(row)
    except csv.Error as error:
        raise InputError(f"{where}:{reader.line_num}: not CSV: {error}") from None
    header = rows[0] if rows else []
    if len(set(header)) != len(header):
        raise InputError(f"{where}: a column stands twice in the header: {names_shown(header)}")
    for name in filter(None, (column, labels)):
        if name not in header:
            raise InputError(f"{where}: there is no column '{escaped(name)}', there are: {names_shown(header)}")
    at = header.index(column)
    cells: list[JSON] = [row[at] for row in rows[1:]]
    if not labels:
        return cells, [f"position {position}" for position in range(len(cells))]
    named = header.index(labels)
    return cells, [f"{escaped(labels)} {escaped(row[named])}" for row in rows[1:]]


def _of_json(text: str, where: str, pointer: str, labels: str | None) -> tuple[list[JSON], list[str]]:
    """Return the items of a list, and a label for each."""
    document = json_of(text, where)
    found = at_pointer(document, pointer, where)
    if not isinstance(found, list):
        raise InputError(f"{where}: the pointer '{escaped(pointer)}' must lead to a list")
    cells: list[JSON] = list(found)
    if labels is None:
        return cells, [f"position {position}" for position in range(len(cells))]
    names = at_pointer(document, labels, where)
    if not isinstance(names, list) or len(names) != len(cells) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{where}: the pointer '{escaped(labels)}' must lead to {len(cells)} texts")
    return cells, [escaped(str(name)) for name in names]
