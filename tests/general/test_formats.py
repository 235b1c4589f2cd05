"""Array files: round trips, the rules that each reader holds, and that damage is only ever an InputError."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest
from general.fixtures import npy, npy_of, npz, opened, safetensors, safetensors_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from q4k.fixtures import gguf_bytes, info, q4k_file, tensor

from pvcheck.plugin import InputError, NotMeasured
from pvcheck_general import arrays as ours
from pvcheck_general import numpy_files, opening, safetensors_file

KINDS = st.sampled_from(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
ANY = arrays.arrays(KINDS, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


def read(data, name=None):
    """Return the array of a file."""
    with opened(data) as source:
        found = opening.array_of(source, name, "left")
        return found.kind, found.shape, found.stored.tobytes()


def refusal(data, name=None):
    """Return why a file is refused, its path as FILE."""
    with opened(data) as source, pytest.raises(InputError) as caught:
        opening.array_of(source, name, "left")
    return str(caught.value).replace(source.path, "FILE")


def held(array):
    """Return what a reader must give for an array."""
    letter = {"f": "f", "i": "i", "u": "u"}.get(array.dtype.kind)
    return (f"{letter}{8 * array.itemsize}" if letter else "bool"), array.shape, np.ascontiguousarray(array).tobytes()


@given(ANY)
def test_npy_round_trip(array):
    """What NumPy writes is read back, bit for bit."""
    assert read(npy(array)) == held(array)


@given(ANY)
def test_npz_round_trip(array):
    """Stored or compressed."""
    assert read(npz(x=array)) == read(npz(compressed=True, x=array, y=np.zeros(2)), "x") == held(array)


@given(ANY)
def test_safetensors_round_trip(array):
    """Beside another tensor, too."""
    assert read(safetensors(other=np.zeros(3), x=array), "x") == held(array)


@given(arrays.arrays("f8", arrays.array_shapes(max_dims=3, max_side=3)))
def test_json_round_trip(array):
    """Nested lists of numbers, NaN and infinities included."""
    data = json.dumps({"x": array.tolist(), "y": 1}).encode()
    kind, shape, raw = read(data, "x")

    assert (kind, shape) == ("f64", array.shape)
    assert np.array_equal(np.frombuffer(raw), array.ravel(), equal_nan=True)


def test_orders_of_bytes_and_axes_are_turned_around():
    """Big-endian and Fortran files give the same array."""
    array = np.arange(6, dtype="f4").reshape(2, 3)

    assert read(npy(array.astype(">f4"))) == read(npy(np.asfortranarray(array))) == held(array)


@pytest.mark.parametrize("version", [2, 3])
def test_later_versions_of_npy_are_read(version):
    """They have a longer length field."""
    header = "{'shape': (2,), 'fortran_order': False, 'descr': '<i2'}"

    assert read(npy_of(header, b"\1\0\2\0", version=version)) == ("i16", (2,), b"\1\0\2\0")


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
BAD_NPY = {
    "version": (npy_of(GOOD, bytes(4), version=4), "FILE: not a .npy file of version 1, 2 or 3"),
    "short": (b"\x93NUMPY\1\0", "FILE: not a .npy file of version 1, 2 or 3"),
    "no length": (b"\x93NUMPY\2\0\1\1", "FILE: the header must have at most 10000 bytes and end inside the file"),
    "long header": (npy_of(" " * 10_001), "FILE: the header must have at most 10000 bytes and end inside the file"),
    "too few bytes": (npy_of(GOOD, bytes(3)), "FILE: the data must have 4 bytes, got 3"),
    "too many bytes": (npy_of(GOOD, bytes(5)), "FILE: the data must have 4 bytes, got 5"),
    "pickle": (npy_of(GOOD.replace("<f4", "|O")), "FILE: the header must hold descr, fortran_order and shape, got "),
    "complex": (npy_of(GOOD.replace("<f4", "<c8")), "FILE: arrays of type '<c8' are not read here"),
    "f3": (npy_of(GOOD.replace("<f4", "<f3")), "FILE: arrays of type '<f3' are not read here"),
    "b2": (npy_of(GOOD.replace("<f4", "|b2")), "FILE: arrays of type '|b2' are not read here"),
    "code": (npy_of("__import__('os')"), "FILE: the header must hold descr, fortran_order and shape, got '__import__"),
    "twice": (
        npy_of("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}"),
        "FILE: the header must hold descr, fortran_order and shape, got ",
    ),
    "order": (npy_of(GOOD.replace("False", "(1,)")), "FILE: the header must hold descr, fortran_order and shape, got "),
    "shape": (npy_of(GOOD.replace("(1,)", "(1 1)")), "FILE: the header must hold descr, fortran_order and shape, got "),
    "huge": (npy_of(GOOD.replace("(1,)", "(268435456,)")), "FILE must have at most 134217728 elements, got 268435456"),
    "axes": (npy_of(GOOD.replace("(1,)", "(" + "1," * 33 + ")")), "FILE must have at most 32 dimensions, got 33"),
}


@pytest.mark.parametrize(("data", "message"), BAD_NPY.values(), ids=BAD_NPY)
def test_npy_is_read_strictly(data, message):
    """A header is matched, never evaluated, and the data has exactly its size."""
    assert refusal(data).startswith(message)


def archive(**members):
    """Return a zip file of members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name.replace("_npy", ".npy"), data)
    return buffer.getvalue()


def test_an_npz_file_holds_npy_files_only():
    """Another member, or a broken one, is refused by its name."""
    assert refusal(archive(a_npy=npy(np.ones(2)), b="x")) == "FILE: 'b' is no .npy file, or stands twice"
    assert refusal(archive(a_npy=b"x")) == "FILE: 'a.npy': not a .npy file of version 1, 2 or 3"
    assert refusal(b"PK\3\4" + bytes(50)) == "FILE: not a .npz file: File is not a zip file"


def test_a_member_that_does_not_unpack_is_refused():
    """A damaged stream is an InputError, and names the member."""
    data = bytearray(npz(compressed=True, x=np.arange(100.0)))
    data[60] ^= 0xFF

    assert refusal(bytes(data)).startswith("FILE: 'x.npy' cannot be unpacked: ")


def test_a_member_has_a_limit(monkeypatch):
    """A small file can unpack to any size."""
    monkeypatch.setattr(numpy_files, "MEMBER_BYTES", 100)

    assert refusal(npz(compressed=True, x=np.zeros(10_000))) == "FILE: 'x.npy' must have at most 100 bytes"


def test_an_archive_has_a_limit(monkeypatch):
    """So has the number of its members."""
    monkeypatch.setattr(numpy_files, "MEMBERS_MAX", 1)

    assert refusal(npz(x=np.zeros(1), y=np.zeros(1))) == "FILE: must have at most 1 arrays, got 2"


def test_only_what_is_needed_of_an_archive_is_read():
    """The other member is not among the ranges that were read."""
    with opened(npz(x=np.arange(4.0), y=np.arange(100_000.0))) as source:
        opening.array_of(source, "x", "left")

        assert sum(size for _, size in source.ranges()) < 10_000


def entry(kind="F32", shape=(1,), offsets=(0, 4)):
    """Return an entry of a safetensors header."""
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(offsets)}


LIST = "must be a list of at most 32 integers from 0 to 2**63 - 1"
BAD_SAFETENSORS = {
    "keys": ({"a": entry() | {"x": 1}}, 4, "tensor 'a' must have dtype, shape and data_offsets, and nothing else"),
    "no entry": ({"a": 1}, 0, "tensor 'a' must have dtype, shape and data_offsets, and nothing else"),
    "type": ({"a": entry("F33")}, 4, "tensor 'a' must have a type that is known, got F33"),
    "type is no text": ({"a": entry([1])}, 4, "tensor 'a' must have a type that is known, got [1]"),
    "negative": ({"a": entry(shape=(-1,))}, 4, f"the shape of FILE: tensor 'a' {LIST}"),
    "true": ({"a": entry(shape=(True,))}, 4, f"the shape of FILE: tensor 'a' {LIST}"),
    "33 axes": ({"a": entry(shape=(1,) * 33)}, 4, f"the shape of FILE: tensor 'a' {LIST}"),
    "fraction": ({"a": entry(offsets=(0, 4.0))}, 4, f"offsets of FILE: tensor 'a' {LIST}"),
    "one offset": ({"a": entry(offsets=(4,))}, 4, "tensor 'a' must have two offsets that do not fall"),
    "falling": ({"a": entry(offsets=(4, 0))}, 4, "tensor 'a' must have two offsets that do not fall"),
    "size": ({"a": entry(shape=(2,))}, 4, "tensor 'a' must have 8 bytes for its shape, got 4"),
    "gap": ({"a": entry(offsets=(4, 8))}, 8, "tensor 'a' must start at byte 0 of the data, got 4"),
    "overlap": ({"a": entry(), "b": entry()}, 4, "tensor 'b' must start at byte 4 of the data, got 0"),
    "end": ({"a": entry()}, 8, "the tensors must cover 8 bytes of data, got 4"),
    "past the end": ({"a": entry()}, 3, "the tensors must cover 3 bytes of data, got 4"),
    "metadata": ({"__metadata__": {"a": 1}}, 0, "__metadata__ must be an object of texts"),
    "duplicate": ('{"a": 1, "a": 1}', 0, "the header: the key 'a' stands twice"),
    "not JSON": (
        "{x",
        0,
        "the header: not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
    ),
    "float8": ({"a": entry("F8_E4M3", (4,))}, 4, "tensor 'a' has the type F8_E4M3, which is not read here"),
}


@pytest.mark.parametrize(("header", "size", "message"), BAD_SAFETENSORS.values(), ids=BAD_SAFETENSORS)
def test_safetensors_are_read_strictly(header, size, message):
    """Keys, types, sizes and the tiling of the data are checked."""
    told = refusal(safetensors_of(header, bytes(size)))

    assert told == (message if message.startswith(("the shape", "offsets")) else f"FILE: {message}")


def test_a_header_that_is_no_utf8_is_refused():
    """The byte is named."""
    assert refusal(struct.pack("<Q", 2) + b"{\xff") == "FILE: the header must be UTF-8, byte 1 is not"


@pytest.mark.parametrize("data", [b"", bytes(4), struct.pack("<Q", 9) + b"{}"], ids=["empty", "short", "long header"])
def test_a_header_ends_inside_the_file(data):
    """The reader itself refuses what the first look would not take for safetensors."""
    with opened(data) as source, pytest.raises(InputError, match="must have at most 100000000 bytes and end inside"):
        safetensors_file.of_safetensors(source)


def test_a_header_is_an_object_from_its_first_byte():
    """White space stands after it only, so that two readers cannot differ."""
    with opened(safetensors_of(" {}")) as source, pytest.raises(InputError, match=r": the header must be an object$"):
        safetensors_file.of_safetensors(source)


def test_metadata_and_padding_are_allowed():
    """As the format has them."""
    header = json.dumps({"__metadata__": {"format": "pt"}, "x": entry("U8", (1,), (0, 1))}) + "   "

    assert read(safetensors_of(header, b"\7")) == ("u8", (1,), b"\7")


@given(st.data())
def test_damage_is_an_input_error_and_nothing_else(data):
    """A byte changed, a piece cut or put in: the file is read, or refused; no other exception leaves a reader."""
    array = np.arange(6, dtype="f4").reshape(2, 3)
    sound = data.draw(
        st.sampled_from([
            safetensors(x=array), npy(array), npz(x=array), npz(compressed=True, x=array),
            json.dumps({"x": array.tolist()}).encode(), q4k_file({0: tensor(0)[:1]}),
        ])
    )  # fmt: skip
    at = data.draw(st.integers(0, len(sound)))
    cut = data.draw(st.integers(0, 4))
    damaged = sound[:at] + data.draw(st.binary(max_size=4)) + sound[at + cut :]

    with opened(damaged) as source:
        try:
            found = opening.array_of(source, None, "left")
        except InputError:
            return
        assert found.count == len(found.stored)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_no_json_header_does_anything_but_be_refused(value):
    """Any value in place of an entry, or of its parts; a list may by chance be the shape or the offsets there are."""
    for header in ({"x": value}, *({"x": entry() | {key: value}} for key in entry()), {"__metadata__": value}):
        with opened(safetensors_of(header, bytes(4))) as source:
            try:
                safetensors_file.of_safetensors(source)
            except InputError:
                continue
            assert value == [0, 4] or all(each == 1 for each in value)


NAMES = {
    "which": (safetensors(a=np.ones(1), b=np.ones(1)), None, "FILE: left_name must say which of 2 arrays: a, b"),
    "none": (safetensors_of({}), None, "FILE: left_name must say which of 0 arrays: none"),
    "nameless": (npy(np.ones(1)), "x", "FILE: its one array has no name, leave left_name out"),
    "other": (npz(a=np.ones(1)), "x", "FILE: there is no array 'x', there are: a"),
    "format": (b"hello, world", None, "FILE: neither .npy, .npz, safetensors, GGUF nor JSON"),
    "empty": (b"", None, "FILE: neither .npy, .npz, safetensors, GGUF nor JSON"),
    "ragged": (b"[[1], [1, 2]]", None, "FILE: '': lists of one depth must have one length"),
    "mixed": (b"[[1], 2]", None, "FILE: '': must be numbers, or lists of numbers of one shape"),
    "text": (b'{"a": ["1"]}', None, "FILE: 'a': must be numbers, or lists of numbers of one shape"),
    "large": (b"[1" + b"0" * 400 + b"]", None, "FILE: '': an integer is too large for float64"),
    "no GGUF": (b"GGUF....", None, "FILE: GGUF-VERSION at byte 4: "),
}


@pytest.mark.parametrize(("data", "name", "message"), NAMES.values(), ids=NAMES)
def test_an_array_is_found_or_the_reason_is_told(data, name, message):
    """Names, formats and shapes."""
    assert refusal(data, name).startswith(message)


# GGUF.


def test_a_plain_tensor_of_a_gguf_file_is_read_as_it_is():
    """The last axis is the row, which GGUF writes first."""
    data = np.arange(6, dtype="<f4").tobytes()

    assert read(gguf_bytes([], [info("t", (3, 2), 0)], data + bytes(8))) == ("f32", (2, 3), data)


def test_a_quantised_tensor_is_decoded_to_the_bits_of_the_twin():
    """Q4_K, as the naive decoder of the other plugin has it."""
    from pvcheck_q4k import reference

    raw = tensor(3)[:3]

    kind, shape, data = read(q4k_file({0: raw}))

    assert (kind, shape) == ("Q4_K", (3, 256))
    assert data == reference.decode(raw).weights.tobytes()


@pytest.mark.parametrize(("number", "name", "block"), [(8, "Q8_0", (32, 34)), (14, "Q6_K", (256, 210))])
def test_other_quantised_types_are_decoded(number, name, block):
    """A tensor of zeros has the type of the file and elements of 0."""
    length, size = block
    data = gguf_bytes([], [info("t", (length, 1), number)], bytes(size + -size % 32))

    kind, shape, raw = read(data)

    assert (kind, shape) == (name, (1, length))
    assert (np.frombuffer(raw, "f4") == np.zeros(length)).all()


def test_a_type_that_is_not_decoded_is_named():
    """IQ4_NL needs a table that nobody here has."""
    data = gguf_bytes([], [info("t", (32, 1), 20)], bytes(32))

    assert refusal(data) == "FILE: tensor 't' has the type IQ4_NL, which is not decoded here"


def test_without_the_decoder_nothing_is_measured(monkeypatch):
    """A machine without the package moves no status."""
    monkeypatch.setitem(__import__("sys").modules, "gguf", None)

    with opened(q4k_file({0: tensor(0)[:1]})) as source, pytest.raises(NotMeasured) as caught:
        opening.array_of(source, None, "left")

    assert str(caught.value).endswith("tensor 'blk.0.ffn_down.weight' is Q4_K, which needs the package gguf")


# Sums.


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=50), st.randoms())
def test_a_sum_has_no_order(values, random):
    """Any order of the elements of a part gives the same bits."""
    shuffled = random.sample(values, len(values))

    assert ours.total([np.array(values)]) == ours.total([np.array(shuffled)])


def test_infinities_of_both_signs_are_nan():
    """As in IEEE 754."""
    assert np.isnan(ours.total([np.array([np.inf, -np.inf])]))


def test_ratios_follow_ieee_754():
    """By zero, and past the largest number."""
    assert np.isnan(ours.ratio(0.0, 0.0))
    assert ours.ratio(-1.0, 0.0) == -np.inf
    assert ours.ratio(-1.0, 1.0, 2000) == -np.inf
