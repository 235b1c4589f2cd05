"""Metrics: what their light description says without being asked."""

from __future__ import annotations

from pvcheck.domain.metric import MetricSpec, MetricType


def test_a_metric_is_one_ratio_unless_it_says_more():
    """Its types are written in records, under these names."""
    assert MetricSpec("growth", MetricType.F64, "last over first")[3:] == ("1", False, False, False)
    assert [str(each) for each in MetricType] == ["f32", "f64", "int", "bool"]
