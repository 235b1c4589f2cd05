"""A repository with one contract of three falsifiers, measured without an evaluator."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from helpers import METRICS, a_record, load

from pvcheck import writeback
from pvcheck.pipeline import bumping
from pvcheck.pipeline.bumping import Wish
from pvcheck.pipeline.options import Mode

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# growth of a network
metadata:
  schema: 1
  id: C-TEST
  version: 1.2.3
  status: ACTIVE
  description: a contract for tests
inputs:
  model:
    format: gguf
    path: model.bin
falsification_tests:
- id: F-1
  rule: growth is bounded
  evaluator: probe
  with: {model: model, layers: 0-3}
  expect:
    growth: < 18
    count: '>= 4'
  status: PENDING
- id: F-2
  rule: growth is bounded over more layers
  evaluator: probe
  with: {model: model, layers: 0-7}
  expect:
    growth: < 20
  status: PENDING
- id: F-3
  rule: nobody measures this
  status: PROPOSED
implementation_stages:
- id: M-1
  expected_acceptance: [F-1]
  status: PENDING
- id: M-2
  expected_acceptance: [F-1, F-2]
  status: PENDING
amendments: []
"""
DAY = "2026-11-22"
LATER = "2026-11-29"


class Repo:
    """A repository in a folder, with ``contracts/c.yaml``."""

    def __init__(self, root: Path, text: str = TEXT) -> None:
        self.root = root
        self.contract = root / "contracts" / "c.yaml"
        self.contract.parent.mkdir(parents=True)
        (root / "pv.toml").write_text("")
        self.contract.write_bytes(text.encode())
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "somebody")
        self.git("config", "user.email", "somebody@example.org")
        self.commit("first")

    def git(self, *words: str, fails: bool = False) -> str:
        """Run git; it must succeed, or fail where that is said."""
        variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        variables |= {"GIT_EDITOR": "true", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run(["git", *words], cwd=self.root, env=variables, capture_output=True, check=False)
        assert (done.returncode != 0) == fails, done.stderr.decode() + done.stdout.decode()
        return done.stdout.decode()

    def commit(self, message: str = "more") -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    @property
    def text(self) -> str:
        """The contract."""
        return self.contract.read_bytes().decode()

    def edit(self, old: str, new: str) -> None:
        """Change the contract by hand."""
        assert old in self.text
        self.contract.write_bytes(self.text.replace(old, new, 1).encode())

    def measure(self, *names: str, day: str = DAY, metrics=None, host: str = "here") -> None:
        """Measure falsifiers, as it were, and promote what held."""
        loaded = load(self.text, str(self.contract))
        at = {"started": f"{day}T00:00:00+00:00", "seconds": 0.1, "host": host}
        records = [a_record(loaded, metrics or METRICS, name, made_at=at) for name in names]
        update = writeback.decide(loaded.contract, self.contract, records)
        after = writeback.edited(loaded.document, loaded.contract, update, day)
        writeback.write(self.contract, loaded.document, after, update)

    def branch(self, name: str, start: str = "main") -> None:
        """Start a branch."""
        self.git("switch", "-q", "-c", name, start)

    def bump(self, mode: Mode = Mode.WRITE, **wish):
        """Bump the contract."""
        (done,) = bumping.bump([self.contract], Wish(**({"day": DAY} | wish), mode=mode))
        return done

    @property
    def evidence(self) -> dict[str, str]:
        """The references in the contract, by falsifier."""
        contract = load(self.text).contract
        return {each.id: each.evidence for each in contract.falsifiers if each.evidence}

    @property
    def words(self) -> dict[str, str]:
        """The statuses in the contract, by id."""
        contract = load(self.text).contract
        return {each.id: each.status for each in (*contract.falsifiers, *contract.stages)} | {"": contract.status}
