"""Laws of the readers over inputs that are drawn by their structure, and over what one change makes of them."""

from __future__ import annotations

import json
import tomllib
from fractions import Fraction
from math import isfinite, isnan
from pathlib import Path
from random import Random

from fuzz.mutating import json_mutated
from fuzz.of_records import resealed
from fuzz.of_text import settings as read_settings
from fuzz.targets import SEEDS, TARGETS
from helpers import a_record
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.apr_fixtures import AprTensor, apr_bytes
from q4k.fixtures import gguf_bytes, info, opened

from pvcheck import writeback
from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.domain.version import Change, Version
from pvcheck.evidence import lines, record
from pvcheck.evidence.record import Metric, RecordError
from pvcheck.loading import contract as loading
from pvcheck.plugin import InputError
from pvcheck_q4k.apr_file import AprFile
from pvcheck_q4k.gguf_file import GgufFile

# -- updates: load(update(file)) differs only in the updated fields --

QUOTES = st.sampled_from(["{}", "'{}'", '"{}"'])
GAPS = st.sampled_from(["", "  # why", "\n  # a line of its own\n", "\n\n"])


@st.composite
def contracts(draw) -> bytes:
    """Draw a strict contract of one to three falsifiers, in some layout."""
    text = "metadata:\n  schema: 1\n  id: C-TEST\n"
    text += f"  version: {draw(QUOTES).format('1.2.3')}{draw(st.sampled_from(['', '  # ours']))}\n  status: ACTIVE\n"
    text += "falsification_tests:\n"
    count = draw(st.integers(1, 3))
    for number in range(count):
        status = draw(QUOTES).format(draw(st.sampled_from(["PENDING", "PROPOSED"])))
        text += f"- id: F-{number}\n  rule: it's bounded{draw(GAPS).rstrip() or ''}\n  evaluator: probe\n"
        text += f"  with: {{layers: {number}}}\n  expect: {{growth: < 18}}\n"
        text += f"  status: {status}{draw(st.sampled_from(['', '  # by hand']))}\n"
        text += draw(st.sampled_from(["", "  note: |\n    of several\n\n    lines\n", "# between\n"]))
    names = ", ".join(f"F-{number}" for number in range(count))
    text += f"implementation_stages:\n- {{id: M-1, expected_acceptance: [{names}], status: PENDING}}\n"
    text += f"ours: [1, {{a: b}}]{draw(st.sampled_from(['', ' # kept']))}\n"
    text += f"amendments: []{draw(st.sampled_from(['', '# none']))}"
    text += draw(st.sampled_from(["", "\n", "\n\n# the end\n"]))
    data = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))).encode()
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data


def fields(value, route=()):
    """Yield every value of a contract with its route; lists and tables are what is in them."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from fields(each, (*route, key))
    else:
        yield route, value


@given(data=contracts(), numbers=st.lists(st.sampled_from([None, 1.5, 18.0]), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_an_update_changes_what_it_says_and_nothing_else(tmp_path_factory, data, numbers):
    """Statuses and evidence of what was measured, statuses above, the version, one amendment; no other field."""
    path = tmp_path_factory.getbasetemp() / "none" / "c.yaml"
    before = loading.load(data, str(path))
    records = [
        a_record(before, {"growth": Metric(MetricType.F64, number)}, f"F-{at}", inputs={})
        for at, number in enumerate(numbers[: len(before.contract.falsifiers)])
        if number is not None
    ]
    update = writeback.decide(before.contract, path, records)
    if update.is_empty:
        return

    after = loading.load(writeback.edited(before.document, before.contract, update, "2026-11-23").data, str(path))

    old, new = dict(fields(before.instance)), dict(fields(after.instance))
    measured = {int(each.falsifier[2:]) for each in records}
    may = {("metadata", "version"), ("metadata", "status"), ("implementation_stages", 0, "status")}
    may |= {("falsification_tests", at, key) for at in measured for key in ("status", "evidence")}
    differs = {route for route in old.keys() | new.keys() if old.get(route) != new.get(route)}
    assert {route for route in differs if route[0] != "amendments"} <= may
    assert {("falsification_tests", at, "evidence") for at in measured} <= differs
    assert new["metadata", "version"] == "1.3.0"
    assert len(after.instance["amendments"]) == 1
    assert [each for each in after.findings if each.severity == "error"] == []


# -- bounds --

DIGITS = st.from_regex(r"[0-9]{1,4}(\.[0-9]{0,4})?(e-?[0-9]{1,2})?", fullmatch=True)
SIGNED = st.builds("{}{}".format, st.sampled_from(["", "-", "+"]), DIGITS)
SIGNS = {
    "<": Fraction.__lt__, "<=": Fraction.__le__, ">": Fraction.__gt__, ">=": Fraction.__ge__, "==": Fraction.__eq__,
    "!=": Fraction.__ne__,
}  # fmt: skip


@given(sign=st.sampled_from(sorted(SIGNS)), text=SIGNED, percent=st.booleans(), blank=st.sampled_from(["", " "]),
       number=st.floats() | SIGNED.map(float))  # fmt: skip
def test_a_comparison_is_that_of_the_numbers(sign, text, percent, blank, number):
    """Of the nearest double to what is spelled, rounded once, a percent sign or not; NaN satisfies nothing."""
    exact = Fraction(text) / (100 if percent else 1)
    limit = Fraction(float(exact))

    bound = bounds.parse(f"{sign}{blank}{text}{'%' * percent}")

    if isfinite(number):
        assert bound.accepts(number, MetricType.F64) == SIGNS[sign](Fraction(number), limit)
    else:
        infinite = {"<": number < 0, "<=": number < 0, ">": number > 0, ">=": number > 0, "!=": not isnan(number)}
        assert bound.accepts(number, MetricType.F64) == infinite.get(sign, False)


@given(st.lists(st.sampled_from(TARGETS["bounds"].words), max_size=6).map("".join))
@settings(max_examples=300)
def test_any_words_are_a_bound_or_are_told_how_to_be_one(text):
    """Words of the grammar in any order."""
    TARGETS["bounds"].call(text.encode())


@given(st.tuples(*[st.integers(0, 10**9 - 1)] * 3))
def test_a_version_is_its_three_numbers(numbers):
    """It is spelled in one way, and each next one stands above it."""
    found = Version.parse(".".join(map(str, numbers)))

    assert found == numbers
    assert found < found.after(Change.PATCH) < found.after(Change.MAJOR)


# -- records and results --


@given(st.sampled_from(["good-held", "good-refuted", "good-small"]), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_a_record_with_one_value_changed_is_another_record_or_none(name, seed):
    """Two texts in the form that pv writes are two records."""
    data = (SEEDS / "record" / name).read_bytes()
    changed = resealed(json_mutated(data, Random(seed)) or b"")

    TARGETS["record"].call(changed)

    try:
        found = record.parse(changed)
    except RecordError:
        return
    if lines.is_canonical(found, changed):
        assert (repr(found) == repr(record.parse(data))) == (changed == data)  # to Python 0 equals -0.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(["record", "challenge", "results", "answer", "catalogue", "signature"]), JSON)
@settings(max_examples=100, deadline=None)
def test_any_json_is_read_or_refused(name, told):
    """By every reader of JSON."""
    TARGETS[name].call(json.dumps(told).encode())


@given(st.sampled_from(["good-measured", "other-split", "other-parts"]), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_an_answer_with_one_value_changed_is_taken_or_refused(name, seed):
    """Nothing that a plugin can say ends the host."""
    data = (SEEDS / "answer" / name).read_bytes()

    TARGETS["answer"].call(json_mutated(data, Random(seed)) or b"")


# -- settings --

WORDS = st.sampled_from(["contracts", "evaluators", "timeout", "base", "challenge", "guards", "inputs", "plugins",
                         "signatures", "ignore", "other"])  # fmt: skip
INNER = st.sampled_from(
    ["min", "conditioning", "disable", "choose", "required", "keys", "code", "reason", "until", "x"]
)
VALUES = st.recursive(
    st.sampled_from(["1", "-1", "0.5", "1e400", "nan", "true", '""', '"x"', '"PV319"', "2027-01-31", "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.dictionaries(INNER, inner, max_size=3).map(
            lambda table: f"{{{', '.join(f'{key} = {value}' for key, value in table.items())}}}"
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_settings_hold_or_are_refused(table):
    """What is TOML and of no known form is refused with its name."""
    text = "".join(f"{key} = {value}\n" for key, value in table.items())
    tomllib.loads(text)

    read_settings(text.encode())


# -- model files --

SHAPES = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(lambda shape: [8, *shape])


@given(shapes=st.lists(SHAPES, min_size=1, max_size=4), cut=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None)
def test_a_model_that_is_cut_is_refused_and_a_whole_one_is_not(shapes, cut):
    """GGUF and APR: whatever tensors a file has, no beginning of it is a file."""
    infos, data = [], b""
    for number, shape in enumerate(shapes):
        count = 4
        for each in shape:
            count *= each
        infos.append(info(f"t{number}", tuple(shape), 0, len(data)))  # of f32: no padding is needed behind it
        data += bytes(count)
    tensors = [
        AprTensor(name=f"t{at}", dims=(*each, 256), data=bytes(size(each)), kind="Q4_K")
        for at, each in enumerate(shapes)
    ]

    for whole, reader in ((gguf_bytes((), infos, data), GgufFile), (apr_bytes(tensors), AprFile)):
        with opened(whole) as source:
            assert list(reader.open(source).tensors) == [f"t{at}" for at in range(len(shapes))]
        with opened(whole[: int(len(whole) * cut)]) as source:
            assert refuses(reader, source)


def size(shape):
    """Return the bytes of a tensor of rows of one super-block."""
    count = 144
    for each in shape:
        count *= each
    return count


def refuses(reader, source):
    """Say whether a reader refuses a file."""
    try:
        reader.open(source)
    except InputError:
        return True
    return False


def test_the_seeds_lie_where_the_laws_look():
    """A law over a seed that is not there would be one over nothing."""
    assert Path(SEEDS / "record" / "good-held").is_file()
