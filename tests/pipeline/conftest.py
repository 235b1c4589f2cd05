"""A project on disk with one contract that the probe can measure."""

from __future__ import annotations

import json
import subprocess

import pytest
from biting import arena, biter  # noqa: F401 - fixtures
from helpers import CONTRACT

SOUND = {"metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]}}


class Project:
    """A folder under git with settings, a contract and a model."""

    def __init__(self, root):
        self.root = root
        self.contract = root / "contracts" / "c.yaml"
        self.contract.parent.mkdir(parents=True)
        (root / "pv.toml").write_text('evaluators = ["probe"]\n')
        self.contract.write_text(CONTRACT)
        self.model = root / "contracts" / "model.bin"
        self.measure(SOUND)

    def measure(self, told):
        """Say what the probe will report."""
        self.model.write_text(json.dumps(told))

    def edit(self, old, new, count=1):
        """Change the contract."""
        text = self.contract.read_bytes().decode()
        assert old in text
        self.contract.write_bytes(text.replace(old, new, count).encode())

    def state(self):
        """Return the bytes of every file."""
        files = sorted(each for each in self.root.rglob("*") if each.is_file() and ".git" not in each.parts)
        return {str(each.relative_to(self.root)): each.read_bytes() for each in files}


@pytest.fixture
def project(tmp_path, probe, monkeypatch, pv):
    """Give a project that knows the probe, and stand in its root."""
    del probe
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    monkeypatch.chdir(root)
    made = Project(root)
    assert pv("schema", "--plugins", "--write")[0] == 0
    return made
