"""Where a command may put a file of its own: nowhere that holds a contract, evidence or settings.

Looked at before anything is measured: a typing error must cost neither a record nor the hours of a run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pvcheck import discovery
from pvcheck.errors import ConfigError, Finding, escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS: Final = ("pv.toml", "pyproject.toml")
RECORDS: Final = 64 + len(".json")
"""Characters in the name of a record."""


def unfit(path: Path, contracts: Sequence[Path], *, appends: bool = False) -> str:
    """Return why a command cannot put its file at a path, or nothing.

    :param contracts: those of the command, wherever they lie and whatever their names are.
    :param appends: whether the file is written behind what it holds, and not replaced as a whole.
    """
    place = Path(os.path.realpath(path))
    folders = {os.path.realpath(each.parent / "evidence") for each in contracts}
    is_contract = place.suffix in discovery.SUFFIXES or str(place) in map(os.path.realpath, contracts)
    is_record = place.suffix == ".json" and len(place.name) == RECORDS
    reasons = {
        "it is a folder": place.is_dir(),
        "its folder is not there": not place.parent.is_dir(),
        "it is no regular file": place.exists() and not place.is_file(),
        "it would take the place of a contract": is_contract,
        "it would take the place of settings": place.name in SETTINGS,
        "it would take the place of evidence": is_record or any(str(each) in folders for each in place.parents),
        "it cannot be written to": appends and place.exists() and not os.access(place, os.W_OK),
        "its folder cannot be written to": not (appends and place.exists()) and not os.access(place.parent, os.W_OK),
    }
    return next((why for why, is_so in reasons.items() if is_so), "")


def refuse_results(path: Path | None, contracts: Sequence[Path]) -> None:
    """Refuse a place for records.

    :raises ConfigError: if something else is there, or nothing can be.
    """
    why = "" if path is None else unfit(path, contracts)
    if why:
        message = f"the results cannot be written there: {why}"
        hint = "name a file such as results.jsonl in a folder that is there"
        raise ConfigError(Finding("PV471", message, escaped(str(path)), hint=hint, exit_code=2))
