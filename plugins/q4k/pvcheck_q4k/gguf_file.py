"""A strict and lazy reader of GGUF files, versions 2 and 3: the header is checked before any of it is believed.

Weights are not touched until they are asked for, and a vocabulary is walked over and never built. What other readers
accept is not the measure: a file that any rule here refuses could be read in two ways, or out of bounds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pvcheck_q4k.gguf_cursor import Cursor, ModelFileError, escaped
from pvcheck_q4k.tensor_types import REMOVED, TENSOR_TYPES, TensorInfo, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.plugin import Source

__all__ = ["ArrayInfo", "GgufFile", "MetaValue", "ModelFileError", "TensorInfo"]

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
TENSORS_MAX: Final = 65_536
ENTRIES_MAX: Final = 65_536
KEY_MAX: Final = 65_535
NAME_MAX: Final = 63
ARRAY_MAX: Final = 16 * 1024 * 1024
DIMS_MAX: Final = 4
SIZE_MAX: Final = 2**63 - 1
LEAST_ENTRY: Final = 14  # a key of one byte, its type and a value of one byte
LEAST_TENSOR: Final = 33  # a name of one byte, one dimension
ALIGNMENT_KEY: Final = "general.alignment"
ALIGNMENT_DEFAULT: Final = 32
ALIGNMENTS: Final = tuple(2**n for n in range(3, 17))

BOOL: Final = 7
STRING: Final = 8
ARRAY: Final = 9
U32: Final = 4
TYPE_NAMES: Final = ("u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64")
LAYOUTS: Final = {
    number: struct.Struct("<" + letter)
    for number, letter in zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIifBQqd", strict=True)
}


@dataclass(frozen=True, slots=True)
class ArrayInfo:
    """A metadata array, which is not built: the name of its item type and its length."""

    type: str
    count: int


MetaValue = bool | int | float | str | ArrayInfo


@dataclass(frozen=True, slots=True)
class GgufFile:
    """The header of an open GGUF file and a door to the bytes of its tensors."""

    source: Source
    version: int
    metadata: Mapping[str, MetaValue]
    tensors: Mapping[str, TensorInfo]

    @classmethod
    def open(cls, source: Source) -> GgufFile:
        """Check the header of a file and return it.

        :raises ModelFileError: if any rule is broken; its text names the rule, the byte, what must be and what is.
        """
        cursor = Cursor(source)
        version, tensor_count, entry_count = _fixed_header(cursor)
        metadata, alignment = _metadata(cursor, entry_count)
        tensors = _tensors(cursor, tensor_count, alignment)
        return cls(source, version, MappingProxyType(metadata), MappingProxyType(tensors))

    def bytes_of(self, name: str, offset: int, size: int) -> memoryview:
        """Return ``size`` bytes of a tensor, from ``offset`` bytes into it, without copying; the read is recorded.

        :raises KeyError: if there is no such tensor; :raises ValueError: if the range is not inside it.
        """
        return part_of(self.source, self.tensors[name], offset, size)

    def release(self, name: str) -> None:
        """Give back the memory that holds a tensor; views of it stay valid and are read from the file again.

        :raises KeyError: if there is no such tensor.
        """
        self.source.release(self.tensors[name].offset, self.tensors[name].size)


def _fixed_header(cursor: Cursor) -> tuple[int, int, int]:
    """Read magic, version and the two counts; hold the counts against the bytes that are left."""
    magic = cursor.raw(len(MAGIC), "the magic")
    if magic != MAGIC:
        cursor.fail("GGUF-MAGIC", f'the file must start with "GGUF", got {magic!r}', 0)
    version = cursor.u32("the version")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        hint = " (a big-endian file, which is not read)" if swapped in VERSIONS else ""
        cursor.fail("GGUF-VERSION", f"version must be 2 or 3, got {version}{hint}", 4)
    tensor_count = cursor.u64("the tensor count")
    entry_count = cursor.u64("the metadata count")
    for count, most, least, code, what, at in (
        (tensor_count, TENSORS_MAX, LEAST_TENSOR, "GGUF-NTENSORS", "tensors", 8),
        (entry_count, ENTRIES_MAX, LEAST_ENTRY, "GGUF-NKV", "metadata entries", 16),
    ):
        if count > most:
            cursor.fail(code, f"there must be at most {most} {what}, got {count}", at)
        if count * least > cursor.left:
            cursor.fail(code, f"{count} {what} need {count * least} bytes or more, but {cursor.left} are left", at)
    return version, tensor_count, entry_count


def _metadata(cursor: Cursor, count: int) -> tuple[dict[str, MetaValue], int]:
    """Read all entries; return them and the alignment of the data."""
    metadata: dict[str, MetaValue] = {}
    alignment = ALIGNMENT_DEFAULT
    for _ in range(count):
        start = cursor.at
        key = cursor.string("a metadata key", KEY_MAX)
        if not key or "\0" in key:
            cursor.fail("GGUF-KEY", f"a metadata key must have characters and no NUL, got '{escaped(key)}'", start)
        if key in metadata:
            cursor.fail("GGUF-DUPKEY", f"metadata key '{escaped(key)}' stands twice", start)
        value_at = cursor.at
        kind = cursor.u32(f"the type of '{escaped(key)}'")
        metadata[key] = value = _value(cursor, kind, key)
        if key == ALIGNMENT_KEY:
            if kind != U32 or value not in ALIGNMENTS:
                got = value if kind == U32 else f"a value of type {TYPE_NAMES[kind]}"
                text = f"{ALIGNMENT_KEY} must be a u32, a power of two from 8 to 65536, got {got}"
                cursor.fail("GGUF-ALIGN", text, value_at)
            assert isinstance(value, int)  # noqa: S101 - told to the type checker: a u32 was read
            alignment = value
    return metadata, alignment


def _value(cursor: Cursor, kind: int, key: str) -> MetaValue:
    """Read one value; walk over an array."""
    what = f"the value of '{escaped(key)}'"
    if kind == STRING:
        return cursor.string(what)
    if kind == ARRAY:
        return _array(cursor, what)
    if kind not in LAYOUTS:
        cursor.fail(
            "GGUF-TYPE", f"the type of '{escaped(key)}' must be 0 to {len(TYPE_NAMES) - 1}, got {kind}", cursor.at - 4
        )
    value = cursor.number(LAYOUTS[kind], what)
    if kind != BOOL:
        return value
    if value not in (0, 1):
        cursor.fail("GGUF-BOOL", f"{what} must be a byte 0 or 1, got {value}", cursor.at - 1)
    return bool(value)


def _array(cursor: Cursor, what: str) -> ArrayInfo:
    """Walk over an array: check its item type, its length, and where it ends."""
    start = cursor.at
    kind = cursor.u32(f"the item type of {what}")
    if kind not in LAYOUTS and kind != STRING:
        got = "array" if kind == ARRAY else kind
        cursor.fail("GGUF-ARRTYPE", f"the item type of {what} must be a number, bool or string, got {got}", start)
    count = cursor.u64(f"the length of {what}")
    if count > ARRAY_MAX:
        cursor.fail("GGUF-ARRLEN", f"{what} must have at most {ARRAY_MAX} items, got {count}", start + 4)
    if kind == STRING:
        cursor.skip_strings(count, what)
    elif kind == BOOL:
        items = cursor.raw(count, what)
        wrong = items.lstrip(b"\0\1")
        if wrong:
            at = cursor.at - len(wrong)
            cursor.fail("GGUF-BOOL", f"{what} must hold bytes 0 and 1, got {wrong[0]}", at)
    else:
        cursor.skip(count * LAYOUTS[kind].size, what)
    return ArrayInfo(TYPE_NAMES[kind], count)


def _tensors(cursor: Cursor, count: int, alignment: int) -> dict[str, TensorInfo]:
    """Read all tensor infos and hold their data against the file: in order, without gap, overlap or remainder."""
    infos: dict[str, tuple[TensorInfo, int]] = {}
    for _ in range(count):
        start = cursor.at
        info, offset_at = _tensor(cursor)
        if info.name in infos:
            cursor.fail("GGUF-DUPTENSOR", f"tensor '{escaped(info.name)}' stands twice", start)
        infos[info.name] = info, offset_at
    data = -(-cursor.at // alignment) * alignment
    placed = {}
    end = 0  # of the tensor before, from the start of the data
    for info, at in infos.values():
        if info.offset % alignment:
            text = f"the offset of tensor '{escaped(info.name)}' must be a multiple of {alignment}, got {info.offset}"
            cursor.fail("GGUF-ALIGN", text, at)
        _check_place(cursor, info, at, data, -(-end // alignment) * alignment)
        end = info.offset + info.size
        placed[info.name] = info._replace(offset=data + info.offset)
    stop = data + -(-end // alignment) * alignment
    if cursor.source.size > stop:
        extra = cursor.source.size - stop
        cursor.fail("GGUF-TRAIL", f"{extra} bytes stand after the last tensor and its padding", stop)
    return placed


def _tensor(cursor: Cursor) -> tuple[TensorInfo, int]:
    """Read one tensor info, its offset still from the start of the data, and the place of that offset."""
    start = cursor.at
    name = cursor.string("a tensor name", NAME_MAX, "GGUF-NAME")
    if not name or "\0" in name:
        cursor.fail("GGUF-NAME", f"a tensor name must have characters and no NUL, got '{escaped(name)}'", start)
    what = f"tensor '{escaped(name)}'"
    rank = cursor.u32(f"the dimension count of {what}")
    if not 1 <= rank <= DIMS_MAX:
        cursor.fail("GGUF-NDIMS", f"{what} must have 1 to {DIMS_MAX} dimensions, got {rank}", cursor.at - 4)
    dims_at = cursor.at
    dims = tuple(cursor.u64(f"the dimensions of {what}") for _ in range(rank))
    for position, dim in enumerate(dims):
        if not 1 <= dim <= SIZE_MAX:
            cursor.fail(
                "GGUF-DIM", f"a dimension of {what} must be from 1 to 2**63 - 1, got {dim}", dims_at + 8 * position
            )
    elements = 1
    for dim in dims:
        elements *= dim
    number = cursor.u32(f"the type of {what}")
    kind = TENSOR_TYPES.get(number)
    if kind is None:
        why = f"{REMOVED[number]}, which was removed from ggml" if number in REMOVED else f"{number}, which is unknown"
        cursor.fail("GGUF-QTYPE", f"the type of {what} is {why}", cursor.at - 4)
    size = elements // kind.block_length * kind.block_bytes
    if elements > SIZE_MAX or size > SIZE_MAX:
        cursor.fail("GGUF-DIMOVF", f"{what} must have fewer than 2**63 elements and bytes, got {elements}", dims_at)
    if dims[0] % kind.block_length:
        text = f"the row length of {what} must be a multiple of {kind.block_length} for {kind.name}, got {dims[0]}"
        cursor.fail("GGUF-BLOCK", text, dims_at)
    offset = cursor.u64(f"the offset of {what}")
    return TensorInfo(name, dims, kind, offset, size), cursor.at - 8


def _check_place(cursor: Cursor, info: TensorInfo, at: int, data: int, expected: int) -> None:
    """Refuse a tensor whose data leaves the file or is not where the one before it ends."""
    what = f"tensor '{escaped(info.name)}'"
    end = data + info.offset + info.size
    if end > cursor.source.size:
        text = f"{what} ends at byte {end}, but the file has {cursor.source.size}"
        cursor.fail("GGUF-BOUNDS", text, at)
    if info.offset < expected:
        cursor.fail("GGUF-OVERLAP", f"the offset of {what} must be {expected}, got {info.offset}: bytes shared", at)
    if info.offset > expected:
        cursor.fail("GGUF-GAP", f"the offset of {what} must be {expected}, got {info.offset}: bytes unexplained", at)
