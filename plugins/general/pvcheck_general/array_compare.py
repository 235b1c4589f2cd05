"""The evaluator ``array-compare``: how far two arrays are apart, pair by pair, in bits and in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from pvcheck.plugin import Comparison, Measurement, NotMeasured, Population, Ratio
from pvcheck_general import planting
from pvcheck_general.arrays import (
    FLOATS,
    Array,
    last_row,
    magnitudes,
    not_finite,
    ratio,
    received,
    scale_of,
    scaled,
    total,
)
from pvcheck_general.foreign import source_of
from pvcheck_general.opening import array_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_general.arrays import Anys, F64s
    from pvcheck_general.parameters import ArrayCompareParameters

    Bools = npt.NDArray[np.bool_]

INT_MAX: Final = 10**18
SELECTION: Final = "all elements"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arrays of one shape."""

    left: Array
    right: Array
    fault: str | None = None

    def planted(self) -> Pair:
        """Return the pair as a comparison with the fault takes it.

        :raises NotMeasured: if the fault changes nothing.
        """
        change = {planting.SIGNS_LOST: magnitudes, planting.LAST_ROW: last_row}.get(self.fault or "")
        if change is None:
            return self
        sides = change(self.left), change(self.right)
        is_same = all(
            one.stored.tobytes() == other.stored.tobytes()
            for one, other in zip(sides, (self.left, self.right), strict=True)
        )
        planting.refuse_same(self.fault, is_same=is_same)
        return replace(self, left=sides[0], right=sides[1])

    def same(self, part: slice) -> Bools:
        """Say which pairs are equal: in bits where the types are, else in value."""
        if self.left.decoded == self.right.decoded:
            return np.equal(self.left.bits(part), self.right.bits(part))
        return np.equal(self.left.values(part), self.right.values(part))

    def differences(self) -> Iterator[F64s]:
        """Yield left - right in float64, 0 where a pair is equal."""
        for part in self.left.chunks():
            with np.errstate(invalid="ignore", over="ignore"):
                yield np.where(self.same(part), 0.0, self.left.values(part) - self.right.values(part))


def measure(parameters: ArrayCompareParameters, context: Context) -> Measurement:
    """Compare two arrays.

    :raises InputError: if one cannot be read.
    :raises NotMeasured: if both are empty.
    """
    left = array_of(source_of(context, parameters.left), parameters.left_name, "left")
    right = array_of(source_of(context, parameters.right), parameters.right_name, "right")
    right, left = (received(context, each, side) for each, side in ((right, "right"), (left, "left")))
    if left.count == right.count == 0:
        raise NotMeasured("there is nothing to compare: both arrays are empty")
    wrong, told = zip(*(not_finite(each, 0, side) for each, side in ((left, "left"), (right, "right"))), strict=True)
    metrics: dict[str, bool | int | float] = {
        "non_finite_left": wrong[0],
        "non_finite_right": wrong[1],
        "count": left.count if left.shape == right.shape else 0,
        "identical": False,
    }
    ratios: tuple[Ratio, ...] = ()
    notes = [f"left is {left.kind} of shape {left.shape}, right is {right.kind} of shape {right.shape}"]
    notes += [*told[0], *told[1]]
    if left.shape == right.shape:
        pair = Pair(left, right, context.fault).planted()
        metrics |= _bits(pair, notes)
        numbers, ratios = _numbers(pair, is_finite=not any(wrong))
        if wrong[0] and not numbers:
            notes.append("max_abs_diff and relative_l2 are left out: a pair is NaN on both sides, and NaN is no number")
        if pair.fault in {planting.OVER_RIGHT, planting.SINGLE_SUMS}:
            without, _ = _numbers(replace(pair, fault=None), is_finite=not any(wrong))
            planting.refuse_same(pair.fault, is_same=numbers == without)
        metrics |= numbers
    populations = [
        Population(count=each.count, shape=each.shape, selection=SELECTION, non_finite=bad)
        for each, bad in zip((left, right), wrong, strict=True)
    ]
    return Measurement(
        metrics=metrics,
        backend="numpy",
        comparisons=(
            Comparison(
                metrics=tuple(name for name in metrics if not name.startswith("non_finite")),
                left=populations[0],
                right=populations[1],
            ),
        ),
        ratios=ratios,
        notes=tuple(notes),
        libraries={"numpy": np.__version__},
    )


def _bits(pair: Pair, notes: list[str]) -> dict[str, bool | int | float]:
    """Return what the bits of two arrays of one shape say."""
    differing = sum(int((~pair.same(part)).sum()) for part in pair.left.chunks())
    metrics: dict[str, bool | int | float] = {
        "differing": differing,
        "identical": differing == 0 and pair.left.kind == pair.right.kind,
    }
    if pair.left.decoded == pair.right.decoded and pair.left.decoded in FLOATS:
        steps = _largest_step(pair)
        if steps is not None and steps < INT_MAX:
            metrics["max_ulp"] = steps
        else:
            notes.append("max_ulp is left out: a differing pair is not finite, or is 10**18 steps apart or more")
    return metrics


def _largest_step(pair: Pair) -> int | None:
    """Return the largest distance of a pair in steps of the float type; None if a differing pair is not finite."""
    most = 0
    for part in pair.left.chunks():
        differs = ~pair.same(part)
        left, right = pair.left.values(part)[differs], pair.right.values(part)[differs]
        if not (np.isfinite(left).all() and np.isfinite(right).all()):
            return None
        if len(left):
            most = max(most, int(steps_between(pair.left.bits(part)[differs], pair.right.bits(part)[differs]).max()))
    return most


def steps_between(left: Anys, right: Anys) -> npt.NDArray[np.uint64]:
    """Return how many steps of a float type lie between the numbers of two arrays of bits, finite ones.

    The bits of a float without its sign count the steps from 0, so numbers of one sign are the difference of their
    counts apart, and numbers of two signs the sum.
    """
    sign = np.uint64(1) << np.uint64(8 * left.itemsize - 1)
    one, other = left.astype(np.uint64), right.astype(np.uint64)
    counts = one & (sign - np.uint64(1)), other & (sign - np.uint64(1))
    apart = np.maximum(*counts) - np.minimum(*counts)
    return np.where((one ^ other) & sign, counts[0] + counts[1], apart)


def _numbers(pair: Pair, *, is_finite: bool) -> tuple[dict[str, bool | int | float], tuple[Ratio, ...]]:
    """Return what the numbers of two arrays of one shape say, and both ends of the relative difference.

    Equal bits are no difference, and equal infinities neither. NaN on both sides is no difference of bits, but of
    numbers nothing can be said then, so that no bound holds.
    """
    left, right = pair.left, pair.right
    sizes = [float(np.abs(part).max(initial=0.0)) for part in pair.differences()]
    # A NaN must not be lost in a maximum.
    most = math.nan if any(map(math.isnan, sizes)) else max(sizes)
    if not math.isnan(most) and any(np.isnan(left.values(part)).any() for part in left.chunks()):
        return {}, ()
    metrics: dict[str, bool | int | float] = {"max_abs_diff": most, "relative_l2": 0.0}
    of_left, of_difference = scale_of(map(left.values, left.chunks())), scale_of(pair.differences())
    with np.errstate(over="ignore", invalid="ignore"):
        norm = _norm(map(left.values, left.chunks()), of_left, pair.fault)
        norm_of_difference = _norm(pair.differences(), of_difference, pair.fault)
        of_right = scale_of(map(right.values, right.chunks()))
        norm_of_right = _norm(map(right.values, right.chunks()), of_right, pair.fault)
    base, of_base = (norm_of_right, of_right) if pair.fault == planting.OVER_RIGHT else (norm, of_left)
    ends = ratio(base, 1, of_base), ratio(norm_of_difference, 1, of_difference)
    if most != 0:
        metrics["relative_l2"] = ratio(norm_of_difference, base, of_difference - of_base)
    if is_finite and norm and norm_of_right:
        dot = total(scaled(left.values(part), of_left) * scaled(right.values(part), of_right) for part in left.chunks())
        metrics["cosine"] = max(-1.0, min(1.0, dot / (norm * norm_of_right)))
    told = Ratio(
        metric="relative_l2",
        numerator="L2 of left - right",
        denominator="L2 of left",
        numerator_value=ends[1],
        denominator_value=ends[0],
    )
    return metrics, (told,)


def _norm(parts: Iterable[F64s], exponent: int, fault: str | None) -> float:
    """Return the L2 norm of parts over 2**exponent; a fault adds the squares in float32."""
    squares = (scaled(part, exponent) ** 2 for part in parts)
    if fault != planting.SINGLE_SUMS:
        return math.sqrt(total(squares))
    running = np.float32(0)
    for part in squares:
        running = np.add.accumulate(np.concatenate([[running], part]), dtype=np.float32)[-1]
    return math.sqrt(float(running))
