"""Baselines: what a bound claims, and which pairs of a series give it."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from helpers import bound
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import baselines
from pvcheck.domain.baselines import Claim, Pair

RECORDED = (0.00544, 0.0078, 0.00029, 0.00428, 0.00774)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.8103 +- 0.1%", "1.8103 (within 0.1 %)"),
        ("== 1.8081", "1.8081 (within 0.0028 %)"),
        ("== 2", "2 (within 0.1 %)"),
        ("== 1e-7", "1e-07 (within 0.1 %)"),
        ("== 1.2345e-7", "1.2345e-07 (within 0.0041 %)"),
        ("== 1234500", "1.2345e+06 (within 4.1e-06 %)"),
        ("in [1.8, 1.82]", "1.81 (within 0.55 %)"),
        ("in [-1.01, -0.99]", "-1 (within 1 %)"),
    ],
)
def test_a_number_and_a_narrow_interval_claim_a_ratio(text, shown):
    """A number without a tolerance is as good as its digits, and never better than known."""
    assert str(baselines.of_bound(bound(text).test)) == shown


@pytest.mark.parametrize(
    "text", ["< 18", ">= 1.8", "!= 1.8", "in [0.988, 1.012]", "== 0", "in [-1, 1]", "== 0x3f800000", "is true"]
)
def test_a_limit_claims_no_ratio(text):
    """A wide interval, an end, a bit pattern and zero name no ratio that ends could be looked for."""
    assert baselines.of_bound(bound(text).test) is None


def test_the_recorded_growth_is_one_pair_of_twenty():
    """1.8081 is layer 4 over layer 3, and nothing else."""
    found = baselines.pairs(RECORDED, Claim(1.8081, 1.8081 * 0.999, 1.8081 * 1.001))

    assert found.pairs == (Pair(4, 3, 0.00774 / 0.00428),)
    assert found.total == 20
    # Seven of the twenty ratios lie between half and twice of it: 0.99, 1.008, 1.27, 1.42, 1.43, 1.808 and 1.82.
    assert found.by_chance == pytest.approx(7 * math.log(1.001 / 0.999) / math.log(4))


def test_what_cannot_be_divided_is_no_pair():
    """Zero is no divisor, and NaN and infinity are no ends."""
    series = (0.0, 2.0, math.nan, 1.0, math.inf)

    found = baselines.pairs(series, Claim(2.0, 2.0, 2.0))

    assert found == ((Pair(1, 3, 2.0),), 2 * 2, 0.0)


@given(
    series=st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.001, 2.0, -1.0, -2.0, 1e300, 1e-300]), max_size=7).map(tuple),
    number=st.sampled_from([1.0, 2.0, -2.0, 0.5, 1e300]),
    reach=st.sampled_from([0.0, 0.001, 0.01]),
)
def test_the_pairs_are_those_of_looking_at_every_pair(series, number, reach):
    """Sorting changes how long it takes, and nothing else."""
    claim = Claim(number, number - abs(number) * reach, number + abs(number) * reach)

    found = baselines.pairs(series, claim)

    every = [(i, j) for i, j in permutations(range(len(series)), 2) if series[j] != 0]
    assert found.pairs == tuple(
        Pair(i, j, series[i] / series[j]) for i, j in every if claim.fits(series[i] / series[j])
    )
    assert found.total == len(every)


@given(
    series=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, -1.0, math.nan]), max_size=7),
    number=st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]),
)
def test_chance_is_what_lies_from_half_to_twice_of_the_claim(series, number):
    """No number is counted over itself, wherever the claim lies."""
    claim = Claim(number, number * 0.99, number * 1.01)

    found = baselines.pairs(series, claim)

    ratios = [top / bottom for top, bottom in permutations(series, 2) if bottom != 0]
    near = sum(number / 2 <= each <= number * 2 for each in ratios)
    assert found.by_chance == pytest.approx(near * math.log(1.01 / 0.99) / math.log(4))


@pytest.mark.parametrize(("top", "bottom"), [(29.0, 7.0), (26.0, 23.0)])
def test_the_far_end_of_a_wide_claim_rounds_too(top, bottom):
    """An end that is the ratio to the bit holds it, whatever the other end is."""
    ratio = top / bottom

    for claim in (Claim(ratio, 0.0, ratio), Claim(ratio, ratio, ratio * 2)):
        assert Pair(0, 1, ratio) in baselines.pairs((top, bottom), claim).pairs


def test_a_ratio_that_rounds_is_found_all_the_same():
    """29 / 7 is the claim to the bit, although 7 times it is not 29."""
    exact = 29 / 7
    assert exact * 7 != 29

    assert baselines.pairs((29.0, 7.0), Claim(exact, exact, exact)).pairs == (Pair(0, 1, exact),)


def test_nan_fits_no_claim():
    """Also not an endless one."""
    assert not Claim(1.0, -math.inf, math.inf).fits(math.nan)


def test_a_claim_that_holds_zero_is_met_by_chance():
    """Every ratio around it counts."""
    assert baselines.pairs((1.0, 2.0), Claim(2.0, -1.0, 5.0)).by_chance == 1.0
