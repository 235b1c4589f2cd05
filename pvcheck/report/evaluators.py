"""The page of an evaluator, from its entry in the catalogue: what ``pv explain NAME`` prints, and the docs hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON

LONG = 2000
"""Characters of one description that are shown."""


def page(name: str, entry: dict[str, JSON]) -> str:
    """Return the page of one evaluator as Markdown."""
    return "\n".join(_lines(name, entry)) + "\n"


def _lines(name: str, entry: dict[str, JSON]) -> Iterator[str]:
    """Yield the lines of a page."""
    yield f"# {escaped(name)}"
    yield ""
    yield escaped(entry["doc"], LONG)
    yield ""
    made = f"{entry['plugin']} of {entry['distribution']}, version {entry['version']}"
    yield f"Plugin {escaped(made)}; measures on {escaped(', '.join(entry['devices']))}."
    if entry.get("runs_programs"):
        yield "It runs programs, so settings must allow it by name."
    yield ""
    yield "| with | must be | means |"
    yield "| --- | --- | --- |"
    needed = entry["parameters"].get("required", [])
    for key, field in entry["parameters"].get("properties", {}).items():
        yield f"| `{escaped(key)}` | {_kind(field, needed=key in needed)} | {_cell(field.get('description', ''))} |"
    yield ""
    yield "| metric | type | means |"
    yield "| --- | --- | --- |"
    for metric in entry["metrics"]:
        kind = f"{metric['type']} series" if metric["series"] else metric["type"]
        unit = "" if metric["unit"] == "1" else f", {metric['unit']}"
        yield f"| `{escaped(metric['name'])}` | {escaped(kind + unit)} | {_cell(metric['doc'])} |"
    for index, fault in enumerate(entry["faults"]):
        if not index:
            yield ""
            yield "Faults that it can plant in its own measuring:"
            yield ""
        yield f"- `{escaped(fault['name'])}`: {escaped(fault['doc'], LONG)}"
    if entry.get("takes_arrays"):
        yield ""
        yield "The generic faults can be planted in the arrays that it takes in: `array-flipped-bit`, `array-nan`,"
        yield "`array-swapped-rows`, `array-scaled`, `array-offset-block`."


def _kind(field: dict[str, JSON], *, needed: bool) -> str:
    """Return what a parameter must be, and whether it must be there."""
    if field.get("x-pv-input"):
        kind = "the name of an input"
    elif "enum" in field or "const" in field:
        kind = " or ".join(map(str, field.get("enum", [field.get("const")])))
    else:
        kind = str(field.get("type", "a block"))
    return escaped(kind if needed else f"{kind}, optional")


def _cell(text: str) -> str:
    """Return text for a cell of a table."""
    return escaped(text, LONG).replace("|", "\\|")
