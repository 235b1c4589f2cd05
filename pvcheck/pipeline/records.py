"""Looking for records: by the beginning of their digest or by the id of what they are about, and all of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import files
from pvcheck.domain.digest import PREFIX
from pvcheck.errors import ConfigError, EmptyError, EvidenceError, Finding, PvError, escaped, quoted
from pvcheck.evidence import challenge, lines, store
from pvcheck.evidence.record import RecordError, contradictions, parse
from pvcheck.pipeline import checking
from pvcheck.pipeline.standing import judged_under
from pvcheck.rules import earned
from pvcheck.rules.earned import Case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pvcheck.domain.contract import Amendment, Contract, Falsifier
    from pvcheck.domain.status import Outcome
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.checking import Checked

LEAST = 6
"""Digits of a digest that are enough to look for."""
_BEGINNING = re.compile(rf"(?:{PREFIX})?([0-9a-f]{{{LEAST},64}})", re.ASCII)


class Shown(NamedTuple):
    """One record beside the contract of today. ``changed`` says what is not as it was measured.

    ``today`` is None where the record is evidence for another claim than the contract's.
    """

    checked: Checked
    reference: str
    record: Record
    uses: tuple[str, ...]
    changed: tuple[str, ...]
    today: Outcome | None
    bounds_changed: bool
    contradictions: tuple[str, ...]


def find(word: str, paths: Sequence[Path]) -> tuple[Shown, ...]:
    """Return the records that a word means: the id of a falsifier, or the first digits of a digest.

    :raises EmptyError: if there is none.
    :raises ConfigError: if the digits fit several.
    :raises EvidenceError: if a record is missing or is not what its name promises.
    """
    checked = checking.check_all(paths)
    named = [(file, each) for file in checked for each in falsifiers_of(file) if each.id == word]
    if named:
        found = [(file, each.evidence) for file, each in named if each.evidence is not None]
        if not found:
            status = named[0][1].status or "without a status"
            message = f"{quoted(word)} has no evidence: it is {escaped(status)}"
            raise _nothing(message, "pv run --write makes it", ())
        return tuple(_shown(*each) for each in found)
    match = _BEGINNING.fullmatch(word.lower())
    if match is None:
        hint = f"give the id of a falsifier, or {LEAST} digits or more of a digest; pv status names both"
        raise _nothing(f"there is no falsifier {quoted(word)}, and it is no beginning of a digest", hint, checked)
    wanted = PREFIX + match[1]
    known = [each for each in checked if each.contract is not None]
    held = [(file, each) for file in known for each in references(file) if each.startswith(wanted)]
    if not held:
        raise _nothing(f"no record has a digest that starts with {match[1]}", "pv status names those in use", checked)
    if len({each for _, each in held}) > 1:
        message = f"{len({each for _, each in held})} records have a digest that starts with {match[1]}"
        hint = f"give more digits: {', '.join(each.removeprefix(PREFIX)[:16] for _, each in held[:4])}"
        raise ConfigError(Finding("PV462", message, hint=hint, exit_code=2))
    return (_shown(*held[0]),)


def _nothing(message: str, hint: str, checked: Iterable[Checked]) -> PvError:
    """Return the end of a search that found nothing; where a file could not be read, nobody can tell."""
    unread = _unread(checked)
    return files.UnreadableError(unread) if unread else EmptyError(Finding("PV461", message, hint=hint, exit_code=4))


def _unread(checked: Iterable[Checked]) -> list[Finding]:
    """Return what was found about files that cannot be read."""
    return [each for file in checked for each in file.findings if each.code == "PV708"]


def falsifiers_of(checked: Checked) -> tuple[Falsifier, ...]:
    """Return the falsifiers of a file."""
    return checked.contract.falsifiers if checked.contract is not None else ()


def references(checked: Checked) -> tuple[str, ...]:
    """Return every record of a contract that lies there or is named, once each, sorted."""
    contract = checked.contract
    return tuple(sorted({*store.references(checked.path), *(named(contract) if contract is not None else ())}))


def named(contract: Contract) -> Mapping[str, tuple[str, ...]]:
    """Return every reference that a contract names, with the places that name it, in words."""
    found: dict[str, list[str]] = {}
    for each in contract.falsifiers:
        if each.evidence is not None:
            found.setdefault(each.evidence, []).append(f"{escaped(each.id or '-')} is {escaped(each.status or '-')}")
    for amendment in contract.amendments:
        where = f"in {amendment.version}"
        for move in amendment.transitions:
            if move.evidence is not None:
                words = f"{escaped(move.id)} moved from {escaped(move.before or '-')} to {escaped(move.after)} {where}"
                found.setdefault(move.evidence, []).append(words)
        for renewal in amendment.renewals:
            found.setdefault(renewal.evidence, []).append(f"{escaped(renewal.id)} was measured again {where}")
    if contract.challenge is not None and contract.challenge.evidence is not None:
        found.setdefault(contract.challenge.evidence, []).append("the contract was challenged")
    return {reference: tuple(places) for reference, places in found.items()}


def earned_in(amendment: Amendment) -> Iterator[str]:
    """Yield the references that an amendment names."""
    yield from (each.evidence for each in amendment.transitions if each.evidence is not None)
    yield from (each.evidence for each in amendment.renewals)


def load(contract: Path, reference: str) -> Record:
    """Return a record of a contract.

    :raises EvidenceError: if it is missing or is not what its name promises.
    """
    return _loaded(contract, reference)[0]


def _loaded(contract: Path, reference: str) -> tuple[Record, bytes]:
    """Return a record and its bytes, which are read once: they may be gone a moment later."""
    data, hint = b"", "bring it back from git"
    try:
        data = store.read(contract, reference)
        return parse(data), data
    except store.MissingError as error:
        code, message, hint = "PV402", f"the record {error} {error.told('its folder')}", error.hint
    except store.ForgedError as error:
        code, message = "PV403", f"the record {error} does not have the bytes that its name promises"
    except RecordError as error:
        code, message = "PV404", f"not a record: {error}"
        if challenge.is_one(data):
            message = "a record of a challenge and of no evaluation: pv challenge --check compares it"
    place = escaped(str(store.path_of(contract, reference)))
    raise EvidenceError(Finding(code, message, place, hint=f"{hint}, or measure again", exit_code=5))


def _shown(checked: Checked, reference: str) -> Shown:
    """Return a record with what the contract says of it today."""
    record, contract, document = load(checked.path, reference), checked.contract, checked.document
    falsifier = contract.falsifier(record.falsifier) if contract is not None else None
    changed: tuple[str, ...] = ("the contract has no such falsifier today",)
    today, bounds_changed = None, False
    if contract is not None and document is not None and falsifier is not None:
        case = Case(falsifier, contract, document, checked.path, checked.config.root)
        differs = [*earned.claim_differs(case, record)]
        bounds_changed = judged_under(record) != earned.today(falsifier)
        today = None if differs else earned.today_of(falsifier, record)[1]
        changed = tuple(each.message for each in differs or earned.inputs_unchanged(case, record))
    uses = named(contract).get(reference, ()) if contract is not None else ()
    return Shown(checked, reference, record, uses, changed, today, bounds_changed, tuple(contradictions(record)))


def exported(paths: Sequence[Path], ids: Iterable[str]) -> tuple[Record, ...]:
    """Return the records that falsifiers name today, in the order of the files.

    :param ids: of the falsifiers that are wanted; none means all.
    :raises EmptyError: if there is none, or none of one of the ids.
    :raises UnreadableError: if a contract cannot be read: some of its records would be missing.
    :raises EvidenceError: with every record that is missing or not what it claims to be.
    """
    wanted = tuple(dict.fromkeys(ids))
    checked = checking.check_all(paths)
    if unread := _unread(checked):
        raise files.UnreadableError(unread)
    known = [(file, each) for file in checked for each in falsifiers_of(file) if each.evidence is not None]
    for name in wanted:
        if name not in {each.id for _, each in known}:
            hint = "pv status names the falsifiers that have some"
            raise _nothing(f"there is no evidence of {quoted(name)}", hint, ())
    chosen = [(file, each.evidence or "") for file, each in known if not wanted or each.id in wanted]
    if not chosen:
        raise _nothing("no falsifier here has evidence", "pv run --write makes it", ())
    found: list[Record] = []
    refused: list[Finding] = []
    for path, reference in dict.fromkeys((file.path, reference) for file, reference in chosen):
        try:
            found.append(_exportable(path, reference))
        except EvidenceError as error:
            refused += error.findings
    if refused:
        raise EvidenceError(refused)
    return tuple(found)


def _exportable(contract: Path, reference: str) -> Record:
    """Return a record that another host can take at its word."""
    record, data = _loaded(contract, reference)
    for finding in faults(record, data, store.path_of(contract, reference)):
        raise EvidenceError(finding)
    return record


def unsound(contract: Path, reference: str) -> Iterator[Finding]:
    """Yield what is wrong with one file of evidence, of an evaluation or of a challenge."""
    place = store.path_of(contract, reference)
    try:
        data = store.read(contract, reference)
        if challenge.is_one(data):
            challenge.parse(data)
            return
    except (store.MissingError, store.ForgedError):
        pass  # load tells which
    except RecordError as error:
        hint = "bring it back from git, or challenge again"
        message = f"not a record of a challenge: {escaped(str(error))}"
        yield Finding("PV623", message, escaped(str(place)), hint=hint, exit_code=5)
        return
    try:
        record = load(contract, reference)
    except EvidenceError as error:
        yield from error.findings
        return
    yield from faults(record, store.read(contract, reference), place)


def faults(record: Record, data: bytes, place: Path) -> Iterator[Finding]:
    """Yield what is wrong with a record that has the bytes of its name."""
    hint = "find out who changed it; then set the status back to PENDING and measure again"
    if not lines.is_canonical(record, data):
        yield Finding("PV460", f"the record {lines.NOT_CANONICAL}", escaped(str(place)), hint=hint, exit_code=5)
    for told in contradictions(record):
        yield Finding("PV405", f"the record {told}", escaped(str(place)), hint=hint, exit_code=5)
