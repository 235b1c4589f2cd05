"""``pv graph``: which contract stands on which."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import blame, show
from pvcheck.errors import Severity, worst
from pvcheck.pipeline import graphing
from pvcheck.report import graph as report

FORMS = {"text": report.text, "mermaid": report.mermaid}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--format", "form", type=click.Choice([*FORMS, "json"]), default="text", help="How the graph is told.")
@click.option("--stages", is_flag=True, help="Also the stages of each contract and the falsifiers that decide them.")
def graph(paths: tuple[str, ...], form: str, *, stages: bool) -> int:
    """Show which contract stands on which: `depends_on` of their metadata, all the way down.

    A dependency that leads nowhere is shown as such. Dependencies in a circle are refused, and the command exits 1.
    """
    here = Path.cwd()
    found = graphing.graph(discovery.contracts(paths, here), here)
    blame(each for each in found.findings if each.severity is Severity.ERROR)
    if form == "json":
        show(report.as_json(found, stages=stages).splitlines())
    else:
        show(FORMS[form](found, stages=stages))
    return worst(each.exit_code for each in found.findings if each.severity is Severity.ERROR)
