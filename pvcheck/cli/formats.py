"""Formats for programs: the options of the commands that have them, and where the texts go.

The formats themselves are loaded where one is asked for: a hook that shows text waits for none of them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from pvcheck.cli.output import blame
from pvcheck.errors import ConfigError, Finding, PvError, escaped, worst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pvcheck.domain.canonical import JSON
    from pvcheck.report.machine.document import Head

TEXTS: Final = ("full", "concise")
"""The formats for people; they are what a command shows, and no document is made for them."""
MACHINES: Final[Mapping[str, str]] = {
    "json": "pvcheck.report.machine.plain",
    "github": "pvcheck.report.machine.github",
    "sarif": "pvcheck.report.machine.sarif",
    "junit": "pvcheck.report.machine.junit",
    "markdown": "pvcheck.report.machine.summary",
}
"""The formats that are made of a document, and the module whose ``text`` makes each."""
SUMMARY: Final = "summary"
"""Markdown that is put behind what a file holds, for the variable GITHUB_STEP_SUMMARY."""
REPORTS: Final = (*MACHINES, SUMMARY)
MAX_SUMMARY: Final = 1 << 20
"""Bytes that GitHub takes of the summary of a step; of more it shows nothing."""


class Report(NamedTuple):
    """A file to be written, and in which format."""

    form: str
    path: Path


def _reports(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Report, ...]:
    """Return FORMAT=PATH pairs; a format that does not exist is refused before anything is done."""
    found = []
    for value in values:
        form, _equals, path = value.partition("=")
        if form not in REPORTS or not path:
            raise click.BadParameter(f"write FORMAT=PATH with one of {', '.join(REPORTS)}, got {escaped(value, 60)}")
        found.append(Report(form, Path(path)))
    return tuple(found)


FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice([*TEXTS, *MACHINES]),
    default="full",
    help="How it is told: full and concise for people, the others for programs.",
)
REPORT = click.option(
    "--report",
    "reports",
    multiple=True,
    callback=_reports,
    metavar="FORMAT=PATH",
    help=f"Write a file besides, in one of the formats {', '.join(MACHINES)}; summary appends markdown to a file.",
)


class Outlet:
    """Where the document of one command goes: to files, to standard output, or nowhere."""

    def __init__(self, command: str, form: str, reports: Sequence[Report]) -> None:
        self.command = command
        self.form = form
        self.reports = reports

    @property
    def is_text(self) -> bool:
        """Whether a person reads standard output."""
        return self.form in TEXTS

    @property
    def is_full(self) -> bool:
        """Whether a person wants all of it."""
        return self.form == TEXTS[0]

    @property
    def is_wanted(self) -> bool:
        """Whether a document is to be made."""
        return bool(self.reports) or not self.is_text

    @contextmanager
    def open(self, paths: Sequence[str], taken: Iterable[Path | None] = ()) -> Iterator[None]:
        """Refuse places where no report can be written; then see to it that an end that pv chose is reported too.

        :param paths: of the contracts, as the command line names them.
        :param taken: other files that the command writes.
        :raises ConfigError: for the first place that is refused.
        """
        if self.reports:
            refuse(self.reports, paths, taken)
        try:
            yield
        except PvError as error:
            if self.is_wanted:
                from pvcheck.report.machine import document  # noqa: PLC0415 - most commands make none

                status = worst([error.exit_code])
                found = error.findings
                self.tell(lambda: document.of_end(self.head(status), found), status)
            raise

    def head(self, status: int, verdict: str = "", compared: str = "", mode: str = "") -> Head:
        """Return what the document starts with."""
        from pvcheck.report.machine.document import Head  # noqa: PLC0415 - as above

        return Head(self.command, Path.cwd(), status, verdict, compared, mode)

    def tell(self, make: Callable[[], JSON], status: int) -> int:
        """Write the files, then standard output where a program reads it. Where nothing is wanted, do nothing.

        :returns: the status, or that of a file that could not be written where that is worse.
        """
        if not self.is_wanted:
            return status
        made = make()
        codes = [status]
        for each in self.reports:
            try:
                _write(each, made)
            except PvError as error:
                blame(error.findings)
                codes.append(error.exit_code)
        if not self.is_text:
            click.echo(text(self.form, made).encode(), nl=False)
        return worst(codes)


def text(form: str, made: JSON) -> str:
    """Return a document in a format."""
    render: Callable[[JSON], str] = import_module(MACHINES[form]).text
    return render(made)


def _write(report: Report, made: JSON) -> None:
    """Write one file: as a whole in place of the one before, or behind what stands in it."""
    from pvcheck import files  # noqa: PLC0415 - only where a file is wanted

    if report.form != SUMMARY:
        files.put(report.path, text(report.form, made).encode())
        return
    data = text("markdown", made).encode()
    size = report.path.stat().st_size if report.path.exists() else 0
    if size + len(data) > MAX_SUMMARY:
        data = f"{escaped(made['verdict'], 500).replace('<', '&lt;')}\n".encode()
    files.append(report.path, data)


def refuse(reports: Sequence[Report], paths: Sequence[str], taken: Iterable[Path | None]) -> None:
    """Refuse a place that holds something else than a report: better before measuring than after it.

    :raises ConfigError: for the first one.
    """
    from pvcheck import discovery  # noqa: PLC0415 - only where a file is wanted
    from pvcheck.pipeline import outputs  # noqa: PLC0415 - as above

    try:
        contracts = discovery.contracts(paths, Path.cwd())
    except PvError:  # the command says so
        contracts = []
    places = {os.path.realpath(each): "the results of this run go there" for each in taken if each is not None}
    for each in reports:
        place = os.path.realpath(each.path)
        why = places.get(place) or outputs.unfit(each.path, contracts, appends=each.form == SUMMARY)
        if why:
            message = f"the report cannot be written there: {why}"
            hint = f"name a file such as report.{each.form} in a folder that is there"
            raise ConfigError(Finding("PV472", message, escaped(str(each.path)), hint=hint, exit_code=2))
        places[place] = "another report goes there"
