"""What a shell may complete: codes, words, evaluators, metrics and ids. No plugin is loaded and no contract is parsed.

Whoever presses a key must not wait, and must not read a message: what cannot be read completes to nothing.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pvcheck.errors import PvError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import click


def topics(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return what `pv explain` explains."""
    from pvcheck import explain  # noqa: PLC0415 - only where a key was pressed

    known = [*explain.codes(), *explain.GUARDS, *(word for kind in explain.KINDS for word in explain.words(kind))]
    return _beginning([*known, *_evaluators(), *_ids()], incomplete)


def evaluators(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the evaluators of the project."""
    return _beginning(_evaluators(), incomplete)


def ids(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids of contracts, falsifiers and stages of the project."""
    return _beginning(_ids(), incomplete)


def _beginning(known: Iterable[str], incomplete: str) -> list[str]:
    """Return the names that begin as typed, in order; capitals and small letters are alike where none fits exactly."""
    several = sorted(set(known))
    return [each for each in several if each.startswith(incomplete)] or [
        each for each in several if each.lower().startswith(incomplete.lower())
    ]


def _evaluators() -> Iterator[str]:
    """Yield the names in the catalogue of the project, unchecked."""
    from pvcheck import config  # noqa: PLC0415 - as above
    from pvcheck.loading import catalogue  # noqa: PLC0415 - as above

    with suppress(PvError):
        yield from catalogue.names(config.of_folder(Path.cwd()).root)


def _ids() -> Iterator[str]:
    """Yield the ids that the contracts of the project spell."""
    from pvcheck import discovery  # noqa: PLC0415 - as above

    with suppress(PvError):
        yield from discovery.ids(Path.cwd())
