"""Records lie beside their contract under their digest, are written once, and are found again."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import METRICS, a_record, load

from pvcheck.domain.digest import sha256
from pvcheck.domain.metric import MetricType
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric, RecordError

OTHER = METRICS | {"growth": Metric(MetricType.F64, 2.0)}


def test_a_record_lies_beside_its_contract_under_its_digest(tmp_path):
    """The name of the file is the SHA-256 of its bytes."""
    one = a_record(load())

    store.save(tmp_path / "trace-v1.yaml", one)

    name = one.reference.removeprefix("sha256:")
    assert (tmp_path / "evidence" / "trace-v1" / f"{name}.json").read_bytes() == one.data()
    assert store.load(tmp_path / "trace-v1.yaml", one.reference).data() == one.data()


def test_a_record_that_is_there_is_not_written_again(tmp_path):
    """A second run with the same result touches nothing."""
    contract, one = tmp_path / "c.yaml", a_record(load())
    store.save(contract, one)
    before = store.path_of(contract, one.reference).stat()

    store.save(contract, one)

    assert store.path_of(contract, one.reference).stat() == before


def test_a_damaged_record_is_written_again(tmp_path):
    """A file of the right name with other bytes does not count as being there."""
    contract, one = tmp_path / "c.yaml", a_record(load())
    store.save(contract, one)
    store.path_of(contract, one.reference).write_bytes(b"{}")

    store.save(contract, one)

    assert store.load(contract, one.reference).data() == one.data()


def test_a_missing_record_is_named(tmp_path):
    """The message holds the name to look for."""
    with pytest.raises(store.MissingError, match=r"^0{64}\.json"):
        store.load(tmp_path / "c.yaml", "sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("make", "told", "hint"),
    [
        (Path.mkdir, "cannot be read from here: not a regular file", "see to it that it can be read"),
        (lambda path: path.parent.rmdir(), "is missing from here", "bring it back from git"),
        (
            lambda path: (path.parent.rmdir(), path.parent.touch()),
            "is missing from here",
            "bring it back from git",
        ),
    ],
    ids=["folder", "no folder", "file above"],
)
def test_why_a_record_cannot_be_read_is_told(tmp_path, make, told, hint):
    """What is not there has another way out than what is."""
    path = store.path_of(tmp_path / "c.yaml", "sha256:" + "0" * 64)
    path.parent.mkdir(parents=True)
    make(path)

    with pytest.raises(store.MissingError) as caught:
        store.read(tmp_path / "c.yaml", "sha256:" + "0" * 64)

    assert (caught.value.told("here"), caught.value.hint) == (told, hint)


def test_bytes_with_another_digest_are_forged(tmp_path):
    """An edited record is not believed, however well it reads."""
    contract, one = tmp_path / "c.yaml", a_record(load())
    store.save(contract, one)
    path = store.path_of(contract, one.reference)
    path.write_bytes(path.read_bytes().replace(b'"held"', b'"refuted"'))

    with pytest.raises(store.ForgedError):
        store.load(contract, one.reference)


def test_a_checkout_with_crlf_has_the_same_digest(tmp_path):
    """Git on another system may change line ends; the record stays sound."""
    contract, one = tmp_path / "c.yaml", a_record(load())
    store.save(contract, one)
    path = store.path_of(contract, one.reference)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert store.load(contract, one.reference).data() == one.data()


def test_a_record_with_the_same_result_is_adopted(tmp_path):
    """A run that was killed before it wrote the contract has left its record; the next run uses it."""
    contract, left = tmp_path / "c.yaml", a_record(load())
    store.save(contract, left)
    (store.folder(contract) / f"{'0' * 64}.json").write_bytes(b"forged, and the first by its name")
    new = a_record(load(), made_at={"started": "later", "seconds": 1, "host": "there"})

    assert new.reference != left.reference
    assert store.adopted(contract, new).reference == left.reference


def test_of_several_records_the_first_by_name_is_adopted(tmp_path):
    """Two machines that see the same folder say the same, whatever order the disk has."""
    contract = tmp_path / "c.yaml"
    kept = [a_record(load(), made_at={"started": str(n), "seconds": 1, "host": "x"}) for n in range(12)]
    for each in kept:
        store.save(contract, each)

    assert store.adopted(contract, a_record(load())).reference == min(each.reference for each in kept)


def test_records_with_other_results_or_of_other_falsifiers_are_not_adopted(tmp_path):
    """Only a sound record about the same falsifier with the same result will do."""
    contract, new = tmp_path / "c.yaml", a_record(load())
    store.save(contract, a_record(load(), OTHER))
    store.save(contract, a_record(load(), falsifier="F-9"))
    folder = store.folder(contract)
    (folder / f"{'0' * 64}.json").write_bytes(b"forged")
    (folder / "README.json").write_bytes(b"not a record")

    assert store.adopted(contract, new) is new


def test_without_a_folder_nothing_is_adopted(tmp_path):
    """The first run of a contract has no records to look at."""
    new = a_record(load())

    assert store.adopted(tmp_path / "c.yaml", new) is new


def test_what_lies_beside_a_contract_is_told_in_order(tmp_path):
    """Whatever order the disk has."""
    contract, names = tmp_path / "c.yaml", [f"{number * 7 % 32:064x}" for number in range(32)]
    store.folder(contract).mkdir(parents=True)
    for name in names:
        for each in (store.path_of, store.signature_of):
            each(contract, f"sha256:{name}").touch()

    assert store.references(contract) == store.signatures(contract) == tuple(f"sha256:{each}" for each in sorted(names))


def test_a_record_has_at_most_four_mebibytes(tmp_path):
    """A longer file is not read to its end, and so is not what its name says."""
    for data in (bytes(4 << 20), bytes((4 << 20) + 2)):
        path = store.path_of(tmp_path / "c.yaml", f"sha256:{sha256(data)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    assert store.read(tmp_path / "c.yaml", f"sha256:{sha256(bytes(4 << 20))}") == bytes(4 << 20)
    with pytest.raises(store.ForgedError):
        store.read(tmp_path / "c.yaml", f"sha256:{sha256(data)}")


def test_a_sound_digest_of_something_else_is_no_record(tmp_path):
    """A file whose bytes match its name may still be no record."""
    contract, data = tmp_path / "c.yaml", b"{}\n"
    path = store.path_of(contract, f"sha256:{sha256(data)}")
    path.parent.mkdir(parents=True)
    path.write_bytes(data)

    with pytest.raises(RecordError):
        store.load(contract, f"sha256:{sha256(data)}")


def test_records_and_strangers_in_a_folder_are_told_apart(tmp_path):
    """A record is named by a digest; hidden files may lie beside it; a contract without a folder has neither."""
    contract = tmp_path / "c.yaml"
    one = a_record(load())
    before = (store.references(contract), store.others(contract))
    store.save(contract, one)
    for name in ("notes.txt", ".gitkeep", "0" * 63 + ".json", "A" * 64 + ".json", "0" * 64):
        (store.folder(contract) / name).touch()

    assert before == ((), ())
    assert store.references(contract) == (one.reference,)
    assert store.others(contract) == ("0" * 63 + ".json", "0" * 64, "A" * 64 + ".json", "notes.txt")
