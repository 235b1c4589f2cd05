"""SHA-256 digests as pvcheck writes them: of bytes, and of the ranges of a large file that were read."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "sha256:"
PATTERN = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
"""An evidence reference of ours. Any other text under ``evidence`` is upstream prose."""


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def of_ranges(data: memoryview, ranges: Iterable[tuple[int, int]]) -> str:
    """Return the SHA-256 over ranges: each as its offset and size (u64, little-endian), then its bytes."""
    digest = hashlib.sha256()
    for offset, size in ranges:
        digest.update(head_of_range(offset, size))
        digest.update(data[offset : offset + size])
    return digest.hexdigest()


def head_of_range(offset: int, size: int) -> bytes:
    """Return what stands before the bytes of a range in its digest: offset and size."""
    return offset.to_bytes(8, "little") + size.to_bytes(8, "little")
