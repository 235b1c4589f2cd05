"""Running many: what is selected, at a time, again, until when; and that none of it changes what is told."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time

import pytest
from helpers import CONTRACT, untraced

from pvcheck.pipeline import lately, scheduling

SOUND = {"metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]}}
ENTRY = CONTRACT[CONTRACT.index("- id: F-1") : CONTRACT.index("- id: F-2")]
INPUT = "  model:\n    format: gguf\n    path: model.bin\n"


def last(out):
    """Return the last line."""
    return out.rstrip("\n").split("\n")[-1]


def plain(out):
    """Return output with times, and digests of records that hold them, replaced."""
    return re.sub(r"\d+ ms", "N ms", re.sub(r"sha256:[0-9a-f]{64}", "sha256:N", out))


@pytest.fixture
def several(project):
    """Give a project with contracts of several falsifiers, each with an input of its own that says what it reports."""

    def write(*told, name="c"):
        names = [f"{name}{place}" for place in range(len(told))]
        inputs = "".join(INPUT.replace("model:", f"{each}:").replace("model.bin", f"{each}.bin") for each in names)
        entries = "".join(ENTRY.replace("F-1", f"F-{each}").replace("model: model", f"model: {each}") for each in names)
        text = CONTRACT.replace(ENTRY, entries).replace(INPUT, inputs).replace("C-TEST", f"C-{name.upper()}")
        text = text.replace("[F-1]", f"[{', '.join(f'F-{each}' for each in names)}]")
        path = project.contract.with_name(f"{name}.yaml")
        path.write_text(text)
        for each, what in zip(names, told, strict=True):
            (path.parent / f"{each}.bin").write_text(json.dumps(SOUND | what))
        return path

    project.write = write
    return project


HELD, REFUTED, FAILS = {}, {"metrics": SOUND["metrics"] | {"growth": 20.0}}, {"fail": "out of luck"}
LATE = {"sleep": 0.4}


@pytest.mark.parametrize("words", [("-j", "2"), ("-j", "5"), ("-j", "auto")], ids=str)
def test_what_is_told_and_written_does_not_depend_on_j(several, pv, words):
    """Contracts and falsifiers in their order, however they end."""
    told = (LATE, HELD, REFUTED, FAILS, {"absent": "no layer"})
    several.write(*told)
    several.write(HELD, LATE, name="d")
    _, wanted, _ = pv("run", "--diff")

    status, out, _ = pv("run", "--diff", *words)

    assert status == 1
    assert plain(out) == plain(wanted)


@pytest.mark.parametrize("words", [(), ("-j", "3")], ids=["one", "three"])
def test_the_first_in_the_way_ends_the_run(several, pv, words):
    """The first in their order: what comes before it is measured, what follows is not run, and is counted."""
    several.write(LATE, REFUTED, HELD, name="c")
    several.write(FAILS, HELD, name="d")

    status, out, _ = pv("run", "-x", "-q", *words)

    assert status == 1
    assert [each[2:16].strip() for each in out.splitlines() if re.match(r"  \w+ +F-", each)] == ["held", "REFUTED"]
    assert (
        last(out)
        == "7 falsifiers: 1 held, 1 refuted; 2 unbound; 3 not run after the first that is in the way; no errors"
    )


def test_the_first_in_the_way_is_the_first_in_their_order(several, pv):
    """Not the first that ends: the other was begun beside it, and counts as not run."""
    several.write(LATE | REFUTED, FAILS, HELD)

    _, out, _ = pv("run", "-x", "-q", "-j", "2")

    assert last(out) == "4 falsifiers: 1 refuted; 1 unbound; 2 not run after the first that is in the way; no errors"


def test_what_ended_the_run_and_what_came_before_is_written(several, pv):
    """As if it had been run with -k."""
    first, second = several.write(HELD, REFUTED, HELD), several.write(HELD, name="d")
    before = second.read_bytes()

    pv("run", "-x", "--write", "-j", "2")

    assert re.findall(r"status: (\w+)", first.read_text())[1:4] == ["DISCHARGED", "FALSIFIED", "PENDING"]
    assert second.read_bytes() == before


@pytest.mark.parametrize("told", [HELD, {"absent": "no layer"}], ids=["held", "not measured"])
def test_what_is_not_in_the_way_does_not_end_the_run(several, pv, told):
    """A missing device is no verdict, and a refutation that the contract admits is none that is new."""
    several.write(told, HELD)

    _, out, _ = pv("run", "-x", "-q")

    assert "not run" not in out


@pytest.mark.parametrize("count", [1, -1], ids=["first", "all"])
def test_a_blocked_falsifier_ends_the_run_too(several, pv, count):
    """Nothing is measured after an evaluator that nobody offers, or that is not allowed."""
    path = several.write(HELD, HELD, HELD)
    path.write_text(path.read_text().replace("evaluator: probe", "evaluator: ghost", count))

    status, out, _ = pv("run", "-x", "-q")

    assert status == 3
    assert last(out).startswith("4 falsifiers: 1 error; 1 unbound; 2 not run after the first that is in the way; ")


def test_what_runs_after_the_end_is_cancelled(several, pv):
    """It would have taken a minute."""
    several.write(REFUTED, {"sleep": 60}, HELD)
    began = time.monotonic()

    status, _, _ = pv("run", "-x", "-j", "2")

    assert status == 1
    assert time.monotonic() - began < 20


def test_the_time_limit_of_the_command_line_wins(several, pv):
    """Over that of the settings."""
    several.write({"sleep": 60})

    status, out, _ = pv("run", "--timeout", "1.25")

    assert status == 3
    assert "  timeout       F-c0\n      no answer within 1.25 s\n" in out


def test_a_retry_is_told(several, pv, probe):
    """At which try it held; a refutation is not tried again."""
    heavy = probe / "probe_heavy.py"
    mark = several.root / "mark"
    text = heavy.read_text().replace(
        "def measure(parameters, context):\n",
        "def measure(parameters, context):\n"
        f"    from pathlib import Path\n    mark = Path({str(mark)!r})\n"
        "    count = len(mark.read_text()) if mark.exists() else 0\n    mark.write_text('x' * (count + 1))\n"
        "    if count < 2: raise RuntimeError('luck')\n",
    )
    heavy.write_text(text)
    several.write(HELD)

    status, out, _ = pv("run", "-q", "--retries", "3")
    mark.write_text("xx")
    several.write(REFUTED)
    refuted = pv("run", "-q", "--retries", "3")

    assert status == 0
    assert "      held at try 3\n" in out
    assert "at try" not in refuted[1]
    assert mark.read_text() == "xxx"


def test_bits_that_repeat_are_told(several, pv):
    """Each falsifier is measured so often."""
    several.write(HELD)

    status, out, _ = pv("run", "-q", "--repeat", "3", "--write")

    assert status == 0, out
    assert "      the same bits in 3 measurements\n" in out
    assert "+  status: DISCHARGED" in out


DRAWS = {
    "number": (
        "metrics['growth'] += len(mark.read_text()) * 2.0 ** -52",
        r'"growth" differs: 1\.5000000000000002 and 1\.50+\d+ in',
    ),
    "zero": (
        "metrics['growth'] = -0.0 if len(mark.read_text()) == 2 else 0.0",
        r'"growth" differs: 0\.0 and -0\.0 in measurement 1 and 2',
    ),
    "series": (
        "metrics['steps'] = (1.0, float(len(mark.read_text())))",
        r'"steps" differs: \[1\] 1\.0 and 2\.0 in measurement 1 and 2',
    ),
    "length": (
        "metrics['steps'] = (1.0,) * (2 if len(mark.read_text()) == 1 else 3); labels = ()",
        r'"steps" differs: 2 and 3 numbers in measurement 1 and 2',
    ),
    "missing": ("metrics.pop('same') if len(mark.read_text()) == 2 else 0", '"same" is not in each of them'),
}


@pytest.mark.parametrize(("draw", "told"), DRAWS.values(), ids=DRAWS)
def test_a_bit_that_differs_is_a_finding(several, pv, probe, draw, told):
    """With the metric; it exits 1 and promotes nothing, although each measurement held."""
    heavy, mark = probe / "probe_heavy.py", several.root / "mark"
    more = (
        f"    from pathlib import Path\n    mark = Path({str(mark)!r})\n"
        "    mark.write_text((mark.read_text() if mark.exists() else '') + 'x')\n"
        f"    {draw}\n"
    )
    text = heavy.read_text().replace("    left = Population", more + "    left = Population", 1)
    heavy.write_text(text.replace('("layer 0", "layer 1") if "steps" in metrics else ()', "()"))
    path = several.write(HELD)
    before = path.read_bytes()

    status, out, _ = pv("run", "-q", "--repeat", "3", "--write")

    assert status == 1
    assert re.search(rf'contracts/c\.yaml:11:7: PV417 "F-c0" was measured 3 times, and {told}', out), out
    assert "  invalid       F-c0" in out
    assert path.read_bytes() == before


def test_one_bad_measurement_of_several_is_not_held(several, pv, probe):
    """The first that did not give numbers is what is told."""
    heavy, mark = probe / "probe_heavy.py", several.root / "mark"
    more = (
        f"    from pathlib import Path\n    mark = Path({str(mark)!r})\n"
        "    mark.write_text((mark.read_text() if mark.exists() else '') + 'x')\n"
        "    if len(mark.read_text()) == 2: raise RuntimeError('luck')\n"
    )
    heavy.write_text(heavy.read_text().replace("    left = Population", more + "    left = Population", 1))
    several.write(HELD)

    status, out, _ = pv("run", "-q", "--repeat", "3")

    assert status == 3
    assert "      measurement 2 of 3: probe (plugin probe of probe-dist 1.0): raised RuntimeError: luck" in out


def test_a_finding_of_a_written_file_stands_where_it_is_now(several, pv, probe):
    """One falsifier repeats and is written, the other does not."""
    heavy = probe / "probe_heavy.py"
    more = "    if told.get('draw'):\n        metrics['growth'] = time.time_ns() % 10**9 / 10**10\n"
    heavy.write_text(heavy.read_text().replace("    left = Population", more + "    left = Population", 1))
    path = several.write(HELD, {"draw": True})

    status, out, _ = pv("run", "-q", "--repeat", "2", "--write")

    line = next(place for place, text in enumerate(path.read_text().splitlines(), 1) if text == "- id: F-c1")
    assert status == 1
    assert f'contracts/c.yaml:{line}:7: PV417 "F-c1"' in out


def test_a_dry_run_says_what_would_be_measured(several, pv):
    """Evaluator, distribution, device and inputs; nothing is run, and nothing started."""
    path = several.write(HELD, HELD, HELD)
    (path.parent / "c1.bin").unlink()
    before = several.state()

    status, out, err = pv("run", "--dry-run", "--device", "reference")

    size = (path.parent / "c0.bin").stat().st_size
    assert (status, err) == (0, "")
    assert out == (
        "C-C 1.2.3  contracts/c.yaml\n"
        "  would measure F-c0\n"
        "      probe 1 of probe-dist 1.0, device reference\n"
        f"      c0: contracts/c0.bin, {size} bytes\n"
        "  not measured  F-c1\n"
        "      no c1: contracts/c1.bin is not there\n"
        "  would measure F-c2\n"
        "      probe 1 of probe-dist 1.0, device reference\n"
        f"      c2: contracts/c2.bin, {size} bytes\n"
        "4 falsifiers: 2 would be measured; 1 would not; 1 unbound; nothing was run\n"
    )
    assert several.state() == before


def test_a_dry_run_of_nothing_exits_4(several, pv):
    """As the run would; a contract that cannot be run exits as validation does."""
    path = several.write(HELD)
    (path.parent / "c0.bin").unlink()

    nothing = pv("run", "--dry-run")
    path.write_text(path.read_text().replace("expect:", "expcet:"))
    broken = pv("run", "--dry-run")

    assert nothing[0] == 4
    assert last(nothing[1]) == "2 falsifiers: 0 would be measured; 1 would not; 1 unbound; nothing was run"
    assert broken[0] == 1


def test_a_dry_run_tells_what_was_not_selected(several, pv):
    """The denominator is that of a run."""
    several.write(HELD, HELD)

    assert last(pv("run", "--dry-run", "-k", "c1")[1]) == (
        "3 falsifiers: 1 would be measured; 1 unbound; 1 not selected; nothing was run"
    )


USAGE = {
    "dry-write": (("--dry-run", "--write"), "--dry-run measures nothing, so it cannot be given with --write"),
    "dry-repeat": (("--dry-run", "--repeat", "2"), "--dry-run measures nothing, so it cannot be given with --repeat"),
    "dry-retries": (
        ("--dry-run", "--retries", "2"),
        "--dry-run measures nothing, so it cannot be given with --retries",
    ),
    "dry-x": (("--dry-run", "-x"), "--dry-run measures nothing, so it cannot be given with --exitfirst"),
    "dry-results": (
        ("--dry-run", "--results", "f"),
        "--dry-run measures nothing, so it cannot be given with --results",
    ),
    "dry-durations": (
        ("--dry-run", "--durations"),
        "--dry-run measures nothing, so it cannot be given with --durations",
    ),
    "j-0": (("-j", "0"), "must be auto or a number from 1 to 256, got 0"),
    "j-text": (("-j", "two"), "must be auto or a number from 1 to 256, got two"),
    "j-minus": (("-j", "-1"), "must be auto or a number from 1 to 256, got -1"),
    "timeout-0": (("--timeout", "0"), "must be above 0 and at most 86400 seconds, got 0"),
    "timeout-nan": (("--timeout", "nan"), "must be above 0 and at most 86400 seconds, got nan"),
    "repeat-0": (("--repeat", "0"), "0 is not in the range 1<=x<=1000"),
    "write-check": (("--results", "f", "--write"), "--results changes no contract, so it cannot be given with --write"),
}


@pytest.mark.parametrize(("words", "message"), USAGE.values(), ids=USAGE)
def test_what_makes_no_sense_is_a_usage_error(several, pv, words, message):
    """One line that names the option; nothing is measured."""
    several.write(HELD)

    status, out, err = pv("run", *words)

    assert (status, out) == (2, "")
    assert message in err


def test_the_slowest_are_told(several, pv):
    """The slowest first, as many as were asked for."""
    several.write(HELD, LATE, {"sleep": 0.8})

    status, out, _ = pv("run", "-q", "--durations=2")

    told = out[out.index("slowest") :].splitlines()
    assert status == 0
    assert told[0] == "slowest 2 of 3:"
    assert [each.split()[2:] for each in told[1:3]] == [["F-c2", "contracts/c.yaml"], ["F-c1", "contracts/c.yaml"]]
    assert float(told[1].split()[0]) >= 0.8


def test_no_durations_without_evaluations(several, pv):
    """A list of nothing is left out."""
    path = several.write(HELD)
    (path.parent / "c0.bin").unlink()

    assert "slowest" not in pv("run", "--durations")[1]


def test_threads_are_what_the_neighbours_leave(several, pv, monkeypatch):
    """Never more threads than processors, at least one each."""
    from pvcheck.cli import run as command

    several.write(HELD)
    seen = []
    monkeypatch.setattr(command, "cores", lambda: 8)
    real = scheduling.run
    monkeypatch.setattr(
        scheduling, "run", lambda paths, options, *more: seen.append(options.threads) or real(paths, options, *more)
    )

    for jobs in ("1", "3", "16", "auto"):
        pv("run", "-j", jobs)

    assert seen == [8, 2, 1, 1]


def test_failed_means_what_did_not_hold_when_it_was_last_run(several, pv, cache_home):
    """Also where nothing was written; what held since is forgotten."""
    path = several.write(HELD, REFUTED, FAILS)
    pv("run")

    first = pv("run", "--failed", "-q")
    (path.parent / "c2.bin").write_text(json.dumps(SOUND))
    second = pv("run", "--failed", "-q", "-j", "2")
    third = pv("run", "--failed", "-q")

    assert last(first[1]).startswith("4 falsifiers: 1 refuted, 1 error; 1 unbound; 1 not selected")
    assert last(second[1]).startswith("4 falsifiers: 1 held, 1 refuted; 1 unbound; 1 not selected")
    assert last(third[1]).startswith("4 falsifiers: 1 refuted; 1 unbound; 2 not selected")


def test_failed_means_falsified_wherever_it_was_run(several, pv, cache_home):
    """The contract says so on every machine."""
    several.write(HELD, REFUTED)
    pv("run", "--write")
    for each in cache_home.rglob("*.json"):
        each.unlink()

    status, out, _ = pv("run", "--failed", "-q")

    assert status == 0
    assert last(out).startswith("3 falsifiers: 1 refuted; 1 unbound; 1 not selected")


def test_nothing_failed_is_an_empty_selection(several, pv, cache_home):
    """The message names the option that left nothing."""
    several.write(HELD)
    pv("run")

    status, out, err = pv("run", "--failed")

    assert (status, out) == (4, "")
    assert err == (
        "PV707 nothing is left by --failed: what was selected is not FALSIFIED, and held when it was last run here\n"
        "  hint: leave --failed out to run it again\n"
    )


@pytest.fixture
def cache_home(tmp_path, monkeypatch):
    """Give the user a cache folder of its own."""
    place = tmp_path / "cache"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    return place


SPOILS = {
    "text": lambda path: path.write_text("{"),
    "list": lambda path: path.write_text("[1]"),
    "numbers": lambda path: path.write_text('{"a": 1, "b": {"c": 2, "d": "great"}}'),
    "deep": lambda path: path.write_text("[" * 100_000),
    "latin": lambda path: path.write_bytes(b'{"\xff": {}}'),
    "fifo": lambda path: (path.unlink(), os.mkfifo(path)),
    "gone": lambda path: path.unlink(),
    "shared": lambda path: path.parent.chmod(0o777),
    "link": lambda path: (path.parent.rename(path.parent.with_name("other")), path.parent.symlink_to("other")),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_file_of_failures_that_is_none_says_nothing(several, pv, cache_home, spoil):
    """No error, no verdict, and the next run goes on."""
    several.write(FAILS)
    pv("run")
    (path,) = (cache_home / "pvcheck" / "runs").glob("*.json")
    spoil(path)

    assert pv("run", "--failed")[0] == 4
    assert pv("run")[0] == 3


def test_failures_are_kept_for_the_user_alone(several, pv, cache_home):
    """The folder is private; what lies at a contract that is gone is forgotten."""
    path = several.write(FAILS)
    other = several.write(FAILS, name="d")
    pv("run")
    folder = cache_home / "pvcheck" / "runs"
    (kept,) = folder.glob("*.json")

    other.unlink()
    pv("run", "--failed")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [*json.loads(kept.read_text())] == [str(path)]


def test_no_cache_is_no_failure(several, pv, cache_home, monkeypatch):
    """Where the user wants none, where there is no home, and where the disk refuses."""
    several.write(FAILS)
    for variable, value in (("PVCHECK_CACHE", "off"), ("XDG_CACHE_HOME", "relative"), ("XDG_CACHE_HOME", "/proc/none")):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            patch.delenv("HOME", raising=False)
            assert pv("run")[0] == 3
            assert pv("run", "--failed")[0] == 4
    assert list(cache_home.iterdir()) == []
    assert lately.known(None) == {}


def test_stale_means_what_status_calls_stale(several, pv):
    """A status whose evidence no longer supports it."""
    path = several.write(HELD, HELD)
    pv("run", "--write")
    none = pv("run", "--stale")
    text = path.read_text()
    second = text.index("- id: F-c1")
    path.write_text(text[:second] + text[second:].replace("layers: 0-3", "layers: 0-2", 1))

    status, out, _ = pv("run", "--stale", "-q")

    assert none[0] == 4
    assert none[2].startswith("PV707 nothing is left by --stale: no falsifier that was selected is stale\n")
    assert "F-c1" in out
    assert last(out).startswith("3 falsifiers: 1 held; 1 unbound; 1 not selected")
    assert status in {0, 1}


def test_options_that_select_are_taken_together(several, pv, cache_home):
    """And the one that leaves nothing is named."""
    several.write(FAILS, HELD)
    pv("run")

    status, _, err = pv("run", "--failed", "-k", "c1")

    assert status == 4
    assert err.startswith("PV707 nothing is left by --failed")
    assert pv("run", "--failed", "-k", "c0")[0] == 3


def test_nothing_bound_is_nobodys_fault(project, pv):
    """The verdict says that 0 are bound, whatever was to be selected."""
    project.contract.write_text(
        CONTRACT.replace("evaluator: probe\n  with: {model: model, layers: 0-3}\n", "prediction: x\n").replace(
            "  expect:\n    growth: < 18\n    count: '>= 4'\n", ""
        )
    )

    status, out, _ = pv("run", "--stale")

    assert status == 4
    assert last(out) == "2 falsifiers: 0 of 2 bound; 2 unbound; no errors, 1 warning"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_leaves_no_process_and_what_was_done_before(several, jobs):
    """The first contract is written as a whole, the second is as it was."""
    first = several.write(HELD)
    second = several.write(HELD, {"sleep": 60}, name="d")
    before = second.read_bytes()
    command = [sys.executable, "-m", "pvcheck", "run", "--write", "-j", jobs]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=untraced())

    deadline = time.monotonic() + 30
    while b"DISCHARGED" not in first.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()

    assert (child.returncode, err) == (130, b"\ninterrupted\n")
    assert time.monotonic() - began < 5
    assert b"DISCHARGED" in first.read_bytes()
    assert second.read_bytes() == before
