"""Plugins found through entry points, in real distribution folders on the import path."""

from __future__ import annotations

import sys

import pytest
from host.demos import Site, good

from pvcheck.errors import ConfigError
from pvcheck.host import DeclaredPlugin, catalogue, declared_plugins, discover


def test_a_plugin_is_found_with_its_origin(site):
    """The evaluator knows its plugin, distribution and version."""
    site.installs("demo-dist", "demo = demo_light", version="2.3")
    site.writes("demo_light", good())

    found = discover()

    assert found.broken == ()
    assert [plugin.name for plugin in found.plugins] == ["demo"]
    offered = found.evaluators["demo"]
    assert (offered.plugin, offered.distribution, offered.version) == ("demo", "demo-dist", "2.3")
    assert offered.module == "demo_light"
    assert offered.evaluator.name == "demo"


def test_listing_imports_nothing(site):
    """What is declared is told without running a line of any plugin."""
    site.installs("b-dist", "b = b_light:Plugin [extra]\na = a_light")
    before = set(sys.modules)

    declared = declared_plugins()

    assert declared == (
        DeclaredPlugin("a", "b-dist", "1.0", "a_light"),
        DeclaredPlugin("b", "b-dist", "1.0", "b_light:Plugin [extra]"),
    )
    assert not {"a_light", "b_light"} & (set(sys.modules) - before)


def test_an_object_in_a_module_can_be_the_plugin(site):
    """An entry point may name an object, and extras."""
    site.installs("demo-dist", "demo = demo_light:here.plugin [extra]")
    site.writes("demo_light", f"{good()}\nimport sys\nclass here:\n    plugin = sys.modules[__name__]\n")

    assert list(discover().evaluators) == ["demo"]


BROKEN = {
    "missing": (None, "ModuleNotFoundError: No module named 'bad_light'"),
    "syntax": ("def", "SyntaxError: invalid syntax (bad_light.py, line 1)"),
    "exit": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "silent": ("raise ValueError", "ValueError"),
    "faulty-text": (
        "class Odd(BaseException):\n    def __str__(self): raise self\nraise Odd",
        "Odd: (its text cannot be read: Odd)",
    ),
    "terminal": (r"raise ValueError('\x1b[2J\n::error::')", "ValueError: \\x1b[2J\\n::error::"),
    "no-hook": ("", "it implements no hook: mark each with @hookimpl of pvcheck.plugin"),
    "misspelt": (
        "from pvcheck.plugin import hookimpl\n@hookimpl\ndef pv_evaluator(): return ()",
        'there is no hook named "pv_evaluator": the hooks are pv_evaluators, ',
    ),
    "argument": (
        "from pvcheck.plugin import hookimpl\n@hookimpl\ndef pv_evaluators(config): return ()",
        "PluginValidationError: ",
    ),
    "raises": (
        "from pvcheck.plugin import hookimpl\n@hookimpl\ndef pv_evaluators(): raise BaseException('x')",
        "BaseException: x",
    ),
    "generator": (
        "from pvcheck.plugin import hookimpl\n@hookimpl\ndef pv_evaluators():\n    yield 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "no-evaluator": (
        "from pvcheck.plugin import hookimpl\n@hookimpl\ndef pv_evaluators(): return ['demo']",
        "pv_evaluators must give Evaluators, got str",
    ),
    "bad-evaluator": (
        good().replace('name="demo"', 'name="Demo"'),
        'evaluator "Demo": its name must be a small letter, then at most 63 small letters, digits and -',
    ),
    "twice": (good().replace("(EVALUATOR,)", "(EVALUATOR, EVALUATOR)"), 'it offers the evaluator "demo" twice'),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_costs_nobody_else_anything(site, text, reason):
    """It is told with its reason, and the plugins before and after it are there."""
    site.installs("bad-dist", "bad = bad_light", version="0.1")
    site.installs("demo-dist", "a = a_light\nz = z_light")
    site.writes("a_light", good("a"))
    site.writes("z_light", good("z"))
    if text is not None:
        site.writes("bad_light", text)

    found = discover()

    assert list(found.evaluators) == ["a", "z"]
    [broken] = found.broken
    assert (broken.name, broken.distribution, broken.version) == ("bad", "bad-dist", "0.1")
    assert broken.reason.startswith(reason)
    assert broken.reason.isprintable()


def test_an_interrupt_is_not_a_broken_plugin(site):
    """The user wants to stop."""
    site.installs("demo-dist", "demo = demo_light")
    site.writes("demo_light", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        discover()


def test_a_disabled_plugin_is_not_imported(site):
    """Not even a broken one is told."""
    site.installs("demo-dist", "demo = demo_light")
    site.installs("odd", text=b"[pvcheck.plugins]\nno equals sign")

    found = discover(disabled=frozenset({"demo", "odd"}))

    assert (found.plugins, found.broken, found.evaluators) == ((), (), {})


@pytest.mark.parametrize(
    "text", [b"no section", b"[console_scripts]\nno equals sign", b"\xff\xfe\x00", b"[pvcheck.other]\nno equals sign"]
)
def test_an_unrelated_distribution_may_be_malformed(site, text):
    """Its entry points are nobody's business."""
    site.installs("odd", text=text)
    site.installs("demo-dist", "demo = demo_light")
    site.writes("demo_light", good())

    found = discover()

    assert list(found.evaluators) == ["demo"]
    assert found.broken == ()


def test_a_malformed_declaration_of_ours_is_told(site):
    """Whoever installed it wants to know."""
    site.installs("odd", text=b"[pvcheck.plugins]\nno equals sign")

    [broken] = discover().broken

    assert (broken.name, broken.distribution, broken.module) == ("odd", "odd", "")
    assert broken.reason.startswith("its entry_points.txt cannot be read: TypeError")
    assert declared_plugins() == ()


def test_malformed_declarations_are_told_in_the_order_of_their_names(site, tmp_path, monkeypatch):
    """Wherever they lie."""
    site.installs("b-odd", text=b"[pvcheck.plugins]\nno equals sign")
    site.installs("d-odd", text=b"[pvcheck.plugins]\nno equals sign")
    Site(tmp_path / "other", monkeypatch).installs("c-odd", text=b"[pvcheck.plugins]\nno equals sign")

    assert [each.name for each in discover().broken] == ["b-odd", "c-odd", "d-odd"]


@pytest.mark.parametrize("metadata", ["", "\udc80"], ids=["empty", "not-utf-8"])
def test_a_distribution_without_metadata_is_named_after_its_folder(site, metadata):
    """A broken installation still says whose it is."""
    site.installs("odd", "demo = demo_light", metadata="")
    (site.folder / "odd-1.0.dist-info" / "METADATA").write_bytes(metadata.encode("utf-8", "surrogateescape"))

    assert declared_plugins() == (DeclaredPlugin("demo", "odd", "?", "demo_light"),)


def test_one_distribution_on_two_paths_counts_once(site, tmp_path, monkeypatch):
    """The first hides the second, as it does for import; names are compared as the package index does."""
    site.installs("Next_dist", "next = next_light", version="3.0")
    for folder, name, version in (("second", "Demo_dist", "1.0"), ("first", "demo-dist", "2.0")):
        Site(tmp_path / folder, monkeypatch).installs(name, "demo = demo_light", version=version)
    site.writes("demo_light", good())
    site.writes("next_light", good("next"))

    found = discover()

    assert [(plugin.name, plugin.version) for plugin in found.plugins] == [("demo", "2.0"), ("next", "3.0")]


def two(site):
    """Install two plugins that offer one evaluator."""
    site.installs("first-dist", "first = first_light", version="1.0")
    site.installs("second-dist", "second = second_light", version="2.0")
    site.writes("first_light", good())
    site.writes("second_light", good())


def test_two_evaluators_of_one_name_stop_the_run(site):
    """Both distributions are named, and the way out."""
    two(site)

    with pytest.raises(ConfigError) as caught:
        discover()

    [finding] = caught.value.findings
    assert str(finding) == 'PV501 the evaluator "demo" is offered twice: by first-dist 1.0 and by second-dist 2.0'
    assert finding.hint == 'choose one in pv.toml: [plugins] choose = {"demo" = "first"}'
    assert finding.exit_code == 2


def test_a_choice_settles_it(site):
    """The chosen plugin offers it, or the only one that is left."""
    two(site)

    assert discover(choose={"demo": "second", "unknown": "x"}).evaluators["demo"].plugin == "second"
    assert discover(disabled=frozenset({"second"})).evaluators["demo"].plugin == "first"


def test_a_choice_that_meets_nothing_is_refused(site):
    """Nothing else is taken in its place, also where only one is left."""
    two(site)

    with pytest.raises(ConfigError) as caught:
        discover(choose={"demo": "second"}, disabled=frozenset({"second"}))

    [finding] = caught.value.findings
    assert str(finding) == 'PV503 the plugin "second" is chosen for the evaluator "demo" but does not offer it'
    assert finding.hint == 'offered by: "first"'
    assert finding.exit_code == 2


def test_of_many_offers_two_are_told_and_all_can_be_chosen(site):
    """Two are enough to see what happened."""
    two(site)
    site.installs("third-dist", "third = third_light", version="3.0")
    site.writes("third_light", good())

    with pytest.raises(ConfigError, match=r"offered twice: by first-dist 1\.0 and by second-dist 2\.0$"):
        discover()
    with pytest.raises(ConfigError) as caught:
        discover(choose={"demo": "fourth"})

    assert caught.value.findings[0].hint == 'offered by: "first", "second", "third"'


def test_two_plugins_of_one_name_stop_the_run(site):
    """Nothing could choose between them, and neither is imported."""
    site.installs("first-dist", "demo = first_light")
    site.installs("second-dist", "demo = second_light")
    site.writes("first_light", "raise AssertionError")

    with pytest.raises(
        ConfigError, match=r'PV504 the plugin "demo" is declared twice: by first-dist 1\.0 and second-dist 1\.0'
    ) as caught:
        discover()

    assert caught.value.findings[0].hint == f"uninstall one of the two from {sys.prefix}"


PAGES = """
from pvcheck.plugin import hookimpl

@hookimpl
def pv_pages():
    {body}
"""


def test_pages_of_plugins_are_joined(site):
    """Our codes, what is no text, and a plugin that fails are left out; the first page of a code stays."""
    bodies = {
        "a": 'return {"GGUF-ALIGN": "a page", "PV501": "ours", "X": 1}',
        "b": "raise BaseException",
        "c": 'return {"GGUF-ALIGN": "another", "OTHER": "page"}',
    }
    site.installs("demo-dist", "\n".join(f"{name} = {name}_light" for name in bodies))
    for name, body in bodies.items():
        site.writes(f"{name}_light", PAGES.format(body=body))

    assert discover().pages() == {"GGUF-ALIGN": "a page", "OTHER": "page"}


def test_an_interrupt_ends_the_search_for_pages(site):
    """The user wants to stop."""
    site.installs("demo-dist", "demo = demo_light")
    site.writes("demo_light", PAGES.format(body="raise KeyboardInterrupt"))

    with pytest.raises(KeyboardInterrupt):
        discover().pages()


def test_the_catalogue_holds_the_light_part(site):
    """All that validation must know, evaluators in the order of their names."""
    site.installs("demo-dist", "b = b_light\na = a_light", version="9.9")
    site.writes("b_light", good("b"))
    site.writes("a_light", good("a"))

    told = catalogue(discover())

    assert told["schema"] == 1
    assert list(told["evaluators"]) == ["a", "b"]
    entry = told["evaluators"]["a"]
    assert {key: entry[key] for key in ("plugin", "distribution", "version", "doc", "devices")} == {
        "plugin": "a",
        "distribution": "demo-dist",
        "version": "1.0.0",
        "doc": "measures a number",
        "devices": ["cpu", "reference"],
    }
    assert entry["faults"] == [{"name": "off-by-one", "doc": "adds one"}]
    assert entry["runs_programs"] is False
    assert entry["metrics"][2] == {
        "name": "series",
        "type": "f32",
        "unit": "1",
        "series": True,
        "doc": "some numbers",
    }
    assert entry["parameters"]["properties"]["text"] == {"default": "", "title": "Text", "type": "string"}
    assert entry["parameters"]["additionalProperties"] is False


def test_parameters_without_a_schema_are_told(site):
    """The catalogue says whose fault it is."""
    faulty = "@classmethod\n    def model_json_schema(cls): raise ValueError('no')"
    site.installs("demo-dist", "demo = demo_light")
    site.writes("demo_light", good().replace('text: str = ""', faulty))

    with pytest.raises(ConfigError) as caught:
        catalogue(discover())

    [finding] = caught.value.findings
    assert str(finding) == 'PV502 the parameters of the evaluator "demo" have no JSON Schema: no'
    assert finding.hint == "a fault of demo-dist 1.0"
