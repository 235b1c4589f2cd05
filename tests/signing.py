"""Keys for tests, and projects that demand signatures of them."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pvcheck.domain.keys import PublicKey
from pvcheck.evidence.ed25519 import PrivateKey


def a_key(number=1):
    """Return a private key; one number is one key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return PrivateKey(key, PublicKey(key.public_key().public_bytes_raw()))


def demand(*numbers, required=True):
    """Return settings that list keys, named by their numbers in letters."""
    keys = "".join(f'{chr(96 + each)} = "{a_key(each).public}"\n' for each in numbers)
    return f"[signatures]\nrequired = {str(required).lower()}\n[signatures.keys]\n{keys}"


def key_file(folder, number=1):
    """Write a private key where only its owner reads it, and return the path."""
    place = folder / f"key-{number}.pem"
    place.write_bytes(a_key(number).pem())
    place.chmod(0o600)
    return place
