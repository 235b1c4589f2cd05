"""The tool that counts what our tests miss: what it changes, what it keeps, and what it believes."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter

import pytest
from mutation import confinement, layers, mutants, verdicts, workspace
from mutation.trial import Trial, Verdict, Watching, _changed, forked

CHANGED = {
    "comparison": ("a < b", ["a <= b"]),
    "membership": ("a in b", ["a not in b"]),
    "chain": ("a <= b == c", ["a < b == c", "a <= b != c"]),
    "junction": ("a and b", ["a or b"]),
    "negation": ("not a", ["a"]),
    "sum": ("a + b", ["a - b"]),
    "shift": ("a << b", ["a >> b"]),
    "number": ("f(3)", ["pass", "f(4)"]),
    "truth": ("f(True)", ["pass", "f(False)"]),
    "text": ("f('a')", ["pass", "f('XXa')"]),
    "bytes": ("f(b'a')", ["pass", "f(b'XXa')"]),
    "words of a message": ("raise E(f'a {b} c')", ["pass", "raise E(f'XXa {b} c')"]),
    "a message that begins with a value": ("raise E(f'{b} c')", ["pass", "raise E(f'XX{b} c')"]),
    "inside of a message": (
        "raise E(f'{b - 1}')",
        ["pass", "raise E(f'XX{b - 1}')", "raise E(f'{b + 1}')", "raise E(f'{b - 2}')"],
    ),
    "call": ("x = min(a)", ["x = max(a)"]),
    "method": ("x = a.lstrip()", ["x = a.rstrip()"]),
    "lambda": ("x = lambda: a", ["x = lambda: None"]),
    "attribute": ("a.b = c", ["pass"]),
    "growing": ("a += b", ["a -= b", "a = b"]),
    "condition": ("if a: b", ["if not a:"]),
    "choice": ("x = b if a else c", ["x = b if not a else c"]),
    "sieve": ("x = [a for a in b if a.c]", ["x = [a for a in b if not a.c]"]),
    "loop": ("for a in b:\n  break", ["continue"]),
    "answer": ("def f():\n  return a", ["return None"]),
    "no": ("def f():\n  return False", ["return True"]),
    "default": ("def f(a=1): pass", ["def f(a=2):"]),
    "guard": ("match a:\n  case b if c: d", ["case b if not c:"]),
}


@pytest.mark.parametrize(("source", "after"), CHANGED.values(), ids=CHANGED)
def test_one_thing_changes_at_a_time(source, after):
    """Each mutant is the source with one slip."""
    assert sorted(each.after for each in mutants.of_text(source.encode())) == sorted(after)


@pytest.mark.parametrize(
    "source",
    [
        '"""Words."""',
        "def f(a: 'A | B') -> 'C':\n    '''Words.'''",
        "if TYPE_CHECKING:\n    from a import b",
        "from a import b",
        "__all__ = ['a']",
        "Kind = A | B | None",
        "T = TypeVar('T')",
        "x = cast('A', b)",
        "Kind = Literal['a', 'b']",
        "Kind = str | list['Kind'] | dict[str, 'Kind']",
        "x: Final[1] = a",
        "@dataclass(frozen=True, kw_only=True, slots=True)\nclass A: pass",
        "@lru_cache(maxsize=4096)\ndef f(): pass",
    ],
)
def test_what_runs_nowhere_is_left_alone(source):
    """Annotations, docstrings, what only type checkers read, and how something is held change nothing."""
    assert list(mutants.of_text(source.encode())) == []


def test_every_other_line_stays_where_it_is():
    """A statement over several lines is replaced in place, and characters outside of ASCII shift nothing."""
    source = "é = f(\n    'ü',\n    a < b,\n)\nlast = 'ä'\n".encode()

    made = list(mutants.of_text(source))

    assert [each.line for each in made] == [2, 3, 5]
    assert all(each.text.splitlines()[-1].startswith(b"last = ") for each in made)
    assert [each.text.count(b"\n") for each in made] == [5] * 3
    assert {each.span for each in made} == {(1, 4), (5, 5)}


def test_mutants_that_read_the_same_are_told_apart():
    """They have a number, and their name does not change when lines are added above."""
    source = b"def f():\n    a.b()\n    a.b()\n"

    names = [each.name for each in mutants.of_text(source)]

    assert names == [("f", "a.b()", "pass", 0), ("f", "a.b()", "pass", 1)]
    assert [each.name for each in mutants.of_text(b"\n\n" + source)] == names


def test_of_a_long_statement_the_changed_part_is_shown():
    """A table of a hundred words would hide the one."""
    source = f"x = ({', '.join(repr(f'word {at}') for at in range(100))})".encode()

    made = list(mutants.of_text(source))[50]

    assert "'word 50'" in made.before
    assert "'XXword 50'" in made.after
    assert len(made.before) < 120


@pytest.fixture
def module(tmp_path):
    """Give a compiled module, and a way to plant another text in it."""
    path = tmp_path / "copy" / "pvcheck" / "a.py"
    (tmp_path / "checkout" / "pvcheck").mkdir(parents=True)
    (tmp_path / "checkout" / "pvcheck" / "a.py").write_text("x = 1\n")
    workspace.copy(tmp_path / "checkout", tmp_path / "copy")
    return path


def test_a_mutant_is_planted_for_a_while(module):
    """No compiled file can be taken for it, and everything is as it was afterwards, whatever happened."""
    state = {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in module.parent.rglob("*.py*")}
    assert len(state) == 2

    with contextlib.suppress(KeyError), workspace.planted(module, b"x = 2\n"):
        assert list(module.parent.rglob("*.py*")) == [module]
        assert module.read_bytes() == b"x = 2\n"
        raise KeyError

    assert module.stat().st_mtime_ns == state[module][1]
    assert {each: each.read_bytes() for each in state} == {each: told for each, (told, _) in state.items()}


SOURCE = "def f(a=1):\n    return a + 1\n\n\ndef g():\n    return lambda: f(), lambda: 2\n\n\nx = 3\n"


@pytest.mark.parametrize(
    ("new", "result"),
    [
        (SOURCE.replace("a + 1", "a - 1"), 0),
        (SOURCE.replace("a=1", "a=2"), None),
        (SOURCE.replace("x = 3", "x = 4"), None),
    ],
    ids=["a body", "a default", "a module"],
)
def test_functions_take_the_new_code_if_nothing_else_is_new(tmp_path, new, result):
    """What happens at import cannot be changed afterwards: such a mutant is tried another way."""
    path = tmp_path / "a.py"
    path.write_text(new)
    made: dict = {}
    exec(compile(SOURCE, str(path), "exec"), made)  # noqa: S102 - the text above

    is_whole = _changed(str(path), SOURCE.encode(), [made["f"], made["g"]])

    assert is_whole is (result is not None)
    assert result is None or made["f"]() == result


def spin(folder):
    """Compute longer than a test may."""
    del folder
    Watching(Trial("a.py", ("tests/a.py::test_b",), (-0.58,), 0.0, 0.0)).pytest_runtest_logstart("tests/a.py::test_b")
    while True:
        pass


def sleep(folder):
    """Take longer than anybody waits."""
    del folder
    time.sleep(60)


def end(folder):
    """End without a word."""
    del folder
    os.abort()  # which no handler can hold


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (lambda _: None, Verdict("survived")),
        (lambda _: "tests/a.py::test_b", Verdict("killed", "tests/a.py::test_b")),
        (lambda _: "cold", Verdict("cold")),
        (lambda _: 1 // 0, Verdict("killed")),
        (end, Verdict("killed")),
        (spin, Verdict("timed out")),
        (sleep, Verdict("timed out")),
    ],
    ids=["passed", "failed", "not possible", "raised", "crashed", "looped", "hung"],
)
def test_a_trial_ends_in_a_verdict(tmp_path, monkeypatch, body, verdict):
    """Whatever a mutant does, its process ends, its folder goes, and the next one can be tried."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    found = forked(body, Trial("a.py", (), (), 5.0, 1.0 if body is sleep else 60.0))

    assert found == verdict
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a checkout with one test file."""
    monkeypatch.chdir(tmp_path)
    for each in ("tests/conftest.py", "tests/helpers.py", "tests/a/test_a.py", "tests/a/test_b.py"):
        path = tmp_path / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def test_a_verdict_holds_as_long_as_what_it_rests_on(folder):
    """A new test may kill a survivor; what a test has killed stays dead while that test is the same."""
    (folder / "tests/a/test_a.py").write_text("def test_it(): pass")
    kept = verdicts.Kept(folder / "kept.json", ("tests/a",), fresh=False)
    dead, alive = Verdict("killed", "tests/a/test_a.py::test_it[one]"), Verdict("survived")
    kept.put("dead", dead)
    kept.put("alive", alive)
    kept.save()

    def known(*, fresh=False):
        again = verdicts.Kept(folder / "kept.json", ("tests/a",), fresh=fresh)
        return again.get("dead"), again.get("alive"), again.get("nobody")

    assert known() == (dead, alive, None)
    assert known(fresh=True) == (None, None, None)
    (folder / "tests/a/test_b.py").write_text("more")
    assert known() == (dead, None, None)
    (folder / "tests/a/test_a.py").write_text("def test_it(): pass\ndef test_other(): pass")
    assert known() == (dead, None, None)
    (folder / "tests/a/test_a.py").write_text("x = 1\ndef test_it(): pass")
    assert known() == (None, None, None)


ENTRY = {"module": "domain/a", "function": "f", "before": "a < b", "after": "a <= b", "reason": "they never are equal"}


def written(path, *entries):
    """Write a list of accepted mutants."""
    lines = ("".join(f"{key} = {json.dumps(value)}\n" for key, value in each.items()) for each in entries)
    path.write_text("".join(f"[[accepted]]\n{each}" for each in lines))
    return path


def test_a_survivor_is_accepted_by_name(tmp_path):
    """What the list names and nobody can make any more is told, for the layer that was tried."""
    (mutant,) = mutants.of_text(b"def f():\n    a < b\n")
    accepted = verdicts.Accepted(written(tmp_path / "a.toml", ENTRY, ENTRY | {"function": "g"}))

    assert accepted.has("domain/a", mutant)
    assert not accepted.has("domain/b", mutant)
    assert list(accepted.stale("domain")) == ["domain/a g a < b a <= b"]
    assert list(accepted.stale("text")) == []


@pytest.mark.parametrize("entries", [(ENTRY, ENTRY), (ENTRY | {"reason": " "},)], ids=["twice", "no reason"])
def test_the_list_of_accepted_mutants_says_why_and_says_it_once(tmp_path, entries):
    """A reason is what makes it a list of known equivalents, and not a way to be rid of work."""
    with pytest.raises(SystemExit, match="twice, or without a reason"):
        verdicts.Accepted(written(tmp_path / "a.toml", *entries))


def test_the_list_of_this_project_names_modules_and_functions_that_exist(checkout):
    """The command itself finds out whether each of its mutants does."""
    listed = verdicts.Accepted().names()

    assert list(listed) == sorted(listed)  # so that one is found
    for module, function, _, _ in listed:
        text = (checkout / "pvcheck" / f"{module}.py").read_text()
        assert all(each in text for each in function.split("."))


def test_the_line_of_a_layer_has_its_score():
    """Accepted mutants count on neither side."""
    told = Counter({"killed": 8, "timed out": 1, "survived": 1, "accepted": 2})

    assert verdicts.line("domain", told, 20, " (drawn with seed 3)") == (
        "domain: 12 of 20 mutants (drawn with seed 3): 8 killed, 1 timed out, 1 survived, 2 accepted; score 90.0 %"
    )


def test_every_layer_has_tests(checkout):
    """A folder that was renamed would make its mutants look alive."""
    for folders in layers.LAYERS.values():
        assert all((checkout / each).exists() for each in folders)


def test_root_needs_namespaces(tmp_path, monkeypatch):
    """A mutant of root could write to devices; one of another user could not."""
    monkeypatch.setattr(confinement.shutil, "which", lambda _: None)
    monkeypatch.setattr(confinement.os, "getuid", lambda: 0)

    with pytest.raises(SystemExit, match="mutants of root need namespaces"):
        confinement.command(["true"], tmp_path, tmp_path)

    monkeypatch.setattr(confinement.os, "getuid", lambda: 1000)
    assert confinement.command(["true"], tmp_path, tmp_path) == ["env", "-C", str(tmp_path), "true"]


def test_what_runs_apart_can_write_to_its_folder_alone(tmp_path):
    """Neither the checkout nor a device can be replaced, and no process of others can be seen."""
    try:
        words = confinement.command(["sh", "-c", SCRIPT], tmp_path, tmp_path)
    except SystemExit as error:
        pytest.skip(str(error))
    if words[0] != "unshare":
        pytest.skip("this user can make no namespaces")

    told = confinement.subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()

    assert told == ["mine", "no", "no", "null", "1"]


SCRIPT = """
echo mine > here; cat here
(echo x > ../elsewhere) 2> error && echo yes || echo no
(rm /dev/null) 2> error && echo yes || echo no
test -c /dev/null && echo null > /dev/null && echo null
echo $$
"""
