"""The hooks a plugin may implement. Types are imported for the type checker only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pvcheck.plugin.evaluator import Evaluator

PROJECT = "pvcheck"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def pv_evaluators() -> Iterable[Evaluator]:
    """Offer the evaluators of this plugin.

    Called once per process, after the contracts are read and before anything is measured; the answers
    of all plugins are joined. Two evaluators with one name stop the run, and the message names both
    distributions.

    :returns: the evaluators. Build them cheaply: load no device, no file and no numerical library.
    """
    return ()


@hookspec
def pv_pages() -> Mapping[str, str]:
    """Offer the pages that ``pv explain CODE`` prints for the codes of this plugin's own messages.

    Called once, by ``pv explain`` only. A code of pvcheck itself (``PV`` and digits) is ignored here.

    :returns: a page in Markdown by code.
    """
    return {}
