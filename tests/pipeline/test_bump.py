"""A contract that was edited by hand gets the version and the one amendment that its changes need."""

from __future__ import annotations

import pytest
from helpers import METRICS, load
from pipeline.bumps import DAY, LATER, TEXT, Repo

from pvcheck.domain.metric import MetricType
from pvcheck.domain.version import Change
from pvcheck.errors import ConfigError, Severity
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric
from pvcheck.pipeline import bumping, settling
from pvcheck.pipeline.options import Mode
from pvcheck.rules import moves
from pvcheck.rules.moves import Move, Side

BOTH = TEXT.replace("\n  rule:", "\n  if_fails: something is wrong\n  rule:")
"""A contract that is understood with and without ``metadata.schema``."""
FLOW = "- {id: M-1, expected_acceptance: [F-1], status: PENDING}\n"


@pytest.fixture
def repo(tmp_path):
    """Give a repository whose contract is committed."""
    return Repo(tmp_path / "repo")


def errors(done):
    """Return the codes of what a bump refused or found."""
    return [each.code for each in done.findings if each.severity is Severity.ERROR]


def amendment(version, *lines, day=DAY):
    """Return the list of amendments with one in it."""
    return "amendments:\n" + "".join(f"{line}\n" for line in (f"- version: {version}", f"  date: {day}", *lines))


def test_prose_needs_a_patch(repo):
    """Version and amendment are written, and no other letter changes."""
    repo.edit("rule: growth is bounded\n", "rule: growth stays bounded\n")

    done = repo.bump()

    assert errors(done) == []
    assert repo.text == TEXT.replace("rule: growth is bounded\n", "rule: growth stays bounded\n").replace(
        "version: 1.2.3", "version: 1.2.4"
    ).replace("amendments: []\n", amendment("1.2.4", "  summary: rewords F-1"))


def test_a_new_falsifier_needs_a_minor_version(repo):
    """What was added stands in the summary."""
    repo.edit("implementation_stages:", "- id: F-4\n  rule: more\n  status: PENDING\nimplementation_stages:")

    repo.bump()

    assert amendment("1.3.0", "  summary: adds F-4") in repo.text


def test_a_weaker_bound_needs_a_major_version_and_is_listed(repo):
    """The evidence holds again, since the amendment owns up to the change and the recorded metrics satisfy it."""
    repo.measure("F-1")
    repo.commit()
    repo.edit("growth: < 18", "growth: < 19")

    done = repo.bump()

    assert errors(done) == []
    bounds = ["  bounds:", "  - id: F-1", "    metric: growth", "    from:", "    - < 18.0", "    to:", "    - < 19.0"]
    assert amendment("2.0.0", "  summary: weakens the bound of growth of F-1", *bounds) in repo.text
    assert repo.words["F-1"] == "DISCHARGED"


def test_a_tighter_bound_that_the_record_satisfies_keeps_its_status(repo):
    """A minor version, and the evidence holds."""
    repo.measure("F-1")
    repo.commit()
    repo.edit("growth: < 18", "growth: < 17")

    done = repo.bump()

    assert errors(done) == []
    assert "version: 1.4.0\n  date: 2026-11-22\n  summary: tightens the bound of growth of F-1\n" in repo.text


def test_a_bound_that_the_record_does_not_satisfy_takes_the_status_back(repo):
    """Nothing is measured by a bump, so the claim is pending, and its evidence line is gone."""
    repo.measure("F-1")
    repo.commit()
    repo.edit("growth: < 18", "growth: < 1")

    done = repo.bump()

    assert errors(done) == []
    assert done.back == (
        '"F-1" goes from DISCHARGED back to PENDING: the recorded metrics are refuted under today\'s bounds',
    )
    assert repo.evidence == {}
    assert (repo.words["F-1"], repo.words["M-1"]) == ("PENDING", "PENDING")
    assert "  - id: F-1\n    from: DISCHARGED\n    to: PENDING\n  - id: M-1\n    from: DISCHARGED\n" in repo.text


def test_another_measurement_takes_the_status_back(repo):
    """The record is about what the falsifier no longer says."""
    repo.measure("F-1", "F-2")
    repo.commit()
    repo.edit("layers: 0-3", "layers: 0-5")

    done = repo.bump()

    assert errors(done) == []
    assert done.back == ('"F-1" goes from DISCHARGED back to PENDING: parameter layers changed from "0-3" to "0-5"',)
    assert max(each.change for each in done.weighed) is Change.MAJOR
    assert repo.words == {
        "F-1": "PENDING", "F-2": "DISCHARGED", "F-3": "PROPOSED", "M-1": "PENDING", "M-2": "PENDING", "": "ACTIVE",
    }  # fmt: skip
    assert "version: 2.0.0\n  date: 2026-11-22\n  summary: changes the measurement of F-1\n" in repo.text


def test_a_status_set_back_by_hand_is_told(repo):
    """Anyone may do that; stages and the contract follow."""
    repo.measure("F-1", "F-2")
    repo.commit()
    reference = repo.evidence["F-1"]
    repo.edit(f"  status: DISCHARGED\n  evidence: {reference}\n", "  status: PENDING\n")

    done = repo.bump()

    assert errors(done) == []
    moves = [f"  - id: {name}\n    from: DISCHARGED\n    to: PENDING" for name in ("F-1", "M-1", "M-2")]
    moves.append("  - id: C-TEST\n    from: DISCHARGED\n    to: ACTIVE")
    assert amendment("1.4.0", "  transitions:", *moves).removeprefix("amendments:\n") in repo.text


def test_an_evidence_line_that_was_left_is_removed(repo):
    """A falsifier that is pending has none; the comment on the line goes with it."""
    repo.measure("F-1")
    repo.commit()
    repo.edit("status: DISCHARGED\n  evidence", "status: PENDING # why\n  evidence")

    done = repo.bump()

    assert errors(done) == []
    assert "  status: PENDING # why\n- id: F-2" in repo.text


def test_nothing_changed(repo):
    """An unchanged contract keeps its bytes, and says so."""
    done = repo.bump()

    assert (done.note, done.findings, repo.text) == ("nothing to bump since HEAD", (), TEXT)


@pytest.mark.parametrize("edit", ["prose", "bound", "claim", "back", "added"])
def test_the_second_bump_changes_nothing(repo, edit):
    """Not on the same day, and not on a later one."""
    repo.measure("F-1", "F-2")
    repo.commit()
    edits = {
        "prose": ("nobody measures this", "somebody measures this"),
        "bound": ("growth: < 18", "growth: < 30"),
        "claim": ("layers: 0-7", "layers: 0-8"),
        "back": (f"  status: DISCHARGED\n  evidence: {repo.evidence['F-2']}\n", "  status: PENDING\n"),
        "added": ("implementation_stages:", "- id: F-4\n  rule: more\n  status: PENDING\nimplementation_stages:"),
    }
    repo.edit(*edits[edit])
    first = repo.bump()
    text = repo.text

    again, later = repo.bump(), repo.bump(day=LATER)

    assert errors(first) == []
    assert text != TEXT
    assert (again.note, later.note, repo.text) == ("nothing to bump since HEAD", "nothing to bump since HEAD", text)


def test_a_second_edit_extends_the_amendment(repo):
    """One amendment tells everything since the base, whatever the number of steps."""
    repo.measure("F-1")
    repo.edit("nobody measures this", "somebody measures this")
    repo.bump()
    repo.edit("growth: < 20", "growth: < 21")
    repo.bump()

    done = repo.bump()

    assert done.note
    assert repo.text.count("- version: ") == 1
    assert (
        "- version: 2.0.0\n  date: 2026-11-22\n  summary: weakens the bound of growth of F-2; rewords F-3\n"
        in repo.text
    )
    assert f"  - id: F-1\n    from: PENDING\n    to: DISCHARGED\n    evidence: {repo.evidence['F-1']}\n" in repo.text


def test_what_run_wrote_needs_no_bump(repo):
    """The amendment of a run tells its moves; a bump has nothing to add."""
    repo.measure("F-1", "F-2")
    text = repo.text

    done = repo.bump()

    assert (done.note, repo.text) == ("nothing to bump since HEAD", text)


def test_two_runs_and_an_edit_become_one_amendment(repo):
    """The net change counts: measured, refuted, and set back is a move that never was."""
    repo.measure("F-1")
    repo.measure("F-2")
    repo.edit("rule: nobody measures this", "rule: nobody does")
    repo.edit(f"  status: DISCHARGED\n  evidence: {repo.evidence['F-2']}\n", "  status: PENDING\n")

    done = repo.bump()

    assert errors(done) == []
    assert repo.text.count("- version: ") == 1
    assert repo.text.count("- id: F-2\n    from") == 0
    assert "- version: 1.4.0\n  date: 2026-11-22\n  summary: rewords F-3\n  transitions:\n  - id: F-1\n" in repo.text


def test_a_new_falsifier_that_was_measured_twice_is_told_from_where_it_began(repo):
    """The base knows nothing of it; the first amendment does."""
    new = "- id: F-4\n  evaluator: probe\n  with: {model: model}\n  expect: {growth: < 3}\n  status: PENDING\n"
    repo.edit("implementation_stages:", f"{new}implementation_stages:")
    repo.measure("F-4", metrics=METRICS | {"growth": Metric(MetricType.F64, 99.0)})
    repo.measure("F-4")
    repo.edit("nobody measures this", "somebody measures this")

    done = repo.bump()

    assert errors(done) == []
    assert f"  - id: F-4\n    from: PENDING\n    to: DISCHARGED\n    evidence: {repo.evidence['F-4']}\n" in repo.text


def test_a_move_that_was_taken_back_is_not_told(repo):
    """The version stays where the run left it, and its amendment is made anew."""
    repo.measure("F-2")
    repo.edit(f"  status: DISCHARGED\n  evidence: {repo.evidence['F-2']}\n", "  status: PENDING\n")

    done = repo.bump()

    assert errors(done) == []
    assert repo.text.endswith(amendment("1.3.0"))


def test_a_version_that_was_typed_is_kept_if_it_is_enough(repo):
    """Whoever wants a larger step may have it."""
    repo.edit("version: 1.2.3", "version: 1.5.0")
    repo.edit("rule: growth is bounded\n", "rule: growth stays bounded\n")

    repo.bump()

    assert amendment("1.5.0", "  summary: rewords F-1") in repo.text


@pytest.mark.parametrize("typed", ["1.2.4", "1.2.3", "1.0.0"])
def test_a_version_that_was_typed_and_is_too_small_is_raised(repo, typed):
    """It never falls, either."""
    repo.edit("version: 1.2.3", f"version: {typed}")
    repo.edit("growth: < 18", "growth: < 19")

    repo.bump()

    assert "  version: 2.0.0\n" in repo.text


def test_a_version_that_fell_is_set_back(repo):
    """Where nothing else changed, the version of the base is the right one."""
    repo.edit("version: 1.2.3", "version: 1.0.0")

    repo.bump()

    assert repo.text == TEXT


def test_a_summary_is_taken_as_it_is_given(repo):
    """Words of a person stay, also when more changes come."""
    repo.edit("nobody measures this", "somebody measures this")
    repo.bump(summary="because: it is so")
    repo.edit("somebody measures this", "who measures this")
    repo.edit("growth: < 20", "growth: < 21")

    repo.bump()

    assert "- version: 2.0.0\n  date: 2026-11-22\n  summary: 'because: it is so'\n" in repo.text


def test_a_new_summary_replaces_the_old_one(repo):
    """Nothing else is to be bumped."""
    repo.edit("nobody measures this", "somebody measures this")
    repo.bump(summary="old words")

    repo.bump(summary="new words")

    assert amendment("1.2.4", "  summary: new words") in repo.text


def test_check_writes_nothing_and_says_what_is_needed(repo):
    """The finding names the version; when it is there, nothing is found."""
    repo.edit("growth: < 18", "growth: < 19")
    text = repo.text

    before = repo.bump(Mode.CHECK)
    same = repo.text == text
    repo.bump()
    after = repo.bump(Mode.CHECK)

    assert same
    assert [(each.code, each.message, each.hint) for each in before.findings] == [
        ("PV416", 'the contract changed since "HEAD": it needs version 2.0.0 and an amendment', "pv bump writes both")
    ]
    assert after.findings == ()


def test_diff_shows_and_writes_nothing(repo):
    """The text that would be written comes back."""
    repo.edit("growth: < 18", "growth: < 19")
    text = repo.text

    done = repo.bump(Mode.DIFF)

    assert (repo.text, done.before) == (text, text)
    assert "version: 2.0.0" in done.after


REFUSED = {
    "promotion": ("status: PENDING\n- id: F-2", "status: DISCHARGED\n- id: F-2", "PV424"),
    "refutation": ("status: PENDING\n- id: F-2", "status: FALSIFIED\n- id: F-2", "PV424"),
    "back to proposed": ("status: PENDING\n- id: F-2", "status: PROPOSED\n- id: F-2", "PV425"),
    "duplicate": ("id: F-3", "id: F-2", "PV302"),
    "stage of nothing": ("acceptance: [F-1]", "acceptance: [F-9]", "PV303"),
    "yaml": ("id: F-3", "id: [", "PV125"),
    "marker": ("- id: F-3", "<<<<<<< HEAD\n- id: F-3", "PV108"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_may_do_is_refused(repo, case):
    """Nothing is written."""
    old, new, code = REFUSED[case]
    repo.edit(old, new)
    text = repo.text

    done = repo.bump()

    assert errors(done) == [code]
    assert (repo.text, done.after) == (text, "")
    if code == "PV108":
        assert done.findings[0].hint == "pv bump --onto REF re-does this side on top of the branch REF that is merged"


def test_evidence_that_was_exchanged_is_refused(repo):
    """Only a run renews a record."""
    repo.measure("F-1")
    repo.commit()
    old = repo.evidence["F-1"]
    repo.edit(f"evidence: {old}\n", f"evidence: sha256:{'0' * 64}\n")

    assert errors(repo.bump()) == ["PV428"]


def test_history_that_was_rewritten_is_refused(repo):
    """The amendments of the base stay as they are."""
    repo.measure("F-1")
    repo.commit()
    repo.edit("    from: PENDING\n", "    from: PROPOSED\n")

    assert errors(repo.bump()) == ["PV430"]


def test_an_older_commit_can_be_the_base(repo):
    """All that changed since is one amendment then."""
    repo.edit("nobody measures this", "somebody measures this")
    repo.bump()
    repo.commit("second")
    repo.edit("growth: < 18", "growth: < 19")

    repo.bump(against="HEAD~1")

    assert (
        amendment("2.0.0", "  summary: weakens the bound of growth of F-1; rewords F-3").splitlines()[:3]
        == (repo.text[repo.text.index("amendments:") :].splitlines()[:3])
    )
    assert repo.text.count("- version: ") == 1


def test_a_contract_that_moved_is_found_by_its_id(repo):
    """A rename keeps its history."""
    repo.edit("growth: < 18", "growth: < 19")
    moved = repo.contract.with_name("moved.yaml")
    repo.contract.rename(moved)
    repo.contract = moved

    repo.bump()

    assert "  version: 2.0.0\n" in repo.text


def test_a_new_contract_has_nothing_to_bump(repo):
    """There is nothing it could be compared with."""
    repo.contract = repo.contract.with_name("new.yaml")
    repo.contract.write_text(TEXT.replace("C-TEST", "C-NEW"))

    assert repo.bump().note == "is not in HEAD: nothing to bump"


def test_a_repository_without_a_commit_has_nothing_to_bump(tmp_path):
    """The first commit is the base of the second."""
    repo = Repo(tmp_path / "repo")
    repo.git("update-ref", "-d", "HEAD")

    assert repo.bump().note == "is not in HEAD: nothing to bump"


def test_a_contract_of_upstream_is_left_alone(tmp_path):
    """Its statuses are claimed, not earned."""
    text = "metadata:\n  version: 1.0.0\n  description: x\nequations: {}\n"
    repo = Repo(tmp_path / "repo", text)
    repo.edit("description: x", "description: y")

    assert repo.bump().note == "has no metadata.schema: pv bumps its own contracts only"


def test_a_contract_that_becomes_ours_is_bumped_from_what_it_was(tmp_path):
    """Taking on the rules is a minor change."""
    repo = Repo(tmp_path / "repo", BOTH.replace("  schema: 1\n", "").replace("amendments: []\n", ""))
    repo.edit("metadata:\n", "metadata:\n  schema: 1\n")

    done = repo.bump()

    assert errors(done) == []
    assert repo.text.endswith(amendment("1.3.0", *repo.text[repo.text.index("  summary") :].splitlines()))


def test_a_contract_that_drops_the_rules_is_refused(tmp_path):
    """No status would have to be earned any more."""
    repo = Repo(tmp_path / "repo", BOTH)
    repo.edit("  schema: 1\n", "")

    done = repo.bump()

    assert [(each.code, each.message) for each in done.findings] == [
        ("PV453", 'metadata.schema stands in "HEAD" and is gone here')
    ]


def test_a_base_that_cannot_be_read_is_refused(repo):
    """Its first fault is told."""
    repo.edit("id: F-3", "id: [")
    repo.commit()
    repo.edit("id: [", "id: F-3")

    done = repo.bump()

    assert errors(done) == ["PV452"]
    assert done.findings[0].message.startswith('the contract of "HEAD" cannot be compared with: line ')


def test_no_repository_and_no_commit_are_refused(tmp_path, repo):
    """Each with the way out."""
    outside = tmp_path / "c.yaml"
    outside.write_text(TEXT)
    inside, repo.contract = repo.contract, outside

    with pytest.raises(ConfigError) as no_git:
        repo.bump()
    repo.contract = inside
    with pytest.raises(ConfigError) as no_commit:
        repo.bump(against="nowhere")

    assert [each.code for each in no_git.value.findings] == ["PV450"]
    assert "pv diff OLD NEW" in no_git.value.findings[0].hint
    assert [each.code for each in no_commit.value.findings] == ["PV716"]
    assert {each.exit_code for error in (no_git, no_commit) for each in error.value.findings} == {2}


@pytest.mark.parametrize("form", ["crlf", "bom", "no last line end", "indented", "flow"])
def test_every_form_keeps_its_form(tmp_path, form):
    """Line ends, byte order mark, indentation and braces stay as they were, twice over."""
    start, end = TEXT.index("\n- id: F-1"), TEXT.index("\nimplementation_stages")
    head, lists, tail = TEXT[:start], TEXT[start:end], TEXT[end:]
    text = {
        "crlf": TEXT.replace("\n", "\r\n"),
        "bom": "\ufeff" + TEXT,
        "no last line end": TEXT.rstrip("\n"),
        "indented": head
        + lists.replace("\n- ", "\n  - ").replace("\n  ", "\n    ").replace("\n    - ", "\n  - ")
        + tail,
        "flow": TEXT.replace("- id: M-1\n  expected_acceptance: [F-1]\n  status: PENDING\n", FLOW),
    }[form]
    repo = Repo(tmp_path / "repo", text)
    repo.measure("F-1")
    repo.commit()
    repo.edit("growth: < 18", "growth: < 1")

    done = repo.bump()
    again = repo.bump()

    assert errors(done) == []
    assert again.note
    after = repo.contract.read_bytes()
    assert (b"\r\n" in after) == (form == "crlf")
    assert after.count(b"\n") == after.count(b"\r\n") or form != "crlf"
    assert after.startswith(b"\xef\xbb\xbf") == (form == "bom")
    assert after.endswith(b"\n") == (form != "no last line end")
    assert repo.words["F-1"] == "PENDING"


def test_a_renewal_of_a_run_is_told_with_an_edit(repo):
    """Evidence that a run renewed stays told when the amendment is made anew."""
    repo.measure("F-1")
    repo.commit()
    repo.measure("F-1", metrics=METRICS | {"growth": Metric(MetricType.F64, 2.5)})
    repo.edit("nobody measures this", "somebody measures this")

    done = repo.bump()

    assert errors(done) == []
    assert f"  summary: rewords F-3\n  renewed:\n  - id: F-1\n    evidence: {repo.evidence['F-1']}\n" in repo.text
    assert "  version: 1.3.1\n" in repo.text
    assert repo.bump(day=LATER).note == "nothing to bump since HEAD"


def test_a_status_whose_record_is_missing_is_left_to_the_check(repo):
    """A bump cannot tell, so it changes nothing of it, and the check says what is missing."""
    repo.measure("F-1")
    repo.commit()
    store.path_of(repo.contract, repo.evidence["F-1"]).unlink()
    repo.edit("nobody measures this", "somebody measures this")

    done = repo.bump()

    assert errors(done) == ["PV402"]
    assert repo.words["F-1"] == "DISCHARGED"
    assert "  version: 1.3.1\n" in repo.text


def test_a_file_that_changes_meanwhile_is_left_alone(repo, monkeypatch):
    """Somebody saved it in an editor."""
    repo.edit("nobody measures this", "somebody measures this")
    settle = settling.settle

    def slow(*words):
        repo.edit("somebody measures this", "who measures this")
        return settle(*words)

    monkeypatch.setattr(settling, "settle", slow)

    done = repo.bump()

    assert (errors(done), done.note, done.after) == (["PV710"], "nothing was written", "")
    assert "who measures this" in repo.text
    assert bumping.exit_code([done]) == 3


def test_a_contract_without_amendments_gets_and_loses_the_list(tmp_path):
    """The list that an earlier bump added is made anew with it."""
    repo = Repo(tmp_path / "repo", TEXT.replace("amendments: []\n", ""))
    repo.edit("nobody measures this", "somebody measures this")
    repo.bump()
    repo.edit("growth: < 18", "growth: < 19")

    done = repo.bump()

    assert errors(done) == []
    assert repo.text.count("amendments:") == repo.text.count("- version:") == 1
    assert "- version: 2.0.0\n" in repo.text


def test_ids_are_looked_for_in_sound_contracts_only(repo):
    """A broken file beside it that names the id is passed over."""
    repo.contract.with_name("a.yaml").write_text("id: C-TEST\n- [\n")
    repo.contract.with_name("b.yaml").write_text("metadata: {description: C-TEST}\n")
    repo.commit()
    moved = repo.contract.with_name("moved.yaml")
    repo.contract.rename(moved)
    repo.contract = moved

    assert repo.bump().note == "nothing to bump since HEAD"


def test_a_contract_without_an_id_is_looked_for_at_its_path(tmp_path):
    """Where there is none, it is new."""
    text = "metadata:\n  version: 1.0.0\n  description: x\nequations: {}\n"
    repo = Repo(tmp_path / "repo", text)
    repo.contract = repo.contract.with_name("new.yaml")
    repo.contract.write_text(text)

    assert repo.bump().note == "is not in HEAD: nothing to bump"


def test_a_base_without_a_version_is_refused(repo):
    """Its shape is too broken to say what it claimed."""
    repo.edit("  version: 1.2.3\n", "")
    repo.commit()
    repo.edit("  id: C-TEST\n", "  id: C-TEST\n  version: 1.2.3\n")

    assert errors(repo.bump()) == ["PV452"]


RUNS = {
    "move": ("F-2", None, 1.5),
    "renewal": ("F-1", None, 2.5),
    "tighter bound": ("F-1", ("growth: < 18", "growth: < 17"), 1.5),
    "weaker bound": ("F-1", ("growth: < 18", "growth: < 19"), 1.5),
    "removed bound": ("F-1", ("    growth: < 18\n", ""), 1.5),
    "claim": ("F-1", ("layers: 0-3", "layers: 0-5"), 1.5),
    "refutation": ("F-1", None, 99.0),
}
BEYOND = {
    "bound of what was pending": ("growth: < 20", "growth: < 21"),
    "claim of what was pending": ("layers: 0-7", "layers: 0-8"),
    "falsifier": ("- id: F-3\n  rule: nobody measures this\n  status: PROPOSED\n", ""),
}
"""Changes that no evidence tells of, so that a run cannot weigh them."""


def refused(repo):
    """Return the codes of what a change from HEAD may not do."""
    before, now = (load(text) for text in (repo.git("show", "HEAD:contracts/c.yaml"), repo.text))
    return {each.code for each in moves.check(Move(Side.of(before), Side.of(now), "HEAD"))}


@pytest.mark.parametrize("case", RUNS)
def test_what_a_run_writes_passes_against_its_base(repo, case):
    """Its version is large enough for everything that its evidence tells of, without a bump."""
    name, edit, value = RUNS[case]
    repo.measure("F-1")
    repo.commit()
    if edit:
        repo.edit(*edit)

    repo.measure(name, metrics=METRICS | {"growth": Metric(MetricType.F64, value)})

    assert refused(repo) == set()
    before, after = repo.bump().version
    assert before == after


@pytest.mark.parametrize("case", BEYOND)
def test_what_a_run_cannot_weigh_a_bump_mends(repo, case):
    """The amendment of the run is made anew with the version that everything needs."""
    repo.edit(*BEYOND[case])
    repo.measure("F-2")

    before = refused(repo)
    done = repo.bump()

    assert before
    assert (errors(done), refused(repo)) == ([], set())
    assert "  version: 2.0.0\n" in repo.text
    assert repo.text.count("- version: ") == 1
