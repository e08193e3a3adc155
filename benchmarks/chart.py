"""Draw a table as bars, in SVG: pieces a second, on a logarithmic scale, so that a thousandfold can be seen.

Colours follow the reader's light or dark scheme; the figures stand beside the bars, so nothing is told by colour alone.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH, LABEL, FIGURE, ROW, TOP = 760, 300, 130, 26, 58
STYLE = """
text{font:13px system-ui,sans-serif;fill:#1c2430}.t{font-weight:600;font-size:15px}.n{fill:#5b6470}
.ours{fill:#1e2dbe}.peer{fill:#9aa3b2}.grid{stroke:#d5d9e0}
@media(prefers-color-scheme:dark){text{fill:#e8ebf0}.n{fill:#a3acba}.ours{fill:#8f9bff}.peer{fill:#6b7484}.grid{stroke:#3a4250}}
"""


def draw(table: Mapping[str, Any]) -> str:
    """The SVG of what `Table.data` gave: fastest first."""
    rows = sorted(table["rows"], key=lambda row: row["median"])
    rates = [1 / row["median"] for row in rows]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))
    high = max(high, low + 1)
    space = WIDTH - LABEL - FIGURE
    height = TOP + ROW * len(rows) + 12
    title = f"{table['title']}: {table['piece']}s a second"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"',
        f' aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text class="t" x="8" y="20">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        x = LABEL + space * (power - low) / (high - low)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - 8}"/>')
        parts.append(f'<text class="n" x="{x:.1f}" y="{TOP - 12}" text-anchor="middle">{_power(power)}</text>')
    for number, (row, rate) in enumerate(zip(rows, rates, strict=True)):
        y = TOP + ROW * number
        length = max(2.0, space * (math.log10(rate) - low) / (high - low))
        kind = "ours" if row["name"].startswith("digest") else "peer"
        parts.append(f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(_short(row["name"]))}</text>')
        parts.append(f'<rect class="{kind}" x="{LABEL}" y="{y + 2}" width="{length:.1f}" height="{ROW - 8}" rx="2"/>')
        parts.append(f'<text class="n" x="{LABEL + length + 6:.1f}" y="{y + 15}">{_figure(rate)}</text>')
    return "\n".join((*parts, "</svg>\n"))


def _power(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10**power:.{-power}f}"


def _figure(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _short(name: str) -> str:
    return name if len(name) <= 44 else f"{name[:43]}…"
