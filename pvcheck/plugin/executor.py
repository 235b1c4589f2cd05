"""Executors: where the tasks of a run are done. What crosses between pvcheck and an executor is plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pvcheck.domain.canonical import JSON


class ExecutorError(Exception):
    """Raised by an executor that cannot start or go on; its text says why, on one line, and what to do."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to be done by one worker: an evaluation, or one step or some parts of one that splits.

    ``work`` is plain JSON, made for ``Server.perform``. An executor may look at these keys of it: ``inputs`` has a path
    and ``digests`` the SHA-256 of the whole file, by the names of the contract; ``distribution`` and ``version`` say
    who offers the evaluator. It may change the paths, ``threads`` and nothing else. ``seconds`` is the time limit.
    """

    number: int
    work: Mapping[str, JSON]
    seconds: float


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a task: it has an ``answer`` of ``Server.perform``, or came to ``done`` of ``total``."""

    number: int
    answer: Mapping[str, JSON] | None = None
    done: int = 0
    total: int = 0


class Executor(Protocol):
    """What does tasks, many at a time, wherever it likes. It is called by one thread.

    A task that it cannot do is a task with an answer: ``{"kind": "error", "code": CODE, "reason": TEXT}`` or
    ``{"kind": "not_measured", "reason": TEXT}``, with ``"missing": NAME`` where the worker has not that input. A worker
    that is lost costs the executor a second try, not the run. An exception of a method means that nothing more can be
    done: all that has no answer yet becomes an error.
    """

    @property
    def slots(self) -> int:
        """How many tasks it wants at a time: enough to keep all its workers busy. It may change."""

    @property
    def overhead(self) -> float:
        """The seconds that a task costs beside its work: parts that take less time are sent several at a time."""

    @property
    def finds_inputs(self) -> bool:
        """Whether inputs may lie elsewhere than here: then each task tells the digests to find them by."""

    def submit(self, task: Task) -> None:
        """Take a task; return at once. At most ``slots`` tasks are without an answer at any time."""

    def wait(self, seconds: float) -> Sequence[Event]:
        """Return what happened since the last call, as soon as anything did, and after so many seconds anyhow."""

    def cancel(self, numbers: Collection[int]) -> None:
        """Give tasks up that nobody wants any more; their answers are not waited for, and are ignored."""

    def close(self) -> None:
        """Leave nothing behind. No task is without an answer."""

    def kill(self) -> None:
        """Stop everything at once, and leave nothing behind: the user has interrupted the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the factory of an executor is given.

    ``address`` is what stands behind ``=`` on the command line, perhaps nothing; ``jobs`` the number of ``-j``;
    ``limits`` what one evaluation may use. ``server`` names, as "package.module:name", what does tasks on a worker:
    resolve it there, call it with ``limits`` once in a process and thread, then ``perform(work, seconds, progress,
    cancelled)`` for each task, one at a time, and ``close()`` at the end. ``versions`` are those of pvcheck and Python
    here: where a worker has others, its measurements would be recorded under a wrong name.
    """

    address: str
    jobs: int
    limits: Mapping[str, JSON]
    server: str
    versions: Mapping[str, str]
