"""``pv challenge``: plant faults in the measuring code, and see which bounds let them pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pvcheck import discovery
from pvcheck.cli import formats
from pvcheck.cli.output import columns, show, sources, tell
from pvcheck.errors import escaped
from pvcheck.pipeline import challenging
from pvcheck.pipeline.options import Mode, Options
from pvcheck.report import challenge as report
from pvcheck.report import progress, styled
from pvcheck.text import unified

if TYPE_CHECKING:
    from pvcheck.cli.formats import Report
    from pvcheck.domain.canonical import JSON
    from pvcheck.pipeline.challenging import ChallengeResult


def _named(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=PATH pairs as a table."""
    pairs = [value.partition("=") for value in values]
    if any(not name or not path for name, _, path in pairs):
        raise click.BadParameter("write NAME=PATH")
    return {name: path for name, _, path in pairs}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("-k", "select", default="", metavar="TEXT", help="Only falsifiers whose id contains this.")
@click.option("--input", "inputs", multiple=True, callback=_named, metavar="NAME=PATH", help="Where an input lies.")
@click.option("--write", "mode", flag_value=Mode.WRITE, help="Keep the result as evidence, and refer to it.")
@click.option("--check", "mode", flag_value=Mode.CHECK, help="Compare with the record bit for bit.")
@formats.FORMAT
@formats.REPORT
def challenge(  # noqa: PLR0913 - each is an option
    *,
    paths: tuple[str, ...],
    select: str,
    inputs: dict[str, str],
    mode: str | None,
    form: str,
    reports: tuple[Report, ...],
) -> int:
    """Plant faults, and show which bounds let them pass.

    Each falsifier of PATHS is measured clean, then once with each fault that its evaluator declares. A fault that moves
    the measurement and leaves it green was missed. The score is caught over moved; a contract demands one by
    `challenge: {min: 0.9}`. Exits 1 if the score is below that.
    """
    if select and mode == Mode.WRITE:
        raise click.UsageError("--write keeps the challenge of whole contracts: leave -k out")
    options = Options(mode=Mode(mode or Mode.REPORT), select=select, inputs=inputs)
    outlet = formats.Outlet("challenge", form, reports)
    with outlet.open(paths), progress.Board(sys.stderr) as board:
        contracts = discovery.contracts(paths, Path.cwd())
        result = challenging.challenge_all(contracts, options, board.shown, board.expect)
    status = outlet.tell(lambda: _document(outlet, result, options.mode), result.exit_code)
    if outlet.is_text:
        for file in result.files:
            tell(report.lines(file, full=outlet.is_full, width=columns(), sources=sources()))
            if file.after and outlet.is_full:
                show(styled.diff(unified(file.before, file.after, escaped(str(file.checked.path))).splitlines()))
        tell([report.verdict(result.files)])
    return status


def _document(outlet: formats.Outlet, result: ChallengeResult, mode: Mode) -> JSON:
    """Return what was caught and missed, for programs."""
    from pvcheck.report.machine import document  # noqa: PLC0415 - most challenges are for people

    head = outlet.head(result.exit_code, report.verdict(result.files), mode=str(mode))
    return document.of_challenge(head, result.files)
