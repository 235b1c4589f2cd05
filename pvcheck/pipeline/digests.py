"""Whole-file digests of inputs, computed beside the measuring and once a file.

A record needs one of two digests of an input: of the whole file, or of the ranges that were read. The first is taken
where the contract declares it, as nothing else shows that the file is the declared one; and of small files, where it
costs nothing. A large file that no contract pins is not read for a digest that nobody compares.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 1 << 20
SMALL = 16 << 20
"""Bytes of an input that is hashed as a whole in any case: 10 ms, and `pv validate` hashes such a file again."""


class Digests:
    """SHA-256 of files in a thread of their own: hashing lets the interpreter go."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._known: dict[Path, Future[str]] = {}
        self._closed = False

    def start(self, path: Path, *, declared: bool) -> Future[str] | None:
        """Start hashing a file, unless that was done already, or nobody needs it: then return None.

        :param declared: whether the contract says what the digest is to be.
        :returns: the digest to come; asking for it raises OSError if the file cannot be read.
        """
        if path not in self._known and (declared or _is_small(path)):
            self._known[path] = self._pool.submit(self._sha256, path)
        return self._known.get(path)

    def close(self) -> None:
        """Stop: nobody waits for the digest of a large file after an interrupt."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _sha256(self, path: Path) -> str:
        """Return the SHA-256 of a regular file; a pipe is refused, since opening it would wait for a writer."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor that was checked
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            found, buffer = hashlib.sha256(), memoryview(bytearray(CHUNK))
            while size := file.readinto(buffer):
                if self._closed:
                    raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
                found.update(buffer[:size])
            return found.hexdigest()


def _is_small(path: Path) -> bool:
    """Say whether a file is small; of one that nobody can look at, hashing it says why."""
    try:
        return path.stat().st_size <= SMALL
    except OSError:
        return True
