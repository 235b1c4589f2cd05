"""The chained products: falsifiers 009 and 013."""

import math

import numba
import numpy as np
import pytest
from q4k.fixtures import F32, act, same_bits, tensor
from q4k.test_generators import ACT, TENSOR, made

from pvcheck.plugin import Cancelled, Context, NotMeasured
from pvcheck_q4k import compounding, cpu, reference
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

    found = compounding.step(cpu, raw, sizes, (x, x), None)

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


def test_one_product_has_no_growth():
    """What has no meaning is left out."""
    metrics = measure({"tensors": 1}).metrics

    assert metrics["falling_steps"] == 0
    assert not {"growth_last_over_first", "last_over_row0", "rel_l2_mean", "std_a_over_b"} & set(metrics)


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
    assert compounding._quotient(1.0, 0.0) == math.inf
    assert compounding._quotient(0.0, 0.0) == 0.0


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


@pytest.mark.parametrize(
    ("context", "text"), [({"device": "cuda"}, "has no kernels"), ({"fault": "x"}, "cannot plant")]
)
def test_what_cannot_be_done_is_a_reason(context, text):
    """A device without kernels and a fault that cannot be planted give no numbers."""
    with pytest.raises(NotMeasured, match=f"^q4k-chained-matvec {text}"):
        measure(**context)
