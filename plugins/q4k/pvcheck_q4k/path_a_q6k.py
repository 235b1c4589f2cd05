"""Path A and row sums of Q6_K with rows in lanes: how a super-block becomes weights of all rows (see ``path_a_lanes``).

Half a super-block is turned over at a time. A word has four codes of every row::

    word of all rows     scales: 0 1 2 3     7, its high half: d     ql: 8 ... 23     qh: 24 ... 31
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pvcheck_q4k import blocks, path_a_lanes, vectors, vectors_rows
from pvcheck_q4k.cpu_q6k import _dot_a
from pvcheck_q4k.cpu_rows import row_kernel
from pvcheck_q4k.path_a_lanes import Operands, as_ints, to_f32

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck_q4k.cpu import U8, F32s, F64s
    from pvcheck_q4k.path_a_lanes import Counts, Pair, State, V
    from pvcheck_q4k.vectors_rows import Rows

BYTES = blocks.Q6K_BYTES
LAST = BYTES - 16  # four words that end with d
D_WORD, QL_WORD, QH_WORD = 7, 8, 24
EXPONENT = 0x7C000000  # of d, in the high half of its word

turn_4 = vectors_rows.turner(4)
turn_8 = vectors_rows.turner(8)
turn_16 = vectors_rows.turner(16)


@vectors.inlined
def _header(rows: Rows, at: int) -> tuple[V, V]:
    """Return d and the flag of a super-block; leave words 0 to 3 as its scales."""
    turn_4(rows, at + LAST, D_WORD - 3)
    turn_4(rows, at + blocks.Q6K_SCALES_AT, 0)
    word = vectors_rows.load(rows, D_WORD)
    return path_a_lanes.half(word >> 16), path_a_lanes.strange(word, EXPONENT)


@vectors.inlined
def _turn_half(rows: Rows, at: int, h: int) -> None:
    """Turn over the codes of half a super-block."""
    turn_16(rows, at + blocks.Q6K_QL_AT + 64 * h, QL_WORD)
    turn_8(rows, at + blocks.Q6K_QH_AT + 32 * h, QH_WORD)


@vectors.inlined
def _codes(rows: Rows, part: int, i: int) -> V:
    """Return four codes of a part, one in the high six bits of each byte.

    Stored codes are 32 too large. To take that off, in six bits, is to turn over the highest one, and so is to add it:
    what is carried ends in the bits below the next code, which are 0 and not looked at.
    """
    low = vectors_rows.load(rows, QL_WORD + 8 * (part & 1) + i) >> 4 * (part >> 1)
    high = vectors_rows.load(rows, QH_WORD + i) >> 2 * part
    return (((low & 0x0F0F0F0F) << 2) | ((high & 0x03030303) << 6)) + 0x80808080


@vectors.inlined
def _weights(scale: V, codes: V, byte: int) -> V:
    """Return the weights whose codes are one byte of words; the product is exact."""
    return scale * to_f32(as_ints(codes << 24 - 8 * byte) >> 26)


@vectors.inlined
def _scale(rows: Rows, d: V, g: int) -> V:
    """Return the scale of group ``g``; the product is exact."""
    return d * to_f32(as_ints(vectors_rows.load(rows, g >> 2) << 24 - 8 * (g & 3)) >> 24)


@vectors.inlined
def _group(add: Callable[..., State], codes: tuple[Any, ...], x: F32s, at: int, state: State) -> State:
    """Return the state with the 16 weights of a group of both groups of rows added."""
    pair, part, word, of_a, of_b = codes
    for i in range(4):
        a, b = _codes(pair[0], part, word + i), _codes(pair[1], part, word + i)
        for byte in range(4):
            state = add(state, _weights(of_a, a, byte), _weights(of_b, b, byte), x, at + 4 * i + byte)
    return state


@vectors.inlined
def _block(add: Callable[..., State], pair: Pair, x: F32s, n: int, state: State) -> tuple[State, V, V]:
    """Return the state with super-block ``n`` of both groups of rows added, and their flags."""
    a, b = pair
    d_a, flag_a = _header(a, n * BYTES)
    d_b, flag_b = _header(b, n * BYTES)
    for h in range(2):
        _turn_half(a, n * BYTES, h)
        _turn_half(b, n * BYTES, h)
        for g in range(8 * h, 8 * h + 8):
            if g & 1 == 0:
                path_a_lanes.ask(pair, (n + 2) * BYTES, g >> 1)
            codes = (pair, (g >> 1) & 3, 4 * (g & 1), _scale(a, d_a, g), _scale(b, d_b, g))
            state = _group(add, codes, x, n * blocks.BLOCK_WEIGHTS + g * blocks.Q6K_GROUP_WEIGHTS, state)
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
