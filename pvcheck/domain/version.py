"""Strict semantic versions of contracts (semver.org 2.0.0, without pre-release and build parts).

A contract has no release candidates: a version is earned by an amendment or it is not there.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

_FORM = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})", re.ASCII)


class Change(IntEnum):
    """How far a change reaches, in the order of weight."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


class Version(NamedTuple):
    """Three numbers that compare as a tuple.

    >>> Version.parse("1.10.0") > Version.parse("1.9.9")
    True
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version a text spells.

        :raises ValueError: if it is not three numbers without leading zeros, of at most nine digits each.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError("a version must be three numbers such as 1.13.0")
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def after(self, change: Change) -> Version:
        """Return the next version for a change of that weight; the same one for no change."""
        if change is Change.MAJOR:
            return Version(self.major + 1, 0, 0)
        if change is Change.MINOR:
            return Version(self.major, self.minor + 1, 0)
        if change is Change.PATCH:
            return Version(self.major, self.minor, self.patch + 1)
        return self
