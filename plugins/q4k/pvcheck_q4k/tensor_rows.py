"""Rows of a model's tensor, a part at a time: views of the mapped file, never a decoded copy of it.

What is taken of a tensor is some of its rows, and of each row all super-blocks or the first one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from pvcheck.plugin import InputError, NotMeasured, Skip
from pvcheck_q4k import blocks
from pvcheck_q4k.chain_parameters import Span
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.models import open_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.models import ModelFile

    F32s = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]

F32 = np.float32
BLOCK_BYTES: Final = {"Q4_K": blocks.BLOCK_BYTES, "Q6_K": blocks.Q6K_BYTES}
"""The types that can be multiplied, and the bytes of a super-block of each."""
PART_BYTES: Final = 4 << 20  # a part is read by several products in turn, so it should stay in a cache
PART_ROWS: Final = 64  # kernels take rows in groups
FIRST: Final = blocks.BLOCK_WEIGHTS
SHOWN: Final = 3  # skips named in a reason


class Unfit(ValueError):  # noqa: N818 - it is the reason a reader sees
    """A tensor cannot be measured as it is asked for; the message says why, after the name of the layer."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """What is taken of one tensor: ``spans`` of its rows, and of each the first ``taken`` of ``stored`` super-blocks.

    ``columns`` are the numbers that a row takes: fewer than 256 a super-block where the row does not fill the last.
    """

    model: ModelFile
    name: str
    kind: str
    spans: tuple[Span, ...]
    stored: int
    taken: int
    columns: int

    @property
    def rows(self) -> int:
        """How many rows are taken."""
        return sum(span.stop - span.start for span in self.spans)

    @property
    def block_bytes(self) -> int:
        """The bytes of a super-block."""
        return BLOCK_BYTES[self.kind]

    def ask(self) -> None:
        """Ask for the bytes of all rows now: what is known to be read can be hashed while it is used."""
        row_bytes = self.stored * self.block_bytes
        for span in self.spans:
            self.model.bytes_of(self.name, span.start * row_bytes, (span.stop - span.start) * row_bytes)

    def parts(self, threads: int) -> Iterator[U8]:
        """Yield the rows in order, shape (n, taken, block_bytes), in parts small enough for a cache.

        A part is some groups of 64 rows, about as many as the others, so that threads end together.
        """
        row_bytes = self.stored * self.block_bytes
        for span in self.spans:
            groups = -(-(span.stop - span.start) // PART_ROWS)
            fitting = max(1, PART_BYTES // (PART_ROWS * row_bytes))
            parts = min(groups, -(-groups // fitting // threads) * threads)
            for part in range(parts):
                start = span.start + groups * part // parts * PART_ROWS
                count = min(span.stop, span.start + groups * (part + 1) // parts * PART_ROWS) - start
                view = self.model.bytes_of(self.name, start * row_bytes, count * row_bytes)
                raw = np.frombuffer(view, np.uint8).reshape(count, self.stored, self.block_bytes)
                yield raw if self.taken == self.stored else np.ascontiguousarray(raw[:, : self.taken])


def opened(name: str, context: Context) -> ModelFile:
    """Return the model file of an input.

    :raises InputError: if there is no such input, or the file is not sound.
    """
    try:
        source = context.inputs[name]
    except KeyError:
        raise InputError(f"there is no input named '{escaped(name)}'") from None
    return open_model(source)


def matrix(model: ModelFile, name: str, spans: Sequence[Span] | None = None, *, first_block: bool = False) -> Matrix:
    """Return what is asked for of a tensor: ``spans`` of its rows or all, whole or their first super-block.

    :raises Unfit: if it is not there, of another type or no matrix, or has not all of these rows.
    """
    tensor = model.tensors.get(name)
    if tensor is None:
        raise Unfit(f"has no tensor '{escaped(name)}'")
    if tensor.type.name not in BLOCK_BYTES:
        raise Unfit(f"has tensor '{escaped(name)}' in {escaped(tensor.type.name)}, not {' or '.join(BLOCK_BYTES)}")
    if len(tensor.dims) != 2:
        raise Unfit(f"has tensor '{escaped(name)}' with {len(tensor.dims)} dimensions, not 2")
    columns, rows = tensor.dims
    stored = -(-columns // blocks.BLOCK_WEIGHTS)
    if spans is None:
        spans = (Span(0, rows),)
    if spans[-1].stop > rows:
        raise Unfit(f"has tensor '{escaped(name)}' with {rows} rows, so none of number {spans[-1].stop - 1}")
    taken = 1 if first_block else stored
    return Matrix(
        model,
        name,
        tensor.type.name,
        tuple(spans),
        stored,
        taken,
        min(columns, taken * blocks.BLOCK_WEIGHTS),
    )


def norm_weights(model: ModelFile, name: str, count: int) -> F32s | None:
    """Return the first ``count`` numbers of an F32 vector, or None if there is none that has them."""
    tensor = model.tensors.get(name)
    if tensor is None or tensor.type.name != "F32" or len(tensor.dims) != 1 or tensor.dims[0] < count:
        return None
    return np.frombuffer(model.bytes_of(name, 0, count * F32().nbytes), "<f4").astype(F32)


def refuse_none(found: Sequence[object], skipped: Sequence[Skip]) -> None:
    """Refuse to go on without a layer.

    :raises NotMeasured: with the reasons of the first layers that were left out.
    """
    if found:
        return
    reasons = "; ".join(f"{skip.what} {skip.reason}" for skip in skipped[:SHOWN])
    more = f"; and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else ""
    raise NotMeasured(f"no layer could be measured: {reasons}{more}")


def repeated(numbers: F32s, count: int) -> F32s:
    """Return ``count`` numbers: those given, from the first on again and again."""
    return numbers if numbers.size == count else np.resize(numbers, count)


def filled(numbers: F32s, taken: int) -> F32s:
    """Return numbers with zeros after them, up to ``taken`` super-blocks."""
    whole = taken * blocks.BLOCK_WEIGHTS
    return numbers if numbers.size == whole else np.pad(numbers, (0, whole - numbers.size))
