"""Rules for the statuses that a file claims: words that mean something, and stages that agree with each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pvcheck.domain.status import CLAIMS, Status, is_open, is_word
from pvcheck.errors import quoted
from pvcheck.loading import keys
from pvcheck.rules.subject import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.rules.subject import Subject

_PLAIN = r"[A-Za-z][A-Za-z0-9_-]*"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the statuses of a file."""
    for value, route in _statuses(subject):
        yield from vocabulary(subject, value, route)
    if not subject.contract.is_strict:
        yield from ahead(subject)
        yield from order(subject)


def _statuses(subject: Subject) -> Iterator[tuple[JSON, Route]]:
    """Yield every status of the contract, its falsifiers and its stages."""
    yield subject.block("metadata").get("status"), ("metadata", "status")
    yield subject.instance.get("status"), ("status",)
    for key in ("falsification_tests", "implementation_stages"):
        for item, route in subject.items(key):
            yield item.get("status"), (*route, "status")


def vocabulary(subject: Subject, value: JSON, route: Route) -> Iterator[Finding]:
    """Report a status that is no word that anybody gave a meaning to, or that carries its reason with it."""
    found = word(value)
    if not found or is_word(found):
        return
    if re.fullmatch(_PLAIN, found):
        near = keys.nearest(found.upper(), CLAIMS)
        message = f"{quoted(found)} is no status" + (f" (did you mean {near}?)" if near else "")
        hint = f"use one of {', '.join(Status)}; other words are claims that nothing measured"
        yield subject.finding("PV216", message, route, hint)
    elif not subject.contract.is_strict:  # there the schema asks for one word
        message = f"a status must be one word, got {quoted(found)}"
        hint = "write the word that is true, and the reason in a comment or in a key of its own"
        yield subject.finding("PV211", message, route, hint)


def ahead(subject: Subject) -> Iterator[Finding]:
    """Warn of a stage that claims more than the falsifiers that decide it; in a strict contract it is an error."""
    by_id = {each.id: each for each in subject.contract.falsifiers}
    for stage in subject.contract.stages:
        if stage.status != Status.DISCHARGED:
            continue
        behind = [by_id[name] for name in stage.accepts if name in by_id and by_id[name].status != Status.DISCHARGED]
        if behind:
            said = behind[0].status or "without a status"
            message = f"the stage is DISCHARGED, but {quoted(behind[0].id or '')} is {said}"
            hint = "a stage is discharged when all its falsifiers are"
            yield subject.finding("PV411", message, (*stage.route, "status"), hint)


def order(subject: Subject) -> Iterator[Finding]:
    """Warn of a stage that is still open while a later one is said to be discharged."""
    stages = subject.contract.stages
    last = next((each for each in reversed(stages) if each.status == Status.DISCHARGED), None)
    if last is None:
        return
    for stage in stages[: stages.index(last)]:
        if is_open(stage.status):
            message = f"the stage is {stage.status}, but the later {quoted(last.id or '')} is DISCHARGED"
            hint = "discharge this one, or say that the later one is not"
            yield subject.finding("PV331", message, (*stage.route, "status"), hint)
