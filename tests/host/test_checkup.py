"""A look at all installed plugins: each kind of fault on its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from importlib import metadata

import pytest
from host.demos import good

from pvcheck.errors import ConfigError
from pvcheck.host import catalogue, check_up, codes, discover, survey
from pvcheck.host.checkup import Settings, plugin_of
from pvcheck.loading import schema

schema.refuse_unusable({"type": "object"})  # loads its library while it is on the path: `site` takes that away

DIGEST = base64.urlsafe_b64encode(hashlib.sha256(good("second").encode()).digest()).decode().rstrip("=")


@pytest.fixture
def look(site, tmp_path):
    """Return a function that checks up; two plugins are installed, and the catalogue is theirs."""
    site.installs("demo-dist", "a = a_light\nb = b_light")
    site.writes("a_light", good("first"))
    site.writes("b_light", good("second"))
    root = tmp_path / "project"
    (root / "schemas").mkdir(parents=True)

    def write(change=lambda table: table, found=None):
        table = catalogue(found or discover())
        (root / "schemas" / "evaluators.json").write_text(json.dumps(change(table)))

    def call(disabled=(), chosen=None, evaluators=None):
        allowed = None if evaluators is None else frozenset(evaluators)
        return check_up(Settings(root=root, disabled=frozenset(disabled), chosen=chosen or {}, evaluators=allowed))

    write()
    call.write = write
    return call


def test_all_is_well(look):
    """Nothing is said that needs no doing."""
    told = look(chosen={"first": "a"}, evaluators=["second"])

    assert [each.name for each in told.found.plugins] == ["a", "b"]
    assert (told.found.broken, told.clashes, told.unlisted, told.altered) == ((), (), (), {})
    assert (told.differences, told.unused) == ((), ())
    assert told.catalogue.endswith("project/schemas/evaluators.json")


def test_a_catalogue_that_differs_is_told_by_evaluator_and_key(look):
    """What is missing, what nobody offers, and in which parts an entry is another."""

    def change(table):
        entries = table["evaluators"]
        entries["third"] = entries.pop("first")
        entries["second"] |= {"version": "0.9", "doc": "other", "devices": ["cpu", "reference"]}
        entries["second"]["metrics"][0]["series"] = True
        return table

    look.write(change)

    assert look().differences == (
        '"first" is missing from it',
        '"second" differs in doc, metrics, version',
        '"third" is in it, and no plugin offers it',
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: [], "list indices must be integers or slices, not str"),
        (lambda _: {}, "'evaluators'"),
        (lambda _: {"evaluators": {"first": {}}}, "'parameters'"),
    ],
    ids=["list", "empty", "entry"],
)
def test_a_catalogue_that_is_none_is_told(look, change, reason):
    """It is then another than the one that the plugins make."""
    look.write(change)

    assert look().differences == (f"it cannot be read: {reason}",)


def test_without_a_catalogue_the_shipped_one_counts(look):
    """It is the one that validation reads."""
    os.unlink(look().catalogue)  # noqa: PTH108 - text

    told = look()

    assert "project" not in told.catalogue
    assert '"first" is missing from it' in told.differences


def test_what_a_broken_plugin_would_offer_is_not_told_twice(look, site):
    """It is told as broken; whether its entry is right, nobody knows."""
    site.writes("b_light", "import no_such_library")

    told = look()

    assert [each.name for each in told.found.broken] == ["b"]
    assert told.differences == ()


def test_parameters_without_a_schema_are_told_with_their_plugin(look, site):
    """The others are compared all the same."""
    faulty = "@classmethod\n    def model_json_schema(cls): raise ValueError('no')"
    for module, name in (("a_light", "first"), ("b_light", "second")):
        site.writes(module, good(name).replace('text: str = ""', faulty))

    told = look()

    assert [each.code for each in told.unlisted] == [codes.BROKEN_PLUGIN] * 2
    assert told.differences == ()


def test_settings_that_name_nothing_are_told_in_order(look):
    """Two runs of one command say the same."""
    names = [f"none-{letter}" for letter in "yvxtwszu"]

    told = look(disabled=names, chosen=dict.fromkeys(names, "a"), evaluators=names).unused

    assert [each.split('"')[1] for each in told] == sorted(names) * 3


def test_names_that_clash_are_all_told(look, site):
    """Two plugins of one name, two evaluators of one name, and a choice that cannot be made."""
    site.installs("more-dist", "b = c_light\nd = d_light\ne = e_light")
    for module, name in (("c", "unused"), ("d", "first"), ("e", "fifth")):
        site.writes(f"{module}_light", good(name))

    told = look(chosen={"fifth": "none"})

    assert [str(each) for each in told.clashes] == [
        'PV504 the plugin "b" is declared twice: by demo-dist 1.0 and more-dist 1.0',
        'PV503 the plugin "none" is chosen for the evaluator "fifth" but does not offer it',
        'PV501 the evaluator "first" is offered twice: by demo-dist 1.0 and by more-dist 1.0',
    ]


def test_settings_that_name_nothing_are_told(look):
    """A typo there changes nothing, and nobody notices."""
    told = look(disabled=["b", "c"], chosen={"third": "a"}, evaluators=["first", "fourth"])

    assert told.unused == (
        'plugins.disable names "c", and no plugin has that name',
        'plugins.choose names the evaluator "third", and no plugin offers it',
        'evaluators names "fourth", and no plugin offers it',
    )


@pytest.mark.parametrize(
    ("record", "altered"),
    [
        ("a_light.py,sha256=AAAA,\n", ("a_light.py was changed",)),
        ("gone.py,sha256=AAAA,\n", ("gone.py is missing",)),
        ("a_light.py,md5=AAAA,\na_light.pyc,,\n", ()),
        ("a_light.py,no digest,\n", ()),
        ("too,many,columns,here\n", ()),
        (f"b_light.py,sha256={DIGEST},\na_light.py,sha256=AAAA,\n", ("a_light.py was changed",)),
        ("", ()),
        ("gone.py,sha256=AAAA,\na_light.py,sha256=AAAA,\n", ("gone.py is missing", "a_light.py was changed")),
        ("a_light.py,sha256=AAAA=,\n", ("a_light.py was changed",)),
    ],
    ids=[
        "changed",
        "missing",
        "other-digests",
        "no-digest",
        "malformed",
        "one-of-two",
        "empty",
        "behind-a-missing-one",
        "padded",
    ],
)
def test_files_are_compared_with_the_record_of_the_installer(look, site, record, altered):
    """A record that says nothing accuses nobody."""
    (site.folder / "demo_dist-1.0.dist-info" / "RECORD").write_text(record)

    assert look().altered == ({"demo-dist": altered} if altered else {})


def test_changed_files_are_told_in_the_order_of_their_distributions(look, site):
    """Two runs of one command say the same."""
    names = [f"more-{letter}" for letter in "yvxtwszu"]
    for name in names:
        site.writes(f"{name[-1]}_light", good(f"of-{name[-1]}"))
        site.installs(name, f"{name[-1]}{name[-1]} = {name[-1]}_light")
        (site.folder / f"{name.replace('-', '_')}-1.0.dist-info" / "RECORD").write_text("gone.py,sha256=AAAA,\n")

    assert list(look().altered) == sorted(names)


def test_a_file_that_is_gone_is_told_whatever_lists_the_files(look, site, monkeypatch):
    """Newer versions of Python leave it out of a distribution's files, and so does a package that plugins import."""
    (site.folder / "demo_dist-1.0.dist-info" / "RECORD").write_text("gone.py,sha256=AAAA,\n")
    monkeypatch.setattr(metadata.Distribution, "files", [])

    assert look().altered == {"demo-dist": ("gone.py is missing",)}


def test_a_plugin_is_found_by_its_name_and_by_an_evaluator(look, site):
    """Broken ones as well; what is not there is refused with what is."""
    site.installs("more-dist", "bad = bad_light\naa = bad_light")
    told = look()

    assert plugin_of("b", told.found, told.clashes).name == "b"
    assert plugin_of("second", told.found, told.clashes).name == "b"
    assert plugin_of("bad", told.found, told.clashes).reason.startswith("ModuleNotFoundError")
    with pytest.raises(ConfigError) as caught:
        plugin_of("Bad", told.found, told.clashes)
    [finding] = caught.value.findings
    assert str(finding) == 'PV506 no plugin named "Bad" is installed (did you mean "bad"?)'
    assert (finding.hint, finding.exit_code) == ("installed: a, aa, b, bad", 2)


def test_a_plugin_whose_name_clashes_is_told_as_that(look, site):
    """It is there twice, and so it is not there."""
    site.installs("more-dist", "b = c_light")

    found, clashes = survey()

    with pytest.raises(ConfigError, match='PV504 the plugin "b" is declared twice'):
        plugin_of("b", found, clashes)
    with pytest.raises(ConfigError, match='PV506 no plugin named "z" is installed'):
        plugin_of("z", found, clashes)
    assert look().found.evaluators.keys() == {"first"}


def test_without_plugins_nothing_is_installed(site):
    """The hint says so."""
    del site

    with pytest.raises(ConfigError) as caught:
        plugin_of("far-away", *survey())

    [finding] = caught.value.findings
    assert str(finding) == 'PV506 no plugin named "far-away" is installed'
    assert finding.hint == "installed: none"
