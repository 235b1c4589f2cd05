"""Calls one target over and over, in this process: counts, and keeps one input of each kind of crash."""

from __future__ import annotations

import mmap
import struct
import sys
import time
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from fuzz.mutating import mutated
from fuzz.watching import HangError, Watch, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fuzz.targets import Target

MOST: Final = 40
"""Kinds of crashes of one target that are kept."""
POOL: Final = 400
"""Inputs that are changed further, beside those that a run began with."""
_COUNTS: Final = struct.Struct("<QQQ")


class Counts(NamedTuple):
    """How often a target was called, how often it understood, and how many kinds of crashes there were."""

    executions: int
    understood: int
    crashes: int


class Tally:
    """Counts that lie in a file, so that they outlive a process that is killed."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(_COUNTS.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _COUNTS.size)

    def write(self, counts: Counts) -> None:
        """Put counts down."""
        _COUNTS.pack_into(self._map, 0, *counts)

    @staticmethod
    def read(path: Path) -> Counts:
        """Return the counts of a file."""
        return Counts(*_COUNTS.unpack(path.read_bytes()))


class Harness:
    """One target under watch."""

    def __init__(
        self, target: Target, crashes: Path, factor: float = 1.0, write: Callable[[Counts], None] | None = None
    ) -> None:
        self.target = target
        self._call = target.call
        self.crashes = crashes
        self.watch = Watch(factor)
        self.counts = Counts(0, 0, 0)
        self.errors: dict[str, BaseException] = {}
        self._write = write

    def __call__(self, data: bytes) -> bool:
        """Call the target; a crash is kept, and the next input comes."""
        executions, understood, crashes = self.counts
        is_understood = False
        try:
            is_understood = self.watch.call(self._call, data)
        except (Exception, HangError) as error:  # noqa: BLE001 - whatever it raises is what we look for
            self._keep(data, error)
            crashes = len(self.errors)
        self.counts = Counts(executions + 1, understood + is_understood, crashes)
        if self._write is not None:
            self._write(self.counts)
        return is_understood

    def _keep(self, data: bytes, error: BaseException) -> None:
        """Write down the first input of a kind of crash."""
        kind = place_of(error)
        if kind in self.errors or len(self.errors) >= MOST:
            return
        self.errors[kind] = error
        self.crashes.mkdir(parents=True, exist_ok=True)
        (self.crashes / f"{kind}-{sha256(data).hexdigest()[:8]}").write_bytes(data)


def slower() -> float:
    """Return how much slower this process may be than a user's: where each line is traced, much."""
    return 6.0 if sys.gettrace() is not None else 1.0


class Pool:
    """Inputs that are worth a change: what was understood, changed a little, reaches further than what was refused."""

    def __init__(self, inputs: Sequence[bytes], rng: Random) -> None:
        self.inputs = list(inputs)
        self._rng = rng
        self._fixed = len(inputs)

    def add(self, data: bytes) -> None:
        """Keep an input, in the place of an earlier one where there are many."""
        if data in self.inputs:
            return
        if len(self.inputs) < self._fixed + POOL:
            self.inputs.append(data)
        else:
            self.inputs[self._rng.randrange(self._fixed, len(self.inputs))] = data

    def changed(self, target: Target) -> bytes:
        """Return one of them with one to four changes."""
        return mutated(self._rng.choice(self.inputs), target, self._rng, self.inputs)


def fuzz(harness: Harness, seeds: Sequence[bytes], *, seconds: float, runs: int, seed: int) -> None:
    """Change seeds, and what was understood of the changed, by a generator of our own that sees no coverage."""
    pool = Pool([each[: harness.target.largest] for each in seeds] or [b""], Random(f"{seed}"))
    stop = time.monotonic() + seconds
    for data in tuple(pool.inputs):
        harness(data)
    while harness.counts.executions < runs and time.monotonic() < stop:
        data = pool.changed(harness.target)
        if harness(data):
            pool.add(data)
