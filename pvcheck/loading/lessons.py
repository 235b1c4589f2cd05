"""What an editor teaches beside the descriptions of the schema: an example of each key, and what refuses it.

It is here and not in the models, because the schema that validates is read by every hook and these words are for
people alone. The keys are blocks of the models and their properties; a test holds that none is missing or left over.
"""

from __future__ import annotations

from typing import NamedTuple


class Lesson(NamedTuple):
    """An example, as it is written in a contract, and what is refused, with codes."""

    example: str
    refused: str = ""


LESSONS: dict[str, dict[str, Lesson]] = {
    "Contract": {
        "metadata": Lesson("metadata: {schema: 1, id: C-GROWTH, version: 1.0.0}", "no id or no version (PV201)"),
        "inputs": Lesson("inputs: {teacher: {format: gguf, path: teachers/synthetic-28.gguf}}"),
        "falsification_tests": Lesson(
            "falsification_tests: [{id: FALSIFY-GROWTH-001, evaluator: q4k-chain, expect: {layers_measured: == 28}}]",
            "none (PV201, PV205); a file in which nothing is measured is a warning (PV317)",
        ),
        "implementation_stages": Lesson(
            "implementation_stages: [{id: M-GROWTH-1, expected_acceptance: [FALSIFY-GROWTH-001]}]"
        ),
        "challenge": Lesson("challenge: {min: 0.9}"),
        "amendments": Lesson("amendments: []", "an order that is not newest first (PV313)"),
        "equations": Lesson("equations: {product: {formula: y = W x}}"),
        "proof_obligations": Lesson(
            "proof_obligations: [{id: PO-1, type: bound, property: both paths agree}]", "two with one formula (PV332)"
        ),
        "kani_harnesses": Lesson(
            "kani_harnesses: [{id: KANI-1, obligation: PO-1}]", "one that checks no obligation of the file (PV318)"
        ),
        "qa_gate": Lesson("qa_gate: {id: QA-1, checks: [FALSIFY-GROWTH-001]}", "one that checks nothing (PV337)"),
        "verification_summary": Lesson(
            "verification_summary: {total_obligations: 1}", "a count that differs from what it counts (PV329)"
        ),
    },
    "Metadata": {
        "schema": Lesson("schema: 1", "any other number (PV204); taking it away again (PV427, PV453)"),
        "id": Lesson(
            "id: C-GROWTH", "signs other than letters, digits, . _ and - (PV203); a second contract's (PV324)"
        ),
        "version": Lesson(
            "version: 1.0.0",
            "1.0 and v1.0.0 (PV203); one that no amendment explains (PV312), that fell (PV420) or rose too little "
            "(PV421). pv bump writes the right one",
        ),
        "status": Lesson("status: ACTIVE", "DISCHARGED ahead of the stages (PV412); a word that no status is (PV216)"),
        "description": Lesson("description: the growth of a difference over 28 layers"),
        "created": Lesson("created: 2026-11-22"),
        "author": Lesson("author: the kernels team"),
        "references": Lesson("references: ['ggml, block formats Q4_K and Q8_K']"),
        "depends_on": Lesson(
            "depends_on: [C-DECODE]",
            "what leads to no contract (PV321), has prose behind it (PV322) or goes in a circle (PV323)",
        ),
    },
    "Input": {
        "format": Lesson("format: gguf", "capitals and dots (PV203); a file of another format, when it is measured"),
        "path": Lesson("path: teachers/synthetic-28.gguf", "what leads out of the repository (PV304)"),
        "sha256": Lesson(
            "sha256: 6a14182e95b94f61f0e0c2f05a964dbc00dcbdea66858340bbf4f5c88ec2bfdb",
            "another length, and capitals (PV203); a file inside the repository with another digest (PV410). Left out, "
            "the record pins the ranges that were read",
        ),
        "optional": Lesson("optional: true", "anything but true and false (PV202)"),
    },
    "Falsifier": {
        "id": Lesson("id: FALSIFY-GROWTH-001", "an id that stands twice (PV302); spaces (PV203)"),
        "rule": Lesson("rule: aggregate growth over all layers stays bounded"),
        "prediction": Lesson("prediction: the last layer differs less than 18 times as much as the first"),
        "if_fails": Lesson("if_fails: the difference adds up from layer to layer"),
        "recorded": Lesson("recorded: 1.8103 on another machine"),
        "evaluator": Lesson(
            "evaluator: q4k-chain",
            "bounds or parameters without it (PV310); one that schemas/evaluators.json lacks is a warning (PV309)",
        ),
        "with": Lesson(
            "with: {model: teacher, layers: 0-27}",
            "a parameter that the evaluator does not have, lacks or cannot take (PV306); an input that is not "
            "declared (PV305)",
        ),
        "expect": Lesson(
            "expect: {growth_last_over_first: < 18, layers_measured: '>= 27'}",
            "a bound that cannot be read (PV301), a metric that the evaluator does not report (PV307), a bound that "
            "does not fit its metric (PV308), nothing at all (PV311). Bounds that start with >, ! or %, or that "
            "hold [, need quotes",
        ),
        "accept": Lesson(
            "accept: {carry: each layer is bounded by itself}",
            "a reason of fewer than three words (PV611); a guard that says nothing (PV612)",
        ),
        "status": Lesson(
            "status: PENDING", "DISCHARGED and FALSIFIED that were typed (PV401): pv run --write writes them"
        ),
        "evidence": Lesson(
            "evidence: sha256:4c...",
            "a record that is not there (PV402), was edited (PV403) or is about another claim (PV406)",
        ),
    },
    "Accept": {
        "conditioning": Lesson("conditioning: the two layers are bounded by their backward error", "too short (PV611)"),
        "carry": Lesson("carry: each layer is bounded by itself", "too short (PV611)"),
        "baseline": Lesson("baseline: the claim is about these two layers", "too short (PV611)"),
    },
    "Stage": {
        "id": Lesson("id: M-GROWTH-1", "an id that stands twice (PV302)"),
        "description": Lesson("description: both paths are measured"),
        "status": Lesson("status: PENDING", "one that is ahead of its falsifiers (PV411)"),
        "expected_acceptance": Lesson(
            "expected_acceptance: [FALSIFY-GROWTH-001]", "an id that no falsifier has (PV303)"
        ),
    },
    "Challenge": {
        "min": Lesson(
            "min: 0.9", "a number outside of 0 to 1 (PV205); a score that is below it (PV625) or was not shown (PV620)"
        ),
        "evidence": Lesson(
            "evidence: sha256:4c...", "a record that is not there (PV621) or is about another claim (PV624)"
        ),
    },
    "Amendment": {
        "version": Lesson("version: 1.1.0", "versions out of order (PV313)"),
        "date": Lesson("date: 2026-11-22", "a day that is in no calendar (PV314)"),
        "summary": Lesson("summary: the bound is the published one"),
        "transitions": Lesson(
            "transitions: [{id: FALSIFY-GROWTH-001, from: PENDING, to: DISCHARGED}]",
            "a move that no outcome causes (PV425)",
        ),
        "bounds": Lesson("bounds: [{id: FALSIFY-GROWTH-001, metric: growth, from: [< 18], to: [< 20]}]"),
        "renewed": Lesson("renewed: [{id: FALSIFY-GROWTH-001, evidence: sha256:4c...}]"),
    },
    "Transition": {
        "id": Lesson("id: FALSIFY-GROWTH-001"),
        "from": Lesson("from: PENDING"),
        "to": Lesson("to: DISCHARGED"),
        "evidence": Lesson("evidence: sha256:4c..."),
    },
    "BoundChange": {
        "id": Lesson("id: FALSIFY-GROWTH-001"),
        "metric": Lesson("metric: growth_last_over_first"),
        "from": Lesson("from: [< 18]", "a bound that cannot be read (PV301)"),
        "to": Lesson("to: [< 20]", "a bound that cannot be read (PV301)"),
    },
    "Renewal": {"id": Lesson("id: FALSIFY-GROWTH-001"), "evidence": Lesson("evidence: sha256:4c...")},
    "Obligation": {
        "id": Lesson("id: PO-1"),
        "type": Lesson("type: bound", "a type that no tool knows (PV214)"),
        "property": Lesson("property: both paths agree within 0.1 %"),
        "formal": Lesson("formal: '|a - b| <= 0.001 |a|'"),
        "tolerance": Lesson("tolerance: 1e-3", "what is no number, or below 0 (PV213)"),
        "applies_to": Lesson("applies_to: all"),
    },
    "Equation": {"formula": Lesson("formula: y = W x"), "domain": Lesson("domain: the activations of one layer")},
}
"""By block and key. What only upstream's tools read has its description and no lesson."""

STATUSES = {
    "PROPOSED": "not measured yet, and nobody promises to",
    "PENDING": "to be measured: pv run --write promotes it if its bounds hold",
    "DISCHARGED": "held, with a record as evidence. Written by pv run --write; typed by hand it is refused (PV401)",
    "FALSIFIED": "refuted, with a record as evidence. Written by pv run --write; typed by hand it is refused (PV401)",
}
FORMATS = {
    "gguf": "a model file of GGML: version, metadata and tensors are checked",
    "apr": "a model file of APR, version 2",
    "csv": "numbers in columns, the first line their names",
    "json": "a JSON text",
    "npy": "one NumPy array",
    "npz": "NumPy arrays by name",
    "safetensors": "arrays by name, as safetensors keeps them",
    "text": "a text in UTF-8",
}
BOUNDS = {
    "bool": ("is true", "is false"),
    "int": ("== 0", "<= 0", ">= 1"),
    "f32": ("< 1", "<= 0.1%", "1.0 +- 0.1%", "in [0, 1]", "== 0x3f800000"),
    "f64": ("< 1", "<= 0.1%", "1.0 +- 0.1%", "in [0, 1]", "== 0x3ff0000000000000"),
}
"""Bounds that a metric of each type can have, as an editor proposes them."""
SERIES = ("all {}", "any {}", "count({}) >= 1", "[0] {}")
"""How each of them is put on a series; ``max`` and ``min`` are added where the numbers have an order."""
