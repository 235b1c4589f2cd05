"""How large a schema is with each reference written out: a few lines can ask a validator for more than it ever does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON
    from pvcheck.loading.instance import Schema

MAX_EXPANDED: Final = 20_000
"""Parts of a schema. The largest that ships with pvcheck has 600."""
_OTHER_WAYS: Final = ("$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef")
"""Ways to name a part and to refer to it beside its place, which no model of parameters needs."""


def refuse_explosive(schema: Schema) -> None:
    """Refuse a schema whose references go in circles, or double it again and again.

    :raises ValueError: with the reason, also for a reference that leads nowhere or out of the schema.
    """
    if type(schema) is not dict:
        raise ValueError(f"a schema must be an object, got {type(schema).__name__}")
    if _Sizes(schema).of(schema) > MAX_EXPANDED:
        raise ValueError(f"a schema must have at most {MAX_EXPANDED} parts with its references written out")


class _Sizes:
    """The sizes of the parts of one schema. A part that holds itself is larger than any may be."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known: dict[str, int] = {}

    def of(self, part: JSON) -> int:
        """Return how many values a part has with its references written out."""
        if type(part) is list:
            return 1 + sum(self.of(each) for each in part if type(each) in {dict, list})
        if any(type(part.get(key)) is str for key in _OTHER_WAYS):
            raise ValueError("a schema may refer to its parts by their place only")
        size = 1 + sum(self.of(each) if type(each) in {dict, list} else 1 for each in part.values())
        target = part.get("$ref")
        return size + self._at(target) if type(target) is str else size

    def _at(self, pointer: str) -> int:
        """Return the size of the part that a reference leads to."""
        if pointer not in self._known:
            self._known[pointer] = MAX_EXPANDED  # until it is known, as for a part that is inside of itself
            self._known[pointer] = 1 + self.of(self._target(pointer))
        return self._known[pointer]

    def _target(self, pointer: str) -> JSON:
        """Return the part that a reference leads to."""
        root, *steps = pointer.split("/")
        part: Any = self._schema
        for step in steps:
            part = part.get(step.replace("~1", "/").replace("~0", "~")) if type(part) is dict else None
        if root != "#" or type(part) is not dict:
            raise ValueError(f"a schema may refer to its own parts only, not to {pointer:.80}")
        return part
