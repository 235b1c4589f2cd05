"""A project that holds such contracts."""

from __future__ import annotations

import json

import pytest
from report.shelves import CATALOGUE, TEXT, Shelf, metrics

from pvcheck import config


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Give an empty project, and stand in it."""
    root = tmp_path / "project"
    (root / "schemas").mkdir(parents=True)
    (root / "pv.toml").touch()
    (root / "schemas" / "evaluators.json").write_text(json.dumps(CATALOGUE))
    monkeypatch.chdir(root)
    config.of_folder.cache_clear()
    return Shelf(root)


@pytest.fixture
def everything(shelf):
    """Give a project with a contract in every state."""
    shelf.earn("SOUND")
    shelf.earn("REFUTED", status="FALSIFIED", measured=metrics(growth=99.0))
    stale = shelf.earn("STALE")
    stale.write_text(stale.read_text().replace("growth: < 18", "growth: < 17"))
    shelf.put("PENDING")
    shelf.put("TYPED", TEXT.replace("status: PENDING", "status: DISCHARGED"))
    shelf.put("UPSTREAM", TEXT.replace("  schema: 1\n", "").replace("status: PENDING", "status: DISCHARGED"))
    shelf.put("BROKEN", "a: 1\na: 2\n")
    return shelf
