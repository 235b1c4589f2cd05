"""A contract's text, read strictly: every value has a route and a place, and nothing is lost.

The bytes are kept as they are. Values are cut out and replaced in the text (see ``splicing``), never written
back from objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import Finding, Severity
from pvcheck.text import characters, codes, events
from pvcheck.text.nodes import Mapping, Node, Scalar, Sequence
from pvcheck.text.report import Report, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.route import Route

_LFS = "version https://git-lfs.github.com/spec/"


class Document:
    """The text of one contract and the tree of its values.

    ``data`` has the bytes as they were read, ``text`` the characters without the byte order mark. A tree is twenty
    times as large as its text: who keeps thousands of documents for later lets them rest.
    """

    __slots__ = ("_root", "bom", "data", "path", "text")

    def __init__(self, path: str, data: bytes, text: str, root: Mapping, *, bom: bool) -> None:
        self.path = path
        self.data = data
        self.bom = bom
        self.text = text
        self._root: Mapping | None = root

    @property
    def root(self) -> Mapping:
        """The mapping at the top; after a rest it is read again from the text."""
        if self._root is None:
            self._root = self.parse(self.data, self.path).root
        return self._root

    def rest(self) -> None:
        """Let go of the tree until somebody asks for it."""
        self._root = None

    @classmethod
    def parse(cls, data: bytes, path: str) -> Document:
        """Read bytes as a contract's text.

        :raises ContractError: with everything that is wrong, in the order of the file. No bytes raise anything else.
        :raises ConfigError: when PyYAML was installed without its C parser.
        """
        text, bom = characters.decode(data, path)
        report = Report(path, text)
        clean = characters.check(text, report)
        characters.check_conflicts(clean, report)
        root = None if report.has(codes.CONFLICT) else _root(clean, report)
        if error := report.error():
            raise error
        assert isinstance(root, Mapping)  # noqa: S101 - anything else was reported
        return cls(path, data, text, root, bom=bom)

    def node(self, route: Route) -> Node:
        """Return the node of a route.

        :raises KeyError: when the text has no such value.
        """
        node = self.get(route)
        if node is None:
            raise KeyError(route)
        return node

    def get(self, route: Route) -> Node | None:
        """Return the node of a route, or None when the text has no such value."""
        node: Node | None = self.root
        for step in route:
            node = _child(node, step)
        return node

    def place(self, route: Route) -> tuple[int, int]:
        """Return line and column of a value, both from 1."""
        return place(self.text, self.node(route).start)

    def key_place(self, route: Route) -> tuple[int, int]:
        """Return line and column of the key of a value; a list item has none, so its own place.

        :raises KeyError: when the text has no such value.
        """
        node = self.node(route)
        return place(self.text, (self._key(route) or node).start)

    def nodes(self) -> Iterator[tuple[Route, Node]]:
        """Yield each value with its route, in the order of the text, a collection before its parts."""
        waiting: list[tuple[Route, Node]] = [((), self.root)]
        while waiting:
            route, node = waiting.pop()
            yield route, node
            waiting.extend(reversed([((*route, step), child) for step, child in children(node)]))

    def finding(  # noqa: PLR0913 - it has the fields of a finding
        self,
        code: str,
        message: str,
        route: Route,
        hint: str = "",
        severity: Severity = Severity.ERROR,
        *,
        at_key: bool = False,
        exit_code: int = 1,
    ) -> Finding:
        """Return a finding at a value, at its key, or at the nearest value around a route that is absent.

        A value that is left out is shown at its key.
        """
        while (node := self.get(route)) is None:
            route, at_key = route[:-1], False
        if at_key or node == Scalar("", "plain", node.start, node.start):
            node = self._key(route) or node
        line, column = place(self.text, node.start)
        return Finding(code, message, self.path, line, column, hint, severity, exit_code)

    def _key(self, route: Route) -> Scalar | None:
        parent = self.get(route[:-1]) if route else None
        return parent.keys[str(route[-1])] if isinstance(parent, Mapping) else None


def children(node: Node) -> list[tuple[str | int, Node]]:
    """Return the parts of a node, each with the step that leads to it."""
    if isinstance(node, Mapping):
        return list(node.values.items())
    return list(enumerate(node.items)) if isinstance(node, Sequence) else []


def _child(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.values.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def _root(text: str, report: Report) -> Node | None:
    """Return the root, and report when it is not a mapping. A stream that broke off says why by itself."""
    root = events.build(text, report)
    if report.error() is not None or isinstance(root, Mapping):
        return root
    if root is None or (isinstance(root, Scalar) and root.start == root.end):
        report.add(codes.EMPTY, "file must hold a mapping, got nothing", 0, "write a contract, or delete the file")
        return None
    what = "a list" if isinstance(root, Sequence) else "a text"
    hint = "start with a key such as metadata:"
    if text.startswith(_LFS):
        what, hint = "a git-lfs pointer", "run git lfs pull"
    elif text.startswith("<"):
        what, hint = "what looks like a web page", "download the file itself"
    report.add(codes.ROOT, f"file must be a mapping, got {what}", root.start, hint)
    return root
