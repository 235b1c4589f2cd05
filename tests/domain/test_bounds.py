"""Bounds: every form, every refusal with its way out, and how values are judged."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.bounds import MAX_LENGTH, Bits, BoundError, Flag, Span, parse, relation, weaker
from pvcheck.domain.metric import MetricType

F32, F64, INT, BOOL = MetricType.F32, MetricType.F64, MetricType.INT, MetricType.BOOL
INF, NAN = math.inf, math.nan
SIGNS = ("<", "<=", ">", ">=", "==", "!=")
GENERIC = "write one of < 18, <= 1%, == 3, 1.81 +- 0.1%, in [0, 1], is true; for a series put all, any, max, min first"
HEX = "give 8 hex digits for f32 or 16 for f64, as in == 0xc69384e3"

FORMS = {
    "below": ("< 18", "< 18.0"),
    "below without space": ("<18", "< 18.0"),
    "at most percent": ("<= 1%", "<= 0.01"),
    "above": ("> 0", "> 0.0"),
    "at least": (">= 27", ">= 27.0"),
    "equal": ("== 3", "== 3.0"),
    "minus zero is zero": ("== -0", "== 0.0"),
    "other than": ("!= 3", "!= 3.0"),
    "signs and exponents": ("< +1.5E-3", "< 0.0015"),
    "no leading digit": ("> -.5", "> -0.5"),
    "no digit after the point": ("> 5.", "> 5.0"),
    "f32 bits": ("== 0xC69384E3", "== 0xc69384e3"),
    "f64 bits": ("==0x3FF0000000000000", "== 0x3ff0000000000000"),
    "around, absolute": ("2 +- 0.5", "in [1.5, 2.5]"),
    "around, relative": ("-4+-25%", "in [-5.0, -3.0]"),
    "around nothing": ("2 +- 0", "== 2.0"),
    "within": ("in [0, 1]", "in [0.0, 1.0]"),
    "within percent": ("in[ -10% ,5e1% ]", "in [-0.1, 0.5]"),
    "within one number": ("in [1, 1]", "== 1.0"),
    "true": ("is true", "is true"),
    "false": ("is  false", "is false"),
    "all": ("all < 10%", "all < 0.1"),
    "any": ("any > 0", "any > 0.0"),
    "max": ("max  < 5", "max < 5.0"),
    "min": ("min > 0", "min > 0.0"),
    "count": ("count( < 10% )>= 27", "count(< 0.1) >= 27.0"),
    "count of bits": ("count(== 0x3f800000) == 1", "count(== 0x3f800000) == 1.0"),
    "item": ("[3] == 0x3f800000", "[3] == 0x3f800000"),
    "item with leading zeros": ("[007]< 1", "[7] < 1.0"),
    "blanks around": ("  < 18 ", "< 18.0"),
}


@pytest.mark.parametrize(("text", "normal"), FORMS.values(), ids=FORMS)
def test_every_form_has_one_normal_form(text, normal):
    """A bound is told in its normal form, which reads back as the same bound."""
    bound = parse(text)

    assert bound.text == normal
    assert parse(normal) == bound


REFUSED = {
    "nothing": ("", "not a bound", GENERIC),
    "words": ("small", "not a bound", GENERIC),
    "bare number": ("18", "not a bound", "write == 18"),
    "bare percent": ("1.5%", "not a bound", "write == 1.5%"),
    "bare true": ("true", "not a bound", "write 'is true'"),
    "bare false": ("false", "not a bound", "write 'is false'"),
    "arrow left": ("=< 3", "not a bound", "write <="),
    "arrow right": ("=> 3", "not a bound", "write >="),
    "single equals": ("= 3", "not a bound", "write =="),
    "plus-minus sign": ("1.81 ± 0.1%", "not a bound", "write +- in place of the sign"),
    "short hex": ("== 0x3f80", "not a bound", HEX),
    "hex with another sign": ("< 0x3f800000", "not a bound", HEX),
    "nan": ("< nan", "not a bound", GENERIC),
    "inf": ("< inf", "not a bound", GENERIC),
    "arabic digits": ("< ١٨", "not a bound", GENERIC),
    "two quantifiers": ("all any < 3", "not a bound", GENERIC),
    "series of nothing": ("all", "not a bound", GENERIC),
    "negative item": ("[-1] < 3", "not a bound", GENERIC),
    "two bounds": ("> 0 < 3", "not a bound", GENERIC),
    "line break at the end of a number": ("< 1\n8", "not a bound", GENERIC),
    "too large": ("< 1e309", "a limit must be finite", "give a number below 1.8e308"),
    "too large around": ("1e308 +- 1000%", "a limit must be finite", "give a number below 1.8e308"),
    "too large at one end": ("1.7e308 +- 1e308", "a limit must be finite", "give a number below 1.8e308"),
    "too small": ("> 1e-400", "a limit must not round to zero", "give a number above 5e-324"),
    "negative reach": (
        "2 +- -1",
        "the number after +- must be 0 or more",
        "give the distance that is allowed, such as 0.1%",
    ),
    "ends in the wrong order": (
        "in [0.123456789, 0]",
        "the first end must not be above the second",
        "write in [0.0, 0.123456789]",
    ),
    "count of a flag": (
        "count(< 1) is true",
        "a count must be compared with a number",
        "write one such as count(< 10%) >= 27",
    ),
    "count as bits": (
        "count(< 1) == 0x3f800000",
        "a count must be compared with a number",
        "write one such as count(< 10%) >= 27",
    ),
    "too long": ("< " + "1" * MAX_LENGTH, "a bound must have at most 200 characters", "split it into a list of bounds"),
}


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_bound_is_refused_with_the_way_out(text, message, hint):
    """Every refusal says what is wrong and what to write."""
    with pytest.raises(BoundError) as caught:
        parse(text)

    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_bound_may_have_as_many_characters_as_the_refusal_says():
    """Blanks around it do not count."""
    assert parse(f"  <{' ' * (MAX_LENGTH - 2)}1  ").text == "< 1.0"


def test_hostile_texts_are_refused_in_no_time():
    """A near miss as long as a bound may be costs no more than a bound."""
    texts = ["count(" * 30, "in [" + " " * 190, "1" * 40 + "e" + "1" * 4 + " " * 150, "all " * 50, "== 0x" + "f" * 17]

    for text in texts:
        with pytest.raises(BoundError):
            parse(text)


# --- what a number spells ---

EXACT = {
    "10%": Fraction(1, 10),
    "0.1%": Fraction(1, 1000),
    "33.3%": Fraction(333, 1000),
    "1e2%": Fraction(1),
    "7%": Fraction(7, 100),
    "1.1e-3%": Fraction(11, 1000000),
}


@pytest.mark.parametrize("text", EXACT)
def test_a_percentage_is_rounded_once(text):
    """A percentage is the binary64 nearest to what it spells, not a quotient of two rounded numbers."""
    bound = parse(f"< {text}")

    exact = EXACT[text]
    assert bound.test == Span(-INF, True, exact.numerator / exact.denominator, False)


@given(st.integers(-(10**17), 10**17), st.integers(-30, 30))
def test_percent_shifts_the_decimal_point(digits, exponent):
    """``N%`` is the number with its exponent lowered by two, for any N that stays in range."""
    assert parse(f"< {digits}e{exponent}%") == parse(f"< {digits}e{exponent - 2}")


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(SIGNS))
def test_the_normal_form_keeps_every_bit(limit, sign):
    """Any binary64 survives: the limit that was written is the limit that judges."""
    bound = parse(f"{sign} {limit!r}")

    assert parse(bound.text) == bound
    assert limit in {bound.test.low, bound.test.high}


# --- one number ---

JUDGED = {
    "below": ("< 18", 17.999, True),
    "below, at the end": ("< 18", 18.0, False),
    "at most, at the end": ("<= 18", 18.0, True),
    "at most, above": ("<= 18", 18.1, False),
    "above, at the end": ("> 0", 0.0, False),
    "above": ("> 0", 5e-324, True),
    "at least, at the end": (">= 0", -0.0, True),
    "at least, below": (">= 0", -5e-324, False),
    "equal": ("== 3", 3, True),
    "not equal": ("== 3", 4, False),
    "other": ("!= 3", 4, True),
    "not other": ("!= 3", 3, False),
    "around, low end": ("2 +- 25%", 1.5, True),
    "around, high end": ("2 +- 25%", 2.5, True),
    "around, outside": ("2 +- 25%", 2.6, False),
    "within": ("in [0, 1]", 1.0, True),
    "outside": ("in [0, 1]", 1.1, False),
    "infinity below a limit": ("< 18", INF, False),
    "percent at the end": ("<= 10%", 0.1, True),
}


@pytest.mark.parametrize(("text", "value", "holds"), JUDGED.values(), ids=JUDGED)
def test_ends_belong_where_the_sign_says(text, value, holds):
    """Each sign takes its own end in or leaves it out."""
    assert parse(text).accepts(value, F64) is holds


NUMERIC_FORMS = [text for text, _ in FORMS.values() if "is" not in text]


@pytest.mark.parametrize("kind", [F32, F64])
@pytest.mark.parametrize("text", NUMERIC_FORMS)
def test_nan_satisfies_nothing(text, kind):
    """No form of bound accepts NaN, alone or as a whole series; a count finds none to count."""
    bound = parse(text)
    value = (NAN,) * 8 if bound.over else NAN

    assert bound.accepts(value, kind) is False


def test_one_nan_spoils_the_extremes_and_all():
    """A NaN in a series is not skipped: only ``any`` and ``count`` may look past it."""
    series = (0.5, NAN, 0.25)

    verdicts = {over: parse(f"{over} < 1").accepts(series, F64) for over in ("all", "any", "max", "min")}

    assert verdicts == {"all": False, "any": True, "max": False, "min": False}
    assert parse("count(< 1) == 2").accepts(series, F64)
    assert not parse("count(!= 0) == 3").accepts(series, F64)


def f32(pattern: int) -> float:
    """Return the float of an f32 bit pattern."""
    return struct.unpack("<f", struct.pack("<I", pattern))[0]


BITS = {
    "f32": ("== 0xc69384e3", f32(0xC69384E3), F32, True),
    "f32, next": ("== 0xc69384e3", f32(0xC69384E4), F32, False),
    "f64": ("== 0x3ff0000000000000", 1.0, F64, True),
    "f64, next": ("== 0x3ff0000000000000", math.nextafter(1.0, 2.0), F64, False),
    "zero": ("== 0x00000000", 0.0, F32, True),
    "minus zero is not zero": ("== 0x00000000", -0.0, F32, False),
    "minus zero": ("== 0x80000000", -0.0, F32, True),
    "f64 minus zero": ("== 0x8000000000000000", -0.0, F64, True),
    "f64 zero": ("== 0x8000000000000000", 0.0, F64, False),
    "denormal": ("== 0x00000001", f32(1), F32, True),
    "f32 bits of an f64 metric": ("== 0x3f800000", 1.0, F64, False),
    "the pattern of a NaN": ("== 0x7fc00000", NAN, F32, False),
}


@pytest.mark.parametrize(("text", "value", "kind", "holds"), BITS.values(), ids=BITS)
def test_bits_are_compared_as_bits(text, value, kind, holds):
    """A bit pattern accepts one pattern of one type, and no NaN whatever its pattern."""
    assert parse(text).accepts(value, kind) is holds


@pytest.mark.parametrize(("text", "value", "holds"), [("is true", True, True), ("is true", False, False)])
def test_flags_are_compared_as_flags(text, value, holds):
    """A truth value is itself; the number 1 is none."""
    assert parse(text).accepts(value, BOOL) is holds
    assert not parse(text).accepts(1, INT)


# --- series ---

SERIES = {
    "all": ("all < 3", (1.0, 2.0), True),
    "not all": ("all < 3", (1.0, 3.0), False),
    "any": ("any < 3", (9.0, 2.0), True),
    "not any": ("any < 3", (9.0, 3.0), False),
    "max": ("max < 3", (1.0, 2.0), True),
    "max above": ("max < 3", (1.0, 4.0), False),
    "min": ("min > 1", (2.0, 3.0), True),
    "min below": ("min > 1", (0.0, 3.0), False),
    "count": ("count(< 3) >= 2", (1.0, 2.0, 9.0), True),
    "count short": ("count(< 3) >= 2", (1.0, 9.0, 9.0), False),
    "item": ("[1] == 2", (1.0, 2.0), True),
    "item, other": ("[0] == 2", (1.0, 2.0), False),
    "item that is missing": ("[2] < 99", (1.0, 2.0), False),
}


@pytest.mark.parametrize(("text", "series", "holds"), SERIES.values(), ids=SERIES)
def test_quantifiers_say_which_numbers_count(text, series, holds):
    """A series is judged over the numbers that its quantifier names."""
    assert parse(text).accepts(series, F64) is holds


@pytest.mark.parametrize("text", ["all < 3", "any < 3", "max < 3", "min < 3", "count(< 3) == 0", "[0] < 3"])
def test_an_empty_series_satisfies_nothing(text):
    """Nothing measured is nothing shown, not even for "all" and for a count of none."""
    bound = parse(text)

    assert not bound.accepts((), F64)
    assert bound.margin((), F64) is None


# --- margins ---

MARGINS = {
    "inside": ("< 18", 17.0, 1.0),
    "outside": ("< 18", 20.0, -2.0),
    "between": ("in [0, 10]", 4.0, 4.0),
    "other than": ("!= 3", 5.0, 2.0),
    "equal": ("== 3", 5.0, -2.0),
    "all: the worst": ("all < 10", (1.0, 9.0, 4.0), 1.0),
    "any: the best": ("any < 10", (12.0, 9.0, 14.0), 1.0),
    "max": ("max < 10", (1.0, 7.0), 3.0),
    "min": ("min > 1", (1.5, 7.0), 0.5),
    "count": ("count(< 10) >= 1", (1.0, 2.0, 99.0), 1.0),
    "item": ("[1] < 10", (1.0, 8.0), 2.0),
    "item that is missing": ("[2] < 10", (1.0, 8.0), None),
    "bits have no size": ("== 0x3f800000", 1.0, None),
    "flags have no size": ("is true", True, None),
    "any looks past NaN": ("any < 10", (NAN, 4.0), 6.0),
}


@pytest.mark.parametrize(("text", "value", "margin"), MARGINS.values(), ids=MARGINS)
def test_a_margin_tells_how_far_inside_a_value_is(text, value, margin):
    """The margin is positive inside, negative outside, and None where a distance means nothing."""
    assert parse(text).margin(value, F64) == margin


@pytest.mark.parametrize("text", ["all < 10", "max < 10", "min < 10", "any < 10", "[1] < 10"])
def test_the_margin_of_nan_is_nan(text):
    """A NaN has no distance to a limit, wherever it stands among good numbers."""
    values = (NAN,) if text.startswith("any") else (4.0, NAN)

    assert math.isnan(parse(text).margin(values, F64))


spans = st.builds(
    lambda form, one, other: form.format(min(one, other), max(one, other)),
    st.sampled_from(("< {0}", "<= {0}", "> {0}", ">= {0}", "== {0}", "!= {0}", "in [{0}, {1}]", "{0} +- {1}")),
    st.integers(0, 6),
    st.integers(0, 6),
)
samples = [step / 4 for step in range(-40, 80)]


@given(spans, st.sampled_from(samples))
def test_the_margin_agrees_with_the_verdict(text, number):
    """Inside is never negative and outside never positive; a full step inside is told as one."""
    bound = parse(text)
    margin = bound.margin(number, F64)

    assert margin >= 0 if bound.accepts(number, F64) else margin <= 0


@given(spans, st.sampled_from(("all", "any", "max", "min")), st.lists(st.sampled_from([*samples, NAN]), min_size=1))
def test_the_margin_of_a_series_agrees_with_its_verdict(text, over, numbers):
    """A refuted series never shows a positive margin, not even with a NaN behind a good number."""
    bound = parse(f"{over} {text}")
    margin = bound.margin(tuple(numbers), F64)

    if bound.accepts(tuple(numbers), F64):
        assert margin >= 0
    else:
        assert not margin > 0


# --- which metric a bound fits ---

FITS = {
    "scalar": ("< 18", F64, False, ""),
    "series": ("all < 18", F32, True, ""),
    "integer": ("== 3", INT, False, ""),
    "count of f32 bits": ("count(== 0x3f800000) >= 1", F32, True, ""),
    "flag": ("is true", BOOL, False, ""),
    "flags": ("all is true", BOOL, True, ""),
    "series without quantifier": (
        "< 18",
        F64,
        True,
        "a series needs one of all, any, max, min, count(...) or [i] before the bound",
    ),
    "quantifier on a scalar": (
        "all < 18",
        F64,
        False,
        "a single number takes no all, any, max, min, count(...) or [i]",
    ),
    "f32 bits on f64": ("== 0x3f800000", F64, False, "a bit pattern of 8 digits is f32, the metric is f64"),
    "f64 bits on f32": (
        "[0] == 0x3ff0000000000000",
        F32,
        True,
        "a bit pattern of 16 digits is f64, the metric is f32",
    ),
    "counted bits": (
        "count(== 0x3f800000) >= 1",
        F64,
        True,
        "a bit pattern of 8 digits is f32, the metric is f64",
    ),
    "bits on int": ("== 0x3f800000", INT, False, "a bit pattern of 8 digits is f32, the metric is int"),
    "flag on a number": ("is true", F64, False, "the metric is f64: it is neither true nor false"),
    "number on a flag": ("< 1", BOOL, False, "the metric is bool: write 'is true' or 'is false'"),
}


@pytest.mark.parametrize(("text", "kind", "series", "misfit"), FITS.values(), ids=FITS)
def test_a_bound_fits_metrics_of_its_kind(text, kind, series, misfit):
    """A bound that cannot judge a metric says why, before anything is measured."""
    assert parse(text).misfit(kind, series=series) == misfit


# --- weaker and stronger ---


NEIGHBOURS = [f"{sign} {limit}" for sign in SIGNS for limit in range(4)] + [
    f"in [{low}, {high}]" for low in range(4) for high in range(low, 4)
]


@pytest.mark.parametrize("other", NEIGHBOURS)
def test_weaker_is_what_brute_force_finds(other):
    """A bound is weaker exactly when it accepts one of many numbers that the other refused: every pair is tried."""
    before = parse(other)
    numbers = [-1e300, *(step / 2 for step in range(-1, 8)), 1e300]

    for text in NEIGHBOURS:
        after = parse(text)
        accepted = [each for each in numbers if after.accepts(each, F64) and not before.accepts(each, F64)]
        assert weaker([before], [after]) is bool(accepted), text


@given(spans, spans)
def test_a_weaker_bound_is_never_taken_for_a_stronger_one(one, other):
    """Whatever two bounds are drawn, a number that only the new one accepts makes it weaker."""
    after, before = parse(one), parse(other)

    accepted = [each for each in samples if after.accepts(each, F64) and not before.accepts(each, F64)]

    assert weaker([before], [after]) or not accepted


@given(spans, st.sampled_from(("", "all ", "any ", "max ", "min ", "[2] ", "count(< 1) ")))
def test_a_bound_never_weakens_itself(text, over):
    """The same bound, spelt again, is no change."""
    bound = parse(over + text)

    assert relation([bound], [parse(bound.text)]) == "same"


WEAKER = {
    "another quantifier": ("any < 3", "all < 3", True),
    "another item": ("[1] < 3", "[0] < 3", True),
    "another count": ("count(< 9) >= 1", "count(< 3) >= 1", True),
    "a count that asks for less": ("count(< 3) >= 1", "count(< 3) >= 2", True),
    "a count that asks for more": ("count(< 3) >= 2", "count(< 3) >= 1", False),
    "other bits": ("== 0x3f800000", "== 0x3f800001", True),
    "the same bits": ("== 0x3F800000", "== 0x3f800000", False),
    "another flag": ("is true", "is false", True),
    "a number in place of bits": ("== 1", "== 0x3f800000", True),
    "an end taken in": ("<= 3", "< 3", True),
    "an end left out": ("< 3", "<= 3", False),
    "a hole filled": ("<= 9", "!= 3", True),
    "around a hole": ("> 3", "!= 3", False),
    "two sides of a hole": ("!= 3", "> 3", True),
}


@pytest.mark.parametrize(("after", "before", "is_weaker"), WEAKER.values(), ids=WEAKER)
def test_unlike_forms_count_as_weaker(after, before, is_weaker):
    """Where two bounds cannot be compared as sets, the change counts as a weakening."""
    assert weaker([parse(before)], [parse(after)]) is is_weaker


def test_tests_are_told_apart_by_kind():
    """Numbers, bit patterns and truth values are three things."""
    tests = [parse(text).test for text in ("== 1", "== 0x3f800000", "is true")]

    assert tests == [Span(1.0, True, 1.0, True), Bits("0x3f800000", F32), Flag(wanted=True)]
