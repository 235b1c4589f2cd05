"""Checking contracts without measuring anything: read, shape, rules, evidence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, files
from pvcheck.errors import ContractError, Finding, Severity
from pvcheck.loading import catalogue, contract
from pvcheck.pipeline import sifting
from pvcheck.rules import earned, fitting, guarded, structure, upstream
from pvcheck.rules import paths as named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from pvcheck.config import Config, Ignore
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract
    from pvcheck.loading.catalogue import Entry
    from pvcheck.text import Document

MAX_CONTRACT = 1 << 20

STALE = frozenset(  # the rules of earned statuses
    {"PV401", "PV402", "PV403", "PV404", "PV405", "PV406", "PV407", "PV408", "PV409", "PV410", "PV411", "PV412"}
) | {"PV610"}
"""Findings about statuses that the evidence does not support."""
CHALLENGES = frozenset({"PV620", "PV621", "PV622", "PV623", "PV624", "PV625", "PV626"})
"""Findings about the challenge of a contract, which a run neither mends nor minds."""
MENDED = STALE | CHALLENGES
"""Findings that a new measurement can mend, so that they do not keep ``pv run`` from measuring."""


class Checked(NamedTuple):
    """One file that was checked. ``contract`` is None where it could not be understood."""

    path: Path
    config: Config
    document: Document | None = None
    contract: Contract | None = None
    findings: tuple[Finding, ...] = ()
    stale: frozenset[str | None] = frozenset()
    """The falsifiers whose status the evidence does not support."""
    instance: JSON = None
    """Everything in the file as one JSON value."""
    ignored: tuple[Finding, ...] = ()
    """The findings that the settings ignore."""
    used: frozenset[Ignore] = frozenset()
    """The settings that ignore them, and those that did so until a day that has passed."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    def but_challenges(self) -> Checked:
        """Return the same without what was found about its challenge."""
        return self._replace(findings=tuple(each for each in self.findings if each.code not in CHALLENGES))

    @property
    def can_run(self) -> bool:
        """Whether nothing but a stale status stands in the way of measuring."""
        return self.contract is not None and all(each.code in MENDED for each in self.errors)


def check_all(paths: Iterable[Path], today: date | None = None) -> list[Checked]:
    """Check files, in their order; one that is broken costs the others nothing."""
    catalogues: dict[Path, Mapping[str, Entry]] = {}
    return sifting.between([check(path, catalogues, today) for path in paths], today)


def check(path: Path, catalogues: dict[Path, Mapping[str, Entry]], today: date | None = None) -> Checked:
    """Check one file; the catalogues that were read are kept by the root they hold for."""
    settings = config.of_folder(Path(os.path.realpath(path.parent)))
    try:
        data = files.read(path, MAX_CONTRACT)
        loaded = contract.load(data, str(path))
    except (ContractError, files.UnreadableError) as error:
        return Checked(path=path, config=settings, findings=error.findings)
    found = list(loaded.findings)
    stale: frozenset[str | None] = frozenset()
    claims = loaded.contract
    if claims is not None:
        found += structure.check(claims, loaded.document)
        found += upstream.check(claims, loaded.document, loaded.instance)
        found += named.check(claims, loaded.document, loaded.instance, path, settings.root)
        if claims.is_strict:
            if settings.root not in catalogues:
                catalogues[settings.root] = catalogue.load(settings.root)
            found += fitting.check(claims, loaded.document, catalogues[settings.root])
            found += guarded.reasons(claims, loaded.document)
            found += earned.paths_inside(claims, loaded.document, path, settings.root)
    sifted = sifting.sift(found, path, settings, today, loaded.document)
    found = list(sifted.kept)
    if claims is not None and claims.is_strict and not any(each.severity is Severity.ERROR for each in found):
        unsupported = list(earned.check(claims, loaded.document, path, settings.root, settings.conditioning))
        found += [finding for _, finding in unsupported]
        stale = frozenset(name for name, finding in unsupported if finding.severity is Severity.ERROR)
        found += _challenged(claims, loaded.document, path, settings)
    found.sort(key=lambda each: (each.line, each.column))
    return Checked(
        path=path,
        config=settings,
        document=loaded.document,
        contract=claims,
        findings=tuple(found),
        stale=stale,
        instance=loaded.instance,
        ignored=sifted.ignored,
        used=sifted.used,
    )


def _challenged(claims: Contract, document: Document, path: Path, settings: Config) -> list[Finding]:
    """Return what is wrong with the challenge of a contract, where one is told of or demanded."""
    if claims.challenge is None and settings.challenge is None:
        return []
    from pvcheck.rules import challenged  # noqa: PLC0415 - most contracts say nothing of challenges

    return list(challenged.check(challenged.Case(claims, document, path, settings.challenge)))
