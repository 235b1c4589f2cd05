"""The door from the evaluators to the kernels of a device. Faults that can be planted in them are in ``faulty``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, Protocol, cast

from pvcheck.plugin import NotMeasured
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.plugin import pv_evaluators

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    import numpy as np
    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.results import Decoded, Dot, Quantised, Step

    F32s = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]
    I8 = npt.NDArray[np.int8]

BACKENDS: Final = {"cpu": "pvcheck_q4k.cpu", "reference": "pvcheck_q4k.reference", "cuda": "pvcheck_q4k.cuda"}
Q6K_BACKENDS: Final = {
    "cpu": "pvcheck_q4k.cpu_q6k",
    "reference": "pvcheck_q4k.reference_q6k",
    "cuda": "pvcheck_q4k.cuda_q6k",
}
"""The same for Q6_K: modules with the same names, but for those that know one format only."""
COMPILED: Final = frozenset({"cpu", "cuda"})
"""The devices of kernels that Numba compiles."""
NUMPY_ONLY: Final = frozenset({"cpu", "reference"})
"""The devices of what is all in NumPy, and the same on either."""
DECLARED: Final = {each.name: frozenset(fault.name for fault in each.all_faults) for each in pv_evaluators()}
"""The faults that each evaluator of the plugin declares."""


class Kernels(Protocol):
    """A module of kernels."""

    NAME: str
    LIBRARIES: Mapping[str, str]

    def decode(self, raw: U8, /) -> Decoded:
        """Decode super-blocks."""

    def quantise(self, x: F32s, /) -> Quantised:
        """Quantise activations by the "absmax" rule."""

    def dot_a(self, raw: U8, x: F32s, /) -> Dot:
        """Return path A over one row."""

    def dot_b(self, raw: U8, scales: F32s, codes: I8, /) -> Dot:
        """Return path B over one row."""

    def step(self, raw: U8, x_a: F32s, x_b: F32s, /) -> Step:
        """Run both paths over one super-block."""


def kernels_of(name: str, context: Context) -> Kernels:
    """Return the kernels of the context's device, for the evaluator ``name``.

    :raises NotMeasured: if the device has none or is not here, or the context asks for a fault that the evaluator does
        not declare.
    """
    check(name, context, BACKENDS)
    if context.device == "cuda":
        require_cuda()
    return cast(Kernels, importlib.import_module(BACKENDS[context.device]))


def require_cuda() -> None:
    """Refuse to go on where no CUDA device can run kernels.

    :raises NotMeasured: with the reason.
    """
    from pvcheck_q4k import cuda_device  # noqa: PLC0415 - it loads Numba, which the reference does without

    if why := cuda_device.unavailable():
        raise NotMeasured(f"no CUDA device: {escaped(why)}")


def check(name: str, context: Context, devices: Container[str]) -> None:
    """Refuse a device or a fault that the evaluator ``name`` does not know.

    :raises NotMeasured: if it is another.
    """
    if context.fault is not None and context.fault not in DECLARED[name]:
        raise NotMeasured(f"{name} cannot plant the fault '{escaped(context.fault)}'")
    if context.device not in devices:
        raise NotMeasured(f"{name} has no kernels for the device '{escaped(context.device)}'")
