"""The text of contracts: read strictly, with places, and edited by cuts that touch nothing else.

``Document.parse`` reads bytes, ``resolve`` says what an unquoted word means where no text is asked for,
``splice`` makes edits, ``unified`` shows them. Only this package knows PyYAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.text import codes, limits
from pvcheck.text.core_schema import Ambiguous, resolve
from pvcheck.text.diff import unified
from pvcheck.text.document import Document
from pvcheck.text.nodes import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from pvcheck.text.edits import AppendItem, Edit, InsertItem, InsertKey, RemoveKey, SetScalar, Transplant
    from pvcheck.text.render import Plain, Value
    from pvcheck.text.splicing import splice

__all__ = [
    "Ambiguous",
    "AppendItem",
    "Document",
    "Edit",
    "InsertItem",
    "InsertKey",
    "Mapping",
    "Node",
    "Plain",
    "RemoveKey",
    "Scalar",
    "Sequence",
    "SetScalar",
    "Transplant",
    "Value",
    "codes",
    "limits",
    "resolve",
    "splice",
    "unified",
]

_EDITING = {
    "AppendItem": "edits",
    "Edit": "edits",
    "InsertItem": "edits",
    "InsertKey": "edits",
    "Plain": "render",
    "RemoveKey": "edits",
    "SetScalar": "edits",
    "Transplant": "edits",
    "Value": "render",
    "splice": "splicing",
}
"""Loaded at first use: a pre-merge hook reads contracts and edits none."""


def __getattr__(name: str) -> object:
    """Return a name of the editing half of the package."""
    if name not in _EDITING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - for the editing half only

    return getattr(import_module(f"{__name__}.{_EDITING[name]}"), name)
