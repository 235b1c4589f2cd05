"""The part of one contract: what it is, how it stands, its falsifiers, its challenge and its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.report import tally
from pvcheck.report.html import challenge, falsifier, findings, history, words
from pvcheck.report.html.escape import told

if TYPE_CHECKING:
    from pvcheck.domain.contract import Contract
    from pvcheck.pipeline.gathering import Gathered
    from pvcheck.report.html.detail import Detail
    from pvcheck.report.html.evidence import Setups

MOST_KEYS: Final = 50


class Anchored(NamedTuple):
    """A contract and the fragments of it and of its falsifiers."""

    gathered: Gathered
    anchor: str
    cases: tuple[str, ...]


def name_of(gathered: Gathered) -> str:
    """Return what a contract is called: its id, or else the name of its file."""
    contract = gathered.contract
    return (contract.id if contract is not None else None) or gathered.checked.path.stem


def section(each: Anchored, setups: Setups, detail: Detail) -> str:
    """Return the part of one contract."""
    gathered = each.gathered
    contract = gathered.contract
    version = f" <span class=w>{told(contract.version or '?')}</span>" if contract is not None else ""
    head = (
        f"<section class=contract id={each.anchor}><p class=back><a href=#fleet>← all contracts</a>"
        f"<h2><bdi>{told(name_of(gathered))}</bdi>{version} {words.status(gathered)}</h2>"
        f"<p><code>{told(gathered.checked.path, 300)}</code><p>{told(tally.of_fleet([gathered.checked]), 600)}."
    )
    if contract is None:
        return f"{head}<p class=o>The contract cannot be read.{findings.items(gathered.findings)}</section>"
    limit = gathered.checked.config.conditioning
    parts = [
        head,
        _about(gathered, contract, detail),
        findings.items(gathered.findings),
        "" if detail.brief else _overview(each),
    ]
    parts += [
        falsifier.section(case, anchor, setups, detail, limit)
        for case, anchor in zip(gathered.cases, each.cases, strict=True)
    ]
    parts.append(challenge.section(gathered, plots=detail.plots, tables=detail.tables))
    parts.append(history.section(gathered, plots=detail.plots))
    return f"{''.join(parts)}</section>"


def _about(gathered: Gathered, contract: Contract, detail: Detail) -> str:
    """Return the description, what the contract stands on, its inputs and what nobody understood."""
    instance = gathered.checked.instance
    metadata = instance.get("metadata") if isinstance(instance, dict) else None
    description = metadata.get("description") if isinstance(metadata, dict) else None
    parts = [f"<p><bdi>{told(description, detail.prose)}</bdi>"] if isinstance(description, str) else []
    if not contract.is_strict:
        parts.append("<p class=o>This file has no metadata.schema: its statuses are claimed, not measured.")
    if contract.depends_on:
        parts.append(f"<p>Stands on {', '.join(told(each.text) for each in contract.depends_on[:MOST_KEYS])}.")
    if contract.not_understood:
        keys = ", ".join(f"<code>{told(key)}</code>" for key in contract.not_understood[:MOST_KEYS])
        parts.append(f"<p class=w>Not understood: {keys}.")
    if not detail.brief:
        parts += [_inputs(contract), _stages(contract, is_sound=gathered.is_sound)]
    return "".join(parts)


def _inputs(contract: Contract) -> str:
    """Return the files that are measured."""
    if not contract.inputs:
        return ""
    rows = "".join(
        f"<tr><th>{told(each.name)}<td>{told(each.format)}<td><code>{told(each.path, 200)}</code>"
        f"<td><code class=h>{told(each.sha256 or '-')}</code><td>{'yes' if each.optional else 'no'}"
        for each in contract.inputs.values()
    )
    head = "".join(f"<th>{each}" for each in ("input", "format", "path", "declared sha256", "may be absent"))
    return (
        "<details><summary>Inputs</summary><div class=s tabindex=0 role=group aria-label=inputs>"
        f"<table><tr>{head}{rows}</table></div></details>"
    )


def _stages(contract: Contract, *, is_sound: bool) -> str:
    """Return the stages and what decides them; the word of a stage looks earned only in a sound contract."""
    rows = []
    for each in contract.stages:
        word = told(each.status or "-", 40)
        is_earned = word in {"DISCHARGED", "FALSIFIED"}
        shown = words.chip(word.lower()) if is_earned and is_sound else f"“{word}”" if is_earned else word.lower()
        accepts = ", ".join(told(one) for one in each.accepts[:MOST_KEYS])
        rows.append(f"<tr><th>{told(each.id or '-')}<td>{shown}<td>{accepts}")
    if not rows:
        return ""
    head = "<tr><th>stage<th>status<th>decided by"
    return (
        "<details><summary>Stages</summary><div class=s tabindex=0 role=group aria-label=stages>"
        f"<table>{head}{''.join(rows)}</table></div></details>"
    )


def _overview(each: Anchored) -> str:
    """Return a line a falsifier, with a link to its part; where there are few, their parts are overview enough."""
    if len(each.cases) < 4:
        return ""
    rows = "".join(
        f"<li><a href=#{anchor}>{told(case.falsifier.id or 'without an id')}</a> {words.standing(case)}"
        for case, anchor in zip(each.gathered.cases, each.cases, strict=True)
    )
    return f'<nav aria-label="falsifiers of {told(name_of(each.gathered))}"><ul class=over>{rows}</ul></nav>'
