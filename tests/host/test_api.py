"""The version of the plugin API that a plugin states, and what becomes of it."""

from __future__ import annotations

import pytest
from host.demos import good

from pvcheck.host import codes, discover, registry


def load(site, text):
    """Install a plugin, and return it as it is found."""
    site.installs("demo-dist", "demo = demo_light")
    site.writes("demo_light", text)
    found = discover()
    return (found.plugins + found.broken)[0]


@pytest.mark.parametrize(("stated", "api"), [("", (1, 0)), ("PV_API = (1, 0)\n", (1, 0))], ids=["nothing", "first"])
def test_a_plugin_for_our_api_is_loaded(site, stated, api):
    """One that states nothing was written before there was anything to state."""
    plugin = load(site, stated + good())

    assert plugin.api == api
    assert 0 < plugin.seconds < 5


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("(2, 0)", "written for plugin API 2.0, this pvcheck offers 1.0 to 1.2"),
        ("(1, 3)", "written for plugin API 1.3, this pvcheck offers 1.0 to 1.2"),
        ("(0, 9)", "written for plugin API 0.9, this pvcheck offers 1.0 to 1.2"),
        ("'1.0'", "PV_API must be two numbers such as (1, 0), got \"'1.0'\""),
        ("None", 'PV_API must be two numbers such as (1, 0), got "None"'),
        ("(1,)", 'PV_API must be two numbers such as (1, 0), got "(1,)"'),
        ("(1, True)", 'PV_API must be two numbers such as (1, 0), got "(1, True)"'),
        ("(1, -1)", 'PV_API must be two numbers such as (1, 0), got "(1, -1)"'),
        ("type('Odd', (), {'__repr__': lambda self: 1 / 0})()", "PV_API must be two numbers such as (1, 0), got Odd"),
    ],
)
def test_a_plugin_for_another_api_is_broken(site, stated, reason):
    """Before its hooks are looked at: they may be those of another version."""
    plugin = load(site, f"PV_API = {stated}\nfrom pvcheck.plugin import hookimpl\n@hookimpl\ndef pv_later(): ...\n")

    assert (plugin.code, plugin.reason, plugin.module) == (codes.API, reason, "demo_light")


def test_a_range_is_told_where_there_is_one():
    """An older minor version is served, a newer one may need what is not there."""
    registry.refuse_api((1, 2), (1, 3))

    with pytest.raises(registry.OtherApi, match=r"^written for plugin API 1\.4, this pvcheck offers 1\.0 to 1\.3"):
        registry.refuse_api((1, 4), (1, 3))


def test_a_plugin_that_needs_a_name_of_a_later_api_says_so(site):
    """It cannot be imported, and its text tells why."""
    plugin = load(site, "from pvcheck.plugin import Later\n\nPV_API: tuple[int, int] = (1, 7)\n")

    assert plugin.code == codes.API
    told = "written for plugin API 1.7, this pvcheck offers 1.0 to 1.2; ImportError: cannot import"
    assert plugin.reason.startswith(told)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("PV_API = (1, 0)\nraise ValueError", "demo_light"),
        ("raise ValueError", "demo_light"),
        ("", "no_such_package.module"),
        ("", "no_such_module"),
        ("", "time"),
    ],
)
def test_a_text_that_states_no_other_api_explains_nothing(site, text, target):
    """The reason is then the one of the import."""
    site.writes("demo_light", text)

    assert registry.api_in_text(target) == ((1, 0) if "PV_API" in text else None)
