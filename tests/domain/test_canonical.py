"""Canonical JSON: one value, one text, and nothing else is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.canonical import MAX_DEPTH, NotCanonical, dumps, is_deep, loads

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text() | st.floats(allow_nan=False).filter(abs),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_a_value_reads_back(value):
    """Writing and reading give the value again, and writing that gives the text again."""
    text = dumps(value)

    assert loads(text) == value
    assert dumps(loads(text)) == text


def test_the_form_is_fixed():
    """Keys are sorted, one space indents, UTF-8 stays readable, a line feed ends the text."""
    assert dumps({"b": [1, "ü"], "a": None}) == '{\n "a": null,\n "b": [\n  1,\n  "ü"\n ]\n}\n'.encode()


def test_what_is_no_plain_json_takes_the_same_form():
    """A tuple is a list, and a key that is a number is its text, however deep they stand."""
    inner = {"b": ["ü", 1], "a": {}}

    assert dumps({"c": (inner, inner)}) == dumps({"c": [inner, inner]})
    assert dumps([{2: inner, 1: ()}]) == dumps([{"1": [], "2": inner}])


def test_line_ends_that_git_changed_are_read():
    """A checkout with CRLF is the same record; a carriage return inside a text is no line end."""
    value = {"a": "one\r\ntwo", "b": 1}

    assert loads(dumps(value).replace(b"\n", b"\r\n")) == value


REFUSED = {
    "duplicate keys": (b'{\n "a": 1,\n "a": 1\n}\n', "not JSON: a key stands twice"),
    "UTF-16": ("1\n".encode("utf-16"), "not JSON: 'utf-8' codec can't decode byte 0xff in position 0"),
    "NaN": (b"NaN\n", "not JSON: NaN is no number"),
    "infinity": (b"-Infinity\n", "not JSON: -Infinity is no number"),
    "a number that overflows": (b"1.0e999\n", "not JSON: 1.0e999 is no number"),
    "nothing": (b"", "not JSON: Expecting value: line 1 column 1 (char 0)"),
    "half a file": (b'{\n "a": 1', "not JSON: Expecting ',' delimiter: line 2 column 8 (char 9)"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_readers_disagree_about_is_refused(data, message):
    """No key twice, no other encoding, no number that is none."""
    with pytest.raises(NotCanonical) as caught:
        loads(data)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("data", [b'{"b": 1, "a": 0.5}', b'{"b":1e0,"a":"\\u0041"}'])
def test_another_form_of_a_value_is_read(data):
    """What counts is the digest of the bytes, which is taken elsewhere."""
    assert loads(data).keys() == {"a", "b"}


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000, b"9" * 5000, b'"\\ud800"\n', b'"\xff"\n'],
    ids=["deep", "long number", "lone surrogate", "not UTF-8"],
)
def test_hostile_texts_are_refused(data):
    """Depth, digits and broken text end in a refusal, never in a crash."""
    with pytest.raises(NotCanonical, match=r"^not JSON: "):
        loads(data)


def test_the_last_that_is_read_stands_before_the_first_that_is_refused():
    """One level more than 64, or one digit more than 20, is too much; a long number is told by its beginning."""
    assert loads(b"9" * 20) == 10**20 - 1
    assert loads(b"[" * 64 + b"]" * 64)
    assert loads(b'{"a":' * 64 + b"0" + b"}" * 64)

    for data, message in (
        (b"9" * 21, f"{'9' * 21} has more than 20 digits"),
        (b"9" * 41, f"{'9' * 40} has more than 20 digits"),
        (b"[" * 65 + b"]" * 65, "lists and tables must be at most 64 levels deep"),
        (b'{"a":' * 65 + b"0" + b"}" * 65, "lists and tables must be at most 64 levels deep"),
    ):
        with pytest.raises(NotCanonical, match=f"^not JSON: {message}$"):
            loads(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_json_cannot_hold_is_not_written(value):
    """NaN and infinities are told as hex floats elsewhere; here they are an error."""
    with pytest.raises(ValueError, match=r"^Out of range float values are not JSON compliant"):
        dumps(value)


def test_levels_are_counted_of_lists_and_tables():
    """A text has none, and an empty list is one."""
    value = "text"
    for _ in range(MAX_DEPTH):
        assert is_deep(value) is False
        value = [{"a": 1}, value]
    assert (is_deep(value), is_deep([value])) == (True, True)
