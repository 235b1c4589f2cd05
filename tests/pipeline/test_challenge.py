"""Challenging a contract: what faults do, what is kept of it, when it is refused, and that it repeats."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest
from biting import CONTRACT, FAULTS
from helpers import untraced

VERDICT = "1 falsifier challenged of 2 (1 unbound), 3 faults planted, 2 moved a measurement, 1 caught: score 0.5\n"
SECOND = CONTRACT.replace(
    "- id: F-2\n",
    "- id: F-3\n  evaluator: biter\n  with: {model: model, layers: 0-4}\n  expect: {count: == 4}\n- id: F-2\n",
)


def last(out):
    """Return the last line."""
    return out.rstrip("\n").split("\n")[-1]


def rows(out):
    """Return what became of the falsifier under each fault."""
    return dict(re.findall(r"^ {6}(mixed|swapped|dropped|shifted) *(?:  [Cm.!-])+   (.*)$", out, re.MULTILINE))


def test_faults_are_planted_and_nothing_is_changed(arena, pv):
    """Missed, caught, not planted and without effect; each bound with what it lets pass."""
    before = arena.state()

    status, out, err = pv("challenge")

    assert (status, err) == (0, "")
    assert rows(out) == {
        "mixed": "MISSED",
        "swapped": "caught",
        "dropped": "not planted",
        "shifted": "changes nothing",
    }
    assert "growth < 10% misses 1 of 2 (mixed): try < 0.3% (margin 0.0022)\n" in out
    assert "count >= 4: nothing planted moves it: it cannot fail\n" in out
    assert last(out) + "\n" == VERDICT
    assert arena.state() == before


def test_the_suggestion_catches_what_was_missed(arena, pv):
    """Following the advice brings the score to one."""
    arena.edit("< 10%", "< 0.3%")

    status, out, _ = pv("challenge")

    assert status == 0
    assert rows(out)["mixed"] == "caught"
    assert last(out).endswith("2 moved a measurement, 2 caught: score 1")


def test_a_fault_in_a_metric_without_bound_is_missed(arena, pv):
    """It moved the measurement, and nobody looks there."""
    arena.plant({"mixed": {"same": False}})

    _, out, _ = pv("challenge")

    assert rows(out)["mixed"] == "MISSED"
    assert last(out).endswith("1 moved a measurement, 0 caught: score 0")


def test_a_metric_that_is_gone_is_a_move(arena, pv, biter):
    """Bounded or not: the measurement is another one; a bound on what is not there refuses."""
    heavy = biter / "biter_heavy.py"
    heavy.write_text(heavy.read_text().replace("if key in told}", "if told.get(key) is not None}"))
    arena.plant({"mixed": {"same": None}, "swapped": {"count": None}})

    _, out, _ = pv("challenge", "--write")

    assert (rows(out)["mixed"], rows(out)["swapped"]) == ("MISSED", "caught")
    assert pv("validate")[0] == 0


HOSTILE = {
    "raises": ({"fail": "out of luck"}, "caught: the evaluator fails"),
    "exits": ({"exit": 0}, "caught: the evaluator fails"),
    "dies": ({"die": 3}, "caught: the evaluator fails"),
    "wrong type": ({"wrong": [1]}, "caught: the evaluator fails"),
    "undeclared": ({"growth": 1}, "caught: the evaluator fails"),
    "nan": ({"growth": "nan"}, "caught: finite"),
    "infinity": ({"growth": "inf"}, "caught: finite"),
    "unlike populations": ({"right": 5}, "caught: population"),
}


@pytest.mark.parametrize(("effect", "word"), HOSTILE.values(), ids=HOSTILE)
def test_a_fault_that_ends_the_evaluation_is_caught_and_costs_the_others_nothing(arena, pv, effect, word):
    """No verdict could be green; the next fault meets a worker that works."""
    arena.plant({"mixed": effect, "swapped": FAULTS["swapped"]})

    status, out, _ = pv("challenge", "--write")

    assert status == 0
    assert (rows(out)["mixed"], rows(out)["swapped"]) == (word, "caught")
    how = "guard" if "fails" not in word else "error"
    article = "a" if how == "guard" else "an"
    assert last(out).endswith(f"2 moved a measurement, 2 caught (1 by {article} {how}): score 1")
    assert "      mixed    !  !  !  !   caught: " in out
    assert pv("validate")[0] == 0
    assert pv("challenge", "--check")[0] == 0


def test_a_fault_that_hangs_is_ended_at_the_limit_of_the_settings(arena, pv):
    """It costs its own seconds, and counts as caught."""
    arena.settings("timeout = 1\n")
    arena.plant({"mixed": {"hang": 600}, "swapped": FAULTS["swapped"]})
    began = time.monotonic()

    status, out, _ = pv("challenge", "--write")

    assert status == 0
    assert (rows(out)["mixed"], rows(out)["swapped"]) == ("caught: the evaluator fails", "caught")
    assert time.monotonic() - began < 30
    assert b"no answer within 1 s" in arena.records()[0].read_bytes()


def test_the_record_names_the_plugin_that_fails(arena, pv):
    """Whoever reads it knows whom to tell."""
    arena.plant({"mixed": {"fail": "out of luck"}})

    pv("challenge", "--write")

    assert (
        b"biter (plugin biter of biter-dist 1.0): raised RuntimeError: out of luck" in arena.records()[0].read_bytes()
    )


NOT_CHALLENGED = {
    "refuted": ({"growth": 0.5}, 1, "refuted", "refuted without any fault: growth < 0.1"),
    "invalid": ({"growth": "nan"}, 3, "invalid", "finite: growth has 1 of 1 numbers that are not finite"),
    "error": ({"fail": "no luck"}, 3, "error", "raised RuntimeError: no luck"),
    "not measured": ({"absent": "no device"}, 3, "not measured", "no device"),
}


@pytest.mark.parametrize(("clean", "code", "word", "reason"), NOT_CHALLENGED.values(), ids=NOT_CHALLENGED)
def test_what_does_not_hold_clean_is_not_challenged(arena, pv, clean, code, word, reason):
    """There is no green verdict that a fault could leave standing."""
    arena.plant(**clean)

    status, out, _ = pv("challenge")

    assert status == code
    assert f"  F-1  not challenged, {word}\n" in out
    assert reason in out
    assert last(out) == (
        f"0 falsifiers challenged of 2 (1 {word}, 1 unbound), 0 faults planted, none moved a measurement: no score"
    )


def test_a_measurement_that_does_not_repeat_is_not_challenged(arena, pv, tmp_path):
    """Every fault would seem to move it."""
    arena.edit("growth: < 10%", "growth: < 100")
    arena.plant(counter=str(tmp_path / "counter"))

    status, out, _ = pv("challenge")

    assert status == 3
    assert "      measured twice, it gives two answers, so nobody can say what a fault moves\n" in out


def test_a_missing_input_is_not_challenged_and_says_so(arena, pv):
    """As in a run: an input that is not optional asks for status 3."""
    arena.model.unlink()

    status, out, _ = pv("challenge")

    assert status == 3
    assert "      no model: contracts/model.bin is not there\n" in out


def test_an_evaluator_without_faults_is_counted(arena, pv):
    """It is no pass: nothing was shown of its bounds."""
    arena.edit("evaluator: biter", "evaluator: toothless")

    status, out, _ = pv("challenge")

    assert status == 4
    assert "      toothless declares no faults\n" in out
    assert "(1 without faults, 1 unbound)" in last(out)


def test_a_fault_that_the_worker_does_not_know_is_no_catch(arena, pv, biter):
    """What fails before anything is measured is not the fault's doing."""
    light = biter / "biter_light.py"
    light.write_text(
        light.read_text()
        .replace("FAULTS = tuple", "import sys\nFAULTS = tuple")
        .replace('"biter", FAULTS)', '"biter" if "pytest" in sys.modules else "gone", FAULTS)')
        .replace("    for name, faults in", "    FAULTS  # as this process sees them\n    for name, faults in")
    )
    arena.plant({"mixed": {"growth": 0.5}})

    status, out, _ = pv("challenge")

    assert status == 3
    assert "F-1  not challenged, error\n" in out


def test_an_input_that_changes_while_faults_are_planted_ends_it(arena, pv, biter):
    """The clean numbers and those under a fault would be of two files."""
    heavy = biter / "biter_heavy.py"
    heavy.write_text(
        heavy.read_text().replace(
            '    if "counter"',
            '    if context.fault == "swapped":\n        os.utime(source.path, ns=(1, 1))\n    if "counter"',
        )
    )

    status, out, _ = pv("challenge")

    assert status == 3
    assert "the input model changed while it was measured" in out


def test_selecting_and_overriding_are_those_of_a_run(arena, pv, tmp_path):
    """A part of the falsifiers, another file, and typos that must not look like success."""
    arena.contract.write_text(SECOND)
    arena.settings("challenge = {min = 0.9}\n")
    other = tmp_path / "other.bin"
    other.write_bytes(arena.model.read_bytes())

    part = pv("challenge", "-k", "f-3", "--input", f"model={other}")

    assert part[0] == 0  # the demand is on the whole contract
    assert "1 falsifier challenged of 3 (1 unbound, 1 not selected)" in part[1]
    assert pv("challenge", "-k", "F-9")[0] == 4
    assert pv("challenge", "--input", f"modell={other}")[0] == 2
    assert pv("challenge", "--input", "model")[0] == 2
    assert pv("challenge", "-k", "F-1", "--write")[0] == 2


def test_a_contract_that_cannot_run_is_told_and_not_challenged(arena, pv):
    """Its findings are those of validation."""
    arena.edit("growth: < 10%", "growth: around 10")

    status, out, _ = pv("challenge")

    assert status == 1
    assert "PV301 not a bound" in out


def test_a_contract_without_bound_falsifiers_is_empty(arena, pv):
    """Nothing was challenged, so a green answer would mean nothing."""
    arena.contract.write_text(re.sub(r"  evaluator: biter\n(  with.*\n)  expect:\n(    .*\n)*", "", CONTRACT))

    assert pv("challenge")[0] == 4


# what is kept


def test_the_record_is_kept_and_the_second_time_changes_no_byte(arena, pv):
    """Evidence, a reference to it, the amendment, a patch of the version; then nothing."""
    status, out, _ = pv("challenge", "--write")
    written = arena.state()
    again = pv("challenge", "--write")

    assert status == again[0] == 0
    assert "-  version: 1.2.3\n+  version: 1.2.4\n" in out
    assert "+challenge:\n+  evidence: sha256:" in out
    assert "+  summary: 1 of 2 planted faults that moved a measurement were caught\n" in out
    assert "+++" not in again[1]
    assert arena.state() == written
    assert len(arena.records()) == 1
    assert pv("validate")[:2] == (
        0,
        "1 contract, 2 falsifiers: 0 discharged, 0 falsified, 1 pending; 1 unbound; no errors\n",
    )


def test_the_diff_shows_the_new_words_and_nothing_else(arena, pv):
    """A block of the contract's own keeps its least score and gets the reference behind it."""
    arena.edit("\namendments: []", "challenge: {min: 0.5}   # half of them\n\namendments: []")
    before = arena.contract.read_text()

    pv("challenge", "--write")

    after = arena.contract.read_text()
    reference = f"sha256:{arena.records()[0].stem}"
    assert f"challenge: {{min: 0.5, evidence: {reference}}}   # half of them\n" in after
    kept = [line for line in after.splitlines() if line in before.splitlines()]
    assert len(kept) == len(before.splitlines()) - 3  # the version, the challenge, the empty list


def test_a_new_result_replaces_the_reference(arena, pv):
    """The old record stays where it was."""
    pv("challenge", "--write")
    arena.plant({"mixed": {"growth": 0.02}})

    status, out, _ = pv("challenge", "--write")

    assert status == 0
    assert len(arena.records()) == 2
    assert re.search(r"-  evidence: sha256:.*\n\+  evidence: sha256:", out)
    assert "+- version: 1.2.5\n" in out
    assert pv("validate")[0] == 0


def test_a_killed_challenge_is_finished_by_the_next_one(arena, pv):
    """The record that is there already is adopted, so that nothing is kept twice."""
    before = arena.contract.read_bytes()
    pv("challenge", "--write")
    done = arena.contract.read_bytes()
    arena.contract.write_bytes(before)

    pv("challenge", "--write")

    assert arena.contract.read_bytes() == done
    assert len(arena.records()) == 1


def test_a_contract_that_changed_meanwhile_is_left_alone(arena, pv, biter):
    """What was challenged is another text."""
    heavy = biter / "biter_heavy.py"
    touch = f'    open({str(arena.contract)!r}, "a").write("# more\\n")\n'
    heavy.write_text(heavy.read_text().replace('    if "counter"', touch + '    if "counter"'))

    status, out, _ = pv("challenge", "--write")

    assert status == 3
    assert "PV710 the contract changed in the meantime, so nothing was written" in out
    assert arena.records() == []


def test_what_could_not_be_challenged_keeps_the_record_from_being_written(arena, pv):
    """One falsifier that fails must not vanish from the evidence."""
    arena.contract.write_text(SECOND.replace("count: == 4", "count: == 5"))
    before = arena.state()

    status, out, _ = pv("challenge", "--write")

    assert status == 1
    assert 'contracts/c.yaml:20:7: PV629 nothing is written, since "F-3" could not be challenged: refuted' in out
    assert arena.state() == before


def test_a_record_is_not_replaced_by_one_that_says_less(arena, pv):
    """An optional input that is absent here was there when the record was made."""
    arena.edit("    path: model.bin\n", "    path: model.bin\n    optional: true\n")
    arena.contract.write_text(
        arena.contract.read_text()
        .replace(
            "falsification_tests:", "  spare: {format: gguf, path: spare.bin, optional: true}\nfalsification_tests:"
        )
        .replace(
            "- id: F-2\n", "- id: F-3\n  evaluator: biter\n  with: {model: spare}\n  expect: {count: == 4}\n- id: F-2\n"
        )
    )
    spare = arena.model.with_name("spare.bin")
    spare.write_bytes(arena.model.read_bytes())
    assert pv("challenge", "--write")[0] == 0
    spare.unlink()
    arena.plant({"mixed": {"growth": 0.5}})
    before = arena.state()

    status, out, _ = pv("challenge", "--write")

    assert status == 3
    assert 'PV629 nothing is written, since "F-3" could not be challenged: no spare: contracts/spare.bin is not' in out
    assert arena.state() == before
    assert pv("challenge", "--check")[0] == 1  # F-1 differs; F-3 is not looked at


def test_an_input_that_is_absent_by_consent_is_left_out_of_the_record(arena, pv):
    """The record says which falsifier and why, and validation asks for no more."""
    arena.contract.write_text(
        SECOND.replace(
            "falsification_tests:", "  spare: {format: gguf, path: spare.bin, optional: true}\nfalsification_tests:"
        ).replace("{model: model, layers: 0-4}", "{model: spare, layers: 0-4}")
    )

    status, _, _ = pv("challenge", "--write")

    assert status == 0
    assert b'"F-3": "no spare: contracts/spare.bin is not there"' in arena.records()[0].read_bytes()
    assert pv("validate")[0] == 0


def test_another_file_than_the_declared_one_is_challenged_and_not_kept(arena, pv):
    """Evidence is about the declared input."""
    arena.edit("    path: model.bin\n", f"    path: model.bin\n    sha256: {'0' * 64}\n")

    status, out, _ = pv("challenge")
    kept = pv("challenge", "--write")

    assert status == 0
    assert "      keeps nothing: input model is not the declared file" in out
    assert kept[0] == 3
    assert "PV629 nothing is written" in kept[1]


def test_nothing_is_kept_where_nothing_was_challenged(arena, pv):
    """An empty record would look like one."""
    arena.edit("evaluator: biter", "evaluator: toothless")

    assert pv("challenge", "--write")[0] == 4
    assert arena.records() == []


# what is demanded


def test_a_score_below_the_least_is_refused_with_the_names(arena, pv):
    """At the demand of the contract: which falsifier misses what, and which bounds cannot fail."""
    arena.edit("\namendments: []", "challenge: {min: 0.75}\namendments: []")

    status, out, _ = pv("challenge", "--format", "concise")

    assert status == 1
    assert out == (
        "contracts/c.yaml:24:18: PV625 1 of 2 faults are caught, a score of 0.5 where 0.75 is demanded: "
        "F-1 misses mixed (count >= 4, steps max < 9 cannot fail)\n" + VERDICT
    )


def test_the_settings_demand_it_of_every_contract(arena, pv):
    """A contract may ask for more, never for less."""
    arena.settings("challenge = {min = 0.75}\n")
    arena.edit("\namendments: []", "challenge: {min: 0.1}\namendments: []")

    status, out, _ = pv("challenge", "--format", "concise")

    assert status == 1
    assert out.startswith(
        "contracts/c.yaml:1:1: PV625 1 of 2 faults are caught, a score of 0.5 where 0.75 is demanded: "
    )


def test_a_score_at_the_least_is_enough(arena, pv):
    """The demand is met from there on, also in validation, once it is kept."""
    arena.edit("\namendments: []", "challenge: {min: 0.5}\namendments: []")

    assert pv("validate")[0] == 1
    assert pv("challenge", "--write")[0] == 0
    assert pv("validate")[0] == 0


def test_where_nothing_moves_there_is_no_score_to_meet_the_demand(arena, pv):
    """Zero of zero is not one."""
    arena.settings("challenge = {min = 0.1}\n")
    arena.plant({})

    status, out, _ = pv("challenge", "--write", "--format", "concise")

    assert status == 1
    assert "PV626 a score of 0.1 is demanded of the bounds, and no fault that was planted moved anything\n" in out
    assert last(out).endswith("4 faults planted, none moved a measurement: no score")
    assert "PV626" in pv("validate")[1]


def test_a_run_minds_no_challenge(arena, pv):
    """Its findings are about measurements; validation is the gate."""
    arena.settings("challenge = {min = 0.9}\n")

    status, out, _ = pv("run", "--write", "-q")

    assert status == 0
    assert "PV62" not in out
    assert "PV620" in pv("validate")[1]


# what repeats


def test_the_same_twice_to_the_bit(arena, pv):
    """Two challenges of one contract keep the same numbers: no order, time or state is in them."""
    from pvcheck.evidence import challenge

    arena.plant({**FAULTS, "shifted": {"growth": 0.1 + 0.2, "steps": [0.10000000149011612, 3.0]}})
    pv("challenge", "--write")
    first = challenge.parse(arena.records()[0].read_bytes())
    arena.records()[0].unlink()
    arena.contract.write_text(CONTRACT)

    pv("challenge", "--write")

    second = challenge.parse(arena.records()[0].read_bytes())
    assert first.essence() == second.essence()
    assert first.entries[0].trials == second.entries[0].trials
    assert pv("challenge", "--check")[0] == 0


CHANGED = {
    "under a fault, in the last bit": ({"mixed": {"growth": 0.014000000000000002}}, {}, "under mixed"),
    "a fault without effect": ({"mixed": {}}, {}, "under mixed"),
    "a fault that ends in an error": ({"mixed": {"fail": "x"}}, {}, "under mixed"),
    "another guard": ({"mixed": {"growth": 0.014, "right": 5}}, {}, "under mixed"),
    "without a fault": ({}, {"growth": 0.00078}, "the numbers without a fault changed"),
}


@pytest.mark.parametrize(("faults", "clean", "what"), CHANGED.values(), ids=CHANGED)
def test_check_compares_bit_for_bit(arena, pv, faults, clean, what):
    """What differs is named, and nothing is written."""
    pv("challenge", "--write")
    arena.plant(FAULTS | faults, **clean)
    before = arena.state()

    status, out, _ = pv("challenge", "--check", "--format", "concise")

    assert status == 1
    first = out.split("\n")[0]
    assert first == (f'contracts/c.yaml:11:7: PV627 "F-1" was challenged again and differs from its record: {what}')
    assert arena.state() == before


def test_check_tells_a_changed_claim_and_a_new_falsifier(arena, pv):
    """The record is about another contract than that of today."""
    pv("challenge", "--write")
    arena.edit("with: {model: model}", "with: {model: model, layers: 0-9}")
    changed = pv("challenge", "--check", "--format", "concise")
    arena.contract.write_text(
        arena.contract.read_text().replace(
            "- id: F-2\n", SECOND[SECOND.index("- id: F-3") : SECOND.index("  rule: nobody")]
        )
    )
    new = pv("challenge", "--check", "--format", "concise")

    assert changed[0] == new[0] == 1
    assert 'PV627 "F-1" was challenged again and differs from its record: the claim changed' in changed[1]
    assert 'PV627 "F-3" was challenged again and differs from its record: it is not in it' in new[1]


def test_check_needs_a_record(arena, pv):
    """Nothing to compare with is no repetition."""
    status, out, _ = pv("challenge", "--check", "--format", "concise")

    assert status == 1
    assert out.startswith("contracts/c.yaml:1:1: PV628 there is no record of a challenge to compare with\n")


def test_check_of_a_record_that_is_gone_is_about_evidence(arena, pv):
    """As in validation."""
    pv("challenge", "--write")
    arena.records()[0].unlink()

    status, out, _ = pv("challenge", "--check", "--format", "concise")

    assert status == 5
    assert "PV621 the record" in out
    assert pv("challenge", "--write")[0] == 0
    assert pv("validate")[0] == 0


def test_an_interrupt_stops_at_once(arena, pv, tmp_path):
    """Status 130, no worker left behind, nothing written."""
    ready = tmp_path / "ready"
    arena.plant({"mixed": {"hang": 600, "counter": str(ready)}})
    arena.edit("growth: < 10%", "growth: < 100")
    before = arena.state()
    words = [sys.executable, "-m", "pvcheck", "challenge", "--write"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=arena.root, env=untraced(), **streams) as process:
        while not ready.exists():
            assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert b"interrupted" in err
    assert time.monotonic() - began < 5
    assert arena.state() == before


@pytest.mark.parametrize("place", ["at the end", "in front", "nowhere"])
def test_the_block_is_put_before_the_amendments(arena, pv, place):
    """Wherever they stand; the contract stays one that validates."""
    text = CONTRACT.replace("\namendments: []\n", "")
    whole = {"at the end": f"{text}amendments: []\n", "in front": f"amendments: []\n{text}", "nowhere": text}
    arena.contract.write_text(whole[place])

    assert pv("challenge", "--write")[0] == 0

    after = arena.contract.read_text()
    keys = re.findall(r"^[a-z_]+(?=:)", after, re.MULTILINE)
    assert keys[-2:] == (["challenge", "amendments"] if place != "in front" else ["implementation_stages", "challenge"])
    assert sorted(keys) == sorted({*keys})
    assert pv("validate")[0] == 0


def test_a_block_that_cannot_be_edited_is_told_and_nothing_is_written(arena, pv):
    """An empty mapping in one line has no place for the reference: the edit is to be made by hand."""
    arena.edit("\namendments", "challenge: {}\namendments")
    before = arena.contract.read_bytes()

    status, out, _ = pv("challenge", "--write")

    assert status == 1
    assert "PV140" in out
    assert arena.contract.read_bytes() == before
