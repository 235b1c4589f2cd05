"""Operations on vectors: each compiled one is its NumPy twin, bit for bit, and each twin does what it says."""

import json
import operator
import os
import subprocess
import sys
from types import FunctionType

import numba
import numpy as np
import pytest
from q4k.fixtures import same_bits

from pvcheck_q4k import forms, vector_products, vectors

FEATURES = frozenset().union(*(each.needs for each in forms.available()))
SPECIAL = (0.0, -0.0, 1e-45, -1e-40, 1.17549435e-38, 3.4028235e38, float("inf"), float("-inf"), float("nan"), 1 / 3)


def needs(*names):
    """Return the mark of a test that needs what this CPU may lack."""
    missing = sorted(set(names) - FEATURES)
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)}: only the twin can run here")


def compiled(run):
    """Return a function as Numba compiles it; itself, where Numba is told not to."""
    return numba.njit(run)


def twin(made):
    """Return the twin of an operation; itself, where it took the place already."""
    return vectors.TWINS.get(made, made)


def ran(make, kinds, samples, out):
    """Return what ``make(*operations)`` gives of each sample, compiled once, and with twins: a matrix each.

    Vectors start at an odd byte, in and out, and nothing beside them is written.
    """
    results = []
    for twins in (False, True):
        loads = [vectors.loader(kind, count) for kind, count in kinds]
        parts = [twin(each) if twins else each for each in (*loads, vectors.store)]
        run = make(*parts) if twins else compiled(make(*parts))
        rows = []
        for arrays in samples:
            held = np.zeros(out[1] * np.dtype(out[0]).itemsize + 3, np.uint8)
            with np.errstate(all="ignore"):
                run(*[np.frombuffer(b"x" + each.tobytes(), np.uint8) for each in arrays], held)
            assert not held[[0, 1, -1]].any()
            rows.append(held[2:-1].copy().view(out[0]))
        results.append(np.array(rows))
    return results


def unary(operation, *, of_twin=None):
    """Return what makes a kernel that applies an operation to a vector."""

    def make(load, store):
        chosen = (of_twin or twin(operation)) if is_twin(load) else operation

        def run(a, out):
            store(out, 2, chosen(load(a, 1)))

        return run

    return make


def is_twin(load):
    """Return whether an operation is a plain function."""
    return isinstance(load, FunctionType)


def binary(operation, *, of_twin=None):
    """Return what makes a kernel that applies an operation to two vectors."""

    def make(load_a, load_b, store):
        chosen = (of_twin or twin(operation)) if is_twin(load_a) else operation

        def run(a, b, out):
            store(out, 2, chosen(load_a(a, 1), load_b(b, 1)))

        return run

    return make


def drawn(*kinds):
    """Return fifty samples, a vector of each kind: any integers, often extreme ones, and special floats."""
    rng = np.random.default_rng(11)
    samples = []
    for _ in range(50):
        sample = []
        for kind, count in kinds:
            dtype = np.dtype(kind)
            vector = rng.integers(0, 256, count * dtype.itemsize, np.uint8).view(dtype)
            if kind in {"f4", "f8"}:
                vector = rng.standard_normal(count).astype(dtype)
            with np.errstate(over="ignore"):  # a half has fewer numbers
                pool = np.array(SPECIAL if dtype.kind == "f" else (0, np.iinfo(dtype).min, np.iinfo(dtype).max), dtype)
            sample.append(np.where(rng.random(count) < 0.3, rng.choice(pool, count), vector).astype(dtype))
        samples.append(sample)
    return samples


def equal(left, right):
    """Return whether two arrays have the same bits, but for what a NaN says."""
    return same_bits(left.reshape(-1), right.reshape(-1)) if left.dtype.kind == "f" else np.array_equal(left, right)


OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
BITS = {"&": operator.and_, "|": operator.or_}


@pytest.mark.parametrize(
    ("kind", "sign"),
    [(kind, sign) for kind in ("u1", "i1", "i2", "i4", "u4") for sign in (*OPERATORS, *BITS)]
    + [(kind, sign) for kind in ("f4", "f8") for sign in OPERATORS],
)
def test_operators_are_those_of_numpy(kind, sign):
    """Sums, differences, products and bits of two vectors, wrapped around or rounded once."""
    function = (OPERATORS | BITS)[sign]
    samples = drawn((kind, 4), (kind, 4))

    fast, slow = ran(binary(function), [(kind, 4)] * 2, samples, (kind, 4))

    with np.errstate(all="ignore"):
        assert equal(fast, np.array([function(a, b) for a, b in samples]))
    assert equal(fast, slow)


NUMBERS = {
    "u1 >> 4": (lambda a: a >> 4, "u1"),
    "u1 & 15": (lambda a: a & 15, "u1"),
    "i4 >> 3": (lambda a: a >> 3, "i4"),
    "u4 << 5": (lambda a: a << 5, "u4"),
    "u4 | 0x80000001": (lambda a: a | 0x80000001, "u4"),
    "i2 - 3": (lambda a: a - 3, "i2"),
    "f4 * 0.1": (lambda a: a * 0.1, "f4"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_counts_for_every_element(name):
    """It takes the type of the elements first, and a shift to the right keeps the sign of signed ones."""
    function, kind = NUMBERS[name]
    samples = drawn((kind, 8))

    fast, slow = ran(unary(compiled(function), of_twin=function), [(kind, 8)], samples, (kind, 8))

    with np.errstate(all="ignore"):
        assert equal(fast, np.array([function(a) for (a,) in samples]))
    assert equal(fast, slow)


def test_a_product_is_rounded_before_it_is_added():
    """Where a fused multiply-add would give another number: (1 + 2**-12)**2 - (1 + 2**-11) is 0, not 2**-24."""

    def square_and_add(x, y):
        return x * x + y

    a, b = np.full(4, 1 + 2.0**-12, np.float32), np.full(4, -(1 + 2.0**-11), np.float32)
    make = binary(compiled(square_and_add), of_twin=square_and_add)

    fast, slow = ran(make, [("f4", 4)] * 2, [(a, b)], ("f4", 4))

    assert fast.tolist() == slow.tolist() == [[0.0] * 4]


CONVERSIONS = [
    ("u1", "i4"), ("i1", "i4"), ("i1", "i2"), ("u4", "u2"), ("i4", "i1"), ("i4", "f4"), ("u4", "f4"), ("i1", "f4"),
    ("f4", "f8"), ("f8", "f4"), pytest.param("f2", "f4", marks=needs("f16c")),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target"), CONVERSIONS)
def test_conversions_keep_the_value_or_round_to_even(source, target):
    """Signed ones keep their sign, narrower integers the low bits; a half is converted exactly."""
    samples = drawn((source, 8))

    fast, slow = ran(unary(vectors.converted(target)), [(source, 8)], samples, (target, 8))

    with np.errstate(all="ignore"):
        assert equal(fast, np.array([a.astype(target) for (a,) in samples]))
    assert equal(fast, slow)


def test_floats_are_not_converted_to_integers():
    """Numbers out of range have no value that all CPUs agree on."""
    to_i32 = vectors.converted("i4")
    samples = [[np.zeros(4, np.float32)]]

    with pytest.raises(TypeError, match="a vector of floats is not converted to integers"):
        twin(to_i32)(samples[0][0])
    with pytest.raises((TypeError, numba.TypingError), match="a vector of floats is not converted to integers"):
        ran(unary(to_i32), [("f4", 4)], samples, ("i4", 4))


@pytest.mark.parametrize("count", [16, 32, 64])
def test_bits_may_be_seen_as_another_type(count):
    """Four bytes are one word, little end first."""
    samples = drawn(("u1", count))

    fast, slow = ran(unary(vectors.seen_as("u4")), [("u1", count)], samples, ("u4", count // 4))

    words = [[int.from_bytes(a[i : i + 4].tobytes(), "little") for i in range(0, count, 4)] for (a,) in samples]
    assert fast.tolist() == slow.tolist() == words


@pytest.mark.parametrize("pattern", [(3, 2, 1, 0), (0, -1, 2, -1), (0, 0, 1, 1, 2, 2, 3, 3), (1,)])
def test_a_shuffle_picks_elements(pattern):
    """In any order, any number of times, or zeros."""
    samples = drawn(("u4", 4))

    fast, slow = ran(unary(vectors.shuffle(pattern)), [("u4", 4)], samples, ("u4", len(pattern)))

    picked = [[0 if each < 0 else int(a[each]) for each in pattern] for (a,) in samples]
    assert fast.tolist() == slow.tolist() == picked


@pytest.mark.parametrize("count", [4, 8, 16])
def test_a_shuffle_by_lanes_does_the_same_in_each(count):
    """Two vectors' first words side by side, lane by lane, whatever the width."""
    samples = drawn(("u4", count), ("u4", count))

    fast, slow = ran(binary(vectors.lanewise((0, 4, 1, 5))), [("u4", count)] * 2, samples, ("u4", count))

    picked = [[[a[i], b[i], a[i + 1], b[i + 1]] for i in range(0, count, 4)] for a, b in samples]
    assert fast.tolist() == slow.tolist() == np.array(picked).reshape(len(samples), -1).tolist()


def test_a_shuffle_of_two_picks_from_both():
    """Elements of the second come after those of the first."""
    sample = np.arange(4, dtype="u4"), np.arange(10, 14, dtype="u4")

    fast, slow = ran(binary(vectors.shuffle((7, 0, 4, 3))), [("u4", 4)] * 2, [sample], ("u4", 4))

    assert fast.tolist() == slow.tolist() == [[13, 0, 10, 3]]


@pytest.mark.parametrize("count", [16, 32, 64])
def test_constants_fill_each_lane_of_a_vector_like_another(count):
    """Given elements, elements for every lane, one number everywhere, and 16 bytes of memory in every lane."""
    fill, fixed = vectors.repeated("u4", (1, 2, 3, 0xFFFFFFFF)), vectors.constant("i2", [-1, 5])
    spread, load_lane = vectors.splat("f4", 2), vectors.lane_loader("u1")

    def make(load, store):
        names = (fill, fixed, spread, load_lane)
        a_fill, a_fixed, a_spread, a_load = (twin(each) if is_twin(load) else each for each in names)

        def run(a, out):
            like = load(a, 1)
            store(out, 2, a_fill(like))
            store(out, 2 + count, a_fixed())
            store(out, 6 + count, a_spread(0.1))
            store(out, 14 + count, a_load(a, 1, like))

        return run

    fast, slow = ran(make, [("u1", count)], [[np.arange(count, dtype="u1")]], ("u1", 2 * count + 12))

    lanes = np.array([1, 2, 3, 0xFFFFFFFF] * (count // 16), "<u4").tobytes()
    rest = np.array([-1, 5], "<i2").tobytes() + np.array([0.1, 0.1], "<f4").tobytes()
    assert fast.tobytes() == slow.tobytes() == lanes + rest + bytes(range(16)) * (count // 16)


@pytest.mark.parametrize("count", [pytest.param(32, marks=needs("avx2")), pytest.param(64, marks=needs("avx512bw"))])
def test_pairs_of_products_of_bytes(count):
    """Held to what int16 can say, as the instruction holds them."""
    kinds = [("u1", count), ("i1", count)]
    samples = drawn(*kinds)

    fast, slow = ran(binary(vector_products.pairs_i8), kinds, samples, ("i2", count // 2))

    exact = np.array([a.astype(int) * b.astype(int) for a, b in samples])
    exact = exact[:, ::2] + exact[:, 1::2]
    assert exact.max() > 2**15
    assert fast.tolist() == slow.tolist() == np.clip(exact, -(2**15), 2**15 - 1).tolist()


@pytest.mark.parametrize("count", [pytest.param(16, marks=needs("avx2")), pytest.param(32, marks=needs("avx512bw"))])
def test_pairs_of_products_of_words(count):
    """Exact in int32, but for two products of the least numbers, which wrap around."""
    kinds = [("i2", count), ("i2", count)]
    samples = [*drawn(*kinds), [np.full(count, -(2**15), "i2")] * 2]

    fast, slow = ran(binary(vector_products.pairs_i16), kinds, samples, ("i4", count // 2))

    exact = np.array([a.astype(int) * b.astype(int) for a, b in samples])
    assert fast.tolist() == slow.tolist() == (exact[:, ::2] + exact[:, 1::2]).astype(np.int32).tolist()


@pytest.mark.parametrize("count", [pytest.param(each, marks=needs("avx512vnni")) for each in (8, 16)])
def test_dot_products_of_four_bytes(count):
    """Added to what is there, unsigned times signed, wrapping around and never held."""
    kinds = [("i4", count), ("u1", 4 * count), ("i1", 4 * count)]
    samples = drawn(*kinds)

    def make(load_total, load_a, load_b, store):
        dot = twin(vector_products.dot4) if is_twin(load_a) else vector_products.dot4

        def run(total, a, b, out):
            store(out, 2, dot(load_total(total, 1), load_a(a, 1), load_b(b, 1)))

        return run

    fast, slow = ran(make, kinds, samples, ("i4", count))

    exact = [t.astype(int) + (a.astype(int) * b.astype(int)).reshape(-1, 4).sum(axis=1) for t, a, b in samples]
    assert fast.tolist() == slow.tolist() == np.array(exact).astype(np.int32).tolist()


def test_a_prefetch_may_lie_past_the_end():
    """It is a hint: it reads nothing and fails nowhere."""
    ask = vectors.prefetch

    def run(array):
        ask(array, 1 << 40)
        return array[0]

    assert compiled(run)(np.array([5], np.uint8)) == 5


MODULE = """
from pvcheck_q4k import compile_cache, vectors

load = vectors.loader("u1", 16)
turned = vectors.shuffle(range(15, -1, -1))


@vectors.inlined
def part(array):
    return turned(load(array, 0)) + 1


@compile_cache.kernel
def kernel(array, out):
    vectors.store(out, 0, part(array))
"""
PROBE = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import probe
out = np.zeros(16, np.uint8)
probe.kernel(np.arange(16, dtype=np.uint8), out)
print(json.dumps([out.tolist(), sum(probe.kernel.stats.cache_hits.values())]))
"""


@pytest.mark.skipif(not vectors.COMPILED, reason="nothing is compiled")
def test_a_kernel_with_vectors_is_loaded_from_the_cache(tmp_path):
    """The second process compiles nothing: neither operations nor inlined functions keep a kernel from being stored."""
    (tmp_path / "probe.py").write_text(MODULE)
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    done = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", PROBE, str(tmp_path)],
            env=environment,
            check=True,
            capture_output=True,
        ).stdout
        for _ in range(2)
    ]

    assert [json.loads(each) for each in done] == [[list(range(16, 0, -1)), hits] for hits in (0, 1)]
