"""The claim of a falsifier, and its hash: what evidence is evidence for.

In it: the falsifier's id, its evaluator, the parameters, and the digests of the inputs that the
parameters name, as declared. Not in it: bounds, prose, status. So a better sentence keeps its
evidence, and another layer range does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain import canonical
from pvcheck.domain.digest import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract, Falsifier


def names_in(value: JSON) -> Iterable[str]:
    """Yield every text that stands as a value somewhere inside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from names_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from names_in(item)


def inputs_of(falsifier: Falsifier, contract: Contract) -> tuple[str, ...]:
    """Return the names of the declared inputs that the falsifier's parameters mention, sorted.

    A text parameter that equals the name of an input counts, whatever the evaluator makes of it: no
    plugin has to be asked, and the worst a coincidence can do is to ask for one measurement more.
    """
    mentioned = set(names_in(falsifier.parameters))
    return tuple(sorted(name for name in contract.inputs if name in mentioned))


def claim(falsifier: Falsifier, contract: Contract) -> dict[str, JSON]:
    """Return the claim as JSON, its numbers as binary64 in hex."""
    return {
        "id": falsifier.id,
        "evaluator": falsifier.evaluator,
        "with": _binary64(falsifier.parameters),
        "inputs": {name: contract.inputs[name].sha256 for name in inputs_of(falsifier, contract)},
    }


def claim_hash(the_claim: dict[str, JSON]) -> str:
    """Return the SHA-256 of the canonical text of a claim."""
    return sha256(canonical.dumps(the_claim))


def _binary64(value: JSON) -> JSON:
    """Return a parameter with its numbers as hex floats, so that 3, 3.0 and 30e-1 are one number.

    Numbers and lists carry a tag, so that no text can be taken for a number. An integer that binary64
    cannot hold exactly keeps its digits.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return ["number", float(value).hex() if float(value) == value else str(value)]
    if isinstance(value, dict):
        return {key: _binary64(item) for key, item in value.items()}
    return ["list", *(_binary64(item) for item in value)]
