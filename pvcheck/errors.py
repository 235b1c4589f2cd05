"""Findings, and the errors pvcheck raises on purpose with the exit status each one maps to.

* PvError
  - ContractError      a contract is at fault              exit 1
  - ConfigError        the command or its settings are     exit 2
  - NotMeasuredError   the machine or a plugin is          exit 3
  - EmptyError         nothing was selected                exit 4
  - EvidenceError      a record is not what it claims      exit 5
  - BugError           pvcheck is                          exit 70

A violated contract is a result, not an error, and is never raised.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SHOWN = 200
"""Characters of foreign text that one message shows: a hostile file must not fill a terminal."""


EXIT_ORDER = (130, 70, 2, 5, 1, 3, 4, 0)
"""Exit statuses by rank, the one that wins first."""


class Severity(StrEnum):
    """How much a finding weighs: only an error changes an exit status by itself."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """One thing to say about one place: where, which rule, what is wrong, and the way out.

    ``line`` and ``column`` count from 1, in characters; 0 means "the file as a whole".
    """

    code: str
    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    hint: str = ""
    severity: Severity = Severity.ERROR
    exit_code: int = 1
    """The exit status that this finding asks for, where its severity makes it count."""

    def __str__(self) -> str:
        where = self.path
        if self.line:
            where = f"{where}:{self.line}:{self.column}"
        return f"{where}: {self.code} {self.message}" if where else f"{self.code} {self.message}"


def worst(codes: Iterable[int]) -> int:
    """Return the exit status of several that happened together.

    A crash outranks a usage error, a forged record outranks a failed claim, and "could not tell"
    never hides a "no".
    """
    return min(codes, key=EXIT_ORDER.index, default=0)


class PvError(Exception):
    """An end that pvcheck chose, with one finding or several in the order of their files."""

    exit_code: ClassVar[int] = 70

    def __init__(self, findings: Finding | Iterable[Finding]) -> None:
        self.findings = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__("\n".join(map(str, self.findings)))


class ContractError(PvError):
    """A contract is at fault."""

    exit_code = 1


class ConfigError(PvError):
    """The command line, the configuration or the set of plugins is at fault."""

    exit_code = 2


class NotMeasuredError(PvError):
    """The machine or a plugin is at fault: nobody can tell whether the claim holds."""

    exit_code = 3


class EmptyError(PvError):
    """Nothing was selected, so a green answer would mean nothing."""

    exit_code = 4


class EvidenceError(PvError):
    """A record is not what it claims to be."""

    exit_code = 5


class BugError(PvError):
    """Pvcheck is at fault: a promise of its own did not hold, so nothing was written."""

    exit_code = 70


def escaped(text: str, limit: int = MAX_SHOWN) -> str:
    r"""Return foreign text fit for a terminal and a CI log: printable, on one line, short.

    Everything that is not printable becomes a backslash escape, so that no file can move a
    cursor, start a workflow command on a line of its own or hide its text.
    """
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)


def inert(line: str) -> str:
    r"""Return a line that no CI system takes for a command: what would begin one becomes a backslash escape.

    GitHub reads ``::error::`` at the start of a line, blanks before it or not, and ``##[error]`` anywhere in it; others
    read ``##vso[...]`` and ``##teamcity[...]``. A file name or the text of a contract may hold any of them.
    """
    if "##" in line:
        import re  # noqa: PLC0415 - hardly any line has one

        line = re.sub(r"#(?=#[\w.-]*\[)", r"\\x23", line)
    body = line.lstrip()
    return f"{line[: -len(body)]}\\x3a{body[1:]}" if body.startswith("::") else line


def quoted(text: str, limit: int = 60) -> str:
    """Return foreign text escaped and between quotes, for the middle of a message."""
    return f'"{escaped(text, limit)}"'
