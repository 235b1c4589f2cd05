"""The worker processes of one machine, as an executor: tasks in, answers out, as many at a time as there are slots."""

from __future__ import annotations

import os
import secrets
import select
import sys
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pvcheck.host import codes, frames, orphans, works
from pvcheck.host.process import NOTICE, TICK, Late, Lost, WorkerProcess
from pvcheck.plugin import Event, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pvcheck.domain.canonical import JSON
    from pvcheck.host.exchange import Limits

UNFIT: Final = 0.5
"""Seconds in which a worker that takes no further request may leave; a thread of its own may keep it for ever."""
_IDLE: Final = ""
"""The place of a worker that no distribution has used yet."""


@dataclass(slots=True)
class _Duty:
    """A worker with a task."""

    task: Task
    worker: WorkerProcess
    nonce: str


@dataclass(slots=True)
class _Leaving:
    """A worker that is given a moment before it is ended; ``event`` is what happened to its task, if anybody asks."""

    worker: WorkerProcess
    until: float
    has_left: Callable[[], bool]
    event: Event | None


@dataclass(slots=True)
class _Place:
    """What one run holds on to: its idle workers by distribution, and the inputs as it first met them."""

    idle: dict[str, list[WorkerProcess]] = field(default_factory=dict)
    inputs: dict[str, tuple[int, ...] | None] = field(default_factory=dict)


class Crew:
    """Workers by the distribution whose evaluators they run: one plugin's state never meets another's.

    Not for several threads at a time: one thread waits for all workers, and none of them holds up another. Workers end
    with the thread that started them. Inputs must stay as they are from the first task that uses them on.
    """

    overhead = 0.0003
    finds_inputs = False

    def __init__(self, limits: Limits, slots: int = 1, python: str = sys.executable) -> None:
        self.limits = limits
        self.slots = slots
        self._python = python
        self._place = _Place()
        self._queue: deque[Task] = deque()
        self._duties: dict[int, _Duty] = {}
        self._leaving: list[_Leaving] = []
        self._events: list[Event] = []
        self._adopts = False

    def prestart(self, warm: Sequence[str] = (), workers: int = 1) -> None:
        """Start workers now, so that they get ready while the caller does something else.

        :param warm: implementations ("package.module:function") whose modules they import ahead. That runs
            code of plugins: name only what may run.
        """
        waiting = self._place.idle.setdefault(_IDLE, [])
        while len(waiting) < min(workers, self.slots):
            waiting.append(self._start(warm))

    def submit(self, task: Task) -> None:
        """Take a task; it is begun as soon as there is a slot."""
        self._queue.append(task)
        self._begin()

    def wait(self, seconds: float) -> Sequence[Event]:
        """Return what happened, as soon as anything did, and after so many seconds anyhow."""
        deadline = time.monotonic() + seconds
        while True:
            self._begin()
            left = deadline - time.monotonic()
            if self._events or left <= 0 or not (self._duties or self._leaving):
                events, self._events = self._events, []
                return events
            self._look(left)

    def cancel(self, numbers: Collection[int]) -> None:
        """Give tasks up: their workers have a moment to tidy up, and are ended."""
        self._queue = deque(each for each in self._queue if each.number not in numbers)
        for number in numbers:
            if (duty := self._duties.pop(number, None)) is not None:
                self._warn(duty.worker, None)

    def close(self) -> None:
        """End all workers. Idle ones get a moment to write out what they hold."""
        for worker in self._idle():
            worker.hang_up()
        self._end(gently=True)

    def kill(self) -> None:
        """End all workers; those that measure have a moment to tidy up."""
        try:
            self.give_up()
        finally:
            self._end(gently=False)

    def give_up(self) -> None:
        """Give all tasks up, and wait until nothing is left of them."""
        self._queue.clear()
        self._events.clear()
        try:
            self.cancel([*self._duties])
            while any(each.until > time.monotonic() and not each.has_left() for each in self._leaving):
                time.sleep(0.001)
        finally:
            leaving, self._leaving = self._leaving, []
            _end_all([(each.worker, False) for each in leaving])

    def _idle(self) -> list[WorkerProcess]:
        """Return the workers without a task."""
        return [worker for several in self._place.idle.values() for worker in several]

    def _end(self, *, gently: bool) -> None:
        """End all workers, and leave orphans to the system again."""
        self._queue.clear()
        busy = [*(each.worker for each in self._duties.values()), *(each.worker for each in self._leaving)]
        workers = [*((worker, gently) for worker in self._idle()), *((worker, False) for worker in busy)]
        self._place.idle.clear()
        self._duties.clear()
        self._leaving.clear()
        try:
            _end_all(workers)
        finally:
            if self._adopts:
                orphans.disown()
                self._adopts = False

    def _begin(self) -> None:
        """Give tasks to workers while there are slots."""
        while self._queue and len(self._duties) + len(self._leaving) < self.slots:
            task = self._queue.popleft()
            if name := self._changed(task.work):
                reason = f"the input {name} is no longer the file that this run began with"
                self._tell(task, works.error(task.work, codes.CHANGED, reason))
                continue
            nonce = secrets.token_hex(8)
            try:
                message = works.messages(task.work, nonce)
                worker = self._worker(str(task.work["distribution"]))
            except (OSError, frames.BadFrame) as error:
                why = error.strerror if isinstance(error, OSError) else str(error)
                self._tell(task, works.error(task.work, codes.DIED, f"no worker could be started: {why}"))
                continue
            self._duties[task.number] = _Duty(task, worker, nonce)
            worker.begin(message, task.seconds)
            self._step(task.number)

    def _tell(self, task: Task, answer: Mapping[str, JSON]) -> None:
        """Note the answer to a task."""
        self._events.append(Event(task.number, answer))

    def _look(self, seconds: float) -> None:
        """Wait until a worker is heard from, or one is to be looked at, and let those go on."""
        poll = select.poll()
        owners: dict[int, int] = {}
        patience = min(seconds, TICK)
        for number, duty in self._duties.items():
            patience = min(patience, duty.worker.patience())
            for descriptor, events in duty.worker.interests():
                poll.register(descriptor, events)
                owners[descriptor] = number
        if self._leaving:
            patience = min(patience, 0.002)
        heard = {owners[descriptor] for descriptor, _ in poll.poll(patience * 1000)}
        for number, duty in [*self._duties.items()]:
            if number in heard or not duty.worker.patience():
                self._step(number)
        self._leave()

    def _step(self, number: int) -> None:
        """Let one worker go on with its task."""
        duty = self._duties[number]
        told: list[tuple[int, int]] = []
        try:
            body = duty.worker.step(lambda *counts: told.append(counts))
        except Late:
            del self._duties[number]
            answer = {"kind": "timeout", "seconds": duty.task.seconds}
            self._warn(duty.worker, Event(number, answer))
        except Lost as error:
            del self._duties[number]
            self._lost(duty, error)
        else:
            self._events += [Event(number, None, *counts) for counts in told[-1:]]
            if body is not None:
                del self._duties[number]
                self._answered(duty, body)

    def _lost(self, duty: _Duty, error: Lost) -> None:
        """End a worker that gives no answer, and say so."""
        duty.worker.kill()
        code = codes.GARBLED if error.garbled else codes.DIED
        self._tell(duty.task, works.error(duty.task.work, code, str(error)))

    def _answered(self, duty: _Duty, body: bytes) -> None:
        """Note an answer; a worker that cannot take another task is ended."""
        work = duty.task.work
        try:
            told = frames.unpacked(body)
            if told["nonce"] != duty.nonce:
                raise Lost("the worker answered something that was not asked", garbled=True)
            is_fit = told["last"] is False
            answer = works.checked(work, told)
        except Lost as error:
            self._lost(duty, error)
            return
        except works.Refused as error:
            answer, is_fit = works.error(work, error.code, str(error)), False
        except works.UNREADABLE as error:
            self._lost(duty, Lost(f"the worker's answer cannot be read: {error!r:.80}", garbled=True))
            return
        if answer["kind"] not in {"not_measured", "error"} and (name := self._changed(work)):
            answer = works.error(work, codes.CHANGED, f"the input {name} changed while it was measured")
        if is_fit:
            self._place.idle.setdefault(str(work["distribution"]), []).append(duty.worker)
            self._tell(duty.task, answer)
        else:
            duty.worker.hang_up()  # it leaves by itself
            until = time.monotonic() + UNFIT
            self._leaving.append(_Leaving(duty.worker, until, duty.worker.has_left, Event(duty.task.number, answer)))

    def _warn(self, worker: WorkerProcess, event: Event | None) -> None:
        """Ask an evaluation to stop, and give it a moment."""
        worker.warn()
        self._leaving.append(_Leaving(worker, time.monotonic() + NOTICE, worker.has_stopped, event))

    def _leave(self) -> None:
        """End the workers that have left, or had time to."""
        for each in [*self._leaving]:
            if each.has_left() or time.monotonic() >= each.until:
                each.worker.kill()
                self._leaving.remove(each)
                self._events += [] if each.event is None else [each.event]

    def _changed(self, work: Mapping[str, JSON]) -> str:
        """Return the name of an input that is not what it was when this run first met it, or nothing.

        Whoever changed it, and whatever it holds: what was measured before and after does not go together.
        """
        for name, path in work["inputs"].items():
            if self._place.inputs.setdefault(path, found := _identity(path)) != found:
                return str(name)
        return ""

    def _worker(self, place: str) -> WorkerProcess:
        """Return a worker for a distribution: its own, else one that waits, else a new one."""
        for key in (place, _IDLE):
            waiting = self._place.idle.get(key, [])
            while waiting:
                worker = waiting.pop()
                if worker.is_idle():
                    return worker
                worker.kill()
        return self._start(())

    def _start(self, warm: Sequence[str]) -> WorkerProcess:
        """Start a worker."""
        if not self._adopts:
            self._adopts = not orphans.adopt()
        return WorkerProcess(self.limits, self._python, warm)


def _end_all(workers: Iterable[tuple[WorkerProcess, bool]]) -> None:
    """End workers, each of them although another one made trouble or the user has had enough."""
    with ExitStack() as stack:
        for worker, gently in workers:
            stack.callback(worker.kill)
            if gently:
                stack.callback(worker.close)


def _identity(path: str) -> tuple[int, ...] | None:
    """Return what tells one state of a file from another, or None where there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - text is enough
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
