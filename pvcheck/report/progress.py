"""One line on a terminal about the work that goes on, rewritten in place; nothing where nobody looks."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self

from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

PATIENCE: Final = 2.0
"""Seconds that a reader waits without asking what is going on."""
TICK: Final = 0.5
"""Seconds between two looks at the clock while nothing is told."""
MAX_NAME: Final = 50
"""Characters of an id that are shown."""
MANY_BYTES: Final = 10**6
_CLEARED: Final = "\r\x1b[K"


class Piece:
    """One piece of work: its name, when it began, and how much of it is done."""

    def __init__(self, name: str, unit: str, began: float) -> None:
        self.name = escaped(name, MAX_NAME)
        self._unit = unit
        self._began = began
        self._done = self._total = 0

    def take(self, done: int, total: int) -> None:
        """Note how much is done."""
        self._done, self._total = done, total

    def told(self, now: float) -> str:
        """Return the name, what is done, how fast, and how long the rest takes at that speed."""
        if not self._total:
            return self.name
        told = f"{self.name}  {self._amount(self._done)}/{self._amount(self._total)}"
        passed = now - self._began
        if not self._done or passed <= 0:
            return told
        rate = self._done / passed
        left = self._total - self._done
        return f"{told}  {self._speed(rate)}{f'  {remaining(left / rate)}' if left else ''}"

    def _amount(self, number: int) -> str:
        """Return a number of things, or of bytes in millions."""
        return f"{number / MANY_BYTES:.0f} M{self._unit}" if self._unit else str(number)

    def _speed(self, rate: float) -> str:
        """Return things in a second."""
        return f"{rate / MANY_BYTES:.0f} M{self._unit}/s" if self._unit else f"{rate:.3g}/s"


class Board:
    """What runs, on one line: the work that is being done, how fast, and how long it will take.

    The line is shown once there was something to wait for during ``PATIENCE`` seconds. Entered as a context, it is
    rewritten every ``TICK`` seconds too, so that a silent evaluation is seen to go on.
    """

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream if stream is not None and not stream.closed and stream.isatty() else None
        self._clock = clock
        self._running: dict[object, Piece] = {}
        self._latest: object = None
        self._expected = self._ended = 0
        self._began = clock()
        self._is_drawn = False
        self._stop: Callable[[], object] = _nothing

    def __enter__(self) -> Self:
        if self._stream is not None:
            self._stop = _ticking(self.tick)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._clear()

    def expect(self, pieces: int) -> None:
        """Note that so many pieces of work are to come."""
        self._expected += pieces

    @contextmanager
    def shown(self, name: str, unit: str = "") -> Iterator[Callable[[int, int], None] | None]:
        """Give what shows the progress of a piece of work, or None where the stream is no terminal.

        The line is gone when it ends. A terminal that goes away meanwhile costs nobody a measurement.

        :param unit: of what is counted: ``B`` for bytes, or nothing.
        """
        if self._stream is None:
            yield None
            return
        key = object()
        self._running[key] = piece = Piece(name, unit, self._clock())
        self._latest = key
        self.tick()

        def draw(done: int, total: int) -> None:
            piece.take(done, total)
            self._latest = key
            self.tick()

        try:
            yield draw
        finally:
            del self._running[key]
            self._ended += 1
            self._clear()

    def tick(self) -> None:
        """Rewrite the line, with the work that there is news of in front."""
        now = self._clock()
        running = dict(self._running)
        if self._stream is None or not running or now - self._began < PATIENCE:
            return
        key = self._latest if self._latest in running else next(iter(running))
        beside = f"  (and {len(running) - 1} more)" if len(running) > 1 else ""
        self._is_drawn = True
        line = f"{self._whole(now)}{running[key].told(now)}{beside}"
        _put(self._stream, f"{_CLEARED}{line[: _columns(self._stream) - 1]}")

    def _whole(self, now: float) -> str:
        """Return how far all of the work is, where there is more than one piece."""
        if self._expected < 2:
            return ""
        told = f"{self._ended} of {self._expected}"
        if self._ended:
            told += f", {remaining((now - self._began) / self._ended * (self._expected - self._ended))}"
        return f"{told}: "

    def _clear(self) -> None:
        """Take the line away."""
        if self._is_drawn and self._stream is not None:
            self._is_drawn = False
            _put(self._stream, _CLEARED)


def shown(
    name: str, stream: TextIO | None, clock: Callable[[], float] = time.monotonic, unit: str = ""
) -> AbstractContextManager[Callable[[int, int], None] | None]:
    """Give what shows the progress of one piece of work, or None where the stream is no terminal."""
    return Board(stream, clock).shown(name, unit)


def remaining(seconds: float) -> str:
    """Return how long something will take, as exactly as one can know."""
    if seconds < 100:
        return f"about {max(1, round(seconds))} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 100 else f"about {round(minutes / 60)} h left"


def _ticking(tick: Callable[[], None]) -> Callable[[], None]:
    """Call something again and again in a thread of its own; return what ends that."""
    from threading import Event, Thread  # noqa: PLC0415 - only where a person looks

    ended = Event()

    def work() -> None:
        while not ended.wait(TICK):
            tick()

    thread = Thread(target=work, name="progress", daemon=True)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join()

    return stop


def _nothing() -> None:
    """Do nothing."""


def _columns(stream: TextIO) -> int:
    """Return how wide a terminal is: a line that wraps cannot be rewritten in place."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _put(stream: TextIO, text: str) -> None:
    """Write to a terminal; what its encoding lacks becomes an escape."""
    encoding = stream.encoding or "utf-8"
    with suppress(OSError, ValueError):
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
