"""Checking contracts without measuring anything: read, shape, rules, evidence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, files
from pvcheck.errors import ContractError, Finding, Severity
from pvcheck.pipeline import sifting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from pvcheck.config import Config, Ignore
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract
    from pvcheck.loading.catalogue import Entry
    from pvcheck.loading.contract import Loaded
    from pvcheck.rules.outline import Outline
    from pvcheck.text import Document

MAX_CONTRACT = 1 << 20

STALE = frozenset(  # the rules of earned statuses
    {"PV401", "PV402", "PV403", "PV404", "PV405", "PV406", "PV407", "PV408", "PV409", "PV410", "PV411", "PV412"}
) | {"PV610"}
"""Findings about statuses that the evidence does not support."""
CHALLENGES = frozenset({"PV620", "PV621", "PV622", "PV623", "PV624", "PV625", "PV626"})
"""Findings about the challenge of a contract, which a run neither mends nor minds."""
SIGNATURES = frozenset({"PV473", "PV474", "PV475", "PV476", "PV477", "PV478", "PV480"})
"""Findings about the signatures of records, which a run neither makes nor minds."""
MENDED = STALE | CHALLENGES | SIGNATURES
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
    outline: Outline | None = None
    """What stands in place of the document where the file was checked before, or by another process."""

    def at_rest(self) -> Checked:
        """Let go of the tree of the document until it is asked for: ten thousand contracts may wait for each other."""
        if self.document is not None:
            self.document.rest()
        return self

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    def for_run(self) -> Checked:
        """Return the same without what a run does not mind: what was found about its challenge and its signatures."""
        minded = (each for each in self.findings if each.code not in CHALLENGES | SIGNATURES)
        return self._replace(findings=tuple(minded))

    @property
    def can_run(self) -> bool:
        """Whether nothing but a stale status stands in the way of measuring."""
        return self.contract is not None and all(each.code in MENDED for each in self.errors)


def check_all(paths: Iterable[Path], today: date | None = None) -> list[Checked]:
    """Check files, in their order; one that is broken costs the others nothing."""
    catalogues: dict[Path, Mapping[str, Entry]] = {}
    return sifting.between([check(path, catalogues, today).at_rest() for path in paths], today)


def check(
    path: Path,
    catalogues: dict[Path, Mapping[str, Entry]],
    today: date | None = None,
    disk: files.Disk | None = None,
) -> Checked:
    """Check one file; the catalogues that were read are kept by the root they hold for.

    :param disk: by default the one that reads nothing outside of the project.
    """
    from pvcheck.loading import contract  # noqa: PLC0415 - it loads the YAML parser, which what is known does without

    settings = config.of_folder(Path(os.path.realpath(path.parent)))
    disk = disk or files.Disk(settings.root)
    try:
        data = disk.read(path, MAX_CONTRACT)
        loaded = contract.load(data, str(path))
    except (ContractError, files.UnreadableError) as error:
        return Checked(path=path, config=settings, findings=error.findings)
    claims = loaded.contract
    found = [*loaded.findings, *_by_rules(loaded, path, settings, catalogues, disk)]
    sifted = sifting.sift(found, path, settings, today, loaded.document)
    found = list(sifted.kept)
    stale: frozenset[str | None] = frozenset()
    if claims is not None and claims.is_strict and not any(each.severity is Severity.ERROR for each in found):
        more, stale = _by_evidence(claims, loaded.document, path, settings, disk)
        found += more
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


def _by_rules(
    loaded: Loaded, path: Path, settings: Config, catalogues: dict[Path, Mapping[str, Entry]], disk: files.Disk
) -> list[Finding]:
    """Return what the rules inside one file find, in the order in which they are asked."""
    from pvcheck.loading import catalogue  # noqa: PLC0415 - as the rules: not where everything is known
    from pvcheck.rules import earned, fitting, guarded, structure, upstream  # noqa: PLC0415 - as above
    from pvcheck.rules import paths as named  # noqa: PLC0415 - as above

    claims, document = loaded.contract, loaded.document
    if claims is None:
        return []
    found = [*structure.check(claims, document), *upstream.check(claims, document, loaded.instance)]
    found += named.check(claims, document, loaded.instance, path, settings.root, disk)
    if claims.is_strict:
        if settings.root not in catalogues:
            catalogues[settings.root] = catalogue.load(settings.root)
        found += fitting.check(claims, document, catalogues[settings.root])
        found += guarded.reasons(claims, document)
        found += earned.paths_inside(claims, document, path, settings.root, disk)
    return found


def _by_evidence(
    claims: Contract, document: Document, path: Path, settings: Config, disk: files.Disk
) -> tuple[list[Finding], frozenset[str | None]]:
    """Return what records say against a contract that is sound otherwise, and the falsifiers without support."""
    from pvcheck.rules import earned  # noqa: PLC0415 - as above

    unsupported = list(earned.check(claims, document, path, settings.root, settings.conditioning, disk))
    stale = frozenset(name for name, finding in unsupported if finding.severity is Severity.ERROR)
    found = [*(finding for _, finding in unsupported), *_challenged(claims, document, path, settings, disk)]
    if settings.signatures.required:
        from pvcheck.rules import signed  # noqa: PLC0415 - few projects demand signatures

        found += signed.check(signed.Case(claims, document, path, settings.signatures.keys, disk=disk))
    return found, stale


def _challenged(claims: Contract, document: Document, path: Path, settings: Config, disk: files.Disk) -> list[Finding]:
    """Return what is wrong with the challenge of a contract, where one is told of or demanded."""
    if claims.challenge is None and settings.challenge is None:
        return []
    from pvcheck.rules import challenged  # noqa: PLC0415 - most contracts say nothing of challenges

    return list(challenged.check(challenged.Case(claims, document, path, settings.challenge, disk)))
