"""The promises that an evaluator makes to the host, checked one after the other on one example.

Each check has a message of its own, which says what to do.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pvcheck import guards
from pvcheck.host import Failed, Limits, Measured, Pool, Request, TimedOut, Unmeasured, codes, discover, registry
from pvcheck.loading import schema
from pvcheck.pipeline import measuring
from pvcheck.plugin import Measurement, wire
from pvcheck.plugin.faults import UNUSED
from pvcheck.testing import comparing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.host import OfferedEvaluator, Reply
    from pvcheck.plugin import Evaluator

HEAVY: Final = ("cupy", "jax", "llvmlite", "numba", "numpy", "pandas", "scipy", "tensorflow", "torch")
"""Libraries that a light half must not load: every `pv run` and `pv plugins list` would wait for them."""
_LOADER: Final = (
    "import json, sys; from pvcheck.host import registry; "
    "registry.evaluators(registry.manager(registry.load(sys.argv[1]), 'light')); "
    "print(json.dumps(sorted(sys.modules)))"
)
_UNRECORDED: Final = ("backend", "libraries")
"""Parts of a measurement that may differ from machine to machine; no comparison of records has them."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One evaluator, what it is asked, and the workers that answer."""

    request: Request
    pool: Pool

    @property
    def name(self) -> str:
        return self.request.offered.evaluator.name

    def told(self, measurement: Measurement) -> dict[str, JSON]:
        """Return what a record would keep of a measurement."""
        told = wire.to_json(measurement, self.request.offered.evaluator.metrics)
        return {key: value for key, value in told.items() if key not in _UNRECORDED}

    def measured(self, request: Request, what: str) -> Measurement:
        """Return the measurement that a worker makes, or fail with what to do about what it says."""
        __tracebackhide__ = True
        reply = self.pool.evaluate(request)
        if isinstance(reply, Measured):
            return reply.measurement
        raise AssertionError(f"{what}: {_reason(reply)}")


def _reason(reply: Reply) -> str:
    """Return why there is no measurement, and what to do."""
    if isinstance(reply, TimedOut):
        return f"no answer within {reply.seconds:g} s: give a smaller example"
    if isinstance(reply, Failed):
        return f"{reply.reason}: {_ADVICE.get(reply.code, _MEND)}"
    reason = reply.reason if isinstance(reply, Unmeasured) else ""
    return f"it cannot measure here ({reason}): run this test where it can, or skip it"


_MEND: Final = "mend the measuring function; pv measure --in-process shows the traceback"
_ADVICE: Final = {
    codes.PARAMETERS: "give parameters that the model accepts",
    codes.INPUT: "give inputs that it can use, by the names that the parameters say",
    codes.NO_IMPLEMENTATION: 'implementation is "package.module:function", called with parameters and a context',
    codes.ONE_SIDED: "return a Comparison that names it, with the populations that were really seen, or declare it "
    "without compares if it has one side",
    codes.BAD_RESULT: "return a Measurement of declared metrics, each of its declared type (float(...), int(...) or "
    "bool(...) of what a numerical library gives), and tuples where the value types say so",
}


def assert_evaluator_conforms(  # noqa: PLR0913 - an example has these parts
    evaluator: Evaluator,
    *,
    parameters: Mapping[str, JSON] | None = None,
    inputs: Mapping[str, str | Path | bytes] | None = None,
    plant: Mapping[str, str | Path | bytes] | Callable[[dict[str, Path]], object] | None = None,
    compares: bool | None = None,
    device: str = "cpu",
    seed: int = 0,
) -> Measurement:
    """Hold an evaluator to the promises of the plugin API on one example, and return what it measured.

    In this order: an installed plugin offers it; its light half loads no numerical library; its parameters
    have a JSON Schema that accepts the example and refuses unknown keys; a worker measures the example, and
    the result has declared metrics of the declared types only and survives the trip through JSON; the guards
    find nothing that forbids a verdict; a metric that compares, or looks as if it did, is declared to and tells its
    populations; a second run gives the same bits, and so does a run in this process; each of its own faults changes
    a metric or cannot be planted in the example, at least one of them can, a generic fault changes a metric where the
    evaluator takes arrays, and no fault changes an input; what ``plant`` does changes a metric.

    :param parameters: what a contract would write under ``with``.
    :param inputs: the content (bytes) or the path of each input, by the names that the parameters say.
    :param plant: inputs to put in the place of others, or a function that is given the paths of copies by name
        and changes the files. None plants nothing but the declared faults.
    :param compares: whether its metrics compare two sides, and so need a ``Comparison`` with both populations.
        None means: if it reports ratios or condition numbers, which have two sides, or a metric whose name, unit or
        description speaks of two. False says that there is one side only.
    :raises AssertionError: for the first promise that is not kept, with what to do about it.
    """
    __tracebackhide__ = True
    offered = _offered(evaluator)
    _check_light(offered)
    _check_parameters(evaluator, dict(parameters or {}))
    with tempfile.TemporaryDirectory(prefix="pv-conforms-") as place, Pool(Limits()) as pool:
        paths = _placed(inputs or {}, Path(place) / "given")
        request = Request(
            offered=offered,
            parameters=dict(parameters or {}),
            inputs={name: str(path) for name, path in paths.items()},
            device=device,
            seed=seed,
        )
        trial = _Trial(request, pool)
        measurement = trial.measured(request, f"{trial.name} does not measure the example in a worker")
        _check_round_trip(trial, measurement)
        _check_guards(trial, measurement, compares=compares)
        comparing.refuse_hidden(evaluator, measurement, compares=compares)
        _check_same(trial, measurement)
        _check_faults(trial, measurement, paths)
        if plant is not None:
            _check_plant(trial, measurement, _planted(plant, paths, Path(place) / "planted"))
    return measurement


def _offered(evaluator: Evaluator) -> OfferedEvaluator:
    """Return the evaluator as an installed plugin offers it."""
    __tracebackhide__ = True
    found = discover()
    offered = found.evaluators.get(evaluator.name)
    if offered is None:
        broken = "".join(f"; the plugin {each.name} is broken: {each.reason}" for each in found.broken)
        raise AssertionError(
            f"no installed plugin offers {evaluator.name}{broken}: return it from pv_evaluators, name the module under "
            '[project.entry-points."pvcheck.plugins"], and install it with pip install -e . --no-deps'
        )
    if offered.evaluator != evaluator:
        raise AssertionError(
            f"{evaluator.name} is not the one that is installed: {offered.distribution} {offered.version} offers "
            "another one of that name; test the object that pv_evaluators returns"
        )
    return offered


def _check_light(offered: OfferedEvaluator) -> None:
    """Load the light half in a process of its own and look at what came with it."""
    __tracebackhide__ = True
    command = [sys.executable, "-P", "-c", _LOADER, offered.module]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"the module {offered.module} cannot be loaded in a new process:\n{done.stderr}")
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    if heavy := [each for each in HEAVY if each in loaded]:
        raise AssertionError(
            f"the light half of {offered.evaluator.name} loads {', '.join(heavy)}: import it in "
            f"{offered.evaluator.implementation.partition(':')[0]} only, and import nothing from there in "
            f"{offered.module}"
        )


def _check_parameters(evaluator: Evaluator, example: dict[str, JSON]) -> None:
    """Compare the model of the parameters with the JSON Schema that `pv validate` reads in its place."""
    __tracebackhide__ = True
    try:
        form = evaluator.parameters.model_json_schema()
        schema.refuse_unusable(form)
    except Exception as error:
        raise AssertionError(
            f"the parameters of {evaluator.name} have no JSON Schema: {error}: use fields that pydantic can describe"
        ) from error
    if evaluator.parameters.model_config.get("extra") != "forbid":
        raise AssertionError(
            f"the parameters of {evaluator.name} accept unknown keys, so a misspelt one would become a default: "
            "leave extra='forbid' as pvcheck.plugin.Parameters has it"
        )
    for fault in schema.faults(form, example):
        where = ".".join(map(str, fault.route)) or "the example"
        raise AssertionError(
            f"the JSON Schema of the parameters of {evaluator.name} refuses the example: {where} breaks "
            f"{fault.keyword!r}: give parameters that fit, or mend the model"
        )


def _placed(inputs: Mapping[str, str | Path | bytes], folder: Path) -> dict[str, Path]:
    """Return the absolute path of each input; content becomes a file."""
    folder.mkdir()
    paths: dict[str, Path] = {}
    for name, each in inputs.items():
        paths[name] = folder / name if isinstance(each, bytes) else Path(each).resolve()
        if isinstance(each, bytes):
            paths[name].write_bytes(each)
    return paths


def _check_round_trip(trial: _Trial, measurement: Measurement) -> None:
    """Write the measurement as JSON and read it back, once more than the worker did."""
    __tracebackhide__ = True
    once = wire.to_json(measurement, trial.request.offered.evaluator.metrics)
    again = wire.to_json(wire.from_json(json.loads(json.dumps(once))), trial.request.offered.evaluator.metrics)
    if once != again:
        raise AssertionError(f"the measurement of {trial.name} is another one after a trip through JSON: report a bug")
    if not measurement.metrics:
        raise AssertionError(f"{trial.name} measures no metric: raise NotMeasured with the reason, or report one")


def _check_guards(trial: _Trial, measurement: Measurement, *, compares: bool | None) -> None:
    """Look at the measurement as the guards of a run do, and ask for populations."""
    __tracebackhide__ = True
    if stops := [each for each in guards.examine(measurement) if each.invalid]:
        raise AssertionError(
            f"the guard {stops[0].guard} refuses what {trial.name} measured: {stops[0].message}: give an example that "
            "supports a verdict"
        )
    has_sides = bool(measurement.ratios or measurement.conditions) if compares is None else compares
    if has_sides and not measurement.comparisons:
        raise AssertionError(
            f"{trial.name} compares and does not say what: return comparisons=(Comparison(metrics=..., left=Population"
            "(...), right=Population(...)),), or say compares=False if there is one side only"
        )


def _check_same(trial: _Trial, measurement: Measurement) -> None:
    """Measure the same again, in a worker and here."""
    __tracebackhide__ = True
    first = trial.told(measurement)
    second = trial.told(trial.measured(trial.request, f"{trial.name} does not measure the example a second time"))
    if first != second:
        raise AssertionError(
            f"two runs of {trial.name} differ in {_difference(first, second)}: take random numbers from "
            "context.seed, keep no state between calls, and leave times out of the measurement"
        )
    try:
        here = trial.told(measuring.here(trial.request).measurement)
    except Exception as error:
        raise AssertionError(
            f"{trial.name} measures in a worker and not in this process ({registry.told(error)}): depend on nothing "
            "but parameters and context"
        ) from error
    if first != here:
        raise AssertionError(
            f"{trial.name} measures otherwise in this process than in a worker, in {_difference(first, here)}: depend "
            "on nothing but parameters and context, not on the environment, the folder or the order of a set"
        )


def _difference(one: Mapping[str, JSON], other: Mapping[str, JSON]) -> str:
    """Name the first part in which two measurements differ: a metric, or what was told beside the metrics."""
    names = [*one["metrics"], *other["metrics"]]
    for name in names:
        if one["metrics"].get(name) != other["metrics"].get(name):
            return f"the metric {name}"
    return next(key for key in one if one[key] != other[key])


def _check_faults(trial: _Trial, measurement: Measurement, paths: dict[str, Path]) -> None:
    """Plant each fault; one that moves no metric says nothing about any bound."""
    __tracebackhide__ = True
    evaluator = trial.request.offered.evaluator
    before = _contents(paths)
    own = [_is_moved(trial, measurement, fault.name) for fault in evaluator.faults]
    if False in own:
        raise AssertionError(
            f"the fault {evaluator.faults[own.index(False)].name} changes no metric of {trial.name} on this example: "
            "plant it where the numbers are made (context.fault has its name), or give an example on which it matters"
        )
    if own and True not in own:
        raise AssertionError(f"no fault of {trial.name} can be planted in this example: give one on which they matter")
    generic = [_is_moved(trial, measurement, fault.name) for fault in evaluator.all_faults[len(own) :]]
    if generic and True not in generic:
        raise AssertionError(
            f"no fault in an array changes a metric of {trial.name}: measure what context.received returns, and not "
            "the array that was passed to it"
        )
    if changed := [name for name, content in _contents(paths).items() if content != before[name]]:
        raise AssertionError(f"a fault of {trial.name} changes the input {changed[0]}: plant it in what was read")


def _is_moved(trial: _Trial, measurement: Measurement, fault: str) -> bool | None:
    """Say whether a fault changes a metric; None where it cannot be planted in the example."""
    __tracebackhide__ = True
    reply = trial.pool.evaluate(replace(trial.request, fault=fault))
    if isinstance(reply, Measured):
        return bool(trial.told(reply.measurement)["metrics"] != trial.told(measurement)["metrics"])
    if isinstance(reply, Unmeasured) and UNUSED not in reply.reason:
        return None
    what = f"{trial.name} does not measure with the fault {fault}: {_reason(reply)}"
    if isinstance(reply, Unmeasured):
        what = (
            f"{trial.name} says takes_arrays and passes none through context.received: pass each array that it reads, "
            "and measure what comes back"
        )
    raise AssertionError(what)


def _contents(paths: Mapping[str, Path]) -> dict[str, bytes]:
    """Return a digest of each input."""
    return {name: hashlib.sha256(path.read_bytes()).digest() for name, path in paths.items()}


def _planted(
    plant: Mapping[str, str | Path | bytes] | Callable[[dict[str, Path]], object], paths: dict[str, Path], folder: Path
) -> dict[str, Path]:
    """Return the inputs with the fault in them; the given ones stay as they are."""
    if not callable(plant):
        return paths | _placed(plant, folder)
    copies = _placed({name: path.read_bytes() for name, path in paths.items()}, folder)
    plant(copies)
    return copies


def _check_plant(trial: _Trial, measurement: Measurement, paths: dict[str, Path]) -> None:
    """Measure other inputs; a measurement that does not see them measures something else."""
    __tracebackhide__ = True
    request = replace(trial.request, inputs={name: str(path) for name, path in paths.items()})
    planted = trial.measured(request, f"{trial.name} does not measure the planted inputs")
    if trial.told(planted)["metrics"] == trial.told(measurement)["metrics"]:
        raise AssertionError(
            f"{trial.name} does not see what was planted: no metric changed; read the input through context.inputs, "
            "and plant something that must change a number"
        )
