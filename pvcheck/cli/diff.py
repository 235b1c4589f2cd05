"""``pv diff``: what changed between two versions of contracts, and which version that needs."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck.cli.output import show, sources
from pvcheck.errors import worst
from pvcheck.pipeline import differing
from pvcheck.report import diff as report


@click.command()
@click.argument("what", nargs=-1, type=click.Path())
@click.option("--against", metavar="REF", help="Compare PATHS with where this work left REF, as pv validate does.")
@click.option("--exit-code", is_flag=True, help="Exit 1 if a version is too low for its changes.")
@click.option("--format", "form", type=click.Choice(["full", "concise"]), default="full", help="How changes are told.")
def diff(*, what: tuple[str, ...], against: str | None, exit_code: bool, form: str) -> int:
    """Tell every change between two contracts, and the version it needs.

    WHAT is two files (OLD NEW), where each may be REF:PATH for a file of a commit or :PATH for one of the
    index; or a commit and paths (REF PATHS); or paths alone, which are compared with HEAD. Without any, the
    contracts of the settings are compared with HEAD. Bounds are compared as sets of numbers.
    """
    pairs = differing.of_words(what, against, Path.cwd())
    for pair in pairs:
        if len(pairs) == 1 or not pair.is_same:
            show(report.lines(pair, sources(), full=form == "full"))
    if len(pairs) > 1:
        show([report.summary(pairs)])
    too_low = exit_code and not all(pair.fits for pair in pairs)
    return worst([int(too_low), *(pair.exit_code for pair in pairs)])
