"""The activation side of path B, laid out once a product as the vector forms read it; rows share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pvcheck_q4k import blocks

if TYPE_CHECKING:
    import numpy.typing as npt

    I8 = npt.NDArray[np.int8]
    I32 = npt.NDArray[np.int32]
    F32s = npt.NDArray[np.float32]


class Activation(NamedTuple):
    """The activation side of a product, k super-blocks, in a form's layout.

    ``scales`` are float32, shape (k,); ``codes`` int8, shape (k, 256). For Q4_K, ``sums`` are those of the sub-blocks'
    codes as float32, shape (k, 8); for Q6_K, what the zero point takes off the groups' sums as int32, shape (k, 16).
    """

    scales: F32s
    codes: I8
    sums: Any


# A sub-block's 32 codes are two halves of four words, and a word is four codes: what one lane of a dot product takes.
_WORDS = (blocks.RUNS, 2, 2, 4)  # run, low or high nibbles, half, word


def q4k_plain(codes: I8) -> I8:
    """Return codes as they are."""
    return codes


def q4k_wide(codes: I8) -> I8:
    """Return codes (k, 256) as (k, 256): for each nibble and half 64 codes, word by word, each of the four runs."""
    return _words(codes).transpose(0, 2, 3, 4, 1).reshape(-1, blocks.BLOCK_WEIGHTS // 4).view(np.int8)


def q4k_narrow(codes: I8) -> I8:
    """Return codes (k, 256) as (k, 256): for each nibble and word 32 codes, half by half, each of the four runs."""
    return _words(codes).transpose(0, 2, 4, 3, 1).reshape(-1, blocks.BLOCK_WEIGHTS // 4).view(np.int8)


def _words(codes: I8) -> I32:
    """Return codes (k, 256) as words of four, by run, nibble, half and place."""
    return codes.view(np.int32).reshape(len(codes), *_WORDS)


def q4k_sums(codes: I8) -> F32s:
    """Return the sums of each sub-block's codes, exact, as (k, 8): the four of the low nibbles before the high ones."""
    sums = _sums(codes, blocks.SUB_WEIGHTS).reshape(len(codes), blocks.RUNS, 2)
    return np.ascontiguousarray(sums.transpose(0, 2, 1), np.float32).reshape(-1, blocks.SUB_BLOCKS)


def q6k_plain(codes: I8) -> I32:
    """Return 32 times the sum of each group's codes, shape (k, 16): weights' codes are stored so much too large."""
    taken = _sums(codes, blocks.Q6K_GROUP_WEIGHTS) * np.int32(blocks.Q6K_ZERO)
    return taken.reshape(len(codes), blocks.Q6K_GROUPS)


def q6k_wide(codes: I8) -> I32:
    """Return the same in the order of four lanes: 0 4 8 12, 1 5 9 13, 2 6 10 14, 3 7 11 15."""
    return np.ascontiguousarray(q6k_plain(codes).reshape(-1, 4, 4).transpose(0, 2, 1)).reshape(-1, blocks.Q6K_GROUPS)


def q6k_narrow(codes: I8) -> I32:
    """Return the same in the order of two halves of two lanes: 0 2 4 6, 1 3 5 7, 8 10 12 14, 9 11 13 15."""
    return np.ascontiguousarray(q6k_plain(codes).reshape(-1, 2, 4, 2).transpose(0, 1, 3, 2)).reshape(
        -1, blocks.Q6K_GROUPS
    )


def _sums(codes: I8, size: int) -> I32:
    """Return the sum of every ``size`` codes."""
    sums: I32 = codes.reshape(-1, size).sum(axis=1, dtype=np.int32)
    return sums
