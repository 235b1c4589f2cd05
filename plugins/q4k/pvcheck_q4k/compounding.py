"""The evaluator ``q4k-chained-matvec``: both paths through several matrix-vector products, one after the other.

Each tensor has 256 rows of one super-block. Each path's 256 results, divided by their root mean square, are its own
next activation. Results are float32 and their bits are promised; the L2 norms are float64, their sums rounded once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from pvcheck.plugin import Comparison, Condition, Measurement, Population, Ratio
from pvcheck_q4k import blocks, generators
from pvcheck_q4k.chain import relative
from pvcheck_q4k.kernels import MIXED, NO_MINIMUMS, SWAPPED, kernels_of, path_b

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.fixture_parameters import ChainedParameters
    from pvcheck_q4k.kernels import Kernels
    from pvcheck_q4k.results import Dot

    F32s = npt.NDArray[np.float32]
    F64s = npt.NDArray[np.float64]
    Metrics = dict[str, bool | int | float | tuple[bool | int | float, ...]]

F32 = np.float32
LEAST: Final = F32(1e-9)
FAULTS: Final = (MIXED, SWAPPED, NO_MINIMUMS)


@dataclass(frozen=True, slots=True)
class Step:
    """One product of one token: both normalised outputs, the L2 norms of what is reported, and the counts."""

    a: F32s
    b: F32s
    rel_l2: float
    condition: float
    backward_error: float
    first_rel_diff: float
    seen: tuple[int, int]
    non_finite: tuple[int, int]


def measure(parameters: ChainedParameters, context: Context) -> Measurement:
    """Measure the chain of products for each token.

    :raises NotMeasured: if the device has no kernels here, or the context asks for another fault.
    """
    kernels = kernels_of("q4k-chained-matvec", context, *FAULTS)
    tensors = [
        generators.super_blocks(parameters.block, generators.ROWS, tensor) for tensor in range(parameters.tensors)
    ]
    magnitudes = [abs(kernels.decode(raw).weights.astype(np.float64)) for raw in tensors]
    tokens = []
    for token in range(parameters.tokens):
        x_a = x_b = generators.numbers(parameters.activation, blocks.BLOCK_WEIGHTS, token)
        steps: list[Step] = []
        for raw, sizes in zip(tensors, magnitudes, strict=True):
            context.check()
            steps.append(step(kernels, raw, sizes, (x_a, x_b), context.fault))
            x_a, x_b = steps[-1].a, steps[-1].b
        tokens.append(steps)
        context.progress(token + 1, parameters.tokens)
    metrics, ratios = _by_step(tokens[0])
    if parameters.tokens > 1:
        more, further = _by_token([steps[-1] for steps in tokens])
        metrics, ratios = metrics | more, ratios + further
    return _measurement(kernels, tokens, metrics, ratios)


def step(
    kernels: Kernels, raw: npt.NDArray[np.uint8], sizes: F64s, inputs: tuple[F32s, F32s], fault: str | None
) -> Step:
    """Run both paths over one tensor, (rows, 144), whose weights have magnitudes ``sizes``, (rows, 256), float64."""
    x_a, x_b = inputs
    quantised = kernels.quantise(x_b)
    dots_a = [kernels.dot_a(raw[row : row + 1], x_a) for row in range(raw.shape[0])]
    dots_b = [path_b(kernels, raw[row : row + 1], quantised, fault) for row in range(raw.shape[0])]
    y_a, y_b = _values(dots_a), _values(dots_b)
    with np.errstate(all="ignore"):
        added = np.add.accumulate(sizes * abs(x_a.astype(np.float64)), axis=1)[:, -1]  # from left to right
        a, b = normalised(y_a), normalised(y_b)
        difference = y_a.astype(np.float64) - y_b
        norm = l2(y_a)
    return Step(
        a=a,
        b=b,
        rel_l2=_quotient(l2(a.astype(np.float64) - b), l2(a)),
        condition=_quotient(l2(added), norm),
        backward_error=_quotient(l2(difference), l2(added)),
        first_rel_diff=relative(y_a[0], y_b[0]),
        seen=(sum(dot.seen for dot in dots_a), sum(dot.seen for dot in dots_b)),
        non_finite=(sum(dot.non_finite for dot in dots_a), sum(dot.non_finite for dot in dots_b)),
    )


def normalised(y: F32s) -> F32s:
    """Return y over max(sqrt(mean square), 1e-9): float32, the squares added from left to right."""
    with np.errstate(all="ignore"):
        squares = np.add.accumulate(y * y, dtype=F32)[-1]
        scaled: F32s = y / np.maximum(np.sqrt(squares / F32(y.size)), LEAST)
    return scaled


def l2(values: F32s | F64s) -> float:
    """Return the Euclidean norm in float64, the sum of the squares rounded once; NaN where one is not finite."""
    if not np.isfinite(values).all():
        return math.nan
    return math.sqrt(math.fsum(float(value) * float(value) for value in values))


def _values(dots: Sequence[Dot]) -> F32s:
    """Return the results of the rows."""
    return np.array([dot.value for dot in dots], F32)


def _quotient(top: float, bottom: float) -> float:
    """Return top / bottom; 0 over 0 is 0, and anything else over 0 infinite."""
    if bottom == 0:
        return 0.0 if top == 0 else math.inf
    return top / bottom


def _by_step(steps: list[Step]) -> tuple[Metrics, tuple[Ratio, ...]]:
    """Return the metrics of the first token, and both ends of what is a ratio."""
    series = [each.rel_l2 for each in steps]
    metrics: Metrics = {
        "rel_l2": tuple(series),
        "condition": tuple(each.condition for each in steps),
        "backward_error": tuple(each.backward_error for each in steps),
        "rel_l2_last": series[-1],
        "rel_diff_row0": steps[0].first_rel_diff,
        "falling_steps": sum(after < before for before, after in pairwise(series)),
    }
    last = f"rel_l2 after product {len(series)}, token 0"
    ratios = []
    for name, value, what in (
        ("growth_last_over_first", series[0], "rel_l2 after product 1, token 0"),
        ("last_over_row0", steps[0].first_rel_diff, "rel_diff of row 0 of product 1, token 0"),
    ):
        if len(series) > 1 and value > 0:
            metrics[name] = series[-1] / value
            ratios.append(_ratio(name, (last, series[-1]), (what, value)))
    return metrics, tuple(ratios)


def _by_token(last: list[Step]) -> tuple[Metrics, tuple[Ratio, ...]]:
    """Return the metrics over the tokens after their last product, and both ends of what is a ratio."""
    series = [each.rel_l2 for each in last]
    mean = math.fsum(series) / len(series)
    metrics: Metrics = {"rel_l2_tokens": tuple(series), "rel_l2_mean": mean}
    spread_a, spread_b = spread([each.a for each in last]), spread([each.b for each in last])
    ratios = []
    if series[0] > 0:
        metrics["mean_over_token0"] = mean / series[0]
        ends = (f"mean rel_l2 of {len(series)} tokens", mean), ("rel_l2 of token 0", series[0])
        ratios.append(_ratio("mean_over_token0", *ends))
    if spread_b > 0:
        metrics["std_a_over_b"] = spread_a / spread_b
        metrics["std_excess_a_over_b"] = spread_a / spread_b - 1
        what = f"mean over 256 components of the std over {len(series)} tokens"
        ratios.append(_ratio("std_a_over_b", (f"{what}, path A", spread_a), (f"{what}, path B", spread_b)))
    return metrics, tuple(ratios)


def spread(outputs: Sequence[F32s]) -> float:
    """Return the mean over the components of the population std over the tokens, in float64, sums rounded once."""
    if not all(np.isfinite(output).all() for output in outputs):
        return math.nan
    stds = []
    for component in zip(*(output.tolist() for output in outputs), strict=True):
        mean = math.fsum(component) / len(component)
        stds.append(math.sqrt(math.fsum((value - mean) * (value - mean) for value in component) / len(component)))
    return math.fsum(stds) / len(stds)


def _ratio(metric: str, top: tuple[str, float], bottom: tuple[str, float]) -> Ratio:
    """Return a ratio from both ends: words and number."""
    return Ratio(
        metric=metric,
        numerator=top[0],
        denominator=bottom[0],
        numerator_value=top[1],
        denominator_value=bottom[1],
    )


def _measurement(
    kernels: Kernels, tokens: list[list[Step]], metrics: Metrics, ratios: tuple[Ratio, ...]
) -> Measurement:
    """Return the measurement: the metrics, the counts, the populations and the conditioning."""
    steps = [each for token in tokens for each in token]
    products = len(tokens[0])
    sides = [
        Population(
            count=sum(each.seen[side] for each in steps),
            shape=(len(tokens), products, generators.ROWS, blocks.BLOCK_WEIGHTS),
            selection="all rows of every product of every token",
            non_finite=sum(each.non_finite[side] for each in steps),
        )
        for side in (0, 1)
    ]
    compared = tuple(name for name in metrics if name not in {"condition", "falling_steps"})
    # The last difference leans on every product before it, so on the worst of them.
    worst = max(tokens[0], key=lambda each: math.inf if math.isnan(each.condition) else each.condition)
    return Measurement(
        metrics=metrics
        | {
            "elements": sides[0].count,
            "non_finite": sides[0].non_finite + sides[1].non_finite,
        },
        backend=kernels.NAME,
        labels=tuple(f"product {number}" for number in range(1, products + 1)),
        comparisons=(Comparison(metrics=compared, left=sides[0], right=sides[1]),),
        conditions=(
            *(
                Condition(metric="rel_l2", position=position, number=each.condition, backward_error=each.backward_error)
                for position, each in enumerate(tokens[0])
            ),
            Condition(metric="rel_l2_last", position=None, number=worst.condition, backward_error=worst.backward_error),
        ),
        ratios=ratios,
        libraries=dict(kernels.LIBRARIES),
    )
