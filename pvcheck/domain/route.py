"""A route names one value of a contract: in the text, in a schema error and in an edit."""

from __future__ import annotations

from pvcheck.errors import escaped

Route = tuple[str | int, ...]
"""Keys and list positions from the root, such as ``("falsification_tests", 0, "status")``."""


def shown(route: Route) -> str:
    """Return a route as a reader writes it, fit for a terminal: ``falsification_tests[0].status``.

    >>> shown(("falsification_tests", 0, "status"))
    'falsification_tests[0].status'
    """
    text = ""
    for step in route:
        text += f"[{step}]" if isinstance(step, int) else f".{escaped(step)}" if text else escaped(step)
    return text or "the contract"
