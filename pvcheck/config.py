"""Settings: the closest ``pv.toml``, or ``[tool.pv]`` of a ``pyproject.toml``, above a contract.

contracts = ["contracts"]              # what a command without paths works on
evaluators = ["q4k-chain"]             # what may run; default: those that ship with pvcheck
timeout = 120                          # seconds for one evaluation
base = "origin/main"                   # what --against compares with where nothing else says it
challenge = {min = 0.9}                # the least share of planted faults that every contract must catch
guards = {conditioning = 1000}         # condition numbers above this mark a number

[inputs]
teacher = "models/teacher.gguf"        # relative to this file

[plugins]
disable = ["other"]                    # plugins to leave out, by name
choose = {my-evaluator = "mine"}       # which plugin offers an evaluator that two offer

[signatures]
required = true                        # no DISCHARGED without a signed record

[signatures.keys]                      # whose signatures count: public ed25519 keys, by name
release = "MCowBQYDK2VwAyEA2SpVsEn1G8lh+baXrqOcWxhASO/VMDg+jrgbh0UPZMU="

[[ignore]]
code = "PV319"                         # a finding that is left out of the verdict, and counted
reason = "the tests arrive with #12"   # why; without a reason nothing is ignored
paths = ["contracts/old/*.yaml"]       # default: every contract
id = "FALSIFY-GROWTH-001"              # default: every falsifier, stage and input
until = 2027-01-31                     # the last day; default: for ever
"""

from __future__ import annotations

import os
import re
from datetime import date, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import files
from pvcheck.errors import ConfigError, Finding, escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.keys import PublicKey

MAX_CONFIG = 1 << 18
"""Bytes of a settings file: the parser of TOML takes a second for four times as many."""
MAX_TIMEOUT = 86400.0
MAX_CONDITION = 1e16  # the last digit of a double
MAX_KEYS = 64
MAX_SETTINGS = 100
"""Settings of one file that are looked at: there are a tenth as many, and findings about others say nothing new."""
MAX_PARTS = 16
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_MANY_PARTS = rf"(?a)(?<![\w-])(?:{_PART}){{{MAX_PARTS}}}"
"""A key in more than so many parts. No settings have one: at each part the parser walks over those before it."""
NOTHING: Mapping[str, str] = MappingProxyType({})


class Ignore(NamedTuple):
    """Findings that a project has decided to live with, and why. ``paths`` are globs relative to the root."""

    code: str
    reason: str
    paths: tuple[str, ...] = ()
    id: str | None = None
    until: date | None = None
    source: str = ""
    """The settings file that says so."""


class Signatures(NamedTuple):
    """Whose signatures count, by name, and whether there is no DISCHARGED without one."""

    required: bool = False
    keys: Mapping[str, PublicKey] = MappingProxyType({})


class Config(NamedTuple):
    """The settings of one project, and the folder they hold for.

    ``root`` is the folder of the settings file, else of the repository, else of the contract: no path
    of a contract leads out of it. ``evaluators`` is None where nothing was said: those that ship with us.
    """

    root: Path
    contracts: tuple[str, ...] = ("contracts",)
    evaluators: frozenset[str] | None = None
    inputs: Mapping[str, str] = NOTHING
    timeout: float = 120.0
    challenge: float | None = None
    conditioning: float = 1000.0
    disabled: frozenset[str] = frozenset()
    chosen: Mapping[str, str] = NOTHING
    base: str | None = None
    ignores: tuple[Ignore, ...] = ()
    signatures: Signatures = Signatures()


@cache
def of_folder(folder: Path) -> Config:
    """Return the settings that hold in a folder.

    :raises ConfigError: if the closest settings file cannot be understood.
    """
    for place in (folder, *folder.parents):
        found = at(place, _data)
        if found is not None:
            return found
        if (place / ".git").exists():
            return Config(root=place)
    return Config(root=folder)


def read(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of a project, at most ``limit + 1``; a link that leads out of the project is refused.

    :raises UnreadableError: if it is missing, no regular file, cannot be read, or leads out.
    :raises ConfigError: if the settings that hold beside it cannot be understood.
    """
    return files.read_inside(path, of_folder(Path(os.path.realpath(path.parent))).root, limit)


def _data(path: Path) -> bytes | None:
    """Return the bytes of a settings file, or None where there is none."""
    return files.read_inside(path, top(path.parent), MAX_CONFIG) if path.is_file() else None


def top(folder: Path) -> Path:
    """Return the top of the repository that a folder lies in, which no path may lead out of; without one, itself."""
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


def at(place: Path, read: Callable[[Path], bytes | None]) -> Config | None:
    """Return the settings that lie in one folder, if any do.

    :param read: returns the bytes of a file, or None where there is none: of the disk, or of a commit.
    :raises ConfigError: if they cannot be understood.
    """
    data = read(place / "pv.toml")
    if data is not None:
        return parse(data, place / "pv.toml", lambda table: table)
    data = read(place / "pyproject.toml")
    if data is not None and b"tool.pv" in data:
        return parse(data, place / "pyproject.toml", _of_pyproject)
    return None


def _of_pyproject(table: dict[str, JSON]) -> dict[str, JSON]:
    """Return the part of a ``pyproject.toml`` that is ours."""
    tool = table.get("tool")
    return tool.get("pv", {}) if isinstance(tool, dict) else {}


def parse(data: bytes, path: Path, part: Callable[[dict[str, JSON]], dict[str, JSON]]) -> Config:
    """Return the settings that the bytes of one file hold.

    :raises ConfigError: if they are no TOML, or hold what no setting is.
    """
    shown = escaped(str(path))
    try:
        table = part(_loaded(data))
    except ValueError as error:
        finding = Finding(
            "PV702", f"not TOML: {escaped(str(error))}", shown, hint="mend the line it names", exit_code=2
        )
        raise ConfigError(finding) from None
    if not isinstance(table, dict):
        raise ConfigError(Finding("PV701", "tool.pv must be a table", shown, hint="write [tool.pv]", exit_code=2))
    findings: list[Finding] = []
    values: dict[str, JSON] = {}
    for key, value in islice(table.items(), MAX_SETTINGS):
        if key not in _KEYS:
            hint = f"use one of {', '.join(_KEYS)}"
            findings.append(Finding("PV701", f"the setting {quoted(key)} is not known", shown, hint=hint, exit_code=2))
            continue
        name, wanted, read = _KEYS[key]
        try:
            values |= {name: read(value)} if name else read(value)
        except _NeverError as refusal:
            hint = "mend what it found; findings that are a matter of taste can be ignored"
            findings.append(Finding("PV717", str(refusal), shown, hint=hint, exit_code=2))
        except _KeyRefusedError as refusal:
            hint = "pv evidence keygen makes a pair of keys, and prints the line"
            findings.append(Finding("PV483", str(refusal), shown, hint=hint, exit_code=2))
        except (TypeError, ValueError):
            message = f"the setting {quoted(key)} must be {wanted}"
            findings.append(Finding("PV701", message, shown, hint=f"see {key} in docs/config.md", exit_code=2))
    if findings:
        raise ConfigError(findings)
    if "ignores" in values:
        values["ignores"] = tuple(each._replace(source=str(path)) for each in values["ignores"])
    return Config(root=path.parent, **values)


def _loaded(data: bytes) -> dict[str, JSON]:
    """Return what a settings file holds.

    :raises ValueError: if it is too large, not UTF-8 or no TOML, or has a key of so many parts or a value so deep that
        the parser takes minutes or ends.
    """
    import tomllib  # noqa: PLC0415 - 20 ms, and only where there are settings

    if len(data) > MAX_CONFIG:
        raise ValueError(f"the file must have at most {MAX_CONFIG >> 10} KiB")
    text = data.decode()
    if match := re.search(_MANY_PARTS, text):
        raise ValueError(
            f"a key must have at most {MAX_PARTS} parts (at line {text.count(chr(10), 0, match.start()) + 1})"
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("a value is nested too deep") from None


def _texts(value: JSON) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError
    return tuple(value)


def _names(value: JSON) -> Mapping[str, str]:
    """Return a table of texts."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise TypeError
    return value


def _seconds(value: JSON) -> float:
    """Return a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_TIMEOUT:
        raise TypeError
    return float(value)


def _least(value: JSON) -> float | None:
    """Return the least score of a challenge."""
    if not isinstance(value, dict) or not set(value) <= {"min"}:
        raise TypeError
    least = value.get("min")
    if isinstance(least, bool) or not isinstance(least, int | float | None) or not 0 <= (least or 0) <= 1:
        raise TypeError
    return None if least is None else float(least)


def _guards(value: JSON) -> dict[str, JSON]:
    """Return the settings about guards."""
    if not isinstance(value, dict) or not set(value) <= {"conditioning"}:
        raise TypeError
    limit = value.get("conditioning", 1000)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 1 <= limit <= MAX_CONDITION:
        raise TypeError
    return {"conditioning": float(limit)}


def _plugins(value: JSON) -> dict[str, JSON]:
    """Return the settings about plugins."""
    if not isinstance(value, dict) or not set(value) <= {"disable", "choose"}:
        raise TypeError
    return {"disabled": frozenset(_texts(value.get("disable", []))), "chosen": _names(value.get("choose", {}))}


class _KeyRefusedError(ValueError):
    """A text that is no public key; the message says which, and what it must be."""


def _signatures(value: JSON) -> Signatures:
    """Return whose signatures count.

    :raises _KeyRefusedError: if a key is none, or stands under two names.
    """
    if not isinstance(value, dict) or not set(value) <= {"required", "keys"}:
        raise TypeError
    required, told = value.get("required", False), _names(value.get("keys", {}))
    if not isinstance(required, bool) or (required and not told) or len(told) > MAX_KEYS:
        raise TypeError
    from pvcheck.domain import keys  # noqa: PLC0415 - few projects sign

    found: dict[str, PublicKey] = {}
    for name, text in told.items():
        try:
            found[name] = keys.parse(text)
        except keys.KeyFormError as error:
            raise _KeyRefusedError(f"the key {quoted(name)} {error}") from None
        if len(set(found.values())) < len(found):
            raise _KeyRefusedError(f"the key {quoted(name)} stands under another name too")
    return Signatures(required, MappingProxyType(found))


class _NeverError(ValueError):
    """A finding that nobody may ignore."""


NEVER: tuple[tuple[int, int, str], ...] = (
    (100, 199, "what the file says is not certain"),
    (201, 206, "a part of the contract cannot be read"),
    (401, 449, "a status is earned, and evidence is not a matter of taste"),
    (450, 459, "a version says what changed, or it says nothing"),
    (460, 485, "a status is earned, and evidence is not a matter of taste"),
    (500, 699, "it is about plugins and measurements, not about contracts"),
    (700, 999, "it is about settings, commands and versions, not about contracts"),
)
"""Numbers of codes that cannot be ignored, from the first to the last, and why."""

_IGNORE_KEYS = frozenset({"code", "reason", "paths", "id", "until"})


def _ignores(value: JSON) -> tuple[Ignore, ...]:
    """Return the findings to ignore."""
    if not isinstance(value, list):
        raise TypeError
    return tuple(_ignore(each) for each in value)


def _ignore(table: JSON) -> Ignore:
    """Return one of them.

    :raises _NeverError: if its code stands for something that nobody may ignore.
    """
    if not isinstance(table, dict) or not set(table) <= _IGNORE_KEYS:
        raise TypeError
    code, reason, name, until = (table.get(key) for key in ("code", "reason", "id", "until"))
    if not (isinstance(code, str) and len(code) == len("PV100") and code.startswith("PV") and code[2:].isdecimal()):
        raise TypeError
    for first, last, why in NEVER:
        if first <= int(code[2:]) <= last:
            raise _NeverError(f"{code} cannot be ignored: {why}")
    if not (isinstance(reason, str) and reason.strip()) or not isinstance(name, str | None):
        raise TypeError
    if until is not None and (not isinstance(until, date) or isinstance(until, datetime)):
        raise TypeError
    return Ignore(code, reason, _texts(table.get("paths", [])), name, until)


def _text(value: JSON) -> str:
    """Return a text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


_KEYS: dict[str, tuple[str, str, Callable[[JSON], JSON]]] = {
    "contracts": ("contracts", "a list of files or folders", _texts),
    "evaluators": ("evaluators", "a list of names", lambda value: frozenset(_texts(value))),
    "inputs": ("inputs", "a table of paths by name", _names),
    "timeout": ("timeout", "a number of seconds above 0 and at most 86400", _seconds),
    "challenge": ("challenge", "a table with min, a number from 0 to 1", _least),
    "guards": ("", "a table with conditioning, a number from 1 to 1e16", _guards),
    "plugins": ("", "a table with disable and choose", _plugins),
    "base": ("base", "the name of a branch or commit", _text),
    "signatures": (
        "signatures",
        "a table with keys, up to 64 texts by name, and required, true or false",
        _signatures,
    ),
    "ignore": ("ignores", "tables with code, reason and, where they narrow it, paths, id, until", _ignores),
}
"""Each setting: the field it fills, what it must be, how it is read."""
