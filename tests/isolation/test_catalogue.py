"""What a stranger's evaluator may do while it measures: the numbers are those of the catalogue of tests.

Each case is a claim in one contract, between two claims that another plugin measures. It ends in a named error,
a timeout or its true verdict, and the fixture looks for what it left.
"""

from __future__ import annotations

import time

import pytest

from pvcheck.host import process


def test_071_whatever_is_raised_is_an_error_of_its_claim_alone(lab):
    """No exception ends the run, whatever it derives from."""
    lab.misbehaves(
        {
            "exception": "raise ValueError('\\x1b[2J::error::')",
            "base": "raise BaseException('x')",
            "interrupt": "raise KeyboardInterrupt",
            "generator": "raise GeneratorExit",
            "recursion": "def again(): again()\nagain()",
            "group": "raise ExceptionGroup('several', [ValueError(1)])",
            "text": "class Odd(Exception):\n    def __str__(self): raise self\nraise Odd",
        }
    )

    lab.ends(
        {
            "exception": ("error", r"bad \(plugin bad of bad-dist 1\.0\): raised ValueError: \\x1b\[2J::error::"),
            "base": ("error", "raised BaseException: x"),
            "interrupt": ("error", "raised KeyboardInterrupt"),
            "generator": ("error", "raised GeneratorExit"),
            "recursion": ("error", "raised RecursionError: maximum recursion depth exceeded"),
            "group": ("error", "raised ExceptionGroup: several"),
            "text": ("error", "raised Odd: .its text cannot be read: Odd"),
        }
    )


def test_072_an_exit_is_no_verdict(lab):
    """No way of leaving early looks like success; one after the answer changes nothing."""
    lab.misbehaves(
        {
            "sys": "sys.exit(0)",
            "os": "os._exit(0)",
            "atexit": "atexit.register(os._exit, 0)",
            "after": "threading.Timer(0.2, os._exit, (0,)).start()",
        }
    )

    lab.ends(
        {
            "sys": ("error", "raised SystemExit: 0"),
            "os": ("error", "the worker ended with status 0 before it answered"),
            "atexit": ("held", ""),
            "after": ("held", ""),
        }
    )


def test_073_a_signal_is_named(lab):
    """With the evaluator and its plugin."""
    lab.misbehaves(
        {
            "segv": "ctypes.string_at(0)",
            "abrt": "os.abort()",
            "bus": "os.kill(os.getpid(), signal.SIGBUS)",
            "kill": "os.kill(os.getpid(), signal.SIGKILL)",
        }
    )

    who = r"bad \(plugin bad of bad-dist 1\.0\): the worker died of SIG"
    lab.ends({name: ("error", who + name.upper()) for name in ("segv", "abrt", "bus", "kill")})


def test_074_what_does_not_end_is_a_timeout(lab):
    """Also where no signal is heard, and where the interpreter is not let go."""
    cases = {
        "deaf": "for each in (signal.SIGTERM, signal.SIGINT): signal.signal(each, signal.SIG_IGN)\ntime.sleep(60)",
        "swallows": "while True:\n    try: time.sleep(60); context.check()\n    except Cancelled: pass",
        "busy": "while True: pass",
        "in-c": "sum(range(10**12))",
    }
    lab.misbehaves(cases)
    lab.settings(2)
    began = time.monotonic()

    lab.ends(dict.fromkeys(cases, ("timeout", "no answer within 2 s")))

    assert time.monotonic() - began < 3.0 * len(cases) + 5


def test_075_memory_files_and_descriptors_are_bounded(lab):
    """Each limit is an error that an evaluator could have caught; none costs another claim anything."""
    lab.misbehaves(
        {
            "memory": "bytearray(12 << 30)",
            "file": "with open('large', 'wb') as file:\n    for _ in range(200): file.write(bytes(1 << 20))",
            "descriptors": "held = [open('/dev/null') for _ in range(5000)]",
        }
    )

    lab.ends(
        {
            "memory": ("error", r"ran out of memory \(bad_heavy\.py:\d+\)"),
            "file": ("error", r"raised OSError: \[Errno 27\] File too large"),
            "descriptors": ("error", r"raised OSError: \[Errno 24\] Too many open files"),
        }
    )


def test_075_what_an_evaluator_starts_ends_with_it(lab):
    """Processes that fork, that leave their session and that hold the pipes; threads cost the worker its place."""
    lab.misbehaves(
        {
            "thread": "threading.Thread(target=time.sleep, args=(60,)).start()",
            "forks": "for _ in range(5): os.fork()\ntime.sleep(60)",
            "escapes": "subprocess.Popen(['setsid', 'sh', '-c', 'setsid sleep 61 & exec sleep 62'])\nos._exit(7)",
            "leaves": "subprocess.Popen(['sleep', '63'], start_new_session=True)",
        }
    )
    lab.settings(2)

    lab.ends(
        {
            "thread": ("held", ""),
            "forks": ("timeout", "no answer within 2 s"),
            "escapes": ("error", "the worker ended with status 7 before it answered"),
            "leaves": ("held", ""),
        }
    )


def test_076_what_is_printed_is_neither_read_nor_kept(lab):
    """An answer is no line on a stream; words of a worker that died are shown escaped and short."""
    lab.misbehaves(
        {
            "json": 'print(json.dumps({"kind": "measured", "verdict": "held"}), flush=True)\nraise ValueError("x")',
            "workflow": "print('\\n::error::x')\nprint('\\n::error::y', file=sys.stderr)",
            "much": "for _ in range(100): sys.stderr.write('x' * (1 << 20))",
            "words": "os.write(2, b'\\n::error::\\x1b[2J\\xff' * 1000)\nos._exit(1)",
        }
    )

    lab.ends(
        {
            "json": ("error", "raised ValueError: x"),
            "workflow": ("held", ""),
            "much": ("held", ""),
            "words": ("error", r'status 1 before it answered; it last printed ".{1,400}"\n$'),
        }
    )

    _, out, err = lab.pv("run")
    assert "\n::error::" not in f"\n{out}\n{err}"
    assert len(out) < 4000


def test_077_what_is_no_measurement_is_refused(lab):
    """The message says which part is wrong, and never repeats it at length."""
    pytest.importorskip("numpy")
    nested = "told = ()\nfor _ in range(100_000): told = (told,)\n"
    lab.misbehaves(
        {
            "true": "return True",
            "text": "return 'held'",
            "status": "return Measurement(metrics={'number': 1.0, 'status': 1.0}, backend='python')",
            "nan-as-int": "return measured(number=1.5, count=float('nan'))",
            "bool-as-int": "return measured(number=1.5, count=True)",
            "inf-as-text": "return measured(number='inf')",
            "numpy": "import numpy\nreturn measured(number=numpy.float64(1.5))",
            "list": "return measured(number=1.5, series=[1.0])",
            "cycle": "told = {}\ntold['number'] = told\nreturn Measurement(metrics=told, backend='python')",
            "deep": nested + "return measured(number=1.5, series=told)",
            "large": "return Measurement(metrics={'number': 1.5}, backend='python', notes=('x' * 4000,) * 2500)",
            "long": "return measured(number=1.5, series=(0.5,) * 100_001)",
            "class": "class Mine(Measurement): pass\nreturn Mine(metrics={'number': 1.5}, backend='python')",
        }
    )

    told = {
        "true": "an evaluator must return a Measurement, got bool",
        "text": "an evaluator must return a Measurement, got str",
        "status": 'metric "status" is not declared',
        "nan-as-int": 'metric "count" must be int, got float',
        "bool-as-int": 'metric "count" must be int, got bool',
        "inf-as-text": 'metric "number" must be f64, got str',
        "numpy": 'metric "number" must be f64, got numpy.float64',
        "list": 'metric "series" must be a tuple of f32, got list',
        "cycle": 'metric "number" must be f64, got dict',
        "deep": 'metric "series" ',
        "large": r"it takes \d+ bytes, at most 1048576 are allowed",
        "long": 'metric "series" must have at most 100000 numbers, got 100001',
        "class": "an evaluator must return a Measurement, got bad_heavy.",
    }
    lab.ends({name: ("error", f"bad result: {reason}") for name, reason in told.items()})


def test_077_nothing_returned_is_refused_and_nan_is_invalid(lab):
    """A NaN where a float was declared is no wrong type: the guard sees it."""
    lab.misbehaves({"nan": "return measured(number=float('nan'))"})
    lab.writes("bad_heavy", (lab.site / "bad_heavy.py").read_text().replace(" or measured()", ""))
    lab.claims(("F-none", "bad", "case: ''"), ("F-nan", "bad", "case: nan"))

    lab.ends(
        {
            "none": ("error", "bad result: an evaluator must return a Measurement, got NoneType"),
            "nan": ("invalid", "finite: number has 1 of 1 numbers that are not finite"),
        }
    )


def test_078_a_worker_that_writes_to_every_descriptor_gave_no_answer(lab):
    """More than one message, or bytes that are none, is never a result."""
    every = "for each in range(3, 64):\n    try: os.write(each, {})\n    except OSError: pass\n"
    lab.misbehaves(
        {
            "noise": every.format("b'x' * 10"),
            "forged": every.format("b'\\x02\\0\\0\\0{}' * 2"),
            "floods": 'data = b\'{"kind": "progress", "done": 1, "total": 2}\'\n'
            "data = len(data).to_bytes(4, 'little') + data\n"
            "while True:\n" + "    " + every.format("data * 100").replace("\n", "\n    "),
        }
    )

    lab.ends(
        {
            "noise": ("error", "the worker's answer cannot be read: a message claims"),
            "forged": ("error", "the worker said more than its one answer"),
            "floods": ("error", "the worker reports progress without end"),
        }
    )


def test_079_the_host_keeps_its_own_state(lab):
    """What an evaluator turns upside down in its own process stays there, as the fixture sees."""
    pytest.importorskip("numpy")
    lab.misbehaves(
        {
            "folder": "os.chdir('/')",
            "umask": "os.umask(0)",
            "environment": "os.environ.clear()\nos.environ['PATH'] = ''",
            "locale": "locale.setlocale(locale.LC_ALL, 'C')\ntime.tzset()",
            "numpy": "import numpy\nnumpy.seterr(all='raise')",
            "json": "json.dumps = json.loads = None\njson.JSONEncoder.default = None",
            "import": "import builtins\nbuiltins.__import__ = None",
            "streams": "sys.stdout = sys.stderr = None",
            "write": "os.write = None",
            "files": "os.closerange(0, 256)",
            "others": "os.closerange(3, 256)\nheld = [open('x', 'w') for _ in range(40)]",
        }
    )

    closed = "the worker (ended with status 74|closed its pipe) before it answered"
    harmless = ("folder", "umask", "environment", "locale", "numpy", "json", "import", "streams")
    lab.ends(
        dict.fromkeys(harmless, ("held", ""))
        | {
            "write": ("error", "the worker ended with status 1 before it answered"),
            "files": ("error", closed),
            "others": ("error", closed),
        }
    )


def test_088_a_worker_sees_no_secret(lab):
    """Variables of the host that may hold one are not in the environment."""
    secrets = ("MY_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "GITHUB_SHA", "SSH_AUTH_SOCK")
    lab.misbehaves(
        {"names": "found = [name for name, value in os.environ.items() if 'hidden' in value]\nassert not found, found"}
    )

    with pytest.MonkeyPatch.context() as patch:
        for name in secrets:
            patch.setenv(name, "hidden-value")
        lab.ends({"names": ("held", "")})


def test_089_a_model_that_changes_while_it_is_measured_is_no_evidence(lab):
    """Neither the evaluator that wrote to it nor one that comes later is believed; other claims are measured."""
    write = "with open(context.inputs['model'].path, 'r+b') as file: file.write(b'{}')"
    lab.misbehaves({"writes": write.format("X"), "later": ""}, ", model: model")
    lab.writes("bad_heavy", (lab.site / "bad_heavy.py").read_text() + "    pass\n")

    lab.ends(
        {
            "writes": ("error", "the input model changed while it was measured"),
            "later": ("error", "the input model is no longer the file that this run began with"),
        }
    )


def test_089_a_contract_that_changes_while_it_is_measured_is_not_written(lab):
    """Nothing is recorded for the text that is no longer there."""
    lab.misbehaves({"writes": f"with open({str(lab.contract)!r}, 'a') as file: file.write('# changed\\n')"})
    before = lab.contract.read_text()

    status, out, _ = lab.pv("run", "--write")

    assert status == 3
    assert "PV710 " in out
    assert lab.contract.read_text() == before + "# changed\n"
    assert not (lab.root / "contracts" / "evidence").exists()


def test_a_limit_is_kept_within_a_second(lab):
    """The notice that an evaluation gets is part of it."""
    assert process.NOTICE <= 0.5
    lab.misbehaves({"sleeps": "time.sleep(60)"})
    lab.settings(1.5)
    lab.claims(("F-sleeps", "bad", "case: sleeps"))
    began = time.monotonic()

    _, found = lab.run("-k", "sleeps")

    assert found["F-sleeps"][0] == "timeout"
    assert time.monotonic() - began < 1.5 + 1 + 1  # a second for the host to start and to find the plugins
