"""``project``: a folder to run ``pv`` in, and what a run came to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import CONTRACT

from pvcheck.errors import Finding, Severity
from pvcheck.report import findings
from pvcheck.testing import Result, project, projects

__all__ = ["project"]

SOUND = {"metrics": {"growth": 1.5, "count": 4}}


@pytest.fixture
def ready(project, probe):
    """Give a project with a contract that the probe measures."""
    del probe
    project.allow("probe")
    project.contract(CONTRACT)
    project.file("contracts/model.bin", json.dumps(SOUND))
    return project


def test_a_claim_is_measured_written_and_valid(ready):
    """From a project in a test to a status that was earned."""
    result = ready.run("run", "--write")

    result.assert_outcomes(held=1)
    assert (result.status, result.findings, result.err) == (0, (), "")
    assert result.outcomes == {"F-1": "held"}
    assert "status: DISCHARGED" in (ready.root / "contracts" / "contract.yaml").read_text()
    assert ready.run("validate").status == 0


@pytest.mark.parametrize(
    ("told", "outcome", "status"),
    [
        pytest.param({"metrics": {"growth": 99.0, "count": 4}}, "refuted", 1, id="refuted"),
        pytest.param(SOUND | {"right": 3}, "invalid", 3, id="invalid"),
        pytest.param({"fail": "no"}, "error", 3, id="error"),
        pytest.param({"sleep": 20}, "timeout", 3, id="timeout"),
        pytest.param({"absent": "no device"}, "not_measured", 3, id="not measured"),
    ],
)
def test_every_outcome_is_counted(ready, told, outcome, status):
    """By the word that a person reads."""
    ready.settings('evaluators = ["probe"]\ntimeout = 3\n' if outcome == "timeout" else 'evaluators = ["probe"]\n')
    ready.file("contracts/model.bin", json.dumps(told))

    result = ready.run("run")

    result.assert_outcomes(**{outcome: 1})
    assert result.status == status


def test_other_outcomes_fail_with_the_whole_output(ready):
    """What was wanted, what came, and all that was said."""
    result = ready.run("run")

    with pytest.raises(AssertionError) as caught:
        result.assert_outcomes(refuted=2, held=0)

    assert str(caught.value) == f"the outcomes must be refuted=2, got held=1\nexit status 0\n{result.out}"
    with pytest.raises(AssertionError, match="the outcomes must be none, got held=1"):
        result.assert_outcomes()


def test_an_outcome_that_does_not_exist_is_refused(ready):
    """A misspelt word would otherwise be 0 of nothing."""
    with pytest.raises(TypeError, match=r"there is no outcome 'failed': use held, refuted, not_measured, "):
        ready.run("run").assert_outcomes(failed=0)


def test_findings_have_place_code_hint_and_severity(ready):
    """Of both streams, in the order they were told."""
    ready.contract(CONTRACT.replace("layers: 0-3", "layer: 0-3"))

    found = ready.run("validate").findings
    usage = ready.run("explain", "PV999")

    assert [(each.code, each.path, each.line, each.column) for each in found] == [
        ("PV306", "contracts/contract.yaml", 14, 24)
    ]
    assert found[0].hint == "use one of layers, model"
    assert [each.code for each in usage.findings] == ["PV704"]
    assert usage.status == 2
    assert usage.err.startswith("PV704 ")


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("line", [0, 7])
@pytest.mark.parametrize("hint", ["", "do that"])
def test_a_finding_is_read_back_from_its_text(severity, line, hint):
    """What is told and what a test sees are one value."""
    finding = Finding("PV207", "a key: twice [x]", "a b/c.yaml", line, line, hint, severity)

    text = "".join(f"{each}\n" for each in findings.lines([finding]))

    assert Result(0, text, "").findings == (finding,)


def test_files_and_folders_are_copied_into_the_project(project, tmp_path):
    """Under their own names; the originals stay."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")

    folder, file = project.add(tmp_path / "data"), project.add(tmp_path / "data" / "a.txt")

    assert (folder / "a.txt").read_text() == file.read_text() == "a"
    assert folder.parent == file.parent == project.root


def test_an_evaluator_that_nobody_offers_cannot_be_allowed(project):
    """The message says how to install it."""
    with pytest.raises(AssertionError) as caught:
        project.allow("nobody")

    assert str(caught.value).startswith(
        "no installed plugin offers the evaluator 'nobody': install yours with pip install -e . --no-deps, "
        "and see pv plugins list\nexit status 0\n"
    )


def test_a_project_leaves_the_process_where_it_was(project):
    """Folder and streams are those of before."""
    before = Path.cwd()

    assert project.run("--version").out.startswith("pv ")
    assert project.run("nope").status == 2
    assert Path.cwd() == before


def test_a_stream_of_another_kind_has_no_text(monkeypatch):
    """Nothing is guessed about a stream that somebody put in the place of ours."""

    class Stream:
        buffer = None

        def flush(self):
            """Do nothing."""

    assert projects._text(Stream()) == ""
