"""Path B of Q6_K with vectors: four rows in lockstep, the bits of the scalar order (see ``path_b_forms``).

A group of 16 weights is one 128-bit lane of the loaded bytes, so the activation's codes are read as they are. Codes of
weights are taken as stored, 0 to 63; what the zero point takes off each group's sum comes from ``path_b_layout``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pvcheck_q4k import blocks, vector_products, vectors
from pvcheck_q4k.cpu_rows import row_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from pvcheck_q4k.cpu import I8, U8, F32s
    from pvcheck_q4k.path_b_layout import Activation

    U16s = npt.NDArray[np.uint16]
    V = Any  # a vector: a NumPy array when the kernels run uncompiled

F32 = np.float32
INFINITY = F32(np.inf)
WEIGHTS = blocks.BLOCK_WEIGHTS
BYTES = blocks.Q6K_BYTES
QH_AT = blocks.Q6K_QH_AT
ROWS = 4  # of a tile
AHEAD = 8 * BYTES
EXPONENT = 0x7C00  # of an f16
CARRY = 0x0400  # one more than that goes into the bit above
OVERFLOW = 0x8000

load_wide = vectors.loader("u1", 64)
load_narrow = vectors.loader("u1", 32)
load_wide_codes = vectors.loader("i1", 64)
load_narrow_codes = vectors.loader("i1", 32)
load_wide_zeros = vectors.loader("i4", 16)
load_narrow_zeros = vectors.loader("i4", 8)
load_scales = vectors.loader("i1", 16)
load_half = vectors.loader("f2", 1)
load_bits = vectors.loader("u2", 1)

ints_wide = vectors.splat("i4", 16)
floats_row = vectors.splat("f4", 4)
one_bits = vectors.splat("u2", 1)
ones_wide = vectors.splat("i2", 32)
ones_narrow = vectors.splat("i2", 16)

as_bytes = vectors.seen_as("u1")
as_words = vectors.seen_as("u4")
to_f32 = vectors.converted("f4")

twice = vectors.shuffle([*range(32)] * 2)
to_all_16 = vectors.shuffle([0] * 16)
to_all_8 = vectors.shuffle([0] * 8)

# The two high bits of parts 0 and 1 lie below their place, those of parts 2 and 3 in or above it.
LEFT = vectors.constant("u4", [4] * 8 + [2] * 8)
RIGHT = vectors.constant("u4", [0] * 8 + [2] * 8)
HIGH_BITS = 0x30303030

interleave_low = vectors.lanewise((0, 4, 1, 5))
interleave_high = vectors.lanewise((2, 6, 3, 7))
pairs_low = vectors.lanewise((0, 1, 4, 5))
pairs_high = vectors.lanewise((2, 3, 6, 7))
lane_0, lane_1, lane_2, lane_3 = (vectors.shuffle(range(4 * each, 4 * each + 4)) for each in range(4))

# Scales in the order of the sums: a vector's lane holds every fourth group (wide), or every second of a half (narrow).
wide_order = vectors.shuffle([4 * i + lane for lane in range(4) for i in range(4)])
narrow_orders = [vectors.shuffle([8 * half + 2 * i + lane for lane in range(2) for i in range(4)]) for half in range(2)]
narrow_first, narrow_last = narrow_orders


@vectors.inlined
def _ask(raw: U8, at: int) -> None:
    """Ask for the bytes of the super-block that a row will come to ``AHEAD`` bytes later."""
    vectors.prefetch(raw, at + AHEAD)
    vectors.prefetch(raw, at + AHEAD + 64)
    vectors.prefetch(raw, at + AHEAD + 128)
    vectors.prefetch(raw, at + AHEAD + 192)


@vectors.inlined
def _sum_words(a: V, b: V, c: V, d: V) -> V:
    """Return the sums of the four words of each lane, those of a, b, c and d side by side in it."""
    ab = interleave_low(a, b) + interleave_high(a, b)
    cd = interleave_low(c, d) + interleave_high(c, d)
    return pairs_low(ab, cd) + pairs_high(ab, cd)


@vectors.inlined
def _fold(value: V, terms: V) -> V:
    """Add the first two lanes of terms to the values of four rows, in order."""
    return (value + lane_0(terms)) + lane_1(terms)


@vectors.inlined
def _fold_wide(value: V, a: V, b: V, c: V, d: V) -> V:
    """Add the 16 terms of each of four rows to its value: turned over, so that a lane has one term of every row."""
    ab, cd = interleave_low(a, b), interleave_low(c, d)
    terms = pairs_low(ab, cd)
    value = ((_fold(value, terms)) + lane_2(terms)) + lane_3(terms)
    terms = pairs_high(ab, cd)
    value = ((_fold(value, terms)) + lane_2(terms)) + lane_3(terms)
    ab, cd = interleave_high(a, b), interleave_high(c, d)
    terms = pairs_low(ab, cd)
    value = ((_fold(value, terms)) + lane_2(terms)) + lane_3(terms)
    terms = pairs_high(ab, cd)
    return ((_fold(value, terms)) + lane_2(terms)) + lane_3(terms)


@vectors.inlined
def _fold_narrow(value: V, a: V, b: V, c: V, d: V) -> V:
    """Add the eight terms of half a super-block of each of four rows to its value, in the same way."""
    ab, cd = interleave_low(a, b), interleave_low(c, d)
    value = _fold(value, pairs_low(ab, cd))
    value = _fold(value, pairs_high(ab, cd))
    ab, cd = interleave_high(a, b), interleave_high(c, d)
    value = _fold(value, pairs_low(ab, cd))
    return _fold(value, pairs_high(ab, cd))


@vectors.inlined
def _dot_vnni(unsigned: V, signed: V) -> V:
    """Return the sums of four products each."""
    return vector_products.dot4(ints_wide(0), unsigned, signed)


@vectors.inlined
def _dot_avx512(unsigned: V, signed: V) -> V:
    """Return the same without VNNI; 2 times 63 times 128 fits int16."""
    return vector_products.pairs_i16(vector_products.pairs_i8(unsigned, signed), ones_wide(1))


@vectors.inlined
def _dot_avx2(unsigned: V, signed: V) -> V:
    """Return the same for 256 bits."""
    return vector_products.pairs_i16(vector_products.pairs_i8(unsigned, signed), ones_narrow(1))


@vectors.inlined
def _half_wide(dot: Callable[[V, V], V], raw: U8, at: tuple[int, int], codes: I8, code_at: int) -> tuple[V, V]:
    """Return the products of half a super-block: parts 0 and 1, parts 2 and 3."""
    low = load_wide(raw, at[0])
    high = as_words(twice(load_narrow(raw, at[1])))
    first = (low & 0x0F) | as_bytes((high << LEFT()) & HIGH_BITS)
    last = (low >> 4) | as_bytes((high >> RIGHT()) & HIGH_BITS)
    return dot(first, load_wide_codes(codes, code_at)), dot(last, load_wide_codes(codes, code_at + 64))


@vectors.inlined
def _terms_wide(dot: Callable[[V, V], V], raw: U8, at: int, activation: Activation, n: int) -> V:
    """Return the 16 terms of a super-block: group 4 i + lane in word i of each lane."""
    a, b = _half_wide(dot, raw, (at, at + QH_AT), activation.codes, n * WEIGHTS)
    c, d = _half_wide(dot, raw, (at + 64, at + QH_AT + 32), activation.codes, n * WEIGHTS + 128)
    sums = _sum_words(a, b, c, d) - load_wide_zeros(activation.sums, n * 64)
    scale = to_all_16(to_f32(load_half(raw, at + blocks.Q6K_D_AT)))
    scales = to_f32(wide_order(load_scales(raw, at + blocks.Q6K_SCALES_AT)))
    return ((scale * scales) * activation.scales[n]) * to_f32(sums)


@vectors.inlined
def _sums_avx2(raw: U8, at: int, high_at: int, codes: I8, code_at: int) -> V:
    """Return the sums of the eight groups of half a super-block: group 2 i + lane in word i of each lane."""
    even, odd = load_narrow(raw, at), load_narrow(raw, at + 32)
    high = as_words(load_narrow(raw, high_at))
    a = _dot_avx2((even & 0x0F) | as_bytes((high << 4) & HIGH_BITS), load_narrow_codes(codes, code_at))
    b = _dot_avx2((odd & 0x0F) | as_bytes((high << 2) & HIGH_BITS), load_narrow_codes(codes, code_at + 32))
    c = _dot_avx2((even >> 4) | as_bytes(high & HIGH_BITS), load_narrow_codes(codes, code_at + 64))
    d = _dot_avx2((odd >> 4) | as_bytes((high >> 2) & HIGH_BITS), load_narrow_codes(codes, code_at + 96))
    return _sum_words(a, b, c, d)


@vectors.inlined
def _terms_avx2(raw: U8, at: int, activation: Activation, n: int) -> tuple[V, V]:
    """Return the terms of both halves of a super-block."""
    scale = to_all_8(to_f32(load_half(raw, at + blocks.Q6K_D_AT)))
    scales, s = load_scales(raw, at + blocks.Q6K_SCALES_AT), activation.scales[n]
    codes, zeros, code_at = activation.codes, activation.sums, n * WEIGHTS
    sums = _sums_avx2(raw, at, at + QH_AT, codes, code_at) - load_narrow_zeros(zeros, n * 64)
    first = ((scale * to_f32(narrow_first(scales))) * s) * to_f32(sums)
    sums = _sums_avx2(raw, at + 64, at + QH_AT + 32, codes, code_at + 128) - load_narrow_zeros(zeros, n * 64 + 32)
    return first, ((scale * to_f32(narrow_last(scales))) * s) * to_f32(sums)


@vectors.inlined
def _wrong(raw: U8, row: int, scales: F32s) -> int:
    """Return how many weights of a row lie in super-blocks that are not finite."""
    wrong = 0
    for n in range(scales.shape[0]):
        if int(raw[row, n, blocks.Q6K_D_AT + 1]) & 0x7C == 0x7C or not abs(scales[n]) < INFINITY:
            wrong += WEIGHTS
    return wrong


@vectors.inlined
def _finish(raw: U8, start: int, scales: F32s, tile: tuple[F32s, U16s], values: F32s) -> int:
    """Write the values of a tile's rows; return how many of their weights are not finite.

    Rows are looked through again only if the flag says that some super-block may not be finite.
    """
    wrong = 0
    results, flags = tile
    for i in range(min(ROWS, raw.shape[0] - start)):
        values[start + i] = results[i]
        if flags[0] & np.uint16(OVERFLOW):
            wrong += _wrong(raw, start + i, scales)
    return wrong


@vectors.inlined
def _strange(scales: F32s) -> int:
    """Return the flag that a tile starts with: raised if an activation scale is not finite."""
    for s in scales:
        if not abs(s) < INFINITY:
            return OVERFLOW
    return 0


@vectors.inlined
def _flag(raw: U8, at: int) -> V:
    """Return one number, whose bits of ``OVERFLOW`` are set if d is not finite."""
    return (load_bits(raw, at + blocks.Q6K_D_AT) & EXPONENT) + CARRY


@vectors.inlined
def _wide(dot: Callable[[V, V], V], raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row, four at a time; return how many weights are not finite."""
    results, flags = np.empty(ROWS, F32), np.empty(1, np.uint16)
    count, k = raw.shape[0], raw.shape[1]
    strange = _strange(activation.scales)
    wrong = 0
    for row in range(0, count, ROWS):
        value = floats_row(0)
        flag = one_bits(strange)
        second, third, fourth = min(row + 1, count - 1), min(row + 2, count - 1), min(row + 3, count - 1)
        for n in range(k):
            at = ((row * k + n) * BYTES, (second * k + n) * BYTES, (third * k + n) * BYTES, (fourth * k + n) * BYTES)
            _ask(raw, at[0])
            _ask(raw, at[1])
            _ask(raw, at[2])
            _ask(raw, at[3])
            a = _terms_wide(dot, raw, at[0], activation, n)
            b = _terms_wide(dot, raw, at[1], activation, n)
            c = _terms_wide(dot, raw, at[2], activation, n)
            d = _terms_wide(dot, raw, at[3], activation, n)
            value = _fold_wide(value, a, b, c, d)
            flag = flag | _flag(raw, at[0]) | _flag(raw, at[1]) | _flag(raw, at[2]) | _flag(raw, at[3])
        vectors.store(results, 0, value)
        vectors.store(flags, 0, flag)
        wrong += _finish(raw, row, activation.scales, (results, flags), values)
    return wrong


@row_kernel
def rows_avx512_vnni(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row with 512-bit vectors and VNNI; return how many weights are not finite."""
    return _wide(_dot_vnni, raw, activation, values)


@row_kernel
def rows_avx512(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row with 512-bit vectors; return how many weights are not finite."""
    return _wide(_dot_avx512, raw, activation, values)


@row_kernel
def rows_avx2(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row with 256-bit vectors, four at a time; return how many weights are not finite."""
    results, flags = np.empty(ROWS, F32), np.empty(1, np.uint16)
    count, k = raw.shape[0], raw.shape[1]
    strange = _strange(activation.scales)
    wrong = 0
    for row in range(0, count, ROWS):
        value = floats_row(0)
        flag = one_bits(strange)
        second, third, fourth = min(row + 1, count - 1), min(row + 2, count - 1), min(row + 3, count - 1)
        for n in range(k):
            at = ((row * k + n) * BYTES, (second * k + n) * BYTES, (third * k + n) * BYTES, (fourth * k + n) * BYTES)
            _ask(raw, at[0])
            _ask(raw, at[1])
            _ask(raw, at[2])
            _ask(raw, at[3])
            a, a_last = _terms_avx2(raw, at[0], activation, n)
            b, b_last = _terms_avx2(raw, at[1], activation, n)
            c, c_last = _terms_avx2(raw, at[2], activation, n)
            d, d_last = _terms_avx2(raw, at[3], activation, n)
            value = _fold_narrow(value, a, b, c, d)
            value = _fold_narrow(value, a_last, b_last, c_last, d_last)
            flag = flag | _flag(raw, at[0]) | _flag(raw, at[1]) | _flag(raw, at[2]) | _flag(raw, at[3])
        vectors.store(results, 0, value)
        vectors.store(flags, 0, flag)
        wrong += _finish(raw, row, activation.scales, (results, flags), values)
    return wrong
