"""Sources of findings: the line, the lines before it, and a mark under the word at fault."""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck import files
from pvcheck.errors import Finding, Severity
from pvcheck.report import findings
from pvcheck.report.excerpts import MAX_SOURCE, WIDTH, Sources, _cells, excerpt

PATH = "c.yaml"
LATER = 2**62


def told(text, line, column, message="wrong", width=None):
    """Return the excerpt of a place in a text."""
    finding = Finding("PV001", message, PATH, line, column)
    return [str(each) for each in excerpt(finding, Sources({PATH: text}), width)]


def test_two_lines_before_the_line_and_a_mark_under_the_word():
    """The number of each line stands before it; nothing trails an empty one."""
    assert told("a: 1\n\nb:\n  growth: around 18\nz: 1\n", 4, 11) == [
        "    2 |",
        "    3 | b:",
        "    4 |   growth: around 18",
        "      |           ^^^^^^^^^",
    ]


@pytest.mark.parametrize(
    ("line", "column", "mark"),
    [
        pytest.param("key: value", 1, "^^^", id="key"),
        pytest.param("key: value # why", 6, "     ^^^^^", id="before a comment"),
        pytest.param("key: a:b c ", 6, "     ^^^^^", id="a colon inside"),
        pytest.param("key: {a: 1, b: 2}", 10, "         ^", id="flow value"),
        pytest.param("key: {a: 1, b: 2}", 6, "     ^", id="bracket"),
        pytest.param("key: [a b, c]", 7, "      ^^^", id="item"),
        pytest.param("key: 'a: b' # c", 6, "     ^^^^^^", id="single quotes"),
        pytest.param('key: "a\\" b", x', 6, "     ^^^^^^^", id="double quotes"),
        pytest.param('key: "a', 6, "     ^^", id="an open quote"),
        pytest.param("key: &anchor x", 6, "     ^^^^^^^", id="anchor"),
        pytest.param("key: !!python/x y", 6, "     ^", id="tag"),
        pytest.param("key: *a", 6, "     ^^", id="alias"),
        pytest.param("- id: x", 1, "^", id="dash"),
        pytest.param("key:", 5, "    ^", id="after the end"),
        pytest.param("\tkey: x", 2, "    ^^^", id="tab"),
        pytest.param("a\tb: x", 3, "    ^", id="tab in the middle"),
        pytest.param("世界: x", 5, "      ^", id="wide characters"),
        pytest.param("世界: x", 1, "^^^^", id="wide word"),
        pytest.param("e\u0301: x", 5, "   ^", id="combining character"),
        pytest.param("a: \x1b[2J", 4, "   ^^^^", id="control character"),
        pytest.param("\x1b: x", 4, "      ^", id="after a control character"),
        pytest.param("a: x\r", 4, "   ^", id="carriage return"),
    ],
)
def test_the_mark_stands_under_the_word(line, column, mark):
    """Whatever stands before it and however wide it is."""
    assert told(line, 1, column)[-1].removeprefix("      | ") == mark


def test_hostile_text_is_escaped():
    """No line of a source starts a line of its own or moves a cursor."""
    lines = told("a: \x1b[2J\u202e\n::error::b: \x07", 2, 1)

    assert lines[0] == "    1 | a: \\x1b[2J\\u202e"
    assert lines[1] == "    2 | ::error::b: \\x07"
    assert all(each.isprintable() for each in lines)


def test_of_a_long_line_the_surroundings_are_shown():
    """The word is among them, and the lines before show the same part, where they reach so far."""
    text = f"short: 1\n{'x' * 300}\n{'a' * 200} word {'b' * 200}"

    lines = told(text, 3, 202)

    assert lines[0].startswith("    2 | …xxx")
    assert len(lines[1]) == WIDTH + 8
    assert lines[1].startswith("    3 | …aaa")
    assert lines[1].endswith("bbb…")
    at = lines[1].index("word")
    assert lines[2][at : at + 5] == "^^^^^"[:4] + lines[2][at + 4 : at + 5]
    assert lines[2].strip(" |^") == ""


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("column", [1, 30, 75, 150, 300])
def test_an_excerpt_fits_the_terminal(width, column):
    """However long the line is and wherever the word stands."""
    lines = told(f"{'key ' * 40}: {'世' * 200}", 1, column, width=width)

    assert len(lines) == 2
    assert max(map(_cells, lines)) <= width


@given(line=st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=150), data=st.data())
def test_any_line_has_a_mark_inside_it(line, data):
    """Printable, and never wider than the room there is, but for what follows the mark."""
    column = data.draw(st.integers(1, len(line.rstrip("\r")) + 1))

    lines = told(line, 1, column, width=60)

    assert len(lines) == 2
    assert all(each.isprintable() and _cells(each) <= 61 for each in lines)
    assert lines[1].count("^") >= 1


@pytest.mark.parametrize(
    ("line", "column"), [(0, 0), (9, 1), (1, 0), (1, 99)], ids=["whole file", "no line", "no column", "beyond"]
)
def test_a_place_that_is_not_there_has_no_excerpt(line, column):
    """A finding about a file as a whole, or about another text than this one."""
    assert told("a: 1\n", line, column) == []


@pytest.mark.parametrize(
    ("message", "near"),
    [
        ('the key "evaluater" is not known here and is near "evaluator"', ' did you mean "evaluator"?'),
        ('no evaluator "prob" (did you mean "probe"?)', ' did you mean "probe"?'),
        ("no parameter modle (did you mean model?)", " did you mean model?"),
        ("nothing near", ""),
    ],
)
def test_the_nearest_name_stands_beside_the_mark(message, near):
    """It is what most will type next."""
    assert told("key: x", 1, 1, message)[-1] == f"      | ^^^{near}"


def test_a_warning_is_marked_as_one():
    """The role of the mark follows the weight."""
    finding = Finding("PV001", "x", PATH, 1, 1, severity=Severity.WARNING)

    mark = list(excerpt(finding, Sources({PATH: "a: 1"})))[-1]

    assert mark.pieces[-1] == ("^", "warning")


def test_a_file_is_read_once_and_only_if_asked(tmp_path, monkeypatch):
    """Each finding of it shows the same text."""
    file = tmp_path / PATH
    file.write_text("\ufeffa: 1\n")
    read = []
    real = files.read_inside
    monkeypatch.setattr(files, "read_inside", lambda path, *rest: read.append(str(path)) or real(path, *rest))
    sources = Sources(since=time.time_ns())

    shown = [list(excerpt(Finding("PV001", "x", str(file), 1, 4), sources)) for _ in range(3)]

    assert read == [str(file)]
    assert [str(each) for each in shown[2]] == ["    1 | a: 1", "      |    ^"]


def gone(file):
    """Take a file away."""
    file.unlink()


def later(file):
    """Write a file after the command began."""
    os.utime(file, ns=(LATER, LATER))


def large(file):
    """Make a file larger than a contract may be."""
    file.write_text("a: 1\n" + "#" * MAX_SOURCE)


@pytest.mark.parametrize("change", [gone, later, large])
def test_a_file_that_is_gone_or_changed_is_not_shown(tmp_path, change):
    """Another text than the one that was checked would explain nothing."""
    file = tmp_path / PATH
    file.write_text("a: 1\n")
    change(file)

    assert list(excerpt(Finding("PV001", "x", str(file), 1, 1), Sources(since=time.time_ns()))) == []


def test_without_a_beginning_no_file_is_read(tmp_path):
    """The text of the index is not that of the disk."""
    file = tmp_path / PATH
    file.write_text("a: 1\n")

    assert list(excerpt(Finding("PV001", "x", str(file), 1, 1), Sources())) == []


def test_whoever_has_many_findings_sees_the_sources_of_the_first():
    """The rest have their line and their hint."""
    many = [Finding("PV001", "x", PATH, 1, 1, "do")] * (findings.EXCERPTS + 2)

    lines = list(findings.lines(many, sources=Sources({PATH: "a: 1"})))

    assert len([line for line in lines if line.endswith("^")]) == findings.EXCERPTS
    assert len([line for line in lines if line == "  hint: do"]) == len(many)


def test_the_next_command_is_about_the_heaviest_code():
    """Others are named, as many as a reader takes in."""
    found = [Finding("PV902", "x", severity=Severity.WARNING), Finding("PV901", "x"), Finding("PV901", "y")]
    many = [Finding(f"PV90{number}", "x") for number in range(8)]

    assert list(findings.next_command(found)) == [
        "next: pv explain PV901 tells what it means and shows a right form; also PV902"
    ]
    assert next(findings.next_command(many)).endswith("; also PV901, PV902, PV903, PV904, PV905, ...")
    assert list(findings.next_command([])) == []


def test_a_staged_text_is_shown_and_that_of_the_disk_is_not(project, pv):
    """What would be committed is what was checked."""
    project.edit("growth: < 18", "growth: around 18")
    subprocess.run(["git", "add", "."], check=True)
    project.edit("growth: around 18", "growth: < 18")

    out = pv("validate", "--staged")[1]

    assert "   16 |     growth: around 18\n      |             ^^^^^^^^^\n" in out


SHOWING = (
    ("apply", "results.jsonl"),
    ("bump",),
    ("challenge",),
    ("evidence", "sign", "--key", "../key.pem"),
    ("run", "--dry-run"),
)


@pytest.mark.parametrize("words", SHOWING, ids=lambda words: "-".join(words[:2]))
def test_each_command_shows_the_source_of_what_is_wrong(project, pv, words):
    """Whoever has to mend a contract sees the line, whichever command met it."""
    pv("run", "-q", "--write")
    pv("run", "-q", "--results", "results.jsonl")
    pv("evidence", "keygen", "--out", "../key.pem")
    project.edit("growth: < 18", "growth: around 18")

    out = pv(*words)[1]

    assert "   16 |     growth: around 18\n      |             ^^^^^^^^^\n" in out


def test_a_reference_without_its_record_is_shown(project, pv):
    """It stands in the line of its status."""
    pv("run", "-q", "--write")
    for each in project.contract.parent.glob("evidence/**/*.json"):
        each.unlink()

    _, out, _ = pv("evidence", "verify")

    assert "evidence: sha256:" in out
    assert re.search(r"\n {6}\| +\^+\n", out)


def test_a_comparison_shows_the_source_of_the_version_that_cannot_be_read(project, pv):
    """The other one is sound."""
    project.contract.with_name("other.yaml").write_text("a: 1\na: 2\n")

    _, out, _ = pv("diff", project.contract, "contracts/other.yaml")

    assert "    2 | a: 2\n      | ^\n  hint: " in out


def test_an_error_that_ends_a_command_shows_its_source(project, pv):
    """A contract that cannot be read is refused where it is wrong."""
    project.contract.write_text("a: 1\na: 2\n")

    err = pv("changelog", project.contract)[2]

    assert "    2 | a: 2\n      | ^\n  hint: " in err


def test_a_run_shows_the_text_that_it_has_written(project, pv):
    """The finding is about the new text, where the amendment has moved nothing above it."""
    project.measure({"metrics": {"growth": 1.5, "count": 4}, "carry": [0.0], "ends": [2.0, 1.0]})

    out = pv("run", "--write", "-q")[1]

    assert "   16 |     growth: < 18\n      |             ^^^^\n" in out
