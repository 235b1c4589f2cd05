"""Path B of Q4_K with vectors: several rows in lockstep, the bits of the scalar order.

Integer sums are exact in any order, so the products of codes may be added as is fastest. What has an order, the
float32 fold of eight terms a super-block, runs through the same terms as ``cpu.dot_b`` in the same order, each row in
128 bits of its own::

    lane of 128 bits            row 0            row 1            ...
    its four words              runs 0 1 2 3     runs 0 1 2 3

The activation comes from ``path_b_layout``. A last tile with fewer rows repeats the last one.
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

    U32s = npt.NDArray[np.uint32]

    V = Any  # a vector: a NumPy array when the kernels run uncompiled

F32 = np.float32
INFINITY = F32(np.inf)
WEIGHTS = blocks.BLOCK_WEIGHTS
BYTES = blocks.BLOCK_BYTES
AHEAD = 10 * BYTES  # measured: a row's next line is asked for in time, and not yet driven out
SECOND = blocks.QS_AT + 64  # runs 2 and 3
WIDE_ROWS = 4  # of a tile of 512 bits
NARROW_ROWS = 2  # of a tile of 256 bits

load_header = vectors.loader("u1", 16)
load_wide = vectors.loader("u1", 64)
load_narrow = vectors.loader("u1", 32)
load_wide_codes = vectors.loader("i1", 64)
load_narrow_codes = vectors.loader("i1", 32)
load_sums = vectors.lane_loader("f4")

zeros_wide = vectors.splat("i4", 16)
floats_wide = vectors.splat("f4", 16)
floats_narrow = vectors.splat("f4", 8)
ones_wide = vectors.splat("i2", 32)
ones_narrow = vectors.splat("i2", 16)

as_bytes = vectors.seen_as("u1")
as_words = vectors.seen_as("u4")
as_ints = vectors.seen_as("i4")
as_halves = vectors.seen_as("f2")
to_u16 = vectors.converted("u2")
to_f32 = vectors.converted("f4")

# Where a word of two runs of 64 bytes lies, and where it goes: to its run's place in the lane that its number names.
_BY_WORD = [[(2 * run + half) * 4 + word for word in range(4) for run in range(4)] for half in range(2)]
by_word_first = vectors.shuffle(_BY_WORD[0])
by_word_last = vectors.shuffle(_BY_WORD[1])


def _lanes(*picked: int) -> Callable[..., V]:
    """Return the shuffle that picks whole lanes of two vectors of 512 bits of words."""
    return vectors.shuffle([4 * lane + word for lane in picked for word in range(4)])


lanes_0145 = _lanes(0, 1, 4, 5)
lanes_2367 = _lanes(2, 3, 6, 7)
lanes_0246 = _lanes(0, 2, 4, 6)
lanes_1357 = _lanes(1, 3, 5, 7)
lower_halves = vectors.shuffle([0, 1, 2, 3, 8, 9, 10, 11])
upper_halves = vectors.shuffle([4, 5, 6, 7, 12, 13, 14, 15])
join_16 = vectors.shuffle(range(32))
join_32 = vectors.shuffle(range(64))

interleave_low = vectors.lanewise((0, 4, 1, 5))
interleave_high = vectors.lanewise((2, 6, 3, 7))
pairs_low = vectors.lanewise((0, 1, 4, 5))
pairs_high = vectors.lanewise((2, 3, 6, 7))
word_0, word_1, word_2, word_3 = (vectors.lanewise((each,) * 4) for each in range(4))

# The header in each lane: d, dmin, s[0:4], s[4:8], s[8:12]. Below, sc and m of sub-blocks 0-3, then those of 4-7.
pick_d = vectors.lanewise((0, 1, -1, -1) * 4)
pick_dmin = vectors.lanewise((2, 3, -1, -1) * 4)
low_bits = vectors.lanewise((*range(4, 16), *range(12, 16)))
spare_bits = vectors.lanewise((-1,) * 8 + tuple(range(4, 12)))
LOW_SHIFT = vectors.repeated("u4", (0, 0, 0, 4))
LOW_MASK = vectors.repeated("u4", (0x3F3F3F3F, 0x3F3F3F3F, 0x0F0F0F0F, 0x0F0F0F0F))
SPARE_MASK = 0x30303030


def _bytes(*places: int) -> Callable[..., V]:
    """Return the shuffle that widens four bytes of each lane to words."""
    return vectors.lanewise([each for place in places for each in (place, -1, -1, -1)])


even_scales = _bytes(0, 2, 8, 10)
odd_scales = _bytes(1, 3, 9, 11)
even_minimums = _bytes(4, 6, 12, 14)
odd_minimums = _bytes(5, 7, 13, 15)

EXPONENTS = 0x7C007C00  # of d and dmin, in the first word of a header
CARRY = 0x04000400  # one more than that goes into the bits above
OVERFLOW = 0x80008000


@vectors.inlined
def _terms(header: V, low: V, high: V, activation: Activation, n: int) -> tuple[V, V]:
    """Return the terms of the four even sub-blocks and of the four odd ones, from their integer sums of products."""
    s, sums, at = activation.scales[n], activation.sums, n * 32
    d = to_f32(as_halves(to_u16(as_words(pick_d(header)))))
    dmin = to_f32(as_halves(to_u16(as_words(pick_dmin(header)))))
    unpacked = (as_words(low_bits(header)) >> LOW_SHIFT(header)) & LOW_MASK(header)
    unpacked = as_bytes(unpacked | ((as_words(spare_bits(header)) >> 2) & SPARE_MASK))
    sc = to_f32(as_ints(even_scales(unpacked)))
    m = to_f32(as_ints(even_minimums(unpacked)))
    even = ((d * sc) * s) * to_f32(low) - ((dmin * m) * s) * load_sums(sums, at, header)
    sc = to_f32(as_ints(odd_scales(unpacked)))
    m = to_f32(as_ints(odd_minimums(unpacked)))
    odd = ((d * sc) * s) * to_f32(high) - ((dmin * m) * s) * load_sums(sums, at + 16, header)
    return even, odd


@vectors.inlined
def _ask(raw: U8, at: int) -> None:
    """Ask for the bytes of the super-block that a row will come to ``AHEAD`` bytes later."""
    vectors.prefetch(raw, at + AHEAD)
    vectors.prefetch(raw, at + AHEAD + 64)
    vectors.prefetch(raw, at + AHEAD + 128)


@vectors.inlined
def _fold(value: V, even: V, odd: V) -> V:
    """Add the eight terms of each row to its value, which stands in all four words of its lane, in scalar order."""
    value = value + word_0(even)
    value = value + word_0(odd)
    value = value + word_1(even)
    value = value + word_1(odd)
    value = value + word_2(even)
    value = value + word_2(odd)
    value = value + word_3(even)
    return value + word_3(odd)


@vectors.inlined
def _wrong(raw: U8, row: int, scales: F32s) -> int:
    """Return how many weights of a row lie in super-blocks that are not finite."""
    wrong = 0
    for b in range(scales.shape[0]):
        d, dmin = int(raw[row, b, blocks.D_AT + 1]), int(raw[row, b, blocks.DMIN_AT + 1])
        if d & 0x7C == 0x7C or dmin & 0x7C == 0x7C or not abs(scales[b]) < INFINITY:
            wrong += WEIGHTS
    return wrong


@vectors.inlined
def _finish(raw: U8, start: int, scales: F32s, tile: tuple[F32s, U32s], values: F32s) -> int:
    """Write the values of a tile's rows; return how many of their weights are not finite.

    Rows are looked through again only if a flag says that some super-block may not be finite.
    """
    wrong = 0
    results, flags = tile  # a row's in four words each
    for i in range(min(results.shape[0] // 4, raw.shape[0] - start)):
        values[start + i] = results[4 * i]
        if flags[4 * i] & np.uint32(OVERFLOW):
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
def _sum_lanes(a: V, b: V, c: V, d: V) -> V:
    """Return the sum of each vector's four lanes, one vector a lane."""
    ab = lanes_0145(a, b) + lanes_2367(a, b)
    cd = lanes_0145(c, d) + lanes_2367(c, d)
    return lanes_0246(ab, cd) + lanes_1357(ab, cd)


@vectors.inlined
def _row_vnni(raw: U8, at: int, codes: I8, code_at: int) -> tuple[V, V]:
    """Return a row's products of low and of high nibbles, 16 times too large those, by word and run."""
    first, last = as_words(load_wide(raw, at + blocks.QS_AT)), as_words(load_wide(raw, at + SECOND))
    a, b = as_bytes(by_word_first(first, last)), as_bytes(by_word_last(first, last))
    low = vector_products.dot4(zeros_wide(0), a & 0x0F, load_wide_codes(codes, code_at))
    low = vector_products.dot4(low, b & 0x0F, load_wide_codes(codes, code_at + 64))
    high = vector_products.dot4(zeros_wide(0), a & 0xF0, load_wide_codes(codes, code_at + 128))
    high = vector_products.dot4(high, b & 0xF0, load_wide_codes(codes, code_at + 192))
    return low, high


@vectors.inlined
def _row_avx512(raw: U8, at: int, codes: I8, code_at: int) -> tuple[V, V]:
    """Return the same without VNNI, and no larger; sums of four products stay below 2**13, so int16 holds two."""
    first, last = as_words(load_wide(raw, at + blocks.QS_AT)), as_words(load_wide(raw, at + SECOND))
    a, b = as_bytes(by_word_first(first, last)), as_bytes(by_word_last(first, last))
    low = vector_products.pairs_i8(a & 0x0F, load_wide_codes(codes, code_at))
    low = low + vector_products.pairs_i8(b & 0x0F, load_wide_codes(codes, code_at + 64))
    high = vector_products.pairs_i8(a >> 4, load_wide_codes(codes, code_at + 128))
    high = high + vector_products.pairs_i8(b >> 4, load_wide_codes(codes, code_at + 192))
    return vector_products.pairs_i16(low, ones_wide(1)), vector_products.pairs_i16(high, ones_wide(1))


@vectors.inlined
def _products_vnni(raw: U8, at: tuple[int, ...], codes: I8, code_at: int) -> tuple[V, V]:
    """Return the integer sums of four rows by row and run, of the even sub-blocks and of the odd ones."""
    low_0, high_0 = _row_vnni(raw, at[0], codes, code_at)
    low_1, high_1 = _row_vnni(raw, at[1], codes, code_at)
    low_2, high_2 = _row_vnni(raw, at[2], codes, code_at)
    low_3, high_3 = _row_vnni(raw, at[3], codes, code_at)
    return _sum_lanes(low_0, low_1, low_2, low_3), _sum_lanes(high_0, high_1, high_2, high_3) >> 4  # exact


@vectors.inlined
def _products_avx512(raw: U8, at: tuple[int, ...], codes: I8, code_at: int) -> tuple[V, V]:
    """Return the same without VNNI."""
    low_0, high_0 = _row_avx512(raw, at[0], codes, code_at)
    low_1, high_1 = _row_avx512(raw, at[1], codes, code_at)
    low_2, high_2 = _row_avx512(raw, at[2], codes, code_at)
    low_3, high_3 = _row_avx512(raw, at[3], codes, code_at)
    return _sum_lanes(low_0, low_1, low_2, low_3), _sum_lanes(high_0, high_1, high_2, high_3)


@vectors.inlined
def _wide(products: Callable[..., tuple[V, V]], raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row, four at a time; return how many weights are not finite."""
    results, flags = np.empty(16, F32), np.empty(16, np.uint32)
    count, k = raw.shape[0], raw.shape[1]
    strange = _strange(activation.scales)
    wrong = 0
    for row in range(0, count, WIDE_ROWS):
        value = floats_wide(0)
        flag = as_words(zeros_wide(0)) + strange
        a, b, c, d = row, min(row + 1, count - 1), min(row + 2, count - 1), min(row + 3, count - 1)
        for n in range(k):
            at = ((a * k + n) * BYTES, (b * k + n) * BYTES, (c * k + n) * BYTES, (d * k + n) * BYTES)
            _ask(raw, at[0])
            _ask(raw, at[1])
            _ask(raw, at[2])
            _ask(raw, at[3])
            low, high = products(raw, at, activation.codes, n * WEIGHTS)
            ab = join_16(load_header(raw, at[0]), load_header(raw, at[1]))
            header = join_32(ab, join_16(load_header(raw, at[2]), load_header(raw, at[3])))
            even, odd = _terms(header, low, high, activation, n)
            value = _fold(value, even, odd)
            flag = flag | ((as_words(header) & EXPONENTS) + CARRY)
        vectors.store(results, 0, value)
        vectors.store(flags, 0, flag)
        wrong += _finish(raw, row, activation.scales, (results, flags), values)
    return wrong


@row_kernel
def rows_avx512_vnni(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row with 512-bit vectors and VNNI; return how many weights are not finite."""
    return _wide(_products_vnni, raw, activation, values)


@row_kernel
def rows_avx512(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row with 512-bit vectors; return how many weights are not finite."""
    return _wide(_products_avx512, raw, activation, values)


@vectors.inlined
def _row_avx2(raw: U8, at: int, codes: I8, code_at: int) -> tuple[V, V]:
    """Return a row's products of low and of high nibbles by half and run; int16 holds eight of 15 times 128."""
    a, b = as_words(load_narrow(raw, at + blocks.QS_AT)), as_words(load_narrow(raw, at + blocks.QS_AT + 32))
    c, d = as_words(load_narrow(raw, at + blocks.QS_AT + 64)), as_words(load_narrow(raw, at + blocks.QS_AT + 96))
    ab, cd = interleave_low(a, b), interleave_low(c, d)
    word = as_bytes(pairs_low(ab, cd))
    low = vector_products.pairs_i8(word & 0x0F, load_narrow_codes(codes, code_at))
    high = vector_products.pairs_i8(word >> 4, load_narrow_codes(codes, code_at + 128))
    word = as_bytes(pairs_high(ab, cd))
    low = low + vector_products.pairs_i8(word & 0x0F, load_narrow_codes(codes, code_at + 32))
    high = high + vector_products.pairs_i8(word >> 4, load_narrow_codes(codes, code_at + 160))
    ab, cd = interleave_high(a, b), interleave_high(c, d)
    word = as_bytes(pairs_low(ab, cd))
    low = low + vector_products.pairs_i8(word & 0x0F, load_narrow_codes(codes, code_at + 64))
    high = high + vector_products.pairs_i8(word >> 4, load_narrow_codes(codes, code_at + 192))
    word = as_bytes(pairs_high(ab, cd))
    low = low + vector_products.pairs_i8(word & 0x0F, load_narrow_codes(codes, code_at + 96))
    high = high + vector_products.pairs_i8(word >> 4, load_narrow_codes(codes, code_at + 224))
    return vector_products.pairs_i16(low, ones_narrow(1)), vector_products.pairs_i16(high, ones_narrow(1))


@row_kernel
def rows_avx2(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row with 256-bit vectors, two at a time; return how many weights are not finite."""
    results, flags = np.empty(8, F32), np.empty(8, np.uint32)
    count, k = raw.shape[0], raw.shape[1]
    strange = _strange(activation.scales)
    wrong = 0
    for row in range(0, count, NARROW_ROWS):
        value = floats_narrow(0)
        flag = as_words(floats_narrow(0)) + strange
        last = min(row + 1, count - 1)
        for n in range(k):
            at, next_at = (row * k + n) * BYTES, (last * k + n) * BYTES
            _ask(raw, at)
            _ask(raw, next_at)
            low_0, high_0 = _row_avx2(raw, at, activation.codes, n * WEIGHTS)
            low_1, high_1 = _row_avx2(raw, next_at, activation.codes, n * WEIGHTS)
            low = lower_halves(low_0, low_1) + upper_halves(low_0, low_1)
            high = lower_halves(high_0, high_1) + upper_halves(high_0, high_1)
            header = join_16(load_header(raw, at), load_header(raw, next_at))
            even, odd = _terms(header, low, high, activation, n)
            value = _fold(value, even, odd)
            flag = flag | ((as_words(header) & EXPONENTS) + CARRY)
        vectors.store(results, 0, value)
        vectors.store(flags, 0, flag)
        wrong += _finish(raw, row, activation.scales, (results, flags), values)
    return wrong
