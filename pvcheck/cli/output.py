"""Writing to a terminal or a pipe, and turning every end of a command into one message and one status."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from pvcheck.errors import PvError, escaped
from pvcheck.report import findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

UNWRITTEN = 3
BUG = 70
BUG_CODE = "PV900"
INTERRUPTED = 130


def show(lines: Iterable[str]) -> None:
    """Write lines to standard output; what its encoding lacks becomes a backslash escape."""
    for line in lines:
        _write(sys.stdout, line)


def complain(lines: Iterable[str]) -> None:
    """Write lines to standard error; where nobody can read them, the exit status has to do."""
    with suppress(OSError):
        for line in lines:
            _write(sys.stderr, line)


def guarded(command: Callable[[], object]) -> int:
    """Run a command and return its exit status; no traceback reaches a user who did not ask for one."""
    try:
        status = _flushed(command)
    except PvError as error:
        complain(findings.lines(error.findings))
        return error.exit_code
    except click.ClickException as error:
        with suppress(OSError):  # as in complain
            error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        complain(["interrupted"])
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the second is what click makes of the first; nobody else calls sys.exit
        _mute()
        return 0  # whoever read us has had enough
    except Exception as error:  # noqa: BLE001 - every end has a status
        return _broken(error)
    return status if isinstance(status, int) else 0


def _broken(error: Exception) -> int:
    """Tell what nobody expected: the output could not be written, or a bug."""
    if isinstance(error, OSError) and error.filename is None:  # it names no file, so it is about a stream
        why = (error.strerror or str(error)).lower()
        complain([f"PV711 cannot write: {why}", "  hint: make room, or send the output elsewhere"])
        return UNWRITTEN
    if os.environ.get("PV_DEBUG") == "1":
        import traceback  # noqa: PLC0415 - only to report a bug

        complain("".join(traceback.format_exception(error)).splitlines())
    message = f"{BUG_CODE} a bug of pvcheck: {error!r:.300}"
    complain([message, "  hint: run again with PV_DEBUG=1 and report the traceback"])
    return BUG


def _mute() -> None:
    """Send standard output nowhere from here on, so that the interpreter does not complain when it flushes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _flushed(command: Callable[[], object]) -> object:
    """Run a command, and find out while it can still be told that its output could not be written."""
    try:
        return command()
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _write(stream: object, line: str) -> None:
    """Write one line to a stream that may be closed or know few characters.

    Here, at the last door, whatever is not printable is escaped once more: no file name and no text of a plugin
    that some message forgot to escape can move a cursor or start a line of its own.
    """
    if stream is None:
        return
    if not line.isprintable():
        line = "\t".join(escaped(part, len(part)) for part in line.split("\t"))
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)  # type: ignore[arg-type]  # any stream
