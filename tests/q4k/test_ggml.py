"""The twins against a native build of ggml, where there is one: decoding, its activation rule, its dot products."""

import ctypes
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from q4k.fixtures import F32, act, activations, base_block, q4k_blocks, same_bits, tensor

from pvcheck_q4k import cpu, cpu_q6k, reference, reference_activations, reference_q6k

HOW = "no ggml: python -m venv DIR && DIR/bin/pip install ggml-python (builds it with cmake), then PVCHECK_GGML=DIR"
BYTES_OF = {"q4_K": 144, "q6_K": 210}
SETTINGS = settings(max_examples=60, deadline=None)


def libraries():
    """Return the files of ggml: below PVCHECK_GGML, beside the file it names, or those of the package ``ggml``."""
    place = os.environ.get("PVCHECK_GGML", "")
    spec = None if place else importlib.util.find_spec("ggml")
    if spec is not None and spec.origin:
        place = str(Path(spec.origin).parent)
    if not place:
        return []
    folder = Path(place).parent if Path(place).is_file() else Path(place)
    found = {path.name: path for path in sorted(folder.rglob("libggml*.so*"))}
    return [found[name] for name in sorted(found) if name.startswith(("libggml-base.", "libggml-cpu"))]


FILES = libraries()
if os.environ.get("PVCHECK_GGML") and not FILES:
    pytest.fail("PVCHECK_GGML names no folder with libggml-base and libggml-cpu", pytrace=False)
pytestmark = pytest.mark.skipif(not FILES, reason=HOW)


class Ggml:
    """The few functions of ggml that are compared, on arrays; each call gives new ones."""

    def __init__(self, files):
        self._files = [ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL) for path in files]
        self._function("ggml_cpu_init")()  # without it, a dot product is 0

    def _function(self, name):
        return next(getattr(file, name) for file in self._files if hasattr(file, name))

    def decode(self, kind, raw):
        """Return the weights of super-blocks, shape (n, 256)."""
        out = np.empty((len(raw), 256), F32)
        self._function(f"dequantize_row_{kind}")(_at(raw), _at(out), ctypes.c_int64(out.size))
        return out

    def quantise(self, x):
        """Return Q8_K blocks, shape (n, 292)."""
        out = np.zeros((x.size // 256, 292), np.uint8)
        self._function("quantize_row_q8_K")(_at(x), _at(out), ctypes.c_int64(x.size))
        return out

    def dot(self, kind, raw, q8):
        """Return the dot product of one row."""
        out = np.full(1, np.nan, F32)
        none = ctypes.c_size_t(0)
        count = ctypes.c_int(256 * len(raw))
        call = self._function(f"ggml_vec_dot_{kind}_q8_K")
        call(count, _at(out), none, _at(raw), none, _at(q8), none, ctypes.c_int(1))
        return out[0]


def _at(array):
    """Return the address of an array that C may read or fill."""
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


@pytest.fixture(scope="module")
def ggml():
    """Return ggml, loaded and started."""
    return Ggml(FILES)


def q8_of(x):
    """Return the Q8_K blocks that our twin makes: a scale, 256 codes, 16 sums of 16."""
    scales, codes, *_ = reference_activations.quantise_ggml(x)
    sums = codes.reshape(-1, 16, 16).sum(axis=2).astype("<i2")
    parts = [scales.view(np.uint8).reshape(-1, 4), codes.view(np.uint8), sums.view(np.uint8)]
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def random_blocks(kind, rows, count, seed):
    """Return finite super-blocks, shape (rows, count, bytes), with d and dmin from 2**-14 to 2."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (rows, count, BYTES_OF[kind]), np.uint8)
    raw[:, :, [1, 3] if kind == "q4_K" else [209]] &= 0xBF  # no exponent past that of 1.99
    return raw


@given(raw=q4k_blocks(finite=True))
@SETTINGS
def test_q4_k_decodes_to_the_bits_of_ggml(ggml, raw):
    """Any finite block, denormal and maximal scales included."""
    assert same_bits(reference.decode(raw).weights, ggml.decode("q4_K", raw))


@pytest.mark.parametrize("seed", range(5))
def test_q6_k_decodes_to_the_bits_of_ggml(ggml, seed):
    """Random blocks with any finite d."""
    raw = random_blocks("q6_K", 1, 20, seed)[0]
    raw[::2, 208:] = np.frombuffer(b"\x01\x00\xff\x83\xff\x7b\x00\x80\x00\x04" * 2, np.uint8).reshape(10, 2)

    assert same_bits(reference_q6k.decode(raw).weights, ggml.decode("q6_K", raw))


@given(x=activations(3, finite=True))
@SETTINGS
def test_activations_quantise_to_the_bytes_of_ggml(ggml, x):
    """Every block that the rule defines is the same 292 bytes: scale, codes and sums."""
    ours, theirs = q8_of(x), ggml.quantise(x)
    defined = np.isfinite(reference_activations.quantise_ggml(x).scales)

    assert np.array_equal(ours[defined], theirs[defined])
    assert np.abs(x.reshape(-1, 256)[~defined]).max(initial=0) < 3.74e-37


def test_ties_halves_and_zero_blocks_are_the_bytes_of_ggml(ggml):
    """The cases where another rule, another rounding or another order of search would show."""
    tie, zero, halves = np.ones(256, F32), np.zeros(256, F32), np.arange(-128, 128, dtype=F32) / 2
    tie[[10, 20]] = 5, -5
    halves[0] = -127
    x = np.concatenate([tie, -tie, zero, -zero, halves, -halves, act(), -act()])

    assert np.array_equal(q8_of(x), ggml.quantise(x))


@pytest.mark.parametrize("kind", BYTES_OF)
@pytest.mark.parametrize("count", [1, 2, 9, 14])
def test_dot_products_are_those_of_ggml(ggml, kind, count):
    """Another order of sums, so not the bits, but 1e-5 of a row's magnitude, and of a value that is not small."""
    kernels, twins = {"q4_K": (cpu, reference), "q6_K": (cpu_q6k, reference_q6k)}[kind]
    raw = random_blocks(kind, 50, count, count)
    x = np.abs(np.random.default_rng(count).standard_normal(256 * count)).astype(F32)
    q8 = ggml.quantise(x)
    scales, codes, *_ = reference_activations.quantise_ggml(x)
    theirs = np.array([ggml.dot(kind, row, q8) for row in raw], F32)

    ours = kernels.matvec_b(raw, scales, codes).values
    magnitudes = np.array([np.abs(twins.decode(row).weights.reshape(-1) * x).sum() for row in raw])

    assert theirs.any()
    assert (np.abs(ours.astype(np.float64) - theirs) <= 1e-5 * magnitudes).all()
    well = magnitudes < 20 * np.abs(theirs)
    assert well.sum() > 10
    assert ours[well] == pytest.approx(theirs[well], rel=1e-5)


def test_published_fixtures_under_the_rule_of_ggml(ggml):
    """On the 256 rows of the recorded tensor, with act negated so that the rules differ, path B is within 1e-5."""
    x = -act()
    scales, codes, *_ = reference_activations.quantise_ggml(x)
    q8 = ggml.quantise(x)

    ours = cpu.matvec_b(tensor(0).reshape(256, 1, 144), scales, codes).values
    theirs = np.array([ggml.dot("q4_K", row[None], q8) for row in tensor(0)], F32)

    assert ours == pytest.approx(theirs, rel=1e-5)
    assert ggml.dot("q4_K", base_block(), q8) == pytest.approx(ours[0], rel=1e-5)
