"""The command line: options in, one call, output, exit. No logic lives here."""

from __future__ import annotations

import gc
import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

import click

from pvcheck import __version__
from pvcheck.cli import ending
from pvcheck.cli.output import BEGAN, CHOICES, INTERRUPTED, guarded, refused
from pvcheck.errors import PvError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem

COMMANDS: Mapping[str, tuple[str, str]] = {
    "apply": ("pvcheck.cli.apply:apply", "Accept the records in each FILE, and promote what they earn."),
    "bump": (
        "pvcheck.cli.bump:bump",
        "Give contracts that were edited the version that their changes need, and an amendment that tells them.",
    ),
    "cache": (
        "pvcheck.cli.cache:cache",
        "Show or clear what pv validate remembers of many contracts, so that it need not check them again.",
    ),
    "challenge": ("pvcheck.cli.challenge:challenge", "Plant faults, and show which bounds let them pass."),
    "changelog": ("pvcheck.cli.changelog:changelog", "Tell what each version of a contract changed, newest first."),
    "completion": (
        "pvcheck.cli.completion:completion",
        "Print what makes a shell complete commands, options, files, codes, evaluators and ids.",
    ),
    "demo": (
        "pvcheck.cli.demo:demo",
        "Promote a contract: measure two falsifiers on a small model, earn DISCHARGED, show what changed.",
    ),
    "diff": ("pvcheck.cli.diff:diff", "Tell every change between two contracts, and the version it needs."),
    "evidence": ("pvcheck.cli.evidence:evidence", "Show, verify, sign and export the records behind statuses."),
    "explain": (
        "pvcheck.cli.explain:explain",
        "Tell what a code, a guard, a status, an exit status, an evaluator, a metric or a falsifier is.",
    ),
    "graph": (
        "pvcheck.cli.graph:graph",
        "Show which contract stands on which: `depends_on` of their metadata, all the way down.",
    ),
    "list": (
        "pvcheck.cli.list:list_command",
        "Show one line a contract, by path: how much is bound, discharged, falsified, stale, unbound and claimed.",
    ),
    "measure": (
        "pvcheck.cli.measure:measure",
        "Run EVALUATOR without a contract, to find a bound or to look at numbers.",
    ),
    "model": ("pvcheck.cli.model:model", "Look into model files."),
    "new": ("pvcheck.cli.new:new", "Write a contract, a falsifier or a plugin to start from."),
    "plugins": ("pvcheck.cli.plugins:plugins", "Show installed plugins."),
    "report": ("pvcheck.cli.report:report", "Write a page of contracts: statuses, numbers, plots, evidence, history."),
    "run": ("pvcheck.cli.run:run", "Measure the falsifiers of contracts and judge them under their bounds."),
    "schema": ("pvcheck.cli.schema:schema_command", "Print the JSON Schema of contracts."),
    "status": ("pvcheck.cli.status:status", "Show statuses, evidence and what is stale, for each contract."),
    "validate": (
        "pvcheck.cli.validate:validate",
        "Check contracts without measuring: syntax, shape, rules, and evidence judged again.",
    ),
}
"""Where each command lives, and its first sentence. A command is imported when it is called, so that a hook
loads only its own; the list of all of them imports none."""

EXITS = """
\b
Exit status:
  0    all held, or nothing to do
  1    the contract says no: a violation, a refutation, no evidence
  2    usage or configuration
  3    could not tell: invalid, error, timeout, a missing input
  4    nothing was selected, or nothing in it was measured
  5    evidence is not what it claims to be
  70   a bug of pvcheck
  130  interrupted
"""


def _paint(context: click.Context, _: click.Parameter, value: str | None) -> None:
    """Note whether colours are wanted, where the command line is known: what the command itself is told wins."""
    if value is not None:
        context.find_root().color = CHOICES[value]


COLOR = click.Option(
    ["--color"],
    type=click.Choice(list(CHOICES)),
    expose_value=False,
    callback=_paint,
    help="Whether to use colours; auto: on a terminal, unless the environment says otherwise.",
)
"""An option of each command. NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and TERM=dumb are asked in this order where it
says auto."""


class Commands(click.Group):
    """A group that imports a command when it is named."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; an end that it chose becomes messages and a status while its options are still known."""
        ctx.meta[BEGAN] = time.time_ns()
        try:
            return super().invoke(ctx)
        except PvError as error:
            return refused(error)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return _colourable(command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that a shell may complete, from the table: none of them is imported."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only where a key was pressed

        found = [CompletionItem(name, help=COMMANDS[name][1]) for name in COMMANDS if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _colourable(command: click.Command) -> click.Command:
    """Return a command that takes ``--color`` after its name too; so does each part of it."""
    if COLOR not in command.params:
        command.params.append(COLOR)
        for each in command.commands.values() if isinstance(command, click.Group) else ():
            _colourable(each)
    return command


@click.command(cls=Commands, params=[COLOR], context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXITS)
@click.version_option(__version__, "--version", prog_name="pv", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep falsifiable claims about numerical code: measure them, and earn every status."""


def main() -> None:
    """Run the command line and exit with its status."""
    # Imports and contracts make many objects and hardly a cycle: looking for cycles as often as Python
    # does by default takes a twentieth of a hook's time.
    gc.set_threshold(100_000)
    _occupy()
    requests = ending.Requests()
    try:
        status = guarded(lambda: cli.main(prog_name="pv", standalone_mode=False))
    except KeyboardInterrupt:  # once more, while the first one was told
        status = INTERRUPTED
    requests.close(interrupted=status == INTERRUPTED)
    gc.freeze()  # Python looks for cycles several times while it ends: nobody waits for what dies with the process
    sys.exit(status)


def _occupy() -> None:
    """Open nothing at each standard descriptor that is closed, or a file of ours would get its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
