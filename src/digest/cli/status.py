"""`digest status` and `resolve`: the ledger in words, and a person's word for it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from digest.cli.call import Call
from digest.cli.flags import Common, EditionAndReaders, EditionFlags, refuse
from digest.cli.output import tell
from digest.cli.verbs import verb
from digest.errors import NothingToSend, UsageError
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

    from digest.delivery import Delivery, State
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition

_SHOWN = ("address", "state", "code", "detail", "attempts", "message_id", "next_try")  # of one who is held, as data


@verb("status")
def status(
    common: Common,
    chosen: EditionFlags,
    html: Annotated[Path | None, Option("--html", metavar="FILE", help="Write a page with charts.")] = None,
) -> None:
    """What became of every reader: counts, and each held address by name."""
    from digest.report import NAMED

    call = Call(common)
    with call.ledger(create=False) as ledger:
        names = _named(call, ledger, chosen)
        held = {name: list(ledger.deliveries(name, NAMED)) for name in names}
        if common.json:
            call.out.data([_facts(call, ledger, name, held[name]) for name in names])
        for name in () if common.json else names:
            _tell(call, ledger, name, held[name])
            for line in _changed(call, name):
                call.out.line(f"  {line}")
        if html is not None:
            _write_page(call, ledger, names, held, html)
        codes = [_code(ledger, name) for name in names]
        if words := ledger.elsewhere():
            tell(words)
    if worst := next((code for code in (75, 1) if code in codes), 0):
        raise typer.Exit(worst)


@verb("resolve")
def resolve(
    common: Common,
    whom: EditionAndReaders,
    sent: Annotated[bool, Option("--sent", help="They have got it.")] = False,
    resend: Annotated[bool, Option("--resend", help="They have not: mail them with the next resume.")] = False,
    refused: Annotated[
        bool, Option("--refused", help="Mail who was refused once more: the named, or all of them.")
    ] = False,
    everyone: Annotated[bool, Option("--all", help="Everybody who is in doubt.")] = False,
    maillog: Annotated[
        Path | None, Option("--maillog", metavar="FILE", help="Whoever the relay's log (Postfix, Exim) names.")
    ] = None,
) -> None:
    """Settle readers in doubt, by your word or by the relay's log; or give those who were refused another try."""
    from digest.delivery import State

    chosen, address = whom.parted()
    by_log, by_word = maillog is not None, sent or resend
    refuse(
        (
            by_log + sent + resend + refused != 1,
            "say one: --sent (they have got it), --resend (mail them), --refused or --maillog FILE",
        ),
        (refused and everyone, "--refused without a name means everybody who was refused; leave out --all"),
        (by_word and everyone == bool(address), "name the readers, or say --all for everybody who is in doubt"),
        (by_log and (address or everyone), "--maillog settles whom the log names; leave out the addresses and --all"),
    )
    call = Call(common)
    with call.begun(chosen) as (editions, ledger):
        edition, wrong = _only(editions), frozenset[str]()
        if maillog is not None:
            settled = _resolve_by_log(call, ledger, edition, maillog)
        else:
            held = State.REFUSED if refused else State.IN_DOUBT
            settled, wrong = _resolve_by_word(call, ledger, edition, address, held, sent=sent)
        if common.json:
            call.out.data({
                "edition": edition.id, "settled": settled, "not_held": sorted(wrong),
                "counts": dict(ledger.counts(edition.id)),
            })  # fmt: skip
        left = ledger.counts(edition.id).get(State.IN_DOUBT, 0)
        call.out.line(f"{left} in doubt" if left else "nobody is in doubt any more")
        if ledger.counts(edition.id).get(State.PLANNED):
            call.out.line(f"to mail who is left: digest resume {edition.id}")
    if wrong:
        raise typer.Exit(1)


def _resolve_by_word(
    call: Call, ledger: SqlLedger, edition: Edition, named: list[str], held: State, *, sent: bool
) -> tuple[int, frozenset[str]]:
    """Settle the readers that are named, or all when none is. Returns how many, and, named, who was not held so."""
    from digest.delivery import Event, MailingStatus
    from digest.mail.address import key, typed_key

    mailing = ledger.mailing(edition.id)
    if not sent and mailing and mailing.standing is MailingStatus.CANCELLED:
        message = f"{edition.id} was called off, so nobody will be mailed; only --sent is left to say"
        raise UsageError(message)
    known = {key(each.address): each.address for each in ledger.deliveries(edition.id, [held])}
    asked = {typed_key(each): each for each in named}
    readers = [known[each] for each in asked if each in known] if named else sorted(known.values())
    event = Event.SETTLE_SENT if sent else Event.SETTLE_RESEND
    unfit = ledger.settle(edition.id, readers, event, "by a person's word", call.now.timestamp())
    wrong = unfit | {each for name, each in asked.items() if name not in known}
    for each in sorted(wrong):
        tell(f"{each} is not held in {edition.id}; nothing was changed for it")
    settled = len(readers) - len(unfit)
    call.out.line(f"{settled} settled as {'sent' if sent else 'to be mailed'}")
    return settled, wrong


def _resolve_by_log(call: Call, ledger: SqlLedger, edition: Edition, maillog: Path) -> int:
    import zlib
    from lzma import LZMAError

    from digest.delivery import Event, State
    from digest.smtp.maillog import accepted

    doubted = {each.message_id.strip("<>"): each.address for each in ledger.deliveries(edition.id, [State.IN_DOUBT])}
    found, named = set[str](), 0
    try:
        with _unpacked(maillog) as lines:
            for each in accepted(lines):
                named += 1
                if each in doubted:
                    found.add(doubted[each])
    except (OSError, EOFError, LZMAError, zlib.error) as error:  # cut off, or damaged
        message = f"{maillog}: cannot be read: {(isinstance(error, OSError) and error.strerror) or error}"
        raise UsageError(message) from None
    if not named:
        message = (
            f"{maillog}: no mail that was taken is in it, as Postfix (cleanup, then qmgr) and Exim (<=) log it; "
            "nobody was settled"
        )
        raise UsageError(message)
    if found:
        ledger.settle(edition.id, sorted(found), Event.SETTLE_SENT, f"accepted, says {maillog}", call.now.timestamp())
    call.out.line(f"{len(found)} settled as sent; a log without a mail is no proof, so the others stay in doubt")
    return len(found)


@contextmanager
def _unpacked(maillog: Path) -> Iterator[Iterable[str]]:
    """The lines of a log, also of one that was packed with gzip, bzip2 or xz when it was rotated."""
    import bz2
    import gzip
    import io
    import lzma

    with maillog.open("rb") as raw:
        packings: dict[bytes, Callable[[IO[bytes]], Any]] = {
            b"\x1f\x8b": gzip.open,
            b"BZ": bz2.open,
            b"\xfd7": lzma.open,
        }
        unpack = packings.get(raw.peek(2)[:2])
        yield io.TextIOWrapper(unpack(raw) if unpack else raw, encoding="utf-8", errors="replace")


def _only(editions: tuple[Edition, ...]) -> Edition:
    if len(editions) > 1:
        message = f"readers are settled an edition at a time; name one of {', '.join(each.id for each in editions)}"
        raise UsageError(message)
    return editions[0]


def _named(call: Call, ledger: SqlLedger, chosen: EditionFlags) -> list[str]:
    """The editions asked for that the ledger knows; all of them when nothing is said. Raises NothingToSend."""
    names = [edition.id for edition in call.known(ledger, chosen)]
    if not names:
        known = ", ".join(mailing.edition for mailing in ledger.mailings()) or "no edition"
        message = f"{chosen.again() or 'what you ask for'} was never sent; the ledger knows {known}"
        raise NothingToSend(message)
    return names


def _code(ledger: SqlLedger, edition: str) -> int:
    from digest.sending.progress import RunReport

    return RunReport(edition=edition, counts=ledger.counts(edition)).exit_code


def _tell(call: Call, ledger: SqlLedger, edition: str, held: list[Delivery]) -> None:
    from digest.delivery import MailingStatus, State
    from digest.report import WORDS, sentence

    mailing = ledger.mailing(edition)
    standing = f", {mailing.standing.value}" if mailing and mailing.standing.value != "open" else ""
    if mailing and not mailing.content:
        standing += " for the edition to be built, checked and approved"
    back = _bounced(call, ledger, edition)
    bounced = f", of which {counted(back, 'mail')} came back (bounced)" if back else ""
    call.out.line(f"{edition}: {sentence(ledger.counts(edition))}{bounced}{standing}")
    if ledger.sharing is not None and (reason := ledger.sharing.halted(edition)):
        call.out.line(f"  held back by {reason}")
    elif why := _stopped(ledger, edition):
        call.out.line(f"  the last run ended early: {why}")
    for each in held:
        said = f"{each.code} {each.detail}" if each.code else each.detail
        again = f", again at {_clock(call, each.next_try)}" if each.state is State.DEFERRED and each.next_try else ""
        call.out.line(f"  {each.address}: {WORDS[each.state]}: {said}{again}")
    held_back = mailing is not None and mailing.standing is MailingStatus.PAUSED
    for line in _advice(edition, ledger.counts(edition), "when it may go on" if held_back else "to go on"):
        call.out.line(f"  {line}")


def _stopped(ledger: SqlLedger, edition: str) -> str:
    """Why the last run ended before its work did; empty where it did not, or nobody waits any more."""
    from digest.sending.progress import STOPPED, RunReport

    left = RunReport(edition=edition, counts=ledger.counts(edition)).left
    return ledger.mark(STOPPED + edition) if left else ""


def _changed(call: Call, name: str) -> Iterator[str]:
    """The edition's stories that are not today what was sent, and say nothing of it."""
    from digest.checks.sent_stories import changes, said
    from digest.editions import sent_edition
    from digest.errors import DigestError
    from digest.newsroom.history import folder
    from digest.newsroom.paths import ARCHIVE

    newsroom, edition = call.newsroom, call.newsroom.edition_of(name)
    kept = sent_edition.read(folder(newsroom.root / ARCHIVE, edition), edition, newsroom.config.newsroom.timezone)
    for story in kept.stories if kept else ():
        try:
            fields = changes(story, newsroom.stories.story(story.id))
        except DigestError as error:
            yield f"{'; '.join(str(error).splitlines())}; what was sent cannot be compared with it"
            continue
        if fields:
            yield f"{story.file}: {said(fields, name)}"


def _advice(edition: str, counts: Any, going_on: str) -> Iterator[str]:
    from digest.delivery import State
    from digest.sending.progress import UNFINISHED

    if counts.get(State.IN_DOUBT):
        yield f"in doubt: digest resolve {edition} --maillog FILE, or --sent / --resend ADDRESS"
    if counts.get(State.REFUSED):
        yield f"refused, and it was not about them: digest resolve {edition} --refused"
    if any(counts.get(state) for state in UNFINISHED):
        yield f"{going_on}: digest resume {edition}"


def _clock(call: Call, moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, call.newsroom.config.newsroom.timezone):%Y-%m-%d %H:%M}"


def _bounced(call: Call, ledger: SqlLedger, edition: str) -> int:
    """How many mails of the edition came back, as `digest bounces` recorded it."""
    from digest.bounces.log import BounceLog
    from digest.bounces.process import LOG
    from digest.delivery import State
    from digest.newsroom.paths import STATE

    path = call.newsroom.root / STATE / LOG
    if not path.exists():
        return 0
    sent = (each.message_id for each in ledger.deliveries(edition, [State.SENT]) if each.message_id)
    with closing(BounceLog(path)) as log:
        return len(log.bounced(sent))


def _facts(call: Call, ledger: SqlLedger, edition: str, held: list[Delivery]) -> dict[str, Any]:
    mailing = ledger.mailing(edition)
    return {
        "edition": edition,
        "standing": mailing.standing.value if mailing else "",
        "content": mailing.content if mailing else "",
        "counts": dict(ledger.counts(edition)),
        "stopped": _stopped(ledger, edition),
        "bounced": _bounced(call, ledger, edition),
        "held": [{key: getattr(each, key) for key in _SHOWN} for each in held],
    }


def _write_page(call: Call, ledger: SqlLedger, names: list[str], held: dict[str, list[Delivery]], path: Path) -> None:
    from digest import files, report

    if len(names) > 1:
        message = f"--html shows one edition; name one of {', '.join(names)}"
        raise UsageError(message)
    (name,) = names
    _, audience_name, language = name.split("/")
    audience = call.newsroom.config.audiences.get(audience_name)
    standings = report.Standings(
        edition=name,
        title=audience.in_language(language).title if audience else name,
        counts=ledger.counts(name),
        timeline=ledger.timeline(name, _step(ledger, name)),
        domains=ledger.domains(name),
        refusals=ledger.refusals(name),
    )
    try:
        files.write_whole(path, report.page(standings, held[name], call.now).encode())
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(message) from None
    call.out.line(f"Open {path} in a browser.")


def _step(ledger: SqlLedger, edition: str) -> float:
    """Seconds a column of the timeline stands for: the roundest that makes no more than some sixty columns."""
    moments = [start for start, _, _ in ledger.timeline(edition, 1.0)]
    length = max(moments) - min(moments) if moments else 0.0
    return next((step for step in (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0) if length / step <= 60), 86400.0)  # noqa: PLR2004
