"""``pv validate``: all that needs no measurement."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pvcheck import cache
from pvcheck.cli.output import show
from pvcheck.errors import Severity, worst
from pvcheck.pipeline import fleets
from pvcheck.report import findings, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.pipeline.checking import Checked


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
@click.option("--format", "form", type=click.Choice(["full", "concise"]), default="full", help="How findings are told.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", help="The least that makes the status 1."
)
@click.option(
    "--no-cache", is_flag=True, help="Read every file and check every contract, and remember nothing for the next run."
)
def validate(  # noqa: PLR0913 - each is an option
    *, paths: tuple[str, ...], against: str | None, staged: bool, form: str, fail_on: str, no_cache: bool
) -> int:
    """Check contracts without measuring: syntax, shape, rules, and evidence judged again.

    PATHS are files and folders; without any, the contracts of the settings. Nothing is run but git, and that
    only with --against and --staged; nothing is written but what many contracts came to, in the cache folder of
    the user (see pv cache), and no plugin is loaded.
    """
    checked, told = _checked(paths, against, staged=staged, remember=not no_cache)
    found = [each for file in checked for each in file.findings]
    show(findings.lines(found, full=form == "full"))
    show(["; ".join([tally.of_checked(checked), *told])])
    counted = {Severity.ERROR, Severity(fail_on)}
    return worst(each.exit_code for each in found if each.severity in counted)


def _checked(
    paths: tuple[str, ...], against: str | None, *, staged: bool, remember: bool
) -> tuple[Sequence[Checked], list[str]]:
    """Return the checked files, and what they were compared with, if they were."""
    if against is None and not staged:
        return fleets.validated(paths, Path.cwd(), os.environ, remember=remember), []
    from pvcheck.pipeline import comparing  # noqa: PLC0415 - a hook on one file calls no git and loads nothing for it

    variables = os.environ if remember else {**os.environ, cache.VARIABLE: "off"}
    compared = comparing.check(paths, Path.cwd(), against, variables, staged=staged)
    return compared.files, [compared.told]
