"""Findings on the page: the place, the code, what is wrong, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.errors import Severity
from pvcheck.report.html.escape import told
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.errors import Finding

MOST: Final = 30
"""Findings of one list; a broken file may have a thousand."""


def items(found: Sequence[Finding]) -> str:
    """Return a list of findings, or nothing."""
    if not found:
        return ""
    more = f"<li>and {count(len(found) - MOST, 'more finding')}: pv validate tells all" if len(found) > MOST else ""
    return f"<ul class=find>{''.join(map(_item, found[:MOST]))}{more}</ul>"


def _item(finding: Finding) -> str:
    """Return one finding."""
    where = f"line {finding.line}, column {finding.column}: " if finding.line else ""
    weight = "error" if finding.severity is Severity.ERROR else str(finding.severity)
    hint = f"<br><span class=w>{told(finding.hint, 500)}</span>" if finding.hint else ""
    kind = "f" if finding.severity is Severity.ERROR else "st"
    return f"<li><b class={kind}>{weight} {told(finding.code)}</b> {where}{told(finding.message, 1000)}{hint}"
