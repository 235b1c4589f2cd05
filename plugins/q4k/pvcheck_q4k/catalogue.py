"""The metrics of ``q4k-chain``: what each number means, and from what it is computed. Light, like the plugin."""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import MetricSpec, MetricType

F32, F64, INT = MetricType.F32, MetricType.F64, MetricType.INT


def _series(name: str, kind: MetricType, doc: str, unit: str = "1", *, compares: bool = False) -> MetricSpec:
    # A table shows the bit patterns of what was computed, not those of the ratios made of it.
    return MetricSpec(name, kind, doc, unit, series=True, bits=unit != "1", compares=compares)


def _compared(name: str, kind: MetricType, doc: str) -> MetricSpec:
    return MetricSpec(name, kind, doc, compares=True)


CHAIN_METRICS: Final = (
    _series(
        "a",
        F32,
        "path A, one number a measured layer: weights decoded to float32, then the sum of the products "
        "w x from left to right, each product and each sum rounded",
        "weight x activation",
    ),
    _series(
        "b",
        F32,
        "path B, one number a measured layer: the activation quantised to int8 (absmax rule), integer "
        "sums of codes, scaled and added sub-block by sub-block in scalar order",
        "weight x activation",
    ),
    _series(
        "rel_diff",
        F32,
        "|a - b| / max(|a|, 1e-9), in float32, one number a measured layer, each path fed by its "
        "own result of the layer before",
        compares=True,
    ),
    _series(
        "rel_diff_unchained",
        F32,
        "rel_diff of the same layer with both paths fed by the first activation: what the layer does without the chain",
        compares=True,
    ),
    _series(
        "condition",
        F64,
        "sum|x w| / |sum x w| over path A's activation x and the decoded weights w, in float64: "
        "how much the sum cancels. 1 when every product is 0, infinite when the sum is 0 and they are not",
    ),
    _series(
        "backward_error",
        F64,
        "|a - b| / sum|x w|, in float64: the difference against what was added up, which "
        "cancellation does not inflate. 0 when a = b",
        compares=True,
    ),
    _series(
        "carry",
        F64,
        "one number a transition, measured: this layer's a is changed by 2**-10 of itself, the next layer is run with "
        "the activation that follows from it, and the relative change of its sum x w (float64) is divided by 2**-10. "
        "Near 0 the chain carries nothing; 1 is a change that arrives whole",
    ),
    _compared("rel_diff_first", F32, "rel_diff of the first measured layer"),
    _compared("rel_diff_last", F32, "rel_diff of the last measured layer"),
    _compared("rel_diff_min", F32, "the smallest rel_diff"),
    _compared("rel_diff_max", F32, "the largest rel_diff"),
    _compared("rel_diff_mean", F64, "the sum of the rel_diffs, from left to right in float64, over their number"),
    _compared(
        "growth_last_over_first",
        F64,
        "rel_diff of the last measured layer over that of the first layer whose "
        "rel_diff is over 1e-12; left out when that is the last one or there is none",
    ),
    MetricSpec("saturation_events", INT, "transitions at which rel_diff falls; left out without transitions", "count"),
    MetricSpec(
        "transitions", INT, "steps from a measured layer to the next measured one: layers_measured - 1", "count"
    ),
    MetricSpec(
        "steady_transitions",
        INT,
        "transitions at which rel_diff changes by at most 10 % of the one before; left out without transitions",
        "count",
    ),
    MetricSpec("typical_layers", INT, "layers whose rel_diff is at most 10 %", "count"),
    MetricSpec("outlier_layers", INT, "the other measured layers, NaN included", "count"),
    _compared(
        "largest_jump",
        F64,
        "the largest rel_diff of a layer over that of the layer before, where that is over "
        "1e-12; left out when there is no such pair",
    ),
    MetricSpec("largest_jump_layer", INT, "the layer that the largest jump leads to; the first of equals", "layer"),
    _compared(
        "recovery_after_jump",
        F64,
        "rel_diff of the layer after largest_jump_layer over that of "
        "largest_jump_layer; left out when the jump leads to the last layer",
    ),
    MetricSpec("layers_measured", INT, "layers measured", "count"),
    MetricSpec("layers_skipped", INT, "layers asked for and left out, each named among the skipped", "count"),
    MetricSpec("min_layer", INT, "the layer of rel_diff_min, the first of equals; left out beside a NaN", "layer"),
    MetricSpec("max_layer", INT, "the layer of rel_diff_max, the first of equals; left out beside a NaN", "layer"),
    MetricSpec("elements", INT, "weights that path A saw: 256 a measured layer", "count"),
    MetricSpec(
        "non_finite",
        INT,
        "elements whose weight or activation is NaN or infinite, counted a path (path B's a "
        "whole super-block at a time), and results a and b that are",
        "count",
    ),
)
"""Every metric the evaluator may report. A metric that is undefined for a measurement is left out of it."""
