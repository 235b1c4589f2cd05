"""Files of reports: written beside whatever is shown, whatever the status is, and never in place of something else."""

from __future__ import annotations

import json
import os

import pytest

from pvcheck.cli import formats
from pvcheck.pipeline import outputs

BAD = "growth: around 18"


def test_several_reports_are_written_beside_the_text(project, pv):
    """The text and the status are what they are without them."""
    project.edit("growth: < 18", BAD)
    plain = pv("validate")
    (project.root / "out").mkdir()
    words = [f"--report={form}=out/report.{form}" for form in formats.MACHINES]

    found = pv("validate", *words)

    assert found == plain
    assert plain[0] == 1
    for form in formats.MACHINES:
        assert (project.root / "out" / f"report.{form}").read_text() == pv("validate", "--format", form)[1]


@pytest.mark.parametrize(
    ("words", "prepare", "status"),
    [
        pytest.param(["run"], lambda one: one.measure({"metrics": {"growth": 20.0, "count": 4}}), 1, id="refuted"),
        pytest.param(["run"], lambda one: one.model.unlink(), 3, id="missing"),
        pytest.param(["validate", "nowhere"], lambda _: None, 4, id="empty"),
        pytest.param(["validate"], lambda one: (one.root / "pv.toml").write_text("x = ["), 2, id="settings"),
        pytest.param(["challenge", "-k", "nobody"], lambda _: None, 4, id="challenge"),
    ],
)
def test_a_report_is_written_whatever_the_status_is(project, pv, words, prepare, status):
    """With that status in it."""
    prepare(project)

    found = pv(*words, "--report", "json=r.json")

    assert found[0] == status
    assert json.loads((project.root / "r.json").read_text())["exit_status"] == status
    assert found[1:] == pv(*words)[1:] or words == ["run"]


def test_forged_evidence_is_reported(project, pv):
    """Status 5."""
    pv("run", "--write")
    (record,) = (project.root / "contracts" / "evidence" / "c").iterdir()
    record.write_text(record.read_text() + " ")

    status, _, _ = pv("validate", "--report=json=r.json")

    assert status == json.loads((project.root / "r.json").read_text())["exit_status"] == 5


REFUSED = {
    "contracts/c.yaml": "it would take the place of a contract",
    "new.yml": "it would take the place of a contract",
    "link.json": "it would take the place of a contract",
    "contracts": "it is a folder",
    "no/r.json": "its folder is not there",
    "pv.toml": "it would take the place of settings",
    "contracts/evidence/c/r.json": "it would take the place of evidence",
    f"{'0' * 64}.json": "it would take the place of evidence",
    "pipe": "it is no regular file",
    os.devnull: "it is no regular file",
}


@pytest.mark.parametrize("command", ["validate", "run", "challenge"])
@pytest.mark.parametrize(("path", "why"), REFUSED.items())
def test_150_a_place_of_something_else_is_refused(project, pv, command, path, why):
    """Before anything is done, and every file is as it was."""
    pv("run", "--write")
    os.mkfifo(project.root / "pipe")
    (project.root / "link.json").symlink_to(project.contract)
    before = {name: data for name, data in project.state().items() if name != "pipe"} if command == "x" else None
    contract = project.contract.read_bytes()

    status, out, err = pv(command, f"--report=json={path}")

    assert before is None
    assert (status, out) == (2, "")
    assert err.splitlines()[0] == f"{path}: PV472 the report cannot be written there: {why}"
    assert "  hint: name a file such as report.json in a folder that is there" in err
    assert project.contract.read_bytes() == contract


@pytest.mark.parametrize("form", ["json", "summary"])
def test_150_a_place_that_cannot_be_written_to_is_refused_before_anything_is_done(project, pv, monkeypatch, form):
    """A summary that is there needs no folder: CI makes the file, and its folder may be shut."""
    monkeypatch.setattr(outputs.os, "access", lambda path, _: str(path).endswith("open.md"))  # root may write anywhere
    (project.root / "open.md").touch()
    (project.root / "shut.md").touch()

    shut = pv("run", f"--report={form}=shut.md")
    fine = pv("validate", "--report=summary=open.md")

    assert shut[:2] == (2, "")
    assert "cannot be written to" in shut[2]
    assert fine[0] == 0
    assert "### " in (project.root / "open.md").read_text()


def test_two_reports_need_two_places(project, pv):
    """And the results of a run a third."""
    two = pv("run", "--report=json=r", "--report=sarif=./r")
    results = pv("run", "--report=json=r", "--results=r")

    assert (two[0], results[0]) == (2, 2)
    assert "another report goes there" in two[2]
    assert "the results of this run go there" in results[2]
    assert not (project.root / "r").exists()


@pytest.mark.parametrize("value", ["json", "json=", "xml=r.xml", "=r", "full=r"])
def test_a_report_names_a_format_and_a_path(project, pv, value):
    """Others are a usage error."""
    status, _, err = pv("validate", f"--report={value}")

    assert status == 2
    assert "write FORMAT=PATH with one of json, github, sarif, junit, markdown, summary" in err
    assert list(project.root.glob("r*")) == []


def test_a_summary_is_put_behind_what_is_there(project, pv):
    """Several steps write one file; what would be too much becomes the verdict."""
    path = project.root / "summary"
    path.write_text("before\n")

    pv("validate", "--report=summary=summary")
    once = path.read_text()
    path.write_text(once + "x" * (formats.MAX_SUMMARY - len(once) - 100))
    pv("validate", "--report=summary=summary")

    assert once == "before\n" + pv("validate", "--format=markdown")[1]
    assert path.stat().st_size <= formats.MAX_SUMMARY
    assert path.read_text().endswith(
        "1 contract, 2 falsifiers: 0 discharged, 0 falsified, 1 pending; 1 unbound; no errors\n"
    )


@pytest.mark.parametrize("form", ["json", "summary"])
def test_a_disk_that_refuses_does_not_hide_the_status(project, pv, monkeypatch, form):
    """The text is shown, the fault is told, a violation stays a violation and a green run becomes 3."""
    from pvcheck import files

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "write", refuse)

    green = pv("validate", f"--report={form}=r")
    project.edit("growth: < 18", BAD)
    red = pv("validate", f"--report={form}=r")

    assert (green[0], red[0]) == (3, 1)
    assert green[1].startswith("1 contract, ")
    assert green[2].startswith("r: PV711 cannot write: no space left on device\n")


def test_a_pipe_takes_no_summary(tmp_path):
    """Nor does anything else that could hang."""
    from pvcheck import files
    from pvcheck.errors import NotMeasuredError

    os.mkfifo(tmp_path / "pipe")
    keep = os.open(tmp_path / "pipe", os.O_RDWR)

    with pytest.raises(NotMeasuredError, match="not a regular file"):
        files.append(tmp_path / "pipe", b"x")

    os.close(keep)


@pytest.mark.parametrize("words", [("--format", "sarif"), ("--report", "json=r")], ids=" ".join)
def test_a_dry_run_has_no_report(project, pv, words):
    """It measures nothing."""
    status, _, err = pv("run", "--dry-run", *words)

    assert status == 2
    assert "--dry-run measures nothing, so it cannot be given with --" in err
    assert not (project.root / "r").exists()


def test_concise_form_of_a_run(project, pv):
    """No tables, no hints."""
    project.measure({"metrics": {"growth": 1.5, "count": 4, "steps": [1.0, -2.5]}})

    full, concise = pv("run"), pv("run", "--format", "concise")

    assert full[0] == concise[0] == 0
    assert "layer 0" in full[1]
    assert "layer 0" not in concise[1]
    assert concise[1].splitlines()[-1] == full[1].splitlines()[-1]
