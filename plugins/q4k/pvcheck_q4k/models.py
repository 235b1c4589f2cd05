"""Opens a model file of either format: its first bytes say which one it is, and a contract may say which it must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from pvcheck_q4k import apr_file, gguf_file
from pvcheck_q4k.gguf_cursor import ModelFileError, escaped
from pvcheck_q4k.tensor_types import TensorInfo as Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pvcheck.plugin import Source

__all__ = ["ModelFile", "ModelFileError", "Tensor", "open_model"]


class ModelFile(Protocol):
    """The header of an open model file and a door to the bytes of its tensors."""

    @property
    def source(self) -> Source:
        """The open file."""

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The tensors by name; ``dims`` has the row length first, whatever the format."""

    def bytes_of(self, name: str, offset: int, size: int) -> memoryview:
        """Return ``size`` bytes of a tensor, from ``offset`` bytes into it, without copying; the read is recorded.

        :raises KeyError: if there is no such tensor; :raises ValueError: if the range is not inside it.
        """

    def release(self, name: str) -> None:
        """Give back the memory that holds a tensor; views of it stay valid and are read from the file again.

        :raises KeyError: if there is no such tensor.
        """


READERS: Final[dict[bytes, tuple[str, Callable[[Source], ModelFile]]]] = {
    gguf_file.MAGIC: ("gguf", gguf_file.GgufFile.open),
    apr_file.MAGIC: ("apr", apr_file.AprFile.open),
}
"""The name of each format and its reader, by the first bytes of a file."""


def open_model(source: Source) -> ModelFile:
    """Check the header of a GGUF or APR file and return it.

    :raises ModelFileError: if the file is of neither format, or not of the one that the contract declares, or breaks a
        rule of its own; the text names rule and byte.
    """
    magic = bytes(source.view(0, min(source.size, len(gguf_file.MAGIC))))
    if magic not in READERS:
        text = f'a model file must start with "GGUF" or "APR\\0", got {magic!r}'
        raise ModelFileError(source.path, "MODEL-MAGIC", 0, text)
    name, reader = READERS[magic]
    if source.format not in {"", name}:
        text = f"the contract declares the format '{escaped(source.format)}', but this is a file of the format '{name}'"
        raise ModelFileError(source.path, "MODEL-FORMAT", 0, text)
    return reader(source)
