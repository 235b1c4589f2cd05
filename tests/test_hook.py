"""The pre-merge hook, tried with pre-commit itself: a good contract passes, a typed promotion is stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PARTS = ("pyproject.toml", "pvcheck", "plugins", "schemas", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
CONTRACT = "trace-ffn-sub-block-gguf-v1.yaml"
PROGRAMS = Path(sys.executable).parent
PRE_COMMIT = PROGRAMS / "pre-commit"
SHIPPED = """\
repos:
- repo: {repository}
  rev: {revision}
  hooks:
  - id: pv-validate
"""
OF_SYSTEM = """\
repos:
- repo: local
  hooks:
  - id: pv-validate
    name: pv validate
    entry: {program} validate --format concise
    language: system
    files: ^contracts/[^/]+\\.yaml$
"""

pytestmark = pytest.mark.skipif(not PRE_COMMIT.exists(), reason="pre-commit is not installed")


class Repository:
    """A git repository with a hook, and an environment that is nobody's."""

    def __init__(self, root, home):
        self.root = root
        root.mkdir()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("COVERAGE_", "COV_", "GIT_"))}
        who = {
            f"GIT_{role}_{what}": "nobody@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        self.variables = kept | who | {"PRE_COMMIT_HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull}
        self.variables["PATH"] = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
        self.git("init", "-q")

    def call(self, *words):
        """Run a program here and return its status and all it said."""
        done = subprocess.run(
            [*map(str, words)], cwd=self.root, env=self.variables, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def git(self, *words):
        """Run git, which must succeed."""
        status, told = self.call("git", *words)
        assert status == 0, told
        return told.strip()

    def commit(self):
        """Commit everything as it is, without the hook, and return the revision."""
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "-m", "as it is")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path, checkout):
    """Give a repository with one good contract and its model."""
    made = Repository(tmp_path / "project", tmp_path / "pre-commit")
    shutil.copytree(checkout / "pvcheck" / "demo_data", made.root / "contracts")
    return made


def tried(repository, configuration):
    """Install the hook, commit a good contract, then try to commit a typed promotion; return both answers."""
    (repository.root / ".pre-commit-config.yaml").write_text(configuration)
    assert repository.call(PRE_COMMIT, "install")[0] == 0
    repository.git("add", "-A")
    good = repository.call("git", "commit", "-m", "a contract")
    path = repository.root / "contracts" / CONTRACT
    path.write_text(
        path.read_text().replace(
            "  status: PENDING\n- id: FALSIFY-FFN-GGUF-017", "  status: DISCHARGED\n- id: FALSIFY-FFN-GGUF-017"
        )
    )
    repository.git("add", "-A")
    before = repository.git("rev-parse", "HEAD") if good[0] == 0 else ""
    typed = repository.call("git", "commit", "-m", "discharged, trust me")
    assert good[0] != 0 or repository.git("rev-parse", "HEAD") == before
    return good, typed


def assert_stopped(good, typed):
    """Hold that the first commit went through and the second did not, for a reason with rule and place."""
    assert good[0] == 0, good[1]
    assert "Passed" in good[1]
    assert typed[0] == 1, typed[1]
    assert f"contracts/{CONTRACT}:161:" in typed[1]
    assert ": PV401 " in typed[1]


def test_a_hook_of_the_system_stops_a_typed_promotion(repository):
    """The command that is installed, called by pre-commit."""
    assert_stopped(*tried(repository, OF_SYSTEM.format(program=PROGRAMS / "pv")))


@pytest.fixture
def index(tmp_path):
    """Skip where the package index cannot be reached: the hook's environment is made from it."""
    words = [
        "download",
        "-q",
        "--no-deps",
        "--retries",
        "0",
        "--timeout",
        "10",
        "-d",
        str(tmp_path / "reach"),
        "pluggy",
    ]
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1][:120]}")


def test_the_hook_that_ships_stops_a_typed_promotion(repository, checkout, tmp_path, index):
    """pre-commit builds the package from the repository that others would name, without numpy and numba."""
    del index
    source = Repository(tmp_path / "source", tmp_path / "unused")
    for name in PARTS:
        copy = shutil.copytree if (checkout / name).is_dir() else shutil.copy
        ignored = {"ignore": shutil.ignore_patterns("__pycache__")} if (checkout / name).is_dir() else {}
        copy(checkout / name, source.root / name, **ignored)
    revision = source.commit()

    answers = tried(repository, SHIPPED.format(repository=source.root, revision=revision))

    assert_stopped(*answers)
    installed = {path.name for path in (tmp_path / "pre-commit").glob("*/py_env-*/lib/python*/site-packages/*")}
    assert {"pvcheck", "jsonschema_rs"} <= installed
    assert installed & {"numpy", "numba", "gguf"} == set()
