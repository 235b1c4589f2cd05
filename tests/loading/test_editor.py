"""The schema for editors: made from the one that validates and the catalogue, and refusing nothing more."""

from __future__ import annotations

import json

import jsonschema
import pytest
from loading.test_models import parts

from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.loading import catalogue, contract, editor, lessons, schema
from pvcheck.loading.models import Contract, contract_schema

OURS = (
    "Metadata",
    "Input",
    "Falsifier",
    "Accept",
    "Stage",
    "Challenge",
    "Amendment",
    "Transition",
    "BoundChange",
    "Renewal",
)
"""Blocks of which each key is taught; of the others, what upstream's tools alone read is described and no more."""
UPSTREAMS = {
    "name", "test", "test_harness", "functional_evidence", "algorithm_evidence", "kind", "registry",
    "enforcement_level", "locked_level", "competitor", "demand_score", "intake_status",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(checkout):
    """Return the schema for the evaluators of this project."""
    return editor.editor_schema(catalogue.table(checkout))


def test_the_file_is_what_the_catalogue_makes(checkout):
    """Nobody edits it: `pv schema --editor --write` writes it."""
    assert (checkout / "schemas" / editor.NAME).read_text(encoding="utf-8") == editor.text(checkout)


def test_the_schema_that_validates_is_as_it_was():
    """No hook reads a word of what is taught."""
    before = contract_schema(Contract)

    editor.editor_schema({})

    assert schema.load(schema.CONTRACT) == before
    assert not [route for route, block in parts(before) if "markdownDescription" in block or "defaultSnippets" in block]


def test_it_is_a_schema_and_every_reference_leads_somewhere(made):
    """By the reference validator."""
    jsonschema.Draft202012Validator.check_schema(made)
    for route, block in parts(made):
        if isinstance(name := block.get("$ref"), str):
            assert name.removeprefix("#/$defs/") in made["$defs"], route


def test_every_key_of_ours_is_taught_and_no_lesson_is_left_over():
    """An example of each, and what refuses it where something does."""
    blocks = {"Contract": contract_schema(Contract), **contract_schema(Contract)["$defs"]}
    for name, taught in lessons.LESSONS.items():
        known = blocks[name]["properties"].keys()
        assert taught.keys() <= known, name
        assert name not in OURS or known - taught.keys() <= UPSTREAMS, name
    assert set(OURS) <= lessons.LESSONS.keys()


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, taught in lessons.LESSONS.items() for key in taught if name != "Contract"]
)
def test_every_example_has_the_form_of_its_key(name, key):
    """It is YAML, of that key, and the schema accepts the value."""
    from pvcheck.loading.instance import Shape, build
    from pvcheck.text import Document

    root = contract_schema(Contract)
    block = {"$defs": root["$defs"], **root["$defs"][name], "required": []}
    example = lessons.LESSONS[name][key].example.replace("sha256:4c...", f"sha256:{'4c' * 32}")

    document = Document.parse(f"{example}\n".encode(), "example")
    instance, found = build(document, Shape(block))

    assert found == []
    assert list(instance) == [key]
    assert list(schema.faults(block, instance)) == []


@pytest.mark.parametrize("key", lessons.LESSONS["Contract"])
def test_every_block_of_an_example_can_be_read(key):
    """In a contract of its own."""
    lines = {
        "metadata": "metadata: {schema: 1, id: C-A, version: 1.0.0}",
        "falsification_tests": "falsification_tests: [{id: F}]",
    }

    data = "\n".join((lines | {key: lessons.LESSONS["Contract"][key].example}).values()) + "\n"

    assert [each.code for each in contract.load(data.encode(), "c.yaml").findings] == []


def test_contracts_of_the_project_are_accepted(checkout, made):
    """What the rules accept is not refused for its evaluator."""
    for path in (checkout / "contracts").glob("*.yaml"):
        loaded = contract.load(path.read_bytes(), str(path))
        assert list(schema.faults(made, loaded.instance)) == [], path


@pytest.mark.parametrize(
    ("change", "keyword"),
    [
        ({"with": {"text": "t"}}, "required"),
        ({"with": {"text": "t", "pattern": "a", "more": 1}}, "additionalProperties"),
        ({"with": {"text": "t", "pattern": "a", "literal": 1}}, "type"),
        ({"expect": {"matchs": "< 1"}}, "additionalProperties"),
        ({"with": None}, "type"),
    ],
)
def test_a_falsifier_is_checked_by_its_evaluator(made, change, keyword):
    """As `pv validate` does by other means."""
    test = {"id": "F", "evaluator": "text-match", "with": {"text": "t", "pattern": "a"}, "expect": {"matches": "< 1"}}
    whole = {"metadata": {"schema": 1, "id": "C", "version": "1.0.0"}, "falsification_tests": [test | change]}

    assert keyword in {each.keyword for each in schema.faults(made, whole)}


def test_limits_are_written_as_an_editor_knows_them(made):
    """A number with limits of pydantic's kind is refused outside of them."""
    limits = made["$defs"]["command.with"]["properties"]["timeout"]

    assert (limits["exclusiveMinimum"], limits["maximum"]) == (0, 3600)
    assert "gt" not in limits


def test_a_name_that_no_contract_can_write_is_left_out(checkout):
    """A pattern is made of names, so what is none must not get into one."""
    entry = catalogue.table(checkout)["text-match"]

    made = editor.editor_schema({"a|b": entry, "text-match": entry})

    assert [each for each in made["$defs"] if each.endswith(".with")] == ["text-match.with"]


@pytest.mark.parametrize("series", [False, True], ids=["one", "series"])
@pytest.mark.parametrize("kind", lessons.BOUNDS)
def test_bounds_that_are_proposed_fit(kind, series):
    """Each can be read, and put on a metric of its type."""
    proposed = list(editor.bounds_for(kind, series=series))

    assert [bounds.parse(each).misfit(MetricType(kind), series=series) for each in proposed] == [""] * len(proposed)
    assert len(set(proposed)) == len(proposed)


def test_the_command_prints_it_and_renews_it_with_the_catalogue(pv, tmp_path, monkeypatch):
    """`--editor` prints, `--write` writes; the catalogue takes a schema along that is there already."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "schemas" / editor.NAME

    printed = pv("schema", "--editor")
    assert pv("schema", "--editor", "--write") == (0, f"wrote {path}\n", "")
    path.write_text("old")
    status, out, _ = pv("schema", "--plugins", "--write")

    assert json.loads(printed[1])["$defs"]["text-match.with"]
    assert (status, out) == (0, f"wrote {tmp_path}/schemas/evaluators.json\nwrote {path}\n")
    assert path.read_text() == printed[1]


@pytest.mark.parametrize(
    "words", [["--editor", "--plugins"], ["--upstream", "--editor"], ["--write"], ["--upstream", "--write"]]
)
def test_three_schemas_are_not_asked_for_at_once(pv, words):
    """Nor is one written that ships with pvcheck."""
    assert pv("schema", *words)[0] == 2
