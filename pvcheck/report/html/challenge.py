"""The challenge of a contract: faults against bounds as a matrix for each falsifier, and the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.domain.teeth import Cell, State, total
from pvcheck.report.html import findings, grid
from pvcheck.report.html.escape import told
from pvcheck.report.html.grid import Grid, Sign
from pvcheck.report.tally import count
from pvcheck.rules.challenged import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.teeth import Challenged, Trial
    from pvcheck.pipeline.gathering import Challenge, Gathered

SIGNS: Final[Mapping[Cell, Sign]] = {
    Cell.CAUGHT: Sign("full", "d", "caught"),
    Cell.MISSED: Sign("cross", "f", "passed: the bound accepts the fault"),
    Cell.UNMOVED: Sign("dot", "p", "not applicable: the fault moves nothing here"),
    Cell.NOT_PLANTED: Sign("dash", "p", "not applicable: the fault was not planted"),
    Cell.STOPPED: Sign("bar", "st", "no verdict left to any bound"),
}
WHOLE: Final = "whole"


def section(gathered: Gathered, *, plots: bool, tables: bool) -> str:
    """Return what faults were planted and which bounds noticed, judged under the bounds of today."""
    contract, found = gathered.contract, gathered.challenge
    if contract is None or contract.challenge is None:
        return ""
    least = contract.challenge.least
    demand = f" At least {least:g} is demanded." if least is not None else ""
    head = "<section><h3>Challenge</h3>"
    if found is None:
        return f"{head}<p class=o>There is no sound record of a challenge.{demand}</section>"
    old = findings.items(found.outdated)
    warned = "<p class=o>The record is not about the contract of today." if found.outdated else ""
    drawn = _lines(found)
    if plots:
        drawn = f"<div class=bouts>{''.join(_matrix(each, tables=tables) for each in found.challenged)}</div>"
    used = {cell for each in found.challenged for tooth in each.teeth() for cell in tooth.cells}
    signs = grid.legend([sign for cell, sign in SIGNS.items() if cell in used]) if plots else ""
    at = told(found.record.made_at.get("started") or "at no recorded time")
    left = "".join(f"<li>{told(name)}: {told(why, 300)}" for name, why in sorted(found.record.left_out.items()))
    out = f"<details><summary>Not challenged</summary><ul>{left}</ul></details>" if left else ""
    return f"{head}<p>{_score(found)}{demand} Planted {at}.{warned}{old}{signs}{drawn}{out}</section>"


def _score(found: Challenge) -> str:
    """Return the score with its denominators."""
    score = total(each.score for each in found.challenged)
    trials = sum(len(each.trials) for each in found.challenged)
    subject = f"{count(len(found.challenged), 'falsifier')} challenged, {count(trials, 'fault')}"
    if score.ratio is None:
        return f"{subject}: none moved a measurement, so there is no score."
    return f"{subject}: {score.moved} moved a measurement, {score.caught} of them caught. Score {shown(score.ratio)}."


def _lines(found: Challenge) -> str:
    """Return one line a falsifier, in place of the matrices."""
    rows = "".join(
        f"<li>{told(each.falsifier)}: {each.score.caught} of {each.score.moved} caught" for each in found.challenged
    )
    return f"<ul>{rows}</ul>"


def _matrix(challenged: Challenged, *, tables: bool) -> str:
    """Return the faults of one falsifier against its bounds."""
    teeth = challenged.teeth()
    name = told(challenged.falsifier)
    score = challenged.score
    rows = [each.fault for each in challenged.trials]
    numbered = [str(number) for number in range(1, len(teeth) + 1)]
    cells = [
        [SIGNS[tooth.cells[row]] for tooth in teeth] + [_whole(challenged, trial)]
        for row, trial in enumerate(challenged.trials)
    ]
    drawn = Grid(
        title=f"Challenge of {name}",
        desc=f"{score.caught} of {score.moved} faults that move it are caught; a row a fault, a column a bound",
        axis="bound",
        rows=rows,
        columns=[*numbered, "∑"],
        cells=cells,
    )
    bounds = "".join(f"<li>{told(each.expected.metric)} {told(each.expected.spelled)}" for each in teeth)
    spelled = drawn._replace(
        columns=[*(f"{n}: {t.expected.metric}" for n, t in zip(numbered, teeth, strict=True)), WHOLE]
    )
    return (
        f'<figure class=c><div class=s tabindex=0 role=group aria-label="challenge of {name}">{grid.svg(drawn)}</div>'
        f"<figcaption><b>{name}</b> {score.caught} of {score.moved} caught; ∑ is the falsifier as a whole"
        f"<ol>{bounds}</ol>{grid.table(spelled, 'fault') if tables else ''}</figcaption></figure>"
    )


def _whole(challenged: Challenged, trial: Trial) -> Sign:
    """Return what became of the falsifier under a fault."""
    if trial.state is State.NOT_PLANTED:
        return SIGNS[Cell.NOT_PLANTED]
    if trial.state is State.UNMOVED:
        return SIGNS[Cell.UNMOVED]
    return SIGNS[Cell.CAUGHT] if challenged.is_caught(trial) else SIGNS[Cell.MISSED]
