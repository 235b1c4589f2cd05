"""Records say what was measured, to the bit, and refuse to be read when they are not what they claim."""

from __future__ import annotations

import json
import math

import pytest
from helpers import METRICS, a_record, bound, load
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import canonical
from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.evidence import record
from pvcheck.evidence.record import Judged, Metric, RecordError, judge

FLOATS = st.floats(allow_nan=False)


@given(value=FLOATS, series=st.lists(st.floats(width=32), max_size=4))
def test_a_record_reads_back_as_the_same_record(value, series):
    """Writing and reading lose nothing, not even the sign of a zero or a NaN."""
    metrics = METRICS | {"x": Metric(MetricType.F64, value), "y": Metric(MetricType.F32, tuple(series))}
    one = a_record(load(), metrics)

    again = record.parse(one.data())

    assert again.data() == one.data()
    assert again.reference == one.reference


def test_the_statement_names_the_claim_and_the_inputs_as_its_subjects():
    """Tools that know in-toto see what the record is about."""
    one = a_record(load())

    statement = json.loads(one.data())

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [each["name"] for each in statement["subject"]] == ["claim:F-1", "input:model"]
    assert statement["subject"][1]["digest"] == {"sha256": "1" * 64}


def test_an_input_without_a_whole_digest_is_named_by_what_was_read():
    """A large file is hashed where it was read only."""
    one = a_record(load(), inputs={"model": {"read_sha256": "2" * 64, "ranges": [[0, 4]], "size": 4}})

    statement = json.loads(one.data())

    assert statement["subject"][1]["digest"] == {"sha256": "2" * 64}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"made_at": {"host": "there"}}, id="host and time"),
        pytest.param({"made_by": {"evaluator": "probe", "processor": "another"}}, id="processor"),
        pytest.param({"contract": "C-OTHER"}, id="the name of the contract"),
    ],
)
def test_where_and_when_are_in_no_comparison(change):
    """Two runs on two machines with one result are one result."""
    assert a_record(load(), **change).essence() == a_record(load()).essence()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"metrics": METRICS | {"growth": Metric(MetricType.F64, math.nextafter(1.5, 2))}}, id="one bit"),
        pytest.param({"guards": [{"code": "PV603"}]}, id="a guard"),
        pytest.param({"details": {}}, id="a detail"),
        pytest.param({"judged": (Judged("growth", "< 17.0", held=True, margin=15.5),)}, id="a bound"),
        pytest.param({"outcome": Outcome.REFUTED}, id="the outcome"),
    ],
)
def test_a_result_that_differs_in_a_bit_is_another_result(change):
    """Nothing that was measured or judged is left out of the comparison."""
    assert a_record(load(), **change).essence() != a_record(load()).essence()


def test_no_bound_is_never_held():
    """A falsifier that expects nothing has not been measured."""
    assert judge(METRICS, []) == ((), Outcome.NOT_MEASURED)


def test_a_bound_on_a_metric_that_was_not_reported_is_refuted():
    """An evaluator cannot pass by leaving a number out."""
    judged, outcome = judge(METRICS, [("missing", bound("< 1"))])

    assert outcome is Outcome.REFUTED
    assert judged == (Judged("missing", "< 1.0", held=False, margin=None),)


def test_every_bound_must_hold():
    """One refused bound refutes the claim, and each has its margin."""
    judged, outcome = judge(METRICS, [("growth", bound("< 18")), ("count", bound("== 5"))])

    assert outcome is Outcome.REFUTED
    assert [(each.held, each.margin) for each in judged] == [(True, 16.5), (False, -1)]


def test_a_margin_without_end_is_left_out():
    """JSON has no infinity, and an infinite margin says nothing."""
    judged, _ = judge({"x": Metric(MetricType.F64, math.nan)}, [("x", bound("< 18"))])

    assert judged[0].margin is None
    assert not judged[0].held


def _broken(change):
    """Return a sound statement with a change, as canonical bytes."""
    statement = json.loads(a_record(load()).data())
    change(statement)
    return canonical.dumps(statement)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda s: s.update(predicateType="urn:pvcheck:evaluation:v9"),
            r"the record is of another kind \(urn:pvcheck:evaluation:v9\): a newer pv may have made it",
            id="newer kind",
        ),
        pytest.param(lambda s: s.pop("predicate"), "lacks something", id="no predicate"),
        pytest.param(
            lambda s: s["predicate"]["claim"].update(id="F-9"), "the subject is not the claim", id="another claim"
        ),
        pytest.param(
            lambda s: s["predicate"]["claim"].update(more=1), "the claim has parts that no claim has", id="more claim"
        ),
        pytest.param(lambda s: s["predicate"].update(outcome="great"), "lacks something", id="unknown outcome"),
        pytest.param(
            lambda s: s["predicate"]["metrics"]["growth"]["value"].update(decimal="9"), "lacks something", id="decimal"
        ),
        pytest.param(
            lambda s: s["predicate"]["expectations"][0].update(bound="small"), "lacks something", id="no bound"
        ),
        pytest.param(
            lambda s: s["predicate"]["expectations"][0].update(margin={"decimal": [], "hex": []}),
            "a margin must be one number",
            id="margin is a series",
        ),
        pytest.param(
            lambda s: s["predicate"]["inputs"]["model"].update(ranges=[[0, -1]]), "pairs of numbers", id="bad range"
        ),
        pytest.param(
            lambda s: s["predicate"]["inputs"]["model"].update(sha256=1),
            "digests of an input must be text",
            id="digest",
        ),
    ],
)
def test_a_record_that_is_not_one_is_refused_with_the_reason(change, message):
    """What is missing or of another kind is said, and nothing but RecordError is raised."""
    with pytest.raises(RecordError, match=message):
        record.parse(_broken(change))


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"null", b"\xff", b'{"a": NaN}\n', b"[" * 5000])
def test_bytes_that_are_no_record_are_refused(data):
    """Any bytes end in RecordError."""
    with pytest.raises(RecordError):
        record.parse(data)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_cleanly(data):
    """A hostile record raises RecordError and nothing else."""
    with pytest.raises(RecordError):
        record.parse(data)


def test_a_bound_without_a_margin_reads_back_as_such():
    """A bit pattern is met or not; there is no distance to it."""
    one = a_record(load(), judged=(Judged("growth", "== 0x3ff8000000000000", held=True, margin=None),))

    assert record.parse(one.data()).judged == one.judged
