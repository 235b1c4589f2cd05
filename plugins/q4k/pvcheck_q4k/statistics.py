"""The statistics of a series of relative differences, one a layer, as the chain's contracts bound them.

All are computed in float64 from the float32 values. A statistic that has no meaning for a series, such as a growth
without a second layer, is left out, so that a bound on it cannot hold by accident.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pvcheck.plugin import Ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BASE_LEAST: Final = 1e-12  # nothing is divided by less
STEADY: Final = 0.1
TYPICAL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics by name, both ends of each ratio, and the positions of the series that each statistic leans on."""

    metrics: Mapping[str, int | float]
    ratios: tuple[Ratio, ...]
    leans_on: Mapping[str, tuple[int, ...]]


def summarise(series: Sequence[float], layers: Sequence[int], growth_over: int | None = None) -> Summary:
    """Return the statistics of rel_diff ``series`` (factors, not percent), one for each of ``layers``, at least one.

    NaN is passed on: where one stands in the series, minimum, maximum and mean are NaN.

    :param growth_over: a fault: the growth is taken over this position, and not over the first that is above 1e-12.
    """
    metrics: dict[str, int | float] = {
        "rel_diff_first": series[0],
        "rel_diff_last": series[-1],
        "rel_diff_mean": sum(series) / len(series),
        "typical_layers": sum(value <= TYPICAL for value in series),
        "outlier_layers": sum(not value <= TYPICAL for value in series),
        "layers_measured": len(series),
        "transitions": len(series) - 1,
    }
    everywhere = tuple(range(len(series)))
    leans_on = {"rel_diff_first": (0,), "rel_diff_last": (len(series) - 1,), "rel_diff_mean": everywhere}
    for name, pick in (("min", min), ("max", max)):
        if any(map(math.isnan, series)):
            metrics[f"rel_diff_{name}"] = math.nan
            leans_on[f"rel_diff_{name}"] = everywhere
            continue
        at = pick(everywhere, key=lambda position: series[position])
        metrics[f"rel_diff_{name}"] = series[at]
        metrics[f"{name}_layer"] = layers[at]
        leans_on[f"rel_diff_{name}"] = (at,)
    if len(series) > 1:
        metrics["saturation_events"] = sum(after < before for before, after in pairwise(series))
        metrics["steady_transitions"] = sum(
            abs(after - before) <= STEADY * before for before, after in pairwise(series)
        )
    ratios = []
    for name, top, bottom in _ratio_ends(series, growth_over):
        metrics[name] = series[top] / series[bottom]
        leans_on[name] = (top, bottom)
        ratios.append(
            Ratio(
                metric=name,
                numerator=f"rel_diff of layer {layers[top]}",
                denominator=f"rel_diff of layer {layers[bottom]}",
                numerator_value=series[top],
                denominator_value=series[bottom],
            )
        )
        if name == "largest_jump":
            metrics["largest_jump_layer"] = layers[top]
    return Summary(metrics, tuple(ratios), leans_on)


def _ratio_ends(series: Sequence[float], growth_over: int | None) -> list[tuple[str, int, int]]:
    """Return the ratios that have a meaning: name, position of the numerator, position of the denominator."""
    ends = []
    last = len(series) - 1
    base = next((position for position, value in enumerate(series) if value > BASE_LEAST), last)
    if growth_over is not None:
        base = range(len(series))[growth_over]
    if base < last and series[base] > BASE_LEAST:
        ends.append(("growth_last_over_first", last, base))
    jumps = {
        position + 1: after / before for position, (before, after) in enumerate(pairwise(series)) if before > BASE_LEAST
    }
    known = [position for position, jump in jumps.items() if not math.isnan(jump)]
    if known:
        jump = max(known, key=lambda position: jumps[position])
        ends.append(("largest_jump", jump, jump - 1))
        if jump < last and series[jump] > BASE_LEAST:
            ends.append(("recovery_after_jump", jump + 1, jump))
    return ends
