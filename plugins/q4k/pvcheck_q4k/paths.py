"""The evaluators ``q4k-paths`` and ``q4k-scale-sweep``: paths A and B over one super-block, once or for several scales.

Path A decodes and adds; path B sums integers on a quantised activation. Beside the relative difference stands how
far the sum cancels that it divides by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pvcheck.plugin import Comparison, Condition, Measurement, Population, Ratio
from pvcheck_q4k import blocks, generators
from pvcheck_q4k.chain import relative
from pvcheck_q4k.fault_catalogue import WRONG_BLOCK
from pvcheck_q4k.faulty import Trial
from pvcheck_q4k.kernels import kernels_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.fixture_parameters import PathsParameters, SweepParameters
    from pvcheck_q4k.kernels import Kernels
    from pvcheck_q4k.results import Dot


@dataclass(frozen=True, slots=True)
class Pair:
    """Both paths over one row, path A's sum of |x w|, and the condition number of its sum, in float64."""

    a: Dot
    b: Dot
    magnitude: float
    condition: float

    @property
    def rel_diff(self) -> float:
        """Return |a - b| / max(|a|, 1e-9), in float32."""
        return relative(self.a.value, self.b.value)

    @property
    def backward_error(self) -> float:
        """Return |a - b| / sum|x w|, in float64; 0 when a = b."""
        difference = abs(float(self.a.value) - float(self.b.value))
        if difference == 0:
            return 0.0
        return difference / self.magnitude if self.magnitude else math.inf

    @property
    def non_finite(self) -> int:
        """Return how many elements and results of both paths are not finite."""
        results = sum(not math.isfinite(side.value) for side in (self.a, self.b))
        return self.a.non_finite + self.b.non_finite + results


class Read(NamedTuple):
    """What path B reads: a super-block, (1, 144), its activation, (256,), and what a reader of wrong blocks finds."""

    raw: npt.NDArray[np.uint8]
    x: npt.NDArray[np.float32]
    neighbour: npt.NDArray[np.uint8] | None = None


def pair(
    kernels: Kernels,
    raw: npt.NDArray[np.uint8],
    x: npt.NDArray[np.float32],
    trial: Trial,
    read: Read,
) -> Pair:
    """Run both paths over one super-block, shape (1, 144), and its activation, shape (256,); path B as on trial."""
    a = kernels.dot_a(raw, x)
    (b,) = trial.dots(read.raw, read.x, read.neighbour)
    with np.errstate(all="ignore"):
        products = kernels.decode(raw).weights.reshape(-1).astype(np.float64) * x  # exact: 24 + 24 bits of 53
        # accumulate adds from left to right on every machine
        total = abs(float(np.add.accumulate(products)[-1]))
        magnitude = float(np.add.accumulate(abs(products))[-1])
    if magnitude == 0:  # every product is 0: nothing cancels
        return Pair(a, b, magnitude, 1.0)
    return Pair(a, b, magnitude, magnitude / total if total else math.inf)


def measure(parameters: PathsParameters, context: Context) -> Measurement:
    """Measure the two paths over one super-block.

    :raises InputError, NotMeasured: as ``generators.one_block``; NotMeasured without kernels or for another fault.
    """
    kernels = kernels_of("q4k-paths", context)
    raw, selection = generators.one_block(parameters, context)
    x = generators.numbers(parameters.activation, blocks.BLOCK_WEIGHTS)
    neighbour = generators.neighbour(parameters, context) if context.fault == WRONG_BLOCK else None
    trial = Trial(kernels, context)
    found = pair(kernels, raw, x, trial, Read(raw, x, neighbour))
    trial.check()
    return Measurement(
        metrics={
            "a": float(found.a.value),
            "b": float(found.b.value),
            "rel_diff": found.rel_diff,
            "bits_differ": found.a.value.tobytes() != found.b.value.tobytes(),
            "condition": found.condition,
            "backward_error": found.backward_error,
            "elements": found.a.seen,
            "non_finite": found.non_finite,
        },
        backend=kernels.NAME,
        comparisons=(_comparison(("rel_diff", "bits_differ", "backward_error"), [found], selection),),
        conditions=(_condition("rel_diff", None, found),),
        libraries=dict(kernels.LIBRARIES),
    )


def measure_sweep(parameters: SweepParameters, context: Context) -> Measurement:
    """Measure the two paths over one super-block for several values of its scale d.

    :raises NotMeasured: if the device has no kernels here, or the context asks for another fault.
    """
    kernels = kernels_of("q4k-scale-sweep", context)
    x = generators.numbers(parameters.activation, blocks.BLOCK_WEIGHTS)
    trial = Trial(kernels, context)
    pairs = []
    right = generators.super_blocks(parameters.block, 2)
    # Once for all, and the activation first: a fault in it is in the whole sweep, and d is still all that varies.
    x_b = context.received(x, "the activation of path B")
    wrong = context.received(right[:1], "the super-block as path B reads it")
    for text in parameters.scales_d:
        raw, other, read = right[:1].copy(), right[1:].copy(), wrong.copy()
        for each in (raw, other, read):
            each[:, blocks.D_AT : blocks.DMIN_AT] = generators.half_bytes(text)
        pairs.append(pair(kernels, raw, x, trial, Read(read, x_b, other)))
        context.progress(len(pairs), len(parameters.scales_d))
    trial.check()
    labels = [f"d = {float(np.frombuffer(bytes.fromhex(text), '<f2')[0]):g}" for text in parameters.scales_d]
    series = [each.rel_diff for each in pairs]
    extremes, ratios = _extremes(series, labels)
    conditions = [_condition("rel_diff", position, each) for position, each in enumerate(pairs)]
    worst = max(pairs, key=lambda each: math.inf if math.isnan(each.condition) else each.condition)
    return Measurement(
        metrics={
            "a": tuple(float(each.a.value) for each in pairs),
            "b": tuple(float(each.b.value) for each in pairs),
            "rel_diff": tuple(series),
            "condition": tuple(each.condition for each in pairs),
            "backward_error": tuple(each.backward_error for each in pairs),
            **extremes,
            "elements": sum(each.a.seen for each in pairs),
            "non_finite": sum(each.non_finite for each in pairs),
        },
        backend=kernels.NAME,
        labels=tuple(labels),
        comparisons=(
            _comparison(("rel_diff", "backward_error", *extremes), pairs, "256 weights of a super-block, each d"),
        ),
        conditions=(*conditions, *(_condition(name, None, worst) for name in extremes)),
        ratios=ratios,
        libraries=dict(kernels.LIBRARIES),
    )


def _extremes(series: list[float], labels: list[str]) -> tuple[dict[str, float], tuple[Ratio, ...]]:
    """Return the smallest and largest number and their ratio, which is left out where it has no meaning."""
    if any(map(math.isnan, series)):
        return {"rel_diff_min": math.nan, "rel_diff_max": math.nan}, ()
    least, most = min(series), max(series)
    metrics = {"rel_diff_min": least, "rel_diff_max": most}
    if least == 0:
        return metrics, ()
    ratio = Ratio(
        metric="largest_over_smallest",
        numerator=f"rel_diff at {labels[series.index(most)]}",
        denominator=f"rel_diff at {labels[series.index(least)]}",
        numerator_value=most,
        denominator_value=least,
    )
    return metrics | {"largest_over_smallest": most / least}, (ratio,)


def _comparison(metrics: tuple[str, ...], pairs: list[Pair], selection: str) -> Comparison:
    """Return the populations of the two paths, as the kernels counted them."""
    sides = [
        Population(
            count=sum(dot.seen for dot in dots),
            shape=(len(pairs), blocks.BLOCK_WEIGHTS),
            selection=selection,
            non_finite=sum(dot.non_finite for dot in dots),
        )
        for dots in ([each.a for each in pairs], [each.b for each in pairs])
    ]
    return Comparison(metrics=metrics, left=sides[0], right=sides[1])


def _condition(metric: str, position: int | None, found: Pair) -> Condition:
    """Return the conditioning of a relative difference."""
    return Condition(metric=metric, position=position, number=found.condition, backward_error=found.backward_error)
