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
    enforcement_level: Any = Field(None, description="upstream's level: basic, standard, strict or proven")
    locked_level: Any = Field(None, description="upstream's level that may not be lowered")
    competitor: Any = Field(None, description="upstream's rival")
    demand_score: Any = Field(None, description="upstream's demand, 1 to 5")
    intake_status: Any = Field(None, description="upstream's intake: missing, partial, supported or unclear")
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
    name: Any = Field(None, description="upstream's title of the falsifier")
    test: Any = Field(None, description="upstream's test: a name, a command or prose")
    test_harness: Any = Field(None, description="upstream's other key for the test")
    recorded: Text | Nothing = Field(None, description="what was reported elsewhere; prose, never evidence")
    status: Text | Nothing = Field(None, description="what the contract says of the claim")
    evidence: Any = Field(None, description="upstream's prose, or our reference")
    functional_evidence: Any = Field(None, description="upstream's prose about one live run")
    algorithm_evidence: Any = Field(None, description="upstream's prose about unit tests")


class Accept(Closed):
    """Guards whose findings the falsifier accepts, each with the reason. What leaves no verdict cannot be accepted."""

    conditioning: Text | Nothing = Field(
        None, description="why a bound may lean on a relative error whose denominator cancels"
    )
    carry: Text | Nothing = Field(None, description="why it does not matter that the chain carries nothing")
    baseline: Text | Nothing = Field(None, description="why a ratio is claimed that other ends of the series have")


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
    accept: Accept | Nothing = Field(
        None, description="guards whose findings are accepted: conditioning, carry or baseline, each with the reason"
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


class Lean(Open):
    """Where a proof in Lean stands."""

    theorem: Any = Field(None, description="the theorem")
    module: Any = Field(None, description="its module")
    status: Any = Field(None, description="proved, sorry, wip or not-applicable")
    depends_on: Any = Field(None, description="other theorems")
    mathlib_imports: Any = Field(None, description="what it imports")
    notes: Any = Field(None, description="prose")


class Challenge(Closed):
    """What planted faults must show of the bounds."""

    min: Annotated[float, Field(ge=0, le=1)] | Nothing = Field(
        None, description="the least share of the faults that move a measurement which must be caught, from 0 to 1"
    )
    evidence: Reference | Nothing = Field(None, description="sha256:... of the record, written by pv challenge --write")


class Obligation(Open):
    """Something to be proved."""

    id: Text | Nothing = Field(None, description="the name of the obligation")
    type: Text | Nothing = Field(None, description="invariant, equivalence, bound, ...")
    property: Text | Nothing = Field(None, description="what must hold")
    formal: Text | Nothing = Field(None, description="the same as a formula")
    tolerance: Any = Field(None, description="how far off it may be: a finite number, 0 or more")
    applies_to: Text | Nothing = Field(None, description="which implementations")
    lean: Lean | Any = Field(None, description="the proof in Lean")
    requires: Any = Field(None, description="what a postcondition stands on")
    applies_to_phase: Any = Field(None, description="the phase of a loop")
    parent_contract: Any = Field(None, description="the contract of a subcontract")
    na_reason: Any = Field(None, description="why it does not apply")
    na_owner: Any = Field(None, description="who says so")


class Harness(Open):
    """A model-checking harness."""

    id: Text | Nothing = Field(None, description="the name of the harness")
    obligation: Text | Nothing = Field(None, description="the obligation it checks")
    property: Text | Nothing = Field(None, description="what it checks")
    strategy: Text | Nothing = Field(None, description="how it checks")
    bound: Any = Field(None, description="the largest size it checks")
    solver: Any = Field(None, description="the solver")
    harness: Any = Field(None, description="the function")
    description: Any = Field(None, description="prose")
    actually_verified: Any = Field(None, description="upstream's claim that it ran")


class Equation(Open):
    """One equation."""

    id: Any = Field(None, description="its name, in a list of equations")
    formula: Any = Field(None, description="the mathematics")
    domain: Any = Field(None, description="what goes in")
    codomain: Any = Field(None, description="what comes out")
    invariants: Any = Field(None, description="what always holds")
    preconditions: Any = Field(None, description="what must hold before")
    postconditions: Any = Field(None, description="what holds after")
    lean_theorem: Any = Field(None, description="the theorem that says so")
    float_tolerance: Any = Field(None, description="how far off it may be")
    assumes: Any = Field(None, description="what is taken for granted")
    guarantees: Any = Field(None, description="what others may rely on")


class QaGate(Open):
    """Upstream's gate."""

    id: Any = Field(None, description="the name of the gate")
    name: Any = Field(None, description="its title")
    description: Any = Field(None, description="prose")
    checks: Any = Field(None, description="what is checked")
    pass_criteria: Any = Field(None, description="when it passes, in words")
    falsification: Any = Field(None, description="how it could fail, in words")


class VerificationSummary(Open):
    """Upstream's totals."""

    total_obligations: Any = Field(None, description="how many obligations there are")
    l2_property_tested: Any = Field(None, description="how many of them have tests")
    l3_kani_proved: Any = Field(None, description="how many of them have harnesses")
    l4_lean_proved: Any = Field(None, description="how many of them are proved")
    l4_sorry_count: Any = Field(None, description="how many proofs have holes")
    l4_not_applicable: Any = Field(None, description="how many need no proof")
    proven: Any = Field(None, description="how many are proved")
    tested: Any = Field(None, description="how many are tested")
    status: Any = Field(None, description="the whole in a word")
    notes: Any = Field(None, description="prose")


class Phase(Open):
    """One phase of a kernel."""

    name: Any = Field(None, description="its name")
    description: Any = Field(None, description="what it does")
    invariant: Any = Field(None, description="what holds while it runs")


class KernelStructure(Open):
    """Upstream's phases of a kernel."""

    phases: list[Phase | Any] | Any = Field(None, description="the phases, in order")


class EnforcementRule(Open):
    """One of upstream's enforcement rules."""

    description: Any = Field(None, description="what is enforced")
    check: Any = Field(None, description="how")
    severity: Any = Field(None, description="how hard")
    reference: Any = Field(None, description="where it comes from")


class TypeInvariant(Open):
    """One of upstream's invariants of types."""

    name: Any = Field(None, description="its name")
    type: Any = Field(None, description="the type")
    predicate: Any = Field(None, description="what holds for each value")
    description: Any = Field(None, description="prose")


class AnyContract(Open):
    """What contracts of both kinds may say."""

    equations: dict[str, Equation | Any] | list[Equation | Any] | Nothing = Field(
        None, description="the mathematics, by name"
    )
    proof_obligations: list[Obligation] | Nothing = Field(None, description="what must be proved")
    kani_harnesses: list[Harness] | Nothing = Field(None, description="model-checking harnesses")
    qa_gate: QaGate | Nothing = Field(None, description="upstream's gate")
    verification_summary: VerificationSummary | Nothing = Field(None, description="upstream's totals")
    kernel_structure: KernelStructure | Nothing = Field(None, description="upstream's phases of a kernel")
    simd_dispatch: dict[str, Any] | Nothing = Field(None, description="upstream's table of SIMD forms")
    enforcement: dict[str, EnforcementRule | Any] | Nothing = Field(None, description="upstream's enforcement rules")
    type_invariants: list[TypeInvariant | Any] | Nothing = Field(None, description="upstream's invariants of types")
    coq_spec: Any = Field(None, description="upstream's specification in Coq")
    beat: Any = Field(None, description="upstream's benchmark against a rival")
    stories: Any = Field(None, description="upstream's user stories")


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
    challenge: Challenge | Nothing = Field(None, description="what planted faults must show of the bounds")
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
