"""What a template puts out is escaped as Jinja escapes it, whatever was put out before."""

from __future__ import annotations

from datetime import UTC, datetime

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from digest.composer.files import whole
from digest.composer.sandbox import ThemeEnvironment, run
from digest.errors import RenderError

THEIRS = jinja2.Environment(autoescape=True)
OURS = ThemeEnvironment(escape=True)
PLAIN = "{{ it }}|{{ it ~ '<' ~ it }}|{% for one in [it, it] %}{{ one }}{% endfor %}|{{ {'it': it}.it }}"


class Coy:
    """A value that says itself how it looks in HTML."""

    def __html__(self):
        return "<i>"

    def __str__(self):
        return "<s>"


def ours(source, **values):
    return run(OURS.template(OURS.guarded(source, "x")), values, whole("x"), [])


TEXTS = st.one_of(st.text("<>&'\"a é", max_size=8), st.sampled_from(["1", "True", "1.0"]))


@given(st.lists(st.one_of(TEXTS, TEXTS.map(Markup), st.integers(), st.booleans(), st.floats()), max_size=6))
def test_every_value_is_escaped_as_jinja_does_it(values):
    """Texts, markup and numbers come out as from Jinja itself, in any order, equal ones of another kind among them."""
    theirs = THEIRS.from_string(PLAIN)
    assert [ours(PLAIN, it=value) for value in values] == [theirs.render(it=value) for value in values]


def test_a_text_that_is_equal_to_markup_is_still_escaped():
    """Markup goes out as it is, and an equal text right after it does not."""
    assert ours("{{ a }} {{ b }} {{ a }}", a=Markup("<b>"), b="<b>") == "<b> &lt;b&gt; <b>"


def test_a_value_that_speaks_html_is_asked():
    """A value with a form of its own in HTML is put out in it."""
    assert ours("{{ it }}", it=Coy()) == "<i>"


@pytest.mark.parametrize("name", ["items", "keys", "get"])
def test_a_word_that_is_called_as_a_method_of_dictionaries_is_the_method(name):
    """`words.items` is the method, as Jinja has it; `words['items']` is the word."""
    source = "{{ it." + name + " is callable }} {{ it['" + name + "'] }}"
    assert ours(source, it={name: "word"}) == THEIRS.from_string(source).render(it={name: "word"}) == "True word"


@pytest.mark.parametrize("call", ["it.format(1)", "it.center(9)", "it.zfill(9)", "it.split.__self__"])
def test_methods_of_texts_that_could_make_them_grow_stay_out_of_reach(call):
    """Calling a text's own methods has become quicker, and no other method has become one that may be called."""
    with pytest.raises((RenderError, jinja2.TemplateSyntaxError)):
        ours("{{ " + call + " }}", it="{0}")


def test_methods_that_may_be_called_take_a_step_of_the_budget(monkeypatch):
    """A call of a text's method counts as any other call does."""
    monkeypatch.setattr("digest.composer.sandbox.STEPS", 64)
    assert ours("{{ it.upper() }}", it="a") == "A"
    with pytest.raises(RenderError, match="steps"):
        ours("{{ it.upper() }}" * 64, it="a")


def test_the_moment_is_no_text():
    """A value without rules of its own is put out as its text, escaped."""
    assert ours("{{ it }}", it=datetime(2022, 2, 1, tzinfo=UTC)) == "2022-02-01 00:00:00+00:00"
