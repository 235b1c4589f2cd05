"""Records travel as JSON lines: the same bytes arrive, and nothing else is taken."""

from __future__ import annotations

import json

import pytest
from helpers import METRICS, a_record, load
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.evidence import lines
from pvcheck.evidence.record import Metric

ONE = a_record(load())
OTHER = a_record(load(), METRICS | {"growth": Metric(MetricType.F64, 99.0)}, made_by={"evaluator": "ärger \u2028"})


@given(values=st.lists(st.floats(), max_size=4))
def test_every_record_arrives_with_its_bytes(values):
    """Writing lines and reading them gives records with the same digests, in the same order, each once."""
    records = [a_record(load(), METRICS | {"growth": Metric(MetricType.F64, value)}) for value in values]

    arrived = lines.loads(lines.dumps(records))

    assert [record.reference for _, record in arrived] == list(dict.fromkeys(each.reference for each in records))


def test_a_line_is_an_in_toto_statement():
    """Other tools read them: one JSON object a line, with UTF-8 as it is."""
    data = lines.dumps([ONE, OTHER])

    told = [json.loads(line) for line in data.split(b"\n")[:-1]]

    assert [each["_type"] for each in told] == ["https://in-toto.io/Statement/v1"] * 2
    assert told[0] == ONE.statement()
    assert "ärger \u2028".encode() in data


def test_lines_are_numbered_and_empty_ones_skipped():
    """The number is the one that an editor shows; CRLF and a missing last line end change nothing."""
    data = b"\n" + lines.dumps([ONE]).rstrip() + b"\r\n\r\n" + lines.dumps([ONE, OTHER]).rstrip()

    found = lines.loads(data)

    assert [(number, record.reference) for number, record in found] == [(2, ONE.reference), (5, OTHER.reference)]


def test_a_record_as_it_lies_in_its_folder_is_taken_too():
    """Nobody has to convert a file that was copied."""
    assert [(number, record.reference) for number, record in lines.loads(ONE.data())] == [(1, ONE.reference)]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\r\n"])
def test_an_empty_file_holds_no_record(data):
    """That it is empty is for the caller to judge."""
    assert lines.loads(data) == ()


def _line(**changes):
    """Return a line whose predicate was changed."""
    statement = ONE.statement()
    statement["predicate"] |= changes
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


GOOD = lines.dumps([ONE])


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        pytest.param(GOOD + b"nonsense\n", 2, "not a record: not JSON", id="no json"),
        pytest.param(GOOD + b"\xff\xfe\n", 2, "not a record: not JSON", id="no utf-8"),
        pytest.param(b"[" * 100_000, 1, "not a record: not JSON", id="deep"),
        pytest.param(b'{"a":' * 100_000, 1, "not a record: not JSON", id="deep objects"),
        pytest.param(b"{}\n", 1, "not a record: the record lacks something", id="another object"),
        pytest.param(b'{"a":1,"a":2}\n', 1, "not a record: not JSON: a key stands twice", id="twice"),
        pytest.param(GOOD[:-20], 1, "not a record: not JSON", id="cut off"),
        pytest.param(GOOD.replace(b'":', b'": ', 1), 1, "the record is not in the form that pv writes", id="spaces"),
        pytest.param(_line(note="hidden"), 1, "the record is not in the form that pv writes", id="more than a record"),
        pytest.param(
            _line(outcome="refuted"), 1, "the record says refuted, but its own metrics say held", id="outcome"
        ),
        pytest.param(
            ONE.data().replace(b" ", b"  ", 1), 1, "the record is not in the form that pv writes", id="file, indent"
        ),
        pytest.param(b"{\n}\n", 1, "not a record: the record lacks something", id="file, another object"),
        pytest.param(
            a_record(load(), outcome=Outcome.REFUTED).data(),
            1,
            "the record says refuted, but its own",
            id="file, outcome",
        ),
    ],
)
def test_anything_else_is_refused_at_its_line(data, line, message):
    """One clear sentence, and nothing but LinesError."""
    with pytest.raises(lines.LinesError, match=f"^{message}") as caught:
        lines.loads(data)

    assert caught.value.line == line


def test_a_line_that_is_too_long_is_not_read(monkeypatch):
    """No line can be longer than the largest record."""
    monkeypatch.setattr(lines, "MAX_RECORD", 1 << 20)

    with pytest.raises(lines.LinesError, match=r"^a record must have at most 1 MiB") as caught:
        lines.loads(GOOD + b"x" * (1 << 20) + b"xx\n")

    assert caught.value.line == 2


def test_a_file_that_is_too_large_is_not_read(monkeypatch):
    """The limit is told in the words of a person."""
    monkeypatch.setattr(lines, "MAX_FILE", 2 << 20)

    with pytest.raises(lines.LinesError, match=r"^the file must have at most 2 MiB") as caught:
        lines.loads(b"x" * ((2 << 20) + 1))

    assert caught.value.line == 0


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (4 << 20, "not a record: not JSON"),
        ((4 << 20) + 1, "a record must have at most 4 MiB"),
        (64 << 20, "a record must have at most 4 MiB"),
        ((64 << 20) + 1, "the file must have at most 64 MiB"),
    ],
)
def test_limits_are_those_that_the_refusals_name(size, message):
    """The last size that is read, and the first that is not."""
    with pytest.raises(lines.LinesError, match=f"^{message}"):
        lines.loads(bytes(size))


@given(data=st.binary(max_size=300) | st.lists(st.sampled_from([GOOD, b"{", b"}", b"\n", b"0"])).map(b"".join))
def test_any_bytes_end_in_records_or_in_one_error(data):
    """Nothing but LinesError is raised."""
    try:
        found = lines.loads(data)
    except lines.LinesError:
        return
    assert all(record.data() == ONE.data() for _, record in found)
