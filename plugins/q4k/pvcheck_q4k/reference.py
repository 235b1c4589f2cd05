"""The slow way: the format and the two paths, read off their descriptions one number at a time.

It shares nothing with the compiled kernels but the layout constants, and decides what their bits must be.
All arithmetic is IEEE float32, one rounding an operation, except where a line says float64.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks, checks
from pvcheck_q4k.results import Decoded, Dot, Product, Quantised, Step, Sums

if TYPE_CHECKING:
    import numpy.typing as npt

F32 = np.float32

NAME = "reference"
LIBRARIES = {"numpy": np.__version__}


def decode(raw: npt.NDArray[np.uint8]) -> Decoded:
    """Decode n super-blocks, shape (n, 144), to float32 weights, shape (n, 256).

    :raises TypeError, ValueError: if ``raw`` is not a C-contiguous uint8 array of that shape.
    """
    checks.check_blocks(raw)
    weights = np.empty((raw.shape[0], blocks.BLOCK_WEIGHTS), F32)
    for n, block in enumerate(raw):
        weights[n] = _decode_block(bytes(block))
    return Decoded(weights, weights.size, weights.size - int(np.isfinite(weights).sum()))


def quantise(x: npt.NDArray[np.float32]) -> Quantised:
    """Quantise n super-blocks of activations, shape (256 n,), by the "absmax" rule.

    The scale is max|x| / 127 (1 / 127 when max|x| <= 1e-10); a code is x / scale, rounded half away from zero.

    :raises TypeError, ValueError: if ``x`` is not a C-contiguous float32 vector of whole super-blocks.
    """
    checks.check_activation(x)
    rows = x.reshape(-1, blocks.BLOCK_WEIGHTS)
    scales = np.empty(rows.shape[0], F32)
    codes = np.zeros(rows.shape, np.int8)
    for n, row in enumerate(rows):
        if not np.isfinite(row).all():
            scales[n] = np.nan
            continue
        largest = max(abs(v) for v in row)
        largest = F32(1) if largest <= F32(blocks.ACTIVATION_LEAST) else largest
        scales[n] = largest / F32(blocks.ACTIVATION_MAX)
        inverse = F32(1) / scales[n]
        codes[n] = [_code(v * inverse) for v in row]
    return Quantised(scales, codes, x.size, x.size - int(np.isfinite(x).sum()))


def dot_a(raw: npt.NDArray[np.uint8], x: npt.NDArray[np.float32]) -> Dot:
    """Return path A over one row of n super-blocks: decode, then a strict left fold of rounded products.

    :raises TypeError, ValueError: if ``raw`` is not (n, 144) uint8 or ``x`` not (256 n,) float32.
    """
    checks.check_blocks(raw)
    checks.check_activation(x, raw.shape[0])
    weights = decode(raw).weights.reshape(-1)
    value = F32(0)
    with np.errstate(all="ignore"):
        for w, v in zip(weights, x, strict=True):
            value = value + w * v
    return Dot(value, x.size, x.size - int((np.isfinite(weights) & np.isfinite(x)).sum()))


def dot_b(raw: npt.NDArray[np.uint8], scales: npt.NDArray[np.float32], codes: npt.NDArray[np.int8]) -> Dot:
    """Return path B over one row of n super-blocks: integer sums of codes, folded in scalar order.

    :raises TypeError, ValueError: if ``raw`` is not (n, 144) uint8, ``scales`` not (n,) float32 or ``codes`` not
        (n, 256) int8.
    """
    checks.check_blocks(raw)
    checks.check_codes(scales, codes, raw.shape[0])
    value = F32(0)
    bad = 0
    with np.errstate(all="ignore"):
        for block, scale, row in zip(raw, scales, codes, strict=True):
            d, dmin = _halves(bytes(block))
            sc, m = _unpack_scales(bytes(block))
            q = _weight_codes(bytes(block))
            for j in range(blocks.SUB_BLOCKS):
                at = range(j * blocks.SUB_WEIGHTS, (j + 1) * blocks.SUB_WEIGHTS)
                products = F32(sum(q[i] * int(row[i]) for i in at))
                total = F32(sum(int(row[i]) for i in at))
                value = value + (((d * F32(sc[j])) * scale) * products - ((dmin * F32(m[j])) * scale) * total)
            if not (np.isfinite(d) and np.isfinite(dmin) and np.isfinite(scale)):
                bad += blocks.BLOCK_WEIGHTS
    return Dot(value, codes.size, bad)


def step(raw: npt.NDArray[np.uint8], x_a: npt.NDArray[np.float32], x_b: npt.NDArray[np.float32]) -> Step:
    """Run both paths over one super-block, shape (1, 144): path A from ``x_a``, path B from ``x_b``, 256 numbers each.

    :raises TypeError, ValueError: if a shape or type is another.
    """
    checks.check_blocks(raw, 1)
    checks.check_activation(x_a, 1)
    checks.check_activation(x_b, 1)
    a = dot_a(raw, x_a)
    quantised = quantise(x_b)
    b = dot_b(raw, quantised.scales, quantised.codes)
    total, magnitude = row_sum(decode(raw).weights.reshape(-1), x_a)
    return Step(a.value, b.value, total, magnitude, a.seen, b.seen, a.non_finite, b.non_finite)


def matvec_a(raw: npt.NDArray[np.uint8], x: npt.NDArray[np.float32], threads: int = 1) -> Product:
    """Return path A over each of n rows of k super-blocks, shape (n, k, 144), with one activation, shape (256 k,).

    :param threads: taken, so that backends can stand in for each other; here one thread does all.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads)
    checks.check_activation(x, raw.shape[1])
    return joined([dot_a(row, x) for row in raw])


def matvec_b(
    raw: npt.NDArray[np.uint8], scales: npt.NDArray[np.float32], codes: npt.NDArray[np.int8], threads: int = 1
) -> Product:
    """Return path B over each of n rows of k super-blocks, shape (n, k, 144), with scales (k,) and codes (k, 256).

    :param threads: taken, so that backends can stand in for each other; here one thread does all.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads)
    checks.check_codes(scales, codes, raw.shape[1])
    return joined([dot_b(row, scales, codes) for row in raw])


def row_sums(raw: npt.NDArray[np.uint8], x: npt.NDArray[np.float32], threads: int = 1) -> Sums:
    """Return the float64 sums of x w and of |x w| of each of n rows of k super-blocks, shape (n, k, 144).

    They condition path A: products are exact and added from left to right, those of ``x``, shape (256 k,), in turn.

    :param threads: taken, so that backends can stand in for each other; here one thread does all.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads)
    checks.check_activation(x, raw.shape[1])
    return summed([decode(row).weights.reshape(-1) for row in raw], x)


def joined(dots: list[Dot]) -> Product:
    """Return the dot products of several rows as one result."""
    values = np.array([each.value for each in dots], F32)
    return Product(values, sum(each.seen for each in dots), sum(each.non_finite for each in dots))


def summed(rows: list[npt.NDArray[np.float32]], x: npt.NDArray[np.float32]) -> Sums:
    """Return the float64 sums of x w and of |x w| of rows of decoded weights."""
    found = [row_sum(weights, x) for weights in rows]
    return Sums(np.array([total for total, _ in found]), np.array([magnitude for _, magnitude in found]))


def row_sum(weights: npt.NDArray[np.float32], x: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return the float64 sums of x w and of |x w| over one row."""
    total = magnitude = 0.0
    for w, v in zip(weights, x, strict=True):
        product = float(w) * float(v)  # exact: 24 + 24 bits of 53
        total += product
        magnitude += abs(product)
    return total, magnitude


def _decode_block(block: bytes) -> list[np.float32]:
    """Return the 256 weights of one super-block."""
    d, dmin = _halves(block)
    sc, m = _unpack_scales(block)
    with np.errstate(invalid="ignore"):
        return [
            (d * F32(sc[i // blocks.SUB_WEIGHTS])) * F32(q) - (dmin * F32(m[i // blocks.SUB_WEIGHTS]))
            for i, q in enumerate(_weight_codes(block))
        ]


def _halves(block: bytes) -> tuple[np.float32, np.float32]:
    """Return d and dmin."""
    d, dmin = struct.unpack("<ee", block[blocks.D_AT : blocks.SCALES_AT])
    return F32(d), F32(dmin)


def _unpack_scales(block: bytes) -> tuple[list[int], list[int]]:
    """Return the eight scales and the eight minimums."""
    s = block[blocks.SCALES_AT : blocks.SCALES_AT + blocks.SCALES_BYTES]
    scales = [s[j] & 63 for j in range(4)] + [s[j + 4] & 15 | s[j - 4] >> 6 << 4 for j in range(4, 8)]
    minimums = [s[j + 4] & 63 for j in range(4)] + [s[j + 4] >> 4 | s[j] >> 6 << 4 for j in range(4, 8)]
    return scales, minimums


def _weight_codes(block: bytes) -> list[int]:
    """Return the 256 codes, 0 to 15."""
    codes = []
    for i in range(blocks.BLOCK_WEIGHTS):
        run, lane = divmod(i, blocks.RUN_WEIGHTS)
        high, lane = divmod(lane, blocks.RUN_BYTES)
        byte = block[blocks.QS_AT + run * blocks.RUN_BYTES + lane]
        codes.append(byte >> 4 if high else byte & 15)
    return codes


def _code(value: np.float32) -> int:
    """Return a number rounded half away from zero, exactly, and held to what int8 can say."""
    rounded = math.floor(abs(float(value)) + 0.5)  # float64 holds the sum of a float32 below 2**29 and 0.5
    return max(-128, min(127, rounded if value > 0 else -rounded))
