"""The fast way: the same kernels in Numba, the same bits as ``reference``; only rows are shared out over threads.

Every operation on weights is float32 and rounds once: no fastmath, so LLVM may neither reorder a sum nor fuse
``a * b + c``; the tests hold that on numbers where a fused result differs. Integers are widened with ``int``
before they are shifted, so that the kernels mean the same when they run uncompiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import llvmlite
import numba
import numpy as np

from pvcheck_q4k import blocks, checks
from pvcheck_q4k.compile_cache import kernel
from pvcheck_q4k.cpu_rows import row_kernel
from pvcheck_q4k.results import Decoded, Dot, Product, Quantised, Step, Sums

if TYPE_CHECKING:
    import numpy.typing as npt

    U8 = npt.NDArray[np.uint8]
    I8 = npt.NDArray[np.int8]
    F32s = npt.NDArray[np.float32]
    F64s = npt.NDArray[np.float64]

F32 = np.float32

NAME = "cpu"
LIBRARIES = {"numpy": np.__version__, "numba": numba.__version__, "llvmlite": llvmlite.__version__}

# Plain names, because a kernel freezes globals of its own module and they read like the format.
WEIGHTS = blocks.BLOCK_WEIGHTS
SUB = blocks.SUB_WEIGHTS
HALF_OF = np.array([2.0 ** (max(e, 1) - 25) for e in range(31)], F32)  # the weight of an f16 mantissa's last bit
INFINITY = F32(np.inf)
NAN = F32(np.nan)
LEAST = F32(blocks.ACTIVATION_LEAST)
FULL = F32(blocks.ACTIVATION_MAX)


def decode(raw: U8) -> Decoded:
    """Decode n super-blocks, shape (n, 144), to float32 weights, shape (n, 256).

    :raises TypeError, ValueError: if ``raw`` is not a C-contiguous uint8 array of that shape.
    """
    checks.check_blocks(raw)
    weights = np.empty((raw.shape[0], WEIGHTS), F32)
    with np.errstate(all="ignore"):
        seen, bad = _decode(raw, weights)
    return Decoded(weights, int(seen), int(bad))


def quantise(x: F32s) -> Quantised:
    """Quantise n super-blocks of activations, shape (256 n,), by the "absmax" rule (see ``reference``).

    :raises TypeError, ValueError: if ``x`` is not a C-contiguous float32 vector of whole super-blocks.
    """
    checks.check_activation(x)
    scales = np.empty(x.size // WEIGHTS, F32)
    codes = np.empty((scales.size, WEIGHTS), np.int8)
    with np.errstate(all="ignore"):
        seen, bad = _quantise(x, scales, codes)
    return Quantised(scales, codes, int(seen), int(bad))


def dot_a(raw: U8, x: F32s) -> Dot:
    """Return path A over one row of n super-blocks: decode, then a strict left fold of rounded products.

    :raises TypeError, ValueError: if ``raw`` is not (n, 144) uint8 or ``x`` not (256 n,) float32.
    """
    checks.check_blocks(raw)
    checks.check_activation(x, raw.shape[0])
    with np.errstate(all="ignore"):
        value, seen, bad = _dot_a(raw, x)
    return Dot(F32(value), int(seen), int(bad))


def dot_b(raw: U8, scales: F32s, codes: I8) -> Dot:
    """Return path B over one row of n super-blocks: integer sums of codes, folded in scalar order.

    :raises TypeError, ValueError: if ``raw`` is not (n, 144) uint8, ``scales`` not (n,) float32 or ``codes`` not
        (n, 256) int8.
    """
    checks.check_blocks(raw)
    checks.check_codes(scales, codes, raw.shape[0])
    with np.errstate(all="ignore"):
        value, seen, bad = _dot_b(raw, scales, codes)
    return Dot(F32(value), int(seen), int(bad))


def step(raw: U8, x_a: F32s, x_b: F32s) -> Step:
    """Run both paths over one super-block, shape (1, 144): path A from ``x_a``, path B from ``x_b``, 256 numbers each.

    One kernel does all of it, because each kernel that a process loads from the compile cache costs milliseconds.

    :raises TypeError, ValueError: if a shape or type is another.
    """
    checks.check_blocks(raw, 1)
    checks.check_activation(x_a, 1)
    checks.check_activation(x_b, 1)
    with np.errstate(all="ignore"):
        a, b, total, magnitude, seen_a, seen_b, bad_a, bad_b = _step(raw, x_a, x_b)
    return Step(F32(a), F32(b), float(total), float(magnitude), int(seen_a), int(seen_b), int(bad_a), int(bad_b))


def matvec_a(raw: U8, x: F32s, threads: int = 1) -> Product:
    """Return path A over each of n rows of k super-blocks, shape (n, k, 144), with one activation, shape (256 k,).

    :param threads: the most threads to use; the bits do not depend on it.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    :raises NotMeasured: if ``PVCHECK_Q4K_FORM`` names a form that cannot run here (see ``forms``).
    """
    checks.check_rows(raw, threads)
    checks.check_activation(x, raw.shape[1])
    from pvcheck_q4k import path_a  # noqa: PLC0415 - its kernels are loaded where they run

    return path_a.matvec(raw, x, threads)


def matvec_b(raw: U8, scales: F32s, codes: I8, threads: int = 1) -> Product:
    """Return path B over each of n rows of k super-blocks, shape (n, k, 144), with scales (k,) and codes (k, 256).

    :param threads: the most threads to use; the bits do not depend on it.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    :raises NotMeasured: if ``PVCHECK_Q4K_FORM`` names a form that cannot run here (see ``forms``).
    """
    checks.check_rows(raw, threads)
    checks.check_codes(scales, codes, raw.shape[1])
    from pvcheck_q4k import path_b  # noqa: PLC0415 - its kernels are loaded where they run

    return path_b.q4k(raw, scales, codes, threads)


def row_sums(raw: U8, x: F32s, threads: int = 1) -> Sums:
    """Return the float64 sums of x w and of |x w| of each of n rows of k super-blocks, shape (n, k, 144).

    They condition path A: products are exact and added from left to right, those of ``x``, shape (256 k,), in turn.

    :param threads: the most threads to use; the bits do not depend on it.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    :raises NotMeasured: if ``PVCHECK_Q4K_FORM`` names a form that cannot run here (see ``forms``).
    """
    checks.check_rows(raw, threads)
    checks.check_activation(x, raw.shape[1])
    from pvcheck_q4k import path_a  # noqa: PLC0415 - its kernels are loaded where they run

    return path_a.row_sums(raw, x, threads)


@kernel
def _half(low: int, high: int) -> np.float32:
    """Return the f16 of two bytes as float32; every finite one is a mantissa times a power of two, exactly."""
    exponent = (high >> 2) & 31
    mantissa = ((high & 3) << 8) | low
    if exponent == 31:
        value = NAN if mantissa else INFINITY
    else:
        value = F32(mantissa + 1024 if exponent else mantissa) * HALF_OF[exponent]
    return -value if high & 128 else value


@kernel
def _scale_and_minimum(block: U8, j: int) -> tuple[int, int]:
    """Return the 6-bit scale and minimum of sub-block ``j``."""
    at = blocks.SCALES_AT + j
    if j < 4:
        return int(block[at]) & 63, int(block[at + 4]) & 63
    shared = int(block[at + 4])
    return (shared & 15) | (int(block[at - 4]) >> 6 << 4), (shared >> 4) | (int(block[at]) >> 6 << 4)


@kernel
def _decode_block(block: U8, out: F32s) -> int:
    """Write the 256 weights of one super-block; return how many of them are not finite."""
    d = _half(int(block[blocks.D_AT]), int(block[blocks.D_AT + 1]))
    dmin = _half(int(block[blocks.DMIN_AT]), int(block[blocks.DMIN_AT + 1]))
    bad = 0
    for j in range(blocks.SUB_BLOCKS):
        sc, m = _scale_and_minimum(block, j)
        scale = d * F32(sc)
        minimum = dmin * F32(m)
        shift = 4 * (j % 2)
        at = blocks.QS_AT + j // 2 * blocks.RUN_BYTES
        for k in range(SUB):
            w = scale * F32((int(block[at + k]) >> shift) & 15) - minimum
            out[j * SUB + k] = w
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
def _quantise(x: F32s, scales: F32s, codes: I8) -> tuple[int, int]:
    """Quantise all super-blocks; return the elements seen and those not finite."""
    seen, bad = 0, 0
    for n in range(scales.shape[0]):
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
        scale = largest / FULL
        inverse = F32(1) / scale
        for k in range(WEIGHTS):
            code = 0
            if wrong == 0:
                value = x[at + k] * inverse  # at most 127 and a rounding: the cast below cannot wrap
                code = int(value)
                rest = value - F32(code)  # exact, so a half is a half
                if rest >= F32(0.5):
                    code += 1
                elif rest <= F32(-0.5):
                    code -= 1
            codes[n, k] = code
        scales[n] = scale if wrong == 0 else NAN
        seen += WEIGHTS
        bad += wrong
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
        d = _half(int(block[blocks.D_AT]), int(block[blocks.D_AT + 1]))
        dmin = _half(int(block[blocks.DMIN_AT]), int(block[blocks.DMIN_AT + 1]))
        s = scales[n]
        for j in range(blocks.SUB_BLOCKS):
            sc, m = _scale_and_minimum(block, j)
            shift = 4 * (j % 2)
            at = blocks.QS_AT + j // 2 * blocks.RUN_BYTES
            products, total = 0, 0
            for k in range(SUB):
                code = int(codes[n, j * SUB + k])
                products += ((int(block[at + k]) >> shift) & 15) * code
                total += code
            value = value + (((d * F32(sc)) * s) * F32(products) - ((dmin * F32(m)) * s) * F32(total))
        if not (abs(d) < INFINITY and abs(dmin) < INFINITY and abs(s) < INFINITY):
            bad += WEIGHTS
        seen += WEIGHTS
    return value, seen, bad


@kernel
def _add_products(weights: F32s, x: F32s, at: int, total: float, magnitude: float) -> tuple[float, float]:
    """Return the sums of x w and of |x w| with one super-block more."""
    for k in range(WEIGHTS):
        # exact in float64, 24 + 24 bits of 53; Numba's float() would leave them float32
        product = np.float64(weights[k]) * np.float64(x[at + k])
        total += product
        magnitude += abs(product)
    return total, magnitude


@kernel
def _step(raw: U8, x_a: F32s, x_b: F32s) -> tuple[np.float32, np.float32, float, float, int, int, int, int]:
    """Return both paths over one super-block, the float64 sums of x w and |x w|, and the counts of both."""
    a, seen_a, bad_a = _dot_a(raw, x_a)
    scales = np.empty(1, F32)
    codes = np.empty((1, WEIGHTS), np.int8)
    _quantise(x_b, scales, codes)
    b, seen_b, bad_b = _dot_b(raw, scales, codes)
    weights = np.empty(WEIGHTS, F32)
    _decode_block(raw[0], weights)
    total, magnitude = _add_products(weights, x_a, 0, 0.0, 0.0)
    return a, b, total, magnitude, seen_a, seen_b, bad_a, bad_b


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
