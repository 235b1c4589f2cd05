"""What a task costs beside its work: by the workers of this machine, by a LocalCluster, by a scheduler with workers.

    python benchmarks/executors.py [--tasks 10000] [--rounds 1]

The evaluator is the sweep of the tests: a part sums the squares of 16 numbers, which takes some microseconds, so nearly
all of the time is overhead. "alone" sends each part as a task of its own; "chunks" lets pvcheck send several at a time,
as ``pv run`` does. The executors are timed in turn, round after round; the least and the median are shown. The total
of each run is compared with that of the first, bit for bit.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from measuring import variables_with  # noqa: E402 - the folder of the tests is on the path since one line
from sweeps import CONTRACT, HEAVY, LIGHT  # noqa: E402 - as above

from pvcheck.host import Limits, Request, discover  # noqa: E402 - as above
from pvcheck.host.executors import executor  # noqa: E402 - as above
from pvcheck.host.scheduling import Scheduler  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.plugin import Executor

WIDTH = 16


class Arm(NamedTuple):
    """One way to do tasks."""

    title: str
    executor: str
    jobs: int


class Took(NamedTuple):
    """What one run took, and the total it found."""

    start: float
    seconds: float
    total: float


class Alone:
    """An executor whose tasks seem to cost nothing, so that no two parts go together."""

    overhead = 0.0

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description="Time tasks that do nearly nothing.")
    options.add_argument("--tasks", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--contracts", type=int, default=200, help="contracts with one record each")
    chosen = options.parse_args()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        table = prepared(place, chosen.tasks)
        address = stack.enter_context(scheduler(place))
        arms = (
            Arm("local -j1", "local", 1),
            Arm("local -j2", "local", 2),
            Arm("dask, LocalCluster of 2", "dask", 2),
            Arm("dask, scheduler and 2 workers", f"dask={address}", 1),
        )
        took: dict[tuple[Arm, bool], list[Took]] = {}
        for _ in range(chosen.rounds):
            for arm in arms:
                for is_alone in (True, False):
                    took.setdefault((arm, is_alone), []).append(timed(arm, table, chosen.tasks, is_alone=is_alone))
        shown(took, chosen.tasks)
        recorded(place / "project", chosen.contracts)


def prepared(place: Path, rows: int) -> Path:
    """Install the plugin, and return a table of so many rows."""
    (place / "sweep_light.py").write_text(LIGHT)
    (place / "sweep_heavy.py").write_text(HEAVY)
    info = place / "sweep_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sweep-dist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pvcheck.plugins]\nsweeps = sweep_light\n")
    sys.path.insert(0, str(place))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    numbers = random.Random(1)  # noqa: S311 - a table, no secret
    table = place / "table.bin"
    table.write_bytes(struct.pack(f"<{rows * WIDTH}f", *(numbers.uniform(-1, 1) for _ in range(rows * WIDTH))))
    return table


@contextmanager
def scheduler(place: Path) -> Iterator[str]:
    """Start a scheduler and two workers as the commands of Dask do, and give the address."""
    lines = place / "scheduler.txt"
    dask = [sys.executable, "-m", "dask"]
    started: list[subprocess.Popen[bytes]] = []
    try:
        with lines.open("wb") as file:
            words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
            started.append(subprocess.Popen([*dask, *words], stdout=file, stderr=file))
        while not (found := re.search(r"tcp://127\.0\.0\.1:\d+", lines.read_text())):
            time.sleep(0.05)
        for each in ("first", "second"):
            words = ["worker", found[0], "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]
            words += ["--local-directory", str(place / each)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            started.append(subprocess.Popen([*dask, *words], **quiet))
        while lines.read_text().count("Register worker") < 2:
            time.sleep(0.05)
        yield found[0]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def timed(arm: Arm, table: Path, rows: int, *, is_alone: bool) -> Took:
    """Measure the sweep once."""
    offered = discover().evaluators["sweep"]
    request = Request(
        offered=offered,
        parameters={"table": "table", "rows": rows, "width": WIDTH},
        inputs={"table": str(table)},
        digests={"table": hashlib.sha256(table.read_bytes()).hexdigest()},
        root=str(table.parent),
    )
    began = time.perf_counter()
    made = executor(arm.executor, arm.jobs, Limits(), discover)
    start = time.perf_counter() - began
    try:
        runs = Scheduler(Alone(made) if is_alone else made)
        began = time.perf_counter()
        runs.add(request, 60.0)
        ((_, finished),) = runs.finished()
        seconds = time.perf_counter() - began
    finally:
        made.close()
    return Took(start, seconds, finished.reply.measurement.metrics["total"])


def shown(took: dict[tuple[Arm, bool], list[Took]], tasks: int) -> None:
    """Print what each way took."""
    totals = {each.total for several in took.values() for each in several}
    print(f"{tasks} parts; {'all totals are equal' if len(totals) == 1 else f'TOTALS DIFFER: {totals}'}")
    print(f"{'executor':32} {'sent':7} {'start s':>8} {'least s':>8} {'median s':>9} {'ms a part':>10}")
    for (arm, is_alone), several in took.items():
        seconds = [each.seconds for each in several]
        start = statistics.median(each.start for each in several)
        least, median = min(seconds), statistics.median(seconds)
        sent = "alone" if is_alone else "chunks"
        print(f"{arm.title:32} {sent:7} {start:8.2f} {least:8.2f} {median:9.2f} {least / tasks * 1000:10.3f}")


def recorded(root: Path, number: int) -> None:
    """Print what a contract costs ``pv run``, what its record adds, and how large that is."""
    folder = root / "contracts"
    folder.mkdir(parents=True)
    (root / "pv.toml").write_text('evaluators = ["whole"]\n')
    (folder / "table.bin").write_bytes(bytes(4 * WIDTH) + struct.pack("<f", 1.0) * WIDTH)
    for each in range(number):
        text = CONTRACT.format(evaluator="whole", rows=2, width=WIDTH, more="").replace("C-SWEEP", f"C-SWEEP-{each}")
        (folder / f"sweep-{each:05}.yaml").write_text(text)
    took: dict[str, float] = {}
    for name, words in {"run": [], "run --write": ["--write"], "validate --no-cache": ["--no-cache"]}.items():
        command = [sys.executable, "-m", "pvcheck", name.split()[0], "contracts", *words]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=root, capture_output=True, check=False, env=variables_with())
        if done.returncode:
            sys.exit(done.stderr.decode()[-2000:] or done.stdout.decode()[-2000:])
        took[name] = time.perf_counter() - began
        print(f"pv {name:30} {number} contracts {took[name]:8.2f} s {took[name] / number * 1000:8.3f} ms a contract")
    sizes = [each.stat().st_size for each in folder.rglob("*.json")]
    added = (took["run --write"] - took["run"]) / number * 1000
    print(f"a record: {added:.3f} ms to write, {sum(sizes) / len(sizes):.0f} bytes, {len(sizes)} written")


if __name__ == "__main__":
    main()
