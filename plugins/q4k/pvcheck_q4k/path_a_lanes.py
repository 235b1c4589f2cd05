"""Path A and row sums with rows in the lanes of vectors: each lane is the strict left fold of one row.

A tile is two groups of 8 or 16 rows that go through their super-blocks together, so that one's additions do not wait
for those of the other. The formats say how to make weights of a super-block (``path_a_q4k``, ``path_a_q6k``); what a
weight is added to is said here. A last tile with fewer rows repeats the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pvcheck_q4k import blocks, vectors, vectors_rows
from pvcheck_q4k.vectors_rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck_q4k.cpu import U8, F32s, F64s

    V = Any  # a vector: a NumPy array when the kernels run uncompiled
    Counts = tuple[int, int]
    State = tuple[V, ...]
    Pair = tuple[Rows, Rows]

F32 = np.float32
INFINITY = F32(np.inf)
WEIGHTS = blocks.BLOCK_WEIGHTS
LINE = 64  # bytes of a cache
MOST_WORDS = 48  # that a format has in hand at a time

zeros_wide = vectors.splat("f4", 16)
zeros_narrow = vectors.splat("f4", 8)
spread_single = vectors_rows.spreader("f4")
spread_double = vectors_rows.spreader("f8")
as_words = vectors.seen_as("u4")
as_ints = vectors.seen_as("i4")
as_halves = vectors.seen_as("f2")
to_u16 = vectors.converted("u2")
to_f32 = vectors.converted("f4")
to_f64 = vectors.converted("f8")

OVERFLOW = 0x80008000  # the bits of a flag, one for each f16 of a word that is not finite


class Operands(NamedTuple):
    """Rows of super-blocks, and the activation: float32 for path A, float64 for sums."""

    raw: Any
    x: Any


@vectors.inlined
def half(words: V) -> V:
    """Return the f16 in the low bits of each word as float32."""
    return to_f32(as_halves(to_u16(words)))


@vectors.inlined
def strange(words: V, exponents: int) -> V:
    """Return a flag for each word: bits of ``OVERFLOW`` where all bits of an f16's exponent are set.

    :param exponents: the bits of the exponents that count. One more in the lowest of them goes into the bit above.
    """
    return (words & exponents) + (exponents & 0x04000400)


@vectors.inlined
def add_path_a(state: State, a: V, b: V, x: F32s, at: int) -> State:
    """Return the folds of both groups with one product more, rounded before it is added."""
    number = spread_single(x, at, a)
    return state[0] + a * number, state[1] + b * number


@vectors.inlined
def add_sums(state: State, a: V, b: V, x: F64s, at: int) -> State:
    """Return totals and magnitudes of both groups with one product more, which is exact: 24 + 24 bits of 53."""
    total_0, total_1, total_2, total_3, size_0, size_1, size_2, size_3 = state
    number = spread_double(x, at, total_0)
    size = vectors_rows.magnitudes(number)
    w_0, w_1 = to_f64(vectors_rows.first_half(a)), to_f64(vectors_rows.last_half(a))
    w_2, w_3 = to_f64(vectors_rows.first_half(b)), to_f64(vectors_rows.last_half(b))
    return (
        vectors_rows.add_exact(w_0, number, total_0),
        vectors_rows.add_exact(w_1, number, total_1),
        vectors_rows.add_exact(w_2, number, total_2),
        vectors_rows.add_exact(w_3, number, total_3),
        vectors_rows.add_exact(vectors_rows.magnitudes(w_0), size, size_0),
        vectors_rows.add_exact(vectors_rows.magnitudes(w_1), size, size_1),
        vectors_rows.add_exact(vectors_rows.magnitudes(w_2), size, size_2),
        vectors_rows.add_exact(vectors_rows.magnitudes(w_3), size, size_3),
    )


@vectors.inlined
def _pair(raw: U8, zeros: V, lanes: int) -> Pair:
    """Return two groups of rows, and room for their words."""
    size = 4 * lanes * MOST_WORDS
    a = Rows(raw, np.zeros(lanes, np.int64), np.empty(size, np.uint8), zeros)
    return a, Rows(raw, np.zeros(lanes, np.int64), np.empty(size, np.uint8), zeros)


@vectors.inlined
def _go_to(pair: Pair, row: int, lanes: int) -> None:
    """Let a pair be the rows from ``row`` on."""
    a, b = pair
    last, size = a.raw.shape[0] - 1, a.raw.shape[1] * a.raw.shape[2]
    for i in range(lanes):
        a.offsets[i] = min(row + i, last) * size
        b.offsets[i] = min(row + lanes + i, last) * size


@vectors.inlined
def ask(pair: Pair, at: int, part: int) -> None:
    """Ask for the super-block that ends at byte ``at`` of rows, an eighth of them at a time.

    Measured: if all are asked for at once, they wait for each other, and those of a later super-block come no sooner.
    """
    a, b = pair
    size = a.raw.shape[2]
    count = vectors_rows.lanes(a.zeros) // 8
    for i in range(part * count, (part + 1) * count):
        for line in range(at - size, at, LINE):
            vectors.prefetch(a.raw, a.offsets[i] + line)
            vectors.prefetch(b.raw, b.offsets[i] + line)


@vectors.inlined
def _spoilt(x: F32s) -> int:
    """Return how many numbers are not finite."""
    found = 0
    for v in x:
        if not abs(v) < INFINITY:
            found += 1
    return found


@vectors.inlined
def path_a(block: Callable[..., Any], exact: Callable[..., Any], zeros: V, operands: Operands, values: F32s) -> Counts:
    """Write path A of each row; return the elements seen and those whose weight or number is not finite.

    :param block: adds a super-block; :param exact: the kernel of one row, which counts what is not finite in it.
    """
    raw, x = operands
    lanes = vectors_rows.lanes(zeros)
    results, flags = np.empty(2 * lanes, F32), np.empty(2 * lanes, np.uint32)
    pair = _pair(raw, zeros, lanes)
    spoilt, seen, wrong = _spoilt(x), 0, 0
    for row in range(0, raw.shape[0], 2 * lanes):
        _go_to(pair, row, lanes)
        count = min(2 * lanes, raw.shape[0] - row)
        state = (zeros, zeros)
        flag_a, flag_b = as_words(zeros), as_words(zeros)
        for n in range(raw.shape[1]):
            state, more_a, more_b = block(add_path_a, pair, x, n, state)
            flag_a, flag_b = flag_a | more_a, flag_b | more_b
            seen += count * WEIGHTS
        vectors.store(results, 0, state[0])
        vectors.store(results, 4 * lanes, state[1])
        vectors.store(flags, 0, flag_a)
        vectors.store(flags, 4 * lanes, flag_b)
        for i in range(count):
            values[row + i] = results[i]
            # only an infinite or NaN scale makes a weight that is not finite, and then the slow way counts
            wrong += exact(raw[row + i], x)[2] if flags[i] & np.uint32(OVERFLOW) else spoilt
    return seen, wrong


@vectors.inlined
def sums(block: Callable[..., Any], zeros: V, operands: Operands, totals: F64s, sizes: F64s) -> None:
    """Write the float64 sums of x w and of |x w| of each row."""
    raw, x = operands
    lanes = vectors_rows.lanes(zeros)
    results = np.empty(4 * lanes, np.float64)
    pair = _pair(raw, zeros, lanes)
    zero = to_f64(vectors_rows.first_half(zeros))
    for row in range(0, raw.shape[0], 2 * lanes):
        _go_to(pair, row, lanes)
        state = (zero, zero, zero, zero, zero, zero, zero, zero)
        for n in range(raw.shape[1]):
            state, _, _ = block(add_sums, pair, x, n, state)
        vectors.store(results, 0, state[0])
        vectors.store(results, 4 * lanes, state[1])
        vectors.store(results, 8 * lanes, state[2])
        vectors.store(results, 12 * lanes, state[3])
        vectors.store(results, 16 * lanes, state[4])
        vectors.store(results, 20 * lanes, state[5])
        vectors.store(results, 24 * lanes, state[6])
        vectors.store(results, 28 * lanes, state[7])
        for i in range(min(2 * lanes, raw.shape[0] - row)):
            totals[row + i] = results[i]
            sizes[row + i] = results[2 * lanes + i]
