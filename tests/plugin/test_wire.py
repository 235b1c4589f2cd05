"""Measurements as JSON: what an evaluator may return, and what a worker may say."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from pvcheck.plugin import (
    ChainLink,
    ClaimedRatio,
    Comparison,
    Condition,
    Measurement,
    MetricSpec,
    MetricType,
    Population,
    Ratio,
    Skip,
    values,
    wire,
)

SPECS = (
    MetricSpec("growth", MetricType.F64, "doc"),
    MetricSpec("series", MetricType.F32, "doc", series=True),
    MetricSpec("layers", MetricType.INT, "doc"),
    MetricSpec("unused", MetricType.BOOL, "doc"),
)
SIDE = Population(count=6, shape=(2, 3), selection="all", non_finite=1)
FULL = Measurement(
    metrics={"growth": 0.1, "series": (0.5, math.inf), "layers": 2},
    backend="cpu",
    labels=("layer 0", "layer 1"),
    comparisons=(Comparison(metrics=("growth",), left=SIDE, right=SIDE),),
    conditions=(
        Condition(metric="growth", position=None, number=math.inf, backward_error=0.0),
        Condition(metric="series", position=1, number=2.5, backward_error=1e-9),
    ),
    links=(ChainLink(position=0, label="0 to 1", carry=0.001),),
    ratios=(Ratio(metric="growth", numerator="a", denominator="b", numerator_value=1.0, denominator_value=10.0),),
    claims=(ClaimedRatio(metric="growth", value=1.81, tolerance=0.001),),
    skipped=(Skip(what="layer 2", reason="not there"),),
    notes=("a note",),
    libraries={"numpy": "2.0"},
)
JSON = wire.to_json(FULL, SPECS)


def test_a_measurement_comes_back():
    """Every field, through text."""
    assert wire.from_json(json.loads(json.dumps(JSON, allow_nan=False))) == FULL


def test_a_measurement_looks_like_this():
    """The form that evidence keeps parts of."""
    assert JSON["metrics"]["growth"] == {"type": "f64", "value": {"decimal": "0.1", "hex": "0x1.999999999999ap-4"}}
    assert JSON["conditions"][0] == {
        "metric": "growth",
        "position": None,
        "number": {"decimal": "inf", "hex": "inf"},
        "backward_error": {"decimal": "0.0", "hex": "0x0.0p+0"},
    }
    assert JSON["comparisons"][0]["left"] == {"count": 6, "shape": [2, 3], "selection": "all", "non_finite": 1}


def test_every_field_has_a_form():
    """A field that is added to a value type reaches the other side, or this fails."""
    assert {"metrics", *wire._MEASUREMENT} == {field.name for field in dataclasses.fields(Measurement)}
    for kind in (Population, Comparison, Condition, ChainLink, Ratio, Skip):
        assert kind.__name__ in vars(values)
    for part in ("comparisons", "conditions", "links", "ratios", "skipped"):
        fields = {field.name for field in dataclasses.fields(getattr(FULL, part)[0])}
        assert fields == set(JSON[part][0])


def test_a_table_that_cannot_be_changed_is_a_table():
    """A plugin may freeze its tables."""
    frozen = replace(FULL, metrics=MappingProxyType(dict(FULL.metrics)), libraries=MappingProxyType({"a": "1"}))

    wire.check(frozen, SPECS)


CYCLE: list[object] = []
CYCLE.append(CYCLE)
DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


class Odd(Measurement):
    """A subclass is not the type."""


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "an evaluator must return a Measurement, got NoneType"),
        (True, "an evaluator must return a Measurement, got bool"),
        ({"growth": 1.0}, "an evaluator must return a Measurement, got dict"),
        (Measurement, "an evaluator must return a Measurement, got type"),
        (CYCLE, "an evaluator must return a Measurement, got list"),
        (DEEP, "an evaluator must return a Measurement, got list"),
    ],
    ids=["none", "true", "dict", "class", "cycle", "deep"],
)
def test_only_a_measurement_is_one(result, message):
    """Nothing is looked into that is not of the type."""
    with pytest.raises(wire.BadResult) as caught:
        wire.check(result, SPECS)

    assert str(caught.value) == f"bad result: {message}"


def test_a_subclass_is_no_measurement():
    """It could answer otherwise each time it is asked."""
    with pytest.raises(wire.BadResult, match="must return a Measurement, got"):
        wire.check(Odd(metrics={}, backend="cpu"), SPECS)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([("growth", 1.0)], "metrics must be a dict, got list"),
        ({1: 1.0}, "the name of a metric must be text, got int"),
        ({"verdict": 1.0}, 'metric "verdict" is not declared'),
        ({"\x1b[2J": 1.0}, 'metric "\\x1b[2J" is not declared'),
        ({"growth": "1.0"}, 'metric "growth" must be f64, got str'),
        ({"growth": None}, 'metric "growth" must be f64, got NoneType'),
        ({"growth": True}, 'metric "growth" must be f64, got bool'),
        ({"growth": np.float64(1)}, 'metric "growth" must be f64, got numpy.float64'),
        ({"growth": CYCLE}, 'metric "growth" must be f64, got list'),
        ({"growth": (1.0,)}, 'metric "growth" must be one f64, got a tuple'),
        ({"layers": True}, 'metric "layers" must be int, got bool'),
        ({"layers": 10**18}, 'metric "layers" must be an integer of at most 18 digits'),
        ({"series": 0.5}, 'metric "series" must be a tuple of f32, got float'),
        ({"series": [0.5]}, 'metric "series" must be a tuple of f32, got list'),
        ({"series": np.zeros(2)}, 'metric "series" must be a tuple of f32, got numpy.ndarray'),
        ({"series": (0.5, 0.1)}, 'metric "series" must be f32, got 0.1, which no f32 holds exactly'),
        ({"series": (0.5,) * 100_001}, 'metric "series" must have at most 100000 numbers, got 100001'),
    ],
    ids=lambda value: str(value)[:40].encode("unicode_escape").decode(),
)
def test_a_metric_is_of_its_declared_type(metrics, message):
    """Exactly, and every one is declared."""
    with pytest.raises(wire.BadResult) as caught:
        wire.check(Measurement(metrics=metrics, backend="cpu"), SPECS)

    assert str(caught.value) == f"bad result: {message}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backend": None}, "backend must be text, got NoneType"),
        ({"backend": np.str_("cpu")}, "backend must be text, got numpy.str_"),
        ({"backend": "x" * 4097}, "backend must have at most 4096 characters, got 4097"),
        ({"backend": "\udc80"}, "backend must be text, got half a surrogate pair"),
        ({"labels": ["a"]}, "labels must be a tuple, got list"),
        ({"labels": ("a", 1)}, "labels[1] must be text, got int"),
        ({"labels": ("a",)}, "there are 1 labels, but no series has as many numbers"),
        ({"labels": ("a",) * 100_001}, "labels must have at most 100000 items, got 100001"),
        ({"notes": ("a",) * 10_001}, "notes must have at most 10000 items, got 10001"),
        ({"notes": ("a" * 4096,) * 300}, "it takes 12314"),
        ({"comparisons": (SIDE,)}, "comparisons[0] must be a Comparison, got pvcheck.plugin.values.Population"),
        (
            {"comparisons": (Comparison(metrics=("other",), left=SIDE, right=SIDE),)},
            'a comparison speaks of metric "other", which is not in the measurement',
        ),
        (
            {"comparisons": (Comparison(metrics=(), left=replace(SIDE, count=-1), right=SIDE),)},
            "comparisons[0].left.count must be 0 or more and at most 18 digits",
        ),
        (
            {"comparisons": (Comparison(metrics=(), left=SIDE, right=replace(SIDE, count=6.0)),)},
            "comparisons[0].right.count must be int, got float",
        ),
        (
            {"comparisons": (Comparison(metrics=(), left=replace(SIDE, shape=(True,)), right=SIDE),)},
            "comparisons[0].left.shape[0] must be int, got bool",
        ),
        (
            {"conditions": (replace(FULL.conditions[0], metric="unused"),)},
            'a condition speaks of metric "unused", which is not in the measurement',
        ),
        (
            {"conditions": (replace(FULL.conditions[0], position=0),)},
            'a condition of metric "growth" must have a position if it is a series only',
        ),
        (
            {"conditions": (replace(FULL.conditions[1], position=None),)},
            'a condition of metric "series" must have a position if it is a series only',
        ),
        (
            {"conditions": (replace(FULL.conditions[1], position=2),)},
            'a condition has position 2 in metric "series" of 2',
        ),
        ({"conditions": (replace(FULL.conditions[0], number=1),)}, "conditions[0].number must be f64, got int"),
        (
            {"ratios": (replace(FULL.ratios[0], metric="other"),)},
            'a ratio speaks of metric "other", which is not in the measurement',
        ),
        (
            {"claims": (replace(FULL.claims[0], metric="other"),)},
            'a claimed ratio speaks of metric "other", which is not in the measurement',
        ),
        ({"claims": (replace(FULL.claims[0], value=2),)}, "claims[0].value must be f64, got int"),
        ({"libraries": [("a", "1")]}, "libraries must be a dict, got list"),
        ({"libraries": {"a": 1}}, "libraries must be text, got int"),
        ({"libraries": {1: "a"}}, "a key of libraries must be text, got int"),
        (
            {"libraries": {str(each): "" for each in range(10_001)}},
            "libraries must have at most 10000 items, got 10001",
        ),
    ],
    ids=lambda value: str(value)[:40].encode("unicode_escape").decode(),
)
def test_the_rest_is_checked_too(change, message):
    """The message names the place."""
    with pytest.raises(wire.BadResult) as caught:
        wire.check(replace(FULL, **change), SPECS)

    assert str(caught.value).startswith(f"bad result: {message}")


def changed(path, value):
    """Return the good JSON with one value at a path replaced."""
    result = copy.deepcopy(JSON)
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return result


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["verdict"], "held", 'a measurement must have exactly its own keys, not so: "verdict"'),
        (["metrics"], [], "metrics must be an object, got list"),
        (["metrics", "growth"], 1.0, 'metric "growth" must be an object, got float'),
        (["metrics", "growth", "type"], "f16", "metric \"growth\": 'f16' is not a valid MetricType"),
        (["metrics", "growth", "type"], {}, 'metric "growth": {} is not a valid MetricType'),
        (["metrics", "growth", "type"], "int", 'metric "growth": must be int, got dict'),
        (["metrics", "growth", "value"], 1.0, 'metric "growth": f64 must be an object with decimal and hex, got float'),
        (["backend"], None, "backend must be text, got NoneType"),
        (["labels"], "ab", "labels must be a list, got str"),
        (["comparisons", 0, "left"], None, "comparisons[0].left must be an object, got NoneType"),
        (["comparisons", 0, "left", "count"], "6", "comparisons[0].left.count must be int, got str"),
        (
            ["conditions", 0, "number"],
            1.0,
            "conditions[0].number: f64 must be an object with decimal and hex, got float",
        ),
        (
            ["conditions", 0, "number"],
            {"decimal": [], "hex": []},
            "conditions[0].number must be one f64, got tuple",
        ),
        (["libraries"], [], "libraries must be a dict, got list"),
    ],
    ids=str,
)
def test_only_the_one_form_is_read(path, value, message):
    """Unknown keys and other types are refused with their place."""
    with pytest.raises(wire.BadResult) as caught:
        wire.from_json(changed(path, value))

    assert str(caught.value) == f"bad result: {message}"


def test_a_missing_key_is_refused():
    """Nothing is filled in."""
    with pytest.raises(wire.BadResult, match='a measurement must have exactly its own keys, not so: "notes"'):
        wire.from_json({key: value for key, value in JSON.items() if key != "notes"})


def test_something_else_is_no_measurement():
    """Also where it is JSON."""
    with pytest.raises(wire.BadResult, match="a measurement must be an object, got list"):
        wire.from_json([])


def test_a_list_that_is_too_long_is_refused_before_its_items_are_read():
    """A plugin may tell a million of them, and each costs."""
    with pytest.raises(wire.BadResult, match="notes must have at most 10000 items, got 10001"):
        wire.from_json(changed(["notes"], [None] * 10_001))
