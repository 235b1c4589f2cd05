"""Many evaluations and one executor: what is begun next, what came of what, and how far it all is."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from pvcheck.errors import escaped
from pvcheck.host.evaluating import Evaluation, Finished, Pace
from pvcheck.plugin import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pvcheck.host.exchange import Request
    from pvcheck.plugin import Event, Executor

T = TypeVar("T")
BREATH: Final = 0.2
"""Seconds of one look at the executor: so long an interrupt may wait where its library does not let go."""


class Scheduler:
    """Evaluations are begun in the order in which they were added, and end in any.

    :param retries: how often an evaluation, or a part of one, that ends in an error or a timeout is tried again.
    :param begun: called with the number of each evaluation when its first work is given out.
    :param progress: called with the number of an evaluation, what is done of it, and the total.
    """

    def __init__(
        self,
        executor: Executor,
        retries: int = 0,
        begun: Callable[[int], None] | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> None:
        self.executor = executor
        self._retries = retries
        self._begun = begun or _nobody
        self._progress = progress or _nobody
        self._waiting: deque[tuple[int, Evaluation]] = deque()
        self._active: dict[int, Evaluation] = {}
        self._tasks: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._evaluations = 0
        self._submitted = 0
        self._is_lost = False

    def add(self, request: Request, seconds: float) -> int:
        """Take an evaluation whose works have so many seconds each, and return its number."""
        self._evaluations += 1
        self._waiting.append((self._evaluations, Evaluation(request, seconds, self._retries)))
        return self._evaluations

    def finished(self) -> Iterator[tuple[int, Finished]]:
        """Yield the number of each evaluation and what came of it, as soon as it ends, until none is left."""
        while self._waiting or self._active:
            self._fill()
            yield from self._ended()
            if self._tasks:
                self._listen()
                yield from self._ended()

    def drop(self, numbers: Collection[int]) -> None:
        """Give evaluations up; nothing more is heard of them."""
        wanted = set(numbers)
        self._waiting = deque(each for each in self._waiting if each[0] not in wanted)
        for number in wanted & self._active.keys():
            del self._active[number]
        self._cancel(task for task, (number, _) in self._tasks.items() if number in wanted)

    def _fill(self) -> None:
        """Give works to the executor while it wants any, those of the first evaluation first."""
        pace = self._tried(lambda: Pace(self.executor.overhead, max(1, self.executor.slots)), None)
        while pace is not None and len(self._tasks) < pace.slots and self._submit(pace):
            pass

    def _submit(self, pace: Pace) -> bool:
        """Give one work to the executor, if there is one to begin."""
        for number, evaluation in self._active.items():
            work = evaluation.next(pace)
            if work is not None:
                self._submitted += 1
                self._tasks[self._submitted] = (number, work[1])
                task = Task(self._submitted, work[0], evaluation.seconds)
                self._tried(partial(self.executor.submit, task), None)
                return not self._is_lost
        if not self._waiting:
            return False
        number, evaluation = self._waiting.popleft()
        self._active[number] = evaluation
        self._begun(number)
        return True

    def _listen(self) -> None:
        """Take what the executor tells."""
        nothing: Sequence[Event] = ()
        for event in self._tried(lambda: self.executor.wait(BREATH), nothing):
            self._take(event)

    def _tried(self, call: Callable[[], T], otherwise: T) -> T:
        """Return what a call of the executor gives. It is a plugin and may raise anything: then it is lost."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - as the docstring says
            self._lose(error)
            return otherwise

    def _take(self, event: Event) -> None:
        """Take one event; one about a task that nobody waits for is ignored."""
        number, indices = self._tasks.get(event.number, (0, ()))
        evaluation = self._active.get(number)
        if evaluation is None:
            return
        if event.answer is None:
            if not indices and evaluation.progress is None:
                self._progress(number, event.done, event.total)
            return
        del self._tasks[event.number]
        evaluation.take(indices, event.answer)
        if indices and (told := evaluation.progress) is not None:
            self._progress(number, *told)
        self._cancel(
            task for task, (owner, parts) in self._tasks.items() if owner == number and evaluation.unneeded(parts)
        )

    def _cancel(self, tasks: Iterator[int]) -> None:
        """Give tasks up."""
        unneeded = list(tasks)
        if unneeded:
            for each in unneeded:
                del self._tasks[each]
            self._tried(lambda: self.executor.cancel(unneeded), None)

    def _lose(self, error: Exception) -> None:
        """End every evaluation: the executor is lost."""
        reason = escaped(f"the executor cannot go on: {str(error) or type(error).__name__}", 300)
        self._is_lost = True
        self._tasks.clear()
        self._active.update(self._waiting)
        self._waiting.clear()
        for each in self._active.values():
            if each.finished is None:
                each.lose(reason)

    def _ended(self) -> Iterator[tuple[int, Finished]]:
        """Yield the evaluations that have ended."""
        for number, evaluation in [*self._active.items()]:
            if evaluation.finished is None or number not in self._active:
                continue
            if (elsewhere := evaluation.elsewhere()) is not None:
                self._active[number] = elsewhere
                continue
            del self._active[number]
            yield number, evaluation.finished


def _nobody(*_: int) -> None:
    """Tell nobody."""
