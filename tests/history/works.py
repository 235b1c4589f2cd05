"""Real repositories, and ``pv`` run in their work trees."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from helpers import CONTRACT, a_record, load

from pvcheck import writeback
from pvcheck.loading import contract as loading
from pvcheck.testing.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

WHERE = "contracts/c.yaml"
DAY = "2026-11-23"
BASE = CONTRACT.replace("1.2.3", "1.12.0")


class Work:
    """One work tree. ``git`` must succeed, ``tried`` may fail."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = Project(root)

    def tried(self, *words, **variables):
        """Call git as a person would, and return how it ended."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        who = {f"GIT_{role}_{what}": "n@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_EDITOR": "true"}
        command = ["git", "-c", "protocol.file.allow=always", *map(str, words)]
        return subprocess.run(
            command, cwd=self.root, env=kept | who | own | variables, capture_output=True, text=True, check=False
        )

    def git(self, *words):
        """Call git, and return what it printed."""
        done = self.tried(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def put(self, text, path=WHERE):
        """Write a file."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())

    def text(self, path=WHERE):
        """Return the text of a file."""
        return (self.root / path).read_bytes().decode()

    def edit(self, *changes, path=WHERE):
        """Replace texts in a file, each of which must be there: old, new, old, new."""
        text = self.text(path)
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new, 1)
        self.put(text, path)

    def commit(self, message="as it is"):
        """Commit everything, and return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "-m", message)
        return self.git("rev-parse", "HEAD")

    def promote(self, path=WHERE, **changes):
        """Do to a contract what a run does that held, and return the record."""
        place = self.root / path
        loaded = loading.load(place.read_bytes(), str(place))
        record = a_record(loaded, **changes)
        update = writeback.decide(loaded.contract, place, [record])
        writeback.write(place, loaded.document, writeback.edited(loaded.document, loaded.contract, update, DAY), update)
        return record

    def pv(self, *words):
        """Run pv in the work tree."""
        return self.project.run(*words)

    def codes(self, *words):
        """Run validation, and return its status and the codes of what it found, without hints at what is unbound."""
        result = self.pv("validate", *words)
        return result.status, [each.code for each in told(result)]

    def found(self, code, *words):
        """Run validation, and return the one finding with a code as it is told, and its status."""
        result = self.pv("validate", *words)
        found = [each for each in result.findings if each.code == code]
        assert len(found) == 1, str(result)
        return str(found[0]), result.status

    def verdict(self, *words):
        """Run validation, which must find nothing that counts, and return what it was compared with."""
        result = self.pv("validate", *words)
        assert result.status == 0, str(result)
        return result.out.splitlines()[-1].rpartition("; ")[2]


def told(result):
    """Return the findings of a validation, without warnings about shape and structure."""
    return [each for each in result.findings if str(each.severity) == "error" or each.code > "PV4"]


def started(root):
    """Return a new repository whose branch is main."""
    root.mkdir(parents=True)
    made = Work(root)
    made.git("init", "-q", "-b", "main")
    return made


def short(commit):
    """Return a commit as a verdict shows it."""
    return commit[:9]


def record_of(text=BASE, **changes):
    """Return a record for a contract."""
    return a_record(load(text), **changes)
