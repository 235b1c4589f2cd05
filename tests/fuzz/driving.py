"""One target in a process of its own: driven by atheris, which sees what an input reaches, or by our own generator."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from fuzz.harness import Harness, Pool, Tally, fuzz
from fuzz.mutating import json_mutated, mutated
from fuzz.targets import TARGETS, Target

FACTOR: Final = 6.0
"""How much slower code is that counts its branches. What is kept as too slow is tried again without."""
HUNG: Final = 60
"""Seconds after which the process of a target that is stuck in C is ended."""
MEGABYTES: Final = 2048
"""Memory at which it is ended: our own watch looks at each call, this at all of them."""
PACKAGES: Final = ["pvcheck", "pvcheck_q4k"]


class Order(NamedTuple):
    """What one process is to do: a target, where it works, how long, how often, and from which seed."""

    name: str
    work: Path
    seconds: int
    runs: int
    seed: int
    seeds: list[str]

    def told(self) -> str:
        """Return the order as a word of a command line."""
        return json.dumps({**self._asdict(), "work": str(self.work)})

    @classmethod
    def of(cls, told: str) -> Order:
        """Return the order of such a word."""
        values: dict[str, Any] = json.loads(told)
        return cls(**{**values, "work": Path(values["work"])})


def has_atheris() -> bool:
    """Say whether atheris is installed."""
    return find_spec("atheris") is not None


def drive(order: Order) -> None:
    """Fuzz until the order is done."""
    if has_atheris():
        import atheris

        with atheris.instrument_imports(include=PACKAGES):
            target, harness = _prepared(order, FACTOR)
        _with_atheris(order, target, harness)
    else:
        _, harness = _prepared(order, 1.0)
        seeds = [each.read_bytes() for place in order.seeds for each in sorted(Path(place).iterdir())]
        fuzz(harness, seeds, seconds=order.seconds, runs=order.runs or 1 << 62, seed=order.seed)


def _prepared(order: Order, factor: float) -> tuple[Target, Harness]:
    """Return the target, imported where atheris watches, and what calls it."""
    target = TARGETS[order.name]
    return target, Harness(target, order.work / "crashes", factor, Tally(order.work / "counts").write)


def _with_atheris(order: Order, target: Target, harness: Harness) -> None:
    """Hand over to libFuzzer, which ends the process.

    It favours inputs that reach new lines, most of which are refused, and changes each several times: so half of all
    are made from what was understood instead.
    """
    import atheris

    corpus = order.work / "corpus"
    corpus.mkdir(exist_ok=True)
    words = order.work / "words"
    words.write_text("".join(f'"{_spelled(each)}"\n' for each in target.words), encoding="ascii")

    rng = Random(f"{order.seed}")
    pool = Pool((), rng)

    def once(data: bytes) -> None:
        if harness(data):
            pool.add(data)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng.seed(seed)
        how = rng.random()
        if how < 0.5 and pool.inputs:
            return pool.changed(target)[:most]
        if target.is_json and how < 0.7 and (changed := json_mutated(data, rng)) is not None:
            return changed[:most]
        return mutated(data, target, rng)[:most] if how < 0.8 else atheris.Mutate(data, most)

    words_of = ["", *_options(order, target, words), str(corpus), *order.seeds]
    atheris.Setup(words_of, once, custom_mutator=mutate)
    atheris.Fuzz()


def _options(order: Order, target: Target, words: Path) -> list[str]:
    """Return the options of libFuzzer."""
    options = {
        "max_total_time": order.seconds,
        "runs": order.runs or -1,
        "seed": order.seed or 1,
        "max_len": target.largest,
        "timeout": HUNG,
        "rss_limit_mb": MEGABYTES,
        "dict": words,
        "artifact_prefix": f"{order.work}/ended-",
        "print_final_stats": 1,
        "len_control": 20,
    }
    return [f"-{name}={value}" for name, value in options.items()]


def _spelled(word: str) -> str:
    """Return a word as a dictionary of libFuzzer spells it."""
    return "".join(f"\\x{byte:02X}" for byte in word.encode())
