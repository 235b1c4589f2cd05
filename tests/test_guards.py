"""Guards: what a measurement may not hide, in whole sentences."""

from __future__ import annotations

import math

import pytest

from pvcheck.guards import ILL_CONDITIONED, Guarded, examine
from pvcheck.plugin import Comparison, Condition, Measurement, Population

SIDE = Population(count=256, shape=(1, 256), selection="block 0")
NAN, INF = math.nan, math.inf


def measured(**parts) -> Measurement:
    """Return a measurement with two labels."""
    return Measurement(backend="reference", labels=("layer 0", "layer 1"), **({"metrics": {}} | parts))


def test_a_sound_measurement_passes():
    """Finite metrics, like populations and small condition numbers are not mentioned."""
    measurement = measured(
        metrics={"growth": 3.0, "errors": (0.0, -1e308), "layers": 28, "carried": True, "none": ()},
        comparisons=(Comparison(metrics=("errors",), left=SIDE, right=SIDE),),
        conditions=(Condition(metric="errors", position=0, number=ILL_CONDITIONED, backward_error=1e-7),),
    )

    assert examine(measurement) == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (NAN, "growth has 1 of 1 numbers that are not finite"),
        (-INF, "growth has 1 of 1 numbers that are not finite"),
        ((1.0, INF), "growth has 1 of 2 numbers that are not finite, first at layer 1"),
        ((NAN, 1.0, NAN), "growth has 2 of 3 numbers that are not finite, first at layer 0"),
        ((1.0, 1.0, NAN), "growth has 1 of 3 numbers that are not finite, first at position 2"),
    ],
    ids=["NaN", "infinity", "in a series", "two in a series", "without label"],
)
def test_a_number_that_is_not_finite_makes_it_invalid(value, message):
    """NaN and infinities end the evaluation without a verdict, and the first place is named."""
    assert examine(measured(metrics={"growth": value})) == (
        Guarded("PV601", "finite", "growth", message, invalid=True),
    )


@pytest.mark.parametrize(
    ("right", "message"),
    [
        (
            Population(count=128, shape=(1, 256), selection="block 0"),
            "the two sides differ in count: 256 against 128",
        ),
        (
            Population(count=256, shape=(256,), selection="block 0"),
            "the two sides differ in shape: (1, 256) against (256,)",
        ),
        (
            Population(count=256, shape=(1, 256), selection="the last\ntoken"),
            "the two sides differ in selection: block 0 against the last\\ntoken",
        ),
    ],
    ids=["count", "shape", "selection"],
)
def test_unlike_populations_make_it_invalid(right, message):
    """A comparison of all tokens with the last one says nothing about either."""
    comparison = Comparison(metrics=("a", "b"), left=SIDE, right=right)

    assert examine(measured(comparisons=(comparison,))) == (
        Guarded("PV602", "population", "a, b", message, invalid=True),
    )


def test_every_difference_of_populations_is_told():
    """Count, shape and selection are three findings."""
    other = Population(count=1, shape=(1,), selection="")
    comparison = Comparison(metrics=("a",), left=SIDE, right=other)

    assert [each.code for each in examine(measured(comparisons=(comparison,)))] == ["PV602"] * 3


@pytest.mark.parametrize(
    ("position", "number", "where"),
    [(1, math.nextafter(ILL_CONDITIONED, INF), " at layer 1"), (None, INF, ""), (7, NAN, " at position 7")],
    ids=["just over", "infinite", "NaN"],
)
def test_a_sum_that_cancels_is_marked(position, number, where):
    """A relative error with an ill-conditioned denominator is marked, its backward error beside it."""
    condition = Condition(metric="errors", position=position, number=number, backward_error=1.25e-7)
    message = f"errors{where} divides by a sum that cancels: condition number {number:.4g}, backward error 1.2e-07"

    assert examine(measured(conditions=(condition,))) == (
        Guarded("PV603", "conditioning", "errors", message, invalid=False),
    )


def test_a_record_keeps_what_a_guard_said():
    """The form in evidence has the code, the guard, the metric and the message."""
    guarded = Guarded("PV601", "finite", "growth", "message", invalid=True)

    assert guarded.json() == {"code": "PV601", "guard": "finite", "metric": "growth", "message": "message"}
