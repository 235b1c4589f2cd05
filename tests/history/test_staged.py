"""``pv validate --staged``: what would be committed, whatever lies in the work tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from history.works import BASE, WHERE, Work, short, started

from pvcheck.pipeline import staging

TYPED = ("  status: PROPOSED\n", "  status: DISCHARGED\n")


def amended(text, version, *changes):
    """Return a contract that was changed and owns up to it."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    entry = f"amendments:\n- version: {version}\n  date: 2026-11-23\n  summary: as it is\n"
    return text.replace("version: 1.12.0", f"version: {version}").replace("amendments: []\n", entry)


def test_156_a_file_staged_in_part_is_judged_by_its_staged_text(work):
    """What is wrong in the work tree only is not committed, and what is mended there only is."""
    work.edit(*TYPED)
    in_work_tree = work.codes("--staged")
    work.git("add", WHERE)
    work.put(BASE)
    in_index = work.pv("validate", "--staged")

    assert in_work_tree == (0, [])
    assert in_index.status == 1
    assert [
        f"{each.path}:{each.line}:{each.column} {each.code}" for each in in_index.findings if each.code > "PV4"
    ] == [
        f"{WHERE}:21:11 PV401",
        f"{WHERE}:21:11 PV424",
    ]
    assert "pv-" not in in_index.out
    assert work.codes() == (0, [])


def test_the_verdict_says_what_was_compared(work):
    """HEAD by default, or what --against names."""
    head = work.git("rev-parse", "HEAD")
    work.put(amended(BASE, "1.12.1", "nobody measures this", "nobody can measure this"))
    work.git("add", "-A")

    assert work.verdict("--staged") == f"against HEAD ({short(head)}): 1 changed"
    assert work.verdict("--staged", "--against=main") == f"against main ({short(head)}): 1 changed"
    work.commit("clearer")
    assert work.verdict("--staged").endswith(": nothing changed")
    assert work.verdict("--staged", "--against").endswith(": 1 changed")


def test_156_records_come_from_the_index_too(work):
    """A record that was not added is missing, however sound it is on the disk."""
    work.promote()
    work.git("add", WHERE)
    without = work.codes("--staged")
    work.git("add", "-A")

    assert without == (5, ["PV402"])
    assert work.codes("--staged") == (0, [])


def test_156_inputs_come_from_the_index_too(promoted):
    """The bytes that are committed are those that must have been measured."""
    promoted.put("other bytes", "contracts/model.bin")
    untracked = promoted.codes("--staged")
    promoted.git("add", "-A")

    assert promoted.codes() == (1, ["PV410"])
    assert untracked == (0, [])
    assert promoted.codes("--staged") == (1, ["PV410"])


def test_a_large_input_is_there_and_is_not_read(promoted, monkeypatch):
    """As on the disk: files over the limit are for a run to hash."""
    promoted.put(b"x" * 9000, "contracts/model.bin")
    promoted.git("add", "-A")
    sizes = []
    real = staging.contracts

    def seen(mirror, places):
        found = real(mirror, places)
        model = mirror.place("contracts/model.bin")
        sizes.append((model.stat().st_size, set(model.read_bytes())))
        return found

    monkeypatch.setattr(staging, "contracts", seen)
    promoted.codes("--staged")
    monkeypatch.setattr(staging, "MAX_FILE", 8192)
    promoted.codes("--staged")

    assert sizes == [(9000, {ord("x")}), (9000, {0})]


def test_156_settings_and_catalogue_come_from_the_index_too(work):
    """What the commit says of contracts and evaluators holds for the commit."""
    work.put(BASE.replace("C-TEST", "C-SPEC").replace("< 18", "around 18"), "specs/d.yaml")
    work.git("add", "-A")
    work.put('contracts = ["specs"]\n', "pv.toml")
    before = work.codes("--staged")
    work.git("add", "-A")
    after = work.codes("--staged")
    work.put('{"evaluators": 1}\n', "schemas/evaluators.json")
    work.git("add", "-A")
    catalogue = work.pv("validate", "--staged")

    assert before == (0, [])
    assert after == (1, ["PV301", "PV432"])
    assert catalogue.status == 2
    assert catalogue.err.startswith("schemas/evaluators.json: PV703 ")


def test_settings_that_cannot_be_read_are_named_by_their_real_path(work):
    """No message speaks of a temporary folder."""
    work.put("nonsense = 1\n", "pv.toml")
    work.git("add", "-A")
    (work.root / "pv.toml").unlink()

    result = work.pv("validate", "--staged")

    assert (result.status, result.err.split(" ")[:2]) == (2, ["pv.toml:", "PV701"])


def test_a_file_that_nobody_added_is_said_to_be_no_part_of_the_commit(work):
    """Also one whose removal is staged."""
    work.put(BASE.replace("C-TEST", "C-NEW"), "contracts/new.yaml")
    untracked = work.pv("validate", "--staged", "contracts/new.yaml")
    work.git("rm", "-q", "--cached", WHERE)
    removed = work.pv("validate", "--staged", WHERE)

    for result, path in ((untracked, "contracts/new.yaml"), (removed, WHERE)):
        assert result.status == 2
        assert result.err == (
            f"{path}: PV723 the file is not in the index, so nothing of it would be committed\n  hint: git add it\n"
        )


def test_a_contract_whose_removal_is_staged_is_missed(work):
    """The last one as well as any other."""
    work.git("rm", "-q", WHERE)

    assert work.found("PV432", "--staged")[1] == 1
    work.put(BASE.replace("C-TEST", "C-NEW"), "contracts/new.yaml")
    work.git("add", "-A")
    assert work.found("PV432", "--staged") == (
        f'{WHERE}: PV432 the contract "C-TEST" of HEAD was deleted, with 2 falsifiers',
        1,
    )


def test_a_contract_that_is_staged_out_of_sight_is_missed(work):
    """Found by its id wherever it went."""
    (work.root / "attic").mkdir()
    work.git("mv", WHERE, "attic/c.yaml")
    work.put(BASE.replace("C-TEST", "C-NEW"), "contracts/new.yaml")
    work.git("add", "-A")

    assert "moved to" in work.found("PV432", "--staged")[0]


def test_nothing_staged_in_a_folder_is_an_empty_selection(work):
    """A typo does not look like success."""
    for place in ("contract", "nowhere.yaml"):
        result = work.pv("validate", "--staged", place)
        assert result.status in {3, 4}, str(result)
        assert f"{place}: PV70" in result.out + result.err


def test_a_path_outside_of_the_repository_is_refused(work, tmp_path):
    """It could not be committed here."""
    result = work.pv("validate", "--staged", tmp_path)

    assert result.status == 2
    assert result.err.startswith("PV716 ")
    assert "is not in the repository" in result.err


def test_everything_that_a_contract_mentions_is_there(work):
    """Rules that look for files find those that are committed."""
    work.put("def test_growth(): ...\n", "tests/test_growth.py")
    work.edit(
        "  rule: nobody measures this\n", "  rule: nobody measures this\n  test: tests/test_growth.py::test_growth\n"
    )
    work.git("add", "-A")

    staged = {each.code for each in work.pv("validate", "--staged").findings}

    assert staged - {"PV423"} == {each.code for each in work.pv("validate").findings}


def test_155_the_index_of_a_commit_in_the_making_is_the_one_that_is_checked(work, checkout):
    """``git commit PATH`` commits one file: the hook sees the index that git made for that."""
    import sys

    program = Path(sys.executable).with_name("pv")
    hook = work.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {program} validate --staged --format concise\n")
    hook.chmod(0o755)
    work.put(BASE.replace("C-TEST", "C-SECOND"), "contracts/d.yaml")
    work.git("add", "-A")
    work.git("commit", "-q", "--no-verify", "-m", "two")
    work.edit(*TYPED, path="contracts/d.yaml")
    work.git("add", "-A")
    work.put(amended(BASE, "1.12.1", "nobody measures this", "nobody can measure this"))

    alone = work.tried("commit", "-q", "-m", "the good one", WHERE)
    both = work.tried("commit", "-q", "-a", "-m", "both")

    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert both.returncode == 1
    assert "contracts/d.yaml:21:11: PV424 " in both.stdout + both.stderr


def test_155_the_index_of_another_repository_does_not_count(work, tmp_path, monkeypatch):
    """An outer hook leaves its variables in our environment."""
    other = started(tmp_path / "other")
    other.put("no contract\n", "README.md")
    other.git("add", "-A")
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git/index"))
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))

    assert work.verdict("--staged").startswith("against HEAD (")


def test_names_of_the_index_lead_nowhere_else(work, monkeypatch):
    """Git refuses such names, and we would not write through one."""
    real = staging.history.Repository.index

    def crafted(self):
        entry = next(each for each in real(self) if each.path == WHERE)
        return (
            *real(self),
            *(
                entry._replace(path=path)
                for path in ("contracts/../../out.yaml", "contracts/.GIT/x.yaml", "contracts//x.yaml")
            ),
        )

    monkeypatch.setattr(staging.history.Repository, "index", crafted)
    written = []
    made = staging._made
    monkeypatch.setattr(staging, "_made", lambda mirror, entry: written.append(entry.path) or made(mirror, entry))

    assert work.codes("--staged")[0] == 0
    assert written == [WHERE]


def test_a_folder_that_is_a_link_is_the_folder_that_it_leads_to(work):
    """As in the work tree."""
    work.git("mv", "contracts", "really")
    (work.root / "contracts").symlink_to("really")
    work.git("add", "-A")

    assert work.verdict("--staged").startswith("against HEAD (")
    assert Work(work.root).pv("validate", "--staged", "contracts").out.splitlines()[-1].startswith("1 contract, ")


@pytest.mark.parametrize("words", [["--staged"], ["--staged", "--against=main"]])
def test_no_temporary_folder_is_left(work, tmp_path, monkeypatch, words):
    """Whatever it ends with."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))

    work.codes(*words)
    work.put("nonsense = 1\n", "pv.toml")
    work.git("add", "-A")
    work.codes(*words)

    assert list(place.iterdir()) == []
