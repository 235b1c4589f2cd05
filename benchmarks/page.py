"""The options that the benchmarks share, and the two places where a table goes: the terminal and docs/speed.md."""

from __future__ import annotations

import argparse
import fnmatch
import textwrap
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from measuring import ROOT, as_markdown, as_text, machine

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = ROOT / "docs" / "speed.md"
END = "<!-- end -->"
WIDTH = 100
QUICK = "quick: small shapes, nothing is judged, and no number means anything"


class Named(Protocol):
    """A line of a table before it is measured."""

    @property
    def name(self) -> str:
        """Return what ``--rows`` knows it by."""


R = TypeVar("R", bound=Named)


class Table(NamedTuple):
    """What a benchmark found: the command that repeats it, cells by column, and sentences below."""

    command: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]

    def text(self) -> str:
        """Return it for a terminal."""
        below = [line for note in self.notes for line in textwrap.wrap(note, WIDTH, subsequent_indent="  ")]
        above = textwrap.wrap(machine(), WIDTH, subsequent_indent="  ")
        return "\n".join((*above, "", as_text(self.columns, self.rows), "", *below))

    def markdown(self) -> str:
        """Return it for a page."""
        told = "\n".join(f"- {note}" for note in self.notes)
        return f"\n`{self.command}` on {machine()}:\n\n{as_markdown(self.columns, self.rows)}\n\n{told}\n\n"


def options(doc: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0])
    parser.add_argument("--rows", action="append", metavar="NAME", help="only these lines; * stands for any letters")
    parser.add_argument("--quick", action="store_true", help="small shapes: does it run at all?")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print the table as docs/speed.md holds it")
    form.add_argument("--write", action="store_true", help="put the table into docs/speed.md, too")
    return parser


def selected(parser: argparse.ArgumentParser, chosen: argparse.Namespace, rows: Sequence[R]) -> list[R]:
    """Return the rows that were asked for; end the process with status 2 if there are none, or too few for a page."""
    found = [row for row in rows if any(fnmatch.fnmatchcase(row.name, one) for one in chosen.rows or ["*"])]
    if not found:
        parser.error(f"no such row; there are {', '.join(dict.fromkeys(row.name for row in rows))}")
    if chosen.write and (chosen.quick or chosen.rows):
        parser.error("the page holds the whole table: --write goes with neither --quick nor --rows")
    return found


def tell(chosen: argparse.Namespace, table: Table) -> None:
    """Print a table, and write it into the page if that was asked for."""
    if chosen.quick:
        print(QUICK + "\n")
    print(table.markdown() if chosen.markdown else table.text())
    if chosen.write:
        PAGE.write_text(replaced(PAGE.read_text(), table.command, table.markdown()))


def replaced(page: str, command: str, text: str) -> str:
    """Return a page with another text between the marker of a command and the end that follows it.

    :raises ValueError: if the marker does not stand there once, with an end behind it.
    """
    begin = marker(command)
    before, found, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if not found or not end or begin in rest:
        raise ValueError(f"{PAGE.name} must have {begin.strip()} once, and {END} behind it")
    return f"{before}{begin}{text}{end}{after}"


def marker(command: str) -> str:
    """Return the line that stands before a table."""
    return f"<!-- table: {command} -->\n"
