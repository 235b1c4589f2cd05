"""The fast way for Q6_K: decode and both paths in Numba, the bits of ``reference_q6k``.

It has the names and signatures that ``cpu`` has for Q4_K. As there, no fastmath: LLVM may neither reorder a sum nor
fuse ``a * b + c``, and integers are widened with ``int`` before they are shifted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks, checks
from pvcheck_q4k.compile_cache import kernel
from pvcheck_q4k.cpu import LIBRARIES, NAME, _add_products, _half
from pvcheck_q4k.cpu_rows import row_kernel
from pvcheck_q4k.results import Decoded, Dot, Product, Sums

if TYPE_CHECKING:
    from pvcheck_q4k.cpu import I8, U8, F32s, F64s

__all__ = ["LIBRARIES", "NAME", "decode", "dot_a", "dot_b", "matvec_a", "matvec_b", "row_sums"]

F32 = np.float32
WEIGHTS = blocks.BLOCK_WEIGHTS
GROUP = blocks.Q6K_GROUP_WEIGHTS
INFINITY = F32(np.inf)


def decode(raw: U8) -> Decoded:
    """Decode n super-blocks, shape (n, 210), to float32 weights, shape (n, 256).

    :raises TypeError, ValueError: if ``raw`` is not a C-contiguous uint8 array of that shape.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    weights = np.empty((raw.shape[0], WEIGHTS), F32)
    with np.errstate(all="ignore"):
        seen, bad = _decode(raw, weights)
    return Decoded(weights, int(seen), int(bad))


def dot_a(raw: U8, x: F32s) -> Dot:
    """Return path A over one row of n super-blocks: decode, then a strict left fold of rounded products.

    :raises TypeError, ValueError: if ``raw`` is not (n, 210) uint8 or ``x`` not (256 n,) float32.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[0])
    with np.errstate(all="ignore"):
        value, seen, bad = _dot_a(raw, x)
    return Dot(F32(value), int(seen), int(bad))


def dot_b(raw: U8, scales: F32s, codes: I8) -> Dot:
    """Return path B over one row of n super-blocks, in the scalar order that ``reference_q6k`` defines.

    :raises TypeError, ValueError: if ``raw`` is not (n, 210) uint8, ``scales`` not (n,) float32 or ``codes`` not
        (n, 256) int8.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    checks.check_codes(scales, codes, raw.shape[0])
    with np.errstate(all="ignore"):
        value, seen, bad = _dot_b(raw, scales, codes)
    return Dot(F32(value), int(seen), int(bad))


def matvec_a(raw: U8, x: F32s, threads: int = 1) -> Product:
    """Return path A over each of n rows of k super-blocks, shape (n, k, 210), with one activation, shape (256 k,).

    :param threads: the most threads to use; the bits do not depend on it.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    :raises NotMeasured: if ``PVCHECK_Q4K_FORM`` names a form that cannot run here (see ``forms``).
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[1])
    from pvcheck_q4k import path_a  # noqa: PLC0415 - its kernels are loaded where they run

    return path_a.matvec(raw, x, threads)


def matvec_b(raw: U8, scales: F32s, codes: I8, threads: int = 1) -> Product:
    """Return path B over each of n rows of k super-blocks, shape (n, k, 210), with scales (k,) and codes (k, 256).

    :param threads: the most threads to use; the bits do not depend on it.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    :raises NotMeasured: if ``PVCHECK_Q4K_FORM`` names a form that cannot run here (see ``forms``).
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_codes(scales, codes, raw.shape[1])
    from pvcheck_q4k import path_b  # noqa: PLC0415 - its kernels are loaded where they run

    return path_b.q6k(raw, scales, codes, threads)


def row_sums(raw: U8, x: F32s, threads: int = 1) -> Sums:
    """Return the float64 sums of x w and of |x w| of each of n rows of k super-blocks, shape (n, k, 210).

    They condition path A: products are exact and added from left to right, those of ``x``, shape (256 k,), in turn.

    :param threads: the most threads to use; the bits do not depend on it.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    :raises NotMeasured: if ``PVCHECK_Q4K_FORM`` names a form that cannot run here (see ``forms``).
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[1])
    from pvcheck_q4k import path_a  # noqa: PLC0415 - its kernels are loaded where they run

    return path_a.row_sums(raw, x, threads)


@kernel
def _code(block: U8, i: int) -> int:
    """Return the code of weight ``i``, -32 to 31."""
    part = (i >> 5) & 3
    lane = i & 31
    low = int(block[blocks.Q6K_QL_AT + (i >> 7) * 64 + (part & 1) * 32 + lane]) >> (part >> 1) * 4
    high = int(block[blocks.Q6K_QH_AT + (i >> 7) * 32 + lane]) >> part * 2
    return ((low & 15) | (high & 3) << 4) - blocks.Q6K_ZERO


@kernel
def _scale(block: U8, g: int) -> int:
    """Return the scale of group ``g``, -128 to 127."""
    byte = int(block[blocks.Q6K_SCALES_AT + g])
    return byte - ((byte & 128) << 1)


@kernel
def _decode_block(block: U8, out: F32s) -> int:
    """Write the 256 weights of one super-block; return how many of them are not finite."""
    d = _half(int(block[blocks.Q6K_D_AT]), int(block[blocks.Q6K_D_AT + 1]))
    bad = 0
    for g in range(blocks.Q6K_GROUPS):
        scale = d * F32(_scale(block, g))
        for i in range(g * GROUP, (g + 1) * GROUP):
            w = scale * F32(_code(block, i))
            out[i] = w
            if not abs(w) < INFINITY:
                bad += 1
    return bad


@kernel
def _decode(raw: U8, out: F32s) -> tuple[int, int]:
    """Decode all super-blocks; return the elements seen and those not finite."""
    seen, bad = 0, 0
    for n in range(raw.shape[0]):
        bad += _decode_block(raw[n], out[n])
        seen += WEIGHTS
    return seen, bad


@kernel
def _dot_a(raw: U8, x: F32s) -> tuple[np.float32, int, int]:
    """Return path A, the elements seen, and those whose weight or activation is not finite."""
    weights = np.empty(WEIGHTS, F32)
    value = F32(0)
    seen, bad = 0, 0
    for n in range(raw.shape[0]):
        _decode_block(raw[n], weights)
        for k in range(WEIGHTS):
            v = x[n * WEIGHTS + k]
            value = value + weights[k] * v
            if not (abs(weights[k]) < INFINITY and abs(v) < INFINITY):
                bad += 1
        seen += WEIGHTS
    return value, seen, bad


@kernel
def _dot_b(raw: U8, scales: F32s, codes: I8) -> tuple[np.float32, int, int]:
    """Return path B in scalar order, the elements seen, and those of a super-block that is not finite."""
    value = F32(0)
    seen, bad = 0, 0
    for n in range(raw.shape[0]):
        block = raw[n]
        d = _half(int(block[blocks.Q6K_D_AT]), int(block[blocks.Q6K_D_AT + 1]))
        s = scales[n]
        for g in range(blocks.Q6K_GROUPS):
            total = 0
            for i in range(g * GROUP, (g + 1) * GROUP):
                total += _code(block, i) * int(codes[n, i])
            value = value + ((d * F32(_scale(block, g))) * s) * F32(total)
        if not (abs(d) < INFINITY and abs(s) < INFINITY):
            bad += WEIGHTS
        seen += WEIGHTS
    return value, seen, bad


@row_kernel
def _rows_a(raw: U8, x: F32s, values: F32s) -> tuple[int, int]:
    """Write path A of each row; return the elements seen and those not finite."""
    seen, bad = 0, 0
    for n in range(raw.shape[0]):
        values[n], one_seen, one_bad = _dot_a(raw[n], x)
        seen += one_seen
        bad += one_bad
    return seen, bad


@row_kernel
def _row_sums(raw: U8, x: F32s, totals: F64s, magnitudes: F64s) -> None:
    """Write the float64 sums of x w and of |x w| of each row."""
    weights = np.empty(WEIGHTS, F32)
    for row in range(raw.shape[0]):
        total, magnitude = 0.0, 0.0
        for n in range(raw.shape[1]):
            _decode_block(raw[row, n], weights)
            total, magnitude = _add_products(weights, x, n * WEIGHTS, total, magnitude)
        totals[row] = total
        magnitudes[row] = magnitude
