"""Whole-process times of what people wait for, side by side in one run: medians, and ratios to bare Python.

    python benchmarks/startup.py [--rounds 9]

Each command is run in turn, round after round, so that a machine that changes its speed changes it for all.
"first" has an empty compile cache, "cold" a filled one; the page cache is warm in both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "pvcheck" / "demo_data"
CONTRACT = "trace-ffn-sub-block-gguf-v1.yaml"
TEACHER = ROOT / "contracts" / "teachers" / "gemma-3-270m-q4_k_m.gguf"
OURS = "from pvcheck.plugin import Source; from pvcheck_q4k.gguf_file import GgufFile; GgufFile.open(Source({path!r}))"
THEIRS = "from gguf import GGUFReader; GGUFReader({path!r})"


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description="Time what people wait for.")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--theirs", action="store_true", help="also open the real teacher with gguf (10 s a round)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        seventeen = project_of_17(place / "seventeen")
        living = shutil.copytree(ROOT / "contracts", place / "contracts", ignore=shutil.ignore_patterns("gemma*"))
        commands = {
            "bare Python": [sys.executable, "-c", "pass"],
            "pv --version": pv("--version"),
            "pv validate, 17 records (gate 150 ms, aim 110 ms)": pv("validate", str(seventeen)),
            "pv validate, the living contract": pv("validate", str(living / CONTRACT)),
            "pv run, cold (gate 1500 ms)": pv("run", "-q", str(living / CONTRACT)),
        }
        if TEACHER.is_file():
            commands["open the real teacher, whole process"] = [sys.executable, "-c", OURS.format(path=str(TEACHER))]
            if chosen.theirs:
                commands["the same with gguf.GGUFReader"] = [sys.executable, "-c", THEIRS.format(path=str(TEACHER))]
        times = measure(commands, chosen.rounds, {})
        cache = {"XDG_CACHE_HOME": str(place / "cache")}
        first = ["pv run, first (gate 5000 ms)", pv("run", "-q", str(living / CONTRACT))]
        times[str(first[0])] = [once(first[1], cache, place / "cache") for _ in range(3)]
    show(times)


def pv(*words: str) -> list[str]:
    """Return the command line of pv."""
    return [sys.executable, "-m", "pvcheck", *words]


def project_of_17(folder: Path) -> Path:
    """Return a contract with 17 falsifiers over 28 layers, each with a record."""
    shutil.copytree(DEMO, folder)
    path = folder / CONTRACT
    text = path.read_text()
    start, one, end = (
        text.index(mark)
        for mark in ("- id: FALSIFY-FFN-GGUF-001", "- id: FALSIFY-FFN-GGUF-017", "implementation_stages:")
    )
    claims = "".join(text[one:end].replace("GGUF-017", f"GGUF-{number:03d}") for number in range(1, 18))
    path.write_text(text[:start] + claims + text[end:])
    subprocess.run(pv("run", "--write", "-q", str(path)), check=True, stdout=subprocess.DEVNULL)
    return path


def measure(commands: dict[str, list[str]], rounds: int, environment: dict[str, str]) -> dict[str, list[float]]:
    """Return the seconds of each command, round after round, after one that does not count."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for round_ in range(rounds + 1):
        for name, command in commands.items():
            seconds = once(command, environment, None)
            if round_:
                times[name].append(seconds)
    return times


def once(command: list[str], environment: dict[str, str], emptied: Path | None) -> float:
    """Return the seconds of one run; a folder that is named is emptied before."""
    if emptied is not None:
        shutil.rmtree(emptied, ignore_errors=True)
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    return time.perf_counter() - begun


def show(times: dict[str, list[float]]) -> None:
    """Print medians, extremes and ratios to bare Python."""
    base = statistics.median(times["bare Python"])
    print(f"{'':<52}{'median':>9}{'min':>9}{'max':>9}{'ratio':>8}")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        row = (middle, min(seconds), max(seconds))
        print(f"{name:<52}" + "".join(f"{each * 1000:>6.0f} ms" for each in row) + f"{middle / base:>8.1f}")


if __name__ == "__main__":
    main()
