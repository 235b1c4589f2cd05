"""Evaluations one at a time, on workers that are kept: for whoever has one question after the other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from pvcheck.host.crew import Crew
from pvcheck.host.scheduling import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from pvcheck.host.exchange import Limits, Reply, Request


class Pool:
    """Workers that are started when they are needed, kept while they behave, and replaced when they do not.

    Not for several threads at a time. Workers end with the thread that started them. Inputs must stay as they
    are from the first evaluation that uses them on.
    """

    def __init__(self, limits: Limits, python: str = sys.executable) -> None:
        self.limits = limits
        self.crew = Crew(limits, python=python)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception):
            self.close()
        else:
            self.kill()

    def prestart(self, warm: Sequence[str] = ()) -> None:
        """Start a worker now, so that it gets ready while the caller does something else.

        :param warm: implementations ("package.module:function") whose modules it imports ahead. That runs
            code of plugins: name only what may run.
        """
        self.crew.prestart(warm)

    def evaluate(
        self,
        request: Request,
        *,
        seconds: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Reply:
        """Make one evaluation. Whatever goes wrong in the worker is a reply, and costs later ones nothing.

        :param seconds: the time limit, if not that of the pool, of each work that it is split into. Starting a
            worker counts; when it is over, the evaluation has ``process.NOTICE`` to tidy up.
        :param on_progress: called with what is done and the total while the evaluation is made, ten times a second
            at most where the evaluator keeps to its context.
        """

        def progress(_: int, done: int, total: int) -> None:
            if on_progress is not None:
                on_progress(done, total)

        scheduler = Scheduler(self.crew, progress=progress)
        number = scheduler.add(request, self.limits.seconds if seconds is None else seconds)
        try:
            found = dict(scheduler.finished())
        except BaseException:  # an interrupt above all: nothing may go on behind the user's back
            self.crew.give_up()
            raise
        return found[number].reply

    def close(self) -> None:
        """End all workers. They get a moment to write out what they hold."""
        self.crew.close()

    def kill(self) -> None:
        """End all workers at once."""
        self.crew.kill()
