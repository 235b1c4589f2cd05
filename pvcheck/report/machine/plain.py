"""The document itself, as JSON in ASCII: no terminal and no log can be moved by what stands in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON


def text(document: JSON) -> str:
    """Return a document as JSON, in the order of its schema."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
