"""``assert_evaluator_conforms``: each check is seen to fail on an evaluator that breaks exactly this promise."""

from __future__ import annotations

import dataclasses
import re

import pytest

from pvcheck.host import Limits
from pvcheck.plugin import MetricSpec, MetricType
from pvcheck.testing import assert_evaluator_conforms, comparing, conformance

EXAMPLE = {"parameters": {"numbers": "data"}, "inputs": {"data": b"\x01\x02\x03"}}


def refusal(evaluator, **changes):
    """Return what is said of an evaluator that does not conform, its own names replaced."""
    with pytest.raises(AssertionError) as caught:
        assert_evaluator_conforms(evaluator, **(EXAMPLE | changes))
    return re.sub(r"adding[-_]\d+", "adding", str(caught.value))


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param({"data": b"\x01\x02\x04"}, id="other content"),
        pytest.param(lambda paths: paths["data"].write_bytes(b"\x09"), id="a function that changes the copies"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_sound_evaluator_conforms(evaluator, plant):
    """The measurement comes back, so that a test can look at it."""
    measurement = assert_evaluator_conforms(evaluator(), **EXAMPLE, plant=plant)

    assert measurement.metrics == {"total": 6, "mean": 2.0, "each": (1, 2, 3)}


def test_an_input_may_be_a_path_and_stays_as_it_is(evaluator, tmp_path):
    """What is planted goes into a copy."""
    path = tmp_path / "data.bin"
    path.write_bytes(b"\x01\x02\x03")

    assert_evaluator_conforms(
        evaluator(),
        parameters={"numbers": "data"},
        inputs={"data": path},
        plant=lambda paths: paths["data"].write_bytes(b"\x07\x07"),
    )

    assert path.read_bytes() == b"\x01\x02\x03"


def test_an_evaluator_must_be_installed(evaluator):
    """The message has the three steps."""
    told = refusal(evaluator(installed=False))

    assert told == (
        "no installed plugin offers adding: return it from pv_evaluators, name the module under "
        '[project.entry-points."pvcheck.plugins"], and install it with pip install -e . --no-deps'
    )


def test_a_broken_plugin_is_told_with_its_reason(evaluator):
    """An evaluator that is not offered is often one whose plugin does not keep to the interface."""
    told = refusal(evaluator({'version="1"': 'version=""'}))

    assert '; the plugin adding is broken: evaluator "adding": its version must be text: return it' in told


def test_the_evaluator_must_be_the_one_that_is_installed(evaluator):
    """A changed copy is not what a run would use."""
    told = refusal(dataclasses.replace(evaluator(), doc="Another."))

    assert told.startswith("adding is not the one that is installed: adding 1.0 offers another one of that name;")


LIGHT_CASES = [
    pytest.param(
        {"TOP": "import numpy"},
        "the light half of adding loads numpy: import it in adding_heavy only, and import nothing from there in adding",
        id="a numerical library in the light half",
    ),
    pytest.param(
        {"TOP": "import sys\nassert 'pytest' in sys.modules, 'only here'"},
        "the module adding cannot be loaded in a new process:\n",
        id="a light half that needs what a test has loaded",
    ),
    pytest.param(
        {"    scale: int = 1": "    model_config = {'arbitrary_types_allowed': True}\n    scale: Source | None = None"},
        "the parameters of adding have no JSON Schema: ",
        id="parameters without a schema",
    ),
    pytest.param(
        {"    scale: int = 1": "    model_config = {'extra': 'ignore'}"},
        "the parameters of adding accept unknown keys, so a misspelt one would become a default: leave extra='forbid' "
        "as pvcheck.plugin.Parameters has it",
        id="unknown keys",
    ),
    pytest.param(
        {"    scale: int = 1": "    scale: int"},
        "the JSON Schema of the parameters of adding refuses the example: the example breaks 'required': give "
        "parameters that fit, or mend the model",
        id="an example that does not fit",
    ),
]


@pytest.mark.parametrize(("light", "told"), LIGHT_CASES)
def test_the_light_half_must_keep_its_promises(evaluator, light, told):
    """Nothing is measured before it does."""
    assert refusal(evaluator(light)).startswith(told)


ADVICE = conformance._ADVICE
HEAVY_CASES = [
    pytest.param({"before": "raise RuntimeError('no')"}, f"raised RuntimeError: no (adding_heavy.py:14): "
                 f"{conformance._MEND}", id="an exception"),
    pytest.param({"before": "os._exit(3)"}, f"the worker ended with status 3 before it answered: {conformance._MEND}",
                 id="a worker that dies"),
    pytest.param({"before": "raise InputError('too short')"}, f"too short: {ADVICE['PV518']}", id="an input"),
    pytest.param({"after": "metrics['more'] = 1"}, f'bad result: metric "more" is not declared: {ADVICE["PV513"]}',
                 id="a metric that is not declared"),
    pytest.param({"after": "metrics['mean'] = 1"}, 'bad result: metric "mean" must be f64, got int: '
                 f"{ADVICE['PV513']}", id="a metric of another type"),
    pytest.param({"after": "found['notes'] = ['x']"}, f"bad result: notes must be a tuple, got list: {ADVICE['PV513']}",
                 id="what JSON does not have"),
]  # fmt: skip


@pytest.mark.parametrize(("heavy", "told"), HEAVY_CASES)
def test_the_example_must_be_measured_in_a_worker(evaluator, heavy, told):
    """The reason of the host, and what to do about it."""
    told = f"adding does not measure the example in a worker: adding (plugin adding of adding 1.0): {told}"

    assert refusal(evaluator(**heavy)) == told


def test_an_evaluator_that_cannot_measure_here_says_so(evaluator):
    """It is no fault of the evaluator, but nothing was tested."""
    assert refusal(evaluator(before="raise NotMeasured('no device')")) == (
        "adding does not measure the example in a worker: it cannot measure here (no device): run this test where it "
        "can, or skip it"
    )


def test_an_example_must_be_small(evaluator, monkeypatch):
    """A test that waits for minutes is not run."""
    monkeypatch.setattr(conformance, "Limits", lambda: Limits(seconds=0.5))

    assert refusal(evaluator(before="time.sleep(20)")) == (
        "adding does not measure the example in a worker: no answer within 0.5 s: give a smaller example"
    )


ONE_SIDED = {", compares=True": ""}
ARRAYS = {"    faults=(": "    takes_arrays=True,\n    faults=("}
LONGER = {"inputs": {"data": b"\x01\x02\x04\x08"}}
AFTER_CASES = [
    pytest.param(
        {"after": "found['comparisons'] = ()"},
        {},
        'adding does not measure the example in a worker: adding (plugin adding of adding 1.0): metric "mean" compares '
        f"two sides, and no comparison tells their populations: {ADVICE['PV521']}",
        id="a metric that compares and does not say what",
    ),
    pytest.param(
        {"light": ONE_SIDED},
        {},
        "a comparison of adding names the metric mean, which is not declared to compare: say "
        "MetricSpec(..., compares=True), so that a measurement without its populations is refused",
        id="a comparison that is not declared",
    ),
    pytest.param(
        {"light": {"the sum": "the sum, relative to nothing"}},
        {},
        "the metric total of adding looks like a comparison (its doc says 'relative to') and is not declared as one: "
        "say MetricSpec(..., compares=True) and return a Comparison with both populations, or say compares=False here "
        "if there is one side only",
        id="a metric that looks like a comparison",
    ),
    pytest.param(
        {"light": ARRAYS},
        LONGER,
        "adding says takes_arrays and passes none through context.received: pass each array that it reads, and "
        "measure what comes back",
        id="arrays that are not passed",
    ),
    pytest.param(
        {"light": ARRAYS, "before": "context.received(numbers, 'the bytes')"},
        LONGER,
        "no fault in an array changes a metric of adding: measure what context.received returns, and not the array "
        "that was passed to it",
        id="arrays that come back unused",
    ),
    pytest.param(
        {"before": "if context.fault: raise NotMeasured('not planted')"},
        {},
        "no fault of adding can be planted in this example: give one on which they matter",
        id="faults that cannot be planted",
    ),
    pytest.param(
        {"before": "if context.fault: os.utime(source.path); open(source.path, 'ab').write(b'x')"},
        {},
        "adding does not measure with the fault lost: adding (plugin adding of adding 1.0): the input data changed "
        f"while it was measured: {conformance._MEND}",
        id="a fault that changes the input",
    ),
    pytest.param(
        {
            "before": "if context.fault: s = os.stat(source.path); open(source.path, 'r+b').write(b'x'); "
            "os.utime(source.path, ns=(s.st_atime_ns, s.st_mtime_ns))"
        },
        {},
        "a fault of adding changes the input data: plant it in what was read",
        id="a fault that changes the input and hides it",
    ),
    pytest.param(
        {"after": "metrics.clear(); found['comparisons'] = ()"},
        {},
        "adding measures no metric: raise NotMeasured with the reason, or report one",
        id="no metric",
    ),
    pytest.param(
        {"after": "metrics['mean'] = float('nan')"},
        {},
        "the guard finite refuses what adding measured: mean has 1 of 1 numbers that are not finite: give an example "
        "that supports a verdict",
        id="not finite",
    ),
    pytest.param(
        {
            "after": "other = Population(count=1, shape=(3,), selection='all')\n"
            "found['comparisons'] = (Comparison(metrics=('mean',), left=side, right=other),)"
        },
        {},
        "the guard population refuses what adding measured: the two sides differ in count: 3 against 1: give an "
        "example that supports a verdict",
        id="unlike populations",
    ),
    pytest.param(
        {
            "light": ONE_SIDED,
            "after": "found['comparisons'] = ()\nfound['ratios'] = (Ratio(metric='mean', numerator='sum', "
            "denominator='count', numerator_value=6.0, denominator_value=3.0),)",
        },
        {},
        "adding compares and does not say what: return comparisons=(Comparison(metrics=..., left=Population(...), "
        "right=Population(...)),), or say compares=False if there is one side only",
        id="a ratio without populations",
    ),
    pytest.param(
        {"light": ONE_SIDED, "after": "found['comparisons'] = ()"},
        {"compares": True},
        "adding compares and does not say what: return comparisons=(Comparison(metrics=..., left=Population(...), "
        "right=Population(...)),), or say compares=False if there is one side only",
        id="a comparison that the test knows of",
    ),
    pytest.param(
        {"after": "calls.append(1); metrics['total'] += len(calls)"},
        {},
        "two runs of adding differ in the metric total: take random numbers from context.seed, keep no state between "
        "calls, and leave times out of the measurement",
        id="state between calls",
    ),
    pytest.param(
        {"after": "calls.append(1); found['notes'] = (str(len(calls)),)"},
        {},
        "two runs of adding differ in notes: take random numbers from context.seed, keep no state between calls, and "
        "leave times out of the measurement",
        id="state that shows in a note",
    ),
    pytest.param(
        {"after": "metrics['total'] += 'PVCHECK_WORKER' in os.environ"},
        {},
        "adding measures otherwise in this process than in a worker, in the metric total: depend on nothing but "
        "parameters and context, not on the environment, the folder or the order of a set",
        id="the environment",
    ),
    pytest.param(
        {"before": "assert 'PVCHECK_WORKER' in os.environ, 'not here'"},
        {},
        "adding measures in a worker and not in this process (AssertionError: not here): depend on nothing but "
        "parameters and context",
        id="a worker that must be one",
    ),
    pytest.param(
        {"before": "numbers = [1, 2, 3]"},
        {},
        "the fault lost changes no metric of adding on this example: plant it where the numbers are made "
        "(context.fault has its name), or give an example on which it matters",
        id="a fault that moves nothing",
    ),
    pytest.param(
        {"before": "if context.fault: raise RuntimeError('no')"},
        {},
        "adding does not measure with the fault lost: adding (plugin adding of adding 1.0): raised RuntimeError: no "
        f"(adding_heavy.py:14): {conformance._MEND}",
        id="a fault that cannot be measured",
    ),
    pytest.param(
        {"before": "numbers = [1, 2] if context.fault else [1, 2, 3]"},
        {"plant": {"data": b"\x05\x05\x05"}},
        "adding does not see what was planted: no metric changed; read the input through context.inputs, and plant "
        "something that must change a number",
        id="an input that is not read",
    ),
]


@pytest.mark.parametrize(("heavy", "changes", "told"), AFTER_CASES)
def test_a_measurement_must_keep_its_promises(evaluator, heavy, changes, told):
    """Each broken promise has a message of its own."""
    assert refusal(evaluator(**heavy), **changes) == told


def test_an_evaluator_of_arrays_conforms(evaluator):
    """Each generic fault that the bytes can hold goes into them, and those that they cannot are no failure."""
    found = evaluator(ARRAYS, before="numbers = context.received(numbers, 'the bytes')")

    assert assert_evaluator_conforms(found, **(EXAMPLE | LONGER)).metrics["total"] == 15


@pytest.mark.parametrize(
    ("name", "unit", "doc", "sign"),
    [
        ("rel_diff", "1", "", "its name says 'diff'"),
        ("mean-ratio", "1", "", "its name says 'ratio'"),
        ("left", "%", "", "its unit is '%'"),
        ("left", "1", "the left side compared with the right one", "its doc says 'compared with'"),
        ("left", "1", "the largest difference of a pair, a Difference between both", "its doc says 'difference of'"),
        ("overall", "count", "errors of the program", ""),
        ("terror", "1", "differential", ""),
    ],
)
def test_a_comparison_is_known_by_its_words(name, unit, doc, sign):
    """Whole words of the name, the unit, phrases of the description."""
    assert comparing.sign_of(MetricSpec(name, MetricType.F64, doc, unit)) == sign


def test_one_side_is_enough_where_the_test_says_so(evaluator):
    """A share of one population is a ratio, and compares nothing."""
    after = (
        "found['comparisons'] = ()\nfound['ratios'] = (Ratio(metric='mean', numerator='sum', "
        "denominator='count', numerator_value=6.0, denominator_value=3.0),)"
    )

    assert assert_evaluator_conforms(evaluator(ONE_SIDED, after=after), **EXAMPLE, compares=False).ratios


def test_what_json_changes_is_a_bug_of_ours(evaluator, monkeypatch):
    """The trip through JSON is checked although only pvcheck can break it."""
    found, calls = conformance.wire.from_json, []

    def from_json(told):
        calls.append(1)
        measurement = found(told)
        return dataclasses.replace(measurement, notes=("changed",)) if len(calls) == 4 else measurement

    monkeypatch.setattr(conformance.wire, "from_json", from_json)

    assert refusal(evaluator()) == "the measurement of adding is another one after a trip through JSON: report a bug"
