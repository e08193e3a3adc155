"""An edition is composed once: subject, preheader, HTML and text, with slots for readers and findings for editors."""

from __future__ import annotations

import gc
import html as html_module
import re
from datetime import datetime
from types import SimpleNamespace

import pytest
import yaml
from composer_samples import AUDIENCE, NEWSROOM, NOW, TITLES, ZURICH, render, selection, stories, story, theme
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from digest.blocks.kinds import LetterBlock
from digest.composer import story_view
from digest.composer.compose import compose
from digest.composer.edition_view import EditionView, StoryCount, StoryList
from digest.composer.files import whole
from digest.composer.options import ThemeOptions
from digest.composer.sandbox import ThemeEnvironment, run
from digest.composer.theme import load_theme
from digest.errors import RenderError
from digest.mail.body import fill_html
from digest.model import Group, Issue, LateGroup, content_hash, slot_token
from digest.period import parse

LEAD = "{{ edition.lead.title }}"


def codes(rendering):
    return [finding.code for finding in rendering.findings]


def shown(html):
    """The words of an HTML page, without tags, comments and styles."""
    html = re.sub(r"<!--.*?-->|<style.*?</style>|<title>.*?</title>", "", html, flags=re.DOTALL)
    return html_module.unescape(re.sub(r"<[^>]+>", " ", html))


def test_nothing_of_an_edition_waits_for_a_collection():
    """Its views and texts are gone with it: a preview and a schedule run for weeks."""
    render(selection(*stories(3)))
    gc.collect()
    gc.disable()
    try:
        render(selection(*stories(3)))
        left = [each for each in gc.get_objects() if isinstance(each, (story_view.StoryView, EditionView))]
    finally:
        gc.enable()
    assert left == []


def test_by_default_the_subject_is_short_and_the_preheader_has_the_news():
    """Subject: audience and period; preheader: the headlines, as many as an inbox shows."""
    made = render(selection(*stories(5)))
    assert made.subject == "All harbour news: February 2022"
    assert made.preheader.startswith(f"{TITLES[0]} · {TITLES[1]}")
    assert len(made.preheader) <= 140


@pytest.mark.parametrize(
    ("language", "heading"), [("en", "Other stories"), ("fr", "Autres articles"), ("ar", "أخبار أخرى")]
)
def test_stories_without_a_key_do_not_seem_to_belong_to_the_section_above(language, heading):
    """Below named sections the rest has a heading of its own; alone, or on top, it needs none."""
    first, second, third = stories(3, language=language)
    groups = (Group(key="Films", stories=(first,)), Group(key="", stories=(second, third)))
    made = render(selection(first, language=language, groups=groups))
    page = shown(made.html)
    assert page.index(first.summary) < page.index(heading) < page.index(second.summary)
    assert heading.upper() in made.text
    for others in ((Group(key="", stories=(first, second)),), groups[::-1]):
        made = render(selection(first, language=language, groups=others))
        assert heading not in shown(made.html)


def test_a_subject_with_the_lead_leaves_the_others_for_the_preheader():
    """The lead's headline in the subject need not be said twice."""
    made = render(selection(*stories(2)), subject="{{ edition.lead.title }}", preheader="{{ edition.others }}")
    assert (made.subject, made.preheader) == (TITLES[0], TITLES[1])


def test_one_story_is_introduced_by_its_own_words():
    """With a single story the preheader is its headline and the beginning of its summary."""
    assert render(selection(story(0))).preheader.startswith(f"{TITLES[0]} · Twelve dockers spent the winter")


def test_subject_templates_may_be_the_audiences_or_the_newsrooms():
    """The audience's template comes first, then the newsroom's; both may use what the mail knows."""
    picked = selection(*stories(3), more=2)
    made = render(
        picked, subject="{{ newsroom.name }}: {{ edition.count_label }}", preheader="{{ edition.more_label }}"
    )
    assert (made.subject, made.preheader) == ("Harbour Newsroom: 3 stories", "And 2 more stories on our website")
    own = replace(AUDIENCE, subject="{{ edition.title|upper }}")
    assert render(picked, audience=own, subject="x").subject == "ALL HARBOUR NEWS"


def test_a_subject_that_fails_is_named():
    """An undefined name or a syntax error in a subject is a RenderError that says so."""
    with pytest.raises(RenderError, match=r"^config.yaml: mail.subject: .*headlin"):
        render(selection(story(0)), subject="{{ edition.headlin }}")
    with pytest.raises(RenderError, match=r"^config.yaml: mail.subject: "):
        render(selection(story(0)), subject="{{ edition")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ edition.titel }}", "edition has no 'titel', did you mean 'title'?"),
        ("{{ newsroom.zzz }}", "newsroom has no 'zzz'; known here: address_lines, contact, name, social, url"),
        ("{% for story in edition.stories %}{{ story.sumary }}{% endfor %}", "story has no 'sumary'"),
    ],
)
def test_a_name_that_a_value_does_not_have_is_told_in_the_templates_words(template, said):
    """No Python class is named: what stands before the dot, what is missing, and what is there."""
    with pytest.raises(RenderError) as caught:
        render(selection(story(0)), subject=template)
    assert said in str(caught.value)


def test_a_subject_is_one_clean_line():
    """Line breaks and controls in a title cannot make a second header line (FAULTS 2)."""
    made = render(selection(story(0, title="News\r\nBcc: all@x.example\x00\u2028\u202e")), subject=LEAD)
    assert made.subject == "News Bcc: all@x.example"


def test_slots_stand_where_readers_differ():
    """The address and the way out are slots; their names are listed, and only those that occur."""
    made = render(selection(story(0)), subject="{{ reader.name }}, {{ reader.field.city }} has news")
    assert made.slots == {"address", "unsubscribe_url", "name", "field.city"}
    for name in made.slots:
        token = slot_token(made.nonce, name)
        assert token in made.subject + made.html + made.text
    assert f'href="{slot_token(made.nonce, "unsubscribe_url")}"' in made.html
    assert slot_token(made.nonce, "unsubscribe_url") in made.text


def test_a_story_cannot_forge_a_slot():
    """The nonce hashes the content, so a token that a story carries is not the mail's own (FAULTS 23)."""
    first = render(selection(story(0)))
    forged = slot_token(first.nonce, "unsubscribe_url")
    second = render(selection(story(0, summary=forged)))
    assert second.nonce != first.nonce
    assert forged in second.html
    assert forged != slot_token(second.nonce, "unsubscribe_url")


def test_the_same_input_gives_the_same_bytes():
    """Composing twice, with warm and with cold memory, makes no difference."""
    first = render(selection(*stories(5)))
    story_view._remembered.cache_clear()
    assert render(selection(*stories(5))) == first
    assert first.fingerprint == render(selection(*stories(5))).fingerprint


BRACES = "{{ config.smtp.password }}{% include '/etc/passwd' %}{{ ''.__class__ }}{# x #}"


def test_templates_in_content_are_text():
    """Braces in any field of a story, an audience or the newsroom are shown as they are (FAULTS 17)."""
    made = render(
        selection(story(0, title=BRACES, kicker=BRACES, credit=BRACES, image_alt=BRACES, summary=f"`{BRACES}`")),
        audience=replace(AUDIENCE, title=BRACES),
        newsroom=replace(NEWSROOM, name=BRACES),
    )
    assert shown(made.html).count(BRACES) >= 6
    assert made.text.count("password") >= 6
    assert "root:" not in made.html


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=40))
def test_nothing_in_a_story_changes_the_frame(title, summary, kicker):
    """The tags of the page are the same whatever a story's title, kicker and summary say (FAULTS 18)."""
    plain = render(selection(story(0, title="T", kicker="K", summary="S"), story(1)))
    made = render(selection(story(0, title=title, kicker=f"K {kicker}", summary=f"S {summary}"), story(1)))

    def frame(page):
        page = re.sub(r'<div class="summary".*?</div>', "", page, count=1, flags=re.DOTALL)
        page = re.sub(r'<p class="kicker"[^>]*>.*?</p>', "", page, flags=re.DOTALL)
        return re.findall(r"</?[a-zA-Z]+|<!--\[if[^\]]*\]>", page)

    assert frame(made.html) == frame(plain.html)


def test_unsafe_and_relative_links_are_findings_with_the_storys_file():
    """Dropped links are named with the file in which they stand; a relative one is joined to the newsroom's address."""
    made = render(
        selection(
            story(0, link="javascript:alert(1)", summary="[a](data:x) [b](/c)"),
        )
    )
    assert codes(made) == ["link-unsafe", "link-unsafe"]
    assert {finding.where for finding in made.findings} == {"stories/2022-02-10-story-0.md"}
    assert "https://www.harbour.example/c" in made.html
    assert "javascript:" not in made.html
    assert "data:x" not in made.html
    bare = render(selection(story(0, link="news/1")), newsroom=replace(NEWSROOM, url=""))
    assert codes(bare) == ["link-relative"]


def test_ampersands_are_right_in_both_parts():
    """`&` is `&amp;` in HTML and itself in the text part."""
    made = render(selection(story(0, link="https://a.example/?a=1&b=2", title="Ships & sails")))
    assert 'href="https://a.example/?a=1&amp;b=2"' in made.html
    assert "Ships &amp; sails" in made.html
    assert "https://a.example/?a=1&b=2" in made.text
    assert "Ships & sails" in made.text


def test_a_story_without_a_link_has_a_plain_title():
    """No link is made up: the headline stands unlinked, in the same size and colour."""
    made = render(selection(story(0), story(1, link="")))
    assert re.search(rf"<h2[^>]*>{TITLES[1]}</h2>", made.html)
    assert re.search(rf"<h2[^>]*><a [^>]*>{TITLES[0]}</a></h2>", made.html)


def test_headings_are_in_order():
    """h1 is the period; group headings are h2 with stories as h3; without them stories are h2."""
    flat = render(selection(*stories(3)))
    assert re.findall(r"<h(\d)", flat.html) == ["1", "2", "2", "2"]
    picked = stories(4)
    groups = (Group(key="2022-01", stories=picked[:2]), Group(key="2022-02", stories=picked[2:]))
    grouped = render(selection(groups=groups, period="2022-Q1"), audience=replace(AUDIENCE, group_by="month"))
    assert re.findall(r"<h(\d)", grouped.html) == ["1", "2", "3", "3", "2", "3", "3"]
    assert "January 2022" in shown(grouped.html)


def test_the_only_months_heading_is_not_repeated():
    """A month's digest grouped by month does not say the month twice."""
    picked = selection(groups=(Group(key="2022-02", stories=stories(2)),))
    made = render(picked, audience=replace(AUDIENCE, group_by="month"))
    assert re.findall(r"<h(\d)", made.html) == ["1", "2", "2"]


def test_a_heading_is_not_repeated_as_kicker():
    """Grouped by kicker, the heading says it once for all its stories."""
    picked = tuple(story(number, kicker="Skills stories") for number in range(2))
    made = render(selection(groups=(Group(key="Skills stories", stories=picked),)))
    assert shown(made.html).count("Skills stories") == 1
    assert made.text.count("SKILLS STORIES") == 1


def test_late_stories_have_their_own_heading():
    """What arrived late is announced as what it is."""
    late = LateGroup(period=parse("2022-01", ZURICH), stories=(story(4),))
    made = render(selection(*stories(2), late=(late,)))
    assert "Also from January" in shown(made.html)
    assert "ALSO FROM JANUARY" in made.text
    assert re.findall(r"<h(\d)", made.html) == ["1", "2", "2", "2", "3"]


def test_what_was_over_the_limit_is_counted_and_linked():
    """`and N more` leads to the audience's page, or the newsroom's; without either it is only said."""
    made = render(selection(story(0), more=7))
    assert 'href="https://www.harbour.example/newsroom"' in made.html
    assert "And 7 more stories on our website" in made.text
    own = render(selection(story(0), more=7), audience=replace(AUDIENCE, more_url="https://a.example/all"))
    assert "https://a.example/all" in own.html
    assert "https://a.example/all" in own.text
    none = render(selection(story(0), more=1), newsroom=replace(NEWSROOM, url=""))
    assert "And 1 more story on our website" in shown(none.html)


def test_a_long_edition_opens_with_its_contents():
    """More than six stories get a contents list, with titles linked where they have a link."""
    assert "In this issue" not in shown(render(selection(*stories(6))).html)
    made = render(selection(*stories(7)), preheader="P")
    assert "In this issue" in shown(made.html)
    assert "IN THIS ISSUE" in made.text
    assert shown(made.html).count(TITLES[0]) == 4  # list and headline, of two stories with this title


def test_the_footer_has_what_a_mail_must_say():
    """Media contact, why you get this, the way out, the web page, and the postal address, in both parts."""
    made = render(selection(story(0)), archive_url="https://www.harbour.example/digest/2022-02")
    for part in (shown(made.html), made.text):
        for words in ("Media contact", "press@harbour.example", "subscribed to “All harbour news”", "Unsubscribe",
                      "View in browser", "Quay 4", "CH-1200 Geneva"):  # fmt: skip
            assert words in part, words
    assert 'href="mailto:press@harbour.example"' in made.html
    assert 'href="https://www.harbour.example/digest/2022-02"' in made.html
    assert "https://www.harbour.example/digest/2022-02" in made.text
    assert "View in browser" not in render(selection(story(0))).html
    own = render(selection(story(0)), audience=replace(AUDIENCE, contact="skills@harbour.example"))
    assert "mailto:skills@harbour.example" in own.html


def test_the_page_says_its_language_and_direction():
    """Language and direction stand on the page and on a story that differs; Arabic is mirrored."""
    made = render(selection(story(0), story(1, language="ar", title="خبر", summary="كلمة")))
    assert re.search(r'<html lang="en" dir="ltr"', made.html)
    assert made.html.count('lang="ar" dir="rtl"') == 2
    arabic = render(selection(story(0), language="ar"))
    assert arabic.direction == "rtl"
    assert re.search(r'<html lang="ar" dir="rtl"', arabic.html)
    assert "text-align:left" not in re.sub(r"<div class=\"mj-[^>]*>", "", arabic.html)


def test_a_language_without_words_is_said():
    """Dutch has no catalogue here: dates are Dutch, words are English, and a finding says what to add."""
    made = render(selection(story(0), language="nl"))
    assert codes(made) == ["words-missing"]
    assert "templates/locale/nl.yaml" in made.findings[0].message
    assert "10 februari 2022" in made.html


def test_words_that_a_language_lacks_are_said(tmp_path):
    """A catalogue in part: the mail's missing words are a warning, those of public pages a note, each by its key."""
    folder = tmp_path / "locale"
    folder.mkdir()
    english = theme().catalogues["en"]
    words = {key: value for key, value in english.items() if key not in ("photo", "stories", "page_left")}
    (folder / "nl.yaml").write_text(yaml.safe_dump(words))
    partly, picked = load_theme([tmp_path], options := ThemeOptions()), selection(story(0), language="nl-BE")
    made = compose(picked, theme=partly, newsroom=NEWSROOM, audience=AUDIENCE, options=options, now=NOW)
    assert [(finding.severity, finding.message) for finding in made.findings] == [
        ("warning", "the mail says stories, photo in English; add them to templates/locale/nl-BE.yaml"),
        ("info", "the public pages say page_left in English; add it to templates/locale/nl-BE.yaml"),
    ]
    assert partly.wording("nl").count("stories", 1) == "1 story"


def test_credits_are_kept_out_of_alternative_texts():
    """A photo's credit stands beneath it, isolated in its own direction; alt says what the photo shows, or nothing."""
    photo = "https://img.example/1.jpg"
    made = render(selection(story(0, image=photo, image_alt="A welder"), story(3, image=photo)))
    assert re.findall(r'alt="([^"]*)"', made.html) == ["A welder", ""]
    assert made.html.count('<span dir="auto">© Ana Lúcia / Harbour</span>') == 2
    assert made.text.count("Photo: © Ana Lúcia / Harbour") == 2
    assert "Photo:" not in shown(render(selection(story(0))).html)


def test_nothing_is_loaded_but_images():
    """No font, style sheet, script or tracker: without images the mail asks nobody for anything."""
    made = render(selection(*stories(7)))
    assert not re.search(r"<(link|script|iframe|object|embed|form|base)\b|@import|@font-face|url\(", made.html)
    assert "<img" not in made.html


def test_a_mail_too_large_ends_in_titles():
    """Over the limit the tail becomes titles with links, as few as needed, and the build says so (FAULTS 7)."""
    many = stories(60)
    full = render(selection(*many))
    assert full.cut == 0
    options = ThemeOptions(size_limit=60 * 1024)
    made = render(selection(*many), options)
    assert 0 < made.cut < 60
    # A reader's own link and address are longer than what stands for them, and must fit too.
    filled = fill_html(made.html, made.nonce, dict.fromkeys(made.slots, f"https://leave.example.org/u/{'x' * 200}"))
    assert len(filled.encode()) <= options.size_limit
    assert codes(made) == ["size-cut"]
    assert f"the last {made.cut} stories are title and link only" in made.findings[0].message
    assert shown(made.html).count("Twelve dockers") == sum(n % 5 == 0 for n in range(60 - made.cut))
    assert all(f'href="https://www.harbour.example/news/{n}"' in made.html for n in range(60) if n % 4 != 2)
    one_more = render(selection(*many[: 60 - made.cut]), options)
    assert one_more.cut == 0


def test_a_mail_that_cannot_be_made_small_enough_is_an_error():
    """When even titles are too many, that is said as an error."""
    assert codes(render(selection(*stories(60)), ThemeOptions(size_limit=8 * 1024))) == ["size-cut", "size-over"]


def test_bytes_are_counted_per_story():
    """Each story's share of the HTML is known, and together they are no more than the whole."""
    made = render(selection(story(0), story(1, image="https://img.example/1.jpg"), story(2, summary="é" * 5000)))
    sizes = dict(made.bytes_per_story)
    assert set(sizes) == {"2022-02-10-story-0", "2022-02-11-story-1", "2022-02-12-story-2"}
    assert sizes["2022-02-12-story-2"] > 10_000
    assert sum(sizes.values()) < len(made.html.encode())
    assert all(size > 500 for size in sizes.values())


@pytest.mark.parametrize("end", ["{{ '' if loop.last else '|' }}", "{% if not loop.last %}|{% endif %}"])
def test_a_storys_bytes_are_its_own_where_the_template_looks_ahead(end):
    """What asks a loop for its end takes the next story out of it; what was written before is not the next one's."""
    tally, environment = StoryCount(), ThemeEnvironment(escape=True)
    listed = [SimpleNamespace(id=f"s{number}", title="t" * number) for number in (1, 20, 300)]
    source = "{% for story in stories %}<p>{{ story.title }}</p>" + end + "{% endfor %}"
    template = environment.template(environment.guarded(source, "t"))
    run(template, {"stories": StoryList(listed, tally)}, whole("t"), tally.parts)
    assert tally.sizes() == {"": 0, "s1": 8, "s20": 28, "s300": 308}


def test_an_editions_nonce_is_the_hash_that_it_was():
    """Of all that goes in, as one list: another way to make it would void approvals of the same mail."""
    one = story(0)
    made = render(selection(one))
    said = (theme().hash, made.edition.id, NEWSROOM, AUDIENCE, "", [content_hash((one, ""))])
    assert made.nonce == content_hash(said)[:20]


def test_a_template_error_names_the_partial(tmp_path):
    """A theme that fails on this content says which file and line."""
    from digest.composer.compose import compose
    from digest.composer.files import builtin
    from digest.composer.theme import load_theme

    partial = (
        (builtin() / "default" / "story.mjml.j2").read_text().replace("{{ story.kicker }}", "{{ story.kickr }}", 1)
    )
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "story.mjml.j2").write_text(partial)
    made = load_theme([tmp_path], ThemeOptions())
    with pytest.raises(RenderError, match=r"default/story\.mjml\.j2:8: .*kickr"):
        compose(
            selection(story(1)), theme=made, newsroom=NEWSROOM, audience=AUDIENCE, options=ThemeOptions(),
            now=datetime(2022, 3, 1, tzinfo=ZURICH),
        )  # fmt: skip


def test_a_late_hour_is_still_the_same_day():
    """A story of 23:30 UTC on the 13th is of the 14th in Zurich, and shown so."""
    from datetime import UTC

    made = render(selection(story(0, date=datetime(2022, 2, 13, 23, 30, tzinfo=UTC), date_only=False)))
    assert "14 February 2022" in made.html


def test_dates_can_be_left_out():
    """With `dates: false` no story shows one."""
    assert "10 February" not in render(selection(story(0)), ThemeOptions(dates=False)).html


@pytest.mark.parametrize("look", ["default", "quiet"])
@pytest.mark.parametrize("said", [{"credit": "© Ana"}, {"kicker": "Series", "credit": "© Ana"}, {"kicker": "Series"}])
def test_a_dot_stands_only_between_two_things(look, said):
    """Whatever of series, date and credit is left out."""
    made = render(selection(story(**({"credit": "", "kicker": ""} | said))), ThemeOptions(name=look, dates=False))
    assert not re.search(r"<p[^>]*>\s*·|·\s*</p>", made.html)


@pytest.mark.parametrize("look", ["default", "quiet"])
def test_a_story_may_say_the_words_of_its_link(look):
    """`read: Watch the film` stands in both parts, on the lead for the theme's; never where there is no link."""
    film = {"read": "Watch the film", "link": "https://www.harbour.example/film"}
    picked = selection(story(0, **film), story(1, **film), story(2, read="Listen", link=""), story(3))
    made = render(picked, ThemeOptions(name=look))
    links = re.findall(r'<a href="https://www.harbour.example/film" aria-label="([^"]+)"[^>]*>([^<]+)</a>', made.html)
    assert links == [(f"Watch the film: {each.title}", "Watch the film") for each in picked.stories[:2]]
    assert re.findall(r"Watch the film\s\[(\d+)\]", made.text) == ["1", "2"]
    assert "Listen" not in made.html + made.text
    assert "Read the story" not in made.html
    rows = render(picked, ThemeOptions(name=look, layout="list"))
    assert rows.text.count("Watch the film") == 1


@pytest.mark.parametrize("name", ["default", "quiet"])
@pytest.mark.parametrize(("language", "side"), [("en", "left"), ("ar", "right")])
def test_a_lists_marks_have_room_in_outlook(name, language, side):
    """Word, which draws mails there, knows no padding of a list: without a margin its marks are outside of the page."""
    html = render(selection(story(0, summary="- one"), language=language), ThemeOptions(name=name)).html
    (outlook,) = re.findall(r"<!--\[if mso\]><style>(.*?)</style>", html)
    assert f".summary li {{ margin-{side}: " in outlook


@pytest.mark.parametrize("name", ["default", "quiet"])
def test_what_gmail_drops_takes_nothing_along(name):
    """A style sheet whose selectors name attributes may go as a whole; none with what phones need is among these."""
    blocks = (LetterBlock(text="Hello."),)
    html = render(replace(selection(story(0)), issue=Issue(blocks=blocks)), ThemeOptions(name=name)).html
    sheets = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)
    assert any("@media" in sheet for sheet in sheets)
    assert not [sheet for sheet in sheets if "@media" in sheet and "[" in sheet]
