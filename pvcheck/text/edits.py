"""The edits that can be made in a contract's text without touching anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvcheck.domain.route import Route
    from pvcheck.text.document import Document
    from pvcheck.text.render import Value


@dataclass(frozen=True, slots=True)
class SetScalar:
    """Replace a text that stands on one line, in the quotes that it has."""

    route: Route
    value: str


@dataclass(frozen=True, slots=True)
class InsertKey:
    """Add an absent key to the mapping at ``route``, behind the key ``after`` and all of its value.

    ``after`` may be a key that an earlier edit adds.
    In a mapping between braces the value must be a text.
    """

    route: Route
    after: str
    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class InsertItem:
    """Add an item at the front of the block list at ``route``, or make ``[]`` a block list of one item.

    Several items for one list keep the order in which they are given.
    """

    route: Route
    value: Value


@dataclass(frozen=True, slots=True)
class AppendItem:
    """Add an item behind the last one of the block list at ``route``, and behind the comment on its line."""

    route: Route
    value: Value


@dataclass(frozen=True, slots=True)
class RemoveKey:
    """Take a key, its value and the comment on its line out of the mapping at ``route``.

    Another key must stay. Comments on lines of their own stay.
    """

    route: Route
    key: str


@dataclass(frozen=True, slots=True)
class Transplant:
    """Make a top-level key and all of its value the ones of another document, letter by letter.

    A key that is absent comes behind the one it has before it there, or behind the last.
    """

    key: str
    source: Document


Edit = SetScalar | InsertKey | InsertItem | AppendItem | RemoveKey | Transplant
