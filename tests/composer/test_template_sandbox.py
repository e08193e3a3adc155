"""Templates may be anyone's: they cannot reach Python, work without end, or fail without a line (FAULTS 17, 21)."""

from __future__ import annotations

import tracemalloc

import pytest
from jinja2 import TemplateSyntaxError
from markupsafe import Markup

from digest.composer.files import SourceMap, whole
from digest.composer.sandbox import ThemeEnvironment, run
from digest.errors import RenderError


def render(source, **values):
    environment = ThemeEnvironment(escape=True)
    return run(environment.template(environment.guarded(source, "t")), values, whole("templates/t.j2"), [])


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(10**8) %}{% endfor %}",
        "{% for i in range(9000) %}{% for j in range(9000) %}{% endfor %}{% endfor %}",
        "{% for i in range(9000) %}{% for j in range(9000) %}{{ text }}{% endfor %}{% endfor %}",
        "{% macro a(n) %}{{ a(n) }}{% endmacro %}{{ a(1) }}",
        "{% macro a(n) %}{% if n %}{{ a(n-1) }}{{ a(n-1) }}{% endif %}{% endmacro %}{{ a(60) }}",
        "{% set ns = namespace(s='xxxxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='xxxxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s]|join %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s|replace('x', 'xx') %}{% endfor %}",
        "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}",
        "{% macro d() %}{% for i in range(999) %}{{ text }}{{ text }}{% endfor %}{% endmacro %}{{ d() }}{{ d() }}",
        "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% set n = namespace(s=(1, 2)) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% set s = [1] %}{% for i in range(60) %}{% set x = s.extend(s) %}{% endfor %}",
        "{{ 'x' * 10**9 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ [1]|batch(10**9, 'x')|list }}",
        "{{ [1]|slice(10**9, 'x')|list }}",
        "{{ 'x'.ljust(10**9) }}",
        "{{ 'x'.format() }}",
    ],
)
def test_endless_work_ends_with_an_error(source):
    """Loops, recursion, doubling and padding stop within the budget, and the error names file and line."""
    with pytest.raises(RenderError, match=r"^templates/t\.j2:2: "):
        render("\n" + source, text="x" * 10_000)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ x|attr('__class__') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ namespace.__init__ }}",
        "{{ x.__class__.__mro__ }}",
        "{% set _budget = namespace() %}",
        "{{ _budget }}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{{ x|safe }}",
        "{{ lipsum() }}",
        "{{ self._TemplateReference__context }}",
    ],
)
def test_there_is_no_way_out(source):
    """Private names, other files, and filters that switch escaping off are refused before or while rendering."""
    with pytest.raises((RenderError, TemplateSyntaxError)):
        render(source, x="text")


def test_undefined_names_are_errors_with_their_line():
    """A name that is not there is never an empty text (StrictUndefined)."""
    with pytest.raises(RenderError, match=r"^templates/t\.j2:3: 'storyy' is undefined$"):
        render("one\ntwo\n{{ storyy.title }}")


def test_a_line_is_traced_to_its_own_file():
    """When a template was put together from files, the error names the one that a person wrote."""
    environment = ThemeEnvironment(escape=True)
    template = environment.template(environment.guarded("a\n{{ 1 / 0 }}", "t"))
    places = SourceMap(starts=(1, 2), files=("a.j2", "b.j2"), lines=(7, 31))
    with pytest.raises(RenderError, match=r"^b\.j2:31: division by zero$"):
        run(template, {}, places, [])


def test_values_are_escaped_and_never_evaluated():
    """Braces in a value are text, and so are tags."""
    assert render("{{ x }}|{{ x ~ '<' }}", x="{{ 7*7 }}<b>") == "{{ 7*7 }}&lt;b&gt;|{{ 7*7 }}&lt;b&gt;&lt;"


def test_what_is_joined_is_escaped_once_where_it_is_written():
    """`~` makes words until markup is among its parts, as in Jinja: a filter sees what people wrote, not entities."""
    source = "{{ (x ~ '&')|length }} {{ (x ~ '<')|upper }} {% set m %}<i>{% endset %}{{ m ~ x ~ 7 }}"
    assert render(source, x="é&") == "3 É&amp;&lt; <i>é&amp;7"


def test_everything_stands_where_it_was_written():
    """Pieces, loops, macros, blocks and what a name was set to come in the order of the template."""
    source = (
        "a{{ x }}{% for y in [1, 2] %}{{ loop.index }}{{ y }}{{ '' if loop.last else '-' }}{% endfor %}"
        "{% for y in 'bc'.split('|') %}{{ y }}{% if y %}d{% endif %}{% endfor %}{% macro m(z) %}<{{ z }}>"
        "{% endmacro %}e{{ m('f') }}{% block t %}[{{ x }}{% for y in [1, 2] %}{{ y }}{% endfor %}]{% endblock %}g"
        "{{ self.t() }}{% set s %}h{{ x }}{% endset %}{{ s }}{% filter upper %}i{{ x }}{% endfilter %}"
    )
    assert render(source, x="1") == "a111-22bcde<f>[112]g[112]h1I1"


def test_a_fault_among_pieces_has_its_own_line():
    """What stands between two tags is written at once, and yet the line of a fault is that of its value."""
    with pytest.raises(RenderError, match=r"^templates/t\.j2:4: division by zero$"):
        render("one {{ x }}\ntwo {{ x }}\nthree\n{{ 1 / 0 }} {{ x }}", x="x")


def test_what_a_loop_has_not_is_said():
    """`loop` is one of the values that are known."""
    with pytest.raises(RenderError, match=r"^templates/t\.j2:2: loop has no 'frist', did you mean 'first'\?$"):
        render("{% for x in [1] %}{{ loop.first }}\n{{ loop.frist }}{% endfor %}")


BIG = (  # eight million characters, and the same as markup
    "{% set n = namespace(s='&<xxxxxx') %}{% for i in range(20) %}{% set n.s = n.s + n.s %}{% endfor %}"
    "{% set m %}{{ n.s|replace('&<', 'xx') }}{% endset %}"
)


@pytest.mark.parametrize(
    "source",
    [
        "{{ m }}" * 300,
        "{{ m }}{% if true %}{% endif %}" * 300,
        "{% macro a() %}" + "{{ m }}" * 300 + "{% endmacro %}{{ a() }}",
        "{% set w %}" + "{{ m }}" * 300 + "{% endset %}{{ w|length }}",
        "{{ (" + "m ~ n.s ~ " * 100 + "m)|length }}",
        "{{ '" + "{a}" * 300 + "'|fill(a=m) }}",
    ],
)
def test_what_is_too_long_is_never_put_together(source):
    """A large text may be had many times for nothing; where it is written, it is counted before it is copied."""
    tracemalloc.start()
    try:
        with pytest.raises(RenderError, match=r"this makes more than 16 MB of text$"):
            render(BIG + source)
        assert tracemalloc.get_traced_memory()[1] < 300_000_000
    finally:
        tracemalloc.stop()


def test_words_are_filled_in_once():
    """Nothing is read into a value, and a value that is not asked for is not looked at."""
    source = (
        "{{ w|fill(a=x) }}|{{ '{a}{b}{c}'|fill(a=x, b=y) }}|{{ '{x{a}}'|fill(a='y', xy='z') }}|{{ 'no'|fill(a=u) }}"
    )
    values = {"w": Markup("<b>{a}</b>"), "x": "{b}", "y": "<"}
    assert render(source, **values) == "&lt;b&gt;{b}&lt;/b&gt;|{b}&lt;{c}|{xy}|no"


def test_honest_work_is_not_hindered():
    """What themes need works: arithmetic, joining, slicing, loops with their helpers, macros."""
    source = (
        "{% macro m(a) %}[{{ a }}]{% endmacro %}{% for x in xs %}{{ loop.index }}{{ m(x) }}{{ ',' if not loop.last }}"
        "{% endfor %}{{ 2 ** 10 + 1 }}{{ 'a b'.split(' ')|join('-') }}{{ xs[1:]|length }}{{ {'k': 1}.items()|list }}"
    )
    assert render(source.replace("not loop.last", "not loop.last else ''"), xs=["a", "b"]) == (
        "1[a],2[b]1025a-b1[(&#39;k&#39;, 1)]"
    )
