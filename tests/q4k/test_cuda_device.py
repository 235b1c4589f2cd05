"""The CUDA kernels on a real device, where there is one: ``pytest tests/q4k/test_cuda_device.py`` on a GPU host.

Machines with CUDA's compiler but no device hold what it makes of the kernels; the others skip and say why.
"""

import json
import os
import re
import subprocess
import sys

import pytest
from q4k.cuda_runs import laws

from pvcheck_q4k import cuda_device

WHY = cuda_device.unavailable()
on_a_device = pytest.mark.skipif(bool(WHY), reason=f"no CUDA device: {WHY}")

LARGE = """
import json, numpy as np
from pvcheck_q4k import cpu, cpu_q6k, cuda, cuda_q6k
rng = np.random.default_rng(5)
same = []
for fast, slow, size, high in ((cuda, cpu, 144, [1, 3]), (cuda_q6k, cpu_q6k, 210, [209])):
    raw = rng.integers(0, 256, (5000, 14, size), np.uint8)
    raw[:, :, high] &= 0xBB
    x = rng.standard_normal(14 * 256).astype(np.float32)
    scales, codes, *_ = cpu.quantise(x)
    for name, operands in (("matvec_a", (x,)), ("matvec_b", (scales, codes))):
        one, other = (getattr(module, name)(raw, *operands) for module in (fast, slow))
        same.append(one.values.tobytes() == other.values.tobytes() and one[1:] == other[1:])
print(json.dumps({"same": same, "libraries": cuda.LIBRARIES}))
"""

COMPILE = """
import json, re, sys, types
import numba.cuda.dispatcher
from numba.cuda.cudadrv import nvvm
try:
    nvvm.NVVM()
    nvvm.LibDevice()
except Exception as error:
    print(json.dumps(str(error).strip().splitlines()[0]))
    sys.exit()
from numba import cuda as numba_cuda, float32, float64, int8, int64, uint8, void
numba.cuda.dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=(9, 0))
from pvcheck_q4k import cuda, cuda_q6k
raw, counts, x, out, codes = uint8[:, :, ::1], int64[:, ::1], float32[::1], float32[:, ::1], int8[:, ::1]
signatures = {
    "_decode": void(raw, out, counts),
    "_rows_a": void(raw, x, out, counts),
    "_rows_b": void(raw, x, codes, out, counts),
    "_row_sums": void(raw, x, float64[:, ::1], counts),
    "_quantise": void(x, x, codes, counts),
}
made = {}
for module in (cuda, cuda_q6k):
    for name, signature in signatures.items():
        if kernel := getattr(module, name, None):
            text, _ = numba_cuda.compile_ptx(kernel.py_func, signature, cc=(9, 0))
            found = re.findall(r"\\b((?:fma|mad|mul|add|sub|div|rcp)\\.[a-z0-9.]*f(?:32|64))\\s", text)
            made[module.__name__ + name] = found
print(json.dumps(made))
"""


def run(code):
    """Run code in a process that does not simulate, and return what it printed last."""
    modes = {"NUMBA_ENABLE_CUDASIM", "NUMBA_DISABLE_JIT"}
    environment = {name: value for name, value in os.environ.items() if name not in modes}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@on_a_device
def test_the_kernels_keep_the_laws():
    """All of ``cuda_laws``, on the device."""
    status, told = laws(simulated=False)

    assert status == 0, told


@on_a_device
def test_a_large_matrix_has_the_bits_of_the_cpu():
    """More rows than a device runs at a time, of both formats, on both paths."""
    done = run(LARGE)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["same"] == [True] * 4
    assert "gpu" in json.loads(done.stdout)["libraries"]


def test_no_operation_of_a_compiled_kernel_can_be_fused():
    """Each has its own rounding, ``.rn``, which ptxas never contracts; none flushes subnormal numbers."""
    done = run(COMPILE)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if isinstance(found, str):
        pytest.skip(f"CUDA's compiler is not here: {found}")

    assert len(found) == 9
    assert all(found.values())
    operations = {each for kernel in found.values() for each in kernel}
    assert {each for each in operations if not re.fullmatch(r"(mul|add|sub|div)\.rn\.f(32|64)", each)} == set()
