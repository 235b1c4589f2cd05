"""Repositories: commits, bases, files and the index, as git's objects have them."""

from __future__ import annotations

import os

import pytest
from history.works import BASE, WHERE, Work, started

from pvcheck import history
from pvcheck.errors import ConfigError
from pvcheck.history import Repository

ODD = [
    "a b.txt",
    "tab\there.txt",
    "line\nbreak.txt",
    "ümlaut.txt",
    '"quoted".txt',
    "-x",
    ":(top)y",
    "w*ld.txt",
    "\udcff.bin",
]


@pytest.fixture
def work(tmp_path):
    """Give a repository with files of odd names in a folder of an odd name."""
    made = started(tmp_path / "a b")
    made.put(BASE)
    for name in ODD:
        made.put(f"{name!a}\n", f"odd\n folder/{name}")
    made.commit("first")
    return made


def of(work):
    """Return the repository of a work tree."""
    found = Repository.of(work.root)
    assert found is not None
    return found


def test_the_repository_of_a_folder_is_found_from_below(work):
    """By git itself; outside of any there is none."""
    assert of(work).top == work.root
    assert Repository.of(work.root / "contracts").top == work.root
    assert Repository.of(work.root.parent) is None
    assert Repository.of(work.root / ".git") is None


def test_files_of_odd_names_are_found_in_commits_and_in_the_index(work):
    """Spaces, tabs, line breaks, quotes, dashes, magic, wildcards, and bytes that are no UTF-8."""
    repository = of(work)
    commit = repository.commit("HEAD")
    paths = [f"odd\n folder/{name}" for name in ODD]

    assert set(repository.files(commit, "odd\n folder")) == set(paths)
    assert repository.files(commit) == (WHERE, *sorted(paths, key=os.fsencode))
    assert repository.blobs(commit, paths) == {path: f"{path.partition('/')[2]!a}\n".encode() for path in paths}
    assert [repository.staged(path) for path in paths] == list(repository.blobs(commit, paths).values())
    assert repository.blob(commit, "odd\n folder/none") is None
    assert repository.staged("none") is None


def test_what_is_no_file_has_no_bytes(work):
    """Folders, other commits, and names that only look like paths."""
    repository = of(work)
    commit = repository.commit("HEAD")

    for path in ("contracts", "none", "contracts/", "../a", "/etc/passwd", "contracts/c.yaml/x", ""):
        assert repository.blob(commit, path) is None, path
    assert repository.blob("0" * 40, WHERE) is None
    assert repository.blob("-x", WHERE) is None
    assert repository.files("--full-tree") == ()


def test_several_files_are_asked_for_at_once(work, monkeypatch):
    """One process, whatever their number."""
    repository = of(work)
    commit = repository.commit("HEAD")
    calls = []
    real = history.call
    monkeypatch.setattr(
        history, "call", lambda folder, *words, **more: calls.append(words[0]) or real(folder, *words, **more)
    )

    assert list(repository.blobs(commit, [WHERE, "none", WHERE])) == [WHERE, "none"]
    assert repository.blobs(commit, []) == {}
    assert repository.sizes([]) == []
    assert calls == ["cat-file"]


def test_links_are_followed_inside_a_commit_only(work):
    """To files of the commit; not out of it, not in circles, not into nothing."""
    for name, target in {
        "good": "contracts/c.yaml",
        "out": "/etc/passwd",
        "up": "../x",
        "loop": "loop",
        "gone": "no",
    }.items():
        (work.root / name).symlink_to(target)
    work.commit("links")
    repository = of(work)
    commit = repository.commit("HEAD")

    found = repository.blobs(commit, ["out", "good", "up", "loop", "gone", WHERE])

    assert {name: data for name, data in found.items() if data is not None} == dict.fromkeys(
        ["good", WHERE], BASE.encode()
    )


def test_commits_are_named_in_full_and_bases_are_found(work):
    """Names of branches, tags and commits, also tags with a message."""
    repository = of(work)
    first = repository.commit("HEAD")
    work.git("tag", "-a", "v1", "-m", "one")
    work.git("switch", "-q", "-c", "side")
    work.put("side\n", "side.txt")
    side = work.commit("side")
    work.git("switch", "-q", "main")
    work.put("main\n", "main.txt")
    main = work.commit("main")

    assert (repository.commit("v1"), repository.commit("main"), repository.commit(side[:8])) == (first, main, side)
    assert repository.merge_base(main, side) == first
    assert repository.merge_base(side, main, side) == side
    assert repository.merge_base("nonsense", side) is None
    assert repository.commit(f"HEAD:{WHERE}") is None
    assert repository.commit("null\0character") is None
    assert repository.symbol("HEAD") == "refs/heads/main"


@pytest.mark.parametrize(
    ("word", "make"),
    [
        pytest.param("", lambda work: work.git("status"), id="nothing"),
        pytest.param("merge", lambda work: work.tried("merge", "side"), id="merge"),
        pytest.param("rebase", lambda work: work.tried("rebase", "side"), id="rebase"),
        pytest.param("rebase", lambda work: work.tried("rebase", "--apply", "side"), id="rebase by patches"),
        pytest.param("cherry-pick", lambda work: work.tried("cherry-pick", "side"), id="cherry-pick"),
        pytest.param("revert", lambda work: work.tried("revert", "--no-edit", "HEAD~1"), id="revert"),
    ],
)
def test_what_git_is_stopped_in_is_seen(work, word, make):
    """And the index then has the sides of the conflict."""
    work.git("switch", "-q", "-c", "side")
    work.edit("growth: < 18", "growth: < 17")
    work.commit("side")
    work.git("switch", "-q", "main")
    work.edit("growth: < 18", "growth: < 16")
    work.commit("main")
    work.edit("growth: < 16", "growth: < 15")
    work.commit("main again")
    make(work)
    repository = of(work)

    assert repository.state() == word
    assert [each.stage for each in repository.index() if each.path == WHERE] == ([1, 2, 3] if word else [0])
    if word == "merge":
        assert [b"< 15" in (repository.staged(WHERE, stage) or b"") for stage in (1, 2, 3)] == [False, True, False]
        assert repository.staged(WHERE) is None


def test_a_submodule_is_no_file(work, tmp_path):
    """Its commit is another repository's."""
    around = started(tmp_path / "around")
    around.git("submodule", "--quiet", "add", work.root, "part")
    commit = around.commit("part")
    repository = of(around)

    assert repository.files(commit) == (".gitmodules",)
    assert [each.path for each in repository.index()] == [".gitmodules"]
    assert Repository.of(around.root / "part").top == around.root / "part"
    assert Repository.of(around.root / "part").folder == around.root / ".git/modules/part"


def test_a_damaged_object_is_none_and_hides_nothing_else(work):
    """Git breaks off at it; what it did not tell is not there."""
    repository = of(work)
    commit = repository.commit("HEAD")
    name = work.git("rev-parse", f"HEAD:{WHERE}")
    path = work.root / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"damaged")

    found = repository.blobs(commit, ["odd\n folder/-x", WHERE])

    assert found == {"odd\n folder/-x": b"'-x'\n", WHERE: None}
    assert repository.lacks(commit, WHERE)
    assert not repository.lacks(commit, "odd\n folder/-x")
    assert not repository.lacks(commit, "none")


def test_a_replaced_commit_is_the_one_that_others_see(work):
    """Replacements are local, and a local history proves nothing."""
    repository = of(work)
    first = repository.commit("HEAD")
    work.edit("growth: < 18", "growth: < 20")
    second = work.commit("second")
    work.git("replace", first, second)

    assert repository.blob(first, WHERE) == BASE.encode()


def test_git_that_takes_too_long_is_given_up(work, monkeypatch):
    """A hook that hangs is worse than one that says so."""
    slow = work.root.parent / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(history, "SECONDS", 0.05)

    with pytest.raises(ConfigError, match=r"PV722 git does not answer: it took more than 0\.05 seconds"):
        Repository.of(work.root)


def test_settings_of_a_commit_are_those_of_the_closest_folder(work):
    """Up to the top, and none above it."""
    work.put("timeout = 5\n", "pv.toml")
    work.put("timeout = 7\n", "contracts/pv.toml")
    commit = work.commit("settings")
    (work.root / "pv.toml").unlink()
    (work.root / "odd").mkdir()
    repository = of(work)

    assert history.settings("HEAD", work.root / "contracts").timeout == 7
    assert history.settings("HEAD", work.root / "odd").timeout == 5
    assert history.settings_at(repository, repository.commit("HEAD~1"), work.root).timeout == 120
    assert history.settings_at(repository, commit, work.root).root == work.root


def test_a_worktree_has_a_folder_of_its_own(work, tmp_path):
    """With its own index and its own state."""
    work.git("worktree", "add", "-q", "-b", "side", tmp_path / "side")
    side = Repository.of(tmp_path / "side")

    assert side.top == tmp_path / "side"
    assert side.folder == work.root / ".git/worktrees/side"
    assert (of(work).folder, of(work).is_shallow()) == (work.root / ".git", False)
    assert Work(tmp_path / "side").codes("--against=main") == (0, [])
