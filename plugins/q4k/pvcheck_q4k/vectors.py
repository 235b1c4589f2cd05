"""Vectors of a fixed number of lanes that live in registers: their types for Numba, and the operations on them.

A kernel that uses them reads like the arithmetic: ``+ - * & | << >>`` work on two vectors of one type, or on a vector
and a number; the rest are operations made here, mostly by a function that is given what must be known before the
kernel is compiled::

    load = loader("u1", 64)  # 64 bytes from an array, at any offset
    low = load(array, at) & 15

Every operation on floats rounds once and none is fused. Each has a twin on NumPy arrays, which takes its place when
Numba is told not to compile, so the body of a kernel means the same either way; integers wrap around in both.

Numba knows nothing of the CPU's limits here: it is the caller who must not compile 512-bit vectors for a CPU that has
none (see ``forms``). LLVM keeps a vector in a register as long as it is a local of one compiled function, so helpers
that take or return vectors are made by ``inlined``.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Builder = Callable[..., Any]

F = TypeVar("F", bound="Callable[..., Any]")

_config: Any = numba.config
COMPILED: Final = not _config.DISABLE_JIT
_omitted: Any = types.Omitted
_OMITTED: Final = _omitted(None)
TWINS: Final[dict[Any, Callable[..., Any]]] = {}
"""The twin of each operation made so far; a test compares them."""

LANE_BYTES: Final = 16
"""A register is divided into 128-bit lanes, which most shuffles do not cross."""


class Vector(types.Type):
    """The Numba type of a vector: a NumPy type for its elements, and how many there are."""

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype = np.dtype(dtype)
        self.count = count
        super().__init__(name=f"vector({self.dtype.str}, {count})")

    @property
    def element(self) -> Any:  # noqa: ANN401 - llvmlite ships no types
        """Return the LLVM type of an element."""
        if self.dtype.kind in "iu":
            return ir.IntType(8 * self.dtype.itemsize)
        return {2: ir.HalfType, 4: ir.FloatType, 8: ir.DoubleType}[self.dtype.itemsize]()

    @property
    def llvm(self) -> Any:  # noqa: ANN401 - llvmlite ships no types
        """Return the LLVM type."""
        return ir.VectorType(self.element, self.count)

    def seen_as(self, dtype: str) -> Vector:
        """Return the type of the same bits as elements of another type."""
        return Vector(dtype, self.count * self.dtype.itemsize // np.dtype(dtype).itemsize)


@register_model(Vector)
class _Model(models.PrimitiveModel):
    """Says that a vector is one LLVM value."""

    def __init__(self, dmm: object, fe_type: Vector) -> None:
        super().__init__(dmm, fe_type, fe_type.llvm)  # type: ignore[no-untyped-call]


def operation(typer: Callable[..., Any], twin: F) -> F:
    """Return an operation for kernels: an intrinsic if Numba compiles, else its twin on NumPy arrays.

    :param typer: takes a typing context and Numba types; returns a signature and a function that emits LLVM code, or
        None for types that it does not take.
    """
    if not COMPILED:
        return twin
    made: Any = intrinsic(typer)
    TWINS[made] = twin
    return cast(F, made)


def inlined(function: F) -> F:
    """Make a function that is compiled as a part of each kernel that calls it.

    Python cannot call it, unless Numba is told not to compile: without wrappers it is ready in two thirds of the time.
    """
    njit: Any = numba.njit
    return cast(F, njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function))


def loader(dtype: str, count: int) -> Callable[..., Any]:
    """Return ``load(array, at)``, which reads ``count`` elements at byte ``at`` of a C-contiguous array, any alignment.

    It checks no bounds.
    """
    kind = Vector(dtype, count)

    def typer(_context: object, array: Any, at: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
            place = _address(context, builder, signature.args, args, kind)
            return builder.load(place, align=1)

        return kind(array, at), code

    return operation(typer, _load_twin(kind))


def _load_twin(kind: Vector) -> Callable[[Any, int], Any]:
    """Return what reads a vector from a NumPy array; it copies, because a vector does not change with the memory."""
    size = kind.count * kind.dtype.itemsize

    def twin(array: Any, at: int) -> Any:  # noqa: ANN401 - arrays of any type
        return array.reshape(-1).view(np.uint8)[at : at + size].copy().view(kind.dtype)

    return twin


def lane_loader(dtype: str) -> Callable[..., Any]:
    """Return ``load(array, at, like)``: 16 bytes read as by ``loader``, for each lane of a vector as wide as it."""
    lane = Vector(dtype, LANE_BYTES // np.dtype(dtype).itemsize)
    load: Any = _load_twin(lane)

    def typer(_context: object, array: Any, at: Any, like: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        kind = like.seen_as(dtype)

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
            one = builder.load(_address(context, builder, signature.args, args, lane), align=1)
            mask = ir.Constant(
                ir.VectorType(ir.IntType(32), kind.count), list(range(lane.count)) * (kind.count // lane.count)
            )
            return builder.shuffle_vector(one, ir.Constant(lane.llvm, ir.Undefined), mask)

        return kind(array, at, like), code

    return operation(typer, lambda array, at, like: np.tile(load(array, at), like.nbytes // LANE_BYTES))


def _store_typer(_context: object, array: Any, at: Any, vector: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit a store at a byte of a C-contiguous array."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
        place = _address(context, builder, signature.args, args, vector)
        builder.store(args[2], place, align=1)
        return context.get_dummy_value()

    return types.none(array, at, vector), code


def _store_twin(array: Any, at: int, vector: Any) -> None:  # noqa: ANN401 - arrays of any type
    array.reshape(-1).view(np.uint8)[at : at + vector.nbytes] = vector.view(np.uint8)


store = operation(_store_typer, _store_twin)
"""``store(array, at, vector)`` writes a vector at byte ``at`` of a C-contiguous array, any alignment; no bounds."""


def _prefetch_typer(_context: object, array: Any, at: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit a hint, at any address: one past the array's end costs nothing and reads nothing."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.bitcast(_address(context, builder, signature.args, args, Vector("u1", 1)), pointer)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        builder.call(function, [place, number(0), number(3), number(1)])  # to read, into every cache, data
        return context.get_dummy_value()

    return types.none(array, at), code


prefetch: Any = operation(_prefetch_typer, lambda _array, _at: None)
"""``prefetch(array, at)`` asks for the cache line at byte ``at``, which may lie past the end."""


def _address(context: Any, builder: Any, kinds: Any, args: Any, kind: Vector) -> Any:  # noqa: ANN401 - Numba ships none
    """Emit the address of a vector at a byte of an array."""
    array = context.make_array(kinds[0])(context, builder, args[0])
    at = context.cast(builder, args[1], kinds[1], types.intp)
    start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    return builder.bitcast(builder.gep(start, [at]), kind.llvm.as_pointer())


def constant(dtype: str, values: Sequence[float]) -> Callable[[], Any]:
    """Return an operation without arguments that gives these elements."""
    kind = Vector(dtype, len(values))
    held = np.array(values, dtype)
    held.flags.writeable = False

    def typer(_context: object) -> Any:  # noqa: ANN401 - Numba ships no types
        return kind(), lambda *_: ir.Constant(kind.llvm, [kind.element(each) for each in held.tolist()])

    return operation(typer, lambda: held)


def repeated(dtype: str, values: Sequence[float]) -> Callable[[Any], Any]:
    """Return ``fill(like)``, a vector as wide as ``like`` with these elements in each of its 128-bit lanes."""
    lane = Vector(dtype, len(values))

    def typer(_context: object, like: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        kind = like.seen_as(dtype)
        elements = [lane.element(each) for each in values] * (kind.count // lane.count)
        return kind(like), lambda *_: ir.Constant(kind.llvm, elements)

    def twin(like: Any) -> Any:  # noqa: ANN401 - arrays of any type
        return np.array(list(values) * (like.nbytes // LANE_BYTES), dtype)

    return operation(typer, twin)


def splat(dtype: str, count: int) -> Callable[..., Any]:
    """Return ``splat(number)``, which puts one number, converted to ``dtype``, into every element."""
    kind = Vector(dtype, count)

    def typer(_context: object, number: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
            return _splat(context, builder, args[0], signature.args[0], kind)

        return (kind(number), code) if isinstance(number, types.Number) else None

    return operation(typer, lambda number: np.full(count, number, dtype))


def _splat(context: Any, builder: Any, value: Any, source: Any, kind: Vector) -> Any:  # noqa: ANN401 - Numba ships none
    """Emit a vector with one number everywhere."""
    number = context.cast(builder, value, source, numba.from_dtype(kind.dtype))
    one = builder.insert_element(ir.Constant(kind.llvm, ir.Undefined), number, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, ir.Constant(kind.llvm, ir.Undefined), zeros)


def seen_as(dtype: str) -> Callable[[Any], Any]:
    """Return ``view(vector)``, the same bits as elements of another type."""

    def typer(_context: object, vector: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        kind = vector.seen_as(dtype)
        return kind(vector), lambda _context, builder, _signature, args: builder.bitcast(args[0], kind.llvm)

    return operation(typer, lambda vector: vector.view(dtype))


def converted(dtype: str) -> Callable[[Any], Any]:
    """Return ``convert(vector)``, each element's value in another type, rounded to nearest even.

    Floats are not converted to integers: what is out of range would have no value that all CPUs agree on.
    """

    def typer(_context: object, vector: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        kind = Vector(dtype, vector.count)
        name = _conversion(vector.dtype, kind.dtype)
        return kind(vector), lambda _context, builder, _signature, args: getattr(builder, name)(args[0], kind.llvm)

    def twin(vector: Any) -> Any:  # noqa: ANN401 - arrays of any type
        _conversion(vector.dtype, np.dtype(dtype))
        return vector.astype(dtype)

    return operation(typer, twin)


def _conversion(source: np.dtype[Any], target: np.dtype[Any]) -> str:
    """Return the name of the LLVM instruction that converts."""
    wider = target.itemsize > source.itemsize
    if source.kind == "f":
        if target.kind != "f":
            raise TypeError("a vector of floats is not converted to integers")
        return "fpext" if wider else "fptrunc"
    if target.kind == "f":
        return "sitofp" if source.kind == "i" else "uitofp"
    if wider:
        return "sext" if source.kind == "i" else "zext"
    return "trunc"


def shuffle(pattern: Sequence[int]) -> Callable[..., Any]:
    """Return ``pick(a)`` or ``pick(a, b)``: element i of the result is element ``pattern[i]`` of a, or of b after a.

    The result may have any number of elements. -1 is a zero, where there is no b.
    """
    return _shuffler(lambda _count, _size: list(pattern))


def lanewise(pattern: Sequence[int]) -> Callable[..., Any]:
    """Return the same as ``shuffle`` for each 128-bit lane by itself, whatever the width of the vector.

    ``pattern`` has an entry for each element of 16 bytes and counts within a lane: of n elements there, 0 to n - 1 are
    a's, n to 2 n - 1 are b's.
    """

    def whole(count: int, size: int) -> list[int]:
        lane = LANE_BYTES // size
        return [
            each if each < 0 else each % lane + start + (each // lane) * count
            for start in range(0, count, lane)
            for each in pattern
        ]

    return _shuffler(whole)


def _shuffler(pattern_of: Callable[[int, int], list[int]]) -> Callable[..., Any]:
    """Return the operation that picks what ``pattern_of(elements, their size)`` says; -1 is the first of b."""

    def typer(_context: object, a: Any, b: Any = None) -> Any:  # noqa: ANN401 - Numba ships no types
        alone = b is None or isinstance(b, types.Omitted)
        pattern = [a.count if each < 0 else each for each in pattern_of(a.count, a.dtype.itemsize)]
        kind = Vector(a.dtype.str, len(pattern))

        def code(_context: object, builder: Any, _signature: object, args: Any) -> Any:  # noqa: ANN401 - the same
            other = ir.Constant(a.llvm, None) if alone else args[1]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), len(pattern)), pattern)
            return builder.shuffle_vector(args[0], other, mask)

        return (kind(a, _OMITTED) if alone else kind(a, b)), code

    def twin(a: Any, b: Any = None) -> Any:  # noqa: ANN401 - arrays of any type
        both = np.concatenate([a, np.zeros_like(a) if b is None else b])
        return both[[a.size if each < 0 else each for each in pattern_of(a.size, a.itemsize)]]

    return operation(typer, twin)


def _binary(function: Callable[[Any, Any], Any], name_of: Callable[[np.dtype[Any]], str]) -> None:
    """Let Numba know an operator on two vectors, or on a vector and a number of its type."""

    @type_callable(function)
    def type_of(_context: object) -> Any:  # noqa: ANN401 - the same
        def typer(a: Any, b: Any) -> Any:  # noqa: ANN401 - the same
            return a if isinstance(a, Vector) and (a == b or isinstance(b, types.Number)) else None

        return typer

    @lower_builtin(function, Vector, Vector)  # type: ignore[no-untyped-call,untyped-decorator]
    @lower_builtin(function, Vector, types.Number)  # type: ignore[no-untyped-call,untyped-decorator]
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
        kind, other = signature.args
        right = args[1] if kind == other else _splat(context, builder, args[1], other, kind)
        return getattr(builder, name_of(kind.dtype))(args[0], right)


def _arithmetic(name: str) -> Callable[[np.dtype[Any]], str]:
    """Return what names the instruction for integers, or the one for floats."""
    return lambda dtype: f"f{name}" if dtype.kind == "f" else name


if COMPILED:
    _binary(operator.add, _arithmetic("add"))
    _binary(operator.sub, _arithmetic("sub"))
    _binary(operator.mul, _arithmetic("mul"))
    _binary(operator.and_, lambda _dtype: "and_")
    _binary(operator.or_, lambda _dtype: "or_")
    _binary(operator.lshift, lambda _dtype: "shl")
    _binary(operator.rshift, lambda dtype: "ashr" if dtype.kind == "i" else "lshr")
