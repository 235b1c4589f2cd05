"""Rules inside one file: unique ids, references that lead somewhere, versions and amendments that agree."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from pvcheck.domain import bounds
from pvcheck.domain.version import Change
from pvcheck.errors import Finding, quoted
from pvcheck.text import Mapping, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.domain.contract import Amendment, Contract, Falsifier, Stage
    from pvcheck.domain.version import Version
    from pvcheck.text import Document, Node

_INPUT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_FOREIGN_PATH = re.compile(r"[\x00-\x1f\x7f*?\[\]$\\]|^[~/]|^[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
"""What no path of a contract may hold: control characters, globs, variables, home, roots, drives and URLs."""


def check(contract: Contract, document: Document) -> Iterator[Finding]:
    """Yield what is wrong inside the file."""
    yield from unique_ids(contract.falsifiers, "falsifier", document)
    if not contract.is_strict:
        return
    yield from unique_ids(contract.stages, "stage", document)
    yield from bindings(contract, document)
    yield from stages(contract, document)
    yield from inputs(contract, document)
    yield from amendments(contract, document)
    yield from steps(contract, document)


def unique_ids(parts: Iterable[Falsifier | Stage], noun: str, document: Document) -> Iterator[Finding]:
    """Refuse an id that stands twice, also in another case: evidence is found by it."""
    first: dict[str, Falsifier | Stage] = {}
    for part in parts:
        if part.id is None:
            continue
        earlier = first.setdefault(part.id.casefold(), part)
        if earlier is not part:
            line, _ = document.place((*earlier.route, "id"))
            message = f"the {noun} {quoted(part.id)} is there already, on line {line}"
            yield document.finding("PV302", message, (*part.route, "id"), hint="give one of them another id")


def bindings(contract: Contract, document: Document) -> Iterator[Finding]:
    """Refuse halves of a binding: an evaluator without bounds can only be green, bounds without one never are."""
    for each in contract.falsifiers:
        if each.evaluator is None:
            for key in ("with", "expect", "accept"):
                if document.get((*each.route, key)) is not None:
                    message = f"{key!r} needs an evaluator"
                    hint = "name the evaluator that measures this, or leave the key out"
                    yield document.finding("PV310", message, (*each.route, key), hint=hint, at_key=True)
        elif not _expects(document.get((*each.route, "expect"))):
            message = f"the falsifier {quoted(each.id or '')} expects nothing, so no measurement could refute it"
            hint = "add 'expect:' with a bound on a metric, such as growth: < 18"
            yield document.finding("PV311", message, (*each.route, "evaluator"), hint=hint, at_key=True)


def _expects(node: Node | None) -> bool:
    """Say whether a bound stands under ``expect``; one that cannot be parsed is a finding of its own."""
    if not isinstance(node, Mapping):
        return False
    return any(not isinstance(each, Sequence) or each.items for each in node.values.values())


def stages(contract: Contract, document: Document) -> Iterator[Finding]:
    """Refuse a stage that is decided by a falsifier that does not exist."""
    known = {each.id for each in contract.falsifiers}
    for stage in contract.stages:
        for index, name in enumerate(stage.accepts):
            if name not in known:
                message = f"the stage {quoted(stage.id or '')} is decided by {quoted(name)}, which is not in this file"
                hint = "name a falsifier of this contract, or take it out"
                yield document.finding("PV303", message, (*stage.route, "expected_acceptance", index), hint=hint)


def inputs(contract: Contract, document: Document) -> Iterator[Finding]:
    """Refuse an input whose name or path is none. Whether a path leads out of the repository is looked at later."""
    for each in contract.inputs.values():
        if not _INPUT_NAME.fullmatch(each.name):
            message = f"the name of an input must be lower-case letters, digits, - and _, got {quoted(each.name)}"
            yield document.finding("PV203", message, each.route, hint="rename it, such as teacher", at_key=True)
        steps = each.path.split("/")
        if _FOREIGN_PATH.search(each.path) or ".git" in (step.lower() for step in steps):
            message = f"the path of an input must be relative and plain, got {quoted(each.path)}"
            hint = "write a path inside the repository, relative to this file"
            yield document.finding("PV304", message, (*each.route, "path"), hint=hint)


def amendments(contract: Contract, document: Document) -> Iterator[Finding]:
    """Refuse a version that its amendments do not explain."""
    versions = [each.version for each in contract.amendments]
    if versions and contract.version is not None and versions[0] is not None and versions[0] != contract.version:
        message = f"the version is {contract.version}, but the newest amendment made {versions[0]}"
        hint = "versions are written by pv run --write and pv bump, together with the amendment"
        yield document.finding("PV312", message, ("metadata", "version"), hint=hint)
    for newer, older in zip(contract.amendments, contract.amendments[1:], strict=False):
        if newer.version is not None and older.version is not None and newer.version <= older.version:
            message = f"amendments must fall from the newest, got {newer.version} before {older.version}"
            yield document.finding("PV313", message, (*older.route, "version"), hint="put the newest first")
    for each in contract.amendments:
        if not _is_date(each.date):
            message = f"there is no such day as {quoted(each.date)}"
            yield document.finding("PV314", message, (*each.route, "date"), hint="write YYYY-MM-DD")


def steps(contract: Contract, document: Document) -> Iterator[Finding]:
    """Refuse an amendment whose version rose by less than what it lists asks for."""
    for newer, older in zip(contract.amendments, contract.amendments[1:], strict=False):
        if newer.version is None or older.version is None or newer.version <= older.version:
            continue  # that is a finding of its own
        due, why = _asked_for(newer)
        if _step(older.version, newer.version) < due:
            message = f"{older.version} to {newer.version} is too small a step: the amendment {why}"
            hint = f"that needs {older.version.after(due)}; pv bump writes version and amendment together"
            yield document.finding("PV335", message, (*newer.route, "version"), hint=hint)


def _asked_for(amendment: Amendment) -> tuple[Change, str]:
    """Return how far an amendment reaches, and what makes it so."""
    for change in amendment.bounds:
        before, after = ([bounds.parse(text) for text in texts] for texts in (change.before, change.after))
        if bounds.weaker(before, after):
            return Change.MAJOR, f"weakens a bound of {quoted(change.id)}"
    if amendment.bounds:
        return Change.MINOR, f"tightens a bound of {quoted(amendment.bounds[0].id)}"
    if amendment.transitions:
        return Change.MINOR, f"moves the status of {quoted(amendment.transitions[0].id)}"
    return Change.PATCH, "lists changes"


def _step(before: Version, after: Version) -> Change:
    """Return which of the three numbers rose."""
    if after.major > before.major:
        return Change.MAJOR
    return Change.MINOR if after.minor > before.minor else Change.PATCH


def _is_date(text: str) -> bool:
    """Say whether a text is a day of the calendar."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
