"""What `pv model show` tells of a GGUF file: its header as plain texts and numbers. No weight is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pvcheck_q4k.gguf_file import ArrayInfo, GgufFile

if TYPE_CHECKING:
    from pvcheck.plugin import Source
    from pvcheck_q4k.gguf_file import MetaValue


def describe_gguf(source: Source) -> dict[str, Any]:
    """Return version, metadata and tensors of a file, as the hook ``pv_model_readers`` asks for.

    :raises ModelFileError: if the file breaks a rule of the format.
    """
    file = GgufFile.open(source)
    return {
        "version": str(file.version),
        "metadata": {key: _told(value) for key, value in file.metadata.items()},
        "tensors": [(each.name, each.type.name, each.dims, each.offset, each.size) for each in file.tensors.values()],
    }


def _told(value: MetaValue) -> str:
    """Return a value in short: six digits of a number, type and length of an array."""
    if isinstance(value, ArrayInfo):
        return f"array of {value.count} {value.type}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
