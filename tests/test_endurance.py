"""The benchmarks of growth and of a long run: they measure, and tell what grows."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
MODULES = ("fleet", "growth", "measuring", "soak")


@pytest.fixture(autouse=True)
def path(monkeypatch):
    """Let a test import the modules of benchmarks/ as its scripts do, and forget them after it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


def costs(*rows):
    """Return costs of sizes, seconds of processors and peaks."""
    growth = importlib.import_module("growth")
    return [growth.Cost(size, work, work, peak) for size, work, peak in rows]


@pytest.mark.parametrize(
    ("rows", "told", "is_linear"),
    [
        ([(10, 1.0, 1000), (20, 2.0, 2000), (40, 4.0, 4000)], "time 1.00 x, memory 1.00 x", True),
        ([(10, 1.0, 1000), (20, 2.0, 2000), (40, 6.0, 4000)], "time 2.00 x, memory 1.00 x", False),
        ([(10, 1.0, 1000), (20, 2.0, 2000), (40, 4.0, 5200)], "time 1.00 x, memory 1.60 x", False),
    ],
    ids=["linear", "time", "memory"],
)
def test_what_grows_faster_than_its_number_misses_the_gate(rows, told, is_linear):
    """Each further contract is compared with the first ones."""
    text, verdict = importlib.import_module("growth").shown("all cold", costs(*rows))

    assert f"the dearest step to the first: {told}  gate 1.5 x {'PASS' if is_linear else 'MISSED'}" in text
    assert verdict is is_linear


def test_a_small_growth_shows_every_state_and_size():
    """What is printed at the end of a real one, whether noise lets it pass or not."""
    words = [sys.executable, FOLDER / "growth.py", "--most", "16", "--rounds", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode in {0, 1}, done.stderr
    assert [done.stdout.count(each) for each in ("without a cache", "all cold", "nothing changed")] == [1, 1, 1]
    assert done.stdout.count("\n16 contracts") == 3
    assert done.stdout.count("  gate 1.5 x ") == 3


def sampled(host, worker, files):
    """Return samples that go from the first to the second number of each."""
    soak = importlib.import_module("soak")
    return [
        soak.Sample(part, *(each[0] if part < 50 else each[1] for each in (host, worker, files))) for part in range(100)
    ]


@pytest.mark.parametrize(
    ("changes", "left", "missed"),
    [
        ({}, [], None),
        ({"worker": (1000, 1100)}, [], "workers have 1.100 x, at most 1.05 x"),
        ({"host": (1000, 1200)}, [], "pv keeps 20.0 KiB an evaluation, at most 16.0 KiB"),
        ({"files": (9, 10)}, [], "open files +1"),
        ({}, ["process 7"], "left behind: process 7"),
        ({"found": 1}, [], "10 evaluations, 1 differ from the small run"),
    ],
    ids=["good", "worker", "host", "files", "left", "differs"],
)
def test_what_a_long_run_keeps_or_changes_is_told(changes, left, missed, capsys):
    """Each is a verdict of its own."""
    soak = importlib.import_module("soak")
    sizes = {"host": (1000, 1010), "worker": (1000, 1001), "files": (9, 9)} | changes
    samples = sampled(sizes["host"], sizes["worker"], sizes["files"])
    names = [f"FALSIFY-SOAK-{index:05d}-00{number}" for index in range(5) for number in (1, 2)]
    small = soak.Soaked(1.0, samples, dict.fromkeys(names, "right"))
    large = soak.Soaked(1.0, samples, small.found | ({names[3]: "wrong"} if "found" in changes else {}))

    status = soak.shown(small, large, 5, left)

    told = capsys.readouterr().out
    assert [line for line in told.splitlines() if line.startswith("MISSED")] == (
        [f"MISSED  {missed}"] if missed else []
    )
    assert status == int(missed is not None)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="what processes have is read from /proc")
def test_a_small_soak_measures(tmp_path, monkeypatch, capsys):
    """Real workers, few evaluations: all are compared, and nothing is left."""
    soak = importlib.import_module("soak")
    monkeypatch.setattr(soak, "KINDS", 3)
    monkeypatch.setattr(sys, "argv", ["soak.py", "--contracts", "6", "--jobs", "1"])
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(SystemExit):
        soak.main()

    told = capsys.readouterr().out
    assert "PASS  left behind: nothing\n" in told
    assert "PASS  12 evaluations, 0 differ from the small run\n" in told
