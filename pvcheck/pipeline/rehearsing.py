"""Before anything is measured: whether what is measured could be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck import writeback
from pvcheck.errors import PvError
from pvcheck.pipeline.options import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.selecting import Chosen


def rehearsed(checked: Sequence[Checked], chosen: Chosen, mode: Mode) -> tuple[list[Checked], Chosen]:
    """Return contracts and what was chosen of them; one that cannot be written has findings and nothing to measure."""
    if mode is not Mode.WRITE:
        return list(checked), chosen
    tried = [_rehearsed(each) if chosen[each.path] else each for each in checked]
    return tried, {each.path: chosen[each.path] if each.can_run else () for each in tried}


def _rehearsed(checked: Checked) -> Checked:
    """Return a contract with what stands in the way of writing it."""
    if checked.document is None:
        return checked
    try:
        writeback.rehearse(checked.path, checked.document)
    except PvError as error:
        return checked._replace(findings=(*checked.findings, *error.findings))
    return checked
