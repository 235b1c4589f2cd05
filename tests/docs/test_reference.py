"""The reference is what the code says: a part of each page is made from it, and the form of records is counted.

``PVCHECK_UPDATE_DOCS=1`` writes the parts again; they are then to be read in review.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from typing import TYPE_CHECKING

import click
import pytest
import references
from pages import ROOT

from pvcheck import explain
from pvcheck.cli import COMMANDS, cli
from pvcheck.errors import EXIT_ORDER
from pvcheck.pipeline import bases

if TYPE_CHECKING:
    from collections.abc import Iterator

UPDATE = os.environ.get("PVCHECK_UPDATE_DOCS") == "1"
PART = re.compile(r"(<!-- generated -->\n\n)(.*?)(<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize(("name", "made"), references.PARTS.items(), ids=list(references.PARTS))
def test_a_page_of_the_reference_is_made_from_the_code(name, made):
    """Whoever changes an option, a status, a code or the schema makes the page again."""
    path = ROOT / name
    part = "\n".join(made()).rstrip() + "\n\n"
    text = path.read_text(encoding="utf-8")
    due = PART.sub(lambda match: match[1] + part + match[3], text)

    if UPDATE:
        path.write_text(due, encoding="utf-8")

    assert len(PART.findall(text)) == 1
    assert path.read_text(encoding="utf-8") == due


def test_every_option_of_every_command_is_told():
    """Counted by another way than the pages are made."""
    text = (ROOT / "docs" / "reference-commands.md").read_text(encoding="utf-8")
    sections = {head: part for head, _, part in (each.partition("\n") for each in text.split("\n## ")[1:])}

    told = {
        name: set(re.findall(r"^\| `(--?[\w-]+(?:, --?[\w-]+)*)", part, re.MULTILINE))
        for name, part in sections.items()
    }

    assert told == dict(spelt("pv", cli))


def spelt(path: str, command: click.Command) -> Iterator[tuple[str, set[str]]]:
    """Yield each command below one, and how its options are spelt."""
    if command is not cli:
        yield path, {", ".join(each.opts) for each in references.shown_options(command)}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from spelt(f"{path} {name}", command.get_command(context, name))


def test_the_tables_have_every_status_and_every_code():
    """And no other."""
    exits = (ROOT / "docs" / "reference-exits.md").read_text(encoding="utf-8")
    codes = (ROOT / "docs" / "reference-codes.md").read_text(encoding="utf-8")

    assert [int(each) for each in re.findall(r"^\| (\d+) \|", exits, re.MULTILINE)] == sorted(EXIT_ORDER)
    assert tuple(re.findall(r"^\| \[(PV\d{3})\]", codes, re.MULTILINE)) == explain.codes()


def test_every_block_of_the_schema_is_on_the_page_or_is_upstreams():
    """A block that pvcheck reads and nobody documents would be a secret."""
    schema = json.loads((ROOT / "schemas" / "contract-1.schema.json").read_text(encoding="utf-8"))
    upstream = {"EnforcementRule", "KernelStructure", "Lean", "Phase", "TypeInvariant"}

    assert set(schema["$defs"]) == set(references.BLOCKS) | upstream


NAMED = ("predicate.metrics", "predicate.inputs", "predicate.claim.inputs", "predicate.made_by.libraries")
"""Blocks whose keys are names that somebody chose."""


def keys(value: object, place: str = "") -> Iterator[str]:
    """Yield the place of every value of a record; names that somebody chose become NAME."""
    if place == "predicate.claim.with" or (isinstance(value, dict) and set(value) == {"hex", "decimal"}):
        yield place
    elif isinstance(value, dict):
        for key, each in value.items():
            name = "NAME" if place in NAMED else key
            yield from keys(each, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list) and not place.endswith((".value", ".ranges", ".shape")):
        for each in value:
            yield from keys(each, f"{place}[]")
    else:
        yield place


CONTRACT = """\
metadata:
  schema: 1
  id: C-PRODUCT
  version: 1.0.0
falsification_tests:
- id: PRODUCT-001
  rule: the product is what the page says
  prediction: it is 6
  if_fails: the page is wrong
  evaluator: arithmetic
  with: {numbers: {two: 2, three: 3}, product: [two, three]}
  expect: {product: == 6}
  status: PENDING
amendments: []
"""


def test_the_page_about_records_has_every_key_of_every_record(project):
    """Those of the repository, which were made over time, and one that is made now: the page tells each key."""
    project.file("contracts/product.yaml", CONTRACT)
    made = project.run("run", "--write")
    assert made.status == 0, str(made)
    page = (ROOT / "docs" / "reference-evidence.md").read_text(encoding="utf-8").split("## A challenge")[0]
    told = set(re.findall(r"^\| `([\w.\[\]]+)` \|", page, re.MULTILINE))

    found = set()
    for path in (*ROOT.glob("contracts/evidence/*/*.json"), *project.root.glob("contracts/evidence/*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["predicateType"] == "urn:pvcheck:evaluation:v1":
            found |= set(keys(record))

    assert found - told == set()
    assert told - found == {"predicate.details.skipped[].reason", "predicate.details.skipped[].what"}


def test_the_page_about_records_names_both_kinds():
    """By the URI that tells them apart."""
    page = (ROOT / "docs" / "reference-evidence.md").read_text(encoding="utf-8")

    kinds = {
        json.loads(path.read_text(encoding="utf-8"))["predicateType"]
        for path in ROOT.glob("contracts/evidence/*/*.json")
    }

    assert {each for each in kinds if f"`{each}`" in page} == kinds


def test_the_index_has_a_way_for_each_reader():
    """And it leads to every command's page through the reference."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")

    assert len(re.findall(r"^- \*\*", index, re.MULTILINE)) == 3
    assert "reference-commands.md" in index
    assert len(COMMANDS) > 10


def test_the_site_is_built_by_what_the_lock_installs():
    """The builder is among the tools of development."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]

    assert {re.split(r"[<>=]", each)[0] for each in groups["dev"] if isinstance(each, str)} >= {"sphinx", "myst-parser"}


def test_every_variable_of_the_environment_is_told():
    """Those of our own, wherever the source names them, and those that CI systems and hooks set."""
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8").split("## The environment")[1]
    told = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", page))
    sources = [*ROOT.glob("pvcheck/**/*.py"), *ROOT.glob("plugins/*/pvcheck_*/**/*.py")]
    named = re.compile(r"\"(PVCHECK_[A-Z0-9_]+|PV_DEBUG|PRE_COMMIT_[A-Z_]+)\"")
    inner = {"PVCHECK_WORKER"}  # set by pvcheck for its own workers

    ours = {name for path in sources for name in named.findall(path.read_text(encoding="utf-8"))} - inner
    colours = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"}

    assert told == ours | colours | {"XDG_CACHE_HOME", *bases.BRANCHES, *bases.COMMITS}
