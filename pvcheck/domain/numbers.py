"""The JSON form of numbers: a decimal for people beside a hex float that keeps every bit.

A float is ``{"decimal": "1.5", "hex": "0x1.8000000000000p+0"}`` and a series of floats has two lists there.
Integers and truth values are themselves. Only the hex counts; a decimal that says otherwise is refused.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from pvcheck.domain.metric import MetricType

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.metric import Number, Value

MAX_INT = 10**18
"""Integers stay below this size: eighteen digits, which every reader of JSON in a 64-bit integer can hold."""

SMALLEST_NORMAL = 2.0**-126
"""Of f32. Below it are the subnormals, which have fewer bits."""

FLOATS = frozenset({MetricType.F32, MetricType.F64})
_PYTHON = {MetricType.F32: float, MetricType.F64: float, MetricType.INT: int, MetricType.BOOL: bool}
_NOT_FINITE = frozenset({"nan", "inf", "-inf"})


class NumberError(ValueError):
    """A value is not a number of the declared type, or JSON is not the one form of a number."""


def encode(value: Value, kind: MetricType) -> JSON:
    """Return the JSON of a number or of a series.

    :raises NumberError: if a number is not exactly of that type: a bool is no int, an int no float, an
        instance of a subclass (such as a numpy scalar) neither, and an f32 must be representable as one.
    """
    series = value if isinstance(value, tuple) else (value,)
    for each in series:
        if reason := misfit(each, kind):
            raise NumberError(reason)
    if kind not in FLOATS:
        return list(value) if isinstance(value, tuple) else value
    decimals, hexes = [decimal(each, kind) for each in series], [hexadecimal(each) for each in series]
    if isinstance(value, tuple):
        return {"decimal": decimals, "hex": hexes}
    return {"decimal": decimals[0], "hex": hexes[0]}


def decode(json: JSON, kind: MetricType) -> Value:
    """Return the number or the series that JSON stands for.

    :raises NumberError: unless hex and decimal are both of that type and agree.
    """
    if kind in FLOATS:
        if type(json) is not dict or json.keys() != {"decimal", "hex"}:
            raise NumberError(f"{kind} must be an object with decimal and hex, got {type(json).__name__}")
        decimals, hexes = json["decimal"], json["hex"]
        if type(hexes) is not list:
            return _float(decimals, hexes, kind)
        if type(decimals) is not list or len(decimals) != len(hexes):
            raise NumberError("decimal and hex must be lists of one length")
        return _quick(decimals, hexes, kind) or tuple(_float(*pair, kind) for pair in zip(decimals, hexes, strict=True))
    for each in json if type(json) is list else (json,):
        if reason := misfit(each, kind):
            raise NumberError(reason)
    number: Value = tuple(json) if type(json) is list else json
    return number


def misfit(value: object, kind: MetricType) -> str:
    """Return why a value is not a number of that type, or nothing."""
    if type(value) is not _PYTHON[kind]:
        return f"must be {kind}, got {type_name(value)}"
    if kind is MetricType.INT and not -MAX_INT < value < MAX_INT:  # type: ignore[operator]  # it is an int
        return "must be an integer of at most 18 digits"
    if kind is MetricType.F32 and not is_f32(value):  # type: ignore[arg-type]  # it is a float
        return f"must be f32, got {value!r}, which no f32 holds exactly"
    return ""


def type_name(value: object) -> str:
    """Return the name of a value's type, with its module where it is not built in."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def is_f32(value: float) -> bool:
    """Say whether a float has a value that an f32 holds exactly; NaN and the infinities have one."""
    return math.isnan(value) or is_f32_of(value, value)


def hexadecimal(value: float) -> str:
    """Return a float as hex; "nan", "inf" and "-inf" are themselves.

    >>> hexadecimal(1.5)
    '0x1.8000000000000p+0'
    """
    return float(value).hex()


def decimal(value: float, kind: MetricType) -> str:
    """Return the shortest decimal that reads back as the same f32 or f64.

    >>> decimal(0.10000000149011612, MetricType.F32), decimal(0.1, MetricType.F64)
    ('0.1', '0.1')
    """
    return repr(_short_f32(value) if kind is MetricType.F32 and math.isfinite(value) else value)


def _short_f32(value: float) -> float:
    """Return the double with the fewest digits that rounds to a finite f32."""
    if value == 0:
        return value  # with its sign
    # Six digits survive a trip through a normal f32: a shorter decimal is the one of six without its zeros.
    for digits in range(6 if abs(value) >= SMALLEST_NORMAL else 1, 9):
        head, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        whole, unit = int(head.replace(".", "")), int(exponent) - digits + 1
        # The second candidate: above a power of two, the numbers that round to it reach twice as far as below.
        for short in (float(f"{whole}e{unit}"), float(f"{whole + 1 if value > 0 else whole - 1}e{unit}")):
            if is_f32_of(short, value):
                return short
    return float(f"{value:.9g}")


def is_f32_of(number: float, value: float) -> bool:
    """Say whether a double becomes that f32 when it is rounded."""
    try:
        return bool(struct.unpack("<f", struct.pack("<f", number))[0] == value)
    except OverflowError:  # beyond the largest f32
        return False


def _float(text: JSON, hexed: JSON, kind: MetricType) -> Number:
    """Return the float of a decimal and a hex that agree."""
    if type(text) is not str or type(hexed) is not str:
        raise NumberError(f"the decimal and hex of {kind} must be text")
    try:
        value = float(hexed) if hexed in _NOT_FINITE else float.fromhex(hexed)
    except (ValueError, OverflowError):
        raise NumberError(f"{hexed[:40]!r} is not a hex float") from None
    if hexadecimal(value) != hexed:
        raise NumberError(f"{hexed[:40]!r} is not the usual form of a hex float")
    if reason := misfit(value, kind):
        raise NumberError(reason)
    if not _tells(text, value, kind):
        raise NumberError(f"the decimal {text[:40]!r} is not the number {hexed}")
    return value


def _quick(texts: JSON, hexes: JSON, kind: MetricType) -> tuple[float, ...]:
    """Return a series of floats that is beyond doubt, or nothing: then each number is looked at.

    Records hold hundreds of floats, and a hook reads many records. The checks are those of ``_float``, made
    for all numbers together.
    """
    try:
        values = tuple(map(float.fromhex, hexes))
        if [each.hex() for each in values] != hexes:
            return ()
        told = [float(text) for text in texts]
        if list(map(repr, told)) != texts:
            return ()
        if kind is MetricType.F32:
            form = f"<{len(values)}f"
            exact = struct.pack(form, *values)
            return values if struct.unpack(form, exact) == values and struct.pack(form, *told) == exact else ()
    except (TypeError, ValueError, OverflowError, struct.error):
        return ()
    return values if struct.pack(f"<{len(values)}d", *told) == struct.pack(f"<{len(values)}d", *values) else ()


def _tells(text: str, value: float, kind: MetricType) -> bool:
    """Say whether a decimal reads back as the number. Whether it is the shortest costs ten times as much to know."""
    if kind is not MetricType.F32 or not math.isfinite(value):
        return repr(value) == text
    try:
        number = float(text)
    except ValueError:
        return False
    return repr(number) == text and is_f32_of(number, value) and math.copysign(1.0, number) == math.copysign(1.0, value)
