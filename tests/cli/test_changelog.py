"""``pv changelog``: the amendments as Markdown, compared whole."""

from __future__ import annotations

import re

import pytest
from helpers import CONTRACT, without_excerpts

EARNED = "sha256:" + "4c" * 32

HISTORY = f"""\
amendments:
- version: 1.2.3
  date: 2026-11-22
  summary: >-
    the bounds of 2026,
    read again
  transitions:
  - {{id: F-1, from: PENDING, to: DISCHARGED, evidence: '{EARNED}'}}
  - {{id: M-1, to: DISCHARGED}}
  bounds:
  - {{id: F-1, metric: growth, from: [< 20], to: [< 18]}}
  - {{id: F-1, metric: growth, from: [< 18], to: ['> 1', < 20]}}
  - {{id: F-1, metric: growth, from: [< 18], to: [<18.0]}}
  - {{id: F-1, metric: count, to: ['>= 4']}}
  - {{id: F-1, metric: norm_of_x, from: [< 3]}}
- version: 1.2.2
  date: 2026-11-21
  renewed:
  - {{id: F-1, evidence: '{EARNED}'}}
- version: 1.2.1
  date: 2026-11-20
  renewed:
  - {{id: F-1, evidence: '{EARNED}'}}
  - {{id: F-2, evidence: '{EARNED}'}}
- version: 1.2.0
  date: 2026-11-19
"""
TOLD = """\
# C-TEST

## 1.2.3 (2026-11-22)

the bounds of 2026, read again

- F-1: PENDING -> DISCHARGED (evidence 4c4c4c4c)
- M-1: DISCHARGED
- F-1: the bound of growth tightened from `< 20` to `< 18`
- F-1: the bound of growth weakened from `< 18` to `> 1` and `< 20`
- F-1: the bound of growth spelt anew from `< 18` to `<18.0`
- F-1: count is bounded: `>= 4`
- F-1: the bound of norm\\_of\\_x was removed: `< 3`

## 1.2.2 (2026-11-21)

- evidence renewed for 1 falsifier

## 1.2.1 (2026-11-20)

- evidence renewed for 2 falsifiers

## 1.2.0 (2026-11-19)

"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write contracts into an empty folder in which the command stands."""
    monkeypatch.chdir(tmp_path)

    def contract(history="amendments: []\n", name="c.yaml"):
        (tmp_path / name).write_text(CONTRACT.replace("amendments: []\n", history))

    return contract


def test_each_version_is_told_newest_first(write, pv):
    """Statuses with their evidence, bounds with their direction, renewals by their number, and why."""
    write(HISTORY)

    assert pv("changelog", "c.yaml") == (0, TOLD, "")


def test_since_leaves_out_what_came_before(write, pv):
    """The version itself is known already."""
    write(HISTORY)

    assert pv("changelog", "--since", "1.2.2", "c.yaml")[1] == TOLD[: TOLD.index("## 1.2.2")]
    assert pv("changelog", "--since", "1.2.3", "c.yaml") == (0, "# C-TEST\n\nNothing changed since 1.2.3.\n\n", "")


def test_a_contract_without_amendments_says_so(write, pv, tmp_path):
    """One of ours may have none yet; one of upstream's has no such block."""
    write(name="a.yaml")
    (tmp_path / "b.yaml").write_text("metadata: {version: '1.0', id: C-THEIRS}\n")

    status, out, err = pv("changelog", "a.yaml", "b.yaml")

    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "# C-TEST",
        "",
        "This contract has no amendments.",
        "",
        "# C-THEIRS",
        "",
        "This contract has no amendments, for it has no metadata.schema.",
        "",
    ]


SUMMARIES = {
    "heading": ("'# big'", "\\# big"),
    "list": ("'- one'", "\\- one"),
    "numbered list": ("'12. one'", "12\\. one"),
    "rule": ("'=== one'", "\\=== one"),
    "link": ("'[here](http://x) <b>&amp;'", "\\[here\\](http://x) \\<b\\>\\&amp;"),
    "code": ("'`a` *b* _c_ ~d~ | e'", "\\`a\\` \\*b\\* \\_c\\_ \\~d\\~ \\| e"),
    "backslash": ("'a\\b'", "a\\\\b"),
    "lines": ('"a\\n\\n# b"', "a \\# b"),
}


@pytest.mark.parametrize(("summary", "told"), SUMMARIES.values(), ids=SUMMARIES)
def test_what_people_wrote_formats_nothing(write, pv, summary, told):
    """A summary is one line of text, whatever marks it holds."""
    write(f"amendments:\n- version: 1.2.3\n  date: 2026-11-22\n  summary: {summary}\n")

    assert pv("changelog", "c.yaml")[1] == f"# C-TEST\n\n## 1.2.3 (2026-11-22)\n\n{told}\n\n"


def test_a_version_that_nobody_can_read_is_never_left_out(write, pv):
    """What breaks a rule of the schema is told as far as it goes."""
    write("amendments:\n- version: one\n  date: 2026-11-22\n")

    status, out, _ = pv("changelog", "--since", "9.9.9", "c.yaml")

    assert (status, out) == (0, "# C-TEST\n\n## a version nobody can read (2026-11-22)\n\n")


def test_a_broken_file_costs_the_others_nothing(write, pv, tmp_path):
    """Its findings are no Markdown, so they stand on standard error."""
    write(HISTORY)
    (tmp_path / "b.yaml").write_text("bindings: []\n")
    (tmp_path / "d.yaml").write_text("metadata: {schema: 1, version: 1}\n")

    status, out, err = pv("changelog", "b.yaml", "c.yaml", "d.yaml")

    assert (status, out) == (1, TOLD)
    assert without_excerpts(err).startswith("b.yaml:1:1: PV206 not a contract: it is a binding registry\n  hint: ")
    assert "\nd.yaml:1:1: PV201 " in err


ENDS = {
    "a missing file": (("nope.yaml",), 3, "nope.yaml: PV708 cannot read: no such file or directory"),
    "an empty folder": ((".",), 4, ".: PV707 there is no contract here"),
}


@pytest.mark.parametrize(("words", "status", "line"), ENDS.values(), ids=ENDS)
def test_what_cannot_be_read_is_told_in_one_line(pv, tmp_path, monkeypatch, words, status, line):
    """Each with its exit status."""
    monkeypatch.chdir(tmp_path)

    got = pv("changelog", *words)

    assert got[:2] == (status, "")
    assert got[2].splitlines()[0] == line


def test_a_version_that_is_none_is_wrong_usage(write, pv):
    """It says what a version looks like."""
    write(HISTORY)

    status, out, err = pv("changelog", "--since", "1.2", "c.yaml")

    assert (status, out) == (2, "")
    assert "Invalid value for '--since': a version must be three numbers such as 1.13.0" in err


def test_the_first_contract_has_a_changelog(checkout, pv, monkeypatch):
    """Newest first, and every line of it is a heading, a summary below one, an item or empty."""
    monkeypatch.chdir(checkout)

    status, out, err = pv("changelog", "contracts/trace-ffn-sub-block-gguf-v1.yaml")

    assert (status, err) == (0, "")
    assert re.findall(r"^## (\S+) \(", out, re.MULTILINE)[-2:] == ["1.14.0", "1.13.0"]
    prose = re.sub(r"^(## .*)\n\n[^-#\n].*$", r"\1", out, flags=re.MULTILINE)
    assert all(not line or line.startswith(("# ", "## ", "- ")) for line in prose.splitlines())
