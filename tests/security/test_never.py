"""What commands that only read never do: each runs in a process of its own under an audit hook, over hostile files too.

``tests/test_imports.py`` holds it for ``pv validate`` alone; here git is called, and what is not.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess

import pytest
from test_imports import WRITING, audited, by_name, folders, given

from pvcheck import history

PLUMBING = {"rev-parse", "cat-file", "ls-files", "ls-tree", "merge-base"}
"""What git is asked: questions about objects and the index, none of which writes, fetches or runs anything."""
TRAP = "#!/bin/sh\ntouch {mark}\n"


@pytest.fixture(scope="module")
def work(tmp_path_factory, checkout):
    """Return a repository of our contracts, of those of strangers and of hostile ones, with something of each changed.

    Its settings of git name programs wherever they can.
    """
    root = tmp_path_factory.mktemp("work").resolve() / "repo"
    shutil.copytree(checkout / "contracts", root / "contracts")
    (root / "pv.toml").write_text("")
    for place in given():
        shutil.copytree(place, root / "contracts" / place.name)
    trap = root.parent / "trap"
    trap.write_text(TRAP.format(mark=root.parent / "ran"))
    trap.chmod(0o755)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    for name in ("core.fsmonitor", "core.pager", "core.editor", "diff.external", "filter.x.smudge", "core.sshCommand"):
        git(root, "config", name, str(trap))
    (root / ".git" / "hooks").mkdir(exist_ok=True)
    shutil.copy(trap, root / ".git" / "hooks" / "post-index-change")
    (root / ".gitattributes").write_text("*.yaml filter=x diff=x\n")
    path = root / "contracts" / "trace-ffn-sub-block-gguf-v1.yaml"
    path.write_text(path.read_text().replace("status: ACTIVE", "status: DISCHARGED", 1))
    (root / "contracts" / "new.yaml").write_text("metadata: {version: 1.0.0, id: C-NEW}\nfalsification_tests: []\n")
    git(root, "-c", "filter.x.smudge=cat", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "add", "-A")
    return root


def git(root, *words):
    """Call git as a person would."""
    who = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True, env=os.environ | own)


def asked(event):
    """Return what git was asked, having made sure that it is git, and runs nothing that it is configured to run."""
    program, words, _, variables = ast.literal_eval(event[1])
    assert program == "git"
    assert tuple(words[: len(history.GIT)]) == history.GIT
    assert words[len(history.GIT)] == "-C"
    assert history.SURROUNDINGS.items() <= variables.items()
    return words[len(history.GIT) + 2]


def stamps(folder):
    """Return what tells the state of each file from another."""
    found = {each: each.lstat() for each in folder.rglob("*")}
    return {each: (told.st_ino, told.st_size, told.st_mode, told.st_mtime_ns) for each, told in found.items()}


def is_of(event, places):
    """Say whether what was made or removed lies in a folder, or is a step of a removal from folder to folder."""
    is_step = event[0] in {"os.remove", "os.rmdir"} and ast.literal_eval(event[1])[-1] >= 0
    return is_step or any(f"'{place}" in event[1] for place in places)


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "--against=HEAD"],
        ["validate", "--staged"],
        ["validate", "--against=HEAD", "--staged", "--no-cache", "--format", "json"],
        ["list"],
        ["graph"],
        ["diff"],
        ["evidence", "verify"],
    ],
    ids=" ".join,
)
def test_a_command_that_reads_only_reads(work, tmp_path, checkout, words):
    """No socket, no program but git with its fixed questions, no file outside, no write but cache and own copy."""
    cache, scratch = tmp_path / "cache", tmp_path / "scratch"
    scratch.mkdir()
    before = stamps(work)
    quiet = {name: "" for name in os.environ if name.startswith(("GIT_", "GITHUB_", "CI_"))}

    status, seen, modules = audited(work, *words, CORES="1", XDG_CACHE_HOME=str(cache), TMPDIR=str(scratch), **quiet)

    assert status in {0, 1, 3, 4, 5}, seen[-3:]
    calls = [event for event in seen if event[0] == "subprocess.Popen"]
    assert {asked(each) for each in calls} <= PLUMBING
    assert bool(calls) == bool({"diff", "--against=HEAD", "--staged"} & {*words})
    own = (str(cache), str(scratch))
    others = [event for event in seen if event[0] not in {"open", "import", "subprocess.Popen"}]
    assert [event for event in others if not is_of(event, own)] == []
    opened = [event for event in seen if event[0] == "open" and not event[1].isdigit()]  # pipes to git are numbers
    written = [event[1] for event in opened if event[3] & WRITING and event[1] != os.devnull]
    assert [path for path in written if not path.startswith(own)] == []
    assert not written or "validate" in words
    here = os.path.realpath(checkout)
    code = (*folders(), f"{here}/pvcheck/", f"{here}/schemas/", f"{here}/plugins/")
    allowed = (*code, str(work), *own, os.devnull)
    assert [path for path in by_name(opened) if not os.path.realpath(work / path).startswith(allowed)] == []
    loaded = [path for path in modules.values() if path and not path.startswith("<")]
    assert [path for path in loaded if not os.path.realpath(path).startswith(code)] == []
    assert stamps(work) == before
    assert not (work.parent / "ran").exists()
    assert list(scratch.iterdir()) == []
