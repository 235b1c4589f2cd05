"""``pv apply``: accept the records that another host made."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import show, sources
from pvcheck.errors import escaped
from pvcheck.pipeline import applying
from pvcheck.pipeline.options import Mode
from pvcheck.report import apply as report
from pvcheck.report import styled
from pvcheck.text import unified


@click.command()
@click.argument("words", nargs=-1, required=True, type=click.Path(), metavar="FILE... [PATHS]")
@click.option("--diff", "is_diff", is_flag=True, help="Show what would change, and write nothing.")
def apply(words: tuple[str, ...], *, is_diff: bool) -> int:
    """Accept the records in each FILE, and promote what they earn.

    `pv run --results` and `pv evidence export` write such files on another host. PATHS are the contracts: folders,
    and files that end in .yaml or .yml; without any, those of the settings. A record is believed in nothing: it must
    be about the claim and the inputs of today, and is judged again under today's bounds. One that is not keeps its
    whole contract as it was.
    """
    paths = [word for word in words if word.endswith(discovery.SUFFIXES) or _is_folder(word)]
    given = [Path(word) for word in words if word not in paths]
    if not given:
        raise click.UsageError("name a file with records: pv run --results FILE writes one")
    mode = Mode.DIFF if is_diff else Mode.WRITE
    applied = applying.apply(given, discovery.contracts(paths, Path.cwd()), mode)
    show(report.loose(applied))
    for file in applied.files:
        show(report.lines(file, sources()))
        if file.after:
            show(styled.diff(unified(file.before, file.after, escaped(str(file.checked.path))).splitlines()))
    show([report.verdict(applied, mode)])
    return applied.exit_code


def _is_folder(word: str) -> bool:
    """Say whether a word names a folder."""
    return os.path.isdir(word)  # noqa: PTH112 - the method raises for a name that is too long
