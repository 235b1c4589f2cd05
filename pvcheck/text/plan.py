"""Where edits cut the text, what they put there, and what the text must say afterwards."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, NoReturn, cast

from pvcheck.domain.route import shown
from pvcheck.errors import BugError, ContractError, Finding, escaped, quoted
from pvcheck.text import codes
from pvcheck.text.characters import forbidden_in
from pvcheck.text.document import children
from pvcheck.text.edits import AppendItem, InsertItem, InsertKey, RemoveKey, SetScalar
from pvcheck.text.nodes import Mapping, Node, Scalar, Sequence
from pvcheck.text.render import USUAL, Layout, column, entry, layout, style_of, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.route import Route
    from pvcheck.text.document import Document
    from pvcheck.text.edits import Edit, Transplant
    from pvcheck.text.render import Value

_EMPTY_LIST = re.compile(r"\[[ \t]*\]")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_BLOCKS = frozenset({"literal", "folded"})

# Where lines of several edits meet, the deeper ones come first, then the items of a list before the next key.
_VALUE_RANK = (-1_000_000, 0)
_ITEM, _KEY = 0, 1

View = tuple[str, str] | dict[str, "View"] | list["View"]
"""The values of a text without their places: a scalar as its text and style."""


def view(node: Node) -> View:
    """Return the values of a node without their places."""
    if isinstance(node, Scalar):
        return (node.text, node.style)
    if isinstance(node, Sequence):
        return [view(item) for item in node.items]
    return {key: view(value) for key, value in node.values.items()}


class Cut(NamedTuple):
    """Text to put in the place of a range. Of several at one place, the one with the lowest rank stands first."""

    start: int
    end: int
    text: str
    rank: tuple[int, int] = _VALUE_RANK


class _Line(NamedTuple):
    """Where lines can be added, what ends a line there, and whether that is the start of a line."""

    at: int
    ending: str
    at_start: bool

    def insert(self, lines: list[str], rank: tuple[int, int]) -> Cut:
        """Return the cut that adds lines here."""
        text = self.ending.join(lines)
        return Cut(self.at, self.at, text + self.ending if self.at_start else self.ending + text, rank)


class Plan:
    """The cuts that make some edits, and the values that the text must have afterwards."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.text = document.text
        self.expected = view(document.root)
        self._cuts: list[Cut] = []
        self._items: dict[Route, list[Value]] = {}
        self._new_keys: dict[Route, str] = {}
        self._layout: Layout | None = None

    def add(self, edit: Edit) -> None:
        """Plan one edit, or refuse it."""
        if isinstance(edit, SetScalar):
            self._check_text(edit.route, edit.value)
            self._set(edit.route, edit.value)
        elif isinstance(edit, InsertKey):
            self._check_text(edit.route, {edit.key: edit.value})
            self._insert_key(edit)
        elif isinstance(edit, InsertItem):
            self._check_text(edit.route, edit.value)
            self._items.setdefault(edit.route, []).append(edit.value)
        elif isinstance(edit, AppendItem):
            self._check_text(edit.route, edit.value)
            self._append_item(edit.route, edit.value)
        elif isinstance(edit, RemoveKey):
            self._remove_key(edit)
        else:
            self._transplant(edit)

    def cuts(self) -> list[Cut]:
        """Return the cuts from the back of the text to its front; call it once, after the last edit.

        :raises BugError: when two edits cut the same text.
        """
        # Deepest lists first: an item at the front of a list moves the routes of all that is in it.
        for route in sorted(self._items, key=len, reverse=True):
            self._insert_items(route, self._items[route])
        cuts = sorted(self._cuts, key=lambda cut: (cut.start, cut.rank))
        if any(first.end > second.start for first, second in pairwise(cuts)):
            raise BugError(Finding("PV901", "edits must not overlap, got two of one text", self.document.path))
        return cuts[::-1]

    def _refuse(self, route: Route, message: str, edit: str) -> NoReturn:
        """Raise the refusal that names the place and what to put there."""
        finding = self.document.finding(codes.BY_HAND, message, route)
        hint = f"by hand, at {finding.path}:{finding.line}:{finding.column}: {edit}"
        raise ContractError(self.document.finding(codes.BY_HAND, message, route, hint))

    def _check_text(self, route: Route, value: Value) -> None:
        for text in _texts(value):
            if char := forbidden_in(text):
                where = f"U+{ord(char):04X} in {quoted(text)}"
                message = f"text must hold no control or invisible character, got {where}"
                self._refuse(route, message, "write the text without it")

    def _expected(self, route: Route) -> View:
        """Return the part of the expected values at a route of the document."""
        part = self.expected
        for step in route:
            part = part[str(step)] if isinstance(part, dict) else cast("list[View]", part)[cast("int", step)]
        return part

    def _expect(self, route: Route, part: View) -> None:
        parent, step = self._expected(route[:-1]), route[-1]
        if isinstance(parent, dict):
            parent[str(step)] = part
        else:
            cast("list[View]", parent)[cast("int", step)] = part

    def _in_flow(self, route: Route) -> bool:
        above = (self.document.node(route[:depth]) for depth in range(len(route)))
        return any(not isinstance(node, Scalar) and node.flow for node in above)

    def _set(self, route: Route, value: str) -> None:
        node = self.document.get(route)
        edit = f"set {shown(route)} to {quoted(value)}"
        if not isinstance(node, Scalar):
            self._refuse(route, f"{shown(route)} must be a text to be set, got {_kind(node)}", edit)
        if "\n" in self.text[node.start : node.end] or node.style in _BLOCKS:
            self._refuse(route, f"{shown(route)} must be a text on one line to be set, got several lines", edit)
        token = word(value, node.style, flow=self._in_flow(route))
        if node.start == node.end:
            if self.text[node.start - 1] != (":" if isinstance(route[-1], str) else "-"):
                self._refuse(route, f"{shown(route)} must stand behind a colon to be set, got a key alone", edit)
            token = " " + token
        self._cuts.append(Cut(node.start, node.end, token))
        self._expect(route, (value, style_of(token.lstrip(" "))))

    def _insert_key(self, edit: InsertKey) -> None:
        route, key = edit.route, edit.key
        after = self._new_keys.get((*route, edit.after), edit.after)
        node = self.document.get(route)
        by_hand = f"behind {quoted(after)} add {_written(key, edit.value)}"
        if not isinstance(node, Mapping):
            self._refuse(route, f"{shown(route)} must be a mapping to add a key, got {_kind(node)}", by_hand)
        present = key in node.values or (*route, key) in self._new_keys
        if present or after not in node.values:
            there = f"{quoted(key)} there" if present else f"no {quoted(after)}"
            message = f"{shown(route)} must have {quoted(after)} and no {quoted(key)}, got {there}"
            self._refuse(route, message, by_hand)
        self._new_keys[*route, key] = after
        if node.flow:
            self._insert_flow_key(edit, node, node.values[after], by_hand)
            return
        at = column(self.text, node.start)
        line = self._line_behind(node.values[after], (*route, after), by_hand)
        self._cuts.append(line.insert(entry(f"{word(key)}:", edit.value, at, self._style()), (-at, _KEY)))
        self._expect((*route, key), _view_of(edit.value))

    def _insert_flow_key(self, edit: InsertKey, node: Mapping, behind: Node, by_hand: str) -> None:
        if not isinstance(edit.value, str) or self.text[node.start] != "{" or behind.start == behind.end:
            needed = f"a block mapping, or have a value at {quoted(edit.after)} and get a text"
            self._refuse(edit.route, f"{shown(edit.route)} must be {needed}, got a mapping in one line", by_hand)
        token = word(edit.value, flow=True)
        self._cuts.append(Cut(behind.end, behind.end, f", {word(edit.key, flow=True)}: {token}", (0, _KEY)))
        self._expect((*edit.route, edit.key), (edit.value, style_of(token)))

    def _insert_items(self, route: Route, values: list[Value]) -> None:
        node = self.document.get(route)
        edit = "in front of the list add " + " and ".join(_written("-", value) for value in values)
        if not isinstance(node, Sequence):
            self._refuse(route, f"{shown(route)} must be a list to add an item, got {_kind(node)}", edit)
        if node.flow:
            self._fill_empty(route, node, values, edit)
        else:
            at = column(self.text, node.start)
            ending = self._ending(self.text.find("\n", node.start))
            lines = [line for value in values for line in entry("-", value, at, self._style())]
            text = ending.join([*lines, " " * at])[at:]
            self._cuts.append(Cut(node.start, node.start, text, (-at, _ITEM)))
        cast("list[View]", self._expected(route))[:0] = map(_view_of, values)

    def _append_item(self, route: Route, value: Value) -> None:
        node = self.document.get(route)
        by_hand = f"behind the list add {_written('-', value)}"
        if not isinstance(node, Sequence) or node.flow:
            kind = "a list in brackets" if isinstance(node, Sequence) else _kind(node)
            self._refuse(route, f"{shown(route)} must be a block list to get an item at its end, got {kind}", by_hand)
        at = column(self.text, node.start)
        line = self._line_behind(node.items[-1], (*route, len(node.items) - 1), by_hand)
        self._cuts.append(line.insert(entry("-", value, at, self._style()), (-at, _ITEM)))
        cast("list[View]", self._expected(route)).append(_view_of(value))

    def _fill_empty(self, route: Route, node: Sequence, values: list[Value], edit: str) -> None:
        """Make the empty list behind a key a block list below the key."""
        parent = self.document.node(route[:-1])
        if not isinstance(parent, Mapping) or parent.flow or not self._is_behind_key(node, parent.keys[str(route[-1])]):
            message = f"{shown(route)} must be a block list, or [] behind its key, got a list in brackets"
            self._refuse(route, message, edit)
        style = self._style()
        at = column(self.text, parent.start) + style.dashes
        line = self._line_behind(node, route, edit)
        lines = [line for value in values for line in entry("-", value, at, style)]
        blank = len(self.text[: node.start]) - len(self.text[: node.start].rstrip(" \t"))
        gap = " " if self.text.startswith("#", node.end) else ""  # only behind a bracket is a comment one without it
        self._cuts.append(Cut(node.start - blank, node.end, gap))
        self._cuts.append(line.insert(lines, (-at, _ITEM)))

    def _is_behind_key(self, node: Sequence, key: Scalar) -> bool:
        between = self.text[key.end : node.start]
        return "\n" not in between and _EMPTY_LIST.fullmatch(self.text[node.start : node.end]) is not None

    def _remove_key(self, edit: RemoveKey) -> None:
        route, key = edit.route, edit.key
        node, place = self.document.get(route), (*route, key)
        by_hand = f"remove {quoted(key)} and its value"
        if not isinstance(node, Mapping) or key not in node.values or len(node.values) == 1:
            message = f"{shown(route)} must be a mapping of {quoted(key)} and another key to lose it"
            self._refuse(place, message, by_hand)
        order = list(node.values)
        at = order.index(key)
        if at == 0:
            gap, start, end = node.values[key].end, node.keys[key].start, node.keys[order[1]].start
            is_safe = (_COMMA.fullmatch if node.flow else str.isspace)(self.text[gap:end])
        elif node.flow:
            gap, start, end = node.keys[key].start, node.values[order[at - 1]].end, node.values[key].end
            is_safe = _COMMA.fullmatch(self.text[start:gap])
            start = self.text.find(",", start)  # a value left out needs the blank behind its colon
        else:
            start, end = self._lines_of(node.keys[key], node.values[key], by_hand, place)
            above = _deepest(node.values[order[at - 1]])
            closes = _is_block_of_text(above) and self.text[above.end : start].strip() == ""
            is_safe = self.text[start : node.keys[key].start].strip() == "" and (not closes or self._is_clear(end))
            if end == len(self.text) and not self.text.endswith("\n") and not closes:
                start -= len(self._ending(start - 1))  # the file had no last line end, and keeps having none
        if not is_safe:
            message = f"{quoted(key)} must stand alone on its lines, or between commas, to be removed"
            self._refuse(place, message, by_hand)
        self._cuts.append(Cut(start, end, ""))
        cast("dict[str, View]", self._expected(route)).pop(key)

    def _lines_of(self, key: Scalar, value: Node, by_hand: str, route: Route) -> tuple[int, int]:
        """Return the range of the whole lines of a key and its value, with the last line end where there is one."""
        line = self._line_behind(value, route, by_hand)
        end = line.at if line.at_start or line.at == len(self.text) else line.at + len(line.ending)
        return self.text.rfind("\n", 0, key.start) + 1, end

    def _is_clear(self, at: int) -> bool:
        """Say whether no blank line and no comment begins here, which a block of text above would take in."""
        below = self.text[at:].partition("\n")[0].strip()
        return at == len(self.text) or (below != "" and not below.startswith("#"))

    def _transplant(self, edit: Transplant) -> None:
        source, key = Plan(edit.source), edit.key
        there, here = edit.source.root, self.document.root
        by_hand = f"copy {quoted(key)} and its value from {escaped(edit.source.path)}"
        if there.flow or here.flow or column(self.text, here.start) != column(source.text, there.start):
            self._refuse((), f"the two files must be block mappings of one indentation to share {quoted(key)}", by_hand)
        if _is_block_of_text(_deepest(there.values[key])):
            self._refuse((key,), f"{quoted(key)} must not end in a block of text to be copied", by_hand)
        start, end = source._range(key, by_hand)
        text = source.text[start:end].replace("\r\n", "\n").replace("\n", self._ending(-1))
        if key in here.values:
            self._cuts.append(Cut(*self._range(key, by_hand), text))
        else:
            order = list(there.values)
            before = order[order.index(key) - 1] if key != order[0] else ""
            after = before if before in here.values else list(here.values)[-1]
            line = self._line_behind(here.values[after], (after,), by_hand)
            self._cuts.append(line.insert([" " * column(self.text, here.start) + text], (0, _KEY)))
        self._expect((key,), source._expected((key,)))

    def _range(self, key: str, by_hand: str) -> tuple[int, int]:
        """Return the range of a top-level key, its value and the comment behind it, without the last line end."""
        start, value = self.document.root.keys[key].start, self.document.root.values[key]
        _, end = self._lines_of(self.document.root.keys[key], value, by_hand, (key,))
        return start, end - len(self._ending(end - 1)) if self.text[end - 1] == "\n" else end

    def _style(self) -> Layout:
        self._layout = self._layout or layout(self.document)
        return self._layout

    def _line_behind(self, node: Node, route: Route, edit: str) -> _Line:
        """Return where lines can be added behind a value in block style."""
        last = _deepest(node)
        if self.text[last.end - 1] == "\n":
            return _Line(last.end, self._ending(last.end - 1), at_start=True)
        end = self.text.find("\n", last.end)
        if end < 0 and isinstance(last, Scalar) and last.style in _BLOCKS:
            self._refuse(
                route, "block of text must end with a line break to be followed, got the end of the file", edit
            )
        end = len(self.text) if end < 0 else end
        ending = self._ending(end)
        return _Line(end - len(ending) + 1 if end < len(self.text) else end, ending, at_start=False)

    def _ending(self, at: int) -> str:
        """Return what ends the line whose line feed stands at an index; at the end of the file, what ends the first."""
        if not 0 <= at < len(self.text):
            at = self.text.find("\n")
        return "\r\n" if at > 0 and self.text[at - 1] == "\r" else "\n"


def _deepest(node: Node) -> Node:
    """Return the value that stands last in a value in block style."""
    while (parts := children(node)) and not isinstance(node, Scalar) and not node.flow:
        node = parts[-1][1]
    return node


def _is_block_of_text(node: Node) -> bool:
    return isinstance(node, Scalar) and node.style in _BLOCKS


def _kind(node: Node | None) -> str:
    if isinstance(node, Scalar):
        return "a text"
    return "nothing" if node is None else "a mapping" if isinstance(node, Mapping) else "a list"


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        for key, item in value.items():
            yield key
            yield from _texts(item)


def _view_of(value: Value) -> View:
    if isinstance(value, str):
        return (value, style_of(word(value)))
    if isinstance(value, list):
        return [_view_of(item) for item in value]
    return {key: _view_of(item) for key, item in value.items()}


def _written(key: str, value: Value) -> str:
    """Return a new entry as a hint shows it, on one line."""
    mark = key if key == "-" else f"{word(key)}:"
    return escaped("\n".join(entry(mark, value, 0, USUAL)))
