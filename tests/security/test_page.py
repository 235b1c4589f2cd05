"""What the page about security says, compared with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pvcheck import config, discovery
from pvcheck.domain import canonical
from pvcheck.evidence import store
from pvcheck.loading import expansion
from pvcheck.report import findings
from pvcheck.text import events

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text()
LIMITS = {
    "contract": [
        f"{discovery.MAX_CONTRACT >> 20} MiB",
        f"{events.MAX_DEPTH} levels",
        f"{findings.SHOWN} findings are shown",
    ],
    "settings": [f"{config.MAX_CONFIG >> 10} KiB", f"keys of {config.MAX_PARTS} parts"],
    "record": [
        f"{store.MAX_RECORD >> 20} MiB",
        f"{canonical.MAX_DEPTH} levels",
        f"integers of {canonical.MAX_DIGITS} digits",
    ],
    "schema of parameters": [f"{expansion.MAX_EXPANDED:,} parts"],
}


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_are_those_of_the_code(name):
    """A limit that was changed is changed on the page."""
    row = re.search(rf"^\| {name} \| (.+) \|$", PAGE, re.MULTILINE)[1]

    assert [each for each in LIMITS[name] if each not in row] == []
