"""Public keys as settings have them, and those that nobody may list."""

from __future__ import annotations

import binascii

import pytest

from pvcheck.domain import keys
from pvcheck.domain.digest import sha256

TEXT = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RAW = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME


def test_a_key_is_its_line():
    """The first key of RFC 8032; its id is the digest of the DER form that OpenSSL writes."""
    key = keys.parse(TEXT)

    assert key.raw == RAW
    assert str(key) == TEXT
    assert key.id == sha256(bytes.fromhex("302a300506032b6570032100") + RAW)
    assert len(key.id[: keys.SHORT]) == 16


def added(left, right):
    """Return the sum of two points of the curve, in affine coordinates."""
    (a, b), (c, d) = left, right
    twisted = D * a * c * b * d
    return (
        (a * d + b * c) * pow(1 + twisted, -1, PRIME) % PRIME,
        (b * d + a * c) * pow(1 - twisted, -1, PRIME) % PRIME,
    )


def abscissae(y):
    """Return the first coordinates that a point of the curve with a second one can have."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    root = pow(square, (PRIME + 3) // 8, PRIME)
    found = {root, root * pow(2, (PRIME - 1) // 4, PRIME) % PRIME}
    return {sign for each in found if each * each % PRIME == square for sign in (each, -each % PRIME)}


def eightfold(point):
    """Return a point doubled three times."""
    for _ in range(3):
        point = added(point, point)
    return point


def test_the_list_of_points_of_low_order_is_whole():
    """Each of them, taken eight times, is nothing; and there are eight."""
    points = {(x, y % PRIME) for y in keys._SMALL for x in abscissae(y)}

    assert len(points) == 8
    assert {eightfold(each) for each in points} == {(0, 1)}


@pytest.mark.parametrize("y", [*sorted(keys._SMALL), PRIME, PRIME + 1], ids=str)
@pytest.mark.parametrize("sign", [0, 1 << 255], ids=["plain", "signed"])
def test_a_key_of_low_order_is_refused_in_every_spelling(y, sign):
    """Under such a key a signature that nobody made is good for every message."""
    data = keys.HEAD + (y | sign).to_bytes(32, "little")

    with pytest.raises(keys.KeyFormError, match=r"^is a point of low order"):
        keys.parse(binascii.b2a_base64(data, newline=False).decode())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(TEXT[:-1], id="short"),
        pytest.param(TEXT + "\n", id="line end"),
        pytest.param(TEXT[:-2] + "p=", id="another spelling"),
        pytest.param("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", id="ssh"),
        pytest.param(binascii.b2a_base64(RAW, newline=False).decode(), id="bare"),
        pytest.param(binascii.b2a_base64(keys.HEAD + RAW[:-1], newline=False).decode(), id="a byte less"),
        pytest.param(binascii.b2a_base64(keys.HEAD + RAW + b"\0", newline=False).decode(), id="a byte more"),
        pytest.param(binascii.b2a_base64(keys.HEAD[:8] + b"o" + keys.HEAD[9:] + RAW).decode(), id="another curve"),
        pytest.param("é", id="no ASCII"),
    ],
)
def test_what_is_no_key_is_refused(text):
    """There is one form, which can be pasted from openssl."""
    with pytest.raises(keys.KeyFormError, match=r"^must be the line of base64 that openssl pkey -pubout prints"):
        keys.parse(text)
