"""The document itself, as JSON in ASCII: no terminal and no log can be moved by what stands in it.

Not even by ``##[error]``, which GitHub takes for a command wherever it stands in a line of a log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON


def text(document: JSON) -> str:
    """Return a document as JSON, in the order of its schema."""
    return f"{inert(json.dumps(document, indent=1, allow_nan=False))}\n"


def inert(text: str) -> str:
    """Return JSON that says the same in a log and commands nothing: in it, such marks stand in strings only."""
    return text.replace("##", "\\u0023\\u0023")
