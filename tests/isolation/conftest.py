"""A project that two plugins measure, one of which misbehaves as each test says."""

from __future__ import annotations

import locale
import os
import re
import sys
import tempfile
import textwrap
from typing import TYPE_CHECKING

import pytest
from host.demos import processes_of

if TYPE_CHECKING:
    from pathlib import Path

LIGHT = """
from pydantic import Field
from pvcheck.plugin import *


class Given(Parameters):
    case: str = ""
    level: int = Field(default=0, ge=0, le=9)
    model: str | None = Field(default=None, json_schema_extra={"x-pv-input": True})


@hookimpl
def pv_evaluators():
    metrics = (
        MetricSpec("number", MetricType.F64, "a number"),
        MetricSpec("count", MetricType.INT, "how many"),
        MetricSpec("series", MetricType.F32, "some numbers", series=True),
    )
    yield Evaluator(
        name="NAME",
        version="1",
        doc="Measures a number.",
        parameters=Given,
        metrics=metrics,
        implementation="NAME_heavy:measure",
    )
"""
HEAD = """
import atexit, ctypes, json, locale, os, resource, signal, subprocess, sys, threading, time
from pathlib import Path
from pvcheck.plugin import *


def measured(**metrics):
    return Measurement(metrics=metrics or {"number": 1.5}, backend="python")


def measure(parameters, context):
    return globals()["case_" + parameters.case.replace("-", "_")](parameters, context) or measured()


def case_(parameters, context):
    pass
"""
FUNCTION = """
def case_{name}(parameters, context):
{body}
"""
CONTRACT = """\
metadata:
  schema: 1
  id: C-ISOLATION
  version: 1.0.0
  status: ACTIVE
inputs:
  model:
    format: gguf
    path: model.bin
falsification_tests:
{falsifiers}amendments: []
"""
FALSIFIER = """\
- id: {id}
  rule: the number is small
  evaluator: {evaluator}
  with: {{{parameters}}}
  expect:
    number: < 18
  status: PENDING
"""
RESULT = re.compile(
    r"^  (held|REFUTED|not measured|invalid|error|timeout) +(F-[\w-]+).*\n((?:      .*\n)*)", re.MULTILINE
)


class Lab:
    """A project, the folder of both plugins, and what ``pv run`` says of each claim."""

    def __init__(self, root: Path, site: Path, pv) -> None:
        self.root, self.site, self._pv = root, site, pv
        self.contract = root / "contracts" / "c.yaml"
        self.model = root / "contracts" / "model.bin"
        self.contract.parent.mkdir(parents=True)
        self.model.write_bytes(b"0123456789")
        self.settings(30)
        for name in ("bad", "good"):
            self.installs(f"{name}-dist", f"{name} = {name}_light")
            self.writes(f"{name}_light", LIGHT.replace("NAME", name))
            self.writes(f"{name}_heavy", HEAD)

    def settings(self, timeout, more=""):
        """Write the settings: both plugins may measure, for so many seconds."""
        (self.root / "pv.toml").write_text(f'evaluators = ["bad", "good"]\ntimeout = {timeout}\n{more}')

    def installs(self, distribution, declares):
        """Install a distribution."""
        info = self.site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[pvcheck.plugins]\n{declares}\n")

    def writes(self, module, text):
        """Write a module of a plugin."""
        (self.site / f"{module}.py").write_text(text)
        sys.modules.pop(module, None)

    def claims(self, *falsifiers):
        """Write the contract: (id, evaluator, parameters in YAML); two good claims stand around them."""
        around = [("F-GOOD-1", "good", ""), *falsifiers, ("F-GOOD-2", "good", "")]
        texts = [FALSIFIER.format(id=name, evaluator=who, parameters=given) for name, who, given in around]
        self.contract.write_text(CONTRACT.format(falsifiers="".join(texts)))

    def misbehaves(self, cases, parameters=""):
        """Give the bad plugin a body for each case, and the contract a claim F-case for each."""
        bodies = [
            FUNCTION.format(name=name.replace("-", "_"), body=textwrap.indent(textwrap.dedent(body), "    "))
            for name, body in cases.items()
        ]
        self.writes("bad_heavy", HEAD + "".join(bodies))
        self.claims(*((f"F-{name}", "bad", f"case: '{name}'{parameters}") for name in cases))

    def pv(self, *words):
        """Run the command line."""
        return self._pv(*words)

    def run(self, *words):
        """Run the claims; return the exit status and, of each claim, its outcome with the lines below it."""
        status, out, err = self.pv("run", "-q", *words)
        assert err == ""
        return status, {name: (word, told) for word, name, told in RESULT.findall(out)}

    def ends(self, expected):
        """Record a run; each case ends as expected, the good claims are promoted and no bad one is."""
        self.pv("schema", "--plugins", "--write")

        status, found = self.run("--write")

        good = {name: found.pop(name)[0] for name in ("F-GOOD-1", "F-GOOD-2")}
        assert good == {"F-GOOD-1": "held", "F-GOOD-2": "held"}
        wanted = {f"F-{name}": outcome for name, (outcome, _) in expected.items()}
        assert {name: outcome for name, (outcome, _) in found.items()} == wanted, found
        for name, (_, reason) in expected.items():
            assert re.search(reason, found[f"F-{name}"][1]), (name, found[f"F-{name}"])
            assert "\x1b" not in found[f"F-{name}"][1]
        held = list(wanted.values()).count("held")
        text = self.contract.read_text()
        assert text.count("  status: DISCHARGED\n") == 2 + held
        assert len(list((self.root / "contracts/evidence/c").iterdir())) == 2 + held
        assert status == (0 if held == len(wanted) else 3)
        assert self.pv("validate")[0] == 0


@pytest.fixture
def lab(tmp_path, monkeypatch, pv):
    """Give a project with a good and a bad plugin; afterwards the host is as it was, and nothing is left."""
    root, site, temporary = tmp_path / "project", tmp_path / "site", tmp_path / "temporary"
    for each in (root, site, temporary):
        each.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(root)
    made = Lab(root, site, pv)
    before = _state()

    yield made

    assert processes_of(site) == []
    assert list(temporary.iterdir()) == []
    assert _state() == before
    for name in [name for name, each in sys.modules.items() if str(site) in (getattr(each, "__file__", None) or "")]:
        del sys.modules[name]


def _state():
    """Return what of this process an evaluator must not change."""
    mask = os.umask(0o22)
    os.umask(mask)
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the listing itself has one open
    variables = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return os.getcwd(), mask, variables, descriptors, locale.setlocale(locale.LC_ALL), json_is_whole()  # noqa: PTH109


def json_is_whole():
    """Say whether this process still has its own ``json``."""
    import json

    return json.loads(json.dumps({"a": [1.5]})) == {"a": [1.5]}
