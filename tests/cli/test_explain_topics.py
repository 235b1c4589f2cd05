"""``pv explain`` for words, metrics and ids, and for what has no page."""

from __future__ import annotations

import pytest

from pvcheck import explain
from pvcheck.cli import EXITS
from pvcheck.domain.contract import ACCEPTABLE
from pvcheck.domain.status import Outcome, Status
from pvcheck.errors import EXIT_ORDER
from pvcheck.testing import Project


def test_the_words_are_those_of_the_code():
    """No status, outcome or exit status lacks its section, and each says something."""
    assert set(Status) <= explain.words("statuses").keys()
    assert list(explain.words("outcomes")) == list(Outcome)
    assert sorted(map(int, explain.words("exits"))) == sorted(EXIT_ORDER)
    assert [line.split()[0] for line in EXITS.splitlines() if line[2:3].isdecimal()] == list(explain.words("exits"))
    assert set(ACCEPTABLE) <= explain.GUARDS.keys()
    assert all(len(text.split()) > 3 for kind in explain.KINDS for text in explain.words(kind).values())


@pytest.mark.parametrize(
    ("topic", "first"),
    [
        ("carry", "# PV604 a chain in which one step does not reach the next"),
        ("Vacuity", "# PV606 a measurement of nothing"),
        ("discharged", "# status DISCHARGED"),
        ("stale", "# status stale"),
        ("not-measured", "# outcome not_measured"),
        ("3", "# exit status 3"),
        ("text-match", "# text-match"),
        ("growth_last_over_first", "# growth_last_over_first of q4k-chain"),
    ],
)
def test_a_word_has_a_page(pv, checkout, monkeypatch, topic, first):
    """Guards, statuses, outcomes, exit statuses, evaluators, metrics; in words, capitals and hyphens do not matter."""
    monkeypatch.chdir(checkout)

    status, out, err = pv("explain", topic)

    assert (status, out.splitlines()[0], err) == (0, first, "")


def test_a_metric_of_several_evaluators_is_told_for_each(pv, checkout, monkeypatch):
    """With type, unit and bounds that fit."""
    monkeypatch.chdir(checkout)

    out = pv("explain", "matches")[1]

    assert "# matches of command\n" in out
    assert "# matches of text-match\n" in out
    assert "It is int, in count. Bounds that fit: == 0; <= 0; >= 1\n" in out


@pytest.fixture
def place(tmp_path):
    """Make a project with one promoted falsifier and one that is unbound."""
    place = Project(tmp_path)
    place.file("pv.toml", "")
    place.file("notes.txt", "one two\n")
    words = ["--evaluator", "text-match", "--input", "text=notes.txt", "--with", "pattern=two"]
    place.run("new", "contract", "contracts/words.yaml", *words, "--expect", "matches=== 1", "--rule", "two is there")
    place.run("run", "--write")
    path = place.root / "contracts" / "words.yaml"
    unbound = "- id: F-UNBOUND\n  rule: nobody looks\nimplementation_stages:"
    path.write_text(path.read_text().replace("implementation_stages:", unbound, 1))
    return place


def test_a_falsifier_is_told_with_its_evidence_and_history(place):
    """What it claims, what measures it, what was measured, how it stands, what it decides, what became of it."""
    told = place.run("explain", "FALSIFY-WORDS-001")

    reference = (place.root / "contracts" / "words.yaml").read_text().partition("evidence: ")[2][:15]
    assert (told.status, told.err) == (0, "")
    assert told.out.splitlines() == [
        "# FALSIFY-WORDS-001",
        "",
        "contracts/words.yaml:14 in C-WORDS 1.1.0",
        "",
        "claim: two is there",
        "measured by: text-match with pattern=two, text=text",
        "  matches == 1.0, measured 1",
        "status: DISCHARGED",
        "decides: M-WORDS-1",
        "history:",
        f"  1.1.0 ({told.out.partition('1.1.0 (')[2][:10]}) PENDING -> DISCHARGED, {reference}",
        "next: pv run contracts/words.yaml -k FALSIFY-WORDS-001",
    ]


def test_a_stale_falsifier_says_why(place):
    """With the way out."""
    path = place.root / "contracts" / "words.yaml"
    path.write_text(path.read_text().replace("matches: == 1", "matches: == 2"))

    told = place.run("explain", "FALSIFY-WORDS-001")

    assert "status: DISCHARGED, stale\n" in told.out
    assert " PV409 held then, refuted today: matches == 2.0\n" in told.out
    assert "  hint: pv run --write measures it again\n" in told.out


def test_a_contract_is_told_by_its_falsifiers(place):
    """Its id names all of them; an unbound one says so."""
    told = place.run("explain", "C-WORDS").out

    assert told.count("# F") == 2
    assert "measured by: nothing, it is unbound (no evaluator)\nstatus: none\ndecides: no stage\n" in told


def test_changed_bounds_and_renewed_evidence_are_history_too(place):
    """Newest first, as the amendments are."""
    path = place.root / "contracts" / "words.yaml"
    path.write_text(
        path.read_text()
        .replace("matches: == 1", "matches: < 9")
        .replace("  expect:", "  accept: {carry: it is one text}\n  expect:")
    )
    place.run("run", "--write")

    told = place.run("explain", "FALSIFY-WORDS-001").out

    assert " the bound of matches: == 1.0 -> < 9.0\n" in told
    assert " evidence renewed, sha256:" in told
    assert told.index("the bound of") < told.index("PENDING -> DISCHARGED")
    assert "accepts carry: it is one text\n" in told


@pytest.mark.parametrize(
    ("topic", "near"),
    [
        ("FALSIFY-WORD-001", "FALSIFY-WORDS-001"), ("text-mach", "text-match"), ("refutd", "refuted"),
        ("matchs", "matches"), ("carrry", "carry"),
    ],
)  # fmt: skip
def test_a_typo_is_answered_with_the_nearest_name(place, topic, near):
    """Of whatever kind that is."""
    told = place.run("explain", topic)

    assert told.status == 2
    assert told.err == (
        f'PV704 there is no page about "{topic}" (did you mean "{near}"?)\n'
        "  hint: pv explain alone lists what has one; codes stand in messages, such as PV207 or GGUF-ALIGN\n"
    )


def test_alone_it_lists_what_can_be_explained(place):
    """Each kind, and the ids of the project."""
    told = place.run("explain")

    assert told.status == 0
    for word in (
        "PV902",
        "conditioning",
        "DISCHARGED",
        "not_measured",
        "130",
        "trace-std",
        "C-WORDS",
        "FALSIFY-WORDS-001",
    ):
        assert word in told.out


def test_where_no_contract_is_there_are_no_ids(tmp_path):
    """That is no mistake; more than a few are counted."""
    place = Project(tmp_path)
    place.file("pv.toml", "")

    assert "here: there is none\n" in place.run("explain").out
    place.file("contracts/many.yaml", "\n".join(f"- id: F-{number}" for number in range(9)))
    assert "here: F-0, F-1, F-2, F-3, F-4, F-5 and 3 more\n" in place.run("explain").out
