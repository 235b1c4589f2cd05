"""One aligned line a contract: what is bound, what was earned, what is only said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.report.styled import Line
from pvcheck.report.tally import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pvcheck.pipeline.checking import Checked
    from pvcheck.report.styled import Role

HEAD = ("contract", "version", "status", "bound", "disch", "fals", "stale", "unb", "claim", "path")
WORDS = 3
"""Columns that hold words, before the numbers; the path, after them, holds the rest of the line."""
PATH = len(HEAD) - 1
LEAST: Mapping[int, int] = {0: 16, 1: 7, 2: 8, PATH: 16}
"""The fewest characters of id, version, status and path that still tell contracts apart."""
SPARE = ("claim", "unb", "status", "path", "stale", "version")
"""Columns that are left out on a narrow terminal, the first one first; the last line has the sums."""
GAP = "  "


def lines(checked: Sequence[Checked], width: int | None = None) -> Iterator[str]:
    """Yield a header and a line a contract, by path.

    :param width: of the terminal; text is shortened to fit it: the path at its beginning, the rest at the end; then
        columns are left out, in the order of ``SPARE``. None shortens nothing.
    """
    rows = [HEAD, *(_row(each) for each in sorted(checked, key=lambda each: str(each.path)))]
    shown = list(range(len(HEAD)))
    widths = [max(len(row[column]) for row in rows) for column in shown]
    if width is not None:
        shown = _room(widths, width)
        widths = _fitted(widths, shown, width)
    for number, row in enumerate(rows):
        cells = [_cell(row[column], column, widths[column]) for column in shown]
        yield _painted(shown, cells) if number else Line((GAP.join(cells).rstrip(), "head"))


def _room(widths: Sequence[int], width: int) -> list[int]:
    """Return the columns that are shown: with text as short as it may be, they fit."""
    shown = list(range(len(HEAD)))
    for name in SPARE:
        if _total([min(widths[each], LEAST.get(each, widths[each])) for each in shown]) <= width:
            break
        shown.remove(HEAD.index(name))
    return shown


def _total(widths: Sequence[int]) -> int:
    """Return the width of a line of columns."""
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _cell(text: str, column: int, width: int) -> str:
    """Return a cell of a width: words to the left, numbers to the right, the path as it ends."""
    if column == PATH:
        return _cut(text, width, at_end=False)
    return f"{_cut(text, width):<{width}}" if column < WORDS else f"{text:>{width}}"


def _painted(shown: Sequence[int], cells: Sequence[str]) -> Line:
    """Return a row with the roles of its counts: what was earned, what is refuted, what nothing supports any more."""
    roles: Mapping[str, Role] = {"contract": "head", "disch": "good", "fals": "bad", "stale": "doubt", "path": "dim"}
    parts: list[str | tuple[str, Role]] = []
    for column, cell in zip(shown, cells, strict=True):
        role = roles.get(HEAD[column], "")
        parts += [GAP if parts else "", (cell, "" if cell.strip() in {"0", "-"} else role)]
    return Line(*parts)


def _row(checked: Checked) -> tuple[str, ...]:
    """Return the cells of one contract."""
    contract, counts = checked.contract, counted(checked)
    if contract is None:
        return ("(cannot be read)", "-", "-", "-", "-", "-", "-", "-", "-", escaped(str(checked.path)))
    return (
        escaped(contract.id or checked.path.stem),
        str(contract.version or "?"),
        escaped(contract.status or "-"),
        f"{counts.bound}/{counts.total}",
        *map(str, (counts.discharged, counts.falsified, counts.stale, counts.unbound, counts.claimed)),
        escaped(str(checked.path)),
    )


def _fitted(widths: Sequence[int], shown: Sequence[int], width: int) -> list[int]:
    """Return the widths of the columns in a line of that width: the path gives way first, then the id."""
    fitted = list(widths)
    over = _total([widths[each] for each in shown]) - width
    for column in (each for each in (PATH, 0, 2, 1) if each in shown):
        taken = max(0, min(over, fitted[column] - LEAST[column]))
        fitted[column] -= taken
        over -= taken
    return fitted


def _cut(text: str, width: int, *, at_end: bool = True) -> str:
    """Return a text of at most that many characters, with an ellipsis where it was cut."""
    if len(text) <= width:
        return text
    return f"{text[: width - 1]}…" if at_end else f"…{text[len(text) - width + 1 :]}"
