"""Rows of a matrix shared out over threads: each row is one strict fold, so the threads cannot change its bits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from pvcheck_q4k.compile_cache import kernel
from pvcheck_q4k.results import Product, Sums

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    F64s = npt.NDArray[np.float64]

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")


def row_kernel(function: F) -> F:
    """Make a kernel that lets other threads of the process run while it does."""
    compiled: Any = kernel(function)
    if compiled is not function:  # with NUMBA_DISABLE_JIT it is the function itself
        compiled.targetoptions["nogil"] = True  # read when it is compiled, on its first call
    return cast(F, compiled)


def shared(array: Any) -> Any:  # noqa: ANN401 - arrays of any type
    """Return a read-only view: for Numba that is another type, and one of the two is compiled."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def product(run: Callable[[slice, npt.NDArray[np.float32]], tuple[int, int]], rows: int, threads: int) -> Product:
    """Call ``run(part, values)`` for ranges of rows, one a thread, and join what it fills and counts.

    :param run: writes ``values``, one float32 a row of ``part``; returns the elements seen and those not finite.
    """
    values = np.empty(rows, np.float32)
    counts = _over_parts(lambda part: run(part, values[part]), rows, threads)
    return Product(values, sum(int(seen) for seen, _ in counts), sum(int(bad) for _, bad in counts))


def sums(run: Callable[[slice, F64s, F64s], object], rows: int, threads: int) -> Sums:
    """Call ``run(part, totals, magnitudes)`` for ranges of rows, one a thread, and join what it fills."""
    totals, magnitudes = np.empty(rows, np.float64), np.empty(rows, np.float64)
    _over_parts(lambda part: run(part, totals[part], magnitudes[part]), rows, threads)
    return Sums(totals, magnitudes)


def _over_parts(run: Callable[[slice], T], rows: int, threads: int) -> list[T]:
    """Return what ``run`` says of each of as many ranges of rows as there are threads, in order."""
    threads = max(1, min(threads, rows))
    parts = [slice(rows * n // threads, rows * (n + 1) // threads) for n in range(threads)]

    def quiet(part: slice) -> T:
        with np.errstate(all="ignore"):  # it holds for one thread only
            return run(part)

    if threads == 1:
        return [quiet(parts[0])]  # a pool costs more than a small matrix
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(quiet, parts))
