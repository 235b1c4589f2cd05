"""Rows of super-blocks on a CUDA device, in parts that fit its memory: what both formats share on the host's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pvcheck_q4k import cuda_device

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

COUNTS = 2


class Ran(NamedTuple):
    """What a kernel made of n rows: numbers, shape (n, width), the elements it saw and those not finite."""

    values: npt.NDArray[Any]
    seen: int
    non_finite: int


def over_rows(
    kernel: Callable[..., None],
    raw: npt.NDArray[np.uint8],
    operands: tuple[npt.NDArray[Any], ...] = (),
    width: int = 1,
    kind: type[np.floating[Any]] = np.float32,
) -> Ran:
    """Run ``kernel(rows, *operands, values, counts)`` over rows, shape (n, k, bytes), with a thread for each.

    On the device there is one part of the rows at a time. ``counts``, (n, 2), takes the elements that each thread
    really saw, and those not finite; a value that no thread writes is NaN.
    """
    values = np.zeros((raw.shape[0], width), kind)
    seen = bad = 0
    if raw.size:  # else each sum is an empty one, and a device holds no empty arrays
        sent = [cuda_device.sent(each) for each in operands]
        row_bytes = raw[0].nbytes + width * values.itemsize + COUNTS * 8
        for part in cuda_device.parts(raw.shape[0], row_bytes):
            rows = raw[part]
            found = cuda_device.filled((rows.shape[0], width), np.nan, kind)
            counts = cuda_device.filled((rows.shape[0], COUNTS), 0, np.int64)
            cuda_device.launch(kernel, rows.shape[0], cuda_device.sent(rows), *sent, found, counts)
            values[part] = found.copy_to_host()
            one_seen, one_bad = counts.copy_to_host().sum(axis=0).tolist()
            seen, bad = seen + one_seen, bad + one_bad
    return Ran(values, seen, bad)
