"""Lines with roles, and who gives them colours: the flag, then the environment, then the stream."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.cli import output
from pvcheck.report import styled
from pvcheck.report.styled import Line, folded, pieces_of

ESC = "\x1b["
ROLES = sorted(output.COLOURS)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x1b\n"), max_size=60)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        """Return True."""
        return True


def test_a_line_is_its_text_and_knows_its_pieces():
    """Who does not care about roles sees a text."""
    line = Line("a ", ("held", "good"), Line(("b", "bad"), "c"))

    assert line == "a heldbc"
    assert isinstance(line, str)
    assert line.pieces == (("a ", ""), ("held", "good"), ("b", "bad"), ("c", ""))
    assert pieces_of("plain") == (("plain", ""),)


def test_a_margin_keeps_roles_and_a_plain_line_plain():
    """Indentation is no reason to lose a colour."""
    first, second = styled.indented([Line(("a", "good")), "b"])

    assert first.pieces == (("  ", ""), ("a", "good"))
    assert type(second) is str
    assert second == "  b"


def test_the_lines_of_a_diff_have_the_roles_of_their_first_character():
    """A head is no removed line."""
    lines = list(styled.diff(["--- a/x", "+++ b/x", "@@ -1 +1 @@", " a", "-b", "+c"]))

    assert [pieces_of(each)[0][1] for each in lines] == ["head", "head", "head", "", "removed", "added"]


@pytest.mark.parametrize(
    ("asked", "variables", "terminal", "coloured"),
    [
        pytest.param(True, {"NO_COLOR": "1", "TERM": "dumb"}, False, True, id="flag before everything"),
        pytest.param(False, {"FORCE_COLOR": "1"}, True, False, id="flag against everything"),
        pytest.param(None, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, id="no before force"),
        pytest.param(None, {"NO_COLOR": ""}, True, True, id="an empty no is none"),
        pytest.param(None, {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True, id="force before term"),
        pytest.param(None, {"CLICOLOR_FORCE": "1"}, False, True, id="the other force"),
        pytest.param(None, {"FORCE_COLOR": "0", "CLICOLOR_FORCE": ""}, False, False, id="no force"),
        pytest.param(None, {"TERM": "dumb"}, True, False, id="dumb"),
        pytest.param(None, {"TERM": "xterm"}, True, True, id="terminal"),
        pytest.param(None, {"TERM": "xterm"}, False, False, id="pipe"),
    ],
)
def test_163_the_first_that_has_a_say_decides(asked, variables, terminal, coloured):
    """Flag, NO_COLOR, FORCE_COLOR or CLICOLOR_FORCE, TERM=dumb, and at last the stream."""
    stream = Terminal() if terminal else io.StringIO()

    assert output.is_coloured(stream, asked, variables) is coloured


@pytest.mark.parametrize("stream", [None, Terminal()], ids=["none", "closed"])
def test_a_stream_that_is_gone_is_no_terminal(stream):
    """Nobody looks."""
    if stream is not None:
        stream.close()

    assert output.is_coloured(stream, None, {}) is False


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--color", "always", "validate"], id="before"),
        pytest.param(["validate", "--color", "always"], id="after"),
        pytest.param(["--color=never", "validate", "--color=always"], id="the command wins"),
        pytest.param(["--color=never", "--color=always", "validate"], id="the last wins"),
    ],
)
def test_the_flag_stands_before_the_command_or_after_it(project, pv, words):
    """What is said last holds; errors that end a command keep to it too."""
    project.edit("growth: < 18", "growth: around 18")

    out = pv(*words)[1]
    err = pv(*words[:-1], words[-1], "nowhere")[2]

    assert f"{ESC}1mcontracts/c.yaml:16:13: {ESC}0m" in out
    assert f"{ESC}1;31mPV301{ESC}0m" in out
    assert f"{ESC}1;31m1 error{ESC}0m" in out
    assert err == "" or ESC in err


def test_an_error_that_ends_a_command_is_coloured_as_asked(pv, tmp_path, monkeypatch):
    """The options are known until the last message."""
    monkeypatch.chdir(tmp_path)

    assert f"{ESC}1;31mPV707{ESC}0m" in pv("--color=always", "validate", ".")[2]
    assert ESC not in pv("--color=never", "validate", ".")[2]


def test_parts_of_a_group_take_the_flag_too(pv, project):
    """``pv evidence verify --color never`` is no usage error, however often it is asked; 4: there are no records."""
    assert [pv("evidence", "verify", "--color", "never")[0] for _ in range(2)] == [4, 4]


def test_what_is_said_in_colours_is_said_in_words(project, pv):
    """Without the escapes, both outputs are one text."""
    project.edit("growth: < 18", "growth: around 18")

    coloured = pv("validate", "--color=always")[1]
    plain = pv("validate", "--color=never")[1]

    for code in {*output.COLOURS.values(), "0"}:
        coloured = coloured.replace(f"{ESC}{code}m", "")
    assert coloured == plain
    assert ESC not in plain


@given(text=TEXTS, role=st.sampled_from(ROLES))
def test_no_foreign_text_moves_a_cursor(text, role):
    """Each piece is escaped before it is dressed: only our own sequences are left."""
    stream = io.StringIO()

    output._put(stream, [Line((text, role))])
    told = output._dressed(f"{text}\x1b[2J", role, stream)

    assert told.count("\x1b") == 2
    assert told.startswith(f"{ESC}{output.COLOURS[role]}m")
    assert told.endswith(f"{ESC}0m")
    assert all(char.isprintable() or char == "\t" for char in told.replace("\x1b", ""))


def test_a_stream_with_few_characters_gets_drawings_of_the_same_width():
    """Bars stay bars, and what is no drawing becomes an escape."""

    class Narrow(io.StringIO):
        encoding = "ascii"

    assert output._dressed("██▍ 1…\u03c3", "", Narrow()) == "##. 1~\\u03c3"
    assert all(len(chr(char)) == len(drawn) for char, drawn in ((k, chr(v)) for k, v in output.PLAIN.items()))


def test_a_stream_that_is_closed_lets_the_lines_be_made(monkeypatch):
    """What goes wrong while they are made is not lost with the stream."""
    made = []
    monkeypatch.setattr(output.sys, "stdout", None)

    output.show(made.append(each) or "x" for each in range(3))

    assert made == [0, 1, 2]
    assert output.columns() is None
    assert output.since() is None


def test_a_long_line_is_folded_between_words_with_its_roles():
    """The rest stands deeper; a word that is wider than the line stays whole."""
    line = Line("  ", ("PV604", "warning"), " less than a tenth of ", ("it", "good"), " 0x1234567890123456789 end")

    parts = list(folded(line, 20))

    assert list(folded("  0123456789 b", 8)) == ["  0123456789", "    b"]
    assert parts == ["  PV604 less than a", "      tenth of it", "      0x1234567890123456789", "      end"]
    assert pieces_of(parts[0])[1] == ("PV604", "warning")
    assert ("it", "good") in pieces_of(parts[1])


@given(text=st.text(st.sampled_from("ab 1."), max_size=80), width=st.integers(8, 40))
def test_folding_loses_no_word(text, width):
    """The words are the same, in their order; no part is wider than it must be."""
    parts = list(folded(text, width))

    assert " ".join(parts).split() == text.split()
    assert all(len(each) <= width or len(each.split()) == 1 for each in parts if len(text) > width)


def test_a_person_at_a_terminal_gets_folded_lines_and_a_pipe_does_not(monkeypatch):
    """A pipe has every line as one."""
    wide, terminal = io.StringIO(), Terminal()
    monkeypatch.setattr("shutil.get_terminal_size", lambda: (10, 24))
    monkeypatch.setenv("COLUMNS", "10")
    for stream in (wide, terminal):
        monkeypatch.setattr(output.sys, "stdout", stream)
        monkeypatch.setattr(output, "columns", lambda stream=stream: 10 if stream.isatty() else None)
        output.tell(["one two three four"])

    assert wide.getvalue() == "one two three four\n"
    assert terminal.getvalue() == "one two\n    three\n    four\n"
