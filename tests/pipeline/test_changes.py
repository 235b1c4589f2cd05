"""``--changed``: contracts, records and inputs that differ from a commit, by the objects of git."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess

import pytest
from helpers import CONTRACT

SOUND = {"metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]}}
ENTRY = CONTRACT[CONTRACT.index("- id: F-1") : CONTRACT.index("- id: F-2")]
OTHER = "  other:\n    format: gguf\n    path: other.bin\n"
TEXT = CONTRACT.replace("falsification_tests:", OTHER + "falsification_tests:").replace(
    "- id: F-2", ENTRY.replace("F-1", "F-3").replace("model: model", "model: other") + "- id: F-2"
)


def git(folder, *words):
    """Call git as somebody."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(params=["sha1", "sha256"])
def work(project, pv, monkeypatch, request, tmp_path):
    """Give a repository on a branch that stands on main, with evidence for both falsifiers."""
    for each in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_", "CI"))]:
        monkeypatch.delenv(each)
    project.contract.write_text(TEXT)
    (project.contract.parent / "other.bin").write_text(json.dumps(SOUND))
    pv("run", "--write")
    subprocess.run(["rm", "-rf", project.root / ".git"], check=True)
    git(project.root, "init", "-q", "-b", "main", f"--object-format={request.param}")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "first")
    git(project.root, "checkout", "-qb", "work")
    return project


def measured(pv, *words):
    """Return the ids that a run measures, and how it ended."""
    status, out, err = pv("run", "--dry-run", *words)
    return {line.split()[-1] for line in out.splitlines() if line.startswith("  would")}, status, err


def test_nothing_that_changed_is_an_empty_selection(work, pv):
    """The message names the option."""
    ids, status, err = measured(pv, "--changed")

    assert (ids, status) == (set(), 4)
    assert err.startswith("PV707 nothing is left by --changed: contract, record and inputs of what was selected")


def test_a_contract_that_changed_is_measured_as_a_whole(work, pv):
    """Whatever changed in it; line ends that git changes are no change."""
    text = work.contract.read_bytes()
    work.contract.write_bytes(text.replace(b"\n", b"\r\n"))
    assert measured(pv, "--changed")[1] == 4

    work.contract.write_bytes(text.replace(b"growth is bounded", b"growth is limited", 1))

    assert measured(pv, "--changed")[0] == {"F-1", "F-3"}


def test_a_record_or_an_input_that_changed_touches_its_falsifier(work, pv):
    """And no other."""
    (work.contract.parent / "other.bin").write_text(json.dumps(SOUND) + " ")
    assert measured(pv, "--changed")[0] == {"F-3"}

    git(work.root, "checkout", "-q", ".")
    records = sorted((work.contract.parent / "evidence" / "c").glob("*.json"))
    mine = next(each for each in records if json.loads(each.read_bytes())["predicate"]["falsifier"] == "F-1")
    mine.unlink()

    assert measured(pv, "--changed")[0] == {"F-1"}


def test_what_main_did_meanwhile_is_no_change_of_ours(work, pv):
    """The base is where the branch left main; a commit may be named."""
    git(work.root, "checkout", "-q", "main")
    work.contract.write_text(work.contract.read_text().replace("growth is bounded", "growth is small"))
    git(work.root, "commit", "-qam", "second")
    git(work.root, "checkout", "-q", "work")
    assert measured(pv, "--changed")[1] == 4

    (work.contract.parent / "model.bin").write_text(json.dumps(SOUND) + " ")
    git(work.root, "commit", "-qam", "third")

    assert measured(pv, "--changed")[0] == {"F-1"}
    assert measured(pv, "--changed=HEAD")[1] == 4
    assert measured(pv, "--changed=main")[0] == {"F-1"}


def test_an_input_that_git_does_not_know_cannot_have_changed(work, pv):
    """A model that is ignored, until it is added; a pipe in place of a file is a change."""
    model = work.contract.parent / "model.bin"
    git(work.root, "rm", "-q", "--cached", "contracts/model.bin")
    git(work.root, "commit", "-qm", "second")
    assert measured(pv, "--changed=HEAD")[1] == 4
    git(work.root, "add", "contracts/model.bin")
    assert measured(pv, "--changed=HEAD")[0] == {"F-1"}
    git(work.root, "commit", "-qm", "third")
    model.unlink()
    os.mkfifo(model)

    assert measured(pv, "--changed=HEAD")[0] == {"F-1"}


def test_a_pointer_of_lfs_stands_for_its_file(work, pv):
    """Its digest is compared, and no filter runs."""
    model = work.contract.parent / "model.bin"
    data = model.read_bytes()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
    model.write_text(pointer.format(hashlib.sha256(data).hexdigest(), len(data)))
    git(work.root, "commit", "-qam", "second")
    model.write_bytes(data)
    assert measured(pv, "--changed=HEAD")[1] == 4

    model.write_bytes(data + b" ")

    assert measured(pv, "--changed=HEAD")[0] == {"F-1"}


def test_a_file_that_cannot_be_read_is_a_change(work, pv, monkeypatch):
    """Measuring it says what is wrong."""
    from pvcheck.pipeline import changes

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr(changes, "_names", refuse)

    base = changes._Base(changes.history.at(work.root), git(work.root, "rev-parse", "HEAD"))
    assert base.differs(work.contract.parent / "model.bin", is_text=False)


REFUSALS = {
    "typo": ("nowhere", 'PV716 there is no commit "nowhere" in this clone\n'),
    "file": (
        "contracts/c.yaml",
        'PV716 --changed takes a commit, and "contracts/c.yaml" is a file\n  hint: write --changed=auto',
    ),
}


@pytest.mark.parametrize(("name", "message"), REFUSALS.values(), ids=REFUSALS)
def test_a_reference_that_is_none_is_refused(work, pv, name, message):
    """The message speaks of this option."""
    ids, status, err = measured(pv, f"--changed={name}")

    assert (ids, status) == (set(), 2)
    assert err.startswith(message)


def test_outside_of_a_repository_nothing_can_have_changed(project, pv):
    """It is a usage error, not an empty selection."""
    subprocess.run(["rm", "-rf", project.root / ".git"], check=True)

    assert measured(pv, "--changed")[1] == 2
