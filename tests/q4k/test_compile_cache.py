"""Compiled kernels between processes: kept where only the user can write, never stale, never in the way."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import pvcheck_q4k
from pvcheck_q4k import compile_cache

PACKAGE = Path(pvcheck_q4k.__file__).parent

PROBE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import probe
value = probe.triple(14)
print(json.dumps([value, sum(probe.triple.stats.cache_hits.values()), str(probe.compile_cache.folder())]))
"""
MODULE = """
from pvcheck_q4k import compile_cache

@compile_cache.kernel
def triple(n):
    return 3 * n
"""


class Place:
    """A user's cache folder, and processes that compile one small kernel through it."""

    def __init__(self, root):
        self.root = root
        (root / "probe").mkdir()
        (root / "probe" / "probe.py").write_text(MODULE)
        self.home = root / "home"

    def run(self, **environment):
        """Run a process; return the kernel's answer, its cache hits and the folder."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG", "HOME"))}
        command = [sys.executable, "-W", "error", "-c", PROBE, str(self.root / "probe")]
        environment = clean | (environment or {"HOME": str(self.home)})
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def files(self, suffix):
        """Return the cache's files of a kind."""
        return sorted(self.home.rglob(f"*{suffix}"))


@pytest.fixture
def place(tmp_path):
    """Return a fresh place."""
    return Place(tmp_path)


def test_the_second_process_compiles_nothing(place):
    """The first process stores what it compiled; the second loads it."""
    first, second = place.run(), place.run()

    assert first[:2] == [42, 0]
    assert second[:2] == [42, 1]
    assert Path(first[2]).parent == place.home / ".cache" / "pvcheck" / "numba"
    assert [file.parent for file in place.files(".nbc")] == [Path(first[2])]
    for folder in (Path(first[2]), *list(Path(first[2]).parents)[:3]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not [path for path in PACKAGE.rglob("*") if path.suffix in {".nbi", ".nbc"}]


@pytest.mark.parametrize("suffix", [".nbc", ".nbi"], ids=["entry", "index"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[: len(data) // 2],
        lambda data: b"garbage" + data[7:],
        lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
    ],
    ids=["emptied", "cut", "garbage", "flipped"],
)
def test_161_a_damaged_cache_costs_time_and_nothing_else(place, suffix, damage):
    """The kernel is compiled again, the answer is right, and the next process finds a sound cache."""
    place.run()
    (file,) = place.files(suffix)
    file.write_bytes(damage(file.read_bytes()))

    answer, hits, _ = place.run()

    assert answer == 42
    assert hits == 0 or suffix == ".nbi"  # one bit of an index may mean nothing
    assert place.run()[:2] == [42, 1]


def test_161_an_entry_that_is_gone_is_compiled_again(place):
    """An index that names a deleted entry is no error."""
    place.run()
    place.files(".nbc")[0].unlink()

    assert place.run()[:2] == [42, 0]
    assert place.run()[:2] == [42, 1]


def test_161_a_place_that_cannot_hold_a_cache_is_done_without(place):
    """Without a home, and with a file where the folder should be, kernels are compiled and not kept."""
    place.home.write_text("not a folder")

    assert place.run() == [42, 0, "None"]
    assert place.run(PATH="") == [42, 0, "None"]


def test_xdg_cache_home_comes_first(place):
    """An absolute XDG_CACHE_HOME is taken; numba's own variables are not."""
    elsewhere = place.root / "elsewhere"

    folder = place.run(XDG_CACHE_HOME=str(elsewhere), HOME=str(place.home), NUMBA_CACHE_DIR=str(place.root / "numba"))[
        2
    ]

    assert Path(folder).is_relative_to(elsewhere)
    assert not place.home.exists()
    assert not (place.root / "numba").exists()


def test_root_follows_the_environment():
    """XDG_CACHE_HOME if absolute, else ~/.cache, else nothing."""
    assert compile_cache.root({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x")
    assert compile_cache.root({"XDG_CACHE_HOME": "x", "HOME": "/h"}) == Path("/h/.cache")
    assert compile_cache.root({"HOME": ""}) is None
    assert compile_cache.root({}) is None


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    """Whoever can write the folder can plant code: group or world write, a symlink and a foreign owner are refused."""
    for mode in (0o720, 0o702):
        (tmp_path / f"{mode:o}").mkdir()
        (tmp_path / f"{mode:o}").chmod(mode)
        assert compile_cache.private_folder(tmp_path, (f"{mode:o}", "key")) is None
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")

    assert compile_cache.private_folder(tmp_path, ("link",)) is None
    assert compile_cache.private_folder(tmp_path, ("real", "key")) == tmp_path / "real" / "key"


def test_a_start_that_anyone_may_write_is_refused(tmp_path):
    """In a folder without the sticky bit anyone can put another folder in place of ours."""
    tmp_path.chmod(0o777)
    assert compile_cache.private_folder(tmp_path, ("key",)) is None

    tmp_path.chmod(0o1777)
    assert compile_cache.private_folder(tmp_path, ("key",)) is not None


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    """The folder must belong to the user that runs."""
    assert compile_cache.private_folder(tmp_path, ("mine",)) is not None
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    assert compile_cache.private_folder(tmp_path, ("mine",)) is None


def test_no_start_is_no_folder():
    """Without a cache folder there is nothing to make."""
    assert compile_cache.private_folder(None, ("a",)) is None


@pytest.mark.parametrize("name", ["blocks.py", "cpu.py", "results.py"])
def test_161_a_changed_source_is_another_folder(tmp_path, name):
    """One changed constant in any source file changes the key; an untouched copy does not."""
    copy = tmp_path / "copy"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = compile_cache.key(copy, {})

    path = copy / name
    path.write_text(path.read_text() + "\nQS_AT: Final = 17\n")

    assert before == compile_cache.key(PACKAGE, {})
    assert compile_cache.key(copy, {}) != before


def test_numbas_variables_make_another_folder():
    """Code compiled with other settings, such as bounds checks, is not mixed with ours."""
    keys = {compile_cache.key(PACKAGE, env) for env in ({}, {"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_OPT": "0"})}

    assert len(keys) == 3
    assert compile_cache.key(PACKAGE, {"PATH": "/bin"}) in keys


@pytest.mark.parametrize("part", ["numba.__version__", "llvmlite.__version__", "platform.python_version"])
def test_161_another_library_is_another_folder(monkeypatch, part):
    """Numba, llvmlite and Python are part of the key."""
    before = compile_cache.key(PACKAGE, {})
    value = "0.0.1" if part.endswith("__version__") else lambda: "3.0.0"
    monkeypatch.setattr(f"pvcheck_q4k.compile_cache.{part}", value)

    assert compile_cache.key(PACKAGE, {}) != before
