"""Answers that no good worker sends: the host reads each part of them again."""

from __future__ import annotations

import json
import math
import platform
import re
from pathlib import Path

import pytest
from host.demos import LIGHT

from pvcheck.host import Failed, Limits, Measured, Pool, codes, machine, works
from pvcheck.host.process import WorkerProcess

DIGEST = "0" * 64
MEASUREMENT = {
    "metrics": {"number": {"type": "f64", "value": {"decimal": "1.5", "hex": "0x1.8000000000000p+0"}}},
    "backend": "cpu",
    "labels": [],
    "comparisons": [],
    "conditions": [],
    "links": [],
    "ratios": [],
    "claims": [],
    "skipped": [],
    "notes": [],
    "libraries": {},
}
READ = {"size": 1, "ranges": [[0, 1]], "read_sha256": DIGEST}
GOOD = {"kind": "measured", "measurement": MEASUREMENT, "reads": {"model": READ}, "seconds": 1, "last": False}


@pytest.fixture
def asked(demo, monkeypatch):
    """Return a function that lets a worker give an answer and returns the reply."""

    def ask(answer):
        def forged(one, *_):
            return json.dumps(answer | {"nonce": json.loads(bytes(one._outgoing[4:]))["nonce"]}).encode()

        monkeypatch.setattr(WorkerProcess, "_send", lambda _: None)
        monkeypatch.setattr(WorkerProcess, "step", forged)
        with Pool(Limits(seconds=5)) as pool:
            return pool.evaluate(demo.request(inputs={"model": "model"}))

    return ask


def test_a_good_answer_is_read(asked):
    """The forged answers below differ from this one in one place."""
    assert isinstance(asked(GOOD), Measured)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "held"},
        {"kind": None},
        {"reads": {}},
        {"reads": {"model": READ | {"read_sha256": "0" * 63}}},
        {"reads": {"model": READ | {"read_sha256": "0" * 60 + "    "}}},
        {"reads": {"model": READ | {"sha256": "x" * 64}}},
        {"reads": {"model": READ | {"ranges": [[0]]}}},
        {"reads": {"model": None}},
        {"seconds": "x"},
        {"seconds": 10**400},
    ],
    ids=str,
)
def test_a_forged_answer_is_refused(asked, change):
    """It is told as a worker that did not answer."""
    reply = asked(GOOD | change)

    assert isinstance(reply, Failed)
    assert reply.code == codes.GARBLED
    assert ": the worker's answer cannot be read: " in reply.reason


def test_a_digest_of_another_length_is_told(asked):
    """Short ones are easily chosen."""
    reply = asked(GOOD | {"reads": {"model": READ | {"sha256": "00"}}})

    assert reply.reason.endswith("ValueError('a digest has 32 bytes')")


@pytest.mark.parametrize(
    "measurement",
    [None, MEASUREMENT | {"verdict": "held"}, MEASUREMENT | {"metrics": {"verdict": MEASUREMENT["metrics"]["number"]}}],
    ids=["none", "unknown-key", "undeclared"],
)
def test_a_measurement_is_checked_again(asked, measurement):
    """The worker's own checks ran beside foreign code."""
    reply = asked(GOOD | {"measurement": measurement})

    assert isinstance(reply, Failed)
    assert reply.code == codes.BAD_RESULT


def test_a_comparison_without_populations_is_refused_again(asked, demo):
    """Whatever the worker let through."""
    demo.write("demo_light", LIGHT.replace('"a number"),', '"a number", compares=True),'))

    reply = asked(GOOD)

    assert isinstance(reply, Failed)
    assert reply.code == codes.ONE_SIDED


def test_a_refusal_says_its_reason():
    """Without its code, which is told beside it."""
    refused = works.Refused("PV512", "not a number")

    assert (str(refused), refused.code) == ("not a number", "PV512")


@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan])
def test_what_is_no_time_is_refused(seconds):
    """With what it was."""
    with pytest.raises(ValueError, match=f"^{seconds} seconds are no time$"):
        works.seconds_of({"seconds": seconds})


def test_the_processor_is_named_as_the_kernel_does():
    """Where it does: not every processor has a name there."""
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)

    assert machine.processor() == (names[0] if names else platform.machine())
