"""The chained products: falsifiers 009 and 013."""

import math

import numba
import numpy as np
import pytest
from q4k.fixtures import F32, act, same_bits, tensor
from q4k.test_generators import ACT, TENSOR, made

from pvcheck.plugin import Cancelled, Context, NotMeasured
from pvcheck_q4k import compounding, cpu, faulty, reference
from pvcheck_q4k import fixture_parameters as parameters

compiled = pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="thousands of rows: the kernels are covered uncompiled by shorter tests"
)


def measure(change=None, **context):
    """Measure the chain of 009, changed."""
    values = {"block": TENSOR, "tensors": 5, "activation": ACT} | (change or {})
    return compounding.measure(made(parameters.ChainedParameters, values), Context(inputs={}, **context))


@compiled
def test_the_difference_after_five_products_is_the_published_one():
    """009: 0.4391 %; the curve rises to 1.34 % and falls; 5.70 was a ratio of unlike and rounded ends."""
    metrics = measure().metrics

    assert f"{metrics['rel_l2_last']:.4%}" == "0.4391%"
    assert [f"{value:.2%}" for value in metrics["rel_l2"]] == ["0.07%", "0.19%", "0.49%", "1.34%", "0.44%"]
    assert metrics["falling_steps"] == 1
    assert f"{metrics['rel_diff_row0']:.3%}" == "0.077%"
    assert f"{0.4391 / 0.077:.2f}" == "5.70"
    assert metrics["last_over_row0"] == pytest.approx(5.6736, abs=1e-4)
    assert metrics["growth_last_over_first"] == metrics["rel_l2"][4] / metrics["rel_l2"][0]
    assert (metrics["elements"], metrics["non_finite"]) == (5 * 65536, 0)


@compiled
def test_the_ratios_name_both_ends():
    """Each ratio with its words and numbers."""
    measurement = measure()
    growth, other = measurement.ratios

    assert growth.numerator == "rel_l2 after product 5, token 0"
    assert growth.denominator == "rel_l2 after product 1, token 0"
    assert other.denominator == "rel_diff of row 0 of product 1, token 0"
    for ratio in (growth, other):
        assert ratio.numerator_value / ratio.denominator_value == measurement.metrics[ratio.metric]


@compiled
def test_a_batch_of_seven_tokens_has_the_published_numbers():
    """013: the mean is 0.26 of 0.4391 %; the std over the tokens differs by 3.7 %, "about 50" times 0.077 %."""
    metrics = measure({"tokens": 7}).metrics

    assert f"{metrics['rel_l2_mean'] / 0.004391:.2f}" == f"{metrics['mean_over_token0']:.2f}" == "0.26"
    assert f"{metrics['std_excess_a_over_b']:.1%}" == "3.7%"
    assert 45 < metrics["std_excess_a_over_b"] / metrics["rel_diff_row0"] < 55
    assert metrics["rel_l2_tokens"][0] == metrics["rel_l2_last"] == measure().metrics["rel_l2_last"]
    assert len(metrics["rel_l2_tokens"]) == 7


def test_a_step_is_that_of_its_description():
    """One product, row by row from the twin's parts, and what is divided by what."""
    raw, x = tensor(3)[:256], act(2)
    quantised = reference.quantise(x)
    rows = range(0, 256, 51)
    sizes = abs(cpu.decode(raw).weights.astype(float))

    found = compounding.step(cpu, raw, sizes, (x, x), faulty.Trial(cpu, Context(inputs={})))

    y = np.array([cpu.dot_a(raw[r : r + 1], x).value for r in range(256)], F32)
    for row in rows:
        assert reference.dot_a(raw[row : row + 1], x).value == y[row]
    total = F32(0)
    for value in y:
        total = total + value * value
    assert same_bits(found.a, y / np.sqrt(total / F32(256)))
    z = np.array([cpu.dot_b(raw[r : r + 1], quantised.scales, quantised.codes).value for r in range(256)], F32)
    added = sizes @ abs(x.astype(float))
    difference = y.astype(float) - z
    assert found.condition == pytest.approx(np.linalg.norm(added) / np.linalg.norm(y.astype(float)), rel=1e-12)
    assert found.backward_error == pytest.approx(np.linalg.norm(difference) / np.linalg.norm(added), rel=1e-12)
    norm = np.linalg.norm(found.a.astype(float) - found.b)
    assert found.rel_l2 == pytest.approx(norm / np.linalg.norm(found.a.astype(float)), rel=1e-12)


def test_both_backends_report_the_same():
    """One product on the twin and on the compiled kernels."""
    one, other = (measure({"tensors": 1}, device=device) for device in ("cpu", "reference"))

    assert one.metrics == other.metrics
    assert one.conditions == other.conditions
    assert (one.backend, other.backend) == ("cpu", "reference")


@compiled
@pytest.mark.parametrize("fault", ["lane-mix-up", "swapped-nibbles", "dropped-minimums"])
def test_a_planted_fault_leaves_the_published_figure(fault):
    """It is in every product of path B."""
    metrics = measure({"tensors": 2}, fault=fault).metrics

    assert metrics["rel_l2"][0] > 10 * 0.00065
    assert metrics["rel_l2"] != measure({"tensors": 2}).metrics["rel_l2"]


@compiled
def test_the_carry_is_the_response_of_the_next_product():
    """Path A's output, changed by 2**-10 of its norm towards path B's, through the next product, in float64."""
    measurement = measure({"tensors": 2})
    (found,) = measurement.metrics["carry"]
    weights = [reference.decode(tensor(t)).weights.astype(float) for t in range(2)]
    quantised = reference.quantise(act())
    y_a = weights[0] @ act().astype(float)
    y_b = np.array([cpu.dot_b(row[None], quantised.scales, quantised.codes).value for row in tensor(0)], float)
    a, b = (y / np.sqrt(np.mean(y * y)) for y in (y_a, y_b))
    change = (b - a) / np.linalg.norm(b - a) * np.linalg.norm(a)
    expected = np.linalg.norm(weights[1] @ change) / np.linalg.norm(weights[1] @ a)

    assert found == pytest.approx(expected, rel=2e-2)
    assert [(each.position, each.label, each.carry) for each in measurement.links] == [
        (0, "product 1 to product 2", found)
    ]


@compiled
def test_a_chain_of_products_carries():
    """A change arrives at the next product whole and more, where scalar-scale passes on next to nothing."""
    carry = measure().metrics["carry"]

    assert len(carry) == 4
    assert [f"{each:.1f}" for each in carry] == ["1.2", "3.5", "4.0", "1.2"]


def step_of(y_a, a, b):
    """Return a step with these results and outputs."""
    return compounding.Step(F32(y_a), F32(a), F32(b), *(0.0,) * 6, (0, 0), (0, 0))


def test_where_the_paths_agree_the_carry_is_that_of_another_change():
    """The first half of the output up, the second down; an output of zeros has nothing to change."""
    x, weights = act(), reference.decode(tensor(0)[:4]).weights.astype(float)
    before, after = step_of(x, x, x), step_of(weights @ x.astype(float), x, x)
    change = x * np.where(np.arange(256) < 128, 1.0, -1.0)
    expected = np.linalg.norm(weights @ change) / np.linalg.norm(weights @ x.astype(float))

    assert compounding.carry(cpu, tensor(0)[:4], before, after) == pytest.approx(expected, rel=1e-2)
    zero = np.zeros(256, F32)
    assert compounding.carry(cpu, tensor(0)[:4], step_of(zero, zero, zero), after) == 0.0


@compiled
def test_every_relative_difference_has_a_condition():
    """That of its product, or of the worst that it leans on; row 0 has its own, by hand."""
    measurement = measure({"tensors": 2, "tokens": 2})
    found = {(each.metric, each.position): each.number for each in measurement.conditions}
    products = reference.decode(tensor(0)[:1]).weights[0].astype(float) * act().astype(float)

    assert found["rel_diff_row0", None] == pytest.approx(abs(products).sum() / abs(products.sum()), rel=1e-6)
    worst = max(measurement.metrics["condition"])
    assert found["rel_l2_last", None] == found["growth_last_over_first", None] == found["rel_l2_tokens", 0] == worst
    assert found["rel_l2_mean", None] == max(found["rel_l2_tokens", 0], found["rel_l2_tokens", 1])
    assert {metric for metric, _ in found} == {
        "rel_l2", "rel_l2_last", "rel_diff_row0", "growth_last_over_first", "last_over_row0", "rel_l2_tokens",
        "rel_l2_mean", "mean_over_token0",
    }  # fmt: skip
    assert {each.metric for each in measurement.ratios} == {
        "growth_last_over_first", "last_over_row0", "mean_over_token0", "std_a_over_b", "std_excess_a_over_b",
    }  # fmt: skip


@compiled
def test_statistics_of_the_last_token_are_those_of_the_last_token():
    """The fault: the mean is the last token's, path B's spread the std of its 256 components."""
    right, wrong = measure({"tokens": 3, "tensors": 1}), measure({"tokens": 3, "tensors": 1}, fault="last-token")
    quantised = reference.quantise(act(2))
    y = np.array([cpu.dot_b(row[None], quantised.scales, quantised.codes).value for row in tensor(0)], float)
    y /= np.sqrt(np.mean(y * y))

    assert wrong.metrics["rel_l2_mean"] == right.metrics["rel_l2_tokens"][2]
    (ratio,) = (each for each in wrong.ratios if each.metric == "std_a_over_b")
    assert ratio.denominator_value == pytest.approx(y.std(), rel=1e-5)
    assert wrong.comparisons == right.comparisons


@compiled
def test_crossed_paths_meet_before_the_next_product():
    """The fault: path B's second product starts from path A's output, so the difference starts anew."""
    right, wrong = (measure({"tensors": 2}, fault=fault).metrics for fault in (None, "crossed-paths"))
    x = compounding.normalised(np.array([cpu.dot_a(row[None], act()).value for row in tensor(0)], F32))
    quantised = reference.quantise(x)
    a = np.array([cpu.dot_a(row[None], x).value for row in tensor(1)], float)
    b = np.array([cpu.dot_b(row[None], quantised.scales, quantised.codes).value for row in tensor(1)], float)
    a, b = (y / np.sqrt(np.mean(y * y)) for y in (a, b))

    assert wrong["rel_l2"][0] == right["rel_l2"][0]
    assert wrong["rel_l2"][1] == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(a), rel=1e-3)
    assert wrong["rel_l2"][1] != pytest.approx(right["rel_l2"][1], rel=1e-3)


@compiled
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("last-token", "not planted: there is one token, and no statistics over several"),
        ("crossed-paths", "not planted: there is one product, and nothing goes on from its results"),
        ("flushed-subnormals", "not planted: flushed-subnormals changes no result of path B here"),
    ],
)
def test_a_fault_without_a_place_is_not_planted(fault, reason):
    """It is told, and nothing is measured."""
    with pytest.raises(NotMeasured, match=f"^{reason}$"):
        measure({"tensors": 1}, fault=fault)


def test_one_product_has_no_growth():
    """What has no meaning is left out."""
    metrics = measure({"tensors": 1}).metrics

    assert metrics["falling_steps"] == 0
    assert not {"growth_last_over_first", "last_over_row0", "rel_l2_mean", "std_a_over_b", "carry"} & set(metrics)


def test_weights_of_zero_have_defined_numbers():
    """All weights 0: no difference, no cancelling that could be told, no ratio of nothing."""
    metrics = measure({"block": TENSOR | {"d": "0000", "dmin": "0000"}, "tokens": 2, "tensors": 2}).metrics

    assert metrics["rel_l2"] == metrics["backward_error"] == metrics["condition"] == (0.0, 0.0)
    assert not {"growth_last_over_first", "mean_over_token0", "std_a_over_b"} & set(metrics)


def test_what_is_not_finite_is_counted_and_passed_on():
    """An infinite scale: every weight of both paths, and NaN where a norm would be."""
    measurement = measure({"block": TENSOR | {"d": "007C"}, "tensors": 2, "tokens": 2})
    metrics = measurement.metrics

    assert all(math.isnan(value) for value in metrics["rel_l2"])
    assert math.isnan(metrics["rel_l2_mean"])
    assert measurement.comparisons[0].left.non_finite > 0
    assert metrics["non_finite"] == sum(
        side.non_finite for side in (measurement.comparisons[0].left, measurement.comparisons[0].right)
    )
    assert math.isnan(next(c.number for c in measurement.conditions if c.metric == "rel_l2_last"))


def test_the_spread_is_the_mean_of_the_stds():
    """Population std over the tokens, by NumPy; NaN where a number is not finite."""
    outputs = [act(token) * F32(token + 1) for token in range(4)]

    expected = np.array(outputs, float).std(axis=0).mean()
    assert compounding.spread(outputs) == pytest.approx(expected, rel=1e-12)
    assert math.isnan(compounding.spread([*outputs, np.full(256, np.inf, F32)]))


def test_a_difference_over_nothing_is_infinite():
    """0 over 0 is 0."""
    assert compounding.quotient(1.0, 0.0) == math.inf
    assert compounding.quotient(0.0, 0.0) == 0.0


def test_an_output_of_zeros_is_divided_by_the_least():
    """max(sqrt(mean square), 1e-9) is not 0."""
    assert same_bits(compounding.normalised(np.zeros(4, F32)), np.zeros(4, F32))
    assert compounding.normalised(np.full(4, 1e-10, F32))[0] == pytest.approx(0.1, rel=1e-5)


def test_the_host_is_told_and_asked():
    """Progress a token; between two products it may stop."""
    told = []

    measure({"tensors": 1, "tokens": 2}, progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 2), (2, 2)]
    with pytest.raises(Cancelled):
        measure(cancelled=lambda: True)


@pytest.mark.parametrize(("context", "text"), [({"device": "tpu"}, "has no kernels"), ({"fault": "x"}, "cannot plant")])
def test_what_cannot_be_done_is_a_reason(context, text):
    """A device without kernels and a fault that cannot be planted give no numbers."""
    with pytest.raises(NotMeasured, match=f"^q4k-chained-matvec {text}"):
        measure(**context)
