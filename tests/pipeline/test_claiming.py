"""Claims that are to be written: ids that are free, inputs that are declared, bounds that are proposed."""

from __future__ import annotations

import pytest

from pvcheck.domain.metric import MetricSpec, MetricType
from pvcheck.errors import NotMeasuredError
from pvcheck.pipeline import claiming, proposing


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        ([], "FALSIFY-X-001"),
        (["A-007"], "A-008"),
        (["A-1", "prose"], "A-2"),
        (["A-2", "A-1"], "A-3"),
        (["A-009", "A-010", "A-9"], "A-10"),
        ([None, "FALSIFY-X-one", "FALSIFY-X-001-EXT"], "FALSIFY-X-001"),
        (["x9", "x10"], "x11"),
    ],
)
def test_the_next_free_id_goes_on_from_the_last(taken, wanted):
    """With as many digits; one that is taken is passed over."""
    found = claiming.free_id(taken, "X")

    assert found == wanted
    assert found not in taken


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("a.gguf", b"GGUF", "gguf"),
        ("A.CSV", b"a,b", "csv"),
        ("a.bin", b"text", "text"),
        ("a.bin", b"\0", "data"),
        ("a.bin", b"\xff\xfe", "data"),
        ("a.bin", "é".encode() * 3000, "text"),
        ("a.bin", b"a" * 4095 + "é".encode(), "text"),
        ("a.bin", b"\0" + b"a" * 4094 + "é".encode(), "data"),
    ],
)
def test_the_format_of_an_input_follows_from_its_name_or_its_beginning(tmp_path, name, data, wanted):
    """A text may be cut within a character."""
    (tmp_path / name).write_bytes(data)

    assert claiming.declared(tmp_path / name, tmp_path / "c" / "c.yaml")["format"] == wanted


def test_a_large_input_is_declared_without_a_digest(tmp_path):
    """The record will have the digest of what was read."""
    with (tmp_path / "large.gguf").open("wb") as file:
        file.truncate((16 << 20) + 1)

    assert claiming.declared(tmp_path / "large.gguf", tmp_path / "c.yaml") == {"format": "gguf", "path": "large.gguf"}


FILE = {"x-pv-input": True}
ENTRY = {
    "parameters": {"properties": {"left": FILE, "n": {}, "right": FILE, "more": FILE}, "required": ["left", "right"]}
}


@pytest.mark.parametrize(
    ("given", "inputs", "wanted"),
    [
        ({}, ["left", "right"], {"left": "left", "right": "right"}),
        ({}, ["a"], {}),
        ({"left": "old"}, ["a"], {"left": "old", "right": "a"}),
        ({"left": "a"}, ["a", "b"], {"left": "a", "right": "b"}),
        ({}, ["more"], {"more": "more"}),
        ({"n": 1, "left": "x", "right": "y"}, ["a"], {"n": 1, "left": "x", "right": "y"}),
    ],
)
def test_an_input_goes_to_the_parameter_that_must_mean_it(given, inputs, wanted):
    """By its name, or because there is only one; nothing is guessed."""
    claim = claiming.Claim("e", given, dict.fromkeys(inputs), {})

    assert claiming.filled(claim, ENTRY).parameters == wanted


F64, INT, BOOL = MetricType.F64, MetricType.INT, MetricType.BOOL


@pytest.mark.parametrize(
    ("kind", "value", "bound", "told"),
    [
        (F64, 1.8103, "1.8103 +- 10%", "1.8103"),
        (F64, -2.0, "-2 +- 10%", "-2"),
        (F64, 0.0, "== 0", "0"),
        (F64, 1e-300, "1e-300 +- 10%", "1e-300"),
        (F64, (1.0, 2.0), "all in [0.8, 2.2]", "1 to 2"),
        (F64, (0.5, 0.5), "all 0.5 +- 10%", "0.5"),
        (INT, 27, "== 27", "27"),
        (INT, (1, 3), "all in [1, 3]", "1 to 3"),
        (BOOL, True, "is true", "true"),
        (BOOL, (False, False), "all is false", "false"),
    ],
)
def test_a_bound_is_proposed_around_what_was_measured(kind, value, bound, told):
    """Floats with a margin on both sides, what counts and what is true or false exactly."""
    spec = MetricSpec("m", kind, "doc", series=isinstance(value, tuple))

    assert proposing._proposed("m", {"m": value}, {"m": spec}) == ("m", bound, told)


@pytest.mark.parametrize(
    ("kind", "value"), [(F64, float("nan")), (F64, (1.0, float("inf"))), (F64, ()), (BOOL, (True, False))]
)
def test_what_cannot_be_bounded_is_not(kind, value):
    """A NaN, an infinity, no numbers, truth values that differ."""
    spec = MetricSpec("m", kind, "doc", series=isinstance(value, tuple))

    with pytest.raises(NotMeasuredError, match="PV736 no bound can be proposed"):
        proposing._proposed("m", {"m": value}, {"m": spec})
