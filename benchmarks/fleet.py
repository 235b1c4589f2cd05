"""A thousand contracts under git, and how long ``pv validate`` takes: nothing changed, one changed, all cold.

    python benchmarks/fleet.py [--contracts 1000] [--rounds 7] [--keep FOLDER] [--only FOLDER]

The contracts have the sections, the sizes and the number of falsifiers of public ones, with made-up prose, and every
falsifier is bound and has a record. The claims and the records are those of the contracts in this repository, which
were measured: each is said again under another id and sealed by the functions that ``pv run --write`` seals with, so
what validation has to judge has the size and the depth of real evidence. The numbers were measured once, not once a
falsifier.

Each state is timed as whole processes, in turn, round after round, so that a machine that changes its speed changes it
for all. The page cache is warm. "All cold" has an empty cache folder; "one changed" has a contract with another
sentence in each round. Every answer is compared with that of ``--no-cache``. The peak is the resident memory of the
largest process of a run, the most of all rounds; the least that can be told is what this script itself has.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from measuring import variables_with

from pvcheck.domain.claim import claim, inputs_of
from pvcheck.evidence import store
from pvcheck.loading import contract as loading
from pvcheck.text import Mapping

if TYPE_CHECKING:
    from pvcheck.evidence.record import Record

ROOT = Path(__file__).resolve().parent.parent
LIVING = tuple(
    ROOT / "contracts" / name for name in ("trace-ffn-sub-block-gguf-v1.yaml", "recorded-28-layer-chain-v1.yaml")
)
GATES = {"nothing changed": (200, 150), "one changed": (250, 200), "all cold": (3000, 2000)}
"""Milliseconds that the median may have, and those that are aimed at."""

FALSIFIERS = (2,) * 4 + (3,) * 3 + (4,) * 24 + (5,) * 20 + (6,) * 19 + (7,) * 11 + (8,) * 5 + (9,) * 2
EQUATIONS = (1,) * 10 + (2,) * 16 + (3,) * 17 + (4,) * 20 + (5,) * 10 + (6,) * 10 + (7,) * 2
OBLIGATIONS = (2,) * 3 + (3,) * 11 + (4,) * 22 + (5,) * 24 + (6,) * 8 + (7,) * 9 + (8,) * 4 + (9,) * 2
HARNESSES = (0,) * 7 + (1,) * 32 + (2,) * 41 + (3,) * 8
"""How many parts each of 88 public contracts has: a draw from one of these has their distribution."""
DEPENDING, GATED, PHASED, ENFORCING = 20 / 88, 64 / 88, 22 / 88, 34 / 88
"""The shares of them that depend on others, and that have the sections qa_gate, kernel_structure and enforcement."""
BINDING = ("evaluator", "with", "accept", "expect")
PROSE = (
    "the sum of a row stays within one step of its exact value when lanes are added in another "
    "order and every product is rounded once before it is stored beside the scale that belongs to its block of weights"
)


class Sample(NamedTuple):
    """One measured falsifier: its binding as the contract writes it, its record, and the inputs it names."""

    binding: str
    record: Record
    inputs: tuple[str, ...]


class Inputs(NamedTuple):
    """How an input is declared, and the file it names."""

    declared: str
    file: Path


class Run(NamedTuple):
    """One process: how long it took, what it wrote, the most memory in KiB, and the processor time.

    Both are of it and of its own processes: the largest of them, and the sum of all.
    """

    seconds: float
    told: str
    peak: int
    work: float


def main() -> None:
    """Print the table, and end with 1 where a gate is missed."""
    options = argparse.ArgumentParser(description="Time validation of a fleet.")
    options.add_argument("--contracts", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--keep", type=Path, help="make the fleet there and time nothing")
    options.add_argument("--only", type=Path, help="time a fleet that was kept")
    chosen = options.parse_args()
    if chosen.keep is not None:
        make(chosen.keep, chosen.contracts)
        return
    with tempfile.TemporaryDirectory() as folder:
        fleet = chosen.only or Path(folder) / "fleet"
        if chosen.only is None:
            make(fleet, chosen.contracts)
        times = measure(fleet, Path(folder) / "cache", chosen.rounds)
    sys.exit(show(times))


def make(folder: Path, number: int, seed: int = 8) -> None:
    """Make a repository of contracts with records; the same number and seed make the same bytes."""
    drawn = random.Random(seed)  # noqa: S311 - shapes, not secrets
    samples, inputs = pool()
    contracts = folder / "contracts"
    (contracts / "inputs").mkdir(parents=True)
    for each in inputs.values():
        shutil.copy(each.file, contracts / "inputs")
    (folder / "pv.toml").write_text('contracts = ["contracts"]\n')
    (folder / "schemas").mkdir()
    shutil.copy(ROOT / "schemas" / "evaluators.json", folder / "schemas")
    for index in range(number):
        text, records = one(index, drawn, samples, inputs)
        path = contracts / f"kernel-{index:05d}-v1.yaml"
        path.write_bytes(sealed(text, path, records))
    git = ["git", "-C", str(folder), "-c", "user.name=fleet", "-c", "user.email=fleet@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a fleet"]):
        subprocess.run([*git, *words], check=True)


def pool() -> tuple[list[Sample], dict[str, Inputs]]:
    """Return the measured falsifiers of our own contracts, and the inputs that they name."""
    samples: list[Sample] = []
    inputs: dict[str, Inputs] = {}
    for path in LIVING:
        loaded = loading.load(path.read_bytes(), str(path))
        found, document = loaded.contract, loaded.document
        assert found is not None  # noqa: S101 - our own contracts are read by every test run
        for each in found.falsifiers:
            if each.evidence is None:
                continue
            names = inputs_of(each, found)
            for name in names:
                told = found.inputs[name]
                file = path.parent / told.path
                declared = f"  {name}: {{format: {told.format}, path: inputs/{file.name}, sha256: {told.sha256}}}\n"
                inputs[name] = Inputs(declared, file)
            node = document.node(each.route)
            assert isinstance(node, Mapping)  # noqa: S101 - as above
            parts = [(node.keys[key].start, node.values[key].end) for key in BINDING if key in node.values]
            binding = "".join(f"  {document.text[start:end]}\n" for start, end in parts)
            samples.append(Sample(binding, store.load(path, each.evidence), names))
    return samples, inputs


def sealed(text: str, path: Path, records: list[Record]) -> bytes:
    """Return a contract with the references of its records, which are written beside it."""
    found = loading.load(text.encode(), str(path)).contract
    assert found is not None  # noqa: S101 - what the loop above writes is a contract
    folder = store.folder(path)
    folder.mkdir(parents=True)
    for each, measured in zip(found.falsifiers, records, strict=True):
        record = measured._replace(contract=found.id, falsifier=each.id, claim=claim(each, found))
        (folder / store.path_of(path, record.reference).name).write_bytes(record.data())
        text = text.replace(f"evidence of {each.id}\n", f"{record.reference}\n")
    return text.encode()


def one(index: int, drawn: random.Random, samples: list[Sample], inputs: dict[str, Inputs]) -> tuple[str, list[Record]]:
    """Return the text of one contract, without its references, and the records behind it."""
    chosen = [drawn.choice(samples) for _ in range(drawn.choice(FALSIFIERS))]
    names = sorted({name for each in chosen for name in each.inputs})
    stem = f"K{index:05d}"
    depends = [f"kernel-{drawn.randrange(index):05d}-v1"] if index and drawn.random() < DEPENDING else []
    lines = [*_head(stem, drawn, depends)]
    lines += ["inputs:\n", *(inputs[name].declared for name in names)] if names else []
    lines += [*_formal(stem, drawn)]
    lines += ["falsification_tests:\n"]
    for number, each in enumerate(chosen, 1):
        name = f"FALSIFY-{stem}-{number:03d}"
        lines += [f"- id: {name}\n"]
        lines += [f'  {key}: "{prose(drawn, size)}"\n' for key, size in (("rule", 4), ("prediction", 9), ("test", 7))]
        lines += [f'  if_fails: "{prose(drawn, 8)}"\n', each.binding]
        lines += [f"  status: {_STATUS[str(each.record.outcome)]}\n  evidence: evidence of {name}\n"]
    held = all(str(each.record.outcome) == "held" for each in chosen)
    accepted = ", ".join(f"FALSIFY-{stem}-{number:03d}" for number in range(1, len(chosen) + 1))
    lines += [f"implementation_stages:\n- id: M-{stem}\n  expected_acceptance: [{accepted}]\n"]
    lines += [f"  status: {'DISCHARGED' if held else 'FALSIFIED'}\namendments: []\n"]
    return "".join(lines), [each.record for each in chosen]


_STATUS = {"held": "DISCHARGED", "refuted": "FALSIFIED"}


def _head(stem: str, drawn: random.Random, depends: list[str]) -> list[str]:
    """Return the comment that such files begin with, and the metadata."""
    lines = [f"# {prose(drawn, 9)}\n" for _ in range(drawn.randrange(8, 22))]
    lines += ["metadata:\n  schema: 1\n", f"  id: C-{stem}\n  version: 1.0.0\n  status: ACTIVE\n"]
    lines += [f'  created: "2026-02-18"\n  description: "{prose(drawn, 8)}"\n  references:\n']
    lines += [f'  - "{prose(drawn, 7)}"\n' for _ in range(2)]
    return lines + ([f"  depends_on: [{depends[0]}]\n"] if depends else [])


def _formal(stem: str, drawn: random.Random) -> list[str]:
    """Return the sections that nothing measures."""
    lines = ["equations:\n"]
    for number in range(drawn.choice(EQUATIONS)):
        lines += [f'  step_{number}:\n    formula: "y = f({prose(drawn, 4)})"\n    domain: "{prose(drawn, 5)}"\n']
        lines += [f'    codomain: "{prose(drawn, 3)}"\n    invariants:\n']
        lines += [f'    - "{prose(drawn, 7)}"\n' for _ in range(2)]
    lines += ["proof_obligations:\n"]
    obligations = drawn.choice(OBLIGATIONS)
    for number in range(obligations):
        lines += [f"- id: OB-{stem}-{number}\n  type: invariant\n"]
        lines += [f'  property: "{prose(drawn, 4)}"\n  formal: "{prose(drawn, 8)}"\n  applies_to: all\n']
    if drawn.random() < PHASED:
        lines += ["kernel_structure:\n  phases:\n"]
        lines += [f'  - name: phase_{n}\n    description: "{prose(drawn, 6)}"\n' for n in range(4)]
    if drawn.random() < ENFORCING:
        lines += [f'enforcement:\n  order:\n    description: "{prose(drawn, 7)}"\n    severity: "ERROR"\n']
    harnesses = drawn.choice([each for each in HARNESSES if each <= obligations])
    lines += ["kani_harnesses:\n"] if harnesses else []
    for number in range(harnesses):
        lines += [f'- id: KANI-{stem}-{number}\n  obligation: OB-{stem}-{number}\n  property: "{prose(drawn, 5)}"\n']
        lines += [f"  bound: 4\n  strategy: stub_float\n  solver: cadical\n  harness: verify_{stem.lower()}_{number}\n"]
    if drawn.random() < GATED:
        lines += [f'qa_gate:\n  id: G-{stem}\n  name: "{prose(drawn, 3)}"\n  description: "{prose(drawn, 5)}"\n']
        lines += ["  checks:\n", *(f'  - "{prose(drawn, 2)}"\n' for _ in range(4))]
        lines += [f'  pass_criteria: "{prose(drawn, 6)}"\n  falsification: "{prose(drawn, 7)}"\n']
    return lines


def prose(drawn: random.Random, words: int) -> str:
    """Return some words."""
    known = PROSE.split()
    return " ".join(drawn.choice(known) for _ in range(words))


def measure(fleet: Path, cache: Path, rounds: int) -> dict[str, list[Run]]:
    """Return the processes of each state, round after round, after one that does not count."""
    times: dict[str, list[Run]] = {name: [] for name in ("bare Python", *GATES, "without a cache")}
    changed = sorted((fleet / "contracts").glob("*.yaml"))[len(list(fleet.glob("contracts/*.yaml"))) // 2]
    before = changed.read_text()
    try:
        for round_ in range(rounds + 1):
            changed.write_text(f"# round {round_}\n{before}")
            found = {
                "bare Python": once([sys.executable, "-c", "pass"], fleet, cache),
                "all cold": _cold(fleet, cache),
                "nothing changed": once(pv(), fleet, cache),
            }
            changed.write_text(f"# round {round_}, another sentence\n{before}")
            found["one changed"] = once(pv(), fleet, cache)
            found["without a cache"] = once([*pv(), "--no-cache"], fleet, cache)
            told = {found[name].told for name in (*GATES, "without a cache")}
            if len(told) != 1:
                sys.exit(f"the answers differ: {told}")
            for name, each in found.items():
                times[name] += [each] if round_ else []
    finally:
        changed.write_text(before)
    print(next(iter(told)).strip().splitlines()[-1])
    return times


def _cold(fleet: Path, cache: Path) -> Run:
    """Return the run with an empty cache folder."""
    shutil.rmtree(cache, ignore_errors=True)
    return once(pv(), fleet, cache)


def pv() -> list[str]:
    """Return the command."""
    return [sys.executable, "-m", "pvcheck", "validate"]


def once(command: list[str], folder: Path, cache: Path) -> Run:
    """Return one process, which must end well."""
    environment = variables_with(XDG_CACHE_HOME=str(cache))
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe, which the type checker cannot know
        told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{told[-2000:]}")
    return Run(seconds, told, used.ru_maxrss, used.ru_utime + used.ru_stime)


def show(times: dict[str, list[Run]]) -> int:
    """Print medians and minima beside the gates; return 1 where a median is above its gate."""
    missed = 0
    bare = statistics.median(each.seconds for each in times["bare Python"])
    print(f"{'':<18}{'median':>9}{'min':>9}{'max':>9}{'ratio':>7}{'peak':>9}")
    for name, runs in times.items():
        seconds = [each.seconds for each in runs]
        peak = max(each.peak for each in runs) >> 10
        middle = statistics.median(seconds) * 1000
        row = "".join(f"{each * 1000:>6.0f} ms" for each in (statistics.median(seconds), min(seconds), max(seconds)))
        verdict = ""
        if name in GATES:
            gate, aim = GATES[name]
            missed |= middle > gate
            verdict = f"  gate {gate} ms {'PASS' if middle <= gate else 'MISSED'}, aim {aim} ms"
            verdict += f" {'PASS' if middle <= aim else 'MISSED'}"
        print(f"{name:<18}{row}{middle / 1000 / bare:>7.1f}{peak:>5} MiB{verdict}")
    return int(missed)


if __name__ == "__main__":
    main()
