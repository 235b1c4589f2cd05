"""Path A and row sums over whole matrices: picks a form's kernel; the arguments were checked before."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pvcheck_q4k import blocks
from pvcheck_q4k.cpu_rows import product, shared, sums
from pvcheck_q4k.forms import chosen

if TYPE_CHECKING:
    from pvcheck_q4k.cpu import U8, F32s, F64s
    from pvcheck_q4k.results import Product, Sums

VECTORS: Final = {blocks.BLOCK_BYTES: "pvcheck_q4k.path_a_q4k", blocks.Q6K_BYTES: "pvcheck_q4k.path_a_q6k"}
"""The modules of kernels with vectors, by the bytes of a super-block."""
LOOPS: Final = {blocks.BLOCK_BYTES: "pvcheck_q4k.cpu", blocks.Q6K_BYTES: "pvcheck_q4k.cpu_q6k"}
"""The modules of plain ones."""
KERNELS: Final = {
    "avx512-vnni": (VECTORS, "rows_wide", "sums_wide"),
    "avx512": (VECTORS, "rows_wide", "sums_wide"),
    "avx2": (VECTORS, "rows_narrow", "sums_narrow"),
    "portable": (LOOPS, "_rows_a", "_row_sums"),
}
"""Where each form's kernels are, and the names of those for path A and for row sums."""


def kernels(size: int) -> tuple[Any, Any]:
    """Return the chosen form's kernels for path A and for row sums, for super-blocks of ``size`` bytes.

    Only their module is loaded: a short measurement pays for no other.
    """
    modules, rows, totals = KERNELS[chosen().name]
    module = import_module(modules[size])
    return getattr(module, rows), getattr(module, totals)


def matvec(raw: U8, x: F32s, threads: int) -> Product:
    """Return path A of rows, shape (n, k, bytes of a super-block), by the chosen form."""
    kernel, _ = kernels(raw.shape[2])
    numbers = shared(x)

    def run(part: slice, values: F32s) -> tuple[int, int]:
        seen, bad = kernel(shared(raw[part]), numbers, values)
        return seen, bad

    return product(run, raw.shape[0], threads)


def row_sums(raw: U8, x: F32s, threads: int) -> Sums:
    """Return the float64 sums of x w and of |x w| of rows by the chosen form."""
    _, kernel = kernels(raw.shape[2])
    numbers = shared(x.astype(np.float64))

    def run(part: slice, totals: F64s, magnitudes: F64s) -> None:
        kernel(shared(raw[part]), numbers, totals, magnitudes)

    return sums(run, raw.shape[0], threads)
