"""Operations that round once, for CUDA kernels.

``a * b + c`` in a kernel becomes one fused operation: NVVM and ptxas contract it, with fast-math off too. The functions
of libdevice whose names end in ``_rn`` round to nearest, on their own, and nothing fuses them. Their subnormal numbers
stay, since kernels are compiled without ``fastmath``, which alone sets ``ftz`` and unsets ``prec_div``.

Numba's simulator has no libdevice, so there, and only there, NumPy's scalars stand in; like the device's functions,
they take what they are given as the type in their name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pvcheck_q4k.cuda_device import SIMULATED

if TYPE_CHECKING:
    from collections.abc import Callable


def once(operation: Callable[[Any, Any], Any], kind: type[np.floating[Any]]) -> Callable[[Any, Any], Any]:
    """Return an operation on two numbers of a kind with one rounding, silent about overflow as a device is."""

    def rounded(x: Any, y: Any) -> Any:  # noqa: ANN401 - numbers of any kind, as the device takes them
        with np.errstate(all="ignore"):
            return kind(operation(kind(x), kind(y)))

    return rounded


def _operation(name: str, operation: Callable[[Any, Any], Any], kind: type[np.floating[Any]]) -> Callable[..., Any]:
    """Return the device's operation of that name, or what stands in for it in the simulator."""
    if SIMULATED:
        return once(operation, kind)
    found: Callable[..., Any] = getattr(import_module("numba.cuda.libdevice"), name)
    return found


add: Final = _operation("fadd_rn", np.add, np.float32)
sub: Final = _operation("fsub_rn", np.subtract, np.float32)
mul: Final = _operation("fmul_rn", np.multiply, np.float32)
div: Final = _operation("fdiv_rn", np.divide, np.float32)
add64: Final = _operation("dadd_rn", np.add, np.float64)
mul64: Final = _operation("dmul_rn", np.multiply, np.float64)
