"""The site is built strictly: what leads nowhere, and what nobody leads to, fails the build."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pages import ROOT

PAGE = "# Start\n\n## Pages\n\n- [one](one.md)\n- [the second part](one.md#second-part)\n"
ONE = "# One\n\n## Second part\n\nText.\n"


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a site of some pages, and returns its exit status and what it said."""

    def call(**pages: str):
        docs = tmp_path / "docs"
        docs.mkdir()
        (docs / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text(encoding="utf-8"))
        for name, text in pages.items():
            (docs / f"{name}.md").write_text(text)
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", "-b", "html", ".", "out"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return call


def test_pages_that_lead_to_each_other_are_a_site(build, tmp_path):
    """Without a word; the anchors are those that GitHub gives."""
    status, said = build(index=PAGE, one=ONE)

    assert (status, said) == (0, "")
    assert 'href="one.html#second-part"' in (tmp_path / "out" / "docs" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("pages", "word"),
    [
        ({"index": PAGE + "[gone](gone.md)\n", "one": ONE}, "gone"),
        ({"index": PAGE.replace("second-part", "third-part"), "one": ONE}, "third-part"),
        ({"index": PAGE, "one": ONE, "orphan": "# Orphan\n"}, "orphan.md"),
    ],
    ids=["dead-link", "unknown-anchor", "orphan"],
)
def test_what_leads_nowhere_fails_the_build(build, pages, word):
    """With the page and the word in the message."""
    status, said = build(**pages)

    assert status != 0
    assert word in said


def test_every_check_builds_the_site():
    """The one command that must pass before a merge builds the pages, with every warning an error."""
    text = (ROOT / ".ci" / "dev.py").read_text(encoding="utf-8")
    body = text.split("def test(")[1].split("\ndef ")[0]
    site = text.split("def site(")[1].split("\ndef ")[0]

    assert "site(folder)" in body
    assert '"-W"' in site
