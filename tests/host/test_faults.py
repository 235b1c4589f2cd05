"""Faults that a run asks for: own ones, generic ones, and those that never get planted."""

from __future__ import annotations

import pytest
from host.demos import LIGHT

from pvcheck.host import Failed, Measured, Unmeasured, codes

WHO = "demo (plugin demo of demo-dist 1.0): "
ARRAYS = LIGHT.replace("    faults=(", "    takes_arrays=True,\n    faults=(")
ADDING = """
numbers = context.received([1.0, 2.0, 4.0], "the numbers")
return Measurement(metrics={"number": sum(numbers)}, backend="cpu")
"""


@pytest.mark.parametrize("fault", ["array-nan", "array-flipped-bit"])
def test_a_generic_fault_is_not_declared_by_default(demo, pool, fault):
    """An evaluator that passes no arrays would measure as if nothing had been asked."""
    demo.says("")

    reply = pool.evaluate(demo.request(fault=fault))

    assert reply == Failed(f"{WHO}declares no fault named {fault}", codes.FAULT)


def test_a_generic_fault_reaches_the_numbers(demo, pool):
    """Through the array that the evaluator passes; the same request gives the same number again."""
    demo.write("demo_light", ARRAYS)
    demo.says(ADDING)

    replies = [pool.evaluate(demo.request(fault=fault)) for fault in (None, "array-scaled", "array-scaled")]

    assert [reply.measurement.metrics["number"] for reply in replies] == [7.0, *[1.01 + 2.02 + 4.04] * 2]


def test_a_generic_fault_that_is_never_planted_is_noticed(demo, pool):
    """A clean measurement would say that no bound can see the fault."""
    demo.write("demo_light", ARRAYS)
    demo.says("")

    reply = pool.evaluate(demo.request(fault="array-nan"))

    assert reply == Unmeasured("array-nan was never planted: the evaluator passes no array through Context.received")


def test_an_own_fault_needs_no_door(demo, pool):
    """It is planted where the evaluator plants it."""
    demo.write("demo_light", ARRAYS)
    demo.says("")

    assert isinstance(pool.evaluate(demo.request(fault="off-by-one")), Measured)


COMPARING = LIGHT.replace('"a number"),', '"a number", compares=True),')
TELLING = """
from pvcheck.plugin import Comparison, Population
side = Population(count=1, shape=(1,), selection="all")
both = Comparison(metrics=("{name}",), left=side, right=side)
return Measurement(metrics={{"number": 1.5, "text_length": 0}}, backend="cpu", comparisons=(both,))
"""


@pytest.mark.parametrize("body", ["", TELLING.format(name="text_length")], ids=["no comparison", "one of another"])
def test_a_metric_that_compares_must_tell_both_sides(demo, pool, body):
    """Without populations nobody can see what was compared with what."""
    demo.write("demo_light", COMPARING)
    demo.says(body)

    reply = pool.evaluate(demo.request())

    reason = 'metric "number" compares two sides, and no comparison tells their populations'
    assert reply == Failed(WHO + reason, codes.ONE_SIDED)


def test_a_metric_that_compares_and_tells_both_sides_is_measured(demo, pool):
    """The host's guards look at the populations."""
    demo.write("demo_light", COMPARING)
    demo.says(TELLING.format(name="number"))

    assert isinstance(pool.evaluate(demo.request()), Measured)


def test_a_metric_that_compares_may_be_left_out(demo, pool):
    """What is not there compares nothing."""
    demo.write("demo_light", COMPARING)
    demo.says('return Measurement(metrics={"text_length": 0}, backend="cpu")')

    assert isinstance(pool.evaluate(demo.request()), Measured)
