"""Operations on vectors whose lanes are rows of a matrix: the same word, the same weight of every row side by side.

As in ``vectors``, each is compiled into the kernel that uses it and has a twin on NumPy arrays. ``Rows`` says which
rows they are and how many: as many as its ``zeros`` have lanes, 8 or 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from pvcheck_q4k.vectors import Vector, operation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Operation = Callable[..., Any]

WORD = np.dtype("<u4")
PIECE = 4  # words of 128 bits, which most shuffles do not cross


class Rows(NamedTuple):
    """Rows that go side by side: ``raw`` holds one at each byte offset, and ``words`` has room for words of them all.

    ``zeros`` are float32, one a row.
    """

    raw: Any
    offsets: Any
    words: Any
    zeros: Any


RAW, OFFSETS, WORDS = range(3)  # fields, as compiled code counts them


def turner(count: int) -> Callable[..., None]:
    """Return ``turn(rows, at, word)``: ``count`` words at byte ``at`` of each row become words ``word``, ... of all.

    Any alignment, no bounds. ``count`` is a multiple of 4.
    """

    def typer(_context: object, rows: Any, at: Any, word: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
            count_lanes = range(_zeros(rows).count)
            start = _address(context, builder, (rows, args[0], RAW), (signature.args[1], args[1]))
            offsets = _data(context, builder, (rows, args[0], OFFSETS))
            places = [builder.gep(start, [_element(builder, offsets, lane)]) for lane in count_lanes]
            target = _word(context, builder, (rows, args[0]), (signature.args[2], args[2]))
            for number, vector in enumerate(_turned(builder, places, count)):
                builder.store(vector, builder.gep(target, [ir.IntType(64)(number)]), align=1)
            return context.get_dummy_value()

        return types.none(rows, at, word), code

    def twin(rows: Rows, at: int, word: int) -> None:
        flat = rows.raw.reshape(-1)
        read = [flat[int(offset) + at :][: count * WORD.itemsize] for offset in rows.offsets[: rows.zeros.size]]
        _room(rows)[word : word + count] = np.stack(read).view(WORD).T

    return operation(typer, twin)


def _load_typer(_context: object, rows: Any, word: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit a load of a word of all rows."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
        return builder.load(_word(context, builder, (rows, args[0]), (signature.args[1], args[1])), align=1)

    return Vector("u4", _zeros(rows).count)(rows, word), code


def _store_typer(_context: object, rows: Any, word: Any, vector: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit a store of a word of all rows."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
        place = _word(context, builder, (rows, args[0]), (signature.args[1], args[1]))
        builder.store(args[2], place, align=1)
        return context.get_dummy_value()

    return types.none(rows, word, vector), code


def _room(rows: Rows) -> Any:  # noqa: ANN401 - an array
    """Return the room for words as words, each of all rows."""
    return rows.words.view(WORD).reshape(-1, rows.zeros.size)


def _store_twin(rows: Rows, word: int, vector: Any) -> None:  # noqa: ANN401 - an array
    _room(rows)[word] = vector


load: Operation = operation(_load_typer, lambda rows, word: _room(rows)[word].copy())
"""``load(rows, word)``: a word of all rows; no bounds."""
store: Operation = operation(_store_typer, _store_twin)
"""``store(rows, word, vector)`` replaces it."""


def _lanes_typer(_context: object, vector: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit a number that is known before."""
    return types.intp(vector), lambda *_: ir.IntType(64)(vector.count)


lanes: Operation = operation(_lanes_typer, lambda vector: int(vector.size))
"""``lanes(vector)``: how many elements it has."""


def spreader(dtype: str) -> Callable[..., Any]:
    """Return ``spread(array, index, like)``, a number of an array in each element of a vector of as many as ``like``.

    No bounds; a negative index is before the array.
    """

    def typer(_context: object, array: Any, index: Any, like: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        kind = Vector(dtype, like.count)

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - the same
            data = context.make_array(signature.args[0])(context, builder, args[0]).data
            one = builder.load(builder.gep(data, [context.cast(builder, args[1], index, types.intp)]))
            start = ir.Constant(kind.llvm, ir.Undefined)
            return _shuffled(builder, builder.insert_element(start, one, ir.IntType(32)(0)), start, [0] * kind.count)

        return (kind(array, index, like), code) if array.dtype.name == kind.dtype.name else None

    return operation(typer, lambda array, index, like: np.full(like.size, array[index], dtype))


def _half_of(last: int) -> Callable[..., Any]:
    """Return the operation that takes the first or the last half of a vector."""

    def typer(_context: object, vector: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        size = vector.count // 2
        pattern = range(last * size, (last + 1) * size)
        code = lambda _context, builder, _signature, args: _shuffled(builder, args[0], args[0], pattern)  # noqa: E731
        return Vector(vector.dtype.str, size)(vector), code

    return operation(typer, lambda vector: vector[last * vector.size // 2 :][: vector.size // 2].copy())


first_half: Operation = _half_of(0)
last_half: Operation = _half_of(1)


def _nibbles_typer(_context: object, words: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit a permutation of 16 floats, which looks at four bits only, or a mask and a conversion."""
    kind = Vector("f4", words.count)

    def permuted(_context: object, builder: Any, _signature: object, args: Any) -> Any:  # noqa: ANN401 - the same
        table = ir.Constant(kind.llvm, [float(each) for each in range(16)])
        function = ir.FunctionType(kind.llvm, [kind.llvm, words.llvm])
        name = "llvm.x86.avx512.permvar.sf.512"
        return builder.call(builder.module.declare_intrinsic(name, (), function), [table, args[0]])

    def masked(_context: object, builder: Any, _signature: object, args: Any) -> Any:  # noqa: ANN401 - the same
        mask = ir.Constant(words.llvm, [15] * words.count)
        return builder.sitofp(builder.and_(args[0], mask), kind.llvm)

    return kind(words), permuted if words.count == 16 else masked


nibbles: Operation = operation(_nibbles_typer, lambda words: (words & 15).astype(np.float32))
"""``nibbles(words)``: the low four bits of each word as float32. 16 words need AVX-512."""


def _exact_typer(negate: bool) -> Callable[..., Any]:
    """Return the typer of a product with a sum or a difference."""

    def typer(_context: object, a: Any, b: Any, c: Any) -> Any:  # noqa: ANN401 - Numba ships no types
        size = 8 * a.dtype.itemsize

        def fused(_context: object, builder: Any, _signature: object, args: Any) -> Any:  # noqa: ANN401 - the same
            name = f"llvm.fma.v{a.count}f{size}"
            function = builder.module.declare_intrinsic(name, (), ir.FunctionType(a.llvm, [a.llvm] * 3))
            return builder.call(function, [args[0], args[1], builder.fneg(args[2]) if negate else args[2]])

        def apart(_context: object, builder: Any, _signature: object, args: Any) -> Any:  # noqa: ANN401 - the same
            return (builder.fsub if negate else builder.fadd)(builder.fmul(args[0], args[1]), args[2])

        return a(a, b, c), fused if a.count * size == 512 else apart

    return typer


add_exact: Operation = operation(_exact_typer(negate=False), lambda a, b, c: a * b + c)
"""``add_exact(a, b, c)``: a b + c where a b is exact, so that it may be fused, as it is where AVX-512 does it."""
sub_exact: Operation = operation(_exact_typer(negate=True), lambda a, b, c: a * b - c)
"""``sub_exact(a, b, c)``: a b - c in the same way."""


def _magnitudes_typer(_context: object, a: Any) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit the intrinsic that clears signs."""

    def code(_context: object, builder: Any, _signature: object, args: Any) -> Any:  # noqa: ANN401 - the same
        name = f"llvm.fabs.v{a.count}f{8 * a.dtype.itemsize}"
        return builder.call(builder.module.declare_intrinsic(name, (), ir.FunctionType(a.llvm, [a.llvm])), args)

    return a(a), code


magnitudes: Operation = operation(_magnitudes_typer, np.abs)
"""``magnitudes(a)``: each float without its sign."""


def _zeros(rows: Any) -> Any:  # noqa: ANN401 - a Numba type
    """Return the type of the zeros of rows."""
    return rows.types[3]


def _data(context: Any, builder: Any, field: tuple[Any, Any, int]) -> Any:  # noqa: ANN401 - Numba ships no types
    """Emit the address of an array that is a field of rows, given by their type, their value and its number."""
    rows, value, number = field
    array = context.make_array(rows.types[number])(context, builder, builder.extract_value(value, number))
    return array.data


def _address(context: Any, builder: Any, field: tuple[Any, Any, int], at: tuple[Any, Any]) -> Any:  # noqa: ANN401 - the same
    """Emit the address of a byte of such an array, whose number is given by type and value."""
    data = builder.bitcast(_data(context, builder, field), ir.IntType(8).as_pointer())
    return builder.gep(data, [context.cast(builder, at[1], at[0], types.intp)])


def _word(context: Any, builder: Any, rows: tuple[Any, Any], word: tuple[Any, Any]) -> Any:  # noqa: ANN401 - the same
    """Emit the address of a word of all rows."""
    kind = Vector("u4", _zeros(rows[0]).count).llvm
    words = builder.bitcast(_data(context, builder, (*rows, WORDS)), kind.as_pointer())
    return builder.gep(words, [context.cast(builder, word[1], word[0], types.intp)])


def _element(builder: Any, table: Any, number: int) -> Any:  # noqa: ANN401 - llvmlite ships no types
    """Emit a number read from a table."""
    return builder.load(builder.gep(table, [ir.IntType(64)(number)]))


def _turned(builder: Any, places: Sequence[Any], words: int) -> list[Any]:  # noqa: ANN401 - llvmlite ships no types
    """Emit the words at some places, each as a vector with an element a place.

    First 128 bits of places 0 4 8 12, of 1 5 9 13 and so on are put side by side; then each four such vectors are
    turned over in all their lanes.
    """
    most = len(places)  # a load fills a register
    turned: list[Any] = []
    for start in range(0, words, most):
        loads = [_words(builder, place, start, min(most, words - start)) for place in places]
        groups = [_side_by_side(builder, loads[first::PIECE]) for first in range(PIECE)]
        for four in zip(*groups, strict=True):
            turned += _four(builder, four)
    return turned


def _words(builder: Any, place: Any, start: int, count: int) -> Any:  # noqa: ANN401 - llvmlite ships no types
    """Emit a load of words."""
    kind = ir.VectorType(ir.IntType(32), count).as_pointer()
    byte = builder.gep(place, [ir.IntType(64)(start * WORD.itemsize)])
    return builder.load(builder.bitcast(byte, kind), align=1)


def _side_by_side(builder: Any, loads: list[Any]) -> list[Any]:  # noqa: ANN401 - llvmlite ships no types
    """Emit, for each 128 bits of two or four loads, those of all of them in one vector."""
    count = loads[0].type.count // PIECE
    if len(loads) == 2:
        return [_pieces(builder, loads[0], loads[1], [each]) for each in range(count)]
    found = []
    for start in range(0, count, 2):
        here = range(start, min(start + 2, count))
        first, last = (_pieces(builder, loads[each], loads[each + 1], here) for each in (0, 2))
        found += [_pieces(builder, first, last, [each, len(here) + each]) for each in range(len(here))]
    return found


def _pieces(builder: Any, a: Any, b: Any, picked: Sequence[int]) -> Any:  # noqa: ANN401 - llvmlite ships no types
    """Emit a vector of some 128 bits of a, then the same of b."""
    pieces = [*picked, *(a.type.count // PIECE + each for each in picked)]
    return _shuffled(builder, a, b, [PIECE * piece + word for piece in pieces for word in range(PIECE)])


def _four(builder: Any, rows: Sequence[Any]) -> list[Any]:  # noqa: ANN401 - llvmlite ships no types
    """Emit four vectors turned over, lane by lane."""
    a, b, c, d = rows
    found = []
    for low in (0, 2):
        pattern = _lanewise(a, (low, 4 + low, 1 + low, 5 + low))
        ab, cd = _shuffled(builder, a, b, pattern), _shuffled(builder, c, d, pattern)
        found += [_shuffled(builder, ab, cd, _lanewise(ab, each)) for each in ((0, 1, 4, 5), (2, 3, 6, 7))]
    return found


def _lanewise(vector: Any, pattern: Sequence[int]) -> list[int]:  # noqa: ANN401 - an LLVM value
    """Return the pattern of a shuffle of two vectors that does in each 128 bits what is said for one."""
    count = vector.type.count
    return [start + each % PIECE + each // PIECE * count for start in range(0, count, PIECE) for each in pattern]


def _shuffled(builder: Any, a: Any, b: Any, pattern: Sequence[int]) -> Any:  # noqa: ANN401 - llvmlite ships no types
    """Emit a shuffle of two vectors."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(pattern)), list(pattern)))
