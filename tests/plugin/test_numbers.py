"""Numbers as JSON: every bit comes back, and only one text stands for each."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import numbers
from pvcheck.domain.metric import MetricType, bits
from pvcheck.domain.numbers import NumberError, decode, encode

F32, F64, INT, BOOL = MetricType.F32, MetricType.F64, MetricType.INT, MetricType.BOOL
VALUES = {
    F32: st.floats(width=32),
    F64: st.floats(),
    INT: st.integers(-(10**18) + 1, 10**18 - 1),
    BOOL: st.booleans(),
}
TYPED = st.sampled_from(MetricType).flatmap(
    lambda kind: st.tuples(st.just(kind), VALUES[kind] | st.lists(VALUES[kind]).map(tuple))
)


@given(TYPED)
def test_a_number_comes_back_to_the_bit(typed):
    """Scalars and series of every type, with NaN, infinities and the sign of zero."""
    kind, value = typed

    again = decode(encode(value, kind), kind)

    assert type(again) is type(value)
    for before, after in zip(*(each if isinstance(each, tuple) else (each,) for each in (value, again)), strict=True):
        assert type(after) is type(before)
        same_nan = isinstance(before, float) and math.isnan(before) and math.isnan(after)
        assert same_nan or (after == before and bits(after, kind) == bits(before, kind))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_decimal_of_an_f32_is_the_shortest(value):
    """Numpy agrees on every one."""
    assert float(numbers.decimal(value, F32)) == float(np.format_float_scientific(np.float32(value), unique=True))


def test_powers_of_two_have_the_shortest_decimal():
    """Where the gap below is half the gap above, and among the subnormals."""
    for exponent in range(-149, 128):
        for value in (2.0**exponent, -(2.0**exponent)):
            theirs = np.format_float_scientific(np.float32(value), unique=True)
            assert float(numbers.decimal(value, F32)) == float(theirs)


LARGEST = struct.unpack("<f", bytes.fromhex("ffff7f7f"))[0]


@pytest.mark.parametrize(
    ("value", "kind", "json"),
    [
        (1.5, F64, {"decimal": "1.5", "hex": "0x1.8000000000000p+0"}),
        (-0.0, F64, {"decimal": "-0.0", "hex": "-0x0.0p+0"}),
        (-0.0, F32, {"decimal": "-0.0", "hex": "-0x0.0p+0"}),
        (math.nan, F64, {"decimal": "nan", "hex": "nan"}),
        (-math.inf, F32, {"decimal": "-inf", "hex": "-inf"}),
        (struct.unpack("<f", struct.pack("<f", 0.1))[0], F32, {"decimal": "0.1", "hex": "0x1.99999a0000000p-4"}),
        (LARGEST, F32, {"decimal": "3.4028235e+38", "hex": "0x1.fffffe0000000p+127"}),
        (
            float.fromhex("0x1.025bd60000000p+93"),  # above a power of two seven digits are more than it needs
            F32,
            {"decimal": "9.99477e+27", "hex": "0x1.025bd60000000p+93"},
        ),
        (float.fromhex("0x1.e1f6d20000000p-14"), F32, {"decimal": "0.000114909206", "hex": "0x1.e1f6d20000000p-14"}),
        ((0.5, math.inf), F32, {"decimal": ["0.5", "inf"], "hex": ["0x1.0000000000000p-1", "inf"]}),
        ((), F64, {"decimal": [], "hex": []}),
        (27, INT, 27),
        ((1, 2), INT, [1, 2]),
        (True, BOOL, True),
    ],
    ids=str,
)
def test_a_number_looks_like_this(value, kind, json):
    """The form that evidence keeps."""
    assert encode(value, kind) == json
    assert {numbers.misfit(each, kind) for each in (value if isinstance(value, tuple) else (value,))} <= {""}


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("1.5", F64, "must be f64, got str"),
        (1, F64, "must be f64, got int"),
        (True, INT, "must be int, got bool"),
        (1, BOOL, "must be bool, got int"),
        (None, F64, "must be f64, got NoneType"),
        (np.float64(1), F64, "must be f64, got numpy.float64"),
        ((1.0, "x"), F64, "must be f64, got str"),
        ([1.0], F64, "must be f64, got list"),
        (0.1, F32, "must be f32, got 0.1, which no f32 holds exactly"),
        (1e39, F32, "must be f32, got 1e+39, which no f32 holds exactly"),
        (10**18, INT, "must be an integer of at most 18 digits"),
        (-(10**18), INT, "must be an integer of at most 18 digits"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(value, kind, message):
    """Nothing is converted."""
    with pytest.raises(NumberError) as caught:
        encode(value, kind)

    assert str(caught.value) == message


HEX = "0x1.8000000000000p+0"


@pytest.mark.parametrize(
    ("json", "kind", "message"),
    [
        (1.5, F64, "f64 must be an object with decimal and hex, got float"),
        ({"hex": HEX}, F64, "f64 must be an object with decimal and hex, got dict"),
        ({"decimal": "1.5", "hex": HEX, "note": ""}, F64, "f64 must be an object with decimal and hex, got dict"),
        ({"decimal": 1.5, "hex": HEX}, F64, "the decimal and hex of f64 must be text"),
        ({"decimal": "1.5", "hex": None}, F64, "the decimal and hex of f64 must be text"),
        ({"decimal": ["1.5"], "hex": HEX}, F64, "the decimal and hex of f64 must be text"),
        ({"decimal": "1.5", "hex": [HEX]}, F64, "decimal and hex must be lists of one length"),
        ({"decimal": [], "hex": [HEX]}, F64, "decimal and hex must be lists of one length"),
        ({"decimal": "1.5", "hex": "1.5"}, F64, "'1.5' is not the usual form of a hex float"),
        ({"decimal": "1.5", "hex": f"0x1.{'80' * 30}"}, F64, f"'0x1.{'80' * 18}' is not the usual form of a hex float"),
        ({"decimal": "1.5", "hex": " " + HEX}, F64, f"' {HEX}' is not the usual form of a hex float"),
        ({"decimal": "nan", "hex": "NaN"}, F64, "'NaN' is not the usual form of a hex float"),
        ({"decimal": "1.5", "hex": "x"}, F64, "'x' is not a hex float"),
        ({"decimal": "1.5", "hex": "0x1p99999"}, F64, "'0x1p99999' is not a hex float"),
        ({"decimal": "1.5", "hex": "x" * 60}, F64, f"'{'x' * 40}' is not a hex float"),
        ({"decimal": "6" * 60, "hex": HEX}, F64, f"the decimal '{'6' * 40}' is not the number {HEX}"),
        ({"decimal": "1.6", "hex": HEX}, F64, f"the decimal '1.6' is not the number {HEX}"),
        ({"decimal": "x", "hex": HEX}, F32, f"the decimal 'x' is not the number {HEX}"),
        ({"decimal": "1.6", "hex": HEX}, F32, f"the decimal '1.6' is not the number {HEX}"),
        ({"decimal": "0.0", "hex": "-0x0.0p+0"}, F32, "the decimal '0.0' is not the number -0x0.0p+0"),
        ({"decimal": "1e+39", "hex": HEX}, F32, f"the decimal '1e+39' is not the number {HEX}"),
        ({"decimal": "1.50", "hex": HEX}, F32, f"the decimal '1.50' is not the number {HEX}"),
        ({"decimal": "1.50", "hex": HEX}, F64, f"the decimal '1.50' is not the number {HEX}"),
        (
            {"decimal": "0.1", "hex": (0.1).hex()},
            F32,
            "must be f32, got 0.1, which no f32 holds exactly",
        ),
        (True, INT, "must be int, got bool"),
        ([1, None], INT, "must be int, got NoneType"),
        (10**18, INT, "must be an integer of at most 18 digits"),
        ({}, BOOL, "must be bool, got dict"),
    ],
    ids=str,
)
def test_only_the_one_form_is_read(json, kind, message):
    """A decimal that says otherwise than the hex is a lie to a reader."""
    with pytest.raises(NumberError) as caught:
        decode(json, kind)

    assert str(caught.value) == message


@pytest.mark.parametrize("kind", [F32, F64], ids=str)
@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("1.0", "nonsense"), "'nonsense' is not a hex float"),
        (("1.00", "0x1.0000000000000p+0"), "the decimal '1.00' is not the number 0x1.0000000000000p+0"),
        (("1.0", "0x1p+0"), "'0x1p+0' is not the usual form of a hex float"),
        (("2.0", "0x1.0000000000000p+0"), "the decimal '2.0' is not the number 0x1.0000000000000p+0"),
        (("-0.0", "0x0.0p+0"), "the decimal '-0.0' is not the number 0x0.0p+0"),
        ((1.0, "0x1.0000000000000p+0"), "the decimal and hex of {kind} must be text"),
    ],
    ids=str,
)
def test_one_bad_number_in_a_series_is_named(pair, message, kind):
    """A series is checked as a whole, and then number by number to say which one is wrong."""
    good = "0x1.8000000000000p+0"
    text, hexed = pair

    with pytest.raises(NumberError) as caught:
        decode({"decimal": ["1.5", text], "hex": [good, hexed]}, kind)

    assert str(caught.value) == message.format(kind=kind)


def test_beyond_the_largest_f32_there_is_none():
    """Where a double would overflow, the answer is no."""
    assert numbers.is_f32_of(LARGEST, LARGEST) is True
    assert numbers.is_f32_of(1e39, LARGEST) is False


@pytest.mark.parametrize(
    ("hexed", "kind", "message"),
    [
        ((0.1).hex(), F32, "must be f32, got 0.1, which no f32 holds exactly"),
        ("0x1.99999a0000000p-4", F64, "the decimal '0.1' is not the number 0x1.99999a0000000p-4"),
    ],
    ids=str,
)
def test_a_series_has_the_numbers_of_its_type(hexed, kind, message):
    """The decimal 0.1 is one number as f32 and another one as f64."""
    with pytest.raises(NumberError) as caught:
        decode({"decimal": ["1.5", "0.1"], "hex": [HEX, hexed]}, kind)

    assert str(caught.value) == message
