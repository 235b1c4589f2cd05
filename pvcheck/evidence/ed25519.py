"""Signing and verifying, by the library ``cryptography``, which is loaded when the first signature is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.keys import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

INSTALL = 'pip install "pv-contracts[sign]" brings it'


class LibraryError(RuntimeError):
    """The library is not here, or this build of it has no Ed25519."""


class PrivateKeyError(ValueError):
    """The bytes are no private key that can sign here; the message says why."""


class PrivateKey(NamedTuple):
    """A private key, and the public one that belongs to it."""

    key: Ed25519PrivateKey
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message, which has no chance in it."""
        return self.key.sign(message)

    def pem(self) -> bytes:
        """Return the key as a PEM file without a passphrase."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - loaded by then

        pkcs8 = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())


def is_good(public: PublicKey, signature: bytes, message: bytes) -> bool:
    """Say whether a signature over a message was made with the private key of a public one.

    :raises LibraryError: if nothing here can tell.
    """
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - see above
    except ImportError:
        raise LibraryError from None
    try:
        Ed25519PublicKey.from_public_bytes(public.raw).verify(signature, message)
    except UnsupportedAlgorithm:
        raise LibraryError from None
    except InvalidSignature:
        return False
    return True


def generated() -> PrivateKey:
    """Return a new private key.

    :raises LibraryError: if nothing here can make one.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see above
    except ImportError:
        raise LibraryError from None
    try:
        return _whole(Ed25519PrivateKey.generate())
    except UnsupportedAlgorithm:
        raise LibraryError from None


def loaded(pem: bytes) -> PrivateKey:
    """Return the private key of a PEM file.

    :raises PrivateKeyError: if it holds none, another kind of key, or one behind a passphrase.
    :raises LibraryError: if nothing here can read it.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - see above
    except ImportError:
        raise LibraryError from None
    try:
        key = load_pem_private_key(pem, password=None)
    except UnsupportedAlgorithm:
        raise LibraryError from None
    except TypeError:
        raise PrivateKeyError("is behind a passphrase, for which nobody is asked") from None
    except ValueError:
        raise PrivateKeyError("holds no private key in PEM form") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise PrivateKeyError("holds a private key of another kind than ed25519")
    return _whole(key)


def _whole(key: Ed25519PrivateKey) -> PrivateKey:
    """Return a private key with its public one."""
    return PrivateKey(key, PublicKey(key.public_key().public_bytes_raw()))
