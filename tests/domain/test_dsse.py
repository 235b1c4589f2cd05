"""Envelopes: the encoding that is signed, the file, and everything that is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import dsse
from pvcheck.domain.dsse import Envelope, EnvelopeError, Signature

KEYID = "0f" * 32
TOLD = {"payload": "aGVsbG8=", "payloadType": "text/plain", "signatures": [{"keyid": KEYID, "sig": "AAEC"}]}

signatures = st.lists(
    st.builds(Signature, st.binary(min_size=32, max_size=32).map(bytes.hex), st.binary()),
    min_size=1,
    max_size=dsse.MAX_SIGNATURES,
    unique_by=lambda each: each.keyid,
).map(tuple)


def test_the_encoding_is_the_one_of_the_protocol():
    """The example of its description, byte for byte; lengths are of bytes, not of characters."""
    assert (
        dsse.encoded("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.encoded("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@given(first=st.tuples(st.text(), st.binary()), second=st.tuples(st.text(), st.binary()))
def test_two_pairs_of_kind_and_payload_never_have_one_encoding(first, second):
    """Else a signature over one would hold for the other."""
    assert (dsse.encoded(*first) == dsse.encoded(*second)) is (first == second)


@given(envelope=st.builds(Envelope, st.text(), st.binary(), signatures))
def test_an_envelope_is_read_back_as_it_was_written(envelope):
    """Kind, payload and signatures, whatever bytes they hold."""
    assert dsse.parse(envelope.data()) == envelope


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_bytes_come_they_are_an_envelope_or_refused(data):
    """No other error leaves the reader."""
    try:
        found = dsse.parse(data)
    except EnvelopeError:
        return
    assert found.signatures


def test_the_parts_stand_in_any_order():
    """Other tools write them as they like."""
    assert dsse.parse(json.dumps(dict(reversed(TOLD.items()))).encode()) == dsse.parse(json.dumps(TOLD).encode())


def test_a_statement_has_the_type_that_others_know():
    """The one that the in-toto Attestation Framework gives it."""
    assert dsse.STATEMENT == "application/vnd.in-toto+json"


def spoilt(**changes):
    """Return the file of an envelope with some parts exchanged; None takes one out."""
    return json.dumps({key: each for key, each in (TOLD | changes).items() if each is not None}).encode()


def one(**changes):
    """Return the file of an envelope with another signature."""
    return spoilt(signatures=[{"keyid": KEYID, "sig": "AAEC"} | changes])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is not JSON", id="empty"),
        pytest.param(b"\xff", "is not JSON", id="no text"),
        pytest.param(b"[" * 100_000, "is not JSON", id="deep"),
        pytest.param(b'{"payload": "", "payload": ""}', "is not JSON: a key stands twice", id="a key twice"),
        pytest.param(b"[]", "must have payload, payloadType, signatures and nothing else", id="a list"),
        pytest.param(spoilt(payload=None), "must have payload, payloadType, signatures", id="a part missing"),
        pytest.param(spoilt(note="by hand"), "must have payload, payloadType, signatures", id="a part too many"),
        pytest.param(spoilt(payloadType=1), "has a payloadType that is no text", id="type"),
        pytest.param(spoilt(payload=1), "has a payload that is not base64", id="payload"),
        pytest.param(spoilt(payload="aGVsbG8"), "has a payload that is not base64", id="no padding"),
        pytest.param(spoilt(payload="aGVs bG8="), "has a payload that is not base64", id="a space"),
        pytest.param(spoilt(payload="aGVsbG9="), "has a payload that is not base64", id="another spelling"),
        pytest.param(spoilt(payload="aé=="), "has a payload that is not base64", id="no ASCII"),
        pytest.param(spoilt(payload="_-8="), "has a payload that is not base64", id="for addresses"),
        pytest.param(spoilt(signatures={}), "must have 1 to 16 signatures", id="signatures"),
        pytest.param(spoilt(signatures=[]), "must have 1 to 16 signatures", id="no signature"),
        pytest.param(
            spoilt(signatures=[{"keyid": f"{n:064x}", "sig": ""} for n in range(1000)]),
            "must have 1 to 16 signatures",
            id="1,000 signatures",
        ),
        pytest.param(spoilt(signatures=["AAEC"]), "must have keyid, sig and nothing else", id="a bare signature"),
        pytest.param(one(cert=""), "must have keyid, sig and nothing else", id="a certificate"),
        pytest.param(one(keyid=1), "has a keyid that is not 64 hex digits", id="keyid"),
        pytest.param(one(keyid=KEYID.upper()), "has a keyid that is not 64 hex digits", id="capitals"),
        pytest.param(one(sig="?"), "has a sig that is not base64", id="sig"),
        pytest.param(
            spoilt(signatures=[{"keyid": KEYID, "sig": "AA=="}, {"keyid": KEYID, "sig": "AQ=="}]),
            "has two signatures of one key",
            id="a key twice in it",
        ),
    ],
)
def test_what_is_no_envelope_is_refused(data, message):
    """In one sentence that goes on after "the signature file"."""
    with pytest.raises(EnvelopeError) as caught:
        dsse.parse(data)

    assert str(caught.value).startswith(message)
