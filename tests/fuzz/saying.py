"""What every message of ours must be, whatever was read: printable, on one line, short, with a code and a hint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pvcheck.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pvcheck.errors import Finding, PvError

LONGEST: Final = 2000
_CODE: Final = re.compile(r"PV[0-9]{3}", re.ASCII)


def refused(error: PvError) -> bool:
    """Look at what a refusal says, and return False: the bytes were not understood.

    :raises PvError: if it is no refusal and admits a bug of ours.
    """
    if isinstance(error, BugError):
        raise error
    assert error.findings
    heard(error.findings)
    return False


def heard(findings: Iterable[Finding]) -> None:
    """Look at each message."""
    for each in findings:
        assert _CODE.fullmatch(each.code), each
        assert each.hint, each
        plain(str(each))
        plain(each.hint)


def plain(text: str) -> None:
    """Look at one line that a person would read."""
    assert text.isprintable(), text
    assert len(text) <= LONGEST, len(text)
