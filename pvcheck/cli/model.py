"""``pv model``: what is in a model file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pvcheck.cli.output import show as write
from pvcheck.errors import escaped
from pvcheck.pipeline import describing
from pvcheck.report import model as report
from pvcheck.report import progress


@click.group()
def model() -> None:
    """Look into model files."""


@model.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--digest", is_flag=True, help="Read all of the file: the SHA-256 of each tensor, and of the whole.")
@click.option("--format", "name", metavar="NAME", help="How to read it; default: the suffix of PATH.")
def show(path: Path, *, digest: bool, name: str | None) -> None:
    """Print version, metadata and tensors of the model file PATH.

    The whole header is checked before any of it is printed. A file that breaks a rule of its format is refused with
    the rule and the byte, and the command exits 3.
    """
    readers = describing.readers(Path.cwd())
    name = path.suffix.removeprefix(".").lower() if name is None else name
    if name not in readers:
        known = ", ".join(map(escaped, sorted(readers))) or "none (is the plugin installed? pv plugins list)"
        raise click.UsageError(f"no plugin reads the format '{escaped(name)}': give --format, one of: {known}")
    with progress.shown(path.name, sys.stderr, unit="B") as on_progress:
        described = describing.describe(path, readers[name], digest=digest, on_progress=on_progress)
    write(report.lines(described))
