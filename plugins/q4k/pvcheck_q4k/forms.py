"""Which form of a fast kernel this process runs: the widest vectors that both this CPU and Numba's target have.

A form is a way to compute, never another result: all give the same bits. ``PVCHECK_Q4K_FORM`` picks another one, to
measure it or to look for a fault in it.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from typing import Any, Final, NamedTuple

import llvmlite.binding
import numba

from pvcheck.plugin import NotMeasured

_config: Any = numba.config
VARIABLE: Final = "PVCHECK_Q4K_FORM"


class Form(NamedTuple):
    """A form's name, and the CPU features that its kernels need, in LLVM's words."""

    name: str
    needs: frozenset[str]


_AVX2: Final = frozenset({"avx2", "f16c"})
_AVX512: Final = _AVX2 | {"avx512f", "avx512bw", "avx512dq", "avx512vl"}

FORMS: Final = (
    Form("avx512-vnni", _AVX512 | {"avx512vnni"}),
    Form("avx512", _AVX512),
    Form("avx2", _AVX2),
    Form("portable", frozenset()),
)
"""All forms, the fastest first."""


@cache
def available() -> tuple[Form, ...]:
    """Return the forms that may run here, the fastest first; the last one is always "portable".

    Where Numba is told not to compile, no form needs anything of the CPU, and all of them may run.
    """
    if _config.DISABLE_JIT:
        return FORMS
    usable = _host_features() & _target_features()
    return tuple(each for each in FORMS if each.needs <= usable)


def chosen() -> Form:
    """Return the form to run: the one that ``PVCHECK_Q4K_FORM`` names, or else the fastest.

    :raises NotMeasured: if the variable names no form, or one that cannot run here.
    """
    return _chosen(os.environ.get(VARIABLE, ""))


@cache
def _chosen(name: str) -> Form:
    """Return the form of a name, or the fastest for none."""
    here = available()
    if not name:
        return here[0]
    for form in here:
        if form.name == name:
            return form
    names = ", ".join(each.name for each in here)
    why = "cannot run on this CPU" if any(each.name == name for each in FORMS) else "is not a form"
    raise NotMeasured(f"{VARIABLE}: {name!a} {why}; this one has {names}")


def _host_features() -> frozenset[str]:
    """Return what the CPU has, in LLVM's words; nothing where LLVM does not know."""
    try:
        features: Any = llvmlite.binding.get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    return frozenset(name for name, there in features.items() if there)


def _target_features() -> frozenset[str]:
    """Return what Numba lets LLVM emit: what ``NUMBA_CPU_FEATURES`` names, or else the host's, without AVX if so told.

    What a CPU named by ``NUMBA_CPU_NAME`` implies is not counted: it is a reason for a slower form only.
    """
    given = _config.CPU_FEATURES
    if given is None:
        given = importlib.import_module("numba.core.codegen").get_host_cpu_features()
    on: dict[str, bool] = {}
    for each in filter(None, given.split(",")):
        on[each.strip().lstrip("+-")] = each.strip().startswith("+")
    return frozenset(name for name, there in on.items() if there)
