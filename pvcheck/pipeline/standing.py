"""How each falsifier of a contract stands: what its evidence supports, why not, and who made it where."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.status import EARNED
from pvcheck.errors import Finding, escaped
from pvcheck.evidence import store
from pvcheck.evidence.record import RecordError
from pvcheck.loading import catalogue
from pvcheck.rules.earned import by_metric, today, today_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.checking import Checked
    from pvcheck.text import Document

ABOUT_FALSIFIERS = frozenset(
    {"PV401", "PV402", "PV403", "PV404", "PV405", "PV406", "PV407", "PV408", "PV409", "PV410", "PV413"}
)
"""Findings about the status of one falsifier."""


class Standing(NamedTuple):
    """One falsifier. ``reasons`` say why its evidence does not support its status, ``notes`` what else to know."""

    falsifier: Falsifier
    is_stale: bool
    reasons: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


class Standings(NamedTuple):
    """The falsifiers of one contract, and the findings that are about something else in it."""

    checked: Checked
    falsifiers: tuple[Standing, ...]
    rest: tuple[Finding, ...]


class Teller:
    """Tells how falsifiers stand; the catalogue of a repository is read once."""

    def __init__(self) -> None:
        self._versions: dict[Path, Mapping[str, str]] = {}

    def standings(self, checked: Checked) -> Standings:
        """Return how the falsifiers of one file stand."""
        contract, document = checked.contract, checked.document
        if contract is None or document is None:
            return Standings(checked, (), checked.findings)
        owned = _by_falsifier(checked.findings, contract, document)
        told = {id(each) for reasons in owned.values() for each in reasons}
        rest = tuple(each for each in checked.findings if id(each) not in told)
        return Standings(
            checked,
            tuple(
                Standing(
                    each,
                    each.is_bound and each.status in EARNED and each.id in checked.stale,
                    tuple(owned[index]),
                    tuple(self._notes(each, checked)) if contract.is_strict else (),
                )
                for index, each in enumerate(contract.falsifiers)
            ),
            rest,
        )

    def _notes(self, falsifier: Falsifier, checked: Checked) -> Iterator[str]:
        """Yield what to know of the evidence of one falsifier, where it is sound."""
        record = sound(falsifier, checked.path)
        if record is None:
            return
        if host := elsewhere(record):
            yield f"made on {host}"
        if record.claim["evaluator"] == falsifier.evaluator:
            yield from self._evaluator(record, checked)
        if falsifier.id not in checked.stale and judged_under(record) != today(falsifier):
            refused, outcome = today_of(falsifier, record)
            yield f"{record.outcome} then, {outcome} under today's bounds{refused}"

    def _evaluator(self, record: Record, checked: Checked) -> Iterator[str]:
        """Yield that the evaluator is of another version since."""
        root = checked.config.root
        if root not in self._versions:
            self._versions[root] = {name: str(each.get("version", "")) for name, each in catalogue.table(root).items()}
        name, then = str(record.claim["evaluator"]), str(record.made_by.get("evaluator_version", ""))
        now = self._versions[root].get(name, then)
        if then and now != then:
            yield f"measured by {escaped(name)} {escaped(then)}, which is {escaped(now)} today"


def sound(falsifier: Falsifier, contract: Path) -> Record | None:
    """Return the record that a falsifier names, if it can be read and is about it."""
    if falsifier.evidence is None:
        return None
    try:
        record = store.load(contract, falsifier.evidence)
    except (store.MissingError, store.ForgedError, RecordError):
        return None
    return record if record.falsifier == falsifier.id else None


def elsewhere(record: Record) -> str:
    """Return the host that made a record, where it is not this one or does not say."""
    host = str(record.made_at.get("host", ""))
    return "" if host == platform.node() else escaped(host, 60) or "an unnamed host"


def judged_under(record: Record) -> dict[str, tuple[str, ...]]:
    """Return the bounds that a record was judged under, by metric."""
    return by_metric((each.metric, each.bound) for each in record.judged)


def _by_falsifier(findings: tuple[Finding, ...], contract: Contract, document: Document) -> dict[int, list[Finding]]:
    """Return the findings about each falsifier, by its index: those between its first character and the next one's."""
    starts = [document.place(each.route) for each in contract.falsifiers]
    owned: dict[int, list[Finding]] = {index: [] for index in range(len(starts))}
    for each in findings:
        before = [index for index, start in enumerate(starts) if start <= (each.line, each.column)]
        if each.code in ABOUT_FALSIFIERS and before:
            owned[before[-1]].append(each)
    return owned
