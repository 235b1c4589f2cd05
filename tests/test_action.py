"""The action: linted, safe for forks, and each step run by a shell with the variables that a runner gives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import CONTRACT

ROOT = Path(__file__).resolve().parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
INSTALL, RUN = ACTION["runs"]["steps"]
BIN = Path(sys.executable).parent
ZIZMOR = BIN / "zizmor"
USED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
EVIL = "$(touch pwned)`touch pwned`\"'; touch pwned #"


class Runner:
    """A machine with a folder of its own, and a checkout that the steps run in."""

    def __init__(self, place):
        self.work, self.temp = place / "work", place / "temp"
        self.output, self.summary = place / "output", place / "summary"
        for each in (self.work, self.temp):
            each.mkdir()
        self.output.touch()

    def step(self, step, *, base="", **given):
        """Run one step with these inputs, and return its status and what it said."""
        inputs = {name: each.get("default", "") for name, each in ACTION["inputs"].items()} | given
        told = {key: USED.sub(lambda match: inputs[match[1].strip()[7:]], value) for key, value in step["env"].items()}
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temp),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_BASE_REF": base,
        }
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.work,
            env=variables | told,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def outputs(self):
        """What the steps gave to those after them."""
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())

    def git(self, *words):
        """Run git in the checkout."""
        who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
        subprocess.run(["git", *who, *words], cwd=self.work, check=True, capture_output=True)


@pytest.fixture
def runner(tmp_path):
    """Give a machine on which pvcheck is installed, and a checkout with one contract and its base."""
    made = Runner(tmp_path)
    for name in ("pvcheck-validate", "pvcheck-q4k"):
        place = made.temp / name / "bin"
        place.mkdir(parents=True)
        (place / "pv").symlink_to(BIN / "pv")
    (made.work / "contracts").mkdir()
    (made.work / "contracts" / "c.yaml").write_text(CONTRACT)
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-qm", "base")
    made.git("update-ref", "refs/remotes/origin/main", "HEAD")
    return made


def test_no_script_has_text_of_others_in_it():
    """Inputs reach a script as variables of its environment."""
    for step in ACTION["runs"]["steps"]:
        assert USED.findall(step["run"]) == []
        assert {each.strip().split(".")[0] for value in step["env"].values() for each in USED.findall(value)} == {
            "inputs"
        }


def test_it_uses_no_other_action_and_no_secret():
    """What is not used cannot be changed by others; uploading is for the workflow to say."""
    text = (ROOT / "action.yml").read_text()

    assert ACTION["runs"]["using"] == "composite"
    assert [step for step in ACTION["runs"]["steps"] if "uses" in step] == []
    assert not re.search(r"secrets\.|github\.token|GITHUB_TOKEN|GITHUB_ENV|GITHUB_PATH|curl|wget", text)


def test_every_input_is_used_and_every_output_is_given():
    """And each is explained."""
    used = {each.strip() for step in ACTION["runs"]["steps"] for each in USED.findall(str(step["env"]))}

    assert used == {f"inputs.{name}" for name in ACTION["inputs"]}
    assert all(each["description"] for each in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))
    for name, each in ACTION["outputs"].items():
        assert each["value"] == f"${{{{ steps.{RUN['id']}.outputs.{name} }}}}"


@pytest.mark.skipif(not ZIZMOR.exists(), reason="zizmor is not installed")
def test_the_linter_of_actions_finds_nothing(tmp_path):
    """Not even what it calls pedantic; and it finds what is planted."""
    bad = tmp_path / "action.yml"
    bad.write_text((ROOT / "action.yml").read_text().replace('cd "$RUNNER_TEMP"', 'cd "${{ inputs.paths }}"'))
    lint = [str(ZIZMOR), "--offline", "--persona=pedantic", "--no-progress"]

    good, planted = (
        subprocess.run([*lint, each], capture_output=True, text=True, check=False)
        for each in (ROOT / "action.yml", bad)
    )

    assert good.returncode == 0, good.stdout
    assert "template-injection" in planted.stdout


@pytest.mark.parametrize("lock", ["requirements-validate.lock", "requirements.lock"])
def test_the_locks_that_it_installs_have_hashes(lock):
    """And the one for checking holds no numerical library, and the same versions as the other."""
    pins = re.findall(
        r"^([a-z0-9-]+==\S+)(?: ;[^\\\n]*)? \\\n    --hash=sha256:", (ROOT / lock).read_text(), re.MULTILINE
    )
    every = re.findall(r"^[a-z0-9-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE)

    assert lock in INSTALL["run"]
    assert pins == every
    assert set(every) <= set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    if "validate" in lock:
        assert {each.partition("==")[0] for each in every} & {"numpy", "numba", "llvmlite", "gguf"} == set()


def test_installing_twice_is_installing_once(runner):
    """What is there is used; Python files of the checkout are not."""
    for name in ("venv.py", "pip.py", "sitecustomize.py"):
        (runner.work / name).write_text("open('pwned', 'w')")

    status, told = runner.step(INSTALL, python=sys.executable)

    assert (status, told) == (0, "")
    assert not (runner.work / "pwned").exists()


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        pytest.param({"extras": "q5k"}, "extras must be q4k or nothing", id="extras"),
        pytest.param({"extras": EVIL}, "extras must be q4k or nothing", id="hostile"),
        pytest.param({"python": "false"}, "Python 3.11 or newer is needed", id="python"),
        pytest.param({"version": "9.9.9"}, "version is not the one that was asked for: this action has", id="version"),
    ],
)
def test_what_cannot_be_installed_is_refused(runner, inputs, why):
    """With an annotation that says why."""
    status, told = runner.step(INSTALL, **({"python": sys.executable} | inputs))

    assert status == 2
    assert told.startswith(f"::error title=pvcheck::{why}")
    assert not (runner.work / "pwned").exists()


def test_nothing_of_a_stranger_is_run_to_install(runner, tmp_path):
    """An environment that is not there is made by the Python that was named, isolated and outside of the checkout."""
    shutil.rmtree(runner.temp / "pvcheck-validate")
    log = tmp_path / "log"
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\necho "$PWD $@" >> {log}\n'
        '[ "$3" != venv ] || { mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; cp "$0" "$4/bin/pv"; }\n'
    )
    python.chmod(0o755)

    status, told = runner.step(INSTALL, python=str(python))

    assert status == 0, told
    lines = log.read_text().splitlines()
    assert all(line.startswith(f"{runner.temp} ") for line in lines)
    calls = [line.partition(" ")[2] for line in lines]
    assert [each for each in calls if not each.startswith("-I ")] == ["--version"]
    locked, own = (each for each in calls if " -m pip " in f" {each}")
    assert f"--require-hashes --only-binary :all: -r {ROOT}/requirements-validate.lock" in locked
    assert own.endswith(f"--no-deps --no-build-isolation {ROOT}")


def test_a_change_is_compared_with_its_base(runner):
    """Annotations, a summary, reports, the status: a weakened bound under the same version stops it."""
    path = runner.work / "contracts" / "c.yaml"
    path.write_text(path.read_text().replace("- id: F-1\n  rule", "- id: F-1\n  Rule"))

    status, told = runner.step(RUN, base="main", reports="sarif junit\n json markdown")

    assert status == 1, told
    assert told.startswith("::error file=contracts/c.yaml,line=")
    assert "; against origin/main (" in told
    assert runner.outputs["exit-status"] == "1"
    assert json.loads(Path(runner.outputs["json"]).read_text())["exit_status"] == 1
    for name in ("sarif", "junit", "markdown"):
        assert Path(runner.outputs[name]).stat().st_size > 100
        assert Path(runner.outputs[name]).is_relative_to(runner.temp)
    assert runner.summary.read_text().startswith("### ❌ pv validate\n")


def test_a_good_change_passes(runner):
    """And no report is written that nobody asked for."""
    status, told = runner.step(RUN, base="main", paths="\ncontracts\n")

    assert (status, runner.outputs) == (0, {"exit-status": "0"}), told
    assert [each.name for each in runner.temp.glob("pvcheck-reports.*/*")] == []


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param({"paths": EVIL}, id="paths"),
        pytest.param({"paths": "--report=json=pwned"}, id="an-option"),
        pytest.param({"against": EVIL}, id="against"),
        pytest.param({"command": EVIL}, id="command"),
        pytest.param({"command": "cache"}, id="another-command"),
        pytest.param({"reports": f"json {EVIL}"}, id="reports"),
        pytest.param({"reports": "summary"}, id="another-report"),
        pytest.param({"against": ""}, id="nothing"),
    ],
)
def test_hostile_inputs_are_words_and_nothing_else(runner, inputs):
    """None is run, and each ends with a status that is not green."""
    status, told = runner.step(RUN, base="main", **inputs)

    assert status in {2, 4}, told
    assert not list(runner.work.rglob("pwned*")) + list(runner.temp.rglob("pwned*"))


@pytest.mark.parametrize(
    ("inputs", "base", "words"),
    [
        pytest.param({}, "main", "--against=origin/main", id="pull-request"),
        pytest.param({"against": "v1"}, "main", "--against=v1", id="named"),
        pytest.param({"against": "none"}, "main", "", id="none"),
        pytest.param({}, "", None, id="no-pull-request"),
    ],
)
def test_a_run_takes_its_settings_from_the_base(runner, inputs, base, words):
    """Unless somebody asks for those of the change by name."""
    pv = runner.temp / "pvcheck-q4k" / "bin" / "pv"
    pv.unlink()
    pv.write_text(f'#!/bin/sh\necho "$@" > {runner.temp}/said\nexit 3\n')
    pv.chmod(0o755)

    status, told = runner.step(RUN, base=base, command="run", extras="q4k", paths="a b.yaml\nc.yaml", **inputs)

    said = runner.temp / "said"
    if words is None:
        assert (status, said.exists()) == (2, False)
        assert told.startswith("::error title=pvcheck::this is no pull request")
    else:
        assert (status, runner.outputs["exit-status"]) == (3, "3")
        expected = ["run --format=github", words, f"--report=summary={runner.summary} -- a b.yaml c.yaml"]
        assert said.read_text().split() == " ".join(expected).split()


@pytest.mark.skipif(not ZIZMOR.exists(), reason="zizmor is not installed")
def test_the_workflow_of_the_docs_is_safe(tmp_path):
    """What people copy: pinned, without write permission, on pull_request; and its inputs are those of the action."""
    page = (ROOT / "docs" / "how-to-pre-merge.md").read_text()
    text = re.search(r"```yaml\n(# \.github/workflows/.*?)```", page, re.DOTALL)[1]
    place = tmp_path / ".github" / "workflows" / "contracts.yml"
    place.parent.mkdir(parents=True)
    place.write_text(text.replace("REVISION", "0" * 40))

    lint = [str(ZIZMOR), "--offline", "--persona=pedantic", "--no-progress", place]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert job["steps"][-1]["with"].keys() <= ACTION["inputs"].keys()


def test_the_formats_of_the_docs_are_those_of_the_command():
    """In the order of the help."""
    from pvcheck.cli.formats import MACHINES

    page = (ROOT / "docs" / "how-to-pre-merge.md").read_text()

    table = page.partition("| format | for |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z]+)` \| ", table, re.MULTILINE) == list(MACHINES)
