"""Validation against the schema: messages with their places, and two validators that agree."""

from __future__ import annotations

import json
import socket
import sys
import threading

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from loading.texts import GOOD, edited, loaded, told

from pvcheck.errors import BugError
from pvcheck.loading import schema
from pvcheck.loading.schema import Fault

CONTRACT = schema.load(schema.CONTRACT)
AMENDMENT = "amendments:\n- {version: 1.10.0, date: 2026-11-22%s}\n"

WRONG = {
    "missing": (
        [("  id: C-1\n", "")],
        "c.yaml:2:3: PV201 the key 'id' is missing",
        "add 'id: ...' here",
    ),
    "missing in an item": (
        [("- id: F-2\n  rule", "- rule")],
        "c.yaml:19:3: PV201 the key 'id' is missing",
        "add 'id: ...' here",
    ),
    "missing block": (
        [("amendments: []\n", "amendments: [{version: 1.10.0}]\n")],
        "c.yaml:25:14: PV201 the key 'date' is missing",
        "add 'date: ...' here",
    ),
    "list where text": (
        [("status: ACTIVE", "status: [a]")],
        "c.yaml:5:11: PV202 the value must be text, got a list",
        "write the text on this line, in quotes if it starts like something else",
    ),
    "nothing where text": (
        [("status: ACTIVE", "status:")],
        "c.yaml:5:3: PV202 the value must be text, got nothing",
        "fill the value in, or leave the key out",
    ),
    "text where a list": (
        [("expected_acceptance: [F-1]", "expected_acceptance: F-1")],
        'c.yaml:23:24: PV202 the value must be a list, got "F-1"',
        "put '- ' before each item",
    ),
    "text where a block": (
        [("{model: teacher, layers: 0-27, scale: 1e-3}", "teacher")],
        'c.yaml:14:9: PV202 the value must be a block of keys, got "teacher"',
        "see `pv schema` for what stands here",
    ),
    "text where a truth value": (
        [("format: gguf", "format: gguf\n    optional: maybe")],
        'c.yaml:9:15: PV202 the value must be true or false, got "maybe"',
        "see `pv schema` for what stands here",
    ),
    "number where a truth value": (
        [("format: gguf", "format: gguf\n    optional: 1")],
        "c.yaml:9:15: PV202 the value must be true or false, got 1",
        "see `pv schema` for what stands here",
    ),
    "truth value where a list": (
        [("amendments: []", "amendments: true")],
        "c.yaml:25:13: PV202 the value must be a list, got true",
        "put '- ' before each item",
    ),
    "neither block nor list": (
        [("amendments: []", "equations: 3")],
        "c.yaml:25:12: PV202 the value must be a block of keys or a list, got 3",
        "put '- ' before each item",
    ),
    "version": (
        [("1.10.0", "1.10")],
        'c.yaml:4:12: PV203 the value must be a version, got "1.10"',
        "write three numbers, such as 1.13.0",
    ),
    "version with leading zero": (
        [("1.10.0", "01.2.0")],
        'c.yaml:4:12: PV203 the value must be a version, got "01.2.0"',
        "write three numbers, such as 1.13.0",
    ),
    "version with line break": (
        [("1.10.0", '"1.2.0\\n"')],
        'c.yaml:4:12: PV203 the value must be a version, got "1.2.0\\n"',
        "write three numbers, such as 1.13.0",
    ),
    "version in other digits": (
        [("1.10.0", "\u0661.2.0")],
        'c.yaml:4:12: PV203 the value must be a version, got "\u0661.2.0"',
        "write three numbers, such as 1.13.0",
    ),
    "status": (
        [("status: ACTIVE", "status: active")],
        'c.yaml:5:11: PV203 the value must be a status, got "active"',
        "write capitals, digits and _, such as PENDING",
    ),
    "digest": (
        [("path: teachers/small.gguf", "path: a.gguf\n    sha256: abc")],
        'c.yaml:10:13: PV203 the value must be a SHA-256, got "abc"',
        "write 64 lower-case hex digits, as sha256sum prints them",
    ),
    "name": (
        [("evaluator: chain", "evaluator: Chain")],
        'c.yaml:13:14: PV203 the value must be a name, got "Chain"',
        "use lower-case letters, digits, - and _, a letter first",
    ),
    "id": (
        [("id: C-1", 'id: "C\\n::error::"')],
        'c.yaml:3:7: PV203 the value must be an id, got "C\\n::error::"',
        "use letters, digits, '.', '-' and '_'",
    ),
    "id with a blank": (
        [("id: S-1", "id: S 1")],
        'c.yaml:22:7: PV203 the value must be an id, got "S 1"',
        "use letters, digits, '.', '-' and '_'",
    ),
    "date": (
        [("amendments: []\n", AMENDMENT.replace("2026-11-22", "22.11.2026") % "")],
        'c.yaml:26:27: PV203 the value must be a date, got "22.11.2026"',
        "write YYYY-MM-DD",
    ),
    "reference": (
        [("amendments: []\n", AMENDMENT % ", renewed: [{id: F-1, evidence: abc}]")],
        'c.yaml:26:69: PV203 the value must be a reference to a record, got "abc"',
        "pv run --write writes it",
    ),
    "schema": (
        [("schema: 1", "schema: 3")],
        "c.yaml:2:11: PV204 the value must be 1, got 3",
        "write one of these",
    ),
    "long id": (
        [("id: C-1", "id: " + "C" * 129)],
        "c.yaml:3:7: PV205 the value must be of at most 128 characters, got 129",
        "change it to fit",
    ),
    "empty path": (
        [("path: teachers/small.gguf", "path: ''")],
        "c.yaml:9:11: PV205 the value must be of at least 1 characters, got 0",
        "change it to fit",
    ),
    "no falsifiers": (
        [(GOOD[GOOD.index("falsification_tests") : GOOD.index("implementation")], "falsification_tests: []\n")],
        "c.yaml:10:22: PV205 the value must be of at least 1 items, got 0",
        "change it to fit",
    ),
}


@pytest.mark.parametrize(("edits", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_the_schema_refuses_is_told_with_place_and_way_out(edits, message, hint):
    """Each violation is one finding in our own words, where the value stands."""
    result = loaded(edited(*edits))

    assert told(result.findings) == [message]
    assert result.findings[0].hint == hint
    assert result.findings[0].exit_code == 1


def test_findings_can_be_put_in_the_order_of_the_file():
    """Everything that is wrong is found at once, and line and column say where."""
    text = edited(("id: C-1", "id: C 1"), ("format: gguf", "formats: gguf"), ("evaluator: chain", "evaluator: [x]"))

    assert told(loaded(text).findings) == [
        'c.yaml:3:7: PV203 the value must be an id, got "C 1"',
        "c.yaml:8:5: PV201 the key 'format' is missing",
        'c.yaml:8:5: PV207 the key "formats" is not known here and is near "format"',
        "c.yaml:13:14: PV202 the value must be text, got a list",
    ]


OTHER = {
    "enum": (Fault((), "enum", ["a", "b"]), "c", "PV204", 'the value must be a or b, got "c"'),
    "enum of numbers": (Fault((), "enum", [1, 2]), 3, "PV204", "the value must be 1 or 2, got 3"),
    "minimum": (Fault((), "minimum", 0), -1, "PV205", "the value must be at least 0, got -1"),
    "maximum": (Fault((), "maximum", 9), 10, "PV205", "the value must be at most 9, got 10"),
    "above": (Fault((), "exclusiveMinimum", 0), 0, "PV205", "the value must be above 0, got 0"),
    "below": (Fault((), "exclusiveMaximum", 1), 1.5, "PV205", "the value must be below 1, got 1.5"),
    "items": (Fault((), "maxItems", 1), [1, 2], "PV205", "the value must be of at most 1 items, got 2"),
    "integer": (Fault((), "type", "integer"), 1.5, "PV202", "the value must be a whole number, got 1.5"),
    "choice": (Fault((), "anyOf", [{"type": "string"}, {"$ref": "#"}]), 1, "PV202", None),
    "form": (Fault((), "pattern", "^x$"), "y", "PV203", 'the value must be of the form ^x$, got "y"'),
    "rule": (
        Fault((), "multipleOf", 2),
        3,
        "PV205",
        "the value breaks the rule 'multipleOf' of its schema, got 3",
    ),
}


@pytest.mark.parametrize(("fault", "found", "code", "message"), OTHER.values(), ids=OTHER)
def test_the_keywords_of_other_schemas_have_words_too(fault, found, code, message):
    """The parameters of evaluators use more of JSON Schema than contracts do."""
    assert schema.worded(fault, found)[:2] == (code, message or "the value must be text or a block of keys, got 1")


# --- two validators ---

BASE = yaml.safe_load(edited(("1.10.0", "'1.10.0'"), ("0-27", "'0-27'")))
BREAK = {
    "nothing": lambda _: None,
    "trailing newline": lambda it: it["metadata"].update(version="1.2.0\n"),
    "trailing newline in an id": lambda it: it["metadata"].update(id="C-1\n"),
    "trailing newline in a digest": lambda it: it["inputs"]["teacher"].update(sha256="a" * 64 + "\n"),
    "other digits": lambda it: it["metadata"].update(version="\u0661.2.0"),
    "missing and extra": lambda it: it["inputs"]["teacher"].update(formats=it["inputs"]["teacher"].pop("format")),
    "true for 1": lambda it: it["metadata"].update(schema=True),
    "1.0 for 1": lambda it: it["metadata"].update(schema=1.0),
    "null": lambda it: it["falsification_tests"][0].update(status=None),
    "a number for text": lambda it: it["falsification_tests"][0].update(id=7),
    "no list": lambda it: it.update(amendments={}),
    "two choices": lambda it: it["falsification_tests"][0]["expect"].update(growth=5),
    "deep choice": lambda it: it["falsification_tests"][0]["expect"].update(growth=["", "x" * 201]),
    "empty list": lambda it: it.update(falsification_tests=[]),
    "no falsifiers": lambda it: it.pop("falsification_tests"),
    "no metadata": lambda it: it.clear(),
    "long": lambda it: it["metadata"].update(id="x" * 129),
    "astral": lambda it: it["falsification_tests"][0]["expect"].update(growth="\U0001f600" * 200),
    "astral, one too long": lambda it: it["falsification_tests"][0]["expect"].update(growth="\U0001f600" * 201),
    "amendment": lambda it: it.update(amendments=[{"version": "1", "day": "x", "transitions": [{"id": ""}]}]),
}


def places(faults) -> set[tuple[tuple[str | int, ...], str]]:
    """Return where and by which keyword an instance was refused."""
    return {(each.route, each.keyword) for each in faults}


@pytest.mark.parametrize("change", BREAK.values(), ids=BREAK)
def test_168_the_fast_validator_agrees_with_the_reference(change):
    """Both find the same violations at the same places, a line break at the end of a text included."""
    instance = json.loads(json.dumps(BASE))
    change(instance)

    assert places(schema.faults(CONTRACT, instance)) == places(schema.by_reference(CONTRACT, instance))


words = st.sampled_from(["", "1.2.0", "1.2.0\n", "PENDING", "pending", "F-1", "a" * 129, "sha256:" + "0" * 64])
parts = st.recursive(
    words | st.none() | st.booleans() | st.integers(-2, 2) | st.floats(0, 1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "status", "to"]), inner),
    max_leaves=4,
)
falsifiers = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["id", "status", "evaluator", "with", "expect", "evidence"], parts)
)
contracts = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["schema", "id", "version", "status", "registry"], parts)
        ),
        "inputs": st.dictionaries(st.just("t"), st.dictionaries(st.sampled_from(["format", "path", "x"]), parts)),
        "falsification_tests": st.lists(falsifiers, max_size=2),
        "amendments": st.lists(st.dictionaries(st.sampled_from(["version", "date", "transitions"]), parts)),
    },
)


@given(contracts)
@settings(max_examples=60, deadline=None)
def test_168_the_validators_agree_on_any_instance(instance):
    """No instance is right for one and wrong for the other."""
    assert places(schema.faults(CONTRACT, instance)) == places(schema.by_reference(CONTRACT, instance))


def test_168_without_the_fast_validator_the_reference_answers(monkeypatch):
    """Where there is no wheel of the fast one, the findings are the same."""
    text = edited(("id: C-1", "id: C 1"), ("format: gguf", "formats: gguf"))
    with_it = told(loaded(text).findings)

    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)

    assert told(loaded(text).findings) == with_it


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "reference"])
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_schema_cannot_make_us_open_a_socket_or_a_file(scheme, fast, monkeypatch, tmp_path):
    """A reference that leads out of a schema is refused, and nobody is asked for it."""
    called = threading.Event()
    (tmp_path / "schema.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        uri = f"http://127.0.0.1:{server.getsockname()[1]}/x" if scheme == "http" else f"file://{tmp_path}/schema.json"
        if not fast:
            monkeypatch.setitem(sys.modules, "jsonschema_rs", None)

        def serve() -> None:
            try:
                server.accept()[0].close()
                called.set()
            except TimeoutError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ValueError, match="own parts only"):
            schema.refuse_unusable({"$ref": uri})
        thread.join()

    assert not called.is_set()


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "reference"])
def test_what_is_no_schema_is_refused(fast, monkeypatch):
    """A schema with an unknown type is an error of the schema, not of what it judges."""
    if not fast:
        monkeypatch.setitem(sys.modules, "jsonschema_rs", None)

    with pytest.raises(ValueError, match="nonsense"):
        schema.refuse_unusable({"type": "nonsense"})
    schema.refuse_unusable({"type": "object", "required": ["a"]})


def test_one_place_and_keyword_is_told_once():
    """Two missing keys are one violation, whose demand names both."""
    shape = {"type": "object", "required": ["a", "b"]}

    found = list(schema.faults(shape, {}))

    assert found == [Fault((), "required", ["a", "b"])]


# --- shipped schemas ---


def test_a_schema_that_is_not_shipped_is_our_own_fault():
    """A broken installation is told as one."""
    with pytest.raises(BugError) as caught:
        schema.load("other")

    assert str(caught.value) == "PV902 the schema other.schema.json is missing from the installation"
    assert caught.value.findings[0].hint == "install pv-contracts again"


def test_a_damaged_schema_is_our_own_fault(monkeypatch, tmp_path):
    """A schema that is no JSON is told as a broken installation."""
    path = tmp_path / "contract-1.schema.json"
    path.write_text("{")
    monkeypatch.setattr(schema, "file_of", lambda _: path)

    with pytest.raises(BugError, match=r"^PV902 contract-1\.schema\.json is damaged: Expecting property name"):
        schema.load(schema.CONTRACT)


@pytest.mark.parametrize("name", [schema.CONTRACT, schema.UPSTREAM])
def test_our_schemas_are_schemas(name):
    """Both are valid by the meta-schema of draft 2020-12."""
    shape = schema.load(name)

    jsonschema.Draft202012Validator.check_schema(shape)
    assert shape["$schema"] == "https://json-schema.org/draft/2020-12/schema"
