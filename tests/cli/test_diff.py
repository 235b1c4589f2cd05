"""``pv diff``: every change between two versions of contracts, and whether the version fits; in real repositories."""

from __future__ import annotations

import subprocess

import pytest
from helpers import CONTRACT


class Repo:
    """A repository with contracts, in which ``git`` is called as a person would."""

    def __init__(self, root):
        self.root = root
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "A. U. Thor")
        self.git("config", "user.email", "author@example.org")
        self.git("config", "commit.gpgsign", "false")
        self.write("pv.toml", "")

    def git(self, *words):
        """Call git and return what it prints."""
        done = subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name, text):
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, **files):
        """Commit the work tree, with files whose names end in .yaml added before."""
        for name, text in files.items():
            self.write(f"contracts/{name}.yaml", text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """Stand in an empty repository."""
    root = tmp_path / "repo"
    root.mkdir()
    monkeypatch.chdir(root)
    return Repo(root)


WEAK = CONTRACT.replace("growth: < 18", "growth: < 20")
OTHER = CONTRACT.replace("C-TEST", "C-OTHER")


def test_two_files_are_compared(repo, pv):
    """One line a change in the order of the new file, then the version that they need."""
    repo.write("old.yaml", CONTRACT)
    new = WEAK.replace("nobody measures this", "nobody measures it").replace("version: 1.2.3", "version: 1.2.4")
    repo.write("new.yaml", new)

    assert pv("diff", "old.yaml", "new.yaml") == (
        0,
        """\
old.yaml -> new.yaml
  MAJOR  F-1: the bound of growth weakened from < 18 to < 20
  PATCH  F-2: rule changed from "nobody measures this" to "nobody measures it"
1.2.3 -> 1.2.4: 1 change needs a major version, 2.0.0 or above
""",
        "",
    )


def test_the_amendments_are_told_without_a_weight(repo, pv):
    """They are why the version is what it is."""
    repo.write("old.yaml", CONTRACT)
    amended = "amendments:\n- version: 2.0.0\n  date: 2026-11-22\n"
    repo.write("new.yaml", WEAK.replace("version: 1.2.3", "version: 2.0.0").replace("amendments: []\n", amended))

    status, out, _ = pv("diff", "old.yaml", "new.yaml")

    assert status == 0
    assert out.splitlines()[1:] == [
        "  MAJOR  F-1: the bound of growth weakened from < 18 to < 20",
        "  -      C-TEST: amendment 2.0.0 was added",
        "1.2.3 -> 2.0.0: the version fits: 1 change needs a major version",
    ]


def test_the_concise_form_has_places(repo, pv):
    """For editors: path, line and column, and the name of the file before the verdict."""
    repo.write("old.yaml", CONTRACT)
    repo.write("new.yaml", WEAK)

    assert pv("diff", "old.yaml", "new.yaml", "--format", "concise")[1] == (
        "new.yaml:16:13: MAJOR F-1: the bound of growth weakened from < 18 to < 20\n"
        "new.yaml: 1.2.3 -> 1.2.3: 1 change needs a major version, 2.0.0 or above\n"
    )


def test_a_loosened_tolerance_is_a_weakening(repo, pv):
    """From 1e-6 to 1e+6 is no prose: it needs a major version."""
    text = (
        "metadata: {version: 1.0.0}\nproof_obligations:\n- {type: invariant, property: norm is one, tolerance: 1e-6}\n"
    )
    repo.write("old.yaml", text)
    repo.write("new.yaml", text.replace("1e-6", "1e+6").replace("1.0.0", "1.0.1"))

    status, out, _ = pv("diff", "--exit-code", "old.yaml", "new.yaml")

    assert status == 1
    assert out.splitlines()[1:] == [
        '  MAJOR  new: tolerance of the obligation "norm is one" loosened from 1e-06 to 1e+06',
        "1.0.0 -> 1.0.1: 1 change needs a major version, 2.0.0 or above",
    ]


VERDICTS = {
    "nothing": (CONTRACT, CONTRACT, "no differences", 0),
    "comments": (CONTRACT, "# a comment\n" + CONTRACT, "no differences", 0),
    "a higher version": (
        CONTRACT,
        CONTRACT.replace("1.2.3", "1.3.0"),
        "1.2.3 -> 1.3.0: the version fits",
        0,
    ),
    "a lower version": (
        CONTRACT,
        CONTRACT.replace("1.2.3", "1.2.2"),
        "1.2.3 -> 1.2.2: the version falls, 1.2.3 or above is due",
        1,
    ),
    "minor": (
        CONTRACT,
        CONTRACT.replace("< 18", "< 17").replace("'>= 4'", "'>= 5'").replace("1.2.3", "1.2.4"),
        "1.2.3 -> 1.2.4: 2 changes need a minor version, 1.3.0 or above",
        1,
    ),
    "patch": (
        CONTRACT,
        CONTRACT.replace("growth is", "growth stays"),
        "1.2.3 -> 1.2.3: 1 change needs a patch version, 1.2.4 or above",
        1,
    ),
    "patch with its version": (
        CONTRACT,
        CONTRACT.replace("growth is", "growth stays").replace("1.2.3", "1.2.4"),
        "1.2.3 -> 1.2.4: the version fits: 1 change needs a patch version",
        0,
    ),
    "versions that are none": (
        "metadata: {version: '1.0'}\nequations: {a: x}\n",
        "metadata: {version: 1.0.0}\nequations: {a: y}\n",
        "1.0 -> 1.0.0: 1 change needs a major version, but nobody can compare these versions",
        0,
    ),
    "versions that are none, and no change": (
        "metadata: {version: '1.0'}\n",
        "metadata: {version: '1.1'}\n",
        "1.0 -> 1.1: nobody can compare these versions",
        0,
    ),
    "a version that cannot be compared": (
        "metadata: {version: 1.0.0}\n",
        "metadata: {version: new}\n",
        "1.0.0 -> new: nobody can compare these versions",
        0,
    ),
}


@pytest.mark.parametrize(("before", "after", "verdict", "status"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict_says_whether_the_version_fits(repo, pv, before, after, verdict, status):
    """It is the last line; the exit status tells it only where it is asked to."""
    repo.write("old.yaml", before)
    repo.write("new.yaml", after)

    shown, judged = pv("diff", "old.yaml", "new.yaml"), pv("diff", "--exit-code", "old.yaml", "new.yaml")

    assert shown == (0, judged[1], "")
    assert judged[0] == status
    assert shown[1].splitlines()[-1] == verdict


def test_without_words_everything_is_compared_with_head(repo, pv):
    """Files without differences are counted, not shown; renamed ones are found by their id."""
    hidden = repo.write("contracts/.hidden/c.yaml", CONTRACT)
    (repo.root / "contracts" / "z.yaml").symlink_to("a.yaml")
    repo.write("contracts/notes.txt", "")
    repo.commit(a=CONTRACT, b=OTHER, gone=CONTRACT.replace("C-TEST", "C-GONE"))
    repo.write("contracts/a.yaml", WEAK)
    (repo.root / "contracts" / "b.yaml").rename(repo.root / "contracts" / "renamed.yaml")
    repo.write("contracts/renamed.yaml", OTHER.replace("growth is", "growth stays"))
    repo.write("contracts/new.yaml", CONTRACT.replace("C-TEST", "C-NEW"))
    repo.write("contracts/same.yaml", CONTRACT.replace("C-TEST", "C-SAME"))
    repo.git("add", "contracts/same.yaml")
    repo.git("commit", "-q", "-m", "x")
    (repo.root / "contracts" / "gone.yaml").unlink()
    hidden.unlink()

    assert pv("diff", "--exit-code") == (
        1,
        """\
HEAD:contracts/a.yaml -> contracts/a.yaml
  MAJOR  F-1: the bound of growth weakened from < 18 to < 20
1.2.3 -> 1.2.3: 1 change needs a major version, 2.0.0 or above
HEAD:contracts/new.yaml -> contracts/new.yaml
the contract is new
HEAD:contracts/b.yaml -> contracts/renamed.yaml
  PATCH  F-1: rule changed from "growth is bounded" to "growth stays bounded"
1.2.3 -> 1.2.3: 1 change needs a patch version, 1.2.4 or above
HEAD:contracts/gone.yaml -> contracts/gone.yaml
the contract is gone
5 contracts compared: 1 without differences; 2 versions too low
""",
        "",
    )
    assert pv("diff", "contracts")[1].splitlines()[-1] == (
        "5 contracts compared: 1 without differences; 2 versions too low"
    )


def test_one_path_is_compared_with_head(repo, pv):
    """From any folder of the work tree, and also where the file is gone."""
    repo.commit(a=CONTRACT, b=OTHER)
    repo.write("contracts/a.yaml", WEAK)
    (repo.root / "contracts" / "b.yaml").unlink()

    assert pv("diff", "contracts/a.yaml")[1].splitlines()[0] == "HEAD:contracts/a.yaml -> contracts/a.yaml"
    assert pv("diff", "contracts/b.yaml")[1].splitlines() == [
        "HEAD:contracts/b.yaml -> contracts/b.yaml",
        "the contract is gone",
    ]


def test_a_path_of_a_folder_below(repo, pv, monkeypatch):
    """Paths count from where one stands; those of a commit from the top, or with ./ from where one stands."""
    repo.commit(a=CONTRACT)
    repo.write("contracts/a.yaml", WEAK)
    monkeypatch.chdir(repo.root / "contracts")

    results = [
        pv("diff", "a.yaml"),
        pv("diff", "HEAD:contracts/a.yaml", "a.yaml"),
        pv("diff", "HEAD:./a.yaml", "a.yaml"),
        pv("diff", "HEAD:a.yaml", "a.yaml"),
        pv("diff", "HEAD:a.yaml", repo.root / "contracts" / "a.yaml"),
    ]

    assert {status for status, _, _ in results} == {0}
    assert {tuple(out.splitlines()[1:]) for _, out, _ in results} == {
        (
            "  MAJOR  F-1: the bound of growth weakened from < 18 to < 20",
            "1.2.3 -> 1.2.3: 1 change needs a major version, 2.0.0 or above",
        )
    }


def test_a_commit_and_paths(repo, pv):
    """As with git diff: first the commit, then what of it."""
    repo.commit(a=CONTRACT, b=OTHER)
    repo.commit(a=WEAK)
    repo.write("contracts/b.yaml", OTHER.replace("< 18", "< 17"))

    assert pv("diff", "HEAD~1", "contracts/a.yaml")[1].splitlines() == [
        "HEAD~1:contracts/a.yaml -> contracts/a.yaml",
        "  MAJOR  F-1: the bound of growth weakened from < 18 to < 20",
        "1.2.3 -> 1.2.3: 1 change needs a major version, 2.0.0 or above",
    ]
    assert pv("diff", "HEAD~1")[1].splitlines()[-1] == "2 contracts compared: 0 without differences; 2 versions too low"
    assert pv("diff", "HEAD", "contracts/a.yaml")[1].splitlines()[-1] == "no differences"


def test_the_index_has_files_too(repo, pv):
    """What was added is compared with what lies in the work tree."""
    repo.commit(a=CONTRACT)
    repo.write("contracts/a.yaml", WEAK)
    repo.git("add", "contracts/a.yaml")
    repo.write("contracts/a.yaml", CONTRACT)

    assert pv("diff", ":contracts/a.yaml", "contracts/a.yaml")[1].splitlines()[:2] == [
        ":contracts/a.yaml -> contracts/a.yaml",
        "  MINOR  F-1: the bound of growth tightened from < 20 to < 18",
    ]


def test_against_compares_with_where_the_branch_left(repo, pv):
    """What the other branch did since is no change of ours."""
    repo.commit(a=CONTRACT)
    repo.git("checkout", "-q", "-b", "ours")
    repo.commit(a=WEAK)
    repo.git("checkout", "-q", "main")
    repo.commit(a=CONTRACT.replace("growth is", "growth stays"))
    repo.git("checkout", "-q", "ours")

    forked, tip = pv("diff", "--against", "main", "contracts/a.yaml"), pv("diff", "main", "contracts/a.yaml")

    change = "  MAJOR  F-1: the bound of growth weakened from < 18 to < 20"
    assert forked[1].splitlines()[:-1] == ["main:contracts/a.yaml -> contracts/a.yaml", change]
    assert tip[1].splitlines()[1:-1] == [
        '  PATCH  F-1: rule changed from "growth stays bounded" to "growth is bounded"',
        change,
    ]


def test_before_the_first_commit_everything_is_new(repo, pv):
    """There is nothing to compare with, and that is no error."""
    repo.write("contracts/a.yaml", CONTRACT)

    assert pv("diff") == (0, "HEAD:contracts/a.yaml -> contracts/a.yaml\nthe contract is new\n", "")


ENDS = {
    "a missing file": (
        ("nope.yaml", "contracts/a.yaml"),
        3,
        "nope.yaml: PV708 cannot read: no such file or directory",
        "check the path and its permissions",
    ),
    "a missing path": (
        ("contracts/nope.yaml",),
        3,
        "contracts/nope.yaml: PV708 cannot read: no such file or directory",
        "check the path and its permissions",
    ),
    "no commit and no path": (
        ("nope",),
        4,
        "nope: PV707 there is no contract here",
        "name a file or a folder with *.yaml",
    ),
    "an unknown commit": (
        ("nope:contracts/a.yaml", "contracts/a.yaml"),
        2,
        'PV716 there is no commit "nope" in this clone',
        "fetch it first: a shallow clone has few commits",
    ),
    "an unknown base": (
        ("--against", "nope"),
        2,
        'PV716 there is no commit "nope" in this clone',
        "fetch it first: a shallow clone has few commits",
    ),
    "a file that a commit does not have": (
        ("HEAD:contracts/b.yaml", "contracts/a.yaml"),
        2,
        'PV725 there is no file "contracts/b.yaml" in the commit "HEAD"',
        "git ls-tree -r --name-only HEAD names its files",
    ),
    "a file that the index does not have": (
        (":contracts/b.yaml", "contracts/a.yaml"),
        2,
        'PV725 there is no file "contracts/b.yaml" in the index',
        "git add it first",
    ),
    "a folder in place of a file": (
        ("contracts", "contracts/a.yaml"),
        3,
        "contracts: PV708 cannot read: not a regular file",
        "check the path and its permissions",
    ),
    "three files": (
        ("contracts/a.yaml", "contracts/a.yaml", "contracts/a.yaml"),
        2,
        "PV726 two files can be compared, got 3",
        "pv diff OLD NEW compares two; pv diff REF PATHS compares many with a commit",
    ),
}


@pytest.mark.parametrize(("words", "status", "line", "hint"), ENDS.values(), ids=ENDS)
def test_what_cannot_be_compared_is_told_in_one_line(repo, pv, words, status, line, hint):
    """Each with its exit status and the way out."""
    repo.commit(a=CONTRACT)

    assert pv("diff", *words) == (status, "", f"{line}\n  hint: {hint}\n")


def test_outside_of_a_repository_files_can_be_compared(tmp_path, pv, monkeypatch):
    """Commits cannot."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(CONTRACT)

    assert pv("diff", "a.yaml", "a.yaml")[1].endswith("no differences\n")
    status, out, err = pv("diff", "a.yaml")
    assert (status, out) == (2, "")
    assert err.startswith(f'PV716 "{str(tmp_path)[:59]}')
    assert pv("diff", "nope")[2].startswith("PV716 ")


def test_a_file_that_is_no_contract_costs_the_others_nothing(repo, pv):
    """Its findings stand where its changes would, and the exit status is theirs."""
    repo.commit(a=CONTRACT, b=OTHER, c=CONTRACT.replace("C-TEST", "C-THIRD"))
    repo.write("contracts/a.yaml", "bindings: []\n")
    repo.write("contracts/b.yaml", OTHER.replace("< 18", "< 20"))
    repo.write("contracts/c.yaml", "metadata: {schema: 1, version: 1}\n")

    status, out, err = pv("diff")

    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert lines[:8] == [
        "HEAD:contracts/a.yaml -> contracts/a.yaml",
        "contracts/a.yaml:1:1: PV206 not a contract: it is a binding registry",
        "    1 | bindings: []",
        "      | ^^^^^^^^",
        "  hint: leave it out of the paths",
        "HEAD:contracts/b.yaml -> contracts/b.yaml",
        "  MAJOR  F-1: the bound of growth weakened from < 18 to < 20",
        "1.2.3 -> 1.2.3: 1 change needs a major version, 2.0.0 or above",
    ]
    assert lines[8] == "HEAD:contracts/c.yaml -> contracts/c.yaml"
    assert {line.split(" ")[1] for line in lines[9:-1] if line.startswith("contracts/c.yaml:")} == {"PV201", "PV203"}
    assert lines[-1] == "3 contracts compared: 0 without differences; 1 version too low"


def test_an_old_side_that_nobody_can_read_is_named_by_its_commit(repo, pv):
    """It is not the file in the work tree that has to be mended."""
    repo.commit(a="bindings: []\n")
    repo.write("contracts/a.yaml", CONTRACT)

    status, out, _ = pv("diff", "contracts/a.yaml")

    assert status == 1
    assert out.splitlines()[1] == "HEAD:contracts/a.yaml:1:1: PV206 not a contract: it is a binding registry"


def test_a_partial_clone_says_what_it_lacks(repo, pv, tmp_path, monkeypatch):
    """A file that the commit has and the clone does not is not taken for one that is new."""
    repo.commit(a=CONTRACT)
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{repo.root}", str(clone)],
        check=True,
        capture_output=True,
    )
    monkeypatch.chdir(clone)
    (clone / "contracts").mkdir()
    (clone / "contracts" / "a.yaml").write_text(WEAK)

    status, out, err = pv("diff", "contracts/a.yaml")

    assert (status, out) == (2, "")
    assert err.splitlines() == [
        'PV721 this clone does not hold "contracts/a.yaml" of "HEAD": it is a partial one',
        "  hint: git cat-file -p HEAD:contracts/a.yaml fetches it",
    ]


def test_foreign_names_are_escaped(repo, pv):
    """Neither a path nor an id writes a line of its own."""
    repo.write("o\nld.yaml", CONTRACT)
    repo.write("n\x1bew.yaml", WEAK)

    status, out, _ = pv("diff", "o\nld.yaml", "n\x1bew.yaml")

    assert status == 0
    assert out.splitlines()[0] == "o\\nld.yaml -> n\\x1bew.yaml"
