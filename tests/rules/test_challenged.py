"""Challenges: the record is there, sound and about today's claims, and its trials are judged again."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers import CONTRACT, a_record, load, untraced

from pvcheck.domain.claim import claim
from pvcheck.domain.metric import MetricType
from pvcheck.domain.teeth import State, Trial
from pvcheck.errors import Severity
from pvcheck.evidence import store
from pvcheck.evidence.challenge import ChallengeRecord, Entry
from pvcheck.evidence.record import Metric
from pvcheck.rules import challenged
from pvcheck.rules.challenged import Case

TEXT = CONTRACT.replace("growth: < 18", "growth: < 10%")
LINE = TEXT.count("\n") + 1
"""Where the block of the challenge stands."""
TRIALS = (
    Trial("mixed", State.MOVED, {"growth": 0.014, "count": 4}),
    Trial("swapped", State.MOVED, {"growth": 0.5, "count": 4}),
    Trial("lost", State.ERROR, reason="raised ValueError"),
    Trial("dropped", State.NOT_PLANTED, reason="there are none"),
)
CLEAN = {"growth": Metric(MetricType.F64, 0.001), "count": Metric(MetricType.INT, 4)}


class Place:
    """A contract on disk that names the record of a challenge."""

    def __init__(self, folder):
        self.path = folder / "c.yaml"
        self.record = self.kept()

    def kept(self, trials=TRIALS, **changes):
        """Write a record."""
        contract = load(TEXT).contract
        entry = Entry("F-1", claim(contract.falsifiers[0], contract), CLEAN, trials, {}, {})
        values = {"contract": "C-TEST", "entries": (entry,), "left_out": {}, "made_at": {}}
        record = ChallengeRecord(**(values | changes))
        store.save(self.path, record)
        return record

    def findings(self, text=TEXT, least="min: 0.5, ", setting=None, reference=None):
        """Return what the rules say of a contract that names the record and demands a score."""
        block = f"challenge: {{{least}evidence: {reference or self.record.reference}}}\n"
        loaded = load(text + block, str(self.path))
        assert not loaded.findings
        return list(challenged.check(Case(loaded.contract, loaded.document, self.path, setting)))


@pytest.fixture
def place(tmp_path):
    """Give a contract with a sound record."""
    return Place(tmp_path)


def told(findings):
    """Return findings as line, code and message."""
    return [(each.line, each.code, each.message) for each in findings]


def test_a_record_with_a_score_that_is_high_enough_is_silent(place):
    """Two of three are caught."""
    assert place.findings(least="min: 0.66, ") == []


def test_a_contract_that_says_nothing_is_silent(place):
    """Unless the settings demand a score."""
    loaded = load(TEXT)

    assert list(challenged.check(Case(loaded.contract, loaded.document, place.path))) == []


@pytest.mark.parametrize(
    ("block", "setting", "line", "least"),
    [
        ("challenge: {min: 0.75}\n", None, LINE, "0.75"),
        ("challenge: {min: 0.75}\n", 0.5, LINE, "0.75"),
        ("challenge: {min: 0.75}\n", 0.8, 1, "0.8"),
        ("challenge: {}\n", 0.8, 1, "0.8"),
        ("", 0.8, 1, "0.8"),
        ("", 1, 1, "1"),
    ],
)
def test_a_score_that_is_demanded_needs_a_record(place, block, setting, line, least):
    """At the demand, or at the contract itself where the settings demand it; the higher demand holds."""
    loaded = load(TEXT + block)

    found = list(challenged.check(Case(loaded.contract, loaded.document, place.path, setting)))

    message = f"a score of {least} is demanded of the bounds, and there is no record of a challenge"
    assert told(found) == [(line, "PV620", message)]
    assert found[0].hint == "pv challenge --write plants the faults and keeps the record"


def test_a_contract_without_bound_falsifiers_has_nothing_to_challenge(place):
    """The demand asks for nothing there."""
    start, end = TEXT.index("  evaluator"), TEXT.index("  status: PENDING\n- id: F-2")
    loaded = load(TEXT[:start] + TEXT[end:])

    assert list(challenged.check(Case(loaded.contract, loaded.document, place.path, 0.9))) == []


def test_a_record_that_is_gone_is_missed_also_where_nothing_is_demanded(place):
    """A reference that leads nowhere is no evidence."""
    store.path_of(place.path, place.record.reference).unlink()

    found = place.findings(least="")

    name = place.record.reference.removeprefix("sha256:")
    assert told(found) == [(LINE, "PV621", f"the record {name}.json of the challenge is missing from evidence/c/")]
    assert (found[0].severity, found[0].exit_code) == (Severity.ERROR, 5)


def test_a_record_that_was_edited_is_not_believed(place):
    """Its bytes have another digest."""
    path = store.path_of(place.path, place.record.reference)
    path.write_bytes(path.read_bytes().replace(b'"unmoved"', b'"moved"').replace(b"0.5", b"0.6"))

    found = place.findings()

    name = place.record.reference.removeprefix("sha256:")
    message = f"the record {name}.json of the challenge does not have the bytes that its name promises"
    assert told(found) == [(LINE, "PV622", message)]
    assert found[0].exit_code == 5


def test_a_record_of_another_kind_or_contract_is_refused(place):
    """A reference is no pass: what it leads to is looked at."""
    evaluation = a_record(load(TEXT))
    store.save(place.path, evaluation)
    other = place.kept(contract="C-OTHER")

    kind = place.findings(reference=evaluation.reference)
    contract = place.findings(reference=other.reference)

    reason = "not a record of a challenge: the record is of another kind (urn:pvcheck:evaluation:v1)"
    assert told(kind) == [(LINE, "PV623", reason)]
    assert told(contract) == [(LINE, "PV623", 'the record of the challenge is about "C-OTHER"')]
    assert kind[0].exit_code == contract[0].exit_code == 5


CHANGES = {
    "another parameter": (
        ("layers: 0-3", "layers: 0-9"),
        14,
        'parameter layers changed from "0-3" to "0-9" since the contract was challenged',
    ),
    "another evaluator": (
        ("evaluator: probe", "evaluator: prober"),
        13,
        "evaluator changed from probe to prober since the contract was challenged",
    ),
    "another input": (
        ("    path: model.bin\n", f"    path: model.bin\n    sha256: {'1' * 64}\n"),
        12,
        "the declared digest of input model changed from none to 111111111111 since the contract was challenged",
    ),
    "another metric": (
        ("growth: < 10%", "steps: all < 5"),
        16,
        "steps is bounded now, and was not when the contract was challenged",
    ),
    "another name": (
        ("- id: F-1", "- id: F-7"),
        11,
        '"F-7" was not there when the contract was challenged',
    ),
}


@pytest.mark.parametrize(("edit", "line", "message"), CHANGES.values(), ids=CHANGES)
def test_a_claim_that_changed_is_named(place, edit, line, message):
    """An error where a score is demanded; a warning where nothing is."""
    text = TEXT.replace(*edit).replace("expected_acceptance: [F-1]", "expected_acceptance: []")

    demanded, free = place.findings(text), place.findings(text, least="")

    assert [(each.code, each.message) for each in demanded] == [("PV624", message)]
    assert demanded[0].line == line
    assert demanded[0].severity is Severity.ERROR
    assert [each.severity for each in free] == [Severity.WARNING]


def test_a_falsifier_that_was_left_out_is_not_asked_for(place):
    """The record says why it was."""
    more = "- id: F-3\n  evaluator: probe\n  with: {model: model}\n  expect: {count: == 4}\n- id: F-2\n"
    record = place.kept(left_out={"F-3": "no teacher"})

    assert place.findings(TEXT.replace("- id: F-2\n", more), reference=record.reference) == []


def test_prose_and_bounds_may_change(place):
    """The trials are judged under today's bounds, so that a better bound counts at once."""
    text = TEXT.replace("rule: growth is bounded", "rule: it is").replace("< 10%", "< 0.3%")

    assert place.findings(text, least="min: 1, ") == []


def test_a_guard_that_is_accepted_today_stops_no_trial(place):
    """The numbers under the fault decide, as they would in a run."""
    trials = (Trial("mixed", State.MOVED, {"growth": 0.014, "count": 4}, "conditioning", "conditioning: it cancels"),)
    record = place.kept(trials)
    accepting = TEXT.replace("  status: PENDING\n- id", "  accept: {conditioning: the sum is meant to cancel}\n- id")

    assert place.findings(reference=record.reference) == []
    assert [each.code for each in place.findings(accepting, reference=record.reference)] == ["PV625"]


def test_a_bound_that_was_loosened_lowers_the_score(place):
    """The record cannot vouch for bounds that it was not made under."""
    found = place.findings(TEXT.replace("< 10%", "< 100%"))

    message = (
        "1 of 3 faults are caught, a score of 0.333 where 0.5 is demanded: "
        "F-1 misses mixed, swapped (growth < 100%, count >= 4 cannot fail)"
    )
    assert told(found) == [(LINE, "PV625", message)]
    assert found[0].hint == "pv challenge names a tighter bound for each that lets faults pass"


def test_only_falsifiers_that_let_faults_pass_are_named(place):
    """The others have teeth."""
    more = "- id: F-3\n  evaluator: probe\n  with: {model: model}\n  expect: {growth: < 0.3%}\n- id: F-2\n"
    text = TEXT.replace("- id: F-2\n", more)
    contract = load(text).contract
    entries = tuple(Entry(each.id, claim(each, contract), CLEAN, TRIALS, {}, {}) for each in contract.falsifiers[:2])
    record = place.kept(entries=entries)

    found = place.findings(text, least="min: 0.9, ", reference=record.reference)

    assert [each.message for each in found] == [
        "5 of 6 faults are caught, a score of 0.833 where 0.9 is demanded: F-1 misses mixed (count >= 4 cannot fail)"
    ]


def test_many_names_are_cut_and_counted(place):
    """A sentence names three."""
    trials = tuple(Trial(f"fault-{at}", State.MOVED, {"growth": 0.01, "count": 4}) for at in range(5))
    record = place.kept(trials)

    found = place.findings(reference=record.reference)

    assert "F-1 misses fault-0, fault-1, fault-2 and 2 more (" in found[0].message


def test_many_falsifiers_are_cut_and_counted(place):
    """The command shows all of them."""
    more = "- id: F-{}\n  evaluator: probe\n  with: {{model: model}}\n  expect: {{growth: < 10%}}\n"
    text = TEXT.replace("- id: F-2\n", "".join(map(more.format, range(3, 8))) + "- id: F-2\n")
    contract = load(text).contract
    entries = tuple(Entry(each.id, claim(each, contract), CLEAN, TRIALS, {}, {}) for each in contract.falsifiers[:6])
    record = place.kept(entries=entries)

    found = place.findings(text, least="min: 0.9, ", reference=record.reference)

    assert found[0].message.endswith("; F-3 misses mixed; F-4 misses mixed; and 3 more falsifiers")


def test_a_demand_cannot_be_met_where_nothing_moved(place):
    """No score is not a full one, and not demanded, it is nothing."""
    record = place.kept(TRIALS[3:])

    found = place.findings(least="min: 0, ", reference=record.reference)

    message = "a score of 0 is demanded of the bounds, and no fault that was planted moved anything"
    assert told(found) == [(LINE, "PV626", message)]
    assert place.findings(least="", reference=record.reference) == []


def test_a_record_in_which_everything_was_left_out_is_silent(place):
    """Nothing was challenged, and the record says so of each."""
    record = place.kept(entries=(), left_out={"F-1": "no teacher"})

    assert place.findings(reference=record.reference) == []


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.0, "1"), (0.0, "0"), (0.5, "0.5"), (2 / 3, "0.666"), (0.9996, "0.999"), (0.29, "0.29")]
)
def test_a_score_is_never_rounded_up(ratio, text):
    """So 1 means all of them."""
    assert challenged.shown(ratio) == text


def test_validation_stays_light_where_a_challenge_is_told_of():
    """A hook loads neither plugins nor what makes suggestions."""
    code = "import sys\nfrom pvcheck.rules import challenged\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env=untraced(), capture_output=True, text=True, check=True)

    modules = set(done.stdout.split())
    assert "pvcheck.rules.challenged" in modules
    assert modules & {"decimal", "pluggy", "pydantic", "numpy", "pvcheck.domain.tightening", "dataclasses"} == set()
