"""A contract as frozen values. Words stay as the file spells them; each part knows its route in the text."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.bounds import Bound
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route
    from pvcheck.domain.version import Version


NOTHING: Mapping[str, str] = MappingProxyType({})
ACCEPTABLE = ("baseline", "carry", "conditioning")
"""The guards that a falsifier may accept with a reason. The others leave no verdict that could be accepted."""


class Input(NamedTuple):
    """A file that falsifiers measure; ``path`` is relative to the contract, ``sha256`` of the whole file."""

    name: str
    format: str
    path: str
    sha256: str | None
    optional: bool
    route: Route


class Expectation(NamedTuple):
    """One bound on one metric, and where it stands."""

    metric: str
    bound: Bound
    route: Route


class Falsifier(NamedTuple):
    """A claim that a measurement could refute. Without an evaluator it is unbound."""

    id: str | None
    route: Route
    parameters: Mapping[str, JSON]
    evaluator: str | None = None
    expectations: tuple[Expectation, ...] = ()
    status: str | None = None
    evidence: str | None = None
    """A reference of ours (``sha256:`` and 64 digits), or None: other text is upstream's prose."""
    accept: Mapping[str, str] = NOTHING
    """Guards whose findings are accepted, each with the reason. It is no part of the claim."""

    @property
    def is_bound(self) -> bool:
        """Whether an evaluator is named."""
        return self.evaluator is not None


class Stage(NamedTuple):
    """A step of the implementation and the falsifiers that decide it."""

    id: str | None
    status: str | None
    accepts: tuple[str, ...]
    route: Route


class BoundChange(NamedTuple):
    """A changed bound that an amendment owns up to, in normal form; None where there was none."""

    id: str
    metric: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class Transition(NamedTuple):
    """A status that an amendment moved; ``evidence`` is what earned it."""

    id: str
    before: str | None
    after: str
    evidence: str | None


class Renewal(NamedTuple):
    """Evidence that an amendment renewed without moving a status."""

    id: str
    evidence: str


class Amendment(NamedTuple):
    """What one write changed."""

    version: Version | None
    date: str
    bounds: tuple[BoundChange, ...]
    route: Route
    transitions: tuple[Transition, ...] = ()
    renewals: tuple[Renewal, ...] = ()
    summary: str = ""


class Dependency(NamedTuple):
    """A contract that this one stands on, as the file spells it: a file stem, a path or an id."""

    text: str
    route: Route


class Challenge(NamedTuple):
    """What the contract says of planted faults: the least score it demands, and the record of a challenge."""

    least: float | None
    evidence: str | None


class Contract(NamedTuple):
    """One contract file. ``is_strict`` says that it carries ``metadata.schema: 1``: our rules hold."""

    path: str
    is_strict: bool
    id: str | None
    version: Version | None
    status: str | None
    inputs: Mapping[str, Input]
    falsifiers: tuple[Falsifier, ...]
    stages: tuple[Stage, ...]
    amendments: tuple[Amendment, ...]
    not_understood: tuple[str, ...]
    depends_on: tuple[Dependency, ...] = ()
    challenge: Challenge | None = None

    def falsifier(self, name: str) -> Falsifier | None:
        """Return the first falsifier with that id."""
        return next((each for each in self.falsifiers if each.id == name), None)
