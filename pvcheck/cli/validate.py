"""``pv validate``: all that needs no measurement."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import show
from pvcheck.errors import Severity, worst
from pvcheck.pipeline import checking
from pvcheck.report import findings, tally


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--format", "form", type=click.Choice(["full", "concise"]), default="full", help="How findings are told.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", help="The least that makes the status 1."
)
def validate(paths: tuple[str, ...], form: str, fail_on: str) -> int:
    """Check contracts without measuring: syntax, shape, rules, and evidence judged again.

    PATHS are files and folders; without any, the contracts of the settings. Nothing is run, nothing
    is written, and no plugin is loaded.
    """
    checked = checking.check_all(discovery.contracts(paths, Path.cwd()))
    found = [each for file in checked for each in file.findings]
    show(findings.lines(found, full=form == "full"))
    show([tally.of_checked(checked)])
    counted = {Severity.ERROR, Severity(fail_on)}
    return worst(each.exit_code for each in found if each.severity in counted)
