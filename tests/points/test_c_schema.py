"""Points 32 to 44: what a contract must have, what it may not have, and what it costs to say so."""

from __future__ import annotations

import json
import re
import socket
import threading
import time

import jsonschema
import pytest
from helpers import CONTRACT

from pvcheck.loading import contract as loading
from pvcheck.loading import schema

ENTRY = CONTRACT[CONTRACT.index("- id: F-2") : CONTRACT.index("implementation_stages")]
NEAR_MISSES = ("a" * 10_000 + "!", "1." * 5_000 + "x", "0" * 10_000 + ".0.0", "-" * 10_000, "sha256:" + "a" * 9_992)


@pytest.fixture
def checked(project):
    """Check a contract with texts replaced: exit status, findings, and the seconds it took."""

    def check(*changes, text=CONTRACT):
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new, 1)
        path = project.contract(text)
        before = path.read_bytes()
        began = time.process_time()
        result = project.run("validate", "--no-cache")
        took = time.process_time() - began
        assert path.read_bytes() == before
        assert "Traceback" not in result.out + result.err
        return result.status, result.findings, took

    return check


RULE = "  rule: growth is bounded\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column", "told"),
    [
        pytest.param("  id: C-TEST\n", "", "PV201", 2, 3, "'id'", id="missing"),
        pytest.param("- id: F-1\n  rule", "- rule", "PV201", 11, 3, "'id'", id="missing in an item"),
        pytest.param(RULE, RULE.replace("rule", "rull"), "PV207", 12, 3, "rule", id="misspelt"),
        pytest.param("0-3}", "0-3}\n  accept: {zebra: x}", "PV208", 15, 12, "zebra", id="unknown"),
        pytest.param("evaluator: probe", "evaluator: [probe]", "PV202", 13, 14, "text", id="wrong type"),
        pytest.param("status: PENDING", "status: DISCHRGED", "PV216", 18, 11, "DISCHARGED", id="bad word"),
    ],
)
def test_032_a_key_that_is_missing_unknown_misspelt_or_wrong(checked, old, new, code, line, column, told):
    """The place is that of the key or the value, and the message or the hint has the way out."""
    status, findings, _ = checked(old, new)

    found = next(each for each in findings if each.code == code)
    assert status == 1
    assert (found.line, found.column) == (line, column)
    assert told in f"{found.message} {found.hint}"


def test_033_a_contract_without_falsifiers_cannot_pass(checked):
    """What claims nothing is no contract."""
    whole = CONTRACT[CONTRACT.index("falsification_tests") : CONTRACT.index("implementation_stages")]

    status, findings, _ = checked(whole, "falsification_tests: []\n", "[F-1]", "[]")

    assert status == 1
    assert {each.code for each in findings if str(each.severity) == "error"} & {"PV205", "PV315", "PV201", "PV202"}


@pytest.mark.parametrize("name", ["F-1", "f-1", "F-\u00ad1", "F-\u0661", "\u0424-1", "F-1\u0301", "F 1", "F-1\\n"])
def test_034_ids_that_only_seem_to_differ(checked, name):
    """One id twice, another case, a soft hyphen, a digit and a letter of another script, an accent, a space."""
    status, findings, _ = checked("- id: F-2", f'- id: "{name}"')

    assert status == 1
    assert {each.code for each in findings} & {"PV302", "PV203", "PV114", "PV109"} or findings[0].code.startswith("PV1")


def test_035_one_id_in_two_files(project):
    """Both paths are in the message."""
    project.contract(CONTRACT, "one.yaml")
    project.contract(CONTRACT.replace("growth is bounded", "growth is small"), "two.yaml")

    result = project.run("validate", "--no-cache")

    found = next(each for each in result.findings if each.code == "PV324")
    assert result.status == 1
    assert (found.path, "contracts/one.yaml" in found.message) == ("contracts/two.yaml", True)


VERSIONS = ['"1.2.0\\n"', "\u0661.\u0662.\u0660", "01.2.0", "1.2", "v1.2.0", "1.2.0.0", "9" * 30 + ".0.0"]


@pytest.mark.parametrize("version", VERSIONS)
def test_036_a_version_that_is_none(checked, version):
    """Also one whose number nobody counts to."""
    status, findings, _ = checked("version: 1.2.3", f"version: {version}")

    assert status == 1
    assert {each.code for each in findings} & {"PV203", "PV202", "PV215"}


@pytest.mark.parametrize("name", ["a" * 30 + "!", "a" * 60_000, "A-" * 100])
def test_037_a_long_id_costs_nothing(checked, name):
    """It is refused, and shown with its beginning only."""
    status, findings, took = checked("- id: F-2", f"- id: '{name}'")

    assert status == 1
    assert max(len(each.message) for each in findings) < 600
    assert took < 1


def test_037_no_pattern_of_the_schema_is_slow(checkout):
    """Texts that nearly match, as long as a text may be, for each pattern."""
    patterns = set(_each(_schema(checkout), "pattern"))
    assert patterns

    began = time.process_time()
    for pattern in patterns:
        for text in NEAR_MISSES:
            re.search(pattern, text)

    assert time.process_time() - began < 0.05 * len(patterns)


def test_038_a_reference_in_a_contract_leads_nowhere(checked):
    """$ref and $schema are keys that nobody knows, counted and not followed: nobody connects to anything."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
    heard = []

    def listen():
        try:
            heard.append(listener.accept())
        except OSError:
            return

    waiting = threading.Thread(target=listen)
    waiting.start()

    status, findings, _ = checked("metadata:\n", f"$schema: {address}\n$ref: {address}\nmetadata:\n")

    waiting.join()
    listener.close()
    assert heard == []
    assert status == 0
    assert [each.code for each in findings] == ["PV309"]


@pytest.mark.parametrize("bound", [".nan", "'< nan'", "'< inf'", "'>= -inf'", "< 1e999", "'in [nan, 2]'", "nan +- 1%"])
def test_039_a_bound_is_a_number(checked, bound):
    """NaN is in no order, and what is below infinity is no claim."""
    status, findings, _ = checked("growth: < 18", f"growth: {bound}")

    assert status == 1
    assert {each.code for each in findings} & {"PV301", "PV115", "PV202"} or findings[0].code.startswith("PV1")


@pytest.mark.parametrize("tolerance", ["-1%", "1e999%", "'x'", "true", "nan%"])
def test_040_a_tolerance_that_is_none(checked, tolerance):
    """Negative, without an end, a text, a truth value, without a unit. Zero is one: it asks for the number itself."""
    status, findings, _ = checked("growth: < 18", f"growth: 1.8 +- {tolerance}")

    assert (status, [each.code for each in findings if each.code != "PV309"]) == (1, ["PV301"])


def test_041_a_value_within_three_hundred_others_is_refused(checked):
    """The validator never sees it: reading ends at the thirty-second level."""
    status, findings, took = checked("amendments: []", f"amendments: {'[' * 300}{']' * 300}")

    assert (status, len(findings)) == (1, 1)
    assert took < 1


def test_042_ten_thousand_errors_are_told_in_a_hundred(project):
    """The rest is counted."""
    entries = "".join(f"- {{id: F-{n}, accept: {{zebra: x}}}}\n" for n in range(2, 10_000))
    project.contract(CONTRACT.replace(ENTRY, entries))

    result = project.run("validate", "--no-cache", "--format", "concise")

    assert result.status == 1
    assert len(result.out) < 65_536
    assert "PV199 19897 more findings of this file are not shown" in result.out
    assert "19996 errors" in result.out


def test_043_the_schema_bounds_everything(checkout):
    """It is a schema, says of each block what else may stand in it, and gives each text an end; reading ends lists."""
    told = _schema(checkout)

    jsonschema.Draft202012Validator.check_schema(told)
    blocks = told["$defs"] | {"the file": told}
    assert [name for name, each in blocks.items() if each.get("type") == "object" and not _is_closed(name, each)] == []
    assert [path for path, each in _nodes(told) if each.get("type") == "string" and not _ends(each)] == []


@pytest.mark.parametrize("damage", ["missing", "corrupt"])
def test_044_a_damaged_installation_is_told(project, monkeypatch, tmp_path, damage):
    """It is nobody's contract that is at fault."""
    project.contract(CONTRACT)
    shipped, place = schema.file_of, tmp_path / "damaged.json"
    place.write_text('{"type": ')
    if damage == "corrupt":
        monkeypatch.setattr(schema, "file_of", lambda name: place if "contract" in name else shipped(name))
    else:
        monkeypatch.setattr(schema, "__file__", str(tmp_path / "pvcheck" / "loading" / "schema.py"))
    loading._shape.cache_clear()

    result = project.run("validate", "--no-cache")

    loading._shape.cache_clear()
    assert result.status == 70
    assert "PV902" in result.err
    assert "install pv-contracts again" in result.err


def _schema(checkout):
    """Return the schema as it is shipped."""
    return json.loads((checkout / "schemas" / "contract-1.schema.json").read_text())


def _is_closed(name, block):
    """Say whether a block of a schema says what else may stand in it."""
    del name
    return "additionalProperties" in block


def _ends(node):
    """Say whether a text of a schema has an end."""
    return "maxLength" in node or "enum" in node or "const" in node or "pattern" in node


def _nodes(node, path=""):
    """Yield every block of a schema."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from _nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _nodes(value, f"{path}/{index}")


def _each(node, key):
    """Yield every value of a key in a schema."""
    for _, each in _nodes(node):
        if isinstance(each.get(key), str):
            yield each[key]
