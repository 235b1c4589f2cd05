"""The page as bytes: what it tells of each state, what it never lets look earned, and that it needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report.shelves import TEXT, details, metrics

from pvcheck.domain.metric import MetricType
from pvcheck.domain.teeth import State, Trial
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric
from pvcheck.pipeline import gathering
from pvcheck.report import tally
from pvcheck.report.html import page
from pvcheck.report.html.detail import STEPS

HOSTILE = "</p><script>alert(1)</script><img src=x onerror='alert(2)'> \u202egnp.exe \x07"
VOID = {"meta", "link", "br", "input", "path", "rect"}
UNCLOSED = {"p", "li", "dt", "dd", "td", "th", "tr", "body", "html", "head"}


class Tree(HTMLParser):
    """Reads a page as a browser does, and notes tags that are not closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.tags, self.words, self.ids, self.links, self.text = [], [], [], {}, [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note a tag and its attributes."""
        self.tags.append(tag)
        for name, value in attrs:
            self.words.setdefault(name, set()).add(value)
            self.ids += [value] if name == "id" else []
            self.links += [value] if name == "href" else []
        if tag not in VOID | UNCLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Note a tag that closes another one than it should."""
        if tag in VOID | UNCLOSED:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        """Note text."""
        self.text += data


def gathered(shelf):
    """Return what a page of all contracts of a project is made of."""
    return gathering.gather(Path("contracts").glob("*.yaml")) if shelf else ()


def made(shelf, limit=page.LIMIT):
    """Return the page of a project."""
    return page.text(gathered(shelf), limit)


def part(text, fragment):
    """Return the section of one contract, or the part of one falsifier."""
    start = re.search(rf"<(section|article)[^>]* id={re.escape(fragment)}>", text)
    return text[start.start() :].partition(f"</{start[1]}>")[0]


def test_the_same_input_makes_the_same_bytes(everything):
    """No time and no host but those of the data."""
    assert made(everything) == made(everything)


def test_nothing_but_the_page_is_needed(everything):
    """The policy forbids all but the one style and the one script, by their digests; no address stands in it."""
    text = made(everything)
    style, script = (re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1] for tag in ("style", "script"))
    policy = re.search(r'Content-Security-Policy content="([^"]*)"', text)[1]

    assert policy.split("; ") == [
        "default-src 'none'",
        *(
            f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
            for kind, inside in (("style", style), ("script", script))
        ),
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(| src=| style=", text)


def test_the_page_is_well_formed(everything):
    """Tags close in order, fragments are there once, and every link leads to one."""
    everything.challenge("FOUGHT")
    tree = Tree(made(everything))

    assert tree.wrong == tree.open == []
    assert len(set(tree.ids)) == len(tree.ids)
    assert {each[1:] for each in tree.links if each.startswith("#")} <= set(tree.ids)


def test_every_contract_has_a_row_and_a_part(everything):
    """A row a contract, a part a contract, a part a falsifier, and the denominators of all of them."""
    text = made(everything)
    found = gathered(everything)

    assert text.count("<tr><th scope=row>") == len(found) == 7
    assert text.count("<section class=contract id=") == 7
    assert text.count("<article id=") == 12
    assert tally.of_fleet([each.checked for each in found]) in text


@pytest.mark.parametrize(
    ("fragment", "shown"),
    [
        ("F-SOUND-1", '<b class="k d">discharged</b>'),
        ("F-REFUTED-1", '<b class="k f">falsified</b>'),
        ("F-STALE-1", '<b class="k s">stale: “DISCHARGED”</b>'),
        ("F-TYPED-1", '<b class="k s">stale: “DISCHARGED”</b>'),
        ("F-PENDING-1", '<b class="k p">pending</b>'),
        ("F-PENDING-2", '<b class="k u">unbound, proposed</b>'),
        ("F-UPSTREAM-1", '<b class="k c">claimed: “DISCHARGED”</b>'),
    ],
)
def test_a_standing_looks_like_what_it_is(everything, fragment, shown):
    """What is not earned is quoted, and has neither the class nor the sign of what is."""
    head = part(made(everything), fragment).partition("</h3>")[0]

    assert shown in head
    assert head.count('class="k') == 1


@pytest.mark.parametrize("status", ["DISCHARGED", "FALSIFIED"])
def test_a_contract_that_is_not_sound_never_looks_earned(shelf, status):
    """The word of a contract or of a stage about itself is quoted where something speaks against it."""
    stage = f"implementation_stages:\n- {{id: M-1, expected_acceptance: [F-NAME-1], status: {status}}}\n"
    text = TEXT.replace("status: ACTIVE", f"status: {status}") + stage
    shelf.put("A", text)
    shelf.put("B", text.replace("  schema: 1\n", ""))

    shown = made(shelf)

    assert f"not supported: “{status}”" in part(shown, "C-A")
    assert f"<th>M-1<td>“{status}”" in part(shown, "C-A")
    assert f"claimed: “{status}”" in part(shown, "C-B")
    assert not re.search('class="k [df]"', shown.replace(re.search("<ul class=tiles>.*?</ul>", shown)[0], ""))


def test_a_sound_contract_shows_its_word(shelf):
    """Contract and stages that follow from their falsifiers look earned."""
    stage = "implementation_stages:\n- {id: M-1, expected_acceptance: [F-NAME-1], status: DISCHARGED}\n"
    shelf.earn("A", TEXT.replace("status: ACTIVE", "status: DISCHARGED") + stage)

    shown = part(made(shelf), "C-A")

    assert '<b class="k d">discharged</b></h2>' in shown
    assert '<th>M-1<td><b class="k d">discharged</b>' in shown


def test_a_falsifier_tells_its_claim_and_its_numbers(shelf):
    """Prose, evaluator, parameters, each bound with number, margin and verdict, guards with reasons, evidence."""
    shelf.earn("A")

    shown = part(made(shelf), "F-A-1")

    assert "<dt>rule<dd>growth is bounded<dt>prediction<dd>it stays below 18<dt>if fails<dd>the paths drift" in shown
    assert "<dt>with<dd><code>layers: &quot;0-3&quot;</code>" in shown
    assert "<tr><th>growth<td>&lt; 18<td>8<td>10<td class=d>held" in shown
    assert (
        "<tr><th>steps <span class=w>ulp</span><td>all &lt; 0.5<td>0.01 to 0.08 (4)<td>0.42<td class=st>held, leaning"
        in shown
    )
    assert "accepted: “the sum of layer 2 is known to cancel”" in shown
    assert "<b>carry</b> PV604 less than 10 %" in shown
    assert "made<dd>2026-11-22T00:00:00+00:00, 0.1 s on here" in shown
    assert "Left out: 1 part<ul><li>layer 9: it is not there" in shown


def test_a_record_is_drawn(shelf):
    """The quantity, its condition number and backward error beside it, growth that is not cumulative, and carry."""
    shelf.earn("A")

    shown = part(made(shelf), "F-A-1")

    assert re.findall("<figcaption><b>(.*?)</b>", shown) == [
        "steps by layer",
        "condition number of steps by layer",
        "backward error of steps by layer",
        "growth: steps over steps of layer 0, by layer",
        "carry: share of a change that reaches the next step",
    ]
    assert "◇ ill-conditioned: layer 2" in shown
    assert "steps [ulp], log scale" in shown
    assert "bound all &lt; 0.5" in shown
    assert "limit 1000" in shown
    assert "not cumulative: 3 of 3 transitions start anew" in shown
    assert "<th>layer 2<td>0.04<td>2000<td>0.0003<td>◇ ill-conditioned" in shown


def test_a_record_without_conditions_says_so(shelf):
    """Nobody takes the silence of an evaluator for a well-conditioned sum."""
    shelf.earn("A", details=details(conditions=(), links=[], ratios=[]))

    shown = part(made(shelf), "F-A-1")

    assert "Neither condition numbers nor backward errors were recorded." in shown
    assert shown.count("<figure>") == 1


def test_numbers_that_support_no_verdict_say_so(shelf):
    """A bound that leans on marked numbers decides nothing, and no cell says that it was held."""
    path = shelf.earn("A")
    path.write_text(re.sub(r"  accept: .*\n", "", path.read_text()))

    shown = part(made(shelf), "F-A-1")

    assert "These numbers support no verdict. conditioning: the bound all &lt; 0.5 of steps leans on layer 2" in shown
    assert shown.count("class=st>no verdict") == 2
    assert "class=d>held" not in shown


def test_a_stale_number_is_no_green_one(shelf):
    """A claim that changed since: the recorded number is there, and its verdict is called stale."""
    path = shelf.earn("A")
    path.write_text(path.read_text().replace("layers: 0-3", "layers: 0-4").replace("growth: < 18", "growth: < 19"))

    shown = part(made(shelf), "F-A-1")

    assert "do not support the status of today" in shown
    assert "<td class=st>held, stale" in shown
    assert "Judged under other bounds when it was made: growth &lt; 18.0." in shown
    assert "error PV406" in shown


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (metrics(math.nan), "<td>NaN<td>-<td class=st>no verdict"),
        (metrics(math.inf), "<td>∞<td>-∞<td class=st>no verdict"),
        (metrics(steps=(math.nan, math.inf, -math.inf, 0.1)), "<td>0.1 to 0.1 (4, 3 not finite)<td>-<td"),
        (metrics(steps=(0.0, 0.0, 0.0, 0.0)), "<td>0 to 0 (4)"),
    ],
    ids=["nan", "infinite", "series", "zeros"],
)
def test_numbers_that_are_not_finite_are_words(shelf, found, shown):
    """Nothing breaks on them, and no plot draws them where a number would be."""
    shelf.earn("A", status="FALSIFIED", measured=found)

    text = made(shelf)

    assert shown in text
    assert not re.search(r' d="[^"]*(nan|inf)', text)


def test_hostile_text_is_text(shelf):
    """Whatever a contract and a record say in any place, the page has no script but its own."""
    text = TEXT.replace("growth is bounded", repr(HOSTILE[:-2])).replace("what it is about", "<b>bold</b>")
    text = text.replace("layers: 0-3", 'layers: "\'><script>"').replace("the first measurement", "'<i>x</i>'")
    bad = details() | {
        "labels": ["<i>", "\u202e", "x" * 5000, '"'],
        "skipped": [{"what": "<u>", "reason": "</details>"}],
    }
    bad["ratios"][0] |= {"denominator": "<script>", "numerator": "<b>"}
    made_by = {"evaluator": "<x>", "libraries": {"<script>": "</script>"}, "processor": ["<hr>"], "device": HOSTILE}
    made_at = {"host": HOSTILE, "started": "<time>", "seconds": math.inf and 1.0}
    shelf.earn("A", text.replace("\u202e", "").replace("\\u202e", ""), details=bad, made_by=made_by, made_at=made_at)

    tree = Tree(made(shelf))

    assert tree.tags.count("script") == 1
    assert tree.wrong == []
    assert not {each for each in tree.words if each.startswith("on")}
    assert not {"img", "i", "u", "hr", "time"} & set(tree.tags)
    assert "\u202e" not in tree.text
    assert "gnp.exe" in tree.text


def test_a_name_of_a_megabyte_makes_no_page_of_a_megabyte(shelf):
    """Names, prose and labels are cut; the file itself has all of them."""
    shelf.earn("A", details=details(labels=["x" * 100_000] * 4))
    shelf.put("B", TEXT.replace("what it is about", "y" * 60_000).replace("growth is bounded", "z " * 30_000))

    assert len(made(shelf)) < 100_000


def test_a_broken_contract_is_there_with_its_findings(everything):
    """What nobody could read is on the page, and says why."""
    shown = part(made(everything), "broken")

    assert "The contract cannot be read." in shown
    assert re.search(r"error PV\d{3}</b> line 2, column 1", shown)


def test_a_challenge_is_a_matrix(shelf):
    """Faults against bounds in signs and in words, with the score, the demand and what was not challenged."""
    shelf.challenge("A")

    shown = part(made(shelf), "C-A")

    assert "1 falsifier challenged, 5 faults: 3 moved a measurement" in shown
    assert "At least 0.5 is demanded." in shown
    assert "<title>Challenge of F-A-1</title>" in shown
    assert "<th>shifted<td>not applicable: the fault moves nothing here" in shown
    assert "<th>dropped<td>not applicable: the fault was not planted" in shown
    assert "<th>lost<td>no verdict left to any bound" in shown
    assert "F-9: no teacher: it is not there" in shown


def test_a_challenge_of_other_claims_says_so(shelf):
    """The record is about the contract of then."""
    path = shelf.challenge("A")
    path.write_text(path.read_text().replace("layers: 0-3", "layers: 0-4"))

    assert "The record is not about the contract of today." in part(made(shelf), "C-A")


def test_a_challenge_without_a_record_says_so(shelf):
    """A demand is no score."""
    shelf.challenge("A", is_there=False)

    assert "There is no sound record of a challenge. At least 0.5 is demanded." in part(made(shelf), "C-A")


def test_the_history_is_a_matrix_and_words(shelf):
    """Status by version as amendments tell it, today as evidence supports it."""
    path = shelf.earn("A")
    path.write_text(path.read_text().replace("growth: < 18", "growth: < 7"))

    shown = part(made(shelf), "C-A")

    assert "<title>Status over versions</title>" in shown
    assert "<tr><th>falsifier<th>1.0.0<th>1.1.0<th>today" in shown
    assert "<tr><th>F-A-1<td>pending<td>discharged, as an amendment says<td>stale: not supported today" in shown
    assert "<tr><th>F-A-2<td>-<td>-<td>unbound" in shown
    assert "<b>1.1.0</b> 2026-11-22<br><bdi>the first measurement</bdi><ul><li>F-A-1: PENDING → DISCHARGED" in shown


def test_a_page_of_one_contract_has_no_way_back(shelf):
    """There is nothing to go back to."""
    shelf.put("A")

    assert "<body class=one" in made(shelf)


def test_a_large_fleet_is_told_in_less(everything):
    """Each step is smaller than the one before, says what it leaves out, and loses no contract and no standing."""
    found = gathered(everything)
    whole, least = page.text(found), page.text(found, 0)
    middle = page.text(found, len(whole.encode()) - 1)

    assert len(whole) > len(middle) > len(least)
    assert "leaves out" not in whole
    assert f"leaves out {STEPS[1].left_out}" in middle
    assert f"leaves out {STEPS[-1].left_out}" in least
    assert re.findall("<h3><bdi>F.*?</h3>", least) == re.findall("<h3><bdi>F.*?</h3>", whole)
    assert re.findall("<table class=u>.*?</table>", least) == re.findall("<table class=u>.*?</table>", whole)


def test_a_contract_tells_what_it_stands_on(shelf):
    """Inputs with declared digests, other contracts, keys that nobody understood, and a line a falsifier."""
    more = "".join(f"- {{id: F-NAME-{each}, rule: r, if_fails: x, status: PENDING}}\n" for each in (3, 4))
    text = TEXT.replace("amendments:", more + "amendments:").replace(
        "status: ACTIVE", "status: ACTIVE\n  depends_on: [C-B]"
    )
    text = text.replace(
        "falsification_tests:", "odd_block: {a: 1}\ninputs:\n  model: {format: gguf, path: m.bin}\nfalsification_tests:"
    )
    shelf.put("A", text)

    shown = part(made(shelf), "C-A")

    assert "Stands on C-B." in shown
    assert "Not understood: <code>odd_block</code>." in shown
    assert "<tr><th>model<td>gguf<td><code>m.bin</code><td><code class=h>-</code><td>no" in shown
    assert '<li><a href=#F-A-4>F-A-4</a> <b class="k u">unbound, pending</b>' in shown


def test_evidence_tells_what_was_read_by_what(shelf):
    """Digests of the whole file and of what was read, a digest that is not the declared one, device, seed, setup."""
    text = TEXT.replace("layers: 0-3", "layers: 0-3, model: model").replace(
        "falsification_tests:",
        f"inputs:\n  model: {{format: gguf, path: m.bin, sha256: {'a' * 64}}}\nfalsification_tests:",
    )
    read = {"model": {"size": 10, "ranges": [[0, 4], [6, 2]], "read_sha256": "b" * 64, "sha256": "c" * 64}}
    made_by = {"evaluator": "probe", "backend": "cuda", "device": "a GPU", "seed": 3, "libraries": {"numpy": "2"}}
    made_at = {"judged_again": f"sha256:{'d' * 64}"}
    shelf.earn("A", text, inputs=read, made_by=made_by, made_at=made_at)

    whole = made(shelf)
    shown = part(whole, "F-A-1")

    assert "<tr><th>model<td>6 of 10 bytes, 2 ranges" in shown
    assert f"{'c' * 64}</code> declared: <code class=h>{'a' * 64}" in shown
    assert f"<td><code class=h>{'b' * 64}</code>" in shown
    assert "probe, cuda, a GPU, <a href=#setup-1>setup 1</a>" in shown
    assert "<dt>seed<dd>3<dt>judged again from<dd>" in shown
    assert "made<dd>at no recorded time on no named host" in shown
    assert "<li id=setup-1>an unnamed processor; numpy 2" in whole


def test_every_metric_of_a_record_is_told_to_the_bit(shelf):
    """Also those that no bound is put on."""
    shelf.earn("A")

    shown = part(made(shelf), "F-A-1")

    assert "<tr><th>count<td>4<td>count" in shown
    assert "<tr><th>growth<td>8.0 (0x4020000000000000)<td>" in shown
    assert "<tr><th>steps<td>0.01, 0.02, 0.04, 0.08 (4)<td>ulp" in shown


def test_bits_items_and_flags_are_shown_as_they_are_bounded(shelf):
    """A bound on bits shows bits, one on an item the item, one on what is not there says so."""
    text = TEXT.replace("    growth: < 18\n", "    growth: == 0x4020000000000000\n    same: is true\n    gone: < 1\n")
    text = text.replace("steps: all < 0.5", "steps: ['[1] == 0.02', '[9] < 1', 'count(< 1) >= 4']")
    found = metrics() | {"same": Metric(MetricType.BOOL, value=True)}
    shelf.earn("A", text, status="FALSIFIED", measured=found, details=details(conditions=()))

    shown = part(made(shelf), "F-A-1")

    assert "<th>growth<td>== 0x4020000000000000<td>8.0 (0x4020000000000000)<td>-<td class=d>held" in shown
    assert "<td>[1] == 0.02<td>0.02<td>0<td class=d>held" in shown
    assert "<td>[9] &lt; 1<td>(0)<td>-<td class=f>refuted" in shown
    assert "<th>same<td>is true<td>true<td>-<td class=d>held" in shown
    assert "<th>gone<td>&lt; 1<td>not reported<td>-<td class=f>refuted" in shown


def test_a_falsifier_that_expects_nothing_says_so(shelf):
    """Nothing could be refuted."""
    shelf.put("A", re.sub(r"  expect:\n(    .*\n)+", "", TEXT))

    assert "No bound: nothing could be refuted." in part(made(shelf), "F-A-1")


def test_lost_evidence_is_named(shelf):
    """The reference is there, and supports nothing."""
    path = shelf.earn("A")
    for each in store.references(path):
        store.path_of(path, each).unlink()

    assert "which supports nothing." in part(made(shelf), "F-A-1")


def test_details_of_another_form_are_told(shelf):
    """No guard could look at them."""
    shelf.earn("A", details={"labels": [1]})

    assert "cannot be read, so no guard can look at it" in part(made(shelf), "F-A-1")


def test_a_challenge_that_moves_nothing_has_no_score(shelf):
    """No fault seen is not every fault caught."""
    shelf.challenge("A", trials=(Trial("dropped", State.NOT_PLANTED),))

    assert "none moved a measurement, so there is no score." in part(made(shelf), "C-A")


def test_a_contract_without_falsifiers_has_no_shares(shelf):
    """Nothing is divided by nothing."""
    shelf.put("A", re.sub(r"falsification_tests:.*?(?=amendments)", "falsification_tests: []\n", TEXT, flags=re.DOTALL))

    text = made(shelf)

    assert "0 of 0 bound" in text
    assert "class=tiles" not in text


@pytest.mark.parametrize("steps", [(0.1,) * 3, ()], ids=["another length", "none"])
def test_a_series_that_labels_do_not_fit_is_not_drawn(shelf, steps):
    """Nobody knows which number belongs to which layer."""
    shelf.earn(
        "A", measured=metrics(steps=steps), status="DISCHARGED", details=details(conditions=()) | {"labels": ["x"] * 4}
    )

    assert "<figcaption><b>steps" not in made(shelf)
