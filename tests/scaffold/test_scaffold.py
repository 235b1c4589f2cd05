"""What ``pv new`` writes: whole or not at all, and what the example of the repository began as."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pvcheck import scaffold
from pvcheck.errors import ConfigError, NotMeasuredError

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "plugins" / "example"
WORDS = {"name": "example", "package": "pvcheck_example", "distribution": "pvcheck-example", "upper": "EXAMPLE"}


def below(folder):
    """Return the paths of all files of a package, without what running it makes."""
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each for each in files if not {"__pycache__"} & set(each.parts)}


def test_every_word_of_a_template_is_replaced():
    """No dollar is left, and no path keeps the word of a template."""
    files = scaffold.filled("plugin", WORDS)

    assert "pvcheck_example/plugin.py" in files
    assert "contracts/example.yaml" in files
    words = {path: text.removeprefix("# yaml-language-server: $schema=") for path, text in files.items()}
    assert not [path for path, text in words.items() if "$" in text or "NAME" in path or path.endswith(".in")]


def test_what_is_written_is_what_was_filled_in(tmp_path):
    """Each file once, in folders that did not exist."""
    folder, files = scaffold.new_plugin("row-norms", tmp_path / "deep" / "there")

    assert folder == tmp_path / "deep" / "there"
    assert set(below(folder)) == set(files)
    assert "pvcheck_row_norms/plugin.py" in files
    assert sorted(each.name for each in folder.parent.iterdir()) == ["there"]


def test_the_python_of_the_templates_is_formatted_and_clean(tmp_path):
    """In the folder of the package, where pvcheck is somebody else's."""
    folder, _ = scaffold.new_plugin("sums", tmp_path / "sums")
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--select", "ALL", "--ignore", "CPY001,COM812,D203,D213,EM,INP001,S101,TRY003"]

    formatted = subprocess.run(
        [*ruff, "format", "--isolated", "--line-length", "120", "--check", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    clean = subprocess.run(
        [*ruff, "check", "--isolated", "--line-length", "120", *rules, "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (formatted.returncode, clean.returncode) == (0, 0), formatted.stdout + clean.stdout


@pytest.mark.parametrize(
    "name", ["", "Sums", "1sum", "row_norms", "row--norms", "row-", "-row", "a b", "../x", "é", "x" * 41, "lambda"]
)
def test_a_name_that_fits_not_everywhere_is_refused(name, tmp_path):
    """It must name a plugin, an evaluator, a distribution and a package."""
    with pytest.raises(ConfigError) as caught:
        scaffold.new_plugin(name, tmp_path / "new")

    assert [each.code for each in caught.value.findings] == ["PV733"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_a_place_that_is_taken_is_refused(kind, tmp_path):
    """What is there stays as it is."""
    place = tmp_path / "taken"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")

    with pytest.raises(ConfigError, match="PV706 the folder is there already"):
        scaffold.new_plugin("sums", place)

    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def test_a_disk_that_refuses_leaves_nothing(tmp_path, monkeypatch):
    """Killed in the middle of the files, there is no half a package."""
    written = []
    write = Path.write_text

    def full(self, *words, **options):
        written.append(self)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        return write(self, *words, **options)

    monkeypatch.setattr(Path, "write_text", full)

    with pytest.raises(NotMeasuredError, match="PV711 cannot write: no space left on device"):
        scaffold.new_plugin("sums", tmp_path / "sums")

    assert list(tmp_path.iterdir()) == []


def test_the_example_of_the_repository_began_as_what_is_written():
    """The same files but for the data of its contract, and the same text where an author changes nothing."""
    wanted = scaffold.filled("plugin", WORDS)
    found = {path: each.read_text(encoding="utf-8") for path, each in below(EXAMPLE).items()}

    def without_contracts(paths):
        return sorted(path for path in paths if not path.startswith("contracts/"))

    def project(text):
        return re.sub(r"^description = .*$", "", text, flags=re.MULTILINE)

    assert without_contracts(found) == without_contracts(wanted)
    assert project(found["pyproject.toml"]) == project(wanted["pyproject.toml"])
    for path in (".gitignore", "tests/conftest.py"):
        assert found[path] == wanted[path]
