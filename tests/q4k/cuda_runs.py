"""Running the laws of the CUDA kernels in a process of its own, right or with a mistake planted."""

import os
import subprocess
import sys
from pathlib import Path

LAWS = Path(__file__).with_name("cuda_laws.py")

MISTAKES = {
    "fused multiply-add": """
import numpy as np
from pvcheck_q4k import cuda_rounding
cuda_rounding.mul = lambda x, y: np.float64(x) * np.float64(y)
cuda_rounding.add = lambda x, y: np.float32(np.float64(x) + np.float64(y))
cuda_rounding.sub = lambda x, y: np.float32(np.float64(x) - np.float64(y))
""",
    "reversed order": """
from pvcheck_q4k import cuda, cuda_q6k
cuda.range = cuda_q6k.range = lambda *ends: reversed(range(*ends))
""",
    "reversed order in Q6_K": """
from pvcheck_q4k import cuda_q6k
cuda_q6k.range = lambda *ends: reversed(range(*ends))
""",
    "subnormal numbers as zero": """
import numpy as np
from pvcheck_q4k import cuda_rounding
right = cuda_rounding.mul
least = np.finfo(np.float32).tiny
cuda_rounding.mul = lambda x, y: np.float32(0) if abs(right(x, y)) < least else right(x, y)
""",
    "division through the inverse": """
import numpy as np
from pvcheck_q4k import cuda_rounding
cuda_rounding.div = lambda x, y: np.float32(x) * (np.float32(1) / np.float32(y))
""",
    "a sum in float64": """
import numpy as np
from pvcheck_q4k import cuda_rounding
cuda_rounding.add = lambda x, y: np.float64(x) + np.float64(y)
""",
    "a product in float64 that rounds twice": """
import numpy as np
from pvcheck_q4k import cuda_rounding
cuda_rounding.mul64 = lambda x, y: np.float64(np.float32(np.float64(x) * np.float64(y)))
""",
    "a grid too small": """
import builtins
from pvcheck_q4k import cuda
cuda.range = lambda start, *rest: builtins.range(start, *rest) if len(rest) < 2 else (start,)
""",
    "a part that is lost": """
from pvcheck_q4k import cuda_device
right = cuda_device.parts
cuda_device.parts = lambda rows, row_bytes: list(right(rows, row_bytes))[:1]
""",
}
"""Mistakes that a kernel or its compiler could make, as code that runs before the laws."""


def laws(mistake="", *, simulated=True):
    """Run the laws, and return the exit status of pytest and the end of what it printed."""
    code = f"{mistake}\nimport sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PYTEST_"))}
    if simulated:
        environment["NUMBA_ENABLE_CUDASIM"] = "1"
    command = [sys.executable, "-c", code, str(LAWS), "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=LAWS.parents[2])
    return done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
