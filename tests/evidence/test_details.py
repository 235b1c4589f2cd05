"""What the guards can still read in a record: the same as in the measurement that it was made of."""

from __future__ import annotations

import math

import pytest
from helpers import a_record, load

from pvcheck.domain.metric import MetricType
from pvcheck.evidence import record
from pvcheck.evidence.details import reported
from pvcheck.evidence.record import Metric, RecordError
from pvcheck.plugin import (
    ChainLink,
    ClaimedRatio,
    Comparison,
    Condition,
    Measurement,
    MetricSpec,
    Population,
    Ratio,
    Skip,
    wire,
)

SIDE = Population(count=6, shape=(2, 3), selection="all", non_finite=1)
FULL = Measurement(
    metrics={"growth": 1.5, "steps": (0.5, 0.25)},
    backend="cpu",
    labels=("layer 0", "layer 1"),
    comparisons=(Comparison(metrics=("growth",), left=SIDE, right=SIDE),),
    conditions=(
        Condition(metric="growth", position=None, number=math.inf, backward_error=0.0),
        Condition(metric="steps", position=1, number=2.5, backward_error=1e-9),
    ),
    links=(ChainLink(position=0, label="0 to 1", carry=0.001),),
    ratios=(Ratio(metric="growth", numerator="a", denominator="b", numerator_value=1.0, denominator_value=10.0),),
    claims=(ClaimedRatio(metric="growth", value=1.81, tolerance=0.001),),
    skipped=(Skip(what="layer 2", reason="not there"),),
)
SPECS = (
    MetricSpec("growth", MetricType.F64, "doc"),
    MetricSpec("steps", MetricType.F64, "doc", series=True),
)
PARTS = ("labels", "comparisons", "conditions", "links", "ratios", "claims", "skipped")


def kept(details):
    """Return a record with details, as it comes back from its bytes."""
    made = a_record(load(), {"growth": Metric(MetricType.F64, 1.5)}, details=details)
    return record.parse(made.data())


def plain(value):
    """Return a value with its fields as a table, whatever its type."""
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return [plain(each) for each in value]
    names = getattr(value, "_fields", None) or getattr(value, "__slots__", None)
    return {name: plain(getattr(value, name)) for name in names} if names else value


def test_a_record_tells_the_guards_what_the_measurement_told_them():
    """Every field of every part, by the same names."""
    found = reported(kept(wire.to_json(FULL, SPECS)))

    for part in PARTS:
        assert plain(getattr(found, part)) == plain(getattr(FULL, part))
    assert found.metrics == {"growth": 1.5}


def test_an_older_record_has_less():
    """What was not kept then is empty now."""
    found = reported(kept({"labels": ["layer 0"]}))

    assert found.labels == ("layer 0",)
    assert [getattr(found, part) for part in PARTS[1:]] == [()] * (len(PARTS) - 1)


NUMBER = {"decimal": "1.0", "hex": "0x1.0000000000000p+0"}


@pytest.mark.parametrize(
    ("details", "message"),
    [
        pytest.param([1], "its details lack something or have it in another form: TypeError", id="a list"),
        pytest.param({"labels": [1]}, "its details have 1 where a text must be", id="a label"),
        pytest.param(
            {"links": [{"position": True, "label": "a", "carry": NUMBER}]}, "its details have True", id="bool"
        ),
        pytest.param(
            {"links": [{"position": -1, "label": "a", "carry": NUMBER}]}, "its details have -1", id="negative"
        ),
        pytest.param(
            {"conditions": [{}]}, "its details lack something or have it in another form: KeyError", id="empty"
        ),
        pytest.param({"ratios": ["a"]}, "its details lack something or have it in another form: TypeError", id="text"),
        pytest.param({"comparisons": None}, "its details lack something", id="nothing"),
        pytest.param(
            {"links": [{"position": 0, "label": "a", "carry": {"decimal": ["1.0"], "hex": ["0x1.0000000000000p+0"]}}]},
            "its details lack something or have it in another form: TypeError",
            id="a list for a number",
        ),
        pytest.param(
            {"links": [{"position": 0, "label": "a", "carry": "1.0"}]},
            "its details lack something or have it in another form: TypeError",
            id="text for a number",
        ),
        pytest.param(
            {"links": [{"position": 0, "label": "a", "carry": {"hex": "many"}}]},
            "its details lack something or have it in another form: ValueError",
            id="no number",
        ),
        pytest.param(
            {"links": [{"position": 0, "label": "a", "carry": {"hex": "0x1p9999"}}]},
            "its details lack something or have it in another form: OverflowError",
            id="too large a number",
        ),
    ],
)
def test_details_of_another_form_are_no_record(details, message):
    """Nothing is guessed."""
    with pytest.raises(RecordError) as caught:
        reported(kept(details))

    assert str(caught.value).startswith(message)
