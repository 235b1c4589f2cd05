"""The generic faults: what each does to an array or a list, where it cannot be, and who notices that it is nowhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.plugin import Context, faults
from pvcheck.plugin.faults import GENERIC, Unfit, planted

NAMES = [each.name for each in GENERIC]
FLIPPED, NAN, SWAPPED, SCALED, OFFSET = NAMES
TABLE = np.arange(1, 25, dtype=np.float32).reshape(4, 6)
ARRAYS = {
    "f16": np.arange(1, 25, dtype=np.float16).reshape(4, 6),
    "f32": TABLE,
    "f64": TABLE.astype(np.float64),
    "big-endian": TABLE.astype(">f4"),
    "fortran": np.asfortranarray(TABLE),
    "list": [1.0, 2.0, 3.0, 4.0],
    "tuple": (1.0, 2.0, 3.0, 4.0),
    "read-only": np.frombuffer(TABLE.tobytes(), np.float32),
}


def differing(one, other):
    """Return the flat places at which two arrays differ in their numbers, a NaN being like itself."""
    pairs = zip(np.ravel(one), np.ravel(other), strict=True)
    return [place for place, (a, b) in enumerate(pairs) if not (a == b or (np.isnan(a) and np.isnan(b)))]


def test_the_faults_are_five_with_words():
    """Their names begin alike, so that no evaluator's own has one of them by accident."""
    assert NAMES == ["array-flipped-bit", "array-nan", "array-swapped-rows", "array-scaled", "array-offset-block"]
    assert all(len(each.doc) > 20 for each in GENERIC)


@pytest.mark.parametrize("fault", NAMES)
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_a_fault_goes_into_a_copy(array, fault):
    """Law: the array stays, the copy is of its kind and shape, and differs; the same seed gives the same copy."""
    before = np.array(array)

    changed, again = planted(array, fault, 3), planted(array, fault, 3)

    assert type(changed) is type(array)
    assert np.shape(changed) == np.shape(array)
    assert np.array(changed).dtype == before.dtype
    assert differing(array, before) == []
    assert differing(changed, array)
    assert differing(changed, again) == []


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_a_flipped_bit_doubles_or_halves_one_number(array):
    """It is the lowest of the exponent."""
    changed = planted(array, FLIPPED, 0)

    (place,) = differing(changed, array)
    assert np.ravel(changed)[place] / np.ravel(array)[place] in {0.5, 2.0}


@pytest.mark.parametrize(
    ("array", "bit"),
    [
        (np.arange(8, dtype=np.uint8), 1 << 6),
        (np.arange(8, dtype=np.int16), 1 << 14),
        (np.arange(8, dtype=np.uint64), 1 << 62),
        (np.array([True, False, True]), 1),
    ],
    ids=["u1", "i2", "u8", "bool"],
)
def test_a_flipped_bit_of_a_whole_number_is_a_high_one(array, bit):
    """The highest but one; the only one of a truth value."""
    changed = planted(array, FLIPPED, 0)

    (place,) = differing(changed, array)
    assert int(changed[place]) ^ int(array[place]) == bit


def test_a_flipped_bit_of_a_python_integer():
    """The highest but one of its own bits; of 0 and 1 the lowest."""
    assert planted([12], FLIPPED, 0) == [12 ^ 4]
    assert planted((1,), FLIPPED, 0) == (0,)
    assert planted([0], FLIPPED, 0) == [1]


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_one_number_is_nan(array):
    """One, and no other moves."""
    changed = planted(array, NAN, 1)

    (place,) = differing(changed, array)
    assert math.isnan(np.ravel(changed)[place])


def test_two_rows_change_places():
    """Of the first axis that has two; elements where there is one axis."""
    changed = planted(TABLE, SWAPPED, 0)

    assert sorted(map(tuple, changed.tolist())) == sorted(map(tuple, TABLE.tolist()))
    assert len({place // 6 for place in differing(changed, TABLE)}) == 2
    inner = planted(TABLE[None], SWAPPED, 0)
    assert differing(inner[0], changed) == []
    assert sorted(planted([1.0, 2.0, 3.0], SWAPPED, 0)) == [1.0, 2.0, 3.0]


def test_every_number_is_scaled():
    """1.01 times, rounded to the type."""
    assert differing(planted(TABLE, SCALED, 0), TABLE * np.float32(1.01)) == []
    assert planted((100.0, 0.0), SCALED, 0) == (101.0, 0.0)


@given(size=st.integers(2, 200), seed=st.integers(0, 2**31))
def test_a_block_is_read_one_place_too_early(size, seed):
    """Law: at most 31 numbers in a row are those of one place before, and all others stay."""
    array = np.arange(size, dtype=np.float64)

    changed = planted(array, OFFSET, seed)

    places = differing(changed, array)
    assert places == list(range(places[0], places[0] + min(size, 32) - 1))
    assert all(changed[place] == array[place - 1] for place in places)


@pytest.mark.parametrize(
    ("array", "fault", "reason"),
    [
        ([], FLIPPED, "is empty"),
        (np.zeros((0, 3)), NAN, "is empty"),
        (["a"], NAN, "holds something else than numbers"),
        ([True], FLIPPED, "holds something else than numbers"),
        (object(), NAN, "is no array of numbers"),
        (b"bytes", FLIPPED, "is no array of numbers"),
        (np.array([1j]), NAN, "is no array of numbers"),
        (np.float32(1), SWAPPED, "has one row"),
        ([1, 2], NAN, "holds whole numbers"),
        ([1, 2.0], SCALED, "holds whole numbers"),
        (np.arange(3, dtype=np.uint8), NAN, "holds uint8"),
        (np.arange(3), SCALED, "holds int64"),
        (np.array([1, 2], np.longdouble), FLIPPED, "holds float128"),
        ([1.0], SWAPPED, "has one row"),
        (np.ones((1, 1)), SWAPPED, "has one row"),
        (np.array(1.0), SWAPPED, "has one row"),
        ([1.0], OFFSET, "has one element"),
        (np.ones((4, 4)), SWAPPED, "would stay as it is"),
        (np.ones(4), OFFSET, "would stay as it is"),
        (np.zeros(4), SCALED, "would stay as it is"),
        (np.zeros(4, np.float32), FLIPPED, "would stay as it is"),
        ([0.0], FLIPPED, "would stay as it is"),
        ([math.nan], NAN, "would stay as it is"),
    ],
)
def test_what_an_array_cannot_hold_is_a_reason(array, fault, reason):
    """An array that would stay as it is counts as one that cannot hold the fault."""
    with pytest.raises(Unfit, match=f"^{reason}$"):
        planted(array, fault, 0)


def test_the_numbers_drawn_are_these_for_ever():
    """A challenge repeats to the bit, on any machine and any Python."""
    draw = faults.Draw(NAN, 7)

    assert [draw.below(1000) for _ in range(4)] == [986, 190, 682, 331]
    assert len({differing(planted(TABLE, NAN, seed), TABLE)[0] for seed in range(20)}) > 5


@pytest.mark.parametrize("fault", [None, "an-own-fault"])
def test_without_a_generic_fault_the_same_object_comes_back(fault):
    """Nothing is copied and nothing looked at."""
    context, array = Context(inputs={}, fault=fault), object()

    assert context.received(array, "anything") is array
    assert context.door.missing() is None


def test_the_first_array_that_can_hold_the_fault_gets_it():
    """What came before and what comes after stays as it is."""
    context = Context(inputs={}, fault=NAN)
    codes, left, right = np.arange(4), np.ones(4), np.ones(4)

    assert context.received(codes, "the codes") is codes
    assert np.isnan(context.received(left, "left")).sum() == 1
    assert context.received(right, "right") is right
    assert context.door.missing() is None


def test_a_fault_that_is_nowhere_has_its_reasons():
    """Each array with why it cannot hold it, once; or that none came by."""
    context = Context(inputs={}, fault=NAN)

    assert context.door.missing() == (
        "array-nan was never planted: the evaluator passes no array through Context.received"
    )
    for _ in range(2):
        context.received(np.arange(4, dtype=np.uint8), "the codes")
    context.received([], "the rest")
    assert context.door.missing() == "array-nan was never planted: the codes holds uint8; the rest is empty"
