"""``pv validate``: all that needs no measurement."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from pvcheck import cache, discovery
from pvcheck.cli import formats
from pvcheck.cli.output import columns, since, tell
from pvcheck.errors import Severity, worst
from pvcheck.pipeline import checking, fleets
from pvcheck.report import findings, tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pvcheck.cli.formats import Report
    from pvcheck.domain.canonical import JSON
    from pvcheck.errors import Finding
    from pvcheck.pipeline.checking import Checked
    from pvcheck.report.excerpts import Sources
    from pvcheck.report.machine.document import Head


class Found(NamedTuple):
    """Checked files, what they were compared with, and texts of those that lie nowhere any more."""

    files: Sequence[Checked]
    told: str = ""
    texts: Mapping[str, str] | None = None


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--against",
    metavar="[=REF]",
    is_flag=False,
    flag_value="auto",
    help="Compare with this branch or commit: versions, and moves that are not legal. Without =REF it is found:"
    " what CI says, the setting base, the main branch.",
)
@click.option(
    "--staged", is_flag=True, help="Check what would be committed, and compare it with HEAD or with --against."
)
@formats.FORMAT
@formats.REPORT
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", help="The least that makes the status 1."
)
@click.option(
    "--no-cache", is_flag=True, help="Read every file and check every contract, and remember nothing for the next run."
)
def validate(  # noqa: PLR0913 - each is an option
    *,
    paths: tuple[str, ...],
    against: str | None,
    staged: bool,
    form: str,
    reports: tuple[Report, ...],
    fail_on: str,
    no_cache: bool,
) -> int:
    """Check contracts without measuring: syntax, shape, rules, and evidence judged again.

    PATHS are files and folders; without any, the contracts of the settings. Nothing is run but git, and that
    only with --against and --staged; nothing is written but what many contracts came to, in the cache folder of
    the user (see pv cache), and what --report names; no plugin is loaded.
    """
    outlet = formats.Outlet("validate", form, reports)
    with outlet.open(paths):
        compared = _checked(paths, against, staged=staged, remember=not no_cache, whole=outlet.is_wanted)
    checked = compared.files
    found = [each for file in checked for each in file.findings]
    counted = {Severity.ERROR, Severity(fail_on)}
    status = worst(each.exit_code for each in found if each.severity in counted)
    verdict = "; ".join(filter(None, [tally.of_checked(checked), compared.told]))
    ended = outlet.tell(lambda: _document(outlet.head(status, verdict, compared.told), checked), status)
    if outlet.is_text:
        if found:
            sources = _sources(compared, None if staged else since())
            tell(_told(found, sources, full=outlet.is_full))
        tell([tally.verdict(verdict)])
    return ended


def _document(head: Head, checked: Sequence[Checked]) -> JSON:
    """Return what was found, for programs."""
    from pvcheck.report.machine import document  # noqa: PLC0415 - a hook shows text, and waits for no format

    return document.of_checked(head, checked)


def _watched() -> AbstractContextManager[Callable[[int, int], None] | None]:
    """Give what shows how many contracts are checked, where a person looks."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from pvcheck.report import progress  # noqa: PLC0415 - a hook shows none

    return progress.shown("contracts", sys.stderr)


def _sources(found: Found, since: int | None) -> Sources:
    """Return the sources that findings are about."""
    from pvcheck.report.excerpts import Sources  # noqa: PLC0415 - where nothing is wrong, nobody waits for it

    return Sources.of(found.files, since, found.texts)


def _told(found: Sequence[Finding], sources: Sources, *, full: bool) -> Iterator[str]:
    """Yield the findings with the sources they are about, and the command that tells more."""
    yield from findings.lines(found, full=full, sources=sources, width=columns())
    yield from findings.next_command(found) if full else ()


def _checked(paths: tuple[str, ...], against: str | None, *, staged: bool, remember: bool, whole: bool) -> Found:
    """Return the checked files, and what they were compared with, if they were.

    :param whole: whether each contract is wanted with all its parts, which is more than is remembered of many.
    """
    if against is None and not staged and whole:
        return Found(checking.check_all(discovery.contracts(paths, Path.cwd())))
    if against is None and not staged:
        with _watched() as on_progress:
            checked = fleets.validated(paths, Path.cwd(), os.environ, remember=remember, on_progress=on_progress)
        return Found(checked)
    from pvcheck.pipeline import comparing  # noqa: PLC0415 - a hook on one file calls no git and loads nothing for it

    variables = os.environ if remember and not whole else {**os.environ, cache.VARIABLE: "off"}
    compared = comparing.check(paths, Path.cwd(), against, variables, staged=staged)
    return Found(compared.files, compared.told, compared.texts)
