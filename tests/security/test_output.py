"""Foreign text on its way out: of contracts, file names, settings, records, plugins and models, by every command.

Nothing of it moves a cursor, changes a colour, hides or reorders text, ends a line, or ends what a format quotes.
"""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pvcheck.cli.formats import MACHINES
from pvcheck.domain import canonical
from pvcheck.domain.digest import PREFIX, sha256

MOVING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f\ud800-\udfff]"
)
"""What a terminal obeys, an editor takes for the end of a line, and a reader does not see."""
BEGUN = re.compile(r"^(INJECTED|::|##\[|##vso\[|#[#{]? INJECTED)", re.MULTILINE)
PIECES = (
    *(
        "\x1b[2J",
        "\x1b]0;x\x07",
        "\x9b31m",
        "\x1b[8m",
        "\u202e",
        "\u2066",
        "\u200b",
        "\x08",
        "\x7f",
        "\x00",
        "\t",
        "\udcff",
    ),
    *("\u2028INJECTED", "\x85INJECTED", "\rINJECTED", "\nINJECTED", "\n::error::INJECTED", "\n##[error]INJECTED"),
    *(
        "\n# INJECTED",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](http://a.example)",
        "]]>",
        "-->",
    ),
    *('"', "'", "&", "`", "|", "%0A", "%s", "{0}", "{{7*7}}", "\\", "x" * 3000, "é", "\U0001f600"),
)
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
FORMS = ("full", "concise", *MACHINES)
COMMANDS = (
    *(["validate", "--format", form] for form in FORMS),
    ["validate", "--staged"],
    ["list"],
    ["status"],
    *(["graph", "--format", form] for form in ("text", "mermaid", "json")),
    ["changelog"],
    ["diff"],
    ["evidence", "verify"],
    ["evidence", "show", "F-1"],
    ["evidence", "export"],
)
NAMING = (
    lambda text: ["validate", f"{text}.yaml"],
    lambda text: ["validate", f"--against={text}"],
    lambda text: ["explain", text],
    lambda text: ["evidence", "show", text],
    lambda text: ["diff", f"{text}.yaml", "contracts/c.yaml"],
    lambda text: ["model", "show", text],
    lambda text: ["measure", text],
    lambda text: ["measure", "probe", f"{text}=1"],
    lambda text: ["run", "-k", text],
    lambda text: ["run", "--input", f"model={text}"],
    lambda text: ["apply", text],
    lambda text: [text],
)
"""Commands whose own words are foreign, as where a script passes on what it was given."""


class Tags(HTMLParser):
    """Collects the tags that a renderer of Markdown would pass on."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, _):
        """Note a tag."""
        self.found.add(tag)


def assert_harmless(out, form=""):
    """Assert that a text moves nothing, and is what its format says."""
    assert MOVING.search(out) is None, ascii(out[max(0, MOVING.search(out).start() - 80) :][:200])
    if form not in {"github", "junit"}:
        assert BEGUN.search(out) is None, ascii(out)
    if form in {"json", "sarif"}:
        json.loads(out)
    elif form == "junit":
        ET.fromstring(out)  # noqa: S314 - ours
    elif form == "markdown":
        tags = Tags()
        tags.feed(out)
        assert not tags.found & {"script", "img"}, out


def names(text):
    """Return a text as the name of a file, which can hold all but two characters."""
    return os.fsencode(text.replace("/", "_").replace("\x00", "_"))[:180].decode("utf-8", "surrogateescape")


def forged(project, text):
    """Put a record in the place of a sound one that is named by its digest, and full of foreign text."""
    (path,) = (project.root / "contracts" / "evidence" / "c").glob("*.json")
    told = canonical.loads(path.read_bytes())
    predicate = told["predicate"]
    told["subject"][-1]["name"] = text
    for part in ("made_by", "made_at"):
        for key, value in predicate[part].items():
            if isinstance(value, str):
                predicate[part][key] = text
    data = canonical.dumps(told)
    path.unlink()
    path.with_name(f"{sha256(data)}.json").write_bytes(data)
    project.edit(PREFIX + path.stem, PREFIX + sha256(data))


@pytest.fixture
def hostile(project, pv):
    """Return a way to fill a project with a text in every place that takes one."""
    assert pv("run", "--write")[0] == 0
    sound = project.contract.read_bytes()
    records = {path: path.read_bytes() for path in project.contract.parent.glob("evidence/*/*.json")}

    def fill(text):
        for each in project.contract.parent.rglob("*"):
            if each.is_file() and each.name != "model.bin":
                each.unlink()
        for path, data in records.items():
            path.write_bytes(data)
        project.contract.write_bytes(sound)
        quoted = json.dumps(text.encode("utf-8", "replace").decode())
        shown = json.dumps(re.sub(MOVING, "", text).replace("\n", " "))
        project.edit("rule: growth is bounded", f"rule: {shown}\n  prediction: {shown}\n  {shown[:200]}: 1")
        forged(project, text.encode("utf-8", "replace").decode())
        raw = project.contract.with_name(f"{names(text)}.yaml")
        raw.write_bytes(b"metadata: {version: 1.0.0, id: " + text.encode("utf-8", "surrogateescape") + b"}\n")
        project.contract.with_name("keys.yaml").write_text(
            f"metadata: {{version: 1.0.0, id: C-K, depends_on: [{quoted}]}}\n{quoted}: {quoted}\n"
            f"falsification_tests: []\ninputs: {{{quoted}: {{path: {quoted}}}}}\n"
        )
        project.contract.with_name("with.yaml").write_text(
            f"metadata: {{schema: 1, version: 1.0.0, id: {shown}, status: {shown}}}\ninputs: {{m: {{path: {shown}}}}}\n"
            f"falsification_tests:\n- id: {shown}\n  evaluator: {shown}\n  with: {{{shown}: {shown}}}\n"
            f"  expect: {{{shown}: {shown}}}\n"
        )
        (project.contract.parent / "evidence" / "c" / names(text)).write_text("")

    return project, fill


EVERYTHING = "".join(each for each in PIECES if len(each) < 1000)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_text_of_a_change_reaches_the_terminal_as_it_is(hostile, pv, words):
    """Whatever it is, wherever it stands."""
    project, fill = hostile

    @settings(max_examples=3, derandomize=True)
    @given(text=TEXTS)
    @example(text=EVERYTHING)
    @example(text=EVERYTHING.replace("\n", "").replace("\r", ""))
    def law(text):
        fill(text)
        os.system(f"cd '{project.root}' && git add -A")  # noqa: S605 - our own words

        status, out, err = pv(*words)

        assert status != 70
        assert_harmless(out, words[-1])
        assert_harmless(err)

    law()


@pytest.mark.parametrize("words", NAMING, ids=lambda words: " ".join(words("TEXT")))
@pytest.mark.parametrize("text", [EVERYTHING.replace("\x00", ""), "-" + EVERYTHING.replace("\x00", ""), "x" * 5000])
def test_no_word_of_a_command_line_is_told_as_it_is(project, pv, words, text):
    """A script passes on what it was given, and shows what comes back."""
    del project

    status, out, err = pv(*words(text))

    assert status not in {0, 70}
    assert_harmless(out)
    assert_harmless(err)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "told",
    [
        {"fail": EVERYTHING.replace("\udcff", "")},
        {"absent": EVERYTHING.replace("\udcff", "")},
        {
            "metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]},
            "notes": [EVERYTHING.replace("\udcff", "")],
        },
        {"metrics": {EVERYTHING.replace("\udcff", ""): 1.5}},
    ],
    ids=["fails", "is absent", "notes", "metrics"],
)
def test_no_text_of_an_evaluator_is_told_as_it_is(project, pv, form, told):
    """What it raises, why it cannot measure, what it notes, and what it calls a number."""
    project.measure(told)

    status, out, err = pv("run", "--format", form)

    assert status in {0, 3}
    assert_harmless(out, form)
    assert_harmless(err)


@pytest.mark.parametrize(
    "setting",
    [
        "{text} = 1",
        "evaluators = [{text}]",
        "contracts = [{text}]",
        "base = {text}",
        "inputs = {{{text} = {text}}}",
        "plugins = {{choose = {{{text} = {text}}}}}",
        '[[ignore]]\ncode = {text}\nreason = "x"',
        '[[ignore]]\ncode = "PV319"\nreason = {text}\nuntil = 2020-01-01\npaths = [{text}]\nid = {text}',
    ],
)
def test_no_text_of_settings_is_told_as_it_is(project, pv, setting):
    """Neither where they are refused nor where they are used."""
    text = json.dumps(EVERYTHING.replace("\udcff", "").replace("\x7f", "")).replace("\\u0000", "0")
    (project.root / "pv.toml").write_text(setting.format(text=text))

    for words in (["validate"], ["run"], ["validate", "--against"], ["plugins", "list"], ["status"]):
        status, out, err = pv(*words)

        assert status != 70
        assert_harmless(out)
        assert_harmless(err)
