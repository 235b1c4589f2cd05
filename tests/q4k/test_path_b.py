"""Path B of whole matrices: every form gives the bits and the counts of the twin, for Q4_K and for Q6_K."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.fixtures import F32, SPECIAL_HALVES, WRONG_HALVES, same_bits

from pvcheck_q4k import cpu, cpu_q6k, forms, path_b, reference, reference_q6k, vectors

HERE = {each.name for each in forms.available()}
SIZES = {"Q4_K": 144, "Q6_K": 210}
KERNELS = {"Q4_K": cpu, "Q6_K": cpu_q6k}
TWINS = {"Q4_K": reference, "Q6_K": reference_q6k}
HALVES_AT = {"Q4_K": (0, 2), "Q6_K": (208,)}
SCALES = (0.0, -0.0, 1e-45, -1e-38, 3.4e38, -1.0, float("inf"), float("nan"))

KINDS = pytest.mark.parametrize("kind", SIZES)


@pytest.fixture(params=[each.name for each in forms.FORMS])
def form(request, monkeypatch):
    """Set the form that runs, each in turn."""
    if request.param not in HERE:
        pytest.skip(f"this CPU cannot run {request.param}: its twin runs where nothing is compiled")
    monkeypatch.setenv(forms.VARIABLE, request.param)
    return request.param


@st.composite
def products(draw, kind):
    """Draw a matrix, scales and codes: any bytes, every kind of d, dmin and activation scale, codes of -128."""
    rows, count = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    raw = rng.integers(0, 256, (rows, count, SIZES[kind]), np.uint8)
    if draw(st.booleans()):
        raw[:, :, 16:] = draw(st.sampled_from((0x00, 0x0F, 0xF0, 0xFF, 0x7F, 0x80)))
    halves = SPECIAL_HALVES + (WRONG_HALVES if draw(st.booleans()) else ())
    for at in HALVES_AT[kind]:
        special = np.array(rng.choice(np.array(halves, "<u2"), (rows, count))).view(np.uint8).reshape(rows, count, 2)
        kept = rng.random((rows, count, 1)) < draw(st.sampled_from((0.0, 0.8)))
        raw[:, :, at + 1] &= 0xBB
        raw[:, :, at : at + 2] = np.where(kept, raw[:, :, at : at + 2], special)
    scales = rng.standard_normal(count).astype(F32)
    if draw(st.booleans()):
        scales[draw(st.integers(0, count - 1))] = draw(st.sampled_from(SCALES))
    codes = rng.integers(-128, 128, (count, 256)).astype(np.int8)
    if draw(st.booleans()):
        codes[:] = draw(st.sampled_from((-128, -1, 0, 127)))
    return raw, scales, codes


def agree(kind, raw, scales, codes, threads=1):
    """Assert that the chosen form gives the twin's values and counts."""
    fast = KERNELS[kind].matvec_b(raw, scales, codes, threads)
    slow = TWINS[kind].matvec_b(raw, scales, codes)

    assert same_bits(fast.values, slow.values)
    assert fast[1:] == slow[1:]
    assert all(type(each) is int for each in fast[1:])


@KINDS
@settings(max_examples=60, deadline=None)
@given(data=st.data(), threads=st.integers(1, 4))
def test_every_form_gives_the_bits_of_the_twin(form, kind, data, threads):
    """Of any matrix, with any number of rows and threads, counts included."""
    assert forms.chosen().name == form
    agree(kind, *data.draw(products(kind)), threads)


@KINDS
@pytest.mark.parametrize("byte", [0x00, 0x0F, 0xF0, 0xFF])
@pytest.mark.parametrize("code", [-128, 127])
def test_the_largest_sums_are_not_held(form, kind, byte, code):
    """All weights and all codes at their ends, where a sum of int16 would be too large first."""
    raw = np.full((5, 2, SIZES[kind]), byte, np.uint8)
    for at in HALVES_AT[kind]:
        raw[:, :, at : at + 2] = [0x00, 0x3C]
    raw[:, :, 4 : 16 if kind == "Q4_K" else 4] = 0xFF

    agree(kind, raw, np.array([0.01, -3], F32), np.full((2, 256), code, np.int8))


@KINDS
@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (0, 0), (1, 1), (4, 1), (5, 1), (8, 1), (9, 1)])
def test_matrices_of_any_height(form, kind, shape):
    """With no rows, no columns, whole tiles and rows left over."""
    rng = np.random.default_rng(1)
    raw = rng.integers(0, 256, (*shape, SIZES[kind]), np.uint8)
    for at in HALVES_AT[kind]:
        raw[:, :, at + 1] &= 0xBB

    agree(kind, raw, np.ones(shape[1], F32), rng.integers(-128, 128, (shape[1], 256)).astype(np.int8), 2)


@KINDS
def test_a_super_block_that_is_not_finite_is_counted_once(form, kind):
    """In whatever row of a tile it stands, the last one repeated or not; and the other rows keep their numbers."""
    codes = np.ones((2, 256), np.int8)
    for wrong in range(5):
        for at in HALVES_AT[kind]:
            raw = np.ones((5, 2, SIZES[kind]), np.uint8)
            raw[wrong, 1, at : at + 2] = [0x00, 0xFC]

            product = KERNELS[kind].matvec_b(raw, np.ones(2, F32), codes)

            assert (product.seen, product.non_finite) == (5 * 512, 256)
            assert np.isfinite(np.delete(product.values, wrong)).all()
            agree(kind, raw, np.ones(2, F32), codes)


@KINDS
def test_an_activation_scale_that_is_not_finite_is_counted_in_every_row(form, kind):
    """Even where its codes are zero."""
    raw = np.zeros((5, 3, SIZES[kind]), np.uint8)
    scales = np.array([1, np.nan, np.inf], F32)

    product = KERNELS[kind].matvec_b(raw, scales, np.zeros((3, 256), np.int8))

    assert (product.seen, product.non_finite) == (5 * 768, 5 * 512)


def mapped_and_own(kind):
    """Return one product twice: mapped, from an odd byte of a read-only buffer, and in arrays of its own."""
    rng = np.random.default_rng(2)
    raw = rng.integers(0, 256, (6, 2, SIZES[kind]), np.uint8)
    for at in HALVES_AT[kind]:
        raw[:, :, at + 1] &= 0xBB
    scales, codes = np.array([1, -2], F32), rng.integers(-128, 128, (2, 256)).astype(np.int8)
    mapped = np.frombuffer(b"x" + raw.tobytes(), np.uint8, offset=1).reshape(raw.shape)
    read_only = np.frombuffer(scales.tobytes(), F32), np.frombuffer(codes.tobytes(), np.int8).reshape(2, 256)
    return (mapped, *read_only), (raw, scales, codes)


@KINDS
def test_mapped_bytes_are_read_where_they_lie(form, kind):
    """What may not be written is read as it is, and what may be written stays so."""
    for arguments in mapped_and_own(kind):
        flags = [each.flags.writeable for each in arguments]

        agree(kind, *arguments)

        assert [each.flags.writeable for each in arguments] == flags


@pytest.mark.skipif(not vectors.COMPILED, reason="nothing is compiled")
@KINDS
def test_a_kernel_is_compiled_for_one_type(form, kind):
    """What may be written and what may not is the same to it."""
    for arguments in mapped_and_own(kind):
        KERNELS[kind].matvec_b(*arguments)

    table = {"Q4_K": path_b._Q4K, "Q6_K": path_b._Q6K}[kind]
    assert len(table[form][0].signatures) == 1


def test_every_form_has_its_own_kernels():
    """No form stands in for another unseen."""
    names = [each.name for each in forms.FORMS]

    for table in (path_b._Q4K, path_b._Q6K):
        assert list(table) == names
        assert len({id(kernel) for kernel, _ in table.values()}) == len(names)


@KINDS
def test_the_chosen_form_is_the_one_that_runs(form, kind, monkeypatch):
    """Its kernel gets the rows, and no other does."""
    table = {"Q4_K": path_b._Q4K, "Q6_K": path_b._Q6K}[kind]
    ran = []
    for name, (kernel, layout) in table.items():

        def run(*arguments, name=name, kernel=kernel):
            ran.append(name)
            return kernel(*arguments)

        monkeypatch.setitem(table, name, (run, layout))

    KERNELS[kind].matvec_b(np.zeros((3, 1, SIZES[kind]), np.uint8), np.ones(1, F32), np.zeros((1, 256), np.int8))

    assert ran == [form]


PRINT_A_DIGEST = """
import hashlib, os, sys, numpy as np
from pvcheck_q4k import cpu, cpu_q6k, forms
rng = np.random.default_rng(7)
for name in sys.argv[1].split():
    os.environ[forms.VARIABLE] = name
    digest = hashlib.sha256()
    for module, size in ((cpu, 144), (cpu_q6k, 210)):
        rng = np.random.default_rng(7)
        raw = rng.integers(0, 256, (7, 4, size), np.uint8)
        codes = rng.integers(-128, 128, (4, 256)).astype(np.int8)
        values, *counts = module.matvec_b(raw, rng.standard_normal(4).astype(np.float32), codes, 2)
        digest.update(np.where(np.isnan(values), np.float32(7), values).tobytes() + str(counts).encode())
    print(digest.hexdigest())
"""


def digests(names, **extra):
    """Return the digest of each form's results, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")} | extra
    command = [sys.executable, "-W", "error", "-c", PRINT_A_DIGEST, " ".join(names)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()


def test_uncompiled_forms_give_the_bits_of_compiled_ones():
    """All of them run through their twins, those that this CPU lacks too, and compiled with bounds checks."""
    names = [each.name for each in forms.FORMS]

    plain = digests(names, NUMBA_DISABLE_JIT="1")
    compiled = digests([each for each in names if each in HERE])
    checked = digests(["portable"], NUMBA_BOUNDSCHECK="1")

    assert len(plain) == len(names)
    assert len({*plain, *compiled, *checked}) == 1
