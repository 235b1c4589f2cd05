"""What CUDA kernels read off the bytes of super-blocks: f16 numbers, scales, codes.

All of it is exact. Integers are widened with ``int`` before they are shifted, as in ``cpu``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks
from pvcheck_q4k.cuda_device import device_function
from pvcheck_q4k.cuda_rounding import mul

if TYPE_CHECKING:
    import numpy.typing as npt

    U8 = npt.NDArray[np.uint8]

F32 = np.float32
INFINITY = F32(np.inf)
NAN = F32(np.nan)
LAST_BIT = F32(2.0**-24)  # of a subnormal f16


@device_function
def half(low: int, high: int) -> np.float32:
    """Return the f16 of two bytes as float32, exactly: at most 11 + 1 bits times powers of two."""
    exponent = (high >> 2) & 31
    mantissa = ((high & 3) << 8) | low
    if exponent == 31:
        value = NAN if mantissa else INFINITY
    elif exponent:
        value = mul(F32((mantissa + 1024) << (exponent - 1)), LAST_BIT)
    else:
        value = mul(F32(mantissa), LAST_BIT)
    return -value if high & 128 else value


@device_function
def scale_of(block: U8, j: int) -> int:
    """Return the 6-bit scale of sub-block ``j`` of Q4_K."""
    at = blocks.SCALES_AT + j
    if j < 4:
        return int(block[at]) & 63
    return (int(block[at + 4]) & 15) | (int(block[at - 4]) >> 6 << 4)


@device_function
def minimum_of(block: U8, j: int) -> int:
    """Return the 6-bit minimum of sub-block ``j`` of Q4_K."""
    at = blocks.SCALES_AT + j
    if j < 4:
        return int(block[at + 4]) & 63
    return (int(block[at + 4]) >> 4) | (int(block[at]) >> 6 << 4)


@device_function
def code_of(block: U8, i: int) -> int:
    """Return the code of weight ``i`` of Q4_K, 0 to 15."""
    return (int(block[blocks.QS_AT + (i >> 6) * blocks.RUN_BYTES + (i & 31)]) >> ((i >> 5) & 1) * 4) & 15


@device_function
def q6k_scale_of(block: U8, g: int) -> int:
    """Return the scale of group ``g`` of Q6_K, -128 to 127."""
    byte = int(block[blocks.Q6K_SCALES_AT + g])
    return byte - ((byte & 128) << 1)


@device_function
def q6k_code_of(block: U8, i: int) -> int:
    """Return the code of weight ``i`` of Q6_K, -32 to 31."""
    part = (i >> 5) & 3
    lane = i & 31
    low = int(block[blocks.Q6K_QL_AT + (i >> 7) * 64 + (part & 1) * 32 + lane]) >> (part >> 1) * 4
    high = int(block[blocks.Q6K_QH_AT + (i >> 7) * 32 + lane]) >> part * 2
    return ((low & 15) | (high & 3) << 4) - blocks.Q6K_ZERO
