"""Opening a model of either format, and measuring on it: what a contract declares must be what the file is."""

import numpy as np
import pytest
from q4k.apr_fixtures import AprTensor, apr_bytes, q4k_apr
from q4k.fixtures import opened, q4k_file, tensor

from pvcheck.plugin import Context, Source
from pvcheck_q4k import chain, generators
from pvcheck_q4k.apr_file import AprFile
from pvcheck_q4k.fixture_parameters import OneBlock
from pvcheck_q4k.gguf_file import GgufFile
from pvcheck_q4k.models import ModelFileError, open_model
from pvcheck_q4k.parameters import ChainParameters

LAYERS = {number: tensor(number)[:2] for number in range(3)}
APR_NAME = "model.layers.{layer}.mlp.down_proj.weight"
GGUF_NAME = "blk.{layer}.ffn_down.weight"


@pytest.mark.parametrize(
    ("data", "kind"), [(q4k_file(LAYERS), GgufFile), (q4k_apr(LAYERS), AprFile)], ids=["gguf", "apr"]
)
def test_the_first_bytes_say_the_format(data, kind):
    """The same tensors, in the same types, with the row length first, come out of either file."""
    with opened(data) as source:
        file = open_model(source)

        assert isinstance(file, kind)
        assert [(each.type.name, each.dims, each.size) for each in file.tensors.values()] == [
            ("Q4_K", (256, 2), 288)
        ] * 3
        for name, raw in zip(file.tensors, LAYERS.values(), strict=True):
            assert bytes(file.bytes_of(name, 144, 144)) == raw[1].tobytes()
            file.release(name)
        with pytest.raises(KeyError):
            file.release("missing")


@pytest.mark.parametrize(("data", "got"), [(b"", "b''"), (b"GGM", "b'GGM'"), (b"APR1" * 30, "b'APR1'")])
def test_a_file_of_neither_format_is_refused(data, got):
    """The message has both beginnings, and what is there."""
    with opened(data) as source, pytest.raises(ModelFileError) as caught:
        open_model(source)

    text = f'{source.path}: MODEL-MAGIC at byte 0: a model file must start with "GGUF" or "APR\\0", got {got}'
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("data", "declared", "found"), [(q4k_file(LAYERS), "apr", "gguf"), (q4k_apr(LAYERS), "g\x1bguf", "apr")]
)
def test_the_declared_format_must_be_that_of_the_file(tmp_path, data, declared, found):
    """A contract that means another file is not measured on this one; the right word and no word are fine."""
    path = tmp_path / "model"
    path.write_bytes(data)
    for right in (found, ""):
        with Source(str(path), right) as source:
            open_model(source)

    with Source(str(path), declared) as source, pytest.raises(ModelFileError) as caught:
        open_model(source)

    shown = declared.replace("\x1b", "\\x1b")
    what = f"the contract declares the format '{shown}', but this is a file of the format '{found}'"
    assert str(caught.value) == f"{path}: MODEL-FORMAT at byte 0: {what}"


def measured(data, name):
    """Measure the chain on a file and return the metrics."""
    parameters = ChainParameters(model="teacher", tensor=name, layers="0-2", propagation="scalar-scale")
    with opened(data) as source:
        return chain.measure(parameters, Context(inputs={"teacher": source}, device="reference")).metrics


def test_the_chain_is_the_same_on_both():
    """The same super-blocks give the same bits, whatever file they lie in."""
    assert measured(q4k_apr(LAYERS), APR_NAME) == measured(q4k_file(LAYERS), GGUF_NAME)


def test_one_block_is_read_from_apr():
    """The evaluators that take a super-block of a model take it from an APR file too."""
    parameters = OneBlock(model="teacher", tensor="model.layers.1.mlp.down_proj.weight", super_block=1)
    with opened(q4k_apr(LAYERS)) as source:
        raw, _ = generators.one_block(parameters, Context(inputs={"teacher": source}))

        assert np.array_equal(raw[0], LAYERS[1][1])


CONTRACT = """\
metadata:
  schema: 1
  id: C-APR
  version: 1.0.0
  status: ACTIVE
  description: a chain over a model in APR
inputs:
  teacher:
    format: {format}
    path: teacher.apr
falsification_tests:
- id: FALSIFY-APR-001
  rule: every layer is measured
  prediction: three layers of three
  if_fails: the file lacks a tensor
  evaluator: q4k-chain
  with: {{model: teacher, tensor: 'model.layers.{{layer}}.mlp.down_proj.weight', layers: 0-2}}
  expect:
    layers_measured: == 3
  status: PENDING
"""


@pytest.mark.parametrize("declared", ["apr", "gguf"])
def test_a_contract_names_the_format(pv, tmp_path, monkeypatch, declared):
    """`pv run` measures on an APR file, and refuses it in one line where the contract declares another format."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teacher.apr").write_bytes(q4k_apr(LAYERS))
    (tmp_path / "apr.yaml").write_text(CONTRACT.format(format=declared))

    status, out, err = pv("run", "--device", "reference", "apr.yaml")

    told = [line for line in (out + err).splitlines() if "MODEL-FORMAT at byte 0: the contract declares" in line]
    assert (status, len(told)) == ((0, 0) if declared == "apr" else (3, 1))


METADATA = {
    "architecture": "qwen2",
    "hidden_size": 256,
    "rms_norm_eps": 1e-06,
    "tied": True,
    "author": None,
    "special": {"bos": 1},
    "vocab\x1b": ["a", "b"],
}
SHOWN = """\
m.apr: apr version 2.0, 900 bytes (read by q4k, pv-contracts)

  key           value
  architecture  qwen2
  hidden_size   256
  rms_norm_eps  1e-06
  tied          true
  author        null
  special       object of 1
  vocab\\x1b     array of 2

  tensor  type       dims  bytes  offset
  a.w     Q4_K    256 x 2    288     384
  b.norm  F32           3     12     704
  c       F32      scalar      4     768
  d.q     APR_Q8        5      9     832

4 tensors of 313 bytes; 7 metadata
"""


@pytest.fixture
def shown(pv, tmp_path, monkeypatch):
    """Return a file with a tensor of each kind in a folder of its own, and a way to show it."""
    monkeypatch.chdir(tmp_path)
    tensors = [
        AprTensor(name="a.w", dims=(2, 256), data=bytes(288)),
        AprTensor(name="b.norm", dims=(3,), kind="F32", data=bytes(12)),
        AprTensor(name="c", dims=(), kind="F32", data=bytes(4)),
        AprTensor(name="d.q", dims=(5,), kind=129, data=bytes(9)),
    ]
    path = tmp_path / "m.apr"
    path.write_bytes(apr_bytes(tensors, METADATA))
    return path, lambda *words: pv("model", "show", "m.apr", *words)


def test_an_apr_file_is_shown(shown):
    """Metadata in short, each tensor with its place, dimensions with the row length first."""
    _, show = shown

    assert show() == (0, SHOWN, "")


def test_the_checksum_is_looked_at_where_all_is_read(pv, shown):
    """A changed weight shows with `--digest` only: one line, the way to its page, status 3."""
    path, show = shown
    assert show("--digest")[0] == 0
    data = path.read_bytes()
    path.write_bytes(data[:500] + b"\1" + data[501:])
    assert show() == (0, SHOWN, "")

    status, out, err = show("--digest")

    assert (status, out) == (3, "")
    first, second = err.splitlines()
    assert first.startswith("PV518 m.apr: APR-CHECKSUM at byte 896: the CRC-32 of the file must be 0x")
    assert second == "  hint: pv explain APR-CHECKSUM"
    assert pv("explain", "APR-CHECKSUM")[1].startswith("# APR-CHECKSUM\n")
