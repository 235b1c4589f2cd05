"""One evaluation on its way: the works that it is made of, what to do next, and what came of it.

An evaluator that does not split is one work. One that splits is a split, its parts and a join. Which answers
come first, and how many parts go together, changes nothing in the measurement.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.host import codes, devices, works
from pvcheck.host.exchange import Failed, Measured, TimedOut, Unmeasured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.host.devices import Trial
    from pvcheck.host.exchange import Reply, Request

NOT_AGAIN: Final = frozenset(
    {codes.BROKEN_PLUGIN, codes.CHANGED, codes.FAULT, codes.LOST, codes.NO_IMPLEMENTATION, codes.PARAMETERS}
)
"""Errors that a second try meets again."""
GAIN: Final = 20
"""How many times the overhead of a task its work should take, where parts are so small that several go together."""
MAX_CHUNK: Final = 256


class Finished(NamedTuple):
    """What came of an evaluation: the reply, at which try, and the seconds from its first work to its last."""

    reply: Reply
    tries: int = 1
    seconds: float = 0.0


class Pace(NamedTuple):
    """What decides how many parts go together: the cost of a task beside its work, and how many run at a time."""

    overhead: float
    slots: int


@dataclass(slots=True)
class _Parts:
    """The parts of an evaluation. Of those that fail, the first in their order is told, whichever fails first."""

    parts: list[JSON]
    waiting: list[int]
    measured: list[str | None]
    reads: dict[str, Read]
    done: int = 0
    size: int = 0
    seconds: float = 0.0
    alone: set[int] = field(default_factory=set)
    tries: dict[int, int] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)
    failed: tuple[int, Mapping[str, JSON]] | None = None

    @classmethod
    def of(cls, parts: list[JSON]) -> _Parts:
        """Return parts of which none is measured."""
        return cls(parts, [*range(len(parts))], [None] * len(parts), {})

    def chunk(self, pace: Pace) -> list[int]:
        """Take the next parts that go together."""
        most = 1
        if self.done:
            most = int(GAIN * pace.overhead / max(self.seconds / self.done, 1e-9)) + 1
            most = min(most, MAX_CHUNK, -(-len(self.waiting) // (2 * pace.slots)))
        taken: list[int] = []
        while self.waiting and len(taken) < max(1, most):
            if taken and self.waiting[0] in self.alone:
                break
            taken.append(heapq.heappop(self.waiting))
            if taken[0] in self.alone:
                break
        self.under_way.update(taken)
        return taken

    def back(self, indices: list[int]) -> None:
        """Put parts back that were not measured, unless nobody needs them any more."""
        for index in indices:
            if self.failed is None or index < self.failed[0]:
                heapq.heappush(self.waiting, index)

    def fail(self, index: int, answer: Mapping[str, JSON]) -> None:
        """Note a part that cannot be measured; those after it are not needed any more."""
        if self.failed is None or index < self.failed[0]:
            self.failed = (index, answer)
            self.waiting = [each for each in self.waiting if each < index]
            heapq.heapify(self.waiting)

    @property
    def is_over(self) -> bool:
        """Whether no part is to be waited for."""
        needed = self.under_way if self.failed is None else {each for each in self.under_way if each < self.failed[0]}
        return not self.waiting and not needed


@dataclass(slots=True)
class Read:
    """What the works of one evaluation read of one input."""

    size: int
    ranges: set[tuple[int, int]]

    def joined(self) -> list[list[int]]:
        """Return the ranges in order, joined where they touch."""
        found: list[list[int]] = []
        for offset, size in sorted(self.ranges):
            if found and offset <= sum(found[-1]):
                found[-1][1] = max(found[-1][1], offset + size - found[-1][0])
            else:
                found.append([offset, size])
        return found


class Evaluation:
    """One evaluation. ``next`` gives works as long as there are any to begin, ``take`` takes their answers."""

    def __init__(self, request: Request, seconds: float, retries: int = 0, trial: Trial | None = None) -> None:
        evaluator = request.offered.evaluator
        self._trial = trial or devices.first(evaluator.devices, request.device)
        self.request = replace(request, device=self._trial.choice.device)
        self.seconds = seconds
        self.finished: Finished | None = None
        self._retries = self._tries_left = retries
        self._tries = 1
        self._begun = 0.0
        self._parts: _Parts | None = None
        self._spent = 0.0
        self._due: str | None = "split" if evaluator.split else "measure"
        self._kind = self._due
        if (refused := works.refusal(request)) is not None:
            self._end(refused)

    @property
    def progress(self) -> tuple[int, int] | None:
        """How many parts are measured of how many, where there are parts."""
        return None if self._parts is None else (self._parts.done, len(self._parts.parts))

    def next(self, pace: Pace) -> tuple[dict[str, JSON], tuple[int, ...]] | None:
        """Return the next work and the parts it is about, or None while there is none to begin."""
        if self.finished is not None:
            return None
        self._begun = self._begun or time.monotonic()
        if self._due is not None:
            kind, self._due = self._due, None
            return self._work(kind), ()
        if self._parts is None or not self._parts.waiting:
            return None
        indices = self._parts.chunk(pace)
        return self._work("parts") | {"parts": [self._parts.parts[each] for each in indices]}, tuple(indices)

    def take(self, indices: tuple[int, ...], answer: Mapping[str, JSON]) -> None:
        """Take the answer to a work."""
        try:
            if indices:
                self._of_parts([*indices], answer)
            elif answer["kind"] == "split" and self._kind == "split":
                self._split(works.checked(self._work("split"), answer))
            else:
                self._whole(answer)
        except (works.Refused, *works.UNREADABLE) as error:
            self._fail(codes.GARBLED, f"the executor's answer cannot be read: {error!r:.80}")

    def unneeded(self, indices: tuple[int, ...]) -> bool:
        """Say whether nobody needs the answer about these parts any more."""
        if self.finished is not None:
            return True
        failed = None if self._parts is None else self._parts.failed
        return failed is not None and bool(indices) and min(indices) > failed[0]

    def elsewhere(self) -> Evaluation | None:
        """Return this evaluation on the next device that "auto" tries, if it could not be measured on this one."""
        reply = None if self.finished is None else self.finished.reply
        following = self._trial.after(reply.reason) if isinstance(reply, Unmeasured) else None
        if following is None:
            return None
        return Evaluation(self.request, self.seconds, self._retries, following)

    def lose(self, reason: str) -> None:
        """End the evaluation, since nothing more can be done for it."""
        self._fail(codes.LOST, reason)

    def _work(self, kind: str) -> dict[str, JSON]:
        """Return a work of this evaluation."""
        work = works.work_of(self.request, kind)
        if kind == "join" and self._parts is not None:
            work["measurements"] = [text for text in self._parts.measured if text is not None]
            work["ranges"] = {name: read.joined() for name, read in self._parts.reads.items()}
        return work

    def _whole(self, answer: Mapping[str, JSON]) -> None:
        """Take the answer about all of the evaluation: its measurement, or why there is none."""
        reply = works.reply_of(works.work_of(self.request), answer)
        if self._tries_left > 0 and is_worth_another(reply):
            self._tries_left -= 1
            self._tries += 1
            self._due = self._kind
            return
        if isinstance(reply, Measured):
            reply = replace(reply, seconds=reply.seconds + self._spent, choice=self._trial.choice)
        self._end(reply)

    def _split(self, answer: Mapping[str, JSON]) -> None:
        """Take the parts."""
        self._parts = parts = _Parts.of(answer["parts"])
        self._kind = "join"
        self._spent = answer["seconds"]
        self._note(parts, answer)

    def _of_parts(self, indices: list[int], answer: Mapping[str, JSON]) -> None:
        """Take the answer about some parts. Where it is not about each of them, they are measured one by one."""
        parts = self._parts
        if parts is None:
            return
        parts.under_way.difference_update(indices)
        if answer["kind"] == "parts":
            told = answer["answers"]
            for index, each in zip(indices, told, strict=False):
                self._of_part(index, each)
            parts.back(indices[len(told) :])
        elif len(indices) > 1:
            parts.alone.update(indices)
            parts.back(indices)
        else:
            self._of_part(indices[0], answer)
        if self.finished is None and parts.is_over:
            self._over(parts)

    def _of_part(self, index: int, answer: Mapping[str, JSON]) -> None:
        """Take the answer about one part."""
        parts = self._parts
        if parts is None or parts.measured[index] is not None:
            return
        if answer["kind"] == "measured":
            self._note(parts, answer)
            parts.measured[index] = text = works.text_of(answer["measurement"])
            parts.size += len(text)
            parts.done += 1
            parts.seconds += works.seconds_of(answer)
            if parts.size > works.MAX_JOINED:
                self._fail(codes.BAD_RESULT, f"bad result: its parts tell more than {works.MAX_JOINED} bytes")
            return
        reply = works.reply_of(works.work_of(self.request), answer)
        tried = parts.tries.get(index, 1)
        if tried <= self._tries_left and is_worth_another(reply):
            parts.tries[index] = tried + 1
            self._tries = max(self._tries, tried + 1)
            parts.alone.add(index)
            parts.back([index])
        else:
            parts.fail(index, answer)

    def _over(self, parts: _Parts) -> None:
        """Join the parts, or say which of them cannot be measured."""
        if parts.failed is None:
            self._spent += parts.seconds
            self._due = "join"
            return
        index, answer = parts.failed
        reply = works.reply_of(works.work_of(self.request), answer)
        where = f"part {index + 1} of {len(parts.parts)}"
        if isinstance(reply, Unmeasured):
            reply = replace(reply, reason=f"{where}: {reply.reason}")
        elif isinstance(reply, Failed):
            reply = Failed(f"{where}: {reply.reason}", reply.code)
        self._end(reply)

    def _note(self, parts: _Parts, answer: Mapping[str, JSON]) -> None:
        """Note what a work read of the inputs."""
        for name in self.request.inputs:
            read = works.part_of(answer["reads"][name])
            known = parts.reads.setdefault(name, Read(read.size, set()))
            known.ranges.update(read.ranges)

    def _fail(self, code: str, reason: str) -> None:
        """End the evaluation with an error."""
        told = works.error(works.work_of(self.request), code, reason)
        self._end(Failed(str(told["reason"]), code))

    def _end(self, reply: Reply) -> None:
        """End the evaluation."""
        seconds = time.monotonic() - self._begun if self._begun else 0.0
        self.finished = Finished(reply, self._tries, seconds)
        self._parts = None  # what the parts measured may be much, and nobody needs it any more


def is_worth_another(reply: Reply) -> bool:
    """Say whether a second try may end otherwise: not where something was measured, or is missing."""
    return isinstance(reply, TimedOut) or (isinstance(reply, Failed) and reply.code not in NOT_AGAIN)
