"""Build an edition: select the stories, compose the mail, check it, and have every file ready to be written.

    stories ─select─▶ Selection ─compose─▶ Rendering ─mail─▶ bytes ─check─▶ findings ─▶ Build

It reads what the newsroom has, and writes nothing but the theme's cache.
"""

from __future__ import annotations

import base64
import re
from functools import cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from digest.checks.bulk_sender import BULK
from digest.checks.context import CheckContext
from digest.checks.registry import run
from digest.composer.compose import column_faults, reader_fields
from digest.composer.summary import pictures
from digest.config.unfilled import unfilled
from digest.errors import DigestError
from digest.mail.body import fill_html, fill_text
from digest.mail.message_id import message_id
from digest.mail.template import MailTemplate
from digest.model import Finding, Recipient, Severity
from digest.newsroom.history import folder
from digest.newsroom.paths import ARCHIVE
from digest.selection.selector import select
from digest.text.merge import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from digest.config.load import Config
    from digest.errors import Fault
    from digest.mail.sender_identity import SenderIdentity
    from digest.model import Audience, Edition, Issue, Overrides, PastEdition, Rendering, Selection, Story
    from digest.newsroom.edition_setup import EditionSetup
    from digest.newsroom.newsroom import Newsroom

UNKNOWN_FIELD = "field-unknown"
_LOOKED_BACK = 12  # editions in which a story that was changed since is still named


class Build(Struct, frozen=True, kw_only=True, eq=False):
    """An edition made, not yet written. `parts` maps file names to bytes; empty when the period was too thin."""

    selection: Selection
    rendering: Rendering | None
    mail: bytes = b""
    findings: tuple[Finding, ...] = ()
    parts: Mapping[str, bytes] = field(default_factory=dict)
    made: datetime

    @property
    def edition(self) -> Edition:
        """Which edition this is."""
        return self.selection.edition

    @property
    def why_nothing(self) -> str:
        """Why there is no rendering; empty when there is one."""
        if self.rendering is not None:
            return ""
        return f"thin, {self.selection.verdict}" if self.selection.stories else "no stories"


def build_edition(
    newsroom: Newsroom, edition: Edition, *, now: datetime | None = None, network: bool = False, checked: bool = True
) -> Build:
    """Make an edition with all its files, in memory; with `network`, run the checks that need one too.

    What is only to be looked at needs no findings: not `checked`, it is made in a tenth of the time.
    Raises what `Newsroom.select` and `Newsroom.compose` raise.
    """
    history, overrides = newsroom.history(edition), newsroom.overrides(edition)
    made = assemble(
        newsroom.edition_setup,
        edition,
        newsroom.candidates(edition, history, overrides),
        audience=newsroom.config.audience(edition.audience).in_language(edition.language),
        history=history,
        overrides=overrides,
        issue=newsroom.issue(edition),
        now=now or newsroom.now(),
        network=network,
        checked=checked,
        sent=_sent(newsroom, edition, history),
        readers=partial(_addresses, newsroom, edition) if _may_be_many(newsroom, edition) else None,
    )
    newsroom.edition_setup.theme.save_cache()
    return replace(made, findings=(*_field_findings(newsroom, made), *made.findings)) if made.rendering else made


def _sent(newsroom: Newsroom, edition: Edition, history: Sequence[PastEdition]) -> dict[str, Sequence[Story]]:
    """The stories of this edition and of the last ones before it as they were sent, by edition."""
    archive = newsroom.root / ARCHIVE
    if not archive.exists():
        return {}
    from digest.editions import sent_edition

    others = (past.edition for past in history if past.sent and past.edition.id != edition.id)
    looked = (*sorted(others, key=lambda each: each.period.start)[-_LOOKED_BACK:], edition)
    zone = newsroom.config.newsroom.timezone
    kept = (sent_edition.read(folder(archive, each), each, zone) for each in looked)
    return {each.edition.id: each.stories for each in kept if each}


def _may_be_many(newsroom: Newsroom, edition: Edition) -> bool:
    """Whether the audience's list may be of bulk; a file of so few bytes need not be read for that."""
    audience = newsroom.config.audience(edition.audience)
    recipients = newsroom.config.settings.audiences[audience.name].recipients
    if recipients is None or not recipients.csv:
        return recipients is not None
    try:
        return newsroom.config.path(recipients.csv).stat().st_size >= BULK * len("a@b.ch\n")
    except OSError:  # what is wrong with a list is said where it is sent to
        return False


def _addresses(newsroom: Newsroom, edition: Edition) -> Iterator[str]:
    """Whom the audience's list would have mailed, in whatever language. Raises DigestError where it cannot be read."""
    audience, parts = newsroom.config.audience(edition.audience), newsroom.sending_setup
    segment = parts.segment(audience)
    for row in parts.source(audience).recipients():
        if isinstance(row, Recipient) and not segment.why_not(row):
            yield row.address


def _field_findings(newsroom: Newsroom, build: Build) -> Iterator[Finding]:
    """Columns that theme, subject or preheader name and the audience's list lacks; no policy silences them.

    A list that cannot be read now is a note: it may be there when the edition is sent.
    """
    config, edition = newsroom.config, build.edition
    audience, mail = config.audience(edition.audience), config.settings.mail
    theme = newsroom.edition_setup.theme
    uses = reader_fields(theme, audience, subject=mail.subject, preheader=mail.preheader)
    if not uses or config.settings.audiences[audience.name].recipients is None:
        return
    try:
        columns = newsroom.sending_setup.source(audience).merge_fields()
    except DigestError as error:
        message = str(error).splitlines()[0]
        yield Finding(code="list-unread", severity=Severity.INFO, where=edition.id, message=message)
        return
    for fault in column_faults(uses, columns):
        where = config.placed(fault.place)
        yield Finding(code=UNKNOWN_FIELD, severity=Severity.ERROR, where=where, message=fault.message)


def assemble(
    setup: EditionSetup,
    edition: Edition,
    stories: Sequence[Story],
    *,
    audience: Audience,
    history: Sequence[PastEdition],
    overrides: Overrides,
    issue: Issue | None = None,
    now: datetime,
    network: bool = False,
    checked: bool = True,
    sent: Mapping[str, Sequence[Story]] = MappingProxyType({}),
    readers: Callable[[], Iterable[str]] | None = None,
) -> Build:
    """Make the edition of these stories, up to the bytes of every file. A thin or empty one has no rendering."""
    selection = select(
        stories, edition=edition, audience=audience, now=now, history=history, overrides=overrides, issue=issue
    )
    if not selection.stories or selection.verdict != "send":
        return Build(selection=selection, rendering=None, made=now)
    rendering = setup.compose(selection, audience, now)
    example = setup.example(audience)
    identity = setup.identity(audience, edition)
    mail = sample(identity, rendering, example, now)
    settings = setup.config.settings
    context = CheckContext(
        selection=selection,
        rendering=rendering,
        mail=mail,
        newsroom=setup.config.newsroom,
        audience=audience,
        history=tuple(history),
        stories_by_id={story.id: story for story in stories},
        sent=sent,
        read_file=setup.read_image,
        clients=settings.mail.clients,
        dkim=(settings.dkim.domain, settings.dkim.selector) if settings.dkim.selector else None,
        online=setup.online() if network else None,
        now=now,
        page_url=setup.page_url(edition),
        pictures_in=pictures,
        carried=setup.carries,
        logo=settings.theme.logo,
        envelope=identity.envelope,
        rated=bool(settings.smtp.rate or settings.smtp.per_domain),
        trace=cache(partial(setup.trace, selection, audience, now, rendering)),
        readers=readers,
        either_days=_either_days(setup.config),
        unfilled=unfilled(setup.config.document),
    )
    findings = run(context, policy=setup.policy, network=network, composed=rendering.findings) if checked else ()
    findings = tuple(replace(finding, where=setup.config.placed(finding.where)) for finding in findings)
    return Build(
        selection=selection,
        rendering=rendering,
        mail=mail,
        findings=findings,
        parts={
            "index.html": page(rendering, example).encode(),
            "digest.txt": fill_text(
                rendering.text, rendering.nonce, values_for(rendering, example), rendering.slots
            ).encode(),
            "digest.eml": mail,
        },
        made=now,
    )


def _either_days(config: Config) -> tuple[Fault, ...]:
    if not config.settings.schedule:
        return ()
    from digest.config.schedule_lines import either_days

    return tuple(either_days(config.document))


def sample(identity: SenderIdentity, rendering: Rendering, example: Mapping[str, str], now: datetime) -> bytes:
    """The mail as it would go, addressed to nobody: what `digest.eml` holds."""
    template = MailTemplate.compile(rendering, identity, date=now)
    values = {slot: _example(example, slot) for slot in template.slots}
    return template.join(None, values, message_id(rendering.edition.id, "", domain=identity.id_domain))


def page(rendering: Rendering, example: Mapping[str, str]) -> str:
    """The HTML part as one file that a browser opens as it is: example values in the slots, images inside."""
    html = fill_html(rendering.html, rendering.nonce, values_for(rendering, example), rendering.slots)
    for image in rendering.images:
        data = base64.b64encode(image.data).decode()
        html = re.sub(rf"cid:{re.escape(image.cid)}(?=[\"')\s])", f"data:{image.media_type};base64,{data}", html)
    return html


def values_for(rendering: Rendering, example: Mapping[str, str]) -> dict[str, str]:
    """Each value that a reader must have: the example's, or its own name in brackets."""
    return {value: _example(example, value) for value in needed(rendering.slots)}


def _example(example: Mapping[str, str], slot: str) -> str:
    return example.get(slot, f"[{slot.removeprefix('field.')}]")
