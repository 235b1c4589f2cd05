"""Points 100 to 105: model files in use. They change while they are read, are huge, are none, or talk."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import gguf
import pytest
from helpers import untraced
from q4k.fixtures import TEACHERS, base_block, entry, gguf_bytes, info, string

from pvcheck.domain.status import Outcome

U32 = struct.Struct("<I")
WHO = r"bad \(plugin bad of bad-dist 1\.0\): "
MODEL = "context.inputs['model']"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"os.truncate({MODEL}.path, 0)\n{MODEL}.view(0, 1)[0]", WHO + "the worker died of SIGBUS"),
        (
            f"other = {MODEL}.path + '.new'\nopen(other, 'wb').write(b'9876543210')\nos.replace(other, {MODEL}.path)",
            "the input model changed while it was measured",
        ),
        (f"open({MODEL}.path, 'r+b').write(b'X')", "the input model changed while it was measured"),
        (f"open({MODEL}.path, 'ab').write(b'X')", "the input model changed while it was measured"),
        (f"os.unlink({MODEL}.path)", "the input model changed while it was measured"),
    ],
    ids=["truncated", "replaced", "modified", "grown", "removed"],
)
def test_100_a_model_that_changes_under_the_reader_is_no_evidence(lab, body, reason):
    """The worker alone dies of the signal, and nothing is recorded of bytes that are not those of the digest."""
    lab.misbehaves({"changes": body}, ", model: model")
    lab.writes("bad_heavy", (lab.site / "bad_heavy.py").read_text() + "    pass\n")

    lab.ends({"changes": ("error", reason)})


def test_100_a_reader_goes_on_with_the_file_that_it_opened(lab):
    """Another file under the same name is not read."""
    lab.misbehaves(
        {
            "replaced": f"""
            other = {MODEL}.path + '.new'
            open(other, 'wb').write(b'9876543210')
            os.replace(other, {MODEL}.path)
            raise ValueError(bytes({MODEL}.view(0, 10)))
            """
        },
        ", model: model",
    )

    lab.ends({"replaced": ("error", "raised ValueError: b'0123456789'")})


SHOWING = """
import re, sys, time
from pathlib import Path
from pvcheck.cli import main
began = time.process_time()
sys.argv = ["pv", "model", "show", sys.argv[1]]
try:
    main()
finally:
    most = re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]
    print(time.process_time() - began, most, file=sys.stderr)
"""


def test_101_a_file_of_64_gib_is_described_at_once(tmp_path):
    """2,000 tensors and 300,000 tokens: the header takes less than a second and 200 MB, the weights nothing."""
    each = (64 << 30) // 2000 // 32 * 32
    tokens = b"".join(string(f"token {number}") for number in range(300_000))
    entries = [entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 300_000) + tokens)]
    infos = [info(f"blk.{number}.weight", (each // 4,), 0, number * each) for number in range(2000)]
    model = tmp_path / "large.gguf"
    model.write_bytes(gguf_bytes(entries, infos))
    os.truncate(model, model.stat().st_size + 2000 * each)

    ended = subprocess.run(
        [sys.executable, "-c", SHOWING, str(model)], capture_output=True, text=True, check=False, env=untraced()
    )

    assert ended.returncode == 0, ended.stderr
    assert "2000 tensors" in ended.stdout
    assert "array of 300000 string" in ended.stdout
    seconds, kilobytes = map(float, ended.stderr.split())
    assert seconds < 1.5  # the parts of pv that are imported take a third of it
    assert kilobytes < 200_000


CONTRACT = """\
metadata:
  schema: 1
  id: C-MODELS
  version: 1.0.0
  status: ACTIVE
inputs:
{inputs}falsification_tests:
{falsifiers}amendments: []
"""
INPUT = "  {name}: {{format: gguf, path: '{name}.gguf'}}\n"
FALSIFIER = """\
- id: F-{name}
  rule: both decoders give the same bits
  evaluator: q4k-decode-identity
  with: {{model: {name}, tensor: '{tensor}'}}
  expect: {{identical: is true}}
  status: PENDING
"""


def claiming(project, models, tensor="t"):
    """Write a contract with a claim about each model, {name: bytes or None where the test puts something else}."""
    project.allow("q4k-decode-identity")
    for name, data in models.items():
        if data is not None:
            project.file(f"contracts/{name}.gguf", data)
    project.contract(
        CONTRACT.format(
            inputs="".join(INPUT.format(name=name) for name in models),
            falsifiers="".join(FALSIFIER.format(name=name, tensor=tensor) for name in models),
        )
    )


def sound(entries=(), name="t"):
    """Return a model of one super-block."""
    return gguf_bytes(entries, [info(name, (256, 1))], base_block().tobytes() + bytes(16))


def test_102_what_is_no_file_is_no_model(project):
    """Pipes, folders, devices and links that lead nowhere end at once; nothing is promoted of them."""
    folder = project.root / "contracts"
    claiming(project, dict.fromkeys(("pipe", "folder", "loop", "dangling", "device")) | {"sound": sound()})
    os.mkfifo(folder / "pipe.gguf")
    (folder / "folder.gguf").mkdir()
    (folder / "loop.gguf").symlink_to("loop.gguf")
    (folder / "dangling.gguf").symlink_to("nowhere.gguf")
    began = time.monotonic()

    result = project.run("run", "--write", "--input", "device=/dev/zero")
    shown = {each.stem: project.run("model", "show", each) for each in folder.glob("*.gguf") if each.stem != "sound"}
    shown["device"] = project.run("model", "show", "/dev/zero", "--format", "gguf")

    assert time.monotonic() - began < 20
    assert result.status == 3
    assert result.outcomes.pop("F-sound") is Outcome.HELD
    assert {each for name, each in result.outcomes.items() if name != "F-sound"} <= {
        Outcome.ERROR,
        Outcome.NOT_MEASURED,
    }
    assert {name: each.status for name, each in shown.items()} == dict.fromkeys(shown, 3)
    assert all(each.findings[0].code == "PV518" for each in shown.values())


STRANGE = {
    "count": [entry("llama.block_count", 4, U32.pack(2**32 - 1))],
    "heads": [entry("llama.attention.head_count", 4, U32.pack(0))],
    "number": [entry("general.architecture", 4, U32.pack(7))],
    "format": [entry("general.architecture", 8, string("{0.__class__}%s%n{}"))],
    "epsilon": [entry("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", float("nan")))],
    "split": [entry("split.count", 2, struct.pack("<H", 65535))],
    "scores": [entry("tokenizer.ggml.scores", 9, struct.pack("<IQ", 1, 3) + b"\1\2\3")],
    "short": [
        entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + string("a") + string("b")),
        entry("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 1) + bytes(4)),
    ],
}


def test_103_nothing_that_metadata_says_is_believed(project):
    """No evaluator takes a size, a count or a name from there: the numbers are those of the file without it."""
    claiming(project, {"none": sound(), **{name: sound(entries) for name, entries in STRANGE.items()}})

    result = project.run("run", "--format", "json")

    (contract,) = json.loads(result.out)["contracts"]
    measured = {each["id"]: each["result"]["metrics"] for each in contract["falsifiers"]}
    assert result.status == 0
    assert len(measured) == len(STRANGE) + 1
    assert measured["F-none"]
    assert all(each == measured["F-none"] for each in measured.values())


def test_104_what_a_model_says_is_printed_as_text_and_nothing_else(project):
    """Templates are not rendered, names are no paths, and nothing of it starts a line or moves a cursor."""
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% for x in range(10**9) %}{% endfor %}"
    names = ["../../x", "/etc/passwd", "\n::error::x", "\x1b]0;x\x07", "\u202eevil", "${HOME}`id`", "%s{0}"]
    infos = [info(name, (8,), 24, 32 * number) for number, name in enumerate(names)]
    entries = [
        entry("tokenizer.chat_template", 8, string(template)),
        entry("\x1b[2J::error::key", 8, string("\r::warning::value\x1b[31m")),
    ]
    data = gguf_bytes(entries, infos, bytes(32 * len(names)))
    claiming(project, {"strange": data}, tensor="\\n::error::none")
    before = sorted(project.root.rglob("*"))

    shown = project.run("model", "show", "contracts/strange.gguf", "--digest")
    ran = project.run("run")

    assert shown.status == 0
    assert "{{ ''.__class__" in shown.out
    assert "../../x" in shown.out
    assert ran.status == 3
    for text in (shown.out, shown.err, ran.out, ran.err):
        lines = text.split("\n")
        assert not [line for line in lines if line.lstrip().startswith("::")]
        assert all(line.isprintable() for line in lines)
    assert sorted(project.root.rglob("*")) == before


REAL = Path(os.environ.get("PVCHECK_TEACHER", TEACHERS / "gemma-3-270m-q4_k_m.gguf"))
ROW = re.compile(r"  (\S+) +(\S+) +([0-9]+(?: x [0-9]+)*) +([0-9]+) +([0-9]+)")
needs_the_real_one = pytest.mark.skipif(not REAL.exists(), reason="no real teacher: contracts/teachers/fetch_gemma.py")


@pytest.mark.parametrize(
    "path", [TEACHERS / "synthetic-28.gguf", pytest.param(REAL, marks=needs_the_real_one)], ids=["synthetic", "real"]
)
def test_105_a_model_has_the_tensors_that_the_public_reader_finds(project, path):
    """The same names, types, shapes, sizes and places, in the same order."""
    theirs = gguf.GGUFReader(path)

    result = project.run("model", "show", path)

    assert result.status == 0
    rows = [match.groups() for match in map(ROW.fullmatch, result.out.splitlines()) if match]
    assert rows == [
        (
            each.name,
            each.tensor_type.name,
            " x ".join(map(str, each.shape.tolist())),
            str(each.n_bytes),
            str(each.data_offset),
        )
        for each in theirs.tensors
    ]
