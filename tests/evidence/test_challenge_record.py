"""Records of challenges: they come back whole, compare without times, and nothing else passes for one."""

from __future__ import annotations

import math
from functools import partial

import pytest
from helpers import a_record, load
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import canonical
from pvcheck.domain.claim import claim
from pvcheck.domain.metric import MetricType
from pvcheck.domain.teeth import State, Trial
from pvcheck.evidence import challenge, store
from pvcheck.evidence.challenge import ChallengeRecord, Entry
from pvcheck.evidence.record import Metric, RecordError

CLEAN = {"growth": Metric(MetricType.F64, 1.5), "steps": Metric(MetricType.F32, (1.0, -2.5))}
TRIALS = (
    Trial("mixed", State.MOVED, {"growth": 2.5, "steps": (1.0,)}),
    Trial("guarded", State.MOVED, {"growth": math.nan}, "finite", "finite: growth is NaN"),
    Trial("dropped", State.NOT_PLANTED, reason="there are no minimums"),
    Trial("shifted", State.UNMOVED),
    Trial("lost", State.ERROR, reason="raised ValueError: 0x7f"),
)


def an_entry(*trials, **changes):
    """Return what a challenge found of the first falsifier."""
    contract = load().contract
    values = {
        "falsifier": "F-1",
        "claim": claim(contract.falsifiers[0], contract),
        "clean": CLEAN,
        "trials": trials or TRIALS,
        "inputs": {"model": {"sha256": "1" * 64, "read_sha256": "0" * 64}},
        "made_by": {"evaluator": "probe", "evaluator_version": "1"},
    }
    return Entry(**(values | changes))


def a_challenge(*entries, **changes):
    """Return a record of one falsifier, and of one that was left out."""
    values = {
        "contract": "C-TEST",
        "entries": entries or (an_entry(),),
        "left_out": {"F-9": "no teacher: it is not there"},
        "made_at": {"started": "2026-11-22T00:00:00+00:00", "seconds": 0.5, "host": "here"},
    }
    return ChallengeRecord(**(values | changes))


def test_a_record_comes_back_as_it_was():
    """Every number to the bit, NaN and series among them."""
    record = a_challenge()

    back = challenge.parse(record.data())

    assert back.data() == record.data()
    assert back.statement() == record.statement()
    assert [each._replace(metrics={}) for each in back.entries[0].trials] == [
        each._replace(metrics={}) for each in TRIALS
    ]
    assert back.entries[0].trials[0].metrics == {"growth": 2.5, "steps": (1.0,)}
    assert math.isnan(back.entries[0].trials[1].metrics["growth"])
    assert back.left_out == {"F-9": "no teacher: it is not there"}


@pytest.mark.parametrize(
    ("data", "is_one"),
    [(a_challenge().data(), True), (a_record(load()).data(), False), (b"{", False), (b"[]", False)],
    ids=["challenge", "evaluation", "no JSON", "a list"],
)
def test_its_kind_is_told_by_its_bytes(data, is_one):
    """Sound or not: what it is decides who reads it."""
    assert challenge.is_one(data) is is_one


def test_the_statement_names_the_claims_as_its_subjects():
    """One a falsifier, by the hash of the claim, as in a record of an evaluation."""
    statement = a_challenge().statement()

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:pvcheck:challenge:v1"
    assert statement["subject"] == [a_record(load()).statement()["subject"][0]]
    parts = {"falsifier", "claim", "clean", "trials", "inputs", "made_by"}
    assert statement["predicate"]["falsifiers"][0].keys() == parts
    assert statement["predicate"]["falsifiers"][0]["trials"][2:] == [
        {"fault": "dropped", "state": "not_planted", "reason": "there are no minimums"},
        {"fault": "shifted", "state": "unmoved"},
        {"fault": "lost", "state": "error", "reason": "raised ValueError: 0x7f"},
    ]


@given(numbers=st.lists(st.floats(), max_size=4), single=st.floats())
def test_any_number_comes_back_to_the_bit(numbers, single):
    """Whatever a fault makes of a measurement can be kept."""
    clean = {"one": Metric(MetricType.F64, 0.0), "many": Metric(MetricType.F64, ())}
    record = a_challenge(an_entry(Trial("x", State.MOVED, {"one": single, "many": tuple(numbers)}), clean=clean))

    assert challenge.parse(record.data()).data() == record.data()


SAME = {
    "times and host": a_challenge(made_at={"host": "there"}),
    "versions": a_challenge(an_entry(made_by={"evaluator_version": "2"})),
    "files": a_challenge(an_entry(inputs={})),
    "reasons": a_challenge(an_entry(*(each._replace(reason="another") for each in TRIALS))),
    "why one was left out": a_challenge(left_out={"F-9": "another"}),
}
OTHER = {
    "a bit": a_challenge(
        an_entry(TRIALS[0]._replace(metrics={"growth": 2.5000000000000004, "steps": (1.0,)}), *TRIALS[1:])
    ),
    "a state": a_challenge(an_entry(*TRIALS[:-1], Trial("lost", State.UNMOVED))),
    "a guard": a_challenge(an_entry(TRIALS[0], TRIALS[1]._replace(guard="population"), *TRIALS[2:])),
    "a fault less": a_challenge(an_entry(*TRIALS[1:])),
    "the clean numbers": a_challenge(an_entry(clean=CLEAN | {"growth": Metric(MetricType.F64, 1.0)})),
    "the claim": a_challenge(an_entry(claim=an_entry().claim | {"evaluator": "other"})),
    "what was left out": a_challenge(left_out={}),
}


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_what_does_not_belong_to_the_result_is_in_no_comparison(other):
    """Two challenges with the same numbers are one."""
    assert other.essence() == a_challenge().essence()
    assert other.reference != a_challenge().reference


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_every_part_of_the_result_is_compared(other):
    """One bit is enough."""
    assert other.essence() != a_challenge().essence()


def changed(edit):
    """Return the bytes of a record whose JSON was edited."""
    statement = a_challenge().statement()
    edit(s=statement, p=statement["predicate"], f=statement["predicate"]["falsifiers"][0])
    return canonical.dumps(statement)


def put(value, *route):
    """Return the edit that puts a value at a route of the statement, its predicate or its first falsifier."""

    def edit(**parts):
        place = parts[route[0]]
        for step in route[1:-1]:
            place = place[step]
        place[route[-1]] = value

    return edit


def twice(first, *route):
    """Return the edit that repeats the first item of a list."""

    def edit(**parts):
        found = parts[first]
        for step in route:
            found = found[step]
        found.append(found[0])

    return edit


NO_RECORD = {
    "another kind": (put("urn:x", "s", "predicateType"), r"the record is of another kind \(urn:x\)"),
    "another subject": (put([], "s", "subject"), "the subjects are not the claims that the record holds"),
    "a claim with more": (put(1, "f", "claim", "more"), "the claim has parts that no claim has"),
    "a falsifier twice": (
        twice("p", "falsifiers"),
        "a falsifier stands twice in the record",
    ),
    "challenged and left out": (put({"F-1": "x"}, "p", "left_out"), "a falsifier stands twice in the record"),
    "a fault twice": (twice("f", "trials"), "a fault stands twice in the record"),
    "a metric that nobody measured": (
        put({"other": 1}, "f", "trials", 0, "metrics"),
        "a trial must hold metrics of the clean measurement only",
    ),
    "numbers without a move": (
        put({"growth": {"decimal": "1.0", "hex": (1.0).hex()}}, "f", "trials", 3, "metrics"),
        "a trial must hold metrics of the clean measurement only, and none unless it moved",
    ),
    "another state": (put("lucky", "f", "trials", 0, "state"), "the record lacks something or has it in another form"),
    "another type": (
        put("f16", "f", "clean", "growth", "type"),
        "the record lacks something or has it in another form",
    ),
    "a number in another form": (
        put(1.5, "f", "clean", "growth", "value"),
        "the record lacks something or has it in another",
    ),
    "no times": (put(None, "p", "made_at"), "the record lacks something or has it in another form"),
    "no list": (put(None, "p", "falsifiers"), "the record lacks something or has it in another form"),
}


def test_the_order_of_what_was_left_out_is_in_no_comparison():
    """A table has no order."""
    one, other = ({first: "x", second: "x"} for first, second in (("F-8", "F-9"), ("F-9", "F-8")))

    assert a_challenge(left_out=one).essence() == a_challenge(left_out=other).essence()


@pytest.mark.parametrize(("edit", "message"), NO_RECORD.values(), ids=NO_RECORD)
def test_what_is_no_record_is_refused(edit, message):
    """Each part has one form, and none contradicts another."""
    with pytest.raises(RecordError, match=f"^{message}"):
        challenge.parse(changed(edit))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"a": 1, "a": 2}', b"{NaN}"])
def test_bytes_that_hold_no_statement_are_refused(data):
    """Whatever lies in the folder."""
    with pytest.raises(RecordError):
        challenge.parse(data)


def test_a_record_of_an_evaluation_is_none_of_a_challenge(tmp_path):
    """And the reverse: the two references cannot stand in for each other."""
    contract = tmp_path / "c.yaml"
    evaluation, challenged = a_record(load()), a_challenge()
    store.save(contract, evaluation)
    store.save(contract, challenged)

    with pytest.raises(RecordError, match=r"^the record is of another kind"):
        challenge.load(contract, evaluation.reference)
    with pytest.raises(RecordError, match=r"^the record is of another kind"):
        store.load(contract, challenged.reference)
    assert challenge.load(contract, challenged.reference).data() == challenged.data()


def test_a_record_is_found_again_by_its_result(tmp_path):
    """The first with the same numbers about the same contract, past whatever else lies there."""
    contract = tmp_path / "c.yaml"
    adopted = partial(challenge.adopted, contract)
    new = a_challenge(made_at={"host": "later"})
    assert adopted(new) is new
    store.save(contract, a_record(load()))
    (store.folder(contract) / f"{'0' * 64}.json").write_text("{}")
    store.save(contract, a_challenge(contract="C-OTHER"))
    store.save(contract, a_challenge(left_out={}))
    assert adopted(new) is new
    store.save(contract, a_challenge())

    assert adopted(new).data() == a_challenge().data()


def test_of_several_records_the_first_by_name_is_adopted(tmp_path):
    """Whatever order the disk has."""
    kept = [a_challenge(made_at={"started": str(n), "seconds": 1, "host": "x"}) for n in range(12)]
    for each in kept:
        store.save(tmp_path / "c.yaml", each)

    found = challenge.adopted(tmp_path / "c.yaml", a_challenge())

    assert found.reference == min(each.reference for each in kept)


def test_entries_are_found_by_their_falsifier():
    """And nothing is found where there is none."""
    assert a_challenge().entry("F-1").falsifier == "F-1"
    assert a_challenge().entry("F-9") is None
