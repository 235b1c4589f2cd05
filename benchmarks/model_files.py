"""Model files made for a measurement, so that it needs no download: shapes of a 7B model, a large vocabulary."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

ALIGNMENT = 32
Q4_K = 12
BLOCK_BYTES = 144
BLOCK_WEIGHTS = 256
STRING, ARRAY, F32, I32 = 8, 9, 6, 5
SEED = 20261122


class Shape(NamedTuple):
    """A matrix: ``rows`` results, each over ``blocks`` super-blocks."""

    rows: int
    blocks: int

    @property
    def weights(self) -> int:
        """Return the number of weights."""
        return self.rows * self.blocks * BLOCK_WEIGHTS


DOWN = Shape(3584, 74)
"""ffn_down of the 7B model: 3584 x 18944."""

UP = Shape(18944, 14)
"""ffn_gate and ffn_up of the 7B model: 18944 x 3584."""


def random_rows(shape: Shape, size: int = BLOCK_BYTES) -> npt.NDArray[np.uint8]:
    """Return random super-blocks of Q4_K (144 bytes) or Q6_K (210), shape (rows, blocks, size).

    The half-precision numbers in them lie between 2**-14 and 2, so that every weight is finite.
    """
    raw = np.random.default_rng(SEED).integers(0, 256, (shape.rows, shape.blocks, size), np.uint8)
    raw[:, :, [1, 3] if size == BLOCK_BYTES else [209]] &= 0xBF
    return raw


def write_model(path: Path, tensors: Iterable[tuple[str, Shape]], *, dense: bool) -> Path:
    """Write a GGUF file of Q4_K tensors and return its path.

    A ``dense`` one has random rows everywhere, the same ones in all tensors of a shape; another one has a random
    first super-block in each tensor, and a hole behind it that takes no room on the disk.
    """
    tensors = list(tensors)
    sizes = [shape.rows * shape.blocks * BLOCK_BYTES for _, shape in tensors]
    places = [sum(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes[:n]) for n in range(len(sizes) + 1)]
    infos = [_info(name, shape, place) for (name, shape), place in zip(tensors, places, strict=False)]
    header = _header(infos, [_entry("general.architecture", STRING, _string("benchmark"))])
    filling = {shape: random_rows(shape if dense else Shape(1, 1)) for _, shape in tensors}
    with path.open("wb") as file:
        file.write(header)
        for (_, shape), place in zip(tensors, places, strict=False):
            file.seek(len(header) + place)
            file.write(filling[shape].data)
        file.truncate(len(header) + places[-1])
    return path


def down_tensors(layers: int, shape: Shape = DOWN) -> list[tuple[str, Shape]]:
    """Return the ffn_down tensors of some layers."""
    return [(f"blk.{layer}.ffn_down.weight", shape) for layer in range(layers)]


def ffn_tensors(layers: int, up: Shape = UP, down: Shape = DOWN) -> list[tuple[str, Shape]]:
    """Return all three FFN tensors of some layers."""
    shapes = (("gate", up), ("up", up), ("down", down))
    return [(f"blk.{layer}.ffn_{name}.weight", shape) for layer in range(layers) for name, shape in shapes]


def write_vocabulary(path: Path, tokens: int) -> Path:
    """Write a GGUF file with a vocabulary (texts, scores, kinds) and one tensor; return its path."""
    texts = b"".join(_string(f"token {n}") for n in range(tokens))
    entries = [
        _entry("general.architecture", STRING, _string("benchmark")),
        _array("tokenizer.ggml.tokens", STRING, tokens, texts),
        _array("tokenizer.ggml.scores", F32, tokens, np.zeros(tokens, "<f4").tobytes()),
        _array("tokenizer.ggml.token_type", I32, tokens, np.ones(tokens, "<i4").tobytes()),
    ]
    header = _header([_info("blk.0.ffn_down.weight", Shape(256, 1), 0)], entries)
    path.write_bytes(header + random_rows(Shape(256, 1)).tobytes())
    return path


def _header(infos: list[bytes], entries: list[bytes]) -> bytes:
    """Return all that stands before the data, padded."""
    header = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(entries)) + b"".join(entries) + b"".join(infos)
    return header + bytes(-len(header) % ALIGNMENT)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _entry(key: str, kind: int, payload: bytes) -> bytes:
    return _string(key) + struct.pack("<I", kind) + payload


def _array(key: str, kind: int, count: int, payload: bytes) -> bytes:
    return _entry(key, ARRAY, struct.pack("<IQ", kind, count) + payload)


def _info(name: str, shape: Shape, offset: int) -> bytes:
    """Return a tensor info; GGUF has the row length first."""
    return _string(name) + struct.pack("<IQQIQ", 2, shape.blocks * BLOCK_WEIGHTS, shape.rows, Q4_K, offset)
