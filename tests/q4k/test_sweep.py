"""The sweep over block scales: falsifier 010."""

import math

import pytest
from q4k.test_generators import ACT, BASE, made
from q4k.test_paths import bits

from pvcheck.plugin import Context, NotMeasured
from pvcheck_q4k import fixture_parameters as parameters
from pvcheck_q4k import paths

BACKENDS = pytest.mark.parametrize("device", ["reference", "cpu"])
SCALES = ["1014", "1F21", "3329", "662E", "0038", "003C", "0049"]


def measure(change=None, scales=SCALES, **context):
    """Measure the sweep of 010, its block changed."""
    values = {"block": BASE | {"dmin": "0000"} | (change or {}), "scales_d": scales, "activation": ACT}
    return paths.measure_sweep(made(parameters.SweepParameters, values), Context(inputs={}, **context))


@BACKENDS
def test_the_differences_are_the_published_ones(device):
    """0.0919 to 0.0920 %, and the largest is 1.00 times the smallest."""
    measurement = measure(device=device)
    metrics = measurement.metrics

    assert {f"{value:.4%}" for value in metrics["rel_diff"]} == {"0.0919%", "0.0920%"}
    assert (f"{metrics['rel_diff_min']:.4%}", f"{metrics['rel_diff_max']:.4%}") == ("0.0919%", "0.0920%")
    assert f"{metrics['largest_over_smallest']:.2f}" == "1.00"
    assert (metrics["elements"], metrics["non_finite"]) == (7 * 256, 0)
    assert bits(metrics["a"][5]) == "c672bed0"
    assert measurement.backend == device


def test_the_ratio_names_both_ends():
    """The largest and the smallest, by the scale they were found at, with their numbers."""
    measurement = measure()
    (ratio,) = measurement.ratios

    assert (ratio.numerator, ratio.denominator) == ("rel_diff at d = 0.0999756", "rel_diff at d = 0.0100021")
    assert ratio.numerator_value / ratio.denominator_value == measurement.metrics["largest_over_smallest"]
    assert measurement.labels == (
        "d = 0.000991821", "d = 0.0100021", "d = 0.0406189", "d = 0.0999756", "d = 0.5", "d = 1", "d = 10",
    )  # fmt: skip


def test_every_scale_has_its_condition():
    """One a position, and the worst for what is drawn from all of them."""
    measurement = measure({"dmin": "00B4"})
    found = {(each.metric, each.position): each.number for each in measurement.conditions}

    assert [found["rel_diff", position] for position in range(7)] == list(measurement.metrics["condition"])
    assert found["largest_over_smallest", None] == max(measurement.metrics["condition"])


def test_with_minimums_the_ratio_can_fail():
    """With dmin = -0.25 the paths are not linear in d, and the ratio is far from 1: 010 as recorded has no teeth."""
    assert measure({"dmin": "00B4"}).metrics["largest_over_smallest"] > 1.5


@pytest.mark.parametrize(("fault", "least"), [("lane-mix-up", 0.0169), ("swapped-nibbles", 0.0926)])
def test_a_planted_fault_moves_the_differences_and_not_the_ratio(fault, least):
    """What the bound on the ratio alone cannot see."""
    metrics = measure(fault=fault).metrics

    assert metrics["rel_diff_min"] > least
    assert f"{metrics['largest_over_smallest']:.2f}" == "1.00"


def test_a_scale_that_is_not_finite_makes_the_extremes_so():
    """NaN is passed on, and there is no ratio."""
    measurement = measure(scales=["003C", "007E"])

    assert math.isnan(measurement.metrics["rel_diff_min"])
    assert "largest_over_smallest" not in measurement.metrics
    assert measurement.metrics["non_finite"] == 514
    assert math.isnan(next(c.number for c in measurement.conditions if c.metric == "rel_diff_max"))


def test_a_ratio_to_nothing_is_left_out():
    """A scale of 0 with no minimums has no difference."""
    metrics = measure(scales=["0000", "003C"]).metrics

    assert metrics["rel_diff_min"] == 0
    assert "largest_over_smallest" not in metrics


def test_progress_counts_the_scales():
    """Progress is told after each."""
    told = []

    measure(progress=lambda done, total: told.append((done, total)))

    assert told == [(n, 7) for n in range(1, 8)]


def test_another_device_is_a_reason():
    """There are no kernels for it."""
    with pytest.raises(NotMeasured, match="q4k-scale-sweep has no kernels for the device 'tpu'"):
        measure(device="tpu")
