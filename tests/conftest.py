"""Fixtures that several folders of tests use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sweeps import sweeping  # noqa: F401 - a fixture

from pvcheck import config

settings.register_profile(
    "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("ours")

HEARD = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)

for each in HEARD:
    # What was started by nohup or in the background ignores some of them, and so would every process of a test.
    if signal.getsignal(each) is signal.SIG_IGN:
        signal.signal(each, signal.default_int_handler if each is signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def handlers_of_signals():
    """See that a test puts the handlers back: a later one would be deaf, and blame something else."""
    before = [signal.getsignal(each) for each in HEARD]
    yield
    assert [signal.getsignal(each) for each in HEARD] == before


PROBE = '''
"""A plugin for tests: it reports the numbers that its input file holds."""
from pvcheck.plugin import *


class Probing(Parameters):
    model: str = input_field("the file with the numbers")
    layers: str = "0-3"


@hookimpl
def pv_evaluators():
    metrics = (
        MetricSpec("growth", MetricType.F64, "last over first"),
        MetricSpec("count", MetricType.INT, "how many"),
        MetricSpec("steps", MetricType.F32, "one a layer", series=True, bits=True),
        MetricSpec("same", MetricType.BOOL, "whether the two sides agree"),
    )
    yield Evaluator(
        name="probe",
        version="1",
        doc="Reports what a file says.",
        parameters=Probing,
        metrics=metrics,
        implementation="probe_heavy:measure",
    )


@hookimpl
def pv_pages():
    return {"PROBE-1": "# PROBE-1 the file holds no numbers"}
'''

HEAVY = '''
"""The measuring half of the probe."""
import json, time
from pvcheck.plugin import *


def measure(parameters, context):
    source = context.inputs[parameters.model]
    told = json.loads(bytes(source.view(0, source.size)))
    if "sleep" in told:
        time.sleep(told["sleep"])
    if "fail" in told:
        raise RuntimeError(told["fail"])
    if "absent" in told:
        raise NotMeasured(told["absent"])
    metrics = {key: tuple(value) if isinstance(value, list) else value for key, value in told["metrics"].items()}
    metrics = {key: float(value) if value in ("nan", "inf") else value for key, value in metrics.items()}
    if "nan" in metrics.get("steps", ()):
        metrics["steps"] = tuple(map(float, metrics["steps"]))
    left = Population(count=4, shape=(4,), selection="all")
    right = Population(count=told.get("right", 4), shape=(4,), selection="all")
    ill = told.get("condition")
    ends = told.get("ends")
    return Measurement(
        metrics=metrics,
        backend="python",
        labels=("layer 0", "layer 1") if "steps" in metrics else (),
        comparisons=() if told.get("plain") else (Comparison(metrics=("growth",), left=left, right=right),),
        conditions=(Condition(metric="growth", position=None, number=ill, backward_error=1e-4),) if ill else (),
        links=tuple(
            ChainLink(position=at, label=f"layer {at} to layer {at + 1}", carry=each)
            for at, each in enumerate(told.get("carry", ()))
        ),
        ratios=(
            Ratio(
                metric="growth",
                numerator="last",
                denominator="first",
                numerator_value=ends[0],
                denominator_value=ends[1],
            ),
        )
        if ends
        else (),
        skipped=(Skip(what="layer 9", reason="it is not there"),) if told.get("skip") else (),
        notes=tuple(told.get("notes", ())),
    )
'''


@pytest.fixture
def probe(tmp_path_factory, monkeypatch):
    """Install the probe plugin as a distribution of its own, for this process and its workers."""
    place = tmp_path_factory.mktemp("site")
    (place / "probe_light.py").write_text(PROBE)
    (place / "probe_heavy.py").write_text(HEAVY)
    info = place / "probe_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: probe-dist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pvcheck.plugins]\nprobe = probe_light\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    return place


@pytest.fixture(autouse=True)
def fresh_settings():
    """Forget settings that an earlier test made us read."""
    config.of_folder.cache_clear()


@pytest.fixture
def pv(capsys):
    """Run the command line in this process: arguments in, exit status, standard output and error out."""

    def call(*words: object):
        from pvcheck.cli import cli
        from pvcheck.cli.output import guarded

        config.of_folder.cache_clear()
        capsys.readouterr()
        status = guarded(lambda: cli.main([str(word) for word in words], prog_name="pv", standalone_mode=False))
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture(scope="session")
def checkout():
    """Return the folder of the project."""
    return Path(__file__).resolve().parent.parent
