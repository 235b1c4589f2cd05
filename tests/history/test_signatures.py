"""``pv validate --against``: what the base demands of signatures holds for a change that would rather not be asked."""

from __future__ import annotations

import pytest
from history.works import WHERE, started
from history.works import told as found
from signing import a_key, demand

from pvcheck.evidence import signature, store
from pvcheck.pipeline import fleets

MAIN = "--against=main"
OLD = "metadata: {id: C-OLD, version: 1.0.0}\nfalsification_tests: []\n"


def sign(work, record, *numbers):
    """Sign a record with some keys, and with no other."""
    envelope = None
    for number in numbers:
        envelope = signature.signed(envelope, record.reference, record.data(), a_key(number))
    store.signature_of(work.root / WHERE, record.reference).write_bytes(envelope.data())


def settle(work, *numbers, **options):
    """Write settings that list keys; without any, none."""
    work.put(demand(*numbers, **options) if numbers else "", "pv.toml")


@pytest.fixture
def demanding(work):
    """Give a repository whose main branch demands the signature of a, and a change that earned a status."""
    work.git("switch", "-q", "main")
    settle(work, 1)
    work.commit("signatures are demanded")
    work.git("switch", "-q", "change")
    work.git("merge", "-q", "main")
    work.record = work.promote()
    return work


def refused(work, *words):
    """Run validation, and return its status and what it found with a code of its own about signatures."""
    result = work.pv("validate", *words)
    return result.status, [each for each in found(result) if "PV473" <= each.code <= "PV485"]


def codes(work, *words):
    """Return the codes of it."""
    status, findings = refused(work, *words)
    return status, [each.code for each in findings]


def test_a_change_that_signs_passes(demanding):
    """With the key of the base, by its own settings and by those of the base."""
    assert codes(demanding, MAIN) == (1, ["PV473"])
    sign(demanding, demanding.record, 1)
    assert codes(demanding, MAIN) == (0, [])
    demanding.commit("signed")
    assert codes(demanding, MAIN) == (0, [])


@pytest.mark.parametrize("put", [settle, lambda work: settle(work, 1, required=False)])
def test_a_change_cannot_switch_the_demand_off(demanding, put):
    """Its own settings say nothing, and those of the base still hold."""
    put(demanding)

    assert codes(demanding) == (0, [])
    status, (finding,) = refused(demanding, MAIN)
    assert (status, finding.code) == (1, "PV473")
    assert finding.message.endswith(".json is not signed, as main demands")


def test_a_change_cannot_bring_its_own_key(demanding):
    """A key counts from the next change on: who reviews the settings decides about it."""
    settle(demanding, 1, 2)
    sign(demanding, demanding.record, 2)

    assert codes(demanding) == (0, [])
    assert codes(demanding, MAIN) == (1, ["PV478"])
    sign(demanding, demanding.record, 2, 1)
    assert codes(demanding, MAIN) == (0, [])


def test_a_key_that_the_base_has_taken_out_counts_no_more(demanding):
    """Also where the change left the branch before, and still lists it."""
    sign(demanding, demanding.record, 1)
    demanding.commit("signed by a")
    demanding.git("switch", "-q", "main")
    settle(demanding, 2)
    demanding.commit("a was stolen")
    demanding.git("switch", "-q", "change")

    assert codes(demanding) == (0, [])
    assert codes(demanding, MAIN) == (1, ["PV478"])
    sign(demanding, demanding.record, 1, 2)
    assert codes(demanding, MAIN) == (0, [])


def test_a_signature_that_is_wrong_is_told_by_the_base_alone_where_the_change_does_not_ask(demanding):
    """And once where both ask."""
    settle(demanding)
    sign(demanding, demanding.record, 2)
    place = store.signature_of(demanding.root / WHERE, demanding.record.reference)
    place.write_bytes(place.read_bytes().replace(a_key(2).public.id.encode(), a_key(1).public.id.encode()))

    assert codes(demanding) == (0, [])
    assert codes(demanding, MAIN) == (5, ["PV477"])
    settle(demanding, 1, 2)
    assert codes(demanding, MAIN) == (5, ["PV477"])


def test_what_would_be_committed_is_asked_for_what_would_be_committed(demanding):
    """A signature that was not added counts for no commit; and the settings that were are those that hold."""
    demanding.git("add", "-A")
    sign(demanding, demanding.record, 1)

    assert codes(demanding) == (0, [])
    assert codes(demanding, "--staged") == (1, ["PV473"])
    demanding.git("add", "-A")
    assert codes(demanding, "--staged") == (0, [])
    settle(demanding)
    store.signature_of(demanding.root / WHERE, demanding.record.reference).unlink()
    demanding.git("add", "-A")
    assert codes(demanding) == (0, [])
    assert codes(demanding, "--staged") == (1, ["PV473"])


def test_a_version_does_not_wait_for_a_signature(demanding):
    """What is not signed yet keeps nobody from saying what changed."""
    demanding.commit("measured")
    demanding.edit("rule: growth is bounded", "rule: growth stays bounded")

    result = demanding.pv("bump")

    assert "1 contract: 1 bumped" in result.out, str(result)


def test_settings_in_a_folder_below_hold_there(demanding):
    """The closest settings of the base, as everywhere."""
    demanding.git("switch", "-q", "main")
    demanding.put("", "contracts/pv.toml")
    demanding.commit("contracts demand nothing")
    demanding.git("switch", "-q", "change")
    settle(demanding)

    assert codes(demanding, MAIN) == (0, [])


def test_what_is_remembered_is_asked_as_well(demanding, monkeypatch, tmp_path):
    """What the change's own settings accept is no answer to the base's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fleets, "MANY", 1)
    settle(demanding)
    demanding.put("metadata: [\n", "contracts/broken.yaml")

    for _ in range(2):
        assert codes(demanding, MAIN) == (1, ["PV473"])


def test_a_contract_that_goes_away_meanwhile_is_not_asked(demanding, monkeypatch, tmp_path):
    """It is told already that it cannot be read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fleets, "MANY", 1)
    settle(demanding)
    demanding.put(OLD, "contracts/old.yaml")
    demanding.pv("validate")
    monkeypatch.setattr("pvcheck.pipeline.vouching.MAX_CONTRACT", 10)

    assert codes(demanding, MAIN) == (0, [])


def test_settings_of_the_base_that_cannot_be_understood_are_refused(demanding):
    """Nobody guesses whose signatures were meant."""
    demanding.git("switch", "-q", "main")
    demanding.put('[signatures]\nrequired = true\nkeys = {a = "x"}\n', "pv.toml")
    demanding.commit("broken")
    demanding.git("switch", "-q", "change")

    result = demanding.pv("validate", MAIN, "contracts")

    assert result.status == 2
    assert "PV483" in result.err


def test_a_base_that_demands_nothing_is_read_no_further(work):
    """The word alone, in a comment, is no demand."""
    work.git("switch", "-q", "main")
    work.put("# signatures: later\n", "pv.toml")
    work.commit("about signatures")
    work.git("switch", "-q", "change")
    work.promote()

    assert codes(work, MAIN) == (0, [])


def test_a_first_commit_has_no_base_that_demands(tmp_path):
    """Only its own settings hold."""
    work = started(tmp_path / "new")
    work.put(OLD)
    settle(work, 1)
    work.git("add", "-A")

    assert codes(work, "--staged") == (0, [])
