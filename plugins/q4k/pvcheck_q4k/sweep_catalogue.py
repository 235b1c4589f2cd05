"""The evaluator ``q4k-matvec-sweep`` as the plugin offers it: metrics, faults, names of its functions. Light."""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import Evaluator, Fault, MetricSpec, MetricType
from pvcheck_q4k.fault_catalogue import PATH_B_FAULTS
from pvcheck_q4k.sweep_parameters import MatvecSweepParameters

F64, INT = MetricType.F64, MetricType.INT
LOST_PART: Final = "lost-part"
PART_TWICE: Final = "part-twice"

_A_LAYER: Final = "one number a measured layer"
_SQUARES: Final = f"in float64, rounded once a part and once a layer, {_A_LAYER}"


def _series(name: str, doc: str, *, compares: bool = False) -> MetricSpec:
    return MetricSpec(name, F64, doc, series=True, compares=compares)


def _count(name: str, doc: str, unit: str = "count") -> MetricSpec:
    return MetricSpec(name, INT, doc, unit)


METRICS: Final = (
    _series(
        "rel_l2",
        f"L2(a - b) / L2(a) over the rows, a and b being what the paths come to, {_A_LAYER}; the roots of "
        "squares_difference and squares_a",
        compares=True,
    ),
    _series(
        "condition",
        f"L2 over the rows of sum|x w| / L2 of sum x w, over the activation x and the decoded weights w, {_A_LAYER}: "
        "how much the sums cancel together; the roots of squares_magnitudes and squares_sums",
    ),
    _series("backward_error", f"L2 of a - b over L2 of sum|x w|, {_A_LAYER}", compares=True),
    _series(
        "rel_diff_largest",
        f"the largest |a - b| / max(|a|, 1e-9) of a row, in float64, {_A_LAYER}; NaN where one is",
        compares=True,
    ),
    _series("squares_difference", f"the sum over the rows of (a - b)^2, {_SQUARES}", compares=True),
    _series("squares_a", f"the sum over the rows of a^2, {_SQUARES}"),
    _series("squares_magnitudes", f"the sum over the rows of (sum|x w|)^2, {_SQUARES}; a row from left to right"),
    _series("squares_sums", f"the sum over the rows of (sum x w)^2, {_SQUARES}; a row from left to right"),
    MetricSpec("rel_l2_max", F64, "the largest rel_l2; NaN where one is", compares=True),
    _count("max_layer", "the layer of rel_l2_max, the first of equals; left out beside a NaN", "layer"),
    _count("layers_measured", "layers measured"),
    _count("layers_skipped", "layers asked for and left out, each named among the skipped"),
    _count("parts", "runs of rows that were measured on their own, over all measured layers"),
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
"""Every metric it may report. A part reports the same: a sweep over one layer and a few rows."""
FAULTS: Final = (
    *PATH_B_FAULTS,
    Fault(name=LOST_PART, doc="the last part is left out when the parts are joined"),
    Fault(name=PART_TWICE, doc="the first part is added twice when the parts are joined"),
)
SWEEP: Final = Evaluator(
    name="q4k-matvec-sweep",
    version="1.0.0",
    doc="Runs two ways to compute a matrix-vector product over each layer of a model, all layers with the same "
    "activation: no layer takes anything over from another. Each layer is measured in runs of rows, several at a time "
    "and perhaps on several machines, and the runs are added in their order: neither the number of workers nor that of "
    "threads changes a bit. Tensors in Q4_K and in Q6_K are measured, each in its own way; a layer with others is "
    "skipped and named. A fault of path B is planted in the first rows of each part in Q4_K, up to 4,096 super-blocks: "
    "planted code is NumPy, and would take minutes for a whole model.",
    parameters=MatvecSweepParameters,
    metrics=METRICS,
    implementation="pvcheck_q4k.matvec_sweep:measure",
    split="pvcheck_q4k.matvec_sweep:split",
    join="pvcheck_q4k.matvec_sweep:join",
    devices=("cpu", "reference", "cuda"),
    faults=FAULTS,
    takes_arrays=True,
)
