"""Requests of the system to end: they interrupt a command as Ctrl-C does, so that nothing of it is left."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

REQUESTS: Final = (signal.SIGTERM, signal.SIGHUP)


class Requests:
    """Listens to requests to end; one that whoever started us ignores, as ``nohup`` does, stays ignored."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._heard = [each for each in REQUESTS if signal.getsignal(each) is signal.SIG_DFL]
        for each in self._heard:
            signal.signal(each, self._interrupt)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        """Interrupt what is going on; of several requests the first one counts."""
        self._first = self._first or number
        raise KeyboardInterrupt

    def close(self, *, interrupted: bool) -> None:
        """Listen no more. What was asked to end ends by the signal that asked, as a shell or a service expects.

        :param interrupted: whether the user had enough: then the next Ctrl-C ends the process without a word.
        """
        for each in self._heard:
            signal.signal(each, signal.SIG_DFL)
        if interrupted:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if self._first is not None:
            os.kill(os.getpid(), self._first)
