"""Completion: what is proposed, how light that is, and that real shells do it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.terminals import Terminal
from helpers import CONTRACT
from test_imports import TRACE, heavy, python

from pvcheck.cli import COMMANDS, completion

PROGRAM = Path(sys.executable).parent / "pv"


@pytest.fixture
def place(tmp_path):
    """Make a project with a contract."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "growth.yaml").write_text(CONTRACT)
    (tmp_path / "pv.toml").touch()
    return tmp_path


def completed(folder, line, shell="bash"):
    """Return what a shell would be answered for the last word of a line."""
    words = line.split(" ")
    number = str(len(words) - 1) if shell != "fish" else words[-1]
    asked = {"COMP_WORDS": line, "COMP_CWORD": number, "_PV_COMPLETE": f"{shell}_complete"}
    done = subprocess.run([PROGRAM], cwd=folder, env=os.environ | asked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def words(folder, line):
    """Return the words among them."""
    return [word.removeprefix("plain,") for word in completed(folder, line)]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        pytest.param("pv ex", ["explain"], id="a command"),
        pytest.param("pv new ", ["contract", "falsifier", "plugin"], id="a command of a command"),
        pytest.param("pv explain PV60", [f"PV60{number}" for number in range(1, 7)], id="codes"),
        pytest.param("pv explain car", ["carry"], id="a guard"),
        pytest.param("pv explain disch", ["DISCHARGED"], id="a status, in small letters"),
        pytest.param("pv explain 13", ["130"], id="an exit status"),
        pytest.param("pv explain text", ["text-match"], id="an evaluator"),
        pytest.param("pv measure q4k-c", ["q4k-chain", "q4k-chained-matvec"], id="evaluators to measure with"),
        pytest.param("pv new contract --evaluator tr", ["trace-std"], id="evaluators to write with"),
        pytest.param("pv explain C-", ["C-TEST"], id="the id of a contract"),
        pytest.param("pv run -k F", ["F-1", "F-2"], id="the id of a falsifier"),
        pytest.param("pv completion ", ["bash", "fish", "zsh"], id="shells"),
        pytest.param("pv explain nothing-like-it", [], id="nothing"),
    ],
)
def test_names_are_completed(place, line, wanted):
    """Codes, words, evaluators and ids that begin as typed, each once and in order."""
    assert words(place, line) == wanted


def test_every_command_is_proposed(place):
    """From the table."""
    assert words(place, "pv ") == list(COMMANDS)


def test_paths_are_left_to_the_shell(place):
    """It knows files better."""
    assert completed(place, "pv run con") == ["file,con"]


@pytest.mark.parametrize("broken", ["pv.toml", "schemas/evaluators.json"])
def test_what_cannot_be_read_completes_to_nothing(place, broken):
    """No message appears between the words that somebody types."""
    (place / "schemas").mkdir()
    (place / broken).write_text("= [")

    assert words(place, "pv measure te") == []


@pytest.mark.parametrize("line", ["pv ", "pv explain F", "pv run -k F", "pv measure te"])
def test_completing_imports_no_plugin_and_nothing_heavy(place, line):
    """Whoever presses a key must not wait: where a command is named its own module is loaded, and no other."""
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_PV_COMPLETE": "bash_complete"}

    status, modules, _ = python(TRACE, folder=place, **asked)

    assert status == 0
    assert {each for each in modules if each.partition(".")[0] in {"pvcheck_general", "pvcheck_q4k", "numpy"}} == set()
    if "-k" not in line and "measure" not in line:
        assert heavy(modules) | (set(modules) & {"yaml", "jsonschema_rs", "pvcheck.host"}) == set()


def test_the_second_name_completes_itself_alone(pv, monkeypatch):
    """Where the first name is another program, nothing of it is touched."""
    monkeypatch.setattr("sys.argv", ["/usr/bin/pvcheck"])

    scripts = {shell: pv("completion", shell)[1] for shell in completion.SCRIPTS}

    assert "complete -F _pv_completion pvcheck\n" in scripts["bash"]
    assert "#compdef pvcheck\n" in scripts["zsh"]
    assert "for name in pvcheck\n" in scripts["fish"]


def shell(name, place):
    """Start a shell in which completion is switched on, as the help of the command says."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"there is no {name} here")
    variables = {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(place), "PS1": "$ "}
    options = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}[name]
    begin = {
        "bash": 'eval "$(pv completion bash)"',
        "zsh": 'autoload -U compinit; compinit -u -D; eval "$(pv completion zsh)"',
        "fish": "pv completion fish | source",
    }[name]
    terminal = Terminal([program, *options], place, variables | {"XDG_CONFIG_HOME": str(place)})
    terminal.type(f"{begin}; echo rea''dy\n")
    terminal.until("ready")
    return terminal


@pytest.mark.parametrize("name", ["bash", "fish", "zsh"])
def test_a_real_shell_completes(place, name):
    """A command, a code, an id with hyphens in it and a file, under both names of the command."""
    with shell(name, place) as terminal:
        for program in completion.NAMES:
            for typed, whole in [
                ("compl", "completion "),
                ("explain PV60", "PV606"),
                ("explain C-T", "C-TEST "),
                ("run contracts/gr", "owth.yaml"),
            ]:
                start = len(terminal.seen)
                terminal.type(f"{program} {typed}\t\t")
                terminal.until(whole, start)
                terminal.type("\x15")
