"""Any sequence of runs, edits and bumps: the version never falls, every status is earned, every change is told."""

from __future__ import annotations

from helpers import METRICS, load
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline.bumps import Repo

from pvcheck.domain.metric import MetricType
from pvcheck.errors import Severity
from pvcheck.evidence.record import Metric
from pvcheck.pipeline import checking
from pvcheck.rules import moves
from pvcheck.rules.moves import Move, Side

NAMES = st.sampled_from(["F-1", "F-2"])
STEPS = st.one_of(
    st.tuples(st.just("measure"), NAMES, st.sampled_from([1.5, 1.75, 18.5, 99.0])),
    st.tuples(st.just("bound"), NAMES, st.sampled_from(["< 18", "< 20", "< 1", "<= 18", "in [0, 2]"])),
    st.tuples(st.just("layers"), NAMES, st.integers(1, 9)),
    st.tuples(st.just("back"), NAMES),
    st.tuples(st.just("word"), NAMES, st.sampled_from(["one", "two", "three"])),
    st.tuples(st.just("add"), st.sampled_from(["F-4", "F-5"])),
    st.tuples(st.just("drop"), st.sampled_from(["F-3", "F-4"])),
    st.tuples(st.just("stage"), st.sampled_from(["[F-1]", "[F-2]", "[F-1, F-2]", "[]"])),
    st.tuples(st.just("commit")),
)


def falsifier(repo, name):
    """Return the lines of one falsifier, or nothing."""
    tail = repo.text.partition(f"- id: {name}\n  rule")[2].partition("implementation_stages")[0]
    return f"- id: {name}\n  rule" + tail.partition("- id: ")[0] if tail else ""


def take(repo, step):
    """Take one step, where it can be taken."""
    what, *words = step
    old = falsifier(repo, words[0]) if words else ""
    if what == "measure":
        value = words[1]
        repo.measure(words[0], metrics=METRICS | {"growth": Metric(MetricType.F64, value)})
    elif what in {"bound", "layers", "word"}:
        key = {"bound": "    growth:", "layers": "  with:", "word": "  rule:"}[what]
        new = {"bound": words[1], "layers": f"{{model: model, layers: 0-{words[1]}}}", "word": words[1]}[what]
        lines = [f"{key} {new}" if line.startswith(key) else line for line in old.split("\n")]
        repo.edit(old, "\n".join(lines))
    elif what == "back" and "evidence: " in old:
        lines = [line for line in old.split("\n") if "evidence: " not in line]
        repo.edit(old, "\n".join("  status: PENDING" if "status:" in line else line for line in lines))
    elif what == "add" and not old:
        repo.edit("implementation_stages:", f"- id: {words[0]}\n  rule: more\nimplementation_stages:")
    elif what == "drop" and old:
        repo.edit(old, "")
    elif what == "stage":
        before = repo.text.partition("expected_acceptance: ")[2].partition("\n")[0]
        repo.edit(f"expected_acceptance: {before}", f"expected_acceptance: {words[0]}")


def refusals(repo):
    """Return what the check of the contract, and the rules between it and its base, refuse."""
    before, now = (load(text, "c.yaml") for text in (repo.git("show", "HEAD:contracts/c.yaml"), repo.text))
    found = [*checking.check(repo.contract, {}).findings, *moves.check(Move(Side.of(before), Side.of(now), "HEAD"))]
    return [str(each) for each in found if each.severity is Severity.ERROR]


@given(st.lists(STEPS, min_size=1, max_size=7))
@settings(max_examples=30, deadline=None)
def test_what_was_bumped_is_valid_and_told(tmp_path_factory, steps):
    """After a bump nothing is refused, the version has not fallen, and a second bump has nothing to do."""
    repo = Repo(tmp_path_factory.mktemp("law") / "repo")
    version = load(repo.text).contract.version
    for step in [*steps, ("commit",)]:
        if step[0] != "commit":
            take(repo, step)
            continue
        done = repo.bump()
        text = repo.text
        again = repo.bump(day="2027-01-01")
        contract = load(text).contract

        assert [str(each) for each in done.findings if each.severity is Severity.ERROR] == []
        assert refusals(repo) == []
        assert contract.version >= version
        assert not contract.amendments or contract.amendments[0].version == contract.version
        assert again.note == "nothing to bump since HEAD"
        assert repo.text == text
        version = contract.version
        if repo.git("status", "--porcelain"):
            repo.commit()


@given(st.lists(STEPS, max_size=4), st.lists(STEPS, max_size=4))
@settings(max_examples=25, deadline=None)
def test_what_was_redone_is_valid_and_told(tmp_path_factory, ours, theirs):
    """Put on top of another branch, a contract is valid, told from there, and stays as it is; or nothing changes."""
    repo = Repo(tmp_path_factory.mktemp("law") / "repo")
    for branch, steps in (("theirs", theirs), ("ours", ours)):
        repo.branch(branch)
        for step in steps:
            take(repo, step)
        repo.bump()
        if repo.git("status", "--porcelain"):
            repo.commit()
    before = repo.text

    done = repo.bump(onto="theirs")

    if {each.code for each in done.findings} & {"PV455", "PV456"}:
        assert repo.text == before
        return
    assert [str(each) for each in done.findings if each.severity is Severity.ERROR] == []
    if done.after:
        other, now = (load(text, "c.yaml") for text in (repo.git("show", "theirs:contracts/c.yaml"), repo.text))
        found = moves.check(Move(Side.of(other), Side.of(now), "theirs"))
        assert [str(each) for each in found if each.severity is Severity.ERROR] == []
        assert now.contract.version >= other.contract.version
        text = repo.text
        assert repo.bump(onto="theirs", day="2027-01-01").note
        assert repo.text == text
