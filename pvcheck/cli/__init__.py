"""The command line: options in, one call, output, exit. No logic lives here."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from pvcheck import __version__
from pvcheck.cli.output import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "demo": (
        "pvcheck.cli.demo:demo",
        "Promote a contract: measure two falsifiers on a small model, earn DISCHARGED, show what changed.",
    ),
    "diff": ("pvcheck.cli.diff:diff", "Tell every change between two contracts, and the version it needs."),
    "evidence": ("pvcheck.cli.evidence:evidence", "Show, verify and export the records behind statuses."),
    "explain": (
        "pvcheck.cli.explain:explain",
        "Print what CODE or an evaluator means, with examples.",
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
    "new": ("pvcheck.cli.new:new", "Write files to start from."),
    "plugins": ("pvcheck.cli.plugins:plugins", "Show installed plugins."),
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


class Commands(click.Group):
    """A group that imports a command when it is named."""

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
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXITS)
@click.version_option(__version__, "--version", prog_name="pv", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep falsifiable claims about numerical code: measure them, and earn every status."""


def main() -> None:
    """Run the command line and exit with its status."""
    # Imports and contracts make many objects and hardly a cycle: looking for cycles as often as Python
    # does by default takes a twentieth of a hook's time.
    gc.set_threshold(100_000)
    _occupy()
    sys.exit(guarded(lambda: cli.main(prog_name="pv", standalone_mode=False)))


def _occupy() -> None:
    """Open nothing at each standard descriptor that is closed, or a file of ours would get its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
