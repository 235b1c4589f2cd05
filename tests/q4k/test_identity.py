"""The evaluators of identity: falsifiers 005, 005b, 006 and 007, and that each can fail."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.fixtures import F32, base_block, opened, q4k_file, same_bits
from q4k.test_generators import BASE, made

from pvcheck.plugin import Cancelled, Context, NotMeasured
from pvcheck_q4k import fixture_parameters as parameters
from pvcheck_q4k import identity, reference

MATMUL_005 = {
    "inputs": 128,
    "outputs": 512,
    "rows": 4,
    "activation": [{"modulo": 17, "shift": -8, "scale": 0.1}],
    "weights": [{"times": 31, "modulo": 23, "shift": -11, "scale": 0.05}],
    "chunks": [512, 33],
}
MATMUL_005B = {
    "inputs": 128,
    "outputs": 64,
    "activation": [{"modulo": 13, "shift": -6, "scale": 0.1}],
    "weights": [{"times": 23, "modulo": 19, "shift": -9, "scale": 0.05}],
    "chunks": [64, 7],
}
REDUCTION_006 = {
    "length": 128,
    "left": [{"plus": -64, "scale": 0.1}, {"modulo": 7, "scale": 0.013}],
    "right": [{"times": 0.7, "plus": -50, "scale": 0.05}, {"modulo": 11, "scale": 0.011}],
}


def bits(value):
    """Return the bits of a float32."""
    return f"{F32(value).view(np.uint32):08x}"


def matmul(values, **context):
    """Measure a product."""
    return identity.measure_matmul(made(parameters.MatmulParameters, values), Context(inputs={}, **context))


def reduction(**context):
    """Measure the reduction of 006."""
    chosen = made(parameters.ReductionParameters, REDUCTION_006)
    return identity.measure_reduction(chosen, Context(inputs={}, **context))


def decode(values=None, data=None, **context):
    """Measure the decoders over a super-block, the base block by default."""
    chosen = made(parameters.DecodeParameters, values or {"block": BASE})
    with opened(data or b"x") as source:
        return identity.measure_decode(chosen, Context(inputs={"m": source}, **context))


@pytest.mark.parametrize(("values", "elements"), [(MATMUL_005, 2048), (MATMUL_005B, 64)], ids=["005", "005b"])
def test_the_products_repeat_to_the_bit(values, elements):
    """Twelve runs, each with its own threads, chunks and order."""
    measurement = matmul(values)

    assert measurement.metrics == {
        "identical": True, "variants": 12, "differing": 0, "max_ulp": 0, "elements": elements,
    }  # fmt: skip
    assert measurement.comparisons[0].left.count == elements


def test_a_sum_in_another_order_is_seen():
    """The planted fault changes the order of every run but the first."""
    metrics = matmul(MATMUL_005, fault="split-sum").metrics

    assert (metrics["identical"], metrics["differing"]) == (False, 11)
    assert metrics["max_ulp"] > 0


def test_a_product_that_depends_on_its_chunk_is_seen(monkeypatch):
    """A multiplication that goes wrong in short chunks only is found by the variation, without any planted fault."""
    whole = identity._fold
    monkeypatch.setattr(identity, "_fold", lambda x, w: whole(x, w) if len(w) > 40 else whole(x[:, ::-1], w[:, ::-1]))

    metrics = matmul(MATMUL_005).metrics

    assert not metrics["identical"]


def test_a_product_that_depends_on_its_threads_is_seen(monkeypatch):
    """The same for the number of threads: they are really started."""
    pools = []

    class Pool(identity.ThreadPoolExecutor):
        def __init__(self, count):
            pools.append(count)
            super().__init__(count)

    monkeypatch.setattr(identity, "ThreadPoolExecutor", Pool)

    matmul(MATMUL_005B)

    assert pools == [1] * 4 + [2] * 4 + [4] * 4


def test_a_product_is_a_left_fold():
    """One number at a time, product and sum rounded."""
    x = np.linspace(-1, 1, 14, dtype=F32).reshape(2, 7)
    w = np.linspace(3, -2, 35, dtype=F32).reshape(5, 7)

    result = identity.product(x, w, identity.Way(2, 2, backwards=True))

    for row in range(2):
        for out in range(5):
            total = x[row, 0] * w[out, 0]
            for k in range(1, 7):
                total = total + x[row, k] * w[out, k]
            assert result[row, out] == total


def test_a_product_stops_when_it_is_asked_to():
    """Between two runs."""
    with pytest.raises(Cancelled):
        matmul(MATMUL_005B, cancelled=lambda: True)


def test_progress_counts_the_runs():
    """Progress is told after each run."""
    told = []

    matmul(MATMUL_005B, progress=lambda done, total: told.append((done, total)))

    assert told == [(n, 12) for n in range(1, 13)]


def test_both_reductions_have_the_published_bits():
    """006: 0x44191e70, which is 612.4756."""
    metrics = reduction().metrics

    assert (bits(metrics["lanes"]), bits(metrics["left_fold"])) == ("44191e70", "44191e70")
    assert f"{metrics['lanes']:.4f}" == "612.4756"
    assert (metrics["identical"], metrics["max_ulp"], metrics["elements"]) == (True, 0, 128)


def test_another_order_of_the_lanes_changes_the_last_bit():
    """The planted fault of 006 is seen."""
    metrics = reduction(fault="lanes-by-halves").metrics

    assert (bits(metrics["lanes"]), metrics["identical"], metrics["max_ulp"]) == ("44191e71", False, 1)


def nearest(exact):
    """Return the float32 nearest to a fraction, ties to even, found by trying the neighbours."""
    start = F32(float(exact))
    tried = [start, np.nextafter(start, F32(np.inf)), np.nextafter(start, F32(-np.inf))]
    return min(tried, key=lambda value: (abs(Fraction(float(value)) - exact), int(value.view(np.uint32)) % 2))


FLOATS = st.floats(-1e6, 1e6, width=32).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(x=FLOATS, y=FLOATS, z=FLOATS)
@settings(max_examples=300)
def test_a_fused_operation_rounds_once(x, y, z):
    """Law: x y + z is the float32 nearest to the exact number."""
    exact = Fraction(x) * Fraction(y) + Fraction(z)

    (value,) = identity.fused(*(np.array([each], F32) for each in (x, y, z)))

    assert value == nearest(exact)


def test_a_fused_operation_does_not_round_twice():
    """A sum just above half a float32 step: rounded to float64 first, it would lie on the half and go to even."""
    x = y = np.array([1 + 2.0**-12], F32)  # x y = 1 + 2^-11 + 2^-24
    tiny = np.array([2.0**-60], F32)

    assert identity.fused(x, y, tiny)[0] == F32(1 + 2.0**-11 + 2.0**-23)
    assert (x[0] * y[0]).astype(F32) == F32(1 + 2.0**-11)


def test_the_decoders_agree_on_the_base_block():
    """007: 10.75 first, 1.25 last, all 256 weights to the bit."""
    measurement = decode()
    metrics = measurement.metrics

    assert (bits(metrics["first"]), bits(metrics["last"])) == ("412c0000", "3fa00000")
    assert (metrics["identical"], metrics["differing"], metrics["max_ulp"]) == (True, 0, 0)
    assert (metrics["elements"], metrics["non_finite"]) == (256, 0)
    assert measurement.comparisons[0].left == measurement.comparisons[0].right


@pytest.mark.parametrize(("fault", "differing"), [("swapped-nibbles", 208), ("dropped-minimums", 256)])
def test_a_wrong_decoder_is_seen(fault, differing):
    """Each planted fault changes weights of the compiled decoder."""
    metrics = decode(fault=fault).metrics

    assert (metrics["identical"], metrics["differing"]) == (False, differing)


def test_a_decoder_is_tried_on_a_model():
    """The last super-block of a tensor; NaN weights are counted and have equal bits."""
    spoilt = base_block()
    spoilt[0, :2] = [0x00, 0x7E]
    values = {"model": "m", "tensor": "blk.0.ffn_down.weight", "super_block": 1}

    metrics = decode(values, q4k_file({0: np.concatenate([base_block(), spoilt])})).metrics

    assert math.isnan(metrics["first"])
    assert metrics["non_finite"] == 512


def test_ulps_count_steps_through_zero():
    """One step up is 1, the two zeros are one number, and signs are crossed."""
    one, tiny = np.array([1], F32), np.array([1e-45], F32)

    assert identity.ulps(one, np.nextafter(one, F32(2))) == 1
    assert identity.ulps(np.array([0.0], F32), np.array([-0.0], F32)) == 0
    assert identity.ulps(tiny, -tiny) == 2


def test_lanes_agree_with_the_exact_sum_on_whole_numbers():
    """Whole numbers do not round, so every order gives one number."""
    x = np.arange(24, dtype=F32)

    assert identity.lane_dot(x, x) == identity.lane_dot(x, x, "lanes-by-halves") == F32(np.dot(x, x))


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (lambda **c: matmul(MATMUL_005B, **c), "f32-matmul-repeat"),
        (reduction, "f32-reduction-order"),
        (decode, "q4k-decode-identity"),
    ],
)
def test_another_device_and_another_fault_are_reasons(measure, name):
    """What cannot be done gives no numbers."""
    with pytest.raises(NotMeasured, match=f"^{name} has no kernels for the device 'tpu'$"):
        measure(device="tpu")
    with pytest.raises(NotMeasured, match=f"^{name} cannot plant the fault 'x'$"):
        measure(fault="x")


def test_the_scalar_twin_is_the_reference():
    """What the compiled decoder is held against is the naive module."""
    assert same_bits(F32(decode().metrics["first"]), reference.decode(base_block()).weights[0, 0])


def test_a_sum_that_is_odd_already_stays():
    """A sum just below half a float32 step rounds down, although its float64 rounding lies one step from the half."""
    step = F32(430 * 2.0**-23)
    x, y = np.array([F32(1) + step]), np.array([(F32(1) - step) * F32(2.0**-24)])  # x y = 2^-24 - 0.705 * 2^-52
    odd = np.array([1 + 2.0**-23], F32)

    assert identity.fused(x, y, odd)[0] == odd[0]


def test_a_lane_is_a_chain_of_fused_operations():
    """(1 + 2^-12)^2 - (1 + 2^-11) is 2^-24, and 0 where the product is rounded first."""
    x, y = np.zeros(16, F32), np.zeros(16, F32)
    x[0], y[0] = -1, 1 + 2.0**-11
    x[8] = y[8] = 1 + 2.0**-12

    assert identity.lane_dot(x, y) == 2.0**-24


@pytest.mark.parametrize("backwards", [False, True])
def test_the_chunks_are_taken_in_both_orders(monkeypatch, backwards):
    """One thread takes them from the first to the last, or the other way round."""
    taken = []
    whole = identity._fold
    monkeypatch.setattr(identity, "_fold", lambda x, w: taken.append(int(w[0, 0])) or whole(x, w))

    identity.product(np.ones((1, 1), F32), np.arange(5, dtype=F32)[:, None], identity.Way(1, 2, backwards=backwards))

    assert taken == ([4, 2, 0] if backwards else [0, 2, 4])
