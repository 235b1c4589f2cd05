"""Leaning: a verdict leans on marked numbers exactly if some finite numbers in their place change it."""

from __future__ import annotations

import itertools
import math
import struct

import pytest
from helpers import bound
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.leaning import LARGEST, leans
from pvcheck.domain.metric import MetricType

F32, F64, INT, BOOL = MetricType.F32, MetricType.F64, MetricType.INT, MetricType.BOOL
SERIES = (0.01, 0.02, 5.0, 0.03)
"""The third number is the one that nobody can trust."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("all < 10%", True, id="all: the marked one decides"),
        pytest.param("all < 2%", False, id="all: another fails already"),
        pytest.param("any > 1", True, id="any: the marked one decides"),
        pytest.param("any < 2%", False, id="any: another passes already"),
        pytest.param("max < 10%", True, id="max: the marked one is the largest"),
        pytest.param("max < 2%", False, id="max: another is too large already"),
        pytest.param("max > 2%", False, id="max: another is large enough already"),
        pytest.param("max in [0.5%, 1%]", False, id="max: no number can bring it back"),
        pytest.param("max in [0.5%, 4%]", True, id="max: inside, until the marked one grows"),
        pytest.param("max != 0.03", True, id="max: equal, unless the marked one grows"),
        pytest.param("max != 0.02", False, id="max: already another number"),
        pytest.param("max == 0.03", True, id="max: only the marked one is above"),
        pytest.param("min > 0", True, id="min: the marked one may be negative"),
        pytest.param("min > 5%", False, id="min: another is too small already"),
        pytest.param("min < 5%", False, id="min: another is small enough already"),
        pytest.param("count(< 10%) >= 3", False, id="count: three others are enough"),
        pytest.param("count(< 10%) >= 4", True, id="count: all four are needed"),
        pytest.param("count(< 10%) == 3", True, id="count: the marked one may pass too"),
        pytest.param("count(< 10%) >= 5", False, id="count: more than there are"),
        pytest.param("count(== 0.5) < 5", False, id="count: fewer than one more than there are"),
        pytest.param("[2] < 10%", True, id="item: the marked one"),
        pytest.param("[1] < 10%", False, id="item: another"),
        pytest.param("[9] < 10%", False, id="item: none"),
    ],
)
def test_a_bound_on_a_series_leans_if_the_marked_number_can_change_its_verdict(text, expected):
    """And not where the others settle it, whatever the marked number is."""
    assert leans(bound(text), SERIES, F64, {2}) is expected


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("< 18", 1.5, F64),
        ("!= 3", 1.5, F64),
        ("in [0, 1]", 0.5, F32),
        ("== 0x3fc00000", 1.5, F32),
        ("== 0x3ff8000000000000", 1.5, F64),
        ("== 0x00000000", 1.5, F32),
        (">= 27", 28, INT),
        ("== 4.5", 4, INT),
        ("is true", True, BOOL),
    ],
)
def test_a_bound_on_one_marked_number_leans(text, value, kind):
    """There is nothing else that could settle it; but a bound that no number of the type meets settles itself."""
    assert leans(bound(text), value, kind, {0}) is (text != "== 4.5")
    assert not leans(bound(text), value, kind, ())


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("all < 1e300", F32, False),
        ("all < 1e300", F64, True),
        ("all < 3.5e38", F32, False),
        ("all < 3.4e38", F32, True),
        ("count(< 1e300) >= 1", F32, False),
        ("count(< 1e300) >= 2", F32, False),
        ("count(< 1e300) >= 2", F64, True),
        ("all < 1e30", INT, False),
        ("all == 0x7fc00000", F32, False),
        ("all is true", INT, False),
    ],
)
def test_no_verdict_leans_on_numbers_that_the_type_does_not_have(text, kind, expected):
    """An f32 is never 1e300, NaN equals no pattern, and no count is true."""
    value = (1, 2) if kind is INT else (1.0, 2.0)

    assert leans(bound(text), value, kind, {1}) is expected


def test_any_number_of_the_marks_may_pass():
    """With two marks, three can pass: neither none of the two nor both."""
    assert leans(bound("count(< 10%) == 3"), SERIES, F64, {2, 3})
    assert not leans(bound("count(< 10%) == 5"), SERIES, F64, {2, 3})


@pytest.mark.parametrize("text", ["max < 5", "count(< 10%) >= 4"])
@pytest.mark.parametrize("position", [4, 9])
def test_a_mark_beside_the_series_marks_nothing(text, position):
    """There is no number that could be another one."""
    assert not leans(bound(text), SERIES, F64, {position})


def test_the_largest_numbers_are_those_of_the_formats():
    """Beyond them lies infinity, which is no measurement."""
    assert struct.pack("<f", LARGEST[F32]).hex() == "ffff7f7f"
    assert math.nextafter(LARGEST[F64], math.inf) == math.inf
    assert LARGEST[INT] == 10**18 - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all in [4.5, 5.5]", True),
        ("all in [4.2, 4.8]", False),
        ("all < 4.5", True),
        ("all != 4", True),
        ("all != 4.5", False),
    ],
)
def test_a_bound_on_counts_leans_if_a_whole_number_changes_it(text, expected):
    """What lies between two whole numbers is never counted."""
    assert leans(bound(text), (5,), INT, {0}) is expected


def test_a_series_of_100000_with_many_marks_is_decided_at_once():
    """Counting asks for the number of marks, not for their subsets."""
    series = tuple(float(each) for each in range(100_000))

    assert leans(bound("count(< 50000) >= 50000"), series, F64, range(10_000))
    assert not leans(bound("count(< 50000) >= 30000"), series, F64, range(10_000))


NUMBERS = (-1, 0, 1, 2, 3)
TESTS = st.one_of(
    st.builds(
        "{} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.sampled_from(["-1", "0.5", "1", "2"])
    ),
    st.sampled_from(["in [0, 1]", "in [1, 1]", "1 +- 1", "in [-1, 2]"]),
)
BOUNDS = st.one_of(
    st.builds("{} {}".format, st.sampled_from(["all", "any", "max", "min", "[0]", "[1]", "[5]"]), TESTS),
    st.builds("count({}) {}".format, TESTS, TESTS),
)


@given(text=BOUNDS, series=st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3).map(tuple), data=st.data())
def test_it_leans_exactly_if_an_assignment_of_numbers_changes_the_verdict(text, series, data):
    """Every assignment of whole numbers, and of their halves, against the few that are tried."""
    marked = data.draw(st.sets(st.sampled_from(range(len(series)))))
    judge = bound(text)
    grid = [each / 2 for each in range(-4, 9)]

    verdicts = {
        judge.accepts(tuple(chosen.pop(0) if at in marked else float(each) for at, each in enumerate(series)), F64)
        for numbers in itertools.product(grid, repeat=len(marked))
        for chosen in [list(numbers)]
    }

    assert leans(judge, tuple(map(float, series)), F64, marked) == (len(verdicts) > 1)


@given(
    text=BOUNDS,
    series=st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=6).map(tuple),
    data=st.data(),
)
def test_where_it_does_not_lean_no_number_changes_the_verdict(text, series, data):
    """Whatever finite numbers come to stand at the marks."""
    judge = bound(text)
    marked = data.draw(st.sets(st.sampled_from(range(len(series)))))
    others = data.draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6))

    changed = tuple(others[at] if at in marked else each for at, each in enumerate(series))

    assert leans(judge, series, F64, marked) or judge.accepts(changed, F64) == judge.accepts(series, F64)
