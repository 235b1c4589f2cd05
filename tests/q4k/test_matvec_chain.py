"""The chain of matrix-vector products over model files: its numbers by hand, what stands beside them, its refusals."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.chain_models import (
    apr_model,
    compiled,
    gguf_model,
    made,
    matvec_model,
    norm,
    q4k_matrix,
    q6k_matrix,
    slow_normalised,
    slow_products,
    told,
    whole,
)
from q4k.fixtures import F32, act, opened, q4k_blocks
from q4k.test_q6k import q6k_blocks

from pvcheck.plugin import Cancelled, Context, InputError, NotMeasured, Skip, Source, sides, wire
from pvcheck.plugin import context as plugin_context
from pvcheck_q4k import chain_products, chain_results, forms, matvec_chain, tensor_rows
from pvcheck_q4k.chain_catalogue import MATVEC_METRICS
from pvcheck_q4k.chain_parameters import MatvecChainParameters
from pvcheck_q4k.gguf_file import ModelFileError

TENSOR = "blk.{layer}.attn_output.weight"


def measure(data, change=None, **context):
    """Measure the chain over the bytes of a file."""
    values = {"model": "m", "tensor": TENSOR, "layers": "0-2", "cover": "all", "fit": "repeat"} | (change or {})
    parameters = made(MatvecChainParameters, {key: value for key, value in values.items() if value is not None})
    with opened(data) as source:
        return matvec_chain.measure(parameters, Context(inputs={"m": source}, **context))


def small(make=gguf_model):
    """Return a file of three layers: Q4_K, Q6_K and Q4_K, 5 x 512, 3 x 256 and 4 x 256."""
    return matvec_model(q4k_matrix(5, 2), q6k_matrix(3, 1), q4k_matrix(4, 1, 3), make=make)


def diagonal(weight, size=256):
    """Return a matrix of one super-block a row that multiplies each number by ``weight``, 1 to 15."""
    raw = np.zeros((size, 1, 144), np.uint8)
    raw[:, :, 0:2] = [0x00, 0x3C]  # d = 1
    raw[:, :, 4:8] = 1  # scales of sub-blocks 0 to 3; those of 4 to 7 share the last four bytes
    raw[:, :, 12:16] = 1
    for row in range(size):
        run, lane = divmod(row, 64)
        raw[row, 0, 16 + 32 * run + lane % 32] = weight << 4 * (lane // 32)
    return raw


WHOLE_NUMBERS = [{"modulo": 255, "shift": -127}]
"""-127 to 127 and then -127: path B quantises these with a scale of 1, so without an error."""


@compiled
def test_what_is_read_is_hashed_while_it_is_used(monkeypatch, tmp_path):
    """All tensors are asked for before the first product, and the digest is that of their ranges all the same."""
    path = tmp_path / "model.gguf"
    path.write_bytes(matvec_model(*(q4k_matrix(256, 1, number) for number in range(3))))
    monkeypatch.setattr(plugin_context, "AHEAD_LEAST", 1)
    parameters = made(MatvecChainParameters, {"model": "m", "tensor": TENSOR, "layers": "0,2"})

    with Source(str(path), hashes_ahead=True) as source, Source(str(path)) as plain:
        asked = []
        multiply = chain_products.Desk.multiply

        def watched(desk, matrix, x):
            asked.append(source._ahead and list(source._ahead._asked))
            return multiply(desk, matrix, x)

        monkeypatch.setattr(chain_products.Desk, "multiply", watched)
        matvec_chain.measure(parameters, Context(inputs={"m": source}))
        matvec_chain.measure(parameters, Context(inputs={"m": plain}))

        assert asked[0] == list(source.ranges())
        assert source.ranges() == plain.ranges()
        assert source.read_digest() == plain.read_digest()


@compiled
def test_a_chain_by_hand():
    """Diagonals of 3 and 5: what path B quantises exactly does not differ, nothing cancels, a change arrives whole."""
    measurement = measure(
        matvec_model(diagonal(3), diagonal(5)), {"layers": "0-1", "fit": None, "activation": WHOLE_NUMBERS}
    )
    metrics = measurement.metrics

    assert metrics["rel_l2"][0] == metrics["rel_l2_unchained"][0] == metrics["backward_error"][0] == 0.0
    assert metrics["rel_l2"][1] < 1e-6
    assert metrics["condition"] == (1.0, 1.0)
    assert metrics["carry"] == (pytest.approx(1.0, abs=1e-3),)
    assert (metrics["rows"], metrics["elements"], metrics["non_finite"]) == (512, 2 * 65536, 0)


@compiled
def test_the_error_of_a_quantised_activation_by_hand():
    """A diagonal: the difference is that of the codes, round(x / s) s against x, over the activation's norm."""
    x = act().astype(float)
    step = abs(x).max() / 127
    expected = norm(np.round(x / step) * step - x) / norm(x)

    metrics = measure(matvec_model(diagonal(1)), {"layers": 0}).metrics

    assert metrics["rel_l2_first"] == metrics["rel_l2_last"] == pytest.approx(expected, rel=1e-2)


def slow(matrices, counts, first):
    """Return rel_l2, rel_l2_unchained, condition, and the backward error of each, of the layers from the twins."""
    x_a = x_b = first
    series = []
    for raw, count in zip(matrices, counts, strict=True):
        x_a, x_b = (np.array([x[i % x.size] for i in range(count)], F32) for x in (x_a, x_b))
        y_a, y_b, added, sums = slow_products(raw, x_a, x_b)
        _, y_alone, _, _ = slow_products(raw, x_a, x_a)
        x_a, x_b, alone = map(slow_normalised, (y_a, y_b, y_alone))
        series.append((
            norm(x_a.astype(float) - x_b) / norm(x_a),
            norm(x_a.astype(float) - alone) / norm(x_a),
            norm(added) / norm(sums),
            norm(y_a.astype(float) - y_b) / norm(added),
            norm(y_a.astype(float) - y_alone) / norm(added),
        ))  # fmt: skip
    return zip(*series, strict=True)


def backward_errors(measurement, metric):
    """Return the backward errors of a series."""
    return tuple(each.backward_error for each in measurement.conditions if each.metric == metric)


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("make", [gguf_model, apr_model])
def test_the_chain_is_that_of_its_description(device, make):
    """Layer by layer from the twins, Q4_K and Q6_K, each path on its own normalised output, repeated to fit."""
    matrices = [q4k_matrix(5, 2), q6k_matrix(3, 1), q4k_matrix(4, 1, 3)]
    expected = slow(matrices, [512, 256, 256], np.concatenate([act(), act()]))

    measurement = measure(small(make), device=device)

    metrics, found = measurement.metrics, backward_errors(measurement, "rel_l2_unchained")
    *expected, unchained = expected
    for name, series in zip(("rel_l2", "rel_l2_unchained", "condition", "backward_error"), expected, strict=True):
        assert metrics[name] == pytest.approx(series, rel=1e-9), name
    assert found == pytest.approx(unchained, rel=1e-9)
    assert metrics["rel_l2"][0] == metrics["rel_l2_unchained"][0]
    assert metrics["rel_l2"][1] != metrics["rel_l2_unchained"][1]


def test_the_next_layer_is_really_run():
    """The carry by hand: path A's output changed towards path B's, through the next product, from the twins."""
    matrices = [q4k_matrix(6, 1), q4k_matrix(4, 1, 3)]
    y_a, y_b, _, _ = slow_products(matrices[0], act(), act())
    a, b = slow_normalised(y_a), slow_normalised(y_b)
    away = b.astype(float) - a
    changed = (a + away / norm(away) * norm(a) / 1024).astype(F32)
    results = [slow_products(matrices[1], np.resize(x, 256), np.resize(x, 256))[0].astype(float) for x in (a, changed)]

    measurement = measure(matvec_model(*matrices), {"layers": "0-1"})

    (carry,) = measurement.metrics["carry"]
    assert carry == pytest.approx(norm(results[1] - results[0]) / norm(results[0]) * 1024, rel=1e-9)
    assert [(each.position, each.label, each.carry) for each in measurement.links] == [(0, "layer 0 to layer 1", carry)]


@st.composite
def models(draw):
    """Draw one to three layers of any blocks, Q4_K or Q6_K, 1 to 3 rows of 1 or 2 super-blocks."""
    matrices = []
    for _ in range(draw(st.integers(1, 3))):
        rows, count = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        finite = draw(st.booleans())
        blocks = draw(draw(st.sampled_from([q4k_blocks, q6k_blocks]))(finite=finite, most=3))
        matrices.append(np.resize(blocks, (rows, count, blocks.shape[1])))
    return matrices


@given(matrices=models(), threads=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_the_devices_say_the_same(matrices, threads):
    """Law: whatever the weights, all that is told is equal bit for bit, on any number of threads."""
    data = matvec_model(*matrices)

    one, other = (measure(data, device=device, threads=threads) for device in ("cpu", "reference"))

    assert told(one) == told(other)


@compiled
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_neither_parts_nor_threads_change_a_bit(threads, monkeypatch):
    """Rows in parts of one, two threads or five: the same measurement."""
    data = matvec_model(q4k_matrix(256, 1), q4k_matrix(256, 1, 1), q6k_matrix(200, 1))
    right = measure(data)
    monkeypatch.setattr(tensor_rows, "PART_ROWS", 1)
    monkeypatch.setattr(tensor_rows, "PART_BYTES", 7 * 144)
    rows = []

    found = measure(data, threads=threads, progress=lambda done, total: rows.append((done, total)))

    assert told(found) == told(right)
    assert rows[-1] == (712, 712)
    assert len(rows) > 100


def test_parts_are_whole_groups_of_rows_and_small():
    """A part has a multiple of 64 rows, at most 4 MiB where rows allow it, and there are as many for each thread."""
    with opened(matvec_model(q4k_matrix(300, 1))) as source:
        matrix = tensor_rows.matrix(tensor_rows.open_model(source), "blk.0.attn_output.weight")
        assert [len(part) for part in matrix.parts(1)] == [300]
        assert [len(part) for part in matrix.parts(2)] == [128, 172]
        assert [len(part) for part in matrix.parts(100)] == [64, 64, 64, 64, 44]


@compiled
def test_first_blocks_are_the_first_of_256_rows():
    """Of longer rows only the first super-block, of more rows only the first 256; the rest may be anything."""
    raw = q4k_matrix(300, 2)
    spoilt = raw.copy()
    spoilt[256:] = 255
    spoilt[:, 1] = 255
    square = matvec_model(np.ascontiguousarray(raw[:256, :1]))

    found = measure(matvec_model(spoilt), {"cover": "first-blocks", "fit": "refuse", "layers": 0})

    assert found.metrics == measure(square, {"layers": 0}).metrics
    assert found.comparisons[0].left.shape == (1, 256, 256)
    assert found.comparisons[0].left.selection == (
        "the first super-block of rows 0 to 255 of blk.{layer}.attn_output.weight, layers 0, 1 of them measured"
    )


def test_chosen_rows_are_whole_rows():
    """Ranges and numbers, in their order, and no other row."""
    raw = q4k_matrix(9, 2)
    chosen = matvec_model(raw[[0, 1, 4, 7]])

    found = measure(matvec_model(raw), {"cover": "rows", "rows": "0-1,4,7", "layers": 0})

    assert found.metrics == measure(chosen, {"layers": 0}).metrics
    assert found.comparisons[0].left.selection.startswith("rows 0-1,4,7 of blk.{layer}.attn_output.weight, layers 0")


def test_only_what_is_taken_is_read():
    """The recorded ranges are the header and the rows."""
    raw = q4k_matrix(64, 2)
    parameters = made(
        MatvecChainParameters,
        {"model": "m", "tensor": TENSOR, "layers": 0, "cover": "rows", "rows": "40-41,50"},
    )
    with opened(matvec_model(raw)) as source:
        matvec_chain.measure(parameters, Context(inputs={"m": source}))
        ranges = source.ranges()

    assert [size for _, size in ranges[1:]] == [2 * 288, 288]
    assert ranges[2][0] - ranges[1][0] == 10 * 288


@compiled
def test_rows_that_do_not_fill_a_super_block_take_as_many_numbers():
    """A row of 300 in an APR file: two super-blocks, of which the activation fills the first and 44 of the second."""
    raw = q4k_matrix(300, 2)
    data = apr_model({f"blk.{n}.attn_output.weight": whole(raw, 300) for n in range(2)})
    first = np.concatenate([act(), act()[:44]])
    expected = slow([raw[:4], raw[4:8]], [300, 300], first)

    metrics = measure(data, {"layers": "0-1", "fit": "refuse"}).metrics
    chosen = measure(
        apr_model({"blk.0.attn_output.weight": whole(raw[:4], 300), "blk.1.attn_output.weight": whole(raw[4:8], 300)}),
        {"layers": "0-1"},
    ).metrics

    assert metrics["elements"] == 2 * 300 * 512
    assert chosen["rel_l2"] == pytest.approx(next(expected), rel=1e-9)


def test_the_metrics_are_those_of_the_catalogue():
    """Declared names and types, both sides told of what compares, and nothing that looks like it undeclared."""
    measurement = measure(small())

    wire.check(measurement, MATVEC_METRICS)
    sides.refuse_one_sided(measurement, MATVEC_METRICS)
    assert set(measurement.metrics) == {spec.name for spec in MATVEC_METRICS}
    compared = {name for each in measurement.comparisons for name in each.metrics}
    assert compared == {spec.name for spec in MATVEC_METRICS if spec.compares}


def test_what_stands_beside_the_layers():
    """Labels, ratio, conditions and populations."""
    measurement = measure(small())
    metrics = measurement.metrics
    (growth,) = measurement.ratios
    found = {(each.metric, each.position): (each.number, each.backward_error) for each in measurement.conditions}
    worst = max(range(3), key=lambda layer: metrics["condition"][layer])

    assert measurement.labels == ("layer 0", "layer 1", "layer 2")
    assert (growth.numerator, growth.denominator) == ("rel_l2 of layer 2", "rel_l2 of layer 0")
    assert metrics["growth_last_over_first"] == growth.numerator_value / growth.denominator_value
    assert metrics["growth_last_over_first"] == metrics["rel_l2"][2] / metrics["rel_l2"][0]
    assert metrics["max_layer"] == metrics["rel_l2"].index(metrics["rel_l2_max"])
    assert metrics["falling_steps"] == sum(np.diff(metrics["rel_l2"]) < 0)
    for layer in range(3):
        assert found["rel_l2", layer] == (metrics["condition"][layer], metrics["backward_error"][layer])
        assert found["rel_l2_unchained", layer][0] == metrics["condition"][layer]
    for name in ("rel_l2_last", "rel_l2_max", "growth_last_over_first"):
        assert found[name, None] == found["rel_l2", worst]
    assert found["rel_l2_first", None] == found["rel_l2", 0]
    left, right = measurement.comparisons[0].left, measurement.comparisons[0].right
    assert left == right == measurement.comparisons[1].right
    assert (left.count, left.shape) == (5 * 512 + 3 * 256 + 4 * 256, (5 * 512 + 3 * 256 + 4 * 256,))
    assert metrics["elements"] == left.count
    assert metrics["rows"] == 12


def test_statistics_of_a_series():
    """Three of five steps fall, the largest is the first of equals, the growth is last over first."""
    seen = chain_results.Seen(1, 0)
    layers = [
        chain_results.Layer(
            number, {"rel_l2": chain_results.Reading(value, 1.0, 0.0)}, None, 1, (1,), seen, seen, seen, 0
        )
        for number, value in zip((3, 5, 6, 7, 8, 9), (2.0, 4.0, 3.5, 1.0, 4.0, 3.0), strict=True)
    ]

    metrics, (ratio,) = chain_results._statistics(layers, 0)

    assert metrics == {
        "rel_l2_first": 2.0, "rel_l2_last": 3.0, "rel_l2_max": 4.0, "max_layer": 5, "falling_steps": 3,
        "growth_last_over_first": 1.5,
    }  # fmt: skip
    assert (ratio.numerator, ratio.denominator) == ("rel_l2 of layer 9", "rel_l2 of layer 3")
    assert chain_results._statistics(layers[:4], 1)[0]["growth_last_over_first"] == 0.25


def test_the_populations_are_what_each_path_saw():
    """Numbers too large for float32 at the end of a row: path A leaves out those, path B their super-block."""
    pattern = [{"times": 65536, "scale": 1e30}]

    measurement = measure(matvec_model(q4k_matrix(1, 21)), {"layers": 0, "activation": pattern})

    for comparison in measurement.comparisons:
        assert (comparison.left.non_finite, comparison.right.non_finite) == (21 * 256 - 5193, 256)


def test_one_layer_has_no_growth_and_no_carry():
    """What has no meaning is left out."""
    measurement = measure(small(), {"layers": 0})

    assert not {"growth_last_over_first", "carry"} & set(measurement.metrics)
    assert measurement.ratios == measurement.links == ()


def test_weights_of_zero_have_defined_numbers():
    """Nothing differs, nothing cancels, nothing carries, and there is no ratio of nothing."""
    metrics = measure(matvec_model(*[np.zeros((2, 1, 144), np.uint8)] * 2), {"layers": "0-1"}).metrics

    assert metrics["rel_l2"] == metrics["backward_error"] == (0.0, 0.0)
    assert metrics["condition"] == (1.0, 1.0)
    assert metrics["carry"] == (0.0,)
    assert "growth_last_over_first" not in metrics


@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_weights_that_are_not_finite_are_counted(device):
    """A layer with d = NaN in one row of three: its results, and all that follows from them."""
    spoilt = q4k_matrix(3, 1, 1)
    spoilt[1, 0, :2] = [0x00, 0x7E]

    measurement = measure(matvec_model(q4k_matrix(3, 1), spoilt, q4k_matrix(3, 1)), device=device)
    metrics = measurement.metrics

    assert [math.isnan(value) for value in metrics["rel_l2"]] == [False, True, True]
    assert math.isnan(metrics["rel_l2_max"])
    assert "max_layer" not in metrics
    left, right = measurement.comparisons[0].left, measurement.comparisons[0].right
    assert left.non_finite == right.non_finite == 256 + 3 * 256
    assert metrics["non_finite"] == 2 * (256 + 3 * 256) + 2 * (1 + 3)
    assert math.isnan(next(each.number for each in measurement.conditions if each.metric == "rel_l2_last"))


def test_the_first_activation_may_be_a_pattern():
    """Its terms run over the whole row."""
    pattern = [{"times": 3, "modulo": 11, "shift": -5, "scale": 0.25}]
    raw = q4k_matrix(4, 2)
    first = np.array([((3 * i) % 11 - 5) * 0.25 for i in range(512)], F32)

    metrics = measure(matvec_model(raw), {"layers": 0, "activation": pattern}).metrics

    assert metrics["rel_l2"] == pytest.approx(next(slow([raw], [512], first)), rel=1e-9)


def test_layers_are_skipped_and_named():
    """No tensor, another type, another number of dimensions, fewer rows: each has its reason, and the chain goes on."""
    name = "blk.{}.attn_output.weight"
    data = gguf_model({
        name.format(0): whole(q4k_matrix(3, 1)),
        name.format(2): ((32, 4), "Q8_0", bytes(4 * 34)),
        name.format(3): ((256, 2, 2), "Q4_K", q4k_matrix(4, 1).tobytes()),
        name.format(4): whole(q4k_matrix(2, 1)),
        name.format(5): whole(q4k_matrix(5, 1)),
    })  # fmt: skip

    measurement = measure(data, {"layers": "0-5", "cover": "rows", "rows": "0,2"})

    assert measurement.labels == ("layer 0", "layer 5")
    assert measurement.skipped == (
        Skip(what="layer 1", reason="has no tensor 'blk.1.attn_output.weight'"),
        Skip(what="layer 2", reason="has tensor 'blk.2.attn_output.weight' in Q8_0, not Q4_K or Q6_K"),
        Skip(what="layer 3", reason="has tensor 'blk.3.attn_output.weight' with 3 dimensions, not 2"),
        Skip(what="layer 4", reason="has tensor 'blk.4.attn_output.weight' with 2 rows, so none of number 2"),
    )
    assert (measurement.metrics["layers_measured"], measurement.metrics["layers_skipped"]) == (2, 4)
    assert measurement.links[0].label == "layer 0 to layer 5"
    with pytest.raises(NotMeasured) as caught:
        measure(data, {"layers": "1-4,6-8", "cover": "rows", "rows": 3})
    assert str(caught.value) == (
        "no layer could be measured: layer 1 has no tensor 'blk.1.attn_output.weight'; "
        "layer 2 has tensor 'blk.2.attn_output.weight' in Q8_0, not Q4_K or Q6_K; "
        "layer 3 has tensor 'blk.3.attn_output.weight' with 3 dimensions, not 2; and 4 more"
    )


def test_layers_that_do_not_fit_are_refused():
    """Five results cannot be the 256 numbers of the next layer, unless they are to be repeated."""
    with pytest.raises(NotMeasured) as caught:
        measure(small(), {"fit": "refuse"})
    assert str(caught.value) == (
        "layer 0 gives 5 numbers and layer 1 takes 256: say fit: repeat, or take rows whose number is that"
    )


def test_the_host_is_told_and_asked():
    """Rows done of all rows, part by part; after a part it may stop, on any number of threads."""
    rows = []

    measure(small(), progress=lambda done, total: rows.append((done, total)))

    assert rows == [(5, 12), (8, 12), (12, 12)]
    for threads in (1, 2):
        with pytest.raises(Cancelled):
            measure(small(), cancelled=lambda: True, threads=threads)


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"device": "tpu"}, "^q4k-matvec-chain has no kernels for the device 'tpu'$"),
        ({"fault": "relu"}, "^q4k-matvec-chain cannot plant the fault 'relu'$"),
    ],
)
def test_what_cannot_be_done_is_a_reason(context, text):
    """A device without kernels and a fault that cannot be planted give no numbers."""
    with pytest.raises(NotMeasured, match=text):
        measure(small(), **context)


def test_an_input_that_is_not_there_or_not_sound_is_an_error():
    """A name without an input, and a file that is no model."""
    with pytest.raises(InputError, match=r"^there is no input named 'x\\x1b'$"):
        measure(small(), {"model": "x\x1b"})
    with pytest.raises(ModelFileError, match="MODEL-MAGIC at byte 0"):
        measure(b"GGML....")


def test_the_backend_names_the_form():
    """The CPU has several; the twin has one."""
    assert measure(small()).backend == f"cpu {forms.chosen().name}"
    assert set(measure(small()).libraries) == {"numpy", "numba", "llvmlite"}
    assert measure(small(), device="reference").backend == "reference"


def test_the_desk_takes_one_thread_for_a_gpu(monkeypatch):
    """Its kernels have threads of their own; the sums of float64 are those of the CPU."""
    monkeypatch.setattr(chain_products, "kernels_of", partial(_pretended, chain_products.kernels_of))
    monkeypatch.setattr(chain_products, "FORMATS", {
        kind: table | {"cuda": table["reference"]} for kind, table in chain_products.FORMATS.items()
    })  # fmt: skip
    monkeypatch.setattr(chain_products, "ThreadPoolExecutor", None)

    assert told(measure(small(), device="cuda", threads=2)) == told(measure(small()))


def _pretended(right, name, context):
    """Return the twin in the place of the kernels of a device that is not here."""
    del context
    return right(name, Context(inputs={}, device="reference"))
