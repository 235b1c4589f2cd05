"""``pv bump``: version and amendment for what was edited by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import show, sources
from pvcheck.errors import escaped
from pvcheck.pipeline import bumping
from pvcheck.pipeline.bumping import Wish
from pvcheck.pipeline.options import Mode
from pvcheck.report import bump as report
from pvcheck.report import styled
from pvcheck.text import unified


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--against", metavar="REF", help="Compare with this commit, not with HEAD.")
@click.option("--onto", metavar="REF", help="Re-do this side's changes on top of the contract of this branch.")
@click.option(
    "--summary", default="", metavar="TEXT", help="The sentence of the amendment; made of the changes if absent."
)
@click.option("--diff", "mode", flag_value=Mode.DIFF, help="Show what would be written.")
@click.option("--check", "mode", flag_value=Mode.CHECK, help="Exit 1 if something is to be bumped; write nothing.")
def bump(*, paths: tuple[str, ...], against: str | None, onto: str | None, summary: str, mode: str | None) -> int:
    """Give contracts that were edited the version that their changes need, and an amendment that tells them.

    PATHS are files and folders; without any, the contracts of the settings. Nothing is promoted: a status that
    its evidence no longer supports goes back to PENDING. With --onto, a conflict in a contract that both branches
    bumped is resolved: what people wrote is merged, what the tool wrote is made anew.
    """
    if against is not None and onto is not None:
        raise click.UsageError("--against and --onto exclude each other")
    wish = Wish(
        day=datetime.now(UTC).date().isoformat(),
        mode=Mode(mode or Mode.WRITE),
        against=against,
        onto=onto,
        summary=" ".join(summary.split()),
    )
    done = bumping.bump(discovery.contracts(paths, Path.cwd()), wish)
    for each in done:
        show(report.lines(each, sources()))
        if each.after and wish.mode is Mode.DIFF:
            show(styled.diff(unified(each.before, each.after, escaped(str(each.path))).splitlines()))
    show([report.tally(done, wish.mode)])
    return bumping.exit_code(done)
