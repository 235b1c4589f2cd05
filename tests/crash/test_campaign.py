"""A small part of the campaign; `.ci/long faults kills` has the whole."""

from __future__ import annotations

import fcntl
import os

import pytest
from crash import campaign

from pvcheck import files

EVERY = 41
"""Calls of which one is failed."""
QUICK = [each for each in campaign.COMMANDS if each.name.split()[0] not in {"challenge", "run"}]
"""Commands that start no worker."""


@pytest.mark.parametrize("command", QUICK, ids=lambda each: each.name)
def test_117_a_fault_at_any_call_of_a_command_loses_nothing(command, tmp_path, capsys):
    """A kill, a full disk and a broken one, spread over the command's calls."""
    survivors = campaign.Survivors()

    calls = campaign.faults(command, tmp_path, survivors, EVERY, ("kill", "ENOSPC once", "EIO from then on"))

    with capsys.disabled():
        print(f"\n{command.name}: {calls} calls, {sum(survivors.tried.values())} faults")  # noqa: T201 - the count
    assert survivors.lost == []
    assert sum(survivors.tried.values()) >= 3


def test_140_commands_killed_at_random_moments_lose_nothing(tmp_path, capsys):
    """With their workers; what is there is valid, and the next command finishes."""
    survivors = campaign.Survivors()

    campaign.kills(tmp_path, len(campaign.KILLED), 7, survivors)

    assert survivors.lost == []
    assert sum(survivors.tried.values()) == len(campaign.KILLED)
    assert campaign.told("kills", survivors) == 0
    assert "kills: 7 of 7 survived\n" in capsys.readouterr().out


def watched(write):
    """Return a function that writes, and says so if another process could take its temporary file for a leftover."""

    def watching(path, *rest):
        folder = os.open(os.path.realpath(path.parent), os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print(f"unlocked: {path}")  # noqa: T201 - into what the command tells
        except BlockingIOError:
            print("locked")  # noqa: T201 - as above
        finally:
            os.close(folder)
        return write(path, *rest)

    return watching


@pytest.mark.parametrize("command", campaign.COMMANDS, ids=lambda each: each.name)
def test_133_every_write_has_the_lock_of_its_folder(command, tmp_path, monkeypatch):
    """Else the next command that writes there would remove what is being written."""
    root = campaign.made(tmp_path, command)
    for name in ("write", "rehearse", "_fill"):
        monkeypatch.setattr(files, name, watched(getattr(files, name)))

    ended = campaign.pv(root, command.words)

    assert ended.status == 0, ended.told
    assert "unlocked" not in ended.told
    assert ("locked" in ended.told) is (command.name != "validate")


def careless(path, data):
    """Write over the old bytes."""
    with path.open("wb", buffering=0) as file:
        file.write(data[:100])
        files.os.fsync(file.fileno())
        file.write(data[100:])


def test_what_is_lost_is_told(tmp_path, monkeypatch, capsys):
    """A write that is not atomic does not survive, and the campaign fails."""
    command = next(each for each in campaign.COMMANDS if each.name == "schema --plugins")
    monkeypatch.setattr(files, "write", careless)
    survivors = campaign.Survivors()

    calls = campaign.faults(command, tmp_path, survivors, 1, ("kill",))

    assert survivors.lost[-1].endswith("schemas/evaluators.json is not whole")
    assert campaign.told("faults", survivors) == 1
    assert f"faults: {calls - 1} of {calls} survived\n" in capsys.readouterr().out
