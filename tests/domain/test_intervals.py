"""Sets of numbers as intervals: which whole numbers they hold."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import intervals

ends = st.integers(-12, 24).map(lambda number: number / 4)


@given(st.lists(st.tuples(ends, ends), max_size=4))
def test_counts_are_the_whole_numbers_in_a_set(parts):
    """Each of them, and no other; neighbours stand in one interval."""
    numbers = intervals.joined(sorted(parts), intervals.after)

    found = intervals.counts(numbers)

    wanted = {number for number in range(10) if any(low <= number <= high for low, high in numbers)}
    assert {number for low, high in found for number in range(int(low), int(high) + 1)} == wanted
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(found))


def test_an_empty_interval_among_others_is_left_out():
    """What follows it stays."""
    assert intervals.joined([(0, 1), (5, 4), (7, 8)], intervals.after) == ((0, 1), (7, 8))


@given(st.lists(st.tuples(ends, ends), max_size=4), st.lists(st.tuples(ends, ends), max_size=4))
def test_what_two_sets_have_in_common_stands_in_rising_order(one, other):
    """As the sets themselves do, and it holds the numbers that are in both."""
    first, second = (intervals.joined(sorted(each), intervals.after) for each in (one, other))

    found = intervals.common(first, second)

    assert list(found) == sorted(found)
    for number in (quarter / 4 for quarter in range(-12, 25)):
        held = [any(low <= number <= high for low, high in each) for each in (first, second, found)]
        assert held[2] is (held[0] and held[1])


@pytest.mark.parametrize(
    ("numbers", "counted"),
    [
        (((0.5, 1.5), (2.5, 3.0)), ((1, 1), (3, 3))),
        (((0.5, 1.5), (1.75, 3.0)), ((1, 3),)),
        (((-math.inf, 0.5), (6.0, math.inf)), ((0, 0), (6, math.inf))),
    ],
)
def test_whole_numbers_that_follow_each_other_are_one_interval(numbers, counted):
    """What lies between two of them is no count."""
    assert intervals.counts(numbers) == counted
