"""Faults that can be planted in any array an evaluator has read, whatever it makes of the numbers.

No numerical library is needed: a copy is made and changed by the array's own methods. An array is what NumPy calls
one (``dtype``, ``shape``, ``copy``, ``reshape`` and ``view`` are used), or a list or tuple of numbers.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pvcheck.plugin.values import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    Plant = Callable[[Any, Any, "Draw"], bool]

A = TypeVar("A")

SCALE: Final = 1.01
BLOCK: Final = 32
"""Elements of a block that is read from another place."""
UNUSED: Final = "the evaluator passes no array through Context.received"
"""Why a fault was never planted where nothing came by."""
TRIES: Final = 16
"""Places that are tried before an array counts as one that stays as it is."""
EXPONENT_AT: Final = {2: 10, 4: 23, 8: 52}
"""The lowest bit of the exponent, by the bytes of a float: one flip doubles the number or halves it."""

GENERIC: Final = (
    Fault(
        name="array-flipped-bit",
        doc="in an array that was read, one bit of one element is flipped: the lowest of the exponent of a float, the "
        "highest but one of a whole number",
    ),
    Fault(name="array-nan", doc="in an array that was read, one element is NaN; whole numbers have none"),
    Fault(
        name="array-swapped-rows",
        doc="in an array that was read, two rows have changed places; two elements where it has one axis",
    ),
    Fault(name="array-scaled", doc="every element of an array that was read is 1.01 times what it is; floats only"),
    Fault(
        name="array-offset-block",
        doc="in an array that was read, up to 32 elements in a row are those of one place before",
    ),
)
"""What may be planted in an evaluator that says ``takes_arrays``, beside its own faults."""


class Unfit(ValueError):  # noqa: N818 - it is the reason a reader sees
    """An array cannot hold the fault that is asked for; the message says why."""


class Draw:
    """Whole numbers that follow from a seed and the name of a fault alone, on every machine and for ever."""

    def __init__(self, fault: str, seed: int) -> None:
        self._key = f"{fault}:{seed}"
        self._drawn = 0

    def below(self, end: int) -> int:
        """Return the next number from 0 to ``end`` - 1."""
        self._drawn += 1
        return int.from_bytes(hashlib.sha256(f"{self._key}:{self._drawn}".encode()).digest()) % end


class Door:
    """The place where one evaluation takes in its arrays: the fault goes into the first that can hold it."""

    def __init__(self, fault: str | None, seed: int) -> None:
        self._fault = fault if fault in _PLANTS else None
        self._seed = seed
        self._is_planted = False
        self._refusals: list[str] = []

    def passed(self, array: A, name: str) -> A:
        """Return the array, or a changed copy of it."""
        if self._fault is None or self._is_planted:
            return array
        try:
            changed = planted(array, self._fault, self._seed)
        except Unfit as error:
            self._refusals.append(f"{name} {error}")
            return array
        self._is_planted = True
        return changed

    def missing(self) -> str | None:
        """Return why the fault that was asked for is in no array, or None if one is or none was asked for."""
        if self._fault is None or self._is_planted:
            return None
        why = "; ".join(dict.fromkeys(self._refusals)) or UNUSED
        return f"{self._fault} was never planted: {why}"


def planted(array: A, fault: str, seed: int) -> A:
    """Return a copy of an array with one generic fault in it.

    :raises Unfit: if it cannot hold that fault, or would stay as it is.
    """
    draw = Draw(fault, seed)
    copy: Any = list(cast("list[int | float]", array)) if _is_list(array) else _copied(array)
    for _ in range(TRIES):
        if _PLANTS[fault](copy, array, draw):
            return cast(A, tuple(copy) if isinstance(array, tuple) else copy)
    raise Unfit("would stay as it is")


def _is_list(array: object) -> bool:
    """Say whether it is a list or tuple of numbers.

    :raises Unfit: if it is one of other things, or empty.
    """
    if not isinstance(array, list | tuple):
        return False
    if not array:
        raise Unfit("is empty")
    if any(type(each) not in {int, float} for each in array):
        raise Unfit("holds something else than numbers")
    return True


def _copied(array: Any) -> Any:  # noqa: ANN401 - an array of any library
    """Return a copy of what NumPy calls an array.

    :raises Unfit: if it is none of numbers, or empty.
    """
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    if kind not in {"f", "i", "u", "b"} or not hasattr(array, "reshape"):
        raise Unfit("is no array of numbers")
    if 0 in array.shape:
        raise Unfit("is empty")
    return array.copy()


def _flat(array: Any) -> Any:  # noqa: ANN401 - an array of any library
    """Return the elements in a row; for a copy that was just made they are its own."""
    return array if isinstance(array, list | tuple) else array.reshape(-1)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - parts of arrays, or numbers
    """Say whether two parts have the same bits."""
    if hasattr(one, "tobytes"):
        return bool(one.tobytes() == other.tobytes())
    return repr(one) == repr(other)


def _refuse_whole_numbers(array: Any) -> None:  # noqa: ANN401 - an array of any library
    """Refuse an array that has no room for a fraction or a NaN."""
    if isinstance(array, list | tuple):
        if not all(type(each) is float for each in array):
            raise Unfit("holds whole numbers")
    elif array.dtype.kind != "f":
        raise Unfit(f"holds {array.dtype}")


def _flip(copy: Any, array: Any, draw: Draw) -> bool:  # noqa: ANN401 - arrays of any library
    """Flip one bit of one element."""
    if not isinstance(copy, list):
        width, kind = array.dtype.itemsize, array.dtype.kind
        if kind == "f" and width not in EXPONENT_AT:
            raise Unfit(f"holds {array.dtype}")
        bit = EXPONENT_AT[width] if kind == "f" else 0 if kind == "b" else 8 * width - 2
        order = array.dtype.byteorder
        bits = _flat(copy).view(f"{order if order in '<>' else ''}u{width}")
        at = draw.below(len(bits))
        if kind == "f" and not _flat(array)[at]:
            return False  # the smallest normal number in the place of a zero: nobody would see it
        bits[at] ^= 1 << bit
        return True
    at = draw.below(len(copy))
    if isinstance(copy[at], float) and not copy[at]:
        return False
    if isinstance(copy[at], int):
        copy[at] ^= 1 << max(copy[at].bit_length() - 2, 0)
    else:
        (bits,) = struct.unpack("<Q", struct.pack("<d", copy[at]))
        (copy[at],) = struct.unpack("<d", struct.pack("<Q", bits ^ 1 << EXPONENT_AT[8]))
    return True


def _spoil(copy: Any, array: Any, draw: Draw) -> bool:  # noqa: ANN401 - arrays of any library
    """Put a NaN in the place of one number."""
    _refuse_whole_numbers(array)
    flat = _flat(copy)
    at = draw.below(len(flat))
    if flat[at] != flat[at]:  # the one number that is not itself is a NaN
        return False
    flat[at] = float("nan")
    return True


def _swap(copy: Any, array: Any, draw: Draw) -> bool:  # noqa: ANN401 - arrays of any library
    """Let two rows change places: those of the first axis that has two."""
    while getattr(copy, "ndim", 1) > 1 and len(copy) == 1:
        copy, array = copy[0], array[0]
    if getattr(copy, "ndim", 1) == 0 or len(copy) == 1:
        raise Unfit("has one row")
    one = draw.below(len(copy))
    other = (one + 1 + draw.below(len(copy) - 1)) % len(copy)
    copy[one], copy[other] = array[other], array[one]
    return not _same(array[one], array[other])


def _stretch(copy: Any, array: Any, draw: Draw) -> bool:  # noqa: ANN401 - arrays of any library
    """Multiply every element."""
    del draw
    _refuse_whole_numbers(array)
    if isinstance(copy, list):
        copy[:] = [each * SCALE for each in array]
    else:
        _flat(copy)[:] = _flat(array) * SCALE
    return not _same(copy, _listed(array))


def _shift(copy: Any, array: Any, draw: Draw) -> bool:  # noqa: ANN401 - arrays of any library
    """Let a block be what stands one place before."""
    flat, source = _flat(copy), _flat(array)
    size = min(BLOCK, len(flat))
    if size == 1:
        raise Unfit("has one element")
    start = draw.below(len(flat) - size + 1)
    flat[start + 1 : start + size] = source[start : start + size - 1]
    return not _same(flat[start : start + size], _listed(source[start : start + size]))


def _listed(part: Any) -> Any:  # noqa: ANN401 - an array of any library
    """Return a tuple as a list, so that both sides of a comparison are of one kind."""
    return list(part) if isinstance(part, tuple) else part


_PLANTS: Final[dict[str, Plant]] = dict(
    zip((each.name for each in GENERIC), (_flip, _spoil, _swap, _stretch, _shift), strict=True)
)
