"""``pv explain``: the page of a code or of an evaluator."""

from __future__ import annotations

from pathlib import Path

import click

from pvcheck import config
from pvcheck.cli.output import show
from pvcheck.errors import ConfigError, Finding, quoted
from pvcheck.explain import page
from pvcheck.loading import catalogue
from pvcheck.report import evaluators


@click.command()
@click.argument("code")
def explain(code: str) -> None:
    """Print what CODE or an evaluator means, with examples.

    CODE stands in a message, such as PV207 or GGUF-ALIGN; or it is the name of an evaluator, such as
    q4k-chain: then its parameters and metrics are told.
    """
    text = page(code.upper())
    if text is None:
        known = catalogue.table(config.of_folder(Path.cwd()).root)
        text = evaluators.page(code, known[code]) if code in known else _of_plugins(code.upper())
    if text is None:
        hint = "codes stand in messages, such as PV207 or GGUF-ALIGN; pv plugins list names the evaluators"
        raise ConfigError(Finding("PV704", f"there is no page about {quoted(code)}", hint=hint, exit_code=2))
    show(text.rstrip("\n").split("\n"))


def _of_plugins(code: str) -> str | None:
    """Return the page of a plugin's own code."""
    from pvcheck.host import discover  # noqa: PLC0415 - plugins are loaded only for a code that is not ours

    return discover().pages().get(code)
