"""Every command of every page is run, in the order of the page, in one folder a page, and what it shows is compared.

``PVCHECK_UPDATE_DOCS=1`` writes what the commands print into the pages; it is then to be read in review.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pages
import pytest
from pages import PAGES, REASONS, ROOT, Block, Shell, blocks

if TYPE_CHECKING:
    from pathlib import Path

UPDATE = os.environ.get("PVCHECK_UPDATE_DOCS") == "1"
ELSEWHERE = {
    "docs/investigation.md": "tests/test_investigation_docs.py",
    "docs/tutorial-plugin.md": "tests/test_tutorial.py",
}
"""Pages whose commands another module runs, each in the way that the page needs."""
RUN = {"console", "script"}


def commands(name: str) -> list[Block]:
    """Return the blocks of commands of a page."""
    return [block for block in blocks(PAGES[name].read_text(encoding="utf-8")) if block.kind in RUN]


HERE = [name for name in PAGES if name not in ELSEWHERE and any(not each.reason for each in commands(name))]


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Return a cache folder for all pages of this process, so that kernels are compiled once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shell(tmp_path, cache):
    """Start a shell in an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    made = Shell(home, cache)
    yield made
    made.close()


def reader_of_the_readme(shell: Shell) -> None:
    """Make what the README speaks of: a repository with a contract of one's own on a branch, and its main branch."""
    shutil.copytree(ROOT / "pvcheck" / "demo_data", shell.home / "contracts")
    (shell.home / "contracts" / "trace-ffn-sub-block-gguf-v1.yaml").rename(shell.home / "contracts" / "mine.yaml")
    for command in (
        "git init -q . && git add contracts && git commit -qm base && git update-ref refs/remotes/origin/main HEAD",
        "sed -i 's/growth_last_over_first: < 18/growth_last_over_first: < 12/' contracts/mine.yaml",
    ):
        shell.run(command)
        assert shell.status == 0


def reader_with_a_contract(shell: Shell) -> None:
    """Make what a page speaks of that begins where a project has contracts."""
    shutil.copytree(ROOT / "pvcheck" / "demo_data", shell.home / "contracts")


def reader_of_the_tutorial(shell: Shell) -> None:
    """Do what the tutorial says up to the first status that was earned: other pages go on from there."""
    text = PAGES["docs/tutorial.md"].read_text(encoding="utf-8").partition("\n## 5.")[0]
    assert len(list(pages.follow(text, shell))) > 5


def reader_in_a_checkout(shell: Shell) -> None:
    """Make what a page speaks of that is about the contracts of pvcheck itself; large models are left out."""
    ignored = shutil.ignore_patterns("gemma*", ".gemma*", "__pycache__")
    shutil.copytree(ROOT / "contracts", shell.home / "pvcheck" / "contracts", ignore=ignored)
    shutil.copytree(ROOT / "schemas", shell.home / "pvcheck" / "schemas")
    shell.run("cd pvcheck && git init -q")
    assert shell.status == 0


BEFORE = {
    "README.md": reader_of_the_readme,
    "docs/explanation-evidence.md": reader_of_the_tutorial,
    "docs/how-to-bump.md": reader_of_the_tutorial,
    "docs/how-to-dask.md": reader_with_a_contract,
    "docs/how-to-gpu-host.md": reader_of_the_tutorial,
    "docs/how-to-pre-merge.md": reader_of_the_tutorial,
    "docs/how-to-promote.md": reader_of_the_tutorial,
    "docs/how-to-real-teacher.md": reader_in_a_checkout,
    "docs/how-to-report.md": reader_of_the_tutorial,
    "docs/signatures.md": reader_of_the_tutorial,
}
"""What is there before a page begins, where that is not an empty folder."""


@pytest.mark.parametrize("name", HERE)
def test_every_command_of_a_page_does_what_it_shows(name, shell):
    """In the order of the page; files and changes that it shows are made as well."""
    text = PAGES[name].read_text(encoding="utf-8")
    BEFORE.get(name, lambda _: None)(shell)

    made = list(pages.follow(text, shell))

    if UPDATE:
        renew(PAGES[name], text, made)
    assert [block.text for block, _ in made] == [text for _, text in made] or UPDATE


def renew(path: Path, text: str, made: list[tuple[Block, str]]) -> None:
    """Write what commands print into a page."""
    lines = text.splitlines(keepends=True)
    for block, told in reversed(made):
        if block.kind == "console":
            lines[block.start + 1 : block.end - 1] = [told]
    path.write_text("".join(lines), encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_no_command_hides_in_a_block_that_is_not_run(name):
    """What a reader may copy is what a test has run."""
    assert [each for each in blocks(PAGES[name].read_text(encoding="utf-8")) if pages.hides_a_command(each)] == []


def test_what_is_not_run_says_why(capsys):
    """Few blocks are left out, each for a reason of the machine; all of them are counted and printed."""
    left_out = [(name, each) for name in PAGES for each in commands(name) if each.reason]
    ran = sum(not each.reason for name in PAGES for each in commands(name))

    with capsys.disabled():
        print(f"\n{ran} blocks of commands run, {len(left_out)} left out:")  # noqa: T201 - for the log of CI
        for name, each in left_out:
            print(f"  {name}:{each.start + 1}: {each.reason}")  # noqa: T201 - the same

    assert [(name, each) for name, each in left_out if not each.reason.startswith(REASONS)] == []
    assert ran > 2 * len(left_out)


@pytest.mark.parametrize(("name", "module"), ELSEWHERE.items(), ids=list(ELSEWHERE))
def test_a_page_that_another_module_runs_is_run_there(name, module):
    """The module names the page, and the page has commands."""
    assert name.removeprefix("docs/") in (ROOT / module).read_text(encoding="utf-8")
    assert [each for each in commands(name) if not each.reason]


def test_a_block_is_told_by_its_fence_and_by_the_comment_before_it():
    """Kinds, paths and reasons; a comment counts for the next block only."""
    text = (
        "<!-- file: a/b.yaml -->\n```yaml\nx: 1\n```\n\n```yaml\nx: 2\n```\n\n```diff\n--- a\n+x\n```\n\n"
        "<!-- not run: needs a GPU, here -->\n```console\n$ pv run\n```\n\n    pv list\n    python x.py\n\nText.\n\n"
        "    words = 1\n\n<!-- file: c -->\n\nText between.\n\n```text\nplain\n```\n"
    )

    found = blocks(text)

    assert [(each.kind, each.path, each.reason) for each in found] == [
        ("file", "a/b.yaml", ""),
        ("other", "", ""),
        ("change", "", ""),
        ("console", "", "needs a GPU, here"),
        ("script", "", ""),
        ("other", "", ""),
        ("other", "", ""),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a", "..."], ["a", "b", "c"], True),
        (["...", "c"], ["a", "b", "c"], True),
        (["a", "...", "c"], ["a", "c"], True),
        (["a", "...", "d"], ["a", "b", "c"], False),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
        ([], ["a"], False),
        (["took 12 ms, on 2026-11-22"], ["took 3.5 s, on 2027-01-01"], True),
        (["sha256:" + "a" * 64], ["sha256:" + "b" * 64], True),
        (["a  b"], ["a     b"], True),
        (["1.5"], ["1.6"], False),
    ],
)
def test_output_is_compared_but_for_what_changes(shown, printed, same):
    """Times, days, digests and the width of columns differ from run to run; nothing else may."""
    assert pages.agrees(shown, printed) is same


def test_a_command_that_fails_must_say_so(shell):
    """A reader who sees a refusal is told its exit status."""
    silent = "```console\n$ cd /nowhere 2>/dev/null\n```\n"
    told = "```console\n$ (exit 4)\n$ echo $?\n4\n```\n"

    with pytest.raises(AssertionError, match="exit status 1"):
        list(pages.follow(silent, shell))
    assert [block.text == text for block, text in pages.follow(told, shell)] == [True]


def test_commands_without_a_prompt_are_run_too(shell):
    """An indented block of commands, and a script: each line must succeed."""
    indented = "Do:\n\n    git init -q .\n    git status --no-such\n"
    script = "```sh\ntrue\nfalse\n```\n"

    for text, failed in ((indented, "git status --no-such"), (script, "false")):
        with pytest.raises(AssertionError, match=f"{failed}: exit status"):
            list(pages.follow(text, shell))
    assert (shell.home / ".git").is_dir()


def test_a_page_whose_output_is_another_is_found(shell):
    """And what the command prints is what the page is renewed with."""
    ((block, text),) = pages.follow("```console\n$ echo new\nold\n$ echo same\n...\n```\n", shell)

    assert block.text != text
    assert text == "$ echo new\nnew\n$ echo same\n...\n"


@pytest.mark.parametrize(
    ("shown", "printed", "made"),
    [
        (["..."], ["a", "b"], ["..."]),
        (["old"], ["a", "b"], ["a", "b"]),
        (["1 held", "..."], ["0 seen", "2 held", "more"], ["...", "2 held", "..."]),
        (["...", "nothing alike"], ["2 held"], ["..."]),
        (["...", "1 held"], ["2 held"], ["2 held"]),
    ],
)
def test_a_page_that_is_renewed_stays_as_short_as_it_was(shown, printed, made):
    """What takes the place of a line is the line most like it; what was left out is left out again."""
    assert pages.shortened(shown, printed) == made
    assert pages.agrees(made, printed)


@pytest.mark.parametrize(
    ("text", "hides"),
    [
        ("```text\n$ pv list\n```\n", True),
        ("```yaml\nkey: 1\npv run --write\n```\n", True),
        ("    x = 1\n    PVCHECK_INPUTS=/m pv run\n", True),
        ("```text\npvalue 1\n```\n", False),
        ("```console\n$ pv list\n```\n", False),
        ("<!-- file: hook -->\n```sh\npv validate\n```\n", False),
    ],
)
def test_a_command_in_another_block_is_seen(text, hides):
    """A block is run, is a file, or has no command."""
    (block,) = blocks(text)

    assert pages.hides_a_command(block) is hides
