"""Who waits is told how far the work is: checks of many contracts, measurements, faults and bytes."""

from __future__ import annotations

import os

import pytest

from pvcheck.pipeline import challenging, describing, fleets, scheduling, spreading
from pvcheck.pipeline.describing import Reader
from pvcheck.pipeline.options import Options

MANY = 20


def test_a_check_of_many_contracts_tells_each(tmp_path):
    """Those that are known already are not counted; the answers are the same."""
    paths = [tmp_path / f"c{number}.yaml" for number in range(MANY)]
    for path in paths:
        path.write_text(f"metadata: {{version: 1.0.0, id: {path.stem}}}\nfalsification_tests: []\n")
    told = []

    watched = fleets.check_all(paths, os.environ, remember=False, on_progress=lambda *each: told.append(each))

    assert told == [(done, MANY) for done in range(1, MANY + 1)]
    assert [each.findings for each in watched] == [
        each.findings for each in fleets.check_all(paths, os.environ, remember=False)
    ]


def test_the_others_are_thought_to_be_as_fast_as_we_are():
    """What a child does is not seen: our own share stands for all, and never for more than there is."""
    told = []

    found = spreading.spread(range(5), lambda item: b"%d" % item, 2, lambda *each: told.append(each))

    assert sorted(found) == [0, 1, 2, 3, 4]
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_a_run_says_how_many_measurements_there_will_be(project):
    """Before the first; each repetition counts."""
    told = []

    scheduling.run([project.contract], Options(repeat=3), expect=told.append)

    assert told == [3]


def test_a_challenge_says_how_many_measurements_there_will_be(arena):
    """Two clean ones and one a fault, for each falsifier that has faults; nothing for a file that is broken."""
    broken = arena.contract.with_name("broken.yaml")
    broken.write_text("a: 1\n")
    told, seen = [], []

    def watch(name):
        from contextlib import nullcontext

        seen.append(name)
        return nullcontext()

    challenging.challenge_all([broken, arena.contract], Options(), watch, told.append)

    assert told == [len(seen)]


@pytest.mark.parametrize("digest", [True, False])
def test_the_bytes_of_a_model_are_counted_as_they_are_hashed(tmp_path, monkeypatch, digest):
    """Those of tensors twice: once for each tensor, once for all of the file."""
    path = tmp_path / "m.odd"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(describing, "CHUNK", 40)
    monkeypatch.setattr(
        describing.registry,
        "load",
        lambda _: lambda __: {"version": "1", "metadata": {}, "tensors": [("t", "f32", (5,), 10, 50)]},
    )
    told = []

    described = describing.describe(
        path, Reader("odd", "x:y", "odd", "odd-dist"), digest=digest, on_progress=lambda *each: told.append(each)
    )

    assert told == ([(done, 150) for done in (40, 50, 90, 130, 150)] if digest else [])
    assert bool(described.digest) is digest
