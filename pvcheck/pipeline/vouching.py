"""Whose signatures vouch for records: what lies beside contracts, what is asked for, and what a base demands."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from pvcheck import config, files
from pvcheck.domain import keys
from pvcheck.errors import ConfigError, ContractError, Finding, Severity, escaped
from pvcheck.evidence import signature, store
from pvcheck.evidence.ed25519 import INSTALL, LibraryError
from pvcheck.evidence.record import RecordError
from pvcheck.evidence.signature import SignatureError
from pvcheck.loading import contract as loading
from pvcheck.pipeline.checking import MAX_CONTRACT
from pvcheck.rules import signed
from pvcheck.rules.signed import LIBRARY, REMADE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pvcheck.config import Config, Signatures
    from pvcheck.domain.keys import PublicKey
    from pvcheck.history import Repository
    from pvcheck.pipeline.bases import Base
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.pairing import Ours

UNSIGNED = frozenset({"PV473", "PV478"})
"""What is wrong with a record that nobody listed signed, and with no file that is there."""


class Beside:
    """The signature files in the folders of records: how many there are, and how many records a listed key signed."""

    def __init__(self, checked: Iterable[Checked]) -> None:
        self.keys = {_real(file.path): file.config.signatures.keys for file in checked}
        self.seen = 0
        self.signed = 0
        self._can_verify = True

    def findings(self, contract: Path) -> Iterator[Finding]:
        """Yield what is wrong with the signature files of one folder."""
        listed = self.keys.get(_real(contract), {})
        for reference in store.signatures(contract):
            self.seen += 1
            place = escaped(str(store.signature_of(contract, reference)))
            try:
                found = self._signers(contract, reference, listed)
            except store.MissingError:
                message = "the record that this file signs is not here"
                hint = "bring the record back from git, or delete the signature as well"
                yield Finding("PV479", message, place, hint=hint, severity=Severity.WARNING)
            except SignatureError as error:
                yield Finding(error.code, str(error), place, hint=REMADE, exit_code=error.exit_code)
            except LibraryError:
                if self._can_verify:
                    yield Finding("PV480", LIBRARY, hint=INSTALL, exit_code=3)
                self._can_verify = False
            except (store.ForgedError, RecordError):
                continue  # told of the record
            else:
                self.signed += bool(found)

    def _signers(self, contract: Path, reference: str, listed: Mapping[str, PublicKey]) -> tuple[str, ...]:
        """Return who signed a record, of the keys that are listed."""
        data = store.read(contract, reference)
        return signature.signers(signature.read(contract, reference), reference, data, listed)


def _real(contract: Path) -> str:
    """Return where the records of a contract lie."""
    return os.path.realpath(store.folder(contract))


def demanded(checked: Iterable[Checked]) -> Iterator[Finding]:
    """Yield each record that a DISCHARGED or a challenge rests on and that no listed key signed.

    :raises ConfigError: if there is one, and the settings list no key.
    """
    for file in checked:
        contract, document, listed = file.contract, file.document, file.config.signatures.keys
        if contract is None or document is None or not contract.is_strict:
            continue
        if not listed and any(signed.demanded(contract)):
            message = "signatures are asked for, and nothing says whose count"
            hint = "list public keys under [signatures.keys] of pv.toml, or name them with --trust"
            raise ConfigError(Finding("PV483", message, hint=hint, exit_code=2))
        found = signed.check(signed.Case(contract, document, file.path, listed))
        yield from (each for each in found if each.code in UNSIGNED)


def trusted(texts: Sequence[str]) -> Mapping[str, PublicKey]:
    """Return the keys that texts stand for, named by the beginnings of their ids.

    :raises ConfigError: if one is none.
    """
    try:
        found = [keys.parse(text) for text in texts]
    except keys.KeyFormError as error:
        hint = "pv evidence keygen prints such a line, and so does openssl pkey -pubout"
        raise ConfigError(Finding("PV483", f"the key of --trust {error}", hint=hint, exit_code=2)) from None
    return {key.id[: keys.SHORT]: key for key in found}


def by_base(repository: Repository, base: Base, ours: Sequence[Ours]) -> dict[str, list[Finding]]:
    """Return what a base demands of the signatures of contracts and does not get, by their paths in the repository.

    The settings at the tip of the base hold: a key that was taken out there counts no more. What the contract's own
    settings demand as well is told already.

    :raises ConfigError: if the settings of the base speak of signatures and cannot be understood.
    """
    demands = _demands(repository, base.tip or "", {posixpath.dirname(each.path) for each in ours})
    found: dict[str, list[Finding]] = {}
    for each in ours:
        demand, own = demands.get(posixpath.dirname(each.path)), each.checked.config.signatures
        if demand is None or (own.required and set(own.keys.values()) <= set(demand.keys.values())):
            continue
        told = {(one.code, one.line) for one in each.checked.findings}
        more = [one for one in _checked(each.checked, demand, base.name) if (one.code, one.line) not in told]
        found |= {each.path: more} if more else {}
    return found


def _demands(repository: Repository, commit: str, folders: Iterable[str]) -> dict[str, Signatures]:
    """Return what was demanded of the contracts in some folders at a commit, by folder."""
    settings = settings_of(repository, commit, folders, [b"signatures"])
    return {folder: each.signatures for folder, each in settings.items() if each.signatures.required}


def settings_of(
    repository: Repository, commit: str, folders: Iterable[str], words: Sequence[bytes]
) -> dict[str, Config]:
    """Return the settings that held in some folders at a commit, by folder; none where nothing speaks of some words.

    Git is asked once, and what says nothing of them is not read as TOML, which takes longer than git.

    :raises ConfigError: if they cannot be understood.
    """
    above = {folder: [*_above(folder)] for folder in folders}
    places = dict.fromkeys(place for each in above.values() for place in each)
    names = [posixpath.join(place, name) for place in places for name in ("pv.toml", "pyproject.toml")]
    blobs = repository.blobs(commit, names)
    if not any(data is not None and word in data for data in blobs.values() for word in words):
        return {}
    found: dict[str, Config] = {}
    for folder, upwards in above.items():
        at = (config.at(Path(place), lambda path: blobs[path.as_posix()]) for place in upwards)
        settings = next((each for each in at if each is not None), None)
        if settings is not None:
            found[folder] = settings
    return found


def _above(folder: str) -> Iterator[str]:
    """Yield a folder of a repository and those above it, up to its top, which is no text."""
    yield folder
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _checked(checked: Checked, demand: Signatures, name: str) -> Iterator[Finding]:
    """Yield what a demand finds in one contract; one that was only remembered is read again."""
    contract, document = checked.contract, checked.document
    if contract is not None and document is None:
        try:
            loaded = loading.load(config.read(checked.path, MAX_CONTRACT), str(checked.path))
        except (ContractError, files.UnreadableError):
            return  # told already
        contract, document = loaded.contract, loaded.document
    if contract is None or document is None or not contract.is_strict:
        return
    yield from signed.check(signed.Case(contract, document, checked.path, demand.keys, name))
