"""Points 1 to 17: bytes that are no text, texts that are no YAML, and odd ones that are both."""

from __future__ import annotations

import codecs
import time

import pytest
from helpers import CONTRACT
from pipeline.conftest import SOUND
from pipeline.conftest import project as placed  # noqa: F401 - a fixture

BYTES = CONTRACT.encode()
LINES = BYTES.splitlines(keepends=True)


@pytest.fixture
def refused(project):
    """Check bytes as a contract: codes with places, what was told, and seconds. The file after it is checked too."""

    def check(data):
        path = project.file("contracts/a.yaml", data)
        project.contract("metadata: {id: C-NEXT}\nproof_obligations: [{}]\n", "next.yaml")
        began = time.process_time()
        result = project.run("validate", "--no-cache")
        took = time.process_time() - began
        assert path.read_bytes() == data
        assert result.status == 1, result
        assert "Traceback" not in result.out + result.err
        assert not set(result.out) & set(map(chr, [*range(9), 11, 12, *range(14, 32), 127, *range(128, 160)]))
        assert "contracts/next.yaml:" in result.out
        found = [each for each in result.findings if each.path.endswith("a.yaml")]
        return [(each.code, each.line, each.column) for each in found], result.out, took

    return check


@pytest.mark.parametrize("data", [b"", b"# only a remark\n", b"---\n", b"\n\n"])
def test_001_a_file_that_holds_nothing(refused, data):
    """An empty one, a remark, a mark of a document."""
    found, _, _ = refused(data)

    assert [code for code, _, _ in found] == ["PV109"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"a sentence\n", "a text", id="text"),
        pytest.param(b"- a\n- b\n", "a list", id="list"),
        pytest.param(b"<!DOCTYPE html>\n<html></html>\n", "a web page", id="page"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull", id="lfs"),
    ],
)
def test_002_a_file_that_is_something_else(refused, data, told):
    """The message says what it seems to be, and the hint how to get what was meant."""
    found, out, _ = refused(data)

    assert found[0] == ("PV111", 1, 1)
    assert told in out


@pytest.mark.parametrize("quote", ["'", '"'])
def test_003_a_quote_that_is_not_closed(refused, quote):
    """The line of the quote that opens is told, not the end of the file."""
    found, _, _ = refused(BYTES.replace(b"nobody measures", f"{quote}nobody measures".encode()))

    assert found == [("PV125", 20, 9)]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        pytest.param(b"[F-1]", b"[F-1", "24:24", id="bracket"),
        pytest.param(b"0-3}", b"0-3", "14:9", id="brace"),
        pytest.param(b"  version: 1.2.3", b" version: 1.2.3", None, id="indent"),
        pytest.param(b"rule: growth", b"rule: a: b: growth", None, id="two colons"),
        pytest.param(b"rule: growth", b"rule: @growth", None, id="at"),
        pytest.param(b"rule: growth", b"rule: `growth", None, id="backtick"),
        pytest.param(b"rule: growth", b"rule: %growth", None, id="percent"),
    ],
)
def test_004_what_is_no_yaml(refused, old, new, place):
    """Line and column are those of the fault, or of the bracket that is left open."""
    found, out, _ = refused(BYTES.replace(old, new))

    line = next(number for number, each in enumerate(BYTES.replace(old, new).splitlines(), 1) if new in each)
    if place is not None:
        assert [code for code, _, _ in found] == ["PV125"]
        assert f"of {place} must be closed" in out
    else:
        assert found[0][0] == "PV110"
        assert found[0][1] - line in {-1, 0, 1}


def test_005_the_marks_of_a_merge_conflict(refused):
    """They are called by their name."""
    data = BYTES.replace(LINES[3], b"<<<<<<< ours\n" + LINES[3] + b"=======\n" + LINES[3] + b">>>>>>> theirs\n")

    found, out, _ = refused(data)

    assert found[0] == ("PV108", 4, 1)
    assert "conflict" in out


def test_006_a_tab_in_the_indentation(refused):
    """It is told as a tab, with its column."""
    found, _, _ = refused(BYTES.replace(b"  version", b"\tversion"))

    assert ("PV107", 4, 1) in found


def test_006_a_tab_before_a_remark_is_allowed(project):
    """It indents nothing."""
    project.contract(CONTRACT.replace("version: 1.2.3", "version: 1.2.3\t# as agreed"))

    assert project.run("validate", "--no-cache").status == 0


@pytest.mark.parametrize("cut", [b"  vers", b"  rule: gr\xc3", b"  with: {model: mo"])
def test_007_a_file_that_was_cut_off(refused, cut):
    """In a key, in a character, in a block."""
    whole = BYTES[: BYTES.index(b"  version")] if b"vers" in cut else BYTES[: BYTES.index(b"  rule")]

    found, _, _ = refused(whole + cut)

    assert found[0][0] in {"PV110", "PV102", "PV125"}


@pytest.mark.parametrize("wrong", [b"\xff", b"\xe9t\xe9", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_008_bytes_that_are_no_utf_8(refused, wrong):
    """A stray byte, latin-1, an overlong form, half of a pair, beyond the last character: each at its place."""
    found, _, _ = refused(BYTES.replace(b"growth is bounded", b"growth " + wrong))

    assert found[0] == ("PV102", 12, 16)


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_009_another_encoding(refused, name):
    """The way out is to save the file as UTF-8."""
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-le": codecs.BOM_UTF32_LE}[name]

    found, out, _ = refused(mark + CONTRACT.encode(name))

    assert found[0][0] == "PV102"
    assert "UTF-8" in out


@pytest.mark.parametrize("wrong", ["\0", "\x1b[31m", "\x7f", "\x9b2J", "\x07"])
def test_010_control_characters(refused, wrong):
    """They are told by number; none of them reaches the terminal, which the fixture looks at."""
    found, _, _ = refused(CONTRACT.replace("growth is bounded", f"growth {wrong}").encode())

    assert ("PV103", 12, 16) in found


@pytest.mark.parametrize("wrong", ["\x85", "\u2028", "\u2029", "\r"])
def test_011_line_ends_that_hide_a_status(refused, wrong):
    """What one reader takes for a line of its own is part of a sentence to another."""
    found, _, _ = refused(CONTRACT.replace("growth is bounded", f"growth{wrong}  status: DISCHARGED").encode())

    assert found[0][0] in {"PV103", "PV104", "PV105"}
    assert found[0][1] in {12, 13}


def test_012_a_byte_order_mark_belongs_to_the_file(project):
    """At the start it is no fault, and columns are right; inside it is one."""
    data = codecs.BOM_UTF8 + BYTES
    path = project.file("contracts/a.yaml", data)

    result = project.run("validate", "--no-cache")

    assert result.status == 0
    assert [(each.code, each.line, each.column) for each in result.findings] == [("PV309", 13, 14)]
    path.write_bytes(codecs.BOM_UTF8 + BYTES.replace(b"C-TEST", b"C-\xef\xbb\xbfTEST"))
    assert project.run("validate", "--no-cache").findings[0].code == "PV105"


UNSEEN = [("# \u202e", "PV104", "U+202E"), ("x\u200b: 1", "PV105", "U+200B"), ("# \u2066", "PV104", "U+2066")]


@pytest.mark.parametrize(("wrong", "code", "name"), UNSEEN)
def test_013_characters_that_nobody_sees(refused, wrong, code, name):
    """In a remark and in a key, each by its number."""
    found, out, _ = refused(f"{wrong}\n{CONTRACT}".encode())

    assert found[0][:2] == (code, 1)
    assert name in out


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(BYTES + b"---\n" + BYTES, "PV113", id="two"),
        pytest.param(BYTES + b"...\nmore: 1\n", "PV113", id="after the end"),
        pytest.param(b"%YAML 1.2\n---\n" + BYTES, "PV112", id="version"),
        pytest.param(b"%TAG ! tag:x,2026:\n---\n" + BYTES, "PV112", id="tag"),
    ],
)
def test_014_one_document_and_no_directive(refused, data, code):
    """A second one would be read by some tools and not by others."""
    found, _, _ = refused(data)

    assert code in [each[0] for each in found]


@pytest.mark.parametrize("length", [257, 1_025, 5_000])
def test_015_a_long_key(refused, length):
    """A key is a name."""
    found, _, _ = refused(BYTES + b"k" * length + b": 1\n")

    assert {code for code, _, _ in found} <= {"PV121", "PV110"}
    assert found


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(BYTES + b"#" * ((1 << 20) + 1 - len(BYTES)), "PV101", id="bytes"),
        pytest.param(BYTES.replace(b"growth is bounded", b"x" * 70_000), "PV124", id="text"),
        pytest.param(BYTES + b"more: [" + b"1," * 100_001 + b"]\n", "PV123", id="values"),
    ],
)
def test_016_what_is_too_large(refused, data, code):
    """Each limit is told in no time."""
    found, _, took = refused(data)

    assert code in [each[0] for each in found]
    assert took < 3  # 0.3 s, which tests/text holds in a process that nobody watches


ODD = {
    "line ends": CONTRACT.replace("\n", "\r\n"),
    "no last line end": CONTRACT.rstrip("\n"),
    "spaces behind": CONTRACT.replace("PROPOSED\n", "PROPOSED   \n"),
    "long line": CONTRACT.replace("nobody measures this", "nobody measures this " + "x" * 5_000),
    "flow": CONTRACT.replace("[F-1]", "[  F-1  ,]").replace("{model: model, lay", "{ model : model ,lay"),
    "marks": f"---\n{CONTRACT}...\n",
    "astral": CONTRACT.replace("growth is bounded", "growth \U0001d453 is \U0001f600 bounded"),
    "mark of order": "\ufeff" + CONTRACT,
}


@pytest.mark.parametrize("form", ODD)
def test_017_an_odd_file_is_changed_where_it_must_be(placed, pv, form):  # noqa: F811 - the fixture
    """After a run wrote its statuses, every other byte is what it was."""
    placed.measure(SOUND)
    data = ODD[form].encode()
    placed.contract.write_bytes(data)

    assert pv("run", "--write", "-q")[0] == 0

    after = placed.contract.read_bytes()
    kept, end = after.split(b"amendments:")[0].split(b"\n"), b"\r" if b"\r\n" in data else b""
    before = data.split(b"amendments:")[0].split(b"\n")
    moved = [(old, new) for old, new in zip(before, _without_evidence(kept), strict=True) if old != new]
    assert [new.strip().removesuffix(end) for _, new in moved] == [
        b"version: 1.3.0",
        *[b"status: DISCHARGED"] * 3,
    ]


def _without_evidence(lines):
    """Return lines without the references that a run adds."""
    return [each for each in lines if not each.strip().startswith(b"evidence: sha256:")]
