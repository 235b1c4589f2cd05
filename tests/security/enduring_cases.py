"""Files that once took long or could take long to look at, or to tell about."""

from __future__ import annotations

_HEAD = b"metadata: {version: 1.0.0, id: C-1}\nfalsification_tests: []\n"

CASES = {
    "control.yaml": b"a: " + b"\x01" * 500_000,
    "control-at-end.yaml": b"a: " + "é".encode() * 400_000 + b"\x01" * 100,
    "combining.yaml": b"a: '" + "\u0301".encode() * 300_000 + b"', x: \x01" + b"\x02" * 200,
    "wide.yaml": b"a: [" + "\u6f22".encode() * 100_000 + b"\x01" * 100,
    "tabs.yaml": b"a: " + b"\t" * 500_000 + b"\x01" * 100,
    "anchors.yaml": b"a: [" + b"&x 1, " * 100_000 + b"]\n",
    "open-quote.yaml": b"a: '" + b"x: " * 300_000,
    "nul.bin": bytes(1_000_000),
    "escapes.yaml": b'a: "' + b"\\U0001F600" * 60_000 + b'"\n',
    "long-key.yaml": _HEAD + b"k" * 1_000_000 + b": 1\n",
    "many-keys.yaml": _HEAD + b"".join(b"k%d: 1\n" % number for number in range(40_000)),
    "deep.yaml": b"[" * 500_000,
    "aliases.yaml": b"a: &a [x]\n" + b"b: [*a, *a, *a, *a, *a, *a, *a, *a]\n" * 20_000,
    "lines.yaml": b"\n" * 1_000_000 + b"\x01",
}
