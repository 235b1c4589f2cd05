"""What a change may bring in its own settings, and what its base decides."""

from __future__ import annotations

import subprocess

import pytest

BARE = (
    "metadata: {version: 1.0.0, id: C-BARE}\nfalsification_tests:\n"
    "- {id: F-9, rule: x, prediction: y, if_fails: z, test: tests/none.py}\n"
)
IGNORE = '[[ignore]]\ncode = "PV319"\nreason = "later"\n'
TOLD = 'PV727 the change itself {}, which the settings of "main" do not say'


def git(*words):
    """Call git as a person would."""
    who = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


@pytest.fixture
def base(project):
    """Return a way to commit settings on main, and to change them on a branch, staged and not committed."""

    def change(then, now):
        project.contract.with_name("bare.yaml").write_text(BARE)
        (project.root / "tests").mkdir()
        (project.root / "tests" / "some.py").touch()
        (project.root / "pv.toml").write_text(f'evaluators = ["probe"]\n{then}')
        git("add", "-A")
        git("commit", "-qm", "one")
        git("branch", "-M", "main")
        git("checkout", "-qb", "change")
        (project.root / "pv.toml").write_text(f'evaluators = ["probe"]\n{now}')
        git("add", "-A")
        return project

    return change


@pytest.mark.parametrize("words", [["--against=main"], ["--against=main", "--staged"]], ids=" ".join)
@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ("", IGNORE, "has PV319 ignored here"),
        (IGNORE + 'paths = ["other/*"]\n', IGNORE, "has PV319 ignored here"),
        (IGNORE + "until = 2030-01-01\n", IGNORE + "until = 2031-01-01\n", "has PV319 ignored here"),
        (
            "[challenge]\nmin = 0.9\n",
            "[challenge]\nmin = 0.1\n",
            "lowers the least score of a challenge from 0.9 to 0.1",
        ),
        ("[challenge]\nmin = 0.9\n", "", "lowers the least score of a challenge from 0.9 to none"),
        ("", "[guards]\nconditioning = 1e9\n", "raises the condition number that is minded from 1000 to 1e+09"),
    ],
    ids=["new", "wider", "longer", "lower", "gone", "higher"],
)
def test_what_a_change_lets_pass_is_told(base, pv, words, then, now, told):
    """It is no error, and --fail-on warning makes one of it; it is told once where it is about no contract alone."""
    base(then, now)

    status, out, _ = pv("validate", *words)

    assert status == pv("validate", *words, "--no-cache")[0]
    assert out.count("PV727 the change") == 1
    assert TOLD.format(told) in out
    assert pv("validate", *words, "--fail-on", "warning")[0] == 1


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (IGNORE, IGNORE.replace("later", "never")),
        ("[challenge]\nmin = 0.5\n", "[challenge]\nmin = 0.9\n"),
        ("[guards]\nconditioning = 1e9\n", ""),
        (IGNORE, ""),
    ],
    ids=["same", "more", "less", "none"],
)
def test_settings_that_let_no_more_pass_are_nobodys_business(base, pv, then, now):
    """Another reason for what is ignored already, a higher demand, a stricter guard."""
    base(then, now)

    assert "PV727" not in pv("validate", "--against=main")[1]


def test_a_change_cannot_allow_itself_an_evaluator(base, pv):
    """Not where the settings of the base hold."""
    project = base("", "")
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\n')
    git("checkout", "-q", "main")
    (project.root / "pv.toml").write_text("evaluators = []\n")
    git("commit", "-qam", "two")
    git("checkout", "-qb", "other")
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\n')

    alone, against = pv("run", "contracts/c.yaml"), pv("run", "contracts/c.yaml", "--against", "main")

    assert alone[0] == 0
    assert against[0] == 3
    assert "pv.toml does not allow the evaluator probe" in against[1]


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "missing"])
def test_a_change_cannot_choose_what_ci_compares_it_with(base, pv, monkeypatch, is_there):
    """The setting base counts only where the surroundings name no branch, not where they name one that is missing."""
    base("", 'base = "change"')
    monkeypatch.setenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")
    if is_there:
        git("update-ref", "refs/remotes/origin/main", "main")

    status, out, err = pv("validate", "--against")

    assert "against change" not in out
    assert "against origin/main (" in out if is_there else (status, "origin/main" in err) == (2, True)


def test_a_change_cannot_move_a_contract_out_of_sight(base, pv):
    """Where the settings of the base looked, it is missed."""
    project = base("", 'contracts = ["elsewhere"]')
    (project.root / "elsewhere").mkdir()
    (project.root / "elsewhere" / "e.yaml").write_text(BARE.replace("C-BARE", "C-E"))
    git("add", "-A")

    status, out, _ = pv("validate", "--against=main")

    assert status == 1
    assert "contracts/c.yaml" in out
