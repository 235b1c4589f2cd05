"""Bounds as sets of values: what is weaker, tighter and the same, held to the values that show it."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import intervals
from pvcheck.domain.bounds import parse, relation, weaker
from pvcheck.domain.metric import MetricType

F32, F64, INT, BOOL = MetricType.F32, MetricType.F64, MetricType.INT, MetricType.BOOL
INF, NAN = math.inf, math.nan
SIGNS = ("<", "<=", ">", ">=", "==", "!=")

LIMITS = ("-1", "0", "1", "2", "2.5", "9007199254740992", "9007199254740994")
ENDS = [float(each) for each in LIMITS]
BESIDE = [math.nextafter(end, way) for end in ENDS for way in (INF, -INF)]
VALUES = {
    F64: [*ENDS, *BESIDE, INF, -INF, NAN, -0.0],
    F32: [*ENDS, INF, -INF, NAN, -0.0],
    INT: [-2, -1, 0, 1, 2, 3, 2**53 - 1, 2**53, 2**53 + 1, 2**53 + 3],
    BOOL: [True, False],
}
"""Of each type the ends of the bounds that are drawn, what lies next to them, and what lies far away."""

numeric = st.one_of(
    st.builds("{} {}".format, st.sampled_from(SIGNS), st.sampled_from(LIMITS)),
    st.sampled_from(list(itertools.combinations(LIMITS, 2))).map(lambda ends: f"in [{ends[0]}, {ends[1]}]"),
)
exact = st.sampled_from(
    ["== 0x3f800000", "== 0x3ff0000000000000", "== 0x00000000", "== 0x80000000", "== 0x7fc00000", "is true", "is false"]
)
passed = st.one_of(numeric, numeric, exact)
how_many = st.builds("{} {}".format, st.sampled_from(SIGNS), st.sampled_from(["0", "1", "2", "1.5"]))
over_series = st.one_of(
    st.builds("{} {}".format, st.sampled_from(["all", "any", "max", "min", "[0]", "[1]", "[2]"]), passed),
    st.builds("count({}) {}".format, passed, how_many),
)
measured = st.sampled_from(list(VALUES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.sampled_from(VALUES[kind]), min_size=1, max_size=4).map(tuple))
)


def bounds_of(form, size=0):
    """Return lists of bounds of a form."""
    return st.lists(form.map(parse), min_size=size, max_size=3)


def accepted(bounds, value, kind):
    """Say whether a list of bounds accepts a value: each of them must."""
    return all(bound.accepts(value, kind) for bound in bounds)


@given(bounds_of(over_series), bounds_of(over_series), st.lists(measured, min_size=10, max_size=20))
def test_a_weakened_bound_is_never_called_anything_else(before, after, values):
    """A value that the new bounds accept and the old ones refuse makes them weaker, whatever else holds."""
    told = weaker(before, after)

    for kind, value in values:
        assert told or accepted(before, value, kind) or not accepted(after, value, kind)


@given(bounds_of(over_series), bounds_of(over_series), st.lists(measured, min_size=10, max_size=20))
def test_bounds_that_are_called_tighter_or_the_same_accept_no_more(before, after, values):
    """Tighter bounds accept a part of what they did, and bounds that are the same accept the same."""
    told = relation(before, after)

    for kind, value in values:
        old, new = accepted(before, value, kind), accepted(after, value, kind)
        assert told == "weaker" or old or not new
        assert told != "same" or old is new


@given(bounds_of(numeric), bounds_of(numeric, size=1))
def test_bounds_on_one_number_are_weaker_exactly_when_a_number_shows_it(before, after):
    """The ends, their neighbours among floats and integers, and the infinities are witnesses enough."""
    shown = [
        value
        for kind, values in VALUES.items()
        for value in values
        if accepted(after, value, kind) and not accepted(before, value, kind)
    ]

    assert weaker(before, after) is bool(shown)


@given(bounds_of(over_series), bounds_of(over_series))
def test_more_bounds_are_never_weaker(before, more):
    """To add bounds, to write them in another order or to say one twice accepts nothing new."""
    assert not weaker(before, [*before, *more])
    assert relation([*before, *more], [*more, *before, *before]) == "same"


PLAIN = ("< 1", "<= 2", "> 0", ">= 1", "== 1", "!= 1", "in [0, 2]")
PAIRS = [f"{over} {plain}" for over in ("all", "any", "max", "min", "[0]", "[1]") for plain in PLAIN] + [
    f"count({plain}) {count}" for plain in PLAIN[:4] for count in (">= 1", ">= 2", "== 0", "<= 1")
]


def test_single_bounds_on_a_series_are_compared_exactly():
    """Of every pair of bounds, the answer is the one that all short series give."""
    numbers = [-1.0, 0.0, 0.5, 1.0, 2.0, 2.5, NAN]
    series = [each for size in (1, 2, 3, 4) for each in itertools.product(numbers, repeat=size)]
    sets = {text: {each for each in series if parse(text).accepts(each, F64)} for text in PAIRS}

    wrong = [
        (before, after)
        for before, after in itertools.product(PAIRS, PAIRS)
        if weaker([parse(before)], [parse(after)]) is (sets[after] <= sets[before])
    ]

    assert wrong == []


RELATIONS = {
    "nothing and nothing": ([], [], "same"),
    "bounded at last": ([], ["< 3"], "tighter"),
    "bounded no more": (["< 3"], [], "weaker"),
    "one of two dropped": (["> 0", "< 3"], ["< 3"], "weaker"),
    "two that are one": (["> 0", "< 3", "< 9"], ["< 3", "> 0"], "same"),
    "two ends that are an interval": ([">= 0", "<= 3"], ["in [0, 3]"], "same"),
    "one number": ([">= 3", "<= 3"], ["== 3"], "same"),
    "other numbers": (["in [0, 1]"], ["in [2, 3]"], "weaker"),
    "what nothing satisfies": (["< 3"], ["< 1", "> 2"], "tighter"),
    "what nothing satisfies, of a series": (["[1] < 3"], ["all > 5", "any < 1"], "tighter"),
    "all and max": (["all < 3"], ["max < 3"], "same"),
    "all and min": (["all > 3"], ["min > 3"], "same"),
    "all between max and min": (["all in [0, 3]"], ["max <= 3", "min >= 0"], "same"),
    "max and min inside all": (["max < 5", "min > 0"], ["all in [1, 4]"], "tighter"),
    "any from an item": (["any < 3"], ["[1] < 3"], "tighter"),
    "any from all": (["any < 3"], ["all < 2"], "tighter"),
    "any from a count": (["any < 3"], ["count(< 3) >= 1"], "same"),
    "a count from any": (["count(< 3) >= 1"], ["any < 2"], "tighter"),
    "any and any": (["any in [1, 3]"], ["any >= 1", "any <= 3"], "weaker"),
    "the first of all": (["[0] < 3"], ["all < 3"], "tighter"),
    "the second of all may be missing": (["[1] < 3"], ["all < 3"], "weaker"),
    "the second of all is there": (["[1] < 3"], ["all < 3", "[2] < 1"], "tighter"),
    "the third beside a second may be missing": (["[2] < 3"], ["all < 3", "[1] < 1"], "weaker"),
    "the first beside a NaN": (["[0] < 3"], ["[1] < 3"], "weaker"),
    "two bounds on an item": (["[1] in [0, 3]"], ["[1] >= 0", "[1] <= 3"], "same"),
    "one item of two": (["[0] < 4"], ["[0] < 5", "[1] > 9"], "weaker"),
    "bits are a number": (["== 1"], ["== 0x3f800000"], "tighter"),
    "a number is no bits": (["== 0x3f800000"], ["== 1"], "weaker"),
    "bits of all are bits of each": (["[0] == 0x3f800000", "any == 0x3f800000"], ["all == 0x3f800000"], "tighter"),
    "bits of a NaN accept nothing": (["< 3"], ["== 0x7fc00000"], "tighter"),
    "one zero of two": (["== 0"], ["== 0x80000000"], "tighter"),
    "true is one": (["== 1"], ["is true"], "tighter"),
    "a count of fewer": (["count(< 3) <= 2"], ["count(< 9) <= 2"], "tighter"),
    "a count of more": (["count(< 9) >= 2"], ["count(< 3) >= 2"], "tighter"),
    "counts are whole": (["count(< 3) >= 2"], ["count(< 3) > 1.5"], "same"),
    "counts have no hole between": (["count(< 3) >= 0"], ["count(< 3) != 1.5"], "same"),
    "a count that nothing can reach": (["any < 3"], ["count(< 3) == 0.5"], "tighter"),
    "none of all": (["count(< 3) == 0"], ["all >= 3"], "tighter"),
    "all but the lowest float": (["!= -1.7976931348623157e308"], ["> -1.7976931348623157e308"], "tighter"),
    "integers lie between floats": (["<= 9007199254740992"], ["< 9007199254740994"], "weaker"),
}


@pytest.mark.parametrize(("before", "after", "told"), RELATIONS.values(), ids=RELATIONS)
def test_lists_of_bounds_are_related_as_sets(before, after, told):
    """Same, tighter, or weaker, whatever forms they are written in."""
    assert relation(map(parse, before), map(parse, after)) == told


@pytest.mark.parametrize(
    ("number", "above", "below"),
    [
        pytest.param(1.0, math.nextafter(1.0, 2.0), math.nextafter(1.0, 0.0), id="float"),
        pytest.param(2.0**53, 2**53 + 1, 2**53 - 1, id="where floats have gaps"),
        pytest.param(2**53 + 1, 2.0**53 + 2, 2.0**53, id="an integer that is no float"),
        pytest.param(1e18, math.nextafter(1e18, INF), 10**18 - 1, id="past the largest integer"),
        pytest.param(math.nextafter(INF, 0), INF, math.nextafter(math.nextafter(INF, 0), 0), id="the largest float"),
        pytest.param(-INF, -math.nextafter(INF, 0), -INF, id="infinity"),
    ],
)
def test_every_number_has_its_neighbours(number, above, below):
    """The next float or integer, whichever is nearer."""
    assert intervals.after(number) == above
    assert intervals.before(number) == below
