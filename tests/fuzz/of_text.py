"""Targets that read text: contracts and edits of them, bounds, versions, settings, the catalogue of evaluators."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import date
from functools import cache
from itertools import islice
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz.saying import heard, plain, refused

from pvcheck import config, files
from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.domain.numbers import is_f32
from pvcheck.domain.version import Change, Version
from pvcheck.errors import ConfigError, ContractError, Finding, PvError, escaped
from pvcheck.loading import catalogue
from pvcheck.pipeline import checking, outlining
from pvcheck.report import findings as report
from pvcheck.report.excerpts import Sources
from pvcheck.text import (
    Ambiguous,
    AppendItem,
    Document,
    InsertItem,
    InsertKey,
    Mapping,
    RemoveKey,
    Scalar,
    SetScalar,
    resolve,
    splice,
)
from pvcheck.text.plan import view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pvcheck.domain.bounds import Bound
    from pvcheck.domain.route import Route
    from pvcheck.text import Edit

TODAY = date(2026, 11, 23)
NUMBERS = (0.0, -0.0, 1.0, -1.0, 18.0, 1e-5, -2.5, 5e-324, 1.7976931348623157e308, float("inf"), float("nan"))
SINGLES = tuple(number for number in NUMBERS if is_f32(number))
WORDS = ("DISCHARGED", "1.13.0", "yes", "010", "", ">= 27", "a: b", "# c", "'", '"', "\\", "a\nb", "-", "~", "[", "é")
_MOST = 300
"""Values of one document that are looked at in turn: each look costs time that grows with the document."""


def yaml(data: bytes) -> bool:
    """Read a document, and find each value where it says that it stands."""
    try:
        document = Document.parse(data, "c.yaml")
    except ContractError as error:
        return refused(error)
    assert document.data == data
    for route, node in islice(document.nodes(), _MOST):
        assert document.node(route) is node
        assert 0 <= node.start <= node.end <= len(document.text)
        heard([document.finding("PV100", "value must be another", route, "write it so", at_key=True)])
        if isinstance(node, Scalar):
            _resolved(node)
    before = view(document.root)
    document.rest()
    assert view(document.root) == before
    return True


def _resolved(node: Scalar) -> None:
    """Read a word that is no text."""
    try:
        resolve(node)
    except Ambiguous as refusal:
        plain(refusal.message)
        plain(refusal.hint)


def splicing(data: bytes) -> bool:
    """Make up to three edits that do not cut the same text: the values they name change, and no other."""
    head, _, text = data.partition(b"\n")
    try:
        document = Document.parse(text, "c.yaml")
    except ContractError as error:
        return refused(error)
    routes = [route for route, _ in islice(document.nodes(), _MOST)]
    edits = _apart(_edit(document, routes, head[at : at + 4]) for at in range(0, min(len(head), 12), 4))
    try:
        after = splice(document, edits)
    except ContractError as error:
        return refused(error)
    _changes_only(document, after, edits)
    return True


def _edit(document: Document, routes: list[Route], code: bytes) -> Edit:
    """Return the edit that four bytes stand for."""
    kind, at, word, key = code.ljust(4, b"\0")
    route, value = routes[at % len(routes)], WORDS[word % len(WORDS)]
    node = document.node(route)
    names = list(node.values) if isinstance(node, Mapping) else ["x"]
    name = names[key % len(names)] if names else "x"
    if kind % 6 == 0:
        return InsertKey(route, name, f"new{word % 3}", value)
    if kind % 6 == 1:
        return InsertItem(route, {"k": value, "of": [value, {}]})
    if kind % 6 == 2:
        return AppendItem(route, [value])
    if kind % 6 == 3:
        return RemoveKey(route, name)
    return SetScalar(route, value)


def _apart(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits without those that take out what another one changes, or change it twice."""
    found: list[Edit] = []
    places: set[object] = set()
    for each in edits:
        place = (each.route, each.key) if isinstance(each, InsertKey) else each.route
        if place not in places and not (found and isinstance(each, RemoveKey)):
            places.add(place)
            found.append(each)
        if isinstance(each, RemoveKey):
            break
    return found


def _changes_only(before: Document, after: Document, edits: list[Edit]) -> None:
    """Hold a text against the one before: where only texts were set, every other value has its bytes.

    What else is inserted or removed is compared by ``splice`` itself, which calls a difference a bug.
    """
    if not all(isinstance(each, SetScalar) for each in edits):
        return
    told = {each.route: each.value for each in edits if isinstance(each, SetScalar)}
    pairs = list(zip(before.nodes(), after.nodes(), strict=True))
    for (route, old), (same, new) in pairs:
        assert route == same
        if isinstance(new, Scalar):
            wanted = told.get(route)
            assert new.text == (old.text if wanted is None else wanted)
            kept = before.text[old.start : old.end] == after.text[new.start : new.end]
            assert kept or wanted is not None
    assert before.bom == after.bom


class Alone(files.Disk):
    """A disk on which one file lies."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data

    def read(self, path: Path, limit: int) -> bytes:
        """Return the bytes of the contract, and of nothing else."""
        if path.name != "contract.yaml":
            raise files.UnreadableError(Finding("PV708", "cannot read: no such file", escaped(str(path)), hint="look"))
        return self.data[: limit + 1]

    def inside(self, path: Path, root: Path) -> Path | None:
        """Follow no link: there is none."""
        return None if ".." in path.parts or path.is_absolute() else root / path

    def finds(self, name: str, look: object) -> bool:
        """Find nothing."""
        return not (name and look)


@cache
def folder() -> Path:
    """Return a folder of this process, in which no project lies but an empty one."""
    place = Path(tempfile.mkdtemp(prefix="pv-fuzz-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    (place / "pv.toml").touch()
    (place / "schemas").mkdir()
    return place


def contract(data: bytes) -> bool:
    """Check a contract as a hook does, and print what was found."""
    checked = checking.check(folder() / "contract.yaml", {}, TODAY, Alone(data))
    for finding in checked.findings:
        heard([finding])
    texts = {str(checked.path): checked.document.text} if checked.document is not None else {}
    for line in report.lines(checked.findings[:20], sources=Sources(texts), width=80):
        plain(line)
    told = outlining.told(checked)
    if told is not None:
        again = outlining.restored(told, checked.path, checked.config)
        assert again.findings == checked.findings
    return checked.contract is not None


def bound(data: bytes) -> bool:
    """Read bounds, one a line: the normal form is a bound that accepts the same numbers, and "weaker" is no lie."""
    found: list[Bound] = []
    for line in data.decode(errors="replace").split("\n")[:2]:
        try:
            found.append(bounds.parse(line))
        except bounds.BoundError as refusal:
            plain(refusal.hint)
            return False
    for each in found:
        again = bounds.parse(each.text)
        assert again == each
        assert not bounds.weaker([each], [each])
        _agrees(each)
    if len(found) == 2:
        _compared(*found)
    return True


def _values(each: Bound, numbers: tuple[float, ...] = NUMBERS) -> list[tuple[float, ...] | float]:
    """Return values of a metric, as many series as numbers for a bound on a series."""
    return [numbers, numbers[:6], *((number,) for number in numbers)] if each.over else list(numbers)


def _agrees(each: Bound) -> None:
    """Hold a margin against the verdict: what is accepted is not outside, and NaN is nowhere inside."""
    for kind, numbers in ((MetricType.F64, NUMBERS), (MetricType.F32, SINGLES)):
        if each.misfit(kind, series=bool(each.over)):
            continue
        for value in _values(each, numbers):
            margin, accepted = each.margin(value, kind), each.accepts(value, kind)
            assert margin is None or isnan(margin) or not accepted or margin >= 0
            assert isinstance(value, tuple) or not isnan(value) or not accepted


def _compared(before: Bound, after: Bound) -> None:
    """Look for a value that the second bound accepts and the first one does not, where that is said not to be."""
    if bounds.weaker([before], [after]) or bool(before.over) != bool(after.over):
        return
    for value in _values(before):
        assert before.accepts(value, MetricType.F64) or not after.accepts(value, MetricType.F64), value


def version(data: bytes) -> bool:
    """Read a version: it spells what it was read from, and the next one is above it."""
    text = data.decode(errors="replace")
    try:
        found = Version.parse(text)
    except ValueError as error:
        plain(str(error))
        return False
    assert str(found) == text
    assert found == found.after(Change.NONE) < found.after(Change.PATCH) < found.after(Change.MINOR)
    assert found.after(Change.MINOR) < found.after(Change.MAJOR)
    return True


def settings(data: bytes) -> bool:
    """Read a settings file; one that starts with [tool.pv] is a part of a larger one."""
    name = "pyproject.toml" if data.startswith(b"[tool.pv]") else "pv.toml"
    try:
        found = config.at(Path("/project"), lambda path: data if path.name == name else None)
    except ConfigError as error:
        return refused(error)
    assert found is None or (found.root == Path("/project") and 0 < found.timeout <= config.MAX_TIMEOUT)
    return found is not None


def evaluators(data: bytes) -> bool:
    """Read a catalogue of evaluators, and hold the parameters of a contract against it."""
    place = folder() / "schemas" / catalogue.NAME
    place.write_bytes(data)
    try:
        found = catalogue.load(folder())
    except PvError as error:
        return refused(error)
    finally:
        place.unlink()
    checked = checking.check(folder() / "contract.yaml", {folder(): found}, TODAY, Alone(CONTRACT))
    heard(checked.findings)
    return True


CONTRACT = b"""\
metadata: {schema: 1, id: C-FUZZ, version: 1.2.3, status: ACTIVE}
inputs:
  model: {format: gguf, path: model.gguf}
falsification_tests:
- id: F-1
  rule: growth is bounded
  evaluator: probe
  with: {model: model, layers: 0-3, count: 3, rate: 1e-5, flag: true, words: [a, b]}
  expect:
    growth: < 18
    steps: all < 18
  status: PENDING
amendments: []
"""
