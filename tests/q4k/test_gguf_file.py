"""The reader: what it opens as other readers do, and the rule that each broken header meets."""

import contextlib
import os
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.fixtures import entry, gguf_bytes, info, opened, string

from pvcheck.plugin import Source
from pvcheck_q4k import gguf_cursor
from pvcheck_q4k.gguf_file import ArrayInfo, GgufFile, ModelFileError
from pvcheck_q4k.tensor_types import REMOVED, TENSOR_TYPES


def header_of(data):
    """Open bytes and return the header."""
    with opened(data) as source:
        return GgufFile.open(source)


def test_the_type_table_is_that_of_gguf():
    """Numbers, names, block lengths and block bytes are those of the public package."""
    theirs = {int(kind): (int(kind), kind.name, *sizes) for kind, sizes in gguf.constants.GGML_QUANT_SIZES.items()}

    assert {number: tuple(kind) for number, kind in TENSOR_TYPES.items()} == theirs
    assert not set(REMOVED) & set(theirs)


def write_valid(path):
    """Write a valid file with the public writer; return the tensors by name."""
    rng = np.random.default_rng(3)
    tensors = {
        "token_embd.weight": rng.standard_normal((3, 64)).astype(np.float32),
        "blk.0.ffn_down.weight": gguf.quants.quantize(
            rng.standard_normal((5, 512)).astype(np.float32), gguf.GGMLQuantizationType.Q8_0
        ),
        "half": rng.standard_normal((2, 3, 4, 5)).astype(np.float16),
        "odd": rng.standard_normal(7).astype(np.float32),
    }
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint8("a.u8", 200)
    writer.add_int8("a.i8", -7)
    writer.add_uint64("a.u64", 2**64 - 1)
    writer.add_int64("a.i64", -(2**63))
    writer.add_float64("a.f64", 0.1)
    writer.add_float32("a.f32", 0.5)
    writer.add_bool("a.yes", val=True)
    writer.add_string("a.text", "grün \x1b[31m")
    writer.add_token_list([f"token{n}" for n in range(3000)])
    writer.add_token_scores([0.5] * 3000)
    writer.add_array("a.bools", [True, False, True])
    for name, values in tensors.items():
        kind = gguf.GGMLQuantizationType.Q8_0 if values.dtype == np.uint8 else None
        writer.add_tensor(name, values, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def test_a_valid_file_opens_as_with_the_public_reader(tmp_path):
    """The same tensors at the same places with the same bytes, and the same metadata."""
    path = tmp_path / "valid.gguf"
    tensors = write_valid(path)
    theirs = gguf.GGUFReader(path)

    with Source(str(path)) as source:
        file = GgufFile.open(source)
        read = {name: bytes(file.bytes_of(name, 0, tensor.size)) for name, tensor in file.tensors.items()}

    assert [(t.name, list(t.dims), t.type.number, t.offset, t.size) for t in file.tensors.values()] == [
        (t.name, list(t.shape), int(t.tensor_type), t.data_offset, t.n_bytes) for t in theirs.tensors
    ]
    assert read == {name: values.tobytes() for name, values in tensors.items()}
    assert file.version == 3
    assert dict(file.metadata) == {
        "general.architecture": "llama",
        "a.u8": 200,
        "a.i8": -7,
        "a.u64": 2**64 - 1,
        "a.i64": -(2**63),
        "a.f64": 0.1,
        "a.f32": 0.5,
        "a.yes": True,
        "a.text": "grün \x1b[31m",
        "tokenizer.ggml.tokens": ArrayInfo("string", 3000),
        "tokenizer.ggml.scores": ArrayInfo("f32", 3000),
        "a.bools": ArrayInfo("bool", 3),
    }


def test_bytes_of_stays_inside_the_tensor():
    """A range outside the tensor and an unknown name are refused, even where the file goes on."""
    data = bytes(range(256)) * 2 + bytes(64)
    with opened(gguf_bytes(infos=[info(), info("u", (256, 2), 12, 288)], data=data)) as source:
        file = GgufFile.open(source)

        assert bytes(file.bytes_of("t", 1, 3)) == b"\1\2\3"
        for offset, size in ((-1, 2), (0, -1), (0, 289), (288, 1)):
            with pytest.raises(ValueError, match="of a tensor of 288"):
                file.bytes_of("t", offset, size)
        with pytest.raises(KeyError):
            file.bytes_of("missing", 0, 1)


def test_the_header_alone_is_read():
    """Opening reads up to the 4 KiB after the header, whatever follows."""
    rows = 1000
    with opened(gguf_bytes(infos=[info(dims=(256, rows))], data=bytes(144 * rows))) as source:
        GgufFile.open(source)

        assert source.ranges() == ((0, 4096),)


def test_no_tensors_and_no_padding_is_a_file():
    """A header without tensors may end where it ends."""
    assert not header_of(gguf_bytes(align=1)).tensors


def test_version_2_is_read():
    """Version 2 differs in nothing that is read."""
    assert header_of(gguf_bytes(start=b"GGUF\2\0\0\0")).version == 2


def test_the_last_tensor_may_lack_its_padding():
    """A file ends after the last tensor's bytes or after their padding, and nowhere else."""
    infos = [info(dims=(8,), kind=24)]

    for size in (8, 32):
        assert header_of(gguf_bytes(infos=infos, data=bytes(size))).tensors["t"].size == 8
    with pytest.raises(ModelFileError, match="GGUF-TRAIL"):
        header_of(gguf_bytes(infos=infos, data=bytes(33)))


def test_alignment_moves_the_data():
    """The data starts at the next multiple of general.alignment, and offsets keep to it."""
    entries = [entry("general.alignment", 4, struct.pack("<I", 64))]
    infos = [info("a", (8,), 24), info("b", (8,), 24, 64)]

    file = header_of(gguf_bytes(entries, infos, bytes(72), align=64))

    assert file.tensors["a"].offset % 64 == 0
    assert file.tensors["b"].offset == file.tensors["a"].offset + 64


U32_ONE = struct.pack("<I", 1)
BLOCK = bytes(288)
TWO = [info("a", (8,), 24, 0), info("b", (8,), 24, 32)]


def array(kind, count, payload=b""):
    """Return the payload of an array entry."""
    return struct.pack("<IQ", kind, count) + payload


BROKEN = {
    "empty": (b"", "GGUF-TRUNC at byte 0: the magic needs 4 bytes, but the file ends after 0"),
    "short": (b"GGUF\3\0", "GGUF-TRUNC at byte 4: the version needs 4 bytes, but the file ends after 2"),
    "magic": (b"PK\3\4" + bytes(60), "GGUF-MAGIC at byte 0: the file must start with \"GGUF\", got b'PK\\x03\\x04'"),
    "version": (gguf_bytes(start=b"GGUF\4\0\0\0"), "GGUF-VERSION at byte 4: version must be 2 or 3, got 4"),
    "big-endian": (
        gguf_bytes(start=b"GGUF\0\0\0\3"),
        "GGUF-VERSION at byte 4: version must be 2 or 3, got 50331648 (a big-endian file, which is not read)",
    ),
    "tensors-cap": (
        gguf_bytes(counts=(2**63, 0)),
        "GGUF-NTENSORS at byte 8: there must be at most 65536 tensors, got 9223372036854775808",
    ),
    "tensors-left": (
        gguf_bytes(counts=(1, 0), align=1),
        "GGUF-NTENSORS at byte 8: 1 tensors need 33 bytes or more, but 0 are left",
    ),
    "entries-cap": (
        gguf_bytes(counts=(0, 65537)),
        "GGUF-NKV at byte 16: there must be at most 65536 metadata entries, got 65537",
    ),
    "entries-left": (
        gguf_bytes(counts=(0, 1), align=1),
        "GGUF-NKV at byte 16: 1 metadata entries need 14 bytes or more, but 0 are left",
    ),
    "key-empty": (
        gguf_bytes([entry("", 4, U32_ONE)]),
        "GGUF-KEY at byte 24: a metadata key must have characters and no NUL, got ''",
    ),
    "key-nul": (
        gguf_bytes([entry("a\0b", 4, U32_ONE)]),
        "GGUF-KEY at byte 24: a metadata key must have characters and no NUL, got 'a\\x00b'",
    ),
    "key-long": (
        gguf_bytes([entry("k" * 65_536, 4, U32_ONE)]),
        "GGUF-STRLEN at byte 24: a metadata key must have at most 65535 bytes, got 65536",
    ),
    "key-past-the-end": (
        gguf_bytes([struct.pack("<Q", 1000) + bytes(20)], align=1),
        "GGUF-STRLEN at byte 24: a metadata key has 1000 bytes, but the file ends after 20",
    ),
    "key-utf8": (gguf_bytes([entry(b"ab\xff", 4, U32_ONE)]), "GGUF-UTF8 at byte 34: a metadata key must be UTF-8"),
    "key-twice": (
        gguf_bytes([entry("k", 4, U32_ONE), entry("k", 4, U32_ONE)]),
        "GGUF-DUPKEY at byte 41: metadata key 'k' stands twice",
    ),
    "type": (gguf_bytes([entry("k", 13, U32_ONE)]), "GGUF-TYPE at byte 33: the type of 'k' must be 0 to 12, got 13"),
    "bool": (gguf_bytes([entry("k", 7, b"\2")]), "GGUF-BOOL at byte 37: the value of 'k' must be a byte 0 or 1, got 2"),
    "text-long": (
        gguf_bytes([entry("k", 8, struct.pack("<Q", 2**24 + 1) + bytes(8))]),
        "GGUF-STRLEN at byte 37: the value of 'k' must have at most 16777216 bytes, got 16777217",
    ),
    "text-utf8": (
        gguf_bytes([entry("k", 8, string(b"\xc0\xaf"))]),
        "GGUF-UTF8 at byte 45: the value of 'k' must be UTF-8",
    ),
    "array-of-arrays": (
        gguf_bytes([entry("k", 9, array(9, 1, bytes(12)))]),
        "GGUF-ARRTYPE at byte 37: the item type of the value of 'k' must be a number, bool or string, got array",
    ),
    "array-type": (
        gguf_bytes([entry("k", 9, array(99, 1, bytes(12)))]),
        "GGUF-ARRTYPE at byte 37: the item type of the value of 'k' must be a number, bool or string, got 99",
    ),
    "array-long": (
        gguf_bytes([entry("k", 9, array(0, 2**24 + 1))]),
        "GGUF-ARRLEN at byte 41: the value of 'k' must have at most 16777216 items, got 16777217",
    ),
    "array-past-the-end": (
        gguf_bytes([entry("k", 9, array(6, 9, bytes(35)))], align=1),
        "GGUF-TRUNC at byte 49: the value of 'k' needs 36 bytes, but the file ends after 35",
    ),
    "array-bool": (
        gguf_bytes([entry("k", 9, array(7, 4, b"\0\1\3\0"))]),
        "GGUF-BOOL at byte 51: the value of 'k' must hold bytes 0 and 1, got 3",
    ),
    "strings-too-many": (
        gguf_bytes([entry("k", 9, array(8, 1_000_000))]),
        "GGUF-TRUNC at byte 49: the value of 'k' needs 8000000 bytes, but the file ends after 15",
    ),
    "strings-too-long": (
        gguf_bytes([entry("k", 9, array(8, 1, struct.pack("<Q", 2**64 - 1)))]),
        (
            "GGUF-STRLEN at byte 49: a string of the value of 'k' must have at most 16777216 bytes, "
            "got 18446744073709551615"
        ),
    ),
    "strings-past-the-end": (
        gguf_bytes([entry("k", 9, array(8, 2, string("ok") + struct.pack("<Q", 1)))], align=1),
        "GGUF-STRLEN at byte 59: a string of the value of 'k' runs past the end of the file",
    ),
    "alignment-3": (
        gguf_bytes([entry("general.alignment", 4, struct.pack("<I", 3))]),
        "GGUF-ALIGN at byte 49: general.alignment must be a u32, a power of two from 8 to 65536, got 3",
    ),
    "alignment-type": (
        gguf_bytes([entry("general.alignment", 10, struct.pack("<Q", 32))]),
        (
            "GGUF-ALIGN at byte 49: general.alignment must be a u32, a power of two from 8 to 65536, "
            "got a value of type u64"
        ),
    ),
    "name-empty": (
        gguf_bytes(infos=[info(""), info("pad")], data=BLOCK),
        "GGUF-NAME at byte 24: a tensor name must have characters and no NUL, got ''",
    ),
    "name-long": (
        gguf_bytes(infos=[info("n" * 64)], data=BLOCK),
        "GGUF-NAME at byte 24: a tensor name must have at most 63 bytes, got 64",
    ),
    "name-nul": (
        gguf_bytes(infos=[info("a\0")], data=BLOCK),
        "GGUF-NAME at byte 24: a tensor name must have characters and no NUL, got 'a\\x00'",
    ),
    "name-twice": (
        gguf_bytes(infos=[info("a", (8,), 24), info("a", (8,), 24, 32)], data=bytes(64)),
        "GGUF-DUPTENSOR at byte 57: tensor 'a' stands twice",
    ),
    "rank-0": (
        gguf_bytes(infos=[info(dims=()) + bytes(8)], data=BLOCK),
        "GGUF-NDIMS at byte 33: tensor 't' must have 1 to 4 dimensions, got 0",
    ),
    "rank-5": (
        gguf_bytes(infos=[info(dims=(256, 1, 1, 1, 1))], data=BLOCK),
        "GGUF-NDIMS at byte 33: tensor 't' must have 1 to 4 dimensions, got 5",
    ),
    "dim-0": (
        gguf_bytes(infos=[info(dims=(256, 0))], data=BLOCK),
        "GGUF-DIM at byte 45: a dimension of tensor 't' must be from 1 to 2**63 - 1, got 0",
    ),
    "dim-negative": (
        gguf_bytes(infos=[info(dims=(2**63,), kind=24)], data=BLOCK),
        "GGUF-DIM at byte 37: a dimension of tensor 't' must be from 1 to 2**63 - 1, got 9223372036854775808",
    ),
    "product-wraps": (
        gguf_bytes(infos=[info(dims=(2**32, 2**32), kind=24)], data=BLOCK),
        "GGUF-DIMOVF at byte 37: tensor 't' must have fewer than 2**63 elements and bytes, got 18446744073709551616",
    ),
    "bytes-wrap": (
        gguf_bytes(infos=[info(dims=(2**62,), kind=28)], data=BLOCK),
        "GGUF-DIMOVF at byte 37: tensor 't' must have fewer than 2**63 elements and bytes, got 4611686018427387904",
    ),
    "type-removed": (
        gguf_bytes(infos=[info(kind=4)], data=BLOCK),
        "GGUF-QTYPE at byte 53: the type of tensor 't' is Q4_2, which was removed from ggml",
    ),
    "type-unknown": (
        gguf_bytes(infos=[info(kind=999)], data=BLOCK),
        "GGUF-QTYPE at byte 53: the type of tensor 't' is 999, which is unknown",
    ),
    "row-splits-a-block": (
        gguf_bytes(infos=[info(dims=(128, 2))], data=BLOCK),
        "GGUF-BLOCK at byte 37: the row length of tensor 't' must be a multiple of 256 for Q4_K, got 128",
    ),
    "offset-misaligned": (
        gguf_bytes(infos=[info("a", (8,), 24, 0), info("b", (8,), 24, 8)], data=bytes(64)),
        "GGUF-ALIGN at byte 82: the offset of tensor 'b' must be a multiple of 32, got 8",
    ),
    "past-the-end": (
        gguf_bytes(infos=[info()], data=BLOCK[1:]),
        "GGUF-BOUNDS at byte 57: tensor 't' ends at byte 384, but the file has 383",
    ),
    "offset-wraps": (
        gguf_bytes(infos=[info(offset=2**64 - 32)], data=BLOCK),
        "GGUF-BOUNDS at byte 57: tensor 't' ends at byte 18446744073709551968, but the file has 384",
    ),
    "overlap": (
        gguf_bytes(infos=[info("a", (64,), 24), info("b", (8,), 24, 32)], data=bytes(64)),
        "GGUF-OVERLAP at byte 82: the offset of tensor 'b' must be 64, got 32: bytes shared",
    ),
    "gap": (
        gguf_bytes(infos=[info("a", (8,), 24), info("b", (8,), 24, 64)], data=bytes(96)),
        "GGUF-GAP at byte 82: the offset of tensor 'b' must be 32, got 64: bytes unexplained",
    ),
    "descending": (
        gguf_bytes(infos=TWO[::-1], data=bytes(64)),
        "GGUF-GAP at byte 49: the offset of tensor 'b' must be 0, got 32: bytes unexplained",
    ),
    "trailing": (
        gguf_bytes(infos=TWO, data=bytes(65)),
        "GGUF-TRAIL at byte 160: 1 bytes stand after the last tensor and its padding",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_rule_has_its_message(case):
    """A broken header is refused with the file, the rule, the byte, what must be and what is."""
    data, text = BROKEN[case]

    with opened(data) as source, pytest.raises(ModelFileError) as caught:
        GgufFile.open(source)

    assert str(caught.value) == f"{source.path}: {text}"
    assert text.startswith(f"{caught.value.code} at byte {caught.value.at}: ")


def test_foreign_text_is_escaped_and_cut():
    """Control, bidi and invisible characters do not reach a terminal; long names are cut."""
    assert gguf_cursor.escaped("a\x1b[31m\u202e\u200b\n") == "a\\x1b[31m\\u202e\\u200b\\n"
    assert gguf_cursor.escaped("x" * 121) == "x" * 120 + "..."
    with pytest.raises(ModelFileError) as caught:
        header_of(gguf_bytes([entry("\x1b]0;x\x07", 99, U32_ONE)]))
    assert str(caught.value).isprintable()


SOUND = gguf_bytes(
    [
        entry("general.architecture", 8, string("llama")),
        entry("tokenizer.tokens", 9, array(8, 3, string("a") + string("") + string("bcd"))),
        entry("flags", 9, array(7, 2, b"\0\1")),
        entry("scores", 9, array(6, 2, bytes(8))),
    ],
    [info("blk.0.weight", (256, 2), 12, 0), info("b", (4, 2, 1), 0, 288)],
    bytes(288 + 32),
)
HEADER = len(SOUND) - 288 - 32


@given(
    flips=st.lists(st.tuples(st.integers(0, HEADER - 1), st.integers(1, 255)), min_size=1, max_size=3),
    cut=st.integers(0, len(SOUND)) | st.just(len(SOUND)),
)
@settings(max_examples=400, deadline=1000)
def test_any_damage_to_the_header_is_an_error_or_a_file(flips, cut):
    """Law: flipped bytes and truncation give a ModelFileError or a header inside the file, and nothing else."""
    damaged = bytearray(SOUND)
    for at, mask in flips:
        damaged[at] ^= mask

    with opened(bytes(damaged[:cut])) as source, contextlib.suppress(ModelFileError):
        for name, tensor in GgufFile.open(source).tensors.items():
            assert 0 < tensor.offset <= tensor.offset + tensor.size <= source.size, name


def test_every_truncation_is_refused():
    """No prefix of a sound file is a file, but for the padding that the last tensor has none of."""
    assert header_of(SOUND).tensors
    for size in range(len(SOUND)):
        with opened(SOUND[:size]) as source, pytest.raises(ModelFileError):
            GgufFile.open(source)


def test_a_million_strings_in_several_windows():
    """A vocabulary is walked over window by window, wherever the borders fall."""
    texts = [b"x" * (n % 41) for n in range(30_000)]
    payload = array(8, len(texts), b"".join(map(string, texts)))

    file = header_of(gguf_bytes([entry("k", 9, payload), entry("after", 4, U32_ONE)]))

    assert dict(file.metadata) == {"k": ArrayInfo("string", 30_000), "after": 1}


HOSTILE = os.environ.get("PVCHECK_HOSTILE", "")


def hostile_rows():
    """Return the rows of the manifest that are GGUF files, or one row that skips."""
    if not HOSTILE:
        return [pytest.param(None, "", "", marks=pytest.mark.skip(reason="PVCHECK_HOSTILE names no folder"))]
    lines = Path(HOSTILE, "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines if line.startswith("gguf/")]
    return [pytest.param(Path(HOSTILE, row[0]), row[3], row[4], id=row[0]) for row in rows]


DEBATED = {
    "arr_nested_fan.gguf": "GGUF-ARRTYPE",  # an array of arrays is refused before its length is looked at
}


@pytest.mark.parametrize(("path", "expected", "rule"), hostile_rows())
def test_hostile_files_are_refused_by_their_rule(path, expected, rule):
    """A row that must be refused is, by the rule it names; a sound header opens."""
    with Source(str(path)) as source:
        if expected.startswith("accept") and expected != "accept-or-reject":
            assert GgufFile.open(source).version in {2, 3}
            return
        with pytest.raises(ModelFileError) as caught:
            GgufFile.open(source)

    code = caught.value.code
    assert code == DEBATED.get(path.name, rule) or expected == "accept-or-reject"
