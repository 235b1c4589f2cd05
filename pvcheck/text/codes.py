"""The codes of everything that reading and cutting YAML can refuse, one table with one title each.

A code never changes its meaning. ``pvcheck/explain/CODE.md`` has its page.
"""

from __future__ import annotations

NO_LIBYAML = "PV100"
TOO_LARGE = "PV101"
NOT_UTF8 = "PV102"
CONTROL = "PV103"
BIDI = "PV104"
INVISIBLE = "PV105"
ESCAPE = "PV106"
TAB = "PV107"
CONFLICT = "PV108"
EMPTY = "PV109"
SYNTAX = "PV110"
ROOT = "PV111"
DIRECTIVE = "PV112"
SEVERAL = "PV113"
ANCHOR = "PV114"
ALIAS = "PV115"
MERGE = "PV116"
TAG = "PV117"
DUPLICATE = "PV118"
KEY_NOT_TEXT = "PV119"
KEY_UNQUOTED = "PV120"
KEY_LONG = "PV121"
DEPTH = "PV122"
NODES = "PV123"
SCALAR_LONG = "PV124"
UNCLOSED = "PV125"
NUMBER_SPELLING = "PV130"
YES_NO = "PV131"
NOT_FINITE = "PV132"
NUMBER_RANGE = "PV133"
DIGITS = "PV134"
BY_HAND = "PV140"
MORE = "PV199"

TITLES: dict[str, str] = {
    NO_LIBYAML: "PyYAML has no C parser",
    TOO_LARGE: "the file is larger than 1 MiB",
    NOT_UTF8: "the file is not UTF-8",
    CONTROL: "a control character",
    BIDI: "a character that reorders text",
    INVISIBLE: "an invisible character",
    ESCAPE: "an escape for a character that may not stand here",
    TAB: "a tab in the indentation",
    CONFLICT: "a merge conflict marker",
    EMPTY: "the file is empty",
    SYNTAX: "the text is not YAML",
    ROOT: "the file is not a mapping",
    DIRECTIVE: "a YAML directive",
    SEVERAL: "several documents in one file",
    ANCHOR: "an anchor",
    ALIAS: "an alias",
    MERGE: "a merge key",
    TAG: "a tag",
    DUPLICATE: "a key that stands twice in one mapping",
    KEY_NOT_TEXT: "a list or a mapping as a key",
    KEY_UNQUOTED: "a key that YAML does not read as text",
    KEY_LONG: "a key of more than 256 characters",
    DEPTH: "more than 32 levels",
    NODES: "more than 100,000 values",
    SCALAR_LONG: "a value of more than 65,536 characters",
    UNCLOSED: "a quote or a bracket that is not closed",
    NUMBER_SPELLING: "a number that two versions of YAML read differently",
    YES_NO: "yes, no, on or off without quotes",
    NOT_FINITE: "infinity or NaN as a value",
    NUMBER_RANGE: "a number that a double cannot hold",
    DIGITS: "a number with too many digits",
    BY_HAND: "an edit that must be made by hand",
    MORE: "more problems than one report shows",
}
