"""Two ways to talk while an evaluation runs: progress one way, the wish to stop the other."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pvcheck.host import Failed, Limits, Measured, Pool, TimedOut, codes, frames, process, worker
from pvcheck.host.process import WorkerProcess

PIPE = "answers = json.loads(sys.orig_argv[-1])['answers']\n"


def raw(text):
    """Return the bytes of a message, as the source of a test's evaluator."""
    return repr(len(text).to_bytes(4, "little") + text.encode())


def test_progress_reaches_the_caller_and_is_not_the_answer(demo, pool):
    """Each report on its own; those that come too soon are left out."""
    demo.says("for each in range(3):\n    context.progress(each, 3)\n    context.progress(3, 3)\n    time.sleep(0.15)")
    told = []

    reply = pool.evaluate(demo.request(), on_progress=lambda *each: told.append(each))

    assert isinstance(reply, Measured)
    assert told == [(0, 3), (1, 3), (2, 3)]


def test_nobody_needs_to_listen(demo, pool):
    """Reports are read all the same, so that the pipe never fills."""
    demo.says("context.progress(1, 3)")

    assert isinstance(pool.evaluate(demo.request()), Measured)


def test_nonsense_is_not_told(demo, pool):
    """Neither by the context, nor where an evaluator writes to the pipe by itself."""
    wrong = ['"done": 2, "total": 1', '"done": true, "total": 1', '"done": 1.0, "total": 2', '"done": 1}{', '"done": 1']
    forged = [raw('{"kind": "progress", ' + each + "}") for each in wrong]
    lines = [f"os.write(answers, {each})" for each in forged]
    demo.says(
        PIPE
        + "\n".join(lines)
        + """
class Odd:
    def __index__(self): sys.exit(0)
for pair in ((-1, 2), (3, 2), (1.0, 2), ("1", 2), (None, 2), (Odd(), 2), (1, 10 ** 18 + 1)):
    context.progress(*pair)
class Number:
    def __index__(self): return 1
context.progress(Number(), 2)
"""
    )
    told = []

    reply = pool.evaluate(demo.request(), on_progress=lambda *each: told.append(each))

    assert isinstance(reply, Measured), reply
    assert told == [(1, 2)]


def test_a_flood_of_calls_costs_nothing(demo, pool):
    """The worker leaves out what nobody could read, also from many threads at once."""
    demo.says(
        """
        def flood():
            for each in range(100_000): context.progress(each, 100_000)
        threads = [threading.Thread(target=flood) for _ in range(4)]
        for each in threads: each.start()
        for each in threads: each.join()
        """
    )
    told = []

    assert isinstance(pool.evaluate(demo.request(), on_progress=lambda *each: told.append(each)), Measured)
    assert 1 <= len(told) <= process.REPORTS


def test_a_flood_on_the_pipe_is_ended(demo, pool):
    """Whoever goes round the context is told and replaced, soon and without filling the host."""
    text = '{"kind": "progress", "done": 1, "total": 2}'
    demo.says(PIPE + f"while True: os.write(answers, {raw(text)} * 1000)")
    began = time.monotonic()

    reply = pool.evaluate(demo.request())

    assert isinstance(reply, Failed)
    assert (reply.code, reply.reason.endswith(": the worker reports progress without end")) == (codes.GARBLED, True)
    assert time.monotonic() - began < 3


def test_a_report_after_the_answer_is_none(demo, pool):
    """A thread that goes on cannot disturb the next evaluation; its worker is replaced."""
    demo.says(
        """
        def late():
            while True: context.progress(1, 2)
        threading.Thread(target=late, daemon=True).start()
        return Measurement(metrics={"number": 1.0}, backend=str(os.getpid()))
        """
    )

    replies = [pool.evaluate(demo.request()) for _ in range(3)]

    assert all(isinstance(each, Measured) for each in replies)
    assert len({each.measurement.backend for each in replies}) == 3


def test_a_thread_that_stays_does_not_hold_the_host(demo, pool):
    """Its worker has half a second to leave, and is ended."""
    demo.says("threading.Thread(target=time.sleep, args=(60,)).start()")
    began = time.monotonic()

    assert isinstance(pool.evaluate(demo.request()), Measured)
    assert time.monotonic() - began < 15


def test_a_copy_of_the_worker_reports_nothing(demo, pool):
    """What an evaluator forks shares the pipe, and keeps silent."""
    demo.says("if os.fork() == 0:\n    context.progress(1, 2)\n    os._exit(0)\nos.wait()")
    told = []

    assert isinstance(pool.evaluate(demo.request(), on_progress=lambda *each: told.append(each)), Measured)
    assert told == []


def test_an_evaluation_may_tidy_up_before_it_is_ended(demo, pool):
    """It learns by asking or by an exception, and the host does not wait longer than it takes."""
    done = demo.folder / "done"
    demo.says(
        f"""
        try:
            while not context.cancelled(): time.sleep(0.01)
            context.check()
        finally:
            Path({str(done)!r}).touch()
        """
    )
    began = time.monotonic()

    reply = pool.evaluate(demo.request(), seconds=0.8)

    assert reply == TimedOut(0.8)
    assert done.exists()
    assert time.monotonic() - began < 0.8 + process.NOTICE


STOPS = {
    "swallows": "while True:\n    try:\n        time.sleep(0.01); context.check()\n    except Exception: pass",
    "reports": "while True: context.progress(1, 2)",
    "garbles": PIPE + "while not context.cancelled(): time.sleep(0.01)\nos.write(answers, b'hello')\ntime.sleep(60)",
    "dies": "while not context.cancelled(): time.sleep(0.01)\nos._exit(0)",
}


@pytest.mark.parametrize("body", STOPS.values(), ids=STOPS)
def test_an_evaluation_that_does_not_stop_is_ended(demo, pool, body):
    """Whatever it does with its notice."""
    demo.says(body)
    began = time.monotonic()

    assert pool.evaluate(demo.request(), seconds=0.8) == TimedOut(0.8)
    assert time.monotonic() - began < 1.8


def test_a_second_evaluation_is_not_stopped_by_the_first_ones_signal(demo, pool):
    """The wish belongs to one evaluation, and an evaluator that took the signal for itself keeps it for one."""
    demo.says(
        """
        if parameters.text == "takes": signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if parameters.text == "asked": os.kill(os.getpid(), signal.SIGTERM)
        note = f"{os.getpid()} {context.cancelled()}"
        return Measurement(metrics={"number": 1.0}, backend="cpu", notes=(note,))
        """
    )

    notes = [pool.evaluate(demo.request({"text": each})).measurement.notes[0] for each in ("takes", "asked", "")]

    assert [each.split()[1] for each in notes] == ["False", "True", "False"]
    assert len({each.split()[0] for each in notes}) == 1


def test_an_interrupt_cancels_before_it_kills(demo, monkeypatch):
    """A second one during the notice ends the worker all the same."""
    done = demo.folder / "done"
    demo.says(f"context.progress(1, 2)\nwhile not context.cancelled(): time.sleep(0.01)\nPath({str(done)!r}).touch()")

    def interrupt(*_):
        raise KeyboardInterrupt

    with Pool(Limits()) as pool:
        with pytest.raises(KeyboardInterrupt):
            pool.evaluate(demo.request(), on_progress=interrupt)
        assert done.exists()
        monkeypatch.setattr(WorkerProcess, "has_stopped", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pool.evaluate(demo.request(), on_progress=interrupt)


def test_a_process_that_is_gone_need_not_be_asked(demo, monkeypatch):
    """It ended, and was reaped by somebody else."""
    gone = []

    def kill(pid, number):
        gone.append((pid, number))
        raise ProcessLookupError

    one = WorkerProcess(Limits(), os.sys.executable)
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", kill)
        one.warn()
    one.kill()

    assert gone[0] == (one.pid, signal.SIGTERM)
    assert demo.folder.exists()


def test_an_input_that_changes_is_told_once_it_is_used_again(demo, pool, tmp_path):
    """During the measurement, and after it by whomever; another input goes on."""
    model, other = tmp_path / "model", tmp_path / "other"
    for each in (model, other):
        each.write_bytes(b"abc")
    demo.says("if parameters.text: open(context.inputs['model'].path, 'ab').write(b'd')")
    who = "demo (plugin demo of demo-dist 1.0): the input model "

    first = pool.evaluate(demo.request(inputs={"model": str(model)}))
    writes = pool.evaluate(demo.request({"text": "a"}, {"model": str(model)}))
    again = pool.evaluate(demo.request(inputs={"model": str(model)}))
    unlike = pool.evaluate(demo.request(inputs={"model": str(other)}))

    assert isinstance(first, Measured)
    assert writes == Failed(f"{who}changed while it was measured", codes.CHANGED)
    assert again == Failed(f"{who}is no longer the file that this run began with", codes.CHANGED)
    assert isinstance(unlike, Measured)


def test_the_function_gets_the_folder_of_the_project(demo, pool):
    """An evaluator that runs programs starts them there."""
    demo.says('return Measurement(metrics={"number": 1.0}, backend=context.root)')

    assert pool.evaluate(demo.request(root="/some/where")).measurement.backend == "/some/where"


def test_open_files_are_bounded(demo):
    """A leak of descriptors is an error of the evaluator."""
    demo.says("held = [open('/dev/null') for _ in range(100)]")

    with Pool(Limits(open_files=50)) as pool:
        reply = pool.evaluate(demo.request())

    assert isinstance(reply, Failed)
    assert "raised OSError: [Errno 24] Too many open files" in reply.reason


@pytest.fixture
def channel():
    """Give a channel in this process and the other end of its answers."""
    requests, asks = os.pipe()
    hears, answers = os.pipe()
    os.set_blocking(hears, False)
    yield worker.Channel(requests, answers), asks, hears
    for each in (requests, asks, hears, answers):
        os.close(each)


def heard(descriptor):
    """Return what was written."""
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""


def test_a_channel_reports_between_a_request_and_its_answer(channel, monkeypatch):
    """Before and after, and within a tenth of a second, it is silent."""
    one, asks, hears = channel
    now = [100.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])

    one.report(1, 9)
    os.write(asks, frames.packed({"a": 1}))
    one.receive()
    one.report(2, 9)
    one.report(3, 9)
    now[0] += worker.INTERVAL
    one.report("4", 9)
    one.report(10, 9)
    one.report(5, 9)
    one.send({"answer": 1})
    now[0] += worker.INTERVAL
    one.report(6, 9)

    assert heard(hears) == frames.progress(2, 9) + frames.progress(5, 9) + frames.packed({"answer": 1})


def test_the_wish_to_stop_is_a_signal():
    """It is noted and nothing else happens; listening anew forgets it."""
    before = signal.getsignal(signal.SIGTERM)
    stop = worker.Stop()
    try:
        stop.listen()
        assert not stop.is_asked()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_asked()
        stop.listen()
        assert not stop.is_asked()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_counts_are_read_strictly():
    """Only whole numbers in their order, and only of a message that has them."""
    most = frames.MAX_COUNT
    assert frames.counts(frames.progress(1, 2)[frames.HEAD :]) == (1, 2)
    assert frames.counts(frames.progress(most, most)[frames.HEAD :]) == (most, most)
    assert frames.counts(frames.progress(1, most + 1)[frames.HEAD :]) is None
    for text in (b'{"done": 1}', b"[]", b"{", b'{"done": 2, "total": 1}', b'{"done": "1", "total": 2}', b"1"):
        assert frames.counts(text) is None


def test_what_is_too_much_for_one_answer_is_not_kept(demo, monkeypatch):
    """The host stops reading, however fast a worker writes."""
    one = WorkerProcess(Limits(), os.sys.executable)
    monkeypatch.setattr(process, "_pieces", lambda _: [bytes(5 << 20)] * 4)

    assert one._drain()
    assert len(one._inbox) == 10 << 20

    one.kill()
    assert demo.folder.exists()


def test_half_a_message_is_waited_for(demo):
    """A pipe gives what it has, which may be less than was written."""
    one = WorkerProcess(Limits(), os.sys.executable)
    message = frames.packed({"a": 1})

    one._inbox += message[:-1]
    assert one._frame() is None
    one._inbox += message[-1:]
    assert one._frame() == message[frames.HEAD :]

    one.kill()
    assert demo.folder.exists()
