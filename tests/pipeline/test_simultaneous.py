"""Several runs that write one contract at once: each result is recorded, or its run says that it was not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from helpers import CONTRACT

ROUNDS = int(os.environ.get("PVCHECK_WRITE_ROUNDS", "2"))
"""How often; 100 shows more, and takes some minutes."""
RUNS = 8
ENTRY = CONTRACT[CONTRACT.index("- id: F-1") : CONTRACT.index("- id: F-2")]
METRICS = {"growth": 1.5, "count": 4}


def test_131_eight_runs_that_write_at_once_lose_nothing(project, pv):
    """Each has a falsifier of its own: its record is named by the contract and lies there, or it exits 3 as busy."""
    names = [f"F-RUN-{place}" for place in range(RUNS)]
    text = CONTRACT.replace(ENTRY, "".join(ENTRY.replace("F-1", each) for each in names))
    text = text.replace("[F-1]", f"[{', '.join(names)}]")
    project.measure({"metrics": METRICS})
    promoted = 0

    for number in range(ROUNDS):
        project.contract.write_text(text)
        project.measure({"metrics": METRICS | {"growth": 1.5 + number / 1024}})
        children = [
            subprocess.Popen(
                [sys.executable, "-m", "pvcheck", "run", "--write", "-q", "-k", each],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            for each in names
        ]
        said = [child.communicate()[0].decode() for child in children]
        after = project.contract.read_text()
        for name, child, out in zip(names, children, said, strict=True):
            status, reference = told(after, name)
            assert child.returncode in {0, 3}, out
            assert (status == "DISCHARGED") is (child.returncode == 0), out
            if child.returncode == 3:
                assert re.search(r": PV7(09|10) ", out), out
            else:
                record = project.contract.parent / "evidence" / "c" / f"{reference}.json"
                assert json.loads(record.read_bytes())["predicate"]["falsifier"] == name
                promoted += 1
        assert pv("validate")[0] == 0, pv("validate")[1]
        assert pv("run", "--write", "-q")[0] == 0  # a second run finishes the work
        assert project.contract.read_text().count("status: DISCHARGED") >= RUNS

    assert promoted >= ROUNDS  # somebody is always first


def told(text, name):
    """Return the status of a falsifier and the digest of its record."""
    entry = text[text.index(f"- id: {name}\n") :]
    status = re.search(r"status: (\w+)", entry)[1]
    found = re.search(r"\A.*?status: \w+\n  evidence: sha256:([0-9a-f]{64})", entry, re.DOTALL)
    return status, found[1] if found else None
