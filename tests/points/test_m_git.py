"""States of git: whatever a repository is in, a check ends with a verdict or says why it has none."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from history import conftest as repositories
from history.conftest import _alone  # noqa: F401 - a fixture
from history.works import BASE, WHERE, Work, started

work, promoted = repositories.work, repositories.promoted

BAD = ("growth: < 18", "growth: around 18")


def cloned(work, place, *words):
    """Clone over the file protocol, which honours depth and filters."""
    work.git("clone", "-q", *words, f"file://{work.root}", place)
    return Work(place)


def detached(work, _):
    """Stand on a commit and on no branch."""
    work.git("switch", "-q", "--detach")
    return work


def unborn(work, _):
    """Stand on a branch without commits."""
    work.git("switch", "-q", "--orphan", "anew")
    work.put(BASE)
    return work


def plain(work, _):
    """Take the repository away."""
    shutil.rmtree(work.root / ".git")
    return work


def bare(work, place):
    """Stand in a repository without a work tree, beside files that somebody left there."""
    work.git("clone", "-q", "--bare", work.root, place)
    made = Work(place)
    made.put(BASE)
    return made


def worktree(work, place):
    """Add a second work tree, whose ``.git`` is a file."""
    work.git("worktree", "add", "-q", "-b", "side", place, "main")
    return Work(place)


def submodule(work, place):
    """Stand in a part of another repository."""
    around = started(place)
    around.put(BASE.replace("C-TEST", "C-AROUND"))
    around.git("submodule", "--quiet", "add", "-b", "main", work.root, "inner")
    around.commit("with a part")
    return Work(place / "inner")


def sparse(work, _):
    """Leave a second contract out of the work tree."""
    work.put(BASE.replace("C-TEST", "C-FAR"), "far/far.yaml")
    work.put('contracts = ["contracts", "far"]\n', "pv.toml")
    work.commit("far")
    work.git("branch", "-q", "-f", "main")
    work.git("sparse-checkout", "set", "--no-cone", "/contracts/", "/pv.toml")
    assert not (work.root / "far").exists()
    return work


def foreign(work, _):
    """Give the folder to another user, whom git does not trust."""
    if os.geteuid():
        pytest.skip("only root can give files away; a test of the words that git uses runs everywhere")
    for each in (work.root, work.root / ".git"):
        os.chown(each, 12345, 12345)
    return work


STATES = {
    "no-repository": (plain, 2, "PV716"),
    "bare": (bare, 2, "PV716"),
    "foreign-owner": (foreign, 2, "PV722"),
    "unborn": (unborn, 0, ""),
    "detached": (detached, 0, ""),
    "shallow": (lambda work, place: cloned(work, place, "--depth=1", "--no-single-branch"), 0, ""),
    "partial": (lambda work, place: cloned(work, place, "--filter=blob:none"), 0, ""),
    "worktree": (worktree, 0, ""),
    "submodule": (submodule, 0, ""),
    "sparse": (sparse, 0, ""),
}
"""How a repository gets there, and how it is compared with its main branch: status, and code where there is none."""


@pytest.mark.parametrize(("arrange", "status", "code"), STATES.values(), ids=STATES)
def test_153_a_contract_is_checked_in_every_state(work, tmp_path, arrange, status, code):
    """Without a base the status is 0 or 1 by the contract alone; with one it is the same, or 2 with the reason."""
    made = arrange(work, tmp_path / "place")

    sound = made.pv("validate")
    compared = made.pv("validate", "--against=main" if made.root.name != "place" or status else "--against")
    made.edit(*BAD)
    broken = made.pv("validate")

    assert (sound.status, broken.status) == (0, 1), f"{sound}\n{broken}"
    assert (compared.status, compared.err.partition(" ")[0]) == (status, code), str(compared)
    assert "Traceback" not in compared.err


def test_153_what_a_sparse_checkout_left_out_is_not_deleted(work, tmp_path):
    """The verdict counts it; a contract that was really removed is missed as ever."""
    made = sparse(work, tmp_path)
    told = made.verdict("--against=main")
    made.git("rm", "-q", "--sparse", "far/far.yaml")

    assert told.endswith(": 1 not checked out")
    assert made.found("PV432", "--against=main")[1] == 1


def conflicting(how):
    """Return what stops git in a conflict of two branches."""

    def arrange(work):
        work.edit("growth is bounded", "growth is limited")
        other = work.commit("ours")
        work.git("switch", "-q", "main")
        work.edit("growth is bounded", "growth ends")
        work.commit("theirs")
        work.tried(how, other if how == "cherry-pick" else "change")

    return arrange


def reverting(work):
    """Stop git in a revert of what has changed again."""
    work.edit("growth is bounded", "growth is limited")
    old = work.commit("one")
    work.edit("growth is limited", "growth ends")
    work.commit("two")
    work.tried("revert", "--no-edit", old)


STOPPED = {
    "merge": conflicting("merge"),
    "rebase": conflicting("rebase"),
    "cherry-pick": conflicting("cherry-pick"),
    "revert": reverting,
}


@pytest.mark.parametrize("arrange", STOPPED.values(), ids=STOPPED)
def test_154_a_conflict_is_told_whatever_git_is_stopped_in(work, arrange):
    """The index holds stages 1, 2 and 3, the file its markers: both are said, and nothing is resolved by guessing."""
    arrange(work)
    stages = {line.split()[2] for line in work.git("ls-files", "--stage", WHERE).splitlines()}
    before = (work.root / WHERE).read_bytes(), (work.root / ".git/index").read_bytes()

    told = {words: work.pv(*words) for words in (("validate",), ("validate", "--staged"), ("bump",), ("status",))}

    assert stages == {"1", "2", "3"}
    assert {each.code for each in told["validate",].findings} == {"PV108"}
    assert [each.code for each in told["validate", "--staged"].findings] == ["PV724"]
    assert {each.status for each in told.values()} <= {0, 1, 2}
    assert ((work.root / WHERE).read_bytes(), (work.root / ".git/index").read_bytes()) == before


def test_154_a_bisection_is_a_detached_head(work):
    """Nothing is in conflict, so nothing is said."""
    work.put("1\n", "README.md")
    work.commit("one")
    work.git("bisect", "start", "HEAD", "main")

    assert [work.pv("validate", *words).status for words in ([], ["--against=main"], ["--staged"])] == [0, 0, 0]


def test_154_a_lock_on_the_index_stops_nobody_who_reads(work):
    """Another git is writing, or died: pv takes no such lock, waits for none and removes none."""
    lock = work.root / ".git/index.lock"
    lock.touch()
    work.edit("growth is bounded", "growth is limited")

    told = [work.pv("validate", *words) for words in ([], ["--against=main"], ["--staged"], ["--staged", WHERE])]

    assert [each.status for each in told] == [0, 1, 0, 0], "\n".join(map(str, told))
    assert "PV423" in told[1].out  # as without the lock
    assert lock.exists()


@pytest.mark.parametrize("where", [".", "contracts"])
def test_155_a_hook_checks_what_is_staged(work, where):
    """Git sets GIT_DIR and GIT_INDEX_FILE for a hook, which may stand in any folder."""
    hook = work.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ncd {where}\nexec {sys.executable} -m pvcheck validate --staged --format concise\n")
    hook.chmod(0o755)
    work.edit(*BAD)
    work.git("add", "-A")
    work.put(BASE)

    staged_bad = work.tried("commit", "-q", "-m", "bad")
    work.put("about\n", "README.md")
    work.git("add", "-A")
    work.edit(*BAD)
    staged_good = work.tried("commit", "-q", "-m", "good")

    assert staged_bad.returncode == 1
    assert "c.yaml:16:13: PV" in staged_bad.stdout + staged_bad.stderr
    assert staged_good.returncode == 0, staged_good.stdout + staged_good.stderr


def test_156_findings_are_about_the_staged_text(work):
    """Line and excerpt are those of the blob, although the work tree has other lines by now."""
    work.edit(*BAD)
    work.git("add", "-A")
    work.put("# one more line\n" + BASE.replace("growth: < 18", "growth: about 19"))

    result = work.pv("validate", "--staged")

    found = next(each for each in result.findings if str(each.severity) == "error")
    assert (found.path, found.line) == (WHERE, 16)
    assert "   16 |     growth: around 18\n" in result.out
    assert "about 19" not in result.out


ATTRIBUTES = {
    "crlf": "* text eol=crlf\n",
    "auto": "* text=auto eol=crlf\n",
    "ident": "* ident\n",
    "filter": "* filter=upper\n",
    "working-tree-encoding": "*.yaml text working-tree-encoding=UTF-8\n",
}


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_157_what_git_does_to_lines_changes_no_digest(promoted, attributes):
    """A checkout through conversions holds the same claim and the same record; nothing is taken for tampered with."""
    promoted.put(attributes, ".gitattributes")
    for way in ("clean", "smudge"):
        promoted.git("config", f"filter.upper.{way}", "cat")
    promoted.git("add", "-A", "--renormalize")
    promoted.git("commit", "-q", "--allow-empty", "-m", "attributes")
    for each in (promoted.root / "contracts").rglob("*"):
        if each.is_file():
            each.unlink()
    promoted.git("checkout", "-q", "--", ".")

    told = [promoted.pv("validate", *words) for words in ([], ["--against=main"], ["--staged"])]

    assert [each.status for each in told] == [0, 0, 0], "\n".join(map(str, told))
    assert promoted.pv("evidence", "verify").status == 0


def test_157_autocrlf_changes_no_digest(promoted, tmp_path):
    """As a setting of a user, without any attribute."""
    promoted.git("config", "core.autocrlf", "true")
    shutil.rmtree(promoted.root / "contracts")
    promoted.git("checkout", "-q", "--", ".")

    assert b"\r\n" in (promoted.root / WHERE).read_bytes()
    assert promoted.codes() == (0, [])
    assert promoted.codes("--against=main") == (0, [])
    assert promoted.pv("evidence", "verify").status == 0


@pytest.mark.parametrize("key", ["core.hooksPath", "core.fsmonitor", "core.pager", "alias.rev-parse", "include.path"])
def test_158_no_setting_of_a_repository_runs_a_program(work, tmp_path, key):
    """A settings file in .git is as foreign as a contract where the folder came in an archive."""
    mark = tmp_path / "it-ran"
    for name in ("evil", "post-index-change", "reference-transaction", "post-checkout"):
        program = tmp_path / "evil" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
        program.chmod(0o755)
    value = {"core.hooksPath": tmp_path / "evil", "alias.rev-parse": f"!{tmp_path}/evil/evil"}
    if key == "include.path":
        (tmp_path / "more").write_text(f'[core]\n\tfsmonitor = "{tmp_path}/evil/evil"\n')
        value[key] = tmp_path / "more"
    work.git("config", key, value.get(key, tmp_path / "evil/evil"))
    work.edit("growth is bounded", "growth is limited")

    for words in ([], ["--against=main"], ["--staged"]):
        work.pv("validate", *words)
    work.pv("diff", "main")
    work.pv("bump")
    work.pv("run", "--changed")

    assert not mark.exists()


def test_159_a_replaced_commit_is_the_one_that_others_see(work):
    """Replace refs and grafts are this clone's own; a base is compared as everybody else has it."""
    base = work.git("rev-parse", "HEAD")
    work.edit("growth: < 18", "growth: < 20")
    other = work.commit("weaker")
    work.git("replace", base, other)
    (work.root / ".git/info").mkdir(exist_ok=True)
    (work.root / ".git/info/grafts").write_text(f"{other}\n")

    assert work.git("show", f"main:{WHERE}") == work.text().strip()  # git itself is led astray
    assert work.found("PV421", f"--against={base}")[1] == 1
    assert work.found("PV421", "--against=main")[1] == 1


@pytest.mark.parametrize("name", ["--output=ran", "--upload-pack=x", "HEAD"])
def test_159_a_branch_with_the_name_of_an_option_is_a_branch(work, name):
    """Made behind git's back, since git refuses to make it; the full name names it, the short one runs nothing."""
    tip = work.git("rev-parse", "main")
    place = work.root / ".git/refs/heads" / name
    place.write_text(f"{tip}\n")
    work.edit("growth: < 18", "growth: < 20")

    full = work.pv("validate", f"--against=refs/heads/{name}")
    short = work.pv("validate", "--against", name)

    assert (full.status, [each.code for each in full.findings if str(each.severity) == "error"]) == (1, ["PV421"])
    assert short.status == (1 if name == "HEAD" else 2)
    assert not (work.root / "ran").exists()
