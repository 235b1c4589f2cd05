"""What is known of a falsifier by its id: its claim, how it stands, and what amendments say of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import discovery
from pvcheck.pipeline import checking
from pvcheck.pipeline.standing import Teller, sound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Amendment, Contract
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.standing import Standing


class Known(NamedTuple):
    """What is known of one falsifier: where it stands, what it says, and the sound record that it names."""

    path: Path
    line: int
    contract: Contract
    standing: Standing
    prose: dict[str, JSON]
    record: Record | None
    history: tuple[tuple[Amendment, tuple[str, ...]], ...]
    """Amendments that name it, newest first, each with what it says in words."""


def known(name: str, here: Path) -> list[Known]:
    """Return what is known of the falsifiers with an id, and of those of the contract with that id."""
    found = []
    teller = Teller()
    for path, data in discovery.texts(here):
        if os.fsencode(name) not in data:
            continue
        checked = checking.check(path, {})
        standings = teller.standings(checked)
        if (contract := checked.contract) is not None:
            several = (each for each in standings.falsifiers if name in {each.falsifier.id, contract.id})
            found += [_known(checked, contract, each) for each in several]
    return found


def _known(checked: checking.Checked, contract: Contract, standing: Standing) -> Known:
    """Return what is known of one falsifier of a contract."""
    falsifier = standing.falsifier
    told = checked.instance
    for step in falsifier.route:
        told = told[step]
    line = checked.document.place(falsifier.route)[0] if checked.document is not None else 0
    history = tuple((each, moves) for each in contract.amendments if (moves := tuple(_moves(each, falsifier.id or ""))))
    return Known(checked.path, line, contract, standing, told, sound(falsifier, checked.path), history)


def _moves(amendment: Amendment, name: str) -> Iterator[str]:
    """Yield what an amendment says of one falsifier."""
    for each in amendment.transitions:
        if each.id == name:
            yield f"{each.before or 'new'} -> {each.after}" + (f", {each.evidence[:15]}" if each.evidence else "")
    for change in amendment.bounds:
        if change.id == name:
            before, after = (" and ".join(side) or "no bound" for side in (change.before, change.after))
            yield f"the bound of {change.metric}: {before} -> {after}"
    for renewal in amendment.renewals:
        if renewal.id == name:
            yield f"evidence renewed, {renewal.evidence[:15]}"
