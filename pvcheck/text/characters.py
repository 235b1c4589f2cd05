"""From bytes to characters: UTF-8 only, and no character that a reader cannot see or that moves others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pvcheck.errors import ContractError, Finding, quoted
from pvcheck.text import codes
from pvcheck.text.limits import MAX_BYTES
from pvcheck.text.report import place

if TYPE_CHECKING:
    from pvcheck.text.report import Report

BOM = b"\xef\xbb\xbf"

# A carriage return is legal before a line feed only: alone, it hides a line in a terminal. U+0085, U+2028
# and U+2029 end a line for YAML 1.1 and for no editor. Surrogates, U+FFFE and U+FFFF are no characters.
_CONTROL = r"\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb\ufffe\uffff"
_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = r"\u00ad\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff\U000e0000-\U000e007f"
FORBIDDEN = re.compile(rf"[{_CONTROL}{_BIDI}{_INVISIBLE}]|\r(?!\n)")
"""One character that may stand nowhere in a contract."""

_KINDS = (
    (re.compile(f"[{_BIDI}]"), codes.BIDI, "character that reorders the text around it"),
    (re.compile(f"[{_INVISIBLE}]"), codes.INVISIBLE, "invisible character"),
)
_HINTS = {
    codes.CONTROL: "delete it; where the value needs it, describe it in words",
    codes.BIDI: "delete it: the text must read the way the tool reads it",
    codes.INVISIBLE: "delete it: two names that look alike must be alike",
}
_STAND_IN = "\ufffd"
_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?= |\r?$)[^\r\n]*", re.MULTILINE)


def decode(data: bytes, path: str) -> tuple[str, bool]:
    """Return the text without its byte order mark, and whether it had one.

    Refused at once, since nothing after it can be trusted: a file that is too large or is not UTF-8.
    """
    if len(data) > MAX_BYTES:
        message = f"file must be at most {MAX_BYTES} bytes, got {len(data)}"
        raise ContractError(Finding(codes.TOO_LARGE, message, path, 1, 1, "move data out of the contract"))
    if other := _other_encoding(data):
        message = f"file must be UTF-8, got {other}"
        raise ContractError(Finding(codes.NOT_UTF8, message, path, 1, 1, "save as UTF-8"))
    bom = data.startswith(BOM)
    body = data[len(BOM) :] if bom else data
    try:
        return body.decode(), bom
    except UnicodeDecodeError as error:
        line, column = place(text := body[: error.start].decode(), len(text))
        message = f"file must be UTF-8, got the byte 0x{body[error.start]:02x}"
        raise ContractError(Finding(codes.NOT_UTF8, message, path, line, column, "save as UTF-8")) from None


def _other_encoding(data: bytes) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    return "what looks like UTF-16" if len(data) > 1 and data[:2].count(0) == 1 else ""


def kind(char: str) -> tuple[str, str]:
    """Return the code and the name of the kind of a forbidden character."""
    for pattern, code, name in _KINDS:
        if pattern.match(char):
            return code, name
    return codes.CONTROL, "control character"


def forbidden_in(value: str) -> str:
    """Return the first character that a value may not hold, not even escaped, or nothing."""
    if "\r" in value:
        return "\r"
    match = FORBIDDEN.search(value)
    return match[0] if match else ""


def check(text: str, report: Report) -> str:
    """Report each forbidden character; return the text, of equal length, without them."""
    if FORBIDDEN.search(text) is None:
        return text
    for match in FORBIDDEN.finditer(text):
        if report.is_full:
            break
        code, name = kind(match[0])
        report.add(code, f"text must hold no {name}, got U+{ord(match[0]):04X}", match.start(), _HINTS[code])
    return FORBIDDEN.sub(_STAND_IN, text)


def check_conflicts(text: str, report: Report) -> None:
    """Report each line with which git marks the two sides of a conflict."""
    for match in _CONFLICT.finditer(text):
        message = f"merge conflict must be resolved, got the conflict marker {quoted(match[0])}"
        report.add(codes.CONFLICT, message, match.start(), "keep one side and delete the marker lines")
