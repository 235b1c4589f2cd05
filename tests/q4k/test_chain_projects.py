"""The chains that carry, as users meet them: in contracts, on a real model, and beside the one that does not carry."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from q4k.chain_models import compiled, gentle, gguf_model, q6k_matrix
from q4k.fixtures import ROOT
from q4k.test_ffn_chain import layer
from q4k.test_ffn_chain import measure as measure_ffn
from q4k.test_matvec_chain import measure as measure_matvec
from q4k.test_teachers import REAL, needs_the_real_one

from pvcheck.plugin import NotMeasured
from pvcheck.testing import assert_evaluator_conforms, project
from pvcheck_q4k import plugin

__all__ = ["project"]

BY_NAME = {each.name: each for each in plugin.pv_evaluators()}
CONTRACT = """\
metadata:
  schema: 1
  id: C-CARRY
  version: 1.0.0
  status: ACTIVE
inputs:
  teacher: {format: gguf, path: ../model.gguf}
falsification_tests:
- id: FALSIFY-MATVEC
  rule: the paths stay close through three layers
  prediction: r
  if_fails: f
  evaluator: q4k-matvec-chain
  with: {model: teacher, tensor: 'blk.{layer}.ffn_down.weight', layers: 0-2}
  expect:
    rel_l2_last: < 10%
    growth_last_over_first: '< 100'
    carry: all > 0.1
    layers_measured: == 3
  status: PENDING
- id: FALSIFY-FFN
  rule: the streams stay close through three layers
  prediction: r
  if_fails: f
  evaluator: q4k-ffn-chain
  with: {model: teacher, layers: 0-2}
  expect:
    rel_l2: all < 1%
    rel_l2_ffn: all < 20%
    carry: all > 0.1
  status: PENDING
- id: FALSIFY-SCALAR
  rule: the chain that carries nothing
  prediction: r
  if_fails: f
  evaluator: q4k-chain
  with: {model: teacher, tensor: 'blk.{layer}.ffn_down.weight', layers: 0-2}
  expect:
    layers_measured: == 3
  status: PENDING
"""


def model():
    """Return three layers of a model 256 wide; one down is Q6_K in layer 3, which no contract asks for."""
    tensors = {}
    for number in range(4):
        down = q6k_matrix(256, 1) if number == 3 else gentle(256, 1, number + 6)
        tensors |= layer(number, gentle(256, 1, number), gentle(256, 1, number + 3), down, np.ones(256))
    return gguf_model(tensors)


@compiled
def test_a_contract_on_chains_that_carry_holds_and_is_not_warned_about(project):
    """Both hold with a carry near 1 or over it; the scalar chain beside them is warned about."""
    project.allow("q4k-matvec-chain", "q4k-ffn-chain", "q4k-chain")
    project.contract(CONTRACT)
    project.file("model.gguf", model())

    validated, result = project.run("validate"), project.run("run")

    assert validated.status == 0, str(validated)
    result.assert_outcomes(held=3)
    told = result.out.split("FALSIFY-")
    carried = {part.split()[0]: "PV604" in part for part in told[1:]}
    assert carried == {"MATVEC": False, "FFN": False, "SCALAR": True}, str(result)
    carries = [float(number) for number in re.findall(r"carry +all > 0\.1 .*?([0-9.]+)", result.out)]
    assert all(number > 0.1 for number in carries)


@compiled
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("q4k-matvec-chain", {"model": "m", "tensor": "blk.{layer}.ffn_down.weight", "layers": "0-3"}),
        ("q4k-ffn-chain", {"model": "m", "layers": "0-3"}),
    ],
)
def test_the_evaluators_keep_the_promises_of_the_plugin_api(name, values):
    """Light half, schema, bits of a second run, guards, faults, and a change of the input that is seen."""
    other = gguf_model({
        name: content for number in range(4) for name, content in layer(
            number, *(gentle(256, 1, number + 9 * part) for part in range(3)), np.full(256, 2)
        ).items()
    })  # fmt: skip

    measurement = assert_evaluator_conforms(BY_NAME[name], parameters=values, inputs={"m": model()}, plant={"m": other})

    assert min(measurement.metrics["carry"]) > 0.5


SIMULATED = """\
from q4k import test_ffn_chain as ffn, test_matvec_chain as matvec
from q4k.chain_models import told

for chain, data in (matvec, matvec.small()), (ffn, ffn.two(gate=ffn.q6k_matrix)):
    one, other = (chain.measure(data, device=device, threads=2) for device in ("cpu", "cuda"))
    print(told(one) == told(other), other.backend)
"""


@compiled
def test_a_gpu_says_the_same():
    """In the simulator, in a process of its own: Q4_K and Q6_K, all that is told, also after exp on one machine."""
    known = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(ROOT / "tests")}

    done = subprocess.run([sys.executable, "-c", SIMULATED], env=known, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("True cuda-simulator\n" * 2, "")


def real(change):
    """Measure the chain over attn_output of the real teacher."""
    return measure_matvec(REAL.read_bytes(), {"layers": "0-17", "fit": None, "cover": None} | change, threads=2)


@compiled
@needs_the_real_one
def test_the_difference_grows_on_a_real_model():
    """A layer adds about 1 %; through 18 layers that carry the paths part by ten times what the first one gives."""
    measurement = real({})
    metrics = measurement.metrics

    assert f"{metrics['rel_l2_first']:.2%}" == "0.37%"
    assert f"{metrics['rel_l2_last']:.2%}" == "3.81%"
    assert f"{metrics['growth_last_over_first']:.1f}" == "10.3"
    assert metrics["falling_steps"] == 4
    assert max(metrics["rel_l2_unchained"]) < 0.018
    assert 0.7 < min(metrics["carry"]) < max(metrics["carry"]) < 1.3
    assert max(metrics["condition"]) < 12
    assert metrics["layers_measured"] == 18


@compiled
@needs_the_real_one
def test_all_of_it_grows_further():
    """Whole rows, whose 640 results are repeated to the 1,024 numbers that the next layer takes: 22 times."""
    with pytest.raises(NotMeasured, match=r"^layer 0 gives 640 numbers and layer 1 takes 1024: say fit: repeat"):
        real({"cover": "all"})
    metrics = real({"cover": "all", "fit": "repeat"}).metrics

    assert (metrics["rows"], metrics["elements"]) == (18 * 640, 18 * 640 * 1024)
    assert f"{metrics['rel_l2_first']:.2%}" == "0.37%"
    assert f"{metrics['rel_l2_last']:.2%}" == "8.35%"
    assert f"{metrics['growth_last_over_first']:.1f}" == "22.3"
    assert 0.85 < min(metrics["carry"]) < max(metrics["carry"]) < 1.2


@compiled
@needs_the_real_one
def test_ffn_down_of_the_real_model_is_in_two_types():
    """Nine layers are Q4_K and nine Q6_K, and all 18 are measured."""
    metrics = measure_matvec(
        REAL.read_bytes(), {"layers": "0-17", "tensor": "blk.{layer}.ffn_down.weight", "cover": "first-blocks"}
    ).metrics

    assert metrics["layers_measured"] == 18
    assert metrics["non_finite"] == 0


@needs_the_real_one
def test_the_feed_forward_part_of_the_real_model_is_told():
    """Its gate and up tensors are Q5_0, which is said of each layer."""
    with pytest.raises(NotMeasured) as caught:
        measure_ffn(REAL.read_bytes(), {"layers": "0-17"})
    assert str(caught.value) == (
        "no layer could be measured: layer 0 has tensor 'blk.0.ffn_gate.weight' in Q5_0, not Q4_K or Q6_K; "
        "layer 1 has tensor 'blk.1.ffn_gate.weight' in Q5_0, not Q4_K or Q6_K; "
        "layer 2 has tensor 'blk.2.ffn_gate.weight' in Q5_0, not Q4_K or Q6_K; and 15 more"
    )
