"""What a run was asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Mode(StrEnum):
    """What a run does with its results."""

    REPORT = "report"
    WRITE = "write"
    CHECK = "check"
    DIFF = "diff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one run. ``select`` is text that the id of a falsifier must contain, case aside."""

    mode: Mode = Mode.REPORT
    select: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    seed: int = 0
    threads: int = 1
    allow_unmeasured: bool = False
    against: str | None = None
    """A commit whose settings hold in place of those on disk."""
    results: Path | None = None
    """The file that takes the records of what was decided, for ``pv apply`` on another host."""
    jobs: int = 1
    """How many evaluations, or parts of one, are made at a time."""
    executor: str = "local"
    """Where they are made: the name of an executor, perhaps with ``=`` and an address."""
    timeout: float | None = None
    """Seconds for one evaluation in place of those of the settings."""
    exit_first: bool = False
    """Whether what follows the first evaluation that is refuted or ends in an error is left out."""
    retries: int = 0
    """How often an evaluation that ends in an error or a timeout is made again."""
    repeat: int = 1
    """How often each evaluation is made, to the same bits."""
    failed: bool = False
    """Whether only falsifiers are meant that are FALSIFIED or did not hold when they were last run."""
    stale: bool = False
    """Whether only falsifiers are meant whose status the evidence does not support."""
    changed: str | None = None
    """A commit, or ``auto``: only falsifiers are meant whose contract, record or inputs differ from it."""
