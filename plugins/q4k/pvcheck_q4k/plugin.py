"""The light part of the plugin: what it offers, without a numerical library.

The heavy parts, ``chain`` and what the other modules of evaluators name, are loaded by a worker process to measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.plugin import Evaluator, hookimpl
from pvcheck_q4k.catalogue import CHAIN_METRICS
from pvcheck_q4k.chain_evaluators import CHAINS
from pvcheck_q4k.fault_catalogue import CHAIN_FAULTS
from pvcheck_q4k.fixture_evaluators import EVALUATORS
from pvcheck_q4k.parameters import ChainParameters
from pvcheck_q4k.sweep_catalogue import SWEEP

if TYPE_CHECKING:
    from collections.abc import Mapping

PV_API = (1, 2)

CHAIN = Evaluator(
    name="q4k-chain",
    version="1.1.0",
    doc="Runs two ways to compute a Q4_K dot product through the layers of a model, each feeding its own next "
    "activation, and reports how far they part, how well each number is conditioned and how much the chain carries.",
    parameters=ChainParameters,
    metrics=CHAIN_METRICS,
    implementation="pvcheck_q4k.chain:measure",
    devices=("cpu", "reference", "cuda"),
    faults=CHAIN_FAULTS,
    takes_arrays=True,
)


@hookimpl
def pv_evaluators() -> tuple[Evaluator, ...]:
    """Offer the evaluators."""
    return (CHAIN, *CHAINS, SWEEP, *EVALUATORS)


@hookimpl
def pv_pages() -> Mapping[str, str]:
    """Offer the pages of the codes of model files."""
    from pvcheck_q4k.pages import PAGES  # noqa: PLC0415 - only `pv explain` asks for them

    return PAGES


@hookimpl
def pv_model_readers() -> Mapping[str, str]:
    """Offer the readers of GGUF and APR files."""
    return {
        "gguf": "pvcheck_q4k.model_reader:describe_gguf",
        "apr": "pvcheck_q4k.model_reader:describe_apr",
    }
