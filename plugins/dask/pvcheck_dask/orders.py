"""What crosses to a worker of Dask and back: bytes of JSON, never an object of ours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pkgutil import resolve_name
from platform import python_version
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOST: Final = "PV522"
"""The code of what fails although the evaluator may be sound."""
CHANGED: Final = "PV520"
"""The code of an input that is no longer what was measured."""
NUMERICAL: Final = ("numpy", "numba")
"""Libraries on which the bits of a measurement may depend, beside Python and pvcheck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One task for a worker.

    ``run`` is the same for all tasks of one ``pv run`` and for none of another. ``versions`` are those that the worker
    must have. ``sizes`` has the bytes of the inputs that the client can see. ``threads`` is left to the worker where it
    is 0. Progress is told under ``topic``, with ``number``.
    """

    run: str
    number: int
    work: Mapping[str, Any]
    seconds: float
    server: str
    limits: Mapping[str, Any]
    versions: Mapping[str, str]
    sizes: Mapping[str, int]
    threads: int
    topic: str

    def packed(self) -> bytes:
        """Return the order as bytes."""
        return packed(asdict(self))

    @classmethod
    def unpacked(cls, told: bytes) -> Order:
        """Return the order that bytes hold."""
        return cls(**json.loads(told))


def packed(told: Mapping[str, Any]) -> bytes:
    """Return JSON as bytes."""
    return json.dumps(told, separators=(",", ":")).encode()


def error(reason: str, code: str = LOST) -> dict[str, Any]:
    """Return the answer that a task failed."""
    return {"kind": "error", "code": code, "reason": reason}


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions that are here; what is not installed has none."""
    known = {"pvcheck": lambda: str(resolve_name("pvcheck:__version__")), "python": python_version}
    return {each: known[each]() if each in known else installed(each) for each in names}


def installed(distribution: str) -> str:
    """Return the version of a distribution, or "none"."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"


def differing(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Return in what two sets of versions differ, or nothing: "NAME FOUND, here WANTED" for the first one."""
    for name, version in wanted.items():
        if found[name] != version:
            return f"{name} {found[name]}, and pv here has {version}"
    return ""


@lru_cache(64)
def installed_for(run: str, distribution: str) -> str:  # noqa: ARG001 - another run may find another version
    """Return the version of a distribution as one run meets it."""
    return installed(distribution)
