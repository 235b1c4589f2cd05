"""Path B over whole matrices for any CPU: plain loops, one row at a time, that LLVM turns into vectors by itself.

For that, products are int16 and their sums int32, as small as they can be: Numba makes every sum and product of small
integers 64 bits wide, and each is cut back here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks, vectors
from pvcheck_q4k.cpu import _half, _scale_and_minimum
from pvcheck_q4k.cpu_rows import row_kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    from pvcheck_q4k.cpu import I8, U8, F32s
    from pvcheck_q4k.path_b_layout import Activation

    I32s = npt.NDArray[np.int32]

F32 = np.float32
I16 = np.int16
I32 = np.int32
U32 = np.uint32
INFINITY = F32(np.inf)
WEIGHTS = blocks.BLOCK_WEIGHTS
SUB = blocks.SUB_WEIGHTS
GROUP = blocks.Q6K_GROUP_WEIGHTS
PART = blocks.Q6K_PART_WEIGHTS


@vectors.inlined
def _run(qs: U8, low_codes: I8, high_codes: I8) -> tuple[np.int32, np.int32]:
    """Return the integer sums of a run of Q4_K: of its low nibbles, and of its high ones."""
    low, high = U32(0), U32(0)
    for k in range(SUB):
        byte = np.uint8(qs[k])
        low = U32(low + U32(I16(I16(np.int8(byte & 15)) * I16(low_codes[k]))))
        high = U32(high + U32(I16(I16(np.int8(byte >> 4)) * I16(high_codes[k]))))
    return I32(low), I32(high)


@row_kernel
def rows_q4k(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row of Q4_K; return how many weights are not finite."""
    wrong = 0
    for row in range(raw.shape[0]):
        value = F32(0)
        for n in range(raw.shape[1]):
            block, codes, sums, s = raw[row, n], activation.codes[n], activation.sums[n], activation.scales[n]
            d = _half(int(block[blocks.D_AT]), int(block[blocks.D_AT + 1]))
            dmin = _half(int(block[blocks.DMIN_AT]), int(block[blocks.DMIN_AT + 1]))
            for c in range(blocks.RUNS):
                at, first = blocks.QS_AT + c * blocks.RUN_BYTES, c * blocks.RUN_WEIGHTS
                middle, last = first + SUB, first + blocks.RUN_WEIGHTS
                low, high = _run(block[at : at + blocks.RUN_BYTES], codes[first:middle], codes[middle:last])
                sc, m = _scale_and_minimum(block, 2 * c)
                value = value + (((d * F32(sc)) * s) * F32(low) - ((dmin * F32(m)) * s) * sums[c])
                sc, m = _scale_and_minimum(block, 2 * c + 1)
                value = value + (((d * F32(sc)) * s) * F32(high) - ((dmin * F32(m)) * s) * sums[blocks.RUNS + c])
            if not (abs(d) < INFINITY and abs(dmin) < INFINITY and abs(s) < INFINITY):
                wrong += WEIGHTS
        values[row] = value
    return wrong


@vectors.inlined
def _groups(ql: U8, qh: U8, codes: I8, totals: I32s) -> None:
    """Write the integer sums of four groups of Q6_K, one of each part of a half; codes of weights are 0 to 63."""
    a, b, c, d = U32(0), U32(0), U32(0), U32(0)
    for k in range(GROUP):
        even, odd, high = np.uint8(ql[k]), np.uint8(ql[PART + k]), np.uint8(qh[k])
        a = U32(a + U32(I16(I16(np.int8(even & 15 | (high & 3) << 4)) * I16(codes[k]))))
        b = U32(b + U32(I16(I16(np.int8(odd & 15 | (high & 12) << 2)) * I16(codes[PART + k]))))
        c = U32(c + U32(I16(I16(np.int8(even >> 4 | high & 48)) * I16(codes[2 * PART + k]))))
        d = U32(d + U32(I16(I16(np.int8(odd >> 4 | (high & 192) >> 2)) * I16(codes[3 * PART + k]))))
    totals[0], totals[2], totals[4], totals[6] = I32(a), I32(b), I32(c), I32(d)


@row_kernel
def rows_q6k(raw: U8, activation: Activation, values: F32s) -> int:
    """Write path B of each row of Q6_K; return how many weights are not finite."""
    totals = np.empty(blocks.Q6K_GROUPS, I32)
    wrong = 0
    for row in range(raw.shape[0]):
        value = F32(0)
        for n in range(raw.shape[1]):
            block, codes, zeros, s = raw[row, n], activation.codes[n], activation.sums[n], activation.scales[n]
            d = _half(int(block[blocks.Q6K_D_AT]), int(block[blocks.Q6K_D_AT + 1]))
            for each in range(4):  # half and lane
                ql, qh = each // 2 * 64 + each % 2 * GROUP, blocks.Q6K_QH_AT + each * GROUP
                first = each // 2 * blocks.Q6K_HALF_WEIGHTS + each % 2 * GROUP
                _groups(block[ql:], block[qh:], codes[first:], totals[each // 2 * 8 + each % 2 :])
            for g in range(blocks.Q6K_GROUPS):
                scale = np.int8(block[blocks.Q6K_SCALES_AT + g])
                value = value + ((d * F32(scale)) * s) * F32(totals[g] - zeros[g])
            if not (abs(d) < INFINITY and abs(s) < INFINITY):
                wrong += WEIGHTS
        values[row] = value
    return wrong
