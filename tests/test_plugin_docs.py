"""The page about plugins: its generated parts are what the code says, and nothing public is missing."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import os
import re
import textwrap
from pathlib import Path
from typing import Protocol

import pytest
from pydantic import BaseModel

from pvcheck import plugin, testing
from pvcheck.host import codes
from pvcheck.plugin import hookspecs

PAGE = Path(__file__).resolve().parent.parent / "docs" / "plugins.md"
PART = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
WITHOUT_DOCSTRING = {
    "API_VERSION": "The version of this API, as (major, minor).",
    "hookimpl": "Mark a function of a plugin as what it does for a hook, as `@hookimpl`.",
}


def documented(name: str, value: object, level: str = "###") -> list[str]:
    """Return the entry of one name: heading, signature, docstring, members and methods."""
    if name in WITHOUT_DOCSTRING:
        code = f"{name} = {value!r}" if isinstance(value, tuple) else name
        return [f"{level} {name}", "", *fenced(code), "", WITHOUT_DOCSTRING[name], ""]
    lines = [f"{level} {name}", "", *fenced(signature(name, value)), "", prose(inspect.getdoc(value) or ""), ""]
    if isinstance(value, type) and issubclass(value, enum.Enum):
        lines += [f"- `{name}.{each.name}`: {each.value}" for each in value]
        lines.append("")
    elif isinstance(value, type) and not issubclass(value, BaseModel | Exception):
        lines += [
            f"- `{signature(each, method)}`: {textwrap.indent(prose(inspect.getdoc(method)), '  ').strip()}"
            for each, method in vars(value).items()
            if inspect.isfunction(method) and not each.startswith("_")
        ]
        lines += [
            f"- `{each}`: {prose(inspect.getdoc(member))}"
            for each, member in vars(value).items()
            if isinstance(member, property)
        ]
        lines.append("")
    return lines


def fenced(code: str) -> list[str]:
    """Return code as a block."""
    return ["```python", code, "```"]


def prose(text: str) -> str:
    """Return a docstring as Markdown."""
    text = text.replace("``", "`")
    text = re.sub(r"^:param (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^:raises ([\w.]+): ", r"- raises `\1` ", text, flags=re.MULTILINE)
    text = re.sub(r"^:returns: ", "- returns ", text, flags=re.MULTILINE)
    return re.sub(r"\n    +(?=\S)", "\n  ", text).strip()


def signature(name: str, value: object) -> str:
    """Return how a thing is called, one parameter a line where one line is too short."""
    if isinstance(value, type) and (
        issubclass(value, enum.Enum | Exception | BaseModel) or value.__mro__[1] is Protocol
    ):
        return f"class {name}({value.__mro__[1].__name__})"
    found = inspect.signature(value)
    words: list[str] = []
    for each in found.parameters.values():
        if each.name == "self":
            continue
        if each.kind is each.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        kind = each.annotation if isinstance(each.annotation, str) else each.annotation.__forward_arg__
        default = "" if each.default is each.empty else f" = {shown(each.default)}"
        words.append(f"{star}{each.name}: {kind}{default}")
    end = "" if isinstance(value, type) or not isinstance(found.return_annotation, str) else found.return_annotation
    arrow = f" -> {end}" if end else ""
    line = f"{name}({', '.join(words)}){arrow}"
    return line if len(line) <= 100 else f"{name}(\n    " + ",\n    ".join(words) + f",\n){arrow}"


def shown(value: object) -> str:
    """Return a default as a reader would write it."""
    if callable(value):
        return "..."
    return "{}" if type(value).__name__ == "_HAS_DEFAULT_FACTORY_CLASS" else repr(value)


def hooks() -> list[str]:
    """Return the entries of all hooks."""
    found = {name: value for name, value in vars(hookspecs).items() if name.startswith("pv_")}
    return [line for name, value in found.items() for line in documented(name, value)]


def names() -> list[str]:
    """Return the entries of all names of the API, in the order of the alphabet."""
    return [line for name in plugin.__all__ for line in documented(name, getattr(plugin, name))]


def helpers() -> list[str]:
    """Return the entries of what an author's tests may use."""
    return [line for name in testing.__all__ if name != "project" for line in documented(name, getattr(testing, name))]


PARTS = {"hooks": hooks, "names": names, "testing": helpers}


def test_the_generated_parts_are_what_the_code_says():
    """``PVCHECK_UPDATE_DOCS=1`` writes them again; they are then to be read in review."""
    text = PAGE.read_text(encoding="utf-8")

    made = PART.sub(lambda match: match[1] + "\n" + "\n".join(PARTS[match[2]]()).rstrip() + "\n\n" + match[4], text)

    if os.environ.get("PVCHECK_UPDATE_DOCS") == "1":
        PAGE.write_text(re.sub(r"\n{3,}", "\n\n", made), encoding="utf-8")
    assert [match[2] for match in PART.finditer(text)] == list(PARTS)
    assert re.sub(r"\n{3,}", "\n\n", made) == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", plugin.__all__)
def test_a_name_of_the_api_says_what_it_is_for(name):
    """Each has a docstring of its own; a dataclass's is not the one that Python makes."""
    value = getattr(plugin, name)

    doc = WITHOUT_DOCSTRING.get(name) or inspect.getdoc(value) or ""

    assert doc.endswith(".") or "\n" in doc
    assert not (dataclasses.is_dataclass(value) and doc.startswith(f"{name}("))


def test_every_error_of_a_plugin_is_on_the_page():
    """The table has each code but the one of a wrong choice in the settings, and no other."""
    table = PAGE.read_text(encoding="utf-8").split("## Errors")[1].split("\n## ")[0]

    assert set(re.findall(r"PV\d{3}", table)) == set(codes.TITLES) - {codes.BAD_CHOICE}


def test_the_sections_are_all_there():
    """What an author must know before the first release."""
    sections = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sections == [
        "Two halves",
        "Hooks",
        "Names",
        "Parameters",
        "What a measurement tells the guards",
        "Faults",
        "Tests",
        "Errors",
        "Versions, and how things go away",
        "Limits of isolation",
        "What is not promised",
    ]
