"""The metrics of the evaluators on made-up numbers: what each number means. Light, like the plugin."""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import MetricSpec, MetricType

F32, F64, INT, BOOL = MetricType.F32, MetricType.F64, MetricType.INT, MetricType.BOOL
_PRODUCT: Final = "weight x activation"
_A: Final = "path A: weights decoded to float32, then a strict left fold of rounded products"
_B: Final = "path B: the activation quantised to int8 (absmax rule), integer sums scaled and added in scalar order"
_REL: Final = "|a - b| / max(|a|, 1e-9), in float32"
_CONDITION: Final = "sum|x w| / |sum x w|, in float64: how much the sum cancels; 1 when every product is 0"
_BACKWARD: Final = "|a - b| / sum|x w|, in float64: the difference against what was added up; 0 when a = b"
_NON_FINITE: Final = "elements and results that are NaN or infinite, counted a path"


def _count(name: str, doc: str, unit: str = "count", *, compares: bool = False) -> MetricSpec:
    return MetricSpec(name, INT, doc, unit, compares=compares)


def _compared(name: str, kind: MetricType, doc: str, *, series: bool = False) -> MetricSpec:
    return MetricSpec(name, kind, doc, series=series, compares=True)


_ELEMENTS: Final = _count("elements", "elements of each side")
_IDENTICAL: Final = _compared("identical", BOOL, "whether both sides have the same bits everywhere")
_MAX_ULP: Final = _count(
    "max_ulp",
    "the largest distance of two results in steps of float32; 0 and -0 are one number",
    "float32 steps",
    compares=True,
)

MATMUL_METRICS: Final = (
    _compared("identical", BOOL, "whether every run has the bits of the first one"),
    _count("variants", "runs: threads x chunks x repeats; every second repeat takes the chunks backwards"),
    _count("differing", "runs whose bits are not those of the first one"),
    _MAX_ULP,
    _count("elements", "numbers of one result: rows x outputs"),
)
REDUCTION_METRICS: Final = (
    MetricSpec(
        "lanes",
        F32,
        "the dot product in 8 lanes of fused multiply-adds, summed as ((l0+l4)+(l1+l5)) + ((l2+l6)+(l3+l7))",
        "left x right",
        bits=True,
    ),
    MetricSpec(
        "left_fold", F32, "the same dot product as a left fold, each product rounded", "left x right", bits=True
    ),
    _compared("identical", BOOL, "whether both have the same bits"),
    _MAX_ULP,
    _count("elements", "numbers of each vector"),
)
DECODE_METRICS: Final = (
    MetricSpec("first", F32, "the first weight, from the compiled decoder", "weight", bits=True),
    MetricSpec("last", F32, "the last weight, from the compiled decoder", "weight", bits=True),
    _IDENTICAL,
    _count("differing", "weights whose bits differ between the scalar and the compiled decoder", compares=True),
    _MAX_ULP,
    _count("elements", "weights that the compiled decoder wrote"),
    _count("non_finite", "weights that are NaN or infinite, counted a decoder"),
)
PATHS_METRICS: Final = (
    MetricSpec("a", F32, _A, _PRODUCT, bits=True),
    MetricSpec("b", F32, _B, _PRODUCT, bits=True),
    _compared("rel_diff", F32, _REL),
    _compared("bits_differ", BOOL, "whether a and b are different bit patterns"),
    MetricSpec("condition", F64, _CONDITION),
    _compared("backward_error", F64, _BACKWARD),
    _ELEMENTS,
    _count("non_finite", _NON_FINITE),
)
SWEEP_METRICS: Final = (
    MetricSpec("a", F32, f"{_A}; one number a scale", _PRODUCT, series=True, bits=True),
    MetricSpec("b", F32, f"{_B}; one number a scale", _PRODUCT, series=True, bits=True),
    _compared("rel_diff", F32, f"{_REL}; one number a scale", series=True),
    MetricSpec("condition", F64, f"{_CONDITION}; one number a scale", series=True),
    _compared("backward_error", F64, f"{_BACKWARD}; one number a scale", series=True),
    _compared("rel_diff_min", F32, "the smallest rel_diff"),
    _compared("rel_diff_max", F32, "the largest rel_diff"),
    _compared(
        "largest_over_smallest",
        F64,
        "the largest rel_diff over the smallest; left out when that is 0. Where dmin is 0 both paths are linear in d "
        "and it is 1 but for rounding, whatever the block: then a bound on it alone cannot fail",
    ),
    _ELEMENTS,
    _count("non_finite", _NON_FINITE),
)
CHAINED_METRICS: Final = (
    _compared(
        "rel_l2",
        F64,
        "L2(A - B) / L2(A) of the normalised outputs, one number a product, token 0; norms in float64, sums rounded "
        "once",
        series=True,
    ),
    MetricSpec(
        "condition",
        F64,
        "L2 over the rows of sum|x w| / L2 of path A's results, one number a product, token 0: how much the sums "
        "cancel together",
        series=True,
    ),
    _compared(
        "backward_error",
        F64,
        "L2 of a - b over L2 of sum|x w|, results before normalisation, one number a product, token 0",
        series=True,
    ),
    MetricSpec(
        "carry",
        F64,
        "one number a transition, token 0, measured: path A's normalised output is changed by 2**-10 of its L2 norm "
        "towards path B's (where they are equal, its first half up and its second down), the next product is run with "
        "it, and the relative L2 change of the results is divided by 2**-10. Near 0 the chain carries nothing, above 1 "
        "it amplifies; left out with one product",
        series=True,
    ),
    _compared("rel_l2_last", F64, "rel_l2 after the last product, token 0"),
    _compared("rel_diff_row0", F32, f"{_REL}, of row 0 of the first product, token 0, before normalisation"),
    _count("falling_steps", "products after which rel_l2 is smaller than before them, token 0"),
    _compared(
        "growth_last_over_first",
        F64,
        "rel_l2 after the last product over rel_l2 after the first, token 0; left out with one product",
    ),
    _compared(
        "last_over_row0",
        F64,
        "rel_l2 after the last product over rel_diff_row0: unlike quantities, as a published growth had them; left "
        "out with one product",
    ),
    _compared("rel_l2_tokens", F64, "rel_l2 after the last product, one number a token", series=True),
    _compared("rel_l2_mean", F64, "the mean of rel_l2_tokens; with several tokens"),
    _compared("mean_over_token0", F64, "rel_l2_mean over rel_l2_last, which is token 0's; with several tokens"),
    _compared(
        "std_a_over_b",
        F64,
        "mean over the 256 components of the population std over the tokens, path A's over path B's; with several "
        "tokens",
    ),
    _compared("std_excess_a_over_b", F64, "std_a_over_b - 1; with several tokens"),
    _count("elements", "weights that path A saw, over all tokens"),
    _count("non_finite", "elements that are NaN or infinite, counted a path"),
)
DRIFT_METRICS: Final = (
    _compared("input_drift", F32, "relative change of the input: the norm of the change over the norm of the input"),
    _compared("output_drift", F32, "relative change of the output, in the same way"),
    _compared(
        "amplification",
        F32,
        "output_drift over input_drift. RoPE and the dot product are linear in the query, so for them it is 1 but for "
        "rounding, whatever the query and the key",
    ),
    _count("elements", "numbers of the input"),
)
