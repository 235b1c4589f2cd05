"""Two branches that changed one contract: what people wrote is merged, what the tool wrote is made anew."""

from __future__ import annotations

import pytest
from pipeline.bumps import DAY, LATER, TEXT, Repo

from pvcheck.errors import ConfigError, Severity
from pvcheck.pipeline import merging
from pvcheck.pipeline.options import Mode


@pytest.fixture
def repo(tmp_path):
    """Give a repository whose contract is committed, on main."""
    return Repo(tmp_path / "repo")


@pytest.fixture
def parted(repo):
    """Give a repository in which main and this branch promoted different falsifiers to one version."""
    repo.branch("mine")
    repo.measure("F-2")
    repo.commit("promote F-2")
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.commit("promote F-1")
    repo.git("switch", "-q", "mine")
    return repo


def errors(done):
    """Return the codes of what was refused or found."""
    return [each.code for each in done.findings if each.severity is Severity.ERROR]


def versions(repo):
    """Return the versions of the amendments, the newest first."""
    return [line.split()[2] for line in repo.text.splitlines() if line.startswith("- version:")]


def validated(pv, repo, reference="main"):
    """Return what a validation against a branch finds, and its exit status."""
    status, out, err = pv("validate", f"--against={reference}", repo.contract)
    return (status, out + err) if status else (0, "")


PROMOTED = {"F-1": "DISCHARGED", "F-2": "DISCHARGED", "F-3": "PROPOSED", "M-1": "DISCHARGED", "M-2": "DISCHARGED"}


def test_a_conflict_of_two_promotions_is_mended_by_one_command(parted, pv, monkeypatch):
    """Main's amendment stays, ours stands on top of it, and stages follow from both."""
    monkeypatch.chdir(parted.root)
    parted.git("merge", "main", fails=True)
    assert "<<<<<<<" in parted.text

    done = parted.bump(onto="main")
    parted.git("add", "-A")
    parted.git("commit", "-q", "-m", "merge")

    assert errors(done) == []
    assert done.hint.startswith("git add ")
    assert done.hint.endswith("c.yaml && git commit")
    assert parted.words == PROMOTED | {"": "DISCHARGED"}
    assert versions(parted) == ["1.4.0", "1.3.0"]
    assert "  version: 1.4.0\n" in parted.text
    theirs = parted.git("show", "main:contracts/c.yaml")
    assert parted.text.endswith(theirs[theirs.index("- version: 1.3.0") :])
    assert validated(pv, parted) == (0, "")


def test_a_conflict_in_a_stopped_rebase_is_mended(parted, pv, monkeypatch):
    """There git calls our commit theirs; the result is the same."""
    monkeypatch.chdir(parted.root)
    parted.git("rebase", "main", fails=True)

    done = parted.bump(onto="main")
    parted.git("add", "-A")
    parted.git("rebase", "--continue")

    assert errors(done) == []
    assert done.hint.endswith("c.yaml && git rebase --continue")
    assert parted.words == PROMOTED | {"": "DISCHARGED"}
    assert versions(parted) == ["1.4.0", "1.3.0"]
    assert validated(pv, parted) == (0, "")


def test_every_commit_of_a_rebase_is_mended_in_its_turn(parted, pv, monkeypatch):
    """The second one stands on the first, which is on main by then."""
    monkeypatch.chdir(parted.root)
    parted.edit("nobody measures this", "somebody measures this")
    parted.bump()
    parted.commit("words")
    parted.git("rebase", "main", fails=True)
    parted.bump(onto="main")
    parted.git("add", "-A")
    parted.git("rebase", "--continue", fails=True)

    done = parted.bump(onto="main")
    parted.git("add", "-A")
    parted.git("rebase", "--continue")

    assert errors(done) == []
    assert versions(parted) == ["1.4.1", "1.4.0", "1.3.0"]
    assert parted.words == PROMOTED | {"": "DISCHARGED"}
    assert validated(pv, parted) == (0, "")


def test_a_cherry_pick_is_mended(parted):
    """Our commit is picked onto main."""
    parted.git("switch", "-q", "main")
    parted.git("cherry-pick", "mine", fails=True)

    done = parted.bump(onto="HEAD")

    assert errors(done) == []
    assert done.hint.endswith("c.yaml && git cherry-pick --continue")
    assert versions(parted) == ["1.4.0", "1.3.0"]
    assert parted.words["F-2"] == "DISCHARGED"


def test_a_merge_into_main_is_mended_onto_main(parted):
    """Theirs is what the commit has, whichever side git calls ours."""
    parted.git("switch", "-q", "main")
    parted.git("merge", "mine", fails=True)

    done = parted.bump(onto="main")

    assert errors(done) == []
    assert versions(parted) == ["1.4.0", "1.3.0"]
    assert parted.text.count("  - id: F-2\n") == 1
    assert parted.text.index("  - id: F-2\n") < parted.text.index("- version: 1.3.0")


def test_a_branch_that_is_not_being_merged_is_put_on_top(parted, pv, monkeypatch):
    """With main's records beside the contract, so that it is valid as it is; a merge is mended by the same command."""
    monkeypatch.chdir(parted.root)

    done = parted.bump(onto="main")
    text = parted.text
    again = parted.bump(onto="main", day=LATER)

    assert errors(done) == []
    assert "run pv bump --onto main again there" in done.hint
    assert again.note == "is on top of main already: nothing to re-do"
    assert parted.words == PROMOTED | {"": "DISCHARGED"}
    assert versions(parted) == ["1.4.0", "1.3.0"]
    assert validated(pv, parted) == (0, "")

    parted.commit("on top")
    parted.git("merge", "main", fails=True)
    merged = parted.bump(onto="main", day=LATER)
    parted.git("add", "-A")
    parted.git("commit", "-q", "-m", "merge")

    assert errors(merged) == []
    assert parted.text == text.replace(DAY, LATER, 1)
    assert validated(pv, parted) == (0, "")
    assert parted.bump(onto="main").note.startswith("was not changed in main")


def test_prose_of_both_sides_is_merged(repo, pv, monkeypatch):
    """Each edit stays where it was made; the version tells ours alone."""
    monkeypatch.chdir(repo.root)
    repo.branch("mine")
    repo.edit("rule: growth is bounded\n", "rule: growth stays bounded\n")
    repo.bump(summary="better words")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("nobody measures this", "somebody measures this")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert "rule: growth stays bounded\n" in repo.text
    assert "somebody measures this" in repo.text
    assert repo.text.endswith(
        f"amendments:\n- version: 1.2.5\n  date: {DAY}\n  summary: better words\n"
        f"- version: 1.2.4\n  date: {DAY}\n  summary: rewords F-3\n"
    )


@pytest.mark.parametrize("stopped", [True, False])
def test_one_line_that_both_changed_is_for_a_person(repo, stopped):
    """Both lines are told, and the file is as it was."""
    repo.branch("mine")
    repo.edit("nobody measures this", "I measure this")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("nobody measures this", "they measure this")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    if stopped:
        repo.git("merge", "main", fails=True)
    text = repo.text

    done = repo.bump(onto="main")

    (finding,) = done.findings
    assert (finding.code, finding.message) == (
        "PV455",
        'both sides changed the same lines: "rule: I measure this" here, "rule: they measure this" in "main"',
    )
    assert text.splitlines()[finding.line - 1] == "  rule: I measure this"
    first = "decide it in the file and take the conflict markers out" if stopped else "git merge main, decide it"
    assert finding.hint.startswith(first)
    assert (repo.text, done.after) == (text, "")


def test_what_a_person_decided_is_kept(repo, pv, monkeypatch):
    """When the markers are gone, the text is theirs to keep; version and amendments are made anew."""
    monkeypatch.chdir(repo.root)
    test_one_line_that_both_changed_is_for_a_person(repo, stopped=True)
    repo.git("checkout", "--ours", "contracts/c.yaml")
    repo.edit("I measure this", "we measure this")

    done = repo.bump(onto="main")
    again = repo.bump(onto="main", day=LATER)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "merge")

    assert errors(done) == []
    assert "rule: we measure this" in repo.text
    assert versions(repo) == ["1.2.5", "1.2.4"]
    assert again.note == "is on top of main already: nothing to re-do"
    assert validated(pv, repo) == (0, "")


def refuted(repo):
    """Part the branches: F-1 held here and was refuted on main."""
    from helpers import METRICS

    from pvcheck.domain.metric import MetricType
    from pvcheck.evidence.record import Metric

    repo.branch("mine")
    repo.measure("F-1")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", metrics=METRICS | {"growth": Metric(MetricType.F64, 99.0)}, host="there")
    repo.commit()
    repo.git("switch", "-q", "mine")


@pytest.mark.parametrize("stopped", [True, False])
def test_two_outcomes_of_one_falsifier_are_for_a_person(repo, stopped):
    """Nobody can tell which measurement is right."""
    refuted(repo)
    if stopped:
        repo.git("merge", "main", fails=True)
    text = repo.text

    done = repo.bump(onto="main")

    (finding,) = done.findings
    assert (finding.code, finding.message) == (
        "PV456", 'both sides measured "F-1": it is DISCHARGED here and FALSIFIED in "main"'
    )  # fmt: skip
    assert text.splitlines()[finding.line - 1] == "- id: F-1"
    assert repo.text == text


def test_a_conflict_that_was_added_already_is_mended(repo, pv, monkeypatch):
    """A file that was decided and added to the index is what the person wants."""
    monkeypatch.chdir(repo.root)
    test_one_line_that_both_changed_is_for_a_person(repo, stopped=True)
    repo.git("checkout", "--ours", "contracts/c.yaml")
    repo.git("add", "-A")

    done = repo.bump(onto="main")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "merge")

    assert errors(done) == []
    assert "rule: I measure this" in repo.text
    assert versions(repo) == ["1.2.5", "1.2.4"]
    assert validated(pv, repo) == (0, "")


@pytest.mark.parametrize("word", ["PENDING", "ours", "theirs"])
def test_a_status_that_a_person_decided_is_kept(repo, word):
    """Either side's measurement, or that it is to be measured again."""
    refuted(repo)
    mine = repo.evidence["F-1"]
    repo.git("merge", "main", fails=True)
    repo.git("checkout", "--theirs" if word == "theirs" else "--ours", "contracts/c.yaml")
    if word == "PENDING":
        repo.edit(f"  status: DISCHARGED\n  evidence: {mine}\n", "  status: PENDING\n")

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert repo.words["F-1"] == {"PENDING": "PENDING", "ours": "DISCHARGED", "theirs": "FALSIFIED"}[word]
    assert versions(repo) == (["1.3.0"] if word == "theirs" else ["1.4.0", "1.3.0"])


def test_one_result_with_two_records_keeps_theirs(repo):
    """Both measured the same; times differ, and one record is enough."""
    repo.branch("mine")
    repo.measure("F-1")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.commit()
    theirs = repo.text
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert repo.text == theirs


def test_of_two_records_the_one_about_the_merged_claim_is_kept(repo):
    """Ours was measured with other layers, which only this side changed."""
    repo.branch("mine")
    repo.edit("layers: 0-3", "layers: 0-5")
    repo.measure("F-1")
    repo.bump()
    mine = repo.evidence["F-1"]
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert repo.evidence["F-1"] == mine
    assert f"  renewed:\n  - id: F-1\n    evidence: {mine}\n" in repo.text


def test_two_records_about_halves_of_the_merged_claim_support_nothing(repo):
    """Main changed the input and this side the layers: nobody measured both."""
    repo.branch("mine")
    repo.edit("layers: 0-3", "layers: 0-5")
    repo.measure("F-1")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("    path: model.bin\n", f"    path: model.bin\n    sha256: {'1' * 64}\n")
    repo.measure("F-1", host="there")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert (repo.words["F-1"], repo.evidence) == ("PENDING", {})


def test_a_status_that_main_has_not_is_put_back(repo):
    """Main removed a status line that this side did not touch; that merges as any other move."""
    repo.branch("mine")
    repo.measure("F-2")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("  rule: nobody measures this\n  status: PROPOSED\n", "  rule: nobody measures this\n")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert "  rule: nobody measures this\nimplementation_stages" in repo.text
    assert repo.words["F-2"] == "DISCHARGED"


def test_a_file_that_is_no_record_supports_nothing_and_denies_nothing(repo):
    """Its digest is right and it is none: the check tells."""
    from pvcheck.domain.digest import sha256
    from pvcheck.evidence import store

    repo.branch("mine")
    repo.measure("F-2")
    fake = f"sha256:{sha256(b'{}')}"
    store.path_of(repo.contract, fake).write_bytes(b"{}")
    repo.contract.write_text(repo.text.replace(repo.evidence["F-2"], fake))
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    assert errors(repo.bump(onto="main")) == ["PV404"]


def test_a_claim_that_main_changed_is_pending_again(repo):
    """What this side measured is not what main says now."""
    repo.branch("mine")
    repo.measure("F-1")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("layers: 0-3", "layers: 0-5")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert done.back == ('"F-1" goes from DISCHARGED back to PENDING: parameter layers changed from "0-3" to "0-5"',)
    assert (repo.words["F-1"], repo.evidence) == ("PENDING", {})


def test_a_bound_of_main_and_a_promotion_of_ours_fit(repo, pv, monkeypatch):
    """Main's amendment lists its bound, so our record may lean on the old one."""
    monkeypatch.chdir(repo.root)
    repo.branch("mine")
    repo.measure("F-1")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("growth: < 18", "growth: < 17")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "merge")

    assert errors(done) == []
    assert (repo.words["F-1"], versions(repo)) == ("DISCHARGED", ["1.4.0", "1.3.0"])
    assert validated(pv, repo) == (0, "")


def test_a_weaker_bound_of_ours_is_a_major_step_from_main(parted, pv, monkeypatch):
    """Our amendments are put together into one."""
    monkeypatch.chdir(parted.root)
    parted.edit("growth: < 20", "growth: < 21")
    parted.bump()
    parted.commit()
    parted.git("merge", "main", fails=True)

    done = parted.bump(onto="main")
    parted.git("add", "-A")
    parted.git("commit", "-q", "-m", "merge")

    assert errors(done) == []
    assert versions(parted) == ["2.0.0", "1.3.0"]
    assert "summary: weakens the bound of growth of F-2\n  transitions:\n  - id: F-2\n" in parted.text
    assert "  bounds:\n  - id: F-2\n    metric: growth\n    from:\n    - < 20.0\n    to:\n    - < 21.0\n" in parted.text
    assert validated(pv, parted) == (0, "")


def test_falsifiers_that_both_sides_add_both_stay(repo, pv, monkeypatch):
    """Main's first, then ours."""
    monkeypatch.chdir(repo.root)
    repo.branch("mine")
    repo.edit("implementation_stages:", "- id: F-5\n  rule: mine\n  status: PENDING\nimplementation_stages:")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("implementation_stages:", "- id: F-4\n  rule: theirs\n  status: PENDING\nimplementation_stages:")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    done = repo.bump(onto="main")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "merge")

    assert errors(done) == []
    assert list(repo.words)[:5] == ["F-1", "F-2", "F-3", "F-4", "F-5"]
    assert "summary: adds F-5\n- version: 1.3.0\n" in repo.text
    assert validated(pv, repo) == (0, "")


def test_falsifiers_that_both_sides_add_are_put_on_top_once(repo):
    """The second time, main's is here already."""
    repo.branch("mine")
    repo.edit("implementation_stages:", "- id: F-5\n  rule: mine\nimplementation_stages:")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("implementation_stages:", "- id: F-4\n  rule: theirs\nimplementation_stages:")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.bump(onto="main")

    done = repo.bump(onto="main", day=LATER)

    assert done.note == "is on top of main already: nothing to re-do"
    assert list(repo.words)[3:5] == ["F-4", "F-5"]


def test_one_id_that_both_sides_add_is_refused(repo):
    """Two falsifiers of one name do not fit into one contract."""
    repo.branch("mine")
    repo.edit("implementation_stages:", "- id: F-4\n  rule: mine\n  status: PENDING\nimplementation_stages:")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("implementation_stages:", "- id: F-4\n  rule: theirs\n  status: PENDING\nimplementation_stages:")
    repo.bump()
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)
    text = repo.text

    done = repo.bump(onto="main")

    assert [each.message for each in done.findings] == [
        'the two sides do not fit together: the falsifier "F-4" is there already, on line 31'
    ]
    assert (errors(done), repo.text) == (["PV455"], text)


def renamed(repo):
    """Part the branches: F-2 was promoted here, and main moved the contract."""
    repo.branch("mine")
    repo.measure("F-2")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.git("mv", "contracts/c.yaml", "contracts/d.yaml")
    (repo.root / "contracts/evidence/c").rename(repo.root / "contracts/evidence/d")
    repo.commit()
    repo.git("switch", "-q", "mine")


def test_a_contract_that_main_moved_is_found(repo):
    """By its id; main's records come to where this side has it."""
    renamed(repo)

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert "it is contracts/d.yaml there: git mv it, with its evidence; git merge main will stop" in done.hint
    assert done.hint.startswith(f"git add {repo.contract.parent}/evidence/c with it; ")
    assert repo.words == PROMOTED | {"": "DISCHARGED"}
    assert versions(repo) == ["1.4.0", "1.3.0"]


def test_a_record_of_main_comes_with_its_signature(repo):
    """Whether that is good is for validation to say; one that lies here already is not replaced."""
    renamed(repo)
    repo.git("switch", "-q", "main")
    records = sorted((repo.root / "contracts/evidence/d").glob("*.json"))
    for each in records:
        each.with_suffix(".sig.json").write_bytes(b"signed on main")
    repo.commit()
    repo.git("switch", "-q", "mine")
    place = repo.root / "contracts/evidence/c"
    here = {each.name for each in place.iterdir()}

    repo.bump(onto="main")

    came = {each.name for each in place.iterdir()} - here
    assert came == {name for each in records for name in (each.name, each.with_suffix(".sig.json").name)}
    assert {(place / each).read_bytes() for each in came if each.endswith(".sig.json")} == {b"signed on main"}


def test_a_merge_of_a_contract_that_main_moved_is_mended(repo, pv, monkeypatch):
    """Git puts the conflict where main has the contract; our records are brought there."""
    monkeypatch.chdir(repo.root)
    renamed(repo)
    repo.git("merge", "main", fails=True)
    repo.contract = repo.contract.with_name("d.yaml")

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert repo.words == PROMOTED | {"": "DISCHARGED"}
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "merge")
    assert validated(pv, repo) == (0, "")


def test_a_contract_that_this_side_moved_is_found(repo):
    """By its id, in the common commit and on main."""
    repo.branch("mine")
    repo.measure("F-2")
    repo.git("mv", "contracts/c.yaml", "contracts/d.yaml")
    (repo.root / "contracts/evidence/c").rename(repo.root / "contracts/evidence/d")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.contract = repo.contract.with_name("d.yaml")

    done = repo.bump(onto="main")

    assert errors(done) == []
    assert repo.words == PROMOTED | {"": "DISCHARGED"}


@pytest.mark.parametrize("stopped", [True, False])
def test_a_contract_that_main_dropped_is_for_a_person(repo, stopped):
    """Both ways are told."""
    repo.branch("mine")
    repo.measure("F-2")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.git("rm", "-q", "contracts/c.yaml")
    repo.git("commit", "-q", "-m", "drop")
    repo.git("switch", "-q", "mine")
    if stopped:
        repo.git("merge", "main", fails=True)
    text = repo.text

    done = repo.bump(onto="main")

    message = (
        "one side dropped this contract and the other changed it"
        if stopped
        else '"main" dropped this contract, which this side changed'
    )
    assert [(each.code, each.message) for each in done.findings] == [("PV457", message)]
    assert repo.text == text


NOTHING = {
    "same": "was not changed on this side: nothing to re-do",
    "new": "is not in main: nothing to re-do",
    "ahead": "was not changed in main: pv bump gives it its version",
}


@pytest.mark.parametrize("case", NOTHING)
def test_nothing_to_redo_is_said(repo, case):
    """Each reason in its own words."""
    repo.branch("mine")
    if case == "new":
        repo.contract = repo.contract.with_name("new.yaml")
        repo.contract.write_text(TEXT.replace("C-TEST", "C-NEW"))
    if case == "ahead":
        repo.measure("F-1")
    text = repo.text

    done = repo.bump(onto="main")

    assert (done.note, repo.text) == (NOTHING[case], text)


def test_a_contract_that_both_added_is_refused(repo):
    """There is nothing both came from, merging or not."""
    new = repo.contract.with_name("new.yaml")
    repo.branch("mine")
    new.write_text(TEXT.replace("C-TEST", "C-NEW"))
    repo.commit()
    repo.git("switch", "-q", "main")
    new.write_text(TEXT.replace("C-TEST", "C-NEW").replace("nobody", "they"))
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.contract = new

    apart = repo.bump(onto="main")
    repo.git("merge", "main", fails=True)
    stopped = repo.bump(onto="main")

    assert [errors(apart), errors(stopped)] == [["PV458"], ["PV458"]]


def test_branches_without_a_common_commit_are_refused(repo):
    """The hint names the way out."""
    repo.git("switch", "-q", "--orphan", "other")
    repo.git("checkout", "main", "--", "contracts/c.yaml", "pv.toml")
    repo.commit()

    (finding,) = repo.bump(onto="main").findings

    assert (finding.code, finding.message) == ("PV458", 'this branch and "main" have no commit in common')


def test_a_merge_with_another_branch_is_refused(parted):
    """What was named is not what the conflict is about."""
    parted.git("branch", "third", "main~1")
    parted.git("merge", "main", fails=True)

    (finding,) = parted.bump(onto="third").findings

    assert (finding.code, finding.message) == ("PV459", 'the merge that is stopped in this file is not with "third"')
    assert errors(parted.bump(onto="MERGE_HEAD")) == []


def test_the_rules_must_hold_on_both_sides(tmp_path):
    """A contract of upstream is left alone; one that main made upstream's is refused."""
    both = TEXT.replace("\n  rule:", "\n  if_fails: something is wrong\n  rule:")
    repo = Repo(tmp_path / "repo", both)
    repo.branch("mine")
    repo.measure("F-2")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("  schema: 1\n", "")
    repo.commit()
    repo.git("switch", "-q", "mine")

    dropped = repo.bump(onto="main")
    repo.git("switch", "-q", "main")
    repo.edit("nobody", "somebody")
    left = repo.bump(onto="mine")

    assert [(each.code, each.message) for each in dropped.findings] == [
        ("PV453", 'metadata.schema stands here and is gone in "main"')
    ]
    assert left.note == "has no metadata.schema: pv bumps its own contracts only"


def test_a_record_that_nobody_has_is_left_to_the_check(parted):
    """Theirs is taken where neither side can show its record."""
    for path in parted.contract.parent.glob("evidence/c/*.json"):
        path.write_text("{}\n")
    parted.commit("damage")

    done = parted.bump(onto="main")

    assert "PV403" in errors(done)
    assert parted.words == PROMOTED | {"": "DISCHARGED"}


def test_a_record_that_was_damaged_here_is_looked_up_in_the_commits(parted):
    """Bytes that are not their digest are not judged, however well they are formed."""
    from helpers import METRICS, a_record, load

    from pvcheck.domain.metric import MetricType
    from pvcheck.evidence import store
    from pvcheck.evidence.record import Metric

    refuted = METRICS | {"growth": Metric(MetricType.F64, 99.0)}
    other = a_record(load(parted.text), refuted, "F-2")
    store.path_of(parted.contract, parted.evidence["F-2"]).write_bytes(other.data())

    done = parted.bump(onto="main")

    assert errors(done) == ["PV403"]
    assert parted.words["F-2"] == "DISCHARGED"


def test_words_of_main_stay_in_its_amendment(repo):
    """Ours has our words, also when it is made anew after main's came below it."""
    repo.branch("mine")
    repo.edit("rule: growth is bounded\n", "rule: growth stays bounded\n")
    repo.bump(summary="our words")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.edit("nobody measures this", "somebody measures this")
    repo.bump(summary="their words")
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.bump(onto="main")
    repo.edit("over more layers", "over all layers")

    done = repo.bump(onto="main", day=LATER)

    assert done.note == "is on top of main already: nothing to re-do"
    assert repo.text.endswith(
        f"- version: 1.2.5\n  date: {DAY}\n  summary: our words\n"
        f"- version: 1.2.4\n  date: {DAY}\n  summary: their words\n"
    )


def test_a_decision_that_is_no_yaml_is_told(repo):
    """As validation tells it."""
    test_one_line_that_both_changed_is_for_a_person(repo, stopped=True)
    repo.contract.write_text("metadata: [\n")

    assert errors(repo.bump(onto="main")) == ["PV110"]


def test_git_that_cannot_merge_is_told(monkeypatch):
    """It is the machine's fault, and a usage of it that failed."""
    from subprocess import CompletedProcess

    monkeypatch.setattr(merging.history, "call", lambda *_: CompletedProcess((), 255, b"", b""))

    with pytest.raises(ConfigError) as caught:
        merging.merge("a", "b", "c")

    assert [each.code for each in caught.value.findings] == ["PV722"]


def test_a_commit_that_is_not_there_is_refused(repo):
    """As validation refuses it."""
    with pytest.raises(ConfigError) as caught:
        repo.bump(onto="nowhere")

    assert [each.code for each in caught.value.findings] == ["PV716"]


def test_what_this_side_may_not_do_is_refused(parted):
    """A promotion that was typed stays one."""
    parted.edit("status: PROPOSED", "status: DISCHARGED")

    assert errors(parted.bump(onto="main")) == ["PV424"]


def test_dry_runs_write_nothing(parted):
    """Neither the contract nor records."""
    parted.git("merge", "main", fails=True)
    text = parted.text

    shown, checked = parted.bump(Mode.DIFF, onto="main"), parted.bump(Mode.CHECK, onto="main")

    assert repr(shown.version) != ""
    assert "version: 1.4.0" in shown.after
    assert errors(checked) == ["PV416"]
    assert parted.text == text


def test_line_ends_of_the_file_are_kept(parted):
    """Where git checks out with other line ends than it keeps."""
    parted.git("config", "core.autocrlf", "true")
    parted.contract.unlink()
    parted.git("checkout", "contracts/c.yaml")
    assert "\r\n" in parted.text

    done = parted.bump(onto="main")

    assert errors(done) == []
    assert parted.text.count("\n") == parted.text.count("\r\n") > 0
    assert versions(parted) == ["1.4.0", "1.3.0"]


BASE = "a: 1\nl:\n- id: x\n  b: 2\nz: 3\n"


@pytest.mark.parametrize(("ours", "theirs", "text"), [
    (BASE, BASE, BASE),
    (BASE.replace("1", "9"), BASE.replace("3", "8"), BASE.replace("1", "9").replace("3", "8")),
    (BASE.replace("z", "- id: o\nz"), BASE.replace("z", "- id: t\n  # c\n\n  d: 4\nz"),
     BASE.replace("z", "- id: t\n  # c\n\n  d: 4\n- id: o\nz")),
    (BASE.replace("z", "- id: t\n  d: 4\n- id: o\nz"), BASE.replace("z", "- id: t\n  d: 4\n\n- id: u\nz"),
     BASE.replace("z", "- id: t\n  d: 4\n\n- id: u\n- id: o\nz")),
    (BASE + "l2:\n- o\n", BASE + "l2:\n- t\n", None),
    (BASE.replace("  b", "- id: o\n  b"), BASE.replace("  b", "- id: t\n  b"), None),
    (BASE.replace("b: 2", "b: 4"), BASE.replace("b: 2", "b: 5"), None),
    (BASE.replace("b: 2\n", ""), BASE.replace("b: 2", "b: 5"), None),
    (BASE.replace("x\n  b: 2", "o\n  b: 5"), BASE.replace("x\n  b: 2", "t\n  b: 6"), None),
    (BASE.replace("z", "c: o\nz"), BASE.replace("z", "c: t\nz"), None),
    (BASE.replace("z", "- id: o\ny: 1\nz"), BASE.replace("z", "- id: t\nz"), None),
])  # fmt: skip
def test_three_texts_are_merged(ours, theirs, text):
    """By lines; of whole items that both add, both stay; anything else that both changed is left to people."""
    merged = merging.merge(ours, BASE, theirs)

    assert (merged.text if not merged.hunks else None) == text
