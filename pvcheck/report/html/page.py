"""The whole page: one file with its style and its script inside, and a policy that forbids everything else."""

from __future__ import annotations

import base64
import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pvcheck import __version__
from pvcheck.report.html import contract, fleet
from pvcheck.report.html.contract import Anchored, name_of
from pvcheck.report.html.detail import LIMIT, STEPS
from pvcheck.report.html.escape import Anchors
from pvcheck.report.html.evidence import Setups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.pipeline.gathering import Gathered
    from pvcheck.report.html.detail import Detail

FOLDER: Final = Path(__file__).resolve().parent
ICON: Final = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"
"""An empty picture: without one, a browser would ask the server for it."""


def text(gathered: Sequence[Gathered], limit: int = LIMIT) -> str:
    """Return the page: with all that fits into so many bytes, and with a word on what was left out."""
    for detail in STEPS[:-1]:
        page = _page(gathered, detail, limit)
        if page is not None and len(page.encode()) <= limit:
            return page
    return _page(gathered, STEPS[-1]) or ""


def _page(gathered: Sequence[Gathered], detail: Detail, limit: float = math.inf) -> str | None:
    """Return the page in one degree of detail, or None as soon as its parts alone are beyond the limit."""
    anchors, setups = Anchors(), Setups()
    contracts = [
        Anchored(each, anchors.new(name_of(each)), tuple(anchors.new(case.falsifier.id or "") for case in each.cases))
        for each in gathered
    ]
    parts: list[str] = []
    left = limit
    for each in contracts:
        parts.append(contract.section(each, setups, detail))
        left -= len(parts[-1])
        if left < 0:
            return None
    style, script = _asset("report.css"), _asset("report.js")
    few = " class=one" if len(contracts) == 1 else ""
    return (
        f"{_head(style, script)}<style>{style}</style><body{few} id=top>"
        f"<header><h1>pv report</h1> <span class=w>pvcheck {__version__}</span> {_links(len(contracts))}"
        "<button id=theme type=button hidden>theme: system</button></header>"
        f"<main id=main>{_left_out(detail)}{fleet.section(contracts)}<div id=all>{''.join(parts)}</div>"
        f"{setups.section()}</main><footer><p>Statuses are earned: each was judged again when this page was written, "
        f"and nothing was measured for it. {_ended()}</footer><script>{script}</script></body></html>\n"
    )


def _head(style: str, script: str) -> str:
    """Return what stands before the content; the policy names the digests of the only style and the only script."""
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html><html lang=en><head><meta charset=utf-8><meta http-equiv=Content-Security-Policy content="'
        f'{policy}"><meta name=viewport content="width=device-width, initial-scale=1">'
        f'<meta name=referrer content=no-referrer><meta name=color-scheme content="light dark">'
        f'<title>pv report</title><link rel=icon href="{ICON}">'
    )


def _links(contracts: int) -> str:
    """Return the links to the parts of the page."""
    return (
        ""
        if contracts == 1
        else "<nav aria-label=page><a href=#fleet>contracts</a> <a href=#all>all on one page</a></nav>"
    )


def _left_out(detail: Detail) -> str:
    """Return what this page does not tell, and where it is told."""
    if not detail.left_out:
        return ""
    return (
        f"<p class=o>To stay small, this page of many contracts leaves out {detail.left_out}. "
        "<code>pv report --html FILE CONTRACT</code> tells one of them in full."
    )


def _ended() -> str:
    """Return the last sentence: how it is made again."""
    return "<code>pv report --html FILE</code> makes it again; the same input gives the same bytes."


def _digest(inside: str) -> str:
    """Return the digest of a style or a script as a policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}"


def _asset(name: str) -> str:
    """Return a style or a script without what only its readers need: indentation and lines of comments."""
    lines = (line.strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*")))
