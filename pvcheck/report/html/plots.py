"""Plots as SVG: one panel a quantity, its position below it, and everything it shows in words and in a table too.

No style stands in a plot: the sheet of the page gives classes their colours in both themes. Series differ by marker
and line, never by colour alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.report.html import scales
from pvcheck.report.html.escape import told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pvcheck.report.html.scales import Scale

WIDTH, HEIGHT = 380, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 12, 40
MOST: Final = 2000
"""Positions of one plot; a series that is longer is drawn as far as that, and the caption says so."""
ROOM: Final = 14
"""Ticks of positions that fit side by side where each is short."""
_NUMBERED: Final = re.compile(r"(.*?)[ _-]*([0-9]{1,6})")


class Series(NamedTuple):
    """One line of a panel. ``kind`` is a class of the sheet: ``a`` is filled dots, ``z`` open squares and dashes."""

    name: str
    values: Sequence[float]
    kind: str = "a"


class Rule(NamedTuple):
    """A line across a panel: a limit, a bound or a reference, and what it is."""

    value: float
    name: str


class Panel(NamedTuple):
    """What one plot shows. ``title`` is a sentence, ``axis`` has the unit; all of them are markup already."""

    title: str
    axis: str
    series: Sequence[Series]
    labels: Sequence[str]
    marked: Collection[int] = ()
    rules: Sequence[Rule] = ()
    is_log: bool = True
    note: str = ""


def svg(panel: Panel) -> str:
    """Return a plot, or nothing where no number has a place on the axis."""
    scale = _scale(panel)
    if scale is None:
        return ""
    lost = [_lost(each, panel, scale) for each in panel.series]
    said = "; ".join(filter(None, (_range(panel), _marks(panel), *lost, panel.note)))
    parts = [
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img><title>{panel.title}</title><desc>{said}</desc>',
        *_axes(panel, scale),
        *(part for each in reversed(panel.series) for part in _line(each, panel, scale)),
        *_rules(panel, scale),
    ]
    return f"{''.join(parts)}</svg><figcaption><b>{panel.title}</b> {said}</figcaption></figure>"


def _scale(panel: Panel) -> Scale | None:
    """Return the scale of the numbers and of the lines across them."""
    values = [value for each in panel.series for value in each.values[:MOST]]
    make = scales.log if panel.is_log else scales.linear
    if make(values, 0, 1) is None:
        return None
    return make([*values, *(each.value for each in panel.rules)], HEIGHT - BOTTOM, TOP)


def x_of(position: int, count: int) -> float:
    """Return where a position stands: in the middle of its share of the width."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (position + 0.5) / count


def _axes(panel: Panel, scale: Scale) -> Iterator[str]:
    """Yield grid, ticks and titles of both axes."""
    ticks = scale.ticks()
    grid = "".join(f"M{LEFT} {_n(at)}H{WIDTH - RIGHT}" for at, _ in ticks)
    yield f'<path class=g d="{grid}"/><path class=x d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    yield from (f'<text class=e x={LEFT - 5} y="{_n(at + 3.5)}">{word}</text>' for at, word in ticks)
    title, words = positions(panel.labels)
    shortest = max(1, max(map(len, words), default=1))
    count = min(len(panel.labels), MOST)
    for place in scales.thinned(count, max(1, min(ROOM, 60 // shortest))):
        yield f'<text class=m x="{_n(x_of(place, count))}" y={HEIGHT - BOTTOM + 14}>{told(words[place], 20)}</text>'
    middle = (HEIGHT - BOTTOM + TOP) // 2
    yield f"<text class=m x={(LEFT + WIDTH - RIGHT) // 2} y={HEIGHT - 8}>{told(title, 40)}</text>"
    scaled = ", log scale" if scale.is_log else ""
    yield f'<text class=m transform="rotate(-90 11 {middle})" x=11 y={middle}>{panel.axis}{scaled}</text>'


def positions(labels: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the title of the axis of positions and a word for each: "layer" and "0", "1", ... where labels count.

    >>> positions(["layer 2", "layer 3"])
    ('layer', ['2', '3'])
    """
    found = [_NUMBERED.fullmatch(each[:200]) for each in labels]
    heads = {match[1] for match in found if match}
    if all(found) and len(heads) == 1 and (head := heads.pop()):
        return head, [match[2] for match in found if match]
    if labels and all(len(each) <= 8 for each in labels):
        return "position", labels
    return "position, from 0", [str(each) for each in range(len(labels))]


def _rules(panel: Panel, scale: Scale) -> Iterator[str]:
    """Yield lines across the plot with their names at the right end: the highest above its line, the others below."""
    shown = sorted((each for each in panel.rules if scale.shows(each.value)), key=lambda each: -each.value)
    for number, rule in enumerate(shown):
        at = scale.at(rule.value)
        is_above = (number == 0 and at > TOP + 12) or at > HEIGHT - BOTTOM - 12
        yield f'<path class=r d="M{LEFT} {_n(at)}H{WIDTH - RIGHT}"/>'
        yield f'<text class="e r" x={WIDTH - RIGHT} y="{_n(at - 4 if is_above else at + 12)}">{rule.name}</text>'


def _line(series: Series, panel: Panel, scale: Scale) -> Iterator[str]:
    """Yield the line of a series, broken where a number has no place, and its markers."""
    count = min(len(panel.labels), MOST)
    points = [
        (position, x_of(position, count), scale.at(value), scale.shows(value))
        for position, value in enumerate(series.values[:MOST])
    ]
    drawn = ""
    was_shown = False
    for _, x, y, shown in points:
        if shown:
            drawn += f"{'L' if was_shown else 'M'}{_n(x)} {_n(y)}"
        was_shown = shown
    yield f'<path class="l {series.kind}" d="{drawn}"/>'
    marked = set(panel.marked) if series.kind == "a" else set()
    plain = [(x, y) for position, x, y, shown in points if shown and position not in marked]
    form = "h0" if series.kind == "a" else "m-3-3h6v6h-6z"
    if plain:
        yield f'<path class="d {series.kind}" d="{"".join(f"M{_n(x)} {_n(y)}{form}" for x, y in plain)}"/>'
    odd = [(x, y) for position, x, y, shown in points if shown and position in marked]
    if odd:
        yield f'<path class=q d="{"".join(f"M{_n(x)} {_n(y - 5)}l5 5-5 5-5-5z" for x, y in odd)}"/>'
    lost = [(x, y) for _, x, y, shown in points if not shown]
    if lost:
        yield f'<path class=n d="{"".join(f"M{_n(x - 3)} {_n(y - 3)}l6 6m-6 0l6-6" for x, y in lost)}"/>'


def _range(panel: Panel) -> str:
    """Return each series with its smallest and largest number."""
    words = []
    for each in panel.series:
        finite = [value for value in each.values if value - value == 0]
        marker = "" if len(panel.series) == 1 else ("● " if each.kind == "a" else "□ ")
        span = f" from {min(finite):.4g} to {max(finite):.4g}" if finite else ""
        words.append(f"{marker}{told(each.name, 40)}{span}")
    cut = f"; drawn are {MOST} of {len(panel.labels)} positions" if len(panel.labels) > MOST else ""
    return ", ".join(words) + cut


def _marks(panel: Panel) -> str:
    """Return which positions are marked."""
    if not panel.marked:
        return ""
    names = [told(panel.labels[each], 40) for each in sorted(panel.marked)[:4]]
    more = f" and {len(panel.marked) - 4} more" if len(panel.marked) > 4 else ""
    return f"◇ ill-conditioned: {', '.join(names)}{more}"


def _lost(series: Series, panel: Panel, scale: Scale) -> str:
    """Return which numbers have no place on the axis."""
    lost = [told(panel.labels[at], 40) for at, each in enumerate(series.values[:MOST]) if not scale.shows(each)]
    if not lost:
        return ""
    more = f" and {len(lost) - 4} more" if len(lost) > 4 else ""
    why = "zero, negative or not finite" if scale.is_log else "not finite"
    return f"✕ no place on the axis, {why}: {told(series.name, 40)} at {', '.join(lost[:4])}{more}"


def _n(value: float) -> str:
    """Return a coordinate in the fewest characters: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")
