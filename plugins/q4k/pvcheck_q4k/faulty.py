"""Path B and the decoder with a fault planted: wrong on purpose, in one place, and in NumPy to be read.

What has no fault in it never comes here. Without one, the code below has the bits of the kernels: the tests hold
that, so that a planted fault is the only difference. Arrays have the shape (rows, blocks, ...).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from pvcheck.plugin import NotMeasured
from pvcheck_q4k import blocks
from pvcheck_q4k import fault_catalogue as names
from pvcheck_q4k.results import Decoded, Dot

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.kernels import Kernels
    from pvcheck_q4k.results import Step

    F32s = npt.NDArray[np.float32]
    I64s = npt.NDArray[np.int64]
    U8 = npt.NDArray[np.uint8]

F32 = np.float32
HALF_LEAST: Final = F32(2.0**-14)  # the smallest normal float16


class Fields(NamedTuple):
    """What a reader makes of super-blocks: d * sc and dmin * m of each sub-block, (..., 8), and codes, (..., 8, 32)."""

    scale: F32s
    minimum: F32s
    codes: I64s


class Sums(NamedTuple):
    """The integer sums of path B: of products, (rows, blocks, 8), and of activations alone, (blocks, 8)."""

    products: I64s
    totals: I64s


class Activation(NamedTuple):
    """A quantised activation: one scale a super-block, (blocks,), and its codes, (blocks, 256)."""

    scales: F32s
    codes: I64s


class Trial:
    """Path B of one evaluation as it stands on trial: with the fault of the context in it, if it is one of path B's."""

    def __init__(self, kernels: Kernels, context: Context) -> None:
        self._kernels = kernels
        self._context = context
        self._fault = context.fault if context.fault in PATH_B else None
        self._has_changed = False

    def dots(self, raw: U8, x: F32s, neighbour: U8 | None = None) -> list[Dot]:
        """Return path B over rows of one super-block, shape (n, 144).

        :param neighbour: what a reader of wrong blocks finds; by default the row after each, after the last the first.
        """
        raw = self._context.received(raw, "the super-block as path B reads it")
        x = self._context.received(x, "the activation of path B")
        quantised = self._kernels.quantise(x)
        right = [self._kernels.dot_b(row[None], quantised.scales, quantised.codes) for row in raw]
        if self._fault is None:
            return right
        if neighbour is None:
            neighbour = np.roll(raw, -1, axis=0)
        wrong = path_b(raw[:, None], x, self._fault, neighbour[:, None])
        self._has_changed |= any(
            one.value.tobytes() != other.value.tobytes() for one, other in zip(right, wrong, strict=True)
        )
        return wrong

    def step(self, right: Step, raw: U8, x: F32s, neighbour: U8 | None = None) -> Step:
        """Return both paths over one super-block with path B as it is on trial, from both as they are right."""
        if self._context.fault is None:
            return right
        (dot,) = self.dots(raw, x, neighbour)
        return right._replace(b=dot.value, seen_b=dot.seen, non_finite_b=dot.non_finite)

    def check(self) -> None:
        """Refuse a measurement in which the fault has changed no result of path B.

        :raises NotMeasured: if there is one and it has not.
        """
        if self._fault is not None and not self._has_changed:
            raise NotMeasured(f"not planted: {self._fault} changes no result of path B here")


def path_b(raw: U8, x: F32s, fault: str | None, neighbour: U8 | None = None) -> list[Dot]:
    """Return path B over rows of super-blocks, (n, k, 144), and one activation, (256 k,), with a fault or none."""
    with np.errstate(all="ignore"):
        found = _read(raw, fault, neighbour)
        activation = QUANTISING.get(fault or "", quantised)(x)
        sums = COMBINING.get(fault or "", summed)(found, activation)
        values = FOLDING.get(fault or "", folded)(found, activation, sums)
    whole = (np.isfinite(found.scale) & np.isfinite(found.minimum)).all(axis=-1) & np.isfinite(activation.scales)
    bad = blocks.BLOCK_WEIGHTS * (~whole).sum(axis=-1)
    return [Dot(F32(value), x.size, int(count)) for value, count in zip(values, bad, strict=True)]


def decoded(raw: U8, fault: str | None, neighbour: U8 | None = None) -> Decoded:
    """Return the weights of super-blocks, (n, 144), as a decoder with a fault would, or with none."""
    with np.errstate(all="ignore"):
        found = _read(raw, fault, neighbour)
        weights = found.scale[..., None] * found.codes.astype(F32) - found.minimum[..., None]
        if fault == names.HALF_WEIGHTS:
            weights = weights.astype(np.float16).astype(F32)
    weights = np.ascontiguousarray(weights.reshape(-1, blocks.BLOCK_WEIGHTS))
    return Decoded(weights, weights.size, int((~np.isfinite(weights)).sum()))


def _read(raw: U8, fault: str | None, neighbour: U8 | None) -> Fields:
    """Return the fields that a reader with a fault, or without one, makes of super-blocks."""
    if fault == names.WRONG_BLOCK and neighbour is not None:
        raw = neighbour
    return READING.get(fault or "", fields)(raw)


def fields(raw: U8) -> Fields:
    """Return the fields of super-blocks."""
    d, dmin = halves(raw)
    scales, minimums = six_bits(raw)
    return Fields(d * scales.astype(F32), dmin * minimums.astype(F32), codes_of(raw))


def halves(raw: U8) -> tuple[F32s, F32s]:
    """Return d and dmin, each (..., 1)."""
    both = np.ascontiguousarray(raw[..., blocks.D_AT : blocks.SCALES_AT]).view("<f2").astype(F32)
    return both[..., :1], both[..., 1:]


def six_bits(raw: U8, high: int = 3) -> tuple[I64s, I64s]:
    """Return the scales and the minimums, (..., 8); ``high`` masks the two high bits of sub-blocks 4 to 7."""
    packed = raw[..., blocks.SCALES_AT : blocks.QS_AT].astype(np.int64)
    low, middle, shared = packed[..., :4], packed[..., 4:8], packed[..., 8:]
    scales = np.concatenate([low & 63, shared & 15 | (low >> 6 & high) << 4], axis=-1)
    minimums = np.concatenate([middle & 63, shared >> 4 | (middle >> 6 & high) << 4], axis=-1)
    return scales, minimums


def codes_of(raw: U8) -> I64s:
    """Return the codes of the weights by sub-block, (..., 8, 32)."""
    runs = raw[..., blocks.QS_AT :].astype(np.int64).reshape(*raw.shape[:-1], blocks.RUNS, 1, blocks.RUN_BYTES)
    nibbles = np.concatenate([runs & 15, runs >> 4], axis=-2)
    return nibbles.reshape(*raw.shape[:-1], blocks.SUB_BLOCKS, blocks.SUB_WEIGHTS)


def quantised(x: F32s) -> Activation:
    """Return an activation quantised by the "absmax" rule."""
    rows, scales = _absmax(x, abs)
    return Activation(scales, _codes(rows, scales, _half_away))


def summed(found: Fields, activation: Activation) -> Sums:
    """Return the integer sums, sub-block by sub-block."""
    codes = activation.codes.reshape(-1, blocks.SUB_BLOCKS, blocks.SUB_WEIGHTS)
    return Sums((found.codes * codes).sum(axis=-1), codes.sum(axis=-1))


def folded(found: Fields, activation: Activation, sums: Sums, end: int = blocks.SUB_BLOCKS) -> F32s:
    """Return the results of the rows in scalar order; sub-blocks from ``end`` on are left out."""
    total = np.zeros(found.scale.shape[0], F32)
    for block, scale in enumerate(activation.scales):
        for j in range(end):
            total = total + _term(found, scale, sums, (block, j))
    return total


def _term(found: Fields, scale: np.float32, sums: Sums, place: tuple[int, int]) -> F32s:
    """Return what one sub-block adds to each row: products and the difference rounded one by one."""
    block, j = place
    gain = (found.scale[:, block, j] * scale) * sums.products[:, block, j].astype(F32)
    loss: F32s = (found.minimum[:, block, j] * scale) * F32(sums.totals[block, j])
    return gain - loss


def _absmax(x: F32s, size: Callable[[F32s], F32s]) -> tuple[F32s, F32s]:
    """Return the activation by super-block, (blocks, 256), and the scale of each, by the largest ``size`` in it."""
    rows = x.reshape(-1, blocks.BLOCK_WEIGHTS)
    largest = size(rows).max(axis=1)
    largest = np.where(largest <= F32(blocks.ACTIVATION_LEAST), F32(1), largest)
    scales: F32s = np.where(np.isfinite(rows).all(axis=1), largest / F32(blocks.ACTIVATION_MAX), F32(np.nan))
    return rows, scales


def _codes(rows: F32s, scales: F32s, rounded: Callable[[F32s], F32s]) -> I64s:
    """Return the codes of an activation, held to what int8 can say; 0 where the scale is NaN."""
    values = rounded(rows * (F32(1) / scales)[:, None])
    return np.where(np.isnan(scales)[:, None], 0, np.clip(values, -128, 127)).astype(np.int64)


def _half_away(values: F32s) -> F32s:
    """Return numbers rounded half away from zero; exact, as float64 holds a float32 and a half."""
    away: F32s = np.copysign(np.floor(abs(values.astype(np.float64)) + 0.5), values)
    return away


def _swapped(raw: U8) -> Fields:
    changed = raw.copy()
    changed[..., blocks.QS_AT :] = raw[..., blocks.QS_AT :] >> 4 | raw[..., blocks.QS_AT :] << 4
    return fields(changed)


def _without_minimums(raw: U8) -> Fields:
    found = fields(raw)
    return found._replace(minimum=np.zeros_like(found.minimum))


def _next_scale(raw: U8) -> Fields:
    found = fields(raw)
    return found._replace(scale=np.roll(found.scale, -1, axis=-1))


def _low_bits(raw: U8) -> Fields:
    (d, dmin), (scales, minimums) = halves(raw), six_bits(raw, high=0)
    return Fields(d * scales.astype(F32), dmin * minimums.astype(F32), codes_of(raw))


def _exchanged(raw: U8) -> Fields:
    changed = raw.copy()
    changed[..., blocks.D_AT : blocks.DMIN_AT] = raw[..., blocks.DMIN_AT : blocks.SCALES_AT]
    changed[..., blocks.DMIN_AT : blocks.SCALES_AT] = raw[..., blocks.D_AT : blocks.DMIN_AT]
    return fields(changed)


def _flushed(raw: U8) -> Fields:
    scales, minimums = six_bits(raw)
    d, dmin = (np.where(abs(half) < HALF_LEAST, F32(0), half) for half in halves(raw))
    return Fields(d * scales.astype(F32), dmin * minimums.astype(F32), codes_of(raw))


def _half_scales(raw: U8) -> Fields:
    found = fields(raw)
    scale, minimum = (part.astype(np.float16).astype(F32) for part in (found.scale, found.minimum))
    return Fields(scale, minimum, found.codes)


def _shifted_run(raw: U8) -> Fields:
    found = fields(raw)
    return found._replace(codes=np.roll(found.codes, -2, axis=-2))  # a run is two sub-blocks


def _to_even(x: F32s) -> Activation:
    rows, scales = _absmax(x, abs)
    return Activation(scales, _codes(rows, scales, np.rint))


def _truncated(x: F32s) -> Activation:
    rows, scales = _absmax(x, abs)
    return Activation(scales, _codes(rows, scales, np.trunc))


def _unsigned(x: F32s) -> Activation:
    right = quantised(x)
    return right._replace(codes=right.codes & 255)


def _of_128(x: F32s) -> Activation:
    right = quantised(x)
    return right._replace(scales=_absmax(x, abs)[1] * F32(blocks.ACTIVATION_MAX) / F32(128))


def _signed_maximum(x: F32s) -> Activation:
    rows, scales = _absmax(x, np.positive)
    return Activation(scales, _codes(rows, scales, _half_away))


def _mixed(found: Fields, activation: Activation) -> Sums:
    """Return the sums of a kernel that takes the halves of a run's bytes for its sub-blocks.

    The scale sc[2c] meets the first 16 bytes of both nibble halves of run c, and sc[2c + 1] the last 16; the sums that
    the minimums are multiplied with stay right. A public AVX2 kernel had this fault.
    """
    right = summed(found, activation)
    codes = activation.codes.reshape(-1, blocks.SUB_BLOCKS, blocks.SUB_WEIGHTS)
    products = found.codes * codes
    lanes = products.reshape(*products.shape[:2], blocks.RUNS, 2, 2, blocks.RUN_BYTES // 2)  # ..., nibble, half, byte
    return right._replace(products=lanes.sum(axis=(-3, -1)).reshape(right.products.shape))


def _exchanged_sums(found: Fields, activation: Activation) -> Sums:
    right = summed(found, activation)
    pairs = right.totals.reshape(-1, blocks.RUNS, 2)[..., ::-1]
    return right._replace(totals=pairs.reshape(right.totals.shape))


def _without_last_run(found: Fields, activation: Activation, sums: Sums) -> F32s:
    return folded(found, activation, sums, end=blocks.SUB_BLOCKS - 2)


def _wide(found: Fields, activation: Activation, sums: Sums) -> F32s:
    total = np.zeros(found.scale.shape[0])
    for block, scale in enumerate(activation.scales):
        for j in range(blocks.SUB_BLOCKS):
            total = total + _term(found, scale, sums, (block, j))
    return total.astype(F32)


READING: Final[dict[str, Callable[[U8], Fields]]] = {
    names.SWAPPED: _swapped,
    names.NO_MINIMUMS: _without_minimums,
    names.NEXT_SCALE: _next_scale,
    names.LOW_BITS: _low_bits,
    names.EXCHANGED: _exchanged,
    names.FLUSHED: _flushed,
    names.HALF_SCALES: _half_scales,
    names.SHIFTED_RUN: _shifted_run,
    names.WRONG_BLOCK: fields,
}
"""What goes wrong while bytes are read."""
QUANTISING: Final[dict[str, Callable[[F32s], Activation]]] = {
    names.TO_EVEN: _to_even,
    names.TRUNCATED: _truncated,
    names.UNSIGNED: _unsigned,
    names.OF_128: _of_128,
    names.SIGNED_MAXIMUM: _signed_maximum,
}
"""What goes wrong with the activation."""
COMBINING: Final[dict[str, Callable[[Fields, Activation], Sums]]] = {
    names.MIXED: _mixed,
    names.EXCHANGED_SUMS: _exchanged_sums,
}
"""What goes wrong in the integer sums."""
FOLDING: Final[dict[str, Callable[[Fields, Activation, Sums], F32s]]] = {
    names.DROPPED_RUN: _without_last_run,
    names.WIDE_SUM: _wide,
}
"""What goes wrong while they are scaled and added."""
PATH_B: Final = frozenset({*READING, *QUANTISING, *COMBINING, *FOLDING})
DECODER: Final = frozenset({*READING, names.HALF_WEIGHTS})
