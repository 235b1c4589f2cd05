"""One falsifier that is to be written: its claim as it was asked for, and as the values that a contract gets."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import files
from pvcheck.domain.contract import NOTHING
from pvcheck.domain.digest import sha256
from pvcheck.errors import ConfigError, Finding, quoted
from pvcheck.loading import keys
from pvcheck.rules.earned import MAX_HASHED
from pvcheck.text import Plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.text import Value

FORMATS = {".apr": "apr", ".csv": "csv", ".gguf": "gguf", ".json": "json", ".npy": "npy", ".npz": "npz"}
"""Formats by the end of a file's name; what is none of them is a text or `data`."""
_NUMBERED = re.compile(r"(.*?)([0-9]{1,9})", re.ASCII | re.DOTALL)
_HEAD = 4096


PROSE = {
    "rule": "the claim, in a few words",
    "prediction": "what will be seen if the claim is true",
    "if_fails": "what a refutation would mean",
}
"""What a person says of a claim, by key."""


class Claim(NamedTuple):
    """What a new falsifier says. ``inputs`` are files that the contract is to declare, by name."""

    evaluator: str
    parameters: Mapping[str, JSON]
    inputs: Mapping[str, Path]
    expect: Mapping[str, tuple[str, ...]]
    id: str = ""
    words: Mapping[str, str] = NOTHING
    """Prose by key: rule, prediction, if_fails, recorded."""


def entry_of(name: str, table: Mapping[str, dict[str, JSON]]) -> dict[str, JSON]:
    """Return what the catalogue of a project says of an evaluator.

    :raises ConfigError: if it does not list it, with the name that is nearest.
    """
    if name in table:
        return table[name]
    near = keys.nearest(name, table)
    message = f"the evaluator {quoted(name)} is not in schemas/evaluators.json" + (
        f" (did you mean {quoted(near)}?)" if near else ""
    )
    raise ConfigError(Finding("PV309", message, hint=f"use one of {', '.join(sorted(table))}", exit_code=2))


def fields_of(entry: dict[str, JSON]) -> dict[str, JSON]:
    """Return the parameters of an evaluator by name, those that it needs first."""
    known: dict[str, JSON] = entry["parameters"].get("properties", {})
    needed = [key for key in known if key in entry["parameters"].get("required", ())]
    return {key: known[key] for key in (*needed, *(key for key in known if key not in needed))}


def filled(claim: Claim, entry: dict[str, JSON]) -> Claim:
    """Return a claim whose parameters name the new inputs, where only one parameter can mean each.

    An input belongs to the parameter of its name; one input alone belongs to the one parameter that lacks a file.
    """
    files_of = [key for key, field in fields_of(entry).items() if field.get("x-pv-input")]
    needed = [key for key in files_of if key in entry["parameters"].get("required", ())]
    given = dict(claim.parameters)
    for name in claim.inputs:
        if name in files_of:
            given.setdefault(name, name)
    lacking = [key for key in needed if key not in given]
    unused = [name for name in claim.inputs if name not in given.values()]
    if len(lacking) == len(unused) == 1:
        given[lacking[0]] = unused[0]
    return claim._replace(parameters=given)


def free_id(taken: Iterable[str | None], stem: str) -> str:
    """Return an id for a falsifier: the number after that of the last one, or the first of its contract."""
    known = {each for each in taken if each}
    for each in reversed([each for each in taken if each]):
        if match := _NUMBERED.fullmatch(each):
            start, digits = match[1], match[2]
            return next(
                name
                for number in range(int(digits) + 1, int(digits) + len(known) + 2)
                if (name := f"{start}{number:0{len(digits)}d}") not in known
            )
    return next(name for number in range(1, len(known) + 2) if (name := f"FALSIFY-{stem}-{number:03d}") not in known)


def value_of(claim: Claim, name: str) -> dict[str, Value]:
    """Return a falsifier as a contract gets it, its keys in the usual order."""
    made: dict[str, Value] = {"id": name}
    made |= {key: text for key in (*PROSE, "recorded") if (text := claim.words.get(key))}
    made["evaluator"] = claim.evaluator
    if claim.parameters:
        made["with"] = {key: _value(value) for key, value in claim.parameters.items()}
    made["expect"] = {
        metric: several[0] if len(several) == 1 else list(several) for metric, several in claim.expect.items()
    }
    return made | {"status": "PENDING"}


def _value(value: JSON) -> Value:
    """Return a parameter as text: what is no text stands as it is."""
    if isinstance(value, dict):
        return {key: _value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_value(each) for each in value]
    return value if isinstance(value, str) else Plain(json.dumps(value))


def declared(path: Path, contract: Path) -> dict[str, Value]:
    """Return the entry of an input: its format, where it lies from the contract, and the digest of a small one.

    :raises UnreadableError: if it is not there or no regular file.
    """
    data = files.read(path, MAX_HASHED)
    start = os.path.realpath(contract.parent)
    made: dict[str, Value] = {
        "format": FORMATS.get(path.suffix.lower(), "text" if _is_text(data[:_HEAD]) else "data"),
        "path": Path(os.path.relpath(os.path.realpath(path), start)).as_posix(),
    }
    return made if len(data) > MAX_HASHED else made | {"sha256": sha256(data)}


def _is_text(head: bytes) -> bool:
    """Say whether a file begins as UTF-8 without a NUL; its last character may be cut."""
    try:
        return "\0" not in head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and b"\0" not in head
