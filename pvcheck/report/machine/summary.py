"""Markdown for the summary of a CI step: the verdict, what to look at, and what was measured.

What stands in a contract is nobody's Markdown: whatever could become a link, a mention, an image or HTML is escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pvcheck.errors import escaped
from pvcheck.report.machine.entries import entries, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.domain.canonical import JSON

MAX_ROWS: Final = 100
"""Rows of one table: GitHub shows one mebibyte of a step, and nobody reads more rows."""
MAX_CELL: Final = 300
_MARKUP: Final = re.compile(
    r"[\\`*~\[\]<>|&@#$]|(?<![a-z0-9])_|_(?![a-z0-9])|:(?=//)|(?<=www)\.|^[-+=](?=\s)", re.ASCII | re.IGNORECASE
)
"""Characters that mean something to Markdown, or make a link of an address; an underscore inside of a name is none."""
_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
LEVELS: Final = {"error": "❌ error", "warning": "⚠️ warning", "note": "note"}
OUTCOMES: Final = {"held": "✅", "refuted": "❌", "not_measured": "⏭️"}


def text(document: JSON) -> str:
    """Return a document as Markdown."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: JSON) -> Iterator[str]:
    """Yield the lines of the summary."""
    yield f"### {'✅' if document['exit_status'] == 0 else '❌'} pv {_plain(document['command'])}"
    yield ""
    yield _plain(document["verdict"] or "It ended before it looked at a contract.")
    yield ""
    yield from _entries(document)
    yield from _measured(document)
    yield from _faults(document)


def _entries(document: JSON) -> Iterator[str]:
    """Yield the table of what to look at, errors first."""
    order = list(LEVELS)
    found = sorted(entries(document), key=lambda each: order.index(each.level))
    rows = [
        (
            LEVELS[each.level],
            each.rule,
            f"{each.path}:{each.line}" if each.line else each.path,
            f"{each.text} ({each.hint})" if each.hint else each.text,
        )
        for each in found
    ]
    yield from _table(("", "rule", "place", "what"), rows)


def _measured(document: JSON) -> Iterator[str]:
    """Yield the table of what was measured: those first that are not green."""
    rows = []
    for contract in document["contracts"]:
        for each in contract["falsifiers"]:
            if (result := each["result"]) is not None:
                moved = each["status"] != each["status_after"]
                status = f"{each['status'] or 'none'}{' → ' + each['status_after'] if moved else ''}"
                word = f"{OUTCOMES.get(result['outcome'], '⚠️')} {result['outcome'].replace('_', ' ')}"
                rows.append((word, contract["id"] or "", each["id"] or "", status, _bounds(result)))
    rows.sort(key=lambda row: row[0].startswith(OUTCOMES["held"]))
    yield from _table(("outcome", "contract", "falsifier", "status", "measured"), rows)


def _bounds(result: JSON) -> str:
    """Return what was measured beside the bounds on it, or why nothing was."""
    if result["reason"] and not result["bounds"]:
        return str(result["reason"])
    told = ((*shown(result, each), _margin(each)) for each in result["bounds"])
    return "; ".join(f"{number} ({limit}{margin})" for number, limit, margin in told)


def _margin(bound: JSON) -> str:
    """Return what is left to the end of a bound."""
    return f", margin {float(bound['margin']['decimal']):.3g}" if bound["margin"] else ""


def _faults(document: JSON) -> Iterator[str]:
    """Yield the table of challenges."""
    rows = []
    for contract in document["contracts"]:
        for each in contract["falsifiers"]:
            if (challenge := each["challenge"]) is not None:
                score = (
                    f"{challenge['caught']} of {challenge['moved']}" if challenge["challenged"] else challenge["word"]
                )
                told = ", ".join(challenge["missed"]) or challenge["reason"]
                rows.append((contract["id"] or "", each["id"] or "", score, told))
    yield from _table(("contract", "falsifier", "faults caught", "missed"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table, and how many rows it leaves out; nothing where there is no row."""
    if not rows:
        return
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(map(_plain, row))} |" for row in rows[:MAX_ROWS])
    yield ""
    if len(rows) > MAX_ROWS:
        yield f"{len(rows) - MAX_ROWS} more are in the log of this step."
        yield ""


def _plain(value: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    short = escaped(_SPACE.sub(" ", value).strip(), MAX_CELL)
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", short)
