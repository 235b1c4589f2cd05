"""The two rules for activations and the root mean square, against their twins and against published numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from q4k.fixtures import F32, act, activations, rows, same_bits, tensor

from pvcheck_q4k import blocks, cpu, cpu_activations, reference, reference_activations

SETTINGS = settings(max_examples=80, deadline=None)
BACKENDS = pytest.mark.parametrize("backend", [reference_activations, cpu_activations], ids=["reference", "cpu"])
ABSMAX = {reference_activations: reference.quantise, cpu_activations: cpu.quantise}


@given(row=rows())
@SETTINGS
def test_the_ggml_rule_gives_the_bits_of_the_twin(row):
    """Any activation quantises to the same scales, codes and counts."""
    fast, slow = cpu_activations.quantise_ggml(row[1]), reference_activations.quantise_ggml(row[1])

    assert same_bits(fast.scales, slow.scales)
    assert np.array_equal(fast.codes, slow.codes)
    assert (fast.seen, fast.non_finite) == (slow.seen, slow.non_finite)


@given(x=activations(2))
@SETTINGS
def test_the_root_mean_square_gives_the_bits_of_the_twin(x):
    """Any vector, not only one of whole super-blocks, has the same quotients, the same root and counts."""
    for part in (x, x[:1], x[:67]):
        for constants in ({}, {"epsilon": 1e-6}, {"floor": 1e-9}):
            fast = cpu_activations.rms_normalise(part, **constants)
            slow = reference_activations.rms_normalise(part, **constants)

            assert same_bits(fast.values, slow.values)
            assert same_bits(fast.rms, slow.rms)
            assert fast[2:] == slow[2:]


@BACKENDS
def test_the_two_rules_are_told_apart(backend):
    """On act they agree byte for byte; on -act 255 codes differ and the scales differ in sign."""
    ours, theirs = ABSMAX[backend], backend.quantise_ggml

    assert np.array_equal(ours(act()).codes, theirs(act()).codes)
    assert same_bits(ours(act()).scales, theirs(act()).scales)
    assert (ours(-act()).codes != theirs(-act()).codes).sum() == 255
    assert ours(-act()).scales[0] > 0 > theirs(-act()).scales[0]


@BACKENDS
def test_exact_halves_part_the_rules(backend):
    """With a scale of 1, 0.5 and 2.5 go away from zero by absmax and to the even number by ggml's rule."""
    x = np.zeros(256, F32)
    x[:6] = [-127, 0.5, -0.5, 2.5, -1.5, 127]

    assert ABSMAX[backend](x).codes[0, :6].tolist() == [-127, 1, -1, 3, -2, 127]
    assert backend.quantise_ggml(x).codes[0, :6].tolist() == [-127, 0, 0, 2, -2, 127]


@BACKENDS
@pytest.mark.parametrize(("first", "second", "sign"), [(5, -5, -1), (-5, 5, 1)])
def test_the_first_of_two_largest_gives_the_sign(backend, first, second, sign):
    """On a tie the number that stands first maps to -127."""
    x = np.ones(256, F32)
    x[[10, 20]] = first, second

    quantised = backend.quantise_ggml(x)

    assert quantised.codes[0, [10, 20]].tolist() == [-127, 127]
    assert np.sign(quantised.scales[0]) == sign


@BACKENDS
def test_a_block_of_zeros_has_scale_zero(backend):
    """Zeros of both signs are a defined block, counted as finite, between others."""
    x = np.concatenate([act(), np.full(128, -0.0, F32), np.zeros(128, F32), act()])

    quantised = backend.quantise_ggml(x)

    assert quantised.scales[1] == 0
    assert not quantised.codes[1].any()
    assert (quantised.seen, quantised.non_finite) == (768, 0)
    assert np.array_equal(quantised.codes[0], quantised.codes[2])


@BACKENDS
def test_the_rule_is_guarded_where_it_overflows(backend):
    """The largest number that 127 over it is an infinity of spoils its block; the next one does not."""
    least = F32(3.74e-37)
    with np.errstate(over="ignore"):
        while np.isfinite(F32(127) / least):
            least = np.nextafter(least, F32(0))
    x = np.zeros(512, F32)
    x[7], x[263] = least, np.nextafter(least, F32(1))

    quantised = backend.quantise_ggml(x)

    assert least == pytest.approx(3.73e-37, rel=1e-3)
    assert np.isnan(quantised.scales[0])
    assert not quantised.codes[0].any()
    assert quantised.non_finite == 256
    assert quantised.codes[1, 7] == -127
    assert np.isfinite(quantised.scales[1])


@BACKENDS
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_spoils_its_block_only(backend, wrong):
    """The block has a NaN scale and zero codes, one number is counted, and the next block is as without it."""
    x = np.concatenate([act(), act(1)])
    x[99] = wrong

    quantised = backend.quantise_ggml(x)

    assert np.isnan(quantised.scales[0])
    assert not quantised.codes[0].any()
    assert quantised.non_finite == 1
    assert np.array_equal(quantised.codes[1], backend.quantise_ggml(act(1)).codes[0])


@BACKENDS
def test_the_root_mean_square_of_numbers_that_need_no_rounding(backend):
    """3 and 4 have a mean square of 12.5; epsilon is added to it, and the floor takes its place."""
    x = np.array([3, 4], F32)

    assert backend.rms_normalise(x).rms == np.sqrt(F32(12.5))
    assert backend.rms_normalise(x, epsilon=3.5).values.tolist() == [0.75, 1.0]
    assert backend.rms_normalise(x, floor=8.0).values.tolist() == [0.375, 0.5]
    assert backend.rms_normalise(np.zeros(3, F32), floor=blocks.RMS_FLOOR).values.tolist() == [0, 0, 0]


@BACKENDS
def test_the_squares_are_summed_from_left_to_right(backend):
    """2**24 ones after each other stop counting in a fold that starts large; a sum in pairs would not."""
    x = np.ones(1025, F32)
    x[0] = 4096  # its square is 2**24: adding 1 to it changes nothing

    assert backend.rms_normalise(x).rms == np.sqrt(F32(2**24) / F32(1025))
    assert backend.rms_normalise(x[::-1].copy()).rms == np.sqrt(F32(2**24 + 1024) / F32(1025))


@BACKENDS
def test_a_root_that_is_not_finite_counts_every_number(backend):
    """Squares that overflow, a NaN, and zeros without a floor: no quotient of them is hidden."""
    huge = backend.rms_normalise(np.full(5, 3e38, F32))
    spoilt = backend.rms_normalise(np.array([1, np.nan, 2], F32), floor=1e-9)
    nothing = backend.rms_normalise(np.zeros(4, F32))

    assert (huge.rms, huge.non_finite) == (np.inf, 5)
    assert np.isnan(spoilt.rms)
    assert spoilt.non_finite == 3
    assert nothing.non_finite == 4
    assert nothing.seen == 4


@BACKENDS
def test_a_wrong_vector_or_constant_is_refused(backend):
    """Each with what must be and what is."""
    for call, error, text in (
        (lambda: backend.quantise_ggml(np.zeros(255, F32)), ValueError, "a multiple of 256"),
        (lambda: backend.rms_normalise(np.zeros(3)), TypeError, "vector must be an array of float32, got float64"),
        (lambda: backend.rms_normalise(np.zeros(0, F32)), ValueError, "1 or more numbers, got shape"),
        (lambda: backend.rms_normalise(np.zeros((1, 2), F32)), ValueError, "one dimension"),
        (lambda: backend.rms_normalise(act(), epsilon=-1.0), ValueError, "epsilon must be finite and 0 or more"),
        (lambda: backend.rms_normalise(act(), floor=np.nan), ValueError, "floor must be finite and 0 or more, got nan"),
    ):
        with pytest.raises(error, match=text):
            call()


def test_the_published_drift_of_009():
    """Five mat-vecs, each output over its root mean square, drift apart by the published 0.4391 %."""
    a = b = act()
    for t in range(5):
        matrix = tensor(t).reshape(256, 1, 144)
        a = cpu_activations.rms_normalise(cpu.matvec_a(matrix, a).values, floor=blocks.RMS_FLOOR).values
        scales, codes, *_ = cpu.quantise(b)
        b = cpu_activations.rms_normalise(cpu.matvec_b(matrix, scales, codes).values, floor=blocks.RMS_FLOOR).values
    drift = np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(a.astype(np.float64))

    assert round(100 * drift, 4) == 0.4391


def test_the_published_conditioning_of_015():
    """RMSNorm of an activation and of one 0.077 % away keeps the distance: a ratio of 1.00."""
    x = act()
    sign = np.where((13 * np.arange(256) + 7) % 17 < 8, 1, -1).astype(F32)
    moved = (x + sign * np.abs(x) * F32(0.00077)).astype(F32)
    ways = [cpu_activations.rms_normalise(each, epsilon=blocks.RMS_EPSILON).values for each in (x, moved)]

    after = np.linalg.norm(ways[0] - ways[1]) / np.linalg.norm(ways[0])
    before = np.linalg.norm(x - moved) / np.linalg.norm(x)

    assert after / before == pytest.approx(1.00, abs=0.005)
