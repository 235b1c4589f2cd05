"""A matrix as SVG: rows and columns with a sign in each cell, told by shape and by colour, and as a table below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.report.html.escape import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CELL: Final = 18
HEAD: Final = 18
LETTER: Final = 7.2
"""Width of a letter of a row's name."""
NAMES: Final = 34
"""Letters of the longest name beside a row; the table has all of it."""
MOST: Final = 40
"""Columns of a matrix; of more, the last ones are drawn."""

SHAPES: Final[Mapping[str, str]] = {
    "full": "m-6-6h12v12h-12z",
    "open": "m-5-5h10v10h-10z",
    "cross": "m-5-5l10 10m-10 0l10-10",
    "ring": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "dash": "m-4 0h8",
    "dot": "h0",
    "rhomb": "m0-6l6 6-6 6-6-6z",
    "bar": "m-1.5-6h3v7h-3zm0 9h3v3h-3z",
}
"""What is drawn in a cell, around its middle. The sheet gives each class a colour and says whether it is filled."""


NONE: Final = "-"
"""A cell that nothing is known of."""


class Sign(NamedTuple):
    """What a cell says: a shape, the class of its colour, and the word for it."""

    shape: str
    kind: str
    word: str


class Grid(NamedTuple):
    """A matrix before it is drawn. ``title`` and ``axis`` are markup; names are foreign text."""

    title: str
    desc: str
    axis: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Sign | None]]


def svg(grid: Grid) -> str:
    """Return a matrix as a drawing: one path for all cells of a sign."""
    skipped = max(0, len(grid.columns) - MOST)
    columns, cells = grid.columns[skipped:], [row[skipped:] for row in grid.cells]
    left = round(min(NAMES, max((len(each) for each in grid.rows), default=0)) * LETTER) + 8
    slanted = any(len(each) > 2 for each in columns)
    top = HEAD + (34 if slanted else 14)
    width, height = left + CELL * len(columns) + (30 if slanted else 8), top + CELL * len(grid.rows) + 4
    parts = [
        f'<svg class=t viewBox="0 0 {width} {height}" width={width} role=img>',
        f"<title>{grid.title}</title><desc>{grid.desc}</desc><text x={left} y=11>{grid.axis}</text>",
    ]
    for at, name in enumerate(columns):
        x, y = left + CELL * at + CELL // 2, top - 6
        turned = f' transform="rotate(-45 {x - 4} {y})" x={x - 4}' if slanted else f" class=m x={x}"
        parts.append(f"<text{turned} y={y}>{told(name, 12)}</text>")
    for at, name in enumerate(grid.rows):
        parts.append(f"<text class=e x={left - 6} y={top + CELL * at + 13}>{told(name, NAMES)}</text>")
    parts.append(f'<path class=g d="{_lines(left, top, len(columns), len(grid.rows))}"/>')
    parts += [f'<path class="{kind} {shape}" d="{places}"/>' for (kind, shape), places in _paths(cells, left, top)]
    return f"{''.join(parts)}</svg>"


def _lines(left: int, top: int, columns: int, rows: int) -> str:
    """Return the lines between rows and columns."""
    right, bottom = left + CELL * columns, top + CELL * rows
    across = "".join(f"M{left} {top + CELL * at}H{right}" for at in range(rows + 1))
    return across + "".join(f"M{left + CELL * at} {top}V{bottom}" for at in range(columns + 1))


def _paths(cells: Sequence[Sequence[Sign | None]], left: int, top: int) -> list[tuple[tuple[str, str], str]]:
    """Return what is drawn for each sign, at all its places."""
    found: dict[tuple[str, str], str] = {}
    for row, line in enumerate(cells):
        for column, sign in enumerate(line):
            if sign is not None:
                x, y = left + CELL * column + CELL // 2, top + CELL * row + CELL // 2
                key = (sign.kind, sign.shape)
                found[key] = f"{found.get(key, '')}M{x} {y}{SHAPES[sign.shape]}"
    return sorted(found.items())


def legend(signs: Sequence[Sign]) -> str:
    """Return what signs mean, each drawn once."""
    words = "".join(
        f'<li><svg class=t viewBox="-9 -9 18 18" width=18 height=18 aria-hidden=true>'
        f'<path class="{each.kind} {each.shape}" d="M0 0{SHAPES[each.shape]}"/></svg> {each.word}'
        for each in signs
    )
    return f"<ul class=legend>{words}</ul>"


def table(grid: Grid, head: str) -> str:
    """Return the same as a table, in words."""
    columns = "".join(f"<th>{told(each)}" for each in grid.columns)
    rows = "".join(
        f"<tr><th>{told(name)}" + "".join(f"<td>{sign.word if sign is not None else NONE}" for sign in line)
        for name, line in zip(grid.rows, grid.cells, strict=True)
    )
    return (
        f'<details><summary>{grid.title}, as a table</summary><div class=s tabindex=0 role=group aria-label="'
        f'{grid.title}"><table><tr><th>{head}{columns}{rows}</table></div></details>'
    )
