"""The teachers: the synthetic one is what its script makes, the real one shows what was found in it."""

import importlib.util
import os
import time
from pathlib import Path

import gguf
import pytest
from q4k.fixtures import TEACHERS

from pvcheck.plugin import Context, Source
from pvcheck_q4k.chain import measure
from pvcheck_q4k.gguf_file import GgufFile
from pvcheck_q4k.parameters import ChainParameters

SYNTHETIC = TEACHERS / "synthetic-28.gguf"
REAL = Path(os.environ.get("PVCHECK_TEACHER", TEACHERS / "gemma-3-270m-q4_k_m.gguf"))
needs_the_real_one = pytest.mark.skipif(
    not REAL.exists(), reason="no real teacher: run python contracts/teachers/fetch_gemma.py"
)


def script(name):
    """Import a script of the teachers' folder."""
    spec = importlib.util.spec_from_file_location(name, TEACHERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chain_of(path, tensor, layers):
    """Measure the chain over a file."""
    parameters = ChainParameters(model="teacher", tensor=tensor, layers=layers)
    with Source(str(path)) as source:
        return measure(parameters, Context(inputs={"teacher": source}))


def test_the_script_makes_the_committed_file(tmp_path, capsys):
    """The same bytes, on this machine as on the one that made the file."""
    made = tmp_path / "made.gguf"

    assert script("make_synthetic").main(made) == 0

    assert made.read_bytes() == SYNTHETIC.read_bytes()
    assert "34368 bytes, 28 layers, seed 1" in capsys.readouterr().out


def test_another_seed_is_another_file():
    """The seed decides the weights."""
    make = script("make_synthetic")

    assert make.build(2) != make.build(1) == make.build(1)


def test_the_synthetic_teacher_opens_with_the_public_reader():
    """Both readers see 28 Q4_K tensors of 8 rows at the same places."""
    theirs = gguf.GGUFReader(SYNTHETIC)

    with Source(str(SYNTHETIC)) as source:
        ours = GgufFile.open(source).tensors

    assert [(t.name, t.dims, t.type.name, t.offset) for t in ours.values()] == [
        (t.name, (256, 8), "Q4_K", t.data_offset) for t in theirs.tensors
    ]
    assert len(ours) == 28


def test_the_synthetic_teacher_is_a_fair_control():
    """Every layer is reasonably conditioned, differs by less than 10 %, and the growth is no extreme."""
    metrics = chain_of(SYNTHETIC, "blk.{layer}.ffn_down.weight", "0-27").metrics

    assert metrics["layers_measured"] == 28
    assert max(metrics["condition"]) < 200
    assert 0 < metrics["rel_diff_min"] < metrics["rel_diff_max"] < 0.10
    assert 0.3 < metrics["growth_last_over_first"] < 10
    assert max(metrics["carry"]) < 1e-3


@needs_the_real_one
def test_the_spikes_of_the_real_teacher_are_conditioning():
    """Layers 3 and 7 of attn_output differ by 61 and 106 %; their condition numbers say why."""
    metrics = chain_of(REAL, "blk.{layer}.attn_output.weight", "0-17").metrics

    assert [round(100 * metrics["rel_diff"][layer]) for layer in (3, 7)] == [61, 106]
    assert [round(metrics["condition"][layer]) for layer in (3, 7)] == [1449, 2288]
    others = [number for layer, number in enumerate(metrics["condition"]) if layer not in {3, 7}]
    assert (round(min(others), 1), round(max(others))) == (6.7, 63)
    assert 0.2e-4 < min(metrics["backward_error"]) < max(metrics["backward_error"]) < 11e-4


@needs_the_real_one
def test_the_chain_carries_next_to_nothing_on_the_real_teacher():
    """A layer's rel_diff in the chain differs by at most 0.6 % of itself from the same layer's alone."""
    for tensor in ("attn_output", "ffn_down"):
        metrics = chain_of(REAL, f"blk.{{layer}}.{tensor}.weight", "0-17").metrics
        for chained, alone in zip(metrics["rel_diff"], metrics["rel_diff_unchained"], strict=True):
            assert abs(chained - alone) <= 0.0065 * alone


@needs_the_real_one
def test_the_ffn_down_layers_of_the_real_teacher():
    """Nine layers are Q4_K; the other nine are skipped and named; condition numbers run from 4.5 to 317."""
    measurement = chain_of(REAL, "blk.{layer}.ffn_down.weight", "0-17")
    condition = measurement.metrics["condition"]

    assert measurement.labels == tuple(f"layer {layer}" for layer in (2, 3, 5, 6, 8, 9, 11, 12, 14))
    assert all(skip.reason.endswith(" in Q6_K, not Q4_K") for skip in measurement.skipped)
    assert len(measurement.skipped) == 9
    assert (round(min(condition), 1), round(max(condition))) == (4.5, 317)
    assert measurement.metrics["rel_diff"][6] == pytest.approx(0.066, abs=5e-4)


@needs_the_real_one
def test_the_real_teacher_opens_quickly():
    """A vocabulary of 262,144 strings is walked over in less than 0.3 s."""
    with Source(str(REAL)) as source:
        start = time.perf_counter()
        file = GgufFile.open(source)
        seconds = time.perf_counter() - start

    assert (len(file.tensors), len(file.metadata)) == (236, 33)
    assert file.metadata["tokenizer.ggml.tokens"].count == 262_144
    assert seconds < 0.3


def test_the_fetcher_knows_a_file_that_is_there(tmp_path, capsys, monkeypatch):
    """The right file is left alone, a wrong one is named and kept, and neither is fetched again."""
    fetch = script("fetch_gemma")
    target = tmp_path / "model.gguf"
    target.write_bytes(b"abc")

    assert fetch.main(target) == 1
    assert "its SHA-256 is ba7816bf" in capsys.readouterr().out
    monkeypatch.setattr(fetch, "SHA256", fetch.digest(target))
    assert fetch.main(target) == 0
    assert target.read_bytes() == b"abc"


def test_the_fetcher_keeps_nothing_that_failed(tmp_path, capsys, monkeypatch):
    """Whichever step fails, or leaves other bytes, the status is 1 and the folder is as it was."""
    fetch = script("fetch_gemma")
    target = tmp_path / "model.gguf"

    for failing in (1, 2, 3):
        calls = []

        def run(command, *, check, calls=calls, failing=failing):
            calls.append(command)
            if len(calls) == 2:
                Path(command[-1]).write_bytes(b"other")
            return fetch.subprocess.CompletedProcess(command, int(len(calls) == failing and not check))

        monkeypatch.setattr(fetch.subprocess, "run", run)
        assert fetch.main(target) == 1
        assert list(tmp_path.iterdir()) == []
    assert "nothing was kept" in capsys.readouterr().out
