"""A small part of the campaign; `.ci/long faults kills` has the whole."""

from __future__ import annotations

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
