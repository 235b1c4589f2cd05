"""``pv validate --against`` in every state that git can be in, and where there is no git."""

from __future__ import annotations

import os
import shutil
import stat

import pytest
from history.works import BASE, WHERE, Work, short, started

from pvcheck.history import Repository

MAIN = "--against=main"
WEAKER = ("growth: < 18", "growth: < 20", "version: 1.12.0", "version: 1.12.1")
PROSE = ("growth is bounded", "growth stays bounded")


def amended(text, version, summary):
    """Return a contract with a new version and its amendment."""
    old = next(line for line in text.splitlines(keepends=True) if line.startswith("  version: "))
    entry = f"amendments:\n- version: {version}\n  date: 2026-11-23\n  summary: {summary}\n"
    head = text.replace(old, f"  version: {version}\n", 1).replace("amendments: []\n", "amendments:\n")
    return head.replace("amendments:\n", entry, 1)


@pytest.fixture
def two(work):
    """Give two branches that bump to one version: main tightens a bound, change adds a sentence."""
    work.edit("nobody measures this", "nobody can measure this")
    work.put(amended(work.text(), "1.13.0", "says why").replace("can measure", "could measure"))
    work.commit("ours")
    work.git("switch", "-q", "main")
    work.put(amended(work.text().replace("growth: < 18", "growth: < 17"), "1.13.0", "tightens growth"))
    work.commit("theirs")
    work.git("switch", "-q", "change")
    return work


def test_two_branches_that_bump_to_one_version_are_caught(two):
    """Both are right alone; the second one hears of the first."""
    told, status = two.found("PV422", MAIN)
    result = two.pv("validate", MAIN)

    assert (told, status) == (
        f"{WHERE}:4:12: PV422 the version 1.13.0 is on main already, made by another amendment",
        1,
    )
    hint = next(each.hint for each in result.findings if each.code == "PV422")
    assert hint == f"pv bump --onto main {WHERE} puts these changes on top of the others"
    assert [each.code for each in result.findings if each.code not in {"PV309", "PV422"}] == []


def test_one_bump_onto_the_other_branch_mends_it(two):
    """While the merge is stopped at its conflict, and without any merge."""
    plain = two.pv("bump", "--onto", "main")
    mended = two.codes(MAIN)
    two.git("checkout", "-q", "--", ".")
    two.tried("merge", "main")
    stopped = two.pv("bump", "--onto", "main")
    two.git("add", "-A")
    staged = two.codes("--staged")
    two.git("commit", "-q", "--no-verify", "-m", "merged")

    assert (plain.status, mended) == (0, (0, [])), str(plain)
    assert (stopped.status, staged) == (0, (0, [])), str(stopped)
    assert two.codes(MAIN) == (0, [])
    assert "  version: 1.13.1\n" in two.text()


def test_what_sits_on_top_of_theirs_is_compared_with_theirs(two):
    """Their amendment below, ours above with the next version: the branch may join, merged or not."""
    theirs = two.git("show", f"main:{WHERE}") + "\n"
    two.put(amended(theirs.replace("nobody measures", "nobody could measure"), "1.13.1", "says why"))

    assert two.codes(MAIN) == (0, [])
    two.edit("growth: < 17", "growth: < 18")
    assert two.found("PV421", MAIN)[0].endswith("needs a major version, 2.0.0 or above, got 1.13.1")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        pytest.param("1.12.1", "the version 1.12.1 is below 1.13.0, which main has meanwhile", id="below"),
        pytest.param("1.14.0", "main has the version 1.13.0 meanwhile, and no amendment here has it", id="above"),
    ],
)
def test_a_version_that_passes_by_the_one_of_the_branch_is_caught(two, version, told):
    """Whichever is larger, one history lacks the other."""
    two.put(amended(BASE.replace("nobody measures", "nobody could measure"), version, "says why"))

    assert two.found("PV422", MAIN)[0] == f"{WHERE}:4:12: PV422 {told}"


def test_a_version_that_did_not_move_is_one_finding(two):
    """What is missing first is the bump; the other branch comes after."""
    two.put(BASE.replace(*PROSE))

    assert two.codes(MAIN) == (1, ["PV423"])


def test_what_main_changed_without_a_version_asks_for_nothing(work):
    """Main mends a word under the old version; our version is above it."""
    work.put(amended(BASE.replace("growth: < 18", "growth: < 17"), "1.13.0", "tightens growth"))
    work.commit("ours")
    work.git("switch", "-q", "main")
    work.edit("nobody measures this", "nobody measured this")
    work.commit("a word")
    work.git("switch", "-q", "change")

    assert work.codes(MAIN) == (0, [])


@pytest.mark.parametrize(
    "theirs", [pytest.param(None, id="dropped"), pytest.param("metadata: [", id="broken"), pytest.param("", id="moved")]
)
def test_what_main_did_to_the_file_does_not_hide_what_we_did(work, theirs):
    """Dropped, broken or moved there: our change is compared all the same."""
    work.edit(*WEAKER)
    work.commit("weaker")
    work.git("switch", "-q", "main")
    if theirs:
        work.put(theirs)
    else:
        work.git(*(["rm", "-q", WHERE] if theirs is None else ["mv", WHERE, "contracts/moved.yaml"]))
    work.commit("theirs")
    work.git("switch", "-q", "change")

    status, codes = work.codes(MAIN)

    assert status == 1
    assert "PV421" in codes
    assert ("PV435" in codes) == (theirs == "metadata: [")


def test_what_came_from_main_is_no_fault_of_ours(work):
    """Not even where main should never have taken it."""
    work.git("switch", "-q", "main")
    work.edit(*WEAKER)
    work.commit("weaker, and nobody looked")
    work.git("switch", "-q", "change")
    work.git("checkout", "-q", "main", "--", WHERE)

    assert work.codes(MAIN)[1] == []
    work.edit("version: 1.12.1", "version: 1.12.2")
    assert "PV421" in work.codes(MAIN)[1]


def test_a_contract_that_main_moved_is_found_by_its_id(two):
    """Their version is seen wherever they put it."""
    two.git("switch", "-q", "main")
    two.git("mv", WHERE, "contracts/moved.yaml")
    two.commit("moved")
    two.git("switch", "-q", "change")

    assert two.found("PV422", MAIN)[1] == 1


def test_154_a_rebase_is_compared_with_what_it_stands_on(work):
    """Before, while it is stopped, and after."""
    work.edit(*WEAKER)
    work.commit("weaker")
    work.git("switch", "-q", "main")
    work.edit(*PROSE)
    work.put(amended(work.text(), "1.13.0", "clearer"))
    tip = work.commit("clearer")
    work.git("switch", "-q", "change")
    before = work.codes(MAIN)

    stopped = work.tried("rebase", "main")
    torn = work.codes(MAIN)
    work.put(amended(work.git("show", f"main:{WHERE}") + "\n", "2.0.0", "weakens growth").replace("< 18", "< 20"))
    resolved = work.verdict(MAIN)
    work.git("add", "-A")
    work.git("rebase", "--continue")

    assert (before[0], stopped.returncode) == (1, 1)
    assert (torn[0], set(torn[1])) == (1, {"PV108"})
    assert resolved == f"against main ({short(tip)}): 1 changed"
    assert work.verdict(MAIN) == resolved


def test_154_a_merge_in_progress_is_compared_as_the_merge_that_it_will_be(work):
    """What the other branch brings is no change of ours, before the merge is committed as after."""
    work.put(BASE.replace("C-TEST", "C-OTHER"), "contracts/d.yaml")
    work.commit("another")
    work.git("switch", "-q", "main")
    work.put(amended(BASE.replace("growth: < 18", "growth: < 20"), "2.0.0", "weakens growth"))
    tip = work.commit("weaker")
    work.git("switch", "-q", "change")

    work.git("merge", "--no-commit", "-q", "main")
    merging = work.verdict(MAIN)
    staged = work.verdict("--staged")
    work.commit("merged")

    assert merging == f"against main ({short(tip)}): 1 new"
    assert staged.startswith(f"against MERGE_HEAD ({short(tip)}), merge base ")
    assert work.verdict(MAIN) == merging


def test_154_a_conflict_is_one_clear_message(two):
    """Markers are told as markers, whatever stands between them."""
    two.tried("merge", "main")

    status, codes = two.codes(MAIN)
    staged = two.pv("validate", "--staged")

    assert (status, set(codes)) == (1, {"PV108"})
    assert staged.status == 1
    assert [str(each) for each in staged.findings] == [
        f"{WHERE}: PV724 the index holds the sides of a conflict in place of the file"
    ]


def test_153_a_detached_head_is_compared_as_any_other(work):
    """As most CI systems check out."""
    work.edit(*WEAKER)
    work.commit("weaker")
    work.git("switch", "-q", "--detach")

    assert work.found("PV421", MAIN)[1] == 1
    assert work.found("PV421", "--against")[1] == 1


def test_153_a_worktree_is_compared_like_the_first_one(work, tmp_path):
    """Its git folder lies elsewhere, and so does its index."""
    work.git("worktree", "add", "-q", "-b", "side", tmp_path / "side", "main")
    side = Work(tmp_path / "side")
    side.edit(*WEAKER)

    assert side.found("PV421", MAIN)[1] == 1
    assert work.codes(MAIN) == (0, [])
    side.git("add", "-A")
    assert side.found("PV421", "--staged")[1] == 1
    assert work.codes("--staged") == (0, [])


def test_153_a_submodule_is_compared_with_its_own_history(work, tmp_path):
    """From inside, and from the project around it."""
    around = started(tmp_path / "around")
    around.put(BASE.replace("C-TEST", "C-AROUND"))
    around.commit("around")
    around.git("submodule", "--quiet", "add", "-b", "main", work.root, "parts/inner")
    around.commit("with a part")
    inner = Work(around.root / "parts/inner")
    inner.edit(*WEAKER)

    assert inner.found("PV421", MAIN)[0].startswith(f"{WHERE}:")
    assert around.found("PV421", MAIN, "parts")[0].startswith(f"parts/inner/{WHERE}:")
    assert around.found("PV421", MAIN, ".")[1] == 1
    assert around.codes(MAIN) == (0, [])
    assert around.codes("--staged") == (0, [])


def clone(work, place, *words):
    """Clone over the file protocol, which honours depth and filters."""
    work.git("clone", "-q", *words, f"file://{work.root}", place)
    return Work(place)


def test_153_a_shallow_clone_says_so(work, tmp_path):
    """Neither the base nor the way to it is there; deepening helps."""
    work.put("about\n", "README.md")
    work.commit("second")
    work.git("switch", "-q", "main")
    made = clone(work, tmp_path / "shallow", "--depth", "1", "--branch", "change")

    absent = made.pv("validate", "--against=origin/main")
    unguessed = made.pv("validate", "--against")
    made.git("fetch", "-q", "--depth", "1", "origin", "main:refs/remotes/origin/main")
    cut = made.pv("validate", "--against")
    made.git("fetch", "-q", "--unshallow", "origin")

    hint = "  hint: git fetch --unshallow, or fetch-depth: 0 in CI, brings the rest\n"
    assert (absent.status, absent.out) == (2, "")
    assert absent.err == f'PV721 this is a shallow clone, and it does not hold "origin/main"\n{hint}'
    assert cut.err == (
        f'PV721 this is a shallow clone: its history ends before the one of "origin/main" begins\n{hint}'
    )
    assert unguessed.status == cut.status == 2
    assert "PV721 this is a shallow clone" in unguessed.err
    assert made.verdict("--against").startswith("against origin/main (")


def test_153_a_partial_clone_fetches_nothing_behind_our_back(work, tmp_path):
    """The bytes of the base are on another machine: that is said, with the way to get them."""
    work.git("config", "uploadpack.allowFilter", "true")
    work.edit(*PROSE)
    work.put(amended(work.text(), "1.12.1", "clearer"))
    work.commit("clearer")
    base = work.git("rev-parse", "main")
    made = clone(work, tmp_path / "partial", "--filter=blob:none", "--branch", "change")

    result = made.pv("validate", "--against=origin/main")

    assert result.status == 2
    assert result.err.splitlines() == [
        f'PV721 this clone does not hold "{WHERE}" of the commit {short(base)}: it is a partial one',
        f"  hint: git cat-file -p {short(base)}:{WHERE} fetches it",
    ]
    made.git("cat-file", "-p", f"{short(base)}:{WHERE}")
    assert made.codes("--against=origin/main") == (0, [])


def test_153_a_branch_without_commits_has_nothing_to_compare(tmp_path):
    """Unborn: the first commit is free; asked for a base, it says that there is none."""
    made = started(tmp_path / "unborn")
    made.put(BASE)
    made.git("add", "-A")

    guessed = made.pv("validate", "--against")

    assert (guessed.status, guessed.err.split(" ")[0]) == (2, "PV720")
    assert made.verdict("--staged") == "first commit, so nothing to compare with"


def test_an_unborn_branch_and_one_without_common_history_are_compared_with_the_tip(work):
    """Starting anew is no way around the rules."""
    work.git("switch", "-q", "--orphan", "anew")
    work.put(BASE.replace("growth: < 18", "growth: < 20"))

    unborn = work.found("PV421", MAIN)
    work.commit("anew")

    assert unborn[1] == 1
    assert work.found("PV421", MAIN) == unborn


def test_153_outside_of_git_it_is_said_plainly(tmp_path):
    """No repository, no base."""
    made = Work(tmp_path / "plain")
    made.put(BASE)

    for words in (["--against"], ["--against=main"], ["--staged"]):
        result = made.pv("validate", *words)
        assert result.status == 2
        assert result.err.startswith(f'PV716 "{str(made.root)[:50]}')
        assert "is in no git repository" in result.err
    assert made.pv("validate").status == 0


def test_153_without_a_git_program_it_is_said_plainly(work, monkeypatch):
    """And nothing is checked halfway."""
    monkeypatch.setenv("PATH", "")

    for words in (["--against"], ["--staged"]):
        result = work.pv("validate", *words)
        assert (result.status, result.out) == (2, "")
        assert result.err.startswith("PV722 git does not answer: ")
        assert "  hint: install git" in result.err
    assert work.pv("validate").status == 0


def program(place, text):
    """Write a program."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def test_153_a_folder_of_another_user_is_told_as_git_tells_it(work, tmp_path, monkeypatch):
    """Containers meet this; it is no missing repository."""
    fake = program(
        tmp_path / "bin/git", "echo \"fatal: detected dubious ownership in repository at '$3'\" >&2; exit 128"
    )
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")

    result = work.pv("validate", MAIN)

    assert result.status == 2
    assert result.err.startswith("PV722 git does not trust the owner of ")
    assert "hint: if you trust it: git config --global --add safe.directory " in result.err


@pytest.mark.parametrize(
    "reference",
    [
        "--upload-pack=touch ran",
        "--since=2020-01-01",
        "--disambiguate=",
        "-x",
        "--output=ran",
        "main\nHEAD",
        "",
        "nonsense",
        "HEAD~9",
        "main:contracts",
        "\udcff",
    ],
)
def test_159_a_reference_is_never_taken_for_an_option(work, reference):
    """Whatever it holds, it names a commit or none."""
    result = work.pv("validate", f"--against={reference}")

    assert result.status == 2
    assert result.err.startswith('PV716 there is no commit "' if reference[:1] != "-" else "Usage: pv validate ")
    assert not (work.root / "ran").exists()
    assert Repository(work.root).commit(reference) is None


def test_a_reference_that_is_a_contract_gets_the_hint(work):
    """Without an equals sign the option takes the path for its value."""
    result = work.pv("validate", "--against", WHERE)

    assert result.status == 2
    assert result.err == (
        f'PV716 --against takes a commit, and "{WHERE}" is a file\n  hint: write --against=auto {WHERE}\n'
    )


def test_158_nothing_that_a_repository_configures_is_run(work, tmp_path):
    """A monitor, hooks, filters, text converters, a pager, an external diff, a signing and a remote program."""
    mark = tmp_path / "it-ran"
    evil = program(tmp_path / "evil.sh", f"touch '{mark}'; cat")
    work.put("* filter=evil diff=evil merge=evil\n", ".gitattributes")
    work.commit("attributes")
    for key in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass", "diff.external",
        "diff.evil.textconv", "diff.evil.command", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
        "merge.evil.driver", "gpg.program", "credential.helper", "core.alternateRefsCommand",
        "pager.log", "interactive.diffFilter", "alias.ls-files", "alias.cat-file",
    ):  # fmt: skip
        work.git("config", key, evil)
    for hook in ("post-index-change", "reference-transaction", "pre-commit", "post-checkout", "fsmonitor-watchman"):
        program(work.root / ".git/hooks" / hook, f"touch '{mark}'")
    work.put(BASE.replace("growth: < 18", "growth: < 20"))

    results = [work.codes(*words)[0] for words in ([MAIN], ["--against"], ["--staged"], ["--staged", MAIN])]

    assert results == [1, 1, 0, 0]
    assert not mark.exists()
    work.tried("status")
    assert mark.exists()  # the trap works


def test_nothing_is_written_into_the_repository(work):
    """Not even the index is refreshed."""
    work.edit(*PROSE)
    for each in work.root.rglob("*"):
        if each.is_file():
            os.utime(each, (1, 1))
    before = {each: (each.stat().st_mtime_ns, each.stat().st_ino) for each in work.root.rglob("*")}

    work.codes(MAIN)
    work.codes("--staged")

    assert {each: (each.stat().st_mtime_ns, each.stat().st_ino) for each in work.root.rglob("*")} == before


def test_sha256_repositories_have_longer_names(tmp_path):
    """Names are asked for, never assumed."""
    made = Work(tmp_path / "sha256")
    made.root.mkdir()
    if made.tried("init", "-q", "-b", "main", "--object-format=sha256").returncode:
        pytest.skip("this git makes no such repositories")
    made.put(BASE)
    made.commit("base")
    made.edit(*WEAKER)

    assert len(made.git("rev-parse", "HEAD")) == 64
    assert made.found("PV421", "--against=HEAD")[1] == 1


def test_a_contract_behind_a_link_is_followed_on_both_sides(work):
    """Inside the commit as in the work tree; a link that leads nowhere is no contract."""
    work.git("mv", WHERE, "real.yaml")
    (work.root / "contracts").mkdir(exist_ok=True)
    (work.root / WHERE).symlink_to("../real.yaml")
    (work.root / "contracts/dangling.yaml").symlink_to("nowhere.yaml")
    work.commit("linked")
    (work.root / "contracts/dangling.yaml").unlink()
    work.edit(*WEAKER, path="real.yaml")

    assert work.found("PV421", "--against=HEAD")[0].startswith(f"{WHERE}:16:13: ")
    work.git("add", "-A")
    assert work.found("PV421", "--staged")[0].startswith(f"{WHERE}:16:13: ")


def test_157_line_ends_that_git_changed_are_no_change(work):
    """A checkout with CRLF holds the same contract."""
    work.put(BASE.replace("\n", "\r\n"))

    assert work.codes(MAIN) == (0, [])


def test_a_folder_below_the_top_is_a_place_to_stand_in(work):
    """Paths are told as a person there writes them."""
    work.edit(*WEAKER)
    work.git("add", "-A")
    (work.root / "docs").mkdir()
    below = Work(work.root / "docs")

    assert below.found("PV421", MAIN)[0].startswith(f"../{WHERE}:16:13: ")
    assert below.found("PV421", "--staged")[0].startswith(f"../{WHERE}:16:13: ")
    assert Work(work.root / "contracts").found("PV421", "--staged", "c.yaml")[0].startswith("c.yaml:16:13: ")


def test_the_files_of_a_repository_that_is_gone_are_not_trusted(work):
    """A .git file that leads nowhere is no repository."""
    shutil.rmtree(work.root / ".git")
    (work.root / ".git").write_text("gitdir: /nowhere\n")

    assert work.pv("validate", MAIN).err.startswith("PV716 ")
    assert not stat.S_ISDIR((work.root / ".git").stat().st_mode)
