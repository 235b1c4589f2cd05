"""Entries of the catalogue: what an evaluator is recorded as."""

from __future__ import annotations

from pvcheck.host import OfferedEvaluator, listing
from pvcheck.plugin import Evaluator, MetricSpec, MetricType, Parameters


def test_only_a_metric_that_compares_says_so():
    """Most do not, and catalogues are read by people."""
    metrics = (
        MetricSpec("one", MetricType.F64, "a", compares=True),
        MetricSpec("two", MetricType.INT, "b", series=True),
    )
    evaluator = Evaluator(
        name="demo", version="1.0.0", doc="", parameters=Parameters, metrics=metrics, implementation="demo:measure"
    )

    entry = listing.entry(OfferedEvaluator(evaluator, "demo", "demo-dist", "1.0", "demo"))

    assert entry.pop("parameters")["type"] == "object"
    assert entry == {
        "plugin": "demo",
        "distribution": "demo-dist",
        "version": "1.0.0",
        "doc": "",
        "metrics": [
            {"name": "one", "type": "f64", "unit": "1", "series": False, "doc": "a", "compares": True},
            {"name": "two", "type": "int", "unit": "1", "series": True, "doc": "b"},
        ],
        "devices": ["cpu"],
        "faults": [],
        "takes_arrays": False,
        "runs_programs": False,
    }
