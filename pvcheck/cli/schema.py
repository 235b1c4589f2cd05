"""``pv schema``: the JSON Schema of contracts, and the catalogue of evaluators."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import config, files
from pvcheck.cli.output import show
from pvcheck.domain import canonical
from pvcheck.loading import catalogue, schema


@click.command("schema")
@click.option("--upstream", is_flag=True, help="The schema of files without metadata.schema.")
@click.option("--plugins", is_flag=True, help="The catalogue of installed evaluators.")
@click.option("--write", is_flag=True, help="With --plugins: write it to schemas/evaluators.json of the repository.")
def schema_command(*, upstream: bool, plugins: bool, write: bool) -> None:
    """Print the JSON Schema of contracts.

    With --plugins: names, parameters and metrics of the installed evaluators, which `pv validate`
    reads in place of the plugins.
    """
    if write and not plugins:
        raise click.UsageError("--write goes with --plugins: the other schemas ship with pvcheck")
    if not plugins:
        name = schema.UPSTREAM if upstream else schema.CONTRACT
        show(schema.file_of(f"{name}.schema.json").read_text(encoding="utf-8").splitlines())
        return
    from pvcheck.host import catalogue as installed  # noqa: PLC0415 - loads plugins, only where they are asked for
    from pvcheck.host import discover  # noqa: PLC0415 - as above

    settings = config.of_folder(Path.cwd())
    data = canonical.dumps(installed(discover(disabled=settings.disabled, choose=settings.chosen)))
    if not write:
        show(data.decode().splitlines())
        return
    path = settings.root / "schemas" / catalogue.NAME
    files.make_folder(path.parent)
    files.write(path, data)
    show([f"wrote {path}"])
