"""A tiny plugin that each test writes for itself, and a look at what its processes left."""

from __future__ import annotations

import os
import runpy
import sys
import textwrap
from pathlib import Path

from pvcheck.host import OfferedEvaluator, Request

LIGHT = """
from pvcheck.plugin import Evaluator, Fault, MetricSpec, MetricType, Parameters, hookimpl

class Demo(Parameters):
    text: str = ""
    numbers: tuple[int, ...] = ()

EVALUATOR = Evaluator(
    name="demo",
    version="1.0.0",
    doc="measures a number",
    parameters=Demo,
    metrics=(
        MetricSpec("number", MetricType.F64, "a number"),
        MetricSpec("text_length", MetricType.INT, "of the parameter"),
        MetricSpec("series", MetricType.F32, "some numbers", series=True),
    ),
    implementation="demo_heavy:measure",
    devices=("cpu", "reference"),
    faults=(Fault(name="off-by-one", doc="adds one"),),
)

@hookimpl
def pv_evaluators():
    return (EVALUATOR,)
"""

HEAVY = """
import atexit, ctypes, json, os, signal, subprocess, sys, threading, time
from pathlib import Path
from pvcheck.plugin import InputError, Measurement, NotMeasured

def measure(parameters, context):
{body}
    return Measurement(metrics={{"number": 1.5}}, backend="cpu")
"""

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


class Demo:
    """The plugin ``demo`` in a folder on the import path of workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("demo_light", LIGHT)
        self.says("")

    def write(self, module: str, text: str) -> Path:
        """Write a module and return its path."""
        path = self.folder / f"{module}.py"
        path.write_text(text)
        return path

    def says(self, body: str) -> None:
        """Give the measuring function a body; after it, the function returns a good measurement."""
        lines = textwrap.dedent(body).strip() or "pass"
        self.write("demo_heavy", HEAVY.format(body=textwrap.indent(lines, "    ")))

    @property
    def evaluator(self):
        """Return the light part as the host sees it."""
        return runpy.run_path(str(self.folder / "demo_light.py"))["EVALUATOR"]

    def offered(self, distribution: str = "demo-dist"):
        """Return the evaluator as it is offered."""
        return OfferedEvaluator(self.evaluator, "demo", distribution, "1.0", "demo_light")

    def request(self, parameters=None, inputs=None, distribution="demo-dist", **other) -> Request:
        """Return a request for the evaluator."""
        return Request(offered=self.offered(distribution), parameters=parameters or {}, inputs=inputs or {}, **other)


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        folder.mkdir()
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])

    def installs(self, name, plugins="", *, version="1.0", metadata=METADATA, text=None):
        """Install a distribution that declares plugins: lines such as "demo = demo_light"."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(metadata.format(name=name, version=version))
        (info / "entry_points.txt").write_bytes(text or f"[pvcheck.plugins]\n{plugins}\n".encode())

    def writes(self, module, text):
        """Write a module; it is imported anew."""
        (self.folder / f"{module}.py").write_text(text)
        sys.modules.pop(module, None)


def good(name="demo"):
    """Return the text of a plugin module that offers one evaluator."""
    return LIGHT.replace('name="demo"', f'name="{name}"')


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all other processes whose environment names a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and os.fsencode(folder) in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:  # it has ended, or is not ours
            continue
    return found
