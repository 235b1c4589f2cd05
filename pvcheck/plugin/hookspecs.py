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


@hookspec
def pv_model_readers() -> Mapping[str, str]:
    """Offer readers of model files to ``pv model show``.

    Called by that command only. The function of the file's format is imported and called as
    ``function(source)``, in the process of the command, so it must check whatever it believes and read no
    weights. It raises ``InputError`` for a file that is not sound; a text ``code`` of that error becomes a
    hint to its page. Where two plugins offer one format, the one whose name comes first reads it.

    The function returns a dict: ``version`` is text; ``metadata`` a dict of short texts; ``tensors`` a list of
    tuples (name, type, dims, offset, size), ``dims`` a tuple, ``offset`` and ``size`` in bytes of the file.
    ``check`` may be a function without parameters: it is called where all of the file is read anyway, with
    ``--digest``, and raises ``InputError`` where only the whole file can show that it is not sound.

    :returns: "package.module:function" by the name of a format, which is also the suffix of its files.
    """
    return {}


@hookspec
def pv_executors() -> Mapping[str, str]:
    """Offer places where tasks can be done: other machines, a queue, a cluster.

    Called by ``pv run --executor NAME[=ADDRESS]`` only. The factory of that name is imported and called as
    ``factory(setup)`` with a ``Setup``, and returns an ``Executor``. It raises ``ExecutorError`` where it cannot start,
    such as for a library that is not installed. No contract can choose an executor or its address.

    :returns: "package.module:factory" by the name of the executor: small letters, digits and "-", and not ``local``.
    """
    return {}
