"""Contracts that are only read: no rule is asked, so a history can be told of a contract that is being mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, files
from pvcheck.errors import ContractError, Finding, Severity
from pvcheck.loading import contract
from pvcheck.pipeline.checking import MAX_CONTRACT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pvcheck.domain.contract import Contract


class Read(NamedTuple):
    """A file that was read. Without a contract, ``problems`` say why."""

    contract: Contract | None
    problems: tuple[Finding, ...] = ()


def read_all(paths: Iterable[Path]) -> Iterator[Read]:
    """Yield each file, in their order; one that is broken costs the others nothing."""
    for path in paths:
        try:
            loaded = contract.load(config.read(path, MAX_CONTRACT), str(path))
        except (ContractError, files.UnreadableError) as error:
            yield Read(None, error.findings)
            continue
        errors = tuple(each for each in loaded.findings if each.severity is Severity.ERROR)
        yield Read(loaded.contract, errors if loaded.contract is None else ())
