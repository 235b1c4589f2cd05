"""Sums of products of small integers: the operations on vectors that stand for one instruction of x86 each."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from pvcheck_q4k.vectors import Vector, operation


def _call(name: str, kind: Vector, kinds: tuple[Vector, ...], as_words: str = "") -> Any:  # noqa: ANN401 - no types
    """Return the signature and the code of a call of an LLVM intrinsic.

    :param as_words: the type that the intrinsic wants its arguments seen as, if not their own.
    """
    wanted = [(each.seen_as(as_words) if as_words else each).llvm for each in kinds]

    def code(_context: object, builder: Any, _signature: object, args: Any) -> Any:  # noqa: ANN401 - Numba ships none
        function = builder.module.declare_intrinsic(name, (), ir.FunctionType(kind.llvm, wanted))
        return builder.call(function, [builder.bitcast(a, to) for a, to in zip(args, wanted, strict=True)])

    return kind(*kinds), code


def _dot4_typer(_context: object, total: Any, unsigned: Any, signed: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    name = f"llvm.x86.avx512.vpdpbusd.{32 * total.count}"
    return _call(name, total, (total, unsigned, signed), "i4")  # newer LLVMs see bytes, and take words too


def _pairs_i8_typer(_context: object, unsigned: Any, signed: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    name = "llvm.x86.avx512.pmaddubs.w.512" if unsigned.count == 64 else "llvm.x86.avx2.pmadd.ub.sw"
    return _call(name, Vector("i2", unsigned.count // 2), (unsigned, signed))


def _pairs_i16_typer(_context: object, a: Any, b: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    name = "llvm.x86.avx512.pmaddw.d.512" if a.count == 32 else "llvm.x86.avx2.pmadd.wd"
    return _call(name, Vector("i4", a.count // 2), (a, b))


def _dot4_twin(total: Any, unsigned: Any, signed: Any) -> Any:  # noqa: ANN401 - arrays
    products = unsigned.astype(np.int32) * signed.astype(np.int32)
    return total + products.reshape(-1, 4).sum(axis=1, dtype=np.int32)


def _pairs_i8_twin(unsigned: Any, signed: Any) -> Any:  # noqa: ANN401 - arrays
    products = unsigned.astype(np.int32) * signed.astype(np.int32)
    return np.clip(products.reshape(-1, 2).sum(axis=1), -(2**15), 2**15 - 1).astype(np.int16)


def _pairs_i16_twin(a: Any, b: Any) -> Any:  # noqa: ANN401 - arrays
    products = a.astype(np.int32) * b.astype(np.int32)
    return products.reshape(-1, 2).sum(axis=1, dtype=np.int32)


dot4 = operation(_dot4_typer, _dot4_twin)
"""``dot4(total, unsigned, signed)``: each int32 plus the four products of u8 and i8 in its place. Needs VNNI."""
pairs_i8 = operation(_pairs_i8_typer, _pairs_i8_twin)
"""``pairs_i8(unsigned, signed)``: sums of two products of u8 and i8 as int16, held to what it can say. Needs AVX2."""
pairs_i16 = operation(_pairs_i16_typer, _pairs_i16_twin)
"""``pairs_i16(a, b)``: sums of two products of int16 as int32. Needs AVX2; 512 bits need AVX-512 BW, as above."""
