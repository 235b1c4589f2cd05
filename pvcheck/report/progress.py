"""One line on a terminal about the evaluations that run, rewritten in place; nothing where nobody looks."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

PATIENCE: Final = 2.0
"""Seconds that a reader waits without asking what is going on."""
MAX_NAME: Final = 50
"""Characters of an id that are shown: a line that wraps cannot be rewritten in place."""
_CLEARED: Final = "\r\x1b[K"


class Board:
    """What runs, on one line: the evaluations that are being made, and how far the one is that told it last.

    The line is shown once there was something to wait for during ``PATIENCE`` seconds.
    """

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._running: dict[object, str] = {}
        self._counts: dict[object, str] = {}
        self._began = clock()
        self._is_drawn = False

    @contextmanager
    def shown(self, name: str) -> Iterator[Callable[[int, int], None] | None]:
        """Give what shows the progress of an evaluation, or None where the stream is no terminal.

        The line is gone when no evaluation is left. A terminal that goes away meanwhile costs nobody a measurement.
        """
        if self._stream is None or self._stream.closed or not self._stream.isatty():
            yield None
            return
        key = object()
        self._running[key] = escaped(name, MAX_NAME)
        self._draw(key)

        def draw(done: int, total: int) -> None:
            self._counts[key] = f"  {done}/{total}"
            self._draw(key)

        try:
            yield draw
        finally:
            del self._running[key]
            self._counts.pop(key, None)
            if self._is_drawn:
                self._is_drawn = False
                _put(self._stream, _CLEARED)

    def _draw(self, key: object) -> None:
        """Rewrite the line, with the evaluation that there is news of in front."""
        if self._stream is not None and self._clock() - self._began >= PATIENCE:
            self._is_drawn = True
            others = len(self._running) - 1
            beside = f"  (and {others} more)" if others else ""
            _put(self._stream, f"{_CLEARED}{self._running[key]}{self._counts.get(key, '')}{beside}")


def shown(
    name: str, stream: TextIO | None, clock: Callable[[], float] = time.monotonic
) -> AbstractContextManager[Callable[[int, int], None] | None]:
    """Give what shows the progress of one evaluation, or None where the stream is no terminal."""
    return Board(stream, clock).shown(name)


def _put(stream: TextIO, text: str) -> None:
    """Write to a terminal; what its encoding lacks becomes an escape."""
    encoding = stream.encoding or "utf-8"
    with suppress(OSError, ValueError):
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
