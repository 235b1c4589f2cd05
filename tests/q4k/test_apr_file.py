"""The reader of APR files: what it opens, and the rule that each broken file meets."""

import contextlib
import json
import struct
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.apr_fixtures import NUMBERS, AprTensor, apr_bytes, entry, padded, with_trailer
from q4k.fixtures import opened

from pvcheck_q4k.apr_file import AprFile, ModelFileError
from pvcheck_q4k.apr_metadata import Nested

SIZES = {"F32": (1, 4), "F16": (1, 2), "BF16": (1, 2), "Q4_K": (256, 144), "Q6_K": (256, 210)}
OWN = {3: 8, 4: 4, 5: 8, 6: 1, 7: 1}


def header_of(data):
    """Open bytes and return the header."""
    with opened(data) as source:
        return AprFile.open(source)


def checked(data):
    """Open bytes and read all of them; return the tensors and their bytes."""
    with opened(data) as source:
        file = AprFile.open(source)
        file.check_whole()
        return {name: (each, bytes(file.bytes_of(name, 0, each.size))) for name, each in file.tensors.items()}


@st.composite
def files(draw):
    """Draw tensors of every known type, sorted by name, and an order for their data."""
    names = sorted(draw(st.sets(st.text(min_size=1, max_size=9).filter(lambda text: "\0" not in text), max_size=5)))
    tensors = []
    for name in names:
        kind = draw(st.sampled_from(sorted(SIZES)))
        least = 1 if SIZES[kind][0] > 1 else 0
        dims = tuple(draw(st.lists(st.integers(1, 600) if least else st.integers(1, 9), min_size=least, max_size=3)))
        dims = (*(each % 4 + 1 for each in dims[:-1]), *dims[-1:])
        length, size = SIZES[kind]
        rows = int(np.prod(dims[:-1])) if dims else 1
        count = rows * -(-(dims[-1] if dims else 1) // length) * size
        fill = draw(st.binary(min_size=1, max_size=3))
        tensors.append(AprTensor(name=name, dims=dims, kind=kind, data=(fill * (count // len(fill) + 1))[:count]))
    return tensors, draw(st.permutations(range(len(tensors))))


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(SCALARS | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3), max_leaves=9)


@given(drawn=files(), metadata=st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(drawn, metadata):
    """Law: names, shapes, types, bytes and metadata come back, in whatever order the data lies."""
    tensors, order = drawn

    data = apr_bytes(tensors, metadata, order=order)
    read = checked(data)

    assert [(name, info.dims[::-1], info.type.name, raw) for name, (info, raw) in read.items()] == [
        (each.name, each.dims, each.kind, each.data) for each in tensors
    ]
    assert all(info.offset % 64 == 0 for info, _ in read.values())
    assert dict(header_of(data).metadata) == {
        key: Nested("array", len(value)) if isinstance(value, list) else value for key, value in metadata.items()
    }


def test_nested_metadata_is_told_by_its_size():
    """Objects and arrays are counted and not kept; the version is that of the header."""
    file = header_of(apr_bytes([], {"a": {"b": 1, "c": []}, "d": [1, 2, 3], "e": "\x1b"}, minor=7))

    assert dict(file.metadata) == {"a": Nested("object", 2), "d": Nested("array", 3), "e": "\x1b"}
    assert file.version == "2.7"
    assert not file.tensors


def test_many_brackets_are_not_deep():
    """Depth is what is open at once, outside of strings."""
    value = {"a": [[], {}] * 40, "b": ["[{" * 40, '"[\\' * 40]}

    assert header_of(apr_bytes(metadata=value)).metadata["a"] == Nested("array", 80)


def test_rows_are_padded_one_by_one():
    """A row of 300 weights takes two super-blocks, and two such rows four: not the three that 600 weights fill."""
    tensor = AprTensor(name="w", dims=(2, 300), data=bytes(4 * 144))

    assert checked(apr_bytes([tensor]))["w"][0].dims == (300, 2)
    with pytest.raises(ModelFileError, match="must be 576 for 2 x 300 Q4_K, got 432"):
        header_of(apr_bytes([AprTensor(name="w", dims=(2, 300), data=bytes(3 * 144))]))


@pytest.mark.parametrize("kind", OWN)
def test_types_that_are_not_ggmls_have_their_own_names(kind):
    """Numbers 3 to 7 are plain types of APR; ggml has others under some of them."""
    file = header_of(apr_bytes([AprTensor(name="t", dims=(3, 5), kind=kind, data=bytes(15 * OWN[kind]))]))

    assert file.tensors["t"].type.name == {NUMBERS[name]: name for name in NUMBERS}[kind]


@pytest.mark.parametrize(("kind", "name"), [(8, "APR_Q4"), (9, "APR_Q8"), (128, "APR_Q4"), (129, "APR_Q8")])
def test_quantised_types_of_apr_are_passed_over(kind, name):
    """Their size is taken as it is told, and the tensors beside them are read."""
    tensors = [
        AprTensor(name="a", dims=(33,), kind=kind, data=bytes(37)),
        AprTensor(name="b", dims=(256,), data=b"w" * 144),
    ]

    read = checked(apr_bytes(tensors))

    assert (read["a"][0].type.name, read["a"][0].size) == (name, 37)
    assert read["b"][1] == b"w" * 144


def test_a_tensor_may_be_empty_in_its_own_type():
    """It shares its place with the next one, and nothing overlaps."""
    tensors = [
        AprTensor(name="a", dims=(1,), kind=128, data=b""),
        AprTensor(name="b", dims=(1,), kind="F32", data=bytes(4)),
    ]

    assert list(checked(apr_bytes(tensors))) == ["a", "b"]
    assert list(checked(apr_bytes(tensors, order=[1, 0]))) == ["a", "b"]


def test_flags_that_change_nothing_are_let_through():
    """Quantised, row-major and unknown ones: the layout is the same."""
    for flags in (0, 0x8, 0x20, 0x400, 0x1000):
        assert header_of(apr_bytes(flags=flags)).version == "2.0"


def test_the_header_alone_is_read():
    """Opening reads metadata and index, and no weight."""
    data = apr_bytes([AprTensor(name="w", dims=(100, 256), data=bytes(14400))], {"a": "b" * 500})

    with opened(data) as source:
        file = AprFile.open(source)

        assert source.ranges() == ((0, file.tensors["w"].offset),)


def test_bytes_of_stays_inside_the_tensor():
    """A range outside the tensor and an unknown name are refused; giving memory back changes no byte."""
    weights = bytes(range(256)) * 45  # 11,520 bytes: some whole pages
    with opened(apr_bytes([AprTensor(name="w", dims=(80, 256), data=weights)])) as source:
        file = AprFile.open(source)
        view = file.bytes_of("w", 0, len(weights))

        file.release("w")

        assert bytes(view) == weights
        assert bytes(file.bytes_of("w", 1, 3)) == b"\1\2\3"
        for offset, size in ((-1, 2), (0, -1), (0, 11_521), (11_520, 1)):
            with pytest.raises(ValueError, match="of a tensor of 11520"):
                file.bytes_of("w", offset, size)
        for call in (lambda: file.bytes_of("missing", 0, 1), lambda: file.release("missing")):
            with pytest.raises(KeyError):
                call()


W = AprTensor(name="w", dims=(2, 256), data=bytes(288))  # 320 bytes with padding
X = AprTensor(name="x", dims=(3,), kind="F32", data=bytes(12))


def changed(tensor, **values):
    """Return a tensor with other values."""
    return AprTensor(**{name: getattr(tensor, name) for name in tensor.__dataclass_fields__} | values)


def poked(data, at, byte):
    """Return a file with one byte changed and its last checksum set right."""
    return with_trailer(data[:at] + bytes([byte]) + data[at + 1 : -4])


DEEP = b'{"a":' + b"[" * 32 + b"]" * 32 + b"}"
(CRC,) = struct.unpack_from("<I", apr_bytes(), 40)
WHY_META = "the metadata must be JSON"
BROKEN = {
    "empty": (b"", "APR-MAGIC at byte 0: the file must start with \"APR\\0\", got b''"),
    "magic": (b"APR1" + bytes(99), "APR-MAGIC at byte 0: the file must start with \"APR\\0\", got b'APR1'"),
    "short": (apr_bytes()[:67], "APR-TRUNC at byte 67: the file must have 68 bytes or more, got 67"),
    "version": (apr_bytes(major=3), "APR-VERSION at byte 4: the version must be 2, got 3"),
    "crc": (
        apr_bytes(checksum=1),
        f"APR-CRC at byte 40: the CRC-32 of the header must be {CRC:#010x}, as its bytes have it, got 0x00000001",
    ),
    "lz4": (apr_bytes(flags=1), "APR-FLAGS at byte 6: a file that is compressed with LZ4 is not read (flags 0x0001)"),
    "zstd": (apr_bytes(flags=2), "APR-FLAGS at byte 6: a file that is compressed with Zstd is not read (flags 0x0002)"),
    "encrypted": (apr_bytes(flags=4), "APR-FLAGS at byte 6: a file that is encrypted is not read (flags 0x0004)"),
    "shard": (
        apr_bytes(flags=16),
        "APR-FLAGS at byte 6: a file that is one shard of several is not read (flags 0x0010)",
    ),
    "columns": (
        apr_bytes(flags=0xC00),
        "APR-FLAGS at byte 6: a file that is in column-major order is not read (flags 0x0c00)",
    ),
    "two-flags": (
        apr_bytes(flags=5),
        "APR-FLAGS at byte 6: a file that is compressed with LZ4 and encrypted is not read (flags 0x0005)",
    ),
    "tensors-cap": (
        apr_bytes(count=65_537),
        "APR-NTENSORS at byte 8: there must be at most 65536 tensors, got 65537",
    ),
    "tensors-left": (
        apr_bytes([W], count=4),
        "APR-NTENSORS at byte 8: 4 tensors need 84 bytes of index or more, but it has 64",
    ),
    "metadata-cap": (
        apr_bytes(metadata_size=2**24 + 1),
        "APR-METASIZE at byte 20: the metadata must have at most 16777216 bytes, got 16777217",
    ),
    "metadata-moved": (
        apr_bytes(metadata_at=128),
        "APR-SECTION at byte 12: the metadata must start at byte 64, got 128",
    ),
    "index-moved": (apr_bytes(index_at=192), "APR-SECTION at byte 24: the index must start at byte 128, got 192"),
    "data-early": (
        apr_bytes([W], data_at=64),
        "APR-SECTION at byte 32: the data must start between byte 128 and 512, got 64",
    ),
    "data-late": (
        apr_bytes([W], data_at=2**64 - 64),
        "APR-SECTION at byte 32: the data must start between byte 128 and 512, got 18446744073709551552",
    ),
    "data-after-a-hole": (
        apr_bytes([X], index=entry(X, 0) + bytes(64)),
        "APR-SECTION at byte 32: the data must start at byte 192, got 256",
    ),
    "data-not-aligned": (
        apr_bytes([X], data_at=191),
        "APR-SECTION at byte 32: the data must start at byte 192, got 191",
    ),
    "no-metadata": (apr_bytes(metadata=b""), "APR-JSON at byte 64: the metadata must be JSON: expecting value"),
    "not-json": (apr_bytes(metadata='{"ä": x}'.encode()), f"APR-JSON at byte 71: {WHY_META}: expecting value"),
    "more-json": (apr_bytes(metadata=b"{} {}"), f"APR-JSON at byte 67: {WHY_META}: extra data"),
    "array": (apr_bytes(metadata=[]), "APR-JSON at byte 64: the metadata must be a JSON object, got an array"),
    "null": (apr_bytes(metadata=b"null"), "APR-JSON at byte 64: the metadata must be a JSON object, got null"),
    "string": (apr_bytes(metadata="a"), "APR-JSON at byte 64: the metadata must be a JSON object, got a string"),
    "number": (apr_bytes(metadata=1), "APR-JSON at byte 64: the metadata must be a JSON object, got a number or bool"),
    "marks": (
        apr_bytes(metadata=b'{"a":[' + b"0," * (1 << 20) + b"0]}"),
        "APR-JSON at byte 64: the metadata must have at most 1048576 commas, colons and brackets, got 1048579",
    ),
    "deep": (apr_bytes(metadata=DEEP), "APR-DEPTH at byte 100: the metadata must be nested at most 32 deep"),
    "nan": (apr_bytes(metadata={"a": float("nan")}), "APR-NUMBER at byte 64: a number must be finite, got NaN"),
    "infinity": (apr_bytes(metadata=b'{"a": 1e999}'), "APR-NUMBER at byte 64: a number must be finite, got 1e999"),
    "digits": (
        apr_bytes(metadata={"a": 10**20}),
        "APR-NUMBER at byte 64: an integer must have at most 20 characters, got 21",
    ),
    "key-twice": (
        apr_bytes(metadata=b'{"a": {"b\\n": 1, "c": 2, "b\\u000a": 1}}'),
        "APR-DUPKEY at byte 64: metadata key 'b\\n' stands twice in one object",
    ),
    "metadata-utf8": (apr_bytes(metadata=b'{"\xff": 1}'), "APR-UTF8 at byte 66: the metadata must be UTF-8"),
    "metadata-padding": (
        poked(apr_bytes(), 126, 7),
        "APR-PAD at byte 126: the padding after the metadata must be zeros, got 7",
    ),
    "index-padding": (
        poked(apr_bytes([X]), 190, 7),
        "APR-PAD at byte 190: the padding after the index must be zeros, got 7",
    ),
    "name-empty": (
        apr_bytes([changed(W, name="")]),
        "APR-NAME at byte 128: a tensor name must have 1 to 256 bytes, got 0",
    ),
    "name-long": (
        apr_bytes([changed(W, name="n" * 257)]),
        "APR-NAME at byte 128: a tensor name must have 1 to 256 bytes, got 257",
    ),
    "name-nul": (
        apr_bytes([changed(W, name="a\0")]),
        "APR-NAME at byte 130: a tensor name must have no NUL, got 'a\\x00'",
    ),
    "name-utf8": (apr_bytes([changed(W, name=b"ab\xff")]), "APR-UTF8 at byte 132: a tensor name must be UTF-8"),
    "name-twice": (apr_bytes([X, X]), "APR-ORDER at byte 157: tensor 'x' stands twice"),
    "not-sorted": (
        apr_bytes([X, W]),
        "APR-ORDER at byte 157: tensor 'w' stands after 'x': names must be sorted",
    ),
    "entry-cut": (
        apr_bytes([W], index=entry(changed(W, name="y" * 31), 0)[:64]),
        f"APR-TRUNC at byte 179: the place of tensor '{'y' * 31}' needs 16 bytes, but the index ends after 13",
    ),
    "name-cut": (
        apr_bytes([W], index=entry(changed(W, name="y" * 63), 0)[:64]),
        "APR-TRUNC at byte 130: a tensor name needs 63 bytes, but the index ends after 62",
    ),
    "length-cut": (
        apr_bytes([W, X], index=entry(changed(W, name="y" * 27), 0)),
        "APR-TRUNC at byte 191: the length of a tensor name needs 2 bytes, but the index ends after 1",
    ),
    "type-of-ggml": (
        apr_bytes([changed(W, kind=2)]),
        "APR-QTYPE at byte 131: the type of tensor 'w' is 2, which is unknown",
    ),
    "type": (
        apr_bytes([changed(W, kind=130)]),
        "APR-QTYPE at byte 131: the type of tensor 'w' is 130, which is unknown",
    ),
    "rank-9": (
        apr_bytes([changed(X, dims=(1,) * 9)]),
        "APR-NDIMS at byte 132: tensor 'x' must have 0 to 8 dimensions, got 9",
    ),
    "block-without-a-row": (
        apr_bytes([changed(W, dims=())]),
        "APR-NDIMS at byte 132: tensor 'w' must have 1 to 8 dimensions, got 0",
    ),
    "dim-0": (
        apr_bytes([changed(W, dims=(2, 0))]),
        "APR-DIM at byte 141: a dimension of tensor 'w' must be from 1 to 2**63 - 1, got 0",
    ),
    "dim-negative": (
        apr_bytes([changed(X, dims=(2**63,))]),
        "APR-DIM at byte 133: a dimension of tensor 'x' must be from 1 to 2**63 - 1, got 9223372036854775808",
    ),
    "product-wraps": (
        apr_bytes([changed(X, dims=(2**32, 2**32), kind=128)]),
        "APR-DIMOVF at byte 133: tensor 'x' must have fewer than 2**63 elements and bytes, got 18446744073709551616",
    ),
    "bytes-wrap": (
        apr_bytes([changed(X, dims=(2**62,))]),
        "APR-DIMOVF at byte 133: tensor 'x' must have fewer than 2**63 elements and bytes, got 4611686018427387904",
    ),
    "size": (
        apr_bytes([changed(W, size=287)]),
        "APR-SIZE at byte 157: the size of tensor 'w' must be 288 for 2 x 256 Q4_K, got 287",
    ),
    "size-of-a-scalar": (
        apr_bytes([changed(X, dims=())]),
        "APR-SIZE at byte 141: the size of tensor 'x' must be 4 for one number of F32, got 12",
    ),
    "offset-misaligned": (
        apr_bytes([changed(W, offset=32)]),
        "APR-ALIGN at byte 149: the offset of tensor 'w' must be a multiple of 64, got 32",
    ),
    "past-the-end": (
        apr_bytes([changed(W, offset=64)]),
        "APR-BOUNDS at byte 149: tensor 'w' ends at byte 544, but the checksum of the file is at 512",
    ),
    "weights-cut": (
        with_trailer(apr_bytes([W])[:-68]),
        "APR-BOUNDS at byte 149: tensor 'w' ends at byte 480, but the checksum of the file is at 448",
    ),
    "offset-wraps": (
        apr_bytes([changed(W, offset=2**64 - 64)]),
        "APR-BOUNDS at byte 149: tensor 'w' ends at byte 18446744073709552032, but the checksum of the file is at 512",
    ),
    "overlap": (
        apr_bytes([W, changed(X, offset=256)]),
        "APR-OVERLAP at byte 178: the offset of tensor 'x' must be 320, got 256: bytes shared",
    ),
    "gap": (
        apr_bytes([X, changed(W, name="y", data=W.data, offset=128)], between=bytes(64)),
        "APR-GAP at byte 178: the offset of tensor 'y' must be 64, got 128: bytes unexplained",
    ),
    "trailing": (
        apr_bytes([W], between=bytes(64)),
        "APR-TRAIL at byte 516: the file must end at byte 516, after the last padding and the checksum, got 580",
    ),
    "no-last-padding": (
        with_trailer(apr_bytes([W])[:-5]),
        "APR-BOUNDS at byte 515: the file must end at byte 516, after the last padding and the checksum, got 515",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_rule_has_its_message(case):
    """A broken file is refused with its path, the rule, the byte, what must be and what is."""
    data, text = BROKEN[case]

    with opened(data) as source, pytest.raises(ModelFileError) as caught:
        AprFile.open(source)

    assert str(caught.value) == f"{source.path}: {text}"
    assert text.startswith(f"{caught.value.code} at byte {caught.value.at}: ")


SOUND = apr_bytes(
    [W, changed(X, name="ä"), AprTensor(name="ö", dims=(1,), kind=129, data=b"12345")],
    {"model_type": "test", "n": [1, {"a": None}]},
    order=[1, 0, 2],
)
DATA = struct.unpack_from("<Q", SOUND, 32)[0]
END = len(SOUND) - 4


def whole_error(data):
    """Return the error of a file of which only all bytes show that it is not sound."""
    with opened(data) as source:
        file = AprFile.open(source)
        with pytest.raises(ModelFileError) as caught:
            file.check_whole()
    return caught.value


@pytest.mark.parametrize("at", [DATA + 12, DATA + 63, DATA + 64 + 288, END - 1])
def test_padding_between_tensors_is_zeros(at):
    """A byte there is found where the whole file is read, even with a checksum that fits."""
    error = whole_error(poked(SOUND, at, 9))

    assert str(error).endswith(f"APR-PAD at byte {at}: the padding after a tensor must be zeros, got 9")
    assert (error.code, error.at) == ("APR-PAD", at)


def test_the_checksum_is_held_where_all_is_read():
    """A changed weight opens, and is refused by the check of the whole file."""
    damaged = SOUND[: DATA + 70] + b"\1" + SOUND[DATA + 71 :]

    error = whole_error(damaged)

    found, told = zlib.crc32(damaged[:-4]), struct.unpack("<I", SOUND[-4:])[0]
    text = f"the CRC-32 of the file must be {found:#010x}, as its bytes have it, got {told:#010x}"
    assert str(error).endswith(f"APR-CHECKSUM at byte {END}: {text}")


def test_the_checksum_does_not_depend_on_pieces(monkeypatch):
    """It is computed piece by piece, whatever the size of a piece."""
    monkeypatch.setattr("pvcheck_q4k.apr_file.PIECE", 7)

    assert len(checked(SOUND)) == 3


def test_any_changed_byte_is_refused_or_leaves_the_tensors():
    """Before the index no change passes but in a name or value of the metadata; all of them meet the last checksum."""
    sound = checked(SOUND)
    header = [info for info, _ in sound.values()]

    with opened(SOUND) as source:
        path = Path(source.path)
        for at in range(len(SOUND)):
            for mask in (1, 0x80, 0xFF):
                damaged = bytearray(SOUND)
                damaged[at] ^= mask
                with path.open("r+b") as file:
                    file.write(damaged)
                try:
                    opened_anyway = AprFile.open(source)
                except ModelFileError:
                    continue
                assert at >= 64
                if not 64 + 64 <= at < DATA:  # an index has no checksum of its own: another name is another tensor
                    assert list(opened_anyway.tensors.values()) == header
                with pytest.raises(ModelFileError, match=r"APR-(CHECKSUM|PAD)"):
                    opened_anyway.check_whole()


def test_every_truncation_is_refused():
    """No prefix of a sound file is a file."""
    for size in range(len(SOUND)):
        with opened(SOUND[:size]) as source, pytest.raises(ModelFileError):
            AprFile.open(source)


@given(
    flips=st.lists(st.tuples(st.integers(0, DATA - 1), st.integers(1, 255)), min_size=1, max_size=4),
    cut=st.integers(0, len(SOUND)) | st.just(len(SOUND)),
)
@settings(max_examples=300, deadline=1000)
def test_any_damage_is_an_error_or_a_file(flips, cut):
    """Law: with a header that has its checksum set right, damage gives a ModelFileError or tensors inside the file."""
    damaged = bytearray(SOUND)
    for at, mask in flips:
        damaged[at] ^= mask
    damaged[40:44] = struct.pack("<I", zlib.crc32(damaged[44:64], zlib.crc32(damaged[:40])))

    with opened(bytes(damaged[:cut])) as source, contextlib.suppress(ModelFileError):
        for name, tensor in AprFile.open(source).tensors.items():
            assert DATA <= tensor.offset <= tensor.offset + tensor.size <= source.size - 4, name


LARGE = 16 * 1024 * 1024
HEAVY = {
    "a long string": b'{"a":"' + b"x" * (LARGE - 8) + b'"}',
    "quotes": b'{"a":"' + b'\\"' * (LARGE // 2 - 4) + b'"}',
    "no last quote": b'{"a":"' + b'\\"' * (LARGE // 2 - 4),
    "brackets": b"[" * LARGE,
    "arrays": b'{"a":[' + b"[]," * (LARGE // 3 - 4) + b"0]}",
    "empty arrays": b'{"a":[' + b"[]," * 524_000 + b"0]}",
    "objects": b'{"a":[' + b'{"b":0},' * 349_000 + b"0]}",
    "strings": b'{"a":[' + b'"abcdefghijkl",' * 1_040_000 + b"0]}",
    "digits": b'{"a":[' + b"9" * (LARGE - 10) + b"]}",
    "fractions": b'{"a":[' + b"0." + b"3" * (LARGE - 12) + b"]}",
    "keys": json.dumps({f"k{n}": n for n in range(400_000)}).encode(),
    "spaces": b"{" + b" " * (LARGE - 2) + b"}",
}


def once(data):
    """Open bytes, sound or not, and return the seconds of processor time that takes while nothing traces."""
    with opened(data) as source:
        tracer = sys.gettrace()
        sys.settrace(None)
        began = time.process_time()
        with contextlib.suppress(ModelFileError):
            AprFile.open(source)
        seconds = time.process_time() - began
        sys.settrace(tracer)
        return seconds


@pytest.mark.parametrize("case", HEAVY)
def test_metadata_of_any_kind_is_quick(case):
    """Metadata of up to 16 MiB takes less than a second, whatever is in it."""
    data = apr_bytes(metadata=HEAVY[case])

    assert len(HEAVY[case]) <= LARGE
    assert min(once(data) for _ in range(2)) < 1


@pytest.mark.parametrize("case", ["a long string", "objects", "strings"])
def test_metadata_of_any_kind_is_small(case):
    """It takes less than 200 MB: a header cannot ask for any amount of memory."""
    data = apr_bytes(metadata=HEAVY[case])
    tracemalloc.start()

    once(data)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6


def test_the_largest_index_is_walked_in_a_second():
    """65,536 tensors, the most there may be."""
    tensors = [
        AprTensor(name=f"model.layers.{n:05d}.weight", dims=(1, 1), kind="F32", data=bytes(4)) for n in range(65_536)
    ]
    index = b"".join(entry(tensor, 64 * n) for n, tensor in enumerate(tensors))
    head = apr_bytes(index=index, count=65_536)[:-4]
    data = with_trailer(head + bytes(64 * 65_536))

    assert len(header_of(data).tensors) == 65_536
    assert min(once(data) for _ in range(2)) < 1


def test_foreign_text_is_escaped():
    """A name with control and bidi characters does not reach a terminal as it is."""
    with pytest.raises(ModelFileError) as caught:
        header_of(apr_bytes([changed(W, name="\x1b]0;x\x07\u202e", kind=77)]))

    assert "tensor '\\x1b]0;x\\x07\\u202e'" in str(caught.value)


def test_the_writer_pads():
    """The builder of these files, held against the format once: sections and tensors at multiples of 64."""
    assert len(apr_bytes([W, X])) == 64 + 64 + 128 + 320 + 64 + 4
    assert padded(b"a") == b"a" + bytes(63)
