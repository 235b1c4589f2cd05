"""The environment of a worker: what Python and numerical libraries need, and no secrets."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT: Final = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LANGUAGE|LC_\w+|XDG_\w+|VIRTUAL_ENV|CONDA_PREFIX|PYTHONPATH|"
    r"LD_LIBRARY_PATH|DYLD_\w+|COVERAGE_\w+|(NUMBA|OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|VECLIB|TBB)_\w+|"
    r"(CUDA|NVIDIA|HIP|ROCR|ROCM|HSA|ONEAPI|SYCL)\w*",
    re.ASCII,
)
_SECRET: Final = re.compile(r"TOKEN|SECRET|PASSW|KEY|CREDENTIAL|^GITHUB_", re.IGNORECASE)
MARK: Final = "PVCHECK_WORKER"
"""A variable of ours: by it, processes that a worker started and that left its session are found again."""


def of_worker(environment: Mapping[str, str], mark: str) -> dict[str, str]:
    """Return the environment of a worker: names that are known and hold no secret, and what makes runs alike.

    Text hashes alike in all runs, so an evaluator that walks through a set does so in one order. Plugins of
    pydantic stay out: they could change what parameters mean. Relative entries of the import path become
    absolute, because a worker has another folder; empty ones, which mean "the folder I am in", go.
    """
    kept = {name: value for name, value in environment.items() if _KEPT.fullmatch(name) and not _SECRET.search(name)}
    if "PYTHONPATH" in kept:
        entries = kept["PYTHONPATH"].split(os.pathsep)
        kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(each) for each in entries if each)  # noqa: PTH100 - text
    return kept | {"PYTHONHASHSEED": "0", "PYDANTIC_DISABLE_PLUGINS": "__all__", MARK: mark}
