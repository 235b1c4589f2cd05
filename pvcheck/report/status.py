"""The statuses of a contract as text: one line a falsifier, then the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain.status import EARNED
from pvcheck.errors import escaped
from pvcheck.report import findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.contract import Falsifier
    from pvcheck.pipeline.checking import Checked

REFERENCE = 15
"""Characters of a reference that tell records apart in a table: the prefix and eight digits."""


def lines(checked: Checked) -> Iterator[str]:
    """Yield the statuses of one contract, and what is wrong with them."""
    contract = checked.contract
    if contract is not None:
        kind = "" if contract.is_strict else "  (no metadata.schema: claimed, not measured)"
        head = (contract.id or contract.path, str(contract.version or "?"), contract.status or "-")
        yield f"{'  '.join(map(escaped, head))}  {escaped(contract.path)}{kind}"
        width = max((len(each.id or "-") for each in contract.falsifiers), default=0)
        for falsifier in contract.falsifiers:
            yield f"  {escaped(falsifier.id or '-'):<{width}}  {_word(falsifier, checked)}"
        for stage in contract.stages:
            yield f"  stage {escaped(stage.id or '-')}  {escaped(stage.status or '-')}"
        for key in contract.not_understood:
            yield f"  not understood: {escaped(key)}"
    yield from (f"  {line}" for line in findings.lines(checked.findings))


def _word(falsifier: Falsifier, checked: Checked) -> str:
    """Return status, binding and evidence of one falsifier."""
    word = escaped(falsifier.status or "-")
    if not falsifier.is_bound:
        return f"{word:<11}  unbound"
    stale = "  stale" if falsifier.status in EARNED and falsifier.id in checked.stale else ""
    reference = (falsifier.evidence or "no evidence")[:REFERENCE]
    return f"{word:<11}  {escaped(falsifier.evaluator or '')}  {escaped(reference)}{stale}"
