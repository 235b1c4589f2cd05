"""The statistics, against the recorded run and at the edges where they lose their meaning."""

import math

import pytest

from pvcheck_q4k.statistics import summarise

RECORDED = [
    0.544, 0.780, 0.030, 0.428, 0.775, 0.181, 0.245, 0.172, 0.160, 0.980, 0.032, 0.080, 0.733, 0.950,
    1.782, 0.709, 3.527, 0.647, 0.201, 0.410, 0.279, 0.036, 0.381, 0.374, 441.978, 0.271, 1.195, 0.985,
]  # fmt: skip
"""The printed percentages of the real teacher's 28 layers."""


def test_the_recorded_series_has_the_published_statistics():
    """Every number that was published for the real teacher follows from its printed series."""
    summary = summarise([percent / 100 for percent in RECORDED], range(28))
    metrics = summary.metrics

    assert metrics["rel_diff_min"] == pytest.approx(0.00030)
    assert metrics["rel_diff_max"] == pytest.approx(4.41978)
    assert (metrics["min_layer"], metrics["max_layer"]) == (2, 24)
    assert metrics["rel_diff_mean"] == pytest.approx(0.16388, abs=5e-6)
    assert metrics["growth_last_over_first"] == pytest.approx(1.8107, abs=5e-5)
    assert (metrics["saturation_events"], metrics["steady_transitions"], metrics["transitions"]) == (13, 2, 27)
    assert (metrics["typical_layers"], metrics["outlier_layers"], metrics["layers_measured"]) == (27, 1, 28)
    assert metrics["largest_jump"] == pytest.approx(1181.76, abs=0.01)
    assert metrics["largest_jump_layer"] == 24
    assert metrics["recovery_after_jump"] == pytest.approx(0.000613, abs=1e-6)
    assert (metrics["rel_diff_first"], metrics["rel_diff_last"]) == (0.544 / 100, 0.985 / 100)


def test_a_ratio_names_both_ends():
    """The growth of the recorded run is layer 27 over layer 0, and says so."""
    growth, jump, recovery = summarise(RECORDED, range(28)).ratios

    assert (growth.metric, growth.numerator, growth.denominator) == (
        "growth_last_over_first",
        "rel_diff of layer 27",
        "rel_diff of layer 0",
    )
    assert (growth.numerator_value, growth.denominator_value) == (0.985, 0.544)
    assert (jump.numerator, jump.denominator) == ("rel_diff of layer 24", "rel_diff of layer 23")
    assert (recovery.numerator, recovery.denominator) == ("rel_diff of layer 25", "rel_diff of layer 24")


def test_a_statistic_leans_on_its_layers():
    """What a guard must know: the positions that each statistic is made of."""
    leans = summarise([0.1, 0.4, 0.2], [3, 5, 8]).leans_on

    assert leans == {
        "rel_diff_first": (0,),
        "rel_diff_last": (2,),
        "rel_diff_mean": (0, 1, 2),
        "rel_diff_min": (0,),
        "rel_diff_max": (1,),
        "growth_last_over_first": (2, 0),
        "largest_jump": (1, 0),
        "recovery_after_jump": (2, 1),
    }


def test_one_layer_has_no_growth_and_no_transitions():
    """What needs two layers is left out, so that no bound on it can hold by accident."""
    metrics = summarise([0.2], [7]).metrics

    assert metrics == {
        "rel_diff_first": 0.2,
        "rel_diff_last": 0.2,
        "rel_diff_min": 0.2,
        "rel_diff_max": 0.2,
        "rel_diff_mean": 0.2,
        "min_layer": 7,
        "max_layer": 7,
        "typical_layers": 0,
        "outlier_layers": 1,
        "layers_measured": 1,
        "transitions": 0,
    }


def test_two_layers_have_growth_and_no_recovery():
    """A jump to the last layer has nothing after it."""
    metrics = summarise([0.1, 0.105], [0, 1]).metrics

    assert metrics["growth_last_over_first"] == metrics["largest_jump"] == 0.105 / 0.1
    assert (metrics["saturation_events"], metrics["steady_transitions"]) == (0, 1)
    assert "recovery_after_jump" not in metrics


@pytest.mark.parametrize(
    ("series", "growth"),
    [([0.0, 1e-12, 0.2, 0.1], 0.1 / 0.2), ([0.0, 0.0, 0.3], None), ([0.0, 0.0], None), ([0.1, 0.0], 0.0)],
    ids=["starts-late", "only-the-last", "all-zero", "falls-to-zero"],
)
def test_growth_starts_at_the_first_layer_that_is_not_nothing(series, growth):
    """Layers of at most 1e-12 are no base for growth, and the last is none for itself."""
    assert summarise(series, range(len(series))).metrics.get("growth_last_over_first") == growth


def test_a_series_of_zeros_has_no_ratio():
    """Nothing is divided by zero; equal zeros count as steady."""
    summary = summarise([0.0, 0.0, 0.0], range(3))

    assert summary.ratios == ()
    assert (summary.metrics["saturation_events"], summary.metrics["steady_transitions"]) == (0, 2)


def test_nan_is_passed_on_wherever_it_stands():
    """A NaN in any place makes minimum, maximum and mean NaN and counts as an outlier."""
    for at in range(3):
        series = [0.1, 0.2, 0.3]
        series[at] = math.nan
        metrics = summarise(series, range(3)).metrics

        assert all(math.isnan(metrics[f"rel_diff_{name}"]) for name in ("min", "max", "mean"))
        assert "min_layer" not in metrics
        assert metrics["outlier_layers"] == 3 - metrics["typical_layers"] == 3 if at == 0 else True
