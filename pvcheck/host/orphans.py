"""Processes that outlive the one that started them: adopt them, find them, end them. Linux only; elsewhere a no-op."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from pvcheck.host.environment import MARK

SET_DEATH_SIGNAL: Final = 1
SET_SUBREAPER: Final = 36
GET_SUBREAPER: Final = 37


def prctl(option: int, argument: int | ctypes.Array[ctypes.c_char]) -> None:
    """Set a property of this process as Linux has it; elsewhere do nothing."""
    call = getattr(ctypes.CDLL(None), "prctl", None)
    if call is not None:
        call(option, argument, 0, 0, 0)


def adopt() -> bool:
    """Make this process the parent of its orphaned descendants; return whether it was so before."""
    before = ctypes.create_string_buffer(4)
    prctl(GET_SUBREAPER, before)
    prctl(SET_SUBREAPER, 1)
    return any(before.raw)


def disown() -> None:
    """Leave orphans to the system again."""
    prctl(SET_SUBREAPER, 0)


def die_with_parent() -> None:
    """Ask for the end of this process when the thread that started it ends."""
    prctl(SET_DEATH_SIGNAL, signal.SIGKILL)


def sweep(worker: int, mark: str) -> None:
    """End and reap what a dead worker left: children of ours of its session, or with its mark.

    The children of what is ended become ours in turn, until none is left.
    """
    while left := [pid for pid in _children() if _is_of(pid, worker, mark)]:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """Return the children of this process, whichever thread started them."""
    pids: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended meanwhile
            pids += map(int, path.read_text().split())
    return pids


def _is_of(pid: int, worker: int, mark: str) -> bool:
    """Say whether a process comes from a worker."""
    process = Path("/proc", str(pid))
    try:
        # The name of a program, in brackets, may hold blanks and brackets itself.
        session = int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[3])
        return session == worker or f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
