"""Executors of plugins: what they are given, what is done with what they give, and every way in which they can fail."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from pvcheck.errors import PvError
from pvcheck.host import (
    BrokenPlugin,
    Limits,
    Measured,
    OfferedEvaluator,
    PluginSet,
    Request,
    Unmeasured,
    discover,
    executors,
    serving,
    works,
)
from pvcheck.host.works import reply_of
from pvcheck.plugin import Evaluator, Parameters

LIGHT = """
from pvcheck.plugin import *

PV_API = (1, 2)


@hookimpl
def pv_executors():
    return OFFERS
"""

HEAVY = '''
"""An executor that does its tasks in a server of its own, as another machine would; and ways to fail."""
import json, os, pkgutil
from pathlib import Path
from pvcheck.plugin import *

LOG = Path(os.environ["EXECUTOR_LOG"])


class Far:
    overhead = 0.001
    finds_inputs = True
    slots = 3

    def __init__(self, setup):
        self.setup = setup
        self.server = pkgutil.resolve_name(setup.server)(setup.limits)
        self.queue = []
        self.done = 0
        self.log(start=[setup.address, setup.jobs, sorted(setup.versions)])

    def log(self, **told):
        with LOG.open("a") as file:
            file.write(json.dumps(told) + "\\n")

    def submit(self, task):
        json.dumps(task.work)
        assert len(self.queue) < self.slots
        self.queue.append(task)

    def wait(self, seconds):
        trouble, _, count = self.setup.address.partition(":")
        if self.done >= int(count or 10**9):
            if trouble == "lost":
                raise ExecutorError("the scheduler does not answer")
            if trouble == "interrupt":
                raise KeyboardInterrupt
        task = self.queue.pop()  # the last one first
        self.log(kind=task.work["kind"], inputs=task.work["inputs"], digests=task.work["digests"])
        progress = []
        answer = self.server.perform(task.work, task.seconds, lambda *each: progress.append(each), lambda: False)
        self.done += 1
        if trouble == "nonsense":
            answer = {"kind": "held"}
        if trouble == "measured":
            answer = {"kind": "measured"}
        if trouble == "undeclared" and answer["kind"] == "measured":
            answer["measurement"]["metrics"]["verdict"] = answer["measurement"]["metrics"]["total"]
        if trouble == "fails":
            answer = {"kind": "error", "code": "PV511", "reason": "worker \\x1b[31m lost"}
        if trouble == "missing":
            answer = {"kind": "not_measured", "reason": "node7 has no input table (sha256:0000)"}
        if trouble == "absent" or (trouble == "gone" and task.work["kind"] == "parts"):
            answer = {"kind": "not_measured", "reason": "node7 has no table", "missing": "table"}
        if trouble == "another":
            answer = {"kind": "not_measured", "reason": "node7 has no chair", "missing": "chair"}
        if trouble == "odd":
            answer = {"kind": "not_measured", "reason": "node7 has no chair", "missing": ["table"]}
        if trouble == "found" and answer["kind"] == "measured":
            for read in answer["reads"].values():
                read["sha256"] = "f" * 64
        events = [Event(task.number, None, *each) for each in progress] + [Event(task.number, answer)]
        return [Event(10**6, answer), *events, Event(task.number, answer)]

    def cancel(self, numbers):
        self.log(cancel=sorted(numbers))
        self.queue = [each for each in self.queue if each.number not in numbers]

    def close(self):
        self.log(end="close")
        self.server.close()

    def kill(self):
        self.log(end="kill")
        self.server.close()


def start(setup):
    if setup.address == "none":
        raise ExecutorError("no library: pip install 'some[thing]'")
    if setup.address == "exit":
        raise SystemExit(0)
    if setup.address == "stop":
        raise KeyboardInterrupt
    return Far(setup)
'''


@pytest.fixture
def far(tmp_path_factory, monkeypatch):
    """Install a plugin with an executor, and return what reads its log."""
    place = tmp_path_factory.mktemp("far")

    def install(offers='{"far": "far_heavy:start"}', name="far"):
        (place / f"{name}_light.py").write_text(f"OFFERS = {offers}\n" + LIGHT)
        (place / "far_heavy.py").write_text(HEAVY)
        info = place / f"{name}_dist-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-dist\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[pvcheck.plugins]\n{name} = {name}_light\n")
        for each in (f"{name}_light", "far_heavy"):
            sys.modules.pop(each, None)

    install()
    log = place / "log"
    monkeypatch.setenv("EXECUTOR_LOG", str(log))
    monkeypatch.syspath_prepend(str(place))
    install.log = lambda: [json.loads(line) for line in log.read_text().splitlines()]
    return install


def test_a_run_by_an_executor_has_the_evidence_of_a_local_one(sweeping, pv, far):
    """To the bit; tasks are told the digests of their inputs, and the executor is closed."""
    sweeping.writes(rows=12)
    pv("run", "--write")
    wanted = sweeping.evidence()

    status, out, _ = pv("run", "--check", "--executor", "far=somewhere", "-j", "5")

    log = far.log()
    assert status == 0, out
    assert sweeping.evidence() == wanted
    assert log[0] == {"start": ["somewhere", 5, ["pvcheck", "python"]]}
    assert next(each["kind"] for each in log if "kind" in each) == "split"
    assert {len(each["digests"]["table"]) for each in log if "kind" in each} == {64}
    assert log[-1] == {"end": "close"}


def test_what_the_worker_found_is_what_the_record_says(sweeping, pv, far):
    """The digest of the input, and the machine."""
    sweeping.writes(rows=3, evaluator="whole")

    pv("run", "--write", "--executor", "far=found")

    assert sweeping.evidence()["predicate"]["inputs"]["table"]["sha256"] == "f" * 64


def test_a_lost_executor_makes_errors_of_what_is_left(sweeping, pv, far):
    """What was done before is kept and written; nothing hangs; the exit status is 3."""
    first = sweeping.writes(rows=3, evaluator="whole")
    second = first.with_name("tweep.yaml")
    second.write_text(first.read_text().replace("C-SWEEP", "C-TWEEP").replace("F-SWEEP", "F-TWEEP"))
    third = first.with_name("uweep.yaml")
    third.write_text(first.read_text().replace("C-SWEEP", "C-UWEEP").replace("F-SWEEP", "F-UWEEP"))

    status, out, _ = pv("run", "--write", "-q", "--executor", "far=lost:1")

    assert status == 3
    assert out.count("the executor cannot go on: the scheduler does not answer") == 2
    assert "3 falsifiers: 1 held, 2 error; 0 unbound; no errors" in out


def test_what_a_lost_executor_never_began_is_an_error_too(sweeping, pv, far):
    """More measurements than it takes at a time: the rest is told with what was under way."""
    sweeping.writes(rows=3, evaluator="whole")

    status, out, _ = pv("run", "--executor", "far=lost:1", "--repeat", "9")

    assert status == 3
    assert " of 9: whole (plugin sweeps of sweep-dist 1.0): the executor cannot go on: the scheduler does not" in out


def test_an_interrupt_kills_the_executor(sweeping, pv, far):
    """It is not closed, which might wait for its tasks."""
    sweeping.writes(rows=30)

    status, _, err = pv("run", "--executor", "far=interrupt:2")

    assert status == 130
    assert "interrupted" in err
    assert far.log()[-1] == {"end": "kill"}


ANSWERS = {
    "nonsense": ("error", "the executor's answer cannot be read: ValueError('held')"),
    "measured": ("error", "the executor's answer cannot be read: KeyError('measurement')"),
    "undeclared": ("error", 'bad result: metric "verdict" is not declared'),
    "fails": ("error", "worker \\x1b[31m lost"),
    "missing": ("not measured", "node7 has no input table (sha256:0000)"),
}


@pytest.mark.parametrize(("trouble", "told"), ANSWERS.items(), ids=ANSWERS)
@pytest.mark.parametrize("evaluator", ["whole", "sweep"])
def test_an_answer_is_not_believed(sweeping, pv, far, evaluator, trouble, told):
    """It is read again, as that of a worker is; a reason is told as it came."""
    sweeping.writes(rows=3, evaluator=evaluator)

    status, out, _ = pv("run", "--executor", f"far={trouble}")

    assert status == 3
    assert f"  {told[0]:<12}  F-SWEEP" in out
    assert told[1] in out


STARTS = {
    "none": ("far=none", 3, "PV522 the executor \"far\" cannot start: no library: pip install 'some[thing]'"),
    "exit": ("far=exit", 3, 'PV522 the executor "far" cannot start: SystemExit: 0'),
    "unknown": ("near", 2, 'PV507 no installed plugin offers the executor "near"'),
    "local": ("local=x", 2, "PV507 the executor local takes no address"),
}


@pytest.mark.parametrize(("name", "status", "message"), STARTS.values(), ids=STARTS)
def test_an_executor_that_cannot_start_is_told(sweeping, pv, far, name, status, message):
    """One line with the way out, and nothing is measured."""
    sweeping.writes(rows=3)

    found, out, err = pv("run", "--executor", name)

    assert (found, out) == (status, "")
    assert err.startswith(f"{message}\n  hint: ")


@pytest.mark.parametrize(
    ("named", "status", "hint"),
    [("local=x", 2, "leave the address out"), ("far=none", 3, "mend that, or leave --executor out")],
)
def test_a_refused_executor_says_how_its_command_ends(far, named, status, hint):
    """Whoever asked for another one can correct the command line; a library that is missing is nobody's mistake."""
    with pytest.raises(PvError) as refused:
        executors.executor(named, 1, Limits(), discover)

    assert [(each.exit_code, each.hint) for each in refused.value.findings] == [(status, hint)]


def test_the_offered_executors_are_named(sweeping, pv, far):
    """Those of plugins that say nonsense are left out."""
    sweeping.writes(rows=3)
    far('{"far": "far_heavy:start", "Bad": "a:b", "local": "a:b", "odd": 3, 4: "a:b"}')

    assert "  hint: offered: dask, far, local\n" in pv("run", "--executor", "near")[2]
    far("3")
    assert "  hint: offered: dask, local\n" in pv("run", "--executor", "near")[2]


def test_plugins_that_are_broken_are_named_where_nobody_offers_an_executor():
    """It may be one of theirs."""
    broken = tuple(BrokenPlugin(each, each, "1", f"{each} is odd") for each in ("first", "second"))
    found = PluginSet(plugins=(), broken=broken, evaluators={})

    with pytest.raises(PvError) as refused:
        executors.executor("near", 1, Limits(), lambda: found)

    assert refused.value.findings[0].message == (
        'no installed plugin offers the executor "near"; the plugin first is broken: first is odd; '
        "the plugin second is broken: second is odd"
    )


def test_an_interrupt_while_a_plugin_is_asked_ends_the_run(sweeping, pv, far):
    """It is no mistake of the plugin."""
    sweeping.writes(rows=3)
    far("type('Odd', (), {'items': lambda _: (_ for _ in ()).throw(KeyboardInterrupt)})()")

    assert pv("run", "--executor", "far")[0] == 130


def test_an_interrupt_at_the_start_ends_the_run(sweeping, pv, far):
    """It is no failure of the plugin."""
    sweeping.writes(rows=3)

    assert pv("run", "--executor", "far=stop")[0] == 130


@pytest.mark.parametrize("others", [("fur",), ("fur", "fyr")], ids="-".join)
def test_two_plugins_of_one_executor_are_refused(sweeping, pv, far, others):
    """Nobody can say where the evaluations would go."""
    sweeping.writes(rows=3)
    for each in others:
        far(name=each)

    status, _, err = pv("run", "--executor", "far")

    assert status == 2
    assert err == (
        'PV508 the executor "far" is offered twice: by far-dist 1.0 and by fur-dist 1.0\n'
        '  hint: leave one out in pv.toml: [plugins] disable = ["far"]\n'
    )


def test_a_dry_run_starts_no_executor(sweeping, pv, far):
    """It says what would be measured, wherever that would be."""
    sweeping.writes(rows=3)

    assert pv("run", "--dry-run", "--executor", "far=none")[0] == 0


def test_a_part_that_fails_cancels_those_after_it(sweeping, pv, far):
    """The executor is told; answers about them are ignored."""
    sweeping.writes(rows=9, trouble="raise@0,1,2,3,4,5,6,7,8")

    status, out, _ = pv("run", "--executor", "far")

    assert status == 3
    assert "part 1 of 9" in out


@pytest.mark.parametrize("evaluator", ["whole", "sweep"])
@pytest.mark.parametrize(("optional", "status"), [(True, 0), (False, 3)])
def test_an_input_that_is_missing_there_counts_as_one_that_is_missing_here(
    sweeping, pv, far, evaluator, optional, status
):
    """Where it may be absent, nobody is asked to do anything about it."""
    path = sweeping.writes(rows=3, evaluator=evaluator)
    sweeping.declares(optional=optional)

    there = pv("run", "--executor", "far=absent", "--allow-unmeasured")
    (path.parent / "table.bin").unlink()
    here = pv("run", "--allow-unmeasured")

    assert there[0] == here[0] == status
    assert "node7 has no table" in there[1]
    assert "table.bin is not there" in here[1]


@pytest.mark.parametrize("rows", [1, 40])
def test_an_optional_input_that_went_away_between_parts_is_told_with_the_first(sweeping, pv, far, rows):
    """The split found it, the parts do not."""
    sweeping.writes(rows=rows)
    sweeping.declares(optional=True)

    status, out, _ = pv("run", "--executor", "far=gone", "--allow-unmeasured")

    assert status == 0
    assert f"part 1 of {rows}: node7 has no table" in out


@pytest.mark.parametrize("trouble", ["another", "odd", "missing"])
def test_only_a_missing_input_of_the_contract_may_be_absent(sweeping, pv, far, trouble):
    """Whatever else an executor calls missing leaves the question open."""
    sweeping.writes(rows=3, evaluator="whole")
    sweeping.declares(optional=True)

    assert pv("run", "--executor", f"far={trouble}", "--allow-unmeasured")[0] == 3


def test_an_evaluator_that_cannot_measure_is_no_missing_input(sweeping, pv, far):
    """Not even where the input may be absent: the worker has it."""
    sweeping.writes(rows=3, trouble="absent@split", evaluator="whole")
    sweeping.declares(optional=True)

    status, out, _ = pv("run", "--executor", "far", "--allow-unmeasured")

    assert status == 3
    assert "it is not here" in out


def test_what_a_worker_calls_missing_is_not_believed():
    """The evaluator runs there; only the executor knows what was looked for."""
    offered = OfferedEvaluator(
        evaluator=Evaluator(
            name="e", version="1", doc="Does.", parameters=Parameters, metrics=(), implementation="a:b"
        ),
        plugin="p",
        distribution="d",
        version="1",
        module="m",
    )
    work = works.work_of(Request(offered=offered, parameters={}, inputs={"table": "/t"}))
    answer = {"kind": "not_measured", "reason": "no", "missing": "table"}

    assert works.checked(work, answer) == {"kind": "not_measured", "reason": "no"}
    assert reply_of(work, answer) == Unmeasured("no", "table")


def test_an_input_that_is_not_here_is_asked_for_by_its_digest(sweeping, pv, far):
    """The path goes along, and the declared digest in place of one that nobody can take here."""
    path = sweeping.writes(rows=3, evaluator="whole")
    table = sweeping.declares()
    (path.parent / "table.bin").unlink()

    status, out, _ = pv("run", "--executor", "far=missing")

    (asked,) = [each for each in far.log() if "kind" in each]
    assert status == 3, out
    assert asked["digests"] == {"table": sha256(table).hexdigest()}
    assert asked["inputs"] == {"table": str(path.parent / "table.bin")}


def test_without_a_digest_an_input_has_to_be_here(sweeping, pv, far):
    """There is nothing to find it by, so no worker is asked."""
    path = sweeping.writes(rows=3, evaluator="whole")
    (path.parent / "table.bin").unlink()

    status, out, _ = pv("run", "--executor", "far")

    assert status == 3
    assert "no table: contracts/table.bin is not there" in out
    assert not [each for each in far.log() if "kind" in each]


def test_another_file_in_place_of_an_input_is_found_by_its_own_digest(sweeping, pv, far):
    """As locally: it is measured, and promotes nothing."""
    path = sweeping.writes(rows=3, evaluator="whole")
    table = sweeping.declares()
    other = path.parent / "other.bin"
    other.write_bytes(table[::-1])

    status, out, _ = pv("run", "--write", "--executor", "far", "--input", f"table={other}")

    (asked,) = [each for each in far.log() if "kind" in each]
    assert asked["digests"] == {"table": sha256(table[::-1]).hexdigest()}
    assert "input table is not the declared file" in out, (status, out)


@pytest.mark.parametrize(
    ("make", "told"), [(Path.mkdir, "Is a directory"), (os.mkfifo, "not a regular file")], ids=["folder", "pipe"]
)
@pytest.mark.parametrize("words", [(), ("-x",)], ids=["all", "first"])
def test_an_input_that_cannot_be_read_is_an_error_of_its_falsifier(sweeping, pv, far, words, make, told):
    """No other machine can be asked for it. The others are measured, unless the first in the way ends the run."""
    first = sweeping.writes(rows=3, evaluator="whole")
    second = first.with_name("tweep.yaml")
    second.write_text(first.read_text().replace("C-SWEEP", "C-TWEEP").replace("F-SWEEP", "F-TWEEP"))
    first.write_text(first.read_text().replace("table.bin", "other"))
    make(first.parent / "other")

    status, out, err = pv("run", "--executor", "far", *words)

    assert status == 3, err
    assert "  error         F-SWEEP" in out
    assert f"an input cannot be read: contracts/other: {told}" in out
    assert ("  held          F-TWEEP" in out) is not bool(words)
    assert len([each for each in far.log() if "kind" in each]) == (0 if words else 1)


def test_what_runs_programs_is_left_to_this_machine(sweeping, pv, far):
    """Which ones lie where a task would be done is not known here; a local run measures it."""
    sweeping.writes(rows=3, evaluator="whole")
    light = Path(importlib.util.find_spec("sweep_light").origin)
    light.write_text(light.read_text().replace('name="whole"', 'name="whole", runs_programs=True'))

    status, out, _ = pv("run", "--executor", "far")
    log = far.log()

    assert status == 3
    assert "  not measured  F-SWEEP" in out
    assert "whole runs programs, and what would run on another machine is not what lies here: measure it wit" in out
    assert not [each for each in log if "kind" in each]
    assert pv("run")[0] == 0


def test_a_server_does_one_task_after_the_other(sweeping):
    """With the place where it was measured; one that is given up leaves nothing."""
    path = sweeping.writes(rows=3, evaluator="whole").parent / "table.bin"
    server = serving.Server({"seconds": 20.0})
    request = Request(
        offered=discover().evaluators["whole"], parameters={"table": "table", "rows": 3}, inputs={"table": str(path)}
    )
    work = works.work_of(request)
    nobody_listens = works.work_of(request) | {"parameters": {"table": "table", "rows": 3, "trouble": "report@split"}}
    hangs = works.work_of(request) | {"parameters": {"table": "table", "rows": 3, "trouble": "hang@split"}}
    asked, told = [], []

    good = server.perform(work, 20.0)
    assert server.perform(nobody_listens, 20.0)["kind"] == "measured"
    time.sleep(0.12)  # a worker reports ten times a second at most
    assert server.perform(nobody_listens, 20.0, lambda *each: told.append(each))["kind"] == "measured"
    given_up = server.perform(hangs, 20.0, cancelled=lambda: asked.append(1) or len(asked) > 2)
    again = server.perform(work, 20.0)
    with pytest.raises(KeyboardInterrupt):
        server.perform(hangs, 20.0, cancelled=lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    last = server.perform(work, 20.0)
    server.close()

    assert good["kind"] == again["kind"] == last["kind"] == "measured"
    assert given_up is None
    assert told == [(1, 2)]
    assert set(good["where"]) == {"host", "processor"}
    assert isinstance(reply_of(work, good), Measured)
    assert reply_of(work, good).where == good["where"]
