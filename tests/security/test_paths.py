"""No path of a change leads out of the repository: not by its words, not by a link, not by a folder that is swapped."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck import config, files
from pvcheck.files import Disk, UnreadableError

DIARY = "hunter2: is my passphrase\n"
OUT = 'cannot read: it leads out of "project"'
READING = (
    ["validate"],
    ["validate", "--no-cache", "--format", "sarif"],
    ["list"],
    ["status"],
    ["graph"],
    ["changelog"],
    ["evidence", "verify"],
    ["run"],
    ["run", "--check"],
    ["challenge"],
    ["diff"],
    ["bump"],
    ["validate", "--against=HEAD"],
    ["validate", "--staged"],
    ["report", "--html", "page.html"],
)


def commit(root):
    """Commit everything."""
    who = "-c user.name=n -c user.email=n@example.org"
    assert os.system(f"cd '{root}' && git add -A && git {who} commit -qm x") == 0  # noqa: S605 - our own words


@pytest.fixture
def secret(tmp_path):
    """Return a file beside the project that is nobody's business."""
    place = tmp_path / "private" / "secret.yaml"
    place.parent.mkdir()
    place.write_text(DIARY)
    return place


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_link_out_of_the_repository_is_never_read(project, pv, secret, words):
    """A change may bring a link to a file of whoever checks it; no line of that file is shown to anybody."""
    commit(project.root)
    (project.root / "contracts" / "link.yaml").symlink_to(secret)
    os.system(f"cd '{project.root}' && git add -A")  # noqa: S605 - our own words

    status, out, err = pv(*words)

    page = project.root / "page.html"
    told = out + err + (page.read_text() if page.exists() else "")
    assert "hunter2" not in told
    assert "passphrase" not in told
    assert status != 70
    assert "it leads out of" in told or words[0] in {"list", "diff", "bump", "challenge"}


def test_a_link_out_says_what_to_do(project, pv, secret):
    """It is neither right nor wrong: nobody looked."""
    (project.root / "link.yaml").symlink_to(secret)

    status, out, _ = pv("validate", "link.yaml", "--format", "full")

    assert status == 3
    assert out.startswith(f"link.yaml: PV708 {OUT}\n  hint: put the file itself in the place of the link\n")


def test_a_link_inside_the_repository_is_followed(project, pv):
    """To another folder of it, by any number of steps."""
    (project.root / "a").symlink_to("contracts")
    (project.root / "b.yaml").symlink_to("a/../a/c.yaml")

    assert pv("validate", "b.yaml")[0] == 0


@pytest.mark.parametrize("many", [1, 60])
def test_a_record_is_not_looked_for_outside(project, pv, tmp_path, many):
    """Not where its folder is a link out, whether or not contracts are remembered."""
    assert pv("run", "--write")[0] == 0
    (project.root / "contracts" / "evidence").rename(tmp_path / "private")
    (project.root / "contracts" / "evidence").symlink_to(tmp_path / "private")
    for number in range(many - 1):
        (project.root / "contracts" / f"d{number}.yaml").write_text(
            f"metadata: {{version: 1.0.0, id: C-{number}}}\nfalsification_tests: []\n"
        )

    answers = [pv("validate") for _ in range(2)]

    assert [status for status, _, _ in answers] == [5, 5]
    assert all("PV402" in out for _, out, _ in answers)


def test_a_record_is_not_written_outside(project, pv, tmp_path):
    """A change may bring the folder of the evidence as a link; whoever measures it writes nothing there."""
    (tmp_path / "private").mkdir()
    (project.root / "contracts" / "evidence").symlink_to(tmp_path / "private")
    before = project.contract.read_bytes()

    status, out, _ = pv("run", "--write")

    assert status == 3
    assert 'PV711 the folder of the records leads out of "project", so nothing was written' in out
    assert list((tmp_path / "private").iterdir()) == []
    assert project.contract.read_bytes() == before


def test_a_record_is_not_written_beside_the_contract(project, pv):
    """Its folder may be a link back, which the command would wait for itself to leave."""
    (project.root / "contracts" / "evidence").mkdir()
    (project.root / "contracts" / "evidence" / "c").symlink_to("..")

    status, out, _ = pv("run", "--write")

    assert status == 3
    assert "PV711 the folder of the records leads back to that of the contract, so nothing was written" in out
    assert sorted(each.name for each in (project.root / "contracts").glob("*.json")) == []


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('contracts = ["../private"]', '"../private"'),
        ('contracts = ["/etc/passwd"]', '"/etc/passwd"'),
        ('contracts = ["contracts", "way"]', '"way"'),
    ],
    ids=["up", "absolute", "link"],
)
def test_settings_show_no_folder_outside(project, pv, secret, setting, told):
    """A change may bring settings as well."""
    (project.root / "way").symlink_to(secret.parent)
    (project.root / "pv.toml").write_text(setting)

    status, out, err = pv("validate")

    assert (status, out) == (2, "")
    assert f'PV701 the setting "contracts" leads out of the repository: {told}\n' in err


def test_a_folder_beside_it_in_one_repository_may_be_named(project, pv):
    """A project may be a folder of a repository, and its contracts lie in another."""
    sub = project.root / "sub"
    sub.mkdir()
    (sub / "pv.toml").write_text('contracts = ["../contracts"]')

    os.chdir(sub)

    assert pv("validate")[0] == 0


@pytest.mark.parametrize("name", ["pv.toml", "pyproject.toml", "schemas/evaluators.json"])
def test_settings_and_the_catalogue_may_not_be_links_out(project, pv, secret, name):
    """Nothing of their text is told, not even the word that is wrong in it."""
    secret.write_text("hunter2 = [tool.pv]\n")
    (project.root / "pv.toml").unlink()
    (project.root / name).unlink(missing_ok=True)
    (project.root / name).symlink_to(secret)

    status, out, err = pv("validate")

    assert status == 3
    assert OUT in out + err
    assert "hunter2" not in out + err


@pytest.fixture
def tree(tmp_path):
    """Return a folder whose parts can be swapped for links, and one outside of it that looks the same."""
    for side, text in (("inside", "ours"), ("outside", "theirs")):
        (tmp_path / side / "sub" / "deep").mkdir(parents=True)
        (tmp_path / side / "sub" / "deep" / "file").write_text(text)
    return tmp_path / "inside"


def swap(place, outside):
    """Put a link in the place of a folder or file."""
    place.rename(place.with_name("moved"))
    place.symlink_to(outside)


@pytest.mark.parametrize("name", ["sub", "sub/deep", "sub/deep/file"])
def test_what_is_swapped_after_the_check_is_not_read(tree, name):
    """The check says where a file lies; the use opens that, and not what a link has put there since."""
    disk = Disk(tree)
    place = disk.inside(tree / "sub/deep/file", tree)
    swap(tree / name, tree.parent / "outside" / name)

    with pytest.raises(UnreadableError, match="leads out of"):
        disk.read(place, 100)


@pytest.mark.parametrize("name", ["sub", "sub/deep", "sub/deep/file"])
@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_what_is_swapped_while_it_is_opened_is_not_read(tree, monkeypatch, name, calls):
    """Between any two steps of the way down: what is read is what was there, or nothing."""
    real, left = os.open, [calls]

    def opened(path, *rest, **more):
        left[0] -= 1
        if left[0] == 0:
            swap(tree / name, tree.parent / "outside" / name)
        return real(path, *rest, **more)

    monkeypatch.setattr(files.os, "open", opened)

    try:
        found = files.read_inside(tree / "sub/deep/file", tree, 100)
    except UnreadableError as error:
        found = b"refused" if "leads out of" in str(error) else None

    assert found in {b"ours", b"refused"}


@pytest.fixture(scope="module")
def maze(tmp_path_factory):
    """Return a folder full of links that stay, leave, come back, and go round in circles."""
    root = tmp_path_factory.mktemp("maze").resolve() / "top"
    (root / "a" / "b").mkdir(parents=True)
    (root.parent / "out").mkdir()
    for place in (root / "f", root / "a" / "f", root / "a" / "b" / "f", root.parent / "out" / "f"):
        place.write_text(str(place))
    links = {
        "up": "..", "l": "a/b", "o": "../out", "back": "../out/in", "abs": str(root), "loop": "loop", "dot": "a/./b/..",
    }  # fmt: skip
    for folder in (root, root / "a", root / "a" / "b"):
        for name, target in links.items():
            (folder / name).symlink_to(target)
    (root.parent / "out" / "in").symlink_to(root)
    return root


STEPS = ["a", "b", "f", "up", "l", "o", "back", "abs", "loop", "dot", "..", "."]


@given(steps=st.lists(st.sampled_from(STEPS), max_size=7))
def test_a_path_is_read_exactly_where_it_arrives_inside(maze, steps):
    """Law: a file is read if and only if its real path lies in the folder, and then it is that file.

    What the system itself would not open, since a link goes round in a circle, may be refused.
    """
    path = Path(os.path.join(maze, *steps, "f"))  # noqa: PTH118 - dots must stay
    place = Path(os.path.realpath(path))

    try:
        found = files.read_inside(path, maze, 1000).decode()
    except UnreadableError:
        found = None

    wanted = str(place) if place.is_file() and place.is_relative_to(maze) else None
    assert found == wanted or (found is None and not path.is_file())


def test_a_folder_that_may_be_passed_and_not_listed_is_passed(tree):
    """Whoever may open a file by its name may open it step by step."""
    (tree / "sub").chmod(0o311)

    assert files.read_inside(tree / "sub/deep/file", tree, 100) == b"ours"


def test_no_descriptor_is_left(tree):
    """Neither of a file that was read nor of one that was refused."""
    before = len(list(Path("/proc/self/fd").iterdir()))

    files.read_inside(tree / "sub/deep/file", tree, 100)
    for name in ("sub/none", "sub/deep", "sub/deep/file/more", "../outside/sub/deep/file"):
        with pytest.raises(UnreadableError):
            files.read_inside(tree / name, tree, 100)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_refusal_of_the_disk_on_the_way_is_told(tree, monkeypatch):
    """It is not taken for a link."""

    def refuse(*_, **__):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(files.os, "open", refuse)

    with pytest.raises(UnreadableError, match="cannot read: permission denied"):
        files.read_inside(tree / "sub/deep/file", tree, 100)


def test_the_top_is_that_of_the_repository(tmp_path):
    """Without one, the folder itself."""
    (tmp_path / "r" / ".git").mkdir(parents=True)
    (tmp_path / "r" / "a" / "b").mkdir(parents=True)
    (tmp_path / "none").mkdir()

    assert config.top(tmp_path / "r" / "a" / "b") == tmp_path / "r"
    assert config.top(tmp_path / "none") == tmp_path / "none"
