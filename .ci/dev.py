"""Set up and run pvcheck from a checkout, with nothing but Python: ``python3 .ci/dev.py demo``, ``test`` or ``docs``.

All make ``.venv`` from a lock file with hashes, so that two machines run the same code. ``demo`` shows the
product, ``test`` runs everything that must pass before a change is merged, ``docs [FOLDER]`` builds the pages,
``mutate`` counts the faults in our own code that no test would notice, and ``lock`` renews the lock files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
LOCKS = {
    "requirements.lock": ("--extra", "q4k", "--extra", "sign", "--group", "build"),
    "requirements-validate.lock": ("--extra", "sign", "--group", "build"),
    "requirements-dev.lock": ("--extra", "q4k", "--group", "dev"),
}
"""What each file locks. ``action.yml`` installs the first two; both verify signatures, which a repository may demand.
The second is for checking without measuring: no NumPy, no Numba."""
STRICT = ("pvcheck/domain", "pvcheck/text", "pvcheck/evidence", "pvcheck/host")
"""Where every branch is tested; elsewhere 95 of 100 are."""


def main() -> int:
    """Run one job."""
    jobs = {"demo": demo, "docs": docs, "test": test, "mutate": mutate, "lock": lock}
    if len(sys.argv) < 2 or sys.argv[1] not in jobs:
        print(f"usage: python3 .ci/dev.py {'|'.join(jobs)}", file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - a fresh machine may bring any Python
        print(f"pvcheck needs Python 3.11 or newer, this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    return jobs[sys.argv[1]](sys.argv[2:])


def demo(rest: list[str]) -> int:
    """Install what pvcheck needs, and run ``pv demo``."""
    install("requirements.lock")
    return run([str(BIN / "pv"), "demo", *rest], check=False)


def test(rest: list[str]) -> int:
    """Install what the tests need, and run all checks; words after ``test`` go to pytest."""
    install("requirements-dev.lock")
    run([str(BIN / "ruff"), "check", "."])
    run([str(BIN / "ruff"), "format", "--check", "."])
    run([str(BIN / "mypy")])
    run([str(BIN / "lint-imports")])
    wheel()
    example()
    with tempfile.TemporaryDirectory() as folder:
        site(folder)
    for old in ROOT.glob(".coverage*"):
        old.unlink()
    run([*pytest(), "tests/q4k", "-q"], NUMBA_DISABLE_JIT="1")
    summary = run_pytest([*pytest(), *rest])
    run([str(BIN / "coverage"), "combine", "-q"])
    strict = ",".join(f"{folder}/*" for folder in STRICT)
    run([str(BIN / "coverage"), "report", "--skip-covered", f"--include={strict}", "--fail-under=100"])
    run([str(BIN / "coverage"), "report", "--skip-covered", f"--omit={strict}", "--fail-under=95"])
    print(summary)
    return 0


def docs(rest: list[str]) -> int:
    """Build the pages into a folder, by default a new one outside the checkout; a dead link or an orphan fails."""
    install("requirements-dev.lock")
    folder = rest[0] if rest else tempfile.mkdtemp(prefix="pv-docs-")
    site(folder)
    print(f"{Path(folder).resolve()}/docs/index.html")
    return 0


def site(folder: str) -> None:
    """Build the pages into a folder; every warning is an error."""
    run([str(PYTHON), "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", "-b", "html", ".", folder])


def mutate(rest: list[str]) -> int:
    """Change the layers of which every branch is tested, one slip at a time, and tell what the tests do not notice."""
    install("requirements-dev.lock")
    return run([str(PYTHON), "-m", "mutation", *rest], check=False, PYTHONPATH="tests")


def lock(rest: list[str]) -> int:
    """Write the lock files again, with the newest versions that fit ``pyproject.toml``."""
    install("requirements-dev.lock")
    run([str(PYTHON), "-m", "pip", "install", "-q", "uv"])
    for name, parts in LOCKS.items():
        form = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
        run(
            [
                str(BIN / "uv"),
                "pip",
                "compile",
                "pyproject.toml",
                *parts,
                *form,
                "-q",
                "-o",
                name,
                *rest,
            ]
        )
    return 0


def install(lock_file: str) -> None:
    """Make the environment, unless it was made from the same files already."""
    inputs = b"".join((ROOT / name).read_bytes() for name in (lock_file, "pyproject.toml"))
    mark = VENV / f"made-{lock_file}-{hashlib.sha256(inputs).hexdigest()[:16]}"
    if mark.is_file():
        return
    if not PYTHON.is_file():
        venv.create(VENV, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock_file])
    run([*pip, "--no-deps", "--no-build-isolation", "-e", "."])
    mark.touch()


def wheel() -> None:
    """Build the wheel, and run the main job from it in an empty folder and an environment of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run([str(PYTHON), "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, "."])
        built = next(place.glob("*.whl"))
        venv.create(place / "venv", with_pip=False)
        # What the lock installed serves here too; only pvcheck itself must come from the wheel.
        site = next((VENV / "lib").glob("python*/site-packages"))
        ours = next((place / "venv" / "lib").glob("python*/site-packages"))
        for package in site.iterdir():
            if "pv_contracts" not in package.name and not package.name.startswith("pvcheck"):
                (ours / package.name).symlink_to(package)
        run([str(PYTHON), "-m", "pip", "install", "-q", "--no-deps", "--target", str(ours), str(built)])
        empty = place / "empty"
        empty.mkdir()
        command = [str(place / "venv" / "bin" / "python"), "-m", "pvcheck", "demo"]
        print("$ pv demo (from the wheel)", flush=True)
        subprocess.run(command, cwd=empty, check=True, env=os.environ | {"TMPDIR": folder})
        if any(empty.iterdir()):
            raise SystemExit("pv demo left something behind in the folder it ran in")
    shutil.rmtree(ROOT / "build", ignore_errors=True)


def example() -> None:
    """Install the example of a plugin as a distribution of its own, and run its tests away from the checkout."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        source = place / "pvcheck-example"
        shutil.copytree(ROOT / "plugins" / "example", source, ignore=shutil.ignore_patterns("__pycache__"))
        venv.create(place / "venv", with_pip=False)
        site = next((VENV / "lib").glob("python*/site-packages"))
        ours = next((place / "venv" / "lib").glob("python*/site-packages"))
        for package in site.iterdir():
            (ours / package.name).symlink_to(package)
        python = str(place / "venv" / "bin" / "python")
        run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index", str(source)])
        shutil.rmtree(source / "pvcheck_example")  # its tests must find the installed one
        print("$ pytest (of the example plugin)", flush=True)
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        subprocess.run(command, cwd=source, check=True, env=os.environ | {"TMPDIR": folder})


def pytest() -> list[str]:
    """Return the command of a test run under coverage, one process a core; whoever is done takes from the others."""
    return [str(BIN / "coverage"), "run", "-m", "pytest", "-n", "auto", "--dist", "worksteal"]


def run(command: list[str], *, check: bool = True, **variables: str) -> int:
    """Run a command and show it; a failure ends the job with its status."""
    print(
        "$", " ".join(Path(command[0]).name if index == 0 else word for index, word in enumerate(command)), flush=True
    )
    status = subprocess.run(command, check=False, env=os.environ | variables).returncode
    if check and status:
        raise SystemExit(status)
    return status


def run_pytest(command: list[str]) -> str:
    """Run pytest, show what it says as it says it, and return its summary line."""
    print("$ coverage run -m pytest", flush=True)
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line.strip() or last
    if process.returncode:
        raise SystemExit(process.returncode)
    return last


if __name__ == "__main__":
    raise SystemExit(main())
