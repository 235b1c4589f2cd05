"""Outcomes of one evaluation, statuses of a contract, and every move the one can cause in the other.

The two enums never mix: an outcome is what happened once, a status is what the contract says.
"Stale" is neither; it is computed where evidence is read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(StrEnum):
    """What one evaluation ended in."""

    HELD = "held"
    REFUTED = "refuted"
    NOT_MEASURED = "not_measured"
    INVALID = "invalid"
    ERROR = "error"
    TIMEOUT = "timeout"


class Status(StrEnum):
    """The words of a falsifier's status that pvcheck gives a meaning to."""

    PROPOSED = "PROPOSED"
    PENDING = "PENDING"
    DISCHARGED = "DISCHARGED"
    FALSIFIED = "FALSIFIED"


EARNED = frozenset({Status.DISCHARGED, Status.FALSIFIED})
"""The statuses that only evidence can give."""

ACTIVE = "ACTIVE"
"""A contract whose stages are not all discharged."""

CLAIMS = frozenset(
    {
        *Status,
        ACTIVE,
        "ALGORITHM_LEVEL_DISCHARGED",
        "BLOCKED",
        "CLOSED",
        "DEFERRED",
        "DEPRECATED",
        "DONE",
        "DRAFT",
        "FAIL",
        "FUNCTIONAL",
        "IMPLEMENTED",
        "IMPLEMENTING",
        "IN_PROGRESS",
        "IN_REVIEW",
        "NONE",
        "NOT_APPLICABLE",
        "OPEN",
        "PARTIAL",
        "PARTIAL_ALGORITHM_LEVEL",
        "PASS",
        "PLANNED",
        "RETIRED",
        "SHIPPED",
        "SUPERSEDED",
        "WIP",
    }
)
"""Words that contracts say of themselves. All but our four are claims: kept until a move of ours replaces them."""

FAMILIES = ("ACTIVE_", "BLOCKER_", "HARD_BLOCKING_", "PLANNED_")
"""How words start that carry their reason or their milestone with them, such as ACTIVE_RUNTIME."""

_OPEN = frozenset({Status.PROPOSED, Status.PENDING, "DRAFT", "PLANNED", "OPEN"})

TRANSITIONS: dict[tuple[Status, Outcome], Status] = {
    (Status.PROPOSED, Outcome.HELD): Status.DISCHARGED,
    (Status.PROPOSED, Outcome.REFUTED): Status.FALSIFIED,
    (Status.PENDING, Outcome.HELD): Status.DISCHARGED,
    (Status.PENDING, Outcome.REFUTED): Status.FALSIFIED,
    (Status.DISCHARGED, Outcome.REFUTED): Status.FALSIFIED,
    (Status.FALSIFIED, Outcome.HELD): Status.DISCHARGED,
}
"""Every move an outcome can cause. A pair that is not here leaves the status alone."""


_WORDS = {str(each): each for each in Status}


def is_word(word: str) -> bool:
    """Say whether a word is one that a status may be. Upstream's records write them in lower case."""
    plain = word.upper()
    return plain in CLAIMS or plain.startswith(FAMILIES)


def is_open(word: str | None) -> bool:
    """Say whether a word says that something is still to be done."""
    return word is not None and (word.upper() in _OPEN or word.upper().startswith("PLANNED_"))


def status_of(word: str | None) -> Status:
    """Return the status a word stands for; upstream's other words, and no word, count as PENDING."""
    return _WORDS.get(word or "", Status.PENDING)


def moved(word: str | None, outcome: Outcome) -> str | None:
    """Return the word after an evaluation: the same one unless the table has a move."""
    return TRANSITIONS.get((status_of(word), outcome), word)


def stage_status(word: str | None, accepted: Iterable[str | None]) -> str | None:
    """Return the status of a stage from the words of the falsifiers it names.

    FALSIFIED if any of them is; DISCHARGED if it names at least one and all are; otherwise as it
    stands, but never DISCHARGED or FALSIFIED, which its falsifiers no longer support: then PENDING.
    """
    words = tuple(accepted)
    if Status.FALSIFIED in words:
        return Status.FALSIFIED
    if words and all(each == Status.DISCHARGED for each in words):
        return Status.DISCHARGED
    return Status.PENDING if word in EARNED else word


def contract_status(word: str | None, stages: Iterable[str | None]) -> str:
    """Return the status of a contract: DISCHARGED when it has stages and all are, else ACTIVE.

    Any other word stays while nothing of ours replaces it, unless it claims DISCHARGED in vain.
    """
    words = tuple(stages)
    if words and all(each == Status.DISCHARGED for each in words):
        return Status.DISCHARGED
    return ACTIVE if word is None or word in EARNED else word
