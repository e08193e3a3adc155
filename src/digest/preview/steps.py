"""The issue's steps, from stories to the mail that goes by itself: what is done, what is missing, and who said yes.

    ShownEdition, approval, schedule, ledger ─steps─▶ Step(name, state, words, missing, command), in their order

It says where an issue stands and does nothing. Live sending is never done from the page: its step shows the command.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import asdict
from starlette.responses import JSONResponse

from digest.config.schedule_lines import scheduled
from digest.editions import approval
from digest.errors import DigestError
from digest.importing import sources
from digest.model import Severity
from digest.preview import test_mail
from digest.preview.state import requested
from digest.scheduling import due
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from starlette.responses import Response

    from digest.delivery import Mailing
    from digest.preview.state import PreviewState, ShownEdition

# `done` may be left alone, `todo` waits for a person, `wrong` keeps the issue from going.
StepState = Literal["done", "todo", "wrong"]


class Step(Struct, frozen=True, kw_only=True):
    """One step. `words` say where it stands; `missing` what is to be done, one thing each; `command` does it."""

    name: str
    title: str
    state: StepState
    words: str
    missing: tuple[str, ...] = ()
    command: str = ""


def line(state: PreviewState, query: Mapping[str, str]) -> Response:
    """All steps of the edition, for everybody who reads it: never of one reader, or of what is not saved."""
    view = state.view(requested({**query, "who": "", "draft": ""}))
    return JSONResponse({"steps": [asdict(step) for step in steps(view, state.now())]})


def steps(view: ShownEdition, now: datetime) -> Iterator[Step]:
    """The steps in their order."""
    yield _stories(view)
    yield _words(view)
    yield _checks(view)
    yield _test(view)
    yield _approval(view)
    yield _schedule(view, now)


def _stories(view: ShownEdition) -> Step:
    build, title = view.build, "Stories"
    count = len(build.selection.stories)
    words = counted(count, "story", "stories")
    waiting = sources.wanting(view.newsroom, view.audience, view.edition.period)
    missing = tuple(f"the source {each}" for each in waiting)
    if view.errors:
        return Step(name="stories", title=title, state="wrong", words="cannot be read", missing=view.errors)
    if build.rendering is None:
        few = f"{words}, and {view.audience.min_items} are needed" if count else "none is in"
        return Step(name="stories", title=title, state="wrong", words=few, missing=("choose more stories", *missing))
    return Step(name="stories", title=title, state="todo" if missing else "done", words=words, missing=missing)


def _words(view: ShownEdition) -> Step:
    stories = view.build.selection.stories
    lacking = [f"a summary for “{story.title}”" for story in stories if not story.summary]
    lacking += [f"words for the picture of “{story.title}”" for story in stories if story.image and not story.image_alt]
    words = f"{len(lacking)} missing" if lacking else "complete"
    return Step(name="words", title="Words", state="todo" if lacking else "done", words=words, missing=tuple(lacking))


def _checks(view: ShownEdition) -> Step:
    errors = [each for each in view.build.findings if each.severity is Severity.ERROR]
    warnings = [each for each in view.build.findings if each.severity is Severity.WARNING]
    said = ", ".join(counted(len(found), word) for found, word in ((errors, "error"), (warnings, "warning")) if found)
    missing = tuple(f"{each.where}: {each.message}" for each in (*errors, *warnings))
    state: StepState = "wrong" if errors else "todo" if warnings else "done"
    return Step(name="checks", title="Checks", state=state, words=said or "nothing found", missing=missing)


def _test(view: ShownEdition) -> Step:
    mail, made = test_mail.last(view.newsroom.root, view.edition), view.build.rendering
    command = f"digest send {approval.flags(view.edition)} --to ADDRESS"
    if made and mail.get("content") == made.fingerprint:
        return Step(
            name="test", title="Test mail", state="done", words=f"went to {mail.get('to', '')}", command=command
        )
    said = "changed since the last one" if mail else "not sent"
    return Step(name="test", title="Test mail", state="todo", words=said, command=command)


def _approval(view: ShownEdition) -> Step:
    if view.build.rendering is None:
        return Step(name="approve", title="Approval", state="todo", words="nothing to approve")
    status = approval.standing(view.newsroom, view.build)
    signed = status.approval.signatures if status.approval else ()
    names = ", ".join(each.who for each in signed)
    command = f"digest approve {view.edition.id}"
    if not status.problem:
        return Step(name="approve", title="Approval", state="done", words=f"by {names}", command=command)
    if status.needed == "none":
        said = "not needed; the last one is void" if signed else "not needed"
        return Step(name="approve", title="Approval", state="done", words=said, command=command)
    wanted = "two people" if status.needed == "two" else "one person"
    void = " void" in status.problem
    words = f"void, {wanted} must look again" if void else f"by {names}; one more" if names else f"{wanted} must"
    return Step(name="approve", title="Approval", state="todo", words=words, missing=(status.problem,), command=command)


def _schedule(view: ShownEdition, now: datetime) -> Step:
    edition, title = view.edition, "Sending"
    command = f"digest send {approval.flags(edition)} --live"
    if mailing := _mailing(view):
        words = {"open": "went out, or is going", "waiting": "waits for its content"}.get(
            mailing.standing, mailing.standing
        )
        return Step(name="send", title=title, state="done", words=str(words), command=f"digest status {edition.id}")
    zone = edition.period.zone
    times = sorted(
        scheduled(rule, edition.period)
        for rule in due.schedule_lines(view.newsroom.config)
        if rule.period == edition.period.kind and edition.audience in rule.audiences
    )
    if not times:
        missing = ("nothing sends it by itself: config.yaml has no line under schedule: for it",)
        return Step(name="send", title=title, state="todo", words="by hand", missing=missing, command=command)
    at = times[0].astimezone(zone)
    words = f"{at:%-d %B} at {at:%H:%M}"
    if at <= now:
        return Step(name="send", title=title, state="todo", words=f"was due {words}", command="digest run")
    return Step(name="send", title=title, state="done", words=f"by itself, {words}", command="digest run --watch")


def _mailing(view: ShownEdition) -> Mailing | None:
    """What the ledger knows of the edition; None where there is no ledger to ask."""
    from digest.sending.rounds import frozen_as

    try:
        ledger = view.newsroom.sending_setup.ledger(create=False)
    except DigestError:
        return None
    with closing(ledger):
        return ledger.mailing(frozen_as(ledger, view.edition).id)
