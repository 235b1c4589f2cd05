"""Walking a schema beside a document: what a place asks for."""

from __future__ import annotations

import pytest

from pvcheck.loading.instance import Shape, build
from pvcheck.text import Document

ROOT = {
    "$defs": {
        "part": {"type": "object", "properties": {"id": {"type": "string"}}},
        "either": {"anyOf": [{"$ref": "#/$defs/part"}, {"type": "array", "items": {"type": "string"}}]},
    },
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "word": {"const": "x"},
        "one": {"const": 1},
        "either": {"$ref": "#/$defs/either"},
        "mixed": {"anyOf": [{"type": "string"}, {"type": "number"}]},
        "any": {},
    },
    "additionalProperties": {"type": "boolean"},
}
SHAPE = Shape(ROOT)


@pytest.mark.parametrize(
    ("key", "types"),
    [
        ("text", {"string"}),
        ("word", {"string"}),
        ("one", {"number"}),
        ("either", {"object", "array"}),
        ("mixed", {"string", "number"}),
        ("any", set()),
        ("unknown", {"boolean"}),
    ],
)
def test_a_place_asks_for_types(key, types):
    """References and choices are followed; a place that asks for nothing has no types."""
    assert SHAPE.types(SHAPE.of_key(ROOT, key)) == types


def test_keys_and_items_are_found_through_choices():
    """Each branch of a choice is looked into."""
    either = SHAPE.of_key(ROOT, "either")

    assert SHAPE.known_keys(either) == {"id"}
    assert SHAPE.of_key(either, "id") == {"type": "string"}
    assert SHAPE.of_key(either, "other") == {}
    assert SHAPE.of_item(either) == {"type": "string"}
    assert SHAPE.of_item({"type": "string"}) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("text: 1.10", "1.10"),
        ("text: no", "no"),
        ("text: 2026-11-22", "2026-11-22"),
        ("text: null", "null"),
        ("text:", None),
        ("text: ''", ""),
        ("word: 1", "1"),
        ("one: 1", 1),
        ("mixed: 1", 1),
        ("mixed: a", "a"),
        ("any: 1e-5", 1e-5),
        ("any: '1e-5'", "1e-5"),
        ("any: ~", None),
        ("other: true", True),
        ("either: [1, true]", ["1", "true"]),
        ("either: {id: 1, x: 1}", {"id": "1", "x": 1}),
    ],
)
def test_a_scalar_is_what_its_place_asks_for(text, value):
    """Text where only text will do, otherwise the core schema; an empty value is nothing."""
    instance, findings = build(Document.parse(text.encode(), "c.yaml"), SHAPE)

    assert findings == []
    assert list(instance.values()) == [value]
    assert type(next(iter(instance.values()))) is type(value)


def test_an_ambiguous_word_stays_text_and_is_told():
    """What two versions of YAML read differently is a finding, and validation goes on."""
    instance, findings = build(Document.parse(b"any: 010\n", "c.yaml"), SHAPE)

    assert instance == {"any": "010"}
    assert [(each.code, each.line, each.column) for each in findings] == [("PV130", 1, 6)]
