"""What an unquoted word means: the core schema of YAML 1.2, without the spellings that readers disagree on.

YAML 1.1 reads ``010`` as 8, ``12:30:45`` as 45045 and ``no`` as false; YAML 1.2 reads 10 and two texts. A contract
that uses them means different things to different tools, so they are refused where no text is asked for.
Dates are text. Every check takes time linear in the length of the word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pvcheck.errors import quoted
from pvcheck.text import codes
from pvcheck.text.limits import MAX_DIGITS, MAX_NUMBER

if TYPE_CHECKING:
    from pvcheck.text.nodes import Scalar

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_YES_NO = frozenset({"yes", "no", "on", "off"})
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?P<mantissa>\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|nan)", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_RADIX = re.compile(r"[-+]?0(?:x[0-9a-f_]+|o[0-7_]+|b[01_]+)", re.IGNORECASE)
_UNDERSCORE = re.compile(
    r"(?=[^_]*_)[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:e[-+]?[0-9_]+)?", re.IGNORECASE
)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DAY = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")

_SPELLINGS = (
    (_LEADING_ZERO, "a leading zero"),
    (_RADIX, "a radix prefix"),
    (_UNDERSCORE, "underscores"),
    (_BASE_60, "colons"),
)


class Ambiguous(Exception):  # noqa: N818 - it says what the word is, as StopIteration does
    """A word that is no safe value where no text is asked for: the code, the message and the way out."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def resolve(scalar: Scalar) -> bool | int | float | str | None:
    """Return the value of a scalar by the core schema of YAML 1.2; text that is quoted is text.

    :raises Ambiguous: for a spelling that two versions of YAML read differently, and for a number
        that a 64-bit integer or a double cannot hold.
    """
    word = scalar.text
    if scalar.style != "plain":
        return word
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if word[0] in _NUMBER_START:
        return _number(word)
    if word.lower() in _YES_NO:
        message = f"value must be true, false or quoted text, got {quoted(word)}"
        raise Ambiguous(codes.YES_NO, message, f'write true or false, or quote it: "{word}"')
    return word


def _number(word: str) -> int | float | str:
    if _INTEGER.fullmatch(word):
        return _integer(word)
    for pattern, what in _SPELLINGS:
        if pattern.fullmatch(word):
            message = f"number must be written in plain decimal digits, got {what} in {quoted(word)}"
            raise Ambiguous(codes.NUMBER_SPELLING, message, "write the decimal number, or quote it to mean the text")
    if match := _FLOAT.fullmatch(word):
        return _float(word, match["mantissa"])
    if _NOT_FINITE.fullmatch(word):
        message = f"number must be finite, got {quoted(word)}"
        raise Ambiguous(codes.NOT_FINITE, message, "give a finite number, or quote it to mean the text")
    return word


def _integer(word: str) -> int:
    digits = len(word.lstrip("+-"))
    if digits > MAX_DIGITS:
        message = f"integer must have at most {MAX_DIGITS} digits, got {digits}"
        raise Ambiguous(codes.DIGITS, message, "quote it, or write it as a power such as 1e20")
    return int(word)


def _float(word: str, mantissa: str) -> float:
    if len(word) > MAX_NUMBER:
        message = f"number must have at most {MAX_NUMBER} characters, got {len(word)}"
        raise Ambiguous(codes.DIGITS, message, "17 digits name every double: round it, or quote it")
    value = float(word)
    if abs(value) == float("inf") or (value == 0 and mantissa.strip("0.")):
        end = "rounds to zero" if value == 0 else "overflows"
        message = f"number must fit into a double, got {quoted(word)}, which {end}"
        raise Ambiguous(codes.NUMBER_RANGE, message, "give a number between 5e-324 and 1.7e308, or quote it")
    return value


@lru_cache(maxsize=4096)  # the keys of one contract are those of the next
def other_reading(word: str) -> str:
    """Return what some version of YAML takes an unquoted word for, or nothing if all of them read text."""
    if word in _CONSTANTS:
        return "null" if _CONSTANTS[word] is None else "a boolean"
    if word.lower() in _YES_NO:
        return "a boolean"
    if word in {"=", "<<"}:
        return "an indicator"
    return _other_number(word) if word[0] in _NUMBER_START else ""


def is_date(word: str) -> bool:
    """Return whether a word is a date such as 2026-11-22, which we read as text with or without quotes."""
    return _DAY.fullmatch(word) is not None


def _other_number(word: str) -> str:
    if _DATE.fullmatch(word):
        return "a date"
    patterns = (_FLOAT, _NOT_FINITE, *(pattern for pattern, _ in _SPELLINGS))
    return "a number" if any(pattern.fullmatch(word) for pattern in patterns) else ""
