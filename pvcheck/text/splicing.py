"""Edits as cuts in the text: nothing is written from objects, so nothing but the edit changes.

The cuts are made from the back of the text to the front. The result is parsed again, and every value of it
compared, with its quotes, with what the edits ask for; a difference is our bug, and nothing is returned.

What cannot be cut safely is refused with the edit to make by hand: texts over several lines, a list or a
mapping between brackets (but ``[]`` and a text into braces), a key that is there already or behind none, the
last key of a mapping, a key whose removal would give the next lines to a block of text above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import BugError, ContractError, Finding, escaped
from pvcheck.text import codes
from pvcheck.text.characters import BOM
from pvcheck.text.document import Document
from pvcheck.text.plan import Plan, view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pvcheck.text.edits import Edit

_LIMITS = frozenset({codes.TOO_LARGE, codes.DEPTH, codes.NODES, codes.SCALAR_LONG, codes.KEY_LONG})


def splice(document: Document, edits: Iterable[Edit]) -> Document:
    """Return the document with all edits made; their routes name values of the document as it is.

    :raises ContractError: for an edit that must be made by hand, and when the result is over a limit.
    :raises BugError: when the result would not be the document with the edits and nothing else.
    """
    plan = Plan(document)
    for edit in edits:
        plan.add(edit)
    text = document.text
    for cut in plan.cuts():
        text = text[: cut.start] + cut.text + text[cut.end :]
    after = _parsed_again(document, text)
    if view(after.root) != plan.expected:
        raise BugError(Finding("PV901", "edit must change what it names and nothing else, got more", document.path))
    return after


def _parsed_again(document: Document, text: str) -> Document:
    data = BOM * document.bom + text.encode()
    try:
        return Document.parse(data, document.path)
    except ContractError as error:
        if all(finding.code in _LIMITS for finding in error.findings):
            raise
        message = f"edit must leave valid text, got {escaped(str(error.findings[0]))}"
        raise BugError(Finding("PV901", message, document.path)) from error
