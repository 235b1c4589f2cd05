"""What holds for the CUDA kernels, in Numba's simulator and on a device: the bits of the reference.

Not collected by itself: Numba reads once, when it is loaded, whether to simulate. ``test_cuda_simulator`` and
``test_cuda_device`` run this file in processes of their own.
"""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from q4k.fixtures import F32, act, activations, base_block, opened, q4k_blocks, q4k_file, rows, same_bits, tensor
from q4k.test_generators import ACT, BASE, TENSOR, made
from q4k.test_q6k import q6k_blocks, q6k_rows

from pvcheck.plugin import Context
from pvcheck_q4k import chain, compounding, cuda, cuda_device, cuda_q6k, identity, paths, reference, reference_q6k
from pvcheck_q4k.cuda_jobs import over_rows
from pvcheck_q4k.fixture_parameters import ChainedParameters, DecodeParameters, PathsParameters, SweepParameters
from pvcheck_q4k.parameters import ChainParameters
from pvcheck_q4k.plugin import pv_evaluators

# No shrinking: these run many times with a mistake planted, and only whether one fails matters then.
FEW = settings(max_examples=20, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
FORMATS = pytest.mark.parametrize(
    ("fast", "slow", "size"), [(cuda, reference, 144), (cuda_q6k, reference_q6k, 210)], ids=["q4k", "q6k"]
)


def random_rows(count, blocks, size, seed=11):
    """Return finite rows of super-blocks, shape (count, blocks, size), and an activation of their length."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (count, blocks, size), np.uint8)
    raw[:, :, [1, 3] if size == 144 else [209]] &= 0xBB  # no exponent of infinity
    return raw, rng.standard_normal(256 * blocks).astype(F32)


def assert_same(found, expected):
    """Compare two results of kernels: arrays and float32 by bits, counts by value and type."""
    assert type(found) is type(expected)
    for one, other in zip(found, expected, strict=True):
        if isinstance(other, np.ndarray | np.floating) and np.asarray(other).dtype != np.int8:
            assert same_bits(np.asarray(one), np.asarray(other))
        elif isinstance(other, float):
            assert same_bits(np.float64(one), np.float64(other))
        else:
            assert type(one) is type(other)
            assert np.array_equal(one, other)


@FORMATS
@pytest.mark.parametrize(("count", "blocks"), [(0, 2), (1, 1), (2, 0), (33, 1), (3, 5)])
def test_rows_give_the_bits_of_the_reference(fast, slow, size, count, blocks):
    """No rows, rows of nothing, one row, more than a block of threads has, an odd number of super-blocks."""
    raw, x = random_rows(count, blocks, size)
    scales, codes, *_ = reference.quantise(x)

    assert_same(fast.matvec_a(raw, x), slow.matvec_a(raw, x))
    assert_same(fast.matvec_b(raw, scales, codes, 3), slow.matvec_b(raw, scales, codes))
    assert_same(fast.row_sums(raw, x), slow.row_sums(raw, x))
    assert fast.matvec_a(raw, x).seen == raw.shape[0] * x.size


@FORMATS
def test_subnormal_numbers_stay(fast, slow, size):
    """Products with an activation of 1e-42, which a device that flushes would take for zeros."""
    raw, x = random_rows(2, 1, size)
    raw[:, :, [0, 1, 2, 3] if size == 144 else [208, 209]] = [0, 0x3C, 0, 0x30] if size == 144 else [0, 0x20]
    x *= F32(1e-42)

    found = fast.matvec_a(raw, x)

    assert_same(found, slow.matvec_a(raw, x))
    assert (abs(found.values) < np.finfo(F32).tiny).all()
    assert found.values.all()


def test_blocks_of_every_size_are_quantised_to_the_same_codes():
    """Forty of them, so that a scale that is rounded twice shows."""
    rng = np.random.default_rng(2)
    x = (rng.standard_normal((40, 256)) * 10.0 ** rng.integers(-12, 12, (40, 1))).astype(F32).reshape(-1)

    assert_same(cuda.quantise(x), reference.quantise(x))


@FORMATS
@pytest.mark.parametrize(("most_blocks", "most_bytes"), [(1, 1 << 30), (1 << 16, 1500), (1, 1)])
def test_neither_the_grid_nor_the_parts_change_a_bit(monkeypatch, fast, slow, size, most_blocks, most_bytes):
    """A grid of one block takes 40 rows in turns; memory for a few rows, or for none, takes them part after part."""
    monkeypatch.setattr(cuda_device, "MOST_BLOCKS", most_blocks)
    monkeypatch.setattr(cuda_device, "MOST_BYTES", most_bytes)
    count = 40 if most_bytes > 1500 else 9
    raw, x = random_rows(count, 1, size)
    raw[4, 0, 1 if size == 144 else 209] = 0x7C
    scales, codes, *_ = reference.quantise(x)

    assert_same(fast.matvec_a(raw, x), slow.matvec_a(raw, x))
    assert_same(fast.matvec_b(raw, scales, codes), slow.matvec_b(raw, scales, codes))
    assert_same(fast.row_sums(raw, x), slow.row_sums(raw, x))
    assert_same(fast.decode(raw[:, 0]), slow.decode(raw[:, 0]))


@given(raw=q4k_blocks())
@FEW
def test_q4k_decodes_to_the_bits_of_the_reference(raw):
    """Any block, infinite and NaN scales among them, and the same counts."""
    assert_same(cuda.decode(raw), reference.decode(raw))


@given(raw=q6k_blocks())
@FEW
def test_q6k_decodes_to_the_bits_of_the_reference(raw):
    """Any block, infinite and NaN scales among them, and the same counts."""
    assert_same(cuda_q6k.decode(raw), reference_q6k.decode(raw))


@given(x=activations(2))
@FEW
def test_an_activation_is_quantised_to_the_same_codes(x):
    """Halves, subnormals, zeros, infinities and NaN."""
    assert_same(cuda.quantise(x), reference.quantise(x))


@given(row=rows())
@FEW
def test_both_paths_over_q4k_give_the_bits_of_the_reference(row):
    """Any row of super-blocks and any activation."""
    raw, x = row
    scales, codes, *_ = reference.quantise(x)

    assert_same(cuda.dot_a(raw, x), reference.dot_a(raw, x))
    assert_same(cuda.dot_b(raw, scales, codes), reference.dot_b(raw, scales, codes))


@given(row=q6k_rows())
@FEW
def test_both_paths_over_q6k_give_the_bits_of_the_reference(row):
    """Any row of super-blocks and any activation."""
    raw, x = row
    scales, codes, *_ = reference.quantise(x)

    assert_same(cuda_q6k.dot_a(raw, x), reference_q6k.dot_a(raw, x))
    assert_same(cuda_q6k.dot_b(raw, scales, codes), reference_q6k.dot_b(raw, scales, codes))
    assert_same(cuda_q6k.row_sums(raw[None], x), reference_q6k.row_sums(raw[None], x))


@given(raw=q4k_blocks(most=1), x_a=activations(1), x_b=activations(1))
@FEW
def test_a_step_gives_the_bits_of_the_reference(raw, x_a, x_b):
    """Both paths, the sums in float64, and the counts."""
    with np.errstate(all="ignore"):
        assert_same(cuda.step(raw, x_a, x_b), reference.step(raw, x_a, x_b))


def test_a_step_over_zeros_keeps_their_sign():
    """A sum that starts at 0 is 0, also where all its terms are -0."""
    found = cuda.step(np.zeros((1, 144), np.uint8), -act() - F32(7), act())

    assert_same(found, reference.step(np.zeros((1, 144), np.uint8), -act() - F32(7), act()))


def idle(raw, values, counts):
    """Do nothing: a kernel whose threads take no row."""


def test_a_row_that_no_thread_takes_is_seen():
    """Its value is NaN, and its elements are not counted."""
    raw, _ = random_rows(3, 1, 144)

    found = over_rows(cuda_device.cuda_kernel(idle), raw)

    assert np.isnan(found.values).all()
    assert (found.seen, found.non_finite) == (0, 0)


def test_a_mapped_matrix_may_be_read_only():
    """The bytes of a file, at an odd place in it."""
    raw, x = random_rows(2, 1, 144)
    mapped = np.frombuffer(b"\0" + raw.tobytes(), np.uint8, offset=1).reshape(2, 1, 144)

    assert_same(cuda.matvec_a(mapped, x), reference.matvec_a(raw, x))


def test_nothing_is_quantised_to_nothing():
    """An empty activation."""
    assert_same(cuda.quantise(np.empty(0, F32)), reference.quantise(np.empty(0, F32)))


@FORMATS
@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda k, n: k.decode(np.zeros((1, n + 1), np.uint8)), ValueError, r"blocks must have shape \(n, "),
        (lambda k, n: k.decode(np.zeros((2, 2 * n), np.uint8)[:, ::2]), ValueError, "must be C-contiguous"),
        (lambda k, n: k.dot_a(np.zeros((2, n), np.uint8), act()), ValueError, "must have 512 numbers, got 256"),
        (
            lambda k, n: k.dot_b(np.zeros((1, n), np.uint8), np.zeros(2, F32), np.zeros((1, 256), np.int8)),
            ValueError,
            "scales must have",
        ),
        (lambda k, n: k.matvec_a(np.zeros((1, n), np.uint8), act()), ValueError, r"rows must have shape \(n, k, "),
        (lambda k, n: k.matvec_a(np.zeros((1, 1, n), np.uint8), act(), 0), ValueError, "threads must be 1 or more"),
        (
            lambda k, n: k.row_sums(np.zeros((1, 1, n + 1), np.uint8), act()),
            ValueError,
            r"rows must have shape \(n, k, ",
        ),
        (lambda k, n: k.row_sums(np.zeros((1, 2, n), np.uint8), act()), ValueError, "must have 512 numbers, got 256"),
        (lambda k, n: k.matvec_a(np.zeros((1, 1, n), np.uint8), act()[:8]), ValueError, "a multiple of 256"),
        (
            lambda k, n: k.matvec_b(np.zeros((1, 1, n), np.uint8), np.zeros(1), np.zeros((1, 256), np.int8)),
            TypeError,
            "scales must be an array of float32",
        ),
    ],
)
def test_a_wrong_array_is_refused(fast, slow, size, call, error, text):
    """By the reference and here alike, before anything is sent."""
    for kernels in (slow, fast):
        with pytest.raises(error, match=text):
            call(kernels, size)


@pytest.mark.parametrize(
    "call", [lambda: cuda.quantise(np.zeros(8, F32)), lambda: cuda.step(base_block(), act(), act().astype(float))]
)
def test_a_wrong_activation_is_refused(call):
    """Another length, another type."""
    with pytest.raises((TypeError, ValueError), match="activation must be"):
        call()


def of_chain(device):
    """Measure a chain of three layers."""
    with opened(q4k_file({layer: tensor(layer)[:1] for layer in range(3)})) as source:
        parameters = ChainParameters(model="m", tensor="blk.{layer}.ffn_down.weight", layers="0-2")
        return chain.measure(parameters, Context(inputs={"m": source}, device=device))


def of(measure, kind, values):
    """Return a function that measures made-up numbers on a device."""
    return lambda device: measure(made(kind, values), Context(inputs={}, device=device))


EVALUATIONS = {
    "q4k-chain": of_chain,
    "q4k-paths": of(paths.measure, PathsParameters, {"block": BASE, "activation": ACT}),
    "q4k-scale-sweep": of(
        paths.measure_sweep, SweepParameters, {"block": BASE, "scales_d": ["1014", "0049"], "activation": ACT}
    ),
    "q4k-decode-identity": of(identity.measure_decode, DecodeParameters, {"block": BASE}),
    "q4k-chained-matvec": of(
        compounding.measure, ChainedParameters, {"block": TENSOR, "tensors": 1, "activation": ACT}
    ),
}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_an_evaluator_measures_the_same_on_the_device(name):
    """Every metric to its last bit; only the backend has another name."""
    other = "cpu" if name == "q4k-decode-identity" else "reference"

    found, expected = (EVALUATIONS[name](device) for device in ("cuda", other))

    assert repr(found.metrics) == repr(expected.metrics)
    assert (found.backend, expected.backend) == (cuda.NAME, other)
    assert "numba" in found.libraries


def test_each_evaluator_that_names_the_device_is_measured_above():
    """But for those over whole matrices: their products are those of ``matvec_a`` and ``matvec_b``."""
    named = {each.name for each in pv_evaluators() if "cuda" in each.devices}

    assert named - {"q4k-matvec-chain", "q4k-ffn-chain", "q4k-matvec-sweep"} == EVALUATIONS.keys()
