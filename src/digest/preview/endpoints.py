"""What the page shows at each address: its data, the frame's content, the mail's parts; and what is asked of a save.

Each is a plain function of the state and the query, or the body of a POST that the guard let through; `server` gives it
a path and runs it off the event loop. GET changes nothing. All raise DigestError with what to do.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from digest.composer.photos import sniff
from digest.editions import build_folder
from digest.errors import DigestError, UsageError
from digest.preview import compare, issue_form, mail_structure, serialize, story_form
from digest.preview.export import export_page
from digest.preview.forms import text_of
from digest.preview.mail_structure import begins, order_page
from digest.preview.modes import in_mode, local_images, view_mode
from digest.preview.state import CHANGED, Draft, ShownEdition, requested

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.preview.state import PreviewState

    Query = Mapping[str, str]

MOST = 2000  # stories that one file may name
_PLACE = re.compile(r"html:([0-9]{1,9}):([0-9]{1,9})")
# allow-same-origin lets the page scroll and mark the mail; without allow-scripts nothing in it can run.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
FRAME_POLICY = (
    "default-src 'none'; img-src 'self' data: https: http:; style-src 'unsafe-inline'; base-uri 'none'; "
    f"form-action 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
)
_NO_MAIL = (
    '<!doctype html><html lang="en"><head><title>%s</title><style>:root{color-scheme:light dark}'
    "body{font:1.1rem/1.5 Georgia,serif;padding:3rem 1.5rem;text-align:center;background:#fff;color:#3a3d45}"
    "p{overflow-wrap:anywhere}@media(prefers-color-scheme:dark){body{background:#181b23;color:#c3c8d4}}</style></head>"
    "<body><main><h1>%s</h1><p>%s</p></main></body></html>"
)


def edition(state: PreviewState, query: Query) -> Response:
    """Everything about the edition that the page shows at once; of one that cannot be read, which are around it."""
    asked = requested(query)
    try:
        return JSONResponse(serialize.edition(state.view(asked), state.revision))
    except DigestError as error:
        around = serialize.around(state.edition(asked))
        return JSONResponse({"errors": str(error).splitlines(), "around": around}, 409)


def selection(state: PreviewState, query: Query) -> Response:
    """Every candidate, in or out, and why."""
    newsroom, edition_ = state.newsroom(), state.edition(requested(query))
    chosen = newsroom.select(edition_, now=state.now(), every=True)
    return JSONResponse(serialize.selection(chosen, newsroom, query.get("q", "")))


def calendar(state: PreviewState, _query: Query) -> Response:
    """Stories per month and kicker."""
    newsroom = state.newsroom()
    return JSONResponse(serialize.calendar(newsroom.stories.stories(), newsroom))


def readers(state: PreviewState, query: Query) -> Response:
    """A few readers from the list, to look as."""
    found = state.readers(requested(query), query.get("q", ""))
    return JSONResponse([{"name": each.name, "address": each.address} for each in found])


def parts(state: PreviewState, query: Query) -> Response:
    """The mail's other faces: text, source, MIME tree with the raw mail, manifest."""
    view, name = state.view(requested(query)), query.get("part", "")
    if name == "text":
        return JSONResponse({"text": view.text})
    if name == "source":
        return JSONResponse({"text": view.html})
    if name == "mime":
        mail = view.mail
        raw = mail.decode("utf-8", "replace").replace("\r\n", "\n")
        return JSONResponse({"tree": mail_structure.tree(mail), "fields": mail_structure.fields(mail), "text": raw})
    if name == "manifest":
        data = build_folder.manifest(view.newsroom, view.build)
        return JSONResponse({"text": json.dumps(data, ensure_ascii=False, indent=2)})
    message = f"the mail has no part {name[:40]!r}"
    raise UsageError(message)


def frame(state: PreviewState, query: Query) -> Response:
    """The mail as the frame shows it; `at=built` or `at=sent` shows an earlier one, `tab=order` its reading order."""
    view, mode, at = state.view(requested(query), checked=False), view_mode(query), query.get("at", "")
    html = compare.earlier(view.newsroom.root, view.edition, at, "index.html") if at else view.html
    if not html:
        return no_mail("Nothing to send", "Too few stories suit this edition.")
    if query.get("tab") == "order":
        made = view.build.rendering
        page = order_page(html, view.edition.language, made.direction if made else "ltr")
    else:
        page = in_mode(_with_local_images(view, html), mode)
        page = page.replace("<html", f'<html data-made="{view.fingerprint}"', 1)  # so a click says in which mail it was
    return _page(page)


def difference(state: PreviewState, query: Query) -> Response:
    """The text now against the text as it was last built or sent."""
    view = state.view(requested(query))
    before = compare.earlier(view.newsroom.root, view.edition, query.get("at", "built"), "digest.txt")
    return JSONResponse({"rows": compare.difference(before, view.text)})


def export(state: PreviewState, query: Query) -> Response:
    """One file for a reviewer without the tool."""
    view = state.view(requested(query))
    shown = serialize.edition(view, state.revision)
    rows = serialize.selection(view.build.selection, view.newsroom)["rows"]
    name = view.edition.id.replace("/", "-")
    headers = {"Content-Disposition": f'attachment; filename="digest-{name}.html"'}
    return Response(export_page(shown, view.html, view.text, rows), headers=headers, media_type="text/html")


def image(state: PreviewState, name: str) -> Response:
    """An image inside the newsroom's folder; nothing else, whatever it is called."""
    hidden = any(part.startswith(".") or "\\" in part or "\0" in part for part in name.split("/"))
    data = None if hidden else state.newsroom().edition_setup.read_image(name)
    kind = sniff(data) if data else ""
    if data is None or not kind:
        return JSONResponse({"errors": ["there is no such image"]}, 404)
    return Response(data, media_type=kind)


def _with_local_images(view: ShownEdition, html: str) -> str:
    base = view.newsroom.config.settings.theme.image_base_url
    return local_images(html, base, lambda name: view.newsroom.edition_setup.read_image(name) is not None)


def no_mail(title: str, words: str, status: int = 200) -> Response:
    """What the frame shows in the place of a mail."""
    return _page(_NO_MAIL % (title, title, escape(words)), status)


def _page(html: str, status: int = 200) -> Response:
    return Response(html, status, headers={"Content-Security-Policy": FRAME_POLICY}, media_type="text/html")


def json_object(data: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises UsageError."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        message = "the page sent something that is not JSON; reload it"
        raise UsageError(message)
    return value


def place(state: PreviewState, query: Query) -> Response:
    """Which element of the mail a finding at `html:12:3041` means: the how many-th of its tag, and where in the source.

    Raises UsageError where the mail has no such place: it changed since.
    """
    view, found = state.view(requested(query)), _PLACE.fullmatch(query.get("where", ""))
    made = view.build.rendering
    spot = mail_structure.spot(made.html, view.html, int(found[1]), int(found[2])) if made and found else None
    if spot is None:
        message = "that place is not in the mail any more"
        raise UsageError(message)
    return JSONResponse(spot)


def written(state: PreviewState, query: Query) -> Response:
    """Whose words the element of the mail is that is the `nth` of its `tag`: a story's id, or a place of an issue file.

    `elsewhere` says where else it is written: a block of every issue in config.yaml; empty where it is the theme's.
    `made` is the fingerprint of the mail that was clicked in. Raises UsageError where a block may have moved since.
    """
    asked, nth, made_as = requested(query), query.get("nth", ""), query.get("made", "")
    try:
        now = state.view(asked, checked=False)
    except DigestError:
        if not made_as:
            raise
        now = None  # what was clicked in may still be known
    view = now if now and made_as in ("", now.fingerprint) else state.seen(made_as)
    build, made = view.build, view.build.rendering
    trace = made and view.newsroom.edition_setup.trace(build.selection, view.audience, build.made, made)
    place = begins(made.html, query.get("tag", ""), int(nth)) if made and nth.isascii() and nth.isdecimal() else -1
    origin = trace.at(place, "") if trace and place >= 0 else None
    if origin and origin.block and view is not now:
        raise UsageError(CHANGED)
    file, _, line = origin.block.rpartition(":") if origin else ("", "", "")
    found = issue_form.place_of(view, file, int(line)) if line.isdecimal() else None
    return JSONResponse({
        "story": origin.story if origin else "",
        "issue": found,
        "elsewhere": origin.block if origin and not found else "",
    })  # fmt: skip


def draft(state: PreviewState, body: dict[str, Any]) -> Response:
    """Keep what is typed, to be shown and not saved. Answers with the name by which the frame asks for it."""
    if "do" in body:
        return JSONResponse({"draft": state.keep_draft(Draft(issues=issue_form.draft(state, body)))})
    story = story_form.draft(state.newsroom(), body)
    return JSONResponse({"draft": state.keep_draft(Draft(stories={story.id: story}))})


def saves(state: PreviewState, _query: Query) -> Response:
    """What was saved since the page is served, the newest first."""
    return JSONResponse({"saves": [{"id": each.id, "title": each.title} for each in state.saves.all()]})


def undo(state: PreviewState, body: dict[str, Any]) -> Response:
    """Put back what one save changed. Raises UsageError, EditConflict, DigestError."""
    number = body.get("id")
    if not isinstance(number, int):
        message = "say what is to be undone"
        raise UsageError(message)
    saved = state.saves.undo(number)
    state.changed()
    return JSONResponse({"said": saved.title, "undo": saved.id})


def overrides(state: PreviewState, body: dict[str, Any]) -> Response:
    """Write the editor's hand on the edition's period and audience. Raises UsageError, StoryError, DigestError."""
    from digest.issues.issue_edit import SetStories

    newsroom, edition = state.newsroom(), state.edition(requested(body))
    pin, skip, order = (_ids(body.get(key)) for key in ("pin", "skip", "order"))
    for name in {*pin, *skip, *order}:
        newsroom.stories.story(name)  # raises StoryError for one that does not exist
    hand = (SetStories(key="pin", ids=pin), SetStories(key="skip", ids=skip), SetStories(key="order", ids=order))
    saved, version = issue_form.save_stories(state, edition, hand, text_of(body, "version"))
    return JSONResponse({"said": saved.title, "undo": saved.id, "version": version})


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST or not all(isinstance(each, str) for each in value):
        message = "pin, skip and order are lists of story ids"
        raise UsageError(message)
    return tuple(dict.fromkeys(value))
