"""``pv model show``: what it prints, what it refuses, and what a reader's mistake costs."""

import hashlib
import re
import sys
import types

import pytest
from q4k.fixtures import entry, gguf_bytes, info, string, tensor

from pvcheck.pipeline import describing
from pvcheck.plugin import hookspecs
from pvcheck.report import model as report

READER = """
from pvcheck.plugin import hookimpl

@hookimpl
def pv_model_readers():
    {body}
"""
ODD = """
import sys
from pvcheck.plugin import InputError

def told(**changes):
    return {"version": "1", "metadata": {}, "tensors": [], **changes}

def empty(source): return told()
def hostile(source):
    return told(metadata={"\\x1b[2J": "\\n::error::" + "x" * 500}, tensors=[("\\u202e", "T", (1,), 0, 1)])
def nothing(source): return None
def outside(source): return told(tensors=[("t", "F32", (4,), 0, source.size + 1)])
def texts(source): return told(version=1)
def fraction(source): return told(tensors=[("t", "F32", (4,), 0.0, 1)])
def forged(source): return told(tensors=[("t", "F32", (4,), 0, 1, "00")])
def raises(source): raise ValueError("a \\x1b[2J mistake")
def leaves(source): sys.exit(0)
def interrupts(source): raise KeyboardInterrupt
def refuses(source): raise InputError(source.path + ": too odd")
"""
NAMES = re.findall(r"^def (\w+)\(source\)", ODD, re.MULTILINE)


@pytest.fixture
def site(tmp_path_factory, monkeypatch):
    """Install plugins: a reader of GGUF, many odd ones, and two that offer nothing that can be used."""
    place = tmp_path_factory.mktemp("site")
    odd = {name: f"odd_reader:{name}" for name in NAMES}
    bodies = {
        "a": 'return {"gguf": "pvcheck_q4k.model_reader:describe_gguf", "gone": "no_such_module:read"}',
        "b": "raise SystemExit",
        "c": f"return {odd} | {{'gguf': 'odd_reader:nothing', 'number': 1}}",
    }
    for name, body in bodies.items():
        (place / f"reader_{name}.py").write_text(READER.format(body=body))
    (place / "odd_reader.py").write_text(ODD)
    points = "".join(f"a-{name} = reader_{name}\n" for name in bodies)
    dist = place / "reader_dist-1.0.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: reader-dist\nVersion: 1.0\n")
    (dist / "entry_points.txt").write_text(f"[pvcheck.plugins]\n{points}")
    monkeypatch.syspath_prepend(str(place))


@pytest.fixture
def model(site, tmp_path, monkeypatch):
    """Return a GGUF file with two tensors and a value of each kind, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    raw = tensor(0)[:2].tobytes()
    entries = [
        entry("general.name", 8, string("a\x1b[2J\u202e name")),
        entry("a.count", 4, b"\x07\0\0\0"),
        entry("a.eps", 6, b"\xbd\x37\x86\x35"),
        entry("a.flag", 7, b"\1"),
        entry("a.tokens", 9, b"\x08\0\0\0\2\0\0\0\0\0\0\0" + string("x") + string("yy")),
    ]
    infos = [info("blk.0.w", (256, 2), 12, 0), info("norm", (3,), 0, 288)]
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf_bytes(entries, infos, raw + bytes(12 + 20)))
    return path


SHOWN = """\
m.gguf: gguf version 3, 608 bytes (read by a-a, reader-dist)

  key           value
  general.name  a\\x1b[2J\\u202e name
  a.count       7
  a.eps         1e-06
  a.flag        true
  a.tokens      array of 2 string

  tensor   type     dims  bytes  offset
  blk.0.w  Q4_K  256 x 2    288     288
  norm     F32         3     12     576

2 tensors of 300 bytes; 5 metadata
"""


def test_a_file_is_shown(pv, model):
    """Version, size, metadata in short, and each tensor with its place; foreign text is escaped."""
    assert pv("model", "show", model.name) == (0, SHOWN, "")


def test_digests_are_those_of_the_bytes(pv, model):
    """Of each tensor without its padding, and of the whole file."""
    data = model.read_bytes()

    status, out, _ = pv("model", "show", model.name, "--digest")

    assert status == 0
    assert re.findall(r"[0-9a-f]{64}", out) == [
        hashlib.sha256(part).hexdigest() for part in (data[288 : 288 + 288], data[576 : 576 + 12], data)
    ]
    assert out.endswith(f"; sha256:{hashlib.sha256(data).hexdigest()}\n")


def test_a_long_file_is_hashed_in_pieces(pv, model, monkeypatch):
    """The digest does not depend on the size of a piece."""
    whole = pv("model", "show", model.name, "--digest")
    monkeypatch.setattr(describing, "CHUNK", 100)

    assert pv("model", "show", model.name, "--digest") == whole


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: b"GGUX" + data[4:], "GGUF-MAGIC at byte 0: the file must start with \"GGUF\", got b'GGUX'"),
        (lambda data: data[:100], "GGUF-"),
        (lambda data: data + bytes(64), "GGUF-TRAIL at byte "),
        (lambda _: b"", "GGUF-TRUNC at byte 0"),
    ],
    ids=["magic", "cut", "trailing", "empty"],
)
def test_an_unsound_file_is_refused(pv, model, change, text):
    """With the rule and the byte on one line, the way to its page, nothing printed, and status 3."""
    model.write_bytes(change(model.read_bytes()))

    status, out, err = pv("model", "show", model.name)

    assert (status, out) == (3, "")
    assert f"PV518 m.gguf: {text}" in err.splitlines()[0]
    assert re.fullmatch(r"  hint: pv explain GGUF-[A-Z]+", err.splitlines()[1])


def test_a_file_that_is_not_there_is_refused(pv, model):
    """And so is a folder; neither is a rule of a format, so no page is named."""
    missing = pv("model", "show", "none.gguf")
    folder = pv("model", "show", ".", "--format", "gguf")

    assert missing == (3, "", "PV518 none.gguf: No such file or directory\n")
    assert folder == (3, "", "PV518 .: not a regular file\n")


def test_a_format_that_nobody_reads_is_a_usage_error(pv, model):
    """The message has the formats there are; what is no text is none."""
    known = ", ".join(sorted([*NAMES, "gguf", "gone"]))

    for words in (["m.bin"], [model.name, "--format", "number"]):
        status, out, err = pv("model", "show", *words)

        assert (status, out) == (2, "")
        assert re.search(f"no plugin reads the format '(bin|number)': give --format, one of: .*{known[:20]}", err)


def test_a_format_may_be_named(pv, model):
    """A suffix in capitals is the same; `--format` wins over any."""
    capitals, other = model.with_name("M.GGUF"), model.with_name("m.bin")
    for path in (capitals, other):
        path.write_bytes(model.read_bytes())

    assert pv("model", "show", capitals.name)[0] == 0
    assert pv("model", "show", other.name, "--format", "gguf")[0] == 0


def test_an_empty_answer_is_a_short_one(pv, model):
    """A model without metadata and tensors is a first and a last line."""
    status, out, _ = pv("model", "show", model.name, "--format", "empty")

    assert status == 0
    assert out.splitlines()[1:] == ["", "0 tensors of 0 bytes; 0 metadata"]


def test_what_a_reader_tells_cannot_move_a_cursor(pv, model):
    """Keys, values and names are escaped and cut."""
    status, out, _ = pv("model", "show", model.name, "--format", "hostile")

    assert status == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\n::error::" not in out
    assert max(map(len, out.splitlines())) < 250


def test_the_report_escapes_and_cuts_by_itself():
    """Before the last door: every line is printable, and every foreign word at most 80 characters, then aligned."""
    odd = "\x1b\n" * 100
    reader = describing.Reader(odd, odd, odd, odd)
    told = describing.Described(
        path=odd,
        reader=reader,
        version=odd,
        size=1,
        metadata={odd: odd},
        tensors=(describing.Tensor(odd, odd, (1,), 0, 1),),
    )

    lines = list(report.lines(told))

    assert all(line.isprintable() for line in lines)
    assert lines[3].count("\\x1b") == lines[6].count("\\x1b") == 2 * 40
    assert lines[-1] == "1 tensor of 1 byte; 1 metadata"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "TypeError: the answer is not what pv_model_readers asks for"),
        ("outside", "a wrong type, or a tensor outside the file"),
        ("texts", "a wrong type, or a tensor outside the file"),
        ("fraction", "a wrong type, or a tensor outside the file"),
        ("forged", "a wrong type, or a tensor outside the file"),
        ("raises", "ValueError: a \\x1b[2J mistake"),
        ("leaves", "SystemExit: 0"),
        ("gone", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_the_mistake_of_a_reader_is_told_with_its_name(pv, model, name, text):
    """Status 3, nothing printed, and whose mistake it is."""
    status, out, err = pv("model", "show", model.name, "--format", name)

    assert (status, out) == (3, "")
    assert err.startswith(f'PV510 the reader of "{name}" in the plugin "a-')
    assert text in err
    assert "hint: tell the authors of reader-dist" in err


def test_a_reader_may_refuse_without_a_code(pv, model):
    """Then there is no page to name."""
    assert pv("model", "show", model.name, "--format", "refuses") == (3, "", "PV518 m.gguf: too odd\n")


def test_an_interrupt_is_an_interrupt(pv, model):
    """The user wants to stop."""
    assert pv("model", "show", model.name, "--format", "interrupts")[0] == 130


def test_a_plugin_offers_no_reader_by_default():
    """The hook is there for those that have one."""
    assert hookspecs.pv_model_readers() == {}


def test_an_interrupt_ends_the_search_for_readers(pv, model, monkeypatch):
    """There too."""
    plugin = types.ModuleType("reader_b")
    exec(READER.format(body="raise KeyboardInterrupt"), vars(plugin))  # noqa: S102 - a text of this file
    monkeypatch.setitem(sys.modules, "reader_b", plugin)

    assert pv("model", "show", model.name)[0] == 130
