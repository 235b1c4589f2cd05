"""Reading: what a document holds, and what is refused with its place, code, message and way out."""

from __future__ import annotations

import codecs
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from pvcheck.errors import ConfigError, ContractError, Finding, Severity
from pvcheck.text import Document, Mapping, Scalar, Sequence, codes, limits
from pvcheck.text.report import Report

CASES = Path(__file__).parent / "cases"
GOOD = b"metadata:\n  id: C-1\n  version: 1.2.0\nlist:\n- a\n- {b: 'c', d: [e]}\nempty:\n"


def refused(data: bytes, path: str = "c.yaml") -> tuple[Finding, ...]:
    """Return the findings of a refusal."""
    with pytest.raises(ContractError) as caught:
        Document.parse(data, path)
    return caught.value.findings


QUOTE_IT = "quote it: "
CLOSE = "add the closing quote to the text that this one opens"
QUOTE_TEXT = "put the text between quotes"
DELETE_CONTROL = "delete it; where the value needs it, describe it in words"
DELETE_INVISIBLE = "delete it: two names that look alike must be alike"
ESCAPED = "escape must not stand for a control or an invisible character, got "
ESCAPE_HINT = "delete the escape; \\n and \\t are legal"
COLON = "colon must not stand inside an unquoted value or after a key that is out of line"
COLON_HINT = "quote the text that holds the colon, or line the key up with its neighbours"
TABS = ("indentation must be spaces, got a tab", "replace the tab by spaces")
LINE_UP = "line it up with the keys of its mapping; quote a value that starts with a quote or a bracket and goes on"
DIRECTIVE = (
    "file must hold no directive, got a line that starts with %",
    "delete the line: contracts are read as YAML 1.2 without it",
)
SEVERAL = (
    "file must hold one document, got a second one",
    "move it to a file of its own, or delete the --- or ... above it",
)
NOTHING = ("file must hold a mapping, got nothing", "write a contract, or delete the file")
CONTROL = "text must hold no control character, got "
INVISIBLE = "text must hold no invisible character, got "

REFUSALS = [
    ("too-large", b"a: " + b"x" * (1 << 20), "PV101", 1, 1,
     "file must be at most 1048576 bytes, got 1048579", "move data out of the contract"),
    ("latin-1", b"a: b\nc: caf\xe9\n", "PV102", 2, 7, "file must be UTF-8, got the byte 0xe9", "save as UTF-8"),
    ("bad-byte-behind-bom", b"\xef\xbb\xbfa: b\xff", "PV102", 1, 5,
     "file must be UTF-8, got the byte 0xff", "save as UTF-8"),
    ("overlong", b"a: \xc0\xaf", "PV102", 1, 4, "file must be UTF-8, got the byte 0xc0", "save as UTF-8"),
    ("surrogate", b"a: \xed\xa0\x80", "PV102", 1, 4, "file must be UTF-8, got the byte 0xed", "save as UTF-8"),
    ("utf-16", "a: b".encode("utf-16"), "PV102", 1, 1, "file must be UTF-8, got UTF-16", "save as UTF-8"),
    ("utf-16-be", b"\xfe\xff\0a", "PV102", 1, 1, "file must be UTF-8, got UTF-16", "save as UTF-8"),
    ("utf-32", "a: b".encode("utf-32"), "PV102", 1, 1, "file must be UTF-8, got UTF-32", "save as UTF-8"),
    ("utf-32-be", b"\0\0\xfe\xff\0\0\0a", "PV102", 1, 1, "file must be UTF-8, got UTF-32", "save as UTF-8"),
    ("utf-16-bare", "a: b".encode("utf-16-le"), "PV102", 1, 1,
     "file must be UTF-8, got what looks like UTF-16", "save as UTF-8"),
    ("nul", b"a: b\0c\n", "PV103", 1, 5, CONTROL + "U+0000", DELETE_CONTROL),
    ("esc", b"a: \x1b[2J\n", "PV103", 1, 4, CONTROL + "U+001B", DELETE_CONTROL),
    ("del", b"a: b # \x7f\n", "PV103", 1, 8, CONTROL + "U+007F", DELETE_CONTROL),
    ("c1", "a: \u009b".encode(), "PV103", 1, 4, CONTROL + "U+009B", DELETE_CONTROL),
    ("nel", "a: b\u0085c: d".encode(), "PV103", 1, 5, CONTROL + "U+0085", DELETE_CONTROL),
    ("line-separator", "a: b\u2028c: d".encode(), "PV103", 1, 5, CONTROL + "U+2028", DELETE_CONTROL),
    ("paragraph-separator", "a: b\u2029".encode(), "PV103", 1, 5, CONTROL + "U+2029", DELETE_CONTROL),
    ("bare-cr", b"a: b\rc: d\n", "PV103", 1, 5, CONTROL + "U+000D", DELETE_CONTROL),
    ("no-character", "a: \uffff".encode(), "PV103", 1, 4, CONTROL + "U+FFFF", DELETE_CONTROL),
    ("bidi", "a: b # \u202e\n".encode(), "PV104", 1, 8,
     "text must hold no character that reorders the text around it, got U+202E",
     "delete it: the text must read the way the tool reads it"),
    ("zero-width", "sta\u200btus: b\n".encode(), "PV105", 1, 4, INVISIBLE + "U+200B", DELETE_INVISIBLE),
    ("soft-hyphen", "a: F\u00adX\n".encode(), "PV105", 1, 5, INVISIBLE + "U+00AD", DELETE_INVISIBLE),
    ("word-joiner", "a: F\u2060X\n".encode(), "PV105", 1, 5, INVISIBLE + "U+2060", DELETE_INVISIBLE),
    ("bom-inside", "a: 1\n\ufeffb: 2\n".encode(), "PV105", 2, 1, INVISIBLE + "U+FEFF", DELETE_INVISIBLE),
    ("two-boms", "\ufeff\ufeffa: 1\n".encode(), "PV105", 1, 1, INVISIBLE + "U+FEFF", DELETE_INVISIBLE),
    ("escaped-nul", b'a: "x\\0"\n', "PV106", 1, 4, ESCAPED + "U+0000", ESCAPE_HINT),
    ("escaped-cr", b'a: "x\\ry"\n', "PV106", 1, 4, ESCAPED + "U+000D", ESCAPE_HINT),
    ("escaped-cr-lf", b'a: "x\\r\\ny"\n', "PV106", 1, 4, ESCAPED + "U+000D", ESCAPE_HINT),
    ("escaped-zero-width", b'a: "\\u200b"\n', "PV106", 1, 4, ESCAPED + "U+200B", ESCAPE_HINT),
    ("escaped-in-key", b'"a\\e": 1\n', "PV106", 1, 1, ESCAPED + "U+001B", ESCAPE_HINT),
    ("escaped-surrogate", b'a: "\\ud800"\n', "PV106", 1, 7,
     "escape must name a character, got a surrogate or a number past U+10FFFF",
     "write the character itself, or escape it as \\U and 8 digits"),
    ("tab", b"a:\n\tb: 1\n", "PV107", 2, 1, *TABS),
    ("tab-behind-spaces", b"a:\n  b: 1\n \tc: 1\n", "PV107", 3, 2, *TABS),
    ("tab-goes-on", b"a: x\n\tb: 1\n", "PV107", 2, 1, *TABS),
    ("tab-below-an-empty-line", b"\n\ta: 1\n", "PV107", 2, 1, *TABS),
    ("tab-before-another-fault", b"a: {\n\tb: c: d}\n", "PV107", 2, 1, *TABS),
    ("tab-in-block", b"a: |\n\tx\n", "PV107", 2, 1, *TABS),
    ("empty", b"", "PV109", 1, 1, *NOTHING),
    ("only-comment", b"# nothing\n", "PV109", 1, 1, *NOTHING),
    ("only-dashes", b"---\n", "PV109", 1, 1, *NOTHING),
    ("unknown-escape", b'a: "\\q"\n', "PV110", 1, 5, 'escape must be one that YAML knows, got a backslash and "q"',
     "write two backslashes for one, or use single quotes"),
    ("bad-hex", b'a: "\\xZ"\n', "PV110", 1, 7, 'escape must be hexadecimal, got "Z"',
     "\\x takes 2 digits, \\u 4, \\U 8; write two backslashes for one"),
    ("cut-hex", b'a: "\\x\n"\n', "PV110", 1, 7, "escape must be hexadecimal, got the end of the line",
     "\\x takes 2 digits, \\u 4, \\U 8; write two backslashes for one"),
    ("colon-in-value", b"a: b: c\n", "PV110", 1, 5, COLON, COLON_HINT),
    ("key-too-far-right", b"a: b\n  c: d\n", "PV110", 2, 4, COLON, COLON_HINT),
    ("key-too-far-right-far-below", b"# c\n" * 300 + b"a: b\n  c: d\n", "PV110", 302, 4, COLON, COLON_HINT),
    ("key-of-many-blanks", b"a: b\n" + b" " * 1023 + b"c: d\n", "PV110", 2, 1025, COLON, COLON_HINT),
    ("key-behind-dashes", b"--- a: 1\n", "PV110", 1, 6, COLON, COLON_HINT),
    ("long-line-with-colon", b"a: " + b"x " * 600 + b"b: c\n", "PV110", 1, 1205, COLON, COLON_HINT),
    ("at-sign", b"a: @b\n", "PV110", 1, 4, 'value must not start with an unquoted "@"', QUOTE_TEXT),
    ("backtick", b"a: `b`\n", "PV110", 1, 4, 'value must not start with an unquoted "`"', QUOTE_TEXT),
    ("below-an-empty-line", b"\n@a: 1\n", "PV110", 2, 1, 'value must not start with an unquoted "@"', QUOTE_TEXT),
    ("percent", b"a: %b\n", "PV110", 1, 4, 'value must not start with an unquoted "%"', QUOTE_TEXT),
    ("key-without-colon", b"a: 1\nbc", "PV110", 2, 1, "key must be followed by a colon",
     "add the colon and a value; or, if this goes on with the text above, indent it"),
    ("key-out-of-line", b"a:\n  b: 1\n c: 2\n", "PV110", 3, 2,
     'key must stand here, in line with the mapping that starts at 1:1, got "c"', LINE_UP),
    ("text-behind-quote", b"a: 'x' y\n", "PV110", 1, 8,
     'key must stand here, in line with the mapping that starts at 1:1, got "y"', LINE_UP),
    ("letter-behind-bracket", b"a: [1] X\n", "PV110", 1, 8,
     'key must stand here, in line with the mapping that starts at 1:1, got "X"', LINE_UP),
    ("item-out-of-line", b"a:\n  - b\n  c: 1\n", "PV110", 3, 3,
     'list item must start with a dash, in line with the list that starts at 2:3, got "c"',
     "line it up with the dashes above, or end the list by a key with less indentation"),
    ("list-behind-key", b"a: - b\n", "PV110", 1, 4, "list must start on a line of its own",
     "move the dash to the next line, or quote the text that starts with it"),
    ("no-value", b"a: ]\n", "PV110", 1, 4, 'value must stand here, got "]"',
     "put a value here, or quote text that starts with this character"),
    ("bad-block", b"a: >x\n  b\n", "PV110", 1, 5,
     'block of text must start with | or > alone on its line, got "x"', "move the text to the next line, or quote it"),
    ("bad-block-at-end", b"a: |0", "PV110", 1, 5,
     'block of text must start with | or > alone on its line, got "0"', "move the text to the next line, or quote it"),
    ("out-of-mapping", b"  a: 1\nb: 2\n", "PV110", 2, 1, 'text must end with its mapping, got "b" after it',
     "line the key up with the keys at the top of the file"),
    ("colon-in-braces", b"{c:}", "PV110", 1, 3, 'colon must be followed by a space, got "}"',
     "put a space behind the colon, or quote the text"),
    ("other", b"a: ? b\n", "PV110", 1, 4, 'text must be YAML, got "?"',
     "compare the line and the one above with the docs"),
    ("list", b"- a\n", "PV111", 1, 1, "file must be a mapping, got a list", "start with a key such as metadata:"),
    ("text", b"# c\nhello\n", "PV111", 2, 1, "file must be a mapping, got a text",
     "start with a key such as metadata:"),
    ("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n", "PV111", 1, 1,
     "file must be a mapping, got a git-lfs pointer", "run git lfs pull"),
    ("html", b"<html></html>\n", "PV111", 1, 1, "file must be a mapping, got what looks like a web page",
     "download the file itself"),
    ("directive", b"%YAML 1.2\n---\na: 1\n", "PV112", 1, 1, *DIRECTIVE),
    ("tag-directive", b"# c\n%TAG !e! !x\n---\na: 1\n", "PV112", 2, 1, *DIRECTIVE),
    ("unknown-directive", b"%FOO\n---\na: 1\n", "PV112", 1, 1, *DIRECTIVE),
    ("other-version", b"%YAML 3.0\n---\na: 1\n", "PV112", 1, 1, *DIRECTIVE),
    ("two-documents", b"a: 1\n---\nb: 2\n", "PV113", 2, 1, *SEVERAL),
    ("behind-the-end", b"a: 1\n...\nb: 2\n", "PV113", 3, 1, *SEVERAL),
    ("anchor", b"a: &x 1\n", "PV114", 1, 4, 'value must have no anchor, got "&x"',
     "delete the anchor; quote text that starts with &"),
    ("bare-ampersand", b"a: & b\n", "PV114", 1, 4, "value must not start with an unquoted &", QUOTE_TEXT),
    ("alias", b"a: *x\n", "PV115", 1, 4, 'value must be written out, got the alias "*x"',
     "write the value again; quote text that starts with *"),
    ("alias-key", b"*x : 1\n", "PV115", 1, 1, 'value must be written out, got the alias "*x"',
     "write the value again; quote text that starts with *"),
    ("bold", b"a: **b**\n", "PV115", 1, 4, "value must not start with an unquoted *", QUOTE_TEXT),
    ("merge", b"<<: {a: 1}\n", "PV116", 1, 1, 'mapping must hold no merge key, got "<<"',
     "write the keys out; quote the key to mean the text"),
    ("tag", b"a: !!int ''\n", "PV117", 1, 4, 'value must have no tag, got "tag:yaml.org,2002:int"',
     "delete the tag; quote text that starts with !"),
    ("bare-tag", b"a: ! b\n", "PV117", 1, 4, 'value must have no tag, got "!"',
     "delete the tag; quote text that starts with !"),
    ("list-tag", b"a: !x [b]\n", "PV117", 1, 4, 'value must have no tag, got "!x"',
     "delete the tag; quote text that starts with !"),
    ("unclosed-tag", b"a: !<x\n", "PV117", 1, 4, "value must not start with an unquoted !", QUOTE_TEXT),
    ("unknown-handle", b"a: !e!x b\n", "PV117", 1, 4, "value must not start with an unquoted !", QUOTE_TEXT),
    ("duplicate", b"a: 1\nb: 2\na: 3\n", "PV118", 3, 1, 'key "a" must stand once in its mapping, got it at 1:1 too',
     "delete or rename one of them"),
    ("duplicate-flow", b"x: {a: 1, 'a': 2}\n", "PV118", 1, 11,
     'key "a" must stand once in its mapping, got it at 1:5 too', "delete or rename one of them"),
    ("duplicate-nfc", "caf\u00e9: 1\ncafe\u0301: 2\n".encode(), "PV118", 2, 1,
     'key "cafe\u0301" must stand once in its mapping, got it at 1:1 too', "delete or rename one of them"),
    ("mapping-key", b"? {a: 1}\n: 2\n", "PV119", 1, 3, "key must be text, got a mapping", "give the key a name"),
    ("list-key", b"[a]: 2\n", "PV119", 1, 1, "key must be text, got a list", "give the key a name"),
    *(
        (f"key-{word}", f"{word}: x\n".encode(), "PV120", 1, 1,
         f'key must be text, got "{word}", which YAML may read as {what}', QUOTE_IT + f'"{word}":')
        for word, what in {
            "1": "a number", "1.5": "a number", "010": "a number", "0x1F": "a number", "1_000": "a number",
            "1:30": "a number", ".nan": "a number", "-.Inf": "a number", "null": "null", "~": "null",
            "true": "a boolean", "On": "a boolean", "off": "a boolean", "yes": "a boolean", "NO": "a boolean",
            "2026-11-22": "a date", "=": "an indicator",
        }.items()
    ),
    ("no-key", b"a: 1\n?\n: x\n", "PV120", 2, 2, 'key must be text, got "", which YAML may read as null',
     "write the key before the colon"),
    ("long-key", b"k" * 257 + b": 1\n", "PV121", 1, 1, "key must be at most 256 characters, got 257",
     "shorten the key"),
    ("key-of-1024", b"k" * 1024 + b": 1\n", "PV121", 1, 1, "key must be at most 256 characters, got 1024",
     "shorten the key"),
    ("key-of-1025", b"k" * 1025 + b": 1\n", "PV121", 1, 1, "key must be at most 256 characters, got more",
     "shorten the key"),
    ("very-long-key", b"a: 1\n" + b"k" * 1100 + b": 1\n", "PV121", 2, 1,
     "key must be at most 256 characters, got more", "shorten the key"),
    ("deep", b"a: " + b"[" * 32 + b"]" * 32, "PV122", 1, 35,
     "lists and mappings must be at most 32 levels deep, got more", "flatten the structure"),
    ("nodes", b"a: [" + b"[]," * 50_000 + b"]", "PV123", 1, 149_996,
     "file must hold at most 100000 values, a list or mapping counted twice, got more",
     "move data out of the contract"),
    ("scalars", b"a: [" + b"1," * 100_000 + b"]", "PV123", 1, 199_995,
     "file must hold at most 100000 values, a list or mapping counted twice, got more",
     "move data out of the contract"),
    ("long-value", b"a: " + b"x" * 65_537, "PV124", 1, 4, "value must be at most 65536 characters, got 65537",
     "move long text out of the contract"),
    ("open-quote", b"a: 1\nb: 'x\nc: 3\n", "PV125", 2, 4, "quote must be closed, got the end of the file", CLOSE),
    ("quote-over-marker", b'a: "x\n---\ny"\n', "PV125", 1, 4,
     "quote must be closed, got a line that starts with --- or ...", CLOSE),
    ("quote-closed-later", b'a: "1.2\nb: "2.0"\n', "PV125", 1, 4,
     "quote must be closed before the text that follows, got its end at 2:4", CLOSE),
    ("single-quote-closed-later", b"a: '1.2\nb: '2.0'\n", "PV125", 1, 4,
     "quote must be closed before the text that follows, got its end at 2:4", CLOSE),
    ("open-brace", b"a: {b: 1\nc: 2\n", "PV125", 2, 2,
     '"{" of 1:4 must be closed or go on with a comma, got ":"', "close the bracket, or put a comma between its parts"),
    ("open-bracket-at-end", b"a: [1", "PV125", 1, 6,
     '"[" of 1:4 must be closed or go on with a comma, got the end of the file',
     "close the bracket, or put a comma between its parts"),
    ("open-bracket-at-line-end", b"a: [1\n\nb]: c\r\n", "PV110", 3, 3, COLON, COLON_HINT),
]  # fmt: skip
"""What is refused alone: name, bytes, code, line, column, message, hint."""


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row[0])
def test_it_is_refused_at_its_place(row):
    """A refusal names file, line, column, code, what is wrong and the way out."""
    _, data, code, line, column, message, hint = row

    assert refused(data) == (Finding(code, message, "c.yaml", line, column, hint),)


def test_conflict_markers_are_named_and_nothing_else_is_said():
    """Both ends of a merge conflict are named; what lies between is not judged."""
    found = refused(b"a: 1\n<<<<<<< HEAD\na: 2\n=======\na: 3\r\n>>>>>>> topic\r\n")

    hint = "keep one side and delete the marker lines"
    message = "merge conflict must be resolved, got the conflict marker "
    assert found == (
        Finding("PV108", message + '"<<<<<<< HEAD"', "c.yaml", 2, 1, hint),
        Finding("PV108", message + '">>>>>>> topic"', "c.yaml", 6, 1, hint),
    )


def test_all_findings_are_told_in_the_order_of_the_file():
    """One reading names every fault, wherever the reader meets it."""
    found = refused("a: &x 1\na: 2\nb: !t 3 # \u202e\n1: *x\nc: [\n".encode())

    assert [(each.code, each.line, each.column) for each in found] == [
        ("PV114", 1, 4), ("PV118", 2, 1), ("PV117", 3, 4), ("PV104", 3, 11), ("PV120", 4, 1), ("PV115", 4, 4),
    ]  # fmt: skip


def test_a_syntax_error_comes_with_the_findings_before_it():
    """Broken syntax does not hide what was found above it."""
    assert [each.code for each in refused(b"a: &x 1\nb: @\n")] == ["PV114", "PV110"]


def test_more_findings_than_a_report_holds_are_counted_out():
    """A binary file fills one screen, not a log; the report says that there is more."""
    found = refused(b"a: " + b"\x01" * 5000)

    assert len(found) == limits.MAX_FINDINGS + 1
    message = "findings must be at most 100 to be shown, got more"
    assert found[-1] == Finding(
        "PV199", message, "c.yaml", hint="mend these first, then check again", severity=Severity.NOTE
    )


def test_a_hundred_findings_are_shown_without_a_note():
    """The note about more findings stands only where there are more."""
    found = refused(b"a: " + b"\x01" * 100)

    assert len(found) == 100
    assert found[-1].code == "PV103"


def test_one_zero_byte_is_no_other_encoding():
    """Two bytes are what UTF-16 needs."""
    assert [each.code for each in refused(b"\0")] == ["PV103"]
    assert [each.code for each in refused(b"\0a")] == ["PV102"]
    assert [each.code for each in refused(b"\0a\0b")] == ["PV102"]


def test_a_full_report_takes_no_more():
    """What comes after the last finding that counts is dropped."""
    report = Report("c.yaml", "text")
    for _ in range(limits.MAX_FINDINGS + 50):
        report.add("PV999", "m", 0, "h")

    assert len(report.error().findings) == limits.MAX_FINDINGS + 1


def test_a_pyyaml_without_libyaml_is_a_matter_of_configuration(monkeypatch):
    """Without the C parser nothing is read, and the message says how to install it."""
    monkeypatch.setattr(yaml, "__with_libyaml__", False)

    with pytest.raises(ConfigError) as caught:
        Document.parse(b"a: 1", "c.yaml")

    message = "PyYAML must be installed with its C parser (libyaml), got the pure-Python one"
    hint = "pip install --force-reinstall --only-binary pyyaml pyyaml"
    assert caught.value.findings == (Finding("PV100", message, hint=hint),)


def test_an_error_without_a_mark_is_a_syntax_error_too(monkeypatch):
    """Whatever the parser raises is told as a finding."""

    class Broken:
        def __init__(self, _text: str) -> None: ...

        def get_event(self) -> None:
            raise yaml.YAMLError("no mark")

    monkeypatch.setattr(yaml, "CSafeLoader", Broken)

    assert [(each.code, each.line, each.column) for each in refused(b"a: 1")] == [("PV110", 1, 1)]


def test_every_code_has_a_case():
    """No code is without a test of its message and place."""
    elsewhere = {"PV100", "PV108", "PV130", "PV131", "PV132", "PV133", "PV134", "PV140", "PV199"}

    assert {row[2] for row in REFUSALS} | elsewhere == set(codes.TITLES)


@pytest.mark.parametrize("path", sorted((CASES / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_good_case_file_is_read(path):
    """Unusual but harmless layouts are read, and their bytes are kept."""
    data = path.read_bytes()

    assert Document.parse(data, str(path)).data == data


@pytest.mark.parametrize("path", sorted((CASES / "bad").glob("*.yaml")), ids=lambda path: path.stem)
def test_bad_case_file_is_refused_as_it_says(path):
    """The lines ``# expect: CODE LINE:COLUMN`` of a case file are its findings."""
    data = path.read_bytes()
    expected = [line.removeprefix("# expect: ") for line in data.decode().splitlines() if line.startswith("# expect: ")]

    assert [f"{each.code} {each.line}:{each.column}" for each in refused(data, str(path))] == expected


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_refused_in_a_small_thread(opening):
    """Thirty thousand levels end in a finding within a second, even where the stack is a quarter of a megabyte."""
    outcomes: list[str] = []
    old = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: outcomes.append(refused((opening * 30_000).encode())[0].code))
        started = time.monotonic()
        thread.start()
        thread.join()
    finally:
        threading.stack_size(old)

    assert outcomes == ["PV122"]
    assert time.monotonic() - started < 1


def test_thirty_two_levels_are_legal():
    """The limit itself is allowed: depth, key and value length."""
    deep = b"a: " + b"[" * 31 + b"]" * 31 + b"\n" + b"k" * 256 + b": " + b"x" * 65_536

    assert len(Document.parse(deep, "c.yaml").root.values) == 2


def test_a_full_megabyte_is_legal():
    """The size limit itself is allowed."""
    comment = b"a: 1\n#" + b" " * ((1 << 20) - 7) + b"\n"

    assert Document.parse(comment, "c.yaml").get(("a",)) == Scalar("1", "plain", 3, 4)


@pytest.mark.parametrize("text", ['a: "x\\n\\ty\\\\"', "a: '\\0'", 'a: "caf\\u00e9"', 'a: "tail\\\n  x"', "a: \\0"])
def test_harmless_escapes_are_legal(text):
    """Escaped line feeds, tabs and letters are values; a backslash outside double quotes is itself."""
    assert Document.parse(text.encode(), "c.yaml").get(("a",)) is not None


@pytest.mark.parametrize("key", ["n", "y", "'1'", '"on"', "'<<'", "1.2.3", "null-hypothesis", "a b"])
def test_quoted_keys_and_text_keys_are_legal(key):
    """A key that every version of YAML reads as text needs no quotes."""
    assert len(Document.parse(f"{key}: x\n".encode(), "c.yaml").root.keys) == 1


def test_other_keys_of_other_letters_are_legal():
    """Two accents are two keys, as long as they do not look alike."""
    assert set(Document.parse("é: 1\nè: 2\n".encode(), "c.yaml").root.values) == {"é", "è"}


def test_a_tab_behind_the_first_word_is_no_indentation():
    """The finding is about what is wrong, not about a tab that may stand there."""
    assert [(each.code, each.line) for each in refused(b"a: 1\nX\t: c: d\n")] == [("PV110", 2)]


def test_nodes_know_where_they_stand():
    """The text between start and end of a node is how it is written."""
    document = Document.parse(GOOD, "c.yaml")

    assert document.get(("metadata", "version")) == Scalar("1.2.0", "plain", 31, 36)
    assert {route: document.text[node.start : node.end] for route, node in document.nodes()} == {
        (): GOOD.decode()[:-1],
        ("metadata",): "id: C-1\n  version: 1.2.0",
        ("metadata", "id"): "C-1",
        ("metadata", "version"): "1.2.0",
        ("list",): "- a\n- {b: 'c', d: [e]}",
        ("list", 0): "a",
        ("list", 1): "{b: 'c', d: [e]}",
        ("list", 1, "b"): "'c'",
        ("list", 1, "d"): "[e]",
        ("list", 1, "d", 0): "e",
        ("empty",): "",
    }


def test_nodes_come_in_the_order_of_the_text():
    """A collection comes before its parts, and parts come as they are written."""
    document = Document.parse(b"b: [x, y]\na: z\n", "c.yaml")

    assert [route for route, _ in document.nodes()] == [(), ("b",), ("b", 0), ("b", 1), ("a",)]


def test_kinds_and_styles_are_told():
    """Flow and block, and the five ways to write a scalar, are told apart."""
    text = "p: a\ns: 'a'\nd: \"a\"\nl: |\n  a\nf: >-\n  a\nq: [a]\nm: {a: b}\nb:\n- a\n"
    root = Document.parse(text.encode(), "c.yaml").root

    styles = [node.style for node in root.values.values() if isinstance(node, Scalar)]
    flows = [node.flow for node in root.values.values() if isinstance(node, (Sequence, Mapping))]
    assert styles == ["plain", "single", "double", "literal", "folded"]
    assert flows == [True, True, False]
    assert not root.flow


@pytest.mark.parametrize(("text", "written"), [
    ("a: |\n  x\n\n\nb: 1\n", "|\n  x"),
    ("a: |+\n  x\n\n\nb: 1\n", "|+\n  x\n\n\n"),
    ("a: | # not +\n  x\n \nb: 1\n", "| # not +\n  x"),
    ("a: |\n  x\n    \nb: 1\n", "|\n  x\n    "),
    ("a: >\r\n  x\r\n\r\nb: 1\r\n", ">\r\n  x"),
    ("a: |\n\nb: 1\n", "|"),
    ("a: |\n  x X\n  \nb: 1\n", "|\n  x X"),
    ("a: |\n  x", "|\n  x"),
    ("a: |\n  x + y\n\n\nb: 1\n", "|\n  x + y"),
    ("a: |\n  ab \n\nb: 1\n", "|\n  ab "),
    ("a:\n  c: x\n\n# comment\nb: 1\n", "c: x"),
    ("a:\n- x\n-\n\n  # comment\nb: 1\n", "- x\n-"),
])  # fmt: skip
def test_a_block_ends_with_its_last_line(text, written):
    """Blank lines and comments behind a block belong to nobody, unless its header keeps them."""
    node = Document.parse(text.encode(), "c.yaml").node(("a",))

    assert text[node.start : node.end] == written


def test_a_value_left_out_without_a_colon_stands_at_its_key():
    """``{a}`` and ``? a`` have a value of no width where the key ends."""
    document = Document.parse(b"m: {a, b: }\n? c\n# end\n? d # d\n:\n", "c.yaml")

    assert document.get(("m", "a")) == Scalar("", "plain", 5, 5)
    assert document.get(("m", "b")) == Scalar("", "plain", 9, 9)
    assert document.get(("c",)) == Scalar("", "plain", 15, 15)
    assert document.get(("d",)) == Scalar("", "plain", 31, 31)


def test_a_bom_is_kept_and_moves_no_column():
    """The byte order mark is part of the bytes, and of no place."""
    document = Document.parse(b"\xef\xbb\xbfa: b\r\n", "c.yaml")

    assert (document.bom, document.text, document.data[:3]) == (True, "a: b\r\n", b"\xef\xbb\xbf")
    assert document.place(("a",)) == (1, 4)
    assert not Document.parse(b"a: b", "c.yaml").bom


def test_columns_count_characters():
    """A character beyond 16 bits is one column."""
    document = Document.parse("{\U0001f600: x, b: y}".encode(), "c.yaml")

    assert document.place(("b",)) == (1, 11)
    assert document.key_place(("b",)) == (1, 8)


@pytest.mark.parametrize(
    "route", [("nope",), ("list", 2), ("list", 9), ("list", -1), ("list", "0"), ("metadata", 0), ("empty", "x")]
)
def test_an_absent_route_is_told(route):
    """``get`` gives None and the others raise KeyError for a value that is not there."""
    document = Document.parse(GOOD, "c.yaml")

    assert document.get(route) is None
    for ask in (document.node, document.place, document.key_place):
        with pytest.raises(KeyError, match=str(route[-1])):
            ask(route)


def test_places_of_keys_items_and_the_root():
    """A key has its own place; a list item and the root have theirs as values only."""
    document = Document.parse(GOOD, "c.yaml")

    assert document.place(()) == document.key_place(()) == (1, 1)
    assert document.key_place(("list", 1, "d")) == (6, 12)
    assert document.place(("list", 1, "d")) == (6, 15)
    assert document.key_place(("list", 1)) == document.place(("list", 1)) == (6, 3)


@pytest.mark.parametrize(("route", "at_key", "place"), [
    (("metadata", "id"), False, (2, 7)),
    (("metadata", "id"), True, (2, 3)),
    (("empty",), False, (7, 1)),
    (("metadata", "absent", "deeper"), True, (2, 3)),
    ((), True, (1, 1)),
    (("list", 0), True, (5, 3)),
])  # fmt: skip
def test_a_finding_stands_at_its_value(route, at_key, place):
    """A finding points at the value, at its key when asked or when nothing is written, or at what is around it."""
    document = Document.parse(GOOD, "c.yaml")

    finding = document.finding("PV999", "m", route, "h", Severity.WARNING, at_key=at_key, exit_code=5)

    assert finding == Finding("PV999", "m", "c.yaml", *place, "h", Severity.WARNING, 5)


def test_an_empty_item_is_shown_at_its_own_place():
    """A list item that is left out has no key to point at."""
    finding = Document.parse(b"a:\n-\n", "c.yaml").finding("PV999", "m", ("a", 0))

    assert (finding.line, finding.column) == (2, 2)
    assert (finding.hint, finding.severity, finding.exit_code) == ("", Severity.ERROR, 1)


def test_a_rest_costs_a_document_nothing_but_time(monkeypatch):
    """Whoever asks after a rest gets the same tree, read once; nobody reads it as long as nobody asks."""
    document = Document.parse(codecs.BOM_UTF8 + GOOD, "c.yaml")
    before, parse, parsed = document.root, Document.parse, []
    monkeypatch.setattr(Document, "parse", classmethod(lambda _, data, path: parsed.append(path) or parse(data, path)))

    document.rest()

    assert document.text == GOOD.decode()
    assert parsed == []
    assert document.root == before
    assert document.root is document.root is not before
    assert parsed == ["c.yaml"]


def test_twenty_kilobytes_take_milliseconds():
    """A contract of usual size is read in a few milliseconds; the gate has room for a busy machine."""
    entry = "- id: F-{}\n  rule: {}\n  expect: {{a: < 18, b: '>= 27'}}\n  status: PENDING\n"
    prose = "aggregate growth over all layers stays bounded, as the sum of squares says " * 3
    data = ("metadata:\n  id: C\ntests:\n" + "".join(entry.format(n, prose) for n in range(70))).encode()

    times = []
    for _ in range(9):
        started = time.process_time()
        Document.parse(data, "c.yaml")
        times.append(time.process_time() - started)

    assert 20_000 <= len(data) <= 22_000
    assert min(times) < (0.008 if sys.gettrace() is None else 0.08)  # a tracer takes its own time
