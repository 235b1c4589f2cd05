"""Whether a CUDA device is here, and what a reader is told where none is."""

import ctypes
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from pvcheck.plugin import Context, NotMeasured
from pvcheck_q4k import cuda_device, identity, kernels
from pvcheck_q4k.cuda_device import driver_problem, parts
from pvcheck_q4k.plugin import pv_evaluators

NONE = "there is no CUDA driver here"


def driver(initialised=0, counted=0, devices=1):
    """Return a driver that answers so."""

    def count(place):
        place._obj.value = devices
        return counted

    return SimpleNamespace(cuInit=lambda _: initialised, cuDeviceGetCount=count)


@pytest.fixture
def drivers(monkeypatch):
    """Return a table of what can be loaded, by name; nothing else can."""
    table = {}

    def load(name):
        if name not in table:
            raise OSError(name)
        return table[name]

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.delenv("NUMBA_CUDA_DRIVER", raising=False)
    return table


@pytest.fixture
def numba_cuda(monkeypatch):
    """Put a ``numba.cuda`` in the place of the real one, without a problem as it is."""
    found = SimpleNamespace(is_available=lambda: True, cuda_error=lambda: None, libdevice=lambda: None)
    monkeypatch.setitem(sys.modules, "numba.cuda", found)
    nvvm = SimpleNamespace(LibDevice=lambda: found.libdevice())  # noqa: PLW0108 - a test puts another one there
    monkeypatch.setitem(sys.modules, "numba.cuda.cudadrv.nvvm", nvvm)
    return found


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ({}, NONE),
        ({"libcuda.so": driver(100)}, "the CUDA driver answers with error 100"),
        ({"libcuda.so": driver(counted=3)}, "the CUDA driver answers with error 3"),
        ({"libcuda.so.1": driver(devices=0)}, "the CUDA driver sees no device"),
        ({"libcuda.so.1": driver(), "libcuda.so": driver(100)}, ""),
    ],
    ids=["none", "initialise", "count", "empty", "first"],
)
def test_the_driver_is_asked_first(drivers, found, problem):
    """The first library that loads says whether there is a device."""
    drivers.update(found)

    assert driver_problem(("", *cuda_device.DRIVERS)) == problem


def test_the_driver_may_lie_elsewhere(drivers, monkeypatch, numba_cuda):
    """Numba's variable names it, and Numba then has the last word."""
    drivers["/opt/libcuda.so"] = driver()

    assert cuda_device.unavailable() == NONE
    monkeypatch.setenv("NUMBA_CUDA_DRIVER", "/opt/libcuda.so")
    assert cuda_device.unavailable() == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"is_available": lambda: False}, "it finds no NVVM"),
        ({"is_available": lambda: False, "cuda_error": lambda: "too\n old"}, "too old"),
        ({"libdevice": [].pop}, "IndexError: pop from empty list"),
        ({"is_available": lambda: 1 // 0}, "ZeroDivisionError: integer division or modulo by zero"),
    ],
    ids=["compiler", "driver", "library", "raises"],
)
def test_what_numba_lacks_is_told(drivers, numba_cuda, change, why):
    """With what to install."""
    drivers["libcuda.so.1"] = driver()
    vars(numba_cuda).update(change)

    assert cuda_device.unavailable() == f"Numba cannot use it ({why}); install pv-contracts[cuda]"


def test_the_simulator_is_always_here(monkeypatch, drivers):
    """It needs no driver."""
    monkeypatch.setattr(cuda_device, "SIMULATED", True)

    assert cuda_device.unavailable() == ""


def test_without_a_device_the_kernels_are_refused_with_the_reason(drivers):
    """One line that a reader sees."""
    with pytest.raises(NotMeasured, match=f"^no CUDA device: {NONE}$"):
        kernels.kernels_of("q4k-paths", Context(inputs={}, device="cuda"))


def test_with_a_device_the_kernels_are_loaded(monkeypatch):
    """The module that the table names; for Q6_K the table has the same devices."""
    monkeypatch.setattr(cuda_device, "unavailable", lambda: "")
    monkeypatch.setitem(kernels.BACKENDS, "cuda", "pvcheck_q4k.blocks")

    assert kernels.kernels_of("q4k-paths", Context(inputs={}, device="cuda")).__name__ == "pvcheck_q4k.blocks"
    assert set(kernels.Q6K_BACKENDS) == set(kernels.BACKENDS)


def test_the_naive_decoder_is_no_compiled_one():
    """What is held against it must be another."""
    with pytest.raises(NotMeasured, match=r"^q4k-decode-identity has no kernels for the device 'reference'$"):
        identity.measure_decode(None, Context(inputs={}, device="reference"))


@pytest.mark.parametrize("name", [b"NVIDIA H200", "NVIDIA H200"])
def test_the_device_is_named_beside_the_versions(monkeypatch, numba_cuda, name):
    """Old versions of Numba tell it as bytes."""
    monkeypatch.setattr(cuda_device, "unavailable", lambda: "")
    monkeypatch.setattr(cuda_device, "version", lambda _: "0.30")
    numba_cuda.get_current_device = lambda: SimpleNamespace(name=name, compute_capability=(9, 0))
    cuda_device.libraries.cache_clear()

    found = cuda_device.libraries()

    cuda_device.libraries.cache_clear()
    assert found["gpu"] == "NVIDIA H200 (compute capability 9.0)"
    assert found["numba-cuda"] == "0.30"
    assert found["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("free", "rows", "expected"),
    [
        (4000, 25, [(0, 10), (10, 20), (20, 25)]),
        (10, 3, [(0, 1), (1, 2), (2, 3)]),
        (float("inf"), 3, [(0, 3)]),
        (1e12, (1 << 24) // 100 * 1024 // 10, None),
    ],
    ids=["quarter", "tiny", "simulator", "most"],
)
def test_rows_are_cut_to_a_quarter_of_the_free_memory(numba_cuda, free, rows, expected):
    """And to a gigabyte; one row is on the device in any case."""
    numba_cuda.current_context = lambda: SimpleNamespace(get_memory_info=lambda: (free, free))

    found = [(each.start, each.stop) for each in parts(rows, 100)]

    assert found[-1][1] == rows
    assert found == expected or max(stop - start for start, stop in found) * 100 <= cuda_device.MOST_BYTES
    assert expected is None or found == expected


@pytest.mark.parametrize(
    ("jobs", "grid"), [(1, (1, 1)), (31, (1, 31)), (32, (1, 32)), (33, (2, 32)), (10**9, (1 << 16, 32))]
)
def test_a_grid_has_a_thread_a_job_up_to_its_end(jobs, grid):
    """Numba's warning that few blocks leave a device idle is not for a reader."""
    launched = []

    def run(*arguments):
        launched.append(arguments)
        warnings.warn("Grid size 1 will likely result in GPU under-utilization", UserWarning, stacklevel=1)

    cuda_device.launch({grid: run}, jobs, 7, "x")

    assert launched == [(7, "x")]


def test_who_measures_in_numpy_names_no_device_of_numba():
    """An evaluator that names the device has kernels for it."""
    devices = {each.name: each.devices for each in pv_evaluators()}

    assert devices["f32-softmax-drift"] == ("cpu", "reference")
    assert devices["q4k-chain"] == ("cpu", "reference", "cuda")
    assert devices["q4k-decode-identity"] == ("cpu", "cuda")
    assert all(each[0] == "cpu" for each in devices.values())
