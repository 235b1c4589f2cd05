"""Points 118 and 120 to 130: what stands in the place of a contract or of a model, its name, and what may be written.

Point 117 is in tests/pipeline/test_kill.py and tests/crash, 119 in tests/test_files.py.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import subprocess
import sys
import time
import unicodedata

import pytest
from helpers import untraced

from pvcheck import discovery, files, host
from pvcheck.host.scheduling import Scheduler

CONTRACT = """\
metadata:
  schema: 1
  id: C-{name}
  version: 1.0.0
  status: ACTIVE
falsification_tests:
- id: F-1
  rule: the product of the numbers is small
  evaluator: arithmetic
  with: {{numbers: {{a: 2}}, product: [a]}}
  expect: {{product: < 3}}
  status: PENDING
amendments: []
"""
PLAIN = "metadata:\n  schema: 1\n  id: C-{name}\n  version: 1.0.0\nfalsification_tests:\n- id: F-1\n  rule: a b\n"


MANY, DEEP = (10_000, 10_000) if os.environ.get("PVCHECK_POINTS") == "long" else (1000, 500)
"""Files, and folders below each other."""


def claiming(project, *names):
    """Put contracts of one claim that holds into the project, and return the first."""
    project.allow("arithmetic")
    made = [project.contract(CONTRACT.format(name=name.upper()), f"{name}.yaml") for name in names]
    return made[0]


def leftovers(root):
    """Return the names of temporary files."""
    return [path.name for path in root.rglob("*.pvtmp")]


def is_promoted(path):
    """Say whether the claim of a contract was promoted."""
    return "status: DISCHARGED" in path.read_text()


class Refusing:
    """The module os of a disk that refuses some calls."""

    def __init__(self, **refused):
        self.refused = refused

    def __getattr__(self, name):
        return self.refused.get(name) or getattr(os, name)


def test_118_a_folder_that_cannot_be_flushed_does_not_undo_what_was_written(project, monkeypatch):
    """The name has moved by then: the message says so, the status is 3, and the next run finds all done."""
    contract = claiming(project, "c")

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) and is_promoted(contract):
            raise OSError(errno.EIO, "Input/output error")
        os.fsync(descriptor)

    monkeypatch.setattr(files, "os", Refusing(fsync=fsync))
    told = project.run("run", "--write")
    monkeypatch.undo()

    assert told.status == 3
    assert "PV711 written, but the disk did not confirm it: input/output error" in told.out
    assert is_promoted(contract)
    assert project.run("validate").status == 0
    assert project.run("run", "--write").status == 0


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o755, 0o664], ids=oct)
def test_120_a_promotion_keeps_the_mode(project, mode):
    """And the umask is not asked."""
    contract = claiming(project, "c")
    contract.chmod(mode)

    result = project.run("run", "--write")

    assert result.status == 0
    assert is_promoted(contract)
    assert stat.S_IMODE(contract.stat().st_mode) == mode


def access_list(*entries):
    """Return an access list as Linux keeps it: (tag, rights, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 2**32 - 1
LIST = access_list((1, 6, NOBODY), (2, 4, 65534), (4, 4, NOBODY), (16, 4, NOBODY), (32, 0, NOBODY))
"""rw for the owner, r for the user 65534 and the group, nothing for others."""


def test_120_a_promotion_keeps_access_lists_attributes_and_group(project):
    """Whoever could read the file can read it afterwards; a folder with setgid gives its group as ever."""
    contract = claiming(project, "c")
    try:
        os.setxattr(contract, "user.note", b"ours")
        os.setxattr(contract, "system.posix_acl_access", LIST)
    except OSError as error:
        pytest.skip(f"this file system has none: {error.strerror}")
    if os.geteuid() == 0:
        os.chown(contract, 65534, 65533)
        contract.parent.chmod(0o2775)
    before = contract.stat()

    result = project.run("run", "--write")

    after = contract.stat()
    assert result.status == 0
    assert is_promoted(contract)
    assert os.getxattr(contract, "user.note") == b"ours"
    assert os.getxattr(contract, "system.posix_acl_access") == LIST
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_120_an_attribute_that_cannot_be_kept_is_a_refusal(project, monkeypatch):
    """The file is as it was, nothing lies beside it, and the status is 3."""
    contract = claiming(project, "c")
    before = contract.read_bytes()

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files.os, "listxattr", lambda _: ["user.note"])
    monkeypatch.setattr(files.os, "getxattr", lambda *_: b"ours")
    monkeypatch.setattr(files.os, "setxattr", refuse)

    result = project.run("run", "--write")

    assert result.status == 3
    assert "PV711 cannot write: operation not permitted" in result.out + result.err
    assert contract.read_bytes() == before
    assert [each.name for each in contract.parent.iterdir() if each.name.endswith(files.TEMPORARY)] == []


def test_120_an_owner_that_may_not_be_given_costs_nothing(project, monkeypatch):
    """Whoever may write to the file of a colleague becomes its owner, as with any editor."""
    contract = claiming(project, "c")
    asked = []

    def refuse(*words):
        asked.append(words[1:])
        raise PermissionError(1, "Operation not permitted")

    real = os.fstat
    monkeypatch.setattr(files.os, "fchown", refuse)
    monkeypatch.setattr(files.os, "fstat", lambda each: os.stat_result((*real(each)[:4], 4242, *real(each)[5:])))

    result = project.run("run", "--write")

    assert result.status == 0
    assert asked
    assert is_promoted(contract)


def test_121_a_link_inside_keeps_pointing(project):
    """Its target is promoted, and the records lie where the contract is named."""
    contract = claiming(project, "c")
    kept = project.root / "kept" / "real.yaml"
    kept.parent.mkdir()
    contract.rename(kept)
    contract.symlink_to("../kept/real.yaml")

    result = project.run("run", "--write")

    assert result.status == 0
    assert contract.is_symlink()
    assert is_promoted(kept)
    assert project.run("validate").status == 0


@pytest.mark.parametrize("kind", ["outside", "dangling", "loop"])
def test_121_a_link_that_leads_out_or_nowhere_is_refused(project, tmp_path, kind):
    """Nothing of what is outside is read or shown; the others are checked."""
    claiming(project, "good")
    outside = tmp_path / "secret.yaml"
    outside.write_text("password: hunter2\n")
    target = {"outside": outside, "dangling": "nowhere.yaml", "loop": "bad.yaml"}[kind]
    (project.root / "contracts" / "bad.yaml").symlink_to(target)

    results = [project.run("validate"), project.run("run", "--write"), project.run("status")]

    for result in results[:2]:
        assert result.status == 3
        assert any(each.path == "contracts/bad.yaml" and each.code == "PV708" for each in result.findings)
    assert all("hunter2" not in each.out + each.err for each in results)
    assert is_promoted(project.root / "contracts" / "good.yaml")
    assert outside.read_text() == "password: hunter2\n"


def test_121_a_link_to_a_folder_is_not_walked_into(project, tmp_path):
    """A folder outside is no part of the project."""
    claiming(project, "good")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "other.yaml").write_text(CONTRACT.format(name="OTHER"))
    (project.root / "contracts" / "more").symlink_to(tmp_path / "outside")

    result = project.run("list")

    assert "C-GOOD" in result.out
    assert "C-OTHER" not in result.out


def test_122_a_contract_with_a_second_name_is_not_written(project):
    """Replacing it would leave the old text under the other name: nothing is written, and the way out is told."""
    contract = claiming(project, "c")
    os.link(contract, project.root / "copy.txt")
    before = contract.read_bytes()

    refused = project.run("run", "--write")
    (project.root / "copy.txt").unlink()
    written = project.run("run", "--write")

    assert refused.status == 3
    assert "PV711 the contract has a second name, a hard link that would keep the old text" in refused.out + refused.err
    assert "cp FILE NEW && mv NEW FILE" in refused.out + refused.err
    assert before != contract.read_bytes()
    assert not (project.root / "copy.txt").exists()
    assert written.status == 0


def test_123_what_is_no_file_is_no_contract(project):
    """A pipe, a device behind a link and a folder with the name of a contract: told, and no command waits."""
    good = claiming(project, "good")
    folder = good.parent
    os.mkfifo(folder / "pipe.yaml")
    (folder / "device.yaml").symlink_to("/dev/zero")
    (folder / "folder.yaml").mkdir()
    (folder / "folder.yaml" / "inner.yaml").write_text(CONTRACT.format(name="INNER"))
    began = time.monotonic()

    validated, ran = project.run("validate"), project.run("run", "--write")

    assert time.monotonic() - began < 10
    for result in (validated, ran):
        assert result.status == 3
        assert {each.path for each in result.findings if each.code == "PV708"} == {
            "contracts/pipe.yaml",
            "contracts/device.yaml",
        }
    assert is_promoted(good)
    assert is_promoted(folder / "folder.yaml" / "inner.yaml")


NAMES = [
    "new\nline",
    "tab\tbed",
    "-dash",
    "$(touch ran)",
    "`touch ran`",
    "::error::x",
    "\x1b[2Jescape",
    "\u202eright",
    "{0.__class__}%s%n",
    "'quote\"",
    "n" * 240,
    os.fsdecode(b"bytes-\xff\xfe"),
    " space ",
    "#hash",
    "*?[x]",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_124_a_name_is_a_name_and_nothing_else(project, name):
    """Whatever it is: found, checked, measured, promoted, and shown in characters that do nothing; a tab is a tab."""
    project.allow("arithmetic")
    contract = project.root / "contracts" / f"{name}.yaml"
    contract.parent.mkdir()
    contract.write_text(CONTRACT.format(name="NAMED").replace("product: < 3", "product: wrong"))

    broken = project.run("validate")
    contract.write_text(CONTRACT.format(name="NAMED"))
    named = project.run("validate", "--", f"contracts/{name}.yaml")
    ran = project.run("run", "--write")
    forms = [project.run("validate", "--format", each) for each in ("concise", "json", "github", "sarif", "junit")]

    assert broken.status == 1
    assert (named.status, ran.status) == (0, 0)
    assert is_promoted(contract)
    for result in (broken, named, ran, *forms):
        for line in f"{result.out}\n{result.err}".split("\n"):
            assert line.replace("\t", "").isprintable(), line
            assert not line.startswith("::") or line.startswith(("::error file=", "::warning file=", "::notice file="))
    assert not (project.root / "ran").exists()


def test_124_a_name_with_a_dash_is_no_option(project):
    """After -- it is a path, from the folder itself."""
    project.allow("arithmetic")
    project.file("--help.yaml", CONTRACT.format(name="DASH"))

    result = project.run("validate", "--", "--help.yaml")

    assert result.status == 0
    assert "1 contract" in result.out


TWINS = {
    "accents": (unicodedata.normalize("NFC", "grün"), unicodedata.normalize("NFD", "grün")),
    "capitals": ("growth", "Growth"),
    "both": (unicodedata.normalize("NFC", "Ärger"), unicodedata.normalize("NFD", "ärger")),
}


@pytest.mark.parametrize("twins", [TWINS["accents"], TWINS["both"]], ids=["accents", "both"])
def test_124_names_that_differ_in_their_spelling_only_are_told(project, twins):
    """On other systems they are one file."""
    tells_twins(project, twins)


def test_129_names_that_differ_in_capitals_only_are_told(project):
    """On a disk that does not tell them apart, one of them is gone after a clone."""
    tells_twins(project, TWINS["capitals"])


def tells_twins(project, twins):
    """Assert that two files are told as twins: what they say may differ, or be the same."""
    for number, name in enumerate(twins):
        project.contract(PLAIN.format(name=f"T-{number}"), f"{name}.yaml")

    differing = project.run("validate")
    project.contract(PLAIN.format(name="T-0"), f"{twins[1]}.yaml")
    same = project.run("validate")

    assert [each.code for each in differing.findings if each.code == "PV325"] == ["PV325"]
    assert [each.code for each in same.findings if each.code == "PV324"] == ["PV324"]


def _read_only(path, flags, *more, **options):
    """Open nothing to write."""
    if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        raise OSError(errno.EROFS, "Read-only file system")
    return os.open(path, flags, *more, **options)


def _full(_descriptor, _data):
    """Write nothing."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("command", [("run", "--write"), ("challenge", "--write")], ids=" ".join)
@pytest.mark.parametrize(
    ("refused", "why"),
    [({"open": _read_only}, "read-only file system"), ({"write": _full}, "no space left on device")],
    ids=["read-only", "full"],
)
def test_125_what_cannot_be_written_is_not_measured(project, monkeypatch, command, refused, why):
    """A run that may take hours is refused in its first second, and checking goes on."""
    contract = claiming(project, "c")
    before = contract.read_bytes()
    monkeypatch.setattr(files, "os", Refusing(**refused))
    monkeypatch.setattr(host.Pool, "evaluate", lambda *_, **__: pytest.fail("it was measured"))
    monkeypatch.setattr(Scheduler, "add", lambda *_, **__: pytest.fail("it was measured"))

    told = project.run(*command)

    assert told.status == 3
    assert f"PV711 cannot write: {why}" in told.out
    assert contract.read_bytes() == before
    assert project.run("validate").status == 0
    assert leftovers(project.root) == []


def test_125_a_folder_without_room_costs_its_own_contracts_only(project, monkeypatch):
    """What can be written is measured and written."""
    contract = claiming(project, "a", "b")

    def opened(path, flags, *more, **options):
        return (_read_only if "b.yaml" in str(path) else os.open)(path, flags, *more, **options)

    monkeypatch.setattr(files, "os", Refusing(open=opened))

    told = project.run("run", "--write")

    assert told.status == 3
    assert told.out.count("PV711") == 1
    assert is_promoted(contract)
    assert not is_promoted(contract.with_name("b.yaml"))


def test_130_a_file_of_a_run_that_lives_is_not_removed(project, monkeypatch):
    """Whoever does not get the lock touches nothing; with it, what a killed run left goes."""
    contract = claiming(project, "c")
    theirs = contract.with_name(".c.yaml.4000000.pvtmp")
    theirs.write_bytes(b"half of it")
    monkeypatch.setattr(files.locked.__wrapped__, "__defaults__", (0.0,))
    folder = os.open(contract.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)

    refused = project.run("run", "--write")
    left = theirs.exists()
    os.close(folder)
    written = project.run("run", "--write")

    assert refused.status == 3
    assert "PV709 another pv is writing here" in refused.out
    assert left
    assert written.status == 0
    assert not theirs.exists()


@pytest.mark.parametrize("what", ["gone", "grown", "shrunk"])
def test_126_a_file_that_changes_after_it_was_listed_costs_itself_only(project, monkeypatch, what):
    """The one that is gone or too large now is told; what is read is judged as it is read, whole."""
    first = claiming(project, "a", "b")
    real = os.open
    changed = {
        "gone": first.unlink,
        "grown": lambda: first.write_text(CONTRACT.format(name="A") + "#" * (1 << 20)),
        "shrunk": lambda: first.write_text("metadata:\n  schema: 1\n"),
    }[what]
    done = []

    def slow(path, *words, **options):
        if str(path).endswith("a.yaml") and not done:
            done.append(path)
            changed()
        return real(path, *words, **options)

    monkeypatch.setattr(files.os, "open", slow)

    result = project.run("validate", "contracts")

    assert done
    assert {each.path for each in result.findings} == {"contracts/a.yaml"}
    assert result.status == {"gone": 3, "grown": 1, "shrunk": 1}[what]
    assert "2 contracts" in result.out


def test_127_a_circle_of_links_is_walked_once(project):
    """Each contract is checked once, however many ways lead to it."""
    claiming(project, "c")
    folder = project.root / "contracts"
    (folder / "self").symlink_to(".")
    (folder / "up").symlink_to("..")
    (folder / "again.yaml").symlink_to("c.yaml")

    result = project.run("validate", "contracts", "contracts/c.yaml", "contracts/self/c.yaml", ".")

    assert result.status == 0
    assert result.out.splitlines()[-1].startswith("1 contract")


def test_127_many_files_and_a_deep_tree_take_bounded_time(project):
    """Also thousands of folders below each other: each file is found once, down to where a path is too long."""
    root = project.root / "contracts"
    for folder in range(100):
        (root / f"f{folder}").mkdir(parents=True)
        for number in range(MANY // 100):
            (root / f"f{folder}" / f"{number}.yaml").touch()
    here = os.open(root, os.O_RDONLY)
    for depth in range(DEEP):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        if depth in {400, DEEP - 1}:
            os.close(os.open("deep.yaml", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)
    began = time.process_time()

    try:
        found = discovery.contracts([str(root)], project.root)
    finally:
        subprocess.run(["rm", "-rf", str(root / "d")], check=True)  # pytest would go down by recursion

    reached = 1 if DEEP > 2048 else 2  # a path of Linux has at most 4,096 bytes
    assert len(found) == len(set(found)) == MANY + reached
    assert time.process_time() - began < 5


FOREIGN = {
    "up": "../../../../etc/passwd",
    "absolute": "/etc/passwd",
    "home": "~/model.gguf",
    "user": "~root/model.gguf",
    "variable": "$HOME/model.gguf",
    "braces": "${HOME}/model.gguf",
    "memory": "/proc/self/mem",
    "url": "https://example.org/model.gguf",
    "file-url": "file:///etc/passwd",
    "share": "\\\\\\\\host\\\\share\\\\model.gguf",
    "drive": "C:\\\\model.gguf",
    "git": ".git/config",
    "git-inside": "x/.GIT/hooks/pre-commit",
    "glob": "models/*.gguf",
    "newline": "a\\nb.gguf",
    "long": "x" * 5000,
    "long-steps": "x/" * 2500 + "y",
    "empty": "",
}
WATCHED = """
import sys
opened = []
def hook(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "socket.connect", "os.system", "subprocess.Popen"):
        opened.append(str(arguments[0]))
sys.addaudithook(hook)
from pvcheck.cli import main
sys.argv = ["pv", *sys.argv[1:]]
try:
    main()
finally:
    suspicious = ("/etc/passwd", "/proc/self/mem", "hooks", "example.org", ".gguf", "config", "x/x/x", "xxxxx")
    own = ("pvcheck", "lib/python", ".toml", ".json", "/contracts/c.yaml")
    for each in opened:
        if any(word in each for word in suspicious) and not any(word in each for word in own):
            print("OPENED", each[:200])
"""


@pytest.mark.parametrize("words", [["validate"], ["run"]], ids=" ".join)
def test_128_the_path_of_a_model_stays_in_the_project(project, words):
    """Each is refused at its place, and nothing that it names is opened, listed or asked for."""
    project.allow("arithmetic")
    inputs = "".join(f'  {name}: {{format: gguf, path: "{path}"}}\n' for name, path in FOREIGN.items())
    text = CONTRACT.format(name="PATHS").replace("falsification_tests:", f"inputs:\n{inputs}falsification_tests:")
    project.contract(text, "c.yaml")

    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, *words],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        env=untraced(),
    )

    assert ended.returncode == 1, ended
    assert "OPENED" not in ended.stdout, ended.stdout
    first = text.splitlines().index("inputs:") + 2
    lines = {int(line.split(":")[1]) for line in ended.stdout.splitlines() if line.startswith("contracts/c.yaml:")}
    missing = [name for at, name in enumerate(FOREIGN) if first + at not in lines]
    assert missing == [], ended.stdout


def test_128_a_nul_in_the_path_of_a_model_is_refused(project):
    """No text of a contract holds one."""
    project.allow("arithmetic")
    inputs = 'inputs:\n  nul: {format: gguf, path: "a\\0b.gguf"}\n'
    text = CONTRACT.format(name="NUL").replace("falsification_tests:", f"{inputs}falsification_tests:")
    project.contract(text)

    result = project.run("run")

    assert result.status == 1
    assert [each.code for each in result.findings] == ["PV106"]
