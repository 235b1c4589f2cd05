"""Plugins that are installed for one test, each under a name that no other test has used."""

from __future__ import annotations

import importlib
import itertools
import os

import pytest

LIGHT = '''
"""The light half of a plugin for tests."""
from pvcheck.plugin import *

TOP


class Numbers(Parameters):
    numbers: str = input_field("a file")
    scale: int = 1


EVALUATOR = Evaluator(
    name="NAME",
    version="1",
    doc="Adds bytes.",
    parameters=Numbers,
    metrics=(
        MetricSpec("total", MetricType.INT, "the sum"),
        MetricSpec("mean", MetricType.F64, "the mean", compares=True),
        MetricSpec("each", MetricType.INT, "one a byte", series=True),
    ),
    implementation="HEAVY:measure",
    faults=(Fault(name="lost", doc="the first byte is not read"),),
)


@hookimpl
def pv_evaluators():
    return (EVALUATOR,)
'''

HEAVY = '''
"""The heavy half of a plugin for tests."""
import os, sys, time
from pvcheck.plugin import *

calls = []


def measure(parameters, context):
    source = context.inputs[parameters.numbers]
    numbers = list(bytes(source.view(0, source.size)))
    if context.fault == "lost":
        numbers = numbers[1:]
    BEFORE
    side = Population(count=len(numbers), shape=(len(numbers),), selection="all")
    metrics = {"total": sum(numbers), "mean": sum(numbers) / len(numbers), "each": tuple(numbers)}
    found = dict(metrics=metrics, backend="python", comparisons=(Comparison(metrics=("mean",), left=side, right=side),))
    AFTER
    return Measurement(**found)
'''

numbers = itertools.count()


@pytest.fixture
def evaluator(tmp_path, monkeypatch):
    """Install a sound plugin with changes: words of its two halves and what stands there instead."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))

    def install(light: dict[str, str] | None = None, *, before: str = "", after: str = "", installed: bool = True):
        name = f"adding-{next(numbers)}"
        module = name.replace("-", "_")
        text = LIGHT
        for old, new in {"TOP": "", **(light or {}), "NAME": name, "HEAVY": f"{module}_heavy"}.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / f"{module}.py").write_text(text)
        (tmp_path / f"{module}_heavy.py").write_text(
            HEAVY.replace("BEFORE", before.replace("\n", "\n    ")).replace("AFTER", after.replace("\n", "\n    "))
        )
        if installed:
            info = tmp_path / f"{module}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[pvcheck.plugins]\n{name} = {module}\n")
        importlib.invalidate_caches()
        return importlib.import_module(module).EVALUATOR

    return install
