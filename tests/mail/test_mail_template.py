"""The mail as a whole: what it holds, what it refuses, and that the fast way and the plain way write the same bytes."""

from __future__ import annotations

import base64
import re
from email import message_from_bytes, policy

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mail_parts import (
    ANNA,
    DATE,
    EDITION,
    HTML,
    LEAVE,
    NONCE,
    PARSERS,
    TEXT,
    VALUES,
    identifier,
    letterhead,
    mail,
    python_compat32,
    rendering,
    slot,
    template,
)
from mail_reference import slow_join
from msgspec.structs import replace

from digest.errors import CheckFailed, RenderError
from digest.mail.body import fill_html, fill_text
from digest.mail.inspect import inspect
from digest.mail.message_id import message_id
from digest.mail.template import MailTemplate
from digest.model import InlineImage, Recipient, slot_token

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
LINES = st.sampled_from(
    [
        "\n",
        ".",
        "\n.\n",
        "From ",
        "\nFrom ",
        " ",
        "  ",
        "\t",
        "=",
        "é",
        "汉字",
        "👨‍👩‍👧",
        "\n-- \n",
        "x" * 76,
        "word " * 30,
        "\r\n",
        "\r",
        "\x0c",
        "\x00",
        "\x1b[1m",
        "\x85",
        "\u2028",
        "\u202e",
        "\ufeff",
        "--=_alternative_",
        "&amp;",
        "b",
    ]
)
PROSE = st.lists(st.one_of(LINES, st.text(max_size=5)), max_size=12).map("".join)
NAMES = st.one_of(
    st.text(max_size=100), st.sampled_from(['O"Hara, <b>', ".", "From x", " ", "=?utf-8?q?x?=", slot("name")])
)
TOKENS = st.lists(st.sampled_from(["name", "unsubscribe_url"]), max_size=4)


@st.composite
def with_slots(draw, wrap="{}"):
    """Prose with slots at odd places: at the start, at the end, side by side, alone on a line, inside a word."""
    pieces = [draw(PROSE)]
    for name in draw(TOKENS):
        pieces += [wrap.format(slot(name)), draw(PROSE)]
    return "".join(pieces)


@given(with_slots(), with_slots("<p>{}</p>"), NAMES, NAMES)
def test_the_fast_mail_is_the_slow_mail_byte_for_byte(text, html, name, display):
    """Encoded once and joined, or filled and encoded in one go: the same bytes for any letters and any slots."""
    assume(f"slot-{NONCE}-" not in name.lower())  # refused, as a test below says
    html = html.replace("<", "&lt;").replace("&lt;p>", "<p>").replace("&lt;/p>", "</p>")
    made = template(rendering(text=text, html=html))
    reader = Recipient(address="b.o'hara+x@xn--bcher-kva.example", name=display)
    values = {key: value for key, value in {"name": name, "unsubscribe_url": LEAVE}.items() if key in made.slots}
    fast = made.join(reader, values, identifier(reader))
    assert fast == slow_join(made, reader, values, identifier(reader))
    assert inspect(fast) == ()
    (parsed,) = python_compat32([fast])
    assert parsed["text"].replace("\r\n", "\n") == fill_text(text, NONCE, VALUES | values)
    assert parsed["html"].replace("\r\n", "\n") == fill_html(html, NONCE, VALUES | values)


@given(
    st.lists(st.one_of(st.text(max_size=30), st.just(slot("name"))), max_size=5).map("".join),
    NAMES,
    st.text(max_size=20),
)
def test_a_subject_with_slots_is_the_same_both_ways(subject, name, prefix):
    """A reader's name in the subject is cleaned and encoded like the rest, in one field."""
    assume("".join(subject.split()))
    assume(f"slot-{NONCE}-" not in (subject.replace(slot("name"), "") + name).lower())  # refused, as tests below say
    try:
        made = template(rendering(subject=subject))
        fast = made.join(ANNA, {**VALUES, "name": name}, identifier(), subject_prefix=prefix)
    except RenderError as error:
        assert "the subject is empty" in str(error)  # noqa: PT017 - either is right, by what was drawn
        return
    assert fast == slow_join(made, ANNA, {**VALUES, "name": name}, identifier(), prefix)
    assert inspect(fast) == ()


def test_the_mail_holds_the_headers_of_the_design_in_order():
    """One To, Reply-To the contact, both ways to leave, automatic, bulk, dated in the newsroom's zone."""
    head = mail().partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head == [
        "From: ILO Newsroom <digest@example.org>",
        "Reply-To: newsroom@ilo.org",
        "To: Anna Schmidt <anna.schmidt@example.net>",
        "Subject: ILO Newsroom: February 2022",
        "Date: Tue, 01 Mar 2022 09:00:00 +0100",
        f"Message-ID: {identifier()}",
        "List-Id: All ILO Newsroom content <everyone.digest.example.org>",
        f"List-Unsubscribe: <{LEAVE}>,",
        " <mailto:leave@example.org?subject=unsubscribe>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "Feedback-ID: 2022-02:everyone:digest:ilo",
        "Organization: ILO",
        "MIME-Version: 1.0",
        "Content-Language: en",
        "Content-Type: multipart/alternative;",
        head[-1],
    ]


@pytest.mark.parametrize("parser", PARSERS)
def test_independent_parsers_read_the_same_mail(parser):
    """Issue 2: text and HTML are read as composed and filled, by Python's email and by parsers that are not."""
    image = InlineImage(cid="logo@digest", media_type="image/png", data=PIXEL)
    long = "Ünïcode and = signs, and a very long line that has to be broken softly more than once. " * 9
    composed = rendering(text=TEXT + long, html=HTML.replace("</body>", f'<img src="cid:logo@digest">{long}</body>'))
    for one in (rendering(), composed, replace(composed, images=(image,))):
        (found,) = PARSERS[parser]()([mail(template(one))])
        assert found["text"].replace("\r\n", "\n").strip() == fill_text(one.text, NONCE, VALUES).strip()
        assert found["html"].replace("\r\n", "\n").strip() == fill_html(one.html, NONCE, VALUES).strip()
        assert found["message_id"] == identifier()
        if "images" in found and one.images:
            assert {data for _, data in found["images"]} == {base64.b64encode(PIXEL).decode()}


def test_text_comes_first_and_images_lie_beside_the_html():
    """RFC 2046: alternatives in the order of faithfulness; RFC 2387: what the HTML needs is in its own multipart."""
    image = InlineImage(cid="logo", media_type="image/png", data=PIXEL * 9)
    data = mail(template(rendering(images=(image,))))
    types = re.findall(rb"^Content-Type: ([a-z/]+)", data, re.MULTILINE)
    expected = [b"multipart/alternative", b"text/plain", b"multipart/related", b"text/html", b"image/png"]
    assert types == expected
    assert inspect(data) == ()


def test_a_reader_without_a_value_gets_an_error_and_no_hole():
    """A slot that has no value, or a value that has no slot, is named; nothing is joined."""
    made = template()
    with pytest.raises(RenderError, match="2022-02/everyone/en: a reader has no value for the slot name"):
        made.join(ANNA, {"unsubscribe_url": LEAVE}, identifier())
    with pytest.raises(RenderError, match=r"there is no slot nmae|the mail has no slot nmae"):
        made.join(ANNA, {**VALUES, "nmae": "Anna"}, identifier())
    for other in ("http://localhost/u", "mailto:leave@example.org", ""):
        with pytest.raises(RenderError, match=r"unsubscribe_url' is no https address, which one-click"):
            made.join(ANNA, {**VALUES, "unsubscribe_url": other}, identifier())
    with pytest.raises(RenderError, match="unsubscribe_url"):
        made.join(ANNA, {**VALUES, "unsubscribe_url": "https://x.org/\r\nBcc: y@z.org"}, identifier())


def test_a_slot_that_nobody_declared_stops_the_edition():
    """A token with this rendering's nonce and an unknown name is an error when the edition is compiled."""
    for where in ("text", "html", "subject"):
        with pytest.raises(RenderError, match="slot-0f3ac2-city-tols"):
            template(rendering(**{where: f"<p>{slot('city')}</p>"}))
    with pytest.raises(RenderError, match="spelled alike"):
        template(rendering(slots=frozenset({"a_b", "a-b"})))


@pytest.mark.parametrize("empty", ["", "  ", "\r\n", "\u202e"])
def test_an_edition_without_a_subject_is_refused(empty):
    """FAULTS 3: a title of no characters, or only blanks, makes no mail."""
    with pytest.raises(RenderError, match="subject is empty"):
        template(rendering(subject=empty))
    made = template(rendering(subject=slot("name")))
    with pytest.raises(RenderError, match="subject is empty"):
        made.join(ANNA, {**VALUES, "name": empty}, identifier())


def test_a_test_mail_has_its_prefix_in_the_subject():
    """Issue 3: `--to` prefixes the subject, and the mail is otherwise the reader's."""
    plain, prefixed = mail(), mail(subject_prefix="[TEST] ")
    assert prefixed == plain.replace(b"Subject: ILO", b"Subject: [TEST] ILO")


def test_the_sample_has_no_reader_in_it():
    """Issue 2, 5: the .eml of `digest build` has no To, which RFC 5322 allows, and all other headers."""
    sample = template().join(None, VALUES, identifier())
    names = {name.decode() for name in re.findall(rb"^([A-Za-z-]+):", sample.partition(b"\r\n\r\n")[0], re.MULTILINE)}
    assert "To" not in names
    assert {"From", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Unsubscribe"} <= names
    assert inspect(sample) == ()


def test_the_same_values_give_the_same_bytes():
    """Issue 2: same input, same bytes; another content, another boundary."""
    assert mail() == mail()
    boundaries = [re.search(rb'boundary="([^"]+)"', one)[1] for one in (mail(), mail(template(rendering(text="x"))))]
    assert boundaries[0] != boundaries[1]


def test_lines_of_dots_and_from_arrive_as_they_were():
    """FAULTS 20: lone dots, `From `, trailing blanks come back; escapes, form feeds, forged signatures do not."""
    text = "From here\n.\n..\nblank \ntab\t\n-- \nfake signature\n\x1b[31mred\x1b[0m\x0cpage\rline\n"
    data = mail(template(rendering(text=text)), values={"name": "x", "unsubscribe_url": LEAVE})
    (parsed,) = python_compat32([data])
    assert parsed["text"].replace("\r\n", "\n") == (
        "From here\n.\n..\nblank \ntab\t\n--\nfake signature\nred\npage\nline\n"
    )
    assert b"\n." not in data
    assert b"\nFrom " not in data


@pytest.mark.parametrize("name", [slot("unsubscribe_url"), "slot-0f3ac2-other-tols"])
def test_a_slot_of_this_very_edition_never_leaves_in_a_readers_data(name):
    """No list can know the edition's own word for its slots: whoever has it copied a draft into the list."""
    with pytest.raises(RenderError, match="holds a slot of this edition"):
        template().join(ANNA, {**VALUES, "name": name}, identifier())


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ config }}{% include '/etc/passwd' %}",
        "</mj-text><mj-raw>",
        "&lt;b&gt;",
        "' onclick='x",
        "slot-1e9b00-unsubscribe-url-tols",
        "=?utf-8?q?=0ABcc:x?=",
        "Anna\r\nBcc: victim@example.org\r\n\r\n<p>",
    ],
)
def test_a_readers_data_is_data_wherever_it_stands(name):
    """FAULTS 23: HTML, Jinja, MJML, slot tokens and headers in a name are letters: one text, in all three places."""
    from html.parser import HTMLParser

    made = template()
    data = made.join(Recipient(address=ANNA.address, name=name), {**VALUES, "name": name}, identifier())
    (parsed,) = python_compat32([data])
    seen, tags = [], []

    class Reader(HTMLParser):
        def handle_data(self, data):
            seen.append(data)

        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            seen.extend(value for key, value in attrs if key == "title")

    Reader().feed(parsed["html"])
    shown = re.sub(r"[\x00-\x20]+", " ", name)
    assert f"Dear {shown}, five stories – for you & yours." in seen
    assert shown in seen
    assert tags == ["html", "body", "p", "a", "p", "a"]
    assert f"Dear {shown}," in parsed["text"]
    assert "bcc" not in parsed["names"]


def test_no_mail_holds_anything_of_another_reader():
    """FAULTS 23, 64: of 500 mails each has one To, no Bcc, and no second reader's address, name or link anywhere."""
    made = template(rendering(subject=f"{slot('name')}: five stories"))
    readers = [
        Recipient(address=f"reader{number}@mail{number}.example", name=f"Näme-{number}-x") for number in range(500)
    ]
    mails = [
        made.join(
            one,
            {"name": one.name, "unsubscribe_url": f"https://digest.example.org/u/token{number}z"},
            identifier(one),
        )
        for number, one in enumerate(readers)
    ]
    decoded = [
        " ".join((one.decode(), *map(str, parsed.values())))
        for one, parsed in zip(mails, python_compat32(mails), strict=True)
    ]
    for number, text in enumerate(decoded):
        assert set(re.findall(r"reader\d+@mail\d+\.example", text)) == {f"reader{number}@mail{number}.example"}
        assert set(re.findall(r"Näme-\d+-x", text)) == {f"Näme-{number}-x"}
        assert set(re.findall(r"token\d+z", text)) == {f"token{number}z"}
        assert len(re.findall(r"^To: ", text, re.MULTILINE)) == 1
        assert not re.search(r"^(Bcc|Cc):", text, re.MULTILINE | re.IGNORECASE)
    assert len({re.search(r"Message-ID: (\S+)", text)[1] for text in decoded}) == 500


def test_message_ids_are_stable_unique_and_tell_nothing():
    """FAULTS 63: derived from edition and reader, the same for ever, without the address, the user or the host."""
    ids = {
        message_id(edition, address, domain="example.org", secret=secret)
        for edition in ("2022-02/everyone/en", "2022-03/everyone/en", "2022-02/everyone/fr")
        for address in ("anna@example.net", "Anna@example.net", "bob@example.net")
        for secret in (b"one", b"two")
    }
    assert len(ids) == 18
    first = message_id("2022-02/everyone/en", "anna@example.net", domain="example.org", secret=b"one")
    assert first == message_id("2022-02/everyone/en", "anna@example.net", domain="example.org", secret=b"one")
    assert first in ids
    assert re.fullmatch(r"<[0-9a-f]{40}@example\.org>", first)
    assert first == "<f09190efc357df26990da7709295f2169f0759d9@example.org>", "on any machine, whoever runs it there"


def test_no_body_can_hold_a_boundary():
    """FAULTS 63: a body that quotes the boundary, in its text, its HTML or a reader's name, is not cut by it."""
    made = template()
    boundary = re.search(rb'boundary="([^"]+)"', mail(made))[1].decode()
    data = made.join(ANNA, {**VALUES, "name": f"--{boundary}--"}, identifier())
    assert data.count(boundary.encode()) == 4  # announced, and two openings and a close
    assert inspect(data) == ()
    quoting = template(rendering(text=f"--{boundary}\n--{boundary}--\n", html=f"<p>\n--{boundary}\n</p>"))
    assert inspect(quoting.join(ANNA, {"unsubscribe_url": LEAVE}, identifier())) == ()
    assert boundary.startswith("=_")  # which neither quoted-printable nor Base64 can write


def test_a_template_is_refused_when_its_specimen_would_not_be_sound(monkeypatch):
    """What all mails share is inspected when the edition is compiled: a flaw in our own writing stops it there."""
    monkeypatch.setattr("digest.mail.quoted.WIDTH", 90)
    with pytest.raises(CheckFailed, match="mail-encoded-line"):
        template(rendering(text="x" * 200))


def test_an_inline_image_needs_a_type_and_a_name_that_fit():
    """An image whose type or cid could break a header is refused, naming it."""
    for changes in ({"media_type": "text/html"}, {"cid": "a>\r\nX: y"}, {"media_type": "image/png\r\nX: y"}):
        image = replace(InlineImage(cid="logo", media_type="image/png", data=PIXEL), **changes)
        with pytest.raises(RenderError, match="inline image"):
            template(rendering(images=(image,)))


def test_each_inline_image_has_a_name_of_its_own():
    """Gmail lists one without as «noname», Outlook as an untitled attachment; who saves it gets a file of that name."""
    images = [InlineImage(cid=f"i{kind}", media_type=f"image/{kind}", data=PIXEL) for kind in ("png", "jpeg")]
    data = mail(template(rendering(images=tuple(images))))
    parsed = message_from_bytes(data, policy=policy.default)
    pictures = [part for part in parsed.walk() if part.get_content_maintype() == "image"]
    assert [part.get_filename() for part in pictures] == ["picture-1.png", "picture-2.jpeg"]
    assert {part.get_content_disposition() for part in pictures} == {"inline"}
    assert inspect(data) == ()


def test_a_letterhead_without_a_list_leaves_its_headers_out():
    """Empty fields write no header; leaving by mail alone promises no one-click."""
    bare = letterhead(
        list_id="", list_name="", unsubscribe_mailto="", unsubscribe_https=False, feedback_id="", organization=""
    )
    head = template(head=bare).join(None, VALUES, identifier()).partition(b"\r\n\r\n")[0]
    assert not re.search(rb"^(List-|Feedback|Organization)", head, re.MULTILINE)
    by_mail = letterhead(unsubscribe_https=False, unsubscribe_mailto="mailto:leave@example.org?subject=x")
    head = template(head=by_mail).join(None, VALUES, identifier()).partition(b"\r\n\r\n")[0]
    assert b"List-Unsubscribe: <mailto:leave@example.org?subject=x>\r\n" in head
    assert b"List-Unsubscribe-Post" not in head


def test_a_naive_date_is_refused():
    """A date without a zone has no offset to show."""
    with pytest.raises(ValueError, match="zone"):
        MailTemplate.compile(rendering(), letterhead(), date=DATE.replace(tzinfo=None))


def test_slots_name_what_a_reader_must_have():
    """`slots` are those that occur, and the link that List-Unsubscribe needs, not all that the rendering knows."""
    assert template().slots == {"name", "unsubscribe_url"}
    assert template(rendering(text="x", html="<p>x</p>")).slots == {"unsubscribe_url"}
    by_mail = letterhead(unsubscribe_https=False)
    assert template(rendering(text="x", html="<p>x</p>"), by_mail).slots == frozenset()
    deep = slot_token(NONCE, "fields.city")
    assert template(rendering(text=deep, html="<p>x</p>", slots=frozenset({"fields.city"})), by_mail).slots == {
        "fields.city"
    }
    assert EDITION.id == "2022-02/everyone/en"


@pytest.mark.parametrize("https", [False, True])
def test_leaving_by_mail_can_carry_the_readers_own_token(https):
    """With unsubscribe_own_mailto each reader's List-Unsubscribe has their own mailto, after the https one if any."""
    token = "mailto:leave@example.org?subject=unsubscribe%20abc"
    made = template(head=letterhead(unsubscribe_https=https, unsubscribe_own_mailto=True))
    values = VALUES | {"unsubscribe_mailto": token}
    data = mail(made, values=values)
    assert data == slow_join(made, ANNA, values, identifier())
    head = data.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    (field,) = [line for line in head.split(b"\r\n") if line.startswith(b"List-Unsubscribe:")]
    assert field.endswith(b"<" + token.encode() + b">")
    assert (b"<https://" in field) is https
    with pytest.raises(RenderError, match="unsubscribe_mailto"):
        mail(made, values=values | {"unsubscribe_mailto": "https://example.org"})
