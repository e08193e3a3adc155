"""What config.yaml may say: every section, every key, its type, its default and one sentence about it.

The descriptions are what `digest config --schema` exports, so an editor shows them while a person types. This module
holds no secrets and reads nothing: not the file, not the environment.
"""

# Without annotations from __future__: pydantic would have to read those of 167 settings a second time, at each start.
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from digest.composer.options import NAME, SMALLEST, WIDEST, Images, Layout, Masthead, ThemeOptions
from digest.config.setting_values import (
    Address,
    Clock,
    Colour,
    Countries,
    Headers,
    Host,
    Language,
    LanguageOrNone,
    Languages,
    LedgerUrl,
    Line,
    Lines,
    Section,
    Stretch,
    Text,
    Title,
    Variable,
    Web,
    Words,
    Zone,
    in_words,
    listed,
)
from digest.model import GroupBy, Late, Needed, SourceFormat, Thin
from digest.text.counting import one_of

MAX_PORT = 65535
_THEME = ThemeOptions()
_LEAST = timedelta(hours=1)  # no timer is exact, and a run may have to wait for the one before it


class NewsroomSection(Section):
    """Whose digest it is."""

    name: Text = Field(description="The newsroom's name, shown in the masthead and as the sender.")
    contact: Address = Field(description="The newsroom's address. It becomes Reply-To and stands in the footer.")
    sender: Address = Field(alias="from", description="The address that the mail comes from.")
    bounces_to: Address | None = Field(
        None, description="Where reports of undelivered mails go (the envelope sender); the From address when empty."
    )
    sender_name: Line = Field("", alias="from_name", description="The name shown with it; the newsroom's when empty.")
    url: Web = Field("", description="The newsroom's page. Relative links and 'and 7 more' lead there.")
    timezone: Zone = Field(description="An IANA zone (Europe/Zurich): a period begins and ends at its midnight.")
    language: Language = Field("en", description="The language of stories and audiences that name none.")
    postal_address: Lines = Field("", description="Shown in the footer; some laws ask for it.")
    social: dict[Text, Web] = Field(
        {}, description="'Follow us' in the footer: {Mastodon: https://example.social/@us}."
    )


class MatchSection(Section):
    """Which stories: any of the values of each key that is given."""

    channels: Words = Field((), description="Listings in which the story is shown.")
    topics: Words = Field((), description="Topics of the story.")
    countries: Countries = Field((), description="ISO 3166 codes of the countries it is about.")
    languages: Languages = Field((), description="Languages of the story; the edition's own when empty.")
    kickers: Words = Field((), description="Kickers: the series or programme of the story.")


class SqlSection(Section):
    """Readers from a database."""

    url: str = Field("", description="SQLAlchemy URL without a password, like postgresql://digest@db/crm.")
    url_env: Variable = Field(
        "", description="The environment variable that holds the whole URL, when it has a password."
    )
    query: Text = Field(description="A SELECT whose columns are named email, name, language, topics, and merge fields.")


class ConditionSection(Section):
    """What a column of the list must be: one of some values, there at all, a day or a number within limits."""

    any_of: Words = Field((), description="One of these values, whatever their case.")
    present: bool | None = Field(None, description="true: the cell has something in it; false: it is empty.")
    before: date | None = Field(None, description="A day before this one, like 2020-01-31.")
    after: date | None = Field(None, description="A day after this one.")
    at_least: float | None = Field(None, description="A number of at least this.")
    at_most: float | None = Field(None, description="A number of at most this.")


def _condition(value: Any) -> Any:
    """A list, or one text, stands for its values."""
    if isinstance(value, (str, int, float, date)) or (isinstance(value, list) and value):
        return {"any_of": [str(each) for each in (value if isinstance(value, list) else [value])]}
    if not value:
        message = "is empty; write a list of values, or present, before, after, at_least or at_most"
        raise ValueError(message)
    return value


_DAY_SCHEMA, _NUMBER_SCHEMA = {"type": "string", "format": "date"}, {"type": "number"}
_CONDITION_SCHEMA = {
    "present": {"type": "boolean"}, "before": _DAY_SCHEMA, "after": _DAY_SCHEMA,
    "at_least": _NUMBER_SCHEMA, "at_most": _NUMBER_SCHEMA,
}  # fmt: skip
Conditions = dict[
    str,
    Annotated[
        ConditionSection,
        BeforeValidator(_condition),
        WithJsonSchema({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "properties": _CONDITION_SCHEMA, "additionalProperties": False},
        ]}),
    ],
]  # fmt: skip


class RecipientsSection(Section):
    """Where an audience's readers come from: a CSV file or a database."""

    csv: str = Field("", description="A CSV file with the header email,name,language,topics,… (other columns merge).")
    sql: SqlSection | None = Field(None, description="A database and a query.")
    topics: Words = Field((), description="Only readers whose topics have one of these; all readers when empty.")
    only: Conditions = Field({}, description="Only readers for whom all of this holds: {country: [CH, FR]}.")
    except_: Conditions = Field({}, alias="except", description="Not the readers for whom any of this holds.")


class AudienceSection(Section):
    """A named group of readers, and which stories suit it."""

    title: Title = Field(
        description="Shown in the masthead, and as what one subscribed to: one text, or one for each language."
    )
    description: Lines = Field("", description="A sentence about this digest.")
    select: MatchSection = Field(default_factory=MatchSection, description="Only stories that match this.")
    exclude: MatchSection = Field(default_factory=MatchSection, description="No story that matches this.")
    languages: Languages = Field((), description="One edition for each; the newsroom's language when empty.")
    group_by: GroupBy = Field("none", description="What the sections are made of.")
    limit: int | None = Field(None, ge=1, description="At most this many stories, then 'and 7 more'.")
    min_items: int = Field(1, ge=1, description="Fewer stories than this make the period thin.")
    thin: Thin = Field("send", description="A thin period: send it, skip it, or carry its stories over to the next.")
    late: Late = Field("include", description="Stories that came after their period's edition: 'also from February'.")
    contact: Address | None = Field(None, description="Reply-To for this audience; the newsroom's when empty.")
    subject: Line = Field("", description="A template for the subject; mail.subject when empty.")
    preheader: Line = Field("", description="A template for the preheader; mail.preheader when empty.")
    more_url: Web = Field("", description="Where 'and 7 more' leads; the newsroom's url when empty.")
    recipients: RecipientsSection | None = Field(None, description="Where this audience's readers come from.")
    headers: Headers = Field(
        default_factory=dict, description="Header fields of its mails, beside smtp.headers or in their place."
    )
    archive: Literal["none", "public"] = Field(
        "none", description="public: what was sent to it stands in the public archive, see `archive:`."
    )
    was: Words = Field(
        (), description="The names that it had before: who left then has left, and nobody gets two mails."
    )


class ThemeSection(Section):
    """How the digest looks."""

    # What each may be, and what it is when it is not set, ThemeOptions knows; contradictions asks it.
    name: str = Field(
        _THEME.name, json_schema_extra={"pattern": f"^{NAME.pattern}$"}, description="A folder under templates/."
    )
    brand: Colour | None = Field(None, description="The one colour, used sparingly: masthead, kickers, last rule.")
    brand_dark: Colour | None = Field(None, description="Its counterpart where the reader's mail program is dark.")
    layout: Layout = Field(
        _THEME.layout,
        description="full: every story in full. auto: beyond six, the lead and four, then rows. list: the lead.",
    )
    masthead: Masthead = Field(_THEME.masthead, description="A band of colour, or a rule with the name in it.")
    masthead_color: Colour | None = Field(None, description="The band's colour, where it is not the brand.")
    logo: str = Field("", description="An image address (https) or a file, shown in the masthead.")
    logo_alt: Line = Field("", description="What the logo says.")
    logo_width: int = Field(_THEME.logo_width, ge=1, le=WIDEST, description="How wide the logo is shown, in pixels.")
    forward: bool = Field(
        _THEME.forward,
        description="A link in the footer to send the view in the browser to a colleague; it needs archive.url.",
    )
    heading_font: Line = Field("", description="A CSS font list for headlines. No web fonts.")
    body_font: Line = Field("", description="A CSS font list for the text. No web fonts.")
    images: Images = Field(
        _THEME.images,
        description="Local pictures: link, or embed them in the mail; auto: link where image_base_url serves them.",
    )
    image_base_url: Web = Field("", description="Where the newsroom's relative image paths are served.")
    size_limit: int = Field(
        _THEME.size_limit, ge=SMALLEST, description="Bytes of HTML; beyond it the tail becomes titles."
    )
    contents_over: int = Field(_THEME.contents_over, ge=0, description="More stories than this get a list of contents.")
    dates: bool = Field(_THEME.dates, description="Whether each story says its date.")


class MailSection(Section):
    """What every mail says of itself."""

    subject: Line = Field("", description="A template for the subject (Jinja).")
    preheader: Line = Field("", description="A template for the preheader, the line after the subject in an inbox.")
    clients: Words = Field(
        (), description="Mail programs that matter (gmail, outlook.windows); the common ones if empty."
    )
    spamd: str = Field(
        "", pattern=r"^$|^[^\s:]+:\d{1,5}$", description="SpamAssassin's spamd, host:port, for check --network."
    )
    list_domain: str = Field("", description="The domain of List-Id; the one of newsroom.from when empty.")


class SelectorSection(Section):
    """CSS selectors for a listing page that the generic reader does not understand."""

    item: Text = Field(description="Each story's element.")
    title: str = Field("", description="Within the item: the title.")
    date: str = Field("", description="Within the item: the date.")
    kicker: str = Field("", description="Within the item: the kicker.")
    credit: str = Field("", description="Within the item: the photo credit.")
    summary: str = Field("", description="Within the item: the summary.")
    link: str = Field("", description="Within the item: the link to the story.")
    image: str = Field("", description="Within the item: the photo.")


class ImportSection(Section):
    """How sources are read."""

    selectors: dict[str, SelectorSection] = Field(default_factory=dict, description="Selectors for each host name.")
    allow_private: bool = Field(False, description="Fetch from private addresses too (an intranet).")  # noqa: FBT003
    timeout: float = Field(30, gt=0, le=600, description="Seconds that one source may take in all.")
    max_bytes: int = Field(20_000_000, ge=1000, description="A larger source is refused.")


class SourceSection(Section):
    """A listing page, feed or table that is read by itself: before an edition is built, and every so often."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Its name: small letters, digits, - and _.")
    url: Text = Field(description="An http(s) address, or the path of a file.")
    channel: Line = Field("", description="The channel in which its stories are shown.")
    language: LanguageOrNone = Field("", description="The language of all its stories; what they say when empty.")
    every: Stretch = Field(timedelta(hours=1), description="How often it is read: 1 hour, 30 minutes, 1 day.")
    format: Literal["", SourceFormat] = Field(
        "", description=f"{one_of(get_args(SourceFormat))}; found out when empty."
    )
    sheet: Line = Field("", description="The sheet of an Excel workbook; the first when empty.")
    robots: Literal["heed", "ignore"] = Field(
        "heed", description="What `digest run` does where the site's robots.txt forbids reading this page by itself."
    )
    selectors: SelectorSection | None = Field(
        None, description="CSS selectors for a page; import.selectors if not set."
    )


class CheckSection(Section):
    """A check made louder, quieter or silent, and why."""

    severity: Literal["error", "warning", "info", "off"] = Field(description="What it is to be.")
    reason: Text = Field(description="Why: the next person will ask.")


class SmtpSection(Section):
    """The relay that takes the mail."""

    host: Host = Field("localhost", description="Its name.")
    port: int = Field(25, ge=1, le=MAX_PORT, description="Its port: 25, 587 (starttls) or 465 (tls).")
    tls: Literal["none", "starttls", "tls"] = Field("starttls", description="none is taken on loopback only.")
    ca_file: str = Field("", description="Certificates to trust instead of the system's.")
    username: Line = Field("", description="For AUTH.")
    password_env: Variable = Field("DIGEST_SMTP_PASSWORD", description="The environment variable with the password.")
    password_file: str = Field("", description="Or the file with it; readable by its owner only.")
    auth: Literal["auto", "plain", "login", "xoauth2"] = Field("auto", description="The mechanism.")
    token_command: Line = Field("", description="A command that prints a token: XOAUTH2, a new one when it expires.")
    helo: Line = Field("", description="The name with which it is greeted (EHLO); this machine's full name when empty.")
    headers: Headers = Field(
        default_factory=dict, description="Header fields for it, as {X-PM-Message-Stream: broadcast}; none of our own."
    )
    connections: int = Field(4, ge=1, le=100, description="Connections at a time.")
    rate: str = Field("", description="At most so many mails: 50/s, 600/min, 1000/h.")
    per_domain: dict[str, str] = Field(default_factory=dict, description="The same for a recipient's domain.")
    messages_per_connection: int = Field(0, ge=0, description="Reconnect after so many; 0: as the relay likes.")
    timeout: float | None = Field(None, gt=0, description="Seconds for each phase; RFC 5321's own when empty.")
    bdat: bool = Field(False, description="Use CHUNKING where it is offered; its price: see window.")  # noqa: FBT003
    window: int = Field(1, ge=1, le=64, description="With bdat, mails in flight a connection: so many may be in doubt.")


class SendSection(Section):
    """How an edition goes out."""

    ledger: LedgerUrl = Field("sqlite:///.digest/ledger.db", description="Where what was sent is recorded.")
    ledger_env: Variable = Field(
        "", description="The environment variable with the ledger's URL, when it has a password."
    )
    engine: Literal["local", "procrastinate"] = Field(
        "local", description="local: threads on this machine. procrastinate: every `digest worker`, see docs/fleet.md."
    )
    transport: Literal["smtp", "files", "maildir", "memory"] = Field(
        "smtp",
        description="How mails leave: smtp; files and maildir want --eml DIR; memory is for tests, and mails nobody.",
    )
    approval: Needed = Field("none", description="Whose word a send needs: see approve.")
    patience: float = Field(30, ge=0, description="Seconds to wait within a run for readers to be tried again.")
    relay_patience: float = Field(
        30, ge=0, description="Seconds without an answer, then the relay is given up for now."
    )
    early_intents: bool = Field(
        False,  # noqa: FBT003
        description="Faster, as connections share commits; its price: two mails of each may be in doubt after a crash, "
        "and who leaves while the mail before theirs waits for its answer is still mailed. Not in a fleet.",
    )


class UnsubscribeSection(Section):
    """How readers leave."""

    url: Web = Field("", description="The https address at which `digest serve` is reached: one click leaves.")
    allow_local: bool = Field(False, description="Take a url of this machine or without TLS: for trying things out.")  # noqa: FBT003
    secret_env: Variable = Field("DIGEST_UNSUBSCRIBE_SECRET", description="The environment variable with the secret.")
    secret_file: str = Field("", description="Or the file with it.")
    mailto: Address | None = Field(None, description="Where 'unsubscribe' mails go; the newsroom's contact when empty.")


class DkimSection(Section):
    """Who signs the mail."""

    signer: Literal["relay", "digest"] = Field("relay", description="The relay signs, or digest does.")
    domain: Line = Field("", description="d=: the From address's domain, or one above it.")
    selector: Line = Field("", description="s=: where the public key stands in DNS.")
    key_file: str = Field("", description="The private key (PEM, rsa-2048 or ed25519).")


class BouncesSection(Section):
    """Where reports of undelivered mails are read with a password."""

    password_env: Variable = Field(
        "DIGEST_IMAP_PASSWORD", description="The environment variable with the IMAP password."
    )
    password_file: str = Field("", description="Or the file with it; readable by its owner only.")
    token_command: Line = Field("", description="A command that prints a token: XOAUTH2 in place of a password.")
    verp: bool = Field(
        False,  # noqa: FBT003
        description="Each mail has an envelope sender of its own, bounces+TOKEN@…, which proves whose report it is.",
    )
    ca_file: str = Field("", description="Certificates to trust for IMAP instead of the system's.")


class PreviewSection(Section):
    """The page in which an editor looks at the digest."""

    test_addresses: Annotated[tuple[Address, ...], BeforeValidator(listed)] = Field(
        (), description="The only addresses to which the page may send a test mail."
    )
    people: Annotated[tuple[Text, ...], BeforeValidator(listed)] = Field(
        (), description="Who may approve on the page; each has a key of their own when it is served to other machines."
    )


class ArchiveSection(Section):
    """The public archive of what was sent, to the audiences that say `archive: public`."""

    url: Web = Field("", description="The address at which public/ is served: 'view in browser' leads below it.")
    index: bool = Field(True, description="false: search engines are asked to leave its pages out.")  # noqa: FBT003
    subscribe_url: Web = Field("", description="The page with which one subscribes; the contact when empty.")
    feed_items: int = Field(24, ge=1, le=500, description="Editions in a feed; older ones stand in a file a year.")

    @field_validator("url")
    @classmethod
    def _with_pages_below(cls, url: str) -> str:
        if "?" in url or "#" in url:
            message = f"{url!r} has a ? or a #, and pages are to stand below it; leave that part out"
            raise ValueError(message)
        return url


class ScheduleSection(Section):
    """When the edition of each period goes out by itself, in the newsroom's time zone."""

    period: Literal["month", "quarter", "year", "week"] = Field("month", description="Which period's editions.")
    on: str = Field(
        "first working day", description="The day after it: last day, day 15, second tuesday, last working day."
    )
    at: Clock = Field(
        time(9),
        description="The time of that day. Skipped by the clocks: 02:30 is 03:30; twice: the first.",
        json_schema_extra={"default": "09:00"},
    )
    cron: str = Field("", description="Instead of on and at, five fields: the first such time after each period.")
    audiences: Words = Field((), description="Whose editions; all audiences with recipients when empty.")
    approval: Needed = Field("none", description="Whose word it needs; send.approval counts too.")
    catch_up: Stretch = Field(
        timedelta(days=3),
        description="How long after its time it may still go by itself: 3 days, 12 hours.",
        json_schema_extra={"default": "3 days"},
    )
    country: str = Field("", description="Whose holidays are no working days: CH, or a part of it: CH-GE.")

    @field_validator("catch_up")
    @classmethod
    def _within_a_period(cls, length: timedelta, seen: ValidationInfo) -> timedelta:
        kind = seen.data.get("period", "month")  # a period that cannot be read is a fault of its own
        most = timedelta(days={"week": 7, "month": 31, "quarter": 92, "year": 366}[kind])
        if length < _LEAST:
            message = (
                f"{in_words(length)} is too short: a run that starts a little late would hold it; write 1 hour or more"
            )
            raise ValueError(message)
        if length > most:
            message = (
                f"{in_words(length)} is longer than a {kind}: two editions would go at once; "
                f"write {most.days} days or less"
            )
            raise ValueError(message)
        return length


class HooksSection(Section):
    """What is told of each event: commands (JSON on standard input) and web addresses (JSON by POST)."""

    built: Words = Field((), description="Another edition was built than before. A command, https://…, or $VARIABLE.")
    approved: Words = Field((), description="Somebody approved an edition.")
    sent: Words = Field(
        (),
        description="An edition went out, or is as far as the machine can bring it; not one that was called off before "
        "anybody had it.",
    )
    failed: Words = Field((), description="An edition has not gone out: its time has come, or a live send was refused.")
    timeout: float = Field(30, gt=0, le=600, description="Seconds that each may take.")


class _RecurringSchema:
    """The JSON Schema of `recurring`: what an issue file's blocks may be. Their reader judges them."""

    def __get_pydantic_json_schema__(self, *_: Any) -> dict[str, Any]:
        from digest.issues.block_reader import block_schema

        blocks = {"type": "array", "items": block_schema()}
        return {"anyOf": [blocks, {"type": "object", "additionalProperties": {"type": "array"}, "minProperties": 1}]}


class Settings(Section):
    """config.yaml as a whole."""

    newsroom: NewsroomSection
    audiences: dict[str, AudienceSection] = Field(min_length=1, description="Each by its short name.")
    retired: Words = Field((), description="Audiences that were sent once and have ended.")
    theme: ThemeSection = Field(default_factory=ThemeSection)
    mail: MailSection = Field(default_factory=MailSection)
    smtp: SmtpSection = Field(default_factory=SmtpSection)
    send: SendSection = Field(default_factory=SendSection)
    unsubscribe: UnsubscribeSection = Field(default_factory=UnsubscribeSection)
    dkim: DkimSection = Field(default_factory=DkimSection)
    bounces: BouncesSection = Field(default_factory=BouncesSection)
    archive: ArchiveSection = Field(default_factory=ArchiveSection)
    preview: PreviewSection = Field(default_factory=PreviewSection)
    schedule: tuple[ScheduleSection, ...] = Field((), description="What goes out by itself, and when.")
    recurring: Annotated[Any, _RecurringSchema()] = Field(
        (), description="Blocks of every issue: a list, or one for each language."
    )
    hooks: HooksSection = Field(default_factory=HooksSection)
    imports: ImportSection = Field(default_factory=ImportSection, alias="import")
    sources: tuple[SourceSection, ...] = Field((), description="What `digest run` and `digest import` read themselves.")
    checks: dict[str, CheckSection] = Field(default_factory=dict, description="By the check's code.")
