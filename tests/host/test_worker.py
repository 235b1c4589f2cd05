"""The worker's own code, in this process: what no good run reaches, or reaches too late to be seen."""

from __future__ import annotations

import json
import os
import resource
import signal

import pytest

from pvcheck.host import environment, frames, measuring, orphans, process, worker


@pytest.fixture
def pipes():
    """Give a request pipe and an answer pipe, closed afterwards."""
    descriptors = [*os.pipe(), *os.pipe()]
    yield descriptors
    for each in descriptors:
        try:
            os.close(each)
        except OSError:
            continue  # the test closed it


@pytest.fixture
def listening():
    """Put back the handler of SIGTERM, which a worker takes for itself."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def ends(monkeypatch):
    """Let ``os._exit`` raise."""

    def end(status):
        raise Ended(status)

    monkeypatch.setattr(os, "_exit", end)


def test_a_channel_exchanges_messages(pipes):
    """In pieces as the pipe gives them, and nothing at its end."""
    requests, asks, hears, answers = pipes
    channel = worker.Channel(requests, answers)
    os.write(asks, frames.packed({"a": 1}))
    os.close(asks)

    assert channel.receive() == {"a": 1}
    assert channel.receive() is None
    channel.send({"b": 2})
    assert os.read(hears, 100) == frames.packed({"b": 2})


@pytest.mark.usefixtures("ends")
def test_a_worker_answers_only_by_its_own_pipe(pipes, tmp_path):
    """Another file at the same number gets nothing."""
    requests, _, _, answers = pipes
    channel = worker.Channel(requests, answers)
    with (tmp_path / "file").open("wb") as file:
        os.dup2(file.fileno(), answers)

        with pytest.raises(Ended, match=str(worker.LOST)):
            channel.send({})

    assert (tmp_path / "file").read_bytes() == b""
    os.close(answers)
    with pytest.raises(Ended, match=str(worker.LOST)):
        channel.send({})


@pytest.mark.usefixtures("ends")
def test_a_copy_of_the_worker_does_not_answer(pipes, monkeypatch):
    """A fork in an evaluator goes on in the measuring function, and comes back here."""
    requests, _, _, answers = pipes
    channel = worker.Channel(requests, answers)
    monkeypatch.setattr(os, "getpid", lambda: 1)

    with pytest.raises(Ended, match=str(worker.LOST)):
        channel.send({})


REQUEST = {"nonce": "n", "module": "no_such_module", "evaluator": "demo", "parameters": {}, "inputs": {}}


@pytest.mark.usefixtures("listening")
def test_a_worker_answers_until_nobody_asks(pipes):
    """One answer a request, each with the nonce of its request."""
    requests, asks, hears, answers = pipes
    os.write(asks, frames.packed(REQUEST) * 2)
    os.close(asks)

    worker.serve(worker.Channel(requests, answers))

    told = os.read(hears, 10000)
    answer = json.loads(told[4 : 4 + frames.size(told)])
    assert (answer["nonce"], answer["kind"], answer["last"]) == ("n", "error", False)
    assert told == frames.packed(answer) * 2


@pytest.mark.usefixtures("listening")
def test_an_unfit_worker_takes_no_further_request(pipes, monkeypatch):
    """It says so in its answer and leaves."""
    requests, asks, hears, answers = pipes
    os.write(asks, frames.packed(REQUEST) * 2)
    monkeypatch.setattr(measuring, "answer", lambda *_, **__: ({"kind": "error"}, False))

    worker.serve(worker.Channel(requests, answers))

    assert os.read(hears, 10000) == frames.packed({"kind": "error", "nonce": "n", "last": True})


def test_the_limits_are_never_above_the_ones_there_are(monkeypatch):
    """A limit that the system already sets stays if it is lower."""
    endless = resource.RLIM_INFINITY
    there = {
        resource.RLIMIT_CORE: 5,
        resource.RLIMIT_DATA: 100,
        resource.RLIMIT_FSIZE: endless,
        resource.RLIMIT_NOFILE: endless,
    }
    set_to = {}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (0, there[kind]))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: set_to.update({kind: pair}))

    worker.confine({"data_bytes": 1000, "file_bytes": 2000, "open_files": 3000})

    assert set_to == {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_DATA: (100, 100),
        resource.RLIMIT_FSIZE: (2000, 2000),
        resource.RLIMIT_NOFILE: (3000, 3000),
    }


def test_a_worker_without_its_parent_does_nothing(monkeypatch):
    """The parent died before the child could ask to die with it."""
    monkeypatch.setattr(orphans, "die_with_parent", lambda: None)

    worker.main([json.dumps({"parent": os.getppid() + 1})])


def test_a_system_without_process_control_is_left_alone(monkeypatch):
    """Elsewhere than on Linux, nothing is adopted."""
    monkeypatch.setattr(orphans.ctypes, "CDLL", lambda _: object())

    assert orphans.adopt() is False
    orphans.disown()


def test_a_process_that_is_gone_belongs_to_nobody():
    """It ended between two looks."""
    assert orphans._is_of(2**22 + 1, 1, "mark") is False


def test_the_import_path_of_a_worker_is_absolute():
    """Its folder is another; an empty entry would mean that folder."""
    made = environment.of_worker({"PYTHONPATH": f"src{os.pathsep}{os.pathsep}/a"}, "m")

    assert made["PYTHONPATH"] == f"{os.getcwd()}/src{os.pathsep}/a"  # noqa: PTH109 - text
    assert made[environment.MARK] == "m"
    assert "PYTHONPATH" not in environment.of_worker({}, "m")


def test_a_writer_without_end_does_not_hold_the_host(pipes, monkeypatch):
    """A look at a pipe takes so much and no more."""
    requests, asks, _, _ = pipes
    monkeypatch.setattr(process, "CHUNK", 1)
    os.write(asks, bytes(process.MAX_PIECES + 50))

    assert len(process._pieces(requests)) == process.MAX_PIECES


def test_a_message_has_a_limit(monkeypatch):
    """Neither end makes one that the other refuses."""
    monkeypatch.setattr(frames, "MAX_FRAME", 10)

    with pytest.raises(frames.BadFrame, match=r"^a message of 11 bytes, at most 10 are allowed"):
        frames.packed("123456789")
