"""Reads inputs that others wrote: text, JSON, numbers. Nothing is believed, and each refusal names its place."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pvcheck.plugin import InputError
from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from pvcheck.plugin import Context, Source

JSON = None | bool | int | float | Decimal | str | list["JSON"] | dict[str, "JSON"]

NAMES_SHOWN: Final = 5
NUMBER_MAX: Final = 40  # characters: no recorded number needs more, and a decimal of a million digits takes seconds
NUMBER: Final = re.compile(
    r"[-+]?(?:nan|inf(?:inity)?|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]{1,4})?)", re.ASCII | re.IGNORECASE
)


def source_of(context: Context, name: str) -> Source:
    """Return an open input.

    :raises InputError: if the contract has none of that name.
    """
    try:
        return context.inputs[name]
    except KeyError:
        raise InputError(f"there is no input named '{escaped(name)}'") from None


def path_of(source: Source) -> str:
    """Return the path of an input as it may be printed."""
    return escaped(source.path, len(source.path))


def text_of(source: Source, most: int) -> str:
    """Return a whole file of at most ``most`` bytes as text; a byte order mark is dropped.

    :raises InputError: if it is larger, or not UTF-8.
    """
    if source.size > most:
        raise InputError(f"{path_of(source)}: must have at most {most} bytes, got {source.size}")
    try:
        return bytes(source.view(0, source.size)).decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(f"{path_of(source)}: must be UTF-8, byte {error.start} is not") from None


def json_of(text: str, where: str, number: Callable[[str], Decimal | float] = Decimal) -> JSON:
    """Return the value of a JSON text. ``NaN`` and ``Infinity`` are numbers here: they are counted, not hidden.

    :param number: makes a number of a text with a point or an exponent; an integer stays one.
    :raises InputError: if it is no JSON, nested too deep, or a key stands twice in one object.
    """

    def fail(what: str) -> InputError:
        return InputError(f"{where}: {what}")

    def once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
        table = dict(pairs)
        if len(table) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise fail(f"the key '{escaped(twice)}' stands twice")
        return table

    try:
        value: JSON = json.loads(text, parse_float=number, parse_constant=number, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise fail(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError:
        raise fail("not JSON that can be read: an integer has too many digits") from None
    except RecursionError:
        raise fail("not JSON that can be read: it is nested too deep") from None
    return value


def at_pointer(value: JSON, pointer: str, where: str) -> JSON:
    """Return what a JSON pointer (RFC 6901) leads to.

    :raises InputError: if it leads nowhere; the text names the step.
    """
    for part in pointer.split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and _index(step) < len(value):
            value = value[_index(step)]
        else:
            raise InputError(f"{where}: there is no '{escaped(step)}' of the pointer '{escaped(pointer)}'")
    return value


def _index(step: str) -> int:
    """Return an index, too large a one as any that no list has."""
    return int(step[:19])


def decimal_of(value: JSON, where: str) -> Decimal:
    """Return a number, or a text that spells one, as the decimal it is written as. "nan" and "inf" are numbers too.

    :raises InputError: if it is none, or has over 40 characters.
    """
    text = "" if isinstance(value, bool | list | dict | None) else str(value).strip()
    if len(text) > NUMBER_MAX or not NUMBER.fullmatch(text):
        raise InputError(f"{where} must be a number of at most {NUMBER_MAX} characters, got {_shown(value)}")
    return Decimal(text)


def _shown(value: JSON) -> str:
    """Return a value that is no number, short enough to be read."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f"'{escaped(value, NUMBER_MAX)}'" if isinstance(value, str) else escaped(str(value), NUMBER_MAX)


def names_shown(names: list[str]) -> str:
    """Return the first names of a list as they may be printed, and how many more there are."""
    shown = ", ".join(escaped(name) for name in names[:NAMES_SHOWN]) or "none"
    return shown + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")
