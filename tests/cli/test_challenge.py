"""The command: whole outputs, widths, and what a person may ask for."""

from __future__ import annotations

import json
import sys

from biting import CLEAN, CONTRACT

MANY = CONTRACT.replace("  status: PENDING\n", "").replace(
    "- id: F-2\n",
    """\
- id: F-3
  rule: more bounds than fit side by side
  evaluator: biter
  with: {model: model, layers: 0-1}
  expect:
    growth: [< 1, < 0.9, < 0.8, < 0.7, < 0.6, < 0.55, < 0.54, < 0.53]
    count: ['!= 0', '!= 1', '!= 2', '!= 3', == 4]
    steps: [max < 9, min > 0, 'all < 9', '[1] < 9', 'count(> 0) == 2']
    same: is true
- id: F-4
  evaluator: toothless
  with: {model: model}
  expect: {count: == 4}
- id: F-5
  evaluator: biter
  with: {model: spare}
  expect: {count: == 4}
- id: F-2
""",
)
SPARE = "  spare: {format: gguf, path: spare.bin, optional: true}\n"
MANY = MANY.replace("falsification_tests:", f"{SPARE}falsification_tests:")
FAULTS = {
    "mixed": {"growth": 0.014},
    "swapped": {"growth": 0.5, "steps": [3.0, 2.0]},
    "dropped": {"fail": "no minimums"},
    "shifted": {"growth": "nan"},
}


def test_challenge(arena, pv, golden):
    """Tables, suggestions, what was not challenged, what is kept, the least score, and the verdict."""
    arena.contract.write_text(MANY.replace("\namendments", "challenge: {min: 0.9}\n\namendments"))
    arena.contract.with_name("broken.yaml").write_text("metadata: 1\n")
    arena.plant(FAULTS)

    status, out, _ = pv("challenge", "contracts", "--write")

    assert status == 1
    assert max(len(line) for line in out.splitlines() if line.startswith("      ") and "  C  " in line) <= 100
    golden("challenge", out)


def test_concise(arena, pv, golden):
    """Findings and the verdict, nothing else, also when something is written."""
    arena.contract.write_text(MANY)
    arena.settings("challenge = {min = 1}\n")
    arena.plant(FAULTS)

    status, out, _ = pv("challenge", "--write", "--format", "concise")

    assert status == 1
    golden("challenge-concise", out)


def test_names_of_faults_cannot_break_the_table(arena, pv, biter, monkeypatch):
    """A plugin's words are escaped and cut."""
    monkeypatch.delitem(sys.modules, "biter_light")
    light = biter / "biter_light.py"
    name = "x" * 40
    light.write_text(light.read_text().replace('"mixed"', f'"{name}"'))
    arena.model.write_text(json.dumps({"clean": CLEAN, "faults": {name: {"growth": 0.014}}}))

    _, out, _ = pv("challenge")

    assert f"      {'x' * 31}…  m  .  .  .   MISSED\n" in out
    assert "growth < 10% cannot fail, 1 of 1 pass: try < 0.3% (margin 0.0022)\n" in out


def test_no_simple_bound_is_said_so(arena, pv):
    """A fault that the bound's form cannot see has no advice; of several, the rest is counted."""
    arena.edit("    steps: ['max < 9', '[0] == 0x3f800000']", "    steps: max < 9")
    arena.plant({"mixed": {"steps": [1.5, 2.0]}, "swapped": {"steps": [1.0, 8.0]}})
    both = pv("challenge")[1]
    arena.plant({"mixed": {"steps": [1.5, 2.0]}})
    one = pv("challenge")[1]

    assert "steps max < 9 cannot fail, 2 of 2 pass: try max < 4 (margin 2, 1 still pass)\n" in both
    assert "steps max < 9 cannot fail, 1 of 1 pass: no simple bound catches them\n" in one


def test_a_second_bound_has_room_for_another_machine(arena, pv):
    """The first catches what the last bits show; the second lets that pass and says so."""
    arena.plant({"mixed": {"growth": 0.0007741}, "swapped": {"growth": 0.05}})

    _, out, _ = pv("challenge")

    advice = "try < 0.077405% (margin 5e-08), or < 0.6% (margin 0.0052, 1 still pass)"
    assert f"growth < 10% cannot fail, 2 of 2 pass: {advice}\n" in out


def test_a_file_that_is_not_the_declared_one_is_told_beside_its_falsifier(arena, pv):
    """The challenge is made, and would not be kept."""
    arena.edit("    path: model.bin\n", f"    path: model.bin\n    sha256: {'0' * 64}\n")

    status, out, _ = pv("challenge")

    assert status == 0
    assert "      keeps nothing: input model is not the declared file: its sha256 is " in out
