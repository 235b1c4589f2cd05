"""Rules between contracts: dependencies that lead somewhere and not in a circle, and names that stand for one file.

A dependency is named by a file's stem, its path or its ``metadata.id``. Other contracts are looked at only
where a checked one depends on something, so that a hook on one file reads one file.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, files
from pvcheck.errors import ContractError, Severity, escaped, quoted
from pvcheck.rules.circles import circles, knots, way_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Mapping as Table
    from collections.abc import Sequence as Ordered

    from pvcheck.domain.contract import Contract, Dependency
    from pvcheck.errors import Finding
    from pvcheck.rules.outline import Outline
    from pvcheck.text import Document

SUFFIXES = (".yaml", ".yml")
MAX_CONTRACT = 1 << 20

SHOWN = 12
"""The contracts of a circle that a message names."""
WALKS = 100
"""The contracts of a knot whose shortest way back is looked for."""

Part = tuple[Path, "Contract", "Document | Outline"]
"""One checked file. All have a document, or all an outline, since what they say is compared."""


class Edge(NamedTuple):
    """One dependency: who says it, and the contract that it means, or None where there is no such contract."""

    source: Path
    target: Path | None
    dependency: Dependency


class Names(NamedTuple):
    """The contracts that a dependency can mean: by their real path, by stem, and by id."""

    by_place: Table[str, Path]
    by_stem: Table[str, Path]
    by_id: Callable[[], Table[str, Path]]
    root: Path
    places: files.Places


def edges(contracts: Table[Path, Contract], root: Path = Path()) -> tuple[Edge, ...]:
    """Return every dependency between contracts, in the order of the contracts and of each file."""
    ids = {each.id: path for path, each in reversed(list(contracts.items())) if each.id is not None}
    names = _names(contracts, lambda: ids, root, files.Places())
    return tuple(
        Edge(path, resolve(each.text, path, names), each)
        for path, contract in contracts.items()
        for each in contract.depends_on
    )


def resolve(text: str, source: Path, names: Names) -> Path | None:
    """Return the contract that a dependency means: a path first, then a stem, then an id."""
    name = name_of(text)
    if not name:
        return None
    for folder in (source.parent, names.root):
        for suffix in ("", *SUFFIXES):
            found = names.by_place.get(names.places.real(os.path.join(folder, f"{name}{suffix}")))  # noqa: PTH118 - a text
            if found is not None:
                return found
    return names.by_stem.get(_stem(name)) or names.by_id().get(name)


def name_of(text: str) -> str:
    """Return the name in a dependency, without the prose behind it."""
    return next(iter(text.split()), "").rstrip(",;:")


def _stem(name: str) -> str:
    """Return the name of a file without its ending."""
    return next((name.removesuffix(each) for each in SUFFIXES if name.endswith(each)), name)


def cycles(edges: Iterable[Edge]) -> tuple[tuple[Path, ...], ...]:
    """Return the circles of dependencies, each once, from the contract that comes first."""
    graph: dict[Path, list[Path]] = {}
    for each in edges:
        if each.target is not None:
            graph.setdefault(each.source, []).append(each.target)
    return circles(graph)


def check(
    parts: Ordered[Part], root: Path, fleet: Callable[[], Ordered[Path]], places: files.Places | None = None
) -> Table[Path, tuple[Finding, ...]]:
    """Return what is wrong between the checked contracts of one repository, by file.

    :param fleet: returns every contract file that the settings name; asked only where something depends on one.
    :param places: where files arrive, as far as that is known already.
    """
    found: dict[Path, list[Finding]] = {path: [] for path, _, _ in parts}
    for path, finding in same_names(parts):
        found[path].append(finding)
    if any(contract.depends_on for _, contract, _ in parts):
        for path, finding in dependencies(parts, root, fleet(), places or files.Places()):
            found[path].append(finding)
    return {path: tuple(each) for path, each in found.items()}


def same_names(parts: Ordered[Part]) -> Iterator[tuple[Path, Finding]]:
    """Yield ids and stems that two files share, at the later file."""
    by_id: dict[str, Part] = {}
    by_stem: dict[str, Part] = {}
    for part in parts:
        path, contract, document = part
        if contract.id is not None and (first := by_id.setdefault(contract.id.casefold(), part)) is not part:
            weight = Severity.ERROR if contract.is_strict or first[1].is_strict else Severity.WARNING
            message = f"the id {quoted(contract.id)} is that of {escaped(str(first[0]))} too"
            hint = "give one of them another id: evidence, dependencies and reports go by it"
            yield path, document.finding("PV324", message, ("metadata", "id"), hint=hint, severity=weight)
        first = by_stem.setdefault(_folded(path.stem), part)
        if first is not part and first[2].data != document.data:
            message = f"{escaped(str(first[0]))} has the same name and says something else"
            hint = "rename one of them, or remove the one that is out of date"
            yield path, document.finding("PV325", message, (), hint=hint, severity=Severity.WARNING)


def _folded(stem: str) -> str:
    """Return a name as systems compare it that tell neither capitals nor the two spellings of an accent apart."""
    if stem.isascii():
        return stem.casefold()
    from unicodedata import normalize  # noqa: PLC0415 - few names need it

    return normalize("NFC", normalize("NFC", stem).casefold())


def dependencies(
    parts: Ordered[Part], root: Path, others: Iterable[Path], places: files.Places
) -> Iterator[tuple[Path, Finding]]:
    """Yield dependencies that lead nowhere, and those that lead back to where they start."""
    here = {path: contract for path, contract, _ in parts}
    seen = {places.real(str(path)) for path in here}
    folders = dict.fromkeys(os.path.dirname(path) for path, contract in here.items() if contract.depends_on)  # noqa: PTH120 - a thousand texts
    beside = [each for folder in folders for each in _beside(folder)]
    rest = {places.real(each): each for each in (*map(str, others), *beside)}
    unread = [Path(each) for place, each in rest.items() if place not in seen]
    read = _Reader()
    ids = cache(lambda: _ids(here, unread, read))  # asked for each dependency, and each time for all contracts
    names = _names([*here, *unread], ids, root, places)
    graph: dict[Path, list[Path]] = {}
    waiting = [path for path, contract in here.items() if contract.depends_on]
    met = set(waiting)
    for path in waiting:
        texts = [each.text for each in here[path].depends_on] if path in here else read(path)[1]
        graph[path] = [found for text in texts if (found := resolve(text, path, names)) is not None]
        waiting += [each for each in dict.fromkeys(graph[path]) if each not in met]
        met.update(graph[path])
    ways = _ways_back(graph)
    for path, contract, document in parts:
        way = ways.get(path, ())
        for each in contract.depends_on:
            target = resolve(each.text, path, names)
            weight = Severity.ERROR if contract.is_strict else Severity.WARNING
            if name_of(each.text) != each.text.strip():
                message = f"a dependency must be a name, got {quoted(each.text)}"
                hint = f"write {escaped(name_of(each.text), 60)} and nothing else: what it says of itself stands there"
                yield path, document.finding("PV322", message, each.route, hint=hint, severity=weight)
            if target is None:
                message = f"there is no contract {quoted(name_of(each.text) or each.text)} to depend on"
                hint = "name a contract of this repository by its file name, path or id"
                yield path, document.finding("PV321", message, each.route, hint=hint, severity=weight)
            elif way and target == way[1]:
                message = f"the dependencies lead back here: {_told(way)}"
                hint = "take out the one that is no dependency"
                yield path, document.finding("PV323", message, each.route, hint=hint, severity=weight)


def _ways_back(graph: Table[Path, Ordered[Path]]) -> dict[Path, tuple[Path, ...]]:
    """Return the shortest way back for each contract that stands in a circle, itself at both ends.

    Of a large knot only the first contracts get it, since each costs a walk over all. The others get their first step,
    which is where the edit goes.
    """
    found: dict[Path, tuple[Path, ...]] = {}
    walked: Counter[frozenset[Path]] = Counter()
    tied = knots(graph)
    for path in filter(tied.__contains__, graph):
        knot = tied[path]
        walked[knot] += 1
        if walked[knot] <= WALKS:
            found[path] = (*way_back(path, graph, knot), path)
        else:
            found[path] = (path, next(each for each in graph[path] if each in knot))
    return found


def _told(way: Ordered[Path]) -> str:
    """Return a way as text, without its middle where that is long or was not looked for."""
    names = [escaped(each.stem) for each in way]
    if way[0] != way[-1]:
        names += ["...", names[0]]
    if len(names) > SHOWN:
        names[SHOWN // 2 : 1 - SHOWN // 2] = [f"{len(names) - SHOWN + 1} more"]
    return " -> ".join(names)


class _Reader:
    """Reads the id and the dependencies of files that are not checked, each once."""

    def __init__(self) -> None:
        self.known: dict[Path, tuple[str | None, tuple[str, ...]]] = {}

    def __call__(self, path: Path) -> tuple[str | None, tuple[str, ...]]:
        """Return id and dependencies; nothing where the file cannot be understood, which is told elsewhere."""
        if path not in self.known:
            from pvcheck.text import Document, Scalar, Sequence  # noqa: PLC0415 - it loads the YAML parser

            try:
                document = Document.parse(config.read(path, MAX_CONTRACT), str(path))
            except (ContractError, files.UnreadableError):
                self.known[path] = (None, ())
            else:
                name = document.get(("metadata", "id"))
                written = document.get(("metadata", "depends_on"))
                texts = written.items if isinstance(written, Sequence) else (written,)
                found = tuple(each.text for each in texts if isinstance(each, Scalar))
                self.known[path] = (name.text if isinstance(name, Scalar) else None, found)
        return self.known[path]


def _ids(here: Table[Path, Contract], unread: Iterable[Path], read: _Reader) -> dict[str, Path]:
    """Return the contracts by their ids; of two with one id, the one that was checked."""
    found = {each.id: path for path, each in reversed(list(here.items())) if each.id is not None}
    for path in unread:
        name, _ = read(path)
        if name is not None:
            found.setdefault(name, path)
    return found


def _names(paths: Iterable[Path], by_id: Callable[[], Table[str, Path]], root: Path, places: files.Places) -> Names:
    """Return the tables to look names up in; of two files with one stem, the first."""
    by_place: dict[str, Path] = {}
    stems: dict[str, Path] = {}
    for path in paths:
        by_place.setdefault(places.real(str(path)), path)
        stems.setdefault(path.stem, path)
    return Names(by_place, stems, by_id, root, places)


def _beside(folder: str) -> list[str]:
    """Return the contracts in a folder."""
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - the order is made here
    except OSError:
        return []
    found = sorted(name for name in names if name.endswith(SUFFIXES) and not name.startswith("."))
    return [os.path.join(folder, name) for name in found]  # noqa: PTH118 - as above
