"""Finds an array in a file of any format that is known here; the first bytes say which one it is."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from pvcheck.plugin import InputError, NotMeasured
from pvcheck_general import numpy_files, safetensors_file
from pvcheck_general.arrays import Array, check_shape, of_bytes
from pvcheck_general.foreign import JSON, json_of, names_shown, path_of, text_of
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.gguf_file import MAGIC as GGUF_MAGIC
from pvcheck_q4k.gguf_file import GgufFile, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck.plugin import Source

ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
JSON_MAX: Final = 16 << 20
NAMELESS: Final = ""
PLAIN: Final = {
    "F32": "f32",
    "F16": "f16",
    "BF16": "bf16",
    "F64": "f64",
    "I8": "i8",
    "I16": "i16",
    "I32": "i32",
    "I64": "i64",
}
QUANTISED: Final = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
BLOCKS_AT_ONCE: Final = 1 << 14


def array_of(source: Source, name: str | None, side: str) -> Array:
    """Return the array of that name, or the only one of the file where ``name`` is None.

    :param side: "left" or "right", for the message that asks for a name.
    :raises InputError: if the file is of no known format or broken, or there is no such array.
    """
    arrays = _arrays(source)
    where = path_of(source)
    if name is None:
        if len(arrays) != 1:
            raise InputError(
                f"{where}: {side}_name must say which of {len(arrays)} arrays: {names_shown(list(arrays))}"
            )
        return next(iter(arrays.values()))()
    if list(arrays) == [NAMELESS]:
        raise InputError(f"{where}: its one array has no name, leave {side}_name out")
    if name not in arrays:
        raise InputError(f"{where}: there is no array '{escaped(name)}', there are: {names_shown(list(arrays))}")
    return arrays[name]()


def _arrays(source: Source) -> dict[str, Callable[[], Array]]:
    """Return the arrays of a file by name; an array without a name has the empty one."""
    where = path_of(source)
    head = bytes(source.view(0, min(source.size, 8)))
    if head.startswith(numpy_files.MAGIC):
        return {NAMELESS: lambda: numpy_files.of_npy(source.view(0, source.size), where)}
    if head.startswith(ZIP):
        return numpy_files.of_npz(source, where)
    if head.startswith(GGUF_MAGIC):
        file = GgufFile.open(source)
        return {name: partial(_of_gguf, file, info) for name, info in file.tensors.items()}
    if safetensors_file.is_one(source):
        return safetensors_file.of_safetensors(source)
    if head.lstrip()[:1] in {b"{", b"["}:
        value = json_of(text_of(source, JSON_MAX), where, float)
        table = value if isinstance(value, dict) else {NAMELESS: value}
        return {name: partial(_of_json, item, f"{where}: '{escaped(name)}'") for name, item in table.items()}
    raise InputError(f"{where}: neither .npy, .npz, safetensors, GGUF nor JSON")


def _of_json(value: JSON, what: str) -> Array:
    """Return nested lists of numbers as float64."""
    shape: list[int] = []
    items = [value]
    while items and all(isinstance(item, list) for item in items):
        lengths = {len(item) for item in items if isinstance(item, list)}
        if len(lengths) != 1:
            raise InputError(f"{what}: lists of one depth must have one length")
        shape.append(*lengths)
        check_shape(tuple(shape), what)
        items = [each for item in items if isinstance(item, list) for each in item]
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
        raise InputError(f"{what}: must be numbers, or lists of numbers of one shape")
    try:
        numbers = [float(item) for item in items if isinstance(item, int | float)]
    except OverflowError:
        raise InputError(f"{what}: an integer is too large for float64") from None
    return of_bytes("f64", tuple(shape), np.array(numbers, "<f8").tobytes())


def _of_gguf(file: GgufFile, info: TensorInfo) -> Array:
    """Return a tensor of a GGUF file; dimensions are turned around, so that the last axis is a row.

    :raises InputError: if its type is not decoded here.
    :raises NotMeasured: if it is quantised and the package that decodes it is not installed.
    """
    what = f"{path_of(file.source)}: tensor '{escaped(info.name)}'"
    shape = tuple(reversed(info.dims))
    check_shape(shape, what)
    data = file.bytes_of(info.name, 0, info.size)
    if info.type.name in PLAIN:
        return of_bytes(PLAIN[info.type.name], shape, data)
    if info.type.name not in QUANTISED:
        raise InputError(f"{what} has the type {info.type.name}, which is not decoded here")
    try:
        from gguf import GGMLQuantizationType, quants  # noqa: PLC0415 - a third of a second, for quantised types only
    except ImportError:
        raise NotMeasured(f"{what} is {info.type.name}, which needs the package gguf") from None
    blocks = np.frombuffer(data, np.uint8).reshape(-1, info.type.block_bytes)
    decoded = np.empty((len(blocks), info.type.block_length), "<f4")
    with np.errstate(all="ignore"):  # a block may hold any bits, NaN and infinities too: they are counted
        for at in range(0, len(blocks), BLOCKS_AT_ONCE):
            part = slice(at, at + BLOCKS_AT_ONCE)
            decoded[part] = quants.dequantize(blocks[part], GGMLQuantizationType[info.type.name])
    return Array(info.type.name, "f32", shape, decoded.reshape(math.prod(shape)))
