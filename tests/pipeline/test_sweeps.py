"""Evaluators that split: parts at a time, one join, the same evidence however it was done."""

from __future__ import annotations

import json
import re
import time

import pytest

from pvcheck.host import Limits, Measured, Pool, Request, discover, evaluating, splitting, works
from pvcheck.plugin import Evaluator, Parameters, wire


def last(out):
    """Return the last line."""
    return out.rstrip("\n").split("\n")[-1]


def test_a_sweep_is_measured_in_parts_and_joined(sweeping, pv):
    """Its numbers are those of the join, its record has what all parts read."""
    sweeping.writes(rows=6)

    status, out, _ = pv("run", "--write", "-q")

    record = sweeping.evidence()
    assert status == 0
    assert "  held          F-SWEEP" in out
    assert len(record["predicate"]["metrics"]["norms"]["value"]["hex"]) == 6
    assert record["predicate"]["inputs"]["table"]["ranges"] == [[0, 6 * 16 * 4]]


@pytest.mark.parametrize(
    "words", [(), ("-j", "2"), ("-j", "3"), ("--repeat", "2"), ("-j", "2", "--retries", "1")], ids=str
)
def test_the_evidence_is_the_same_whatever_is_done_at_a_time(sweeping, pv, words, monkeypatch):
    """Also the same as that of an evaluator that does all of it by itself."""
    sweeping.writes(rows=40, evaluator="whole")
    pv("run", "--write")
    wanted = sweeping.evidence()["predicate"]
    for each in (sweeping.path.parent / "evidence" / "sweep").glob("*.json"):
        each.unlink()
    sweeping.writes(rows=40)

    status, _, _ = pv("run", "--write", *words)

    found = sweeping.evidence()["predicate"]
    assert status == 0
    assert {key: found[key] for key in ("metrics", "inputs", "guards")} == {
        key: wanted[key] for key in ("metrics", "inputs", "guards")
    }


@pytest.mark.parametrize("chunk", [1, 7, 256])
def test_how_many_parts_go_together_changes_no_bit(sweeping, pv, monkeypatch, chunk):
    """Chunks are a matter of speed."""
    sweeping.writes(rows=60)
    pv("run", "--write")
    wanted = sweeping.evidence()
    monkeypatch.setattr(evaluating, "MAX_CHUNK", chunk)
    monkeypatch.setattr(evaluating, "GAIN", 10**9)

    status, out, _ = pv("run", "--check", "-j", "2")

    assert status == 0, out
    assert sweeping.evidence() == wanted


TROUBLES = {
    "raise": (
        "raise@3",
        "error",
        "part 4 of 8: sweep (plugin sweeps of sweep-dist 1.0): raised RuntimeError: trouble at 3",
    ),
    "first": ("raise@5,3,6", "error", "part 4 of 8: sweep"),
    "exit": (
        "exit@3,4",
        "error",
        "part 4 of 8: sweep (plugin sweeps of sweep-dist 1.0): the worker ended with status 3",
    ),
    "absent": ("absent@7", "not measured", "part 8 of 8: it is not here"),
    "memory": ("memory@2", "error", "part 3 of 8: sweep (plugin sweeps of sweep-dist 1.0): ran out of memory"),
    "split": (
        "raise@split",
        "error",
        "      sweep (plugin sweeps of sweep-dist 1.0): raised RuntimeError: trouble at split",
    ),
    "join": (
        "raise@join",
        "error",
        "      sweep (plugin sweeps of sweep-dist 1.0): raised RuntimeError: trouble at join",
    ),
    "join-exit": ("exit@join", "error", "the worker ended with status 3 before it answered"),
    "no-parameters": ("parts", "error", "bad result: its split must give parameters of type Sweeping, got int"),
}


@pytest.mark.parametrize(("trouble", "outcome", "reason"), TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("words", [(), ("-j", "3")], ids=["one", "three"])
def test_a_part_that_fails_is_named(sweeping, pv, trouble, outcome, reason, words):
    """The first in the order of the parts, whichever fails first; the other falsifiers would not mind."""
    sweeping.writes(trouble=trouble)

    status, out, _ = pv("run", "--write", *words)

    assert status == 3
    assert f"  {outcome:<12}  F-SWEEP" in out
    assert reason in out
    assert not (sweeping.path.parent / "evidence").exists()


def test_one_part_that_ends_a_chunk_is_found(sweeping, pv, monkeypatch):
    """A chunk that is lost is taken apart, so that the time limit and the blame are those of one part."""
    monkeypatch.setattr(evaluating, "GAIN", 10**9)
    sweeping.writes(rows=60, trouble="exit@41")

    status, out, _ = pv("run")

    assert status == 3
    assert "part 42 of 60: sweep (plugin sweeps of sweep-dist 1.0): the worker ended with status 3" in out


def test_a_part_that_hangs_is_a_timeout_of_its_own_limit(sweeping, pv):
    """The limit holds for each part, not for the sweep."""
    sweeping.writes(trouble="hang@6")

    status, out, _ = pv("run", "--timeout", "1.5")

    assert status == 3
    assert "  timeout       F-SWEEP\n      no answer within 1.5 s\n" in out


def test_a_part_is_tried_again(sweeping, pv, tmp_path):
    """Only that part; the result says at which try it came."""
    sweeping.writes(trouble=f"once@3,5@{tmp_path}/mark")

    status, out, _ = pv("run", "-q", "--retries", "1")

    assert status == 0
    assert "      held at try 2\n" in out
    assert sorted(each.name for each in tmp_path.glob("mark-*")) == ["mark-3", "mark-5"]


def test_a_join_is_tried_again(sweeping, pv, tmp_path):
    """Without measuring the parts again."""
    sweeping.writes(trouble=f"once@join@{tmp_path}/mark")

    status, out, _ = pv("run", "-q", "--retries", "1")

    assert status == 0
    assert "      held at try 2\n" in out


def test_tries_end(sweeping, pv):
    """What goes wrong each time is an error, and says so."""
    sweeping.writes(trouble="raise@3")

    status, out, _ = pv("run", "-q", "--retries", "2")

    assert status == 3
    assert "      error at try 3\n" in out


def test_what_comes_after_the_part_that_fails_is_given_up(sweeping, pv, tmp_path):
    """Nobody waits for it, and its worker has a moment to tidy up."""
    sweeping.writes(trouble=f"wait@1,2,3@{tmp_path}/waits")

    status, out, _ = pv("run", "--timeout", "2", "-j", "3")

    assert status == 3
    assert "  timeout       F-SWEEP" in out


def test_a_challenge_plants_its_faults_in_every_part(sweeping, pv):
    """And joins what they measured: the fault is caught by what bounds the total."""
    sweeping.writes()
    text = sweeping.path.read_text()
    total = pv("run")[1]
    number = re.search(r"total +> 0\.0 +([0-9.]+)", total)[1]
    sweeping.path.write_text(text.replace("total: '> 0'", f"total: {number} +- 0.001%"))

    status, out, _ = pv("challenge")

    assert status == 0, out
    assert "last-row" in out
    assert "1 of 1" in out


def test_the_progress_of_a_sweep_is_its_parts(sweeping):
    """Each report is of parts that are done, and the last one of all."""
    path = sweeping.writes(rows=20)
    request = Request(
        offered=discover().evaluators["sweep"],
        parameters={"table": "table", "rows": 20},
        inputs={"table": str(path.parent / "table.bin")},
    )
    told = []

    with Pool(Limits()) as pool:
        reply = pool.evaluate(request, on_progress=lambda *each: told.append(each))

    assert isinstance(reply, Measured)
    assert told == sorted(told)
    assert told[-1] == (20, 20)
    assert reply.seconds > 0


@pytest.mark.parametrize("evaluator", ["sweep", "whole"])
def test_a_sweep_in_this_process_gives_the_same_bits(sweeping, pv, evaluator):
    """For whoever debugs: pv measure splits and joins as well, where there is anything to split."""
    path = sweeping.writes(rows=12).parent / "table.bin"
    words = ("measure", evaluator, "table=t", "rows=12", "--input", f"t={path}")

    inside, outside = pv(*words, "--in-process"), pv(*words)

    assert inside[0] == outside[0] == 0, inside
    assert "0x403b4cc7dd573bce" in inside[1]
    assert re.sub(r"\d+ ms", "N ms", inside[1]) == re.sub(r"\d+ ms", "N ms", outside[1])


SPLITS = {
    "none": ([], "^bad result: its split gives no part"),
    "too-many": ([1] * 5, "^bad result: its split gives too much: at most 4 parts and"),
    "too-long": ([2, 2], "^bad result: its split gives too much: at most 4 parts and 99 bytes"),
}


@pytest.mark.parametrize(("told", "reason"), SPLITS.values(), ids=SPLITS)
def test_parts_are_bounded(monkeypatch, told, reason):
    """Whoever splits a sweep into more has to make its parts larger."""

    class Sweeping(Parameters):
        text: str = ""

    monkeypatch.setattr(splitting, "MAX_PARTS", 4)
    monkeypatch.setattr(splitting, "MAX_TOLD", 99)
    evaluator = Evaluator(name="a", version="1", doc="d", parameters=Sweeping, metrics=(), implementation="a:b")
    parts = [Sweeping(text="x" * 70 if each == 2 else "") for each in told]

    with pytest.raises(wire.BadResult, match=reason):
        splitting.parts_of(evaluator, parts)


def test_parts_may_be_as_large_as_is_allowed(monkeypatch):
    """And not by a byte larger."""
    evaluator = Evaluator(name="a", version="1", doc="d", parameters=Parameters, metrics=(), implementation="a:b")
    monkeypatch.setattr(splitting, "MAX_TOLD", 6)

    assert splitting.parts_of(evaluator, [Parameters()] * 3) == [{}] * 3

    with pytest.raises(wire.BadResult):
        splitting.parts_of(evaluator, [Parameters()] * 4)


def test_parts_are_told_before_they_are_too_much(monkeypatch):
    """The host asks for the others again."""
    monkeypatch.setattr(splitting.measuring, "answer", lambda *_, **__: ({"kind": "x" * 8}, True))
    size = len(json.dumps({"kind": "x" * 8}))
    monkeypatch.setattr(splitting, "MAX_TOLD", 2 * size)

    told, is_fit = splitting.answer(
        {"kind": "parts", "parts": [{}] * 9}, progress=lambda *_: None, cancelled=lambda: False
    )

    assert is_fit
    assert len(told["answers"]) == 3


@pytest.mark.parametrize("kind", ["split", "join"])
def test_the_time_of_a_split_and_of_a_join_is_told(sweeping, kind):
    """In seconds, and not since any moment."""
    asked = two_parts(sweeping)
    asked["parameters"] = {"table": "table", "rows": 2, "width": 4}
    parts, _ = splitting.answer(asked, progress=lambda *_: None, cancelled=lambda: False)
    asked["measurements"] = [json.dumps(each["measurement"]) for each in parts["answers"]]
    asked |= {"kind": kind, "ranges": {}}
    began = time.perf_counter()

    told, _ = splitting.answer(asked, progress=lambda *_: None, cancelled=lambda: False)

    assert 0 <= told["seconds"] <= time.perf_counter() - began
    assert ("read_sha256" in told["reads"]["table"]) is (kind == "join")


def test_what_the_parts_tell_is_bounded(sweeping, pv, monkeypatch):
    """The join must hold all of it."""
    monkeypatch.setattr(works, "MAX_JOINED", 2000)
    sweeping.writes(rows=40)

    status, out, _ = pv("run")

    assert status == 3
    assert ": bad result: its parts tell more than 2000 bytes" in out


def test_many_measurements_cross_in_several_messages(sweeping, pv, monkeypatch):
    """A join may be larger than one message may be."""
    sweeping.writes(rows=40)
    pv("run", "--write")
    monkeypatch.setattr(works, "BATCH", 500)

    status, out, _ = pv("run", "--check")

    assert status == 0, out


def two_parts(sweeping):
    """Return the request to measure two parts."""
    sweeping.writes(2, width=4)
    return {
        "kind": "parts",
        "module": "sweep_light",
        "evaluator": "sweep",
        "inputs": {"table": str(sweeping.path.parent / "table.bin")},
        "formats": {},
        "parts": [{"table": "table", "rows": 2, "width": 4, "first": row} for row in range(2)],
        "device": "cpu",
        "seed": 0,
        "threads": 1,
        "fault": None,
        "root": "",
        "hash_inputs": True,
    }


def test_parts_that_nobody_wants_any_more_are_not_begun(sweeping):
    """What was measured before is told."""
    told, is_fit = splitting.answer(two_parts(sweeping), progress=lambda *_: None, cancelled=lambda: True)

    assert is_fit
    assert len(told["answers"]) == 1


def test_a_part_is_not_hashed(sweeping):
    """The join reads all of it again for one digest, so those of parts would be for nobody."""
    told, is_fit = splitting.answer(two_parts(sweeping), progress=lambda *_: None, cancelled=lambda: False)

    assert is_fit
    assert [each["reads"]["table"] for each in told["answers"]] == [
        {"size": 64, "ranges": [[0, 16]]},
        {"size": 64, "ranges": [[16, 16]]},
    ]
