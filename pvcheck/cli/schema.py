"""``pv schema``: the JSON Schema of contracts, and the catalogue of evaluators."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import config, files
from pvcheck.cli.output import show
from pvcheck.domain import canonical
from pvcheck.loading import catalogue, editor, schema


@click.command("schema")
@click.option("--upstream", is_flag=True, help="The schema of files without metadata.schema.")
@click.option("--plugins", is_flag=True, help="The catalogue of installed evaluators.")
@click.option("--editor", "for_editor", is_flag=True, help="The schema for an editor, with the project's evaluators.")
@click.option("--report", is_flag=True, help="The schema of what --format json of validate, run and challenge prints.")
@click.option("--write", is_flag=True, help="With --plugins or --editor: write it to the project's schemas folder.")
def schema_command(*, upstream: bool, plugins: bool, for_editor: bool, report: bool, write: bool) -> None:
    """Print the JSON Schema of contracts.

    With --plugins: names, parameters and metrics of the installed evaluators, which `pv validate` reads in place of
    the plugins. With --editor: the schema that a line `# yaml-language-server: $schema=...` of a contract names; it
    completes and explains the format, and the parameters and metrics of the evaluators in `schemas/evaluators.json`.
    """
    if upstream + plugins + for_editor + report > 1:
        raise click.UsageError("--upstream, --plugins, --editor and --report are four schemas: ask for one")
    if write and not (plugins or for_editor):
        raise click.UsageError("--write goes with --plugins and --editor: the other schemas ship with pvcheck")
    if for_editor:
        _editor(write=write)
        return
    if not plugins:
        name = schema.UPSTREAM if upstream else schema.REPORT if report else schema.CONTRACT
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
    files.put(path, data)
    show([f"wrote {path}"])
    if (path.parent / editor.NAME).is_file():
        _editor(write=True)


def _editor(*, write: bool) -> None:
    """Print the schema for an editor, or write it where modelines look for it."""
    root = config.of_folder(Path.cwd()).root
    if write:
        show([f"wrote {editor.write(root)}"])
    else:
        show(editor.text(root).splitlines())
