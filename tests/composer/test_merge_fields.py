"""What a theme says of its reader is decided for each reader: words instead of what is missing, branches, capitals."""

from __future__ import annotations

import email
import email.policy
import re

import pytest
from composer_samples import AUDIENCE, NEWSROOM, NOW, selection, story

from digest.composer.compose import column_faults, compose, reader_fields
from digest.composer.files import builtin
from digest.composer.options import ThemeOptions
from digest.composer.theme import load_theme
from digest.errors import RenderError, ThemeError
from digest.mail.sender_identity import SenderIdentity
from digest.mail.template import MailTemplate
from digest.text.merge import FIELD, shown

IDENTITY = SenderIdentity(sender="digest@example.org", reply_to="news@example.org", unsubscribe_https=True)
ANA = {"name": "Ana Silva", "field.city": "São Paulo & Rio", "field.vip": "yes"}
NOBODY = {"name": "", "field.city": " ", "field.vip": ""}
ONLY_THE_FOOTER = """<mjml><mj-head><mj-include path="head.mjml.j2" /></mj-head>
<mj-body><mj-include path="footer.mjml.j2" /></mj-body></mjml>"""


def themed(folder, words, text=None):
    """The default theme, with `words` in its footer's HTML and in its text part."""
    (folder / "default").mkdir(exist_ok=True)
    footer = (builtin() / "default" / "footer.mjml.j2").read_text()
    assert '<p class="small">{{ words.why' in footer
    (folder / "default" / "footer.mjml.j2").write_text(
        footer.replace('<p class="small">{{ words.why', f'<p class="x">{words}</p><p class="small">{{{{ words.why')
    )
    (folder / "default" / "theme.mjml.j2").write_text(ONLY_THE_FOOTER)
    plain = (builtin() / "default" / "text.txt.j2").read_text()
    (folder / "default" / "text.txt.j2").write_text(f"HERE[{words if text is None else text}]\n{plain}")
    return load_theme([folder], ThemeOptions())


def composed(theme, subject="News"):
    options = ThemeOptions()
    return compose(
        selection(story(0)),
        theme=theme,
        newsroom=NEWSROOM,
        audience=AUDIENCE,
        options=options,
        now=NOW,
        subject=subject,
    )


def mailed(rendering, values):
    """Subject, HTML and text of the mail that a reader with these values gets."""
    template = MailTemplate.compile(rendering, IDENTITY, date=NOW)
    wanted = {"unsubscribe_url": "https://a.example/u/1", "address": "ana@example.org"} | values
    data = template.join(None, {slot: wanted[slot] for slot in template.slots}, "<1@example.org>")
    mail = email.message_from_bytes(data, policy=email.policy.default)
    html = mail.get_body(["html"]).get_content()
    text = mail.get_body(["plain"]).get_content()
    assert "tols" not in (mail["subject"] + html + text).lower()
    return mail["subject"], re.search('<p class="x"[^>]*>(.*?)</p>', html, re.DOTALL)[1], text


@pytest.mark.parametrize(
    ("words", "ana", "nobody"),
    [
        ("Dear {{ reader.name }},", "Dear Ana Silva,", "Dear,"),
        ("Dear {{ reader.name }}!", "Dear Ana Silva!", "Dear!"),
        ('{{ reader.name or "friend" }}', "Ana Silva", "friend"),
        ('{{ reader.name|default("R&D <b>") }}', "Ana Silva", "R&amp;D &lt;b&gt;"),
        ('{{ reader.name|d("friend")|upper }}', "ANA SILVA", "FRIEND"),
        ("{{ reader.name|upper|title }}", "Ana Silva", ""),
        ("{{ reader.field.city|lower }}", "são paulo &amp; rio", ""),
        ('{{ reader.field.CITY or reader.name or "?" }}', "São Paulo &amp; Rio", "?"),
        ('{{ reader.field["City"] }}', "São Paulo &amp; Rio", ""),
        ("{% if reader.field.vip %}thanks{% else %}join{% endif %}", "thanks", "join"),
        ("{% if reader.field.vip %}thanks{% endif %}.", "thanks.", "."),
        ("{% if not reader.field.vip %}join{% endif %}.", ".", "join."),
        ("{% if reader.name and reader.field.vip %}both{% else %}no{% endif %}", "both", "no"),
        ("{% if reader.name or reader.field.vip %}any{% else %}none{% endif %}", "any", "none"),
        ("{% if reader.name and edition.count %}a{% else %}b{% endif %}", "a", "b"),
        ("{% if reader.name and edition.more %}a{% else %}b{% endif %}", "b", "b"),
        ("{% if edition.more or reader.name %}a{% else %}b{% endif %}", "a", "b"),
        (
            "{% if reader.field.vip %}A{% if reader.name %} {{ reader.name }}{% endif %}{% elif edition.count %}B{% endif %}",  # noqa: E501 - one template
            "A Ana Silva",
            "B",
        ),
        ("{% if edition.more %}x{% elif reader.name %}y{% else %}z{% endif %}", "y", "z"),
        ("{% for n in range(2) %}{% if reader.name %}{{ n }}{{ reader.name }}{% endif %}{% endfor %}.",
         "0Ana Silva1Ana Silva.", "."),
        ("{% macro hello(who) %}Hello {{ who }}{% endmacro %}{{ hello(reader.name) }}.", "Hello Ana Silva.", "Hello."),
        ('{{ "Hello {name}"|fill(name=reader.name) }}.', "Hello Ana Silva.", "Hello."),
        ('{{ "Hello " ~ reader.name }}.', "Hello Ana Silva.", "Hello."),
    ],
)  # fmt: skip
def test_it_is_decided_per_reader(tmp_path, words, ana, nobody):
    """In HTML, text and subject alike: escaped for where it stands, and a blank-only value counts as empty."""
    rendering = composed(themed(tmp_path, words), subject=f"S {words}")
    for values, wanted in ((ANA, ana), (NOBODY, nobody)):
        subject, html, text = mailed(rendering, values)
        plain = wanted.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
        assert html == wanted
        assert f"HERE[{plain}]" in text
        assert subject == f"S {plain}".strip()


@pytest.mark.parametrize(
    "words",
    [
        "{{ reader.name|truncate(3) }}",
        "{{ reader.name|capitalize }}",
        "{{ reader.name|length }}",
        "{{ reader.name|replace('a', 'b') }}",
        "{{ reader.name|urlencode }}",
        "{{ reader.name[0] }}",
        "{{ reader.name.upper() }}",
        "{{ reader.name + '!' }}",
        "{{ ('Dear ' ~ reader.name)|upper }}",
        "{{ ('Dear ' ~ reader.name).upper() }}",
        "{{ ('Dear ' ~ reader.name)[:9] }}",
        "{{ ('Dear ' ~ reader.name)|shorten(9) }}",
        "{% filter upper %}Dear {{ reader.name }}{% endfilter %}",
        "{{ 'a' if reader.name else 'b' }}",
        "{% if reader.field.city == 'Rio' %}x{% endif %}",
        "{% if reader.field.city is defined %}x{% endif %}",
        "{% set who = reader.name %}{% if who %}x{% endif %}",
        "{% set who = reader.name %}{{ who is string }}",
        "{% if reader.name %}{% set who = 'x' %}{% endif %}{{ who }}",
        "{% for letter in reader.name %}x{% endfor %}",
        "{{ reader.field[edition.id] }}",
        "{{ reader.field }}",
        "{{ reader }}",
        "{{ reader.nam }}",
        "{{ reader.name and 'x' }}",
        '<a href="{% if reader.name %}https://a.example{% endif %}">x</a>',
    ],
)
def test_whatever_else_is_refused_where_it_stands(tmp_path, words):
    """A filter or a comparison would see the token and not the value: refused with file and line, nothing composed."""
    with pytest.raises((ThemeError, RenderError)) as refusal:
        mailed(composed(themed(tmp_path, "\n\n" + words, text="")), ANA)
    if "href" not in words:
        assert re.search(r"default/footer\.mjml\.j2:\d+: ", str(refusal.value)), refusal.value
    with pytest.raises((ThemeError, RenderError), match=r"text\.txt\.j2:3: |config\.yaml: |stands in"):
        mailed(
            composed(themed(tmp_path, "", text=f"\n\n{words}") if "href" not in words else themed(tmp_path, words)), ANA
        )


def test_the_columns_that_are_named_are_told_with_their_place(tmp_path):
    """Theme, text and subject: each column once a line, as lists spell it, whichever way a template does."""
    theme = themed(tmp_path, "{{ reader.field.CITY }}", text="\n{% if reader.field['First name'] %}x{% endif %}")
    uses = reader_fields(theme, AUDIENCE, subject="{{ reader.field.membership or 'x' }}")
    assert {(use.field, use.file.rpartition("/")[2], bool(use.line)) for use in uses} == {
        ("city", "footer.mjml.j2", True),
        ("first_name", "text.txt.j2", True),
        ("membership", "config.yaml: mail.subject", False),
    }
    assert next(use.line for use in uses if use.field == "first_name") == 2
    faults = [str(fault) for fault in column_faults(uses, ["City", "country"])]
    assert len(faults) == 2
    assert all(fault.endswith("this list has: city, country") for fault in faults)
    assert any("text.txt.j2:2: reader.field.first_name: the list has no column" in fault for fault in faults)
    assert column_faults(uses, ["city", "FIRST name", "membership", "more"]) == []


def test_a_cached_theme_still_knows_its_columns(tmp_path):
    """They are kept with what was compiled."""
    themed(tmp_path, "{{ reader.field.city }}")
    first = load_theme([tmp_path], ThemeOptions(), cache=tmp_path / "cache")
    again = load_theme([tmp_path], ThemeOptions(), cache=tmp_path / "cache")
    assert again.fields == first.fields
    assert {use.field for use in again.fields} == {"city"}


def test_the_newsroom_is_shown_names_and_no_tokens(tmp_path):
    """A subject on a terminal says what will stand there."""
    made = composed(themed(tmp_path, ""), subject="{{ reader.name }}, news from {{ reader.field.city or 'home' }}")
    assert shown(made.subject, made.nonce, made.slots) == "[name], news from [city]"
    made = composed(
        themed(tmp_path, ""), subject="Dear {{ reader.name }}, {% if reader.field.vip %}A{% else %}B{% endif %}"
    )
    assert shown(made.subject, made.nonce, made.slots) == "Dear [name], A | B"


def test_a_story_that_speaks_of_readers_is_a_text(tmp_path):
    """What a story says is never read as a template, and a column that is called like a value is a column."""
    made = composed(themed(tmp_path, "{{ reader.field.name }}/{{ reader.field.items }}"))
    assert {FIELD + "name", FIELD + "items"} <= made.slots
    assert mailed(made, {"field.name": "a", "field.items": "b"})[1] == "a/b"
