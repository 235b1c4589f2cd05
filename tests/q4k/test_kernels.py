"""The kernels, compiled or not, against their twin and against implementations we did not write."""

import os
import subprocess
import sys

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from q4k.fixtures import F32, act, activations, base_block, q4k_blocks, rows, same_bits, tensor

from pvcheck_q4k import cpu, reference

SETTINGS = settings(max_examples=60, deadline=None)
BACKENDS = pytest.mark.parametrize("backend", [reference, cpu], ids=["reference", "cpu"])


@given(raw=q4k_blocks())
@SETTINGS
def test_decode_gives_the_bits_of_the_twin(raw):
    """Any block decodes to the same bits, NaN where the twin has NaN, and the same counts."""
    fast, slow = cpu.decode(raw), reference.decode(raw)

    assert same_bits(fast.weights, slow.weights)
    assert (fast.seen, fast.non_finite) == (slow.seen, slow.non_finite)


@given(raw=q4k_blocks(finite=True))
@SETTINGS
def test_the_twin_decodes_as_gguf_does(raw):
    """An implementation we did not write decodes the same bits."""
    theirs = gguf.quants.dequantize(raw, gguf.GGMLQuantizationType.Q4_K)

    assert same_bits(reference.decode(raw).weights, theirs)


@given(row=rows())
@SETTINGS
def test_quantise_gives_the_bits_of_the_twin(row):
    """Any activation quantises to the same scales, codes and counts."""
    fast, slow = cpu.quantise(row[1]), reference.quantise(row[1])

    assert same_bits(fast.scales, slow.scales)
    assert np.array_equal(fast.codes, slow.codes)
    assert (fast.seen, fast.non_finite) == (slow.seen, slow.non_finite)


@given(row=rows())
@SETTINGS
def test_both_paths_give_the_bits_of_the_twin(row):
    """Paths A and B over any row give the same bits and counts."""
    raw, x = row
    quantised = reference.quantise(x)
    pairs = [(module.dot_a(raw, x), module.dot_b(raw, *quantised[:2])) for module in (cpu, reference)]

    for fast, slow in zip(*pairs, strict=True):
        assert same_bits(fast.value, slow.value)
        assert (fast.seen, fast.non_finite) == (slow.seen, slow.non_finite)


@given(raw=q4k_blocks(most=1), x_a=activations(1), x_b=activations(1))
@SETTINGS
def test_a_step_gives_the_bits_of_the_twin(raw, x_a, x_b):
    """The fused kernel gives the bits of the parts, float64 sums included."""
    fast, slow = cpu.step(raw, x_a, x_b), reference.step(raw, x_a, x_b)

    for one, other in zip(fast[:4], slow[:4], strict=True):
        kind = np.float64 if isinstance(one, float) and not isinstance(one, np.float32) else F32
        assert same_bits(kind(one), kind(other))
    assert fast[4:] == slow[4:]


@BACKENDS
def test_the_published_weights_of_007(backend):
    """The first and the last weight of the base block are the published 10.75 and 1.25."""
    weights = backend.decode(base_block()).weights[0]

    assert (weights[0], weights[-1]) == (10.75, 1.25)


@BACKENDS
def test_the_published_bits_of_008(backend):
    """Paths A and B over the base block have the published bits, 0.077 % apart."""
    step = backend.step(base_block(), act(), act())

    assert step.a.view(np.uint32) == 0xC69384E3
    assert step.b.view(np.uint32) == 0xC693A21E
    assert abs(step.a - step.b) / abs(step.a) == pytest.approx(0.00077, abs=5e-6)


@BACKENDS
def test_each_product_is_rounded_before_it_is_added(backend):
    """Path A has no fused multiply-add: on this row a fused fold gives other bits."""
    raw, x = base_block(), act()
    fused = F32(0)
    for w, v in zip(reference.decode(raw).weights[0], x, strict=True):
        fused = F32(float(w) * float(v) + float(fused))  # the product is exact in float64

    assert not same_bits(backend.dot_a(raw, x).value, fused)


@BACKENDS
def test_the_sum_runs_on_through_all_super_blocks(backend):
    """A row is one fold from left to right, not a sum of block sums, in both paths."""
    raw, x = tensor(1)[:3].copy(), np.tile(act(3), 3)
    quantised = backend.quantise(x)
    whole = backend.dot_a(raw, x).value, backend.dot_b(raw, *quantised[:2]).value

    weights = backend.decode(raw).weights.reshape(-1)
    a = F32(0)
    for product in weights * x:
        a = F32(a + product)
    parts = sum(
        F32(backend.dot_b(raw[n : n + 1], quantised.scales[n : n + 1], quantised.codes[n : n + 1]).value)
        for n in range(3)
    )

    assert same_bits(whole[0], a)
    assert whole[1] != parts
    assert whole[1] == pytest.approx(parts, rel=1e-5)


def ggml_rule(x):
    """Return the codes of ggml's rule: the signed largest maps to -127, halves round to even."""
    largest = x[np.argmax(np.abs(x))]
    return np.minimum(np.rint(x * (F32(-127) / largest)), 127).astype(np.int8)


@BACKENDS
def test_the_absmax_rule_is_not_ggmls(backend):
    """On act both rules give the same codes; on -act they differ in 255 of 256."""
    assert np.array_equal(backend.quantise(act()).codes[0], ggml_rule(act()))
    assert (backend.quantise(-act()).codes[0] != ggml_rule(-act())).sum() == 255


@BACKENDS
def test_halves_round_away_from_zero(backend):
    """With a scale of 1, 0.5 gives 1, -2.5 gives -3 and the number below 0.5 gives 0."""
    x = np.zeros(256, F32)
    x[:5] = [127, 0.5, -0.5, -2.5, np.nextafter(F32(0.5), F32(0))]

    quantised = backend.quantise(x)

    assert quantised.scales[0] == 1
    assert quantised.codes[0, :5].tolist() == [127, 1, -1, -3, 0]


@BACKENDS
def test_a_tiny_activation_has_the_scale_of_one(backend):
    """At max|x| = 1e-10 the scale is 1 / 127, above it is max|x| / 127."""
    least = F32(1e-10)

    scales = [backend.quantise(np.full(256, x, F32)).scales[0] for x in (least, np.nextafter(least, F32(1)))]

    assert scales[0] == F32(1) / F32(127)
    assert scales[1] < F32(1e-12)


@BACKENDS
def test_nothing_that_is_not_finite_is_hidden(backend):
    """One infinity in the activation or the scales reaches both results and all counts."""
    spoilt = act()
    spoilt[200] = np.inf
    block = base_block()
    block[0, 2:4] = [0x00, 0x7C]

    by_activation = backend.step(base_block(), spoilt, spoilt)
    by_weight = backend.step(block, act(), act())

    assert (by_activation.non_finite_a, by_activation.non_finite_b) == (1, 256)
    assert np.isinf(by_activation.a)
    assert np.isnan(by_activation.b)
    assert (by_weight.non_finite_a, by_weight.non_finite_b) == (256, 256)
    assert not np.isfinite([by_weight.a, by_weight.b]).any()
    assert by_weight.seen_a == by_weight.seen_b == 256


@BACKENDS
@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda k: k.decode([[0] * 144]), TypeError, "blocks must be an array of uint8, got list"),
        (lambda k: k.decode(np.zeros((1, 144), np.int8)), TypeError, "blocks must be an array of uint8, got int8"),
        (lambda k: k.decode(np.zeros((1, 143), np.uint8)), ValueError, r"shape \(n, 144\), got \(1, 143\)"),
        (lambda k: k.decode(np.zeros(144, np.uint8)), ValueError, r"shape \(n, 144\), got \(144,\)"),
        (lambda k: k.decode(np.zeros((144, 2), np.uint8).T), ValueError, "blocks must be C-contiguous"),
        (lambda k: k.quantise(np.zeros(256)), TypeError, "activation must be an array of float32, got float64"),
        (lambda k: k.quantise(np.zeros(255, F32)), ValueError, "a multiple of 256"),
        (lambda k: k.quantise(np.zeros((1, 256), F32)), ValueError, "activation must be a vector"),
        (lambda k: k.dot_a(base_block(), np.zeros(512, F32)), ValueError, "must have 256 numbers, got 512"),
        (
            lambda k: k.dot_b(base_block(), np.zeros(2, F32), np.zeros((1, 256), np.int8)),
            ValueError,
            "scales must have",
        ),
        (lambda k: k.dot_b(base_block(), np.zeros(1, F32), np.zeros((1, 255), np.int8)), ValueError, "codes must have"),
        (lambda k: k.step(base_block(), act(), np.zeros(512, F32)), ValueError, "must have 256 numbers, got 512"),
        (lambda k: k.step(tensor(0)[:2].copy(), act(), act()), ValueError, r"shape \(1, 144\), got \(2, 144\)"),
        (lambda k: k.decode(np.zeros((1, 144), ">u2")), TypeError, "got >u2"),
    ],
)
def test_a_wrong_array_is_refused(backend, call, error, text):
    """A wrapper names what must be and what is, before a kernel sees it."""
    with pytest.raises(error, match=text):
        call(backend)


PRINT_A_DIGEST = """
import hashlib, numpy as np
from pvcheck_q4k import cpu
rng = np.random.default_rng(7)
raw = rng.integers(0, 256, (40, 144), np.uint8)
raw[:, 1] &= 0x7B; raw[:, 3] &= 0xFB
x = rng.standard_normal(40 * 256).astype(np.float32)
q = cpu.quantise(x)
parts = [cpu.decode(raw).weights, *q[:2], cpu.dot_a(raw, x).value, cpu.dot_b(raw, *q[:2]).value]
parts += [np.array(cpu.step(raw[:1], x[:256], x[256:512]))]
print(hashlib.sha256(b"".join(np.asarray(p).tobytes() for p in parts)).hexdigest())
"""


def test_uncompiled_kernels_give_the_same_bits():
    """The kernels are plain Python too, and stay inside their arrays: the same digest uncompiled and bounds-checked."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}

    digests = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", PRINT_A_DIGEST],
            env=environment | extra,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for extra in ({}, {"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_BOUNDSCHECK": "1"})
    }

    assert len(digests) == 1
