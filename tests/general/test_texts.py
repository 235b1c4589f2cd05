"""Texts and arithmetic: counts and products by hand, and what foreign text is refused for."""

import math
from decimal import Decimal

import pytest
from general.fixtures import measure, opened
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.plugin import InputError, NotMeasured
from pvcheck_general import foreign

TEXT = b"Fix ffn_swigl (H2)\r\nand lm_head\n\nH1 H2\n"


def found(pattern, text=TEXT, **parameters):
    """Return the metrics of a search."""
    return measure("text-match", {"text": "t", "pattern": pattern, **parameters}, {"t": text}).metrics


def test_matches_are_counted_by_hand():
    """Three H and a digit, in the first and the fourth of four lines."""
    assert found("H[12]") == {"matches": 3, "lines": 4, "matching_lines": 2, "first_line": 1}


def test_without_a_match_there_is_no_first_line():
    """The metric is left out, so that no bound on it holds."""
    assert found("H3") == {"matches": 0, "lines": 4, "matching_lines": 0}


def test_a_literal_is_no_expression():
    """Brackets and dots stand for themselves."""
    assert found("(H2)", literal=True)["matches"] == 1
    assert found("(H2)")["matches"] == 2


def test_case_can_be_ignored():
    """Capital and small letters are alike where the contract says so."""
    assert found("FIX", ignore_case=True)["first_line"] == 1
    assert found("FIX")["matches"] == 0


def test_ends_of_lines_need_per_line():
    """Without it, ^ and $ are the ends of the whole text, and a match may span lines."""
    assert found("^and.*$", per_line=True)["first_line"] == 2
    assert found("^and.*$")["matches"] == 0
    assert found(r"\)\nand")["first_line"] == 1


def test_a_match_at_the_very_end_belongs_to_the_last_line():
    """The text after the last line feed is no line."""
    assert found("$", b"a\nb\n") == {"matches": 2, "lines": 2, "matching_lines": 1, "first_line": 2}


def test_an_empty_text_says_nothing():
    """Nothing measured is not held."""
    with pytest.raises(NotMeasured, match=r"^t is empty$"):
        found("a", b"")


def test_a_text_must_be_utf8():
    """The byte is named."""
    with pytest.raises(InputError, match=r"^t: must be UTF-8, byte 1 is not$"):
        found("a", b"a\xff")


def test_a_text_has_a_limit():
    """A file of more bytes is not read."""
    with opened(b"abc") as source, pytest.raises(InputError) as caught:
        foreign.text_of(source, 2)

    assert str(caught.value) == f"{source.path}: must have at most 2 bytes, got 3"


def test_an_input_must_be_declared():
    """The name is shown escaped."""
    with pytest.raises(InputError, match=r"^there is no input named 'o\\u202eh'$"):
        measure("text-match", {"text": "o\u202eh", "pattern": "a"}, {})


@given(st.text(st.sampled_from("ab\n"), min_size=1), st.sampled_from(["a", "b", "ab", "aa"]))
def test_a_literal_found_line_by_line_is_found_in_the_whole(text, pattern):
    """For a text without line feeds in the pattern, both ways count alike."""
    whole, lines = (found(pattern, text.encode(), literal=True, per_line=each) for each in (False, True))

    assert whole == lines
    assert whole["matches"] == text.count(pattern)


# Arithmetic.


def computed(**parameters):
    """Return the metrics of a computation."""
    return measure("arithmetic", parameters).metrics


def test_the_recorded_decomposition():
    """0.428 % x 1.81 x 50 is 38.734 %, 1723 % is 44.48 times that, and 1.81 ** (28/5) is 27.7."""
    numbers = {"drift": 0.00428, "growth": 1.81, "batch": 50, "seen": 17.23, "layers": 28, "span": 5}
    power = {"base": "growth", "numerator": "layers", "denominator": "span"}

    metrics = computed(numbers=numbers, product=["drift", "growth", "batch"], against="seen", power=power)

    assert metrics["product"] == 0.38734
    assert metrics["residual_against_over_product"] == float(Decimal("17.23") / Decimal("0.38734"))
    assert metrics["power"] == pytest.approx(math.exp(5.6 * math.log(1.81)), rel=1e-14)
    assert metrics["numbers"] == 6


def test_a_power_without_denominator():
    """An exponent may be one number."""
    assert computed(numbers={"a": 2, "n": 10}, power={"base": "a", "numerator": "n"}) == {"numbers": 2, "power": 1024.0}


def test_both_ends_of_the_residual_are_told():
    """The ratio names what stands above and below the line."""
    (ratio,) = measure("arithmetic", {"numbers": {"a": 2, "b": 3}, "product": ["a", "a"], "against": "b"}).ratios

    assert (ratio.numerator, ratio.denominator) == ("b", "a x a")
    assert (ratio.numerator_value, ratio.denominator_value) == (3.0, 4.0)


def test_an_overflow_is_an_infinity_that_the_guard_sees():
    """It is reported, not hidden."""
    assert computed(numbers={"a": 1e100}, product=["a"] * 4)["product"] == math.inf


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"product": ["zero"], "against": "one"}, "the product is 0, and nothing can be divided by it"),
        (
            {"power": {"base": "one", "numerator": "one", "denominator": "zero"}},
            "the number zero is 0, and nothing can be divided by it",
        ),
    ],
    ids=["residual", "exponent"],
)
def test_nothing_is_divided_by_zero(parameters, message):
    """The message names the divisor."""
    with pytest.raises(InputError, match=f"^{message}$"):
        computed(numbers={"zero": 0, "one": 1}, **parameters)


@given(st.lists(st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6), min_size=1, max_size=5), st.randoms())
def test_the_order_of_factors_changes_nothing(numbers, random):
    """A product that is rounded once has no order."""
    names = [f"n{position}" for position in range(len(numbers))]
    shuffled = random.sample(names, len(names))
    table = dict(zip(names, numbers, strict=True))

    assert computed(numbers=table, product=names) == computed(numbers=table, product=shuffled)


# JSON, pointers and numbers.


BAD_JSON = {
    "twice": ('{"a": 1, "a": 2}', "x: the key 'a' stands twice"),
    "broken": ('{"a": ', "x: not JSON: Expecting value at line 1, column 7"),
    "deep": ("[" * 100_000, "x: not JSON that can be read: it is nested too deep"),
    "digits": ("1" * 5000, "x: not JSON that can be read: an integer has too many digits"),
}


@pytest.mark.parametrize(("text", "message"), BAD_JSON.values(), ids=BAD_JSON)
def test_json_is_read_strictly(text, message):
    """Duplicate keys, depth and digits are refused."""
    with pytest.raises(InputError) as caught:
        foreign.json_of(text, "x")

    assert str(caught.value) == message


def test_a_pointer_leads_through_objects_and_lists():
    """The escapes of RFC 6901 stand for their characters; the empty pointer is the whole."""
    value = {"a/b": [{"~": 5}], "": 6}

    assert foreign.at_pointer(value, "/a~1b/0/~0", "x") == 5
    assert foreign.at_pointer(value, "/", "x") == 6
    assert foreign.at_pointer(value, "", "x") is value


@pytest.mark.parametrize("pointer", ["/b", "/a/1", "/a/-1", "/a/0/c", "/a/" + "9" * 60])
def test_a_pointer_that_leads_nowhere_is_refused(pointer):
    """The step and the pointer are named."""
    with pytest.raises(InputError, match=rf"^x: there is no '[^']*' of the pointer '{pointer}'$"):
        foreign.at_pointer({"a": [1]}, pointer, "x")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("", "''"), ("1_0", "'1_0'"), ("٣", "'٣'"), (True, "True"), (None, "None"), ([1], "a list"), ({}, "an object"),
     ("1" * 41, "'" + "1" * 40 + "...'"), ("1e99999", "'1e99999'"), (".", "'.'")],
)  # fmt: skip
def test_what_is_no_number_is_refused(value, shown):
    """Truth values, other digits and long texts are no numbers."""
    with pytest.raises(InputError) as caught:
        foreign.decimal_of(value, "x")

    assert str(caught.value) == f"x must be a number of at most 40 characters, got {shown}"


@given(st.floats() | st.integers(-(10**30), 10**30))
def test_every_number_that_python_prints_is_read_back(value):
    """A float or an integer becomes the decimal that it is written as."""
    read = foreign.decimal_of(str(value), "x")

    assert (read.is_nan() and math.isnan(value)) or read == Decimal(str(value))


def test_many_names_are_shown_short():
    """The first five, and how many more."""
    assert foreign.names_shown([]) == "none"
    assert foreign.names_shown(list("abcdefg")) == "a, b, c, d, e and 2 more"
