"""What a metric is: a declared type and unit, and a value that is one number or a series of them."""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import NamedTuple

Number = bool | int | float
Value = Number | tuple[Number, ...]
"""A scalar metric, or a series with one number per step. An f32 value is the float of the same value."""


class MetricType(StrEnum):
    """How the numbers of a metric are held; bounds on bit patterns must match it."""

    F32 = "f32"
    F64 = "f64"
    INT = "int"
    BOOL = "bool"


class MetricSpec(NamedTuple):
    """The light description of one metric: what a contract may bound.

    ``unit`` is "1" for a plain ratio. A metric that is a ratio of two ends names both in its name.
    ``bits`` asks the table to show bit patterns beside the decimals. ``compares`` says that the number sets one side
    against another: a measurement that has it must tell both populations, in a ``Comparison`` that names it.
    """

    name: str
    type: MetricType
    doc: str
    unit: str = "1"
    series: bool = False
    bits: bool = False
    compares: bool = False


def bits(value: Number, kind: MetricType) -> str:
    """Return the bit pattern of a float as hex: 8 digits for f32, 16 for f64; empty for other types.

    >>> bits(1.0, MetricType.F32)
    '0x3f800000'
    """
    if kind is MetricType.F32:
        return f"0x{struct.unpack('<I', struct.pack('<f', value))[0]:08x}"
    if kind is MetricType.F64:
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016x}"
    return ""
