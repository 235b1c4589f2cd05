"""The shape of a contract file as pydantic models, from which the JSON Schema is generated.

Imported by ``pv schema`` and by tests only: reading a contract needs the schema, not the models.
Every field is described, because the descriptions are what an editor shows while typing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, SkipJsonSchema

Text = Annotated[str, Field(max_length=65536)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
Word = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
Semver = Annotated[
    str, Field(pattern=r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$", max_length=29)
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Reference = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Date = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
BoundText = Annotated[str, Field(min_length=1, max_length=200)]
Nothing = SkipJsonSchema[None]
"""Marks a field that may be absent. An explicit null is refused: it is an empty value by mistake."""


class Open(BaseModel):
    """A block in which keys that nobody knows are legal, and counted."""

    model_config = ConfigDict(extra="allow")


class Closed(BaseModel):
    """A block of ours, in which every key has a meaning."""

    model_config = ConfigDict(extra="forbid")


class UpstreamMetadata(Open):
    """Who the contract is."""

    id: Text | Nothing = Field(None, description="the name of the contract")
    version: Text = Field(description="the version of the contract")
    status: Text | Nothing = Field(None, description="what the contract says of itself")
    description: Text | Nothing = Field(None, description="what the contract is about, in a sentence")
    created: Text | Nothing = Field(None, description="the day it was written")
    author: Text | Nothing = Field(None, description="who wrote it")
    kind: Text | Nothing = Field(None, description="upstream's kind of contract")
    registry: bool | Nothing = Field(None, description="upstream's mark of a catalogue")
    references: list[Any] | Nothing = Field(None, description="papers, specifications, pull requests")
    depends_on: list[Any] | Nothing = Field(None, description="contracts that this one stands on")


class Metadata(UpstreamMetadata):
    """Who the contract is. ``schema: 1`` makes it one of ours: strict rules hold."""

    schema_: Literal[1] = Field(alias="schema", description="1: strict rules hold, and statuses are earned")
    id: Id = Field(description="the name of the contract, such as C-TRACE-FFN-SUB-BLOCK-GGUF")
    version: Semver = Field(description="strict semantic version, equal to the newest amendment's")
    status: Word | Nothing = Field(None, description="DISCHARGED when all stages are, else ACTIVE; written by pv")


class Input(Closed):
    """A file that falsifiers measure."""

    format: Name = Field(description="gguf or apr; other evaluators may know more")
    path: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="relative to this contract; --input NAME=PATH and pv.toml override it"
    )
    sha256: Sha256 | Nothing = Field(None, description="SHA-256 of the whole file, 64 hex digits")
    optional: bool = Field(False, description="true: where the file is absent, its falsifiers are not measured")


class AnyFalsifier(Open):
    """What falsifiers of both kinds may say."""

    id: Text | Nothing = Field(None, description="the name of the falsifier, unique in the file")
    rule: Text | Nothing = Field(None, description="the claim, in a few words")
    prediction: Text | Nothing = Field(None, description="what will be seen if the claim is true")
    if_fails: Text | Nothing = Field(None, description="what a refutation would mean")
    test: Any = Field(None, description="upstream's test: a name, a command or prose")
    recorded: Text | Nothing = Field(None, description="what was reported elsewhere; prose, never evidence")
    status: Text | Nothing = Field(None, description="what the contract says of the claim")
    evidence: Any = Field(None, description="upstream's prose, or our reference")


class UpstreamFalsifier(AnyFalsifier):
    """A claim that a measurement could refute."""

    if_fails: Text = Field(description="what a refutation would mean")


class Falsifier(AnyFalsifier):
    """A claim that a measurement could refute. Without ``evaluator`` it is unbound and never DISCHARGED."""

    id: Id = Field(description="the name of the falsifier, unique in the file")
    evaluator: Name | Nothing = Field(None, description="the evaluator that measures it; pv plugins list names them")
    with_: dict[str, Any] | Nothing = Field(None, alias="with", description="parameters of the evaluator")
    expect: dict[str, BoundText | list[BoundText]] | Nothing = Field(
        None, description="bounds on metrics, such as '< 18', '1.81 +- 0.1%', 'all <= 10%'; a list means all of them"
    )
    status: Word | Nothing = Field(None, description="PROPOSED, PENDING, DISCHARGED or FALSIFIED; earned, never typed")
    evidence: Any = Field(None, description="directly after status: sha256:... of the record, written by pv")


class UpstreamStage(Open):
    """A step of the implementation."""

    id: Text | Nothing = Field(None, description="the name of the stage")
    description: Text | Nothing = Field(None, description="what the step is")
    status: Text | Nothing = Field(None, description="how far it is")
    expected_acceptance: list[Text] | Nothing = Field(None, description="the falsifiers that decide it")


class Stage(UpstreamStage):
    """A step of the implementation, and the falsifiers that decide it."""

    id: Id = Field(description="the name of the stage, unique in the file")
    status: Word | Nothing = Field(None, description="follows from its falsifiers; written by pv")


class Transition(Closed):
    """One status that moved."""

    id: Id = Field(description="the falsifier, the stage, or the contract")
    from_: Word | Nothing = Field(None, alias="from", description="the status before; absent if there was none")
    to: Word = Field(description="the status after")
    evidence: Reference | Nothing = Field(None, description="the record that moved it")


class BoundChange(Closed):
    """One bound that was changed on purpose."""

    id: Id = Field(description="the falsifier")
    metric: Text = Field(description="the metric")
    from_: list[BoundText] = Field([], alias="from", description="the bounds before")
    to: list[BoundText] = Field([], description="the bounds after")


class Renewal(Closed):
    """Evidence that was renewed without moving a status."""

    id: Id = Field(description="the falsifier")
    evidence: Reference = Field(description="the new record")


class Amendment(Closed):
    """What one write changed."""

    version: Semver = Field(description="the version it made")
    date: Date = Field(description="the day, in UTC")
    summary: Text | Nothing = Field(None, description="why, in a sentence")
    transitions: list[Transition] | Nothing = Field(None, description="statuses that moved")
    bounds: list[BoundChange] | Nothing = Field(None, description="bounds that changed")
    renewed: list[Renewal] | Nothing = Field(None, description="evidence that was renewed")


class Obligation(Open):
    """Something to be proved."""

    id: Text | Nothing = Field(None, description="the name of the obligation")
    type: Text | Nothing = Field(None, description="invariant, equivalence, bound, ...")
    property: Text | Nothing = Field(None, description="what must hold")
    formal: Text | Nothing = Field(None, description="the same as a formula")
    tolerance: Any = Field(None, description="upstream's tolerance")
    applies_to: Text | Nothing = Field(None, description="which implementations")


class Harness(Open):
    """A model-checking harness."""

    id: Text | Nothing = Field(None, description="the name of the harness")
    obligation: Text | Nothing = Field(None, description="the obligation it checks")
    property: Text | Nothing = Field(None, description="what it checks")
    strategy: Text | Nothing = Field(None, description="how it checks")


class AnyContract(Open):
    """What contracts of both kinds may say."""

    equations: dict[str, Any] | list[Any] | Nothing = Field(None, description="the mathematics, by name")
    proof_obligations: list[Obligation] | Nothing = Field(None, description="what must be proved")
    kani_harnesses: list[Harness] | Nothing = Field(None, description="model-checking harnesses")
    qa_gate: dict[str, Any] | Nothing = Field(None, description="upstream's gate")
    verification_summary: dict[str, Any] | Nothing = Field(None, description="upstream's totals")
    kernel_structure: dict[str, Any] | Nothing = Field(None, description="upstream's phases of a kernel")
    simd_dispatch: dict[str, Any] | Nothing = Field(None, description="upstream's table of SIMD forms")
    enforcement: dict[str, Any] | Nothing = Field(None, description="upstream's enforcement rules")
    type_invariants: list[Any] | Nothing = Field(None, description="upstream's invariants of types")


class UpstreamContract(AnyContract):
    """A contract of upstream's kind: read and counted, its statuses claimed and not measured."""

    metadata: UpstreamMetadata = Field(description="who the contract is")
    falsification_tests: Sequence[UpstreamFalsifier] | Nothing = Field(None, description="what could refute it")
    implementation_stages: Sequence[UpstreamStage] | Nothing = Field(
        None, description="the steps, and what decides each"
    )


class Contract(AnyContract):
    """A contract of ours."""

    metadata: Metadata = Field(description="who the contract is")
    inputs: dict[str, Input] | Nothing = Field(None, description="files that falsifiers measure, by name")
    falsification_tests: Annotated[Sequence[Falsifier], Field(min_length=1, max_length=10000)] = Field(
        description="what could refute it"
    )
    implementation_stages: Sequence[Stage] | Nothing = Field(None, description="the steps, and what decides each")
    amendments: list[Amendment] | Nothing = Field(None, description="what each write changed, newest first")


class _Plain(GenerateJsonSchema):
    """The schema without generated titles and null defaults, which an editor would show as noise."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - pydantic's own signature
        """Refuse every generated title."""
        del schema
        return False


def contract_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a contract model, as a JSON value."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_Plain)
    _tidy(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _tidy(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Drop null defaults and class titles in place."""
    if isinstance(value, dict):
        if value.get("default", ...) is None:
            del value["default"]
        if isinstance(value.get("title"), str):
            del value["title"]
        for item in value.values():
            _tidy(item)
    elif isinstance(value, list):
        for item in value:
            _tidy(item)
