"""``pv report --html FILE``: where the page goes, what is never overwritten, and how the command ends."""

from __future__ import annotations

import pytest


def test_the_page_is_written_and_told(everything, pv):
    """A line with the file and its size, then the verdict with its denominators; the status is that of a validation."""
    status, out, err = pv("report", "--html", "page.html")

    written = (everything.root / "page.html").read_bytes()
    told, verdict = out.splitlines()
    assert (status, err) == (pv("validate")[0], "")
    assert status == 1
    assert told == f"page.html: {len(written)} bytes"
    assert verdict == pv("list")[1].splitlines()[-1]
    assert verdict.startswith("7 contracts, 12 falsifiers: ")
    assert written.startswith(b"<!DOCTYPE html>")


def test_exit_zero_is_for_who_publishes_whatever_it_says(everything, pv):
    """A step of CI that only makes the page is not the gate."""
    assert pv("report", "--html", "page.html", "--exit-zero")[0] == 0
    assert (everything.root / "page.html").is_file()


def test_all_is_well_ends_with_zero(shelf, pv):
    """Nothing is wrong with a sound contract."""
    shelf.earn("A")

    assert pv("report", "--html", "page.html")[0] == 0


def test_a_second_page_takes_the_place_of_the_first_whole(everything, pv):
    """The same bytes again, the mode kept, and no leftover beside it."""
    place = everything.root / "page.html"
    pv("report", "--html", "page.html")
    first = place.read_bytes()
    place.write_text("x")
    place.chmod(0o600)

    pv("report", "--html", "page.html")

    assert place.read_bytes() == first
    assert place.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in everything.root.iterdir()) == ["contracts", "page.html", "pv.toml", "schemas"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("contracts/sound.yaml", "it would take the place of a contract"),
        ("other.yml", "it would take the place of a contract"),
        ("contracts/evidence/sound/page.html", "it would take the place of evidence"),
        ("pv.toml", "it would take the place of settings"),
        ("contracts", "it is a folder"),
        ("nowhere/page.html", "its folder is not there"),
    ],
)
def test_nothing_of_worth_is_overwritten(everything, pv, path, why):
    """Such a place is refused before anything is read, and stays as it is."""
    before = {each: each.read_bytes() for each in everything.root.rglob("*") if each.is_file()}

    status, out, err = pv("report", "--html", path)

    assert (status, out) == (2, "")
    assert err.splitlines()[0] == f"{path}: PV472 the report cannot be written there: {why}"
    assert {each: each.read_bytes() for each in everything.root.rglob("*") if each.is_file()} == before


def test_a_link_to_a_contract_is_that_contract(everything, pv):
    """The place is where a link leads."""
    (everything.root / "page.html").symlink_to("contracts/sound.yaml")

    assert pv("report", "--html", "page.html")[0] == 2


def test_a_link_keeps_pointing(shelf, pv):
    """What is written is the file behind it."""
    shelf.earn("A")
    (shelf.root / "public").mkdir()
    (shelf.root / "page.html").symlink_to("public/page.html")

    assert pv("report", "--html", "page.html")[0] == 0
    assert (shelf.root / "page.html").is_symlink()
    assert (shelf.root / "public" / "page.html").is_file()


def test_without_a_file_it_is_a_usage_error(everything, pv):
    """Pv list and pv status tell the same on a terminal."""
    status, _, err = pv("report")

    assert status == 2
    assert "Missing option '--html'" in err


def test_an_empty_selection_writes_nothing(shelf, pv):
    """A typing error in a path must not look like an empty fleet."""
    status, _, err = pv("report", "nowhere", "--html", "page.html")

    assert status == 4
    assert "PV707" in err
    assert not (shelf.root / "page.html").exists()


def test_no_plugin_and_no_numbers_library_is_loaded(everything):
    """A page of a stranger's contracts runs nothing of theirs, and needs no more than validation."""
    import subprocess
    import sys

    script = (
        "import sys; from pvcheck.cli import main\ntry: main()\nexcept SystemExit: pass\nprint(sorted(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, "report", "--html", "page.html"], capture_output=True, text=True, check=True
    )

    loaded = done.stdout.splitlines()[-1]
    assert (everything.root / "page.html").is_file()
    assert not [each for each in ("numpy", "numba", "pluggy", "pydantic", "pvcheck_q4k") if f"'{each}'" in loaded]
