"""What `pv model show` tells of a model file: its header as plain texts and numbers. No weight is read for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pvcheck_q4k.apr_file import AprFile
from pvcheck_q4k.apr_metadata import Nested
from pvcheck_q4k.gguf_file import ArrayInfo, GgufFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pvcheck.plugin import Source
    from pvcheck_q4k.tensor_types import TensorInfo


def describe_gguf(source: Source) -> dict[str, Any]:
    """Return version, metadata and tensors of a GGUF file, as the hook ``pv_model_readers`` asks for.

    :raises ModelFileError: if the file breaks a rule of the format.
    """
    file = GgufFile.open(source)
    return {
        "version": str(file.version),
        "metadata": {key: _told(value) for key, value in file.metadata.items()},
        "tensors": _rows(file.tensors.values()),
    }


def describe_apr(source: Source) -> dict[str, Any]:
    """Return version, metadata and tensors of an APR file, and the check of its checksum.

    Dimensions have the row length first, as in GGUF.

    :raises ModelFileError: if the file breaks a rule of the format.
    """
    file = AprFile.open(source)
    return {
        "version": file.version,
        "metadata": {key: _told(value) for key, value in file.metadata.items()},
        "tensors": _rows(file.tensors.values()),
        "check": file.check_whole,
    }


def _rows(tensors: Iterable[TensorInfo]) -> list[tuple[str, str, tuple[int, ...], int, int]]:
    """Return what the hook asks for of each tensor."""
    return [(each.name, each.type.name, each.dims, each.offset, each.size) for each in tensors]


def _told(value: ArrayInfo | Nested | float | str | None) -> str:
    """Return a value in short: six digits of a number, kind and length of what holds others."""
    if isinstance(value, ArrayInfo):
        return f"array of {value.count} {value.type}"
    if isinstance(value, Nested):
        return f"{value.kind} of {value.count}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
