"""Canonical JSON: one value, one text. Sorted keys, UTF-8, one space of indent, no NaN, a final newline.

Indented, because people review evidence as a diff.
"""

from __future__ import annotations

import json
import math
from typing import Any

_text = json.encoder.encode_basestring

JSON = Any
"""A JSON value. ``Any`` because a recursive alias would have to be cast at every step it is read."""


MAX_DEPTH = 64
"""Lists and tables inside of each other. A contract has 32 levels and a record a few around them; what is deeper would
end a walk that recurses."""
MAX_DIGITS = 20
"""Of an integer, its sign counted: a larger one has no nearest float, and is no size and no count."""
_NESTED = frozenset({dict, list})


class NotCanonical(ValueError):  # noqa: N818 - a property of the text, named as one
    """The text is no JSON that pvcheck writes; the message says why."""


def dumps(value: JSON) -> bytes:
    """Return the canonical text of a JSON value.

    :raises ValueError: for NaN and infinities, which JSON cannot hold.
    """
    return (_written(value, "\n") + "\n").encode()


def _written(value: JSON, line: str) -> str:
    """Return what ``json.dumps`` writes with sorted keys and an indent of 1, in a third of the time.

    ``line`` is the line break before the end of a list or table. What is not plain JSON is left to ``json.dumps``.
    """
    if type(value) is str:
        return _text(value)
    inner = line + " "
    if type(value) is dict and value and all(type(key) is str for key in value):
        parts = [f"{_text(key)}: {_written(value[key], inner)}" for key in sorted(value)]
        return "{" + inner + f",{inner}".join(parts) + line + "}"
    if type(value) is list and value:
        parts = [_written(each, inner) for each in value]
        return "[" + inner + f",{inner}".join(parts) + line + "]"
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.replace("\n", line)


def loads(data: bytes) -> JSON:
    """Return the value of a JSON text in which nothing is said twice and every number is finite.

    The form is not compared with ``dumps``: what counts is the digest of the bytes, and that is taken
    elsewhere.

    :raises NotCanonical: if it is not JSON, has a key twice, holds NaN or an infinity, or is too deep.
    """
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_once, parse_constant=_refused, parse_float=_finite, parse_int=_integer
        )
        if is_deep(value):
            raise ValueError(f"lists and tables must be at most {MAX_DEPTH} levels deep")
        if b"\\u" in data:  # an escape may be half of a surrogate pair, which no file could hold
            dumps(value)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error
    return value


def is_deep(value: JSON) -> bool:
    """Say whether a value has more levels of lists and tables than ``MAX_DEPTH``; nothing recurses to know it."""
    layer = [value] if type(value) in _NESTED else []
    for _ in range(MAX_DEPTH):
        if not layer:
            return False
        layer = [
            part for each in layer for part in (each.values() if type(each) is dict else each) if type(part) in _NESTED
        ]
    return bool(layer)


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """Return an object, unless it has a key twice: readers disagree about which one counts."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice")
    return table


def _refused(word: str) -> JSON:
    """Refuse a constant that is no JSON."""
    raise ValueError(f"{word} is no number")


def _integer(text: str) -> int:
    """Return an integer, unless it is longer than any that a contract or a measurement can hold."""
    if len(text) > MAX_DIGITS:
        raise ValueError(f"{text:.40} has more than {MAX_DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    """Return a float, unless it overflows."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text:.40} is no number")
    return number
