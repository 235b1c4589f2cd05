"""Rules for numbers and groups that repeat what stands elsewhere in the file, and may say something else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pvcheck.domain.status import Status
from pvcheck.errors import Severity, quoted
from pvcheck.rules.subject import counted, is_count, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.rules.subject import Subject

_PARTS = ("l2_property_tested", "l3_kani_proved", "l4_lean_proved", "l4_sorry_count", "l4_not_applicable")
_PARTS_TOO = ("proven", "tested")
_COUNTS = ("total_", "num_", "number_of_", "n_")
_LISTED = r"\b(?P<count>[0-9]{1,6})/[0-9]{1,6}\b[^()0-9]{0,120}\((?P<listed>[0-9]{3}(?:/[0-9]{3})+)"
_ROWS = {"rows": ("rows", "categories")}
"""Lists that a headline counts under another name."""

# fmt: off
_DONE = frozenset({
    "bound", "discharged", "done", "implemented", "pass", "passed", "passing", "proved", "proven", "shipped", "tested",
    "verified",
})
_NOT_DONE = frozenset({
    "blocked", "deferred", "fail", "failed", "failing", "missing", "not", "open", "pending", "planned", "todo",
    "unbound",
})
# fmt: on
_OWN = frozenset({"falsification_tests", "inputs", "amendments"})
"""Blocks of ours in which numbers are parameters and bounds, never counts."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what disagrees with the lists it summarises."""
    yield from totals(subject)
    yield from parts(subject)
    yield from too_early(subject)
    yield from counts_and_groups(subject)


def totals(subject: Subject) -> Iterator[Finding]:
    """Report totals of ``verification_summary`` that the lists of the file do not have."""
    summary = subject.block("verification_summary")
    obligations = [item for item, _ in subject.items("proof_obligations")]
    proofs = [item["lean"] for item in obligations if isinstance(item.get("lean"), dict)]
    proved = sum(each.get("status") == "proved" for each in proofs)
    harnesses = sum(1 for _ in subject.items("kani_harnesses"))
    told = (
        ("total_obligations", len(obligations), "obligation", "obligations", True),
        ("l3_kani_proved", harnesses, "harness", "harnesses", False),
        ("l4_lean_proved", proved, "proof marked proved", "proofs marked proved", False),
    )
    for key, found, noun, nouns, exactly in told:
        said = summary.get(key)
        if is_count(said) and (said != found if exactly else said > found):
            message = f"{key} says {said}, and the file has {counted(found, noun, nouns)}"
            hint = f"write {found}, or add what is missing"
            yield subject.finding("PV327", message, ("verification_summary", key), hint)


def parts(subject: Subject) -> Iterator[Finding]:
    """Report a part of ``verification_summary`` that is larger than the whole."""
    summary = subject.block("verification_summary")
    total = summary.get("total_obligations")
    for key in (*_PARTS, *_PARTS_TOO):
        if is_count(total) and is_count(summary.get(key)) and summary[key] > total:
            message = f"{key} is {summary[key]}, more than the {total} of total_obligations"
            hint = "count again: a part cannot be larger than the whole"
            yield subject.finding("PV328", message, ("verification_summary", key), hint)


def too_early(subject: Subject) -> Iterator[Finding]:
    """Report a contract that says it is done or active while its own summary says that nothing was tested."""
    summary = subject.block("verification_summary")
    is_idle = summary.get("tested") == 0 and not isinstance(summary.get("tested"), bool)
    is_idle = is_idle or word(summary.get("status")).upper() == Status.PENDING
    places: tuple[Route, ...] = (("metadata", "status"), ("status",))
    for route in places:
        value = subject.block("metadata").get("status") if len(route) > 1 else subject.instance.get("status")
        claim = word(value).upper()
        is_early = claim in {"DISCHARGED", "FUNCTIONAL", "SHIPPED"} or (
            not subject.contract.is_strict and claim.startswith("ACTIVE")
        )
        if is_idle and is_early:
            key = "tested" if summary.get("tested") == 0 else "status"
            message = f"the status is {claim}, but verification_summary.{key} says {summary[key]}"
            yield subject.finding("PV333", message, route, "set back the one that is ahead of the other")


def counts_and_groups(subject: Subject) -> Iterator[Finding]:
    """Yield counts that differ from the list they count, and ids in two groups that exclude each other."""
    waiting: list[tuple[Route, JSON]] = [((), subject.instance)]
    while waiting:
        route, value = waiting.pop()
        if isinstance(value, dict):
            yield from _counts(subject, route, value)
            yield from _opposites(subject, route, value)
            below = [(key, each) for key, each in value.items() if _is_asked(each)]
            waiting += [((*route, key), each) for key, each in below if not (route == () and key in _OWN)]
        elif isinstance(value, list):
            waiting += [((*route, index), each) for index, each in enumerate(value) if _is_asked(each)]
        else:
            yield from _listed(subject, route, value)


def _is_asked(value: JSON) -> bool:
    """Say whether a value has parts, or words that may be a list; most have neither, and need no route."""
    return isinstance(value, dict | list) or (isinstance(value, str) and "/" in value and "(" in value)


def _counts(subject: Subject, route: Route, block: dict[str, JSON]) -> Iterator[Finding]:
    """Report a number whose name says which list it counts: beside it, or at the top of the file."""
    for key, said in block.items():
        noun = _counted_by(key)
        if not noun or not is_count(said) or route[:1] == ("verification_summary",):
            continue
        for name in _ROWS.get(noun, (noun, f"{noun}s")):
            listed = block.get(name, subject.instance.get(name))
            if isinstance(listed, list) and len(listed) != said:
                message = f"{key} says {said}, and {name} has {counted(len(listed), 'item')}"
                hint = f"write {len(listed)}, or mend the list"
                yield subject.finding("PV329", message, (*route, key), hint, severity=Severity.WARNING)


def _counted_by(key: str) -> str:
    """Return what a key counts by its name: layers for ``total_layers`` and ``layers_count``; nothing for others."""
    if key.endswith("_count"):
        return key.removesuffix("_count")
    return next((key.removeprefix(each) for each in _COUNTS if key.startswith(each)), "")


def _listed(subject: Subject, route: Route, text: str) -> Iterator[Finding]:
    """Report a sentence that counts ids and names another number of them: "4/10 bound (001/003/004/005/008)"."""
    for match in re.finditer(_LISTED, text):
        named = len(match["listed"].split("/"))
        if named != int(match["count"]):
            message = f"the text says {match['count']} and names {named} ({match['listed']})"
            hint = "count again, and name the ones that are meant"
            yield subject.finding("PV329", message, route, hint, severity=Severity.WARNING)


def _opposites(subject: Subject, route: Route, block: dict[str, JSON]) -> Iterator[Finding]:
    """Report an id that one list calls done and the list beside it calls open."""
    lists = {key: value for key, value in block.items() if isinstance(value, list)}
    done = [key for key in lists if _DONE & set(key.split("_")) and not _NOT_DONE & set(key.split("_"))]
    waiting = [key for key in lists if _NOT_DONE & set(key.split("_"))]
    for one in done:
        for other in waiting:
            names = {each for each in lists[one] if isinstance(each, str)}
            for index, each in enumerate(lists[other]):
                if isinstance(each, str) and each in names:
                    message = f"{quoted(each)} stands under {one} and under {other}"
                    place = (*route, other, index)
                    yield subject.finding("PV334", message, place, "keep the true one", severity=Severity.WARNING)
