"""Settings: where they are found, what they may say, and how a mistake is told."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import TYPE_CHECKING

import pytest

from pvcheck import config
from pvcheck.config import NEVER, Config, Ignore, Signatures
from pvcheck.domain.keys import PublicKey
from pvcheck.errors import ConfigError
from pvcheck.files import UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
EVERYTHING = """\
contracts = ["contracts", "more.yaml"]
evaluators = ["q4k-chain"]
timeout = 30
base = "origin/main"
challenge = {min = 0.75}
guards = {conditioning = 500}

[inputs]
teacher = "models/teacher.gguf"

[plugins]
disable = ["other"]
choose = {mine = "first"}

[signatures]
required = true
keys = {release = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}

[[ignore]]
code = "PV319"
reason = "the tests arrive with #12"

[[ignore]]
code = "PV216"
reason = "words of the old tool"
paths = ["contracts/old/*.yaml"]
id = "F-1"
until = 2027-01-31
"""


def test_everything_can_be_set(tmp_path):
    """Each setting arrives in its field, and the folder of the file is the root."""
    (tmp_path / "pv.toml").write_text(EVERYTHING)

    assert config.of_folder(tmp_path) == Config(
        root=tmp_path,
        contracts=("contracts", "more.yaml"),
        evaluators=frozenset({"q4k-chain"}),
        inputs={"teacher": "models/teacher.gguf"},
        timeout=30.0,
        challenge=0.75,
        conditioning=500.0,
        disabled=frozenset({"other"}),
        chosen={"mine": "first"},
        base="origin/main",
        signatures=Signatures(required=True, keys={"release": PublicKey(KEY)}),
        ignores=(
            Ignore("PV319", "the tests arrive with #12", source=str(tmp_path / "pv.toml")),
            Ignore(
                "PV216",
                "words of the old tool",
                ("contracts/old/*.yaml",),
                "F-1",
                date(2027, 1, 31),
                str(tmp_path / "pv.toml"),
            ),
        ),
    )


def test_nothing_has_to_be_set(tmp_path):
    """Without a file the defaults hold, for the folder itself."""
    assert config.of_folder(tmp_path) == Config(root=tmp_path)
    assert Config(root=tmp_path) == Config(
        root=tmp_path,
        contracts=("contracts",),
        evaluators=None,
        inputs={},
        timeout=120.0,
        challenge=None,
        conditioning=1000.0,
        disabled=frozenset(),
        chosen={},
        base=None,
        signatures=Signatures(required=False, keys={}),
        ignores=(),
    )


def test_an_empty_list_of_evaluators_allows_none(tmp_path):
    """Saying nothing and allowing nothing are two things."""
    (tmp_path / "pv.toml").write_text("evaluators = []\n[plugins]\n")

    assert config.of_folder(tmp_path).evaluators == frozenset()


@pytest.mark.parametrize(
    ("files", "root"),
    [
        ({"pv.toml": "timeout = 5"}, ""),
        ({"pyproject.toml": "[tool.pv]\ntimeout = 5"}, ""),
        ({"pv.toml": "timeout = 5", "pyproject.toml": "[tool.pv]\ntimeout = 6"}, ""),
        ({"a/pv.toml": "timeout = 5", "pv.toml": "timeout = 6"}, "a"),
        ({"pv.toml": "timeout = 5", "a/pyproject.toml": "[tool.other]\n"}, ""),
        ({"pv.toml": "timeout = 5", "a/b/pyproject.toml": "[project]\n"}, ""),
    ],
    ids=["pv.toml", "pyproject.toml", "pv.toml first", "the closest", "pyproject without ours", "deeper"],
)
def test_the_closest_settings_hold(tmp_path, files, root):
    """Settings are looked for upwards; a pyproject.toml counts where it has our table."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True, exist_ok=True)

    assert config.of_folder(here) == Config(root=tmp_path / root, timeout=5.0)


def test_a_repository_ends_the_search(tmp_path):
    """Settings above the repository are somebody else's."""
    (tmp_path / "pv.toml").write_text("timeout = 5")
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "a").mkdir()

    assert config.of_folder(tmp_path / "repo" / "a") == Config(root=tmp_path / "repo")


def test_settings_beside_the_repository_count(tmp_path):
    """A settings file in the root of the repository is looked at before the search ends."""
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    (tmp_path / "pv.toml").write_text("timeout = 5")

    assert config.of_folder(tmp_path).timeout == 5


def refused(folder: Path) -> list[tuple[str, str]]:
    """Return what refused settings say, with the way out."""
    with pytest.raises(ConfigError) as caught:
        config.of_folder(folder)
    assert {each.exit_code for each in caught.value.findings} == {2}
    return [(str(each).replace(f"{folder}/", ""), each.hint) for each in caught.value.findings]


LIST, SECONDS = "a list of names", "a number of seconds above 0 and at most 86400"
IGNORES = "tables with code, reason and, where they narrow it, paths, id, until"
BASE = "the name of a branch or commit"
LEAST = "a table with min, a number from 0 to 1"
GUARDS = "a table with conditioning, a number from 1 to 1e16"
WRONG = {
    "contracts is text": ('contracts = "contracts"', "contracts", "a list of files or folders"),
    "contracts holds a number": ("contracts = [1]", "contracts", "a list of files or folders"),
    "evaluators is text": ('evaluators = "a"', "evaluators", LIST),
    "evaluators is true": ("evaluators = true", "evaluators", LIST),
    "inputs is a list": ("inputs = []", "inputs", "a table of paths by name"),
    "inputs holds a number": ("inputs = {a = 1}", "inputs", "a table of paths by name"),
    "timeout is text": ('timeout = "1"', "timeout", SECONDS),
    "timeout is true": ("timeout = true", "timeout", SECONDS),
    "timeout is zero": ("timeout = 0", "timeout", SECONDS),
    "timeout is negative": ("timeout = -1", "timeout", SECONDS),
    "timeout is a day and a bit": ("timeout = 86400.5", "timeout", SECONDS),
    "timeout is infinite": ("timeout = inf", "timeout", SECONDS),
    "timeout is no number": ("timeout = nan", "timeout", SECONDS),
    "challenge is a number": ("challenge = 0.9", "challenge", LEAST),
    "challenge asks for something else": ("challenge = {least = 0.9}", "challenge", LEAST),
    "challenge demands text": ("challenge = {min = '1'}", "challenge", LEAST),
    "challenge demands true": ("challenge = {min = true}", "challenge", LEAST),
    "challenge demands more than all": ("challenge = {min = 1.5}", "challenge", LEAST),
    "challenge demands less than none": ("challenge = {min = -0.5}", "challenge", LEAST),
    "challenge demands nan": ("challenge = {min = nan}", "challenge", LEAST),
    "guards is a number": ("guards = 1000", "guards", GUARDS),
    "guards asks for something else": ("guards = {carry = 0.1}", "guards", GUARDS),
    "conditioning is text": ("guards = {conditioning = '1000'}", "guards", GUARDS),
    "conditioning is true": ("guards = {conditioning = true}", "guards", GUARDS),
    "conditioning is below 1": ("guards = {conditioning = 0.5}", "guards", GUARDS),
    "conditioning is infinite": ("guards = {conditioning = inf}", "guards", GUARDS),
    "conditioning is nan": ("guards = {conditioning = nan}", "guards", GUARDS),
    "plugins is a list": ("plugins = []", "plugins", "a table with disable and choose"),
    "plugins holds another key": ("plugins = {disabled = []}", "plugins", "a table with disable and choose"),
    "disable is text": ('plugins = {disable = "a"}', "plugins", "a table with disable and choose"),
    "choose is a list": ("plugins = {choose = []}", "plugins", "a table with disable and choose"),
    "base is a number": ("base = 1", "base", BASE),
    "base is blank": ('base = " "', "base", BASE),
    "ignore is a table": ("ignore = {}", "ignore", IGNORES),
    "ignore holds text": ('ignore = ["PV319"]', "ignore", IGNORES),
    "ignore has no code": ('ignore = [{reason = "r"}]', "ignore", IGNORES),
    "ignore has another code": ('ignore = [{code = "PV3", reason = "r"}]', "ignore", IGNORES),
    "ignore has a small code": ('ignore = [{code = "pv319", reason = "r"}]', "ignore", IGNORES),
    "ignore has a code of letters": ('ignore = [{code = "PV31x", reason = "r"}]', "ignore", IGNORES),
    "ignore has no reason": ('ignore = [{code = "PV319"}]', "ignore", IGNORES),
    "ignore has a blank reason": ('ignore = [{code = "PV319", reason = " "}]', "ignore", IGNORES),
    "ignore has a number for a reason": ('ignore = [{code = "PV319", reason = 1}]', "ignore", IGNORES),
    "ignore has another key": ('ignore = [{code = "PV319", reason = "r", path = "a"}]', "ignore", IGNORES),
    "ignore has text for paths": ('ignore = [{code = "PV319", reason = "r", paths = "a"}]', "ignore", IGNORES),
    "ignore has a number for an id": ('ignore = [{code = "PV319", reason = "r", id = 1}]', "ignore", IGNORES),
    "ignore has text for a day": ('ignore = [{code = "PV319", reason = "r", until = "2027"}]', "ignore", IGNORES),
    "ignore has a moment": (
        'ignore = [{code = "PV319", reason = "r", until = 2027-01-31T00:00:00}]',
        "ignore",
        IGNORES,
    ),
}


LINE = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
SIGNATURES = "a table with keys, up to 64 texts by name, and required, true or false"
WRONG |= {
    f"signatures: {text}": (f"signatures = {text}", "signatures", SIGNATURES)
    for text in (
        "true",
        "{require = true}",
        '{required = "yes"}',
        "{required = true}",
        "{required = true, keys = {}}",
        '{keys = ["x"]}',
        "{keys = {a = 1}}",
        "{keys = {" + ", ".join(f'k{n} = "{LINE}"' for n in range(65)) + "}}",
    )
}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param('a = "ssh-ed25519 AAAA"', '"a" must be the line of base64 that openssl', id="another form"),
        pytest.param(
            'a = "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="',
            '"a" is a point of low',
            id="low order",
        ),
        pytest.param(f'a = "{LINE}", b = "{LINE}"', '"b" stands under another name too', id="twice"),
        pytest.param(r'"a\nb" = ""', r'"a\nb" must be the line', id="a name with a line end"),
    ],
)
def test_a_key_that_cannot_vouch_is_refused(tmp_path, keys, message):
    """With its name, and the command that prints a right one; nobody is left with a demand that nothing can meet."""
    (tmp_path / "pv.toml").write_text(f"signatures = {{required = true, keys = {{{keys}}}}}")

    ((told, hint),) = refused(tmp_path)

    assert told.startswith(f"pv.toml: PV483 the key {message}")
    assert hint == "pv evidence keygen makes a pair of keys, and prints the line"


@pytest.mark.parametrize(("text", "key", "wanted"), WRONG.values(), ids=WRONG)
def test_a_setting_of_the_wrong_kind_is_told(tmp_path, text, key, wanted):
    """A setting says what it must be, and where that is written down."""
    (tmp_path / "pv.toml").write_text(text)

    assert refused(tmp_path) == [
        (f'pv.toml: PV701 the setting "{key}" must be {wanted}', f"see {key} in docs/config.md"),
    ]


REFUSED = {
    "PV101": "what the file says is not certain",
    "PV201": "a part of the contract cannot be read",
    "PV206": "a part of the contract cannot be read",
    "PV401": "a status is earned, and evidence is not a matter of taste",
    "PV415": "a status is earned, and evidence is not a matter of taste",
    "PV449": "a status is earned, and evidence is not a matter of taste",
    "PV450": "a version says what changed, or it says nothing",
    "PV485": "a status is earned, and evidence is not a matter of taste",
    "PV601": "it is about plugins and measurements, not about contracts",
    "PV718": "it is about settings, commands and versions, not about contracts",
}


@pytest.mark.parametrize(("code", "why"), REFUSED.items())
def test_what_is_no_matter_of_taste_cannot_be_ignored(tmp_path, code, why):
    """The settings are refused, with the reason; nothing is ignored in silence."""
    (tmp_path / "pv.toml").write_text(f'[[ignore]]\ncode = "{code}"\nreason = "later"\n')

    hint = "mend what it found; findings that are a matter of taste can be ignored"
    assert refused(tmp_path) == [(f"pv.toml: PV717 {code} cannot be ignored: {why}", hint)]


@pytest.mark.parametrize("code", ["PV207", "PV219", "PV301", "PV319", "PV350"])
def test_rules_about_wording_and_references_can_be_ignored(tmp_path, code):
    """With a reason, and with no more than that."""
    (tmp_path / "pv.toml").write_text(f'[[ignore]]\ncode = "{code}"\nreason = "later"\n')

    assert [each.code for each in config.of_folder(tmp_path).ignores] == [code]


def test_the_table_of_what_cannot_be_ignored_is_in_order():
    """No family is named twice, and none ends before it starts."""
    ends = [code for first, last, _ in NEVER for code in (first, last)]

    assert ends == sorted(ends)
    assert all(why for _, _, why in NEVER)


@pytest.mark.parametrize("seconds", ["0.001", "86400", "86400.0"])
def test_the_ends_of_the_timeout_are_allowed(tmp_path, seconds):
    """A day is a timeout, and so is a millisecond."""
    (tmp_path / "pv.toml").write_text(f"timeout = {seconds}")

    assert config.of_folder(tmp_path).timeout == float(seconds)


def test_every_mistake_is_told_at_once(tmp_path):
    """A typo in a key and a wrong value are two findings."""
    (tmp_path / "pv.toml").write_text("evaluator = []\ntimeout = 0\n")

    assert refused(tmp_path) == [
        (
            'pv.toml: PV701 the setting "evaluator" is not known',
            "use one of contracts, evaluators, inputs, timeout, challenge, guards, plugins, base, signatures, ignore",
        ),
        (f'pv.toml: PV701 the setting "timeout" must be {SECONDS}', "see timeout in docs/config.md"),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"timeout = = 1", "Invalid value (at line 1, column 11)"),
        (b"a = 1\na = 2\n", "Cannot overwrite a value (at line 2, column 6)"),
        (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
    ids=["syntax", "duplicate key", "not UTF-8"],
)
def test_what_is_no_toml_is_told(tmp_path, data, reason):
    """The line that is wrong is in the message."""
    (tmp_path / "pv.toml").write_bytes(data)

    assert refused(tmp_path) == [(f"pv.toml: PV702 not TOML: {reason}", "mend the line it names")]


def test_our_table_must_be_a_table(tmp_path):
    """A number in its place is told, not fallen over."""
    (tmp_path / "pyproject.toml").write_text("tool.pv = 3\n")

    assert refused(tmp_path) == [("pyproject.toml: PV701 tool.pv must be a table", "write [tool.pv]")]


@pytest.mark.parametrize("text", ["# tool.pv is elsewhere\n", "# tool.pv\ntool = 3\n"])
def test_a_mention_is_no_table(tmp_path, text):
    """A comment about our table sets nothing."""
    (tmp_path / "pyproject.toml").write_text(text)

    assert config.of_folder(tmp_path) == Config(root=tmp_path)


def test_settings_that_cannot_be_read_are_told(tmp_path, monkeypatch):
    """A file that is there and unreadable is not passed over."""
    (tmp_path / "pv.toml").write_text("timeout = 5")

    def refuse(*_: object) -> bytes:
        raise UnreadableError([])

    monkeypatch.setattr(config.files, "read_inside", refuse)

    with pytest.raises(UnreadableError):
        config.of_folder(tmp_path)


def test_the_example_of_the_module_is_understood(tmp_path):
    """The settings in the module's own words set every field."""
    text = (config.__doc__ or "").split("\n\n", 1)[1]
    (tmp_path / "pv.toml").write_text(text)

    settings = config.of_folder(tmp_path)

    assert set(tomllib.loads(text)) == set(config._KEYS)
    assert settings.chosen == {"my-evaluator": "mine"}
    assert settings.inputs == {"teacher": "models/teacher.gguf"}
