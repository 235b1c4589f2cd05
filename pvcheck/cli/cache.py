"""``pv cache``: what validation remembers between runs, where it lies, and how to be rid of it."""

from __future__ import annotations

import os

import click

from pvcheck import cache as packs
from pvcheck.cli.output import show as write
from pvcheck.report.tally import count

NOWHERE = "there is no cache: neither XDG_CACHE_HOME nor HOME names a folder"


@click.group(invoke_without_command=True)
@click.option("--dir", "only_place", is_flag=True, help="Print the folder and nothing else.")
@click.pass_context
def cache(context: click.Context, *, only_place: bool) -> None:
    """Show or clear what pv validate remembers of many contracts, so that it need not check them again.

    It changes no verdict: clear it whenever you like. With PVCHECK_CACHE=off, and with pv validate --no-cache,
    nothing is remembered and nothing remembered is believed.
    """
    if only_place:
        write([str(packs.place(os.environ) or NOWHERE)])
    elif context.invoked_subcommand is None:
        context.invoke(show)


@cache.command("show")
def show() -> int:
    """Show the folder, and of each project that is remembered the file, its bytes and how many entries it has."""
    folder = packs.place(os.environ)
    if folder is None:
        write([NOWHERE])
        return 0
    found = list(packs.stored(folder))
    write([f"{folder}: {count(len(found), 'project')}, {sum(each.size for each in found)} bytes"])
    for each in found:
        told = "not usable, so it is not used" if each.entries is None else f"entries: {each.entries}"
        write([f"  {each.path.name}  {each.size} bytes  {told}"])
    return 0


@cache.command("clear")
def clear() -> int:
    """Remove what is remembered, and nothing that pv validate did not write. Compiled kernels stay."""
    folder = packs.place(os.environ)
    number, size = (0, 0) if folder is None else packs.clear(folder)
    write([f"removed {count(number, 'file')}, {size} bytes"])
    return 0
