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


def test_the_order_in_which_inputs_were_read_does_not_matter():
    """Nor does it change the digest of the record."""
    digests = {"sha256": "1" * 64, "read_sha256": "1" * 64, "ranges": []}
    one, other = (dict.fromkeys(names, digests) for names in (("a", "b"), ("b", "a")))

    assert a_record(load(), inputs=one).data() == a_record(load(), inputs=other).data()


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
        pytest.param(lambda s: s.pop("predicate"), "the record lacks something", id="no predicate"),
        pytest.param(
            lambda s: s["predicate"]["claim"].update(id="F-9"), "the subject is not the claim", id="another claim"
        ),
        pytest.param(
            lambda s: s["predicate"]["claim"].update(more=1), "the claim has parts that no claim has", id="more claim"
        ),
        pytest.param(
            lambda s: s["predicate"].update(outcome="great"), "the record lacks something", id="unknown outcome"
        ),
        pytest.param(
            lambda s: s["predicate"]["metrics"]["growth"]["value"].update(decimal="9"),
            "the record lacks something",
            id="decimal",
        ),
        pytest.param(
            lambda s: s["predicate"]["expectations"][0].update(bound="small"),
            "the record lacks something",
            id="no bound",
        ),
        pytest.param(
            lambda s: s["predicate"]["expectations"][0].update(margin={"decimal": [], "hex": []}),
            "a margin must be one number",
            id="margin is a series",
        ),
        pytest.param(
            lambda s: s["predicate"]["inputs"]["model"].update(ranges=[[0, -1]]),
            "the ranges of an input must be pairs of numbers",
            id="bad range",
        ),
        pytest.param(
            lambda s: s["predicate"]["inputs"]["model"].update(sha256=1),
            "the digests of an input must be text",
            id="digest",
        ),
        pytest.param(
            lambda s: s["subject"][1]["digest"].update(sha256="3" * 64), "the subject is not the claim", id="other file"
        ),
        pytest.param(lambda s: s["subject"].append(s["subject"][1]), "the subject is not the claim", id="more files"),
        pytest.param(lambda s: s["predicate"].update(contract=["C"]), "contract must be text", id="contract"),
        pytest.param(
            lambda s: (s["predicate"].update(falsifier=7), s["subject"][0].update(name="claim:7")),
            "falsifier must be text",
            id="falsifier",
        ),
        pytest.param(lambda s: s["predicate"].update(guards=["fine"]), "the record lacks something", id="guards"),
        pytest.param(lambda s: s["predicate"].update(guards=1), "the record lacks something", id="no guards"),
        pytest.param(
            lambda s: s["predicate"].update(guards=[[["rule", "x"]]]), "the record lacks something", id="pairs"
        ),
        pytest.param(
            lambda s: s["predicate"].update(made_by=None),
            r"the record lacks something or has it in another form: TypeError\('None is no table'\)",
            id="made by",
        ),
        pytest.param(lambda s: s["predicate"].update(made_at="now"), "the record lacks something", id="made at"),
    ],
)
def test_a_record_that_is_not_one_is_refused_with_the_reason(change, message):
    """What is missing or of another kind is said, and nothing but RecordError is raised."""
    with pytest.raises(RecordError, match=f"^{message}"):
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


def test_a_range_may_be_empty():
    """A file of no bytes was read in full."""
    data = _broken(lambda s: s["predicate"]["inputs"]["model"].update(ranges=[[0, 0]]))

    assert record.parse(data).inputs["model"]["ranges"] == [[0, 0]]


def test_a_bound_without_a_margin_reads_back_as_such():
    """A bit pattern is met or not; there is no distance to it."""
    one = a_record(load(), judged=(Judged("growth", "== 0x3ff8000000000000", held=True, margin=None),))

    assert record.parse(one.data()).judged == one.judged


NUMBERS = st.one_of(
    st.tuples(st.just(MetricType.F64), st.floats()),
    st.tuples(st.just(MetricType.F32), st.floats(width=32)),
    st.tuples(st.just(MetricType.INT), st.integers(-(10**17), 10**17)),
    st.tuples(st.just(MetricType.BOOL), st.booleans()),
    st.tuples(st.just(MetricType.F64), st.lists(st.floats(), max_size=5).map(tuple)),
)
BOUNDS = st.sampled_from(
    [
        "< 18",
        ">= 4",
        "== 3",
        "!= 0",
        "in [0, 1]",
        "is true",
        "is false",
        "all < 10%",
        "any > 0",
        "max < 5",
        "min > 0",
        "count(< 1) >= 2",
        "[3] < 1",
        "== 0x3ff8000000000000",
        "== 0x3fc00000",
        "1.5 +- 0.1%",
    ]
)


@given(measured=st.dictionaries(st.sampled_from("abc"), NUMBERS, max_size=3), texts=st.lists(BOUNDS, max_size=4))
def test_what_was_judged_never_contradicts_itself(measured, texts):
    """Whatever was measured under whatever bounds, the record agrees with its own metrics, also after reading it."""
    metrics = {name: Metric(kind, value) for name, (kind, value) in measured.items()}
    judged, outcome = judge(metrics, [("abcd"[index % 4], bound(text)) for index, text in enumerate(texts)])
    one = a_record(load(), metrics, judged=judged, outcome=outcome)

    found = [*record.contradictions(one), *record.contradictions(record.parse(one.data()))]

    assert found == []


def _told(**changes):
    """Return how a record with changes contradicts itself."""
    return list(record.contradictions(a_record(load())._replace(**changes)))


GROWTH = Judged("growth", "< 18.0", held=True, margin=16.5)
COUNT = Judged("count", ">= 4.0", held=True, margin=0.0)


def test_a_changed_mark_is_a_contradiction():
    """A bound that the metrics meet cannot be marked as refused, though the outcome says so too."""
    found = _told(judged=(GROWTH._replace(held=False), COUNT), outcome=Outcome.REFUTED)

    assert found == [
        "says refuted, but its own metrics say held",
        "says that growth < 18.0 was refuted, but its own metrics say that it held",
    ]


def test_a_mark_that_was_changed_alone_is_a_contradiction():
    """The outcome agrees with the metrics and the mark does not."""
    found = _told(judged=(GROWTH._replace(held=False), COUNT))

    assert found == ["says that growth < 18.0 was refuted, but its own metrics say that it held"]


@pytest.mark.parametrize("margin", [16.6, None, -16.5])
def test_a_changed_margin_is_a_contradiction(margin):
    """Margins follow from metric and bound to the bit."""
    found = _told(judged=(GROWTH._replace(margin=margin), COUNT))

    assert found == [f"says that growth < 18.0 has the margin {margin}, but its own metrics say 16.5"]


def test_a_claim_about_another_falsifier_is_a_contradiction():
    """A record cannot lend its claim."""
    assert _told(falsifier="F-9") == ['is about "F-9", but its claim about "F-1"']


@pytest.mark.parametrize(
    ("outcome", "judged", "count"),
    [
        pytest.param(Outcome.INVALID, (), 0, id="a guard ended it"),
        pytest.param(Outcome.INVALID, (GROWTH,), 1, id="a guard ended it and it was judged"),
        pytest.param(Outcome.HELD, (), 1, id="held without a bound"),
        pytest.param(Outcome.REFUTED, (), 1, id="refuted without a bound"),
    ],
)
def test_an_outcome_without_a_verdict_has_no_bounds(outcome, judged, count):
    """Held and refuted follow from bounds; nothing else does."""
    assert len(_told(outcome=outcome, judged=judged)) == count


def test_a_metric_with_a_hostile_name_is_told_on_one_line():
    """What a forged record holds moves no cursor."""
    found = _told(judged=(Judged("a\n\x1b[2J", "< 1.0", held=True, margin=None),), outcome=Outcome.REFUTED)

    assert found == ["says that a\\n\\x1b[2J < 1.0 held, but its own metrics say that it was refuted"]
