"""``pv measure``: words become parameters, and a measurement comes back without a contract."""

from __future__ import annotations

import json
import re
import sys

import pytest

from pvcheck.errors import ConfigError
from pvcheck.pipeline.measuring import parameters_of

SOUND = {"metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]}}
WORDS = ("measure", "probe", "model=model", "--input", "model=data.json")


@pytest.fixture
def data(tmp_path, probe, monkeypatch):
    """Stand in a folder with settings, and say what the probe reports."""
    for module in ("probe_light", "probe_heavy"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pv.toml").write_text('evaluators = []\nplugins = {disable = ["q4k", "general"]}\n')

    def write(told: object, **heavy: str) -> None:
        (tmp_path / "data.json").write_text(json.dumps(told))
        for old, new in heavy.items():
            text = (probe / "probe_heavy.py").read_text()
            (probe / "probe_heavy.py").write_text(text.replace({"line": '    if "sleep" in told:'}[old], new))

    write(SOUND)
    return write


@pytest.mark.parametrize("how", [(), ("--in-process",)])
def test_the_table_the_scalars_and_the_guards_are_told(pv, data, how):
    """Decimals in full, bits and units; the same from a worker and from this process."""
    data(SOUND | {"condition": 1449.0, "skip": True, "notes": ["half of the layers"]})

    status, out, err = pv(*WORDS, *how)

    assert (status, err) == (0, "")
    assert re.sub(r"\d+ ms", "N ms", out) == (
        "probe 1  probe-dist 1.0\n"
        "  measured      N ms, python\n"
        "               steps        bits\n"
        "      layer 0      1  0x3f800000\n"
        "      layer 1   -2.5  0xc0200000\n"
        "      growth   1.5  0x3ff8000000000000\n"
        "      count      4\n"
        "      same    true\n"
        "      skipped layer 9: it is not there\n"
        "      half of the layers\n"
        "      PV603 conditioning: growth divides by a sum that cancels: condition number 1449, backward error 0.0001\n"
        "4 of 4 metrics; 1 skipped; 1 mark of guards\n"
    )


def test_a_series_without_labels_is_told_by_its_beginning(pv, data):
    """Eight numbers and how many there are."""
    data(
        {"metrics": {"growth": 1.0, "steps": [float(each) for each in range(10)]}},
        line='    if told["metrics"]["steps"][2:]:\n'
        '        return Measurement(metrics={"steps": tuple(told["metrics"]["steps"])}, backend="python")\n'
        '    if "sleep" in told:',
    )

    _, out, _ = pv(*WORDS)

    assert "      steps  0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, ...  (10)\n" in out


def test_numbers_that_no_bound_could_judge_exit_3(pv, data):
    """They are shown, and the last line names the guard."""
    data({"metrics": {"growth": "nan"}})

    status, out, _ = pv(*WORDS)

    assert status == 3
    assert out.endswith("1 of 4 metrics; 0 skipped; 1 mark of guards; invalid: finite\n")


@pytest.mark.parametrize(
    ("told", "line"),
    [
        pytest.param({"absent": "no device"}, "  not measured  no device\n", id="not measured"),
        pytest.param(
            {"fail": "no"},
            "  error         PV510 probe (plugin probe of probe-dist 1.0): "
            "raised RuntimeError: no (probe_heavy.py:13)\n",
            id="an exception",
        ),
        pytest.param({"sleep": 20}, "  timeout       no answer within 1 s\n", id="timeout"),
    ],
)
def test_no_numbers_exit_3_with_the_reason(pv, data, tmp_path, told, line):
    """The time limit is that of the settings."""
    data(told)
    (tmp_path / "pv.toml").write_text('timeout = 1\nplugins = {disable = ["q4k", "general"]}\n')

    status, out, _ = pv(*WORDS)

    assert (status, out) == (3, f"probe 1  probe-dist 1.0\n{line}")


@pytest.mark.parametrize(
    ("told", "line", "code"),
    [
        pytest.param({"fail": "no"}, "raised RuntimeError: no", "PV510", id="an exception"),
        pytest.param({"metrics": {"more": 1}}, 'raised BadResult: bad result: metric "more" is not declared', "PV513",
                     id="a bad result"),
    ],
)  # fmt: skip
def test_in_this_process_the_traceback_is_shown(pv, data, told, line, code):
    """On standard error, with the place in the plugin; the verdict is on standard output."""
    data(told)

    status, out, err = pv(*WORDS, "--in-process")

    assert (status, out) == (3, f"probe 1  probe-dist 1.0\n  error         {code} probe: {line}\n")
    assert err.startswith("Traceback (most recent call last):\n")
    assert 'measuring.py", line ' in err


def test_in_this_process_nothing_measured_is_no_error(pv, data):
    """The reason is told as from a worker."""
    data({"absent": "no device"})

    assert pv(*WORDS, "--in-process") == (3, "probe 1  probe-dist 1.0\n  not measured  no device\n", "")


def test_in_this_process_an_evaluator_cannot_end_the_program_with_success(pv, data):
    """What a worker contains is contained here too, but for an interrupt."""
    data(SOUND, line='    raise SystemExit(0)\n    if "sleep" in told:')

    status, out, _ = pv(*WORDS, "--in-process")

    assert (status, out) == (3, "probe 1  probe-dist 1.0\n  error         PV510 probe: raised SystemExit: 0\n")


def test_in_this_process_an_interrupt_is_one(pv, data):
    """Exit status 130."""
    data(SOUND, line='    raise KeyboardInterrupt\n    if "sleep" in told:')

    status, out, err = pv(*WORDS, "--in-process")

    assert (status, out, err.strip()) == (130, "", "interrupted")


def test_in_this_process_a_missing_file_is_told(pv, data, tmp_path):
    """By the evaluator's own words for an input."""
    (tmp_path / "data.json").unlink()

    status, out, _ = pv(*WORDS, "--in-process")

    assert status == 3
    assert f"  error         PV518 probe: raised InputError: {tmp_path}/data.json: No such file or directory\n" in out


@pytest.mark.parametrize("how", [(), ("--in-process",)])
def test_a_device_that_the_evaluator_does_not_know_is_told(pv, data, how):
    """Nothing is loaded for it."""
    assert pv(*WORDS, *how, "--device", "cuda") == (
        3,
        "probe 1  probe-dist 1.0\n  not measured  probe measures on cpu, not on cuda\n",
        "",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ["prob"],
            'PV731 no installed plugin offers the evaluator "prob" (did you mean "probe"?)\n  hint: offered: probe\n',
            id="a misspelt evaluator",
        ),
        pytest.param(
            ["something-else"],
            'PV731 no installed plugin offers the evaluator "something-else"\n  hint: offered: probe\n',
            id="an unknown evaluator",
        ),
        pytest.param(
            ["probe"],
            "PV306 probe needs the parameter 'model'\n  hint: add model=...\n",
            id="a missing parameter",
        ),
        pytest.param(
            ["probe", "modle=data", "--input", "data=x"],
            'PV306 probe has no parameter "modle" (did you mean model?)\n  hint: use one of layers, model\n'
            "PV306 probe needs the parameter 'model'\n  hint: add model=...\n",
            id="a misspelt parameter",
        ),
        pytest.param(
            ["probe", "model=data", "layers=3", "--input", "data=x"],
            'PV306 the parameter "layers" does not fit: input should be a valid string, got 3\n'
            "  hint: pv plugins list says what probe takes\n",
            id="a parameter of another type",
        ),
        pytest.param(
            ["probe", "model=data"],
            'PV305 there is no input "data"\n  hint: add --input data=PATH\n',
            id="an input without a path",
        ),
        pytest.param(
            ["probe", "model"],
            'PV306 a parameter must be key=value, got "model"\n  hint: write model=value\n',
            id="no value",
        ),
    ],
)
def test_what_cannot_be_asked_exits_2_with_one_line_each(pv, data, words, told):
    """Nothing is measured."""
    problems = sorted(re.findall(r"PV.*\n  hint.*\n", told))

    status, out, err = pv("measure", *words)

    assert (status, out) == (2, "")
    assert sorted(re.findall(r"PV.*\n  hint.*\n", err)) == problems
    assert len(err) == len(told)


def test_an_input_without_a_path_is_wrong_usage(pv, data):
    """As of `pv run`."""
    status, _, err = pv("measure", "probe", "--input", "model")

    assert status == 2
    assert "write NAME=PATH" in err


def test_a_broken_plugin_is_named_where_its_evaluator_is_missing(pv, data, probe):
    """The name may be right."""
    (probe / "probe_light.py").write_text("import nothing_of_the_kind\n")

    _, _, err = pv("measure", "probe")

    assert err == (
        'PV731 no installed plugin offers the evaluator "probe"; the plugin probe is broken: ModuleNotFoundError: '
        "No module named 'nothing_of_the_kind'\n  hint: offered: none\n"
    )


def test_an_evaluator_that_runs_programs_needs_the_settings(pv, data, probe, tmp_path):
    """A name on the command line is no permission to start what a parameter says."""
    text = (probe / "probe_light.py").read_text()
    (probe / "probe_light.py").write_text(text.replace("metrics=metrics", "metrics=metrics, runs_programs=True"))

    refused = pv(*WORDS)
    (tmp_path / "pv.toml").write_text('evaluators = ["probe"]\nplugins = {disable = ["q4k", "general"]}\n')
    allowed = pv(*WORDS)

    told = 'PV732 the evaluator "probe" runs programs, and the settings do not allow it by name\n'
    assert refused == (2, "", told + '  hint: add it to pv.toml: evaluators = ["probe"]\n')
    assert allowed[0] == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1e-5", 1e-5),
        ("true", True),
        ("null", None),
        ("", None),
        ("0-27", "0-27"),
        ("'1'", "1"),
        ("''", ""),
        ("'", "'"),
        ("a=b", "a=b"),
        ("[1, 2]", [1, 2]),
        ('{"a": [true]}', {"a": [True]}),
        ('"no"', "no"),
    ],
)
def test_a_value_means_what_it_means_in_a_contract(text, value):
    """The core schema of YAML 1.2, text in single quotes, JSON where it is nested."""
    found = parameters_of([f"key={text}"])["key"]

    assert found == value
    assert type(found) is type(value)


NO_JSON = 'the parameter "key": value must be JSON, since it starts with [: '
ZERO = 'the parameter "key": number must be written in plain decimal digits, got a leading zero in "010"'
NO_WORDS = ['a parameter must be key=value, got "=1"', 'a parameter must be key=value, got "x"']


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["key=no"], ['the parameter "key": value must be true, false or quoted text, got "no"'], id="no"),
        pytest.param(["key=010"], [ZERO], id="leading zero"),
        pytest.param(["key=[1"], [f"{NO_JSON}Expecting ',' delimiter: line 1 column 3 (char 2)"], id="JSON"),
        pytest.param(["key=[NaN]"], [f"{NO_JSON}number must be finite, got NaN"], id="NaN"),
        pytest.param(["key=1", "key=2"], ['the parameter "key" stands twice'], id="twice"),
        pytest.param(["=1", "x"], NO_WORDS, id="every word is looked at"),
    ],
)
def test_a_word_that_is_no_parameter_is_refused(words, told):
    """All of them at once."""
    with pytest.raises(ConfigError) as caught:
        parameters_of(words)

    assert [each.message for each in caught.value.findings] == told
    assert {each.code for each in caught.value.findings} == {"PV306"}
    assert all(each.hint for each in caught.value.findings)


@pytest.fixture
def on_cuda(probe, data):
    """Let the probe measure on cuda where its file says that there is one, and prefer that."""
    light, heavy = probe / "probe_light.py", probe / "probe_heavy.py"
    light.write_text(light.read_text().replace("implementation=", 'devices=("cuda", "cpu"), implementation='))
    line = '    if "sleep" in told:'
    asked = '    if context.device == "cuda" and not told.get("cuda"):\n'
    refused = '        raise NotMeasured("no CUDA device: none here")\n'
    heavy.write_text(heavy.read_text().replace(line, asked + refused + line))
    return data


@pytest.mark.parametrize("how", [(), ("--in-process",)])
@pytest.mark.parametrize(
    ("words", "cuda", "told"),
    [
        ((), False, "  device        cpu (auto: no CUDA device: none here)\n"),
        (("--device", "auto"), True, "  device        cuda (auto: the evaluator's first choice)\n"),
        (("--device", "cpu"), True, ""),
        (("--device", "cuda"), True, ""),
        (("--device", "cuda"), False, "  not measured  no CUDA device: none here\n"),
        (("--device", "reference"), True, "  not measured  probe measures on cuda, cpu, not on reference\n"),
    ],
    ids=["auto-cpu", "auto-cuda", "cpu", "cuda", "no-cuda", "undeclared"],
)
def test_the_device_that_auto_picks_is_told_with_the_reason(pv, on_cuda, how, words, cuda, told):
    """One that is named needs no words; one that is not here is no substitute for another."""
    on_cuda(SOUND | {"cuda": cuda})

    status, out, _ = pv(*WORDS, *words, *how)

    lines = [line for line in out.splitlines(keepends=True) if line.startswith(("  device", "  not measured"))]
    assert "".join(lines) == told
    assert status == (3 if "not measured" in told else 0)
