"""Many contracts at once: the answers are those of one after the other, whatever is remembered and whoever helps."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from helpers import a_record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pvcheck import cache, config
from pvcheck.evidence import store
from pvcheck.loading import catalogue
from pvcheck.loading import contract as loading
from pvcheck.pipeline import checking, fleets, outlining, remembering, spreading
from pvcheck.report import tally

NAMES = ("one", "two", "three", "four")
TODAY = date(2026, 11, 22)
CONTRACT = """\
metadata:
  schema: 1
  id: C-{name}
  version: 1.0.0
  status: ACTIVE
  depends_on: [{depends}]
inputs:
  model: {{format: gguf, path: ../files/model.bin}}
falsification_tests:
- id: F-1
  rule: growth is bounded
  test: tests/test_{name}.py
  evaluator: probe
  with: {{model: model}}
  expect: {{growth: < 18, count: '>= 4'}}
  status: DISCHARGED
  evidence: none yet
- id: F-2
  rule: nobody measures this
  status: PROPOSED
amendments: []
"""
IGNORE = """\
[[ignore]]
code = "PV319"
reason = "the tests arrive with the next change"
{more}
"""


class Fleet:
    """A project of four contracts with records, an input, settings and a catalogue, and a cache beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.variables = {"XDG_CACHE_HOME": str(root.parent / "cache")}
        self.today = TODAY
        for name in ("contracts", "files", "schemas", "tests"):
            (root / name).mkdir(parents=True)
        (root / "pv.toml").write_text('contracts = ["contracts"]\n')
        (root / "files" / "model.bin").write_bytes(b"weights")
        shutil.copy(catalogue.place(root), root / "schemas" / "evaluators.json")
        for number, name in enumerate(NAMES):
            if name != "four":
                (root / "tests" / f"test_{name}.py").touch()
            self.add(name, NAMES[number - 1] if number else "")

    def add(self, name: str, depends: str) -> None:
        """Write a contract and the record that it needs."""
        path = self.root / "contracts" / f"{name}.yaml"
        text = CONTRACT.format(name=name, depends=depends)
        record = a_record(loading.load(text.encode(), str(path)), inputs=_read(b"weights"))
        store.save(path, record)
        path.write_text(text.replace("none yet", record.reference))

    def paths(self) -> list[Path]:
        """Return the contracts that are there."""
        return sorted((self.root / "contracts").glob("*.yaml"))

    def plain(self) -> object:
        """Return what is found one after the other, with nothing remembered."""
        config.of_folder.cache_clear()
        return verdict(partial(checking.check_all, self.paths(), self.today))

    def remembered(self) -> object:
        """Return what is found with what is remembered."""
        config.of_folder.cache_clear()
        return verdict(partial(fleets.check_all, self.paths(), self.variables, today=self.today))

    @property
    def pack(self) -> Path:
        """The file of what is remembered."""
        code = remembering.code_of() or b""
        return cache.place(self.variables) / cache.name_of(os.path.realpath(self.root), code)


def _read(data):
    """Return what a record says of an input of which everything was read."""
    from pvcheck.domain.digest import of_ranges, sha256

    whole = {"sha256": sha256(data), "read_sha256": of_ranges(memoryview(data), [(0, len(data))])}
    return {"model": whole | {"ranges": [[0, len(data)]], "size": len(data)}}


def verdict(check):
    """Return all that a command shows of checked files, or the error that ends it."""
    try:
        checked = check()
    except Exception as error:  # noqa: BLE001 - whatever ends one has to end the other
        return repr(error)
    shown = [(str(each.path), each.findings, each.ignored, each.used, tally.counted(each)) for each in checked]
    return shown, tally.of_checked(checked)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch):
    """Remember from one contract on."""
    monkeypatch.setattr(fleets, "MANY", 1)


@pytest.fixture
def checks(monkeypatch):
    """Count the contracts that are checked rather than remembered."""
    seen: list[str] = []
    real = checking.check

    def check(path, *rest):
        seen.append(path.stem)
        return real(path, *rest)

    monkeypatch.setattr(checking, "check", check)
    return seen


@pytest.fixture
def later(monkeypatch):
    """Let every file be old enough for a stamp."""
    real = remembering.time.time_ns
    monkeypatch.setattr(remembering.time, "time_ns", lambda: real() + 2 * remembering.SETTLED)


@pytest.fixture
def fleet(tmp_path):
    """Give a fleet."""
    return Fleet(tmp_path / "project")


def tick(place: Path) -> None:
    """Wait until the file system's clock has gone on: a few milliseconds."""
    mark = place / ".tick"
    mark.touch()
    before = mark.stat().st_ctime_ns
    while mark.stat().st_ctime_ns == before:
        mark.touch()


def swap(path: Path, old: bytes, new: bytes, *, keep_times: bool = False) -> None:
    """Replace bytes in a file, if they are there."""
    if path.is_file():
        status = path.stat()
        path.write_bytes(path.read_bytes().replace(old, new))
        if keep_times:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def record_of(fleet: Fleet, name: str) -> Path:
    """Return a record of a contract, or a path that leads nowhere."""
    return next(iter(sorted((fleet.root / "contracts" / "evidence" / name).glob("*.json"))), fleet.root / "nothing")


def of(name: str, fleet: Fleet) -> Path:
    """Return the file of a contract."""
    return fleet.root / "contracts" / f"{name}.yaml"


EDITS = {
    "touch": lambda fleet, name: of(name, fleet).exists() and os.utime(of(name, fleet)),
    "bound": lambda fleet, name: swap(of(name, fleet), b"< 18", b"< 17"),
    "same size, same time": lambda fleet, name: swap(of(name, fleet), b"< 18", b"< 19", keep_times=True),
    "back again": lambda fleet, name: [swap(of(name, fleet), each, b"< 18") for each in (b"< 17", b"< 19")],
    "status": lambda fleet, name: swap(of(name, fleet), b"DISCHARGED", b"FALSIFIED "),
    "id": lambda fleet, name: swap(of(name, fleet), b"C-" + name.encode(), b"C-one"),
    "broken": lambda fleet, name: swap(of(name, fleet), b"amendments: []", b"amendments: ]["),
    "mended": lambda fleet, name: swap(of(name, fleet), b"amendments: ][", b"amendments: []"),
    "delete": lambda fleet, name: of(name, fleet).unlink(missing_ok=True),
    "add": lambda fleet, name: fleet.add(name, "four"),
    "rename": lambda fleet, name: of(name, fleet).exists() and of(name, fleet).rename(of("five", fleet)),
    "link": lambda fleet, name: of("six", fleet).is_symlink() or of("six", fleet).symlink_to(of(name, fleet)),
    "record gone": lambda fleet, name: record_of(fleet, name).unlink(missing_ok=True),
    "record edited": lambda fleet, name: swap(record_of(fleet, name), b"held", b"hold"),
    "record, same time": lambda fleet, name: swap(record_of(fleet, name), b"1.5", b"1.6", keep_times=True),
    "input": lambda fleet, _: swap(fleet.root / "files" / "model.bin", b"weights", b"WEIGHTS"),
    "input, same time": lambda fleet, _: swap(fleet.root / "files" / "model.bin", b"w", b"W", keep_times=True),
    "input gone": lambda fleet, _: (fleet.root / "files" / "model.bin").unlink(missing_ok=True),
    "input outside": lambda fleet, name: swap(of(name, fleet), b"../files/", b"../../../"),
    "named file": lambda fleet, name: (fleet.root / "tests" / f"test_{name}.py").touch(),
    "named file gone": lambda fleet, name: (fleet.root / "tests" / f"test_{name}.py").unlink(missing_ok=True),
    "ignored": lambda fleet, _: (fleet.root / "pv.toml").write_text(IGNORE.format(more="")),
    "ignored by id": lambda fleet, _: (fleet.root / "pv.toml").write_text(IGNORE.format(more='id = "F-1"')),
    "ignored until": lambda fleet, _: (fleet.root / "pv.toml").write_text(IGNORE.format(more="until = 2026-11-22")),
    "cycle ignored": lambda fleet, _: (fleet.root / "pv.toml").write_text(
        IGNORE.format(more='id = "F-1"').replace("PV319", "PV321")
    ),
    "challenge": lambda fleet, _: (fleet.root / "pv.toml").write_text("challenge = {min = 0.5}\n"),
    "settings broken": lambda fleet, _: (fleet.root / "pv.toml").write_text("contracts = 3\n"),
    "settings": lambda fleet, _: (fleet.root / "pv.toml").write_text("timeout = 3\n"),
    "catalogue": lambda fleet, _: swap(fleet.root / "schemas" / "evaluators.json", b'"arithmetic"', b'"probe"'),
    "catalogue broken": lambda fleet, _: (fleet.root / "schemas" / "evaluators.json").write_text("{}"),
    "catalogue gone": lambda fleet, _: (fleet.root / "schemas" / "evaluators.json").unlink(missing_ok=True),
    "tomorrow": lambda fleet, _: setattr(fleet, "today", fleet.today + timedelta(days=1)),
    "cleared": lambda fleet, _: cache.clear(fleet.pack.parent),
    "pack damaged": lambda fleet, _: swap(fleet.pack, b"F", b"G"),
    "pack of nonsense": lambda fleet, _: cache.save(fleet.pack, {b"s" + b"0" * 32: b"3"}),
}
"""What may happen between two runs, by name."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.sampled_from(NAMES)), min_size=1, max_size=6))
@pytest.mark.parametrize("aged", [False, True], ids=["new files", "old files"])
def test_what_is_remembered_never_changes_an_answer(tmp_path_factory, aged, edits):
    """Law: after any edits, a run with a cache says what one without says, and says it again."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet") / "project")
    real = remembering.time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        if aged:
            patch.setattr(remembering.time, "time_ns", lambda: real() + 2 * remembering.SETTLED)
        assert fleet.remembered() == fleet.plain()
        for name, contract in edits:
            tick(fleet.root)
            EDITS[name](fleet, contract)
            assert fleet.remembered() == fleet.plain() == fleet.remembered()


@pytest.mark.parametrize("edit", sorted(EDITS))
def test_each_edit_is_seen(fleet, later, edit):
    """The same for every edit by itself, and it is one that leaves an answer to compare."""
    first = fleet.remembered()
    tick(fleet.root)

    EDITS[edit](fleet, "two")

    assert fleet.remembered() == fleet.plain() == fleet.remembered()
    assert first == (fleet.plain() if edit in SILENT else first)


SILENT = {
    "touch",
    "input gone",
    "named file",
    "mended",
    "back again",
    "cleared",
    "pack damaged",
    "pack of nonsense",
    "settings",
}
"""Edits that change no answer."""


@pytest.mark.parametrize(
    "edit", sorted(set(EDITS) - SILENT - {"add", "catalogue gone", "link", "tomorrow", "ignored until"})
)
def test_an_edit_of_the_law_changes_the_answer(fleet, edit):
    """An edit that changed nothing would test nothing."""
    first = fleet.plain()

    EDITS[edit](fleet, "two")

    assert fleet.plain() != first


def test_what_is_known_is_not_checked_again(fleet, later, checks):
    """Nothing changed: nothing is checked and nothing is written. One changed: that one is checked."""
    fleet.remembered()
    written = fleet.pack.stat().st_ino
    del checks[:]

    fleet.remembered()
    after = fleet.pack.stat().st_ino
    unchanged = list(checks)
    swap(of("two", fleet), b"< 18", b"< 17")
    fleet.remembered()

    assert unchanged == []
    assert after == written
    assert checks == ["two"]


def test_an_old_file_is_not_read_again_and_a_new_one_is(fleet, later, monkeypatch):
    """A stamp saves reading; a file without one is read, and its digest decides."""
    fleet.remembered()
    seen = []
    real = remembering.files.read_inside
    monkeypatch.setattr(
        remembering.files, "read_inside", lambda path, *rest: seen.append(Path(path).name) or real(path, *rest)
    )

    fleet.remembered()
    old = [name for name in seen if name not in {"pv.toml", "evaluators.json"}]
    os.utime(of("three", fleet))
    tick(fleet.root)
    fleet.remembered()

    assert old == []
    assert {name for name in seen if name.endswith(("yaml", "bin"))} == {"three.yaml", "model.bin"}


def test_a_file_that_changed_just_now_has_no_stamp(fleet, checks):
    """Its next change could leave the same times, so its digest decides; what is known stays known."""
    fleet.remembered()
    seals = [value.partition(b" ")[2] for key, value in cache.load(fleet.pack).items() if key[:1] == b"s"]
    del checks[:]

    fleet.remembered()

    assert seals == [b"", b"", b"", b""]
    assert checks == []


@pytest.mark.parametrize(
    ("before", "after", "now", "lasts"),
    [
        pytest.param([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 6 + remembering.SETTLED, True, id="old"),
        pytest.param([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 5 + remembering.SETTLED, False, id="at the limit"),
        pytest.param([1, 2, 3, 9, 5], [1, 2, 3, 9, 5], 6 + remembering.SETTLED, False, id="written just now"),
        pytest.param([1, 2, 3, 4, 5], [1, 2, 3, 4, 6], 9 + remembering.SETTLED, False, id="changed while read"),
        pytest.param(None, None, 9 + remembering.SETTLED, False, id="no plain file"),
        pytest.param([], [], 9 + remembering.SETTLED, True, id="nothing there"),
    ],
)
def test_a_stamp_lasts_only_if_no_change_can_leave_it(before, after, now, lasts):
    """Both looks agree, and both times lie further back than the coarsest clock."""
    assert remembering.settled(before, after, now) == (before if lasts else None)


@pytest.mark.parametrize("contract", ["a.yaml", "x/a.yaml", "/p/x/a.yaml", "/a.yaml"])
@pytest.mark.parametrize(
    "name", ["b.json", "y/b.json", "../b.json", "y/../b.json", "..b", ".b", "/p/b", "/q/b", "//p/b"]
)
def test_places_are_those_of_the_methods_of_paths(contract, name):
    """Texts are cut because that is faster, and a place that cannot be cut off is worked out."""
    contract = Path(contract)
    path = contract.parent / name
    recorder = remembering.Recorder(contract, "/p/x", "/p")
    is_near = path.is_relative_to(contract.parent)
    whole = str(Path("/p/x", path.relative_to(contract.parent)) if is_near else path)

    place = recorder._place(path)

    assert place == os.path.relpath(whole, "/p")
    assert recorder._near(path) == (str(path.relative_to(contract.parent)) if is_near else None)
    assert recorder.is_whole == (whole.startswith("/") and ".." not in path.parts)


@pytest.mark.parametrize("other", [[[1, 2, 3, 4, 5], []], [[], [1, 2, 3, 4, 5]], [[1, 2, 3, 4, 6]], [[12, 3, 4, 5]]])
def test_other_stamps_have_another_seal(other):
    """Equal stamps have one seal, wherever their numbers come from; what cannot be relied on has none."""
    stamps = [[1, 2, 3, 4, 5]]

    assert remembering.seal_of(stamps) == remembering.seal_of([[int(str(each)) for each in stamps[0]]]) != b""
    assert remembering.seal_of(other) != remembering.seal_of(stamps)
    assert remembering.seal_of([*other, None]) == b""


def test_large_numbers_are_sealed_by_their_value():
    """Two numbers that are equal and one number twice have one seal."""
    one, same = int("1" * 18), int("1" * 18)

    assert one is not same
    assert remembering.seal_of([[one, one]]) == remembering.seal_of([[one, same]])


def test_a_check_leaves_nothing_that_only_a_search_for_cycles_finds(fleet):
    """A thousand contracts are read while nobody searches: what one leaves behind would stay until the end."""
    path = of("two", fleet)
    loading.load(path.read_bytes(), str(path))  # what is read once a process
    gc.collect()
    gc.disable()

    try:
        loading.load(path.read_bytes(), str(path))
        left = gc.collect()
    finally:
        gc.enable()

    assert left == 0


def test_a_day_that_passes_ends_an_ignore(fleet, later):
    """The day is part of what is known where the settings look at it."""
    (fleet.root / "pv.toml").write_text(IGNORE.format(more="until = 2026-11-22"))
    before = fleet.remembered()
    fleet.today += timedelta(days=1)

    assert before != fleet.remembered() == fleet.plain()


def test_a_finding_between_contracts_is_ignored_by_the_id_of_its_block(fleet, later):
    """Blocks with ids are known of a contract whose text is not read again."""
    swap(of("two", fleet), b"depends_on: [one]", b"depends_on: [nowhere]")
    (fleet.root / "pv.toml").write_text(IGNORE.format(more='id = "C-two"').replace("PV319", "PV321"))
    first = fleet.remembered()

    assert first == fleet.plain() == fleet.remembered()
    assert [each.code for _, _, ignored, *_ in first[0] for each in ignored] == ["PV321"]


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_catalogue_that_changes_during_a_run_is_not_remembered(fleet, monkeypatch, change):
    """Nobody knows which one the checks have read."""
    place, real = fleet.root / "schemas" / "evaluators.json", checking.check

    def check(path, *rest):
        found = real(path, *rest)
        place.write_text("{}") if change == "edited" else place.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(checking, "check", check)
    monkeypatch.setattr(catalogue, "place", lambda _: place)
    fleet.remembered()

    assert not fleet.pack.exists()


def test_another_pvcheck_believes_nothing(fleet, later, checks, monkeypatch):
    """A result belongs to the code that made it."""
    fleet.remembered()
    del checks[:]
    monkeypatch.setattr(remembering, "__version__", "9.9.9")

    found = fleet.remembered()
    again = sorted(checks)

    assert found == fleet.plain()
    assert again == sorted(NAMES)


def test_code_that_changes_just_now_is_not_remembered(fleet, monkeypatch):
    """Nobody knows which half of it was imported."""
    monkeypatch.setattr(remembering.time, "time_ns", lambda: 0)

    assert remembering.code_of() is None
    assert fleet.remembered() == fleet.plain()
    assert not cache.place(fleet.variables).exists()


def test_the_code_is_every_file_that_decides(checkout):
    """A module, a schema, a library: each is in the digest."""
    places = {Path(each) for each in remembering._sources(str(checkout / "pvcheck"))}

    assert {path for path in (checkout / "pvcheck").rglob("*.py") if "__pycache__" not in path.parts} <= places
    assert {Path(each).parent.name for each in remembering._libraries() if each} >= {"yaml", "jsonschema_rs"}
    assert list(remembering._sources("/nowhere")) == []


def test_a_project_that_moved_has_the_same_answers(fleet, later):
    """What is remembered of one folder is not believed of another."""
    fleet.remembered()
    moved = shutil.copytree(fleet.root, fleet.root.parent / "moved", symlinks=True)
    swap(moved / "contracts" / "two.yaml", b"< 18", b"< 17")
    fleet.root = moved

    assert fleet.remembered() == fleet.plain()
    assert len(list(fleet.pack.parent.iterdir())) == 2


def test_the_answers_are_those_of_the_folder_one_stands_in(fleet, later, monkeypatch):
    """Paths in messages are spelled as this run spells them."""
    fleet.remembered()
    monkeypatch.chdir(fleet.root / "contracts")
    here = [Path(path.name) for path in fleet.paths()]

    config.of_folder.cache_clear()
    found = verdict(partial(fleets.check_all, here, fleet.variables, today=TODAY))

    assert found == verdict(partial(checking.check_all, here, TODAY))
    assert found[0][0][0] == "four.yaml"


def test_every_byte_of_a_pack_may_be_damaged(fleet, later):
    """Whatever byte of it changes, the answer is the same."""
    wanted = fleet.remembered()
    whole = fleet.pack.read_bytes()
    for index in (*range(120), *range(120, len(whole), 97)):
        fleet.pack.write_bytes(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
        assert fleet.remembered() == wanted


def test_without_a_home_it_works(fleet, checks):
    """No folder of the user: nothing is remembered."""
    fleet.variables = {}

    assert fleet.remembered() == fleet.plain()
    assert len(checks) == 8


def test_few_contracts_are_read_as_they_are(fleet, monkeypatch):
    """A hook on a few files neither reads nor writes a cache."""
    monkeypatch.setattr(fleets, "MANY", 16)

    assert fleet.remembered() == fleet.plain()
    assert not fleet.pack.exists()


def test_what_asks_twice_and_gets_two_answers_is_not_remembered(fleet):
    """A disk that moves under a check leaves nothing to tell."""
    path = of("one", fleet)
    recorder = remembering.Recorder(path, str(path.parent), str(fleet.root))
    recorder.finds("tests/x.py", lambda _: True)
    recorder.finds("tests/x.py", lambda _: False)

    assert not recorder.is_whole


@pytest.mark.parametrize("path", ["evidence/../x.json", "/etc/hostname"])
def test_a_way_that_another_run_could_not_go_is_not_remembered(fleet, path):
    """Paths with steps back, and paths of this machine, are no questions to ask again."""
    contract = of("one", fleet)
    recorder = remembering.Recorder(contract, str(contract.parent), str(fleet.root))

    recorder.inside(contract.parent / path, fleet.root)
    if path.startswith("evidence"):
        (contract.parent / "x.json").touch()
        recorder.read(contract.parent / path, 10)

    assert not recorder.is_whole


def test_a_finding_at_another_path_is_not_told(fleet):
    """Lines and columns cross to the next run, paths do not."""
    checked = checking.check(of("one", fleet), {}, TODAY)
    foreign = checked.findings[0]._replace(path="elsewhere")

    assert outlining.told(checked) is not None
    assert outlining.told(checked._replace(findings=(foreign,))) is None


def test_spreading_is_tested_in_a_process_of_one_thread():
    """Where the tests run side by side, each process of theirs has several threads, and the class below skips."""
    words = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-k", "TestSpreading", __file__]

    told = subprocess.run([sys.executable, "-m", "pytest", *words], check=False, capture_output=True, text=True)

    assert told.returncode == 0, told.stdout
    assert "skipped" not in told.stdout


class TestSpreading:
    """Work in several processes."""

    @pytest.fixture(autouse=True)
    def _lonely(self):
        """Fork only where this process has one thread."""
        if len(list(Path("/proc/self/task").iterdir())) > 1:
            pytest.skip("this process has several threads: the test above runs this one in a process of its own")

    def test_every_item_is_answered_once(self):
        """The answers are those of one process, in any number of them."""
        for number in range(1, 6):
            assert spreading.spread(range(40), lambda each: b"%d" % (each * each), number) == {
                each: b"%d" % (each * each) for each in range(40)
            }

    def test_an_item_without_an_answer_is_left_out(self):
        """None is no answer, and neither is what a child could not say."""
        home = os.getpid()

        def answer(each):
            if each == 3 and os.getpid() != home:
                raise RuntimeError
            return None if each == 4 else b"x"

        assert sorted(spreading.spread(range(8), answer, 2)) == [0, 1, 2, 5, 6, 7]

    @pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), 9), lambda: os._exit(0)], ids=["killed", "ended"])
    def test_a_child_that_ends_leaves_its_share(self, end):
        """Its share is not answered, and nothing hangs."""
        home = os.getpid()

        found = spreading.spread(range(8), lambda each: end() if os.getpid() != home and each == 3 else b"x", 2)

        assert sorted(found) == [0, 2, 4, 6]

    def test_a_child_that_falls_silent_is_killed(self, monkeypatch):
        """One that hangs costs the patience and no more."""
        monkeypatch.setattr(spreading, "PATIENCE", 0.05)
        home = os.getpid()

        found = spreading.spread(range(8), lambda _: (os.getpid() == home and b"x") or __import__("time").sleep(60), 2)

        assert sorted(found) == [0, 2, 4, 6]

    def test_an_interrupt_leaves_nobody_behind(self):
        """What is raised here ends the children and is raised on."""
        home, children = os.getpid(), []
        real = spreading._fork

        def answer(_):
            if os.getpid() == home:
                raise KeyboardInterrupt
            __import__("time").sleep(60)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spreading, "_fork", lambda *words: children.append(real(*words)) or children[-1])
            with pytest.raises(KeyboardInterrupt):
                spreading.spread(range(4), answer, 2)

        with pytest.raises(ChildProcessError):
            os.waitpid(children[0].pid, os.WNOHANG)

    def test_without_a_process_left_nothing_is_lost(self, monkeypatch):
        """What cannot be forked is left to who asked."""
        monkeypatch.setattr(os, "fork", lambda: (_ for _ in ()).throw(BlockingIOError(11, "no more")))
        before = len(list(Path("/proc/self/fd").iterdir()))

        assert sorted(spreading.spread(range(6), lambda _: b"x", 3)) == [0, 3]
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_a_fleet_is_the_same_in_two_processes(self, fleet, monkeypatch):
        """With children that check, and with ones that are killed."""
        monkeypatch.setattr(spreading, "processes", lambda _: 2)
        found = fleet.remembered()
        cache.clear(fleet.pack.parent)
        monkeypatch.setattr(spreading, "_work", lambda *_: os.kill(os.getpid(), 9))

        assert found == fleet.plain() == fleet.remembered()


@pytest.mark.parametrize(
    ("items", "cores", "threads", "number"), [(1000, 2, 1, 2), (1000, 99, 1, 8), (30, 2, 1, 1), (1000, 2, 2, 1)]
)
def test_processes_are_worth_their_start_or_not_started(monkeypatch, items, cores, threads, number):
    """Few items, one core or several threads: one process."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(cores))
    monkeypatch.setattr(os, "listdir", lambda _: range(threads))

    assert spreading.processes(items) == number


def test_where_threads_cannot_be_counted_nothing_is_forked(monkeypatch):
    """Without /proc there is one process."""
    monkeypatch.setattr(os, "listdir", lambda _: (_ for _ in ()).throw(FileNotFoundError()))

    assert spreading.processes(1000) == 1
