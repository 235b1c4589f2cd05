"""Guards in a contract: what is accepted, what records still show under today's bounds, and where it is told."""

from __future__ import annotations

import pytest
from helpers import CONTRACT, METRICS, a_record, load

from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.errors import Severity
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric
from pvcheck.plugin import (
    ChainLink,
    ClaimedRatio,
    Comparison,
    Condition,
    Measurement,
    MetricSpec,
    Population,
    Ratio,
    wire,
)
from pvcheck.rules import earned, guarded

SPECS = (
    MetricSpec("growth", MetricType.F64, "doc"),
    MetricSpec("count", MetricType.INT, "doc"),
    MetricSpec("steps", MetricType.F64, "doc", series=True),
)
ILL = Condition(metric="growth", position=None, number=1449.0, backward_error=4.2e-4)
NUMBERS = "condition number 1449, backward error 0.00042"
NO_VERDICT = "DISCHARGED, but the record is no verdict under today's guards:"
SOUND = {"growth": 1.5, "count": 4, "steps": (0.5, 0.75)}


def details(**parts):
    """Return what a record keeps beside the metrics of a measurement."""
    measurement = Measurement(metrics=SOUND, backend="python", labels=("layer 0", "layer 1"), **parts)
    told = wire.to_json(measurement, SPECS)
    return {key: value for key, value in told.items() if key not in {"metrics", "libraries", "backend"}}


class Place:
    """A contract on disk whose first falsifier rests on a record with details."""

    def __init__(self, folder):
        self.path = folder / "c.yaml"

    def findings(self, kept, *edits, status="DISCHARGED", conditioning=1000.0, metrics=None, **changes):
        """Return what the rules say of a contract that rests on such a record."""
        text = CONTRACT
        for old, new in edits:
            assert old in text
            text = text.replace(old, new, 1)
        record = a_record(load(text), METRICS | (metrics or {}), details=kept, **changes)
        store.save(self.path, record)
        line = f"  status: {status}\n  evidence: {record.reference}\n"
        loaded = load(text.replace("  status: PENDING\n- id: F-2", f"{line}- id: F-2"), str(self.path))
        found = [*loaded.findings, *guarded.reasons(loaded.contract, loaded.document)]
        case = (loaded.contract, loaded.document, self.path, self.path.parent, conditioning)
        return found + [finding for _, finding in earned.check(*case)]


@pytest.fixture
def place(tmp_path):
    """Give a contract with evidence."""
    return Place(tmp_path)


def told(findings):
    """Return findings as line, column, code and message."""
    return [(each.line, each.column, each.code, each.message) for each in findings]


def accepted(reason, guard="conditioning"):
    """Return the edit that accepts a guard."""
    return "  status: PENDING\n- id: F-2", f"  accept: {{{guard}: {reason}}}\n  status: PENDING\n- id: F-2"


def test_a_record_in_which_nothing_leans_is_silent(place):
    """Conditions that are small, and marks that no bound is put on."""
    small = Condition(metric="growth", position=None, number=999.0, backward_error=1e-7)
    other = Condition(metric="steps", position=1, number=5000.0, backward_error=1e-7)

    assert place.findings(details(conditions=(small, other))) == []


def test_a_status_that_leans_on_what_cancels_is_refused(place):
    """At the bound, with the condition number, the backward error and both ways out."""
    found = place.findings(details(conditions=(ILL,)))

    assert told(found) == [
        (
            16,
            13,
            "PV610",
            f"{NO_VERDICT} conditioning: the bound < 18.0 of growth leans on a sum that cancels ({NUMBERS})",
        )
    ]
    assert (found[0].severity, found[0].exit_code) == (Severity.ERROR, 1)
    assert found[0].hint == (
        "put the bound on the backward error, or write 'accept: {conditioning: why}' into this falsifier; or set the "
        "status back to PENDING and remove its evidence line"
    )


def test_a_refutation_that_leans_on_what_cancels_is_refused_too(place):
    """A spike where a sum is near zero refutes no more than it proves."""
    found = place.findings(
        details(conditions=(ILL,)),
        status="FALSIFIED",
        metrics={"growth": Metric(MetricType.F64, 99.0)},
        outcome=Outcome.REFUTED,
    )

    assert [each.code for each in found] == ["PV610"]
    assert found[0].message.startswith("FALSIFIED, but the record is no verdict")


def test_a_refutation_by_another_bound_stands(place):
    """What leans changes nothing there."""
    found = place.findings(
        details(conditions=(ILL,)),
        status="FALSIFIED",
        metrics={"count": Metric(MetricType.INT, 3)},
        outcome=Outcome.REFUTED,
    )

    assert found == []


def test_an_accepted_mark_supports_the_status(place):
    """With a reason, beside the status and outside the claim: no record has to be made again."""
    assert place.findings(details(conditions=(ILL,)), accepted("the divisor is small by design")) == []


def test_the_limit_of_the_settings_is_todays(place):
    """A record that was sound under another limit is looked at again."""
    assert place.findings(details(conditions=(ILL,)), conditioning=1449.0) == []
    assert [each.code for each in place.findings(details(conditions=(ILL,)), conditioning=1448.0)] == ["PV610"]


def test_the_list_of_findings_in_a_record_is_not_believed(place):
    """An empty list hides nothing, and a long one accuses nobody."""
    listed = [{"code": "PV603", "guard": "conditioning", "metric": "growth", "message": "growth divides ..."}]

    assert [each.code for each in place.findings(details(conditions=(ILL,)), guards=[])] == ["PV610"]
    assert place.findings(details(), guards=listed) == []


def test_a_record_over_unlike_populations_supports_nothing(place):
    """It cannot have been made by a run, and nothing can accept it."""
    left, right = (Population(count=each, shape=(each,), selection="all") for each in (4, 5))
    kept = details(comparisons=(Comparison(metrics=("count",), left=left, right=right),))

    found = place.findings(kept)

    assert told(found) == [
        (
            17,
            12,
            "PV610",
            f"{NO_VERDICT} population: the two sides differ in count: 4 against 5",
        )
    ]


def test_a_record_of_nothing_supports_nothing(place):
    """At the evaluator, where no bound is about it."""
    empty = Population(count=0, shape=(0,), selection="all")
    kept = details(comparisons=(Comparison(metrics=("steps",), left=empty, right=empty),))

    assert told(place.findings(kept)) == [
        (
            13,
            14,
            "PV610",
            f"{NO_VERDICT} vacuity: the comparison of steps has no element on either side",
        )
    ]


def test_details_that_cannot_be_read_are_no_record(place):
    """Exit status 5, as for every record that is not what it claims."""
    found = place.findings({"conditions": [{"metric": "growth"}]})

    assert [(each.code, each.exit_code, each.line) for each in found] == [("PV404", 5, 19)]
    assert found[0].message.startswith("not a record: its details lack something")


LINK = ChainLink(position=0, label="layer 0 to layer 1", carry=0.0)
RATIO = Ratio(metric="growth", numerator="layer 1", denominator="layer 0", numerator_value=0.75, denominator_value=0.5)
CLAIM = ClaimedRatio(metric="growth", value=0.6667, tolerance=0.001)


@pytest.mark.parametrize(
    ("guard", "kept"),
    [
        pytest.param("conditioning", details(conditions=(ILL,)), id="conditioning"),
        pytest.param("carry", details(links=(LINK,)), id="carry"),
        pytest.param("baseline", details(ratios=(RATIO,), claims=(CLAIM,)), id="baseline"),
    ],
)
def test_what_is_accepted_must_have_been_found(place, guard, kept):
    """A reason for what nobody found would hide what somebody finds tomorrow; one for what was found is silent."""
    what = "no bound leans on a marked number" if guard == "conditioning" else f"the guard {guard} says nothing"

    steps = {"steps": Metric(MetricType.F64, SOUND["steps"])}

    assert place.findings(kept, accepted("it is known and harmless", guard), metrics=steps) == []
    (found,) = place.findings(details(), accepted("it is known and harmless", guard))
    assert told([found]) == [
        (18, 12, "PV612", f"accept: {guard} accepts what nobody found: {what}"),
    ]
    assert found.severity is Severity.WARNING
    assert found.hint == "remove it: what it would hide tomorrow has to be told first"


def test_a_mark_that_no_bound_leans_on_is_nothing_to_accept(place):
    """It changes no verdict."""
    other = Condition(metric="steps", position=1, number=5000.0, backward_error=1e-7)

    found = place.findings(details(conditions=(other,)), accepted("it is known and harmless"))

    assert [each.code for each in found] == ["PV612"]


@pytest.mark.parametrize("reason", ["''", "'   '", "ok", "see above", '"\\t known \\t"'])
def test_a_reason_has_words(place, reason):
    """An empty one, a single word and a wave of the hand are errors."""
    found = place.findings(details(conditions=(ILL,)), accepted(reason))

    assert [each.code for each in found] == ["PV611"]
    assert found[0].message.startswith("a reason to accept conditioning must have at least 3 words, got ")
    assert (found[0].line, found[0].column) == (18, 26)
    assert found[0].hint == "say why the verdict can be trusted although the guard speaks"


@pytest.mark.parametrize("guard", ["finite", "population", "vacuity"])
def test_what_leaves_no_verdict_cannot_be_accepted(place, guard):
    """The key is not known there, and the hint has those that are."""
    (found,) = place.findings(details(), accepted("it is known and harmless", guard))

    assert told([found]) == [(18, 12, "PV208", f'the key "{guard}" is not known here')]
    assert found.hint == "use one of baseline, carry, conditioning"


def test_a_misspelt_guard_is_a_near_miss(place):
    """It must not vanish."""
    found = place.findings(details(conditions=(ILL,)), accepted("it is known and harmless", "conditionning"))

    assert [each.code for each in found] == ["PV207", "PV610"]


def test_a_misspelt_accept_is_a_near_miss():
    """In the falsifier itself."""
    text = CONTRACT.replace("  expect:", "  accepts: {carry: it is known}\n  expect:", 1)

    assert [(each.code, each.line) for each in load(text).findings] == [("PV207", 15)]


def test_accepting_without_measuring_is_refused():
    """An unbound falsifier has no guards."""
    from pvcheck.rules import structure

    text = CONTRACT.replace("  status: PROPOSED", "  accept: {carry: it is known and harmless}\n  status: PROPOSED")
    loaded = load(text)

    assert [(each.code, each.message) for each in structure.check(loaded.contract, loaded.document)] == [
        ("PV310", "'accept' needs an evaluator")
    ]


def test_upstream_files_accept_nothing():
    """What stands under that name there is theirs."""
    text = "metadata: {version: '1.0'}\nfalsification_tests:\n- {id: A, if_fails: x, accept: {carry: x}}\n"

    assert load(text).contract.falsifiers[0].accept == {}


def test_what_is_accepted_is_no_part_of_the_claim():
    """The same measurement supports it, with and without."""
    from pvcheck.domain.claim import claim

    plain, other = load(), load(CONTRACT.replace(*accepted("it is known and harmless"), 1))

    assert other.contract.falsifiers[0].accept == {"conditioning": "it is known and harmless"}
    assert claim(plain.contract.falsifiers[0], plain.contract) == claim(other.contract.falsifiers[0], other.contract)
