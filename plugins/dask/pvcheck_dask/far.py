"""What runs on a worker of Dask: one task at a time in each of its threads, by worker processes of pvcheck's own.

An evaluator never runs in the process of the Dask worker: one that crashes, hangs or fills the memory costs its task.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

from distributed import get_worker

from pvcheck_dask import orders
from pvcheck_dask.finding import FOLDERS, Finder, Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pvcheck_dask.orders import Order

BREATH: Final = 0.2
"""Seconds between two reports of progress."""

FINDER: Final = Finder()
_KEPT: Final[dict[int, _Kept]] = {}
_OVER: Final[set[str]] = set()
"""The runs that have ended: what is left of them ends as soon as its task does."""


@dataclass(slots=True)
class _Kept:
    """What does the tasks of one run in one thread."""

    run: str
    server: Any
    busy: threading.Lock = field(default_factory=threading.Lock)


def perform(told: bytes) -> bytes:
    """Do the task that an order asks for, and return its answer."""
    return orders.packed(answered(orders.Order.unpacked(told)))


def answered(order: Order) -> Mapping[str, Any]:
    """Return the answer to an order: what the worker measured, or why it cannot."""
    if reason := _unlike(order):
        return orders.error(reason)
    found: dict[str, Found] = {}
    for name, path in order.work["inputs"].items():
        digest = order.work["digests"][name]
        place = FINDER.find(path, digest, order.sizes.get(name), os.environ)
        if place is None:
            return {"kind": "not_measured", "reason": _missing(name, path, digest), "missing": name}
        found[name] = place
    work = {**order.work, "inputs": {name: each.path for name, each in found.items()}}
    if not order.threads:
        work["threads"] = max(1, len(os.sched_getaffinity(0)) // get_worker().state.nthreads)
    answer = _served(order, work)
    if answer is None:
        return orders.error("the task was cancelled")
    changed = [name for name, each in found.items() if not each.is_same()]
    if changed:
        return orders.error(
            f"the input {changed[0]} changed on {platform.node()} while it was measured", orders.CHANGED
        )
    return _with_digests(answer, found)


def end(run: str) -> None:
    """End what a run left here; what is still busy ends when its task does."""
    _OVER.add(run)
    for thread, kept in [*_KEPT.items()]:
        if kept.run == run and kept.busy.acquire(blocking=False):
            try:
                _drop(thread, kept)
            finally:
                kept.busy.release()


def _served(order: Order, work: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Let the worker process of this thread do a task; None where nobody wants it any more."""
    wanted = _wanted()
    while True:
        kept = _kept(order)
        with kept.busy:
            if _KEPT.get(threading.get_ident()) is not kept:  # ended between our finding it and our having it
                continue
            try:
                answer = kept.server.perform(work, order.seconds, _progress(order), lambda: not wanted())
            except BaseException:
                _drop(threading.get_ident(), kept)
                raise
            if order.run in _OVER:
                _drop(threading.get_ident(), kept)
            return answer  # type: ignore[no-any-return]  # the server is named by a text


def _kept(order: Order) -> _Kept:
    """Return what does tasks in this thread. Another run gets another: its inputs and plugins may be others."""
    thread = threading.get_ident()
    kept = _KEPT.get(thread)
    if kept is not None and kept.run == order.run:
        return kept
    if kept is not None:
        with kept.busy:
            _drop(thread, kept)
    made = _KEPT[thread] = _Kept(order.run, resolve_name(order.server)(order.limits))
    return made


def _drop(thread: int, kept: _Kept) -> None:
    """End the worker process of a thread, once."""
    if _KEPT.get(thread) is kept:
        del _KEPT[thread]
        kept.server.close()


def _wanted() -> Callable[[], bool]:
    """Return what says whether the task of this thread is still wanted: Dask cannot stop a thread, so we ask."""
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return is_wanted


def _progress(order: Order) -> Callable[[int, int], None]:
    """Return what reports how far a task is, a few times a second."""
    worker = get_worker()
    last = [0.0]

    def report(done: int, total: int) -> None:
        now = time.monotonic()
        if now - last[0] >= BREATH:
            last[0] = now
            worker.log_event(order.topic, [order.number, done, total])

    return report


def _unlike(order: Order) -> str:
    """Return why a measurement of this worker would be recorded under a wrong name, or nothing."""
    differing = orders.differing(order.versions, orders.versions(order.versions))
    distribution, version = order.work["distribution"], order.work["version"]
    if not differing and (here := orders.installed_for(order.run, distribution)) != version:
        differing = f"{distribution} {here}, and pv here has {version}"
    return f"the worker on {platform.node()} has {differing}" if differing else ""


def _missing(name: str, path: str, digest: str) -> str:
    """Return where an input was looked for in vain."""
    folders = os.environ.get(FOLDERS, "")
    looked = f"{path} and {folders}" if folders else f"{path}, and the worker has no {FOLDERS}"
    return f"no {name}: nothing with sha256 {digest} on {platform.node()}: looked at {looked}"


def _with_digests(answer: Mapping[str, Any], found: Mapping[str, Found]) -> Mapping[str, Any]:
    """Return an answer with the digests that this worker found: they go into the record."""
    for each in _measured(answer):
        for name, place in found.items():
            each["reads"][name]["sha256"] = place.sha256
    return answer


def _measured(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the measurement of an answer about a whole evaluation."""
    if answer["kind"] == "measured":
        yield answer
