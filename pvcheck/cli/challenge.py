"""``pv challenge``: plant faults in the measuring code, and see which bounds let them pass."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import show
from pvcheck.errors import escaped
from pvcheck.pipeline import challenging
from pvcheck.pipeline.options import Mode, Options
from pvcheck.report import challenge as report
from pvcheck.report import progress
from pvcheck.text import unified


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
@click.option("--format", "form", type=click.Choice(["full", "concise"]), default="full", help="How much is told.")
def challenge(*, paths: tuple[str, ...], select: str, inputs: dict[str, str], mode: str | None, form: str) -> int:
    """Plant faults, and show which bounds let them pass.

    Each falsifier of PATHS is measured clean, then once with each fault that its evaluator declares. A fault that moves
    the measurement and leaves it green was missed. The score is caught over moved; a contract demands one by
    `challenge: {min: 0.9}`. Exits 1 if the score is below that.
    """
    if select and mode == Mode.WRITE:
        raise click.UsageError("--write keeps the challenge of whole contracts: leave -k out")
    options = Options(mode=Mode(mode or Mode.REPORT), select=select, inputs=inputs)
    watch = partial(progress.shown, stream=sys.stderr)
    result = challenging.challenge_all(discovery.contracts(paths, Path.cwd()), options, watch)
    for file in result.files:
        show(report.lines(file, full=form == "full"))
        if file.after and form == "full":
            show(unified(file.before, file.after, escaped(str(file.checked.path))).splitlines())
    show([report.verdict(result.files)])
    return result.exit_code
