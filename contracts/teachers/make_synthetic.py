"""Make the synthetic teacher, a small Q4_K file of 28 layers: ``python contracts/teachers/make_synthetic.py [PATH]``.

The same bytes on every machine: the weights come from the raw 64-bit integers of PCG64, through additions,
multiplications, divisions and square roots only, which IEEE rounds in one way, summed in a fixed order. No time, host
or library version goes into the file.

The weights are like those of a trained layer in what matters to the chain: bell-shaped with heavy tails (Student's t
with 5 degrees of freedom), with a spread of their own in each layer. SEED is the first one from 1 whose layers are all
reasonably conditioned, so that the file is a control: with it, every bound can hold for the right reason.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k.quantise import quantise_weights

if TYPE_CHECKING:
    import numpy.typing as npt

TARGET = Path(__file__).resolve().parent / "synthetic-28.gguf"
SEED = 1
LAYERS = 28
ROW = 256  # one super-block
ROWS = 8
FREEDOM = 5
UNIFORMS = 12  # the sum of twelve uniform numbers, less 6, has variance 1 and is close to a bell
ALIGNMENT = 32
Q4_K = 12
U32, STRING = 4, 8
ARCHITECTURE = "pvcheck-synthetic"


def main(target: Path) -> int:
    """Write the file to ``target``."""
    data = build(SEED)
    target.write_bytes(data)
    print(f"{target}: {len(data)} bytes, {LAYERS} layers, seed {SEED}")
    return 0


def build(seed: int) -> bytes:
    """Return the bytes of the GGUF file."""
    generator = np.random.PCG64(seed)
    tensors = [quantise_weights(layer_weights(generator)).tobytes() for _ in range(LAYERS)]
    metadata = [
        ("general.architecture", STRING, _string(ARCHITECTURE)),
        ("general.name", STRING, _string("Synthetic teacher, 28 layers")),
        ("general.alignment", U32, struct.pack("<I", ALIGNMENT)),
        (f"{ARCHITECTURE}.block_count", U32, struct.pack("<I", LAYERS)),
        (f"{ARCHITECTURE}.feed_forward_length", U32, struct.pack("<I", ROW)),
        (f"{ARCHITECTURE}.embedding_length", U32, struct.pack("<I", ROWS)),
        (f"{ARCHITECTURE}.seed", U32, struct.pack("<I", seed)),
    ]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(_string(key) + struct.pack("<I", kind) + value for key, kind, value in metadata)
    offset = 0
    data = b""
    for layer, tensor in enumerate(tensors):
        header += _string(f"blk.{layer}.ffn_down.weight") + struct.pack("<IQQIQ", 2, ROW, ROWS, Q4_K, offset)
        data += _padded(tensor)
        offset = len(data)
    return _padded(header) + data


def layer_weights(generator: np.random.PCG64) -> npt.NDArray[np.float32]:
    """Return the weights of one layer, ROW * ROWS of them, drawn from the generator."""
    spread = 0.01 + 0.03 * _uniform(generator, 1)[0]
    count = ROW * ROWS
    squares = np.zeros(count)
    for _ in range(FREEDOM):
        draw = _bell(generator, count)
        squares = squares + draw * draw
    return (spread * _bell(generator, count) / np.sqrt(squares / FREEDOM)).astype(np.float32)


def _bell(generator: np.random.PCG64, count: int) -> npt.NDArray[np.float64]:
    """Return numbers of mean 0 and variance 1 that are close to normal."""
    total = np.full(count, -UNIFORMS / 2)
    for _ in range(UNIFORMS):
        total = total + _uniform(generator, count)
    return total


def _uniform(generator: np.random.PCG64, count: int) -> npt.NDArray[np.float64]:
    """Return numbers from 0 to 1: the top 32 bits of each raw integer, over 2**32."""
    return (generator.random_raw(count) >> np.uint64(32)).astype(np.float64) / 2.0**32


def _string(text: str) -> bytes:
    """Return a GGUF string."""
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _padded(data: bytes) -> bytes:
    """Return bytes filled up with zeros to the alignment."""
    return data + bytes(-len(data) % ALIGNMENT)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
