"""The recorded chain of 28 layers, computed again, and what a recorded file is refused for."""

import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
from general.fixtures import measure
from hypothesis import given
from hypothesis import strategies as st

from pvcheck import guards
from pvcheck.plugin import InputError, NotMeasured

ROOT = Path(__file__).resolve().parents[2] / "contracts" / "recorded"
CHAIN28 = (ROOT / "chain-28-layers.csv").read_bytes()
CHAIN5 = (ROOT / "chain-5-layers.csv").read_bytes()
COMMON = {"series": "s", "unit": "percent", "host": "lambda-vector", "date": "2026-05-07"}
CSV = COMMON | {"column": "percent", "labels": "layer"}


def of_csv(data=CHAIN28, reference=None, **parameters):
    """Measure a CSV file."""
    files = {"s": data} | ({"r": reference} if reference is not None else {})
    given_ = CSV | ({"reference": "r"} if reference is not None else {}) | parameters
    return measure("recorded-series", given_, files)


def of_json(value, pointer="/v", **parameters):
    """Measure a JSON value, in factors."""
    return measure(
        "recorded-series",
        COMMON | {"unit": "factor", "pointer": pointer} | parameters,
        {"s": json.dumps(value).encode()},
    )


def test_the_published_statistics_follow_from_the_printed_numbers():
    """Minimum, maximum, mean, growth, counts, jump and recovery of the 28 layers."""
    metrics = of_csv().metrics

    assert (metrics["min"], metrics["min_position"]) == (0.0003, 2)
    assert (metrics["max"], metrics["max_position"]) == (4.41978, 24)
    assert (metrics["first"], metrics["last"]) == (0.00544, 0.00985)
    assert metrics["mean"] == pytest.approx(0.16388, abs=5e-7)
    assert metrics["growth_last_over_first"] == pytest.approx(1.8107, abs=5e-5)
    assert (metrics["saturation_events"], metrics["steady_transitions"], metrics["transitions"]) == (13, 2, 27)
    assert (metrics["typical"], metrics["outliers"], metrics["positions"]) == (27, 1, 28)
    assert (metrics["largest_jump"], metrics["largest_jump_position"]) == (pytest.approx(1181.76, abs=0.01), 24)
    assert metrics["recovery_after_jump"] == pytest.approx(0.000613, abs=1e-6)
    assert metrics["non_finite"] == 0


def test_where_the_numbers_come_from_stands_in_a_note():
    """Host and day of the record are never those of the measurement."""
    assert of_csv().notes == ("recorded elsewhere: lambda-vector, 2026-05-07",)


def test_ratios_name_both_ends_as_the_record_does():
    """Growth is layer 27 over layer 0."""
    ends = {each.metric: (each.numerator, each.denominator) for each in of_csv().ratios}

    assert ends == {
        "growth_last_over_first": ("layer 27", "layer 0"),
        "largest_jump": ("layer 24", "layer 23"),
        "recovery_after_jump": ("layer 25", "layer 24"),
    }


def test_the_claimed_growth_of_five_layers_is_layer_4_over_layer_3():
    """1.8081 is reproduced by one pair, and last over first is 1.42."""
    found = of_csv(CHAIN5, claimed_ratio=1.8081)

    assert found.metrics["reproducing_pairs"] == 1
    assert (found.metrics["reproducing_numerators"], found.metrics["reproducing_denominators"]) == ((4,), (3,))
    assert found.metrics["reproduced_by_last_over_first"] is False
    assert found.metrics["growth_last_over_first"] == pytest.approx(1.42, abs=5e-3)
    assert found.notes[1] == "1.8081 is reproduced by layer 4 over layer 3: 1.80841"


def test_the_claimed_growth_of_28_layers_is_last_over_first_and_two_others():
    """A ratio among 756 is easily found twice more."""
    metrics = of_csv(claimed_ratio=1.8103).metrics

    assert metrics["reproduced_by_last_over_first"] is True
    assert metrics["reproducing_numerators"] == (4, 14, 27)
    assert metrics["reproducing_denominators"] == (3, 27, 0)


def test_the_five_layers_agree_to_a_thousandth_of_a_point():
    """The difference of two printed decimals is exact, and so is the bound on it."""
    found = of_csv(reference=CHAIN5)

    assert found.metrics["reference_max_abs_diff"] == float("0.001e-2")
    assert found.metrics["reference_positions"] == 5
    assert list(guards.examine(found)) == []


def test_a_reference_that_is_longer_is_no_population_to_compare_with():
    """The guard ends it without a verdict, and there is no difference to bound."""
    found = of_csv(CHAIN5, reference=CHAIN28)

    assert "reference_max_abs_diff" not in found.metrics
    assert [each.message for each in guards.examine(found)] == [
        "the two sides differ in count: 5 against 28",
        "the two sides differ in shape: (5,) against (28,)",
    ]


def test_a_nan_is_counted_and_reaches_the_guard():
    """Neither the extremes nor the difference hide it."""
    nan = b"layer,percent\n0,1\n1,NaN\n2,3\n"

    found = of_csv(nan, reference=b"layer,percent\n0,1\n1,1\n")

    assert found.metrics["non_finite"] == 1
    assert all(math.isnan(found.metrics[name]) for name in ("min", "max", "mean", "reference_max_abs_diff"))
    assert found.comparisons[0].left.non_finite == 1
    assert {each.guard for each in guards.examine(found)} == {"finite"}


def test_one_number_has_no_transition():
    """What needs a second number is left out, and a claimed ratio is reproduced by nothing."""
    metrics = of_json({"v": [0.5]}, claimed_ratio=1).metrics

    assert metrics.keys() & {"growth_last_over_first", "saturation_events", "largest_jump"} == set()
    assert (metrics["reproducing_pairs"], metrics["reproduced_by_last_over_first"]) == (0, False)


def test_too_many_pairs_are_counted_and_not_listed():
    """The series of positions are left out, and a note says how many are not named."""
    found = of_json({"v": [1] * 40}, claimed_ratio=1)

    assert found.metrics["reproducing_pairs"] == 40 * 39
    assert "reproducing_numerators" not in found.metrics
    assert found.notes[-1] == "and by 560 more pairs"


def test_json_labels_name_the_positions():
    """They stand in the document, in a list as long as the numbers."""
    assert of_json({"v": [1, 2.5], "n": ["a\u202e", "b"]}, labels="/n").labels == ("a\\u202e", "b")
    assert of_json([1, 2.5], "").labels == ("position 0", "position 1")
    assert of_csv(labels=None).labels[27] == "position 27"


def test_percent_is_shifted_and_not_divided():
    """A percentage has the bits of the bound that spells it."""
    assert of_csv(b"percent\n0.03\n0.07\n1e1\n", labels=None).metrics["values"] == (0.0003, 0.0007, 0.1)


NAMED = "s: there is no column 'percents', there are: layer, percent, host, date"
POINTER = {"column": None, "labels": None, "pointer": "/a"}
BAD = {
    "column": ({"column": "percents"}, CHAIN5, NAMED),
    "labels": ({"labels": "x"}, b"percent\n1\n", "s: there is no column 'x', there are: percent"),
    "empty file": ({}, b"", "s: there is no column 'percent', there are: none"),
    "header twice": ({}, b"percent,percent\n1,2\n", "s: a column stands twice in the header: percent, percent"),
    "short row": ({}, b"layer,percent\n0,1\n1\n", "s:3: a row must have 2 cells, got 1"),
    "blank line": ({}, b"layer,percent\n0,1\n\n1,2\n", "s:3: a row must have 2 cells, got 0"),
    "quote": ({}, b'layer,percent\n0,"1\n', "s:2: not CSV: unexpected end of data"),
    "no number": ({}, b"layer,percent\n0,n/a\n", "s: layer 0 must be a number of at most 40 characters, got 'n/a'"),
    "too long": ({}, b"layer,percent\n" + b"0,1\n" * 1001, "s: a series must have at most 1000 numbers, got 1001"),
    "no list": (POINTER, b'{"a": 1}', "s: the pointer '/a' must lead to a list"),
    "few labels": (
        {"column": None, "labels": "/n", "pointer": "/a"},
        b'{"a": [1, 2], "n": ["x"]}',
        "s: the pointer '/n' must lead to 2 texts",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("parameters", "data", "message"), BAD.values(), ids=BAD)
def test_a_file_that_is_not_what_the_contract_says_is_refused(parameters, data, message):
    """The message names the file, and the line or the place."""
    with pytest.raises(InputError) as caught:
        of_csv(data, **parameters)

    assert str(caught.value) == message


def test_an_empty_series_is_not_measured():
    """A header alone says nothing."""
    with pytest.raises(NotMeasured, match=r"^s: the series is empty$"):
        of_csv(b"layer,percent\n")


@given(st.lists(st.decimals(0, 1000, places=3), min_size=2, max_size=12), st.floats(0.1, 10), st.floats(0, 0.5))
def test_the_pairs_are_those_whose_ratio_is_near(numbers, claimed, tolerance):
    """Listed pairs and their number are what a double loop over exact fractions finds, but for the last bit."""
    found = of_json({"v": list(map(float, numbers))}, claimed_ratio=claimed, tolerance=tolerance).metrics
    places = range(len(numbers))
    distances = {
        (top, bottom): abs(Fraction(numbers[top]) / Fraction(numbers[bottom]) - Fraction(claimed))
        - Fraction(tolerance) * Fraction(claimed)
        for top in places
        for bottom in places
        if top != bottom and numbers[bottom] > 0
    }

    pairs = set(zip(found["reproducing_numerators"], found["reproducing_denominators"], strict=True))

    assert all((pair in pairs) is (distance <= 0) for pair, distance in distances.items() if abs(distance) > 1e-9)
    assert pairs <= distances.keys()
    assert found["reproducing_pairs"] == len(pairs)


def test_the_shipped_contract_is_discharged_by_its_evidence(checkout, pv):
    """A measurement today gives the recorded numbers, bit for bit."""
    path = checkout / "contracts" / "recorded-28-layer-chain-v1.yaml"

    assert pv("validate", path)[0] == 0
    status, out, _ = pv("run", "--check", path)

    assert status == 0
    assert "5 falsifiers: 5 held" in out
