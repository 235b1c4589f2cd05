"""The amendments of a contract as Markdown, newest first. Texts of the file are escaped: they format nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pvcheck.domain import bounds
from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.contract import Amendment, BoundChange, Contract, Transition
    from pvcheck.domain.version import Version

REFERENCE = slice(len("sha256:"), len("sha256:") + 8)
"""The digits of a reference that tell records apart."""

LIMIT = 2000
"""Characters of a summary."""

_MARKS = re.compile(r"([\\`*_\[\]<>|&~#!$])")
_AT_START = re.compile(r"^([0-9]*)([-+=.)])")
"""What would make a list, a heading or a rule of a line."""
_WORDS = {"weaker": "weakened", "tighter": "tightened", "same": "spelt anew"}


def lines(contract: Contract, since: Version | None = None) -> Iterator[str]:
    """Yield the history of one contract; with ``since``, what came after that version."""
    yield f"# {_text(contract.id or contract.path)}"
    yield ""
    if not contract.amendments:
        why = "" if contract.is_strict else ", for it has no metadata.schema"
        yield f"This contract has no amendments{why}."
        yield ""
        return
    told = [each for each in contract.amendments if since is None or each.version is None or each.version > since]
    if not told:
        yield f"Nothing changed since {since}."
        yield ""
    for each in told:
        yield from _amendment(each)


def _amendment(amendment: Amendment) -> Iterator[str]:
    """Yield what one version changed."""
    yield f"## {amendment.version or 'a version nobody can read'} ({_text(amendment.date)})"
    yield ""
    if amendment.summary:
        yield _AT_START.sub(r"\1\\\2", _text(amendment.summary))
        yield ""
    items = [
        *map(_transition, amendment.transitions),
        *map(_bound, amendment.bounds),
        *_renewed(len(amendment.renewals)),
    ]
    yield from (f"- {item}" for item in items)
    if items:
        yield ""


def _transition(transition: Transition) -> str:
    """Return a status that moved, and what earned it."""
    moved = f"{_text(transition.before)} -> " if transition.before else ""
    earned = f" (evidence {transition.evidence[REFERENCE]})" if transition.evidence else ""
    return f"{_text(transition.id)}: {moved}{_text(transition.after)}{earned}"


def _bound(change: BoundChange) -> str:
    """Return a bound that changed, and in which direction."""
    name, before, after = _text(change.metric), _code(change.before), _code(change.after)
    if not change.before:
        return f"{_text(change.id)}: {name} is bounded: {after}"
    if not change.after:
        return f"{_text(change.id)}: the bound of {name} was removed: {before}"
    relation = bounds.relation(map(bounds.parse, change.before), map(bounds.parse, change.after))
    return f"{_text(change.id)}: the bound of {name} {_WORDS[relation]} from {before} to {after}"


def _renewed(count: int) -> Iterator[str]:
    """Yield how much evidence was renewed, if any was."""
    if count:
        yield f"evidence renewed for {count} falsifier{'' if count == 1 else 's'}"


def _code(texts: tuple[str, ...]) -> str:
    """Return bounds as code; they are made of signs and numbers, and hold no backtick."""
    return " and ".join(f"`{text}`" for text in texts)


def _text(text: str) -> str:
    """Return foreign text as Markdown shows it: on one line, with every mark escaped."""
    return _MARKS.sub(r"\\\1", escaped(" ".join(text.split()), LIMIT))
