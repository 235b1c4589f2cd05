"""The values of a contract as they stand in the text: each knows the characters it covers."""

from __future__ import annotations

from typing import Literal, NamedTuple

ScalarStyle = Literal["plain", "single", "double", "literal", "folded"]


class Scalar(NamedTuple):
    """One text of the file. ``text[start:end]`` of the document is how it is written there.

    A value that is left out (``status:``) is an empty plain scalar of no width behind its colon.
    """

    text: str
    style: ScalarStyle
    start: int
    end: int


class Sequence(NamedTuple):
    """A list. A block list ends where its last item ends, before comments that follow."""

    items: tuple[Node, ...]
    flow: bool
    start: int
    end: int


class Mapping(NamedTuple):
    """A mapping: the nodes of its keys and of its values, both by the text of the key."""

    keys: dict[str, Scalar]
    values: dict[str, Node]
    flow: bool
    start: int
    end: int


Node = Scalar | Sequence | Mapping
