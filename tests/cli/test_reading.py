"""The commands that are there to read: schema, explain, plugins, status, help and version."""

from __future__ import annotations

import json
import sys

import pytest

from pvcheck import __version__
from pvcheck.cli import COMMANDS, EXITS, cli


def test_schema_prints_the_schema_of_contracts(pv, checkout):
    """The shipped file, byte for byte."""
    status, out, _ = pv("schema")

    assert status == 0
    assert out == (checkout / "schemas" / "contract-1.schema.json").read_text()


def test_schema_prints_the_schema_of_upstream(pv, checkout):
    """For files without metadata.schema."""
    status, out, _ = pv("schema", "--upstream")

    assert status == 0
    assert out == (checkout / "schemas" / "upstream.schema.json").read_text()


def test_schema_of_plugins_lists_installed_evaluators(project, pv):
    """Parameters as JSON Schema, metrics by type; --write puts the same text into the repository."""
    (project.root / "schemas" / "evaluators.json").unlink()

    status, out, _ = pv("schema", "--plugins")
    written = pv("schema", "--plugins", "--write")

    probe = json.loads(out)["evaluators"]["probe"]
    assert status == 0
    assert sorted(probe["parameters"]["properties"]) == ["layers", "model"]
    assert [metric["name"] for metric in probe["metrics"]] == ["growth", "count", "steps", "same"]
    assert written == (0, f"wrote {project.root}/schemas/evaluators.json\n", "")
    assert (project.root / "schemas" / "evaluators.json").read_text() == out


def test_schema_write_without_plugins_exits_2(project, pv):
    """The other schemas ship with pvcheck."""
    before = project.state()

    status, out, err = pv("schema", "--write")

    assert (status, out) == (2, "")
    assert "--write goes with --plugins and --editor: the other schemas ship with pvcheck" in err
    assert project.state() == before


def test_schema_of_plugins_leaves_out_what_settings_disable(project, pv):
    """The catalogue is that of the project."""
    (project.root / "pv.toml").write_text('plugins = {disable = ["probe"]}\n')

    assert "probe" not in json.loads(pv("schema", "--plugins")[1])["evaluators"]


@pytest.mark.parametrize("code", ["PV101", "pv101"])
def test_explain_prints_the_page_of_a_code(pv, checkout, code):
    """Case does not count."""
    status, out, err = pv("explain", code)

    assert (status, err) == (0, "")
    assert out == (checkout / "pvcheck" / "explain" / "PV101.md").read_text()


def test_explain_prints_the_page_of_an_evaluator(pv, checkout, monkeypatch):
    """Parameters and metrics as the catalogue has them, and what makes it special."""
    monkeypatch.chdir(checkout)

    status, out, err = pv("explain", "arithmetic")

    assert (status, err) == (0, "")
    assert out.startswith("# arithmetic\n\nComputes a product, a quotient and a power of numbers")
    assert "Plugin general of pv-contracts, version 1.0.0; measures on cpu.\n" in out
    assert "| with | must be | means |\n| --- | --- | --- |\n| `" in out
    assert "| `numbers` | object | numbers by name |\n" in out
    assert "| `residual_against_over_product` | f64 | " in out


def test_explain_prints_the_page_of_a_plugin(probe, pv):
    """A plugin explains its own codes."""
    assert pv("explain", "probe-1") == (0, "# PROBE-1 the file holds no numbers\n", "")


@pytest.mark.parametrize("code", ["PV999", "nonsense", "../PV101", ""])
def test_explain_of_an_unknown_code_exits_2(pv, code):
    """The message says where codes stand."""
    hint = "pv explain alone lists what has one; codes stand in messages, such as PV207 or GGUF-ALIGN"

    assert pv("explain", code) == (2, "", f'PV704 there is no page about "{code}"\n  hint: {hint}\n')


def test_plugins_list_shows_a_broken_plugin_with_its_reason(probe, pv, tmp_path, monkeypatch):
    """It exits 3, and the others are shown all the same."""
    (probe / "probe_light.py").write_text("import nothing_of_the_kind\n")
    sys.modules.pop("probe_light", None)
    monkeypatch.chdir(tmp_path)

    status, out, err = pv("plugins", "list")

    assert (status, err) == (3, "")
    assert "q4k  pv-contracts " in out
    assert "probe  probe-dist 1.0  BROKEN\n  ModuleNotFoundError: No module named 'nothing_of_the_kind'\n" in out
    assert out.endswith("; 1 broken\n")


def test_plugins_list_shows_each_evaluator_under_its_plugin(project, pv):
    """Two plugins, each with what it offers."""
    _, out, _ = pv("plugins", "list")

    lines = out.splitlines()
    ours, theirs = (lines.index(next(line for line in lines if line.startswith(name))) for name in ("probe", "q4k"))
    assert [index > theirs for index, line in enumerate(lines) if line.startswith("  q4k-chain ")] == [True]
    assert lines[ours + 1] == "  probe 1: Reports what a file says."


def test_status_exits_0_however_the_statuses_stand(project, pv):
    """`pv validate` is the gate; status shows the same findings."""
    project.edit("status: PENDING\n- id: F-2", "status: DISCHARGED\n- id: F-2")

    assert pv("validate")[0] == 1
    status, out, _ = pv("status")

    assert status == 0
    assert "  F-1  DISCHARGED   probe  no evidence  stale\n    18:11 PV401 " in out


def test_status_of_a_file_that_cannot_be_read_shows_why(project, pv):
    """The findings stand where the statuses would."""
    project.contract.write_text("a: [")

    status, out, _ = pv("status")

    assert status == 0
    assert out.startswith("  contracts/c.yaml:1:5: PV110 ")


def test_status_marks_a_contract_without_a_schema(project, pv):
    """What it claims was never measured."""
    project.contract.write_text("metadata: {version: '1.0'}\nfalsification_tests:\n- {id: A, if_fails: x}\n")

    _, out, _ = pv("status")

    assert out.startswith("contracts/c.yaml  ?  -  contracts/c.yaml  (no metadata.schema: claimed, not measured)\n")
    assert "  A  -            unbound\n" in out


def test_help_names_every_command_and_exit_status(pv):
    """The list is the table of the code."""
    status, out, _ = pv("--help")

    assert (status, pv("-h")) == (0, (0, out, ""))
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert [line.strip() for line in EXITS.splitlines() if line.strip() and line != "\b"] == [
        line.strip() for line in out[out.index("  Exit status:") :].splitlines()
    ]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_in_sentences(pv, name):
    """It says what the command does before its options."""
    status, out, _ = pv(name, "--help")

    words = out.split("\n\n")[1].split()
    assert status == 0
    assert words[0][0].isupper()
    assert out.split("\n\n")[1].rstrip().endswith(".")


def test_the_table_of_commands_says_what_each_says_of_itself():
    """Name and first sentence, which the list of commands shows without importing any."""
    with cli.make_context("pv", ["--help"], resilient_parsing=True) as context:
        found = {name: cli.get_command(context, name) for name in COMMANDS}

        assert cli.get_command(context, "nope") is None
    assert {name: command.name for name, command in found.items()} == {name: name for name in COMMANDS}
    assert {name: " ".join(each.help.split("\n\n")[0].split()) for name, each in found.items()} == {
        name: sentence for name, (_, sentence) in COMMANDS.items()
    }


def test_version_names_the_product(pv):
    """One line."""
    assert pv("--version") == (0, f"pv {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["nope"], "No such command 'nope'.", id="command"),
        pytest.param(["validate", "--nope"], "No such option '--nope'.", id="option"),
        pytest.param(["--nope"], "No such option '--nope'.", id="global option"),
        pytest.param(["validate", "--format", "xml"], "'xml' is not one of 'full', 'concise', 'json',", id="format"),
        pytest.param(["validate", "--fail-on", "note"], "'note' is not one of 'error', 'warning'.", id="fail-on"),
        pytest.param(["run", "--device", "tpu"], "'tpu' is not one of", id="device"),
        pytest.param(["run", "--seed", "-1"], "-1 is not in the range 0<=x<=4294967295.", id="seed"),
        pytest.param(["run", "--input", "=x"], "write NAME=PATH", id="input"),
        pytest.param(["measure"], "Missing argument 'EVALUATOR'.", id="argument"),
        pytest.param(["plugins", "nope"], "No such command 'nope'.", id="subcommand"),
    ],
)
def test_wrong_usage_exits_2_and_says_what(pv, words, told):
    """On standard error, with the usage above."""
    status, out, err = pv(*words)

    assert (status, out) == (2, "")
    assert err.startswith("Usage: pv ")
    assert told in err


@pytest.mark.parametrize("words", [[], ["plugins"]])
def test_a_group_without_a_command_shows_its_help(pv, words):
    """It exits 2, because nothing was done."""
    status, _, err = pv(*words)

    assert status == 2
    assert "Commands:\n" in err
