"""The metrics of ``q4k-matvec-chain`` and ``q4k-ffn-chain``: what each number means. Light, like the plugin."""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import MetricSpec, MetricType

F64, INT = MetricType.F64, MetricType.INT

_NORMS: Final = "norms in float64, sums of squares rounded once"
_A_LAYER: Final = "one number a measured layer"


def _series(name: str, doc: str, *, compares: bool = False) -> MetricSpec:
    return MetricSpec(name, F64, doc, series=True, compares=compares)


def _compared(name: str, doc: str) -> MetricSpec:
    return MetricSpec(name, F64, doc, compares=True)


def _count(name: str, doc: str, unit: str = "count") -> MetricSpec:
    return MetricSpec(name, INT, doc, unit)


def _carry(what: str, run: str) -> MetricSpec:
    return _series(
        "carry",
        f"one number a transition, measured: path A's {what} is changed by 2**-10 of its L2 norm towards path B's "
        f"(where they are equal, its first half up and its second down), {run}, and the relative L2 change of what "
        "comes out is divided by 2**-10. Near 0 the chain carries nothing, above 1 it amplifies; left out with one "
        "layer",
    )


_STATISTICS: Final = (
    _compared("rel_l2_first", "rel_l2 of the first measured layer"),
    _compared("rel_l2_last", "rel_l2 of the last measured layer"),
    _compared("rel_l2_max", "the largest rel_l2; NaN where one is"),
    _count("max_layer", "the layer of rel_l2_max, the first of equals; left out beside a NaN", "layer"),
    _compared(
        "growth_last_over_first",
        "rel_l2_last over rel_l2_first; left out with one layer, and where the first is 0",
    ),
    _count("falling_steps", "transitions at which rel_l2 falls"),
    _count("layers_measured", "layers measured"),
    _count("layers_skipped", "layers asked for and left out, each named among the skipped"),
    _count("rows", "rows of weights that path A multiplied, over all measured layers"),
    _count(
        "elements",
        "weights that path A saw, over all measured layers, with those that fill up a row to whole super-blocks",
    ),
    _count(
        "non_finite",
        "elements whose weight or activation is NaN or infinite, counted a path (path B's a whole super-block at "
        "a time), and numbers of both paths' results that are",
    ),
)
"""The statistics of rel_l2, and the counts."""
MATVEC_METRICS: Final = (
    _series(
        "rel_l2",
        f"L2(A - B) / L2(A) of the normalised outputs, {_A_LAYER}, each path fed by its own output of the layer "
        f"before; {_NORMS}",
        compares=True,
    ),
    _series(
        "rel_l2_unchained",
        "rel_l2 of the same layer with path B fed by path A's activation: what the layer adds on its own",
        compares=True,
    ),
    _series(
        "condition",
        "L2 over the rows of sum|x w| / L2 of sum x w, over path A's activation x and the decoded weights w, sums in "
        f"float64 from left to right, {_A_LAYER}: how much the sums cancel together",
    ),
    _series(
        "backward_error",
        f"L2 of a - b over L2 of sum|x w|, results before normalisation, {_A_LAYER}",
        compares=True,
    ),
    _carry("normalised output", "the next layer is run with it"),
    *_STATISTICS,
)
FFN_METRICS: Final = (
    _series(
        "rel_l2",
        f"L2(A - B) / L2(A) of the residual stream after the layer, {_A_LAYER}, each path on its own stream; {_NORMS}",
        compares=True,
    ),
    _series(
        "rel_l2_ffn",
        f"L2(A - B) / L2(A) of what the layer adds to the stream, W_down z, {_A_LAYER}: without the stream, which "
        "hides how far the paths part",
        compares=True,
    ),
    _series(
        "rel_l2_unchained",
        "rel_l2 of the same layer with path B on path A's stream: what the layer adds on its own",
        compares=True,
    ),
    _series(
        "condition",
        "L2 over the rows of |h| + sum|z w| / L2 of h + sum z w, over path A's stream h before the layer, its z and "
        f"the decoded weights w of down, sums in float64 from left to right, {_A_LAYER}: how much the last sums of "
        "the layer cancel together",
    ),
    _series("condition_ffn", f"the same without the stream: L2 of sum|z w| / L2 of sum z w, {_A_LAYER}"),
    _series(
        "backward_error",
        f"L2 of the difference of the streams after the layer over L2 of |h| + sum|z w|, {_A_LAYER}",
        compares=True,
    ),
    _series(
        "backward_error_ffn",
        f"L2 of the difference of what the layer adds over L2 of sum|z w|, {_A_LAYER}",
        compares=True,
    ),
    _carry("stream", "the whole next layer is run with it"),
    *_STATISTICS,
)
"""Every metric the two may report. A metric that is undefined for a measurement is left out of it."""
