"""The parts of the reference that are made from the code: commands, statuses, codes, schemas, the action."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click
import yaml
from pages import ROOT

from pvcheck import explain
from pvcheck.cli import COMMANDS, EXITS, cli
from pvcheck.errors import EXIT_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FAMILIES = {
    "PV1": "Reading a file",
    "PV2": "The shape of a contract",
    "PV3": "What a contract says",
    "PV4": "Statuses, evidence and versions",
    "PV5": "Plugins and what they measure",
    "PV6": "Guards, challenges and model files",
    "PV7": "Commands and settings",
    "PV9": "pvcheck itself",
}
BLOCKS = {
    "Metadata": "metadata",
    "Input": "inputs.NAME",
    "Falsifier": "falsification_tests[]",
    "Accept": "falsification_tests[].accept",
    "Stage": "implementation_stages[]",
    "Challenge": "challenge",
    "Amendment": "amendments[]",
    "Transition": "amendments[].transitions[]",
    "BoundChange": "amendments[].bounds[]",
    "Renewal": "amendments[].renewed[]",
    "Obligation": "proof_obligations[]",
    "Equation": "equations.NAME",
    "Harness": "kani_harnesses[]",
    "QaGate": "qa_gate",
    "VerificationSummary": "verification_summary",
}
"""The blocks of the schema that the page tells, in the order of its sections, and where each stands in a file."""


def cell(text: str) -> str:
    """Return text fit for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(*rows: Iterable[str]) -> Iterator[str]:
    """Yield a table whose first row is its head."""
    for number, row in enumerate(rows):
        cells = [cell(each) for each in row]
        yield "| " + " | ".join(cells) + " |"
        if number == 0:
            yield "| " + " | ".join("---" for _ in cells) + " |"


def paragraphs(text: str) -> Iterator[str]:
    """Yield a help text as Markdown; lines that the help keeps as they are become a list."""
    for part in re.split(r"\n\s*\n", text.strip()):
        if part.startswith("\b"):
            yield from (f"- `{' '.join(line.split())}`" for line in part.splitlines()[1:])
        else:
            yield " ".join(part.split())
        yield ""


def commands() -> Iterator[str]:
    """Yield a section for each command, and for each of its own commands."""
    with click.Context(cli, info_name="pv") as context:
        yield from _options(cli, context)
        for name in sorted(COMMANDS):
            command = cli.get_command(context, name)
            assert command is not None
            yield from _command(command, context, name)


def _command(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    """Yield the section of one command."""
    with click.Context(command, info_name=name, parent=parent) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        yield from (f"## {context.command_path}", "", f"`{context.command_path} {usage}`", "")
        yield from paragraphs(command.help or "")
        yield from _options(command, context)
        if isinstance(command, click.Group):
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                assert found is not None
                yield from _command(found, context, each)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the table of a command's options; ``--help`` belongs to all and is told once."""
    rows = [_option(each, context) for each in shown_options(command)]
    if rows:
        yield from (*table(("option", "means", "default"), *rows), "")


def shown_options(command: click.Command) -> list[click.Option]:
    """Return the options that the help of a command shows; those that every command has are told of ``pv`` alone."""
    common = [] if command is cli else [each.name for each in cli.params]
    options = [each for each in command.params if isinstance(each, click.Option)]
    return [each for each in options if not each.hidden and each.name not in common]


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    """Return the row of an option."""
    names, words = option.get_help_record(context) or ("", "")
    names = ", ".join(option.opts + option.secondary_opts)
    takes = "" if option.is_flag or option.count else option.make_metavar(context)
    spelt = f"{names}{takes}" if takes.startswith("[=") or not takes else f"{names} {takes}"
    default = option.default if isinstance(option.default, str | int | float) and not option.is_flag else ""
    many = "; may be given again" if option.multiple else ""
    return f"`{spelt}`", words.rstrip(".") + many, f"`{default}`" if default not in {"", False} else ""


def exits() -> Iterator[str]:
    """Yield the table of exit statuses, and which of several wins."""
    told = re.findall(r"^  (\d+) +(.*)$", EXITS, re.MULTILINE)
    yield from table(("status", "means"), *told)
    order = ", ".join(map(str, EXIT_ORDER))
    yield from ("", f"When several happened together, the first of this order wins: {order}.", "")


def codes() -> Iterator[str]:
    """Yield a table of codes for each family, each with a link to its page."""
    for family, title in FAMILIES.items():
        found = [code for code in explain.codes() if code.startswith(family)]
        yield from (f"## {family}xx: {title}", "")
        yield from table(("code", "about"), *((_linked(code), _title(code)) for code in found))
        yield ""


def _linked(code: str) -> str:
    """Return a link to the page of a code."""
    return f"[{code}](../pvcheck/explain/{code}.md)"


def _title(code: str) -> str:
    """Return what stands behind the code in the first line of its page."""
    return (explain.page(code) or "").partition("\n")[0].removeprefix(f"# {code} ")


def contract() -> Iterator[str]:
    """Yield the tables of a contract's keys, block by block."""
    schema = json.loads((ROOT / "schemas" / "contract-1.schema.json").read_text(encoding="utf-8"))
    yield from ("## The file", "")
    yield from _keys(schema)
    for name, place in BLOCKS.items():
        yield from (f"## {place}", "")
        yield from paragraphs(schema["$defs"][name].get("description", "").replace("``", "`"))
        yield from _keys(schema["$defs"][name])


def report() -> Iterator[str]:
    """Yield the tables of a report's keys, block by block; every key is always there."""
    schema = json.loads((ROOT / "schemas" / "report-1.schema.json").read_text(encoding="utf-8"))
    links = frozenset(schema["$defs"])
    yield from ("## The document", "")
    yield from _keys(schema, mark="", links=links)
    for name, block in schema["$defs"].items():
        yield from (f"## {name}", "")
        yield from paragraphs(_means(block))
        yield from _keys(block, mark="", links=links)


def _keys(block: dict[str, Any], mark: str = ", needed", links: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the table of the keys of a block.

    :param mark: is put behind the keys that must be there.
    :param links: the blocks that have a section on the page.
    """
    needed = block.get("required", [])
    rows = [
        (f"`{key}`" + (mark if key.partition(".")[0] in needed else ""), _form(value, links), _means(value))
        for key, value in _flat(block.get("properties", {}))
    ]
    if not rows:
        return
    yield from (*table(("key", "is", "means"), *rows), "")
    if block.get("additionalProperties") is False:
        yield from ("Any other key is refused.", "")


def _flat(properties: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield keys and their values, and behind each block that has no name the keys in it."""
    for key, value in properties.items():
        yield key, value
        yield from ((f"{key}.{inner}", each) for inner, each in _flat(value.get("properties", {})))


def _means(value: dict[str, Any]) -> str:
    """Return the first paragraph of a description: what follows it is for an editor."""
    return str(value.get("description", "")).partition("\n\n")[0].replace("``", "`")


def _form(value: dict[str, Any], links: frozenset[str]) -> str:
    """Return in words what a value may be."""
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " or ".join(f"`{'null' if each is None else each}`" for each in value["enum"])
    if "$ref" in value:
        return _named(value["$ref"], links)
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_form(each, links) for each in value["anyOf"]))
    kinds = value.get("type", "anything")
    words = [FORMS.get(each, each) for each in ([kinds] if isinstance(kinds, str) else kinds)]
    items = value.get("items", {}).get("$ref") if kinds == "array" else None
    return " or ".join(words) + (f" of {_named(items, links)}" if items and links else "")


def _named(reference: str, links: frozenset[str]) -> str:
    """Return the block that a reference leads to, as a link where it has a section."""
    name = reference.rpartition("/")[2]
    return f"[{name}](#{name.lower()})" if name in links else "a block"


def action() -> Iterator[str]:
    """Yield the tables of what the GitHub Action takes and gives."""
    told = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    inputs = [(f"`{name}`", each["description"], _default(each)) for name, each in told["inputs"].items()]
    yield from (*table(("input", "means", "default"), *inputs), "")
    outputs = [(f"`{name}`", each["description"]) for name, each in told["outputs"].items()]
    yield from (*table(("output", "is"), *outputs), "")


def _default(value: dict[str, str]) -> str:
    """Return the default of an input, or nothing."""
    return f"`{value['default']}`" if value.get("default") else ""


FORMS = {"array": "a list", "object": "a block", "string": "text", "boolean": "`true` or `false`"}
PARTS = {
    "docs/how-to-pre-merge.md": action,
    "docs/reference-commands.md": commands,
    "docs/reference-exits.md": exits,
    "docs/reference-codes.md": codes,
    "docs/reference-contract.md": contract,
    "docs/reference-report.md": report,
}
