"""``pv explain``: the page of a code, of a word of a verdict, of an evaluator or a metric, or of a falsifier here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pvcheck import config, discovery
from pvcheck import explain as pages
from pvcheck.cli import completing
from pvcheck.cli.output import show
from pvcheck.errors import ConfigError, Finding, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.domain.canonical import JSON


@click.command()
@click.argument("topic", required=False, shell_complete=completing.topics)
def explain(topic: str | None) -> None:
    """Tell what a code, a guard, a status, an exit status, an evaluator, a metric or a falsifier is.

    TOPIC is a code of a message, such as PV207 or GGUF-ALIGN; a guard, a status, an outcome or an exit status; an
    evaluator, then its parameters and metrics are told; a metric; or the id of a contract or falsifier of the project:
    what it claims, how it stands, why it is stale and what became of it. Without TOPIC, all of them are listed.
    """
    if topic is None:
        from pvcheck.report import explained  # noqa: PLC0415 - the page of a code needs none of it

        show(explained.overview(_table(), discovery.ids(Path.cwd())))
        return
    text = pages.page(topic.upper()) or _word(topic) or _here(topic) or _of_plugins(topic.upper())
    if text is None:
        raise _refused(topic)
    show(text.rstrip("\n").split("\n"))


def _table() -> Mapping[str, dict[str, JSON]]:
    """Return the evaluators of the project."""
    from pvcheck.loading import catalogue  # noqa: PLC0415 - as above

    return catalogue.table(config.of_folder(Path.cwd()).root)


def _word(topic: str) -> str | None:
    """Return the page of a guard, a status, an outcome or an exit status."""
    if topic.lower() in pages.GUARDS:
        return pages.page(pages.GUARDS[topic.lower()])
    for kind in pages.KINDS:
        for word, meaning in pages.words(kind).items():
            if topic.lower().replace("-", "_") == word.lower():
                return f"# {pages.KINDS[kind]} {word}\n\n{meaning}\n"
    return None


def _here(topic: str) -> str | None:
    """Return what the project knows under a name: an evaluator, a metric, falsifiers."""
    from pvcheck.pipeline import naming  # noqa: PLC0415 - as above
    from pvcheck.report import evaluators, explained  # noqa: PLC0415 - as above

    table = _table()
    parts = [evaluators.page(topic, table[topic])] if topic in table else []
    parts += ["\n".join(explained.metric(topic, table))]
    parts += ["\n".join(explained.falsifier(each)) + "\n" for each in naming.known(topic, Path.cwd())]
    return "\n".join(part for part in parts if part) or None


def _of_plugins(code: str) -> str | None:
    """Return the page of a plugin's own code."""
    from pvcheck.host import discover  # noqa: PLC0415 - plugins are loaded only for a code that is not ours

    return discover().pages().get(code)


def _known(table: Mapping[str, dict[str, JSON]]) -> Iterator[str]:
    """Yield every name that can be mistyped; a wrong number of a code or a status is near to no other."""
    yield from (*pages.GUARDS, *pages.words("statuses"), *pages.words("outcomes"))
    yield from table
    yield from (each["name"] for entry in table.values() for each in entry["metrics"])
    yield from discovery.ids(Path.cwd())


def _refused(topic: str) -> ConfigError:
    """Return the refusal of what has no page, with the name that is nearest."""
    from pvcheck.loading import keys  # noqa: PLC0415 - as above

    near = keys.nearest(topic, _known(_table())) if topic else None
    message = f"there is no page about {quoted(topic)}" + (f" (did you mean {quoted(near)}?)" if near else "")
    hint = "pv explain alone lists what has one; codes stand in messages, such as PV207 or GGUF-ALIGN"
    return ConfigError(Finding("PV704", message, hint=hint, exit_code=2))
