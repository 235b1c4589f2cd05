"""Points 106 to 116: numbers. What is no number passes nowhere, and what is promised to the bit is kept to the bit."""

from __future__ import annotations

import json
import math
import os
from fractions import Fraction

import numpy as np
import pytest
from general.fixtures import npy
from points import spoiling
from pydantic import ValidationError
from q4k.fixtures import base_block, gguf_bytes, info, q4k_file

from pvcheck import guards
from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.evidence.record import Metric, judge
from pvcheck.plugin import InputError, NotMeasured, wire


def pinned(evaluator, measurement):
    """Return the bounds that demand exactly these metrics."""
    kinds = {each.name: each for each in evaluator.metrics}
    for name, value in measurement.metrics.items():
        if kinds[name].series:
            for position, each in enumerate(value):
                yield name, bounds.parse(f"[{position}] {_equal(each, kinds[name].type)}")
        else:
            yield name, bounds.parse(_equal(value, kinds[name].type))


def _equal(value, kind):
    """Return the bound that one value satisfies."""
    if kind is MetricType.BOOL:
        return f"is {str(value).lower()}"
    if kind is MetricType.INT:
        return f"== {value}"
    return f"in [{value!r}, {value!r}]"


def verdict(evaluator, measurement, expected):
    """Return what a measurement comes to under bounds and guards."""
    if any(each.invalid for each in guards.examine(measurement)):
        return Outcome.INVALID
    kinds = {each.name: each.type for each in evaluator.metrics}
    metrics = {name: Metric(kinds[name], value) for name, value in measurement.metrics.items()}
    return judge(metrics, expected)[1]


def test_107_every_evaluator_that_takes_numbers_is_tried():
    """A new one needs an example."""
    assert spoiling.EXAMPLES.keys() | spoiling.WITHOUT_NUMBERS == spoiling.BY_NAME.keys()


@pytest.mark.parametrize("name", spoiling.EXAMPLES)
def test_107_a_number_that_nobody_expects_is_never_held_by_mistake(name):
    """Law: NaN, infinities, zeros, least and largest numbers are refused, no verdict, refuted, or change nothing.

    In each place of an example, whose bounds pin every metric of the sound measurement.
    """
    evaluator, example = spoiling.BY_NAME[name], spoiling.EXAMPLES[name]
    sound = spoiling.measure(name, example)
    expected = list(pinned(evaluator, sound))
    assert verdict(evaluator, sound, expected) is Outcome.HELD
    counted = dict.fromkeys(("refused", "no verdict", "refuted", "unaffected"), 0)

    for where, is_finite, spoiled in spoiling.spoiled(example):
        try:
            found = spoiling.measure(name, spoiled)
        except (InputError, NotMeasured, ValidationError):
            counted["refused"] += 1
            continue
        wire.check(found, evaluator.metrics)
        outcome = verdict(evaluator, found, expected)
        if outcome is Outcome.HELD:
            assert found.metrics == sound.metrics, where
            counted["unaffected"] += 1
        elif outcome is Outcome.REFUTED:
            assert is_finite, where
            counted["refuted"] += 1
        else:
            counted["no verdict"] += 1

    assert counted["refused"] + counted["no verdict"] > 0


CONTRACT = """\
metadata:
  schema: 1
  id: C-NUMBERS
  version: 1.0.0
  status: ACTIVE
inputs:
{inputs}falsification_tests:
{falsifiers}amendments: []
"""
FALSIFIER = """\
- id: F-{id}
  rule: the numbers are what they should be
  evaluator: {evaluator}
  with: {parameters}
  expect: {expect}
  status: PENDING
"""


def claiming(project, claims, files=None):
    """Write a contract of claims, {id: (evaluator, parameters, bounds)}, over files, {name: (format, bytes)}."""
    project.allow(*sorted({evaluator for evaluator, _, _ in claims.values()}))
    for name, (kind, data) in (files or {}).items():
        project.file(f"contracts/{name}.{kind}", data)
    project.contract(
        CONTRACT.format(
            inputs="".join(f"  {name}: {{format: {kind}, path: {name}.{kind}}}\n" for name, (kind, _) in files.items())
            if files
            else "  none: {format: npy, path: none.npy}\n",
            falsifiers="".join(
                FALSIFIER.format(
                    id=name, evaluator=evaluator, parameters=json.dumps(parameters), expect=json.dumps(expect)
                )
                for name, (evaluator, parameters, expect) in claims.items()
            ),
        )
    )


def outcomes(result):
    """Return the outcomes of a run by the names of the claims."""
    return {name.removeprefix("F-"): outcome for name, outcome in result.outcomes.items()}


def plain(kind, raw):
    """Return a GGUF file with one tensor of a row, from its bytes, and how many numbers it holds."""
    number, length, size = KINDS[kind]
    count = len(raw) // size * length
    return gguf_bytes(infos=[info("t", (count,), number)], data=raw + bytes(-len(raw) % 32)), count


KINDS = {"F32": (0, 1, 4), "F16": (1, 1, 2), "BF16": (30, 1, 2), "Q8_0": (8, 32, 34), "Q4_0": (2, 32, 18)}
"""Of each type its number in GGUF, and the numbers and bytes of a block."""
BITS = {
    "F32": {"nan": 0x7FC00000, "signalling": 0x7F800001, "inf": 0x7F800000, "minus-inf": 0xFF800000},
    "F16": {"nan": 0x7E00, "signalling": 0x7C01, "inf": 0x7C00, "minus-inf": 0xFC00},
    "BF16": {"nan": 0x7FC0, "signalling": 0x7F81, "inf": 0x7F80, "minus-inf": 0xFF80},
}


def wrong_models():
    """Return models with numbers that are none: {name: (type, sound bytes, wrong bytes, how many, where the first)}."""
    cases = {}
    for kind, bits in BITS.items():
        size = KINDS[kind][2]
        sound = bytes(8 * size)
        for name, each in bits.items():
            number = each.to_bytes(size, "little")
            cases[f"{kind}-{name}"] = (kind, sound, sound[: 3 * size] + number + sound[4 * size :], 1, 3)
        cases[f"{kind}-all-nan"] = (kind, sound, bits["nan"].to_bytes(size, "little") * 8, 8, 0)
    for kind in ("Q8_0", "Q4_0"):
        rest = KINDS[kind][2] - 2
        sound = b"\x00\x3c" + b"\x11" * rest
        cases[f"{kind}-scale-nan"] = (kind, sound, b"\x00\x7e" + b"\x11" * rest, 32, 0)
        cases[f"{kind}-scale-inf"] = (kind, sound, b"\x00\x7c" + b"\x11" * rest, 32, 0)
    zero = b"\x00\x7c" + bytes(32)
    cases["Q8_0-inf-times-0"] = ("Q8_0", b"\x00\x3c" + bytes(32), zero, 32, 0)
    return cases


def test_106_a_number_that_is_none_passes_nowhere(project):
    """In each type, on one side and on both: how many there are and where the first is are told."""
    cases = wrong_models()
    files = {}
    claims = {}
    for name, (kind, sound, wrong, _, _) in cases.items():
        key = name.lower().replace("_", "-")
        files[f"{key}-sound"] = ("gguf", plain(kind, sound)[0])
        files[f"{key}-wrong"] = ("gguf", plain(kind, wrong)[0])
        for side, (left, right) in {"one": ("sound", "wrong"), "both": ("wrong", "wrong")}.items():
            parameters = {"left": f"{key}-{left}", "right": f"{key}-{right}"}
            claims[f"{name}-{side}"] = ("array-compare", parameters, {"max_abs_diff": "<= 1.7e308"})
    claiming(project, claims, files)

    result = project.run("run", "--write")

    found = outcomes(result)
    assert result.status == 1
    for name, (kind, sound, _, count, first) in cases.items():
        assert found[f"{name}-one"] is Outcome.INVALID, name
        # An infinity that is the same on both sides is no difference: a mask of them is a common thing.
        same = "inf" in name and "times" not in name
        assert found[f"{name}-both"] is (Outcome.HELD if same else Outcome.REFUTED), name
        told = f"right has {count} of {plain(kind, sound)[1]} numbers that are not finite, the first at [{first}]\n"
        section = result.out.partition(f" F-{name}-one ")[2].partition(" F-")[0]
        assert told in section, (name, section)


def test_108_what_looked_at_nothing_holds_nothing(project):
    """Empty arrays, an empty series, and layers that the model does not have."""
    empty = npy(np.zeros(0, "<f4"))
    files = {
        "empty": ("npy", empty),
        "flat": ("npy", npy(np.zeros((0, 7), "<f4"))),
        "series": ("csv", b"x\n"),
        "model": ("gguf", q4k_file({0: base_block()})),
    }
    series = {"series": "series", "column": "x", "unit": "factor", "host": "here", "date": "2026-05-07"}
    claims = {
        "arrays": ("array-compare", {"left": "empty", "right": "flat"}, {"differing": "== 0"}),
        "traces": ("trace-std", {"left": "empty", "right": "empty"}, {"count_left": ">= 0"}),
        "series": ("recorded-series", series, {"non_finite": "== 0"}),
        "layers": (
            "q4k-chain",
            {"model": "model", "tensor": "blk.{layer}.ffn_down.weight", "layers": "5-6"},
            {"non_finite": "== 0"},
        ),
    }
    claiming(project, claims, files)

    result = project.run("run", "--write")

    assert result.status == 3
    assert outcomes(result) == dict.fromkeys(claims, Outcome.NOT_MEASURED)
    assert "status: DISCHARGED" not in (project.root / "contracts/contract.yaml").read_text()


def test_108_a_tensor_without_elements_is_no_tensor(project):
    """A dimension of 0 is refused before anything is measured."""
    files = {"hollow": ("gguf", gguf_bytes(infos=[info("t", (256, 0))]))}
    parameters = {"model": "hollow", "tensor": "t"}
    claiming(project, {"any": ("q4k-decode-identity", parameters, {"identical": "is true"})}, files)

    result = project.run("run")

    assert result.status == 3
    assert "GGUF-DIM at byte 45" in result.out


def test_109_shapes_are_never_stretched(project):
    """A column against a row, a number against an array, a row against rows: not one verdict."""
    shapes = {"column": (3, 1), "row": (1, 7), "number": (), "flat": (3,), "rows": (2, 3)}
    files = {name: ("npy", npy(np.zeros(shape, "<f4"))) for name, shape in shapes.items()}
    claims = {
        f"{left}-{right}": ("array-compare", {"left": left, "right": right}, {"identical": "is false", "count": ">= 0"})
        for left in shapes
        for right in shapes
        if left != right
    }
    claiming(project, claims, files)

    result = project.run("run")

    assert result.status == 3
    assert outcomes(result) == dict.fromkeys(claims, Outcome.INVALID)
    assert result.out.count("population: ") >= len(claims)


def test_110_a_relative_error_over_zero_has_a_rule(project):
    """0 against 0 is no difference; anything else over 0 is infinite or left out, and holds nothing."""
    zeros, ones = npy(np.zeros(4, "<f4")), npy(np.ones(4, "<f4"))
    files = {"zeros": ("npy", zeros), "more": ("npy", zeros), "ones": ("npy", ones), "series": ("csv", b"x\n0\n0\n")}
    series = {"series": "series", "column": "x", "unit": "factor", "host": "here", "date": "2026-05-07"}
    claims = {
        "same": ("array-compare", {"left": "zeros", "right": "more"}, {"relative_l2": "<= 0", "identical": "is true"}),
        "over": ("array-compare", {"left": "zeros", "right": "ones"}, {"relative_l2": "<= 1.7e308"}),
        "under": ("array-compare", {"left": "ones", "right": "zeros"}, {"relative_l2": "== 0x3ff0000000000000"}),
        "flat": ("trace-std", {"left": "zeros", "right": "ones"}, {"ratio_left_over_right": "<= 1.7e308"}),
        "growth": ("recorded-series", series, {"growth_last_over_first": "<= 1.7e308"}),
        "blocks": (
            "q4k-paths",
            {"block": ZERO_BLOCK, "activation": [{"scale": 0.05}]},
            {"rel_diff": "<= 0", "condition": ">= 0"},
        ),
    }
    claiming(project, claims, files)

    result = project.run("run")

    assert outcomes(result) == {
        "same": Outcome.HELD,
        "over": Outcome.INVALID,
        "under": Outcome.HELD,
        "flat": Outcome.INVALID,
        "growth": Outcome.REFUTED,  # it is left out, and a bound on what is not reported does not hold
        "blocks": Outcome.HELD,
    }


ZERO_BLOCK = {"d": "0000", "dmin": "0000", "scales": {"times": 7}, "codes": {"times": 13}}
TOLERANCE = 0.1
BELOW, ABOVE = math.nextafter(TOLERANCE, 0), math.nextafter(TOLERANCE, 1)
ENDS = {
    "< 0.1": (True, False, False),
    "<= 0.1": (True, True, False),
    "> 0.1": (False, False, True),
    ">= 0.1": (False, True, True),
    "== 0.1": (False, True, False),
    "!= 0.1": (True, False, True),
    "< 10%": (True, False, False),
    "<= 10%": (True, True, False),
    "in [0.1, 1]": (False, True, True),
    "in [0, 0.1]": (True, True, False),
    "0.1 +- 0": (False, True, False),
    "0.2 +- 0.1": (False, True, True),
    "0 +- 0.1": (True, True, False),
}
"""What each form says of the number just below its end, of the end, and of the number just above."""


def test_111_an_end_belongs_where_the_sign_says(project):
    """One step of a double decides, in every form."""
    claims = {
        f"{at}-{place}": ("arithmetic", {"numbers": {"a": value}, "product": ["a"]}, {"product": text})
        for at, text in enumerate(ENDS)
        for place, value in (("below", BELOW), ("end", TOLERANCE), ("above", ABOVE))
    }
    claiming(project, claims)

    result = project.run("run")

    found = outcomes(result)
    for at, (text, wanted) in enumerate(ENDS.items()):
        got = tuple(found[f"{at}-{place}"] is Outcome.HELD for place in ("below", "end", "above"))
        assert got == wanted, text
    assert set(found.values()) == {Outcome.HELD, Outcome.REFUTED}


def exact_std(values):
    """Return the population standard deviation of numbers, rounded once or twice."""
    numbers = [Fraction(float(each)) for each in values]
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((each - mean) ** 2 for each in numbers) / len(numbers))


def test_112_sums_are_taken_wide(project):
    """Largest floats do not overflow, and a one beside 2**24 is not lost."""
    most = np.full(4096, np.finfo("<f4").max, "<f4")
    lost = np.concatenate([[2**24], np.ones(4095)]).astype("<f4")
    signs = most * np.where(np.arange(4096) % 2, 1, -1).astype("<f4")
    files = {
        "most": ("npy", npy(most)),
        "half": ("npy", npy(most / 2)),
        "signs": ("npy", npy(signs)),
        "lost": ("npy", npy(lost)),
    }
    wide = exact_std(lost)
    assert wide != float(np.float32(wide))
    claims = {
        "difference": ("array-compare", {"left": "most", "right": "half"}, {"relative_l2": "0.5 +- 1e-15"}),
        "spread": ("trace-std", {"left": "signs", "right": "lost"}, {
            "std_left": f"{float(most[0])!r} +- 1e23", "std_right": f"{wide!r} +- {wide * 1e-15!r}",
        }),
    }  # fmt: skip
    claiming(project, claims, files)

    result = project.run("run")

    assert outcomes(result) == dict.fromkeys(claims, Outcome.HELD), result


@pytest.mark.skipif(os.environ.get("PVCHECK_POINTS") != "long", reason="400 MB: PVCHECK_POINTS=long")
def test_112_a_hundred_million_ones_are_counted(project):
    """A sum in float32 ends at 2**24."""
    array = np.ones(10**8, "<f4")
    array[: 5 * 10**7] = 0
    files = {"ones": ("npy", npy(array))}
    claims = {"ones": ("trace-std", {"left": "ones", "right": "ones"}, {"std_left": "in [0.5, 0.5]"})}
    claiming(project, claims, files)

    result = project.run("run")

    assert outcomes(result) == {"ones": Outcome.HELD}
