"""``pv measure``: metrics and guards without a contract."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck.cli import completing
from pvcheck.cli.output import columns, complain, tell
from pvcheck.pipeline import measuring
from pvcheck.report import measurement as report


def _named(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=PATH pairs as a table."""
    pairs = [value.partition("=") for value in values]
    if any(not name or not path for name, _, path in pairs):
        raise click.BadParameter("write NAME=PATH")
    return {name: path for name, _, path in pairs}


@click.command()
@click.argument("evaluator", shell_complete=completing.evaluators)
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--input", "inputs", multiple=True, callback=_named, metavar="NAME=PATH", help="Where an input lies.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "reference"]), default="auto", help="What measures."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="For evaluators that draw numbers.")
@click.option("--in-process", is_flag=True, help="Measure in this process: for a debugger, and for the traceback.")
@click.option("-v", "--verbose", is_flag=True, help="Say how each number was got: both sides, conditions, versions.")
def measure(  # noqa: PLR0913 - one parameter an option
    *,
    evaluator: str,
    parameters: tuple[str, ...],
    inputs: dict[str, str],
    device: str,
    seed: int,
    in_process: bool,
    verbose: bool,
) -> int:
    """Run EVALUATOR without a contract, to find a bound or to look at numbers.

    A value means what it would mean in a contract under `with`: 1e-5 is a number, true a truth value. In
    single quotes it is text, and one that starts with [, { or " is JSON. Exits 0 if there are numbers that
    could be judged, 3 otherwise.
    """
    order = measuring.Order(
        evaluator=evaluator, words=parameters, inputs=inputs, device=device, seed=seed, in_process=in_process
    )
    taken = measuring.measure(order, Path.cwd())
    complain(taken.trace)
    tell(report.lines(taken, width=columns(), verbose=verbose))
    return taken.exit_code
