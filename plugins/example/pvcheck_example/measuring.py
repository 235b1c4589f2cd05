"""The heavy half of the plugin: it measures and never judges. Import numerical libraries here."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

from pvcheck.plugin import Comparison, InputError, Measurement, NotMeasured, Population, Skip

if TYPE_CHECKING:
    from pvcheck.plugin import Context, Source

    from pvcheck_example.plugin import MonotoneParameters


def measure(parameters: MonotoneParameters, context: Context) -> Measurement:
    """Compare each number of the column with the one before."""
    cells = column(context.inputs[parameters.table], parameters.column)
    if context.fault == "last-row-lost":
        cells = cells[:-1]
    if len(cells) < 2:
        raise NotMeasured(f"the column {parameters.column} has {len(cells)} rows, and two are compared")
    places = [row for row, cell in enumerate(cells, start=1) if parsed(cell) is not None]
    read = [number for cell in cells if (number := parsed(cell)) is not None]
    # Where a challenge asks for a fault in an array, a changed copy comes back; else it is the list itself.
    numbers = list(zip(places, context.received(read, "the column"), strict=True))
    wrong = violations(numbers, parameters, against_first=context.fault == "against-first")
    metrics: dict[str, int | float] = {
        "rows": len(cells),
        "violations": len(wrong),
        "largest_violation": max((step for _, step in wrong), default=0.0),
    }
    if wrong:
        metrics["first_violation"] = wrong[0][0]
    # A cell without a number is a row that the comparison did not see: the populations say so, and the host's
    # guard makes the measurement invalid. Leaving the cell out quietly would hide the place that matters most.
    return Measurement(
        metrics=metrics,
        backend="python",
        comparisons=(
            Comparison(
                metrics=("violations", "largest_violation"),
                left=_population(len(cells), parameters.column),
                right=_population(len(numbers), parameters.column),
            ),
        ),
        skipped=tuple(
            Skip(what=f"row {row}", reason=f"{cell[:40]!r} is no number")
            for row, cell in enumerate(cells, start=1)
            if parsed(cell) is None
        ),
    )


def column(source: Source, name: str) -> list[str]:
    """Return the cells of one column."""
    text = bytes(source.view(0, source.size)).decode("utf-8-sig", "replace")
    table = csv.DictReader(text.splitlines())
    if name not in (table.fieldnames or ()):
        raise InputError(f"{source.path} has no column {name!r}: it has {', '.join(table.fieldnames or ()) or 'none'}")
    return [row[name] or "" for row in table]


def parsed(cell: str) -> float | None:
    """Return the finite number of a cell, or None."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def violations(
    numbers: list[tuple[int, float]], parameters: MonotoneParameters, *, against_first: bool = False
) -> list[tuple[int, float]]:
    """Return the row and the size of each step the wrong way; ``against_first`` plants a fault."""
    sign = 1.0 if parameters.direction == "rising" else -1.0
    found: list[tuple[int, float]] = []
    for place, (row, number) in enumerate(numbers[1:]):
        before = numbers[0 if against_first else place][1]
        step = sign * (before - number)
        if step > 0 or (parameters.strict and step == 0):
            found.append((row, step))
    return found


def _population(count: int, name: str) -> Population:
    """Return one side of the comparison."""
    return Population(count=count, shape=(count,), selection=f"all rows of {name}")
