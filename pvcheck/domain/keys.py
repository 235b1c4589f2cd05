"""Public keys for Ed25519 as settings have them: the line of base64 between the marks of a PEM file.

``openssl pkey -pubout`` prints that line: twelve bytes that say "Ed25519", then the 32 of the key.
"""

from __future__ import annotations

import binascii
from typing import NamedTuple

from pvcheck.domain.digest import sha256

HEAD = bytes.fromhex("302a300506032b6570032100")
"""What stands before the key itself in its DER form."""
SIZE = 32
SHORT = 16
"""Digits of an id that a message shows."""

_PRIME = 2**255 - 19
_EIGHTH = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL = frozenset({0, 1, _PRIME - 1, _EIGHTH, _PRIME - _EIGHTH})
"""The second coordinates of the eight points whose order divides 8. Under such a key a signature that nobody made
can be good for every message."""


class KeyFormError(ValueError):
    """The text is no public key; the message says what it must be."""


class PublicKey(NamedTuple):
    """One public key: its 32 bytes."""

    raw: bytes

    @property
    def id(self) -> str:
        """The SHA-256 of its DER form, which a signature names it by."""
        return sha256(HEAD + self.raw)

    def __str__(self) -> str:
        return binascii.b2a_base64(HEAD + self.raw, newline=False).decode()


def parse(text: str) -> PublicKey:
    """Return the key that a line of base64 stands for.

    :raises KeyFormError: if it is none, or one that vouches for everything.
    """
    try:
        data = binascii.a2b_base64(text)
    except ValueError:
        data = b""
    key = PublicKey(data[len(HEAD) :])
    if not data.startswith(HEAD) or len(key.raw) != SIZE or str(key) != text:
        raise KeyFormError("must be the line of base64 that openssl pkey -pubout prints for an ed25519 key")
    if (int.from_bytes(key.raw, "little") & (1 << 255) - 1) % _PRIME in _SMALL:
        raise KeyFormError("is a point of low order, under which a signature can be good for everything")
    return key
