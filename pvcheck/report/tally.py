"""The verdict line: every count with its denominator, so that a green word cannot hide an empty run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pvcheck.domain.status import Outcome, Status, status_of
from pvcheck.errors import Severity, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pvcheck.errors import Finding
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.results import FileResult, Result


def count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 key", "2 keys"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def of_checked(checked: Sequence[Checked]) -> str:
    """Return the verdict line of a validation."""
    contracts = [each.contract for each in checked if each.contract is not None]
    strict = [each for contract in contracts if contract.is_strict for each in contract.falsifiers]
    claimed = [each for contract in contracts if not contract.is_strict for each in contract.falsifiers]
    stale = {(file.path, name) for file in checked for name in file.stale}
    bound = Counter(
        "stale" if (file.path, each.id) in stale else str(status_of(each.status))
        for file in checked
        if file.contract is not None and file.contract.is_strict
        for each in file.contract.falsifiers
        if each.is_bound
    )
    words = [f"{bound[Status.DISCHARGED]} discharged", f"{bound[Status.FALSIFIED]} falsified"]
    words += [f"{bound['stale']} stale"] if bound["stale"] else []
    words.append(f"{bound[Status.PENDING] + bound[Status.PROPOSED]} pending")
    total = len(strict) + len(claimed)
    parts = [
        f"{count(len(checked), 'contract')}, {count(total, 'falsifier')}: {', '.join(words)}",
        f"{sum(not each.is_bound for each in strict) + len(claimed)} unbound",
    ]
    if claimed:
        parts.append(f"{count(len(claimed), 'falsifier')} of files without metadata.schema: claimed, not measured")
    parts += _rest(checked)
    return "; ".join([*parts, _weight(each for file in checked for each in file.findings)])


def of_run(files: Sequence[FileResult]) -> str:
    """Return the verdict line of a run."""
    contracts = [file.checked.contract for file in files if file.checked.contract is not None]
    total = sum(len(contract.falsifiers) for contract in contracts)
    results = [each for file in files for each in file.results]
    unbound = sum(not each.is_bound for contract in contracts for each in contract.falsifiers)
    words = [_outcome(outcome, results) for outcome in Outcome]
    left = total - unbound - len(results)
    parts = [f"{count(total, 'falsifier')}: " + (", ".join(word for word in words if word) or "nothing measured")]
    parts.append(f"{unbound} unbound")
    if left:
        parts.append(f"{left} not selected")
    parts += _rest([file.checked for file in files])
    return "; ".join([*parts, _weight(each for file in files for each in file.findings)])


def _outcome(outcome: Outcome, results: Iterable[Result]) -> str:
    """Return the count of one outcome, with the reasons of what was not measured."""
    found = [each for each in results if each.outcome is outcome]
    if not found:
        return ""
    word = f"{len(found)} {str(outcome).replace('_', ' ')}"
    if outcome is Outcome.NOT_MEASURED:
        reasons = sorted({escaped(each.reason.split(":")[0]) for each in found if each.reason})
        return f"{word} ({', '.join(reasons)})" if reasons else word
    return word


def _rest(checked: Iterable[Checked]) -> Iterator[str]:
    """Yield what was read and is not understood."""
    keys = sum(len(each.contract.not_understood) for each in checked if each.contract is not None)
    if keys:
        yield f"{count(keys, 'key')} not understood"


def _weight(findings: Iterable[Finding]) -> str:
    """Return the numbers of errors and warnings."""
    weights = Counter(each.severity for each in findings)
    words = [count(weights[Severity.ERROR], "error")] if weights[Severity.ERROR] else ["no errors"]
    if weights[Severity.WARNING]:
        words.append(count(weights[Severity.WARNING], "warning"))
    return ", ".join(words)
