"""An array as a file holds it: its type, its shape, and its elements as bits and as float64. And exact sums."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pvcheck.plugin import InputError
from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from pvcheck.plugin import Context

    F64s = npt.NDArray[np.float64]
    Anys = npt.NDArray[Any]

ELEMENTS_MAX: Final = 1 << 27  # a layer of the largest open models has half as many; half a minute to compare
DIMS_MAX: Final = 32
CHUNK: Final = 1 << 16
BF16: Final = "bf16"
DTYPES: Final = {
    "f16": "<f2",
    "f32": "<f4",
    "f64": "<f8",
    BF16: "<u2",  # NumPy has no such type: the bits are kept
    "i8": "<i1",
    "i16": "<i2",
    "i32": "<i4",
    "i64": "<i8",
    "u8": "<u1",
    "u16": "<u2",
    "u32": "<u4",
    "u64": "<u8",
    "bool": "<u1",
}
"""How the elements of each type stand in memory, little-endian."""
FLOATS: Final = frozenset({"f16", "f32", "f64", BF16})


@dataclass(frozen=True, slots=True)
class Array:
    """One array: ``kind`` is the type in the file, ``decoded`` that of the elements in ``stored``, flat in C order.

    The two differ for quantised types only: a ``Q4_K`` is decoded to ``f32``.
    """

    kind: str
    decoded: str
    shape: tuple[int, ...]
    stored: Anys

    @property
    def count(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    def chunks(self, start: int = 0) -> Iterator[slice]:
        """Yield slices of at most 65,536 elements that cover the array from ``start``."""
        for at in range(start, self.count, CHUNK):
            yield slice(at, min(at + CHUNK, self.count))

    def values(self, part: slice) -> F64s:
        """Return elements as float64. Exact, but for integers past 2**53."""
        stored = self.stored[part]
        with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
            if self.decoded == BF16:
                return (stored.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
            return stored.astype(np.float64)

    def bits(self, part: slice) -> Anys:
        """Return elements as unsigned integers of their size."""
        stored = self.stored[part]
        return stored.view(f"<u{stored.itemsize}")


def of_bytes(kind: str, shape: tuple[int, ...], data: memoryview | bytes) -> Array:
    """Return the array that little-endian bytes in C order hold, without copying them."""
    return Array(kind, kind, shape, np.frombuffer(data, DTYPES[kind]))


def received(context: Context, array: Array, name: str) -> Array:
    """Return an array that was read, with the generic fault in it that the context asks for, if any.

    What NumPy has no type for is shown as float32 and cut back to its bits.
    """
    if context.fault is None:
        return array
    whole = array.stored.reshape(array.shape)
    if array.decoded == BF16:
        whole = (whole.astype(np.uint32) << 16).view(np.float32)
    changed = context.received(whole, name)
    if changed is whole:
        return array
    if array.decoded == BF16:
        changed = (changed.view(np.uint32) >> 16).astype("<u2")
    return replace(array, stored=changed.reshape(-1))


def not_finite(array: Array, start: int, name: str) -> tuple[int, tuple[str, ...]]:
    """Return how many elements from ``start`` on are NaN or infinite, and a note of how many and where the first is."""
    count, first = 0, -1
    for part in array.chunks(start):
        wrong = ~np.isfinite(array.values(part))
        if count == 0 and wrong.any():
            first = part.start + int(wrong.argmax())
        count += int(wrong.sum())
    if count == 0:
        return 0, ()
    place = ", ".join(str(each) for each in np.unravel_index(first, array.shape))
    return count, (f"{name} has {count} of {array.count - start} numbers that are not finite, the first at [{place}]",)


def magnitudes(array: Array) -> Array:
    """Return an array without its signs."""
    if array.decoded == BF16:
        return replace(array, stored=array.stored & np.uint16(0x7FFF))
    return replace(array, stored=np.abs(array.stored))


def last_row(array: Array) -> Array:
    """Return the last row of an array: its last axis holds a row."""
    features = array.shape[-1] if array.shape else 1
    return replace(array, shape=(features,), stored=array.stored[array.count - features :])


def check_shape(shape: tuple[int, ...], what: str) -> None:
    """Refuse an array that is larger than an evaluation should be asked to read.

    :raises InputError: if it is.
    """
    if len(shape) > DIMS_MAX:
        raise InputError(f"{what} must have at most {DIMS_MAX} dimensions, got {len(shape)}")
    if math.prod(shape) > ELEMENTS_MAX:
        raise InputError(f"{what} must have at most {ELEMENTS_MAX} elements, got {escaped(str(math.prod(shape)), 30)}")


def scale_of(parts: Iterable[F64s]) -> int:
    """Return the exponent e of the largest magnitude, so that x / 2**e has none above 1; 0 without finite numbers."""
    most = 0.0
    for part in parts:
        sizes = np.abs(part)
        most = max(most, float(sizes.max(initial=0.0, where=np.isfinite(sizes))))
    return math.frexp(most)[1]


def total(parts: Iterable[F64s]) -> float:
    """Return a sum that no order of additions changes: each part is summed exactly and rounded, then the sums are.

    A NaN gives NaN; infinities of both signs do.
    """
    try:
        return math.fsum(math.fsum(part.tolist()) for part in parts)
    except ValueError:  # infinity minus infinity
        return math.nan


def scaled(values: F64s, exponent: int) -> F64s:
    """Return values over 2**exponent, which is exact but for what becomes subnormal."""
    return np.ldexp(values, -exponent)


def ratio(numerator: float, denominator: float, exponent: int = 0) -> float:
    """Return numerator / denominator * 2**exponent as IEEE 754 has it: x / 0 is an infinity, 0 / 0 is NaN."""
    if denominator == 0:
        return math.nan if numerator == 0 or math.isnan(numerator) else math.copysign(math.inf, numerator)
    try:
        return math.ldexp(numerator / denominator, exponent)
    except OverflowError:
        return math.copysign(math.inf, numerator)
