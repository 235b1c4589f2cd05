"""A program in a pseudo-terminal: keys in, and what a person would see out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Self

from helpers import untraced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>()][AB0]?|\r")
PATIENCE = 30.0


class Terminal:
    """A process that believes a person sits before it; leave the context to end it."""

    def __init__(self, words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        self._end, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        environment = untraced()
        self._process = subprocess.Popen(
            words,
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=folder,
            env=environment | {"TERM": "xterm"} | variables,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - a shell wants a terminal of its own
        )
        os.close(other)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._end)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._end, keys.encode())

    def until(self, wanted: str, start: int = 0) -> str:
        """Return what was shown from a place on, as soon as it has some text in it."""
        deadline = time.monotonic() + PATIENCE
        while wanted not in self.seen[start:]:
            if not select.select([self._end], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{wanted!r} was not shown, but {self.seen[start:]!r}")
            try:
                more = os.read(self._end, 65536)
            except OSError:  # the other end was closed
                more = b""
            if not more:
                raise AssertionError(f"{wanted!r} was not shown before the end, but {self.seen[start:]!r}")
            # the shell fish asks what the terminal is, and waits for an answer
            if b"\x1b[c" in more or b"\x1b[0c" in more:
                self.type("\x1b[?62;c")
            self.seen += _ESCAPE.sub("", more.decode(errors="replace"))
        return self.seen[start:]

    def ended(self) -> int:
        """Return the exit status of a program that ends by itself."""
        while True:
            try:
                more = os.read(self._end, 65536)
            except OSError:
                more = b""
            if not more:
                return self._process.wait(PATIENCE)
            self.seen += _ESCAPE.sub("", more.decode(errors="replace"))
