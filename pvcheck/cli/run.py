"""``pv run``: plan, measure, judge, report; with ``--write`` record and promote."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pvcheck import discovery
from pvcheck.cli import completing, formats
from pvcheck.cli.output import columns, show, since, sources, tell
from pvcheck.config import MAX_TIMEOUT
from pvcheck.errors import escaped
from pvcheck.pipeline import foreseeing, scheduling
from pvcheck.pipeline.options import Mode, Options
from pvcheck.pipeline.results import Interrupted
from pvcheck.report import durations as slowest
from pvcheck.report import foreseen, progress, styled, tally
from pvcheck.report import run as report
from pvcheck.text import unified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pvcheck.cli.formats import Report
    from pvcheck.domain.canonical import JSON
    from pvcheck.pipeline.results import RunResult

MAX_JOBS = 256
SHOWN = 10
"""The evaluations that ``--durations`` shows."""
IDLE = ("durations", "exit_first", "repeat", "results", "retries")
"""Options that say how to measure, or what to do with measurements: a dry run has none."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _named(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=PATH pairs as a table."""
    pairs = [value.partition("=") for value in values]
    if any(not name or not path for name, _, path in pairs):
        raise click.BadParameter("write NAME=PATH")
    return {name: path for name, _, path in pairs}


def _jobs(_: click.Context, __: click.Parameter, value: str) -> int:
    """Return how many evaluations to make at a time."""
    if value == "auto":
        return cores()
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MAX_JOBS:
        raise click.BadParameter(f"must be auto or a number from 1 to {MAX_JOBS}, got {escaped(value, 40)}")
    return int(value)


def _seconds(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Return a time limit; one that is not a number of seconds is refused, and so is NaN."""
    if value is not None and not 0 < value <= MAX_TIMEOUT:
        raise click.BadParameter(f"must be above 0 and at most {MAX_TIMEOUT:g} seconds, got {value:g}")
    return value


OPTIONS = (
    click.argument("paths", nargs=-1, type=click.Path()),
    click.option(
        "-k",
        "select",
        default="",
        metavar="TEXT",
        shell_complete=completing.ids,
        help="Only falsifiers whose id contains this.",
    ),
    click.option(
        "--failed", is_flag=True, help="Only those that are FALSIFIED, or did not hold when they were last run here."
    ),
    click.option("--stale", is_flag=True, help="Only those whose status the evidence does not support."),
    click.option(
        "--changed",
        metavar="[=REF]",
        is_flag=False,
        flag_value="auto",
        help="Only those whose contract, record or inputs differ from this commit. Without =REF it is found, as"
        " pv validate --against finds it.",
    ),
    click.option("--input", "inputs", multiple=True, callback=_named, metavar="NAME=PATH", help="Where an input lies."),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda", "reference"]), default="auto", help="What measures."
    ),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="For evaluators that draw numbers."),
    click.option(
        "-j",
        "--jobs",
        default="1",
        callback=_jobs,
        metavar="N",
        help="Make N evaluations at a time; auto: one a processor. Each may use as many threads as are left for it.",
    ),
    click.option(
        "--executor", default="local", metavar="NAME[=ADDRESS]", help="Where to measure: the executor of a plugin."
    ),
    click.option(
        "--timeout", type=float, callback=_seconds, metavar="SECONDS", help="For one evaluation, over the settings."
    ),
    click.option(
        "--retries", type=click.IntRange(0, 100), default=0, metavar="N", help="Try errors and timeouts N times more."
    ),
    click.option(
        "--repeat", type=click.IntRange(1, 1000), default=1, metavar="N", help="Measure N times: the bits must repeat."
    ),
    click.option(
        "-x", "--exitfirst", "exit_first", is_flag=True, help="Stop after the first that is refuted or an error."
    ),
    click.option("--write", "mode", flag_value=Mode.WRITE, help="Record evidence, promote, bump the version."),
    click.option(
        "--check", "mode", flag_value=Mode.CHECK, help="Measure again and compare with the evidence bit for bit."
    ),
    click.option("--diff", "mode", flag_value=Mode.DIFF, help="Show what --write would change."),
    click.option("--dry-run", is_flag=True, help="Say what would be measured, with what, and run nothing."),
    click.option(
        "--results", type=click.Path(path_type=Path), metavar="FILE", help="Write the records to FILE, for pv apply."
    ),
    click.option("--against", metavar="REF", help="Take the settings of this commit, not those of the work tree."),
    click.option("--allow-unmeasured", is_flag=True, help="Exit 0 although nothing could be measured."),
    click.option(
        "--durations",
        type=click.IntRange(1, 100_000),
        is_flag=False,
        flag_value=SHOWN,
        metavar="[=N]",
        help=f"Show the N slowest evaluations at the end; {SHOWN} without =N.",
    ),
    formats.FORMAT,
    formats.REPORT,
    click.option("-q", "--quiet", is_flag=True, help="Leave the tables out."),
    click.option(
        "-v", "--verbose", is_flag=True, help="Say how each number was got: both sides, conditions, bytes, versions."
    ),
)


def _with_options(command: Callable[..., int]) -> Callable[..., int]:
    """Put the options on a command, in the order in which its help tells them."""
    for each in reversed(OPTIONS):
        command = each(command)
    return command


@click.command()
@_with_options
def run(  # noqa: PLR0913 - each is an option
    *,
    paths: tuple[str, ...],
    mode: str | None,
    dry_run: bool,
    durations: int | None,
    form: str,
    reports: tuple[Report, ...],
    quiet: bool,
    verbose: bool,
    **given: object,
) -> int:
    """Measure the falsifiers of contracts and judge them under their bounds.

    PATHS are files and folders; without any, the contracts of the settings. Without --write nothing
    is changed. With --results nothing is changed either, and what was decided can be applied on another
    host. Options that select are taken together: a falsifier must be meant by each of them.
    """
    options = _options(mode, given)
    outlet = formats.Outlet("run", form, reports)
    if dry_run:
        _refuse_idle(mode, {**given, "durations": durations}, outlet)
        return _foreseen(discovery.contracts(paths, Path.cwd()), options)
    board = progress.Board(None if quiet else sys.stderr)
    with outlet.open(paths, [options.results]), _parting(outlet, verbose=verbose), board:
        contracts = discovery.contracts(paths, Path.cwd())
        result = scheduling.run(contracts, options, board.shown, board.expect)
    status = outlet.tell(lambda: _document(outlet, result, options.mode), result.exit_code)
    if outlet.is_text:
        tables = outlet.is_full and not quiet
        _show(result, options, tables=tables, full=outlet.is_full, look=report.Look(columns(), since(), verbose))
        if durations is not None:
            tell(slowest.lines(result.files, durations))
        tell(report.next_command(result.files, options.mode) if outlet.is_full else ())
        tell([tally.verdict(tally.of_run(result.files))])
    return status


@contextmanager
def _parting(outlet: formats.Outlet, *, verbose: bool) -> Iterator[None]:
    """Show a person what was found until an interrupt; a program gets a whole document or none."""
    try:
        yield
    except Interrupted as end:
        if outlet.is_text:
            look = report.Look(columns(), since(), verbose)
            with suppress(OSError):  # the terminal may be what went away
                tell(report.interrupted(end.files, end.total, full=outlet.is_full, look=look))
        raise


def _show(result: RunResult, options: Options, *, tables: bool, full: bool, look: report.Look) -> None:
    """Show what was measured, and what is or would be written."""
    for file in result.files:
        tell(report.lines(file, tables=tables, full=full, look=look))
        if file.after and options.mode in {Mode.DIFF, Mode.WRITE}:
            show(styled.diff(unified(file.before, file.after, escaped(str(file.checked.path))).splitlines()))
    if options.results is not None:
        tell([f"{tally.count(len(result.records), 'record')} in {escaped(str(options.results))}: pv apply takes them"])


def _document(outlet: formats.Outlet, result: RunResult, mode: Mode) -> JSON:
    """Return what was measured, for programs."""
    from pvcheck.report.machine import document  # noqa: PLC0415 - most runs are for people

    head = outlet.head(result.exit_code, tally.of_run(result.files), mode=str(mode))
    return document.of_run(head, result.files)


def _options(mode: str | None, given: dict[str, object]) -> Options:
    """Return the options of a run.

    An evaluation may use the processors that its neighbours leave: all of them with ``-j 1``, so that one large
    measurement is not slow by default; never more threads than processors in all.
    """
    if given["results"] is not None and mode is not None:
        raise click.UsageError(f"--results changes no contract, so it cannot be given with --{mode}")
    threads = max(1, cores() // int(str(given["jobs"])))
    return Options(mode=Mode(mode or Mode.REPORT), threads=threads, **given)  # type: ignore[arg-type]  # click read them


def _refuse_idle(mode: str | None, given: dict[str, object], outlet: formats.Outlet) -> None:
    """Refuse what a dry run could not do."""
    context = click.get_current_context()
    names = {each.name: each.opts[-1] for each in context.command.params}
    idle = [f"--{mode}"] if mode is not None else []
    idle += [
        names[name] for name in IDLE if given[name] not in {None, False} and given[name] != _default(context, name)
    ]
    idle += [] if outlet.is_text else [f"--format {outlet.form}"]
    idle += ["--report"] if outlet.reports else []
    if idle:
        raise click.UsageError(f"--dry-run measures nothing, so it cannot be given with {idle[0]}")


def _default(context: click.Context, name: str) -> object:
    """Return the value of an option that was not given."""
    return next(each.default for each in context.command.params if each.name == name)


def _foreseen(contracts: list[Path], options: Options) -> int:
    """Show what would be measured."""
    files = foreseeing.foresee(contracts, options)
    for each in files:
        tell(foreseen.lines(each, options.device, sources()))
    tell([foreseen.verdict(files)])
    return foreseeing.exit_of(files)
