"""Verifying records: every file in the folders of evidence, and every reference that a contract makes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config
from pvcheck.discovery import SUFFIXES
from pvcheck.errors import EmptyError, Finding, Severity, escaped, worst
from pvcheck.evidence import store
from pvcheck.pipeline import checking, records, vouching

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from pvcheck.domain.keys import PublicKey
    from pvcheck.pipeline.checking import Checked


class Verified(NamedTuple):
    """What verifying came to. ``unsound`` counts the records that are not what they claim to be.

    ``signed`` counts those that a listed key signed; it is None where nothing is signed and nobody asked.
    """

    contracts: int
    records: int
    unsound: int
    orphans: int
    references: int
    missing: int
    findings: tuple[Finding, ...]
    exit_code: int
    signed: int | None = None


def verify(paths: Sequence[Path], *, demand: bool = False, trusted: Mapping[str, PublicKey] | None = None) -> Verified:
    """Look at every record beside the contracts, for every record that they name, and at every signature.

    :param demand: whether the records that a DISCHARGED or a challenge rests on must be signed.
    :param trusted: the keys whose signatures count, in place of those of the settings.
    :raises EmptyError: if there is no record, and none is named.
    :raises ConfigError: if signatures are demanded, and nothing says whose.
    """
    checked = checking.check_all(paths)
    if trusted is not None:
        checked = [_trusting(file, trusted) for file in checked]
    found = [each for file in checked if file.contract is None for each in file.errors]
    held, unsound, orphans = 0, 0, 0
    beside = vouching.Beside(checked)
    for contract, known in _places(checked):
        for reference in store.references(contract):
            wrong = list(records.unsound(contract, reference))
            is_orphan = known is not None and reference not in known
            held, unsound, orphans = held + 1, unsound + bool(wrong), orphans + is_orphan
            found += [*wrong, *([_orphan(contract, reference)] if is_orphan else ())]
        found += [*beside.findings(contract), *(_stranger(contract, name) for name in store.others(contract))]
    missing = [each for file in checked for each in _missing(file)]
    references = sum(len(records.named(file.contract)) for file in checked if file.contract is not None)
    if not held and not references and not found:
        message = "there is no evidence here: no record, and none is named"
        raise EmptyError(Finding("PV461", message, hint="pv run --write makes it", exit_code=4))
    found += [*missing, *(vouching.demanded(checked) if demand else ())]
    codes = [each.exit_code for each in found if each.severity is Severity.ERROR]
    signed = beside.signed if demand or beside.seen else None
    return Verified(len(checked), held, unsound, orphans, references, len(missing), tuple(found), worst(codes), signed)


def _trusting(file: Checked, keys: Mapping[str, PublicKey]) -> Checked:
    """Return a checked file whose settings list other keys."""
    return file._replace(config=file.config._replace(signatures=config.Signatures(keys=keys)))


def _places(checked: Sequence[Checked]) -> Iterator[tuple[Path, AbstractSet[str] | None]]:
    """Yield each folder of records by a contract that it belongs to, with what is named there.

    None where a contract cannot be read, so that nobody can say what it names.
    """
    folders: dict[str, list[Checked]] = {}
    for file in checked:
        folders.setdefault(os.path.realpath(store.folder(file.path)), []).append(file)
    for files in folders.values():
        contracts = [file.contract for file in files if file.contract is not None]
        names = {reference for contract in contracts for reference in records.named(contract)}
        yield files[0].path, names if len(contracts) == len(files) else None
    for path in _abandoned(checked):
        yield path, frozenset()


def _orphan(contract: Path, reference: str) -> Finding:
    """Return the note about a record that nothing names."""
    place = escaped(str(store.path_of(contract, reference)))
    hint = "it may be of a run that was stopped, or of another branch; delete it if nobody needs it"
    return Finding("PV463", "no status and no amendment names this record", place, hint=hint, severity=Severity.NOTE)


def _stranger(contract: Path, name: str) -> Finding:
    """Return the warning about a file that no record can be."""
    place = escaped(str(store.folder(contract) / name))
    hint = "records are named by their digest, 64 digits and .json, their signatures .sig.json; move the file elsewhere"
    return Finding("PV465", "this file is among the records and is none", place, hint=hint, severity=Severity.WARNING)


def _missing(checked: Checked) -> Iterator[Finding]:
    """Yield the records that a contract names and that are not there; old ones are a warning."""
    contract, document = checked.contract, checked.document
    if contract is None or document is None:
        return
    held = set(store.references(checked.path))
    current = {each.evidence: each.route for each in reversed(contract.falsifiers) if each.evidence is not None}
    older = {reference: each.route for each in reversed(contract.amendments) for reference in records.earned_in(each)}
    for reference, route in (older | current).items():
        if reference in held:
            continue
        message = f"the record {store.path_of(checked.path, reference).name} is missing from {_shown(checked.path)}"
        hint = "bring it back from git"
        if reference in current:
            place = (*route, "evidence")
            yield document.finding("PV402", message, place, hint=f"{hint}, or measure again", exit_code=5)
        else:
            message = f"{message}: the history names it, no status does"
            yield document.finding("PV464", message, (*route, "version"), hint=hint, severity=Severity.WARNING)


def _shown(contract: Path) -> str:
    """Return the folder of the records as the contract's reader would write it."""
    return f"evidence/{escaped(contract.stem)}/"


def _abandoned(checked: Sequence[Checked]) -> Iterator[Path]:
    """Yield the names of contracts that are gone and have left records beside those that are here."""
    for parent in dict.fromkeys(file.path.parent for file in checked):
        place = parent / "evidence"
        for name in sorted(os.listdir(place)) if place.is_dir() else ():  # noqa: PTH208 - the order is made here
            if not any((parent / f"{name}{suffix}").exists() for suffix in SUFFIXES):
                yield parent / f"{name}{SUFFIXES[0]}"
