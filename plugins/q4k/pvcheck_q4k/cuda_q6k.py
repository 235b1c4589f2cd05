"""The kernels for Q6_K on a CUDA device, in Numba: the bits of ``reference_q6k``, a thread a row.

It has the names and signatures that ``cpu_q6k`` has. As in ``cuda``, each thread folds its row in scalar order, and
what could be fused rounds on its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from pvcheck_q4k import blocks, checks
from pvcheck_q4k.cuda import LIBRARIES, NAME
from pvcheck_q4k.cuda_device import cuda_kernel
from pvcheck_q4k.cuda_jobs import over_rows
from pvcheck_q4k.cuda_layout import INFINITY, half, q6k_code_of, q6k_scale_of
from pvcheck_q4k.cuda_rounding import add, add64, mul, mul64
from pvcheck_q4k.results import Decoded, Dot, Product, Sums

if TYPE_CHECKING:
    from pvcheck_q4k.cuda import I8, U8, F32s, F64s, I64s

__all__ = ["LIBRARIES", "NAME", "decode", "dot_a", "dot_b", "matvec_a", "matvec_b", "row_sums"]

# Untyped, and under the name that the simulator looks for: what Numba says of it depends on its version.
cuda: Any = import_module("numba.cuda")
F32 = np.float32
F64 = np.float64
WEIGHTS = blocks.BLOCK_WEIGHTS
GROUP = blocks.Q6K_GROUP_WEIGHTS
D_AT = blocks.Q6K_D_AT


def decode(raw: U8) -> Decoded:
    """Decode n super-blocks, shape (n, 210), to float32 weights, shape (n, 256).

    :raises TypeError, ValueError: if ``raw`` is not a C-contiguous uint8 array of that shape.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    return Decoded(*over_rows(_decode, raw[:, None], width=WEIGHTS))


def dot_a(raw: U8, x: F32s) -> Dot:
    """Return path A over one row of n super-blocks: decode, then a strict left fold of rounded products.

    :raises TypeError, ValueError: if ``raw`` is not (n, 210) uint8 or ``x`` not (256 n,) float32.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[0])
    values, seen, bad = over_rows(_rows_a, raw[None], (x,))
    return Dot(values[0, 0], seen, bad)


def dot_b(raw: U8, scales: F32s, codes: I8) -> Dot:
    """Return path B over one row of n super-blocks, in the scalar order that ``reference_q6k`` defines.

    :raises TypeError, ValueError: if ``raw`` is not (n, 210) uint8, ``scales`` not (n,) float32 or ``codes`` not
        (n, 256) int8.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    checks.check_codes(scales, codes, raw.shape[0])
    values, seen, bad = over_rows(_rows_b, raw[None], (scales, codes))
    return Dot(values[0, 0], seen, bad)


def matvec_a(raw: U8, x: F32s, threads: int = 1) -> Product:
    """Return path A over each of n rows of k super-blocks, shape (n, k, 210), with one activation, shape (256 k,).

    :param threads: taken, so that backends can stand in for each other; the device has its own.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[1])
    values, seen, bad = over_rows(_rows_a, raw, (x,))
    return Product(values[:, 0], seen, bad)


def matvec_b(raw: U8, scales: F32s, codes: I8, threads: int = 1) -> Product:
    """Return path B over each of n rows of k super-blocks, shape (n, k, 210), with scales (k,) and codes (k, 256).

    :param threads: taken, so that backends can stand in for each other; the device has its own.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_codes(scales, codes, raw.shape[1])
    values, seen, bad = over_rows(_rows_b, raw, (scales, codes))
    return Product(values[:, 0], seen, bad)


def row_sums(raw: U8, x: F32s, threads: int = 1) -> Sums:
    """Return the float64 sums of x w and of |x w| over each of n rows, shape (n, k, 210), as ``reference_q6k`` does.

    :param threads: taken, so that backends can stand in for each other; the device has its own.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[1])
    values = over_rows(_row_sums, raw, (x,), 2, F64).values
    return Sums(*np.ascontiguousarray(values.T))


@cuda_kernel
def _decode(raw: U8, out: F32s, counts: I64s) -> None:
    """Write the weights of each row, one super-block; count the elements seen and those not finite."""
    for row in range(cuda.grid(1), raw.shape[0], cuda.gridsize(1)):
        block = raw[row, 0]
        d = half(int(block[D_AT]), int(block[D_AT + 1]))
        for g in range(blocks.Q6K_GROUPS):
            scale = mul(d, F32(q6k_scale_of(block, g)))
            for i in range(g * GROUP, (g + 1) * GROUP):
                w = mul(scale, F32(q6k_code_of(block, i)))
                out[row, i] = w
                counts[row, 0] += 1
                if not abs(w) < INFINITY:
                    counts[row, 1] += 1


@cuda_kernel
def _rows_a(raw: U8, x: F32s, values: F32s, counts: I64s) -> None:
    """Write path A of each row; count the elements seen and those whose weight or activation is not finite."""
    for row in range(cuda.grid(1), raw.shape[0], cuda.gridsize(1)):
        value = F32(0)
        seen, bad = 0, 0
        for n in range(raw.shape[1]):
            block = raw[row, n]
            d = half(int(block[D_AT]), int(block[D_AT + 1]))
            for g in range(blocks.Q6K_GROUPS):
                scale = mul(d, F32(q6k_scale_of(block, g)))
                for i in range(g * GROUP, (g + 1) * GROUP):
                    w = mul(scale, F32(q6k_code_of(block, i)))
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
            d = half(int(block[D_AT]), int(block[D_AT + 1]))
            s = scales[n]
            for g in range(blocks.Q6K_GROUPS):
                total = 0
                for i in range(g * GROUP, (g + 1) * GROUP):
                    total += q6k_code_of(block, i) * int(codes[n, i])
                value = add(value, mul(mul(mul(d, F32(q6k_scale_of(block, g))), s), F32(total)))
            seen += WEIGHTS
            if not (abs(d) < INFINITY and abs(s) < INFINITY):
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
            d = half(int(block[D_AT]), int(block[D_AT + 1]))
            for i in range(WEIGHTS):
                w = mul(mul(d, F32(q6k_scale_of(block, i // GROUP))), F32(q6k_code_of(block, i)))
                product = mul64(F64(w), F64(x[n * WEIGHTS + i]))
                total = add64(total, product)
                magnitude = add64(magnitude, abs(product))
        sums[row, 0] = total
        sums[row, 1] = magnitude
        counts[row, 0] = raw.shape[1] * WEIGHTS
