"""Fuzzing for a second each, with inputs that follow from a fixed seed; and the command, with atheris."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import driving, running
from fuzz.driving import has_atheris
from fuzz.harness import Counts, Harness, Tally, fuzz, slower
from fuzz.running import NAMES, Told, summed
from fuzz.targets import SEEDS, TARGETS, Target, kept

ROOT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("PVCHECK_FUZZ_SECONDS", "1"))


@pytest.mark.parametrize("name", TARGETS)
def test_a_second_of_fuzzing_finds_nothing(name, tmp_path):
    """Seeds are changed by a generator of our own, the same way in every run as far as the second reaches."""
    harness = Harness(TARGETS[name], tmp_path, slower())

    fuzz(harness, [path.read_bytes() for path in kept(SEEDS, name)], seconds=SECONDS, runs=1 << 62, seed=1)

    counts = harness.counts
    print(f"{name}: {counts.executions} executions, {counts.understood} understood, {counts.crashes} crashes")
    assert not harness.errors, "\n".join(f"{kind}: {error!r:.500}" for kind, error in harness.errors.items())
    assert counts.executions > len(kept(SEEDS, name))
    assert counts.understood


def broken(data: bytes) -> bool:
    """Crash in two ways."""
    if data.startswith(b"quick"):
        raise ValueError(data)
    if data == b"slow":
        raise KeyError(data)
    return True


def test_each_kind_of_crash_is_kept_once(tmp_path):
    """The run goes on behind a crash, and the input lies in a file."""
    harness = Harness(Target(broken, ("x",)), tmp_path / "crashes")

    for data in (b"quick", b"fine", b"slow", b"quicker"):
        harness(data)

    assert harness.counts == Counts(executions=4, understood=1, crashes=2)
    assert sorted(path.read_bytes() for path in (tmp_path / "crashes").iterdir()) == [b"quick", b"slow"]


def test_the_same_seed_makes_the_same_inputs(tmp_path):
    """A run can be repeated; another seed is another run."""
    told = []

    for seed in (1, 1, 2):
        seen: list[bytes] = []
        target = Target(lambda data, seen=seen: bool(seen.append(data)), ("word",))
        fuzz(Harness(target, tmp_path), [b"a seed"], seconds=60, runs=50, seed=seed)
        told.append(seen)

    assert told[0] == told[1] != told[2]


@pytest.mark.skipif(not has_atheris(), reason="atheris has no wheel for this interpreter")
def test_the_command_drives_atheris_and_keeps_what_crashes(tmp_path):
    """A line for the target and a line of sums, and the exit status 0 where nothing crashed."""
    command = [sys.executable, "tests/fuzz", "--target", "version", "--seconds", "20", "--runs", "500"]

    done = subprocess.run([*command, "--cases", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)

    first, last = done.stdout.splitlines()
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert first.startswith("version  ")
    assert first.endswith("crashes 0")
    assert last.startswith("1 targets, 5")
    assert not any(tmp_path.iterdir())


def test_without_atheris_the_inputs_come_from_our_own_generator(tmp_path, monkeypatch):
    """On a system for which it is not made, the process of a target counts its calls all the same."""
    monkeypatch.setattr(driving, "has_atheris", lambda: False)
    (tmp_path / "counts").touch()

    driving.drive(driving.Order("version", tmp_path, 60, 50, 1, [str(SEEDS / "version")]))

    assert Tally.read(tmp_path / "counts").executions == 50


def test_an_order_is_told_to_a_process_in_one_word(tmp_path):
    """It comes out as it went in."""
    order = driving.Order("version", tmp_path, 60, 50, 1, ["a b", "'"])

    assert driving.Order.of(order.told()) == order


@pytest.fixture
def processes(tmp_path, monkeypatch):
    """Let the processes of a target end one after the other as a test says: a status, executions, an input left."""
    order = running.Order("version", tmp_path / "work", 60, 0, 5, [])
    seeds = []

    def run(*ends: tuple[int, int, str]) -> tuple[Told, list[int]]:
        waiting = list(ends)

        def process(told: driving.Order) -> tuple[int, str]:
            status, executions, left = waiting.pop(0)
            seeds.append(told.seed)
            Tally(order.work / "counts").write(Counts(executions, 1, 0))
            if left:
                (order.work / left).write_bytes(b"1.2.3")
            return status, f"#9 corp: {executions}/9b"

        monkeypatch.setattr(running, "_process", process)
        monkeypatch.setattr(running, "_confirmed", lambda told, _: sorted((told.work / "crashes").iterdir()))
        return running.run(order, tmp_path / "cases"), seeds

    return run


def test_a_process_that_is_lost_is_followed_by_another(processes):
    """With another seed, since the same one may come to the same end; the executions of all of them count."""
    told, seeds = processes((77, 10, "ended-crash-1"), (71, 20, "ended-oom-2"), (0, 30, ""))

    assert (told.executions, told.understood, told.corpus) == (60, 3, 30)
    assert [path.name for path in told.new] == ["ended-crash-1", "ended-oom-2"]
    assert seeds == [5, 6, 7]


def test_a_process_that_ends_without_a_word_ends_the_command(processes):
    """A target that was not fuzzed must not be told as one without crashes."""
    with pytest.raises(RuntimeError, match="the process of version ended with -9"):
        processes((-9, 10, ""))


def test_a_file_is_replayed_to_one_reader(tmp_path, capsys):
    """What it does with it is told; without a reader there is nothing to do."""
    path = tmp_path / "input"
    path.write_bytes(b"1.2.3")

    assert running.main(["--target", "version", "--replay", str(path)]) == 0
    with pytest.raises(SystemExit, match="2"):
        running.main(["--replay", str(path)])

    told = capsys.readouterr()
    assert told.out == "understood\n"
    assert "say --target NAME" in told.err


def test_a_crash_that_happens_again_becomes_a_case(tmp_path, monkeypatch):
    """One that does not, since it was slow under atheris only, is dropped."""
    order = running.Order("version", tmp_path / "work", 1, 1, 1, [])
    (order.work / "crashes").mkdir(parents=True)
    for name in ("again", "never"):
        (order.work / "crashes" / name).write_bytes(name.encode())
    replayed = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        replayed.append(Path(command[-1]).name)
        return subprocess.CompletedProcess(command, int(command[-1].endswith("again")))

    monkeypatch.setattr(running.subprocess, "run", run)

    found = list(running._confirmed(order, tmp_path / "cases"))

    assert replayed == ["again", "never"]
    assert found == [tmp_path / "cases" / "version" / "again"]
    assert found[0].read_bytes() == b"again"


def test_the_sums_are_those_of_the_lines():
    """Executions, seconds and crashes of all targets."""
    told = [Told(name, 10, 2.0, 5, 3, (Path("x"),) * (name == "apr")) for name in NAMES]

    assert str(told[0]) == ("yaml               10 executions        5/s   50 % understood  corpus     3  crashes 0")
    assert summed(told) == "15 targets, 150 executions in 30 s of fuzzing, 1 crashes"
