"""How the time and the memory of ``pv validate`` grow with the number of contracts, to ten thousand of them.

    python benchmarks/growth.py [--most 10000] [--rounds 3]

Fleets of an eighth, a quarter, a half and all of the contracts, as benchmarks/fleet.py makes them, are validated as
whole processes: without a cache, with an empty one, and with one in which nothing changed. "more" is what each further
contract costs, from the fleet of half the size to this one: where growth is linear it stays what it was. The last line
of each state compares the dearest step with the first; a step may cost half as much again and no more. Steps are
counted in processor time, which other work on the machine changes least; the least of the rounds counts. The peak is
the resident memory of the largest process of a run.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import fleet
from measuring import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_RATIO = 1.5
"""How much more than in the first step a contract may cost in a later one."""
STATES = {"without a cache": ("--no-cache",), "all cold": (), "nothing changed": ()}
LEAST_SECONDS, LEAST_KIB = 0.1e-3, 5.0
"""What a contract costs at least in a comparison: below it noise would be compared with noise, and a peak with what
this script itself has."""


class Cost(NamedTuple):
    """What a run of one size needed: seconds, those of processors, and the peak in KiB."""

    contracts: int
    seconds: float
    work: float
    peak: int


class Step(NamedTuple):
    """What each further contract costs: seconds of processors, and KiB of the peak."""

    work: float
    peak: float


def main() -> None:
    """Print a table for each state, and end with 1 where growth is not linear."""
    options = argparse.ArgumentParser(description="See how validation grows.")
    options.add_argument("--most", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    sizes = [chosen.most // parts for parts in (8, 4, 2, 1)]
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder), sizes, chosen.rounds)
    told = [shown(state, several) for state, several in costs.items()]
    print("\n\n".join(text for text, _ in told))
    sys.exit(not all(is_linear for _, is_linear in told))


def measure(place: Path, sizes: Sequence[int], rounds: int) -> dict[str, list[Cost]]:
    """Return what each state costs at each size; each size is made, measured and removed before the next is made."""
    costs: dict[str, list[Cost]] = {state: [] for state in STATES}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            fleet.make(Path(folder) / "fleet", size)
            runs: dict[str, list[fleet.Run]] = {state: [] for state in STATES}
            for _ in range(rounds):
                for state, words in STATES.items():
                    runs[state].append(once(Path(folder), state, words))
            if len({each.told for several in runs.values() for each in several}) != 1:
                sys.exit(f"the answers for {size} contracts differ")
        for state, several in runs.items():
            least = (min(each.seconds for each in several), min(each.work for each in several))
            costs[state].append(Cost(size, *least, min(each.peak for each in several)))
    return costs


def once(folder: Path, state: str, words: Sequence[str]) -> fleet.Run:
    """Return one run; "nothing changed" comes after the cold one, which fills the cache."""
    cache = folder / "cache"
    if state == "all cold":
        shutil.rmtree(cache, ignore_errors=True)
    return fleet.once([*fleet.pv(), *words], folder / "fleet", cache)


def steps(costs: Sequence[Cost]) -> list[Step]:
    """Return what each further contract costs, from one size to the next."""
    pairs = itertools.pairwise(costs)
    return [
        Step(
            (more.work - less.work) / (more.contracts - less.contracts),
            (more.peak - less.peak) / (more.contracts - less.contracts),
        )
        for less, more in pairs
    ]


def ratios(found: Sequence[Step]) -> Step:
    """Return how much more the dearest later step costs than the first."""
    first, later = found[0], found[1:]
    return Step(
        max(each.work for each in later) / max(first.work, LEAST_SECONDS),
        max(each.peak for each in later) / max(first.peak, LEAST_KIB),
    )


def shown(state: str, costs: Sequence[Cost]) -> tuple[str, bool]:
    """Return the table of a state, with its verdict, and whether time and memory are linear."""
    found = steps(costs)
    rows = []
    for cost, step in zip(costs, [None, *found], strict=True):
        more = ("", "") if step is None else (f"{step.work * 1e3:.2f} ms", f"{step.peak:.1f} KiB")
        times = (f"{cost.seconds:.2f} s", f"{cost.work:.2f} s", more[0])
        rows.append((f"{cost.contracts} contracts", *times, f"{cost.peak >> 10} MiB", more[1]))
    worst = ratios(found)
    is_linear = max(worst) <= LARGEST_RATIO
    last = f"the dearest step to the first: time {worst.work:.2f} x, memory {worst.peak:.2f} x"
    verdict = f"{last}  gate {LARGEST_RATIO} x {'PASS' if is_linear else 'MISSED'}"
    return f"{as_text((state, 'time', 'processors', 'more', 'peak', 'more'), rows)}\n{verdict}", is_linear


if __name__ == "__main__":
    main()
