"""The pool: good evaluations, and every way in which a worker can misbehave."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from host.demos import processes_of

from pvcheck.host import Failed, Limits, Measured, Pool, Read, TimedOut, Unmeasured, codes, orphans, process, works
from pvcheck.host.crew import Crew
from pvcheck.host.process import WorkerProcess
from pvcheck.plugin import Task

WHO = "demo (plugin demo of demo-dist 1.0): "


def test_a_measurement_comes_back_to_the_bit(demo, pool):
    """What the function returned is what the host gets."""
    demo.says('return Measurement(metrics={"number": 0.1 + 0.2, "series": (0.5, float("-inf"))}, backend="cpu")')

    reply = pool.evaluate(demo.request())

    assert isinstance(reply, Measured)
    assert reply.measurement.metrics == {"number": 0.30000000000000004, "series": (0.5, float("-inf"))}
    assert 0 <= reply.seconds < 1


def test_the_function_gets_parameters_inputs_and_the_rest(demo, pool, tmp_path):
    """Parameters are of the plugin's model, a list is a tuple, inputs are open files."""
    demo.says(
        """
        got = (parameters.text, parameters.numbers, sorted(context.inputs), context.device, context.seed,
               context.threads, context.fault, bytes(context.inputs["model"].view(1, 2)), sys.stdin.read())
        return Measurement(metrics={"number": 1.0}, backend="cpu", notes=(repr(got),))
        """
    )
    model = tmp_path / "model"
    model.write_bytes(b"abcdef")

    reply = pool.evaluate(
        demo.request(
            {"text": "a", "numbers": [1, 2]},
            {"model": str(model)},
            device="reference",
            seed=7,
            threads=2,
            fault="off-by-one",
        )
    )

    assert reply.measurement.notes == ("('a', (1, 2), ['model'], 'reference', 7, 2, 'off-by-one', b'bc', '')",)


@pytest.mark.parametrize("whole", [False, True], ids=["ranges", "whole"])
def test_the_host_learns_what_was_read(demo, pool, tmp_path, whole):
    """Ranges are told with a digest over offset, size and bytes, and on request the digest of the file."""
    demo.says('context.inputs["model"].view(4, 2); context.inputs["model"].view(0, 1)')
    model = tmp_path / "model"
    model.write_bytes(b"abcdef")

    reply = pool.evaluate(demo.request(inputs={"model": str(model)}, hash_inputs=whole))

    number = lambda value: value.to_bytes(8, "little")  # noqa: E731 - shorter than its use
    digest = hashlib.sha256(number(0) + number(1) + b"a" + number(4) + number(2) + b"ef").hexdigest()
    file = hashlib.sha256(b"abcdef").hexdigest() if whole else None
    assert reply.reads == {"model": Read(6, ((0, 1), (4, 2)), digest, file)}


def test_a_worker_stays_alive(demo, pool):
    """The second evaluation runs in the process of the first, and in the folder it began in."""
    demo.says(
        """
        note = f"{os.getpid()} {os.getcwd()} {os.umask(0o22)}"
        os.umask(0)
        if parameters.text:
            Path("own").mkdir()
            os.chdir("own")
        else:
            import shutil
            os.chdir("/")
            shutil.rmtree(note.split()[1])
        return Measurement(metrics={"number": 1.0}, backend="cpu", notes=(note,))
        """
    )

    notes = [pool.evaluate(demo.request({"text": text})).measurement.notes for text in ("a", "", "a")]

    assert notes[0] == notes[1] == notes[2]
    assert notes[0][0].split()[1] != str(Path.cwd())


def test_distributions_do_not_share_a_worker(demo, pool):
    """One plugin's state never meets another's; a worker that was started ahead serves the first."""
    demo.says('return Measurement(metrics={"number": 1.0}, backend=str(os.getpid()))')
    pool.prestart(["demo_heavy:measure", "no_such_module:measure"])
    pool.prestart()
    ahead = pool.crew._idle()[0].pid

    backends = [pool.evaluate(demo.request(distribution=name)).measurement.backend for name in ("a", "b", "a")]

    assert backends[0] == backends[2] == str(ahead)
    assert backends[1] != backends[0]


def test_a_worker_that_was_started_ahead_imports_what_it_was_told(demo, pool):
    """The heavy part is there before anybody asks for it."""
    path = demo.folder / "imported"
    demo.write("demo_heavy", f"open({str(path)!r}, 'w').close()")

    pool.prestart(["demo_heavy:measure"])

    deadline = time.monotonic() + 10
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.exists()


@pytest.mark.parametrize(
    "name", ["MY_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "GITHUB_SHA", "PYTHONSTARTUP", "OMP_KEY"]
)
def test_a_worker_sees_no_secrets(demo, pool, monkeypatch, name):
    """Variables that may hold a secret, or that nobody knows, are not in the environment."""
    monkeypatch.setenv(name, "x")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    demo.says('return Measurement(metrics={"number": 1.0}, backend="cpu", notes=tuple(sorted(os.environ)))')

    notes = pool.evaluate(demo.request()).measurement.notes

    assert name not in notes
    assert {"PATH", "OMP_NUM_THREADS", "PYTHONPATH"} <= set(notes)


def test_not_measured_is_an_answer(demo, pool):
    """The reason reaches the reader escaped; the worker goes on."""
    demo.says('raise NotMeasured("no \\x1b[31mlayer" if parameters.text else "")')

    assert pool.evaluate(demo.request({"text": "a"})) == Unmeasured("no \\x1b[31mlayer")
    assert pool.evaluate(demo.request()) == Unmeasured("the evaluator gives no reason")


def test_a_device_the_evaluator_does_not_have_is_not_asked_for(demo, pool):
    """Nothing is started for it."""
    reply = pool.evaluate(demo.request(device="cuda"))

    assert reply == Unmeasured("demo measures on cpu, reference, not on cuda")
    assert pool.crew._idle() == []


def test_an_undeclared_fault_is_refused(demo, pool):
    """A challenge cannot plant what the evaluator would ignore."""
    reply = pool.evaluate(demo.request(fault="other"))

    assert reply == Failed(f"{WHO}declares no fault named other", codes.FAULT)


RAISES = {
    "exception": ('raise ValueError("no\\n::error::")', "raised ValueError: no\\n::error:: (demo_heavy.py:7)"),
    "silent": ("raise ValueError", "raised ValueError (demo_heavy.py:7)"),
    "base-exception": ('raise BaseException("x")', "raised BaseException: x (demo_heavy.py:7)"),
    "interrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt (demo_heavy.py:7)"),
    "generator-exit": ("raise GeneratorExit", "raised GeneratorExit (demo_heavy.py:7)"),
    "exit-0": ("sys.exit(0)", "raised SystemExit: 0 (demo_heavy.py:7)"),
    "recursion": (
        "def again(): again()\nagain()",
        "raised RecursionError: maximum recursion depth exceeded (demo_heavy.py:7)",
    ),
    "faulty-text": (
        "class Odd(Exception):\n    def __str__(self): sys.exit(0)\nraise Odd",
        "raised Odd: (its text cannot be read: SystemExit) (demo_heavy.py:9)",
    ),
    "no-file": ('exec("raise ValueError(1)")', "raised ValueError: 1"),
    "surrogate": ('raise ValueError("\\udc80")', "raised ValueError: \\udc80 (demo_heavy.py:7)"),
}


@pytest.mark.parametrize(("body", "reason"), RAISES.values(), ids=RAISES)
def test_what_is_raised_becomes_a_failure(demo, pool, body, reason):
    """Whatever its class, it ends neither the host nor the run: the next evaluation is made."""
    demo.says(body)

    reply = pool.evaluate(demo.request())

    assert reply == Failed(WHO + reason, codes.RAISED)
    assert pool.evaluate(demo.request()).code == codes.RAISED  # by the worker that is left, or by a new one


def test_the_limit_of_memory_holds(demo):
    """An evaluator that wants more gets MemoryError; its worker is not used again."""
    demo.says(
        'if parameters.text: bytearray(1 << 30)\nreturn Measurement(metrics={"number": 1.0}, backend=str(os.getpid()))'
    )

    with Pool(Limits(data_bytes=512 << 20, seconds=20)) as pool:
        first = pool.evaluate(demo.request()).measurement.backend
        reply = pool.evaluate(demo.request({"text": "a"}))
        after = pool.evaluate(demo.request()).measurement.backend

    assert reply == Failed(f"{WHO}ran out of memory (demo_heavy.py:7)", codes.MEMORY)
    assert after != first


def test_a_map_of_a_large_file_is_not_memory(demo, tmp_path):
    """A model may be larger than the limit."""
    model = tmp_path / "model"
    with model.open("wb") as file:
        file.truncate(4 << 30)
    demo.says('context.inputs["model"].view(3 << 30, 10)')

    with Pool(Limits(data_bytes=512 << 20, seconds=20)) as pool:
        reply = pool.evaluate(demo.request(inputs={"model": str(model)}))

    assert reply.reads["model"].size == 4 << 30


def test_the_limit_of_a_file_holds(demo):
    """An evaluator that writes more gets an error."""
    demo.says('Path("large").write_bytes(bytes(2 << 20))')

    with Pool(Limits(file_bytes=1 << 20, seconds=20)) as pool:
        reply = pool.evaluate(demo.request())

    assert isinstance(reply, Failed)
    assert "raised OSError: [Errno 27] File too large" in reply.reason


DIES = {
    "exit": ("os._exit(0)", r"the worker ended with status 0 before it answered"),
    "exit-3": ("os._exit(3)", r"the worker ended with status 3 before it answered"),
    "segfault": ("ctypes.string_at(0)", r"the worker died of SIGSEGV"),
    "abort": ("os.abort()", r"the worker died of SIGABRT"),
    "killed": (
        "os.kill(os.getpid(), signal.SIGKILL)",
        r"the worker died of SIGKILL, perhaps since the machine has no memory left",
    ),
    "real-time": ("os.kill(os.getpid(), 40)", r"the worker died of signal 40"),
    "sigbus": (
        """
        import mmap
        file = open("short", "w+b")
        file.truncate(9999)
        view = mmap.mmap(file.fileno(), 0)
        file.truncate(0)
        view[5000]
        """,
        r"the worker died of SIGBUS",
    ),
    "all-closed": ("os.closerange(0, 256)", r"the worker (ended with status 74|closed its pipe) before it answered"),
    "other-files": (
        "os.closerange(3, 256)\nfiles = [open('x', 'w') for _ in range(40)]",
        r"the worker (ended with status 74|closed its pipe) before it answered",
    ),
    "closed-and-alive": ("os.closerange(0, 256)\ntime.sleep(60)", r"the worker closed its pipe before it answered"),
    "with-words": (
        "print('\\x1b[2Jlast', flush=True); os._exit(1)",
        r'the worker ended with status 1 before it answered; it last printed "\\x1b\[2Jlast"',
    ),
    "pipe-held": (
        "if os.fork() == 0: time.sleep(60)\nos._exit(5)",
        r"the worker ended with status 5 before it answered",
    ),
    "forked": ("if os.fork(): os._exit(5)", r"the worker ended with status 5 before it answered"),
}


@pytest.mark.parametrize(("body", "reason"), DIES.values(), ids=DIES)
def test_a_worker_that_ends_is_told_and_replaced(demo, pool, body, reason):
    """No answer is a failure with the way the process ended, and the next evaluation gets a new worker."""
    demo.says(body)

    reply = pool.evaluate(demo.request())

    assert isinstance(reply, Failed)
    assert re.fullmatch(re.escape(WHO) + reason, reply.reason)
    assert reply.code == codes.DIED
    demo.says("")
    assert isinstance(pool.evaluate(demo.request()), Measured)


HANGS = {
    "sleep": "time.sleep(60)",
    "busy": "while True: pass",
    "deaf": "for each in (signal.SIGTERM, signal.SIGINT): signal.signal(each, signal.SIG_IGN)\ntime.sleep(60)",
    "prints": "while True: print('x' * 1000)",
    "child": "subprocess.run(['sleep', '60'])",
    "escaped-child": "subprocess.run(['sleep', '60'], start_new_session=True)",
    "daemon": "subprocess.run(['sh', '-c', 'setsid sleep 60 & exit 0'])\ntime.sleep(60)",
    "fork-holds-the-pipe": "if os.fork() == 0:\n    os.setsid()\ntime.sleep(60)",
}


@pytest.mark.parametrize("body", HANGS.values(), ids=HANGS)
def test_a_worker_that_hangs_is_ended_in_time(demo, pool, body):
    """It ends within a second of its limit, and so does everything it started."""
    demo.says(body)
    began = time.monotonic()

    reply = pool.evaluate(demo.request(), seconds=0.6)

    assert reply == TimedOut(0.6)
    assert time.monotonic() - began < 1.6
    assert processes_of(demo.folder) == []


def test_what_a_dead_worker_started_ends_too(demo, pool):
    """A grandchild in a session of its own, and one that only its group knows, outlive nobody."""
    demo.says(
        "subprocess.Popen(['sleep', '60'])\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\nos._exit(0)"
    )

    reply = pool.evaluate(demo.request())

    assert isinstance(reply, Failed)
    assert processes_of(demo.folder) == []


@pytest.mark.parametrize("name", [b"sleep", b"sl) 1 2 (ep", b"sl\xffeep"], ids=["plain", "brackets", "no-text"])
def test_a_process_without_our_mark_is_found_by_its_session(demo, pool, name):
    """It has an empty environment, a group of its own, and any name."""
    pid = demo.folder / "pid"
    program = os.fsencode(demo.folder) + b"/" + name
    shutil.copy("/bin/sleep", program)
    started = f"subprocess.Popen([{program!r}, '60'], env={{}}, process_group=0).pid"
    demo.says(f"Path({str(pid)!r}).write_text(str({started}))\nos._exit(0)")

    pool.evaluate(demo.request())

    assert not Path("/proc", pid.read_text()).exists()


def test_the_group_of_a_worker_ends_without_the_help_of_the_system(demo, monkeypatch):
    """Where orphans are not adopted, the children that stayed in the group end all the same."""
    monkeypatch.setattr(orphans, "sweep", lambda *_: None)
    monkeypatch.setattr(orphans, "adopt", lambda: True)
    demo.says("subprocess.run(['sleep', '60'])")

    with Pool(Limits(seconds=0.6)) as pool:
        pool.evaluate(demo.request())

    deadline = time.monotonic() + 2
    while processes_of(demo.folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes_of(demo.folder) == []


def test_what_a_good_worker_left_ends_with_it(demo, monkeypatch):
    """Threads, children and exit handlers do not hold the host or change the answer."""
    monkeypatch.setattr(process, "GRACE", 0.3)
    demo.says(
        """
        subprocess.Popen(['sleep', '60'], start_new_session=True)
        threading.Thread(target=time.sleep, args=(60,)).start()
        atexit.register(os._exit, 9)
        """
    )
    began = time.monotonic()

    with Pool(Limits(seconds=20)) as pool:
        reply = pool.evaluate(demo.request())

    assert isinstance(reply, Measured)
    assert time.monotonic() - began < process.GRACE + 2


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_printing_changes_nothing(demo, pool, stream):
    """A hundred megabytes on a stream neither block the worker nor fill a disk nor forge an answer."""
    demo.says(f"for _ in range(100): sys.{stream}.write('::error::' + 'x' * (1 << 20) + '\\n')")

    assert isinstance(pool.evaluate(demo.request()), Measured)
    assert len(pool.crew._idle()[0]._log) <= process.LOG_TAIL


RESULTS = {
    "none": ("return None", "an evaluator must return a Measurement, got NoneType"),
    "true": ("return True", "an evaluator must return a Measurement, got bool"),
    "text": ("return 'held'", "an evaluator must return a Measurement, got str"),
    "wrong-type": (
        "return Measurement(metrics={'number': '1.5'}, backend='cpu')",
        'metric "number" must be f64, got str',
    ),
    "subclass": (
        "class Big(float): pass\nreturn Measurement(metrics={'number': Big(1)}, backend='cpu')",
        'metric "number" must be f64, got demo_heavy.measure.<locals>.Big',
    ),
    "undeclared": (
        "return Measurement(metrics={'verdict': 1.0}, backend='cpu')",
        'metric "verdict" is not declared',
    ),
}


@pytest.mark.parametrize(("body", "reason"), RESULTS.values(), ids=RESULTS)
def test_a_wrong_result_is_refused(demo, pool, body, reason):
    """The message says which part is wrong and what it is."""
    demo.says(body)

    assert pool.evaluate(demo.request()) == Failed(f"{WHO}bad result: {reason}", codes.BAD_RESULT)


PIPE = "answers = json.loads(sys.orig_argv[-1])['answers']\n"
FORGES = {
    "noise": (
        PIPE + "os.write(answers, b'hello')",
        ": the worker's answer cannot be read: a message claims 1819043176",
    ),
    "two": (PIPE + "os.write(answers, b'\\x02\\0\\0\\0{}' * 2)", ": the worker said more than its one answer"),
    "no-json": (PIPE + "os.write(answers, b'\\x02\\0\\0\\0{{'); time.sleep(9)", "BadFrame('a message is not JSON')"),
    "no-nonce": (PIPE + "os.write(answers, b'\\x02\\0\\0\\0{}'); time.sleep(9)", "cannot be read: KeyError('nonce')"),
    "other-nonce": (
        PIPE + "os.write(answers, b'\\x0b\\0\\0\\0{\"nonce\":1}'); time.sleep(9)",
        ": the worker answered something that was not asked",
    ),
    "without-end": (
        PIPE + "data = b'\\0\\0\\x80\\0' + bytes(1 << 20)\nwhile True: os.write(answers, data)",
        "said more",
    ),
    "every-fd": (
        "for each in range(1, 64):\n    try: os.write(each, b'x' * 10)\n    except OSError: pass",
        "the worker's answer cannot be read: a message claims",
    ),
}


@pytest.mark.parametrize(("body", "reason"), FORGES.values(), ids=FORGES)
def test_only_one_good_answer_counts(demo, pool, body, reason):
    """Anything else on the pipe makes the worker broken, and it is replaced."""
    demo.says(body)

    reply = pool.evaluate(demo.request())

    assert isinstance(reply, Failed)
    assert reason in reply.reason
    assert reply.code == codes.GARBLED
    demo.says("")
    assert isinstance(pool.evaluate(demo.request()), Measured)


def test_a_late_word_costs_the_worker_and_not_the_next_evaluation(demo, pool):
    """Bytes that come after the answer are never taken for the next one."""
    demo.says(
        PIPE
        + "threading.Thread(target=lambda: (time.sleep(0.2), os.write(answers, b'late'))).start()\n"
        + "return Measurement(metrics={'number': 1.0}, backend=str(os.getpid()))"
    )

    first = pool.evaluate(demo.request())
    time.sleep(0.5)
    second = pool.evaluate(demo.request())

    assert isinstance(second, Measured)
    assert first.measurement.backend != second.measurement.backend


def test_a_worker_that_died_between_evaluations_is_replaced(demo, pool):
    """The next evaluation is not blamed for it."""
    pool.evaluate(demo.request())
    os.kill(pool.crew._idle()[0].pid, signal.SIGKILL)
    while pool.crew._idle()[0].is_idle():
        time.sleep(0.01)

    assert isinstance(pool.evaluate(demo.request()), Measured)


def test_a_request_larger_than_a_pipe_gets_through(demo, pool):
    """Also while the worker still starts."""
    demo.says('return Measurement(metrics={"text_length": len(parameters.text)}, backend="cpu")')

    reply = pool.evaluate(demo.request({"text": "x" * (1 << 20)}))

    assert reply.measurement.metrics == {"text_length": 1 << 20}


def test_an_interrupt_ends_the_workers(demo, pool, monkeypatch):
    """Nothing goes on behind the user's back."""
    pool.evaluate(demo.request())
    monkeypatch.setattr(WorkerProcess, "step", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        pool.evaluate(demo.request())

    assert processes_of(demo.folder) == []


def test_an_interrupt_in_the_block_of_a_pool_does_not_wait(demo):
    """Workers are killed, not asked."""
    demo.says("atexit.register(time.sleep, 60)")
    began = time.monotonic()

    pool = Pool(Limits())
    with suppress(KeyboardInterrupt), pool:
        pool.evaluate(demo.request())
        raise KeyboardInterrupt

    assert time.monotonic() - began < process.GRACE


def test_an_interrupt_in_the_block_of_a_pool_gives_measurements_a_moment(demo):
    """They learn that nobody waits, and tidy up."""
    done = demo.folder / "done"
    demo.says(f"context.progress(1, 2)\nwhile not context.cancelled(): time.sleep(0.01)\nPath({str(done)!r}).touch()")

    pool = Pool(Limits())
    with suppress(KeyboardInterrupt), pool:
        pool.crew.submit(Task(1, works.work_of(demo.request()), 20.0))
        assert pool.crew.wait(20)
        raise KeyboardInterrupt

    assert done.exists()


def test_no_more_workers_are_started_ahead_than_were_asked_for_and_than_can_work(demo):
    """Each costs memory."""
    del demo
    crew = Crew(Limits(), slots=2)

    started = []
    for wanted in (1, 1, 5):
        crew.prestart(workers=wanted)
        started.append(len(crew._idle()))
    crew.close()

    assert started == [1, 1, 2]


def test_a_worker_dies_with_the_host(demo):
    """A host that is killed leaves no worker that measures on."""
    demo.says("print(flush=True); time.sleep(60)")
    demo.write(
        "host",
        "import demo_light, threading, time, os, signal\n"
        "from pvcheck.host import *\n"
        "offered = OfferedEvaluator(demo_light.EVALUATOR, 'demo', 'demo-dist', '1.0', 'demo_light')\n"
        "pool = Pool(Limits())\n"
        "threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()\n"
        "pool.evaluate(Request(offered=offered, parameters={}, inputs={}))\n",
    )
    environment = os.environ | {"TMPDIR": str(demo.folder)}

    ended = subprocess.run([sys.executable, "-m", "host"], env=environment, check=False)

    deadline = time.monotonic() + 2
    while processes_of(demo.folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended.returncode == -signal.SIGKILL
    assert processes_of(demo.folder) == []


def test_no_python_is_a_failure(demo):
    """A worker that cannot be started is told like one that fails, and leaves nothing."""
    with Pool(Limits(), python=str(demo.folder / "none")) as pool:
        reply = pool.evaluate(demo.request())

    assert reply == Failed(f"{WHO}no worker could be started: No such file or directory", codes.DIED)


def test_the_host_adopts_orphans_only_while_it_has_workers(demo):
    """The property is put back as it was, also where it was set before."""
    with Pool(Limits()) as pool:
        pool.evaluate(demo.request())
        assert orphans.adopt()
    assert not orphans.adopt()
    with Pool(Limits()) as pool:
        pool.evaluate(demo.request())
    assert orphans.adopt()
    orphans.disown()


def test_only_workers_processes_are_swept(demo, pool):
    """Another child of the host goes on."""
    other = subprocess.Popen(["sleep", "60"])
    try:
        demo.says("os._exit(0)")
        pool.evaluate(demo.request())

        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_task_that_waits_can_be_given_up(demo):
    """It is never begun, and nothing is heard of the one that was."""
    demo.says("time.sleep(60)")
    crew = Crew(Limits())
    work = works.work_of(demo.request())
    for number in (1, 2):
        crew.submit(Task(number, work, 20.0))

    crew.cancel([1, 2])
    events = crew.wait(5)
    crew.close()

    assert events == []


def test_of_the_tasks_that_wait_only_those_that_were_given_up_are_not_begun(demo):
    """The others take their turn."""
    demo.says("")
    crew = Crew(Limits())
    work = works.work_of(demo.request())
    for number in (1, 2, 3):
        crew.submit(Task(number, work, 20.0))

    crew.cancel([2])
    told = [event.number for _ in range(2) for event in crew.wait(20)]
    crew.close()

    assert told == [1, 3]


def test_what_is_given_up_is_never_heard_of(demo):
    """Neither what waits nor what was answered; what comes afterwards is done."""
    demo.says("")
    crew = Crew(Limits())
    work = works.work_of(demo.request())
    for number in (1, 2):
        crew.submit(Task(number, work, 20.0))

    crew.give_up()
    crew.submit(Task(3, work, 20.0))
    told = [event.number for event in (*crew.wait(20), *crew.wait(0.5))]
    crew.close()

    assert told == [3]


def test_an_answer_that_nobody_took_is_given_up_too(demo):
    """It was known at once, as no worker could be started."""
    crew = Crew(Limits(), python="/nowhere/python")
    crew.submit(Task(1, works.work_of(demo.request()), 20.0))

    crew.give_up()

    assert crew.wait(0) == []
    crew.close()


def test_workers_that_leave_at_one_moment_are_all_heard_of(demo):
    """Each has an answer of its own."""
    demo.says("threading.Thread(target=time.sleep, args=(60,)).start()")
    crew = Crew(Limits(), slots=2)
    work = works.work_of(demo.request())
    for number in (1, 2):
        crew.submit(Task(number, work, 20.0))
    while len(crew._leaving) < 2:
        crew._look(0.1)
    for each in crew._leaving:
        each.until = 0.0

    told = [event.number for event in crew.wait(5)]
    crew.close()

    assert sorted(told) == [1, 2]
