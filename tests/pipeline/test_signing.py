"""Records that are signed, repositories that demand it, and keys: through the commands."""

from __future__ import annotations

import io
import json
import os
import sys
from functools import partial
from importlib.util import find_spec

import pytest
from evidence.test_challenge_record import a_challenge
from pipeline.results import made, sent
from signing import a_key, demand, key_file

from pvcheck import config
from pvcheck.domain import dsse
from pvcheck.evidence import signature, store
from pvcheck.pipeline import fleets, signing

SETTINGS = 'evaluators = ["probe"]\n'
COUNTS = "1 contract, 1 record: 1 sound, 0 not what they claim to be; 1 of 1 reference found; 0 orphans"


@pytest.fixture
def signed(project, pv, tmp_path):
    """Give a project that demands signatures of the first key, and whose one DISCHARGED is not signed yet."""
    project.record = made(project)
    assert pv("apply", sent(project, project.record))[0] == 0
    (project.root / "results.jsonl").unlink()
    project.place = store.signature_of(project.contract, project.record.reference)
    project.key = key_file(tmp_path)
    project.settings = partial(_settings, project)
    project.settings(demand(1))
    return project


def _settings(project, text):
    """Write the settings of a project."""
    (project.root / "pv.toml").write_text(SETTINGS + text)


def twin(signed):
    """Write a second contract beside the first, with a record of its own; return both."""
    record = signed.record._replace(contract="C-TWO")
    path = signed.contract.with_name("d.yaml")
    text = signed.contract.read_text().replace("C-TEST", "C-TWO")
    path.write_text(text.replace(signed.record.reference, record.reference))
    store.save(path, record)
    return path, record


def codes(out):
    """Return the codes of the lines of an output."""
    return [line.split(": ", 1)[1].split()[0] for line in out.splitlines() if ": PV" in line]


def test_a_repository_that_demands_signatures_is_led_to_them(signed, pv):
    """What validation refuses, the command of its hint mends; a second call changes nothing."""
    refused = pv("validate")
    done = pv("evidence", "sign", "--key", signed.key)
    before = signed.state()

    assert refused[0] == 1
    name = f"{signed.record.reference[7:]}.json"
    assert f"contracts/c.yaml:19:13: PV473 the record {name} is not signed\n" in refused[1]
    assert "hint: pv evidence sign --key FILE signs it; or set the status back to PENDING" in refused[1]
    key = a_key().public.id[:16]
    place = signed.place.relative_to(signed.root)
    assert done == (0, f"signed {place}\n1 record signed, 0 signed before; key {key}\n", "")
    assert pv("validate")[0] == 0
    assert pv("evidence", "sign", "--key", signed.key) == (0, f"0 records signed, 1 signed before; key {key}\n", "")
    assert signed.state() == before


def test_verify_counts_what_is_signed(signed, pv):
    """Where nothing is signed and nobody asks, nothing is said; where it is asked for, it is refused."""
    silent, asked = pv("evidence", "verify"), pv("evidence", "verify", "--require-signature")
    pv("evidence", "sign", "--key", signed.key)

    assert silent == (0, f"{COUNTS}\n", "")
    assert (asked[0], codes(asked[1])) == (1, ["PV473"])
    assert asked[1].endswith(f"{COUNTS}; 0 of 1 record signed by a listed key\n")
    for words in ((), ("--require-signature",)):
        assert pv("evidence", "verify", *words) == (0, f"{COUNTS}; 1 of 1 record signed by a listed key\n", "")


def test_verify_can_be_told_whom_to_trust(signed, pv):
    """A stranger does not take the keys from the folder that is to be verified."""
    signed.settings("")
    pv("evidence", "sign", "--key", signed.key)
    ask = partial(pv, "evidence", "verify", "--require-signature")

    assert ask()[0] == 2
    assert "PV483 signatures are asked for, and nothing says whose count" in ask()[2]
    assert ask("--trust", a_key(1).public)[0] == 0
    assert ask("--trust", a_key(1).public, "--trust", a_key(2).public)[0] == 0
    assert (ask("--trust", a_key(2).public)[0], codes(ask("--trust", a_key(2).public)[1])) == (1, ["PV478"])
    assert ask("--trust", "x")[0] == 2
    assert "PV483 the key of --trust must be the line of base64" in ask("--trust", "x")[2]


def test_nothing_is_asked_of_what_says_nothing(project, pv):
    """A contract without a promotion needs no signature, and one that cannot be read has none."""
    (project.root / "pv.toml").write_text(SETTINGS + demand(1))
    (project.contract.parent / "broken.yaml").write_text("a: b: c\n")

    assert pv("validate", project.contract)[0] == 0
    assert codes(pv("evidence", "verify", "--require-signature")[1]) == ["PV110"]
    signless = pv("evidence", "sign", "--key", key_file(project.root.parent), project.contract)
    assert (signless[0], "PV461 no status here names a record" in signless[2]) == (4, True)


def older(project):
    """Sign an older record of the same claim, and put its envelope beside the one of today."""
    record = made(project, started="2025-01-01T00:00:00+00:00")
    project.place.write_bytes(signature.signed(None, record.reference, record.data(), a_key()).data())


def elsewhere(project):
    """Sign a record with the same numbers of another contract."""
    record = made(project)._replace(contract="C-OTHER")
    project.place.write_bytes(signature.signed(None, record.reference, record.data(), a_key()).data())


def by(number, project):
    """Sign with another key."""
    record = project.record
    project.place.write_bytes(signature.signed(None, record.reference, record.data(), a_key(number)).data())


def edited(old, new, project):
    """Sign, and change the envelope."""
    by(1, project)
    data = project.place.read_bytes()
    assert old in data
    project.place.write_bytes(data.replace(old, new, 1))


def crowded(project):
    """Put a thousand signatures into the envelope."""
    by(1, project)
    told = json.loads(project.place.read_bytes())
    told["signatures"] = [{"keyid": f"{n:064x}", "sig": "AA=="} for n in range(1000)]
    project.place.write_text(json.dumps(told))


HOSTILE = [
    pytest.param(lambda each: each.place.write_bytes(b"{"), "PV474", 5, id="no JSON"),
    pytest.param(lambda each: each.place.write_bytes(b"{}" + b" " * (1 << 18)), "PV474", 5, id="too large"),
    pytest.param(lambda each: each.place.write_bytes(b"\0" * 100), "PV474", 5, id="zeros"),
    pytest.param(partial(edited, b'"payloadType"', b'"payload": "", "payloadType"'), "PV474", 5, id="a key twice"),
    pytest.param(partial(edited, b'"sig": "', b'"sig": "*'), "PV474", 5, id="no base64"),
    pytest.param(crowded, "PV474", 5, id="1,000 signatures"),
    pytest.param(partial(edited, b"vnd.in-toto+json", b"x"), "PV475", 5, id="another payload type"),
    pytest.param(older, "PV476", 5, id="an older record's"),
    pytest.param(elsewhere, "PV476", 5, id="another contract's"),
    pytest.param(partial(edited, b'"payload": "e', b'"payload": "f'), "PV477", 5, id="a changed payload"),
    pytest.param(partial(by, 2), "PV478", 1, id="an unknown key"),
]


@pytest.mark.parametrize(("plant", "code", "status"), HOSTILE)
def test_what_is_no_good_signature_is_refused_everywhere(signed, pv, plant, code, status):
    """By validation, by verifying where the file is at fault, and by signing, which does not paint over it."""
    plant(signed)
    before = signed.state()

    validated, verified = pv("validate"), pv("evidence", "verify", "--require-signature")

    assert (validated[0], codes(validated[1])) == (status, [code])
    assert (verified[0], codes(verified[1])) == (status, [code])
    assert code in validated[1].splitlines()[0]
    assert signed.state() == before
    if status == 5:
        refused = pv("evidence", "sign", "--key", signed.key)
        assert (refused[0], codes(refused[1])) == (5, [code])
        assert refused[1].endswith("nothing is signed\n")
        assert signed.state() == before


def test_two_who_sign_do_not_undo_each_other(signed, pv, tmp_path):
    """The second one is added; either satisfies the demand."""
    pv("evidence", "sign", "--key", signed.key)
    warned = pv("evidence", "sign", "--key", key_file(tmp_path, 2))

    assert warned[0] == 0
    assert "PV484 the settings do not list this key" in warned[1]
    assert f'hint: under [signatures.keys] of pv.toml: name = "{a_key(2).public}"' in warned[1]
    assert len(dsse.parse(signed.place.read_bytes()).signatures) == 2
    for keys in ((1,), (2,), (1, 2), (3, 2)):
        signed.settings(demand(*keys))
        assert pv("validate")[0] == 0
    signed.settings(demand(3))
    assert codes(pv("validate")[1]) == ["PV478"]


def test_a_contract_that_is_not_sound_is_not_signed(signed, pv):
    """A signature vouches for what validation accepts; nothing is written, for the others neither."""
    signed.edit("growth: < 18", "growth: < 17")
    second, _ = twin(signed)
    second.write_text(second.read_text().replace("< 17", "< 18"))
    before = signed.state()

    status, out, _ = pv("evidence", "sign", "--key", signed.key)

    assert status == 1
    assert "PV407" in codes(out)
    assert out.endswith("nothing is signed\n")
    assert signed.state() == before


def test_a_record_that_changes_meanwhile_is_not_signed(signed, pv, monkeypatch):
    """What is signed is what was checked."""
    real = signing.checking.check_all

    def check_all(paths):
        found = real(paths)
        store.path_of(signed.contract, signed.record.reference).write_bytes(b"{}\n")
        return found

    monkeypatch.setattr(signing.checking, "check_all", check_all)

    status, out, _ = pv("evidence", "sign", "--key", signed.key)

    assert (status, codes(out)) == (5, ["PV403"])
    assert not signed.place.exists()


def test_an_envelope_that_nobody_could_read_is_not_written(signed, pv, monkeypatch):
    """The limit of reading holds for writing."""
    monkeypatch.setattr(signature, "MAX_ENVELOPE", 1000)

    status, out, _ = pv("evidence", "sign", "--key", signed.key)

    assert (status, codes(out)) == (5, ["PV474"])
    assert not signed.place.exists()


def test_a_challenge_must_be_signed_as_well(signed, pv):
    """The score of a contract is as easily made up as a measurement."""
    pv("evidence", "sign", "--key", signed.key)
    record = a_challenge()
    store.save(signed.contract, record)
    text = signed.contract.read_text() + f"challenge:\n  evidence: {record.reference}\n"
    signed.contract.write_text(text)

    status, out, _ = pv("validate")

    assert status == 1
    assert [line for line in out.splitlines() if ": PV473" in line] == [
        f"contracts/c.yaml:{text.count(chr(10))}:13: PV473 the record {record.reference[7:]}.json is not signed"
    ]
    assert "1 record signed, 1 signed before" in pv("evidence", "sign", "--key", signed.key)[1]
    assert pv("validate")[0] == 0


def test_a_run_measures_without_minding_signatures(signed, pv):
    """It neither makes nor needs them; what it renews is unsigned again."""
    pv("evidence", "sign", "--key", signed.key)
    signed.measure({"metrics": {"growth": 2.5, "count": 4}, "plain": True})

    written = pv("run", "--write")

    assert written[0] == 0, written
    assert codes(pv("validate")[1]) == ["PV473"]
    assert pv("run", "--check")[0] == 0
    assert pv("evidence", "sign", "--key", signed.key)[1].endswith(f"key {a_key().public.id[:16]}\n")
    assert pv("validate")[0] == 0


def test_without_the_library_nobody_can_tell(signed, pv, monkeypatch):
    """One line with the way out, and exit status 3: neither believed nor refused."""
    pv("evidence", "sign", "--key", signed.key)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    validated, verified = pv("validate"), pv("evidence", "verify", "--require-signature")
    signing_, making = pv("evidence", "sign", "--key", signed.key), pv("evidence", "keygen", "--out", "../k.pem")

    assert [each[0] for each in (validated, verified, signing_, making)] == [3, 3, 3, 3]
    for out in (validated[1], verified[1], signing_[2], making[2]):
        assert out.count("PV480 nothing here can verify a signature: the library cryptography is missing") == 1
        assert 'hint: pip install "pv-contracts[sign]" brings it' in out
    signed.place.unlink()
    assert codes(pv("validate")[1]) == ["PV473"]


def test_many_folders_say_once_that_the_library_is_missing(signed, pv, monkeypatch):
    """A verdict is not buried under one sentence."""
    second, record = twin(signed)
    pv("evidence", "sign", "--key", signed.key, signed.contract)
    store.signature_of(second, record.reference).write_bytes(signed.place.read_bytes())
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    status, out, _ = pv("evidence", "verify")

    assert (status, out.count("PV480")) == (3, 1)


def test_a_signature_without_its_record_is_a_warning(signed, pv):
    """It proves nothing, and it may be of another branch."""
    stray = signed.place.with_name(f"{'0' * 64}.sig.json")
    stray.write_bytes(b"{}")

    status, out, _ = pv("evidence", "verify")

    assert status == 0
    assert f"contracts/evidence/c/{stray.name}: PV479 the record that this file signs is not here [warning]\n" in out


def test_a_forged_record_is_told_once(signed, pv):
    """Its signature is not looked at: the record is not the one that was signed."""
    pv("evidence", "sign", "--key", signed.key)
    store.path_of(signed.contract, signed.record.reference).write_bytes(b"{}\n")

    assert codes(pv("validate")[1]) == codes(pv("evidence", "verify")[1]) == ["PV403"]


@pytest.mark.parametrize("change", ["remove", "alter", "exchange the keys"])
def test_what_is_remembered_of_many_contracts_hangs_on_signatures_and_keys(signed, pv, monkeypatch, change):
    """Another signature file or another key is seen, however much is remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(signed.root.parent / "cache"))
    monkeypatch.setattr(fleets, "MANY", 1)
    pv("evidence", "sign", "--key", signed.key)
    assert [pv("validate")[0] for _ in range(2)] == [0, 0]

    if change == "remove":
        signed.place.unlink()
    elif change == "alter":
        edited(b'"sig": "', b'"sig": "*', signed)
    else:
        signed.settings(demand(2))

    expected = {"remove": (1, ["PV473"]), "alter": (5, ["PV474"]), "exchange the keys": (1, ["PV478"])}[change]
    for _ in range(2):
        status, out, _ = pv("validate")
        assert (status, codes(out)) == expected


def test_what_a_library_could_not_verify_is_asked_again_when_it_is_there(signed, pv, monkeypatch):
    """The answer of an environment without it is not remembered for one that has it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(signed.root.parent / "cache"))
    monkeypatch.setattr(fleets, "MANY", 1)
    pv("evidence", "sign", "--key", signed.key)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "cryptography.exceptions", None)
        without.setattr("importlib.util.find_spec", _find_other)
        assert [pv("validate")[0] for _ in range(2)] == [3, 3]

    assert pv("validate")[0] == 0


def _find_other(name, find=find_spec):
    """Return where a module would be loaded from, but for the library that verifies."""
    return None if name == "cryptography" else find(name)


def test_a_new_key_is_for_its_owner_alone(tmp_path, pv, project):
    """And what is printed is what the settings need; it signs at once."""
    place = tmp_path / "release.pem"

    status, out, _ = pv("evidence", "keygen", "--out", place)

    assert status == 0
    assert place.stat().st_mode & 0o777 == 0o600
    public = signing.private_key(place).public
    assert out.splitlines() == [
        f"the private key is in {place}: keep it secret, it has no passphrase",
        f"its signatures name it {public.id}",
        "in pv.toml:",
        "  [signatures]",
        "  required = true",
        "  [signatures.keys]",
        f'  release = "{public}"',
    ]
    (project.root / "pv.toml").write_text("".join(each[2:] + "\n" for each in out.splitlines()[3:]))
    config.of_folder.cache_clear()
    assert config.of_folder(project.root).signatures == config.Signatures(required=True, keys={"release": public})


def test_a_key_is_never_replaced(tmp_path, pv):
    """One that is gone cannot be made again."""
    place = tmp_path / "release.pem"
    place.write_bytes(b"precious")

    status, _, err = pv("evidence", "keygen", "--out", place)

    assert status == 2
    assert f"{place}: PV485 there is a file already, and a key is never replaced" in err
    assert place.read_bytes() == b"precious"
    assert [*tmp_path.iterdir()] == [place]


def test_a_private_key_stays_out_of_the_project(signed, pv, tmp_path):
    """Whether it is to be made there or to be used from there, also through a link."""
    inside = signed.root / "keys" / "release.pem"
    inside.parent.mkdir()
    made_there = pv("evidence", "keygen", "--out", inside)
    inside.write_bytes(signed.key.read_bytes())
    inside.chmod(0o600)
    link = tmp_path / "link.pem"
    link.symlink_to(inside)

    used = [pv("evidence", "sign", "--key", each) for each in (inside, link)]

    for status, _, err in (made_there, *used):
        assert status == 2
        assert f"PV481 a private key must not lie inside the project {signed.root}" in err
        assert "hint: keep it outside, or in the secret store of the CI: --key -" in err
    assert not signed.place.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_private_key_that_others_reach_is_refused(signed, pv, mode):
    """Whoever could read it could sign; whoever could replace it could make us sign with theirs."""
    signed.key.chmod(mode)

    status, _, err = pv("evidence", "sign", "--key", signed.key)

    assert status == 2
    assert f"{signed.key}: PV481 the private key can be read or replaced by other users" in err
    assert f"hint: chmod 600 {signed.key}" in err


@pytest.mark.parametrize("data", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"\xff" * 100])
def test_a_file_that_holds_no_private_key_is_told(signed, pv, data):
    """With the commands that make one."""
    signed.key.write_bytes(data)

    status, _, err = pv("evidence", "sign", "--key", signed.key)

    assert status == 2
    assert f"{signed.key}: PV482 the file holds no private key in PEM form" in err
    assert "openssl genpkey -algorithm ed25519" in err


def test_a_key_that_is_not_there_is_told(signed, pv):
    """As any file is; a pipe or a folder is none."""
    os.mkfifo(signed.key.with_name("pipe"))

    for name in ("nowhere.pem", "pipe", "."):
        assert "PV708 cannot read" in pv("evidence", "sign", "--key", signed.key.parent / name)[2]


def test_a_key_can_come_from_standard_input(signed, pv, monkeypatch):
    """From the secret store of a CI system it need not touch the disk."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(signed.key.read_bytes())))

    assert pv("evidence", "sign", "--key", "-")[0] == 0
    assert pv("validate")[0] == 0
