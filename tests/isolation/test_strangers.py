"""What comes before a measurement: plugins that cannot be loaded, that clash, that are slow, and names in contracts.

The numbers are those of the catalogue of tests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time

import pytest
from helpers import untraced
from host.demos import processes_of
from isolation.conftest import HEAD, LIGHT

from pvcheck.host import process

WHO = r"bad \(plugin bad of bad-dist 1\.0\): its implementation "


@pytest.mark.parametrize(
    ("heavy", "reason"),
    [
        ("raise ImportError('no')", WHO + r'"bad_heavy:measure" cannot be loaded: ImportError: no \(bad_heavy\.py:1\)'),
        ("import no_such_library", WHO + ".* cannot be loaded: ModuleNotFoundError: No module named .no_such_library"),
        ("", WHO + ".* cannot be loaded: AttributeError: module 'bad_heavy' has no attribute 'measure'"),
        ("def measure(): ...", WHO + "cannot be called with parameters and a context: too many positional arguments"),
        ("import os; os._exit(0)", "the worker ended with status 0 before it answered"),
    ],
    ids=["import", "dependency", "attribute", "signature", "exit"],
)
def test_080_a_heavy_half_that_cannot_be_loaded_costs_its_claims_only(lab, heavy, reason):
    """The claims of the other plugin are measured."""
    lab.misbehaves({"any": ""})
    lab.writes("bad_heavy", heavy)

    lab.ends({"any": ("error", reason)})


def test_080_a_light_half_that_cannot_be_loaded_is_listed_with_the_reason(lab):
    """Its claim is an error that says why; the list exits 3."""
    lab.claims(("F-any", "bad", ""))
    lab.writes("bad_light", "import no_such_library")

    lab.ends({"any": ("error", "the plugin bad is broken: ModuleNotFoundError: No module named 'no_such_library'")})

    status, out, _ = lab.pv("plugins", "list")
    assert status == 3
    assert "bad  bad-dist 1.0  BROKEN\n  ModuleNotFoundError: No module named 'no_such_library'\n" in out


def test_081_two_evaluators_of_one_name_stop_the_run(lab):
    """Both origins are named, and neither is used until the settings choose."""
    lab.installs("other-dist", "other = other_light")
    lab.writes("other_light", LIGHT.replace("NAME", "bad"))
    lab.claims(("F-any", "bad", ""))
    lab.writes("bad_heavy", HEAD)

    status, out, err = lab.pv("run")
    lab.settings(30, 'plugins = {choose = {bad = "other"}}\n')
    chosen = lab.run()

    assert (status, out) == (2, "")
    assert err.startswith('PV501 the evaluator "bad" is offered twice: by bad-dist 1.0 and by other-dist 1.0\n')
    assert chosen[0] == 0


def test_081_two_plugins_of_one_name_stop_the_run(lab):
    """Neither is imported."""
    lab.installs("other-dist", "bad = other_light")
    lab.writes("other_light", "raise AssertionError")
    lab.claims(("F-any", "bad", ""))

    status, _, err = lab.pv("run")

    assert status == 2
    assert err.startswith('PV504 the plugin "bad" is declared twice: by bad-dist 1.0 and other-dist 1.0\n')


def test_081_a_distribution_that_is_found_twice_counts_once(lab, tmp_path, monkeypatch):
    """Installed and in development: the first on the path is used, as by import."""
    monkeypatch.setattr(sys, "path", [str(lab.site), str(tmp_path / "again"), *sys.path])
    (tmp_path / "again").symlink_to(lab.site)
    lab.misbehaves({"any": "pass"})

    lab.ends({"any": ("held", "")})


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("(2, 0)", "written for plugin API 2.0, this pvcheck offers 1.0 to 1.2"),
        ("(1, 3)", "written for plugin API 1.3, this pvcheck offers 1.0 to 1.2"),
        ("(0, 9)", "written for plugin API 0.9, this pvcheck offers 1.0 to 1.2"),
        ("'1.0'", r"PV_API must be two numbers such as \(1, 0\), got \"'1.0'\""),
    ],
    ids=["too-new", "newer-minor", "too-old", "malformed"],
)
def test_082_a_plugin_for_another_api_is_refused(lab, stated, reason):
    """Both versions are printed, and the other plugin goes on."""
    lab.claims(("F-any", "bad", ""))
    lab.writes("bad_light", f"PV_API = {stated}\n" + LIGHT.replace("NAME", "bad"))

    lab.ends({"any": ("error", f"the plugin bad is broken: {reason}")})


def started(lab, *words):
    """Run the command line as a process of its own; return its seconds and its exit status."""
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "pvcheck", *words], cwd=lab.root, stdout=subprocess.DEVNULL, check=False
    )
    return time.perf_counter() - began, ended.returncode


@pytest.mark.parametrize("words", [["validate"], ["--help"], ["status"], ["--version"]], ids=" ".join)
def test_083_a_command_that_measures_nothing_imports_no_plugin(lab, words):
    """A light half that takes five seconds, and tells that it was loaded, is not loaded."""
    seen = lab.root / "seen"
    lab.claims()
    lab.pv("schema", "--plugins", "--write")
    lab.writes("bad_light", f"open({str(seen)!r}, 'w').close()\nimport time; time.sleep(5)")

    seconds, status = started(lab, *words)

    assert status == 0
    assert not seen.exists()
    assert seconds < 4


def test_083_the_number_of_plugins_costs_a_hook_nothing(lab):
    """Thirty take the same time as two: pairs of runs in turn, the median of their ratios, three tries."""
    lab.claims()
    lab.pv("schema", "--plugins", "--write")
    many = lab.root.parent / "many"
    many.mkdir()
    for number in range(30):
        info = many / f"more_{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: more-{number}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[pvcheck.plugins]\nmore{number} = more_{number}_light\n")
        (many / f"more_{number}_light.py").write_text(f"open({str(many / 'seen')!r}, 'w').close()\n")
    few, all_of_them = os.environ["PYTHONPATH"], f"{many}{os.pathsep}{os.environ['PYTHONPATH']}"

    def ratio():
        ratios = []
        for _ in range(8):
            seconds = []
            for path in (few, all_of_them):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("PYTHONPATH", path)
                    seconds.append(started(lab, "validate")[0])
            ratios.append(seconds[1] / seconds[0])
        return statistics.median(ratios)

    best = next((found for found in (ratio() for _ in range(3)) if found < 1.15), None)

    assert best is not None
    assert not (many / "seen").exists()


@pytest.mark.parametrize(
    "text",
    [b"no section", b"[console_scripts]\nno equals sign", b"\xff\xfe\x00", b"[pvcheck.plugins\n", b"[a]\n" * 100_000],
    ids=["no-section", "no-sign", "bytes", "open", "long"],
)
def test_084_a_malformed_declaration_of_another_distribution_is_nobodys_business(lab, text):
    """The run goes on as if it were not there."""
    lab.installs("unrelated-dist", "")
    (lab.site / "unrelated_dist-1.0.dist-info" / "entry_points.txt").write_bytes(text)
    lab.misbehaves({"any": "pass"})

    lab.ends({"any": ("held", "")})


IMPORTED = """
import sys
wanted = {"evil", "os.system", "subprocess", "bad_light", "bad_heavy", "x", "ctypes"}
def hook(event, arguments):
    if event == "import" and arguments[0] in wanted:
        print("IMPORTED", arguments[0])
    starts = event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
    if starts and "git" not in str(arguments):
        print("STARTED", event, arguments)
sys.addaudithook(hook)
from pvcheck.cli import main
sys.argv = ["pv", "validate"]
main()
"""


@pytest.mark.parametrize(
    "name", ["os.system", "subprocess:call", "./evil.py", "x.__globals__", "Bad", "bad_heavy:measure", "../bad", ""]
)
def test_085_the_name_of_an_evaluator_is_a_name_and_nothing_else(lab, name):
    """Validation refuses it at its place, without importing or starting anything; so does a run."""
    (lab.root / "evil.py").write_text("raise SystemExit(0)")
    lab.claims(("F-any", f"'{name}'", ""))
    lab.pv("schema", "--plugins", "--write")

    ended = subprocess.run([sys.executable, "-c", IMPORTED], cwd=lab.root, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "contracts/c.yaml:20:14: PV2" in ended.stdout
    assert "IMPORTED" not in ended.stdout
    assert "STARTED" not in ended.stdout
    assert lab.pv("run")[0] == 1


def test_086_a_plugin_that_was_altered_after_its_installation_is_told(lab):
    """The doctor compares the files with the digests that the installer wrote; a run believes them."""
    record = lab.site / "bad_dist-1.0.dist-info" / "RECORD"
    module = lab.site / "bad_light.py"
    digest = base64.urlsafe_b64encode(hashlib.sha256(module.read_bytes()).digest()).decode().rstrip("=")
    record.write_text(f"bad_light.py,sha256={digest},\nbad_heavy.py,sha256={digest},\ngone.py,sha256={digest},\n")
    lab.pv("schema", "--plugins", "--write")

    status, out, _ = lab.pv("plugins", "doctor")

    assert status == 3
    assert "bad-dist is not what was installed: 2 files\n  bad_heavy.py was changed\n  gone.py is missing\n" in out
    assert "  hint: pip install --force-reinstall --no-deps bad-dist\n" in out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("level: 1, lvel: 1", '21:20: PV306 bad has no parameter "lvel" (did you mean level?)'),
        ("case: a", "20:14: PV306 bad needs the parameter 'level'"),
        ("level: 10", "21:17: PV306 "),
        ("level: one", "21:17: PV306 "),
        ("level: 1, case: 1", "21:26: PV306 "),
    ],
    ids=["unknown", "missing", "out-of-range", "text", "number"],
)
def test_087_a_wrong_parameter_is_refused_before_anything_starts(lab, monkeypatch, given, message):
    """The catalogue is enough for it: no process is started and nothing is measured."""
    lab.writes("bad_light", LIGHT.replace("NAME", "bad").replace("Field(default=0, ge=0", "Field(ge=0"))
    lab.claims(("F-any", "bad", given))
    lab.pv("schema", "--plugins", "--write")
    monkeypatch.setattr(process.subprocess, "Popen", None)

    status, out, _ = lab.pv("run")

    assert status == 1
    assert f"contracts/c.yaml:{message}" in out
    assert "1 error" in out


def test_087_without_a_catalogue_the_plugin_itself_refuses(lab):
    """The worker asks its model before it loads what measures."""
    lab.misbehaves({"any": "raise AssertionError"}, ", level: 10, other: 1")
    lab.pv("schema", "--plugins", "--write")
    path = lab.root / "schemas" / "evaluators.json"
    table = json.loads(path.read_text())
    del table["evaluators"]["bad"]
    path.write_text(json.dumps(table))

    status, found = lab.run()

    assert status == 3
    assert found["F-any"][0] == "error"
    assert (
        "refuses the parameters: level: Input should be less than or equal to 9; other: Extra inputs"
        in (found["F-any"][1])
    )


def test_an_interrupt_ends_a_run_within_a_second(lab):
    """The evaluation is asked to stop, and may tidy up; nothing of it is left."""
    began, tidied = lab.root / "began", lab.root / "tidied"
    lab.misbehaves(
        {
            "slow": f"""
            Path({str(began)!r}).touch()
            subprocess.Popen(["sleep", "64"], start_new_session=True)
            try:
                while True:
                    context.check()
                    time.sleep(0.01)
            except Cancelled:
                Path({str(tidied)!r}).touch()
                raise
            """
        }
    )
    pv = subprocess.Popen(
        [sys.executable, "-m", "pvcheck", "run"],
        cwd=lab.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=untraced(TMPDIR=str(lab.root.parent / "temporary")),
    )
    deadline = time.monotonic() + 20
    while not began.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    pressed = time.monotonic()

    pv.send_signal(signal.SIGINT)
    out, err = pv.communicate(timeout=20)

    assert time.monotonic() - pressed < 1.5  # a second, and the end of the interpreter on a busy machine
    assert (pv.returncode, err.strip()) == (130, b"interrupted")
    assert out.endswith(b"\ninterrupted after 1 of 3 falsifiers, no contract written\n")
    assert tidied.exists()
    assert processes_of(lab.site) == []
