"""The pages: one for every code in the source, each with examples that do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pvcheck
from pvcheck import config, explain
from pvcheck.errors import ConfigError, Severity
from pvcheck.pipeline import checking

PACKAGE = Path(pvcheck.__file__).parent
CODE = re.compile(r'"(PV[0-9]{3})"')
EXAMPLES = re.compile(r"^## (Wrong|Right)\n\n```(yaml|toml|text|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
USED = sorted({code for path in PACKAGE.rglob("*.py") for code in CODE.findall(path.read_text(encoding="utf-8"))})
OTHERS = ("PV1", "PV5")
"""Families whose pages are held to their own tables, beside the tests of the text and of plugins."""
OURS = [code for code in explain.codes() if not code.startswith(OTHERS)]


def examples(code: str) -> dict[str, tuple[str, str]]:
    """Return the wrong and the right example of a page, each as its language and text."""
    return {which: (language, text) for which, language, text in EXAMPLES.findall(explain.page(code) or "")}


def test_every_code_has_a_page_and_every_page_a_code():
    """A message never has a code that nobody explains, and no page outlives its code."""
    assert list(explain.codes()) == USED


@pytest.mark.parametrize("code", explain.codes())
def test_a_page_starts_with_its_title(code):
    """The first line has the code and the title, without a full stop."""
    first, second = (explain.page(code) or "").split("\n")[:2]

    assert re.fullmatch(rf"# {code} \S.{{1,70}}[^.\s]", first)
    assert second == ""


@pytest.mark.parametrize("code", explain.codes())
def test_a_page_ends_with_a_wrong_and_a_right_example(code):
    """Words come first, then one example of each kind, in this order, and they differ."""
    page = explain.page(code) or ""

    found = examples(code)

    assert list(found) == ["Wrong", "Right"]
    assert len(EXAMPLES.findall(page)) == page.count("\n## ") == 2
    assert found["Wrong"] != found["Right"]
    assert len(page.split("\n## ")[0].split()) > 20
    assert page.endswith("```\n")


@pytest.mark.parametrize("code", ["PV999", "PV20", "PV2077", "pv207", "../PV207", "PV207.md", ""])
def test_what_is_no_code_has_no_page(code):
    """Only a code leads to a file."""
    assert explain.page(code) is None


CONTRACTS = [code for code in OURS if examples(code).get("Right", ("", ""))[1].startswith("metadata:\n")]
SETTINGS = [code for code in OURS if examples(code).get("Right", ("", ""))[0] == "toml"]


NEIGHBOURS = {
    "PV322": {"neighbour.yaml": "PV322"},
    "PV324": {"earlier.yaml": "PV213"},
    "PV325": {"earlier/growth.yaml": "PV325"},
}
"""Files beside the example of a page about several: their names, and the page whose right example they hold."""


def findings(code: str, which: str, folder: Path) -> list[tuple[str, Severity]]:
    """Return what validation says of the example of a page, in a repository of its own."""
    (folder / ".git").mkdir(exist_ok=True)
    paths = []
    for name, other in NEIGHBOURS.get(code, {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(examples(other)["Right"][1].replace("depends_on: [neighbour]", ""), encoding="utf-8")
        paths.append(folder / name)
    (folder / "growth.yaml").write_text(examples(code)[which][1], encoding="utf-8")
    *_, checked = checking.check_all([*paths, folder / "growth.yaml"])
    return [(each.code, each.severity) for each in checked.findings]


def test_every_rule_of_a_contract_is_shown_by_whole_contracts():
    """The examples of shape, structure and fitting are contracts that can be run."""
    assert {code for code in OURS if code[:3] in {"PV2", "PV3"}} <= set(CONTRACTS)


@pytest.mark.parametrize("code", CONTRACTS)
def test_the_wrong_contract_has_the_code_and_the_right_one_nothing(code, tmp_path):
    """Each wrong example is refused with the code of its page and no other; the right one is clean."""
    unbound = {("PV317", Severity.WARNING)} - {(code, Severity.WARNING)}  # most examples measure nothing, for brevity

    assert {each for each, _ in {*findings(code, "Wrong", tmp_path)} - unbound} == {code}
    assert {*findings(code, "Right", tmp_path)} - unbound == set()


@pytest.mark.parametrize("code", SETTINGS)
def test_the_wrong_settings_have_the_code_and_the_right_ones_are_read(code, tmp_path):
    """Each wrong example is refused with the code of its page; the right one is understood."""
    (tmp_path / "pv.toml").write_text(examples(code)["Wrong"][1])
    with pytest.raises(ConfigError) as caught:
        config.of_folder(tmp_path)
    config.of_folder.cache_clear()
    (tmp_path / "pv.toml").write_text(examples(code)["Right"][1])

    settings = config.of_folder(tmp_path)

    assert {each.code for each in caught.value.findings} == {code}
    assert settings.timeout == 120
