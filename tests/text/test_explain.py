"""The pages of the codes: one each, and their examples do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pvcheck
from pvcheck.errors import ContractError
from pvcheck.text import Ambiguous, Document, InsertItem, Scalar, SetScalar, codes, resolve, splice

PAGES = Path(pvcheck.__file__).parent / "explain"
EXAMPLE = re.compile(r"^## (Wrong|Right)\n\n```(yaml|text)\n(.*?)```$", re.DOTALL | re.MULTILINE)
NOT_TEXT = {
    codes.NO_LIBYAML: "it is about the machine",
    codes.TOO_LARGE: "a megabyte is no example",
    codes.NOT_UTF8: "the page itself is UTF-8",
    codes.CONTROL: "a page must hold no control character",
    codes.BIDI: "a page must read the way it is",
    codes.INVISIBLE: "nobody could see it",
    codes.NODES: "a hundred thousand values are no example",
    codes.SCALAR_LONG: "65,537 characters are no example",
    codes.MORE: "a hundred faults are no example",
}
"""The codes whose wrong example cannot be shown as text, each with the reason."""


def examples(code: str) -> dict[str, tuple[str, str]]:
    """Return the wrong and the right example of a page, each as its language and text."""
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    return {which: (language, text) for which, language, text in EXAMPLE.findall(page)}


def found(text: str) -> set[str]:
    """Return the codes of a text, with every value resolved."""
    try:
        document = Document.parse(text.encode(), "c.yaml")
        for _, node in document.nodes():
            if isinstance(node, Scalar):
                resolve(node)
    except ContractError as error:
        return {each.code for each in error.findings}
    except Ambiguous as refusal:
        return {refusal.code}
    return set()


@pytest.mark.parametrize("code", sorted(codes.TITLES))
def test_a_page_has_title_reason_and_examples(code):
    """Each code of the table has a page with its title, some words, and both examples."""
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")

    assert page.startswith(f"# {code} {codes.TITLES[code]}\n\n")
    assert page.index("## Wrong") > 120
    assert list(examples(code)) == ["Wrong", "Right"]
    assert (examples(code)["Wrong"][0] == "text") == (code in NOT_TEXT)


def test_every_page_of_ours_has_a_code():
    """No page explains a code that is not in the table."""
    assert {path.stem for path in PAGES.glob("PV1*.md")} == set(codes.TITLES)


@pytest.mark.parametrize("code", sorted(set(codes.TITLES) - {codes.BY_HAND}))
def test_the_wrong_example_has_the_code(code):
    """The wrong example is refused with the code of its page alone."""
    if code in NOT_TEXT:
        pytest.skip(NOT_TEXT[code])

    assert found(examples(code)["Wrong"][1]) == {code}


@pytest.mark.parametrize("code", sorted(codes.TITLES))
def test_the_right_example_is_accepted(code):
    """The right example has no finding."""
    language, text = examples(code)["Right"]

    assert (language, found(text)) == ("yaml", set())


@pytest.mark.parametrize("edit", [SetScalar(("metadata", "status"), "X"), InsertItem(("amendments",), "X")])
def test_the_edits_of_the_page_on_edits_are_as_it_says(edit):
    """Both edits of PV140's page are refused in its wrong example and made in its right one."""
    shown = {which: Document.parse(text.encode(), "c.yaml") for which, (_, text) in examples(codes.BY_HAND).items()}

    with pytest.raises(ContractError, match="PV140"):
        splice(shown["Wrong"], [edit])
    assert splice(shown["Right"], [edit]) != shown["Right"]
