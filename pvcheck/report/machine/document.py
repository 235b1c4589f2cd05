"""What validate, run and challenge found, as one document of plain JSON values: ``schemas/report-1.schema.json``.

Every other format for programs is made from it, so that all of them say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pvcheck import __version__
from pvcheck.report.machine import counting, results, trials
from pvcheck.report.machine.places import Block, Top, blocks, owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.errors import Finding
    from pvcheck.pipeline.challenging import FileChallenge
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.results import FileResult

SCHEMA: Final = "pv.report/1"
MAX_TEXT: Final = 1 << 16
"""Characters of one text in a document. Evaluators and contracts may say more, and no reader wants it."""


class Head(NamedTuple):
    """What a document starts with: the command, where it ran, how it ended, and its last line as people read it."""

    command: str
    here: Path
    exit_status: int
    verdict: str = ""
    compared: str = ""
    """What contracts were compared with, in words."""
    mode: str = ""
    """What was done with the results of a measurement."""


class _File(NamedTuple):
    """One contract before it is told: its parts by falsifier, by their place in the contract."""

    checked: Checked
    findings: Sequence[Finding]
    results: dict[int, JSON]
    trials: dict[int, JSON]
    after: dict[object, str]
    """Statuses that move, by route."""
    version: str = ""
    written: bool = False


def of_checked(head: Head, files: Sequence[Checked]) -> JSON:
    """Return what a validation found."""
    told = [_File(each, each.findings, {}, {}, {}) for each in files]
    return _document(head, told, counting.of_checked(files))


def of_run(head: Head, files: Sequence[FileResult]) -> JSON:
    """Return what a run measured, how that was judged, and what it changes."""
    told = [
        _File(
            each.checked,
            each.findings,
            _by_place(each.checked.contract, ((one.falsifier, results.told(one)) for one in each.results)),
            {},
            {} if each.update is None else {move.route: move.after for move in each.update.moves},
            _version_after(each),
            each.written,
        )
        for each in files
    ]
    return _document(head, told, counting.of_run(files))


def of_challenge(head: Head, files: Sequence[FileChallenge]) -> JSON:
    """Return which planted faults were caught, and which bounds let them pass."""
    told = [
        _File(
            each.checked,
            each.findings,
            {},
            _by_place(each.checked.contract, ((one.falsifier, trials.told(one)) for one in each.bouts)),
            {},
            "",
            bool(each.after),
        )
        for each in files
    ]
    return _document(head, told, counting.of_challenge(files))


def of_end(head: Head, findings: Iterable[Finding]) -> JSON:
    """Return why a command ended before it could look at a contract."""
    top = Top.of(head.here)
    found = [_finding(each, top, None, ()) for each in findings]
    counts = counting.of_checked([]) | counting.of_findings(found)
    return _clean(_headed(head) | {"counts": counts, "contracts": [], "findings": found})


def _document(head: Head, files: Sequence[_File], counts: JSON) -> JSON:
    """Return a document of contracts, and of the findings about them in their order."""
    top = Top.of(head.here)
    contracts, findings = [], []
    for each in files:
        places = blocks(each.checked.contract, each.checked.document)
        findings += [_finding(one, top, each.checked.contract, places) for one in each.findings]
        if each.checked.contract is not None:
            contracts.append(_contract(each, each.checked.contract, top, places))
    whole = {"counts": counts | counting.of_findings(findings), "contracts": contracts, "findings": findings}
    return _clean(_headed(head) | whole)


def _headed(head: Head) -> dict[str, JSON]:
    """Return what every document starts with."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "pvcheck", "version": __version__},
        "command": head.command,
        "mode": head.mode or None,
        "compared": head.compared or None,
        "exit_status": head.exit_status,
        "verdict": head.verdict,
    }


def _contract(file: _File, contract: Contract, top: Top, places: tuple[Block, ...]) -> JSON:
    """Return one contract with its falsifiers."""
    version = str(contract.version) if contract.version is not None else None
    return {
        "path": top.told(str(file.checked.path)),
        "id": contract.id,
        "version": version,
        "version_after": file.version or version,
        "status": contract.status,
        "status_after": file.after.get(("metadata",), contract.status),
        "strict": contract.is_strict,
        "written": file.written,
        "not_understood": list(contract.not_understood),
        "falsifiers": [
            _falsifier(file, place, each, places[place] if place < len(places) else None)
            for place, each in enumerate(contract.falsifiers)
        ],
    }


def _falsifier(file: _File, place: int, falsifier: Falsifier, block: Block | None) -> JSON:
    """Return one falsifier: what the contract says of it, and what was measured."""
    return {
        "id": falsifier.id,
        "line": block.line if block else None,
        "column": block.column if block else None,
        "evaluator": falsifier.evaluator,
        "status": falsifier.status,
        "status_after": file.after.get(falsifier.route, falsifier.status),
        "stale": falsifier.is_bound and falsifier.id in file.checked.stale,
        "evidence": falsifier.evidence,
        "expectations": [{"metric": each.metric, "bound": each.bound.text} for each in falsifier.expectations],
        "accepted": [{"guard": guard, "reason": reason} for guard, reason in sorted(falsifier.accept.items())],
        "result": file.results.get(place),
        "challenge": file.trials.get(place),
    }


def _by_place(contract: Contract | None, pairs: Iterable[tuple[Falsifier, JSON]]) -> dict[int, JSON]:
    """Return values by the place of their falsifier in the contract: two of them may share an id."""
    places = {} if contract is None else {each.route: place for place, each in enumerate(contract.falsifiers)}
    return {places[falsifier.route]: value for falsifier, value in pairs}


def _version_after(file: FileResult) -> str:
    """Return the version that a write makes, or nothing where there is nothing to write."""
    contract, update = file.checked.contract, file.update
    if contract is None or contract.version is None or update is None or update.is_empty:
        return ""
    return str(contract.version.after(update.change))


def _finding(finding: Finding, top: Top, contract: Contract | None, places: tuple[Block, ...]) -> JSON:
    """Return one finding, with the contract and the falsifier that it is about."""
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "hint": finding.hint,
        "path": top.told(finding.path),
        "line": finding.line or None,
        "column": finding.column or None,
        "contract": contract.id if contract is not None else None,
        "falsifier": owner(places, finding.line) if finding.line else None,
        "exit_status": finding.exit_code,
    }


def _clean(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with texts that every reader can hold: no half of a pair of code units, none without an end."""
    if isinstance(value, str):
        text = value.encode("utf-8", "backslashreplace").decode() if not value.isascii() else value
        return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    if isinstance(value, dict):
        return {key: _clean(each) for key, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list) else value
