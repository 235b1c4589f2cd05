"""Every seed and every input that once crashed, read again: no error but ours, under a second, under 200 MB."""

from __future__ import annotations

import pytest
from fuzz.harness import slower
from fuzz.running import outside
from fuzz.targets import CASES, SEEDS, TARGETS, kept
from fuzz.watching import Watch

FILES = [
    pytest.param(name, path, id=f"{name}-{folder.name}-{path.name}")
    for name in TARGETS
    for folder in (SEEDS, CASES)
    for path in kept(folder, name)
]
MOST = 200 << 10
"""Bytes of all seeds together: they come with every clone."""


@pytest.mark.parametrize(("name", "path"), FILES)
def test_every_seed_and_every_case_is_read_or_refused(name, path):
    """What starts with "good" is understood, what starts with "bad" is not."""
    understood = Watch(slower()).call(TARGETS[name].call, path.read_bytes())

    kind = path.name.partition("-")[0]
    assert understood == {"good": True, "bad": False}.get(kind, understood)


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.outside])
def test_what_others_wrote_is_read_or_refused(name):
    """The files of the corpora, where the environment names them."""
    files = list(outside(name))
    if not files:
        pytest.skip("PVCHECK_HOSTILE and PVCHECK_CORPUS name no file for it")
    watch = Watch(slower())

    for path in files:
        watch.call(TARGETS[name].call, path.read_bytes())


def test_every_target_has_seeds_and_they_are_few():
    """A target without a seed that is understood would be fuzzed at its door only."""
    sizes = [path.stat().st_size for name in TARGETS for path in kept(SEEDS, name)]

    assert sum(sizes) <= MOST
    for name in TARGETS:
        assert any(path.name.startswith("good-") for path in kept(SEEDS, name)), name
    for folder in (SEEDS, CASES):
        assert {path.name for path in folder.iterdir()} <= set(TARGETS)
