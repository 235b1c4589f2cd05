"""Digests of whole inputs: taken where a contract pins them or where they cost nothing, and of what was read always."""

import json

import pytest

from pvcheck.domain.digest import of_ranges, sha256
from pvcheck.pipeline import digests
from pvcheck.pipeline.digests import Digests


def recorded(project):
    """Return what the only record of the project keeps of its input."""
    (path,) = (project.root / "contracts" / "evidence" / "c").glob("*.json")
    (found,) = json.loads(path.read_text())["predicate"]["inputs"].values()
    return found


@pytest.mark.parametrize(("pinned", "small"), [(False, True), (True, False), (False, False)])
def test_a_large_file_is_hashed_whole_where_the_contract_pins_it(project, pv, monkeypatch, pinned, small):
    """Without a digest to compare with, the ranges that were read are enough, and evidence of them promotes."""
    data = project.model.read_bytes()
    monkeypatch.setattr(digests, "SMALL", len(data) if small else len(data) - 1)
    if pinned:
        project.edit("    path: model.bin\n", f"    path: model.bin\n    sha256: {sha256(data)}\n")

    status, out, _ = pv("run", "--write")

    assert (status, "DISCHARGED" in project.contract.read_text()) == (0, True), out
    found = recorded(project)
    assert found.get("sha256") == (sha256(data) if pinned or small else None)
    assert found["read_sha256"] == of_ranges(memoryview(data), [tuple(each) for each in found["ranges"]])
    assert pv("validate")[0] == 0
    assert pv("run", "--check")[0] == 0
    project.model.write_bytes(data + b" ")
    assert pv("validate")[0] == (1 if pinned or small else 0)  # a space after what was read changes nothing that was


def test_one_of_two_contracts_that_pins_a_file_has_it_hashed(tmp_path):
    """Whoever asks first, the digest is there once somebody needs it, and computed once."""
    path = tmp_path / "large"
    path.write_bytes(bytes(digests.SMALL + 1))
    known = Digests()
    try:
        assert known.start(path, declared=False) is None
        first = known.start(path, declared=True)

        assert known.start(path, declared=False) is first
        assert first.result() == sha256(path.read_bytes())
        missing = known.start(tmp_path / "missing", declared=False)
        with pytest.raises(FileNotFoundError):
            missing.result()
    finally:
        known.close()


def test_a_challenge_of_a_large_file_keeps_what_was_read(arena, pv, monkeypatch):
    """It records the same digests as an evaluation, and is compared without them."""
    monkeypatch.setattr(digests, "SMALL", 0)

    written = pv("challenge", "--write")

    assert written[0] == 0, written
    (entry,) = json.loads(arena.records()[0].read_text())["predicate"]["falsifiers"]
    (found,) = entry["inputs"].values()
    assert list(found) == ["read_sha256"]
    assert pv("challenge", "--check")[0] == 0
