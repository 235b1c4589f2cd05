"""The benchmark of the hook: it runs, and says what the hook adds."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent.parent / "benchmarks"


@pytest.fixture
def hook(monkeypatch):
    """Import the benchmark as its script does, and forget it after the test."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("hook")
    for name in ("hook", "measuring"):
        sys.modules.pop(name, None)


@pytest.mark.skipif(not (Path(sys.executable).parent / "pre-commit").exists(), reason="pre-commit is not installed")
def test_it_measures_both_hooks_side_by_side(hook, tmp_path):
    """Three contracts, three rounds: each hook passes, and its time is told."""
    times = hook.measured(hook.repository(tmp_path / "project", 3), 3)

    assert list(times) == [hook.NOTHING, hook.FIRST, hook.AGAIN]
    assert all(len(each.seconds) == 3 for each in times.values())
    told = hook.table(times, 3).splitlines()
    assert told[0].startswith("pre-commit run, 3 contracts")
    assert [line.split("  ")[0] for line in told[1:]] == list(times)


def test_the_gate_is_on_what_the_hook_adds(hook):
    """A quarter of a second more passes, and more than that does not."""
    times = {hook.NOTHING: 1.0, hook.FIRST: 3.0}

    verdicts = [
        hook.table({name: hook.Times((each,)) for name, each in (times | {hook.AGAIN: again}).items()}, 92).split()[-1]
        for again in (1.25, 1.26)
    ]

    assert verdicts == ["PASS", "FAIL"]
