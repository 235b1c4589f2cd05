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
