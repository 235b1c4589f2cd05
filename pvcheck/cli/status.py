"""``pv status``: what each contract says, and whether its evidence still says so."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import tell, unread
from pvcheck.pipeline import checking
from pvcheck.pipeline.standing import Teller
from pvcheck.report import status as report
from pvcheck.report import tally


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
def status(paths: tuple[str, ...]) -> int:
    """Show statuses, evidence and what is stale, for each contract.

    A status whose evidence does not support it is marked stale, with the reason below it. Reading needs no lock, and
    the exit status is 0 however the statuses stand, or 3 if a file cannot be read: `pv validate` is the gate.
    """
    checked = checking.check_all(discovery.contracts(paths, Path.cwd()))
    teller = Teller()
    for each in checked:
        tell(report.lines(teller.standings(each)))
    tell([tally.verdict(tally.of_fleet(checked))])
    return unread(checked)
