"""One evaluation on its way, without any worker: answers in any order, lost, refused or about too little."""

from __future__ import annotations

import io
import json
import math
import platform
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.host import (
    Failed,
    Measured,
    OfferedEvaluator,
    Request,
    TimedOut,
    Unmeasured,
    codes,
    evaluating,
    frames,
    machine,
    works,
)
from pvcheck.host.devices import AUTO, Choice
from pvcheck.host.evaluating import Evaluation, Pace, Read
from pvcheck.host.scheduling import Scheduler
from pvcheck.plugin import Evaluator, Event, Measurement, MetricSpec, MetricType, Parameters, wire

SPECS = (MetricSpec("number", MetricType.F64, "a number"),)
PACE = Pace(1.0, 2)


def request(split="a:split", join="a:join", devices=("cpu",), **more):
    """Return a request."""
    names = {"implementation": "a:measure", "split": split, "join": join}
    offer = Evaluator(
        name="sweep", version="1", doc="d", parameters=Parameters, metrics=SPECS, devices=devices, **names
    )
    return Request(
        offered=OfferedEvaluator(offer, "p", "dist", "1", "m"), parameters={}, inputs={"file": "path"}, **more
    )


def read(start, size=2):
    """Return what was read."""
    return {"file": {"size": 100, "ranges": [[start, size]], "read_sha256": "0" * 64}}


def measured(number, reads=None):
    """Return the answer with a number."""
    told = wire.to_json(Measurement(metrics={"number": float(number)}, backend="cpu"), SPECS)
    return {"kind": "measured", "measurement": told, "reads": reads or read(number * 4), "seconds": 0.25}


def begun(parts, retries=0):
    """Return an evaluation that was split."""
    one = Evaluation(request(), 1.0, retries)
    work, indices = one.next(PACE)
    assert (work["kind"], indices) == ("split", ())
    one.take(
        (), {"kind": "split", "parts": [{"part": each} for each in range(parts)], "reads": read(50), "seconds": 1.0}
    )
    return one


def drained(one):
    """Return all works that can be begun."""
    found = []
    while (each := one.next(PACE)) is not None:
        found.append(each)
    return found


@given(order=st.permutations(range(6)))
def test_the_order_of_answers_changes_nothing(order):
    """The join is given the parts in their order, and all that was read, joined."""
    one = begun(6)
    chunks = drained(one)
    assert [indices for _, indices in chunks] == [(each,) for each in range(6)]

    for each in order:
        one.take((each,), {"kind": "parts", "answers": [measured(each)]})

    work, _ = one.next(PACE)
    numbers = [wire.from_json(json.loads(each)).metrics["number"] for each in work["measurements"]]
    assert work["kind"] == "join"
    assert numbers == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert work["ranges"] == {"file": [[0, 2], [4, 2], [8, 2], [12, 2], [16, 2], [20, 2], [50, 2]]}
    one.take((), measured(9))
    assert isinstance(one.finished.reply, Measured)
    assert one.finished.reply.seconds == 1.0 + 6 * 0.25 + 0.25


@given(order=st.permutations(range(5)), bad=st.sets(st.integers(0, 4), min_size=1))
def test_the_first_part_that_fails_is_told_in_any_order(order, bad):
    """Of all that can fail, the first in their order."""
    one = begun(5)
    drained(one)

    for each in order:
        failure = {"kind": "error", "code": codes.RAISED, "reason": f"luck {each}"}
        one.take((each,), {"kind": "parts", "answers": [failure if each in bad else measured(each)]})

    assert one.finished.reply == Failed(f"part {min(bad) + 1} of 5: luck {min(bad)}", codes.RAISED)


def test_what_comes_after_a_failure_is_not_needed():
    """What comes before it is; a later answer about it changes nothing."""
    one = begun(4)
    drained(one)

    one.take((2,), {"kind": "timeout", "seconds": 1.0})

    assert one.finished is None
    assert [one.unneeded((each,)) for each in range(4)] == [False, False, False, True]
    assert not one.unneeded(())
    assert not one.unneeded((1, 3))
    one.take((0,), {"kind": "parts", "answers": [measured(0)]})
    one.take((1,), {"kind": "not_measured", "reason": "gone"})
    assert one.finished.reply == Unmeasured("part 2 of 4: gone")
    assert one.unneeded((0,))
    assert one.next(PACE) is None


def test_a_timeout_of_a_part_is_that_of_the_evaluation():
    """It is told with the limit."""
    one = begun(1)
    drained(one)

    one.take((0,), {"kind": "timeout", "seconds": 1.0})

    assert one.finished.reply == TimedOut(1.0)


def test_parts_go_together_once_their_cost_is_known():
    """So many that a task is worth its overhead, and never so many that a slot is idle."""
    one = begun(500)
    first = one.next(PACE)
    assert first[1] == (0,)
    one.take((0,), {"kind": "parts", "answers": [measured(0)]})

    together = one.next(Pace(1.0, 2))[1]

    assert together == tuple(range(1, 82))  # 20 s of work at a quarter of a second each
    assert len(one.next(Pace(1.0, 200))[1]) == 2


def test_what_a_chunk_left_out_is_begun_again():
    """A worker may end a chunk early; one that is lost is done part by part."""
    one = begun(40)
    one.next(PACE)
    one.take((0,), {"kind": "parts", "answers": [measured(0)]})
    _, indices = one.next(PACE)
    assert len(indices) == 10

    one.take(indices, {"kind": "parts", "answers": [measured(each) for each in indices[:4]]})
    assert one.next(PACE)[1][0] == indices[4]

    other = begun(40)
    other.next(PACE)
    other.take((0,), {"kind": "parts", "answers": [measured(0)]})
    _, indices = other.next(PACE)
    other.take(indices, {"kind": "timeout", "seconds": 1.0})
    assert [other.next(PACE)[1] for _ in range(10)] == [(each,) for each in indices]
    assert len(other.next(PACE)[1]) > 1


def test_of_two_parts_that_are_lost_each_is_done_alone():
    """Nobody knows which of them it was."""
    one = begun(3)
    one.next(PACE)
    one.take((0,), {"kind": "parts", "answers": [measured(0)]})
    assert one.next(Pace(1.0, 0.5))[1] == (1, 2)

    one.take((1, 2), {"kind": "timeout", "seconds": 1.0})

    assert [indices for _, indices in drained(one)] == [(1,), (2,)]


def test_a_part_is_tried_again_alone():
    """Its neighbours do not pay for it once more."""
    one = begun(40, retries=1)
    one.next(PACE)
    one.take((0,), {"kind": "parts", "answers": [measured(0)]})
    _, indices = one.next(PACE)
    answers = [measured(each) for each in indices]

    failure = {"kind": "error", "code": codes.RAISED, "reason": "no"}
    one.take(indices, {"kind": "parts", "answers": [failure, *answers[1:]]})

    assert one.next(PACE)[1] == (1,)
    assert len(one.next(PACE)[1]) > 1


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_an_evaluation_is_tried_as_often_as_was_said(lost):
    """Two more times, and no further one after it."""
    one = Evaluation(request("", ""), 1.0, 2)
    for _ in range(lost):
        one.next(PACE)
        one.take((), {"kind": "timeout", "seconds": 1.0})
    assert one.next(PACE) is not None

    one.take((), measured(1))

    assert (type(one.finished.reply), one.finished.tries) == (Measured, lost + 1)


def test_an_evaluation_that_is_always_lost_ends():
    """After its last try."""
    one = Evaluation(request("", ""), 1.0, 2)
    while one.next(PACE) is not None:
        one.take((), {"kind": "timeout", "seconds": 1.0})

    assert one.finished[:2] == (TimedOut(1.0), 3)


def test_a_join_that_is_lost_is_joined_again():
    """The parts are there, and none is measured twice."""
    one = begun(1, retries=1)
    drained(one)
    one.take((0,), {"kind": "parts", "answers": [measured(0)]})
    assert one.next(PACE)[0]["kind"] == "join"

    one.take((), {"kind": "timeout", "seconds": 1.0})

    assert one.next(PACE)[0]["kind"] == "join"


def test_parts_before_one_that_must_be_alone_end_their_chunk():
    """It is not mixed with others."""
    one = begun(40)
    one.next(PACE)
    one.take((0,), {"kind": "parts", "answers": [measured(0)]})
    _, indices = one.next(PACE)
    one._parts.alone.add(15)
    one.take(indices, {"kind": "parts", "answers": [measured(each) for each in indices]})

    assert one.next(PACE)[1] == tuple(range(11, 15))
    assert one.next(PACE)[1] == (15,)


def test_many_measurements_make_several_messages(monkeypatch):
    """None is larger than a worker may read, and none is lost."""
    monkeypatch.setattr(works, "BATCH", 8)
    texts = ["x" * 4] * 5 + ["y" * 30]

    data = works.messages({"kind": "join", "measurements": texts}, "n")

    told = []
    while data:
        end = frames.HEAD + frames.size(data)
        told.append(frames.unpacked(data[frames.HEAD : end]))
        data = data[end:]
    assert told == [{"kind": "join", "nonce": "n", "batches": 4}, texts[:2], texts[2:4], texts[4:5], texts[5:]]


@pytest.mark.parametrize("answer", [{}, {"kind": "split", "parts": []}, {"kind": "parts"}, {"kind": "split"}], ids=str)
def test_an_answer_of_another_form_is_an_error(answer):
    """Whatever an executor says."""
    one = Evaluation(request(), 1.0)
    one.next(PACE)

    one.take((), answer)

    assert isinstance(one.finished.reply, Failed)
    assert one.finished.reply.code == codes.GARBLED
    assert ": the executor's answer cannot be read: " in one.finished.reply.reason


def test_an_executor_may_give_as_many_parts_as_are_allowed(monkeypatch):
    """A worker has said no to more before."""
    monkeypatch.setattr(works, "MAX_PARTS", 3)

    assert begun(3).finished is None
    assert begun(4).finished.reply.code == codes.GARBLED


def test_parts_may_tell_as_much_as_is_allowed(monkeypatch):
    """And not by a byte more."""
    size = len(works.text_of(measured(0)["measurement"]))
    for most in (2 * size, 2 * size - 1):
        monkeypatch.setattr(works, "MAX_JOINED", most)
        one = begun(2)
        drained(one)
        for each in range(2):
            one.take((each,), {"kind": "parts", "answers": [measured(0, read(each))]})
        assert (one.finished is None) is (most == 2 * size)


def test_an_answer_about_parts_that_nobody_asked_for_is_ignored():
    """Before the split, and twice about one."""
    one = Evaluation(request(), 1.0)
    one.take((3,), {"kind": "parts", "answers": [measured(3)]})
    assert one.finished is None

    other = begun(2)
    drained(other)
    for _ in range(2):
        other.take((0,), {"kind": "parts", "answers": [measured(0)]})
    assert other.progress == (1, 2)


@pytest.mark.parametrize("code", sorted(evaluating.NOT_AGAIN))
def test_what_a_second_try_meets_again_is_not_tried(code):
    """A broken plugin stays broken."""
    one = Evaluation(request("", ""), 1.0, 5)
    one.next(PACE)

    one.take((), {"kind": "error", "code": code, "reason": "no"})

    assert one.finished[:2] == (Failed("no", code), 1)


def test_an_evaluation_that_needs_no_worker_ends_at_once():
    """A device that the evaluator does not have, a fault that it does not declare."""
    assert isinstance(Evaluation(request(device="cuda"), 1.0).finished.reply, Unmeasured)
    assert Evaluation(request(fault="other"), 1.0).finished.reply.code == codes.FAULT


class Mute:
    """An executor that never answers, and takes note."""

    slots, overhead, finds_inputs = 2, 0.0, False

    def __init__(self, fails=""):
        self.fails, self.tasks, self.cancelled, self.calls = fails, [], [], []

    def submit(self, task):
        """Take a task."""
        self.calls.append("submit")
        if self.fails == "submit":
            raise OSError("pipe")
        self.tasks.append(task)

    def wait(self, _):
        """Return an answer to the last task that was taken."""
        self.calls.append(f"wait {len(self.tasks)}")
        if self.fails == "wait":
            raise RuntimeError
        return [Event(self.tasks.pop().number, measured(1))] if self.tasks else []

    def cancel(self, numbers):
        """Take note."""
        self.cancelled += numbers


@pytest.mark.parametrize(
    ("fails", "why", "calls"),
    [("submit", "pipe", ["submit"]), ("wait", "RuntimeError", ["submit", "submit", "wait 2"])],
)
def test_an_executor_that_raises_is_lost(fails, why, calls):
    """Every evaluation ends, also those that were not begun, and it is asked for nothing more."""
    executor = Mute(fails)
    scheduler = Scheduler(executor)
    numbers = [scheduler.add(request("", ""), 1.0) for _ in range(4)]
    refused = scheduler.add(request("", "", device="cuda"), 1.0)

    found = dict(scheduler.finished())

    assert isinstance(found.pop(refused).reply, Unmeasured)
    assert sorted(found) == numbers
    assert executor.calls == calls
    assert {each.reply.code for each in found.values()} == {codes.LOST}
    assert all(each.reply.reason.endswith(f"the executor cannot go on: {why}") for each in found.values())


def test_what_is_dropped_is_cancelled_and_never_heard_of():
    """Whether it was begun or not."""
    executor = Mute()
    scheduler = Scheduler(executor)
    numbers = [scheduler.add(request("", ""), 1.0) for _ in range(5)]
    found = scheduler.finished()
    first = next(found)

    scheduler.drop(numbers[2:])

    assert first[0] == numbers[1]
    assert [each for each, _ in found] == [numbers[0]]
    assert set(executor.cancelled) <= {3, 4, 5}


def test_what_is_dropped_while_it_is_measured_is_never_heard_of():
    """Nor waited for."""
    executor = Mute()
    scheduler = Scheduler(executor)
    numbers = [scheduler.add(request("", ""), 1.0) for _ in range(2)]
    found = scheduler.finished()
    assert next(found)[0] == numbers[1]

    scheduler.drop(numbers)

    assert executor.cancelled == [1]
    assert list(found) == []


def test_what_is_dropped_takes_no_slot():
    """Others are measured in its place."""
    executor = Mute()
    scheduler = Scheduler(executor)
    numbers = [scheduler.add(request("", ""), 1.0) for _ in range(5)]
    found = scheduler.finished()
    assert next(found)[0] == numbers[1]
    executor.tasks.clear()
    executor.calls.clear()

    scheduler.drop(numbers[:1])

    assert {number for number, _ in found} == set(numbers[2:])
    assert executor.calls[:3] == ["submit", "submit", "wait 2"]


class Cards(Mute):
    """An executor with one card that is busy with other work from its second part on."""

    def __init__(self):
        super().__init__()
        self.slots, self.asked = 4, []

    def cancel(self, numbers):
        """Forget tasks."""
        super().cancel(numbers)
        self.tasks = [each for each in self.tasks if each.number not in numbers]

    def wait(self, _):
        """Answer the task that waits longest."""
        task = self.tasks.pop(0)
        kind, device = task.work["kind"], task.work["device"]
        self.asked.append((kind, device))
        if kind == "split":
            answer = {"kind": "split", "parts": [{}] * 4, "reads": read(50), "seconds": 1.0}
        elif kind == "join":
            answer = measured(7)
        elif device == "cuda":
            answer = {"kind": "not_measured", "reason": "the card is busy"}
        else:
            answer = {"kind": "parts", "answers": [measured(1)] * len(task.work["parts"])}
        return [Event(task.number, answer)]


def test_parts_behind_one_that_failed_are_not_begun():
    """Those before it are, in their order."""
    parts = evaluating._Parts.of([{}] * 12)
    taken = [parts.chunk(Pace(0.0, 1)) for _ in range(12)]
    parts.under_way.clear()
    for index in (0, 9, 5, 7, 4, 1, 6, 8, 3, 11, 10, 2):
        parts.back([index])

    parts.fail(7, {"kind": "error"})

    assert taken == [[index] for index in range(12)]
    assert not parts.is_over
    assert [parts.chunk(Pace(0.0, 1)) for _ in range(8)] == [[index] for index in range(7)] + [[]]
    parts.under_way.clear()
    assert parts.is_over


def test_auto_is_one_device_for_all_parts():
    """One part that is not measured on it sends all of them to the next; what the first still does is cancelled."""
    executor = Cards()
    scheduler = Scheduler(executor)
    number = scheduler.add(request(devices=("cuda", "cpu"), device=AUTO), 1.0)
    named = scheduler.add(request(devices=("cuda", "cpu"), device="cuda"), 1.0)

    found = dict(scheduler.finished())

    assert found[number].reply.choice == Choice("cpu", "part 1 of 4: the card is busy")
    assert found[named].reply == Unmeasured("part 1 of 4: the card is busy")
    assert executor.asked.count(("join", "cpu")) == 1
    assert ("join", "cuda") not in executor.asked
    assert executor.cancelled


def test_progress_of_one_piece_is_handed_on():
    """That of a part is not: it is parts that are counted."""
    told = []
    executor = Mute()
    executor.wait = lambda _: [
        Event(executor.tasks[-1].number, None, 1, 2),
        Event(executor.tasks.pop().number, answers.pop()),
    ]
    answers = [measured(1), {"kind": "parts", "answers": [measured(0)]}]
    answers += [{"kind": "split", "parts": [{}], "reads": read(50), "seconds": 1.0}, measured(1)]
    scheduler = Scheduler(executor, progress=lambda *each: told.append(each))
    scheduler.add(request("", ""), 1.0)
    found = dict(scheduler.finished())
    scheduler.add(request(), 1.0)

    found |= dict(scheduler.finished())

    assert [type(each.reply) for each in found.values()] == [Measured, Measured]
    assert told == [(1, 1, 2), (2, 1, 2), (2, 1, 1)]


def test_a_reply_is_read_strictly():
    """An answer of another kind, or one without its parts, is no reply."""
    work = works.work_of(request())
    for answer in ({"kind": "parts", "answers": []}, {"kind": "measured"}, {"kind": "split"}, {"kind": "timeout"}):
        assert works.reply_of(work, answer).code == codes.GARBLED
    with pytest.raises(ValueError, match=r"^parts"):
        works.checked(work | {"kind": "split"}, {"kind": "split", "parts": [1], "reads": {}, "seconds": 1})
    with pytest.raises(ValueError, match=r"^parts"):
        works.checked(work | {"kind": "split"}, {"kind": "split", "parts": [], "reads": {}, "seconds": 1})
    with pytest.raises(ValueError, match=r"^parts"):
        works.checked(work | {"kind": "parts", "parts": [{}]}, {"kind": "parts", "answers": []})
    with pytest.raises(ValueError, match=r"^held"):
        works.checked(work | {"kind": "parts", "parts": [{}]}, {"kind": "parts", "answers": [{"kind": "held"}]})


@pytest.mark.parametrize("seconds", ["nan", math.inf, -1.0, "-inf"])
def test_a_time_that_is_none_is_not_believed(seconds):
    """A pace is made of it, and sums."""
    work = works.work_of(request())

    assert works.reply_of(work, measured(1) | {"seconds": seconds}).code == codes.GARBLED
    assert works.reply_of(work, {"kind": "timeout", "seconds": seconds}).code == codes.GARBLED
    several = begun(2)
    (_, indices), *_ = drained(several)
    several.take(indices, {"kind": "parts", "answers": [measured(1) | {"seconds": seconds}]})
    assert several.finished.reply.code == codes.GARBLED


def test_a_processor_is_told_by_the_first_name_that_the_kernel_has_for_it(monkeypatch):
    """Every core has one, and other lines that speak of models."""
    table = "processor\t: 0\nmodel\t\t: 106\nmodel name\t: A 1 @ 2: GHz\nprocessor\t: 1\nmodel name\t: B\n"
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO(table))

    assert machine.processor() == "A 1 @ 2: GHz"


def test_a_processor_without_a_name_is_told_by_its_kind(monkeypatch):
    """Where there is no kernel table, or it names none."""

    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr("builtins.open", refuse)

    assert machine.processor() == platform.machine()


@given(st.sets(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=8))
def test_ranges_that_touch_are_joined(ranges):
    """They hold the same bytes, in order, and between any two of them is one that nobody read."""
    found = Read(100, ranges).joined()

    read = {at for offset, size in ranges for at in range(offset, offset + size)}
    assert [at for offset, size in found for at in range(offset, offset + size)] == sorted(read)
    assert all(offset + size < after for (offset, size), (after, _) in pairwise(found))
