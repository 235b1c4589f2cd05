"""The faults of the Q4_K family, each against a slow recipe of its own that shares nothing with the planting code."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from q4k.fixtures import F32, act, activations, base_block, opened, q4k_blocks, q4k_file, same_bits, tensor
from q4k.test_generators import ACT, BASE, made
from q4k.test_identity import MATMUL_005, decode, matmul, reduction
from q4k.test_paths import measure, of_model

from pvcheck.plugin import Context, NotMeasured
from pvcheck.plugin.faults import GENERIC
from pvcheck_q4k import cpu, fault_catalogue, faulty, generators, identity, kernels, reference
from pvcheck_q4k import fixture_parameters as parameters


def half(bits):
    """Return the float32 of an f16 bit pattern."""
    return F32(np.array([bits], np.uint16).view(np.float16)[0])


def parts(block):
    """Return d, dmin, scales, minimums and codes of 144 bytes, read off the drawing of the format."""
    data = bytes(block)
    d, dmin = (half(word) for word in struct.unpack("<HH", data[:4]))
    s = data[4:16]
    scales = [s[j] & 63 if j < 4 else (s[j + 4] & 15) + 16 * (s[j - 4] // 64) for j in range(8)]
    minimums = [s[j + 4] & 63 if j < 4 else s[j + 4] // 16 + 16 * (s[j] // 64) for j in range(8)]
    codes = [[data[16 + 32 * (j // 2) + k] // 16 ** (j % 2) % 16 for k in range(32)] for j in range(8)]
    return d, dmin, scales, minimums, codes


def quantise(x, rule="away", signed=False):
    """Return the scale and the codes of 256 activations, one number at a time."""
    largest = max(v if signed else abs(v) for v in x)
    scale = (F32(1) if largest <= F32(1e-10) else largest) / F32(127)
    inverse = F32(1) / scale
    rounders = {"away": lambda v: math.copysign(math.floor(abs(v) + 0.5), v), "even": round, "cut": int}
    return scale, [max(-128, min(127, int(rounders[rule](max(-1e3, min(1e3, float(v * inverse))))))) for v in x]


def slow_b(block, x, fault, neighbour=None):
    """Return path B over one super-block with a fault, one sub-block after the other."""
    d, dmin, scales, minimums, codes = parts(neighbour if fault == "wrong-block" else block)
    scale, q8 = quantise(
        x, {"codes-to-even": "even", "codes-truncated": "cut"}.get(fault, "away"), signed=fault == "signed-maximum"
    )
    if fault == "activation-scale-128":
        scale = scale * F32(127) / F32(128)
    if fault == "codes-unsigned":
        q8 = [v % 256 for v in q8]
    if fault == "swapped-nibbles":
        codes = [codes[j ^ 1] for j in range(8)]
    if fault == "shifted-run":
        codes = [codes[(j + 2) % 8] for j in range(8)]
    if fault == "scale-bits-lost":
        scales, minimums = ([v if j < 4 else v % 16 for j, v in enumerate(each)] for each in (scales, minimums))
    if fault == "exchanged-d-and-dmin":
        d, dmin = dmin, d
    if fault == "flushed-subnormals":
        d, dmin = (v if abs(v) >= 2.0**-14 else F32(0) for v in (d, dmin))
    total = 0.0 if fault == "wide-sum" else F32(0)
    for j in range(6 if fault == "dropped-run" else 8):
        gain = d * F32(scales[(j + 1) % 8 if fault == "scale-off-by-one" else j])
        loss = F32(0) if fault == "dropped-minimums" else dmin * F32(minimums[j])
        if fault == "half-precision-scales":
            gain, loss = (F32(np.float16(v)) for v in (gain, loss))
        mine = q8[32 * j : 32 * j + 32]
        summed = q8[32 * (j ^ 1) : 32 * (j ^ 1) + 32] if fault == "exchanged-sums" else mine
        products = sum(a * b for a, b in zip(codes[j], mine, strict=True))
        term = (gain * scale) * F32(products) - (loss * scale) * F32(sum(summed))
        total = total + (float(term) if fault == "wide-sum" else term)
    return F32(total)


OF_PATH_B = sorted(faulty.PATH_B - {"lane-mix-up"})  # that one is in test_paths


@pytest.mark.parametrize("fault", [*OF_PATH_B, None])
@given(raw=q4k_blocks(finite=True, most=2), x=activations(1, finite=True))
@settings(max_examples=25, deadline=None)
def test_path_b_is_wrong_as_the_fault_says(fault, raw, x):
    """Law: the bits are those of the slow recipe, on any block and activation."""
    with np.errstate(all="ignore"):
        expected = slow_b(raw[0], x, fault, raw[-1])

        (dot,) = faulty.path_b(raw[:1, None], x, fault, raw[-1:, None])

    assert same_bits(dot.value, expected)


@given(raw=q4k_blocks(most=3), x=activations(1))
@settings(max_examples=60, deadline=None)
def test_without_a_fault_it_is_path_b(raw, x):
    """Law: values and counts are those of the compiled kernel, whatever is not finite."""
    quantised = cpu.quantise(x)

    for row, dot in zip(raw, faulty.path_b(raw[:, None], x, None), strict=True):
        right = cpu.dot_b(row[None], quantised.scales, quantised.codes)
        assert same_bits(dot.value, right.value)
        assert dot[1:] == right[1:]


def test_without_a_fault_a_row_is_path_b():
    """Several super-blocks of a row are added on, in their order."""
    raw, x = tensor(1)[:6].reshape(2, 3, 144), np.concatenate([act(t) for t in range(3)])
    quantised = cpu.quantise(x)

    found = faulty.path_b(raw, x, None)

    assert found == [cpu.dot_b(row, quantised.scales, quantised.codes) for row in raw]


@pytest.mark.parametrize("fault", sorted(faulty.DECODER))
@given(raw=q4k_blocks(finite=True, most=2))
@settings(max_examples=25, deadline=None)
def test_the_decoder_is_wrong_as_the_fault_says(fault, raw):
    """Law: weight by weight, w = (d sc) q - (dmin m) with what the fault does to one of them."""
    d, dmin, scales, minimums, codes = parts(raw[-1] if fault == "wrong-block" else raw[0])
    moved = {"swapped-nibbles": lambda j: j ^ 1, "shifted-run": lambda j: (j + 2) % 8}.get(fault, lambda j: j)
    if fault == "exchanged-d-and-dmin":
        d, dmin = dmin, d
    if fault == "flushed-subnormals":
        d, dmin = (v if abs(v) >= 2.0**-14 else F32(0) for v in (d, dmin))
    if fault == "dropped-minimums":
        minimums = [0] * 8
    if fault == "scale-bits-lost":
        scales, minimums = ([v if j < 4 else v % 16 for j, v in enumerate(each)] for each in (scales, minimums))
    if fault == "scale-off-by-one":
        scales = scales[1:] + scales[:1]
    expected = []
    with np.errstate(all="ignore"):
        for j in range(8):
            gain, loss = d * F32(scales[j]), dmin * F32(minimums[j])
            if fault == "half-precision-scales":
                gain, loss = (F32(np.float16(v)) for v in (gain, loss))
            expected += [gain * F32(code) - loss for code in codes[moved(j)]]
        if fault == "half-precision-weights":
            expected = [F32(np.float16(w)) for w in expected]

        found = faulty.decoded(raw[:1], fault, raw[-1:])

    assert same_bits(found.weights[0] + F32(0), np.array(expected, F32) + F32(0))  # a minimum of 0 may be -0


def test_without_a_fault_it_is_the_decoder():
    """The same bits as both."""
    assert same_bits(faulty.decoded(tensor(2), None).weights, reference.decode(tensor(2)).weights)


@pytest.mark.parametrize(
    ("fault", "b", "rel_diff"),
    [
        ("lane-mix-up", "-19146.71", "1.40%"),
        ("swapped-nibbles", "-20322.04", "7.62%"),
        ("dropped-minimums", "-15549.98", "17.65%"),
        ("scale-off-by-one", "-37699.60", "99.65%"),
        ("exchanged-sums", "-19102.20", "1.16%"),
        ("activation-scale-128", "-18749.43", "0.70%"),
        ("signed-maximum", "-18912.80", "0.16%"),
        ("codes-truncated", "-18655.36", "1.20%"),
    ],
)
def test_eight_kernels_that_a_bound_of_10_percent_passes_or_nearly(fault, b, rel_diff):
    """On 008: most of the wrong kernels stay below its published bound."""
    metrics = measure(fault=fault).metrics

    assert (f"{metrics['b']:.2f}", f"{metrics['rel_diff']:.2%}") == (b, rel_diff)


def test_a_wrong_block_of_a_model_is_the_next_one():
    """And the one before at the end of the tensor; where there is one only, nothing is planted."""
    raw = tensor(3)[:3]
    quantised = reference.quantise(act())
    before = reference.dot_b(raw[1:2], quantised.scales, quantised.codes).value
    values = {"model": "m", "tensor": "blk.0.ffn_down.weight", "super_block": 0, "activation": ACT}

    assert F32(of_model(raw, fault="wrong-block").metrics["b"]) == before
    assert F32(measure(values, q4k_file({0: raw}), fault="wrong-block").metrics["b"]) == before
    with pytest.raises(NotMeasured, match=r"^not planted: the tensor has one super-block, and no other"):
        of_model(raw[:1], fault="wrong-block")


def test_a_wrong_block_of_a_pattern_is_that_of_the_next_row():
    """Where rows differ."""
    block = BASE | {"codes": {"times": 13, "plus": 17, "per_row": 3}}
    raw = generators.super_blocks(made(parameters.BlockPattern, block), 2)
    quantised = reference.quantise(act())

    metrics = measure({"block": block}, fault="wrong-block").metrics

    assert F32(metrics["b"]) == reference.dot_b(raw[1:], quantised.scales, quantised.codes).value
    with pytest.raises(NotMeasured, match=r"^not planted: wrong-block changes no result of path B here$"):
        measure(fault="wrong-block")


def test_a_wrong_row_of_a_product_is_the_next_one():
    """The last row reads the first."""
    context = Context(inputs={}, fault="wrong-block")
    quantised = reference.quantise(act())

    found = faulty.Trial(cpu, context).dots(tensor(0)[:3], act())

    right = [cpu.dot_b(row[None], quantised.scales, quantised.codes) for row in tensor(0)[[1, 2, 0]]]
    assert found == right


@pytest.mark.parametrize("name", sorted(kernels.DECLARED))
def test_what_is_declared_is_what_can_be_planted(name):
    """Nothing that path B or the decoder can do is left out, and there are ten at least in the family of Q4_K."""
    generic = {each.name for each in GENERIC}
    own = kernels.DECLARED[name] - generic

    if name == "q4k-decode-identity":
        assert own == faulty.DECODER
    elif name.startswith("q4k"):
        assert own >= faulty.PATH_B
        assert len(own) >= 18
    else:
        assert len(own) >= 4
    assert name.endswith("-drift") is not bool(generic & kernels.DECLARED[name])


def test_a_fault_has_one_name_and_one_meaning():
    """Where several evaluators have one, its words differ in who makes the mistake only."""
    assert len({fault.name for fault in fault_catalogue.CHAIN_FAULTS}) == len(fault_catalogue.CHAIN_FAULTS) == 21
    assert {each.name for each in fault_catalogue.CHAINED_FAULTS} >= {"lane-mix-up", "last-token"}


@pytest.mark.parametrize(
    ("fault", "name"),
    [("array-flipped-bit", "b"), ("array-swapped-rows", "b"), ("array-offset-block", "b"), ("array-scaled", "b")],
)
def test_a_fault_in_an_array_is_on_path_b_alone(fault, name):
    """Path A reads what is in the file; only path B's number moves."""
    right, wrong = measure().metrics, measure(fault=fault).metrics

    assert wrong["a"] == right["a"]
    assert wrong[name] != right[name]


def slow_product(x, w, row, out, order, stop=None):
    """Return one sum of products in an order, product and sum rounded."""
    total = None
    for k in list(order)[:stop]:
        product = x[row, k] * w[out, k]
        total = product if total is None else total + product
    return total


@pytest.mark.parametrize("fault", ["reversed-sum", "lost-input", "output-off-by-one", "last-row"])
def test_a_run_is_wrong_as_the_fault_says(fault):
    """One number of a later run, by hand; the first run stays right, and every later one differs from it."""
    x = np.linspace(-1, 1, 14, dtype=F32).reshape(2, 7)
    w = np.linspace(3, -2, 35, dtype=F32).reshape(5, 7)

    result = identity.product(*identity.mistaken(x, w, fault), identity.Way(1, 2, backwards=False))

    order = range(6, -1, -1) if fault == "reversed-sum" else range(7)
    out = 4 if fault == "output-off-by-one" else 3
    expected = slow_product(x, w, 1 if fault == "last-row" else 0, out, order, 6 if fault == "lost-input" else None)
    assert result[0, 3] == expected
    metrics = matmul(MATMUL_005, fault=fault).metrics
    assert (metrics["identical"], metrics["differing"]) == (False, 11)


def test_a_product_of_one_row_has_no_other():
    """Nothing is planted where the last row is the only one."""
    with pytest.raises(NotMeasured, match=r"^not planted: last-row changes no bit here$"):
        matmul(MATMUL_005 | {"rows": 1}, fault="last-row")


@pytest.mark.parametrize("fault", ["wide-lanes", "lost-lane", "element-off-by-one", "separate-rounding"])
def test_the_lanes_are_wrong_as_the_fault_says(fault):
    """Lane by lane, number by number."""
    rng = np.random.default_rng(7)
    x, y = (rng.standard_normal(24).astype(F32) for _ in range(2))
    taken = np.concatenate([y[1:], y[:1]]) if fault == "element-off-by-one" else y
    lanes = []
    for lane in range(8):
        total = F32(0)
        for n in range(lane, 24, 8):
            if fault == "separate-rounding":
                total = x[n] * taken[n] + total
            elif fault == "wide-lanes":
                total = float(x[n]) * float(taken[n]) + float(total)
            else:
                total = identity.fused(x[n : n + 1], taken[n : n + 1], np.array([total], F32))[0]
        lanes.append(0 if fault == "lost-lane" and lane == 7 else total)
    pairs = [lanes[k] + lanes[k + 4] for k in range(4)]

    found = identity.lane_dot(x, y, fault)

    assert found == F32((pairs[0] + pairs[1]) + (pairs[2] + pairs[3]))
    assert found.dtype == F32


def test_rounding_the_products_changes_nothing_on_006():
    """It is told, so that nobody takes it for a fault that the bounds let through."""
    with pytest.raises(NotMeasured, match=r"^not planted: separate-rounding changes no bit here$"):
        reduction(fault="separate-rounding")
    assert not reduction(fault="wide-lanes").metrics["identical"]


def test_a_nan_has_no_place_in_codes():
    """The decoder takes in bytes alone, so what needs a fraction stays out and the host tells it."""
    context = Context(inputs={}, fault="array-nan")
    with opened(b"x"):
        identity.measure_decode(made(parameters.DecodeParameters, {"block": BASE}), context)

    assert context.door.missing() == (
        "array-nan was never planted: the super-block as the decoder reads it holds uint8"
    )
    assert decode(fault="array-flipped-bit").metrics["differing"] > 0
    assert base_block().tobytes() == generators.super_blocks(made(parameters.BlockPattern, BASE), 1).tobytes()
