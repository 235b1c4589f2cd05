"""The core schema: what an unquoted word means where no text is asked for."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.text import Ambiguous, Scalar, codes, resolve
from pvcheck.text.core_schema import is_date, other_reading


def plain(text: str) -> Scalar:
    """Return a plain scalar."""
    return Scalar(text, "plain", 0, len(text))


VALUES = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "0": 0, "-0": 0, "+7": 7, "-12": -12, "9" * 18: 10**18 - 1, "-" + "9" * 18: 1 - 10**18,
    "1e-6": 1e-6, "1E5": 1e5, "1.0e-6": 1e-6, "-0.0": -0.0, ".5": 0.5, "5.": 5.0, "+1.5e+3": 1500.0, "0e0": 0.0,
    "0.0e-999": 0.0, "01.5": 1.5, "1e400"[:3]: 1e4, "5e-324": 5e-324, "1." + "0" * 62: 1.0,
    "nUll": "nUll", "tRue": "tRue", "y": "y", "N": "N", "2026-11-22": "2026-11-22", "2026-13-45": "2026-13-45",
    "1.13.0": "1.13.0", "0-27": "0-27", "-": "-", "+": "+", ".": ".", "...x": "...x", "1e": "1e", "1:99": "1:99",
    "0o8": "0o8", "0xg": "0xg", "0b2": "0b2", "inf": "inf", "nan": "nan", "< 18": "< 18", "12 layers": "12 layers",
    "_1": "_1", "1__x": "1__x", "sha256:00": "sha256:00", "\u0663": "\u0663",
    "1\uff12": "1\uff12", "=": "=", "<<": "<<",
}  # fmt: skip

SPELL = (
    'number must be written in plain decimal digits, got {} in "{}"',
    "write the decimal number, or quote it to mean the text",
)
REFUSALS = [
    *((word, "PV130", SPELL[0].format("a leading zero", word), SPELL[1]) for word in ("010", "-007", "00")),
    *(
        (word, "PV130", SPELL[0].format("a radix prefix", word), SPELL[1])
        for word in ("0x1F", "0XAB", "0o17", "0b1", "+0x1_F")
    ),
    *(
        (word, "PV130", SPELL[0].format("underscores", word), SPELL[1])
        for word in ("1_000", "-1_0.5", "1_0e3", ".5_0", "1.0_0")
    ),
    *(
        (word, "PV130", SPELL[0].format("colons", word), SPELL[1])
        for word in ("1:30", "12:30:45", "-1:30.5", "16:9", "0:0")
    ),
    *(
        (word, "PV131", f'value must be true, false or quoted text, got "{word}"',
         f'write true or false, or quote it: "{word}"')
        for word in ("yes", "Yes", "NO", "on", "oFF")
    ),
    *(
        (word, "PV132", f'number must be finite, got "{word}"', "give a finite number, or quote it to mean the text")
        for word in (".inf", "-.Inf", "+.INF", ".nan", ".NaN", "-.nAn")
    ),
    *(
        (word, "PV133", f'number must fit into a double, got "{word}", which {end}',
         "give a number between 5e-324 and 1.7e308, or quote it")
        for word, end in (("1.0e+400", "overflows"), ("-1e999", "overflows"), ("1.0e-400", "rounds to zero"),
                          ("-.01e-999", "rounds to zero"))
    ),
    ("1" * 19, "PV134", "integer must have at most 18 digits, got 19", "quote it, or write it as a power such as 1e20"),
    ("-" + "1" * 4301, "PV134", "integer must have at most 18 digits, got 4301",
     "quote it, or write it as a power such as 1e20"),
    ("1." + "0" * 63, "PV134", "number must have at most 64 characters, got 65",
     "17 digits name every double: round it, or quote it"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "value"), VALUES.items(), ids=lambda each: repr(each)[:24])
def test_a_word_has_the_value_of_the_core_schema(word, value):
    """Constants, decimal numbers and texts are told apart, with their types and the sign of zero."""
    found = resolve(plain(word))

    assert (type(found), found) == (type(value), value)
    assert not isinstance(value, float) or math.copysign(1, found) == math.copysign(1, value)


@pytest.mark.parametrize(("word", "code", "message", "hint"), REFUSALS, ids=[row[0][:24] for row in REFUSALS])
def test_a_word_that_readers_disagree_on_is_refused(word, code, message, hint):
    """A spelling that is no safe value is refused with the way to say what is meant."""
    with pytest.raises(Ambiguous) as caught:
        resolve(plain(word))

    assert (caught.value.code, caught.value.message, caught.value.hint) == (code, message, hint)
    assert str(caught.value) == message


def test_every_code_of_the_schema_has_a_case():
    """All five codes of the schema are seen."""
    assert {row[1] for row in REFUSALS} == {
        codes.NUMBER_SPELLING, codes.YES_NO, codes.NOT_FINITE, codes.NUMBER_RANGE, codes.DIGITS,
    }  # fmt: skip


@pytest.mark.parametrize("style", ["single", "double", "literal", "folded"])
@pytest.mark.parametrize("word", ["", "010", "yes", ".nan", "1", "null"])
def test_quoted_text_is_text(word, style):
    """Nothing between quotes or in a block is ambiguous."""
    assert resolve(Scalar(word, style, 0, 1)) == word


@pytest.mark.parametrize("word", [
    "0x" + "f" * 100_000, "9" * 100_000, "1" + ":59" * 30_000, "1_" * 50_000, "1." + "0" * 100_000, "-" * 100_000,
    "1e" + "9" * 100_000, "1:" * 50_000, "._" * 50_000, "0" * 100_000 + "x",
], ids=lambda word: word[:6])  # fmt: skip
def test_a_hostile_word_takes_no_time(word):
    """Every check is linear in the length of the word."""
    started = time.process_time()
    try:
        resolve(plain(word))
    except Ambiguous as refusal:
        assert len(refusal.message) < 200  # noqa: PT017 - some of the words are text
    other_reading(word)

    assert time.process_time() - started < 0.1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_read_back_to_the_bit(number):
    """The shortest decimal of a double has its value."""
    value = resolve(plain(repr(number)))

    assert isinstance(value, float)
    assert value.hex() == number.hex()


@given(st.text(alphabet="0123456789+-._:eExobnaifINF~ ", max_size=12))
def test_what_is_no_text_has_another_reading(word):
    """A word that is not text here, or is refused, is one that other readers may not take for text."""
    try:
        value = resolve(plain(word))
    except Ambiguous:
        value = None

    assert isinstance(value, str) or other_reading(word)


@pytest.mark.parametrize(("word", "reading"), [
    ("", "null"), ("~", "null"), ("True", "a boolean"), ("oN", "a boolean"), ("=", "an indicator"),
    ("<<", "an indicator"), ("2026-11-22", "a date"), ("2026-1-2", "a date"), ("2026-11-22 10:00", "a date"),
    ("1.", "a number"), ("-.inf", "a number"), ("0o7", "a number"), ("1:30", "a number"), ("1_0", "a number"),
    ("1.2.3", ""), ("y", ""), ("id", ""), ("-", ""), ("2026-11-22x", ""),
])  # fmt: skip
def test_the_other_reading_of_a_word_is_named(word, reading):
    """Keys are refused, and new values quoted, by what any version of YAML makes of them."""
    assert other_reading(word) == reading


def test_a_date_is_a_day_of_a_month():
    """Only a day that may exist counts as a date that needs no quotes."""
    assert is_date("2026-11-22")
    assert not any(map(is_date, ("2026-13-01", "2026-00-01", "2026-01-32", "2026-1-1", "2026-11-22T10:00:00", "")))
