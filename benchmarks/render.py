"""How fast an edition is composed in a warm process: 1, 12, 100 and 500 stories, HTML and text.

Run `python -m benchmarks.render [--quick]`. The limit is Jinja filling the compiled theme's HTML template with values
that stand ready. The peers get the same stories: MJML the theme's own source, filled; react-email and Maizzle a
template of theirs with the same parts. Each peer runs in a warm process of its own and times itself.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import jinja2

from benchmarks import content, peers
from benchmarks.harness import Contestant, Table, Target, alone, compete, ratio, timed
from digest.composer.compile import assemble, compile_theme
from digest.composer.compose import compose
from digest.composer.edition_draft import EditionDraft
from digest.composer.files import gather, whole
from digest.composer.filters import FILTERS
from digest.composer.options import ThemeOptions
from digest.composer.photos import ImageRoute
from digest.composer.sandbox import ThemeEnvironment, run
from digest.composer.theme import load_theme

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

OPTIONS = ThemeOptions(size_limit=50_000_000)  # all stories in full, as the peers have them
LINES = {"subject": "All harbour news: February 2022", "preheader": "Dockers learn to weld under water"}
# How each peer is asked: the way in render.mjs, and the file it gets.
PEERS = {
    "npm mjml 5": ("mjml5", "mjml"),
    "npm mjml 5, our theme filled": ("mjml5", "theme.mjml"),
    "npm mjml 4": ("mjml4", "mjml"),
    "react-email": ("react", "json"),
    "Maizzle 5": ("maizzle", "json"),
}
WHOLE = (
    "That is filling the template. An edition composed whole is dearer, as its text part, its subject, its preheader, "
    "its headings, its dates and the hash for its slots are made too; the table has it."
)


class Node:
    """A warm node process with the peers in it: one line of JSON in, the seconds for one rendering out."""

    def __init__(self, place: Path) -> None:
        self._process = subprocess.Popen(
            ["node", "render.mjs"], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        self._process.wait(30)

    def ask(self, **request: Any) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        while True:
            line = self._process.stdout.readline()
            if not line:
                message = f"the node process ended at {request}"
                raise RuntimeError(message)
            if line.startswith('{"seconds"'):  # Maizzle may print
                return json.loads(line)

    def turn(self, way: str, file: Path, repeat: int) -> Callable[[], float]:
        self.ask(way=way, file=str(file), repeat=1)  # warm
        return lambda: float(self.ask(way=way, file=str(file), repeat=repeat)["seconds"])


def measure(quick: bool) -> list[Table]:
    """One table for each number of stories."""
    place = peers.node()
    theme = load_theme([], OPTIONS)
    with tempfile.TemporaryDirectory() as folder:
        if place is None:
            return [_table(count, theme, None, Path(folder), quick=quick) for count in (1, 12, 100, 500)]
        with Node(place) as node:
            tables = [_table(count, theme, node, Path(folder), quick=quick) for count in (1, 12, 100, 500)]
    _linear(tables)
    return tables


def _table(count: int, theme: Any, node: Node | None, folder: Path, *, quick: bool) -> Table:
    picked = content.selection(count)
    facts = {"newsroom": content.NEWSROOM, "audience": content.AUDIENCE, "options": OPTIONS, "now": content.NOW}
    draft = EditionDraft(selection=picked, theme=theme, route=ImageRoute(), archive_url="", **facts)
    values = draft.values() | LINES
    plain = _jinja(compile_theme(gather([], OPTIONS.name), OPTIONS).html)
    assert plain.render(values) == draft.html(LINES)
    repeat = max(1, (200 if quick else 600) // (count + 20))
    limit = Contestant("Jinja alone, the compiled theme", timed(lambda: plain.render(values), repeat * 2))
    ours = Contestant("digest: HTML, text, subject", timed(lambda: compose(picked, theme=theme, **facts), repeat))
    html = Contestant("digest: the HTML of a draft that stands", timed(lambda: draft.html(LINES), repeat))
    contestants = [limit, html, ours]
    rounds = 5 if quick else 15
    mjml = None
    if node is not None:
        (folder / f"{count}.theme.mjml").write_text(_mjml(values), "utf-8")
        (folder / f"{count}.mjml").write_text(as_people_write(count), "utf-8")
        (folder / f"{count}.json").write_text(_stories(count), "utf-8")
        for name, (way, kind) in PEERS.items():
            if quick and count > 12 and way != "mjml5":
                continue
            one = Contestant(name, node.turn(way, folder / f"{count}.{kind}", 3 if count <= 12 and not quick else 1))
            mjml = mjml or one
            contestants.append(one)
    compete(contestants, rounds if count < 500 else max(3, rounds // 3))
    targets = [
        Target(
            what=f"warm render, {count} {'story' if count == 1 else 'stories'}, to Jinja on the compiled template",
            measured=ratio(html, limit),
            at_most=1.3,
            why=WHOLE,
        )
    ]
    if count == 12:
        targets.append(
            Target(
                what="composed whole (HTML, text, subject), 12 stories, to Jinja on the compiled template",
                measured=ratio(ours, limit),
                at_most=1.6,
            )
        )
    if mjml and count == 12:
        targets.append(
            Target(
                what="an edition of 12 stories composed whole, speed to npm mjml 5",
                measured=ratio(mjml, ours),
                at_least=150,
            )
        )
    title = f"Composing, {count} {'story' if count == 1 else 'stories'}, warm"
    return Table(title=title, contestants=contestants, limit=limit, peer=mjml, targets=targets, piece="edition")


def _linear(tables: list[Table]) -> None:
    small, large = (
        next(one for one in table.contestants if one.name.startswith("digest: HTML,")) for table in tables[2:4]
    )
    grown = large.median / small.median
    tables[3].targets.append(
        Target(what="five times the stories (100 to 500), times the time", measured=grown, at_most=6)
    )


def _jinja(template: str) -> jinja2.Template:
    """The compiled theme's template in plain Jinja, without our sandbox and its budget: what could be reached."""
    environment_ = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment_.filters = FILTERS
    return environment_.from_string(template)


def _mjml(values: dict[str, Any]) -> str:
    """The theme's own MJML, filled with the stories: what a peer gets."""
    mjml, _ = assemble(gather([], OPTIONS.name))
    environment_ = ThemeEnvironment(escape=True)
    template = environment_.template(environment_.guarded(mjml, "theme"))
    return run(template, values, whole("theme"), [])


def as_people_write(count: int) -> str:
    """The same stories as people write MJML: a section for each, a column beside it for its photo."""
    parts = []
    for number in range(count):
        one = content.story(number)
        photo = f'<mj-image src="{one.image}" alt="{one.image_alt}" href="{one.link}" />' if one.image else ""
        parts.append(
            '<mj-section background-color="#ffffff" padding="0 24px">'
            + (f'<mj-column width="30%">{photo}</mj-column><mj-column width="70%">' if photo else "<mj-column>")
            + (f'<mj-text color="#1e2dbe" font-size="13px">{one.kicker}</mj-text>' if one.kicker else "")
            + f'<mj-text font-size="20px"><h2><a href="{one.link}">{one.title}</a></h2></mj-text>'
            + f'<mj-text font-size="13px">{one.date:%d %B %Y}</mj-text><mj-text>{one.summary}</mj-text>'
            + (f'<mj-text font-size="13px">{one.credit}</mj-text>' if one.credit else "")
            + f'<mj-text><a href="{one.link}">Read “{one.title}”</a></mj-text></mj-column></mj-section>'
        )
    head = '<mjml lang="en"><mj-head><mj-title>All harbour news</mj-title></mj-head><mj-body width="640px">'
    mast = "<mj-section><mj-column><mj-text><h1>All harbour news</h1></mj-text></mj-column></mj-section>"
    foot = "<mj-section><mj-column><mj-text>Harbour Newsroom, Geneva</mj-text></mj-column></mj-section>"
    return f"{head}{mast}{''.join(parts)}{foot}</mj-body></mjml>"


def _stories(count: int) -> str:
    chosen = [content.story(number) for number in range(count)]
    return json.dumps(
        [
            {"title": s.title, "day": f"{s.date:%d %B %Y}", "kicker": s.kicker, "credit": s.credit, "link": s.link}
            | {"summary": s.summary, "image": s.image, "image_alt": s.image_alt}
            for s in chosen
        ]
    )


if __name__ == "__main__":
    alone(measure, __doc__)
