"""What the light part of an evaluator must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pvcheck.host import registry
from pvcheck.plugin import Evaluator, Fault, MetricSpec, MetricType, Parameters

METRIC = MetricSpec("number", MetricType.F64, "a number")
GOOD = Evaluator(
    name="demo",
    version="1",
    doc="doc",
    parameters=Parameters,
    metrics=(METRIC,),
    implementation="package.module:Class.method",
    faults=(Fault(name="one", doc="doc"),),
)


def test_a_good_evaluator_has_no_fault():
    """The ones below differ from this one in one field."""
    assert registry.fault_of(GOOD) == ""


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "a" * 65, "its name must be a small letter"),
        ("name", "1a", "its name must be a small letter"),
        ("name", "a_b", "its name must be a small letter"),
        ("name", "a\n", "its name must be a small letter"),
        ("name", None, "its name must be a small letter"),
        ("version", 1, "its version must be text"),
        ("doc", "", "its doc must be text"),
        ("parameters", dict, "parameters must be a subclass of pvcheck.plugin.Parameters"),
        ("parameters", Parameters(), "parameters must be a subclass of pvcheck.plugin.Parameters"),
        ("metrics", (), "metrics must be a tuple of MetricSpec"),
        ("metrics", [METRIC], "metrics must be a tuple of MetricSpec"),
        ("metrics", ("number",), "metrics must be a tuple of MetricSpec"),
        ("metrics", (METRIC._replace(name="a b"),), "a metric must have a name of letters"),
        ("metrics", (METRIC._replace(name=1),), "a metric must have a name of letters"),
        ("metrics", (METRIC._replace(type="f64"),), "a metric must have a name of letters"),
        ("metrics", (METRIC._replace(doc=None),), "a metric must have a name of letters"),
        ("metrics", (METRIC._replace(unit=""),), "a metric must have a name of letters"),
        ("metrics", (METRIC._replace(series=1),), "a metric must have a name of letters"),
        ("metrics", (METRIC._replace(compares=1),), "compares of a metric must be true or false"),
        ("metrics", (METRIC, METRIC), "two of its metrics have one name"),
        ("implementation", "package.module", "implementation must be text such as"),
        ("implementation", "os.system('x'):f", "implementation must be text such as"),
        ("implementation", None, "implementation must be text such as"),
        ("devices", (), "devices must be names"),
        ("devices", "cpu", "devices must be names"),
        ("devices", ("",), "devices must be names"),
        ("faults", ("one",), "faults must be a tuple of Fault with names"),
        ("faults", (Fault(name="", doc=""),), "faults must be a tuple of Fault with names"),
        ("faults", (*GOOD.faults, *GOOD.faults), "two of its faults have one name"),
        ("takes_arrays", 1, "takes_arrays must be true or false"),
    ],
)
def test_a_faulty_field_is_told(field, value, reason):
    """The reason names the field and what it must be."""
    assert registry.fault_of(replace(GOOD, **{field: value})).startswith(reason)


def test_a_generic_fault_has_its_name_for_itself():
    """An own fault of that name is refused where both could be meant, and fine where they cannot."""
    named = replace(GOOD, faults=(Fault(name="array-nan", doc="doc"),))

    assert registry.fault_of(named) == ""
    assert registry.fault_of(replace(named, takes_arrays=True)) == "two of its faults have one name"
