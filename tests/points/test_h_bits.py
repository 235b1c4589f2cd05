"""Points 113 to 116: bits. Kernels neither wrap nor read past an end, and say the same however they are run."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from general.fixtures import npy
from points import spoiling
from q4k.fixtures import ROOT

from pvcheck.domain.status import Outcome
from pvcheck_q4k import cpu, reference

PLUGINS = [*sorted((ROOT / "plugins").glob("q4k/*/*.py")), *sorted((ROOT / "plugins").glob("general/*/*.py"))]
EXTREMES = {
    "i1": (-128, 127, 255),
    "i2": (-(2**15), 2**15 - 1, 2**16 - 1),
    "i4": (-(2**31), 2**31 - 1, 2**32 - 1),
    "u4": (1, 2**32 - 1, 2**32 - 2),
    "u8": (2**62, 2**63, 2**62),
    "i8": (-(2**62), 2**62, 2**63),
}
"""Of each type two numbers, and how far they are apart."""


def test_113_differences_of_integers_do_not_wrap(project):
    """The least and the greatest number of each type, and -128, whose magnitude its type does not have."""
    project.allow("array-compare")
    inputs, falsifiers = "", ""
    for name, (least, most, apart) in EXTREMES.items():
        project.file(f"contracts/{name}-l.npy", npy(np.array([least, 0], f"<{name}")))
        project.file(f"contracts/{name}-r.npy", npy(np.array([most, 0], f"<{name}")))
        inputs += "".join(f"  {name}-{side}: {{format: npy, path: {name}-{side}.npy}}\n" for side in "lr")
        falsifiers += (
            f"- id: F-{name}\n  rule: the difference is exact\n  evaluator: array-compare\n"
            f"  with: {{left: {name}-l, right: {name}-r}}\n  expect: {{max_abs_diff: 'in [{apart}, {apart}]'}}\n"
        )
    project.contract(
        "metadata: {schema: 1, id: C-WIDE, version: 1.0.0, status: ACTIVE}\n"
        f"inputs:\n{inputs}falsification_tests:\n{falsifiers}amendments: []\n"
    )

    result = project.run("run")

    assert result.outcomes == {f"F-{name}": Outcome.HELD for name in EXTREMES}, result


@pytest.mark.parametrize("backend", [reference, cpu], ids=["reference", "cpu"])
def test_113_the_largest_codes_do_not_wrap(backend):
    """All scales 63, all codes 15, activations of 127 with one sign: path B's integers are exact, A's floats near."""
    raw = np.full((16, 144), 0xFF, np.uint8)
    raw[:, :4] = [0x00, 0x3C, 0x00, 0x00]
    for sign in (1, -1):
        x = np.full(16 * 256, 127 * sign, np.float32)
        quantised = backend.quantise(x)
        exact = sign * 127 * 63 * 15 * 256 * 16

        a, b = backend.dot_a(raw, x).value, backend.dot_b(raw, quantised.scales, quantised.codes).value

        assert float(b) == exact
        assert float(a) == pytest.approx(exact, rel=1e-4)


def calls(path):
    """Yield what is called in a source, and the line."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


@pytest.mark.parametrize("path", PLUGINS, ids=lambda each: f"{each.parent.name}.{each.stem}")
def test_113_no_count_is_multiplied_in_64_bits(path):
    """Counts and sizes are multiplied as Python's integers: products of NumPy wrap without a word."""
    found = [f"{name}() in line {line}" for name, line in calls(path) if name.rpartition(".")[2] == "prod"]

    is_pythons = "from math import prod" in path.read_text()
    assert [each for each in found if not each.startswith("math.prod(") and not is_pythons] == []


BIT_KEEPERS = ("q4k-decode-identity", "q4k-paths", "q4k-scale-sweep", "q4k-chain", "q4k-matvec-sweep")
TELLING = """
import json, sys
from points import spoiling
print(json.dumps({name: repr(sorted(spoiling.measure(name, spoiling.EXAMPLES[name]).metrics.items()))
                  for name in sys.argv[1:]}))
"""


def elsewhere(script, *words, **variables):
    """Run a script in a process with other variables, and return its output."""
    paths = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    ended = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **variables},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_114_the_kernels_say_the_same_uncompiled():
    """Without Numba's compiler, to the bit."""
    told = json.loads(elsewhere(TELLING, *BIT_KEEPERS, NUMBA_DISABLE_JIT="1"))

    assert told == {
        name: repr(sorted(spoiling.measure(name, spoiling.EXAMPLES[name]).metrics.items())) for name in BIT_KEEPERS
    }


CHECKED = """
import numba, numpy as np

@numba.njit
def beyond(array, at):
    return array[at]

try:
    beyond(np.zeros(4), 4)
except IndexError:
    print("checked")

from q4k.fixtures import act, tensor
from pvcheck_q4k import cpu, reference
raw, x = tensor(3)[:5], np.concatenate([act(t) for t in range(5)])
fast, slow = cpu.quantise(x), reference.quantise(x)
assert (fast.codes == slow.codes).all()
assert cpu.decode(raw).weights.tobytes() == reference.decode(raw).weights.tobytes()
for name in ("dot_a", "dot_b"):
    one, other = (getattr(of, name)(raw, *((x,) if name == "dot_a" else fast[:2])) for of in (cpu, reference))
    assert one.value.tobytes() == other.value.tobytes(), name
print("whole")
"""


def test_115_the_kernels_stay_inside_their_arrays():
    """With bounds checked, and a look whether they are; the job bounds of .ci/long checks every kernel."""
    assert elsewhere(CHECKED, NUMBA_BOUNDSCHECK="1").split() == ["checked", "whole"]


def test_116_a_record_keeps_every_number_to_the_bit(project):
    """Each is there as hexadecimal float that reads back, beside its decimal; JSON's NaN and infinity are nowhere."""
    project.allow("array-compare", "recorded-series")
    most = np.full(4, np.finfo("<f8").max)
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.5e-17, 123456789.123456789]
    project.file("contracts/most.npy", npy(most))
    project.file("contracts/half.npy", npy(most / 2))
    project.file("contracts/series.csv", "x\n" + "".join(f"{each!r}\n" for each in numbers))
    project.contract(
        """\
metadata: {schema: 1, id: C-BITS, version: 1.0.0, status: ACTIVE}
inputs:
  most: {format: npy, path: most.npy}
  half: {format: npy, path: half.npy}
  series: {format: csv, path: series.csv}
falsification_tests:
- id: F-ends
  rule: an end of the ratio is past the largest double
  evaluator: array-compare
  with: {left: most, right: half}
  expect: {relative_l2: "== 0x3fe0000000000000"}
  status: PENDING
- id: F-values
  rule: the numbers are those of the file
  evaluator: recorded-series
  with: {series: series, column: x, unit: factor, host: here, date: '2026-05-07'}
  expect: {non_finite: == 0}
  status: PENDING
amendments: []
"""
    )

    assert project.run("run", "--write").status == 0

    records = [json.loads(path.read_bytes(), parse_constant=pytest.fail) for path in project.root.rglob("evidence/*/*")]
    kept = [each for record in records for each in pairs(record)]
    assert len(records) == 2
    assert len(kept) > 20
    for shown, exact in kept:
        assert float.fromhex(exact).hex() == exact
        assert float(shown) == float.fromhex(exact)
    assert {each.hex() for each in numbers} <= {exact for _, exact in kept}
    assert project.run("validate").status == 0


def pairs(value):
    """Yield the numbers of a record: decimal and hexadecimal."""
    if isinstance(value, dict):
        if value.keys() >= {"decimal", "hex"}:
            many = isinstance(value["hex"], list)
            yield from zip(value["decimal"], value["hex"], strict=True) if many else [(value["decimal"], value["hex"])]
        for each in value.values():
            yield from pairs(each)
    elif isinstance(value, list):
        for each in value:
            yield from pairs(each)
