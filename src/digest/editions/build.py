"""What digest is, as one sentence: select the stories, compose the mail, check it, and put it out.

    stories ─select─▶ Selection ─compose─▶ Rendering ─mail─▶ bytes ─check─▶ findings ─▶ Build

Everything that differs from newsroom to newsroom comes in as a value or a port; this module opens nothing itself.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.checks.context import CheckContext
from digest.checks.registry import Policy, run
from digest.composer.compose import compose
from digest.editions.build_folder import Build
from digest.mail.merge import fill_html, fill_text
from digest.mail.message_id import message_id
from digest.mail.template import MailTemplate
from digest.selection.selector import select

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from digest.checks.context import Online
    from digest.composer.options import ThemeOptions
    from digest.composer.theme import Theme
    from digest.mail.sender_identity import SenderIdentity
    from digest.model import Audience, Edition, NewsroomProfile, Overrides, PastEdition, Rendering, Selection, Story


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionSetup:
    """What one audience's editions are made with: the parts that wiring put together."""

    newsroom: NewsroomProfile
    audience: Audience
    theme: Theme
    options: ThemeOptions
    letterhead: SenderIdentity
    policy: Policy
    subject: str  # templates
    preheader: str
    archive_url: str
    example: Mapping[str, str]  # slot values for the copy that is nobody's
    clients: tuple[str, ...]  # mail programs to look at; empty: the common ones
    dkim: tuple[str, str] | None  # the signing domain and selector
    image: Callable[[str], bytes]  # raises OSError
    read_file: Callable[[str], bytes | None]


def build(
    desk: EditionSetup,
    edition: Edition,
    stories: Sequence[Story],
    *,
    history: Sequence[PastEdition],
    overrides: Overrides,
    now: datetime,
    online: Online | None = None,
) -> Build:
    """Make the edition, up to the bytes of every file; nothing is written. A thin or empty one has no rendering."""
    selection = select(stories, edition=edition, audience=desk.audience, now=now, history=history, overrides=overrides)
    if not selection.stories or selection.verdict != "send":
        return Build(selection=selection, rendering=None, made=now)
    rendering = render(desk, selection, now)
    mail = sample(desk, rendering, now)
    subject = CheckContext(
        selection=selection,
        rendering=rendering,
        mail=mail,
        newsroom=desk.newsroom,
        audience=desk.audience,
        history=tuple(history),
        stories_by_id={story.id: story for story in stories},
        read_file=desk.read_file,
        clients=desk.clients,
        dkim=desk.dkim,
        online=online,
    )
    findings = run(subject, policy=desk.policy, network=online is not None, composed=rendering.findings)
    return Build(
        selection=selection,
        rendering=rendering,
        mail=mail,
        findings=findings,
        parts={
            "index.html": page(rendering, desk.example).encode(),
            "digest.txt": fill_text(rendering.text, rendering.nonce, values_for(rendering, desk.example)).encode(),
            "digest.eml": mail,
        },
        made=now,
    )


def render(desk: EditionSetup, selection: Selection, now: datetime) -> Rendering:
    """Compose the selection with the desk's theme."""
    return compose(
        selection,
        theme=desk.theme,
        newsroom=desk.newsroom,
        audience=desk.audience,
        options=desk.options,
        now=now,
        subject=desk.subject,
        preheader=desk.preheader,
        read_image=desk.image,
        archive_url=desk.archive_url,
    )


def sample(desk: EditionSetup, rendering: Rendering, now: datetime) -> bytes:
    """The mail as it would go, addressed to nobody: what `digest.eml` holds."""
    template = MailTemplate.compile(rendering, desk.letterhead, date=now)
    identity = message_id(rendering.edition.id, "", domain=desk.letterhead.id_domain)
    values = {slot: _example(desk.example, slot) for slot in template.slots}
    return template.join(None, values, identity)


def page(rendering: Rendering, example: Mapping[str, str]) -> str:
    """The HTML part as one file that a browser opens as it is: example values in the slots, images inside."""
    html = fill_html(rendering.html, rendering.nonce, values_for(rendering, example))
    for image in rendering.images:
        data = base64.b64encode(image.data).decode()
        html = re.sub(rf"cid:{re.escape(image.cid)}(?=[\"')\s])", f"data:{image.media_type};base64,{data}", html)
    return html


def values_for(rendering: Rendering, example: Mapping[str, str]) -> dict[str, str]:
    """A value for each slot that occurs: the example's, or the slot's own name in brackets."""
    return {slot: _example(example, slot) for slot in rendering.slots}


def _example(example: Mapping[str, str], slot: str) -> str:
    return example.get(slot, f"[{slot.removeprefix('field.')}]")
