"""Repositories with a contract in them, and surroundings that say nothing."""

from __future__ import annotations

import pytest
from history.works import BASE, started

from pvcheck.pipeline import bases


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """Let no CI system, no hook and no settings of a user around the tests say anything."""
    for name in [*bases.BRANCHES, *bases.COMMITS, bases.REMOTE, bases.PUSHED_FROM, bases.PUSHED]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def work(tmp_path):
    """Give a repository with one contract at 1.12.0 on main, and stand on the branch change."""
    made = started(tmp_path / "project")
    made.put(BASE)
    made.commit("base")
    made.git("switch", "-q", "-c", "change")
    return made


@pytest.fixture
def promoted(tmp_path):
    """Give a repository whose contract has earned DISCHARGED on main, at 1.13.0, and stand on the branch change."""
    made = started(tmp_path / "promoted")
    made.put(BASE)
    made.commit("base")
    made.promote()
    made.commit("promoted")
    made.git("switch", "-q", "-c", "change")
    return made
