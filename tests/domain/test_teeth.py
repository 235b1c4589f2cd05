"""Teeth: what counts as moved and as caught, per bound and per falsifier, and that nothing seen is no score."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.domain.teeth import Cell, Challenged, Expected, Score, State, Trial, looked_at, same, total

F64, INT, BOOL = MetricType.F64, MetricType.INT, MetricType.BOOL


def test_states_stay():
    """Records that are written hold them; what a trial does not say is empty."""
    assert " ".join(State) == "not_planted unmoved moved error"
    assert Trial("a", State.UNMOVED) == ("a", State.UNMOVED, {}, "", "")


def expected(metric, text, kind=F64):
    """Return a bound on a metric."""
    return Expected(metric, bounds.parse(text), kind, text)


def moved(fault, **metrics):
    """Return a trial that moved the measurement to these numbers."""
    return Trial(fault, State.MOVED, metrics)


ABSENT = Trial("absent", State.NOT_PLANTED, reason="no minimums here")
STILL = Trial("still", State.UNMOVED)
FAILED = Trial("failed", State.ERROR, reason="raised ValueError")
GUARDED = Trial("guarded", State.MOVED, {"growth": 1.0, "steps": (1.0,)}, "finite", "finite: growth is NaN")
BOUNDS = (expected("growth", "< 2"), expected("growth", "> 0"), expected("steps", "all < 5"))
CLEAN = {"growth": 1.0, "steps": (1.0, 2.0)}


def challenged(*trials, clean=None, under=BOUNDS):
    """Return a falsifier with these trials."""
    return Challenged("F-1", clean or CLEAN, trials, under)


def cells(tooth):
    """Return the letters of the cells' words."""
    return [str(each) for each in tooth.cells]


def test_a_fault_that_a_bound_refuses_is_caught():
    """One bound is enough, and it is named as the one that refuses alone."""
    found = challenged(moved("big", growth=3.0, steps=(1.0, 2.0)))

    first, second, third = found.teeth()

    assert found.score == Score(1, 1)
    assert found.missed == ()
    assert [cells(first), cells(second), cells(third)] == [["caught"], ["missed"], ["not moved"]]
    assert (first.caught, first.missed, first.alone, first.cannot_fail) == (("big",), (), ("big",), False)
    assert (second.caught, second.missed, second.alone, second.cannot_fail) == ((), ("big",), (), True)
    assert third.cannot_fail


def test_what_two_bounds_refuse_neither_refuses_alone():
    """A bound that could be left out is told apart from one that could not."""
    found = challenged(moved("both", growth=3.0, steps=(9.0,)), moved("one", growth=3.0, steps=(1.0, 2.0)))

    first, _, third = found.teeth()

    assert (first.caught, first.alone) == (("both", "one"), ("one",))
    assert (third.caught, third.alone) == (("both",), ())


def test_a_fault_that_all_bounds_accept_is_missed():
    """Moved and green: the falsifier cannot see it."""
    found = challenged(moved("small", growth=1.5, steps=(1.0, 3.0)))

    assert found.score == Score(0, 1)
    assert found.missed == ("small",)


def test_a_falsifier_without_bounds_misses_what_moves_it_and_nothing_else():
    """Nobody looks, so every fault that shows passes."""
    found = challenged(ABSENT, STILL, FAILED, moved("big", growth=3.0), under=())

    assert found.missed == ("big",)
    assert found.teeth() == ()


def test_faults_without_effect_count_for_nothing():
    """What was not planted, or changed no bit, says nothing about bounds."""
    found = challenged(ABSENT, STILL)

    assert found.score == Score(0, 0)
    assert found.score.ratio is None
    assert cells(found.teeth()[0]) == ["not planted", "not moved"]


def test_an_error_and_a_guard_leave_no_verdict_that_could_be_green():
    """Both are caught, and no bound gets the credit."""
    found = challenged(FAILED, GUARDED)

    assert found.score == Score(2, 2)
    assert found.missed == ()
    assert [cells(each) for each in found.teeth()] == [["no verdict", "no verdict"]] * 3
    assert all(each.cannot_fail for each in found.teeth())


def test_a_metric_that_is_gone_is_refused():
    """As in a run: a bound on a metric that was not reported is not accepted."""
    found = challenged(moved("lost", growth=1.0))

    assert found.score == Score(1, 1)
    assert cells(found.teeth()[2]) == ["caught"]


def test_nan_is_refused_and_is_itself():
    """A NaN moves a number once, and no bound accepts it."""
    found = challenged(moved("nan", growth=math.nan, steps=(1.0, 2.0)))

    assert found.score == Score(1, 1)
    assert same(math.nan, math.nan, F64)
    assert cells(challenged(moved("nan", growth=math.nan), clean={"growth": math.nan}).teeth()[0]) == ["not moved"]


def test_falsifiers_are_added_by_faults():
    """One falsifier with many faults weighs more than one with few; a sum of nothing has no score."""
    assert total([Score(1, 1), Score(0, 3), Score(0, 0)]) == Score(1, 4)
    assert total([Score(1, 1), Score(0, 3)]).ratio == 0.25
    assert total([]).ratio is None


@pytest.mark.parametrize(
    ("text", "value", "part"),
    [
        ("[1] < 3", (1.0, 2.0), 2.0),
        ("[2] < 3", (1.0, 2.0), None),
        ("max < 3", (1.0, 2.0), (1.0, 2.0)),
        ("< 3", 1.0, 1.0),
        ("[0] < 3", None, None),
    ],
)
def test_an_item_is_looked_at_alone(text, value, part):
    """A bound on one item is not to blame for what happens to the others."""
    assert looked_at(bounds.parse(text), value) == part


def test_a_fault_beside_the_item_does_not_move_the_bound():
    """The series moved, the number that the bound is about did not."""
    found = challenged(moved("other", steps=(1.0, 9.0)), under=(expected("steps", "[0] < 5"),))

    assert cells(found.teeth()[0]) == ["not moved"]
    assert found.score == Score(0, 1)


@pytest.mark.parametrize(
    ("one", "other", "kind", "alike"),
    [
        (0.0, -0.0, F64, False),
        (1, 1, INT, True),
        (True, False, BOOL, False),
        ((1.0, 2.0), (1.0, 2.0), F64, True),
        ((1.0,), (1.0, 2.0), F64, False),
        ((1.0,), 1.0, F64, False),
        (None, 1.0, F64, False),
        (None, None, F64, True),
        (1.0, math.nextafter(1.0, 2.0), F64, False),
    ],
)
def test_values_are_compared_to_the_bit(one, other, kind, alike):
    """The sign of a zero and the last bit count, a missing number is only itself."""
    assert same(one, other, kind) is alike


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TRIALS = st.lists(
    st.one_of(
        st.just(ABSENT),
        st.just(STILL),
        st.just(FAILED),
        st.builds(
            lambda growth, guard: Trial("x", State.MOVED, {"growth": growth}, guard),
            NUMBERS,
            st.sampled_from(["", "finite"]),
        ),
    ),
    max_size=8,
).map(lambda found: [each._replace(fault=f"fault-{at}") for at, each in enumerate(found)])
TEXTS = st.lists(st.sampled_from(["< 2", "> 0", "in [0, 1]", "!= 1", "== 0"]), min_size=1, max_size=4)


@given(trials=TRIALS, texts=TEXTS, clean=st.floats(allow_nan=False))
def test_the_counts_agree_with_each_other(trials, texts, clean):
    """Missed and caught are all that moved; a caught trial has a bound that refuses it, or no verdict at all."""
    found = challenged(*trials, clean={"growth": clean}, under=tuple(expected("growth", text) for text in texts))

    teeth, score = found.teeth(), found.score

    assert score.moved - score.caught == len(found.missed)
    assert score.moved == sum(each.has_moved for each in trials)
    for at, trial in enumerate(trials):
        column = {tooth.cells[at] for tooth in teeth}
        assert (Cell.STOPPED in column) == trial.is_stopped
        if trial.fault in found.missed:
            assert column <= {Cell.MISSED, Cell.UNMOVED}
        if Cell.CAUGHT in column:
            assert trial.fault not in found.missed
    for tooth in teeth:
        assert set(tooth.alone) <= set(tooth.caught)
        assert not set(tooth.caught) & set(tooth.missed)


@given(trials=TRIALS, texts=TEXTS, more=st.sampled_from(["< 1", ">= 0.5"]), clean=st.floats(allow_nan=False))
def test_another_bound_never_lowers_the_score(trials, texts, more, clean):
    """What was caught stays caught."""
    under = [expected("growth", text) for text in texts]

    before = challenged(*trials, clean={"growth": clean}, under=tuple(under)).score
    after = challenged(*trials, clean={"growth": clean}, under=(*under, expected("growth", more))).score

    assert after.moved == before.moved
    assert after.caught >= before.caught
