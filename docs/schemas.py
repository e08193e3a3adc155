"""Write docs/json.md and docs/json/: a JSON Schema for what each verb prints with --json, as a test holds it to.

python docs/schemas.py          writes docs/json.md and docs/json/*.json
python docs/schemas.py --check  ends with 1 when they are not what would be written
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("json")
PAGE = Path(__file__).with_name("json.md")
INTRODUCTION = """# JSON outputs

Made by `python docs/schemas.py`.

With `--json` every verb prints exactly one JSON document on standard output, whatever happens, and nothing else there.
What went before something was refused is in it; when there is no result, it is
`{"error": {"exit_code": 2, "lines": ["…"]}}`. The [exit code](exit-codes.md) says how it ended, and standard error
says it in words, as without `--json`. `digest run --watch` has no end and takes no `--json`.

Within a major version keys are added and not taken away: let your program pass over keys that it does not know.

| verb | what it prints | schema |
|---|---|---|
"""
Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
COUNTS: Schema = {"type": "object", "additionalProperties": COUNT}
NAMED_TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
EDITION: Schema = {"type": "string", "pattern": "^[^/]+/[^/]+/[^/]+$", "description": "2022-02/everyone/en"}
TIME: Schema = {"type": "string", "description": "ISO 8601, with its zone; empty where there is none"}


def obj(**keys: Schema) -> Schema:
    """An object with exactly these keys."""
    return {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}


def rows(item: Schema) -> Schema:
    """A list of them."""
    return {"type": "array", "items": item}


def loose(why: str, **keys: Schema) -> Schema:
    """An object with these keys and others, for a reason that the schema says."""
    return {**obj(**keys), "additionalProperties": True, "$comment": why}


def either(*schemas: Schema) -> Schema:
    """One of them."""
    return {"anyOf": list(schemas)}


def maybe(schema: Schema) -> Schema:
    """It, or null."""
    return either(schema, {"type": "null"})


ERROR = obj(error=obj(exit_code={"type": "integer", "minimum": 1}, lines=TEXTS))
FOUND: dict[str, Schema] = {
    "code": TEXT, "severity": {"enum": ["error", "warning", "info"]}, "where": TEXT, "message": TEXT, "element": TEXT,
    "html": {"type": "string", "pattern": r"^(html:\d+(:\d+)?)?$"},
}  # fmt: skip
FINDING = obj(edition=EDITION, **FOUND)
STORY = obj(
    id=TEXT, title=TEXT, date=TIME, kicker=TEXT, credit=TEXT, link=TEXT, read=TEXT,
    image=TEXT, image_alt=TEXT, topics=TEXTS,
    countries=TEXTS, channels=TEXTS, language=TEXT, translation_of=TEXT, guid=TEXT, status=TEXT, embargo=maybe(TIME),
    weight={"type": "integer"}, lead=FLAG, repeat=FLAG, corrected=maybe(TIME), correction=TEXT,
)  # fmt: skip
IMPORTED = obj(
    written=FLAG, new=TEXTS, changed=rows(obj(id=TEXT, fields=TEXTS)), unchanged=COUNT,
    kept=rows(obj(file=TEXT, field=TEXT, ours=TEXT, theirs=TEXT, source=TEXT)), notes=TEXTS, faults=TEXTS,
    lacking={"type": "object", "additionalProperties": TEXTS}, contacts=TEXTS,
)  # fmt: skip
FILE = obj(bytes=COUNT, sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"})
MANIFEST: dict[str, Schema] = {
    "folder": TEXT, "format": COUNT, "edition": EDITION, "period": TEXT, "start": TIME, "end": TIME, "audience": TEXT,
    "language": TEXT, "built": TIME, "verdict": {"enum": ["send", "skip", "carry-over"]},
    "stories": rows(obj(id=TEXT, title=TEXT, why=TEXT)), "more": COUNT, "candidates": TEXTS, "carried": TEXTS,
    "findings": rows(obj(**FOUND)), "files": {"type": "object", "additionalProperties": FILE}, "inputs": NAMED_TEXTS,
    "versions": NAMED_TEXTS,
}  # fmt: skip
BUILT = obj(**MANIFEST, subject=TEXT, preheader=TEXT, fingerprint=TEXT, cut=COUNT, html_bytes=COUNT,
            bytes_per_story=COUNTS)  # fmt: skip
SARIF = loose(
    "SARIF 2.1.0 is a standard with a schema of its own, which $schema names",
    version={"const": "2.1.0"},
    runs={"type": "array", "minItems": 1, "maxItems": 1},
)
JSON_SCHEMA = loose(
    "a JSON Schema, by the standard's own keys",
    **{"$defs": {"type": "object", "additionalProperties": True, "$comment": "a schema for each section"}},
    properties={"type": "object", "additionalProperties": True, "$comment": "a schema for each key of config.yaml"},
)
REPORT = obj(edition=EDITION, sent=COUNT, seconds=NUMBER, counts=COUNTS, stopped=TEXT, interrupted=FLAG)
HELD = obj(address=TEXT, state=TEXT, code=maybe(COUNT), detail=TEXT, attempts=COUNT, message_id=TEXT,
           next_try=maybe(NUMBER))  # fmt: skip
SOURCE = obj(name=TEXT, url=TEXT, stories=COUNT, new=COUNT, updated=COUNT, trouble=TEXT, tried=TIME, read=TIME,
             changed=TIME, failing=TIME)  # fmt: skip
COMING = obj(name=TEXT, at=TIME, at_words=TEXT, away=TEXT, readers=maybe(COUNT), readers_words=TEXT,
             approval=TEXT)  # fmt: skip
READER = obj(address=TEXT, name=TEXT, language=TEXT, topics=TEXTS, fields=NAMED_TEXTS, not_mailed=TEXT)
READERS = obj(readers=rows(READER), faults=TEXTS, notes=TEXTS)
CHANGE = obj(added=COUNT, removed=COUNT, updated=COUNT, already=COUNT, suppressed=TEXTS, inactive=COUNTS,
             stopped=COUNT, notes=TEXTS, faults=TEXTS, dry_run=FLAG)  # fmt: skip
SETTING = obj(value=TEXT, to_fill_in=FLAG, **{"from": TEXT})
TASK_STATE = {"enum": ["due", "sent", "nothing", "paused", "retry", "unapproved", "source", "held", "failed"]}
OUTCOME = obj(edition=EDITION, state=TASK_STATE, message=TEXT, stories=COUNT, counts=COUNTS)
DUE = obj(name=TEXT, at=TIME, held={"enum": ["", "late", "new"]}, state=TASK_STATE, editions=rows(OUTCOME))
# What each verb prints when it succeeds, or got as far as having a result; ERROR stands for any that did not.
VERBS: dict[str, tuple[str, Schema]] = {
    "init": (
        "A new newsroom: its files, and what is to be filled in.",
        obj(folder=TEXT, files=TEXTS, fill_in=rows(obj(where=TEXT, what=TEXT)), read=TEXTS),
    ),
    "config": (
        "What is in force and where from, by key; --new-id: the file; --moved: the ledger; --schema: a JSON Schema.",
        either(
            obj(file=TEXT),
            obj(ledger=TEXT, moved=FLAG),
            {"type": "object", "additionalProperties": SETTING, "minProperties": 1},
            JSON_SCHEMA,
        ),
    ),
    "completion": ("The script for a shell.", obj(script=TEXT)),
    "new": ("The new story's file.", obj(file=TEXT)),
    "stories": (
        "The stories; with --explain or editions, a row for each of an edition, and the rule that decided.",
        either(
            rows(obj(edition=EDITION, story=TEXT, title=TEXT, included=FLAG, rule=TEXT, reason=TEXT)),
            rows(STORY),
        ),
    ),
    "import": (
        "What became of each story file; without a SOURCE, a row for each source of config.yaml.",
        either(IMPORTED, rows(SOURCE)),
    ),
    "sources": (
        "The sources that are read by themselves; with --without, the file that says so.",
        either(rows(SOURCE), obj(file=TEXT, period=TEXT, source=TEXT)),
    ),
    "build": (
        "Each edition's folder, and what its manifest.json says.",
        rows(either(BUILT, obj(**MANIFEST))),
    ),
    "check": (
        "Every finding; with --explain, what a code means; with --sarif, SARIF 2.1.0; with --relay, what it is like.",
        either(
            rows(FINDING),
            obj(relay=TEXT, traits=rows(obj(name=TEXT, offered=FLAG, meaning=TEXT))),
            obj(code=TEXT, text=TEXT),
            SARIF,
        ),
    ),
    "approve": (
        "Who approved each edition, and whether that holds.",
        rows(
            obj(
                edition=EDITION,
                fingerprint=TEXT,
                signatures=rows(obj(who=TEXT, when=TIME)),
                needed={"enum": ["none", "required", "two"]},
                holds=FLAG,
                problem=TEXT,
                errors=TEXTS,
            )
        ),
    ),
    "preview": (
        "Where the page is served, when it begins; for each person where each has a key.",
        rows(obj(address=TEXT, **{"for": TEXT})),
    ),
    "send": (
        "A row for each edition: the plan, what became of it with --live, or where its test mail went with --to.",
        rows(
            either(
                REPORT,
                obj(edition=EDITION, test_mail_to=TEXT),
                obj(edition=EDITION, begun={"const": True}, finished=FLAG, counts=COUNTS),
                obj(edition=EDITION, begun={"const": False}, nothing=TEXT),
                obj(
                    edition=EDITION,
                    begun={"const": False},
                    subject=TEXT,
                    readers=COUNT,
                    to_fill_in=TEXTS,
                    suppressed=COUNT,
                    duplicates=COUNT,
                    bad=COUNT,
                    notes=TEXTS,
                    faults=TEXTS,
                    domains=COUNTS,
                    languages=COUNTS,
                    seconds=maybe(NUMBER),
                    bytes=COUNT,
                    errors=COUNT,
                    unapproved=TEXT,
                ),
            )
        ),
    ),
    "status": (
        "What became of every reader of each edition.",
        rows(
            obj(
                edition=EDITION, standing=TEXT, content=TEXT, counts=COUNTS, stopped=TEXT, bounced=COUNT,
                held=rows(HELD),
            )
        ),
    ),
    "resume": ("What became of each edition.", rows(REPORT)),
    "pause": (
        "Each edition that is paused, and how many mails were on the way.",
        rows(obj(edition=EDITION, on_the_way=COUNT)),
    ),
    "cancel": (
        "Each edition that is called off, how many readers are not mailed, and how many mails were on the way.",
        rows(obj(edition=EDITION, spared=COUNT, on_the_way=COUNT)),
    ),
    "thaw": ("The editions taken back, and those that wait for a new content.", obj(taken_back=TEXTS, waiting=TEXTS)),
    "resolve": (
        "How many readers were settled, who of the named was not held, and where all of them are now.",
        obj(edition=EDITION, settled=COUNT, not_held=TEXTS, counts=COUNTS),
    ),
    "schedule": (
        "What goes out next, what is due, what changed; with --install, each file, or what was written.",
        either(
            obj(
                next=rows(COMING),
                due=rows(DUE),
                changed=TEXTS,
            ),
            rows(obj(place=TEXT, text=TEXT)),
            obj(written=TEXTS),
        ),
    ),
    "run": (
        "What became of each round that was due; with --dry-run, what would; with --skip, what was skipped.",
        either(
            rows(obj(period=TEXT, audience=TEXT, state=TASK_STATE, editions=rows(OUTCOME))),
            obj(due=rows(DUE), changed=TEXTS),
            obj(skipped=either(TEXT, TEXTS)),
        ),
    ),
    "worker": ("That it ended as it was asked to.", obj(ended={"const": True})),
    "serve": ("Where it is served, when it begins.", obj(address=TEXT)),
    "bounces": (
        "What each report was taken for, the new suppressions by reason, and how many mails were taken out of doubt.",
        obj(
            reports=rows(obj(key=TEXT, kind=TEXT, note=TEXT, handled=FLAG)),
            suppressed=COUNTS,
            settled=COUNT,
        ),
    ),
    "archive": (
        "The files that were written and removed.",
        obj(written=TEXTS, removed=TEXTS, unchanged=COUNT),
    ),
    "theme-new": ("The new theme's files.", obj(theme=TEXT, files=TEXTS)),
    "theme-check": ("What is wrong with a theme, and what is to be known.", obj(theme=TEXT, faults=TEXTS, notes=TEXTS)),
    "subscribers-list": ("The readers of an audience, and why one is not mailed.", READERS),
    "subscribers-export": ("The readers of an audience who are mailed; all with --everyone.", READERS),
    "subscribers-add": ("What became of the list.", CHANGE),
    "subscribers-remove": ("What became of the list.", CHANGE),
    "subscribers-import": ("What became of the list.", CHANGE),
    "subscribers-suppress": (
        "Which address is not mailed any more, and whether that is new.",
        obj(address=TEXT, audience=TEXT, new=FLAG),
    ),
    "subscribers-unsuppress": (
        "What was lifted, what still holds, and for each audience why the address is not mailed (empty: it is).",
        obj(
            address=TEXT,
            lifted=TEXTS,
            held=rows(obj(audience=TEXT, reason=TEXT, detail=TEXT)),
            audiences=NAMED_TEXTS,
        ),
    ),
    "subscribers-suppressed": (
        "Every address that is not mailed.",
        rows(obj(address=TEXT, audience=TEXT, reason=TEXT, since=TEXT, detail=TEXT)),
    ),
}  # fmt: skip


def schemas() -> dict[str, Schema]:
    """Each verb's schema by its name, `subscribers-list` for `digest subscribers list`."""
    return {
        name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"digest {name.replace('-', ' ')} --json",
            "description": description,
            "anyOf": [schema, {"$ref": "#/$defs/error"}],
            "$defs": {"error": {"description": "The verb was refused; the exit code, and what it says.", **ERROR}},
        }
        for name, (description, schema) in VERBS.items()
    }


def texts() -> dict[Path, str]:
    """The files, and what is in them."""
    files = {FOLDER / f"{name}.json": json.dumps(schema, indent=1) + "\n" for name, schema in schemas().items()}
    lines = (
        f"| `digest {name.replace('-', ' ')}` | {description} | [{name}.json](json/{name}.json) |\n"
        for name, (description, _) in VERBS.items()
    )
    return {PAGE: INTRODUCTION + "".join(lines), **files}


if __name__ == "__main__":
    if "--check" in sys.argv:
        there = {path: path.read_text(encoding="utf-8") for path in (PAGE, *FOLDER.glob("*.json")) if path.exists()}
        sys.exit(there != texts())
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.json"):
        stale.unlink()
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
