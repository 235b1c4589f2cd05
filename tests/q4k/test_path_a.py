"""Path A and row sums of whole matrices: every form gives the bits and the counts of the twin, Q4_K and Q6_K."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.fixtures import F32, SPECIAL_HALVES, WRONG_HALVES, act, activations, same_bits

from pvcheck_q4k import cpu, cpu_q6k, forms, path_a, reference, reference_q6k, vectors

HERE = {each.name for each in forms.available()}
SIZES = {"Q4_K": 144, "Q6_K": 210}
KERNELS = {"Q4_K": cpu, "Q6_K": cpu_q6k}
TWINS = {"Q4_K": reference, "Q6_K": reference_q6k}
HALVES_AT = {"Q4_K": (0, 2), "Q6_K": (208,)}

KINDS = pytest.mark.parametrize("kind", SIZES)


@pytest.fixture(params=[each.name for each in forms.FORMS])
def form(request, monkeypatch):
    """Set the form that runs, each in turn."""
    if request.param not in HERE:
        pytest.skip(f"this CPU cannot run {request.param}: its twin runs where nothing is compiled")
    monkeypatch.setenv(forms.VARIABLE, request.param)
    return request.param


def random_rows(kind, rows, count, seed=3):
    """Return finite rows of ``count`` super-blocks and an activation of their length."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (rows, count, SIZES[kind]), np.uint8)
    for at in HALVES_AT[kind]:
        raw[:, :, at + 1] &= 0xBB
    return raw, rng.standard_normal(256 * count).astype(F32)


@st.composite
def products(draw, kind):
    """Draw a few rows of any bytes and every kind of d, an activation, and an order in which they fill a matrix."""
    count = draw(st.integers(1, 2))
    raw, _ = random_rows(kind, draw(st.integers(1, 4)), count, draw(st.integers(0, 2**32)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if draw(st.booleans()):
        raw[:, :, 4:208] = draw(st.sampled_from((0x00, 0x0F, 0xF0, 0xFF, 0x7F, 0x80)))
    halves = SPECIAL_HALVES + (WRONG_HALVES if draw(st.booleans()) else ())
    for at in HALVES_AT[kind]:
        special = rng.choice(np.array(halves, "<u2"), raw.shape[:2]).view(np.uint8).reshape(*raw.shape[:2], 2)
        kept = rng.random((*raw.shape[:2], 1)) < draw(st.sampled_from((0.0, 0.8)))
        raw[:, :, at : at + 2] = np.where(kept, raw[:, :, at : at + 2], special)
    order = rng.integers(0, len(raw), draw(st.integers(1, 70)))
    return raw, draw(activations(count)), order


def agree(kind, raw, x, order=None, threads=1):
    """Assert that the chosen form gives the twin's values, counts and sums; the twin computes each row once."""
    order = np.arange(len(raw)) if order is None else order
    matrix = np.ascontiguousarray(raw[order])
    rows = [TWINS[kind].matvec_a(each[None], x) for each in raw]
    totals, magnitudes = TWINS[kind].row_sums(raw, x)

    product = KERNELS[kind].matvec_a(matrix, x, threads)
    sums = KERNELS[kind].row_sums(matrix, x, threads)

    assert same_bits(product.values, np.array([rows[each].values[0] for each in order], F32))
    assert product.seen == len(order) * x.size
    assert product.non_finite == sum(rows[each].non_finite for each in order)
    assert all(type(each) is int for each in product[1:])
    assert same_bits(sums.totals, totals[order])
    assert same_bits(sums.magnitudes, magnitudes[order])


@KINDS
@settings(max_examples=40, deadline=None)
@given(data=st.data(), threads=st.integers(1, 4))
def test_every_form_gives_the_bits_of_the_twin(form, kind, data, threads):
    """Of any matrix and activation, with any number of rows and threads, counts and sums included."""
    raw, x, order = data.draw(products(kind))

    assert forms.chosen().name == form
    agree(kind, raw, x, order, threads)


@KINDS
@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (0, 0), *((n, 1) for n in (1, 8, 9, 16, 17, 31, 32, 33, 65))])
def test_matrices_of_any_height(form, kind, shape):
    """With no rows, no columns, whole tiles and rows left over."""
    agree(kind, *random_rows(kind, *shape), threads=2)


@KINDS
def test_a_long_row(form, kind):
    """An odd number of super-blocks, as many as a large model's rows have."""
    agree(kind, *random_rows(kind, 3, 75))


@KINDS
def test_a_weight_that_is_not_finite_is_counted_where_it_stands(form, kind):
    """In whatever lane of a tile, the last row repeated or not; and the other rows keep their numbers."""
    raw, x = random_rows(kind, 33, 1)
    x[5] = np.nan
    for wrong in (0, 7, 8, 15, 16, 31, 32):
        for at in HALVES_AT[kind]:
            spoilt = raw.copy()
            spoilt[wrong, 0, at : at + 2] = [0x00, 0xFC]

            product = KERNELS[kind].matvec_a(spoilt, np.nan_to_num(x))

            assert (product.seen, product.non_finite) == (33 * 256, 256)
            assert np.isfinite(np.delete(product.values, wrong)).all()
            assert KERNELS[kind].matvec_a(spoilt, x).non_finite == 32 + 256


@KINDS
@pytest.mark.parametrize("sign", [0x00, 0x80])
def test_an_infinite_scale_is_an_infinity_and_no_nan(form, kind, sign):
    """Where every weight of a row has the same sign, so has their sum."""
    raw = np.zeros((18, 1, SIZES[kind]), np.uint8)
    if kind == "Q4_K":
        raw[:, :, 4:8], raw[:, :, 12:16], raw[:, :, 16:] = 0x01, 0x01, 0x11
    else:
        raw[:, :, :128], raw[:, :, 128:192], raw[:, :, 192:208] = 0x11, 0xAA, 0x01
    at = HALVES_AT[kind][0]
    raw[3:, :, at : at + 2] = [0x00, 0x7C | sign]

    agree(kind, raw, np.ones(256, F32))
    assert set(KERNELS[kind].matvec_a(raw, np.ones(256, F32)).values[3:]) == {-np.inf if sign else np.inf}


@KINDS
def test_a_product_is_rounded_before_it_is_added(form, kind):
    """Three times the float32 next to a third is 1 when rounded; a fused sum with -1 would leave 2**-25."""
    raw = np.zeros((18, 1, SIZES[kind]), np.uint8)
    at = HALVES_AT[kind][0]
    raw[:, :, at : at + 2] = [0x00, 0x3C]
    raw[:, :, 4 if kind == "Q4_K" else 192] = 1  # the first scale
    raw[:, :, 128:144] |= 0 if kind == "Q4_K" else 2  # codes are stored 32 too large
    first = 16 if kind == "Q4_K" else 0
    raw[:, :, first : first + 2] = [1, 3]
    x = np.zeros(256, F32)
    x[:2] = -1, F32(1) / F32(3)

    values = KERNELS[kind].matvec_a(raw, x).values

    assert values.tolist() == [0] * 18
    assert KERNELS[kind].row_sums(raw, x).totals.tolist() == [2.0**-25] * 18


@KINDS
def test_sums_add_exact_products_from_left_to_right(form, kind):
    """As NumPy does with an accumulation in float64 over the decoded weights."""
    raw, x = random_rows(kind, 20, 2)
    products = TWINS[kind].decode(raw.reshape(-1, SIZES[kind])).weights.reshape(20, -1).astype(float) * x

    for kernels in (KERNELS[kind], TWINS[kind]):
        sums = kernels.row_sums(raw, x)

        assert same_bits(sums.totals, np.add.accumulate(products, axis=1)[:, -1])
        assert same_bits(sums.magnitudes, np.add.accumulate(np.abs(products), axis=1)[:, -1])


def test_a_step_has_the_sums_of_its_row():
    """The condition of one super-block is the same number wherever it is computed."""
    raw, x = random_rows("Q4_K", 1, 1)

    step = cpu.step(raw[0], x, act())

    assert [step.total, step.magnitude] == [each[0] for each in cpu.row_sums(raw, x)]


def mapped_and_own(kind):
    """Return one product twice: mapped, from an odd byte of a read-only buffer, and in arrays of its own."""
    raw, x = random_rows(kind, 18, 2)
    mapped = np.frombuffer(b"x" + raw.tobytes(), np.uint8, offset=1).reshape(raw.shape)
    return (mapped, np.frombuffer(x.tobytes(), F32)), (raw, x)


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
        KERNELS[kind].matvec_a(*arguments)
        KERNELS[kind].row_sums(*arguments)

    assert [len(each.signatures) for each in path_a.kernels(SIZES[kind])] == [1, 1]


@KINDS
def test_the_widths_have_kernels_of_their_own(kind, monkeypatch):
    """No form stands in for another unseen, but for VNNI, which path A has no use for."""
    found = []
    for each in forms.FORMS:
        monkeypatch.setattr(path_a, "chosen", lambda each=each: each)
        found.append(path_a.kernels(SIZES[kind]))

    assert list(path_a.KERNELS) == [each.name for each in forms.FORMS]
    assert found[0] == found[1]
    assert len({id(kernel) for pair in found[1:] for kernel in pair}) == 6


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda k, n: k.row_sums(np.zeros((1, n), np.uint8), act()), r"rows must have shape \(n, k, "),
        (lambda k, n: k.row_sums(np.zeros((1, 2, n), np.uint8), act()), "must have 512 numbers, got 256"),
        (lambda k, n: k.row_sums(np.zeros((1, 1, n), np.uint8), act(), 0), "threads must be 1 or more, got 0"),
        (lambda k, n: k.row_sums(np.zeros((2, 2, n), np.uint8)[:, ::2], act()), "rows must be C-contiguous"),
    ],
)
@pytest.mark.parametrize("kernels", [*KERNELS.values(), *TWINS.values()], ids=lambda each: each.__name__)
def test_wrong_operands_of_sums_are_refused(kernels, call, text):
    """A wrapper names what must be and what is, before a kernel sees it."""
    size = 210 if "q6k" in kernels.__name__ else 144

    with pytest.raises(ValueError, match=text):
        call(kernels, size)


PRINT_A_DIGEST = """
import hashlib, os, sys, numpy as np
from pvcheck_q4k import cpu, cpu_q6k, forms
for name in sys.argv[1].split():
    os.environ[forms.VARIABLE] = name
    digest = hashlib.sha256()
    for module, size in ((cpu, 144), (cpu_q6k, 210)):
        rng = np.random.default_rng(7)
        raw = rng.integers(0, 256, (21, 2, size), np.uint8)
        x = rng.standard_normal(512).astype(np.float32)
        values, *counts = module.matvec_a(raw, x, 2)
        parts = [np.where(np.isnan(each), 7, each).astype(each.dtype) for each in (values, *module.row_sums(raw, x, 2))]
        digest.update(b"".join(each.tobytes() for each in parts) + str(counts).encode())
    print(digest.hexdigest())
"""


def printed(program, *words, **extra):
    """Return the words that a program prints in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")} | extra
    command = [sys.executable, "-W", "error", "-c", program, *words]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()


def test_uncompiled_forms_give_the_bits_of_compiled_ones():
    """All of them run through their twins, those that this CPU lacks too, and compiled with bounds checks."""
    names = [each.name for each in forms.FORMS]

    plain = printed(PRINT_A_DIGEST, " ".join(names), NUMBA_DISABLE_JIT="1")
    compiled = printed(PRINT_A_DIGEST, " ".join(each for each in names if each in HERE))
    checked = printed(PRINT_A_DIGEST, "portable", NUMBA_BOUNDSCHECK="1")

    assert len(plain) == len(names)
    assert len({*plain, *compiled, *checked}) == 1


PRINT_MODULES = """
import sys, numpy as np
from pvcheck_q4k import cpu
before = set(sys.modules)
cpu.matvec_a(np.zeros((1, 1, 144), np.uint8), np.zeros(256, np.float32))
print(*sorted(each for each in set(sys.modules) - before if each.startswith("pvcheck_q4k")))
"""


def test_plain_loops_load_no_vectors():
    """A short measurement pays only for the kernels that it runs."""
    assert printed(PRINT_MODULES, NUMBA_DISABLE_JIT="1", PVCHECK_Q4K_FORM="portable") == [
        "pvcheck_q4k.forms",
        "pvcheck_q4k.path_a",
    ]
    assert "pvcheck_q4k.path_a_q6k" not in printed(PRINT_MODULES, NUMBA_DISABLE_JIT="1", PVCHECK_Q4K_FORM="avx512")


RUN_NARROW = """
import numpy as np
from pvcheck_q4k import cpu, cpu_q6k, path_a_lanes
path_a_lanes.zeros_wide = None
for module, size in ((cpu, 144), (cpu_q6k, 210)):
    rows, x = np.zeros((1, 1, size), np.uint8), np.zeros(256, np.float32)
    print(module.matvec_a(rows, x).values[0], module.row_sums(rows, x).totals[0])
"""


def test_the_avx2_form_uses_no_wider_vectors():
    """They would be an illegal instruction on a CPU without AVX-512, and give the same bits on one with it."""
    assert printed(RUN_NARROW, NUMBA_DISABLE_JIT="1", PVCHECK_Q4K_FORM="avx2") == ["0.0"] * 4
