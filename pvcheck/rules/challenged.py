"""Rules of challenges: a demanded score needs a record that is sound, about today's claims, and still good enough.

Nothing is planted here. The trials of the record are judged under today's bounds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.claim import claim
from pvcheck.domain.teeth import Challenged, Expected, total
from pvcheck.errors import Finding, Severity, escaped, quoted
from pvcheck.evidence import challenge, store
from pvcheck.evidence.record import RecordError
from pvcheck.files import DISK, Disk
from pvcheck.rules.earned import claim_changes
from pvcheck.text import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.domain.route import Route
    from pvcheck.evidence.challenge import ChallengeRecord, Entry
    from pvcheck.text import Document

AGAIN = "pv challenge --write plants the faults again"
_SHOWN = 3
"""Falsifiers, faults or bounds that one sentence names; the command shows all."""


class Case(NamedTuple):
    """One contract, where its file lies, and the score that the settings demand."""

    contract: Contract
    document: Document
    path: Path
    setting: float | None = None
    disk: Disk = DISK

    @property
    def least(self) -> float | None:
        """The score that is demanded: a contract may ask for more than the settings, never for less."""
        own = self.contract.challenge.least if self.contract.challenge else None
        return max((each for each in (own, self.setting) if each is not None), default=None)

    @property
    def place(self) -> Route:
        """Where the demand stands, or the contract's own words about itself where the settings demand it."""
        own = self.contract.challenge.least if self.contract.challenge else None
        return ("challenge", "min") if own is not None and own == self.least else ("metadata",)

    def finding(self, code: str, message: str, *route: str | int, hint: str = AGAIN, exit_code: int = 1) -> Finding:
        """Return a finding: a warning where no score is demanded and the record is only out of date."""
        place = route or self.place
        weighs = self.least is not None or exit_code != 1
        severity = Severity.ERROR if weighs else Severity.WARNING
        is_block = not isinstance(self.document.get(place), Scalar)
        return self.document.finding(code, message, place, hint, severity, at_key=is_block, exit_code=exit_code)


def check(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the challenge of a contract: no record, a bad one, an old one, or a low score."""
    told = case.contract.challenge
    if told is None or told.evidence is None:
        if case.least is not None and any(each.is_bound for each in case.contract.falsifiers):
            message = f"a score of {case.least:g} is demanded of the bounds, and there is no record of a challenge"
            yield case.finding("PV620", message, hint="pv challenge --write plants the faults and keeps the record")
        return
    record, problem = loaded(case, told.evidence)
    if problem is not None:
        yield problem
    if record is None:
        return
    changes = list(changed(case, record))
    yield from changes
    if not changes:
        pairs = ((each, record.entry(each.id)) for each in case.contract.falsifiers if each.is_bound)
        yield from shortfall(case, [under(each, entry, case.document) for each, entry in pairs if entry is not None])


def loaded(case: Case, reference: str) -> tuple[ChallengeRecord | None, Finding | None]:
    """Return the record of a contract's challenge, or the finding that says why it cannot be believed."""
    route, out = ("challenge", "evidence"), f"take the line out: {AGAIN}"
    back = f"bring it back from git, or {out}"
    try:
        record = challenge.load(case.path, reference, case.disk)
    except store.MissingError as error:
        message = f"the record {error} of the challenge {error.told(f'evidence/{escaped(case.path.stem)}/')}"
        return None, case.finding("PV621", message, *route, hint=f"{error.hint}, or {out}", exit_code=5)
    except store.ForgedError as error:
        message = f"the record {error} of the challenge does not have the bytes that its name promises"
        return None, case.finding("PV622", message, *route, hint=back, exit_code=5)
    except RecordError as error:
        message = f"not a record of a challenge: {escaped(str(error))}"
        return None, case.finding("PV623", message, *route, hint=back, exit_code=5)
    if record.contract != case.contract.id:
        message = f"the record of the challenge is about {quoted(record.contract)}"
        return None, case.finding("PV623", message, *route, hint=back, exit_code=5)
    return record, None


def changed(case: Case, record: ChallengeRecord) -> Iterator[Finding]:
    """Yield why a sound record is not about today's claims and bounds, at most one reason a falsifier."""
    for each in case.contract.falsifiers:
        if each.is_bound and (news := _news(case, each, record)):
            message, route = news
            yield case.finding("PV624", message, *each.route, *route)


def _news(case: Case, falsifier: Falsifier, record: ChallengeRecord) -> tuple[str, Route] | None:
    """Return what changed about one falsifier since the challenge, and where that stands."""
    name, entry = quoted(falsifier.id or ""), record.entry(falsifier.id)
    if entry is None:
        left_out = falsifier.id in record.left_out
        return None if left_out else (f"{name} was not there when the contract was challenged", ("id",))
    for what, route in claim_changes(entry.claim, claim(falsifier, case.contract)):
        return f"{what} since the contract was challenged", route
    for each in falsifier.expectations:
        if each.metric not in entry.clean:
            message = f"{each.metric} is bounded now, and was not when the contract was challenged"
            return message, ("expect", each.metric)
    return None


def under(falsifier: Falsifier, entry: Entry, document: Document) -> Challenged:
    """Return trials together with the bounds of a falsifier, spelled as its contract does.

    A guard that the contract accepts today stops no trial: then the numbers decide.
    """
    values = {name: each.value for name, each in entry.clean.items()}
    expected = tuple(
        Expected(each.metric, each.bound, entry.clean[each.metric].type, _spelled(document, each.route))
        for each in falsifier.expectations
    )
    trials = tuple(each._replace(guard="") if each.guard in falsifier.accept else each for each in entry.trials)
    return Challenged(falsifier.id or "", values, trials, expected)


def _spelled(document: Document, route: Route) -> str:
    """Return a bound as its contract writes it."""
    node = document.get(route)
    return node.text if isinstance(node, Scalar) else ""


def shortfall(case: Case, challenged: Sequence[Challenged]) -> Iterator[Finding]:
    """Yield that the score is below the least that is demanded, with the falsifiers and bounds that lack teeth."""
    least, score = case.least, total(each.score for each in challenged)
    if least is None or not challenged:
        return
    if score.ratio is None:
        message = f"a score of {least:g} is demanded of the bounds, and no fault that was planted moved anything"
        hint = "use evaluators that declare faults: pv plugins show names them"
        yield case.finding("PV626", message, hint=hint)
    elif score.ratio < least:
        caught = f"{score.caught} of {score.moved} faults are caught"
        verdict = f"a score of {shown(score.ratio)} where {least:g} is demanded"
        message = f"{caught}, {verdict}: {_toothless(challenged)}"
        yield case.finding("PV625", message, hint="pv challenge names a tighter bound for each that lets faults pass")


def _toothless(challenged: Iterable[Challenged]) -> str:
    """Return which falsifiers let which faults pass, and which of their bounds cannot fail."""
    parts: list[str] = []
    for each in challenged:
        if each.missed:
            text = f"{escaped(each.falsifier, 60)} misses {some(each.missed)}"
            idle = [f"{one.expected.metric} {one.expected.spelled}" for one in each.teeth() if one.cannot_fail]
            parts.append(text + (f" ({some(idle)} cannot fail)" if idle else ""))
    left = len(parts) - _SHOWN
    return "; ".join(parts[:_SHOWN]) + (f"; and {left} more falsifiers" if left > 0 else "")


def some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    shown_names = ", ".join(escaped(each, 60) for each in names[:_SHOWN])
    return shown_names + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def shown(ratio: float) -> str:
    """Return a score in at most three digits, never rounded up: 0.9996 is not 1."""
    return f"{math.floor(ratio * 1000 + 1e-9) / 1000:.3f}".rstrip("0").rstrip(".")
