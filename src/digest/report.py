"""One edition's delivery as a page: what went, what is held and why, with charts as inline SVG.

    counts, timeline, domains, refusals, held deliveries ─page─▶ one HTML file that needs nothing else

Pure: values in, text out. It loads no script, no font and no picture from anywhere, and escapes whatever it shows,
since a relay's words are anybody's words.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup, escape
from msgspec import Struct, field

from digest.delivery import State
from digest.text.wrapping import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from digest.delivery import Delivery

# Okabe and Ito's colours, told apart by colour-blind eyes; each state has its word beside it all the same.
COLOURS = {
    State.SENT: "#0072b2",
    State.DEFERRED: "#e69f00",
    State.REFUSED: "#d55e00",
    State.IN_DOUBT: "#cc79a7",
    State.SUPPRESSED: "#7f7f7f",
    State.CANCELLED: "#4d4d4d",
    State.PLANNED: "#9ecae1",
    State.CLAIMED: "#9ecae1",
    State.SENDING: "#56b4e9",
}
WORDS = {
    State.SENT: "accepted",
    State.DEFERRED: "to be tried again",
    State.REFUSED: "refused",
    State.IN_DOUBT: "in doubt",
    State.SUPPRESSED: "left out (suppressed)",
    State.CANCELLED: "called off",
    State.PLANNED: "waiting",
    State.CLAIMED: "taken up",
    State.SENDING: "on the way",
}
NAMED = (State.IN_DOUBT, State.REFUSED, State.DEFERRED)  # each address of these is listed
_WIDTH, _ROW, _LABEL, _TALL = 640, 26, 190, 180
_MOST = 12  # bars in a chart


class Standings(Struct, frozen=True, kw_only=True):
    """What the ledger says of one edition at one moment."""

    edition: str
    title: str
    counts: Mapping[State, int]
    timeline: Sequence[tuple[float, State, int]] = ()  # (start of a span, state, how many came into it then)
    domains: Mapping[str, Mapping[State, int]] = field(default_factory=dict)
    refusals: Mapping[tuple[int, str], int] = field(default_factory=dict)


def sentence(counts: Mapping[State, int]) -> str:
    """`4,103 accepted, 7 refused`: every state that somebody is in, the good news first.

    >>> sentence({State.REFUSED: 7, State.SENT: 4103})
    '4,103 accepted, 7 refused'
    """
    return ", ".join(f"{counts[state]:,} {WORDS[state]}" for state in COLOURS if counts.get(state)) or "no readers"


def page(standings: Standings, held: Iterable[Delivery], now: datetime) -> str:
    """The whole page. `held` are the deliveries to be named, streamed into a table."""
    zone = now.tzinfo
    assert zone is not None, "times are aware"
    parts = [
        _figure("Where the readers are", _stacked([("all", standings.counts)]), standings.counts),
        _figure("Over time", _timeline(standings.timeline, zone), dict.fromkeys(s for _, s, _ in standings.timeline)),
        _figure("By domain", _stacked(list(standings.domains.items())[:_MOST]), {}),
        _figure("Refusals by reason", _reasons(standings.refusals), {}),
        _held(held),
    ]
    return str(
        _PAGE.format(
            edition=standings.edition,
            title=standings.title,
            sentence=sentence(standings.counts),
            now=f"{now:%Y-%m-%d %H:%M %Z}",
            body=Markup("\n").join(part for part in parts if part),
        )
    )


def _figure(title: str, chart: Markup, legend: Iterable[State]) -> Markup:
    if not chart:
        return Markup()
    keys = Markup(" ").join(
        Markup('<span class="key"><i style="background:{}"></i>{}</span>').format(COLOURS[state], WORDS[state])
        for state in COLOURS
        if state in set(legend)
    )
    return Markup("<figure><figcaption><h2>{}</h2>{}</figcaption>{}</figure>").format(title, keys, chart)


def _stacked(rows: Sequence[tuple[str, Mapping[State, int]]]) -> Markup:
    """Horizontal bars, one a row, made of states; the longest fills the width."""
    totals = [sum(counts.values()) for _, counts in rows]
    if not any(totals):
        return Markup()
    scale = (_WIDTH - _LABEL - 80) / max(totals)
    marks: list[Markup] = []
    for number, ((label, counts), total) in enumerate(zip(rows, totals, strict=True)):
        y, x = number * _ROW + 4, float(_LABEL)
        marks.append(_text(_LABEL - 8, y + 13, label, "end"))
        for state in COLOURS:
            if count := counts.get(state, 0):
                marks.append(_bar(x, y, count * scale, _ROW - 8, state, f"{label}: {count:,} {WORDS[state]}"))
                x += count * scale
        marks.append(_text(x + 6, y + 13, f"{total:,}", "start"))
    return _svg(len(rows) * _ROW + 4, marks)


def _timeline(points: Sequence[tuple[float, State, int]], zone: tzinfo) -> Markup:
    """Columns over time, one a span, made of the states that readers came into then."""
    spans = sorted({start for start, _, _ in points})
    if not spans:
        return Markup()
    heights = {start: sum(count for at, _, count in points if at == start) for start in spans}
    step = min((b - a for a, b in pairwise(spans)), default=1.0)
    columns = round((spans[-1] - spans[0]) / step) + 1
    width = min(40.0, (_WIDTH - 60) / columns)
    scale = (_TALL - 40) / max(heights.values())
    marks: list[Markup] = []
    for start in spans:
        x, y = 50 + round((start - spans[0]) / step) * width, float(_TALL - 24)
        clock = f"{datetime.fromtimestamp(start, zone):%H:%M:%S}"
        for state in COLOURS:
            count = sum(each for at, was, each in points if at == start and was is state)
            if count:
                y -= count * scale
                marks.append(
                    _bar(x, y, max(1.0, width - 1), count * scale, state, f"{clock}: {count:,} {WORDS[state]}")
                )
    marks.append(_text(44, 20, f"{max(heights.values()):,}", "end"))
    marks.append(_text(44, _TALL - 24, "0", "end"))
    for start, anchor in ((spans[0], "start"), (spans[-1], "end")):
        x = 50 + round((start - spans[0]) / step) * width
        marks.append(_text(x, _TALL - 6, f"{datetime.fromtimestamp(start, zone):%d %b %H:%M}", anchor))
        if len(spans) == 1:
            break
    return _svg(_TALL, marks)


def _reasons(refusals: Mapping[tuple[int, str], int]) -> Markup:
    """A bar for each reason, and below them each in full, as a bar's label has room for its first words only."""
    rows = [(f"{code or ''} {words}".strip(), count) for (code, words), count in list(refusals.items())[:_MOST]]
    if not rows:
        return Markup()
    items = (Markup("<li>{}: {}</li>").format(f"{count:,}", words) for words, count in rows)
    chart = _stacked([(words, {State.REFUSED: count}) for words, count in rows])
    return Markup('{}<ol class="reasons">{}</ol>').format(chart, Markup().join(items))


def _held(held: Iterable[Delivery]) -> Markup:
    rows = [
        Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>").format(
            each.address, WORDS[each.state], each.code or "", each.detail
        )
        for each in held
    ]
    if not rows:
        return Markup("<p>Nobody is held, refused or waiting to be tried again.</p>")
    head = Markup("<tr><th>reader</th><th>state</th><th>code</th><th>the server's words</th></tr>")
    return Markup("<h2>Every reader who has not got it</h2><table><thead>{}</thead><tbody>{}</tbody></table>").format(
        head, Markup().join(rows)
    )


def _svg(height: float, marks: Iterable[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" width="100%">{}</svg>').format(
        _WIDTH, round(height), Markup().join(marks)
    )


def _bar(x: float, y: float, width: float, height: float, state: State, words: str) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"><title>{}</title></rect>').format(
        round(x, 1), round(y, 1), round(width, 1), round(height, 1), COLOURS[state], words
    )


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
        round(x, 1), round(y, 1), anchor, escape(clipped(words, 28))
    )


_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{edition}: {sentence}</title>
<style>
:root {{ color-scheme: light dark; --ink: #14161c; --soft: #5b6070; --line: #dfe2ea; --page: #ffffff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #f2f3f7; --soft: #b9bfcd; --line: #343a48; --page: #181b23; }} }}
body {{ margin: 0 auto; max-width: 44rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }}
h1 {{ font: 700 1.8rem/1.2 Georgia, serif; margin: 0; }}
h2 {{ font-size: 1rem; margin: 0 0 .25rem; }}
.soft {{ color: var(--soft); margin: .25rem 0 1.5rem; }}
figure {{ margin: 0 0 2rem; }}
svg text {{ fill: var(--soft); font-size: 12px; }}
.key {{ color: var(--soft); font-size: .85rem; margin-right: .75rem; white-space: nowrap; }}
.key i {{ display: inline-block; width: .75em; height: .75em; margin-right: .35em; border-radius: 2px; }}
.reasons {{ list-style: none; margin: .5rem 0 0; padding: 0; font-size: .9rem; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .35rem .5rem .35rem 0; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="soft">{edition} · {sentence} · {now}</p>
{body}
</body>
</html>
""")
