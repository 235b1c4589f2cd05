"""The sweep over layers and rows: its numbers by hand and by others, parts in any order, its faults, its refusals."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from q4k.chain_models import (
    apr_model,
    compiled,
    gguf_model,
    made,
    matvec_model,
    norm,
    q4k_matrix,
    q6k_matrix,
    slow_products,
    told,
    whole,
)
from q4k.fixtures import F32, ROOT, act, opened
from q4k.test_matvec_chain import models

from pvcheck import guards
from pvcheck.plugin import Cancelled, Context, InputError, NotMeasured, Skip, sides, wire
from pvcheck.plugin.faults import GENERIC
from pvcheck.testing import assert_evaluator_conforms, project
from pvcheck_q4k import chain_products, faulty, forms, matvec_sweep, reference, sweep_results
from pvcheck_q4k.chain_parameters import row_spans
from pvcheck_q4k.gguf_file import ModelFileError
from pvcheck_q4k.sweep_catalogue import FAULTS, METRICS, SWEEP
from pvcheck_q4k.sweep_parameters import MatvecSweepParameters, runs, text_of

__all__ = ["project"]

TENSOR = "blk.{layer}.attn_output.weight"


def parameters(change=None):
    """Return parameters for three layers."""
    return made(MatvecSweepParameters, {"model": "m", "tensor": TENSOR, "layers": "0-2"} | (change or {}))


def crossed(measurement):
    """Return a measurement after its way from a worker to the host and back."""
    wire.check(measurement, METRICS)
    sides.refuse_one_sided(measurement, METRICS)
    return wire.from_json(json.loads(json.dumps(wire.to_json(measurement, METRICS))))


def parts_of(data, change=None, order=None, **context):
    """Return parameters and measurement of each part, measured in another order if one is given."""
    with opened(data) as source:
        parts = [*matvec_sweep.split(parameters(change), Context(inputs={"m": source}, **context))]
    measured = {}
    for at in order(range(len(parts))) if order else range(len(parts)):
        with opened(data) as source:  # a worker opens the file anew
            measured[at] = crossed(matvec_sweep.measure(parts[at], Context(inputs={"m": source}, **context)))
    return [(part, measured[at]) for at, part in enumerate(parts)]


def sweep(data, change=None, order=None, **context):
    """Split, measure and join, as the host does."""
    parts = tuple(measured for _, measured in parts_of(data, change, order, **context))
    with opened(data) as source:
        return crossed(matvec_sweep.join(parameters(change), parts, Context(inputs={"m": source}, **context)))


def small(make=gguf_model):
    """Return a file of three layers: Q4_K, Q6_K and Q4_K, 5 x 512, 3 x 256 and 4 x 256."""
    return matvec_model(q4k_matrix(5, 2), q6k_matrix(3, 1), q4k_matrix(4, 1, 3), make=make)


MATRICES = (q4k_matrix(5, 2), q6k_matrix(3, 1), q4k_matrix(4, 1, 3))


def by_twins(raw, x):
    """Return rel_l2, condition, backward error and the largest rel_diff of a layer, from the twins."""
    y_a, y_b, added, sums = slow_products(raw, x, x)
    away = y_a.astype(float) - y_b
    return (
        norm(away) / norm(y_a),
        norm(added) / norm(sums),
        norm(away) / norm(added),
        max(abs(away) / np.maximum(abs(y_a.astype(float)), 1e-9)),
    )


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("make", [gguf_model, apr_model])
@pytest.mark.parametrize("part_rows", [1, 2, 1024])
def test_the_sweep_is_that_of_its_description(device, make, part_rows):
    """Layer by layer from the twins, Q4_K and Q6_K, each with the same activation, whatever the parts."""
    inputs = [np.concatenate([act(), act()]), act(), act()]
    expected = zip(*map(by_twins, MATRICES, inputs), strict=True)

    measurement = sweep(small(make), {"part_rows": part_rows}, device=device)

    metrics = measurement.metrics
    for name, series in zip(("rel_l2", "condition", "backward_error", "rel_diff_largest"), expected, strict=True):
        assert metrics[name] == pytest.approx(series, rel=1e-9), name
    assert metrics["rel_l2_max"] == max(metrics["rel_l2"])
    assert metrics["max_layer"] == metrics["rel_l2"].index(metrics["rel_l2_max"])
    assert (metrics["layers_measured"], metrics["layers_skipped"]) == (3, 0)
    assert (metrics["rows"], metrics["elements"], metrics["non_finite"]) == (12, 5 * 512 + 7 * 256, 0)
    assert metrics["parts"] == {1: 12, 2: 7, 1024: 3}[part_rows]


@pytest.mark.parametrize(("raw", "kind"), [(q4k_matrix(40, 2), "Q4_K"), (q6k_matrix(40, 2), "Q6_K")])
def test_the_paths_are_what_others_make_of_them(raw, kind):
    """Weights by gguf, sums by NumPy: the strict left fold in float32, and the quantised activation in float64."""
    weights = gguf.quants.dequantize(raw.reshape(40, -1), gguf.GGMLQuantizationType[kind])
    x = np.concatenate([act(), act()])
    step = abs(x.reshape(-1, 256)).max(axis=1, keepdims=True).astype(float) / 127
    codes = np.copysign(np.floor(abs(x.reshape(-1, 256) / step) + 0.5), x.reshape(-1, 256))
    a = np.add.accumulate(weights * x, axis=1, dtype=F32)[:, -1]
    b = weights.astype(float) @ (codes * step).reshape(-1)
    exact = weights.astype(float) @ x.astype(float)

    metrics = sweep(matvec_model(raw), {"layers": 0, "part_rows": 7}).metrics

    assert metrics["squares_a"][0] == pytest.approx(norm(a) ** 2, rel=1e-12)
    assert metrics["squares_sums"][0] == pytest.approx(norm(exact) ** 2, rel=1e-12)
    assert metrics["squares_magnitudes"][0] == pytest.approx(norm(abs(weights.astype(float)) @ abs(x)) ** 2, rel=1e-9)
    assert metrics["rel_l2"][0] == pytest.approx(norm(a - b) / norm(a), rel=1e-2)


@st.composite
def row_texts(draw):
    """Draw rows as a contract names them."""
    starts = sorted(draw(st.sets(st.integers(0, 300), min_size=1, max_size=8)))
    ends = [draw(st.integers(start, stop - 1)) for start, stop in zip(starts, [*starts[1:], 320], strict=True)]
    return ",".join(f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


@given(text=row_texts(), most=st.integers(1, 40))
def test_the_runs_are_all_rows_in_order(text, most):
    """Law: each row once, in its order, every run but the last full, and a run's text is read as that run."""
    spans = row_spans(text)

    found = [*runs(spans, most)]

    numbers = [[row for span in run for row in range(*span)] for run in found]
    assert [row for run in numbers for row in run] == [row for span in spans for row in range(*span)]
    assert all(len(run) == most for run in numbers[:-1])
    assert 0 < len(numbers[-1]) <= most
    assert [row_spans(text_of(run)) for run in found] == found


def test_the_parts_are_layers_and_then_rows():
    """In order, each with the parameters of a sweep over itself."""
    parts = [part for part, _ in parts_of(small(), {"part_rows": 2, "layers": "0,2"})]

    assert [(part.layers, part.rows) for part in parts] == [(0, "0-1"), (0, "2-3"), (0, "4"), (2, "0-1"), (2, "2-3")]
    assert {part.model_copy(update={"layers": "0,2", "rows": None}) for part in parts} == {
        parameters({"part_rows": 2, "layers": "0,2"})
    }


def test_a_part_reports_what_a_sweep_over_it_reports():
    """Split again, a part is one part, and the join of it says the same to the bit."""
    data = small()

    for part, measured in parts_of(data, {"part_rows": 2}):
        change = part.model_dump(mode="json", exclude_none=True)
        ((again, alone),) = parts_of(data, change)
        assert again == part
        assert told(alone) == told(measured) == told(sweep(data, change))


def test_a_sweep_that_is_not_split_is_one_of_whole_layers():
    """Rows left out or null are all rows; the counts and numbers are those of a part a layer."""
    with opened(small()) as source:
        found = matvec_sweep.measure(parameters({"rows": None}), Context(inputs={"m": source}))

    assert told(found) == told(sweep(small()))
    assert found.metrics["parts"] == 3


def test_only_the_rows_of_a_part_are_read():
    """The recorded ranges are the header and the rows; the split and the join read the header alone."""
    data = matvec_model(q4k_matrix(64, 2))
    change = {"layers": 0, "rows": "40-42", "part_rows": 2}
    with opened(data) as source:
        part, _ = matvec_sweep.split(parameters(change), Context(inputs={"m": source}))
        header = source.ranges()
    with opened(data) as source:
        matvec_sweep.measure(part, Context(inputs={"m": source}))
        ranges = source.ranges()
    with opened(data) as source:
        measured = tuple(each for _, each in parts_of(data, change))
        matvec_sweep.join(parameters(change), measured, Context(inputs={"m": source}))

        assert source.ranges() == header

    assert [size for _, size in ranges] == [header[0][1], 2 * 288]


def test_chosen_rows_are_whole_rows():
    """Ranges and numbers, and no other row; parts go over the gaps."""
    raw = q4k_matrix(9, 2)

    found = sweep(matvec_model(raw), {"rows": "0-1,4,7", "layers": 0, "part_rows": 3})
    chosen = sweep(matvec_model(raw[[0, 1, 4, 7]]), {"layers": 0, "part_rows": 3})

    assert found.metrics == chosen.metrics
    assert found.comparisons[0].left.selection == (
        "rows 0-1,4,7 of blk.{layer}.attn_output.weight, layers 0, 1 of them measured"
    )
    assert chosen.comparisons[0].left.selection.startswith("all rows of blk.{layer}.attn_output.weight, layers 0")


@compiled
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("order", [reversed, lambda numbers: sorted(numbers, key=lambda n: (n % 3, -n))])
def test_neither_order_nor_threads_change_a_bit(threads, order):
    """Parts measured last first, or every third one first, on several threads: the same measurement."""
    data = matvec_model(q4k_matrix(256, 1), q4k_matrix(256, 1, 1), q6k_matrix(200, 1))
    right = sweep(data, {"part_rows": 70})

    assert told(sweep(data, {"part_rows": 70}, order, threads=threads)) == told(right)


@given(matrices=models(), threads=st.integers(1, 3), part_rows=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_the_devices_say_the_same(matrices, threads, part_rows):
    """Law: whatever the weights, all that is told is equal bit for bit, on any number of threads."""
    data = matvec_model(*matrices)
    change = {"part_rows": part_rows, "layers": f"0-{len(matrices) - 1}"}

    one, other = (sweep(data, change, device=device, threads=threads) for device in ("cpu", "reference"))

    assert told(one) == told(other)


SIMULATED = """\
from q4k import test_matvec_sweep as sweeps
from q4k.chain_models import told

one, other = (sweeps.sweep(sweeps.small(), {"part_rows": 2}, device=device, threads=2) for device in ("cpu", "cuda"))
print(told(one) == told(other), other.backend)
"""


@compiled
def test_a_gpu_says_the_same():
    """In the simulator, in a process of its own: Q4_K and Q6_K, all that is told."""
    known = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(ROOT / "tests")}

    done = subprocess.run([sys.executable, "-c", SIMULATED], env=known, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("True cuda-simulator\n", "")


def test_the_metrics_are_those_of_the_catalogue():
    """Each declared metric is reported, and what compares is named with its populations."""
    measurement = sweep(small())

    assert set(measurement.metrics) == {spec.name for spec in METRICS}
    (comparison,) = measurement.comparisons
    assert set(comparison.metrics) == {spec.name for spec in METRICS if spec.compares}
    assert comparison.left == comparison.right
    assert comparison.left.shape == (5 * 512 + 7 * 256,)
    assert sweep(matvec_model(*[q4k_matrix(4, 2)] * 2), {"layers": "0-1"}).comparisons[0].left.shape == (2, 4, 512)


def test_the_guards_see_what_they_need():
    """A condition at each layer, that of the worst row beside the largest rel_diff, and of the worst layer."""
    measurement = sweep(small(), {"part_rows": 2})
    metrics = measurement.metrics
    found = {(each.metric, each.position): (each.number, each.backward_error) for each in measurement.conditions}
    y_a, y_b, added, sums = slow_products(MATRICES[2], act(), act())
    away = abs(y_a.astype(float) - y_b)
    row = int((away / abs(y_a)).argmax())

    assert measurement.labels == ("layer 0", "layer 1", "layer 2")
    for layer in range(3):
        assert found["rel_l2", layer] == (metrics["condition"][layer], metrics["backward_error"][layer])
    assert found["rel_diff_largest", 2] == pytest.approx((added[row] / abs(sums[row]), away[row] / added[row]))
    assert found["rel_l2_max", None] == found["rel_l2", metrics["condition"].index(max(metrics["condition"]))]
    marks = guards.examine(measurement, limit=1.0)
    assert [mark.metric for mark in marks] == ["rel_l2"] * 3 + ["rel_diff_largest"] * 3 + ["rel_l2_max"]


def test_layers_that_do_not_fit_are_skipped_and_named_once():
    """No tensor, another type, another number of dimensions, fewer rows: the join says so, and no part does."""
    name = "blk.{}.attn_output.weight"
    data = gguf_model({
        name.format(0): whole(q4k_matrix(3, 1)),
        name.format(2): ((32, 4), "Q8_0", bytes(4 * 34)),
        name.format(3): ((256, 2, 2), "Q4_K", q4k_matrix(4, 1).tobytes()),
        name.format(4): whole(q4k_matrix(2, 1)),
        name.format(5): whole(q6k_matrix(5, 1)),
    })  # fmt: skip
    change = {"layers": "0-5", "rows": "0,2", "part_rows": 1}

    measurement = sweep(data, change)

    assert measurement.labels == ("layer 0", "layer 5")
    assert measurement.skipped == (
        Skip(what="layer 1", reason="has no tensor 'blk.1.attn_output.weight'"),
        Skip(what="layer 2", reason="has tensor 'blk.2.attn_output.weight' in Q8_0, not Q4_K or Q6_K"),
        Skip(what="layer 3", reason="has tensor 'blk.3.attn_output.weight' with 3 dimensions, not 2"),
        Skip(what="layer 4", reason="has tensor 'blk.4.attn_output.weight' with 2 rows, so none of number 2"),
    )
    assert (measurement.metrics["layers_measured"], measurement.metrics["layers_skipped"]) == (2, 4)
    assert {part.skipped for _, part in parts_of(data, change)} == {()}
    with pytest.raises(NotMeasured, match=r"^no layer could be measured: layer 1 has no tensor .*; and 1 more$"):
        sweep(data, change | {"layers": "1-4"})


def test_what_is_too_large_is_refused(monkeypatch):
    """More parts than a host takes, and more rows than a text of rows can name."""
    monkeypatch.setattr(matvec_sweep, "PARTS_MAX", 11)
    with pytest.raises(NotMeasured) as caught:
        sweep(small(), {"part_rows": 1})
    assert str(caught.value) == "parts of 1 rows would be 12, more than 11: say a larger part_rows"
    assert sweep(small(), {"part_rows": 1, "layers": "0-1"}).metrics["parts"] == 8

    monkeypatch.setattr(matvec_sweep, "ROW_MAX", 3)
    assert sweep(small()).skipped == (Skip(what="layer 0", reason="has over 4 rows: say which"),)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rows": "5-4"}, "a range of rows must ascend, got 5-4"),
        ({"rows": "x"}, "rows"),
        ({"part_rows": 0}, "greater than or equal to 1"),
        ({"layers": "3,2"}, "layers must ascend"),
        ({"tensor": "blk.0.weight"}, "tensor"),
        ({"cover": "all"}, "Extra inputs"),
    ],
)
def test_parameters_that_say_nothing_sensible_are_refused(change, text):
    """With the reason."""
    with pytest.raises(ValidationError, match=text):
        parameters(change)


@pytest.mark.parametrize("cut", [1, 144, 2 * 144])
def test_a_tensor_that_is_cut_off_is_an_error(cut):
    """The split finds it before any part is measured."""
    data = matvec_model(q4k_matrix(8, 1), q4k_matrix(8, 1))

    with pytest.raises(ModelFileError), opened(data[:-cut]) as source:
        matvec_sweep.split(parameters({"layers": "0-1"}), Context(inputs={"m": source}))


def test_what_cannot_be_done_is_a_reason():
    """No input, a device without kernels, a fault of another evaluator, a host that wants it to stop."""
    with pytest.raises(InputError, match=r"^there is no input named 'x'$"):
        sweep(small(), {"model": "x"})
    with pytest.raises(NotMeasured, match=r"^q4k-matvec-sweep has no kernels for the device 'tpu'$"):
        sweep(small(), device="tpu")
    with pytest.raises(NotMeasured, match=r"^q4k-matvec-sweep cannot plant the fault 'relu'$"):
        sweep(small(), fault="relu")
    with pytest.raises(Cancelled):
        sweep(small(), cancelled=lambda: True)


def test_the_backend_is_that_of_the_parts():
    """Machines that are not alike are all named, each once."""
    data = small()
    parts = [each for _, each in parts_of(data)]
    parts[1] = replace(parts[1], backend="cpu other", libraries={"numpy": "0.1", "more": "1"})
    with opened(data) as source:
        joined = matvec_sweep.join(parameters(), tuple(parts), Context(inputs={"m": source}))

    mine = f"cpu {forms.chosen().name}"
    assert sweep(data).backend == mine
    assert joined.backend == ", ".join(sorted([mine, "cpu other"]))
    assert joined.libraries["numpy"] == f"0.1, {np.__version__}"
    assert (joined.libraries["more"], set(joined.libraries)) == ("1", {"numpy", "numba", "llvmlite", "more"})


def test_the_activation_is_the_same_for_every_layer():
    """A pattern is that of each layer, over its whole rows."""
    pattern = [{"times": 3, "modulo": 11, "shift": -5, "scale": 0.25}]
    x = np.array([((3 * i) % 11 - 5) * 0.25 for i in range(512)], F32)

    metrics = sweep(small(), {"activation": pattern}).metrics

    assert metrics["rel_l2"] == pytest.approx([by_twins(raw, x[: 256 * raw.shape[1]])[0] for raw in MATRICES], rel=1e-9)


def test_weights_of_zero_have_defined_numbers():
    """Nothing differs, nothing cancels."""
    metrics = sweep(matvec_model(np.zeros((2, 1, 144), np.uint8)), {"layers": 0, "part_rows": 1}).metrics

    assert metrics["rel_l2"] == metrics["backward_error"] == metrics["rel_diff_largest"] == (0.0,)
    assert metrics["condition"] == (1.0,)
    assert (metrics["rel_l2_max"], metrics["max_layer"]) == (0.0, 0)


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("row", [0, 2, 4])
def test_a_nan_in_one_part_is_not_lost_in_the_join(device, row):
    """A scale of NaN in one row of five, a part each: its layer has no number, the other has, nothing is decided."""
    spoilt = q4k_matrix(5, 1, 1)
    spoilt[row, 0, :2] = [0x00, 0x7E]

    measurement = sweep(matvec_model(q4k_matrix(5, 1), spoilt), {"layers": "0-1", "part_rows": 1}, device=device)

    metrics = measurement.metrics
    for name in ("rel_l2", "condition", "backward_error", "rel_diff_largest", "squares_difference", "squares_a"):
        assert [math.isnan(value) for value in metrics[name]] == [False, True], name
    assert math.isnan(metrics["rel_l2_max"])
    assert "max_layer" not in metrics
    assert metrics["non_finite"] == 2 * (256 + 1)
    left, right = measurement.comparisons[0].left, measurement.comparisons[0].right
    assert left.non_finite == right.non_finite == 256
    assert math.isnan(next(each.number for each in measurement.conditions if each.metric == "rel_l2_max"))
    assert any(mark.guard == "finite" and mark.invalid for mark in guards.examine(measurement))


def test_the_populations_are_what_each_path_saw():
    """Numbers too large for float32 at the end of a row: path A leaves out those, path B their super-block."""
    pattern = [{"times": 65536, "scale": 1e30}]

    measurement = sweep(matvec_model(q4k_matrix(2, 21)), {"layers": 0, "activation": pattern, "part_rows": 1})

    (comparison,) = measurement.comparisons
    assert (comparison.left.non_finite, comparison.right.non_finite) == (2 * (21 * 256 - 5193), 2 * 256)


def test_sums_are_rounded_once_a_part_and_once_a_layer():
    """One large number and many of 1 add up as if no sum had been rounded on the way."""
    reading = sweep_results.Reading(0.0, 1.0, 0.0)
    seen = sweep_results.Seen(1, 0)
    one = sweep_results.Swept(0, 1, 1, 256, sweep_results.Squares(2.0**53, 1.0, 1.0, 1.0), reading, seen, seen, 0)
    ones = replace(one, squares=sweep_results.Squares(1.0, 1.0, 1.0, 1.0))

    assert sweep_results.added([one, *[ones] * 4]).squares == (2.0**53 + 4, 5.0, 5.0, 5.0)
    assert sweep_results.squared(np.array([2.0**27, *[1.0] * 8])) == 2.0**54 + 8
    assert math.isnan(sweep_results.squared(np.array([1.0, math.inf])))


UNPLANTED = {"flushed-subnormals", "codes-to-even", "half-precision-scales"}
"""No d is a subnormal here, no code an exact half, and 63 times a power of two is a float16."""


@compiled
@pytest.mark.parametrize("fault", [each.name for each in (*FAULTS, *GENERIC)])
def test_every_fault_moves_a_metric_or_is_not_planted(fault):
    """None is measured and leaves everything as it is; a layer in Q6_K stops no fault of Q4_K."""
    data = matvec_model(q6k_matrix(80, 1), q4k_matrix(200, 1))
    change = {"layers": "0-1", "part_rows": 64}
    if fault in UNPLANTED:
        with pytest.raises(NotMeasured, match=f"^not planted: {fault} changes no metric here$"):
            sweep(data, change, fault=fault)
        return

    wrong = sweep(data, change, fault=fault)

    assert repr(wrong.metrics) != repr(sweep(data, change).metrics)
    assert wrong.notes == ()


def test_a_fault_of_path_b_leaves_path_a_and_q6_k_alone():
    """What is of path A does not move; the difference of the layers in Q4_K does."""
    right, wrong = sweep(small(), {"part_rows": 2}), sweep(small(), {"part_rows": 2}, fault="lane-mix-up")

    assert wrong.metrics["condition"] == right.metrics["condition"]
    moved = [a != b for a, b in zip(wrong.metrics["rel_l2"], right.metrics["rel_l2"], strict=True)]
    assert moved == [True, False, True]
    with pytest.raises(NotMeasured, match=r"^not planted: lane-mix-up changes no metric here$"):
        sweep(small(), {"layers": 1}, fault="lane-mix-up")


def test_a_fault_that_moves_one_part_is_planted():
    """Zeros have nothing to swap; the part beside them has."""
    raw = np.concatenate([np.zeros((2, 1, 144), np.uint8), q4k_matrix(2, 1)])
    change = {"layers": 0, "part_rows": 2}

    notes = [part.notes for _, part in parts_of(matvec_model(raw), change, fault="swapped-nibbles")]

    assert notes == [("not planted: swapped-nibbles changes no metric here",), ()]
    assert sweep(matvec_model(raw), change, fault="swapped-nibbles").notes == ()


def test_a_fault_of_path_b_is_that_of_the_other_evaluators(monkeypatch):
    """Row by row in the first rows of each part, and only there."""
    monkeypatch.setattr(chain_products, "FAULTY_BLOCKS", 4)
    raw = q4k_matrix(10, 2)
    x = np.concatenate([act(), act()])
    quantised = reference.quantise(x)
    y_a, *_ = slow_products(raw, x, x)
    rows = []
    for part in (raw[:5], raw[5:]):
        rows += [each.value for each in faulty.path_b(part[:2], x, "lane-mix-up")]
        rows += [reference.dot_b(row, quantised.scales, quantised.codes).value for row in part[2:]]

    metrics = sweep(matvec_model(raw), {"layers": 0, "part_rows": 5}, fault="lane-mix-up").metrics

    assert metrics["rel_l2"] == (pytest.approx(norm(y_a.astype(float) - np.array(rows, F32)) / norm(y_a), rel=1e-9),)


def test_a_lost_part_and_one_that_is_added_twice_are_seen():
    """By the counts, and by the numbers of their layers."""
    change = {"part_rows": 3}
    right, lost, twice = (sweep(small(), change, fault=fault).metrics for fault in (None, "lost-part", "part-twice"))

    assert [(each["parts"], each["rows"]) for each in (right, lost, twice)] == [(5, 12), (4, 11), (6, 15)]
    assert [a == b for a, b in zip(lost["rel_l2"], right["rel_l2"], strict=True)] == [True, True, False]
    assert [a == b for a, b in zip(twice["rel_l2"], right["rel_l2"], strict=True)] == [False, True, True]
    one = sweep(small(), {"layers": 2}, fault="part-twice").metrics
    assert one["squares_a"][0] == 2 * sweep(small(), {"layers": 2}).metrics["squares_a"][0]
    with pytest.raises(NotMeasured, match=r"^not planted: lost-part would leave nothing of one part$"):
        sweep(small(), {"layers": 2}, fault="lost-part")


def test_path_b_is_run_once_where_there_is_no_chain(monkeypatch):
    """One activation for all: half of path B's time."""
    run = []
    path_b = chain_products.Desk._path_b
    monkeypatch.setattr(
        chain_products.Desk, "_path_b", lambda *words: run.append(words) or path_b(*words), raising=True
    )

    sweep(small(), {"layers": 0, "part_rows": 2})

    assert len(run) == 3


CONTRACT = """\
metadata:
  schema: 1
  id: C-SWEEP
  version: 1.0.0
  status: ACTIVE
inputs:
  teacher: {format: gguf, path: ../model.gguf}
falsification_tests:
- id: FALSIFY-SWEEP
  rule: path A and path B of this mat-vec differ by less than 10 % in each layer
  prediction: r
  if_fails: f
  evaluator: q4k-matvec-sweep
  with: {model: teacher, tensor: 'blk.{layer}.attn_output.weight', layers: 0-2, part_rows: 32}
  expect:
    rel_l2: all < 10%
    layers_measured: == 3
    rows: == 356
    parts: == 13
    non_finite: == 0
  status: PENDING
"""


@compiled
def test_any_number_of_workers_writes_the_same_record(project):
    """The record of -j 2 is that of -j 1 but for when and where, and the claim holds."""
    project.allow("q4k-matvec-sweep")
    path = project.contract(CONTRACT)
    project.file("model.gguf", matvec_model(q4k_matrix(200, 1), q6k_matrix(100, 1), q4k_matrix(56, 2, 3)))
    original = path.read_bytes()
    records = []

    for jobs in (1, 2):
        path.write_bytes(original)
        result = project.run("run", "--write", "-j", jobs)
        result.assert_outcomes(held=1)
        (found,) = project.root.rglob("evidence/**/*.json")
        record = json.loads(found.read_bytes())
        found.unlink()
        for key in ("made_at", "made_by"):
            record["predicate"].pop(key)
        records.append(record)

    assert records[0] == records[1]
    assert "squares_difference" in json.dumps(records[0])


@compiled
def test_the_evaluator_keeps_the_promises_of_the_plugin_api():
    """Light half, schema, bits of a second run, guards, faults in parts and join, and a change of the input."""
    data, other = (matvec_model(q4k_matrix(40, 1, n), q4k_matrix(24, 1, n + 1)) for n in (0, 5))

    measurement = assert_evaluator_conforms(
        SWEEP,
        parameters={"model": "m", "tensor": TENSOR, "layers": "0-1", "part_rows": 16},
        inputs={"m": data},
        plant={"m": other},
    )

    assert measurement.metrics["parts"] == 5
