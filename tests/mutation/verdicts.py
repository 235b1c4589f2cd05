"""What became of mutants: kept between runs, and accepted by name."""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from mutation import layers, workspace
from mutation.trial import Verdict

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from mutation.mutants import Mutant

ACCEPTED = Path(__file__).parent / "accepted.toml"


class Kept:
    """The verdicts of earlier runs, in a file.

    One that says killed holds while the function is the same, and the test that killed it with all else in its file
    but other tests; one that says survived, while the function and all tests are.
    """

    def __init__(self, path: Path, folders: tuple[str, ...], *, fresh: bool) -> None:
        self._path = path
        self._all = workspace.digest(layers.files(folders))
        self._tests: dict[str, str] = {}
        self._told: dict[str, list[str]] = {}
        if path.exists() and not fresh:
            self._told = json.loads(path.read_text())

    def get(self, key: str) -> Verdict | None:
        """Return what is still known of a mutant."""
        outcome, by, digest = self._told.get(key, ("", "", ""))
        return Verdict(outcome, by) if outcome and digest == self._digest(by) else None

    def put(self, key: str, verdict: Verdict) -> None:
        """Remember what became of a mutant."""
        self._told[key] = [*verdict, self._digest(verdict.by)]

    def save(self) -> None:
        """Write the file."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._told, indent=0))
        fresh.replace(self._path)

    def _digest(self, by: str) -> str:
        """Return what a verdict rests on."""
        name, _, rest = by.partition("::")
        if not rest or not Path(name).is_file():
            return self._all
        test = f"{name}::{rest.partition('[')[0]}"
        if test not in self._tests:
            self._tests[test] = _digest_of_test(Path(name), rest.partition("[")[0])
        return self._tests[test]


def _digest_of_test(path: Path, test: str) -> str:
    """Return what tells a test from its earlier self: its file without the other tests."""
    tree = ast.parse(path.read_bytes())
    tree.body = [
        each
        for each in tree.body
        if not isinstance(each, ast.FunctionDef) or each.name == test or not each.name.startswith("test_")
    ]
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]


def key(module: str, function_text: str, mutant: Mutant) -> str:
    """Return what a mutant is remembered by: its function, wherever that stands in its module, and what is changed."""
    return hashlib.sha256(json.dumps([module, function_text, *mutant.name]).encode()).hexdigest()[:24]


class Accepted:
    """The survivors that are known, each with its reason."""

    def __init__(self, path: Path = ACCEPTED) -> None:
        entries = tomllib.loads(path.read_text())["accepted"] if path.exists() else []
        self._reasons: dict[tuple[str, str, str, str], str] = {}
        for each in entries:
            name = (each["module"], each["function"], each["before"], each["after"])
            if name in self._reasons or not each["reason"].strip():
                raise SystemExit(f"{path.name}: {' '.join(name)} stands there twice, or without a reason")
            self._reasons[name] = each["reason"]
        self._met: set[tuple[str, str, str, str]] = set()

    def names(self) -> Iterable[tuple[str, str, str, str]]:
        """Return the module, the function, and the statement before and after, of every entry."""
        return list(self._reasons)

    def has(self, module: str, mutant: Mutant) -> bool:
        """Say whether a mutant is accepted; those that read the same in one function are accepted together."""
        name = (module, mutant.function, mutant.before, mutant.after)
        self._met.add(name)
        return name in self._reasons

    def stale(self, layer: str) -> Iterable[str]:
        """Yield the entries of a layer that name no mutant."""
        for name in sorted(set(self._reasons) - self._met):
            if name[0].startswith(f"{layer}/"):
                yield " ".join(name)


def line(layer: str, told: Counter[str], total: int, drawn: str) -> str:
    """Return the line that tells the score of a layer: killed or timed out, of all that are not accepted."""
    tried = sum(told.values()) - told["accepted"]
    dead = told["killed"] + told["timed out"]
    score = 100 * dead / tried if tried else 100.0
    parts = ", ".join(f"{told[each]} {each}" for each in ("killed", "timed out", "survived", "accepted"))
    return f"{layer}: {sum(told.values())} of {total} mutants{drawn}: {parts}; score {score:.1f} %"
