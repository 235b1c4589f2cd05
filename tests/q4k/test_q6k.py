"""The Q6_K kernels against their twin, against gguf, and against numbers worked out by hand."""

import struct

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.fixtures import F32, SPECIAL_HALVES, WRONG_HALVES, act, activations, same_bits

from pvcheck_q4k import cpu_q6k, reference, reference_q6k

SETTINGS = settings(max_examples=50, deadline=None)
BACKENDS = pytest.mark.parametrize("backend", [reference_q6k, cpu_q6k], ids=["reference", "cpu"])


@st.composite
def q6k_blocks(draw, *, finite=False, most=3):
    """Draw 1 to ``most`` super-blocks: any codes, extreme and any scales, d of every kind, or finite ones only."""
    half = st.sampled_from(SPECIAL_HALVES) | st.integers(0, 0x7BFF) | st.integers(0x8000, 0xFBFF)
    if not finite:
        half |= st.sampled_from(WRONG_HALVES)
    scales = st.binary(min_size=16, max_size=16) | st.sampled_from([b"\x80" * 16, b"\x7f" * 16, bytes(16)])
    rows = [
        draw(st.binary(min_size=192, max_size=192)) + draw(scales) + struct.pack("<H", draw(half))
        for _ in range(draw(st.integers(1, most)))
    ]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 210).copy()


@st.composite
def q6k_rows(draw):
    """Draw a row of super-blocks and an activation of its length."""
    raw = draw(q6k_blocks())
    return raw, draw(activations(raw.shape[0]))


def random_rows(rows, count, seed=5):
    """Return finite rows of ``count`` super-blocks, shape (rows, count, 210), and an activation."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (rows, count, 210), np.uint8)
    raw[:, :, 209] &= 0xBB  # no exponent of infinity
    return raw, rng.standard_normal(256 * count).astype(F32)


@given(raw=q6k_blocks())
@SETTINGS
def test_decode_gives_the_bits_of_the_twin(raw):
    """Any block decodes to the same bits, NaN where the twin has NaN, and the same counts."""
    fast, slow = cpu_q6k.decode(raw), reference_q6k.decode(raw)

    assert same_bits(fast.weights, slow.weights)
    assert (fast.seen, fast.non_finite) == (slow.seen, slow.non_finite)


@given(raw=q6k_blocks(finite=True))
@SETTINGS
def test_the_twin_decodes_as_gguf_does(raw):
    """An implementation we did not write decodes the same bits."""
    theirs = gguf.quants.dequantize(raw, gguf.GGMLQuantizationType.Q6_K)

    assert same_bits(reference_q6k.decode(raw).weights, theirs)


@given(row=q6k_rows())
@SETTINGS
def test_both_paths_give_the_bits_of_the_twin(row):
    """Paths A and B over any row give the same bits and counts."""
    raw, x = row
    quantised = reference.quantise(x)
    pairs = [(module.dot_a(raw, x), module.dot_b(raw, *quantised[:2])) for module in (cpu_q6k, reference_q6k)]

    for fast, slow in zip(*pairs, strict=True):
        assert same_bits(fast.value, slow.value)
        assert (fast.seen, fast.non_finite) == (slow.seen, slow.non_finite)


@given(raw=q6k_blocks(finite=True))
@SETTINGS
def test_a_weight_of_a_finite_block_is_exact(raw):
    """Float64 gives the same weights, so neither order nor fusion can change a bit."""
    d = raw[:, 208:].copy().view("<f2").astype(np.float64)
    scales = np.repeat(raw[:, 192:208].view(np.int8).astype(np.float64), 16, axis=1)

    weights = reference_q6k.decode(raw).weights
    with np.errstate(divide="ignore", invalid="ignore"):
        codes = weights / (d * scales)

    assert set(codes[np.isfinite(codes)]) <= set(range(-32, 32))


@BACKENDS
def test_each_bit_goes_where_the_layout_says(backend):
    """With d = 1, weights picked by hand show each nibble, each pair of high bits and each scale."""
    block = np.zeros((1, 210), np.uint8)
    block[0, 209] = 0x3C
    block[0, 192:208] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xFF]
    block[0, 0] = 0xA5  # half 0: weight 0 low 5, weight 64 low 10
    block[0, 64 + 32 + 31] = 0x3C  # half 1: weight 128 + 63 low 12, weight 128 + 127 low 3
    block[0, 128 + 32 + 31] = 0b11_10_01_00  # high bits of weights 159, 191, 223 and 255

    weights = backend.decode(block).weights[0]

    assert weights[[0, 64]].tolist() == [1 * (5 - 32), 5 * (10 - 32)]
    assert weights[159] == 10 * (0 - 32)
    assert weights[191] == 12 * (12 + 16 - 32)
    assert weights[223] == 14 * (0 + 32 - 32)
    assert weights[255] == -1 * (3 + 48 - 32)


@BACKENDS
def test_path_b_is_a_fold_over_groups_of_16(backend):
    """The definition, in vectors: (d scale) s, times an integer sum, added one group after the other."""
    raw, x = random_rows(1, 3)
    quantised = reference.quantise(x)
    d = raw[0, :, 208:].copy().view("<f2").astype(F32)
    scales = raw[0, :, 192:208].view(np.int8).astype(F32)
    unit = raw[0].copy()
    unit[:, 192:208], unit[:, 208:] = 1, [0x00, 0x3C]
    codes = reference_q6k.decode(unit).weights.astype(np.int64)
    sums = (codes * quantised.codes).reshape(3, 16, 16).sum(axis=2).astype(F32)
    terms = ((d * scales) * quantised.scales[:, None]) * sums
    value = F32(0)
    for term in terms.reshape(-1):
        value = F32(value + term)

    assert same_bits(backend.dot_b(raw[0], *quantised[:2]).value, value)
    weights = backend.decode(raw[0]).weights.reshape(-1)
    assert abs(value - backend.dot_a(raw[0], x).value) < 0.002 * np.abs(weights * x).sum()


@BACKENDS
def test_nothing_that_is_not_finite_is_hidden(backend):
    """An infinite d reaches the weights, both paths and the counts; so does one NaN of the activation."""
    raw, x = random_rows(1, 2)
    quantised = reference.quantise(x)
    raw[0, 0, 208:] = [0x00, 0x7C]
    spoilt = act()
    spoilt[3] = np.nan

    assert backend.decode(raw[0]).non_finite == 256
    assert backend.dot_a(raw[0], x).non_finite == 256
    assert backend.dot_b(raw[0], *quantised[:2]).non_finite == 256
    assert backend.dot_a(raw[0, 1:], spoilt).non_finite == 1
    assert np.isnan(backend.dot_a(raw[0, 1:], spoilt).value)


@given(count=st.integers(1, 100), seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_a_row_of_any_length_gives_the_bits_of_the_twin(count, seed):
    """From one super-block to a hundred, with zero, denormal, negative and maximal scales among them."""
    rng = np.random.default_rng(seed)
    raw, x = random_rows(1, count, seed)
    raw[0, :, 208:] = rng.choice(np.array(SPECIAL_HALVES, "<u2"), (count, 1)).view(np.uint8)
    scales, codes, *_ = reference.quantise(x)

    for fast, slow in (
        (cpu_q6k.dot_a(raw[0], x), reference_q6k.dot_a(raw[0], x)),
        (cpu_q6k.dot_b(raw[0], scales, codes), reference_q6k.dot_b(raw[0], scales, codes)),
    ):
        assert same_bits(fast.value, slow.value)
        assert fast[1:] == slow[1:] == (256 * count, 0)


def test_a_row_of_a_hundred_super_blocks():
    """A row as long as a large model's gives the same bits in both paths."""
    raw, x = random_rows(1, 100)
    quantised = reference.quantise(x)

    assert same_bits(cpu_q6k.dot_a(raw[0], x).value, reference_q6k.dot_a(raw[0], x).value)
    assert same_bits(cpu_q6k.dot_b(raw[0], *quantised[:2]).value, reference_q6k.dot_b(raw[0], *quantised[:2]).value)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_rows_give_the_bits_of_the_twin_at_any_thread_count(rows):
    """A matrix is its rows, whoever computes them."""
    raw, x = random_rows(rows, 2)
    scales, codes, *_ = reference.quantise(x)

    for slow, fast in (
        (reference_q6k.matvec_a(raw, x), lambda n: cpu_q6k.matvec_a(raw, x, n)),
        (reference_q6k.matvec_b(raw, scales, codes), lambda n: cpu_q6k.matvec_b(raw, scales, codes, n)),
    ):
        for threads in (1, 2, 7):
            assert same_bits(fast(threads).values, slow.values)
            assert fast(threads)[1:] == slow[1:] == (rows * 512, 0)


@BACKENDS
@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda k: k.decode(np.zeros((1, 144), np.uint8)), ValueError, r"shape \(n, 210\), got \(1, 144\)"),
        (lambda k: k.dot_a(np.zeros((1, 210), np.uint8), np.zeros(512, F32)), ValueError, "must have 256 numbers"),
        (
            lambda k: k.dot_b(np.zeros((1, 210), np.uint8), np.zeros(2, F32), np.zeros((1, 256), np.int8)),
            ValueError,
            "scales must have",
        ),
        (lambda k: k.matvec_a(np.zeros((1, 210), np.uint8), act()), ValueError, r"shape \(n, k, 210\), got \(1, 210\)"),
        (
            lambda k: k.matvec_b(np.zeros((1, 1, 144), np.uint8), np.zeros(1, F32), np.zeros((1, 256), np.int8)),
            ValueError,
            r"shape \(n, k, 210\)",
        ),
    ],
)
def test_a_wrong_array_is_refused(backend, call, error, text):
    """A wrapper names what must be and what is, before a kernel sees it."""
    with pytest.raises(error, match=text):
        call(backend)
