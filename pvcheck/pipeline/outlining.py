"""What was found in one contract as plain data, and back: the form that is kept and that crosses to another process.

It has what a verdict and the rules between contracts need, and nothing else: neither the text nor the tree of it.
Lines and columns are in it and paths are not, since the next run may stand in another folder.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pvcheck.domain.contract import NOTHING, Contract, Dependency, Falsifier
from pvcheck.errors import Finding, Severity
from pvcheck.pipeline.checking import Checked
from pvcheck.rules.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pvcheck.config import Config
    from pvcheck.domain.canonical import JSON
    from pvcheck.text import Document

_ID = ("metadata", "id")
_STALE = "stale"


def told(checked: Checked) -> JSON:
    """Return what was found in a contract as JSON, or None where it cannot be told without its path."""
    found = [*checked.findings, *checked.ignored]
    if any(each.path != str(checked.path) for each in found):
        return None
    used = [index for index, each in enumerate(checked.config.ignores) if each in checked.used]
    seen = None
    if checked.contract is not None and checked.document is not None:
        seen = _seen(checked.contract, checked.document, checked)
    return [_plain(checked.findings), _plain(checked.ignored), used, seen]


def restored(answer: JSON, path: Path, settings: Config) -> Checked:
    """Return a checked file from what was told of it: its contract is counted and compared, and says nothing more."""
    findings, ignored, used, seen = answer
    checked = Checked(
        path=path,
        config=settings,
        findings=_findings(findings, str(path)),
        ignored=_findings(ignored, str(path)),
        used=frozenset(settings.ignores[index] for index in used),
    )
    if seen is None:
        return checked
    digest, is_strict, name, status, keys, kinds, depends, places, spans = seen
    contract = Contract(
        path=str(path),
        is_strict=is_strict,
        id=name,
        version=None,
        status=status,
        inputs={},
        falsifiers=tuple(each for kind in kinds for each in _alike(*kind)),
        stages=(),
        amendments=(),
        not_understood=tuple(keys),
        depends_on=tuple(Dependency(text, tuple(route)) for text, route in depends),
    )
    blocks = tuple((name, first, last) for name, first, last in spans)
    outline = Outline(str(path), digest.encode(), places, blocks)
    return checked._replace(contract=contract, outline=outline, stale=frozenset({_STALE}))


def _seen(contract: Contract, document: Document, checked: Checked) -> JSON:
    """Return what others ask of a contract: its name, what it stands on, how many falsifiers it has of each kind."""
    from pvcheck.domain.digest import sha256  # noqa: PLC0415 - where nothing is checked, nothing is told
    from pvcheck.rules import ignoring  # noqa: PLC0415 - as above

    kinds = Counter((each.status, each.is_bound, each.id in checked.stale) for each in contract.falsifiers)
    routes = [_ID, (), *(each.route for each in contract.depends_on)]
    places = [document.finding("", "", route) for route in routes]
    asked = any(each.id is not None for each in checked.config.ignores)
    return [
        sha256(document.data),
        contract.is_strict,
        contract.id,
        contract.status,
        contract.not_understood,
        [[*kind, number] for kind, number in kinds.items()],
        [[each.text, each.route] for each in contract.depends_on],
        [[route, each.line, each.column] for route, each in zip(routes, places, strict=True)],
        ignoring.spans(document) if asked else [],
    ]


def _alike(status: str | None, is_bound: bool, is_stale: bool, number: int) -> tuple[Falsifier, ...]:
    """Return falsifiers that are there to be counted."""
    name = _STALE if is_stale else ""
    return (Falsifier(name, (), NOTHING, "one" if is_bound else None, (), status),) * number


def _plain(findings: Iterable[Finding]) -> list[JSON]:
    """Return findings without their path."""
    return [[each.code, each.message, *each[3:]] for each in findings]


def _findings(told: Iterable[JSON], path: str) -> tuple[Finding, ...]:
    """Return findings at a path."""
    return tuple(
        Finding(code, message, path, line, column, hint, Severity(severity), exit_code)
        for code, message, line, column, hint, severity, exit_code in told
    )
