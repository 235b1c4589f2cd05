"""``pv list``: one line a contract."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import columns, show, tell, unread
from pvcheck.pipeline import checking
from pvcheck.report import listing, tally


@click.command("list")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--wide", is_flag=True, help="Shorten nothing; so it is where the output is no terminal.")
def list_command(paths: tuple[str, ...], *, wide: bool) -> int:
    """Show one line a contract, by path: how much is bound, discharged, falsified, stale, unbound and claimed.

    A falsifier without an evaluator is unbound. Claimed are those of files without `metadata.schema`, whatever
    such a file says of them.
    """
    checked = checking.check_all(discovery.contracts(paths, Path.cwd()))
    show(listing.lines(checked, None if wide else columns()))
    tell([tally.verdict(tally.of_fleet(checked))])
    return unread(checked)
