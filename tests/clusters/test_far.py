"""What runs on a worker, without one: inputs by digest, versions, threads, cancelled tasks, the end of a run."""

from __future__ import annotations

import hashlib
import os
import threading
from types import SimpleNamespace
from typing import ClassVar

import pytest

from pvcheck_dask import far, orders
from pvcheck_dask.finding import Finder
from pvcheck_dask.orders import Order

BYTES = b"weights"
DIGEST = hashlib.sha256(BYTES).hexdigest()


class Served:
    """Stands for the worker process: notes what it is asked, and does what a test says."""

    made: ClassVar = []

    def __init__(self, limits):
        self.limits, self.works, self.closed = limits, [], 0
        Served.made.append(self)

    def perform(self, work, *rest):
        """Do a task."""
        self.works.append(work)
        return self.act(*rest)

    def act(self, *_):
        """Measure."""
        return {"kind": "measured", "reads": {"model": {"size": 7}}}

    def close(self):
        """End."""
        self.closed += 1


@pytest.fixture
def dask(monkeypatch):
    """Give the worker of Dask that a task sees."""
    events = []
    state = SimpleNamespace(nthreads=1, tasks={"key": SimpleNamespace(state="executing")})
    worker = SimpleNamespace(
        state=state, events=events, get_current_task=lambda: "key", log_event=lambda *told: events.append(told)
    )
    monkeypatch.setattr(far, "get_worker", lambda: worker)
    monkeypatch.setattr(far, "FINDER", Finder())
    monkeypatch.setattr(far, "_KEPT", {})
    monkeypatch.setattr(far, "_OVER", set())
    monkeypatch.setattr(far, "resolve_name", lambda _: Served)
    monkeypatch.setattr(Served, "made", [])
    monkeypatch.delenv("PVCHECK_INPUTS", raising=False)
    return worker


@pytest.fixture
def model(tmp_path):
    """Give an input."""
    path = tmp_path / "model.bin"
    path.write_bytes(BYTES)
    return path


def order(path, run="run-1", **given):
    """Return an order for one evaluation over an input."""
    work = {"inputs": {"model": str(path)}, "digests": {"model": DIGEST}, "threads": 3}
    work |= {"distribution": "pluggy", "version": orders.installed("pluggy")} | given.pop("work", {})
    told = {"run": run, "number": 5, "work": work, "seconds": 1.0, "server": "served", "limits": {}}
    told |= {"versions": orders.versions(["pvcheck", "python"]), "sizes": {}, "threads": 0, "topic": "topic"}
    return Order(**{**told, **given})


def test_an_order_crosses_as_bytes_and_so_does_its_answer(dask, model):
    """What comes back has the digest that the worker found."""
    told = order(model).packed()

    assert far.perform(told) == b'{"kind":"measured","reads":{"model":{"size":7,"sha256":"%b"}}}' % DIGEST.encode()


@pytest.mark.parametrize(("threads", "slots", "wanted"), [(2, 1, 3), (0, 1, None), (0, 10**6, 1)])
def test_threads_are_those_of_the_worker(dask, model, threads, slots, wanted):
    """A worker of another machine shares its processors among its own threads; one of ours takes what it is told."""
    dask.state.nthreads = slots

    far.answered(order(model, threads=threads))

    assert Served.made[0].works[0]["threads"] == (wanted or len(os.sched_getaffinity(0)))


def test_another_version_is_an_error(dask, model):
    """Both are named, of pvcheck and of the plugin."""
    pvcheck = far.answered(order(model, versions={"python": "3.0.0"}))
    plugin = far.answered(order(model, work={"version": "0.0"}))
    absent = far.answered(order(model, work={"distribution": "no-such-plugin"}))

    assert pvcheck["code"] == plugin["code"] == "PV522"
    assert pvcheck["reason"].endswith(", and pv here has 3.0.0")
    assert plugin["reason"].endswith(f" has pluggy {orders.installed('pluggy')}, and pv here has 0.0")
    assert " has no-such-plugin none, and pv here has " in absent["reason"]
    assert not Served.made


def test_a_missing_input_is_not_measured(dask, model, monkeypatch):
    """The reason says what was looked for, and where."""
    model.write_bytes(b"other")
    without = far.answered(order(model))
    monkeypatch.setenv("PVCHECK_INPUTS", str(model.parent))
    within = far.answered(order(model))

    assert without["kind"] == within["kind"] == "not_measured"
    assert f"nothing with sha256 {DIGEST} on " in without["reason"]
    assert without["reason"].endswith(f"looked at {model}, and the worker has no PVCHECK_INPUTS")
    assert within["reason"].endswith(f"looked at {model} and {model.parent}")


def test_an_input_that_changes_meanwhile_is_an_error(dask, model, monkeypatch):
    """Whatever was measured, it has no digest."""

    def act(seconds, progress, cancelled):
        model.write_bytes(b"changed")
        return {"kind": "measured", "reads": {"model": {}}}

    monkeypatch.setattr(Served, "act", staticmethod(act))

    answer = far.answered(order(model))

    assert answer["code"] == "PV520"
    assert answer["reason"].startswith("the input model changed on ")


def test_answers_without_a_measurement_pass(dask, model, monkeypatch):
    """There is no digest to put into them."""
    monkeypatch.setattr(Served, "act", staticmethod(lambda *_: {"kind": "parts", "answers": []}))

    assert far.answered(order(model)) == {"kind": "parts", "answers": []}


def test_progress_is_told_a_few_times_a_second(dask, model, monkeypatch):
    """Not each time: the scheduler has to pass it on."""

    def act(seconds, progress, cancelled):
        for done in range(100):
            progress(done, 100)
        return {"kind": "parts"}

    monkeypatch.setattr(Served, "act", staticmethod(act))

    far.answered(order(model))

    assert dask.events == [("topic", [5, 0, 100])]


@pytest.mark.parametrize("change", ["cancelled", "gone", "kept"])
def test_a_task_that_nobody_wants_is_given_up(dask, model, monkeypatch, change):
    """The worker looks whether the scheduler still has it."""
    seen = []

    def act(seconds, progress, cancelled):
        seen.append(cancelled())
        if change == "cancelled":
            dask.state.tasks["key"].state = "cancelled"
        if change == "gone":
            dask.state.tasks.clear()
        return None if cancelled() else {"kind": "parts"}

    monkeypatch.setattr(Served, "act", staticmethod(act))

    answer = far.answered(order(model))

    assert seen == [False]
    assert answer == ({"kind": "parts"} if change == "kept" else orders.error("the task was cancelled"))


def test_a_thread_keeps_its_worker_process_for_a_run(dask, model):
    """Another run gets another one: its plugins and inputs may be others."""
    far.answered(order(model))
    far.answered(order(model))
    far.answered(order(model, run="run-2"))

    first, second = Served.made
    assert [len(each.works) for each in Served.made] == [2, 1]
    assert (first.closed, second.closed) == (1, 0)


def test_the_end_of_a_run_ends_its_idle_processes(dask, model):
    """Those of another run stay."""
    far.answered(order(model))
    far.end("run-2")
    before = Served.made[0].closed

    far.end("run-1")
    far.end("run-1")

    assert (before, Served.made[0].closed) == (0, 1)
    assert not far._KEPT


def test_a_busy_process_ends_with_its_task(dask, model, monkeypatch):
    """The end of the run does not wait for it."""

    def act(seconds, progress, cancelled):
        far.end("run-1")
        assert Served.made[0].closed == 0
        return {"kind": "parts"}

    monkeypatch.setattr(Served, "act", staticmethod(act))

    far.answered(order(model))

    assert Served.made[0].closed == 1


def test_a_process_that_cannot_go_on_is_dropped(dask, model, monkeypatch):
    """The next task gets another one."""

    def act(seconds, progress, cancelled):
        raise OSError("no process left")

    monkeypatch.setattr(Served, "act", staticmethod(act))

    with pytest.raises(OSError, match="no process left"):
        far.answered(order(model))

    assert Served.made[0].closed == 1
    assert not far._KEPT


def test_a_process_that_ends_before_it_is_used_is_replaced(dask, model, monkeypatch):
    """Between the look at what is kept and its use, the end of the run may come."""
    far.answered(order(model))
    stale = far._KEPT[threading.get_ident()]
    far.end("run-1")
    answers = [stale]
    kept = far._kept
    monkeypatch.setattr(far, "_kept", lambda each: answers.pop() if answers else kept(each))

    far.answered(order(model))

    assert [len(each.works) for each in Served.made] == [1, 1]


class TestFinder:
    """Files by the digest of their bytes."""

    def test_the_path_is_believed_for_its_bytes_only(self, model):
        """A file of that name with other bytes is none."""
        finder = Finder()
        found = finder.find(str(model), DIGEST, 7, {})
        model.write_bytes(b"WEIGHTS")

        assert (found.path, found.sha256) == (str(model), DIGEST)
        assert not found.is_same()
        assert finder.find(str(model), DIGEST, 7, {}) is None

    def test_a_file_is_hashed_once(self, model, monkeypatch):
        """As long as it keeps its place, size and times."""
        finder = Finder()
        finder.find(str(model), DIGEST, None, {})
        monkeypatch.setattr(hashlib, "file_digest", None)

        assert finder.find(str(model), DIGEST, None, {}).path == str(model)

    def test_a_change_that_keeps_size_and_time_is_seen(self, model):
        """Whoever sets the time of a file back cannot set the time of that change back."""
        finder = Finder()
        status = model.stat()
        found = finder.find(str(model), DIGEST, None, {})
        model.write_bytes(b"WEIGHTS")
        os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns))

        assert not found.is_same()
        assert finder.find(str(model), DIGEST, None, {}) is None

    def test_a_file_of_another_size_is_not_hashed(self, model, monkeypatch):
        """It cannot be the one, and it may be large."""
        monkeypatch.setattr(hashlib, "file_digest", None)

        assert Finder().find(str(model), DIGEST, 8, {}) is None

    @pytest.mark.parametrize("name", ["model.bin", DIGEST, f"sha256-{DIGEST}"])
    def test_a_name_that_speaks_for_it_is_enough(self, tmp_path, name):
        """In any folder below those of the setting; the second time it is known."""
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / name).write_bytes(BYTES)
        finder = Finder()
        setting = {"PVCHECK_INPUTS": f":{tmp_path / 'nowhere'}:{tmp_path / 'a'}"}

        first = finder.find("/elsewhere/model.bin", DIGEST, None, setting)

        assert first.path == str(tmp_path / "a" / "b" / name)
        assert finder.find("/elsewhere/other.bin", DIGEST, None, {}) == first

    def test_with_its_size_any_name_will_do(self, tmp_path):
        """Without it, hashing all files could take hours."""
        (tmp_path / "long").write_bytes(BYTES * 2)
        (tmp_path / "other").write_bytes(BYTES)
        setting = {"PVCHECK_INPUTS": str(tmp_path)}

        assert Finder().find("/x/model.bin", DIGEST, None, setting) is None
        assert Finder().find("/x/model.bin", DIGEST, 7, setting).path == str(tmp_path / "other")

    def test_what_cannot_be_read_is_none(self, tmp_path, model, monkeypatch):
        """A folder, a name that is none, a file that may not be read, one that changes while it is read."""

        def changing(file, name):
            model.write_bytes(b"another length")
            return hashlib.new(name, BYTES)

        assert Finder().find(str(tmp_path), DIGEST, None, {}) is None
        assert Finder().find("a\0b", DIGEST, None, {}) is None
        monkeypatch.setattr(hashlib, "file_digest", changing)
        assert Finder().find(str(model), DIGEST, None, {}) is None
        monkeypatch.setattr(hashlib, "file_digest", _refusing)
        assert Finder().find(str(model), DIGEST, None, {}) is None


def _refusing(file, name):
    """Stand for a disk that does not give its bytes."""
    raise OSError(5, "input/output error")
