"""From libyaml's stream of events to nodes, without recursion, and with all that a contract may not hold refused.

Only the stream is used. libyaml's composer and loader recurse: a file of 30 KB ends the process with a
signal, which no ``try`` sees. Here the depth is counted before anything is built, and the stream is
dropped where it goes over the limit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from pvcheck.errors import ConfigError, Finding, quoted
from pvcheck.text import codes, syntax
from pvcheck.text.characters import forbidden_in
from pvcheck.text.core_schema import other_reading
from pvcheck.text.limits import MAX_DEPTH, MAX_KEY, MAX_NODES, MAX_SCALAR
from pvcheck.text.nodes import Mapping, Node, Scalar, ScalarStyle, Sequence
from pvcheck.text.report import place

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck.text.report import Report

_COLON = re.compile(r"[ \t]*:")
_Event = Any  # PyYAML's stubs have neither the fields of each event nor a promise that marks exist
_STYLES: dict[str, ScalarStyle] = {
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}
_QUOTED = frozenset({"single", "double"})


def build(text: str, report: Report) -> Node | None:
    """Return the root of the one document in a text, and report what is wrong with it.

    The node is complete only when nothing was reported.

    :raises ConfigError: when PyYAML was installed without its C parser.
    """
    return _Builder(text, report).run()


class _Frame:
    """A list or a mapping that is not complete yet. ``end`` follows the last part that was added."""

    __slots__ = ("end", "flow", "items", "key", "keys", "mapping", "start", "unique", "values")

    def __init__(self, start: int, *, flow: bool, mapping: bool) -> None:
        self.start = self.end = start
        self.flow = flow
        self.mapping = mapping
        self.items: list[Node] = []
        self.keys: dict[str, Scalar] = {}
        self.unique: dict[str, Scalar] = {}
        self.values: dict[str, Node] = {}
        self.key: Scalar | None = None

    def node(self, end: int) -> Node:
        """Return the complete node. A flow collection ends at its bracket, a block one with its last part."""
        end = max(end, self.end) if self.flow else self.end
        if self.mapping:
            return Mapping(self.keys, self.values, self.flow, self.start, end)
        return Sequence(tuple(self.items), self.flow, self.start, end)


class _Builder:
    """One pass over the events of one text."""

    def __init__(self, text: str, report: Report) -> None:
        self.text = text
        self.report = report
        self.root: Node | None = None
        self.stack: list[_Frame] = []
        self.quote = (0, 0)
        self.nodes = 0
        self.documents = 0
        self.done = False

    def run(self) -> Node | None:
        """Take events until the stream ends or something ends it early."""
        loader = _loader(self.text)
        try:
            next_event, actions, report = loader.get_event, self._actions(), self.report
            while not (self.done or report.is_full):
                event = next_event()
                if action := actions.get(type(event)):
                    action(event)
        except yaml.YAMLError as error:
            self._syntax(error)
        return self.root

    def _actions(self) -> dict[type, Callable[[_Event], None]]:
        """Return what is done about each event. It is not kept, or it would keep this builder and the text with it."""
        return {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
            yaml.StreamEndEvent: self._finish,
        }

    def _syntax(self, error: yaml.YAMLError) -> None:
        # A forbidden character was replaced, which may be what broke the syntax: say only the first cause.
        if not self.report.has(codes.CONTROL, codes.BIDI, codes.INVISIBLE):
            self.report.add(*syntax.translate(error, self.text, self.quote))

    def _document(self, event: _Event) -> None:
        self.documents += 1
        index = event.start_mark.index
        if self.documents > 1:
            self._stop(*syntax.several(index))
        elif event.version or event.tags:
            self.report.add(*syntax.directive(index))

    def _finish(self, _event: _Event) -> None:
        self.done = True

    def _stop(self, code: str, message: str, index: int, hint: str) -> None:
        self.report.add(code, message, index, hint)
        self.done = True

    def _refuse(self, event: _Event, index: int) -> None:
        """Report a node that is one too many, or has properties."""
        if self.nodes > MAX_NODES:
            message = f"file must hold at most {MAX_NODES} values, a list or mapping counted twice, got more"
            self._stop(codes.NODES, message, index, "move data out of the contract")
        if event.anchor is not None:
            message = f"value must have no anchor, got {quoted('&' + event.anchor)}"
            self.report.add(codes.ANCHOR, message, index, "delete the anchor; quote text that starts with &")
        if event.tag is not None:
            message = f"value must have no tag, got {quoted(event.tag)}"
            self.report.add(codes.TAG, message, index, "delete the tag; quote text that starts with !")

    def _scalar(self, event: _Event) -> None:
        start: int = event.start_mark.index
        self.nodes += 1
        if self.nodes > MAX_NODES or event.anchor is not None or event.tag is not None:
            self._refuse(event, start)
        end: int = event.end_mark.index
        value: str = event.value
        style = _STYLES[event.style]
        if style in _QUOTED:
            self.quote = (start, end)
            if self.text.find("\\", start, end) >= 0:
                self._check_escapes(value, start)
        elif style != "plain":
            end = _tight_end(self.text, value, start, end)
        if len(value) > MAX_SCALAR:
            message = f"value must be at most {MAX_SCALAR} characters, got {len(value)}"
            self.report.add(codes.SCALAR_LONG, message, start, "move long text out of the contract")
        self._attach(Scalar(value, style, start, end))

    def _check_escapes(self, value: str, start: int) -> None:
        if char := forbidden_in(value):
            message = f"escape must not stand for a control or an invisible character, got U+{ord(char):04X}"
            self.report.add(codes.ESCAPE, message, start, "delete the escape; \\n and \\t are legal")

    def _alias(self, event: _Event) -> None:
        index: int = event.start_mark.index
        message = f"value must be written out, got the alias {quoted('*' + event.anchor)}"
        self.report.add(codes.ALIAS, message, index, "write the value again; quote text that starts with *")
        self._attach(Scalar(event.anchor, "double", index, event.end_mark.index))

    def _open(self, event: _Event) -> None:
        start: int = event.start_mark.index
        self.nodes += 2  # it ends as well as starts: a hundred thousand empty lists cost as much as twice the words
        if self.nodes > MAX_NODES or event.anchor is not None or event.tag is not None:
            self._refuse(event, start)
        if len(self.stack) == MAX_DEPTH:
            message = f"lists and mappings must be at most {MAX_DEPTH} levels deep, got more"
            self._stop(codes.DEPTH, message, start, "flatten the structure")
        mapping = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Frame(start, flow=bool(event.flow_style), mapping=mapping))

    def _close(self, event: _Event) -> None:
        self._attach(self.stack.pop().node(event.end_mark.index))

    def _attach(self, node: Node) -> None:
        """Hand a complete node to the list or mapping around it."""
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if not frame.mapping:
            frame.items.append(node)
            frame.end = node.end
        elif frame.key is None:
            frame.key = self._key(frame, node)
            frame.end = node.end
        else:
            if node.start == node.end:
                node = self._behind_key(node, frame.key)
            frame.values[frame.key.text] = node
            frame.end = node.end
            frame.key = None

    def _behind_key(self, node: Node, key: Scalar) -> Node:
        """Return where a value that is left out stands: behind its colon, or without one (``{a}``) behind its key."""
        if self.text[node.start - 1] == ":":
            return node
        colon = _COLON.match(self.text, key.end)
        end = colon.end() if colon else key.end
        return Scalar("", "plain", end, end)

    def _key(self, frame: _Frame, node: Node) -> Scalar:
        """Return a node as a key after checking that it is one, and the only one of its text."""
        if not isinstance(node, Scalar):
            what = "a mapping" if isinstance(node, Mapping) else "a list"
            self.report.add(codes.KEY_NOT_TEXT, f"key must be text, got {what}", node.start, "give the key a name")
            node = Scalar("", "double", node.start, node.end)
        elif node.style == "plain":
            self._check_plain_key(node)
        if len(node.text) > MAX_KEY:
            message = f"key must be at most {MAX_KEY} characters, got {len(node.text)}"
            self.report.add(codes.KEY_LONG, message, node.start, "shorten the key")
        first = frame.unique.setdefault(node.text if node.text.isascii() else _normal(node.text), node)
        if first is not node:
            self._duplicate(node, first)
        frame.keys[node.text] = node
        return node

    def _check_plain_key(self, key: Scalar) -> None:
        if key.text == "<<":
            hint = "write the keys out; quote the key to mean the text"
            self.report.add(codes.MERGE, 'mapping must hold no merge key, got "<<"', key.start, hint)
        elif what := other_reading(key.text):
            message = f"key must be text, got {quoted(key.text)}, which YAML may read as {what}"
            hint = f"quote it: {quoted(key.text)}:" if key.text else "write the key before the colon"
            self.report.add(codes.KEY_UNQUOTED, message, key.start, hint)

    def _duplicate(self, key: Scalar, first: Scalar) -> None:
        line, column = place(self.text, first.start)
        message = f"key {quoted(key.text)} must stand once in its mapping, got it at {line}:{column} too"
        self.report.add(codes.DUPLICATE, message, key.start, "delete or rename one of them")


def _normal(key: str) -> str:
    """Return a key in the one form that Unicode gives to texts that look the same."""
    from unicodedata import normalize  # noqa: PLC0415 - few contracts have such a key, all would pay

    return normalize("NFC", key)


def _tight_end(text: str, value: str, start: int, end: int) -> int:
    """Return where the last line of a block scalar ends: libyaml's mark includes blank lines that are no content."""
    header = text[start : text.find("\n", start)]
    if "+" in header.split("#")[0] and value.endswith("\n"):
        return end
    written = text[start:end]
    last = value.rstrip("\n")[-1:]
    return start + len(written.rstrip("\r\n" if last.isspace() else None))


def _loader(text: str) -> yaml.CSafeLoader:
    # The pure-Python parser counts a byte order mark, recurses, and refuses a tab before a comment.
    if not yaml.__with_libyaml__:
        message = "PyYAML must be installed with its C parser (libyaml), got the pure-Python one"
        hint = "pip install --force-reinstall --only-binary pyyaml pyyaml"
        raise ConfigError(Finding(codes.NO_LIBYAML, message, hint=hint))
    return yaml.CSafeLoader(text)
