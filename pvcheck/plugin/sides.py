"""Both sides of a comparison must be told: a number that compares says nothing without what it was taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import quoted
from pvcheck.plugin.wire import BadResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pvcheck.domain.metric import MetricSpec
    from pvcheck.plugin.values import Measurement


class OneSided(BadResult):
    """A measurement compares and does not say what with what."""

    def __init__(self, what: str) -> None:
        ValueError.__init__(self, what)


def refuse_one_sided(measurement: Measurement, specs: Iterable[MetricSpec]) -> None:
    """Refuse a metric that is declared to compare and that no comparison of the measurement names.

    :raises OneSided: for the first such metric, in the order of the declaration.
    """
    told = {name for each in measurement.comparisons for name in each.metrics}
    for spec in specs:
        if spec.compares and spec.name in measurement.metrics and spec.name not in told:
            raise OneSided(f"metric {quoted(spec.name)} compares two sides, and no comparison tells their populations")
