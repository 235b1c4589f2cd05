"""Rows of Q4_K: the same bits on one thread and on several, long rows, and the kernels uncompiled."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.fixtures import F32, SPECIAL_HALVES, act, activations, q4k_blocks, same_bits, tensor

from pvcheck_q4k import cpu, reference

BACKENDS = pytest.mark.parametrize("backend", [reference, cpu], ids=["reference", "cpu"])


def random_rows(rows, count, seed=3):
    """Return finite rows of ``count`` super-blocks, shape (rows, count, 144), and an activation."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (rows, count, 144), np.uint8)
    raw[:, :, [1, 3]] &= 0xBB  # no exponent of infinity
    return raw, rng.standard_normal(256 * count).astype(F32)


@given(raw=q4k_blocks(most=4), x=activations(1), threads=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_rows_give_the_bits_of_the_twin(raw, x, threads):
    """Each block as a row of its own: the same values, infinities and NaN included, and the same counts."""
    matrix = raw.reshape(-1, 1, 144)
    scales, codes, *_ = reference.quantise(x)

    for fast, slow in (
        (cpu.matvec_a(matrix, x, threads), reference.matvec_a(matrix, x, threads)),
        (cpu.matvec_b(matrix, scales, codes, threads), reference.matvec_b(matrix, scales, codes, threads)),
    ):
        assert same_bits(fast.values, slow.values)
        assert fast[1:] == slow[1:]
        assert all(type(each) is int for each in fast[1:])


@pytest.mark.parametrize(("rows", "count"), [(0, 1), (1, 1), (2, 9), (7, 3)])
def test_114_the_number_of_threads_changes_no_bit(rows, count):
    """One, two and more threads than rows give the values of the rows one by one."""
    raw, x = random_rows(rows, count)
    scales, codes, *_ = cpu.quantise(x)
    a = np.array([cpu.dot_a(row, x).value for row in raw], F32)
    b = np.array([cpu.dot_b(row, scales, codes).value for row in raw], F32)

    for threads in (1, 2, 16):
        assert same_bits(cpu.matvec_a(raw, x, threads).values, a)
        assert same_bits(cpu.matvec_b(raw, scales, codes, threads).values, b)


@given(count=st.integers(1, 100), seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_a_row_of_any_length_gives_the_bits_of_the_twin(count, seed):
    """From one super-block to a hundred, with zero, denormal, negative and maximal scales among them."""
    rng = np.random.default_rng(seed)
    raw, x = random_rows(1, count, seed)
    raw[0, :, :4] = rng.choice(np.array(SPECIAL_HALVES, "<u2"), (count, 2)).view(np.uint8)
    scales, codes, *_ = reference.quantise(x)

    for fast, slow in (
        (cpu.dot_a(raw[0], x), reference.dot_a(raw[0], x)),
        (cpu.dot_b(raw[0], scales, codes), reference.dot_b(raw[0], scales, codes)),
    ):
        assert same_bits(fast.value, slow.value)
        assert fast[1:] == slow[1:] == (256 * count, 0)


def test_a_row_of_a_hundred_super_blocks():
    """A row as long as a large model's gives the same bits in both paths."""
    raw, x = random_rows(1, 100)
    scales, codes, *_ = reference.quantise(x)

    assert same_bits(cpu.matvec_a(raw, x, 2).values, reference.matvec_a(raw, x).values)
    assert same_bits(cpu.matvec_b(raw, scales, codes, 2).values, reference.matvec_b(raw, scales, codes).values)


@BACKENDS
def test_one_infinite_weight_spoils_its_row_only(backend):
    """The other rows keep their numbers, and the count says how much is not finite."""
    raw, x = random_rows(3, 2)
    raw[1, 0, :2] = [0x00, 0x7C]

    product = backend.matvec_a(raw, x, 2)

    assert np.isfinite(product.values).tolist() == [True, False, True]
    assert (product.seen, product.non_finite) == (3 * 512, 256)


@BACKENDS
@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda k: k.matvec_a(tensor(0)[:1], act()), ValueError, r"rows must have shape \(n, k, 144\), got \(1, 144\)"),
        (lambda k: k.matvec_a(tensor(0)[None, :2], act()), ValueError, "must have 512 numbers, got 256"),
        (lambda k: k.matvec_a(tensor(0)[None, :1], act(), 0), ValueError, "threads must be 1 or more, got 0"),
        (lambda k: k.matvec_a(tensor(0)[None, :1], act(), 1.5), TypeError, "threads must be an int, got float"),
        (lambda k: k.matvec_a([0], act()), TypeError, "rows must be an array of uint8, got list"),
        (
            lambda k: k.matvec_b(tensor(0)[None, :1], np.zeros(2, F32), np.zeros((1, 256), np.int8)),
            ValueError,
            "scales must have",
        ),
    ],
)
def test_a_wrong_matrix_is_refused(backend, call, error, text):
    """A wrapper names what must be and what is, before a kernel sees it."""
    with pytest.raises(error, match=text):
        call(backend)


PRINT_A_DIGEST = """
import hashlib, numpy as np
from pvcheck_q4k import cpu, cpu_activations, cpu_q6k
rng = np.random.default_rng(7)
raw = rng.integers(0, 256, (3, 4, 144), np.uint8)
raw[:, :, [1, 3]] &= 0xBB
six = rng.integers(0, 256, (3, 4, 210), np.uint8)
six[:, :, 209] &= 0xBB
six[0, 0, 208:] = [0, 0x7C]
x = rng.standard_normal(4 * 256).astype(np.float32)
x[:256] = 0
x[256:512] *= np.float32(1e-40)
parts = [cpu_q6k.decode(six[0]).weights, *cpu_activations.rms_normalise(x, 1e-6)[:2]]
for module, blocks in ((cpu, raw), (cpu_q6k, six)):
    for quantise in (cpu.quantise, cpu_activations.quantise_ggml):
        q = quantise(x)
        parts += [*q[:2], module.matvec_b(blocks, *q[:2], 2).values, module.dot_b(blocks[1], *q[:2]).value]
    parts += [module.matvec_a(blocks, x, 2).values, module.dot_a(blocks[1], x).value]
parts = [np.where(np.isnan(p), 7, p) for p in parts]
print(hashlib.sha256(b"".join(np.asarray(p).tobytes() for p in parts)).hexdigest())
"""


def test_uncompiled_kernels_give_the_same_bits():
    """The newer kernels are plain Python too: the same digest uncompiled, and compiled with bounds checks."""
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
