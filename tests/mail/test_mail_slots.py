"""Where slots may stand in HTML, and how a value is escaped in each place (FAULTS 23)."""

from __future__ import annotations

import pytest
from mail_parts import LEAVE, NONCE, letterhead, mail, rendering, slot, template

from digest.errors import RenderError
from digest.mail.body import fill_html, fill_text
from digest.mail.slots import SlotContext, places

NAME = slot("name")


def fill(html, value):
    return fill_html(html, NONCE, {"name": value}).rstrip("\n")


@pytest.mark.parametrize(
    ("html", "place"),
    [
        (f"<p>Dear {NAME}</p>", SlotContext.HTML),
        (f"<title>{NAME}</title>", SlotContext.HTML),
        (f'<p title="{NAME}">', SlotContext.HTML),
        (f"<p title='for {NAME}'>", SlotContext.HTML),
        (f"""<p title="it's {NAME}">""", SlotContext.HTML),
        (f'<a href="{NAME}">', SlotContext.URL),
        (f'<a href=" {NAME}?x=1">', SlotContext.URL),
        (f'<img src="{NAME}"/>', SlotContext.URL),
        (f'<a href="https://example.org/?for={NAME}">', SlotContext.URL_PART),
        (f'<a href="mailto:x@example.org?subject={NAME}">', SlotContext.URL_PART),
        (f'<!--[if mso]><a href="{NAME}"></a><![endif]-->', SlotContext.URL),
        (f"<!--[if mso]><p>{NAME}</p><![endif]-->", SlotContext.HTML),
    ],
)
def test_a_slots_place_is_seen(html, place):
    """Text, attribute, URL or part of one: it decides how a value is escaped."""
    assert places(html, NONCE, ["name"]) == (place,)


@pytest.mark.parametrize(
    "html",
    [
        f"<script>var a = '{NAME}'</script>",
        f"<style>p {{ color: {NAME} }}</style>",
        f'<p style="color: {NAME}">',
        f'<p onclick="{NAME}">',
        f"<p title={NAME}>",
        f"""<p title="it's" class={NAME}>""",
        f"<p {NAME}>",
        f"<{NAME}>",
        f"<x{NAME}>",
        f"<!-- {NAME} -->",
        f"<!doctype {NAME}>",
        f"<?php {NAME}?>",
        f'<img srcset="{NAME} 2x">',
        f'<iframe srcdoc="{NAME}">',
        f"</{NAME}>",
    ],
)
def test_where_no_value_is_safe_a_slot_is_refused(html):
    """Scripts, styles, handlers, unquoted attributes, names, comments: the edition is refused, naming the slot."""
    with pytest.raises(RenderError, match="name"):
        template(rendering(html=html))
    with pytest.raises(RenderError, match="name"):
        fill(html, "Anna")


@pytest.mark.parametrize(
    ("html", "value", "expected"),
    [
        (f"<p>{NAME}</p>", "<b>&'\"", "<p>&lt;b&gt;&amp;&#x27;&quot;</p>"),
        (f'<p title="{NAME}">', '"><script>', '<p title="&quot;&gt;&lt;script&gt;">'),
        (f'<a href="{NAME}">', "https://e.org/?a=1&b=2", '<a href="https://e.org/?a=1&amp;b=2">'),
        (f'<a href="https://e.org/{NAME}">', "a/../b?c&d é", '<a href="https://e.org/a%2F..%2Fb%3Fc%26d%20%C3%A9">'),
        (f"<p>{NAME}</p>", " A\r\nB\x00 ", "<p>A B</p>"),
        (f"<p>{NAME}</p>", "{{ 7 * 7 }}", "<p>{{ 7 * 7 }}</p>"),
        (f"<p>{NAME}</p>", NAME, f"<p>{NAME}</p>"),
        (f"<p>{NAME}</p>", "", "<p></p>"),
    ],
)
def test_a_value_is_escaped_for_its_place(html, value, expected):
    """HTML's specials in text and attributes, percent-encoding inside URLs; one line; nothing is evaluated."""
    assert fill(html, value) == expected


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "", "https://a b", 'https://a"', "x"]
)
def test_a_link_is_https_http_or_mailto(url):
    """A value that is a link's whole address must be one that is safe to follow; the slot is named."""
    with pytest.raises(RenderError, match="slot 'name' is no https"):
        fill(f'<a href="{NAME}">', url)
    made = template(rendering(text="x", html=f'<a href="{NAME}">x</a>'), letterhead(unsubscribe_https=False))
    with pytest.raises(RenderError, match="slot 'name' is no https"):
        mail(made, values={"name": url})


def test_a_token_without_a_value_is_not_left_in_the_page():
    """`index.html` and `digest.txt` never show a token to a person."""
    for fill_one in (fill_html, fill_text):
        with pytest.raises(RenderError, match="slot-0f3ac2-unsubscribe-url-tols"):
            fill_one(f"<p>{NAME} {slot('unsubscribe_url')}</p>", NONCE, {"name": "Anna"})


def test_one_value_in_several_kinds_of_places_is_right_in_each():
    """The same slot as text, as a link and inside a link: each escaped its own way, in the mail as in the page."""
    link = slot("unsubscribe_url")
    both = f'<a href="{link}">{link}</a> <a href="https://e.org/?next={link}">x</a>'
    made = template(rendering(text=f"{link}\n", html=both))
    for url in (LEAVE, "https://e.org/?a=1&b='", "https://e.org/" + "long/" * 40):
        data = mail(made, values={"unsubscribe_url": url})
        from mail_parts import python_compat32

        (parsed,) = python_compat32([data])
        assert parsed["html"].replace("\r\n", "\n") == fill_html(both, NONCE, {"unsubscribe_url": url})
        assert parsed["text"] == f"{url}\r\n"
