"""Values of contracts as a message shows them: short, escaped, and so that two that differ look different."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pvcheck.domain.difference import ABSENT
from pvcheck.errors import escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pvcheck.domain.canonical import JSON

WIDTH = 60
"""Characters of one value in a message."""

LEAD = 20
"""Characters that are kept in front of the place where two long texts part."""


def change(before: JSON, after: JSON) -> str:
    """Return what became of a value, as the end of a sentence: ``changed from 1 to 2``, ``was removed``."""
    if before is ABSENT:
        return "was added" if _is_block(after) else f"was added: {value(after)}"
    if after is ABSENT:
        return "was removed" if _is_block(before) else f"was removed: {value(before)}"
    return f"changed {pair(before, after)}"


def pair(before: JSON, after: JSON) -> str:
    """Return both values: ``from 1 to 2``; of long ones the part in which they differ."""
    old, new = _text(before), _text(after)
    same = next(
        (at for at, both in enumerate(zip(old, new, strict=False)) if both[0] != both[1]), min(len(old), len(new))
    )
    cut = same - LEAD
    if cut > 0 and max(len(old), len(new)) > WIDTH:
        return f"from {quoted('…' + old[cut:], WIDTH)} to {quoted('…' + new[cut:], WIDTH)}"
    return f"from {value(before)} to {value(after)}"


def value(told: JSON) -> str:
    """Return one value: text in quotes, numbers as short as they are, collections as JSON."""
    return quoted(told, WIDTH) if isinstance(told, str) else escaped(_text(told), WIDTH)


def number(told: float) -> str:
    """Return a number in the short form where that says all of it: 1e+06, but 1234567.5."""
    short = f"{told:g}"
    return short if float(short) == told or told != told else repr(told)  # noqa: PLR0124 - NaN is short


def listed(values: Iterable[JSON]) -> str:
    """Return values as a sentence joins them."""
    *first, last = map(value, values)
    return f"{', '.join(first)} and {last}" if first else last


def bounds(texts: Iterable[str]) -> str:
    """Return the bounds on a metric as they are written."""
    return " and ".join(escaped(" ".join(text.split()), WIDTH) for text in texts)


def _is_block(told: JSON) -> bool:
    return isinstance(told, dict | list)


def _text(told: JSON) -> str:
    """Return a value as text without quotes."""
    if isinstance(told, str):
        return told
    if isinstance(told, float):
        return number(told)
    return "nothing" if told is None else json.dumps(told, ensure_ascii=False)
