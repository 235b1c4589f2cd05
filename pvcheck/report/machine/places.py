"""Where findings and falsifiers are, as other programs name places: by files relative to the top of the repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.contract import Contract
    from pvcheck.text import Document


class Top(NamedTuple):
    """The folder that paths are told relative to, and the one that they were given relative to."""

    folder: str
    here: str

    @classmethod
    def of(cls, here: Path) -> Top:
        """Return the top of the repository around a folder, or the folder itself where there is none."""
        place = Path(os.path.realpath(here))
        found = next((each for each in (place, *place.parents) if (each / ".git").exists()), place)
        return cls(str(found), str(place))

    def told(self, path: str) -> str:
        """Return a path with slashes, relative to the top; one that lies elsewhere is told as a whole."""
        if not path:
            return ""
        whole = os.path.normpath(os.path.join(self.here, path))  # noqa: PTH118 - a text, perhaps of no file
        inside = whole.startswith(self.folder.rstrip("/") + "/")
        return os.path.relpath(whole, self.folder) if inside else whole


class Block(NamedTuple):
    """The lines of one falsifier, its first place, and its id."""

    first: int
    last: int
    line: int
    column: int
    id: str | None


def blocks(contract: Contract | None, document: Document | None) -> tuple[Block, ...]:
    """Return where each falsifier of a contract stands; nothing where its text is not known."""
    return tuple(_blocks(contract, document)) if contract is not None and document is not None else ()


def _blocks(contract: Contract, document: Document) -> Iterator[Block]:
    """Yield the falsifiers in the order of the contract."""
    for each in contract.falsifiers:
        node = document.node(each.route)
        has_id = document.get((*each.route, "id")) is not None
        line, column = document.place((*each.route, "id") if has_id else each.route)
        first = document.text.count("\n", 0, node.start) + 1
        yield Block(first, first + document.text.count("\n", node.start, node.end), line, column, each.id)


def owner(found: tuple[Block, ...], line: int) -> str | None:
    """Return the id of the falsifier that a line belongs to, if it belongs to one."""
    return next((each.id for each in found if each.first <= line <= each.last), None)
