"""Envelopes of the Dead Simple Signing Envelope, DSSE: bytes, what they are, and signatures over both.

What is signed are bytes, never an object that is written again. Nothing here knows a key.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import canonical

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON

STATEMENT = "application/vnd.in-toto+json"
"""The payload type of an in-toto Statement."""
MAX_SIGNATURES = 16
"""Signatures of one envelope: each costs a verification, and no record has so many people behind it."""
_KEYID = re.compile(r"[0-9a-f]{64}", re.ASCII)


class EnvelopeError(ValueError):
    """The bytes are no envelope; the message goes on after "the signature file"."""


class Signature(NamedTuple):
    """One signature, and the SHA-256 of the public key that it names."""

    keyid: str
    sig: bytes


class Envelope(NamedTuple):
    """Bytes, what kind they are, and who signed both. ``kind`` is called ``payloadType`` in the file."""

    kind: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def signed(self) -> bytes:
        """The bytes that each signature is over."""
        return encoded(self.kind, self.payload)

    def data(self) -> bytes:
        """Return the file of the envelope."""
        signatures = [{"keyid": each.keyid, "sig": _text(each.sig)} for each in self.signatures]
        return canonical.dumps({"payload": _text(self.payload), "payloadType": self.kind, "signatures": signatures})


def encoded(kind: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: kind and payload, each after its length, so neither runs into the other.

    DSSEv1 SP LEN(kind) SP kind SP LEN(payload) SP payload
    """
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def parse(data: bytes) -> Envelope:
    """Return the envelope that bytes hold. Who signed it, and whether that is true, is another question.

    :raises EnvelopeError: if they are no JSON, say a key twice, or hold more or less than an envelope does.
    """
    try:
        told = _table(canonical.loads(data), "payload", "payloadType", "signatures")
    except canonical.NotCanonical as error:
        raise EnvelopeError(f"is {error}") from None
    kind, listed = told["payloadType"], told["signatures"]
    if not isinstance(kind, str):
        raise EnvelopeError("has a payloadType that is no text")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_SIGNATURES:
        raise EnvelopeError(f"must have 1 to {MAX_SIGNATURES} signatures")
    signatures = tuple(map(_signature, listed))
    if len({each.keyid for each in signatures}) < len(signatures):
        raise EnvelopeError("has two signatures of one key")
    return Envelope(kind, _bytes(told["payload"], "payload"), signatures)


def _signature(value: JSON) -> Signature:
    """Return one signature."""
    told = _table(value, "keyid", "sig")
    if not isinstance(told["keyid"], str) or not _KEYID.fullmatch(told["keyid"]):
        raise EnvelopeError("has a keyid that is not 64 hex digits")
    return Signature(told["keyid"], _bytes(told["sig"], "sig"))


def _table(value: JSON, *keys: str) -> dict[str, JSON]:
    """Return a table that has some keys and no other: what no reader looks at could say anything."""
    if not isinstance(value, dict) or sorted(value) != sorted(keys):
        raise EnvelopeError(f"must have {', '.join(keys)} and nothing else")
    return value


def _bytes(value: JSON, key: str) -> bytes:
    """Return what base64 stands for; it has one spelling."""
    try:
        data = binascii.a2b_base64(value) if isinstance(value, str) else None
    except ValueError:
        data = None
    if data is None or _text(data) != value:
        raise EnvelopeError(f"has a {key} that is not base64")
    return data


def _text(data: bytes) -> str:
    """Return bytes as base64 on one line."""
    return binascii.b2a_base64(data, newline=False).decode()
