"""The JSON metadata of an APR file: checked whole, kept in short.

A header may hold 16 MiB of it, with a vocabulary inside. What could make a reader slow or large is bounded before
anything is built: commas and brackets are counted, and depth is found by a walk that does not recurse.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from pvcheck_q4k.gguf_cursor import ModelFileError, escaped

if TYPE_CHECKING:
    from typing import NoReturn

BYTES_MAX: Final = 16 * 1024 * 1024
DEPTH_MAX: Final = 32
MARKS_MAX: Final = 1 << 20
"""Commas, colons and opening brackets: a value has at least one of them before it."""
DIGITS_MAX: Final = 20
"""Of an integer: u64 has no more. Reading a longer one takes time that grows with the square of its length."""

NESTED: Final[dict[type, str]] = {dict: "object", list: "array"}

_MARKS: Final = (b",", b":", b"[", b"{")
# A string is consumed whole, closed or not, and never looked at twice: no input makes this slow.
_BRACKETS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Nested:
    """A value with others inside, which is not kept: "array" or "object", and how many it holds."""

    kind: str
    count: int


MetaValue = bool | int | float | str | None | Nested


class _Refused(Exception):  # noqa: N818 - it becomes a ModelFileError, which knows the file
    """A rule that the text breaks, found in the middle of reading it."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


def parse(data: bytes, path: str, at: int) -> dict[str, MetaValue]:
    """Return the members of the object that ``data`` is, from byte ``at`` of the file.

    :raises ModelFileError: if it is not JSON, or not an object; if a key stands twice in any object, a number is not
        finite or has too many digits, or there is too much of it or too deep.
    """

    def fail(code: str, text: str, place: int = 0) -> NoReturn:
        raise ModelFileError(path, code, at + place, text)

    marks = sum(map(data.count, _MARKS))
    if marks > MARKS_MAX:
        fail("APR-JSON", f"the metadata must have at most {MARKS_MAX} commas, colons and brackets, got {marks}")
    if (place := _too_deep(data)) is not None:
        fail("APR-DEPTH", f"the metadata must be nested at most {DEPTH_MAX} deep", place)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        fail("APR-UTF8", "the metadata must be UTF-8", error.start)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = len(text[: error.pos].encode())
        fail("APR-JSON", f"the metadata must be JSON: {error.msg[:1].lower()}{error.msg[1:]}", place)
    except _Refused as error:
        fail(error.code, str(error))
    if not isinstance(value, dict):
        fail("APR-JSON", f"the metadata must be a JSON object, got {_told(value)}")
    return {key: Nested(NESTED[type(each)], len(each)) if type(each) in NESTED else each for key, each in value.items()}


def _too_deep(data: bytes) -> int | None:
    """Return the place of the first bracket that is nested too deep, or None."""
    if data.count(b"[") + data.count(b"{") <= DEPTH_MAX:
        return None
    depth = 0
    for match in _BRACKETS.finditer(data):
        if (mark := match[0]) in (b"[", b"{"):
            depth += 1
            if depth > DEPTH_MAX:
                return match.start()
        elif mark in (b"]", b"}"):
            depth -= 1
    return None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object, unless a key stands twice in it."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused("APR-DUPKEY", f"metadata key '{escaped(twice)}' stands twice in one object")
    return members


def _integer(text: str) -> int:
    """Return an integer of a bounded length."""
    if len(text) > DIGITS_MAX:
        raise _Refused("APR-NUMBER", f"an integer must have at most {DIGITS_MAX} characters, got {len(text)}")
    return int(text)


def _number(text: str) -> float:
    """Return a number that float64 can hold."""
    number = float(text)
    if not isfinite(number):
        raise _Refused("APR-NUMBER", f"a number must be finite, got {escaped(text)}")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_number
)


def _told(value: object) -> str:
    """Return what a value is, in a word or two."""
    if isinstance(value, list):
        return "an array"
    return "null" if value is None else f"a {'string' if isinstance(value, str) else 'number or bool'}"
