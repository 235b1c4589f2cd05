"""The baseline: a native build of ggml, and loops in C around its kernels (native.c), called through ctypes."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k.cpu_rows import product

if TYPE_CHECKING:
    import numpy.typing as npt

    U8 = npt.NDArray[np.uint8]
    F32s = npt.NDArray[np.float32]

NO_GGML = "no ggml: python -m venv DIR && DIR/bin/pip install ggml-python builds it with cmake; then PVCHECK_GGML=DIR"
NO_COMPILER = "no C compiler: install cc, gcc or clang, or name one in CC"
FLAGS = ("-O2", "-ffp-contract=off", "-std=c11", "-fPIC", "-shared")
SOURCE = Path(__file__).with_name("native.c")
WEIGHTS = 256
Q8K_BYTES = 292


class Missing(Exception):  # noqa: N818 - it is an answer, not an error
    """Raised when a baseline is not there; its text says how to get it."""


class Native:
    """ggml's decoders, dot products and activation rule over whole matrices, at any number of threads.

    ``kind`` is "q4_K" or "q6_K". Threads share rows as ours do, in the same pool.
    """

    def __init__(self, folder: Path) -> None:
        """Load ggml and compile the loops into a folder.

        :raises Missing: if there is no ggml or no C compiler.
        """
        self._libraries = [ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL) for path in ggml_files(os.environ)]
        self._loops = ctypes.CDLL(str(compiled(folder, os.environ)))
        self._function("ggml_cpu_init")()  # without it, every dot product is 0

    def quantise(self, x: F32s) -> U8:
        """Return the Q8_K blocks of an activation, shape (n, 292)."""
        out = np.zeros((x.size // WEIGHTS, Q8K_BYTES), np.uint8)
        self._function("quantize_row_q8_K")(_at(x), _at(out), ctypes.c_int64(x.size))
        return out

    def decode(self, kind: str, raw: U8) -> F32s:
        """Return the weights of n super-blocks, shape (n, 256), in memory of its own, as ours do."""
        out = np.empty((raw.shape[0], WEIGHTS), np.float32)
        self._function(f"dequantize_row_{kind}")(_at(raw), _at(out), ctypes.c_int64(out.size))
        return out

    def matvec_b(self, kind: str, raw: U8, q8: U8, threads: int) -> F32s:
        """Return ggml's dot product of each row, shape (n, k, bytes), with Q8_K blocks, shape (k, 292)."""
        dot = ctypes.cast(self._function(f"ggml_vec_dot_{kind}_q8_K"), ctypes.c_void_p)
        count = ctypes.c_int32(raw.shape[1] * WEIGHTS)

        def run(part: slice, values: F32s) -> tuple[int, int]:
            rows = raw[part]
            size = ctypes.c_int64(raw.shape[1] * raw.shape[2])
            self._loops.dot_rows(dot, _at(rows), ctypes.c_int64(len(rows)), size, _at(q8), count, _at(values))
            return 0, 0

        return product(run, raw.shape[0], threads).values

    def matvec_a(self, kind: str, raw: U8, x: F32s, threads: int) -> F32s:
        """Return the strict left fold of each row's decoded weights with an activation, shape (256 k,)."""
        decode = ctypes.cast(self._function(f"dequantize_row_{kind}"), ctypes.c_void_p)
        _, blocks, size = (ctypes.c_int64(each) for each in raw.shape)

        def run(part: slice, values: F32s) -> tuple[int, int]:
            rows = raw[part]
            self._loops.fold_rows(decode, _at(rows), ctypes.c_int64(len(rows)), size, _at(x), blocks, _at(values))
            return 0, 0

        return product(run, raw.shape[0], threads).values

    def _function(self, name: str) -> ctypes._NamedFuncPointer:
        library = next(each for each in self._libraries if hasattr(each, name))
        return library[name]


def ggml_files(environment: os._Environ[str] | dict[str, str]) -> list[Path]:
    """Return libggml-base and libggml-cpu: below PVCHECK_GGML, beside the file it names, or of the package ``ggml``.

    :raises Missing: if they are nowhere.
    """
    place = environment.get("PVCHECK_GGML", "")
    spec = None if place else importlib.util.find_spec("ggml")
    if spec is not None and spec.origin:
        place = str(Path(spec.origin).parent)
    if not place:
        raise Missing(NO_GGML)
    folder = Path(place).parent if Path(place).is_file() else Path(place)
    found = {path.name: path for path in sorted(folder.rglob("libggml*.so*"))}
    chosen = [found[name] for name in sorted(found) if name.startswith(("libggml-base.", "libggml-cpu"))]
    if not chosen:
        raise Missing(f"PVCHECK_GGML={place} has no libggml-base and libggml-cpu; {NO_GGML}")
    return chosen


def compiled(folder: Path, environment: os._Environ[str] | dict[str, str]) -> Path:
    """Compile the loops and return the library.

    :raises Missing: if there is no C compiler; subprocess.CalledProcessError if it refuses them.
    """
    names = [environment["CC"]] if environment.get("CC") else ["cc", "gcc", "clang"]
    compiler = next((found for name in names if (found := shutil.which(name, path=environment.get("PATH")))), None)
    if compiler is None:
        raise Missing(NO_COMPILER)
    library = folder / "native.so"
    subprocess.run([compiler, *FLAGS, "-o", str(library), str(SOURCE)], check=True)
    return library


def _at(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    """Return the address of an array that C may read or fill."""
    if not array.flags.c_contiguous:
        raise ValueError("C reads contiguous arrays only")
    return ctypes.c_void_p(array.ctypes.data)
