"""The one door for foreign text: whatever contracts and evidence say is text on the page, and never markup."""

from __future__ import annotations

import re
from typing import Final

from pvcheck.errors import escaped

NAME: Final = 120
"""Characters of a name, a word or a bound."""
PROSE: Final = 2000
"""Characters of a sentence of a contract."""
FIXED: Final = ("top", "fleet", "all", "setups", "legend", "filter", "theme", "shown", "main")
"""Fragments of the page itself."""
_MARKUP: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_FRAGMENT: Final = re.compile(r"[^A-Za-z0-9.]+")


def told(value: object, limit: int = NAME) -> str:
    """Return foreign text for the page, as content or between the quotes of an attribute: one line, short, visible.

    What is not printable, such as a control or a bidi character, becomes a backslash escape, so that nothing hides
    or turns around what stands beside it.
    """
    text = _BLANKS.sub(" ", str(value)[: limit + 1])
    if len(text) > limit or not text.isprintable():  # a page has a hundred thousand texts, nearly all of them plain
        text = escaped(text, limit)
    return text.translate(_MARKUP)


class Anchors:
    """Gives each part of the page a fragment of its own, readable where its name is."""

    def __init__(self) -> None:
        self._taken = set(FIXED)

    def new(self, name: str) -> str:
        """Return a fragment that nothing has yet: letters, digits, dots and hyphens."""
        plain = _FRAGMENT.sub("-", name[:60]).strip("-.") or "part"
        number, found = 1, plain
        while found in self._taken:
            number += 1
            found = f"{plain}-{number}"
        self._taken.add(found)
        return found
