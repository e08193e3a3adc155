"""Reduce the npm package `caniemail` to the table that the client check reads, with its version, date and licence.

    npm pack caniemail && tar xzf caniemail-*.tgz && python tools/vendor_caniemail.py package

Of each feature it keeps: the title, the newest word on each client (`y` yes, `a` partly, `n` no, `u` unknown, `-` not
tested) and the notes that those words point to. It also works out the triggers, that is, what in a mail shows that a
feature is used (`property:gap`, `element:video`, `media:hover`), so that the check itself only looks things up. It is
run by hand when the table is to be renewed; nothing else writes `src/digest/checks/data`.
"""

# ruff: noqa: INP001 - a script, run by hand
from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "src" / "digest" / "checks" / "data"

# What the title alone does not tell. An empty list means: nothing in a mail's bytes shows it, so it is never reported.
SPECIAL: dict[str, list[str]] = {
    "amp": [],
    "bimi": [],
    "css-block-inline-size": ["property:block-size"],
    "css-border-inline-block": ["property:border-inline", "property:border-block"],
    "css-border-inline-block-individual": [
        f"property:border-{axis}-{side}" for axis in ("inline", "block") for side in ("start", "end")
    ],
    "css-border-inline-block-longhand": [
        f"property:border-{axis}-{what}" for axis in ("inline", "block") for what in ("color", "style", "width")
    ],
    "css-border-radius-logical": [
        f"property:border-{block}-{inline}-radius" for block in ("start", "end") for inline in ("start", "end")
    ],
    "css-color-scheme": ["property:color-scheme"],
    "css-column-layout-properties": [
        "property:columns",
        *(f"property:column-{what}" for what in ("fill", "rule", "rule-color", "rule-style", "rule-width", "span")),
        "property:column-width",
    ],
    "css-comments": [],
    "css-display-flex": ["value:display:flex", "value:display:inline-flex"],
    "css-display-grid": ["value:display:grid", "value:display:inline-grid"],
    "css-gap": ["property:gap", "property:column-gap", "property:row-gap"],
    "css-grid-template": [
        "property:grid-template",
        *(f"property:grid-template-{what}" for what in ("areas", "columns", "rows")),
    ],
    "css-important": ["keyword:!important"],
    "css-inert-attribute": ["attribute:inert"],
    "css-intrinsic-size": [f"keyword:{word}" for word in ("fit-content", "min-content", "max-content")],
    "css-left-right-top-bottom": [f"property:{side}" for side in ("left", "right", "top", "bottom")],
    "css-modern-color": [f"function:{name}" for name in ("lch", "oklch", "lab", "oklab")],
    "css-nesting": [],
    "css-scroll-snap": ["property:scroll-snap-type", "property:scroll-snap-align"],
    "css-selector-adjacent-sibling": ["selector:+"],
    "css-selector-attribute": ["selector:[]"],
    "css-selector-child": ["selector:>"],
    "css-selector-general-sibling": ["selector:~"],
    "css-selector-universal": ["selector:*"],
    "css-selector-chaining": [],
    "css-selector-class": [],
    "css-selector-descendant": [],
    "css-selector-grouping": [],
    "css-selector-id": [],
    "css-selector-type": [],
    "css-sytem-ui": [f"keyword:{name}" for name in ("system-ui", "ui-serif", "ui-sans-serif", "ui-rounded")],
    "css-unit-calc": ["function:calc"],
    "css-unit-initial": ["keyword:initial"],
    "css-unit-percent": ["unit:%"],
    "css-variables": ["function:var"],
    "html-anchor-links": ["link:#"],
    "html-button-reset": ["button:reset"],
    "html-button-submit": ["button:submit"],
    "html-comments": [],
    "html-doctype": [],
    "html-h1-h6": [f"element:h{level}" for level in range(1, 7)],
    "html-image-maps": ["element:map"],
    "html-lists": ["element:ul", "element:ol", "element:dl"],
    "html-mailto-links": ["link:mailto"],
    "html-meta-color-scheme": ["meta:color-scheme"],
    "html-semantics": [
        *(f"element:{name}" for name in ("article", "aside", "details", "figcaption", "figure", "footer", "header")),
        *(f"element:{name}" for name in ("main", "mark", "nav", "section", "summary", "time")),
    ],
    "html-srcset": ["attribute:srcset", "attribute:sizes"],
    "html-svg": ["element:svg"],
    "image-base64": ["image:data"],
    "image-mp4": ["image:mp4"],
}


# Otherwise the slug or the title tells, by the first of these that fits; the groups that match fill the trigger.
BY_SLUG = (
    (r"css-at-(?!media-)(.+)", "at:{}"),
    (r"css-pseudo-(?:class|element)-(.+)", "pseudo:{}"),
    (r"css-unit-(.+)", "unit:{}"),
    (r"image-(.+)", "image:{}"),
)
BY_TITLE = (
    (r"(?:.*? )??([a-z-]+)\(\)", "function:{}"),
    (r"([a-z-]+):\s*([a-z-]+)", "value:{}:{}"),
    (r'<input type="(\w+)"> element', "input:{}"),
    (r"<(\w+)>(?: element)?", "element:{}"),
    (r"([a-z-]+) attribute", "attribute:{}"),
    (r"([a-z-]+)(?: property| properties| shorthand)?", "property:{}"),
)


def triggers(feature: dict[str, Any]) -> list[str]:
    """What in a mail shows that this feature is used. Raises SystemExit for a feature that no rule here knows."""
    slug, title = feature["slug"], feature["title"].strip()
    if slug in SPECIAL:
        return SPECIAL[slug]
    if slug.startswith("css-at-media-"):
        return [f"media:{name}" for name in re.findall(r"\((?:-webkit-)?([a-z-]+)\)", title)]
    for text, rules in ((slug, BY_SLUG), (title, BY_TITLE)):
        for pattern, trigger in rules:
            if found := re.fullmatch(pattern, text):
                kind = "element:{}" if trigger == "property:{}" and slug.startswith("html-") else trigger
                return [kind.format(*found.groups())]
    if len(names := title.split(" & ")) > 1 and all(re.fullmatch(r"[a-z-]+", name) for name in names):
        return [f"property:{name}" for name in names]
    message = f"{slug}: no rule tells what shows the use of {title!r}; add it to SPECIAL"
    raise SystemExit(message)


def reduce(source: dict[str, Any], version: str) -> dict[str, Any]:
    """The table: clients in a fixed order, features with one letter for each of them, triggers, origin."""
    names = source["nicenames"]
    pairs = sorted({(family, where) for f in source["data"] for family, on in f["stats"].items() for where in on})
    shown: dict[str, list[str]] = {}
    features: dict[str, dict[str, Any]] = {}
    for feature in sorted(source["data"], key=lambda one: one["slug"]):
        found = triggers(feature)
        if not found:
            continue
        for trigger in found:
            shown.setdefault(trigger, []).append(feature["slug"])
        letters, notes = "", {}
        for family, where in pairs:
            words = [*feature["stats"].get(family, {}).get(where, {}).values()][-1:] or ["-"]
            letter, *numbers = words[0].split()
            letters += letter[0]
            told = [(feature["notes_by_num"] or {}).get(number.strip("#,"), "") for number in numbers]
            if letter[0] in "an" and any(told):
                notes[f"{family}.{where}"] = " ".join(filter(None, told))
        features[feature["slug"]] = {
            "title": re.sub(r"\s+", " ", feature["title"].strip()),
            "support": letters,
            **({"notes": _shared(notes)} if notes else {}),
        }
    return {
        "about": "What mail clients support, reduced by tools/vendor_caniemail.py. MIT, see caniemail.LICENSE.",
        "source": f"caniemail {version} (npm), the data of caniemail.com",
        "date": source["last_update_date"][:10],
        "clients": {f"{f}.{p}": f"{names['family'].get(f, f)} ({names['platform'].get(p, p)})" for f, p in pairs},
        "features": features,
        "triggers": dict(sorted(shown.items())),
    }


def _shared(notes: dict[str, str]) -> dict[str, str]:
    """The same note on several clients is written once: `gmail.ios gmail.android`."""
    by_text: dict[str, list[str]] = {}
    for client, text in notes.items():
        by_text.setdefault(text, []).append(client)
    return {" ".join(clients): text for text, clients in by_text.items()}


def write(table: dict[str, Any]) -> str:
    """JSON with one client, feature and trigger a line, so that a renewal can be read as a diff."""
    parts = []
    for key, value in table.items():
        if isinstance(value, dict):
            lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items())
            parts.append(f"{json.dumps(key)}: {{\n{lines}\n}}")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(package: str) -> None:
    """Read the unpacked package and write the table and its licence."""
    folder = Path(package)
    version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    source = json.loads((folder / "data" / "caniemail.json").read_text("utf-8"))
    table = reduce(source, version)
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / "caniemail.json").write_text(write(table), "utf-8")
    (DATA / "caniemail.LICENSE").write_text((folder / "LICENSE").read_text("utf-8"), "utf-8")
    print(f"{len(table['features'])} features, {len(table['clients'])} clients, data of {table['date']}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
