"""Hashing what is read of an input while it is read: in a thread, as far as nothing that comes later can change it.

The digest of ranges starts each of them with its size, so a range can be hashed when it is known to grow no more.
"""

from __future__ import annotations

import hashlib
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from pvcheck.domain import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    Range = tuple[int, int]

PIECE = 1 << 25
"""Bytes hashed at once. A compiled kernel may keep the interpreter for itself: so many go on without asking for it."""


class Ahead:
    """The digest of ranges of ``data``, begun before all of them are known."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._asked: list[Range] = []
        self._queue: SimpleQueue[Range | None] = SimpleQueue()
        self._state = hashlib.sha256()
        self._stopped = False
        self._lock = Lock()
        self._thread = Thread(target=self._run, name="pvcheck-digest", daemon=True)
        self._thread.start()

    def hash(self, ranges: Sequence[Range]) -> None:
        """Hash these ranges, which begin with those that were asked for before; where they do not, do nothing."""
        with self._lock:
            known = len(self._asked)
            if list(ranges[:known]) == self._asked:
                for each in ranges[known:]:
                    self._asked.append(each)
                    self._queue.put(each)

    def digest(self, ranges: Sequence[Range]) -> str:
        """Return the digest of exactly these ranges, computed anew if others were hashed ahead. Nothing may follow."""
        self.hash(ranges)
        self._stopped = self._asked != list(ranges)
        self._queue.put(None)
        self._thread.join()
        with self._data:
            return digest.of_ranges(self._data, ranges) if self._stopped else self._state.hexdigest()

    def close(self) -> None:
        """End the thread after the piece it is at, and let go of the data."""
        self._stopped = True
        self._queue.put(None)
        self._thread.join()
        self._data.release()

    def _run(self) -> None:
        """Hash what is asked for until nothing more is."""
        while (each := self._queue.get()) is not None:
            offset, size = each
            self._state.update(digest.head_of_range(offset, size))
            for at in range(offset, offset + size, PIECE):
                if self._stopped:
                    return
                self._state.update(self._data[at : min(at + PIECE, offset + size)])
