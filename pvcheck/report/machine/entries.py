"""What a document says that somebody should look at: findings, and verdicts of measurements that are not green."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.domain.canonical import JSON

VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "refuted": ("pv-refuted", "was refuted"),
    "invalid": ("pv-invalid", "came to no verdict"),
    "error": ("pv-error", "could not be measured"),
    "timeout": ("pv-timeout", "did not answer in time"),
    "not_measured": ("pv-not-measured", "was not measured"),
}
"""Outcomes that are no finding of a rule: the name that other programs know each by, and its words."""
RULES: Final[Mapping[str, tuple[str, str]]] = {
    "pv-refuted": ("a claim that was refuted", "A measurement lies outside the bounds of the contract."),
    "pv-invalid": ("a measurement without a verdict", "A guard found that the measurement supports no verdict."),
    "pv-error": ("an evaluation that failed", "The evaluator failed, so nobody can tell whether the claim holds."),
    "pv-timeout": ("an evaluation without an answer", "The evaluator gave no answer within its time."),
    "pv-not-measured": ("a claim that was not measured", "What the measurement needs is not there."),
}
"""What each of these names means: a title, and a sentence."""

_ITEM: Final = re.compile(r"\[([0-9]+)\] ")


class Entry(NamedTuple):
    """One thing to look at. ``level`` is a severity; ``key`` tells entries apart however lines move."""

    rule: str
    level: str
    text: str
    hint: str
    path: str
    line: int | None
    column: int | None
    contract: str
    falsifier: str
    nth: int

    @property
    def key(self) -> tuple[str, ...]:
        """What stays when text above it is edited: the rule, whom it is about, which of several alike it is."""
        return (self.rule, self.contract or self.path, self.falsifier, str(self.nth))


def entries(document: JSON) -> tuple[Entry, ...]:
    """Return the findings of a document in their order, then the verdicts."""
    found: list[Entry] = []
    counts: dict[tuple[str, ...], int] = {}
    for each in (*_findings(document), *_verdicts(document)):
        alike = each.key
        counts[alike] = counts.get(alike, 0) + 1
        found.append(each._replace(nth=counts[alike]))
    return tuple(found)


def _findings(document: JSON) -> Iterator[Entry]:
    """Yield the findings of rules."""
    for each in document["findings"]:
        names = each["contract"] or "", each["falsifier"] or ""
        place = each["path"], each["line"], each["column"]
        yield Entry(each["code"], each["severity"], each["message"], each["hint"], *place, *names, 0)


def _verdicts(document: JSON) -> Iterator[Entry]:
    """Yield the measurements that did not hold. One that asks for no exit status is worth a note."""
    for contract in document["contracts"]:
        for each in contract["falsifiers"]:
            result = each["result"]
            if result is None or result["outcome"] == "held":
                continue
            rule, words = VERDICTS[result["outcome"]]
            name = each["id"] or ""
            why = result["reason"] or refuted(result)
            known = (
                ": the contract says FALSIFIED" if result["outcome"] == "refuted" and not is_in_the_way(each) else ""
            )
            text = f"{name} {words}{f': {why}' if why else ''}{' (a regression)' if result['regression'] else known}"
            place = contract["path"], each["line"], each["column"]
            level = "error" if is_in_the_way(each) else "note"
            yield Entry(rule, level, text, "", *place, contract["id"] or "", name, 0)


def is_in_the_way(falsifier: JSON) -> bool:
    """Say whether the result of a falsifier asks for an exit status."""
    return bool(falsifier["result"]["exit_status"])


def refuted(result: JSON) -> str:
    """Return the bounds that a result lies outside of, each with its number."""
    missed = (shown(result, each) for each in result["bounds"] if not each["held"])
    return "; ".join(f"{number}, not {limit}" for number, limit in missed)


def shown(result: JSON, bound: JSON) -> tuple[str, str]:
    """Return the number that a bound is on, where it is on one, and what it asks of that number."""
    name, limit = bound["metric"], bound["bound"]
    metric = next((each for each in result["metrics"] if each["name"] == name), None)
    if metric is None:
        return f"{name} is not reported", limit
    numbers = metric["bits"] if "0x" in limit else metric["decimal"]
    if isinstance(numbers, str):
        return f"{name} is {numbers}", limit
    item = _ITEM.match(limit)
    if item is not None and int(item[1]) < len(numbers):
        return f"{name}[{item[1]}] is {numbers[int(item[1])]}", limit[item.end() :]
    return f"{name} has {len(numbers)} numbers", limit
