"""The CUDA kernels in Numba's simulator: the laws hold, and each mistake that could be made breaks one."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from q4k.cuda_runs import MISTAKES, laws
from q4k.test_generators import BASE

from pvcheck_q4k import cuda_device, cuda_rounding

WORDS = ("q4k-decode-identity", f"block={json.dumps(BASE)}")


def test_the_kernels_keep_the_laws():
    """All of ``cuda_laws``, in a process that simulates."""
    status, told = laws()

    assert status == 0, told


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_breaks_a_law(mistake):
    """What is not caught here could be wrong on a device."""
    status, told = laws(mistake)

    assert status == 1, told
    assert "1 failed" in told


def test_the_command_line_measures_in_the_simulator(tmp_path):
    """From the option to the worker and back; the backend says that it was simulated."""
    words = [sys.executable, "-m", "pvcheck", "measure", *WORDS, "--device", "cuda"]

    done = subprocess.run(
        words, env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}, capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "cuda-simulator\n" in done.stdout


def test_the_threads_of_the_simulator_take_short_turns():
    """It polls while they work; with turns of 5 ms, the laws take minutes where a core is idle."""
    code = "import sys; from pvcheck_q4k import cuda_device; print(sys.getswitchinterval())"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(done.stdout) < 1e-4
    assert sys.getswitchinterval() > 1e-4


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_what_stands_in_for_the_device_rounds_once(kind):
    """It takes numbers as the type in its name, rounds to it, and is silent about an overflow."""
    number = np.dtype(kind).type
    last = np.finfo(number).eps
    rounded = cuda_rounding.once(np.add, number)

    pairs = [(1, last / 2), (1, last), (np.finfo(number).max, np.finfo(number).max)]
    found = [rounded(*pair) for pair in pairs]

    assert found == [number(1), number(1) + last, number(np.inf)]
    assert {type(each) for each in found} == {number}


def test_here_nothing_stands_in():
    """Outside the simulator, kernels call libdevice."""
    assert not cuda_device.SIMULATED
    assert cuda_rounding.mul.__module__.endswith("cuda.libdevice")
