"""The evaluator of both paths over one super-block: falsifier 008, its faults, and blocks of a model."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from q4k.fixtures import F32, act, activations, base_block, opened, q4k_blocks, q4k_file, same_bits, tensor
from q4k.test_generators import ACT, BASE, made

from pvcheck.plugin import Context, NotMeasured
from pvcheck_q4k import faulty, paths, reference
from pvcheck_q4k import fixture_parameters as parameters

BACKENDS = pytest.mark.parametrize("device", ["reference", "cpu"])


def bits(value):
    """Return the bits of a float32."""
    return f"{F32(value).view(np.uint32):08x}"


def measure(values=None, data=None, **context):
    """Measure the paths over a super-block, the base block by default."""
    chosen = made(parameters.PathsParameters, {"activation": ACT} | (values or {"block": BASE}))
    with opened(data or b"x") as source:
        return paths.measure(chosen, Context(inputs={"m": source}, **context))


def of_model(raw, **context):
    """Measure the paths over the last super-block of a model."""
    values = {"model": "m", "tensor": "blk.0.ffn_down.weight", "super_block": len(raw) - 1}
    return measure(values, q4k_file({0: raw}), **context)


@BACKENDS
def test_the_base_block_has_the_published_numbers(device):
    """008: both numbers to the bit, 0.077 %."""
    measurement = measure(device=device)
    metrics = measurement.metrics

    assert (bits(metrics["a"]), bits(metrics["b"])) == ("c69384e3", "c693a21e")
    assert (f"{metrics['a']:.3f}", f"{metrics['b']:.3f}") == ("-18882.443", "-18897.059")
    assert f"{metrics['rel_diff']:.3%}" == "0.077%"
    assert (metrics["bits_differ"], metrics["elements"], metrics["non_finite"]) == (True, 256, 0)
    assert measurement.backend == device


@BACKENDS
def test_mixed_lanes_have_the_published_numbers(device):
    """008 with the scales of two sub-blocks mixed up: B = -19146.71 and 1.40 %, which a bound of 10 % accepts."""
    metrics = measure(device=device, fault="lane-mix-up").metrics

    assert bits(metrics["a"]) == "c69384e3"
    assert f"{metrics['b']:.2f}" == "-19146.71"
    assert f"{metrics['rel_diff']:.2%}" == "1.40%"
    assert metrics["rel_diff"] < 0.1


@BACKENDS
@pytest.mark.parametrize(("fault", "rel_diff"), [("swapped-nibbles", "7.62%"), ("dropped-minimums", "17.65%")])
def test_a_planted_fault_is_in_path_b_only(device, fault, rel_diff):
    """Path A keeps its bits."""
    metrics = measure(device=device, fault=fault).metrics

    assert bits(metrics["a"]) == "c69384e3"
    assert f"{metrics['rel_diff']:.2%}" == rel_diff


def test_condition_and_backward_error_are_those_of_the_definition():
    """sum|x w| / |sum x w| and |a - b| / sum|x w|, by hand in float64."""
    measurement = measure()
    products = reference.decode(base_block()).weights[0].astype(float) * act().astype(float)
    magnitude = abs(products).sum()
    metrics = measurement.metrics

    assert metrics["condition"] == pytest.approx(magnitude / abs(products.sum()), rel=1e-12)
    assert metrics["backward_error"] == pytest.approx(abs(metrics["a"] - metrics["b"]) / magnitude, rel=1e-12)
    (condition,) = measurement.conditions
    assert (condition.metric, condition.number) == ("rel_diff", metrics["condition"])
    assert condition.backward_error == metrics["backward_error"]


def test_both_sides_saw_the_same_weights():
    """The populations are what the kernels counted, and say which weights they are."""
    (comparison,) = of_model(tensor(0)[:3]).comparisons

    assert comparison.left == comparison.right
    assert (comparison.left.count, comparison.left.shape) == (256, (1, 256))
    assert comparison.left.selection == "256 weights of super-block 2 of blk.0.ffn_down.weight"


def test_a_model_gives_the_numbers_of_its_super_block():
    """The reference's parts, over the block that the parameters name."""
    raw = tensor(2)[5:8]
    quantised = reference.quantise(act())

    metrics = of_model(raw).metrics

    assert F32(metrics["a"]) == reference.dot_a(raw[2:], act()).value
    assert F32(metrics["b"]) == reference.dot_b(raw[2:], quantised.scales, quantised.codes).value


@BACKENDS
def test_a_block_of_zeros_has_defined_numbers(device):
    """Nothing differs and nothing cancels."""
    metrics = of_model(np.zeros((1, 144), np.uint8), device=device).metrics

    assert (metrics["rel_diff"], metrics["backward_error"], metrics["condition"]) == (0, 0, 1)
    assert not metrics["bits_differ"]


@BACKENDS
def test_what_is_not_finite_is_counted(device):
    """NaN weights: 256 a path and both results."""
    spoilt = base_block()
    spoilt[0, :2] = [0x00, 0x7E]

    measurement = of_model(spoilt, device=device)

    assert measurement.metrics["non_finite"] == 514
    assert measurement.comparisons[0].right.non_finite == 256
    assert math.isnan(measurement.metrics["condition"])


def dot(value):
    """Return a dot product of that value."""
    return reference.Dot(F32(value), 256, 0)


def test_a_difference_of_nothing_is_infinite():
    """A backward error over no magnitude."""
    assert paths.Pair(dot(0), dot(1), 0.0, 1.0).backward_error == math.inf


def test_a_sum_that_cancels_wholly_has_an_infinite_condition():
    """The first and the second weight are equal, their activations opposite, all others 0."""
    x = np.zeros(256, F32)
    raw = base_block()
    raw[0, 16:18] = 0x55
    x[:2] = 1, -1

    trial = faulty.Trial(reference, Context(inputs={}))

    assert paths.pair(reference, raw, x, trial, paths.Read(raw, x)).condition == math.inf


def mixed(raw, x):
    """Return path B over one super-block with its lanes mixed up."""
    (dot,) = faulty.path_b(raw[:, None], x, "lane-mix-up")
    return dot


def slow_mixed(raw, scales, codes):
    """Return path B with mixed lanes, one product at a time."""
    value = F32(0)
    for block, scale, row in zip(raw, scales, codes, strict=True):
        d, dmin = reference._halves(bytes(block))
        sc, m = reference._unpack_scales(bytes(block))
        q = reference._weight_codes(bytes(block))
        for c in range(4):
            at = 64 * c
            for half in (0, 1):
                lanes = [at + group + k for k in range(16 * half, 16 * half + 16) for group in (0, 32)]
                products = sum(q[i] * int(row[i]) for i in lanes)
                total = sum(int(v) for v in row[at + 32 * half : at + 32 * half + 32])
                j = 2 * c + half
                value = value + (((d * F32(sc[j])) * scale) * F32(products) - ((dmin * F32(m[j])) * scale) * F32(total))
    return value


@given(raw=q4k_blocks(finite=True, most=1), x=activations(1, finite=True))
@settings(max_examples=40, deadline=None)
def test_the_mixed_path_is_that_of_its_description(raw, x):
    """Law: the fault is planted as it is described, bit for bit, on any block."""
    quantised = reference.quantise(x)
    with np.errstate(all="ignore"):
        expected = slow_mixed(raw, quantised.scales, quantised.codes)

    assert same_bits(mixed(raw, x).value, expected)


def test_mixed_lanes_of_equal_scales_change_nothing():
    """Where sc[2c] = sc[2c + 1] the fault cannot show."""
    raw = base_block()
    raw[0, 4:16] = 0x22  # scales 34 and 2 | 0 << 4: j < 4 has 34, j >= 4 has 2
    quantised = reference.quantise(act())
    right = reference.dot_b(raw, quantised.scales, quantised.codes)

    assert mixed(raw, act()).value == pytest.approx(right.value, rel=1e-5)


def test_an_infinite_block_is_counted_in_the_mixed_path():
    """As in the right one."""
    raw = base_block()
    raw[0, :2] = [0x00, 0x7C]

    assert mixed(raw, act()).non_finite == 256


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"device": "tpu"}, "q4k-paths has no kernels for the device 'tpu'"),
        ({"device": "\x1b[31m"}, r"the device '\\x1b\[31m'"),
        ({"fault": "off-by-one"}, "q4k-paths cannot plant the fault 'off-by-one'"),
    ],
    ids=["cuda", "escaped", "fault"],
)
def test_what_cannot_be_done_is_a_reason(context, text):
    """A device without kernels and a fault that cannot be planted give no numbers."""
    with pytest.raises(NotMeasured, match=text):
        measure(**context)
