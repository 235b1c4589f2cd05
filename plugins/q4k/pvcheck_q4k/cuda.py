"""The kernels on a CUDA device, in Numba: the bits of ``reference``, a thread a row.

Each thread folds its row in scalar order, and each operation that could be fused rounds on its own through
``cuda_rounding``; nothing is shared between threads, so neither blocks nor grid can change a bit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from pvcheck_q4k import blocks, checks, cuda_device
from pvcheck_q4k.cuda_device import NAME, cuda_kernel
from pvcheck_q4k.cuda_jobs import over_rows
from pvcheck_q4k.cuda_layout import INFINITY, NAN, code_of, half, minimum_of, scale_of
from pvcheck_q4k.cuda_rounding import add, add64, div, mul, mul64, sub
from pvcheck_q4k.results import Decoded, Dot, Product, Quantised, Step, Sums

if TYPE_CHECKING:
    import numpy.typing as npt

    U8 = npt.NDArray[np.uint8]
    I8 = npt.NDArray[np.int8]
    I64s = npt.NDArray[np.int64]
    F32s = npt.NDArray[np.float32]
    F64s = npt.NDArray[np.float64]

__all__ = ["LIBRARIES", "NAME", "decode", "dot_a", "dot_b", "matvec_a", "matvec_b", "quantise", "row_sums", "step"]

# Untyped, and under the name that the simulator looks for: what Numba says of it depends on its version.
cuda: Any = import_module("numba.cuda")
F32 = np.float32
F64 = np.float64
LIBRARIES = cuda_device.libraries()

# Plain names, because a kernel freezes globals of its own module and they read like the format.
WEIGHTS = blocks.BLOCK_WEIGHTS
SUB = blocks.SUB_WEIGHTS
LEAST = F32(blocks.ACTIVATION_LEAST)
FULL = F32(blocks.ACTIVATION_MAX)


def decode(raw: U8) -> Decoded:
    """Decode n super-blocks, shape (n, 144), to float32 weights, shape (n, 256).

    :raises TypeError, ValueError: if ``raw`` is not a C-contiguous uint8 array of that shape.
    """
    checks.check_blocks(raw)
    return Decoded(*over_rows(_decode, raw[:, None], width=WEIGHTS))


def quantise(x: F32s) -> Quantised:
    """Quantise n super-blocks of activations, shape (256 n,), by the "absmax" rule (see ``reference``).

    :raises TypeError, ValueError: if ``x`` is not a C-contiguous float32 vector of whole super-blocks.
    """
    checks.check_activation(x)
    count = x.size // WEIGHTS
    if count == 0:
        return Quantised(np.empty(0, F32), np.empty((0, WEIGHTS), np.int8), 0, 0)
    scales = cuda_device.filled((count,), np.nan, F32)
    codes = cuda_device.filled((count, WEIGHTS), 0, np.int8)
    counts = cuda_device.filled((count, 2), 0, np.int64)
    cuda_device.launch(_quantise, count, cuda_device.sent(x), scales, codes, counts)
    seen, bad = counts.copy_to_host().sum(axis=0).tolist()
    return Quantised(scales.copy_to_host(), codes.copy_to_host(), seen, bad)


def dot_a(raw: U8, x: F32s) -> Dot:
    """Return path A over one row of n super-blocks: decode, then a strict left fold of rounded products.

    :raises TypeError, ValueError: if ``raw`` is not (n, 144) uint8 or ``x`` not (256 n,) float32.
    """
    checks.check_blocks(raw)
    checks.check_activation(x, raw.shape[0])
    values, seen, bad = over_rows(_rows_a, raw[None], (x,))
    return Dot(values[0, 0], seen, bad)


def dot_b(raw: U8, scales: F32s, codes: I8) -> Dot:
    """Return path B over one row of n super-blocks: integer sums of codes, folded in scalar order.

    :raises TypeError, ValueError: if ``raw`` is not (n, 144) uint8, ``scales`` not (n,) float32 or ``codes`` not
        (n, 256) int8.
    """
    checks.check_blocks(raw)
    checks.check_codes(scales, codes, raw.shape[0])
    values, seen, bad = over_rows(_rows_b, raw[None], (scales, codes))
    return Dot(values[0, 0], seen, bad)


def step(raw: U8, x_a: F32s, x_b: F32s) -> Step:
    """Run both paths over one super-block, shape (1, 144): path A from ``x_a``, path B from ``x_b``, 256 numbers each.

    :raises TypeError, ValueError: if a shape or type is another.
    """
    checks.check_blocks(raw, 1)
    checks.check_activation(x_a, 1)
    checks.check_activation(x_b, 1)
    a = dot_a(raw, x_a)
    scales, codes, *_ = quantise(x_b)
    b = dot_b(raw, scales, codes)
    (total,), (magnitude,) = (each.tolist() for each in row_sums(raw[None], x_a))
    return Step(a.value, b.value, total, magnitude, a.seen, b.seen, a.non_finite, b.non_finite)


def matvec_a(raw: U8, x: F32s, threads: int = 1) -> Product:
    """Return path A over each of n rows of k super-blocks, shape (n, k, 144), with one activation, shape (256 k,).

    :param threads: taken, so that backends can stand in for each other; the device has its own.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads)
    checks.check_activation(x, raw.shape[1])
    values, seen, bad = over_rows(_rows_a, raw, (x,))
    return Product(values[:, 0], seen, bad)


def matvec_b(raw: U8, scales: F32s, codes: I8, threads: int = 1) -> Product:
    """Return path B over each of n rows of k super-blocks, shape (n, k, 144), with scales (k,) and codes (k, 256).

    :param threads: taken, so that backends can stand in for each other; the device has its own.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads)
    checks.check_codes(scales, codes, raw.shape[1])
    values, seen, bad = over_rows(_rows_b, raw, (scales, codes))
    return Product(values[:, 0], seen, bad)


def row_sums(raw: U8, x: F32s, threads: int = 1) -> Sums:
    """Return the float64 sums of x w and of |x w| over each of n rows, shape (n, k, 144), as ``reference`` does.

    :param threads: taken, so that backends can stand in for each other; the device has its own.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads)
    checks.check_activation(x, raw.shape[1])
    values = over_rows(_row_sums, raw, (x,), 2, F64).values
    return Sums(*np.ascontiguousarray(values.T))


@cuda_kernel
def _decode(raw: U8, out: F32s, counts: I64s) -> None:
    """Write the weights of each row, one super-block; count the elements seen and those not finite."""
    for row in range(cuda.grid(1), raw.shape[0], cuda.gridsize(1)):
        block = raw[row, 0]
        d = half(int(block[blocks.D_AT]), int(block[blocks.D_AT + 1]))
        dmin = half(int(block[blocks.DMIN_AT]), int(block[blocks.DMIN_AT + 1]))
        for j in range(blocks.SUB_BLOCKS):
            scale = mul(d, F32(scale_of(block, j)))
            minimum = mul(dmin, F32(minimum_of(block, j)))
            for i in range(j * SUB, (j + 1) * SUB):
                w = sub(mul(scale, F32(code_of(block, i))), minimum)
                out[row, i] = w
                counts[row, 0] += 1
                if not abs(w) < INFINITY:
                    counts[row, 1] += 1


@cuda_kernel
def _quantise(x: F32s, scales: F32s, codes: I8, counts: I64s) -> None:
    """Quantise each super-block into zeroed codes; count the elements seen and those not finite."""
    for n in range(cuda.grid(1), scales.shape[0], cuda.gridsize(1)):
        at = n * WEIGHTS
        largest = F32(0)
        wrong = 0
        for k in range(WEIGHTS):
            size = abs(x[at + k])
            if not size < INFINITY:
                wrong += 1
            elif size > largest:
                largest = size
        if largest <= LEAST:
            largest = F32(1)
        scale = div(largest, FULL)
        inverse = div(F32(1), scale)
        for k in range(WEIGHTS):
            if wrong == 0:
                value = mul(x[at + k], inverse)  # at most 127 and a rounding: the cast below cannot wrap
                code = int(value)
                rest = sub(value, F32(code))  # exact, so a half is a half
                if rest >= F32(0.5):
                    code += 1
                elif rest <= F32(-0.5):
                    code -= 1
                codes[n, k] = code
        scales[n] = scale if wrong == 0 else NAN
        counts[n, 0] = WEIGHTS
        counts[n, 1] = wrong


@cuda_kernel
def _rows_a(raw: U8, x: F32s, values: F32s, counts: I64s) -> None:
    """Write path A of each row; count the elements seen and those whose weight or activation is not finite."""
    for row in range(cuda.grid(1), raw.shape[0], cuda.gridsize(1)):
        value = F32(0)
        seen, bad = 0, 0
        for n in range(raw.shape[1]):
            block = raw[row, n]
            d = half(int(block[blocks.D_AT]), int(block[blocks.D_AT + 1]))
            dmin = half(int(block[blocks.DMIN_AT]), int(block[blocks.DMIN_AT + 1]))
            for j in range(blocks.SUB_BLOCKS):
                scale = mul(d, F32(scale_of(block, j)))
                minimum = mul(dmin, F32(minimum_of(block, j)))
                for i in range(j * SUB, (j + 1) * SUB):
                    w = sub(mul(scale, F32(code_of(block, i))), minimum)
                    v = x[n * WEIGHTS + i]
                    value = add(value, mul(w, v))
                    seen += 1
                    if not (abs(w) < INFINITY and abs(v) < INFINITY):
                        bad += 1
        values[row, 0] = value
        counts[row, 0] = seen
        counts[row, 1] = bad


@cuda_kernel
def _rows_b(raw: U8, scales: F32s, codes: I8, values: F32s, counts: I64s) -> None:
    """Write path B of each row; count the elements seen and those of a super-block that is not finite."""
    for row in range(cuda.grid(1), raw.shape[0], cuda.gridsize(1)):
        value = F32(0)
        seen, bad = 0, 0
        for n in range(raw.shape[1]):
            block = raw[row, n]
            d = half(int(block[blocks.D_AT]), int(block[blocks.D_AT + 1]))
            dmin = half(int(block[blocks.DMIN_AT]), int(block[blocks.DMIN_AT + 1]))
            s = scales[n]
            for j in range(blocks.SUB_BLOCKS):
                products, total = 0, 0
                for i in range(j * SUB, (j + 1) * SUB):
                    code = int(codes[n, i])
                    products += code_of(block, i) * code
                    total += code
                gain = mul(mul(mul(d, F32(scale_of(block, j))), s), F32(products))
                loss = mul(mul(mul(dmin, F32(minimum_of(block, j))), s), F32(total))
                value = add(value, sub(gain, loss))
            seen += WEIGHTS
            if not (abs(d) < INFINITY and abs(dmin) < INFINITY and abs(s) < INFINITY):
                bad += WEIGHTS
        values[row, 0] = value
        counts[row, 0] = seen
        counts[row, 1] = bad


@cuda_kernel
def _row_sums(raw: U8, x: F32s, sums: F64s, counts: I64s) -> None:
    """Write the float64 sums of x w and |x w| of each row, from left to right; each product is exact."""
    for row in range(cuda.grid(1), raw.shape[0], cuda.gridsize(1)):
        total, magnitude = F64(0), F64(0)
        for n in range(raw.shape[1]):
            block = raw[row, n]
            d = half(int(block[blocks.D_AT]), int(block[blocks.D_AT + 1]))
            dmin = half(int(block[blocks.DMIN_AT]), int(block[blocks.DMIN_AT + 1]))
            for i in range(WEIGHTS):
                scale = mul(d, F32(scale_of(block, i // SUB)))
                minimum = mul(dmin, F32(minimum_of(block, i // SUB)))
                w = sub(mul(scale, F32(code_of(block, i))), minimum)
                product = mul64(F64(w), F64(x[n * WEIGHTS + i]))
                total = add64(total, product)
                magnitude = add64(magnitude, abs(product))
        sums[row, 0] = total
        sums[row, 1] = magnitude
        counts[row, 0] = raw.shape[1] * WEIGHTS
