"""The statuses of a contract as text: one line a falsifier and why it is stale, then the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.report import findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.pipeline.standing import Standing, Standings

REFERENCE = 15
"""Characters of a reference that tell records apart in a table: the prefix and eight digits."""


def lines(standings: Standings) -> Iterator[str]:
    """Yield the statuses of one contract, and what is wrong with them."""
    contract = standings.checked.contract
    if contract is not None:
        kind = "" if contract.is_strict else "  (no metadata.schema: claimed, not measured)"
        head = (contract.id or contract.path, str(contract.version or "?"), contract.status or "-")
        yield f"{'  '.join(map(escaped, head))}  {escaped(contract.path)}{kind}"
        width = max((len(each.id or "-") for each in contract.falsifiers), default=0)
        for each in standings.falsifiers:
            yield f"  {escaped(each.falsifier.id or '-'):<{width}}  {_word(each)}"
            yield from (f"    {line}" for line in _why(each))
        for stage in contract.stages:
            yield f"  stage {escaped(stage.id or '-')}  {escaped(stage.status or '-')}"
        for key in contract.not_understood:
            yield f"  not understood: {escaped(key)}"
    yield from (f"  {line}" for line in findings.lines(standings.rest))


def _word(standing: Standing) -> str:
    """Return status, binding and evidence of one falsifier."""
    falsifier = standing.falsifier
    word = escaped(falsifier.status or "-")
    if not falsifier.is_bound:
        return f"{word:<11}  unbound"
    stale = "  stale" if standing.is_stale else ""
    reference = (falsifier.evidence or "no evidence")[:REFERENCE]
    return f"{word:<11}  {escaped(falsifier.evaluator or '')}  {escaped(reference)}{stale}"


def _why(standing: Standing) -> Iterator[str]:
    """Yield why a status is not supported, each reason with its line, then the ways out, then what else to know."""
    for each in standing.reasons:
        yield f"{each.line}:{each.column} {each.code} {each.message}"
    yield from (f"hint: {hint}" for hint in dict.fromkeys(each.hint for each in standing.reasons) if hint)
    yield from standing.notes
