"""What the documentation says is what the code does: commands, options, statuses, bounds, settings, guards."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pvcheck import config, guards
from pvcheck.cli import COMMANDS, EXITS, cli
from pvcheck.domain import bounds, keys
from pvcheck.domain.status import Outcome, Status, moved
from pvcheck.errors import EXIT_ORDER, Severity
from pvcheck.loading import contract as loading
from pvcheck.rules import structure

ROOT = Path(__file__).resolve().parent.parent
MADE = "reference-commands.md"
"""The page that tests/docs makes from the commands themselves."""
PATHS = (ROOT / "README.md", *(path for path in ROOT.glob("docs/*.md") if path.name != MADE))
DOCS = {str(path.relative_to(ROOT)): path.read_text() for path in PATHS}
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
SPAN = re.compile(r"`([^`\n]+)`")
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


def table(text, heading):
    """Return the rows of the table whose first column has a heading, as tuples of cells."""
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    start = next(index for index, row in enumerate(rows) if row[0] == heading) + 2
    width = len(rows[start - 2])
    found = []
    for row in rows[start:]:
        if set(row[0]) <= set("-| "):
            found.pop()  # that was the head of the next table
            break
        if len(row) != width:
            break
        found.append(tuple(row))
    return found


def blocks(text, language):
    """Return the fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def options(words):
    """Return the options of the command that words name, with those that every command has."""
    with cli.make_context("pv", ["--help"], resilient_parsing=True) as context:
        command = cli
        for word in words:
            if not hasattr(command, "get_command"):
                break
            command = command.get_command(context, word)
            assert command is not None, words
    return {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}


def test_the_table_of_commands_has_every_command():
    """A command that nobody documents does not exist for its users, and the reverse."""
    rows = table(DOCS["README.md"], "command")

    spans = [SPAN.search(cells[0])[1].split() for cells in rows]

    assert [words[0] for words in spans] == ["pv"] * len(spans)
    assert sorted({words[1] for words in spans}) == sorted(COMMANDS)


@pytest.mark.parametrize("cells", table(DOCS["README.md"], "command"), ids=lambda cells: cells[0].strip("`"))
def test_every_option_of_the_table_exists(cells):
    """The options of a row belong to its command."""
    words = SPAN.search(cells[0])[1].split()[1:]

    told = {name for cell in cells for span in SPAN.findall(cell) for name in OPTION.findall(span)}

    assert told <= options(words)


@pytest.mark.parametrize("name", [*DOCS, "CHANGELOG.md"])
def test_every_command_with_options_in_a_text_exists(name):
    """In running text, in code blocks and in hints of the documentation."""
    text = DOCS.get(name, CHANGELOG)
    told = [span for span in SPAN.findall(text) if re.match(r"(pv|pvcheck) [a-z]", span)]
    told += re.findall(r"^ +(pv [a-z].*)$", text, re.MULTILINE)

    for command in told:
        words = command.split()[1:]

        assert words[0] in COMMANDS, command
        assert set(OPTION.findall(command)) <= options(words), command


SIGNING = (["evidence", "sign"], ["evidence", "verify"])


def test_every_option_anywhere_is_one_of_some_command():
    """An option in a text of its own may belong to any command."""
    known = set().union(
        *(options([name]) for name in COMMANDS),
        *(options(words) for words in (["plugins", "list"], ["model", "show"], ["new", "contract"], *SIGNING)),
    )

    told = {
        option
        for text in (*DOCS.values(), CHANGELOG)
        for span in SPAN.findall(text)
        if span.startswith("--")
        for option in OPTION.findall(span)
    }

    assert told - known == set()
    assert told


def test_the_readme_lists_the_exit_statuses_of_the_code():
    """The help text, the README and the order of ranks name the same numbers."""
    paragraph = re.search(r"^Exit status: (.*?)\n\n", DOCS["README.md"], re.MULTILINE | re.DOTALL)[1]

    told = [int(number) for number in re.findall(r"(?:^|; )(\d+) ", " ".join(paragraph.split()))]

    assert told == sorted(EXIT_ORDER)
    assert [int(number) for number in re.findall(r"^  (\d+) ", EXITS, re.MULTILINE)] == sorted(EXIT_ORDER)


BOUNDS = [span for cells in table(DOCS["docs/contracts.md"], "form") for span in SPAN.findall(cells[0])]


@pytest.mark.parametrize("text", BOUNDS)
def test_every_form_of_bound_parses(text):
    """And its normal form is a form as well."""
    assert bounds.parse(bounds.parse(text).text).text == bounds.parse(text).text


def test_the_forms_of_bounds_are_all_there():
    """Comparisons, tolerance, interval, bits, truth, and everything a series has."""
    assert len(BOUNDS) >= 17
    assert {re.match(r"[a-z]+|[<>=!]+|\[|[\d.]+ \+-", text)[0] for text in BOUNDS} >= {
        "<",
        "<=",
        ">",
        ">=",
        "==",
        "!=",
        "1.8103 +-",
        "in",
        "is",
        "all",
        "any",
        "max",
        "min",
        "count",
        "[",
    }


def test_the_table_of_settings_is_that_of_the_code():
    """Names, and the defaults that can be written down."""
    rows = {SPAN.search(cells[0])[1]: cells for cells in table(DOCS["docs/config.md"], "setting")}

    assert set(rows) == set(config._KEYS)
    assert rows["contracts"][2] == '`["contracts"]`'
    assert config.Config(root=ROOT).contracts == ("contracts",)
    assert float(rows["timeout"][2].strip("`")) == config.Config(root=ROOT).timeout


def test_the_example_of_settings_is_read(tmp_path):
    """Every setting of the example arrives."""
    lines = DOCS["docs/config.md"].splitlines()
    text = "\n".join(line[4:] for line in lines if line.startswith("    ") or not line)
    (tmp_path / "pv.toml").write_text(text)

    found = config.of_folder(tmp_path)

    assert found == config.Config(
        root=tmp_path,
        contracts=("contracts",),
        evaluators=frozenset({"q4k-chain"}),
        inputs={"teacher": "models/teacher.gguf"},
        timeout=60.0,
        challenge=0.9,
        disabled=frozenset({"other"}),
        chosen={"my-evaluator": "mine"},
        signatures=config.Signatures(
            required=True, keys={"release": keys.parse("MCowBQYDK2VwAyEA2SpVsEn1G8lh+baXrqOcWxhASO/VMDg+jrgbh0UPZMU=")}
        ),
    )


def test_the_table_of_guards_is_that_of_the_code():
    """Each guard that the code applies, and whether it ends an evaluation."""
    calls = [
        node
        for node in ast.walk(ast.parse(Path(guards.__file__).read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Guarded"
    ]
    applied = {call.args[1].value: call.keywords[0].value.value for call in calls}

    told = {cells[0]: cells[2].startswith("invalid") for cells in table(DOCS["docs/contracts.md"], "guard")}
    own = {cells[0]: cells[2].startswith("invalid") for cells in table(guards.__doc__, "guard")}

    assert told == own == applied


ROWS = table(DOCS["docs/contracts.md"], "falsifier")


@pytest.mark.parametrize("cells", ROWS, ids=[cells[0] for cells in ROWS])
def test_the_table_of_transitions_is_that_of_the_code(cells):
    """What held, refuted and everything else do to each status."""
    words = [None if word == "none" else word for word in cells[0].split(", ")]
    others = [outcome for outcome in Outcome if outcome not in {Outcome.HELD, Outcome.REFUTED}]

    for word in words:
        for outcomes, cell in zip(([Outcome.HELD], [Outcome.REFUTED], others), cells[1:], strict=True):
            due = word if cell.startswith("stays") else cell.split(",")[0]

            assert {moved(word, outcome) for outcome in outcomes} == {due}


def test_the_table_of_transitions_has_every_status():
    """None is left out."""
    told = {word for cells in ROWS for word in cells[0].split(", ")}

    assert told == {"none", *Status}


@pytest.mark.parametrize("name", DOCS)
def test_every_contract_in_a_text_is_valid(name):
    """What a reader copies is accepted, once the digest is filled in."""
    for text in blocks(DOCS[name], "yaml"):
        if "metadata:" not in text:
            continue

        loaded = loading.load(text.replace("<64 hex digits>", "0" * 64).encode(), name)

        assert loaded.contract is not None
        found = [*loaded.findings, *structure.check(loaded.contract, loaded.document)]
        assert [str(each) for each in found if each.severity is Severity.ERROR] == []
        assert loaded.contract.is_strict


def test_the_readme_shows_a_contract():
    """The test above has something to look at."""
    assert any("metadata:" in text for text in blocks(DOCS["README.md"], "yaml"))


@pytest.mark.parametrize("name", [*DOCS, "CHANGELOG.md"])
def test_every_relative_link_leads_somewhere(name):
    """From the folder of the text."""
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", DOCS.get(name, CHANGELOG))]

    assert [each for each in targets if "://" not in each and not ((ROOT / name).parent / each).exists()] == []


def test_every_file_that_the_readme_names_is_there():
    """In code spans; a tutorial names files of its reader's."""
    named = re.compile(r"(?:docs|schemas|contracts|\.ci)/[\w./-]+\.\w+")
    spans = [span for span in SPAN.findall(DOCS["README.md"]) if named.fullmatch(span)]

    assert [span for span in spans if not (ROOT / span).exists()] == []
    assert spans


def test_the_commands_of_a_fresh_checkout_exist():
    """The two that the README starts with, and the scripts it names."""
    told = re.findall(r"^    python3 (\S+)(?: (\w+))?$", DOCS["README.md"], re.MULTILINE)

    assert {job for script, job in told if script == ".ci/dev.py"} == {"demo", "test"}
    assert [script for script, _ in told if not (ROOT / script).is_file()] == []
    jobs = re.search(r"jobs = \{(.*?)\}", (ROOT / ".ci" / "dev.py").read_text())[1]
    assert {job for _, job in told if job} <= set(re.findall(r'"(\w+)":', jobs))


def test_the_hooks_in_the_readme_are_those_that_ship():
    """Their ids, and the commands they run with their options."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()

    shipped = re.findall(r"^- id: (\S+)$", text, re.MULTILINE)
    entries = [entry.split() for entry in re.findall(r"^  entry: pv (.*)$", text, re.MULTILINE)]

    assert re.findall(r"^  - id: (\S+)$", DOCS["README.md"], re.MULTILINE) == shipped
    assert len(entries) == len(shipped)
    for entry in entries:
        assert set(OPTION.findall(" ".join(entry))) <= options(entry[:1])


def test_the_changelog_names_every_command():
    """A user finds what there is to find."""
    named = {span.split()[1] for span in SPAN.findall(CHANGELOG) if span.startswith("pv ")}

    assert named == set(COMMANDS)
