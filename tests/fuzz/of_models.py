"""Targets that read model files: bytes of strangers, of which nothing is believed."""

from __future__ import annotations

import os
import struct
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

from fuzz.saying import plain

from pvcheck.plugin import InputError, Source
from pvcheck_q4k.apr_file import CHECKSUM_AT, CHECKSUM_END, HEADER, AprFile
from pvcheck_q4k.gguf_file import GgufFile
from pvcheck_q4k.model_reader import describe_apr, describe_gguf

if TYPE_CHECKING:
    from collections.abc import Callable

_FEW = 8


def _read(data: bytes, look: Callable[[Source], object]) -> bool:
    """Look at bytes as at a file, which lies in memory."""
    descriptor = os.memfd_create("model")
    try:
        os.write(descriptor, data)
        with Source(f"/proc/self/fd/{descriptor}") as source:
            look(source)
            assert all(0 <= offset <= offset + size <= len(data) for offset, size in source.ranges())
    except InputError as error:
        plain(str(error))
        return False
    finally:
        os.close(descriptor)
    return True


def _touched(file: GgufFile | AprFile) -> None:
    """Read the first and the last byte of some tensors, and none beyond them."""
    ends = []
    for name, info in list(file.tensors.items())[:_FEW]:
        assert info.offset + info.size <= file.source.size
        if info.size:
            assert len(file.bytes_of(name, 0, 1)) == len(file.bytes_of(name, info.size - 1, 1)) == 1
            ends.append((info.offset, info.offset + info.size))
        try:
            file.bytes_of(name, info.size, 1)
        except ValueError:
            continue
        raise AssertionError("a byte behind the tensor was read")
    ends.sort()
    assert all(end <= start for (_, end), (start, _) in pairwise(ends))


def gguf(data: bytes) -> bool:
    """Open a GGUF file, read of its tensors, and describe it."""

    def look(source: Source) -> None:
        _touched(GgufFile.open(source))
        describe_gguf(source)

    return _read(data, look)


def apr(data: bytes) -> bool:
    """Open an APR file as it is, and once more with checksums that fit."""

    def look(source: Source) -> None:
        file = AprFile.open(source)
        _touched(file)
        described = describe_apr(source)
        described["check"]()

    understood = _read(data, look)
    return _read(resealed(data), look) or understood


def resealed(data: bytes) -> bytes:
    """Return the bytes with the checksums of the header and of the file as they would have to be."""
    if len(data) < HEADER.size + 4:
        return data
    found = zlib.crc32(data[CHECKSUM_END : HEADER.size], zlib.crc32(data[:CHECKSUM_AT]))
    body = data[:CHECKSUM_AT] + struct.pack("<I", found) + data[CHECKSUM_END:-4]
    return body + struct.pack("<I", zlib.crc32(body))
