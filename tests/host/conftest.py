"""A plugin and a pool that must leave nothing behind."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from host.demos import Demo, Site, processes_of

from pvcheck.host import Limits, Pool

DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """Give a plugin in a folder of its own; afterwards no process and no temporary folder of a worker is left."""
    folder, temporary = tmp_path / "plugin", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = len(list(DESCRIPTORS.iterdir()))

    yield Demo(folder)

    assert processes_of(folder) == []
    assert list(temporary.iterdir()) == []
    assert len(list(DESCRIPTORS.iterdir())) <= before


@pytest.fixture
def pool():
    """Give a pool with a time limit that no good worker meets."""
    with Pool(Limits(seconds=20)) as workers:
        yield workers


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Give a folder of distributions in front of the import path, and nothing else that declares a plugin."""
    here = str(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two texts of one size in one second are one to it
    monkeypatch.setattr(sys, "path", [each for each in sys.path if "site-packages" not in each])
    modules = set(sys.modules)
    yield Site(tmp_path / "site", monkeypatch)
    for name in set(sys.modules) - modules:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(here):
            del sys.modules[name]
