"""What can be changed in a source text: one small fault at a time, as a text of its own with the same lines."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPARED: Final = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPUTED: Final = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
SWAPPED: Final = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sorted": "list",
    "startswith": "endswith",
    "endswith": "startswith",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
    "partition": "rpartition",
    "rpartition": "partition",
    "find": "rfind",
    "rfind": "find",
    "ceil": "floor",
    "floor": "ceil",
}
"""Calls that a slip of the hand takes for one another."""
TYPES: Final = frozenset({"cast", "TypeVar", "NewType", "NamedTuple", "namedtuple"})
"""Calls whose words are for the type checker."""
GENERIC: Final = frozenset({"Literal", "list", "dict", "tuple", "type"})
"""Types whose parts, in brackets, are for the type checker as well."""
OPTIONS: Final = frozenset({"frozen", "kw_only", "maxsize", "slots"})
"""Options that say how a class or a result is held, and not what it is."""
LONG: Final = 120
"""Characters of a statement that are shown as they are."""
AROUND: Final = 40
"""Characters shown before and after the change in one that is longer."""
HEADERS: Final = ("body", "orelse", "finalbody", "handlers", "cases")


class Mutant(NamedTuple):
    """One change: where it stands, the statement before and after, and the whole text with it."""

    function: str
    """The qualified name of the innermost function or class, empty for the module."""
    before: str
    after: str
    nth: int
    """Which of those that read the same in this function."""
    line: int
    """Where the change stands."""
    span: tuple[int, int]
    """The first and the last line of its statement, or of what stands before the statements that this one holds."""
    text: bytes

    @property
    def name(self) -> tuple[str, str, str, int]:
        """What tells it from all others of the module, whatever line it moves to."""
        return self.function, self.before, self.after, self.nth


class _Place(NamedTuple):
    """A value inside a field of a node, and what surrounds it."""

    parent: ast.AST
    field: str
    at: int | None
    anchor: ast.AST
    """What is written anew: the value itself, or the f-string it stands in, whose parts have no exact place."""
    statement: ast.AST
    function: str


def of_text(source: bytes) -> Iterator[Mutant]:
    """Yield every mutant of a module that can be compiled, from its first line to its last."""
    tree = ast.parse(source)
    told: dict[tuple[str, str, str], int] = {}
    for place in _places(tree):
        node = _get(place)
        for other in _others(node, place):
            before = _shown(place.statement)
            _put(place, other)
            after = _shown(other if node is place.statement else place.statement)
            written = other if node is place.anchor else place.anchor
            text = _replaced(source, place.anchor, written)
            _put(place, node)
            if before == after or not _compiles(text):
                continue
            key = (place.function, *_trimmed(before, after))
            told[key] = told.get(key, -1) + 1
            yield Mutant(*key, told[key], place.anchor.lineno, _span(place.statement), text)


def _get(place: _Place) -> ast.AST:
    """Return the value at a place."""
    value = getattr(place.parent, place.field)
    return value if place.at is None else value[place.at]


def _put(place: _Place, node: ast.AST) -> None:
    """Set the value at a place."""
    if place.at is None:
        setattr(place.parent, place.field, node)
    else:
        getattr(place.parent, place.field)[place.at] = node


def _places(tree: ast.Module) -> Iterator[_Place]:
    """Yield every place that may be changed. Annotations, docstrings and what only type checkers read are none."""
    yield from _below(tree, _Place(tree, "body", None, tree, tree, ""))


def _below(node: ast.AST, around: _Place) -> Iterator[_Place]:
    """Yield the places of a node's fields."""
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "type_comment", "format_spec", "ctx", "op", "ops"}:
            continue
        values = value if isinstance(value, list) else [value]
        for at, each in enumerate(values):
            if not isinstance(each, ast.AST) or _is_silent(each, node, field, at):
                continue
            statement = each if isinstance(each, (ast.stmt, ast.match_case)) else around.statement
            anchor = around.anchor if isinstance(around.anchor, ast.JoinedStr) else each
            function = around.function
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                function = f"{function}.{each.name}".lstrip(".")
            place = _Place(node, field, at if isinstance(value, list) else None, anchor, statement, function)
            yield place
            yield from _below(each, place)


def _is_silent(node: ast.AST, parent: ast.AST, field: str, at: int) -> bool:
    """Say whether nothing below a node can change what the program does, or is worth changing."""
    match node:
        case ast.Expr(value=value):
            return isinstance(value, ast.Constant)
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Assign(targets=[ast.Name()], value=value) if isinstance(parent, ast.Module) and _is_type(value):
            return True
    return _is_word_apart(parent, field, at)


def _is_word_apart(parent: ast.AST, field: str, at: int) -> bool:
    """Say whether a word of a call is for the type checker, or says how something is held."""
    if isinstance(parent, ast.keyword):
        return parent.arg in OPTIONS
    if isinstance(parent, ast.Call):
        name = getattr(parent.func, "id", "")
        return name in TYPES and (name != "cast" or (field == "args" and at == 0))
    return False


def _others(node: ast.AST, place: _Place) -> Iterator[ast.AST]:
    """Yield what may stand in place of a node."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.Constant):
        if not (isinstance(node.value, str) and isinstance(place.parent, ast.JoinedStr) and place.at):
            yield from _constants(node)  # of an f-string, its first part stands for all its words
    elif isinstance(node, ast.expr):
        yield from _expressions(node, place)
    if place.field in {"test", "ifs", "guard"} and isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.NamedExpr)):
        yield ast.UnaryOp(ast.Not(), node)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield what may stand in place of a statement."""
    match node:
        case ast.Return(value=ast.Constant(value=None | False) | None):
            return  # asked is whether it is true
        case ast.Return():
            yield ast.Return(ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.AugAssign(op=op) if type(op) in COMPUTED:
            yield _changed(node, op=COMPUTED[type(op)]())
            yield ast.Assign([node.target], node.value, lineno=0)
        case ast.Raise() | ast.Delete() | ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    """Yield what may stand in place of a constant."""
    match node.value:
        case bool(value):
            yield ast.Constant(not value)
        case str(value):
            yield ast.Constant(f"XX{value}")
        case bytes(value):
            yield ast.Constant(b"XX" + value)
        case int(value) | float(value):
            yield ast.Constant(value + 1)


def _expressions(node: ast.expr, place: _Place) -> Iterator[ast.AST]:
    """Yield what may stand in place of an expression."""
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                yield _changed(node, ops=[*ops[:at], COMPARED[type(op)](), *ops[at + 1 :]])
        case ast.BoolOp(op=op):
            yield _changed(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.BinOp(op=op) if type(op) in COMPUTED:
            yield _changed(node, op=COMPUTED[type(op)]())
        case ast.JoinedStr(values=values) if not isinstance(values[0], ast.Constant):
            yield _changed(node, values=[ast.Constant("XX"), *values])
        case ast.Lambda(body=body) if not _is_none(body):
            yield _changed(node, body=ast.Constant(None))
        case ast.Call(func=called):
            yield from (_changed(node, func=each) for each in _calls(called))


def _calls(called: ast.expr) -> Iterator[ast.AST]:
    """Yield what may be called in place of something."""
    match called:
        case ast.Name(id=name) if name in SWAPPED:
            yield ast.Name(SWAPPED[name])
        case ast.Attribute(attr=name) if name in SWAPPED:
            yield _changed(called, attr=SWAPPED[name])


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    """Return a node with other fields."""
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _is_type(node: ast.AST) -> bool:
    """Say whether an expression is a type in brackets, or joins types and nothing else."""
    match node:
        case ast.Subscript(value=ast.Name(id=name)):
            return name in GENERIC
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return all(isinstance(each, ast.Name) or _is_none(each) or _is_type(each) for each in (left, right))
    return False


def _is_none(node: ast.AST) -> bool:
    """Say whether an expression is None."""
    return isinstance(node, ast.Constant) and node.value is None


def _shown(statement: ast.AST) -> str:
    """Return a statement on one line; of one that holds others, what stands before them."""
    emptied = {name: [] for name in HEADERS if hasattr(statement, name)}
    return " ".join(ast.unparse(_changed(statement, **emptied)).split())


def _trimmed(before: str, after: str) -> tuple[str, str]:
    """Return what differs in two long statements, with a few words around it."""
    if len(before) <= LONG:
        return before, after
    head = _alike(before, after)
    tail = min(_alike(before[::-1], after[::-1]), len(before) - head, len(after) - head)
    start, end = max(0, head - AROUND), max(0, tail - AROUND)
    left, right = "..." if start else "", "..." if end else ""
    shown = [f"{left}{each[start : len(each) - end]}{right}" for each in (before, after)]
    return shown[0], shown[1]


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with that are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _replaced(source: bytes, anchor: ast.AST, written: ast.AST) -> bytes:
    """Return the text with another node in place of one, and every other line where it was."""
    lines = source.splitlines(keepends=True)
    first, last = anchor.lineno - 1, anchor.end_lineno - 1
    head = lines[first][: anchor.col_offset]
    tail = lines[last][anchor.end_col_offset :]
    new = ast.unparse(written)
    lost = "\n" * max(0, last - first - new.count("\n"))
    new = f"({new}{lost})" if isinstance(anchor, ast.expr) else new + lost
    return b"".join([*lines[:first], head, new.encode(), tail, *lines[last + 1 :]])


def _span(statement: ast.AST) -> tuple[int, int]:
    """Return the first and the last line of a statement without those that it holds."""
    if isinstance(statement, ast.match_case):
        return statement.pattern.lineno, statement.body[0].lineno - 1
    inner = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not inner:
        return statement.lineno, statement.end_lineno
    first = inner[0].pattern if isinstance(inner[0], ast.match_case) else inner[0]
    return statement.lineno, max(statement.lineno, first.lineno - 1)


def _compiles(text: bytes) -> bool:
    """Say whether a text is a program."""
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True
