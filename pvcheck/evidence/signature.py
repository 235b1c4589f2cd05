"""The signature of a record: ``<sha256>.sig.json`` beside it, a DSSE envelope around a small in-toto Statement.

The statement follows from the record: which file, which claim and inputs, which contract, falsifier and outcome. So
all who sign a record sign the same bytes, and nothing in it can be true of one record and lie beside another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck import files
from pvcheck.domain import canonical, dsse
from pvcheck.domain.digest import PREFIX
from pvcheck.domain.dsse import Envelope, Signature
from pvcheck.domain.keys import SHORT
from pvcheck.errors import escaped, quoted
from pvcheck.evidence import ed25519, store
from pvcheck.evidence.record import STATEMENT, RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.keys import PublicKey
    from pvcheck.evidence.ed25519 import PrivateKey

PREDICATE = "urn:pvcheck:signature:v1"
MAX_ENVELOPE = 1 << 18
"""Bytes of the largest signature file that is read: one with three inputs and one key has less than two thousand."""
FORGED = 5
"""The exit status of a file that is not what it claims to be."""


class SignatureError(ValueError):
    """A record is not signed as it must be: code, message and exit status of what to say."""

    def __init__(self, code: str, message: str, exit_code: int = FORGED) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code


def statement(reference: str, data: bytes) -> dict[str, JSON]:
    """Return what signing a record says, from the bytes of the record.

    :raises RecordError: if they are no record.
    """
    subject = {"name": store.name_of(reference), "digest": {"sha256": reference.removeprefix(PREFIX)}}
    try:
        told = canonical.loads(data)
        predicate = dict(told["predicate"])
        about = {key: predicate[key] for key in ("contract", "falsifier", "outcome") if key in predicate}
        return {
            "_type": STATEMENT,
            "subject": [subject, *told["subject"]],
            "predicateType": PREDICATE,
            "predicate": {**about, "record": told["predicateType"]},
        }
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"not a record: {error!r:.80}") from None


def read(contract: Path, reference: str, disk: files.Disk = files.DISK) -> Envelope:
    """Return the envelope beside a record.

    :raises SignatureError: if there is none, or none that can be read.
    """
    path = store.signature_of(contract, reference)
    try:
        data = disk.read(path, MAX_ENVELOPE)
    except files.UnreadableError:
        raise SignatureError("PV473", f"the record {store.name_of(reference)} is not signed", 1) from None
    if len(data) > MAX_ENVELOPE:
        raise SignatureError("PV474", f"the signature file {path.name} has more than {MAX_ENVELOPE} bytes")
    try:
        return dsse.parse(data)
    except dsse.EnvelopeError as error:
        raise SignatureError("PV474", f"the signature file {path.name} {escaped(str(error))}") from None


def signers(envelope: Envelope, reference: str, data: bytes, keys: Mapping[str, PublicKey]) -> tuple[str, ...]:
    """Return the names of the keys that signed a record, in the order of the envelope; the others are not looked at.

    Each signature is verified before anything that it is over is read.

    :param data: the bytes of the record.
    :raises SignatureError: if a signature does not fit its key, or the envelope is about something else.
    :raises LibraryError: if a listed key signed, and nothing here can verify it.
    """
    if envelope.kind != dsse.STATEMENT:
        message = f"the signature file is about {quoted(envelope.kind)} and not about {quoted(dsse.STATEMENT)}"
        raise SignatureError("PV475", message)
    known = {key.id: (name, key) for name, key in keys.items()}
    found = []
    for each in envelope.signatures:
        if each.keyid in known:
            name, key = known[each.keyid]
            if not ed25519.is_good(key, each.sig, envelope.signed):
                raise SignatureError("PV477", f"the signature of the key {quoted(name)} does not fit what it is over")
            found.append(name)
    differs(envelope, reference, data)
    return tuple(found)


def differs(envelope: Envelope, reference: str, data: bytes) -> None:
    """Refuse an envelope that is not about a record.

    :raises SignatureError: with what it is about instead.
    """
    wanted = statement(reference, data)
    try:
        told = canonical.loads(envelope.payload)
    except canonical.NotCanonical as error:
        raise SignatureError("PV475", f"what was signed is {escaped(str(error))}") from None
    if not isinstance(told, dict) or told.keys() != wanted.keys():
        raise SignatureError("PV475", "what was signed is no statement about a record")
    for key in ("_type", "predicateType"):
        if told[key] != wanted[key]:
            raise SignatureError("PV475", f"what was signed has the {key} {quoted(str(told[key]))}")
    if told["subject"] != wanted["subject"]:
        raise SignatureError("PV476", f"what was signed is another record than {store.name_of(reference)}")
    if told["predicate"] != wanted["predicate"]:
        raise SignatureError("PV476", f"what was signed says other things than the record {store.name_of(reference)}")


def check(
    contract: Path, reference: str, keys: Mapping[str, PublicKey], disk: files.Disk = files.DISK
) -> tuple[str, ...]:
    """Return the names of the keys that signed a record, of which there is at least one.

    :raises MissingError: if the record is not there.
    :raises ForgedError: if it has other bytes than its name promises.
    :raises RecordError: if they are no record.
    :raises SignatureError: if it is not signed as it must be.
    :raises LibraryError: if nothing here can verify it.
    """
    data = store.read(contract, reference, disk)
    envelope = read(contract, reference, disk)
    found = signers(envelope, reference, data, keys)
    if not found:
        ids = ", ".join(each.keyid[:SHORT] for each in envelope.signatures[:3])
        more = f" and {len(envelope.signatures) - 3} more" if len(envelope.signatures) > 3 else ""
        raise SignatureError("PV478", f"no key that is listed signed the record, only {ids}{more}", 1)
    return found


def signed(before: Envelope | None, reference: str, data: bytes, key: PrivateKey) -> Envelope:
    """Return the envelope of a record with the signature of one more key, the same where that has signed already.

    :param before: the envelope that is there.
    :raises SignatureError: if that is about something else, is full, or the key's own signature in it is wrong.
    """
    if before is None:
        payload = canonical.dumps(statement(reference, data))
        return _with(Envelope(dsse.STATEMENT, payload, ()), key)
    if signers(before, reference, data, {"of this file": key.public}):
        return before
    if len(before.signatures) == dsse.MAX_SIGNATURES:
        raise SignatureError("PV474", f"the signature file has {dsse.MAX_SIGNATURES} signatures, which is the most")
    return _with(before, key)


def _with(envelope: Envelope, key: PrivateKey) -> Envelope:
    """Return an envelope with one more signature; the order of keys is that of their ids."""
    new = Signature(key.public.id, key.sign(envelope.signed))
    return envelope._replace(signatures=tuple(sorted((*envelope.signatures, new))))
