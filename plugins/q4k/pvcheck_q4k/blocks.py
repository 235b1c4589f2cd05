"""The layout of Q4_K and Q6_K super-blocks: the one thing the kernels and their twin share.

A Q4_K super-block is 144 bytes and holds 256 weights, in eight sub-blocks of 32::

    byte     0      2      4                     16                                          143
             +------+------+---------------------+--------------------------------------------+
             | d    | dmin | scales: 12 bytes    | qs: 128 bytes, four runs of 32             |
             | f16  | f16  | 8 x (6 + 6) bits    | run c: 64 weights, two sub-blocks          |
             +------+------+---------------------+--------------------------------------------+

``scales`` holds a 6-bit scale ``sc[j]`` and a 6-bit minimum ``m[j]`` for each sub-block ``j``. For j < 4 they lie
whole in the low bits of bytes j and j + 4; for j >= 4 their low four bits share byte j + 4, and the two spare
high bits of bytes j - 4 and j hold the rest::

    bit            7   6   5   4   3   2   1   0
    byte j      [ sc[j+4] ][       sc[j]         ]     j = 0..3   (bits 5 and 4 of sc[j+4])
    byte j + 4  [  m[j+4] ][       m[j]          ]     j = 0..3   (bits 5 and 4 of m[j+4])
    byte j + 8  [  m[j+4] & 15 ][ sc[j+4] & 15   ]     j = 0..3

Run ``c`` holds sub-block 2c in its low nibbles and sub-block 2c + 1 in its high nibbles: weight 64c + k is
``qs[32c + k] & 15`` and weight 64c + 32 + k is ``qs[32c + k] >> 4``, k = 0..31. A weight is

    w = (d * sc[j]) * q - (dmin * m[j])

in float32. For finite d and dmin all three products are exact (11 + 6 + 4 bits of 24), so only the difference
rounds, and a fused multiply-subtract gives the same bits.

A Q6_K super-block is 210 bytes and holds 256 weights, in two halves of 128::

    byte     0                  128               192                208    209
             +------------------+-----------------+------------------+------+
             | ql: 128 bytes    | qh: 64 bytes    | scales: 16 bytes | d    |
             | low four bits    | high two bits   | int8, one per 16 | f16  |
             +------------------+-----------------+------------------+------+

Half ``h`` has four parts of 32 weights. The low four bits of parts 0 and 1 are the low nibbles of its 64 bytes of
``ql``, those of parts 2 and 3 the high nibbles. Byte ``l`` of its 32 bytes of ``qh`` serves weight ``l`` of each part::

    bit                         7   6    5   4    3   2    1   0
    qh[32h + l]              [ part 3 ][ part 2 ][ part 1 ][ part 0 ]

    code of weight 128h + 32p + l = (nibble of ql[64h + 32 (p % 2) + l]) + 16 (two bits of part p) - 32

A weight is ``w = (d * scale of its 16) * code`` in float32: exact for finite d (11 + 7 + 5 bits of 24, as -128 and -32
are powers of two), so no order and no fusion can change its bits.
"""

from typing import Final

BLOCK_WEIGHTS: Final = 256
BLOCK_BYTES: Final = 144

D_AT: Final = 0
DMIN_AT: Final = 2
SCALES_AT: Final = 4
SCALES_BYTES: Final = 12
QS_AT: Final = 16

SUB_BLOCKS: Final = 8
SUB_WEIGHTS: Final = 32
RUNS: Final = 4
RUN_WEIGHTS: Final = 64
RUN_BYTES: Final = 32

CODE_MAX: Final = 15  # of a weight: 4 bits
SCALE_MAX: Final = 63  # of a scale or a minimum: 6 bits

ACTIVATION_MAX: Final = 127  # the code that the "absmax" rule gives the largest magnitude
ACTIVATION_LEAST: Final = 1e-10  # a block no larger than this is quantised as if its largest magnitude were 1

Q6K_BYTES: Final = 210
Q6K_QL_AT: Final = 0
Q6K_QH_AT: Final = 128
Q6K_SCALES_AT: Final = 192
Q6K_D_AT: Final = 208

Q6K_GROUPS: Final = 16
Q6K_GROUP_WEIGHTS: Final = 16
Q6K_HALF_WEIGHTS: Final = 128
Q6K_PART_WEIGHTS: Final = 32
Q6K_ZERO: Final = 32  # taken off a code of six bits

RMS_FLOOR: Final = 1e-9  # the least that the chain of falsifier 009 divides by
RMS_EPSILON: Final = 1e-6  # added to the mean square in falsifier 015
