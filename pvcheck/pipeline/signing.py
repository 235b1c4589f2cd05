"""Signing records: only those of contracts in which validation finds nothing wrong but that signatures are missing."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import files
from pvcheck.domain.status import EARNED
from pvcheck.errors import ConfigError, EmptyError, EvidenceError, Finding, NotMeasuredError, Severity, escaped, worst
from pvcheck.evidence import ed25519, signature, store
from pvcheck.evidence.record import RecordError
from pvcheck.evidence.signature import SignatureError
from pvcheck.pipeline import checking
from pvcheck.rules.signed import LIBRARY, REMADE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pvcheck.domain.contract import Contract
    from pvcheck.domain.dsse import Envelope
    from pvcheck.evidence.ed25519 import PrivateKey
    from pvcheck.pipeline.checking import Checked

MAX_KEY = 1 << 16
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Signed(NamedTuple):
    """What signing came to: the signature files that were written, and how many records this key had signed before.

    ``findings`` are what keeps records from being signed; then nothing is written. Otherwise there are warnings.
    """

    key: str
    written: tuple[Path, ...] = ()
    before: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit status of what was found."""
        return worst(each.exit_code for each in self.findings if each.severity is Severity.ERROR)


def private_key(place: Path) -> PrivateKey:
    """Return the private key of a file that nobody else can read.

    :raises ConfigError: if others can, or it holds no key that can sign here.
    :raises NotMeasuredError: if the library is missing.
    """
    _refuse_repository(place)
    data = files.read(place, MAX_KEY)
    if os.stat(place).st_mode & OTHERS:  # noqa: PTH116 - as in files
        hint = f"chmod 600 {escaped(str(place))}; if others could read it, make a new pair of keys"
        raise _refused("PV481", "the private key can be read or replaced by other users", place, hint)
    return private_key_of(data, place)


def private_key_of(data: bytes, place: Path) -> PrivateKey:
    """Return the private key of the bytes of a PEM file.

    :raises ConfigError: if they hold no key that can sign here.
    :raises NotMeasuredError: if the library is missing.
    """
    try:
        return ed25519.loaded(data)
    except ed25519.LibraryError:
        raise NotMeasuredError(Finding("PV480", LIBRARY, hint=ed25519.INSTALL, exit_code=3)) from None
    except ed25519.PrivateKeyError as error:
        hint = "pv evidence keygen makes one, and so does openssl genpkey -algorithm ed25519"
        raise _refused("PV482", f"the file {error}", place, hint) from None


def generate(place: Path) -> PrivateKey:
    """Write a new private key into a file that only its owner can read, and return it.

    :raises ConfigError: if a file is there already, or the place is inside a repository.
    :raises NotMeasuredError: if the disk refuses, or the library is missing.
    """
    _refuse_repository(place)
    try:
        key = ed25519.generated()
    except ed25519.LibraryError:
        raise NotMeasuredError(Finding("PV480", LIBRARY, hint=ed25519.INSTALL, exit_code=3)) from None
    if not files.create(place, key.pem(), 0o600):
        hint = "name another file, or move that one away: signatures made with it stay good"
        raise _refused("PV485", "there is a file already, and a key is never replaced", place, hint)
    return key


def _refuse_repository(place: Path) -> None:
    """Refuse a private key where the next commit could bring it to everybody.

    :raises ConfigError: if one of the folders above it is the top of a repository, or has settings of ours.
    """
    real = Path(os.path.realpath(place))
    for folder in real.parents:
        if any((folder / name).exists() for name in (".git", "pv.toml")):
            message = f"a private key must not lie inside the project {escaped(str(folder))}"
            raise _refused("PV481", message, place, "keep it outside, or in the secret store of the CI: --key -")


def _refused(code: str, message: str, place: Path, hint: str) -> ConfigError:
    """Return the refusal of a file that was named."""
    return ConfigError(Finding(code, message, escaped(str(place)), hint=hint, exit_code=2))


def sign(paths: Sequence[Path], key: PrivateKey) -> Signed:
    """Sign every record that a status or a challenge names today.

    Nothing is written unless everything can be signed.

    :raises EmptyError: if there is none.
    """
    checked = checking.check_all(paths)
    blocking = [each for file in checked for each in file.errors if each.code not in checking.SIGNATURES]
    if blocking:
        return Signed(key.public.id, findings=tuple(blocking))
    wanted = {
        store.signature_of(file.path, reference): (file.path, reference)
        for file in checked
        if file.contract is not None and file.contract.is_strict
        for reference in named(file.contract)
    }
    if not wanted:
        message = "no status here names a record, so there is nothing to sign"
        raise EmptyError(Finding("PV461", message, hint="pv run --write makes records", exit_code=4))
    try:
        made = [(place, _signed(*each, key)) for place, each in wanted.items()]
    except EvidenceError as error:
        return Signed(key.public.id, findings=error.findings)
    new = [(place, after) for place, (before, after) in made if before != after]
    for place, envelope in new:
        files.put(place, envelope.data())
    told = tuple(_unlisted(checked, key))
    return Signed(key.public.id, tuple(place for place, _ in new), len(made) - len(new), told)


def named(contract: Contract) -> Iterator[str]:
    """Yield the references to the records that statuses and the challenge of a contract rest on."""
    for each in contract.falsifiers:
        if each.status in EARNED and each.evidence is not None:
            yield each.evidence
    if contract.challenge is not None and contract.challenge.evidence is not None:
        yield contract.challenge.evidence


def _signed(contract: Path, reference: str, key: PrivateKey) -> tuple[Envelope | None, Envelope]:
    """Return the envelope of a record as it is and as it will be.

    :raises EvidenceError: if what is there is no envelope about this record, or the record is none any more.
    """
    place = store.signature_of(contract, reference)
    before = None
    try:
        data = store.read(contract, reference)
        if os.path.lexists(place):
            before = signature.read(contract, reference)
        after = signature.signed(before, reference, data, key)
    except SignatureError as error:
        code, message = error.code, str(error)
    except (store.MissingError, store.ForgedError, RecordError) as error:
        code, message = "PV403", f"the record changed while it was looked at: {escaped(str(error))}"
    else:
        if len(after.data()) <= signature.MAX_ENVELOPE:
            return before, after
        code, message = "PV474", f"the signature file would have more than {signature.MAX_ENVELOPE} bytes"
    raise EvidenceError(Finding(code, message, escaped(str(place)), hint=REMADE, exit_code=signature.FORGED))


def _unlisted(checked: Iterable[Checked], key: PrivateKey) -> Iterator[Finding]:
    """Yield a warning for each project that does not list the key."""
    for root, settings in {file.config.root: file.config.signatures for file in checked}.items():
        if key.public not in settings.keys.values():
            message = "the settings do not list this key, so its signatures count for nobody yet"
            hint = f'under [signatures.keys] of pv.toml: name = "{key.public}"'
            yield Finding("PV484", message, escaped(str(root)), hint=hint, severity=Severity.WARNING)
