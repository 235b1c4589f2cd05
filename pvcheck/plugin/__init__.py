"""What a plugin may use of pvcheck: hooks, value types, parameters and the context. Nothing else is stable.

The API has a version. A plugin written for ``API_VERSION`` (major, minor) works with every later
minor of the same major; it says so with ``PV_API = (major, minor)`` in the module of its entry point.
"""

from pvcheck.domain.metric import MetricSpec, MetricType
from pvcheck.plugin.context import Cancelled, Context, InputError, NotMeasured, Source
from pvcheck.plugin.evaluator import Evaluator, Parameters, input_field
from pvcheck.plugin.executor import Event, Executor, ExecutorError, Setup, Task
from pvcheck.plugin.hookspecs import hookimpl
from pvcheck.plugin.values import (
    ChainLink,
    ClaimedRatio,
    Comparison,
    Condition,
    Fault,
    Measurement,
    Population,
    Ratio,
    Skip,
)

API_VERSION = (1, 2)

__all__ = [
    "API_VERSION",
    "Cancelled",
    "ChainLink",
    "ClaimedRatio",
    "Comparison",
    "Condition",
    "Context",
    "Evaluator",
    "Event",
    "Executor",
    "ExecutorError",
    "Fault",
    "InputError",
    "Measurement",
    "MetricSpec",
    "MetricType",
    "NotMeasured",
    "Parameters",
    "Population",
    "Ratio",
    "Setup",
    "Skip",
    "Source",
    "Task",
    "hookimpl",
    "input_field",
]
