"""The page about the investigation: every command is run, and every line it shows is found in the output."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from pvcheck.testing import Project

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "investigation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n\$ (pv [^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONTRACT = re.search(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def told(tmp_path):
    """Give the repository's contracts, the one of the page, and two traces over seven tokens."""
    project = Project(tmp_path)
    project.settings("")
    project.add(ROOT / "contracts")
    project.add(ROOT / "schemas")
    project.file("as-published.yaml", CONTRACT)
    tokens = np.arange(1, 8, dtype=np.float32)[:, None]
    trace = np.sin(np.arange(7 * 64, dtype=np.float32)).reshape(7, 64) * tokens
    for name in ("left.npy", "right.npy"):
        np.save(project.root / name, trace)
    return project


def test_the_page_has_every_one_of_the_five():
    """And a command for each."""
    assert [int(each) for each in re.findall(r"^## (\d)\. ", PAGE, re.MULTILINE)] == [1, 2, 3, 4, 5]
    assert len(BLOCKS) == 6


@pytest.mark.parametrize(("command", "lines"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_every_command_prints_what_the_page_shows(told, command, lines):
    """Line by line, in this order; the page leaves lines out."""
    result = told.run(*shlex.split(command)[1:])

    printed = iter((result.out + result.err).splitlines())
    assert [line for line in lines.splitlines() if line not in printed] == [], str(result)
