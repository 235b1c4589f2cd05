"""New text for a contract: words quoted only where YAML needs it, in the layout of the file around them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pvcheck.text.core_schema import is_date, other_reading
from pvcheck.text.document import children
from pvcheck.text.nodes import Mapping, Sequence

if TYPE_CHECKING:
    from pvcheck.text.document import Document
    from pvcheck.text.nodes import ScalarStyle


class Plain(str):
    """A text that stands in a contract as it is, because it is none there: a number, true, false or null."""

    __slots__ = ()


Value = str | dict[str, "Value"] | list["Value"]
"""What can be inserted: texts, and mappings and lists of them."""

_YES_NO_LETTERS = frozenset("yYnN")
# A plain text starts with no indicator (a dash only before a letter or digit) and has no ": " and no " #".
_PLAIN = re.compile(r"(?:[^\s,\[\]{}#&*!|>'\"%@`?:-]|-(?=\w))(?:[^:#]|:(?!\s|$)|(?<!\s)#)*")
_FLOW = re.compile(r"[,\[\]{}]|:(?!\w)")
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The indentation of a file: of a mapping in a mapping, and of the dashes of a list in a mapping."""

    step: int
    dashes: int


USUAL = Layout(2, 0)


def column(text: str, index: int) -> int:
    """Return how many characters stand before an index on its line."""
    return index - text.rfind("\n", 0, index) - 1


def layout(document: Document) -> Layout:
    """Return the layout that the first mapping and the first list inside a mapping have."""
    found: dict[type, int] = {}
    for _, node in document.nodes():
        if isinstance(node, Mapping) and not node.flow:
            here = column(document.text, node.start)
            for _, child in children(node):
                if isinstance(child, (Mapping, Sequence)) and not child.flow:
                    found.setdefault(type(child), column(document.text, child.start) - here)
    return Layout(found.get(Mapping, USUAL.step), found.get(Sequence, USUAL.dashes))


def word(text: str, style: ScalarStyle = "plain", *, flow: bool = False) -> str:
    """Return a text as one line of YAML, in the wanted style where that style can hold it.

    Plain text stays plain when every version of YAML reads it back as the same text, or as a date.
    """
    if isinstance(text, Plain):
        return str(text)
    if not text.isprintable() or style == "double":
        return '"' + "".join(_escape(char) for char in text) + '"'
    if style == "plain" and _is_plain(text, flow=flow):
        return text
    if style == "plain" and "'" in text:
        return word(text, "double")
    return "'" + text.replace("'", "''") + "'"


def style_of(token: str) -> ScalarStyle:
    """Return the style in which ``word`` wrote a text."""
    return "double" if token[0] == '"' else "single" if token[0] == "'" else "plain"


def _escape(char: str) -> str:
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    return f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _is_plain(text: str, *, flow: bool) -> bool:
    if _PLAIN.fullmatch(text) is None or text[-1] == " " or text.startswith(("---", "...")):
        return False
    if flow and _FLOW.search(text):
        return False
    return text not in _YES_NO_LETTERS and (is_date(text) or not other_reading(text))


def entry(mark: str, value: Value, at: int, style: Layout) -> list[str]:
    """Return the lines of a value behind its mark (``key:`` or ``-``), the mark at a column."""
    lead = " " * at + mark
    if isinstance(value, str):
        return [f"{lead} {word(value)}"]
    if not value:
        return [f"{lead} {{}}" if isinstance(value, dict) else f"{lead} []"]
    if mark == "-":
        lines = _parts(value, at + 2, style)
        return [f"{lead} {lines[0].lstrip()}", *lines[1:]]
    return [lead, *_parts(value, at + (style.step if isinstance(value, dict) else style.dashes), style)]


def _parts(value: dict[str, Value] | list[Value], at: int, style: Layout) -> list[str]:
    if isinstance(value, list):
        return [line for item in value for line in entry("-", item, at, style)]
    return [line for key, part in value.items() for line in entry(f"{word(key)}:", part, at, style)]
