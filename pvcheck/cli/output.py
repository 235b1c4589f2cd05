"""Writing to a terminal or a pipe, in colours or without, and turning every end of a command into one status."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from pvcheck.errors import PvError, escaped, inert
from pvcheck.report import findings
from pvcheck.report.styled import folded, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TextIO

    from pvcheck.errors import Finding
    from pvcheck.pipeline.checking import Checked
    from pvcheck.report.excerpts import Sources
    from pvcheck.report.styled import Role

UNKNOWN = 3
"""The status where nobody can tell: a file could not be read, or the output not be written."""
UNREAD = "PV708"
BUG = 70
OUR_WORDS = (click.MissingParameter, click.exceptions.NoArgsIsHelpError)
"""Refusals that quote nothing, and have several lines."""
SHORT = frozenset({errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EROFS})
"""What a machine says that has no room or no descriptors left, whichever file of ours it was about."""
MAX_MISUSE = 1000
"""Characters of a refusal that quotes the command line."""
BUG_CODE = "PV900"
INTERRUPTED = 130

COLOURS: Mapping[Role, str] = {
    "added": "32",
    "bad": "1;31",
    "code": "1;31",
    "dim": "2",
    "doubt": "33",
    "good": "32",
    "head": "1",
    "hint": "36",
    "mark": "1;31",
    "place": "1",
    "removed": "31",
    "warning": "33",
}
"""How a role looks: the eight colours that each theme of a terminal makes readable on its own ground, and weights."""
PLAIN = str.maketrans("▏▎▍▌▋▊▉█…", " ...:::#~")
"""What is drawn where the encoding of a stream has no such characters; each is as wide as the other."""
BEGAN = "pvcheck.began"
"""Where the context keeps when the command began, in nanoseconds."""
CHOICES: Mapping[str, bool | None] = {"auto": None, "always": True, "never": False}
"""What ``--color`` may say, and whether that means colours; None leaves it to the environment and the stream."""


def show(lines: Iterable[str]) -> None:
    """Write lines to standard output; what its encoding lacks becomes a backslash escape."""
    _put(sys.stdout, lines)


def tell(lines: Iterable[str]) -> None:
    """Write lines for a person: as ``show``, but on a terminal, those that do not fit are folded between words."""
    width = columns()
    show(lines if width is None else (part for line in lines for part in folded(line, width)))


def complain(lines: Iterable[str]) -> None:
    """Write lines to standard error; where nobody can read them, the exit status has to do."""
    with suppress(OSError):
        _put(sys.stderr, lines)


def columns() -> int | None:
    """Return how wide the terminal is, or None where standard output is none: then nothing is cut or left out."""
    if not _is_terminal(sys.stdout):
        return None
    from shutil import get_terminal_size  # noqa: PLC0415 - only for a person who waits longer than it takes

    return get_terminal_size().columns


def is_coloured(stream: TextIO | None, asked: bool | None, variables: Mapping[str, str]) -> bool:
    """Say whether a stream takes colours: as asked, else by NO_COLOR, FORCE_COLOR, TERM, and if it is a terminal."""
    if asked is not None:
        return asked
    if variables.get("NO_COLOR"):
        return False
    if any(variables.get(name, "") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return variables.get("TERM") != "dumb" and _is_terminal(stream)


def since() -> int | None:
    """Return when the command began: a source that was written later is not the one that was read."""
    context = click.get_current_context(silent=True)
    began = None if context is None else context.meta.get(BEGAN)
    return began if isinstance(began, int) else None


def sources() -> Sources:
    """Return the files as they were when the command began, for findings to be shown with."""
    from pvcheck.report.excerpts import Sources  # noqa: PLC0415 - a hook that finds nothing does without

    return Sources(since=since())


def _is_terminal(stream: TextIO | None) -> bool:
    """Say whether a person looks at a stream."""
    return stream is not None and not stream.closed and stream.isatty()


def blame(found: Iterable[Finding]) -> None:
    """Write findings with their sources to standard error."""
    if not (found := tuple(found)):
        return
    complain(findings.lines(found, sources=sources()))


def unread(checked: Iterable[Checked]) -> int:
    """Return the status of a command that only shows contracts: 3 if one of them is a file that cannot be read."""
    return UNKNOWN if any(each.code == UNREAD for file in checked for each in file.findings) else 0


def _asked() -> bool | None:
    """Return what ``--color`` says, before the command or after it."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.find_root().color


def guarded(command: Callable[[], object]) -> int:
    """Run a command and return its exit status; no traceback reaches a user who did not ask for one."""
    try:
        status = _flushed(command)
    except PvError as error:
        return refused(error)
    except click.ClickException as error:
        return _misused(error)
    except (KeyboardInterrupt, click.Abort):
        complain(["interrupted"])
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the second is what click makes of the first; nobody else calls sys.exit
        _mute()
        return 0  # whoever read us has had enough
    except Exception as error:  # noqa: BLE001 - every end has a status
        return _broken(error)
    return status if isinstance(status, int) else 0


def refused(error: PvError) -> int:
    """Tell why a command ended, and return its status."""
    blame(error.findings)
    return error.exit_code


def _misused(error: click.ClickException) -> int:
    """Tell how the command line is wrong, in click's words, and return the status; a word of it may be anybody's."""
    from io import StringIO  # noqa: PLC0415 - only for who misspelt something

    told = StringIO()
    error.show(told)
    message, text = error.format_message(), told.getvalue()
    if not isinstance(error, OUR_WORDS):
        text = text.replace(message, escaped(message, MAX_MISUSE))
    complain(text.expandtabs().splitlines())
    return error.exit_code


def _broken(error: Exception) -> int:
    """Tell what nobody expected: the output could not be written, or a bug."""
    if isinstance(error, OSError) and (error.filename is None or error.errno in SHORT):  # without a file: a stream
        where = "" if error.filename is None else f"{escaped(str(error.filename))}: "
        why = (error.strerror or str(error)).lower()
        elsewhere = "set TMPDIR to a folder that has some" if where else "send the output elsewhere"
        complain([f"{where}PV711 cannot write: {why}", f"  hint: make room, or {elsewhere}"])
        return UNKNOWN
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


def _put(stream: TextIO | None, lines: Iterable[str]) -> None:
    """Write lines to a stream that may be closed."""
    if stream is None:
        for _ in lines:  # what a line costs or finds wrong does not depend on who reads it
            pass
        return
    coloured = is_coloured(stream, _asked(), os.environ)
    for line in lines:
        pieces = pieces_of(line) if coloured else ((line, ""),)
        dressed = "".join([_dressed(text, role, stream) for text, role in pieces])
        click.echo(inert(dressed), file=stream, color=True)  # by whatever way foreign text came to begin it


def _dressed(text: str, role: Role, stream: TextIO) -> str:
    """Return a piece of text that a stream can take, in the colour of its role.

    Here, at the last door, whatever is not printable is escaped once more: no file name and no text of a plugin
    that some message forgot to escape can move a cursor or start a line of its own.
    """
    if not text.isprintable():
        text = "\t".join(escaped(part, len(part)) for part in text.split("\t"))
    if not text.isascii():
        text = _encodable(text, stream.encoding or "utf-8")
    return f"\x1b[{COLOURS[role]}m{text}\x1b[0m" if role and text else text


def _encodable(text: str, encoding: str) -> str:
    """Return a text in the characters of an encoding: others become escapes, and drawings are drawn with less."""
    try:
        text.encode(encoding)
    except UnicodeError:
        return text.translate(PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text
