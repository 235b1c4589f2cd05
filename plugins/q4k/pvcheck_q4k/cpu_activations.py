"""The fast way for activations: ggml's quantiser and the root mean square in Numba, the bits of their twin.

As in ``cpu``, no fastmath: a fold keeps its order, a product rounds before it is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks, checks
from pvcheck_q4k.compile_cache import kernel
from pvcheck_q4k.cpu import LIBRARIES, NAME
from pvcheck_q4k.results import Normalised, Quantised

if TYPE_CHECKING:
    from pvcheck_q4k.cpu import I8, F32s

__all__ = ["LIBRARIES", "NAME", "quantise_ggml", "rms_normalise"]

F32 = np.float32
WEIGHTS = blocks.BLOCK_WEIGHTS
INFINITY = F32(np.inf)
NAN = F32(np.nan)
FULL = blocks.ACTIVATION_MAX


def quantise_ggml(x: F32s) -> Quantised:
    """Quantise n super-blocks of activations, shape (256 n,), by ggml's rule (see ``reference_activations``).

    :raises TypeError, ValueError: if ``x`` is not a C-contiguous float32 vector of whole super-blocks.
    """
    checks.check_activation(x)
    scales = np.empty(x.size // WEIGHTS, F32)
    codes = np.zeros((scales.size, WEIGHTS), np.int8)
    with np.errstate(all="ignore"):
        seen, bad = _quantise_ggml(x, scales, codes)
    return Quantised(scales, codes, int(seen), int(bad))


def rms_normalise(x: F32s, epsilon: float = 0.0, floor: float = 0.0) -> Normalised:
    """Divide a vector of n numbers by its root mean square (see ``reference_activations`` for the definition).

    :raises TypeError, ValueError: if ``x`` is not a C-contiguous float32 vector of one number or more, or a constant
        is negative or not finite.
    """
    checks.check_vector(x, epsilon, floor)
    values = np.empty_like(x)
    with np.errstate(all="ignore"):
        rms, seen, bad = _rms_normalise(x, F32(epsilon), F32(floor), values)
    return Normalised(values, F32(rms), int(seen), int(bad))


@kernel
def _quantise_ggml(x: F32s, scales: F32s, codes: I8) -> tuple[int, int]:
    """Quantise all super-blocks into zeroed codes; return the elements seen and those not finite."""
    seen, bad = 0, 0
    for n in range(scales.shape[0]):
        at = n * WEIGHTS
        largest = F32(0)
        wrong = 0
        for k in range(WEIGHTS):
            value = x[at + k]
            if not abs(value) < INFINITY:
                wrong += 1
            elif abs(value) > abs(largest):  # not >=: the first of several
                largest = value
        seen += WEIGHTS
        scales[n] = NAN
        if wrong:
            bad += wrong
            continue
        if largest == F32(0):
            scales[n] = F32(0)
            continue
        inverse = F32(-FULL) / largest
        if not abs(inverse) < INFINITY:
            bad += WEIGHTS
            continue
        scales[n] = F32(1) / inverse
        for k in range(WEIGHTS):
            # |x * inverse| is at most 127 and a rounding, so the cast cannot wrap before the minimum
            codes[n, k] = min(int(np.rint(x[at + k] * inverse)), FULL)
    return seen, bad


@kernel
def _rms_normalise(x: F32s, epsilon: np.float32, floor: np.float32, values: F32s) -> tuple[np.float32, int, int]:
    """Write x over its root mean square; return that, the elements seen and those not finite."""
    total = F32(0)
    for k in range(x.shape[0]):
        total = total + x[k] * x[k]
    rms = np.maximum(np.sqrt(total / F32(x.shape[0]) + epsilon), floor)  # a NaN stays, on either side
    seen, bad = 0, 0
    for k in range(x.shape[0]):
        values[k] = np.divide(x[k], rms)  # not /: Numba raises on a zero, where float32 has NaN
        seen += 1
        if not (abs(x[k]) < INFINITY and abs(values[k]) < INFINITY and rms < INFINITY):
            bad += 1
    return rms, seen, bad
