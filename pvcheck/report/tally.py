"""The verdict line: every count with its denominator, so that a green word cannot hide an empty run."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.domain.status import Outcome, Status, status_of
from pvcheck.errors import Severity, escaped
from pvcheck.report.styled import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pvcheck.errors import Finding
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.results import FileResult, Result
    from pvcheck.report.styled import Role


_COUNT: Final = re.compile("([0-9]+) (not measured|[a-z]+)")
ROLES: Final[Mapping[str, Role]] = {
    "held": "good",
    "discharged": "good",
    "refuted": "bad",
    "falsified": "bad",
    "error": "bad",
    "errors": "bad",
    "stale": "doubt",
    "invalid": "doubt",
    "timeout": "doubt",
    "not measured": "doubt",
    "warning": "doubt",
    "warnings": "doubt",
}
"""What a count of a verdict says, by the word after it."""


def verdict(line: str) -> Line:
    """Return a verdict line with the role of each count that is not 0."""
    parts: list[str | tuple[str, Role]] = []
    at = 0
    for match in _COUNT.finditer(line):
        parts += [line[at : match.start()], (match[0], ROLES.get(match[2], "") if int(match[1]) else "")]
        at = match.end()
    return Line(*parts, line[at:])


def count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 key", "2 keys"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Counts(NamedTuple):
    """How many falsifiers there are of each kind. Bound and unbound ones are all; claimed ones are unbound.

    The bound ones are discharged, falsified, stale or pending. Claimed are those of files without
    ``metadata.schema``: whatever such a file says of them, nothing measured it.
    """

    total: int = 0
    bound: int = 0
    discharged: int = 0
    falsified: int = 0
    stale: int = 0
    pending: int = 0
    unbound: int = 0
    claimed: int = 0

    @classmethod
    def together(cls, several: Iterable[Counts]) -> Counts:
        """Return the counts of several."""
        return cls(*map(sum, zip(*several, strict=True)))

    @property
    def verdict(self) -> str:
        """What became of the bound ones; where none is bound, that is what there is to say."""
        if not self.bound:
            return f"0 of {self.total} bound"
        stale = f", {self.stale} stale" if self.stale else ""
        return f"{self.discharged} discharged, {self.falsified} falsified{stale}, {self.pending} pending"


def counted(file: Checked) -> Counts:
    """Return the counts of one file."""
    if file.contract is None:
        return Counts()
    found = file.contract.falsifiers
    words = ["stale" if each.id in file.stale else status_of(each.status) for each in found if each.is_bound]
    return Counts(
        total=len(found),
        bound=len(words),
        discharged=words.count(Status.DISCHARGED),
        falsified=words.count(Status.FALSIFIED),
        stale=words.count("stale"),
        pending=words.count(Status.PENDING) + words.count(Status.PROPOSED),
        unbound=len(found) - len(words),
        claimed=0 if file.contract.is_strict else len(found),
    )


def of_checked(checked: Sequence[Checked]) -> str:
    """Return the verdict line of a validation."""
    counts = Counts.together(map(counted, checked))
    parts = [f"{_subject(checked, counts)}: {counts.verdict}", f"{counts.unbound} unbound"]
    if counts.claimed:
        parts.append(f"{count(counts.claimed, 'falsifier')} of files without metadata.schema: claimed, not measured")
    parts += _rest(checked)
    return "; ".join([*parts, _weight(each for file in checked for each in file.findings)])


def of_fleet(checked: Sequence[Checked]) -> str:
    """Return how all the contracts stand together: every count, also those that are 0."""
    counts = Counts.together(map(counted, checked))
    kinds = ("discharged", "falsified", "stale", "pending")
    words = ", ".join(f"{getattr(counts, kind)} {kind}" for kind in kinds)
    bound = f"{counts.bound} of {counts.total} bound"
    parts = [
        f"{_subject(checked, counts)}: {bound}" + (f" ({words})" if counts.bound else ""),
        f"{counts.unbound} unbound, {counts.claimed} of them claimed" + (", not measured" if counts.claimed else ""),
        *_rest(checked),
    ]
    return "; ".join([*parts, _weight(each for file in checked for each in file.findings)])


def _subject(checked: Sequence[Checked], counts: Counts) -> str:
    """Return what was looked at: the denominators."""
    return f"{count(len(checked), 'contract')}, {count(counts.total, 'falsifier')}"


def of_run(files: Sequence[FileResult]) -> str:
    """Return the verdict line of a run."""
    contracts = [file.checked.contract for file in files if file.checked.contract is not None]
    total = sum(len(contract.falsifiers) for contract in contracts)
    results = [each for file in files for each in file.results]
    unbound = sum(not each.is_bound for contract in contracts for each in contract.falsifiers)
    words = [_outcome(outcome, results) for outcome in Outcome]
    not_run = sum(file.not_run for file in files)
    left = total - unbound - len(results) - not_run
    nothing = "nothing measured" if total > unbound else f"0 of {total} bound"
    parts = [f"{count(total, 'falsifier')}: " + (", ".join(word for word in words if word) or nothing)]
    parts.append(f"{unbound} unbound")
    if not_run:
        parts.append(f"{not_run} not run after the first that is in the way")
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
    """Yield what was read and is not understood, and what was found and is ignored."""
    files = tuple(checked)
    keys = sum(len(each.contract.not_understood) for each in files if each.contract is not None)
    if keys:
        yield f"{count(keys, 'key')} not understood"
    ignored = sum(len(each.ignored) for each in files)
    if ignored:
        yield f"{ignored} ignored"


def _weight(findings: Iterable[Finding]) -> str:
    """Return the numbers of errors and warnings."""
    weights = Counter(each.severity for each in findings)
    words = [count(weights[Severity.ERROR], "error")] if weights[Severity.ERROR] else ["no errors"]
    if weights[Severity.WARNING]:
        words.append(count(weights[Severity.WARNING], "warning"))
    return ", ".join(words)
