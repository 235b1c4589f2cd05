"""The device of a run: what "auto" picked is told and kept, and is in no comparison."""

from __future__ import annotations

import json
import sys

import pytest

from pvcheck.domain import canonical
from pvcheck.domain.digest import sha256

SOUND = {"metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]}}
NONE = "no CUDA device: none here"
FIRST = "the evaluator's first choice"


@pytest.fixture
def on_cuda(project, probe, pv, monkeypatch):
    """Let the probe prefer cuda, and measure there where its file says that it can."""
    light, heavy = probe / "probe_light.py", probe / "probe_heavy.py"
    light.write_text(light.read_text().replace("implementation=", 'devices=("cuda", "cpu"), implementation='))
    line = '    if "sleep" in told:'
    asked = '    if context.device == "cuda" and (told["metrics"]["count"] < 5):\n'
    refused = f"        raise NotMeasured({NONE!r})\n"
    heavy.write_text(heavy.read_text().replace(line, asked + refused + line))
    monkeypatch.delitem(sys.modules, "probe_light")
    assert pv("schema", "--plugins", "--write")[0] == 0
    return project


def made_by(project):
    """Return who made the one record of a project."""
    (record,) = project.contract.parent.glob("evidence/c/*.json")
    return json.loads(record.read_text())["predicate"]["made_by"]


@pytest.mark.parametrize(
    ("count", "told"),
    [(4, f"cpu (auto: {NONE})"), (5, f"cuda (auto: {FIRST})")],
    ids=["second", "first"],
)
def test_a_run_tells_and_keeps_what_auto_picked(on_cuda, pv, count, told):
    """One line, after the falsifiers; the record has it as well, and shows it."""
    on_cuda.measure({"metrics": SOUND["metrics"] | {"count": count}})

    status, out, _ = pv("run", "--write")

    assert status == 0
    assert out.count("\n  device: ") == 1
    assert f"\n  device: {told}\n--- a/contracts/c.yaml\n" in out
    assert made_by(on_cuda)["device"] == told
    assert f"python, device {told}, on " in pv("evidence", "show", "F-1")[1]


def test_a_line_stands_once_and_not_without_tables(on_cuda, pv):
    """Two falsifiers on one device are one line; ``-q`` leaves it out."""
    on_cuda.edit("- id: F-2\n", "- id: F-2\n  evaluator: probe\n  with: {model: model}\n  expect: {growth: '> 1'}\n")

    _, full, _ = pv("run")
    _, quiet, _ = pv("run", "-q")

    assert full.count(f"  device: cpu (auto: {NONE})\n") == 1
    assert "\n  device: " not in quiet


def test_a_missing_device_moves_no_status(on_cuda, pv):
    """Not measured, with the reason, exit 3; nothing is written."""
    before = on_cuda.state()

    status, out, _ = pv("run", "--device", "cuda", "--write")

    assert status == 3
    assert f"  not measured  F-1\n      {NONE}\n" in out
    assert on_cuda.state() == before


def test_another_device_renews_no_evidence(on_cuda, pv):
    """The numbers are the same, so a second run on another device changes no byte."""
    on_cuda.measure({"metrics": SOUND["metrics"] | {"count": 5}})
    pv("run", "--write", "--device", "cpu")
    before = on_cuda.state()

    status, out, _ = pv("run", "--write", "--device", "cuda")
    checked = pv("run", "--check")

    assert made_by(on_cuda)["device"] == "cpu"
    assert (status, checked[0]) == (0, 0)
    assert "\n  device: " not in out
    assert on_cuda.state() == before


def test_a_record_from_before_devices_were_kept_is_read(on_cuda, pv):
    """It is shown, judged and compared like any other."""
    pv("run", "--write")
    (path,) = on_cuda.contract.parent.glob("evidence/c/*.json")
    statement = json.loads(path.read_bytes())
    del statement["predicate"]["made_by"]["device"]
    old = canonical.dumps(statement)
    path.unlink()
    path.with_name(f"{sha256(old)}.json").write_bytes(old)
    on_cuda.edit(path.stem, sha256(old), 2)

    shown, checked = pv("evidence", "show", "F-1"), pv("run", "--check")

    assert pv("validate")[0] == shown[0] == checked[0] == 0
    assert "python, on " in shown[1]
