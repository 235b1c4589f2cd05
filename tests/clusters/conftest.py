"""Clusters of Dask for tests, and a look at what they leave behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sweeps import sweeping

__all__ = ["sweeping"]

WAIT = 20.0


def children() -> dict[int, str]:
    """Return the processes that came from this one, but for the helper that Python keeps."""
    found: dict[int, str] = {}
    todo = [os.getpid()]
    while todo:
        for path in Path("/proc", str(todo.pop()), "task").glob("*/children"):
            try:
                pids = [int(each) for each in path.read_text().split()]
            except OSError:
                continue
            todo += pids
            found |= {pid: said(pid) for pid in pids}
    return {pid: words for pid, words in found.items() if words and "resource_tracker" not in words}


def said(pid: int) -> str:
    """Return the command line of a process, or nothing once it has ended."""
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def until(seen, seconds: float = WAIT):
    """Wait until something is so, and return it."""
    end = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.02)
    return found


@pytest.fixture(autouse=True)
def nothing_left():
    """See that a test leaves no process behind."""
    before = children()
    yield
    until(lambda: not children().keys() - before.keys())


class Machines:
    """A scheduler and its workers, each a process of the command that users run."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.scheduler, told = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = until(lambda: re.search(r"(tcp://127\.0\.0\.1:\d+)", told.read_text()))[1]
        self.workers: list[subprocess.Popen[bytes]] = []

    def join(self, **environment: str) -> None:
        """Start a worker, and wait until the scheduler knows it."""
        words = ("--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        worker, told = self._start("worker", self.address, *words, "--local-directory", str(self.place), **environment)
        self.workers.append(worker)
        until(lambda: "Registered to" in told.read_text())

    def end(self) -> None:
        """End all of them."""
        for each in (*self.workers, self.scheduler):
            each.kill()
            each.wait()

    def _start(self, *words: str, **environment: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a process whose lines go to a file."""
        told = self.place / f"{words[0]}-{time.monotonic_ns()}.txt"
        with told.open("wb") as file:
            command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
            process = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **environment})
        return process, told


@pytest.fixture
def machines(tmp_path_factory):
    """Give a scheduler without workers."""
    made = Machines(tmp_path_factory.mktemp("machines"))
    yield made
    made.end()
