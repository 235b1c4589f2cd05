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

from pvcheck.plugin import ChainLink, Comparison, Condition, Measurement, NotMeasured, Population, Ratio
from pvcheck_q4k import blocks, generators
from pvcheck_q4k import fault_catalogue as faults
from pvcheck_q4k.chain import NUDGE, relative
from pvcheck_q4k.faulty import Trial
from pvcheck_q4k.kernels import kernels_of

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


@dataclass(frozen=True, slots=True)
class Step:
    """One product of one token: path A's results, both normalised outputs, what is reported of them, and the counts.

    ``condition_row0`` and ``backward_error_row0`` are those of row 0 alone.
    """

    y_a: F32s
    a: F32s
    b: F32s
    rel_l2: float
    condition: float
    backward_error: float
    first_rel_diff: float
    condition_row0: float
    backward_error_row0: float
    seen: tuple[int, int]
    non_finite: tuple[int, int]


def measure(parameters: ChainedParameters, context: Context) -> Measurement:
    """Measure the chain of products for each token.

    :raises NotMeasured: if the device has no kernels here, or the context asks for another fault.
    """
    kernels = kernels_of("q4k-chained-matvec", context)
    trial = Trial(kernels, context)
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
            steps.append(step(kernels, raw, sizes, (x_a, x_b), trial))
            x_a, x_b = steps[-1].a, steps[-1].a if context.fault == faults.CROSSED else steps[-1].b
        tokens.append(steps)
        context.progress(token + 1, parameters.tokens)
    trial.check()
    _refuse_unchanged(parameters, context.fault)
    metrics, ratios = _by_step(tokens[0])
    if parameters.tokens > 1:
        more, further = _by_token([steps[-1] for steps in tokens], is_last=context.fault == faults.LAST_TOKEN)
        metrics, ratios = metrics | more, ratios + further
    carries = [
        carry(kernels, raw, before, after)
        for raw, before, after in zip(tensors[1:], tokens[0], tokens[0][1:], strict=False)
    ]
    if carries:
        metrics["carry"] = tuple(carries)
    return _measurement(kernels, tokens, metrics, ratios)


def _refuse_unchanged(parameters: ChainedParameters, fault: str | None) -> None:
    """Refuse a measurement in which a fault of how results go on, or of the statistics, has no place.

    :raises NotMeasured: if there is such a fault.
    """
    if fault == faults.CROSSED and parameters.tensors == 1:
        raise NotMeasured("not planted: there is one product, and nothing goes on from its results")
    if fault == faults.LAST_TOKEN and parameters.tokens == 1:
        raise NotMeasured("not planted: there is one token, and no statistics over several")


def carry(kernels: Kernels, raw: npt.NDArray[np.uint8], before: Step, after: Step) -> float:
    """Return how much of a relative change of path A's output reaches its next results: their change over that one.

    The next product is really run.
    """
    x = nudged(before.a, before.b)
    if x is None:
        return 0.0
    return reach(_values([kernels.dot_a(row[None], x) for row in raw]), after.y_a)


def nudged(a: F32s, b: F32s) -> F32s | None:
    """Return path A's output changed by 2**-10 of its norm towards path B's, as the chain's own difference changes it.

    Where they are equal the first half goes up and the second down. Zeros have nothing to change: None.
    """
    with np.errstate(all="ignore"):
        away = b - a.astype(np.float64)
        if not away.any():
            away = a * np.where(np.arange(a.size) < a.size // 2, 1.0, -1.0)
        size = l2(away)
        if size == 0:
            return None
        changed: F32s = (a + away * (float(NUDGE) * l2(a) / size)).astype(F32)
    return changed


def reach(changed: F32s, results: F32s) -> float:
    """Return the relative L2 change of results over that of the output before them, which was 2**-10."""
    with np.errstate(all="ignore"):
        difference = changed.astype(np.float64) - results
    return quotient(l2(difference), l2(results)) / float(NUDGE)


def step(kernels: Kernels, raw: npt.NDArray[np.uint8], sizes: F64s, inputs: tuple[F32s, F32s], trial: Trial) -> Step:
    """Run both paths over one tensor, (rows, 144), whose weights have magnitudes ``sizes``, (rows, 256), float64."""
    x_a, x_b = inputs
    dots_a = [kernels.dot_a(raw[row : row + 1], x_a) for row in range(raw.shape[0])]
    dots_b = trial.dots(raw, x_b)
    y_a, y_b = _values(dots_a), _values(dots_b)
    with np.errstate(all="ignore"):
        added = np.add.accumulate(sizes * abs(x_a.astype(np.float64)), axis=1)[:, -1]  # from left to right
        a, b = normalised(y_a), normalised(y_b)
        difference = y_a.astype(np.float64) - y_b
        norm = l2(y_a)
    return Step(
        y_a=y_a,
        a=a,
        b=b,
        rel_l2=quotient(l2(a.astype(np.float64) - b), l2(a)),
        condition=quotient(l2(added), norm),
        backward_error=quotient(l2(difference), l2(added)),
        first_rel_diff=relative(y_a[0], y_b[0]),
        condition_row0=quotient(float(added[0]), abs(float(y_a[0]))),
        backward_error_row0=quotient(abs(float(difference[0])), float(added[0])),
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
    wide = values.astype(np.float64)
    return math.sqrt(math.fsum((wide * wide).tolist()))


def _values(dots: Sequence[Dot]) -> F32s:
    """Return the results of the rows."""
    return np.array([dot.value for dot in dots], F32)


def quotient(top: float, bottom: float) -> float:
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


def _by_token(last: list[Step], *, is_last: bool) -> tuple[Metrics, tuple[Ratio, ...]]:
    """Return the metrics over the tokens after their last product, and both ends of what is a ratio.

    ``is_last`` is a fault: the mean is that of the last token, and path B's spread that of its components.
    """
    series = [each.rel_l2 for each in last]
    mean = series[-1] if is_last else math.fsum(series) / len(series)
    metrics: Metrics = {"rel_l2_tokens": tuple(series), "rel_l2_mean": mean}
    spread_a, spread_b = spread([each.a for each in last]), spread([each.b for each in last])
    if is_last:
        spread_b = spread([*last[-1].b[:, None]])
    ratios = []
    if series[0] > 0:
        metrics["mean_over_token0"] = mean / series[0]
        ends = (f"mean rel_l2 of {len(series)} tokens", mean), ("rel_l2 of token 0", series[0])
        ratios.append(_ratio("mean_over_token0", *ends))
    if spread_b > 0:
        metrics["std_a_over_b"] = spread_a / spread_b
        metrics["std_excess_a_over_b"] = spread_a / spread_b - 1
        what = f"mean over 256 components of the std over {len(series)} tokens"
        ends = (f"{what}, path A", spread_a), (f"{what}, path B", spread_b)
        ratios.append(_ratio("std_a_over_b", *ends))
        ratios.append(_ratio("std_excess_a_over_b", (f"{what}, path A less path B", spread_a - spread_b), ends[1]))
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
    compared = tuple(name for name in metrics if name not in {"condition", "falling_steps", "carry"})
    carries = metrics.get("carry", ())
    assert isinstance(carries, tuple)  # noqa: S101 - told to the type checker
    return Measurement(
        metrics=metrics
        | {
            "elements": sides[0].count,
            "non_finite": sides[0].non_finite + sides[1].non_finite,
        },
        backend=kernels.NAME,
        labels=tuple(f"product {number}" for number in range(1, products + 1)),
        comparisons=(Comparison(metrics=compared, left=sides[0], right=sides[1]),),
        conditions=_conditions(tokens, metrics),
        links=tuple(
            ChainLink(position=position, label=f"product {position + 1} to product {position + 2}", carry=value)
            for position, value in enumerate(carries)
        ),
        ratios=ratios,
        libraries=dict(kernels.LIBRARIES),
    )


def _conditions(tokens: list[list[Step]], metrics: Metrics) -> tuple[Condition, ...]:
    """Return the conditioning of each relative difference: of its product, or of the worst that it leans on.

    What stands after several products leans on each of them.
    """
    whole = [[(each.condition, each.backward_error) for each in steps] for steps in tokens]
    worst = [max(pairs, key=_badness) for pairs in whole]
    row0 = (tokens[0][0].condition_row0, tokens[0][0].backward_error_row0)
    leaning = {
        "rel_l2_last": worst[0],
        "rel_diff_row0": row0,
        "growth_last_over_first": worst[0],
        "last_over_row0": max(worst[0], row0, key=_badness),
        "rel_l2_mean": max(worst, key=_badness),
        "mean_over_token0": max(worst, key=_badness),
    }
    places = [("rel_l2", position, pair) for position, pair in enumerate(whole[0])]
    places += [("rel_l2_tokens", position, pair) for position, pair in enumerate(worst)]
    return tuple(
        Condition(metric=metric, position=position, number=number, backward_error=error)
        for metric, position, (number, error) in (*places, *((name, None, pair) for name, pair in leaning.items()))
        if metric in metrics
    )


def _badness(pair: tuple[float, float]) -> float:
    """Return the condition number to compare by; NaN is the worst."""
    return math.inf if math.isnan(pair[0]) else pair[0]
