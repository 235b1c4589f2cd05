"""The light part of an evaluator: everything pvcheck must know without loading its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pvcheck.plugin.faults import GENERIC

if TYPE_CHECKING:
    from pvcheck.domain.metric import MetricSpec
    from pvcheck.plugin.values import Fault


class Parameters(BaseModel):
    """The base of a parameter model: what a contract may write under ``with``.

    Unknown keys, NaN and guessed conversions are refused, so that a misspelt parameter is an error
    with its line and never a default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def input_field(description: str) -> str:
    """Return the field of a parameter that holds the name of an entry of the contract's ``inputs``."""
    field: str = Field(description=description, json_schema_extra={"x-pv-input": True})
    return field


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """One evaluator, as its plugin offers it.

    ``implementation`` is the heavy part, "package.module:function". It is imported in a worker
    process only, and called as ``function(parameters, context) -> Measurement``.

    An evaluator whose work can be split names two more functions. ``split(parameters, context)`` returns other
    parameters, one for each part; the parts are measured by ``implementation``, several at a time and perhaps on
    several machines. ``join(parameters, measurements, context)`` makes one measurement of theirs, which come in the
    order of the parts. Every run measures so, also one with a single worker: the numbers are the same everywhere.
    """

    name: str
    version: str
    doc: str
    parameters: type[Parameters]
    metrics: tuple[MetricSpec, ...]
    implementation: str
    devices: tuple[str, ...] = ("cpu",)
    faults: tuple[Fault, ...] = ()
    runs_programs: bool = False
    """Whether it starts programs that a contract names: then it runs only where settings allow it by name."""
    takes_arrays: bool = False
    """Whether it passes the arrays it reads through ``Context.received``: then the generic faults can be planted."""
    split: str = ""
    """The function that splits the work, "package.module:function"; empty where it is one piece."""
    join: str = ""
    """The function that joins the parts; it stands where ``split`` does."""

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """Its own faults, and the generic ones where it takes arrays."""
        return (*self.faults, *GENERIC) if self.takes_arrays else self.faults
