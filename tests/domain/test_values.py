"""Routes, digests, and the bit patterns of metrics."""

from __future__ import annotations

import hashlib
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import digest
from pvcheck.domain.metric import MetricType, bits
from pvcheck.domain.route import shown


@pytest.mark.parametrize(
    ("route", "text"),
    [
        ((), "the contract"),
        (("metadata",), "metadata"),
        (("metadata", "version"), "metadata.version"),
        (("falsification_tests", 0, "expect", "growth", 1), "falsification_tests[0].expect.growth[1]"),
        ((0, "id"), "[0].id"),
    ],
)
def test_a_route_is_shown_as_a_reader_writes_it(route, text):
    """Keys are joined by points, list positions stand in brackets."""
    assert shown(route) == text


@pytest.mark.parametrize(
    ("value", "kind", "pattern"),
    [
        (1.0, MetricType.F32, "0x3f800000"),
        (-0.0, MetricType.F32, "0x80000000"),
        (0.0, MetricType.F32, "0x00000000"),
        (1.0, MetricType.F64, "0x3ff0000000000000"),
        (-0.0, MetricType.F64, "0x8000000000000000"),
        (math.inf, MetricType.F32, "0x7f800000"),
        (3, MetricType.INT, ""),
        (True, MetricType.BOOL, ""),
    ],
)
def test_floats_have_bits_and_other_numbers_have_none(value, kind, pattern):
    """A bit pattern has 8 digits for f32 and 16 for f64."""
    assert bits(value, kind) == pattern


@given(st.integers(0, 2**64 - 1))
def test_the_bits_of_a_float_are_those_it_was_made_of(pattern):
    """The pattern reads back, NaN payloads included."""
    value = struct.unpack("<d", struct.pack("<Q", pattern))[0]

    assert bits(value, MetricType.F64) == f"0x{pattern:016x}"


def test_a_digest_is_that_of_sha256sum():
    """The digest of bytes is plain SHA-256 in lower-case hex."""
    assert digest.sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_ranges_carry_their_place_in_their_digest():
    """Each range goes in as offset and size, then its bytes."""
    data = memoryview(b"0123456789")
    wanted = struct.pack("<QQ", 2, 3) + b"234" + struct.pack("<QQ", 9, 1) + b"9"

    assert digest.of_ranges(data, [(2, 3), (9, 1)]) == hashlib.sha256(wanted).hexdigest()
    assert digest.of_ranges(data, []) == hashlib.sha256(b"").hexdigest()


def test_equal_bytes_at_another_place_are_another_read():
    """Two reads of the same bytes differ when they come from different places."""
    data = memoryview(b"aaaa")

    digests = {digest.of_ranges(data, ranges) for ranges in ([(0, 2)], [(2, 2)], [(0, 1), (1, 1)])}

    assert len(digests) == 3


@pytest.mark.parametrize(
    "text",
    ["sha256:" + "a" * 63, "sha256:" + "A" * 64, "sha256:" + "a" * 64 + "\n", "a" * 64, "see the commit"],
)
def test_only_our_own_form_is_a_reference(text):
    """Other text under ``evidence`` is somebody's prose."""
    assert digest.PATTERN.fullmatch(text) is None
    assert digest.PATTERN.fullmatch("sha256:" + "a" * 64)
