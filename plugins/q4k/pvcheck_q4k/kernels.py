"""The door from the evaluators on fixtures to the kernels of a device, and to the faults that can be planted in them.

A fault is planted in path B, or in the decoder that is on trial, and never in what it is compared with.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, Protocol, cast

import numpy as np

from pvcheck.plugin import NotMeasured
from pvcheck_q4k import blocks
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.results import Decoded, Dot, Quantised

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pvcheck.plugin import Context

    F32s = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]
    I8 = npt.NDArray[np.int8]

F32 = np.float32
BACKENDS: Final = {"cpu": "pvcheck_q4k.cpu", "reference": "pvcheck_q4k.reference"}
SWAPPED: Final = "swapped-nibbles"
NO_MINIMUMS: Final = "dropped-minimums"
MIXED: Final = "lane-mix-up"
HALF_RUN: Final = blocks.RUN_BYTES // 2


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


def kernels_of(name: str, context: Context, *faults: str) -> Kernels:
    """Return the kernels of the context's device, for the evaluator ``name``, which can plant ``faults``.

    :raises NotMeasured: if the device has none, or the context asks for another fault.
    """
    check(name, context, BACKENDS, *faults)
    return cast(Kernels, importlib.import_module(BACKENDS[context.device]))


def check(name: str, context: Context, devices: Mapping[str, object], *faults: str) -> None:
    """Refuse a device or a fault that the evaluator ``name`` does not know.

    :raises NotMeasured: if it is another.
    """
    if context.fault is not None and context.fault not in faults:
        raise NotMeasured(f"{name} cannot plant the fault '{escaped(context.fault)}'")
    if context.device not in devices:
        raise NotMeasured(f"{name} has no kernels for the device '{escaped(context.device)}'")


def spoilt(raw: U8, fault: str | None) -> U8:
    """Return super-blocks, shape (n, 144), as a decoder with the fault would read them."""
    if fault not in {SWAPPED, NO_MINIMUMS}:
        return raw
    raw = raw.copy()
    if fault == SWAPPED:
        codes = raw[:, blocks.QS_AT :]
        raw[:, blocks.QS_AT :] = codes >> 4 | codes << 4
    else:
        raw[:, blocks.DMIN_AT : blocks.SCALES_AT] = 0
    return raw


def path_b(kernels: Kernels, raw: U8, activation: Quantised, fault: str | None) -> Dot:
    """Return path B over one row of super-blocks, shape (n, 144), with a fault planted or none."""
    if fault == MIXED:
        return mixed_dot_b(raw, activation.scales, activation.codes)
    return kernels.dot_b(spoilt(raw, fault), activation.scales, activation.codes)


def mixed_dot_b(raw: U8, scales: F32s, codes: I8) -> Dot:
    """Return path B with the lanes of two sub-blocks mixed up: wrong on purpose.

    The scale sc[2c] is applied to the first 16 bytes of both nibble halves of run c, and sc[2c + 1] to the last 16;
    the minimums stay right. A public AVX2 kernel had this fault.
    """
    value = F32(0)
    with np.errstate(all="ignore"):
        for block, scale, row in zip(raw, scales, codes, strict=True):
            d, dmin = block[blocks.D_AT : blocks.SCALES_AT].view("<f2").astype(F32)
            sc, m = _scales_and_minimums(block)
            for c in range(blocks.RUNS):
                at = blocks.QS_AT + c * blocks.RUN_BYTES
                qs = block[at : at + blocks.RUN_BYTES].astype(np.int64)
                q8 = row[c * blocks.RUN_WEIGHTS : (c + 1) * blocks.RUN_WEIGHTS].astype(np.int64)
                low, high = q8[: blocks.RUN_BYTES], q8[blocks.RUN_BYTES :]
                products = (qs & 15) * low + (qs >> 4) * high
                for j, lanes, total in ((2 * c, products[:HALF_RUN], low), (2 * c + 1, products[HALF_RUN:], high)):
                    gain = ((d * F32(sc[j])) * scale) * F32(lanes.sum())
                    value = value + (gain - ((dmin * F32(m[j])) * scale) * F32(total.sum()))
    bad = 0 if np.isfinite(value) else codes.size
    return Dot(F32(value), codes.size, bad)


def _scales_and_minimums(block: U8) -> tuple[list[int], list[int]]:
    """Return the eight scales and minimums of a super-block."""
    low, high, shared = block[blocks.SCALES_AT : blocks.QS_AT].astype(int).reshape(3, 4)
    scales = [*(low & 63), *(shared & 15 | low >> 6 << 4)]
    minimums = [*(high & 63), *(shared >> 4 | high >> 6 << 4)]
    return scales, minimums
