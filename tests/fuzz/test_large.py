"""Inputs of one shape, as large as their reader takes them or larger: a fuzzer's are too small to find what grows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fuzz.harness import slower
from fuzz.of_models import resealed
from fuzz.targets import SEEDS, TARGETS
from fuzz.watching import Watch
from q4k.apr_fixtures import apr_bytes
from q4k.fixtures import entry, gguf_bytes, string

from pvcheck import config
from pvcheck.domain import canonical
from pvcheck.errors import ConfigError
from pvcheck.host import frames


def doubling(levels):
    """Return a catalogue whose schema doubles with each level of references."""
    parts = {f"a{at}": {"allOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2} for at in range(levels)}
    parts[f"a{levels}"] = {"type": "integer"}
    return with_schema({"$defs": parts, "$ref": "#/$defs/a0"})


def with_schema(schema):
    """Return a catalogue of one evaluator."""
    return json.dumps({"evaluators": {"probe": {"parameters": schema, "metrics": []}}}).encode()


def with_keys(word):
    """Return a contract of ten thousand keys that begin with a word."""
    return b"metadata: {id: C-FUZZ}\n" + b"".join(b"%s%d: 1\n" % (word, number) for number in range(10_000))


def changed(name, seed, **parts):
    """Return a seed of JSON with other parts, of the predicate where there is one."""
    told = json.loads((SEEDS / name / seed).read_bytes())
    told.get("predicate", told.get("measurement", told)).update(parts)
    return json.dumps(told).encode()


def nested(levels):
    """Return lists inside of lists."""
    told: list[object] = []
    for _ in range(levels):
        told = [told]
    return told


APR_KEYS = ",".join(f'"{number}":0' for number in range(60_000))
KEYS = dict.fromkeys(map(str, range(100_000)), 1)
DEEP = json.dumps(nested(400)).encode()
LARGE = {
    "settings: a key of many parts": ("settings", lambda: b"a" + b".a" * 100_000 + b" = 1"),
    "settings: a quoted key of many parts": ("settings", lambda: b'["a"' + b" . 'a'" * 40_000 + b"]"),
    "settings: keys of many parts": ("settings", lambda: b"".join(b"a." * 60 + b"b%d=1\n" % at for at in range(1500))),
    "settings: lists in lists": ("settings", lambda: b"a = " + b"[" * 5000),
    "settings: as many lists as fit": ("settings", lambda: b"[[a]]\n" * 43_000),
    "settings: a word without end": ("settings", lambda: b"a" * 250_000),
    "settings: quotes": ("settings", lambda: b"'" * 250_000),
    "settings: more than is read": ("settings", lambda: b"#" * (config.MAX_CONFIG + 1)),
    "contract: many keys that nobody knows": ("contract", lambda: with_keys(b"key")),
    "contract: many keys near a known one": ("contract", lambda: with_keys(b"equation")),
    "catalogue: references that double": ("catalogue", lambda: doubling(40)),
    "catalogue: a schema that holds itself": ("catalogue", lambda: with_schema({"allOf": [{"$ref": "#"}] * 2})),
    "catalogue: lists in lists": ("catalogue", lambda: with_schema({"enum": nested(400)})),
    "record: lists in lists": ("record", lambda: changed("record", "good-small", details=nested(400))),
    "record: a long integer": ("record", lambda: changed("record", "good-small", made_at={"seconds": 10**4000})),
    "challenge: lists in lists": ("challenge", lambda: changed("challenge", "good-one", made_at={"a": nested(400)})),
    "results: lists in lists": ("results", lambda: b"[" * 200_000),
    "answer: many labels": ("answer", lambda: changed("answer", "good-measured", labels=[""] * 1_000_000)),
    "answer: many keys": ("answer", lambda: changed("answer", "good-measured", **KEYS)),
    "answer: lists in lists": ("answer", lambda: b'{"kind":"error","code":%s,"reason":1}' % DEEP),
    "apr: one key twice among many": ("apr", lambda: apr_bytes(metadata=f'{{{APR_KEYS},"59999":1}}'.encode())),
    "gguf: a million empty strings": (
        "gguf", lambda: gguf_bytes([entry("a", 9, b"\x08\0\0\0" + (10**6).to_bytes(8, "little") + string("") * 10**6)])
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "make"), LARGE.values(), ids=LARGE)
def test_what_is_large_takes_under_a_second(name, make):
    """It is read or refused, in time and memory that grow with its size and no faster."""
    data = make()

    Watch(slower()).call(TARGETS[name].call, data)


def test_what_is_too_deep_is_refused_by_the_same_measure_everywhere():
    """A record, a message of a worker: one level more than the limit, and it is no JSON of ours."""
    fits, too_deep = (json.dumps(nested(canonical.MAX_DEPTH + more)).encode() for more in (-1, 0))

    assert canonical.loads(fits) == frames.unpacked(fits)
    with pytest.raises(canonical.NotCanonical, match="at most 64 levels deep"):
        canonical.loads(too_deep)
    with pytest.raises(frames.BadFrame, match="nested too deep"):
        frames.unpacked(too_deep)


def test_resealing_keeps_what_is_sound():
    """The fuzzer's own checksums are those of the format."""
    data = (SEEDS / "apr" / "good-three").read_bytes()

    assert resealed(data) == data


def test_settings_that_are_too_large_are_refused_unread():
    """The parser of TOML would take seconds for them."""
    with pytest.raises(ConfigError, match="the file must have at most 256 KiB"):
        config.at(Path("/project"), lambda _: b"#" * ((256 << 10) + 1))


def test_of_many_settings_that_are_wrong_a_hundred_are_told():
    """Findings about the others say nothing new."""
    data = b"".join(b"key%d = 1\n" % number for number in range(300))

    with pytest.raises(ConfigError) as told:
        config.at(Path("/project"), lambda _: data)

    assert len(told.value.findings) == 100
