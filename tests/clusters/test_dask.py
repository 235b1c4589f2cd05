"""Runs on Dask: the numbers of a local run, whatever happens to workers, schedulers and inputs."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from clusters.conftest import children, until
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker
from helpers import untraced

from pvcheck.plugin import Event, ExecutorError
from pvcheck_dask import clusters, executor, orders

PARTS = int(os.environ.get("PVCHECK_SWEEP_PARTS", "300"))
"""10,000 in the acceptance of the executor; fewer here, so that the tests stay short."""

RAISED = [
    (
        KilledWorker("key", SimpleNamespace(address="tcp://b"), 3),
        "4 workers were lost, one after the other, with this task",
    ),
    (ValueError("no\nluck"), "a worker raised ValueError: no luck"),
    (FutureCancelledError("key", "lost"), None),
]
TELLING = """

def whole(parameters, context, before=whole):
    for done in range(10):
        context.progress(done, 9)
        time.sleep(0.1)
    return before(parameters, context)
"""


COMMAND = """\
metadata:
  schema: 1
  id: C-COMMAND
  version: 1.0.0
  status: ACTIVE
falsification_tests:
- id: F-COMMAND
  rule: a program ends well
  evaluator: command
  with:
    argv: {argv}
  expect: {{exit_status: == 0}}
  status: PENDING
amendments: []
"""


def measured(pv, sweeping, *words):
    """Run the sweep with --write from the beginning, and return its end and what was recorded."""
    shutil.rmtree(sweeping.path.parent / "evidence", ignore_errors=True)
    sweeping.writes(PARTS)
    status, out, err = pv("run", sweeping.path, "--write", "-q", *words)
    assert status == 0, (out, err)
    return sweeping.evidence()


@pytest.fixture
def killing(monkeypatch):
    """Kill a process in the middle: as soon as a third of the parts is done."""

    def kill(choose):
        killed, heard = [], []
        wait = executor.DaskExecutor.wait

        def waited(self, seconds):
            events = wait(self, seconds)
            heard.extend(len(each.answer.get("answers", ())) for each in events if each.answer)
            if sum(heard) > PARTS // 3 and not killed:
                killed.append(choose(self))
                os.kill(killed[0], signal.SIGKILL)
            return events

        monkeypatch.setattr(executor.DaskExecutor, "wait", waited)
        return killed

    return kill


def a_worker(dask):
    """Return the process of one worker."""
    return min(dask._client.run(os.getpid).values())


def test_processes_of_this_machine_record_what_a_local_run_records(pv, sweeping):
    """Numbers, ranges and digests are equal; only times and places may differ."""
    local = measured(pv, sweeping)

    assert measured(pv, sweeping, "--executor", "dask", "-j", "2") == local


def test_a_port_that_is_taken_is_no_trouble(pv, sweeping):
    """The scheduler of a run takes any free port: two runs at a time do not meet."""
    sweeping.writes(2)
    with socket.socket() as taken:
        with suppress(OSError):  # somebody else has it: as well
            taken.bind(("127.0.0.1", 8787))

        assert pv("run", sweeping.path, "--executor", "dask")[0] == 0


def test_a_worker_that_is_killed_changes_nothing(pv, sweeping, killing):
    """Its tasks are done by another one."""
    local = measured(pv, sweeping)
    killed = killing(a_worker)

    assert measured(pv, sweeping, "--executor", "dask", "-j", "2") == local
    assert len(killed) == 1


def test_a_scheduler_and_its_workers_lose_one_and_record_the_same(pv, sweeping, machines, killing):
    """The same with processes that somebody else started: a worker is killed in the middle."""
    machines.join()
    machines.join()
    local = measured(pv, sweeping)
    killed = killing(lambda _: machines.workers[0].pid)

    assert measured(pv, sweeping, "--executor", f"dask={machines.address}") == local
    assert killed == [machines.workers[0].pid]
    until(lambda: not [each for each in children().values() if "pvcheck.host" in each])


def test_a_part_that_crashes_or_hangs_costs_itself(pv, sweeping, machines):
    """The worker goes on: a crash is an error, a hang a timeout, and then all is well."""
    machines.join()
    address = f"dask={machines.address}"
    sweeping.writes(8, trouble="exit@3")
    crashed = pv("run", sweeping.path, "--executor", address)
    sweeping.writes(8, trouble="hang@3")
    hung = pv("run", sweeping.path, "--executor", address, "--timeout", "1")
    sweeping.writes(8)

    well = pv("run", sweeping.path, "--executor", address)

    assert crashed[0] == 3
    assert "part 4 of 8: sweep (plugin sweeps of sweep-dist 1.0): the worker" in crashed[1]
    assert hung[0] == 3
    assert "no answer within 1 s" in hung[1]
    assert well[0] == 0


def test_an_input_is_found_by_its_digest_or_missing(pv, sweeping, machines, tmp_path, monkeypatch):
    """A worker that has the file under another name measures it; one that has none says which digest it wants."""
    local = measured(pv, sweeping)
    store = tmp_path / "store" / "deep"
    store.mkdir(parents=True)
    shutil.copy(sweeping.path.parent / "table.bin", store / "other-name")
    submit = executor.DaskExecutor.submit

    def elsewhere(self, task):
        sizes = executor._sizes(task.work["inputs"])
        with monkeypatch.context() as patch:
            patch.setattr(executor, "_sizes", lambda _: sizes)
            work = {**task.work, "inputs": {"table": "/another/machine/table.bin"}}
            submit(self, type(task)(task.number, work, task.seconds))

    monkeypatch.setattr(executor.DaskExecutor, "submit", elsewhere)
    address = f"dask={machines.address}"
    machines.join()
    sweeping.writes(PARTS)
    missing = pv("run", sweeping.path, "--executor", address)
    machines.workers[0].kill()
    machines.workers[0].wait()
    machines.join(PVCHECK_INPUTS=f"/nowhere:{tmp_path / 'store'}")

    assert missing[0] == 3
    assert "no table: nothing with sha256 " in missing[1]
    assert "looked at /another/machine/table.bin, and the worker has no PVCHECK_INPUTS" in missing[1]
    assert measured(pv, sweeping, "--executor", address) == local


def test_an_input_that_is_only_there_is_measured_there(pv, sweeping, machines, tmp_path):
    """It is found by the digest that the contract declares, under its name, and recorded as a local run records it."""
    sweeping.writes(PARTS)
    table = sweeping.declares()
    assert pv("run", sweeping.path, "--write", "-q")[0] == 0
    local = sweeping.evidence()
    shutil.rmtree(sweeping.path.parent / "evidence")
    sweeping.writes(PARTS)
    sweeping.declares()
    (tmp_path / "store").mkdir()
    (sweeping.path.parent / "table.bin").rename(tmp_path / "store" / "table.bin")
    machines.join(PVCHECK_INPUTS=str(tmp_path / "store"))

    status, out, err = pv("run", sweeping.path, "--write", "-q", "--executor", f"dask={machines.address}")

    assert status == 0, (out, err)
    assert sweeping.evidence() == local
    assert local["predicate"]["inputs"]["table"]["sha256"] == sha256(table).hexdigest()


@pytest.mark.parametrize("evaluator", ["sweep", "whole"])
@pytest.mark.parametrize(("optional", "status"), [(True, 0), (False, 3)], ids=["optional", "needed"])
def test_an_input_that_is_nowhere_counts_as_in_a_local_run(pv, sweeping, machines, evaluator, optional, status):
    """Where it may be absent, nothing has gone wrong: nothing was measured, and that can be allowed."""
    sweeping.writes(8, evaluator=evaluator)
    sweeping.declares(optional=optional)
    (sweeping.path.parent / "table.bin").unlink()
    machines.join()

    local = pv("run", sweeping.path, "--allow-unmeasured")
    there = pv("run", sweeping.path, "--allow-unmeasured", "--executor", f"dask={machines.address}")

    assert local[0] == there[0] == status
    assert "no table: " in local[1]
    assert "no table: nothing with sha256 " in there[1]


def test_what_runs_programs_is_not_sent(pv, sweeping, machines, tmp_path):
    """It is told why, and the program runs nowhere; a run on this machine measures it."""
    mark = tmp_path / "ran"
    (sweeping.root / "pv.toml").write_text('evaluators = ["command"]\n')
    told = COMMAND.format(argv=f'["{sys.executable}", "-c", "open(r\'{mark}\', \'w\')"]')
    sweeping.path.write_text(told)
    machines.join()

    status, out, _ = pv("run", sweeping.path, "--executor", f"dask={machines.address}")

    assert status == 3
    assert "command runs programs, and what would run on another machine is not what lies here" in out
    assert not mark.exists()
    assert pv("run", sweeping.path)[0] == 0
    assert mark.exists()


def test_a_scheduler_that_dies_leaves_errors_and_an_untouched_contract(pv, sweeping, machines, tmp_path):
    """What had no answer is an error; nothing is written."""
    machines.join()
    mark = tmp_path / "begun"
    path = sweeping.writes(8, trouble=f"wait@3@{mark}")
    before = path.read_bytes()
    killer = threading.Thread(target=lambda: (until(mark.exists), machines.scheduler.kill()))
    killer.start()

    status, out, _ = pv("run", path, "--write", "--executor", f"dask={machines.address}")

    killer.join()
    assert status == 3
    assert f"the executor cannot go on: the scheduler at {machines.address} is lost" in out
    assert path.read_bytes() == before
    machines.end()


def test_without_workers_a_run_ends(pv, sweeping, machines, monkeypatch):
    """It does not wait for ever."""
    monkeypatch.setattr(executor, "PATIENCE", 0.5)
    sweeping.writes(8)

    status, out, _ = pv("run", sweeping.path, "--executor", f"dask={machines.address}")

    assert status == 3
    assert f"the scheduler at {machines.address} has had no worker for 0.5 s" in out


def test_a_scheduler_that_does_not_answer_is_one_line(pv, sweeping, monkeypatch):
    """The line names the address."""
    monkeypatch.setattr(clusters, "REACHED", 0.3)
    sweeping.writes(8)

    status, out, err = pv("run", sweeping.path, "--executor", "dask=tcp://127.0.0.1:1")

    assert status == 3
    assert not out
    assert 'PV522 the executor "dask" cannot start: no scheduler answers at tcp://127.0.0.1:1: ' in err
    assert len(err.splitlines()) == 2


def test_an_address_that_is_none_is_one_line(pv, sweeping):
    """Whatever is typed."""
    sweeping.writes(8)

    status, _, err = pv("run", sweeping.path, "--executor", "dask=nonsense://:x")

    assert status == 3
    assert "no scheduler answers at nonsense://:x" in err


def test_a_worker_with_another_version_is_refused(pv, sweeping, machines, monkeypatch):
    """Both versions are named, before anything is measured."""
    machines.join()
    sweeping.writes(8)
    monkeypatch.setattr(orders, "installed", lambda _: "9.9")

    status, _, err = pv("run", sweeping.path, "--executor", f"dask={machines.address}")

    assert status == 3
    assert "cannot start: the worker tcp://127.0.0.1:" in err
    assert ", and pv here has 9.9: install the same there" in err


def test_a_worker_without_pvcheck_is_refused(pv, sweeping, machines, monkeypatch):
    """What it says comes with what to install."""
    machines.join()
    sweeping.writes(8)
    monkeypatch.setattr(executor.orders, "versions", int)

    status, _, err = pv("run", sweeping.path, "--executor", f"dask={machines.address}")

    assert status == 3
    assert "a worker cannot do tasks of pvcheck: " in err
    assert "install pv-contracts[dask] there" in err


@pytest.mark.parametrize("missing", ["distributed", "cryptography"])
def test_a_package_that_is_not_installed_is_named(pv, sweeping, monkeypatch, missing):
    """With the words that install it."""
    sweeping.writes(8)
    monkeypatch.setitem(sys.modules, missing, None)
    for each in ("clusters", "executor", "far"):
        monkeypatch.delitem(sys.modules, f"pvcheck_dask.{each}")
        monkeypatch.delattr(f"pvcheck_dask.{each}")

    status, _, err = pv("run", sweeping.path, "--executor", "dask")

    assert status == 3
    assert f"the package {missing} is not installed: pip install 'pv-contracts[dask]'" in err


@pytest.mark.parametrize("place", ["local", "remote"])
def test_an_interrupt_leaves_nothing(sweeping, machines, tmp_path, place):
    """Ctrl-C stops the evaluation where it runs: 130, and soon no process of it is left."""
    mark = tmp_path / "begun"
    path = sweeping.writes(8, trouble=f"wait@3@{mark}")
    before = path.read_bytes()
    if place == "remote":
        machines.join()
    named = "dask" if place == "local" else f"dask={machines.address}"
    command = [str(Path(sys.executable).with_name("pv")), "run", str(path), "--write", "--executor", named]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, env=untraced(), start_new_session=True, **streams)
    until(mark.exists)

    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert err.decode().strip().splitlines()[-1].endswith("interrupted")
    assert path.read_bytes() == before
    ours = {machines.scheduler.pid, *(each.pid for each in machines.workers)}
    until(lambda: not children().keys() - ours)


@pytest.mark.parametrize(("raised", "reason"), RAISED)
def test_a_task_that_dask_gives_up_is_an_error(raised, reason):
    """It is told with its reason, and the run goes on; a lost scheduler ends it."""
    dask, _ = _hollow(raised)

    asyncio.run(dask._collect(7, None))

    if reason is None:
        with pytest.raises(ExecutorError, match="the scheduler at tcp://a is lost"):
            dask.wait(0)
        assert 7 in dask._futures
    else:
        assert dask.wait(0) == [Event(7, {"kind": "error", "code": "PV522", "reason": reason})]
        assert not dask._futures


def test_a_cancelled_task_tells_nothing():
    """Whoever cancelled it does not wait."""
    dask, _ = _hollow(asyncio.CancelledError())
    dask._futures.clear()

    asyncio.run(dask._collect(7, None))

    assert dask.wait(0) == []


def test_a_client_that_is_closed_ends_the_run():
    """Also where no task was under way."""
    dask, client = _hollow(OSError())
    client.status = "closed"

    with pytest.raises(ExecutorError, match="the scheduler at tcp://a is lost"):
        dask.wait(0)


def _hollow(raised):
    """Return an executor without a cluster, whose one task ends so."""

    async def gather(futures, asynchronous):
        raise raised

    client = SimpleNamespace(gather=gather, status="running")
    dask = object.__new__(executor.DaskExecutor)
    dask._client, dask._cluster = client, SimpleNamespace(address="at tcp://a")
    dask._futures, dask._events, dask._seen = {7: None}, SimpleQueue(), clusters.now()
    return dask, client


def test_progress_of_one_evaluation_is_told(pv, sweeping, monkeypatch):
    """Parts are counted as they are done."""
    shown = []
    monkeypatch.setattr("pvcheck.report.progress.Board.shown", _shown(shown))
    sweeping.writes(40)

    assert pv("run", sweeping.path, "--executor", "dask")[0] == 0
    assert shown[-1] == (40, 40)
    assert shown == sorted(shown)


def test_progress_within_an_evaluation_is_told(pv, sweeping, monkeypatch):
    """What the evaluator reports on a worker is shown here."""
    shown = []
    monkeypatch.setattr("pvcheck.report.progress.Board.shown", _shown(shown))
    sweeping.writes(2, evaluator="whole")
    heavy = Path(importlib.util.find_spec("sweep_heavy").origin)
    heavy.write_text(heavy.read_text() + TELLING)

    assert pv("run", sweeping.path, "--executor", "dask")[0] == 0
    assert shown[0][1] == 9
    assert shown == sorted(shown)


def test_processes_that_do_not_start_are_one_line(pv, sweeping, monkeypatch):
    """Dask says why."""

    def refuse(**_):
        raise RuntimeError("no\nprocess")

    monkeypatch.setattr(clusters, "LocalCluster", refuse)
    sweeping.writes(8)

    status, _, err = pv("run", sweeping.path, "--executor", "dask")

    assert status == 3
    assert 'the executor "dask" cannot start: its processes do not start: no process' in err


@pytest.mark.parametrize("name", ["distributed", "distributed.client"])
def test_dask_writes_nothing_between_our_lines(name):
    """What it logs is ours to tell; afterwards it is as it was."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger(name)
    logger.addHandler(handler)

    with ExitStack() as stack:
        stack.callback(logger.removeHandler, handler)
        with ExitStack() as quiet:
            clusters._quieten(quiet)
            logger.critical("within")
        logger.critical("after")

    assert stream.getvalue() == "after\n"


def test_a_package_of_ours_that_is_broken_is_not_told_as_missing(pv, sweeping, monkeypatch):
    """To install the extra would not mend it."""
    monkeypatch.setitem(sys.modules, "pvcheck_dask.clusters", None)
    monkeypatch.delattr("pvcheck_dask.clusters")
    sweeping.writes(8)

    status, _, err = pv("run", sweeping.path, "--executor", "dask")

    assert status == 3
    assert "pip install" not in err


def _shown(shown):
    """Return a board that notes what it is told."""

    @contextmanager
    def board(self, name):
        yield lambda done, total: shown.append((done, total))

    return board
