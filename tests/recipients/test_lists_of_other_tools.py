"""Lists as other tools and other people write them: who has left there is never mailed, and the rest is understood."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import date
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import Fault, FaultyInput
from digest.model import InactiveReader, Recipient
from digest.recipients import columns
from digest.recipients.csvfile import CsvSource
from digest.recipients.rows import topic_key
from digest.recipients.sql import SqlSource
from digest.recipients.subscribers import add, export, listed
from digest.testing import MemoryLedger


@pytest.fixture
def read(tmp_path):
    def read_(text):
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8")
        return list(CsvSource(path, name="list.csv").recipients())

    return read_


def mailed(rows):
    return [row.address.partition("@")[0] for row in rows if isinstance(row, Recipient)]


def stopped(rows):
    return {row.address.partition("@")[0]: row.reason for row in rows if isinstance(row, InactiveReader)}


def faults(rows):
    return [str(row) for row in rows if isinstance(row, Fault)]


def test_ghost(read):
    """`subscribed_to_emails` says who has left."""
    rows = read("id,email,name,note,subscribed_to_emails,created_at\n1,ana@example.org,Ana,,true,2021-01-01\n"
                "2,no@example.org,No,,false,2021-01-01\n")  # fmt: skip
    assert (mailed(rows), stopped(rows)) == (["ana"], {"no": "unsubscribed"})


def test_mailchimp_unsubscribed(read):
    """A file of nobody but people who left: its times say so."""
    rows = read('"Email Address","First Name","Last Name",UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON\n'
                'gone@example.org,Gone,Away,"2021-05-05 10:00:00","May news",NORMAL\n')  # fmt: skip
    fields = {"first_name": "Gone", "last_name": "Away", "unsub_campaign_title": "May news"}
    away = Recipient(address="gone@example.org", name="Gone Away", fields=fields)
    assert rows == [InactiveReader(recipient=away, reason="unsubscribed", detail="UNSUB_TIME: 2021-05-05 10:00:00")]


def test_mailchimp_audience(read):
    """Two names make one, tags are topics without their quotes, a language has a name or a tag, the rest are fields."""
    rows = read(
        '"Email Address","First Name","Last Name",Address,"Phone Number",LANGUAGE,MEMBER_RATING,OPTIN_TIME,TAGS\n'
        'ana.silva@example.org,Ana,Silva,,,English,4,"2021-05-05 10:00:00","""Water"",""Green Donor"""\n'
        'jo@example.net,Jo,,,,fr,2,"2021-05-06 10:00:00",""\n'
    )
    fields = {"first_name": "Ana", "last_name": "Silva", "address": "", "phone_number": "", "member_rating": "4",
              "optin_time": "2021-05-05 10:00:00"}  # fmt: skip
    assert rows[0] == Recipient(
        address="ana.silva@example.org", name="Ana Silva", language="en", topics=("water", "green donor"), fields=fields
    )
    assert (rows[1].name, rows[1].language, rows[1].topics) == ("Jo", "fr", ())


def test_a_status_column(read):
    """Who left, bounced, never confirmed or is blocked is no reader."""
    rows = read("email,name,status\non@example.org,On,subscribed\ngone@example.org,Gone,unsubscribed\n"
                "dead@example.org,Dead,cleaned\nwait@example.org,Wait,unconfirmed\n"
                "block@example.org,B,blocklisted\n")  # fmt: skip
    assert mailed(rows) == ["on"]
    assert stopped(rows) == {"gone": "unsubscribed", "dead": "bounced", "wait": "unconfirmed", "block": "manual"}


OF_TOOLS = [
    ("Substack", "email,active_subscription,email_disabled", "false,false", "false,true", "unsubscribed"),
    ("Buttondown", "email,subscriber_type", "regular", "unsubscribed", "unsubscribed"),
    ("Buttondown", "email,type", "premium", "undeliverable", "bounced"),
    ("Buttondown", "email,type", "regular", "unactivated", "unconfirmed"),
    ("listmonk", "email,name,status", "A,enabled", "A,blocklisted", "manual"),
    ("listmonk", "email,subscription_status", "confirmed", "unsubscribed", "unsubscribed"),
    ("HubSpot", "Email,First Name,Unsubscribed from all email", "A,", "A,Yes", "unsubscribed"),
    ("HubSpot", "Email,Email hard bounce reason", "", "UNKNOWN_USER", "bounced"),
    ("HubSpot", "Email,Marketing contact status", "Marketing contact", "Non-marketing contact", "unconfirmed"),
    ("Brevo", "EMAIL,FIRSTNAME,EMAIL_BLACKLISTED", "A,false", "A,true", "manual"),
    ("Brevo", "EMAIL,DOUBLE_OPT-IN", "Yes", "No", "unconfirmed"),
    ("Mailchimp", "Email Address,CLEAN_TIME", "", "2021-05-05 10:00:00", "bounced"),
    ("Mailchimp", "Email Address,UNSUB_TIME", "0000-00-00 00:00:00", "2021-05-05", "unsubscribed"),
    ("Ghost", "email,deleted_at", "", "2021-05-05T10:00:00.000Z", "unconfirmed"),
    ("German", "E-Mail-Adresse;Abgemeldet am", "", "05.05.2021", "unsubscribed"),
    ("German", "E-Mail;Status", "bestätigt", "abgemeldet", "unsubscribed"),
    ("German", "E-Mail;Abonniert", "ja", "nein", "unsubscribed"),
    ("German", "E-Mail;Status", "Aktiv", "unzustellbar", "bounced"),
    ("French", "Adresse e-mail;Statut", "abonné", "désabonnée", "unsubscribed"),
    ("French", "Courriel;Date de désabonnement", "", "05/05/2021", "unsubscribed"),
    ("French", "Courriel;Statut", "confirmé", "en attente", "unconfirmed"),
    ("Spanish", "Correo electrónico;Estado", "suscrito", "dado de baja", "unsubscribed"),
    ("Spanish", "Correo;Fecha de baja", "", "5/5/2021", "unsubscribed"),
    ("Spanish", "Correo;Estado", "activa", "rebotado", "bounced"),
    ("Spanish", "Correo;Estado de la suscripción", "alta", "cancelada", "unsubscribed"),
    ("French", "Courriel;Désinscrit le", "", "05/05/2021", "unsubscribed"),
    ("French", "Courriel;Statut de l'abonnement", "Actif", "NPAI", "bounced"),
    ("German", "E-Mail;Newsletter-Status", "aktiv", "widerrufen", "unsubscribed"),
    ("Excel", "E-Mail;Abgemeldet", "FALSCH", "WAHR", "unsubscribed"),
    ("Excel", "E-Mail;Newsletter", "ja", "nein", "unsubscribed"),
    ("Excel", "Courriel;Infolettre", "x", "non", "unsubscribed"),
    ("Excel", "E-Mail;Newsletter", "ja", "abgemeldet", "unsubscribed"),
    ("a database", "email,unsubscribedAt", "", "2021-05-05", "unsubscribed"),
    ("a database", "email,email_suppressed", "f", "t", "manual"),
    ("a database", "email,opt_out_reason", "", "too many mails", "unsubscribed"),
    ("CiviCRM", "E-Mail;Keine Massen-E-Mails", "Nein", "Ja", "unsubscribed"),
    ("German", "E-Mail;Abgemeldet seit", "", "Mai 2021", "unsubscribed"),
    ("German", "E-Mail;Werbesperre", "", "x", "unsubscribed"),
    ("German", "E-Mail;Abmeldegrund", "", "zu viele Mails", "unsubscribed"),
    ("German", "E-Mail;Status (Newsletter)", "aktiv", "abgemeldet", "unsubscribed"),
    ("French", "Courriel;Raison du désabonnement", "", "trop de courriels", "unsubscribed"),
    ("Spanish", "Correo;Motivo de baja", "", "demasiados correos", "unsubscribed"),
    ("Shopify", "Email,Accepts Email Marketing", "yes", "no", "unsubscribed"),
    ("Excel", "Courriel;Abonné", "VRAI", "FAUX", "unsubscribed"),
    ("Arabic", "البريد الإلكتروني;الحالة", "مشترك", "ألغى الاشتراك", "unsubscribed"),
    ("Arabic", "البريد الإلكتروني;تاريخ إلغاء الاشتراك", "", "٢٠٢١-٠٥-٠٥", "unsubscribed"),
    ("Keila", "Email,First name,Last name,Status", "A,B,active", "A,B,unreachable", "bounced"),
    ("MailerLite", "Email,Status", "active", "junk", "complained"),
    ("Kit", "email,state,status", ",active", ",cancelled", "unsubscribed"),
    ("CiviCRM", "Email,No Bulk Emails (User Opt Out)", "No", "Yes", "unsubscribed"),
    ("CiviCRM", "Email,On Hold", "No", "On Hold Opt Out", "unsubscribed"),
    ("CiviCRM", "Email,On Hold", "0", "1", "bounced"),
    ("Klaviyo", "Email,Email Marketing Consent", "SUBSCRIBED", "NEVER_SUBSCRIBED", "unconfirmed"),
    ("CleverReach", "email,deactivated", "0", "1620208800", "unsubscribed"),
    ("AWeber", "Email,Stop Time", "", "05/05/21 10:00 AM", "unsubscribed"),
    ("Kit", "First Name,Email,State", "active", "cancelled", "unsubscribed"),
    ("HubSpot", "Email,Opted out of email: Marketing Information", "", "true", "unsubscribed"),
    ("HubSpot", "Email,Portal Bounce,Portal Unsubscribe", ",", ",TRUE", "unsubscribed"),
    ("HubSpot", "Email,Portal Spam Report,Global Bounce", ",", ",TRUE", "bounced"),
    ("Klaviyo", "Email,Email Suppressions,Email Suppressions Timestamp", "[],", '"[""HARD_BOUNCE""]",', "bounced"),
    ("Mailjet", "Email,IsExcludedFromCampaigns", "False", "True", "manual"),
    ("Google Groups", "Email address,Group status,Email status", "member,email", "member,bouncing", "bounced"),
    ("Google Groups", "Email address,Email preference", "individual", "no email", "unconfirmed"),
    ("Sympa", "email,reception", "mail", "nomail", "unconfirmed"),
    ("Ghost", "email,subscribed_to_newsletter", "true", "false", "unsubscribed"),
    ("a shop", "email,Receive newsletter", "yes", "no", "unsubscribed"),
    ("a database", "email,newsletter_subscribed", "1", "0", "unsubscribed"),
    ("a form", "email,Newsletter erwünscht", "ja", "nein", "unsubscribed"),
    ("Wix", "Email 1,Email subscriber status", "Subscribed", "Unsubscribed", "unsubscribed"),
    ("a database", "email,isActive", "true", "0", "unconfirmed"),
    ("a database", "email,hardBounced", "false", "hardBounced", "bounced"),
    ("a database", "email,opt_in", "2021-05-05T10:00Z", "unsubscribed 2021-05-05", ""),
]


@pytest.mark.parametrize(("tool", "head", "active", "inactive", "reason"), OF_TOOLS)
def test_each_tools_way_of_saying_it(read, tool, head, active, inactive, reason):
    """In English, German, French, Spanish and Arabic, as a word, a yes, a no or a day; two things at once are named."""
    mark = ";" if ";" in head else ","
    first = "A," if head.startswith("First Name") else ""
    rows = read(f"{head}\n{first}in@example.org{mark}{active}\n{first}out@example.org{mark}{inactive}\n")
    assert mailed(rows) == ["in"], tool
    assert (stopped(rows), len(faults(rows))) == (({"out": reason}, 0) if reason else ({}, 1)), tool
    rows = read(f"{head}\n{first}out@example.org{mark}{inactive}\n")  # nobody but people who left
    assert (mailed(rows), stopped(rows)) == ([], {"out": reason} if reason else {}), tool


def test_a_value_that_nobody_understands_keeps_the_mail_back(read):
    """Unsure is not yes: the row is left out and named with its value; an empty status says nothing."""
    rows = read("email,status\na@example.org,subscribed\nb@example.org,on holiday\nc@example.org,\n")
    assert mailed(rows) == ["a", "c"]
    (fault,) = faults(rows)
    assert fault.startswith("list.csv:3: status: 'on holiday' is not known to mean that a reader may be mailed; write ")


@pytest.mark.parametrize("column", [
    "status", "Status", "STATUT", "État", "Estado", "Zustand", "Subscription status", "E-Mail-Status", "الحالة",
    "Статус", "subscriber_type", "subscribed", "opt-in", "unsubscribed_at", "Abgemeldet", "blacklisted", "Baja",
])  # fmt: skip
@pytest.mark.parametrize("word", ["weg", "abgemeldet?", "Opt-out 2021 (phone)", "Отписан", "gone, 3 May", "7", "½"])
def test_a_column_that_is_called_a_status_mails_nobody_by_a_word_that_it_does_not_know(read, column, word):
    """Also where no word of it is known: each row is left out and named, with the way on; an empty one says nothing."""
    rows = read(f'email,name,{column}\na@example.org,A,"{word}"\nb@example.org,B,"{word}"\n')
    assert mailed(rows) == []
    assert len(stopped(rows)) == 2 or all("needs another name" in fault for fault in faults(rows))
    assert mailed(read(f"email,name,{column}\na@example.org,A,\n")) == ["a"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("status", ["premium", "free"]),
        ("type", ["regular", "gold"]),
        ("marital_status", ["single"]),
        ("state", ["OK", "Baja California"]),
        ("reception", ["dinner", "none"]),
        ("newsletter", ["Water weekly", ""]),
        ("newsletter_subscription", ["Water weekly", "Daily"]),
    ],
)
def test_a_column_that_says_nothing_of_mails_is_a_field(read, column, values):
    """It is of kinds of members, or called otherwise: everybody is mailed, and it is a merge field."""
    rows = read(f"email,{column}\n" + "".join(f"r{n}@example.org,{value}\n" for n, value in enumerate(values)))
    assert [row.fields for row in rows] == [{column: value} for value in values]


@pytest.mark.parametrize("day", [
    "12. März 2021", "Ja, am 12.03.2021 um 10:00 Uhr", "12 mars 2021", "12/03/2021 à 10h30", "1er juin 2021",
    "12 de marzo de 2021", "March 3rd, 2021", "2021-03-12 10:00:00 CET", "yes (2021-03-12)", "12 марта 2021 г.",
    "١٢ مارس ٢٠٢١",
])  # fmt: skip
def test_a_day_is_a_yes_in_whatever_language_it_is_written(read, day):
    """With a yes before it, too; with a no, or with words that may be one, it is none."""
    assert mailed(read(f'email,Opt-in\na@example.org,"{day}"\n')) == ["a"]
    assert mailed(read(f'email,Opt-in\na@example.org,"n {day}"\nb@example.org,"weg {day}"\n')) == []


@pytest.mark.parametrize(("column", "value"), [
    ("Unsubscribe", "https://news.example.org/leave/4839201"), ("opt_out", "mailto:leave+2021@example.org"),
    ("Clean email", "a@example.org"), ("is_clean", "yes"), ("Clean", "TRUE"),
])  # fmt: skip
def test_a_link_to_leave_by_and_an_address_that_was_cleaned_say_nothing_of_mails(read, column, value):
    """They are merge fields; a link among other words of such a column is one that is not understood."""
    assert mailed(read(f"email,{column}\na@example.org,{value}\nb@example.org,{value}\n")) == ["a", "b"]
    rows = read("email,Unsubscribe\na@example.org,https://example.org/2021\nb@example.org,yes\nc@example.org,\n")
    assert (mailed(rows), stopped(rows), len(faults(rows))) == (["c"], {"b": "unsubscribed"}, 1)


@pytest.mark.parametrize("above", [
    "Members for group news readers\n", "sep=;\n", "Readers of 2021;;\n;;\n\n", "Name of list,Press\n",
])  # fmt: skip
def test_the_columns_names_may_stand_below_a_title(read, above):
    """Google Groups writes the group's name above them, Excel `sep=;`, people what the list is; all lines count."""
    rows = read(f"{above}E-Mail;Name;Status\na@example.org;Ann;active\nb@example;Bob;active\n")
    assert (mailed(rows), rows[0].name) == (["a"], "Ann")
    assert faults(rows)[0].startswith(f"list.csv:{above.count(chr(10)) + 3}: email: ")


@pytest.mark.parametrize("above", ["ann@example.org,Ann\n", '"Name\nof it",email\n', "x\n" * 20])
def test_no_line_with_an_address_or_half_a_name_is_a_title(read, above):
    """Nobody is passed over in silence, and a name over two lines is read as ever."""
    with contextlib.suppress(FaultyInput):
        assert (rows := read(f"{above}email,name\na@example.org,Ann\n"))
        assert faults(rows)


def test_the_address_is_the_column_that_is_called_so_most_plainly(read):
    """`Subscriber` (MailerLite) or `Email 1` (Wix) where there is no other; beside `Email` they are fields."""
    assert mailed(read("Subscriber,Location\na@example.org,CH\n")) == ["a"]
    (row,) = read("Email,Subscriber,Email 1\na@example.org,yes,x\n")
    assert (row.address, row.fields) == ("a@example.org", {"subscriber": "yes", "email_1": "x"})


def test_a_blank_behind_the_comma_is_no_part_of_a_value(read):
    """As people type it, and as listmonk's own example has it: quotes are quotes there, too."""
    rows = read('email, name, attributes\na@example.org, "Ann, A", "{""age"": 42}"\n')
    assert [(row.name, row.fields) for row in rows] == [("Ann, A", {"attributes": '{"age": 42}'})]


@pytest.mark.parametrize(("cell", "topics"), [
    ('["vip", "green jobs"]', ("vip", "green jobs")), ('["\\u00e9t\\u00e9"]', ("été",)), ("[]", ()),
    ('{water,"green jobs"}', ("water", "green jobs")), ("[[[[", ("[[[[",)), ('["a, b"]', ("a, b",)),
])  # fmt: skip
def test_topics_in_brackets_are_a_list(read, cell, topics):
    """As Buttondown and databases write one: the brackets are no topics."""
    quoted = cell.replace('"', '""')
    assert read(f'email,tags\na@example.org,"{quoted}"\n')[0].topics == topics


def test_all_names_and_words_are_written_as_they_are_compared():
    """One that is not would never be found."""
    named = (columns._EMAIL, columns._EMAIL_ELSE, columns._NAME)
    for words in (columns._MEANINGS, columns._REASON_OF, columns._YES, columns._NO, *named):
        assert [word for word in words if columns.folded(word) != word] == []


def test_a_status_that_is_first_understood_far_down_counts_for_all(read):
    """The whole column is looked at before the first reader is taken."""
    rows = read("email,status\n" + "".join(f"r{n}@example.org,new\n" for n in range(1_000)) + "x@example.org,left\n")
    assert (mailed(rows), len(faults(rows)), stopped(rows)) == ([], 1_000, {"x": "unsubscribed"})


def test_the_worst_of_several_columns_counts(read):
    """Somebody who is subscribed in one column and has bounced in another has bounced."""
    rows = read("email,status,UNSUB_TIME,bounced,complained\na@example.org,subscribed,,,\n"
                "b@example.org,subscribed,2021-01-01,yes,\nc@example.org,odd,2021-01-01,no,no\n"
                "d@example.org,unsubscribed,2021-01-01,yes,yes\n")  # fmt: skip
    assert mailed(rows) == ["a"]
    assert stopped(rows) == {"b": "bounced", "c": "unsubscribed", "d": "complained"}


def test_whom_one_row_stops_no_other_row_brings_back(read):
    """Two rows of one reader: having left in one is having left, whichever comes first; unconfirmed in one is not."""
    rows = read("email,status\na@example.org,unsubscribed\nA@example.org,subscribed\nb@example.org,subscribed\n"
                "B@example.org,bounced\nc@example.org,pending\nc@example.org,subscribed\n")  # fmt: skip
    assert mailed(rows) == ["c"]
    assert [row.reason for row in rows if isinstance(row, InactiveReader)] == [
        "unsubscribed", "unsubscribed", "bounced", "bounced", "unconfirmed",
    ]  # fmt: skip


def test_whom_one_row_may_stop_no_other_row_brings_back(read, tmp_path):
    """A word that nobody understands is doubt about the reader, not about the row: both are named; a query's, too."""
    text = "email,status\na@example.org,subscribed\nA@example.org,weg\nb@example.org,left\nB@example.org,weg\n"
    rows = read(text)
    assert (mailed(rows), stopped(rows)) == ([], {"b": "unsubscribed"})
    assert [fault.partition(": ")[0] for fault in faults(rows)] == ["list.csv:3", "list.csv:3", "list.csv:5"]
    assert "another row of a@example.org is left out, too, as 'status: weg' is not understood" in faults(rows)[0]
    with contextlib.closing(sqlite3.connect(tmp_path / "crm.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE r (email, status)")
        database.executemany("INSERT INTO r VALUES (?, ?)", [row.split(",") for row in text.split()[1:]])
    assert mailed(SqlSource(f"sqlite:///{tmp_path}/crm.db", "SELECT * FROM r").recipients()) == []


ACTIVE = ["", "subscribed", "Active", "ABONNÉ", "confirmado"]
OTHER = ["unsubscribed", "cleaned", "spam", "pending", "Blocked", "désabonné", "gekündigt", "???", "maybe"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*ACTIVE, *OTHER]), min_size=1, max_size=200))
def test_nobody_is_mailed_whose_status_does_not_allow_it(read, words):
    """Property: whatever stands where, each row is mailed, stopped or named, and mailed only by a word that allows."""
    rows = read("email,status\nfirst@example.org,subscribed\n"
                + "".join(f"r{number}@example.org,{word}\n" for number, word in enumerate(words)))  # fmt: skip
    assert len(rows) == len(words) + 1
    allowed = [f"r{number}" for number, word in enumerate(words) if word in ACTIVE]
    assert mailed(rows) == ["first", *allowed]


@pytest.mark.parametrize(
    ("head", "row", "name"),
    [
        ("email,First Name,Last Name", "Ana,Silva", "Ana Silva"),
        ("email,LAST_NAME,FIRST_NAME", "Silva,Ana", "Ana Silva"),
        ("email,FNAME,LNAME", "Ana,", "Ana"),
        ("email,Vorname,Nachname", "Ana,Silva", "Ana Silva"),
        ("email,Vorname,Name", "Ana,Silva", "Ana Silva"),
        ("email,Prénom,Nom", "Ana,Silva", "Ana Silva"),
        ("email,Nombre,Apellidos", "Ana,Silva Díaz", "Ana Silva Díaz"),
        ("email,Name,First Name,Last Name", "Dr. Silva,Ana,Silva", "Dr. Silva"),
        ("email,Name,First Name,Last Name", ",Ana,Silva", "Ana Silva"),
        ("email,Full Name", "Ana Silva", "Ana Silva"),
        ("email,name,nom", "Ana,Silva", "Ana"),
    ],
)
def test_names_in_parts(read, head, row, name):
    """First and last name in any order and language make the name, where no whole one is given."""
    assert read(f"{head}\na@example.org,{row}\n")[0].name == name


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("English", "en"), ("français", "fr"), ("French", "fr"), ("Deutsch", "de"), ("Englisch", "en"),
        ("español", "es"), ("Espagnol", "es"), ("Arabic", "ar"), ("العربية", "ar"), ("中文", "zh"),
        ("English (US)", "en"), ("Brazilian Portuguese", "pt-BR"), ("en_GB.UTF-8", "en-GB"), ("fr_CA", "fr-CA"),
        ("pt-br", "pt-BR"), ("zh-hant-tw", "zh-Hant-TW"),
    ],
)  # fmt: skip
def test_languages_by_name_or_tag(read, text, tag):
    """As people and tools write them."""
    assert read(f"email,Preferred language\na@example.org,{text}\n")[0].language == tag


@pytest.mark.parametrize(
    ("column", "cell", "topics"),
    [
        ("topics", "Water;Gender", ("water", "gender")),
        ("topics", '"water, SKILLS"', ("water", "skills")),
        ("topics", "gender skills", ("gender", "skills")),
        ("tags", "Green Jobs", ("green jobs",)),
        ("Labels", '"Green  Jobs, water"', ("green jobs", "water")),
        ("TAGS", '"""Water"",""Donor, big"""', ("water", "donor, big")),
        ("Themen", "Wasser|Wasser", ("wasser",)),
        ("Étiquettes", "Eau", ("eau",)),
    ],
)
def test_topics_and_tags(read, column, cell, topics):
    """Tags become topics, quotes and case go, blanks are one."""
    assert read(f"email,{column}\na@example.org,{cell}\n")[0].topics == topics


def test_topics_beat_tags(read):
    """A list with both keeps its tags as a field."""
    (row,) = read("email,topics,tags\na@example.org,water,x y\n")
    assert (row.topics, row.fields) == (("water",), {"tags": "x y"})


def test_a_database_says_it_the_same_way(tmp_path):
    """A query's status columns are understood as a file's, booleans of the database among them."""
    with contextlib.closing(sqlite3.connect(tmp_path / "crm.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE r (email, first_name, last_name, subscribed, bounced_at)")
        database.executemany("INSERT INTO r VALUES (?, 'Ana', 'Silva', ?, ?)", [
            ("a@example.org", 1, None), ("b@example.org", 0, None), ("c@example.org", 1, "2021-05-05")
        ])  # fmt: skip
    rows = list(SqlSource(f"sqlite:///{tmp_path}/crm.db", "SELECT * FROM r").recipients())
    assert (mailed(rows), stopped(rows)) == (["a"], {"b": "unsubscribed", "c": "bounced"})
    assert rows[0].name == "Ana Silva"


def test_a_long_list_is_read_the_same_a_column_at_a_time(read):
    """Common rows are understood together: with statuses, names in parts and topics they say what each says alone."""
    line = "{n}@example.org,Ana,Silva,subscribed,Water;Gender\n"
    rows = read("email,First name,Last name,status,topics\n" + "".join(line.format(n=f"r{n}") for n in range(500)))
    assert len(rows) == 500
    assert {(row.name, row.topics) for row in rows} == {("Ana Silva", ("water", "gender"))}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("ab ;|,'é", min_size=1, max_size=8).map(topic_key).filter(bool), unique=True, max_size=4))
def test_topics_come_back_from_a_list_as_they_went_in(tmp_path_factory, topics):
    """Property: one topic with a blank, or with a comma (a quoted tag), is the same topic after import and export."""
    own = tmp_path_factory.mktemp("list") / "own.csv"
    add(own, Recipient(address="a@example.org", topics=tuple(topics)), MemoryLedger(), "everyone")
    (reader,) = CsvSource(own).recipients()
    assert reader.topics == tuple(topics)
    (own.parent / "out.csv").write_text("".join(export(listed(CsvSource(own), MemoryLedger(), "everyone"))))
    assert list(CsvSource(own.parent / "out.csv").recipients()) == [reader]


HEADS = [b"email,name,status,topics\n", b"email\tFirst Name\tUNSUB_TIME\r\n", "\ufeffE-Mail;Status\n".encode(), b""]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.sampled_from(HEADS), st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)),
       st.sampled_from(["", "utf-16", "utf-16-le", "cp1252"]))  # fmt: skip
def test_no_bytes_are_a_traceback(tmp_path_factory, head, body, encoding):
    """Property: whatever the file holds, each row is a reader, one not to be mailed, or named; or all is refused."""
    data = head + body
    if encoding:
        data = data.decode("utf-8", "replace").encode(encoding, "replace")
    path = tmp_path_factory.mktemp("list") / "list.csv"
    path.write_bytes(data)
    with contextlib.suppress(FaultyInput):
        assert all(isinstance(row, Recipient | InactiveReader | Fault) for row in CsvSource(path).recipients())


def test_an_excel_sheet_is_a_list_too(tmp_path):
    """Its first sheet, statuses and dates as in a CSV file, each fault with its row; it is never written into."""
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(("E-Mail", "Vorname", "Nachname", "Abgemeldet am", "Alter"))
    book.active.append(("a@example.org", "Ana", "Silva", None, 41))
    book.active.append(("b@example.org", "Bo", "", date(2021, 5, 5), 30))
    book.active.append(("bad", "", "", None, None))
    book.save(tmp_path / "list.xlsx")
    rows = list(CsvSource(tmp_path / "list.xlsx", name="list.xlsx").recipients())
    assert (rows[0].name, rows[0].fields["alter"]) == ("Ana Silva", "41")
    assert (mailed(rows), stopped(rows)) == (["a"], {"b": "unsubscribed"})
    assert faults(rows) == ["list.xlsx:4: email: 'bad' has no @"]
    with pytest.raises(FaultyInput, match=r"list\.xlsx: is an Excel workbook; save the list as 'CSV UTF-8'"):
        add(tmp_path / "list.xlsx", Recipient(address="n@example.org"), MemoryLedger(), "everyone", name="list.xlsx")
    (tmp_path / "list.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    with pytest.raises(FaultyInput, match=r"list\.xlsx: is no Excel workbook that can be read"):
        list(CsvSource(tmp_path / "list.xlsx", name="list.xlsx").recipients())


def test_an_export_in_several_files_is_to_be_unpacked(tmp_path):
    """A ZIP, as Mailchimp gives it: who left stands in another of its files than who is subscribed."""
    with ZipFile(tmp_path / "export.zip", "w") as packed:
        packed.writestr("subscribed.csv", "Email Address\na@example.org\n")
        packed.writestr("unsubscribed.csv", "Email Address\nb@example.org\n")
    said = r"export\.zip: is a ZIP of other files \(subscribed\.csv, unsubscribed\.csv\); unpack it, and import each"
    with pytest.raises(FaultyInput, match=said):
        list(CsvSource(tmp_path / "export.zip", name="export.zip").recipients())


def test_a_sheet_of_libreoffice_is_told_how_to_be_saved(tmp_path):
    """It is a ZIP, too, with nothing in it to unpack and import."""
    with ZipFile(tmp_path / "list.ods", "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("content.xml", "<x/>")
    with pytest.raises(FaultyInput, match=r"list\.ods: is an OpenDocument sheet; save it as Excel"):
        list(CsvSource(tmp_path / "list.ods", name="list.ods").recipients())
