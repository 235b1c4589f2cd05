"""A plugin for tests whose evaluator splits: norms of the rows of a table, a part a row, as many as one likes.

Each row is read from the file and summed in its order; the join folds the norms in the order of the rows, so another
order, or one row more or less, gives other bits. What goes wrong, and in which row, is a parameter.
"""

from __future__ import annotations

import json
import os
import random
import struct
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LIGHT = '''
"""The light half."""
from pvcheck.plugin import *

PV_API = (1, 2)


class Sweeping(Parameters):
    table: str = input_field("rows of f32 numbers")
    rows: int = 8
    width: int = 16
    first: int = -1
    trouble: str = ""


METRICS = (
    MetricSpec("norms", MetricType.F64, "of each row", series=True),
    MetricSpec("total", MetricType.F64, "of all norms, from the first row to the last"),
    MetricSpec("rows_measured", MetricType.INT, "how many"),
)


@hookimpl
def pv_evaluators():
    names = dict(implementation="sweep_heavy:measure", split="sweep_heavy:split", join="sweep_heavy:join")
    faults = (Fault(name="last-row", doc="leaves the last number of each row out"),)
    yield Evaluator(
        name="sweep", version="1", doc="Norms.", parameters=Sweeping, metrics=METRICS, faults=faults, **names
    )
    names = dict(implementation="sweep_heavy:whole")
    yield Evaluator(name="whole", version="1", doc="Norms.", parameters=Sweeping, metrics=METRICS, **names)
'''

HEAVY = '''
"""The measuring half."""
import os, struct, sys, time
from pathlib import Path
from pvcheck.plugin import *


def split(parameters, context):
    trouble(parameters, context, "split")
    size = context.inputs[parameters.table].size // (4 * parameters.width)
    if parameters.rows > size:
        raise InputError(f"the table has {size} rows")
    if parameters.trouble == "parts":
        return [1]
    return [parameters.model_copy(update={"first": row}) for row in range(parameters.rows)]


def measure(parameters, context):
    trouble(parameters, context, str(parameters.first))
    size = 4 * parameters.width
    row = context.inputs[parameters.table].view(parameters.first * size, size)
    numbers = struct.unpack(f"<{parameters.width}f", row)
    total = 0.0
    for each in numbers[: -1 if context.fault == "last-row" else None]:
        total += each * each
    return Measurement(metrics={"total": total**0.5}, backend="python")


def join(parameters, parts, context):
    trouble(parameters, context, "join")
    norms = tuple(each.metrics["total"] for each in parts)
    total = 0.0
    for each in norms:
        total += each
    metrics = {"norms": norms, "total": total, "rows_measured": len(parts)}
    return Measurement(metrics=metrics, backend="python", notes=(f"{context.seed} {context.device}",))


def whole(parameters, context):
    parts = [measure(each, context) for each in split(parameters, context)]
    return join(parameters, parts, context)


def trouble(parameters, context, where):
    what, _, rest = parameters.trouble.partition("@")
    places, _, mark = rest.partition("@")
    if where not in places.split(","):
        return
    if what == "once":  # the first time only: whoever makes the mark goes wrong
        try:
            os.close(os.open(f"{mark}-{where}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
    if what == "report":
        context.progress(1, 2)
        return
    if what == "exit":
        os._exit(3)
    if what == "hang":
        time.sleep(60)
    if what == "absent":
        raise NotMeasured("it is not here")
    if what == "memory":
        raise MemoryError
    if what == "wait":
        Path(mark).touch()
        while not context.cancelled():
            time.sleep(0.01)
        context.check()
    raise RuntimeError(f"trouble at {where}")
'''

CONTRACT = """\
metadata:
  schema: 1
  id: C-SWEEP
  version: 1.0.0
  status: ACTIVE
inputs:
  table:
    format: raw
    path: table.bin
falsification_tests:
- id: F-SWEEP
  rule: the norms stay small
  evaluator: {evaluator}
  with: {{table: table, rows: {rows}, width: {width}{more}}}
  expect:
    total: '> 0'
    rows_measured: == {rows}
  status: PENDING
implementation_stages:
- id: M-1
  expected_acceptance: [F-SWEEP]
  status: PENDING
amendments: []
"""


class Sweep:
    """A project with one contract whose falsifier is a sweep."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "contracts" / "sweep.yaml"
        self.path.parent.mkdir(parents=True)
        (root / "pv.toml").write_text('evaluators = ["sweep", "whole"]\n')

    def writes(self, rows: int = 8, width: int = 16, trouble: str = "", evaluator: str = "sweep") -> Path:
        """Write the table, two rows more than are measured, and the contract."""
        numbers = random.Random(rows)  # noqa: S311 - any numbers will do
        values = [numbers.uniform(-1, 1) for _ in range((rows + 2) * width)]
        (self.path.parent / "table.bin").write_bytes(struct.pack(f"<{len(values)}f", *values))
        more = f", trouble: {json.dumps(trouble)}" if trouble else ""
        self.path.write_text(CONTRACT.format(rows=rows, width=width, more=more, evaluator=evaluator))
        return self.path

    def declares(self, *, optional: bool = False) -> bytes:
        """Let the contract say more of its table: its digest, and that it may be absent. Return the table."""
        table = (self.path.parent / "table.bin").read_bytes()
        more = f"    sha256: {sha256(table).hexdigest()}\n" + ("    optional: true\n" if optional else "")
        self.path.write_text(self.path.read_text().replace("    path: table.bin\n", f"    path: table.bin\n{more}"))
        return table

    def evidence(self) -> dict[str, object]:
        """Return the one record, without what may differ between machines and runs."""
        (path,) = (self.path.parent / "evidence" / "sweep").glob("*.json")
        told = json.loads(path.read_bytes())
        told["predicate"].pop("made_at")
        told["predicate"].pop("made_by")
        return told


@pytest.fixture
def sweeping(tmp_path, tmp_path_factory, monkeypatch):
    """Install the plugin, and give a project for it to stand in."""
    place = tmp_path_factory.mktemp("sweeps")
    for each in ("sweep_light", "sweep_heavy"):
        sys.modules.pop(each, None)  # what a test before this one loaded lies elsewhere
    (place / "sweep_light.py").write_text(LIGHT)
    (place / "sweep_heavy.py").write_text(HEAVY)
    info = place / "sweep_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sweep-dist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pvcheck.plugins]\nsweeps = sweep_light\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    root = tmp_path / "sweep"
    root.mkdir()
    monkeypatch.chdir(root)
    return Sweep(root)
