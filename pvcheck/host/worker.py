"""The worker process: ``python -P -m pvcheck.host.worker SETUP``. It serves evaluations until nobody asks.

Requests come in by one pipe, one answer for each goes out by another. Standard input is empty; what an
evaluator prints goes to a log that the host reads along. This contains accidents, not malice: an evaluator
has the rights of the user who started pvcheck.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from contextlib import suppress
from json import loads
from operator import index
from threading import Lock
from typing import TYPE_CHECKING, Final

from pvcheck.host import frames, orphans, registry, splitting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pvcheck.domain.canonical import JSON

LOST: Final = 74
"""The exit status of a worker that cannot answer."""
INTERVAL: Final = 0.1
"""Seconds between two reports of progress, however often an evaluator reports."""


class Stop:
    """Whether the host wants the evaluation to stop: it says so by SIGTERM."""

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """Listen anew: an earlier evaluation may have taken the signal for itself."""
        self._asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def is_asked(self) -> bool:
        """Say whether it was asked since the last evaluation."""
        return self._asked

    def _ask(self, *_: object) -> None:
        """Note the signal, and do nothing that could disturb what it interrupts."""
        self._asked = True


class Channel:
    """Both pipes, seen from the worker."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = requests
        self._answers = answers
        self._process = os.getpid()
        self._lock = Lock()
        self._may_report = False
        self._next_report = 0.0
        self._identities = (_identity(requests), _identity(answers))
        for descriptor in (requests, answers):
            os.set_inheritable(descriptor, False)  # no program that an evaluator starts may hold them

    def receive(self) -> JSON | None:
        """Return the next request, or None when nobody asks any more."""
        request = self._message()
        if request is not None and (batches := request.pop("batches", 0)):
            request["measurements"] = [text for _ in range(batches) for text in self._message() or ()]
        self._may_report = request is not None
        return request

    def _message(self) -> JSON | None:
        """Return the next message, or None when there are no more."""
        head = self._exactly(frames.HEAD)
        return frames.unpacked(self._exactly(frames.size(head))) if head else None

    def report(self, done: int, total: int) -> None:
        """Tell how far the evaluation is, if it is time for that; haste and nonsense are ignored.

        So is a copy of the worker, and a thread that goes on after the answer: only one of them writes at a time.
        """
        if time.monotonic() < self._next_report:
            return
        try:
            done, total = index(done), index(total)
        except BaseException:  # noqa: BLE001 - a foreign number may raise anything
            return
        if not 0 <= done <= total <= frames.MAX_COUNT or not self._is_ours():
            return
        with self._lock:
            if self._may_report and time.monotonic() >= self._next_report:
                self._next_report = time.monotonic() + INTERVAL
                self._write(frames.progress(done, total))

    def send(self, message: JSON) -> None:
        """Send one answer, if this is the worker and its pipe is still the one it was given.

        An evaluator may have closed every descriptor and opened files of its own at the same numbers; and
        a copy of the worker that it forked must not answer in the worker's place.
        """
        if not self._is_ours():
            os._exit(LOST)
        with self._lock:
            self._may_report = False
            self._write(frames.packed(message))

    def _is_ours(self) -> bool:
        """Say whether this is the worker, and its pipes are still the ones it was given."""
        found = (_identity(self._requests), _identity(self._answers))
        return os.getpid() == self._process and self._identities == found

    def _write(self, message: bytes) -> None:
        """Write all of a message."""
        data = memoryview(message)
        while data:
            data = data[os.write(self._answers, data) :]

    def _exactly(self, size: int) -> bytes:
        """Return so many bytes of the request pipe, or none at its end."""
        data = b""
        while len(data) < size:
            piece = os.read(self._requests, size - len(data))
            if not piece:
                return b""
            data += piece
        return data


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Return what a descriptor stands for, or None where it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def confine(setup: Mapping[str, JSON]) -> None:
    """Set the limits of this process. None of them can be raised again."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, setup["data_bytes"]),
        (resource.RLIMIT_FSIZE, setup["file_bytes"]),
        (resource.RLIMIT_NOFILE, setup["open_files"]),
    ):
        _, hard = resource.getrlimit(kind)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))


def warm(modules: Sequence[str]) -> None:
    """Import what will be needed soon. What fails here fails again, and is told, when it is needed."""
    for module in modules:
        with suppress(BaseException):
            registry.load(module.partition(":")[0])


def serve(channel: Channel) -> None:
    """Answer requests until there are no more, or until an evaluator has left the process unfit for another."""
    stop = Stop()
    while (request := channel.receive()) is not None:
        stop.listen()
        answer, is_fit = splitting.answer(request, progress=channel.report, cancelled=stop.is_asked)
        channel.send(answer | {"nonce": request["nonce"], "last": not is_fit})
        if not is_fit:
            return


def main(arguments: Sequence[str]) -> None:
    """Run the worker. The setup is JSON: both descriptors, the parent, the limits, and what to import ahead."""
    setup = loads(arguments[0])
    orphans.die_with_parent()
    if os.getppid() != setup["parent"]:
        return  # it died before the line above
    confine(setup)
    channel = Channel(setup["requests"], setup["answers"])
    warm(setup["warm"])
    serve(channel)


if __name__ == "__main__":
    main(sys.argv[1:])
