"""The far side of an executor: does the tasks of another machine, in worker processes of this one."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from pvcheck.host import machine
from pvcheck.host.crew import Crew
from pvcheck.host.exchange import Limits
from pvcheck.plugin import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pvcheck.domain.canonical import JSON

LOOK = 0.1
"""Seconds between two looks at whether the task is still wanted."""


class Server:
    """One worker at a time, kept from task to task; a task that crashes or hangs costs that task alone.

    Workers end with the thread that makes the first call, so keep to one thread. The inputs of a task must be where its
    ``inputs`` say, and stay as they are.
    """

    def __init__(self, limits: Mapping[str, JSON]) -> None:
        self._crew = Crew(Limits(**limits))
        self._tasks = 0
        self._where = {"host": platform.node(), "processor": machine.processor()}

    def perform(
        self,
        work: Mapping[str, JSON],
        seconds: float,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Mapping[str, JSON] | None:
        """Do one task and return its answer; None where it was cancelled.

        :param progress: called with what is done and the total.
        :param cancelled: asked ten times a second whether the task is to be given up.
        """
        self._tasks += 1
        try:
            self._crew.submit(Task(self._tasks, work, seconds))
            while cancelled is None or not cancelled():
                for event in self._crew.wait(LOOK):
                    if event.answer is not None:
                        return {**event.answer, "where": self._where}
                    if progress is not None:
                        progress(event.done, event.total)
        except BaseException:
            self._crew.give_up()
            raise
        self._crew.give_up()
        return None

    def close(self) -> None:
        """End the workers."""
        self._crew.close()
