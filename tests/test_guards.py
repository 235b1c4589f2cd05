"""Guards: what a measurement may not hide, in whole sentences."""

from __future__ import annotations

import math
from random import Random

import pytest
from helpers import bound

from pvcheck.domain import baselines
from pvcheck.domain.contract import Expectation, Falsifier
from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.evidence import record
from pvcheck.evidence.record import Metric
from pvcheck.guards import CARRIED, ILL_CONDITIONED, Guarded, examine, judge
from pvcheck.plugin import (
    ChainLink,
    ClaimedRatio,
    Comparison,
    Condition,
    Measurement,
    Population,
    Ratio,
    Skip,
)

SIDE = Population(count=256, shape=(1, 256), selection="block 0")
NAN, INF = math.nan, math.inf
WHY = {"conditioning": "the sum is known to cancel"}


def measured(**parts) -> Measurement:
    """Return a measurement with two labels and one sound number."""
    return Measurement(
        backend="reference", labels=("layer 0", "layer 1"), **({"metrics": {"errors": (0.1, 0.2)}} | parts)
    )


def falsifier(accept=None, **bounds) -> Falsifier:
    """Return a falsifier that expects something of metrics."""
    expected = tuple(
        Expectation(name, bound(text), ("falsification_tests", 0, "expect", name)) for name, text in bounds.items()
    )
    return Falsifier("F-1", ("falsification_tests", 0), {}, "probe", expected, accept=accept or {})


def judged(measurement, accept=None, limit=ILL_CONDITIONED, **bounds):
    """Judge a measurement of floats, counts and truth values under bounds."""
    kinds = {bool: MetricType.BOOL, int: MetricType.INT, float: MetricType.F64}
    metrics = {
        name: Metric(kinds[type(value[0] if isinstance(value, tuple) else value)], value)
        for name, value in measurement.metrics.items()
        if value != ()
    }
    return judge(measurement, metrics, falsifier(accept, **bounds), limit)


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
        Guarded(
            "PV603", "conditioning", "errors", message, invalid=False, positions=() if position is None else (position,)
        ),
    )


def test_metrics_of_one_sum_are_told_together():
    """Two names, one sentence."""
    conditions = tuple(
        Condition(metric=name, position=None, number=2288.0, backward_error=4.6e-4) for name in ("mean", "max")
    )

    (found,) = examine(measured(metrics={"mean": 0.1, "max": 0.2}, conditions=conditions))

    assert found.metric == "mean, max"
    assert found.message == "mean, max divide by a sum that cancels: condition number 2288, backward error 0.00046"


def test_the_limit_of_the_settings_is_the_limit():
    """What is marked at 1000 is not at 5000, and the reverse."""
    condition = Condition(metric="errors", position=0, number=1449.0, backward_error=4e-4)

    assert len(examine(measured(conditions=(condition,)), 1448.0)) == 1
    assert examine(measured(conditions=(condition,)), 1449.0) == ()


# --- populations that hold what is not finite ---


def one_sided(*names, **metrics):
    """Return what the guards say where the right side alone has an element that is not finite."""
    right = Population(count=256, shape=(1, 256), selection="block 0", non_finite=1)
    comparison = Comparison(metrics=names, left=SIDE, right=right)
    return examine(Measurement(metrics=metrics, backend="python", comparisons=(comparison,)))


def test_a_finite_number_from_a_side_with_a_nan_is_over_unlike_populations():
    """The element was left out on one side, and the number says nothing about it."""
    message = "the two sides differ in what was left out of finite numbers: 0 against 1 not finite"

    assert one_sided("std", std=0.5) == (Guarded("PV602", "population", "std", message, invalid=True),)


@pytest.mark.parametrize(
    ("metrics", "guards"),
    [
        pytest.param({"identical": False, "differing": 1}, [], id="truth and counts are defined for a NaN"),
        pytest.param({"std": NAN}, ["finite"], id="the NaN is in the number"),
        pytest.param({"series": (0.5, NAN), "max": 0.5}, ["finite"], id="the NaN is in one of them"),
    ],
)
def test_a_nan_on_one_side_may_refute_what_is_defined_for_it(metrics, guards):
    """A kernel that makes a NaN is refuted by a bit comparison, and not excused as a measurement of something else."""
    assert [each.guard for each in one_sided(*metrics, **metrics)] == guards


def test_unlike_populations_are_no_verdict_whatever_the_bounds_say():
    """Held or refuted, it is invalid."""
    other = Population(count=1, shape=(1,), selection="the last token")
    measurement = measured(
        metrics={"ratio": 18.23}, comparisons=(Comparison(metrics=("ratio",), left=SIDE, right=other),)
    )

    for text in ("> 10", "< 10"):
        found = judged(measurement, ratio=text)

        assert (found.outcome, found.judged) == (Outcome.INVALID, ())
        assert found.reason == "population: the two sides differ in count: 256 against 1"


# --- leaning on what cancels ---


def ill(*positions, metric="errors"):
    """Return a measurement of errors of which some divide by sums that cancel."""
    conditions = tuple(
        Condition(metric=metric, position=each, number=1000.0 + 449 * (each or 1), backward_error=4.2e-4)
        for each in positions
    )
    return measured(metrics={"errors": (0.02, 0.6), "growth": 30.0, "layers": 2}, conditions=conditions)


def test_a_bound_that_leans_on_a_mark_is_no_verdict():
    """The message names the layer, its condition number and its backward error."""
    found = judged(ill(1), errors="all < 10%")

    assert (found.outcome, found.judged) == (Outcome.INVALID, ())
    assert found.leaning[0].message == (
        "the bound all < 0.1 of errors leans on layer 1 (condition number 1449, backward error 0.00042)"
    )
    assert found.leaning[0].expectation.route == ("falsification_tests", 0, "expect", "errors")
    assert found.reason == f"conditioning: {found.leaning[0].message}"


def test_a_bound_on_one_number_that_cancels_leans_on_it():
    """A growth over a layer that cancels is as good as that layer."""
    found = judged(ill(None, metric="growth"), growth="< 18")

    assert found.outcome is Outcome.INVALID
    assert found.leaning[0].message == (
        "the bound < 18.0 of growth leans on a sum that cancels (condition number 1449, backward error 0.00042)"
    )


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("count(< 10%) >= 1", Outcome.HELD), ("[0] < 10%", Outcome.HELD), ("all < 1%", Outcome.REFUTED)],
)
def test_a_bound_that_the_mark_cannot_change_is_a_verdict(text, outcome):
    """The mark stands there, and the verdict too."""
    found = judged(ill(1), errors=text)

    assert (found.outcome, found.leaning) == (outcome, ())
    assert [each.guard for each in found.guarded] == ["conditioning"]


def test_another_bound_refutes_although_one_leans():
    """A refusal that no mark can change stays one; a hold does not carry the leaning bound."""
    refuted = judged(ill(1), errors="all < 10%", layers="== 3")
    held = judged(ill(1), errors="all < 10%", layers="== 2")

    assert (refuted.outcome, len(refuted.judged), len(refuted.leaning)) == (Outcome.REFUTED, 2, 1)
    assert held.outcome is Outcome.INVALID


def test_an_accepted_mark_is_judged_by_its_number():
    """With the reason in the contract, the bound decides, one way or the other."""
    assert judged(ill(1), WHY, errors="all < 10%").outcome is Outcome.REFUTED
    assert judged(ill(1), WHY, errors="all < 100%").outcome is Outcome.HELD
    assert judged(ill(1), {"carry": "some other guard entirely"}, errors="all < 100%").outcome is Outcome.INVALID


def test_what_leaves_no_verdict_cannot_be_accepted():
    """A NaN and unlike sides stay invalid, whatever is accepted."""
    accept = dict.fromkeys(("finite", "population", "vacuity", "conditioning"), "for a good reason")

    assert judged(measured(metrics={"growth": NAN}), accept, growth="< 18").outcome is Outcome.INVALID


def test_many_marks_are_counted():
    """A message stays short."""
    conditions = tuple(
        Condition(metric="errors", position=each, number=2000.0, backward_error=1e-4) for each in range(7)
    )
    measurement = Measurement(metrics={"errors": (0.5,) * 7}, backend="python", conditions=conditions)

    message = judged(measurement, errors="max < 1").leaning[0].message

    assert message.count("condition number") == 4
    assert message.endswith("position 3 (condition number 2000, backward error 0.0001) and 3 more")


# --- carry ---


def chain(*carries, ratios=("growth",)):
    """Return a measurement of a chain with a carry between its steps."""
    return Measurement(
        metrics={"growth": 2.0, "jump": 3.0},
        backend="python",
        links=tuple(
            ChainLink(position=at, label=f"layer {at} to layer {at + 1}", carry=each) for at, each in enumerate(carries)
        ),
        ratios=tuple(
            Ratio(metric=each, numerator="a", denominator="b", numerator_value=2.0, denominator_value=1.0)
            for each in ratios
        ),
    )


@pytest.mark.parametrize(
    ("measurement", "metric", "message"),
    [
        pytest.param(
            chain(0.0, 0.0112, -0.0999),
            "growth",
            "less than 10 % of a change at one step reaches the next at 3 of 3 transitions, "
            "so growth is not cumulative",
            id="nowhere",
        ),
        pytest.param(
            chain(0.0, 0.0, 0.5, ratios=("growth", "jump")),
            "growth, jump",
            "less than 10 % of a change at one step reaches the next at 2 of 3 transitions "
            "(all but layer 2 to layer 3), so growth, jump are not cumulative",
            id="all but one",
        ),
        pytest.param(
            chain(1.0, 0.0, -1.0, ratios=()),
            "",
            "less than 10 % of a change at one step reaches the next at 1 of 3 transitions (layer 1 to layer 2)",
            id="one",
        ),
        pytest.param(
            chain(NAN, ratios=()),
            "",
            "less than 10 % of a change at one step reaches the next at 1 of 1 transitions",
            id="not known",
        ),
    ],
)
def test_a_chain_that_carries_nothing_is_told(measurement, metric, message):
    """With the metrics that would be read as growth along it, and the steps that are otherwise."""
    assert examine(measurement) == (Guarded("PV604", "carry", metric, message, invalid=False),)


def test_a_chain_that_carries_is_not_mentioned():
    """Down to the threshold, in either direction."""
    assert examine(chain(1.0, CARRIED, -CARRIED, 3.0)) == ()
    assert examine(chain()) == ()


def test_a_chain_that_carries_nothing_is_judged_all_the_same():
    """It is a warning: the number is what it is, and what it means is told beside it."""
    assert judged(chain(0.0), growth="< 18").outcome is Outcome.HELD


# --- baseline ---

RECORDED = (0.00544, 0.0078, 0.00029, 0.00428, 0.00774)
GROWTH = Ratio(
    metric="growth",
    numerator="layer 4",
    denominator="layer 0",
    numerator_value=RECORDED[4],
    denominator_value=RECORDED[0],
)


def series(claims=(), ratios=(GROWTH,), **metrics):
    """Return the recorded five layers with their growth."""
    return Measurement(
        metrics={"values": RECORDED, "growth": RECORDED[4] / RECORDED[0], **metrics},
        backend="python",
        labels=tuple(f"layer {each}" for each in range(5)),
        ratios=ratios,
        claims=claims,
    )


MESSAGE = (
    "the claimed 1.8081 (within 0.1 %) fits layer 4 over layer 3 (1.80841), and not growth, which is layer 4 over "
    "layer 0 (1.42279): 1 of 20 pairs, where chance would give 0.01"
)


def test_a_ratio_that_was_claimed_elsewhere_and_has_other_ends_is_told():
    """The investigation's 1.8081, with the pair that gives it and how many pairs there are to choose from."""
    claim = ClaimedRatio(metric="growth", value=1.8081, tolerance=0.001)

    assert examine(series((claim,))) == (Guarded("PV605", "baseline", "growth", MESSAGE, invalid=False),)


def test_a_bound_that_claims_a_ratio_is_looked_at_too():
    """It is refuted, and the reader learns which ratio was meant."""
    found = judged(series(), growth="1.8081 +- 0.1%")

    assert found.outcome is Outcome.REFUTED
    assert [each.message for each in found.guarded] == [MESSAGE]


def test_a_claim_and_a_bound_of_one_number_are_told_once():
    """It is one claim, made twice."""
    claim = ClaimedRatio(metric="growth", value=1.8081, tolerance=0.001)

    assert len(judged(series((claim,)), growth="1.8081 +- 0.1%").guarded) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1.4228 +- 0.1%", id="its own ends give it"),
        pytest.param("< 1.4", id="a limit names no ratio"),
        pytest.param("in [1.7, 1.9]", id="so does a wide interval"),
        pytest.param("7.7777 +- 0.001%", id="no pair gives it"),
        pytest.param("== 0", id="zero"),
    ],
)
def test_no_baseline_is_looked_for_without_need(text):
    """A claim that holds, a limit, and a number that nothing gives are no finding."""
    assert judged(series(), growth=text).guarded == ()


@pytest.mark.parametrize(
    "measurement",
    [
        pytest.param(series(ratios=()), id="no ends"),
        pytest.param(series(ratios=(GROWTH,), growth=2), id="a count"),
        pytest.param(
            series(
                ratios=(
                    Ratio(metric="growth", numerator="a", denominator="b", numerator_value=3.0, denominator_value=2.0),
                )
            ),
            id="ends of no series",
        ),
        pytest.param(series((ClaimedRatio(metric="growth", value=0.0, tolerance=0.1),)), id="zero"),
        pytest.param(series((ClaimedRatio(metric="growth", value=1.8, tolerance=INF),)), id="endless"),
        pytest.param(series((ClaimedRatio(metric="growth", value=NAN, tolerance=0.1),)), id="NaN"),
        pytest.param(series((ClaimedRatio(metric="values", value=1.8081, tolerance=0.1),)), id="of a series"),
    ],
)
def test_without_ends_in_a_labelled_series_there_is_nothing_to_compare(measurement):
    """And a claim that is no number claims nothing."""
    bounds = {"growth": "1.8081 +- 0.1%"} if not measurement.claims else {"growth": "> 0"}

    assert judged(measurement, **bounds).guarded == ()


def test_a_fit_that_chance_explains_is_not_told():
    """Among 380 pairs, some are within 1 % of anything."""
    random = Random(20261122)  # noqa: S311 - no secret: the same series every time
    values = tuple(random.uniform(0.5, 1.5) for _ in range(20))
    ratio = Ratio(
        metric="growth", numerator="last", denominator="first", numerator_value=values[-1], denominator_value=values[0]
    )
    measurement = Measurement(
        metrics={"values": values, "growth": values[-1] / values[0]},
        backend="python",
        labels=tuple(map(str, range(20))),
        ratios=(ratio,),
    )
    claim = baselines.of_bound(bound("1.1 +- 1%").test)

    fits = baselines.pairs(values, claim)

    assert len(fits.pairs) > 2
    assert fits.by_chance > 0.5
    assert judged(measurement, growth="1.1 +- 1%").guarded == ()


@pytest.mark.parametrize("value", [0.0, NAN, INF])
def test_a_claim_that_is_no_ratio_is_not_looked_for(value):
    """Although zero stands in the series."""
    measurement = Measurement(
        metrics={"values": (0.0, 1.0, 2.0), "growth": 2.0},
        backend="python",
        labels=("a", "b", "c"),
        ratios=(Ratio(metric="growth", numerator="c", denominator="b", numerator_value=2.0, denominator_value=1.0),),
        claims=(ClaimedRatio(metric="growth", value=value, tolerance=0.001),),
    )

    assert examine(measurement) == ()


def test_a_series_without_labels_names_no_ends():
    """A list of something else may hold the same numbers."""
    measurement = Measurement(
        metrics={"growth": RECORDED[4] / RECORDED[0], "others": (*RECORDED, 1.0)},
        backend="python",
        ratios=(GROWTH,),
        claims=(ClaimedRatio(metric="growth", value=1.8081, tolerance=0.001),),
    )

    assert examine(measurement) == ()


# --- vacuity ---


def compared(count):
    """Return a comparison of two equal populations of some elements."""
    side = Population(count=count, shape=(count,), selection="all")
    return (Comparison(metrics=("identical",), left=side, right=side),)


@pytest.mark.parametrize(
    ("measurement", "bounds", "reason"),
    [
        pytest.param(measured(metrics={}), {"growth": "< 18"}, "no metric was measured", id="no metric"),
        pytest.param(
            Measurement(
                metrics={"errors": (), "layers": 0, "same": False, "worst": 0.0},
                backend="python",
                skipped=tuple(Skip(what=f"layer {each}", reason="not there") for each in range(6)),
            ),
            {"layers": ">= 0"},
            "all is zero or empty; left out: layer 0, layer 1, layer 2, layer 3 and 2 more",
            id="everything skipped",
        ),
        pytest.param(
            measured(metrics={"identical": True}, comparisons=compared(0)),
            {"identical": "is true"},
            "the comparison of identical has no element on either side",
            id="nothing compared",
        ),
        pytest.param(
            measured(metrics={"identical": True, "elements": 0}),
            {"identical": "is true"},
            "elements is 0",
            id="elements",
        ),
        pytest.param(measured(), {}, "nothing is expected, so nothing could be refuted", id="no expectation"),
        pytest.param(
            measured(metrics={"ratio": NAN, "identical": True}, comparisons=compared(0)),
            {"ratio": "< 1"},
            "the comparison of identical has no element on either side",
            id="nothing divided by nothing",
        ),
    ],
)
def test_where_nothing_could_be_refuted_nothing_is_held(measurement, bounds, reason):
    """It is not measured, and the reason says what is missing."""
    found = judged(measurement, **bounds)

    assert (found.outcome, found.reason, found.judged) == (Outcome.NOT_MEASURED, f"vacuity: {reason}", ())
    assert [each.code for each in found.guarded if each.guard == "vacuity"] == ["PV606"]


def test_nothing_against_something_is_unlike():
    """An empty side is a difference before it is a lack."""
    right = Population(count=5, shape=(5,), selection="all")
    left = Population(count=0, shape=(0,), selection="all")
    measurement = measured(
        metrics={"identical": True, "elements": 0},
        comparisons=(Comparison(metrics=("identical",), left=left, right=right),),
    )

    assert judged(measurement, identical="is true").outcome is Outcome.INVALID
    assert {
        each.guard
        for each in examine(
            Measurement(metrics={"identical": True}, backend="python", comparisons=measurement.comparisons)
        )
    } == {"population"}


@pytest.mark.parametrize(
    "metrics",
    [
        pytest.param({"violations": (), "checked": 9}, id="an empty list of faults over nine things"),
        pytest.param({"worst": 0.0, "identical": True}, id="zero difference"),
    ],
)
def test_an_empty_list_and_a_zero_are_good_news_where_something_was_looked_at(metrics):
    """Some things may be left out without everything being so."""
    measurement = Measurement(metrics=metrics, backend="python", skipped=(Skip(what="layer 9", reason="not there"),))

    assert examine(measurement) == ()


def test_zero_is_a_number_where_nothing_was_left_out():
    """No difference is what most comparisons hope for."""
    assert examine(Measurement(metrics={"worst": 0.0, "differing": 0}, backend="python")) == ()


def test_nobody_expects_anything_of_a_measurement_without_a_contract():
    """To look at numbers is no vacuous claim."""
    assert examine(measured()) == ()
    assert [each.guard for each in examine(measured(), expected=())] == ["vacuity"]


# --- no false alarms ---

FORMS = (
    "all < {x}",
    "all > {x}",
    "any >= {x}",
    "max <= {x}",
    "min in [{x}, 2]",
    "count(< {x}) >= 2",
    "[1] != {x}",
    "all {x} +- 0.5%",
)


def well_conditioned(random):
    """Return a sound measurement of random numbers, and random bounds on it."""
    length = random.randint(2, 12)
    errors = tuple(random.uniform(1e-6, 1.0) for _ in range(length))
    growth, side = errors[-1] / errors[0], Population(count=length, shape=(length,), selection="all")
    number = 10.0 ** random.uniform(0, 2.5)
    conditions = [Condition(metric="growth", position=None, number=number, backward_error=1e-7)]
    conditions += [
        Condition(metric="errors", position=at, number=10.0 ** random.uniform(0, 2.9), backward_error=1e-7)
        for at in range(length)
    ]
    measurement = Measurement(
        metrics={"errors": errors, "growth": growth, "layers": length, "same": random.random() < 0.5},
        backend="python",
        labels=tuple(f"layer {each}" for each in range(length)),
        comparisons=(Comparison(metrics=("errors", "growth"), left=side, right=side),),
        conditions=tuple(conditions),
        links=tuple(
            ChainLink(position=at, label=f"{at}", carry=random.choice((-1, 1)) * random.uniform(CARRIED, 3))
            for at in range(length - 1)
        ),
        ratios=(
            Ratio(
                metric="growth",
                numerator="last",
                denominator="first",
                numerator_value=errors[-1],
                denominator_value=errors[0],
            ),
        ),
        skipped=(Skip(what="layer 99", reason="not there"),) if random.random() < 0.3 else (),
    )
    bounds = {
        "errors": random.choice(FORMS).format(x=round(random.uniform(0, 1), 3)),
        "growth": random.choice((f"{growth!r} +- 0.5%", f"== {growth!r}", "< 1", "> 1", f"in [0, {growth!r}]")),
        "layers": random.choice((f"== {length}", ">= 7")),
        "same": random.choice(("is true", "is false")),
    }
    return measurement, bounds


def test_10000_sound_comparisons_raise_no_guard():
    """And each is judged as its numbers say, held or refuted: the guards change nothing."""
    random = Random(20261122)  # noqa: S311 - no secret: the same comparisons every time
    outcomes = {Outcome.HELD: 0, Outcome.REFUTED: 0}

    for _ in range(10_000):
        measurement, bounds = well_conditioned(random)
        found = judged(measurement, **bounds)
        kinds = {"errors": MetricType.F64, "growth": MetricType.F64, "layers": MetricType.INT, "same": MetricType.BOOL}
        metrics = {name: Metric(kinds[name], value) for name, value in measurement.metrics.items()}
        _, plain = record.judge(metrics, [(name, bound(text)) for name, text in bounds.items()])

        assert (found.guarded, found.leaning, found.outcome) == ((), (), plain)
        outcomes[plain] += 1

    told = f"{outcomes[Outcome.HELD]} held, {outcomes[Outcome.REFUTED]} refuted, no guard spoke"
    print(f"10000 comparisons: {told}")  # noqa: T201 - the count is shown by pytest -s
    assert min(outcomes.values()) > 300


def test_the_guards_say_the_same_of_the_same():
    """Twice, in one order."""
    claim = ClaimedRatio(metric="growth", value=1.8081, tolerance=0.001)

    assert examine(series((claim,))) == examine(series((claim,)))


def test_a_record_keeps_what_a_guard_said():
    """The form in evidence has the code, the guard, the metric and the message."""
    guarded = Guarded("PV601", "finite", "growth", "message", invalid=True)

    assert guarded.json() == {"code": "PV601", "guard": "finite", "metric": "growth", "message": "message"}
