"""``pv changelog``: the amendments of contracts as Markdown."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import blame, show
from pvcheck.domain.version import Version
from pvcheck.errors import worst
from pvcheck.pipeline import reading
from pvcheck.report import changelog as report


def _version(_: click.Context, __: click.Parameter, value: str | None) -> Version | None:
    """Return the version that a text spells."""
    try:
        return None if value is None else Version.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--since", callback=_version, metavar="VERSION", help="Only what came after this version.")
def changelog(paths: tuple[str, ...], since: Version | None) -> int:
    """Tell what each version of a contract changed, newest first.

    PATHS are files and folders; without any, the contracts of the settings. The text is Markdown, made
    from the amendments: statuses that moved, bounds that changed, evidence that was renewed.
    """
    statuses = [0]
    for each in reading.read_all(discovery.contracts(paths, Path.cwd())):
        blame(each.problems)
        statuses += [problem.exit_code for problem in each.problems]
        if each.contract is not None:
            show(report.lines(each.contract, since))
    return worst(statuses)
