"""The CUDA device that kernels run on: whether there is one, what it is, and how a job is cut to its memory.

With ``NUMBA_ENABLE_CUDASIM=1`` Numba's simulator takes its place: the same kernels in plain Python, for tests.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import warnings
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

F = TypeVar("F", bound="Callable[..., Any]")

SIMULATED: Final = bool(importlib.import_module("numba.core.config").ENABLE_CUDASIM)
NAME: Final = "cuda-simulator" if SIMULATED else "cuda"

if SIMULATED:
    # The simulator polls the threads of a block without a pause. Where one of them lets the interpreter go, as NumPy
    # does, it would wait 5 ms to get it back: minutes for a few thousand weights on a machine with an idle core.
    sys.setswitchinterval(1e-5)

THREADS: Final = 32
"""Threads of a block: one warp, so that a few thousand rows are spread over all processors of a device."""
MOST_BLOCKS: Final = 1 << 16
"""Blocks of a grid, far under what a device takes; a thread goes on with the next job where there are more."""
MOST_BYTES: Final = 1 << 30
"""What one launch may hold of rows, however large the device's memory is."""
DRIVERS: Final = ("libcuda.so.1", "libcuda.so")


def device_function(function: F) -> F:
    """Make a function that kernels call.

    Its module must not hold ``numba.cuda`` under any name: the simulator exchanges that in the module of each function
    that is called, and one thread would put it back while another still uses it.
    """
    return cast(F, _cuda().jit(function, device=True))


def cuda_kernel(function: F) -> F:
    """Make a kernel, compiled on its first launch, and without fastmath, because bits are promised."""
    return cast(F, _cuda().jit(function))


def unavailable() -> str:
    """Return why no kernel can run on a CUDA device here, or nothing.

    The driver is asked first and alone, since most machines have none and Numba's part of CUDA takes long to load.
    """
    if SIMULATED:
        return ""
    return driver_problem((os.environ.get("NUMBA_CUDA_DRIVER", ""), *DRIVERS)) or _numba_problem()


def driver_problem(names: tuple[str, ...]) -> str:
    """Return why the driver, a library under one of these names, offers no device, or nothing."""
    driver = None
    for name in filter(None, names):
        with suppress(OSError):
            driver = driver or ctypes.CDLL(name)
    if driver is None:
        return "there is no CUDA driver here"
    count = ctypes.c_int()
    if status := driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return f"the CUDA driver answers with error {status}"
    return "" if count.value else "the CUDA driver sees no device"


def _numba_problem() -> str:
    """Return why Numba cannot use the driver, or nothing."""
    try:
        cuda = _cuda()
        if cuda.is_available():
            importlib.import_module("numba.cuda.cudadrv.nvvm").LibDevice()  # raises where a toolkit has no libdevice
            return ""
        why = " ".join(str(cuda.cuda_error() or "it finds no NVVM").split())
    except Exception as error:  # noqa: BLE001 - a toolkit that does not fit raises anything
        why = f"{type(error).__name__}: {error}"
    return f"Numba cannot use it ({why}); install pv-contracts[cuda]"


@cache
def libraries() -> dict[str, str]:
    """Return the versions of what computes, and the name of the device."""
    found = {"numpy": np.__version__, "numba": numba.__version__}
    with suppress(PackageNotFoundError):
        found["numba-cuda"] = version("numba-cuda")
    if SIMULATED or unavailable():
        return found
    device = _cuda().get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    return found | {"gpu": f"{name} (compute capability {'.'.join(map(str, device.compute_capability))})"}


def launch(function: Callable[..., None], jobs: int, *arguments: object) -> None:
    """Run a kernel with a thread for each of ``jobs``, one or more, or for several where the grid ends."""
    configured: Any = function
    threads = min(jobs, THREADS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Grid size")  # few rows leave most of a device idle: so be it
        configured[min(-(-jobs // threads), MOST_BLOCKS), threads](*arguments)


def filled(shape: tuple[int, ...], value: float, kind: type[np.generic]) -> Any:  # noqa: ANN401 - Numba has no types
    """Return an array on the device; what no thread writes keeps ``value``, and shows."""
    return _cuda().to_device(np.full(shape, value, kind))


def sent(array: Any) -> Any:  # noqa: ANN401 - Numba has no types
    """Return a copy of an array on the device."""
    return _cuda().to_device(array)


def parts(rows: int, row_bytes: int) -> Iterator[slice]:
    """Yield ranges of rows, each of a size that may be on the device at a time: one row at least."""
    most = max(1, int(min(MOST_BYTES, _free() / 4)) // max(1, row_bytes))
    for start in range(0, rows, most):
        yield slice(start, min(start + most, rows))


def _free() -> float:
    """Return the free bytes of the device's memory; infinite in the simulator."""
    return float(_cuda().current_context().get_memory_info()[0])


def _cuda() -> Any:  # noqa: ANN401 - Numba has no types
    """Return ``numba.cuda``: NVIDIA's where ``numba-cuda`` is installed, else Numba's own."""
    return importlib.import_module("numba.cuda")
