"""Finding what a change is compared with: CI systems, hooks, settings, and the branches of the clone."""

from __future__ import annotations

import pytest
from history.works import BASE, Work, started

from pvcheck.errors import ConfigError
from pvcheck.history import Repository
from pvcheck.pipeline import bases

ZEROS = "0" * 40


@pytest.fixture
def cloned(tmp_path):
    """Give a clone with branches main, other and release on its remote, standing on the branch change."""
    origin = started(tmp_path / "origin")
    origin.put(BASE)
    origin.commit("base")
    for name in ("other", "release", "master"):
        origin.git("switch", "-q", "-c", name, "main")
        origin.put(f"{name}\n", "README.md")
        origin.commit(name)
    origin.git("switch", "-q", "main")
    made = Work(tmp_path / "clone")
    origin.git("clone", "-q", origin.root, made.root)
    made.git("switch", "-q", "-c", "change")
    return made


def found(work, setting=None, **variables):
    """Return the name of the base that is found."""
    return bases.find(Repository(work.root), variables, setting)[0]


def refused(work, setting=None, **variables):
    """Return the one finding that says why there is no base."""
    with pytest.raises(ConfigError) as caught:
        bases.find(Repository(work.root), variables, setting)
    return str(caught.value.findings[0])


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        pytest.param({"GITHUB_BASE_REF": "release"}, "origin/release", id="github"),
        pytest.param({"GITHUB_BASE_REF": ""}, "origin/main", id="github, a push"),
        pytest.param({"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "release"}, "origin/release", id="gitlab"),
        pytest.param({"CHANGE_TARGET": "release"}, "origin/release", id="jenkins"),
        pytest.param({"BITBUCKET_PR_DESTINATION_BRANCH": "release"}, "origin/release", id="bitbucket"),
        pytest.param({"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/release"}, "origin/release", id="azure"),
        pytest.param({"PRE_COMMIT_FROM_REF": "origin/release"}, "origin/release", id="a range given to pre-commit"),
        pytest.param(
            {"PRE_COMMIT_FROM_REF": "origin/other", "PRE_COMMIT_REMOTE_NAME": "origin"}, "origin/main", id="a push"
        ),
        pytest.param({"PRE_COMMIT_FROM_REF": ZEROS}, "origin/main", id="a push of a new branch"),
        pytest.param({}, "origin/main", id="nothing but the remote"),
    ],
)
def test_the_surroundings_say_what_a_change_wants_to_join(cloned, variables, name):
    """Each system by its own variable; an empty one says nothing."""
    assert found(cloned, **variables) == name


def test_what_ci_names_goes_before_the_settings_and_both_before_guesses(cloned):
    """The more is known, the less is guessed."""
    assert found(cloned, "origin/other") == "origin/other"
    assert found(cloned, "origin/other", GITHUB_BASE_REF="release") == "origin/release"


def test_what_is_named_and_not_there_is_not_guessed_around(cloned):
    """Comparing with something else would be a green that means nothing."""
    told = 'PV716 there is no commit "origin/nowhere" in this clone'

    assert refused(cloned, GITHUB_BASE_REF="nowhere") == told
    assert refused(cloned, "origin/nowhere") == told


def test_a_runner_that_fetched_no_branch_has_the_commit(cloned):
    """As GitLab gives it beside the branch."""
    commit = cloned.git("rev-parse", "origin/other")

    assert found(cloned, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="nowhere", CI_MERGE_REQUEST_DIFF_BASE_SHA=commit) == commit


def test_the_branch_that_is_followed_counts_unless_it_is_a_copy_of_ours(cloned):
    """A copy holds what was pushed before: that would ask for a version at every push."""
    cloned.git("branch", "-q", "--set-upstream-to", "origin/other")
    followed = found(cloned)
    cloned.git("push", "-q", "-u", "origin", "change")

    assert (followed, found(cloned)) == ("origin/other", "origin/main")


def test_guesses_come_in_their_order(cloned):
    """The remote's default branch, its main, its master, where the branch was, its copy, main, master."""
    cloned.git("remote", "set-head", "origin", "release")
    names = [found(cloned)]
    cloned.git("remote", "set-head", "origin", "--delete")
    names.append(found(cloned))
    cloned.git("update-ref", "-d", "refs/remotes/origin/main")
    names.append(found(cloned))
    cloned.git("update-ref", "-d", "refs/remotes/origin/master")
    start = cloned.git("rev-parse", "HEAD")
    names.append(found(cloned, PRE_COMMIT_FROM_REF=start, PRE_COMMIT_REMOTE_NAME="origin"))
    names.append(found(cloned))
    cloned.git("push", "-q", "-u", "origin", "change")
    names.append(found(cloned))
    cloned.git("branch", "-q", "--unset-upstream")
    cloned.git("branch", "-q", "-m", "main", "master")
    names.append(found(cloned))

    assert names == [
        "origin/release",
        "origin/main",
        "origin/master",
        start,
        "main",
        "origin/change",
        "master",
    ]


def test_the_remote_that_is_pushed_to_goes_first(cloned):
    """A second remote has a main of its own."""
    cloned.git("update-ref", "refs/remotes/second/main", "origin/other")

    assert found(cloned, PRE_COMMIT_REMOTE_NAME="second") == "second/main"
    assert found(cloned, PRE_COMMIT_REMOTE_NAME="third") == "origin/main"


def test_no_base_is_said_plainly(tmp_path):
    """With the way to name one."""
    made = started(tmp_path / "alone")
    made.put(BASE)
    made.commit("base")
    made.git("branch", "-q", "-M", "trunk")

    result = made.pv("validate", "--against")

    assert result.status == 2
    assert result.err == (
        "PV720 nothing says which branch or commit to compare with\n"
        "  hint: name it: --against=origin/main, or base = 'origin/main' in pv.toml\n"
    )
    made.put("base = 'trunk'\n", "pv.toml")
    assert made.verdict("--against").startswith("against trunk (")


def test_the_command_reads_the_environment(cloned, monkeypatch):
    """What CI says reaches the comparison."""
    monkeypatch.setenv("GITHUB_BASE_REF", "release")

    assert cloned.verdict("--against").startswith("against origin/release (")
    assert cloned.verdict("--against=origin/other").startswith("against origin/other (")


def test_a_push_is_about_the_commit_that_it_pushes(cloned, monkeypatch):
    """Not about the work tree; a name that is no commit of ours leaves it at that."""
    cloned.edit("growth: < 18", "growth: < 20")
    pushed = cloned.commit("weaker")
    cloned.git("switch", "-q", "--detach", "origin/main")
    cloned.put("metadata: [")
    monkeypatch.setenv("PRE_COMMIT_TO_REF", pushed)
    monkeypatch.setenv("PRE_COMMIT_REMOTE_NAME", "origin")

    assert cloned.codes("--against") == (1, ["PV421"])
    assert f"; commit {pushed[:9]} against origin/main (" in cloned.pv("validate", "--against").out
    assert cloned.codes("--against=origin/main")[1] == ["PV110"]
    cloned.put("no contract\n", "contracts/new.yaml")
    assert "PV723 the file is not in the commit " in cloned.pv("validate", "--against=auto", "contracts/new.yaml").err
    monkeypatch.setenv("PRE_COMMIT_TO_REF", "f" * 40)
    assert cloned.codes("--against")[1] != ["PV421"]
