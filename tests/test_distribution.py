"""What is shipped, and what is installed: every file of the wheel, every hash of the lock files, every action."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = {
    "pvcheck": ROOT / "pvcheck",
    **{f"pvcheck_{each}": ROOT / "plugins" / each / f"pvcheck_{each}" for each in ("dask", "general", "q4k")},
    "pvcheck/schemas": ROOT / "schemas",
}
"""Where the packages of the wheel come from."""
OWN = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
BUILD = "import sys, hatchling.build as b; b.build_wheel(sys.argv[1]); b.build_sdist(sys.argv[1])"
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PINNED = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)( ; [^\\]+)?((?: --hash=sha256:[0-9a-f]{64})+)")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the wheel and the source distribution, and return their folder."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    """Return the files of the wheel with their bytes."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def sources(folder):
    """Return the files of a package of the repository, by their names in it."""
    found = (each for each in folder.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


def test_the_wheel_has_what_the_repository_has_for_it_and_nothing_else(wheel):
    """No test, no contract but the one of the demo, no model but its own, nothing that was lying about."""
    expected = {f"{name}/{path}": data for name, place in PACKAGES.items() for path, data in sources(place).items()}
    about = {name for name in wheel if ".dist-info/" in name}

    assert {name.partition(".dist-info/")[2] for name in about} == OWN
    assert sorted(wheel.keys() - about) == sorted(expected)
    assert {name for name in expected if wheel[name] != expected[name]} == set()


def test_no_kind_of_file_is_in_the_wheel_that_nobody_expects(wheel):
    """A compiled module, an archive or a key would be one."""
    kinds = {Path(name).suffix for name in wheel if ".dist-info/" not in name}

    assert kinds == {".py", ".md", ".json", ".yaml", ".gguf", ".css", ".js", ".in", ".typed"}
    assert [name for name in wheel if name.endswith((".yaml", ".gguf"))] == [
        "pvcheck/demo_data/trace-ffn-sub-block-gguf-v1.yaml",
        "pvcheck/demo_data/teachers/synthetic-28.gguf",
    ]


def test_the_record_of_the_wheel_has_every_digest(wheel):
    """An installer checks these."""
    name = next(each for each in wheel if each.endswith("/RECORD"))
    rows = {path: (digest, size) for path, digest, size in csv.reader(io.StringIO(wheel[name].decode()))}

    assert rows.pop(name) == ("", "")
    assert rows.keys() == wheel.keys() - {name}
    for path, (digest, size) in rows.items():
        found = base64.urlsafe_b64encode(hashlib.sha256(wheel[path]).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={found}", len(wheel[path]))


def test_the_wheel_installs_commands_and_plugins_and_runs_nothing_else(wheel):
    """Names, entry points and dependencies are those of pyproject.toml; there is no script of its own."""
    about = {name.rpartition("/")[2]: data.decode() for name, data in wheel.items() if ".dist-info/" in name}
    wanted = {(group, name, value) for group, table in entry_points().items() for name, value in table.items()}
    parts = re.findall(r"\[(.+)\]\n((?:.+ = .+\n)+)", about["entry_points.txt"])
    found = {(group, *line.split(" = ")) for group, lines in parts for line in lines.splitlines()}

    assert found == wanted
    assert "Root-Is-Purelib: true" in about["WHEEL"]
    needed = re.findall(r"^Requires-Dist: ([A-Za-z0-9-]+)", about["METADATA"], re.MULTILINE)
    project = SETTINGS["project"]
    several = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    wanted = {normal(re.match(r"[\w-]+", each)[0]) for each in several} - {normal(project["name"])}
    assert {normal(each) for each in needed} == wanted


def entry_points():
    """Return the entry points that pyproject.toml declares."""
    return {"console_scripts": SETTINGS["project"]["scripts"], **SETTINGS["project"]["entry-points"]}


def normal(name):
    """Return the one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_source_distribution_builds_the_same_wheel(built, wheel, tmp_path):
    """It has the packages, what tells about them, and no test."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    root = next(tmp_path.iterdir())
    words = [sys.executable, "-c", BUILD.rpartition(";")[0], str(tmp_path)]
    subprocess.run(words, cwd=root, check=True, capture_output=True)

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        again = {name: archive.read(name) for name in archive.namelist()}
    assert again == wheel
    tops = {each.name for each in root.iterdir()} - {".gitignore"}
    about = {"README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", "pyproject.toml"}
    assert tops == {"pvcheck", "plugins", "schemas", *about}


@pytest.mark.parametrize("path", LOCKS, ids=lambda each: each.name)
def test_everything_that_is_installed_has_its_digest(path):
    """One version and at least one SHA-256 for each; no address, no index, no file of somewhere else."""
    lines = path.read_text().replace(" \\\n   ", "").splitlines()

    wrong = [line for line in lines if PINNED.fullmatch(line) is None]
    assert wrong == []
    assert len(lines) > 5
    assert "://" not in path.read_text()


def test_every_lock_file_is_looked_at():
    """What is installed from elsewhere would be installed unseen."""
    text = (ROOT / ".ci" / "dev.py").read_text()

    assert {each.name for each in LOCKS} == set(re.findall(r'"(requirements[\w-]*\.lock)": \(', text))
    assert '"--require-hashes", "--only-binary", ":all:"' in text
    assert "--require-hashes --only-binary :all:" in (ROOT / "action.yml").read_text()


@pytest.mark.parametrize("path", [ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml"], ids=lambda each: each.name)
def test_nobody_elses_action_is_used(path):
    """What has to be pinned is not there: steps run programs of this repository and nothing else."""
    text = path.read_text()

    assert yaml.safe_load(text)
    assert "uses:" not in text.replace("using:", "")
    assert "secrets." not in text
