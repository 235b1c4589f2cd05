"""What commands may load and do: validation runs nothing that a change brought, opens no socket, writes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from helpers import untraced

from pvcheck.cli.formats import MACHINES

HEAVY = {
    "asyncio",
    "concurrent",
    "cryptography",
    "difflib",
    "gguf",
    "importlib.metadata",
    "jsonschema",
    "llvmlite",
    "multiprocessing",
    "numba",
    "numpy",
    "pluggy",
    "pydantic",
    "pydantic_core",
    "referencing",
    "rich",
    "socket",
    "subprocess",
    "tempfile",
    "urllib.request",
}
"""Modules that a hook must not wait for, or that validation has no business with."""

TRACE = """
import json, sys
sys.argv = ["pv", *sys.argv[1:]]
importers = {}
real = __import__
def traced(name, space=None, *rest):
    importers.setdefault(name, (space or {}).get("__name__", "?"))
    return real(name, space, *rest)
__import__("builtins").__import__ = traced
status = 0
try:
    from pvcheck.cli import main
    main()
except SystemExit as end:
    status = end.code
sys.stderr.write(json.dumps([status, sorted(sys.modules), importers]))
"""

AUDIT = """
import json, os, sys
seen, quiet, home = [], False, os.getpid()
if os.environ.get("CORES") == "1":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
def hook(event, words):
    if quiet:
        return
    if os.getpid() != home:  # a child that was forked: nobody would see its list
        if event.startswith(tuple(BAD)) or event == "open" and words[2] & 0o3303:
            os.write(2, f"a child did {event} {words!r}".encode())
        return
    if event == "open":
        path, mode, flags = words
        seen.append([event, os.fsdecode(path) if isinstance(path, (str, bytes)) else repr(path), mode, flags])
    elif event == "import":
        seen.append([event, words[0], words[1]])
    elif event.startswith(tuple(BAD)):
        seen.append([event, repr(words)])
sys.argv = ["pv", *sys.argv[2:]]
BAD = json.loads(os.environ["BAD"])
sys.addaudithook(hook)
try:
    from pvcheck.cli import main
    main()
except SystemExit as end:
    quiet = True
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    sys.stderr.write(json.dumps([end.code, seen, files]))
"""

FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.startfile",
    "pty.",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "os.utime",
    "os.setxattr",
    "os.kill",
    "shutil.",
    "tempfile.",
    "urllib.",
    "webbrowser.",
    "ftplib.",
    "http.",
    "sqlite3.",
    "ctypes.dlopen",
)
"""Audit events that validation never causes."""


def python(code, *words, folder, **variables):
    """Run code in a fresh interpreter that nobody measures; return what it wrote to standard error as JSON."""
    command = [sys.executable, "-B", "-c", code, *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=untraced(**variables), capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stderr.rpartition("\n")[2])  # what the command says stands on lines before it
    except ValueError:
        pytest.fail(done.stderr[-2000:])


def chain(name, importers):
    """Return who imported a module, who imported that, and so on."""
    found = [name]
    while (name := importers.get(name, "")) and name not in found:
        found.append(name)
    return " < ".join(found)


def heavy(modules):
    """Return the modules that are too much, or part of one that is."""
    return {name for name in modules if any(name == each or name.startswith(f"{each}.") for each in HEAVY)}


@pytest.mark.parametrize(
    ("words", "more"),
    [
        pytest.param(["validate"], {"pvcheck.report.machine", "xml.etree.ElementTree"}, id="validate"),
        *(pytest.param(["validate", "--format", form], set(), id=form) for form in MACHINES),
        pytest.param(["status"], set(), id="status"),
        pytest.param(["list"], set(), id="list"),
        pytest.param(["graph"], set(), id="graph"),
        pytest.param(["evidence", "verify"], set(), id="evidence"),
        pytest.param(["validate", "nowhere.yaml"], {"jsonschema_rs"}, id="unreadable"),
        pytest.param(["--help"], {"yaml", "jsonschema_rs"}, id="help"),
        pytest.param(["--version"], {"yaml", "jsonschema_rs"}, id="version"),
        pytest.param(["explain", "PV101"], {"jsonschema_rs"}, id="explain"),
    ],
)
def test_a_command_loads_only_what_it_needs(checkout, words, more):
    """No plugin, no numerical library, no second schema library, nothing of the network."""
    theirs = set(
        python(
            TRACE.replace("from pvcheck.cli import main", "import jsonschema_rs, sys; main = sys.exit"), folder=checkout
        )[1]
    )

    status, modules, importers = python(TRACE, *words, folder=checkout)

    assert status == (3 if "nowhere.yaml" in words else 0)
    # jsonschema-rs is a compiled library whose start-up reads the e-mail module, and that one the socket module.
    found = heavy(modules) - (theirs if "jsonschema_rs" in modules else set())
    found |= {name for name in modules if name in more or name.startswith("pvcheck_q4k")}
    assert {name: chain(name, importers) for name in sorted(found)} == {}


def test_the_library_that_is_excused_brings_the_socket_module_and_nothing_else(checkout):
    """The excuse of jsonschema-rs covers one module of the list."""
    modules = python(
        "import jsonschema_rs, json, sys; sys.stderr.write(json.dumps(sorted(sys.modules)))", folder=checkout
    )

    assert heavy(modules) <= {"socket"}


@pytest.mark.parametrize("name", ["pvcheck.plugin", "pvcheck.plugin.hookspecs", "pvcheck_q4k.plugin"])
def test_the_light_part_of_a_plugin_loads_no_number_library(checkout, name):
    """What describes an evaluator is loaded without what measures."""
    code = f"import {name}, json, sys; sys.stderr.write(json.dumps(sorted(sys.modules)))"

    modules = python(code, folder=checkout)

    roots = {each.partition(".")[0] for each in modules}
    assert roots & {"numpy", "numba", "llvmlite", "gguf"} == set()


def folders():
    """Return the folders of the Python installation."""
    paths = [*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, sys.exec_prefix, "/usr/share/locale"]
    return tuple(os.path.realpath(each) for each in paths)


def given():
    """Return the folders that are validated, beside the project's own."""
    return [Path(os.environ[name]) for name in ("PVCHECK_CORPUS", "PVCHECK_HOSTILE") if name in os.environ]


def audited(checkout, *words, **variables):
    """Run validation under an audit hook, and return its status, the events, and the files of its modules."""
    return python(AUDIT, "pv", *words, folder=checkout, BAD=json.dumps(FORBIDDEN), **variables)


def by_name(opened):
    """Return the paths that were opened but for steps down: one name, no link, from a descriptor of the folder above.

    Such a step arrives inside of the folder that the first of them was opened by, which is one of these paths.
    """
    return [path for _, path, _, flags in opened if not flags & os.O_NOFOLLOW or "/" in path or path == ".."]


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def fleet(place):
    """Return a folder of so many contracts that they are remembered, and spread over the cores."""
    place.mkdir()
    for number in range(60):
        text = f"metadata: {{version: 1.0.0, id: C-{number}}}\nfalsification_tests: []\n"
        (place / f"c{number}.yaml").write_text(text)
    return place


@pytest.mark.parametrize(
    ("cores", "options"), [("1", ["--no-cache"]), ("1", []), ("all", [])], ids=["plain", "remembered", "spread"]
)
def test_validation_never_does_what_it_promises_not_to(checkout, tmp_path, cores, options):
    """Over our contracts and over hostile ones: no socket, no other program, no file that nobody named, no write.

    But for one: what many contracts came to is written in the cache folder of the user. On several cores the process
    forks, which runs no program; a child does nothing but read.
    """
    named = [checkout / "contracts", fleet(tmp_path / "fleet"), *given()]
    cached = str(tmp_path / "cache") + "/"

    for _ in range(2):
        status, seen, files = audited(
            checkout, "validate", "--format", "concise", *options, *named, CORES=cores, XDG_CACHE_HOME=cached[:-1]
        )
        assert status == (1 if given() else 0)
        others = [event for event in seen if event[0] not in {"open", "import"}]
        own = [event for event in others if event[0] in {"os.mkdir", "os.rename"} and f"('{cached[:-1]}" in event[1]]
        forks = [event for event in others if event[0] == "os.fork"]
        assert [event for event in others if event not in own and event not in forks] == []
        assert len(forks) == 0 or cores == "all"
        opened = [event for event in seen if event[0] == "open"]
        written = [event[1] for event in opened if event[3] & WRITING]
        assert [each for each in written if not each.startswith(f"{cached}pvcheck/validate/")] == []
        assert not options or not own + written

    allowed = (*folders(), *(os.path.realpath(each) for each in (checkout, tmp_path, *named)))
    outside = [path for path in by_name(opened) if not os.path.realpath(checkout / path).startswith(allowed)]
    assert outside == []
    assert len([path for _, path, *_ in opened if path.endswith(".yaml")]) >= (62 if options else 0)
    ours = (*folders(), str(checkout / "pvcheck"))
    assert [path for path in files.values() if path and not os.path.realpath(path).startswith(ours)] == [
        path for path in files.values() if path == "<string>"
    ]


@pytest.mark.parametrize(
    ("code", "event"),
    [
        pytest.param("open('x', 'w')", "open", id="write"),
        pytest.param("import socket; socket.socket()", "socket.__new__", id="socket"),
        pytest.param("import subprocess; subprocess.run(['true'])", "subprocess.Popen", id="process"),
        pytest.param("import os; os.fork() or os._exit(0)", "os.fork", id="fork"),
        pytest.param("import os; os.mkdir('y')", "os.mkdir", id="folder"),
    ],
)
def test_the_audit_sees_what_it_looks_for(tmp_path, code, event):
    """A check that cannot fail would promise nothing."""
    planted = AUDIT.replace("    from pvcheck.cli import main\n    main()", f"    {code}; raise SystemExit(0)")

    _, seen, _ = python(planted, "pv", folder=tmp_path, BAD=json.dumps(FORBIDDEN))

    found = [each for each in seen if each[0] == event]
    assert found
    if event == "open":
        assert any(each[3] & os.O_WRONLY for each in found)


def test_the_plugins_of_a_checkout_are_not_imported(tmp_path, checkout):
    """A contract's folder may hold Python files with tempting names; none of them runs."""
    for name in ("yaml.py", "json.py", "click.py", "pvcheck_plugin.py", "sitecustomize.py", "conftest.py"):
        (tmp_path / name).write_text("open('ran', 'w')\n")
    (tmp_path / "c.yaml").write_bytes((checkout / "pvcheck/demo_data/trace-ffn-sub-block-gguf-v1.yaml").read_bytes())
    command = [str(Path(sys.executable).with_name("pv")), "validate", "c.yaml"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()
