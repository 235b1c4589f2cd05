"""Laws of reading and editing, over contracts in many layouts and over bytes that are none."""

from __future__ import annotations

import time
from dataclasses import is_dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from pvcheck.errors import ContractError
from pvcheck.text import Document, InsertItem, InsertKey, Scalar, SetScalar, edits, resolve, splice
from pvcheck.text.characters import FORBIDDEN
from pvcheck.text.plan import view
from pvcheck.text.render import layout, style_of, word

WORDS = ["A", "1.2.0", "x y", "< 18", "2026-11-22", "caf\u00e9 \U0001f600", "it's"]
COMMENT = st.sampled_from(["", "  # note", "   ", "\t# tab"])
QUOTES = st.sampled_from(["{}", "'{}'", '"{}"'])
NEW_TEXT = st.one_of(
    st.sampled_from(
        ["DISCHARGED", "1.13.0", "yes", "010", "", ">= 27", "a: b", "# c", "'", '"', "\\", "a\nb", "-", "~"]
    ),
    st.text(alphabet="ab1.0:#-'\" \\,[]{}&*!|>%@`?=~<\n\t\u00e9\u00a0\U0001f600", max_size=8),
    st.text(max_size=6).filter(lambda text: not FORBIDDEN.search(text.replace("\r", "\0"))),
)


@st.composite
def scalars(draw) -> str:
    """Draw a word of a contract in one of three styles."""
    quotes, text = draw(QUOTES), draw(st.sampled_from(WORDS))
    return quotes.format(text.replace("'", "''") if quotes[0] == "'" else text)


@st.composite
def contracts(draw) -> tuple[bytes, str]:
    """Draw a contract in some layout: indentation, dashes, quotes, comments, line ends, byte order mark."""
    step, dashes, gap = draw(st.integers(1, 6)), draw(st.integers(0, 6)), draw(st.integers(1, 3))
    pad, item = " " * step, " " * dashes + "-" + " " * gap
    inner = " " * (dashes + 1 + gap)
    lines = [draw(st.sampled_from(["# head", "", "---"])), "metadata:"]
    lines += [f"{pad}{key}: {draw(scalars())}{draw(COMMENT)}" for key in ("id", "version")]
    lines += ["", "tests:" + draw(COMMENT)]
    for name in ("F1", "F2"):
        lines += [
            f"{item}id: {name}",
            f"{inner}status:{draw(st.sampled_from(['', ' ' + draw(scalars())]))}{draw(COMMENT)}",
        ]
        lines += draw(st.sampled_from([
            [], [f"{inner}note: |", f"{inner}  some", "", f"{inner}  text"], [f"{inner}with: {{a: b, c: [d]}}"],
            [f"{inner}list:", f"{inner}  - - a", "", f"{inner}    - b # c"], ["# between", ""],
        ]))  # fmt: skip
    lines += ["amendments:" + draw(st.sampled_from([" []", " [ ]  # none", "\n- version: 1.0.0", "\n  # c\n    -  x"]))]
    lines += draw(st.sampled_from([[], ["", "# tail"], ["last: word"], ["..."]]))
    text = "\n".join(lines) + draw(st.sampled_from(["\n", "", "\n\n"]))
    endings = draw(st.sampled_from(["\n", "\r\n", "mixed"]))
    if endings == "mixed":
        first, _, rest = text.partition("\n")
        text = f"{first}\r\n{rest}"
    else:
        text = text.replace("\n", endings)
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode(), text


@given(contracts())
@settings(max_examples=150, deadline=None)
def test_every_layout_is_read_and_kept(contract):
    """Reading keeps the bytes, and each node's range is how it is written."""
    data, text = contract
    document = Document.parse(data, "c.yaml")

    assert (document.data, document.text) == (data, text)
    for route, node in document.nodes():
        assert document.text[node.start : node.end] == document.text[node.start : node.end].strip(" ")
        assert not isinstance(node, Scalar) or node.style != "plain" or node.text in {"", text[node.start : node.end]}
        assert document.node(route) is node


@given(contracts(), NEW_TEXT, st.data())
@settings(max_examples=300, deadline=None)
def test_setting_changes_one_value(contract, new, data):
    """After an edit the named value is the new text; every other value and character is the old one."""
    document = Document.parse(contract[0], "c.yaml")
    routes = [route for route, node in document.nodes() if isinstance(node, Scalar) and node.style != "literal"]
    route = data.draw(st.sampled_from(routes))
    old = document.node(route)

    after = splice(document, [SetScalar(route, new)])

    assert after.node(route).text == new
    assert after.text.startswith(document.text[: old.start])
    assert after.text.endswith(document.text[old.end :])
    assert {r: view(n) for r, n in after.nodes() if isinstance(n, Scalar) and r != route} == {
        r: view(n) for r, n in document.nodes() if isinstance(n, Scalar) and r != route
    }
    assert splice(after, [SetScalar(route, new)]).data == after.data


@given(contracts(), NEW_TEXT)
@settings(max_examples=200, deadline=None)
def test_setting_the_old_value_again_changes_nothing(contract, new):
    """Set and set back give the same bytes where the quotes could stay."""
    document = Document.parse(contract[0], "c.yaml")
    route = ("metadata", "id")
    old = document.node(route)

    there = splice(document, [SetScalar(route, new)])
    back = splice(there, [SetScalar(route, old.text)])

    assert view(back.root).keys() == view(document.root).keys()
    if there.node(route).style == old.style:
        assert back.data == document.data


@given(contracts(), NEW_TEXT, st.integers(0, 1))
@settings(max_examples=300, deadline=None)
def test_inserting_adds_lines_and_changes_none(contract, new, which):
    """Without the lines that are new, the text is the old one; line ends, blanks and comments are kept."""
    document = Document.parse(contract[0], "c.yaml")
    value = {"version": new, "moves": [new, {"k": new}], "none": []}
    edits = [
        InsertKey(("tests", which), "status", "evidence", new),
        InsertKey(("tests", 1 - which), list(document.node(("tests", 1 - which)).values)[-1], "more", value),
        InsertKey((), "tests", "added", [new]),
    ]

    after = splice(document, [*edits, InsertItem(("tests",), {"id": new})])

    assert after.node(("tests", which + 1, "evidence")).text == new
    assert after.node(("tests", 2 - which, "more", "moves", 1, "k")).text == new
    assert after.node(("tests", 0, "id")).text == new
    old_lines, new_lines = document.text.split("\n"), iter(after.text.split("\n"))
    assert all(any(line.rstrip("\r") in each for each in new_lines) for line in old_lines)
    assert after.text.endswith("\n") == document.text.endswith("\n")
    assert after.bom == document.bom
    if "\r" not in document.text:
        assert "\r" not in after.text
    elif document.text.count("\r\n") == document.text.count("\n") > 0:
        assert after.text.count("\r\n") == after.text.count("\n")


@given(contracts(), NEW_TEXT)
@settings(max_examples=150, deadline=None)
def test_an_amendment_goes_in_front(contract, new):
    """A new item is the first of its list, whether the list was empty or not."""
    document = Document.parse(contract[0], "c.yaml")
    old = view(document.node(("amendments",)))

    after = splice(document, [InsertItem(("amendments",), {"version": new}), InsertItem(("amendments",), "2nd")])

    assert view(after.node(("amendments",))) == [{"version": (new, style_of(word(new)))}, ("2nd", "plain"), *old]


@given(NEW_TEXT, st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_word_is_read_back_as_the_same_text(text, flow):
    """Whatever is written is read as the same text, with quotes where the core schema would read another type."""
    token = word(text, flow=flow)
    source = f"a: {{b: {token}, c: d}}\n" if flow else f"a:\n  b: {token}\n"

    node = Document.parse(source.encode(), "c.yaml").node(("a", "b"))

    assert node.text == text
    assert resolve(node) == text
    assert node.style == style_of(token)


@given(st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_or_refused(data):
    """Bytes that are no contract give findings with places, and nothing else."""
    survives(data)


@given(contracts(), st.data())
@settings(max_examples=500, deadline=None)
def test_a_damaged_contract_is_read_or_refused(contract, data):
    """Bytes changed, cut out and put in give findings or another contract, in no time."""
    damaged = bytearray(contract[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        cut = data.draw(st.integers(0, 3))
        new = data.draw(st.sampled_from([*(bytes([c]) for c in b"\t:#-?[]{}&*!|>'\"%@`,\0\x1b\r\n\\ "), b"\xff", b"",
                                         b"---\n", b"<<: ", b"\xc2\x85", b"\xe2\x80\xae"]))  # fmt: skip
        damaged[at : at + cut] = new

    survives(bytes(damaged))


def survives(data: bytes) -> None:
    """Read bytes, and hold what is promised of any bytes."""
    started, findings = time.process_time(), ()
    try:
        document = Document.parse(data, "c.yaml")
    except ContractError as refusal:
        findings = refusal.findings
    else:
        assert all(0 <= node.start <= node.end <= len(document.text) for _, node in document.nodes())

    assert time.process_time() - started < 0.5
    assert all(each.code.startswith("PV1") and each.hint for each in findings)
    shown = [each for each in findings if each.severity == "error"]
    assert all(each.line and each.column and each.message.isprintable() for each in shown)
    assert shown == sorted(shown, key=lambda each: (each.line, each.column))


def test_edits_are_values():
    """Whoever is given one can rely on it: nothing in it is set again, and nothing is added."""
    kinds = {each for each in vars(edits).values() if is_dataclass(each)} | {
        type(layout(Document.parse(b"a: b", "c.yaml")))
    }

    assert len(kinds) == 7
    for each in kinds:
        assert each.__dataclass_params__.frozen
        assert "__dict__" not in dir(each)
