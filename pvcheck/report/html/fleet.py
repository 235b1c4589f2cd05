"""The fleet: what all contracts come to together, and one row a contract that can be sorted and filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.errors import Severity
from pvcheck.report import tally
from pvcheck.report.html import words
from pvcheck.report.html.contract import name_of
from pvcheck.report.html.escape import told
from pvcheck.report.tally import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.report.html.contract import Anchored

COLUMNS: Final = ("discharged", "falsified", "stale", "pending", "unbound", "claimed")
HEAD: Final = ("contract", "version", "status", "bound", *COLUMNS, "findings")


def section(contracts: Sequence[Anchored]) -> str:
    """Return the counts of all contracts with their denominator, and the table."""
    checked = [each.gathered.checked for each in contracts]
    counts = Counts.together(map(tally.counted, checked))
    head = "".join(f"<th scope=col>{each}" for each in HEAD)
    rows = "".join(map(_row, contracts))
    return (
        f"<section id=fleet><h2>Contracts</h2><p class=v>{told(tally.of_fleet(checked), 600)}.</p>{_bar(counts)}"
        f"<form id=filter role=search hidden><label for=shown>Filter</label> <input id=shown type=search "
        f'autocomplete=off placeholder="a name, a path, stale, error"> <output for=shown></output></form>'
        f"<table class=fleet><thead><tr>{head}</thead><tbody>{rows}</tbody></table></section>"
    )


def _bar(counts: Counts) -> str:
    """Return what falsifiers are, as a count and a share of all of them each."""
    if not counts.total:
        return ""
    unbound = counts.unbound - counts.claimed
    kinds = {**{kind: getattr(counts, kind) for kind in COLUMNS}, "unbound": max(0, unbound)}
    parts, at = [], 0.0
    for kind, number in kinds.items():
        wide = 1000 * number / counts.total
        if number:
            parts.append(f'<rect class={kind[0]} x="{at:.1f}" width="{max(wide - 2, 1):.1f}" height=14 />')
        at += wide
    names = "".join(
        f"<li>{words.chip(kind)} <b>{number}</b> of {counts.total} <span class=w>{words.MEANINGS[kind]}</span>"
        for kind, number in kinds.items()
    )
    return (
        f'<svg class=bar viewBox="0 0 1000 14" preserveAspectRatio=none aria-hidden=true>{"".join(parts)}</svg>'
        f"<ul class=tiles>{names}</ul>"
    )


def _row(each: Anchored) -> str:
    """Return the row of one contract. A zero has a class: where there is little room, it gives way."""
    gathered = each.gathered
    counts = tally.counted(gathered.checked)
    contract = gathered.contract
    numbers = [counts.unbound - counts.claimed if kind == "unbound" else getattr(counts, kind) for kind in COLUMNS]
    cells = "".join(
        f"<td class={kind[0]}>{number}" if number else "<td class=z>0"
        for kind, number in zip(COLUMNS, numbers, strict=True)
    )
    bound = f"{counts.bound} of {counts.total}" if contract is not None else "-"
    version = told(contract.version or "-") if contract is not None else "-"
    return (
        f"<tr><th scope=row><a href=#{each.anchor}><bdi>{told(name_of(gathered), 80)}</bdi></a>"
        f"<small>{told(gathered.checked.path, 200)}</small><td>{version}<td>{words.status(gathered)}<td>{bound}{cells}"
        f"{_weight(each)}"
    )


def _weight(each: Anchored) -> str:
    """Return the cell of the findings: errors, then warnings."""
    found = each.gathered.checked.findings
    errors = sum(one.severity is Severity.ERROR for one in found)
    warnings = sum(one.severity is Severity.WARNING for one in found)
    said = [tally.count(errors, "error")] if errors else []
    said += [tally.count(warnings, "warning")] if warnings else []
    return f"<td class={'f' if errors else 'st'}>{', '.join(said)}" if said else "<td class=z>0"
