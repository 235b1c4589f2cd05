"""What the memory of this machine gives: bytes a second of a compiled sum and of a copy, at any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import numba
import numpy as np
from measuring import Times, interleaved

if TYPE_CHECKING:
    import numpy.typing as npt

    U64 = npt.NDArray[np.uint64]


@numba.njit(nogil=True)
def _sum(words: U64) -> np.uint64:
    """Add up four streams at once: one alone leaves a fifth of the bandwidth unused."""
    quarter = words.size // 4
    a, b, c, d = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    for i in range(quarter):
        a += words[i]
        b += words[i + quarter]
        c += words[i + 2 * quarter]
        d += words[i + 3 * quarter]
    return a + b + c + d


class Bandwidth:
    """Measures each number once, on a buffer that must be larger than the last cache."""

    def __init__(self, size: int, rounds: int) -> None:
        """Take the size of the buffer in bytes, and how often it is read."""
        self._words = np.ones(size // 8, np.uint64)
        self._copy = np.zeros_like(self._words)
        self._rounds = rounds
        self.size = self._words.nbytes
        self.read = cache(self._read)
        self.copy = cache(self._copied)

    def needed(self, size: int, threads: int) -> float:
        """Return the seconds that reading so many bytes needs at least: at the best rate that was seen."""
        return size / self.size * self.read(threads).least

    def once(self, threads: int) -> None:
        """Read the buffer once."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_sum, np.array_split(self._words, threads)))

    def _read(self, threads: int) -> Times:
        """Return the times of reading the buffer."""
        return interleaved({"read": lambda: self.once(threads)}, self._rounds)["read"]

    def _copied(self, threads: int) -> Times:
        """Return the times of copying the buffer: each byte is read once and written once."""
        pairs = list(zip(np.array_split(self._copy, threads), np.array_split(self._words, threads), strict=True))
        with ThreadPoolExecutor(threads) as pool:
            return interleaved({"copy": lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs))}, self._rounds)[
                "copy"
            ]
