"""What counts as a crash of a target: another error than ours, a second of work, 200 MB more of memory."""

from __future__ import annotations

import resource
import signal
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SECONDS: Final = 1.0
MEMORY: Final = 200 << 20
HANG: Final = 8.0
"""Seconds of work after which a call is ended: what takes one second and ends is told by the time it took."""
ROOT: Final = Path(__file__).resolve().parents[2]


class TooSlowError(Exception):
    """A call worked for more than a second."""


class TooLargeError(Exception):
    """A call made the process larger by more than 200 MB."""


class HangError(BaseException):
    """A call did not end. No ``except Exception`` on its way keeps it."""


class Watch:
    """Calls targets, and looks at what each call costs.

    :param factor: how much slower than usual this process is, since something counts its branches.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self.seconds = SECONDS * factor
        self.hang = HANG * factor
        with suppress(OSError):  # where the system can: what this process needed before hides nothing
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def call(self, target: Callable[[bytes], bool], data: bytes) -> bool:
        """Return whether the target understood the bytes.

        :raises Exception: whatever counts as a crash.
        """
        before, start = _peak(), time.process_time()
        with _ended_after(self.hang):
            understood = target(data)
        seconds, grown = time.process_time() - start, _peak() - before
        if seconds > self.seconds:
            raise TooSlowError(f"{seconds:.2f} s of work for {len(data)} bytes")
        if grown > MEMORY:
            raise TooLargeError(f"{grown >> 20} MB for {len(data)} bytes")
        return understood


def place_of(error: BaseException) -> str:
    """Return what tells one crash from another: the error and the last line of ours that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "/pvcheck" in each.filename] or frames
    where = f"{Path(ours[-1].filename).stem}-{ours[-1].lineno}" if ours else "nowhere"
    return f"{type(error).__name__}-{where}"


def _peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End what has worked for so long."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise HangError(f"{seconds:.0f} s of work, and no end")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
