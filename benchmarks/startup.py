"""Whole-process times of what people wait for, side by side in one run: medians, and ratios to bare Python.

    python benchmarks/startup.py [--rounds 9]

Each command is run in turn, round after round, so that a machine that changes its speed changes it for all.
"first" has an empty compile cache, "cold" a filled one; the page cache is warm in both.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, Times, as_text, duration, interleaved, process, pv, timed

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
        times = interleaved({name: process(command) for name, command in commands.items()}, chosen.rounds)
        times["pv run, first (gate 5000 ms)"] = first(pv("run", "-q", str(living / CONTRACT)), place / "cache")
    show(times)


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


def first(command: list[str], cache: Path) -> Times:
    """Return the times of three runs, each with an empty compile cache."""
    seconds = []
    for _ in range(3):
        shutil.rmtree(cache, ignore_errors=True)
        seconds.append(timed(process(command, XDG_CACHE_HOME=str(cache))))
    return Times(tuple(seconds))


def show(times: dict[str, Times]) -> None:
    """Print medians, extremes and ratios to bare Python."""
    base = times["bare Python"].median
    rows = [
        (
            name,
            *(duration(each, 1e-3) + " ms" for each in (one.median, one.least, one.most)),
            f"{one.median / base:.1f}",
        )
        for name, one in times.items()
    ]
    print(as_text(("whole process", "median", "min", "max", "ratio"), rows))


if __name__ == "__main__":
    main()
