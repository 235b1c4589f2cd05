"""Running a contract: outcomes, what they change, what they say, and the exit status they end with."""

from __future__ import annotations

import re

import pytest
from helpers import CONTRACT

SOUND = {"metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]}}
VERDICT = "2 falsifiers: 1 held; 1 unbound; no errors"


def last(out):
    """Return the last line."""
    return out.rstrip("\n").split("\n")[-1]


def without_times(out):
    """Return output with times replaced."""
    return re.sub(r"\d+ ms", "N ms", out)


def test_a_run_reports_and_changes_nothing(project, pv):
    """Bounds, margins, the table with bits, and the verdict with its denominator."""
    before = project.state()

    status, out, err = pv("run")

    assert (status, err) == (0, "")
    assert without_times(out) == (
        "C-TEST 1.2.3  contracts/c.yaml\n"
        "  held          F-1  N ms, python  was PENDING\n"
        "               steps        bits\n"
        "      layer 0      1  0x3f800000\n"
        "      layer 1   -2.5  0xc0200000\n"
        "      held     growth  < 18.0  1.5  margin 16.5\n"
        "      held     count   >= 4.0  4    margin 0\n"
        "next: pv run --write records 3 moves of statuses; --diff shows what it would change\n"
        f"{VERDICT}\n"
    )
    assert project.state() == before


def test_write_promotes_and_the_second_run_changes_no_byte(project, pv):
    """The record, the statuses, the version and the amendment; then nothing."""
    assert pv("validate")[0] == 0

    status, out, _ = pv("run", "--write", "-q")
    written = project.state()
    again = pv("run", "--write", "-q")

    assert status == again[0] == 0
    assert "+  status: DISCHARGED\n+  evidence: sha256:" in out
    assert len([name for name in written if name.startswith("contracts/evidence/c/")]) == 1
    assert project.state() == written
    assert "+++" not in again[1]
    assert pv("validate")[:2] == (
        0,
        "1 contract, 2 falsifiers: 1 discharged, 0 falsified, 0 pending; 1 unbound; no errors\n",
    )


def test_diff_shows_the_promotion_and_writes_nothing(project, pv):
    """What --write would change, to look at first."""
    before = project.state()

    status, out, _ = pv("run", "--diff", "-q")

    assert status == 0
    assert "--- a/contracts/c.yaml\n+++ b/contracts/c.yaml\n" in out
    assert "-  version: 1.2.3\n-  status: ACTIVE\n+  version: 1.3.0\n+  status: DISCHARGED\n" in out
    assert project.state() == before


def test_check_says_no_until_the_promotion_is_written(project, pv):
    """A claim that holds and has no evidence is not settled."""
    before = project.state()

    status, out, _ = pv("run", "--check", "-q")

    assert status == 1
    assert 'contracts/c.yaml:11:3: PV415 "F-1" would move from PENDING to DISCHARGED\n' in out
    assert "  hint: pv run --write records it\n" in out
    assert project.state() == before


def test_check_passes_when_the_evidence_is_repeated_and_fails_when_a_bit_differs(project, pv):
    """Measured again and compared bit for bit."""
    pv("run", "--write")
    before = project.state()

    same = pv("run", "--check", "-q")
    project.measure({"metrics": SOUND["metrics"] | {"growth": 1.5000000000000002}})
    changed = pv("run", "--check", "-q")
    project.measure(SOUND)

    assert same[0] == 0
    assert changed[0] == 1
    assert 'PV415 "F-1" was measured again and differs from its evidence' in changed[1]
    assert project.state() == before


def test_a_refuted_claim_exits_1_and_is_written_as_falsified(project, pv):
    """Once the contract admits it, the same refutation asks for nothing."""
    project.measure({"metrics": SOUND["metrics"] | {"growth": 20.0}})

    status, out, _ = pv("run", "--write")
    again = pv("run")

    assert status == 1
    assert "  REFUTED       F-1" in out
    assert "      REFUTED  growth  < 18.0  20  margin -2\n" in out
    assert "+  status: FALSIFIED\n" in out
    assert last(out) == "2 falsifiers: 1 refuted; 1 unbound; no errors"
    assert again[0] == 0
    assert pv("validate")[0] == 0


def test_a_regression_is_named(project, pv):
    """A claim that was discharged and is refuted today."""
    pv("run", "--write")
    project.measure({"metrics": SOUND["metrics"] | {"growth": 20.0}})

    status, out, _ = pv("run", "-q")

    assert status == 1
    assert "  N ms, python  was DISCHARGED: a regression\n" in without_times(out)


@pytest.mark.parametrize(
    ("told", "outcome", "reason"),
    [
        pytest.param({"fail": "out of luck"}, "error", "RuntimeError: out of luck", id="exception"),
        pytest.param(
            {"metrics": {"growth": "nan"}}, "invalid", "finite: growth has 1 of 1 numbers that are not finite", id="nan"
        ),
        pytest.param(
            SOUND | {"right": 5}, "invalid", "population: the two sides differ in count: 4 against 5", id="population"
        ),
        pytest.param({"metrics": {"other": 1}}, "error", 'bad result: metric "other" is not declared', id="undeclared"),
        pytest.param({"absent": "no such device"}, "not measured", "no such device", id="not measured"),
    ],
)
def test_what_cannot_be_told_exits_3_and_moves_nothing(project, pv, told, outcome, reason):
    """An error, an invalid comparison and a missing device are no verdicts."""
    project.measure(told)
    before = project.state()

    status, out, _ = pv("run", "--write")

    assert status == 3
    assert f"  {outcome:<12}  F-1" in out
    assert reason in out
    assert project.state() == before


def test_a_hang_is_a_timeout(project, pv):
    """The limit of the settings holds for each evaluation."""
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\ntimeout = 1.5\n')
    project.measure(SOUND | {"sleep": 60})

    status, out, _ = pv("run")

    assert status == 3
    assert "  timeout       F-1\n      no answer within 1.5 s\n" in out


def test_a_metric_that_is_not_reported_refutes_its_bound(project, pv):
    """Leaving a number out is no way to pass."""
    project.measure({"metrics": {"growth": 1.5}})

    status, out, _ = pv("run")

    assert status == 1
    assert "      REFUTED  count   >= 4.0  not reported\n" in out


def test_marks_skips_and_notes_are_shown(project, pv):
    """What the evaluator says beside its numbers reaches the reader."""
    project.edit("    growth: < 18\n", "")
    project.measure(SOUND | {"condition": 1449.0, "skip": True, "notes": ["half of the layers"]})

    status, out, _ = pv("run", "-q")

    assert status == 0
    assert "      skipped layer 9: it is not there\n      half of the layers\n" in out
    assert (
        "PV603 conditioning: growth divides by a sum that cancels: condition number 1449, backward error 0.0001\n"
        in out
    )


def test_a_missing_input_exits_3_and_an_optional_one_4(project, pv):
    """Nothing was measured, and the verdict says why."""
    project.model.unlink()

    needed = pv("run", "--write")
    project.edit("    path: model.bin\n", "    path: model.bin\n    optional: true\n")
    optional = pv("run", "--write")
    allowed = pv("run", "--allow-unmeasured")

    assert needed[0] == 3
    assert "  not measured  F-1\n      no model: contracts/model.bin is not there\n" in needed[1]
    assert last(needed[1]) == "2 falsifiers: 1 not measured (no model); 1 unbound; no errors"
    assert (optional[0], allowed[0]) == (4, 0)


def test_an_input_is_overridden_by_the_command_line_and_by_settings(project, pv):
    """The command line wins over the settings, the settings over the contract."""
    other = project.root / "other.bin"
    project.model.rename(other)

    by_option = pv("run", "--input", "model=other.bin")
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\n[inputs]\nmodel = "other.bin"\n')
    by_settings = pv("run")

    assert (by_option[0], by_settings[0]) == (0, 0)


def test_an_override_with_another_digest_is_measured_and_promotes_nothing(project, pv):
    """The file is not the one the contract declares."""
    from pvcheck.domain.digest import sha256

    digest = sha256(project.model.read_bytes())
    project.edit("    path: model.bin\n", f"    path: model.bin\n    sha256: {digest}\n")
    other = project.root / "other.bin"
    other.write_bytes(project.model.read_bytes() + b" ")
    before = project.state()

    status, out, _ = pv("run", "--write", "--input", f"model={other}")

    assert status == 0
    assert (
        f"promotes nothing: input model is not the declared file: its sha256 is {sha256(other.read_bytes())}\n" in out
    )
    assert project.state() == before


def test_an_unknown_input_exits_2(project, pv):
    """A typo in an override must not look like success."""
    status, out, err = pv("run", "--input", "modle=x")

    assert (status, out) == (2, "")
    assert err == 'PV705 no contract here declares the input "modle"\n  hint: declared: model\n'


def test_an_option_of_another_form_exits_2(project, pv):
    """The message says how it is written."""
    status, _, err = pv("run", "--input", "model")

    assert status == 2
    assert "write NAME=PATH" in err


def test_a_selection_picks_by_id_and_an_empty_one_exits_4(project, pv):
    """Case does not count; unbound falsifiers cannot be picked."""
    picked = pv("run", "-k", "f-1")
    empty = pv("run", "-k", "F-2")

    assert picked[0] == 0
    assert empty[0] == 4
    assert empty[2] == 'PV707 no bound falsifier has "F-2" in its id\n  hint: pv status names them\n'


def test_an_evaluator_that_settings_do_not_allow_never_runs(project, pv):
    """By default only those that ship with pvcheck may."""
    (project.root / "pv.toml").write_text("")
    project.measure({"fail": "it ran"})

    status, out, _ = pv("run")

    assert status == 3
    assert "pv.toml does not allow the evaluator probe: add it to 'evaluators'" in out
    assert "it ran" not in out


def test_an_evaluator_that_is_not_installed_exits_3(project, pv):
    """The message names it."""
    project.edit("evaluator: probe", "evaluator: prober")

    status, out, _ = pv("run")

    assert status == 3
    assert 'no installed plugin offers the evaluator "prober"' in out


def test_a_broken_plugin_is_named_where_its_evaluator_is_missed(project, pv, probe):
    """And costs nobody else anything."""
    (probe / "probe_light.py").write_text("import nothing_of_the_kind\n")
    import sys

    sys.modules.pop("probe_light", None)

    status, out, _ = pv("run")

    assert status == 3
    assert "the plugin probe is broken: ModuleNotFoundError: No module named 'nothing_of_the_kind'" in out


def test_a_contract_with_errors_is_not_measured(project, pv):
    """What the file says must be clear before it is measured."""
    project.edit("growth: < 18", "growth: around 18")

    status, out, _ = pv("run", "--write")

    assert status == 1
    assert 'contracts/c.yaml:16:13: PV301 not a bound: "around 18"' in out
    assert last(out) == "2 falsifiers: nothing measured; 1 unbound; 1 not selected; 1 error"


def test_a_stale_status_does_not_keep_a_run_from_measuring(project, pv):
    """Measuring again is the way out, and without --write the contract still says no."""
    project.edit("status: PENDING\n- id: F-2", "status: DISCHARGED\n- id: F-2")

    reported = pv("run", "-q")
    written = pv("run", "--write", "-q")

    assert reported[0] == 1
    assert "PV401" in reported[1]
    assert "  held          F-1" in reported[1]
    assert written[0] == 0
    assert pv("validate")[0] == 0


def test_one_broken_file_costs_the_others_nothing(project, pv):
    """Every contract is looked at."""
    (project.contract.parent / "broken.yaml").write_text("a: [")

    status, out, _ = pv("run", "-q")

    assert status == 1
    assert "contracts/broken.yaml:1:5: PV110" in out
    assert "  held          F-1" in out


def test_a_contract_without_a_schema_is_read_and_never_promoted(project, pv):
    """Its statuses are claims."""
    project.contract.write_text(
        "metadata: {version: '1.0'}\nfalsification_tests:\n- {id: A, if_fails: x, status: DISCHARGED}\n"
    )

    validated = pv("validate")
    run = pv("run", "--write")

    assert validated[0] == 0
    assert last(validated[1]).startswith(
        "1 contract, 1 falsifier: 0 of 1 bound; 1 unbound; "
        "1 falsifier of files without metadata.schema: claimed, not measured; no errors"
    )
    assert run[0] == 4


def test_prose_in_the_way_of_the_evidence_line_is_reported_and_nothing_is_written(project, pv):
    """The edit to make by hand is named."""
    project.edit("  evaluator: probe\n", "  evaluator: probe\n  evidence: seen\n")
    before = project.state()

    status, out, _ = pv("run", "--write", "-q")

    assert status == 1
    assert "PV414 prose under 'evidence' stands where the tool's own reference must" in out
    assert project.state() == before


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        pytest.param("growth: < 18", "growth: < 19", "PV407", 16, id="bound"),
        pytest.param("layers: 0-3", "layers: 0-4", "PV406", 14, id="parameter"),
    ],
)
def test_an_edit_after_a_run_fails_at_its_line_and_restoring_passes(project, pv, old, new, code, line):
    """Validation compares what was measured with what is claimed today."""
    pv("run", "--write")

    project.edit(old, new)
    edited = pv("validate")
    project.edit(new, old)
    restored = pv("validate")

    assert edited[0] == 1
    assert re.search(rf"^contracts/c.yaml:{line}:\d+: {code} ", edited[1], re.MULTILINE)
    assert restored[0] == 0


def test_an_edited_model_fails_at_the_falsifier_and_restoring_passes(project, pv):
    """The file beside the contract is part of what was measured."""
    pv("run", "--write")
    kept = project.model.read_bytes()

    project.model.write_bytes(kept.replace(b"1.5", b"1.6"))
    edited = pv("validate")
    project.model.write_bytes(kept)
    restored = pv("validate")

    assert edited[0] == 1
    assert 'contracts/c.yaml:19:13: PV410 the file of input model ("model.bin") changed' in edited[1]
    assert restored[0] == 0


@pytest.mark.parametrize("damage", ["delete", "edit"])
def test_a_deleted_or_edited_record_exits_5(project, pv, damage):
    """Evidence that is not what it claims outranks every other answer."""
    pv("run", "--write")
    record = next((project.contract.parent / "evidence" / "c").glob("*.json"))
    if damage == "delete":
        record.unlink()
    else:
        record.write_bytes(record.read_bytes().replace(b"1.5", b"1.4"))

    status, out, _ = pv("validate")

    assert status == 5
    assert ("PV402" if damage == "delete" else "PV403") in out


def test_status_shows_what_is_stale(project, pv):
    """One line a falsifier, then the stages, then what is wrong."""
    pv("run", "--write")
    fresh = pv("status")[1]
    project.edit("layers: 0-3", "layers: 0-4")
    stale = pv("status")

    reference = re.search(r"sha256:[0-9a-f]{8}", fresh)[0]
    assert fresh.startswith(
        "C-TEST  1.3.0  DISCHARGED  contracts/c.yaml\n"
        f"  F-1  DISCHARGED   probe  {reference}\n"
        "  F-2  PROPOSED     unbound\n"
        "  stage M-1  DISCHARGED\n"
    )
    assert stale[0] == 0
    assert (
        f"  F-1  DISCHARGED   probe  {reference}  stale\n"
        '    14:32 PV406 parameter layers changed from "0-3" to "0-4" since the evidence was made\n'
        "    hint: pv run --write measures it again\n"
        "  F-2  PROPOSED     unbound\n"
    ) in stale[1]
    assert last(stale[1]) == (
        "1 contract, 2 falsifiers: 1 of 2 bound (0 discharged, 0 falsified, 1 stale, 0 pending); "
        "1 unbound, 0 of them claimed; 1 error"
    )


def test_keys_that_are_not_understood_are_listed(project, pv):
    """Nothing vanishes."""
    project.contract.write_text(CONTRACT + "gates: {}\n")

    status = pv("status")
    run = pv("run", "-q")

    assert "  not understood: gates\n" in status[1]
    assert "  not understood: gates\n" in run[1]
    assert last(run[1]) == "2 falsifiers: 1 held; 1 unbound; 1 key not understood; no errors"


def commit(project, message="a state"):
    """Commit everything."""
    import subprocess

    git = ["git", "-C", str(project.root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", message], check=True)


def test_a_change_cannot_allow_itself_an_evaluator(project, pv):
    """With --against, the settings of the commit hold, whatever the change brings."""
    (project.root / "pv.toml").write_text("")
    commit(project)
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\n')
    project.measure({"fail": "it ran"})

    allowed = pv("run")
    guarded = pv("run", "--against", "HEAD")

    assert "it ran" in allowed[1]
    assert guarded[0] == 3
    assert "pv.toml does not allow the evaluator probe" in guarded[1]
    assert "it ran" not in guarded[1]


def test_what_the_commit_allows_runs(project, pv):
    """Removing the settings in the work tree changes nothing."""
    commit(project)
    (project.root / "pv.toml").unlink()

    assert pv("run", "--against", "HEAD")[0] == 0


def test_a_commit_without_settings_means_the_defaults(project, pv):
    """Those that ship with pvcheck, and no others."""
    commit(project, "first")
    (project.root / "pv.toml").unlink()
    commit(project, "second")
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\n')

    assert pv("run", "--against", "HEAD")[0] == 3


def test_settings_in_pyproject_are_read_from_the_commit_too(project, pv):
    """Both places count, the closest wins."""
    (project.root / "pv.toml").unlink()
    (project.root / "pyproject.toml").write_text('[tool.pv]\nevaluators = ["probe"]\n')
    commit(project)
    (project.root / "pyproject.toml").unlink()

    assert pv("run", "--against", "HEAD")[0] == 0


@pytest.mark.parametrize("reference", ["nonsense", "--output=x", "HEAD~5"])
def test_a_commit_that_is_not_there_exits_2(project, pv, reference):
    """A reference is never taken for an option."""
    commit(project)

    status, _, err = pv("run", f"--against={reference}")

    assert status == 2
    assert err.startswith(f'PV716 there is no commit "{reference}" in this clone\n  hint: fetch it first')


def test_a_folder_outside_git_exits_2(project, pv, monkeypatch):
    """Nothing to compare with is said plainly, and so is a missing git."""
    import shutil

    shutil.rmtree(project.root / ".git")
    outside = pv("run", "--against", "HEAD")
    monkeypatch.setenv("PATH", "")
    without = pv("run", "--against", "HEAD")

    assert outside[0] == without[0] == 2
    assert "is in no git repository" in outside[2]
    assert "git does not answer" in without[2]


def test_variables_of_an_enclosing_hook_do_not_lead_elsewhere(project, pv, monkeypatch):
    """A hook of another repository hands its own GIT_DIR down."""
    commit(project)
    monkeypatch.setenv("GIT_DIR", str(project.root / "nowhere"))

    assert pv("run", "--against", "HEAD")[0] == 0


COMMAND = """\
metadata: {schema: 1, id: C-COMMAND, version: 1.0.0}
falsification_tests:
- id: F-1
  evaluator: command
  with: {argv: [touch, it-ran]}
  expect: {exit_status: == 0}
  status: PENDING
"""


def test_a_command_runs_only_where_settings_allow_it_by_name(project, pv):
    """Neither by default, nor when only the change under test allows it."""
    project.contract.write_text(COMMAND)
    mark = project.root / "it-ran"
    (project.root / "pv.toml").write_text("")
    commit(project)

    by_default = pv("run")
    (project.root / "pv.toml").write_text('evaluators = ["command"]\n')
    by_the_change_alone = pv("run", "--against", "HEAD")
    never_ran = not mark.exists()
    allowed = pv("run")

    assert (by_default[0], by_the_change_alone[0]) == (3, 3)
    assert never_ran
    assert allowed[0] == 0
    assert mark.exists()
