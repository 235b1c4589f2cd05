"""``pv new``: files to start from."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import scaffold
from pvcheck.cli.output import show
from pvcheck.errors import escaped


@click.group()
def new() -> None:
    """Write files to start from."""


@new.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), help="A new folder to make; default: pvcheck-NAME.")
def plugin(name: str, into: Path | None) -> None:
    """Write a package that offers the evaluator NAME, with a contract and tests that pass."""
    folder, files = scaffold.new_plugin(name, into)
    place = escaped(str(folder))
    show([f"{place}/{file}" for file in files])
    show([f"wrote {len(files)} files; now: cd {place} && pip install -e . --no-deps && pytest"])
