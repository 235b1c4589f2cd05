"""Tasks of pvcheck as tasks of Dask. One thread asks; Dask's own hears the answers, and queues them."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from pvcheck.plugin import Event, ExecutorError
from pvcheck_dask import clusters, far, orders
from pvcheck_dask.finding import identity_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from distributed import Future

    from pvcheck.plugin import Setup, Task
    from pvcheck_dask.clusters import Cluster

AHEAD: Final = 2
"""Tasks in flight for each thread of the workers: one that runs, and one that is there when it ends."""
LOOK: Final = 0.5
"""Seconds between two looks at how many threads there are."""
PATIENCE: Final = 60.0
"""Seconds for which there may be no worker at all."""


class DaskExecutor:
    """What does tasks on the workers of a cluster."""

    overhead = 0.006
    finds_inputs = True

    def __init__(self, cluster: Cluster, setup: Setup) -> None:
        self._cluster = cluster
        self._client = cluster.client
        self._setup = setup
        self._run = secrets.token_hex(8)
        self._topic = f"pvcheck-{self._run}"
        numerical = {each: here for each in orders.NUMERICAL if (here := orders.installed(each)) != "none"}
        self._versions = {**setup.versions, **numerical}
        self._futures: dict[int, Future[bytes]] = {}
        self._events: SimpleQueue[Event | ExecutorError] = SimpleQueue()
        self._threads = 0
        self._seen = clusters.now()
        self._has_left = False
        try:
            self._refuse_versions()
            self._client.subscribe_topic(self._topic, self._hear)
            cluster.begin(self._watch)
        except BaseException:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """How many tasks keep all threads busy; before any worker is there, one may wait for it."""
        return max(1, AHEAD * self._threads)

    def submit(self, task: Task) -> None:
        """Give a task to Dask."""
        order = orders.Order(
            run=self._run,
            number=task.number,
            work=task.work,
            seconds=task.seconds,
            server=self._setup.server,
            limits=self._setup.limits,
            versions=self._versions,
            sizes=_sizes(task.work["inputs"]),
            threads=int(task.work["threads"]) if self._cluster.is_ours else 0,
            topic=self._topic,
        )
        key = f"{self._topic}-{task.number}"
        future = self._client.submit(far.perform, order.packed(), key=key, pure=False)
        self._futures[task.number] = future
        self._cluster.begin(lambda: self._collect(task.number, future))

    def wait(self, seconds: float) -> Sequence[Event]:
        """Return what happened, as soon as anything did.

        :raises ExecutorError: if the scheduler is lost, or all workers are for a minute.
        """
        events: list[Event] = []
        with suppress(Empty):
            events.append(self._event(self._events.get(timeout=seconds)))
            while True:
                events.append(self._event(self._events.get_nowait()))
        if self._client.status != "running":
            raise self._lost()
        if self._futures and clusters.now() - self._seen > PATIENCE:
            raise ExecutorError(f"the scheduler {self._cluster.address} has had no worker for {PATIENCE:g} s")
        return events

    def cancel(self, numbers: Collection[int]) -> None:
        """Give tasks up: those that run are stopped by their workers."""
        given_up = [future for each in numbers if (future := self._futures.pop(each, None)) is not None]

        async def cancelled() -> None:
            with suppress(Exception):
                await self._client.cancel(given_up, asynchronous=True, force=True)

        self._cluster.begin(cancelled)

    def close(self) -> None:
        """Leave the cluster as it was, or end it if it is ours."""
        if not self._has_left:
            self._has_left = True
            self._futures.clear()
            self._cluster.leave(self._run)

    def kill(self) -> None:
        """Stop everything: tasks whose futures are gone are given up by the scheduler and by the workers."""
        self.cancel([*self._futures])
        self.close()

    def _refuse_versions(self) -> None:
        """Refuse workers with other versions: what they measure would be recorded under a wrong name."""
        try:
            told = self._client.run(orders.versions, [*self._versions])
        except Exception as error:  # noqa: BLE001 - a worker without our package raises what unpickling raises
            why = " ".join(str(error).split()) or type(error).__name__
            raise ExecutorError(
                f"a worker cannot do tasks of pvcheck: {why}: install pv-contracts[dask] there"
            ) from None
        for worker, found in sorted(told.items()):
            if differing := orders.differing(self._versions, found):
                raise ExecutorError(f"the worker {worker} has {differing}: install the same there")

    async def _watch(self) -> None:
        """Look now and then how many threads there are."""
        while not self._has_left and self._client.status != "closed":
            with suppress(Exception):  # a scheduler that does not answer is noticed elsewhere
                self._threads = sum((await self._client.nthreads()).values())
                if self._threads:
                    self._seen = clusters.now()
            await asyncio.sleep(LOOK)

    async def _collect(self, number: int, future: Future[bytes]) -> None:
        """Wait for the answer to one task."""
        try:
            (told,) = await self._client.gather([future], asynchronous=True)
            answer = json.loads(told)
        except (asyncio.CancelledError, FutureCancelledError):
            if number in self._futures:
                self._events.put(self._lost())
            return
        except KilledWorker as error:
            answer = orders.error(
                f"{error.allowed_failures + 1} workers were lost, one after the other, with this task"
            )
        except Exception as error:  # noqa: BLE001 - whatever a worker raises is an answer
            answer = orders.error(f"a worker raised {type(error).__name__}: {' '.join(str(error).split())}")
        self._futures.pop(number, None)
        self._events.put(Event(number, answer))

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take a report of progress."""
        number, done, total = event[1]
        self._events.put(Event(number, None, done, total))

    def _event(self, told: Event | ExecutorError) -> Event:
        """Return an event; raise what is none."""
        if isinstance(told, ExecutorError):
            raise told
        return told

    def _lost(self) -> ExecutorError:
        """Return that there is no scheduler any more."""
        return ExecutorError(f"the scheduler {self._cluster.address} is lost")


def _sizes(inputs: Mapping[str, str]) -> dict[str, int]:
    """Return the sizes of the inputs that are here."""
    found = {name: identity_of(path) for name, path in inputs.items()}
    return {name: each[2] for name, each in found.items() if each is not None}
