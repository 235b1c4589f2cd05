"""``pv bump`` on a terminal: what was bumped, what changed, and how to go on."""

from __future__ import annotations

import pytest
from pipeline.bumps import TEXT, Repo

from pvcheck.pipeline import amending


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """Give a repository whose contract is committed, and stand in its root."""
    made = Repo(tmp_path / "repo")
    monkeypatch.chdir(made.root)
    return made


def test_a_bump_is_told_with_its_changes(repo, pv, golden):
    """Each change with its weight, what went back to PENDING, and the check of the result."""
    repo.measure("F-1")
    repo.commit()
    repo.edit("growth: < 18", "growth: < 1")
    repo.edit("growth: < 20", "growth: < 21")
    repo.edit("nobody measures this", "\\x1b[31m nobody")

    status, out, err = pv("bump", "contracts")

    assert (status, err) == (0, "")
    golden("bump", out)


def test_a_diff_shows_what_would_be_written(repo, pv, golden):
    """Nothing is written."""
    repo.edit("growth: < 18", "growth: < 19")
    text = repo.text

    status, out, _ = pv("bump", "--diff", "--summary", "why\n  not", "contracts")

    assert (status, repo.text) == (0, text)
    golden("bump_diff", out)


def test_a_check_exits_1_where_something_is_to_be_bumped(repo, pv):
    """And 0 where nothing is."""
    clean = pv("bump", "--check", "contracts")
    repo.edit("growth: < 18", "growth: < 19")

    status, out, _ = pv("bump", "--check", "contracts")

    assert clean == (
        0,
        "C-TEST  contracts/c.yaml: nothing to bump since HEAD\n1 contract: 0 to be bumped, 1 with nothing to bump\n",
        "",
    )
    assert status == 1
    assert out.endswith(
        'contracts/c.yaml: PV416 the contract changed since "HEAD": it needs version 2.0.0 and an amendment\n'
        "  hint: pv bump writes both\n"
        "1 contract: 1 to be bumped, 0 with nothing to bump\n"
    )


def test_a_refusal_exits_1_and_costs_the_others_nothing(repo, pv):
    """The last line counts it."""
    other = repo.contract.with_name("d.yaml")
    other.write_text(TEXT.replace("C-TEST", "C-OTHER"))
    repo.commit()
    other.write_text(other.read_text().replace("nobody", "somebody"))
    repo.edit("status: PROPOSED", "status: DISCHARGED")

    status, out, _ = pv("bump", "contracts")

    assert status == 1
    assert "contracts/c.yaml:30:11: PV424 " in out
    assert "C-OTHER 1.2.3 -> 1.2.4  contracts/d.yaml\n  patch  F-3: " in out
    assert out.endswith("2 contracts: 1 bumped, 0 with nothing to bump, 1 refused\n")


def test_a_conflict_is_mended_and_the_next_command_is_told(repo, pv, golden):
    """The way on is a command to copy."""
    repo.branch("mine")
    repo.measure("F-2")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.commit()
    repo.git("switch", "-q", "mine")
    repo.git("merge", "main", fails=True)

    status, out, _ = pv("bump", "--onto", "main", "contracts")

    assert status == 0
    golden("bump_onto", out)


def test_two_bases_are_one_too_many(repo, pv):
    """That is a usage error, and so is a commit that is not there."""
    both = pv("bump", "--onto", "main", "--against", "main", "contracts")
    absent = pv("bump", "--against", "nowhere", "contracts")

    assert both[0] == absent[0] == 2
    assert "--against and --onto exclude each other" in both[2]
    assert absent[2].startswith('PV716 there is no commit "nowhere" in this clone\n')


def test_an_empty_folder_exits_4(repo, pv):
    """A typo must not look like success."""
    (repo.root / "empty").mkdir()

    assert pv("bump", "empty")[0] == 4


def test_a_file_that_cannot_be_read_is_told(repo, pv):
    """The machine is at fault, and the others are bumped."""
    status, out, _ = pv("bump", "contracts/none.yaml", "contracts/c.yaml")

    assert status == 3
    assert out.startswith("contracts/none.yaml: PV708 cannot read: no such file or directory\n")
    assert "nothing to bump since HEAD" in out


@pytest.mark.parametrize(("names", "told"), [
    (["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C"),
    (["A", "B", "C", "D", "E", "F"], "A, B, C, D and 2 more"),
])  # fmt: skip
def test_a_summary_names_some_and_counts_the_others(names, told):
    """A summary stays a sentence, and is known as one that was made."""
    from pvcheck.domain.version import Change
    from pvcheck.rules.weights import Weighed

    summary = amending.sentence([Weighed(Change.PATCH, "prose", each, "", ()) for each in names], ())

    assert summary == f"rewords {told}"
    assert amending.is_made(summary)
    assert not amending.is_made(f"{summary}, for a reason")
