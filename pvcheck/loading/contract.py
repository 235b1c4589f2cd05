"""Reading a contract file: document, shape, keys, and then the contract as frozen values."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import bounds
from pvcheck.domain.contract import (
    ACCEPTABLE,
    Amendment,
    BoundChange,
    Challenge,
    Contract,
    Dependency,
    Expectation,
    Falsifier,
    Input,
    Renewal,
    Stage,
    Transition,
)
from pvcheck.domain.digest import PATTERN
from pvcheck.domain.version import Version
from pvcheck.errors import ContractError, Finding, Severity, quoted
from pvcheck.loading import keys, schema
from pvcheck.loading.instance import Shape, build
from pvcheck.text import Document, Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.bounds import Bound
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route

OTHER_KINDS: dict[str, str] = {
    "bindings": "a binding registry",
    "tensors": "a publish manifest",
    "repos": "a pre-commit configuration",
}
"""What a file without ``metadata`` probably is, by a key it has."""


class Loaded(NamedTuple):
    """A file that was read: its text, what stands in it, and what was found on the way.

    ``contract`` is None where the shape is too broken to say what the file claims.
    """

    document: Document
    contract: Contract | None
    findings: tuple[Finding, ...]
    instance: JSON = None
    """Everything in the file as one JSON value, its words read as the schema wants them."""


def load(data: bytes, path: str) -> Loaded:
    """Read a contract.

    :raises ContractError: if it is no YAML that can be trusted, with everything that is wrong with it.
    """
    document = Document.parse(data, path)
    if "metadata" not in document.root.values:
        raise ContractError(_no_contract(document))
    is_strict = document.get(("metadata", "schema")) is not None
    shape = _shape(schema.CONTRACT if is_strict else schema.UPSTREAM)
    instance, found = build(document, shape)
    found += schema.findings(document, instance, schema.faults(shape.root, instance))
    misses, not_understood = keys.findings(
        document, keys.unknown_keys(document, shape), Severity.ERROR if is_strict else Severity.WARNING
    )
    found += misses
    if any(each.code in {"PV201", "PV202"} for each in found):
        return Loaded(document, None, tuple(found), instance)
    reader = _Reader(document, instance, is_strict=is_strict)
    contract = reader.contract(tuple(not_understood))
    places = {(each.line, each.column) for each in found}
    found += [each for each in reader.found if (each.line, each.column) not in places]
    return Loaded(document, contract, tuple(found), instance)


@cache
def _shape(name: str) -> Shape:
    """Return a shipped schema, read once a process."""
    return Shape(schema.load(name))


def _no_contract(document: Document) -> Finding:
    """Return the finding for a file that has no ``metadata``."""
    names = [noun for key, noun in OTHER_KINDS.items() if key in document.root.values]
    what = f"it is {names[0]}" if names else "it has no metadata"
    hint = "leave it out of the paths" if names else "start it with 'metadata:', id and version"
    return Finding("PV206", f"not a contract: {what}", document.path, 1, 1, hint)


class _Reader:
    """Turns a well-shaped instance into a contract; collects what a schema cannot say."""

    def __init__(self, document: Document, instance: JSON, *, is_strict: bool) -> None:
        self.document = document
        self.instance = instance
        self.is_strict = is_strict
        self.found: list[Finding] = []

    def contract(self, not_understood: tuple[str, ...]) -> Contract:
        """Return the whole contract."""
        about = self.instance["metadata"]
        return Contract(
            path=self.document.path,
            is_strict=self.is_strict,
            id=about.get("id"),
            version=self.version(about["version"]),
            status=about.get("status"),
            inputs={name: self.input(name) for name in self.instance.get("inputs", {})} if self.is_strict else {},
            falsifiers=tuple(self.falsifier(*each) for each in self.items("falsification_tests")),
            stages=tuple(self.stage(*each) for each in self.items("implementation_stages")),
            amendments=tuple(self.amendment(*each) for each in self.items("amendments")) if self.is_strict else (),
            not_understood=not_understood,
            depends_on=tuple(self.dependencies()),
            challenge=self.challenge() if self.is_strict else None,
        )

    def dependencies(self) -> Iterator[Dependency]:
        """Yield every contract that this one says it stands on; what is no text names none."""
        for route in (("metadata", "depends_on"), ("depends_on",)):
            written = schema.at(self.instance, route[:-1]).get(route[-1])
            single = isinstance(written, str)
            for index, text in enumerate([written] if single else written if isinstance(written, list) else ()):
                if isinstance(text, str):
                    yield Dependency(text, route if single else (*route, index))

    def items(self, key: str) -> Iterator[tuple[dict[str, JSON], Route]]:
        """Yield every item of a top-level list with its route."""
        for index, item in enumerate(self.instance.get(key, ())):
            yield item, (key, index)

    def version(self, text: str) -> Version | None:
        """Return a version, or None for upstream's other forms; ours was looked at by the schema."""
        try:
            return Version.parse(text)
        except ValueError:
            return None

    def input(self, name: str) -> Input:
        """Return one declared input."""
        item, route = self.instance["inputs"][name], ("inputs", name)
        return Input(
            name=name,
            format=item["format"],
            path=item["path"],
            sha256=item.get("sha256"),
            optional=item.get("optional", False),
            route=route,
        )

    def falsifier(self, item: dict[str, JSON], route: Route) -> Falsifier:
        """Return one falsifier."""
        return Falsifier(
            id=item.get("id"),
            route=route,
            evaluator=item.get("evaluator") if self.is_strict else None,
            parameters=item.get("with", {}) if self.is_strict else {},
            expectations=tuple(self.expectations(item, (*route, "expect"))) if self.is_strict else (),
            status=item.get("status"),
            evidence=self.evidence(item, route),
            accept=self.accepted(item) if self.is_strict else {},
        )

    def accepted(self, item: dict[str, JSON]) -> dict[str, str]:
        """Return the guards that are accepted, with the reasons; other keys are findings, and accept nothing."""
        told = item.get("accept", {})
        return {guard: told[guard] for guard in told if guard in ACCEPTABLE}

    def evidence(self, item: dict[str, JSON], route: Route) -> str | None:
        """Return our reference to a record: only where it stands directly after the status."""
        node = self.document.node(route)
        order = list(node.values) if isinstance(node, Mapping) else []
        if "status" not in order or order[order.index("status") + 1 :][:1] != ["evidence"]:
            return None
        text = item["evidence"]
        return text if isinstance(text, str) and PATTERN.fullmatch(text) else None

    def expectations(self, item: dict[str, JSON], route: Route) -> Iterator[Expectation]:
        """Yield every bound of a falsifier; one that cannot be parsed is a finding."""
        for metric, written in item.get("expect", {}).items():
            single = isinstance(written, str)
            for index, text in enumerate([written] if single else written):
                place = (*route, metric) if single else (*route, metric, index)
                bound = self.bound(text, place)
                if bound is not None:
                    yield Expectation(metric=metric, bound=bound, route=place)

    def bound(self, text: str, route: Route) -> Bound | None:
        """Return a bound, or record why there is none."""
        try:
            return bounds.parse(text)
        except bounds.BoundError as error:
            message = f"{error}: {quoted(text)}"
            self.found.append(self.document.finding("PV301", message, route, hint=error.hint))
            return None

    def stage(self, item: dict[str, JSON], route: Route) -> Stage:
        """Return one stage."""
        return Stage(
            id=item.get("id"),
            status=item.get("status"),
            accepts=tuple(item.get("expected_acceptance", ())),
            route=route,
        )

    def challenge(self) -> Challenge | None:
        """Return what the contract demands of planted faults, if it says anything of them."""
        told = self.instance.get("challenge")
        return None if told is None else Challenge(least=told.get("min"), evidence=told.get("evidence"))

    def amendment(self, item: dict[str, JSON], route: Route) -> Amendment:
        """Return one amendment."""
        changes = tuple(
            BoundChange(
                id=change["id"],
                metric=change["metric"],
                before=self.texts(change, (*route, "bounds", index), "from"),
                after=self.texts(change, (*route, "bounds", index), "to"),
            )
            for index, change in enumerate(item.get("bounds", ()))
        )
        return Amendment(
            version=self.version(item["version"]),
            date=item["date"],
            bounds=changes,
            route=route,
            transitions=tuple(
                Transition(id=each["id"], before=each.get("from"), after=each["to"], evidence=each.get("evidence"))
                for each in item.get("transitions", ())
            ),
            renewals=tuple(Renewal(id=each["id"], evidence=each["evidence"]) for each in item.get("renewed", ())),
            summary=item.get("summary", ""),
        )

    def texts(self, change: dict[str, JSON], route: Route, key: str) -> tuple[str, ...]:
        """Return the bounds on one side of a change; one that cannot be parsed is a finding."""
        written = enumerate(change.get(key, ()))
        return tuple(text for index, text in written if self.bound(text, (*route, key, index)) is not None)
