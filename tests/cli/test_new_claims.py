"""``pv new contract`` and ``pv new falsifier``: what they write runs, what they refuse leaves no trace."""

from __future__ import annotations

import hashlib
import io
import shutil

import pytest
from cli.terminals import Terminal
from helpers import CONTRACT

from pvcheck import files
from pvcheck.cli import asking
from pvcheck.cli import new as command
from pvcheck.host import Failed, TimedOut, Unmeasured
from pvcheck.pipeline import measuring, proposing
from pvcheck.testing import Project

NOTES = "one two\nthree two\n"
WORDS = ("--evaluator", "text-match", "--input", "text=notes.txt", "--with", "pattern=two")
MADE = """\
# yaml-language-server: $schema=../schemas/contract-1.editor.schema.json
metadata:
  schema: 1
  id: C-WORDS
  version: 1.0.0
  status: ACTIVE
  created: <today>
  description: the notes say two
inputs:
  text:
    format: text
    path: ../notes.txt
    sha256: <digest>
falsification_tests:
- id: FALSIFY-WORDS-001
  rule: two stands twice
  prediction: there are two matches
  if_fails: somebody edited the notes
  evaluator: text-match
  with:
    pattern: two
    text: text
  expect:
    matches: == 2
    lines:
    - '>= 2'
    - < 9
  status: PENDING
implementation_stages:
- id: M-WORDS-1
  expected_acceptance:
  - FALSIFY-WORDS-001
  status: PENDING
amendments: []
"""


@pytest.fixture
def place(tmp_path):
    """Make a project with a text to look at."""
    place = Project(tmp_path / "project")
    place.file("pv.toml", "")
    place.file("notes.txt", NOTES)
    return place


@pytest.fixture
def begun(place):
    """Make a project with a contract that `pv new` made."""
    place.run("new", "contract", "contracts/words.yaml", *WORDS, "--expect", "matches=== 2")
    return place


def text(place, name="words.yaml"):
    """Return a contract."""
    return (place.root / "contracts" / name).read_text()


def test_a_contract_is_written_validates_and_runs(place):
    """Everything that flags say stands in it, in the usual order; the file's name gives the ids."""
    flags = ["--title", "the notes say two", "--rule", "two stands twice", "--prediction", "there are two matches"]
    flags += ["--if-fails", "somebody edited the notes", "--expect", "matches=== 2"]

    made = place.run(
        "new", "contract", "contracts/words-v1.yaml", *WORDS, *flags, "--expect", "lines=>= 2", "--expect", "lines=< 9"
    )

    digest = hashlib.sha256(NOTES.encode()).hexdigest()
    written = text(place, "words-v1.yaml")
    day = written.partition("created: ")[2][:10]
    assert made.out.splitlines() == [
        f"wrote {place.root}/schemas/contract-1.editor.schema.json",
        "wrote contracts/words-v1.yaml",
        "  FALSIFY-WORDS-001 expects matches == 2",
        "  FALSIFY-WORDS-001 expects lines >= 2 and < 9",
        "now: pv run contracts/words-v1.yaml",
    ]
    assert (made.status, made.err) == (0, "")
    assert written == MADE.replace("<today>", day).replace("<digest>", digest)
    assert (place.root / "schemas" / "contract-1.editor.schema.json").read_text() == place.run("schema", "--editor").out
    assert place.run("validate").findings == ()
    place.run("run").assert_outcomes(held=1)


def test_a_falsifier_comes_behind_the_others_and_nothing_else_changes(begun):
    """By a cut in the text: comments, quotes and order stay."""
    path = begun.root / "contracts" / "words.yaml"
    before = (
        path.read_text()
        .replace("  expect:\n", '  expect:   # as "printed"\n')
        .replace("PENDING\nimp", "PENDING  # !\nimp")
    )
    path.write_text(before)

    made = begun.run(
        "new", "falsifier", "contracts/words.yaml", "--evaluator", "text-match", "--with", "text=text",
        "--with", "pattern='1'", "--with", "ignore_case=true", "--expect", "matches=== 0", "--rule", "no digits",
    )  # fmt: skip

    added = (
        "- id: FALSIFY-WORDS-002\n  rule: no digits\n  evaluator: text-match\n  with:\n    text: text\n"
        "    pattern: '1'\n    ignore_case: true\n  expect:\n    matches: == 0\n  status: PENDING\n"
    )
    assert (made.status, made.err) == (0, "")
    assert text(begun) == before.replace("PENDING  # !\n", f"PENDING  # !\n{added}")
    assert begun.run("validate").findings == ()
    begun.run("run").assert_outcomes(held=2)


def test_a_new_input_comes_behind_the_others(begun):
    """A file that a falsifier needs is declared with it, by its format and digest."""
    begun.file("more.json", "[1]")

    made = begun.run(
        "new", "falsifier", "contracts/words.yaml", "--evaluator", "text-match", "--input", "more=more.json",
        "--with", "pattern='1'", "--expect", "matches=== 1", "--id", "FALSIFY-MORE",
    )  # fmt: skip

    digest = hashlib.sha256(b"[1]").hexdigest()
    assert made.status == 0
    assert f"  more:\n    format: json\n    path: ../more.json\n    sha256: {digest}\nfalsification_tests:" in text(
        begun
    )
    assert "- id: FALSIFY-MORE\n" in text(begun)
    begun.run("run", "-k", "MORE").assert_outcomes(held=1)


def test_inputs_come_behind_metadata_where_there_were_none(place):
    """The block is made."""
    place.contract(
        "metadata: {schema: 1, id: C-A, version: 1.0.0}\n"
        "falsification_tests:\n- id: A-7\n  evaluator: arithmetic\n  with: {numbers: {a: 1}}\n"
        "  expect: {numbers: == 1}\n"
    )

    made = place.run("new", "falsifier", "contracts/contract.yaml", *WORDS, "--expect", "matches=== 2")

    assert made.status == 0
    assert "version: 1.0.0}\ninputs:\n  text:\n    format: text\n" in text(place, "contract.yaml")
    assert "- id: A-8\n" in text(place, "contract.yaml")


def test_a_bound_is_proposed_from_a_measurement_where_asked_for(place):
    """Counts exactly; the file and the output say where the bound comes from."""
    made = place.run("new", "contract", "contracts/words.yaml", *WORDS, "--measure", "matches")

    note = "first bounds from one measurement, with a margin of 10% on floats: matches 2"
    assert made.status == 0
    assert f"  {note}\n" in made.out
    assert f"  recorded: '{note}'\n" in text(place)
    assert "    matches: == 2\n" in text(place)
    place.run("run").assert_outcomes(held=1)


def test_a_chain_over_a_model_is_begun_and_runs(place, checkout):
    """With the plugin of Q4_K: floats get a margin, series a quantifier."""
    shutil.copyfile(checkout / "contracts" / "teachers" / "synthetic-28.gguf", place.root / "model.gguf")
    words = ["--evaluator", "q4k-chain", "--input", "model=model.gguf", "--with", "layers=0-3"]
    words += ["--with", "tensor=blk.{layer}.ffn_down.weight", "--measure", "rel_diff", "--measure", "layers_measured"]

    made = place.run("new", "contract", "contracts/chain.yaml", *words, "--measure", "growth_last_over_first")

    assert made.status == 0, made
    written = text(place, "chain.yaml")
    assert "    format: gguf\n" in written
    assert "    rel_diff: all in [" in written
    assert "    layers_measured: == 4\n" in written
    assert " +- 10%\n" in written
    assert place.run("validate").findings == ()
    assert place.run("run").status in {0, 3}


REFUSED = {
    "an evaluator with a typo": (
        ["--evaluator", "text-mach", "--expect", "matches=< 1"],
        'PV309 the evaluator "text-mach" is not in schemas/evaluators.json (did you mean "text-match"?)',
    ),
    "a parameter with a typo": (
        [*WORDS[:4], "--with", "patern=two", "--expect", "matches=< 1"],
        'PV306 text-match has no parameter "patern" (did you mean pattern?)',
    ),
    "a parameter that is missing": (
        [*WORDS[:4], "--expect", "matches=< 1"], "PV306 text-match needs the parameter 'pattern'",
    ),
    "a parameter of another kind": (
        [*WORDS, "--with", "literal=perhaps", "--expect", "matches=< 1"],
        'PV306 the value must be true or false, got "perhaps"',
    ),
    "an input that nobody declares": (
        [*WORDS[:2], "--with", "text=notes", "--with", "pattern=two", "--expect", "matches=< 1"],
        'PV305 there is no input "notes"',
    ),
    "a metric with a typo": (
        [*WORDS, "--expect", "matchs=< 1"], 'PV307 text-match has no metric "matchs" (did you mean matches?)',
    ),
    "a metric to measure with a typo": (
        [*WORDS, "--measure", "matchs"], 'PV307 there is no metric "matchs" (did you mean "matches"?)',
    ),
    "a bound that is none": ([*WORDS, "--expect", "matches=2"], 'PV301 not a bound: "2"'),
    "a bound that does not fit": (
        [*WORDS, "--expect", "matches=is true"],
        'PV308 the bound "is true" does not fit matches: the metric is int: it is neither true nor false',
    ),
    "a word twice": (
        [*WORDS, "--with", "pattern=one", "--expect", "matches=< 1"], 'PV306 the parameter "pattern" stands twice',
    ),
    "a file of elsewhere": (
        [*WORDS[:2], "--input", "other=../outside.txt", *WORDS[4:], "--expect", "matches=< 1"],
        "PV304 ",
    ),
    "an invisible character": (
        [*WORDS, "--expect", "matches=< 1", "--rule", "a\u202eb"], "PV",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["contract", "falsifier"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_validate_is_refused_and_nothing_is_written(begun, kind, name):
    """With the message of the rule, the name that is nearest, and status 2."""
    (begun.root.parent / "outside.txt").write_text("two")
    words, told = REFUSED[name]
    path = {"contract": "contracts/other.yaml", "falsifier": "contracts/words.yaml"}[kind]
    before = state(begun)

    made = begun.run("new", kind, path, *words)

    assert made.status in {1, 2}
    assert told in made.err
    assert "  hint: " in made.err
    assert state(begun) == before


def state(place):
    """Return the bytes of every file."""
    return {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file() and path.suffix != ".lock"}


NEW, ADD = ("contract", "contracts/other.yaml", "--id"), ("falsifier", "contracts/words.yaml", "--id")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ["contract", "contracts/words.yaml"], "contracts/words.yaml: PV734 the file is there", id="a file"
        ),
        pytest.param(["contract", "contracts"], "contracts: PV734 the file is there already", id="a folder"),
        pytest.param([*NEW, "C-WORDS"], "PV324 ", id="the id of another contract"),
        pytest.param([*NEW, "no id"], "PV203 ", id="no id"),
        pytest.param([*ADD, "FALSIFY-WORDS-001"], "PV302 ", id="the id of another falsifier"),
        pytest.param(["falsifier", "contracts/no.yaml"], "contracts/no.yaml: PV708 cannot read", id="no file"),
    ],
)
def test_what_is_taken_or_not_there_is_refused(begun, words, told):
    """Nothing is overwritten."""
    flags = ["--evaluator", "arithmetic", "--with", 'numbers={"a": 1}', "--expect", "numbers=== 1"]
    before = state(begun)

    made = begun.run("new", *words, *flags)

    assert made.status == (3 if "PV708" in told else 2), made
    assert made.err.startswith(told)
    assert state(begun) == before


def test_a_contract_of_upstream_gets_no_falsifier(begun):
    """Nothing in it would be measured."""
    begun.contract(CONTRACT.replace("  schema: 1\n", ""), "upstream.yaml")

    made = begun.run("new", "falsifier", "contracts/upstream.yaml", *WORDS, "--expect", "matches=< 1")

    assert made.status == 2
    assert made.err.startswith("contracts/upstream.yaml: PV735 the contract has no metadata.schema")


def test_a_contract_with_mistakes_is_mended_first(begun):
    """Its findings are told, with their places."""
    begun.contract(text(begun).replace("pattern: two", "patern: two"))

    made = begun.run("new", "falsifier", "contracts/contract.yaml", *WORDS, "--expect", "matches=< 1")

    assert made.status == 1
    assert [each.code for each in made.findings] == ["PV306", "PV306"]


def test_a_list_in_brackets_is_left_to_the_person(begun):
    """The refusal has the item to write."""
    begun.contract("metadata: {schema: 1, id: C-A, version: 1.0.0}\nfalsification_tests: [{id: A-1}]\n")

    made = begun.run("new", "falsifier", "contracts/contract.yaml", *WORDS[:2], "--expect", "matches=< 1")

    assert made.status in {1, 2}
    assert "must be a block list to get an item at its end, got a list in brackets" in made.err
    assert "behind the list add" in made.err


def test_an_input_keeps_its_file(begun):
    """The name of another file is refused with both ways out."""
    begun.file("other.txt", "two")
    words = [
        "--evaluator",
        "text-match",
        "--input",
        "text=other.txt",
        "--with",
        "pattern=two",
        "--expect",
        "matches=< 1",
    ]

    made = begun.run("new", "falsifier", "contracts/words.yaml", *words)

    assert (made.status, made.err) == (
        2,
        (
            'contracts/words.yaml: PV737 the input "text" is declared already, for another file\n'
            "  hint: choose another name, or leave --input out to use ../notes.txt\n"
        ),
    )


def test_a_measurement_without_numbers_proposes_nothing(begun):
    """The reason is told, and the way to look at it."""
    words = [*WORDS[:4], "--with", "pattern=seven", "--measure", "first_line"]

    made = begun.run("new", "contract", "contracts/other.yaml", *words)

    assert made.status == 3
    assert made.err.startswith("PV736 no bound can be proposed: first_line was left out of the measurement\n  hint: ")


def test_an_evaluator_that_settings_do_not_allow_is_written_with_the_way_out(begun):
    """It validates; before it can run, somebody must allow it."""
    words = ["--evaluator", "command", "--with", 'argv=["true"]', "--expect", "exit_status=== 0"]

    made = begun.run("new", "contract", "contracts/other.yaml", *words)

    assert made.status == 0
    assert '  pv.toml must allow it before it can run: evaluators = ["command"]\n' in made.out


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        (["contract"], "PATH, and --evaluator NAME, and --expect METRIC=BOUND or --measure METRIC"),
        (["contract", "contracts/a.yaml", "--expect", "matches=< 1"], "--evaluator NAME"),
        ([*ADD[:2], "--evaluator", "text-match"], "--expect METRIC=BOUND or --measure METRIC"),
    ],
)  # fmt: skip
def test_without_a_terminal_what_is_missing_is_named(begun, words, lacks):
    """Nobody can be asked, and nothing waits."""
    made = begun.run("new", *words)

    assert made.status == 2
    assert f"Error: missing {lacks}; on a terminal it would be asked for\n" in made.err


@pytest.mark.parametrize(
    "option", [("--expect", "matches"), ("--expect", "=< 1"), ("--input", "text"), ("--input", "=a")]
)
def test_a_pair_that_is_none_is_a_mistake_of_usage(begun, option):
    """With the form it must have."""
    made = begun.run("new", "contract", "contracts/a.yaml", *WORDS, *option)

    assert made.status == 2
    assert "METRIC=BOUND" in made.err or "NAME=PATH" in made.err


@pytest.mark.parametrize(
    ("name", "wanted"), [("growth-v1.yaml", "C-GROWTH"), ("q4k_chain.yaml", "C-Q4K-CHAIN"), ("a.b.yaml", "C-A-B")]
)
def test_the_name_of_a_file_gives_the_id(tmp_path, name, wanted):
    """Without its version, in capitals."""
    assert command._id_of(tmp_path / name) == wanted


def test_a_person_is_asked_for_what_no_flag_says(begun, checkout):
    """On a terminal: typos are asked again with the nearest name, Enter leaves out, and the result runs."""
    import sys

    words = [sys.executable, "-m", "pvcheck", "new", "falsifier", "contracts/words.yaml"]
    variables = {"PYTHONPATH": str(checkout)}
    answers = [
        ("evaluator: ", "text-mach\n"), ('did you mean "text-match"?', ""), ("evaluator: ", "text-match\n"),
        ("pattern (text): ", "three\n"), ("or an input: text): ", "txt\n"), ("did you mean text?", ""),
        ("or an input: text): ", "text\n"), ("ignore_case (true or false; Enter: false): ", "perhaps\n"),
        ('must be true or false, got "perhaps"', ""), ("ignore_case (true or false; Enter: false): ", "true\n"),
        ("literal (true or false; Enter: false): ", "\n"), ("per_line (true or false; Enter: false): ", "\n"),
        ("metric: ", "matches\n"), ("bound (such as == 0; <= 0; >= 1): ", "1\n"), ("write == 1", ""),
        ("bound (such as == 0; <= 0; >= 1): ", "== 1\n"), ("another bound [y/N]: ", "\n"),
        ("rule: ", "three stands once\n"), ("prediction: ", "\n"), ("if_fails: ", "\n"),
    ]  # fmt: skip

    with Terminal(words, begun.root, variables) as terminal:
        start = 0
        for question, answer in answers:
            terminal.until(question, start)
            start += terminal.seen[start:].index(question) + len(question)
            terminal.type(answer)
        status = terminal.ended()

    assert status == 0, terminal.seen
    assert "  rule: three stands once\n  evaluator: text-match\n  with:\n    pattern: three\n    text: text\n" in text(
        begun
    )
    begun.run("run").assert_outcomes(held=2)


@pytest.fixture
def asked(begun, monkeypatch):
    """Run `pv new` before a person who types these lines; return the result."""

    def run(answers, *words):
        monkeypatch.setattr(asking, "is_possible", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*answers, ""])))
        return begun.run("new", *words)

    return run


def test_a_contract_can_be_asked_for_whole(begun, asked):
    """Path, id and title first; a file becomes an input named after the parameter; several bounds are taken."""
    begun.file("more.txt", "a\nb\n")
    answers = ["contracts/asked.yaml", "", "about letters", "text-match", "[", "a", "more.txt", "", "", "true"]
    answers += ["", "nothing", "matches", "all < 1", "== 1", "y", "lines", "== 2", "n", "", "one match", ""]

    made = asked(answers, "contract")

    written = text(begun, "asked.yaml")
    assert made.status == 0, made
    assert "  id: C-ASKED\n" in written
    assert "  description: about letters\n" in written
    assert "    path: ../more.txt\n" in written
    assert "  prediction: one match\n  evaluator: text-match\n" in written
    assert (
        "    pattern: a\n    text: text\n    per_line: true\n  expect:\n    matches: == 1\n    lines: == 2\n" in written
    )
    assert '  the parameter "pattern": value must be JSON, since it starts with [' in made.err
    assert '  there is no metric "nothing"\n' in made.err
    assert "  a single number takes no all, any, max, min, count(...) or [i]\n" in made.err
    begun.run("run", "-k", "ASKED").assert_outcomes(held=1)


def test_what_flags_say_is_not_asked(begun, asked):
    """Only what is missing; a second file of one parameter gets a name of its own."""
    begun.file("more.txt", "a\nb\n")
    words = ["--evaluator", "text-match", "--with", "pattern=a", "--with", "literal=true", "--rule", "letters"]

    made = asked(
        ["nowhere.txt", "more.txt", "", "", "matches", "== 1", "", "", ""], "falsifier", "contracts/words.yaml", *words
    )

    assert made.status == 0, made
    assert "rule: " not in made.err
    assert '  there is no file and no input "nowhere.txt"\n' in made.err
    assert "  text-2:\n    format: text\n    path: ../more.txt\n" in text(begun)
    assert "    literal: true\n    text: text-2\n" in text(begun)


def test_where_flags_say_enough_nobody_is_asked(begun, asked):
    """On a terminal too."""
    made = asked([], "contract", "contracts/other.yaml", *WORDS, "--expect", "matches=== 2")

    assert (made.status, made.err) == (0, "")


def test_the_end_of_the_input_leaves_everything_as_it_was(begun, asked):
    """As Ctrl-C does."""
    before = state(begun)

    made = asked(["text-match"], "falsifier", "contracts/words.yaml")

    assert made.status == 130
    assert state(begun) == before


def test_nobody_is_asked_without_a_terminal(monkeypatch):
    """Standard input and standard error must both be one, and be open."""
    monkeypatch.setattr("sys.stdin", None)

    assert not asking.is_possible()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Failed("it raised", "PV602"), "PV602 it raised"),
        (TimedOut(2.5), "no answer within 2.5 s"),
        (Unmeasured("no device"), "no device"),
    ],
    ids=["failed", "timeout", "unmeasured"],
)
def test_a_measurement_that_fails_proposes_nothing(begun, monkeypatch, reply, why):
    """The reason stands in the refusal."""
    monkeypatch.setattr(proposing, "measure", lambda *_: measuring.Taken(offered=None, reply=reply))

    made = begun.run("new", "contract", "contracts/other.yaml", *WORDS, "--measure", "matches")

    assert made.status == 3
    assert made.err.startswith(f"PV736 no bound can be proposed: {why}\n")


def test_a_contract_that_another_wrote_in_between_is_not_overwritten(begun, monkeypatch):
    """The file is looked for again under the lock."""

    def locked(folder):
        begun.file("contracts/other.yaml", "mine")
        return real(folder)

    real = files.locked
    monkeypatch.setattr("pvcheck.files.locked", locked)

    made = begun.run("new", "contract", "contracts/other.yaml", *WORDS, "--expect", "matches=== 2")

    assert made.err.startswith("contracts/other.yaml: PV734 the file is there already")
    assert text(begun, "other.yaml") == "mine"


def test_a_contract_that_cannot_be_read_costs_a_new_one_nothing(begun):
    """It may have the id, and nobody can tell."""
    (begun.root / "contracts" / "dangling.yaml").symlink_to("nowhere")

    made = begun.run("new", "contract", "contracts/other.yaml", *WORDS, "--expect", "matches=== 2")

    assert made.status == 0


def test_other_kinds_of_parameters_are_asked_for_in_words(begun, asked):
    """A choice by its words, a list and a block as JSON; an answer that no schema takes is asked again."""
    answers = [
        "command",
        '["true"]',
        "[]",
        "",
        "",
        "nothing",
        "stderr",
        "0",
        "2",
        "exit_status",
        "== 0",
        "",
        "",
        "",
        "",
    ]

    made = asked(answers, "falsifier", "contracts/words.yaml")

    assert made.status == 0, made
    assert "argv (a list, as JSON): " in made.err
    assert 'stream (stdout or stderr; Enter: "stdout"): ' in made.err
    assert "timeout (a whole number or a number; Enter: 60): " in made.err
    assert "    argv:\n    - 'true'\n" in text(begun)


def test_a_bound_that_is_none_is_asked_again(begun, asked):
    """With the way out."""
    words = ["--evaluator", "text-match", "--with", "text=text", "--with", "pattern=a"]

    made = asked(["", "", "", "", "matches", "2", "== 2", "", "", "", ""], "falsifier", "contracts/words.yaml", *words)

    assert made.status == 0, made
    assert "  not a bound: write == 2\n" in made.err
