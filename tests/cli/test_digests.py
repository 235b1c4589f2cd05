"""Digests of inputs: made beside the measuring, of regular files only, and dropped when nobody needs them."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from pvcheck.pipeline.digests import CHUNK, Digests


@pytest.fixture
def digests():
    """Give digests that are closed at the end."""
    made = Digests()
    yield made
    made.close()


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_digest_is_that_of_the_whole_file(digests, tmp_path, size):
    """Whatever number of pieces it is read in."""
    path = tmp_path / "model"
    path.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))

    assert digests.start(path, declared=True).result(10) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_read_once(digests, tmp_path):
    """Several falsifiers share a model."""
    path = tmp_path / "model"
    path.write_bytes(b"x")

    assert digests.start(path, declared=True) is digests.start(path, declared=True)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_regular_file_is_refused_at_once(digests, tmp_path, make):
    """A pipe would wait for a writer, and a device has no end."""
    path = tmp_path / "model"
    make(path)

    with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
        digests.start(path, declared=True).result(10)


def test_a_missing_file_is_an_error_of_its_digest(digests, tmp_path):
    """Nobody else is disturbed."""
    with pytest.raises(FileNotFoundError):
        digests.start(tmp_path / "model", declared=True).result(10)


def test_closing_does_not_wait_for_a_large_file(tmp_path):
    """After an interrupt the process ends."""
    path = tmp_path / "model"
    with path.open("wb") as file:
        file.truncate(40 << 30)  # sparse: nothing is stored, and hashing it would take a minute
    digests = Digests()
    hashing = digests.start(path, declared=True)
    while not hashing.running():
        time.sleep(0.001)

    digests.close()

    with pytest.raises(OSError, match="ancel"):
        hashing.result(10)
