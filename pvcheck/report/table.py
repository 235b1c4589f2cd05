"""The table of a measurement: one row a step, one column a series, marks where a guard spoke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain.metric import MetricType, bits
from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pvcheck.domain.metric import MetricSpec, Number
    from pvcheck.guards import Guarded
    from pvcheck.plugin import Measurement


def lines(measurement: Measurement, specs: Mapping[str, MetricSpec], guarded: Iterable[Guarded] = ()) -> Iterator[str]:
    """Yield the rows of the table, header first; nothing where there is no labelled series."""
    columns: list[tuple[str, ...]] = []
    for name, spec in specs.items():
        series = measurement.metrics.get(name)
        if isinstance(series, tuple) and len(series) == len(measurement.labels) > 0:
            columns.append((name, *(number(each, spec.type) for each in series)))
            if spec.bits:
                columns.append(("bits", *(bits(each, spec.type) for each in series)))
    if not columns:
        return
    rows = [("", *map(escaped, measurement.labels)), *columns, ("", *_marks(measurement, guarded))]
    widths = [max(map(len, row)) for row in rows]
    for cells in zip(*rows, strict=True):
        first, *middle, mark = cells
        padded = [f"{cell:>{width}}" for cell, width in zip(middle, widths[1:-1], strict=True)]
        yield "  ".join([f"{first:<{widths[0]}}", *padded, mark]).rstrip()


def number(value: Number, kind: MetricType) -> str:
    """Return a number as a person reads it, at most six digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if kind is MetricType.INT else f"{value:.6g}"


def _marks(measurement: Measurement, guarded: Iterable[Guarded]) -> Iterator[str]:
    """Yield a mark for each step whose relative error is ill-conditioned."""
    marked = {position for each in guarded for position in each.positions}
    for position in range(len(measurement.labels)):
        yield "ill-conditioned" if position in marked else ""
