"""Ten thousand contracts, twenty thousand evaluations by the workers of this machine: flat memory, nothing left.

    python benchmarks/soak.py [--contracts 10000] [--jobs 2]

Each contract has two falsifiers that need no file: one decodes a Q4_K block by compiled kernels, one normalises a
vector. There are 200 different pairs, so what a contract of the run found is compared, number by number and bit by bit,
with what a run of only the 200 found: by ``pv run --results``, whose records are what a verdict rests on.

While it measures, the resident memory of ``pv`` and of its largest worker and their open files are sampled. Printed are
the first tenth of that time (after the first twentieth, in which everything is loaded) and the last. Workers must not
grow; ``pv`` itself holds each record until it writes the results, and must grow by no more than that. At the end there
is no process, no temporary file and no shared memory that was not there before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from measuring import as_text, pv, variables_with

KINDS = 200
EVERY = 0.2
WORKER_GROWTH = 1.05
"""What a worker may have at the end, beside what it had at the beginning."""
HOST_KIB = 16.0
"""What ``pv`` may keep of each evaluation until it tells and writes them all: a measurement and a record are 10 KB."""
CONTRACT = """metadata:
  schema: 1
  id: C-SOAK-{index:05d}
  version: 1.0.0
  status: PENDING
falsification_tests:
- id: FALSIFY-SOAK-{index:05d}-001
  rule: a block is decoded alike by both paths
  prediction: the bits are the same
  evaluator: q4k-decode-identity
  with:
    block: {{d: '003C', dmin: '00B4', scales: {{times: 7, plus: {scales}}}, codes: {{times: 13, plus: {codes}}}}}
  expect:
    identical: is true
    elements: == 256
  status: PENDING
- id: FALSIFY-SOAK-{index:05d}-002
  rule: normalising passes a relative change on
  prediction: the amplification is close to 1
  evaluator: f32-rmsnorm-drift
  with:
    length: 256
    vector: [{{plus: -128, scale: 0.05}}, {{modulo: 7, scale: 0.01}}]
    signs: {{times: 13, plus: 7, modulo: 17, below: 8}}
    change: {change}
    epsilon: 1e-6
  expect:
    amplification: in [0.999, 1.0001]
  status: PENDING
implementation_stages:
- id: M-SOAK
  expected_acceptance: [FALSIFY-SOAK-{index:05d}-001, FALSIFY-SOAK-{index:05d}-002]
  status: PENDING
"""
"""The second bound is so narrow that some of the 200 changes are refuted: two verdicts are compared, not one."""


class Sample(NamedTuple):
    """A moment: seconds since the start, KiB of pv and of its largest worker, and open files of all of them."""

    second: float
    host: int
    worker: int
    files: int


class Soaked(NamedTuple):
    """A run: how long it took, what was seen while it ran, and what it found by falsifier."""

    seconds: float
    samples: list[Sample]
    found: dict[str, object]


def main() -> None:
    """Print what was seen, and end with 1 where something grew, was left over, or differs."""
    options = argparse.ArgumentParser(description="Run for long, and see whether anything grows.")
    options.add_argument("--contracts", type=int, default=10_000)
    options.add_argument("--jobs", type=int, default=2)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        small = soak(place / "small", KINDS, chosen.jobs)
        before = left_behind(place / "large")
        large = soak(place / "large", chosen.contracts, chosen.jobs)
        left = left_behind(place / "large") - before
    sys.exit(shown(small, large, chosen.contracts, sorted(left)))


def soak(place: Path, number: int, jobs: int) -> Soaked:
    """Make a project, run all of it, and return what was seen."""
    for name in ("contracts", "tmp"):
        (place / name).mkdir(parents=True)
    (place / "pv.toml").write_text('contracts = ["contracts"]\n')
    for index in range(number):
        kind = index % KINDS
        text = CONTRACT.format(index=index, scales=kind % 64, codes=kind % 16, change=f"{1e-3 * (kind + 1):.6g}")
        (place / "contracts" / f"soak-{index:05d}-v1.yaml").write_text(text)
    command = [*pv("run", "-q", "-j", str(jobs), "--results", "results.json")]
    with (place / "told").open("w+b") as told:
        begun = time.perf_counter()
        environment = variables_with(TMPDIR=str(place / "tmp"))
        with subprocess.Popen(command, cwd=place, stdout=told, stderr=told, env=environment) as process:
            samples = watched(process, begun)
        seconds = time.perf_counter() - begun
        told.seek(0)
        last = told.read().decode()[-1000:]
    if not (place / "results.json").is_file():
        sys.exit(f"pv run ended with {process.returncode}:\n{last}")
    print(f"{number} contracts, {seconds:.0f} s: {last.strip().splitlines()[-1]}", flush=True)
    return Soaked(seconds, samples, findings((place / "results.json").read_text()))


def watched(process: subprocess.Popen[bytes], begun: float) -> list[Sample]:
    """Return samples until the process ends."""
    samples = []
    while process.poll() is None:
        family = [process.pid, *children(process.pid)]
        memory = [resident(each) for each in family]
        files = sum(open_files(each) for each in family)
        samples.append(Sample(time.perf_counter() - begun, memory[0], max(memory[1:], default=0), files))
        time.sleep(EVERY)
    return samples


def children(parent: int) -> list[int]:
    """Return the processes below one, those of its children included."""
    try:
        told = "".join(each.read_text() for each in Path(f"/proc/{parent}/task").glob("*/children"))
    except OSError:
        return []
    return [pid for each in told.split() for pid in (int(each), *children(int(each)))]


def resident(pid: int) -> int:
    """Return the resident memory of a process in KiB, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def open_files(pid: int) -> int:
    """Return how many descriptors a process has, 0 if it has ended."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names are enough, and it is done all the time
    except OSError:
        return 0


def findings(text: str) -> dict[str, object]:
    """Return metrics and judged expectations of each falsifier of a results file, one record a line."""
    told = [json.loads(line)["predicate"] for line in text.splitlines()]
    return {each["falsifier"]: (each["metrics"], each["expectations"]) for each in told}


def left_behind(place: Path) -> set[str]:
    """Return what a run could leave: processes that work in its folder, temporary files, shared memory."""
    found = {str(each) for folder in (place / "tmp", Path("/dev/shm")) for each in folder.glob("*")}  # noqa: S108 - read
    for each in Path("/proc").glob("[0-9]*"):
        try:
            where = (each / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(place):
            found.add(f"process {each.name}")
    return found


def shown(small: Soaked, large: Soaked, contracts: int, left: list[str]) -> int:
    """Print the table and the verdicts; return 1 where one of them is bad."""
    measuring = [each for each in large.samples if each.worker]
    size = max(1, len(measuring) // 10)
    first, last = middle(measuring[size // 2 :][:size]), middle(measuring[-size:])
    rows = [
        ("pv", f"{first.host >> 10} MiB", f"{last.host >> 10} MiB"),
        ("largest worker", f"{first.worker >> 10} MiB", f"{last.worker >> 10} MiB"),
        ("open files", str(first.files), str(last.files)),
    ]
    print(as_text(("", "first tenth", "last tenth"), rows))
    evaluations = len(large.found)
    grown = (last.host - first.host) / evaluations
    differing = sum(found != expected(small, name) for name, found in large.found.items())
    verdicts = {
        f"workers have {last.worker / first.worker:.3f} x, at most {WORKER_GROWTH} x": last.worker
        <= WORKER_GROWTH * first.worker,
        f"pv keeps {grown:.1f} KiB an evaluation, at most {HOST_KIB} KiB": grown <= HOST_KIB,
        f"open files {last.files - first.files:+d}": last.files <= first.files,
        f"left behind: {', '.join(left) or 'nothing'}": not left,
        f"{evaluations} evaluations, {differing} differ from the small run": not differing
        and evaluations == 2 * contracts,
    }
    for text, is_good in verdicts.items():
        print(f"{'PASS' if is_good else 'MISSED'}  {text}")
    return int(not all(verdicts.values()))


def middle(samples: list[Sample]) -> Sample:
    """Return the median of each column."""
    seconds, *rest = zip(*samples, strict=True)
    return Sample(statistics.median(seconds), *(int(statistics.median(each)) for each in rest))


def expected(small: Soaked, name: str) -> object:
    """Return what the small run found for the falsifier of the same kind."""
    _, _, index, number = name.split("-")
    return small.found[f"FALSIFY-SOAK-{int(index) % KINDS:05d}-{number}"]


if __name__ == "__main__":
    main()
