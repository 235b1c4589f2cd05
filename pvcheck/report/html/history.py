"""The history of a contract: its amendments in words, and the status of each falsifier by version as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.pipeline.gathering import Stand
from pvcheck.report.html import grid
from pvcheck.report.html.escape import told
from pvcheck.report.html.grid import Grid, Sign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.domain.contract import Amendment, Contract
    from pvcheck.pipeline.gathering import Gathered

SIGNS: Final[Mapping[str, Sign]] = {
    "DISCHARGED": Sign("open", "d", "discharged, as an amendment says"),
    "FALSIFIED": Sign("cross", "f", "falsified"),
    "PENDING": Sign("ring", "p", "pending"),
    "PROPOSED": Sign("dot", "p", "proposed"),
}
"""What amendments say that a falsifier was. Nobody judged that again, so it does not look as what evidence supports."""
EARNED: Final = Sign("full", "d", "discharged, and supported today")
OTHER: Final = Sign("dash", "p", "another word")
STALE: Final = Sign("bar", "st", "stale: not supported today")
UNBOUND: Final = Sign("dash", "p", "unbound")
TODAY: Final[Mapping[Stand, Sign]] = {
    Stand.DISCHARGED: EARNED,
    Stand.FALSIFIED: SIGNS["FALSIFIED"],
    Stand.PENDING: SIGNS["PENDING"],
    Stand.STALE: STALE,
    Stand.UNBOUND: UNBOUND,
}
MOST_ROWS: Final = 200
MOVES: Final = 60
"""Moves of one amendment that are told."""


def section(gathered: Gathered, *, plots: bool) -> str:
    """Return the amendments of a contract, newest first, and the matrix of statuses; nothing where there is none."""
    contract = gathered.contract
    if contract is None or not contract.amendments:
        return ""
    drawn = _matrix(gathered, contract) if plots and contract.is_strict else ""
    rows = "".join(map(_amendment, contract.amendments))
    listed = f"<details><summary>Amendments</summary><ol class=a>{rows}</ol></details>"
    return f"<section><h3>History</h3>{drawn}{listed}</section>"


def _matrix(gathered: Gathered, contract: Contract) -> str:
    """Return the status of each falsifier over the versions that amendments tell, and how it stands today."""
    versions = [*reversed(contract.amendments)]
    cases = gathered.cases[:MOST_ROWS]
    cells = [[*_past(case.falsifier.id, versions), TODAY.get(case.stand)] for case in cases]
    drawn = Grid(
        title="Status over versions",
        desc="a row a falsifier, a column a version, as amendments tell it; last what evidence supports today",
        axis="version",
        rows=[case.falsifier.id or "-" for case in cases],
        columns=[*(str(each.version or "?") for each in versions), "today"],
        cells=cells,
    )
    used = [sign for sign in (EARNED, *SIGNS.values(), STALE, UNBOUND, OTHER) if any(sign in row for row in cells)]
    name = '<div class=s tabindex=0 role=group aria-label="status over versions">'
    return f"{name}{grid.svg(drawn)}</div>{grid.legend(used)}{grid.table(drawn, 'falsifier')}"


def _past(name: str | None, versions: list[Amendment]) -> Iterator[Sign | None]:
    """Yield the status of a falsifier after each version, oldest first; nothing where no amendment tells of it."""
    moves = [next((move for move in each.transitions if move.id == name), None) for each in versions]
    first = next((move for move in moves if move is not None), None)
    word = None if first is None else first.before
    for move in moves:
        word = word if move is None else move.after
        yield None if word is None else SIGNS.get(word, OTHER)


def _amendment(each: Amendment) -> str:
    """Return what one amendment tells: version, date, summary, moves, renewed evidence, changed bounds."""
    told_of = [
        *(_moved(one.id, one.before, one.after, one.evidence) for one in each.transitions),
        *(f"{told(one.id)}: measured again{_reference(one.evidence)}" for one in each.renewals),
        *(
            f"{told(one.id)} {told(one.metric)}: bound {told(' and '.join(one.before) or 'none', 300)} → "
            f"{told(' and '.join(one.after) or 'none', 300)}"
            for one in each.bounds
        ),
    ]
    more = f"<li>and {len(told_of) - MOVES} more" if len(told_of) > MOVES else ""
    rows = "".join(f"<li>{text}" for text in told_of[:MOVES])
    summary = f"<br><bdi>{told(each.summary, 600)}</bdi>" if each.summary else ""
    listed = f"<ul>{rows}{more}</ul>" if rows else ""
    return f"<li><b>{told(each.version or 'no version')}</b> {told(each.date, 40)}{summary}{listed}"


def _moved(name: str, before: str | None, after: str, evidence: str | None) -> str:
    """Return one move."""
    return f"{told(name)}: {told(before or 'nothing', 40)} → {told(after, 40)}{_reference(evidence)}"


def _reference(evidence: str | None) -> str:
    """Return the beginning of a digest; all of it stands with the falsifier that names it."""
    return "" if evidence is None else f" <code>{told(evidence, 40)[:15]}</code>"
