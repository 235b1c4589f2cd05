"""The codes of plugins and of the workers that run them, one table with one title each.

A code never changes its meaning. ``pvcheck/explain/CODE.md`` has its page.
"""

from __future__ import annotations

TWO_EVALUATORS = "PV501"
BROKEN_PLUGIN = "PV502"
BAD_CHOICE = "PV503"
TWO_PLUGINS = "PV504"
API = "PV505"
NO_PLUGIN = "PV506"
NO_EXECUTOR = "PV507"
TWO_EXECUTORS = "PV508"
RAISED = "PV510"
DIED = "PV511"
TIMED_OUT = "PV512"
BAD_RESULT = "PV513"
GARBLED = "PV514"
MEMORY = "PV515"
NO_IMPLEMENTATION = "PV516"
PARAMETERS = "PV517"
INPUT = "PV518"
FAULT = "PV519"
CHANGED = "PV520"
ONE_SIDED = "PV521"
LOST = "PV522"

TITLES: dict[str, str] = {
    TWO_EVALUATORS: "two plugins offer an evaluator of one name",
    BROKEN_PLUGIN: "a plugin is broken",
    BAD_CHOICE: "the chosen plugin does not offer the evaluator",
    TWO_PLUGINS: "two distributions declare a plugin of one name",
    API: "a plugin is written for another plugin API",
    NO_PLUGIN: "no plugin of that name is installed",
    NO_EXECUTOR: "no installed plugin offers the executor",
    TWO_EXECUTORS: "two plugins offer an executor of one name",
    RAISED: "an evaluator raised an exception",
    DIED: "a worker process ended before it answered",
    TIMED_OUT: "an evaluator took too long",
    BAD_RESULT: "an evaluator returned something else than it declares",
    GARBLED: "a worker did not give exactly one answer",
    MEMORY: "an evaluator ran out of memory",
    NO_IMPLEMENTATION: "the measuring function cannot be loaded or called",
    PARAMETERS: "a plugin refuses the parameters",
    INPUT: "an evaluator cannot use its input",
    FAULT: "an evaluator does not declare that fault",
    CHANGED: "an input changed during the run",
    ONE_SIDED: "an evaluator compares and does not tell both sides",
    LOST: "an executor cannot start or go on",
}
