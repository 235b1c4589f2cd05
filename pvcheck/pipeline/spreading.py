"""Work on many items in several processes that are forked from this one, with the answers of a single one.

A child gets its share when it is forked, writes all its answers into a pipe, and ends without touching anything of
ours. What it does not answer, because it was killed, ran out of memory or met what it could not answer, is asked of
this process: so an end that is not ours costs time and changes nothing.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LEAST = 24
"""Items that are worth a process: fewer are done before it has started and its answers have come over."""
MOST = 8
"""Processes at most: each has a copy of the schemas and reads from the same disk."""
PATIENCE = 10.0
"""Seconds that a child may be silent when our own share is done, or twice what that took."""


class Child(NamedTuple):
    """A process and the end of the pipe that it answers through."""

    pid: int
    pipe: int


def processes(items: int) -> int:
    """Return how many processes are worth their start here: 1 where forking is not safe or there is one core.

    A process with several threads is not forked: a lock that another thread holds would stay held.
    """
    try:
        cores = len(os.sched_getaffinity(0))
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - how many there are
    except (AttributeError, OSError):  # no Linux
        return 1
    return max(1, min(cores, MOST, items // LEAST)) if threads == 1 else 1


def spread(
    items: Sequence[int],
    answer: Callable[[int], bytes | None],
    number: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[int, bytes]:
    """Return the answers to items by item; one that has none is left out.

    :param answer: returns bytes without a line end, or None. What it raises in a child counts as None there; what it
        raises here is raised.
    """
    shares = [items[index::number] for index in range(number)]
    children: list[Child] = []
    found: dict[int, bytes] = {}
    ended: set[int] = set()
    begun = time.monotonic()
    try:
        with suppress(OSError):  # no process and no pipe left: what has no child is asked here
            children += map(partial(_fork, answer), shares[1:])
        for done, each in enumerate(shares[0], 1):
            _put(found, each, answer(each))
            if on_progress is not None:
                on_progress(min(len(items), done * number), len(items))
        patience = max(PATIENCE, 2 * (time.monotonic() - begun))
        for child in children:
            answers, has_ended = _collected(child, patience)
            found |= answers
            ended |= {child.pid} if has_ended else set()
    finally:
        for child in children:
            _end(child, kill=child.pid not in ended)
    return found


def _put(found: dict[int, bytes], item: int, answer: bytes | None) -> None:
    """Keep an answer."""
    if answer is not None:
        found[item] = answer


def _fork(answer: Callable[[int], bytes | None], share: Iterable[int]) -> Child:
    """Start a process that answers a share. It ends without flushing what this one has yet to write."""
    ours, theirs = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    if pid:
        os.close(theirs)
        return Child(pid, ours)
    status = 1
    try:  # what is left of a child that somebody interrupts must not run on as a second one of us
        os.close(ours)
        _work(theirs, share, answer)
        status = 0
    finally:
        os._exit(status)


def _work(pipe: int, share: Iterable[int], answer: Callable[[int], bytes | None]) -> None:
    """Answer a share into a pipe: one line an item, the last one whole."""
    lines: list[bytes] = []
    for each in share:
        with suppress(Exception):  # the parent asks again, and there it is raised
            found = answer(each)
            lines += [] if found is None else [b"%d %b\n" % (each, found)]
    left = memoryview(b"".join(lines))
    while left:
        left = left[os.write(pipe, left) :]


def _collected(child: Child, patience: float) -> tuple[dict[int, bytes], bool]:
    """Return what a child answers, and whether it ended rather than fell silent; a line that broke off is none."""
    parts: list[bytes] = []
    has_ended = False
    while not has_ended and select.select([child.pipe], [], [], patience)[0]:
        parts.append(os.read(child.pipe, 1 << 20))
        has_ended = not parts[-1]
    lines = b"".join(parts).split(b"\n")[:-1]
    return {int(item): found for item, _, found in (line.partition(b" ") for line in lines)}, has_ended


def _end(child: Child, *, kill: bool) -> None:
    """Wait for the end of a process; one that may not have ended is killed."""
    os.close(child.pipe)
    if kill:
        os.kill(child.pid, signal.SIGKILL)  # we have not waited for it, so the number is still its own
    os.waitpid(child.pid, 0)
