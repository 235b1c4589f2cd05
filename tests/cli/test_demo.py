"""``pv demo``: the promotion that the product is about, on data that ships with it."""

from __future__ import annotations

import hashlib
import tempfile

import pytest

from pvcheck.cli import demo as module

CONTRACT = "trace-ffn-sub-block-gguf-v1.yaml"
MOVED = ("FALSIFY-FFN-GGUF-016", "FALSIFY-FFN-GGUF-017", "M-FFN-GGUF-7", "M-FFN-GGUF-7-EXT")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Stand in an empty folder, with another one for temporary files."""
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return here, scratch


def test_the_demo_promotes_its_contract_and_shows_the_diff(place, pv):
    """Two falsifiers and their stages move, the version goes up, and the folder it was called in stays empty."""
    here, scratch = place

    status, out, err = pv("demo")

    assert (status, err) == (0, "")
    assert "-  version: 1.12.0\n+  version: 1.13.0\n" in out
    transitions = "".join(
        f"+  - id: {name}\n+    from: PENDING\n+    to: DISCHARGED\n" for name in MOVED if name.startswith("M-")
    )
    assert transitions in out
    assert [name for name in MOVED if f"+  - id: {name}\n+    from: PENDING\n+    to: DISCHARGED\n" in out] == list(
        MOVED
    )
    assert out.count("+  status: DISCHARGED\n") == 4
    assert out.count("+  evidence: sha256:") == 2
    assert out.endswith("2 discharged, 0 falsified, 0 pending; 15 unbound; no errors\n")
    assert list(here.iterdir()) == []
    made = next(scratch.glob("pv-demo-*"))
    assert f"now: pv validate {made / CONTRACT}\n" in out


def test_what_the_demo_leaves_behind_validates(tmp_path, pv):
    """The command it names at its end says the same."""
    folder = tmp_path / "new" / "demo"

    _, out, _ = pv("demo", "--into", folder)
    validated = pv("validate", folder / CONTRACT)

    assert validated == (0, out.splitlines()[-1] + "\n", "")
    assert not list(folder.rglob("*.pvtmp"))


def test_the_demo_writes_into_no_folder_that_is_there(tmp_path, pv):
    """Nobody's file is overwritten."""
    assert pv("demo", "--into", tmp_path) == (
        2,
        "",
        f"{tmp_path}: PV706 the folder is there already\n  hint: name a folder that does not exist yet\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_the_demo_needs_no_checkout(tmp_path, pv, checkout):
    """Its data lie in the package, and the package's copy stays as it is."""
    before = {path: path.read_bytes() for path in module.DATA.rglob("*") if path.is_file()}

    pv("demo", "--into", tmp_path / "demo")

    assert module.DATA.is_relative_to(checkout / "pvcheck")
    assert {path: path.read_bytes() for path in module.DATA.rglob("*") if path.is_file()} == before


FROZEN = {
    CONTRACT: "9474a6982879ba4851ab743290b39e1978243b85b41466882629af79b95f92a1",
    "teachers/synthetic-28.gguf": "7e612c71ed8d10d57282ab340f5a86d4b00ddff9f7b8b84d7d3c9429434b95ce",
}


@pytest.mark.parametrize(("name", "digest"), FROZEN.items(), ids=FROZEN)
def test_the_data_of_the_demo_never_changes(name, digest):
    """The story that it tells is the recorded one, however far the living contract has come since."""
    assert hashlib.sha256((module.DATA / name).read_bytes()).hexdigest() == digest
