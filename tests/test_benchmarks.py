"""The benchmarks run, judge honestly, and print the tables that docs/speed.md holds."""

from __future__ import annotations

import importlib
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"
PAGE = ROOT / "docs" / "speed.md"
MODULES = (
    *("bandwidth", "bench", "kernels", "measuring", "memory", "model_files", "native", "page", "startup", "verdicts"),
)


@pytest.fixture(autouse=True)
def path(monkeypatch):
    """Let a test import the modules of benchmarks/ as its scripts do, and forget them after it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


def module(name):
    """Return a module of benchmarks/."""
    return importlib.import_module(name)


def times(*seconds):
    """Return what a job took."""
    return module("measuring").Times(seconds)


def row(**changes):
    """Return a row with a gate of 2 x and an aim of 3 x."""
    verdicts = module("verdicts")
    fields = {
        "name": "one",
        "what": "one thing",
        "threads": "1",
        "measure": None,
        "goal": verdicts.Goal(2, 3),
    } | changes
    return verdicts.Row(**fields)


def table_of(command):
    """Return the cells that the page holds for a command, line by line, and the text between its markers."""
    part = PAGE.read_text().partition(f"<!-- table: {command} -->\n")[2].partition("<!-- end -->")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines], part


def script(name, *words, **variables):
    """Run a benchmark as a person would; return the finished process."""
    command = [sys.executable, str(FOLDER / name), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables)


def test_a_quick_run_of_the_kernels_shows_every_row(tmp_path):
    """Small shapes run through everything; a machine without ggml says for which rows and how to get it."""
    kernels = module("kernels")

    done = script("kernels.py", "--quick", PVCHECK_GGML=os.environ.get("PVCHECK_GGML", ""), TMPDIR=str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    body = done.stdout.partition("\n\nwhat ")[2].splitlines()[1:]
    assert [line.split("  ")[0] for line in body[: len(kernels.ROWS)]] == [each.what for each in kernels.ROWS]
    assert f"{len(kernels.ROWS)} rows: 0 passed their gate, 0 did not, " in done.stdout
    assert ("no ggml: python -m venv DIR" in done.stdout) == ("not measured" in body[4])
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert not list(tmp_path.iterdir())


def test_a_quick_run_of_memory_shows_every_mode(tmp_path):
    """Each mode runs on a small file, stays below the limit, and leaves no file."""
    memory = module("memory")

    done = script("memory.py", "--quick", TMPDIR=str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    body = done.stdout.partition("\n\nmode ")[2].splitlines()[1:]
    assert all(line.startswith(mode.what) for line, mode in zip(body, memory.MODES, strict=False))
    assert re.search(rf"{len(memory.MODES)} modes: \d below the limit, 0 over it, 0 failed", done.stdout)
    assert not list(tmp_path.iterdir())


def test_the_page_holds_the_table_of_the_kernels():
    """Rows, columns, gates and command are those of the benchmark; the numbers are those of the last --write."""
    kernels, verdicts = module("kernels"), module("verdicts")

    cells, part = table_of(kernels.COMMAND)

    assert f"`{kernels.COMMAND}` on " in part
    assert cells[0] == list(verdicts.COLUMNS)
    assert [tuple(line[:2]) for line in cells[2:]] == [verdicts.head(each) for each in kernels.ROWS]
    assert [tuple(line[7:9]) for line in cells[2:]] == [verdicts.goals(each) for each in kernels.ROWS]


def test_the_page_holds_the_table_of_memory():
    """The same for the modes."""
    memory = module("memory")

    cells, part = table_of(memory.COMMAND)

    assert f"`{memory.COMMAND}` on " in part
    assert cells[0] == list(memory.COLUMNS)
    assert [line[0] for line in cells[2:]] == [each.what for each in memory.MODES]


def test_the_commands_of_the_page_exist():
    """Every script and every option that the page names."""
    commands = re.findall(r"python (benchmarks/\w+\.py)((?: \S+)*)", PAGE.read_text())
    known = set(module("page").options("")._option_string_actions)

    assert all((ROOT / script).is_file() for script, _ in commands)
    told = {word for _, rest in commands for word in re.findall(r"--[a-z]+", rest)}
    assert {"--rows", "--markdown", "--write", "--quick"} <= told <= known


@pytest.mark.parametrize(
    ("ours", "verdict", "status"),
    [(1.0, "PASS, aim", 0), (1.4, "PASS", 0), (1.6, "below gate", 1), (float("nan"), "below gate", 1)],
    ids=["aim", "gate", "below", "nan"],
)
def test_a_ratio_is_judged_by_medians(ours, verdict, status):
    """Their median over ours must reach the gate; a NaN does not."""
    verdicts = module("verdicts")
    result = verdicts.Result(times(9.0, ours, 0.1), times(3.0, 99.0, 0.1))

    line = verdicts.line(row(), result, gated=True)

    assert (line.verdict, line.cells[-1], verdicts.status([line])) == (verdict, verdict, status)


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0.9, "PASS, aim"), (1.0, "PASS, aim"), (1.5, "PASS"), (1.6, "below gate")]
)
def test_a_limit_in_seconds_is_judged_downwards(seconds, verdict):
    """Less is better there, and the limit itself passes."""
    verdicts = module("verdicts")
    limited = row(goal=verdicts.Goal(1.5, 1, "s"))

    line = verdicts.line(limited, verdicts.Result(times(seconds)), gated=True)

    assert line.verdict == verdict


def test_without_a_baseline_a_gated_row_does_not_pass():
    """A ratio that does not exist reaches no gate."""
    verdicts = module("verdicts")

    assert verdicts.line(row(), verdicts.Result(times(1.0)), gated=True).verdict == "below gate"
    assert verdicts.line(row(), verdicts.Result(times(1.0)), gated=False).verdict == "-"
    assert (
        verdicts.line(row(goal=verdicts.Goal(2)), verdicts.Result(times(1.0), times(9.0)), gated=True).verdict == "PASS"
    )


def test_the_cells_of_a_line():
    """Median and minimum in one unit, ratio, rate, share, gate, aim."""
    verdicts = module("verdicts")
    result = verdicts.Result(times(0.0123, 0.0119, 0.5), times(0.2), counted=123_000_000, share=0.456)

    line = verdicts.line(row(), result, gated=True)

    assert line.cells == (
        *("one thing", "1", "12.3/11.9 ms", "200/200 ms", "16 x", "10.0", "46%", "2 x", "3 x", "PASS, aim"),
    )


def test_rows_without_numbers_are_told_with_reason_and_counted():
    """What is missing is no failure, what differs is one, and neither is silent."""
    verdicts = module("verdicts")
    fine = verdicts.line(row(), verdicts.Result(times(1.0), times(2.5)), gated=True)
    missing = [verdicts.unmeasured(row(threads=each), "get it") for each in ("1", "all")]
    broken = verdicts.unmeasured(row(name="two"), "all 0", verdicts.DIFFERS)
    ended = verdicts.unmeasured(row(name="three"), "it ended with 70", verdicts.FAILED)

    told = verdicts.notes([fine, *missing, broken, ended])

    assert told == [
        "not measured: one: get it",
        "differs: two: all 0",
        "failed: three: it ended with 70",
        "5 rows: 1 passed their gate, 0 did not, 0 have none, 2 broken, 2 not measured",
    ]
    assert missing[0].cells == ("one thing", "1", "-", "-", "-", "-", "-", "2 x", "3 x", "not measured")
    assert verdicts.status([fine, *missing]) == 0
    assert verdicts.status([fine, broken]) == verdicts.status([fine, ended]) == 1


def test_a_row_that_fails_does_not_end_the_run():
    """A missing baseline, two sides that differ and a process that fails become lines with their reasons."""
    kernels, native, verdicts = module("kernels"), module("native"), module("verdicts")
    errors = (native.Missing("gone"), verdicts.DiffersError("apart"), subprocess.CalledProcessError(70, ["pv", "run"]))

    def failing(error):
        def measure(_bench, _threads):
            raise error

        return measure

    lines = kernels.measured([row(measure=failing(error)) for error in errors], quick=True, rounds=1)

    told = [(each.verdict, each.reason) for each in lines]
    assert told == [("not measured", "gone"), ("differs", "apart"), ("failed", "pv run ended with 70")]


def test_a_baseline_that_computes_something_else_is_refused():
    """Zeros, one other bit, a sum too far away, NaN."""
    bench, differs = module("bench"), module("verdicts").DiffersError
    ours = np.array([1.0, 2.0], np.float32)
    sizes = np.array([10.0, 10.0])

    bench.check_bits(ours, ours.copy())
    bench.check_close(ours, ours + np.float32(9e-5), sizes)

    with pytest.raises(differs, match="theirs is 0 everywhere: it computed nothing"):
        bench.check_bits(np.zeros(2, np.float32), np.zeros(2, np.float32))
    with pytest.raises(differs, match="1 of 2 numbers have other bits"):
        bench.check_bits(ours, np.array([1.0, np.nextafter(np.float32(2), np.float32(3))], np.float32))
    with pytest.raises(differs, match=r"sums lie 2\.0e-05 of their magnitudes apart, at most 1e-05 is rounding"):
        bench.check_close(ours, ours + np.float32(2e-4), sizes)
    with pytest.raises(differs, match="sums lie nan"):
        bench.check_close(np.array([np.nan, 2.0], np.float32), ours, sizes)


def test_a_missing_ggml_or_compiler_says_how_to_get_it(tmp_path):
    """An empty folder is no ggml, and a path without a compiler compiles nothing."""
    native = module("native")

    with pytest.raises(native.Missing, match="has no libggml-base and libggml-cpu; no ggml: python -m venv DIR"):
        native.ggml_files({"PVCHECK_GGML": str(tmp_path)})
    with pytest.raises(native.Missing, match="no C compiler: install cc, gcc or clang, or name one in CC"):
        native.compiled(tmp_path, {"PATH": str(tmp_path)})
    with pytest.raises(native.Missing, match="no C compiler"):
        native.compiled(tmp_path, {"CC": "no-such-compiler", "PATH": os.environ["PATH"]})


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_loops_in_c_compile_without_a_warning(tmp_path):
    """They are strict: no fast-math, no contraction."""
    native = module("native")
    flags = [*native.FLAGS, "-Wall", "-Wextra", "-Werror"]

    done = subprocess.run(["cc", *flags, "-o", str(tmp_path / "x.so"), str(native.SOURCE)], check=False)

    assert done.returncode == 0
    assert "-ffp-contract=off" in native.FLAGS
    assert not any("fast" in flag or "march" in flag for flag in native.FLAGS)


def test_rounds_interleave_and_alternate():
    """Each job runs once a round, forwards and backwards in turn, after one round that does not count."""
    measuring, calls = module("measuring"), []
    jobs = {name: lambda name=name: calls.append(name) for name in "ab"}

    found = measuring.interleaved(jobs, 4)

    assert "".join(calls) == "ab" + "ba" + "ab" + "ba" + "ab"
    assert {name: len(each.seconds) for name, each in found.items()} == {"a": 4, "b": 4}


def test_rounds_end_with_the_budget_but_not_before_three():
    """A slow row gets three rounds, and no more."""
    measuring, calls = module("measuring"), []

    measuring.interleaved({"a": lambda: calls.append(1)}, 9, budget=0.0, warm=False)

    assert len(calls) == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.34, "12.3 s"),
        (1.0, "1.00 s"),
        (0.9999, "1000 ms"),
        (0.0123, "12.3 ms"),
        (4.2e-4, "420 us"),
        (1e-7, "0.10 us"),
    ],
)
def test_durations(seconds, text):
    """Three digits in the unit that fits."""
    assert module("measuring").duration(seconds) == text


def test_a_spread_has_one_unit():
    """Median and minimum can be compared at a glance."""
    assert module("measuring").spread(times(1.2, 0.9, 1.3)) == "1.20/0.90 s"


def test_generated_models_are_sound(tmp_path):
    """Our reader opens them; a sparse one has one block in each tensor, a hole behind it, and takes no room."""
    files = module("model_files")
    from pvcheck.plugin import Source
    from pvcheck_q4k.gguf_file import GgufFile

    shape = files.Shape(512, 74)
    dense = files.write_model(tmp_path / "dense", files.down_tensors(3, shape), dense=True)
    sparse = files.write_model(tmp_path / "sparse", files.down_tensors(3, shape), dense=False)
    words = files.write_vocabulary(tmp_path / "words", 1000)

    assert sparse.stat().st_size == dense.stat().st_size
    assert sparse.stat().st_blocks * 512 < dense.stat().st_size / 10
    for path, filled in ((dense, True), (sparse, False)):
        with Source(str(path)) as source:
            file = GgufFile.open(source)
            for name, info in file.tensors.items():
                assert info.dims == (18944, 512)
                assert (
                    bytes(file.bytes_of(name, 0, 144))
                    == files.random_rows(shape if filled else files.Shape(1, 1))[0, 0].tobytes()
                )
                assert any(file.bytes_of(name, 144, info.size - 144)) == filled
    with Source(str(words)) as source:
        assert GgufFile.open(source).metadata["tokenizer.ggml.tokens"].count == 1000


def test_the_peak_of_a_process_and_its_child_is_their_sum():
    """Memory that a child holds counts with its parent's."""
    memory = module("memory")
    child = "import time; held = b'x' * 60_000_000; time.sleep(0.3)"
    parent = f"import subprocess, sys; held = b'x' * 50_000_000; subprocess.run([sys.executable, '-c', {child!r}])"

    found = memory.peaks([sys.executable, "-c", parent])

    assert 110e6 < found.anonymous < 170e6
    assert 60e6 < found.resident < 110e6
    assert found.seconds > 0.3


def test_a_mapped_file_is_resident_but_not_anonymous(tmp_path):
    """What the system can take back does not count."""
    memory = module("memory")
    file = tmp_path / "file"
    file.write_bytes(bytes(40_000_000))
    words = (
        f"import mmap, time; file = open({str(file)!r}, 'rb'); held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)"
    )

    found = memory.peaks([sys.executable, "-c", f"{words}; sum(held[::4096]); time.sleep(0.2)"])

    assert found.anonymous < 40e6
    assert found.resident > 40e6


def test_sizes_are_in_bytes():
    """The peak of this process is what the system tells it by another way."""
    told = module("memory").status(os.getpid())

    assert told["VmHWM"] == pytest.approx(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, rel=0.005)
    assert told["PPid"] == os.getppid()


@pytest.mark.parametrize(
    ("code", "evaluator", "status", "word"),
    [
        ("import time; time.sleep(0.2)", "q4k-chain", 1, "over limit"),
        ("raise SystemExit(9)", "q4k-chain", 1, "failed"),
        ("raise SystemExit(9)", "q4k-none", 0, "not measured"),
    ],
    ids=["over", "failed", "absent"],
)
def test_a_mode_that_is_not_below_the_limit_is_told(code, evaluator, status, word, monkeypatch, capsys):
    """Too much memory and a failing command make the status 1; an evaluator that is not there does not."""
    memory = module("memory")
    mode = memory.Mode("one", "a mode", lambda _: PAGE, lambda _: [sys.executable, "-c", code], evaluator)
    monkeypatch.setattr(memory, "LIMIT", 1000)
    monkeypatch.setattr(memory, "MODES", (mode,))

    found = memory.main([])

    out = capsys.readouterr().out
    assert found == status
    assert re.search(rf"^a mode .* {word}$", out, re.MULTILINE)
    assert re.search(rf"1 modes: 0 below the limit, .*1 {word.replace('over limit', 'over it')}", out)
    assert ("ended with 9" in out) == (word == "failed")
    assert ("one: not measured: no evaluator q4k-none" in out) == (word == "not measured")


def test_a_page_without_its_markers_is_not_written():
    """The marker stands once, with an end behind it; all else stays."""
    page = module("page")
    text = "a\n<!-- table: one -->\nold\n<!-- end -->\nb\n<!-- table: two -->\n<!-- end -->\n"

    assert page.replaced(text, "one", "new\n") == text.replace("old", "new")
    assert page.replaced(text, "two", "new\n").endswith("two -->\nnew\n<!-- end -->\n")
    for wrong in ("", text + text, text.replace("<!-- end -->", "")):
        with pytest.raises(ValueError, match="must have <!-- table: one --> once"):
            page.replaced(wrong, "one", "new\n")


@pytest.mark.parametrize("words", [["--rows", "none"], ["--write", "--quick"], ["--write", "--rows", "read"]])
def test_a_selection_that_makes_no_table_is_refused(words, capsys):
    """Nothing is measured for it."""
    with pytest.raises(SystemExit, match="2"):
        module("kernels").main(words)

    assert ("no such row" in capsys.readouterr().err) == (words[1] == "none")


def test_the_long_job_runs_what_it_names():
    """Every job of its header exists, each benchmark is one, and another word is refused."""
    script_ = ROOT / ".ci" / "long"
    text = script_.read_text()
    (listed,) = re.findall(r"^all=\((.+)\)$", text, re.MULTILINE)
    jobs = listed.split()

    done = subprocess.run([str(script_), "other"], capture_output=True, text=True, check=False)

    assert all(re.search(rf"^#   {name} ", text, re.MULTILINE) for name in jobs)
    assert {"startup", "memory", "kernels"} <= set(jobs)
    assert (done.returncode, "no job 'other'" in done.stderr) == (1, True)
