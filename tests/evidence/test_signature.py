"""Signatures of records: official vectors, an outside oracle, and everything that must not count as one."""

from __future__ import annotations

import builtins
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from evidence.test_challenge_record import a_challenge
from helpers import a_record, load
from hypothesis import given
from hypothesis import strategies as st
from signing import a_key

from pvcheck.domain import canonical, dsse, keys
from pvcheck.domain.digest import PREFIX, sha256
from pvcheck.domain.dsse import Envelope, EnvelopeError, Signature
from pvcheck.evidence import ed25519, signature, store
from pvcheck.evidence.ed25519 import LibraryError, PrivateKeyError
from pvcheck.evidence.record import RecordError
from pvcheck.evidence.signature import SignatureError

VECTORS = [
    pytest.param(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
        id="1",
    ),
    pytest.param(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
        id="2",
    ),
    pytest.param(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
        id="3",
    ),
]
"""RFC 8032, section 7.1: secret key, public key, message, signature."""


OURS, OTHER = a_key(1), a_key(2)
LISTED = {"release": OURS.public}
RECORD = a_record(load())
DATA, REFERENCE = RECORD.data(), RECORD.reference
SIGNED = signature.signed(None, REFERENCE, DATA, OURS)


@pytest.mark.parametrize(("secret", "public", "message", "made"), VECTORS)
def test_the_vectors_of_the_standard_hold(secret, public, message, made):
    """Signing gives the very bytes; they verify, and with the last bit of anything changed they do not."""
    key = ed25519._whole(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))
    text, sig = bytes.fromhex(message), bytes.fromhex(made)

    assert key.public.raw.hex() == public
    assert key.sign(text) == sig
    assert ed25519.is_good(key.public, sig, text)
    assert ed25519.is_good(key.public, sig, text + b"\0") is False
    assert ed25519.is_good(key.public, sig[:-1] + bytes([sig[-1] ^ 1]), text) is False
    assert ed25519.is_good(key.public, sig[:-1], text) is False
    assert ed25519.is_good(OTHER.public, sig, text) is False


def test_a_key_of_low_order_would_vouch_for_everything():
    """The reason why no settings may list one: the library takes this signature, which nobody made."""
    point = (1).to_bytes(32, "little")

    Ed25519PublicKey.from_public_bytes(point).verify(point + bytes(32), b"any record")


def test_a_statement_says_what_the_record_says():
    """File, claim and inputs with their digests; contract, falsifier and outcome; and nothing else."""
    assert canonical.loads(SIGNED.payload) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": f"{sha256(DATA)}.json", "digest": {"sha256": sha256(DATA)}},
            *RECORD.statement()["subject"],
        ],
        "predicateType": "urn:pvcheck:signature:v1",
        "predicate": {
            "contract": "C-TEST",
            "falsifier": "F-1",
            "outcome": "held",
            "record": "urn:pvcheck:evaluation:v1",
        },
    }
    assert SIGNED.kind == "application/vnd.in-toto+json"
    assert {each["name"] for each in RECORD.statement()["subject"]} == {"claim:F-1", "input:model"}


def test_a_challenge_is_signed_as_well():
    """Its statement has a claim of each falsifier, and no outcome, as the record has none."""
    record = a_challenge()

    made = signature.signed(None, record.reference, record.data(), OURS)

    assert canonical.loads(made.payload)["predicate"] == {"contract": "C-TEST", "record": "urn:pvcheck:challenge:v1"}
    assert signature.signers(made, record.reference, record.data(), LISTED) == ("release",)


def test_a_second_key_signs_the_same_bytes():
    """The order of the signatures does not depend on who came first, and who has signed is not added again."""
    both = signature.signed(SIGNED, REFERENCE, DATA, OTHER)

    assert both == signature.signed(signature.signed(None, REFERENCE, DATA, OTHER), REFERENCE, DATA, OURS)
    assert both.payload == SIGNED.payload
    assert signature.signed(both, REFERENCE, DATA, OURS) is both
    assert set(signature.signers(both, REFERENCE, DATA, LISTED | {"other": OTHER.public})) == {"release", "other"}
    assert signature.signers(both, REFERENCE, DATA, {"other": OTHER.public}) == ("other",)
    assert signature.signers(both, REFERENCE, DATA, {}) == ()


def test_a_full_envelope_takes_no_more():
    """The limit of reading is the limit of writing."""
    full = SIGNED._replace(signatures=tuple(Signature(f"{n:064x}", b"") for n in range(dsse.MAX_SIGNATURES)))

    with pytest.raises(SignatureError, match=r"^the signature file has 16 signatures, which is the most"):
        signature.signed(full, REFERENCE, DATA, OURS)


@given(at=st.integers(0, len(SIGNED.data()) - 1), new=st.integers(0, 255))
def test_no_changed_byte_leaves_a_signature_that_counts(at, new):
    """Whichever byte of the file is changed, it is refused, or it says the same with another white space."""
    data = bytearray(SIGNED.data())
    data[at] = new
    try:
        found = dsse.parse(bytes(data))
        names = signature.signers(found, REFERENCE, DATA, LISTED)
    except (EnvelopeError, SignatureError):
        return
    assert names == () or found == SIGNED


@given(at=st.integers(0, len(SIGNED.payload) - 1), bit=st.integers(0, 7))
def test_no_changed_bit_of_the_payload_is_signed(at, bit):
    """Also where the statement would say the same: what counts are its bytes."""
    payload = bytearray(SIGNED.payload)
    payload[at] ^= 1 << bit

    with pytest.raises(SignatureError) as caught:
        signature.signers(SIGNED._replace(payload=bytes(payload)), REFERENCE, DATA, LISTED)

    assert caught.value.code == "PV477"


def about(kind=dsse.STATEMENT, data=None, **changes):
    """Return an envelope with a good signature of ours over a statement with some parts exchanged."""
    payload = canonical.dumps(canonical.loads(SIGNED.payload) | changes) if data is None else data
    bare = Envelope(kind, payload, ())
    return bare._replace(signatures=(Signature(OURS.public.id, OURS.sign(bare.signed)),))


SUBJECT, PREDICATE = (canonical.loads(SIGNED.payload)[key] for key in ("subject", "predicate"))
OLDER = a_record(load(), made_at={"started": "2025-01-01T00:00:00+00:00", "seconds": 0.1, "host": "here"})


@pytest.mark.parametrize(
    ("envelope", "code", "message"),
    [
        pytest.param(
            about(kind="text/plain"), "PV475", 'the signature file is about "text/plain" and not about', id="kind"
        ),
        pytest.param(about(data=b"release"), "PV475", "what was signed is not JSON", id="no JSON"),
        pytest.param(
            about(data=SIGNED.payload[:-2] + b',"_type":1}'),
            "PV475",
            "what was signed is not JSON: a key stands twice",
            id="key twice",
        ),
        pytest.param(about(data=b"[]"), "PV475", "what was signed is no statement about a record", id="a list"),
        pytest.param(about(note="x"), "PV475", "what was signed is no statement about a record", id="a part too many"),
        pytest.param(about(_type="1"), "PV475", 'what was signed has the _type "1"', id="type"),
        pytest.param(
            about(predicateType="a\nb"), "PV475", r'what was signed has the predicateType "a\nb"', id="predicate type"
        ),
        pytest.param(about(data=DATA), "PV475", "what was signed has the predicateType", id="the record itself"),
        pytest.param(about(subject=[]), "PV476", "what was signed is another record than", id="no subject"),
        pytest.param(about(subject=SUBJECT[:1]), "PV476", "what was signed is another record than", id="fewer inputs"),
        pytest.param(
            signature.signed(None, OLDER.reference, OLDER.data(), OURS),
            "PV476",
            "what was signed is another record than",
            id="an older record of the claim",
        ),
        pytest.param(
            about(predicate=PREDICATE | {"contract": "C-OTHER"}),
            "PV476",
            "what was signed says other things",
            id="another contract",
        ),
        pytest.param(
            about(predicate=PREDICATE | {"outcome": "refuted"}),
            "PV476",
            "what was signed says other things",
            id="another outcome",
        ),
        pytest.param(
            SIGNED._replace(signatures=(Signature(OURS.public.id, bytes(64)),)),
            "PV477",
            'the signature of the key "release" does not fit',
            id="0",
        ),
        pytest.param(
            SIGNED._replace(signatures=(Signature(OURS.public.id, b""),)),
            "PV477",
            'the signature of the key "release" does not fit',
            id="none",
        ),
        pytest.param(
            SIGNED._replace(signatures=(Signature(OURS.public.id, OTHER.sign(SIGNED.signed)),)),
            "PV477",
            'the signature of the key "release" does not fit',
            id="the name of another key",
        ),
        pytest.param(
            SIGNED._replace(signatures=(Signature(OURS.public.id, OURS.sign(SIGNED.payload)),)),
            "PV477",
            'the signature of the key "release" does not fit',
            id="over the payload alone",
        ),
    ],
)
def test_what_does_not_vouch_for_this_record_is_refused(envelope, code, message):
    """Each with one code; all of these are good JSON."""
    with pytest.raises(SignatureError) as caught:
        signature.signers(dsse.parse(envelope.data()), REFERENCE, DATA, LISTED)

    assert (caught.value.code, caught.value.exit_code) == (code, 5)
    assert str(caught.value).startswith(message)


def test_nothing_is_read_before_it_is_verified():
    """A payload that nobody signed is no business of the reader."""
    wrong = about(data=b"release")._replace(signatures=(Signature(OURS.public.id, bytes(64)),))

    with pytest.raises(SignatureError) as caught:
        signature.signers(wrong, REFERENCE, DATA, LISTED)

    assert caught.value.code == "PV477"


def test_a_good_signature_does_not_excuse_a_wrong_one():
    """Where one listed key's signature is wrong, somebody changed the file."""
    both = signature.signed(SIGNED, REFERENCE, DATA, OTHER)
    spoilt = both._replace(signatures=tuple(each._replace(sig=bytes(64)) for each in both.signatures[:1]))
    spoilt = spoilt._replace(signatures=(*spoilt.signatures, both.signatures[1]))

    with pytest.raises(SignatureError, match=r"^the signature of the key \S+ does not fit what it is over"):
        signature.signers(spoilt, REFERENCE, DATA, {"a": OURS.public, "b": OTHER.public})


@pytest.mark.parametrize("data", [b"", b"[]", b'{"predicate": 1}', b'{"predicate": {}, "subject": 1}'], ids=str)
def test_what_is_no_record_has_no_statement(data):
    """Bytes with the right name can be anything."""
    with pytest.raises(RecordError, match=r"^not a record"):
        signature.statement(PREFIX + sha256(data), data)


@pytest.fixture
def contract(tmp_path):
    """Return the path of a contract beside which the record and its signature lie."""
    path = tmp_path / "c.yaml"
    store.save(path, RECORD)
    store.signature_of(path, REFERENCE).write_bytes(SIGNED.data())
    return path


def test_a_signature_lies_beside_its_record(contract):
    """It is told apart from records and from strangers by its name."""
    assert signature.check(contract, REFERENCE, LISTED) == ("release",)
    assert store.references(contract) == store.signatures(contract) == (REFERENCE,)
    assert store.others(contract) == ()
    (store.folder(contract) / "notes.sig.json").touch()
    assert store.others(contract) == ("notes.sig.json",)


def test_line_ends_of_a_checkout_do_not_matter(contract):
    """They are git's business, in the record and in the envelope."""
    for place in (store.path_of(contract, REFERENCE), store.signature_of(contract, REFERENCE)):
        place.write_bytes(place.read_bytes().replace(b"\n", b"\r\n"))

    assert signature.check(contract, REFERENCE, LISTED) == ("release",)


def test_a_signature_file_may_be_as_large_as_the_refusal_says(contract):
    """Not one byte less."""
    place = store.signature_of(contract, REFERENCE)
    place.write_bytes(SIGNED.data().ljust(signature.MAX_ENVELOPE))

    assert signature.check(contract, REFERENCE, LISTED) == ("release",)


@pytest.mark.parametrize(
    ("data", "code", "message", "exit_code"),
    [
        pytest.param(None, "PV473", f"the record {sha256(DATA)}.json is not signed", 1, id="none"),
        pytest.param(
            b" " * (signature.MAX_ENVELOPE + 1),
            "PV474",
            f"the signature file {sha256(DATA)}.sig.json has more than 262144 bytes",
            5,
            id="large",
        ),
        pytest.param(
            b"NaN",
            "PV474",
            f"the signature file {sha256(DATA)}.sig.json is not JSON: NaN is no number",
            5,
            id="no JSON",
        ),
        pytest.param(
            SIGNED._replace(signatures=tuple(Signature(f"{n:064x}", b"") for n in range(5))).data(),
            "PV478",
            f"no key that is listed signed the record, only {', '.join(['0' * 16] * 3)} and 2 more",
            1,
            id="unknown keys",
        ),
        pytest.param(
            SIGNED._replace(signatures=tuple(Signature(f"{n:064x}", b"") for n in range(4))).data(),
            "PV478",
            f"no key that is listed signed the record, only {', '.join(['0' * 16] * 3)} and 1 more",
            1,
            id="one more",
        ),
        pytest.param(
            SIGNED._replace(signatures=tuple(Signature(f"{n:064x}", b"") for n in range(3))).data(),
            "PV478",
            f"no key that is listed signed the record, only {', '.join(['0' * 16] * 3)}",
            1,
            id="three",
        ),
        pytest.param(
            signature.signed(None, REFERENCE, DATA, OTHER).data(),
            "PV478",
            f"no key that is listed signed the record, only {OTHER.public.id[:16]}",
            1,
            id="an unknown key",
        ),
    ],
)
def test_a_file_that_is_no_signature_of_a_listed_key_is_told(contract, data, code, message, exit_code):
    """What is missing is a no; what is not what it claims to be is worse."""
    place = store.signature_of(contract, REFERENCE)
    place.unlink()
    if data is not None:
        place.write_bytes(data)

    with pytest.raises(SignatureError) as caught:
        signature.check(contract, REFERENCE, LISTED)

    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    assert str(caught.value) == message


def pem(key):
    """Return a private key of any kind as a PEM file."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def test_a_private_key_is_read_back():
    """From the file that is written for it."""
    key = ed25519.generated()

    again = ed25519.loaded(key.pem())

    assert again.public == key.public
    assert again.sign(b"x") == key.sign(b"x")
    assert keys.parse(str(key.public)) == key.public


def test_what_is_no_private_key_of_ours_is_refused():
    """Another kind, a passphrase, a public key, or no key."""
    locked = OURS.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    public = OURS.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    other = X25519PrivateKey.generate()

    for data, message in (
        (locked, "is behind a passphrase"),
        (public, "holds no private key in PEM form"),
        (b"", "holds no private key in PEM form"),
        (pem(other), "holds a private key of another kind than ed25519"),
    ):
        with pytest.raises(PrivateKeyError, match=f"^{message}"):
            ed25519.loaded(data)


CALLS = {
    "verify": lambda: ed25519.is_good(OURS.public, bytes(64), b""),
    "generate": ed25519.generated,
    "load": lambda: ed25519.loaded(pem(OURS.key)),
}


@pytest.mark.parametrize("name", CALLS)
def test_without_the_library_nobody_can_tell(name, monkeypatch):
    """That is an answer of its own, and no "no"."""
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    with pytest.raises(LibraryError):
        CALLS[name]()


@pytest.mark.parametrize("name", CALLS)
def test_a_build_without_the_curve_is_as_good_as_none(name, monkeypatch):
    """Some builds of OpenSSL leave it out."""

    def refuse(*_, **__):
        raise UnsupportedAlgorithm("no")

    real = builtins.__import__

    def planted(name, *rest):
        module = real(name, *rest)
        if name.endswith("asymmetric.ed25519"):
            monkeypatch.setattr(module.Ed25519PublicKey, "from_public_bytes", refuse)
            monkeypatch.setattr(module.Ed25519PrivateKey, "generate", refuse)
        elif name.endswith("serialization"):
            monkeypatch.setattr(module, "load_pem_private_key", refuse)
        return module

    monkeypatch.setattr(builtins, "__import__", planted)

    with pytest.raises(LibraryError):
        CALLS[name]()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, the outside oracle, is not on PATH")
def test_openssl_agrees_in_both_directions(tmp_path):
    """A key of ours signs there what it signs here, a key made there signs here, and each verifies the other."""

    def openssl(*words):
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, check=False)
        if done.returncode and b"Invalid command" in done.stderr:
            pytest.skip("this openssl has no pkeyutl -rawin")
        return done

    secret, public, message, made = (tmp_path / name for name in ("key.pem", "pub.pem", "message", "sig"))
    assert openssl("genpkey", "-algorithm", "ed25519", "-out", secret).returncode == 0
    assert openssl("pkey", "-in", secret, "-pubout", "-out", public).returncode == 0
    key = ed25519.loaded(secret.read_bytes())
    ours = signature.signed(None, REFERENCE, DATA, key)
    message.write_bytes(ours.signed)
    assert openssl("pkeyutl", "-sign", "-inkey", secret, "-rawin", "-in", message, "-out", made).returncode == 0

    assert keys.parse(public.read_text().splitlines()[1]) == key.public
    assert ours.signatures == (Signature(key.public.id, made.read_bytes()),)
    verify = ("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", message, "-sigfile", made)
    assert openssl(*verify).returncode == 0
    message.write_bytes(ours.signed + b"\n")
    assert openssl(*verify).returncode != 0


def test_the_file_is_one_that_other_readers_of_envelopes_take():
    """Its keys are those of the format, and its base64 is the one with padding."""
    told = json.loads(SIGNED.data())

    assert list(told) == ["payload", "payloadType", "signatures"]
    assert [list(each) for each in told["signatures"]] == [["keyid", "sig"]]
    assert Path(store.signature_of(Path("c.yaml"), REFERENCE)).name == f"{sha256(DATA)}.sig.json"


def places(value, place=""):
    """Yield the place of every value of a file."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for each in value:
            yield from places(each, f"{place}[]")
    else:
        yield place


def test_the_page_about_records_has_every_key_of_a_signature(checkout):
    """Of the envelope, and of what is signed."""
    page = (checkout / "docs" / "reference-evidence.md").read_text(encoding="utf-8").split("## A signature")[1]
    file, statement = (
        re.findall(r"^\| `([\w.\[\]]+)` \|", part, re.MULTILINE) for part in page.split("The statement:")
    )

    assert set(file) == set(places(json.loads(SIGNED.data())))
    assert set(statement) == set(places(json.loads(SIGNED.payload)))
