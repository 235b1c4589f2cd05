"""The evaluator: its numbers by hand, what it reports beside them, and what it refuses."""

import math
import struct

import numpy as np
import pytest
from q4k.fixtures import F32, act, base_block, gguf_bytes, opened, q4k_file, same_bits, tensor
from q4k.test_paths import slow_mixed

from pvcheck.plugin import Context, InputError, MetricType, NotMeasured, Skip
from pvcheck_q4k import chain, reference
from pvcheck_q4k.catalogue import CHAIN_METRICS
from pvcheck_q4k.gguf_file import ModelFileError
from pvcheck_q4k.parameters import ChainParameters

BACKENDS = pytest.mark.parametrize("device", ["reference", "cpu"])


def measure(data, layers="0-2", device="reference", **context):
    """Measure the chain over the bytes of a file."""
    parameters = ChainParameters(model="teacher", tensor="blk.{layer}.ffn_down.weight", layers=layers)
    with opened(data) as source:
        return chain.measure(parameters, Context(inputs={"teacher": source}, device=device, **context))


def three_layers():
    """Return a file of three layers with blocks of the recorded falsifiers, more rows than one."""
    return q4k_file({layer: tensor(layer)[layer : layer + 3] for layer in range(3)})


def test_the_activation_is_the_recorded_one():
    """Our act(t) has the bits of the one built number by number."""
    for token in range(7):
        assert same_bits(chain.activation(token), act(token))


@BACKENDS
def test_a_layer_of_008_has_the_published_numbers(device):
    """One layer whose first super-block is the base block gives the bits of falsifier 008."""
    metrics = measure(q4k_file({0: base_block()}), 0, device).metrics

    assert struct.pack(">ff", metrics["a"][0], metrics["b"][0]).hex() == "c69384e3c693a21e"
    assert metrics["rel_diff"] == metrics["rel_diff_unchained"] == (metrics["rel_diff_first"],)
    assert metrics["rel_diff_first"] == pytest.approx(0.00077, abs=5e-6)


def small_blocks(layer):
    """Return a super-block whose results are below 1, where a factor tells a and b apart: d = 2**-17."""
    raw = tensor(layer)[layer : layer + 1].copy()
    raw[0, :4] = [0x80, 0x00, 0x20, 0x80]
    return raw


@BACKENDS
def test_each_path_goes_on_from_its_own_result(device):
    """Layer by layer, x = act * (1 + (y / max(|y|, 1)) * 0.001) with the path's own y, from the twin's parts."""
    x_a = x_b = act()
    expected = []
    for layer in range(3):
        raw = small_blocks(layer)
        a = reference.dot_a(raw, x_a).value
        b = reference.dot_b(raw, *reference.quantise(x_b)[:2]).value
        expected.append((a, b))
        x_a, x_b = (
            np.array([v * (F32(1) + (y / max(abs(y), F32(1))) * F32(0.001)) for v in act()], F32) for y in (a, b)
        )

    metrics = measure(q4k_file({layer: small_blocks(layer) for layer in range(3)}), device=device).metrics

    assert all(0 < abs(a) < 1 for a, _ in expected)
    assert not same_bits(x_a, x_b)
    assert list(zip(metrics["a"], metrics["b"], strict=True)) == expected


def test_both_backends_report_the_same():
    """The compiled kernels and the twin give equal measurements but for the names of the backends."""
    one, other = (measure(three_layers(), device=device) for device in ("cpu", "reference"))

    assert one.metrics == other.metrics
    assert (one.comparisons, one.conditions, one.links, one.ratios) == (
        other.comparisons, other.conditions, other.links, other.ratios,
    )  # fmt: skip
    assert (one.backend, other.backend) == ("cpu", "reference")
    assert set(one.libraries) == {"numpy", "numba", "llvmlite"}
    assert set(other.libraries) == {"numpy"}


def test_the_chain_differs_from_the_layers_alone():
    """rel_diff_unchained is the layer fed by act; with the chain the second layer gives other bits."""
    metrics = measure(three_layers()).metrics
    alone = measure(q4k_file({1: tensor(1)[1:2]}), "1").metrics

    assert metrics["rel_diff_unchained"][1] == alone["rel_diff"][0]
    assert metrics["rel_diff"][1] != alone["rel_diff"][0]


def test_the_metrics_are_those_of_the_catalogue():
    """Every metric has the declared name, type and shape; f32 metrics are float32 values."""
    metrics = measure(three_layers()).metrics
    specs = {spec.name: spec for spec in CHAIN_METRICS}

    assert set(metrics) == set(specs)
    for name, value in metrics.items():
        assert isinstance(value, tuple) == specs[name].series, name
        for number in value if isinstance(value, tuple) else (value,):
            assert type(number) is (int if specs[name].type is MetricType.INT else float), name
            if specs[name].type is MetricType.F32:
                assert float(F32(number)) == number, name


def test_condition_and_backward_error_are_those_of_the_definition():
    """sum|x w| / |sum x w| and |a - b| / sum|x w|, by hand in float64."""
    measurement = measure(q4k_file({0: base_block()}), "0")
    products = reference.decode(base_block()).weights[0].astype(float) * act().astype(float)
    number, magnitude = abs(products).sum() / abs(products.sum()), abs(products).sum()

    assert measurement.metrics["condition"][0] == pytest.approx(number, rel=1e-12)
    error = abs(measurement.metrics["a"][0] - measurement.metrics["b"][0]) / magnitude
    assert measurement.metrics["backward_error"][0] == pytest.approx(error, rel=1e-12)


def test_conditions_cover_layers_and_statistics():
    """Each layer has a condition in both series, each statistic that of the worst layer it leans on."""
    measurement = measure(three_layers())
    numbers = measurement.metrics["condition"]
    found = {(c.metric, c.position): c.number for c in measurement.conditions}

    assert [found["rel_diff", position] for position in range(3)] == list(numbers)
    assert ("rel_diff_unchained", 2) in found
    assert found["rel_diff_mean", None] == max(numbers)
    assert found["rel_diff_last", None] == numbers[2]
    assert found["growth_last_over_first", None] == max(numbers[0], numbers[2])


def test_the_populations_are_what_the_kernels_saw():
    """Both paths saw 256 elements a layer, of the same selection, and say which."""
    (comparison,) = measure(three_layers()).comparisons

    assert comparison.left == comparison.right
    assert (comparison.left.count, comparison.left.shape, comparison.left.non_finite) == (768, (3, 256), 0)
    assert comparison.left.selection == (
        "first super-block (weights 0 to 255 of row 0) of blk.{layer}.ffn_down.weight, layers 0-2, 3 of them measured"
    )
    assert {"rel_diff", "rel_diff_max", "growth_last_over_first"} <= set(comparison.metrics)


def formula(y):
    """Return what "scalar-scale" must carry, in float64: the relative response of 1 + y / max(|y|, 1) * 0.001.

    The next layer's activation is act times that factor, and path A is linear in it.
    """
    before, after = (1 + value / max(abs(value), 1.0) * 0.001 for value in (y, y * (1 + 2.0**-10)))
    return abs(after - before) / before * 2.0**10


@BACKENDS
def test_the_carry_is_what_the_formula_says(device):
    """For |y| < 1 it is near 0.001 |y|, as near as float32 activations can tell; for |y| >= 1 it is 0."""
    metrics = measure(q4k_file({layer: small_blocks(layer) for layer in range(3)}), device=device).metrics

    assert len(metrics["carry"]) == 2
    for y, found in zip(metrics["a"][:-1], metrics["carry"], strict=True):
        assert found == pytest.approx(formula(y), rel=0.25)
        assert 0 < found < 0.001


def test_a_large_result_carries_nothing():
    """Of |y| >= 1 only the sign is left in the factor."""
    metrics = measure(three_layers()).metrics

    assert all(abs(a) > 1 for a in metrics["a"])
    assert metrics["carry"] == (0.0, 0.0)
    assert formula(-18882.4) == formula(1.0) == 0


@BACKENDS
def test_the_next_layer_is_really_run(device):
    """The response by hand: the factor of the changed result, the activation in float32, the sum in float64."""
    blocks = [small_blocks(layer) for layer in range(2)]
    a = reference.dot_a(blocks[0], act()).value
    sums = []
    for y in (a, a * F32(1 + 2.0**-10)):
        x = np.array([v * (F32(1) + (y / max(abs(y), F32(1))) * F32(0.001)) for v in act()], F32)
        sums.append(sum(float(w) * float(v) for w, v in zip(reference.decode(blocks[1]).weights[0], x, strict=True)))

    metrics = measure(q4k_file(dict(enumerate(blocks))), "0-1", device).metrics

    assert metrics["carry"] == (abs(sums[1] - sums[0]) / abs(sums[0]) / 2.0**-10,)


def test_a_response_to_nothing_and_of_nothing():
    """Nothing that moves is 0, out of a sum of 0 it is infinite, out of NaN it is NaN."""
    assert chain.response(step_of(0, 0, 0.0, 1.0), step_of(0, 0, 0.0, 1.0)) == 0.0
    assert chain.response(step_of(0, 0, 0.0, 1.0), step_of(0, 0, 1.0, 1.0)) == math.inf
    assert math.isnan(chain.response(step_of(0, 0, math.nan, 1.0), step_of(0, 0, 1.0, 1.0)))


def measured_fault(fault, layers=3, data=None, **context):
    """Return the metrics of the chain over small blocks, with a fault."""
    data = data or q4k_file({n: np.concatenate([small_blocks(n), small_blocks(n + 1)]) for n in range(layers)})
    return measure(data, f"0-{layers - 1}", fault=fault, **context).metrics


def test_a_fault_of_path_b_is_in_every_layer_and_in_no_path_a():
    """Layer by layer the lanes are mixed as the slow way mixes them, from path B's own results."""
    x, expected = act(), []
    for layer in range(3):
        quantised = reference.quantise(x)
        b = slow_mixed(small_blocks(layer), quantised.scales, quantised.codes)
        expected.append(float(b))
        x = act() * chain.factor(b)

    wrong = measured_fault("lane-mix-up")

    assert wrong["b"] == tuple(expected)
    assert wrong["a"] == measured_fault(None)["a"]


def test_a_wrong_block_is_the_one_after():
    """Path B of the first layer reads the second super-block of the tensor; where there is none, nothing is planted."""
    quantised = reference.quantise(act())

    wrong = measured_fault("wrong-block")

    assert wrong["b"][0] == float(reference.dot_b(small_blocks(1), quantised.scales, quantised.codes).value)
    with pytest.raises(NotMeasured, match=r"^not planted: tensor 'blk\.0\.ffn_down\.weight' has one super-block$"):
        measured_fault("wrong-block", data=q4k_file({n: small_blocks(n) for n in range(3)}))


def test_crossed_paths_and_a_chain_from_x():
    """Path B goes on from path A's result; both go on from the activation before."""
    right, crossed, from_x = (measured_fault(fault) for fault in (None, "crossed-paths", "propagated-from-x"))
    x = act() * chain.factor(F32(right["a"][0]))
    quantised = reference.quantise(x)

    assert crossed["b"][1] == float(reference.dot_b(small_blocks(1), quantised.scales, quantised.codes).value)
    assert crossed["b"] != right["b"]
    assert from_x["a"][:2] == right["a"][:2]
    x = x * chain.factor(F32(right["a"][1]))
    assert from_x["a"][2] == float(reference.dot_a(small_blocks(2), x).value)


def test_a_growth_over_the_neighbour():
    """The last layer over the one before it: how 1.8081 was made."""
    right, wrong = measured_fault(None), measured_fault("growth-over-neighbour")

    assert wrong["growth_last_over_first"] == right["rel_diff"][2] / right["rel_diff"][1]
    assert right["growth_last_over_first"] == right["rel_diff"][2] / right["rel_diff"][0]


@pytest.mark.parametrize("fault", ["propagated-from-x", "growth-over-neighbour", "codes-to-even"])
def test_a_fault_that_changes_nothing_is_not_planted(fault):
    """Two layers cannot tell, and act has no exact halves."""
    with pytest.raises(NotMeasured, match=f"^not planted: {fault} changes no result"):
        measured_fault(fault, layers=2)


def test_crossed_paths_of_large_results_change_nothing():
    """Only the sign goes on, and that is the same."""
    with pytest.raises(NotMeasured, match=r"^not planted: crossed-paths changes no result here$"):
        measure(three_layers(), fault="crossed-paths")


def test_a_fault_in_an_array_is_in_the_first_block_that_path_b_reads():
    """Path A reads the right one; a NaN finds a place in the activation, as codes have none."""
    right, flipped, nan = (measured_fault(fault) for fault in (None, "array-flipped-bit", "array-nan"))

    assert flipped["b"][0] != right["b"][0]
    assert flipped["a"] == right["a"]
    assert math.isnan(nan["b"][0])
    assert nan["a"] == right["a"]


def test_a_nan_has_its_populations():
    """A minimum and a maximum that are NaN compare all the same."""
    measurement = measure(three_layers(), fault="array-nan")

    assert math.isnan(measurement.metrics["rel_diff_min"])
    assert {"rel_diff_min", "rel_diff_max"} <= set(measurement.comparisons[0].metrics)


def test_links_and_labels_name_the_layers():
    """A link leads from each measured layer to the next one; labels stand beside the series."""
    measurement = measure(q4k_file({0: base_block(), 4: base_block()}), "0-4")

    assert measurement.labels == ("layer 0", "layer 4")
    assert [(link.position, link.label, link.carry) for link in measurement.links] == [(0, "layer 0 to layer 4", 0.0)]
    assert measurement.metrics["carry"] == (0.0,)


def test_a_missing_layer_and_one_of_another_type_are_skipped_and_named():
    """The chain goes on over them, and each has its reason."""
    with_q6 = q4k_file({0: base_block(), 2: base_block()})
    other = q4k_file({1: np.zeros((1, 210), np.uint8)}, kind=14)

    measurement = measure(with_q6, "0-2")

    assert measurement.skipped == (Skip(what="layer 1", reason="has no tensor 'blk.1.ffn_down.weight'"),)
    assert (measurement.metrics["layers_measured"], measurement.metrics["layers_skipped"]) == (2, 1)
    with pytest.raises(NotMeasured) as caught:
        measure(other, "0-5")
    assert str(caught.value) == (
        "no layer could be measured: layer 0 has no tensor 'blk.0.ffn_down.weight'; "
        "layer 1 has tensor 'blk.1.ffn_down.weight' in Q6_K, not Q4_K; "
        "layer 2 has no tensor 'blk.2.ffn_down.weight'; and 3 more"
    )


def test_one_skip_is_named_without_a_remainder():
    """A reason of one layer is that layer's."""
    with pytest.raises(NotMeasured, match=r"^no layer could be measured: layer 9 has no tensor '[^']*'$"):
        measure(three_layers(), "9")


@BACKENDS
def test_weights_that_are_not_finite_are_reported(device):
    """A layer with d = NaN makes its numbers NaN and the counts say how many elements; nothing is hidden."""
    spoilt = base_block()
    spoilt[0, :2] = [0x00, 0x7E]

    measurement = measure(q4k_file({0: base_block(), 1: spoilt, 2: base_block()}), device=device)

    assert [math.isnan(value) for value in measurement.metrics["rel_diff"]] == [False, True, True]
    assert [math.isnan(value) for value in measurement.metrics["rel_diff_unchained"]] == [False, True, False]
    assert measurement.metrics["non_finite"] == 4 * 256 + 4  # weights of layer 1, activations of layer 2; both paths
    assert math.isnan(measurement.metrics["rel_diff_max"])
    assert measurement.comparisons[0].left.non_finite == 512
    assert math.isnan(next(c for c in measurement.conditions if c.metric == "rel_diff_mean").number)


@BACKENDS
def test_zero_weights_have_defined_numbers(device):
    """All-zero weights: nothing differs, nothing cancels, no NaN, and no ratio of nothing."""
    metrics = measure(
        q4k_file({0: np.zeros((1, 144), np.uint8), 1: np.zeros((1, 144), np.uint8)}), "0-1", device
    ).metrics

    assert metrics["rel_diff"] == metrics["backward_error"] == (0.0, 0.0)
    assert metrics["condition"] == (1.0, 1.0)
    assert "growth_last_over_first" not in metrics


def step_of(a, b, total, magnitude):
    """Return a step of the given sums."""
    return reference.Step(F32(a), F32(b), total, magnitude, 256, 256, 0, 0)


def test_a_sum_that_cancels_wholly_has_an_infinite_condition():
    """Total 0 of a magnitude above 0 is as ill-conditioned as can be."""
    assert chain.conditioning(step_of(0, 1, 0.0, 4.0)) == (math.inf, 0.25)
    assert chain.conditioning(step_of(0, 1, 0.0, 0.0)) == (1.0, math.inf)


def test_rel_diff_has_a_floor():
    """rel_diff divides by at least 1e-9, in float32."""
    assert chain.relative(F32(0), F32(1e-9)) == 1.0
    assert chain.relative(F32(-2), F32(-1)) == 0.5


def test_only_the_header_and_the_blocks_used_are_read():
    """The recorded ranges are the header, to the next 4 KiB, and 144 bytes of each layer."""
    rows = np.zeros((64, 144), np.uint8)
    parameters = ChainParameters(model="m", tensor="blk.{layer}.ffn_down.weight", layers="0-2")
    with opened(q4k_file(dict.fromkeys(range(3), rows))) as source:
        chain.measure(parameters, Context(inputs={"m": source}, device="reference"))
        start, second, third = source.ranges()

    assert start == (0, 4096)
    assert [second[1], third[1]] == [144, 144]
    assert third[0] - second[0] == rows.nbytes


def test_progress_counts_the_layers():
    """Progress is told after each layer."""
    told = []

    measure(three_layers(), progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"device": "tpu"}, "q4k-chain has no kernels for the device 'tpu'"),
        ({"device": "\x1b[31m"}, r"the device '\\x1b\[31m'"),
        ({"fault": "off-by-one"}, "q4k-chain cannot plant the fault 'off-by-one'"),
    ],
    ids=["cuda", "escaped", "fault"],
)
def test_what_cannot_be_done_is_a_reason(context, text):
    """A device without kernels and a fault that cannot be planted give no numbers."""
    with pytest.raises(NotMeasured, match=text):
        measure(three_layers(), **context)


def test_an_input_that_is_not_there_or_not_sound_is_an_error():
    """A name without an input, and a file that is no GGUF file."""
    parameters = ChainParameters(model="other", tensor="{layer}", layers="0")

    with pytest.raises(InputError, match="there is no input named 'other'"):
        chain.measure(parameters, Context(inputs={}))
    with pytest.raises(ModelFileError, match="MODEL-MAGIC at byte 0"):
        measure(gguf_bytes(start=b"GGML\3\0\0\0"))
