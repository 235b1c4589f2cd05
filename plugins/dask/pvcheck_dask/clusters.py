"""Clusters: one of processes of this machine, made for one run, or one that runs somewhere already."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

import dask
from distributed import Client, LocalCluster
from distributed.security import Security
from distributed.utils import silence_logging_cmgr

from pvcheck.plugin import ExecutorError
from pvcheck_dask import far

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

REACHED: Final = 10.0
"""Seconds in which a scheduler must answer."""
STARTED: Final = 60.0
"""Seconds in which processes of our own must be ready."""
LEFT: Final = 5.0
"""Seconds that leaving a cluster may take."""
SILENT: Final = logging.CRITICAL + 1
SETTINGS: Final = {
    "distributed.admin.large-graph-warning-threshold": "1 TB",  # a join has the numbers of all parts
    "distributed.nanny.pre-spawn-environ": {},  # numerical libraries are to find what a local run gives them
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,  # each evaluation has a limit of its own
}


class Cluster:
    """A connection to a scheduler, and all that must be undone when it ends."""

    def __init__(self, client: Client, address: str, stack: ExitStack, *, is_ours: bool) -> None:
        self.client = client
        self.address = address
        self.is_ours = is_ours
        self._stack = stack
        self._loop: Any = client.loop

    def begin(self, coroutine: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let something go on beside us."""
        asyncio.run_coroutine_threadsafe(coroutine(), self._loop.asyncio_loop)

    def leave(self, run: str) -> None:
        """End what a run left on the workers, and the cluster if it is ours. Nothing that fails here matters."""
        with self._stack:
            if not self.is_ours:
                with suppress(Exception):
                    done = asyncio.run_coroutine_threadsafe(self._end(run), self._loop.asyncio_loop)
                    done.result(LEFT)

    async def _end(self, run: str) -> None:
        """End the worker processes of a run on all machines that can be reached."""
        if self.client.status == "running":
            await self.client.run(far.end, run, on_error="ignore")


def started(workers: int) -> Cluster:
    """Start processes of this machine. Nobody else can give them work: their keys exist for this run only."""
    with ExitStack() as stack:
        _quieten(stack)
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="pvcheck-dask-", ignore_cleanup_errors=True))
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # a page without pages, on any free port
                silence_logs=SILENT,
                security=Security.temporary(),
                memory_limit=0,
                local_directory=scratch,
            )
            stack.callback(_closed, cluster)
            client = Client(cluster, timeout=STARTED, set_as_default=False)
            stack.callback(_closed, client)
            client.wait_for_workers(workers, timeout=STARTED)
        except (OSError, RuntimeError) as error:
            raise ExecutorError(f"its processes do not start: {_line(error)}") from None
        return Cluster(client, "of this machine", stack.pop_all(), is_ours=True)


def reached(address: str) -> Cluster:
    """Connect to a scheduler. It is trusted: what it sends is unpickled here, as what we send is there."""
    with ExitStack() as stack:
        _quieten(stack)
        try:
            client = Client(address, timeout=REACHED, set_as_default=False, name="pvcheck")
        except Exception as error:  # noqa: BLE001 - what answers there may be anything, and is read as numbers of bytes
            raise ExecutorError(f"no scheduler answers at {address}: {_line(error)}") from None
        stack.callback(_closed, client)
        return Cluster(client, f"at {address}", stack.pop_all(), is_ours=False)


def _quieten(stack: ExitStack) -> None:
    """Keep Dask from writing between our lines, and set what holds for one run."""
    stack.enter_context(dask.config.set(SETTINGS))
    for name in [each for each in logging.root.manager.loggerDict if each.partition(".")[0] == "distributed"]:
        stack.enter_context(silence_logging_cmgr(SILENT, name))  # some have a handler of their own


def _closed(what: Client | LocalCluster) -> None:
    """Close a client or a cluster."""
    with suppress(Exception):
        what.close(timeout=LEFT)


def _line(error: BaseException) -> str:
    """Return what an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def now() -> float:
    """Return a time that never goes back."""
    return time.monotonic()
