"""Changes to inputs that a fuzzer tries: of bytes, of words, and of JSON as what it is."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from fuzz.targets import Target

_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_LEAVES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**18, 10**400, 0.5, -0.0, 1e308, "", "x", "nan", "0x1.8000000000000p+0", "a\nb",
    "\x1b[2J", "\u202e", "F-1", "growth", "< 18", "sha256:" + "0" * 64, "y" * 300, [], {}, [[]], {"": 1}, [1, 2],
    [["a", 1]], [[1, 2], ["a", 1]],
)  # fmt: skip


def mutated(data: bytes, target: Target, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with one to four changes, at most as long as the target takes."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        changed = json_mutated(data, rng) if target.is_json and rng.random() < 0.6 else None
        data = _changed(data, target, rng, others) if changed is None else changed
    return data[: target.largest]


def json_mutated(data: bytes, rng: Random) -> bytes | None:
    """Return JSON with one value replaced, removed, doubled or nested, on one line or as records lie on a disk.

    Of several lines that are each JSON, one is changed. None where it is none.
    """
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    whole = data.startswith((b"{\n", b"[\n"))
    try:
        told = json.loads(data if whole else lines[at])
        told = _nested(told, rng) if rng.random() < 0.05 else _one_changed(told, rng)
        style: dict[str, Any] = {"indent": 1} if whole else {"separators": (",", ":")}
        text = json.dumps(told, sort_keys=True, ensure_ascii=False, **style).encode()
    except (ValueError, RecursionError):
        return None
    return text + b"\n" if whole else b"\n".join([*lines[:at], text, *lines[at + 1 :]])


def _one_changed(told: Any, rng: Random) -> Any:
    """Return a value with one of the values in it changed."""
    places = _places(told)
    if not places:
        return rng.choice(_LEAVES)
    holder, key = rng.choice(places)
    how = rng.randrange(5)
    if how == 0:
        del holder[key]
    elif how == 1:
        other, name = rng.choice(places)
        holder[key] = deepcopy(other[name])
    elif how == 2 and isinstance(holder, dict):
        holder[rng.choice(("", "x", "claim", "sha256", "\x1b", "metric", "kind"))] = holder[key]
    elif how == 2:
        holder.insert(key, holder[key])
    else:
        holder[key] = rng.choice(_LEAVES)
    return told


def _places(told: Any) -> list[tuple[Any, Any]]:
    """Return every list and table inside with each of its keys."""
    found: list[tuple[Any, Any]] = []
    waiting = [told]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict | list):
            keys = list(each) if isinstance(each, dict) else range(len(each))
            found += [(each, key) for key in keys]
            waiting += [each[key] for key in keys]
    return found


def _nested(told: Any, rng: Random) -> Any:
    """Return a value in which one leaf lies deep in lists."""
    places = _places(told)
    deep: Any = 1
    for _ in range(rng.choice((40, 200, 480, 900))):
        deep = [deep]
    if not places:
        return deep
    holder, key = rng.choice(places)
    holder[key] = deep
    return told


def _changed(data: bytes, target: Target, rng: Random, others: Sequence[bytes]) -> bytes:
    """Return bytes with a piece replaced: by nothing, a word, copies of itself, a piece of another input, a number."""
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 1, 2, 4, 8, 32)))
    new, how = b"", rng.randrange(8)
    if how in {1, 2}:
        new, end = rng.choice(target.words).encode(), at if how == 1 else end
    elif how == 3:
        new = data[at:end] * rng.choice((2, 3, 50))
    elif how == 4 and others:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        new = other[start : start + rng.choice((4, 16, 64))]
    elif how == 5:
        size = rng.choice((1, 2, 4, 8))
        new, end = (rng.choice(_EDGES) & (1 << 8 * size) - 1).to_bytes(size, "little"), at + size
    elif how == 6 and at < len(data):
        new, end = bytes([data[at] ^ 1 << rng.randrange(8)]), at + 1
    elif how == 7:
        new = rng.randbytes(end - at or 1)
    return data[:at] + new + data[end:]
