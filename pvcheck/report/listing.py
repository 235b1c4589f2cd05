"""One aligned line a contract: what is bound, what was earned, what is only said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.report.tally import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.pipeline.checking import Checked

HEAD = ("contract", "version", "status", "bound", "disch", "fals", "stale", "unb", "claim", "path")
WORDS = 3
"""Columns that hold words, before the numbers; the path, after them, holds the rest of the line."""
LEAST = (16, 6, 8, 16)
"""The fewest characters of id, version, status and path that still tell contracts apart."""
GAP = "  "


def lines(checked: Sequence[Checked], width: int | None = None) -> Iterator[str]:
    """Yield a header and a line a contract, by path.

    :param width: of the terminal; text is shortened to fit it: the path at its beginning, the rest at the end. None
        shortens nothing.
    """
    rows = [HEAD, *(_row(each) for each in sorted(checked, key=lambda each: str(each.path)))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    if width is not None:
        widths = _fitted(widths, width)
    for row in rows:
        cells = [f"{_cut(cell, size):<{size}}" for cell, size in zip(row[:WORDS], widths, strict=False)]
        cells += [f"{cell:>{size}}" for cell, size in zip(row[WORDS:-1], widths[WORDS:-1], strict=True)]
        yield GAP.join([*cells, _cut(row[-1], widths[-1], at_end=False)])


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


def _fitted(widths: list[int], width: int) -> list[int]:
    """Return the widths of the columns in a line of that width: the path gives way first, then the id."""
    fitted = list(widths)
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    for column, least in zip((len(widths) - 1, 0, 2, 1), (LEAST[3], LEAST[0], LEAST[2], LEAST[1]), strict=True):
        taken = max(0, min(over, fitted[column] - least))
        fitted[column] -= taken
        over -= taken
    return fitted


def _cut(text: str, width: int, *, at_end: bool = True) -> str:
    """Return a text of at most that many characters, with an ellipsis where it was cut."""
    if len(text) <= width:
        return text
    return f"{text[: width - 1]}…" if at_end else f"…{text[len(text) - width + 1 :]}"
