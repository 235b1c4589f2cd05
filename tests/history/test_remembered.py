"""Comparing with a base, where what contracts came to is remembered: the answers are those of reading all of them."""

from __future__ import annotations

import pytest
from helpers import without_excerpts
from history.works import BASE, started

from pvcheck.pipeline import bases, checking, fleets, remembering

OTHER = "contracts/d.yaml"
SECOND = BASE.replace("id: C-TEST", "id: C-D")
WORDS = {
    "work tree": ("--against=main",),
    "index": ("--staged",),
    "push": ("--against",),
}


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch):
    """Remember from one contract on."""
    monkeypatch.setattr(fleets, "MANY", 1)


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Give a repository with two contracts on main, a cache beside it, and stand on the branch change."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = started(tmp_path / "project")
    made.put(BASE)
    made.put(SECOND, OTHER)
    made.commit("base")
    made.git("switch", "-q", "-c", "change")
    return made


@pytest.fixture
def checks(monkeypatch):
    """Note the contracts that are checked rather than remembered."""
    seen = []
    real = checking.check

    def check(path, *rest):
        seen.append(path.stem)
        return real(path, *rest)

    monkeypatch.setattr(checking, "check", check)
    return seen


def loosened(work):
    """Weaken a bound and own up to nothing."""
    work.edit("growth: < 18", "growth: < 1800", path=OTHER)


def reworded(work):
    """Change what does not count."""
    work.edit("metadata:", "# another sentence\nmetadata:", path=OTHER)


def broken(work):
    """Leave no YAML."""
    work.put("metadata: [\n", OTHER)


def shapeless(work):
    """Leave YAML that is no contract."""
    work.edit("metadata:", "metadata: 3\nnothing:", path=OTHER)


def unreadable(work):
    """Leave a link that leads nowhere."""
    (work.root / OTHER).unlink()
    (work.root / OTHER).symlink_to("nowhere")


EDITS = {
    "nothing": lambda _: None,
    "a bound": loosened,
    "a sentence": reworded,
    "no YAML": broken,
    "no contract": shapeless,
    "a link": unreadable,
    "renamed": lambda work: work.git("mv", OTHER, "contracts/e.yaml"),
    "gone": lambda work: work.git("rm", "-q", OTHER),
    "new": lambda work: work.put(BASE.replace("id: C-TEST", "id: C-E"), "contracts/e.yaml"),
    "one id twice": lambda work: work.put(BASE, OTHER),
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_is_remembered_changes_no_comparison(two, monkeypatch, edit, words):
    """Whether it was remembered by a run over the work tree, by one like this, or not at all."""
    two.pv("validate")
    edit(two)
    two.git("add", "-A")
    if words == ("--against",):
        two.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "pushed")
        monkeypatch.setenv(bases.PUSHED, two.git("rev-parse", "HEAD"))
        two.edit("metadata:", "# not pushed\nmetadata:")
    with monkeypatch.context() as patch:
        patch.setattr(fleets, "MANY", 100)
        wanted = two.pv("validate", *words)

    after_another, after_itself = two.pv("validate", *words), two.pv("validate", *words)

    assert str(after_another) == str(after_itself) == str(wanted)
    assert after_another.status == after_itself.status == wanted.status
    assert "Traceback" not in str(wanted)


@pytest.mark.parametrize("words", [("--against=main",), ("--staged",)], ids=["work tree", "index"])
def test_what_did_not_change_is_not_checked_again(two, checks, words):
    """Neither in the work tree, nor in the copy of the index that each run makes anew."""
    two.pv("validate")
    checks.clear()

    two.pv("validate", *words)
    loosened(two)
    two.git("add", "-A")
    two.pv("validate", *words)

    assert checks == ["d"]


def test_the_index_leaves_what_is_known_of_the_work_tree(two, tmp_path, monkeypatch):
    """It adds results to the same pack, and no seals: its own files are gone when it ends."""
    monkeypatch.setattr(remembering, "SETTLED", 0)
    two.pv("validate")
    (pack,) = (tmp_path / "cache" / "pvcheck" / "validate").iterdir()
    seals, results = lines(pack)

    loosened(two)
    two.git("add", "-A")
    two.pv("validate", "--staged")
    two.pv("validate", "--staged")

    assert len(seals) == len(results) == 2
    assert lines(pack)[0] == seals
    assert results < lines(pack)[1]
    assert len(lines(pack)[1]) == 3


def lines(pack):
    """Return the seals and the results of a pack."""
    told = pack.read_bytes().splitlines()[1:]
    return {each for each in told if each[:1] == b"s"}, {each for each in told if each[:1] == b"r"}


def test_without_a_cache_nothing_is_written(two, tmp_path):
    """Also where a base is compared with."""
    for words in WORDS.values():
        two.pv("validate", *words, "--no-cache")

    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("then", [broken, loosened], ids=["broken", "loosened"])
def test_a_contract_that_is_written_meanwhile_is_one_file(two, monkeypatch, then):
    """What is told of it and what is compared are of the same bytes: those that it has when it is read once.

    Its source is not shown beside them: it was written while somebody was looking.
    """
    reworded(two)
    real, seen = fleets.check_all, []

    def check_all(*words, **named):
        found = real(*words, **named)
        then(two)
        seen.append(len(found))
        return found

    monkeypatch.setattr(fleets, "check_all", check_all)
    found = two.pv("validate", "--against=main")
    monkeypatch.undo()
    wanted = two.pv("validate", "--against=main")

    assert seen == [2]
    assert without_excerpts(str(found)) == without_excerpts(str(wanted))


def test_a_project_that_a_link_leads_to_stands_for_itself(two, monkeypatch):
    """Contracts of the index may lie in another project; what is remembered of it is no part of this one."""
    elsewhere = two.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pv.toml").write_text("")
    (elsewhere / "e.yaml").write_text(BASE.replace("id: C-TEST", "id: C-E"))
    (two.root / "more.yaml").symlink_to("elsewhere")
    (two.root / "pv.toml").write_text('contracts = ["contracts", "more.yaml"]\n')
    two.git("add", "-A")
    (two.root / "more.yaml").unlink()
    (two.root / "more.yaml").mkdir()

    with monkeypatch.context() as patch:
        patch.setattr(fleets, "MANY", 100)
        wanted = two.pv("validate", "--staged")

    assert str(two.pv("validate", "--staged")) == str(wanted)
    assert "3 contracts" in str(wanted)
