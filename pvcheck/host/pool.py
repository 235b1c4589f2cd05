"""The workers of one run: started when they are needed, kept while they behave, replaced when they do not."""

from __future__ import annotations

import os
import secrets
import sys
from typing import TYPE_CHECKING, Self

from pvcheck.errors import escaped
from pvcheck.host import codes, devices, frames, orphans
from pvcheck.host.exchange import Failed, Measured, Read, TimedOut, Unmeasured
from pvcheck.host.process import Late, Lost, WorkerProcess
from pvcheck.plugin import sides, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from pvcheck.domain.canonical import JSON
    from pvcheck.host.exchange import Limits, Reply, Request

MAX_REASON = 600
UNFIT = 0.5
"""Seconds in which a worker that takes no further request may leave; a thread of its own may keep it for ever."""
_IDLE = ""
"""The place of a worker that no distribution has used yet."""


class Pool:
    """Workers by the distribution whose evaluators they run: one plugin's state never meets another's.

    Not for several threads at a time. Workers end with the thread that started them. Inputs must stay as they
    are from the first evaluation that uses them on.
    """

    def __init__(self, limits: Limits, python: str = sys.executable) -> None:
        self.limits = limits
        self._python = python
        self._workers: dict[str, WorkerProcess] = {}
        self._inputs: dict[str, tuple[int, ...] | None] = {}
        self._adopts = False

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
        if _IDLE not in self._workers:
            self._workers[_IDLE] = self._start(warm)

    def evaluate(
        self,
        request: Request,
        *,
        seconds: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Reply:
        """Make one evaluation. Whatever goes wrong in the worker is a reply, and costs later ones nothing.

        :param seconds: the time limit, if not that of the pool. Starting the worker counts; when it is over, the
            evaluation has ``process.NOTICE`` to tidy up.
        :param on_progress: called with what is done and the total while the evaluation is made, ten times a second
            at most where the evaluator keeps to its context.
        """
        evaluator = request.offered.evaluator
        if why := devices.refusal(evaluator, request.device):
            return Unmeasured(escaped(why, MAX_REASON))
        if request.fault is not None and request.fault not in {each.name for each in evaluator.all_faults}:
            return _failed(request, codes.FAULT, f"declares no fault named {request.fault}")
        if name := self._changed(request):
            return _failed(request, codes.CHANGED, f"the input {name} is no longer the file that this run began with")
        try:
            worker = self._worker(request.offered.distribution)
        except OSError as error:
            return _failed(request, codes.DIED, f"no worker could be started: {error.strerror}")
        reply = self._asked(request, worker, self.limits.seconds if seconds is None else seconds, on_progress)
        if isinstance(reply, Measured) and (name := self._changed(request)):
            return _failed(request, codes.CHANGED, f"the input {name} changed while it was measured")
        return reply

    def _asked(
        self,
        request: Request,
        worker: WorkerProcess,
        limit: float,
        on_progress: Callable[[int, int], None] | None,
    ) -> Reply:
        """Return what a worker replies; one that cannot take another request is ended."""
        place = request.offered.distribution
        nonce = secrets.token_hex(8)
        message = frames.packed(_message(request, nonce))
        try:
            reply, is_fit = _reply(request, nonce, worker.ask(message, limit, on_progress))
        except Late:
            self._workers.pop(place).cancel()
            return TimedOut(limit)
        except Lost as error:
            self._workers.pop(place).kill()
            return _failed(request, codes.GARBLED if error.garbled else codes.DIED, str(error))
        except BaseException:  # an interrupt above all: nothing may go on behind the user's back
            self._workers.pop(place).cancel()
            raise
        if not is_fit:
            self._workers.pop(place).close(UNFIT)  # it leaves by itself
        return reply

    def _changed(self, request: Request) -> str:
        """Return the name of an input that is not what it was when this pool first met it, or nothing.

        Whoever changed it, and whatever it holds: what was measured before and after does not go together.
        """
        for name, path in request.inputs.items():
            if self._inputs.setdefault(path, found := _identity(path)) != found:
                return name
        return ""

    def close(self) -> None:
        """End all workers. They get a moment to write out what they hold."""
        for worker in self._workers.values():
            worker.hang_up()
        self._end(gently=True)

    def kill(self) -> None:
        """End all workers at once."""
        self._end(gently=False)

    def _end(self, *, gently: bool) -> None:
        """End all workers, and leave orphans to the system again."""
        try:
            while self._workers:
                _, worker = self._workers.popitem()
                try:
                    if gently:
                        worker.close()
                finally:
                    worker.kill()
        finally:
            if self._adopts:
                orphans.disown()
                self._adopts = False

    def _worker(self, place: str) -> WorkerProcess:
        """Return a worker for a distribution: its own, else the one that waits, else a new one."""
        for key in (place, _IDLE):
            worker = self._workers.pop(key, None)
            if worker is not None and worker.is_idle():
                self._workers[place] = worker
                return worker
            if worker is not None:
                worker.kill()
        self._workers[place] = self._start(())
        return self._workers[place]

    def _start(self, warm: Sequence[str]) -> WorkerProcess:
        """Start a worker."""
        if not self._adopts:
            self._adopts = not orphans.adopt()
        return WorkerProcess(self.limits, self._python, warm)


def _identity(path: str) -> tuple[int, ...] | None:
    """Return what tells one state of a file from another, or None where there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - text is enough
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _message(request: Request, nonce: str) -> dict[str, JSON]:
    """Return what a worker is told."""
    return {
        "nonce": nonce,
        "module": request.offered.module,
        "evaluator": request.offered.evaluator.name,
        "parameters": dict(request.parameters),
        "inputs": dict(request.inputs),
        "formats": dict(request.formats),
        "device": request.device,
        "seed": request.seed,
        "threads": request.threads,
        "fault": request.fault,
        "root": request.root,
        "hash_inputs": request.hash_inputs,
    }


def _failed(request: Request, code: str, reason: str) -> Failed:
    """Return a failure with the name of who is at fault."""
    offered = request.offered
    who = f"{offered.evaluator.name} (plugin {offered.plugin} of {offered.distribution} {offered.version})"
    return Failed(escaped(f"{who}: {reason}", MAX_REASON), code)


def _reply(request: Request, nonce: str, body: bytes) -> tuple[Reply, bool]:
    """Return the reply that an answer holds, and whether the worker can take another request.

    :raises Lost: if it is no answer to this request.
    """
    try:
        answer = frames.unpacked(body)
        if answer["nonce"] != nonce:
            raise Lost("the worker answered something that was not asked", garbled=True)
        return _understood(request, answer), answer["last"] is False
    except sides.OneSided as error:
        return _failed(request, codes.ONE_SIDED, str(error)), False
    except wire.BadResult as error:
        return _failed(request, codes.BAD_RESULT, str(error)), False
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Lost(f"the worker's answer cannot be read: {error!r:.80}", garbled=True) from None


def _understood(request: Request, answer: dict[str, JSON]) -> Reply:
    """Return the reply, each part of it checked again: the worker's own checks ran beside foreign code."""
    if answer["kind"] == "not_measured":
        return Unmeasured(escaped(str(answer["reason"]), MAX_REASON))
    if answer["kind"] == "error":
        return _failed(request, str(answer["code"]), str(answer["reason"]))
    if answer["kind"] != "measured":
        raise ValueError(answer["kind"])
    measurement = wire.from_json(answer["measurement"])
    wire.check(measurement, request.offered.evaluator.metrics)
    sides.refuse_one_sided(measurement, request.offered.evaluator.metrics)
    reads = {name: _read(answer["reads"][name]) for name in request.inputs}
    return Measured(measurement, reads, float(answer["seconds"]), _choice(request, answer))


def _choice(request: Request, answer: dict[str, JSON]) -> devices.Choice:
    """Return the device that was measured on: the one that was asked for, or what a worker picked."""
    if request.device != devices.AUTO:
        return devices.Choice(request.device)
    device, why = answer["device"]
    if device not in devices.candidates(request.offered.evaluator.devices):
        raise ValueError(device)
    return devices.Choice(device, escaped(str(why), MAX_REASON))


def _read(told: dict[str, JSON]) -> Read:
    """Return what a worker read of one input."""
    ranges = tuple((int(offset), int(size)) for offset, size in told["ranges"])
    whole = told.get("sha256")
    return Read(int(told["size"]), ranges, _digest(told["read_sha256"]), None if whole is None else _digest(whole))


def _digest(value: JSON) -> str:
    """Return a SHA-256 as hex."""
    if len(value) != 64 or len(bytes.fromhex(value)) != 32:
        raise ValueError("a digest has 32 bytes")
    return str(value)
