"""``pv report``: contracts, evidence and challenges as one page."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import tell
from pvcheck.errors import Severity, worst


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--html",
    "page",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the page goes, one file that needs nothing else; what was there is replaced as a whole.",
)
@click.option("--exit-zero", is_flag=True, help="End with 0 once the page is written, whatever is on it.")
def report(*, paths: tuple[str, ...], page: Path, exit_zero: bool) -> int:
    """Write a page of contracts: statuses, numbers, plots, evidence, history.

    PATHS are files and folders; without any, the contracts of the settings. Nothing is measured: records are judged
    again, as by pv validate, and the exit status is that of a validation. A contract that cannot be read is on the
    page with its findings. The same contracts and records make the same bytes.
    """
    from pvcheck import files  # noqa: PLC0415 - the list of all commands waits for none of this
    from pvcheck.cli.formats import Report, refuse  # noqa: PLC0415 - as above
    from pvcheck.pipeline import gathering  # noqa: PLC0415 - as above
    from pvcheck.report import tally  # noqa: PLC0415 - as above
    from pvcheck.report.html import page as html  # noqa: PLC0415 - as above

    found = discovery.contracts(paths, Path.cwd())
    refuse([Report("html", page)], paths, ())
    gathered = gathering.gather(found)
    data = html.text(gathered).encode()
    files.put(page, data)
    checked = [each.checked for each in gathered]
    tell([f"{page}: {len(data)} bytes", tally.verdict(tally.of_fleet(checked))])
    if exit_zero:
        return 0
    return worst(each.exit_code for file in checked for each in file.findings if each.severity is Severity.ERROR)
