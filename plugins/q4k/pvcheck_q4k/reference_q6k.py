"""The slow way for Q6_K: decode and both paths, read off their descriptions one number at a time.

It has the names and signatures that ``reference`` has for Q4_K, and shares nothing with ``cpu_q6k`` but the layout
constants. All arithmetic is IEEE float32, one rounding an operation; integers are exact.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks, checks
from pvcheck_q4k.reference import joined, summed
from pvcheck_q4k.results import Decoded, Dot, Product, Sums

if TYPE_CHECKING:
    import numpy.typing as npt

F32 = np.float32

NAME = "reference"
LIBRARIES = {"numpy": np.__version__}


def decode(raw: npt.NDArray[np.uint8]) -> Decoded:
    """Decode n super-blocks, shape (n, 210), to float32 weights, shape (n, 256).

    :raises TypeError, ValueError: if ``raw`` is not a C-contiguous uint8 array of that shape.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    weights = np.empty((raw.shape[0], blocks.BLOCK_WEIGHTS), F32)
    with np.errstate(invalid="ignore"):
        for n, block in enumerate(raw):
            scales, d = _scales(bytes(block))
            for i, q in enumerate(_codes(bytes(block))):
                weights[n, i] = (d * F32(scales[i // blocks.Q6K_GROUP_WEIGHTS])) * F32(q)
    return Decoded(weights, weights.size, weights.size - int(np.isfinite(weights).sum()))


def dot_a(raw: npt.NDArray[np.uint8], x: npt.NDArray[np.float32]) -> Dot:
    """Return path A over one row of n super-blocks: decode, then a strict left fold of rounded products.

    :raises TypeError, ValueError: if ``raw`` is not (n, 210) uint8 or ``x`` not (256 n,) float32.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[0])
    weights = decode(raw).weights.reshape(-1)
    value = F32(0)
    with np.errstate(all="ignore"):
        for w, v in zip(weights, x, strict=True):
            value = value + w * v
    return Dot(value, x.size, x.size - int((np.isfinite(weights) & np.isfinite(x)).sum()))


def dot_b(raw: npt.NDArray[np.uint8], scales: npt.NDArray[np.float32], codes: npt.NDArray[np.int8]) -> Dot:
    """Return path B over one row of n super-blocks, in scalar order.

    For Q6_K that order is our definition, made like the one for Q4_K, as nobody has published one: the accumulator
    starts at 0 and runs on through all super-blocks of the row; for each group ``g`` of 16 weights in turn, with
    the integer sum ``t`` of code times activation code and the activation scale ``s``::

        acc = acc + ((d * scale[g]) * s) * t

    each product and the sum rounded to float32 one by one (``t`` is exact: at most 65,536).

    :raises TypeError, ValueError: if ``raw`` is not (n, 210) uint8, ``scales`` not (n,) float32 or ``codes`` not
        (n, 256) int8.
    """
    checks.check_blocks(raw, size=blocks.Q6K_BYTES)
    checks.check_codes(scales, codes, raw.shape[0])
    value = F32(0)
    bad = 0
    with np.errstate(all="ignore"):
        for block, s, row in zip(raw, scales, codes, strict=True):
            sc, d = _scales(bytes(block))
            q = _codes(bytes(block))
            for g in range(blocks.Q6K_GROUPS):
                at = range(g * blocks.Q6K_GROUP_WEIGHTS, (g + 1) * blocks.Q6K_GROUP_WEIGHTS)
                total = F32(sum(q[i] * int(row[i]) for i in at))
                value = value + ((d * F32(sc[g])) * s) * total
            if not (np.isfinite(d) and np.isfinite(s)):
                bad += blocks.BLOCK_WEIGHTS
    return Dot(value, codes.size, bad)


def matvec_a(raw: npt.NDArray[np.uint8], x: npt.NDArray[np.float32], threads: int = 1) -> Product:
    """Return path A over each of n rows of k super-blocks, shape (n, k, 210), with one activation, shape (256 k,).

    :param threads: taken, so that backends can stand in for each other; here one thread does all.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[1])
    return joined([dot_a(row, x) for row in raw])


def matvec_b(
    raw: npt.NDArray[np.uint8], scales: npt.NDArray[np.float32], codes: npt.NDArray[np.int8], threads: int = 1
) -> Product:
    """Return path B over each of n rows of k super-blocks, shape (n, k, 210), with scales (k,) and codes (k, 256).

    :param threads: taken, so that backends can stand in for each other; here one thread does all.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_codes(scales, codes, raw.shape[1])
    return joined([dot_b(row, scales, codes) for row in raw])


def row_sums(raw: npt.NDArray[np.uint8], x: npt.NDArray[np.float32], threads: int = 1) -> Sums:
    """Return the float64 sums of x w and of |x w| of each of n rows of k super-blocks, shape (n, k, 210).

    They condition path A: products are exact and added from left to right, those of ``x``, shape (256 k,), in turn.

    :param threads: taken, so that backends can stand in for each other; here one thread does all.
    :raises TypeError, ValueError: if an array or ``threads`` is not that.
    """
    checks.check_rows(raw, threads, blocks.Q6K_BYTES)
    checks.check_activation(x, raw.shape[1])
    return summed([decode(row).weights.reshape(-1) for row in raw], x)


def _scales(block: bytes) -> tuple[tuple[int, ...], np.float32]:
    """Return the sixteen scales, -128 to 127, and d."""
    *scales, d = struct.unpack_from("<16be", block, blocks.Q6K_SCALES_AT)
    return tuple(scales), F32(d)


def _codes(block: bytes) -> list[int]:
    """Return the 256 codes, -32 to 31."""
    codes = []
    for i in range(blocks.BLOCK_WEIGHTS):
        half, within = divmod(i, blocks.Q6K_HALF_WEIGHTS)
        part, lane = divmod(within, blocks.Q6K_PART_WEIGHTS)
        low = block[blocks.Q6K_QL_AT + half * 64 + part % 2 * 32 + lane]
        low = low % 16 if part < 2 else low // 16
        high = block[blocks.Q6K_QH_AT + half * 32 + lane] // 4**part % 4
        codes.append(low + 16 * high - blocks.Q6K_ZERO)
    return codes
