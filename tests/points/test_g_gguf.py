"""Points 90 to 105: model files. Whatever a header claims, it is refused by one rule at one byte, at once."""

from __future__ import annotations

import os
import random
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from q4k.fixtures import entry, gguf_bytes, info, opened, string

from pvcheck.domain.status import Outcome
from pvcheck.plugin import Source
from pvcheck_q4k.gguf_file import GgufFile, ModelFileError

U32, U64 = struct.Struct("<I"), struct.Struct("<Q")
DATA = bytes(288)
"""The bytes of the tensor that ``info()`` describes."""
HOSTILE = os.environ.get("PVCHECK_HOSTILE", "")
CASES = int(os.environ.get("PVCHECK_GGUF_CASES", "0"))
"""How many damaged files beyond the usual ones are tried."""


def with_info(*infos, data=DATA):
    """Return a file with these tensors."""
    return gguf_bytes(infos=infos, data=data)


def with_value(kind, payload, key="k"):
    """Return a file with one metadata entry."""
    return gguf_bytes([entry(key, kind, payload)])


def with_rank(rank, dims=(256, 2)):
    """Return a file whose tensor says it has so many dimensions."""
    shape = U32.pack(rank) + b"".join(map(U64.pack, dims))
    return gguf_bytes(infos=[string("t") + shape + struct.pack("<IQ", 12, 0)], data=DATA)


def array(kind, count, payload=b""):
    """Return the payload of an array."""
    return struct.pack("<IQ", kind, count) + payload


def nested(depth):
    """Return an array of an array, and so on."""
    return array(9, 1) * depth + array(0, 0)


def text(length, payload=b""):
    """Return a string that says how long it is."""
    return U64.pack(length) + payload


HTML = b"<!DOCTYPE html><html><body>404</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
SOUND = with_info(info())
BEHIND = gguf_bytes([entry("k", 4, U32.pack(1))], [info()], DATA)
HALVES = [info("a", (8,), 24), info("b", (8,), 24, 32)]

REFUSED = {
    90: {
        "empty": (b"", "TRUNC", 0),
        **{
            f"{size}-bytes": (SOUND[:size], "TRUNC", size // 4 * 4 if size < 8 else 8 + (size - 8) // 8 * 8)
            for size in range(1, 24)
        },
        "ggml": (b"GGML" + SOUND[4:], "MAGIC", 0),
        "zip": (b"PK\3\4" + bytes(60), "MAGIC", 0),
        "pointer": (POINTER, "MAGIC", 0),
        "html": (HTML, "MAGIC", 0),
        "byte-order-mark": (b"\xef\xbb\xbf" + SOUND, "MAGIC", 0),
    },
    91: {
        **{
            f"{number}": (gguf_bytes(start=b"GGUF" + U32.pack(number)), "VERSION", 4)
            for number in (0, 1, 4, 2**31 - 1, 2**32 - 1)
        },
        "big-endian": (gguf_bytes(start=b"GGUF\0\0\0\3"), "VERSION", 4),
    },
    92: {
        **{
            f"{number}-tensors": (gguf_bytes(counts=(number, 0), data=DATA), "NTENSORS", 8)
            for number in (2**64 - 1, 2**63, 10**8)
        },
        **{
            f"{number}-entries": (gguf_bytes(counts=(0, number), data=DATA), "NKV", 16)
            for number in (2**64 - 1, 2**63, 10**8)
        },
        "one-tensor-more": (gguf_bytes(infos=[info()], counts=(2, 0), data=DATA), "NAME", 65),
        "one-tensor-less": (gguf_bytes(infos=[info()], counts=(0, 0), data=DATA), "TRAIL", 32),
        "one-entry-more": (gguf_bytes(infos=[info()], counts=(1, 1), data=DATA), "NAME", 39),
        "one-entry-less": (gguf_bytes([entry("k", 4, U32.pack(1))], [info()], DATA, counts=(1, 0)), "QTYPE", 69),
    },
    93: {
        **{
            f"key-of-{name}": (gguf_bytes([text(size) + bytes(9)], align=1), "STRLEN", 24)
            for name, size in (("2e64", 2**64 - 1), ("2e40", 2**40), ("1-gib", 2**30), ("10-past-the-end", 19))
        },
        **{
            f"text-of-{name}": (with_value(8, text(size)), "STRLEN", 37)
            for name, size in (("2e64", 2**64 - 1), ("2e40", 2**40), ("1-gib", 2**30), ("past-the-end", 1000))
        },
        **{
            f"name-of-{name}": (with_info(text(size) + bytes(48)), "NAME", 24)
            for name, size in (("2e64", 2**64 - 1), ("2e40", 2**40), ("1-gib", 2**30), ("64", 64))
        },
        "name-past-the-end": (gguf_bytes(infos=[text(60) + bytes(25)], align=1), "STRLEN", 24),
        "key-empty": (with_value(4, U32.pack(1), ""), "KEY", 24),
        "name-empty": (with_info(info("")), "NAME", 24),
        "key-not-utf8": (with_value(4, U32.pack(1), b"k\xff"), "UTF8", 33),
        "text-not-utf8": (with_value(8, string(b"\xed\xa0\x80")), "UTF8", 45),
        "name-not-utf8": (with_info(info(b"t\xff")), "UTF8", 33),
        "key-nul": (with_value(4, U32.pack(1), "k\0"), "KEY", 24),
        "name-nul": (with_info(info("t\0")), "NAME", 24),
        "key-twice": (gguf_bytes([entry("k", 4, U32.pack(1)), entry("k", 4, U32.pack(2))]), "DUPKEY", 41),
        "name-twice": (with_info(info(), info(offset=288), data=DATA * 2), "DUPTENSOR", 65),
    },
    94: {
        "type-99": (with_value(99, bytes(8)), "TYPE", 33),
        "type-minus-1": (with_value(2**32 - 1, bytes(8)), "TYPE", 33),
        "bool-2": (with_value(7, b"\2"), "BOOL", 37),
        "array-of-type-99": (with_value(9, array(99, 1, bytes(8))), "ARRTYPE", 37),
        "array-of-array": (with_value(9, nested(1)), "ARRTYPE", 37),
        "3000-deep": (with_value(9, nested(3000)), "ARRTYPE", 37),
        "length-2e63": (with_value(9, array(0, 2**63)), "ARRLEN", 41),
        "length-2e62-of-8": (with_value(9, array(12, 2**62)), "ARRLEN", 41),
        "length-2e30": (with_value(9, array(6, 2**30)), "ARRLEN", 41),
        "length-past-the-end": (with_value(9, array(6, 2**24)), "TRUNC", 49),
        "texts-past-the-end": (with_value(9, array(8, 2**24)), "TRUNC", 49),
    },
    95: {
        **{
            f"{number}": (with_value(4, U32.pack(number), "general.alignment"), "ALIGN", 49)
            for number in (0, 1, 3, 7, 2**31)
        },
        "u64": (with_value(10, U64.pack(32), "general.alignment"), "ALIGN", 49),
        "text": (with_value(8, string("32"), "general.alignment"), "ALIGN", 49),
        "array": (with_value(9, array(4, 1, U32.pack(32)), "general.alignment"), "ALIGN", 49),
        "twice": (gguf_bytes([entry("general.alignment", 4, U32.pack(each)) for each in (32, 64)]), "DUPKEY", 57),
    },
    96: {
        **{f"{rank}-dimensions": (with_rank(rank), "NDIMS", 33) for rank in (0, 5, 9, 2**32 - 1)},
        **{f"dimension-{dim}": (with_info(info(dims=(256, dim))), "DIM", 45) for dim in (0, 2**63, 2**64 - 1)},
        "product-2e64": (with_info(info(dims=(2**32, 2**32), kind=0)), "DIMOVF", 37),
        "product-4-of-2e64": (with_info(info(dims=(4194305, 4194305, 211106198978564), kind=24)), "DIMOVF", 37),
        "bytes-2e64": (with_info(info(dims=(2**62,), kind=28)), "DIMOVF", 37),
        "type-times-count": (with_info(info(dims=(2**62,), kind=8)), "BOUNDS", 49),
        "more-than-the-file": (with_info(info(dims=(256, 2**20))), "BOUNDS", 57),
    },
    97: {
        **{f"removed-{number}": (with_info(info(kind=number)), "QTYPE", 53) for number in (4, 5)},
        **{f"unknown-{number}": (with_info(info(kind=number)), "QTYPE", 53) for number in (999, 2**31, 2**32 - 1)},
        "row-splits-a-block": (with_info(info(dims=(16, 2), kind=2)), "BLOCK", 37),
        "row-of-128": (with_info(info(dims=(128, 4))), "BLOCK", 37),
    },
    98: {
        "misaligned": (with_info(HALVES[0], info("b", (8,), 24, 8), data=bytes(64)), "ALIGN", 82),
        "past-the-end": (with_info(info(offset=2**20)), "BOUNDS", 57),
        "before-the-data": (with_info(info(offset=2**64 - 32)), "BOUNDS", 57),
        "overlapping": (with_info(info("a", (64,), 24), info("b", (8,), 24, 32), data=bytes(64)), "OVERLAP", 82),
        "equal": (with_info(info("a", (8,), 24), info("b", (8,), 24), data=bytes(64)), "OVERLAP", 82),
        "gap": (with_info(HALVES[0], info("b", (8,), 24, 4096), data=bytes(4128)), "GAP", 82),
        "descending": (with_info(*HALVES[::-1], data=bytes(64)), "GAP", 49),
        "off-by-one": (with_info(info(), data=DATA[1:]), "BOUNDS", 57),
        "no-data": (with_info(info(), data=b""), "BOUNDS", 57),
        "polyglot": (with_info(info(), data=DATA + b"PK\3\4" * 1024), "TRAIL", 384),
    },
}
"""Of each point, files with the rule that must refuse them and the byte that it must name."""


def cases(*points):
    """Return the cases of points."""
    return [pytest.param(*case, id=name) for point in points for name, case in REFUSED[point].items()]


def shown(project, data):
    """Show a file as a person would, and hold the answer against what is promised of every refusal."""
    project.file("model.gguf", data)

    result = project.run("model", "show", "model.gguf")

    assert result.out == ""
    return result


def refuses(project, data, rule, at):
    """Assert that a file is refused by one rule, at one byte, in no time and without memory."""
    result = shown(project, data)
    seconds, most = cost(data)

    assert result.status == 3
    (finding,) = result.findings
    assert finding.code == "PV518"
    assert finding.message.startswith(f"model.gguf: GGUF-{rule} at byte {at}: "), finding.message
    assert finding.hint == f"pv explain GGUF-{rule}"
    assert seconds < 0.005
    assert most < 1_000_000


def cost(data):
    """Return the seconds and the bytes that refusing a file takes; the least of five, on a busy machine."""
    seconds = []
    for _ in range(5):
        with opened(data) as source:
            began = time.process_time()
            with pytest.raises(ModelFileError):
                GgufFile.open(source)
            seconds.append(time.process_time() - began)
    tracemalloc.start()
    try:
        with opened(data) as source, pytest.raises(ModelFileError):
            GgufFile.open(source)
        return min(seconds), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("data", "rule", "at"), cases(90))
def test_090_what_is_no_gguf_file_is_refused_at_a_byte(project, data, rule, at):
    """Nothing, the first 1 to 23 bytes of a file, and files of other kinds."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(91))
def test_091_other_versions_and_the_other_order_of_bytes_are_refused(project, data, rule, at):
    """Versions 2 and 3 are read, in little-endian."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(92))
def test_092_counts_are_held_against_the_bytes_that_are_left(project, data, rule, at):
    """Neither what would overflow nor one more or less than there is passes."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(93))
def test_093_every_text_has_its_rules(project, data, rule, at):
    """Lengths, emptiness, UTF-8, NUL and repetition of keys, values and names."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(94))
def test_094_types_and_lengths_of_values_are_not_believed(project, data, rule, at):
    """Unknown types, bytes that are no bool, arrays of arrays, and lengths that no file has."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(95))
def test_095_an_alignment_is_a_power_of_two_in_bounds(project, data, rule, at):
    """Of one type, and stated once."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(96))
def test_096_dimensions_do_not_wrap(project, data, rule, at):
    """Their number, each of them, their product and the bytes that it takes."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(97))
def test_097_types_of_tensors_are_known_and_rows_are_whole_blocks(project, data, rule, at):
    """A total that is a multiple does not make up for a row that is none."""
    refuses(project, data, rule, at)


@pytest.mark.parametrize(("data", "rule", "at"), cases(98))
def test_098_tensors_tile_the_data(project, data, rule, at):
    """In order, from its first byte to its last."""
    refuses(project, data, rule, at)


def hostile(first):
    """Return the hostile files of the set that must be refused, with their rules, if there is a set."""
    if not HOSTILE:
        return [pytest.param(None, "", marks=pytest.mark.skip(reason="PVCHECK_HOSTILE names no folder"))]
    rows = [line.split("\t") for line in Path(HOSTILE, "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()]
    return [
        pytest.param(row[0], row[4], id=Path(row[0]).stem)
        for row in rows
        if row[0].startswith("gguf/") and row[3] == first
    ]


@pytest.mark.parametrize(("name", "rule"), hostile("reject"))
def test_090_to_098_the_hostile_files_are_refused(project, name, rule):
    """By the rule that the set names; an array of arrays before its length is looked at."""
    result = shown(project, Path(HOSTILE, name).read_bytes())

    assert result.status == 3
    expected = "GGUF-ARRTYPE" if "nested_fan" in name else rule
    assert result.findings[0].message.startswith(f"model.gguf: {expected} at byte ")


MODEL_CONTRACT = """\
metadata:
  schema: 1
  id: C-MODELS
  version: 1.0.0
  status: ACTIVE
inputs:
{inputs}falsification_tests:
{falsifiers}amendments: []
"""
INPUT = "  {name}: {{format: gguf, path: '{path}'}}\n"
FALSIFIER = """\
- id: F-{name}
  rule: both decoders give the same bits
  evaluator: q4k-decode-identity
  with: {{model: {name}, tensor: '{tensor}'}}
  expect: {{identical: is true}}
  status: PENDING
"""


def claiming(project, models, tensor="t"):
    """Write a contract with a claim about each model, {name: bytes or None where the test puts a file}."""
    project.allow("q4k-decode-identity")
    for name, data in models.items():
        if data is not None:
            project.file(f"contracts/{name}.gguf", data)
    project.contract(
        MODEL_CONTRACT.format(
            inputs="".join(INPUT.format(name=name, path=f"{name}.gguf") for name in models),
            falsifiers="".join(FALSIFIER.format(name=name, tensor=tensor) for name in models),
        )
    )


def test_090_to_098_an_unsound_model_is_an_error_of_its_claim_alone(project):
    """A run names the rule and the byte of each, measures the sound one, and could not tell."""
    broken = {f"p{point}": next(reversed(REFUSED[point].values())) for point in REFUSED}
    claiming(project, {"sound": SOUND, **{name: data for name, (data, _, _) in broken.items()}})

    result = project.run("run", "--write")

    assert result.status == 3
    outcomes = {f"F-{name}": Outcome.ERROR for name in broken} | {"F-sound": Outcome.HELD}
    assert result.outcomes == outcomes
    for name, (_, rule, at) in broken.items():
        where = "MODEL-MAGIC at byte 0: " if rule == "MAGIC" else f"GGUF-{rule} at byte {at}: "
        assert f"contracts/{name}.gguf: {where}" in result.out
    assert project.run("validate").status == 0


PARTS = gguf_bytes(
    [
        entry("general.architecture", 8, string("llama")),
        entry("general.alignment", 4, U32.pack(32)),
        entry("tokens", 9, array(8, 3, string("a") + string("") + string("bcd"))),
        entry("flags", 9, array(7, 2, b"\0\1")),
        entry("scores", 9, array(6, 2, bytes(8))),
    ],
    [info("blk.0.weight"), info("b", (4, 2, 1), 0, 288)],
    bytes(320),
)
HEADER = len(PARTS) - 320


def damaged(seed, count):
    """Yield damaged files: all prefixes in turn, then up to four changed bytes of the header, drawn with a seed."""
    chance = random.Random(seed)  # noqa: S311 - damage, and the same every time
    for number in range(count):
        data = bytearray(PARTS)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(HEADER)
            data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, data[at] ^ 1 << chance.randrange(8)))
        yield bytes(data[: chance.randrange(len(data))] if number % 4 == 0 else data)


def test_099_damage_is_refused_or_read_and_nothing_else():
    """3,232 files drawn with a seed, and as many more as PVCHECK_GGUF_CASES says: each in less than 20 ms."""
    refused = accepted = slow = unprintable = 0
    descriptor = os.memfd_create("model")

    for number, data in enumerate(damaged(99, 3232 + CASES)):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, data, 0)
        began = time.process_time()
        with Source(f"/proc/self/fd/{descriptor}") as source:
            try:
                tensors = GgufFile.open(source).tensors.values()
                accepted += 1
                assert all(0 < each.offset <= each.offset + each.size <= source.size for each in tensors), number
            except ModelFileError as error:
                refused += 1
                unprintable += not str(error).isprintable()
        slow += time.process_time() - began > 0.02

    os.close(descriptor)
    assert refused + accepted == 3232 + CASES
    assert unprintable == 0
    assert refused > 2000
    assert accepted > 20
    assert slow <= 3 + CASES // 10_000  # a pause of the collector is nobody's fault
