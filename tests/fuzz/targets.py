"""The readers that are fuzzed: each takes bytes, and says whether it understood them or refused them as it should.

What else happens is a crash: an error that is not ours, a promise of the target that does not hold, a message that no
terminal should show, more than a second of work or 200 MB of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple, cast

Reader = Callable[[bytes], bool]

HERE: Final = Path(__file__).resolve().parent
SEEDS: Final = HERE / "seeds"
CASES: Final = HERE / "cases"


class Target(NamedTuple):
    """One reader. ``words`` are what its inputs are made of, ``largest`` the bytes of the longest one that is tried.

    ``where`` names a function, "module:function", which is imported late: atheris has to see its imports.
    ``is_json`` says that its inputs are best changed as JSON, ``outside`` how the names of files of the corpora end
    that it reads.
    """

    where: str | Reader
    words: tuple[str, ...]
    largest: int = 4096
    is_json: bool = False
    outside: str = ""

    @property
    def call(self) -> Reader:
        """The function."""
        if not isinstance(self.where, str):
            return self.where
        module, _, name = self.where.partition(":")
        return cast("Reader", getattr(import_module(f"fuzz.{module}"), name))


_YAML: Final = (
    "metadata:", "falsification_tests:", "- id: ", "  expect:", "status: DISCHARGED", "evidence: sha256:",
    "amendments: []", ": ", "- ", "? ", "| ", "> ", "|+\n", ">-\n", "'", '"', "''", "[", "]", "{", "}", ", ", "#",
    "&a", "*a", "!t ", "<<: ", "---\n", "...\n", "%YAML 1.2\n", "\r\n", "\n", "\t", "\\x00", "\\u202e", "\u2028",
    "\ufeff", "\u202e", "~", "null", "true", "no", "1e-5", ".inf", "0x10", "010", "1_0", "12:30", "2026-11-22", "=",
    "\x00", "\U0001f600",
)  # fmt: skip
_CONTRACT: Final = (
    *_YAML, "inputs:", "with:", "evaluator: ", "implementation_stages:", "expected_acceptance: [F-1]",
    "proof_obligations:", "equations:", "challenge:", "accept:", "schema: 1", "version: 1.2.3", "rule: ",
    "path: ../x", "kani_harnesses:", "qa_gate:", "verification_summary:", "depends_on:", "transitions:", "bounds:",
    "test: ",
)  # fmt: skip
_BOUNDS: Final = (
    "<", "<=", ">", ">=", "==", "!=", "+-", "in [", "]", ",", "%", "is true", "is false", "all ", "any ", "max ",
    "min ", "count(", ") ", "[3] ", "0x3f800000", "0x3ff0000000000000", "1e308", "5e-324", "-0", "1e-9999", ".5",
    "nan", "inf", "\n",
)  # fmt: skip
_TOML: Final = (
    "contracts = [", "evaluators = [", "timeout = ", "challenge = {min = ", "guards = {conditioning = ", "[inputs]\n",
    "[plugins]\n", "[signatures]\n", "[signatures.keys]\n", "[[ignore]]\n", "required = true\n", 'code = "PV319"\n',
    "base = ", 'reason = "why"\n', "until = 2027-01-31\n", "[tool.pv]\n", '"', "'", '"""', "'''", "[", "]", "{", "}",
    ".", "=", ",", "\n", "\\u0000", "inf", "nan", "1e400", "0x", "1_0", "1979-05-27T07:32:00Z", "true", "disable = [",
    "choose = {",
)  # fmt: skip
_GGUF: Final = (
    "GGUF", "GGUF\x03\x00\x00\x00", "general.alignment", "general.architecture", "tokenizer.ggml.tokens", "\x00"*8,
    "\x01"+"\x00"*7, "\x08\x00\x00\x00", "\x09\x00\x00\x00", "\x0c\x00\x00\x00", "\x00\x01"+"\x00"*6, "\x7f",
)  # fmt: skip
_APR: Final = (
    "APR\x00\x02\x00",
    "{}",
    '{"a":1}',
    "\x0c\x02",
    "\x80\x01",
    "\x00" * 8,
    "\x40" + "\x00" * 7,
    '{"a":[',
    "1e999",
)
_JSON: Final = (
    '{"', '":', ",", "[", "]", "{}", "null", "true", "1e999", "NaN", "-0", "0x1.8000000000000p+0", '"nan"', "1.5",
    "\\ud800", "\\u0000", "\n", "100000000000000000000", '"sha256"',
)  # fmt: skip
_RECORD: Final = (
    *_JSON, '"subject"', '"predicateType"', '"predicate"', '"claim"', '"with"', '"inputs"', '"ranges"', '"metrics"',
    '"expectations"', '"bound"', '"held"', '"margin"', '"outcome"', '"details"', '"guards"', '"made_by"', '"made_at"',
    '"trials"', '"clean"', '"left_out"', '"state"', '"moved"', '"labels"', '"comparisons"', '"conditions"', '"links"',
)  # fmt: skip
_ANSWER: Final = (
    *_JSON, '"kind"', '"measured"', '"measurement"', '"split"', '"parts"', '"answers"', '"error"', '"not_measured"',
    '"timeout"', '"reads"', '"seconds"', '"reason"', '"code"', '"where"', '"backend"', '"libraries"', '"metrics"',
)  # fmt: skip

_ENVELOPE: Final = (*_JSON, '"payload"', '"payloadType"', '"signatures"', '"keyid"', '"sig"', "==")
_SCHEMA: Final = (*_JSON, '"pattern"', '"$ref"', '"properties"', '"type"')
_FRAME: Final = ("\x10\x00\x00\x00", '{"kind": "progress", ', '"done": ', '"total": ', *_JSON)

TARGETS: Final = {
    "yaml": Target("of_text:yaml", _YAML, 16384, outside=".yaml"),
    "splice": Target("of_text:splicing", _YAML, 8192),
    "contract": Target("of_text:contract", _CONTRACT, 16384, outside=".yaml"),
    "bounds": Target("of_text:bound", _BOUNDS, 420),
    "version": Target("of_text:version", ("1", "0", ".", "1.13.0", "999999999", "-", "+", "\n", "\u0661"), 64),
    "settings": Target("of_text:settings", _TOML, 8192, outside=".toml"),
    "catalogue": Target("of_text:evaluators", _SCHEMA, 8192, is_json=True),
    "record": Target("of_records:evaluation", _RECORD, 16384, is_json=True),
    "challenge": Target("of_records:trials", _RECORD, 16384, is_json=True),
    "results": Target("of_records:results", _RECORD, 16384, is_json=True),
    "signature": Target("of_records:sealed", _ENVELOPE, is_json=True),
    "answer": Target("of_answers:answers", _ANSWER, 16384, is_json=True),
    "frame": Target("of_answers:messages", _FRAME, 4096),
    "gguf": Target("of_models:gguf", _GGUF, 8192, outside=".gguf"),
    "apr": Target("of_models:apr", _APR, 8192, outside=".apr"),
}  # fmt: skip
"""Every target by its name."""


def kept(folder: Path, name: str) -> list[Path]:
    """Return the files of a target in one of the two folders, sorted."""
    place = folder / name
    return sorted(each for each in place.iterdir() if each.is_file()) if place.is_dir() else []
