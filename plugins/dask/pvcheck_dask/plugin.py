"""The light part of the plugin: the name of its executor. Dask is loaded to run, not to start."""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import hookimpl

PV_API: Final = (1, 2)


@hookimpl
def pv_executors() -> dict[str, str]:
    """Offer the executor that gives tasks to Dask."""
    return {"dask": "pvcheck_dask.starting:start"}
