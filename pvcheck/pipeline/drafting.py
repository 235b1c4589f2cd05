"""Drafts of what ``pv new`` writes, checked as ``pv validate`` would check them before a byte is written.

A falsifier comes into a contract by cuts in its text, as every write does; a contract is one new file. What is found in
the result and was not there before refuses the draft, so that nothing is written that must be mended at once.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, files, plan, writeback
from pvcheck.errors import BugError, ConfigError, ContractError, Finding, escaped, quoted
from pvcheck.loading import catalogue, editor
from pvcheck.pipeline import checking, claiming, sifting
from pvcheck.text import AppendItem, InsertKey, Mapping, Plain, splice
from pvcheck.text.render import USUAL, entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.config import Config
    from pvcheck.domain.contract import Contract
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.claiming import Claim
    from pvcheck.text import Document, Edit, Value

FALSIFIERS = "falsification_tests"


class Draft(NamedTuple):
    """A contract as it is to be: its bytes then and now (None where it is new), and the falsifier that it gets."""

    path: Path
    after: bytes
    before: bytes | None
    contract: str
    falsifier: str


class _Overlay(files.Disk):
    """The disk as it would be with one file written."""

    def __init__(self, path: Path, data: bytes, root: Path) -> None:
        super().__init__(root)
        self._path = path
        self._data = data

    def read(self, path: Path, limit: int) -> bytes:
        """Return the draft for its path, else what the disk has."""
        return self._data if path == self._path else super().read(path, limit)


def readable(path: Path) -> Checked:
    """Return a contract that can get another falsifier.

    :raises ContractError: if it cannot be understood, or has mistakes that are not about statuses.
    :raises ConfigError: if it is not a contract of ours.
    """
    found = checking.check(path, {})
    if found.document is not None and found.document.get(("metadata", "schema")) is None:
        hint = "add 'schema: 1' under metadata, and run pv validate to see what the strict rules ask for"
        message = "the contract has no metadata.schema, so nothing in it is measured"
        raise ConfigError(Finding("PV735", message, escaped(str(path)), hint=hint, exit_code=2))
    if found.contract is None or found.document is None or not found.can_run:
        if found.errors[0].exit_code == files.UnreadableError.exit_code:
            raise files.UnreadableError(found.errors)
        raise ContractError(found.errors)
    return found


def falsifier(found: Checked, claim: Claim) -> Draft:
    """Return the draft of a contract with another falsifier, behind the others.

    :raises ConfigError: with everything that `pv validate` would find in the result and not in the contract.
    :raises ContractError: if it cannot be put there safely, with the edit to make by hand.
    """
    document, contract = found.document, found.contract
    if document is None or contract is None:
        raise BugError(Finding("PV902", "a draft needs a contract that was read", escaped(str(found.path))))
    taken = [each.id for each in contract.falsifiers]
    name = claim.id or claiming.free_id(taken, (contract.id or "").removeprefix("C-"))
    edits = [*_inputs(document, contract, claim, found.path), AppendItem((FALSIFIERS,), claiming.value_of(claim, name))]
    draft = Draft(found.path, splice(document, edits).data, document.data, contract.id or "", name)
    _refuse_worse(_checked(draft), found.findings, draft, claim)
    return draft


def _inputs(document: Document, contract: Contract, claim: Claim, path: Path) -> list[Edit]:
    """Return the edits that declare new inputs, behind those that are there; one that is there already needs none."""
    known = {name: os.path.realpath(path.parent / each.path) for name, each in contract.inputs.items()}
    new = {name: each for name, each in claim.inputs.items() if known.get(name) != os.path.realpath(each)}
    if twice := [name for name in new if name in known]:
        message = f"the input {quoted(twice[0])} is declared already, for another file"
        hint = f"choose another name, or leave --input out to use {escaped(contract.inputs[twice[0]].path)}"
        raise ConfigError(Finding("PV737", message, escaped(str(path)), hint=hint, exit_code=2))
    made: dict[str, Value] = {name: claiming.declared(each, path) for name, each in new.items()}
    if not made:
        return []
    block = document.get(("inputs",))
    if not isinstance(block, Mapping) or not block.values:
        return [InsertKey((), "metadata", "inputs", made)]
    order = [*block.values, *made]
    return [InsertKey(("inputs",), order[order.index(name) - 1], name, each) for name, each in made.items()]


def contract(path: Path, name: str, title: str, claim: Claim) -> Draft:
    """Return the draft of a new contract with one falsifier and the stage that it decides.

    :raises ConfigError: if the file is there already, or with everything that `pv validate` would find in it.
    """
    refuse_present(path)
    stem = name.removeprefix("C-")
    test = claim.id or claiming.free_id((), stem)
    root = settings_of(path).root
    about: dict[str, Value] = {"schema": Plain("1"), "id": name, "version": "1.0.0", "status": "ACTIVE"}
    about["created"] = datetime.now(UTC).date().isoformat()
    parts: dict[str, Value] = {"metadata": about | ({"description": title} if title else {})}
    if claim.inputs:
        parts["inputs"] = {each: claiming.declared(place, path) for each, place in claim.inputs.items()}
    parts[FALSIFIERS] = [claiming.value_of(claim, test)]
    parts["implementation_stages"] = [{"id": f"M-{stem}-1", "expected_acceptance": [test], "status": "PENDING"}]
    parts["amendments"] = []
    schema = Path(os.path.relpath(root / "schemas" / editor.NAME, os.path.realpath(path.parent))).as_posix()
    lines = [editor.MODELINE + schema, *(line for key in parts for line in entry(f"{key}:", parts[key], 0, USUAL))]
    draft = Draft(path, ("\n".join(lines) + "\n").encode(), None, name, test)
    found = _checked(draft)
    others = [checking.check(each, {}) for each in _spelling(name, found)]
    _refuse_worse(sifting.between([*others, found])[-1], (), draft, claim)
    return draft


def refuse_present(path: Path) -> None:
    """Refuse to write over a file.

    :raises ConfigError: if there is one, or a folder or a link.
    """
    if os.path.lexists(path):
        hint = f"name another file, or add to it with pv new falsifier {escaped(str(path))}"
        raise ConfigError(Finding("PV734", "the file is there already", escaped(str(path)), hint=hint, exit_code=2))


def _spelling(name: str, found: Checked) -> list[Path]:
    """Return the contracts of the project that spell an id somewhere: one of them may have it."""
    several = []
    for path in sifting.contracts_of(found.config):
        try:
            data = config.read(path, checking.MAX_CONTRACT)
        except files.UnreadableError:
            continue
        if name.encode() in data:
            several.append(path)
    return several


def _checked(draft: Draft) -> Checked:
    """Return what `pv validate` would say of a draft."""
    return checking.check(draft.path, {}, None, _Overlay(draft.path, draft.after, settings_of(draft.path).root))


def _refuse_worse(found: Checked, before: Sequence[Finding], draft: Draft, claim: Claim) -> None:
    """Refuse a draft in which more is found than before. Its places are in no file, so they are left out."""
    known = Counter(each.code for each in before)
    worse = []
    for each in found.findings:
        known[each.code] -= 1
        if known[each.code] < 0:
            worse.append(each._replace(path="", line=0, column=0, exit_code=2))
    if worse:
        raise ConfigError(worse)
    made = None if found.contract is None else found.contract.falsifier(draft.falsifier)
    if made is None or dict(made.parameters) != dict(claim.parameters):
        raise BugError(Finding("PV901", "a draft must say what was asked for, got more or less", str(draft.path)))


def settings_of(contract: Path) -> Config:
    """Return the settings that hold for a contract, which need not be there yet."""
    return config.of_folder(Path(os.path.realpath(contract.parent)))


def is_allowed(contract: Path, evaluator: str) -> bool:
    """Say whether the settings of a contract let an evaluator run, by what the catalogue says of it."""
    settings = settings_of(contract)
    entry = catalogue.table(settings.root)[evaluator]
    if settings.evaluators is None:
        return entry["distribution"] == plan.OURS and not entry["runs_programs"]
    return evaluator in settings.evaluators


def write(draft: Draft) -> list[Path]:
    """Write a draft, and before a new contract the schema that its first line names; return what was written.

    :raises ConfigError: if a new file is there by now.
    :raises NotMeasuredError: if the contract is not the one that was read, another pv is writing, or the disk refuses.
    """
    if draft.before is not None:
        writeback.replace(draft.path, draft.before, draft.after, {})
        return [draft.path]
    folder = Path(os.path.realpath(draft.path.parent))
    root = settings_of(draft.path).root
    files.make_folder(folder)
    written = [] if (root / "schemas" / editor.NAME).exists() else [editor.write(root)]
    with files.locked(folder):
        refuse_present(draft.path)
        files.write(draft.path, draft.after)
    return [*written, draft.path]
