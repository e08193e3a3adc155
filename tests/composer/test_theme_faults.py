"""A theme's mistakes are said with file and line before anything is compiled."""

from __future__ import annotations

import shutil

import pytest
from msgspec.structs import replace

from digest.composer.compile import check_theme, compile_theme
from digest.composer.files import builtin, gather, themes
from digest.composer.lint import lint
from digest.composer.mjml_table import ELEMENTS
from digest.composer.options import ThemeOptions
from digest.composer.theme import load_theme
from digest.errors import ThemeError

SECTION = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


def faults(text):
    return [
        f"{fault.line}: {fault.message}" for fault in lint(text, lambda offset: ("t", text.count("\n", 0, offset) + 1))
    ]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("<mj-txt>x</mj-txt>", "<mj-txt> is no MJML element, did you mean 'mj-text'?"),
        ('<mj-text colour="#fff">x</mj-text>', "<mj-text> takes no colour, did you mean 'color'?"),
        ('<mj-text align="middle">x</mj-text>', "align of <mj-text> is 'middle'; it takes left or right or center"),
        ('<mj-text font-size="13">x</mj-text>', "it takes pixels, like 20px"),
        ('<mj-text padding="1em">x</mj-text>', "it takes one to four sizes, like 10px 24px"),
        ('<mj-text color="#12">x</mj-text>', "a colour is written like #1e2dbe"),
        ('<mj-text color="#fff" color="#000">x</mj-text>', "has color twice"),
        ("<mj-text align>x</mj-text>", 'align of <mj-text> has no value; write align="…"'),
        ("<mj-image />", "<mj-image> needs alt"),
        ("<mj-section></mj-section>", "<mj-section> may not stand in <mj-column>; it belongs in <mj-body> or <mj-"),
        ("<mj-text>x", "<mj-text> is not closed; </mj-text> is missing"),
        ("</mj-button>", "</mj-button> closes nothing; remove it"),
        ("<mj-divider></mj-column>", "<mj-divider> is not closed before </mj-column>"),
        ("words", "text between MJML's elements ('words'); put it into <mj-text>"),
        ("jx0xj", "a Jinja tag between MJML's elements; put it into <mj-raw>"),
        ("<!-- x -->", "MJML's compiler stops at a comment here"),
        ("<mj-text><p jx0xj>x</p></mj-text>", "may stand only between the quotes of an attribute"),
        ("<mj-text jx0xj>x</mj-text>", "a Jinja tag may stand in an attribute's value, not beside it"),
        ('<mj-image alt="" width="jx0xj" />', "width of <mj-image> is worked out when the theme is compiled"),
        ("<mj-raw><script>x</script></mj-raw>", "no mail program runs scripts"),
        ('<mj-raw><link rel="stylesheet" href="x"></mj-raw>', "a mail loads no style sheets"),
        ("<mj-text>a < b</mj-text>", "this < begins no tag; write &lt;"),
        ("<mj-text><p><b>x</p></mj-text>", "<b> is not closed in this <mj-text>"),
        ("<mj-text>x</div></mj-text>", "</div> closes nothing in this <mj-text>"),
        ("<mj-text>a</mj-text", "is not closed"),
        ("<mj-raw><div></mj-raw>", "<div> is not closed in this <mj-raw>"),
        ("<mj-raw><!-- x</mj-raw>", "this comment has no end (-->)"),
        ("<mj-raw><!-- a -- b --></mj-raw>", "a comment may not have -- in it"),
        (
            "<mj-raw><!--[if mso]>x<![endif]-- ><!-- y --></mj-raw>",
            "Outlook's conditions are written <!--[if mso]>…<![en",
        ),
        ("<mj-raw><!--[if mso>x<![endif]--></mj-raw>", "Outlook's conditions are written <!--[if mso]>…<![endif]-->"),
    ],
)
def test_mistakes_are_named(inside, message):
    """Unknown elements and attributes, wrong nesting, values and places: each is said, with what would be right."""
    found = faults(SECTION.format("\n" + inside))
    assert any(message in fault for fault in found), found
    assert found[0].startswith("2: ")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("<mj-style>a { color: red</mj-style>", "the braces of this style sheet do not match"),
        ("<mj-style>@import 'x.css';</mj-style>", "a mail loads no style sheets"),
        ("<mj-style>@font-face { src: url(x) }</mj-style>", "a mail loads no fonts"),
        ('<mj-font name="Inter" href="https://f.example/inter.css" />', "a mail loads no fonts"),
        ('<mj-attributes><mj-text siez="1px" /></mj-attributes>', "<mj-text> takes no siez"),
        ("<mj-attributes><mj-nothing /></mj-attributes>", "<mj-nothing> is no MJML element"),
    ],
)
def test_heads_are_judged_too(head, message):
    """Style sheets and defaults have rules of their own; nothing is loaded from elsewhere (FAULTS 62)."""
    found = faults(f"<mjml><mj-head>{head}</mj-head><mj-body></mj-body></mjml>")
    assert any(message in fault for fault in found), found


def test_every_element_is_known_to_take_what_it_takes():
    """The table agrees with itself: every child is an element, every required attribute is one it takes."""
    for name, element in ELEMENTS.items():
        assert element.children <= set(ELEMENTS), name
        assert set(element.required) <= set(element.attributes), name
        assert element.computed <= set(element.attributes) | {
            "border",
            "border-left",
            "border-right",
            "padding",
            "padding-left",
            "padding-right",
            "width",
        }, name


@pytest.fixture
def folder(tmp_path):
    """A newsroom's templates/ with a copy of the default theme in it."""
    shutil.copytree(builtin() / "default", tmp_path / "default")
    return tmp_path


def change(folder, name, old, new):
    path = folder / "default" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def messages(folder, options=ThemeOptions()):  # noqa: B008 - frozen
    return [str(fault).replace(str(folder), "T") for fault in check_theme([folder], options)]


def test_our_own_themes_have_no_faults():
    """Every theme that comes with digest compiles."""
    assert {"default", "quiet"} <= set(themes([]))
    assert {name: check_theme([], ThemeOptions(name=name)) for name in themes([])} == {name: [] for name in themes([])}


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("footer.mjml.j2", "css-class", "css-clas", "footer.mjml.j2:2: css-clas: <mj-section> takes no css-clas"),
        ("lead.mjml.j2", "{% set photo_width = 640 %}", "{% set photo_width = %}", "lead.mjml.j2:1: "),
        (
            "theme.mjml.j2",
            "{% endif %}{% for group",
            "{% for group",
            "theme.mjml.j2:10: {% if edition.contents %} is not",
        ),
        ("theme.mjml.j2", 'path="head.mjml.j2"', 'path="haed.mjml.j2"', "theme.mjml.j2:4: the theme has no file haed"),
        ("theme.mjml.j2", 'path="head.mjml.j2"', 'path="../../../etc/passwd"', "the theme has no file ../../../etc"),
        ("head.mjml.j2", "<mj-raw>", '<mj-include path="head.mjml.j2" />\n<mj-raw>', "head.mjml.j2 includes itself"),
        ("story.mjml.j2", "{{ story.title }}", "{{ story.title|sfae }}", "story.mjml.j2:5: No filter named 'sfae'"),
        ("story.mjml.j2", "{{ story.title }}", "{{ story.__class__ }}", "story.mjml.j2:5: __class__ is private"),
        ("story.mjml.j2", "{{ story.title }}", "{% include 'x' %}", "story.mjml.j2:5: templates are not put together"),
        ("text.txt.j2", "{% endfor %}", "{% endfro %}", "text.txt.j2:"),
        (
            "theme.mjml.j2",
            'padding="0 24px"',
            'padding="{%0 24px"',
            "theme.mjml.j2:19: the tag that begins here is not closed",
        ),
        ("masthead.mjml.j2", "{% if theme.logo %}", "{% if theme.logo", "masthead.mjml.j2:7: "),
        ("theme.yaml", '"#14161c"', '"ink"', "theme.yaml:5: colors.ink: give two colours"),
        ("theme.yaml", '"#5b6070"', '"#c0c0c0"', "soft on sheet: #c0c0c0 on #ffffff has a contrast of 1.8"),
        ("theme.yaml", "ink on sheet", "ink on shete", "'shete' is no colour, did you mean 'sheet'?"),
        ("section.mjml.j2", "<mj-text><h2", "<mj-text><h2><", "section.mjml.j2:4: this < begins no tag"),
    ],
)
def test_mistakes_in_files_are_named_where_they_are(folder, name, old, new, message):
    """Whatever is wrong in a partial, in theme.yaml or in the text template: that file and line are said."""
    change(folder, name, old, new)
    found = messages(folder)
    assert any(message in fault for fault in found), found


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("<mj-raw>{% if story.link %}</mj-raw>", "part.mjml.j2:2: {% if story.link %} is not closed; {% endif %} is"),
        ("<mj-raw>{% for x in y %}</mj-raw>", "part.mjml.j2:2: {% for x in y %} is not closed; {% endfor %} is"),
        ("<mj-raw>{% endif %}</mj-raw>", "part.mjml.j2:2: {% endif %} closes nothing; remove it"),
    ],
)
def test_a_block_that_an_include_leaves_open_is_named_there(folder, added, message):
    """Though the includer's own block would close it, it is the include's file and line that are said."""
    (folder / "default" / "part.mjml.j2").write_text(f"{{# a part #}}\n{added}\n")
    part = '<mj-raw>{% if edition.more %}</mj-raw>\n<mj-include path="part.mjml.j2" />\n<mj-raw>{% endif %}</mj-raw>\n'
    change(
        folder, "theme.mjml.j2", '<mj-include path="footer.mjml.j2" />', f'{part}<mj-include path="footer.mjml.j2" />'
    )
    (found,) = messages(folder)
    assert message in found


def test_a_block_may_be_opened_in_one_file_and_closed_in_another(folder):
    """Two parts that belong together are no fault, even where another file has one."""
    (folder / "default" / "begin.mjml.j2").write_text("<mj-raw>{% if edition.more %}</mj-raw>\n")
    (folder / "default" / "end.mjml.j2").write_text("<mj-raw>{% endif %}</mj-raw>\n")
    both = '<mj-include path="begin.mjml.j2" />\n<mj-include path="end.mjml.j2" />\n'
    change(
        folder, "theme.mjml.j2", '<mj-include path="footer.mjml.j2" />', f'{both}<mj-include path="footer.mjml.j2" />'
    )
    assert messages(folder) == []


def test_a_breakdown_of_the_mjml_compiler_is_a_fault_of_the_theme(monkeypatch):
    """It is written in Rust, whose panics are no Exception: what the lint lets through is one line all the same."""
    monkeypatch.setattr("digest.composer.compile.lint", lambda *_: [])
    found = gather([], "default")
    head = found.files["head.mjml.j2"]
    broken = replace(head, text=head.text.replace("<![endif]-->", "<![endif]--"))
    with pytest.raises(ThemeError, match="MJML cannot read this: its compiler broke down"):
        compile_theme(replace(found, files={**found.files, "head.mjml.j2": broken}), ThemeOptions())


def test_an_unknown_theme_is_offered_a_name():
    """A theme that is not there is a ThemeError that names those that are."""
    with pytest.raises(ThemeError, match="there is no theme of this name, did you mean 'quiet'"):
        load_theme([], ThemeOptions(name="quite"))


def test_a_template_that_is_not_utf8_is_named_with_its_line(folder):
    """Latin-1 in a template is said with the line on which it stands."""
    path = folder / "default" / "footer.mjml.j2"
    path.write_bytes(b"{# one #}\n{# caf\xe9 #}\n" + path.read_bytes())
    assert messages(folder)[0].endswith("default/footer.mjml.j2:2: this is not UTF-8; save it as UTF-8")


@pytest.mark.parametrize("name", ["text.txt.j2", "footer.mjml.j2", "theme.yaml"])
def test_two_versions_that_git_left_in_a_theme_are_named_with_their_line(folder, name):
    """Between two sections they broke nothing: the marks and both versions were mailed."""
    path = folder / "default" / name
    text = path.read_text()
    path.write_text(f"{text}<<<<<<< HEAD\n=======\n>>>>>>> spring\n")
    mark = "<<<<<<< is git's mark of a conflict; keep one version, and take the marks out"
    [message] = messages(folder)
    assert message.endswith(f"default/{name}:{len(text.splitlines()) + 1}: {mark}")


def test_a_catalogue_with_an_unknown_word_is_refused(tmp_path):
    """A newsroom's own words are laid over ours; a key that no theme uses is a mistake, with did-you-mean."""
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "en.yaml").write_text("media_contcat: Press\n")
    [fault] = check_theme([tmp_path], ThemeOptions())
    assert "en.yaml:1: media_contcat: is no word of the themes, did you mean 'media_contact'?" in str(fault)


def test_a_catalogue_with_an_unknown_placeholder_is_refused(tmp_path):
    """What stands in braces is one of the values that the English text has, in every plural form."""
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "it.yaml").write_text(
        "why: Da {titel}\nstories: {one: una, other: '{n} di {m}'}\nview: '{}'\n"
    )
    faults = [str(fault) for fault in check_theme([tmp_path], ThemeOptions())]
    assert [fault.partition("it.yaml:")[2] for fault in faults] == [
        "1: why: {titel} stands for nothing here, did you mean 'title'?",
        "2: stories: {m} stands for nothing here; known here: n",
    ]


def test_a_newsrooms_words_and_files_stand_over_ours(tmp_path):
    """One word and one partial are enough: everything else stays ours."""
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "en.yaml").write_text("media_contact: Press office\n")
    (tmp_path / "locale" / "nl.yaml").write_text("media_contact: Perscontact\n")
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "contents.mjml.j2").write_text("")
    made = load_theme([tmp_path], ThemeOptions())
    assert made.wording("en").say("media_contact") == "Press office"
    assert made.wording("en").say("unsubscribe") == "Unsubscribe"
    assert made.wording("nl").say("media_contact") == "Perscontact"
    assert made.wording("nl").say("unsubscribe") == "Unsubscribe"
    assert not made.wording("nl").missing
