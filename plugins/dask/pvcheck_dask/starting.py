"""The door of the executor: what to do where Dask is not installed, cannot be reached, or has other versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.plugin import ExecutorError

if TYPE_CHECKING:
    from pvcheck.plugin import Executor, Setup

NEEDED: Final = ("cryptography", "dask", "distributed")
INSTALL: Final = "pip install 'pv-contracts[dask]'"


def start(setup: Setup) -> Executor:
    """Return an executor: on the scheduler at the address, or on processes of its own where there is none.

    :raises ExecutorError: if it cannot start.
    """
    try:
        import cryptography  # noqa: F401, PLC0415 - without it, whoever has an account here could give our workers code

        from pvcheck_dask import clusters, executor  # noqa: PLC0415 - they load Dask
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in NEEDED:
            raise
        raise ExecutorError(f"the package {error.name} is not installed: {INSTALL}") from None
    cluster = clusters.reached(setup.address) if setup.address else clusters.started(setup.jobs)
    return executor.DaskExecutor(cluster, setup)
