"""What yaml-language-server makes of the schema for editors: completion, hover and diagnostics, asked over a pipe.

PVCHECK_YAML_LS names the program; without it, and without one on the path, there is nothing to ask.
"""

from __future__ import annotations

import os
import shutil

import pytest
from editor.server import Server

from pvcheck.loading import catalogue, editor

HEAD = f"{editor.MODELINE}../schemas/{editor.NAME}\n"
ABOUT = "metadata:\n  schema: 1\n  id: C-A\n  version: 1.0.0\n"
INPUT = "inputs:\n  text: {format: text, path: a.txt}\n"
TEST = f"{ABOUT}{INPUT}falsification_tests:\n- id: F-1\n"
MATCH = f"{TEST}  evaluator: text-match\n"


@pytest.fixture(scope="module")
def server(checkout, tmp_path_factory):
    """Run a server in a project that has the schema for editors, with a plugin's evaluator in it."""
    program = os.environ.get("PVCHECK_YAML_LS") or shutil.which("yaml-language-server")
    if not program or shutil.which("node") is None:
        pytest.skip(
            "yaml-language-server is not here: npm install yaml-language-server, and name it in PVCHECK_YAML_LS"
        )
    root = tmp_path_factory.mktemp("editor")
    editor.write(root)
    with Server(program, root) as running:
        running.root = root
        yield running


@pytest.fixture
def ask(server, request):
    """Open a text in which ^ marks a place; return what is wrong with it, what is proposed there and what is shown."""

    def asked(marked: str):
        before, _, after = marked.partition("^")
        path = server.root / "contracts" / f"{abs(hash(request.node.name + marked))}.yaml"
        wrong = server.open(path, HEAD + before + after)
        line, column = HEAD.count("\n") + before.count("\n"), len(before.rpartition("\n")[2])
        return (
            [each["message"] for each in wrong],
            server.completed(path, line, column),
            server.hover(path, line, column),
        )

    return asked


def told(item) -> str:
    """Return the words beside a proposal."""
    words = item.get("documentation", "")
    return words if isinstance(words, str) else words["value"]


def test_an_empty_file_is_begun_with_the_least_that_a_contract_says(ask):
    """A snippet, and each block with an example and what is refused."""
    _, proposed, _ = ask("^")

    assert proposed["contract"]["insertText"].startswith("metadata:\n  schema: 1\n  id: ${1:C-NAME}\n")
    assert "Example: `amendments: []`" in told(proposed["amendments"])
    assert "PV313" in told(proposed["amendments"])


@pytest.mark.parametrize(
    ("marked", "label", "part"),
    [
        (f"{ABOUT}{INPUT}falsification_tests:\n- ^", "falsifier", "evaluator: ${5:evaluator}"),
        (f"{TEST}implementation_stages:\n- ^", "stage", "expected_acceptance:"),
        (f"{ABOUT}inputs:\n  ^\nfalsification_tests:\n- id: F-1\n", "input", "format: ${2:gguf}"),
    ],
    ids=["falsifier", "stage", "input"],
)
def test_whole_blocks_are_proposed(ask, marked, label, part):
    """A falsifier, a stage, an input."""
    assert part in ask(marked)[1][label]["insertText"]


def test_evaluators_are_proposed_with_what_they_do(ask):
    """Each of the catalogue."""
    _, proposed, _ = ask(f"{TEST}  evaluator: ^")

    assert told(proposed["text-match"]) == "Counts the matches of a pattern in a UTF-8 text of at most 16 MiB"
    assert "q4k-chain" in proposed


def test_parameters_are_those_of_the_evaluator(ask):
    """By its name and no other's that begins like it; what was written already is left out."""
    _, proposed, _ = ask(f"{TEST}  evaluator: q4k-chain\n  with:\n    model: text\n    ^\n  expect: {{}}")

    names = {name for name in proposed if not name.endswith(".with")}
    assert names == {"layers", "propagation", "tensor"}
    assert "{layer} in it stands for" in told(proposed["tensor"])


def test_metrics_and_bounds_that_fit_are_proposed(ask):
    """Quoted where YAML needs it."""
    _, metrics, _ = ask(f"{MATCH}  with: {{text: text, pattern: a}}\n  expect:\n    ^")
    _, bounds, _ = ask(f"{MATCH}  with: {{text: text, pattern: a}}\n  expect:\n    matches: ^")

    assert {"matches", "lines", "matching_lines", "first_line"} <= metrics.keys()
    assert {"== 0", "<= 0", '">= 1"'} <= bounds.keys()


def test_statuses_say_who_writes_them(ask):
    """An editor proposes DISCHARGED with the warning."""
    _, proposed, _ = ask(f"{TEST}  status: ^")

    assert "typed by hand it is refused (PV401)" in told(proposed["DISCHARGED"])


@pytest.mark.parametrize(
    ("marked", "part"),
    [
        (f"{TEST}  eval^uator: text-match\n", "Example: `evaluator: q4k-chain`"),
        (f"{MATCH}  with: {{text: text, pat^tern: a}}\n", "a regular expression"),
        (f"{MATCH}  with: {{text: text, pattern: a}}\n  expect: {{lin^es: == 1}}\n", "lines of the text"),
        (ABOUT.replace("version", "ver^sion") + "falsification_tests:\n- id: F-1\n", "Refused: 1.0 and v1.0.0 (PV203)"),
    ],
    ids=["evaluator", "parameter", "metric", "version"],
)
def test_a_key_is_explained_where_the_mouse_rests(ask, marked, part):
    """With an example, and what is refused."""
    assert part in ask(marked)[2]


def test_what_does_not_fit_an_evaluator_is_underlined(ask):
    """A parameter and a metric with a typo, and a parameter that is missing."""
    wrong, _, _ = ask(f"{MATCH}  with: {{text: text, patern: a}}\n  expect:\n    matchs: == 1\n^")

    assert wrong == [
        'Missing property "pattern".', "Property patern is not allowed.", "Property matchs is not allowed.",
    ]  # fmt: skip


def test_an_evaluator_that_nobody_lists_is_not_refused(ask):
    """It is a warning of `pv validate`, and its parameters are its own."""
    assert ask(f"{TEST}  evaluator: of-tomorrow\n  with: {{a: 1}}\n  expect: {{b: < 1}}\n^")[0] == []


def test_the_contracts_of_the_project_are_clean(checkout, ask):
    """What `pv validate` accepts is not underlined."""
    assert catalogue.names(checkout)
    for path in (checkout / "contracts").glob("*.yaml"):
        lines = path.read_text().split("\n", 1)
        assert ask("^" + lines[1])[0] == [], path
