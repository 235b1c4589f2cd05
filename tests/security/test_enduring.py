"""No file of strangers costs much: no traceback, no hang, no heap of memory, no file that is changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import untraced
from security import enduring_cases

HERE = Path(__file__).resolve().parent


def endured(*folders, cwd):
    """Run every command on every file of folders, and return its status and what it printed."""
    command = [sys.executable, str(HERE / "enduring.py"), *map(str, folders)]
    return subprocess.run(command, cwd=cwd, env=untraced(), capture_output=True, text=True, check=False)


def test_no_hostile_file_costs_much(tmp_path, capsys):
    """Those that take longest to look at, those that fuzzers made, and those that were collected, where they are."""
    for name, data in enduring_cases.CASES.items():
        (tmp_path / name).write_bytes(data)
    folders = [tmp_path, HERE.parent / "fuzz" / "cases", *map(Path, filter(None, [os.environ.get("PVCHECK_HOSTILE")]))]

    done = endured(*folders, cwd=tmp_path)

    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
    assert done.returncode == 0, done.stdout + done.stderr
    number = sum(each.is_file() for folder in folders for each in folder.rglob("*"))
    assert f"{number} files, {3 * number} commands, 0 faults" in done.stdout


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("import time; time.sleep(1.5)", "it took 1."),
        ("x = bytearray(300 << 20); x[::4096] = b'x' * len(x[::4096])", "MiB"),
        ("raise RuntimeError('planted')", "it ended with 70: PV900 a bug of pvcheck"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "it ended with -11"),
        ("open(path, 'a').write('x')", "a file is not what it was"),
        ("(path.parent / 'new').touch()", "a file is not what it was"),
    ],
    ids=["slow", "large", "bug", "signal", "changed", "new"],
)
def test_what_costs_much_is_seen(tmp_path, planted, told):
    """A check that cannot fail would promise nothing."""
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "c.yaml").write_text("metadata: {version: 1.0.0, id: C-1}\nfalsification_tests: []\n")
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); import enduring; from pvcheck.pipeline import checking\n"
        f"real = checking.check\ndef check(path, *rest):\n    {planted}\n    return real(path, *rest)\n"
        "checking.check = check\nenduring.COMMANDS = (('validate', '--no-cache', '{}', '--format', 'json'),)\n"
        f"sys.exit(enduring.main([{str(tmp_path / 'case')!r}]))"
    )

    done = subprocess.run([sys.executable, "-c", code], env=untraced(), capture_output=True, text=True, check=False)

    assert done.returncode == 1, done.stderr
    assert told in done.stdout
