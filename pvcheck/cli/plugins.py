"""``pv plugins``: what is installed, what it offers, and whether it is well."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import config
from pvcheck.cli.output import show
from pvcheck.host import check_up, discover, survey
from pvcheck.host.checkup import Settings, plugin_of
from pvcheck.report import doctor as diagnosis
from pvcheck.report import plugins as report


@click.group()
def plugins() -> None:
    """Show installed plugins."""


@plugins.command("list")
def listed() -> int:
    """Show each plugin with its distribution, evaluators, parameters and metrics; broken ones with the reason."""
    settings = config.of_folder(Path.cwd())
    found = discover(disabled=settings.disabled, choose=settings.chosen)
    show(report.lines(found))
    return 3 if found.broken else 0


@plugins.command("show")
@click.argument("name")
def shown(*, name: str) -> int:
    """Show one plugin: where it comes from, its evaluators with parameters, metrics and faults, what may run.

    NAME is the name of a plugin, or of an evaluator that it offers. Exits 3 if the plugin is broken.
    """
    settings = config.of_folder(Path.cwd())
    found, clashes = survey(disabled=settings.disabled, choose=settings.chosen)
    plugin = plugin_of(name, found, clashes)
    show(report.one(plugin, found, settings))
    return 3 if plugin in found.broken else 0


@plugins.command("doctor")
def doctor() -> int:
    """Look for what is wrong with the installed plugins, and say what to do about it.

    Does each load, and soon? Do names clash? Is schemas/evaluators.json what the plugins offer? Do the settings
    name what there is? Are the files the ones that were installed? Exits 0 if all is well, 1 if the catalogue
    differs, 2 if names clash, 3 if a plugin is broken or was altered. Warnings change no exit status.
    """
    settings = config.of_folder(Path.cwd())
    checkup = check_up(
        Settings(
            root=settings.root,
            disabled=settings.disabled,
            chosen=settings.chosen,
            evaluators=settings.evaluators,
        )
    )
    show(diagnosis.lines(checkup))
    return diagnosis.exit_code(checkup)
