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

    :raises NotCanonical: if it is not JSON, has a key twice, or holds NaN or an infinity.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_refused, parse_float=_finite)
        if b"\\u" in data:  # an escape may be half of a surrogate pair, which no file could hold
            dumps(value)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error
    return value


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """Return an object, unless it has a key twice: readers disagree about which one counts."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice")
    return table


def _refused(word: str) -> JSON:
    """Refuse a constant that is no JSON."""
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    """Return a float, unless it overflows."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text:.40} is no number")
    return number
