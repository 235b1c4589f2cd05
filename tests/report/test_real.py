"""Pages of real data: our own contracts, those that others wrote, and files that are meant to break a reader."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pvcheck.pipeline import gathering
from pvcheck.report.html import page
from pvcheck.report.html.detail import LIMIT

CORPUS = os.environ.get("PVCHECK_CORPUS", "")
HOSTILE = os.environ.get("PVCHECK_HOSTILE", "")


def test_our_own_contracts(checkout):
    """Every plot that there is data for: chains, conditions, growth, thirteen challenged falsifiers, the history."""
    text = page.text(gathering.gather(sorted((checkout / "contracts").glob("*.yaml"))))

    assert len(text.encode()) < LIMIT
    assert "leaves out" not in text
    assert text.count("<title>Challenge of FALSIFY-FFN-GGUF-") == 13
    assert text.count("<title>condition number of ") == text.count("<title>backward error of ") > 5
    assert text.count("<title>growth: ") > 5
    assert text.count("<title>Status over versions</title>") == 3
    assert "in [3.3, 4]<td>3.60322<td>0.303216<td class=d>held" in text


@pytest.mark.skipif(not CORPUS, reason="PVCHECK_CORPUS does not name the folder of public contracts")
def test_contracts_of_others_are_claims():
    """None of 454 falsifiers that nothing measured looks earned."""
    text = page.text(gathering.gather(sorted(Path(CORPUS).rglob("*.yaml"))))
    tiles = re.search("<ul class=tiles>.*?</ul>", text)[0]

    assert len(text.encode()) < LIMIT
    assert "<b>454</b> of 454" in tiles
    assert not re.search('class="k [df]"', text.replace(tiles, ""))


@pytest.mark.skipif(not HOSTILE, reason="PVCHECK_HOSTILE does not name the folder of hostile files")
def test_hostile_files_make_a_page():
    """Each is there with a finding or as what it is, in a page that stays small and has no script but its own."""
    paths = sorted(Path(HOSTILE, "yaml").glob("*.yaml"))

    text = page.text(gathering.gather(paths))

    assert text.count("<section class=contract id=") == len(paths) > 90
    assert text.lower().count("<script") == 1
    assert len(text.encode()) < LIMIT
