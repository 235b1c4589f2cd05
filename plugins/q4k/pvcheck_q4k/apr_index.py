"""The index of an APR file: walks over its entries from left to right and holds their data against the file.

Entries are sorted by name and data may lie in another order: some writers put tensors down as they come. Whatever
the order, between one tensor's last byte and the next one's first there is padding to 64 bytes and nothing else.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck_q4k.gguf_cursor import ModelFileError, escaped
from pvcheck_q4k.tensor_types import TENSOR_TYPES, TensorInfo, TensorType

if TYPE_CHECKING:
    from typing import NoReturn

    from pvcheck.plugin import Source

ALIGNMENT: Final = 64
TENSORS_MAX: Final = 65_536
NAME_MAX: Final = 256
DIMS_MAX: Final = 8
SIZE_MAX: Final = 2**63 - 1
LEAST_ENTRY: Final = 21  # a name of one byte, no dimensions
TRAILER_BYTES: Final = 4

U16: Final = struct.Struct("<H")
KINDS: Final = struct.Struct("<BB")
PLACE: Final = struct.Struct("<QQ")
U64_BYTES: Final = 8
SHAPES: Final = tuple(struct.Struct(f"<{rank}Q") for rank in range(DIMS_MAX + 1))

TYPES: Final = {number: TENSOR_TYPES[number] for number in (0, 1, 12, 14, 30)} | {
    row[0]: TensorType(*row)
    for row in (
        (3, "F64", 1, 8),
        (4, "I32", 1, 4),
        (5, "I64", 1, 8),
        (6, "I8", 1, 1),
        (7, "U8", 1, 1),
        (8, "APR_Q4", 0, 0),
        (9, "APR_Q8", 0, 0),
        (128, "APR_Q4", 0, 0),
        (129, "APR_Q8", 0, 0),
    )
}
"""Types by number. From 3 to 9 the numbers are not ggml's. The size of APR's own quantised types, which nothing here
decodes, is taken as it is told: their block length is 0."""


class Entry(NamedTuple):
    """One entry of the index: a tensor, its offset still from the start of the data, and the place of that offset."""

    info: TensorInfo
    at: int


def aligned(size: int) -> int:
    """Return the next multiple of 64."""
    return -(-size // ALIGNMENT) * ALIGNMENT


class Walk:
    """A place in the index, which goes from ``at`` to the end of ``view``: the start of the data."""

    def __init__(self, view: memoryview, at: int, source: Source) -> None:
        self.at = at
        self._view = view
        self._source = source

    def tensors(self, count: int, data: int) -> dict[str, TensorInfo]:
        """Read ``count`` entries, and return the tensors in the order of the index, placed in the file.

        :param data: the offset of the data, up to which the index is padded.
        :raises ModelFileError: if an entry breaks a rule, or the data is not exactly that of the tensors.
        """
        entries: list[Entry] = []
        before = ""
        for _ in range(count):
            start = self.at
            entry = self._entry()
            name = entry.info.name
            if entries and name <= before:
                why = "stands twice" if name == before else f"stands after '{escaped(before)}': names must be sorted"
                self._fail("APR-ORDER", f"tensor '{escaped(name)}' {why}", start)
            before = name
            entries.append(entry)
        if aligned(self.at) != data:
            self._fail("APR-SECTION", f"the data must start at byte {aligned(self.at)}, got {data}", 32)
        self._check_places(entries, data)
        return {info.name: info._replace(offset=data + info.offset) for info, _ in entries}

    def _fail(self, code: str, text: str, at: int) -> NoReturn:
        raise ModelFileError(self._source.path, code, at, text)

    def _numbers(self, layout: struct.Struct, what: str, name: str = "") -> tuple[int, ...]:
        """Read the numbers of a layout; ``what`` and the tensor's ``name`` are for the message."""
        at = self.at
        if layout.size > len(self._view) - at:
            self._fail_short(layout.size, f"{what} of {_told(name)}" if name else what)
        self.at += layout.size
        return layout.unpack_from(self._view, at)

    def _fail_short(self, size: int, what: str) -> NoReturn:
        left = len(self._view) - self.at
        self._fail("APR-TRUNC", f"{what} needs {size} bytes, but the index ends after {left}", self.at)

    def _entry(self) -> Entry:
        """Read one entry. Messages are made where they are needed: there may be 65,536 entries."""
        name = self._name()
        kind_at = self.at
        number, rank = self._numbers(KINDS, "the type", name)
        kind = TYPES.get(number)
        if kind is None:
            self._fail("APR-QTYPE", f"the type of {_told(name)} is {number}, which is unknown", kind_at)
        least = int(kind.block_length != 1)
        if not least <= rank <= DIMS_MAX:
            text = f"{_told(name)} must have {least} to {DIMS_MAX} dimensions, got {rank}"
            self._fail("APR-NDIMS", text, kind_at + 1)
        dims_at = self.at
        dims = self._numbers(SHAPES[rank], "the dimensions", name)
        for position, dim in enumerate(dims):
            if not 1 <= dim <= SIZE_MAX:
                text = f"a dimension of {_told(name)} must be from 1 to 2**63 - 1, got {dim}"
                self._fail("APR-DIM", text, dims_at + U64_BYTES * position)
        offset_at = self.at
        offset, size = self._numbers(PLACE, "the place", name)
        must = _size_of(dims, kind)
        if max(prod(dims), must or 0) > SIZE_MAX:
            text = f"{_told(name)} must have fewer than 2**63 elements and bytes, got {prod(dims)}"
            self._fail("APR-DIMOVF", text, dims_at)
        if must not in (None, size):
            text = f"the size of {_told(name)} must be {must} for {_shape(dims)} {kind.name}, got {size}"
            self._fail("APR-SIZE", text, offset_at + U64_BYTES)
        return Entry(TensorInfo(name, dims[::-1], kind, offset, size), offset_at)

    def _name(self) -> str:
        """Read the name of a tensor."""
        start = self.at
        (length,) = self._numbers(U16, "the length of a tensor name")
        if not 1 <= length <= NAME_MAX:
            self._fail("APR-NAME", f"a tensor name must have 1 to {NAME_MAX} bytes, got {length}", start)
        text_at = self.at
        if length > len(self._view) - text_at:
            self._fail_short(length, "a tensor name")
        self.at += length
        try:
            name = bytes(self._view[text_at : self.at]).decode()
        except UnicodeDecodeError as error:
            self._fail("APR-UTF8", "a tensor name must be UTF-8", text_at + error.start)
        if "\0" in name:
            self._fail("APR-NAME", f"a tensor name must have no NUL, got '{escaped(name)}'", text_at)
        return name

    def _check_places(self, entries: list[Entry], data: int) -> None:
        """Refuse data that overlaps, leaves the file, or leaves bytes over that no tensor owns."""
        last, expected = self._source.size - TRAILER_BYTES, 0
        for info, at in sorted(entries, key=lambda each: (each.info.offset, each.info.size)):
            end = data + info.offset + info.size
            if info.offset == expected and end <= last:
                expected = aligned(info.offset + info.size)
                continue
            what = _told(info.name)
            if info.offset % ALIGNMENT:
                text = f"the offset of {what} must be a multiple of {ALIGNMENT}, got {info.offset}"
                self._fail("APR-ALIGN", text, at)
            if end > last:
                text = f"{what} ends at byte {end}, but the checksum of the file is at {last}"
                self._fail("APR-BOUNDS", text, at)
            code, why = ("APR-OVERLAP", "shared") if info.offset < expected else ("APR-GAP", "unexplained")
            self._fail(code, f"the offset of {what} must be {expected}, got {info.offset}: bytes {why}", at)
        if last != data + expected:
            size, stop = self._source.size, data + expected + TRAILER_BYTES
            code = "APR-TRAIL" if size > stop else "APR-BOUNDS"
            text = f"the file must end at byte {stop}, after the last padding and the checksum, got {size}"
            self._fail(code, text, min(size, stop))


def _told(name: str) -> str:
    """Return a tensor's name for a message."""
    return f"tensor '{escaped(name)}'"


def _size_of(dims: tuple[int, ...], kind: TensorType) -> int | None:
    """Return the bytes of a tensor, each of its rows padded to whole blocks, or None where that is not known here."""
    if kind.block_length == 0:
        return None
    *outer, row = dims or (1,)
    return prod(outer) * -(-row // kind.block_length) * kind.block_bytes


def _shape(dims: tuple[int, ...]) -> str:
    """Return dimensions as the file has them."""
    return " x ".join(map(str, dims)) or "one number of"
