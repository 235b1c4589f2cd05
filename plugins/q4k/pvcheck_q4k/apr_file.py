"""A strict and lazy reader of APR files, version 2: everything before the weights is checked before it is believed.

Weights are not touched until they are asked for. So two rules that only the whole file can show, its checksum and the
zeros between tensors, are held by ``check_whole`` alone: measuring asks for it never, as a contract that declares the
SHA-256 of its input has the stronger promise, and `pv model show --digest` always.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck_q4k import apr_index, apr_metadata
from pvcheck_q4k.gguf_cursor import ModelFileError
from pvcheck_q4k.tensor_types import part_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from pvcheck.plugin import Source
    from pvcheck_q4k.apr_metadata import MetaValue
    from pvcheck_q4k.tensor_types import TensorInfo

__all__ = ["AprFile", "ModelFileError"]

MAGIC: Final = b"APR\0"
MAJOR: Final = 2
ALIGNMENT: Final = apr_index.ALIGNMENT
TRAILER: Final = struct.Struct("<I")
PIECE: Final = 1 << 24

# magic, major, minor, flags, tensors, metadata offset and size, index offset, data offset, checksum; 20 bytes reserved
HEADER: Final = struct.Struct("<4sBBHIQIQQI20x")
CHECKSUM_AT: Final = 40
CHECKSUM_END: Final = 44

REFUSED_FLAGS: Final = {
    0x1: "compressed with LZ4",
    0x2: "compressed with Zstd",
    0x4: "encrypted",
    0x10: "one shard of several",
    0x800: "in column-major order",
}


class Header(NamedTuple):
    """The fixed part of a file: the fields after the magic, in their order."""

    major: int
    minor: int
    flags: int
    tensor_count: int
    metadata_offset: int
    metadata_size: int
    index_offset: int
    data_offset: int
    checksum: int


@dataclass(frozen=True, slots=True)
class AprFile:
    """The header of an open APR file and a door to the bytes of its tensors."""

    source: Source
    version: str
    metadata: Mapping[str, MetaValue]
    tensors: Mapping[str, TensorInfo]
    _data: int = field(repr=False)

    @classmethod
    def open(cls, source: Source) -> AprFile:
        """Check header, metadata and index of a file and return them.

        :raises ModelFileError: if any rule is broken; its text names the rule, the byte, what must be and what is.
        """
        header = _header(source)
        metadata_end = header.metadata_offset + header.metadata_size
        with source.view(0, header.data_offset) as view:
            metadata = apr_metadata.parse(bytes(view[header.metadata_offset : metadata_end]), source.path, HEADER.size)
            walk = apr_index.Walk(view, header.index_offset, source)
            tensors = walk.tensors(header.tensor_count, header.data_offset)
            for start, stop, after in (
                (metadata_end, header.index_offset, "the metadata"),
                (walk.at, header.data_offset, "the index"),
            ):
                _check_zeros(source, start, bytes(view[start:stop]), after)
        version = f"{header.major}.{header.minor}"
        return cls(source, version, MappingProxyType(metadata), MappingProxyType(tensors), header.data_offset)

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

    def check_whole(self) -> None:
        """Read all of the file, and hold the zeros between tensors and the checksum at its end.

        :raises ModelFileError: if a byte is not what it must be.
        """
        end = self._data
        for info in sorted(self.tensors.values(), key=lambda each: each.offset):
            _check_zeros(self.source, end, bytes(self.source.view(end, info.offset - end)), "a tensor")
            end = info.offset + info.size
        stop = self.source.size - TRAILER.size
        _check_zeros(self.source, end, bytes(self.source.view(end, stop - end)), "a tensor")
        found = 0
        for at in range(0, stop, PIECE):
            with self.source.view(at, min(PIECE, stop - at)) as piece:
                found = zlib.crc32(piece, found)
        (told,) = TRAILER.unpack(self.source.view(stop, TRAILER.size))
        if found != told:
            text = f"the CRC-32 of the file must be {found:#010x}, as its bytes have it, got {told:#010x}"
            raise ModelFileError(self.source.path, "APR-CHECKSUM", stop, text)


def _header(source: Source) -> Header:
    """Read the fixed part, and hold everything in it against itself and the file."""

    def fail(code: str, at: int, text: str) -> NoReturn:
        raise ModelFileError(source.path, code, at, text)

    magic = bytes(source.view(0, min(source.size, len(MAGIC))))
    if magic != MAGIC:
        fail("APR-MAGIC", 0, f'the file must start with "APR\\0", got {magic!r}')
    least = HEADER.size + TRAILER.size
    if source.size < least:
        fail("APR-TRUNC", source.size, f"the file must have {least} bytes or more, got {source.size}")
    raw = bytes(source.view(0, HEADER.size))
    header = Header(*HEADER.unpack(raw)[1:])
    if header.major != MAJOR:
        fail("APR-VERSION", 4, f"the version must be {MAJOR}, got {header.major}")
    found = zlib.crc32(raw[CHECKSUM_END:], zlib.crc32(raw[:CHECKSUM_AT]))
    if found != header.checksum:
        text = f"the CRC-32 of the header must be {found:#010x}, as its bytes have it, got {header.checksum:#010x}"
        fail("APR-CRC", CHECKSUM_AT, text)
    wrong = [meaning for flag, meaning in REFUSED_FLAGS.items() if header.flags & flag]
    if wrong:
        fail("APR-FLAGS", 6, f"a file that is {' and '.join(wrong)} is not read (flags {header.flags:#06x})")
    if header.tensor_count > apr_index.TENSORS_MAX:
        text = f"there must be at most {apr_index.TENSORS_MAX} tensors, got {header.tensor_count}"
        fail("APR-NTENSORS", 8, text)
    if header.metadata_size > apr_metadata.BYTES_MAX:
        text = f"the metadata must have at most {apr_metadata.BYTES_MAX} bytes, got {header.metadata_size}"
        fail("APR-METASIZE", 20, text)
    _check_sections(header, source)
    return header


def _check_sections(header: Header, source: Source) -> None:
    """Refuse sections that are not where the one before them ends, or that the file does not hold."""
    index = apr_index.aligned(HEADER.size + header.metadata_size)
    for at, what, must, got in (
        (12, "the metadata", HEADER.size, header.metadata_offset),
        (24, "the index", index, header.index_offset),
    ):
        if got != must:
            raise ModelFileError(source.path, "APR-SECTION", at, f"{what} must start at byte {must}, got {got}")
    stop = source.size - TRAILER.size
    if header.data_offset > stop or header.data_offset < index:
        text = f"the data must start between byte {index} and {stop}, got {header.data_offset}"
        raise ModelFileError(source.path, "APR-SECTION", 32, text)
    left = header.data_offset - index
    need = header.tensor_count * apr_index.LEAST_ENTRY
    if need > left:
        text = f"{header.tensor_count} tensors need {need} bytes of index or more, but it has {left}"
        raise ModelFileError(source.path, "APR-NTENSORS", 8, text)


def _check_zeros(source: Source, at: int, padding: bytes, after: str) -> None:
    """Refuse padding that is not zeros: bytes that nothing owns."""
    wrong = padding.lstrip(b"\0")
    if wrong:
        place = at + len(padding) - len(wrong)
        raise ModelFileError(source.path, "APR-PAD", place, f"the padding after {after} must be zeros, got {wrong[0]}")
