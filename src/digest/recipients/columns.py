"""Which column of a list is what: the address, the name, the language, the topics, a status, or a merge field.

    column names ─header─▶ Columns          values of a status column ─StatusColumn.reason─▶ why not to mail, or ""

Names are understood in any order and case, in English, German, French, Spanish and Arabic, and as Mailchimp, Ghost,
Substack, Buttondown, listmonk, HubSpot, Brevo, Keila, MailerLite and CiviCRM write them. A column that is called a
status is one, whatever stands in it: a word that nobody knows keeps the mail back. Nothing here opens a file.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from digest.text.likeness import unaccented
from digest.text.merge import field_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digest.model import InactiveReason, Recipient

    _Says = Literal["status", "type", "yes", "no"]
    _Meaning = tuple[_Says, InactiveReason]

HEADER = ("email", "name", "language", "topics")  # a list's own columns; all others are merge fields
MAX_COLUMNS = 1_000  # HubSpot exports all properties of a contact, some hundreds
SPOKEN = ("en", "fr", "es", "de", "it", "pt", "nl", "pl", "tr", "ru", "uk", "ar", "fa", "zh", "ja", "ko")


class BadRow(ValueError):
    """A row that names no usable reader. `key` is the column, `str()` says what is wrong.

    `reader` is whose row it is, as far as it can be read; `doubt`, a status of theirs that is not understood.
    """

    def __init__(self, message: str, key: str = "", doubt: str = "") -> None:
        self.key = key
        self.reader: Recipient | None = None
        self.doubt = doubt
        super().__init__(message)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split("|"))


# Names as folded() gives them; of several in one header the first of these that stands there has the role.
_EMAIL = frozenset(_words(
    "email|e mail|mail|email address|e mail address|primary email|e mail 1 value|emailadresse|e mail adresse|"
    "email adresse|mailadresse|adresse e mail|adresse email|adresse mail|adresse electronique|courriel|correo|"
    "correo electronico|direccion de correo|direccion de correo electronico|البريد الالكتروني|عنوان البريد الالكتروني"
))  # fmt: skip
# The address where no column is called one of these: Wix, MailerLite.
_EMAIL_ELSE = _words(
    "primary email address|email 1|e mail 1|email1|email 1 address|contact email|subscriber email|member email|"
    "user email|work email|personal email|subscriber"
)
_NAME = _words(
    "name|full name|fullname|display name|contact name|subscriber name|nom complet|nom et prenom|nombre completo|"
    "nombre y apellidos|الاسم الكامل|الاسم"
)
_FIRST = _words(
    "first name|firstname|fname|given name|forename|vorname|prenom|prenoms|nombre de pila|nombre|nombres|الاسم الاول"
)
_LAST = _words(
    "last name|lastname|lname|surname|family name|nachname|familienname|nom de famille|nom|apellidos|apellido|"
    "اسم العايلة|اللقب"
)
_LANGUAGE = _words(
    "language|lang|locale|preferred locale|preferred language|language preference|sprache|bevorzugte sprache|"
    "langue|langue preferee|idioma|idioma preferido|اللغة"
)
_TOPICS = _words("topics|topic|interests|themen|interessen|themes|sujets|temas|intereses")
_TAGS = _words("tags|tag|labels|label|schlagworte|schlagworter|etiquettes|etiquetas")

_STATUS_NAMES = frozenset(_words(
    "status|subscription status|subscriber status|email status|member status|contact status|marketing status|"
    "email marketing status|marketing contact status|email subscription status|email permission status|"
    "permission to send|email marketing consent|newsletter status|mailing status|delivery status|global status|"
    "consent status|opt in status|optin status|subscription state|subscriber type|abostatus|abo status|zustand|statut|"
    "statut d abonnement|statut de l abonnement|statut d inscription|statut email|etat|etat de l abonnement|estado|"
    "estado de suscripcion|estado de la suscripcion|estado del suscriptor|estado del correo|stato|stato iscrizione|"
    "situacao|الحالة|حالة الاشتراك|статус|статус подписки|状态|订阅状态"
))  # fmt: skip
# Buttondown's, Kit's, Google Groups', Sympa's; a type or state of anything else has no word that stops.
_TYPE_NAMES = frozenset(_words("type|state|email preference|group status|reception"))
_STATUS_WORDS: dict[InactiveReason, frozenset[str]] = {
    "": frozenset(_words(
        "subscribed|active|enabled|confirmed|verified|valid|ok|regular|premium|gifted|free|paid|comped|trialed|unpaid|"
        "churning|added|opted in|opt in|marketing contact|member|manager|owner|mail|email|all|all email|each email|"
        "individual|digest|summary|abridged|abonniert|angemeldet|aktiv|bestatigt|abonne|abonnee|inscrit|"
        "inscrite|actif|active|confirme|confirmee|suscrito|suscrita|activo|activa|confirmado|confirmada|alta|مشترك|"
        "مشتركة|نشط|موكد"
    )),
    "unconfirmed": frozenset(_words(
        "unconfirmed|not confirmed|unverified|unactivated|pending|waiting|awaiting confirmation|inactive|disabled|"
        "deactivated|archived|deleted|paused|validating|nonsubscribed|non subscribed|not subscribed|never subscribed|"
        "transactional|non marketing contact|invited|no email|no mail|unbestatigt|nicht bestatigt|ausstehend|inaktiv|"
        "deaktiviert|geloscht|nicht abonniert|nicht angemeldet|en attente|non confirme|non confirmee|a confirmer|"
        "inactif|inactive|desactive|desactivee|supprime|supprimee|non abonne|non abonnee|non inscrit|non inscrite|"
        "pendiente|sin confirmar|por confirmar|no confirmado|no confirmada|inactivo|inactiva|desactivado|desactivada|"
        "eliminado|eliminada|no suscrito|no suscrita|غير موكد|غير نشط|قيد الانتظار|معلق"
    )),
    "manual": frozenset(_words(
        "blocked|blocklisted|blocklist|blacklisted|blacklist|banned|manual|suppressed|user suppressed|spammy|"
        "do not contact|do not email|deceased|gesperrt|sperrliste|blockiert|bloque|bloquee|blackliste|blacklistee|"
        "liste noire|bloqueado|bloqueada|lista negra|محظور|محظورة"
    )),
    "unsubscribed": frozenset(_words(
        "unsubscribed|unsubscribe|unsub|opted out|opt out|on hold opt out|removed|left|cancelled|canceled|abgemeldet|"
        "ausgetragen|abbestellt|gekundigt|widerrufen|widersprochen|ausgetreten|desabonne|desabonnee|desinscrit|"
        "desinscrite|resilie|resiliee|annule|annulee|opposition|baja|de baja|dado de baja|dada de baja|desuscrito|"
        "desuscrita|cancelado|cancelada|anulado|anulada|غير مشترك|غير مشتركة|الغى الاشتراك|تم الغاء الاشتراك|"
        "الغاء الاشتراك"
    )),
    "bounced": frozenset(_words(
        "bounced|hard bounced|hard bounce|bounce|bouncing|on hold bounce|cleaned|undeliverable|unreachable|invalid|"
        "unzustellbar|nicht zustellbar|ungultig|invalide|rejete|rejetee|non distribuable|npai|rebotado|rebotada|"
        "rechazado|rechazada|invalido|no entregable|مرتد|غير صالح"
    )),
    "complained": frozenset(_words(
        "complained|complaint|spam complaint|spam|junk|marked as spam|reported spam|abuse|abused|beschwerde|plainte|"
        "queja|شكوى"
    )),
}  # fmt: skip
_KINDS = frozenset(_words("regular|premium|gifted|free|paid|comped|valid|ok"))  # kinds of members, or of anything
# Columns that say yes to mails, with the reason of a no; and columns that say no, with the reason of a yes or a date.
_YES_NAMES: dict[str, InactiveReason] = {
    **dict.fromkeys(_words(
        "subscribed|is subscribed|subscribed to emails|accepts marketing|accepts email marketing|abonniert|angemeldet|"
        "abonne|inscrit|suscrito|مشترك"
    ), "unsubscribed"),
    **dict.fromkeys(_words(
        "opt in|optin|opted in|email opt in|double opt in|consent|email consent|confirmed|is confirmed|active|"
        "is active|confirm time|confirmed at|enabled|email enabled|bestatigt|aktiv|einwilligung|confirme|actif|"
        "consentement|confirmado|activo|consentimiento|marketing consent|newsletter consent|gdpr consent|"
        "marketing opt in|newsletter opt in|email permission|werbeeinwilligung|einwilligung newsletter|نشط|موكد"
    ), "unconfirmed"),
}  # fmt: skip
# Called so in lists of whoever gets it, and in lists of what somebody gets: a yes or a no among the values tells.
_NEWSLETTER_NAMES: dict[str, InactiveReason] = dict.fromkeys(
    _words(
        "newsletter|email newsletter|newsletter abo|rundbrief|infolettre|boletin|النشرة|"
        "subscribed to newsletter|subscribed to newsletters|subscribed to the newsletter|subscribe to newsletter|"
        "newsletter subscribed|newsletter subscription|newsletter subscriber|newsletter signup|newsletter sign up|"
        "receive newsletter|receives newsletter|receive newsletters|receives newsletters|wants newsletter|"
        "get newsletter|gets newsletter|send newsletter|accepts newsletter|receive emails|receives emails|"
        "email subscribed|email subscription|subscribed to mailing list|subscribed to marketing|"
        "subscribed to marketing emails|newsletter abonniert|newsletter angemeldet|newsletter erwunscht|"
        "newsletter empfangen|newsletter abonnement|abonne newsletter|abonne a la newsletter|inscrit newsletter|"
        "inscrit a la newsletter|recevoir la newsletter|recoit la newsletter|suscrito al boletin|"
        "suscrito a la newsletter|recibe newsletter|recibir newsletter|recibir boletin|recibe boletin"
    ),
    "unsubscribed",
)
_NO_NAMES: dict[str, InactiveReason] = {
    **dict.fromkeys(_words(
        "unsubscribed|unsubscribe|unsubscription|global unsubscribe|unsub|opted out|opt out|no bulk emails|"
        "no bulk emails user opt out|do not email|email disabled|cancelled|canceled|removed|left|stop time|abgemeldet|"
        "abmeldung|abmeldedatum|abmeldegrund|ausgetragen|ausgetreten|austritt|deaktiviert|widerspruch|widerrufen|"
        "kein newsletter|keine e mails|keine massen e mails|werbesperre|deactivated|desabonne|desabonnement|desinscrit|"
        "desinscription|baja|dado de baja|desuscrito|cancelado|الغاء الاشتراك"
    ), "unsubscribed"),
    **dict.fromkeys(_words(
        "bounced|bounce|hard bounced|hard bounce|hold|on hold|cleaned|clean time|invalid email address|unzustellbar|"
        "rejete|rebond|rebotado|rebote"
    ), "bounced"),
    **dict.fromkeys(_words(
        "complained|complaint|spam complaint|spam report|marked as spam|beschwerde|plainte|queja"
    ), "complained"),
    **dict.fromkeys(_words(
        "blocked|blocklisted|blocklist|blockliste|blacklisted|blacklist|suppressed|suppression|suppressions|"
        "excluded from campaigns|is excluded from campaigns|do not contact|dnc|"
        "deceased|gesperrt|sperrvermerk|verstorben|bloque|liste noire|ne pas contacter|bloqueado|lista negra|"
        "no contactar"
    ), "manual"),
    **dict.fromkeys(_words("unconfirmed|disabled|deleted|archived|geloscht"), "unconfirmed"),
}  # fmt: skip
_OPTED_OUT = ("opted out of email ", "hs email optout ", "unsubscribed from ")  # then HubSpot says what mails they are
# What may stand beside one of these: whether, when, why, of what. `is_bounced`, `Motivo de baja`, `Bounce reason`.
_WHY = frozenset(_words("reason|grund|raison|motif|motivo"))
_BESIDE = _WHY | frozenset(_words(
    "is|has|was|at|on|of|from|all|date|time|timestamp|day|email|e|mail|portal|global|am|seit|datum|le|de|du|depuis|fecha|تاريخ"
))  # fmt: skip
_YES = frozenset(_words("true|yes|y|t|1|x|on|ok|ja|j|wahr|oui|o|vrai|si|s|verdadero|sim|verdadeiro|vero|waar|نعم|да"))
_BLANK = " \t\u00a0-–—/.[]{}"  # what stands for nothing
_NO = frozenset(_words("false|no|n|f|0|off|null|none|never|n a|nein|falsch|non|faux|falso|nao|onwaar|nee|لا|нет"))
_LINK = re.compile(r"\s*(?:https?://|mailto:)", re.IGNORECASE)
_DATE = re.compile(r"(?![0٠۰])\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
# Beside the months and days of CLDR; with any other word, as in "Opt-out 2021", it is not said what was done on a day.
_OF_A_DATE = frozenset(_words(
    "t|z|utc|gmt|cet|cest|mez|mesz|bst|est|edt|pst|pdt|a|p|m|am|pm|st|nd|rd|th|er|sept|at|on|of|the|um|uhr|den|le|h|el|"
    "de|del|las|г|年|月|日"
))  # fmt: skip
# The worst first: a row that is both bounced and unsubscribed has bounced.
_WORST: tuple[InactiveReason, ...] = ("complained", "bounced", "unsubscribed", "manual", "unconfirmed")


class StatusColumn(Struct, frozen=True, kw_only=True):
    """A column that says whether its reader may be mailed: by a word, by a yes, or by a no or the day of one."""

    name: str
    place: int
    says: _Says
    otherwise: InactiveReason = ""  # the reason of a no in a column that says yes, of a yes in one that says no
    sure: bool = True  # by its name alone

    def reason(self, text: str) -> InactiveReason | None:
        """Why this reader is not to be mailed, empty where they may be; None for a value that is not understood."""
        value, blank = folded(text), not text.strip(_BLANK)
        word = None if self.says in ("yes", "no") and value in _KINDS else _REASON_OF.get(_close(value))
        if self.says in ("status", "type"):
            return "" if blank else word
        dated = bool(_DATE.search(text)) and bool(text.strip("0 :.-/")) and not _LINK.match(text)
        yes = value in _YES or text.strip() in ("✓", "✔")
        if self.says == "yes":
            # An empty cell among others that say yes is a box that was not ticked: nobody asked for anything there.
            yes = yes or (dated and _of_dates().issuperset(re.findall(r"[^\W\d]+", value)))
            return "" if yes else "unconfirmed" if blank else self.otherwise if value in _NO else word
        if blank or value in _NO or (value and not value.strip("0 ")):
            return ""
        why = any(word in _WHY or word.endswith("grund") for word in _name(self.name).split())
        return self.otherwise if yes or dated or why else word

    def knows(self, text: str) -> bool:
        """Whether the column is a status for having this value: most names say enough, not that of a type.

        A word that is not understood is no field: who has left in a word of another tool would be mailed. An address is
        one: a link to leave by is a field of who is on the list.
        """
        if self.says == "type":
            return bool(self.reason(text))
        if self.says == "no" and _LINK.match(text):
            return bool(self.reason(text))
        said = self.sure or self.reason(text) is not None
        return said and bool(text.strip(_BLANK)) and (self.says != "status" or folded(text) not in _KINDS)


class Columns(Struct, frozen=True, kw_only=True):
    """Where a row's values stand, counted from 0; -1 for a column that is not there. `fields` are merge fields.

    `keys` names every column: `email`, `name`, `language`, `topics`, or the merge field. `statuses` may still be
    fields, where nothing stands in them, or a type is of something else: settled() says, once values were seen.
    """

    width: int
    email: int
    keys: tuple[str, ...] = ()
    name: int = -1
    first: int = -1
    last: int = -1
    language: int = -1
    topics: int = -1
    tags: bool = False  # topics are tags: parted by commas, never by blanks
    statuses: tuple[StatusColumn, ...] = ()
    fields: tuple[tuple[str, int], ...] = ()

    @property
    def gives(self) -> tuple[str, ...]:
        """What a row can have something in, the whole name that two columns make among it."""
        made = ("name",) if self.name < 0 and (self.first >= 0 or self.last >= 0) else ()
        return (*made, *(key for key in self.keys if key))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of a first and of a last name."""
        return tuple(self.keys[place] for place in (self.first, self.last) if place >= 0)

    @property
    def merge_fields(self) -> tuple[str, ...]:
        """The columns of the list's own, which templates may show: of settled ones, no status is among them."""
        return tuple(name for name, _ in self.fields)

    def settled(self, rows: Iterable[Sequence[str]]) -> Columns:
        """The same, with those statuses that are ones by these values, and the others as merge fields.

        No more of the list is read than it takes to know.
        """
        waiting = list(self.statuses)
        for row in rows if waiting else ():
            waiting = [each for each in waiting if each.place >= len(row) or not each.knows(row[each.place])]
            if not waiting:
                break
        sure = tuple(each for each in self.statuses if each not in waiting)
        places = {column.place for column in sure}
        fields = tuple((key, place) for key, place in self.fields if place not in places)
        return replace(self, statuses=sure, fields=fields)


def header(names: Sequence[str]) -> Columns:
    """Understand column names, in any order and case. Raises BadRow for a header that cannot be one, with the reason.

    Other names become merge fields, spelled as an identifier: `Shoe size` is the field `shoe_size`.
    """
    if len(names) > MAX_COLUMNS:
        message = f"has {len(names)} columns; more than {MAX_COLUMNS} cannot be a list of readers"
        raise BadRow(message)
    known = [folded(name) for name in names]
    called = set(known) & _EMAIL or {next((name for name in _EMAIL_ELSE if name in known), "email")}
    keys = ["email" if name in called else field_name(raw) for raw, name in zip(names, known, strict=True)]
    places: dict[str, int] = {}
    for index, key in enumerate(keys):
        if key and key in places:
            message = f"stands twice in the header, as columns {places[key] + 1} and {index + 1}; keep one"
            raise BadRow(message, key)
        places[key] = index
    places.pop("", None)  # a column without a name: a row with something in it is a bad one
    if "email" not in places:
        data = any("@" in name for name in names)
        what = "there is no header" if data else "is not among the columns"
        message = f"{what}; the first line must name them: email,name,language,topics"
        raise BadRow(message, "email")
    name, first, last = _find(known, _NAME), _find(known, _FIRST), _find(known, _LAST)
    if name >= 0 and known[name] == "name" and first >= 0 and known[first] == "vorname" and last < 0:
        name, last = -1, name  # in German the one beside the Vorname is the family's
        keys[last], places["nachname"] = "nachname", last  # as templates call it, too; the name is both together
    topics = _find(known, _TOPICS)
    tags = topics < 0
    roles = {
        "email": places["email"],
        "name": name,
        "language": _find(known, _LANGUAGE),
        "topics": _find(known, _TAGS) if tags else topics,
    }
    for role, place in roles.items():
        if place >= 0:
            keys[place] = role
    return Columns(
        width=len(names),
        keys=tuple(keys),
        first=first,
        last=last,
        tags=tags,
        statuses=tuple(_statuses(names, known)),
        fields=tuple((key, place) for key, place in places.items() if place not in roles.values()),
        **roles,
    )


def is_header(names: Sequence[str]) -> bool:
    """Whether one of these names is that of the address."""
    return not {*_EMAIL, *_EMAIL_ELSE}.isdisjoint(map(folded, names))


def takes(names: Sequence[str], *more: str) -> bool:
    """Whether a header that gets more columns still says the same of all that it had, and has these columns then.

    >>> [takes(("email", "Vorname", "Sprache"), more) for more in ("city", "first_name", "sprache", "full_name")]
    [True, False, False, False]
    """
    try:
        before, after = header(names), header((*names, *more))
    except BadRow:
        return False
    roles = ((before.name, after.name), (before.first, after.first), (before.last, after.last))
    return after.keys == (*before.keys, *more) and all(old in (-1, new) for old, new in roles)


def folded(text: str) -> str:
    """A name or a word for comparing: without case, accents and marks, one blank between words.

    >>> folded(" Dés-abonné_(e) ")
    'des abonne e'
    """
    return " ".join(re.findall(r"[^\W_]+", unaccented(text)))


def _close(text: str) -> str:
    """Folded text without its blanks: `hardBounced`, `hard_bounced` and `Hard bounced` are one."""
    return text.replace(" ", "")


def _name(raw: str) -> str:
    """A column's name, folded, and in words where it is written as one: `unsubscribedAt` is `unsubscribed at`."""
    return folded(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", raw))


@cache
def _of_dates() -> frozenset[str]:
    """The words in which days are written, and a yes before one: `Ja, am 3. März 2021`; read when first met."""
    from babel import Locale

    named = (table for tag in SPOKEN for table in (Locale(tag).months, Locale(tag).days))
    names = (name for table in named for width in ("wide", "abbreviated") for name in table["format"][width].values())
    return _OF_A_DATE.union(_YES, *(re.findall(r"[^\W\d]+", folded(name)) for name in names)) - _NO


def worst(reasons: Iterable[str]) -> InactiveReason:
    """The reason that weighs most; empty when there is none."""
    given = set(reasons)
    return next((reason for reason in _WORST if reason in given), "")


def _find(known: Sequence[str], wanted: Sequence[str]) -> int:
    return next((known.index(name) for name in wanted if name in known), -1)


def _by_name(names: Iterable[str], says: _Says, otherwise: Mapping[str, InactiveReason] = {}) -> dict[str, _Meaning]:
    return {_close(name): (says, otherwise.get(name, "")) for name in names}


_REASON_OF = {_close(word): reason for reason, words in _STATUS_WORDS.items() for word in words}
_UNSURE = frozenset(map(_close, _NEWSLETTER_NAMES))
_STATES = frozenset(_words("status|statut|etat|estado|stato|situacao|الحالة|статус"))
_OF_STATUS = frozenset(word for name in _STATUS_NAMES for word in name.split())  # in whatever order: Status E-Mail
_NOES = _by_name(_NO_NAMES, "no", _NO_NAMES)
_MEANINGS = {
    **_NOES,
    **_by_name(_YES_NAMES, "yes", _YES_NAMES),
    **_by_name(_NEWSLETTER_NAMES, "yes", _NEWSLETTER_NAMES),
    **_by_name(_TYPE_NAMES, "type"),
    **_by_name(_STATUS_NAMES, "status"),
}


def _statuses(names: Sequence[str], known: Sequence[str]) -> Iterable[StatusColumn]:
    for place, (raw, name) in enumerate(zip(names, known, strict=True)):
        words = _name(raw).split()
        bare = "".join(word for word in words if word not in _BESIDE)
        status: _Meaning | None = (
            ("status", "") if _OF_STATUS.issuperset(words) and not _STATES.isdisjoint(words) else None
        )
        opted_out = _NOES["optedout"] if name.startswith(_OPTED_OUT) else None
        if meaning := _MEANINGS.get(_close(name)) or _NOES.get(bare) or opted_out or status:
            says, otherwise = meaning
            sure = _close(name) not in _UNSURE
            yield StatusColumn(name=" ".join(raw.split()), place=place, says=says, otherwise=otherwise, sure=sure)
