"""Makes Q4_K super-blocks from float32 weights, for teachers and fixtures; nothing that is measured goes through it.

Float64 throughout, with only operations that IEEE rounds correctly, and sums in a fixed order: the same weights give
the same bytes on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks

if TYPE_CHECKING:
    import numpy.typing as npt

    F64s = npt.NDArray[np.float64]

# How far the range of a sub-block is stretched or cut before its weights are rounded: the search of _fit.
STRETCHES = tuple(0.80 + 0.02 * n for n in range(18))
NEIGHBOURS = (-1, 0, 1)


def quantise_weights(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the super-blocks, shape (n, 144), of float32 weights, shape (256 n,).

    Each sub-block gets the scale and minimum of least squared error over a search of roundings; then both are
    rounded to six bits of the super-block's f16 scales, trying the codes beside the nearest too.

    :raises ValueError: if the weights are not whole super-blocks, not finite, or too large for an f16 scale.
    """
    if weights.size % blocks.BLOCK_WEIGHTS or not np.isfinite(weights).all():
        raise ValueError(f"weights must be finite and a multiple of {blocks.BLOCK_WEIGHTS}, got {weights.size}")
    x = weights.astype(np.float64).reshape(-1, blocks.SUB_BLOCKS, blocks.SUB_WEIGHTS)
    scale, minimum = _fit(x)
    with np.errstate(over="ignore"):  # an overflow is told below
        d, dmin = ((part.max(axis=1) / blocks.SCALE_MAX).astype(np.float16) for part in (scale, minimum))
    if not (np.isfinite(d).all() and np.isfinite(dmin).all()):
        raise ValueError(f"weights must be small enough for an f16 scale, got {np.abs(x).max()}")
    sc, m, q = _round(x, scale, minimum, d.astype(np.float64)[:, None], dmin.astype(np.float64)[:, None])
    return _pack(d, dmin, sc, m, q)


def _fold(terms: F64s) -> F64s:
    """Return the sums over the last axis, from left to right whatever the machine's vectors are."""
    total = terms[..., 0].copy()
    for k in range(1, terms.shape[-1]):
        total += terms[..., k]
    return total


def _codes(x: F64s, scale: F64s, minimum: F64s) -> F64s:
    """Return the nearest codes, 0 to 15, of weights; 0 where the scale is 0."""
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.clip(np.rint((x + minimum[..., None]) * inverse[..., None]), 0, blocks.CODE_MAX)


def _error(x: F64s, scale: F64s, minimum: F64s) -> F64s:
    """Return the squared error of each sub-block under a scale and a minimum."""
    left = scale[..., None] * _codes(x, scale, minimum) - minimum[..., None] - x
    return _fold(left * left)


def _fit(x: F64s) -> tuple[F64s, F64s]:
    """Return the scale and minimum of each sub-block, neither negative, that leave the least squared error found."""
    minimum = -np.minimum(x.min(axis=-1), 0.0)
    span = (x.max(axis=-1) + minimum) / blocks.CODE_MAX
    best = span, minimum
    least = _error(x, *best)
    for stretch in STRETCHES:
        tried = _least_squares(x, _codes(x, span * stretch, minimum))
        error = _error(x, *tried)
        better = error < least
        least = np.where(better, error, least)
        best = np.where(better, tried[0], best[0]), np.where(better, tried[1], best[1])
    return best


def _least_squares(x: F64s, q: F64s) -> tuple[F64s, F64s]:
    """Return the scale and minimum that fit x = scale * q - minimum best for given codes, neither negative."""
    count = float(blocks.SUB_WEIGHTS)
    sum_x, sum_q, sum_qq, sum_qx = _fold(x), _fold(q), _fold(q * q), _fold(q * x)
    spread = count * sum_qq - sum_q * sum_q
    scale = np.divide(count * sum_qx - sum_q * sum_x, spread, out=np.zeros_like(spread), where=spread > 0)
    minimum = (scale * sum_q - sum_x) / count
    through_zero = np.divide(sum_qx, sum_qq, out=np.zeros_like(spread), where=sum_qq > 0)
    scale = np.where(minimum < 0, through_zero, scale)
    return np.maximum(scale, 0.0), np.maximum(minimum, 0.0)


def _round(x: F64s, scale: F64s, minimum: F64s, d: F64s, dmin: F64s) -> tuple[F64s, F64s, F64s]:
    """Return six-bit scales and minimums, shape (n, 8), and the codes, shape (n, 8, 32), that they give."""
    near_sc = np.rint(np.divide(scale, d, out=np.zeros_like(scale), where=d > 0))
    near_m = np.rint(np.divide(minimum, dmin, out=np.zeros_like(minimum), where=dmin > 0))
    best_sc, best_m = np.zeros_like(scale), np.zeros_like(scale)
    least = np.full_like(scale, np.inf)
    for shift_sc in NEIGHBOURS:
        for shift_m in NEIGHBOURS:
            sc = np.clip(near_sc + shift_sc, 0, blocks.SCALE_MAX)
            m = np.clip(near_m + shift_m, 0, blocks.SCALE_MAX)
            error = _error(x, d * sc, dmin * m)
            better = error < least
            least = np.where(better, error, least)
            best_sc, best_m = np.where(better, sc, best_sc), np.where(better, m, best_m)
    return best_sc, best_m, _codes(x, d * best_sc, dmin * best_m)


def _pack(
    d: npt.NDArray[np.float16], dmin: npt.NDArray[np.float16], sc: F64s, m: F64s, q: F64s
) -> npt.NDArray[np.uint8]:
    """Return the bytes of super-blocks as ``blocks`` draws them."""
    out = np.zeros((d.size, blocks.BLOCK_BYTES), np.uint8)
    out[:, blocks.D_AT : blocks.DMIN_AT] = d.astype("<f2")[:, None].view(np.uint8)
    out[:, blocks.DMIN_AT : blocks.SCALES_AT] = dmin.astype("<f2")[:, None].view(np.uint8)
    s6, m6 = sc.astype(np.uint8), m.astype(np.uint8)
    scales = out[:, blocks.SCALES_AT : blocks.QS_AT]
    scales[:, 0:4] = s6[:, :4] | s6[:, 4:] >> 4 << 6
    scales[:, 4:8] = m6[:, :4] | m6[:, 4:] >> 4 << 6
    scales[:, 8:12] = s6[:, 4:] & 15 | (m6[:, 4:] & 15) << 4
    runs = q.astype(np.uint8).reshape(-1, blocks.RUNS, 2, blocks.RUN_BYTES)
    out[:, blocks.QS_AT :] = (runs[:, :, 0] | runs[:, :, 1] << 4).reshape(d.size, -1)
    return out
