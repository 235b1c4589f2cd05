"""Which files a command works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pvcheck import discovery
from pvcheck.errors import EmptyError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in a folder with contracts, other files and hidden ones."""
    for name in (
        "contracts/b.yaml",
        "contracts/a.yml",
        "contracts/deep/c.yaml",
        "contracts/readme.md",
        "contracts/.hidden.yaml",
        "contracts/.cache/d.yaml",
        "other/e.yaml",
        "empty/readme.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(paths: list[str], here: Path) -> list[str]:
    """Return the contracts that paths name."""
    return [str(path) for path in discovery.contracts(paths, here)]


def test_a_folder_gives_its_yaml_files_in_order(here):
    """Files by name, then folders by name; hidden files and folders stay out."""
    assert found(["contracts"], here) == ["contracts/a.yml", "contracts/b.yaml", "contracts/deep/c.yaml"]


def test_a_file_is_taken_at_its_word(here):
    """A named file is a contract whatever its name is."""
    assert found(["contracts/readme.md", "contracts/.hidden.yaml"], here) == [
        "contracts/readme.md",
        "contracts/.hidden.yaml",
    ]


def test_146_the_order_of_the_paths_is_kept_and_each_file_comes_once(here):
    """A file that is named twice, also through a link, is worked on once."""
    (here / "link.yaml").symlink_to("other/e.yaml")

    assert found(["other/e.yaml", "link.yaml", "contracts/b.yaml", "contracts", "other"], here) == [
        "other/e.yaml",
        "contracts/b.yaml",
        "contracts/a.yml",
        "contracts/deep/c.yaml",
    ]


def test_a_contract_that_is_missing_is_kept_to_be_told(here):
    """A named contract that is not there is read later, and its absence told."""
    (here / "broken").symlink_to("nowhere")

    assert found(["gone.yaml", "broken"], here) == ["gone.yaml", "broken"]


def test_a_path_that_is_not_there_is_kept_beside_others(here):
    """What was not looked at was not right; an empty folder is there, and has nothing to look at."""
    assert found(["nowhere", "other", "empty"], here) == ["nowhere", "other/e.yaml"]
    assert list(map(str, discovery.contracts(["nowhere", "other"], here, lenient=True))) == ["other/e.yaml"]


def test_a_folder_of_the_settings_may_be_missing(here):
    """Settings name where contracts may lie."""
    (here / "pv.toml").write_text('contracts = ["nowhere", "other"]')

    assert found([], here) == ["other/e.yaml"]


def test_without_paths_the_settings_say(here):
    """The folder of the settings counts, told as seen from here."""
    (here / "pv.toml").write_text('contracts = ["other", "contracts/deep"]')

    assert found([], here) == ["other/e.yaml", "contracts/deep/c.yaml"]


def test_without_paths_and_settings_the_folder_contracts_counts(here, monkeypatch):
    """From a folder below, the paths are those that a person there would write."""
    (here / ".git").mkdir()
    monkeypatch.chdir(here / "other")

    assert found([], here / "other")[0] == "../contracts/a.yml"


@pytest.mark.parametrize(
    ("paths", "names"),
    [(["empty"], "empty"), (["nowhere"], "nowhere"), (["empty", "no\nwhere"], "empty, no\\nwhere"), ([], "contracts")],
    ids=["no contract", "typo", "both", "default"],
)
def test_nothing_found_is_an_error(here, paths, names):
    """A typo in a path must not look like success."""
    if not paths:
        (here / "contracts").rename(here / "elsewhere")

    with pytest.raises(EmptyError) as caught:
        discovery.contracts(paths, here)

    assert str(caught.value) == f"{names}: PV707 there is no contract here"
    assert caught.value.findings[0].hint == "name a file or a folder with *.yaml"
    assert caught.value.findings[0].exit_code == 4
