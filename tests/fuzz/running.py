"""``python tests/fuzz``: a process for each target, one line about each, and one about all of them."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fuzz.driving import HUNG, Order, drive, has_atheris
from fuzz.harness import Tally
from fuzz.targets import CASES, SEEDS, TARGETS, kept
from fuzz.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = (sys.executable, str(Path(__file__).parent.resolve()))
NAMES: Final = tuple(TARGETS)
CORPORA: Final = ("PVCHECK_HOSTILE", "PVCHECK_CORPUS")
TRIES: Final = 5
"""Processes that one target may lose."""
_CORPUS: Final = re.compile(r"corp: (\d+)/")


class Told(NamedTuple):
    """What came of one target. ``new`` are the files of its crashes."""

    name: str
    executions: int
    seconds: float
    understood: int
    corpus: int
    new: tuple[Path, ...]

    def __str__(self) -> str:
        rate = self.executions / max(self.seconds, 0.001)
        share = 100 * self.understood / max(self.executions, 1)
        return (
            f"{self.name:<10} {self.executions:>10} executions  {rate:>7.0f}/s  {share:>3.0f} % understood  "
            f"corpus {self.corpus:>5}  crashes {len(self.new)}"
        )


def main(words: Sequence[str] | None = None) -> int:
    """Fuzz; the exit status is 1 where something crashed."""
    parser = _parser()
    told = parser.parse_args(words)
    if told.inside is not None:
        drive(Order.of(told.inside))
        return 0
    if told.replay is not None:
        if told.target == "all":
            parser.error("--replay takes a file to one reader: say --target NAME")
        return replayed(told.target, told.replay)
    names = NAMES if told.target == "all" else (told.target,)
    if not has_atheris():
        print("atheris is not installed: inputs are made by a generator of our own, which sees no coverage", flush=True)
    with tempfile.TemporaryDirectory(prefix="pv-fuzz-") as folder, ThreadPoolExecutor(told.jobs) as pool:
        keep = Path(told.keep or folder).resolve()
        orders = [Order(each, keep / each, told.seconds, told.runs, told.seed, []) for each in names]
        found = []
        for each in pool.map(lambda order: run(order, Path(told.cases)), orders):
            found.append(each)
            print(each, flush=True)
            for path in each.new:
                print(f"  crash: {path}", flush=True)
    print(summed(found))
    return 1 if any(each.new for each in found) else 0


def _parser() -> argparse.ArgumentParser:
    """Return the words that the command takes."""
    parser = argparse.ArgumentParser("python tests/fuzz", description="Fuzz the readers of pvcheck.")
    parser.add_argument("--target", default="all", choices=("all", *NAMES), help="which reader (default: all)")
    parser.add_argument("--seconds", type=int, default=40, help="for each target (default: 40)")
    parser.add_argument("--runs", type=int, default=0, help="executions of each target after which it ends")
    parser.add_argument("--seed", type=int, default=1, help="of the generator (default: 1)")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="targets at a time (default: 2)")
    parser.add_argument("--cases", default=CASES, help="where inputs that crash are put")
    parser.add_argument("--keep", help="a folder for the corpora, so that a later run goes on with them")
    parser.add_argument("--replay", metavar="FILE", help="call the target once, and tell what it does")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser


def summed(found: Sequence[Told]) -> str:
    """Return the last line."""
    executions, crashes = sum(each.executions for each in found), sum(len(each.new) for each in found)
    seconds = sum(each.seconds for each in found)
    return f"{len(found)} targets, {executions} executions in {seconds:.0f} s of fuzzing, {crashes} crashes"


def run(order: Order, cases: Path) -> Told:
    """Fuzz one target until its time is over, in as many processes as it ends.

    :raises RuntimeError: if a process ends without an input that ended it: nothing was found out then.
    """
    shutil.rmtree(order.work / "crashes", ignore_errors=True)
    order.work.mkdir(parents=True, exist_ok=True)
    seeds = gathered(order)
    start, executions, understood, corpus = time.monotonic(), 0, 0, 0
    _set_aside(order)
    for trial in range(TRIES):
        left = order.seconds - int(time.monotonic() - start)
        if left <= 0 or (order.runs and executions >= order.runs):
            break
        runs = order.runs - executions if order.runs else 0
        status, output = _process(order._replace(seconds=left, runs=runs, seed=order.seed + trial, seeds=[str(seeds)]))
        done = _counts(order)
        executions, understood = executions + done[0], understood + done[1]
        corpus = max([corpus, *(int(each) for each in _CORPUS.findall(output))])
        if status == 0:
            break
        if not _set_aside(order):
            raise RuntimeError(f"the process of {order.name} ended with {status}:\n{output[-3000:]}")
    took = time.monotonic() - start
    return Told(order.name, executions, took, understood, corpus, tuple(_confirmed(order, cases)))


def gathered(order: Order) -> Path:
    """Return a folder with all that a target starts from: its seeds, its cases, and files of the corpora."""
    place = order.work / "seeds"
    place.mkdir(exist_ok=True)
    own = [each for folder in (SEEDS, CASES) for each in kept(folder, order.name)]
    for number, path in enumerate([*own, *outside(order.name)]):
        shutil.copyfile(path, place / f"{number:04}-{path.name[-60:]}")
    return place


def outside(name: str) -> Iterator[Path]:
    """Yield the files of the corpora that a target reads, where the environment names the corpora."""
    form = TARGETS[name].outside
    for variable in CORPORA:
        folder = os.environ.get(variable)
        if folder and form:
            yield from sorted(each for each in Path(folder).rglob(f"*{form}") if each.is_file())


def _process(order: Order) -> tuple[int, str]:
    """Run the process of a target, and return its status and what it said."""
    command = [*COMMAND, "--inside", order.told()]
    limit = order.seconds + HUNG + 120
    with tempfile.TemporaryDirectory(prefix="pv-fuzz-") as place:  # libFuzzer ends a process that had no time to tidy
        env = {**os.environ, "TMPDIR": place}
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
    return done.returncode, done.stdout


def _counts(order: Order) -> tuple[int, int]:
    """Return how often the target was called, and how often it understood."""
    path = order.work / "counts"
    counts = Tally.read(path) if path.is_file() else (0, 0, 0)
    return counts[0], counts[1]


def _set_aside(order: Order) -> bool:
    """Put the input that ended a process (a signal, no memory, no end) to the other crashes, if there is one."""
    crashes = order.work / "crashes"
    ended = list(order.work.glob("ended-*"))
    for path in ended:
        crashes.mkdir(exist_ok=True)
        path.rename(crashes / path.name)
    return bool(ended)


def _confirmed(order: Order, cases: Path) -> Iterator[Path]:
    """Yield the crashes that happen again in a process where nothing counts branches, each put where cases lie."""
    crashes = order.work / "crashes"
    for path in sorted(crashes.iterdir()) if crashes.is_dir() else ():
        command = [*COMMAND, "--target", order.name, "--replay", str(path)]
        try:
            status = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=HUNG, check=False).returncode
        except subprocess.TimeoutExpired:
            status = 1
        if status:
            (cases / order.name).mkdir(parents=True, exist_ok=True)
            yield Path(shutil.copyfile(path, cases / order.name / path.name))


def replayed(name: str, path: str) -> int:
    """Call a target with the bytes of a file; a crash ends with its traceback."""
    understood = Watch().call(TARGETS[name].call, Path(path).read_bytes())
    print("understood" if understood else "refused")
    return 0
