"""One line on a terminal about the evaluation that runs, rewritten in place; nothing where nobody looks."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

PATIENCE: Final = 2.0
"""Seconds that a reader waits without asking what is going on."""
MAX_NAME: Final = 50
"""Characters of an id that are shown: a line that wraps cannot be rewritten in place."""
_CLEARED: Final = "\r\x1b[K"


@contextmanager
def shown(
    name: str, stream: TextIO | None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int, int], None] | None]:
    """Give what shows the progress of an evaluation once it takes long, or None where the stream is no terminal.

    The line is gone afterwards. A terminal that goes away meanwhile costs nobody a measurement.
    """
    if stream is None or stream.closed or not stream.isatty():
        yield None
        return
    began = clock()
    is_drawn = False

    def draw(done: int, total: int) -> None:
        nonlocal is_drawn
        if clock() - began >= PATIENCE:
            is_drawn = True
            _put(stream, f"{_CLEARED}{escaped(name, MAX_NAME)}  {done}/{total}")

    try:
        yield draw
    finally:
        if is_drawn:
            _put(stream, _CLEARED)


def _put(stream: TextIO, text: str) -> None:
    """Write to a terminal; what its encoding lacks becomes an escape."""
    encoding = stream.encoding or "utf-8"
    with suppress(OSError, ValueError):
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
