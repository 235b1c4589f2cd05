"""A project to run commands in, the command as a process of its own, and texts that are compared whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from biting import arena, biter  # noqa: F401 - fixtures
from helpers import untraced
from pipeline.conftest import project  # noqa: F401 - a fixture

GOLDEN = Path(__file__).resolve().parent / "golden"
CHANGING = (
    (re.compile(r" *\d+ ms\b"), "  N ms"),
    (re.compile(r"sha256:[0-9a-f]{64}\b"), "sha256:<64 digits>"),
    (re.compile(r"sha256:[0-9a-f]{8}\b"), "sha256:<8 digits>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d$", re.MULTILINE), "<today>"),
)


@pytest.fixture
def golden():
    """Compare a text with the one that was kept, after replacing what differs from run to run.

    ``PVCHECK_UPDATE_GOLDEN=1`` keeps the new text instead; it is then to be read in review.
    """

    def compare(name: str, text: str, replaced: dict[str, str] | None = None):
        for old, new in (replaced or {}).items():
            text = text.replace(old, new)
        for pattern, new in CHANGING:
            text = pattern.sub(new, text)
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("PVCHECK_UPDATE_GOLDEN") == "1":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


class Command:
    """The command line in a process of its own, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *words: object, **options: object) -> subprocess.Popen:
        """Start it and return the process."""
        variables = untraced(**options.pop("variables", {}))
        command = [sys.executable, "-m", "pvcheck", *map(str, words)]
        return subprocess.Popen(command, cwd=self.folder, env=variables, **options)

    def __call__(self, *words: object, seconds: float = 60, **options: object) -> tuple[int, str, str]:
        """Run it to its end and return exit status, standard output and error."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        with self.start(*words, **streams) as process:
            out, err = process.communicate(timeout=seconds)
        return process.returncode, (out or b"").decode(), (err or b"").decode()


@pytest.fixture
def command(tmp_path):
    """Give the command line as a process of its own, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    return Command(folder)
