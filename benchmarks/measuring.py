"""What the benchmarks share: rounds that interleave what is compared, processes, tables, a line on the machine."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
CORES = len(os.sched_getaffinity(0))
LEAST_ROUNDS = 3


class Times(NamedTuple):
    """The seconds of one job, round after round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return what half of the rounds stayed below."""
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        """Return the round that nothing disturbed, or the one that was disturbed least."""
        return min(self.seconds)

    @property
    def most(self) -> float:
        """Return the slowest round."""
        return max(self.seconds)


def interleaved(
    jobs: Mapping[str, Callable[[], object]], rounds: int, budget: float = 3600.0, *, warm: bool = True
) -> dict[str, Times]:
    """Run each job in turn, round after round, so that a machine that changes its speed changes it for all.

    With ``warm``, one round before does not count: it compiles and fills caches. Every second one goes backwards, so
    that no job always runs in what another left in the cache. After ``budget`` seconds it ends, but not before three
    rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values() if warm else ():
        job()
    begun = time.perf_counter()
    for round_ in range(rounds):
        if round_ >= LEAST_ROUNDS and time.perf_counter() - begun > budget:
            break
        for name in list(jobs)[:: 1 if round_ % 2 else -1]:
            seconds[name].append(timed(jobs[name]))
    return {name: Times(tuple(each)) for name, each in seconds.items()}


def timed(job: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


def pv(*words: str) -> list[str]:
    """Return the command line of pv."""
    return [sys.executable, "-m", "pvcheck", *words]


def variables_with(**variables: str) -> dict[str, str]:
    """Return the environment of a process that is timed.

    It writes byte code, whatever this one does: who has installed pvcheck has it, so that compiling 50 modules in
    every process would be no time that anybody waits for.
    """
    return {name: each for name, each in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | variables


def process(command: Sequence[str], **variables: str) -> Callable[[], object]:
    """Return a job that runs a whole process, silently.

    The job raises subprocess.CalledProcessError if it fails.
    """
    environment = variables_with(**variables)
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def ended(error: subprocess.CalledProcessError) -> str:
    """Return what is to be said of a process that failed."""
    return f"{' '.join(map(str, error.cmd))} ended with {error.returncode}"


def duration(seconds: float, scale: float | None = None) -> str:
    """Return a time with three digits, in the unit of ``scale`` (by default of itself), which is left out if given."""
    size, unit = next(
        ((size, unit) for size, unit in ((1.0, "s"), (1e-3, "ms")) if (scale or seconds) >= size), (1e-6, "us")
    )
    value = seconds / size
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}" if scale else f"{value:.{digits}f} {unit}"


def spread(times: Times) -> str:
    """Return the median and the least time, as in "12.3/11.9 ms"."""
    middle, unit = duration(times.median).split()
    return f"{middle}/{duration(times.least, times.median)} {unit}"


def as_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal: the first column to the left, the others to the right."""
    widths = [max(len(row[n]) for row in (columns, *rows)) for n in range(len(columns))]
    lines = (
        " ".join(cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in (columns, *rows))
    )
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the same table for a page."""
    rule = ["---", *("---:" for _ in columns[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rule, *rows))


def machine() -> str:
    """Return one line on this machine: CPU, cores, form of the kernels, load, versions, day."""
    from pvcheck_q4k import forms  # noqa: PLC0415 - startup.py shares this module and measures without it

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "numba", "gguf"))
    day = dt.datetime.now(dt.UTC).date().isoformat()
    load = os.getloadavg()[0]
    here = f"{cpu_name()}, {CORES} cores, kernels {forms.chosen().name}, load {load:.1f}"
    return f"{here}; Python {platform.python_version()}, {versions}; {day}"


def cpu_name() -> str:
    """Return what the system calls the CPU, and the code name that the compiler knows it by."""
    import llvmlite.binding  # noqa: PLC0415 - startup.py shares this module and measures without it

    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.processor() or platform.machine()} ({llvmlite.binding.get_host_cpu_name()})"
    )
