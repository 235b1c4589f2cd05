"""What the host hands to a measuring function: inputs, device, seed, threads, and two ways to talk while it runs."""

from __future__ import annotations

import mmap
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

from pvcheck.domain import digest
from pvcheck.plugin.faults import Door

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from pvcheck.plugin.ahead import Ahead

A = TypeVar("A")

AHEAD_LEAST = 1 << 24
"""Bytes that are worth a thread which hashes them: 10 ms."""
AHEAD_PART = 16
"""No more than one part in so many of what was read waits to be hashed; finding out what may be has its price too."""


class NotMeasured(Exception):  # noqa: N818 - it is an answer, not an error
    """Raised by an evaluator that cannot measure here; its text is the reason a reader sees."""


class Cancelled(Exception):  # noqa: N818 - a wish of the host, not an error
    """Raised by ``Context.check`` when the host wants an evaluation to stop; let it pass, after tidying up."""


class InputError(Exception):
    """Raised by an evaluator whose input is not what it needs; its text says what and where."""


class Source:
    """One input file, read through a map and never copied; it remembers which bytes were read.

    The bytes come from the file that was opened: replacing the path changes nothing here.
    """

    def __init__(self, path: str, format: str = "", *, hashes_ahead: bool = False) -> None:  # noqa: A002 - the contract's word
        """Open a regular file.

        :param format: what the contract declares it to be, or empty where nobody says.
        :param hashes_ahead: hash what is read of a large file while it is read, as ``read_digest`` will be asked for.
        :raises InputError: if it is missing, cannot be opened, or is a directory, pipe or device.
        """
        self.path = path
        self.format = format
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: not a regular file")
            self.size = status.st_size
            self._map = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if self.size else None
        finally:
            os.close(descriptor)
        self._read: list[tuple[int, int]] = []
        self._hashes_ahead = hashes_ahead
        self._ahead: Ahead | None = None
        self._end = self._hashed = self._fresh = 0
        self._due = AHEAD_LEAST

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the map; views that are still held keep it alive."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None
        if self._map is not None:
            try:
                self._map.close()
            except BufferError:
                return  # a view of an array is still held: the map goes when it goes
            self._map = None

    def view(self, offset: int, size: int) -> memoryview:
        """Return ``size`` bytes from ``offset`` without copying, and record that they were read.

        :raises InputError: if the range is not inside the file.
        """
        self._check(offset, size)
        if size == 0 or self._map is None:
            return memoryview(b"")
        if self._hashes_ahead:
            # While views go up through the file, a gap before one of them means that no range before it grows any more.
            if self._fresh >= self._due and offset > self._end:
                self._hash()
            self._fresh += size
            self._end = max(self._end, offset + size)
        self._read.append((offset, size))
        return memoryview(self._map)[offset : offset + size]

    def asked_for_all(self) -> None:
        """Say that most views of a large input were asked for: their bytes may be hashed while they are used.

        A promise is not needed. A view of other bytes later on costs time, since the hashing may have to start again.
        """
        if self._fresh >= AHEAD_LEAST:
            self._hash()

    def release(self, offset: int, size: int) -> None:
        """Give back the memory that holds these bytes of the map, of whole pages only.

        Views stay valid: their bytes come from the file again. A measurement that goes through a file larger than
        the memory at hand calls this after each part.

        :raises InputError: if the range is not inside the file.
        """
        self._check(offset, size)
        start = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
        stop = (offset + size) // mmap.PAGESIZE * mmap.PAGESIZE
        if self._map is not None and start < stop:
            self._map.madvise(mmap.MADV_DONTNEED, start, stop - start)

    def _check(self, offset: int, size: int) -> None:
        """Refuse a range that is not inside the file."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise InputError(f"{self.path}: bytes {offset} to {offset + size} of a file of {self.size}")

    def _hash(self) -> None:
        """Have all ranges hashed that were read so far."""
        from pvcheck.plugin.ahead import Ahead  # noqa: PLC0415 - small inputs need no thread

        assert self._map is not None  # noqa: S101 - told to the type checker: there were bytes to read
        if self._ahead is None:
            self._ahead = Ahead(memoryview(self._map))
        self._ahead.hash(self.ranges())
        self._hashed += self._fresh
        self._fresh = 0
        self._due = max(AHEAD_LEAST, self._hashed // AHEAD_PART)

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the (offset, size) of all bytes read so far, in order and joined where they touch."""
        joined: list[tuple[int, int]] = []
        for offset, size in sorted(self._read):
            if joined and offset <= sum(joined[-1]):
                start, length = joined[-1]
                joined[-1] = (start, max(length, offset + size - start))
            else:
                joined.append((offset, size))
        return tuple(joined)

    def read_digest(self) -> str:
        """Return the SHA-256 of the ranges read: each as its offset and size (u64, little-endian), then its bytes."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead.digest(self.ranges())
        if self._map is None:
            return digest.of_ranges(memoryview(b""), ())
        with memoryview(self._map) as view:
            return digest.of_ranges(view, self.ranges())


def _no_progress(done: int, total: int) -> None:
    """Report to nobody."""


def _never() -> bool:
    """Return False: nobody is there who could ask."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The world of one evaluation.

    ``inputs`` are open files by the names of the contract; ``device`` is "cpu" or "cuda"; ``threads``
    the most threads to use; ``fault`` the declared fault to plant, if any; ``root`` the folder of the
    project, for evaluators that run programs there; ``progress(done, total)`` may be called as often as
    one likes; ``cancelled()`` says whether the host wants the evaluation to stop. It then has half a second to
    tidy up.
    """

    inputs: Mapping[str, Source]
    device: str = "cpu"
    seed: int = 0
    threads: int = 1
    fault: str | None = None
    root: str = ""
    progress: Callable[[int, int], None] = _no_progress
    cancelled: Callable[[], bool] = _never
    door: Door = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the door that arrays come in by."""
        object.__setattr__(self, "door", Door(self.fault, self.seed))  # the one way into a frozen value

    def received(self, array: A, name: str) -> A:
        """Return an array that was read from an input: the same object, unless a generic fault is to be planted.

        Then the first array that can hold the fault comes back as a changed copy. An evaluator that says
        ``takes_arrays`` passes each array through here before it uses it; where it compares two sides, the one
        on trial first. An array is NumPy's, or a list or tuple of numbers.

        :param name: what the array is, for the reason that a reader sees.
        """
        return self.door.passed(array, name)

    def check(self) -> None:
        """Do nothing, unless the host wants the evaluation to stop.

        :raises Cancelled: if it does. Call this between parts of a long measurement.
        """
        if self.cancelled():
            raise Cancelled("the host asked the evaluation to stop")
