"""Rows of a matrix shared out over threads: each row is one strict fold, so the threads cannot change its bits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from pvcheck_q4k.compile_cache import kernel
from pvcheck_q4k.results import Product

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

F = TypeVar("F", bound="Callable[..., Any]")


def row_kernel(function: F) -> F:
    """Make a kernel that lets other threads of the process run while it does."""
    compiled: Any = kernel(function)
    if compiled is not function:  # with NUMBA_DISABLE_JIT it is the function itself
        compiled.targetoptions["nogil"] = True  # read when it is compiled, on its first call
    return cast(F, compiled)


def product(run: Callable[[slice, npt.NDArray[np.float32]], tuple[int, int]], rows: int, threads: int) -> Product:
    """Call ``run(part, values)`` for ranges of rows, one a thread, and join what it fills and counts.

    :param run: writes ``values``, one float32 a row of ``part``; returns the elements seen and those not finite.
    """
    values = np.empty(rows, np.float32)
    threads = max(1, min(threads, rows))
    parts = [slice(rows * n // threads, rows * (n + 1) // threads) for n in range(threads)]

    def fill(part: slice) -> tuple[int, int]:
        with np.errstate(all="ignore"):  # it holds for one thread only
            return run(part, values[part])

    if threads == 1:
        counts = [fill(parts[0])]  # a pool costs more than a small matrix
    else:
        with ThreadPoolExecutor(threads) as pool:
            counts = list(pool.map(fill, parts))
    return Product(values, sum(int(seen) for seen, _ in counts), sum(int(bad) for _, bad in counts))
