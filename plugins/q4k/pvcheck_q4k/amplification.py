"""Evaluators that ask whether one operation of a layer makes a small relative change larger: softmax, RoPE, RMS norm.

All arithmetic is float32 in NumPy, sums from left to right. Softmax and RoPE use exp, power, sine and cosine, which
are not rounded correctly everywhere: no bits of theirs are promised on another machine, digits are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pvcheck.plugin import Comparison, Condition, Measurement, NotMeasured, Population, Ratio
from pvcheck_q4k import fault_catalogue as faults
from pvcheck_q4k import generators
from pvcheck_q4k.kernels import NUMPY_ONLY, check

if TYPE_CHECKING:
    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.fixture_parameters import RmsNormParameters, RopeParameters, SoftmaxParameters

    F32s = npt.NDArray[np.float32]

F32 = np.float32


def measure_softmax(parameters: SoftmaxParameters, context: Context) -> Measurement:
    """Measure what softmax makes of a change of one logit: L1 drifts.

    :raises NotMeasured: if the device or fault is another.
    """
    check("f32-softmax-drift", context, NUMPY_ONLY)
    before = np.array(parameters.logits, F32)
    change = F32(parameters.change)
    after = before.copy()
    for _ in range(_times(context)):
        after[parameters.position] += change
    p, changed = (softmax(each, context.fault) for each in (before, after))
    _refuse_same(context, p, softmax(before))
    return _measurement(
        "L1",
        before.size,
        drifts=(change / fold(abs(before)), fold(abs(changed - p)) / fold(abs(p))),
        non_finite=(_non_finite(p), _non_finite(changed)),
    )


def softmax(logits: F32s, fault: str | None = None) -> F32s:
    """Return softmax with the largest logit subtracted, in float32."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        power = np.exp2 if fault == faults.BASE_TWO else np.exp
        powers: F32s = power(logits if fault == faults.NO_MAXIMUM else logits - logits.max())
        if fault == faults.UNNORMALISED:
            return powers
        shares: F32s = powers / fold(powers[:-1] if fault == faults.LOST_LOGIT else powers)
    return shares


def measure_rope(parameters: RopeParameters, context: Context) -> Measurement:
    """Measure what a rotated dot product makes of a relative change of the query.

    :raises NotMeasured: if the device or fault is another, or the score or the query is 0.
    """
    check("f32-rope-drift", context, NUMPY_ONLY)
    before = generators.numbers(parameters.query, parameters.head)
    factor = F32(1) + F32(parameters.change)
    after = before * factor
    key = generators.numbers(parameters.key, parameters.head)
    used = after * factor if _times(context) > 1 else after
    products = _products(parameters, (before, used), key, context.fault)
    _refuse_same(context, products[0], _products(parameters, (before,), key, None)[0])
    scale = F32(math.sqrt(parameters.head))
    score, changed = (fold(each) / scale for each in products)
    if score == 0 or not before.any():
        raise NotMeasured("the score or the query is 0: there is nothing for a change to be relative to")
    magnitude = fold(abs(products[0])) / scale
    return _measurement(
        "L2",
        before.size,
        drifts=(_l2(after - before) / _l2(before), abs(changed - score) / abs(score)),
        non_finite=(_non_finite(products[0]), _non_finite(products[1])),
        condition=(float(magnitude / abs(score)), float(abs(changed - score) / magnitude)),
    )


def _products(parameters: RopeParameters, queries: tuple[F32s, ...], key: F32s, fault: str | None) -> list[F32s]:
    """Return the products that the scores are the sums of: each query, rotated, times the rotated key."""
    base = F32(parameters.base)
    at = parameters.query_position + (fault == faults.NEXT_POSITION)
    turned = rotated(key, 0 if fault == faults.UNROTATED else parameters.key_position, base, fault)
    return [rotated(query, at, base, fault) * turned for query in queries]


def rotated(values: F32s, position: int, base: np.float32, fault: str | None = None) -> F32s:
    """Return values rotated by RoPE, split halves: pair i is (i, i + n/2), its angle position * base^(-2i/n)."""
    if fault == faults.NEIGHBOUR_PAIRS:
        return np.ravel(rotated(np.ravel(values.reshape(-1, 2).T), position, base).reshape(2, -1).T)
    half = values.size // 2
    exponents = (np.arange(half, dtype=F32) * F32(-1 if fault == faults.HALF_EXPONENT else -2)) / F32(values.size)
    angles = F32(position) * np.power(base, exponents)
    if fault == faults.HALF_ANGLES:
        angles = angles.astype(np.float16).astype(F32)
    cosine, sine = np.cos(angles), np.sin(angles)
    low, high = values[:half], values[half:]
    return np.concatenate([low * cosine - high * sine, low * sine + high * cosine])


def measure_rmsnorm(parameters: RmsNormParameters, context: Context) -> Measurement:
    """Measure what RMS normalisation makes of a relative change of each number: L2 drifts.

    :raises NotMeasured: if the device or fault is another, or the vector is 0.
    """
    check("f32-rmsnorm-drift", context, NUMPY_ONLY)
    before = generators.numbers(parameters.vector, parameters.length)
    if not before.any():
        raise NotMeasured("the vector is 0: there is nothing for a change to be relative to")
    step = generators.signs(parameters.signs, parameters.length) * abs(before) * F32(parameters.change)
    after = before + step
    epsilon = F32(parameters.epsilon)
    out = normalised(before, epsilon, context.fault)
    changed = normalised(after + step if _times(context) > 1 else after, epsilon, context.fault)
    _refuse_same(context, out, normalised(before, epsilon))
    return _measurement(
        "L2",
        before.size,
        drifts=(_l2(after - before) / _l2(before), _l2(changed - out) / _l2(out)),
        non_finite=(_non_finite(out), _non_finite(changed)),
    )


def normalised(values: F32s, epsilon: np.float32, fault: str | None = None) -> F32s:
    """Return values over sqrt(mean square + epsilon), in float32."""
    count = F32(values.size)
    if fault == faults.CENTRED:
        values = values - fold(values) / count
    square = fold(values * values) / (F32(1) if fault == faults.SUM else count)
    with np.errstate(invalid="ignore"):  # a centred vector of one number is 0
        root = np.sqrt(square) + epsilon if fault == faults.OUTSIDE else np.sqrt(square + epsilon)
        scaled: F32s = values / root
    return scaled


def fold(values: F32s) -> np.float32:
    """Return the float32 sum from left to right."""
    return F32(np.add.accumulate(values, dtype=F32)[-1])


def _l2(values: F32s) -> np.float32:
    """Return the Euclidean norm, in float32."""
    return F32(np.sqrt(fold(values * values)))


def _times(context: Context) -> int:
    """Return how often the change is made before the output is computed: once, or twice by a planted fault."""
    return 2 if context.fault == faults.TWICE else 1


def _refuse_same(context: Context, wrong: F32s, right: F32s) -> None:
    """Refuse a measurement in which a fault of the operation leaves its output as it is.

    :raises NotMeasured: if there is such a fault.
    """
    if context.fault not in {None, faults.TWICE} and wrong.tobytes() == right.tobytes():
        raise NotMeasured(f"not planted: {context.fault} changes no output here")


def _non_finite(values: F32s) -> int:
    """Return how many numbers are NaN or infinite."""
    return int((~np.isfinite(values)).sum())


def _measurement(
    norm: str,
    count: int,
    *,
    drifts: tuple[np.float32, np.float32],
    non_finite: tuple[int, int],
    condition: tuple[float, float] | None = None,
) -> Measurement:
    """Return the drifts of input and output, their ratio, and what the guards need."""
    into, out = drifts
    with np.errstate(divide="ignore", invalid="ignore"):
        amplification = float(out / into)
    sides = [Population(count=count, shape=(count,), selection="all numbers", non_finite=each) for each in non_finite]
    metrics = ("input_drift", "output_drift", "amplification")
    conditions: tuple[Condition, ...] = ()
    if condition is not None:
        number, error = condition
        conditions = tuple(
            Condition(metric=metric, position=None, number=number, backward_error=error) for metric in metrics[1:]
        )
    return Measurement(
        metrics={
            "input_drift": float(into),
            "output_drift": float(out),
            "amplification": amplification,
            "elements": count,
        },
        backend="numpy",
        comparisons=(Comparison(metrics=metrics, left=sides[0], right=sides[1]),),
        conditions=conditions,
        ratios=(
            Ratio(
                metric="amplification",
                numerator=f"relative {norm} change of the output",
                denominator=f"relative {norm} change of the input",
                numerator_value=float(out),
                denominator_value=float(into),
            ),
        ),
        libraries={"numpy": np.__version__},
    )
