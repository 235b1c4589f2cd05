"""The host of plugins: finds them, says what they offer, and runs their evaluators in worker processes.

Names are loaded when they are asked for: a worker imports this package too, and needs little of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvcheck.host.checkup import Checkup, check_up
    from pvcheck.host.discovery import (
        BrokenPlugin,
        DeclaredPlugin,
        LoadedPlugin,
        OfferedEvaluator,
        PluginSet,
        declared_plugins,
        discover,
        survey,
    )
    from pvcheck.host.exchange import Failed, Limits, Measured, Read, Reply, Request, TimedOut, Unmeasured
    from pvcheck.host.listing import catalogue
    from pvcheck.host.pool import Pool

__all__ = [
    "BrokenPlugin",
    "Checkup",
    "DeclaredPlugin",
    "Failed",
    "Limits",
    "LoadedPlugin",
    "Measured",
    "OfferedEvaluator",
    "PluginSet",
    "Pool",
    "Read",
    "Reply",
    "Request",
    "TimedOut",
    "Unmeasured",
    "catalogue",
    "check_up",
    "declared_plugins",
    "discover",
    "survey",
]

_HOMES = {
    "BrokenPlugin": "discovery",
    "Checkup": "checkup",
    "DeclaredPlugin": "discovery",
    "Failed": "exchange",
    "Limits": "exchange",
    "LoadedPlugin": "discovery",
    "Measured": "exchange",
    "OfferedEvaluator": "discovery",
    "PluginSet": "discovery",
    "Pool": "pool",
    "Read": "exchange",
    "Reply": "exchange",
    "Request": "exchange",
    "TimedOut": "exchange",
    "Unmeasured": "exchange",
    "catalogue": "listing",
    "check_up": "checkup",
    "declared_plugins": "discovery",
    "discover": "discovery",
    "survey": "discovery",
}
"""The module of each name; a test holds it equal to ``__all__``."""


def __getattr__(name: str) -> object:
    """Return a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
