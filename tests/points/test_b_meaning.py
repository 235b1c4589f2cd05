"""Points 18 to 31: texts that are YAML and mean something else than they seem to, or nothing at all."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from helpers import CONTRACT, untraced
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.errors import ContractError
from pvcheck.loading import contract as loading
from pvcheck.text import Document, Scalar, SetScalar, splice

MUTATIONS = int(os.environ.get("PVCHECK_MUTATIONS", "3000"))
AT = "  description: a contract\n"
WITH = CONTRACT.replace("  status: ACTIVE\n", "  status: ACTIVE\n" + AT)

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.fixture
def refused(project):
    """Check a contract that has something in place of its description: codes with places, and the seconds it took."""

    def check(value, text=None):
        whole = WITH.replace(AT, f"  description: {value}\n" if text is None else text)
        path = project.contract(whole)
        before, began = path.read_bytes(), time.process_time()
        result = project.run("validate", "--no-cache")
        took = time.process_time() - began
        assert path.read_bytes() == before
        assert result.status == 1, result
        assert "Traceback" not in result.out + result.err
        found = [each for each in result.findings if each.code < "PV200" and each.code != "PV199"]
        return [(each.code, each.line, each.column) for each in found], result, took

    return check


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param("  id: C-OTHER\n", 6, 3, id="block"),
        pytest.param("  'id': C-OTHER\n", 6, 3, id="quoted"),
        pytest.param("  more: {a: 1, b: 2, a: 3}\n", 6, 22, id="flow"),
        pytest.param(f"  more: {{{COMPOSED}: 1, {DECOMPOSED}: 2}}\n", 6, 19, id="NFD"),
    ],
)
def test_018_a_key_that_stands_twice(refused, text, line, column):
    """Both places are told."""
    found, result, _ = refused("", text)

    assert found == [("PV118", line, column)]
    told = next(each for each in result.findings if each.code == "PV118")
    assert re.search(r"got it at [36]:\d+ too$", told.message)


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        pytest.param("&here a text", {"PV114"}, id="anchor"),
        pytest.param("*nowhere", {"PV115"}, id="undefined alias"),
        pytest.param("&loop [*loop]", {"PV114", "PV115"}, id="itself"),
        pytest.param("{a: &one 1, b: &one 2, c: *one}", {"PV114", "PV115"}, id="anchored twice"),
    ],
)
def test_019_anchors_and_aliases(refused, value, codes):
    """One text is written in one place."""
    found, _, _ = refused(value)

    assert {code for code, _, _ in found} == codes


@pytest.mark.parametrize("word", ["alias", "merge"])
def test_020_a_bomb_is_refused_before_it_grows(refused, word):
    """A thousand million values from nine lines, by aliases or by merge keys."""
    levels = "".join(
        f"  b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 10)}]\n"
        if word == "alias"
        else f"  b{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 10)}]}}\n"
        for n in range(1, 10)
    )
    first = "  b0: &b0 [x, x]\n" if word == "alias" else "  b0: &b0 {x: 1}\n"

    found, _, took = refused("", first + levels)

    assert {code for code, _, _ in found} >= {"PV114", "PV115"}
    assert took < 1


@pytest.mark.parametrize("depth", [40, 500, 30_000])
@pytest.mark.parametrize("form", ["flow", "block", "open"])
def test_021_deep_nesting_is_refused(refused, depth, form):
    """At any depth, closed or not, in no time."""
    value = {
        "flow": "[" * depth + "]" * depth,
        "open": "{a: " * depth,
        "block": "\n" + "".join(f"{' ' * (n % 900 + 4)}- x{n}:\n" for n in range(min(depth, 800))),
    }[form]

    found, _, took = refused(value)

    assert found[0][0] in {"PV122", "PV125", "PV110", "PV121"}
    assert took < 1


def test_021_deep_nesting_is_refused_on_a_small_stack():
    """A thread of 256 KiB has room for what reading needs."""
    told = []

    def read():
        with pytest.raises(ContractError) as error:
            Document.parse(b"a: " + b"[" * 30_000, "c.yaml")
        told.extend(each.code for each in error.value.findings)

    before = threading.stack_size(256 << 10)
    try:
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert "PV122" in told


def test_022_a_merge_key_brings_no_status(refused):
    """What stands elsewhere is not what this block says."""
    found, _, _ = refused("", "  <<: {status: DISCHARGED}\n")

    assert ("PV116", 6, 3) in found


TAGS = (
    "!!python/object/apply:os.system [true]", "!!python/name:os.system x", "!local x", "!!binary aGk=", "!!set {a}",
    "!!int abc", '!!int ""', "!!bool x", "!!float x", "!!timestamp x", "!<tag:example.org,2026:x> x", "! x",
)  # fmt: skip


@pytest.mark.parametrize("value", TAGS)
def test_023_a_tag_is_refused_whatever_it_says(refused, value):
    """Nothing is made from it, so nothing can go wrong while it is made."""
    found, _, _ = refused(value)

    assert found[0] == ("PV117", 6, 16)


@pytest.mark.parametrize("key", ["1", "null", "true", "2026-01-01", ".nan", "{a: 1}", "[a]", "? [a, b]\n   "])
def test_024_a_key_is_a_text(refused, key):
    """Numbers, dates, truth values and collections are none."""
    found, _, _ = refused("", f"  more: {{{key}: 1}}\n" if not key.startswith("?") else f"  more:\n    {key} : 1\n")

    assert found[0][0] in {"PV119", "PV120", "PV130", "PV131", "PV132", "PV110"}


@pytest.mark.parametrize(
    ("value", "code"),
    [(word, "PV131") for word in ("no", "on", "Yes", "OFF")]
    + [(word, "PV130") for word in ("010", "0x1F", "0b1", "1_000", "1:30", "+012")]
    + [(word, "PV132") for word in (".inf", "-.INF", ".nan")],
)
def test_025_words_that_versions_of_yaml_read_differently(refused, value, code):
    """Where a number or a truth value may stand, the writer says which one is meant."""
    found, result, _ = refused("", f"  more: {value}\n")

    assert found == [(code, 6, 9)]
    assert any("quote" in each.hint or "write" in each.hint for each in result.findings if each.code == code)


@pytest.mark.parametrize("value", ["no", "2026-01-01", "2026-13-45", "=", "1.10"])
def test_025_where_a_text_is_wanted_a_text_is_read(value):
    """A description may be any word: it is what was written."""
    loaded = loading.load(WITH.replace("a contract", value).encode(), "c.yaml")

    assert [each.code for each in loaded.findings if each.code.startswith("PV13") and value not in {"no", "1.10"}] == []


NUMBERS = [("1e-6", 1e-6), ("1E5", 1e5), ("1.0e-6", 1e-6), ("-0.0", -0.0), ("1.5", 1.5), (".5", 0.5)]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_026_a_number_is_the_same_for_every_reader(text, number):
    """Those that YAML 1.1 takes for texts too: the loader and the tree agree, to the sign of zero."""
    loaded = loading.load(WITH.replace("layers: 0-3", f"layers: {text}").encode(), "c.yaml")

    if loaded.contract is None:
        assert [each.code for each in loaded.findings] == ["PV130"]
        return
    value = loaded.contract.falsifiers[0].parameters["layers"]
    assert repr(float(value)) == repr(number)


@pytest.mark.parametrize("value", ["9" * 19, "9" * 4_301, "1" * 20_000, "1.0e+400", "1.0e-400"])
def test_027_numbers_that_no_double_holds(refused, value):
    """Neither rounded to infinity nor to zero."""
    found, _, took = refused("", f"  more: {value}\n")

    assert [each[0] for each in found] == ["PV133" if "e" in value else "PV134"]
    assert took < 1


def test_028_keys_with_one_hash_cost_nothing(refused):
    """Keys are texts, whose hashes nobody can choose; as numbers they are refused."""
    modulus = (1 << 61) - 1
    keys = ", ".join(f"{modulus * n}: {n}" for n in range(1, 4_000))

    found, _, took = refused("", f"  more: {{{keys}}}\n")

    assert {code for code, _, _ in found} <= {"PV120", "PV134"}
    assert took < 2


def test_029_a_version_that_is_a_number(project):
    """1.10 would be 1.1."""
    project.contract(CONTRACT.replace("version: 1.2.3", "version: 1.10"))

    result = project.run("validate", "--no-cache")

    assert result.status == 1
    first = result.findings[0]
    assert (first.code, first.line, first.column) == ("PV203", 4, 12)


def test_030_no_mutation_of_a_contract_ends_in_anything_else(checkout):
    """Seeded; PVCHECK_MUTATIONS says how many. Each is read or refused, and quickly."""
    seeds = [path.read_bytes() for path in sorted((checkout / "contracts").glob("*.yaml"))] + [CONTRACT.encode()]
    pieces = [b"\t", b"&a ", b"*a", b"!!x ", b"[", b"}", b"- ", b": ", b"\x00", b"\xff", b"'", b'"', b"\n", b"<<: "]
    drawn = random.Random(30)  # noqa: S311 - the same mutations in every run
    slowest = 0.0
    for _ in range(MUTATIONS):
        data = bytearray(drawn.choice(seeds[-1:] * 9 + seeds))
        for _ in range(drawn.randint(1, 4)):
            at = drawn.randrange(len(data))
            data[at : at + drawn.choice((0, 1, 7))] = drawn.choice(pieces)
        began = time.process_time()
        with suppress(ContractError):
            loading.load(bytes(data), "c.yaml")
        slowest = max(slowest, time.process_time() - began)
    assert slowest < 0.1 * (1 if sys.gettrace() is None else 10)


ROUTES = [("metadata", "version"), ("falsification_tests", 0, "status"), ("implementation_stages", 0, "status")]


VALUES = ["1.2.4", "PENDING", "a text: with # signs", "'quoted'", "\u00e9", "no"]


@given(st.sampled_from(ROUTES), st.sampled_from(VALUES))
def test_031_an_edit_changes_what_it_edits_and_nothing_else(route, value):
    """Law: reading again gives the same tree but for the value."""
    document = Document.parse(CONTRACT.encode(), "c.yaml")
    before = dict(_texts(document))

    after = dict(_texts(splice(document, [SetScalar(route, value)])))

    assert after == before | {route: value}


def _texts(document):
    """Yield every text of a document with its route, in order."""
    return ((route, node.text) for route, node in document.nodes() if isinstance(node, Scalar))


def test_031_a_reader_in_another_process_agrees():
    """Whatever PyYAML makes of an edited text, the words that were set are there."""
    document = Document.parse(CONTRACT.encode(), "c.yaml")
    after = splice(document, [SetScalar(("metadata", "version"), "1.2.4")])
    code = "import sys, yaml; print(yaml.safe_load(sys.stdin.buffer)['metadata']['version'])"

    done = subprocess.run(
        [sys.executable, "-c", code], input=after.data, capture_output=True, env=untraced(), check=True
    )

    assert done.stdout == b"1.2.4\n"
