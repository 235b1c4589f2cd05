"""Path B over whole matrices: picks a form's kernel and hands it the activation as it wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pvcheck_q4k import path_b_forms, path_b_layout, path_b_portable, path_b_q6k_forms
from pvcheck_q4k.cpu_rows import product, shared
from pvcheck_q4k.forms import chosen
from pvcheck_q4k.path_b_layout import Activation

if TYPE_CHECKING:
    from pvcheck_q4k.cpu import I8, U8, F32s
    from pvcheck_q4k.results import Product

_Q4K: dict[str, Any] = {
    "avx512-vnni": (path_b_forms.rows_avx512_vnni, path_b_layout.q4k_wide),
    "avx512": (path_b_forms.rows_avx512, path_b_layout.q4k_wide),
    "avx2": (path_b_forms.rows_avx2, path_b_layout.q4k_narrow),
    "portable": (path_b_portable.rows_q4k, path_b_layout.q4k_plain),
}
_Q6K: dict[str, Any] = {
    "avx512-vnni": (path_b_q6k_forms.rows_avx512_vnni, path_b_layout.q6k_wide),
    "avx512": (path_b_q6k_forms.rows_avx512, path_b_layout.q6k_wide),
    "avx2": (path_b_q6k_forms.rows_avx2, path_b_layout.q6k_narrow),
    "portable": (path_b_portable.rows_q6k, path_b_layout.q6k_plain),
}


def q4k(raw: U8, scales: F32s, codes: I8, threads: int) -> Product:
    """Return path B of Q4_K rows, shape (n, k, 144), by the chosen form; the arguments were checked before."""
    kernel, layout = _Q4K[chosen().name]
    activation = Activation(shared(scales), shared(layout(codes)), path_b_layout.q4k_sums(codes))
    return _product(kernel, raw, activation, threads)


def q6k(raw: U8, scales: F32s, codes: I8, threads: int) -> Product:
    """Return path B of Q6_K rows, shape (n, k, 210), by the chosen form; the arguments were checked before."""
    kernel, layout = _Q6K[chosen().name]
    return _product(kernel, raw, Activation(shared(scales), shared(codes), layout(codes)), threads)


def _product(kernel: Any, raw: U8, activation: Activation, threads: int) -> Product:  # noqa: ANN401 - any form's
    """Share out the rows; every kernel returns how many weights are not finite."""

    def run(part: slice, values: F32s) -> tuple[int, int]:
        rows = shared(raw[part])
        return rows.shape[0] * rows.shape[1] * path_b_forms.WEIGHTS, kernel(rows, activation, values)

    return product(run, raw.shape[0], threads)
