"""Blocks, activations and files that the tests of the Q4_K plugin share, built from their descriptions."""

from __future__ import annotations

import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from pvcheck.plugin import Source

F32 = np.float32
ROOT = Path(__file__).resolve().parents[2]
TEACHERS = ROOT / "contracts" / "teachers"


def act(t=0):
    """Return the activation of 256 numbers that the recorded falsifiers use, each operation in float32."""
    return np.array([F32(F32(i - 128) * F32(0.05)) + F32(F32(i % 7 + t) * F32(0.01)) for i in range(256)], F32)


def base_block():
    """Return the super-block of falsifiers 007 and 008: d = 1, dmin = -0.25."""
    return tensor(0)[:1].copy()


def tensor(t):
    """Return 256 rows of one super-block each, the tensor ``t`` of falsifier 009."""
    rows = [
        bytes([0x00, 0x3C, 0x00, 0xB4])
        + bytes((7 * i + 3 + r + 11 * t) % 256 for i in range(12))
        + bytes((13 * i + 17 + 3 * r + 19 * t) % 256 for i in range(128))
        for r in range(256)
    ]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(256, 144).copy()


def same_bits(left, right):
    """Return whether two float arrays are equal bit for bit, every NaN counting as one."""
    left, right = np.atleast_1d(left), np.atleast_1d(right)
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    nan = np.isnan(left)
    kind = {4: np.uint32, 8: np.uint64}[left.dtype.itemsize]
    return bool((nan == np.isnan(right)).all() and (left.view(kind)[~nan] == right.view(kind)[~nan]).all())


SPECIAL_HALVES = (0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0xB400, 0x7BFF, 0xFBFF)
WRONG_HALVES = (0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFFFF)


@st.composite
def q4k_blocks(draw, *, finite=False, most=3):
    """Draw 1 to ``most`` super-blocks: any scales and codes, d and dmin of every kind, or finite ones only."""
    half = st.sampled_from(SPECIAL_HALVES) | st.integers(0, 0x7BFF) | st.integers(0x8000, 0xFBFF)
    if not finite:
        half |= st.sampled_from(WRONG_HALVES)
    rows = [
        struct.pack("<HH", draw(half), draw(half)) + draw(st.binary(min_size=140, max_size=140))
        for _ in range(draw(st.integers(1, most)))
    ]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 144).copy()


SPECIAL_NUMBERS = (0.0, -0.0, 1e-45, -1e-38, 1e-10, 3.4028235e38, -3.4028235e38, 1e-11)
WRONG_NUMBERS = (float("inf"), float("-inf"), float("nan"))


@st.composite
def activations(draw, count, *, finite=False):
    """Draw 256 * count float32 activations of any size, with some special numbers among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    numbers = rng.standard_normal(256 * count) * 10.0 ** draw(st.sampled_from((-43, -30, -11, -3, 0, 2, 37)))
    with np.errstate(over="ignore"):
        x = np.clip(numbers, -3.4e38, 3.4e38).astype(F32)
    if draw(st.booleans()):  # exact halves of the largest: where rounding rules part
        x = (rng.integers(-254, 255, 256 * count) / 2).astype(F32)
        x[::256] = 127
    pool = SPECIAL_NUMBERS if finite else SPECIAL_NUMBERS + WRONG_NUMBERS
    for at, number in draw(st.lists(st.tuples(st.integers(0, x.size - 1), st.sampled_from(pool)), max_size=3)):
        x[at] = number
    return x


@st.composite
def rows(draw):
    """Draw a row of super-blocks and an activation of its length."""
    raw = draw(q4k_blocks())
    return raw, draw(activations(raw.shape[0]))


def string(text):
    """Return a GGUF string."""
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, kind, payload):
    """Return a GGUF metadata entry."""
    return string(key) + struct.pack("<I", kind) + payload


def info(name="t", dims=(256, 2), kind=12, offset=0):
    """Return a GGUF tensor info."""
    shape = struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
    return string(name) + shape + struct.pack("<IQ", kind, offset)


def gguf_bytes(entries=(), infos=(), data=b"", *, start=b"GGUF\3\0\0\0", counts=None, align=32):
    """Return a GGUF file of the given parts, sound if they are; ``counts`` are (tensors, entries)."""
    counts = counts or (len(infos), len(entries))
    header = start + struct.pack("<QQ", *counts) + b"".join(entries) + b"".join(infos)
    return header + bytes(-len(header) % align) + data


def q4k_file(layers, *, kind=12, pattern="blk.{}.ffn_down.weight"):
    """Return a GGUF file with one tensor of super-blocks a layer, {number: bytes of (n, 144)}."""
    infos, data = [], b""
    for number, raw in layers.items():
        infos.append(info(pattern.format(number), (256, len(raw)), kind, len(data)))
        data += raw.tobytes() + bytes(-raw.nbytes % 32)
    return gguf_bytes([entry("general.architecture", 8, string("test"))], infos, data)


@contextmanager
def opened(data):
    """Open bytes as a source file."""
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(data)
        file.flush()
        with Source(file.name) as source:
            yield source
