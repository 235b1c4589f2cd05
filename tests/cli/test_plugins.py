"""``pv plugins show`` and ``pv plugins doctor``, message by message."""

from __future__ import annotations

import re
import sys

import pytest
from conftest import PROBE
from pipeline.conftest import project  # noqa: F401 - a fixture

from pvcheck.host import declared_plugins
from pvcheck.plan import OURS

MODULES = ("probe_light", "second_light", "bad_light")


@pytest.fixture
def alone(project, pv, monkeypatch):  # noqa: F811 - pytest's way to take a fixture
    """Give a project that leaves our own plugins out, and a way to run the command with other settings."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two texts of one size in one second are one to it
    for name in MODULES:
        sys.modules.pop(name, None)
    ours = [each.name for each in declared_plugins() if each.distribution == OURS]

    def call(*words, disable=(), choose="", evaluators='["probe"]'):
        table = f"plugins = {{disable = {[*ours, *disable]}, choose = {{{choose}}}}}\n"
        (project.root / "pv.toml").write_text((f"evaluators = {evaluators}\n" if evaluators else "") + table)
        return pv("plugins", *words)

    call("list")
    assert pv("schema", "--plugins", "--write")[0] == 0
    yield call
    for name in MODULES:
        sys.modules.pop(name, None)


def light(probe, text, module="probe_light"):
    """Write the light half of a plugin."""
    (probe / f"{module}.py").write_text(text)
    sys.modules.pop(module, None)


def installs(probe, name, declares):
    """Install a distribution beside the probe."""
    info = probe / f"{name}_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-dist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[pvcheck.plugins]\n{declares}\n")


def without_times(out):
    """Return output with times replaced."""
    return re.sub(r"\d+ ms\b", "N ms", out)


SHOWN = """\
probe
  distribution  probe-dist 1.0
  module        probe_light
  plugin API    1.0
  offers        1 evaluator

probe 1: Reports what a file says.
  allowed
  measured by probe_heavy:measure on cpu
  with:
    model (needed): the file with the numbers
    layers (default '0-3'):{blank}
  metrics:
    growth (f64): last over first
    count (int): how many
    steps (f32 series): one a layer
    same (bool): whether the two sides agree
  faults: none
"""


def test_show_tells_all_there_is_about_a_plugin(alone):
    """Where it comes from, what it offers and whether that may run."""
    assert alone("show", "probe") == (0, SHOWN.format(blank=" "), "")


def test_show_tells_what_the_settings_do_not_allow(alone):
    """And what to do about it."""
    assert "\n  not allowed: add it to 'evaluators' in pv.toml\n" in alone("show", "probe", evaluators="")[1]


def test_show_tells_faults_programs_and_units(alone, probe):
    """Those of each evaluator; a name of an evaluator finds its plugin."""
    text = PROBE.replace('name="probe",', 'name="other-probe", faults=(Fault(name="swap", doc="swaps two"),),')
    text = text.replace('version="1",', 'version="1", runs_programs=True,')
    light(probe, text.replace('"last over first"', '"last over first", "bit"'))

    status, out, _ = alone("show", "other-probe", evaluators='["other-probe"]')

    assert status == 0
    assert "  measured by probe_heavy:measure on cpu, runs programs\n" in out
    assert "    growth (f64, bit): last over first\n" in out
    assert out.endswith("  faults:\n    swap: swaps two\n")


def test_show_tells_who_is_chosen_instead(alone, probe):
    """And that nobody is, as long as nothing chooses."""
    installs(probe, "second", "second = second_light")
    light(probe, PROBE, "second_light")

    undecided = alone("show", "probe")
    decided = alone("show", "probe", choose='probe = "second"')

    assert undecided[0] == decided[0] == 0
    assert "\n  not usable: another plugin offers one of that name, see pv plugins doctor\n" in undecided[1]
    assert "\n  not used: the settings choose the one of the plugin second\n" in decided[1]


def test_show_tells_why_a_plugin_is_broken(alone, probe):
    """With the code that has a page."""
    light(probe, "PV_API = (2, 0)")

    status, out, _ = alone("show", "probe")

    assert status == 3
    assert out == (
        "probe\n  distribution  probe-dist 1.0\n  module        probe_light\n"
        "  broken        PV505 written for plugin API 2.0, this pvcheck offers 1.0 to 1.2\n"
    )


def test_show_tells_a_declaration_that_cannot_be_read(alone, probe):
    """There is no module to name."""
    installs(probe, "odd", "no equals sign")

    status, out, _ = alone("show", "odd-dist")

    assert status == 3
    assert out.startswith(
        "odd-dist\n  distribution  odd-dist 1.0\n  broken        PV502 its entry_points.txt cannot be"
    )


def test_show_refuses_what_is_not_installed(alone):
    """With what is, and the one that was meant."""
    assert alone("show", "Probe") == (
        2,
        "",
        'PV506 no plugin named "Probe" is installed (did you mean "probe"?)\n  hint: installed: probe\n',
    )


def test_doctor_finds_nothing(alone):
    """One line a plugin, and the verdict with every count."""
    status, out, err = alone("doctor")

    assert (status, err) == (0, "")
    assert without_times(out) == (
        "probe  probe-dist 1.0  API 1.0, N ms\n"
        "1 plugin: 0 broken; 0 altered; 0 clashing; the catalogue is up to date; 0 warnings\n"
    )


def test_doctor_tells_a_catalogue_that_differs_and_the_way_out(alone, probe, pv):
    """Which evaluators, and in what; the way out works."""
    light(probe, PROBE.replace('version="1"', 'version="2"').replace('layers: str = "0-3"', 'layers: str = "0-9"'))

    status, out, _ = alone("doctor")

    assert status == 1
    assert "schemas/evaluators.json differs from the installed plugins\n" in out
    assert '\n  "probe" differs in parameters, version\n  hint: pv schema --plugins --write\n' in out
    assert out.endswith("the catalogue differs; 0 warnings\n")
    assert pv("schema", "--plugins", "--write")[0] == 0
    assert alone("doctor")[0] == 0


def test_doctor_tells_names_that_clash_and_exits_2(alone, probe):
    """The first of the statuses, whatever else is wrong."""
    installs(probe, "second", "second = second_light\nbad = bad_light")
    light(probe, PROBE, "second_light")

    status, out, err = alone("doctor")

    assert (status, err) == (2, "")
    assert 'PV501 the evaluator "probe" is offered twice: by probe-dist 1.0 and by second-dist 1.0\n  hint: ' in out
    assert out.endswith("3 plugins: 1 broken; 0 altered; 1 clashing; the catalogue differs; 0 warnings\n")


def test_doctor_tells_a_broken_plugin_and_exits_3(alone, probe):
    """With its code, its reason and the way out."""
    installs(probe, "bad", "bad = bad_light")
    light(probe, "import no_such_library", "bad_light")

    status, out, _ = alone("doctor")

    assert status == 3
    assert (
        "bad  bad-dist 1.0  BROKEN\n"
        "  PV502 ModuleNotFoundError: No module named 'no_such_library'\n"
        "  hint: mend or upgrade bad-dist, or leave it out: [plugins] disable in pv.toml\n"
    ) in out


def test_doctor_warns_of_a_slow_plugin(alone, probe):
    """Everybody waits for it; no exit status changes."""
    light(probe, "import time; time.sleep(0.6)\n" + PROBE)

    status, out, _ = alone("doctor")

    assert status == 0
    assert (
        "  slow: it takes over 500 ms to load [warning]\n"
        "  hint: import libraries in the implementation, which only a worker loads\n"
    ) in out
    assert out.endswith("; 1 warning\n")


def test_doctor_warns_of_settings_that_name_nothing(alone):
    """Each with its key."""
    status, out, _ = alone("doctor", disable=["none"], choose='nothing = "probe"', evaluators='["probe", "prob"]')

    assert status == 0
    assert (
        'pv.toml: plugins.disable names "none", and no plugin has that name [warning]\n'
        'pv.toml: plugins.choose names the evaluator "nothing", and no plugin offers it [warning]\n'
        'pv.toml: evaluators names "prob", and no plugin offers it [warning]\n'
    ) in out
    assert out.endswith("; 3 warnings\n")


def test_doctor_tells_files_that_are_not_the_ones_installed(alone, probe):
    """A plugin that was altered in place, and one whose parameters have no schema, count as broken."""
    (probe / "probe_dist-1.0.dist-info" / "RECORD").write_text("probe_light.py,sha256=AAAA,\n")

    status, out, _ = alone("doctor")

    assert status == 3
    assert (
        "probe-dist is not what was installed: 1 file\n  probe_light.py was changed\n"
        "  hint: pip install --force-reinstall --no-deps probe-dist\n"
    ) in out


def test_doctor_tells_parameters_without_a_schema(alone, probe):
    """The evaluator can be in no catalogue."""
    faulty = "@classmethod\n    def model_json_schema(cls): raise ValueError('no')"
    light(probe, PROBE.replace('layers: str = "0-3"', faulty))

    status, out, _ = alone("doctor")

    assert status == 3
    assert 'PV502 the parameters of the evaluator "probe" have no JSON Schema: no\n  hint: a fault of probe-dist' in out
    assert "1 plugin: 1 broken; " in out
