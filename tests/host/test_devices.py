"""Which device an evaluation is made on: the one that was named, or what "auto" picks, and why."""

from __future__ import annotations

import pytest
from host.demos import LIGHT

from pvcheck.host import Measured, Unmeasured, devices
from pvcheck.host.devices import AUTO, FIRST, Choice
from pvcheck.plugin import Context, NotMeasured, Parameters


@pytest.mark.parametrize(
    ("declared", "tried"),
    [
        (("cpu",), ("cpu",)),
        (("cpu", "reference", "cuda"), ("cpu",)),
        (("cuda", "cpu", "reference"), ("cuda", "cpu")),
        (("reference",), ("reference",)),
        (("rocm", "cuda"), ("rocm", "cuda")),
    ],
    ids="-".join,
)
def test_auto_tries_devices_in_the_evaluators_order(declared, tried):
    """Up to the first that every machine has."""
    assert devices.candidates(declared) == tried


def measure(parameters, context):
    """Measure on anything but cuda."""
    if context.device == "cuda":
        raise NotMeasured("no CUDA device: none here")
    return context.device


@pytest.mark.parametrize(
    ("wanted", "declared", "choice"),
    [
        ("cpu", ("cuda", "cpu"), Choice("cpu")),
        (AUTO, ("cpu",), Choice("cpu")),
        (AUTO, ("cpu", "cuda"), Choice("cpu", FIRST)),
        (AUTO, ("cuda", "cpu"), Choice("cpu", "no CUDA device: none here")),
        (AUTO, ("tpu", "cpu"), Choice("tpu", FIRST)),
    ],
    ids=["named", "only", "first", "second", "other"],
)
def test_the_choice_says_why(wanted, declared, choice):
    """And the context that comes back is the one that was measured with."""
    given = Context(inputs={}, device=wanted, seed=3)

    told, context, found = devices.measured(measure, Parameters(), given, declared)

    assert found == choice
    assert told == context.device == choice.device
    assert context.seed == 3


@pytest.mark.parametrize(("wanted", "declared"), [("cuda", ("cuda", "cpu")), (AUTO, ("cuda",))], ids=["named", "only"])
def test_what_cannot_be_measured_stays_so(wanted, declared):
    """A named device has no substitute, and the last candidate none."""
    with pytest.raises(NotMeasured, match=r"^no CUDA device: none here$"):
        devices.measured(measure, Parameters(), Context(inputs={}, device=wanted), declared)


def test_each_candidate_is_tried_after_the_one_before():
    """None is passed over, and behind the last is nothing."""
    trial = devices.first(("rocm", "cuda", "cpu"), AUTO)
    tried = []
    while trial is not None:
        tried.append(trial.choice.device)
        trial = trial.after("not here")

    assert tried == ["rocm", "cuda", "cpu"]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice("cuda"), ""),
        (Choice("cpu", FIRST), "cpu (auto: the evaluator's first choice)"),
        (Choice("cpu", "no CUDA device: none here"), "cpu (auto: no CUDA device: none here)"),
    ],
    ids=["named", "first", "second"],
)
def test_a_choice_in_words(choice, told):
    """Nothing where there was none."""
    assert choice.told == told


def test_a_worker_picks_and_tells(demo, pool):
    """The evaluator itself says whether a device is here; what it says is made fit for a terminal."""
    demo.write("demo_light", LIGHT.replace('("cpu", "reference")', '("cuda", "cpu")'))
    demo.says('if context.device == "cuda":\n    raise NotMeasured("no \\x1b[31mdevice")')

    named, picked, cpu = (pool.evaluate(demo.request(device=device)) for device in ("cuda", AUTO, "cpu"))

    assert named == Unmeasured("no \\x1b[31mdevice")
    assert isinstance(picked, Measured)
    assert picked.choice == Choice("cpu", "no \\x1b[31mdevice")
    assert cpu.choice == Choice("cpu")


def test_a_device_that_is_not_declared_is_a_reason(demo, pool):
    """No worker is asked."""
    assert pool.evaluate(demo.request(device="cuda")) == Unmeasured("demo measures on cpu, reference, not on cuda")
