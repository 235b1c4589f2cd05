"""Operations on rows side by side: each compiled one is its NumPy twin, bit for bit, and does what it says."""

import numba
import numpy as np
import pytest
from q4k.fixtures import F32, same_bits

from pvcheck_q4k import forms, vectors, vectors_rows
from pvcheck_q4k.vectors_rows import Rows

FEATURES = frozenset().union(*(each.needs for each in forms.available()))
LANES = pytest.mark.parametrize(
    "lanes",
    [
        pytest.param(8, marks=pytest.mark.skipif("avx2" not in FEATURES, reason="no avx2: only the twin can run here")),
        pytest.param(16, marks=pytest.mark.skipif("avx512f" not in FEATURES, reason="no avx512f: the same")),
    ],
)
SPECIAL = (0.0, -0.0, 1e-45, -1e-40, 3.4028235e38, -1.5, float("inf"), float("-inf"), float("nan"), 1 / 3)


def twin(made):
    """Return the twin of an operation; itself, where it took the place already."""
    return vectors.TWINS.get(made, made)


def both(make, *operations):
    """Return what ``make`` makes of operations, compiled, and what it makes of their twins."""
    fast = make(*operations)
    return numba.njit(fast) if vectors.COMPILED else fast, make(*map(twin, operations))


def random_rows(lanes):
    """Return bytes, and where as many rows of them begin, at odd bytes too."""
    rng = np.random.default_rng(lanes)
    return rng.integers(0, 256, 4000, np.uint8), rng.integers(0, 3000, lanes)


def floats(lanes, seed, dtype=F32):
    """Return random floats with special ones among them."""
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore"):  # a half has fewer numbers
        return np.where(rng.random(lanes) < 0.5, rng.choice(SPECIAL, lanes), rng.standard_normal(lanes)).astype(dtype)


@LANES
@pytest.mark.parametrize("count", [4, 8, 12, 16, 36])
def test_rows_are_turned_over_word_by_word(lanes, count):
    """A word of all rows stands before the next word of the first, from the place that is named and only there."""
    raw, offsets = random_rows(lanes)

    def make(turn, zeros):
        def run(raw, offsets, words):
            turn(Rows(raw, offsets, words, zeros(0)), 7, 5)

        return run

    for run in both(make, vectors_rows.turner(count), vectors.splat("f4", lanes)):
        words = np.zeros(4 * lanes * 50, np.uint8)
        run(raw, offsets, words)

        room = words.view("<u4").reshape(-1, lanes)
        expected = [raw[offset + 7 :][: 4 * count].copy().view("<u4") for offset in offsets]
        assert np.array_equal(room[5 : 5 + count], np.transpose(expected))
        assert not room[:5].any()
        assert not room[5 + count :].any()


@LANES
def test_words_are_stored_and_loaded(lanes):
    """What was stored is loaded, at the word that is named and nowhere else; there are as many lanes as rows."""
    raw, offsets = random_rows(lanes)

    def make(load, store, count, zeros):
        def run(raw, offsets, words):
            rows = Rows(raw, offsets, words, zeros(0))
            store(rows, 3, load(rows, 1) & 0xFF)
            return count(load(rows, 3))

        return run

    operations = (vectors_rows.load, vectors_rows.store, vectors_rows.lanes, vectors.splat("f4", lanes))
    for run in both(make, *operations):
        words = raw[: 4 * lanes * 5].copy()
        before = words.view("<u4").reshape(-1, lanes).copy()

        assert run(raw, offsets, words) == lanes

        after = words.view("<u4").reshape(-1, lanes)
        assert np.array_equal(after[3], before[1] & 0xFF)
        assert np.array_equal(np.delete(after, 3, axis=0), np.delete(before, 3, axis=0))


def given_vectors(operation, load, arrays, size):
    """Return the bytes of what an operation makes of arrays loaded as vectors, compiled and with twins."""

    def make_1(operation, load, store):
        def run(a, out):
            store(out, 0, operation(load(a, 0)))

        return run

    def make_3(operation, load, store):
        def run(a, b, c, out):
            store(out, 0, operation(load(a, 0), load(b, 0), load(c, 0)))

        return run

    found = []
    for run in both(make_1 if len(arrays) == 1 else make_3, operation, load, vectors.store):
        out = np.zeros(size, np.uint8)
        with np.errstate(all="ignore"):
            run(*arrays, out)
        found.append(out)
    return found


@LANES
@pytest.mark.parametrize("seed", range(5))
def test_halves_and_magnitudes_of_a_vector(lanes, seed):
    """The first elements, the last ones, and each without its sign, -0 and NaN included."""
    a = floats(lanes, seed)
    load = vectors.loader("f4", lanes)

    for operation, expected in (
        (vectors_rows.first_half, a[: lanes // 2]),
        (vectors_rows.last_half, a[lanes // 2 :]),
        (vectors_rows.magnitudes, np.abs(a)),
    ):
        for found in given_vectors(operation, load, [a], expected.nbytes):
            assert same_bits(found.view(F32), expected)
            assert not np.signbit(found.view(F32)).any() or operation is not vectors_rows.magnitudes


@LANES
def test_nibbles_are_the_low_four_bits(lanes):
    """Whatever the bits above say."""
    words = np.random.default_rng(1).integers(0, 2**32, lanes, np.uint32)
    words[:3] = 0, 0xFFFFFFFF, 0xFFFFFFF0

    for found in given_vectors(vectors_rows.nibbles, vectors.loader("u4", lanes), [words], words.nbytes):
        assert found.view(F32).tolist() == (words % 16).tolist()


@LANES
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("seed", range(5))
def test_exact_products_are_added_with_one_rounding(lanes, dtype, seed):
    """Fused or not, the same: of products that need no more bits than there are, infinite, NaN, 0 and -0 included."""
    lanes = lanes // 2 if dtype == "f8" else lanes
    a, b = (floats(lanes, seed + more, "f2").astype(dtype) for more in (0, 9))
    c = floats(lanes, seed + 5, dtype)
    load = vectors.loader(dtype, lanes)

    for operation, sign in ((vectors_rows.add_exact, 1), (vectors_rows.sub_exact, -1)):
        with np.errstate(all="ignore"):
            expected = a * b + sign * c
        for found in given_vectors(operation, load, [a, b, c], expected.nbytes):
            assert same_bits(found.view(dtype), expected)


@LANES
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_number_is_spread_over_a_vector(lanes, dtype):
    """It is read where the index says, and there are as many as the other vector has."""
    numbers = np.arange(1, 6, dtype=dtype)
    a = np.zeros(lanes, F32)

    def make(spread, load, store):
        def run(numbers, a, out):
            store(out, 0, spread(numbers, 3, load(a, 0)))

        return run

    for run in both(make, vectors_rows.spreader(dtype), vectors.loader("f4", lanes), vectors.store):
        out = np.zeros(lanes * numbers.itemsize, np.uint8)
        run(numbers, a, out)

        assert out.view(dtype).tolist() == [4] * lanes


@pytest.mark.skipif(not vectors.COMPILED, reason="nothing is compiled")
def test_a_number_is_of_the_type_that_was_named():
    """Bytes of float64 are not read as float32."""
    spread, load = vectors_rows.spreader("f4"), vectors.loader("f4", 4)

    @numba.njit
    def run(numbers):
        return vectors_rows.lanes(spread(numbers, 0, load(numbers, 0)))

    with pytest.raises(numba.TypingError, match="No implementation of function"):
        run(np.zeros(4))
