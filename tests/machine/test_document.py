"""The document: what it says of a validation, a run and a challenge, and that it says it in the form of its schema."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from helpers import CONTRACT

from pvcheck.errors import Finding
from pvcheck.loading import schema
from pvcheck.report.machine import document, places
from pvcheck.report.machine.places import Top

FULL = {
    "metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]},
    "condition": 1449.0,
    "skip": True,
    "notes": ["half of the layers"],
}


def objects(node):
    """Yield every schema of an object, and every schema of a value."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for each in node.values():
            yield from objects(each)
    elif isinstance(node, list):
        for each in node:
            yield from objects(each)


def test_every_object_of_the_schema_is_closed_and_every_key_is_explained():
    """A key that is not in the schema is refused, and each that is there says what it means."""
    found = list(objects(schema.load(schema.REPORT)))

    assert len(found) > 20
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
        assert [
            key for key, value in each["properties"].items() if "description" not in value and "$ref" not in value
        ] == []


def test_the_schema_is_printed(pv):
    """As it ships; two schemas at a time are refused."""
    status, out, _ = pv("schema", "--report")

    assert status == 0
    assert json.loads(out) == schema.load(schema.REPORT)
    assert pv("schema", "--report", "--upstream")[0] == 2


def test_a_run_is_told_with_every_number_and_its_bits(project, told):
    """Outcome, moves, metrics with type, decimal, hex and bits, bounds with margins, guards, digests, device."""
    project.measure(FULL)
    project.edit("    growth: < 18", "    growth: < 18\n    same: is true\n    steps: '[1] == 0xc0200000'")
    project.edit("  expect:", "  accept: {conditioning: it is known to cancel}\n  expect:")

    found = told("run")

    assert (found["schema"], found["command"], found["mode"]) == ("pv.report/1", "run", "report")
    assert found["verdict"].startswith("2 falsifiers: 1 held; 1 unbound")
    (contract,) = found["contracts"]
    assert (contract["path"], contract["version"], contract["version_after"]) == ("contracts/c.yaml", "1.2.3", "1.3.0")
    assert (contract["status"], contract["status_after"], contract["written"]) == ("ACTIVE", "DISCHARGED", False)
    one, other = contract["falsifiers"]
    assert (one["status"], one["status_after"], one["line"], one["column"]) == ("PENDING", "DISCHARGED", 11, 7)
    assert (other["evaluator"], other["result"]) == (None, None)
    result = one["result"]
    assert (result["outcome"], result["device"]["backend"]) == ("held", "python")
    assert result["metrics"][0] == {
        "name": "growth",
        "type": "f64",
        "unit": "1",
        "series": False,
        "decimal": "1.5",
        "hex": "0x1.8000000000000p+0",
        "bits": "0x3ff8000000000000",
    }
    series = next(each for each in result["metrics"] if each["name"] == "steps")
    assert series["bits"] == ["0x3f800000", "0xc0200000"]
    assert {each["name"]: each["decimal"] for each in result["metrics"][1:3]} == {"count": "4", "same": "true"}
    assert result["bounds"][0]["margin"]["decimal"] == "16.5"
    assert {each["guard"]: each["accepted"] for each in result["guards"]}["conditioning"] == "it is known to cancel"
    assert result["digests"]["record"].startswith("sha256:")
    assert result["made_by"]["evaluator"] == "probe"
    assert (result["skipped"][0]["what"], result["notes"]) == ("layer 9", ["half of the layers"])


def test_a_run_that_writes_says_so(project, told):
    """The statuses before and after, and that the file was changed."""
    found = told("run", "--write")

    assert found["contracts"][0]["written"] is True
    assert found["contracts"][0]["falsifiers"][0]["status_after"] == "DISCHARGED"
    again = told("validate")
    assert again["counts"]["discharged"] == 1
    assert again["contracts"][0]["falsifiers"][0]["evidence"].startswith("sha256:")


@pytest.mark.parametrize(
    ("measured", "outcome", "status"),
    [
        pytest.param({"metrics": {"growth": 20.0, "count": 4}}, "refuted", 1, id="refuted"),
        pytest.param({"metrics": {"growth": "nan", "count": 4}}, "invalid", 3, id="not-a-number"),
        pytest.param({"fail": "no\x1b[31m\ud800 luck"}, "error", 3, id="error"),
        pytest.param({"absent": "no such device"}, "not_measured", 3, id="absent"),
        pytest.param({"sleep": 30}, "timeout", 3, id="timeout"),
    ],
)
def test_other_outcomes_have_their_reason_or_their_bounds(project, told, measured, outcome, status):
    """One that ended without numbers has none, and says why."""
    project.measure(measured)

    found = told("run", *(("--timeout", "0.5") if outcome == "timeout" else ()))

    result = found["contracts"][0]["falsifiers"][0]["result"]
    assert (result["outcome"], found["exit_status"]) == (outcome, status)
    assert found["counts"]["outcomes"][outcome] == 1
    assert bool(result["reason"]) == (outcome != "refuted")
    assert outcome != "refuted" or [each["held"] for each in result["bounds"]] == [False, True]


def test_a_regression_is_told_as_one(project, told):
    """A claim that was discharged and is refuted."""
    told("run", "--write")
    project.measure({"metrics": {"growth": 20.0, "count": 4}})

    result = told("run")["contracts"][0]["falsifiers"][0]["result"]

    assert result["regression"] is True


def test_a_challenge_is_told_with_faults_and_bounds(arena, told):
    """Which faults were caught, by which bound, and the score."""
    del arena

    found = told("challenge")

    done = [each["challenge"] for one in found["contracts"] for each in one["falsifiers"] if each["challenge"]]
    assert found["counts"]["faults"]["challenged"] == sum(each["challenged"] for each in done) > 0
    assert sum(each["caught"] for each in done) == found["counts"]["faults"]["caught"]
    assert {fault["state"] for each in done for fault in each["faults"]} >= {"moved"}
    assert any(each["bounds"] for each in done)


def test_findings_know_their_contract_and_their_falsifier(project, told):
    """By the lines of the text; what stands outside of any falsifier has none."""
    project.edit("growth: < 18", "grouth: < 18")
    project.edit("expected_acceptance: [F-1]", "expected_acceptance: [F-9]")

    found = told("validate")

    assert {each["contract"] for each in found["findings"]} == {"C-TEST"}
    assert {each["falsifier"] for each in found["findings"]} == {"F-1", None}


def test_many_contracts_are_told_as_few_are(project, told, pv, monkeypatch, tmp_path):
    """Whatever pv remembers of them from an earlier run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(20):
        text = CONTRACT.replace("C-TEST", f"C-{number}").replace("growth: < 18", "growth: around")
        (project.contract.parent / f"x{number:02}.yaml").write_text(text)
    pv("validate")

    found = told("validate")

    assert len(found["contracts"]) == 21
    assert {len(each["falsifiers"]) for each in found["contracts"]} == {2}
    assert {each["falsifier"] for each in found["findings"]} == {"F-1"}
    assert found["contracts"][0]["falsifiers"][0]["expectations"] == [
        {"metric": "growth", "bound": "< 18.0"},
        {"metric": "count", "bound": ">= 4.0"},
    ]


def test_an_end_before_any_contract_is_told_too(project, told):
    """A selection that is empty, settings that cannot be read."""
    assert told("validate", "nowhere")["findings"][0]["code"] == "PV707"
    (project.root / "pv.toml").write_text("no = [")

    found = told("run")

    assert (found["exit_status"], found["contracts"], found["verdict"]) == (2, [], "")


def test_paths_are_told_from_the_top_of_the_repository(project, told, monkeypatch):
    """Wherever the command was called; a file outside keeps its whole path."""
    monkeypatch.chdir(project.contract.parent)
    outside = project.root.parent / "o.yaml"
    outside.write_text("a: [")

    found = told("validate", "c.yaml", "../../o.yaml")

    assert [each["path"] for each in found["contracts"]] == ["contracts/c.yaml"]
    assert found["findings"][0]["path"] == str(outside)


def test_a_comparison_names_its_base(project, told):
    """What was compared with is part of the document."""
    for words in (["add", "-A"], ["-c", "user.name=n", "-c", "user.email=n@example.org", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=project.root, check=True)
    project.edit("growth: < 18", "growth: < 19")

    found = told("validate", "--against=HEAD")

    assert found["compared"].startswith("against HEAD (")
    assert found["verdict"].endswith(found["compared"])
    assert told("validate", "--staged")["compared"].endswith("nothing changed")


def test_texts_are_such_as_every_reader_can_hold():
    """Half a pair of code units becomes an escape; a megabyte becomes as much as anybody reads."""
    findings = [Finding("PV101", "a\ud800b \u202e"), Finding("PV101", "x" * (1 << 20))]

    found = document.of_end(document.Head("run", Path(), 1), findings)

    assert found["findings"][0]["message"] == "a\\ud800b \u202e"
    assert len(found["findings"][1]["message"]) == document.MAX_TEXT
    json.dumps(found).encode()


def test_a_folder_without_repository_is_its_own_top(tmp_path):
    """Paths stay as they are."""
    top = Top.of(tmp_path)

    assert (top.told("a/../b.yaml"), top.told(""), top.told("/etc/x")) == ("b.yaml", "", "/etc/x")


def test_an_odd_shape_has_no_blocks():
    """A contract whose falsifiers are no list, or whose text is not known."""
    assert places.blocks(None, None) == ()
    assert places.owner((), 3) is None
