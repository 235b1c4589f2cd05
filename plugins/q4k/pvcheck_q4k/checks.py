"""The checks that every public kernel wrapper makes, so that the kernels need none."""

from __future__ import annotations

import numpy as np

from pvcheck_q4k import blocks


def check_blocks(raw: object, count: int | None = None, size: int = blocks.BLOCK_BYTES) -> None:
    """Refuse anything but a C-contiguous uint8 array of shape (n, ``size``), with n = ``count`` if that is given.

    :raises TypeError: if it is another type; :raises ValueError: if it has another shape or layout.
    """
    _check_array(raw, "blocks", np.uint8)
    assert isinstance(raw, np.ndarray)  # noqa: S101 - told to the type checker; checked above
    if raw.ndim != 2 or raw.shape[1] != size or count not in {None, raw.shape[0]}:
        rows = "n" if count is None else count
        raise ValueError(f"blocks must have shape ({rows}, {size}), got {raw.shape}")


def check_rows(raw: object, threads: object, size: int = blocks.BLOCK_BYTES) -> None:
    """Refuse anything but a C-contiguous uint8 array of shape (n, k, ``size``) and a number of threads from 1.

    :raises TypeError: if one is another type; :raises ValueError: if one has another shape, layout or range.
    """
    _check_array(raw, "rows", np.uint8)
    assert isinstance(raw, np.ndarray)  # noqa: S101 - told to the type checker; checked above
    if raw.ndim != 3 or raw.shape[2] != size:
        raise ValueError(f"rows must have shape (n, k, {size}), got {raw.shape}")
    if type(threads) is not int:
        raise TypeError(f"threads must be an int, got {type(threads).__name__}")
    if threads < 1:
        raise ValueError(f"threads must be 1 or more, got {threads}")


def check_vector(x: object, epsilon: float, floor: float) -> None:
    """Refuse anything but a C-contiguous float32 vector of one number or more, and finite constants from 0.

    :raises TypeError: if it is another type; :raises ValueError: if it has another shape or layout.
    """
    _check_array(x, "vector", np.float32)
    assert isinstance(x, np.ndarray)  # noqa: S101 - told to the type checker; checked above
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"vector must be one dimension of 1 or more numbers, got shape {x.shape}")
    for name, value in (("epsilon", epsilon), ("floor", floor)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} must be finite and 0 or more, got {value}")


def check_activation(x: object, count: int | None = None) -> None:
    """Refuse anything but a C-contiguous float32 vector of whole super-blocks, ``count`` of them if that is given.

    :raises TypeError: if it is another type; :raises ValueError: if it has another shape or layout.
    """
    _check_array(x, "activation", np.float32)
    assert isinstance(x, np.ndarray)  # noqa: S101 - told to the type checker; checked above
    if x.ndim != 1 or x.size % blocks.BLOCK_WEIGHTS:
        raise ValueError(f"activation must be a vector of a multiple of {blocks.BLOCK_WEIGHTS}, got shape {x.shape}")
    if count is not None and x.size != count * blocks.BLOCK_WEIGHTS:
        raise ValueError(f"activation must have {count * blocks.BLOCK_WEIGHTS} numbers, got {x.size}")


def check_codes(scales: object, codes: object, count: int) -> None:
    """Refuse anything but the scales, shape (n,), and codes, shape (n, 256), of ``count`` super-blocks.

    :raises TypeError: if one is another type; :raises ValueError: if one has another shape or layout.
    """
    for array, name, kind, shape in (
        (scales, "scales", np.float32, (count,)),
        (codes, "codes", np.int8, (count, blocks.BLOCK_WEIGHTS)),
    ):
        _check_array(array, name, kind)
        assert isinstance(array, np.ndarray)  # noqa: S101 - told to the type checker; checked above
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {array.shape}")


def _check_array(array: object, name: str, kind: type[np.generic]) -> None:
    """Refuse what is no array of native ``kind`` in C order."""
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(kind):
        got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be an array of {np.dtype(kind)}, got {got}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous")
