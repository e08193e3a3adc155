"""Which column of a list is what: the address, the name, the language, the topics, a status, or a merge field.

    column names ─header─▶ Columns          values of a status column ─StatusColumn.reason─▶ why not to mail, or ""

Names are understood in any order and case, in English, German, French and Spanish, and as Mailchimp, Ghost, Substack,
Buttondown, listmonk, HubSpot and Brevo write them. Nothing here opens a file.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from digest.text.merge import field_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digest.model import InactiveReason

MAX_COLUMNS = 200


class BadRow(ValueError):
    """A row that names no usable reader. `key` is the column, `str()` says what is wrong."""

    def __init__(self, message: str, key: str = "") -> None:
        self.key = key
        super().__init__(message)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split("|"))


# Names as folded() gives them; of several in one header the first of these that stands there has the role.
_EMAIL = frozenset(_words(
    "email|e mail|mail|email address|e mail address|primary email|e mail 1 value|emailadresse|e mail adresse|"
    "email adresse|mailadresse|adresse e mail|adresse email|adresse mail|adresse electronique|courriel|correo|"
    "correo electronico|direccion de correo|direccion de correo electronico"
))  # fmt: skip
_NAME = _words(
    "name|full name|fullname|display name|contact name|subscriber name|nom complet|nom et prenom|nombre completo|"
    "nombre y apellidos"
)
_FIRST = _words("first name|firstname|fname|given name|forename|vorname|prenom|prenoms|nombre de pila|nombre|nombres")
_LAST = _words(
    "last name|lastname|lname|surname|family name|nachname|familienname|nom de famille|nom|apellidos|apellido"
)
_LANGUAGE = _words(
    "language|lang|locale|preferred language|language preference|sprache|bevorzugte sprache|langue|langue preferee|"
    "idioma|idioma preferido"
)
_TOPICS = _words("topics|topic|interests|themen|interessen|themes|sujets|temas|intereses")
_TAGS = _words("tags|tag|labels|label|schlagworte|schlagworter|etiquettes|etiquetas")

_STATUS_NAMES = frozenset(_words(
    "status|subscription status|subscriber status|email status|member status|contact status|marketing status|"
    "email marketing status|marketing contact status|email subscription status|newsletter status|abostatus|abo status|"
    "zustand|statut|statut d abonnement|etat|estado|estado de suscripcion"
))  # fmt: skip
_TYPE_NAMES = frozenset(_words("type|subscriber type"))  # Buttondown's; a type of anything else has no word that stops
_STATUS_WORDS: dict[InactiveReason, frozenset[str]] = {
    "": frozenset(_words(
        "subscribed|active|enabled|confirmed|verified|valid|ok|regular|premium|gifted|free|paid|comped|opted in|opt in|"
        "marketing contact|abonniert|angemeldet|aktiv|bestatigt|abonne|abonnee|inscrit|inscrite|actif|active|confirme|"
        "confirmee|suscrito|suscrita|activo|activa|confirmado|confirmada|alta"
    )),
    "unconfirmed": frozenset(_words(
        "unconfirmed|not confirmed|unverified|unactivated|pending|waiting|awaiting confirmation|inactive|disabled|"
        "archived|deleted|paused|nonsubscribed|non subscribed|not subscribed|never subscribed|transactional|"
        "non marketing contact|unbestatigt|nicht bestatigt|ausstehend|inaktiv|en attente|non confirme|non confirmee|"
        "inactif|inactive|pendiente|sin confirmar|no confirmado|no confirmada|inactivo|inactiva"
    )),
    "manual": frozenset(_words(
        "blocked|blocklisted|blacklisted|banned|suppressed|spammy|gesperrt|blockiert|bloque|bloquee|bloqueado|bloqueada"
    )),
    "unsubscribed": frozenset(_words(
        "unsubscribed|unsubscribe|opted out|opt out|optout|removed|left|abgemeldet|ausgetragen|abbestellt|gekundigt|"
        "desabonne|desabonnee|desinscrit|desinscrite|baja|de baja|dado de baja|dada de baja|cancelado|cancelada"
    )),
    "bounced": frozenset(_words(
        "bounced|hard bounced|hard bounce|bounce|cleaned|undeliverable|invalid|unzustellbar|ungultig|invalide|rejete|"
        "non distribuable|rebotado|rebotada|no entregable"
    )),
    "complained": frozenset(_words(
        "complained|complaint|spam complaint|spam|marked as spam|reported spam|abuse|beschwerde|plainte|queja"
    )),
}  # fmt: skip
_KINDS = frozenset(_words("regular|premium|gifted|free|paid|comped|valid|ok"))  # kinds of members, or of anything
_REASON_OF = {word: reason for reason, words in _STATUS_WORDS.items() for word in words}
# Columns that say yes to mails, with the reason of a no; and columns that say no, with the reason of a yes or a date.
_YES_NAMES: dict[str, InactiveReason] = {
    **dict.fromkeys(_words(
        "subscribed|is subscribed|subscribed to emails|accepts marketing|accepts email marketing|abonniert|angemeldet|"
        "abonne|inscrit|suscrito"
    ), "unsubscribed"),
    **dict.fromkeys(_words(
        "opt in|optin|opted in|email opt in|double opt in|consent|email consent|confirmed|is confirmed|active|"
        "is active|confirm time|confirmed at|bestatigt|aktiv|einwilligung|confirme|actif|consentement|confirmado|"
        "activo|consentimiento"
    ), "unconfirmed"),
}  # fmt: skip
_NO_NAMES: dict[str, InactiveReason] = {
    **dict.fromkeys(_words(
        "unsubscribed|is unsubscribed|unsub time|unsub reason|unsubscribed at|unsubscribed on|unsubscribe time|"
        "unsubscribe date|date unsubscribed|unsubscribed from all email|opted out|opt out|optout|email opt out|"
        "has opted out of email|do not email|do not contact|email disabled|abgemeldet|abgemeldet am|abmeldedatum|"
        "ausgetragen|desabonne|desabonne le|desinscrit|date de desabonnement|date de desinscription|baja|dado de baja|"
        "fecha de baja"
    ), "unsubscribed"),
    **dict.fromkeys(_words(
        "bounced|bounced at|hard bounced|hard bounce|hard bounce reason|email hard bounced|email hard bounce reason|"
        "cleaned|clean time|invalid email address|unzustellbar|rejete|rebotado"
    ), "bounced"),
    **dict.fromkeys(_words("complained|complained at|spam complaint|marked as spam|beschwerde|plainte"), "complained"),
    **dict.fromkeys(_words(
        "blocked|blocklisted|blacklisted|email blacklisted|emailblacklisted|gesperrt|bloque|bloqueado"
    ), "manual"),
    **dict.fromkeys(_words("unconfirmed|deleted at|archived|archived at"), "unconfirmed"),
}  # fmt: skip
_YES = frozenset(_words("true|yes|y|t|1|x|on|ok|ja|wahr|oui|o|vrai|si|s|verdadero"))
_BLANK = " \t\u00a0-–—/."  # what stands for nothing
_NO = frozenset(_words("false|no|n|f|0|off|null|none|never|n a|nein|falsch|non|faux|falso"))
_DATE = re.compile(r"[1-9]\d{3}|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
# The worst first: a row that is both bounced and unsubscribed has bounced.
_WORST: tuple[InactiveReason, ...] = ("complained", "bounced", "unsubscribed", "manual", "unconfirmed")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusColumn:
    """A column that says whether its reader may be mailed: by a word, by a yes, or by a no or the day of one."""

    name: str
    place: int
    says: Literal["status", "type", "yes", "no"]
    otherwise: InactiveReason = ""  # the reason of a no in a column that says yes, of a yes in one that says no

    def reason(self, text: str) -> InactiveReason | None:
        """Why this reader is not to be mailed, empty where they may be; None for a value that is not understood."""
        value, blank = folded(text), not text.strip(_BLANK)
        if self.says in ("status", "type"):
            return "" if blank else _REASON_OF.get(value)
        dated = bool(_DATE.search(text)) and bool(text.strip("0 :.-/"))
        yes = value in _YES or text.strip() in ("✓", "✔") or dated
        if self.says == "yes":
            # An empty cell among others that say yes is a box that was not ticked: nobody asked for anything there.
            return "" if yes else "unconfirmed" if blank else self.otherwise if value in _NO else None
        if blank or value in _NO or (value and not value.strip("0 ")):
            return ""
        return self.otherwise if yes or "reason" in folded(self.name) else None

    def knows(self, text: str) -> bool:
        """Whether this value shows that the column is a status, and no field that happens to be called so."""
        if not text.strip(_BLANK):
            return False
        reason = self.reason(text)
        if self.says == "type":
            return bool(reason)
        return reason is not None and (self.says != "status" or folded(text) not in _KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where a row's values stand, counted from 0; -1 for a column that is not there. `fields` are merge fields.

    `keys` names every column: `email`, `name`, `language`, `topics`, or the merge field. `statuses` may still be
    fields: settled() says, once values were seen.
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
        """The columns of the list's own, as a header names them: before values tell that one is a status."""
        return (*(name for name, _ in self.fields), *(self.keys[status.place] for status in self.statuses))

    def settled(self, statuses: Iterable[StatusColumn]) -> Columns:
        """The same, with `statuses` for certain and every other column that may have been one a merge field."""
        sure = tuple(statuses)
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
    keys = ["email" if name in _EMAIL else field_name(raw) for raw, name in zip(names, known, strict=True)]
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


def takes(names: Sequence[str], more: str) -> bool:
    """Whether a header that gets one more column still says the same of all that it had, and has that column then.

    >>> [takes(("email", "Vorname", "Sprache"), more) for more in ("city", "first_name", "sprache", "full_name")]
    [True, False, False, False]
    """
    try:
        before, after = header(names), header((*names, more))
    except BadRow:
        return False
    roles = ((before.name, after.name), (before.first, after.first), (before.last, after.last))
    return after.keys == (*before.keys, more) and all(old in (-1, new) for old, new in roles)


def folded(text: str) -> str:
    """A name or a word for comparing: without case, accents and marks, one blank between words.

    >>> folded(" Dés-abonné_(e) ")
    'des abonne e'
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", plain))


def worst(reasons: Iterable[str]) -> InactiveReason:
    """The reason that weighs most; empty when there is none."""
    given = set(reasons)
    return next((reason for reason in _WORST if reason in given), "")


def _find(known: Sequence[str], wanted: Sequence[str]) -> int:
    return next((known.index(name) for name in wanted if name in known), -1)


def _statuses(names: Sequence[str], known: Sequence[str]) -> Iterable[StatusColumn]:
    for place, (raw, name) in enumerate(zip(names, known, strict=True)):
        shown = " ".join(raw.split())
        if name in _STATUS_NAMES:
            yield StatusColumn(name=shown, place=place, says="status")
        elif name in _TYPE_NAMES:
            yield StatusColumn(name=shown, place=place, says="type")
        elif name in _YES_NAMES:
            yield StatusColumn(name=shown, place=place, says="yes", otherwise=_YES_NAMES[name])
        elif name in _NO_NAMES:
            yield StatusColumn(name=shown, place=place, says="no", otherwise=_NO_NAMES[name])
