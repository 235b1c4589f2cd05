"""Numbers and super-blocks from the patterns of a contract. All arithmetic is IEEE float32, one rounding an operation.

The patterns are those of ``fixture_parameters``; nothing here decides what a fixture is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pvcheck.plugin import InputError, NotMeasured
from pvcheck_q4k import blocks
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.models import open_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.fixture_parameters import BlockPattern, BytePattern, OneBlock, SignPattern, Term
    from pvcheck_q4k.models import ModelFile

    F32s = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]

F32 = np.float32
TYPE = "Q4_K"
ROWS = blocks.BLOCK_WEIGHTS  # of a square tensor: one super-block in, one out


def numbers(terms: Sequence[Term], count: int, token: int = 0) -> F32s:
    """Return ``count`` numbers, shape (count,); ``token`` is added to the shift of the last term."""
    total = np.zeros(count, F32)
    for position, term in enumerate(terms):
        values = _term(term, count, token if position == len(terms) - 1 else 0)
        total = values if position == 0 else total + values  # 0 + -0 is not -0
    return total


def signs(pattern: SignPattern, count: int) -> F32s:
    """Return ``count`` signs, 1 or -1, shape (count,)."""
    rest = (pattern.times * np.arange(count, dtype=np.int64) + pattern.plus) % pattern.modulo
    return np.where(rest < pattern.below, F32(1), F32(-1))


def super_blocks(pattern: BlockPattern, rows: int, tensor: int = 0) -> U8:
    """Return the super-blocks of a tensor, one a row, shape (rows, 144)."""
    raw = np.empty((rows, blocks.BLOCK_BYTES), np.uint8)
    raw[:, blocks.D_AT : blocks.DMIN_AT] = half_bytes(pattern.d)
    raw[:, blocks.DMIN_AT : blocks.SCALES_AT] = half_bytes(pattern.dmin)
    raw[:, blocks.SCALES_AT : blocks.QS_AT] = _bytes(pattern.scales, rows, blocks.SCALES_BYTES, tensor)
    raw[:, blocks.QS_AT :] = _bytes(pattern.codes, rows, blocks.BLOCK_BYTES - blocks.QS_AT, tensor)
    return raw


def half_bytes(text: str) -> U8:
    """Return the two bytes of an f16 that four hex digits give in file order."""
    return np.frombuffer(bytes.fromhex(text), np.uint8)


def one_block(parameters: OneBlock, context: Context) -> tuple[U8, str]:
    """Return a super-block, shape (1, 144), and the words that say which one it is.

    :raises InputError: if the model is no sound GGUF or APR file, or has no such tensor or super-block.
    :raises NotMeasured: if the tensor is of another type than Q4_K.
    """
    if parameters.block is not None:
        return super_blocks(parameters.block, 1), "256 weights of a super-block made by a pattern"
    name, number = str(parameters.tensor), parameters.super_block
    file, count = _tensor(parameters, context)
    if number >= count:
        raise InputError(f"tensor '{escaped(name)}' has {count} super-blocks, so none of number {number}")
    return _of_file(file, name, number), f"256 weights of super-block {number} of {escaped(name)}"


def neighbour(parameters: OneBlock, context: Context) -> U8:
    """Return the super-block that a reader of wrong blocks finds, shape (1, 144).

    It is the next row's of a pattern, the next one of a model's tensor, and at its end the one before.

    :raises NotMeasured: if there is no other.
    """
    if parameters.block is not None:
        return super_blocks(parameters.block, 2)[1:]
    file, count = _tensor(parameters, context)
    if count == 1:
        raise NotMeasured("not planted: the tensor has one super-block, and no other that could be read in its place")
    number = parameters.super_block
    return _of_file(file, str(parameters.tensor), number + 1 if number + 1 < count else number - 1)


def _tensor(parameters: OneBlock, context: Context) -> tuple[ModelFile, int]:
    """Return the model's file, and how many super-blocks the tensor of the parameters has in it."""
    name = str(parameters.tensor)
    try:
        source = context.inputs[str(parameters.model)]
    except KeyError:
        raise InputError(f"there is no input named '{escaped(str(parameters.model))}'") from None
    file = open_model(source)
    tensor = file.tensors.get(name)
    if tensor is None:
        raise InputError(f"there is no tensor '{escaped(name)}'")
    if tensor.type.name != TYPE:
        raise NotMeasured(f"tensor '{escaped(name)}' is {tensor.type.name}, not {TYPE}")
    return file, tensor.size // blocks.BLOCK_BYTES


def _of_file(file: ModelFile, name: str, number: int) -> U8:
    """Return one super-block of a tensor, shape (1, 144)."""
    view = file.bytes_of(name, number * blocks.BLOCK_BYTES, blocks.BLOCK_BYTES)
    return np.frombuffer(view, np.uint8).reshape(1, -1)


def _term(term: Term, count: int, extra: int) -> F32s:
    """Return one term at each index."""
    index = np.arange(count, dtype=np.int64)
    if isinstance(term.times, float):
        values = index.astype(F32) * F32(term.times) + F32(term.plus)
    else:
        whole = term.times * index + term.plus
        if term.modulo is not None:
            whole %= term.modulo
        values = (whole + (term.shift + extra)).astype(F32)
    return values * F32(term.scale)


def _bytes(pattern: BytePattern, rows: int, count: int, tensor: int) -> U8:
    """Return the bytes of each row, shape (rows, count)."""
    row, index = np.arange(rows)[:, None], np.arange(count)[None, :]
    whole = pattern.times * index + pattern.plus + pattern.per_row * row + pattern.per_tensor * tensor
    return (whole % 256).astype(np.uint8)
