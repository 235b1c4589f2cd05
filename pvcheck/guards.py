"""Guards: what a measurement may not hide. The evaluator reports, the guards look, nobody has to ask.

| guard        | looks for                                                    | effect  |
| ------------ | ------------------------------------------------------------ | ------- |
| finite       | a NaN or an infinity in a metric                             | invalid |
| population   | two sides that differ in count, shape or selection           | invalid |
| conditioning | a relative error whose denominator cancels                   | mark    |
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.plugin import Measurement

ILL_CONDITIONED = 1000.0
"""Condition numbers above this cost three of the seven decimal digits that an f32 has."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What one guard says of one metric. ``invalid`` ends the evaluation without a verdict."""

    code: str
    guard: str
    metric: str
    message: str
    invalid: bool

    def json(self) -> JSON:
        """Return the form that evidence keeps."""
        return {"code": self.code, "guard": self.guard, "metric": self.metric, "message": self.message}


def examine(measurement: Measurement) -> tuple[Guarded, ...]:
    """Return what the guards say of a measurement."""
    return (*_finite(measurement), *_population(measurement), *_conditioning(measurement))


def _finite(measurement: Measurement) -> Iterator[Guarded]:
    """Refuse metrics that are not finite, and name the first place."""
    for name, value in measurement.metrics.items():
        series = value if isinstance(value, tuple) else (value,)
        bad = [index for index, each in enumerate(series) if not math.isfinite(each)]
        if bad:
            where = f", first at {_label(measurement, bad[0])}" if isinstance(value, tuple) else ""
            message = f"{name} has {len(bad)} of {len(series)} numbers that are not finite{where}"
            yield Guarded("PV601", "finite", name, message, invalid=True)


def _population(measurement: Measurement) -> Iterator[Guarded]:
    """Refuse comparisons of unlike populations."""
    for each in measurement.comparisons:
        left, right = each.left, each.right
        for what, one, other in (
            ("count", left.count, right.count),
            ("shape", left.shape, right.shape),
            ("selection", left.selection, right.selection),
        ):
            if one != other:
                message = f"the two sides differ in {what}: {escaped(str(one))} against {escaped(str(other))}"
                yield Guarded("PV602", "population", ", ".join(each.metrics), message, invalid=True)


def _conditioning(measurement: Measurement) -> Iterator[Guarded]:
    """Mark relative errors that divide by a sum that cancels; metrics of one sum are told together."""
    marked: dict[tuple[int | None, float, float], list[str]] = {}
    for each in measurement.conditions:
        if not each.number <= ILL_CONDITIONED:
            marked.setdefault((each.position, each.number, each.backward_error), []).append(each.metric)
    for (position, number, backward_error), metrics in marked.items():
        where = "" if position is None else f" at {_label(measurement, position)}"
        verb = "divides" if len(metrics) == 1 else "divide"
        message = (
            f"{', '.join(metrics)}{where} {verb} by a sum that cancels: condition number {number:.4g}, "
            f"backward error {backward_error:.2g}"
        )
        yield Guarded("PV603", "conditioning", ", ".join(metrics), message, invalid=False)


def _label(measurement: Measurement, position: int) -> str:
    """Return the name of a position of a series."""
    known = position < len(measurement.labels)
    return escaped(measurement.labels[position]) if known else f"position {position}"
