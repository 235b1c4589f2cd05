"""The drifts of softmax, RoPE and RMS normalisation: falsifiers 011, 012 and 015."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from q4k.fixtures import F32, act
from q4k.test_generators import ACT, made

from pvcheck.plugin import Context, NotMeasured
from pvcheck_q4k import amplification, generators
from pvcheck_q4k import fixture_parameters as parameters

SOFTMAX = {"logits": [-1.5, 0.5, -0.8, 10.0, 1.2, -0.3, 0.7], "position": 3, "change": 0.0077}
ROPE = {
    "head": 64,
    "query": [{"plus": -32, "scale": 0.05}, {"modulo": 5, "scale": 0.02}],
    "key": [{"plus": -32, "scale": 0.04}, {"modulo": 7, "scale": 0.015}],
    "query_position": 0,
    "key_position": 1,
    "change": 0.00077,
}
RMSNORM = {
    "length": 256,
    "vector": ACT,
    "signs": {"times": 13, "plus": 7, "modulo": 17, "below": 8},
    "change": 0.00077,
    "epsilon": 1e-6,
}


def softmax(change=None, **context):
    """Measure 011, changed."""
    chosen = made(parameters.SoftmaxParameters, SOFTMAX | (change or {}))
    return amplification.measure_softmax(chosen, Context(inputs={}, **context))


def rope(change=None, **context):
    """Measure 012, changed."""
    chosen = made(parameters.RopeParameters, ROPE | (change or {}))
    return amplification.measure_rope(chosen, Context(inputs={}, **context))


def rmsnorm(change=None, **context):
    """Measure 015, changed."""
    chosen = made(parameters.RmsNormParameters, RMSNORM | (change or {}))
    return amplification.measure_rmsnorm(chosen, Context(inputs={}, **context))


ALL = pytest.mark.parametrize(
    ("measure", "name", "norm"),
    [
        (softmax, "f32-softmax-drift", "L1"),
        (rope, "f32-rope-drift", "L2"),
        (rmsnorm, "f32-rmsnorm-drift", "L2"),
    ],
)


def test_softmax_has_the_published_numbers():
    """011: 0.051333 % in, 0.000578 % out, 0.0113, all in float32; float64 gives 0.000584 % and 0.0114."""
    metrics = softmax().metrics
    logits = np.array(SOFTMAX["logits"])
    changed = logits.copy()
    changed[3] += 0.0077
    p, q = (np.exp(each - 10.0) / np.exp(each - 10.0).sum() for each in (logits, changed))

    assert f"{metrics['input_drift']:.6%}" == "0.051333%"
    assert f"{metrics['output_drift']:.6%}" == "0.000578%"
    assert f"{metrics['amplification']:.4f}" == "0.0113"
    assert f"{abs(p - q).sum():.6%}" == "0.000584%"


def test_rope_has_the_published_number():
    """012: 1.00."""
    metrics = rope().metrics

    assert f"{metrics['amplification']:.2f}" == "1.00"
    assert metrics["elements"] == 64


def test_rmsnorm_has_the_published_number():
    """015: 1.00."""
    assert f"{rmsnorm().metrics['amplification']:.2f}" == "1.00"


@given(position=st.integers(0, 500), key=st.lists(st.integers(-20, 20), min_size=2, max_size=2))
def test_rope_gives_1_whatever_the_key_and_the_position(position, key):
    """012 is linear in the query: a score that does not cancel cannot give anything else. It has no teeth."""
    try:
        measurement = rope({"key": [{"times": key[0], "modulo": 9}, {"plus": key[1]}], "key_position": position})
    except NotMeasured:
        return
    (condition, _) = measurement.conditions

    assert condition.number > 100 or measurement.metrics["amplification"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("position", [0, 1, 37])
def test_rope_turns_pairs_by_their_angles(position):
    """Pair i is (i, i + 32), turned by position * 10000^(-2i/64); lengths stay, position 0 changes nothing."""
    x = act()[:64]
    turned = amplification.rotated(x, position, F32(10000))
    angle = position * 10000.0 ** (-2 * np.arange(32) / 64)
    pairs = (x[:32] + 1j * x[32:].astype(float)) * np.exp(1j * angle)

    assert turned[:32] == pytest.approx(pairs.real, abs=1e-4)
    assert turned[32:] == pytest.approx(pairs.imag, abs=1e-4)
    if position == 0:
        assert (turned == x).all()


@ALL
def test_the_planted_fault_doubles_the_amplification(measure, name, norm):
    """A change made twice is twice the drift out, and the same drift in."""
    right, wrong = measure().metrics, measure(fault="change-twice").metrics

    assert wrong["input_drift"] == right["input_drift"]
    assert wrong["amplification"] == pytest.approx(2 * right["amplification"], rel=0.02)


@ALL
def test_the_ratio_names_both_ends(measure, name, norm):
    """Amplification is the change out over the change in, both in float32."""
    measurement = measure()
    (ratio,) = measurement.ratios

    assert (ratio.numerator, ratio.denominator) == (
        f"relative {norm} change of the output",
        f"relative {norm} change of the input",
    )
    assert measurement.metrics["amplification"] == F32(ratio.numerator_value) / F32(ratio.denominator_value)
    assert all(float(F32(value)) == value for value in measurement.metrics.values())


@ALL
def test_both_sides_are_all_numbers(measure, name, norm):
    """The populations are alike."""
    (comparison,) = measure().comparisons

    assert comparison.left == comparison.right
    assert (comparison.left.count, comparison.left.selection) == (measure().metrics["elements"], "all numbers")


@ALL
def test_another_device_and_another_fault_are_reasons(measure, name, norm):
    """What cannot be done gives no numbers."""
    with pytest.raises(NotMeasured, match=f"^{name} has no kernels for the device 'tpu'$"):
        measure(device="tpu")
    with pytest.raises(NotMeasured, match=f"^{name} cannot plant the fault 'x'$"):
        measure(fault="x")


def test_a_change_of_nothing_is_not_measured():
    """A query, a score or a vector of 0 has nothing to be relative to."""
    nothing = [{"times": 0}]

    for values in ({"query": nothing}, {"key": nothing}):
        with pytest.raises(NotMeasured, match="the score or the query is 0"):
            rope(values)
    with pytest.raises(NotMeasured, match="the vector is 0"):
        rmsnorm({"vector": nothing})


def test_the_score_has_its_condition():
    """sum|q k| / |sum q k| of the rotated vectors, in float64 by hand."""
    chosen = made(parameters.RopeParameters, ROPE)
    query = generators.numbers(chosen.query, 64).astype(float)
    products = query * amplification.rotated(generators.numbers(chosen.key, 64), 1, F32(10000))

    condition = rope().conditions[0]

    assert condition.metric == "output_drift"
    assert condition.number == pytest.approx(abs(products).sum() / abs(products.sum()), rel=1e-4)


def test_a_norm_of_ones_is_one():
    """Each number over sqrt(mean square + epsilon), and epsilon counts."""
    ones = np.ones(8, F32)

    assert (amplification.normalised(ones, F32(0)) == 1).all()
    assert amplification.normalised(ones, F32(3)).tolist() == [0.5] * 8


def exact_softmax(logits, fault):
    """Return softmax in float64 with a fault."""
    shifted = logits if fault == "forgotten-maximum" else logits - logits.max()
    powers = 2.0**shifted if fault == "powers-of-two" else np.exp(shifted)
    if fault == "forgotten-sum":
        return powers
    return powers / (powers[:-1] if fault == "lost-logit" else powers).sum()


@pytest.mark.parametrize("fault", ["forgotten-maximum", "forgotten-sum", "powers-of-two", "lost-logit"])
def test_softmax_is_wrong_as_the_fault_says(fault):
    """Against float64, and the measurement moves."""
    logits = np.array(SOFTMAX["logits"])

    found = amplification.softmax(logits.astype(F32), fault)

    assert found == pytest.approx(exact_softmax(logits, fault), rel=1e-5)
    assert softmax(fault=fault).metrics != softmax().metrics


def test_a_forgotten_maximum_overflows():
    """What the subtraction is for: a share of infinity in infinity."""
    found = amplification.softmax(np.array([0, 100], F32), "forgotten-maximum")

    assert found[0] == 0
    assert np.isnan(found[1])


def exact_score(query, key, fault):
    """Return the rotated dot product in float64, pair by pair, with a fault; the query at 3, the key at 7."""
    n = len(query)
    total = 0.0
    for i in range(n // 2):
        angle = 10000.0 ** (-(i if fault == "halved-exponent" else 2 * i) / n)
        at = [angle * (4 if fault == "position-off-by-one" else 3), angle * (0 if fault == "unrotated-key" else 7)]
        if fault == "half-precision-angles":
            at = [float(np.float16(np.float32(each))) for each in at]
        first, second = (2 * i, 2 * i + 1) if fault == "neighbour-pairs" else (i, i + n // 2)
        one, other = (complex(side[first], side[second]) for side in (query, key))
        total += (one * np.exp(1j * at[0]) * (other * np.exp(1j * at[1])).conjugate()).real
    return total


@pytest.mark.parametrize(
    "fault",
    ["neighbour-pairs", "position-off-by-one", "halved-exponent", "half-precision-angles", "unrotated-key", None],
)
def test_rope_is_wrong_as_the_fault_says(fault):
    """Against float64, pair by pair; whatever is wrong, the amplification of a linear score stays 1."""
    values = {"query_position": 3, "key_position": 7, "base": 10000}
    chosen = made(parameters.RopeParameters, ROPE | values)
    query, key = (generators.numbers(each, 64) for each in (chosen.query, chosen.key))

    (products,) = amplification._products(chosen, (query,), key, fault)

    assert products.astype(float).sum() == pytest.approx(exact_score(query, key, fault), abs=2e-3)
    assert rope(values, fault=fault).metrics["amplification"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("fault", ["epsilon-outside", "sum-not-mean", "mean-subtracted"])
def test_rmsnorm_is_wrong_as_the_fault_says(fault):
    """Against float64, with an epsilon that is not lost in the mean square."""
    x, epsilon = act()[:100] * F32(0.01), 1e-3
    exact = x.astype(float) - (x.astype(float).mean() if fault == "mean-subtracted" else 0)
    square = (exact * exact).sum() / (1 if fault == "sum-not-mean" else 100)
    root = np.sqrt(square) + epsilon if fault == "epsilon-outside" else np.sqrt(square + epsilon)

    found = amplification.normalised(x, F32(epsilon), fault)

    assert found == pytest.approx(exact / root, rel=1e-4, abs=1e-6)


def test_a_fault_of_the_operation_that_changes_no_output_is_not_planted():
    """A vector of one number has no mean to subtract but itself; a key at 0 is not rotated anyway."""
    with pytest.raises(NotMeasured, match=r"^not planted: unrotated-key changes no output here$"):
        rope({"key_position": 0}, fault="unrotated-key")
    with pytest.raises(NotMeasured, match=r"^not planted: sum-not-mean changes no output here$"):
        rmsnorm({"length": 1}, fault="sum-not-mean")
