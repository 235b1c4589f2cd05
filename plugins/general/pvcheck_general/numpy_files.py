"""Reads NumPy's .npy and .npz files: own header parser, no pickle, no evaluation, limits before anything is built."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from pvcheck.plugin import InputError
from pvcheck_general.arrays import BF16, DTYPES, Array, check_shape, of_bytes
from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck.plugin import Source

MAGIC: Final = b"\x93NUMPY"
HEADER_MAX: Final = 10_000
MEMBERS_MAX: Final = 10_000
MEMBER_BYTES: Final = 1 << 30
SUFFIX: Final = ".npy"

_ITEM = r"'(?:descr|fortran_order|shape)' *: *(?:'[<>|][a-z][0-9]{1,2}'|True|False|\([0-9, ]*\))"
_HEADER: Final = re.compile(rf"\{{ *{_ITEM} *, *{_ITEM} *, *{_ITEM} *,? *\}} *\n?", re.ASCII)
_PAIR: Final = re.compile(r"'(descr|fortran_order|shape)' *: *('[^']*'|True|False|\([^)]*\))", re.ASCII)
_SHAPE: Final = re.compile(r"\( *(?:[0-9]{1,19} *, *)*(?:[0-9]{1,19} *)?\)", re.ASCII)
_KINDS: Final = {np.dtype(layout).str[1:]: kind for kind, layout in DTYPES.items() if kind not in {BF16, "bool"}} | {
    "b1": "bool"
}

# What zipfile and zlib raise on files that are not what they say.
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, struct.error,
    RuntimeError, EOFError, ValueError, OSError, ArithmeticError, LookupError
)  # fmt: skip


def of_npy(data: memoryview | bytes, where: str) -> Array:
    """Return the array of a .npy file, versions 1 to 3.

    :raises InputError: if the header is not the one that NumPy writes, or the data has another size.
    """
    if bytes(data[:6]) != MAGIC or len(data) < 10 or data[6] not in {1, 2, 3} or data[7] != 0:
        raise InputError(f"{where}: not a .npy file of version 1, 2 or 3")
    layout = struct.Struct("<H" if data[6] == 1 else "<I")
    start = 8 + layout.size
    length = layout.unpack_from(data, 8)[0] if len(data) >= start else HEADER_MAX + 1
    if length > HEADER_MAX or start + length > len(data):
        raise InputError(f"{where}: the header must have at most {HEADER_MAX} bytes and end inside the file")
    kind, swapped, fortran, shape = _header(bytes(data[start : start + length]), where)
    check_shape(shape, where)
    body = data[start + length :]
    size = math.prod(shape) * np.dtype(DTYPES[kind]).itemsize
    if len(body) != size:
        raise InputError(f"{where}: the data must have {size} bytes, got {len(body)}")
    array = of_bytes(kind, shape, body)
    stored = array.stored
    if swapped:
        stored = stored.byteswap()
    if fortran:
        stored = stored.reshape(shape, order="F").ravel(order="C")
    return Array(kind, kind, shape, stored)


def _header(data: bytes, where: str) -> tuple[str, bool, bool, tuple[int, ...]]:
    """Return type, whether the bytes are swapped, whether the order is Fortran's, and shape."""
    text = data.decode("latin-1")
    pairs = dict(_PAIR.findall(text)) if _HEADER.fullmatch(text) else {}
    if len(pairs) != 3:
        raise InputError(f"{where}: the header must hold descr, fortran_order and shape, got '{escaped(text)}'")
    descr, fortran, shape = pairs["descr"].strip("'"), pairs["fortran_order"], pairs["shape"]
    kind = _KINDS.get(descr[1:])
    if kind is None:
        raise InputError(f"{where}: arrays of type '{escaped(descr)}' are not read here")
    if fortran not in {"True", "False"} or not _SHAPE.fullmatch(shape):
        raise InputError(f"{where}: the header must hold descr, fortran_order and shape, got '{escaped(text)}'")
    return kind, descr.startswith(">"), fortran == "True", tuple(map(int, re.findall(r"[0-9]+", shape)))


class _File(io.RawIOBase):
    """A source as a file object, so that ``zipfile`` reads no more of it than it needs."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if start + offset < 0:
            raise OSError("before the start")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any writable buffer
        size = max(0, min(len(buffer), self._source.size - self._at))
        buffer[:size] = self._source.view(self._at, size)
        self._at += size
        return size


def of_npz(source: Source, where: str) -> dict[str, Callable[[], Array]]:
    """Return the arrays of a .npz file by name, each read when it is asked for.

    :raises InputError: if the archive is broken, or holds anything but .npy files with different names.
    """
    try:
        members = zipfile.ZipFile(_File(source)).infolist()
    except _BROKEN as error:
        raise InputError(f"{where}: not a .npz file: {escaped(str(error))}") from None
    if len(members) > MEMBERS_MAX:
        raise InputError(f"{where}: must have at most {MEMBERS_MAX} arrays, got {len(members)}")
    table: dict[str, Callable[[], Array]] = {}
    for member in members:
        name = member.filename.removesuffix(SUFFIX)
        if name == member.filename or name in table:
            raise InputError(f"{where}: '{escaped(member.filename)}' is no .npy file, or stands twice")
        table[name] = partial(_member, source, member.filename, where)
    return table


def _member(source: Source, name: str, where: str) -> Array:
    """Read one array of a .npz file."""
    what = f"{where}: '{escaped(name)}'"
    try:
        with zipfile.ZipFile(_File(source)) as archive, archive.open(name) as file:
            data = file.read(MEMBER_BYTES + 1)
    except _BROKEN as error:
        raise InputError(f"{what} cannot be unpacked: {escaped(str(error))}") from None
    if len(data) > MEMBER_BYTES:
        raise InputError(f"{what} must have at most {MEMBER_BYTES} bytes")
    return of_npy(data, what)
