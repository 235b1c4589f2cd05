"""Rules between two versions of one contract, as pure functions over both."""

from __future__ import annotations

import pytest
from helpers import CONTRACT, a_record, load
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.metric import MetricType
from pvcheck.domain.version import Change, Version
from pvcheck.errors import Severity
from pvcheck.evidence.record import Metric
from pvcheck.rules import moves
from pvcheck.rules.moves import Move, Side

ENTRY = "- version: {}\n  date: 2026-11-23\n"
EVIDENCE = "sha256:" + "4c" * 32
OTHER = "sha256:" + "77" * 32


def side(*changes, text=CONTRACT, records=None):
    """Return a contract with texts replaced."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    found = Side.of(load(text), records or {})
    assert found is not None
    return found


def move(*changes, before=None, records=None):
    """Return the move from a contract to the one with texts replaced."""
    return Move(before or side(), side(*changes, records=records), "main")


def codes(findings):
    """Return the codes of findings."""
    return [each.code for each in findings]


def test_nothing_that_changed_is_nothing_to_say():
    """The same contract, and the same one in other words of YAML."""
    assert list(moves.check(move())) == []
    assert list(moves.check(move("growth: < 18", "growth: '< 18'"))) == []


@given(
    before=st.builds(Version, *[st.integers(0, 3)] * 3),
    after=st.builds(Version, *[st.integers(0, 3)] * 3),
    bound=st.sampled_from(["< 17", "< 18", "< 19"]),
)
def test_a_version_is_enough_exactly_when_it_is_the_next_one_or_above(before, after, bound):
    """Fallen, too small or enough: for every pair of versions and every kind of change, one of the three."""
    needed = {"< 17": Change.MINOR, "< 18": Change.NONE, "< 19": Change.MAJOR}[bound]
    old = side("1.2.3", str(before))
    new = side("1.2.3", str(after), "growth: < 18", f"growth: {bound}")

    found = codes(moves.versions(Move(old, new, "main")))

    if after < before:
        assert found == ["PV420"]
    else:
        assert found == ([] if after >= before.after(needed) else ["PV421"])


def test_every_change_is_told_at_its_place_and_small_ones_once():
    """Large changes each by themselves; under the same version, the rest is one finding that counts."""
    prose = ("growth is bounded", "growth is small", "nobody measures this", "who would")
    several = list(moves.versions(move(*prose, "growth: < 18", "growth: < 17", "count: '>= 4'", "count: '>= 3'")))
    small = list(moves.versions(move(*prose)))

    assert [(each.code, each.line) for each in several] == [("PV421", 16), ("PV421", 17)]
    assert codes(small) == ["PV423"]
    assert small[0].message.endswith("(and 1 more)")
    assert codes(moves.versions(move("growth is bounded", "growth is small", "1.2.3", "1.2.4"))) == []


def test_versions_that_are_none_are_not_compared():
    """The shape says what is wrong with them."""
    assert list(moves.check(move("1.2.3", "one"))) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("PENDING", "PROPOSED", "PV425"),
        ("DISCHARGED", "PROPOSED", "PV425"),
        ("DISCHARGED", "PENDING", None),
        ("FALSIFIED", "PENDING", None),
        ("PROPOSED", "PENDING", None),
        ("PENDING", "DISCHARGED", "PV424"),
        ("FALSIFIED", "DISCHARGED", "PV424"),
        ("DISCHARGED", "FALSIFIED", "PV424"),
    ],
)
def test_moves_that_nobody_measured(old, new, code):
    """Back to PENDING is for anyone, everything else is earned or illegal."""
    before = side("  status: PENDING\n- id: F-2", f"  status: {old}\n- id: F-2")
    change = move("  status: PENDING\n- id: F-2", f"  status: {new}\n- id: F-2", before=before)

    found = [each for each in moves.check(change) if each.code in {"PV424", "PV425"}]

    assert codes(found) == ([code] if code else [])
    assert [each.line for each in found] == ([18] if code else [])


def test_the_words_of_a_typed_status():
    """From what to what, and what to do."""
    typed = move("  status: PROPOSED", "  status: DISCHARGED")
    taken = move("  status: PENDING\n- id: F-2", "- id: F-2", before=side())

    found = next(iter(dict(moves.typed_statuses(typed)).values()))

    assert (
        found.message == 'the status of "F-2" went from PROPOSED to DISCHARGED, and no amendment since main lists that'
    )
    assert found.hint.startswith("set it back to PENDING; pv run --write earns the status")
    assert list(moves.typed_statuses(taken)) == []
    new = move(
        "amendments: []", "amendments: []", before=side("- id: F-2\n  rule: nobody measures this\n", "- id: F-3\n")
    )
    assert list(moves.illegal_moves(new)) == []


def test_an_amendment_since_the_base_makes_a_status_earned_and_an_older_one_does_not():
    """Rewriting an old amendment to list the move is no way."""
    entry = "amendments:\n- version: 1.3.0\n  date: 2026-11-23\n  transitions:\n  - {id: F-2, to: DISCHARGED}\n"
    change = ("  status: PROPOSED", "  status: DISCHARGED", "amendments: []\n", entry)
    old = side("amendments: []\n", "amendments:\n- version: 1.3.0\n  date: 2026-11-23\n")

    assert list(moves.typed_statuses(move(*change))) == []
    falsified = entry.replace("to: DISCHARGED", "to: FALSIFIED")
    assert [name for name, _ in moves.typed_statuses(move(*change[:2], "amendments: []\n", falsified))] == ["F-2"]
    assert [name for name, _ in moves.typed_statuses(move(*change, before=old))] == ["F-2"]
    assert [
        name for name, _ in moves.typed_statuses(move(*change[:2], "amendments: []\n", entry.replace("F-2", "F-1")))
    ] == ["F-2"]


def test_stages_and_the_contract_are_moved_by_amendments_as_well():
    """Their statuses are earned too."""
    change = move(
        "  status: PENDING\namendments", "  status: DISCHARGED\namendments", "status: ACTIVE", "status: DISCHARGED"
    )

    assert [name for name, _ in moves.typed_statuses(change)] == ["M-1", "C-TEST"]


def with_evidence(reference):
    """Return the edit that puts a reference after the status of the first falsifier."""
    return "  status: PENDING\n- id: F-2", f"  status: DISCHARGED\n  evidence: {reference}\n- id: F-2"


def test_evidence_that_came_or_was_exchanged_is_in_an_amendment():
    """By a transition or by a renewal, each for the falsifier that it names."""
    before = side(*with_evidence(EVIDENCE))
    listed = "amendments:\n- version: 1.2.4\n  date: 2026-11-23\n  renewed:\n  - {id: F-1, evidence: '" + OTHER + "'}\n"

    exchanged = dict(moves.exchanged_evidence(move(*with_evidence(OTHER), before=before)))
    came = dict(moves.exchanged_evidence(move(*with_evidence(OTHER))))
    told = dict(moves.exchanged_evidence(move(*with_evidence(OTHER)), {"F-1"}))
    renewed = dict(moves.exchanged_evidence(move(*with_evidence(OTHER), "amendments: []\n", listed, before=before)))

    assert exchanged["F-1"].message.startswith('the evidence of "F-1" was exchanged for sha256:77777777…, and no')
    assert came["F-1"].message.startswith('the evidence of "F-1" came, and no amendment since main')
    assert told == renewed == {}


def test_a_record_of_the_same_run_has_the_same_numbers():
    """Metrics and details are compared; bounds can be judged again."""
    old = a_record(load())
    metrics = {**old.metrics, "growth": Metric(MetricType.F64, 1.25)}

    def found(new):
        before = side(*with_evidence(EVIDENCE), records={"F-1": old})
        after = side(*with_evidence(OTHER), records={"F-1": new})
        return list(moves.edited_records(Move(before, after, "main")))

    edited = found(old._replace(metrics=metrics))
    assert [(each.code, each.exit_code) for each in edited] == [("PV429", 5)]
    assert "but differs in growth: it was edited" in edited[0].message
    assert "in what was measured" in found(old._replace(details={"labels": []}))[0].message
    assert found(old._replace(judged=())) == []
    for key, value in {"started": "2026-11-22T00:00:01+00:00", "host": "there", "seconds": 0.2}.items():
        assert found(old._replace(metrics=metrics, made_at=old.made_at | {key: value})) == []
    assert found(old._replace(metrics=metrics, made_at={})) == []


def test_old_amendments_are_the_end_of_the_list():
    """Each that is gone or changed is told; if none is, that they do not stand together."""
    before = side("amendments: []\n", "amendments:\n" + ENTRY.format("1.2.3") + ENTRY.format("1.2.2"))

    def told(*versions):
        text = "".join(ENTRY.format(each) for each in versions)
        return [
            each.message for each in moves.rewritten(move("amendments: []\n", f"amendments:\n{text}", before=before))
        ]

    assert told("1.2.3", "1.2.2") == told("1.3.0", "1.2.3", "1.2.2") == []
    assert told("1.2.3") == ["the amendment 1.2.2 of main is gone"]
    assert told("1.2.1") == ["the amendment 1.2.3 of main is gone", "the amendment 1.2.2 of main is gone"]
    assert told("1.2.2", "1.2.3") == ["the amendments of main no longer stand together, oldest last"]
    assert told("1.2.3", "1.2.2", "1.2.1") == told("1.2.2", "1.2.3")


def test_an_amendment_is_a_large_enough_step():
    """Measured from the amendment below it, the last one from the version of the base; old ones are left alone."""
    bound = "  bounds:\n  - {id: F-1, metric: growth, from: [< 18], to: [< 20]}\n"
    first = ENTRY.format("1.3.0") + bound
    second = ENTRY.format("1.3.1") + "  transitions:\n  - {id: F-2, to: PENDING}\n" + first
    fine = ENTRY.format("2.0.1") + ENTRY.format("2.0.0") + bound
    fallen = ENTRY.format("1.0.0") + bound

    def told(text, before=None):
        return [
            each.message for each in moves.small_steps(move("amendments: []\n", f"amendments:\n{text}", before=before))
        ]

    assert told(first) == [
        "the amendment 1.3.0 lists a weaker bound of growth, which needs a major version, 2.0.0 or above"
    ]
    assert told(second)[0] == 'the amendment 1.3.1 lists a move of "F-2", which needs a minor version, 1.4.0 or above'
    assert told(fine) == told(fallen) == []
    assert told(first, side("amendments: []\n", f"amendments:\n{ENTRY.format('1.3.0')}")) == []
    assert told(ENTRY.format("one") + bound) == []


def test_a_version_has_an_amendment():
    """Unless it is the one of the base."""
    assert codes(moves.unexplained(move("1.2.3", "1.2.4"))) == ["PV434"]
    assert codes(moves.unexplained(move())) == []
    assert (
        codes(moves.unexplained(move("1.2.3", "1.2.4", "amendments: []\n", f"amendments:\n{ENTRY.format('1.2.4')}")))
        == []
    )


UPSTREAM = "metadata: {id: C-UP, version: 1.0.0, description: d}\nequations: {e: {formula: a}}\n"


def test_files_without_our_rules_are_warned_of_and_those_that_lose_them_are_not():
    """An error where our rules hold, or held until now."""
    before, after = side(text=UPSTREAM), side("formula: a", "formula: b", text=UPSTREAM)

    warned = list(moves.check(Move(before, after, "main")))
    lost = list(moves.check(Move(side(), after, "main")))

    assert [(each.code, each.severity) for each in warned] == [("PV421", Severity.WARNING)]
    assert {each.severity for each in lost} == {Severity.ERROR}
    assert "PV420" in codes(lost)


def test_a_contract_without_falsifiers_is_not_missed():
    """And one without an id is told by its path alone."""
    nothing = side(text=UPSTREAM)
    named = side()
    nameless = side(
        "  id: C-TEST\n", "", "  schema: 1\n", "", text=CONTRACT.replace("  rule:", "  if_fails: f\n  rule:")
    )

    assert moves.deleted(nothing, "up.yaml", "main") is None
    assert (
        moves.deleted(named, "c.yaml", "main").message == 'the contract "C-TEST" of main was deleted, with 2 falsifiers'
    )
    assert moves.deleted(nameless, "c.yaml", "main").message == "the contract of main was deleted, with 2 falsifiers"
    assert moves.deleted(nameless, "c.yaml", "main").severity is Severity.WARNING


def test_a_dropped_schema_is_told_of_a_file_that_is_nothing_without_it():
    """Only where it was there before."""
    bare = load().document
    dropped = load("metadata: {id: C-TEST, version: 1.0.0}\n").document

    assert codes(moves.schema_dropped(side(), dropped)) == ["PV427"]
    assert codes(moves.schema_dropped(side(), bare)) == codes(moves.schema_dropped(side(text=UPSTREAM), dropped)) == []


def test_versions_that_passed_each_other_are_told_by_the_first_reason():
    """Taken, below, or passed by; and nothing where there is nothing to compare."""

    def told(ours, theirs, base="1.2.3"):
        before = side("1.2.3", base)
        after, other = (
            side("1.2.3", version, "amendments: []\n", f"amendments:\n{ENTRY.format(version)}  summary: {name}\n")
            if version != base
            else before
            for version, name in ((ours, "ours"), (theirs, "theirs"))
        )
        found = moves.overtaken(Move(before, after, "main"), other, "main")
        return found.message if found else None

    assert told("1.3.0", "1.3.0") == "the version 1.3.0 is on main already, made by another amendment"
    assert told("1.2.4", "1.3.0") == "the version 1.2.4 is below 1.3.0, which main has meanwhile"
    assert told("1.4.0", "1.3.0") == "main has the version 1.3.0 meanwhile, and no amendment here has it"
    assert told("1.3.0", "1.2.3") is None
    assert told("1.2.3", "1.3.0") is None


def test_a_contract_stands_on_another_that_it_holds():
    """With the amendments that came there since the base, below its own."""
    base = side()
    theirs = side("amendments: []\n", f"amendments:\n{ENTRY.format('1.3.0')}")
    ours = side("amendments: []\n", f"amendments:\n{ENTRY.format('1.4.0')}{ENTRY.format('1.3.0')}")

    assert moves.stands_on(ours, theirs, base)
    assert not moves.stands_on(base, theirs, base)
    assert not moves.stands_on(ours, base, base)
