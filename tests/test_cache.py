"""Packs: lines that come back as they were put in, or not at all, and a folder that nobody else can write."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pvcheck import cache

LINES = {b"s1": b'{"a":1}', b"r2": b"[1,2]"}


@pytest.fixture
def folder(tmp_path):
    """Give the folder of the packs below a cache folder that is not there yet."""
    return cache.place({"XDG_CACHE_HOME": str(tmp_path / "xdg")})


@pytest.fixture
def pack(folder):
    """Give a pack that was saved."""
    path = folder / cache.name_of("/project")
    assert cache.save(path, LINES)
    return path


def test_what_was_saved_is_loaded_in_its_order(pack):
    """Keys, values and order come back."""
    assert list(cache.load(pack).items()) == list(LINES.items())
    assert stat.S_IMODE(pack.stat().st_mode) == 0o600
    assert [stat.S_IMODE(each.stat().st_mode) for each in (pack.parent, pack.parent.parent)] == [0o700, 0o700]


def test_a_pack_with_any_byte_changed_is_not_there(pack):
    """No single damaged byte goes unseen."""
    whole = pack.read_bytes()
    for index in range(len(whole)):
        pack.write_bytes(whole[:index] + bytes([whole[index] ^ 0x55]) + whole[index + 1 :])
        assert cache.load(pack) == {}, index
    pack.write_bytes(whole)
    assert cache.load(pack) == LINES


def test_a_pack_that_was_cut_or_grew_is_not_there(pack):
    """Neither a part of a pack nor one with more behind it is believed."""
    whole = pack.read_bytes()
    for data in (*(whole[:size] for size in range(len(whole))), whole + b"\n", whole + b"x", b"\0" * 100):
        pack.write_bytes(data)
        assert cache.load(pack) == {}


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "nothing", "large"])
def test_what_is_no_plain_file_is_not_there(pack, kind):
    """Nothing hangs on a pipe, follows a link or reads without end."""
    pack.rename(pack.with_suffix(".kept"))
    if kind == "folder":
        pack.mkdir()
    elif kind == "pipe":
        os.mkfifo(pack)
    elif kind == "link":
        pack.symlink_to(pack.with_suffix(".kept"))
    elif kind == "large":
        with pack.open("wb") as file:
            file.truncate(cache.MAX_PACK + 2048)

    assert cache.load(pack) == {}


@pytest.mark.parametrize(("which", "mode"), [("pack", 0o620), ("pack", 0o602), ("own", 0o770), ("own", 0o707)])
def test_what_others_can_write_is_not_believed(pack, which, mode):
    """A pack that somebody else could have written is not there, and its folder is not written."""
    (pack if which == "pack" else pack.parent).chmod(mode)

    assert cache.load(pack) == {}
    assert cache.save(pack, LINES) is (which == "pack")


def test_a_folder_under_one_in_which_everybody_can_rename_is_not_used(tmp_path):
    """Above the folders that are ours, the sticky bit decides."""
    loose = tmp_path / "loose"
    loose.mkdir()
    place = cache.place({"XDG_CACHE_HOME": str(loose / "xdg")})
    loose.chmod(0o777)
    refused = cache.save(place / cache.name_of("/p"), LINES)
    loose.chmod(0o1777)

    assert not refused
    assert cache.save(place / cache.name_of("/p"), LINES)


def test_a_link_to_a_loose_place_is_seen_through(tmp_path):
    """Where the cache folder is a link, the folders around what it points at count too."""
    loose = tmp_path / "loose"
    (loose / "inner").mkdir(parents=True)
    loose.chmod(0o777)
    (tmp_path / "xdg").symlink_to(loose / "inner")

    assert not cache.save(cache.place({"XDG_CACHE_HOME": str(tmp_path / "xdg")}) / cache.name_of("/p"), LINES)


@pytest.mark.parametrize("name", ["pvcheck", "pvcheck/validate"])
def test_a_link_in_place_of_our_folder_is_not_used(tmp_path, name):
    """A folder of ours is a folder, and no link to one."""
    (tmp_path / "else" / "validate").mkdir(parents=True)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "else")

    assert not cache.save(cache.place({"XDG_CACHE_HOME": str(tmp_path)}) / cache.name_of("/p"), LINES)


@pytest.mark.parametrize("start", ["a file", "a file/below", "nul\0byte"])
def test_a_cache_folder_that_cannot_be_made_costs_nothing(tmp_path, start):
    """Where nothing can be written, nothing is remembered and nothing is raised."""
    (tmp_path / "a file").touch()
    path = tmp_path / start / "pvcheck" / "validate" / cache.name_of("/p")

    assert not cache.save(path, LINES)
    assert cache.load(path) == {}


def test_a_disk_that_refuses_leaves_nothing_behind(pack, monkeypatch):
    """A pack that could not be written is the old one, and no half of the new one lies beside it."""
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))

    assert not cache.save(pack, {b"r9": b"9"})
    assert cache.load(pack) == LINES
    assert list(pack.parent.iterdir()) == [pack]


def test_a_pack_keeps_what_was_used_last(pack, monkeypatch):
    """Where not everything fits, the first lines go."""
    monkeypatch.setattr(cache, "MAX_PACK", 30)

    cache.save(pack, {b"r%d" % number: b"0123456789" for number in range(9)})

    assert list(cache.load(pack)) == [b"r7", b"r8"]


def test_packs_of_many_projects_are_bounded(folder, monkeypatch):
    """The pack that was written longest ago goes."""
    monkeypatch.setattr(cache, "MAX_PACKS", 2)
    paths = [folder / cache.name_of(f"/p{number}") for number in range(3)]
    for age, path in enumerate(paths):
        cache.save(path, LINES)
        os.utime(path, ns=(age, age))
    cache.save(paths[2], LINES)

    assert sorted(folder.iterdir()) == sorted(paths[1:])


def test_what_killed_runs_left_is_removed_when_nobody_can_be_writing_it(pack):
    """An hour later, and no sooner."""
    left = [pack.with_name(f"{pack.name}.{number}.new") for number in (1, 2)]
    for each in left:
        each.touch()
    os.utime(left[0], (0, 0))

    cache.save(pack, LINES)

    assert sorted(pack.parent.iterdir()) == sorted([pack, left[1]])


def test_nothing_is_made_in_the_folder_of_another_user(tmp_path, monkeypatch):
    """With sudo, the home may be that of who called it: a folder of root's would shut its owner out."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    (tmp_path / "xdg").mkdir()
    path = cache.place({"XDG_CACHE_HOME": str(tmp_path / "xdg")}) / cache.name_of("/p")
    os.chown(tmp_path / "xdg", 1234, -1) if os.getuid() == 0 else None

    assert not cache.save(path, LINES)
    assert list((tmp_path / "xdg").iterdir()) == []


def test_clearing_removes_our_files_and_no_others(pack):
    """Packs and what a killed run left of one go; whatever else lies there stays."""
    left = pack.with_name(f"{pack.name}.123.new")
    left.write_bytes(b"half")
    others = [pack.with_name(name) for name in ("notes.txt", "x.pack", f"{pack.name}.new", f"{pack.name}.1.new.old")]
    for each in others:
        each.touch()
    size = pack.stat().st_size + 4

    assert cache.clear(pack.parent) == (2, size)
    assert sorted(pack.parent.iterdir()) == sorted(others)
    assert cache.clear(pack.parent) == (0, 0)
    assert cache.clear(pack.parent / "nowhere") == (0, 0)


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        pytest.param({"XDG_CACHE_HOME": "/x"}, "/x/pvcheck/validate", id="named"),
        pytest.param({"XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/pvcheck/validate", id="relative"),
        pytest.param({"HOME": "/h"}, "/h/.cache/pvcheck/validate", id="home"),
        pytest.param({"HOME": "h"}, None, id="relative home"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_place_follows_the_environment(variables, place):
    """Only absolute folders count, the named one first, and off is off."""
    assert cache.place(variables) == (place and Path(place))
    assert cache.wanted(variables) == (place and Path(place))
    assert cache.wanted(variables | {"PVCHECK_CACHE": "off"}) is None


def test_two_that_save_at_once_leave_a_whole_pack(folder):
    """Whatever a reader sees is what one of the writers wrote."""
    path = folder / cache.name_of("/p")
    code = (
        "import sys; from pathlib import Path; from pvcheck import cache\n"
        "lines = {b'r%d' % n: sys.argv[2].encode() * 1000 for n in range(200)}\n"
        "for _ in range(60): assert cache.save(Path(sys.argv[1]), lines)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    seen = set()
    while any(each.poll() is None for each in writers):
        if found := cache.load(path):
            seen.add(len(found))
            assert len(set(found.values())) == 1

    assert [each.returncode for each in writers] == [0, 0]
    assert seen <= {200}
    assert len(cache.load(path)) == 200
    assert list(folder.iterdir()) == [path]
