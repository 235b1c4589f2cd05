"""One page a code, and a section for each word of a verdict; the page of a guard is that of its code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE = re.compile(r"PV[0-9]{3}", re.ASCII)
GUARDS: Mapping[str, str] = {
    "finite": "PV601",
    "population": "PV602",
    "conditioning": "PV603",
    "carry": "PV604",
    "baseline": "PV605",
    "vacuity": "PV606",
}
"""The guards, and the codes that their pages have."""
KINDS: Mapping[str, str] = {"statuses": "status", "outcomes": "outcome", "exits": "exit status"}
"""Files of words, and what one of their words is; each is a section."""


def page(code: str) -> str | None:
    """Return the page of one of our codes as Markdown, or None."""
    path = Path(__file__).parent / f"{code}.md"
    return path.read_text(encoding="utf-8") if _CODE.fullmatch(code) and path.is_file() else None


def codes() -> tuple[str, ...]:
    """Return every code that has a page, in order."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("PV*.md")))


def words(kind: str) -> Mapping[str, str]:
    """Return the words of one kind and what each means, in the order of the file.

    >>> list(words("exits"))[:3]
    ['0', '1', '2']
    """
    text = (Path(__file__).parent / f"{kind}.md").read_text(encoding="utf-8")
    sections = [each.partition("\n") for each in text.split("\n## ")[1:]]
    return {word: meaning.strip() for word, _, meaning in sections}
