"""``pv run``: plan, measure, judge, report; with ``--write`` record and promote."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from pvcheck import discovery
from pvcheck.cli.output import show
from pvcheck.errors import escaped
from pvcheck.pipeline import running
from pvcheck.pipeline.options import Mode, Options
from pvcheck.report import progress, tally
from pvcheck.report import run as report
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
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "reference"]), default="auto", help="What measures."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="For evaluators that draw numbers.")
@click.option("--write", "mode", flag_value=Mode.WRITE, help="Record evidence, promote, bump the version.")
@click.option("--check", "mode", flag_value=Mode.CHECK, help="Measure again and compare with the evidence bit for bit.")
@click.option("--diff", "mode", flag_value=Mode.DIFF, help="Show what --write would change.")
@click.option(
    "--results", type=click.Path(path_type=Path), metavar="FILE", help="Write the records to FILE, for pv apply."
)
@click.option("--against", metavar="REF", help="Take the settings of this commit, not those of the work tree.")
@click.option("--allow-unmeasured", is_flag=True, help="Exit 0 although nothing could be measured.")
@click.option("-q", "--quiet", is_flag=True, help="Leave the tables out.")
def run(  # noqa: PLR0913 - one parameter an option
    *,
    paths: tuple[str, ...],
    select: str,
    inputs: dict[str, str],
    device: str,
    seed: int,
    mode: str | None,
    results: Path | None,
    against: str | None,
    allow_unmeasured: bool,
    quiet: bool,
) -> int:
    """Measure the falsifiers of contracts and judge them under their bounds.

    PATHS are files and folders; without any, the contracts of the settings. Without --write nothing
    is changed. With --results nothing is changed either, and what was decided can be applied on another
    host.
    """
    if results is not None and mode is not None:
        raise click.UsageError(f"--results changes no contract, so it cannot be given with --{mode}")
    options = Options(
        mode=Mode(mode or Mode.REPORT),
        select=select,
        inputs=inputs,
        device=device,
        seed=seed,
        against=against,
        results=results,
        allow_unmeasured=allow_unmeasured,
    )
    watch = partial(progress.shown, stream=sys.stderr)
    result = running.run(discovery.contracts(paths, Path.cwd()), options, watch)
    for file in result.files:
        show(report.lines(file, tables=not quiet))
        if file.after and options.mode in {Mode.DIFF, Mode.WRITE}:
            show(unified(file.before, file.after, escaped(str(file.checked.path))).splitlines())
    if results is not None:
        show([f"{tally.count(len(result.records), 'record')} in {escaped(str(results))}: pv apply takes them"])
    show([tally.of_run(result.files)])
    return result.exit_code
