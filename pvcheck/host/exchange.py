"""What is asked of a worker, what it replies, and the limits it works under."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pvcheck.host.devices import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.host.discovery import OfferedEvaluator
    from pvcheck.plugin import Measurement

CPU: Final = Choice("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one evaluation may use: seconds of wall-clock time, bytes of private memory and of one file, open files.

    The map of a model file is not private memory: it may be larger than ``data_bytes``.
    """

    seconds: float = 120.0
    data_bytes: int = 4 << 30
    file_bytes: int = 64 << 20
    open_files: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One evaluation to make. ``inputs`` are absolute paths by the names of the contract.

    ``formats`` is what the contract declares of them, where there is a contract. ``digests`` are the SHA-256 of whole
    inputs, by which another machine finds them; where all is done here, none is told.
    ``device`` is one of the evaluator's, or "auto". ``root`` is the folder of the project. ``hash_inputs`` asks for
    the SHA-256 of each whole input beside that of the ranges that were read.
    """

    offered: OfferedEvaluator
    parameters: Mapping[str, JSON]
    inputs: Mapping[str, str]
    formats: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    seed: int = 0
    threads: int = 1
    fault: str | None = None
    root: str = ""
    hash_inputs: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of one input: its size, the (offset, size) of the ranges, and their digests as hex."""

    size: int
    ranges: tuple[tuple[int, int], ...]
    read_sha256: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement of exactly the declared metrics; ``seconds`` is the time of the measuring function.

    ``choice`` is the device that it was made on, and why on that one.
    """

    measurement: Measurement
    reads: Mapping[str, Read]
    seconds: float
    choice: Choice = CPU
    where: Mapping[str, str] = field(default_factory=dict)
    """Host and processor, where it was measured on another machine."""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """The evaluator cannot measure here, and says why. The reason is fit for a terminal.

    ``missing`` is the input that whoever measures does not have, where that is why.
    """

    reason: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The evaluator or its process failed. The reason names the plugin and is fit for a terminal."""

    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """There was no answer within the limit, so the worker and what it had started were killed."""

    seconds: float


Reply = Measured | Unmeasured | Failed | TimedOut
