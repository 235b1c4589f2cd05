"""The fault loop of a bump: its disk fails at every call, and the contract is the old one or the new one."""

from __future__ import annotations

import os

import pytest
from pipeline.bumps import Repo
from pipeline.test_kill import Faulty, assert_sound, leftovers, records

from pvcheck import files
from pvcheck.errors import PvError, Severity

ENOUGH = 8
"""Calls that must be covered; fewer would mean that the loop counts nothing."""


def edited(root):
    """Give a contract that is to be bumped."""
    repo = Repo(root)
    repo.edit("growth: < 18", "growth: < 19")
    return repo, {}


def parted(root):
    """Give a branch that is to be put on top of main, with a record of main that is not here yet."""
    repo = Repo(root)
    repo.branch("mine")
    repo.measure("F-2")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.measure("F-1", host="there")
    repo.commit()
    repo.git("switch", "-q", "mine")
    return repo, {"onto": "main"}


@pytest.mark.parametrize(("make", "error"), [(edited, 28), (edited, None), (parted, 28)])
def test_a_bump_that_fails_at_any_call_leaves_the_old_or_the_new(tmp_path, monkeypatch, make, error):
    """The next bump finishes the work, and no temporary file stays."""
    repo, wish = make(tmp_path / "repo")
    old = repo.text
    failed = 0
    for at in range(1, 1000):
        faulty = Interrupted(at) if error is None else Faulty(at, error)
        monkeypatch.setattr(files, "os", faulty)
        stopped = not is_done(repo, wish)
        monkeypatch.setattr(files, "os", os)
        failed += stopped
        assert repo.text == old or "status" in repo.text
        assert leftovers(repo.root) == []
        assert_sound(repo.contract)
        left = repo.text
        done = repo.bump(**wish)
        assert [each for each in done.findings if each.severity is Severity.ERROR] == []
        new = repo.text
        assert left in {old, new}
        if faulty.calls < at:
            break
        repo.contract.write_text(old)
        for name in records(repo.root):
            if repo.git("ls-files", "--", f"contracts/evidence/c/{name}") == "":
                (repo.contract.parent / "evidence" / "c" / name).unlink()
    assert failed > ENOUGH


class Interrupted(Faulty):
    """The module os, whose call number ``at`` is interrupted by the user."""

    def call(self, found, words, options):
        """Count, and interrupt."""
        self.calls += 1
        if self.calls == self.at and found is not os.close:
            raise KeyboardInterrupt
        return found(*words, **options)


def is_done(repo, wish):
    """Say whether a bump came to its end, whatever it found."""
    try:
        return not any(each.code in {"PV710", "PV711", "PV708"} for each in repo.bump(**wish).findings)
    except (PvError, KeyboardInterrupt):
        return False
