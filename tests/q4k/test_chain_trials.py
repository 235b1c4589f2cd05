"""The faults of the chains that carry: each moves a metric or says that it is not planted, and is what it says."""

import math

import numpy as np
import pytest
from q4k import test_ffn_chain as ffn
from q4k import test_matvec_chain as matvec
from q4k.chain_models import (
    apr_model,
    compiled,
    gentle,
    gguf_model,
    matvec_model,
    norm,
    q4k_matrix,
    q6k_matrix,
    slow_normalised,
    slow_products,
)
from q4k.fixtures import F32, act

from pvcheck.plugin import NotMeasured, wire
from pvcheck.plugin.faults import GENERIC
from pvcheck_q4k import chain_products, faulty, reference, tensor_rows
from pvcheck_q4k.chain_catalogue import FFN_METRICS, MATVEC_METRICS
from pvcheck_q4k.chain_faults import FFN_FAULTS, MATVEC_FAULTS

WEIGHTS = np.linspace(0.5, 2, ffn.HIDDEN, dtype=F32)


def chained(fault, *matrices, layers="0-3"):
    """Measure a chain of four layers that fit, one of them in Q6_K, with a fault."""
    matrices = matrices or (q4k_matrix(256, 1), q6k_matrix(256, 1), q4k_matrix(256, 1, 2), q4k_matrix(256, 1, 3))
    return matvec.measure(matvec_model(*matrices), {"layers": layers, "fit": "refuse"}, fault=fault)


def wide(fault):
    """Measure three layers 256 wide, one gate in Q6_K, with a fault."""
    tensors = {}
    for number in range(3):
        gate = q6k_matrix(256, 1, number) if number == 1 else gentle(256, 1, number)
        tensors |= ffn.layer(number, gate, gentle(256, 1, number + 3), gentle(256, 1, number + 6), np.full(256, 1.5))
    return ffn.measure(gguf_model(tensors), {"layers": "0-2"}, fault=fault)


def fed(fault, layers="0-2", **changes):
    """Measure three narrow layers with norm weights, with a fault."""
    tensors = {}
    for number in range(3):
        tensors |= ffn.narrow(number, **({"norm_weights": WEIGHTS} | changes))
    return ffn.measure(apr_model(tensors), {"layers": layers}, fault=fault)


CHAINS = {"matvec": (MATVEC_FAULTS, MATVEC_METRICS, chained), "ffn": (FFN_FAULTS, FFN_METRICS, wide)}
UNPLANTED = {
    ("matvec", "flushed-subnormals"),
    ("matvec", "codes-to-even"),
    ("matvec", "half-precision-scales"),
    ("ffn", "half-precision-scales"),
    ("ffn", "codes-to-even"),
}
"""Faults that change no metric here: no d is a subnormal, no code an exact half, and 63 times a power of two a float16.
"""


UNSEEN = {("ffn", "array-flipped-bit"), ("ffn", "array-offset-block")}
"""Faults in the rows of a gate that move no metric: path B quantises what follows from them to the same codes."""


@compiled
@pytest.mark.parametrize(
    ("chain", "fault"),
    [(chain, each.name) for chain, (faults, _, _) in CHAINS.items() for each in (*faults, *GENERIC)],
)
def test_every_fault_moves_a_metric_or_is_not_planted(chain, fault):
    """None is measured and leaves everything as it is."""
    _, metrics, measure = CHAINS[chain]
    if (chain, fault) in UNPLANTED:
        with pytest.raises(NotMeasured, match=f"^not planted: {fault} changes no metric here$"):
            measure(fault)
        return

    measurement = measure(fault)

    assert (repr(measurement.metrics) != repr(measure(None).metrics)) is ((chain, fault) not in UNSEEN)
    wire.check(measurement, metrics)


@compiled
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("fault", ["lane-mix-up", "swapped-nibbles", "dropped-minimums"])
def test_a_fault_of_path_b_leaves_path_a_alone(chain, fault):
    """What is of path A does not move; the difference does, in the first layer already."""
    _, _, measure = CHAINS[chain]
    right, wrong = measure(None).metrics, measure(fault).metrics

    assert wrong["condition"] == right["condition"]
    assert wrong["rel_l2"][0] > 1.5 * right["rel_l2"][0]
    assert wrong["rel_l2_unchained"][2] != right["rel_l2_unchained"][2]
    assert wrong["elements"] == right["elements"]


@pytest.mark.parametrize("part", [64, 3])
def test_a_fault_of_path_b_is_that_of_the_other_evaluators(part):
    """Row by row, in the first rows and only there; the rest of the rows are right."""
    raw = q4k_matrix(40, 3)
    x = np.concatenate([act()] * 3)
    quantised = reference.quantise(x)
    wrong = faulty.path_b(raw[:5], x, "lane-mix-up")
    rest = [reference.dot_b(row, quantised.scales, quantised.codes) for row in raw[5:]]
    y_b = np.array([each.value for each in (*wrong, *rest)], F32)
    y_a, *_ = slow_products(raw, x, x)
    a, b = slow_normalised(y_a), slow_normalised(y_b)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain_products, "FAULTY_BLOCKS", 13)  # four rows and a third: five
        patch.setattr(tensor_rows, "PART_ROWS", part)
        patch.setattr(tensor_rows, "PART_BYTES", part * raw[0].nbytes)
        measurement = matvec.measure(matvec_model(raw), {"layers": 0}, fault="lane-mix-up")

    assert measurement.metrics["rel_l2"] == (pytest.approx(norm(a.astype(float) - b) / norm(a), rel=1e-9),)
    left, right = measurement.comparisons[0].left, measurement.comparisons[0].right
    assert left == right


def test_a_wrong_block_is_the_next_one():
    """And the one before at the end of the rows that have the fault; one super-block alone has no other."""
    raw = q4k_matrix(3, 2)
    flat = raw.reshape(6, 144)
    x = np.concatenate([act()] * 2)
    wrong = flat[[1, 2, 3, 4, 5, 4]].reshape(3, 2, 144)
    y_a, *_ = slow_products(raw, x, x)
    _, y_b, *_ = slow_products(wrong, x, x)
    a, b = slow_normalised(y_a), slow_normalised(y_b)

    metrics = matvec.measure(matvec_model(raw), {"layers": 0}, fault="wrong-block").metrics

    assert metrics["rel_l2"] == (pytest.approx(norm(a.astype(float) - b) / norm(a), rel=1e-9),)
    with pytest.raises(NotMeasured, match=r"^not planted: wrong-block changes no metric here$"):
        matvec.measure(matvec_model(raw[:1, :1].copy()), {"layers": 0}, fault="wrong-block")


def test_a_fault_of_path_b_has_no_place_in_q6_k():
    """It is told."""
    with pytest.raises(NotMeasured, match=r"^not planted: lane-mix-up is one of Q4_K, and no tensor here is in it$"):
        chained("lane-mix-up", q6k_matrix(256, 1), layers=0)


@compiled
def test_crossed_paths_meet_before_each_layer():
    """Path B starts each layer where path A does, so that the difference is what the layer adds."""
    for measure in (chained, fed):
        right, wrong = measure(None).metrics, measure("crossed-paths").metrics
        assert wrong["rel_l2"] == wrong["rel_l2_unchained"] == right["rel_l2_unchained"]


@compiled
def test_a_chain_that_starts_anew_carries_nothing():
    """Each layer is measured from the first activation, and the carry says so."""
    first = chained(None, layers=2).metrics

    for measure in (chained, fed):
        wrong = measure("restarted")
        assert set(wrong.metrics["carry"]) == {0.0}
        assert wrong.metrics["rel_l2"] == wrong.metrics["rel_l2_unchained"]
    assert chained("restarted").metrics["rel_l2"][2] == first["rel_l2"][0]


@compiled
def test_results_without_their_norm_differ_by_it():
    """Path B's results are as large as they come out."""
    metrics = chained("forgotten-norm", layers=0).metrics
    y_a, y_b, *_ = slow_products(q4k_matrix(256, 1), act(), act())
    a = slow_normalised(y_a)

    assert metrics["rel_l2"] == (pytest.approx(norm(a.astype(float) - y_b) / norm(a), rel=1e-9),)


@compiled
def test_a_growth_over_the_neighbour():
    """The last layer over the one before it; with two layers that is the first one."""
    right, wrong = chained(None), chained("growth-over-neighbour")

    assert wrong.metrics["growth_last_over_first"] == right.metrics["rel_l2"][3] / right.metrics["rel_l2"][2]
    assert wrong.ratios[0].denominator == "rel_l2 of layer 2"
    with pytest.raises(NotMeasured, match=r"^not planted: growth-over-neighbour changes no metric here$"):
        chained("growth-over-neighbour", layers="0-1")


@pytest.mark.parametrize("fault", ["forgotten-residual", "exchanged-gate-and-up", "relu"])
def test_a_layer_is_wrong_as_the_fault_says(fault):
    """Path B's stream after one layer, from the twins."""
    gate, up, down = gentle(ffn.INNER, 1), gentle(ffn.INNER, 1, 5), gentle(ffn.HIDDEN, 1, 9)
    h = act()[: ffn.HIDDEN]
    x = ffn.slow_norm(h, WEIGHTS)
    g, u = slow_products(gate, x, x)[1], slow_products(up, x, x)[1]
    if fault == "exchanged-gate-and-up":
        g, u = u, g
    opened = [max(v, F32(0)) if fault == "relu" else F32(float(v) / (1 + math.exp(-float(v)))) for v in g]
    z = np.array(opened, F32) * u
    d = slow_products(down, z, z)[1]
    expected = d if fault == "forgotten-residual" else h + d
    right, *_ = ffn.slow_layer((gate, up, down), WEIGHTS, h, h)

    metrics = fed(fault, layers=0).metrics

    assert metrics["rel_l2"] == (pytest.approx(norm(right.astype(float) - expected) / norm(right), rel=1e-6),)


@compiled
@pytest.mark.parametrize("fault", ["crossed-paths", "restarted", "exchanged-gate-and-up", "forgotten-norm-weights"])
def test_a_fault_without_a_place_is_not_planted(fault):
    """One layer that hands nothing on, and no norm weights to forget; gate and up that are the same."""
    same = gguf_model(ffn.layer(0, gentle(256, 1), gentle(256, 1), gentle(256, 1)))

    with pytest.raises(NotMeasured, match=f"^not planted: {fault} changes no metric here$"):
        ffn.measure(same, {"layers": 0}, fault=fault)
    if fault in {each.name for each in MATVEC_FAULTS}:
        with pytest.raises(NotMeasured, match=f"^not planted: {fault} changes no metric here$"):
            chained(fault, layers=0)


def test_the_right_weights_are_the_right_ones():
    """A layer without norm weights has none to forget; one with them has."""
    assert fed("forgotten-norm-weights").metrics["rel_l2"][0] > fed(None).metrics["rel_l2"][0]
    with pytest.raises(NotMeasured, match=r"^not planted: forgotten-norm-weights changes no metric here$"):
        fed("forgotten-norm-weights", norm_weights=None)


@compiled
def test_a_fault_in_an_array_is_on_path_b_alone():
    """Rows first: a flipped bit of a weight; a NaN finds its place in the activation."""
    measured = [chained(fault) for fault in (None, "array-flipped-bit", "array-nan")]
    right, flipped, nan = (each.metrics for each in measured)

    assert flipped["condition"][0] == right["condition"][0]
    assert flipped["rel_l2"][0] != right["rel_l2"][0]
    assert all(math.isnan(value) for value in nan["rel_l2"])
    assert nan["condition"] == right["condition"]
    chain, alone = measured[2].comparisons
    assert (chain.left.non_finite, alone.right.non_finite) == (0, 0)
    assert chain.right.non_finite > 0


@pytest.mark.parametrize("chain", CHAINS)
def test_a_fault_has_one_name_and_one_sentence(chain):
    """Those of path B are the ones of the other evaluators."""
    faults, *_ = CHAINS[chain]

    assert len({each.name for each in faults}) == len(faults)
    assert all(len(each.doc) > 10 for each in faults)
    assert {each.name for each in faults} > faulty.PATH_B
