"""The chain of feed-forward parts on a residual stream: its numbers by hand, its refusals, what stands beside them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.chain_models import apr_model, compiled, gentle, gguf_model, made, norm, q6k_matrix, slow_products, told, whole
from q4k.fixtures import F32, act, opened, q4k_blocks, same_bits
from q4k.test_matvec_chain import backward_errors, diagonal
from q4k.test_q6k import q6k_blocks

from pvcheck.plugin import Cancelled, Context, NotMeasured, Skip, sides, wire
from pvcheck_q4k import ffn_chain
from pvcheck_q4k.chain_catalogue import FFN_METRICS
from pvcheck_q4k.chain_parameters import FfnChainParameters

HIDDEN, INNER = 32, 3


def measure(data, change=None, **context):
    """Measure the chain over the bytes of a file."""
    values = {"model": "m", "layers": "0-1", "cover": "all"} | (change or {})
    with opened(data) as source:
        return ffn_chain.measure(made(FfnChainParameters, values), Context(inputs={"m": source}, **context))


def layer(number, gate, up, down, norm_weights=None, columns=None):
    """Return the tensors of one layer."""
    hidden, inner = columns or (256 * gate.shape[1], 256 * down.shape[1])
    tensors = {
        f"blk.{number}.ffn_gate.weight": whole(gate, hidden),
        f"blk.{number}.ffn_up.weight": whole(up, hidden),
        f"blk.{number}.ffn_down.weight": whole(down, inner),
    }
    if norm_weights is not None:
        content = np.asarray(norm_weights, "<f4")
        tensors[f"blk.{number}.ffn_norm.weight"] = ((content.size,), "F32", content.tobytes())
    return tensors


def narrow(number, *, norm_weights=None, gate=gentle, down=gentle):
    """Return a layer of a model that is 32 wide and 3 inside: rows that fill a part of their super-block."""
    parts = gate(INNER, 1, number), gentle(INNER, 1, number + 5), down(HIDDEN, 1, number + 9)
    return layer(number, *parts, norm_weights, (HIDDEN, INNER))


def two(**changes):
    """Return an APR file of two narrow layers, as only such a file can have them."""
    return apr_model(narrow(0, **changes) | narrow(1, **changes))


def slow_layer(matrices, weights, h_a, h_b):
    """Return the streams of both paths after a layer, number by number, path A's W z, and sum |z w|, sum z w."""
    gate, up, down = matrices
    x_a, x_b = (slow_norm(h, weights) for h in (h_a, h_b))
    g_a, g_b, *_ = slow_products(gate, x_a, x_b)
    u_a, u_b, *_ = slow_products(up, x_a, x_b)
    z_a, z_b = (
        np.array([F32(float(g) / (1 + math.exp(-float(g)))) * u for g, u in zip(gates, ups, strict=True)], F32)
        for gates, ups in ((g_a, u_a), (g_b, u_b))
    )
    d_a, d_b, added, sums = slow_products(down, z_a, z_b)
    return h_a + d_a, h_b + d_b, (d_a, d_b, added, sums)


def slow_norm(h, weights):
    """Return h / sqrt(mean square + 1e-6) times the weights, number by number."""
    total = F32(0)
    for value in h:
        total = total + value * value
    rms = np.sqrt(total / F32(h.size) + F32(1e-6))
    return np.array([value / rms * weight for value, weight in zip(h, weights, strict=True)], F32)


@pytest.mark.parametrize("weighed", [True, False])
@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_the_chain_is_that_of_its_description(device, weighed):
    """Two layers from the twins, each path on its own stream, with norm weights and without."""
    weights = np.linspace(0.5, 2, HIDDEN, dtype=F32) if weighed else np.ones(HIDDEN, F32)
    data = two(norm_weights=weights if weighed else None)
    h_a = h_b = act()[:HIDDEN]
    expected = []
    for number in range(2):
        parts = gentle(INNER, 1, number), gentle(INNER, 1, number + 5), gentle(HIDDEN, 1, number + 9)
        stream = h_a.astype(float)
        _, alone, _ = slow_layer(parts, weights, h_a, h_a)
        h_a, h_b, (d_a, d_b, added, sums) = slow_layer(parts, weights, h_a, h_b)
        expected.append((
            norm(h_a.astype(float) - h_b) / norm(h_a),
            norm(d_a.astype(float) - d_b) / norm(d_a),
            norm(h_a.astype(float) - alone) / norm(h_a),
            norm(abs(stream) + added) / norm(stream + sums),
            norm(added) / norm(sums),
            norm(h_a.astype(float) - h_b) / norm(abs(stream) + added),
            norm(d_a.astype(float) - d_b) / norm(added),
            norm(h_a.astype(float) - alone) / norm(abs(stream) + added),
        ))  # fmt: skip

    measurement = measure(data, device=device)

    names = (
        "rel_l2", "rel_l2_ffn", "rel_l2_unchained", "condition", "condition_ffn", "backward_error",
        "backward_error_ffn",
    )  # fmt: skip
    *series_by_name, unchained = zip(*expected, strict=True)
    assert backward_errors(measurement, "rel_l2_unchained") == pytest.approx(unchained, rel=1e-6)
    for name, series in zip(names, series_by_name, strict=True):
        assert measurement.metrics[name] == pytest.approx(series, rel=1e-6), name
    words = "normalised without norm weights, as there are none in F32: every layer"
    assert measurement.notes == (() if weighed else (words,))


@compiled
def test_a_layer_by_hand():
    """Diagonals on a stream of ones: x = 1, gate 2, up 3, down 1, so h = 1 + 6 / (1 + exp(-2))."""
    eye = [diagonal(weight) for weight in (2, 3, 1)]
    ones = [{"times": 0, "plus": 1}]

    measurement = measure(
        gguf_model(layer(0, *eye, np.ones(256))), {"layers": 0, "activation": ones, "cover": "first-blocks"}
    )
    metrics = measurement.metrics

    assert metrics["rel_l2_ffn"] == pytest.approx((0.0,), abs=1e-6)
    assert metrics["condition"] == metrics["condition_ffn"] == (1.0,)
    assert (metrics["rows"], metrics["elements"]) == (768, 3 * 65536)
    assert measurement.comparisons[0].left.shape == (1, 3 * 65536)
    assert "carry" not in metrics


def test_silu_is_rounded_once():
    """It is x / (1 + exp(-x)) of float64 in float32; large numbers stay themselves or become 0, NaN stays NaN."""
    x = np.array([0, 1, -1, 0.5, 30, -30, 800, -800, 1e-30, np.inf], F32)

    found = ffn_chain.silu(x)

    expected = [float(v) / (1 + math.exp(-float(v))) if v > -700 else 0.0 for v in x]
    assert same_bits(found[:9] + F32(0), np.array(expected[:9], F32))
    assert found[9] == math.inf
    assert found.dtype == F32
    assert np.isnan(ffn_chain.silu(np.array([np.nan, -np.inf], F32))).all()


def test_the_epsilon_is_under_the_root():
    """A stream of zeros stays one, and a small one is not blown up."""
    assert same_bits(ffn_chain.rms_normalised(np.zeros(4, F32)), np.zeros(4, F32))
    assert ffn_chain.rms_normalised(np.full(4, 1e-3, F32))[0] == pytest.approx(math.sqrt(0.5), rel=1e-6)


def test_the_next_layer_is_really_run():
    """The carry by hand: path A's stream changed towards path B's, through the whole next layer."""
    ones = np.ones(HIDDEN, F32)
    parts = [(gentle(INNER, 1, n), gentle(INNER, 1, n + 5), gentle(HIDDEN, 1, n + 9)) for n in range(2)]
    h_a, h_b, _ = slow_layer(parts[0], ones, act()[:HIDDEN], act()[:HIDDEN])
    away = h_b.astype(float) - h_a
    changed = (h_a + away * (norm(h_a) / 1024 / norm(away))).astype(F32)
    (after, *_), (other, *_) = (slow_layer(parts[1], ones, h, h) for h in (h_a, changed))
    expected = norm(other.astype(float) - after) / norm(after) * 1024

    measurement = measure(two())

    assert measurement.metrics["carry"] == (pytest.approx(expected, rel=1e-3),)
    assert measurement.links[0].label == "layer 0 to layer 1"


@st.composite
def models(draw):
    """Draw two layers of any blocks: 256 or 512 wide, with gate and up of either type, down of 256 or 512 rows."""
    hidden = draw(st.integers(1, 3))
    tensors = {}
    for number in range(2):
        inner = draw(st.integers(1, 3))
        parts = []
        for rows in (inner, inner, hidden):
            blocks = draw(draw(st.sampled_from([q4k_blocks, q6k_blocks]))(finite=draw(st.booleans())))
            parts.append(np.resize(blocks, (rows, 1, blocks.shape[1])))
        tensors |= layer(number, *parts, columns=(hidden, inner))
    return tensors


@given(tensors=models(), threads=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_the_devices_say_the_same(tensors, threads):
    """Law: on one machine all that is told is equal bit for bit, also after exp."""
    data = apr_model(tensors)

    one, other = (measure(data, device=device, threads=threads) for device in ("cpu", "reference"))

    assert told(one) == told(other)


@compiled
def test_first_blocks_are_a_model_of_256():
    """The first super-block of the first 256 rows of each tensor, and the first 256 norm weights."""
    wide = [gentle(512, 2, 0), q6k_matrix(512, 2, 1), gentle(512, 2, 6)]
    weights = np.linspace(0.5, 1.5, 512, dtype=F32)
    square = [np.ascontiguousarray(raw[:256, :1]) for raw in wide]

    found = measure(gguf_model(layer(0, *wide, weights)), {"layers": 0, "cover": "first-blocks"})

    assert found.metrics == measure(gguf_model(layer(0, *square, weights[:256])), {"layers": 0}).metrics
    assert found.comparisons[0].left.selection == (
        "the first super-block of rows 0 to 255 of blk.{layer}.ffn_gate.weight, blk.{layer}.ffn_up.weight, "
        "blk.{layer}.ffn_down.weight, layers 0, 1 of them measured"
    )


def test_the_metrics_are_those_of_the_catalogue():
    """Declared names and types, both sides told of what compares."""
    measurement = measure(two())

    wire.check(measurement, FFN_METRICS)
    sides.refuse_one_sided(measurement, FFN_METRICS)
    assert set(measurement.metrics) == {spec.name for spec in FFN_METRICS}
    compared = {name for each in measurement.comparisons for name in each.metrics}
    assert compared == {spec.name for spec in FFN_METRICS if spec.compares}


def test_what_stands_beside_the_layers():
    """Each relative difference has the condition of what it divides by."""
    measurement = measure(two(gate=q6k_matrix))
    metrics = measurement.metrics
    found = {(each.metric, each.position): (each.number, each.backward_error) for each in measurement.conditions}

    for position in range(2):
        own = metrics["condition_ffn"][position], metrics["backward_error_ffn"][position]
        assert found["rel_l2_ffn", position] == own
        whole_layer = metrics["condition"][position], metrics["backward_error"][position]
        assert found["rel_l2", position] == whole_layer
        assert found["rel_l2_unchained", position][0] == metrics["condition"][position]
    assert measurement.comparisons[0].left == measurement.comparisons[0].right == measurement.comparisons[1].right
    assert metrics["elements"] == 2 * (2 * INNER + HIDDEN) * 256


def test_layers_are_skipped_and_named():
    """One tensor of another type or shape is enough, and so is another width than that of the first layer."""
    data = apr_model(
        narrow(1)
        | (narrow(2) | {"blk.2.ffn_up.weight": ((32, 3), "F16", bytes(192))})
        | (narrow(3) | {"blk.3.ffn_up.weight": whole(gentle(4, 1), HIDDEN)})
        | (narrow(5) | {"blk.5.ffn_down.weight": whole(gentle(HIDDEN, 1), 4)})
        | (narrow(6) | {"blk.6.ffn_down.weight": whole(gentle(33, 1), INNER)})
        | layer(4, gentle(3, 1), gentle(3, 1), gentle(40, 1), columns=(40, 3))
    )

    measurement = measure(data, {"layers": "0-6"})

    assert measurement.labels == ("layer 1",)
    assert measurement.skipped == (
        Skip(what="layer 0", reason="has no tensor 'blk.0.ffn_gate.weight'"),
        Skip(what="layer 2", reason="has tensor 'blk.2.ffn_up.weight' in F16, not Q4_K or Q6_K"),
        Skip(what="layer 3", reason="has gate, up and down of 3 x 32, 4 x 32, 32 x 3, which do not fit each other"),
        Skip(what="layer 4", reason="takes 40 numbers, where layer 1 takes 32"),
        Skip(what="layer 5", reason="has gate, up and down of 3 x 32, 3 x 32, 32 x 4, which do not fit each other"),
        Skip(what="layer 6", reason="has gate, up and down of 3 x 32, 3 x 32, 33 x 3, which do not fit each other"),
    )
    with pytest.raises(NotMeasured) as caught:
        measure(data, {"layers": "1", "cover": "first-blocks"})
    assert str(caught.value) == (
        "no layer could be measured: layer 1 has tensor 'blk.1.ffn_gate.weight' with 3 rows, so none of number 255"
    )


@pytest.mark.parametrize(
    "tensors",
    [
        {"blk.1.ffn_norm.weight": ((HIDDEN,), "F16", bytes(2 * HIDDEN))},
        {"blk.1.ffn_norm.weight": ((HIDDEN - 1,), "F32", bytes(4 * HIDDEN - 4))},
        {"blk.1.ffn_norm.weight": ((HIDDEN, 1), "F32", bytes(4 * HIDDEN))},
    ],
    ids=["F16", "short", "matrix"],
)
def test_norm_weights_that_cannot_be_used_are_told(tensors):
    """The layer is measured without them, and a note says which one."""
    weights = np.ones(HIDDEN, F32)
    data = apr_model(narrow(0, norm_weights=weights) | narrow(1) | tensors)

    measurement = measure(data)

    assert measurement.notes == ("normalised without norm weights, as there are none in F32: layer 1",)


def test_norm_weights_may_be_left_out():
    """A name of null is no tensor; many layers are told in short."""
    weights = np.full(HIDDEN, 3, F32)
    layers = [narrow(number, norm_weights=weights if number == 9 else None) for number in range(10)]
    data = apr_model({name: each for tensors in layers for name, each in tensors.items()})

    assert measure(two(norm_weights=weights), {"norm": None}).metrics == measure(two()).metrics
    assert measure(two(norm_weights=weights)).metrics != measure(two()).metrics
    assert measure(data, {"layers": "0-9"}).notes == (
        "normalised without norm weights, as there are none in F32: layer 0, 1, 2, 3 and 5 more",
    )


def test_what_is_not_finite_is_counted_and_passed_on():
    """An infinite d of one gate makes the stream NaN, and every later layer."""
    spoilt = narrow(0)
    gate = gentle(INNER, 1)
    gate[1, 0, :2] = [0x00, 0x7C]
    data = apr_model(spoilt | {"blk.0.ffn_gate.weight": whole(gate, HIDDEN)} | narrow(1))

    metrics = measure(data).metrics

    assert all(math.isnan(value) for value in metrics["rel_l2"])
    assert metrics["non_finite"] > 2 * 256
    assert repr(metrics) == repr(measure(data, device="reference").metrics)


def test_the_host_is_told_and_asked():
    """Rows done of the rows of all three tensors; after a part it may stop."""
    rows = []

    measure(two(), progress=lambda done, total: rows.append((done, total)))

    assert rows == [(3, 76), (6, 76), (38, 76), (41, 76), (44, 76), (76, 76)]
    with pytest.raises(Cancelled):
        measure(two(), cancelled=lambda: True)
