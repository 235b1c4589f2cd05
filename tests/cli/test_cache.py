"""``pv cache``, and the switches of ``pv validate`` that do without one."""

from __future__ import annotations

import pytest

from pvcheck import cache
from pvcheck.testing import Project

CONTRACT = "metadata: {{version: 1.0.0, id: C-{0}}}\nfalsification_tests: []\n"


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    """Give a project of twenty contracts, and a cache folder beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = Project(tmp_path / "project")
    project.settings("")
    for number in range(20):
        project.contract(CONTRACT.format(number), f"c{number}.yaml")
    return project


def test_a_validation_is_remembered_shown_and_cleared(fleet, tmp_path):
    """The folder, one file a project, its entries; afterwards nothing."""
    fleet.run("validate")
    (pack,) = (tmp_path / "cache" / "pvcheck" / "validate").iterdir()
    size = pack.stat().st_size

    assert fleet.run("cache", "--dir").out == f"{pack.parent}\n"
    told = f"{pack.parent}: 1 project, {size} bytes\n  {pack.name}  {size} bytes  entries: 40\n"
    assert fleet.run("cache").out == fleet.run("cache", "show").out == told
    assert fleet.run("cache", "clear").out == f"removed 1 file, {size} bytes\n"
    assert fleet.run("cache", "show").out == f"{pack.parent}: 0 projects, 0 bytes\n"
    assert fleet.run("cache", "clear").status == 0


def test_a_damaged_pack_is_shown_as_what_it_is(fleet, tmp_path):
    """It is not used, and the next run writes a whole one."""
    wanted = fleet.run("validate").out
    (pack,) = (tmp_path / "cache" / "pvcheck" / "validate").iterdir()
    pack.write_bytes(b"nonsense")

    assert f"  {pack.name}  8 bytes  not usable, so it is not used\n" in fleet.run("cache").out
    assert fleet.run("validate").out == wanted
    assert "entries: 40" in fleet.run("cache").out


@pytest.mark.parametrize("switch", ["--no-cache", "PVCHECK_CACHE"])
def test_one_can_do_without(fleet, tmp_path, monkeypatch, switch):
    """Neither switch leaves a file, and the answer is the same."""
    wanted = fleet.run("validate").out
    cache.clear(tmp_path / "cache" / "pvcheck" / "validate")
    if switch == "PVCHECK_CACHE":
        monkeypatch.setenv("PVCHECK_CACHE", "off")

    found = fleet.run("validate", *([switch] if switch.startswith("-") else []))

    assert found.out == wanted
    assert list((tmp_path / "cache" / "pvcheck" / "validate").iterdir()) == []


def test_without_a_home_there_is_no_cache(fleet, monkeypatch):
    """Every command says so, and none fails."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    nowhere = "there is no cache: neither XDG_CACHE_HOME nor HOME names a folder\n"

    assert fleet.run("validate").status == 0
    assert fleet.run("cache", "show").out == fleet.run("cache", "--dir").out == nowhere
    assert fleet.run("cache", "clear").out == "removed 0 files, 0 bytes\n"


def test_a_home_that_cannot_be_written_costs_nothing(fleet, tmp_path, monkeypatch):
    """A file where the folder would be, as a stand-in for a disk that is read-only."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert fleet.run("validate").out == fleet.run("validate", "--no-cache").out
