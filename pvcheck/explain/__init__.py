"""One page a code: what it means, why it is refused, a wrong and a right example."""

from __future__ import annotations

import re
from pathlib import Path

_CODE = re.compile(r"PV[0-9]{3}", re.ASCII)


def page(code: str) -> str | None:
    """Return the page of one of our codes as Markdown, or None."""
    path = Path(__file__).parent / f"{code}.md"
    return path.read_text(encoding="utf-8") if _CODE.fullmatch(code) and path.is_file() else None


def codes() -> tuple[str, ...]:
    """Return every code that has a page, in order."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("PV*.md")))
