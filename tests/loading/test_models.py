"""The models and the schema files: the one makes the other, and neither can be tricked."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from pvcheck.loading import schema
from pvcheck.loading.models import Contract, UpstreamContract, contract_schema
from pvcheck.loading.schema import _FORMS

SCHEMAS = Path(__file__).parents[2] / "schemas"
MODELS = {schema.CONTRACT: Contract, schema.UPSTREAM: UpstreamContract}


def parts(value, route=()):
    """Yield every block of a JSON value with its route."""
    if isinstance(value, dict):
        yield route, value
        for key, item in value.items():
            yield from parts(item, (*route, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from parts(item, (*route, index))


@pytest.mark.parametrize("name", MODELS)
def test_the_schema_file_is_what_the_models_make(name):
    """Nobody edits a schema: it is written from the models."""
    made = json.dumps(contract_schema(MODELS[name]), indent=2) + "\n"

    assert (SCHEMAS / f"{name}.schema.json").read_text() == made


@pytest.mark.parametrize("name", MODELS)
def test_editors_see_a_description_and_no_noise(name):
    """Every field is described; no generated titles, no null defaults."""
    for route, block in parts(contract_schema(MODELS[name])):
        assert not isinstance(block.get("title"), str), route
        assert block.get("default", ...) is not None, route
        for key, field in block.get("properties", {}).items() if isinstance(block.get("properties"), dict) else ():
            assert field.get("description") or "$ref" in field, (*route, key)


def test_every_text_of_ours_is_bounded():
    """A text in a contract of ours has a greatest length or a form."""
    unbounded = [
        route
        for route, block in parts(contract_schema(Contract))
        if block.get("type") == "string" and "maxLength" not in block and "pattern" not in block
    ]

    assert unbounded == []


PATTERNS = sorted(
    {block["pattern"] for _, block in parts(contract_schema(Contract)) if isinstance(block.get("pattern"), str)}
)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("piece", ["a", "A", "0", "1.", "-", "sha256:", "A_", "aA0._-"])
def test_no_pattern_can_be_made_slow(pattern, piece):
    """A near miss of 10,000 characters is refused at once, by both engines."""
    text = piece * (10_000 // len(piece)) + "!"
    begun = time.perf_counter()

    found = [each.keyword for each in schema.faults({"pattern": pattern}, text)]
    match = re.search(pattern.replace("$", r"\Z"), text, re.ASCII)

    assert (found, match) == (["pattern"], None)
    assert time.perf_counter() - begun < 0.05


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_is_anchored_and_has_words(pattern):
    """A pattern holds for the whole text, and a message says what it means."""
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert pattern in _FORMS


def test_no_words_are_left_over():
    """The table of forms has no pattern that the schema lost."""
    assert sorted(_FORMS) == PATTERNS


def test_shipped_contracts_have_the_shape_of_the_models():
    """What schema and rules accept, the models accept too: they carry no rules of their own."""
    instance = {
        "metadata": {"schema": 1, "id": "C-1", "version": "1.0.0", "new": 1},
        "falsification_tests": [{"id": "F-1", "expect": {"a": ["< 1"], "b": "< 2"}, "with": {"n": 1}}],
        "amendments": [{"version": "1.0.0", "date": "2026-11-22", "bounds": [{"id": "F-1", "metric": "a"}]}],
        "anything": {"else": 1},
    }

    assert list(schema.faults(schema.load(schema.CONTRACT), instance)) == []
    assert Contract.model_validate(instance).metadata.id == "C-1"
