"""An evaluator whose faults do what its input file says, and a project that it can challenge."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

LIGHT = '''
"""A plugin for tests: under a fault it reports the numbers that its input file holds for that fault."""
from pvcheck.plugin import *

FAULTS = tuple(Fault(name=name, doc="for tests") for name in ("mixed", "swapped", "dropped", "shifted"))


class Biting(Parameters):
    model: str = input_field("the file with the numbers")
    layers: str = "0-3"


@hookimpl
def pv_evaluators():
    metrics = (
        MetricSpec("growth", MetricType.F64, "last over first"),
        MetricSpec("count", MetricType.INT, "how many"),
        MetricSpec("steps", MetricType.F32, "one a layer", series=True),
        MetricSpec("same", MetricType.BOOL, "whether the two sides agree"),
    )
    for name, faults in (("biter", FAULTS), ("toothless", ())):
        yield Evaluator(
            name=name,
            version="1",
            doc="Reports what a file says.",
            parameters=Biting,
            metrics=metrics,
            implementation="biter_heavy:measure",
            faults=faults,
        )
'''

HEAVY = '''
"""The measuring half of the biter."""
import json, os, time
from pvcheck.plugin import *


def measure(parameters, context):
    source = context.inputs[parameters.model]
    told = json.loads(bytes(source.view(0, source.size)))
    told = told["clean"] | told["faults"].get(context.fault, {}) if context.fault else told["clean"]
    if "counter" in told:
        with open(told["counter"], "a") as file:
            file.write("x")
        told = told | {"growth": os.path.getsize(told["counter"]) / 8}
    if "absent" in told:
        raise NotMeasured(told["absent"])
    if "fail" in told:
        raise RuntimeError(told["fail"])
    if "exit" in told:
        raise SystemExit(told["exit"])
    if "die" in told:
        os._exit(told["die"])
    if "hang" in told:
        time.sleep(told["hang"])
    if "wrong" in told:
        return told["wrong"]
    names = ("growth", "count", "steps", "same")
    metrics = {key: tuple(told[key]) if isinstance(told[key], list) else told[key] for key in names if key in told}
    metrics = {key: float(value) if value in ("nan", "inf") else value for key, value in metrics.items()}
    left = Population(count=4, shape=(4,), selection="all")
    right = Population(count=told.get("right", 4), shape=(4,), selection="all")
    return Measurement(
        metrics=metrics,
        backend="python",
        labels=("layer 0", "layer 1"),
        comparisons=(Comparison(metrics=("growth",), left=left, right=right),),
    )
'''

CONTRACT = """\
metadata:
  schema: 1
  id: C-TEST
  version: 1.2.3
  status: ACTIVE
inputs:
  model:
    format: gguf
    path: model.bin
falsification_tests:
- id: F-1
  rule: growth is bounded
  evaluator: biter
  with: {model: model}
  expect:
    growth: < 10%
    count: '>= 4'
    steps: ['max < 9', '[0] == 0x3f800000']
  status: PENDING
- id: F-2
  rule: nobody measures this
  status: PROPOSED
implementation_stages: []

amendments: []
"""

CLEAN = {"growth": 0.000774, "count": 4, "steps": [1.0, 2.0], "same": True}
FAULTS = {
    "mixed": {"growth": 0.014},
    "swapped": {"growth": 0.5, "steps": [3.0, 2.0]},
    "dropped": {"absent": "there are no minimums"},
}
"""One missed, one caught, one that cannot be planted; the fourth changes nothing."""


class Arena:
    """A folder under git with settings, a contract, and a file that says what the evaluator reports."""

    def __init__(self, root):
        self.root = root
        self.contract = root / "contracts" / "c.yaml"
        self.contract.parent.mkdir(parents=True)
        self.settings()
        self.contract.write_text(CONTRACT)
        self.model = root / "contracts" / "model.bin"
        self.plant()

    def settings(self, more=""):
        """Write settings that allow the evaluators."""
        (self.root / "pv.toml").write_text(f'evaluators = ["biter", "toothless"]\n{more}')

    def plant(self, faults=None, **clean):
        """Say what the evaluator reports without a fault and under each."""
        self.model.write_text(json.dumps({"clean": CLEAN | clean, "faults": FAULTS if faults is None else faults}))

    def edit(self, old, new):
        """Change the contract."""
        text = self.contract.read_text()
        assert old in text
        self.contract.write_text(text.replace(old, new, 1))

    def state(self):
        """Return the bytes of every file."""
        found = sorted(each for each in self.root.rglob("*") if each.is_file() and ".git" not in each.parts)
        return {str(each.relative_to(self.root)): each.read_bytes() for each in found}

    def records(self):
        """Return the records that lie beside the contract."""
        return sorted((self.contract.parent / "evidence" / "c").glob("*.json"))


@pytest.fixture
def biter(tmp_path_factory, monkeypatch):
    """Install the plugin as a distribution of its own, for this process and its workers."""
    place = tmp_path_factory.mktemp("site")
    (place / "biter_light.py").write_text(LIGHT)
    (place / "biter_heavy.py").write_text(HEAVY)
    info = place / "biter_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: biter-dist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pvcheck.plugins]\nbiter = biter_light\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    return place


@pytest.fixture
def arena(tmp_path, biter, monkeypatch, pv):
    """Give a project that knows the evaluator, and stand in its root."""
    del biter
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    monkeypatch.chdir(root)
    made = Arena(root)
    assert pv("schema", "--plugins", "--write")[0] == 0
    return made
