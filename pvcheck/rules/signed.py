"""Rules of signatures: no DISCHARGED and no challenge rests on a record that no listed key signed.

They hold where signatures are demanded, and ask who stands behind a record. Whether it supports its status is asked
elsewhere, and of every record alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.status import Status
from pvcheck.errors import escaped
from pvcheck.evidence import signature, store
from pvcheck.evidence.ed25519 import INSTALL, LibraryError
from pvcheck.evidence.record import RecordError
from pvcheck.evidence.signature import SignatureError
from pvcheck.files import DISK, Disk
from pvcheck.text import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pvcheck.domain.contract import Contract
    from pvcheck.domain.keys import PublicKey
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.text import Document

LIBRARY = "nothing here can verify a signature: the library cryptography is missing"
HINTS = {
    "PV473": "pv evidence sign --key FILE signs it; or set the status back to PENDING",
    "PV478": "list the key under [signatures] in pv.toml, or sign with one that is: pv evidence sign --key FILE",
}
REMADE = "bring the signature file back from git; or delete it, and sign the record again: pv evidence sign --key FILE"


class Case(NamedTuple):
    """One contract, where its file lies, and the keys whose signatures count; ``by`` names a base that demands them."""

    contract: Contract
    document: Document
    path: Path
    keys: Mapping[str, PublicKey]
    by: str = ""
    disk: Disk = DISK

    def finding(self, code: str, message: str, route: Route, hint: str, exit_code: int) -> Finding:
        """Return a finding at the reference to a record."""
        demand = f", as {escaped(self.by)} demands" if self.by else ""
        is_block = not isinstance(self.document.get(route), Scalar)
        return self.document.finding(code, message + demand, route, hint, at_key=is_block, exit_code=exit_code)


def check(case: Case) -> Iterator[Finding]:
    """Yield each record of a contract that is not signed as it must be. One that is not there is told elsewhere."""
    for reference, route in demanded(case.contract):
        try:
            signature.check(case.path, reference, case.keys, case.disk)
        except SignatureError as error:
            hint = HINTS.get(error.code, REMADE)
            yield case.finding(error.code, str(error), route, hint, error.exit_code)
        except LibraryError:
            yield case.finding("PV480", LIBRARY, route, INSTALL, 3)
            return
        except (store.MissingError, store.ForgedError, RecordError):
            continue


def demanded(contract: Contract) -> Iterator[tuple[str, Route]]:
    """Yield the records that must be signed, and where each is named: of each DISCHARGED, and of the challenge."""
    for each in contract.falsifiers:
        if each.status == Status.DISCHARGED and each.evidence is not None:
            yield each.evidence, (*each.route, "evidence")
    if contract.challenge is not None and contract.challenge.evidence is not None:
        yield contract.challenge.evidence, ("challenge", "evidence")
