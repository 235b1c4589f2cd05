"""Points 138 to 144: what a signal leaves, whenever it comes.

Point 144 is in tests/pipeline/test_kill.py.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.test_output import wait_for
from helpers import untraced
from host.demos import processes_of
from points.test_i_filesystem import claiming, is_promoted, leftovers

from pvcheck import cli
from pvcheck.cli import ending
from pvcheck.cli import run as running
from pvcheck.evidence import store
from pvcheck.host import Failed, Limits, Measured, Pool, TimedOut, process
from pvcheck.host.crew import Crew
from pvcheck.pipeline import scheduling
from pvcheck.testing import Project

IS_LONG = os.environ.get("PVCHECK_POINTS") == "long"
ENDS = {signal.SIGINT: 130, signal.SIGTERM: -signal.SIGTERM, signal.SIGHUP: -signal.SIGHUP}
"""How a process ends by each: a shell says 130, 143 and 129."""
PHASES = (
    ("pvcheck.discovery:contracts", 1),
    ("pvcheck.pipeline.checking:check_all", 1),
    ("pvcheck.pipeline.selecting:chosen", 1),
    ("pvcheck.files:_pour", 1),
    ("pvcheck.host.crew:WorkerProcess", 1),
    ("pvcheck.host.crew:Crew.wait", 1),
    ("pvcheck.guards:judge", 1),
    ("pvcheck.writeback:decide", 1),
    ("pvcheck.files:make_folder", 1),
    ("pvcheck.files:_pour", 2),
    ("pvcheck.files:_flush_folder", 1),
    ("pvcheck.files:_pour", 3),
    ("pvcheck.files:_flush_folder", 2),
    ("pvcheck.report.run:lines", 1),
)
"""What a run calls, in this order, and at which of its calls the signal comes.

Bytes are poured into a file that only rehearses, then into the record, then into the contract.
"""
DRIVER = """
import importlib, json, os, sys
from pathlib import Path
from pvcheck import cli
from pvcheck.cli import run
from pvcheck.host import crew

def planted(phase, number, at):
    module, _, name = phase.partition(":")
    owner = importlib.import_module(module)
    *outer, last = name.split(".")
    for each in outer:
        owner = getattr(owner, each)
    real, calls = getattr(owner, last), []
    def call(*words, **options):
        calls.append(None)
        if len(calls) == at:
            os.kill(os.getpid(), number)
        return real(*words, **options)
    setattr(owner, last, call)

for name, phase, number, at in json.loads(sys.argv[1]):
    root = Path(name)
    child = os.fork()
    if not child:
        os.chdir(root / "project")
        os.environ["TMPDIR"] = str(root / "temporary")
        for stream, place in ((1, "out"), (2, "err")):
            os.dup2(os.open(root / place, os.O_WRONLY | os.O_CREAT), stream)
        planted(phase, number, at)
        sys.argv = ["pv", "run", "--write"]
        cli.main()
    _, status = os.waitpid(child, 0)
    (root / "status").write_text(str(os.waitstatus_to_exitcode(status)))
"""
"""Runs that a signal reaches, each in a copy of one process: it would take longer to start them all."""


def copied(project, place):
    """Return a folder with a copy of a project and one for temporary files."""
    shutil.copytree(project.root, place / "project")
    (place / "temporary").mkdir()
    return place


@pytest.mark.parametrize("number", ENDS, ids=lambda each: each.name)
def test_138_a_signal_at_any_phase_leaves_the_old_or_the_new(project, tmp_path, number):
    """No process, no temporary file, nothing said but one word, and the next run finishes the work."""
    old = claiming(project, "c").read_text()
    cases = PHASES if IS_LONG else PHASES[[*ENDS].index(number) :: 3]
    places = [copied(project, tmp_path / str(place)) for place in range(len(cases))]

    told = json.dumps([(str(place), case[0], number, case[1]) for place, case in zip(places, cases, strict=True)])
    subprocess.run([sys.executable, "-c", DRIVER, told], env=untraced(), check=True)

    for place, case in zip(places, cases, strict=True):
        contract = place / "project" / "contracts" / "c.yaml"
        out, err = (place / "out").read_text(), (place / "err").read_text()
        assert (int((place / "status").read_text()), err.strip()) == (ENDS[number], "interrupted"), (case, out, err)
        assert "Traceback" not in out
        assert processes_of(place) == []
        assert list((place / "temporary").iterdir()) == []
        assert leftovers(place) == []
        assert is_promoted(contract) or contract.read_text() == old
        assert_finished(contract)


def assert_finished(contract):
    """Assert that validation is content with what a signal left, and that the next run finishes the work."""
    project = Project(contract.parent.parent)
    assert project.run("validate").status == 0
    for reference in store.references(contract):
        store.load(contract, reference)
    assert project.run("run", "--write", "-q").status == 0
    assert is_promoted(contract)
    assert len(store.references(contract)) == 1
    assert leftovers(project.root) == []


SLOW = """
Path({began!r}).touch()
subprocess.Popen(["sleep", "65"], start_new_session=True)
while True:
    time.sleep(0.01)
"""


def measuring(lab, *words, code="from pvcheck.cli import main; main()"):
    """Start a run whose second claim is measured without end, and return it once it is there."""
    began = lab.root / "began"
    lab.misbehaves({"slow": SLOW.format(began=str(began))})
    lab.pv("schema", "--plugins", "--write")
    run = subprocess.Popen(
        [sys.executable, "-c", code, "run", "--write", *words],
        cwd=lab.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=untraced(TMPDIR=str(lab.root.parent / "temporary")),
    )
    wait_for(began.exists)
    began.unlink()
    return run


@pytest.mark.parametrize("number", ENDS, ids=lambda each: each.name)
def test_138_what_was_measured_before_a_signal_is_told(lab, number):
    """Within a second nothing runs any more; the verdicts that there are are shown, and none was written."""
    run = measuring(lab)
    before = lab.contract.read_bytes()
    began = time.monotonic()

    run.send_signal(number)
    out, err = run.communicate(timeout=20)

    assert time.monotonic() - began < 1.5  # a second, and the end of the interpreter on a busy machine
    assert (run.returncode, err.decode().strip()) == (ENDS[number], "interrupted")
    assert processes_of(lab.site) == []
    assert out.decode().startswith("C-ISOLATION 1.0.0  contracts/c.yaml\n  held          F-GOOD-1")
    assert out.decode().endswith("\ninterrupted after 1 of 3 falsifiers, no contract written\n")
    assert lab.contract.read_bytes() == before
    assert not (lab.contract.parent / "evidence").exists()


def test_138_contracts_that_were_done_before_are_counted(lab):
    """They are written as a whole, and stay; a program that reads gets a whole document or none."""
    first = lab.contract.with_name("a.yaml")
    lab.claims()
    first.write_text(lab.contract.read_text().replace("C-ISOLATION", "C-FIRST"))
    run = measuring(lab)
    run.send_signal(signal.SIGTERM)
    out, _ = run.communicate(timeout=20)
    again = measuring(lab, "--format", "json")
    again.send_signal(signal.SIGTERM)
    document, _ = again.communicate(timeout=20)

    assert out.endswith(b"\ninterrupted after 3 of 5 falsifiers, 1 contract written\n")
    assert out.count(b"\n  held ") == 3
    assert first.read_text().count("  status: DISCHARGED\n") == 2
    assert not is_promoted(lab.contract)
    assert document == b""


def test_138_what_was_concluded_is_told_apart_from_what_was_not(project, monkeypatch):
    """The contract whose turn it was has its verdict, and is not written."""
    first = claiming(project, "c", "d")
    turns = []
    real = scheduling.concluded

    def concluded(*words):
        turns.append(words)
        if len(turns) == 2:
            raise KeyboardInterrupt
        return real(*words)

    monkeypatch.setattr(scheduling, "concluded", concluded)

    told = project.run("run", "--write")

    assert (told.status, told.err.strip()) == (130, "interrupted")
    assert [told.out.count(f"C-{name} 1.0.0  contracts/") for name in "CD"] == [1, 1]
    assert told.out.endswith("\ninterrupted after 2 of 2 falsifiers, 1 contract written\n")
    assert [is_promoted(first), is_promoted(first.with_name("d.yaml"))] == [True, False]


@pytest.mark.parametrize("error", [None, OSError(errno.EIO, "Input/output error")], ids=["nothing", "no terminal"])
def test_138_an_interrupt_without_a_reader_or_a_verdict_is_only_an_interrupt(project, monkeypatch, error):
    """Nothing is said where nothing was found, and a terminal that went away is not what ended the run."""
    claiming(project, "c")
    monkeypatch.setattr(Crew if error is None else scheduling, "submit" if error is None else "concluded", interrupted)
    if error is not None:
        monkeypatch.setattr(running, "tell", lambda lines: (_ for _ in lines).throw(error))

    told = project.run("run")

    assert (told.status, told.out, told.err.strip()) == (130, "", "interrupted")


def interrupted(*_):
    """Be interrupted."""
    raise KeyboardInterrupt


def test_138_nohup_is_respected(lab):
    """A signal that whoever started pv ignores stays ignored."""
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from pvcheck.cli import main; main()"
    run = measuring(lab, code=code)

    run.send_signal(signal.SIGHUP)
    time.sleep(0.2)

    assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=20)
    assert run.returncode == -signal.SIGTERM


@pytest.fixture
def handlers():
    """Put the handlers of signals back as they were."""
    before = {number: signal.getsignal(number) for number in ENDS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ending.REQUESTS, ids=lambda each: each.name)
def test_138_the_first_request_is_the_one_that_ends(handlers, monkeypatch, number):
    """Another one while it is answered interrupts again, and changes nothing of that."""
    del handlers
    killed = []
    requests = ending.Requests()
    for each in (number, signal.SIGTERM):
        assert signal.getsignal(each) is not signal.SIG_DFL  # or it would be the end of all tests
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(each)
    monkeypatch.setattr(ending.os, "kill", lambda *words: killed.append(words))

    requests.close(interrupted=True)

    assert killed == [(os.getpid(), number)]
    assert [signal.getsignal(each) for each in ENDS] == [signal.SIG_DFL] * 3


def test_138_without_a_request_nothing_ends(handlers):
    """A command that came to its end leaves Ctrl-C to Python."""
    before = signal.getsignal(signal.SIGINT)
    del handlers

    ending.Requests().close(interrupted=False)

    assert [signal.getsignal(each) for each in ENDS] == [before, signal.SIG_DFL, signal.SIG_DFL]


PATIENT = "from pvcheck.host import crew; crew.NOTICE = 30; from pvcheck.cli import main; main()"
"""The command, which gives an evaluation half a minute to tidy up."""


@pytest.mark.parametrize("number", ENDS, ids=lambda each: each.name)
def test_139_a_second_signal_ends_the_tidying(lab, number):
    """It exits at once, by the status of the first; nothing is left then either."""
    run = measuring(lab, code=PATIENT)
    before = lab.contract.read_bytes()
    run.send_signal(number)
    time.sleep(0.3)
    is_waiting = run.poll() is None
    began = time.monotonic()

    run.send_signal(number)
    _, err = run.communicate(timeout=20)

    assert is_waiting
    assert time.monotonic() - began < 1.5
    assert (run.returncode, err.decode().strip()) == (ENDS[number], "interrupted")
    assert processes_of(lab.site) == []
    assert lab.contract.read_bytes() == before


AGAIN = """
import os, signal, sys
from pvcheck.cli import main, output
real = output.complain
def complain(lines):
    os.kill(os.getpid(), signal.SIGINT)
    real(lines)
output.complain = complain
from pvcheck.pipeline import checking
checking.check_all = lambda _: os.kill(os.getpid(), signal.SIGINT)
main()
"""


def test_139_a_second_signal_while_the_first_is_told_is_no_traceback(project):
    """The status is the same; the word may be missing."""
    claiming(project, "c")

    done = subprocess.run(
        [sys.executable, "-c", AGAIN, "validate"], cwd=project.root, env=untraced(), capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, b"", b"")


def test_139_whatever_is_interrupted_the_status_is_that_of_an_interrupt(handlers, monkeypatch):
    """Also what tells of it, which nothing is around."""
    del handlers
    monkeypatch.setattr(cli, "guarded", interrupted)

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 130
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_140_a_run_that_is_killed_leaves_nobody_who_measures_or_writes(lab):
    """The worker ends with it, the contract is as it was, and the next run needs no cleaning."""
    run = measuring(lab)
    before = lab.contract.read_bytes()

    run.kill()
    run.communicate(timeout=20)

    wait_for(lambda: not [each for each in processes_of(lab.site) if "pvcheck" in each], 1)
    assert processes_of(lab.site) == ["sleep\x0065\0"]  # what the evaluator started goes on, as the docs say
    assert lab.contract.read_bytes() == before
    assert leftovers(lab.root) == []
    for each in Path("/proc").glob("[0-9]*"):
        if each.name != str(os.getpid()) and os.fsencode(lab.site) in environment(each):
            os.kill(int(each.name), signal.SIGKILL)  # what the evaluator started in a session of its own
    shutil.rmtree(lab.root.parent / "temporary")
    (lab.root.parent / "temporary").mkdir()
    lab.misbehaves({"slow": "pass"})
    assert lab.run("--write")[0] == 0
    assert lab.pv("validate")[0] == 0


def environment(place):
    """Return the variables of a process, or nothing once it has ended."""
    try:
        return (place / "environ").read_bytes()
    except OSError:
        return b""


class Clock:
    """A clock of which a minute is missing at one look, as after a stop or a sleep."""

    def __init__(self, at):
        self.looks, self.at = 0, at

    def __getattr__(self, name):
        return getattr(time, name)

    def monotonic(self):
        """Return the time."""
        self.looks += 1
        return time.monotonic() + (60 if self.looks > self.at else 0)


@pytest.mark.parametrize("at", [3, 6, 12, 20])
def test_141_a_minute_in_which_nobody_looked_is_no_timeout(demo, monkeypatch, at):
    """The limit counts the time in which the worker could be seen; an evaluation that hangs still ends."""
    demo.says("time.sleep(0.5)")
    clock = Clock(at)
    monkeypatch.setattr(process, "time", clock)
    with Pool(Limits()) as pool:
        reply = pool.evaluate(demo.request(), seconds=5)

    assert clock.looks > at
    assert isinstance(reply, Measured), reply


def test_141_a_limit_is_kept_after_a_minute_in_which_nobody_looked(demo, monkeypatch):
    """What hangs is not saved by it."""
    demo.says("time.sleep(60)")
    monkeypatch.setattr(process, "time", Clock(8))
    began = time.monotonic()

    with Pool(Limits()) as pool:
        reply = pool.evaluate(demo.request(), seconds=0.8)

    assert reply == TimedOut(0.8)
    assert time.monotonic() - began < 4


def test_141_a_run_that_is_stopped_goes_on(lab):
    """Ctrl-Z for longer than the limit, and the worker with it: the claim is held."""
    began, go = lab.root / "began", lab.root / "go"
    wait = f"Path({str(began)!r}).touch()\nwhile not Path({str(go)!r}).exists(): time.sleep(0.01)"
    lab.misbehaves({"waits": wait})
    lab.settings(2)
    run = subprocess.Popen(
        [sys.executable, "-m", "pvcheck", "run", "-q", "-k", "waits"],
        cwd=lab.root,
        stdout=subprocess.PIPE,
        env=untraced(TMPDIR=str(lab.root.parent / "temporary")),
    )
    wait_for(began.exists)
    both = [run.pid, *(int(each.name) for each in Path("/proc").glob("[0-9]*") if parent(each) == run.pid)]
    for each in both:
        os.kill(each, signal.SIGSTOP)
    time.sleep(60 if IS_LONG else 2.1)
    for each in both:
        os.kill(each, signal.SIGCONT)
        time.sleep(0.2)
    go.touch()
    out, _ = run.communicate(timeout=20)

    assert len(both) == 2
    assert run.returncode == 0, out
    assert b"  held          F-waits" in out


def parent(place):
    """Return the parent of a process, or nothing once it has ended."""
    try:
        return int((place / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_142_an_evaluator_that_the_system_kills_is_told_with_the_likely_reason(lab):
    """SIGKILL from outside is what comes where memory is short: status 3, other claims are measured."""
    began = lab.root / "began"
    lab.misbehaves({"large": f"Path({str(began)!r}).write_text(str(os.getpid()))\ntime.sleep(60)"})
    run = subprocess.Popen(
        [sys.executable, "-m", "pvcheck", "run", "-q", "--write"],
        cwd=lab.root,
        stdout=subprocess.PIPE,
        env=untraced(TMPDIR=str(lab.root.parent / "temporary")),
    )
    os.kill(int(wait_for(lambda: began.exists() and began.read_text())), signal.SIGKILL)
    out, _ = run.communicate(timeout=20)

    said = "bad (plugin bad of bad-dist 1.0): the worker died of SIGKILL, perhaps since the machine has no memory left"
    assert run.returncode == 3
    assert said in out.decode()
    assert out.decode().count("\n  held ") == 2
    assert lab.contract.read_text().count("  status: DISCHARGED\n") == 2


def test_142_another_signal_has_no_such_reason(demo):
    """It is told by its name alone."""
    demo.says("os.abort()")

    with Pool(Limits()) as pool:
        reply = pool.evaluate(demo.request())

    assert isinstance(reply, Failed)
    assert reply.reason.endswith("the worker died of SIGABRT")


def piped(project, command):
    """Run a line of a shell, and return what it says on standard error."""
    words = ["sh", "-c", command]
    done = subprocess.run(words, cwd=project.root, env=untraced(), capture_output=True, text=True, check=True)
    return done.stderr


@pytest.mark.parametrize("words", ["run --write", "run --write --format json", "run --write --format junit"])
def test_143_a_reader_that_leaves_costs_no_contract(project, words):
    """`| head -1`, and one that reads nothing at all: what was to be written is written as a whole."""
    contract = claiming(project, "c")
    old = contract.read_text()
    shell = f'( "{sys.executable}" -m pvcheck {words}; echo $? >&2 ) | head -1'
    for command in (shell, shell.replace("head -1", "true")):
        contract.write_text(old)

        assert piped(project, command) in {"0\n", "141\n"}
        assert is_promoted(contract)
        assert leftovers(project.root) == []
        assert project.run("validate").status == 0


def test_143_a_reader_that_leaves_costs_no_bump(project):
    """The other command that writes."""
    contract = claiming(project, "c")
    assert project.run("run", "--write").status == 0
    commit = "git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm a"
    piped(project, f"git init -q . && git add . && {commit}")
    contract.write_text(contract.read_text().replace("is small", "is quite small"))
    before = contract.read_text().count("\n- version: ")

    said = piped(project, f'( "{sys.executable}" -m pvcheck bump --against HEAD; echo $? >&2 ) | true')

    assert said in {"0\n", "141\n"}
    assert contract.read_text().count("\n- version: ") == before + 1
    assert project.run("validate").status == 0
