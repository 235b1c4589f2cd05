"""Evaluators that ask whether two ways to one result give the same bits: products, reductions, decoders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from pvcheck.plugin import Comparison, Measurement, NotMeasured, Population
from pvcheck_q4k import fault_catalogue as faults
from pvcheck_q4k import faulty, generators, reference
from pvcheck_q4k.kernels import COMPILED, NUMPY_ONLY, check, kernels_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.fixture_parameters import DecodeParameters, MatmulParameters, ReductionParameters
    from pvcheck_q4k.results import Decoded

    U8 = npt.NDArray[np.uint8]
    F32s = npt.NDArray[np.float32]
    F64s = npt.NDArray[np.float64]

F32 = np.float32
LANES: Final = 8
NUMPY: Final = {"numpy": np.__version__}
OWN: Final = frozenset(each.name for each in (*faults.MATMUL_FAULTS, *faults.REDUCTION_FAULTS))


class Way(NamedTuple):
    """A way to compute a product: ``threads`` take ``chunk`` outputs at a time, from the last on if ``backwards``."""

    threads: int
    chunk: int
    backwards: bool


def measure_matmul(parameters: MatmulParameters, context: Context) -> Measurement:
    """Measure whether a float32 matrix product depends on threads, chunks or the run."""
    check("f32-matmul-repeat", context, NUMPY_ONLY)
    rows, inputs, outputs = parameters.rows, parameters.inputs, parameters.outputs
    x = generators.numbers(parameters.activation, rows * inputs).reshape(rows, inputs)
    w = generators.numbers(parameters.weights, outputs * inputs).reshape(outputs, inputs)
    choices = [
        Way(threads, chunk, backwards=run % 2 == 1)
        for threads in parameters.threads
        for chunk in parameters.chunks
        for run in range(parameters.repeats)
    ]
    first = product(x, w, choices[0])
    context.progress(1, len(choices))
    differing = worst = 0
    later_x, later_w = mistaken(x, context.received(w, "the weights of every run but the first"), context.fault)
    for done, way in enumerate(choices[1:], 2):
        context.check()
        result = product(later_x, later_w, way, split=context.fault == faults.SPLIT_SUM)
        if first.tobytes() != result.tobytes():
            differing += 1
            worst = max(worst, ulps(first, result))
        context.progress(done, len(choices))
    _refuse_same(context, is_same=differing == 0)
    population = Population(
        count=rows * outputs, shape=(rows, outputs), selection="all outputs", non_finite=_non_finite(first)
    )
    return Measurement(
        metrics={
            "identical": differing == 0,
            "variants": len(choices),
            "differing": differing,
            "max_ulp": worst,
            "elements": rows * outputs,
        },
        backend="numpy",
        comparisons=(Comparison(metrics=("identical", "max_ulp"), left=population, right=population),),
        libraries=NUMPY,
    )


def mistaken(x: F32s, w: F32s, fault: str | None) -> tuple[F32s, F32s]:
    """Return the operands as a run with a fault takes them."""
    if fault == faults.REVERSED:
        return x[:, ::-1], w[:, ::-1]
    if fault == faults.LOST_INPUT:
        return x[:, :-1], w[:, :-1]
    if fault == faults.NEXT_OUTPUT:
        return x, np.roll(w, -1, axis=0)
    if fault == faults.LAST_ROW:
        return np.repeat(x[-1:], x.shape[0], axis=0), w
    return x, w


def _refuse_same(context: Context, *, is_same: bool) -> None:
    """Refuse a measurement in which an own fault changes no bit; what is generic is for the host to tell.

    :raises NotMeasured: if there is such a fault.
    """
    if is_same and context.fault is not None and context.fault in OWN:
        raise NotMeasured(f"not planted: {context.fault} changes no bit here")


def product(x: F32s, w: F32s, way: Way, *, split: bool = False) -> F32s:
    """Return x w^T, shape (rows, outputs), of x (rows, inputs) and w (outputs, inputs), each sum a left fold.

    ``split`` is a fault: the two halves of each sum are folded on their own.
    """
    out = np.empty((x.shape[0], w.shape[0]), F32)

    def fill(start: int) -> None:
        part = w[start : start + way.chunk]
        middle = w.shape[1] // 2 if split else 0
        total = _fold(x[:, middle:], part[:, middle:])
        out[:, start : start + way.chunk] = _fold(x[:, :middle], part[:, :middle]) + total if split else total

    starts = list(range(0, w.shape[0], way.chunk))
    with ThreadPoolExecutor(way.threads) as pool:
        list(pool.map(fill, reversed(starts) if way.backwards else starts))
    return out


def measure_reduction(parameters: ReductionParameters, context: Context) -> Measurement:
    """Measure an 8-lane reduction against a left fold."""
    check("f32-reduction-order", context, NUMPY_ONLY)
    x = generators.numbers(parameters.left, parameters.length)
    y = generators.numbers(parameters.right, parameters.length)
    lanes = lane_dot(context.received(x, "the left vector as the lanes read it"), y, context.fault)
    if context.fault in OWN:
        _refuse_same(context, is_same=lanes.tobytes() == lane_dot(x, y).tobytes())
    with np.errstate(over="ignore", invalid="ignore"):
        left = np.add.accumulate(x * y, dtype=F32)[-1]
    population = Population(
        count=x.size,
        shape=x.shape,
        selection="all products",
        non_finite=int((~(np.isfinite(x) & np.isfinite(y))).sum()),
    )
    identical = lanes.tobytes() == left.tobytes()
    return Measurement(
        metrics={
            "lanes": float(lanes),
            "left_fold": float(left),
            "identical": identical,
            "max_ulp": 0 if identical else ulps(np.array([lanes]), np.array([left])),
            "elements": x.size,
        },
        backend="numpy",
        comparisons=(Comparison(metrics=("identical", "max_ulp"), left=population, right=population),),
        libraries=NUMPY,
    )


def lane_dot(x: F32s, y: F32s, fault: str | None = None) -> np.float32:
    """Return the dot product of vectors of a multiple of 8 numbers: lane k holds the numbers 8n + k.

    Each lane is a chain of fused multiply-adds, and the lanes are summed as ((l0+l4)+(l1+l5)) + ((l2+l6)+(l3+l7)).
    """
    if fault == faults.NEXT_ELEMENT:
        y = np.roll(y, -1)
    add = ADDING.get(fault or "", fused)
    lanes: npt.NDArray[Any] = np.zeros(LANES, np.float64 if fault == faults.WIDE_LANES else F32)
    for left, right in zip(x.reshape(-1, LANES), y.reshape(-1, LANES), strict=True):
        lanes = add(left, right, lanes)
    if fault == faults.LOST_LANE:
        lanes[-1] = 0
    with np.errstate(over="ignore", invalid="ignore"):
        folded = lanes[:4] + lanes[4:]
        one, other = (2, 1) if fault == faults.HALVED else (1, 2)
        return F32((folded[0] + folded[one]) + (folded[other] + folded[3]))


def fused(x: F32s, y: F32s, z: F32s) -> F32s:
    """Return x y + z with one rounding to float32.

    The product is exact in float64; the sum is rounded there to odd (the error of the sum, which is exact too,
    decides), so that the rounding to float32 cannot round twice.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        p, c = x.astype(np.float64) * y.astype(np.float64), z.astype(np.float64)
        total = p + c
        part = total - p
        error = (p - (total - part)) + (c - part)
        even = total.view(np.int64) % 2 == 0
        odd = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
        return np.where((error != 0) & even & np.isfinite(total), odd, total).astype(F32)


def separate(x: F32s, y: F32s, z: F32s) -> F32s:
    """Return x y + z with two roundings: a fault."""
    with np.errstate(over="ignore", invalid="ignore"):
        return x * y + z


def wide(x: F32s, y: F32s, z: F64s) -> F64s:
    """Return x y + z in float64: a fault."""
    return x.astype(np.float64) * y + z


ADDING: Final[dict[str, Callable[[F32s, F32s, Any], Any]]] = {faults.SEPARATE: separate, faults.WIDE_LANES: wide}
"""What goes wrong when a product is added to a lane."""


def measure_decode(parameters: DecodeParameters, context: Context) -> Measurement:
    """Measure the scalar decoder against the compiled one.

    :raises InputError, NotMeasured: as ``generators.one_block``; NotMeasured without compiled kernels.
    """
    check("q4k-decode-identity", context, COMPILED)
    kernels = kernels_of("q4k-decode-identity", context)
    raw, selection = generators.one_block(parameters, context)
    slow = reference.decode(raw)
    fast = kernels.decode(context.received(raw, "the super-block as the decoder reads it"))
    if context.fault in faulty.DECODER:
        fast = _faulty(fast, raw, parameters, context)
    left, right = slow.weights.reshape(-1), fast.weights.reshape(-1)
    differing = int((left.view(np.uint32) != right.view(np.uint32)).sum())
    sides = [
        Population(count=side.seen, shape=(side.weights.size,), selection=selection, non_finite=side.non_finite)
        for side in (slow, fast)
    ]
    return Measurement(
        metrics={
            "first": float(right[0]),
            "last": float(right[-1]),
            "identical": differing == 0,
            "differing": differing,
            "max_ulp": ulps(left, right),
            "elements": fast.seen,
            "non_finite": slow.non_finite + fast.non_finite,
        },
        backend=kernels.NAME,
        comparisons=(Comparison(metrics=("identical", "differing", "max_ulp"), left=sides[0], right=sides[1]),),
        libraries=dict(kernels.LIBRARIES),
    )


def _faulty(right: Decoded, raw: U8, parameters: DecodeParameters, context: Context) -> Decoded:
    """Return what the decoder makes of a super-block with the fault of the context in it.

    :raises NotMeasured: if that is what it makes without.
    """
    neighbour = generators.neighbour(parameters, context) if context.fault == faults.WRONG_BLOCK else None
    wrong = faulty.decoded(raw, context.fault, neighbour)
    if wrong.weights.tobytes() == right.weights.tobytes():
        raise NotMeasured(f"not planted: {context.fault} changes no weight here")
    return wrong


def ulps(left: F32s, right: F32s) -> int:
    """Return the largest distance of two float32 arrays in steps of float32; 0 and -0 are one number."""
    places = []
    for side in (left, right):
        bits = side.view(np.int32).astype(np.int64)
        places.append(np.where(bits < 0, -(bits & 0x7FFFFFFF), bits))
    return int(abs(places[0] - places[1]).max())


def _fold(x: F32s, w: F32s) -> F32s:
    """Return the sums of products of x (rows, inputs) and w (outputs, inputs), from left to right."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = x[:, :1] * w[:, 0]
        for k in range(1, x.shape[1]):
            total = total + x[:, k : k + 1] * w[:, k]
    return total


def _non_finite(result: F32s) -> int:
    """Return how many results are NaN or infinite."""
    return int((~np.isfinite(result)).sum())
