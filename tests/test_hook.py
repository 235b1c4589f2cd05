"""The hooks, tried with pre-commit itself: a good contract passes, a typed promotion or a silent weakening does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
def pushing(repository, checkout, tmp_path):
    """Give the repository with the hook for pushes that ships, and a remote that has its main branch."""
    shipped = yaml.safe_load((checkout / ".pre-commit-hooks.yaml").read_text())
    hook = next(each for each in shipped if each["id"] == "pv-against")
    hook |= {"language": "system", "entry": hook["entry"].replace("pv ", f"{PROGRAMS / 'pv'} ", 1)}
    settings = {"repos": [{"repo": "local", "hooks": [hook]}]}
    (repository.root / ".pre-commit-config.yaml").write_text(yaml.safe_dump(settings))
    repository.git("branch", "-M", "main")
    repository.commit()
    repository.git("init", "-q", "--bare", "-b", "main", tmp_path / "remote.git")
    repository.git("remote", "add", "origin", tmp_path / "remote.git")
    assert repository.call(PRE_COMMIT, "install", "--hook-type", "pre-push")[0] == 0
    assert repository.call("git", "push", "-u", "origin", "main")[0] == 0
    return repository


def weakened(text, version):
    """Return a contract with a weaker bound, a version, and the amendment that belongs to it."""
    changed = text.replace("growth_last_over_first: < 18", "growth_last_over_first: < 20", 1)
    assert changed != text
    entry = f"amendments:\n- version: {version}\n  date: 2026-11-23\n  summary: weakens growth_last_over_first\n"
    changed = changed.replace("version: 1.12.0", f"version: {version}", 1)
    return changed.replace("amendments: []\n", entry).replace("amendments:\n-", f"{entry}-", 0)


def test_a_push_that_weakens_a_bound_silently_is_stopped_and_one_that_owns_up_is_not(pushing):
    """The hook that ships, a real push to a bare repository."""
    path = pushing.root / "contracts" / CONTRACT
    good = path.read_text()
    pushing.git("switch", "-q", "-c", "change")
    path.write_text(weakened(good, "1.12.1"))
    pushing.commit()

    stopped = pushing.call("git", "push", "-u", "origin", "change")
    nothing = pushing.git("ls-remote", "--heads", "origin")
    path.write_text(weakened(good, "2.0.0"))
    pushing.commit()
    passed = pushing.call("git", "push", "-u", "origin", "change")

    assert stopped[0] == 1, stopped[1]
    assert "needs a major version, 2.0.0 or above, got 1.12.1" in stopped[1]
    assert f"contracts/{CONTRACT}:" in stopped[1]
    assert ": PV421 " in stopped[1]
    assert "against origin/main (" in stopped[1]
    assert "refs/heads/change" not in nothing
    assert passed[0] == 0, passed[1]
    assert "refs/heads/change" in pushing.git("ls-remote", "--heads", "origin")


def test_a_push_that_deletes_a_contract_is_stopped(pushing):
    """Which no list of changed files would name."""
    (pushing.root / "contracts" / CONTRACT).rename(pushing.root / "contracts" / "kept.txt")
    pushing.commit()

    status, told = pushing.call("git", "push", "origin", "main")

    assert status == 1, told
    assert f"contracts/{CONTRACT}: PV432 the contract " in told


def test_what_is_pushed_is_judged_not_what_lies_in_the_work_tree(pushing):
    """Another branch than the one that is checked out, and a work tree that looks better than the commit."""
    path = pushing.root / "contracts" / CONTRACT
    good = path.read_text()
    pushing.git("switch", "-q", "-c", "change")
    path.write_text(weakened(good, "1.12.1"))
    pushing.commit()
    path.write_text(good)
    behind_a_good_face = pushing.call("git", "push", "origin", "change")
    pushing.git("checkout", "-q", "--force", "main")
    from_elsewhere = pushing.call("git", "push", "origin", "change")

    assert behind_a_good_face[0] == from_elsewhere[0] == 1
    assert ": PV421 " in behind_a_good_face[1]
    assert ": PV421 " in from_elsewhere[1]


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
