"""A strict reader of safetensors files: a u64 with the header's length, a JSON header, and the data of all tensors.

The whole header is checked before any of it is believed. Tensors must cover the data exactly: bytes that no tensor
owns, or that two own, are refused.
"""

from __future__ import annotations

import math
import struct
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from pvcheck.plugin import InputError
from pvcheck_general.arrays import DTYPES, Array, check_shape, of_bytes
from pvcheck_general.foreign import JSON, json_of, path_of
from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck.plugin import Source

HEADER_MAX: Final = 100_000_000
LENGTH: Final = struct.Struct("<Q")
METADATA: Final = "__metadata__"
KEYS: Final = {"dtype", "shape", "data_offsets"}
SIZE_MAX: Final = 1 << 63
TYPES: Final = {
    "F64": "f64", "F32": "f32", "F16": "f16", "BF16": "bf16", "BOOL": "bool",
    "I64": "i64", "I32": "i32", "I16": "i16", "I8": "i8",
    "U64": "u64", "U32": "u32", "U16": "u16", "U8": "u8",
}  # fmt: skip
WIDTHS: Final = {name: np.dtype(DTYPES[kind]).itemsize for name, kind in TYPES.items()} | dict.fromkeys(
    ("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 1
)
"""Bytes of an element; the types of one byte that TYPES has not can be walked over, and not be read."""


class Tensor(NamedTuple):
    """One tensor of the header: its data from ``start`` to ``stop``, counted from the end of the header."""

    type: str
    shape: tuple[int, ...]
    start: int
    stop: int


def is_one(source: Source) -> bool:
    """Say whether a file starts as safetensors do: a length that fits, then an object."""
    if source.size < LENGTH.size + 2:
        return False
    head = source.view(0, LENGTH.size + 1)
    (length,) = LENGTH.unpack_from(head)
    return head[LENGTH.size] == ord("{") and length <= source.size - LENGTH.size


def of_safetensors(source: Source) -> dict[str, Callable[[], Array]]:
    """Return the tensors of a file by name, each read when it is asked for.

    :raises InputError: if the file breaks a rule of the format.
    """
    where = path_of(source)
    (length,) = LENGTH.unpack(source.view(0, LENGTH.size)) if source.size >= LENGTH.size else (SIZE_MAX,)
    if length > min(HEADER_MAX, source.size - LENGTH.size):
        raise InputError(f"{where}: the header must have at most {HEADER_MAX} bytes and end inside the file")
    try:
        text = bytes(source.view(LENGTH.size, length)).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: the header must be UTF-8, byte {error.start} is not") from None
    header = json_of(text, f"{where}: the header")
    if not isinstance(header, dict) or not text.startswith("{"):
        raise InputError(f"{where}: the header must be an object")
    _check_metadata(header.pop(METADATA, {}), where)
    tensors = {name: _tensor(value, f"{where}: tensor '{escaped(name)}'") for name, value in header.items()}
    data = LENGTH.size + length
    _check_tiling(tensors, source.size - data, where)
    return {name: partial(_read, source, data, tensor, name) for name, tensor in tensors.items()}


def _check_metadata(value: JSON, where: str) -> None:
    """Refuse metadata that is no table of texts."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise InputError(f"{where}: {METADATA} must be an object of texts")


def _tensor(value: JSON, what: str) -> Tensor:
    """Return one entry of the header."""
    if not isinstance(value, dict) or value.keys() != KEYS:
        raise InputError(f"{what} must have dtype, shape and data_offsets, and nothing else")
    kind = value["dtype"]
    if not isinstance(kind, str) or kind not in WIDTHS:
        raise InputError(f"{what} must have a type that is known, got {escaped(str(kind))}")
    shape, offsets = _sizes(value["shape"], f"the shape of {what}"), _sizes(value["data_offsets"], f"offsets of {what}")
    if len(offsets) != 2 or offsets[1] < offsets[0]:
        raise InputError(f"{what} must have two offsets that do not fall")
    if math.prod(shape) * WIDTHS[kind] != offsets[1] - offsets[0]:
        raise InputError(
            f"{what} must have {math.prod(shape) * WIDTHS[kind]} bytes for its shape, got {offsets[1] - offsets[0]}"
        )
    return Tensor(kind, shape, *offsets)


def _sizes(value: JSON, what: str) -> tuple[int, ...]:
    """Return a list of sizes."""
    items = value if isinstance(value, list) and len(value) <= 32 else [None]
    sizes = [each for each in items if isinstance(each, int) and not isinstance(each, bool) and 0 <= each < SIZE_MAX]
    if len(sizes) != len(items):
        raise InputError(f"{what} must be a list of at most 32 integers from 0 to 2**63 - 1")
    return tuple(sizes)


def _check_tiling(tensors: dict[str, Tensor], size: int, where: str) -> None:
    """Refuse tensors that leave bytes out, share some, or end elsewhere than the file."""
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)):
        if tensor.start != end:
            raise InputError(
                f"{where}: tensor '{escaped(name)}' must start at byte {end} of the data, got {tensor.start}"
            )
        end = tensor.stop
    if end != size:
        raise InputError(f"{where}: the tensors must cover {size} bytes of data, got {end}")


def _read(source: Source, data: int, tensor: Tensor, name: str) -> Array:
    """Return one tensor."""
    what = f"{path_of(source)}: tensor '{escaped(name)}'"
    if tensor.type not in TYPES:
        raise InputError(f"{what} has the type {tensor.type}, which is not read here")
    check_shape(tensor.shape, what)
    return of_bytes(TYPES[tensor.type], tensor.shape, source.view(data + tensor.start, tensor.stop - tensor.start))
