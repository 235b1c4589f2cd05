"""The slow way for activations: ggml's quantiser and the root mean square, one number at a time.

It has the names and signatures of ``cpu_activations``, and decides what the bits there must be.
All arithmetic is IEEE float32, one rounding an operation, except where a line says float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pvcheck_q4k import blocks, checks
from pvcheck_q4k.results import Normalised, Quantised

if TYPE_CHECKING:
    import numpy.typing as npt

F32 = np.float32

NAME = "reference"
LIBRARIES = {"numpy": np.__version__}


def quantise_ggml(x: npt.NDArray[np.float32]) -> Quantised:
    """Quantise n super-blocks of activations, shape (256 n,), by the rule of ggml's ``quantize_row_q8_K``.

    The number of largest magnitude, with its sign, maps to -127 (the first of several): with ``i = -127 / largest``
    a code is ``min(x * i, 127)`` rounded half to even, and the scale is ``1 / i``. A block of zeros has scale 0 and
    zero codes. Below a largest magnitude of 3.73e-37 ``i`` overflows and the rule says nothing; a block there has a
    NaN scale and zero codes, and all its numbers count as not finite.

    :raises TypeError, ValueError: if ``x`` is not a C-contiguous float32 vector of whole super-blocks.
    """
    checks.check_activation(x)
    rows = x.reshape(-1, blocks.BLOCK_WEIGHTS)
    scales = np.full(rows.shape[0], np.nan, F32)
    codes = np.zeros(rows.shape, np.int8)
    bad = 0
    for n, row in enumerate(rows):
        wrong = sum(not math.isfinite(v) for v in row)
        largest = max(row, key=abs)  # the first of several
        if wrong:
            bad += wrong
        elif largest == 0:
            scales[n] = 0
        else:
            with np.errstate(over="ignore"):
                inverse = F32(-blocks.ACTIVATION_MAX) / largest
            if not math.isfinite(inverse):
                bad += row.size
                continue
            scales[n] = F32(1) / inverse
            codes[n] = [min(round(float(v * inverse)), blocks.ACTIVATION_MAX) for v in row]  # round: half to even
    return Quantised(scales, codes, x.size, bad)


def rms_normalise(x: npt.NDArray[np.float32], epsilon: float = 0.0, floor: float = 0.0) -> Normalised:
    """Divide a vector of n numbers by its root mean square.

    Our definition, so that backends can agree on bits: ``total`` is the strict left fold, from 0, of the rounded
    squares; with each operation rounded to float32::

        rms = max(sqrt(total / n + epsilon), floor)        value = x / rms

    A NaN goes through the maximum. The chain of 009 has ``floor`` 1e-9 and the RMSNorm of 015 ``epsilon`` 1e-6
    (``blocks.RMS_FLOOR``, ``blocks.RMS_EPSILON``), both rounded to float32 first.

    :raises TypeError, ValueError: if ``x`` is not a C-contiguous float32 vector of one number or more, or a constant
        is negative or not finite.
    """
    checks.check_vector(x, epsilon, floor)
    total = F32(0)
    with np.errstate(all="ignore"):
        for v in x:
            total = total + v * v
        rms = max(np.sqrt(total / F32(x.size) + F32(epsilon)), F32(floor))  # the first of the two if it is a NaN
        values = np.array([v / rms for v in x], F32)
    whole = np.isfinite(x) & np.isfinite(values)
    return Normalised(values, rms, x.size, x.size - int(whole.sum()) if np.isfinite(rms) else x.size)
