"""Path A and row sums of Q4_K with rows in lanes: how a super-block becomes weights of all rows (see ``path_a_lanes``).

The 36 words of a super-block are turned over a run at a time, so that the shuffles for one run go on while the products
of the one before are added. Each word then has eight codes of every row::

    word of all rows     header: 0 1 2 3     run c: 4 + 8 c ...            byte i: low nibbles, then high ones
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pvcheck_q4k import blocks, path_a_lanes, vectors, vectors_rows
from pvcheck_q4k.cpu import _dot_a
from pvcheck_q4k.cpu_rows import row_kernel
from pvcheck_q4k.path_a_lanes import Operands, as_ints, to_f32

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck_q4k.cpu import U8, F32s, F64s
    from pvcheck_q4k.path_a_lanes import Counts, Pair, State, V
    from pvcheck_q4k.vectors_rows import Rows

BYTES = blocks.BLOCK_BYTES
HEADER_WORDS = blocks.QS_AT // 4
RUN_WORDS = blocks.RUN_BYTES // 4
EXPONENTS = 0x7C007C00  # of d and dmin

turn_header = vectors_rows.turner(HEADER_WORDS)
turn_run = vectors_rows.turner(RUN_WORDS)


@vectors.inlined
def _header(rows: Rows, at: int) -> tuple[V, V, V]:
    """Return d, dmin and the flag of a super-block; leave words 0 to 3 as sc and m of sub-blocks 0-3, then of 4-7."""
    turn_header(rows, at, 0)
    halves = vectors_rows.load(rows, 0)
    a, b, c = vectors_rows.load(rows, 1), vectors_rows.load(rows, 2), vectors_rows.load(rows, 3)
    vectors_rows.store(rows, 0, a & 0x3F3F3F3F)
    vectors_rows.store(rows, 1, b & 0x3F3F3F3F)
    vectors_rows.store(rows, 2, (c & 0x0F0F0F0F) | ((a >> 2) & 0x30303030))
    vectors_rows.store(rows, 3, ((c >> 4) & 0x0F0F0F0F) | ((b >> 2) & 0x30303030))
    return path_a_lanes.half(halves), path_a_lanes.half(halves >> 16), path_a_lanes.strange(halves, EXPONENTS)


@vectors.inlined
def _factors(rows: Rows, d: V, dmin: V, j: int) -> tuple[V, V]:
    """Return the scale and the minimum of sub-block ``j``; both products are exact."""
    word, shift = 2 * (j >> 2), 8 * (j & 3)
    sc, m = vectors_rows.load(rows, word) >> shift, vectors_rows.load(rows, word + 1) >> shift
    return d * to_f32(as_ints(sc & 255)), dmin * to_f32(as_ints(m & 255))


@vectors.inlined
def _weights(factors: tuple[V, V], words: V) -> V:
    """Return the weights whose codes are the low nibbles of words: q times the scale is exact, so it may be fused."""
    return vectors_rows.sub_exact(factors[0], vectors_rows.nibbles(words), factors[1])


@vectors.inlined
def _sub_block(add: Callable[..., State], codes: tuple[Any, ...], x: F32s, at: int, state: State) -> State:
    """Return the state with the 32 weights of a sub-block of both groups added."""
    pair, word, shift, of_a, of_b = codes
    for i in range(RUN_WORDS):
        a = vectors_rows.load(pair[0], word + i) >> shift
        b = vectors_rows.load(pair[1], word + i) >> shift
        for byte in range(4):
            state = add(state, _weights(of_a, a >> 8 * byte), _weights(of_b, b >> 8 * byte), x, at + 4 * i + byte)
    return state


@vectors.inlined
def _block(add: Callable[..., State], pair: Pair, x: F32s, n: int, state: State) -> tuple[State, V, V]:
    """Return the state with super-block ``n`` of both groups added, and their flags."""
    a, b = pair
    d_a, dmin_a, flag_a = _header(a, n * BYTES)
    d_b, dmin_b, flag_b = _header(b, n * BYTES)
    for c in range(blocks.RUNS):
        word, run_at = HEADER_WORDS + c * RUN_WORDS, n * BYTES + blocks.QS_AT + c * blocks.RUN_BYTES
        turn_run(a, run_at, word)
        turn_run(b, run_at, word)
        at = n * blocks.BLOCK_WEIGHTS + c * blocks.RUN_WEIGHTS
        path_a_lanes.ask(pair, (n + 2) * BYTES, 2 * c)
        of_a, of_b = _factors(a, d_a, dmin_a, 2 * c), _factors(b, d_b, dmin_b, 2 * c)
        state = _sub_block(add, (pair, word, 0, of_a, of_b), x, at, state)
        path_a_lanes.ask(pair, (n + 2) * BYTES, 2 * c + 1)
        of_a, of_b = _factors(a, d_a, dmin_a, 2 * c + 1), _factors(b, d_b, dmin_b, 2 * c + 1)
        state = _sub_block(add, (pair, word, 4, of_a, of_b), x, at + blocks.SUB_WEIGHTS, state)
    return state, flag_a, flag_b


@row_kernel
def rows_wide(raw: U8, x: F32s, values: F32s) -> Counts:
    """Write path A of each row with 512-bit vectors; return the elements seen and those not finite."""
    return path_a_lanes.path_a(_block, _dot_a, path_a_lanes.zeros_wide(0), Operands(raw, x), values)


@row_kernel
def rows_narrow(raw: U8, x: F32s, values: F32s) -> Counts:
    """Write the same with 256-bit vectors."""
    return path_a_lanes.path_a(_block, _dot_a, path_a_lanes.zeros_narrow(0), Operands(raw, x), values)


@row_kernel
def sums_wide(raw: U8, x: F64s, totals: F64s, magnitudes: F64s) -> None:
    """Write the float64 sums of x w and of |x w| of each row with 512-bit vectors."""
    path_a_lanes.sums(_block, path_a_lanes.zeros_wide(0), Operands(raw, x), totals, magnitudes)


@row_kernel
def sums_narrow(raw: U8, x: F64s, totals: F64s, magnitudes: F64s) -> None:
    """Write the same with 256-bit vectors."""
    path_a_lanes.sums(_block, path_a_lanes.zeros_narrow(0), Operands(raw, x), totals, magnitudes)
