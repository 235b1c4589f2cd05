"""Writes APR files, sound or broken in one place, from the description of the format."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass

NUMBERS = {"F32": 0, "F16": 1, "F64": 3, "I32": 4, "I64": 5, "I8": 6, "U8": 7, "Q4_K": 12, "Q6_K": 14, "BF16": 30}
ROW_MAJOR = 0x400
QUANTISED = 0x20


@dataclass(frozen=True, kw_only=True)
class AprTensor:
    """One tensor: ``dims`` as the file has them, row length last; ``kind`` is a name or a number.

    ``offset`` and ``size`` are what the data gives, unless the index is to tell something else.
    """

    name: str | bytes
    dims: tuple[int, ...]
    data: bytes
    kind: str | int = "Q4_K"
    offset: int | None = None
    size: int | None = None


def padded(data):
    """Return bytes up to the next multiple of 64."""
    return data + bytes(-len(data) % 64)


def entry(tensor, offset):
    """Return an entry of the index."""
    name = tensor.name if isinstance(tensor.name, bytes) else tensor.name.encode()
    kind = NUMBERS[tensor.kind] if isinstance(tensor.kind, str) else tensor.kind
    size = len(tensor.data) if tensor.size is None else tensor.size
    offset = offset if tensor.offset is None else tensor.offset
    shape = struct.pack(f"<BB{len(tensor.dims)}Q", kind, len(tensor.dims), *tensor.dims)
    return struct.pack("<H", len(name)) + name + shape + struct.pack("<QQ", offset, size)


def header_bytes(fields):
    """Return a header with its checksum, unless ``fields`` has one: fields after the magic, then 20 bytes reserved."""
    told = {"magic": b"APR\0", "major": 2, "minor": 0, "flags": ROW_MAJOR, "reserved": bytes(20)} | fields
    names = ("magic", "major", "minor", "flags", "count", "metadata_at", "metadata_size", "index_at", "data_at")
    start = struct.pack("<4sBBHIQIQQ", *(told[name] for name in names))
    checksum = told.get("checksum", zlib.crc32(start + told["reserved"]))
    return start + struct.pack("<I", checksum) + told["reserved"]


def with_trailer(data):
    """Return bytes with their CRC-32 after them."""
    return data + struct.pack("<I", zlib.crc32(data))


def apr_bytes(tensors=(), metadata=None, *, order=None, index=None, between=b"", **fields):
    """Return an APR file of the given tensors, sound if they are.

    :param metadata: a value for JSON, or the bytes themselves.
    :param order: the positions of ``tensors`` in the order of their data; the index is in the order of ``tensors``.
    :param index: the bytes of the index, where they are not those of the tensors.
    :param between: bytes after the padding of the last tensor.
    :param fields: of the header, where they are not what the file gives.
    """
    tensors = tuple(tensors)
    text = metadata if isinstance(metadata, bytes) else json.dumps({} if metadata is None else metadata).encode()
    offsets, data = {}, b""
    for position in range(len(tensors)) if order is None else order:
        offsets[position] = len(data)
        data += padded(tensors[position].data)
    if index is None:
        index = b"".join(entry(tensor, offsets[position]) for position, tensor in enumerate(tensors))
    index_at = 64 + len(padded(text))
    known = {
        "count": len(tensors),
        "metadata_at": 64,
        "metadata_size": len(text),
        "index_at": index_at,
        "data_at": index_at + len(padded(index)),
    }
    return with_trailer(header_bytes(known | fields) + padded(text) + padded(index) + data + between)


def q4k_apr(layers, *, kind="Q4_K", pattern="model.layers.{}.mlp.down_proj.weight", metadata=None):
    """Return an APR file with one tensor of super-blocks a layer, {number: bytes of (n, 144)}."""
    tensors = [
        AprTensor(name=pattern.format(number), dims=(len(raw), 256), data=raw.tobytes(), kind=kind)
        for number, raw in layers.items()
    ]
    return apr_bytes(sorted(tensors, key=lambda each: each.name), metadata or {"architecture": "test"})
