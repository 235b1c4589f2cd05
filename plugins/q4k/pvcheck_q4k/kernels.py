"""The door from the evaluators to the kernels of a device. Faults that can be planted in them are in ``faulty``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, Protocol, cast

from pvcheck.plugin import NotMeasured
from pvcheck_q4k.fixture_evaluators import EVALUATORS
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.plugin import CHAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.results import Decoded, Dot, Quantised, Step

    F32s = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]
    I8 = npt.NDArray[np.int8]

BACKENDS: Final = {"cpu": "pvcheck_q4k.cpu", "reference": "pvcheck_q4k.reference"}
DECLARED: Final = {each.name: frozenset(fault.name for fault in each.all_faults) for each in (CHAIN, *EVALUATORS)}
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

    :raises NotMeasured: if the device has none, or the context asks for a fault that the evaluator does not declare.
    """
    check(name, context, BACKENDS)
    return cast(Kernels, importlib.import_module(BACKENDS[context.device]))


def check(name: str, context: Context, devices: Mapping[str, object]) -> None:
    """Refuse a device or a fault that the evaluator ``name`` does not know.

    :raises NotMeasured: if it is another.
    """
    if context.fault is not None and context.fault not in DECLARED[name]:
        raise NotMeasured(f"{name} cannot plant the fault '{escaped(context.fault)}'")
    if context.device not in devices:
        raise NotMeasured(f"{name} has no kernels for the device '{escaped(context.device)}'")
