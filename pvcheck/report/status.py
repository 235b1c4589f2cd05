"""The statuses of a contract as text: one line a falsifier and why it is stale, then the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.report import findings
from pvcheck.report.styled import Line, indented, padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.pipeline.standing import Standing, Standings
    from pvcheck.report.styled import Role

REFERENCE = 15
"""Characters of a reference that tell records apart in a table: the prefix and eight digits."""


STATUS = 11
"""Columns of a status."""
ROLES: Mapping[str, Role] = {"DISCHARGED": "good", "FALSIFIED": "bad", "PENDING": "doubt"}


def lines(standings: Standings) -> Iterator[str]:
    """Yield the statuses of one contract, and what is wrong with them."""
    contract = standings.checked.contract
    if contract is not None:
        kind = "" if contract.is_strict else "  (no metadata.schema: claimed, not measured)"
        head = (contract.id or contract.path, str(contract.version or "?"), contract.status or "-")
        name, version, word = map(escaped, head)
        beside = f"  {escaped(contract.path)}{kind}"
        yield Line((name, "head"), f"  {version}  ", (word, ROLES.get(word, "")), (beside, "dim"))
        width = max((len(escaped(each.id or "-")) for each in contract.falsifiers), default=0)
        for each in standings.falsifiers:
            yield Line(f"  {escaped(each.falsifier.id or '-'):<{width}}  ", _word(each))
            yield from indented(_why(each), "    ")
        wide = max((len(escaped(each.id or "-")) for each in contract.stages), default=0)
        for stage in contract.stages:
            word = escaped(stage.status or "-")
            yield Line(f"  stage {escaped(stage.id or '-'):<{wide}}  ", (word, ROLES.get(word, "")))
        for key in contract.not_understood:
            yield f"  not understood: {escaped(key)}"
    yield from findings.beneath(standings.rest)


def _word(standing: Standing) -> Line:
    """Return status, binding and evidence of one falsifier."""
    falsifier = standing.falsifier
    word = escaped(falsifier.status or "-")
    if not falsifier.is_bound:
        return Line(padded(word, "", STATUS), ("  unbound", "dim"))
    role = "doubt" if standing.is_stale else ROLES.get(word, "")
    reference = escaped((falsifier.evidence or "no evidence")[:REFERENCE])
    stale = "  stale" if standing.is_stale else ""
    return Line(
        padded(word, role, STATUS), f"  {escaped(falsifier.evaluator or '')}  ", (reference, "dim"), (stale, "doubt")
    )


def _why(standing: Standing) -> Iterator[str]:
    """Yield why a status is not supported, each reason with its line, then the ways out, then what else to know."""
    for each in standing.reasons:
        yield Line((f"{each.line}:{each.column} ", "place"), (each.code, "code"), f" {each.message}")
    yield from (
        Line(("hint:", "hint"), f" {hint}") for hint in dict.fromkeys(each.hint for each in standing.reasons) if hint
    )
    yield from standing.notes
