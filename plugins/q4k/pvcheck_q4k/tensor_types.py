"""The tensor types of ggml: numbers, names and block sizes. Ours, because importing ``gguf`` costs a third of a second.

A test holds the table equal to ``gguf.constants``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from pvcheck.plugin import Source


class TensorType(NamedTuple):
    """How a tensor's elements are packed: ``block_length`` elements in ``block_bytes`` bytes."""

    number: int
    name: str
    block_length: int
    block_bytes: int


class TensorInfo(NamedTuple):
    """One tensor: ``dims`` has the row length first, ``offset`` counts bytes from the start of the file."""

    name: str
    dims: tuple[int, ...]
    type: TensorType
    offset: int
    size: int


TENSOR_TYPES: Final = {
    row[0]: TensorType(*row)
    for row in (
        (0, "F32", 1, 4),
        (1, "F16", 1, 2),
        (2, "Q4_0", 32, 18),
        (3, "Q4_1", 32, 20),
        (6, "Q5_0", 32, 22),
        (7, "Q5_1", 32, 24),
        (8, "Q8_0", 32, 34),
        (9, "Q8_1", 32, 40),
        (10, "Q2_K", 256, 84),
        (11, "Q3_K", 256, 110),
        (12, "Q4_K", 256, 144),
        (13, "Q5_K", 256, 176),
        (14, "Q6_K", 256, 210),
        (15, "Q8_K", 256, 292),
        (16, "IQ2_XXS", 256, 66),
        (17, "IQ2_XS", 256, 74),
        (18, "IQ3_XXS", 256, 98),
        (19, "IQ1_S", 256, 50),
        (20, "IQ4_NL", 32, 18),
        (21, "IQ3_S", 256, 110),
        (22, "IQ2_S", 256, 82),
        (23, "IQ4_XS", 256, 136),
        (24, "I8", 1, 1),
        (25, "I16", 1, 2),
        (26, "I32", 1, 4),
        (27, "I64", 1, 8),
        (28, "F64", 1, 8),
        (29, "IQ1_M", 256, 56),
        (30, "BF16", 1, 2),
        (34, "TQ1_0", 256, 54),
        (35, "TQ2_0", 256, 66),
        (39, "MXFP4", 32, 17),
        (40, "NVFP4", 64, 36),
        (41, "Q1_0", 128, 18),
    )
}

REMOVED: Final = {
    4: "Q4_2",
    5: "Q4_3",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
}
"""Types that ggml once had; their numbers are not used again."""


def part_of(source: Source, tensor: TensorInfo, offset: int, size: int) -> memoryview:
    """Return ``size`` bytes of a tensor, from ``offset`` bytes into it; the read is recorded.

    :raises ValueError: if the range is not inside the tensor.
    """
    if offset < 0 or size < 0 or offset + size > tensor.size:
        raise ValueError(f"{escaped(tensor.name)}: bytes {offset} to {offset + size} of a tensor of {tensor.size}")
    return source.view(tensor.offset + offset, size)
