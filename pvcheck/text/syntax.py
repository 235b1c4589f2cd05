"""What libyaml says about text that is not YAML, in our words, at the place that has to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.errors import quoted
from pvcheck.text import codes
from pvcheck.text.report import place

if TYPE_CHECKING:
    import yaml

_LONGEST_KEY_OF_LIBYAML = 1024


class Problem(NamedTuple):
    """One finding about syntax, at an index into the text."""

    code: str
    message: str
    at: int
    hint: str


class _Rule(NamedTuple):
    """What to say when libyaml's words contain ``needle``; ``at_start`` points at the start of the construct."""

    needle: str
    code: str
    message: str
    hint: str
    at_start: bool = False


_RULES = (
    _Rule(
        "unexpected end of stream",
        codes.UNCLOSED,
        "quote must be closed, got the end of the file",
        "add the closing quote to the text that this one opens",
        at_start=True,
    ),
    _Rule(
        "unexpected document indicator",
        codes.UNCLOSED,
        "quote must be closed, got a line that starts with --- or ...",
        "add the closing quote to the text that this one opens",
        at_start=True,
    ),
    _Rule(
        "expected ',' or",
        codes.UNCLOSED,
        "{opening} of {line}:{column} must be closed or go on with a comma, got {char}",
        "close the bracket, or put a comma between its parts",
    ),
    _Rule(
        "invalid Unicode character escape",
        codes.ESCAPE,
        "escape must name a character, got a surrogate or a number past U+10FFFF",
        "write the character itself, or escape it as \\U and 8 digits",
    ),
    _Rule(
        "unknown escape character",
        codes.SYNTAX,
        "escape must be one that YAML knows, got a backslash and {next}",
        "write two backslashes for one, or use single quotes",
    ),
    _Rule(
        "expected hexdecimal number",
        codes.SYNTAX,
        "escape must be hexadecimal, got {char}",
        "\\x takes 2 digits, \\u 4, \\U 8; write two backslashes for one",
    ),
    _Rule(
        "scanning an anchor",
        codes.ANCHOR,
        "value must not start with an unquoted &",
        "put the text between quotes",
        at_start=True,
    ),
    _Rule(
        "scanning an alias",
        codes.ALIAS,
        "value must not start with an unquoted *",
        "put the text between quotes",
        at_start=True,
    ),
    _Rule(
        " a tag",
        codes.TAG,
        "value must not start with an unquoted !",
        "put the text between quotes",
        at_start=True,
    ),
    _Rule(
        "undefined tag handle",
        codes.TAG,
        "value must not start with an unquoted !",
        "put the text between quotes",
    ),
    _Rule(
        "mapping values are not allowed",
        codes.SYNTAX,
        "colon must not stand inside an unquoted value or after a key that is out of line",
        "quote the text that holds the colon, or line the key up with its neighbours",
    ),
    _Rule(
        "cannot start any token",
        codes.SYNTAX,
        "value must not start with an unquoted {char}",
        "put the text between quotes",
    ),
    _Rule(
        "unexpected ':'",
        codes.SYNTAX,
        "colon must be followed by a space, got {next}",
        "put a space behind the colon, or quote the text",
    ),
    _Rule(
        "find expected ':'",
        codes.SYNTAX,
        "key must be followed by a colon",
        "add the colon and a value; or, if this goes on with the text above, indent it",
        at_start=True,
    ),
    _Rule(
        "expected key",
        codes.SYNTAX,
        "key must stand here, in line with the mapping that starts at {line}:{column}, got {char}",
        "line it up with the keys of its mapping; quote a value that starts with a quote or a bracket and goes on",
    ),
    _Rule(
        "expected '-' indicator",
        codes.SYNTAX,
        "list item must start with a dash, in line with the list that starts at {line}:{column}, got {char}",
        "line it up with the dashes above, or end the list by a key with less indentation",
    ),
    _Rule(
        "sequence entries are not allowed",
        codes.SYNTAX,
        "list must start on a line of its own",
        "move the dash to the next line, or quote the text that starts with it",
    ),
    _Rule(
        "expected node content",
        codes.SYNTAX,
        "value must stand here, got {char}",
        "put a value here, or quote text that starts with this character",
    ),
    _Rule(
        "scanning a block scalar",
        codes.SYNTAX,
        "block of text must start with | or > alone on its line, got {char}",
        "move the text to the next line, or quote it",
    ),
)
_DEFAULT = _Rule("", codes.SYNTAX, "text must be YAML, got {char}", "compare the line and the one above with the docs")


def translate(error: yaml.YAMLError, text: str, quote: tuple[int, int]) -> Problem:
    """Return the finding that says what libyaml's error means.

    ``quote`` is the range of the last quoted text before it: a quote that was forgotten swallows text up to the
    next one, and only what stands behind that one breaks the syntax.
    """
    index, start = _index(error, "problem_mark"), _index(error, "context_mark")
    line_start = text.rfind("\n", 0, index) + 1
    margin = text[line_start : index + 1]
    indentation = margin[: len(margin) - len(margin.lstrip(" \t"))]
    if "\t" in indentation:
        at = line_start + indentation.index("\t")
        return Problem(codes.TAB, "indentation must be spaces, got a tab", at, "replace the tab by spaces")
    if margin.startswith("%"):
        return directive(line_start)
    words = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    if "<document start>" in words:
        return _after_end(text, index)
    rule = next((rule for rule in _RULES if rule.needle in words), _DEFAULT)
    if text[index : index + 1] == ":" and index - line_start > _LONGEST_KEY_OF_LIBYAML and ": " not in margin:
        return Problem(codes.KEY_LONG, "key must be at most 256 characters, got more", line_start, "shorten the key")
    if "\n" in text[slice(*quote)] and not text[quote[1] : index].strip():
        return _unclosed(text, *quote)
    return Problem(rule.code, _filled(rule.message, text, index, start), start if rule.at_start else index, rule.hint)


def directive(index: int) -> Problem:
    """Return the finding about a line that starts with a percent sign."""
    message = "file must hold no directive, got a line that starts with %"
    return Problem(codes.DIRECTIVE, message, index, "delete the line: contracts are read as YAML 1.2 without it")


def several(index: int) -> Problem:
    """Return the finding about a second document."""
    message = "file must hold one document, got a second one"
    return Problem(codes.SEVERAL, message, index, "move it to a file of its own, or delete the --- or ... above it")


def _unclosed(text: str, start: int, end: int) -> Problem:
    line, column = place(text, end - 1)
    message = f"quote must be closed before the text that follows, got its end at {line}:{column}"
    return Problem(codes.UNCLOSED, message, start, "add the closing quote to the text that this one opens")


def _after_end(text: str, index: int) -> Problem:
    if text[:index].rstrip().endswith("\n..."):
        return several(index)
    message = f"text must end with its mapping, got {_shown(text, index)} after it"
    return Problem(codes.SYNTAX, message, index, "line the key up with the keys at the top of the file")


def _index(error: yaml.YAMLError, name: str) -> int:
    mark = getattr(error, name, None)
    return mark.index if mark else 0


def _shown(text: str, index: int) -> str:
    char = text[index : index + 1]
    return "the end of the file" if not char else "the end of the line" if char in "\r\n" else quoted(char)


def _filled(message: str, text: str, index: int, start: int) -> str:
    line, column = place(text, start)
    return message.format(
        char=_shown(text, index), next=_shown(text, index + 1), opening=_shown(text, start), line=line, column=column
    )
